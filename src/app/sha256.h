/* SPDX-License-Identifier: MIT */
/* SHA-256 (FIPS 180-4), for checking what was transferred; nothing secret depends on it. */
#ifndef WEFT_APP_SHA256_H
#define WEFT_APP_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_BYTES 32

struct sha256 {
    uint32_t state[8];
    uint64_t bytes; /* taken so far */
    uint8_t block[64];
};

void sha256_init(struct sha256 *sha);

/* Takes the next bytes of the message. */
void sha256_add(struct sha256 *sha, const void *data, size_t len);

/* Gives the digest; `sha` must be initialised again before further use. */
void sha256_finish(struct sha256 *sha, uint8_t digest[SHA256_BYTES]);

#endif
