/* SPDX-License-Identifier: MIT */
/*
 * The web page of the meme service, meme_page.html, embedded at build time.
 *
 * The page is whole in itself. It expects, beside itself (its links are relative):
 *
 *     POST meme         the JSON of meme_request.h; answers image/jpeg, or the JSON of meme_error_json
 *     GET  sample.jpg   what meme_sample gives
 *
 * Serve it as "text/html; charset=utf-8". Its own style and script are inline, so a
 * Content-Security-Policy has to say 'unsafe-inline' for both, and img-src 'self' blob:.
 */
#ifndef WEFT_APP_MEME_PAGE_H
#define WEFT_APP_MEME_PAGE_H

#include <stddef.h>

extern const unsigned char meme_page[]; /* HTML in UTF-8; a NUL follows that meme_page_bytes does not count */
extern const size_t meme_page_bytes;

#endif
