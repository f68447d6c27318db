/* SPDX-License-Identifier: MIT */
/*
 * The trace ring: fixed-size records, the newest overwrite the oldest.
 *
 * Owns    the ring's memory and its write position. Readers keep their own
 *         position and find out by themselves what they have missed.
 * Never   formats, filters or calls anybody. Without a ring an event costs one
 *         branch.
 */
#ifndef WEFT_BASE_TRACE_H
#define WEFT_BASE_TRACE_H

#include <weft/trace.h>

struct trace {
    struct weft_trace_record *ring; /* NULL: nobody listens */
    uint64_t written;               /* records ever; ring[written & mask] is the next */
    uint64_t mask;
};

/* Appends a record. Not inline: it must not weigh on its callers. */
void trace_write(struct trace *trace, weft_time now, unsigned event, unsigned iface, uint32_t conn,
                 uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5);

/* Records an event with the arguments that WEFT_TRACE_EVENTS lists for it; 0 for those it does not have. */
static inline void trace(struct trace *trace, weft_time now, unsigned event, unsigned iface, uint32_t conn,
                         uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5)
{
    if (__builtin_expect(trace->ring != NULL, 0))
        trace_write(trace, now, event, iface, conn, a0, a1, a2, a3, a4, a5);
}

static inline int trace_is_on(const struct trace *trace)
{
    return trace->ring != NULL;
}

/* The two arguments that an address takes. */
uint64_t trace_addr_high(const struct weft_addr *addr);
uint64_t trace_addr_low(const struct weft_addr *addr);

/* As weft_trace_read, on the ring itself. */
unsigned trace_read(const struct trace *trace, uint64_t *cursor, struct weft_trace_record *out, unsigned max,
                    uint64_t *lost);

#endif
