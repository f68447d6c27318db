/* SPDX-License-Identifier: MIT */
/*
 * What IPv4 does when a packet arrives (net/ip4.h).
 *
 * Order   RFC 1122 3.2.1, one function per step:
 *            read_header         length, version (3.2.1.1), header, checksum (3.2.1.2);
 *                                link padding is cut off
 *            check_source        3.2.1.3: must be the address of one other host
 *            check_destination   3.2.1.3: one of our addresses (of any interface, RFC 1122
 *                                3.3.4.2's weak model), or a broadcast or multicast of this link
 *            check_fragment      3.2.1.4: there is no reassembly yet
 *            check_options       3.2.1.8: well formed; a source route must end here (3.3.5)
 *            deliver             to ICMP, to the transport, or an answer that there is none
 *         TTL is not looked at (3.2.1.7: not a host's business).
 *
 * Trust   Nothing is believed before read_header has passed, nothing is answered before
 *         the addresses have. A packet from ourselves (interface 0) keeps its source.
 *
 * DEVIATES: RFC 1122 3.2.2.6 MUST, SHOULD: what came with a source route or with a record
 *         of it is answered without one. Source routes are not passed on anywhere any more, and a
 *         host that reverses them lends its address to whoever writes one.
 *         test_net_ip4_input.c: checks_options.
 */
#include "net/ip4.h"

#include "net/state.h"
#include "wire/ip4.h"

/* A step that lets the packet go on; any other value is why it went no further. */
#define PASS WEFT_DROP_COUNT

/* All hosts on this link (RFC 1112 4): the one group that every host is in. */
#define ALL_HOSTS 0xe0000001

/* --- Addresses --- */

enum net_ip4_kind net_ip4_kind_of(const struct net *net, unsigned iface, uint32_t addr)
{
    enum net_ip4_kind kind = NET_IP4_HOST;
    uint32_t top = addr >> 24;

    if (top == 0)
        return addr ? NET_IP4_RESERVED : NET_IP4_ANY;
    if (top == 127)
        return NET_IP4_LOOPBACK;
    if (top >= 240)
        return addr == UINT32_MAX ? NET_IP4_BROADCAST : NET_IP4_RESERVED;
    if (top >= 224)
        return NET_IP4_MULTICAST;
    for (uint32_t i = 0; i < net->addr.count; i++) {
        const struct net_addr *ours = &net->addr.entry[i];
        uint32_t host = addr & ~ours->mask;

        if (addr == ours->ip4)
            return NET_IP4_OURS;
        if (((addr ^ ours->ip4) & ours->mask) == 0 && (host == 0 || host == ~ours->mask) && ours->len <= 30 &&
            (iface == 0 || ours->iface == iface))
            kind = NET_IP4_BROADCAST;
    }
    return kind;
}

bool net_ip4_is_host(uint32_t addr, unsigned len)
{
    uint32_t top = addr >> 24;
    uint32_t ones = (uint32_t) ~(UINT64_MAX << (32 - len));
    uint32_t host = addr & ones;

    if (top == 0 || top == 127 || top >= 224)
        return false;
    /* RFC 1122 3.2.1.3: neither all zeros nor all ones; a network of one or two addresses has only
     * hosts. */
    return len > 30 || (host != 0 && host != ones);
}

bool net_addr_is_ours(const struct net *net, const struct weft_addr *addr)
{
    enum net_ip4_kind kind;

    if (!weft_addr_is_ip4(addr))
        return false;
    kind = net_ip4_kind_of(net, 0, weft_addr_u32(addr));
    return kind == NET_IP4_OURS || kind == NET_IP4_LOOPBACK;
}

bool net_addr_is_unicast(const struct net *net, const struct weft_addr *addr)
{
    enum net_ip4_kind kind;

    if (!weft_addr_is_ip4(addr))
        return false;
    kind = net_ip4_kind_of(net, 0, weft_addr_u32(addr));
    return kind == NET_IP4_HOST || kind == NET_IP4_OURS;
}

/* --- Input --- */

static enum weft_drop read_header(struct weft_pkt *pkt, struct wire_ip4 *ip)
{
    uint32_t longest = pkt->total_len < WIRE_IP4_MAX_LEN ? pkt->total_len : WIRE_IP4_MAX_LEN;
    struct cursor c;

    if (pkt->len < longest)
        (void)weft_pkt_linearize(pkt, longest); /* if it cannot, the header may still be there */
    c = cursor_of(pkt->data, pkt->len);
    switch (wire_ip4_parse(&c, pkt->total_len, ip)) {
    case WIRE_IP4_SHORT:
        return WEFT_DROP_IP_SHORT;
    case WIRE_IP4_VERSION:
        return WEFT_DROP_IP_VERSION;
    case WIRE_IP4_HEADER:
        return WEFT_DROP_IP_HEADER;
    case WIRE_IP4_OK:
        break;
    }
    if (!wire_ip4_checksum_ok(pkt->data, ip->header_len))
        return WEFT_DROP_IP_CHECKSUM;
    weft_pkt_trim(pkt, ip->total_len);
    return PASS;
}

static enum weft_drop check_source(const struct net *net, const struct net_iface *iface,
                                   const struct wire_ip4 *ip)
{
    if (iface->index == NET_LOOPBACK)
        return PASS;
    /* Our own address is a loop or a lie, 127/8 must not be seen on a wire, and the rest is no single
     * host's. */
    return net_ip4_kind_of(net, 0, weft_addr_u32(&ip->src)) == NET_IP4_HOST ? PASS : WEFT_DROP_IP_SOURCE;
}

static enum weft_drop check_destination(const struct net *net, const struct net_iface *iface, uint16_t flags,
                                        const struct wire_ip4 *ip, struct net_rx *rx)
{
    uint32_t dst = weft_addr_u32(&ip->dst);

    rx->dst_is_broadcast = true;
    switch (net_ip4_kind_of(net, iface->index, dst)) {
    case NET_IP4_OURS:
        /* RFC 1122 3.3.6 SHOULD: what the link sent to many must be for many in IP as well. */
        rx->dst_is_broadcast = false;
        return flags & (WEFT_PKT_LL_BROADCAST | WEFT_PKT_LL_MULTICAST) ? WEFT_DROP_IP_DESTINATION : PASS;
    case NET_IP4_LOOPBACK:
        rx->dst_is_broadcast = false;
        return iface->index == NET_LOOPBACK ? PASS : WEFT_DROP_IP_DESTINATION;
    case NET_IP4_BROADCAST:
    case NET_IP4_ANY: /* 4.2BSD's form of the limited broadcast (RFC 1122 3.3.6) */
        return PASS;
    case NET_IP4_MULTICAST:
        return dst == ALL_HOSTS ? PASS : WEFT_DROP_IP_DESTINATION;
    default:
        return WEFT_DROP_IP_DESTINATION;
    }
}

static enum weft_drop check_fragment(const struct wire_ip4 *ip)
{
    return (ip->flags & WIRE_IP4_MF) || ip->fragment_off ? WEFT_DROP_IP_FRAGMENT : PASS;
}

/* What is wrong with an option: 0 for nothing, else the ICMP type that says so. A source route or a
 * record is a list of addresses with a pointer, at least 4, to the next to be visited or written (RFC
 * 791 3.1). */
static uint8_t judge_option(const struct wire_ip4_option *option)
{
    switch (option->type) {
    case WIRE_IP4_OPT_LSRR:
    case WIRE_IP4_OPT_SSRR:
        if (option->len < 3 || option->data[0] < 4)
            return WIRE_ICMP4_PARAMETER_PROBLEM;
        return option->data[0] > option->len ? 0 : WIRE_ICMP4_UNREACHABLE;
    case WIRE_IP4_OPT_RECORD_ROUTE:
        return option->len < 3 || option->data[0] < 4 ? WIRE_ICMP4_PARAMETER_PROBLEM : 0;
    case WIRE_IP4_OPT_TIMESTAMP:
        return option->len < 4 || option->data[0] < 5 ? WIRE_ICMP4_PARAMETER_PROBLEM : 0;
    default:
        return 0;
    }
}

/* Looks at all options. Fills what is to be reported; returns false when there is something. */
static bool read_options(const struct wire_ip4 *ip, struct wire_icmp4 *report)
{
    struct cursor c = cursor_of(ip->options, ip->header_len - (size_t)WIRE_IP4_LEN);
    struct wire_ip4_option option;
    int result;

    for (;;) {
        report->pointer = (uint8_t)(ip->header_len - cursor_left(&c));
        result = wire_ip4_option_next(&c, &option);
        if (result <= 0)
            break;
        report->type = judge_option(&option);
        if (report->type)
            return false;
    }
    report->type = WIRE_ICMP4_PARAMETER_PROBLEM;
    return result == 0;
}

static enum weft_drop check_options(struct net *net, const struct weft_pkt *pkt, const struct wire_ip4 *ip,
                                    const struct net_rx *rx)
{
    struct wire_icmp4 report = {0};

    if (!ip->options || read_options(ip, &report))
        return PASS;
    /* RFC 1122 3.3.5: a host that does not forward says so. */
    if (report.type == WIRE_ICMP4_UNREACHABLE)
        report.code = WIRE_ICMP4_SOURCE_ROUTE_FAILED;
    net_icmp4_send_error(net, rx, pkt, &report);
    return WEFT_DROP_IP_OPTIONS;
}

static enum weft_drop check_packet(struct net *net, const struct net_iface *iface, struct weft_pkt *pkt,
                                   struct wire_ip4 *ip, struct net_rx *rx)
{
    enum weft_drop why = read_header(pkt, ip);

    if (why != PASS)
        return why;
    *rx = (struct net_rx){.src = ip->src,
                          .dst = ip->dst,
                          .iface = iface->index,
                          .proto = ip->proto,
                          .tos = ip->tos,
                          .ttl = ip->ttl};
    pkt->l3_off = (uint16_t)weft_pkt_headroom(pkt);
    pkt->l4_off = (uint16_t)(pkt->l3_off + ip->header_len);
    why = check_source(net, iface, ip);
    if (why == PASS)
        why = check_destination(net, iface, pkt->flags, ip, rx);
    if (why == PASS)
        why = check_fragment(ip);
    if (why == PASS)
        why = check_options(net, pkt, ip, rx);
    return why;
}

/* Takes a packet that is for us. */
static void deliver(struct net *net, struct weft_pkt *pkt, const struct net_rx *rx)
{
    const struct net_transport *transport = &net->transport[rx->proto];

    if (transport->input) {
        core_count(net->core, WEFT_COUNT_IP_DELIVERED);
        transport->input(transport->ctx, pkt, rx);
    } else if (rx->proto == WIRE_PROTO_ICMP) {
        core_count(net->core, WEFT_COUNT_IP_DELIVERED);
        net_icmp4_input(net, pkt, rx);
    } else {
        net_send_unreachable(net, rx, pkt, WIRE_ICMP4_PROTOCOL_UNREACHABLE);
        core_drop(net->core, WEFT_DROP_IP_PROTOCOL, rx->iface, 0, pkt);
    }
}

void net_ip4_input(struct net *net, struct net_iface *iface, struct weft_pkt *pkt)
{
    struct wire_ip4 ip;
    struct net_rx rx;
    enum weft_drop why;

    core_count(net->core, WEFT_COUNT_IP_IN);
    why = check_packet(net, iface, pkt, &ip, &rx);
    if (why != PASS) {
        core_drop(net->core, why, iface->index, 0, pkt);
        return;
    }
    weft_pkt_pull(pkt, ip.header_len);
    deliver(net, pkt, &rx);
}
