/* SPDX-License-Identifier: MIT */
/*
 * RACK-TLP: loss judged by time (RFC 8985).
 *
 * Owns    tcb->rack.
 * Never   sends or changes a window; it marks ranges of the scoreboard lost and
 *         says when to look again. For connections with SACK only.
 *
 * A segment is lost when one sent later has been delivered and a round trip
 * plus a reordering window has passed since it was sent.
 */
#include "tcp/tcb.h"

/* RFC 8985 6.2.1: DupThresh. */
#define DUP_THRESH_SEGS 3u
/* RFC 8985 6.2.1 step 4: recoveries for which a wider reordering window is kept. */
#define REO_WND_PERSIST 16
/* RFC 8985 7.2: TLP.max_ack_delay, what a lone segment's ACK may be delayed by; RFC 9293 allows up to
 * 500 ms, hosts use up to 200 ms. */
#define MAX_ACK_DELAY (200 * WEFT_MSEC)
/* A probe never goes out sooner than this, whatever the round trip: a host that is busy with something
 * else for a moment has lost nothing. Ours; the drafts before RFC 8985 had it. */
#define PROBE_DELAY_MIN (10 * WEFT_MSEC)

void tcp_rack_init(struct tcb *tcb)
{
    tcb->rack = (struct tcp_rack){.reo_wnd_mult = 1, .fack = tcb->snd.una};
}

/* RACK_sent_after of RFC 8985 6.2. */
static bool sent_after(weft_time t1, tcp_seq end1, weft_time t2, tcp_seq end2)
{
    return t1 > t2 || (t1 == t2 && seq_gt(end1, end2));
}

/* RFC 8985 6.2 steps 2 and 3, for one delivered range. */
void tcp_rack_delivered(struct tcb *tcb, const struct tcp_range *range, bool is_ambiguous)
{
    struct tcp_rack *rack = &tcb->rack;
    uint32_t rtt = (uint32_t)(tcb->tcp->core->now - range->sent);

    if (seq_gt(range->end, rack->fack))
        rack->fack = range->end;
    else if (seq_lt(range->end, rack->fack) && !(range->flags & TCP_RANGE_RETRANSMITTED))
        rack->reordering_seen = true;
    /* An ambiguous copy that took no less than any before it may count (step 2, second condition). */
    if (is_ambiguous && (tcb->has_timestamps || rtt < tcb->rtt.min_rtt))
        return;
    rack->rtt = rtt;
    if (sent_after(range->sent, range->end, rack->xmit_time, rack->end_seq)) {
        rack->xmit_time = range->sent;
        rack->end_seq = range->end;
    }
}

/* RFC 8985 6.2.1 step 4: each round trip with a DSACK widens the window by a quarter of min_rtt. */
void tcp_rack_dsack(struct tcb *tcb)
{
    struct tcp_rack *rack = &tcb->rack;

    if (rack->dsack_round_valid && seq_lt(tcb->snd.una, rack->dsack_round))
        return;
    rack->dsack_round = tcb->snd.nxt;
    rack->dsack_round_valid = true;
    if (rack->reo_wnd_mult < UINT8_MAX)
        rack->reo_wnd_mult++;
    rack->reo_wnd_persist = REO_WND_PERSIST;
}

static uint32_t reordering_window(const struct tcb *tcb)
{
    const struct tcp_rack *rack = &tcb->rack;
    uint32_t window = rack->reo_wnd_mult * (tcb->rtt.min_rtt / 4);

    if (!rack->reordering_seen &&
        (tcb->cc.state != TCP_CA_OPEN || tcb->board.sacked_bytes >= DUP_THRESH_SEGS * tcb->snd.mss))
        return 0;
    return window < tcb->rtt.srtt ? window : tcb->rtt.srtt;
}

/* RFC 8985 6.2 step 5. Ranges are in the order of sequence numbers, not of send times; but behind one
 * that was sent once, and after the latest delivered, all others were sent later still. */
uint32_t tcp_rack_detect(struct tcb *tcb)
{
    const struct tcp_rack *rack = &tcb->rack;
    uint32_t before = tcb->board.lost_bytes;
    uint32_t window = reordering_window(tcb);
    weft_time now = tcb->tcp->core->now;
    weft_time wait = 0;
    struct tcp_range *range;

    for (range = tcb->board.head; range; range = range->next) {
        if (!sent_after(rack->xmit_time, rack->end_seq, range->sent, range->end)) {
            if (!(range->flags & TCP_RANGE_RETRANSMITTED))
                break;
            continue;
        }
        if (range->flags & (TCP_RANGE_SACKED | TCP_RANGE_LOST))
            continue;
        weft_time due = range->sent + rack->rtt + window;
        if (due <= now)
            tcp_sack_mark_lost(tcb, range, UINT32_MAX, WEFT_CAUSE_RACK);
        else if (due - now > wait)
            wait = due - now;
    }
    tcp_timer_reorder(tcb, wait);
    return tcb->board.lost_bytes - before;
}

/* RFC 8985 6.3: the first segment is lost, and whatever is older than a round trip. */
void tcp_rack_on_timeout(struct tcb *tcb)
{
    weft_time now = tcb->tcp->core->now;
    uint32_t window = reordering_window(tcb);
    struct tcp_range *range;

    tcb->rack.probe_out = false;
    for (range = tcb->board.head; range; range = range->next)
        if (range == tcb->board.head || range->sent + tcb->rack.rtt + window <= now)
            tcp_sack_mark_lost(tcb, range, UINT32_MAX, WEFT_CAUSE_RTO);
}

/* RFC 8985 7.2: TLP_calc_PTO. */
weft_time tcp_rack_probe_delay(const struct tcb *tcb)
{
    weft_time delay = tcb->rtt.srtt > 0 ? 2 * (weft_time)tcb->rtt.srtt : WEFT_SEC;
    weft_time rto_at = tcb->deadline[WEFT_TIMER_RTO];
    weft_time now = tcb->tcp->core->now;

    if (tcb->rtt.srtt > 0 && seq_span(tcb->snd.una, tcb->snd.nxt) <= tcb->snd.mss)
        delay += MAX_ACK_DELAY;
    if (delay < PROBE_DELAY_MIN)
        delay = PROBE_DELAY_MIN;
    if (rto_at != WEFT_TIME_NEVER && now + delay > rto_at)
        delay = rto_at > now ? rto_at - now : 0;
    return delay;
}
