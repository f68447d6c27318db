/* SPDX-License-Identifier: MIT */
/*
 * Random numbers: the key stream of ChaCha20 (RFC 8439 2.3) with a 64-bit
 * block counter and a zero nonce.
 */
#include "base/rng.h"

#include <string.h>

#include "base/assert.h"

static inline uint32_t rotate_left(uint32_t x, unsigned bits)
{
    return x << bits | x >> (32 - bits);
}

/* RFC 8439 2.1. */
static inline void quarter_round(uint32_t *a, uint32_t *b, uint32_t *c, uint32_t *d)
{
    *a += *b;
    *d = rotate_left(*d ^ *a, 16);
    *c += *d;
    *b = rotate_left(*b ^ *c, 12);
    *a += *b;
    *d = rotate_left(*d ^ *a, 8);
    *c += *d;
    *b = rotate_left(*b ^ *c, 7);
}

static inline uint32_t read_le32(const uint8_t *p)
{
    return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static inline void write_le32(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
    p[2] = (uint8_t)(v >> 16);
    p[3] = (uint8_t)(v >> 24);
}

void rng_chacha20_block(const uint32_t state[16], uint8_t out[64])
{
    uint32_t x[16];

    memcpy(x, state, sizeof(x));
    for (unsigned round = 0; round < 20; round += 2) {
        for (unsigned i = 0; i < 4; i++) /* columns */
            quarter_round(&x[i], &x[4 + i], &x[8 + i], &x[12 + i]);
        for (unsigned i = 0; i < 4; i++) /* diagonals */
            quarter_round(&x[i], &x[4 + (i + 1) % 4], &x[8 + (i + 2) % 4], &x[12 + (i + 3) % 4]);
    }
    for (size_t i = 0; i < 16; i++)
        write_le32(out + 4 * i, x[i] + state[i]);
}

static void refill(struct rng *rng)
{
    uint32_t state[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574}; /* RFC 8439 2.3 */

    memcpy(state + 4, rng->key, sizeof(rng->key));
    state[12] = (uint32_t)rng->block;
    state[13] = (uint32_t)(rng->block >> 32);
    rng_chacha20_block(state, rng->buf);
    rng->block++;
    rng->left = sizeof(rng->buf);
}

void rng_init(struct rng *rng, const uint8_t seed[32])
{
    *rng = (struct rng){0};
    for (size_t i = 0; i < 8; i++)
        rng->key[i] = read_le32(seed + 4 * i);
}

void rng_init_u64(struct rng *rng, uint64_t seed)
{
    *rng = (struct rng){.key = {(uint32_t)seed, (uint32_t)(seed >> 32)}};
}

void rng_bytes(struct rng *rng, void *out, size_t len)
{
    uint8_t *to = out;

    while (len) {
        size_t part;

        if (rng->left == 0)
            refill(rng);
        part = len < rng->left ? len : rng->left;
        memcpy(to, rng->buf + sizeof(rng->buf) - rng->left, part);
        rng->left = (uint8_t)(rng->left - part);
        to += part;
        len -= part;
    }
}

uint32_t rng_u32(struct rng *rng)
{
    uint8_t bytes[4];

    rng_bytes(rng, bytes, sizeof(bytes));
    return read_le32(bytes);
}

uint64_t rng_u64(struct rng *rng)
{
    uint64_t low = rng_u32(rng);

    return (uint64_t)rng_u32(rng) << 32 | low;
}

uint32_t rng_below(struct rng *rng, uint32_t n)
{
    /* The high half of u32 * n is even but for the first 2^32 mod n values of the low half, which
     * are drawn again (D. Lemire, "Fast random integer generation in an interval", 2019). */
    uint64_t product = (uint64_t)rng_u32(rng) * n;

    weft_assert(n > 0);
    if ((uint32_t)product < n) {
        uint32_t uneven = -n % n;

        while ((uint32_t)product < uneven)
            product = (uint64_t)rng_u32(rng) * n;
    }
    return (uint32_t)(product >> 32);
}

int rng_chance(struct rng *rng, double p)
{
    /* 53 bits: every value of a double in [0, 1) that is a multiple of 2^-53. */
    return (double)(rng_u64(rng) >> 11) * 0x1p-53 < p;
}
