/* SPDX-License-Identifier: MIT */
/* Characters, words and lists. See text.h. */
#include "http/text.h"

#include <string.h>

#define T HTTP_TCHAR
#define V HTTP_VALUE
#define P HTTP_TARGET
#define R HTTP_REGNAME
#define U (HTTP_TCHAR | HTTP_VALUE | HTTP_TARGET | HTTP_REGNAME | HTTP_UNRESERVED)

/*
 * DEVIATES: RFC 3986 allows none of [ ] { } | \ ^ ` in a path or query, but
 * browsers send them as they are (the URL standard of WHATWG does not encode
 * them), and none of them can change where a target ends. Tested by
 * test_http_head.
 */
const uint8_t http_text_class[256] = {
    ['\t'] = V,
    [' '] = V,
    ['!'] = T | V | P | R,
    ['"'] = V,
    ['#'] = T | V,
    ['$' ... '\''] = T | V | P | R,
    ['(' ... ')'] = V | P | R,
    ['*' ... '+'] = T | V | P | R,
    [','] = V | P | R,
    ['-' ... '.'] = U,
    ['/'] = V | P,
    ['0' ... '9'] = U | HTTP_DIGIT | HTTP_HEX,
    [':'] = V | P,
    [';'] = V | P | R,
    ['<'] = V,
    ['='] = V | P | R,
    ['>'] = V,
    ['?' ... '@'] = V | P,
    ['A' ... 'F'] = U | HTTP_ALPHA | HTTP_HEX,
    ['G' ... 'Z'] = U | HTTP_ALPHA,
    ['[' ... ']'] = V | P,
    ['^'] = T | V | P,
    ['_'] = U,
    ['`'] = T | V | P,
    ['a' ... 'f'] = U | HTTP_ALPHA | HTTP_HEX,
    ['g' ... 'z'] = U | HTTP_ALPHA,
    ['{'] = V | P,
    ['|'] = T | V | P,
    ['}'] = V | P,
    ['~'] = U,
    [0x80 ... 0xff] = V,
};

bool http_text_all(const char *text, size_t len, unsigned classes)
{
    for (size_t i = 0; i < len; i++)
        if (!http_is(text[i], classes))
            return false;
    return len > 0;
}

bool http_text_is(const char *text, size_t len, const char *word)
{
    for (size_t i = 0; i < len; i++)
        if (!word[i] || http_lower(text[i]) != http_lower(word[i]))
            return false;
    return !word[len];
}

bool http_text_same(const char *a, const char *b)
{
    return http_text_is(a, strlen(a), b);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct http_span http_text_trim(const char *text, size_t len)
{
    while (len && is_blank(text[len - 1]))
        len--;
    while (len && is_blank(*text)) {
        text++;
        len--;
    }
    return (struct http_span){text, len};
}

bool http_text_next(struct http_span list, size_t *cursor, struct http_span *element)
{
    const char *at, *comma;
    size_t len;

    if (*cursor > list.len)
        return false;
    at = list.at + *cursor;
    len = list.len - *cursor;
    comma = len ? memchr(at, ',', len) : NULL;
    if (comma)
        len = (size_t)(comma - at);
    *cursor += len + 1;
    *element = http_text_trim(at, len);
    return true;
}

bool http_text_has(const char *value, const char *word)
{
    struct http_span list = {value, strlen(value)};
    struct http_span element;
    size_t cursor = 0;

    while (http_text_next(list, &cursor, &element))
        if (http_text_is(element.at, element.len, word))
            return true;
    return false;
}

bool http_text_number(const char *text, size_t len, uint64_t *out)
{
    uint64_t value = 0;

    if (!http_text_all(text, len, HTTP_DIGIT))
        return false;
    for (size_t i = 0; i < len; i++) {
        unsigned digit = (unsigned)(text[i] - '0');

        if (value > ((uint64_t)INT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *out = value;
    return true;
}

bool http_text_is_value(const char *value)
{
    size_t len = strlen(value);

    return !len || http_text_all(value, len, HTTP_VALUE);
}

bool http_text_is_token(const char *text)
{
    return http_text_all(text, strlen(text), HTTP_TCHAR);
}
