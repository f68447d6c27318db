/* SPDX-License-Identifier: MIT */
/*
 * Recovery from loss: when it begins and ends, and how many bytes may be sent
 * meanwhile.
 *
 * Owns    tcb->cc but for the growth of cwnd, which is the algorithm's (cc/).
 * Never   sends. Loss is judged by rack.c when the peer has SACK, and here by
 *         duplicate ACKs when it has not (RFC 5681 3.2, RFC 6582).
 *
 *   OPEN      cwnd grows by cc->grow
 *   RECOVERY  cwnd by proportional rate reduction (RFC 6937), until `recover`
 *   LOSS      after a timeout: cwnd from one segment by slow start
 */
#include "tcp/cc/cc.h"
#include "tcp/tcb.h"

/* RFC 5681 3.2. */
#define DUP_THRESH 3u

static void trace_cwnd(const struct tcb *tcb, enum weft_tcp_cause cause)
{
    tcp_trace(tcb, WEFT_TRACE_TCP_CWND, tcb->cc.cwnd, tcb->cc.ssthresh, cause, 0, 0, 0);
}

/* RFC 6937 3.1 with the slow start reduction bound. `delivered` bytes have arrived with this ACK. */
static void prr_update(struct tcb *tcb, uint32_t delivered, bool must_send)
{
    struct tcp_congestion *cc = &tcb->cc;
    uint32_t pipe = tcp_in_flight(tcb);
    uint32_t mss = tcb->snd.mss;
    int64_t send;

    cc->prr_delivered += delivered;
    if (pipe > cc->ssthresh) {
        uint64_t share = (uint64_t)cc->prr_delivered * cc->ssthresh;

        send = (int64_t)((share + cc->recover_fs - 1) / cc->recover_fs) - cc->prr_out;
    } else {
        int64_t limit = (int64_t)cc->prr_delivered - cc->prr_out;

        if (limit < delivered)
            limit = delivered;
        limit += mss;
        send = (int64_t)cc->ssthresh - pipe;
        if (send > limit)
            send = limit;
    }
    /* The fast retransmit itself is always allowed (RFC 5681 3.2 step 3), and what a partial ACK shows to
     * be missing (RFC 6582 3.2 step 3). */
    if (must_send && send < (int64_t)mss)
        send = mss;
    cc->cwnd = pipe + (uint32_t)(send > 0 ? send : 0);
}

static void enter_recovery(struct tcb *tcb, uint32_t flight, uint32_t delivered)
{
    struct tcp_congestion *cc = &tcb->cc;

    core_count(tcb->tcp->core, WEFT_COUNT_TCP_FAST_RECOVERIES);
    tcb->recoveries++;
    cc->state = TCP_CA_RECOVERY;
    cc->recover = tcb->snd.nxt;
    cc->recover_fs = flight;
    cc->ssthresh = cc->ops->reduced(tcb, flight);
    cc->prr_delivered = cc->prr_out = 0;
    cc->acked = 0;
    tcb->rack.probe_out = false; /* RFC 8985 7.1 */
    prr_update(tcb, delivered, true);
    trace_cwnd(tcb, WEFT_CAUSE_RECOVERY);
}

static void leave(struct tcb *tcb)
{
    struct tcp_congestion *cc = &tcb->cc;

    /* RFC 6937 3.1: cwnd = ssthresh at the end; after a timeout it has grown from below. */
    if (cc->state == TCP_CA_RECOVERY)
        cc->cwnd = cc->ssthresh;
    cc->state = TCP_CA_OPEN;
    cc->dupacks = 0;
    if (tcb->rack.reo_wnd_persist > 0 && --tcb->rack.reo_wnd_persist == 0)
        tcb->rack.reo_wnd_mult = 1;
    trace_cwnd(tcb, WEFT_CAUSE_RECOVERED);
}

static void mark_first_lost(struct tcb *tcb, enum weft_tcp_cause cause)
{
    if (tcb->board.head)
        tcp_sack_mark_lost(tcb, tcb->board.head, tcb->snd.mss, cause);
}

/* Without SACK: RFC 5681 3.2 and RFC 6582 3.2. */
static void judge_by_dupacks(struct tcb *tcb, const struct tcp_delivery *delivery)
{
    struct tcp_congestion *cc = &tcb->cc;

    if (delivery->acked > 0) {
        uint32_t left =
            cc->dupacks > delivery->acked / tcb->snd.mss ? cc->dupacks - delivery->acked / tcb->snd.mss : 0;

        cc->dupacks = cc->state == TCP_CA_OPEN ? 0 : left;
        /* A partial ACK: what now stands first is lost too (RFC 6582 3.2 step 3). */
        if (cc->state == TCP_CA_RECOVERY)
            mark_first_lost(tcb, WEFT_CAUSE_PARTIAL_ACK);
        return;
    }
    if (!delivery->is_dupack)
        return;
    cc->dupacks++;
    /* RFC 6582 3.2 step 2: not again for what an earlier recovery has sent already. */
    if (cc->state == TCP_CA_OPEN && cc->dupacks == DUP_THRESH)
        mark_first_lost(tcb, WEFT_CAUSE_DUPACKS);
}

static void judge(struct tcb *tcb, const struct tcp_delivery *delivery)
{
    if (!tcb->has_sack)
        judge_by_dupacks(tcb, delivery);
    else if (delivery->acked > 0 || delivery->sacked > 0)
        tcp_rack_detect(tcb);
}

/*
 * RFC 8985 7.4.2: the probe's fate. A loss that only the probe repaired counts
 * as congestion; but that it was one shows only with the next ACK, when no
 * duplicate has been reported.
 */
static void settle_probe(struct tcb *tcb, const struct tcp_delivery *delivery)
{
    struct tcp_rack *rack = &tcb->rack;
    struct tcp_congestion *cc = &tcb->cc;

    if (!rack->probe_out || seq_lt(tcb->snd.una, rack->probe_end))
        return;
    bool is_repaired = rack->probe_is_retransmit && !delivery->dsack && seq_gt(tcb->snd.una, rack->probe_end);
    if (!is_repaired && rack->probe_is_retransmit && !delivery->dsack && !delivery->is_dupack)
        return;
    rack->probe_out = false;
    if (!is_repaired || cc->state != TCP_CA_OPEN)
        return;
    cc->ssthresh = cc->ops->reduced(tcb, delivery->flight);
    if (cc->cwnd > cc->ssthresh)
        cc->cwnd = cc->ssthresh;
    trace_cwnd(tcb, WEFT_CAUSE_RECOVERED);
}

/* RFC 6937 3: a duplicate ACK stands for a segment; what these have told is taken off an ACK that moves.
 * `credit` is what duplicate ACKs stood for before this one. */
static uint32_t arrived(const struct tcb *tcb, const struct tcp_delivery *delivery, uint32_t credit)
{
    uint32_t bytes = delivery->delivered;
    uint32_t told = credit > tcp_dupack_bytes(tcb) ? credit - tcp_dupack_bytes(tcb) : 0;

    if (!tcb->has_sack && delivery->is_dupack)
        return tcb->snd.mss;
    return bytes > told ? bytes - told : 0;
}

void tcp_recovery_on_ack(struct tcb *tcb, const struct tcp_delivery *delivery)
{
    struct tcp_congestion *cc = &tcb->cc;
    uint32_t credit = tcp_dupack_bytes(tcb);

    if (delivery->dsack)
        tcp_rack_dsack(tcb);
    settle_probe(tcb, delivery);
    if (cc->state != TCP_CA_OPEN && seq_ge(tcb->snd.una, cc->recover))
        leave(tcb);
    judge(tcb, delivery);
    if (cc->state == TCP_CA_OPEN && tcb->board.lost_bytes > 0) {
        enter_recovery(tcb, delivery->flight, delivery->delivered);
    } else if (cc->state == TCP_CA_RECOVERY) {
        prr_update(tcb, arrived(tcb, delivery, credit), !tcb->has_sack && delivery->acked > 0);
    } else if (delivery->acked > 0 && (cc->cwnd_limited || cc->state == TCP_CA_LOSS)) {
        cc->ops->grow(tcb, delivery->acked);
        trace_cwnd(tcb, cc->cwnd < cc->ssthresh ? WEFT_CAUSE_SLOW_START : WEFT_CAUSE_AVOIDANCE);
    }
}

void tcp_recovery_on_reorder_timer(struct tcb *tcb)
{
    if (tcp_rack_detect(tcb) == 0)
        return;
    if (tcb->cc.state == TCP_CA_OPEN)
        enter_recovery(tcb, seq_span(tcb->snd.una, tcb->snd.nxt), 0);
    else if (tcb->cc.state == TCP_CA_RECOVERY)
        prr_update(tcb, 0, false);
    tcp_owe(tcb, 0);
}

/*
 * RFC 5681 3.1: cwnd is one segment; ssthresh is set by the first of several
 * timeouts in a row only. What RACK does not judge lost (RFC 8985 6.3) may still
 * be under way: the one segment comes on top of it, or none could go.
 */
void tcp_recovery_on_timeout(struct tcb *tcb)
{
    struct tcp_congestion *cc = &tcb->cc;

    if (tcb->board.head && (tcb->board.head->flags & TCP_RANGE_SACKED))
        tcp_sack_renege(tcb);
    if (!tcb->board.head)
        return; /* nothing was sent: it could not be */
    if (cc->state != TCP_CA_LOSS || tcb->retries <= 1)
        cc->ssthresh = cc->ops->reduced(tcb, seq_span(tcb->snd.una, tcb->snd.nxt));
    cc->acked = 0;
    cc->dupacks = 0;
    cc->state = TCP_CA_LOSS;
    cc->recover = tcb->snd.nxt;
    tcp_rack_on_timeout(tcb);
    cc->cwnd = tcp_in_flight(tcb) + tcb->snd.mss;
    if (cc->ops->timeout)
        cc->ops->timeout(tcb);
    trace_cwnd(tcb, WEFT_CAUSE_RTO);
}

void tcp_recovery_sent(struct tcb *tcb, uint32_t bytes)
{
    if (tcb->cc.state == TCP_CA_RECOVERY)
        tcb->cc.prr_out += bytes;
}

/* RFC 5681 4.1: after a pause of more than an RTO, cwnd says nothing about the path any more. */
void tcp_recovery_idle_restart(struct tcb *tcb)
{
    uint32_t restart = tcp_cc_initial_window(tcb);

    if (tcb->tcp->core->now - tcb->last_sent <= tcp_rtt_rto(tcb) || tcb->cc.cwnd <= restart)
        return;
    tcb->cc.cwnd = restart;
    trace_cwnd(tcb, WEFT_CAUSE_IDLE);
}
