/* SPDX-License-Identifier: MIT */
/*
 * ARP (net/arp.h; RFC 826 "Packet Reception", RFC 5227).
 *
 * Order   of what is done with a received packet:
 *            1 check_packet    short, not Ethernet and IPv4, neither request nor reply
 *            2 check_sender    not a host's link-layer address, or our own; not a host's address
 *            3 conflict        the sender claims an address of ours: defended, never believed
 *            4 merge           what is in the table is updated; who asks for us is added
 *            5 answer          a request for an address of ours on this interface, a probe too
 *
 * Trust   Anybody on the link can say anything. So an entry is made only for
 *         an address that belongs on this link and for one who asks for us, and
 *         what we did not ask for is taken as STALE: it is used, and verified.
 *
 * DEVIATES: RFC 5227 2.1 MUST: an address is announced, but not probed for
 *         before: whoever gives us an address may use it at once
 *         (weft_iface_add_addr). Conflicts show as NEIGH_CONFLICT in the trace,
 *         and we keep the address, as 2.4 (c). test_net_arp.c: announces_an_address,
 *         defends_an_address.
 */
#include "net/arp.h"

#include <string.h>

#include "net/eth.h"
#include "net/ip4.h"
#include "net/state.h"
#include "wire/arp.h"

/* RFC 5227 1.1. */
#define ANNOUNCE_NUM      2
#define ANNOUNCE_INTERVAL (2 * WEFT_SEC)
#define DEFEND_INTERVAL   (10 * WEFT_SEC)

static const struct weft_mac broadcast = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

/* --- Output --- */

static void send_arp(struct net *net, struct net_iface *iface, const struct weft_mac *dst,
                     const struct wire_arp *arp)
{
    struct weft_pkt *pkt = weft_pkt_new(net->core->pool);
    struct writer w;

    if (!pkt) {
        core_drop(net->core, WEFT_DROP_POOL_EMPTY, iface->index, 0, NULL);
        return;
    }
    w = writer_of(weft_pkt_push(pkt, WIRE_ARP_LEN), WIRE_ARP_LEN);
    wire_arp_emit(arp, &w);
    net_eth_push(iface, dst, WIRE_ETHERTYPE_ARP, pkt);
    core_count(net->core, WEFT_COUNT_ARP_OUT);
    (void)net_iface_transmit(net, iface, pkt);
}

void net_arp_request(struct net *net, struct net_iface *iface, const struct weft_addr *target,
                     const struct weft_mac *mac)
{
    const struct net_addr *ours = net_iface_source(net, iface->index, target);
    struct wire_arp arp = {
        .op = WIRE_ARP_REQUEST,
        .sender_mac = iface->mac,
        /* Without an address we must not claim one: RFC 5227 2.1.1's probe asks as well. */
        .sender_ip = ours ? ours->addr : weft_ip4(0, 0, 0, 0),
        .target_ip = *target};

    send_arp(net, iface, mac ? mac : &broadcast, &arp);
}

/* RFC 5227 2.3: a request for our own address, from our own address. */
static void send_announcement(struct net *net, const struct net_addr *addr)
{
    struct net_iface *iface = &net->iface[addr->iface];
    struct wire_arp arp = {
        .op = WIRE_ARP_REQUEST, .sender_mac = iface->mac, .sender_ip = addr->addr, .target_ip = addr->addr};

    send_arp(net, iface, &broadcast, &arp);
}

void net_arp_announce(struct net *net, struct net_addr *addr)
{
    addr->announcements = ANNOUNCE_NUM;
    net_arp_timer(net, addr);
}

void net_arp_timer(struct net *net, struct net_addr *addr)
{
    send_announcement(net, addr);
    if (--addr->announcements)
        wheel_set(&net->core->wheel, &addr->timer, net->core->now + ANNOUNCE_INTERVAL);
}

static void reply(struct net *net, struct net_iface *iface, const struct wire_arp *request)
{
    struct wire_arp arp = {.op = WIRE_ARP_REPLY,
                           .sender_mac = iface->mac,
                           .sender_ip = request->target_ip,
                           .target_mac = request->sender_mac,
                           .target_ip = request->sender_ip};

    send_arp(net, iface, &request->sender_mac, &arp);
}

/* --- Input --- */

static bool check_packet(struct weft_pkt *pkt, struct wire_arp *out)
{
    struct cursor c;

    if (pkt->len < WIRE_ARP_LEN && !weft_pkt_linearize(pkt, WIRE_ARP_LEN))
        return false;
    c = cursor_of(pkt->data, pkt->len);
    return wire_arp_parse(&c, out) && (out->op == WIRE_ARP_REQUEST || out->op == WIRE_ARP_REPLY);
}

static bool check_sender(struct net *net, const struct net_iface *iface, const struct wire_arp *arp)
{
    static const struct weft_mac zero;

    /* Our own address: the link has sent our packet back to us (RFC 5227 2.1.1, "buffered repeater"). */
    if (wire_mac_is_multicast(&arp->sender_mac) || net_iface_has_mac(net, &arp->sender_mac) ||
        memcmp(arp->sender_mac.b, zero.b, sizeof(zero.b)) == 0)
        return false;
    switch (net_ip4_kind_of(net, 0, weft_addr_u32(&arp->sender_ip))) {
    case NET_IP4_HOST:
        return true;
    case NET_IP4_OURS: /* a conflict if the address is one of this interface, else nonsense */
        return net_iface_find_addr(net, iface->index, &arp->sender_ip) != NULL;
    case NET_IP4_ANY: /* a probe, which only ever asks (RFC 5227 2.1.1) */
        return arp->op == WIRE_ARP_REQUEST;
    default:
        return false;
    }
}

/* Somebody else uses an address of ours: RFC 5227 2.4 (c). */
static void defend(struct net *net, struct net_addr *ours, const struct weft_mac *mac)
{
    struct core *core = net->core;
    uint64_t number = 0;

    for (unsigned i = 0; i < sizeof(mac->b); i++)
        number = number << 8 | mac->b[i];
    trace(&core->trace, core->now, WEFT_TRACE_NEIGH_CONFLICT, ours->iface, 0, trace_addr_high(&ours->addr),
          trace_addr_low(&ours->addr), number, 0, 0, 0);
    if (core->now < ours->may_defend)
        return;
    ours->may_defend = core->now + DEFEND_INTERVAL;
    send_announcement(net, ours);
}

/* True when the address is one of the networks on this interface, so that its host can be a neighbour
 * here. */
static bool is_on_link(const struct net *net, const struct net_iface *iface, const struct weft_addr *addr)
{
    const struct net_route *route = net_route_lookup(&net->route, addr);

    return route && route->iface == iface->index && !route->has_gateway;
}

/* RFC 826: what is in the table is updated whoever the packet was for; `is_for_us` decides of the rest. */
static void merge(struct net *net, struct net_iface *iface, const struct wire_arp *arp, bool is_for_us)
{
    enum net_neigh_news news = NET_NEIGH_MENTIONED;

    if (is_for_us && arp->op == WIRE_ARP_REPLY)
        news = NET_NEIGH_ANSWERED;
    else if (is_for_us && is_on_link(net, iface, &arp->sender_ip))
        news = NET_NEIGH_ASKS_US;
    net_neigh_heard(net, iface, &arp->sender_ip, &arp->sender_mac, news);
}

static void act_on(struct net *net, struct net_iface *iface, const struct wire_arp *arp)
{
    struct net_addr *claimed = net_iface_find_addr(net, iface->index, &arp->sender_ip);
    bool is_for_us = net_iface_find_addr(net, iface->index, &arp->target_ip) != NULL;

    if (claimed) {
        defend(net, claimed, &arp->sender_mac);
        return;
    }
    if (weft_addr_u32(&arp->sender_ip) != 0)
        merge(net, iface, arp, is_for_us);
    if (is_for_us && arp->op == WIRE_ARP_REQUEST)
        reply(net, iface, arp);
}

void net_arp_input(struct net *net, struct net_iface *iface, struct weft_pkt *pkt)
{
    struct core *core = net->core;
    struct wire_arp arp;

    core_count(core, WEFT_COUNT_ARP_IN);
    if (!check_packet(pkt, &arp)) {
        core_drop(core, WEFT_DROP_ARP_MALFORMED, iface->index, 0, pkt);
        return;
    }
    if (!check_sender(net, iface, &arp)) {
        core_drop(core, WEFT_DROP_ARP_SENDER, iface->index, 0, pkt);
        return;
    }
    weft_pkt_free(pkt);
    act_on(net, iface, &arp);
}
