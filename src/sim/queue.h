/* SPDX-License-Identifier: MIT */
/*
 * The queue before a transmitter: who waits, who is dropped or marked.
 *
 * Owns    the packets that wait. Three disciplines: drop-tail; RED (Floyd and
 *         Jacobson 1993, with the gentle slope that RFC 7567 knows); CoDel
 *         (RFC 8289). The last two mark a packet instead of dropping it where
 *         that is wanted and the packet says ECT (RFC 3168 5).
 *
 * Never   knows how fast the transmitter is, or what happens to a packet behind it.
 */
#ifndef WEFT_SIM_QUEUE_H
#define WEFT_SIM_QUEUE_H

#include <weft/sim.h>

#include "base/rng.h"

struct sim_queue {
    struct weft_queue_config config; /* no zeros left */
    struct weft_pktq pkts;           /* `when` of each: when it came */
    uint32_t bytes;
    uint32_t l3; /* where the IP header begins */
    struct rng rng;
    struct weft_wire_stats *stats; /* of the direction; borrowed */

    double average;       /* RED: of the length, packets */
    uint32_t since_drop;  /* RED: packets since one was dropped or marked */
    weft_time idle_since; /* RED: when the queue became empty */

    bool is_dropping; /* CoDel: RFC 8289 5 and its names */
    weft_time first_above, drop_next;
    uint32_t drop_count, last_count;
};

/* An empty queue. `l3`: bytes before the IP header of each packet. Borrows `stats`. */
void sim_queue_init(struct sim_queue *queue, const struct weft_queue_config *config, uint32_t l3,
                    const uint8_t seed[32], struct weft_wire_stats *stats);
void sim_queue_fini(struct sim_queue *queue);

/* Other settings from now on; those who wait stay. */
void sim_queue_set(struct sim_queue *queue, const struct weft_queue_config *config);

/* Takes the packet: it waits, or is dropped and counted. */
void sim_queue_push(struct sim_queue *queue, struct weft_pkt *pkt, weft_time now);

/* The packet whose transmission begins at `now`; NULL when there is none (any more). Gives it. */
struct weft_pkt *sim_queue_pop(struct sim_queue *queue, weft_time now);

#endif
