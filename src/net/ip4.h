/* SPDX-License-Identifier: MIT */
/*
 * IPv4 (RFC 791, RFC 1122 3.2.1): what comes in and what goes out.
 *
 * Owns    the header: checked in ip4_input.c, written in ip4_output.c; and what
 *         kind of address 32 bits are.
 */
#ifndef WEFT_NET_IP4_H
#define WEFT_NET_IP4_H

#include "net/net.h"

struct net_iface;

/* RFC 1122 3.2.1.7 asks for a default that is configurable; a transport gives its own in net_tx. The
 * value: RFC 1700's, as every host has it. */
#define NET_IP4_TTL 64

/* What an IPv4 address is to us (RFC 1122 3.2.1.3). */
enum net_ip4_kind {
    NET_IP4_HOST,      /* a unicast address of somebody else */
    NET_IP4_OURS,      /* one of our own */
    NET_IP4_ANY,       /* 0.0.0.0 */
    NET_IP4_LOOPBACK,  /* 127.0.0.0/8 */
    NET_IP4_BROADCAST, /* of all, or of one of our networks, in the form of ones or of zeros */
    NET_IP4_MULTICAST, /* 224.0.0.0/4 */
    NET_IP4_RESERVED,  /* the rest of network 0, and class E */
};

/* The kind of `addr` (host byte order). A directed broadcast address counts if it is of a network on
 * `iface`, or on any interface if that is 0. */
enum net_ip4_kind net_ip4_kind_of(const struct net *net, unsigned iface, uint32_t addr);

/* True when `addr` may be a host's own address in a network with a prefix of `len` bits. */
bool net_ip4_is_host(uint32_t addr, unsigned len);

/* A received packet, `data` at the IPv4 header; `iface` is 0 for one that we sent to ourselves. Takes
 * `pkt`. */
void net_ip4_input(struct net *net, struct net_iface *iface, struct weft_pkt *pkt);

/* Sends by a path that has been found. Otherwise as net_send. */
int net_ip4_output(struct net *net, struct net_path *path, const struct net_tx *tx, struct weft_pkt *pkt);

#endif
