/* SPDX-License-Identifier: MIT */
/* The generator: ChaCha20 as published, the stream that follows from a seed, and fair numbers from it. */
#include "support.h"

#include "base/rng.h"

/* RFC 8439 2.3.2. */
static void published_block(void **state)
{
    static const uint32_t input[16] = {
        0x61707865, 0x3320646e, 0x79622d32, 0x6b206574, 0x03020100, 0x07060504, 0x0b0a0908, 0x0f0e0d0c,
        0x13121110, 0x17161514, 0x1b1a1918, 0x1f1e1d1c, 0x00000001, 0x09000000, 0x4a000000, 0x00000000,
    };
    static const uint8_t expected[64] = {
        0x10, 0xf1, 0xe7, 0xe4, 0xd1, 0x3b, 0x59, 0x15, 0x50, 0x0f, 0xdd, 0x1f, 0xa3, 0x20, 0x71, 0xc4,
        0xc7, 0xd1, 0xf4, 0xc7, 0x33, 0xc0, 0x68, 0x03, 0x04, 0x22, 0xaa, 0x9a, 0xc3, 0xd4, 0x6c, 0x4e,
        0xd2, 0x82, 0x64, 0x46, 0x07, 0x9f, 0xaa, 0x09, 0x14, 0xc2, 0xd7, 0x05, 0xd9, 0x8b, 0x02, 0xa2,
        0xb5, 0x12, 0x9c, 0xd1, 0xde, 0x16, 0x4e, 0xb9, 0xcb, 0xd0, 0x83, 0xe8, 0xa2, 0x50, 0x3c, 0x4e,
    };
    uint8_t out[64];

    (void)state;
    rng_chacha20_block(input, out);
    assert_memory_equal(out, expected, sizeof(out));
}

/* Key 00 01 … 1f, zero nonce, counter from 0: computed with another implementation. Bytes 0 to 79. */
static const uint8_t stream[80] = {
    0x39, 0xfd, 0x2b, 0x7d, 0xd9, 0xc5, 0x19, 0x6a, 0x8d, 0xbd, 0x03, 0x77, 0xb8, 0xdc, 0x4a, 0x49,
    0x8a, 0x35, 0xd8, 0x6f, 0xbc, 0xde, 0x6a, 0xcc, 0xb2, 0xcc, 0x7d, 0x4c, 0xd8, 0xea, 0x24, 0x92,
    0x2b, 0x23, 0xcc, 0xe7, 0xa2, 0x60, 0x23, 0xab, 0x3f, 0x0e, 0xef, 0x69, 0x3a, 0xc8, 0x7f, 0x64,
    0x25, 0x82, 0x35, 0xea, 0xb1, 0xf7, 0xa3, 0x2d, 0xc2, 0x27, 0x62, 0xa0, 0x48, 0x5b, 0x41, 0x0c,
    0x18, 0xb8, 0x42, 0x31, 0xad, 0xe6, 0xa6, 0xd1, 0x13, 0x61, 0x5c, 0x61, 0xaf, 0x43, 0x4e, 0x27,
};

static struct rng counting_seed(void)
{
    struct rng rng;
    uint8_t seed[32];

    for (unsigned i = 0; i < sizeof(seed); i++)
        seed[i] = (uint8_t)i;
    rng_init(&rng, seed);
    return rng;
}

static void stream_of_a_seed(void **state)
{
    struct rng rng = counting_seed();
    uint8_t out[80];

    (void)state;
    rng_bytes(&rng, out, sizeof(out));
    assert_memory_equal(out, stream, sizeof(out));
    rng = counting_seed();
    assert_int_equal(rng_u32(&rng), 0x7d2bfd39);
    assert_true(rng_u64(&rng) == 0x7703bd8d6a19c5d9);
}

/* However it is read, the stream is one. */
static void pieces_make_the_stream(void **state)
{
    struct test_rng choose = test_rng_start(__func__);
    struct rng rng = counting_seed(), whole = counting_seed();
    static uint8_t expected[20000], out[20000];
    size_t n = 0;

    (void)state;
    rng_bytes(&whole, expected, sizeof(expected));
    while (n < sizeof(out)) {
        size_t part = test_rng_below(&choose, 200);

        part = part < sizeof(out) - n ? part : sizeof(out) - n;
        rng_bytes(&rng, out + n, part);
        n += part;
    }
    assert_memory_equal(out, expected, sizeof(out));
}

static void seeds_differ(void **state)
{
    struct rng a, b, c;

    (void)state;
    rng_init_u64(&a, 1);
    rng_init_u64(&b, 1ull << 40);
    rng_init_u64(&c, 1);
    assert_true(rng_u64(&a) == rng_u64(&c));
    assert_true(rng_u64(&a) != rng_u64(&b));
}

static void below_is_in_range_and_even(void **state)
{
    static const uint32_t limits[] = {1, 2, 3, 7, 10, 1000, 0x80000001, 0xffffffff};
    unsigned seen[7] = {0};
    struct rng rng;

    (void)state;
    rng_init_u64(&rng, 3);
    for (unsigned k = 0; k < sizeof(limits) / sizeof(limits[0]); k++)
        for (unsigned i = 0; i < 1000; i++)
            assert_true(rng_below(&rng, limits[k]) < limits[k]);
    for (unsigned i = 0; i < 70000; i++)
        seen[rng_below(&rng, 7)]++;
    for (unsigned i = 0; i < 7; i++)
        assert_in_range(seen[i], 9600, 10400); /* 10000, and four times its deviation of about 93 */
}

static void chance_is_what_it_says(void **state)
{
    struct rng rng;
    unsigned hits = 0;

    (void)state;
    rng_init_u64(&rng, 4);
    for (unsigned i = 0; i < 10000; i++) {
        assert_false(rng_chance(&rng, 0.0));
        assert_true(rng_chance(&rng, 1.0));
        hits += rng_chance(&rng, 0.05) != 0;
    }
    assert_in_range(hits, 410, 590); /* 500, and four times its deviation of about 22 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_block),
        cmocka_unit_test(stream_of_a_seed),
        cmocka_unit_test(pieces_make_the_stream),
        cmocka_unit_test(seeds_differ),
        cmocka_unit_test(below_is_in_range_and_even),
        cmocka_unit_test(chance_is_what_it_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
