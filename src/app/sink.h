/* SPDX-License-Identifier: MIT */
/*
 * The sink: takes any body and answers how long it was and its SHA-256. For
 * tests of transfers, where the other side knows what it sent.
 *
 *     POST or PUT, any path    200, {"bytes": 12, "sha256": "…"}
 *
 * Owns    one small record for each request under way.
 * Never   keeps a byte of what it is sent.
 */
#ifndef WEFT_APP_SINK_H
#define WEFT_APP_SINK_H

#include <weft/http.h>

/* The value of the route's `methods`. */
#define SINK_METHODS "POST, PUT"

/* The route's `handle`; `user` is not used. */
void sink_handle(struct weft_http_req *req, void *user);

#endif
