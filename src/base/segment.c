/* SPDX-License-Identifier: MIT */
/*
 * Offloads done in software: cutting up TCP super-segments, and completing
 * checksums (weft/pkt.h).
 *
 * Owns    the few places in IPv4, IPv6 and TCP headers that differ between the
 *         segments of one super-segment. It works on bytes, since base knows
 *         no formats; a super-segment may come from a link, so it checks what
 *         it believes of them.
 */
#include <weft/err.h>
#include <weft/pkt.h>

#include <string.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "base/checksum.h"

/* Lengths, and offsets of fields: RFC 791 3.1, RFC 8200 3, RFC 9293 3.1. */
#define IP4_LEN         20u
#define IP4_TOTAL_LEN   2
#define IP4_ID          4
#define IP4_CHECKSUM    10
#define IP4_ADDRESSES   12
#define IP6_LEN         40u
#define IP6_PAYLOAD_LEN 4
#define IP6_ADDRESSES   8
#define TCP_LEN         20u
#define TCP_SEQ         4
#define TCP_DATA_OFFSET 12
#define TCP_FLAGS       13
#define TCP_CHECKSUM    16

#define TCP_FIN_PSH 0x09
#define TCP_CWR     0x80
#define PROTO_TCP   6

/* --- Checksums --- */

uint64_t checksum_pkt(const struct weft_pkt *pkt, const uint8_t *start)
{
    size_t summed = (size_t)(pkt->data + pkt->len - start);
    uint64_t sum = checksum_sum(start, summed);

    for (unsigned i = 0; i < pkt->nslices; i++) {
        const struct weft_slice *slice = &pkt->slices[i];
        uint64_t part = checksum_sum(slice->block->data + slice->off, slice->len);

        sum += summed % 2 ? checksum_shift(part) : part;
        summed += slice->len;
    }
    return sum;
}

void weft_pkt_finish_checksum(struct weft_pkt *pkt)
{
    uint8_t *start = pkt->buf + pkt->csum_start;

    if (!(pkt->flags & WEFT_PKT_CSUM_PARTIAL))
        return;
    weft_assert(pkt->csum_start + pkt->csum_offset + 2u <= weft_pkt_headroom(pkt) + pkt->len);
    put_be16(start + pkt->csum_offset, checksum_finish_transport(checksum_pkt(pkt, start), pkt->csum_offset));
    pkt->flags &= (uint16_t)~WEFT_PKT_CSUM_PARTIAL;
}

/* --- Segmentation --- */

/* A super-segment being cut: what all segments share, and how far it has come. */
struct cutter {
    const struct weft_pkt *pkt;
    uint32_t l3_off, l4_off; /* from the beginning of the linear part */
    uint32_t header_len;     /* bytes before the payload */
    uint32_t payload_len;
    bool is_ip4;
    uint64_t ip_sum;     /* of the IPv4 header without total length, identification and checksum */
    uint64_t pseudo_sum; /* of the pseudo-header without the length */
    uint32_t done;       /* payload bytes given out */
    uint32_t linear_off; /* where to go on: first behind the headers in the linear part, */
    uint32_t slice_off;  /* then in */
    unsigned slice;      /* this slice */
};

/* The headers' lengths, if they fit together and into the linear part. */
static bool find_headers(struct cutter *cut)
{
    const struct weft_pkt *pkt = cut->pkt;
    uint32_t headroom = weft_pkt_headroom(pkt);
    const uint8_t *ip = weft_pkt_l3(pkt);
    uint32_t ip_len, tcp_len;

    if (pkt->l3_off < headroom || pkt->l4_off < pkt->l3_off + IP4_LEN ||
        pkt->l4_off + TCP_LEN > headroom + pkt->len)
        return false;
    cut->l3_off = pkt->l3_off - headroom;
    cut->l4_off = pkt->l4_off - headroom;
    cut->is_ip4 = ip[0] >> 4 == 4;
    ip_len = cut->l4_off - cut->l3_off;
    if (cut->is_ip4 ? ip_len != (ip[0] & 15) * 4u : ip[0] >> 4 != 6 || ip_len < IP6_LEN)
        return false;
    tcp_len = (weft_pkt_l4(pkt)[TCP_DATA_OFFSET] >> 4) * 4u;
    cut->header_len = cut->l4_off + tcp_len;
    return tcp_len >= TCP_LEN && cut->header_len <= pkt->len && cut->header_len <= WEFT_PKT_ROOM;
}

static bool start_cutter(struct cutter *cut, const struct weft_pkt *pkt)
{
    const uint8_t *ip = weft_pkt_l3(pkt);

    *cut = (struct cutter){.pkt = pkt};
    if (!find_headers(cut))
        return false;
    cut->payload_len = pkt->total_len - cut->header_len;
    cut->linear_off = cut->header_len;
    cut->pseudo_sum = PROTO_TCP;
    if (cut->is_ip4) {
        cut->ip_sum = checksum_sum(ip, IP4_TOTAL_LEN) +
                      checksum_sum(ip + IP4_ID + 2, IP4_CHECKSUM - IP4_ID - 2) +
                      checksum_sum(ip + IP4_ADDRESSES, cut->l4_off - cut->l3_off - IP4_ADDRESSES);
        cut->pseudo_sum += checksum_sum(ip + IP4_ADDRESSES, 8);
    } else {
        cut->pseudo_sum += checksum_sum(ip + IP6_ADDRESSES, 32);
    }
    return true;
}

/* Adds up to `n` bytes of payload from the linear part to `seg`; returns how many, or -1. */
static int take_linear(struct cutter *cut, struct weft_pkt *seg, uint32_t n)
{
    const struct weft_pkt *pkt = cut->pkt;
    uint32_t part = pkt->len - cut->linear_off < n ? pkt->len - cut->linear_off : n;
    const uint8_t *from = pkt->data + cut->linear_off;

    if (!pkt->head)
        memcpy(weft_pkt_put(seg, part), from, part);
    else if (!weft_pkt_add_slice(seg, pkt->head, (uint32_t)(from - pkt->head->data), part))
        return -1;
    cut->linear_off += part;
    return (int)part;
}

/* The same from the slice that comes next. */
static int take_slice(struct cutter *cut, struct weft_pkt *seg, uint32_t n)
{
    const struct weft_slice *slice = &cut->pkt->slices[cut->slice];
    uint32_t left = slice->len - cut->slice_off;
    uint32_t part = left < n ? left : n;

    if (!weft_pkt_add_slice(seg, slice->block, slice->off + cut->slice_off, part))
        return -1;
    cut->slice_off += part;
    if (part == left) {
        cut->slice++;
        cut->slice_off = 0;
    }
    return (int)part;
}

static bool take_payload(struct cutter *cut, struct weft_pkt *seg, uint32_t n)
{
    cut->done += n;
    while (n) {
        bool in_linear = cut->linear_off < cut->pkt->len;
        int taken = in_linear ? take_linear(cut, seg, n) : take_slice(cut, seg, n);

        if (taken < 0)
            return false;
        n -= (uint32_t)taken;
    }
    return true;
}

/* Writes what differs from the super-segment's headers into those of the segment whose `len` bytes of
 * payload begin at `off`. */
static void write_headers(const struct cutter *cut, const struct weft_pkt *seg, uint32_t off, uint32_t len)
{
    uint8_t *ip = weft_pkt_l3(seg);
    uint8_t *tcp = weft_pkt_l4(seg);
    uint32_t ip_total_len = cut->header_len - cut->l3_off + len;

    if (cut->is_ip4) {
        uint16_t id = (uint16_t)(get_be16(ip + IP4_ID) + off / cut->pkt->gso_size);

        put_be16(ip + IP4_TOTAL_LEN, (uint16_t)ip_total_len);
        put_be16(ip + IP4_ID, id);
        put_be16(ip + IP4_CHECKSUM, checksum_finish(cut->ip_sum + ip_total_len + id));
    } else {
        put_be16(ip + IP6_PAYLOAD_LEN, (uint16_t)(ip_total_len - IP6_LEN));
    }
    put_be32(tcp + TCP_SEQ, get_be32(tcp + TCP_SEQ) + off);
    if (off > 0)
        tcp[TCP_FLAGS] &= (uint8_t)~TCP_CWR; /* RFC 3168 6.1.2: one segment tells it */
    if (off + len < cut->payload_len)
        tcp[TCP_FLAGS] &= (uint8_t)~TCP_FIN_PSH;
    put_be16(tcp + TCP_CHECKSUM, checksum_fold(cut->pseudo_sum + cut->header_len - cut->l4_off + len));
}

/* The next segment, or NULL when the pool is empty. */
static struct weft_pkt *cut_segment(struct cutter *cut)
{
    const struct weft_pkt *pkt = cut->pkt;
    uint32_t off = cut->done;
    uint32_t left = cut->payload_len - off;
    uint32_t len = left < pkt->gso_size ? left : pkt->gso_size;
    uint32_t headroom = pkt->head ? WEFT_PKT_ROOM - cut->header_len : weft_pkt_headroom(pkt);
    struct weft_pkt *seg = weft_pkt_new(pkt->pool);

    if (!seg)
        return NULL;
    seg->data = seg->buf + headroom;
    memcpy(weft_pkt_put(seg, cut->header_len), pkt->data, cut->header_len);
    if (!take_payload(cut, seg, len)) {
        weft_pkt_free(seg);
        return NULL;
    }
    seg->l3_off = (uint16_t)(headroom + cut->l3_off);
    seg->l4_off = seg->csum_start = (uint16_t)(headroom + cut->l4_off);
    seg->csum_offset = TCP_CHECKSUM;
    seg->flags = (uint16_t)((pkt->flags & ~(WEFT_PKT_CSUM_GOOD | WEFT_PKT_GSO_ECN)) | WEFT_PKT_CSUM_PARTIAL);
    seg->mark = pkt->mark;
    seg->when = pkt->when;
    write_headers(cut, seg, off, len);
    return seg;
}

static int cut_all(struct cutter *cut, struct weft_pktq *out)
{
    while (cut->done < cut->payload_len) {
        struct weft_pkt *seg = cut_segment(cut);

        if (!seg)
            return WEFT_E_NOBUFS;
        weft_pktq_push(out, seg);
    }
    return 0;
}

int weft_pkt_segment(struct weft_pkt *pkt, struct weft_pktq *out)
{
    struct cutter cut;
    int result = WEFT_E_INVAL;

    if (pkt->gso_size && start_cutter(&cut, pkt)) {
        if (cut.payload_len <= pkt->gso_size)
            pkt->gso_size = pkt->gso_segs = 0;
        else
            result = cut_all(&cut, out);
    }
    if (pkt->gso_size == 0) {
        weft_pktq_push(out, pkt);
        return 0;
    }
    weft_pkt_free(pkt);
    return result;
}
