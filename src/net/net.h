/* SPDX-License-Identifier: MIT */
/*
 * The network layer as its neighbours see it: what stack.c drives and what
 * transports use. Families meet here: addresses are weft_addr, and nothing
 * above asks which kind they hold but for the size of a header.
 *
 * Owns    interfaces, their addresses and transmit queues, neighbours, routes,
 *         path MTUs, ICMP.
 * Never   knows TCP or UDP: transports register by protocol number.
 *
 * A packet's way in: net_input -> net_eth_input -> net_ip4_input -> transport's
 * input. Its way out: net_send -> net_ip4_output -> net_neigh_send ->
 * net_iface_transmit -> the interface's queue.
 *
 * A packet to one of our own addresses, or to 127.0.0.0/8, goes out through the
 * loopback interface, index 0: its queue is not a link's but waits for net_step,
 * which hands the packets back to net_ip4_input. So nothing re-enters, and two
 * of our sockets that talk to each other take turns with everybody else.
 */
#ifndef WEFT_NET_NET_H
#define WEFT_NET_NET_H

#include <weft/stack.h>

#include "base/core.h"

struct net;

/* --- For stack.c -------------------------------------------------------------- */

/* Gives a network layer, with all the memory that it will ever use. Returns 0, WEFT_E_NOMEM, or
 * WEFT_E_INVAL (max_neighbours above 65535). Borrows `core` for good; its time must be set. */
int net_new(struct core *core, const struct weft_stack_config *config, struct net **net);

/* Frees it with every packet that it holds. */
void net_free(struct net *net);

/* As weft_iface_add, weft_iface_add_addr, weft_route_add and weft_route_del. IPv6 addresses are
 * WEFT_E_INVAL until there is IPv6; so is a destination with bits set behind its length. In
 * net_route_del, `iface` 0 means any. */
int net_iface_add(struct net *net, const struct weft_iface_config *config);
int net_iface_add_addr(struct net *net, int iface, const struct weft_prefix *addr);
int net_route_add(struct net *net, const struct weft_prefix *dst, const struct weft_addr *gateway, int iface,
                  uint32_t metric);
int net_route_del(struct net *net, const struct weft_prefix *dst, const struct weft_addr *gateway, int iface);

/* One received frame. Takes `pkt`. `iface` is an index from net_iface_add. May call transports'
 * input and error. */
void net_input(struct net *net, int iface, struct weft_pkt *pkt);

/* A timer of kind CORE_TIMER_NEIGH, CORE_TIMER_ANNOUNCE or CORE_TIMER_PMTU is due. May call
 * transports' error. */
void net_timer(struct net *net, struct weft_timer_node *node);

/*
 * Hands the packets that we have sent to ourselves, and that waited when the
 * call began, to the transports. What these send to ourselves in answer waits
 * for the next call, so one call is bounded. weft_step makes it, before the
 * transports build what they owe.
 */
void net_step(struct net *net);

/* True when net_step has something to do: then weft_deadline is at once. */
bool net_has_work(const struct net *net);

/* The frames that wait for the link of an interface, as weft_output. */
struct weft_pktq *net_output_queue(struct net *net, int iface);

/* --- For transports ----------------------------------------------------------- */

/* What came with a packet that is handed to a transport. */
struct net_rx {
    struct weft_addr src, dst;
    uint16_t iface;
    uint8_t proto;
    uint8_t tos; /* DSCP << 2 | ECN */
    uint8_t ttl;
    bool dst_is_broadcast; /* a broadcast or multicast address, of the network or the link layer */
};

/* What an ICMP error says, whichever family it came in (RFC 1122 3.2.2, RFC 4443 3). */
enum net_error_kind {
    NET_ERROR_NET_UNREACHABLE,      /* soft: codes 0, 6, 11 */
    NET_ERROR_HOST_UNREACHABLE,     /* soft: codes 1, 7, 12 */
    NET_ERROR_SOURCE_ROUTE_FAILED,  /* soft: code 5 */
    NET_ERROR_PROTOCOL_UNREACHABLE, /* hard: code 2 */
    NET_ERROR_PORT_UNREACHABLE,     /* hard: code 3 */
    NET_ERROR_ADMIN_PROHIBITED,     /* codes 9, 10, 13 */
    NET_ERROR_TOO_BIG,              /* code 4: `mtu` */
    NET_ERROR_TIME_EXCEEDED,        /* soft */
    NET_ERROR_PARAMETER_PROBLEM,    /* soft */
    NET_ERROR_SOURCE_QUENCH,        /* ignored by rule (RFC 6633) */
};

struct net_error {
    enum net_error_kind kind;
    uint16_t icmp; /* type << 8 | code, as received */
    uint16_t mtu;  /* NET_ERROR_TOO_BIG: of the next hop, or what RFC 1191 7 guesses; 0: no guess */
    bool is_local; /* no message came: we have found ourselves that the neighbour does not answer (`icmp` is
                      then host unreachable, `from` an address of ours). Nobody can forge it. */
    struct weft_addr from;     /* who reports */
    struct weft_addr src, dst; /* of the quoted packet: src is ours */
    const uint8_t *quote;      /* the quoted transport header's beginning */
    size_t quote_len;          /* bytes of it, at least 8 */
};

struct net_transport {
    /*
     * A packet for the transport: `data` at its header, `len` of the linear
     * part and `total_len` without link padding, l3_off and l4_off set. At
     * least the whole IP header, options and all, was linear and still stands
     * at l3_off; of the transport header, as much as the link had. Takes `pkt`.
     */
    void (*input)(void *ctx, struct weft_pkt *pkt, const struct net_rx *rx);
    /* An ICMP error about something that we sent. Borrows `error`. To believe it or not is the
     * transport's business (RFC 5927). */
    void (*error)(void *ctx, const struct net_error *error);
    void *ctx;
};

/* Whom packets of protocol number `proto` go to. Copies `transport`. */
void net_register(struct net *net, uint8_t proto, const struct net_transport *transport);

/*
 * The way to one destination, remembered: cheap to use, looked up again when
 * routes have changed. All zero is a path not yet looked up. In memory of the
 * transport; holds no references.
 */
struct net_path {
    uint32_t generation;  /* of the tables it was made from; 0: never looked up */
    uint16_t iface;       /* 0: the loopback */
    uint16_t neigh_hint;  /* where the neighbour was last found */
    uint32_t mtu;         /* of the path: largest IP packet, bytes */
    uint32_t caps;        /* of the link: enum weft_link_cap */
    struct weft_addr src; /* our address on this path */
    struct weft_addr next_hop;
};

/*
 * Finds the way to `dst`, or sees that what `path` holds is still right. `src`
 * NULL or "any": our address is chosen (RFC 1122 3.3.4.3). Returns 0,
 * WEFT_E_NETUNREACH, WEFT_E_NETDOWN or WEFT_E_ADDRNOTAVAIL (src is not ours, or
 * we have none). `path` then holds no way: its generation is 0.
 */
int net_path_find(struct net *net, const struct weft_addr *src, const struct weft_addr *dst,
                  struct net_path *path);

/* RFC 1122 3.2.1.7, with the value of RFC 1700. */
#define NET_DEFAULT_TTL 64

/* What a transport says of a packet that it sends. */
struct net_tx {
    struct weft_addr src, dst; /* src "any": as net_path_find chooses */
    uint8_t proto;
    uint8_t tos;
    uint8_t ttl;        /* 0: the default of 64 */
    bool dont_fragment; /* RFC 1191: set for TCP */
};

/* Bytes that must be free in front of the transport header for what the layers below write: an IPv6
 * header and an Ethernet header with a VLAN tag, rounded up. */
#define NET_HEADROOM 64

/*
 * Sends a packet whose linear part begins with the transport header (l4_off
 * set; a checksum, if partial, relative to `buf`) and has NET_HEADROOM before
 * it. The linear part of a super-segment is its transport header alone. Writes
 * the headers in front of it. `path` may be NULL (looked up once), else it is
 * one for tx->src and tx->dst, is used and kept up to date. Takes `pkt`; what
 * cannot be sent is dropped, counted and traced. Returns 0, or why it, or a part
 * of a super-segment, was dropped: as net_path_find, WEFT_E_MSGSIZE (larger
 * than the path's MTU with dont_fragment, else than the link's), WEFT_E_NOBUFS.
 * (That a neighbour does not answer shows later.)
 */
int net_send(struct net *net, struct net_path *path, const struct net_tx *tx, struct weft_pkt *pkt);

/* How many packets more the path's link queue takes now; 0 when there is no way. */
unsigned net_path_room(struct net *net, const struct net_path *path);

/* The transport has seen that packets to the path's neighbour arrive (RFC 4861 7.3.1, RFC 1122 2.3.2.1). */
void net_path_confirm(struct net *net, struct net_path *path);

/* The transport suspects that the way is dead (RFC 1122 3.3.1.4, RFC 9293 MUST-20). */
void net_path_doubt(struct net *net, struct net_path *path);

/* A lower path MTU to `dst` has been learned and believed. Values below 68 (1280) count as that. */
void net_path_mtu_set(struct net *net, const struct weft_addr *dst, uint32_t mtu);

/* True when `addr` is one of our own unicast addresses; 127.0.0.0/8 is. */
bool net_addr_is_ours(const struct net *net, const struct weft_addr *addr);

/* True when `addr` may be the address of a host on a network, this one or another: not "any",
 * loopback, multicast, a broadcast address of ours or of all, or class E (RFC 1122 3.2.1.3). */
bool net_addr_is_unicast(const struct net *net, const struct weft_addr *addr);

/* --- ICMP echo, for sockets ------------------------------------------------------ */

/* Called for each echo reply to us, and for each ICMP error about an echo request of ours. */
struct net_echo {
    /* `data` of the packet is at the echoed data. Takes `pkt`. */
    void (*reply)(void *ctx, struct weft_pkt *pkt, const struct net_rx *rx, uint16_t id, uint16_t seq);
    /* Borrows `error`. */
    void (*error)(void *ctx, const struct net_error *error, uint16_t id, uint16_t seq);
    void *ctx;
};

/* Copies `echo`. */
void net_set_echo(struct net *net, const struct net_echo *echo);

/* Sends an echo request with the bytes of `pkt`, its linear part empty of headers, as data;
 * NET_HEADROOM and another 8 bytes must be free before them. Takes `pkt`. Returns as net_send. */
int net_send_echo(struct net *net, const struct net_tx *tx, uint16_t id, uint16_t seq, struct weft_pkt *pkt);

/* Tells the sender of a packet that we could not deliver it (RFC 1122 3.2.2.1), by the rules and
 * within the rate limit. `pkt` has its l3_off, and what came is unchanged; borrowed. */
void net_send_unreachable(struct net *net, const struct net_rx *rx, const struct weft_pkt *pkt, uint8_t code);

#endif
