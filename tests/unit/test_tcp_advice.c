/* SPDX-License-Identifier: MIT */
/* What TCP tells IP of a way that may be bad (RFC 9293 3.8.3, MUST-20), or that is good (RFC 4861 7.3.1): seen on an
 * Ethernet, where IP can ask. */
#include "support.h"

#include <weft/socket.h>

#include "base/checksum.h"
#include "wire/arp.h"
#include "wire/eth.h"
#include "wire/ip4.h"
#include "wire/tcp.h"

static const struct weft_mac us_mac = {{2, 0, 0, 0, 0, 2}}, peer_mac = {{2, 0, 0, 0, 0, 1}};

struct wire {
    struct weft_pool *pool;
    struct weft_stack *stack;
    struct weft_sock *sock;
    int iface;
    weft_time now;
    unsigned requests, segments; /* that we have sent */
    struct wire_tcp last;        /* of these segments */
};

static void give(struct wire *w, const uint8_t *bytes, size_t len)
{
    struct weft_pkt *pkt = weft_pkt_new_rx(w->pool, 256);
    struct weft_pktq batch = {0};

    memcpy(weft_pkt_put(pkt, (uint32_t)len), bytes, len);
    weft_pktq_push(&batch, pkt);
    weft_input(w->stack, w->iface, &batch, w->now);
}

static void answer_arp(struct wire *w)
{
    struct wire_eth eth = {.dst = us_mac, .src = peer_mac, .type = WIRE_ETHERTYPE_ARP};
    struct wire_arp arp = {.op = WIRE_ARP_REPLY, .sender_mac = peer_mac, .target_mac = us_mac};
    uint8_t bytes[64];
    struct writer out = writer_of(bytes, sizeof(bytes));

    arp.sender_ip = weft_ip4(10, 77, 0, 1);
    arp.target_ip = weft_ip4(10, 77, 0, 2);
    wire_eth_emit(&eth, &out);
    wire_arp_emit(&arp, &out);
    give(w, bytes, (size_t)(out.at - bytes));
}

/* A segment of the peer's, with so many bytes of zero. */
static void answer(struct wire *w, unsigned flags, uint32_t seq, uint32_t len)
{
    struct weft_addr src = weft_ip4(10, 77, 0, 1), dst = weft_ip4(10, 77, 0, 2);
    struct wire_eth eth = {.dst = us_mac, .src = peer_mac, .type = WIRE_ETHERTYPE_IP4};
    struct wire_tcp tcp = {.src_port = 80,
                           .dst_port = w->last.src_port,
                           .seq = seq,
                           .ack = w->last.seq + ((w->last.flags & WIRE_TCP_SYN) != 0),
                           .flags = (uint16_t)flags,
                           .header_len = WIRE_TCP_LEN,
                           .window = 65535};
    struct wire_ip4 ip = {
        .ttl = 64, .proto = WIRE_PROTO_TCP, .src = src, .dst = dst, .total_len = (uint16_t)(40 + len)};
    uint8_t bytes[200] = {0}, *segment = bytes + WIRE_ETH_LEN + WIRE_IP4_LEN;
    struct writer out = writer_of(bytes, sizeof(bytes));
    uint64_t sum = checksum_pseudo(&src, &dst, WIRE_PROTO_TCP, 20 + len);

    wire_eth_emit(&eth, &out);
    wire_ip4_emit(&ip, 0, &out);
    wire_tcp_emit(&tcp, &out);
    put_be16(segment + WIRE_TCP_CHECKSUM_OFFSET, checksum_finish(sum + checksum_sum(segment, 20 + len)));
    give(w, bytes, 54 + len);
}

static void step(struct wire *w)
{
    struct weft_pkt *pkt;
    unsigned events;

    weft_step(w->stack, w->now);
    while (weft_ready_next(w->stack, &events) != NULL)
        ;
    while ((pkt = weft_pktq_pop(weft_output(w->stack, w->iface))) != NULL) {
        struct cursor c = cursor_of(pkt->data, pkt->len);
        struct wire_eth eth;

        assert_true(wire_eth_parse(&c, &eth));
        w->requests += eth.type == WIRE_ETHERTYPE_ARP;
        if (eth.type == WIRE_ETHERTYPE_IP4) {
            cursor_skip(&c, WIRE_IP4_LEN);
            assert_true(wire_tcp_parse(&c, &w->last));
            w->segments++;
        }
        weft_pkt_free(pkt);
    }
}

static void until(struct wire *w, weft_time end)
{
    while (weft_deadline(w->stack) <= end) {
        if (weft_deadline(w->stack) > w->now)
            w->now = weft_deadline(w->stack);
        step(w);
    }
    w->now = end;
}

static void connect_over_ethernet(struct wire *w)
{
    struct weft_stack_config config = {.allocator = test_allocator, .seed = {7}, .max_sockets = 4};
    struct weft_iface_config iface = {
        .name = "eth", .type = WEFT_LINK_ETHERNET, .mtu = 1500, .mac = {{2, 0, 0, 0, 0, 2}}};
    struct weft_prefix addr = {weft_ip4(10, 77, 0, 2), 24};
    struct weft_endpoint remote = {weft_ip4(10, 77, 0, 1), 80};

    w->pool = test_pool_new(0, 0, 0);
    config.pool = w->pool;
    config.now = w->now = 1000 * WEFT_SEC;
    config.tcp.max_connections = 4;
    assert_int_equal(weft_stack_new(&config, &w->stack), 0);
    w->iface = weft_iface_add(w->stack, &iface);
    assert_int_equal(weft_iface_add_addr(w->stack, w->iface, &addr), 0);
    until(w, w->now + 10 * WEFT_SEC); /* what is announced has been */
    w->requests = 0;
    assert_int_equal(weft_sock_open(w->stack, WEFT_SOCK_STREAM, &w->sock), 0);
    assert_int_equal(weft_sock_connect(w->sock, &remote), WEFT_E_INPROGRESS);
    step(w);
    assert_int_equal(w->requests, 1);
    answer_arp(w);
    step(w);
    assert_int_equal(w->segments, 1);
}

static void stop(struct wire *w)
{
    weft_sock_abort(w->sock);
    weft_step(w->stack, w->now);
    weft_pktq_purge(weft_output(w->stack, w->iface));
    weft_stack_free(w->stack);
    test_pool_free(w->pool);
}

/* The third retransmission without an answer makes IP ask whether the neighbour is still there; before
 * that it trusts the answer that it has. */
static void r1_makes_ip_look_for_another_way(void **state)
{
    struct wire w = {0};
    weft_time start;

    (void)state;
    connect_over_ethernet(&w);
    start = w.now;
    until(&w, start + 7 * WEFT_SEC - 1); /* SYNs after 1, 3 and 7 s */
    assert_int_equal(w.segments, 3);
    assert_int_equal(w.requests, 1);
    until(&w, start + 7 * WEFT_SEC + 500 * WEFT_MSEC);
    assert_int_equal(w.segments, 4);
    assert_int_equal(w.requests, 2);
    stop(&w);
}

/* Who only receives has nothing acknowledged; but new data comes because its ACKs do. IP need not ask. */
static void new_data_is_forward_progress(void **state)
{
    struct wire w = {0};
    uint8_t bytes[100];
    uint32_t seq = 1000;

    (void)state;
    connect_over_ethernet(&w);
    answer(&w, WIRE_TCP_SYN | WIRE_TCP_ACK, seq++, 0);
    step(&w);
    for (unsigned i = 0; i < 30; i++, seq += 100) {
        until(&w, w.now + 10 * WEFT_SEC);
        answer(&w, WIRE_TCP_ACK, seq, 100);
        until(&w, w.now + WEFT_SEC);
        assert_int_equal(weft_sock_recv(w.sock, bytes, sizeof(bytes)), 100);
    }
    assert_int_equal(w.segments, 2 + 30); /* and was acknowledged */
    assert_int_equal(w.requests, 1);
    until(&w, w.now + 60 * WEFT_SEC);
    answer(&w, WIRE_TCP_ACK, seq - 100, 100); /* old: shows nothing */
    until(&w, w.now + 10 * WEFT_SEC);
    assert_int_equal(w.requests, 1 + 3); /* RFC 4861 7.3.3: MAX_UNICAST_SOLICIT */
    stop(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(r1_makes_ip_look_for_another_way),
        cmocka_unit_test(new_data_is_forward_progress),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
