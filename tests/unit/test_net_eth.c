/* SPDX-License-Identifier: MIT */
/* Ethernet frames in, and links without Ethernet. */
#include "net_fixture.h"

#define MULTICAST_MAC ((struct weft_mac){{1, 0, 0x5e, 0, 0, 1}})
#define OTHER_MAC     ((struct weft_mac){{2, 0, 0, 0, 0, 9}})

/* A TCP packet to us in `to`; returns its length. */
static uint32_t packet(uint8_t *to, size_t size)
{
    struct wire_ip4 ip = fx_ip(FX_PROTO);

    return fx_write_ip(&ip, 0, "twenty bytes of data", 20, to, size);
}

static void takes_frames_for_us(void **state)
{
    struct net_fixture f;
    uint8_t ip[64];
    uint32_t len = packet(ip, sizeof(ip));

    (void)state;
    fx_start(&f, 0);
    fx_input_eth(&f, FX_US_MAC, FX_PEER_MAC, WIRE_ETHERTYPE_IP4, ip, len);
    assert_int_equal(f.tcp.packets, 1);
    assert_int_equal(f.tcp.len, 20);
    assert_memory_equal(f.tcp.bytes, "twenty bytes of data", 20);
    assert_int_equal(f.tcp.rx.iface, f.eth);
    fx_stop(&f);
}

/* 802.1Q: a tag for the priority alone is no VLAN. */
static void takes_a_priority_tag_and_no_vlan(void **state)
{
    struct wire_eth eth = {FX_US_MAC, FX_PEER_MAC, WIRE_ETHERTYPE_IP4, true, 0xe000};
    struct net_fixture f;
    uint8_t frame[128];

    (void)state;
    fx_start(&f, 0);
    for (unsigned vlan = 0; vlan < 2; vlan++) {
        struct writer w = writer_of(frame, sizeof(frame));

        eth.vlan_tci = (uint16_t)(0xe000 | vlan);
        wire_eth_emit(&eth, &w);
        fx_input(&f, f.eth, frame, WIRE_ETH_LEN + WIRE_ETH_VLAN_LEN + packet(w.at, 64));
        assert_int_equal(f.tcp.packets, 1);
        assert_int_equal(fx_drops(&f, WEFT_DROP_ETH_TYPE), vlan);
    }
    fx_stop(&f);
}

static void drops_frames_that_are_not_for_us(void **state)
{
    struct net_fixture f;
    uint8_t ip[64];
    uint32_t len = packet(ip, sizeof(ip));

    (void)state;
    fx_start(&f, 0);
    fx_input_eth(&f, OTHER_MAC, FX_PEER_MAC, WIRE_ETHERTYPE_IP4, ip, len);
    assert_int_equal(fx_drops(&f, WEFT_DROP_ETH_NOT_OURS), 1);
    fx_input_eth(&f, FX_US_MAC, FX_PEER_MAC, WIRE_ETHERTYPE_IP6, ip, len);
    assert_int_equal(fx_drops(&f, WEFT_DROP_ETH_TYPE), 1);
    fx_input_eth(&f, FX_US_MAC, FX_PEER_MAC, (uint16_t)len, ip, len); /* RFC 1042: a length */
    assert_int_equal(fx_drops(&f, WEFT_DROP_ETH_TYPE), 2);
    assert_int_equal(f.tcp.packets, 0);
    assert_int_equal(fx_all_drops(&f), 3);
    fx_stop(&f);
}

static void drops_what_is_cut_short(void **state)
{
    uint8_t frame[18] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x81, 0, 0, 0, 8, 0};
    struct net_fixture f;

    (void)state;
    fx_start(&f, 0);
    for (uint32_t len = 0; len < 18; len++)
        fx_input(&f, f.eth, frame, len);
    assert_int_equal(fx_drops(&f, WEFT_DROP_ETH_SHORT), 18);
    fx_stop(&f);
}

static void marks_what_was_sent_to_many(void **state)
{
    struct wire_ip4 ip = fx_ip(FX_PROTO);
    struct net_fixture f;
    uint8_t bytes[64];
    uint32_t len;

    (void)state;
    fx_start(&f, 0);
    ip.dst = weft_ip4(255, 255, 255, 255);
    len = fx_write_ip(&ip, 0, "data", 4, bytes, sizeof(bytes));
    fx_input_eth(&f, FX_ALL_MAC, FX_PEER_MAC, WIRE_ETHERTYPE_IP4, bytes, len);
    assert_int_equal(f.tcp.packets, 1);
    assert_int_equal(f.tcp.flags & (WEFT_PKT_LL_BROADCAST | WEFT_PKT_LL_MULTICAST), WEFT_PKT_LL_BROADCAST);
    fx_input_eth(&f, MULTICAST_MAC, FX_PEER_MAC, WIRE_ETHERTYPE_IP4, bytes, len);
    assert_int_equal(f.tcp.packets, 2);
    assert_int_equal(f.tcp.flags & (WEFT_PKT_LL_BROADCAST | WEFT_PKT_LL_MULTICAST), WEFT_PKT_LL_MULTICAST);
    fx_stop(&f);
}

/* Marks that a packet brings from elsewhere do not count. */
static void marks_nothing_else(void **state)
{
    struct net_fixture f;
    uint8_t ip[64];
    uint32_t len = packet(ip, sizeof(ip));
    struct weft_pkt *pkt;
    struct writer w;

    (void)state;
    fx_start(&f, 0);
    pkt = weft_pkt_new_rx(f.pool, 32);
    w = writer_of(weft_pkt_put(pkt, WIRE_ETH_LEN + len), WIRE_ETH_LEN + len);
    wire_eth_emit(&(struct wire_eth){FX_US_MAC, FX_PEER_MAC, WIRE_ETHERTYPE_IP4, false, 0}, &w);
    writer_bytes(&w, ip, len);
    pkt->flags = WEFT_PKT_LL_BROADCAST | WEFT_PKT_LL_MULTICAST | WEFT_PKT_CSUM_GOOD;
    net_input(f.net, f.eth, pkt);
    assert_int_equal(f.tcp.packets, 1);
    assert_int_equal(f.tcp.flags, WEFT_PKT_CSUM_GOOD);
    fx_stop(&f);
}

/* Links may deliver a frame in pieces, cut anywhere. */
static void reads_headers_in_pieces(void **state)
{
    struct net_fixture f;
    uint8_t ip[64];
    uint32_t len = packet(ip, sizeof(ip));

    (void)state;
    fx_start(&f, 0);
    for (f.linear = 1; f.linear < WIRE_ETH_LEN + len; f.linear++) {
        f.tcp.packets = 0;
        fx_input_eth(&f, FX_US_MAC, FX_PEER_MAC, WIRE_ETHERTYPE_IP4, ip, len);
        assert_int_equal(f.tcp.packets, 1);
        assert_int_equal(f.tcp.len, 20);
        assert_memory_equal(f.tcp.bytes, "twenty bytes of data", 20);
    }
    fx_stop(&f);
}

static void works_without_ethernet(void **state)
{
    struct weft_stack_config config = {0};
    struct weft_addr far = FX_FAR;
    struct fx_frame frame;
    struct net_fixture f;
    uint8_t bytes[64];
    struct wire_ip4 ip;
    struct cursor c;
    int tun;

    (void)state;
    fx_start_with(&f, &config);
    tun = fx_add_iface(&f, WEFT_LINK_IP, 0, NULL);
    fx_add_addr(&f, tun, FX_US, 24);
    fx_add_default(&f, FX_PEER, 0);
    assert_int_equal(net_output_queue(f.net, tun)->count, 0); /* nothing to announce */
    fx_input(&f, tun, bytes, packet(bytes, sizeof(bytes)));
    assert_int_equal(f.tcp.packets, 1);
    assert_int_equal(fx_send(&f, far, 30), 0);
    fx_pop(&f, tun, &frame);
    c = cursor_of(frame.bytes, frame.len);
    assert_int_equal(wire_ip4_parse(&c, frame.len, &ip), WIRE_IP4_OK);
    assert_true(weft_addr_eq(&ip.dst, &far));
    bytes[0] = 0x60; /* IPv6 */
    fx_input(&f, tun, bytes, 40);
    assert_int_equal(fx_drops(&f, WEFT_DROP_IP_VERSION), 1);
    assert_true(wheel_next(&f.core.wheel) == WEFT_TIME_NEVER);
    fx_stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_frames_for_us),
        cmocka_unit_test(takes_a_priority_tag_and_no_vlan),
        cmocka_unit_test(drops_frames_that_are_not_for_us),
        cmocka_unit_test(drops_what_is_cut_short),
        cmocka_unit_test(marks_what_was_sent_to_many),
        cmocka_unit_test(marks_nothing_else),
        cmocka_unit_test(reads_headers_in_pieces),
        cmocka_unit_test(works_without_ethernet),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
