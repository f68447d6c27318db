/* SPDX-License-Identifier: MIT */
/*
 * Paths (net/net.h): the way to a destination, found once and used for many
 * packets, and what transports tell of it.
 *
 * Owns    the choice of route, source address and MTU.
 * Never   touches a packet.
 *
 * In all of this a source address "any" means that one is to be chosen.
 *
 * A path holds copies of what it was made from, and the generation of that.
 * Routes, addresses, path MTUs and dead gateways change seldom; each change
 * makes all paths be looked up again when they are next used.
 */
#include "net/ip4.h"
#include "net/state.h"

/* A packet to ourselves: from the address given, else from the one it goes to. */
static int find_loopback(const struct net *net, const struct weft_addr *src, const struct weft_addr *dst,
                         struct net_path *path)
{
    if (!weft_addr_is_any(src) && !net_addr_is_ours(net, src))
        return WEFT_E_ADDRNOTAVAIL;
    path->src = weft_addr_is_any(src) ? *dst : *src;
    path->next_hop = *dst;
    path->iface = NET_LOOPBACK;
    path->mtu = net->iface[NET_LOOPBACK].mtu;
    path->caps = net->iface[NET_LOOPBACK].caps;
    return 0;
}

/* The limited broadcast address and multicast addresses are on every link: they mean that of the source
 * address, else that of the route, else that of our first address. */
static int find_group(const struct net *net, const struct weft_addr *src, const struct weft_addr *dst,
                      struct net_path *path)
{
    const struct net_route *route = net_route_lookup(&net->route, dst);

    path->next_hop = *dst;
    for (uint32_t i = 0; i < net->addr.count; i++) {
        if (weft_addr_eq(&net->addr.entry[i].addr, src)) {
            path->iface = net->addr.entry[i].iface;
            return 0;
        }
    }
    if (!weft_addr_is_any(src) || !net->addr.count)
        return WEFT_E_ADDRNOTAVAIL;
    path->iface = route ? route->iface : net->addr.entry[0].iface;
    return 0;
}

static int find_route(const struct net *net, const struct weft_addr *dst, struct net_path *path)
{
    const struct net_route *route = net_route_lookup(&net->route, dst);

    if (!route)
        return WEFT_E_NETUNREACH;
    path->iface = route->iface;
    path->next_hop = route->has_gateway ? route->gateway : *dst;
    return 0;
}

/* The source address: one of ours that may be seen on a wire (RFC 1122 3.2.1.3, 3.3.4.3). */
static int find_source(const struct net *net, const struct weft_addr *src, struct net_path *path)
{
    const struct net_addr *ours;

    if (!weft_addr_is_any(src)) {
        if (net_ip4_kind_of(net, 0, weft_addr_u32(src)) != NET_IP4_OURS)
            return WEFT_E_ADDRNOTAVAIL;
        path->src = *src;
        return 0;
    }
    ours = net_iface_source(net, path->iface, &path->next_hop);
    if (!ours)
        return WEFT_E_ADDRNOTAVAIL;
    path->src = ours->addr;
    return 0;
}

/* A path that leaves this host. */
static int find_remote(struct net *net, const struct weft_addr *src, const struct weft_addr *dst,
                       bool is_group, struct net_path *path)
{
    int result = is_group ? find_group(net, src, dst, path) : find_route(net, dst, path);
    uint32_t learned;

    if (!result)
        result = find_source(net, src, path);
    if (result)
        return result;
    path->caps = net->iface[path->iface].caps;
    path->mtu = net->iface[path->iface].mtu;
    learned = net_pmtu_find(&net->pmtu, net->core, dst);
    if (learned && learned < path->mtu)
        path->mtu = learned;
    return 0;
}

static int find(struct net *net, const struct weft_addr *src, const struct weft_addr *dst,
                struct net_path *path)
{
    if (!weft_addr_is_ip4(dst) || !(weft_addr_is_any(src) || weft_addr_is_ip4(src)))
        return WEFT_E_NETUNREACH;
    switch (net_ip4_kind_of(net, 0, weft_addr_u32(dst))) {
    case NET_IP4_OURS:
    case NET_IP4_LOOPBACK:
        return find_loopback(net, src, dst, path);
    case NET_IP4_HOST:
        return find_remote(net, src, dst, false, path);
    case NET_IP4_BROADCAST: /* a directed one has a route (RFC 1122 3.3.1.1) */
        return find_remote(net, src, dst, weft_addr_u32(dst) == UINT32_MAX, path);
    case NET_IP4_MULTICAST:
        return find_remote(net, src, dst, true, path);
    default: /* RFC 1122 3.2.1.3 (a), (b): must not be sent */
        return WEFT_E_NETUNREACH;
    }
}

/* Looks up a path that no longer holds. */
static int renew(struct net *net, const struct weft_addr *src, const struct weft_addr *dst,
                 struct net_path *path)
{
    int result = find(net, src, dst, path);

    path->generation = result ? 0 : net->generation;
    return result;
}

int net_path_find(struct net *net, const struct weft_addr *src, const struct weft_addr *dst,
                  struct net_path *path)
{
    if (path->generation == net->generation)
        return 0;
    return renew(net, src ? src : &WEFT_ADDR_ANY, dst, path);
}

int net_send(struct net *net, struct net_path *path, const struct net_tx *tx, struct weft_pkt *pkt)
{
    struct net_path once;

    if (!path) {
        once = (struct net_path){0};
        path = &once;
    }
    if (__builtin_expect(path->generation != net->generation, 0)) {
        int result = renew(net, &tx->src, &tx->dst, path);

        if (result) {
            core_drop(net->core, WEFT_DROP_IP_NO_ROUTE, 0, 0, pkt);
            return result;
        }
    }
    return net_ip4_output(net, path, tx, pkt);
}

/* --- What transports ask and tell --- */

unsigned net_path_room(struct net *net, const struct net_path *path)
{
    const struct net_iface *iface = &net->iface[path->iface];

    if (path->generation == 0 || iface->txq.count >= iface->tx_limit)
        return 0;
    return iface->tx_limit - iface->txq.count;
}

void net_path_confirm(struct net *net, struct net_path *path)
{
    if (path->generation && net->iface[path->iface].has_neighbours)
        net_neigh_confirm(net, path);
}

void net_path_doubt(struct net *net, struct net_path *path)
{
    if (path->generation && net->iface[path->iface].has_neighbours)
        net_neigh_doubt(net, path);
}

void net_path_mtu_set(struct net *net, const struct weft_addr *dst, uint32_t mtu)
{
    struct core *core = net->core;

    if (!net_pmtu_lower(&net->pmtu, core, dst, mtu))
        return;
    if (trace_is_on(&core->trace))
        trace(&core->trace, core->now, WEFT_TRACE_PMTU, 0, 0, trace_addr_high(dst), trace_addr_low(dst),
              net_pmtu_find(&net->pmtu, core, dst), 0, 0, 0);
    net_change(net);
}
