/* SPDX-License-Identifier: MIT */
/*
 * What the meme service accepts and how its pictures come out.
 *
 * Owns    every limit of the service, with its default and where it comes from.
 *         A limit of zero means zero, not "none": start from
 *         meme_options_default and change what should differ.
 */
#ifndef WEFT_APP_MEME_OPTIONS_H
#define WEFT_APP_MEME_OPTIONS_H

#include <stddef.h>
#include <stdint.h>

/*
 * Everything that a client chooses is bounded here, and every bound is checked
 * before the work or the memory that it bounds is spent. The defaults are ours:
 * they let any picture of an ordinary camera or phone through, and keep the
 * cost of one request to a few seconds of one core and about 400 MiB at worst.
 */
struct meme_limits {
    size_t max_body_bytes;   /* of JSON; 24 MiB holds max_image_bytes in base64 (4/3) and two texts */
    size_t max_image_bytes;  /* of the JPEG, PNG or WebP file; 16 MiB */
    uint32_t max_side;       /* pixels, of width and of height; 16384 (WebP itself ends at 16383) */
    uint64_t max_pixels;     /* width * height; 50 million, a 50 MP phone camera */
    uint64_t max_work_bytes; /* what decoding may allocate, judged from the header; 256 MiB. Only
                              progressive JPEG, interlaced PNG and WebP need whole pictures; the rest is
                              read by rows and scaled on the way */
    size_t max_text_chars;   /* Unicode code points of each text; 400 */
};

struct meme_options {
    struct meme_limits limits;
    uint32_t max_output_side; /* pixels; 1 to 16383; a larger picture is scaled down to fit; 2048 */
    int jpeg_quality;         /* 1 to 100, as libjpeg counts; 90 */
    const char *font; /* a Pango family list that goes before meme_text's own preferences; borrowed; NULL */
};

/* Returns the defaults named above. */
struct meme_options meme_options_default(void);

#endif
