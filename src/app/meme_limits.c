/* SPDX-License-Identifier: MIT */
/*
 * Checks of what a picture's header claims. See meme_limits.h.
 */
#include "app/meme_limits.h"

#include <inttypes.h>

bool meme_limits_check(const char *format, uint64_t width, uint64_t height, const struct meme_limits *limits,
                       struct meme_error *err)
{
    if (width == 0 || height == 0)
        return meme_fail(err, MEME_CORRUPT_IMAGE, "the %s says that it is %" PRIu64 " by %" PRIu64 " pixels",
                         format, width, height);
    if (width > limits->max_side || height > limits->max_side)
        return meme_fail(err, MEME_IMAGE_TOO_LARGE,
                         "the %s is %" PRIu64 " by %" PRIu64 " pixels; at most %" PRIu32
                         " a side are accepted",
                         format, width, height, limits->max_side);
    /* Both sides are below 2^32 here, so that the product fits. */
    if (width * height > limits->max_pixels)
        return meme_fail(err, MEME_IMAGE_TOO_LARGE,
                         "the %s has %" PRIu64 " by %" PRIu64 " pixels; at most %" PRIu64
                         " in all are accepted",
                         format, width, height, limits->max_pixels);
    return true;
}

bool meme_limits_check_work(const char *format, uint64_t bytes, const struct meme_limits *limits,
                            struct meme_error *err)
{
    if (bytes > limits->max_work_bytes)
        return meme_fail(err, MEME_IMAGE_TOO_LARGE,
                         "decoding this %s would take %" PRIu64 " MiB of memory; at most %" PRIu64
                         " are allowed",
                         format, bytes >> 20, limits->max_work_bytes >> 20);
    return true;
}
