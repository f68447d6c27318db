/* SPDX-License-Identifier: MIT */
/*
 * The Internet checksum (RFC 1071).
 *
 * The fast way reads in the machine's own order and puts the order right once,
 * at the end: the one's complement sum of swapped words is the swapped sum
 * (RFC 1071 2 (B)). It adds 32-bit halves in 64-bit lanes of vectors, which
 * keep all carries: every processor that we care for has such vectors, and
 * the compiler knows how to say it.
 */
#include "base/checksum.h"

#include <string.h>

#include "base/bytes.h"

/* Two 64-bit lanes; 2^32 additions of 32 bits fit into each. */
typedef uint64_t lanes __attribute__((vector_size(16)));

#define LOW_HALVES 0xffffffff
#define STEP       (2 * sizeof(lanes))

static inline lanes load_lanes(const uint8_t *p)
{
    lanes v;

    memcpy(&v, p, sizeof(v));
    return v;
}

static inline uint64_t add_lanes(lanes v)
{
    return v[0] + v[1];
}

/* The sum of the last 0 to 31 bytes in the machine's order. A last odd byte is followed by a zero. */
static inline uint64_t sum_tail(const uint8_t *p, size_t len)
{
    uint64_t sum = 0;
    uint32_t word;
    uint16_t half = 0;

    for (; len >= 4; p += 4, len -= 4) {
        memcpy(&word, p, 4);
        sum += word;
    }
    if (len & 2) {
        memcpy(&half, p, 2);
        sum += half;
        p += 2;
        half = 0;
    }
    if (len & 1) {
        memcpy(&half, p, 1);
        sum += half;
    }
    return sum;
}

/* 16 bits of a sum in the machine's order, as the big-endian words say it. */
static inline uint64_t finish_native(uint64_t native)
{
    uint16_t sum = checksum_fold(native);

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    sum = __builtin_bswap16(sum);
#endif
    return sum;
}

uint64_t checksum_sum(const void *data, size_t len)
{
    const uint8_t *p = data;
    lanes low = {0}, high = {0};

    for (; len >= STEP; p += STEP, len -= STEP) {
        lanes a = load_lanes(p);
        lanes b = load_lanes(p + sizeof(lanes));

        low += (a & LOW_HALVES) + (b & LOW_HALVES);
        high += (a >> 32) + (b >> 32);
    }
    return finish_native(add_lanes(low) + add_lanes(high) + sum_tail(p, len));
}

uint64_t checksum_copy(void *to, const void *from, size_t len)
{
    uint8_t *q = to;
    const uint8_t *p = from;
    lanes low = {0}, high = {0};

    for (; len >= sizeof(lanes); p += sizeof(lanes), q += sizeof(lanes), len -= sizeof(lanes)) {
        lanes a = load_lanes(p);

        memcpy(q, &a, sizeof(a));
        low += a & LOW_HALVES;
        high += a >> 32;
    }
    if (len)
        memcpy(q, p, len);
    return finish_native(add_lanes(low) + add_lanes(high) + sum_tail(p, len));
}

uint64_t checksum_sum_portable(const void *data, size_t len)
{
    const uint8_t *p = data;
    uint64_t sum = 0;

    for (; len >= 2; p += 2, len -= 2)
        sum += get_be16(p);
    if (len)
        sum += (uint64_t)p[0] << 8;
    return sum;
}

uint64_t checksum_shift(uint64_t sum)
{
    return __builtin_bswap16(checksum_fold(sum));
}

uint64_t checksum_pseudo(const struct weft_addr *src, const struct weft_addr *dst, uint8_t proto,
                         uint32_t len)
{
    size_t skip = weft_addr_is_ip4(dst) ? 12 : 0;

    return checksum_sum(src->b + skip, 16 - skip) + checksum_sum(dst->b + skip, 16 - skip) + proto + len;
}

uint16_t checksum_update(uint16_t checksum, uint16_t old_word, uint16_t new_word)
{
    return checksum_finish((uint64_t)(uint16_t)~checksum + (uint16_t)~old_word + new_word);
}
