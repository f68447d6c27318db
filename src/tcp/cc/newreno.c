/* SPDX-License-Identifier: MIT */
/*
 * NewReno's window (RFC 5681 3.1, RFC 6582), counting bytes (RFC 3465).
 *
 * Owns    the growth of cwnd in slow start and congestion avoidance.
 */
#include "tcp/cc/cc.h"
#include "tcp/cc/slow_start.h"

/* RFC 3465 2.3: L, the most segments that one ACK may add in slow start; in the slow start that follows a timeout
 * it is 1, since ACKs for much are common then and say little of what has left the network. */
#define SLOW_START_LIMIT_SEGS 2u

struct newreno {
    uint64_t acked;     /* bytes acknowledged and not yet turned into growth: bytes_acked of RFC 3465 2.1 */
    bool after_timeout; /* the slow start under way follows one */
};

static void init(struct weft_cc *cc)
{
    (void)cc;
}

/* RFC 3465 2.2. Returns the bytes that are left for avoidance. */
static uint32_t slow_start(struct weft_cc *cc, const struct newreno *reno, uint32_t acked)
{
    uint32_t most = cc->mss * (reno->after_timeout ? 1 : SLOW_START_LIMIT_SEGS);

    return cc_slow_start(cc, acked < most ? acked : most);
}

static void ack(struct weft_cc *cc, const struct weft_cc_ack *ack)
{
    struct newreno *reno = (struct newreno *)cc->memory;
    uint32_t acked = ack->acked;

    if (!ack->may_grow)
        return;
    if (cc->cwnd < cc->ssthresh)
        acked = slow_start(cc, reno, acked);
    if (acked == 0)
        return;
    /* RFC 3465 2.1: a segment for each window that is acknowledged. */
    reno->acked += acked;
    if (reno->acked >= cc->cwnd) {
        reno->acked -= cc->cwnd;
        cc->cwnd += cc->mss;
    }
}

/* RFC 5681 equation 4: max(FlightSize / 2, 2 * SMSS). */
static void congestion(struct weft_cc *cc, enum weft_cc_signal signal, uint32_t flight)
{
    struct newreno *reno = (struct newreno *)cc->memory;
    uint32_t half = flight / 2;

    reno->acked = 0;
    reno->after_timeout = signal == WEFT_CC_BY_TIMEOUT;
    cc->ssthresh = half > 2 * cc->mss ? half : 2 * cc->mss;
    /* An echoed mark leaves less than two segments, if need be (RFC 3168 6.1.2). */
    if (signal == WEFT_CC_BY_ECN)
        cc->cwnd = half > cc->mss ? half : cc->mss;
}

const struct weft_congestion tcp_cc_newreno = {
    .name = "newreno",
    .init = init,
    .ack = ack,
    .congestion = congestion,
};
