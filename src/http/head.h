/* SPDX-License-Identifier: MIT */
/*
 * The head of a message: start line and fields, from bytes that come cut
 * anywhere (RFC 9112 2 to 6).
 *
 * Owns    the grammar of a head, and what it says of the message's framing and
 *         of the connection.
 * Never   waits, copies or answers. It works in the caller's buffer, in which
 *         it puts a NUL behind every name and value, so that these are C
 *         strings; the buffer must keep the head for as long as they are used.
 *
 * Each octet is searched once, and a line is judged when it is complete, so
 * the verdict does not depend on how the bytes were cut. What is found wrong
 * is final.
 */
#ifndef WEFT_HTTP_HEAD_H
#define WEFT_HTTP_HEAD_H

#include <weft/http.h>

#include "http/body.h"
#include "http/fault.h"
#include "http/target.h"

/* Offsets in the buffer of the name and the value, and their lengths. */
struct http_line {
    uint32_t name, value;
    uint32_t name_len, value_len;
};

struct http_head {
    /* Set by http_head_start. */
    bool is_response;
    const struct weft_http_limits *limits; /* complete */
    struct http_line *lines;               /* room for limits->fields */
    /* Reading; head.c's. */
    uint8_t state;
    uint8_t empty_lines;
    uint32_t line;   /* where the current line begins */
    uint32_t seen;   /* where the search for its end goes on */
    uint32_t fields; /* where the header section begins */
    bool has_host, has_length, has_coding, has_unknown_coding, is_chunked_last;
    bool has_close, has_keep_alive, has_other_expectation;
    unsigned chunked_times;
    /* The result, valid after HTTP_HEAD_DONE; after HTTP_HEAD_FAULT what had been read by then. */
    enum http_fault fault;
    uint32_t len;   /* octets of the head, empty lines before it and all */
    unsigned minor; /* 0 or 1 */
    unsigned nlines;
    bool persists; /* the connection may be used again, as far as this message says (RFC 9112 9.3) */
    enum http_body_kind body;
    uint64_t length; /* of an HTTP_BODY_LENGTH */
    /* Of a request. */
    enum weft_http_method method;
    uint32_t method_name; /* offset; valid when `method_len` is not 0 */
    uint32_t method_len;
    struct http_target target; /* points into the buffer */
    struct http_span host;     /* the target's or Host's; empty when there is none */
    bool expects_continue;
    /* Of a response. */
    unsigned status;
    uint32_t reason; /* offset */
};

enum http_head_result {
    HTTP_HEAD_MORE,
    HTTP_HEAD_DONE,
    HTTP_HEAD_FAULT,
};

/* Begins a head. Borrows `limits` and `lines` until it is not used any more. */
void http_head_start(struct http_head *head, bool is_response, const struct weft_http_limits *limits,
                     struct http_line *lines);

/*
 * Reads on. `buf` holds the `len` octets that have come since http_head_start;
 * it must be the same memory in every call. A response `to_head` has no body.
 */
enum http_head_result http_head_read(struct http_head *head, char *buf, uint32_t len, bool to_head);

/* The most octets that a head within the limits has. */
uint32_t http_head_max(const struct weft_http_limits *limits);

/* The value of the first line called `name`, in the head that `buf` holds, or NULL. */
const char *http_head_find(const struct http_head *head, const char *buf, const char *name);

/* The same from line *index on, which is moved behind the line found: for fields that may come several times. */
const char *http_head_next(const struct http_head *head, const char *buf, const char *name, unsigned *index);

/* The value when exactly one line is called `name`, else NULL: for fields that must not come twice. */
const char *http_head_only(const struct http_head *head, const char *buf, const char *name);

/* Gives line number `index` through `out`; false when there are no more. */
bool http_head_line(const struct http_head *head, const char *buf, unsigned index,
                    struct weft_http_field *out);

/* Fills in the defaults that http.h tells for sizes that are zero. */
void http_head_limits(struct weft_http_limits *limits);

#endif
