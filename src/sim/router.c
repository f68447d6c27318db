/* SPDX-License-Identifier: MIT */
/*
 * A router of a simulation: IPv4 forwarding by static routes (RFC 1812 5.2),
 * and the ICMP errors that end hosts live by.
 *
 * Owns    its routes and the count of what became of packets.
 * Never   fragments (a packet too large is reported whether it says DF or not),
 *         answers to its own address, or speaks ARP: its links are point to
 *         point. weft's own forwarding is another thing, of another layer.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/checksum.h"
#include "sim/forward.h"
#include "wire/icmp4.h"
#include "wire/ip4.h"

#define ERROR_MAX 576  /* bytes of an ICMP error at most: RFC 1812 4.3.2.3 */
#define ERROR_TTL 64   /* RFC 1700, and what hosts use */
#define ERROR_TOS 0xc0 /* RFC 1812 4.3.2.5: internetwork control */
#define IP4_TTL   8    /* offsets in the header: RFC 791 3.1 */
#define IP4_SUM   10

struct route {
    uint32_t network;
    uint8_t len;
    unsigned port;
};

struct weft_router {
    struct sim_forward forward; /* first */
    struct weft_router_config config;
    struct weft_router_stats stats;
    struct route *routes; /* the longest prefix first */
    unsigned route_count;
    uint32_t *mtu; /* of each port */
    uint16_t id;   /* of the next error */
};

static uint32_t mask(uint8_t len)
{
    return len ? UINT32_MAX << (32 - len) : 0;
}

static const struct route *find_route(const struct weft_router *router, const struct weft_addr *dst)
{
    for (unsigned i = 0; i < router->route_count; i++)
        if ((weft_addr_u32(dst) & mask(router->routes[i].len)) == router->routes[i].network)
            return &router->routes[i];
    return NULL;
}

/* --- Errors --- */

/* No error about an error, a fragment behind the first, or what is not from one host (RFC 1812 4.3.2.7). */
static bool may_report(const struct weft_router *router, const struct wire_ip4 *ip,
                       const struct weft_pkt *pkt)
{
    uint32_t src = weft_addr_u32(&ip->src), dst = weft_addr_u32(&ip->dst);

    if (router->config.no_icmp || ip->fragment_off || src == 0 || src >> 28 >= 0xe || src >> 24 == 127 ||
        dst >> 28 >= 0xe)
        return false;
    return ip->proto != WIRE_PROTO_ICMP ||
           (pkt->len > ip->header_len && !wire_icmp4_is_error(pkt->data[ip->header_len]));
}

/* Reports to the sender of `pkt`, by the port that it came from. */
static void report(struct weft_router *router, unsigned port, const struct weft_pkt *pkt,
                   const struct wire_ip4 *ip, struct wire_icmp4 icmp)
{
    uint32_t quoted = pkt->total_len, head = WIRE_IP4_LEN + WIRE_ICMP4_LEN;
    struct weft_pkt *error = may_report(router, ip, pkt) ? weft_pkt_new_rx(router->forward.pool, 0) : NULL;
    struct writer w;
    uint8_t *bytes;

    if (!error)
        return;
    quoted = quoted < ERROR_MAX - head ? quoted : ERROR_MAX - head;
    bytes = weft_pkt_put(error, head + quoted);
    w = writer_of(bytes, head);
    wire_ip4_emit(&(struct wire_ip4){.tos = ERROR_TOS,
                                     .total_len = (uint16_t)(head + quoted),
                                     .id = router->id++,
                                     .ttl = ERROR_TTL,
                                     .proto = WIRE_PROTO_ICMP,
                                     .src = router->config.addr,
                                     .dst = ip->src},
                  0, &w);
    wire_icmp4_emit(&icmp, &w);
    weft_pkt_copy_out(pkt, 0, bytes + head, quoted);
    put_be16(bytes + WIRE_IP4_LEN + 2,
             checksum_finish(checksum_sum(bytes + WIRE_IP4_LEN, WIRE_ICMP4_LEN + quoted)));
    router->stats.errors++;
    sim_forward_send(&router->forward, port, error);
}

/* --- Forwarding --- */

/* One hop less. */
static void decrement_ttl(struct weft_pkt *pkt)
{
    uint16_t before = get_be16(pkt->data + IP4_TTL);

    pkt->data[IP4_TTL]--;
    put_be16(pkt->data + IP4_SUM,
             checksum_update(get_be16(pkt->data + IP4_SUM), before, get_be16(pkt->data + IP4_TTL)));
}

static bool is_sound(struct weft_pkt *pkt, struct wire_ip4 *ip)
{
    struct cursor c = cursor_of(pkt->data, pkt->len);

    if (wire_ip4_parse(&c, pkt->total_len, ip) != WIRE_IP4_OK)
        return false;
    return wire_ip4_checksum_ok(pkt->data, ip->header_len);
}

/* Sends the packet on its way, or says why not. Returns false when it goes no further. */
static bool route_packet(struct weft_router *router, unsigned from, struct weft_pkt *pkt)
{
    struct wire_ip4 ip;
    const struct route *route;

    if (!is_sound(pkt, &ip)) {
        router->stats.malformed++;
        return false;
    }
    if (ip.ttl <= 1) {
        router->stats.expired++;
        report(router, from, pkt, &ip, (struct wire_icmp4){.type = WIRE_ICMP4_TIME_EXCEEDED});
        return false;
    }
    route = find_route(router, &ip.dst);
    if (!route) {
        router->stats.unroutable++;
        report(router, from, pkt, &ip,
               (struct wire_icmp4){.type = WIRE_ICMP4_UNREACHABLE, .code = WIRE_ICMP4_NET_UNREACHABLE});
        return false;
    }
    if (ip.total_len > router->mtu[route->port]) {
        router->stats.too_big++;
        report(router, from, pkt, &ip,
               (struct wire_icmp4){.type = WIRE_ICMP4_UNREACHABLE,
                                   .code = WIRE_ICMP4_FRAGMENTATION_NEEDED,
                                   .mtu = (uint16_t)router->mtu[route->port]});
        return false;
    }
    decrement_ttl(pkt);
    router->stats.forwarded++;
    sim_forward_send(&router->forward, route->port, pkt);
    return true;
}

static void packet(struct sim_forward *forward, unsigned port, struct weft_pkt *pkt, weft_time now)
{
    (void)now;
    if (!route_packet((struct weft_router *)forward, port, pkt))
        weft_pkt_free(pkt);
}

static void fini(struct sim_forward *forward)
{
    struct weft_router *router = (struct weft_router *)forward;

    free(router->routes);
    free(router->mtu);
}

/* --- From outside --- */

int weft_sim_add_router(struct weft_sim *sim, const struct weft_router_config *config,
                        struct weft_router **out)
{
    struct weft_router *router = calloc(1, sizeof(*router));
    int error;

    if (!router)
        return WEFT_E_NOMEM;
    router->config = *config;
    router->forward.packet = packet;
    router->forward.fini = fini;
    sim_forward_init(&router->forward, sim);
    error = sim_add_node(sim, &router->forward.node);
    if (!error)
        *out = router;
    return error;
}

int weft_router_add_link(struct weft_router *router, struct weft_link *link)
{
    uint32_t *mtu = realloc(router->mtu, sizeof(*mtu) * (router->forward.count + 1));

    if (mtu)
        router->mtu = mtu;
    if (!mtu || link->type != WEFT_LINK_IP) {
        weft_link_close(link);
        return mtu ? WEFT_E_OPNOTSUPP : WEFT_E_NOMEM;
    }
    mtu[router->forward.count] = link->mtu;
    return sim_forward_add_link(&router->forward, link);
}

int weft_router_add_route(struct weft_router *router, const struct weft_prefix *dst, int port)
{
    struct route *routes;
    unsigned at = router->route_count;

    if (port < 0 || (unsigned)port >= router->forward.count || !weft_addr_is_ip4(&dst->addr) || dst->len > 32)
        return WEFT_E_INVAL;
    routes = realloc(router->routes, sizeof(*routes) * (router->route_count + 1));
    if (!routes)
        return WEFT_E_NOMEM;
    router->routes = routes;
    for (; at > 0 && routes[at - 1].len < dst->len; at--)
        routes[at] = routes[at - 1];
    routes[at] = (struct route){weft_addr_u32(&dst->addr) & mask(dst->len), dst->len, (unsigned)port};
    router->route_count++;
    return 0;
}

void weft_router_set_mtu(struct weft_router *router, int port, uint32_t mtu)
{
    router->mtu[port] = mtu;
}

const struct weft_router_stats *weft_router_stats(const struct weft_router *router)
{
    return &router->stats;
}
