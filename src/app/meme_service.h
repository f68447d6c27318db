/* SPDX-License-Identifier: MIT */
/*
 * The meme service on the network: what meme_render.h makes, as routes of an
 * HTTP server.
 *
 *     GET  /            the page where a person does it (meme_page.h)
 *     POST /meme        JSON in, image/jpeg out (meme_request.h)
 *     GET  /sample.jpg  the project's own picture
 *
 * Everything that is refused is answered with a JSON body, {"error": {"code":
 * "…", "message": "…"}}. Beside the words of meme_error.h there are
 *
 *     404 not_found                 no such path
 *     405 method_not_allowed        with Allow
 *     408 too_slow                  the body did not come in time
 *     415 unsupported_media_type    the body is not application/json
 *     503 busy                      too much work or memory is bound already; with Retry-After
 *
 * Owns    bodies while they are received, within a bound for all of them
 *         together, and one worker thread that makes the pictures, so that the
 *         loop goes on moving packets meanwhile.
 */
#ifndef WEFT_APP_MEME_SERVICE_H
#define WEFT_APP_MEME_SERVICE_H

#include <weft/http.h>
#include <weft/loop.h>

#include "app/meme_options.h"

struct meme_service;

struct meme_service_config {
    struct meme_options options;
    size_t max_held_bytes; /* of all bodies that are being received, or wait for the worker */
    weft_time max_receive; /* for the whole body of a request; then 408 */
    unsigned max_waiting;  /* pictures that are being made or wait to be */
};

/* The defaults: meme_options_default, 128 MiB, 120 s, 64 pictures (a few seconds of one core). */
struct meme_service_config meme_service_config_default(void);

/* Starts the service. Borrows `loop` until it is freed. Gives the service. Returns 0, WEFT_E_NOMEM or WEFT_E_IO. */
int meme_service_new(struct weft_loop *loop, const struct meme_service_config *config,
                     struct meme_service **service);

/* The route that a server needs; valid as long as the service. */
const struct weft_http_route *meme_service_route(const struct meme_service *service);

/* Ends it. The server must have been freed before. NULL is allowed. */
void meme_service_free(struct meme_service *service);

#endif
