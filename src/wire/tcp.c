/* SPDX-License-Identifier: MIT */
/* The fixed TCP header (wire/tcp.h). */
#include "wire/tcp.h"

#include "base/assert.h"

#define FLAGS_MASK 0x1ff /* the eight control bits and AE */

bool wire_tcp_parse(struct cursor *c, struct wire_tcp *out)
{
    uint16_t offset_flags;

    out->src_port = cursor_be16(c);
    out->dst_port = cursor_be16(c);
    out->seq = cursor_be32(c);
    out->ack = cursor_be32(c);
    offset_flags = cursor_be16(c);
    out->header_len = (uint8_t)((offset_flags >> 12) * 4);
    out->flags = offset_flags & FLAGS_MASK;
    out->window = cursor_be16(c);
    out->checksum = cursor_be16(c);
    out->urgent = cursor_be16(c);
    out->options = NULL;
    if (!cursor_ok(c) || out->header_len < WIRE_TCP_LEN)
        return false;
    if (out->header_len > WIRE_TCP_LEN)
        out->options = cursor_take(c, out->header_len - WIRE_TCP_LEN);
    return cursor_ok(c);
}

void wire_tcp_emit(const struct wire_tcp *in, struct writer *w)
{
    weft_assert(in->header_len >= WIRE_TCP_LEN && in->header_len <= WIRE_TCP_MAX_LEN &&
                in->header_len % 4 == 0);
    writer_be16(w, in->src_port);
    writer_be16(w, in->dst_port);
    writer_be32(w, in->seq);
    writer_be32(w, in->ack);
    writer_be16(w, (uint16_t)(in->header_len / 4 << 12 | (in->flags & FLAGS_MASK)));
    writer_be16(w, in->window);
    writer_be16(w, in->checksum);
    writer_be16(w, in->urgent);
}
