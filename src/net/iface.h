/* SPDX-License-Identifier: MIT */
/*
 * Interfaces: where the stack ends and a link begins, our addresses on them,
 * and the queue of packets that wait for the link.
 *
 * Owns    struct net_iface and struct net_addr, the transmit queues, and what
 *         is done in software for a link that cannot do it.
 * Never   knows how a packet found its way here.
 *
 * Interface 0 is the loopback: no link has its queue, net_step empties it.
 */
#ifndef WEFT_NET_IFACE_H
#define WEFT_NET_IFACE_H

#include <weft/stack.h>

struct net;

/* Ours: links of one shard, with the loopback. */
#define NET_IFACES 65

/* Ours: addresses of one shard, all interfaces together. */
#define NET_ADDRS 256

#define NET_LOOPBACK 0

struct net_iface {
    struct weft_pktq txq;
    uint32_t tx_limit; /* packets in txq */
    uint32_t caps;     /* enum weft_link_cap */
    uint32_t mtu;
    uint16_t index;
    bool has_neighbours; /* an Ethernet: packets need a neighbour's address in front */
    struct weft_mac mac;
    uint64_t frames_in, frames_out; /* ordinals of the last: see FRAME_IN in weft/trace.h */
    char name[16];
};

/* One of our own addresses. */
struct net_addr {
    struct weft_addr addr;
    uint32_t ip4, mask; /* the same and its network's mask, in host byte order */
    uint16_t iface;
    uint8_t len;                  /* of its network's prefix */
    uint8_t announcements;        /* that are still to be sent */
    weft_time may_defend;         /* not before, when somebody else uses the address */
    struct weft_timer_node timer; /* CORE_TIMER_ANNOUNCE */
};

struct net_addr_table {
    struct net_addr entry[NET_ADDRS];
    uint32_t count;
};

/* Makes interface 0. */
void net_iface_add_loopback(struct net *net);

/* The interface with an index from net_iface_add; any other is a bug of the caller's. */
struct net_iface *net_iface_get(struct net *net, int index);

/* The record of `addr` if it is ours on that interface; `iface` 0 means any. NULL when it is not. */
struct net_addr *net_iface_find_addr(struct net *net, unsigned iface, const struct weft_addr *addr);

/* Our address to speak from on an interface, to this neighbour: one of the same network, else the
 * interface's first, else the first of all. NULL when we have no address (RFC 1122 3.3.4.3). */
const struct net_addr *net_iface_source(const struct net *net, unsigned iface, const struct weft_addr *to);

/* True when a link's interface has this MAC address. */
bool net_iface_has_mac(const struct net *net, const struct weft_mac *mac);

/*
 * Puts a packet, its link header written, on the interface's queue: cut up and
 * with its checksum completed if the link does not do that. l3_off and l4_off
 * of a super-segment are set. Takes `pkt`. Returns 0, or WEFT_E_NOBUFS when it,
 * or a part of a super-segment, did not fit and was dropped.
 */
int net_iface_transmit(struct net *net, struct net_iface *iface, struct weft_pkt *pkt);

/* Records that a frame has come from the link. */
void net_iface_count_in(struct net *net, struct net_iface *iface, const struct weft_pkt *pkt);

#endif
