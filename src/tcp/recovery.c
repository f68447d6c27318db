/* SPDX-License-Identifier: MIT */
/*
 * Recovery from loss: when it begins and ends, and how many bytes may be sent
 * meanwhile.
 *
 * Owns    tcb->cc but for what is the algorithm's (cc/cc.h): the growth of cwnd,
 *         and the ssthresh that is left after a loss; and for what a fast
 *         recovery may send, which is prr.c's.
 * Never   sends. Loss is judged by rack.c when the peer has SACK, and by dupack.c
 *         when it has not, or when RACK is switched off.
 *
 *   OPEN      the algorithm lets cwnd grow
 *   RECOVERY  cwnd by proportional rate reduction (RFC 9937), until `recover`, unless the
 *             algorithm sets it
 *   LOSS      after a timeout: cwnd from one segment by slow start
 *
 * All loss of one window of data is one indication of congestion. The loss of
 * what was sent after the window was reduced, a retransmission or new data, is
 * another (RFC 5681 4.3), and there is a round trip at least between the two.
 */
#include "tcp/cc/cc.h"
#include "tcp/tcb.h"

/* What congestion costs. */
static void take_congestion(struct tcb *tcb, enum weft_cc_signal signal, uint32_t flight)
{
    struct tcp_congestion *cc = &tcb->cc;

    tcp_cc_congestion(tcb, signal, flight);
    if (tcp_cc_sets_cwnd(tcb) && signal == WEFT_CC_BY_LOSS)
        return; /* it slows down for losses as they are judged, and a mark is not answered by that */
    tcp_ecn_reduced(tcb);
    cc->has_reduced = true;
    cc->lost_after = false;
    cc->reduced_end = tcb->snd.nxt;
    cc->reduced_at = tcb->tcp->core->now;
    tcb->rack.probe_is_paid = true;
}

/* Was it sent, for the first time or again, after the window was reduced last? */
static bool is_after_reduction(const struct tcp_congestion *cc, const struct tcp_range *range)
{
    return seq_ge(range->start, cc->reduced_end) ||
           ((range->flags & TCP_RANGE_RETRANSMITTED) && range->sent >= cc->reduced_at);
}

/* What is only sent again to be safe, after a timeout above all, says nothing of congestion. */
void tcp_recovery_lost(struct tcb *tcb, const struct tcp_range *range, unsigned cause)
{
    struct tcp_congestion *cc = &tcb->cc;
    bool is_told = cause == WEFT_CAUSE_RACK || cause == WEFT_CAUSE_SACK || cause == WEFT_CAUSE_DUPACKS;

    cc->lost_after |=
        is_told && (cc->state != TCP_CA_OPEN || cc->has_reduced) && is_after_reduction(cc, range);
}

bool tcp_recovery_reduce(struct tcb *tcb, enum weft_cc_signal signal, uint32_t flight,
                         enum weft_tcp_cause cause)
{
    struct tcp_congestion *cc = &tcb->cc;

    tcp_undo_congested(tcb);
    if (cc->has_reduced || (cc->state != TCP_CA_OPEN && !tcp_cc_sets_cwnd(tcb)))
        return false;
    take_congestion(tcb, signal, flight);
    if (!tcp_cc_sets_cwnd(tcb) && cc->cwnd > cc->ssthresh)
        cc->cwnd = cc->ssthresh;
    tcp_cc_trace(tcb, cause);
    return true;
}

static void enter_recovery(struct tcb *tcb, uint32_t flight, uint32_t arrived)
{
    struct tcp_congestion *cc = &tcb->cc;

    core_count(tcb->tcp->core, WEFT_COUNT_TCP_FAST_RECOVERIES);
    tcb->recoveries++;
    tcp_undo_fast_recovery(tcb, flight);
    cc->state = TCP_CA_RECOVERY;
    cc->recover = tcb->snd.nxt;
    cc->had_partial_ack = false;
    if (!cc->has_reduced || cc->lost_after || tcp_cc_sets_cwnd(tcb))
        take_congestion(tcb, WEFT_CC_BY_LOSS, flight);
    tcb->rack.probe_out = false; /* RFC 8985 7.1 */
    tcp_prr_begin(tcb, arrived);
    tcp_prr_update(tcb, arrived, false);
    tcp_cc_trace(tcb, WEFT_CAUSE_RECOVERY);
}

/* RFC 5681 4.3, RFC 8985 9.3, RFC 9937 6.1: a second reduction, with which the recovery begins anew, once in a round
 * trip at most. */
static void reduce_again(struct tcb *tcb, uint32_t flight, uint32_t arrived)
{
    struct tcp_congestion *cc = &tcb->cc;

    if (tcp_cc_sets_cwnd(tcb))
        return;
    take_congestion(tcb, WEFT_CC_BY_LOSS_AGAIN, flight);
    cc->recover = tcb->snd.nxt;
    if (cc->state == TCP_CA_RECOVERY)
        tcp_prr_begin(tcb, arrived);
    else if (cc->cwnd > cc->ssthresh)
        cc->cwnd = cc->ssthresh;
    tcp_cc_trace(tcb, WEFT_CAUSE_RECOVERY);
}

static void leave(struct tcb *tcb)
{
    struct tcp_congestion *cc = &tcb->cc;

    /* RFC 9937 6: cwnd = ssthresh at the end; after a timeout it has grown from below. */
    if (cc->state == TCP_CA_RECOVERY && !tcp_cc_sets_cwnd(tcb))
        cc->cwnd = cc->ssthresh;
    cc->state = TCP_CA_OPEN;
    cc->dupacks = 0;
    cc->recover_guards = true;
    tcp_undo_recovered(tcb);
    tcp_cc_trace(tcb, WEFT_CAUSE_RECOVERED);
    tcp_cc_recovered(tcb);
}

/* Returns true when a fast recovery is due. */
static bool judge(struct tcb *tcb, const struct tcp_delivery *delivery)
{
    if (!tcb->has_sack)
        return tcp_dupack_judge(tcb, delivery);
    if (!tcp_uses_rack(tcb))
        return tcp_dupack_judge_sacks(tcb, delivery);
    if (delivery->acked > 0 || delivery->sacked > 0)
        tcp_rack_detect(tcb);
    return tcb->cc.state == TCP_CA_OPEN && tcb->board.lost_bytes > 0;
}

/* An ACK in a recovery. What a partial ACK shows to be missing goes whatever PRR says (RFC 6582 3.2 step 3). */
static void go_on_recovering(struct tcb *tcb, struct tcp_delivery *delivery, uint32_t arrived, uint32_t lost)
{
    struct tcp_congestion *cc = &tcb->cc;
    uint32_t least = tcp_in_flight(tcb) + tcb->snd.mss;

    if (cc->lost_after && cc->state != TCP_CA_OPEN)
        reduce_again(tcb, delivery->flight, arrived);
    if (cc->state != TCP_CA_RECOVERY)
        return;
    /* RFC 6582 3.2 step 3: the first partial ACK begins the timeout anew, no other. */
    delivery->leaves_timer = !tcb->has_sack && delivery->acked > 0 && cc->had_partial_ack;
    cc->had_partial_ack |= delivery->acked > 0;
    if (arrived > 0)
        tcp_prr_update(tcb, arrived, delivery->acked > 0 && lost == 0);
    if (!tcb->has_sack && delivery->acked > 0 && cc->cwnd < least)
        cc->cwnd = least;
}

void tcp_recovery_on_ack(struct tcb *tcb, struct tcp_delivery *delivery)
{
    struct tcp_congestion *cc = &tcb->cc;
    bool was_open = cc->state == TCP_CA_OPEN;
    bool is_undone = tcp_undo_take_ack(tcb, delivery);
    bool is_over = cc->state != TCP_CA_OPEN && seq_ge(tcb->snd.una, cc->recover);

    if (cc->has_reduced && seq_ge(tcb->snd.una, cc->reduced_end))
        cc->has_reduced = false;
    tcp_rack_reordering(tcb, delivery->dsack, is_over || (is_undone && !was_open));
    if (tcp_rack_probe_repaired(tcb, delivery) && !tcb->rack.probe_is_paid)
        tcp_recovery_reduce(tcb, WEFT_CC_BY_LOSS, delivery->flight, WEFT_CAUSE_PROBE);
    delivery->ended_recovery = is_undone || (is_over && cc->state == TCP_CA_RECOVERY);
    if (is_over)
        leave(tcb);
    uint32_t arrived = tcp_dupack_count(tcb, delivery);
    uint32_t lost_before = tcb->board.lost_bytes;
    if (judge(tcb, delivery) && !tcp_pmtud_forgives_loss(tcb))
        enter_recovery(tcb, delivery->flight, arrived);
    else
        go_on_recovering(tcb, delivery, arrived, tcb->board.lost_bytes - lost_before);
    cc->lost_after = false;
    if (delivery->ece)
        tcp_ecn_echoed(tcb, delivery);
    tcp_cc_acked(tcb, delivery);
}

void tcp_recovery_on_reorder_timer(struct tcb *tcb)
{
    uint32_t flight = seq_span(tcb->snd.una, tcb->snd.nxt);

    if (tcp_rack_detect(tcb) == 0)
        return;
    if (tcb->cc.state == TCP_CA_OPEN && !tcp_pmtud_forgives_loss(tcb))
        enter_recovery(tcb, flight, 0);
    else if (tcb->cc.state != TCP_CA_OPEN && tcb->cc.lost_after)
        reduce_again(tcb, flight, 0);
    if (tcb->cc.state == TCP_CA_RECOVERY)
        tcp_prr_update(tcb, 0, false);
    tcb->cc.lost_after = false;
    tcp_owe(tcb, 0);
}

/*
 * RFC 9293 3.8.6: what lay behind the edge has been dropped by the peer. What
 * went a round trip ago and more, and has its place in the window again, goes
 * again now rather than with a timeout that has backed off meanwhile.
 */
void tcp_recovery_window_opened(struct tcb *tcb, tcp_seq from, tcp_seq to)
{
    weft_time now = tcb->tcp->core->now;
    uint32_t before = tcb->board.lost_bytes;

    if (now > tcb->rtt.srtt)
        tcp_sack_mark_lost_between(tcb, from, to, now - tcb->rtt.srtt, WEFT_CAUSE_WINDOW);
    if (tcb->board.lost_bytes == before)
        return;
    tcp_timer_window_reopened(tcb);
    if (tcb->cc.state == TCP_CA_OPEN)
        enter_recovery(tcb, seq_span(tcb->snd.una, tcb->snd.nxt), 0);
    tcp_owe(tcb, 0);
}

/* RFC 5681 3.1: ssthresh is set by the first of several timeouts in a row only; and not where the window that is timed
 * out has paid already, by a fast recovery or for an ECN echo: then the algorithm still hears of the timeout. */
static void take_timeout(struct tcb *tcb, uint32_t flight)
{
    struct tcp_congestion *cc = &tcb->cc;
    uint32_t ssthresh = cc->ssthresh;
    bool has_paid = cc->has_reduced && !is_after_reduction(cc, tcb->board.head);

    if (cc->state == TCP_CA_LOSS && tcb->retries > 1)
        return;
    take_congestion(tcb, WEFT_CC_BY_TIMEOUT, flight);
    if (has_paid)
        cc->ssthresh = ssthresh;
}

/* RFC 5681 3.1: cwnd is one segment. What RACK does not judge lost (RFC 8985 6.3) may still be under way: the one
 * segment comes on top of it, or none could go. */
void tcp_recovery_on_timeout(struct tcb *tcb)
{
    struct tcp_congestion *cc = &tcb->cc;

    if (tcb->board.head && (tcb->board.head->flags & TCP_RANGE_SACKED))
        tcp_sack_renege(tcb);
    if (!tcb->board.head)
        return; /* nothing was sent: it could not be */
    tcp_undo_timeout(tcb, seq_span(tcb->snd.una, tcb->snd.nxt));
    take_timeout(tcb, seq_span(tcb->snd.una, tcb->snd.nxt));
    cc->dupacks = 0;
    cc->state = TCP_CA_LOSS;
    cc->recover = cc->reduced_end = tcb->snd.nxt;
    cc->reduced_at = tcb->tcp->core->now;
    tcp_rack_on_timeout(tcb);
    cc->cwnd = tcp_in_flight(tcb) + tcb->snd.mss;
    tcp_cc_trace(tcb, WEFT_CAUSE_RTO);
}

void tcp_recovery_sent(struct tcb *tcb, uint32_t bytes)
{
    if (tcb->cc.state == TCP_CA_RECOVERY)
        tcb->cc.prr_out += bytes;
}

void tcp_recovery_resent(struct tcb *tcb, tcp_seq start, tcp_seq end)
{
    tcp_recovery_sent(tcb, seq_span(start, end));
    tcp_undo_resent(tcb, start, end);
    if (tcb->cc.state == TCP_CA_RECOVERY)
        tcb->cc.high_rxt = seq_max(tcb->cc.high_rxt, end);
}
