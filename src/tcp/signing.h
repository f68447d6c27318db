/* SPDX-License-Identifier: MIT */
/*
 * What the two ways to sign segments have in common: md5.c (RFC 2385) and ao.c
 * (RFC 5925).
 */
#ifndef WEFT_TCP_SIGNING_H
#define WEFT_TCP_SIGNING_H

#include <weft/stack.h>

#include "base/bytes.h"

/* Pieces of a segment at most: four of headers, the linear part, slices, one for a key. */
#define TCP_SIGN_PIECES (6u + WEFT_PKT_SLICES)

/* Bytes of the longest pseudo-header. */
#define TCP_SIGN_PSEUDO 40u

/* What is signed, in the order in which it was added. */
struct tcp_sign_message {
    unsigned n;
    struct weft_crypto_piece piece[TCP_SIGN_PIECES];
};

void tcp_sign_add(struct tcp_sign_message *message, const void *data, size_t len);

/* Adds the pseudo-header of RFC 9293 3.1 for a segment of `len` bytes, written to `bytes`. */
void tcp_sign_add_pseudo(struct tcp_sign_message *message, const struct weft_addr *src,
                         const struct weft_addr *dst, uint32_t len, uint8_t bytes[TCP_SIGN_PSEUDO]);

/* Adds what stands behind the first `header_len` bytes of the packet. */
void tcp_sign_add_text(struct tcp_sign_message *message, const struct weft_pkt *pkt, unsigned header_len);

/* How long it takes does not tell where the first difference is. */
bool tcp_sign_is_same(const uint8_t *a, const uint8_t *b, size_t len);

/* --- Whom a key is for. Prefixes here have their length in all 128 bits, and nothing behind it. --- */

/* Gives the prefix in that form; false when its length is too large. */
bool tcp_sign_prefix(const struct weft_prefix *given, struct weft_prefix *out);

bool tcp_sign_covers(const struct weft_prefix *prefix, const struct weft_addr *addr);

/* Is there an address in both? */
bool tcp_sign_overlap(const struct weft_prefix *a, const struct weft_prefix *b);

#endif
