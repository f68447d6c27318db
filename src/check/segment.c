/* SPDX-License-Identifier: MIT */
/*
 * A frame becomes a segment (check/model.h): Ethernet, IPv4 or IPv6, TCP; ARP and ICMP are told apart.
 *
 * A checksum that a sender's device was to complete holds the sum of the
 * pseudo-header alone when a tap on that host sees it; unless frames are known
 * to be as on the wire, that is as good as a right one.
 */
#include "check/model.h"

#include "base/checksum.h"
#include "wire/arp.h"
#include "wire/eth.h"

#define IP6_LEN               40
#define NEIGHBOR_SOLICITATION 135 /* RFC 4861 4.3 */

/* Next Header values that are extension headers (RFC 8200 4). */
enum {
    EXT_HOP_BY_HOP = 0,
    EXT_ROUTING = 43,
    EXT_FRAGMENT = 44,
    EXT_DESTINATION = 60,
};

/* A packet while it is read. */
struct packet {
    struct cursor at; /* at the transport header */
    uint32_t len;     /* from there to the packet's end, as the headers say */
    bool is_whole;    /* all of it is at hand */
    bool rerouted;    /* a routing header: the checksum was made with another address */
    struct weft_addr src, dst;
};

/* Moves behind the link header. Returns the EtherType. */
static unsigned read_link(struct cursor *c, enum weft_link_type type, struct check_segment *out)
{
    struct wire_eth eth;

    if (type == WEFT_LINK_IP)
        return cursor_left(c) && *c->at >> 4 == 6 ? WIRE_ETHERTYPE_IP6 : WIRE_ETHERTYPE_IP4;
    if (!wire_eth_parse(c, &eth))
        return 0;
    out->has_mac = true;
    out->mac_from = eth.src;
    out->mac_to = eth.dst;
    return eth.type;
}

/* `wire_len` is the packet's length on the wire, `cursor_left` what is at hand of it. */
static enum check_parse read_ip4(struct packet *p, uint32_t wire_len, struct check_segment *out)
{
    const uint8_t *header = p->at.at;
    uint32_t at_hand = (uint32_t)cursor_left(&p->at);
    struct wire_ip4 ip;

    if (wire_ip4_parse(&p->at, wire_len, &ip) != WIRE_IP4_OK)
        return CHECK_NOT_TCP;
    if (ip.proto == WIRE_PROTO_ICMP)
        return CHECK_ICMP;
    if (ip.proto != WIRE_PROTO_TCP)
        return CHECK_NOT_TCP;
    if (ip.fragment_off || (ip.flags & WIRE_IP4_MF))
        return CHECK_CUT;
    p->src = ip.src;
    p->dst = ip.dst;
    p->len = ip.total_len - ip.header_len;
    p->is_whole = at_hand >= ip.total_len;
    if (p->is_whole)
        p->at.end = header + ip.total_len; /* padding behind it is the link's */
    out->ecn = ip.tos & 3;
    out->ip_options_len = (uint8_t)(ip.header_len - WIRE_IP4_LEN);
    out->ip_damaged = !wire_ip4_checksum_ok(header, ip.header_len);
    return CHECK_SEGMENT;
}

/* One extension header; returns the Next Header behind it, or -1 for a fragment. */
static int pass_extension(struct packet *p, unsigned kind)
{
    unsigned next = cursor_u8(&p->at), len = cursor_u8(&p->at), word = cursor_be16(&p->at);

    if (kind == EXT_FRAGMENT) {
        cursor_skip(&p->at, 4);
        return word & 0xfff9 ? -1 : (int)next; /* offset, M; both zero: an atomic fragment (RFC 6946) */
    }
    if (kind == EXT_ROUTING && (word & 0xff) != 0)
        p->rerouted = true;
    cursor_skip(&p->at, 4 + 8 * (size_t)len);
    return (int)next;
}

static bool is_extension(unsigned next)
{
    return next == EXT_HOP_BY_HOP || next == EXT_ROUTING || next == EXT_FRAGMENT || next == EXT_DESTINATION;
}

static enum check_parse read_ip6(struct packet *p, uint32_t wire_len, struct check_segment *out)
{
    const uint8_t *begin = p->at.at;
    uint32_t at_hand = (uint32_t)cursor_left(&p->at);
    uint32_t first = cursor_be32(&p->at), payload_len = cursor_be16(&p->at);
    int next = cursor_u8(&p->at);

    cursor_skip(&p->at, 1);
    cursor_bytes(&p->at, p->src.b, 16);
    cursor_bytes(&p->at, p->dst.b, 16);
    if (!cursor_ok(&p->at) || first >> 28 != 6 || IP6_LEN + payload_len > wire_len)
        return CHECK_NOT_TCP;
    if (at_hand > IP6_LEN + payload_len)
        p->at.end = begin + IP6_LEN + payload_len;
    out->ecn = first >> 20 & 3;
    while (next >= 0 && is_extension((unsigned)next) && cursor_ok(&p->at))
        next = pass_extension(p, (unsigned)next);
    if (next == WIRE_PROTO_ICMP6)
        return cursor_u8(&p->at) == NEIGHBOR_SOLICITATION ? CHECK_ASKS : CHECK_ICMP;
    if (next != WIRE_PROTO_TCP && next >= 0)
        return CHECK_NOT_TCP;
    if (next < 0 || !cursor_ok(&p->at))
        return CHECK_CUT;
    p->len = IP6_LEN + payload_len - (uint32_t)(p->at.at - begin);
    p->is_whole = at_hand >= IP6_LEN + payload_len;
    return CHECK_SEGMENT;
}

static bool is_damaged(const struct packet *p, bool wire)
{
    const uint8_t *segment = p->at.at;
    uint64_t pseudo = checksum_pseudo(&p->src, &p->dst, WIRE_PROTO_TCP, p->len);

    if (!p->is_whole || p->rerouted)
        return false;
    if (checksum_fold(pseudo + checksum_sum(segment, p->len)) == 0xffff)
        return false;
    return wire || get_be16(segment + WIRE_TCP_CHECKSUM_OFFSET) != checksum_fold(pseudo);
}

static enum check_parse read_tcp(struct packet *p, bool wire, struct check_segment *out)
{
    const uint8_t *header = p->at.at;
    uint32_t at_hand = (uint32_t)cursor_left(&p->at);
    uint32_t header_len;

    if (p->len < WIRE_TCP_LEN || at_hand < WIRE_TCP_LEN)
        return CHECK_CUT;
    out->tcp_damaged = is_damaged(p, wire);
    header_len = (uint32_t)(header[12] >> 4) * 4;
    out->header_wrong = header_len < WIRE_TCP_LEN || header_len > p->len;
    if (!wire_tcp_parse(&p->at, &out->tcp) && !out->header_wrong)
        return CHECK_CUT;
    out->src = (struct weft_endpoint){p->src, out->tcp.src_port};
    out->dst = (struct weft_endpoint){p->dst, out->tcp.dst_port};
    if (out->header_wrong)
        return CHECK_SEGMENT;
    out->header = header;
    out->opts_wrong = !wire_tcp_opts_parse(out->tcp.options, header_len - WIRE_TCP_LEN, &out->opts);
    out->len = p->len - header_len;
    out->data = p->at.at;
    out->data_len = (uint32_t)cursor_left(&p->at);
    return CHECK_SEGMENT;
}

/* An announcement is a request, too (RFC 5227 2.3), but asks nothing. */
static enum check_parse read_arp(struct cursor *c)
{
    struct wire_arp arp;
    bool asks = wire_arp_parse(c, &arp) && arp.op == WIRE_ARP_REQUEST &&
                !weft_addr_eq(&arp.sender_ip, &arp.target_ip);

    return asks ? CHECK_ASKS : CHECK_NOT_TCP;
}

enum check_parse check_segment_parse(const struct weft_frame *frame, bool wire, struct check_segment *out)
{
    struct packet p = {.at = cursor_of(frame->bytes, frame->len)};
    uint32_t wire_len = frame->wire_len > frame->len ? frame->wire_len : frame->len;
    enum check_parse result = CHECK_NOT_TCP;
    unsigned type;

    *out = (struct check_segment){.now = frame->time, .direction = frame->direction};
    type = read_link(&p.at, frame->type, out);
    wire_len -= (uint32_t)(frame->len - cursor_left(&p.at));
    if (type == WIRE_ETHERTYPE_IP4)
        result = read_ip4(&p, wire_len, out);
    else if (type == WIRE_ETHERTYPE_IP6)
        result = read_ip6(&p, wire_len, out);
    else if (type == WIRE_ETHERTYPE_ARP)
        result = read_arp(&p.at);
    return result == CHECK_SEGMENT ? read_tcp(&p, wire, out) : result;
}
