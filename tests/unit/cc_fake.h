/* SPDX-License-Identifier: MIT */
/*
 * An algorithm of congestion control alone, without TCP: a connection is a
 * struct weft_cc that the test fills, and a round trip is a loop of ACKs.
 *
 * Owns    nothing. Everything here is static inline, so that a test is one file.
 */
#ifndef WEFT_TESTS_CC_FAKE_H
#define WEFT_TESTS_CC_FAKE_H

#include "support.h"

#include "tcp/cc/cc.h"

#define MSS 1000u

struct fake {
    const struct weft_congestion *ops;
    struct weft_cc cc;
    weft_time rtt;
    uint64_t memory[WEFT_CC_MEMORY];
};

static inline struct fake *fake_new(const struct weft_congestion *ops, weft_time rtt)
{
    struct fake *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    f->ops = ops;
    f->rtt = rtt;
    f->cc = (struct weft_cc){
        .cwnd = 10 * MSS,
        .ssthresh = UINT32_MAX,
        .now = 1000 * WEFT_SEC,
        .srtt = rtt,
        .min_rtt = rtt,
        .mss = MSS,
        .initial_window = 10 * MSS,
        .hystart_limit = 8,
        .has_sack = true,
        .cwnd_limited = true,
        .seed = 1,
        .memory = f->memory,
    };
    ops->init(&f->cc);
    return f;
}

/* One ACK for `bytes`, with a round trip of `rtt` measured (0: none). The window stays full. */
static inline void fake_ack(struct fake *f, uint32_t bytes, weft_time rtt, bool may_grow)
{
    struct weft_cc_ack ack = {.acked = bytes, .delivered = bytes, .rtt = rtt, .may_grow = may_grow};

    if (f->cc.sent < f->cc.acked + f->cc.cwnd)
        f->cc.sent = f->cc.acked + f->cc.cwnd;
    f->cc.acked += bytes;
    f->cc.delivered += bytes;
    f->cc.in_flight = f->cc.cwnd;
    f->cc.cause = WEFT_CAUSE_NONE;
    f->ops->ack(&f->cc, &ack);
}

/* A round trip: the window of its beginning is acknowledged, `per_ack` bytes at a time, evenly. */
static inline void fake_round(struct fake *f, uint32_t per_ack)
{
    uint32_t window = f->cc.cwnd;
    weft_time began = f->cc.now;

    for (uint32_t at = 0; at < window; at += per_ack) {
        uint32_t n = window - at < per_ack ? window - at : per_ack;

        f->cc.now = began + f->rtt * (at + n) / window;
        fake_ack(f, n, f->rtt, true);
    }
}

/* Congestion with the whole window out, and the recovery from it. */
static inline void fake_lose(struct fake *f, enum weft_cc_signal signal)
{
    f->ops->congestion(&f->cc, signal, f->cc.cwnd);
    if (signal == WEFT_CC_BY_LOSS)
        f->cc.cwnd = f->cc.ssthresh;
    else if (signal == WEFT_CC_BY_TIMEOUT)
        f->cc.cwnd = f->cc.mss;
    if (f->ops->recovered)
        f->ops->recovered(&f->cc);
}

#endif
