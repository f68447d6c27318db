/* SPDX-License-Identifier: MIT */
/*
 * From decoded rows to a Cairo surface, shrinking on the way.
 *
 * Owns    the surface while it is being filled; compositing on white; the
 *         first, coarse step of scaling down, by a whole number, so that a picture
 *         of many megapixels never stands in memory at full size.
 * Never   knows a file format.
 *
 *     source rows, RGBA        step = 3            surface, RGB24
 *     +---+---+---+-+                              +-+-+
 *     | a | a | a |b|   each a is added into  ->   |a|b|    average of 3x3,
 *     | a | a | a |b|   a sum, edges count         +-+-+    or what there is
 *     | a | a | a |b|   what they have                      of it at the edge
 */
#ifndef WEFT_APP_MEME_ROWS_H
#define WEFT_APP_MEME_ROWS_H

#include "app/meme_error.h"

#include <cairo.h>
#include <stdint.h>

struct meme_rows {
    cairo_surface_t *surface;
    uint32_t width, height; /* of the source, in pixels */
    uint32_t step;          /* source pixels per surface pixel, each way */
    uint32_t next;          /* number of rows taken so far */
    uint32_t *sums;         /* three per surface pixel of the row in progress */
};

/*
 * Makes a surface for a picture of width by height whose longer side is at least
 * min(the source's, max_side) and less than twice max_side (1 to 16383).
 * Gives *rows, to be released with meme_rows_fini in any case.
 * Returns true, or false with OUT_OF_MEMORY.
 */
bool meme_rows_init(struct meme_rows *rows, uint32_t width, uint32_t height, uint32_t max_side,
                    struct meme_error *err);

/*
 * Adds the next row, from the top; extra rows are ignored. Borrows rgba: 4 * width bytes, alpha not
 * premultiplied.
 */
void meme_rows_put(struct meme_rows *rows, const uint8_t *rgba);

/* Gives the finished CAIRO_FORMAT_RGB24 surface to the caller; NULL when rows are still missing. */
cairo_surface_t *meme_rows_take(struct meme_rows *rows);

/* Releases what is left; may be called again, and on a zeroed struct. */
void meme_rows_fini(struct meme_rows *rows);

#endif
