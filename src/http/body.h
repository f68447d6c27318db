/* SPDX-License-Identifier: MIT */
/*
 * Where a message's body ends, and what of the bytes on the wire is body
 * (RFC 9112 6.3, 7.1).
 *
 * Owns    the state of one body: bytes on the wire go in as they come, cut
 *         anywhere; the borders of the body's bytes in them come out.
 * Never   copies, keeps or waits for anything. Trailer fields are checked and
 *         dropped (RFC 9112 7.1.2 allows that).
 */
#ifndef WEFT_HTTP_BODY_H
#define WEFT_HTTP_BODY_H

#include <weft/http.h>

#include "http/fault.h"

enum http_body_kind {
    HTTP_BODY_NONE,    /* ended from the start */
    HTTP_BODY_LENGTH,  /* Content-Length */
    HTTP_BODY_CHUNKED, /* chunked coding */
    HTTP_BODY_CLOSE,   /* a response that lasts until the connection is closed */
};

struct http_body {
    uint8_t kind;
    uint8_t state;           /* body.c's, of the chunked coding */
    uint8_t fault;           /* enum http_fault: sticky */
    uint8_t digits;          /* of the chunk size so far */
    uint64_t left;           /* bytes of body that are due before the next framing */
    uint64_t taken;          /* bytes of body so far */
    uint64_t max;            /* bytes of body that are allowed */
    uint32_t ext_left;       /* bytes of chunk extensions that are still allowed */
    uint32_t trailer_left;   /* bytes of trailer fields likewise */
    uint32_t trailer_fields; /* trailer field lines likewise */
};

enum http_body_result {
    HTTP_BODY_MORE,  /* all bytes were framing; the body goes on */
    HTTP_BODY_DATA,  /* body bytes follow what was eaten */
    HTTP_BODY_END,   /* the message has ended; what follows is not part of it */
    HTTP_BODY_FAULT, /* see `fault` */
};

/* Begins a body; `length` is of use for HTTP_BODY_LENGTH alone. Of `limits`, which are complete, the body's are. */
void http_body_start(struct http_body *body, enum http_body_kind kind, uint64_t length,
                     const struct weft_http_limits *limits);

/*
 * Looks at `len` bytes that follow on the wire. Gives through `eaten` how many
 * framing bytes at their front are done with, and for HTTP_BODY_DATA through
 * `data` how many body bytes follow these: of them the caller takes as many as
 * it likes and says so by http_body_took.
 */
enum http_body_result http_body_next(struct http_body *body, const char *in, size_t len, size_t *eaten,
                                     size_t *data);

/* `n` body bytes have been taken, of those that http_body_next or http_body_due spoke of. */
void http_body_took(struct http_body *body, uint64_t n);

/* How many bytes on the wire are body before there can be framing again; 0 when framing is next. */
uint64_t http_body_due(const struct http_body *body);

/* True when the message has ended. */
bool http_body_has_ended(const struct http_body *body);

/* The peer will send no more: ends an HTTP_BODY_CLOSE. Returns false when the body is incomplete by that. */
bool http_body_eof(struct http_body *body);

#endif
