/* SPDX-License-Identifier: MIT */
/*
 * The Internet checksum (RFC 1071): the one's complement sum of 16-bit words.
 *
 * A *sum* here is an unfolded 64-bit accumulator of the bytes read as
 * big-endian 16-bit words, so that sums of pieces can be added (a piece that
 * starts at an odd offset: checksum_shift). A *checksum* is what stands in a
 * header: the folded sum, complemented, in host byte order of the value.
 */
#ifndef WEFT_BASE_CHECKSUM_H
#define WEFT_BASE_CHECKSUM_H

#include <weft/pkt.h>

/* The sum of `len` bytes, with the fastest code that the processor has. */
uint64_t checksum_sum(const void *data, size_t len);

/* The same, while copying `len` bytes from `from` to `to`, which do not overlap. */
uint64_t checksum_copy(void *to, const void *from, size_t len);

/* The plain word-by-word way: what the fast ways are tested against. */
uint64_t checksum_sum_portable(const void *data, size_t len);

/* The sum of a packet's bytes, slices and all, from `start`, which is in its linear part or just
 * behind it. */
uint64_t checksum_pkt(const struct weft_pkt *pkt, const uint8_t *start);

/* What a piece's sum counts for when it starts at an odd offset of the whole. */
uint64_t checksum_shift(uint64_t sum);

/* 16 bits, not complemented. */
static inline uint16_t checksum_fold(uint64_t sum)
{
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

/* What stands in a header for this sum. */
static inline uint16_t checksum_finish(uint64_t sum)
{
    return (uint16_t)~checksum_fold(sum);
}

/* The same for a transport's field, `offset` bytes into its header. A zero says "none" in UDP alone, which
 * therefore sends the other form of zero (RFC 768); a TCP or ICMP checksum of zero stays one. */
static inline uint16_t checksum_finish_transport(uint64_t sum, unsigned offset)
{
    enum { UDP_CHECKSUM = 6 }; /* of these protocols only UDP has its field there */
    uint16_t checksum = checksum_finish(sum);

    return checksum == 0 && offset == UDP_CHECKSUM ? 0xffff : checksum;
}

/* The sum of the pseudo-header (RFC 9293 3.1, RFC 8200 8.1) of a segment of `len` bytes; both
 * addresses are of one family. */
uint64_t checksum_pseudo(const struct weft_addr *src, const struct weft_addr *dst, uint8_t proto,
                         uint32_t len);

/* The checksum after a 16-bit word under it has changed (RFC 1624 equation 3). */
uint16_t checksum_update(uint16_t checksum, uint16_t old_word, uint16_t new_word);

#endif
