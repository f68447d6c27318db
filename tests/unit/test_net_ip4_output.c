/* SPDX-License-Identifier: MIT */
/* The header that goes out, its limits, and packets to ourselves. */
#include "net_fixture.h"

/* --- The header --- */

static void writes_the_header_that_wire_writes(void **state)
{
    struct test_rng rng = test_rng_start("writes_the_header_that_wire_writes");
    struct net_fixture f;

    (void)state;
    fx_start(&f, 0);
    fx_resolve_peer(&f);
    for (unsigned i = 0; i < 2000; i++) {
        struct net_tx tx = fx_tx(FX_FAR);
        uint32_t len = test_rng_between(&rng, 0, 1480);
        uint8_t want[WIRE_IP4_LEN];
        struct writer w = writer_of(want, sizeof(want));
        struct fx_frame frame;
        struct wire_ip4 ip;

        tx.tos = (uint8_t)test_rng_u32(&rng);
        tx.ttl = (uint8_t)test_rng_u32(&rng);
        tx.proto = (uint8_t)test_rng_u32(&rng);
        tx.dont_fragment = test_rng_below(&rng, 2);
        tx.dst = weft_ip4_from_u32(test_rng_between(&rng, 0xc0000200, 0xc0ffffff));
        assert_int_equal(net_send(f.net, NULL, &tx, fx_packet(&f, len)), 0);
        ip = fx_expect_ip(&f, FX_PEER_MAC, &frame);
        assert_int_equal(ip.ttl, tx.ttl ? tx.ttl : 64);
        assert_int_equal(ip.tos, tx.tos);
        assert_int_equal(ip.proto, tx.proto);
        assert_int_equal(ip.flags, tx.dont_fragment ? WIRE_IP4_DF : 0);
        assert_int_equal(ip.total_len, WIRE_IP4_LEN + len);
        assert_true(weft_addr_eq(&ip.src, &tx.src) && weft_addr_eq(&ip.dst, &tx.dst));
        wire_ip4_emit(&ip, 0, &w);
        assert_memory_equal(frame.at - WIRE_IP4_LEN, want, sizeof(want));
    }
    assert_int_equal(f.core.stats.count[WEFT_COUNT_IP_OUT], 2001);
    fx_stop(&f);
}

/* RFC 6864 4: none for what cannot be fragmented, different ones for what can. */
static void numbers_what_may_be_fragmented(void **state)
{
    struct net_tx tx = fx_tx(FX_PEER);
    struct fx_frame frame;
    struct net_fixture f;
    uint16_t first;

    (void)state;
    fx_start(&f, 0);
    fx_resolve_peer(&f);
    assert_int_equal(net_send(f.net, NULL, &tx, fx_packet(&f, 1)), 0);
    assert_int_equal(fx_expect_ip(&f, FX_PEER_MAC, &frame).id, 0);
    tx.dont_fragment = false;
    assert_int_equal(net_send(f.net, NULL, &tx, fx_packet(&f, 1)), 0);
    first = fx_expect_ip(&f, FX_PEER_MAC, &frame).id;
    for (uint16_t i = 1; i < 100; i++) {
        assert_int_equal(net_send(f.net, NULL, &tx, fx_packet(&f, 1)), 0);
        assert_int_equal(fx_expect_ip(&f, FX_PEER_MAC, &frame).id, (uint16_t)(first + i));
    }
    tx.dst = FX_FAR; /* another destination is counted apart */
    assert_int_equal(net_send(f.net, NULL, &tx, fx_packet(&f, 1)), 0);
    assert_int_not_equal(fx_expect_ip(&f, FX_PEER_MAC, &frame).id, (uint16_t)(first + 100));
    fx_stop(&f);
}

/* Each segment of a super-segment takes a number. */
static void numbers_the_segments_of_a_super_segment(void **state)
{
    struct net_tx tx = fx_tx(FX_PEER);
    struct fx_frame frame;
    struct net_fixture f;
    uint16_t first;

    (void)state;
    fx_start(&f, WEFT_LINK_TSO4);
    fx_resolve_peer(&f);
    tx.dont_fragment = false;
    for (unsigned i = 0; i < 2; i++) {
        struct weft_block *block = weft_block_new(f.pool, WEFT_BLOCK_LARGE);
        struct weft_pkt *pkt = fx_packet(&f, 20);

        assert_true(weft_pkt_add_slice(pkt, block, 0, 3500));
        weft_block_unref(block);
        pkt->gso_size = 1000;
        pkt->gso_segs = 4;
        assert_int_equal(net_send(f.net, NULL, &tx, pkt), 0);
    }
    first = fx_expect_ip(&f, FX_PEER_MAC, &frame).id;
    assert_int_equal(fx_expect_ip(&f, FX_PEER_MAC, &frame).id, (uint16_t)(first + 4));
    fx_stop(&f);
}

/* --- Limits --- */

static void refuses_what_is_too_big(void **state)
{
    struct net_tx tx = fx_tx(FX_FAR);
    struct weft_addr far = FX_FAR;
    struct fx_frame frame;
    struct net_fixture f;

    (void)state;
    fx_start(&f, 0);
    fx_resolve_peer(&f);
    assert_int_equal(fx_send(&f, FX_FAR, 1480), 0);
    fx_expect_ip(&f, FX_PEER_MAC, &frame);
    assert_int_equal(fx_send(&f, FX_FAR, 1481), WEFT_E_MSGSIZE);
    assert_int_equal(fx_drops(&f, WEFT_DROP_IP_TOO_BIG), 1);
    net_path_mtu_set(f.net, &far, 1000);
    assert_int_equal(fx_send(&f, FX_FAR, 981), WEFT_E_MSGSIZE);
    assert_int_equal(fx_send(&f, FX_FAR, 980), 0);
    fx_expect_ip(&f, FX_PEER_MAC, &frame);
    tx.dont_fragment = false; /* then a router may cut it, and only our link is the limit */
    assert_int_equal(net_send(f.net, NULL, &tx, fx_packet(&f, 1480)), 0);
    fx_expect_ip(&f, FX_PEER_MAC, &frame);
    assert_int_equal(net_send(f.net, NULL, &tx, fx_packet(&f, 1481)), WEFT_E_MSGSIZE);
    assert_int_equal(fx_drops(&f, WEFT_DROP_IP_TOO_BIG), 3);
    fx_expect_none(&f);
    fx_stop(&f);
}

/* Of a super-segment the segments must fit the path, and the whole the length field. */
static void limits_the_segments_of_a_super_segment(void **state)
{
    struct net_tx tx = fx_tx(FX_PEER);
    struct net_fixture f;

    (void)state;
    fx_start(&f, WEFT_LINK_TX_CSUM | WEFT_LINK_TSO4);
    fx_resolve_peer(&f);
    for (unsigned i = 0; i < 3; i++) {
        /* a header of 20, segments of 1460 fill the path; 1461 do not; 45 of them fill no length field */
        static const struct {
            uint16_t size, segs;
            int result;
        } cases[] = {{1460, 4, 0}, {1461, 4, WEFT_E_MSGSIZE}, {1460, 45, WEFT_E_MSGSIZE}};
        struct weft_pkt *pkt = fx_packet(&f, 20);
        uint32_t left = (uint32_t)cases[i].size * cases[i].segs;

        while (left) {
            struct weft_block *block = weft_block_new(f.pool, WEFT_BLOCK_LARGE);
            uint32_t part = left < WEFT_BLOCK_LARGE ? left : WEFT_BLOCK_LARGE;

            assert_true(weft_pkt_add_slice(pkt, block, 0, part));
            weft_block_unref(block);
            left -= part;
        }
        pkt->gso_size = cases[i].size;
        pkt->gso_segs = cases[i].segs;
        assert_int_equal(net_send(f.net, NULL, &tx, pkt), cases[i].result);
    }
    assert_int_equal(net_output_queue(f.net, f.eth)->count, 1);
    fx_stop(&f);
}

/* --- To ourselves --- */

static void delivers_to_ourselves_in_the_next_step(void **state)
{
    struct weft_addr us = FX_US;
    struct weft_trace_record record;
    struct net_fixture f;

    (void)state;
    fx_start(&f, 0);
    assert_false(net_has_work(f.net));
    assert_int_equal(fx_send(&f, FX_US, 100), 0);
    assert_int_equal(fx_send(&f, FX_US, 101), 0);
    assert_int_equal(f.tcp.packets, 0);
    assert_true(net_has_work(f.net));
    net_step(f.net);
    assert_int_equal(f.tcp.packets, 2);
    assert_false(net_has_work(f.net));
    assert_int_equal(f.tcp.len, 101);
    assert_int_equal(f.tcp.bytes[100], 100);
    assert_int_equal(f.tcp.rx.iface, 0);
    assert_true(weft_addr_eq(&f.tcp.rx.src, &us) && weft_addr_eq(&f.tcp.rx.dst, &us));
    assert_true(fx_traced(&f, WEFT_TRACE_FRAME_OUT, &record));
    assert_int_equal(record.iface, 0);
    assert_true(fx_traced(&f, WEFT_TRACE_FRAME_IN, &record));
    assert_int_equal(record.iface, 0);
    fx_expect_none(&f);
    fx_stop(&f);
}

static void delivers_to_the_loopback_network(void **state)
{
    struct weft_addr lo = weft_ip4(127, 0, 0, 1);
    struct net_tx tx = {.dst = weft_ip4(127, 9, 9, 9), .proto = FX_PROTO};
    struct weft_stack_config config = {0};
    struct net_path path = {0};
    struct net_fixture f;

    (void)state;
    fx_start_with(&f, &config); /* without any interface */
    assert_int_equal(net_path_find(f.net, NULL, &lo, &path), 0);
    assert_int_equal(path.mtu, 65535);
    assert_true(path.caps & WEFT_LINK_TSO4);
    assert_int_equal(net_send(f.net, NULL, &tx, fx_packet(&f, 10)), 0);
    net_step(f.net);
    assert_int_equal(f.tcp.packets, 1);
    assert_true(weft_addr_eq(&f.tcp.rx.src, &tx.dst));
    tx.src = lo;
    assert_int_equal(net_send(f.net, NULL, &tx, fx_packet(&f, 10)), 0);
    net_step(f.net);
    assert_true(weft_addr_eq(&f.tcp.rx.src, &lo));
    fx_stop(&f);
}

/* Partial checksums and super-segments pass to ourselves as they are. */
static void leaves_packets_to_ourselves_alone(void **state)
{
    struct net_tx tx = fx_tx(FX_US);
    struct weft_pkt *pkt;
    struct net_fixture f;

    (void)state;
    fx_start(&f, 0);
    pkt = fx_packet(&f, 20);
    pkt->flags = WEFT_PKT_CSUM_PARTIAL;
    pkt->csum_start = pkt->l4_off;
    pkt->csum_offset = 16;
    pkt->gso_size = 1000;
    pkt->gso_segs = 5;
    assert_int_equal(net_send(f.net, NULL, &tx, pkt), 0);
    net_step(f.net);
    assert_int_equal(f.tcp.packets, 1);
    assert_int_equal(f.tcp.flags, WEFT_PKT_CSUM_PARTIAL);
    assert_int_equal(f.tcp.segs, 5);
    fx_stop(&f);
}

static void answer(void *ctx, struct weft_pkt *pkt, const struct net_rx *rx)
{
    struct net_fixture *f = ctx;

    fx_note_packet(&f->tcp, pkt, rx);
    fx_send(f, FX_US, 10);
    fx_send(f, FX_US, 10);
}

/* Two of ours that go on answering each other neither recurse nor keep a step from ending, and are
 * bounded. */
static void does_a_bounded_step(void **state)
{
    struct weft_stack_config config = {.tx_queue = 8};
    struct net_fixture f;
    int tun;

    (void)state;
    fx_start_with(&f, &config);
    net_register(f.net, FX_PROTO, &(struct net_transport){answer, NULL, &f});
    tun = fx_add_iface(&f, WEFT_LINK_IP, 0, NULL);
    fx_add_addr(&f, tun, FX_US, 24);
    assert_int_equal(fx_send(&f, FX_US, 10), 0);
    for (unsigned i = 0, expected = 1, sum = 0; i < 10; i++) {
        net_step(f.net);
        sum += expected;
        assert_int_equal(f.tcp.packets, sum);
        assert_true(net_has_work(f.net));
        expected = expected < 4 ? 2 * expected : 8;
    }
    assert_true(fx_drops(&f, WEFT_DROP_IFACE_QUEUE) > 0);
    fx_stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_the_header_that_wire_writes),
        cmocka_unit_test(numbers_what_may_be_fragmented),
        cmocka_unit_test(numbers_the_segments_of_a_super_segment),
        cmocka_unit_test(refuses_what_is_too_big),
        cmocka_unit_test(limits_the_segments_of_a_super_segment),
        cmocka_unit_test(delivers_to_ourselves_in_the_next_step),
        cmocka_unit_test(delivers_to_the_loopback_network),
        cmocka_unit_test(leaves_packets_to_ourselves_alone),
        cmocka_unit_test(does_a_bounded_step),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
