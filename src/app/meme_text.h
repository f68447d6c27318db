/* SPDX-License-Identifier: MIT */
/*
 * The words on a meme: capitals, white with a black outline, at the top and at
 * the bottom of a picture.
 */
#ifndef WEFT_APP_MEME_TEXT_H
#define WEFT_APP_MEME_TEXT_H

#include "app/meme_error.h"

#include <cairo.h>

/*
 * The face is the first that is installed of: Impact, Anton, Oswald Bold, League Gothic, Bebas Neue, Noto Sans
 * ExtraCondensed Bold, Roboto Condensed Bold, League Spartan ExtraBold, Noto Sans Bold, Liberation Sans Narrow,
 * DejaVu Sans Condensed Bold, Liberation Sans, and whatever is sans-serif; those that are not narrow
 * and heavy enough are made so. (Debian has Bebas Neue in fonts-bebas-neue.) Characters that the face lacks come
 * from any other font that has them, emoji in colour; what none has is a box with its number.
 *
 * Draws both texts onto a picture. Each is upper-cased as Unicode says (not as the locale says),
 * fitted to its band, wrapped between words, and inside a word only when the word would make the
 * whole text tiny. Line ends in the text are kept, other control characters dropped.
 * Borrows surface (a CAIRO_FORMAT_RGB24 or ARGB32 image surface of any size from 1x1), top and bottom (valid
 * UTF-8, may be empty), and font: a family that is tried before our own preferences, or NULL.
 * Returns true, or false with NO_FONTS or OUT_OF_MEMORY; the picture may then be half drawn.
 */
bool meme_text_draw(cairo_surface_t *surface, const char *top, const char *bottom, const char *font,
                    struct meme_error *err);

#endif
