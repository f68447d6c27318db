/* SPDX-License-Identifier: MIT */
/*
 * Characters, words and lists: the grammar that all of HTTP is written in
 * (RFC 9110 5.6).
 *
 * Owns    the classes of characters, and the rules by which text is compared
 *         and taken apart.
 * Never   knows a field or a message.
 */
#ifndef WEFT_HTTP_TEXT_H
#define WEFT_HTTP_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Classes of octets, as bits. */
enum http_char {
    HTTP_TCHAR = 1 << 0,      /* RFC 9110 5.6.2 */
    HTTP_VALUE = 1 << 1,      /* in a field value: field-vchar, SP, HTAB (RFC 9110 5.5) */
    HTTP_TARGET = 1 << 2,     /* in the path or query of a request target; see text.c */
    HTTP_REGNAME = 1 << 3,    /* in a registered name: RFC 3986 3.2.2, "%" included */
    HTTP_UNRESERVED = 1 << 4, /* RFC 3986 2.3 */
    HTTP_DIGIT = 1 << 5,
    HTTP_HEX = 1 << 6,
    HTTP_ALPHA = 1 << 7,
};

extern const uint8_t http_text_class[256];

static inline bool http_is(char c, unsigned classes)
{
    return (http_text_class[(unsigned char)c] & classes) != 0;
}

/* True when all `len` bytes, at least one, are of the class. */
bool http_text_all(const char *text, size_t len, unsigned classes);

static inline char http_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* The value of a hexadecimal digit, which it must be. */
static inline unsigned http_hex(char c)
{
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a' + 10);
}

/* A piece of text without NUL. */
struct http_span {
    const char *at;
    size_t len;
};

/* Compares without regard to the case of ASCII letters. `word` is a C string. */
bool http_text_is(const char *text, size_t len, const char *word);

/* The same for two C strings. */
bool http_text_same(const char *a, const char *b);

/* Without SP and HTAB at both ends (OWS, RFC 9110 5.6.3). */
struct http_span http_text_trim(const char *text, size_t len);

/*
 * The next element of a comma-separated list without quoted strings, trimmed;
 * moves `list` behind it. Elements may be empty (RFC 9110 5.6.1.2). Gives
 * through `element`; false at the end. Start with the whole value in `list`,
 * and a cursor of 0.
 */
bool http_text_next(struct http_span list, size_t *cursor, struct http_span *element);

/* True when the list `value`, a C string, has the word as an element, without regard to case. */
bool http_text_has(const char *value, const char *word);

/* Reads 1*DIGIT, all of the text. Gives through `out`; false when it is not a number or above INT64_MAX. */
bool http_text_number(const char *text, size_t len, uint64_t *out);

/* The line endings and controls that could end a field line early: true when the C string has none of them. */
bool http_text_is_value(const char *value);

/* The C string is a token. */
bool http_text_is_token(const char *text);

#endif
