/* SPDX-License-Identifier: MIT */
/* IPv4 headers and their options (wire/ip4.h). */
#include "wire/ip4.h"

#include "base/assert.h"
#include "base/checksum.h"

#define CHECKSUM_OFFSET 10

/* The fields of the first 20 bytes, believed or not. */
static void read_fields(struct cursor *c, struct wire_ip4 *out)
{
    uint8_t version_ihl = cursor_u8(c);
    uint16_t flags_offset;

    out->version = version_ihl >> 4;
    out->header_len = (uint8_t)((version_ihl & 15) * 4);
    out->tos = cursor_u8(c);
    out->total_len = cursor_be16(c);
    out->id = cursor_be16(c);
    flags_offset = cursor_be16(c);
    out->flags = flags_offset >> 13 & (WIRE_IP4_MF | WIRE_IP4_DF);
    out->fragment_off = (uint16_t)((flags_offset & 0x1fff) * 8);
    out->ttl = cursor_u8(c);
    out->proto = cursor_u8(c);
    out->checksum = cursor_be16(c);
    out->src = weft_ip4_from_u32(cursor_be32(c));
    out->dst = weft_ip4_from_u32(cursor_be32(c));
    out->options = NULL;
}

enum wire_ip4_result wire_ip4_parse(struct cursor *c, size_t packet_len, struct wire_ip4 *out)
{
    read_fields(c, out);
    if (!cursor_ok(c))
        return WIRE_IP4_SHORT;
    if (out->version != 4)
        return WIRE_IP4_VERSION;
    if (out->header_len < WIRE_IP4_LEN || out->total_len < out->header_len)
        return WIRE_IP4_HEADER;
    if (out->total_len > packet_len)
        return WIRE_IP4_SHORT;
    if (out->header_len > WIRE_IP4_LEN)
        out->options = cursor_take(c, out->header_len - WIRE_IP4_LEN);
    return cursor_ok(c) ? WIRE_IP4_OK : WIRE_IP4_SHORT;
}

bool wire_ip4_checksum_ok(const uint8_t *header, size_t header_len)
{
    return checksum_finish(checksum_sum(header, header_len)) == 0;
}

void wire_ip4_emit(const struct wire_ip4 *in, size_t options_len, struct writer *w)
{
    size_t padded_len = in->options ? (options_len + 3) & ~(size_t)3 : 0;
    size_t header_len = WIRE_IP4_LEN + padded_len;
    uint8_t *header = writer_take(w, header_len);
    struct writer h;

    weft_assert(header_len <= WIRE_IP4_MAX_LEN);
    if (!header)
        return;
    h = writer_of(header, header_len);
    writer_u8(&h, (uint8_t)(4 << 4 | header_len / 4));
    writer_u8(&h, in->tos);
    writer_be16(&h, in->total_len);
    writer_be16(&h, in->id);
    writer_be16(&h, (uint16_t)(in->flags << 13 | in->fragment_off / 8));
    writer_u8(&h, in->ttl);
    writer_u8(&h, in->proto);
    writer_be16(&h, 0);
    writer_be32(&h, weft_addr_u32(&in->src));
    writer_be32(&h, weft_addr_u32(&in->dst));
    if (padded_len) {
        writer_bytes(&h, in->options, options_len);
        memset(h.at, WIRE_IP4_OPT_END, padded_len - options_len);
    }
    put_be16(header + CHECKSUM_OFFSET, checksum_finish(checksum_sum(header, header_len)));
}

int wire_ip4_option_next(struct cursor *options, struct wire_ip4_option *out)
{
    if (cursor_left(options) == 0)
        return 0;
    *out = (struct wire_ip4_option){.type = cursor_u8(options), .len = 1};
    if (out->type == WIRE_IP4_OPT_END) {
        cursor_skip(options, cursor_left(options));
        return 1;
    }
    if (out->type == WIRE_IP4_OPT_NOP)
        return 1;
    out->len = cursor_u8(options);
    if (out->len < 2)
        return -1;
    out->data = cursor_take(options, out->len - 2u);
    return cursor_ok(options) ? 1 : -1;
}
