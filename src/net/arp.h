/* SPDX-License-Identifier: MIT */
/*
 * ARP (RFC 826) with address conflict detection (RFC 5227).
 *
 * Owns    what ARP packets say and when they are sent: requests, replies,
 *         announcements of our addresses, their defence.
 * Never   keeps neighbours (net/neigh.h does) or decides when to ask for one.
 */
#ifndef WEFT_NET_ARP_H
#define WEFT_NET_ARP_H

#include <weft/types.h>

struct net;
struct net_addr;
struct net_iface;
struct weft_pkt;

/* A received packet, `data` at the ARP header. Takes `pkt`. */
void net_arp_input(struct net *net, struct net_iface *iface, struct weft_pkt *pkt);

/* Asks who has `target`: everybody, or only the neighbour at `mac` if it is not NULL. */
void net_arp_request(struct net *net, struct net_iface *iface, const struct weft_addr *target,
                     const struct weft_mac *mac);

/* Begins to announce one of our addresses on its interface, an Ethernet (RFC 5227 2.3). */
void net_arp_announce(struct net *net, struct net_addr *addr);

/* The address's timer is due: the next announcement. */
void net_arp_timer(struct net *net, struct net_addr *addr);

#endif
