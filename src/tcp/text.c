/* SPDX-License-Identifier: MIT */
/*
 * Step 7 of RFC 9293 3.10.7.4: the segment's text, in order into the receive
 * queue, out of order into runs; and what the receiver has to say about it:
 * how much room there is, what it holds (SACK), what came twice (DSACK).
 *
 * Owns    RCV.NXT as far as text moves it, the receive queue and the held runs.
 * Never   copies payload, but for small segments that would waste a block each.
 *
 * Given   a segment that step 1 has cut to the window.
 *
 * Holds   runs are sorted, lie above RCV.NXT, and no two touch or overlap.
 */
#include "tcp/tcb.h"

#include <string.h>

/* Payload up to this many bytes is copied behind what the last packet of the queue holds, if that has
 * room: a block for each keystroke would waste a hundred times the payload. Ours. */
#define COLLAPSE_MAX 512u

/* Runs that one connection may hold: each costs a walk. Ours. */
#define RUNS_MAX 1024u

uint32_t tcp_text_window_max(const struct tcb *tcb)
{
    uint32_t most = (uint32_t)UINT16_MAX << tcb->rcv.wscale;

    return tcb->tune.receive < most ? tcb->tune.receive : most;
}

uint32_t tcp_text_room(const struct tcb *tcb)
{
    uint32_t limit = tcb->tune.receive;
    uint32_t left = limit > tcb->rcv.buffered ? limit - tcb->rcv.buffered : 0;
    uint32_t most = tcp_text_window_max(tcb);

    return left < most ? left : most;
}

/* --- The queue of what is in order ---------------------------------------------------------- */

/* Bytes behind the packet's own that nobody else looks at. */
static uint32_t exclusive_tailroom(const struct weft_pkt *pkt)
{
    if (!pkt || !pkt->head || pkt->head->refs != 1 || pkt->nslices > 0)
        return 0;
    return weft_pkt_tailroom(pkt);
}

static void append(struct weft_pktq *queue, struct weft_pkt *pkt)
{
    struct weft_pkt *tail = queue->tail;

    if (pkt->total_len <= COLLAPSE_MAX && pkt->total_len <= exclusive_tailroom(tail)) {
        weft_pkt_copy_out(pkt, 0, weft_pkt_put(tail, pkt->total_len), pkt->total_len);
        weft_pkt_free(pkt);
        return;
    }
    weft_pktq_push(queue, pkt);
}

/* Takes `pkt`, whose `len` bytes follow RCV.NXT. */
static void accept_in_order(struct tcb *tcb, struct weft_pkt *pkt, uint32_t len)
{
    tcb->rcv.nxt = seq_add(tcb->rcv.nxt, len);
    tcb->bytes_received += len;
    if (tcb->discard) {
        weft_pkt_free(pkt);
        return;
    }
    tcb->rcv.buffered += len;
    append(&tcb->rcv.queue, pkt);
}

/* --- Runs out of order ------------------------------------------------------------------------- */

static void free_run(struct tcb *tcb, struct tcp_run *run)
{
    weft_pktq_purge(&run->pkts);
    slab_free(&tcb->tcp->runs, run);
    tcb->rcv.held_runs--;
}

static uint32_t run_bytes(const struct tcp_run *run)
{
    return seq_span(run->start, run->end) - run->fin;
}

/* Throws away the runs from `*at` on. */
static void drop_runs(struct tcb *tcb, struct tcp_run **at)
{
    struct tcp_run *run;

    while ((run = *at) != NULL) {
        *at = run->next;
        tcb->rcv.held_bytes -= run_bytes(run);
        free_run(tcb, run);
    }
}

/* RCV.NXT has reached the first run, or passed its beginning: it is in order now. */
static void absorb_runs(struct tcb *tcb)
{
    struct tcp_rcv *rcv = &tcb->rcv;
    struct tcp_run *run;

    while (!rcv->fin_reached && (run = rcv->held) != NULL && seq_le(run->start, rcv->nxt)) {
        struct weft_pkt *pkt;

        rcv->held = run->next;
        rcv->held_bytes -= run_bytes(run);
        while ((pkt = weft_pktq_pop(&run->pkts)) != NULL) {
            uint32_t old = seq_gt(rcv->nxt, seq_of(pkt->mark)) ? seq_span(seq_of(pkt->mark), rcv->nxt) : 0;

            if (old >= pkt->total_len) {
                weft_pkt_free(pkt);
                continue;
            }
            weft_pkt_trim_front(pkt, old);
            accept_in_order(tcb, pkt, pkt->total_len);
        }
        rcv->fin_reached |= run->fin && seq_eq(seq_sub(run->end, 1), rcv->nxt);
        free_run(tcb, run);
    }
    if (rcv->fin_reached)
        drop_runs(tcb, &rcv->held); /* what claims to lie behind the FIN */
}

/* Two runs that touch become one. Small packets that meet there share a block, as those that come in order
 * do: a peer chooses the order. */
static void join_next(struct tcb *tcb, struct tcp_run *run)
{
    struct tcp_run *next = run->next;
    struct weft_pkt *first = weft_pktq_pop(&next->pkts);

    run->end = next->end;
    run->fin = next->fin;
    run->next = next->next;
    if (first)
        append(&run->pkts, first);
    weft_pktq_append(&run->pkts, &next->pkts);
    free_run(tcb, next);
}

/* A new run behind `*at`; NULL when a bound is reached. */
static struct tcp_run *insert_run(struct tcb *tcb, struct tcp_run **at, tcp_seq start)
{
    struct tcp_run *run = tcb->rcv.held_runs < RUNS_MAX ? slab_new(&tcb->tcp->runs) : NULL;

    if (!run)
        return NULL;
    run->next = *at;
    run->start = run->end = start;
    *at = run;
    tcb->rcv.held_runs++;
    return run;
}

/* Runs behind `run` that lie before `end` as a whole: the segment has their bytes too. */
static void drop_covered(struct tcb *tcb, struct tcp_run *run, tcp_seq end)
{
    struct tcp_run *next;

    while ((next = run->next) != NULL && !next->fin && seq_le(next->end, end)) {
        run->next = next->next;
        tcb->rcv.held_bytes -= run_bytes(next);
        free_run(tcb, next);
    }
}

/* Adds what is new of the segment at the end of `run`. */
static void extend_run(struct tcb *tcb, struct tcp_run *run, struct tcp_seg *seg)
{
    tcp_seq seg_end = seq_add(seg->seq, seg->len);
    uint32_t old = seq_gt(run->end, seg->seq) ? seq_span(seg->seq, run->end) : 0;
    struct weft_pkt *pkt = seg->pkt;

    seg->pkt = NULL;
    weft_pkt_trim_front(pkt, old);
    drop_covered(tcb, run, seg_end);
    if (run->next && seq_gt(seg_end, run->next->start)) {
        /* The rest is held already. */
        weft_pkt_trim(pkt, seq_span(run->end, run->next->start));
        seg->flags &= (uint16_t)~WIRE_TCP_FIN;
        seg_end = run->next->start;
    }
    pkt->mark = run->end.n;
    tcb->rcv.held_bytes += pkt->total_len;
    run->end = seg_end;
    if (pkt->total_len > 0)
        append(&run->pkts, pkt);
    else
        weft_pkt_free(pkt);
}

static void report_duplicate(struct tcb *tcb, tcp_seq start, tcp_seq end)
{
    if (!tcb->has_sack || tcb->tcp->config.no_dsack || seq_ge(start, end))
        return;
    tcb->rcv.dsack_start = start;
    tcb->rcv.dsack_end = end;
}

/* Where the segment belongs: the run that it continues, or that holds all its bytes already (`*duplicate`), or a
 * new one. NULL without memory. */
static struct tcp_run *find_run(struct tcb *tcb, const struct tcp_seg *seg, bool *duplicate)
{
    struct tcp_run **at = &tcb->rcv.held;
    tcp_seq seg_end = seq_add(seg->seq, tcp_seg_span(seg));

    while (*at && seq_gt(seg->seq, (*at)->end))
        at = &(*at)->next;
    *duplicate = *at && seq_ge(seg->seq, (*at)->start) && seq_le(seg_end, (*at)->end);
    if (*at && seq_ge(seg->seq, (*at)->start))
        return *at;
    return insert_run(tcb, at, seg->seq);
}

/* Nothing counts behind a FIN that is held: cuts the segment there. */
static void trim_behind_fin(const struct tcb *tcb, struct tcp_seg *seg)
{
    const struct tcp_run *run = tcb->rcv.held;
    tcp_seq seg_end = seq_add(seg->seq, seg->len);

    while (run && !run->fin)
        run = run->next;
    if (!run)
        return;
    tcp_seq fin = seq_sub(run->end, 1);
    if (!seq_eq(seg_end, fin))
        seg->flags &= (uint16_t)~WIRE_TCP_FIN;
    if (seq_le(seg_end, fin))
        return;
    seg->len = seq_lt(seg->seq, fin) ? seq_span(seg->seq, fin) : 0;
    weft_pkt_trim(seg->pkt, seg->len);
}

/* Takes seg->pkt. */
static void hold(struct tcb *tcb, struct tcp_seg *seg)
{
    bool duplicate;
    struct tcp_run *run;

    tcp_owe(tcb, TCP_OWED_ACK_DUP);
    tcb->owed_dups = (uint16_t)(tcb->owed_dups + seg->segs);
    trim_behind_fin(tcb, seg);
    if (tcp_seg_span(seg) == 0) {
        tcp_seg_drop(tcb->tcp, seg, tcb->conn, WEFT_DROP_TCP_AFTER_FIN);
        return;
    }
    run = find_run(tcb, seg, &duplicate);
    if (!run) {
        tcp_seg_drop(tcb->tcp, seg, tcb->conn, WEFT_DROP_TCP_HELD_LIMIT);
        return;
    }
    run->touched =
        ++tcb->rcv.touches; /* the first that is told, or the second behind a DSACK (RFC 2883 4 (4)) */
    if (duplicate) {
        report_duplicate(tcb, seg->seq, seq_add(seg->seq, seg->len));
        tcp_seg_drop(tcb->tcp, seg, tcb->conn, WEFT_DROP_TCP_DUPLICATE);
        return;
    }
    core_count(tcb->tcp->core, WEFT_COUNT_TCP_OUT_OF_ORDER);
    tcb->account.rcv_ooopack += seg->segs;
    extend_run(tcb, run, seg);
    if ((seg->flags & WIRE_TCP_FIN) && !run->fin) {
        run->fin = true;
        run->end = seq_add(run->end, 1);
        drop_runs(tcb, &run->next);
    }
    if (run->next && seq_ge(run->end, run->next->start))
        join_next(tcb, run);
}

/* --- Acknowledging -------------------------------------------------------------------------------- */

static uint32_t full_segment(const struct tcb *tcb)
{
    uint32_t options = tcp_usual_options(tcb);

    return tcb->rcv.mss > options ? tcb->rcv.mss - options : 1;
}

/*
 * RFC 9293 3.8.6.3, RFC 5681 4.2: at once for every second full segment, when a
 * hole has been filled, and while the peer is in slow start; else delayed. In a
 * conversation an answer may carry it: as a setting, that goes before slow start.
 */
static void acknowledge(struct tcb *tcb, const struct tcp_seg *seg, bool filled_hole)
{
    struct tcp_rcv *rcv = &tcb->rcv;
    uint32_t size = seg->segs > 1 ? seg->len / seg->segs : seg->len;

    /* A link may coalesce without saying how many: no segment is larger than what we offered, with its options. */
    if (size > full_segment(tcb))
        size = full_segment(tcb);
    if (size > rcv->seg_max)
        rcv->seg_max = size;
    bool is_slow_start = tcb->quick_acks > 0 && !tcb->is_answering;
    if (filled_hole || rcv->held || tcb->options.quickack || is_slow_start) {
        if (tcb->quick_acks > 0)
            tcb->quick_acks--;
        tcb->is_answering &= !filled_hole && !rcv->held;
        tcp_owe(tcb, TCP_OWED_ACK);
    } else if (seq_span(rcv->acked, rcv->nxt) >= 2 * rcv->seg_max) {
        tcp_owe(tcb, TCP_OWED_ACK_SECOND);
    } else {
        tcp_timer_ack_owed(tcb);
    }
}

/* Is the pool so low that only what keeps a connection moving is taken? */
static bool must_refuse(const struct tcb *tcb, bool in_order)
{
    return tcb->tcp->memory_low && (!in_order || tcb->rcv.buffered > 0) && !tcb->discard;
}

void tcp_text_take(struct tcb *tcb, struct tcp_seg *seg)
{
    bool in_order = seq_eq(seg->seq, tcb->rcv.nxt);
    bool had_holes = tcb->rcv.held != NULL;

    tcp_ecn_received(tcb, seg);
    if (seg->len > 0 && must_refuse(tcb, in_order)) {
        tcp_owe(tcb, TCP_OWED_ACK);
        tcp_seg_drop(tcb->tcp, seg, tcb->conn, WEFT_DROP_TCP_RCV_MEMORY);
        return;
    }
    if (!in_order) {
        hold(tcb, seg);
        return;
    }
    if (seg->len > 0) {
        struct weft_pkt *pkt = seg->pkt;

        tcb->last_data = tcb->tcp->core->now;
        net_path_confirm(tcb->tcp->net, &tcb->path); /* RFC 4861 7.3.1: our ACKs reach the peer */
        tcp_tune_received(tcb, seg);
        seg->pkt = NULL;
        accept_in_order(tcb, pkt, seg->len);
    }
    tcb->rcv.fin_reached |= (seg->flags & WIRE_TCP_FIN) != 0;
    absorb_runs(tcb);
    if (seg->len > 0) {
        acknowledge(tcb, seg, had_holes);
        if (!tcb->discard)
            tcp_signal(tcb, WEFT_READABLE);
    }
}

/* --- What the next ACK says -------------------------------------------------------------------------- */

/* Only what lies before RCV.NXT is certain to have come before: the rest of such a segment is thrown away. */
void tcp_text_note_duplicate(struct tcb *tcb, tcp_seq start, tcp_seq end)
{
    report_duplicate(tcb, start, seq_min(end, tcb->rcv.nxt));
}

static void add_sack(struct wire_tcp_opts *opts, tcp_seq left, tcp_seq right)
{
    opts->sack[opts->nsacks++] = (struct wire_tcp_sack){left.n, right.n};
}

/* The runs that were touched last, the latest first, `most` of them and no more. One pass, for there may be many. */
static unsigned latest_runs(const struct tcb *tcb, const struct tcp_run *latest[], unsigned most)
{
    unsigned n = 0;

    for (const struct tcp_run *run = tcb->rcv.held; run; run = run->next) {
        unsigned at = n;

        if (n < most)
            n++;
        else if (most == 0 || run->touched < latest[--at]->touched)
            continue;
        for (; at > 0 && run->touched > latest[at - 1]->touched; at--)
            latest[at] = latest[at - 1];
        latest[at] = run;
    }
    return n;
}

/* RFC 2018 4: the block that the last segment belongs to first, then those reported most recently;
 * a duplicate goes before all (RFC 2883 4). Three fit beside timestamps. */
void tcp_text_sacks(struct tcb *tcb, struct wire_tcp_opts *opts)
{
    unsigned most = opts->has_timestamps ? 3 : WIRE_TCP_MAX_SACK;
    const struct tcp_run *latest[WIRE_TCP_MAX_SACK];

    if (seq_lt(tcb->rcv.dsack_start, tcb->rcv.dsack_end))
        add_sack(opts, tcb->rcv.dsack_start, tcb->rcv.dsack_end);
    unsigned n = latest_runs(tcb, latest, most - opts->nsacks);
    for (unsigned i = 0; i < n; i++)
        add_sack(opts, latest[i]->start, latest[i]->end);
}

void tcp_text_purge(struct tcb *tcb)
{
    drop_runs(tcb, &tcb->rcv.held);
    weft_pktq_purge(&tcb->rcv.queue);
    tcb->rcv.buffered = 0;
}
