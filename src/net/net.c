/* SPDX-License-Identifier: MIT */
/*
 * The network layer as a whole (net/net.h): its making and unmaking, and where
 * frames, timers and packets to ourselves enter.
 *
 * Owns    struct net's life and what is too small for a file: the registry of
 *         transports, and the routes' door, where interfaces and routes meet.
 */
#include "net/net.h"

#include "base/assert.h"
#include "net/arp.h"
#include "net/eth.h"
#include "net/ip4.h"
#include "net/state.h"

/* What zero in the configuration means (weft/stack.h). */
#define DEFAULT_NEIGHBOURS      1024
#define DEFAULT_ROUTES          256
#define DEFAULT_TX_QUEUE        1024
#define DEFAULT_ICMP_PER_SECOND 1000

/* --- Life --- */

static uint32_t or_default(uint32_t value, uint32_t fallback)
{
    return value ? value : fallback;
}

static int init(struct net *net, const struct weft_stack_config *config)
{
    uint32_t rate = or_default(config->icmp_per_second, DEFAULT_ICMP_PER_SECOND);
    int result;

    net->generation = 1;
    net->tx_queue = or_default(config->tx_queue, DEFAULT_TX_QUEUE);
    net_iface_add_loopback(net);
    net_icmp4_limit_init(&net->error_limit, net->core, rate);
    net_icmp4_limit_init(&net->echo_limit, net->core, (uint64_t)rate * NET_ICMP_ECHO_FACTOR);
    net_pmtu_init(&net->pmtu);
    rng_bytes(&net->core->rng, net->ip4_id, sizeof(net->ip4_id));
    result = net_neigh_init(net, or_default(config->max_neighbours, DEFAULT_NEIGHBOURS));
    if (result)
        return result;
    return net_route_init(&net->route, net->core, or_default(config->max_routes, DEFAULT_ROUTES));
}

int net_new(struct core *core, const struct weft_stack_config *config, struct net **out)
{
    struct net *net = core_alloc(core, sizeof(*net));
    int result;

    if (!net)
        return WEFT_E_NOMEM;
    net->core = core;
    result = init(net, config);
    if (result) {
        net_free(net);
        return result;
    }
    *out = net;
    return 0;
}

void net_free(struct net *net)
{
    struct core *core = net->core;

    for (uint32_t i = 0; i < net->nifaces; i++)
        weft_pktq_purge(&net->iface[i].txq);
    for (uint32_t i = 0; i < net->addr.count; i++)
        wheel_cancel(&core->wheel, &net->addr.entry[i].timer);
    net_neigh_fini(net);
    net_route_fini(&net->route, core);
    net_pmtu_fini(&net->pmtu, core);
    core_free(core, net, sizeof(*net));
}

void net_register(struct net *net, uint8_t proto, const struct net_transport *transport)
{
    net->transport[proto] = *transport;
}

void net_set_echo(struct net *net, const struct net_echo *echo)
{
    net->echo = *echo;
}

/* --- Input --- */

void net_input(struct net *net, int index, struct weft_pkt *pkt)
{
    struct net_iface *iface = net_iface_get(net, index);

    net_iface_count_in(net, iface, pkt);
    /* What was true on another link is not on this. */
    pkt->flags &= (uint16_t) ~(WEFT_PKT_LL_BROADCAST | WEFT_PKT_LL_MULTICAST);
    if (iface->has_neighbours)
        net_eth_input(net, iface, pkt);
    else
        net_ip4_input(net, iface, pkt);
}

void net_step(struct net *net)
{
    struct net_iface *lo = &net->iface[NET_LOOPBACK];
    struct weft_pktq batch = lo->txq;
    struct weft_pkt *pkt;

    lo->txq = (struct weft_pktq){0};
    while ((pkt = weft_pktq_pop(&batch))) {
        net_iface_count_in(net, lo, pkt);
        net_ip4_input(net, lo, pkt);
    }
}

bool net_has_work(const struct net *net)
{
    return net->iface[NET_LOOPBACK].txq.count != 0;
}

void net_timer(struct net *net, struct weft_timer_node *node)
{
    switch (node->kind) {
    case CORE_TIMER_NEIGH:
        net_neigh_timer(net, node);
        break;
    case CORE_TIMER_ANNOUNCE:
        net_arp_timer(net, list_entry(node, struct net_addr, timer));
        break;
    default:
        weft_assert(node->kind == CORE_TIMER_PMTU);
        if (net_pmtu_age(&net->pmtu, net->core))
            net_change(net);
        break;
    }
}

/* --- Routes --- */

/* The interface on whose link a gateway is: 0 when it is on none. */
static uint16_t link_of_gateway(const struct net *net, const struct weft_addr *gateway)
{
    const struct net_route *route = net_route_lookup(&net->route, gateway);

    return route && !route->has_gateway ? route->iface : 0;
}

static bool is_ip4_prefix(const struct weft_prefix *prefix)
{
    return weft_addr_is_ip4(&prefix->addr) && prefix->len <= 32 && net_route_is_prefix(prefix);
}

int net_route_add(struct net *net, const struct weft_prefix *dst, const struct weft_addr *gateway, int iface,
                  uint32_t metric)
{
    uint16_t link = (uint16_t)iface;
    int result;

    if (gateway && weft_addr_is_any(gateway))
        gateway = NULL;
    if (!is_ip4_prefix(dst) || iface < 0 || (uint32_t)iface >= net->nifaces || (!gateway && iface == 0))
        return WEFT_E_INVAL;
    if (gateway && (!net_addr_is_unicast(net, gateway) || net_addr_is_ours(net, gateway)))
        return WEFT_E_INVAL;
    if (iface == 0)
        link = link_of_gateway(net, gateway);
    if (link == 0)
        return WEFT_E_NETUNREACH;
    result = net_route_insert(&net->route, dst, gateway, link, metric);
    if (result == 0)
        net_change(net);
    return result;
}

int net_route_del(struct net *net, const struct weft_prefix *dst, const struct weft_addr *gateway, int iface)
{
    int result;

    if (gateway && weft_addr_is_any(gateway))
        gateway = NULL;
    if (!is_ip4_prefix(dst) || iface < 0 || (uint32_t)iface >= net->nifaces)
        return WEFT_E_NOTFOUND;
    result = net_route_remove(&net->route, dst, gateway, (uint16_t)iface);
    if (result == 0)
        net_change(net);
    return result;
}
