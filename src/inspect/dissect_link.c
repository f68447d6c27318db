/* SPDX-License-Identifier: MIT */
/* Ethernet II and 802.3 frames, VLAN tags (RFC 894; IEEE 802.3, 802.1Q), ARP (RFC 826, RFC 5227). */
#include "inspect/dissect.h"

#include <string.h>

#include "wire/arp.h"
#include "wire/eth.h"

#define ETHERTYPE_SERVICE_VLAN 0x88a8 /* IEEE 802.1ad */
#define ETHERTYPE_MIN          0x0600 /* IEEE 802.3 3.2.6: below it is a length */

static void note_mac(struct dissect *d, struct weft_dissect_field *field, const struct weft_mac *mac)
{
    if (wire_mac_is_broadcast(mac))
        inspect_dissect_note(d, field, "broadcast");
    else if (wire_mac_is_multicast(mac))
        inspect_dissect_note(d, field, "multicast");
}

/* The Type field of a frame or a tag. Returns its value. */
static unsigned dissect_type(struct dissect *d, const char *name)
{
    struct weft_dissect_field *type = inspect_dissect_bits(d, 16, name);
    const char *text = inspect_name_ethertype((unsigned)type->value);

    if (type->value < ETHERTYPE_MIN) {
        inspect_dissect_note(d, type, "a length: IEEE 802.3 framing");
    } else {
        inspect_dissect_hex(d, type);
        if (text)
            inspect_dissect_note(d, type, "%s", text);
    }
    return (unsigned)type->value;
}

/* Returns the type of what the tag is in front of. */
static unsigned dissect_vlan(struct dissect *d)
{
    struct weft_dissect_field *tci, *id;
    unsigned type;

    inspect_dissect_layer(d, WEFT_PROTO_VLAN, "VLAN tag", "VLAN", "IEEE 802.1Q");
    tci = inspect_dissect_bits(d, 16, "Tag Control Information");
    inspect_dissect_hex(d, tci);
    (void)inspect_dissect_part(d, tci, 0, 3, "Priority Code Point");
    inspect_dissect_flag(d, tci, 3, "Drop Eligible Indicator");
    id = inspect_dissect_part(d, tci, 4, 12, "VLAN Identifier");
    inspect_dissect_summary(d, "VLAN %u", (unsigned)id->value);
    type = dissect_type(d, "Type");
    return inspect_dissect_end_layer(d) ? type : 0;
}

static void dissect_ethernet_payload(struct dissect *d, unsigned type)
{
    const char *name = inspect_name_ethertype(type);

    switch (type) {
    case WIRE_ETHERTYPE_IP4:
        inspect_dissect_ip4(d);
        return;
    case WIRE_ETHERTYPE_IP6:
        inspect_dissect_ip6(d);
        return;
    case WIRE_ETHERTYPE_ARP:
        inspect_dissect_arp(d);
        return;
    default:
        inspect_dissect_kind(d, name ? name : type < ETHERTYPE_MIN ? "802.3" : "unknown type");
        inspect_dissect_data(d, name);
        return;
    }
}

void inspect_dissect_ethernet(struct dissect *d)
{
    char to[WEFT_MAC_STRLEN], from[WEFT_MAC_STRLEN];
    struct weft_dissect_field *field;
    struct weft_mac dst, src;
    unsigned type;
    bool is_whole;

    inspect_dissect_layer(d, WEFT_PROTO_ETHERNET, "Ethernet", "Ethernet", "RFC 894");
    field = inspect_dissect_mac(d, "Destination Address", &dst);
    note_mac(d, field, &dst);
    field = inspect_dissect_mac(d, "Source Address", &src);
    note_mac(d, field, &src);
    if (!d->has_failed && wire_mac_is_multicast(&src))
        inspect_dissect_wrong(d, field, "a group address cannot be a source");
    type = dissect_type(d, "Type");
    weft_mac_format(&src, from);
    weft_mac_format(&dst, to);
    inspect_dissect_summary(d, "%s > %s", from, to);
    inspect_dissect_line(d, "%s > %s, type 0x%04x", from, to, type);
    is_whole = inspect_dissect_end_layer(d);
    for (int tags = 0;
         is_whole && tags < 4 && (type == WIRE_ETHERTYPE_VLAN || type == ETHERTYPE_SERVICE_VLAN); tags++) {
        type = dissect_vlan(d);
        is_whole = type != 0;
    }
    if (is_whole)
        dissect_ethernet_payload(d, type);
}

/* --- ARP ----------------------------------------------------------------------------- */

struct arp {
    unsigned hardware, protocol, hardware_len, protocol_len, op;
    struct weft_mac sender_mac, target_mac;
    struct weft_addr sender, target;
};

static void dissect_arp_header(struct dissect *d, struct arp *arp)
{
    struct weft_dissect_field *field = inspect_dissect_bits(d, 16, "Hardware address space (ar$hrd)");

    arp->hardware = (unsigned)field->value;
    if (arp->hardware == 1)
        inspect_dissect_note(d, field, "Ethernet");
    field = inspect_dissect_bits(d, 16, "Protocol address space (ar$pro)");
    arp->protocol = (unsigned)field->value;
    inspect_dissect_hex(d, field);
    if (arp->protocol == WIRE_ETHERTYPE_IP4)
        inspect_dissect_note(d, field, "IPv4");
    arp->hardware_len = (unsigned)inspect_dissect_bits(d, 8, "Hardware address length (ar$hln)")->value;
    arp->protocol_len = (unsigned)inspect_dissect_bits(d, 8, "Protocol address length (ar$pln)")->value;
    field = inspect_dissect_bits(d, 16, "Opcode (ar$op)");
    arp->op = (unsigned)field->value;
    if (arp->op == WIRE_ARP_REQUEST)
        inspect_dissect_note(d, field, "request");
    else if (arp->op == WIRE_ARP_REPLY)
        inspect_dissect_note(d, field, "reply");
    else
        inspect_dissect_wrong(d, field, "neither request nor reply");
}

static void dissect_arp_addresses(struct dissect *d, struct arp *arp)
{
    struct weft_dissect_field *field;

    field = inspect_dissect_mac(d, "Sender hardware address (ar$sha)", &arp->sender_mac);
    note_mac(d, field, &arp->sender_mac);
    field = inspect_dissect_ip4_addr(d, "Sender protocol address (ar$spa)", &arp->sender);
    if (weft_addr_is_any(&arp->sender))
        inspect_dissect_note(d, field, "a probe: is the target address in use? (RFC 5227 2.1)");
    field = inspect_dissect_mac(d, "Target hardware address (ar$tha)", &arp->target_mac);
    if (arp->op == WIRE_ARP_REQUEST)
        inspect_dissect_note(d, field, "not looked at in a request");
    field = inspect_dissect_ip4_addr(d, "Target protocol address (ar$tpa)", &arp->target);
    if (arp->op == WIRE_ARP_REQUEST)
        inspect_dissect_note(d, field, "the address that is asked for");
}

static void summarize_arp(struct dissect *d, const struct arp *arp)
{
    char sender[WEFT_ADDR_STRLEN], target[WEFT_ADDR_STRLEN], mac[WEFT_MAC_STRLEN];

    weft_addr_format(&arp->sender, sender);
    weft_addr_format(&arp->target, target);
    weft_mac_format(&arp->sender_mac, mac);
    d->out->src = arp->sender;
    d->out->dst = arp->target;
    if (arp->op == WIRE_ARP_REPLY) {
        inspect_dissect_kind(d, "ARP reply");
        inspect_dissect_summary(d, "%s is at %s", sender, mac);
    } else if (weft_addr_is_any(&arp->sender)) {
        inspect_dissect_kind(d, "ARP probe");
        inspect_dissect_summary(d, "is %s in use?", target);
    } else if (weft_addr_eq(&arp->sender, &arp->target)) {
        inspect_dissect_kind(d, "ARP announcement");
        inspect_dissect_summary(d, "%s is at %s", sender, mac);
    } else {
        inspect_dissect_kind(d, "ARP request");
        inspect_dissect_summary(d, "who has %s? tell %s", target, sender);
    }
    inspect_dissect_line(d, "%s", d->layer->summary);
}

void inspect_dissect_arp(struct dissect *d)
{
    struct arp arp;

    inspect_dissect_layer(d, WEFT_PROTO_ARP, "Address Resolution Protocol", "ARP", "RFC 826");
    inspect_dissect_kind(d, "ARP");
    dissect_arp_header(d, &arp);
    if (!d->has_failed &&
        (arp.hardware_len != 6 || arp.protocol_len != 4 || arp.protocol != WIRE_ETHERTYPE_IP4)) {
        inspect_dissect_problem(d, "not for Ethernet and IPv4: the addresses are not decoded");
        (void)inspect_dissect_end_layer(d);
        inspect_dissect_data(d, NULL);
        return;
    }
    dissect_arp_addresses(d, &arp);
    if (!d->has_failed)
        summarize_arp(d, &arp);
    if (inspect_dissect_end_layer(d))
        d->packet_end = d->at;
}
