/* SPDX-License-Identifier: MIT */
/*
 * Sequence numbers: 32 bits that wrap (RFC 9293 3.4). A struct, so that `<`
 * between two of them does not compile; these functions are the only way to
 * compare. They hold while the two are less than 2^31 apart.
 */
#ifndef WEFT_TCP_SEQ_H
#define WEFT_TCP_SEQ_H

#include <stdbool.h>
#include <stdint.h>

typedef struct tcp_seq {
    uint32_t n;
} tcp_seq;

static inline tcp_seq seq_of(uint32_t n)
{
    return (tcp_seq){n};
}

static inline tcp_seq seq_add(tcp_seq a, uint32_t n)
{
    return (tcp_seq){a.n + n};
}

static inline tcp_seq seq_sub(tcp_seq a, uint32_t n)
{
    return (tcp_seq){a.n - n};
}

/* How far `a` is ahead of `b`; negative when it is behind. */
static inline int32_t seq_diff(tcp_seq a, tcp_seq b)
{
    return (int32_t)(a.n - b.n);
}

/* How many numbers lie in [from, to); `to` must not be behind `from`. */
static inline uint32_t seq_span(tcp_seq from, tcp_seq to)
{
    return to.n - from.n;
}

static inline bool seq_eq(tcp_seq a, tcp_seq b)
{
    return a.n == b.n;
}

static inline bool seq_lt(tcp_seq a, tcp_seq b)
{
    return seq_diff(a, b) < 0;
}

static inline bool seq_le(tcp_seq a, tcp_seq b)
{
    return seq_diff(a, b) <= 0;
}

static inline bool seq_gt(tcp_seq a, tcp_seq b)
{
    return seq_diff(a, b) > 0;
}

static inline bool seq_ge(tcp_seq a, tcp_seq b)
{
    return seq_diff(a, b) >= 0;
}

static inline tcp_seq seq_max(tcp_seq a, tcp_seq b)
{
    return seq_lt(a, b) ? b : a;
}

static inline tcp_seq seq_min(tcp_seq a, tcp_seq b)
{
    return seq_lt(a, b) ? a : b;
}

#endif
