/* SPDX-License-Identifier: MIT */
/* ICMP messages for IPv4 (wire/icmp4.h): what the second four bytes hold depends on the type. */
#include "wire/icmp4.h"

bool wire_icmp4_parse(struct cursor *c, struct wire_icmp4 *out)
{
    *out = (struct wire_icmp4){0};
    out->type = cursor_u8(c);
    out->code = cursor_u8(c);
    out->checksum = cursor_be16(c);
    switch (out->type) {
    case WIRE_ICMP4_ECHO:
    case WIRE_ICMP4_ECHO_REPLY:
    case WIRE_ICMP4_TIMESTAMP:
    case WIRE_ICMP4_TIMESTAMP_REPLY:
        out->id = cursor_be16(c);
        out->seq = cursor_be16(c);
        break;
    case WIRE_ICMP4_UNREACHABLE:
        cursor_skip(c, 2);
        out->mtu = cursor_be16(c);
        if (out->code != WIRE_ICMP4_FRAGMENTATION_NEEDED)
            out->mtu = 0;
        break;
    case WIRE_ICMP4_REDIRECT:
        out->gateway = weft_ip4_from_u32(cursor_be32(c));
        break;
    case WIRE_ICMP4_PARAMETER_PROBLEM:
        out->pointer = cursor_u8(c);
        cursor_skip(c, 3);
        break;
    default:
        cursor_skip(c, 4);
        break;
    }
    return cursor_ok(c);
}

void wire_icmp4_emit(const struct wire_icmp4 *in, struct writer *w)
{
    writer_u8(w, in->type);
    writer_u8(w, in->code);
    writer_be16(w, 0);
    switch (in->type) {
    case WIRE_ICMP4_ECHO:
    case WIRE_ICMP4_ECHO_REPLY:
    case WIRE_ICMP4_TIMESTAMP:
    case WIRE_ICMP4_TIMESTAMP_REPLY:
        writer_be16(w, in->id);
        writer_be16(w, in->seq);
        break;
    case WIRE_ICMP4_UNREACHABLE:
        writer_be16(w, 0);
        writer_be16(w, in->code == WIRE_ICMP4_FRAGMENTATION_NEEDED ? in->mtu : 0);
        break;
    case WIRE_ICMP4_REDIRECT:
        writer_be32(w, weft_addr_u32(&in->gateway));
        break;
    case WIRE_ICMP4_PARAMETER_PROBLEM:
        writer_be32(w, (uint32_t)in->pointer << 24);
        break;
    default:
        writer_be32(w, 0);
        break;
    }
}

bool wire_icmp4_is_error(uint8_t type)
{
    switch (type) {
    case WIRE_ICMP4_UNREACHABLE:
    case WIRE_ICMP4_SOURCE_QUENCH:
    case WIRE_ICMP4_REDIRECT:
    case WIRE_ICMP4_TIME_EXCEEDED:
    case WIRE_ICMP4_PARAMETER_PROBLEM:
        return true;
    default:
        return false;
    }
}
