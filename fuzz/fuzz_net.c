/* SPDX-License-Identifier: MIT */
/*
 * The whole network layer under libFuzzer. The input is a list of commands:
 * frames, raw and with their checksums put right so that they get further, time
 * that passes, packets that transports send, advice, changes of routes. The
 * tables and queues are tiny, so that they are full at once.
 *
 * Besides what the sanitizers see: queues keep to their bounds, and at the end
 * every packet comes home and no timer is left.
 */
#include <stdlib.h>
#include <string.h>

#include <weft/err.h>

#include "base/assert.h"
#include "base/checksum.h"
#include "net/net.h"
#include "wire/arp.h"
#include "wire/eth.h"
#include "wire/icmp4.h"
#include "wire/ip4.h"

#define TX_QUEUE  8
#define PKTS      96
#define PROTO     6
#define FRAME_MAX 600

struct fuzz {
    struct core core;
    struct net *net;
    struct cursor in;
    struct net_path path[4];
    struct weft_trace_record ring[64];
    int eth, tun;
    unsigned answers; /* how many packets the transport may still send in answer: nothing goes on for ever */
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* --- Surroundings --- */

static void *get_memory(void *ctx, size_t size)
{
    void *mem = aligned_alloc(64, (size + 63) & ~(size_t)63);

    (void)ctx;
    return mem ? memset(mem, 0, size) : NULL;
}

static void give_memory(void *ctx, void *mem, size_t size)
{
    (void)ctx;
    (void)size;
    free(mem);
}

/* Addresses of a small world: ours, neighbours, far ones and odd ones. */
static struct weft_addr some_addr(uint8_t byte)
{
    static const uint32_t odd[] = {0x0a4d0002, 0x0a580002, 0x7f000001, 0xffffffff, 0x0a4d00ff, 0xe0000001,
                                   0x00000000, 0xf0000001, 0x0a4d0000, 0xc0000201, 0x08080808, 0x0a580001};

    if (byte < 128)
        return weft_ip4_from_u32(0x0a4d0000u + byte % 32);
    return weft_ip4_from_u32(odd[byte % (sizeof(odd) / sizeof(odd[0]))]);
}

static struct weft_mac some_mac(uint8_t byte)
{
    if (byte % 16 == 15)
        return (struct weft_mac){{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
    return (struct weft_mac){{2, 0, 0, 0, 0, byte % 16}};
}

/* --- The transport --- */

static struct weft_pkt *some_packet(struct fuzz *f, uint32_t len)
{
    struct weft_pkt *pkt = weft_pkt_new_rx(f->core.pool, NET_HEADROOM + WIRE_ICMP4_LEN);

    if (!pkt)
        return NULL;
    memset(weft_pkt_put(pkt, len), 0x50, len);
    pkt->l4_off = (uint16_t)weft_pkt_headroom(pkt);
    return pkt;
}

static void send_to(struct fuzz *f, struct net_path *path, struct weft_addr dst, uint32_t len, uint8_t how)
{
    struct net_tx tx = {.dst = dst, .proto = PROTO, .dont_fragment = how & 1, .tos = how};
    struct weft_pkt *pkt = some_packet(f, len);

    if (!pkt)
        return;
    if (how & 16)
        tx.src = some_addr(how);
    if (how & 2) { /* a super-segment with a partial checksum */
        struct weft_block *block = weft_block_new(f->core.pool, WEFT_BLOCK_SMALL);

        weft_pkt_trim(pkt, 20);
        if (block && pkt->len == 20) {
            weft_pkt_add_slice(pkt, block, 0, WEFT_BLOCK_SMALL);
            pkt->gso_size = (uint16_t)(100 + how);
            pkt->gso_segs = (uint16_t)((WEFT_BLOCK_SMALL + pkt->gso_size - 1) / pkt->gso_size);
            pkt->flags = WEFT_PKT_CSUM_PARTIAL;
            pkt->csum_start = pkt->l4_off;
            pkt->csum_offset = 16;
        }
        if (block)
            weft_block_unref(block);
    }
    net_send(f->net, path, &tx, pkt);
}

static void take_packet(void *ctx, struct weft_pkt *pkt, const struct net_rx *rx)
{
    struct fuzz *f = ctx;

    weft_assert(pkt->l3_off < pkt->l4_off && pkt->data == weft_pkt_l4(pkt));
    if (f->answers) {
        f->answers--;
        if (rx->ttl & 1)
            net_send_unreachable(f->net, rx, pkt, rx->ttl % 16);
        else
            send_to(f, NULL, rx->src, 40, rx->ttl);
    }
    weft_pkt_free(pkt);
}

static void take_error(void *ctx, const struct net_error *error)
{
    struct fuzz *f = ctx;
    uint8_t sum = 0;

    weft_assert(error->quote_len >= 8);
    for (size_t i = 0; i < error->quote_len; i++)
        sum ^= error->quote[i];
    if (error->kind == NET_ERROR_TOO_BIG)
        net_path_mtu_set(f->net, &error->dst, error->mtu);
    if (f->answers) { /* a transport may send from here */
        f->answers--;
        send_to(f, NULL, error->dst, 40, sum);
    }
}

static void take_reply(void *ctx, struct weft_pkt *pkt, const struct net_rx *rx, uint16_t id, uint16_t seq)
{
    (void)ctx;
    (void)rx;
    (void)id;
    (void)seq;
    weft_pkt_free(pkt);
}

static void take_echo_error(void *ctx, const struct net_error *error, uint16_t id, uint16_t seq)
{
    (void)id;
    (void)seq;
    take_error(ctx, error);
}

/* --- Input --- */

/* Delivers a frame, its first `linear` bytes in the linear part. */
static void deliver(struct fuzz *f, int iface, const uint8_t *bytes, uint32_t len, uint32_t linear)
{
    struct weft_pkt *pkt = weft_pkt_new_rx(f->core.pool, linear % 3 * 16);
    struct weft_block *block = weft_block_new(f->core.pool, WEFT_BLOCK_SMALL);

    if (linear > len || linear == 0)
        linear = len;
    if (pkt && block) {
        memcpy(weft_pkt_put(pkt, linear), bytes, linear);
        memcpy(block->data, bytes + linear, len - linear);
        weft_pkt_add_slice(pkt, block, 0, len - linear);
        net_input(f->net, iface, pkt);
        pkt = NULL;
    }
    if (block)
        weft_block_unref(block);
    weft_pkt_free(pkt);
}

/* The next bytes of the input: how many, the input says too. */
static uint32_t take_bytes(struct fuzz *f, uint8_t *to, uint32_t max)
{
    uint32_t len = cursor_be16(&f->in) % max;

    if (len > cursor_left(&f->in))
        len = (uint32_t)cursor_left(&f->in);
    cursor_bytes(&f->in, to, len);
    return len;
}

static void input_raw(struct fuzz *f, int iface)
{
    uint8_t linear = cursor_u8(&f->in);
    uint8_t bytes[FRAME_MAX];
    uint32_t len = take_bytes(f, bytes, sizeof(bytes));

    deliver(f, iface, bytes, len, linear);
}

/* An IPv4 packet that has a right header; if `is_icmp` with a message whose checksum is right. */
static void input_ip(struct fuzz *f, bool is_icmp)
{
    struct wire_eth eth = {
        .dst = some_mac(cursor_u8(&f->in)), .src = some_mac(1), .type = WIRE_ETHERTYPE_IP4};
    struct wire_ip4 ip = {.src = some_addr(cursor_u8(&f->in)), .dst = some_addr(cursor_u8(&f->in))};
    uint8_t shape = cursor_u8(&f->in), options[40], body[FRAME_MAX], frame[FRAME_MAX + 100];
    uint32_t options_len = shape & 1 ? take_bytes(f, options, 41) : 0;
    uint32_t len = take_bytes(f, body, sizeof(body));
    struct writer w = writer_of(frame, sizeof(frame));

    if (is_icmp && len >= 8) {
        put_be16(body + 2, 0);
        put_be16(body + 2, checksum_finish(checksum_sum(body, len)));
    }
    ip.options = options_len ? options : NULL;
    ip.proto = is_icmp ? WIRE_PROTO_ICMP : shape & 2 ? PROTO : shape;
    ip.ttl = shape;
    ip.flags = shape & 4 ? WIRE_IP4_DF : 0;
    ip.total_len = (uint16_t)(WIRE_IP4_LEN + ((options_len + 3) & ~3u) + len);
    wire_eth_emit(&eth, &w);
    wire_ip4_emit(&ip, options_len, &w);
    writer_bytes(&w, body, len);
    weft_assert(!w.failed);
    if (shape & 8)
        deliver(f, f->tun, frame + WIRE_ETH_LEN, (uint32_t)(w.at - frame) - WIRE_ETH_LEN, shape);
    else
        deliver(f, f->eth, frame, (uint32_t)(w.at - frame), shape & 16 ? shape : 0);
}

/* An error from somebody about a packet that we might have sent. */
static void input_error(struct fuzz *f)
{
    struct wire_ip4 quoted = {.total_len = cursor_be16(&f->in), .proto = PROTO, .ttl = 9};
    struct wire_icmp4 icmp = {
        .type = cursor_u8(&f->in), .code = cursor_u8(&f->in), .mtu = cursor_be16(&f->in)};
    struct wire_ip4 ip = {.ttl = 9, .proto = WIRE_PROTO_ICMP, .src = some_addr(1), .dst = some_addr(2)};
    uint8_t frame[128], *message;
    struct writer w = writer_of(frame, sizeof(frame));

    quoted.src = some_addr(cursor_u8(&f->in));
    quoted.dst = some_addr(cursor_u8(&f->in));
    if (quoted.total_len & 1)
        quoted.proto = WIRE_PROTO_ICMP;
    ip.dst = quoted.src;
    ip.total_len = WIRE_IP4_LEN + WIRE_ICMP4_LEN + WIRE_IP4_LEN + 8;
    wire_eth_emit(&(struct wire_eth){.dst = some_mac(2), .src = some_mac(1), .type = WIRE_ETHERTYPE_IP4}, &w);
    wire_ip4_emit(&ip, 0, &w);
    message = w.at;
    wire_icmp4_emit(&icmp, &w);
    wire_ip4_emit(&quoted, 0, &w);
    writer_bytes(&w, "\x08\0\0\0\0\0\0\0", 8);
    put_be16(message + 2, checksum_finish(checksum_sum(message, (size_t)(w.at - message))));
    deliver(f, f->eth, frame, (uint32_t)(w.at - frame), 0);
}

static void input_arp(struct fuzz *f)
{
    struct wire_eth eth = {.dst = some_mac(15), .type = WIRE_ETHERTYPE_ARP};
    struct wire_arp arp = {.op = 1 + cursor_u8(&f->in) % 3};
    uint8_t frame[WIRE_ETH_LEN + WIRE_ARP_LEN];
    struct writer w = writer_of(frame, sizeof(frame));

    arp.sender_mac = eth.src = some_mac(cursor_u8(&f->in));
    arp.sender_ip = some_addr(cursor_u8(&f->in));
    arp.target_ip = some_addr(cursor_u8(&f->in));
    wire_eth_emit(&eth, &w);
    wire_arp_emit(&arp, &w);
    deliver(f, f->eth, frame, sizeof(frame), 0);
}

/* --- Everything else --- */

static void advance(struct fuzz *f, weft_time time)
{
    weft_time until = f->core.now + time;
    struct weft_timer_node *node;

    while ((node = wheel_pop_due(&f->core.wheel, until))) {
        f->core.now = node->deadline;
        net_timer(f->net, node);
    }
    f->core.now = until;
}

static void drain(struct fuzz *f, int iface)
{
    struct weft_pktq *q = net_output_queue(f->net, iface);

    weft_assert(q->count <= TX_QUEUE);
    weft_pktq_purge(q);
}

static void advise(struct fuzz *f)
{
    struct net_path *path = &f->path[cursor_u8(&f->in) % 4];
    struct weft_addr addr = some_addr(cursor_u8(&f->in));

    switch (cursor_u8(&f->in) % 4) {
    case 0:
        net_path_confirm(f->net, path);
        break;
    case 1:
        net_path_doubt(f->net, path);
        break;
    case 2:
        net_path_mtu_set(f->net, &addr, cursor_be16(&f->in));
        break;
    default:
        weft_assert(net_path_room(f->net, path) <= TX_QUEUE);
        break;
    }
}

static void change(struct fuzz *f)
{
    struct weft_prefix prefix = {some_addr(cursor_u8(&f->in)), cursor_u8(&f->in) % 34};
    struct weft_addr gateway = some_addr(cursor_u8(&f->in));
    int iface = cursor_u8(&f->in) % 4;

    switch (cursor_u8(&f->in) % 4) {
    case 0:
        net_route_add(f->net, &prefix, &gateway, iface, prefix.len);
        break;
    case 1:
        net_route_add(f->net, &prefix, NULL, iface, 0);
        break;
    case 2:
        net_route_del(f->net, &prefix, &gateway, iface);
        break;
    default:
        net_iface_add_addr(f->net, iface, &prefix);
        break;
    }
}

static void send_something(struct fuzz *f)
{
    uint8_t which = cursor_u8(&f->in), how = cursor_u8(&f->in);
    struct weft_addr dst = some_addr(which);
    struct weft_pkt *pkt;

    if (how & 4) {
        struct net_tx tx = {.dst = dst, .ttl = how};

        pkt = some_packet(f, how);
        if (pkt)
            net_send_echo(f->net, &tx, which, how, pkt);
    } else {
        /* A path is for one destination: the index stands for it. */
        send_to(f, how & 8 ? &f->path[which % 4] : NULL, how & 8 ? some_addr(which % 4) : dst, 20 + how, how);
    }
}

static void run_command(struct fuzz *f)
{
    switch (cursor_u8(&f->in) % 12) {
    case 0:
        input_raw(f, f->eth);
        break;
    case 1:
        input_raw(f, f->tun);
        break;
    case 2:
        input_ip(f, false);
        break;
    case 3:
        input_ip(f, true);
        break;
    case 4:
        input_error(f);
        break;
    case 5:
        input_arp(f);
        break;
    case 6:
        advance(f, (weft_time)cursor_be16(&f->in) * 10 * WEFT_MSEC);
        break;
    case 7:
        send_something(f);
        break;
    case 8:
        advise(f);
        break;
    case 9:
        change(f);
        break;
    case 10:
        net_step(f->net);
        break;
    default:
        drain(f, f->eth);
        drain(f, f->tun);
        break;
    }
}

static const struct weft_allocator allocator = {get_memory, give_memory, NULL};

static void start(struct fuzz *f, const uint8_t *data, size_t size)
{
    struct weft_stack_config config = {
        .max_neighbours = 6, .max_routes = 6, .tx_queue = TX_QUEUE, .icmp_per_second = 3};
    struct weft_pool_config pool = {PKTS, PKTS, 1};
    struct weft_iface_config eth = {"eth", WEFT_LINK_ETHERNET, 0, 1500, some_mac(2)};
    struct weft_iface_config tun = {"tun", WEFT_LINK_IP, WEFT_LINK_TX_CSUM | WEFT_LINK_TSO4, 576, {{0}}};
    struct weft_prefix eth_addr = {some_addr(2), 24}, tun_addr = {weft_ip4(10, 88, 0, 2), 24};
    static const uint8_t seed[32];

    *f = (struct fuzz){.in = cursor_of(data, size), .answers = 64};
    f->core.now = WEFT_SEC;
    f->core.allocator = allocator;
    f->core.pool = weft_pool_new(&allocator, &pool);
    f->core.trace = (struct trace){f->ring, 0, 63};
    wheel_init(&f->core.wheel, f->core.now);
    rng_init(&f->core.rng, seed);
    weft_assert(f->core.pool && net_new(&f->core, &config, &f->net) == 0);
    net_register(f->net, PROTO, &(struct net_transport){take_packet, take_error, f});
    net_set_echo(f->net, &(struct net_echo){take_reply, take_echo_error, f});
    f->eth = net_iface_add(f->net, &eth);
    f->tun = net_iface_add(f->net, &tun);
    weft_assert(net_iface_add_addr(f->net, f->eth, &eth_addr) == 0);
    weft_assert(net_iface_add_addr(f->net, f->tun, &tun_addr) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct weft_pool_usage usage;
    static struct fuzz f;

    start(&f, data, size);
    while (cursor_ok(&f.in) && cursor_left(&f.in))
        run_command(&f);
    net_free(f.net);
    weft_assert(wheel_next(&f.core.wheel) == WEFT_TIME_NEVER);
    weft_pool_usage(f.core.pool, &usage);
    weft_assert(usage.pkts_used == 0 && usage.small_used == 0 && usage.large_used == 0);
    weft_pool_free(f.core.pool);
    return 0;
}
