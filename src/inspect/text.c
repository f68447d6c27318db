/* SPDX-License-Identifier: MIT */
/* Text in a buffer of fixed size. UTF-8 by RFC 3629. */
#include "inspect/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct inspect_text inspect_text_in(char *buf, size_t size)
{
    buf[0] = '\0';
    return (struct inspect_text){buf, size, 0, false};
}

void inspect_text_vformat(struct inspect_text *t, const char *format, va_list args)
{
    size_t room = t->size - t->used;
    int n = vsnprintf(t->buf + t->used, room, format, args);

    if (n < 0)
        return;
    if ((size_t)n >= room) {
        t->is_full = true;
        n = (int)room - 1;
    }
    t->used += (size_t)n;
}

void inspect_text_format(struct inspect_text *t, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    inspect_text_vformat(t, format, args);
    va_end(args);
}

/* All of it or, when it does not fit, nothing. */
static bool append(struct inspect_text *t, const void *bytes, size_t len)
{
    if (len >= t->size - t->used) {
        t->is_full = true;
        return false;
    }
    memcpy(t->buf + t->used, bytes, len);
    t->used += len;
    t->buf[t->used] = '\0';
    return true;
}

size_t inspect_text_utf8(const uint8_t *bytes, size_t len, uint32_t *out)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n;
    uint32_t c;

    if (len == 0)
        return 0;
    if (bytes[0] < 0x80) {
        *out = bytes[0];
        return 1;
    }
    n = bytes[0] >= 0xf0 ? 4 : bytes[0] >= 0xe0 ? 3 : 2;
    if (bytes[0] < 0xc2 || bytes[0] > 0xf4 || len < n)
        return 0;
    c = bytes[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (bytes[i] & 0x3f);
    }
    if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return 0;
    *out = c;
    return n;
}

bool inspect_text_is_plain(uint32_t c)
{
    if (c < 0x20 || (c >= 0x7f && c <= 0x9f))
        return false;
    /* Direction marks, embeddings, overrides and isolates; line and paragraph separators; byte order mark. */
    if (c == 0x200e || c == 0x200f || c == 0x061c || c == 0xfeff)
        return false;
    return !(c >= 0x2028 && c <= 0x202e) && !(c >= 0x2066 && c <= 0x2069);
}

/* One byte that cannot stand for itself. */
static bool append_escaped(struct inspect_text *t, uint8_t byte)
{
    char buf[8];

    if (byte == '\r')
        return append(t, "\\r", 2);
    if (byte == '\n')
        return append(t, "\\n", 2);
    if (byte == '\t')
        return append(t, "\\t", 2);
    (void)snprintf(buf, sizeof(buf), "\\x%02x", byte);
    return append(t, buf, 4);
}

void inspect_text_printable(struct inspect_text *t, const uint8_t *bytes, size_t len)
{
    for (size_t at = 0; at < len;) {
        uint32_t c = 0;
        size_t n = inspect_text_utf8(bytes + at, len - at, &c);

        if (n > 0 && inspect_text_is_plain(c)) {
            if (!append(t, bytes + at, n))
                return;
            at += n;
        } else if (!append_escaped(t, bytes[at++])) {
            return;
        }
    }
}

const char *inspect_text_number(uint64_t n, char *buf)
{
    char digits[24];
    int len = snprintf(digits, sizeof(digits), "%" PRIu64, n);
    char *to = buf;

    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            *to++ = ',';
        *to++ = digits[i];
    }
    *to = '\0';
    return buf;
}

const char *inspect_text_bytes(uint64_t n, char *buf)
{
    inspect_text_number(n, buf);
    strcat(buf, n == 1 ? " byte" : " bytes");
    return buf;
}

const char *inspect_text_duration(weft_time t, char *buf)
{
    if (t < WEFT_MSEC)
        (void)snprintf(buf, INSPECT_NUMBER_TEXT, "%" PRIu64 " us", t);
    else if (t < WEFT_SEC && t % WEFT_MSEC == 0)
        (void)snprintf(buf, INSPECT_NUMBER_TEXT, "%" PRIu64 " ms", t / WEFT_MSEC);
    else if (t < WEFT_SEC)
        (void)snprintf(buf, INSPECT_NUMBER_TEXT, "%.2f ms", (double)t / (double)WEFT_MSEC);
    else
        (void)snprintf(buf, INSPECT_NUMBER_TEXT, "%.3f s", (double)t / (double)WEFT_SEC);
    return buf;
}
