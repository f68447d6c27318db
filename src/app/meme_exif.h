/* SPDX-License-Identifier: MIT */
/*
 * Which way up a JPEG is, as its camera noted it.
 */
#ifndef WEFT_APP_MEME_EXIF_H
#define WEFT_APP_MEME_EXIF_H

#include <stddef.h>
#include <stdint.h>

/*
 * Finds the Orientation tag (0x0112) of the first EXIF segment of a JPEG file.
 * Borrows jpeg, any bytes; never fails: what cannot be read is upright.
 * Returns 1 to 8, the number as EXIF 2.3 table 6 defines it.
 *
 *     1 upright      2 mirrored left-right     3 turned by 180    4 mirrored top-bottom
 *     5 transposed   6 to be turned 90 right   7 transverse       8 to be turned 90 left
 */
int meme_exif_orientation(const uint8_t *jpeg, size_t bytes);

#endif
