/* SPDX-License-Identifier: MIT */
/*
 * Request targets and hosts (RFC 9112 3.2, RFC 3986).
 *
 * Owns    the forms of a target, what a host may look like, and the one place
 *         where a path is decoded.
 * Never   looks for a file or a handler.
 */
#ifndef WEFT_HTTP_TARGET_H
#define WEFT_HTTP_TARGET_H

#include <weft/http.h>

#include "http/fault.h"
#include "http/text.h"

/* A target taken apart; the spans lie in it. */
struct http_target {
    struct http_span host;  /* authority of an absolute-form or authority-form; `at` NULL: Host decides */
    struct http_span path;  /* begins with '/', or is "*"; empty for CONNECT */
    struct http_span query; /* `at` NULL: there is none */
    bool is_plain;          /* the path is the same when decoded */
    bool has_slash;         /* the path has an encoded slash: it names nothing that we could serve */
};

/* Takes a target apart. Gives through `out`; returns what is wrong with it, or HTTP_FAULT_NONE. */
enum http_fault http_target_parse(struct http_span text, enum weft_http_method method,
                                  struct http_target *out);

/*
 * Writes the path, which http_target_parse found good, decoded once and
 * without "." and ".." (RFC 3986 5.2.4), to `out`, which has room for its
 * length. Returns the length written.
 */
size_t http_target_decode(struct http_span path, char *out);

/* True for `uri-host [ ":" port ]` (RFC 9110 7.2). May be empty when `may_be_empty`. */
bool http_target_is_host(struct http_span host, bool may_be_empty);

/*
 * Splits what http_target_is_host accepts: gives the host without its port
 * through `name`, brackets included, and the port or `fallback` through `port`.
 */
void http_target_split_host(struct http_span host, uint16_t fallback, struct http_span *name, uint16_t *port);

#endif
