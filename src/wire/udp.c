/* SPDX-License-Identifier: MIT */
/* UDP headers (wire/udp.h). */
#include "wire/udp.h"

bool wire_udp_parse(struct cursor *c, size_t datagram_len, struct wire_udp *out)
{
    out->src_port = cursor_be16(c);
    out->dst_port = cursor_be16(c);
    out->len = cursor_be16(c);
    out->checksum = cursor_be16(c);
    return cursor_ok(c) && out->len >= WIRE_UDP_LEN && out->len <= datagram_len;
}

void wire_udp_emit(const struct wire_udp *in, struct writer *w)
{
    writer_be16(w, in->src_port);
    writer_be16(w, in->dst_port);
    writer_be16(w, in->len);
    writer_be16(w, in->checksum);
}
