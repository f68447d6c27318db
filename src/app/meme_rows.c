/* SPDX-License-Identifier: MIT */
/*
 * Rows into a surface. See meme_rows.h for the drawing.
 *
 * Holds   a sum is at most 255 * step * step and must fit in 32 bits; init refuses a step above
 *         MAX_STEP for that reason. The limits of the service keep it far below.
 */
#include "app/meme_rows.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_STEP = 4096 }; /* 255 * 4096^2 < 2^32 */

bool meme_rows_init(struct meme_rows *rows, uint32_t width, uint32_t height, uint32_t max_side,
                    struct meme_error *err)
{
    uint32_t longer = width > height ? width : height;
    memset(rows, 0, sizeof *rows);
    rows->width = width;
    rows->height = height;
    rows->step = longer > max_side ? longer / max_side : 1;
    if (rows->step > MAX_STEP)
        return meme_fail(err, MEME_IMAGE_TOO_LARGE, "the picture cannot be scaled down from %u pixels",
                         longer);

    uint32_t w = (width + rows->step - 1) / rows->step, h = (height + rows->step - 1) / rows->step;
    rows->surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)w, (int)h);
    rows->sums = calloc(w, 3 * sizeof *rows->sums);
    if (rows->sums == NULL || cairo_surface_status(rows->surface) != CAIRO_STATUS_SUCCESS)
        return meme_fail(err, MEME_OUT_OF_MEMORY, "not enough memory for a picture of %u by %u pixels", w, h);
    return true;
}

/* Writes the averages of the sums as one surface row, and clears the sums. */
static void flush(struct meme_rows *rows, uint32_t rows_in_sum)
{
    uint32_t w = (uint32_t)cairo_image_surface_get_width(rows->surface);
    uint32_t y = (rows->next - 1) / rows->step;
    unsigned char *base = cairo_image_surface_get_data(rows->surface);
    uint32_t *out =
        (uint32_t *)(void *)(base + (size_t)y * (size_t)cairo_image_surface_get_stride(rows->surface));
    for (uint32_t x = 0; x < w; x++) {
        uint32_t columns = x + 1 < w ? rows->step : rows->width - x * rows->step;
        uint32_t count = columns * rows_in_sum, *sum = rows->sums + (size_t)x * 3;
        out[x] = (sum[0] + count / 2) / count << 16 | (sum[1] + count / 2) / count << 8 |
                 (sum[2] + count / 2) / count;
    }
    memset(rows->sums, 0, (size_t)w * 3 * sizeof *rows->sums);
}

/* One colour over white; exact for alpha 0 and 255. */
static uint32_t over_white(uint32_t colour, uint32_t alpha)
{
    return (colour * alpha + 255 * (255 - alpha) + 127) / 255;
}

void meme_rows_put(struct meme_rows *rows, const uint8_t *rgba)
{
    if (rows->next >= rows->height)
        return;
    uint32_t *sum = rows->sums, in_column = 0;
    for (uint32_t x = 0; x < rows->width; x++, rgba += 4) {
        for (int c = 0; c < 3; c++)
            sum[c] += rgba[3] == 255 ? rgba[c] : over_white(rgba[c], rgba[3]);
        if (++in_column == rows->step) {
            in_column = 0;
            sum += 3;
        }
    }
    rows->next++;
    if (rows->next % rows->step == 0)
        flush(rows, rows->step);
    else if (rows->next == rows->height)
        flush(rows, rows->height % rows->step);
}

cairo_surface_t *meme_rows_take(struct meme_rows *rows)
{
    cairo_surface_t *surface = rows->surface;
    if (surface == NULL || rows->next < rows->height)
        return NULL;
    rows->surface = NULL;
    cairo_surface_mark_dirty(surface);
    return surface;
}

void meme_rows_fini(struct meme_rows *rows)
{
    if (rows->surface != NULL)
        cairo_surface_destroy(rows->surface);
    free(rows->sums);
    memset(rows, 0, sizeof *rows);
}
