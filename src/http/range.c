/* SPDX-License-Identifier: MIT */
/* Byte ranges. See range.h. */
#include "http/range.h"

#include <string.h>

#include "http/text.h"

/* RFC 9110 15.3.7.2: "the typical overhead between each part is around 80 bytes". */
#define PART_OVERHEAD 80

/* 1*DIGIT; what is too large for us is larger than any representation. Returns the number of digits. */
static size_t read_position(const char *text, size_t len, uint64_t *out)
{
    size_t digits = 0;

    while (digits < len && http_is(text[digits], HTTP_DIGIT))
        digits++;
    if (digits && !http_text_number(text, digits, out))
        *out = INT64_MAX;
    return digits;
}

enum spec {
    INVALID,
    UNSATISFIABLE,
    SATISFIABLE,
};

/* RFC 9110 14.1.2 suffix-range: "-500" */
static enum spec read_suffix(struct http_span spec, uint64_t length, struct http_range *out)
{
    uint64_t count;

    if (!spec.len || read_position(spec.at, spec.len, &count) != spec.len)
        return INVALID;
    out->first = count < length ? length - count : 0;
    out->last = length - 1;
    return count ? SATISFIABLE : UNSATISFIABLE;
}

/* int-range: "0-499", "500-" */
static enum spec read_spec(struct http_span spec, uint64_t length, struct http_range *out)
{
    size_t digits = read_position(spec.at, spec.len, &out->first);
    struct http_span rest = {spec.at + digits + 1, spec.len - digits - 1};

    if (digits == spec.len || spec.at[digits] != '-')
        return INVALID;
    if (!digits)
        return read_suffix(rest, length, out);
    out->last = length - 1;
    if (rest.len && (read_position(rest.at, rest.len, &out->last) != rest.len || out->last < out->first))
        return INVALID;
    if (out->last >= length)
        out->last = length - 1;
    return out->first < length ? SATISFIABLE : UNSATISFIABLE;
}

static bool are_near(const struct http_range *a, const struct http_range *b)
{
    return a->first <= b->last + PART_OVERHEAD && b->first <= a->last + PART_OVERHEAD;
}

/* Adds a range; it takes in all that it comes near to, and stands where the first of these stood. */
static bool add(struct http_ranges *ranges, struct http_range range)
{
    unsigned kept = 0, place = ranges->count;

    for (unsigned i = 0; i < ranges->count; i++) {
        struct http_range *other = &ranges->range[i];

        if (!are_near(other, &range)) {
            ranges->range[kept++] = *other;
            continue;
        }
        if (place == ranges->count)
            place = kept++;
        range.first = other->first < range.first ? other->first : range.first;
        range.last = other->last > range.last ? other->last : range.last;
    }
    if (place == ranges->count) {
        if (kept == HTTP_RANGES_MAX)
            return false;
        place = kept++;
    }
    ranges->range[place] = range;
    ranges->count = kept;
    return true;
}

enum http_range_result http_range_parse(const char *value, uint64_t length, struct http_ranges *out)
{
    const char *equals = strchr(value, '=');
    struct http_span list, spec;
    struct http_range range;
    size_t cursor = 0;
    bool any = false;

    out->count = 0;
    if (!equals || !http_text_is(value, (size_t)(equals - value), "bytes"))
        return HTTP_RANGE_IGNORE;
    list = (struct http_span){equals + 1, strlen(equals + 1)};
    while (http_text_next(list, &cursor, &spec)) {
        enum spec found = spec.len ? read_spec(spec, length, &range) : UNSATISFIABLE;

        any |= spec.len > 0;
        if (found == INVALID || (found == SATISFIABLE && !add(out, range)))
            return HTTP_RANGE_IGNORE;
    }
    if (!any)
        return HTTP_RANGE_IGNORE;
    return out->count ? HTTP_RANGE_SOME : HTTP_RANGE_NONE;
}
