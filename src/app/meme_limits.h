/* SPDX-License-Identifier: MIT */
/*
 * The gate that a picture's header must pass before anything is decoded.
 */
#ifndef WEFT_APP_MEME_LIMITS_H
#define WEFT_APP_MEME_LIMITS_H

#include "app/meme_error.h"
#include "app/meme_options.h"

/*
 * Checks the size that a header claims. Borrows format (a name for messages) and limits.
 * Returns true, or false with CORRUPT_IMAGE (a side is zero) or IMAGE_TOO_LARGE.
 */
bool meme_limits_check(const char *format, uint64_t width, uint64_t height, const struct meme_limits *limits,
                       struct meme_error *err);

/*
 * Checks the memory that decoding a picture of this kind would take.
 * Borrows format and limits. Returns true, or false with IMAGE_TOO_LARGE.
 */
bool meme_limits_check_work(const char *format, uint64_t bytes, const struct meme_limits *limits,
                            struct meme_error *err);

#endif
