/* SPDX-License-Identifier: MIT */
/*
 * A link around a link that shows every frame to an observer.
 *
 * Owns    a scratch buffer for one frame. The observer gets a copy in one
 *         piece, as the frame would stand on a wire without limits: the
 *         checksum completed, and for a super-segment the IP header's length
 *         that of the whole.
 *
 * Never   changes what passes, and never shows a frame that the inner link has
 *         left with the stack: packets are therefore handed on one by one. A
 *         frame that the inner link takes and then loses is shown.
 */
#include <weft/err.h>
#include <weft/link.h>

#include <stdlib.h>

#include "base/bytes.h"
#include "base/checksum.h"

#define IP4_LENGTH   2 /* offsets in the header: RFC 791 3.1 */
#define IP4_CHECKSUM 10
#define IP4_MIN_LEN  20
#define IP6_LENGTH   4 /* RFC 8200 3 */
#define IP6_LEN      40

struct tee {
    struct weft_link link; /* first: ops get a pointer to it */
    struct weft_link *inner;
    struct weft_tee_observer observer;
    uint8_t scratch[WEFT_PKT_MAX];
};

/* Makes the IP header tell the length of the whole super-segment, if it does not yet. */
static void complete_ip_length(uint8_t *ip, uint32_t len)
{
    unsigned version = len ? ip[0] >> 4 : 0;

    if (version == 4 && len >= IP4_MIN_LEN && len <= UINT16_MAX) {
        uint16_t old_len = get_be16(ip + IP4_LENGTH);

        put_be16(ip + IP4_CHECKSUM, checksum_update(get_be16(ip + IP4_CHECKSUM), old_len, (uint16_t)len));
        put_be16(ip + IP4_LENGTH, (uint16_t)len);
    } else if (version == 6 && len >= IP6_LEN && len - IP6_LEN <= UINT16_MAX) {
        put_be16(ip + IP6_LENGTH, (uint16_t)(len - IP6_LEN));
    }
}

/* The field holds the sum of the pseudo-header; that of the `len` bytes at `start` is added. */
static void complete_checksum(uint8_t *start, uint32_t len, uint32_t offset)
{
    put_be16(start + offset, checksum_finish_transport(checksum_sum(start, len), offset));
}

/* Writes the frame to the scratch buffer; returns its length. */
static uint32_t copy_whole(struct tee *tee, const struct weft_pkt *pkt)
{
    uint32_t len = pkt->total_len < WEFT_PKT_MAX ? pkt->total_len : WEFT_PKT_MAX;
    uint32_t headroom = weft_pkt_headroom(pkt);
    uint32_t l3 = pkt->l3_off - headroom; /* where it is not in the frame, it becomes too large */
    uint32_t start = pkt->csum_start - headroom;

    weft_pkt_copy_out(pkt, 0, tee->scratch, len);
    if (pkt->gso_segs > 1 && l3 < len)
        complete_ip_length(tee->scratch + l3, len - l3);
    if (pkt->flags & WEFT_PKT_CSUM_PARTIAL && start < len && len - start >= pkt->csum_offset + 2u)
        complete_checksum(tee->scratch + start, len - start, pkt->csum_offset);
    return len;
}

static void show(struct tee *tee, bool outgoing, uint32_t len, weft_time now)
{
    tee->observer.frame(tee->observer.ctx, outgoing, tee->scratch, len, now);
}

static int recv_packets(struct weft_link *link, struct weft_pool *pool, struct weft_pktq *batch, unsigned max,
                        weft_time now)
{
    struct tee *tee = (struct tee *)link;
    struct weft_pkt *last = batch->tail;
    int result = weft_link_recv(tee->inner, pool, batch, max, now);

    for (const struct weft_pkt *pkt = last ? last->next : batch->head; pkt; pkt = pkt->next)
        show(tee, false, copy_whole(tee, pkt), now);
    link->stats = tee->inner->stats;
    return result;
}

/* Hands the first packet on. Returns 1 when it was taken, 0 when it is still there, or an error. */
static int send_first(struct tee *tee, struct weft_pktq *batch, weft_time now)
{
    struct weft_pktq one = {0};
    uint32_t len = copy_whole(tee, batch->head);
    int result;

    weft_pktq_push(&one, weft_pktq_pop(batch));
    result = weft_link_send(tee->inner, &one, now);
    if (!one.head) {
        show(tee, true, len, now);
        return result < 0 ? result : 1;
    }
    weft_pktq_append(&one, batch);
    *batch = one;
    return result < 0 ? result : 0;
}

static int send_packets(struct weft_link *link, struct weft_pktq *batch, weft_time now)
{
    struct tee *tee = (struct tee *)link;
    int result = 0, count = 0;

    if (!batch->head) /* the inner link may have something of its own to do */
        result = weft_link_send(tee->inner, batch, now);
    while (batch->head && (result = send_first(tee, batch, now)) > 0)
        count++;
    link->stats = tee->inner->stats;
    return result < 0 ? result : count;
}

static int inner_fd(const struct weft_link *link)
{
    return weft_link_fd(((const struct tee *)link)->inner);
}

static weft_time inner_deadline(const struct weft_link *link)
{
    return weft_link_deadline(((const struct tee *)link)->inner);
}

static void end_round(struct weft_link *link, weft_time now)
{
    struct tee *tee = (struct tee *)link;

    weft_link_end_round(tee->inner, now);
    if (tee->observer.end_round)
        tee->observer.end_round(tee->observer.ctx, now);
}

static void close_both(struct weft_link *link)
{
    struct tee *tee = (struct tee *)link;

    if (tee->observer.close)
        tee->observer.close(tee->observer.ctx);
    weft_link_close(tee->inner);
    free(tee);
}

static const struct weft_link_ops tee_ops = {
    .recv = recv_packets,
    .send = send_packets,
    .fd = inner_fd,
    .deadline = inner_deadline,
    .end_round = end_round,
    .close = close_both,
};

int weft_link_tee(struct weft_link *inner, const struct weft_tee_observer *observer, struct weft_link **link)
{
    struct tee *tee = malloc(sizeof(*tee));

    if (!tee) {
        weft_link_close(inner);
        return WEFT_E_NOMEM;
    }
    tee->link = *inner;
    tee->link.ops = &tee_ops;
    tee->inner = inner;
    tee->observer = *observer;
    *link = &tee->link;
    return 0;
}
