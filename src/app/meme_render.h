/* SPDX-License-Identifier: MIT */
/*
 * The meme service, without the network: the body of POST /meme in, a JPEG out.
 *
 * Owns    the order of the steps: request, picture, text, JPEG.
 * Never   opens a file or a socket, keeps state between calls, or prints. All
 *         functions may be called from several threads at once; none of them is quick
 *         enough for an event loop that has other things to do (about 40 ms for a
 *         picture of one megapixel).
 *
 * An HTTP front end needs this header alone:
 *
 *     struct meme_options opt = meme_options_default();
 *     struct meme_error err;
 *     uint8_t *jpeg;
 *     size_t bytes;
 *     if (meme_render(body, body_bytes, &opt, &jpeg, &bytes, &err)) {
 *         answer(200, "image/jpeg", jpeg, bytes);
 *         free(jpeg);
 *     } else {
 *         char *json = meme_error_json(&err, &bytes);
 *         answer(err.status, "application/json", json, bytes);
 *         free(json);
 *     }
 *
 * opt.limits.max_body_bytes should also bound what is read from the network.
 */
#ifndef WEFT_APP_MEME_RENDER_H
#define WEFT_APP_MEME_RENDER_H

#include "app/meme_error.h"
#include "app/meme_options.h"

#include <stdint.h>

/*
 * Makes a meme from a request body; meme_request.h describes the body.
 * Borrows body (any bytes) and opt. Gives *jpeg, to be released with free(), and *jpeg_bytes.
 * Returns true, or false with any reason of meme_error.h in *err; then *jpeg is NULL.
 */
bool meme_render(const void *body, size_t body_bytes, const struct meme_options *opt, uint8_t **jpeg,
                 size_t *jpeg_bytes, struct meme_error *err);

/*
 * The same from a picture file and two texts, for callers that have no JSON.
 * Borrows image (any bytes), top and bottom (valid UTF-8, may be empty) and opt; of the limits,
 * those of the body and of the texts are not looked at.
 */
bool meme_render_image(const uint8_t *image, size_t image_bytes, const char *top, const char *bottom,
                       const struct meme_options *opt, uint8_t **jpeg, size_t *jpeg_bytes,
                       struct meme_error *err);

#endif
