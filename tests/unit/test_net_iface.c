/* SPDX-License-Identifier: MIT */
/* Interfaces: what is accepted as one, their addresses, their queues, and what is done in software for
 * a link. */
#include "net_fixture.h"

#include "net/iface.h"
#include "wire/tcp.h"

/* --- Configuration --- */

static int add_iface(struct net_fixture *f, struct weft_iface_config config)
{
    return net_iface_add(f->net, &config);
}

static void refuses_what_is_no_interface(void **state)
{
    struct weft_stack_config stack = {0};
    struct net_fixture f;

    (void)state;
    fx_start_with(&f, &stack);
    assert_int_equal(add_iface(&f, (struct weft_iface_config){"e", WEFT_LINK_IP, 0, 67, {{0}}}),
                     WEFT_E_INVAL);
    assert_int_equal(add_iface(&f, (struct weft_iface_config){"e", WEFT_LINK_IP, 0, 65536, {{0}}}),
                     WEFT_E_INVAL);
    assert_int_equal(add_iface(&f, (struct weft_iface_config){"e", 7, 0, 1500, {{0}}}), WEFT_E_INVAL);
    assert_int_equal(
        add_iface(&f, (struct weft_iface_config){"sixteen-letters-", WEFT_LINK_IP, 0, 1500, {{0}}}),
        WEFT_E_INVAL);
    assert_int_equal(add_iface(&f, (struct weft_iface_config){"e", WEFT_LINK_ETHERNET, 0, 1500, {{1}}}),
                     WEFT_E_INVAL);
    assert_int_equal(add_iface(&f, (struct weft_iface_config){"fifteen-letters", WEFT_LINK_IP, 0, 68, {{0}}}),
                     1);
    assert_int_equal(add_iface(&f, (struct weft_iface_config){"", WEFT_LINK_IP, 0, 65535, {{0}}}), 2);
    for (int i = 3; i < NET_IFACES; i++)
        assert_int_equal(add_iface(&f, (struct weft_iface_config){"e", WEFT_LINK_IP, 0, 1500, {{0}}}), i);
    assert_int_equal(add_iface(&f, (struct weft_iface_config){"e", WEFT_LINK_IP, 0, 1500, {{0}}}),
                     WEFT_E_LIMIT);
    fx_stop(&f);
}

static void chooses_a_mac_address_when_the_link_does_not_care(void **state)
{
    struct weft_stack_config config = {0};
    struct fx_frame frame;
    struct net_fixture f;
    int eth;

    (void)state;
    fx_start_with(&f, &config);
    eth = fx_add_iface(&f, WEFT_LINK_ETHERNET, 0, NULL);
    fx_add_addr(&f, eth, FX_US, 24);
    fx_pop(&f, eth, &frame);
    assert_int_equal(frame.bytes[6] & 3, 2); /* unicast, locally administered */
    fx_stop(&f);
}

static int add_addr(struct net_fixture *f, int iface, const char *text)
{
    struct weft_prefix prefix;

    assert_int_equal(weft_prefix_parse(text, &prefix), 0);
    return net_iface_add_addr(f->net, iface, &prefix);
}

static void refuses_what_is_no_hosts_address(void **state)
{
    static const char *const bad[] = {"0.0.0.0/8",       "0.1.2.3/8",     "127.0.0.1/8",   "224.0.0.5/24",
                                      "240.0.0.1/24",    "10.1.0.0/24",   "10.1.0.255/24", "10.1.0.252/30",
                                      "255.255.255.255", "2001:db8::1/64"};
    static const char *const good[] = {"10.1.0.253/30", "10.1.0.0/31", "10.1.0.1/31", "10.1.0.255/32",
                                       "1.2.3.4/0"};
    struct net_fixture f;

    (void)state;
    fx_start(&f, 0);
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(add_addr(&f, f.eth, bad[i]), WEFT_E_INVAL);
    for (unsigned i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_int_equal(add_addr(&f, f.eth, good[i]), 0);
    assert_int_equal(add_addr(&f, f.eth, "10.1.0.1/24"), WEFT_E_EXIST);
    assert_int_equal(add_addr(&f, 0, "10.9.0.1/24"), WEFT_E_INVAL);
    assert_int_equal(add_addr(&f, f.eth + 1, "10.9.0.1/24"), WEFT_E_INVAL);
    fx_stop(&f);
}

static void bounds_addresses_and_routes(void **state)
{
    struct weft_stack_config config = {.max_routes = 2};
    struct weft_prefix prefix = {weft_ip4(10, 0, 0, 1), 32};
    struct net_fixture f;
    int ip;

    (void)state;
    fx_start_with(&f, &config);
    ip = fx_add_iface(&f, WEFT_LINK_IP, 0, NULL);
    assert_int_equal(add_addr(&f, ip, "10.1.0.1/24"), 0);
    assert_int_equal(add_addr(&f, ip, "10.2.0.1/24"), 0);
    assert_int_equal(add_addr(&f, ip, "10.3.0.1/24"), WEFT_E_LIMIT);
    prefix.addr = weft_ip4(10, 3, 0, 1);
    assert_false(net_addr_is_ours(f.net, &prefix.addr));  /* refused as a whole */
    assert_int_equal(add_addr(&f, ip, "10.2.0.2/24"), 0); /* of a network that has its route */
    for (unsigned i = 3; i < NET_ADDRS; i++) {
        prefix.addr = weft_ip4_from_u32(0x0b000000u + i);
        assert_int_equal(net_iface_add_addr(f.net, ip, &prefix), 0);
    }
    assert_int_equal(add_addr(&f, ip, "12.0.0.1/32"), WEFT_E_LIMIT);
    fx_stop(&f);
}

static void knows_its_addresses(void **state)
{
    struct net_fixture f;
    struct weft_addr addr;

    (void)state;
    fx_start(&f, 0);
    addr = FX_US;
    assert_true(net_addr_is_ours(f.net, &addr) && net_addr_is_unicast(f.net, &addr));
    addr = FX_PEER;
    assert_true(!net_addr_is_ours(f.net, &addr) && net_addr_is_unicast(f.net, &addr));
    addr = weft_ip4(127, 1, 2, 3);
    assert_true(net_addr_is_ours(f.net, &addr) && !net_addr_is_unicast(f.net, &addr));
    for (unsigned i = 0; i < 8; i++) {
        static const uint32_t none[] = {0x00000000, 0x00000001, 0x0a4d0000, 0x0a4d00ff,
                                        0xe0000001, 0xefffffff, 0xf0000001, 0xffffffff};

        addr = weft_ip4_from_u32(none[i]);
        assert_false(net_addr_is_ours(f.net, &addr) || net_addr_is_unicast(f.net, &addr));
    }
    assert_int_equal(weft_addr_parse("2001:db8::1", &addr), 0);
    assert_false(net_addr_is_ours(f.net, &addr) || net_addr_is_unicast(f.net, &addr));
    fx_stop(&f);
}

/* --- The queue --- */

static void bounds_the_queue_and_says_how_much_it_takes(void **state)
{
    struct weft_stack_config config = {.tx_queue = 4};
    struct weft_addr peer = FX_PEER;
    struct net_path path = {0};
    struct net_tx tx = fx_tx(FX_PEER);
    struct net_fixture f;
    int tun;

    (void)state;
    fx_start_with(&f, &config);
    assert_int_equal(net_path_room(f.net, &path), 0); /* no way yet */
    tun = fx_add_iface(&f, WEFT_LINK_IP, 0, NULL);
    fx_add_addr(&f, tun, FX_US, 24);
    assert_int_equal(net_path_find(f.net, NULL, &peer, &path), 0);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(net_path_room(f.net, &path), 4 - i);
        assert_int_equal(net_send(f.net, &path, &tx, fx_packet(&f, 20)), 0);
    }
    assert_int_equal(net_path_room(f.net, &path), 0);
    assert_int_equal(net_send(f.net, &path, &tx, fx_packet(&f, 20)), WEFT_E_NOBUFS);
    assert_int_equal(fx_drops(&f, WEFT_DROP_IFACE_QUEUE), 1);
    weft_pkt_free(weft_pktq_pop(net_output_queue(f.net, tun)));
    assert_int_equal(net_path_room(f.net, &path), 1);
    fx_stop(&f);
}

static void numbers_the_frames_of_an_interface(void **state)
{
    struct weft_stack_config config = {0};
    struct weft_trace_record record;
    struct net_fixture f;
    uint8_t junk[20] = {0};
    int tun;

    (void)state;
    fx_start_with(&f, &config);
    tun = fx_add_iface(&f, WEFT_LINK_IP, 0, NULL);
    fx_add_addr(&f, tun, FX_US, 24);
    for (unsigned i = 1; i <= 3; i++) {
        fx_input(&f, tun, junk, sizeof(junk));
        assert_true(fx_traced(&f, WEFT_TRACE_FRAME_IN, &record));
        assert_int_equal(record.iface, tun);
        assert_int_equal(record.arg[0], i);
        assert_int_equal(record.arg[1], 20);
        assert_int_equal(record.arg[2], 1);
        assert_int_equal(fx_send(&f, FX_PEER, 10 * i), 0);
        assert_true(fx_traced(&f, WEFT_TRACE_FRAME_OUT, &record));
        assert_int_equal(record.iface, tun);
        assert_int_equal(record.arg[0], i);
        assert_int_equal(record.arg[1], 20 + 10 * i);
    }
    fx_stop(&f);
}

/* --- Offloads --- */

#define SEGMENT 1000
#define PAYLOAD 3500

/* A TCP super-segment with a partial checksum, as TCP builds it. */
static struct weft_pkt *super_segment(struct net_fixture *f, uint32_t payload)
{
    struct wire_tcp tcp = {.src_port = 80, .dst_port = 1234, .seq = 100, .header_len = WIRE_TCP_LEN};
    struct weft_block *block = weft_block_new(f->pool, WEFT_BLOCK_LARGE);
    struct weft_pkt *pkt = weft_pkt_new(f->pool);
    struct weft_addr us = FX_US, peer = FX_PEER;
    struct writer w;

    assert_true(block && pkt);
    tcp.flags = WIRE_TCP_ACK | WIRE_TCP_PSH;
    tcp.checksum = checksum_fold(checksum_pseudo(&us, &peer, WIRE_PROTO_TCP, WIRE_TCP_LEN + payload));
    w = writer_of(weft_pkt_push(pkt, WIRE_TCP_LEN), WIRE_TCP_LEN);
    wire_tcp_emit(&tcp, &w);
    for (uint32_t i = 0; i < payload; i++)
        block->data[i] = (uint8_t)(i * 7);
    assert_true(weft_pkt_add_slice(pkt, block, 0, payload));
    weft_block_unref(block);
    pkt->l4_off = pkt->csum_start = (uint16_t)weft_pkt_headroom(pkt);
    pkt->csum_offset = WIRE_TCP_CHECKSUM_OFFSET;
    pkt->flags = WEFT_PKT_CSUM_PARTIAL;
    pkt->gso_size = payload > SEGMENT ? SEGMENT : 0;
    pkt->gso_segs = (uint16_t)((payload + SEGMENT - 1) / SEGMENT);
    return pkt;
}

static void expect_segment(struct net_fixture *f, uint32_t seq, uint32_t len, bool is_last)
{
    struct fx_frame frame;
    struct wire_ip4 ip = fx_expect_ip(f, FX_PEER_MAC, &frame);
    struct cursor c = cursor_of(frame.at, frame.left);
    struct wire_tcp tcp;

    assert_int_equal(frame.segs <= 1, 1);
    assert_int_equal(frame.flags & WEFT_PKT_CSUM_PARTIAL, 0);
    assert_int_equal(frame.left, WIRE_TCP_LEN + len);
    assert_int_equal(checksum_finish(checksum_sum(frame.at, frame.left) +
                                     checksum_pseudo(&ip.src, &ip.dst, WIRE_PROTO_TCP, frame.left)),
                     0);
    assert_true(wire_tcp_parse(&c, &tcp));
    assert_int_equal(tcp.seq, 100 + seq);
    assert_int_equal(!!(tcp.flags & WIRE_TCP_PSH), is_last);
    for (uint32_t i = 0; i < len; i++)
        assert_int_equal(c.at[i], (uint8_t)((seq + i) * 7));
}

static void cuts_up_a_super_segment_for_a_link_that_cannot(void **state)
{
    struct net_tx tx = fx_tx(FX_PEER);
    struct weft_trace_record record;
    struct net_fixture f;

    (void)state;
    fx_start(&f, 0);
    fx_resolve_peer(&f);
    assert_int_equal(net_send(f.net, NULL, &tx, super_segment(&f, PAYLOAD)), 0);
    for (unsigned i = 0; i < 4; i++) {
        assert_true(fx_traced(&f, WEFT_TRACE_FRAME_OUT, &record));
        assert_int_equal(record.arg[1], WIRE_ETH_LEN + WIRE_IP4_LEN + WIRE_TCP_LEN + (i < 3 ? SEGMENT : 500));
        assert_int_equal(record.arg[2], 1);
    }
    assert_false(fx_traced(&f, WEFT_TRACE_FRAME_OUT, NULL));
    expect_segment(&f, 0, SEGMENT, false);
    expect_segment(&f, SEGMENT, SEGMENT, false);
    expect_segment(&f, 2 * SEGMENT, SEGMENT, false);
    expect_segment(&f, 3 * SEGMENT, 500, true);
    fx_expect_none(&f);
    fx_stop(&f);
}

static void completes_a_checksum_for_a_link_that_cannot(void **state)
{
    struct net_tx tx = fx_tx(FX_PEER);
    struct net_fixture f;

    (void)state;
    fx_start(&f, 0);
    fx_resolve_peer(&f);
    assert_int_equal(net_send(f.net, NULL, &tx, super_segment(&f, 333)), 0);
    expect_segment(&f, 0, 333, true);
    fx_stop(&f);
}

static void leaves_to_the_link_what_it_can(void **state)
{
    struct net_tx tx = fx_tx(FX_PEER);
    struct weft_trace_record record;
    struct fx_frame frame;
    struct net_fixture f;

    (void)state;
    fx_start(&f, WEFT_LINK_TSO4); /* implies TX_CSUM */
    fx_resolve_peer(&f);
    assert_int_equal(net_send(f.net, NULL, &tx, super_segment(&f, PAYLOAD)), 0);
    assert_true(fx_traced(&f, WEFT_TRACE_FRAME_OUT, &record));
    assert_int_equal(record.arg[1], WIRE_ETH_LEN + WIRE_IP4_LEN + WIRE_TCP_LEN + PAYLOAD);
    assert_int_equal(record.arg[2], 4);
    fx_pop(&f, f.eth, &frame);
    assert_int_equal(frame.len, WIRE_ETH_LEN + WIRE_IP4_LEN + WIRE_TCP_LEN + PAYLOAD);
    assert_int_equal(frame.segs, 4);
    assert_true(frame.flags & WEFT_PKT_CSUM_PARTIAL);
    fx_expect_none(&f);
    fx_stop(&f);
}

static void loses_the_rest_when_the_queue_or_the_pool_is_full(void **state)
{
    struct weft_stack_config config = {.tx_queue = 3};
    struct net_tx tx = fx_tx(FX_PEER);
    struct weft_pktq held = {0};
    struct weft_pkt *pkt, *big;
    struct net_fixture f;
    int tun;

    (void)state;
    fx_start_with(&f, &config);
    tun = fx_add_iface(&f, WEFT_LINK_IP, 0, NULL);
    fx_add_addr(&f, tun, FX_US, 24);
    assert_int_equal(net_send(f.net, NULL, &tx, super_segment(&f, PAYLOAD)), WEFT_E_NOBUFS);
    assert_int_equal(net_output_queue(f.net, tun)->count, 3);
    assert_int_equal(fx_drops(&f, WEFT_DROP_IFACE_QUEUE), 1);
    fx_discard(&f, tun);

    big = super_segment(&f, PAYLOAD);
    while ((pkt = weft_pkt_new(f.pool)))
        weft_pktq_push(&held, pkt);
    weft_pkt_free(weft_pktq_pop(&held));
    assert_int_equal(net_send(f.net, NULL, &tx, big), WEFT_E_NOBUFS);
    assert_int_equal(net_output_queue(f.net, tun)->count, 1);
    assert_int_equal(fx_drops(&f, WEFT_DROP_POOL_EMPTY), 1);
    weft_pktq_purge(&held);
    fx_stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_is_no_interface),
        cmocka_unit_test(chooses_a_mac_address_when_the_link_does_not_care),
        cmocka_unit_test(refuses_what_is_no_hosts_address),
        cmocka_unit_test(bounds_addresses_and_routes),
        cmocka_unit_test(knows_its_addresses),
        cmocka_unit_test(bounds_the_queue_and_says_how_much_it_takes),
        cmocka_unit_test(numbers_the_frames_of_an_interface),
        cmocka_unit_test(cuts_up_a_super_segment_for_a_link_that_cannot),
        cmocka_unit_test(completes_a_checksum_for_a_link_that_cannot),
        cmocka_unit_test(leaves_to_the_link_what_it_can),
        cmocka_unit_test(loses_the_rest_when_the_queue_or_the_pool_is_full),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
