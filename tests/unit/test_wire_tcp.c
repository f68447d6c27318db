/* SPDX-License-Identifier: MIT */
/* The fixed TCP header. */
#include "support.h"

#include "wire/tcp.h"

static const uint8_t header[24] = {
    0x9c, 0x40, 0x00, 0x50, 0x01, 0x02, 0x03, 0x04, 0xa1, 0xa2, 0xa3, 0xa4,
    0x61, 0x12, 0xfa, 0xf0, 0xbe, 0xef, 0x00, 0x05, 0x02, 0x04, 0x05, 0xb4,
};

static void known_bytes(void **state)
{
    struct cursor c = cursor_of(header, sizeof(header));
    struct wire_tcp tcp;

    (void)state;
    assert_true(wire_tcp_parse(&c, &tcp));
    assert_int_equal(tcp.src_port, 40000);
    assert_int_equal(tcp.dst_port, 80);
    assert_int_equal(tcp.seq, 0x01020304);
    assert_int_equal(tcp.ack, 0xa1a2a3a4);
    assert_int_equal(tcp.header_len, 24);
    assert_int_equal(tcp.flags, WIRE_TCP_AE | WIRE_TCP_ACK | WIRE_TCP_SYN);
    assert_int_equal(tcp.window, 64240);
    assert_int_equal(tcp.checksum, 0xbeef);
    assert_int_equal(tcp.urgent, 5);
    assert_ptr_equal(tcp.options, header + 20);
    assert_int_equal(cursor_left(&c), 0);
}

static void cut_anywhere(void **state)
{
    struct wire_tcp tcp;

    (void)state;
    for (size_t len = 0; len < sizeof(header); len++) {
        struct cursor c = cursor_of(header, len);

        assert_false(wire_tcp_parse(&c, &tcp));
    }
}

static void illegal_data_offsets(void **state)
{
    (void)state;
    for (unsigned offset = 0; offset < 16; offset++)
        for (size_t len = 20; len <= 60; len++) {
            uint8_t bytes[60] = {0};
            struct cursor c = cursor_of(bytes, len);
            struct wire_tcp tcp;
            bool is_legal = offset >= 5 && offset * 4 <= len;

            bytes[12] = (uint8_t)(offset << 4);
            assert_int_equal(wire_tcp_parse(&c, &tcp), is_legal);
            if (!is_legal)
                continue;
            assert_int_equal(cursor_left(&c), len - offset * 4);
            assert_int_equal(tcp.options != NULL, offset > 5);
        }
}

/* RFC 9293 3.1: reserved bits are ignored on input and zero on output. */
static void reserved_bits_are_ignored(void **state)
{
    uint8_t bytes[20] = {0};
    struct cursor c = cursor_of(bytes, sizeof(bytes));
    struct writer w = writer_of(bytes, sizeof(bytes));
    struct wire_tcp tcp;

    (void)state;
    bytes[12] = 0x5f;
    bytes[13] = 0xff;
    assert_true(wire_tcp_parse(&c, &tcp));
    assert_int_equal(tcp.flags, 0x1ff);
    tcp.flags = 0xffff;
    wire_tcp_emit(&tcp, &w);
    assert_int_equal(bytes[12], 0x51);
    assert_int_equal(bytes[13], 0xff);
}

static void parse_emit_parse(void **state)
{
    struct test_rng rng = test_rng_start(__func__);

    (void)state;
    for (unsigned i = 0; i < 5000; i++) {
        uint8_t in[60], out[60];
        size_t options_len = 4 * test_rng_below(&rng, 11);
        struct cursor c = cursor_of(in, 20 + options_len);
        struct writer w = writer_of(out, 20 + options_len);
        struct wire_tcp tcp;

        test_rng_bytes(&rng, in, sizeof(in));
        in[12] = (uint8_t)((5 + options_len / 4) << 4 | (in[12] & 1));
        assert_true(wire_tcp_parse(&c, &tcp));
        wire_tcp_emit(&tcp, &w);
        assert_ptr_equal(w.at, out + 20);
        writer_bytes(&w, tcp.options, options_len);
        assert_false(w.failed);
        assert_memory_equal(in, out, 20 + options_len);
        w = writer_of(out, test_rng_below(&rng, 20));
        wire_tcp_emit(&tcp, &w);
        assert_true(w.failed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_bytes),          cmocka_unit_test(cut_anywhere),
        cmocka_unit_test(illegal_data_offsets), cmocka_unit_test(reserved_bits_are_ignored),
        cmocka_unit_test(parse_emit_parse),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
