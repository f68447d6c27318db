/* SPDX-License-Identifier: MIT */
/*
 * Byte ranges (RFC 9110 14).
 *
 * Owns    the meaning of a Range field for a representation of known length.
 */
#ifndef WEFT_HTTP_RANGE_H
#define WEFT_HTTP_RANGE_H

#include <stdint.h>

/* Parts of one answer. More are not refused, but answered in full: RFC 9110 14.2 allows both. Ours. */
#define HTTP_RANGES_MAX 16

/* Both positions inclusive, `first` <= `last` < length. */
struct http_range {
    uint64_t first, last;
};

struct http_ranges {
    unsigned count;
    struct http_range range[HTTP_RANGES_MAX];
};

enum http_range_result {
    HTTP_RANGE_IGNORE, /* not bytes, not valid, or too many: answer as if it were absent */
    HTTP_RANGE_SOME,   /* at least one */
    HTTP_RANGE_NONE,   /* valid, and none of it is there: 416 */
};

/*
 * Reads the value of a Range field for a representation of `length` bytes, at
 * least 1. Ranges that overlap, or that stand closer than a part's own head
 * is long, become one (RFC 9110 15.3.7.2). Gives through `out`.
 */
enum http_range_result http_range_parse(const char *value, uint64_t length, struct http_ranges *out);

#endif
