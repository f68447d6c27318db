/* SPDX-License-Identifier: MIT */
/*
 * JPEG files in and out, by libjpeg.
 */
#ifndef WEFT_APP_MEME_JPEG_H
#define WEFT_APP_MEME_JPEG_H

#include "app/meme_error.h"
#include "app/meme_options.h"
#include "app/meme_rows.h"

/*
 * Decodes a JPEG into rows: baseline or progressive; grey, YCbCr, RGB, CMYK or YCCK. The picture may
 * come out smaller than the file's, but not below opt's max_output_side. Its EXIF orientation is not applied.
 * Borrows data and opt. Gives *rows; the caller calls meme_rows_fini in any case.
 * Returns true, or false with IMAGE_TOO_LARGE, UNSUPPORTED_IMAGE, CORRUPT_IMAGE or OUT_OF_MEMORY.
 */
bool meme_jpeg_decode(const uint8_t *data, size_t bytes, const struct meme_options *opt,
                      struct meme_rows *rows, struct meme_error *err);

/*
 * Encodes a CAIRO_FORMAT_RGB24 image surface as a baseline JPEG without any metadata.
 * Borrows surface. quality is 1 to 100. Gives *data, to be released with free(), and its length.
 * Returns true, or false with OUT_OF_MEMORY or INTERNAL.
 */
bool meme_jpeg_encode(cairo_surface_t *surface, int quality, uint8_t **data, size_t *bytes,
                      struct meme_error *err);

#endif
