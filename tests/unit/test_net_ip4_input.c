/* SPDX-License-Identifier: MIT */
/* Every check of a received IPv4 packet, in the order of RFC 1122 3.2.1, and what a transport is handed. */
#include "net_fixture.h"

#define DATA "some data of twenty-four"

/* Sends bytes as an IPv4 frame from the peer. */
static void input(struct net_fixture *f, const uint8_t *bytes, uint32_t len)
{
    fx_input_eth(f, FX_US_MAC, FX_PEER_MAC, WIRE_ETHERTYPE_IP4, bytes, len);
}

/* A good packet in `to`. */
static uint32_t packet(uint8_t *to, size_t size)
{
    struct wire_ip4 ip = fx_ip(FX_PROTO);

    return fx_write_ip(&ip, 0, DATA, 24, to, size);
}

static void fix_checksum(uint8_t *ip)
{
    size_t len = (ip[0] & 15u) * 4;

    put_be16(ip + 10, 0);
    put_be16(ip + 10, checksum_finish(checksum_sum(ip, len)));
}

/* --- Header --- */

static void hands_over_a_good_packet(void **state)
{
    struct weft_addr us = FX_US, peer = FX_PEER;
    struct wire_ip4 ip = fx_ip(FX_PROTO);
    struct net_fixture f;

    (void)state;
    fx_start(&f, 0);
    ip.tos = 0xb9;
    ip.ttl = 1; /* RFC 1122 3.2.1.7 */
    ip.id = 77;
    ip.flags = WIRE_IP4_DF;
    fx_input_ip(&f, &ip, DATA, 24);
    assert_int_equal(f.tcp.packets, 1);
    assert_int_equal(f.tcp.len, 24);
    assert_memory_equal(f.tcp.bytes, DATA, 24);
    assert_true(weft_addr_eq(&f.tcp.rx.src, &peer) && weft_addr_eq(&f.tcp.rx.dst, &us));
    assert_int_equal(f.tcp.rx.iface, f.eth);
    assert_int_equal(f.tcp.rx.proto, FX_PROTO);
    assert_int_equal(f.tcp.rx.tos, 0xb9);
    assert_int_equal(f.tcp.rx.ttl, 1);
    assert_false(f.tcp.rx.dst_is_broadcast);
    assert_int_equal(f.tcp.ip.id, 77);
    assert_int_equal(f.core.stats.count[WEFT_COUNT_IP_IN], 1);
    assert_int_equal(f.core.stats.count[WEFT_COUNT_IP_DELIVERED], 1);
    assert_int_equal(fx_all_drops(&f), 0);
    fx_stop(&f);
}

static void cuts_off_link_padding(void **state)
{
    struct wire_ip4 ip = fx_ip(FX_PROTO);
    struct net_fixture f;
    uint8_t bytes[46] = {0};

    (void)state;
    fx_start(&f, 0);
    for (f.linear = 0; f.linear < 60; f.linear += 30) {
        fx_write_ip(&ip, 0, "x", 1, bytes, sizeof(bytes));
        input(&f, bytes, sizeof(bytes));
        assert_int_equal(f.tcp.len, 1);
        assert_int_equal(f.tcp.bytes[0], 'x');
    }
    assert_int_equal(f.tcp.packets, 2);
    fx_stop(&f);
}

static void drops_what_is_cut_short(void **state)
{
    struct net_fixture f;
    uint8_t bytes[64];
    uint32_t len = packet(bytes, sizeof(bytes));

    (void)state;
    fx_start(&f, 0);
    for (uint32_t n = 0; n < len; n++)
        input(&f, bytes, n);
    assert_int_equal(fx_drops(&f, WEFT_DROP_IP_SHORT), len);
    assert_int_equal(f.tcp.packets, 0);
    fx_stop(&f);
}

/* Any version but 4, any header length but that which the checksum was made for. */
static void drops_wrong_versions_and_lengths(void **state)
{
    struct net_fixture f;
    uint8_t bytes[64];
    uint32_t len = packet(bytes, sizeof(bytes));

    (void)state;
    fx_start(&f, 0);
    for (unsigned version = 0; version < 16; version++) {
        bytes[0] = (uint8_t)(version << 4 | 5);
        fix_checksum(bytes);
        input(&f, bytes, len);
    }
    assert_int_equal(fx_drops(&f, WEFT_DROP_IP_VERSION), 15);
    for (unsigned ihl = 0; ihl < 5; ihl++) {
        bytes[0] = (uint8_t)(4 << 4 | ihl);
        input(&f, bytes, len);
    }
    assert_int_equal(fx_drops(&f, WEFT_DROP_IP_HEADER), 5);
    packet(bytes, sizeof(bytes));
    put_be16(bytes + 2, 19); /* total length below the header's */
    fix_checksum(bytes);
    input(&f, bytes, len);
    assert_int_equal(fx_drops(&f, WEFT_DROP_IP_HEADER), 6);
    bytes[0] = 4 << 4 | 15; /* a header of 60 bytes in a packet of 44 */
    put_be16(bytes + 2, 60);
    input(&f, bytes, len);
    assert_int_equal(fx_drops(&f, WEFT_DROP_IP_SHORT), 1);
    assert_int_equal(f.tcp.packets, 1); /* version 4 */
    fx_stop(&f);
}

static void drops_each_broken_bit_of_a_header(void **state)
{
    struct net_fixture f;
    uint8_t bytes[64];
    uint32_t len = packet(bytes, sizeof(bytes));

    (void)state;
    fx_start(&f, 0);
    for (unsigned bit = 8; bit < 160; bit++) { /* behind version and length */
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        input(&f, bytes, len);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_int_equal(f.tcp.packets, 0);
    assert_int_equal(fx_drops(&f, WEFT_DROP_IP_CHECKSUM) + fx_drops(&f, WEFT_DROP_IP_SHORT) +
                         fx_drops(&f, WEFT_DROP_IP_HEADER),
                     152);
    assert_true(fx_drops(&f, WEFT_DROP_IP_CHECKSUM) > 130);
    fx_stop(&f);
}

/* --- Addresses --- */

static void drops_martian_sources(void **state)
{
    /* none, of network 0, ours, loopback, broadcasts in both forms, multicast, class E, limited
     * broadcast */
    static const uint32_t bad[] = {0x00000000, 0x00000005, 0x0a4d0002, 0x7f000001, 0x0a4d00ff,
                                   0x0a4d0000, 0xe0000001, 0xf1000001, 0xffffffff};
    struct wire_ip4 ip = fx_ip(FX_PROTO);
    struct net_fixture f;

    (void)state;
    fx_start(&f, 0);
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ip.src = weft_ip4_from_u32(bad[i]);
        fx_input_ip(&f, &ip, DATA, 24);
        assert_int_equal(fx_drops(&f, WEFT_DROP_IP_SOURCE), i + 1);
    }
    assert_int_equal(f.tcp.packets, 0);
    fx_expect_none(&f); /* and nobody is told */
    fx_stop(&f);
}

static void drops_destinations_that_are_not_ours(void **state)
{
    static const uint32_t bad[] = {0x0a4d0001, 0x0a4d0003, 0xc0000201, 0x7f000001,
                                   0xe0000002, 0xf1000001, 0x0a4e00ff};
    struct wire_ip4 ip = fx_ip(FX_PROTO);
    struct net_fixture f;

    (void)state;
    fx_start(&f, 0);
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ip.dst = weft_ip4_from_u32(bad[i]);
        fx_input_ip(&f, &ip, DATA, 24);
        assert_int_equal(fx_drops(&f, WEFT_DROP_IP_DESTINATION), i + 1);
    }
    assert_int_equal(f.tcp.packets, 0);
    fx_expect_none(&f);
    fx_stop(&f);
}

/* RFC 1122 3.3.6: all forms, as far as there are no classes any more; and the group of all hosts. */
static void takes_broadcasts_and_says_so(void **state)
{
    static const uint32_t many[] = {0xffffffff, 0x0a4d00ff, 0x0a4d0000, 0x00000000, 0xe0000001};
    struct wire_ip4 ip = fx_ip(FX_PROTO);
    struct net_fixture f;
    uint8_t bytes[64];

    (void)state;
    fx_start(&f, 0);
    for (unsigned i = 0; i < sizeof(many) / sizeof(many[0]); i++) {
        uint32_t len;

        ip.dst = weft_ip4_from_u32(many[i]);
        len = fx_write_ip(&ip, 0, DATA, 24, bytes, sizeof(bytes));
        fx_input_eth(&f, FX_ALL_MAC, FX_PEER_MAC, WIRE_ETHERTYPE_IP4, bytes, len);
        assert_int_equal(f.tcp.packets, i + 1);
        assert_true(f.tcp.rx.dst_is_broadcast);
    }
    fx_stop(&f);
}

/* RFC 1122 3.3.6 SHOULD */
static void drops_unicast_in_a_broadcast_frame(void **state)
{
    struct net_fixture f;
    uint8_t bytes[64];
    uint32_t len = packet(bytes, sizeof(bytes));

    (void)state;
    fx_start(&f, 0);
    fx_input_eth(&f, FX_ALL_MAC, FX_PEER_MAC, WIRE_ETHERTYPE_IP4, bytes, len);
    assert_int_equal(fx_drops(&f, WEFT_DROP_IP_DESTINATION), 1);
    fx_stop(&f);
}

/* The weak model takes a unicast address of any interface, but a broadcast only where it belongs. */
static void knows_the_addresses_of_other_interfaces(void **state)
{
    struct wire_ip4 ip = fx_ip(FX_PROTO);
    struct net_fixture f;
    int tun;

    (void)state;
    fx_start(&f, 0);
    tun = fx_add_iface(&f, WEFT_LINK_IP, 0, NULL);
    fx_add_addr(&f, tun, weft_ip4(10, 88, 0, 2), 24);
    ip.dst = weft_ip4(10, 88, 0, 2);
    fx_input_ip(&f, &ip, DATA, 24);
    assert_int_equal(f.tcp.packets, 1);
    ip.dst = weft_ip4(10, 88, 0, 255);
    fx_input_ip(&f, &ip, DATA, 24);
    assert_int_equal(fx_drops(&f, WEFT_DROP_IP_DESTINATION), 1);
    ip = fx_ip(FX_PROTO);
    ip.src = weft_ip4(10, 88, 0, 255); /* as a source it is no host's on any interface */
    fx_input_ip(&f, &ip, DATA, 24);
    assert_int_equal(fx_drops(&f, WEFT_DROP_IP_SOURCE), 1);
    fx_stop(&f);
}

static void has_no_broadcast_on_networks_of_two(void **state)
{
    struct wire_ip4 ip = fx_ip(FX_PROTO);
    struct net_fixture f;

    (void)state;
    fx_start(&f, 0);
    fx_add_addr(&f, f.eth, weft_ip4(10, 99, 0, 1), 31);
    ip.src = weft_ip4(10, 99, 0, 0);
    ip.dst = weft_ip4(10, 99, 0, 1);
    fx_input_ip(&f, &ip, DATA, 24);
    assert_int_equal(f.tcp.packets, 1);
    assert_false(f.tcp.rx.dst_is_broadcast);
    fx_stop(&f);
}

/* --- Fragments, protocols --- */

static void drops_fragments(void **state)
{
    struct wire_ip4 ip = fx_ip(FX_PROTO);
    struct net_fixture f;

    (void)state;
    fx_start(&f, 0);
    ip.flags = WIRE_IP4_MF;
    fx_input_ip(&f, &ip, DATA, 24);
    ip.fragment_off = 8;
    fx_input_ip(&f, &ip, DATA, 24);
    ip.flags = 0;
    fx_input_ip(&f, &ip, DATA, 24);
    assert_int_equal(fx_drops(&f, WEFT_DROP_IP_FRAGMENT), 3);
    fx_expect_none(&f);
    fx_stop(&f);
}

static void reports_protocols_that_nobody_speaks(void **state)
{
    struct wire_ip4 ip = fx_ip(99);
    struct wire_icmp4 icmp;
    struct fx_frame frame;
    struct net_fixture f;

    (void)state;
    fx_start(&f, 0);
    fx_resolve_peer(&f);
    fx_input_ip(&f, &ip, DATA, 24);
    assert_int_equal(fx_drops(&f, WEFT_DROP_IP_PROTOCOL), 1);
    icmp = fx_expect_icmp(&f, &ip, &frame);
    assert_int_equal(icmp.type, WIRE_ICMP4_UNREACHABLE);
    assert_int_equal(icmp.code, WIRE_ICMP4_PROTOCOL_UNREACHABLE);
    ip = fx_ip(99);
    ip.dst = weft_ip4(10, 77, 0, 255);
    fx_input_ip(&f, &ip, DATA, 24);
    assert_int_equal(fx_drops(&f, WEFT_DROP_IP_PROTOCOL), 2);
    fx_expect_none(&f);
    fx_stop(&f);
}

/* --- Options --- */

struct option_case {
    const char *name;
    uint8_t bytes[12];
    uint8_t len;
    int type, code, pointer; /* of the report; type -1: the packet is handed over */
};

static const struct option_case option_cases[] = {
    {"none but padding", {1, 1, 1, 0}, 4, -1, 0, 0},
    {"end of list hides the rest", {0, 131, 1, 0}, 4, -1, 0, 0},
    {"unknown", {0x5e, 4, 1, 2}, 4, -1, 0, 0},
    {"stream identifier, obsolete", {136, 4, 0, 1}, 4, -1, 0, 0},
    {"router alert", {148, 4, 0, 0}, 4, -1, 0, 0},
    {"record of the route", {7, 7, 4, 0, 0, 0, 0, 0}, 8, -1, 0, 0},
    {"a source route that ends here", {131, 7, 8, 192, 0, 2, 9, 0}, 8, -1, 0, 0},
    {"strict, ends here", {137, 3, 4, 0}, 4, -1, 0, 0},
    {"a source route that goes on", {131, 7, 4, 192, 0, 2, 9, 0}, 8, 3, 5, 0},
    {"strict, goes on", {1, 137, 7, 4, 192, 0, 2, 9}, 8, 3, 5, 0},
    {"a pointer into the last address", {131, 7, 7, 192, 0, 2, 9, 0}, 8, 3, 5, 0},
    {"length 0", {0x5e, 0, 0, 0}, 4, 12, 0, 20},
    {"length 1", {1, 0x5e, 1, 0}, 4, 12, 0, 21},
    {"beyond the header", {1, 1, 0x5e, 3}, 4, 12, 0, 22},
    {"no length at all", {1, 1, 1, 0x5e}, 4, 12, 0, 23},
    {"a source route without a pointer", {131, 2, 9, 2}, 4, 12, 0, 20},
    {"with a pointer to itself", {131, 7, 3, 192, 0, 2, 9, 0}, 8, 12, 0, 20},
    {"a record without a pointer", {1, 7, 2, 0}, 4, 12, 0, 21},
    {"a timestamp without flags", {68, 3, 5, 0}, 4, 12, 0, 20},
    {"a timestamp", {68, 8, 5, 0, 0, 0, 0, 0}, 8, -1, 0, 0},
};

static void checks_options(void **state)
{
    struct net_fixture f;

    (void)state;
    fx_start(&f, 0);
    fx_resolve_peer(&f);
    for (unsigned i = 0; i < sizeof(option_cases) / sizeof(option_cases[0]); i++) {
        const struct option_case *t = &option_cases[i];
        struct wire_ip4 ip = fx_ip(FX_PROTO);
        unsigned packets = f.tcp.packets;
        uint64_t drops = fx_drops(&f, WEFT_DROP_IP_OPTIONS);
        struct wire_icmp4 icmp;
        struct fx_frame frame;
        uint8_t bytes[128];

        print_message("  %s\n", t->name);
        ip.options = t->bytes;
        f.linear = i % 2 ? 37 : 0;
        input(&f, bytes, fx_write_ip(&ip, t->len, DATA, 24, bytes, sizeof(bytes)));
        assert_int_equal(f.tcp.packets, packets + (t->type < 0));
        assert_int_equal(fx_drops(&f, WEFT_DROP_IP_OPTIONS), drops + (t->type >= 0));
        if (t->type < 0) {
            /* RFC 1122 3.2.1.8: all options are there for the transport */
            assert_int_equal(f.tcp.ip.header_len, 20 + t->len);
            assert_memory_equal(f.tcp.bytes, DATA, 24);
            continue;
        }
        icmp = fx_expect_icmp(&f, &ip, &frame);
        assert_int_equal(icmp.type, t->type);
        assert_int_equal(icmp.code, t->code);
        assert_int_equal(icmp.pointer, t->pointer);
        assert_memory_equal(frame.at, bytes, frame.left);
    }
    fx_expect_none(&f);
    fx_stop(&f);
}

/* --- Everything --- */

/* Random and mutated headers: nothing but what is right gets through, and nothing is kept. */
static void lets_no_garbage_through(void **state)
{
    struct test_rng rng = test_rng_start("lets_no_garbage_through");
    struct net_fixture f;

    (void)state;
    fx_start(&f, 0);
    for (unsigned i = 0; i < 20000; i++) {
        uint8_t bytes[80];
        uint32_t len = packet(bytes, sizeof(bytes));

        f.linear = test_rng_below(&rng, 40);
        for (unsigned n = test_rng_below(&rng, 4); n > 0; n--)
            bytes[test_rng_below(&rng, 20)] = (uint8_t)test_rng_u32(&rng);
        if (test_rng_below(&rng, 2))
            fix_checksum(bytes);
        input(&f, bytes, test_rng_below(&rng, 8) ? len : test_rng_below(&rng, len));
        fx_discard(&f, f.eth);
        fx_advance(&f, WEFT_MSEC);
    }
    assert_true(f.tcp.packets > 1000);
    fx_stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hands_over_a_good_packet),
        cmocka_unit_test(cuts_off_link_padding),
        cmocka_unit_test(drops_what_is_cut_short),
        cmocka_unit_test(drops_wrong_versions_and_lengths),
        cmocka_unit_test(drops_each_broken_bit_of_a_header),
        cmocka_unit_test(drops_martian_sources),
        cmocka_unit_test(drops_destinations_that_are_not_ours),
        cmocka_unit_test(takes_broadcasts_and_says_so),
        cmocka_unit_test(drops_unicast_in_a_broadcast_frame),
        cmocka_unit_test(knows_the_addresses_of_other_interfaces),
        cmocka_unit_test(has_no_broadcast_on_networks_of_two),
        cmocka_unit_test(drops_fragments),
        cmocka_unit_test(reports_protocols_that_nobody_speaks),
        cmocka_unit_test(checks_options),
        cmocka_unit_test(lets_no_garbage_through),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
