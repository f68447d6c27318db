/* SPDX-License-Identifier: MIT */
/* ICMP for IPv4 (RFC 792, RFC 1191 4, RFC 4884) with the packet that an error quotes. */
#include "inspect/dissect.h"

#include "base/bytes.h"
#include "wire/icmp4.h"

static void dissect_echo(struct dissect *d, unsigned type)
{
    struct weft_dissect_field *id = inspect_dissect_bits(d, 16, "Identifier");
    struct weft_dissect_field *seq = inspect_dissect_bits(d, 16, "Sequence Number");
    const char *kind = type == WIRE_ICMP4_ECHO ? "echo request" : "echo reply";

    inspect_dissect_kind(d, kind);
    inspect_dissect_summary(d, "%s, id %u, seq %u", kind, (unsigned)id->value, (unsigned)seq->value);
}

static void dissect_timestamps(struct dissect *d)
{
    (void)inspect_dissect_bits(d, 16, "Identifier");
    (void)inspect_dissect_bits(d, 16, "Sequence Number");
    (void)inspect_dissect_bits(d, 32, "Originate Timestamp");
    (void)inspect_dissect_bits(d, 32, "Receive Timestamp");
    (void)inspect_dissect_bits(d, 32, "Transmit Timestamp");
}

/* The second word of the header, by type. */
static void dissect_second_word(struct dissect *d, unsigned type, unsigned code)
{
    struct weft_dissect_field *field;
    struct weft_addr gateway;

    switch (type) {
    case WIRE_ICMP4_ECHO:
    case WIRE_ICMP4_ECHO_REPLY:
        dissect_echo(d, type);
        return;
    case WIRE_ICMP4_TIMESTAMP:
    case WIRE_ICMP4_TIMESTAMP_REPLY:
        dissect_timestamps(d);
        return;
    case WIRE_ICMP4_REDIRECT:
        (void)inspect_dissect_ip4_addr(d, "Gateway Internet Address", &gateway);
        return;
    case WIRE_ICMP4_PARAMETER_PROBLEM:
        field = inspect_dissect_bits(d, 8, "Pointer");
        inspect_dissect_note(d, field, "the octet of the quoted packet that is wrong");
        (void)inspect_dissect_bits(d, 24, "unused");
        return;
    default:
        if (type != WIRE_ICMP4_UNREACHABLE || code != WIRE_ICMP4_FRAGMENTATION_NEEDED) {
            (void)inspect_dissect_bits(d, 32, "unused");
            return;
        }
        (void)inspect_dissect_bits(d, 16, "unused");
        field = inspect_dissect_bits(d, 16, "Next-Hop MTU");
        field->source = "RFC 1191 4";
        if (field->value == 0)
            inspect_dissect_note(d, field, "from a router older than RFC 1191");
        return;
    }
}

/* The packet that an error is about. */
static void dissect_quote(struct dissect *d)
{
    bool was_quoted = d->is_quoted;

    d->is_quoted = true;
    inspect_dissect_ip(d);
    d->is_quoted = was_quoted;
}

void inspect_dissect_icmp4(struct dissect *d)
{
    const char *src = inspect_dissect_addr(d, &d->src), *dst = inspect_dissect_addr(d, &d->dst);
    struct weft_dissect_field *field, *checksum;
    const char *name, *code_name;
    unsigned type, code;

    inspect_dissect_layer(d, WEFT_PROTO_ICMP4, "Internet Control Message Protocol", "ICMP", "RFC 792");
    field = inspect_dissect_bits(d, 8, "Type");
    type = (unsigned)field->value;
    name = inspect_name_icmp4(type);
    inspect_dissect_note(d, field, "%s", name ? name : "unknown");
    field = inspect_dissect_bits(d, 8, "Code");
    code = (unsigned)field->value;
    code_name = inspect_name_icmp4_code(type, code);
    if (code_name)
        inspect_dissect_note(d, field, "%s", code_name);
    checksum = inspect_dissect_bits(d, 16, "Checksum");
    inspect_dissect_kind(d, name ? name : "ICMP");
    inspect_dissect_summary(d, "%s%s%s", name ? name : "unknown type", code_name ? ": " : "",
                            code_name ? code_name : "");
    dissect_second_word(d, type, code);
    if (!d->has_failed)
        (void)inspect_dissect_transport_checksum(d, checksum, d->layer->offset, 0);
    inspect_dissect_line(d, "%s > %s  %s", src, dst, d->layer->summary);
    if (!inspect_dissect_end_layer(d))
        return;
    if (wire_icmp4_is_error((uint8_t)type))
        dissect_quote(d);
    else
        inspect_dissect_data(d, NULL);
}
