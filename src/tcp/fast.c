/* SPDX-License-Identifier: MIT */
/*
 * The short way in for what nearly every segment is: the next data or an
 * acknowledgement, or both, in the midst of a connection, with nothing else to
 * tell.
 *
 * Owns    the decision that a segment is of that kind, and nothing more: what
 *         is then done is done by the same ack.c and text.c that input.c calls.
 * Never   does anything that input.c would not do. Each of its conditions is a
 *         step of RFC 9293 3.10.7.4 that has nothing to find:
 *
 *            flags are ACK, perhaps PSH       steps 2, 4 and 6 have nothing to see
 *            timestamp as agreed, not old     step 0 lets it pass
 *            SEG.SEQ = RCV.NXT, and it fits   step 1 trims nothing
 *            SND.UNA =< SEG.ACK =< SND.NXT    step 5 believes it
 *            no FIN sent or received          step 5 changes no state
 *            somebody reads                   step 7 does not reset
 *            nothing is held behind a hole    step 8 finds no FIN
 *
 * Proof   tests/unit/test_tcp_transfer.c and fuzz/fuzz_tcp.c give the same
 *         input to a stack with it and to one without (no_fast_path): every
 *         frame that comes out is the same, at the same time.
 */
#include "tcp/tcb.h"

static bool has_expected_timestamp(const struct tcb *tcb, const struct tcp_seg *seg)
{
    if (!tcb->has_timestamps)
        return true;
    return seg->opts.has_timestamps && (int32_t)(seg->opts.tsval - tcb->ts_recent) >= 0;
}

/* The handshake is over, and the end has not begun on the wire. */
static bool is_in_midst(const struct tcb *tcb)
{
    return tcb->state >= WEFT_TCP_ESTABLISHED && !tcb->fin_sent && !tcb->fin_received && !tcb->orphan;
}

static bool is_next(const struct tcb *tcb, const struct tcp_seg *seg)
{
    return is_in_midst(tcb) && (seg->flags & ~(unsigned)WIRE_TCP_PSH) == WIRE_TCP_ACK &&
           seq_eq(seg->seq, tcb->rcv.nxt) && seg->len <= tcp_rcv_wnd(tcb) && !tcb->rcv.held &&
           !seg->opts.has_user_timeout && seq_ge(seg->ack, tcb->snd.una) && seq_le(seg->ack, tcb->snd.nxt) &&
           has_expected_timestamp(tcb, seg);
}

bool tcp_fast_input(struct tcb *tcb, struct tcp_seg *seg)
{
    if (!is_next(tcb, seg))
        return false;
    core_count(tcb->tcp->core, WEFT_COUNT_TCP_FAST_PATH);
    tcb->segs_in += seg->segs;
    tcb->account.data_segs_in += seg->len > 0 ? seg->segs : 0;
    tcp_input_note_timestamp(tcb, seg);
    tcp_timer_segment_in(tcb);
    tcp_ack_take(tcb, seg);
    if (seg->len > 0)
        tcp_text_take(tcb, seg);
    tcp_input_taken(tcb, seg);
    return true;
}
