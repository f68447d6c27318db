/* SPDX-License-Identifier: MIT */
/*
 * A segment arrives for a connection in SYN-SENT (RFC 9293 3.10.7.3), and what
 * both ends agree on in the handshake.
 *
 * Owns    the move from SYN-SENT to ESTABLISHED, or to SYN-RECEIVED when both
 *         sides open at once.
 * Never   believes a segment that does not acknowledge our SYN (but for a bare
 *         SYN, which opens simultaneously).
 */
#include "tcp/cc/cc.h"
#include "tcp/tcb.h"

/* RFC 9293 MUST-15: what a peer takes that sends no MSS option. */
#define DEFAULT_MSS_IP4 536
#define DEFAULT_MSS_IP6 1220

void tcp_negotiate(struct tcb *tcb, const struct wire_tcp_opts *opts)
{
    const struct weft_tcp_config *config = &tcb->tcp->config;
    bool ip4 = weft_addr_is_ip4(&tcb->node.tuple.remote);

    tcb->snd.peer_mss = opts->has_mss ? opts->mss : (ip4 ? DEFAULT_MSS_IP4 : DEFAULT_MSS_IP6);
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
    tcp_output_update_mss(tcb);
}

/* RFC 9293 3.10.7.3: the window of a SYN is never scaled (RFC 7323 2.2). */
static void take_window(struct tcb *tcb, const struct tcp_seg *seg)
{
    tcb->snd.wnd = seg->window;
    tcb->snd.max_wnd = seg->window;
    tcb->snd.wl1 = seg->seq;
    tcb->snd.wl2 = seg->ack;
}

void tcp_established(struct tcb *tcb)
{
    tcb->cc.ops->init(tcb);
    if (tcb->syn_repeated)
        tcb->cc.cwnd = tcb->snd.mss;
    tcb->cc.recover = tcb->snd.una;
    tcb->quick_acks = TCP_QUICK_ACKS;
    tcb->since_unacked = tcb->tcp->core->now;
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
        tcp_rtt_sample(tcb, (uint32_t)(tcb->tcp->core->now - range->sent));
    else if (tcb->rtt.srtt == 0 && tcb->retries > 0)
        tcb->rtt.rto = 3 * (uint32_t)WEFT_SEC; /* RFC 6298 5.7 */
    tcb->syn_repeated = tcb->retries > 0;
    tcb->rtt.backoffs = 0;
    tcp_sack_acked(tcb, seg->ack, seg, &delivery);
    tcb->snd.una = seg->ack;
}

static void take_syn(struct tcb *tcb, const struct tcp_seg *seg)
{
    uint32_t offered = tcp_rcv_wnd(tcb); /* by our SYN */

    tcb->rcv.irs = seg->seq;
    tcb->rcv.nxt = tcb->rcv.acked = seq_add(seg->seq, 1);
    tcb->rcv.adv = seq_add(tcb->rcv.nxt, offered);
    tcb->rcv.dsack_start = tcb->rcv.dsack_end = tcb->rcv.nxt;
    tcp_negotiate(tcb, &seg->opts);
    take_window(tcb, seg);
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
    } else {
        tcp_state_set(tcb, WEFT_TCP_SYN_RECEIVED, WEFT_CAUSE_SYN);
        tcp_owe(tcb, TCP_OWED_SYN);
    }
}

void tcp_input_syn_sent(struct tcb *tcb, struct tcp_seg *seg)
{
    bool has_ack = seg->flags & WIRE_TCP_ACK;

    tcb->segs_in += seg->segs;
    if (has_ack && (seq_le(seg->ack, tcb->snd.iss) || seq_gt(seg->ack, tcb->snd.nxt))) {
        tcp_reply_reset(tcb->tcp, seg);
        tcp_seg_drop(tcb->tcp, seg, tcb->conn, WEFT_DROP_TCP_ACK_OF_NOTHING);
        return;
    }
    if (seg->flags & WIRE_TCP_RST) {
        if (!has_ack) {
            tcp_seg_drop(tcb->tcp, seg, tcb->conn, WEFT_DROP_TCP_RST_INVALID);
            return;
        }
        tcp_state_fail(tcb, WEFT_E_CONNREFUSED, WEFT_CAUSE_RST);
        weft_pkt_free(seg->pkt);
        return;
    }
    if (!(seg->flags & WIRE_TCP_SYN)) {
        tcp_seg_drop(tcb->tcp, seg, tcb->conn, WEFT_DROP_TCP_NO_CONNECTION);
        return;
    }
    check_syn(tcb, seg);
    /* Data or FIN with the SYN is not taken here: it is not acknowledged, so it comes again. */
    weft_pkt_free(seg->pkt);
    tcp_check(tcb);
}
