/* SPDX-License-Identifier: MIT */
/*
 * What must hold of a connection between events, and what the trace says of
 * its variables.
 *
 * Owns    nothing; it looks. A broken invariant is a bug of ours and traps.
 */
#include "base/assert.h"
#include "tcp/tcb.h"

static void check_scoreboard(const struct tcb *tcb)
{
    uint32_t sacked = 0, lost = 0, doubled = 0;
    tcp_seq at = tcb->snd.una;
    const struct tcp_range *prev = NULL;

    for (const struct tcp_range *range = tcb->board.head; range; range = range->next) {
        weft_assert(range->prev == prev);
        weft_assert(seq_eq(range->start, at) && seq_gt(range->end, range->start));
        weft_assert(!(range->flags & TCP_RANGE_SACKED) || !(range->flags & TCP_RANGE_LOST));
        weft_assert(!(range->flags & TCP_RANGE_DOUBLED) ||
                    !(range->flags & (TCP_RANGE_SACKED | TCP_RANGE_LOST)));
        if (range->flags & TCP_RANGE_SACKED)
            sacked += seq_span(range->start, range->end);
        if (range->flags & TCP_RANGE_LOST)
            lost += seq_span(range->start, range->end);
        if (range->flags & TCP_RANGE_DOUBLED)
            doubled += seq_span(range->start, range->end);
        at = range->end;
        prev = range;
    }
    weft_assert(tcb->board.tail == prev);
    weft_assert(seq_eq(at, tcb->snd.nxt) || !prev);
    weft_assert(sacked == tcb->board.sacked_bytes && lost == tcb->board.lost_bytes);
    weft_assert(doubled == tcb->board.doubled_bytes);
}

static void check_send_buffer(const struct tcb *tcb)
{
    uint32_t len = 0;

    for (const struct tcp_chunk *chunk = tcb->buf.head; chunk; chunk = chunk->next) {
        weft_assert(seq_eq(chunk->seq, seq_add(tcb->buf.start, len)));
        len += chunk->view.len;
    }
    weft_assert(len == tcb->buf.len);
}

static void check_received(const struct tcb *tcb)
{
    uint32_t held = 0, runs = 0, buffered = 0;
    tcp_seq last = tcb->rcv.nxt;

    for (const struct tcp_run *run = tcb->rcv.held; run; run = run->next) {
        weft_assert(seq_gt(run->start, last) && seq_gt(run->end, run->start));
        held += seq_span(run->start, run->end) - run->fin;
        last = run->end;
        runs++;
    }
    for (const struct weft_pkt *pkt = tcb->rcv.queue.head; pkt; pkt = pkt->next)
        buffered += pkt->total_len;
    weft_assert(held == tcb->rcv.held_bytes && runs == tcb->rcv.held_runs);
    weft_assert(buffered == tcb->rcv.buffered);
}

void tcp_check(const struct tcb *tcb)
{
    if (!tcb->tcp->config.check)
        return;
    weft_assert(seq_le(tcb->snd.una, tcb->snd.nxt));
    weft_assert(seq_le(tcb->snd.nxt, seq_add(tcp_data_end(tcb), tcb->fin_sent)));
    weft_assert(tcb->state < WEFT_TCP_ESTABLISHED || seq_le(tcb->buf.start, tcb->snd.nxt));
    weft_assert(tcb->state < WEFT_TCP_ESTABLISHED || tcb->cc.cwnd >= tcb->snd.mss ||
                tcb->cc.state != TCP_CA_OPEN);
    weft_assert(!tcb->fin_sent || tcb->fin_queued);
    check_scoreboard(tcb);
    check_send_buffer(tcb);
    check_received(tcb);
}

void tcp_trace_snd(const struct tcb *tcb)
{
    tcp_trace(tcb, WEFT_TRACE_TCP_SND, tcb->snd.una.n, tcb->snd.nxt.n, tcb->snd.wnd, tcb->cc.cwnd,
              tcb->cc.ssthresh, tcp_in_flight(tcb));
}

void tcp_trace_rcv(const struct tcb *tcb)
{
    tcp_trace(tcb, WEFT_TRACE_TCP_RCV, tcb->rcv.nxt.n, tcp_rcv_wnd(tcb), tcb->rcv.held_bytes,
              tcb->rcv.buffered, 0, 0);
}
