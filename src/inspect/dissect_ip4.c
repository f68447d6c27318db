/* SPDX-License-Identifier: MIT */
/* IPv4 (RFC 791, RFC 2474, RFC 3168) with its options (RFC 791 3.1, RFC 2113), and what transport it carries. */
#include "inspect/dissect.h"

#include "base/bytes.h"
#include "base/checksum.h"
#include "wire/ip4.h"

/* Packets in packets in one frame; ours, real ones have two or three. */
#define MAX_DEPTH 4

struct ip4 {
    unsigned version, header_len, total_len, fragment_off;
    bool more_fragments;
    uint8_t proto;
    struct weft_dissect_field *total_len_field, *checksum_field;
};

/* --- The fixed header ------------------------------------------------------------------ */

static void dissect_service(struct dissect *d)
{
    struct weft_dissect_field *tos = inspect_dissect_bits(d, 8, "Type of Service"), *part;
    const char *name;

    inspect_dissect_hex(d, tos);
    part = inspect_dissect_part(d, tos, 0, 6, "DSCP");
    part->source = "RFC 2474 3";
    name = inspect_name_dscp((unsigned)part->value);
    if (name)
        inspect_dissect_note(d, part, "%s", name);
    part = inspect_dissect_part(d, tos, 6, 2, "ECN");
    part->source = "RFC 3168 5";
    inspect_dissect_note(d, part, "%s", inspect_name_ecn((unsigned)part->value));
}

static void dissect_fragmentation(struct dissect *d, struct ip4 *ip)
{
    struct weft_dissect_field *field = inspect_dissect_bits(d, 16, "Identification"), *flags;

    inspect_dissect_hex(d, field);
    flags = inspect_dissect_bits(d, 3, "Flags");
    inspect_dissect_say(d, flags, "%s",
                        flags->value & WIRE_IP4_DF   ? "DF"
                        : flags->value & WIRE_IP4_MF ? "MF"
                                                     : "none");
    inspect_dissect_flag(d, flags, 0, "Reserved");
    inspect_dissect_flag(d, flags, 1, "Don't Fragment (DF)");
    inspect_dissect_flag(d, flags, 2, "More Fragments (MF)");
    field = inspect_dissect_bits(d, 13, "Fragment Offset");
    ip->fragment_off = (unsigned)field->value * 8;
    ip->more_fragments = flags->value & WIRE_IP4_MF;
    if (ip->fragment_off > 0)
        inspect_dissect_note(d, field, "%u bytes", ip->fragment_off);
}

static void dissect_fixed_header(struct dissect *d, struct ip4 *ip)
{
    struct weft_dissect_field *field = inspect_dissect_bits(d, 4, "Version");
    const char *name;

    ip->version = (unsigned)field->value;
    if (!d->has_failed && ip->version != 4)
        inspect_dissect_wrong(d, field, "neither 4 nor 6");
    field = inspect_dissect_bits(d, 4, "IHL");
    ip->header_len = (unsigned)field->value * 4;
    if (ip->header_len < WIRE_IP4_LEN)
        inspect_dissect_wrong(d, field, "below 5: the header has at least 20 bytes");
    else
        inspect_dissect_note(d, field, "%u bytes", ip->header_len);
    dissect_service(d);
    ip->total_len_field = inspect_dissect_bits(d, 16, "Total Length");
    ip->total_len = (unsigned)ip->total_len_field->value;
    dissect_fragmentation(d, ip);
    (void)inspect_dissect_bits(d, 8, "Time to Live");
    field = inspect_dissect_bits(d, 8, "Protocol");
    ip->proto = (uint8_t)field->value;
    name = inspect_name_ip_proto(ip->proto);
    if (name)
        inspect_dissect_note(d, field, "%s", name);
    ip->checksum_field = inspect_dissect_bits(d, 16, "Header Checksum");
    (void)inspect_dissect_ip4_addr(d, "Source Address", &d->src);
    (void)inspect_dissect_ip4_addr(d, "Destination Address", &d->dst);
}

/* --- Options ------------------------------------------------------------------------------ */

static const char *option_name(unsigned type)
{
    switch (type) {
    case WIRE_IP4_OPT_END:
        return "End of Option List";
    case WIRE_IP4_OPT_NOP:
        return "No Operation";
    case WIRE_IP4_OPT_RECORD_ROUTE:
        return "Record Route";
    case WIRE_IP4_OPT_TIMESTAMP:
        return "Internet Timestamp";
    case WIRE_IP4_OPT_SECURITY:
        return "Security";
    case WIRE_IP4_OPT_LSRR:
        return "Loose Source and Record Route";
    case WIRE_IP4_OPT_SSRR:
        return "Strict Source and Record Route";
    case WIRE_IP4_OPT_ROUTER_ALERT:
        return "Router Alert";
    default:
        return "Option";
    }
}

/* The route of LSRR, SSRR and RR: type, length, pointer, addresses. */
static void dissect_route(struct dissect *d, const struct weft_dissect_field *option, unsigned len)
{
    struct weft_dissect_field *field = inspect_dissect_part(d, option, 16, 8, "Pointer");
    unsigned pointer = (unsigned)field->value;

    for (unsigned at = 3; at + 4 <= len; at += 4) {
        struct weft_addr addr;

        field = inspect_dissect_part(d, option, at * 8, 32, "Route address");
        addr = weft_ip4_from_u32((uint32_t)field->value);
        inspect_dissect_say(d, field, "%s", inspect_dissect_addr(d, &addr));
        if (at + 1 == pointer)
            inspect_dissect_note(d, field, "the next");
    }
}

static void dissect_option_parts(struct dissect *d, const struct weft_dissect_field *option, unsigned type,
                                 unsigned len)
{
    (void)inspect_dissect_part(d, option, 0, 8, "Type");
    (void)inspect_dissect_part(d, option, 8, 8, "Length");
    if ((type == WIRE_IP4_OPT_LSRR || type == WIRE_IP4_OPT_SSRR || type == WIRE_IP4_OPT_RECORD_ROUTE) &&
        len >= 3)
        dissect_route(d, option, len);
}

/* All options up to byte `end` of the frame. */
static void dissect_options(struct dissect *d, uint32_t end)
{
    while (!d->has_failed && d->bit / 8 < end) {
        uint32_t at = d->bit / 8, left = end - at;
        unsigned type = d->bytes[at];
        bool has_len = type != WIRE_IP4_OPT_END && type != WIRE_IP4_OPT_NOP;
        unsigned len = !has_len ? 1 : left >= 2 ? d->bytes[at + 1] : 0;
        struct weft_dissect_field *option;

        if (len == 0 || len > left || (has_len && len < 2)) {
            option = inspect_dissect_bytes(d, left, option_name(type));
            inspect_dissect_wrong(d, option, "its length is not possible");
            return;
        }
        if (type == WIRE_IP4_OPT_END)
            len = left; /* what follows is padding */
        option = inspect_dissect_bytes(d, len, option_name(type));
        if (has_len)
            dissect_option_parts(d, option, type, len);
    }
}

/* --- The packet ------------------------------------------------------------------------------ */

/* Where the packet ends, by its Total Length if that is possible. */
static void limit_packet(struct dissect *d, struct ip4 *ip, uint32_t start)
{
    uint32_t claimed = d->end - start;

    if (ip->total_len == 0 && claimed > ip->header_len) {
        inspect_dissect_note(d, ip->total_len_field, "left to the device, which cuts the packet up");
        return;
    }
    if (ip->total_len < ip->header_len)
        inspect_dissect_wrong(d, ip->total_len_field, "less than the header");
    else if (ip->total_len <= claimed)
        d->end = start + ip->total_len;
    else if (!d->is_quoted)
        inspect_dissect_wrong(d, ip->total_len_field, "the frame has only %u bytes for it",
                              (unsigned)claimed);
    if (!d->is_quoted && d->depth == 1)
        d->packet_end = d->end;
}

static void summarize_ip4(struct dissect *d, const struct ip4 *ip)
{
    const char *src = inspect_dissect_addr(d, &d->src), *dst = inspect_dissect_addr(d, &d->dst);
    const char *name = inspect_name_ip_proto(ip->proto);

    if (!d->is_quoted) {
        d->out->src = d->src;
        d->out->dst = d->dst;
    }
    inspect_dissect_kind(d, d->is_fragment ? "IPv4 fragment" : name ? name : "IPv4");
    inspect_dissect_summary(d, "%s > %s", src, dst);
    inspect_dissect_line(d, "%s > %s, protocol %u", src, dst, ip->proto);
}

static void dissect_fragment(struct dissect *d, const struct ip4 *ip)
{
    const char *src = inspect_dissect_addr(d, &d->src), *dst = inspect_dissect_addr(d, &d->dst);

    inspect_dissect_line(d, "%s > %s, protocol %u, fragment from byte %u%s", src, dst, ip->proto,
                         ip->fragment_off, ip->more_fragments ? "" : " (the last)");
    if (ip->fragment_off > 0)
        inspect_dissect_data(d, "Fragment");
    else
        inspect_dissect_transport(d, ip->proto);
}

/* What follows the fixed header within the header. Returns false when it is not all there. */
static bool dissect_rest_of_header(struct dissect *d, const struct ip4 *ip, uint32_t start)
{
    uint32_t options = ip->header_len - WIRE_IP4_LEN;

    if (inspect_dissect_rest(d) >= options)
        dissect_options(d, start + ip->header_len);
    else
        (void)inspect_dissect_bytes(d, options, "Options");
    (void)inspect_dissect_checksum(d, ip->checksum_field, start, ip->header_len, 0);
    return inspect_dissect_end_layer(d);
}

void inspect_dissect_ip4(struct dissect *d)
{
    uint32_t start = d->at;
    struct ip4 ip = {0};

    d->depth++;
    inspect_dissect_layer(d, WEFT_PROTO_IP4, "Internet Protocol version 4", "IPv4", "RFC 791 3.1");
    inspect_dissect_kind(d, "IPv4");
    dissect_fixed_header(d, &ip);
    if (d->has_failed || ip.version != 4 || ip.header_len < WIRE_IP4_LEN) {
        (void)inspect_dissect_end_layer(d);
        return;
    }
    d->is_fragment = ip.more_fragments || ip.fragment_off > 0;
    summarize_ip4(d, &ip);
    limit_packet(d, &ip, start);
    if (!dissect_rest_of_header(d, &ip, start))
        return;
    if (d->is_fragment)
        dissect_fragment(d, &ip);
    else
        inspect_dissect_transport(d, ip.proto);
}

void inspect_dissect_transport(struct dissect *d, uint8_t proto)
{
    if (d->depth > MAX_DEPTH) {
        inspect_dissect_data(d, "too many packets in packets");
        return;
    }
    switch (proto) {
    case WIRE_PROTO_TCP:
        inspect_dissect_tcp(d);
        return;
    case WIRE_PROTO_UDP:
        inspect_dissect_udp(d);
        return;
    case WIRE_PROTO_ICMP:
        inspect_dissect_icmp4(d);
        return;
    case WIRE_PROTO_ICMP6:
        inspect_dissect_icmp6(d);
        return;
    case 4:  /* RFC 2003 */
    case 41: /* RFC 4213 */
        inspect_dissect_ip(d);
        return;
    default:
        inspect_dissect_data(d, inspect_name_ip_proto(proto));
        return;
    }
}
