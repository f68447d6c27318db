/* SPDX-License-Identifier: MIT */
/*
 * Checked reading and writing of bytes in order. A cursor never leaves its
 * range: a step past the end reads zero (or writes nothing) and is remembered,
 * so that a parser reads straight down and asks once, with cursor_ok, before
 * any field is believed.
 */
#ifndef WEFT_BASE_CURSOR_H
#define WEFT_BASE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/bytes.h"

struct cursor {
    const uint8_t *at, *end;
    bool failed;
};

struct writer {
    uint8_t *at, *end;
    bool failed;
};

/* `data` may be NULL when `len` is 0. */
static inline struct cursor cursor_of(const void *data, size_t len)
{
    const uint8_t *bytes = data;

    return (struct cursor){bytes, len ? bytes + len : bytes, false};
}

static inline bool cursor_ok(const struct cursor *c)
{
    return !c->failed;
}

static inline size_t cursor_left(const struct cursor *c)
{
    return (size_t)(c->end - c->at);
}

/* The next `n` bytes where they lie, passed over; NULL (and failed) when there are fewer. */
static inline const uint8_t *cursor_take(struct cursor *c, size_t n)
{
    const uint8_t *at = c->at;

    if (c->failed || cursor_left(c) < n) {
        c->failed = true;
        return NULL;
    }
    c->at += n;
    return at;
}

static inline uint8_t cursor_u8(struct cursor *c)
{
    const uint8_t *p = cursor_take(c, 1);

    return p ? *p : 0;
}

static inline uint16_t cursor_be16(struct cursor *c)
{
    const uint8_t *p = cursor_take(c, 2);

    return p ? get_be16(p) : 0;
}

static inline uint32_t cursor_be32(struct cursor *c)
{
    const uint8_t *p = cursor_take(c, 4);

    return p ? get_be32(p) : 0;
}

static inline void cursor_bytes(struct cursor *c, void *to, size_t n)
{
    const uint8_t *p = cursor_take(c, n);

    if (p && n)
        memcpy(to, p, n);
    else if (n)
        memset(to, 0, n);
}

static inline void cursor_skip(struct cursor *c, size_t n)
{
    (void)cursor_take(c, n);
}

/* A cursor over the next `n` bytes, which are passed over here; failed when there are fewer. */
static inline struct cursor cursor_sub(struct cursor *c, size_t n)
{
    const uint8_t *p = cursor_take(c, n);

    return p ? cursor_of(p, n) : (struct cursor){NULL, NULL, true};
}

/* `data` may be NULL when `len` is 0. */
static inline struct writer writer_of(void *data, size_t len)
{
    uint8_t *bytes = data;

    return (struct writer){bytes, len ? bytes + len : bytes, false};
}

static inline uint8_t *writer_take(struct writer *w, size_t n)
{
    uint8_t *at = w->at;

    if (w->failed || (size_t)(w->end - w->at) < n) {
        w->failed = true;
        return NULL;
    }
    w->at += n;
    return at;
}

static inline void writer_u8(struct writer *w, uint8_t v)
{
    uint8_t *p = writer_take(w, 1);

    if (p)
        *p = v;
}

static inline void writer_be16(struct writer *w, uint16_t v)
{
    uint8_t *p = writer_take(w, 2);

    if (p)
        put_be16(p, v);
}

static inline void writer_be32(struct writer *w, uint32_t v)
{
    uint8_t *p = writer_take(w, 4);

    if (p)
        put_be32(p, v);
}

/* `from` may be NULL when `n` is 0. */
static inline void writer_bytes(struct writer *w, const void *from, size_t n)
{
    uint8_t *p = writer_take(w, n);

    if (p && n)
        memcpy(p, from, n);
}

#endif
