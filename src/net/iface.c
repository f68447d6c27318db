/* SPDX-License-Identifier: MIT */
/*
 * Interfaces (net/iface.h).
 *
 * Holds   interfaces 0 to nifaces - 1 exist; addresses 0 to count - 1 exist and
 *         no two are the same. A packet in a transmit queue needs nothing more
 *         from us: its FRAME_OUT has been traced, in the order of the queue.
 */
#include "net/iface.h"

#include <string.h>

#include "base/assert.h"
#include "net/arp.h"
#include "net/ip4.h"
#include "net/state.h"

/* RFC 791 3.2: the least that every link must carry, and what the length field can say. */
#define MTU_MIN 68
#define MTU_MAX 65535

/* --- Helpers --- */

struct net_iface *net_iface_get(struct net *net, int index)
{
    weft_assert(index > NET_LOOPBACK && (uint32_t)index < net->nifaces);
    return &net->iface[index];
}

struct net_addr *net_iface_find_addr(struct net *net, unsigned iface, const struct weft_addr *addr)
{
    for (uint32_t i = 0; i < net->addr.count; i++) {
        struct net_addr *ours = &net->addr.entry[i];

        if ((iface == 0 || ours->iface == iface) && weft_addr_eq(&ours->addr, addr))
            return ours;
    }
    return NULL;
}

const struct net_addr *net_iface_source(const struct net *net, unsigned iface, const struct weft_addr *to)
{
    const struct net_addr *best = NULL;
    uint32_t ip4 = weft_addr_u32(to);

    for (uint32_t i = 0; i < net->addr.count; i++) {
        const struct net_addr *ours = &net->addr.entry[i];

        if (ours->iface == iface && ((ours->ip4 ^ ip4) & ours->mask) == 0)
            return ours;
        if (!best || (best->iface != iface && ours->iface == iface))
            best = ours;
    }
    return best;
}

bool net_iface_has_mac(const struct net *net, const struct weft_mac *mac)
{
    for (uint32_t i = 1; i < net->nifaces; i++)
        if (net->iface[i].has_neighbours && memcmp(net->iface[i].mac.b, mac->b, sizeof(mac->b)) == 0)
            return true;
    return false;
}

void net_iface_count_in(struct net *net, struct net_iface *iface, const struct weft_pkt *pkt)
{
    iface->frames_in++;
    trace(&net->core->trace, net->core->now, WEFT_TRACE_FRAME_IN, iface->index, 0, iface->frames_in,
          pkt->total_len, pkt->gso_segs > 1 ? pkt->gso_segs : 1, 0, 0, 0);
}

/* --- Output --- */

static int enqueue(struct net *net, struct net_iface *iface, struct weft_pkt *pkt)
{
    if (iface->txq.count >= iface->tx_limit) {
        core_drop(net->core, WEFT_DROP_IFACE_QUEUE, iface->index, 0, pkt);
        return WEFT_E_NOBUFS;
    }
    if (!(iface->caps & WEFT_LINK_TX_CSUM))
        weft_pkt_finish_checksum(pkt);
    iface->frames_out++;
    trace(&net->core->trace, net->core->now, WEFT_TRACE_FRAME_OUT, iface->index, 0, iface->frames_out,
          pkt->total_len, pkt->gso_segs > 1 ? pkt->gso_segs : 1, 0, 0, 0);
    weft_pktq_push(&iface->txq, pkt);
    return 0;
}

/* Takes a super-segment that the link would not. What does not fit is lost, as on a wire. */
static int enqueue_segments(struct net *net, struct net_iface *iface, struct weft_pkt *pkt)
{
    struct weft_pktq segments = {0};
    int result = weft_pkt_segment(pkt, &segments);

    if (result)
        core_drop(net->core, WEFT_DROP_POOL_EMPTY, iface->index, 0, NULL);
    for (pkt = weft_pktq_pop(&segments); pkt; pkt = weft_pktq_pop(&segments))
        if (enqueue(net, iface, pkt))
            result = WEFT_E_NOBUFS;
    return result;
}

int net_iface_transmit(struct net *net, struct net_iface *iface, struct weft_pkt *pkt)
{
    uint32_t tso;

    if (pkt->gso_segs <= 1)
        return enqueue(net, iface, pkt);
    tso = *weft_pkt_l3(pkt) >> 4 == 4 ? WEFT_LINK_TSO4 : WEFT_LINK_TSO6;
    if (iface->caps & tso)
        return enqueue(net, iface, pkt);
    return enqueue_segments(net, iface, pkt);
}

struct weft_pktq *net_output_queue(struct net *net, int iface)
{
    return &net_iface_get(net, iface)->txq;
}

/* --- For stack.c --- */

void net_iface_add_loopback(struct net *net)
{
    struct net_iface *lo = &net->iface[NET_LOOPBACK];

    /* What we send to ourselves is believed as it is, however large, and never summed. */
    *lo = (struct net_iface){.tx_limit = net->tx_queue,
                             .caps = WEFT_LINK_TX_CSUM | WEFT_LINK_TSO4 | WEFT_LINK_TSO6,
                             .mtu = MTU_MAX,
                             .name = "lo"};
    net->nifaces = 1;
}

static bool is_zero_mac(const struct weft_mac *mac)
{
    static const uint8_t zeros[6];

    return memcmp(mac->b, zeros, sizeof(zeros)) == 0;
}

/* A random address, unicast and locally administered (IEEE 802 8.2). */
static void choose_mac(struct core *core, struct weft_mac *mac)
{
    rng_bytes(&core->rng, mac->b, sizeof(mac->b));
    mac->b[0] = (uint8_t)((mac->b[0] & 0xfc) | 2);
}

/* Returns false when it does not fit with its final NUL. */
static bool copy_name(const char *from, char *to, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        to[i] = from[i];
        if (!from[i])
            return true;
    }
    return false;
}

static bool is_valid(const struct weft_iface_config *config)
{
    if (config->mtu < MTU_MIN || config->mtu > MTU_MAX)
        return false;
    if (config->type == WEFT_LINK_ETHERNET)
        return !wire_mac_is_multicast(&config->mac);
    return config->type == WEFT_LINK_IP;
}

int net_iface_add(struct net *net, const struct weft_iface_config *config)
{
    struct net_iface *iface = &net->iface[net->nifaces];
    char name[sizeof(iface->name)];

    if (!is_valid(config) || !copy_name(config->name, name, sizeof(name)))
        return WEFT_E_INVAL;
    if (net->nifaces == NET_IFACES)
        return WEFT_E_LIMIT;
    *iface = (struct net_iface){.index = (uint16_t)net->nifaces,
                                .tx_limit = net->tx_queue,
                                .caps = config->caps,
                                .mtu = config->mtu,
                                .mac = config->mac,
                                .has_neighbours = config->type == WEFT_LINK_ETHERNET};
    memcpy(iface->name, name, sizeof(name));
    /* weft/link.h: cutting up implies completing checksums. */
    if (iface->caps & (WEFT_LINK_TSO4 | WEFT_LINK_TSO6))
        iface->caps |= WEFT_LINK_TX_CSUM;
    if (iface->has_neighbours && is_zero_mac(&iface->mac))
        choose_mac(net->core, &iface->mac);
    net->nifaces++;
    return iface->index;
}

/* The network of an address. */
static struct weft_prefix network_of(const struct net_addr *addr)
{
    return (struct weft_prefix){weft_ip4_from_u32(addr->ip4 & addr->mask), addr->len};
}

/* The route to the network of an address; a second address of a network finds it there. */
static int add_network(struct net *net, const struct net_addr *addr)
{
    struct weft_prefix network = network_of(addr);
    int result;

    if (addr->len == 32)
        return 0;
    result = net_route_insert(&net->route, &network, NULL, addr->iface, 0);
    return result == WEFT_E_EXIST ? 0 : result;
}

int net_iface_add_addr(struct net *net, int index, const struct weft_prefix *prefix)
{
    struct net_addr *ours = &net->addr.entry[net->addr.count];
    uint32_t ip4 = weft_addr_u32(&prefix->addr);
    int result;

    if (index <= NET_LOOPBACK || (uint32_t)index >= net->nifaces || !weft_addr_is_ip4(&prefix->addr) ||
        prefix->len > 32 || !net_ip4_is_host(ip4, prefix->len))
        return WEFT_E_INVAL;
    if (net_iface_find_addr(net, 0, &prefix->addr))
        return WEFT_E_EXIST;
    if (net->addr.count == NET_ADDRS)
        return WEFT_E_LIMIT;
    *ours = (struct net_addr){.addr = prefix->addr,
                              .ip4 = ip4,
                              .mask = prefix->len ? UINT32_MAX << (32 - prefix->len) : 0,
                              .iface = (uint16_t)index,
                              .len = prefix->len,
                              .timer.kind = CORE_TIMER_ANNOUNCE};
    result = add_network(net, ours);
    if (result)
        return result;
    net->addr.count++;
    net_change(net);
    if (net->iface[index].has_neighbours)
        net_arp_announce(net, ours);
    return 0;
}
