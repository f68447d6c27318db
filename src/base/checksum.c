/* SPDX-License-Identifier: MIT */
/*
 * The Internet checksum (RFC 1071).
 *
 * The fast way reads eight bytes at a time in the machine's own order and puts
 * the order right once, at the end: a one's complement sum of swapped words is
 * the swapped sum (RFC 1071 2 (B)). 128-bit accumulators keep the carries
 * (an add and an add-with-carry per eight bytes), and four of them keep the
 * additions from waiting for one another.
 */
#include "base/checksum.h"

#include <string.h>

#include "base/bytes.h"

__extension__ typedef unsigned __int128 u128;

static inline uint64_t load64(const uint8_t *p)
{
    uint64_t v;

    memcpy(&v, p, sizeof(v));
    return v;
}

/* The last 0 to 7 bytes as the machine would load them, followed by zeros. */
static inline uint64_t load_tail(const uint8_t *p, size_t len)
{
    uint8_t bytes[8] = {0};

    for (size_t i = 0; i < len; i++)
        bytes[i] = p[i];
    return load64(bytes);
}

/* 16 bits of an accumulator in the machine's order, as the big-endian words say it. */
static inline uint64_t finish_native(u128 acc)
{
    uint64_t folded = (uint64_t)acc & 0xffffffff;
    uint16_t sum;

    folded += (uint64_t)(acc >> 32) & 0xffffffff;
    folded += (uint64_t)(acc >> 64) & 0xffffffff;
    folded += (uint64_t)(acc >> 96);
    sum = checksum_fold(folded);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    sum = __builtin_bswap16(sum);
#endif
    return sum;
}

uint64_t checksum_sum(const void *data, size_t len)
{
    const uint8_t *p = data;
    u128 a = 0, b = 0, c = 0, d = 0;

    for (; len >= 32; p += 32, len -= 32) {
        a += load64(p);
        b += load64(p + 8);
        c += load64(p + 16);
        d += load64(p + 24);
    }
    for (; len >= 8; p += 8, len -= 8)
        a += load64(p);
    return finish_native(a + b + c + d + load_tail(p, len));
}

static inline uint64_t copy64(uint8_t *to, const uint8_t *from)
{
    uint64_t v = load64(from);

    memcpy(to, &v, sizeof(v));
    return v;
}

uint64_t checksum_copy(void *to, const void *from, size_t len)
{
    uint8_t *q = to;
    const uint8_t *p = from;
    u128 a = 0, b = 0;

    for (; len >= 16; p += 16, q += 16, len -= 16) {
        a += copy64(q, p);
        b += copy64(q + 8, p + 8);
    }
    for (; len >= 8; p += 8, q += 8, len -= 8)
        a += copy64(q, p);
    for (size_t i = 0; i < len; i++)
        q[i] = p[i];
    return finish_native(a + b + load_tail(p, len));
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
