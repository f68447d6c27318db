/* SPDX-License-Identifier: MIT */
/* The trace ring (base/trace.h): record number n stands in ring[n & mask] until number n + size takes its place. */
#include "base/trace.h"

#include "base/bytes.h"

void trace_write(struct trace *trace, weft_time now, unsigned event, unsigned iface, uint32_t conn,
                 uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5)
{
    trace->ring[trace->written & trace->mask] = (struct weft_trace_record){
        .time = now,
        .event = (uint16_t)event,
        .iface = (uint16_t)iface,
        .conn = conn,
        .arg = {a0, a1, a2, a3, a4, a5},
    };
    trace->written++;
}

uint64_t trace_addr_high(const struct weft_addr *addr)
{
    return get_be64(addr->b);
}

uint64_t trace_addr_low(const struct weft_addr *addr)
{
    return get_be64(addr->b + 8);
}

unsigned trace_read(const struct trace *trace, uint64_t *cursor, struct weft_trace_record *out, unsigned max,
                    uint64_t *lost)
{
    unsigned n = 0;

    if (!trace->ring)
        return 0;
    if (*cursor < trace->written && trace->written - *cursor > trace->mask + 1) {
        uint64_t oldest = trace->written - (trace->mask + 1);

        *lost += oldest - *cursor;
        *cursor = oldest;
    }
    while (n < max && *cursor < trace->written)
        out[n++] = trace->ring[(*cursor)++ & trace->mask];
    return n;
}
