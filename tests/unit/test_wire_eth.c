/* SPDX-License-Identifier: MIT */
/* Ethernet headers with and without an 802.1Q tag. */
#include "support.h"

#include "wire/eth.h"

static const uint8_t plain[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02, 0, 0, 0, 0, 1, 0x08, 0x06, 0xaa};
static const uint8_t tagged[] = {0x33, 0x33, 0,    0,    0,    1,    0x02, 0,    0,   0,
                                 0,    2,    0x81, 0x00, 0x60, 0x64, 0x86, 0xdd, 0xbb};

static void known_bytes(void **state)
{
    struct cursor c = cursor_of(plain, sizeof(plain));
    struct wire_eth eth;

    (void)state;
    assert_true(wire_eth_parse(&c, &eth));
    assert_true(wire_mac_is_broadcast(&eth.dst));
    assert_true(wire_mac_is_multicast(&eth.dst));
    assert_memory_equal(eth.src.b, plain + 6, 6);
    assert_int_equal(eth.type, WIRE_ETHERTYPE_ARP);
    assert_false(eth.has_vlan);
    assert_int_equal(wire_eth_len(&eth), 14);
    assert_int_equal(cursor_u8(&c), 0xaa);

    c = cursor_of(tagged, sizeof(tagged));
    assert_true(wire_eth_parse(&c, &eth));
    assert_false(wire_mac_is_broadcast(&eth.dst));
    assert_true(wire_mac_is_multicast(&eth.dst));
    assert_false(wire_mac_is_multicast(&eth.src));
    assert_true(eth.has_vlan);
    assert_int_equal(eth.vlan_tci, 0x6064);
    assert_int_equal(eth.type, WIRE_ETHERTYPE_IP6);
    assert_int_equal(wire_eth_len(&eth), 18);
    assert_int_equal(cursor_u8(&c), 0xbb);
}

static void cut_anywhere(void **state)
{
    struct wire_eth eth;

    (void)state;
    for (size_t len = 0; len <= sizeof(plain); len++) {
        struct cursor c = cursor_of(plain, len);

        assert_int_equal(wire_eth_parse(&c, &eth), len >= 14);
    }
    for (size_t len = 0; len <= sizeof(tagged); len++) {
        struct cursor c = cursor_of(tagged, len);

        assert_int_equal(wire_eth_parse(&c, &eth), len >= 18);
    }
}

/* No value is illegal in itself: any type, any tag, and a tag in a tag is the payload's business. */
static void any_value_is_legal(void **state)
{
    uint8_t bytes[22];
    struct wire_eth eth;

    (void)state;
    memset(bytes, 0, sizeof(bytes));
    for (unsigned type = 0; type <= 0xffff; type += 0x55) {
        struct cursor c = cursor_of(bytes, sizeof(bytes));

        put_be16(bytes + 12, (uint16_t)type);
        assert_true(wire_eth_parse(&c, &eth));
        assert_int_equal(eth.has_vlan, type == WIRE_ETHERTYPE_VLAN);
    }
    put_be16(bytes + 12, WIRE_ETHERTYPE_VLAN);
    put_be16(bytes + 16, WIRE_ETHERTYPE_VLAN);
    struct cursor c = cursor_of(bytes, sizeof(bytes));
    assert_true(wire_eth_parse(&c, &eth));
    assert_int_equal(eth.type, WIRE_ETHERTYPE_VLAN);
    assert_int_equal(cursor_left(&c), 4);
}

static void parse_emit_parse(void **state)
{
    struct test_rng rng = test_rng_start(__func__);

    (void)state;
    for (unsigned i = 0; i < 5000; i++) {
        uint8_t in[18], out[18];
        struct cursor c = cursor_of(in, sizeof(in));
        struct writer w;
        struct wire_eth eth;

        test_rng_bytes(&rng, in, sizeof(in));
        if (i % 2)
            put_be16(in + 12, WIRE_ETHERTYPE_VLAN);
        assert_true(wire_eth_parse(&c, &eth));
        w = writer_of(out, wire_eth_len(&eth));
        wire_eth_emit(&eth, &w);
        assert_false(w.failed);
        assert_ptr_equal(w.at, w.end);
        assert_memory_equal(in, out, wire_eth_len(&eth));
        w = writer_of(out, wire_eth_len(&eth) - 1);
        wire_eth_emit(&eth, &w);
        assert_true(w.failed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_bytes),
        cmocka_unit_test(cut_anywhere),
        cmocka_unit_test(any_value_is_legal),
        cmocka_unit_test(parse_emit_parse),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
