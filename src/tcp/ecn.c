/* SPDX-License-Identifier: MIT */
/*
 * Explicit congestion notification (RFC 3168 6.1): routers mark rather than
 * drop, the receiver echoes the mark, the sender slows down as for a loss.
 *
 * Owns    tcb->ecn.
 * Never   marks what could be forged or whose loss would not be noticed: SYNs,
 *         ACKs alone, retransmissions and probes go without (6.1.1, 6.1.4 to
 *         6.1.6).
 *
 *   handshake  SYN with ECE and CWR asks, SYN-ACK with ECE alone agrees. A SYN
 *              that is lost or reset is repeated without, and then data is not
 *              marked, whatever the answer (6.1.1.1)
 *   sender     ECT(0) on new data. ECE: one reduction for each window, then CWR
 *              on the next new data
 *   receiver   CE on data: ECE on every ACK, until CWR comes
 */
#include "tcp/cc/cc.h"
#include "tcp/tcb.h"
#include "wire/ip4.h"

#define SETUP (WIRE_TCP_ECE | WIRE_TCP_CWR)

bool tcp_ecn_is_asked(const struct tcp_options *options, uint16_t flags)
{
    return options->ecn != WEFT_ECN_OFF && (flags & SETUP) == SETUP;
}

uint16_t tcp_ecn_syn_flags(struct tcb *tcb, bool is_answer, bool is_first)
{
    struct tcp_ecn *ecn = &tcb->ecn;

    if (is_answer)
        return ecn->agreed ? WIRE_TCP_ECE : 0;
    if (tcb->options.ecn == WEFT_ECN_ASK && is_first) {
        ecn->asked = true;
        return SETUP;
    }
    ecn->gave_up = ecn->asked;
    return 0;
}

void tcp_ecn_negotiate(struct tcb *tcb, uint16_t flags)
{
    bool is_asked = tcb->ecn.asked && !tcb->ecn.gave_up;

    if (flags & WIRE_TCP_ACK)
        tcb->ecn.agreed = tcb->ecn.asked && (flags & SETUP) == WIRE_TCP_ECE;
    else /* two SYNs cross: ours has gone, and must have said it, too */
        tcb->ecn.agreed = is_asked && tcp_ecn_is_asked(&tcb->options, flags);
}

bool tcp_ecn_may_ask_again(struct tcb *tcb)
{
    if (!tcb->ecn.asked || tcb->ecn.gave_up)
        return false;
    tcb->ecn.gave_up = true;
    return true;
}

/* --- The receiver (RFC 3168 6.1.3) --------------------------------------------------------------- */

void tcp_ecn_received(struct tcb *tcb, const struct tcp_seg *seg)
{
    struct tcp_ecn *ecn = &tcb->ecn;

    if (!ecn->agreed || seg->len == 0)
        return;
    ecn->seen |= (seg->rx->tos & WIRE_IP_ECN) != 0;
    if (seg->flags & WIRE_TCP_CWR)
        ecn->echoes = false;
    if ((seg->rx->tos & WIRE_IP_ECN) != WIRE_IP_CE)
        return;
    /* The first is told at once: the sender is to learn of it within the round trip. */
    if (!ecn->echoes)
        tcp_owe(tcb, TCP_OWED_ACK);
    ecn->echoes = true;
    tcb->account.received_ce += seg->segs;
    core_count(tcb->tcp->core, WEFT_COUNT_TCP_CE_RECEIVED);
}

/* --- The sender (6.1.2) -------------------------------------------------------------------------------- */

/* The peer echoes until it has our CWR: what it says before that is of the mark that has been paid for. */
static bool is_answered(struct tcb *tcb)
{
    struct tcp_ecn *ecn = &tcb->ecn;

    ecn->told_cwr &= seq_le(tcb->snd.una, ecn->cwr);
    return ecn->owes_cwr || ecn->told_cwr;
}

/* A window of one segment can be reduced no further: then the next goes only after a timeout. */
void tcp_ecn_echoed(struct tcb *tcb, const struct tcp_delivery *delivery)
{
    bool is_least = tcb->cc.cwnd <= tcb->snd.mss;

    core_count(tcb->tcp->core, WEFT_COUNT_TCP_ECE_RECEIVED);
    if (is_answered(tcb)) {
        tcp_undo_congested(tcb);
        return;
    }
    if (!tcp_recovery_reduce(tcb, WEFT_CC_BY_ECN, delivery->flight, WEFT_CAUSE_ECN) || !is_least)
        return;
    tcp_pace_hold(tcb, tcp_rtt_rto(tcb));
    tcp_timer_held(tcb);
}

void tcp_ecn_reduced(struct tcb *tcb)
{
    tcb->ecn.owes_cwr = tcb->ecn.agreed;
}

bool tcp_ecn_marks(const struct tcb *tcb)
{
    return tcb->ecn.agreed && !tcb->ecn.gave_up;
}

bool tcp_ecn_owes_cwr(const struct tcb *tcb)
{
    return tcb->ecn.owes_cwr && tcp_ecn_marks(tcb);
}

uint16_t tcp_ecn_flags(struct tcb *tcb, bool is_new_data)
{
    uint16_t flags = tcb->ecn.agreed && tcb->ecn.echoes ? WIRE_TCP_ECE : 0;

    if (is_new_data && tcp_ecn_owes_cwr(tcb)) {
        tcb->ecn.owes_cwr = false;
        tcb->ecn.told_cwr = true;
        tcb->ecn.cwr = tcb->snd.nxt;
        flags |= WIRE_TCP_CWR;
    }
    return flags;
}
