/* SPDX-License-Identifier: MIT */
/*
 * SipHash-2-4: a keyed hash of short inputs. For hash tables that peers could
 * otherwise attack, and as the PRF of RFC 6528.
 */
#ifndef WEFT_BASE_SIPHASH_H
#define WEFT_BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

struct siphash_key {
    uint64_t k0, k1;
};

/* The 64-bit hash of `len` bytes; the same on machines of either byte order. */
uint64_t siphash(const struct siphash_key *key, const void *data, size_t len);

#endif
