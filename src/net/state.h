/* SPDX-License-Identifier: MIT */
/*
 * What the files of the network layer share: struct net.
 *
 * Owns    the composition only; each part belongs to the file that its header
 *         names.
 */
#ifndef WEFT_NET_STATE_H
#define WEFT_NET_STATE_H

#include "net/icmp4.h"
#include "net/iface.h"
#include "net/neigh.h"
#include "net/net.h"
#include "net/pmtu.h"
#include "net/route.h"

/* Ours: counters for the identification of packets that may be fragmented; destinations share them by a
 * keyed hash, so that what one sees of its counter says little of the traffic to others. */
#define NET_IP4_IDS 256

struct net {
    struct core *core;
    uint32_t generation; /* of what paths are made from: changes with it, and is never 0 */
    uint32_t nifaces;    /* with the loopback */
    uint32_t tx_queue;   /* of the configuration */
    struct net_neigh_table neigh;
    struct net_route_table route;
    struct net_transport transport[256]; /* by protocol number; input is NULL where there is none */
    struct net_echo echo;
    struct net_icmp_limit error_limit, echo_limit;
    uint16_t ip4_id[NET_IP4_IDS];
    struct net_addr_table addr;
    struct net_pmtu_table pmtu;
    struct net_iface iface[NET_IFACES];
};

/* Paths that were found before no longer hold. */
static inline void net_change(struct net *net)
{
    if (++net->generation == 0)
        net->generation = 1;
}

/*
 * Sends a packet, `data` at its network header, to the path's next hop on an
 * interface that has neighbours. Takes `pkt`. Returns as net_iface_transmit; 0
 * for one that waits.
 */
static inline int net_neigh_send(struct net *net, struct net_iface *iface, struct net_path *path,
                                 struct weft_pkt *pkt)
{
    struct net_neigh *neigh = &net->neigh.entry[path->neigh_hint];

    if (__builtin_expect(net->core->now >= neigh->reachable_until || neigh->iface != path->iface ||
                             !weft_addr_eq(&neigh->addr, &path->next_hop),
                         0))
        return net_neigh_send_slow(net, iface, path, pkt);
    neigh->used = net->core->now;
    memcpy(weft_pkt_push(pkt, sizeof(neigh->header)), neigh->header, sizeof(neigh->header));
    return net_iface_transmit(net, iface, pkt);
}

#endif
