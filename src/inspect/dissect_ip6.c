/* SPDX-License-Identifier: MIT */
/*
 * IPv6 with its extension headers (RFC 8200), ICMPv6 (RFC 4443) with the fixed
 * parts and options of neighbour discovery (RFC 4861).
 */
#include "inspect/dissect.h"

#include <string.h>

#include "base/bytes.h"
#include "base/checksum.h"
#include "wire/ip4.h"

#define IP6_LEN 40

/* Next Header values that are extension headers (RFC 8200 4). */
enum {
    EXT_HOP_BY_HOP = 0,
    EXT_ROUTING = 43,
    EXT_FRAGMENT = 44,
    EXT_DESTINATION = 60,
};

/* --- The header and its extensions --------------------------------------------------------- */

static void note_proto(struct dissect *d, struct weft_dissect_field *field)
{
    const char *name = inspect_name_ip_proto((unsigned)field->value);

    if (name)
        inspect_dissect_note(d, field, "%s", name);
}

static void dissect_traffic_class(struct dissect *d)
{
    struct weft_dissect_field *class = inspect_dissect_bits(d, 8, "Traffic Class"), *part;

    inspect_dissect_hex(d, class);
    part = inspect_dissect_part(d, class, 0, 6, "DSCP");
    part->source = "RFC 2474 3";
    part = inspect_dissect_part(d, class, 6, 2, "ECN");
    part->source = "RFC 3168 5";
    inspect_dissect_note(d, part, "%s", inspect_name_ecn((unsigned)part->value));
}

/* Returns the Next Header value. `payload_len` gets the field of that name. */
static struct weft_dissect_field *dissect_fixed_header(struct dissect *d,
                                                       struct weft_dissect_field **payload_len)
{
    struct weft_dissect_field *next;

    (void)inspect_dissect_bits(d, 4, "Version");
    dissect_traffic_class(d);
    inspect_dissect_hex(d, inspect_dissect_bits(d, 20, "Flow Label"));
    *payload_len = inspect_dissect_bits(d, 16, "Payload Length");
    next = inspect_dissect_bits(d, 8, "Next Header");
    note_proto(d, next);
    (void)inspect_dissect_bits(d, 8, "Hop Limit");
    (void)inspect_dissect_ip6_addr(d, "Source Address", &d->src);
    (void)inspect_dissect_ip6_addr(d, "Destination Address", &d->dst);
    return next;
}

static void limit_packet(struct dissect *d, struct weft_dissect_field *payload_len, uint32_t start)
{
    uint32_t claimed = d->end - start - IP6_LEN;

    if (payload_len->value == 0 && claimed > 0)
        inspect_dissect_note(d, payload_len, "a jumbogram, or left to the device");
    else if (payload_len->value <= claimed)
        d->end = start + IP6_LEN + (uint32_t)payload_len->value;
    else if (!d->is_quoted)
        inspect_dissect_wrong(d, payload_len, "the frame has only %u bytes for it", (unsigned)claimed);
    if (!d->is_quoted && d->depth == 1 && payload_len->value > 0)
        d->packet_end = d->end;
}

static bool is_extension(unsigned next)
{
    return next == EXT_HOP_BY_HOP || next == EXT_ROUTING || next == EXT_FRAGMENT || next == EXT_DESTINATION;
}

static const char *extension_name(unsigned next)
{
    switch (next) {
    case EXT_HOP_BY_HOP:
        return "Hop-by-Hop Options header";
    case EXT_ROUTING:
        return "Routing header";
    case EXT_FRAGMENT:
        return "Fragment header";
    default:
        return "Destination Options header";
    }
}

static void dissect_fragment_parts(struct dissect *d, const struct weft_dissect_field *header,
                                   unsigned *offset)
{
    struct weft_dissect_field *field = inspect_dissect_part(d, header, 16, 13, "Fragment Offset");

    *offset = (unsigned)field->value * 8;
    inspect_dissect_note(d, field, "%u bytes", *offset);
    field = inspect_dissect_part(d, header, 31, 1, "M flag");
    d->is_fragment = *offset > 0 || field->value;
    (void)inspect_dissect_part(d, header, 32, 32, "Identification");
}

/* One extension header; returns what follows it. `offset` of a fragment. */
static unsigned dissect_extension(struct dissect *d, unsigned kind, unsigned *offset)
{
    uint32_t len = 8;
    struct weft_dissect_field *header, *next;

    if (kind != EXT_FRAGMENT && inspect_dissect_rest(d) >= 2)
        len = (d->bytes[d->bit / 8 + 1] + 1u) * 8;
    header = inspect_dissect_bytes(d, len, extension_name(kind));
    next = inspect_dissect_part(d, header, 0, 8, "Next Header");
    note_proto(d, next);
    if (kind == EXT_FRAGMENT)
        dissect_fragment_parts(d, header, offset);
    else
        (void)inspect_dissect_part(d, header, 8, 8, "Hdr Ext Len");
    return (unsigned)next->value;
}

void inspect_dissect_ip6(struct dissect *d)
{
    uint32_t start = d->at;
    unsigned next, fragment_offset = 0;
    struct weft_dissect_field *payload_len;
    const char *src, *dst;

    d->depth++;
    d->is_fragment = false;
    inspect_dissect_layer(d, WEFT_PROTO_IP6, "Internet Protocol version 6", "IPv6", "RFC 8200 3");
    inspect_dissect_kind(d, "IPv6");
    next = (unsigned)dissect_fixed_header(d, &payload_len)->value;
    if (!d->has_failed)
        limit_packet(d, payload_len, start);
    d->source = "RFC 8200 4";
    while (!d->has_failed && is_extension(next) && fragment_offset == 0)
        next = dissect_extension(d, next, &fragment_offset);
    src = inspect_dissect_addr(d, &d->src);
    dst = inspect_dissect_addr(d, &d->dst);
    if (!d->is_quoted) {
        d->out->src = d->src;
        d->out->dst = d->dst;
    }
    inspect_dissect_summary(d, "%s > %s", src, dst);
    inspect_dissect_line(d, "%s > %s, next header %u", src, dst, next);
    if (!inspect_dissect_end_layer(d))
        return;
    if (fragment_offset > 0)
        inspect_dissect_data(d, "Fragment");
    else
        inspect_dissect_transport(d, (uint8_t)next);
}

/* --- ICMPv6 ----------------------------------------------------------------------------------- */

enum {
    ICMP6_TOO_BIG = 2,
    ICMP6_PARAMETER_PROBLEM = 4,
    ICMP6_LAST_ERROR = 127,
    ICMP6_ECHO_REQUEST = 128,
    ICMP6_ECHO_REPLY = 129,
    ICMP6_ROUTER_SOLICITATION = 133,
    ICMP6_ROUTER_ADVERTISEMENT = 134,
    ICMP6_NEIGHBOR_SOLICITATION = 135,
    ICMP6_NEIGHBOR_ADVERTISEMENT = 136,
    ICMP6_REDIRECT = 137,
};

enum {
    ND_SOURCE_LINK_LAYER = 1,
    ND_TARGET_LINK_LAYER = 2,
};

static const char *nd_option_name(unsigned type)
{
    static const char *const names[] = {"Option",
                                        "Source Link-Layer Address",
                                        "Target Link-Layer Address",
                                        "Prefix Information",
                                        "Redirected Header",
                                        "MTU"};

    return names[type < sizeof(names) / sizeof(names[0]) ? type : 0];
}

/* The Ethernet address in an option of 8 bytes (RFC 2464 6). */
static void dissect_nd_mac(struct dissect *d, struct weft_dissect_field *option)
{
    struct weft_dissect_field *field = inspect_dissect_part(d, option, 16, 48, "Link-Layer Address");
    struct weft_mac mac;
    char buf[WEFT_MAC_STRLEN];

    for (unsigned i = 0; i < 6; i++)
        mac.b[i] = (uint8_t)(field->value >> (40 - 8 * i));
    inspect_dissect_say(d, field, "%s", weft_mac_format(&mac, buf));
    option->text = field->text;
}

/* RFC 4861 4.6: lengths count eight octets and are never 0. */
static void dissect_nd_options(struct dissect *d)
{
    d->source = "RFC 4861 4.6";
    while (!d->has_failed && inspect_dissect_rest(d) >= 2) {
        unsigned type = d->bytes[d->bit / 8], len = d->bytes[d->bit / 8 + 1];
        struct weft_dissect_field *option = inspect_dissect_bytes(d, len * 8, nd_option_name(type));

        if (len == 0) {
            inspect_dissect_wrong(d, option, "length 0");
            return;
        }
        (void)inspect_dissect_part(d, option, 0, 8, "Type");
        (void)inspect_dissect_part(d, option, 8, 8, "Length");
        if ((type == ND_SOURCE_LINK_LAYER || type == ND_TARGET_LINK_LAYER) && len == 1)
            dissect_nd_mac(d, option);
    }
}

static void dissect_router_advertisement(struct dissect *d)
{
    struct weft_dissect_field *flags;

    (void)inspect_dissect_bits(d, 8, "Cur Hop Limit");
    flags = inspect_dissect_bits(d, 8, "Flags");
    inspect_dissect_flag(d, flags, 0, "M");
    inspect_dissect_flag(d, flags, 1, "O");
    (void)inspect_dissect_bits(d, 16, "Router Lifetime");
    (void)inspect_dissect_bits(d, 32, "Reachable Time");
    (void)inspect_dissect_bits(d, 32, "Retrans Timer");
}

static void dissect_nd(struct dissect *d, unsigned type)
{
    struct weft_dissect_field *flags;
    struct weft_addr target;

    if (type == ICMP6_ROUTER_ADVERTISEMENT) {
        dissect_router_advertisement(d);
    } else {
        flags = inspect_dissect_bits(d, 32, "Reserved");
        if (type == ICMP6_NEIGHBOR_ADVERTISEMENT) {
            flags->name = "Flags";
            inspect_dissect_flag(d, flags, 0, "R");
            inspect_dissect_flag(d, flags, 1, "S");
            inspect_dissect_flag(d, flags, 2, "O");
        }
    }
    if (type == ICMP6_NEIGHBOR_SOLICITATION || type == ICMP6_NEIGHBOR_ADVERTISEMENT ||
        type == ICMP6_REDIRECT) {
        (void)inspect_dissect_ip6_addr(d, "Target Address", &target);
        inspect_dissect_summary(d, "%s for %s", d->layer->summary, inspect_dissect_addr(d, &target));
    }
    if (type == ICMP6_REDIRECT)
        (void)inspect_dissect_ip6_addr(d, "Destination Address", &target);
    dissect_nd_options(d);
}

/* What follows type, code and checksum. */
static void dissect_icmp6_body(struct dissect *d, unsigned type)
{
    if (type >= ICMP6_ROUTER_SOLICITATION && type <= ICMP6_REDIRECT) {
        d->source = "RFC 4861 4";
        dissect_nd(d, type);
    } else if (type == ICMP6_ECHO_REQUEST || type == ICMP6_ECHO_REPLY) {
        (void)inspect_dissect_bits(d, 16, "Identifier");
        (void)inspect_dissect_bits(d, 16, "Sequence Number");
    } else if (type == ICMP6_TOO_BIG) {
        (void)inspect_dissect_bits(d, 32, "MTU");
    } else if (type == ICMP6_PARAMETER_PROBLEM) {
        (void)inspect_dissect_bits(d, 32, "Pointer");
    } else if (type <= ICMP6_LAST_ERROR) {
        (void)inspect_dissect_bits(d, 32, "Unused");
    }
}

void inspect_dissect_icmp6(struct dissect *d)
{
    const char *src = inspect_dissect_addr(d, &d->src), *dst = inspect_dissect_addr(d, &d->dst);
    struct weft_dissect_field *field, *checksum;
    const char *name, *code;
    unsigned type;
    bool was_quoted = d->is_quoted;

    inspect_dissect_layer(d, WEFT_PROTO_ICMP6, "Internet Control Message Protocol version 6", "ICMPv6",
                          "RFC 4443");
    field = inspect_dissect_bits(d, 8, "Type");
    type = (unsigned)field->value;
    name = inspect_name_icmp6(type);
    inspect_dissect_note(d, field, "%s", name ? name : "unknown");
    field = inspect_dissect_bits(d, 8, "Code");
    code = inspect_name_icmp6_code(type, (unsigned)field->value);
    if (code)
        inspect_dissect_note(d, field, "%s", code);
    checksum = inspect_dissect_bits(d, 16, "Checksum");
    if (!d->has_failed)
        (void)inspect_dissect_transport_checksum(
            d, checksum, d->layer->offset,
            checksum_pseudo(&d->src, &d->dst, WIRE_PROTO_ICMP6, d->end - d->layer->offset));
    inspect_dissect_kind(d, name ? name : "ICMPv6");
    inspect_dissect_summary(d, "%s%s%s", name ? name : "unknown type", code ? ": " : "", code ? code : "");
    dissect_icmp6_body(d, type);
    inspect_dissect_line(d, "%s > %s  %s", src, dst, d->layer->summary);
    if (!inspect_dissect_end_layer(d))
        return;
    if (type > ICMP6_LAST_ERROR) {
        inspect_dissect_data(d, NULL);
        return;
    }
    d->is_quoted = true;
    inspect_dissect_ip(d);
    d->is_quoted = was_quoted;
}
