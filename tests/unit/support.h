/* SPDX-License-Identifier: MIT */
/*
 * What unit tests share: an allocator, random numbers from a seed that is
 * printed, and a pool that must get everything back.
 *
 * Owns    nothing. Everything here is static inline, so that a test is one file.
 *
 * Include it instead of cmocka.h, which wants four headers before it.
 */
#ifndef WEFT_TESTS_SUPPORT_H
#define WEFT_TESTS_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <weft/pkt.h>

/* --- Memory --- */

/* calloc with the alignment that weft_allocator asks for: the true start stands just before the result. */
static inline void *test_mem_alloc(void *ctx, size_t size)
{
    uint8_t *raw = calloc(1, size + 64);
    uint8_t *mem;

    (void)ctx;
    if (!raw)
        return NULL;
    mem = (uint8_t *)(((uintptr_t)raw + 64) & ~(uintptr_t)63);
    memcpy(mem - sizeof(raw), &raw, sizeof(raw));
    return mem;
}

static inline void test_mem_free(void *ctx, void *mem, size_t size)
{
    uint8_t *raw;

    (void)ctx;
    (void)size;
    memcpy(&raw, (uint8_t *)mem - sizeof(raw), sizeof(raw));
    free(raw);
}

static const struct weft_allocator test_allocator
    __attribute__((unused)) = {test_mem_alloc, test_mem_free, NULL};

/* A pool of the given sizes (0: a small default of 256, 256 and 64). Ends the test when there is no memory. */
static inline struct weft_pool *test_pool_new(uint32_t pkts, uint32_t small_blocks, uint32_t large_blocks)
{
    struct weft_pool_config config = {
        .pkts = pkts ? pkts : 256,
        .small_blocks = small_blocks ? small_blocks : 256,
        .large_blocks = large_blocks ? large_blocks : 64,
    };
    struct weft_pool *pool = weft_pool_new(&test_allocator, &config);

    assert_non_null(pool);
    return pool;
}

/* Every packet and block has come home. */
static inline void test_pool_assert_home(const struct weft_pool *pool)
{
    struct weft_pool_usage usage;

    weft_pool_usage(pool, &usage);
    assert_int_equal(usage.pkts_used, 0);
    assert_int_equal(usage.small_used, 0);
    assert_int_equal(usage.large_used, 0);
}

/* The same, and frees the pool: how a test that used one ends. */
static inline void test_pool_free(struct weft_pool *pool)
{
    test_pool_assert_home(pool);
    weft_pool_free(pool);
}

/* --- Random numbers --- */

/* SplitMix64: independent of the generator under test, and good enough to choose cases. */
struct test_rng {
    uint64_t state;
};

/* Starts from WEFT_SEED in the environment, else from a fixed number; prints what replays the run. */
static inline struct test_rng test_rng_start(const char *test)
{
    const char *text = getenv("WEFT_SEED");
    uint64_t seed = text ? strtoull(text, NULL, 0) : 1;

    print_message("%s: replay with WEFT_SEED=%llu\n", test, (unsigned long long)seed);
    return (struct test_rng){seed};
}

static inline uint64_t test_rng_u64(struct test_rng *rng)
{
    uint64_t z = rng->state += 0x9e3779b97f4a7c15;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

static inline uint32_t test_rng_u32(struct test_rng *rng)
{
    return (uint32_t)(test_rng_u64(rng) >> 32);
}

/* From 0 to n - 1; `n` must not be 0. */
static inline uint32_t test_rng_below(struct test_rng *rng, uint32_t n)
{
    return (uint32_t)(((uint64_t)test_rng_u32(rng) * n) >> 32);
}

/* From `low` to `high`, both included. */
static inline uint32_t test_rng_between(struct test_rng *rng, uint32_t low, uint32_t high)
{
    return low + test_rng_below(rng, high - low + 1);
}

static inline void test_rng_bytes(struct test_rng *rng, void *out, size_t len)
{
    uint8_t *bytes = out;

    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)test_rng_u64(rng);
}

#endif
