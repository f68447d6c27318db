/* SPDX-License-Identifier: MIT */
/*
 * NewReno's window (RFC 5681 3.1, RFC 6582), counting bytes (RFC 3465).
 *
 * Owns    the growth of cwnd in slow start and congestion avoidance.
 */
#include "tcp/cc/cc.h"

/* L, the most segments that one ACK may add in slow start: RFC 3465 2.2 says 2; RFC 9406 4.3 finds 8
 * right where ACKs stand for many segments. After a timeout it is 1 (RFC 3465 2.3). */
#define SLOW_START_LIMIT_SEGS 8u

/* RFC 6928 2: min(10 * MSS, max(2 * MSS, 14600)). */
uint32_t tcp_cc_initial_window(const struct tcb *tcb)
{
    uint32_t mss = tcb->snd.mss;
    uint32_t segs = tcb->tcp->config.initial_window_segs;
    uint32_t bound = 2 * mss > segs * 1460 ? 2 * mss : segs * 1460;

    return segs * mss < bound ? segs * mss : bound;
}

static void init(struct tcb *tcb)
{
    tcb->cc.cwnd = tcp_cc_initial_window(tcb);
    tcb->cc.ssthresh = UINT32_MAX;
    tcb->cc.acked = 0;
}

static void grow(struct tcb *tcb, uint32_t acked)
{
    struct tcp_congestion *cc = &tcb->cc;
    uint32_t mss = tcb->snd.mss;

    if (cc->cwnd < cc->ssthresh) {
        uint32_t most = mss * (cc->state == TCP_CA_LOSS ? 1 : SLOW_START_LIMIT_SEGS);

        cc->cwnd += acked < most ? acked : most;
        return;
    }
    cc->acked += acked;
    if (cc->acked >= cc->cwnd) {
        cc->acked -= cc->cwnd;
        cc->cwnd += mss;
    }
}

/* RFC 5681 equation 4: max(FlightSize / 2, 2 * SMSS). */
static uint32_t reduced(const struct tcb *tcb, uint32_t flight)
{
    uint32_t half = (flight < tcb->cc.cwnd ? flight : tcb->cc.cwnd) / 2;

    return half > 2u * tcb->snd.mss ? half : 2u * tcb->snd.mss;
}

const struct tcp_cc_ops tcp_cc_newreno = {
    .name = "newreno",
    .init = init,
    .grow = grow,
    .reduced = reduced,
};
