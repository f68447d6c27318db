/* SPDX-License-Identifier: MIT */
/* UDP headers. */
#include "support.h"

#include "wire/udp.h"

static const uint8_t header[WIRE_UDP_LEN] = {0xc0, 0x00, 0x00, 0x35, 0x00, 0x1d, 0xbe, 0xef};

static void known_bytes(void **state)
{
    struct cursor c = cursor_of(header, sizeof(header));
    struct wire_udp udp;

    (void)state;
    assert_true(wire_udp_parse(&c, 29, &udp));
    assert_int_equal(udp.src_port, 49152);
    assert_int_equal(udp.dst_port, 53);
    assert_int_equal(udp.len, 29);
    assert_int_equal(udp.checksum, 0xbeef);
    assert_int_equal(cursor_left(&c), 0);
}

static void cut_anywhere(void **state)
{
    struct wire_udp udp;

    (void)state;
    for (size_t len = 0; len < sizeof(header); len++) {
        struct cursor c = cursor_of(header, len);

        assert_false(wire_udp_parse(&c, 29, &udp));
    }
}

static void illegal_lengths(void **state)
{
    (void)state;
    for (unsigned len = 0; len <= 0xffff; len++) {
        uint8_t bytes[WIRE_UDP_LEN] = {0};
        struct cursor c = cursor_of(bytes, sizeof(bytes));
        struct wire_udp udp;

        put_be16(bytes + 4, (uint16_t)len);
        assert_int_equal(wire_udp_parse(&c, 1480, &udp), len >= 8 && len <= 1480);
    }
}

static void parse_emit_parse(void **state)
{
    struct test_rng rng = test_rng_start(__func__);

    (void)state;
    for (unsigned i = 0; i < 5000; i++) {
        uint8_t in[WIRE_UDP_LEN], out[WIRE_UDP_LEN];
        struct cursor c = cursor_of(in, sizeof(in));
        struct writer w = writer_of(out, sizeof(out));
        struct wire_udp udp;

        test_rng_bytes(&rng, in, sizeof(in));
        in[4] |= 1;
        assert_true(wire_udp_parse(&c, 65535, &udp));
        wire_udp_emit(&udp, &w);
        assert_false(w.failed);
        assert_memory_equal(in, out, sizeof(in));
        w = writer_of(out, test_rng_below(&rng, sizeof(out)));
        wire_udp_emit(&udp, &w);
        assert_true(w.failed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_bytes),
        cmocka_unit_test(cut_anywhere),
        cmocka_unit_test(illegal_lengths),
        cmocka_unit_test(parse_emit_parse),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
