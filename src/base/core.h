/* SPDX-License-Identifier: MIT */
/*
 * What every layer of one stack shares and is handed: the time, the timer
 * wheel, random numbers, secrets, counters, the trace, memory for packets, and
 * the ready list.
 *
 * Owns    these; the layers borrow them through one pointer.
 * Never   knows a protocol.
 */
#ifndef WEFT_BASE_CORE_H
#define WEFT_BASE_CORE_H

#include <weft/stack.h>

#include "base/ready.h"
#include "base/rng.h"
#include "base/siphash.h"
#include "base/trace.h"
#include "base/wheel.h"

/* Who set a timer: the `kind` of its node, by which stack.c hands it back. */
enum core_timer_kind {
    CORE_TIMER_APPLICATION,
    CORE_TIMER_APPLICATION_DUE, /* no longer in the wheel: waits to be given out */
    CORE_TIMER_NEIGH,
    CORE_TIMER_ANNOUNCE,
    CORE_TIMER_PMTU,
    CORE_TIMER_TCP,
    CORE_TIMER_TCP_SYN,
    CORE_TIMER_TCP_TIME_WAIT,
};

struct core {
    weft_time now;
    struct wheel wheel;
    struct rng rng;
    struct siphash_key secret; /* for hashes of what peers choose, so that they cannot aim */
    struct trace trace;
    struct weft_stats stats;
    struct weft_pool *pool;
    struct weft_allocator allocator;
    struct ready_list ready;
};

static inline void core_count(struct core *core, enum weft_counter counter)
{
    core->stats.count[counter]++;
}

/* Counts and traces that a packet goes no further, and frees it. Takes `pkt`, which may be NULL. */
static inline void core_drop(struct core *core, enum weft_drop reason, unsigned iface, uint32_t conn,
                             struct weft_pkt *pkt)
{
    core->stats.drop[reason]++;
    trace(&core->trace, core->now, WEFT_TRACE_DROP, iface, conn, reason, pkt ? pkt->total_len : 0, 0, 0, 0,
          0);
    weft_pkt_free(pkt);
}

static inline void *core_alloc(struct core *core, size_t size)
{
    return core->allocator.alloc(core->allocator.ctx, size);
}

static inline void core_free(struct core *core, void *mem, size_t size)
{
    if (mem)
        core->allocator.free(core->allocator.ctx, mem, size);
}

#endif
