/* SPDX-License-Identifier: MIT */
/*
 * The inside of a simulated network: what the clock knows of a node.
 *
 * Owns    the form of a node. Stacks, routers and middleboxes are nodes: they
 *         say when they want a round, and get it.
 */
#ifndef WEFT_SIM_NET_H
#define WEFT_SIM_NET_H

#include <weft/sim.h>

struct sim_node;

struct sim_node_ops {
    /* When a round is needed at the latest; a moment not after now if at once. */
    weft_time (*deadline)(const struct sim_node *node);
    /* Receives, works, sends: a bounded amount. */
    void (*round)(struct sim_node *node, weft_time now);
    /* Others have a round at `now`; NULL if of no interest. */
    void (*idle)(struct sim_node *node, weft_time now);
    /* Packets lead from any node to any other, so all links are closed before the first node is freed. */
    void (*close_links)(struct sim_node *node);
    void (*free)(struct sim_node *node);
};

/* First member of every node. */
struct sim_node {
    const struct sim_node_ops *ops;
};

/* Adds a node to the network, which owns it from then on. Returns 0, or WEFT_E_NOMEM: it has then been freed. */
int sim_add_node(struct weft_sim *sim, struct sim_node *node);

/* 32 bytes for a generator of somebody's own. */
void sim_seed(struct weft_sim *sim, uint8_t seed[32]);

#endif
