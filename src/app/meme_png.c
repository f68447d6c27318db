/* SPDX-License-Identifier: MIT */
/*
 * PNG, decoded.
 *
 * Owns    every call of libpng.
 * Never   writes to stderr; reads a colour profile, text or any chunk that has no
 *         pixels in it (those can be compressed bombs of their own).
 *
 * Errors  as in meme_jpeg.c: libpng's error callback leaves by longjmp, and all
 *         that must be released belongs to the caller of the function with the setjmp.
 *
 * Rows    are read one by one. An interlaced file needs all of its pixels at
 *         once; what that takes is checked first.
 */
#include "app/meme_png.h"

#include "app/meme_limits.h"

#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct job {
    const uint8_t *data;
    size_t bytes, at;
    const struct meme_options *opt;
    struct meme_rows *rows;
    struct meme_error *err;
    png_structp png;
    png_infop info;
    uint8_t *pixels; /* one row, or all of them when interlaced */
    jmp_buf jump;
    char text[160];
};

__attribute__((noreturn)) static void on_error(png_structp png, png_const_charp text)
{
    struct job *job = png_get_error_ptr(png);
    snprintf(job->text, sizeof job->text, "%s", text);
    longjmp(job->jump, 1);
}

static void on_warning(png_structp png, png_const_charp text)
{
    (void)png;
    (void)text;
}

static void on_read(png_structp png, png_bytep out, size_t wanted)
{
    struct job *job = png_get_io_ptr(png);
    if (wanted > job->bytes - job->at)
        png_error(png, "the file ends too early");
    memcpy(out, job->data + job->at, wanted);
    job->at += wanted;
}

/* Everything becomes 8-bit RGBA. */
static void ask_for_rgba(png_structp png)
{
    png_set_expand(png); /* palette, low depths, tRNS */
    png_set_scale_16(png);
    png_set_gray_to_rgb(png);
    png_set_add_alpha(png, 0xff, PNG_FILLER_AFTER);
}

static bool read_rows(struct job *job, uint32_t width, uint32_t height, int passes)
{
    size_t row_bytes = (size_t)width * 4;
    if (png_get_rowbytes(job->png, job->info) != row_bytes)
        return meme_fail(job->err, MEME_INTERNAL, "libpng did not turn the PNG into RGBA");
    job->pixels = passes > 1 ? calloc(height, row_bytes) : malloc(row_bytes);
    if (job->pixels == NULL)
        return meme_fail(job->err, MEME_OUT_OF_MEMORY, "not enough memory for the PNG's pixels");

    if (passes > 1) {
        for (int pass = 0; pass < passes; pass++)
            for (uint32_t y = 0; y < height; y++)
                png_read_row(job->png, job->pixels + y * row_bytes, NULL);
        for (uint32_t y = 0; y < height; y++)
            meme_rows_put(job->rows, job->pixels + y * row_bytes);
        return true;
    }
    for (uint32_t y = 0; y < height; y++) {
        png_read_row(job->png, job->pixels, NULL);
        meme_rows_put(job->rows, job->pixels);
    }
    return true;
}

static bool run(struct job *job)
{
    enum { MAX_CHUNK_BYTES = 1 << 20 }; /* ours: the largest that we read, a palette, has 768 */
    const struct meme_limits *limits = &job->opt->limits;
    if (setjmp(job->jump) != 0)
        return meme_fail(job->err, MEME_CORRUPT_IMAGE, "the PNG cannot be decoded: %s (at byte %zu)",
                         job->text, job->at);

    png_set_read_fn(job->png, job, on_read);
    /* Our own limits speak later, and in better sentences. */
    png_set_user_limits(job->png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_set_chunk_malloc_max(job->png, MAX_CHUNK_BYTES);
    png_set_keep_unknown_chunks(job->png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    png_read_info(job->png, job->info);
    uint32_t width = png_get_image_width(job->png, job->info),
             height = png_get_image_height(job->png, job->info);
    if (!meme_limits_check("PNG", width, height, limits, job->err))
        return false;

    ask_for_rgba(job->png);
    int passes = png_set_interlace_handling(job->png);
    if (passes > 1 &&
        !meme_limits_check_work("interlaced PNG", (uint64_t)width * height * 4, limits, job->err))
        return false;
    png_read_update_info(job->png, job->info);
    if (!meme_rows_init(job->rows, width, height, job->opt->max_output_side, job->err) ||
        !read_rows(job, width, height, passes))
        return false;
    png_read_end(job->png, NULL);
    return true;
}

bool meme_png_decode(const uint8_t *data, size_t bytes, const struct meme_options *opt,
                     struct meme_rows *rows, struct meme_error *err)
{
    struct job job = {.data = data, .bytes = bytes, .opt = opt, .rows = rows, .err = err};
    memset(rows, 0, sizeof *rows);
    /* These two return NULL instead of jumping when they fail. */
    job.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &job, on_error, on_warning);
    job.info = job.png != NULL ? png_create_info_struct(job.png) : NULL;
    bool ok = job.info != NULL ? run(&job)
                               : meme_fail(err, MEME_OUT_OF_MEMORY, "not enough memory to read the PNG");
    png_destroy_read_struct(&job.png, &job.info, NULL);
    free(job.pixels);
    return ok;
}
