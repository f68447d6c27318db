/* SPDX-License-Identifier: MIT */
/*
 * Ethernet frames: which are for us, and what is in them.
 *
 * Owns    the header's reading, and its writing for packets that are not sent
 *         to a neighbour (those have it prepared: net/neigh.h).
 */
#ifndef WEFT_NET_ETH_H
#define WEFT_NET_ETH_H

#include <weft/pkt.h>

struct net;
struct net_iface;

/* A received frame, `data` at its Ethernet header. Takes `pkt`. */
void net_eth_input(struct net *net, struct net_iface *iface, struct weft_pkt *pkt);

/* Writes the header in front of a packet, from `iface` to `dst`. `type` is enum wire_ethertype. */
void net_eth_push(const struct net_iface *iface, const struct weft_mac *dst, uint16_t type,
                  struct weft_pkt *pkt);

#endif
