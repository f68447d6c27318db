/* SPDX-License-Identifier: MIT */
/*
 * A picture file, whatever its format, as pixels the right way up.
 */
#ifndef WEFT_APP_MEME_IMAGE_H
#define WEFT_APP_MEME_IMAGE_H

#include "app/meme_error.h"
#include "app/meme_options.h"

#include <cairo.h>
#include <stdint.h>

/*
 * Decodes a JPEG, PNG or WebP file, told apart by their first bytes: turned upright (EXIF, JPEG only),
 * composited on white, scaled down to fit opt->max_output_side when larger.
 * Borrows data and opt. Gives *out, a CAIRO_FORMAT_RGB24 image surface, to be released
 * with cairo_surface_destroy.
 * Returns true, or false with IMAGE_TOO_LARGE, UNSUPPORTED_IMAGE, CORRUPT_IMAGE, OUT_OF_MEMORY or INTERNAL.
 */
bool meme_image_decode(const uint8_t *data, size_t bytes, const struct meme_options *opt,
                       cairo_surface_t **out, struct meme_error *err);

#endif
