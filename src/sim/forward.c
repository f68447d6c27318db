/* SPDX-License-Identifier: MIT */
/* Nodes that pass packets on (forward.h). */
#include "sim/forward.h"

#include <stdlib.h>

#define RECV_BATCH 64 /* packets; ours: a round of one link */

static weft_time port_deadline(const struct sim_port *port)
{
    if (port->is_broken)
        return WEFT_TIME_NEVER;
    return weft_link_deadline(port->link);
}

static weft_time deadline(const struct sim_node *node)
{
    const struct sim_forward *forward = (const struct sim_forward *)node;
    weft_time first = forward->due ? forward->due(forward) : WEFT_TIME_NEVER;

    for (unsigned i = 0; i < forward->count; i++) {
        weft_time at = port_deadline(&forward->ports[i]);

        if (at < first)
            first = at;
    }
    return first;
}

static void receive(struct sim_forward *forward, unsigned i, weft_time now)
{
    struct sim_port *port = &forward->ports[i];
    struct weft_pktq batch = {0};
    struct weft_pkt *pkt;

    if (port_deadline(port) > now)
        return;
    if (weft_link_recv(port->link, forward->pool, &batch, RECV_BATCH, now) < 0)
        port->is_broken = true;
    while ((pkt = weft_pktq_pop(&batch)))
        forward->packet(forward, i, pkt, now);
}

static void transmit(struct sim_port *port, weft_time now)
{
    if (!port->is_broken && weft_link_send(port->link, &port->out, now) < 0)
        port->is_broken = true;
    if (port->is_broken)
        weft_pktq_purge(&port->out);
}

static void give_round(struct sim_node *node, weft_time now)
{
    struct sim_forward *forward = (struct sim_forward *)node;

    for (unsigned i = 0; i < forward->count; i++)
        receive(forward, i, now);
    if (forward->tick)
        forward->tick(forward, now);
    for (unsigned i = 0; i < forward->count; i++)
        transmit(&forward->ports[i], now);
    for (unsigned i = 0; i < forward->count; i++)
        weft_link_end_round(forward->ports[i].link, now);
}

static void close_links(struct sim_node *node)
{
    struct sim_forward *forward = (struct sim_forward *)node;

    for (unsigned i = 0; i < forward->count; i++) {
        weft_pktq_purge(&forward->ports[i].out);
        weft_link_close(forward->ports[i].link);
    }
    free(forward->ports);
    forward->ports = NULL;
    forward->count = 0;
}

static void free_forward(struct sim_node *node)
{
    struct sim_forward *forward = (struct sim_forward *)node;

    if (forward->fini)
        forward->fini(forward);
    free(forward);
}

static const struct sim_node_ops forward_ops = {
    .deadline = deadline,
    .round = give_round,
    .close_links = close_links,
    .free = free_forward,
};

void sim_forward_init(struct sim_forward *forward, struct weft_sim *sim)
{
    forward->node.ops = &forward_ops;
    forward->pool = weft_sim_pool(sim);
}

int sim_forward_add_link(struct sim_forward *forward, struct weft_link *link)
{
    struct sim_port *ports = realloc(forward->ports, sizeof(*ports) * (forward->count + 1));

    if (!ports) {
        weft_link_close(link);
        return WEFT_E_NOMEM;
    }
    forward->ports = ports;
    ports[forward->count] = (struct sim_port){.link = link};
    return (int)forward->count++;
}

void sim_forward_send(struct sim_forward *forward, unsigned port, struct weft_pkt *pkt)
{
    weft_pktq_push(&forward->ports[port].out, pkt);
}
