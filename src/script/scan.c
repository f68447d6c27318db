/* SPDX-License-Identifier: MIT */
#include "script/scan.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool scan_fail(struct scan *s, const char *format, ...)
{
    va_list args;

    if (s->failed)
        return false;
    s->failed = true;
    va_start(args, format);
    vsnprintf(s->why, sizeof(s->why), format, args);
    va_end(args);
    return false;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' || c == '-';
}

char scan_peek(struct scan *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\t'))
        s->at++;
    return s->at < s->end ? *s->at : 0;
}

bool scan_at_end(struct scan *s)
{
    return scan_peek(s) == 0;
}

bool scan_char(struct scan *s, char c)
{
    if (scan_peek(s) != c)
        return false;
    s->at++;
    return true;
}

bool scan_text(struct scan *s, const char *text)
{
    size_t len = strlen(text);

    scan_peek(s);
    if ((size_t)(s->end - s->at) < len || memcmp(s->at, text, len) != 0)
        return false;
    s->at += len;
    return true;
}

/* The length of the word that comes next. */
static size_t word_length(struct scan *s)
{
    size_t n = 0;

    scan_peek(s);
    while (s->at + n < s->end && is_word_char(s->at[n]))
        n++;
    return n;
}

bool scan_is(struct scan *s, const char *word)
{
    size_t len = strlen(word);

    if (word_length(s) != len || memcmp(s->at, word, len) != 0)
        return false;
    s->at += len;
    return true;
}

bool scan_word(struct scan *s, char *out, size_t size, const char *what)
{
    size_t len = word_length(s);

    if (len == 0)
        return scan_fail(s, "%s is missing", what);
    if (len >= size)
        return scan_fail(s, "%s is longer than %u characters", what, (unsigned)size - 1);
    memcpy(out, s->at, len);
    out[len] = 0;
    s->at += len;
    return true;
}

static int digit_of(char c)
{
    if (is_digit(c))
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 99;
}

bool scan_number(struct scan *s, uint64_t max, uint64_t *out, const char *what)
{
    unsigned base = scan_text(s, "0x") ? 16 : 10;
    uint64_t value = 0;
    unsigned digits = 0;

    for (; s->at < s->end && digit_of(*s->at) < (int)base; s->at++, digits++) {
        uint64_t digit = (uint64_t)digit_of(*s->at);

        if (value > (UINT64_MAX - digit) / base)
            return scan_fail(s, "%s is too large", what);
        value = value * base + digit;
    }
    if (digits == 0)
        return scan_fail(s, "%s: a number is missing", what);
    if (value > max)
        return scan_fail(s, "%s is above %llu", what, (unsigned long long)max);
    *out = value;
    return true;
}

/* --- Times --------------------------------------------------------------------- */

/* Digits behind a point, as millionths. More than six would be lost. */
static bool read_fraction(struct scan *s, uint64_t *out)
{
    unsigned digits = 0;

    *out = 0;
    for (; s->at < s->end && is_digit(*s->at); s->at++, digits++) {
        if (digits >= 6)
            return scan_fail(s, "a time has more than six decimals");
        *out = *out * 10 + (uint64_t)(*s->at - '0');
    }
    if (digits == 0)
        return scan_fail(s, "digits are missing behind the point");
    for (; digits < 6; digits++)
        *out *= 10;
    return true;
}

/* What a unit is worth in microseconds; 0: there is none. */
static uint64_t read_unit(struct scan *s)
{
    static const struct {
        const char *name;
        uint64_t usec;
    } units[] = {{"us", 1}, {"ms", 1000}, {"s", 1000000}, {"m", 60000000}, {"h", 3600000000}};

    if (s->at >= s->end || !is_word_char(*s->at))
        return 0;
    for (unsigned i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (scan_is(s, units[i].name))
            return units[i].usec;
    return 0;
}

#define MAX_SECONDS (400u * 86400) /* so that no product overflows */

bool scan_time(struct scan *s, weft_time *out)
{
    uint64_t whole = 0, fraction = 0, unit;

    if (scan_peek(s) != '.' && !scan_number(s, MAX_SECONDS, &whole, "the time"))
        return false;
    if (s->at < s->end && *s->at == '.') {
        s->at++;
        if (!read_fraction(s, &fraction))
            return false;
    }
    unit = read_unit(s);
    if (unit == 0)
        unit = 1000000;
    *out = whole * unit + fraction * unit / 1000000;
    return true;
}

/* --- Values ----------------------------------------------------------------------- */

bool scan_value(struct scan *s, int64_t *out)
{
    uint64_t value, unit;
    bool negative;

    if (scan_is(s, "yes") || scan_is(s, "no")) {
        *out = s->at[-1] == 's';
        return true;
    }
    negative = scan_char(s, '-');
    if (!scan_number(s, INT64_MAX, &value, "the value"))
        return false;
    if (s->at < s->end && (*s->at == 'k' || *s->at == 'M')) {
        unit = *s->at == 'k' ? 1024 : 1024 * 1024;
        s->at++;
    } else {
        unit = read_unit(s);
    }
    if (unit > 1 && value > (uint64_t)INT64_MAX / unit)
        return scan_fail(s, "the value is too large");
    value *= unit > 1 ? unit : 1;
    *out = negative ? -(int64_t)value : (int64_t)value;
    return true;
}

bool scan_hex(struct scan *s, uint8_t *out, size_t size, uint8_t *len)
{
    scan_peek(s);
    *len = 0;
    while (s->end - s->at >= 2 && digit_of(s->at[0]) < 16 && digit_of(s->at[1]) < 16) {
        if (*len >= size)
            return scan_fail(s, "more than %u bytes", (unsigned)size);
        out[(*len)++] = (uint8_t)(digit_of(s->at[0]) << 4 | digit_of(s->at[1]));
        s->at += 2;
    }
    if (s->at < s->end && is_word_char(*s->at))
        return scan_fail(s, "'%c' is no hexadecimal digit, or the last of an odd number", *s->at);
    return true;
}

bool scan_addr(struct scan *s, struct weft_addr *out)
{
    char text[WEFT_ADDR_STRLEN];
    size_t n = 0;

    scan_peek(s);
    while (s->at + n < s->end && (is_digit(s->at[n]) || s->at[n] == '.'))
        n++;
    if (n == 0 || n >= sizeof(text))
        return scan_fail(s, "an address is missing");
    memcpy(text, s->at, n);
    text[n] = 0;
    if (weft_addr_parse(text, out) != 0)
        return scan_fail(s, "'%s' is no IPv4 address", text);
    s->at += n;
    return true;
}

static bool has_dot_before_space(struct scan *s)
{
    scan_peek(s);
    for (const char *at = s->at; at < s->end && (is_digit(*at) || *at == '.'); at++)
        if (*at == '.')
            return true;
    return false;
}

bool scan_endpoint(struct scan *s, struct weft_endpoint *out)
{
    uint64_t port;

    if (has_dot_before_space(s)) {
        if (!scan_addr(s, &out->addr))
            return false;
        if (!scan_char(s, ':'))
            return scan_fail(s, "':' and a port are missing behind the address");
    } else {
        scan_char(s, ':');
    }
    if (!scan_number(s, UINT16_MAX, &port, "the port"))
        return false;
    out->port = (uint16_t)port;
    return true;
}
