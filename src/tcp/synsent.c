/* SPDX-License-Identifier: MIT */
/*
 * A segment arrives for a connection in SYN-SENT (RFC 9293 3.10.7.3), and what
 * both ends agree on in the handshake.
 *
 * Owns    the move from SYN-SENT to ESTABLISHED, or to SYN-RECEIVED when both
 *         sides open at once.
 * Never   believes a segment that does not acknowledge our SYN (but for a bare
 *         SYN, which opens simultaneously until somebody shows to have seen ours).
 */
#include "tcp/cc/cc.h"
#include "tcp/tcb.h"

/* RFC 9293 MUST-15: what a peer takes that sends no MSS option. */
#define DEFAULT_MSS_IP4 536
#define DEFAULT_MSS_IP6 1220

uint16_t tcp_peer_mss(const struct wire_tcp_opts *opts, const struct tcp_tuple *tuple)
{
    if (opts->has_mss)
        return opts->mss;
    return weft_addr_is_ip4(&tuple->remote) ? DEFAULT_MSS_IP4 : DEFAULT_MSS_IP6;
}

void tcp_negotiate(struct tcb *tcb, const struct wire_tcp_opts *opts)
{
    const struct weft_tcp_config *config = &tcb->tcp->config;

    tcb->snd.peer_mss = tcp_peer_mss(opts, &tcb->node.tuple);
    tcb->has_wscale = opts->has_wscale && !config->no_window_scale;
    /* RFC 7323 2.3: a larger shift counts as 14. */
    tcb->snd.wscale = opts->wscale < WIRE_TCP_MAX_WSCALE ? opts->wscale : WIRE_TCP_MAX_WSCALE;
    if (!tcb->has_wscale)
        tcb->snd.wscale = 0;
    if (!tcb->has_wscale)
        tcb->rcv.wscale = 0;
    tcb->has_sack = opts->has_sack_permitted && !config->no_sack;
    tcb->has_timestamps = opts->has_timestamps && !config->no_timestamps;
    if (tcb->has_timestamps) {
        tcb->ts_recent = opts->tsval;
        tcb->ts_recent_age = tcb->tcp->core->now;
    }
    tcp_segment_update_mss(tcb);
}

/* RFC 9293 3.10.7.3: the window of a SYN is never scaled (RFC 7323 2.2). */
static void take_window(struct tcb *tcb, const struct tcp_seg *seg)
{
    tcb->snd.wnd = seg->window;
    tcb->snd.max_wnd = seg->window;
    tcb->snd.wl1 = seg->seq;
    tcb->snd.wl2 = seg->ack;
}

void tcp_begin_sending(struct tcb *tcb)
{
    tcp_cc_established(tcb);
    tcp_hostcache_may_send(tcb);
    tcb->cc.recover = tcb->snd.una;
}

void tcp_established(struct tcb *tcb)
{
    if (!tcb->tfo.is_opened)
        tcp_begin_sending(tcb);
    tcb->quick_acks = TCP_QUICK_ACKS;
    tcb->uto.is_owed = tcb->options.uto_enabled; /* RFC 5482 3: with the first segment without SYN, too */
    tcb->since_unacked = tcb->last_data = tcb->tcp->core->now;
    tcp_pmtud_established(tcb);
    tcp_tune_established(tcb);
    tcp_timer_established(tcb);
    net_path_confirm(tcb->tcp->net, &tcb->path);
    if (tcb->fin_queued)
        tcp_state_set(tcb, WEFT_TCP_FIN_WAIT_1, WEFT_CAUSE_CALL_CLOSE);
    tcp_signal(tcb, WEFT_WRITABLE);
    tcp_owe(tcb, 0);
}

/* Our SYN is acknowledged: SND.UNA moves over it, and the round trip is known unless it was sent twice. */
static void syn_is_acked(struct tcb *tcb, const struct tcp_seg *seg)
{
    const struct tcp_range *range = tcb->board.head;
    struct tcp_delivery delivery = {0};

    if (range && !(range->flags & TCP_RANGE_RETRANSMITTED))
        tcp_rtt_sample(tcb, tcb->tcp->core->now - range->sent);
    else if ((tcb->rtt.srtt == 0 || tcb->rtt.is_cached) && tcb->retries > 0)
        tcb->rtt.rto = 3 * (uint32_t)WEFT_SEC; /* RFC 6298 5.7 */
    tcb->syn_repeated = tcb->retries > 0;
    tcb->rtt.backoffs = 0;
    tcp_info_progress(tcb);
    tcp_tfo_answered(tcb, seg);
    tcp_sack_acked(tcb, seg->ack, seg, &delivery);
    tcp_ack_release(tcb, seg->ack);
    tcb->snd.una = seg->ack;
    /* RFC 7413 4.2.2: what came with the SYN and was not taken goes again, with the first ACK. */
    if (tcb->board.head)
        tcp_sack_mark_lost(tcb, tcb->board.head, UINT32_MAX, WEFT_CAUSE_SYN_DATA);
}

static void take_syn(struct tcb *tcb, const struct tcp_seg *seg)
{
    uint32_t offered = tcp_rcv_wnd(tcb); /* by our SYN */

    tcb->rcv.irs = seg->seq;
    tcp_ao_set_irs(tcb);
    tcb->rcv.nxt = tcb->rcv.acked = seq_add(seg->seq, 1);
    tcb->rcv.adv = seq_add(tcb->rcv.nxt, offered);
    tcb->rcv.dsack_start = tcb->rcv.dsack_end = tcb->rcv.nxt;
    tcp_negotiate(tcb, &seg->opts);
    tcp_ecn_negotiate(tcb, seg->flags);
    tcp_uto_received(tcb, &seg->opts);
    take_window(tcb, seg);
}

/* "If there are other controls or text in the segment, then continue processing at the sixth step" (RFC 9293
 * 3.10.7.3 fourth), as far as it fits the window of our SYN. */
static void take_rest(struct tcb *tcb, struct tcp_seg *seg)
{
    uint32_t wnd = tcp_rcv_wnd(tcb);

    seg->seq = tcb->rcv.nxt;
    seg->flags &= (uint16_t)~WIRE_TCP_SYN;
    if (tcp_seg_span(seg) > wnd) {
        seg->flags &= (uint16_t)~WIRE_TCP_FIN;
        seg->len = seg->len < wnd ? seg->len : wnd;
        weft_pkt_trim(seg->pkt, seg->len);
    }
    tcp_input_text(tcb, seg);
}

/* Fourth and fifth: SYN, with or without an ACK of ours. */
static void check_syn(struct tcb *tcb, struct tcp_seg *seg)
{
    take_syn(tcb, seg);
    if (seg->flags & WIRE_TCP_ACK) {
        syn_is_acked(tcb, seg);
        tcp_state_set(tcb, WEFT_TCP_ESTABLISHED, WEFT_CAUSE_SYN_ACK);
        tcp_owe(tcb, TCP_OWED_ACK);
        tcp_established(tcb);
        take_rest(tcb, seg);
    } else {
        /* Its data is not acknowledged, so it comes again. */
        tcp_state_set(tcb, WEFT_TCP_SYN_RECEIVED, WEFT_CAUSE_SYN);
        tcp_owe(tcb, TCP_OWED_SYN);
        weft_pkt_free(seg->pkt);
        tcp_check(tcb);
    }
}

/* An echo must be of something that we sent in this connection: else the SYN-ACK is an old one, or a guess; ours, as
 * Linux has it. Zero is what a peer echoes that does not know how. */
static bool echoes_another(const struct tcb *tcb, const struct tcp_seg *seg)
{
    uint32_t first = (uint32_t)(tcb->since_unacked / WEFT_MSEC) + tcb->ts_offset;
    uint32_t last = tcp_ts_clock(tcb->tcp) + tcb->ts_offset;
    uint32_t echo = seg->opts.tsecr;

    if (!seg->opts.has_timestamps || tcb->tcp->config.no_timestamps || echo == 0)
        return false;
    return (int32_t)(echo - first) < 0 || (int32_t)(last - echo) < 0;
}

/*
 * A bare SYN came first, and made of this a simultaneous open. It may have been
 * an old one, or forged: it takes no more than the ports. DEVIATES: RFC 9293
 * 3.10.7.4 challenges the SYN-ACK that comes after it; the open then fails with
 * the reset of a server that knows nothing of our answer to the other. Test: tests/unit/test_tcp_open.c.
 */
bool tcp_input_true_answer(struct tcb *tcb, struct tcp_seg *seg)
{
    if (tcb->state != WEFT_TCP_SYN_RECEIVED || tcb->is_passive || seq_eq(seg->seq, tcb->rcv.irs) ||
        (seg->flags & (WIRE_TCP_SYN | WIRE_TCP_ACK | WIRE_TCP_RST)) != (WIRE_TCP_SYN | WIRE_TCP_ACK))
        return false;
    if (seq_le(seg->ack, tcb->snd.iss) || seq_gt(seg->ack, tcb->snd.nxt) || echoes_another(tcb, seg))
        return false;
    tcb->owed &= (uint16_t)~TCP_OWED_SYN;
    tcb->rcv.wscale = tcp_wscale_to_offer(tcb->tcp, tcb->options.receive_buffer);
    tcb->uto.remote = 0;
    check_syn(tcb, seg);
    return true;
}

void tcp_input_syn_sent(struct tcb *tcb, struct tcp_seg *seg)
{
    bool has_ack = seg->flags & WIRE_TCP_ACK;

    tcb->segs_in += seg->segs;
    tcb->account.data_segs_in += seg->len > 0 ? seg->segs : 0;
    if (has_ack && (seq_le(seg->ack, tcb->snd.iss) || seq_gt(seg->ack, tcb->snd.nxt))) {
        tcp_reply_reset(tcb->tcp, seg);
        tcp_seg_drop(tcb->tcp, seg, tcb->conn, WEFT_DROP_TCP_ACK_OF_NOTHING);
        return;
    }
    if (has_ack && !(seg->flags & WIRE_TCP_RST) && echoes_another(tcb, seg)) {
        tcp_reply_reset(tcb->tcp, seg);
        tcp_seg_drop(tcb->tcp, seg, tcb->conn, WEFT_DROP_TCP_ECHO);
        return;
    }
    if (seg->flags & WIRE_TCP_RST) {
        if (!has_ack) {
            tcp_seg_drop(tcb->tcp, seg, tcb->conn, WEFT_DROP_TCP_RST_INVALID);
            return;
        }
        /* RFC 3168 6.1.1.1: perhaps somebody on the way does not like what our SYN asked. */
        if (tcp_ecn_may_ask_again(tcb))
            tcp_owe(tcb, TCP_OWED_SYN);
        else
            tcp_state_fail(tcb, WEFT_E_CONNREFUSED, WEFT_CAUSE_RST);
        weft_pkt_free(seg->pkt);
        return;
    }
    if (!(seg->flags & WIRE_TCP_SYN)) {
        tcp_seg_drop(tcb->tcp, seg, tcb->conn, WEFT_DROP_TCP_NO_CONNECTION);
        return;
    }
    check_syn(tcb, seg);
}
