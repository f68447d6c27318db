/* SPDX-License-Identifier: MIT */
/*
 * Conditional requests (RFC 9110 13).
 *
 * Owns    the comparison of entity tags and dates, and the order in which
 *         conditions are looked at.
 */
#ifndef WEFT_HTTP_COND_H
#define WEFT_HTTP_COND_H

#include "http/head.h"

/* What a representation is compared by. */
struct http_validator {
    bool exists;
    const char *etag; /* NULL: none */
    int64_t modified; /* or WEFT_HTTP_NO_DATE */
};

/*
 * RFC 9110 13.2.2 steps 1 to 4 for the request in `head`. `now` is for dates
 * with two-digit years. Returns 0 to go on, 304 or 412.
 */
unsigned http_cond_judge(const struct http_head *head, const char *buf, const struct http_validator *v,
                         int64_t now);

/* RFC 9110 13.2.2 step 5: true when Range applies, as far as If-Range says. */
bool http_cond_allows_range(const struct http_head *head, const char *buf, const struct http_validator *v,
                            int64_t now);

#endif
