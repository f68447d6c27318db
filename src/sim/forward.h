/* SPDX-License-Identifier: MIT */
/*
 * A node that passes packets on between its links: what routers and
 * middleboxes have in common.
 *
 * Owns    the links, and for each a queue of what is to leave by it.
 * Never   looks into a packet: `packet` of its owner does.
 */
#ifndef WEFT_SIM_FORWARD_H
#define WEFT_SIM_FORWARD_H

#include "sim/net.h"

struct sim_port {
    struct weft_link *link;
    struct weft_pktq out;
    bool is_broken;
};

struct sim_forward {
    struct sim_node node; /* first */
    struct weft_pool *pool;
    struct sim_port *ports;
    unsigned count;
    /* A packet came in by a port at `now`. Takes it. */
    void (*packet)(struct sim_forward *forward, unsigned port, struct weft_pkt *pkt, weft_time now);
    /* Each round, before what is queued leaves; NULL if of no interest. */
    void (*tick)(struct sim_forward *forward, weft_time now);
    /* When `tick` has something to do; NULL: never. */
    weft_time (*due)(const struct sim_forward *forward);
    /* Frees what the owner has besides; NULL: nothing. The memory of `forward` itself is freed after it. */
    void (*fini)(struct sim_forward *forward);
};

/* Prepares a node whose memory begins with `forward`, which has its functions set already. */
void sim_forward_init(struct sim_forward *forward, struct weft_sim *sim);

/* Takes the link. Returns its port, from 0, or WEFT_E_NOMEM. */
int sim_forward_add_link(struct sim_forward *forward, struct weft_link *link);

/* The packet leaves by a port with the end of the round. Takes it. */
void sim_forward_send(struct sim_forward *forward, unsigned port, struct weft_pkt *pkt);

#endif
