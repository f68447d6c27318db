/* SPDX-License-Identifier: MIT */
/*
 * Reading one line of a script, word by word, left to right.
 *
 * Owns    what a word, a number and a time are.
 * Never   goes past the end of the line; the first thing that is wrong stays
 *         what is said of it.
 */
#ifndef WEFT_SCRIPT_SCAN_H
#define WEFT_SCRIPT_SCAN_H

#include <weft/types.h>

struct scan {
    const char *at, *end;
    bool failed;
    char why[200];
};

/* Notes what is wrong, if nothing was yet. Returns false, so that it can be returned. */
bool scan_fail(struct scan *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The next character that is no space; 0 at the end. */
char scan_peek(struct scan *s);

/* True when the line ends here. */
bool scan_at_end(struct scan *s);

/* Takes `c` if it comes next. */
bool scan_char(struct scan *s, char c);

/* Takes `text` if it comes next, whatever follows. */
bool scan_text(struct scan *s, const char *text);

/* Takes `word` if it comes next as a whole word: letters, digits, '_', '-'. */
bool scan_is(struct scan *s, const char *word);

/* Takes the next word into `out`. Fails when there is none, or it is too long; `what` names it then. */
bool scan_word(struct scan *s, char *out, size_t size, const char *what);

/* A whole number, decimal or with 0x, from 0 to `max`. Fails when there is none. */
bool scan_number(struct scan *s, uint64_t max, uint64_t *out, const char *what);

/* Seconds with decimals, ".1", "0.25", or a number with a unit: "3s", "200ms", "50us", "2m", "1h". */
bool scan_time(struct scan *s, weft_time *out);

/* A value of a setting: a number, a size with k or M behind it, a time with its unit, "yes", "no", a minus. */
bool scan_value(struct scan *s, int64_t *out);

/* Pairs of hexadecimal digits, as many as stand together, at most `size` bytes. */
bool scan_hex(struct scan *s, uint8_t *out, size_t size, uint8_t *len);

/* "10.0.0.2" */
bool scan_addr(struct scan *s, struct weft_addr *out);

/* "10.0.0.2:80", ":80" or "80". Leaves the address alone when there is none. */
bool scan_endpoint(struct scan *s, struct weft_endpoint *out);

#endif
