/* SPDX-License-Identifier: MIT */
/* UDP (RFC 768). Its payload is shown as bytes. */
#include "inspect/dissect.h"

#include "base/checksum.h"
#include "wire/ip4.h"
#include "wire/udp.h"

static struct weft_dissect_field *dissect_port(struct dissect *d, const char *name)
{
    struct weft_dissect_field *port = inspect_dissect_bits(d, 16, name);
    const char *service = inspect_name_port((unsigned)port->value);

    if (service)
        inspect_dissect_note(d, port, "%s", service);
    return port;
}

/* The datagram ends where its own length says, if that is possible. */
static void limit_datagram(struct dissect *d, struct weft_dissect_field *len, uint32_t start)
{
    uint32_t claimed = d->end - start;

    if (d->has_failed || d->is_quoted || d->is_fragment)
        return;
    if (len->value < WIRE_UDP_LEN)
        inspect_dissect_wrong(d, len, "less than the header of 8 bytes");
    else if (len->value > claimed)
        inspect_dissect_wrong(d, len, "the packet has only %u bytes for it", (unsigned)claimed);
    else
        d->end = start + (uint32_t)len->value;
}

void inspect_dissect_udp(struct dissect *d)
{
    const char *src = inspect_dissect_addr(d, &d->src), *dst = inspect_dissect_addr(d, &d->dst);
    uint32_t start = d->at, len;
    struct weft_dissect_field *field, *checksum;
    unsigned src_port, dst_port;

    inspect_dissect_layer(d, WEFT_PROTO_UDP, "User Datagram Protocol", "UDP", "RFC 768");
    inspect_dissect_kind(d, "UDP");
    src_port = (unsigned)dissect_port(d, "Source Port")->value;
    dst_port = (unsigned)dissect_port(d, "Destination Port")->value;
    field = inspect_dissect_bits(d, 16, "Length");
    limit_datagram(d, field, start);
    checksum = inspect_dissect_bits(d, 16, "Checksum");
    len = d->end - start;
    if (!d->has_failed && checksum->value == 0)
        inspect_dissect_note(d, checksum, "the sender computed none");
    else if (!d->has_failed)
        (void)inspect_dissect_transport_checksum(d, checksum, start,
                                                 checksum_pseudo(&d->src, &d->dst, WIRE_PROTO_UDP, len));
    if (!d->is_quoted) {
        d->out->src_port = (uint16_t)src_port;
        d->out->dst_port = (uint16_t)dst_port;
    }
    inspect_dissect_summary(d, "%u > %u", src_port, dst_port);
    if (inspect_dissect_end_layer(d)) {
        inspect_dissect_line(d, "%s:%u > %s:%u  Len=%u", src, src_port, dst, dst_port,
                             inspect_dissect_claimed(d));
        inspect_dissect_data(d, inspect_name_port(src_port < dst_port ? src_port : dst_port));
    }
}
