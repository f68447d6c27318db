/* SPDX-License-Identifier: MIT */
/* ICMP messages: the second four bytes by type. */
#include "support.h"

#include "wire/icmp4.h"

static struct wire_icmp4 parse(const uint8_t bytes[8])
{
    struct cursor c = cursor_of(bytes, 8);
    struct wire_icmp4 icmp;

    assert_true(wire_icmp4_parse(&c, &icmp));
    assert_int_equal(cursor_left(&c), 0);
    return icmp;
}

static void known_bytes(void **state)
{
    struct wire_icmp4 icmp;

    (void)state;
    icmp = parse((const uint8_t[]){8, 0, 0xf7, 0xca, 0x00, 0x2a, 0x00, 0x07});
    assert_int_equal(icmp.type, WIRE_ICMP4_ECHO);
    assert_int_equal(icmp.checksum, 0xf7ca);
    assert_int_equal(icmp.id, 42);
    assert_int_equal(icmp.seq, 7);
    icmp = parse((const uint8_t[]){3, 4, 0, 0, 0, 0, 0x05, 0xd4});
    assert_int_equal(icmp.type, WIRE_ICMP4_UNREACHABLE);
    assert_int_equal(icmp.code, WIRE_ICMP4_FRAGMENTATION_NEEDED);
    assert_int_equal(icmp.mtu, 1492);
    assert_int_equal(icmp.id, 0);
    icmp = parse((const uint8_t[]){3, 3, 0, 0, 0, 8, 0x05, 0xd4}); /* RFC 4884: 8 words of quote; no MTU */
    assert_int_equal(icmp.mtu, 0);
    icmp = parse((const uint8_t[]){5, 1, 0, 0, 10, 0, 0, 254});
    assert_int_equal(weft_addr_u32(&icmp.gateway), 0x0a0000fe);
    assert_true(weft_addr_is_ip4(&icmp.gateway));
    icmp = parse((const uint8_t[]){12, 0, 0, 0, 20, 1, 2, 3});
    assert_int_equal(icmp.pointer, 20);
    icmp = parse((const uint8_t[]){11, 0, 0, 0, 1, 2, 3, 4});
    assert_int_equal(icmp.id | icmp.seq | icmp.mtu | icmp.pointer, 0);
}

static void cut_anywhere(void **state)
{
    (void)state;
    for (unsigned type = 0; type < 256; type++)
        for (size_t len = 0; len < 8; len++) {
            uint8_t bytes[8] = {(uint8_t)type};
            struct cursor c = cursor_of(bytes, len);
            struct wire_icmp4 icmp;

            assert_false(wire_icmp4_parse(&c, &icmp));
        }
}

/* No type or code is illegal here: who acts on them decides. Errors are the five of RFC 1122 3.2.2. */
static void any_value_is_legal(void **state)
{
    (void)state;
    for (unsigned type = 0; type < 256; type++) {
        bool is_error = type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
        struct wire_icmp4 icmp = parse((const uint8_t[]){(uint8_t)type, 200, 1, 2, 3, 4, 5, 6});

        assert_int_equal(icmp.type, type);
        assert_int_equal(icmp.code, 200);
        assert_int_equal(wire_icmp4_is_error((uint8_t)type), is_error);
    }
}

static void assert_same(const struct wire_icmp4 *a, const struct wire_icmp4 *b)
{
    assert_int_equal(a->type, b->type);
    assert_int_equal(a->code, b->code);
    assert_int_equal(a->id, b->id);
    assert_int_equal(a->seq, b->seq);
    assert_int_equal(a->mtu, b->mtu);
    assert_int_equal(a->pointer, b->pointer);
    assert_true(weft_addr_eq(&a->gateway, &b->gateway));
}

static void parse_emit_parse(void **state)
{
    struct test_rng rng = test_rng_start(__func__);

    (void)state;
    for (unsigned i = 0; i < 10000; i++) {
        uint8_t in[8], out[8];
        struct writer w = writer_of(out, sizeof(out));
        struct wire_icmp4 first, second;

        test_rng_bytes(&rng, in, sizeof(in));
        in[0] &= 15;
        in[1] &= 7;
        first = parse(in);
        wire_icmp4_emit(&first, &w);
        assert_false(w.failed);
        second = parse(out);
        assert_same(&first, &second);
        assert_int_equal(second.checksum, 0);
        w = writer_of(out, test_rng_below(&rng, 8));
        wire_icmp4_emit(&first, &w);
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
