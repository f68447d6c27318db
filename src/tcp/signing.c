/* SPDX-License-Identifier: MIT */
/*
 * What a signature of a segment is over, and whom a key is for (tcp/signing.h).
 *
 * Never   knows an algorithm, nor keeps a key.
 */
#include "tcp/signing.h"

#include <string.h>

#include "base/assert.h"
#include "base/cursor.h"
#include "wire/ip4.h"

void tcp_sign_add(struct tcp_sign_message *message, const void *data, size_t len)
{
    weft_assert(message->n < TCP_SIGN_PIECES);
    message->piece[message->n++] = (struct weft_crypto_piece){data, len};
}

void tcp_sign_add_pseudo(struct tcp_sign_message *message, const struct weft_addr *src,
                         const struct weft_addr *dst, uint32_t len, uint8_t bytes[TCP_SIGN_PSEUDO])
{
    bool ip4 = weft_addr_is_ip4(src);
    unsigned skip = ip4 ? 12 : 0, addr_len = 16 - skip;
    struct writer w = writer_of(bytes, TCP_SIGN_PSEUDO);

    writer_bytes(&w, src->b + skip, addr_len);
    writer_bytes(&w, dst->b + skip, addr_len);
    if (ip4) {
        writer_be16(&w, WIRE_PROTO_TCP);
        writer_be16(&w, (uint16_t)len);
    } else {
        writer_be32(&w, len);
        writer_be32(&w, WIRE_PROTO_TCP);
    }
    tcp_sign_add(message, bytes, (size_t)(w.at - bytes));
}

void tcp_sign_add_text(struct tcp_sign_message *message, const struct weft_pkt *pkt, unsigned header_len)
{
    tcp_sign_add(message, pkt->data + header_len, pkt->len - header_len);
    for (unsigned i = 0; i < pkt->nslices; i++) {
        const struct weft_slice *slice = &pkt->slices[i];

        tcp_sign_add(message, slice->block->data + slice->off, slice->len);
    }
}

bool tcp_sign_is_same(const uint8_t *a, const uint8_t *b, size_t len)
{
    uint8_t difference = 0;

    for (size_t i = 0; i < len; i++)
        difference |= a[i] ^ b[i];
    return difference == 0;
}

/* A prefix of IPv4 counts behind the 96 bits that map it. */
bool tcp_sign_prefix(const struct weft_prefix *given, struct weft_prefix *out)
{
    unsigned most = weft_addr_is_ip4(&given->addr) ? 32 : 128;

    if (given->len > most)
        return false;
    *out = *given;
    out->len = (uint8_t)(given->len + 128 - most);
    for (unsigned bit = out->len; bit < 128; bit++)
        out->addr.b[bit / 8] &= (uint8_t) ~(0x80u >> bit % 8);
    return true;
}

bool tcp_sign_covers(const struct weft_prefix *prefix, const struct weft_addr *addr)
{
    unsigned whole = prefix->len / 8u, rest = prefix->len % 8u;

    if (memcmp(prefix->addr.b, addr->b, whole) != 0)
        return false;
    return rest == 0 || ((prefix->addr.b[whole] ^ addr->b[whole]) & (0xff00u >> rest & 0xffu)) == 0;
}

bool tcp_sign_overlap(const struct weft_prefix *a, const struct weft_prefix *b)
{
    return a->len <= b->len ? tcp_sign_covers(a, &b->addr) : tcp_sign_covers(b, &a->addr);
}
