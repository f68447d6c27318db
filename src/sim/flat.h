/* SPDX-License-Identifier: MIT */
/*
 * A TCP segment in one piece of memory, to be changed by a middlebox.
 *
 * Owns    where its headers are, and its checksums.
 * Never   changes what it cannot read: what is no sound TCP segment over IPv4,
 *         or has a wrong checksum, is none.
 */
#ifndef WEFT_SIM_FLAT_H
#define WEFT_SIM_FLAT_H

#include <weft/pkt.h>

#include "wire/tcp.h"

struct flat {
    uint32_t len;         /* bytes of the frame */
    uint32_t ip, tcp;     /* where the headers begin */
    uint32_t payload;     /* where the payload begins */
    uint32_t payload_len; /* bytes */
    uint32_t src, dst;    /* addresses */
    struct wire_tcp head; /* as it was parsed; flat_finish writes seq, ack, flags and window back */
    uint8_t bytes[WEFT_PKT_MAX];
};

/* Reads a packet whose IP header begins at `l3`. Returns false when it is none that can be changed. */
bool flat_read(struct flat *flat, const struct weft_pkt *pkt, uint32_t l3);

/* The options; behind END nothing is. Calls `each` with kind, and the bytes of the option, which it may change. */
void flat_options(struct flat *flat, void (*each)(void *ctx, uint8_t *option, uint8_t len), void *ctx);

/* Writes the header back, and lengths and checksums. */
void flat_finish(struct flat *flat);

/* The frame as a packet, or NULL when the pool is empty. */
struct weft_pkt *flat_packet(const struct flat *flat, struct weft_pool *pool);

#endif
