/* SPDX-License-Identifier: MIT */
/* TCP segments in one piece (flat.h). */
#include "sim/flat.h"

#include "base/bytes.h"
#include "base/checksum.h"
#include "wire/ip4.h"

#define IP4_TOTAL    2 /* offsets in the headers: RFC 791 3.1, RFC 9293 3.1 */
#define IP4_CHECKSUM 10
#define TCP_SEQ      4
#define TCP_ACK      8
#define TCP_FLAGS    13
#define TCP_WINDOW   14

static uint16_t tcp_checksum(const struct flat *flat)
{
    struct weft_addr src = weft_ip4_from_u32(flat->src), dst = weft_ip4_from_u32(flat->dst);
    uint32_t len = flat->len - flat->tcp;
    uint64_t sum = checksum_pseudo(&src, &dst, WIRE_PROTO_TCP, len);

    return checksum_finish(sum + checksum_sum(flat->bytes + flat->tcp, len));
}

bool flat_read(struct flat *flat, const struct weft_pkt *pkt, uint32_t l3)
{
    struct wire_ip4 ip;
    struct cursor c;

    if (pkt->total_len > sizeof(flat->bytes) || pkt->total_len <= l3)
        return false;
    weft_pkt_copy_out(pkt, 0, flat->bytes, pkt->total_len);
    c = cursor_of(flat->bytes + l3, pkt->total_len - l3);
    if (wire_ip4_parse(&c, pkt->total_len - l3, &ip) != WIRE_IP4_OK || ip.proto != WIRE_PROTO_TCP ||
        ip.fragment_off || ip.flags & WIRE_IP4_MF)
        return false;
    flat->ip = l3;
    flat->tcp = l3 + ip.header_len;
    flat->len = l3 + ip.total_len;
    flat->src = weft_addr_u32(&ip.src);
    flat->dst = weft_addr_u32(&ip.dst);
    c = cursor_of(flat->bytes + flat->tcp, flat->len - flat->tcp);
    if (!wire_tcp_parse(&c, &flat->head))
        return false;
    flat->payload = flat->tcp + flat->head.header_len;
    flat->payload_len = flat->len - flat->payload;
    return wire_ip4_checksum_ok(flat->bytes + l3, ip.header_len) && tcp_checksum(flat) == 0;
}

void flat_options(struct flat *flat, void (*each)(void *ctx, uint8_t *option, uint8_t len), void *ctx)
{
    uint8_t *at = flat->bytes + flat->tcp + WIRE_TCP_LEN, *end = flat->bytes + flat->payload;

    while (at < end && *at != WIRE_TCP_OPT_END) {
        uint8_t len = *at == WIRE_TCP_OPT_NOP ? 1 : end - at > 1 ? at[1] : 0;

        if (len == 0 || (*at != WIRE_TCP_OPT_NOP && len < 2) || len > end - at)
            return;
        if (*at != WIRE_TCP_OPT_NOP)
            each(ctx, at, len);
        at += len;
    }
}

void flat_finish(struct flat *flat)
{
    uint8_t *ip = flat->bytes + flat->ip, *tcp = flat->bytes + flat->tcp;

    put_be16(ip + IP4_TOTAL, (uint16_t)(flat->len - flat->ip));
    put_be16(ip + IP4_CHECKSUM, 0);
    put_be16(ip + IP4_CHECKSUM, checksum_finish(checksum_sum(ip, flat->tcp - flat->ip)));
    put_be32(tcp + TCP_SEQ, flat->head.seq);
    put_be32(tcp + TCP_ACK, flat->head.ack);
    tcp[TCP_FLAGS] = (uint8_t)flat->head.flags;
    put_be16(tcp + TCP_WINDOW, flat->head.window);
    put_be16(tcp + WIRE_TCP_CHECKSUM_OFFSET, 0);
    put_be16(tcp + WIRE_TCP_CHECKSUM_OFFSET, tcp_checksum(flat));
}

/* Puts `len` bytes behind the packet's linear part. */
static bool add_bytes(struct weft_pkt *pkt, const uint8_t *bytes, uint32_t len)
{
    while (len > 0) {
        uint32_t size = len <= WEFT_BLOCK_SMALL ? WEFT_BLOCK_SMALL : WEFT_BLOCK_LARGE;
        struct weft_block *block = weft_block_new(pkt->pool, size);
        uint32_t n = len < size ? len : size;
        bool ok;

        if (!block)
            return false;
        memcpy(block->data, bytes, n);
        ok = weft_pkt_add_slice(pkt, block, 0, n);
        weft_block_unref(block);
        if (!ok)
            return false;
        bytes += n;
        len -= n;
    }
    return true;
}

struct weft_pkt *flat_packet(const struct flat *flat, struct weft_pool *pool)
{
    struct weft_pkt *pkt = weft_pkt_new(pool);

    if (!pkt)
        return NULL;
    memcpy(weft_pkt_push(pkt, flat->payload), flat->bytes, flat->payload);
    if (add_bytes(pkt, flat->bytes + flat->payload, flat->payload_len))
        return pkt;
    weft_pkt_free(pkt);
    return NULL;
}
