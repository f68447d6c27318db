/* SPDX-License-Identifier: MIT */
/*
 * The body of POST /meme, from untrusted bytes to a picture file and two texts.
 *
 * Owns    the request's JSON format and its base64.
 * Never   looks into the picture: whether the bytes are an image is not known here.
 *
 * The format, RFC 8259 JSON in UTF-8:
 *
 *     {"image": "<base64>", "topText": "...", "bottomText": "..."}
 *
 *     image       needed. RFC 4648 section 4 base64 with padding, of a JPEG, PNG
 *                 or WebP file; CR and LF are skipped, as MIME tools wrap
 *                 lines. A prefix "data:image/...;base64," is accepted; what type
 *                 it claims is not believed.
 *     topText     a string, may be absent or empty.
 *     bottomText  likewise.
 *
 * Any other field, and any field twice, is refused rather than ignored.
 */
#ifndef WEFT_APP_MEME_REQUEST_H
#define WEFT_APP_MEME_REQUEST_H

#include "app/meme_error.h"
#include "app/meme_options.h"

#include <stdint.h>

struct meme_request {
    uint8_t *image; /* the picture file, owned */
    size_t image_bytes;
    char *top; /* valid UTF-8, NUL-terminated, owned; "" when absent */
    char *bottom;
};

/*
 * Parses a request body.
 * Borrows body (any bytes) and limits. Gives *out, to be released with
 * meme_request_fini; on failure *out holds nothing.
 * Returns true, or false with BAD_JSON, MISSING_FIELD, UNKNOWN_FIELD, WRONG_TYPE,
 * BAD_DATA_URL, BAD_BASE64, EMPTY_IMAGE, BODY_TOO_LARGE, TEXT_TOO_LONG,
 * IMAGE_TOO_LARGE or OUT_OF_MEMORY in *err.
 */
bool meme_request_parse(const void *body, size_t body_bytes, const struct meme_limits *limits,
                        struct meme_request *out, struct meme_error *err);

/* Releases what the request owns and empties it; may be called again. Borrows req. */
void meme_request_fini(struct meme_request *req);

#endif
