/* SPDX-License-Identifier: MIT */
/*
 * ICMP errors (net/icmp4.h): those that we are told about packets of ours, and
 * those that we tell others (RFC 792, RFC 1122 3.2.2, RFC 1191).
 *
 * Trust   Anybody can send an error that quotes a packet we might have sent. So
 *         nothing is done here: what the quote says is checked to be from us
 *         and reported to its transport, which compares it with what it has
 *         really sent (RFC 5927 4).
 *
 * Rules   No error is sent about an ICMP error, to many, about a packet to
 *         many, about a fragment but the first, or to who is no single host
 *         (RFC 1122 3.2.2, RFC 1812 4.3.2.7). It quotes as much as fits into
 *         576 bytes (RFC 1812 4.3.2.3), with the type of service 0 (3.2.2).
 */
#include "net/icmp4.h"

#include "net/ip4.h"
#include "net/pmtu.h"
#include "net/state.h"
#include "wire/ip4.h"

/* RFC 1812 4.3.2.3. */
#define MESSAGE_MAX 576
#define QUOTE_MAX   (MESSAGE_MAX - WIRE_IP4_LEN - WIRE_ICMP4_LEN)

/* RFC 792: "Internet Header + 64 bits of Original Data Datagram". */
#define QUOTE_DATA_MIN 8

/* As much of an error as anybody looks at: the longest headers that a quote can begin with. */
#define LOOKED_AT (WIRE_ICMP4_LEN + WIRE_IP4_MAX_LEN + 60)

#define TOLD WEFT_DROP_COUNT

/* --- Errors that we are told --- */

/* What the codes of "destination unreachable" mean (RFC 792, RFC 1122 3.2.2.1, RFC 1812 5.2.7.1). */
static const uint8_t unreachable_kinds[] = {
    NET_ERROR_NET_UNREACHABLE,      /* 0 */
    NET_ERROR_HOST_UNREACHABLE,     /* 1 */
    NET_ERROR_PROTOCOL_UNREACHABLE, /* 2 */
    NET_ERROR_PORT_UNREACHABLE,     /* 3 */
    NET_ERROR_TOO_BIG,              /* 4 fragmentation needed */
    NET_ERROR_SOURCE_ROUTE_FAILED,  /* 5 */
    NET_ERROR_NET_UNREACHABLE,      /* 6 network unknown */
    NET_ERROR_HOST_UNREACHABLE,     /* 7 host unknown */
    NET_ERROR_HOST_UNREACHABLE,     /* 8 source host isolated */
    NET_ERROR_ADMIN_PROHIBITED,     /* 9 network */
    NET_ERROR_ADMIN_PROHIBITED,     /* 10 host */
    NET_ERROR_NET_UNREACHABLE,      /* 11 for the type of service */
    NET_ERROR_HOST_UNREACHABLE,     /* 12 for the type of service */
    NET_ERROR_ADMIN_PROHIBITED,     /* 13 communication */
    NET_ERROR_ADMIN_PROHIBITED,     /* 14 host precedence violation */
    NET_ERROR_ADMIN_PROHIBITED,     /* 15 precedence cutoff */
};

static enum net_error_kind kind_of(const struct wire_icmp4 *icmp)
{
    switch (icmp->type) {
    case WIRE_ICMP4_UNREACHABLE:
        /* A code that nobody knows is at most a hint. */
        return icmp->code < sizeof(unreachable_kinds) ? unreachable_kinds[icmp->code]
                                                      : NET_ERROR_HOST_UNREACHABLE;
    case WIRE_ICMP4_SOURCE_QUENCH:
        return NET_ERROR_SOURCE_QUENCH;
    case WIRE_ICMP4_TIME_EXCEEDED:
        return NET_ERROR_TIME_EXCEEDED;
    default:
        return NET_ERROR_PARAMETER_PROBLEM;
    }
}

/* The next size to try, from a router that does not say (RFC 1191 5). One derived from 4.2BSD adds the
 * header's length to the total length, which shows when that is not below what we believe of the path. */
static uint16_t guess_mtu(struct net *net, const struct wire_ip4 *quoted)
{
    uint32_t total_len = quoted->total_len;
    struct net_path path = {0};

    if (net_path_find(net, &quoted->src, &quoted->dst, &path) == 0 && total_len >= path.mtu)
        total_len -= quoted->header_len;
    return net_pmtu_plateau_below(total_len);
}

/* Reads a quoted packet up to its transport header. Returns false when it tells nothing: cut short, not
 * IPv4, or a fragment that is not the first. */
static bool read_quote(struct cursor *c, struct wire_ip4 *ip)
{
    return wire_ip4_parse(c, UINT16_MAX, ip) == WIRE_IP4_OK && ip->fragment_off == 0 &&
           cursor_left(c) >= QUOTE_DATA_MIN;
}

/* True when we may have sent the quoted packet: from us, to one host. */
static bool is_of_ours(const struct net *net, const struct wire_ip4 *ip)
{
    enum net_ip4_kind dst = net_ip4_kind_of(net, 0, weft_addr_u32(&ip->dst));

    return net_addr_is_ours(net, &ip->src) &&
           (dst == NET_IP4_HOST || dst == NET_IP4_OURS || dst == NET_IP4_LOOPBACK);
}

static enum weft_drop tell_echo(struct net *net, const struct net_error *error)
{
    struct cursor c = cursor_of(error->quote, error->quote_len);
    struct wire_icmp4 request;

    if (!wire_icmp4_parse(&c, &request) || request.type != WIRE_ICMP4_ECHO || !net->echo.error)
        return WEFT_DROP_ICMP_ORPHAN;
    net->echo.error(net->echo.ctx, error, request.id, request.seq);
    return TOLD;
}

/* Reports to whom the quoted packet's protocol number says (RFC 1122 3.2.2). */
static enum weft_drop tell(struct net *net, uint8_t proto, const struct net_error *error)
{
    const struct net_transport *transport = &net->transport[proto];

    if (proto == WIRE_PROTO_ICMP)
        return tell_echo(net, error);
    if (!transport->error)
        return WEFT_DROP_ICMP_ORPHAN;
    transport->error(transport->ctx, error);
    return TOLD;
}

enum weft_drop net_icmp4_error_input(struct net *net, struct weft_pkt *pkt, const struct net_rx *rx)
{
    struct wire_icmp4 icmp;
    struct wire_ip4 quoted;
    struct net_error error;
    struct cursor c;

    if (rx->dst_is_broadcast)
        return WEFT_DROP_ICMP_BROADCAST;
    if (pkt->nslices)
        (void)weft_pkt_linearize(pkt, pkt->total_len < LOOKED_AT ? pkt->total_len : LOOKED_AT);
    c = cursor_of(pkt->data, pkt->len);
    if (!wire_icmp4_parse(&c, &icmp) || !read_quote(&c, &quoted))
        return WEFT_DROP_ICMP_MALFORMED;
    /* Who reports to us a packet from another address of ours has not seen ours. */
    if (!is_of_ours(net, &quoted) || !weft_addr_eq(&quoted.src, &rx->dst))
        return WEFT_DROP_ICMP_ORPHAN;
    error = (struct net_error){.kind = kind_of(&icmp),
                               .icmp = (uint16_t)(icmp.type << 8 | icmp.code),
                               .mtu = icmp.mtu,
                               .from = rx->src,
                               .src = quoted.src,
                               .dst = quoted.dst,
                               .quote = c.at,
                               .quote_len = cursor_left(&c)};
    if (error.kind == NET_ERROR_TOO_BIG && error.mtu == 0)
        error.mtu = guess_mtu(net, &quoted);
    return tell(net, quoted.proto, &error);
}

void net_icmp4_report_unreachable(struct net *net, const struct weft_pkt *pkt)
{
    struct cursor c = cursor_of(pkt->data, pkt->len);
    struct wire_ip4 sent;
    struct net_error error;

    if (!read_quote(&c, &sent) || !is_of_ours(net, &sent))
        return;
    error = (struct net_error){.kind = NET_ERROR_HOST_UNREACHABLE,
                               .icmp = WIRE_ICMP4_UNREACHABLE << 8 | WIRE_ICMP4_HOST_UNREACHABLE,
                               .is_local = true,
                               .from = sent.src,
                               .src = sent.src,
                               .dst = sent.dst,
                               .quote = c.at,
                               .quote_len = cursor_left(&c)};
    (void)tell(net, sent.proto, &error);
}

/* --- Errors that we tell others --- */

/* True for a message that may be an error, so that none must be sent about it. Of unknown types nobody
 * knows. */
static bool may_be_error(const struct weft_pkt *pkt, const uint8_t *icmp)
{
    if (icmp >= pkt->data + pkt->len)
        return true;
    return *icmp != WIRE_ICMP4_ECHO && *icmp != WIRE_ICMP4_ECHO_REPLY && *icmp != WIRE_ICMP4_TIMESTAMP &&
           *icmp != WIRE_ICMP4_TIMESTAMP_REPLY;
}

/* RFC 1122 3.2.2, RFC 1812 4.3.2.7. */
static bool may_report(const struct net *net, const struct net_rx *rx, const struct weft_pkt *pkt)
{
    const uint8_t *l3 = weft_pkt_l3(pkt);
    struct cursor c = cursor_of(l3, (size_t)(pkt->data + pkt->len - l3));
    struct wire_ip4 ip;

    if (rx->dst_is_broadcast || (pkt->flags & (WEFT_PKT_LL_BROADCAST | WEFT_PKT_LL_MULTICAST)))
        return false;
    if (wire_ip4_parse(&c, UINT16_MAX, &ip) != WIRE_IP4_OK || ip.fragment_off)
        return false;
    if (ip.proto == WIRE_PROTO_ICMP && may_be_error(pkt, c.at))
        return false;
    /* On a wire the source is one host's; what we send to ourselves may come from 127/8. */
    return rx->iface == NET_LOOPBACK || net_ip4_kind_of(net, 0, weft_addr_u32(&rx->src)) == NET_IP4_HOST;
}

/* A packet that holds the beginning of another, with room for headers in front; NULL when the pool is
 * empty. */
static struct weft_pkt *quote(struct weft_pool *pool, const struct weft_pkt *pkt)
{
    struct weft_pkt *out = weft_pkt_new_rx(pool, NET_HEADROOM + WIRE_ICMP4_LEN);
    const uint8_t *l3 = weft_pkt_l3(pkt);
    uint32_t header = (uint32_t)(pkt->data - l3); /* passed over by whoever reads the packet */
    uint32_t rest = pkt->total_len < QUOTE_MAX - header ? pkt->total_len : QUOTE_MAX - header;

    _Static_assert(QUOTE_MAX > 2 * 60, "the headers that are passed over fit");
    if (!out)
        return NULL;
    memcpy(weft_pkt_put(out, header), l3, header);
    weft_pkt_copy_out(pkt, 0, weft_pkt_put(out, rest), rest);
    return out;
}

void net_icmp4_send_error(struct net *net, const struct net_rx *rx, const struct weft_pkt *pkt,
                          const struct wire_icmp4 *icmp)
{
    struct net_tx tx = {.src = rx->dst, .dst = rx->src};
    struct weft_pkt *out;

    if (!may_report(net, rx, pkt) ||
        !net_icmp4_may_send(net->core, &net->error_limit, &rx->src, icmp->type, icmp->code))
        return;
    out = quote(net->core->pool, pkt);
    if (!out) {
        core_drop(net->core, WEFT_DROP_POOL_EMPTY, rx->iface, 0, NULL);
        return;
    }
    (void)net_icmp4_send(net, &tx, icmp, out);
}

void net_send_unreachable(struct net *net, const struct net_rx *rx, const struct weft_pkt *pkt, uint8_t code)
{
    struct wire_icmp4 icmp = {.type = WIRE_ICMP4_UNREACHABLE, .code = code};

    net_icmp4_send_error(net, rx, pkt, &icmp);
}
