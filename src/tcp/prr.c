/* SPDX-License-Identifier: MIT */
/*
 * Proportional rate reduction (RFC 9937): what a recovery may send for what
 * arrives, so that at its end about ssthresh is in flight.
 *
 * Owns    cc.prr_delivered, cc.prr_out, cc.recover_fs, and cwnd while a fast
 *         recovery lasts.
 * Never   knows why there is a recovery.
 *
 *   in flight > ssthresh    ssthresh / RecoverFS of what arrives may go
 *   otherwise               as much as arrives, or as arrived and was not used
 *                           (CRB); a segment more with each ACK that says that
 *                           all goes well (SSRB); never beyond ssthresh
 *
 * RFC 6937 before it left the choice between the two bounds open. Its numbers
 * are of bytes: what they let go goes in whole segments.
 */
#include "tcp/cc/cc.h"
#include "tcp/tcb.h"

/* RFC 9937 6.1. `arrived` bytes came with the ACK that begins it. What the peer held before that is no part of
 * RecoverFS: it cannot arrive any more. */
void tcp_prr_begin(struct tcb *tcb, uint32_t arrived)
{
    uint32_t sent = seq_span(tcb->snd.una, tcb->snd.nxt);

    tcb->cc.prr_delivered = tcb->cc.prr_out = 0;
    tcb->cc.recover_fs = sent;
    uint32_t held = tcb->board.sacked_bytes + tcp_dupack_bytes(tcb);
    tcb->cc.recover_fs = (sent > held ? sent - held : 0) + arrived;
}

/* RFC 9937 6.2: without SACK no more arrives than was out, whatever duplicate ACKs say. */
static uint32_t believed(const struct tcb *tcb, uint32_t arrived)
{
    const struct tcp_congestion *cc = &tcb->cc;
    uint32_t left = cc->recover_fs > cc->prr_delivered ? cc->recover_fs - cc->prr_delivered : 0;

    return tcb->has_sack || arrived < left ? arrived : left;
}

/* While more than ssthresh is in flight. */
static int64_t share_of_arrived(const struct tcp_congestion *cc)
{
    uint64_t share = (uint64_t)cc->prr_delivered * cc->ssthresh;
    uint64_t fs = cc->recover_fs > 0 ? cc->recover_fs : 1;

    return (int64_t)((share + fs - 1) / fs) - cc->prr_out;
}

void tcp_prr_update(struct tcb *tcb, uint32_t arrived, bool is_safe)
{
    struct tcp_congestion *cc = &tcb->cc;
    uint32_t in_flight = tcp_in_flight(tcb);
    uint32_t mss = tcb->snd.mss;
    int64_t send;

    if (tcp_cc_sets_cwnd(tcb))
        return;
    if (tcb->tcp->config.no_prr) { /* RFC 6675 5 (4.2) and (4.3) */
        cc->cwnd = cc->prr_out == 0 && in_flight + mss > cc->ssthresh ? in_flight + mss : cc->ssthresh;
        return;
    }
    arrived = believed(tcb, arrived);
    cc->prr_delivered += arrived;
    if (in_flight > cc->ssthresh) {
        send = share_of_arrived(cc);
    } else {
        send = (int64_t)cc->prr_delivered - cc->prr_out;
        if (send < arrived)
            send = arrived;
        if (is_safe)
            send += mss;
        if (send > (int64_t)cc->ssthresh - in_flight)
            send = (int64_t)cc->ssthresh - in_flight;
    }
    /* The fast retransmit itself is always allowed. */
    if (cc->prr_out == 0 && send < mss)
        send = mss;
    cc->cwnd = in_flight + (uint32_t)(send > 0 ? send : 0);
}
