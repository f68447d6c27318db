/* SPDX-License-Identifier: MIT */
/*
 * Loss judged by counting: of duplicate ACKs when the peer has no SACK, of what
 * is SACKed when RACK is switched off.
 *
 * Owns    cc.dupacks, cc.high_rxt, cc.rescue_rxt and what the heuristics against
 *         false fast retransmits go by.
 * Never   begins or ends a recovery (recovery.c does) or sends.
 *
 *   without SACK    three duplicate ACKs, then partial ACKs: RFC 5681 3.2 and
 *                   RFC 6582, with the heuristics of its section 4
 *   without RACK    RFC 6675: three duplicate ACKs, three runs SACKed above, or
 *                   more than two segments' worth
 */
#include "tcp/tcb.h"

/* RFC 5681 3.2, RFC 6675 2. */
#define DUP_THRESH 3u

static void mark_first_lost(struct tcb *tcb, enum weft_tcp_cause cause)
{
    if (tcb->board.head)
        tcp_sack_mark_lost(tcb, tcb->board.head, tcb->snd.mss, cause);
}

/* --- Counting ----------------------------------------------------------------------------------- */

/* What the heuristics ask for when three duplicate ACKs have come. */
static void note_progress(struct tcb *tcb, const struct tcp_delivery *delivery)
{
    struct tcp_congestion *cc = &tcb->cc;

    cc->last_advance = delivery->acked;
    cc->last_is_echoed = delivery->has_echo && delivery->echo == tcp_ts_at(tcb, delivery->last_acked_sent);
    if (cc->recover_guards && seq_gt(tcb->snd.una, cc->recover))
        cc->recover_guards = false;
}

/*
 * Without SACK a duplicate ACK stands for a segment, and what such have told is
 * taken off the ACK that moves: of its segments the first was missing, the
 * others may have been told.
 */
uint32_t tcp_dupack_count(struct tcb *tcb, const struct tcp_delivery *delivery)
{
    struct tcp_congestion *cc = &tcb->cc;
    uint32_t mss = tcb->snd.mss;
    uint32_t before = tcp_dupack_bytes(tcb);

    if (delivery->acked > 0) {
        uint32_t others = (delivery->acked - 1) / mss;
        uint32_t told = cc->dupacks < others ? cc->dupacks : others;

        note_progress(tcb, delivery);
        cc->dupacks = tcb->has_sack || cc->state != TCP_CA_RECOVERY ? 0 : cc->dupacks - told;
        if (!tcb->has_sack)
            return delivery->delivered - told * mss;
    }
    if (tcb->has_sack ? delivery->sacked > 0 : delivery->is_dupack)
        cc->dupacks++;
    return tcb->has_sack ? delivery->delivered : tcp_dupack_bytes(tcb) - before;
}

/* --- Without SACK ---------------------------------------------------------------------------------- */

/*
 * RFC 6582 4: duplicate ACKs for what an earlier recovery was about may only
 * answer retransmissions that were not needed. Where the last segment that was
 * acknowledged is the one that the peer echoed (4.2), or SND.UNA has not leapt
 * (4.1), there is a hole behind it all the same.
 */
static bool heuristics_say_lost(const struct tcb *tcb)
{
    if (tcb->has_timestamps)
        return tcb->cc.last_is_echoed;
    return tcb->cc.cwnd > tcb->snd.mss && tcb->cc.last_advance <= 4u * tcb->snd.mss;
}

/* RFC 6582 3.2 step 2: the ACK covers more than `recover`. */
static bool is_past_recover(const struct tcb *tcb)
{
    return tcb->cc.state == TCP_CA_OPEN && !tcb->cc.recover_guards;
}

bool tcp_dupack_judge(struct tcb *tcb, const struct tcp_delivery *delivery)
{
    struct tcp_congestion *cc = &tcb->cc;

    if (cc->state == TCP_CA_RECOVERY) {
        /* A partial ACK: what now stands first is lost too (3.2 step 3). */
        if (delivery->acked > 0)
            mark_first_lost(tcb, WEFT_CAUSE_PARTIAL_ACK);
        return false;
    }
    if (!delivery->is_dupack || cc->dupacks != DUP_THRESH)
        return false;
    if (!is_past_recover(tcb) && !heuristics_say_lost(tcb))
        return false;
    mark_first_lost(tcb, WEFT_CAUSE_DUPACKS);
    return true;
}

/* --- Without RACK (RFC 6675) --------------------------------------------------------------------------- */

/* What is SACKed above a place on the scoreboard. */
struct above {
    uint32_t bytes, runs;
};

static void count_range(struct above *above, const struct tcp_range *range)
{
    above->bytes += seq_span(range->start, range->end);
    above->runs += !range->next || !(range->next->flags & TCP_RANGE_SACKED);
}

/* IsLost (4). */
static bool is_lost(const struct tcb *tcb, const struct above *above)
{
    return above->runs >= DUP_THRESH || above->bytes > (DUP_THRESH - 1) * tcb->snd.mss;
}

static bool first_is_lost(const struct tcb *tcb)
{
    struct above above = {0};

    for (const struct tcp_range *range = tcb->board.tail; range; range = range->prev)
        if (range->flags & TCP_RANGE_SACKED)
            count_range(&above, range);
    return is_lost(tcb, &above);
}

/* NextSeg (1): what is lost and was not sent again in this recovery. */
static void mark_lost(struct tcb *tcb)
{
    struct above above = {0};

    for (struct tcp_range *range = tcb->board.tail; range; range = range->prev) {
        if (range->flags & TCP_RANGE_SACKED)
            count_range(&above, range);
        else if (is_lost(tcb, &above) && seq_gt(range->end, tcb->cc.high_rxt))
            tcp_sack_mark_lost(tcb, range, UINT32_MAX, WEFT_CAUSE_SACK);
    }
}

/* 5 (1), (2) and (4.3); after a timeout none begins before RecoveryPoint is acknowledged (5.1). */
bool tcp_dupack_judge_sacks(struct tcb *tcb, const struct tcp_delivery *delivery)
{
    struct tcp_congestion *cc = &tcb->cc;
    bool begins = cc->state == TCP_CA_OPEN && delivery->sacked > 0 && tcb->board.sacked_bytes > 0 &&
                  (cc->dupacks >= DUP_THRESH || first_is_lost(tcb));

    if (begins) {
        cc->high_rxt = tcb->snd.una;
        cc->rescue_rxt = seq_min(seq_add(tcb->snd.una, tcb->snd.mss), tcb->snd.nxt);
        mark_first_lost(tcb, WEFT_CAUSE_SACK);
    }
    if (begins || cc->state == TCP_CA_RECOVERY)
        mark_lost(tcb);
    return begins;
}

/* NextSeg (3): a SACK has passed it, too few for more certainty. */
struct tcp_range *tcp_dupack_unsure(const struct tcb *tcb)
{
    const struct tcp_range *highest = tcb->board.tail;

    while (highest && !(highest->flags & TCP_RANGE_SACKED))
        highest = highest->prev;
    if (!highest)
        return NULL;
    for (struct tcp_range *range = tcb->board.head; range != highest; range = range->next)
        if (!(range->flags & TCP_RANGE_SACKED) && seq_gt(range->end, tcb->cc.high_rxt))
            return range;
    return NULL;
}

/* NextSeg (4): once for each recovery, when what began it has been acknowledged. */
bool tcp_dupack_may_rescue(const struct tcb *tcb)
{
    return seq_gt(tcb->snd.una, tcb->cc.rescue_rxt);
}
