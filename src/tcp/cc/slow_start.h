/* SPDX-License-Identifier: MIT */
/* Slow start as the algorithms share it. */
#ifndef WEFT_TCP_CC_SLOW_START_H
#define WEFT_TCP_CC_SLOW_START_H

#include <weft/congestion.h>

/* Adds `growth` bytes to cwnd, to ssthresh at most (RFC 5681 3.1). Returns the bytes that are left for
 * congestion avoidance. */
static inline uint32_t cc_slow_start(struct weft_cc *cc, uint32_t growth)
{
    uint32_t gap = cc->ssthresh - cc->cwnd;

    if (growth < gap) {
        cc->cwnd += growth;
        return 0;
    }
    cc->cwnd = cc->ssthresh;
    return growth - gap;
}

#endif
