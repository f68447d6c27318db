/* SPDX-License-Identifier: MIT */
/*
 * A wire that takes bits at a given rate, with a finite queue before it: says
 * when each packet will have passed, exactly, and holds none itself.
 *
 * Owns    the time at which the wire is free again, and when each packet that
 *         still waits for it will begin.
 */
#ifndef WEFT_LINK_RATE_H
#define WEFT_LINK_RATE_H

#include <weft/types.h>

/* Above it (a petabit) a packet takes no time that a 64-bit sum of bits and microseconds could tell. */
#define LINK_RATE_MAX ((uint64_t)1000000000000000)

struct link_rate {
    uint64_t rate;     /* bits per second; 0: no limit */
    weft_time free_at; /* when the last bit accepted so far will have passed, rounded up … */
    uint64_t early;    /* … by this much: a fraction of a microsecond, times `rate` */
    weft_time *begins; /* ring: when the transmission of each waiting packet begins */
    uint32_t first, waiting, limit;
};

/* A wire of `bits_per_second`, 0 for no limit, before which `limit` packets may wait. Returns 0 or
 * WEFT_E_NOMEM. */
int link_rate_init(struct link_rate *rate, uint64_t bits_per_second, uint32_t limit);
void link_rate_fini(struct link_rate *rate);

/* When the last bit of `bytes` that come at `now` has passed, rounded up to the microsecond;
 * WEFT_TIME_NEVER when the queue is full. `now` never goes back. */
weft_time link_rate_pass(struct link_rate *rate, uint32_t bytes, weft_time now);

#endif
