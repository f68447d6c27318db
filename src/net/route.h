/* SPDX-License-Identifier: MIT */
/*
 * Routes: which interface and which gateway lead to a destination.
 *
 * Owns    the table of routes, and which gateways are believed dead.
 * Never   knows interfaces or neighbours; it stores their index and address.
 *         Nor families: an IPv4 prefix of n bits is one of 96 + n bits here.
 *
 * The table is an array sorted by prefix (its bits, then its length); routes to
 * one prefix stand together, the best last. Prefixes are nested or disjoint,
 * so the longest one that contains an address is the last entry not after the
 * address, or one of the prefixes around that entry, which `parent` leads
 * through from the inside out: a binary search and a few steps. Adding and
 * removing costs a walk over the table, which is rare and bounded.
 */
#ifndef WEFT_NET_ROUTE_H
#define WEFT_NET_ROUTE_H

#include <weft/types.h>

#include "base/core.h"

#define NET_ROUTE_NONE UINT32_MAX

struct net_route {
    uint64_t high, low;       /* the bits of the prefix, those behind its length zero */
    struct weft_addr gateway; /* meaningful if has_gateway */
    uint32_t metric;
    uint32_t parent; /* the last route of the nearest prefix around this one; NET_ROUTE_NONE: there is none */
    uint16_t iface;
    uint8_t len; /* 0 to 128 */
    bool has_gateway;
    bool is_dead; /* the gateway does not answer: only used if there is no other way to the prefix */
};

struct net_route_table {
    struct net_route *route;
    uint32_t count, capacity;
};

/* Reserves memory for `capacity` routes. Returns 0 or WEFT_E_NOMEM. */
int net_route_init(struct net_route_table *table, struct core *core, uint32_t capacity);
void net_route_fini(struct net_route_table *table, struct core *core);

/* Adds a route; `gateway` NULL: the prefix is on the link. The bits behind the prefix's length must be
 * zero. Returns 0, WEFT_E_EXIST (whatever the metric) or WEFT_E_LIMIT. */
int net_route_insert(struct net_route_table *table, const struct weft_prefix *dst,
                     const struct weft_addr *gateway, uint16_t iface, uint32_t metric);

/* Removes the route with these; `iface` 0 means any. Returns 0 or WEFT_E_NOTFOUND. */
int net_route_remove(struct net_route_table *table, const struct weft_prefix *dst,
                     const struct weft_addr *gateway, uint16_t iface);

/* The best route to `dst`: the longest prefix; among its routes one whose gateway is not dead; among
 * those the lowest metric, and the oldest. NULL when there is none. Valid until the table changes. */
const struct net_route *net_route_lookup(const struct net_route_table *table, const struct weft_addr *dst);

/* The gateway at this address is dead or alive (RFC 1122 3.3.1.4). Returns true when a route has changed. */
bool net_route_mark_gateway(struct net_route_table *table, uint16_t iface, const struct weft_addr *gateway,
                            bool is_dead);

/* True when all bits behind the prefix's length are zero. */
bool net_route_is_prefix(const struct weft_prefix *prefix);

#endif
