/* SPDX-License-Identifier: MIT */
/*
 * Text in a buffer of fixed size: what does not fit is left off, never written
 * beyond. And the few ways in which numbers and foreign bytes become text.
 *
 * Owns    nothing; the buffer is the caller's.
 */
#ifndef WEFT_INSPECT_TEXT_H
#define WEFT_INSPECT_TEXT_H

#include <stdarg.h>

#include <weft/types.h>

struct inspect_text {
    char *buf; /* always ends with a NUL */
    size_t size;
    size_t used;  /* without the NUL */
    bool is_full; /* something was left off */
};

/* An empty text in `size` bytes, at least 1. */
struct inspect_text inspect_text_in(char *buf, size_t size);

void inspect_text_format(struct inspect_text *t, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void inspect_text_vformat(struct inspect_text *t, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

/*
 * Adds bytes of unknown origin so that they can be shown: UTF-8 as it is;
 * control characters, those that change the direction of writing, and what is not
 * UTF-8 as \r, \n, \t or \xNN. Stops before a character that does not fit whole.
 */
void inspect_text_printable(struct inspect_text *t, const uint8_t *bytes, size_t len);

/* The number of bytes of the UTF-8 character at `bytes` and the character in `out`; 0 when it is none. */
size_t inspect_text_utf8(const uint8_t *bytes, size_t len, uint32_t *out);

/* True for a character that may be shown as it is: not a control, not one that changes direction. */
bool inspect_text_is_plain(uint32_t character);

#define INSPECT_NUMBER_TEXT 40 /* 2^64 with its commas, " bytes" and NUL take 33 */

/* "40,213". Returns `buf`, of INSPECT_NUMBER_TEXT bytes. */
const char *inspect_text_number(uint64_t n, char *buf);

/* "1 byte", "40,213 bytes". The same. */
const char *inspect_text_bytes(uint64_t n, char *buf);

/* "85 us", "40 ms", "1.000 s". The same. */
const char *inspect_text_duration(weft_time t, char *buf);

#endif
