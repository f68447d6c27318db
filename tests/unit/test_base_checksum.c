/* SPDX-License-Identifier: MIT */
/* The Internet checksum: the fast ways against the plain one, and the incremental update against doing it anew. */
#include "support.h"

#include "base/bytes.h"
#include "base/checksum.h"

/* RFC 1071 3, the worked example. */
static void known_sum(void **state)
{
    static const uint8_t bytes[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};

    (void)state;
    assert_int_equal(checksum_sum_portable(bytes, sizeof(bytes)), 0x2ddf0);
    assert_int_equal(checksum_fold(checksum_sum_portable(bytes, sizeof(bytes))), 0xddf2);
    assert_int_equal(checksum_fold(checksum_sum(bytes, sizeof(bytes))), 0xddf2);
    assert_int_equal(checksum_finish(checksum_sum(bytes, sizeof(bytes))), 0x220d);
    assert_int_equal(checksum_sum(bytes, 0), 0);
    assert_int_equal(checksum_fold(checksum_sum(bytes, 3)), 0xf201);
}

static void same_sums(const uint8_t *bytes, size_t len)
{
    assert_int_equal(checksum_fold(checksum_sum(bytes, len)),
                     checksum_fold(checksum_sum_portable(bytes, len)));
}

static void fast_is_plain_at_every_alignment_and_length(void **state)
{
    static uint8_t bytes[17 + 400] __attribute__((aligned(64)));
    struct test_rng rng = test_rng_start(__func__);

    (void)state;
    for (unsigned fill = 0; fill < 3; fill++) {
        test_rng_bytes(&rng, bytes, sizeof(bytes));
        if (fill == 1)
            memset(bytes, 0xff, sizeof(bytes)); /* every addition carries */
        if (fill == 2)
            memset(bytes, 0, sizeof(bytes)); /* zero has two forms, only one is right */
        for (size_t align = 0; align <= 16; align++)
            for (size_t len = 0; len <= 400; len++)
                same_sums(bytes + align, len);
    }
}

static void fast_is_plain_on_large_input(void **state)
{
    static uint8_t bytes[WEFT_PKT_MAX];

    (void)state;
    memset(bytes, 0xff, sizeof(bytes));
    for (size_t len = sizeof(bytes) - 40; len <= sizeof(bytes); len++)
        same_sums(bytes, len);
}

static void copy_copies_and_sums(void **state)
{
    struct test_rng rng = test_rng_start(__func__);
    uint8_t from[300], to[300], expected[300];

    (void)state;
    test_rng_bytes(&rng, from, sizeof(from));
    for (size_t len = 0; len <= 200; len++) {
        size_t at = test_rng_below(&rng, 50), in = test_rng_below(&rng, 50);

        memset(to, 0xa5, sizeof(to));
        memset(expected, 0xa5, sizeof(expected));
        memcpy(expected + in, from + at, len);
        assert_int_equal(checksum_fold(checksum_copy(to + in, from + at, len)),
                         checksum_fold(checksum_sum_portable(from + at, len)));
        assert_memory_equal(to, expected, sizeof(to));
    }
}

/* The sum of a whole is the sum of its pieces, wherever it is cut. */
static void pieces_add_up(void **state)
{
    struct test_rng rng = test_rng_start(__func__);
    uint8_t bytes[301];

    (void)state;
    test_rng_bytes(&rng, bytes, sizeof(bytes));
    for (size_t cut = 0; cut <= sizeof(bytes); cut++) {
        uint64_t first = checksum_sum(bytes, cut);
        uint64_t second = checksum_sum(bytes + cut, sizeof(bytes) - cut);

        if (cut % 2)
            second = checksum_shift(second);
        assert_int_equal(checksum_fold(first + second),
                         checksum_fold(checksum_sum_portable(bytes, sizeof(bytes))));
    }
}

static void update_is_recomputing(void **state)
{
    struct test_rng rng = test_rng_start(__func__);

    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        uint8_t bytes[20];
        uint16_t old_checksum, old_word, new_word;
        unsigned at = 2 * test_rng_below(&rng, sizeof(bytes) / 2);

        test_rng_bytes(&rng, bytes, sizeof(bytes));
        bytes[0] |= 1; /* a header is never all zero, and then the two forms of zero cannot be confused */
        if (at == 0)
            continue;
        old_checksum = checksum_finish(checksum_sum(bytes, sizeof(bytes)));
        old_word = get_be16(bytes + at);
        new_word = (uint16_t)(i % 3 == 0 ? 0 : i % 3 == 1 ? 0xffff : test_rng_u32(&rng));
        put_be16(bytes + at, new_word);
        assert_int_equal(checksum_update(old_checksum, old_word, new_word),
                         checksum_finish(checksum_sum(bytes, sizeof(bytes))));
    }
}

/* RFC 1624 4: where the method of RFC 1141 gives 0xffff. */
static void known_update(void **state)
{
    (void)state;
    assert_int_equal(checksum_update(0xdd2f, 0x5555, 0x3285), 0x0000);
}

static void put_pseudo(uint8_t *to, const struct weft_addr *src, const struct weft_addr *dst, size_t addr_len)
{
    memcpy(to, src->b + 16 - addr_len, addr_len);
    memcpy(to + addr_len, dst->b + 16 - addr_len, addr_len);
}

/* RFC 9293 3.1 and RFC 8200 8.1, laid out in full. */
static void pseudo_headers(void **state)
{
    struct test_rng rng = test_rng_start(__func__);

    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        struct weft_addr a = weft_ip4_from_u32(test_rng_u32(&rng)), b = weft_ip4_from_u32(test_rng_u32(&rng));
        uint8_t ip4[12] = {0}, ip6[40] = {0};
        uint16_t len = (uint16_t)test_rng_u32(&rng);

        put_pseudo(ip4, &a, &b, 4);
        ip4[9] = 17;
        put_be16(ip4 + 10, len);
        assert_int_equal(checksum_fold(checksum_pseudo(&a, &b, 17, len)),
                         checksum_fold(checksum_sum_portable(ip4, sizeof(ip4))));
        test_rng_bytes(&rng, a.b, 16);
        test_rng_bytes(&rng, b.b, 16);
        put_pseudo(ip6, &a, &b, 16);
        put_be32(ip6 + 32, 0x10000u + len);
        ip6[39] = 6;
        assert_int_equal(checksum_fold(checksum_pseudo(&a, &b, 6, 0x10000u + len)),
                         checksum_fold(checksum_sum_portable(ip6, sizeof(ip6))));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_sum),
        cmocka_unit_test(fast_is_plain_at_every_alignment_and_length),
        cmocka_unit_test(fast_is_plain_on_large_input),
        cmocka_unit_test(copy_copies_and_sums),
        cmocka_unit_test(pieces_add_up),
        cmocka_unit_test(update_is_recomputing),
        cmocka_unit_test(known_update),
        cmocka_unit_test(pseudo_headers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
