/* SPDX-License-Identifier: MIT */
/* The scoreboard; see sack.h. */
#include "tcp/sack.h"

#include "base/assert.h"
#include "tcp/cc/cc.h"
#include "tcp/tcb.h"

static uint32_t range_len(const struct tcp_range *range)
{
    return seq_span(range->start, range->end);
}

/* The count that a range's bytes belong to, if any. */
static uint32_t *count_for(struct tcb *tcb, unsigned flags)
{
    if (flags & TCP_RANGE_SACKED)
        return &tcb->board.sacked_bytes;
    if (flags & TCP_RANGE_LOST)
        return &tcb->board.lost_bytes;
    if (flags & TCP_RANGE_DOUBLED)
        return &tcb->board.doubled_bytes;
    return NULL;
}

static void set_flags(struct tcb *tcb, struct tcp_range *range, unsigned flags)
{
    uint32_t *from = count_for(tcb, range->flags);
    uint32_t *to = count_for(tcb, flags);

    if (from)
        *from -= range_len(range);
    if (to)
        *to += range_len(range);
    range->flags = (uint8_t)flags;
    if ((flags & TCP_RANGE_LOST) && (!tcb->board.lost || seq_lt(range->start, tcb->board.lost->start)))
        tcb->board.lost = range;
}

static void unlink_range(struct tcb *tcb, struct tcp_range *range)
{
    struct tcp_scoreboard *board = &tcb->board;

    if (range->prev)
        range->prev->next = range->next;
    else
        board->head = range->next;
    if (range->next)
        range->next->prev = range->prev;
    else
        board->tail = range->prev;
    if (board->lost == range)
        board->lost = range->next;
    board->ranges--;
    slab_free(&tcb->tcp->ranges, range);
}

/* Cuts `range` so that it ends at `at`, which lies inside it. Returns false when memory ran out. */
static bool split(struct tcb *tcb, struct tcp_range *range, tcp_seq at)
{
    struct tcp_range *rest = slab_new(&tcb->tcp->ranges);

    if (!rest)
        return false;
    tcb->board.ranges++;
    *rest = *range;
    rest->start = at;
    rest->prev = range;
    if (range->next)
        range->next->prev = rest;
    else
        tcb->board.tail = rest;
    range->next = rest;
    range->end = at;
    return true;
}

/* Two neighbours of the same fate need not be kept apart. */
static void merge_with_previous(struct tcb *tcb, struct tcp_range *range)
{
    struct tcp_range *prev = range->prev;

    if (!prev || prev->flags != range->flags)
        return;
    if (prev->sent != range->sent && !(range->flags & TCP_RANGE_SACKED))
        return;
    if (prev->sent < range->sent)
        prev->sent = range->sent;
    prev->end = range->end;
    unlink_range(tcb, range);
}

bool tcp_sack_can_note(const struct tcb *tcb)
{
    const struct slab *slab = &tcb->tcp->ranges;
    const struct tcp_range *tail = tcb->board.tail;

    return slab->used < slab->capacity || (tail && !(tail->flags & ~TCP_RANGE_RETRANSMITTED));
}

void tcp_sack_sent(struct tcb *tcb, tcp_seq start, tcp_seq end)
{
    struct tcp_scoreboard *board = &tcb->board;
    weft_time now = tcb->tcp->core->now;
    struct tcp_range *tail = board->tail;
    struct tcp_range *range;

    /* Our SYN stays alone: it goes again in its own way, and what is sent behind it in another (RFC 7413). */
    if (tail && tail->sent == now && tail->flags == 0 && !seq_eq(tail->start, tcb->snd.iss)) {
        tail->end = end;
        tail->rate.in_flight = tcp_in_flight(tcb);
        return;
    }
    range = slab_new(&tcb->tcp->ranges);
    if (!range) {
        /* Out of memory: the older bytes lose their send time rather than the newer their place. */
        weft_assert(tail && !count_for(tcb, tail->flags));
        tail->end = end;
        tail->sent = now;
        return;
    }
    board->ranges++;
    *range = (struct tcp_range){.prev = tail, .start = start, .end = end, .sent = now};
    if (tail)
        tail->next = range;
    else
        board->head = range;
    board->tail = range;
    tcp_rate_sent(tcb, range, seq_span(start, end));
}

/* RFC 2883 4: the first block reports a duplicate when it lies below the ACK or inside the second. */
static bool first_block_is_dsack(const struct tcp_seg *seg)
{
    const struct wire_tcp_sack *first = &seg->opts.sack[0];
    const struct wire_tcp_sack *second = &seg->opts.sack[1];

    if (seq_lt(seq_of(first->left), seg->ack))
        return true;
    return seg->opts.nsacks > 1 && seq_ge(seq_of(first->left), seq_of(second->left)) &&
           seq_le(seq_of(first->right), seq_of(second->right));
}

/* Has what the first block reports ever been sent, and not long ago? As far back as an ACK may be
 * (RFC 5961 5.2). */
static bool dsack_can_be(const struct tcb *tcb, const struct tcp_seg *seg)
{
    tcp_seq left = seq_of(seg->opts.sack[0].left);
    tcp_seq right = seq_of(seg->opts.sack[0].right);

    return seq_lt(left, right) && seq_le(right, tcb->snd.nxt) &&
           seq_ge(left, seq_sub(tcb->snd.una, tcb->snd.max_wnd));
}

/*
 * May an earlier copy have been acknowledged rather than the last one sent? An
 * echoed timestamp as late as that copy says no (RFC 8985 6.2 step 2); and so
 * does a DSACK for it: the earlier one had arrived, its ACK was lost, and this
 * is the answer to the last. Without that, a path that loses many ACKs would
 * keep a backed-off timeout for ever (RFC 6298 3).
 */
static bool is_ambiguous(const struct tcb *tcb, const struct tcp_range *range, const struct tcp_seg *seg)
{
    if (!(range->flags & TCP_RANGE_RETRANSMITTED))
        return false;
    if (seg->opts.nsacks > 0 && first_block_is_dsack(seg) &&
        seq_le(seq_of(seg->opts.sack[0].left), range->start) &&
        seq_gt(seq_of(seg->opts.sack[0].right), range->start))
        return false;
    return !tcb->has_timestamps || !seg->opts.has_timestamps ||
           (int32_t)(seg->opts.tsecr - tcp_ts_at(tcb, range->sent)) < 0;
}

/* RFC 8985 6.2 step 2, second condition: sooner after the last copy than any answer has come before. */
static bool is_too_soon(const struct tcb *tcb, const struct tcp_range *range)
{
    return (range->flags & TCP_RANGE_RETRANSMITTED) && tcb->tcp->core->now - range->sent < tcb->rtt.min_rtt;
}

/* The echo does not tell copies apart that went within one tick of our timestamp clock: an answer to the
 * first then comes sooner after the last than any did, by less than that. */
static bool may_be_of_one_tick(const struct tcb *tcb, const struct tcp_range *range)
{
    return is_too_soon(tcb, range) && tcb->tcp->core->now - range->sent + WEFT_MSEC >= tcb->rtt.min_rtt;
}

/* `range` is known to have arrived, by ACK or SACK. */
static void deliver(struct tcb *tcb, const struct tcp_range *range, const struct tcp_seg *seg,
                    struct tcp_delivery *delivery)
{
    bool ambiguous = is_ambiguous(tcb, range, seg);

    delivery->delivered += range_len(range);
    if (range->flags & TCP_RANGE_RETRANSMITTED) {
        delivery->retransmit_acked = true;
        if (!ambiguous && !may_be_of_one_tick(tcb, range) && range->sent > delivery->newest_resent)
            delivery->newest_resent = range->sent;
    } else {
        delivery->original += range_len(range);
        if (range->sent > delivery->newest_sent)
            delivery->newest_sent = range->sent;
    }
    tcp_rack_delivered(tcb, range, delivery, !is_too_soon(tcb, range) && !(ambiguous && tcb->has_timestamps));
    tcp_rate_delivered(tcb, range, delivery);
}

void tcp_sack_acked(struct tcb *tcb, tcp_seq una, const struct tcp_seg *seg, struct tcp_delivery *delivery)
{
    struct tcp_range *range;

    while ((range = tcb->board.head) != NULL && seq_lt(range->start, una)) {
        uint32_t *count = count_for(tcb, range->flags);
        tcp_seq upto = seq_min(range->end, una);
        uint32_t len = seq_span(range->start, upto);

        if (!(range->flags & TCP_RANGE_SACKED)) {
            struct tcp_range piece = *range;

            piece.end = upto;
            delivery->last_acked_sent = range->sent;
            deliver(tcb, &piece, seg, delivery);
        }
        if (count)
            *count -= len;
        range->start = upto;
        if (seq_eq(range->start, range->end))
            unlink_range(tcb, range);
    }
}

/* More ranges than twice the segments in flight come only from a peer that SACKs crumbs: these are not
 * worth the memory and the walks (64: for flights of very few). */
static bool has_too_many_ranges(const struct tcb *tcb)
{
    return tcb->board.ranges > 64 + 2 * (seq_span(tcb->snd.una, tcb->snd.nxt) / tcb->snd.mss);
}

/* Marks [left, right) as SACKed. */
static void mark_sacked(struct tcb *tcb, tcp_seq left, tcp_seq right, const struct tcp_seg *seg,
                        struct tcp_delivery *delivery)
{
    struct tcp_range *range = tcb->board.head;

    if (has_too_many_ranges(tcb))
        return;
    while (range && seq_le(range->end, left))
        range = range->next;
    while (range && seq_lt(range->start, right)) {
        if (!(range->flags & TCP_RANGE_SACKED)) {
            if (seq_lt(range->start, left)) {
                if (!split(tcb, range, left))
                    return;
                range = range->next;
            }
            if (seq_gt(range->end, right) && !split(tcb, range, right))
                return;
            delivery->sacked += range_len(range);
            deliver(tcb, range, seg, delivery);
            set_flags(tcb, range, (range->flags & TCP_RANGE_RETRANSMITTED) | TCP_RANGE_SACKED);
        }
        struct tcp_range *next = range->next;
        merge_with_previous(tcb, range);
        range = next;
    }
    if (range)
        merge_with_previous(tcb, range);
}

/* Copies the blocks that say what the peer holds, those that can be true, in ascending order: RACK sees
 * reordering in any other (RFC 8985 6.2 step 3). Returns how many. */
static unsigned sort_blocks(const struct tcb *tcb, const struct tcp_seg *seg, unsigned first,
                            struct wire_tcp_sack *out)
{
    unsigned n = 0;

    for (unsigned i = first; i < seg->opts.nsacks; i++) {
        struct wire_tcp_sack block = seg->opts.sack[i];
        unsigned at = n;

        if (seq_le(seq_of(block.right), seq_of(block.left)) || seq_lt(seq_of(block.left), tcb->snd.una) ||
            seq_gt(seq_of(block.right), tcb->snd.nxt))
            continue;
        for (; at > 0 && seq_lt(seq_of(block.left), seq_of(out[at - 1].left)); at--)
            out[at] = out[at - 1];
        out[at] = block;
        n++;
    }
    return n;
}

void tcp_sack_blocks(struct tcb *tcb, const struct tcp_seg *seg, struct tcp_delivery *delivery)
{
    struct wire_tcp_sack blocks[WIRE_TCP_MAX_SACK];
    unsigned n;

    delivery->dsack = seg->opts.nsacks > 0 && first_block_is_dsack(seg) && dsack_can_be(tcb, seg);
    if (delivery->dsack) {
        delivery->dsack_start = seq_of(seg->opts.sack[0].left);
        delivery->dsack_end = seq_of(seg->opts.sack[0].right);
    }
    n = sort_blocks(tcb, seg, delivery->dsack, blocks);
    for (unsigned i = 0; i < n; i++)
        mark_sacked(tcb, seq_of(blocks[i].left), seq_of(blocks[i].right), seg, delivery);
}

void tcp_sack_mark_lost(struct tcb *tcb, struct tcp_range *range, uint32_t len, unsigned cause)
{
    if (range->flags & (TCP_RANGE_SACKED | TCP_RANGE_LOST))
        return;
    if (len < range_len(range))
        (void)split(tcb, range, seq_add(range->start, len));
    set_flags(tcb, range, (range->flags & TCP_RANGE_RETRANSMITTED) | TCP_RANGE_LOST);
    tcp_trace(tcb, WEFT_TRACE_TCP_LOST, range->start.n, range_len(range), cause, 0, 0, 0);
    tcb->rate.lost += range_len(range);
    tcp_recovery_lost(tcb, range, cause);
    tcp_cc_lost(tcb, range);
}

void tcp_sack_mark_lost_between(struct tcb *tcb, tcp_seq from, tcp_seq to, weft_time sent, unsigned cause)
{
    struct tcp_range *range = tcb->board.head;

    while (range && seq_le(range->end, from))
        range = range->next;
    for (; range && seq_lt(range->start, to); range = range->next) {
        if (range->sent > sent || (range->flags & (TCP_RANGE_SACKED | TCP_RANGE_LOST)))
            continue;
        if (seq_lt(range->start, from)) {
            if (!split(tcb, range, from))
                return;
            continue; /* with its rest */
        }
        tcp_sack_mark_lost(tcb, range, seq_span(range->start, to), cause);
    }
}

struct tcp_range *tcp_sack_next_lost(struct tcb *tcb)
{
    struct tcp_range *range = tcb->board.lost;

    while (range && !(range->flags & TCP_RANGE_LOST))
        range = range->next;
    tcb->board.lost = range;
    return range;
}

void tcp_sack_gather(struct tcb *tcb, struct tcp_range *range, uint32_t len)
{
    struct tcp_range *next;

    while (range_len(range) < len && (next = range->next) && (next->flags & TCP_RANGE_LOST)) {
        uint32_t room = len - range_len(range);

        if (range_len(next) > room && !split(tcb, next, seq_add(next->start, room)))
            return;
        range->flags |= next->flags;
        if (range->sent < next->sent)
            range->sent = next->sent;
        range->end = next->end;
        unlink_range(tcb, next);
    }
}

void tcp_sack_resent(struct tcb *tcb, struct tcp_range *range, uint32_t len)
{
    weft_assert(len > 0);
    if (len < range_len(range))
        split(tcb, range, seq_add(range->start, len));
    unsigned copies = range->flags & (TCP_RANGE_SACKED | TCP_RANGE_LOST) ? 0 : TCP_RANGE_DOUBLED;
    set_flags(tcb, range, (range->flags & TCP_RANGE_SACKED) | TCP_RANGE_RETRANSMITTED | copies);
    range->sent = tcb->tcp->core->now;
    tcp_rate_sent(tcb, range, range_len(range));
}

struct tcp_range *tcp_sack_split_tail(struct tcb *tcb, struct tcp_range *range, uint32_t len)
{
    return split(tcb, range, seq_sub(range->end, len)) ? range->next : NULL;
}

void tcp_sack_lose_all(struct tcb *tcb, unsigned cause)
{
    for (struct tcp_range *range = tcb->board.head; range; range = range->next)
        tcp_sack_mark_lost(tcb, range, UINT32_MAX, cause);
}

void tcp_sack_forgive(struct tcb *tcb)
{
    for (struct tcp_range *range = tcb->board.head; range; range = range->next)
        if (range->flags & TCP_RANGE_LOST)
            set_flags(tcb, range, range->flags & TCP_RANGE_RETRANSMITTED);
    tcb->board.lost = NULL;
}

static void take_back_sack(struct tcb *tcb, struct tcp_range *range)
{
    set_flags(tcb, range, range->flags & TCP_RANGE_RETRANSMITTED);
    tcp_sack_mark_lost(tcb, range, UINT32_MAX, WEFT_CAUSE_RENEGED);
}

void tcp_sack_renege(struct tcb *tcb)
{
    struct tcp_range *range;

    for (range = tcb->board.head; range; range = range->next)
        if (range->flags & TCP_RANGE_SACKED)
            take_back_sack(tcb, range);
}

void tcp_sack_purge(struct tcb *tcb)
{
    while (tcb->board.head)
        unlink_range(tcb, tcb->board.head);
    tcb->board.sacked_bytes = tcb->board.lost_bytes = tcb->board.doubled_bytes = 0;
}
