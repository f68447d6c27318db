/* SPDX-License-Identifier: MIT */
/*
 * Random numbers from a seed: ChaCha20 (RFC 8439 2.3) as a generator, so that
 * what a peer sees of them tells it nothing of those that follow, and the same
 * seed gives the same numbers on every machine.
 *
 * Owns    the state of one generator. Nothing else is random in the stack.
 */
#ifndef WEFT_BASE_RNG_H
#define WEFT_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

struct rng {
    uint32_t key[8];
    uint64_t block;
    uint8_t buf[64];
    uint8_t left; /* bytes at the end of buf that have not been given out */
};

void rng_init(struct rng *rng, const uint8_t seed[32]);

/* A generator for something small, from one number. */
void rng_init_u64(struct rng *rng, uint64_t seed);

uint32_t rng_u32(struct rng *rng);
uint64_t rng_u64(struct rng *rng);

/* Evenly from 0 to n - 1; `n` must not be 0. */
uint32_t rng_below(struct rng *rng, uint32_t n);

/* True with probability p, 0 to 1. */
int rng_chance(struct rng *rng, double p);

void rng_bytes(struct rng *rng, void *out, size_t len);

/* The block function (RFC 8439 2.3): 64 bytes of key stream from constants, key, counter and nonce. */
void rng_chacha20_block(const uint32_t state[16], uint8_t out[64]);

#endif
