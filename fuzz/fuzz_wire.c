/* SPDX-License-Identifier: MIT */
/*
 * All parsers of wire and base under libFuzzer: the first byte of the input
 * selects one, the rest is what it reads. Besides what the sanitizers see, a
 * parser must not move its cursor out of range, and what it has understood
 * must survive being written and read again.
 */
#include <stdlib.h>
#include <string.h>

#include <weft/err.h>
#include <weft/pkt.h>

#include "base/assert.h"
#include "wire/arp.h"
#include "wire/eth.h"
#include "wire/icmp4.h"
#include "wire/ip4.h"
#include "wire/tcp.h"
#include "wire/udp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_range(const struct cursor *c, const uint8_t *data, size_t size)
{
    weft_assert(c->end == (size ? data + size : data) && c->at >= data && c->at <= c->end);
}

/* What an emitter has written is what the parser had read. */
static void check_written(const struct writer *w, const uint8_t *written, const uint8_t *data, size_t len)
{
    weft_assert(!w->failed && w->at == written + len);
    weft_assert(memcmp(written, data, len) == 0);
}

static void fuzz_eth(const uint8_t *data, size_t size)
{
    struct cursor c = cursor_of(data, size);
    uint8_t out[WIRE_ETH_LEN + WIRE_ETH_VLAN_LEN];
    struct writer w = writer_of(out, sizeof(out));
    struct wire_eth eth;
    bool parsed = wire_eth_parse(&c, &eth);

    check_range(&c, data, size);
    if (!parsed)
        return;
    wire_eth_emit(&eth, &w);
    check_written(&w, out, data, wire_eth_len(&eth));
}

static void fuzz_arp(const uint8_t *data, size_t size)
{
    struct cursor c = cursor_of(data, size);
    uint8_t out[WIRE_ARP_LEN];
    struct writer w = writer_of(out, sizeof(out));
    struct wire_arp arp;
    bool parsed = wire_arp_parse(&c, &arp);

    check_range(&c, data, size);
    if (!parsed)
        return;
    wire_arp_emit(&arp, &w);
    check_written(&w, out, data, sizeof(out));
}

static void fuzz_ip4(const uint8_t *data, size_t size)
{
    struct cursor c = cursor_of(data, size);
    uint8_t out[WIRE_IP4_MAX_LEN];
    struct writer w = writer_of(out, sizeof(out));
    struct wire_ip4 ip;
    enum wire_ip4_result result = wire_ip4_parse(&c, size, &ip);

    check_range(&c, data, size);
    if (result != WIRE_IP4_OK)
        return;
    weft_assert(ip.header_len >= WIRE_IP4_LEN && ip.header_len <= ip.total_len && ip.total_len <= size);
    wire_ip4_emit(&ip, ip.header_len - (size_t)WIRE_IP4_LEN, &w);
    weft_assert(wire_ip4_checksum_ok(out, ip.header_len));
    memcpy(out + 10, data + 10, 2);      /* the checksum was not looked at */
    out[6] |= (uint8_t)(data[6] & 0x80); /* nor was the reserved bit */
    check_written(&w, out, data, ip.header_len);
}

static void fuzz_ip4_options(const uint8_t *data, size_t size)
{
    struct cursor c = cursor_of(data, size);
    struct wire_ip4_option option;

    while (wire_ip4_option_next(&c, &option) == 1) {
        weft_assert(option.len >= 1);
        check_range(&c, data, size);
    }
    check_range(&c, data, size);
}

static void fuzz_icmp4(const uint8_t *data, size_t size)
{
    struct cursor c = cursor_of(data, size);
    uint8_t first[WIRE_ICMP4_LEN], second[WIRE_ICMP4_LEN];
    struct writer w = writer_of(first, sizeof(first));
    struct wire_icmp4 icmp;
    bool parsed = wire_icmp4_parse(&c, &icmp);

    check_range(&c, data, size);
    weft_assert(parsed == (size >= WIRE_ICMP4_LEN));
    if (!parsed)
        return;
    wire_icmp4_emit(&icmp, &w);
    c = cursor_of(first, sizeof(first));
    weft_assert(wire_icmp4_parse(&c, &icmp));
    w = writer_of(second, sizeof(second));
    wire_icmp4_emit(&icmp, &w);
    check_written(&w, second, first, sizeof(first));
}

static void fuzz_udp(const uint8_t *data, size_t size)
{
    struct cursor c = cursor_of(data, size);
    uint8_t out[WIRE_UDP_LEN];
    struct writer w = writer_of(out, sizeof(out));
    struct wire_udp udp;
    bool parsed = wire_udp_parse(&c, size, &udp);

    check_range(&c, data, size);
    if (!parsed)
        return;
    weft_assert(udp.len >= WIRE_UDP_LEN && udp.len <= size);
    wire_udp_emit(&udp, &w);
    check_written(&w, out, data, sizeof(out));
}

static void fuzz_tcp_opts(const uint8_t *data, size_t size)
{
    struct wire_tcp_opts opts;
    uint8_t first[40], second[40];
    struct writer w = writer_of(first, sizeof(first));
    size_t len;

    wire_tcp_opts_parse(data, size, &opts);
    weft_assert(opts.nsacks <= WIRE_TCP_MAX_SACK && opts.cookie_len <= WIRE_TCP_MAX_COOKIE);
    len = wire_tcp_opts_len(&opts);
    weft_assert(len <= sizeof(first) && len % 4 == 0);
    wire_tcp_opts_emit(&opts, &w);
    weft_assert(!w.failed && w.at == first + len);
    weft_assert(wire_tcp_opts_parse(first, len, &opts));
    w = writer_of(second, sizeof(second));
    wire_tcp_opts_emit(&opts, &w);
    check_written(&w, second, first, len);
}

static void fuzz_tcp(const uint8_t *data, size_t size)
{
    struct cursor c = cursor_of(data, size);
    uint8_t out[WIRE_TCP_LEN];
    struct writer w = writer_of(out, sizeof(out));
    struct wire_tcp tcp;
    bool parsed = wire_tcp_parse(&c, &tcp);

    check_range(&c, data, size);
    if (!parsed)
        return;
    weft_assert(tcp.header_len >= WIRE_TCP_LEN && tcp.header_len <= size);
    wire_tcp_emit(&tcp, &w);
    out[12] |= (uint8_t)(data[12] & 0x0e); /* reserved bits */
    check_written(&w, out, data, sizeof(out));
    fuzz_tcp_opts(tcp.options, tcp.header_len - (size_t)WIRE_TCP_LEN);
}

/* Texts of addresses, one parser after the other; what is read is written and read again. */
static void fuzz_addr(const uint8_t *data, size_t size)
{
    char *text = calloc(1, size + 1);
    char out[WEFT_ENDPOINT_STRLEN];
    struct weft_prefix prefix, prefix_again;
    struct weft_endpoint ep, ep_again;
    struct weft_mac mac, mac_again;

    if (size)
        memcpy(text, data, size);
    if (weft_prefix_parse(text, &prefix) == 0) {
        weft_assert(weft_prefix_parse(weft_prefix_format(&prefix, out), &prefix_again) == 0);
        weft_assert(weft_addr_eq(&prefix.addr, &prefix_again.addr) && prefix.len == prefix_again.len);
    }
    if (weft_endpoint_parse(text, &ep) == 0) {
        weft_assert(weft_endpoint_parse(weft_endpoint_format(&ep, out), &ep_again) == 0);
        weft_assert(weft_addr_eq(&ep.addr, &ep_again.addr) && ep.port == ep_again.port);
    }
    if (weft_mac_parse(text, &mac) == 0) {
        weft_assert(weft_mac_parse(weft_mac_format(&mac, out), &mac_again) == 0);
        weft_assert(memcmp(&mac, &mac_again, sizeof(mac)) == 0);
    }
    free(text);
}

static void *alloc(void *ctx, size_t size)
{
    (void)ctx;
    return aligned_alloc(64, (size + 63) & ~(size_t)63);
}

static void dispose(void *ctx, void *mem, size_t size)
{
    (void)ctx;
    (void)size;
    free(mem);
}

/* A packet in pieces with any offsets and any gso_size: 5 bytes of settings, then its bytes. */
static struct weft_pkt *make_pkt(struct weft_pool *pool, const uint8_t *data, size_t size)
{
    struct weft_pkt *pkt = weft_pkt_new_rx(pool, data[0] & 63);
    size_t left = size - 5;
    size_t linear = data[1] < left ? data[1] : left;
    struct weft_block *block = weft_block_new(pool, WEFT_BLOCK_SMALL);

    memcpy(weft_pkt_put(pkt, (uint32_t)linear), data + 5, linear);
    left -= linear;
    left = left < WEFT_BLOCK_SMALL ? left : WEFT_BLOCK_SMALL;
    memcpy(block->data, data + 5 + linear, left);
    weft_pkt_add_slice(pkt, block, 0, (uint32_t)left);
    weft_block_unref(block);
    pkt->l3_off = data[2];
    pkt->l4_off = data[3];
    pkt->gso_size = data[4];
    return pkt;
}

static void fuzz_segment(const uint8_t *data, size_t size)
{
    static const struct weft_allocator allocator = {alloc, dispose, NULL};
    static const struct weft_pool_config config = {.pkts = 40, .small_blocks = 4, .large_blocks = 1};
    struct weft_pool *pool;
    struct weft_pktq out = {0};
    struct weft_pkt *pkt;

    if (size < 5)
        return;
    pool = weft_pool_new(&allocator, &config);
    pkt = make_pkt(pool, data, size);
    weft_pkt_linearize(pkt, data[3]);
    weft_pkt_segment(pkt, &out);
    while ((pkt = weft_pktq_pop(&out))) {
        weft_assert(pkt->gso_size == 0);
        weft_pkt_finish_checksum(pkt);
        weft_pkt_free(pkt);
    }
    weft_pool_free(pool); /* traps unless all came back */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const targets[])(const uint8_t *, size_t) = {
        fuzz_eth, fuzz_arp, fuzz_ip4,      fuzz_ip4_options, fuzz_icmp4,
        fuzz_udp, fuzz_tcp, fuzz_tcp_opts, fuzz_addr,        fuzz_segment,
    };

    if (size > 0)
        targets[data[0] % (sizeof(targets) / sizeof(targets[0]))](data + 1, size - 1);
    return 0;
}
