/* SPDX-License-Identifier: MIT */
/*
 * The project's own picture, for who has none at hand: a cat weaves what a router
 * spins, at sunset.
 */
#ifndef WEFT_APP_MEME_SAMPLE_H
#define WEFT_APP_MEME_SAMPLE_H

#include "app/meme_error.h"

#include <stdint.h>

/*
 * Draws the sample picture, 800 by 600 pixels, without text. The same bytes every time, on one machine.
 * Gives *jpeg, to be released with free(), and *jpeg_bytes (about 85 KB).
 * Returns true, or false with OUT_OF_MEMORY or INTERNAL in *err.
 */
bool meme_sample(uint8_t **jpeg, size_t *jpeg_bytes, struct meme_error *err);

#endif
