/* SPDX-License-Identifier: MIT */
/* ARP packets for IPv4 over Ethernet. */
#include "support.h"

#include "wire/arp.h"

static const uint8_t request[WIRE_ARP_LEN] = {
    0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 10, 77, 0, 1, 0, 0, 0, 0, 0, 0, 10, 77, 0, 2,
};

static void known_bytes(void **state)
{
    struct cursor c = cursor_of(request, sizeof(request));
    struct wire_arp arp;

    (void)state;
    assert_true(wire_arp_parse(&c, &arp));
    assert_int_equal(arp.op, WIRE_ARP_REQUEST);
    assert_memory_equal(arp.sender_mac.b, request + 8, 6);
    assert_int_equal(weft_addr_u32(&arp.sender_ip), 0x0a4d0001);
    assert_true(weft_addr_is_ip4(&arp.sender_ip));
    assert_memory_equal(arp.target_mac.b, request + 18, 6);
    assert_int_equal(weft_addr_u32(&arp.target_ip), 0x0a4d0002);
    assert_true(weft_addr_is_ip4(&arp.target_ip));
}

static void cut_anywhere(void **state)
{
    struct wire_arp arp;

    (void)state;
    for (size_t len = 0; len < sizeof(request); len++) {
        struct cursor c = cursor_of(request, len);

        assert_false(wire_arp_parse(&c, &arp));
    }
}

/* Each byte of hardware type, protocol type and lengths has one legal value; the operation has any. */
static void illegal_values(void **state)
{
    struct wire_arp arp;

    (void)state;
    for (unsigned at = 0; at < 8; at++)
        for (unsigned value = 0; value < 256; value++) {
            uint8_t bytes[WIRE_ARP_LEN];
            struct cursor c = cursor_of(bytes, sizeof(bytes));

            memcpy(bytes, request, sizeof(bytes));
            bytes[at] = (uint8_t)value;
            assert_int_equal(wire_arp_parse(&c, &arp), at >= 6 || value == request[at]);
        }
}

static void parse_emit_parse(void **state)
{
    struct test_rng rng = test_rng_start(__func__);

    (void)state;
    for (unsigned i = 0; i < 5000; i++) {
        uint8_t in[WIRE_ARP_LEN], out[WIRE_ARP_LEN];
        struct cursor c = cursor_of(in, sizeof(in));
        struct writer w = writer_of(out, sizeof(out));
        struct wire_arp arp;

        test_rng_bytes(&rng, in, sizeof(in));
        memcpy(in, request, 6);
        assert_true(wire_arp_parse(&c, &arp));
        wire_arp_emit(&arp, &w);
        assert_false(w.failed);
        assert_memory_equal(in, out, sizeof(in));
        w = writer_of(out, test_rng_below(&rng, sizeof(out)));
        wire_arp_emit(&arp, &w);
        assert_true(w.failed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_bytes),
        cmocka_unit_test(cut_anywhere),
        cmocka_unit_test(illegal_values),
        cmocka_unit_test(parse_emit_parse),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
