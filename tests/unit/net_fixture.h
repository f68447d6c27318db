/* SPDX-License-Identifier: MIT */
/*
 * A network layer alone on a table: a clock that the test moves, an Ethernet
 * whose other end is the test, and a transport that notes what it gets.
 *
 * The world: we are 10.77.0.2 (02:00:00:00:00:02) on 10.77.0.0/24; the peer,
 * 10.77.0.1 (02:00:00:00:00:01), is the gateway to everything else.
 *
 * Owns    nothing. Everything here is static inline, so that a test is one file.
 */
#ifndef WEFT_TESTS_NET_FIXTURE_H
#define WEFT_TESTS_NET_FIXTURE_H

#include "support.h"

#include "base/checksum.h"
#include "net/net.h"
#include "wire/arp.h"
#include "wire/eth.h"
#include "wire/icmp4.h"
#include "wire/ip4.h"

#define FX_RECORDS 4096
#define FX_MTU     1500
#define FX_PROTO   6 /* of the transport that notes */

#define FX_US       weft_ip4(10, 77, 0, 2)
#define FX_PEER     weft_ip4(10, 77, 0, 1)
#define FX_FAR      weft_ip4(192, 0, 2, 1)
#define FX_US_MAC   ((struct weft_mac){{2, 0, 0, 0, 0, 2}})
#define FX_PEER_MAC ((struct weft_mac){{2, 0, 0, 0, 0, 1}})
#define FX_ALL_MAC  ((struct weft_mac){{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}})

/* What a transport, or the user of echo, was given last. */
struct fx_notes {
    unsigned packets, errors; /* how often */
    struct net_rx rx;
    uint8_t bytes[2048]; /* of the last packet, from `data` on */
    uint32_t len;
    struct wire_ip4 ip; /* the header at l3_off */
    uint16_t flags, segs;
    uint16_t id, seq; /* echo */
    struct net_error error;
    uint8_t quote[64];
};

struct net_fixture {
    struct core core;
    struct net *net;
    struct weft_pool *pool;
    struct weft_trace_record ring[FX_RECORDS];
    uint64_t cursor; /* of the trace: what the test has read */
    int eth;
    uint32_t linear;   /* bytes of each received frame in the linear part; 0: all */
    uint32_t headroom; /* that the link leaves */
    struct fx_notes tcp, echo;
};

/* A frame that we have sent. */
struct fx_frame {
    uint8_t bytes[4096]; /* its beginning */
    uint32_t len;
    uint16_t flags, segs;
    struct wire_eth eth;
    const uint8_t *at; /* behind the Ethernet header */
    uint32_t left;
};

/* --- The transport that notes --- */

static inline void fx_note_packet(struct fx_notes *notes, struct weft_pkt *pkt, const struct net_rx *rx)
{
    struct cursor c = cursor_of(weft_pkt_l3(pkt), (size_t)(pkt->data + pkt->len - weft_pkt_l3(pkt)));

    notes->packets++;
    notes->rx = *rx;
    notes->flags = pkt->flags;
    notes->segs = pkt->gso_segs;
    notes->len = pkt->total_len;
    weft_pkt_copy_out(pkt, 0, notes->bytes, pkt->total_len < 2048 ? pkt->total_len : 2048);
    assert_int_equal(wire_ip4_parse(&c, UINT16_MAX, &notes->ip), WIRE_IP4_OK);
    weft_pkt_free(pkt);
}

static inline void fx_note_error(struct fx_notes *notes, const struct net_error *error)
{
    notes->errors++;
    notes->error = *error;
    assert_true(error->quote_len >= 8);
    memcpy(notes->quote, error->quote, error->quote_len < 64 ? error->quote_len : 64);
}

static inline void fx_tcp_input(void *ctx, struct weft_pkt *pkt, const struct net_rx *rx)
{
    assert_ptr_equal(pkt->data, weft_pkt_l4(pkt));
    fx_note_packet(ctx, pkt, rx);
}

static inline void fx_tcp_error(void *ctx, const struct net_error *error)
{
    fx_note_error(ctx, error);
}

static inline void fx_echo_reply(void *ctx, struct weft_pkt *pkt, const struct net_rx *rx, uint16_t id,
                                 uint16_t seq)
{
    struct fx_notes *notes = ctx;

    fx_note_packet(notes, pkt, rx);
    notes->id = id;
    notes->seq = seq;
}

static inline void fx_echo_error(void *ctx, const struct net_error *error, uint16_t id, uint16_t seq)
{
    struct fx_notes *notes = ctx;

    fx_note_error(notes, error);
    notes->id = id;
    notes->seq = seq;
}

/* --- Life --- */

static inline void fx_start_with(struct net_fixture *f, const struct weft_stack_config *config)
{
    struct net_transport tcp = {fx_tcp_input, fx_tcp_error, &f->tcp};
    struct net_echo echo = {fx_echo_reply, fx_echo_error, &f->echo};
    static const uint8_t seed[32] = {7};

    memset(f, 0, sizeof(*f));
    f->pool = test_pool_new(2048, 2048, 64);
    f->core.pool = f->pool;
    f->core.allocator = test_allocator;
    f->core.now = 1000 * WEFT_SEC;
    f->core.secret = (struct siphash_key){1, 2};
    f->core.trace.ring = f->ring;
    f->core.trace.mask = FX_RECORDS - 1;
    f->headroom = 32;
    rng_init(&f->core.rng, seed);
    wheel_init(&f->core.wheel, f->core.now);
    ready_list_init(&f->core.ready);
    assert_int_equal(net_new(&f->core, config, &f->net), 0);
    net_register(f->net, FX_PROTO, &tcp);
    net_set_echo(f->net, &echo);
}

static inline void fx_stop(struct net_fixture *f)
{
    net_free(f->net);
    assert_true(wheel_next(&f->core.wheel) == WEFT_TIME_NEVER);
    test_pool_free(f->pool);
}

static inline int fx_add_iface(struct net_fixture *f, enum weft_link_type type, uint32_t caps,
                               const struct weft_mac *mac)
{
    struct weft_iface_config config = {.name = "eth0", .type = type, .caps = caps, .mtu = FX_MTU};
    int index;

    if (mac)
        config.mac = *mac;
    index = net_iface_add(f->net, &config);
    assert_true(index > 0);
    return index;
}

static inline void fx_add_addr(struct net_fixture *f, int iface, struct weft_addr addr, uint8_t len)
{
    struct weft_prefix prefix = {addr, len};

    assert_int_equal(net_iface_add_addr(f->net, iface, &prefix), 0);
}

static inline void fx_add_default(struct net_fixture *f, struct weft_addr gateway, uint32_t metric)
{
    struct weft_prefix all = {weft_ip4(0, 0, 0, 0), 0};

    assert_int_equal(net_route_add(f->net, &all, &gateway, 0, metric), 0);
}

static inline void fx_discard(struct net_fixture *f, int iface)
{
    weft_pktq_purge(net_output_queue(f->net, iface));
}

/* Moves the clock by `time`; what falls due on the way happens at its moment. */
static inline void fx_advance(struct net_fixture *f, weft_time time)
{
    weft_time until = f->core.now + time;
    struct weft_timer_node *node;

    while ((node = wheel_pop_due(&f->core.wheel, until))) {
        f->core.now = node->deadline > f->core.now ? node->deadline : f->core.now;
        net_timer(f->net, node);
    }
    f->core.now = until;
}

/* The world as above, `caps` of the link, announcements past and the trace read. */
static inline void fx_start(struct net_fixture *f, uint32_t caps)
{
    struct weft_stack_config config = {0};
    struct weft_mac mac = FX_US_MAC;

    fx_start_with(f, &config);
    f->eth = fx_add_iface(f, WEFT_LINK_ETHERNET, caps, &mac);
    fx_add_addr(f, f->eth, FX_US, 24);
    fx_add_default(f, FX_PEER, 0);
    fx_advance(f, 10 * WEFT_SEC);
    fx_discard(f, f->eth);
    f->cursor = f->core.trace.written;
}

/* --- Input --- */

/* A frame from the link, as it came. */
static inline void fx_input(struct net_fixture *f, int iface, const void *bytes, uint32_t len)
{
    uint32_t linear = f->linear && f->linear < len ? f->linear : len;
    struct weft_pkt *pkt = weft_pkt_new_rx(f->pool, f->headroom);
    uint32_t at = linear;

    assert_non_null(pkt);
    memcpy(weft_pkt_put(pkt, linear), bytes, linear);
    while (at < len) {
        struct weft_block *block = weft_block_new(f->pool, WEFT_BLOCK_SMALL);
        uint32_t part = len - at < 700 ? len - at : 700;

        assert_non_null(block);
        memcpy(block->data, (const uint8_t *)bytes + at, part);
        assert_true(weft_pkt_add_slice(pkt, block, 0, part));
        weft_block_unref(block);
        at += part;
    }
    net_input(f->net, iface, pkt);
}

static inline void fx_input_eth(struct net_fixture *f, struct weft_mac dst, struct weft_mac src,
                                uint16_t type, const void *bytes, uint32_t len)
{
    struct wire_eth eth = {.dst = dst, .src = src, .type = type};
    uint8_t frame[4096];
    struct writer w = writer_of(frame, sizeof(frame));

    wire_eth_emit(&eth, &w);
    writer_bytes(&w, bytes, len);
    assert_false(w.failed);
    fx_input(f, f->eth, frame, (uint32_t)(w.at - frame));
}

static inline void fx_input_arp(struct net_fixture *f, struct weft_mac dst, const struct wire_arp *arp)
{
    uint8_t bytes[WIRE_ARP_LEN];
    struct writer w = writer_of(bytes, sizeof(bytes));

    wire_arp_emit(arp, &w);
    fx_input_eth(f, dst, arp->sender_mac, WIRE_ETHERTYPE_ARP, bytes, sizeof(bytes));
}

/* "`ip` is at `mac`", to us. */
static inline void fx_input_arp_reply(struct net_fixture *f, struct weft_addr ip, struct weft_mac mac)
{
    struct wire_arp arp = {WIRE_ARP_REPLY, mac, ip, FX_US_MAC, FX_US};

    fx_input_arp(f, FX_US_MAC, &arp);
}

/* An IPv4 header from the peer to us, to be changed by the test. */
static inline struct wire_ip4 fx_ip(uint8_t proto)
{
    return (struct wire_ip4){.ttl = 64, .proto = proto, .src = FX_PEER, .dst = FX_US};
}

/* Header and payload in `to`; total_len is set if it is 0. Returns the length. */
static inline uint32_t fx_write_ip(const struct wire_ip4 *ip, size_t options_len, const void *payload,
                                   uint32_t payload_len, uint8_t *to, size_t size)
{
    struct wire_ip4 header = *ip;
    struct writer w = writer_of(to, size);

    if (header.total_len == 0)
        header.total_len = (uint16_t)(WIRE_IP4_LEN + ((options_len + 3) & ~3u) + payload_len);
    wire_ip4_emit(&header, options_len, &w);
    writer_bytes(&w, payload, payload_len);
    assert_false(w.failed);
    return (uint32_t)(w.at - to);
}

static inline void fx_input_ip(struct net_fixture *f, const struct wire_ip4 *ip, const void *payload,
                               uint32_t len)
{
    uint8_t bytes[4096];
    uint32_t total = fx_write_ip(ip, 0, payload, len, bytes, sizeof(bytes));

    fx_input_eth(f, FX_US_MAC, FX_PEER_MAC, WIRE_ETHERTYPE_IP4, bytes, total);
}

/* Header and data of an ICMP message in `to`, with its checksum. Returns the length. */
static inline uint32_t fx_write_icmp(const struct wire_icmp4 *icmp, const void *data, uint32_t len,
                                     uint8_t *to, size_t size)
{
    struct writer w = writer_of(to, size);
    uint32_t total = WIRE_ICMP4_LEN + len;

    wire_icmp4_emit(icmp, &w);
    writer_bytes(&w, data, len);
    assert_false(w.failed);
    put_be16(to + 2, checksum_finish(checksum_sum(to, total)));
    return total;
}

static inline void fx_input_icmp(struct net_fixture *f, const struct wire_ip4 *ip,
                                 const struct wire_icmp4 *icmp, const void *data, uint32_t len)
{
    uint8_t bytes[4096];
    uint32_t total = fx_write_icmp(icmp, data, len, bytes, sizeof(bytes));

    fx_input_ip(f, ip, bytes, total);
}

/* --- Output --- */

/* The next frame that waits for the link; fails the test when there is none. */
static inline void fx_pop(struct net_fixture *f, int iface, struct fx_frame *out)
{
    struct weft_pkt *pkt = weft_pktq_pop(net_output_queue(f->net, iface));

    assert_non_null(pkt);
    memset(out, 0, sizeof(*out));
    out->len = pkt->total_len;
    out->flags = pkt->flags;
    out->segs = pkt->gso_segs;
    out->at = out->bytes;
    out->left = out->len;
    weft_pkt_copy_out(pkt, 0, out->bytes, out->len < sizeof(out->bytes) ? out->len : sizeof(out->bytes));
    weft_pkt_free(pkt);
}

static inline void fx_expect_eth(struct net_fixture *f, uint16_t type, struct fx_frame *out)
{
    struct cursor c;

    fx_pop(f, f->eth, out);
    c = cursor_of(out->bytes, out->len < sizeof(out->bytes) ? out->len : sizeof(out->bytes));
    assert_true(wire_eth_parse(&c, &out->eth));
    assert_int_equal(out->eth.type, type);
    assert_memory_equal(out->eth.src.b, FX_US_MAC.b, 6);
    out->at = c.at;
    out->left = out->len - WIRE_ETH_LEN;
}

static inline void fx_expect_none(struct net_fixture *f)
{
    assert_int_equal(net_output_queue(f->net, f->eth)->count, 0);
}

/* The next frame is ARP, of this operation, to this MAC address. Gives it. */
static inline struct wire_arp fx_expect_arp(struct net_fixture *f, uint16_t op, struct weft_mac to)
{
    struct fx_frame frame;
    struct wire_arp arp;
    struct cursor c;

    fx_expect_eth(f, WIRE_ETHERTYPE_ARP, &frame);
    assert_memory_equal(frame.eth.dst.b, to.b, 6);
    c = cursor_of(frame.at, frame.left);
    assert_true(wire_arp_parse(&c, &arp));
    assert_int_equal(arp.op, op);
    assert_memory_equal(arp.sender_mac.b, FX_US_MAC.b, 6);
    return arp;
}

/* The next frame is an IPv4 packet to this MAC address. Gives its header, which must be right, and the
 * frame, `at` behind that header. */
static inline struct wire_ip4 fx_expect_ip(struct net_fixture *f, struct weft_mac to, struct fx_frame *frame)
{
    struct wire_ip4 ip;
    struct cursor c;

    fx_expect_eth(f, WIRE_ETHERTYPE_IP4, frame);
    assert_memory_equal(frame->eth.dst.b, to.b, 6);
    c = cursor_of(frame->at, frame->left);
    assert_int_equal(wire_ip4_parse(&c, frame->left, &ip), WIRE_IP4_OK);
    assert_true(wire_ip4_checksum_ok(frame->at, ip.header_len));
    assert_int_equal(ip.total_len, frame->left);
    frame->at += ip.header_len;
    frame->left -= ip.header_len;
    return ip;
}

/* The same, and it is an ICMP message with a right checksum, to the peer. `at` is then behind its header. */
static inline struct wire_icmp4 fx_expect_icmp(struct net_fixture *f, struct wire_ip4 *ip,
                                               struct fx_frame *frame)
{
    struct wire_icmp4 icmp;
    struct cursor c;

    *ip = fx_expect_ip(f, FX_PEER_MAC, frame);
    assert_int_equal(ip->proto, WIRE_PROTO_ICMP);
    assert_int_equal(checksum_finish(checksum_sum(frame->at, frame->left)), 0);
    c = cursor_of(frame->at, frame->left);
    assert_true(wire_icmp4_parse(&c, &icmp));
    frame->at = c.at;
    frame->left -= WIRE_ICMP4_LEN;
    return icmp;
}

/* A packet for net_send: `len` bytes of payload 0, 1, 2, … */
static inline struct weft_pkt *fx_packet(struct net_fixture *f, uint32_t len)
{
    struct weft_pkt *pkt = weft_pkt_new_rx(f->pool, NET_HEADROOM + 8);
    uint8_t *to;

    assert_non_null(pkt);
    to = weft_pkt_put(pkt, len);
    for (uint32_t i = 0; i < len; i++)
        to[i] = (uint8_t)i;
    pkt->l4_off = (uint16_t)weft_pkt_headroom(pkt);
    return pkt;
}

static inline struct net_tx fx_tx(struct weft_addr dst)
{
    return (struct net_tx){.src = FX_US, .dst = dst, .proto = FX_PROTO, .dont_fragment = true};
}

static inline int fx_send(struct net_fixture *f, struct weft_addr dst, uint32_t len)
{
    struct net_tx tx = fx_tx(dst);

    return net_send(f->net, NULL, &tx, fx_packet(f, len));
}

/* The peer's address is known, as if it had just answered. */
static inline void fx_resolve_peer(struct net_fixture *f)
{
    struct fx_frame frame;

    assert_int_equal(fx_send(f, FX_PEER, 8), 0);
    fx_expect_arp(f, WIRE_ARP_REQUEST, FX_ALL_MAC);
    fx_input_arp_reply(f, FX_PEER, FX_PEER_MAC);
    fx_expect_ip(f, FX_PEER_MAC, &frame);
    fx_expect_none(f);
    f->cursor = f->core.trace.written;
}

/* --- What was counted and traced --- */

static inline uint64_t fx_drops(const struct net_fixture *f, enum weft_drop drop)
{
    return f->core.stats.drop[drop];
}

static inline uint64_t fx_all_drops(const struct net_fixture *f)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < WEFT_DROP_COUNT; i++)
        sum += f->core.stats.drop[i];
    return sum;
}

/* The next record of this event since the test last looked; what lies before it is passed over. False
 * when there is none, and then nothing is passed over. */
static inline bool fx_traced(struct net_fixture *f, enum weft_trace_event event,
                             struct weft_trace_record *out)
{
    for (uint64_t i = f->cursor; i < f->core.trace.written; i++) {
        const struct weft_trace_record *record = &f->ring[i & (FX_RECORDS - 1)];

        if (record->event != event)
            continue;
        f->cursor = i + 1;
        if (out)
            *out = *record;
        return true;
    }
    return false;
}

/* The next change of a neighbour's state is this one. */
static inline void fx_expect_state(struct net_fixture *f, struct weft_addr addr, enum weft_neigh_state from,
                                   enum weft_neigh_state to)
{
    struct weft_trace_record record;

    assert_true(fx_traced(f, WEFT_TRACE_NEIGH_STATE, &record));
    assert_true(record.arg[0] == trace_addr_high(&addr));
    assert_true(record.arg[1] == trace_addr_low(&addr));
    assert_string_equal(weft_neigh_state_name((unsigned)record.arg[2]), weft_neigh_state_name(from));
    assert_string_equal(weft_neigh_state_name((unsigned)record.arg[3]), weft_neigh_state_name(to));
}

static inline void fx_expect_no_state(struct net_fixture *f)
{
    assert_false(fx_traced(f, WEFT_TRACE_NEIGH_STATE, NULL));
}

#endif
