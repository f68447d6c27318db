/* SPDX-License-Identifier: MIT */
/*
 * JPEG, decoded and encoded.
 *
 * Owns    every call of libjpeg.
 * Never   writes to stderr or exits: the library's error manager is replaced.
 *
 * Errors  libjpeg reports by a callback that must not return. Ours leaves by
 *         longjmp. For this to be safe everything that has to be released lives
 *         in a job struct that belongs to the caller of the function with the
 *         setjmp; that function itself keeps nothing but constants across calls.
 *
 * Trust   the file is hostile. Sizes are checked between header and decoder;
 *         libjpeg is told how much memory it may take for whole-picture buffers
 *         (progressive files) before it allocates them; the number of scans is
 *         bounded, since a few bytes of scan cost a pass over the whole picture.
 *         Damage that libjpeg would paper over with grey is an error here.
 */
#include "app/meme_jpeg.h"

#include "app/meme_limits.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

/* Ours: encoders write about ten scans, the most eager optimizers a few dozen. */
enum { MAX_SCANS = 64 };

/* The error manager comes first, so that libjpeg's pointer to it is a pointer to this. */
struct trap {
    struct jpeg_error_mgr manager;
    jmp_buf jump;
    enum meme_reason reason;
    char text[JMSG_LENGTH_MAX];
};

static enum meme_reason judge(int code)
{
    switch (code) {
    case JERR_OUT_OF_MEMORY:
        return MEME_OUT_OF_MEMORY;
    case JERR_NO_BACKING_STORE:
        return MEME_IMAGE_TOO_LARGE; /* max_memory_to_use would not do */
    case JERR_BAD_PRECISION:
    case JERR_SOF_UNSUPPORTED:
    case JERR_ARITH_NOTIMPL:
    case JERR_CONVERSION_NOTIMPL:
        return MEME_UNSUPPORTED_IMAGE;
    default:
        return MEME_CORRUPT_IMAGE;
    }
}

__attribute__((noreturn)) static void on_error(j_common_ptr info)
{
    struct trap *trap = (struct trap *)(void *)info->err;
    trap->reason = judge(trap->manager.msg_code);
    trap->manager.format_message(info, trap->text);
    if (trap->reason == MEME_IMAGE_TOO_LARGE) /* libjpeg speaks of a backing store here */
        snprintf(trap->text, sizeof trap->text, "a progressive one of this size takes too much memory");
    longjmp(trap->jump, 1);
}

/* Level -1 is a warning. Those that every viewer forgives, because no pixel is lost, are let pass. */
static void on_message(j_common_ptr info, int level)
{
    if (level >= 0)
        return;
    switch (info->err->msg_code) {
    case JWRN_ADOBE_XFORM:
    case JWRN_BOGUS_PROGRESSION:
    case JWRN_EXTRANEOUS_DATA:
    case JWRN_JFIF_MAJOR:
    case JWRN_TOO_MUCH_DATA:
        return;
    default:
        on_error(info);
    }
}

static void on_output(j_common_ptr info)
{
    (void)info;
}

static struct jpeg_error_mgr *trap_init(struct trap *trap)
{
    struct jpeg_error_mgr *manager = jpeg_std_error(&trap->manager);
    manager->error_exit = on_error;
    manager->emit_message = on_message;
    manager->output_message = on_output;
    return manager;
}

/* --- decode --- */

struct decode_job {
    struct jpeg_decompress_struct info; /* first: the progress monitor finds the job by it */
    struct jpeg_progress_mgr progress;
    struct trap trap;
    const uint8_t *data;
    size_t bytes;
    const struct meme_options *opt;
    struct meme_rows *rows;
    struct meme_error *err;
    uint8_t *row;
};

static void on_progress(j_common_ptr info)
{
    struct decode_job *job = (struct decode_job *)(void *)info;
    if (job->info.input_scan_number <= MAX_SCANS)
        return;
    job->trap.reason = MEME_CORRUPT_IMAGE;
    snprintf(job->trap.text, sizeof job->trap.text, "more than %d scans", MAX_SCANS);
    longjmp(job->trap.jump, 1);
}

/* The smallest of 1/8, 1/4, 1/2 and 1 that still leaves max_side pixels: these four are fast. */
static unsigned scale_eighths(uint32_t width, uint32_t height, uint32_t max_side)
{
    uint32_t longer = width > height ? width : height;
    unsigned eighths = 1;
    while (eighths < 8 && (uint64_t)longer * eighths / 8 < max_side)
        eighths *= 2;
    return eighths;
}

/*
 * CMYK to RGBA in place, without colour management: what is left of white after the
 * ink. Files with an Adobe marker hold the inks inverted, as all of Adobe's do.
 */
static void cmyk_row(uint8_t *row, uint32_t width, bool inverted)
{
    for (uint32_t x = 0; x < width; x++, row += 4) {
        uint32_t light[4];
        for (int i = 0; i < 4; i++)
            light[i] = inverted ? row[i] : 255u - row[i];
        for (int i = 0; i < 3; i++)
            row[i] = (uint8_t)((light[i] * light[3] + 127) / 255);
        row[3] = 255;
    }
}

static bool decode_rows(struct decode_job *job)
{
    struct jpeg_decompress_struct *info = &job->info;
    bool is_cmyk = info->out_color_space == JCS_CMYK;
    if (info->output_components != 4)
        return meme_fail(job->err, MEME_UNSUPPORTED_IMAGE, "the JPEG has %d colour components",
                         info->num_components);
    job->row = malloc((size_t)info->output_width * 4);
    if (job->row == NULL)
        return meme_fail(job->err, MEME_OUT_OF_MEMORY, "not enough memory for a row of the JPEG");
    if (!meme_rows_init(job->rows, info->output_width, info->output_height, job->opt->max_output_side,
                        job->err))
        return false;
    while (info->output_scanline < info->output_height) {
        jpeg_read_scanlines(info, &job->row, 1);
        if (is_cmyk)
            cmyk_row(job->row, info->output_width, info->saw_Adobe_marker);
        meme_rows_put(job->rows, job->row);
    }
    jpeg_finish_decompress(info); /* reads to the end: a missing EOI is found here */
    return true;
}

/* All that can longjmp. A failure of libjpeg is told from the trap, one of ours has filled job->err already. */
static bool decode_run(struct decode_job *job)
{
    struct jpeg_decompress_struct *info = &job->info;
    if (setjmp(job->trap.jump) != 0)
        return meme_fail(job->err, job->trap.reason, "the JPEG cannot be decoded: %s", job->trap.text);

    jpeg_create_decompress(info);
    job->progress.progress_monitor = on_progress;
    info->progress = &job->progress;
    jpeg_mem_src(info, job->data, job->bytes);
    jpeg_read_header(info, TRUE);
    if (!meme_limits_check("JPEG", info->image_width, info->image_height, &job->opt->limits, job->err))
        return false;
    if (info->num_components == 2 || info->num_components > 4)
        return meme_fail(job->err, MEME_UNSUPPORTED_IMAGE, "the JPEG has %d colour components",
                         info->num_components);

    info->mem->max_memory_to_use = (long)job->opt->limits.max_work_bytes;
    info->scale_num = scale_eighths(info->image_width, info->image_height, job->opt->max_output_side);
    info->scale_denom = 8;
    info->out_color_space = info->num_components == 4 ? JCS_CMYK : JCS_EXT_RGBA;
    jpeg_start_decompress(info);
    return decode_rows(job);
}

bool meme_jpeg_decode(const uint8_t *data, size_t bytes, const struct meme_options *opt,
                      struct meme_rows *rows, struct meme_error *err)
{
    struct decode_job job = {.data = data, .bytes = bytes, .opt = opt, .rows = rows, .err = err};
    memset(rows, 0, sizeof *rows);
    job.info.err = trap_init(&job.trap);
    bool ok = decode_run(&job);
    jpeg_destroy_decompress(&job.info);
    free(job.row);
    return ok;
}

/* --- encode --- */

struct encode_job {
    struct jpeg_compress_struct info; /* first: the destination finds the job by it */
    struct jpeg_destination_mgr destination;
    struct trap trap;
    uint8_t *out, *row;
    size_t room, used;
};

/* Our own destination: libjpeg's jpeg_mem_dest leaks its buffer when an error strikes after it has grown. */
static void on_start(j_compress_ptr info)
{
    struct encode_job *job = (struct encode_job *)(void *)info;
    job->destination.next_output_byte = job->out;
    job->destination.free_in_buffer = job->room;
}

static boolean on_full(j_compress_ptr info)
{
    struct encode_job *job = (struct encode_job *)(void *)info;
    uint8_t *bigger = realloc(job->out, job->room * 2);
    if (bigger == NULL)
        ERREXIT1(info, JERR_OUT_OF_MEMORY, 0);
    job->out = bigger;
    job->destination.next_output_byte = job->out + job->room;
    job->destination.free_in_buffer = job->room;
    job->room *= 2;
    return TRUE;
}

static void on_end(j_compress_ptr info)
{
    struct encode_job *job = (struct encode_job *)(void *)info;
    job->used = job->room - job->destination.free_in_buffer;
}

static void encode_rows(struct encode_job *job, const unsigned char *pixels, size_t stride)
{
    for (uint32_t y = 0; y < job->info.image_height; y++) {
        const uint32_t *in = (const uint32_t *)(const void *)(pixels + y * stride);
        for (uint32_t x = 0; x < job->info.image_width; x++) {
            job->row[x * 3] = (uint8_t)(in[x] >> 16);
            job->row[x * 3 + 1] = (uint8_t)(in[x] >> 8);
            job->row[x * 3 + 2] = (uint8_t)in[x];
        }
        jpeg_write_scanlines(&job->info, &job->row, 1);
    }
}

static bool encode_run(struct encode_job *job, cairo_surface_t *surface, int quality, struct meme_error *err)
{
    struct jpeg_compress_struct *info = &job->info;
    if (setjmp(job->trap.jump) != 0)
        return meme_fail(err, job->trap.reason == MEME_OUT_OF_MEMORY ? MEME_OUT_OF_MEMORY : MEME_INTERNAL,
                         "the result cannot be encoded: %s", job->trap.text);

    jpeg_create_compress(info);
    job->destination.init_destination = on_start;
    job->destination.empty_output_buffer = on_full;
    job->destination.term_destination = on_end;
    info->dest = &job->destination;
    info->image_width = (JDIMENSION)cairo_image_surface_get_width(surface);
    info->image_height = (JDIMENSION)cairo_image_surface_get_height(surface);
    info->input_components = 3;
    info->in_color_space = JCS_RGB;
    jpeg_set_defaults(info);
    jpeg_set_quality(info, quality, TRUE);
    info->optimize_coding = TRUE;
    jpeg_start_compress(info, TRUE);
    encode_rows(job, cairo_image_surface_get_data(surface), (size_t)cairo_image_surface_get_stride(surface));
    jpeg_finish_compress(info);
    return true;
}

bool meme_jpeg_encode(cairo_surface_t *surface, int quality, uint8_t **data, size_t *bytes,
                      struct meme_error *err)
{
    enum { FIRST_ROOM = 1 << 16 }; /* ours: doubles as needed */
    struct encode_job job = {.room = FIRST_ROOM};
    cairo_surface_flush(surface);
    job.out = malloc(job.room);
    job.row = malloc((size_t)cairo_image_surface_get_width(surface) * 3);
    job.info.err = trap_init(&job.trap);
    bool ok = job.out != NULL && job.row != NULL
                  ? encode_run(&job, surface, quality, err)
                  : meme_fail(err, MEME_OUT_OF_MEMORY, "not enough memory to encode");
    jpeg_destroy_compress(&job.info);
    free(job.row);
    if (!ok) {
        free(job.out);
        return false;
    }
    *data = job.out;
    *bytes = job.used;
    return true;
}
