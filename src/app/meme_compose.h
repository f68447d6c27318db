/* SPDX-License-Identifier: MIT */
/* The client's side of the meme service: the body of POST /meme. */
#ifndef WEFT_APP_MEME_COMPOSE_H
#define WEFT_APP_MEME_COMPOSE_H

#include <stddef.h>
#include <stdint.h>

/*
 * Makes the JSON that meme_request.h describes from a picture file and two
 * texts (UTF-8). Borrows all. Gives a C string, to be released with free(), or
 * NULL: no memory, or a text is not UTF-8.
 */
char *meme_compose(const uint8_t *image, size_t image_bytes, const char *top, const char *bottom);

#endif
