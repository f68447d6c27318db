/* SPDX-License-Identifier: MIT */
/*
 * What the tests of links share: frames made by hand, and a check that a frame
 * is whole. Nothing here uses weft's own parsers.
 */
#ifndef WEFT_TESTS_LINK_SUPPORT_H
#define WEFT_TESTS_LINK_SUPPORT_H

#include "support.h"

#include <weft/link.h>

#include "base/bytes.h"

#define LINK_ETH_LEN     14u
#define LINK_IP4_LEN     20u
#define LINK_TCP_LEN     20u
#define LINK_TCP_HEADERS (LINK_ETH_LEN + LINK_IP4_LEN + LINK_TCP_LEN)

/* The folded sum of bytes as 16-bit words, the slow and obvious way. */
static inline uint32_t link_sum(uint32_t sum, const uint8_t *bytes, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++)
        sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return sum;
}

/* The sum of the pseudo-header for the IPv4 header at `ip` with `len` bytes behind it. */
static inline uint32_t link_pseudo_sum(const uint8_t *ip, uint32_t len)
{
    return link_sum(ip[9] + len, ip + 12, 8);
}

/* The byte at `i` of every payload that the tests send. */
static inline uint8_t link_payload_byte(uint32_t i)
{
    return (uint8_t)(i * 7 + (i >> 8));
}

static inline void link_write_eth(uint8_t *at, const struct weft_mac *dst, const struct weft_mac *src)
{
    memcpy(at, dst->b, 6);
    memcpy(at + 6, src->b, 6);
    put_be16(at + 12, 0x0800);
}

/* An IPv4 header from 10.9.0.2 to 10.9.0.1 with a right checksum. */
static inline void link_write_ip4(uint8_t *ip, uint8_t proto, uint32_t total_len)
{
    static const uint8_t addresses[8] = {10, 9, 0, 2, 10, 9, 0, 1};

    memset(ip, 0, LINK_IP4_LEN);
    ip[0] = 0x45;
    put_be16(ip + 2, (uint16_t)total_len);
    ip[6] = 0x40; /* DF */
    ip[8] = 64;
    ip[9] = proto;
    memcpy(ip + 12, addresses, 8);
    put_be16(ip + 10, (uint16_t)~link_sum(0, ip, LINK_IP4_LEN));
}

/* Adds `len` bytes of payload in slices, as a send buffer would. */
static inline void link_add_payload(struct weft_pkt *pkt, uint32_t len)
{
    for (uint32_t done = 0; done < len;) {
        struct weft_block *block = weft_block_new(pkt->pool, WEFT_BLOCK_LARGE);
        uint32_t part = len - done < WEFT_BLOCK_LARGE ? len - done : WEFT_BLOCK_LARGE;

        assert_non_null(block);
        for (uint32_t i = 0; i < part; i++)
            block->data[i] = link_payload_byte(done + i);
        assert_true(weft_pkt_add_slice(pkt, block, 0, part));
        weft_block_unref(block);
        done += part;
    }
}

/*
 * A TCP segment as the stack hands it to a link: headers in the room, payload
 * in slices, checksum partial. With `gso_size`, a super-segment if it is
 * longer than that.
 */
static inline struct weft_pkt *link_tcp_packet(struct weft_pool *pool, enum weft_link_type type, uint32_t seq,
                                               uint32_t payload_len, uint16_t gso_size)
{
    static const struct weft_mac to = {{2, 0, 0, 0, 0, 1}}, from = {{2, 0, 0, 0, 0, 2}};
    struct weft_pkt *pkt = weft_pkt_new(pool);
    uint8_t *tcp, *ip;

    assert_non_null(pkt);
    tcp = weft_pkt_push(pkt, LINK_TCP_LEN);
    memset(tcp, 0, LINK_TCP_LEN);
    put_be16(tcp, 4000);
    put_be16(tcp + 2, 5000);
    put_be32(tcp + 4, seq);
    tcp[12] = 5 << 4;
    tcp[13] = 0x18; /* ACK, PSH */
    pkt->l4_off = pkt->csum_start = (uint16_t)weft_pkt_headroom(pkt);
    pkt->csum_offset = 16;
    pkt->flags = WEFT_PKT_CSUM_PARTIAL;
    ip = weft_pkt_push(pkt, LINK_IP4_LEN);
    pkt->l3_off = (uint16_t)weft_pkt_headroom(pkt);
    link_write_ip4(ip, 6, LINK_IP4_LEN + LINK_TCP_LEN + payload_len);
    put_be16(tcp + 16, (uint16_t)link_pseudo_sum(ip, LINK_TCP_LEN + payload_len));
    if (type == WEFT_LINK_ETHERNET)
        link_write_eth(weft_pkt_push(pkt, LINK_ETH_LEN), &to, &from);
    link_add_payload(pkt, payload_len);
    if (gso_size && payload_len > gso_size) {
        pkt->gso_size = gso_size;
        pkt->gso_segs = (uint16_t)((payload_len + gso_size - 1) / gso_size);
    }
    return pkt;
}

/* True when the bytes are an IPv4 packet behind `l3` bytes whose length and checksums are right. */
static inline bool link_is_whole(const uint8_t *frame, uint32_t len, uint32_t l3)
{
    const uint8_t *ip = frame + l3;
    uint32_t ip_len = len - l3;

    if (len < l3 + LINK_IP4_LEN || ip[0] != 0x45 || get_be16(ip + 2) != ip_len)
        return false;
    if (link_sum(0, ip, LINK_IP4_LEN) != 0xffff)
        return false;
    return link_sum(link_pseudo_sum(ip, ip_len - LINK_IP4_LEN), ip + LINK_IP4_LEN, ip_len - LINK_IP4_LEN) ==
           0xffff;
}

/* The sequence number in a packet made by link_tcp_packet, as it has arrived. */
static inline uint32_t link_tcp_seq(const struct weft_pkt *pkt, enum weft_link_type type)
{
    uint8_t seq[4];

    weft_pkt_copy_out(pkt, (type == WEFT_LINK_ETHERNET ? LINK_ETH_LEN : 0) + LINK_IP4_LEN + 4, seq, 4);
    return get_be32(seq);
}

/* Sends one packet, which must be taken. */
static inline void link_send_one(struct weft_link *link, struct weft_pkt *pkt, weft_time now)
{
    struct weft_pktq batch = {0};

    weft_pktq_push(&batch, pkt);
    assert_int_equal(weft_link_send(link, &batch, now), 1);
    assert_null(batch.head);
}

/* Receives up to one packet; NULL when there is none. */
static inline struct weft_pkt *link_recv_one(struct weft_link *link, struct weft_pool *pool, weft_time now)
{
    struct weft_pktq batch = {0};
    int n = weft_link_recv(link, pool, &batch, 1, now);

    assert_in_range(n, 0, 1);
    return weft_pktq_pop(&batch);
}

#endif
