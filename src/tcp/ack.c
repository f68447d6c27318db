/* SPDX-License-Identifier: MIT */
/*
 * Step 5 of RFC 9293 3.10.7.4 in a synchronized connection: what an
 * acknowledgement tells.
 *
 * Owns    SND.UNA, SND.WND, SND.WL1 and SND.WL2.
 * Never   judges a loss (recovery.c does) or sends.
 */
#include "tcp/tcb.h"

/* RFC 9293 3.10.7.4 fifth: SND.WL1 < SEG.SEQ, or the same and SND.WL2 =< SEG.ACK. */
bool tcp_ack_window(struct tcb *tcb, const struct tcp_seg *seg)
{
    struct tcp_snd *snd = &tcb->snd;
    uint32_t wnd = (uint32_t)seg->window << snd->wscale;
    bool changed = wnd != snd->wnd;

    if (seq_lt(seg->ack, snd->una))
        return false;
    if (seq_gt(snd->wl1, seg->seq) || (seq_eq(snd->wl1, seg->seq) && seq_gt(snd->wl2, seg->ack)))
        return false;
    snd->wnd = wnd;
    snd->wl1 = seg->seq;
    snd->wl2 = seg->ack;
    if (wnd > snd->max_wnd)
        snd->max_wnd = wnd;
    return changed;
}

/* Bytes before `ack` leave the send buffer; SYN and FIN are numbers without bytes. */
static void release_data(struct tcb *tcb, tcp_seq ack)
{
    tcp_seq upto = seq_min(ack, tcp_data_end(tcb));

    if (seq_le(upto, tcb->buf.start))
        return;
    tcb->bytes_acked += seq_span(tcb->buf.start, upto);
    tcp_sendbuf_release(&tcb->buf, &tcb->tcp->chunks, upto);
    tcp_tell_writer(tcb);
}

/*
 * RFC 6298 3, Karn: from what was sent once. When something was sent twice, all
 * that came after it may have waited for it with the receiver; then only a copy
 * counts of which the echoed timestamp says that it was the one acknowledged.
 */
static void measure_rtt(struct tcb *tcb, const struct tcp_delivery *delivery)
{
    weft_time sent = delivery->retransmit_acked ? delivery->newest_resent : delivery->newest_sent;

    if (sent > 0)
        tcp_rtt_sample(tcb, (uint32_t)(tcb->tcp->core->now - sent));
}

static void take_progress(struct tcb *tcb, const struct tcp_seg *seg, struct tcp_delivery *delivery)
{
    delivery->acked = seq_span(tcb->snd.una, seg->ack);
    tcp_sack_acked(tcb, seg->ack, seg, delivery);
    release_data(tcb, seg->ack);
    tcb->snd.una = seg->ack;
    /* Numbers that are only compared now and then must not fall 2^31 behind. */
    tcb->snd.small_end = seq_max(tcb->snd.small_end, seg->ack);
    tcb->since_unacked = tcb->tcp->core->now;
    tcb->retries = 0;
    net_path_confirm(tcb->tcp->net, &tcb->path);
}

/* RFC 5681 2: an ACK that repeats, alone, without moving the window, while data is out. */
static bool is_dupack(const struct tcb *tcb, const struct tcp_seg *seg, bool window_changed)
{
    return seq_eq(seg->ack, tcb->snd.una) && seg->len == 0 && !(seg->flags & WIRE_TCP_FIN) &&
           !window_changed && !seq_eq(tcb->snd.una, tcb->snd.nxt);
}

void tcp_ack_take(struct tcb *tcb, const struct tcp_seg *seg)
{
    struct tcp_delivery delivery = {.flight = seq_span(tcb->snd.una, tcb->snd.nxt)};
    uint32_t wnd = tcb->snd.wnd;
    bool window_changed = tcp_ack_window(tcb, seg);

    if (seq_gt(seg->ack, tcb->snd.una))
        take_progress(tcb, seg, &delivery);
    else
        delivery.is_dupack = is_dupack(tcb, seg, window_changed);
    if (tcb->has_sack && seg->opts.nsacks > 0)
        tcp_sack_blocks(tcb, seg, &delivery);
    if (delivery.acked > 0 || delivery.sacked > 0)
        measure_rtt(tcb, &delivery);
    if (delivery.acked > 0 || delivery.sacked > 0 || delivery.is_dupack || delivery.dsack) {
        tcp_recovery_on_ack(tcb, &delivery);
        if (delivery.acked > 0)
            tcp_timer_ack_progress(tcb);
    }
    if (seq_eq(tcb->snd.una, tcb->snd.nxt) && delivery.acked > 0 && tcb->buf.len == 0)
        tcp_signal(tcb, WEFT_ALL_SENT);
    if (delivery.acked > 0 || delivery.sacked > 0 || delivery.is_dupack || tcb->snd.wnd != wnd)
        tcp_owe(tcb, 0);
}
