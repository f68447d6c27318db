/* SPDX-License-Identifier: MIT */
/*
 * What TCP does when a segment arrives for a connection in SYN-RECEIVED or
 * later (RFC 9293 3.10.7.4).
 *
 * Owns    every change to a connection that a received segment causes: moves
 *         between states, RCV.NXT, SND.UNA, SND.WND and the runs held out of
 *         order. Two helpers work under its orders, ack.c (step 5) and text.c
 *         (step 7); nothing else writes these on input.
 *
 * Never   sleeps, allocates from the system or reads a clock, nor sends: what
 *         must go out is noted with tcp_owe, and output.c acts on it once the
 *         batch is done (the one exception: what is owed when a connection goes
 *         to TIME-WAIT goes out before its block does). Timers are not armed here; we tell timer.c what happened.
 *
 * Given   a segment, possibly several coalesced into one, that tcp.c has
 *         parsed into host order with checksum, header length and options
 *         verified, and the connection it found for it. We take the payload.
 *
 * Order   RFC 9293 3.10.7.4, one function per step, called from one place:
 *            0 check_timestamp   PAWS (RFC 7323 5.3 R1), before all else
 *            1 check_sequence    window test, then trim to the window
 *            2 check_reset       exact match resets, near miss is challenged
 *            3 (security)        not supported
 *            4 check_syn         challenged (RFC 5961 4)
 *            5 check_ack         hands to ack.c; the only source of SND.UNA
 *            6 check_urgent      keeps the pointer, delivers in line
 *            7 take_text         into the receive queue, or held as a run
 *            8 check_fin         counts as one octet after the last byte
 *         Step 1 is what makes the rest safe: whatever it leaves of the
 *         segment, perhaps no bytes at all, lies inside
 *         [RCV.NXT, RCV.NXT + RCV.WND). No later step tests the window again,
 *         and none may run before it.
 *
 * Trust   Until step 5 has accepted the ACK the sender may be anyone who
 *         guessed an address and a port. Steps 0 to 4 cost constant time, and
 *         challenges are limited in rate (RFC 5961 7).
 */
#include "tcp/tcb.h"

/* What a step says of the segment. GONE: it has been dropped, or the connection is no more. */
enum verdict {
    GO_ON,
    GONE,
};

static enum verdict drop(struct tcb *tcb, struct tcp_seg *seg, enum weft_drop reason)
{
    tcp_seg_drop(tcb->tcp, seg, tcb->conn, reason);
    return GONE;
}

/* The connection ended and may have been freed; only the segment is left to throw away. */
static enum verdict ended(struct tcp_seg *seg)
{
    weft_pkt_free(seg->pkt);
    seg->pkt = NULL;
    return GONE;
}

/*
 * The bound of the connection comes first: whoever floods one must not use up
 * what the others have, nor learn from its own connection what happens to
 * another (the limit of all is random for the same reason, see reply.c).
 */
static void challenge(struct tcb *tcb)
{
    if (tcp_quota_take(tcb->tcp, &tcb->challenges) && tcp_challenge_allowed(tcb->tcp))
        tcp_owe(tcb, TCP_OWED_CHALLENGE);
}

/* How often a connection answers segments that carry nothing and do not fit: so many in each interval;
 * ours (Linux has one in 500 ms). */
#define MISFIT_ANSWERS  10
#define MISFIT_INTERVAL (500 * WEFT_MSEC)

/*
 * An ACK is owed for a segment that does not fit. Two ends that disagree about
 * their numbers must not answer each other's answers for ever: to segments that
 * carry nothing it is given so often and no more. Keepalives and window probes,
 * one number before what is expected, are always answered.
 */
static void answer_misfit(struct tcb *tcb, const struct tcp_seg *seg, unsigned owed)
{
    weft_time now = tcb->tcp->core->now;

    if (now - tcb->misfits_since >= MISFIT_INTERVAL) {
        tcb->misfits_since = now;
        tcb->misfit_answers = 0;
    }
    if (tcp_seg_span(seg) == 0 && !seq_eq(seg->seq, seq_sub(tcb->rcv.nxt, 1)) &&
        tcb->misfit_answers++ >= MISFIT_ANSWERS)
        return;
    tcp_owe(tcb, owed);
}

/* --- Step 0: timestamps ------------------------------------------------------------------- */

/* RFC 7323 5.5: a TS.Recent older than this says nothing any more. */
#define TS_RECENT_VALID (24 * 24 * 3600 * WEFT_SEC)

static enum verdict check_timestamp(struct tcb *tcb, struct tcp_seg *seg)
{
    if (!tcb->has_timestamps || (seg->flags & WIRE_TCP_RST))
        return GO_ON;
    /* RFC 7323 3.2: a segment without the option SHOULD be dropped; a SYN is challenged below. */
    if (!seg->opts.has_timestamps) {
        bool is_taken = (seg->flags & WIRE_TCP_SYN) || tcb->tcp->config.tolerate_missing_timestamps;

        return is_taken ? GO_ON : drop(tcb, seg, WEFT_DROP_TCP_NO_TIMESTAMP);
    }
    if ((int32_t)(seg->opts.tsval - tcb->ts_recent) >= 0)
        return GO_ON;
    if (tcb->tcp->core->now - tcb->ts_recent_age > TS_RECENT_VALID)
        return GO_ON;
    if (seg->flags & WIRE_TCP_SYN) {
        challenge(tcb); /* of a peer that has restarted, and its clock with it (RFC 5961 4.2) */
    } else {
        tcp_text_note_duplicate(tcb, seg->seq, seq_add(seg->seq, seg->len));
        answer_misfit(tcb, seg, TCP_OWED_ACK);
    }
    return drop(tcb, seg, WEFT_DROP_TCP_PAWS);
}

/* Done when step 5 has believed the segment: one that acknowledges what was never sent must not be able to make
 * every later segment of the true peer look old. */
void tcp_input_note_timestamp(struct tcb *tcb, const struct tcp_seg *seg)
{
    if (!tcb->has_timestamps || !seg->opts.has_timestamps || seq_gt(seg->start, tcb->rcv.acked))
        return;
    if ((int32_t)(seg->opts.tsval - tcb->ts_recent) < 0 &&
        tcb->tcp->core->now - tcb->ts_recent_age <= TS_RECENT_VALID)
        return;
    tcb->ts_recent = seg->opts.tsval;
    tcb->ts_recent_age = tcb->tcp->core->now;
}

/* --- Step 1: sequence number ---------------------------------------------------------------- */

/* The four cases of RFC 9293 table 6. */
static bool is_acceptable(const struct tcb *tcb, tcp_seq seq, uint32_t span)
{
    tcp_seq nxt = tcb->rcv.nxt;
    uint32_t wnd = tcp_rcv_wnd(tcb);
    tcp_seq last = seq_add(seq, span - 1);

    if (span == 0)
        return wnd == 0 ? seq_eq(seq, nxt) : seq_ge(seq, nxt) && seq_lt(seq, seq_add(nxt, wnd));
    if (wnd == 0)
        return false;
    return (seq_ge(seq, nxt) && seq_lt(seq, seq_add(nxt, wnd))) ||
           (seq_ge(last, nxt) && seq_lt(last, seq_add(nxt, wnd)));
}

/* Takes `n` numbers off the front; a SYN is the first. */
static void trim_front(struct tcp_seg *seg, uint32_t n)
{
    if (seg->flags & WIRE_TCP_SYN) {
        seg->flags &= (uint16_t)~WIRE_TCP_SYN;
        seg->seq = seq_add(seg->seq, 1);
        n--;
    }
    if (n > seg->len)
        n = seg->len;
    weft_pkt_trim_front(seg->pkt, n);
    seg->seq = seq_add(seg->seq, n);
    seg->len -= n;
}

/* Keeps `span` numbers; a FIN is the last. */
static void trim_back(struct tcp_seg *seg, uint32_t span)
{
    seg->flags &= (uint16_t)~WIRE_TCP_FIN;
    if (span < seg->len) {
        seg->len = span;
        weft_pkt_trim(seg->pkt, span);
    }
}

/* RFC 9293 3.10.7.4 first: "should be allowed to process ACKs, URGs, and RSTs" while the window is shut. */
static bool is_for_shut_window(const struct tcb *tcb, const struct tcp_seg *seg)
{
    return tcp_rcv_wnd(tcb) == 0 && seq_eq(seg->seq, tcb->rcv.nxt) && !(seg->flags & WIRE_TCP_SYN);
}

/* The SYN of a fast open again: our SYN-ACK may be lost. */
static bool is_opening_syn(const struct tcb *tcb, const struct tcp_seg *seg)
{
    return tcb->state == WEFT_TCP_SYN_RECEIVED && tcb->tfo.is_opened && seq_eq(seg->seq, tcb->rcv.irs) &&
           (seg->flags & (WIRE_TCP_SYN | WIRE_TCP_ACK)) == WIRE_TCP_SYN;
}

static enum verdict not_acceptable(struct tcb *tcb, struct tcp_seg *seg)
{
    bool is_old = seq_lt(seg->seq, tcb->rcv.nxt);

    if (seg->flags & WIRE_TCP_RST)
        return drop(tcb, seg, WEFT_DROP_TCP_RST_INVALID);
    if (is_opening_syn(tcb, seg)) {
        tcb->ecn.agreed &= tcp_ecn_is_asked(&tcb->options, seg->flags); /* RFC 3168 6.1.1.1 */
        if (tcp_quota_take(tcb->tcp, &tcb->challenges))
            tcp_owe(tcb, TCP_OWED_SYN);
        return drop(tcb, seg, WEFT_DROP_TCP_DUPLICATE);
    }
    if (seg->flags & WIRE_TCP_SYN) {
        challenge(tcb);
        return drop(tcb, seg, WEFT_DROP_TCP_SYN_IN_SYNC);
    }
    if (is_old && seg->len > 0)
        tcp_text_note_duplicate(tcb, seg->seq, seq_add(seg->seq, seg->len));
    answer_misfit(tcb, seg, TCP_OWED_ACK_DUP);
    return drop(tcb, seg, is_old ? WEFT_DROP_TCP_DUPLICATE : WEFT_DROP_TCP_OUT_OF_WINDOW);
}

/*
 * All of it was received before, but it acknowledges something new, and the
 * peer's window has been taken back from under what is in flight. DEVIATES: RFC
 * 9293 3.10.7.4 first drops it whole. When that has happened to both ends,
 * neither has another number to send its ACKs with (control.c), so both streams
 * would stand still for ever: A.2; the remedy is that of BSD. Not older than a
 * window that we can have offered.
 */
static bool is_old_with_news(const struct tcb *tcb, const struct tcp_seg *seg)
{
    if (!(seg->flags & WIRE_TCP_ACK) || seg->flags & (WIRE_TCP_SYN | WIRE_TCP_RST) ||
        tcb->state < WEFT_TCP_ESTABLISHED || seq_le(tcb->snd.nxt, seq_add(tcb->snd.una, tcb->snd.wnd)))
        return false;
    return seq_lt(seg->seq, tcb->rcv.nxt) &&
           seq_ge(seg->seq, seq_sub(tcb->rcv.nxt, tcb->options.receive_buffer)) &&
           seq_gt(seg->ack, tcb->snd.una) && seq_le(seg->ack, tcb->snd.nxt);
}

/* Nothing but the acknowledgement is left. */
static void keep_ack_only(struct tcb *tcb, struct tcp_seg *seg)
{
    if (seg->len > 0)
        tcp_text_note_duplicate(tcb, seg->seq, seq_add(seg->seq, seg->len));
    answer_misfit(tcb, seg, TCP_OWED_ACK_DUP);
    trim_back(seg, 0);
}

/* RFC 9293 3.5 figure 7: when both open at once, the peer's SYN comes again with the ACK of ours. */
static bool is_second_syn(const struct tcb *tcb, const struct tcp_seg *seg)
{
    return tcb->state == WEFT_TCP_SYN_RECEIVED && seq_eq(seg->seq, tcb->rcv.irs) &&
           (seg->flags & (WIRE_TCP_SYN | WIRE_TCP_ACK | WIRE_TCP_RST)) == (WIRE_TCP_SYN | WIRE_TCP_ACK);
}

static enum verdict check_sequence(struct tcb *tcb, struct tcp_seg *seg)
{
    uint32_t span;

    if (is_second_syn(tcb, seg)) {
        tcp_text_note_duplicate(tcb, seg->seq, tcb->rcv.nxt);
        tcp_owe(tcb, TCP_OWED_ACK_DUP);
        seg->window = (uint16_t)(seg->window >> tcb->snd.wscale); /* never scaled in a SYN: RFC 7323 2.2 */
        trim_front(seg, 1);
    }
    span = tcp_seg_span(seg);
    if (!is_acceptable(tcb, seg->seq, span)) {
        if (is_old_with_news(tcb, seg)) {
            keep_ack_only(tcb, seg);
            return GO_ON;
        }
        if (!is_for_shut_window(tcb, seg))
            return not_acceptable(tcb, seg);
        if (span > 0)
            tcp_owe(tcb, TCP_OWED_ACK_DUP);
        trim_back(seg, 0);
        return GO_ON;
    }
    /* A SYN inside the window is not trimmed away: step 4 must see it. */
    if (seg->flags & (WIRE_TCP_RST | WIRE_TCP_SYN))
        return GO_ON;
    if (seq_lt(seg->seq, tcb->rcv.nxt)) {
        uint32_t old = seq_span(seg->seq, tcb->rcv.nxt);

        tcp_text_note_duplicate(tcb, seg->seq, tcb->rcv.nxt);
        tcp_owe(tcb, TCP_OWED_ACK);
        trim_front(seg, old);
    }
    uint32_t left = seq_span(seg->seq, tcb->rcv.adv);
    if (tcp_seg_span(seg) > left)
        trim_back(seg, left);
    return GO_ON;
}

/* --- Steps 2 and 4: RST and SYN ----------------------------------------------------------------- */

/* RFC 9293 3.10.7.4 second, with RFC 5961 3.2: only the exact number resets. */
static enum verdict check_reset(struct tcb *tcb, struct tcp_seg *seg)
{
    if (!(seg->flags & WIRE_TCP_RST))
        return GO_ON;
    if (!seq_eq(seg->seq, tcb->rcv.nxt)) {
        challenge(tcb);
        return drop(tcb, seg, WEFT_DROP_TCP_RST_INVALID);
    }
    switch (tcb->state) {
    case WEFT_TCP_SYN_RECEIVED:
        tcp_state_fail(tcb, tcb->is_passive ? WEFT_E_CONNRESET : WEFT_E_CONNREFUSED, WEFT_CAUSE_RST);
        break;
    case WEFT_TCP_CLOSING:
    case WEFT_TCP_LAST_ACK:
        /* The FIN needs no acknowledgement any more; but data that has none may be lost (MUST-12). */
        if (tcb->buf.len == 0)
            tcp_state_finish(tcb, WEFT_CAUSE_RST);
        else
            tcp_state_fail(tcb, WEFT_E_CONNRESET, WEFT_CAUSE_RST);
        break;
    default:
        tcp_state_fail(tcb, WEFT_E_CONNRESET, WEFT_CAUSE_RST);
    }
    return ended(seg);
}

/* In SYN-RECEIVED a block stands for a simultaneous or a fast open, whose application has seen it: neither goes back
 * to LISTEN. */
static enum verdict check_syn(struct tcb *tcb, struct tcp_seg *seg)
{
    if (!(seg->flags & WIRE_TCP_SYN))
        return GO_ON;
    challenge(tcb);
    return drop(tcb, seg, WEFT_DROP_TCP_SYN_IN_SYNC);
}

/* --- Step 5: ACK ------------------------------------------------------------------------------------ */

/* The handshake of a simultaneous open is complete when our SYN is acknowledged. */
static enum verdict ack_in_syn_received(struct tcb *tcb, struct tcp_seg *seg)
{
    if (seq_le(seg->ack, tcb->snd.una) || seq_gt(seg->ack, tcb->snd.nxt)) {
        tcp_reply_reset(tcb->tcp, seg);
        return drop(tcb, seg, WEFT_DROP_TCP_ACK_OF_NOTHING);
    }
    tcb->snd.wl1 = seg->seq;
    tcb->snd.wl2 = seg->ack;
    tcp_tfo_settled(tcb, false);
    tcp_state_set(tcb, WEFT_TCP_ESTABLISHED, WEFT_CAUSE_ACK_OF_SYN);
    tcp_established(tcb);
    return GO_ON;
}

/* RFC 5961 5.2: an ACK may be at most MAX.SND.WND old. */
static enum verdict check_ack_range(struct tcb *tcb, struct tcp_seg *seg)
{
    if (seq_gt(seg->ack, tcb->snd.nxt)) {
        answer_misfit(tcb, seg, TCP_OWED_ACK);
        return drop(tcb, seg, WEFT_DROP_TCP_ACK_OF_NOTHING);
    }
    if (seq_lt(seg->ack, seq_sub(tcb->snd.una, tcb->snd.max_wnd))) {
        challenge(tcb);
        return drop(tcb, seg, WEFT_DROP_TCP_OLD_ACK);
    }
    return GO_ON;
}

/* The record in TIME-WAIT repeats ACKs but does not know what is owed now. */
static void enter_time_wait(struct tcb *tcb, enum weft_tcp_cause cause)
{
    if (tcb->owed & TCP_OWED_ANY_ACK)
        tcp_output(tcb);
    tcp_state_time_wait(tcb, cause);
}

/* What the acknowledgement of our FIN means in each state. */
static enum verdict fin_is_acked(struct tcb *tcb, struct tcp_seg *seg)
{
    switch (tcb->state) {
    case WEFT_TCP_FIN_WAIT_1:
        tcp_state_set(tcb, WEFT_TCP_FIN_WAIT_2, WEFT_CAUSE_ACK_OF_FIN);
        tcp_signal(tcb, WEFT_ALL_SENT);
        tcp_timer_fin_acked(tcb);
        return GO_ON;
    case WEFT_TCP_CLOSING:
        enter_time_wait(tcb, WEFT_CAUSE_ACK_OF_FIN);
        return ended(seg);
    case WEFT_TCP_LAST_ACK:
        tcp_state_finish(tcb, WEFT_CAUSE_ACK_OF_FIN);
        return ended(seg);
    default:
        return GO_ON;
    }
}

static enum verdict check_ack(struct tcb *tcb, struct tcp_seg *seg)
{
    if (!(seg->flags & WIRE_TCP_ACK))
        return drop(tcb, seg, WEFT_DROP_TCP_NO_ACK);
    if (tcb->state == WEFT_TCP_SYN_RECEIVED && ack_in_syn_received(tcb, seg) == GONE)
        return GONE;
    if (check_ack_range(tcb, seg) == GONE)
        return GONE;
    tcp_input_note_timestamp(tcb, seg);
    tcp_uto_received(tcb, &seg->opts);
    tcp_ack_take(tcb, seg);
    if (tcb->fin_sent && seq_eq(tcb->snd.una, tcb->snd.nxt))
        return fin_is_acked(tcb, seg);
    return GO_ON;
}

/* --- Steps 6 to 8 -------------------------------------------------------------------------------------- */

/*
 * RFC 9293 3.10.7.4 sixth. The pointer shows the octet behind the urgent data
 * (MUST-62) and does not go back. One that shows nothing that is still to come
 * has been heard of before, or is not to be believed (3.8.5).
 */
static enum verdict check_urgent(struct tcb *tcb, struct tcp_seg *seg)
{
    struct tcp_rcv *rcv = &tcb->rcv;

    if (!(seg->flags & WIRE_TCP_URG) || tcb->fin_received || tcb->discard || seq_le(seg->up, rcv->nxt))
        return GO_ON;
    if (rcv->has_urgent && seq_le(seg->up, rcv->up))
        return GO_ON;
    rcv->up = seg->up;
    rcv->has_urgent = true;
    tcp_trace(tcb, WEFT_TRACE_TCP_URGENT, rcv->up.n, tcp_urgent_left(tcb), 0, 0, 0, 0);
    tcp_signal(tcb, WEFT_URGENT);
    return GO_ON;
}

/*
 * Data for an application that has closed cannot be delivered: the peer must
 * learn that it is lost (RFC 9293 3.6.1).
 */
static enum verdict take_text(struct tcb *tcb, struct tcp_seg *seg)
{
    if (seg->len == 0 && !(seg->flags & WIRE_TCP_FIN))
        return GO_ON;
    if (tcb->fin_received)
        return drop(tcb, seg, WEFT_DROP_TCP_AFTER_FIN);
    if (seg->len > 0 && tcb->orphan) {
        tcp_control_refuse(tcb, seg);
        tcp_seg_drop(tcb->tcp, seg, tcb->conn, WEFT_DROP_TCP_CLOSED);
        tcp_state_fail(tcb, WEFT_E_CONNABORTED, WEFT_CAUSE_ORPHAN_DATA);
        return GONE;
    }
    tcp_text_take(tcb, seg);
    return GO_ON;
}

static enum verdict check_fin(struct tcb *tcb, struct tcp_seg *seg)
{
    if (!tcb->rcv.fin_reached || tcb->fin_received)
        return GO_ON;
    if (tcb->rcv.has_urgent) /* no urgent data comes behind the FIN, whatever was announced */
        tcb->rcv.up = seq_min(tcb->rcv.up, tcb->rcv.nxt);
    tcb->rcv.nxt = seq_add(tcb->rcv.nxt, 1);
    tcb->fin_received = true;
    tcb->rcv.has_urgent &= tcp_urgent_left(tcb) > 0;
    tcp_owe(tcb, TCP_OWED_ACK);
    switch (tcb->state) {
    case WEFT_TCP_SYN_RECEIVED:
    case WEFT_TCP_ESTABLISHED:
        tcp_state_set(tcb, WEFT_TCP_CLOSE_WAIT, WEFT_CAUSE_FIN);
        break;
    case WEFT_TCP_FIN_WAIT_1:
        tcp_state_set(tcb, WEFT_TCP_CLOSING, WEFT_CAUSE_FIN);
        break;
    case WEFT_TCP_FIN_WAIT_2:
        tcp_signal(tcb, WEFT_READABLE | WEFT_PEER_CLOSED);
        enter_time_wait(tcb, WEFT_CAUSE_FIN);
        return ended(seg);
    default:
        break;
    }
    tcp_signal(tcb, WEFT_READABLE | WEFT_PEER_CLOSED);
    return GO_ON;
}

void tcp_input_taken(struct tcb *tcb, struct tcp_seg *seg)
{
    weft_pkt_free(seg->pkt);
    tcp_trace_rcv(tcb);
    tcp_check(tcb);
}

void tcp_input_text(struct tcb *tcb, struct tcp_seg *seg)
{
    if (check_urgent(tcb, seg) == GO_ON && take_text(tcb, seg) == GO_ON && check_fin(tcb, seg) == GO_ON)
        tcp_input_taken(tcb, seg);
}

void tcp_input_synchronized(struct tcb *tcb, struct tcp_seg *seg)
{
    tcb->segs_in += seg->segs;
    tcb->account.data_segs_in += seg->len > 0 ? seg->segs : 0;
    if (tcp_input_true_answer(tcb, seg))
        return;
    if (check_timestamp(tcb, seg) == GONE || check_sequence(tcb, seg) == GONE ||
        check_reset(tcb, seg) == GONE || check_syn(tcb, seg) == GONE)
        return;
    tcp_timer_segment_in(tcb);
    if (check_ack(tcb, seg) == GO_ON)
        tcp_input_text(tcb, seg);
}
