/* SPDX-License-Identifier: MIT */
/*
 * HyStart++ (RFC 9406): the first slow start ends before the network loses
 * anything, when the round trips of a round are longer than those of the round
 * before. That may be jitter: so cwnd grows on for some rounds, but slower
 * (Conservative Slow Start), and slow start goes on if the delay was none.
 *
 * Owns    struct hystart, in an algorithm's memory; all zero is its beginning.
 * Never   changes cwnd or ssthresh: it tells what the algorithm may do.
 */
#ifndef WEFT_TCP_CC_HYSTART_H
#define WEFT_TCP_CC_HYSTART_H

#include <weft/congestion.h>

/* With the RFC's names; a round trip of 0 stands for infinity. */
struct hystart {
    uint64_t window_end;       /* windowEnd: the round is over when this byte is acknowledged */
    weft_time last_min_rtt;    /* lastRoundMinRTT */
    weft_time current_min_rtt; /* currentRoundMinRTT */
    weft_time css_baseline;    /* cssBaselineMinRtt */
    uint32_t samples;          /* rttSampleCount */
    uint32_t css_rounds;       /* rounds of CSS that are over, the one that it began in included */
    bool in_css;
};

/* What this ACK says of the round trips. Returns true when slow start is over: ssthresh is to be cwnd. */
bool hystart_ack(struct hystart *hystart, const struct weft_cc *cc, const struct weft_cc_ack *ack);

/* By how many bytes cwnd may grow when `acked` are acknowledged. */
uint32_t hystart_growth(const struct hystart *hystart, const struct weft_cc *cc, uint32_t acked);

#endif
