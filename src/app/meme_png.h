/* SPDX-License-Identifier: MIT */
/*
 * PNG files, by libpng.
 */
#ifndef WEFT_APP_MEME_PNG_H
#define WEFT_APP_MEME_PNG_H

#include "app/meme_error.h"
#include "app/meme_options.h"
#include "app/meme_rows.h"

/*
 * Decodes a PNG into rows: every colour type and depth, interlaced or not; of an animated
 * PNG its default picture. The picture may come out smaller than the file's, but not below
 * opt's max_output_side.
 * Borrows data and opt. Gives *rows; the caller calls meme_rows_fini in any case.
 * Returns true, or false with IMAGE_TOO_LARGE, CORRUPT_IMAGE or OUT_OF_MEMORY.
 */
bool meme_png_decode(const uint8_t *data, size_t bytes, const struct meme_options *opt,
                     struct meme_rows *rows, struct meme_error *err);

#endif
