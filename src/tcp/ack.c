/* SPDX-License-Identifier: MIT */
/*
 * Step 5 of RFC 9293 3.10.7.4 in a synchronized connection: what an
 * acknowledgement tells.
 *
 * Owns    SND.UNA, SND.WND, SND.WL1 and SND.WL2.
 * Never   judges a loss (recovery.c does) or sends.
 */
#include "tcp/tcb.h"

/*
 * RFC 9293 3.10.7.4 fifth: SND.WL1 < SEG.SEQ, or the same and SND.WL2 =< SEG.ACK.
 * And by 3.8.6 whatever acknowledges more than all before: the window's right
 * edge moves with SND.UNA, and would otherwise go beyond what the peer has promised
 * when a segment that came late acknowledges something.
 */
bool tcp_ack_window(struct tcb *tcb, const struct tcp_seg *seg)
{
    struct tcp_snd *snd = &tcb->snd;
    uint32_t wnd = (uint32_t)seg->window << snd->wscale;
    bool changed = wnd != snd->wnd;

    if (seq_lt(seg->ack, snd->una))
        return false;
    if (seq_eq(seg->ack, snd->una) &&
        (seq_gt(snd->wl1, seg->seq) || (seq_eq(snd->wl1, seg->seq) && seq_gt(snd->wl2, seg->ack))))
        return false;
    snd->wnd = wnd;
    snd->wl1 = seq_max(snd->wl1, seg->seq);
    snd->wl2 = seg->ack;
    if (wnd > snd->max_wnd)
        snd->max_wnd = wnd;
    return changed;
}

void tcp_ack_release(struct tcb *tcb, tcp_seq ack)
{
    tcp_seq upto = seq_min(ack, tcp_data_end(tcb));

    if (seq_le(upto, tcb->buf.start))
        return;
    tcb->bytes_acked += seq_span(tcb->buf.start, upto);
    tcp_sendbuf_release(&tcb->buf, &tcb->tcp->chunks, upto);
    tcp_info_busy(tcb);
    tcp_tune_acked(tcb);
    tcp_tell_writer(tcb);
}

/*
 * RFC 6298 3, Karn: from what was sent once. When something was sent twice, all
 * that came after it may have waited for it with the receiver; then only a copy
 * counts of which the echoed timestamp says that it was the one acknowledged.
 */
static void measure_rtt(struct tcb *tcb, struct tcp_delivery *delivery)
{
    weft_time sent = delivery->retransmit_acked ? delivery->newest_resent : delivery->newest_sent;

    if (sent == 0)
        return;
    delivery->rtt = tcb->tcp->core->now - sent;
    tcp_rtt_sample(tcb, delivery->rtt);
}

static void take_progress(struct tcb *tcb, const struct tcp_seg *seg, struct tcp_delivery *delivery)
{
    delivery->acked = seq_span(tcb->snd.una, seg->ack);
    tcp_sack_acked(tcb, seg->ack, seg, delivery);
    tcp_ack_release(tcb, seg->ack);
    tcb->snd.una = seg->ack;
    tcp_pmtud_acked(tcb);
    /* Numbers that are only compared now and then must not fall 2^31 behind. */
    tcb->snd.small_end = seq_max(tcb->snd.small_end, seg->ack);
    tcb->since_unacked = tcb->tcp->core->now;
    tcb->snd.has_urgent &= seq_lt(seg->ack, tcb->snd.up);
    tcb->retries = 0;
    tcb->soft_error = 0;
    tcp_info_progress(tcb);
    net_path_confirm(tcb->tcp->net, &tcb->path);
}

/* An ACK that repeats, alone, without moving the window. */
static bool is_repeated(const struct tcb *tcb, const struct tcp_seg *seg, bool window_changed)
{
    return seq_eq(seg->ack, tcb->snd.una) && seg->len == 0 && !(seg->flags & WIRE_TCP_FIN) && !window_changed;
}

/*
 * A peer may take its window back from under what is out (RFC 9293 3.8.6). When
 * it opens again, by a segment or over everything, recovery hears from where on.
 */
static void watch_edge(struct tcb *tcb)
{
    struct tcp_snd *snd = &tcb->snd;
    tcp_seq edge = seq_add(snd->una, snd->wnd);
    tcp_seq end = seq_min(edge, snd->nxt);
    bool is_short = seq_lt(edge, snd->nxt);

    if (is_short && (!snd->is_short || seq_lt(edge, snd->short_edge))) {
        snd->is_short = true;
        snd->short_edge = edge;
    } else if (snd->is_short && (!is_short || seq_span(snd->short_edge, end) >= snd->mss)) {
        tcp_recovery_window_opened(tcb, snd->short_edge, end);
        snd->is_short = is_short;
        snd->short_edge = end;
    }
}

/* For who looks at the connection. */
static void count_what_is_told(struct tcb *tcb, const struct tcp_delivery *delivery, uint32_t delivered_segs)
{
    struct tcp_account *account = &tcb->account;

    if (delivery->ece)
        account->delivered_ce += delivered_segs;
    account->reord_seen += delivery->shows_reordering;
    if (delivery->dsack)
        account->dsack_dups +=
            (seq_span(delivery->dsack_start, delivery->dsack_end) + tcb->snd.mss - 1) / tcb->snd.mss;
}

void tcp_ack_take(struct tcb *tcb, const struct tcp_seg *seg)
{
    struct tcp_delivery delivery = {.flight = seq_span(tcb->snd.una, tcb->snd.nxt),
                                    .lost_before = tcb->rate.lost,
                                    .ece = tcb->ecn.agreed && (seg->flags & WIRE_TCP_ECE),
                                    .has_echo = tcb->has_timestamps && seg->opts.has_timestamps,
                                    .echo = seg->opts.tsecr};
    uint32_t wnd = tcb->snd.wnd, delivered_before = tcb->delivered_segs;
    bool window_changed = tcp_ack_window(tcb, seg);

    if (seq_gt(seg->ack, tcb->snd.una)) {
        take_progress(tcb, seg, &delivery);
    } else if (is_repeated(tcb, seg, window_changed)) {
        delivery.is_repeated = true;
        delivery.is_dupack = !seq_eq(tcb->snd.una, tcb->snd.nxt); /* RFC 5681 2 */
    }
    if (tcb->has_sack && seg->opts.nsacks > 0)
        tcp_sack_blocks(tcb, seg, &delivery);
    if (delivery.acked > 0 || delivery.sacked > 0)
        measure_rtt(tcb, &delivery);
    count_what_is_told(tcb, &delivery, tcb->delivered_segs - delivered_before);
    if (delivery.acked > 0 || delivery.sacked > 0 || delivery.is_repeated || delivery.dsack) {
        tcp_recovery_on_ack(tcb, &delivery);
        if (delivery.acked > 0 && !delivery.leaves_timer)
            tcp_timer_ack_progress(tcb);
        else
            tcp_timer_sacked(tcb);
    }
    watch_edge(tcb);
    if (tcb->board.head && (tcb->board.head->flags & TCP_RANGE_SACKED))
        tcp_timer_reneged(tcb);
    if (seq_eq(tcb->snd.una, tcb->snd.nxt) && delivery.acked > 0 && tcb->buf.len == 0)
        tcp_signal(tcb, WEFT_ALL_SENT);
    if (delivery.acked > 0 || delivery.sacked > 0 || delivery.is_dupack || tcb->snd.wnd != wnd)
        tcp_owe(tcb, 0);
}
