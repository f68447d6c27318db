/* SPDX-License-Identifier: MIT */
/*
 * Recoveries that were not called for: how they are told, and taken back.
 *
 * Owns    tcb->undo.
 * Never   judges a loss or sends. recovery.c tells when a recovery begins and
 *         asks with each ACK; output.c asks what F-RTO wants sent.
 *
 * Three witnesses, each can be switched off:
 *
 *   Eifel (RFC 3522)   the first ACK that moves SND.UNA echoes a timestamp from
 *                      before the retransmission: it is of the original
 *   F-RTO (RFC 5682)   after a timeout: the second ACK acknowledges what went
 *                      once, before it. Without SACK (2.1) or with (3.1).
 *   DSACK (RFC 2883)   all that went again has been reported as duplicate; that
 *                      may be a round trip after the recovery's end
 *
 * The response is Eifel's (RFC 4015), for fast recoveries too: what is marked
 * lost is not, ssthresh is what it was, and cwnd comes back to it by slow start
 * rather than in a burst. The algorithm takes back the rest (undo in
 * weft/congestion.h). The windows stay when an ECN echo, or a loss that a probe
 * has repaired, was told meanwhile: that asked for the reduction, too. After a
 * timeout the round trip's estimate begins anew.
 */
#include "tcp/cc/cc.h"
#include "tcp/tcb.h"

/* --- What a recovery does --------------------------------------------------------------------- */

/* RFC 4015 3.1 step 0. */
static void remember(struct tcb *tcb, bool by_timeout, uint32_t flight)
{
    struct tcp_undo *undo = &tcb->undo;

    *undo = (struct tcp_undo){
        .is_possible = true,
        .by_timeout = by_timeout,
        .awaits_eifel = tcb->has_timestamps && !tcb->tcp->config.no_eifel,
        .from = tcb->snd.una,
        .resent_end = tcb->snd.una,
        .pipe_prev = flight > tcb->cc.ssthresh ? flight : tcb->cc.ssthresh,
        .srtt_prev = tcb->rtt.srtt,
        .rttvar_prev = tcb->rtt.rttvar,
        .dsack_seen = undo->dsack_seen,
    };
}

/* RFC 3522 3.2: only the beginning of a loss recovery; not one that follows on a timeout. */
void tcp_undo_fast_recovery(struct tcb *tcb, uint32_t flight)
{
    remember(tcb, false, flight);
    tcb->undo.is_possible = tcb->cc.state == TCP_CA_OPEN;
}

/*
 * RFC 5682 2.1 and 3.1 step 1: not within an earlier recovery, but anew when the
 * same segment is timed out again. What was remembered at the first timeout, or
 * at a fast recovery that the timeout ends, is kept (RFC 3522 3.2, RFC 4015 3.1).
 */
void tcp_undo_timeout(struct tcb *tcb, uint32_t flight)
{
    struct tcp_undo *undo = &tcb->undo;
    bool is_first = tcb->cc.state == TCP_CA_OPEN;
    bool is_again = tcb->cc.state == TCP_CA_LOSS && undo->is_possible && undo->by_timeout &&
                    seq_eq(tcb->snd.una, undo->from);

    if (is_first)
        remember(tcb, true, flight);
    undo->frto = (is_first || is_again) && !tcb->tcp->config.no_frto ? TCP_FRTO_FIRST_ACK : TCP_FRTO_OFF;
}

/* Of data that goes for the third time one DSACK does not tell which copy was in vain. */
static void remember_resent(struct tcp_undo *undo, tcp_seq start, tcp_seq end)
{
    unsigned behind = undo->runs;

    for (unsigned i = 0; i < undo->runs; i++) {
        if (seq_lt(start, undo->run[i].end) && seq_gt(end, undo->run[i].start))
            undo->no_dsack = true;
        if (seq_eq(start, undo->run[i].end))
            behind = i;
    }
    if (behind == TCP_UNDO_RUNS)
        undo->no_dsack = true;
    if (undo->no_dsack)
        return;
    if (behind == undo->runs)
        undo->run[undo->runs++].start = start;
    undo->run[behind].end = end;
}

void tcp_undo_resent(struct tcb *tcb, tcp_seq start, tcp_seq end)
{
    struct tcp_undo *undo = &tcb->undo;

    if (!undo->is_possible || tcb->cc.state == TCP_CA_OPEN)
        return;
    if (!undo->has_resent)
        undo->retransmit_ts = tcp_ts_at(tcb, tcb->tcp->core->now);
    undo->has_resent = true;
    remember_resent(undo, start, end);
    undo->resent_end = seq_max(undo->resent_end, end);
}

/* From now on one round trip is left for DSACKs. */
void tcp_undo_recovered(struct tcb *tcb)
{
    tcb->undo.awaits_eifel = false;
    tcb->undo.frto = TCP_FRTO_OFF;
    tcb->undo.is_over = true;
    tcb->undo.until = tcb->snd.nxt;
    tcb->undo.is_possible &= !tcb->undo.windows_stay;
}

/* Once the recovery is over there is nothing but the windows to take back. */
void tcp_undo_congested(struct tcb *tcb)
{
    tcb->undo.windows_stay = true;
    tcb->undo.is_possible &= !tcb->undo.is_over;
}

/* --- Eifel detection (RFC 3522 3.2) -------------------------------------------------------------- */

/* Steps 3 to 5. A duplicate that is reported, or everything acknowledged by a peer that may not report any:
 * then all ACKs were lost, and the echo is as old as they are (3.3). */
static bool eifel_tells(struct tcb *tcb, const struct tcp_delivery *delivery)
{
    struct tcp_undo *undo = &tcb->undo;

    if (!undo->awaits_eifel || delivery->acked == 0)
        return false;
    undo->awaits_eifel = false;
    if (!undo->has_resent || !delivery->has_echo || (int32_t)(delivery->echo - undo->retransmit_ts) >= 0)
        return false;
    return !delivery->dsack && (undo->dsack_seen || !seq_eq(tcb->snd.una, tcb->snd.nxt));
}

/* --- DSACK ------------------------------------------------------------------------------------------- */

/* Takes [start, end) out of what was not reported yet, unless that would cut a run in two. Returns whether it
 * took anything. */
static bool take_reported(struct tcp_undo *undo, tcp_seq start, tcp_seq end)
{
    bool has_taken = false;

    for (unsigned i = undo->runs; i-- > 0;) {
        tcp_seq *from = &undo->run[i].start, *to = &undo->run[i].end;

        if (seq_le(end, *from) || seq_ge(start, *to) || (seq_gt(start, *from) && seq_lt(end, *to)))
            continue;
        has_taken = true;
        if (seq_gt(start, *from))
            *to = start;
        else if (seq_lt(end, *to))
            *from = end;
        else
            undo->run[i] = undo->run[--undo->runs];
    }
    return has_taken;
}

/* Only what has gone again counts, and once: the network doubles data and ACKs, too. */
static bool dsacks_tell(struct tcb *tcb, const struct tcp_delivery *delivery)
{
    struct tcp_undo *undo = &tcb->undo;

    if (!delivery->dsack || undo->no_dsack || tcb->tcp->config.no_dsack_undo)
        return false;
    return take_reported(undo, delivery->dsack_start, delivery->dsack_end) && undo->runs == 0;
}

/* --- F-RTO (RFC 5682) ---------------------------------------------------------------------------------- */

static bool has_new_data(const struct tcb *tcb)
{
    return seq_gt(tcp_data_end(tcb), tcb->snd.nxt) &&
           seq_gt(seq_add(tcb->snd.una, tcb->snd.wnd), tcb->snd.nxt);
}

/* Step 2: the first ACK that moves; without SACK a duplicate ACK before it ends the matter (2a). */
static void take_first_ack(struct tcb *tcb, const struct tcp_delivery *delivery)
{
    struct tcp_undo *undo = &tcb->undo;

    if (delivery->acked == 0) {
        if (!tcb->has_sack && delivery->is_dupack)
            undo->frto = TCP_FRTO_OFF;
        return;
    }
    undo->frto = TCP_FRTO_OFF;
    if (seq_eq(tcb->snd.una, tcb->snd.nxt) || seq_lt(tcb->snd.una, undo->resent_end) || !has_new_data(tcb))
        return;
    undo->frto = TCP_FRTO_SECOND_ACK;
    undo->frto_recover = tcb->snd.nxt;
}

/* Step 3a: the timeout was right. Two round trips of slow start have passed. Without SACK all goes again in its
 * order, what was just sent last: the peer may not keep what is out of order. */
static void was_lost(struct tcb *tcb)
{
    tcb->undo.frto = TCP_FRTO_OFF;
    tcb->cc.cwnd = 3u * tcb->snd.mss;
    if (tcb->has_sack)
        return;
    tcp_sack_lose_all(tcb, WEFT_CAUSE_RTO);
    tcb->cc.recover = tcb->snd.nxt;
}

/* Step 3. Returns true for 3b: data has arrived that went before the timeout, and once. */
static bool take_second_ack(struct tcb *tcb, const struct tcp_delivery *delivery)
{
    bool is_beyond = tcb->has_sack && seq_gt(tcb->rack.fack, tcb->undo.frto_recover);

    if (!is_beyond && delivery->original > 0)
        return true;
    if (is_beyond || delivery->acked > 0 || delivery->sacked > 0 || delivery->is_dupack)
        was_lost(tcb);
    return false;
}

static bool frto_tells(struct tcb *tcb, const struct tcp_delivery *delivery)
{
    if (tcb->undo.frto == TCP_FRTO_SECOND_ACK)
        return take_second_ack(tcb, delivery);
    if (tcb->undo.frto == TCP_FRTO_FIRST_ACK)
        take_first_ack(tcb, delivery);
    return false;
}

bool tcp_undo_wants_new_data(const struct tcb *tcb)
{
    return tcb->undo.frto == TCP_FRTO_SECOND_ACK;
}

bool tcp_undo_new_data_sent(struct tcb *tcb)
{
    if (!seq_eq(tcb->snd.nxt, tcb->undo.frto_recover))
        return true;
    tcb->undo.frto = TCP_FRTO_OFF;
    return false;
}

/* --- The response (RFC 4015 3.1) --------------------------------------------------------------------------- */

/* Step 9. A recovery that ends leaves its ssthresh for cwnd in any case. */
static void restore_window(struct tcb *tcb, const struct tcp_delivery *delivery)
{
    struct tcp_congestion *cc = &tcb->cc;
    uint32_t most = tcp_cc_initial_window(tcb);
    uint32_t cwnd = tcp_in_flight(tcb) + (delivery->acked < most ? delivery->acked : most);

    if (cc->state == TCP_CA_RECOVERY && cwnd < cc->ssthresh)
        cwnd = cc->ssthresh;
    if (cc->cwnd < cwnd)
        cc->cwnd = cwnd;
    if (cc->ssthresh < tcb->undo.pipe_prev)
        cc->ssthresh = tcb->undo.pipe_prev;
    cc->has_reduced = false;
    tcp_cc_undo(tcb);
}

/* The reduction was called for all the same, and comes to its end as after any recovery. */
static void keep_window(struct tcb *tcb)
{
    if (tcb->cc.state == TCP_CA_RECOVERY && !tcp_cc_sets_cwnd(tcb))
        tcb->cc.cwnd = tcb->cc.ssthresh;
    tcp_cc_recovered(tcb);
}

static void count(struct tcb *tcb, enum weft_tcp_cause cause)
{
    core_count(tcb->tcp->core, cause == WEFT_CAUSE_EIFEL  ? WEFT_COUNT_TCP_UNDONE_EIFEL
                               : cause == WEFT_CAUSE_FRTO ? WEFT_COUNT_TCP_UNDONE_FRTO
                                                          : WEFT_COUNT_TCP_UNDONE_DSACK);
    tcb->undone++;
    tcp_trace(tcb, WEFT_TRACE_TCP_UNDO, tcb->undo.by_timeout, tcb->cc.cwnd, tcb->cc.ssthresh, cause, 0, 0);
}

static void take_back(struct tcb *tcb, const struct tcp_delivery *delivery, enum weft_tcp_cause cause)
{
    struct tcp_undo *undo = &tcb->undo;
    struct tcp_congestion *cc = &tcb->cc;

    tcp_sack_forgive(tcb);
    if (cause != WEFT_CAUSE_DSACK)
        tcp_rack_forget_resent(tcb, delivery);
    if (undo->by_timeout)
        tcp_rtt_restart(tcb, undo->srtt_prev, undo->rttvar_prev, cc->recover);
    else
        tcp_rack_was_reordered(tcb);
    if (delivery->ece || undo->windows_stay)
        keep_window(tcb);
    else
        restore_window(tcb, delivery);
    cc->state = TCP_CA_OPEN;
    cc->recover = tcb->snd.una;
    cc->recover_guards = false; /* fast retransmit is allowed again (RFC 5682 3.1, RFC 4015 4) */
    cc->dupacks = 0;
    tcb->last_sent = tcb->tcp->core->now; /* step 10 */
    count(tcb, cause);
    undo->is_possible = undo->awaits_eifel = false;
    undo->frto = TCP_FRTO_OFF;
    tcp_owe(tcb, 0);
}

bool tcp_undo_take_ack(struct tcb *tcb, const struct tcp_delivery *delivery)
{
    struct tcp_undo *undo = &tcb->undo;
    enum weft_tcp_cause cause = WEFT_CAUSE_NONE;

    if (undo->is_possible && undo->is_over && seq_gt(tcb->snd.una, undo->until))
        undo->is_possible = false;
    if (undo->is_possible) {
        if (eifel_tells(tcb, delivery))
            cause = WEFT_CAUSE_EIFEL;
        else if (frto_tells(tcb, delivery))
            cause = WEFT_CAUSE_FRTO;
        else if (dsacks_tell(tcb, delivery))
            cause = WEFT_CAUSE_DSACK;
    }
    undo->dsack_seen |= delivery->dsack;
    if (cause != WEFT_CAUSE_NONE)
        take_back(tcb, delivery, cause);
    return cause != WEFT_CAUSE_NONE;
}
