/* SPDX-License-Identifier: MIT */
/* IPv4 headers and the walk over their options. */
#include "support.h"

#include "base/checksum.h"
#include "wire/ip4.h"

/* A header with a router alert option, for a packet of 100 bytes. */
static const uint8_t header[24] = {
    0x46, 0xb9, 0x00, 0x64, 0x12, 0x34, 0x40, 0x00, 0x40, 0x06, 0x7e, 0x06,
    0x0a, 0x4d, 0x00, 0x01, 0x0a, 0x4d, 0x00, 0x02, 0x94, 0x04, 0x00, 0x00,
};

static enum wire_ip4_result parse(const uint8_t *bytes, size_t linear, size_t packet_len,
                                  struct wire_ip4 *out)
{
    /* Memory of the exact size, so that the sanitizer sees a byte too far. */
    uint8_t *exact = malloc(linear ? linear : 1);
    enum wire_ip4_result result;

    memcpy(exact, bytes, linear);
    struct cursor c = cursor_of(exact, linear);
    result = wire_ip4_parse(&c, packet_len, out);
    free(exact);
    return result;
}

static void known_bytes(void **state)
{
    struct cursor c = cursor_of(header, sizeof(header));
    struct wire_ip4 ip;

    (void)state;
    assert_int_equal(wire_ip4_parse(&c, 100, &ip), WIRE_IP4_OK);
    assert_int_equal(cursor_left(&c), 0);
    assert_int_equal(ip.version, 4);
    assert_int_equal(ip.header_len, 24);
    assert_int_equal(ip.tos, 0xb9);
    assert_int_equal(ip.total_len, 100);
    assert_int_equal(ip.id, 0x1234);
    assert_int_equal(ip.flags, WIRE_IP4_DF);
    assert_int_equal(ip.fragment_off, 0);
    assert_int_equal(ip.ttl, 64);
    assert_int_equal(ip.proto, WIRE_PROTO_TCP);
    assert_int_equal(weft_addr_u32(&ip.src), 0x0a4d0001);
    assert_int_equal(weft_addr_u32(&ip.dst), 0x0a4d0002);
    assert_ptr_equal(ip.options, header + 20);
    assert_true(wire_ip4_checksum_ok(header, sizeof(header)));
}

static void fragment_field(void **state)
{
    uint8_t bytes[24];
    struct wire_ip4 ip;

    (void)state;
    memcpy(bytes, header, sizeof(bytes));
    put_be16(bytes + 6, 0x2000 | 185);
    assert_int_equal(parse(bytes, 24, 100, &ip), WIRE_IP4_OK);
    assert_int_equal(ip.flags, WIRE_IP4_MF);
    assert_int_equal(ip.fragment_off, 1480);
    put_be16(bytes + 6, 0x9fff); /* the reserved bit says nothing */
    assert_int_equal(parse(bytes, 24, 100, &ip), WIRE_IP4_OK);
    assert_int_equal(ip.flags, 0);
    assert_int_equal(ip.fragment_off, 65528);
}

static void cut_anywhere(void **state)
{
    struct wire_ip4 ip;

    (void)state;
    for (size_t len = 0; len < sizeof(header); len++)
        assert_int_equal(parse(header, len, 100, &ip), WIRE_IP4_SHORT);
    for (size_t packet_len = 24; packet_len < 100; packet_len++)
        assert_int_equal(parse(header, 24, packet_len, &ip), WIRE_IP4_SHORT);
    assert_int_equal(parse(header, 24, 101, &ip), WIRE_IP4_OK); /* padding of the link */
}

static void illegal_values(void **state)
{
    uint8_t bytes[60] = {0};
    struct wire_ip4 ip;

    (void)state;
    memcpy(bytes, header, sizeof(header));
    for (unsigned version = 0; version < 16; version++) {
        bytes[0] = (uint8_t)(version << 4 | 6);
        assert_int_equal(parse(bytes, 60, 100, &ip), version == 4 ? WIRE_IP4_OK : WIRE_IP4_VERSION);
    }
    for (unsigned ihl = 0; ihl < 16; ihl++) {
        bytes[0] = (uint8_t)(0x40 | ihl);
        assert_int_equal(parse(bytes, 60, 100, &ip), ihl >= 5 ? WIRE_IP4_OK : WIRE_IP4_HEADER);
        if (ihl >= 5)
            assert_int_equal(ip.options != NULL, ihl > 5);
    }
    bytes[0] = 0x46;
    for (uint16_t total = 0; total < 30; total++) {
        put_be16(bytes + 2, total);
        assert_int_equal(parse(bytes, 60, 100, &ip), total >= 24 ? WIRE_IP4_OK : WIRE_IP4_HEADER);
    }
}

static void wrong_checksum_in_every_bit(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < 8 * sizeof(header); bit++) {
        uint8_t bytes[sizeof(header)];

        memcpy(bytes, header, sizeof(bytes));
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_false(wire_ip4_checksum_ok(bytes, sizeof(bytes)));
    }
}

static void parse_emit_parse(void **state)
{
    struct test_rng rng = test_rng_start(__func__);

    (void)state;
    for (unsigned i = 0; i < 5000; i++) {
        uint8_t in[60], out[60];
        size_t len = 20 + 4 * test_rng_below(&rng, 11);
        struct cursor c = cursor_of(in, len);
        struct writer w = writer_of(out, len);
        struct wire_ip4 ip;

        test_rng_bytes(&rng, in, sizeof(in));
        in[0] = (uint8_t)(0x40 | len / 4);
        in[6] &= 0x7f;
        put_be16(in + 2, (uint16_t)test_rng_between(&rng, 60, 65535));
        put_be16(in + 10, 0);
        put_be16(in + 10, checksum_finish(checksum_sum_portable(in, len)));
        assert_int_equal(wire_ip4_parse(&c, 65535, &ip), WIRE_IP4_OK);
        wire_ip4_emit(&ip, ip.header_len - 20u, &w);
        assert_false(w.failed);
        assert_ptr_equal(w.at, out + len);
        assert_memory_equal(in, out, len);
        assert_true(wire_ip4_checksum_ok(out, len));
        w = writer_of(out, len - 1);
        wire_ip4_emit(&ip, ip.header_len - 20u, &w);
        assert_true(w.failed);
    }
}

static void emit_pads_options(void **state)
{
    static const uint8_t options[] = {0x83, 0x07, 0x04, 10, 77, 0, 9};
    struct wire_ip4 ip = {
        .total_len = 28, .ttl = 1, .src = weft_ip4(1, 2, 3, 4), .dst = weft_ip4(5, 6, 7, 8)};
    uint8_t out[32];
    struct writer w = writer_of(out, sizeof(out));

    (void)state;
    memset(out, 0xa5, sizeof(out));
    ip.options = options;
    wire_ip4_emit(&ip, sizeof(options), &w);
    assert_ptr_equal(w.at, out + 28);
    assert_int_equal(out[0], 0x47);
    assert_memory_equal(out + 20, options, sizeof(options));
    assert_int_equal(out[27], 0);
    assert_true(wire_ip4_checksum_ok(out, 28));
    ip.options = NULL;
    w = writer_of(out, sizeof(out));
    wire_ip4_emit(&ip, 9, &w);
    assert_ptr_equal(w.at, out + 20);
    assert_int_equal(out[0], 0x45);
    assert_true(wire_ip4_checksum_ok(out, 20));
}

/* --- Options --- */

static void options_in_order(void **state)
{
    static const uint8_t options[] = {1, 0x94, 4, 0xab, 0xcd, 7, 3, 4, 0, 0x44, 1};
    static const uint8_t types[] = {1, 0x94, 7, 0};
    static const uint8_t lens[] = {1, 4, 3, 1};
    struct cursor c = cursor_of(options, sizeof(options));
    struct wire_ip4_option option;

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(wire_ip4_option_next(&c, &option), 1);
        assert_int_equal(option.type, types[i]);
        assert_int_equal(option.len, lens[i]);
        if (i == 1)
            assert_memory_equal(option.data, "\xab\xcd", 2);
    }
    assert_int_equal(wire_ip4_option_next(&c, &option), 0); /* what follows END is padding */
    assert_int_equal(wire_ip4_option_next(&c, &option), 0);
}

static void impossible_option_lengths(void **state)
{
    (void)state;
    for (unsigned len = 0; len < 256; len++) {
        uint8_t bytes[3] = {WIRE_IP4_OPT_SECURITY, (uint8_t)len, 0};
        struct cursor c = cursor_of(bytes, sizeof(bytes)), cut = cursor_of(bytes, 1);
        struct wire_ip4_option option;

        assert_int_equal(wire_ip4_option_next(&c, &option), len == 2 || len == 3 ? 1 : -1);
        assert_int_equal(wire_ip4_option_next(&cut, &option), -1);
    }
}

/* The walk ends on any input, and never leaves it. */
static void any_options(void **state)
{
    struct test_rng rng = test_rng_start(__func__);

    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        size_t len = test_rng_below(&rng, 41);
        uint8_t *bytes = malloc(len + 1);
        struct cursor c = cursor_of(bytes, len);
        struct wire_ip4_option option;
        unsigned steps = 0;
        int result;

        test_rng_bytes(&rng, bytes, len);
        for (size_t k = 0; k < len; k++)
            bytes[k] = (uint8_t)(bytes[k] % 9);
        while ((result = wire_ip4_option_next(&c, &option)) == 1) {
            assert_true(++steps <= len);
            if (option.data)
                assert_true(option.data >= bytes && option.data + option.len - 2 <= bytes + len);
        }
        assert_true(result == 0 || result == -1);
        free(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_bytes),
        cmocka_unit_test(fragment_field),
        cmocka_unit_test(cut_anywhere),
        cmocka_unit_test(illegal_values),
        cmocka_unit_test(wrong_checksum_in_every_bit),
        cmocka_unit_test(parse_emit_parse),
        cmocka_unit_test(emit_pads_options),
        cmocka_unit_test(options_in_order),
        cmocka_unit_test(impossible_option_lengths),
        cmocka_unit_test(any_options),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
