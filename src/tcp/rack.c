/* SPDX-License-Identifier: MIT */
/*
 * RACK-TLP: loss judged by time (RFC 8985).
 *
 * Owns    tcb->rack.
 * Never   sends or changes a window; it marks ranges of the scoreboard lost and
 *         says when to look again. For connections with SACK only, and for these
 *         it can be switched off: dupack.c judges then.
 *
 * A segment is lost when one sent later has been delivered and a round trip
 * plus a reordering window has passed since it was sent.
 */
#include "tcp/tcb.h"

/* RFC 8985 6.2 step 4: DupThresh of RFC 6675 2. */
#define DUP_THRESH_SEGS 3u
/* RFC 8985 6.2 step 4: recoveries for which a wider reordering window is kept. */
#define REO_WND_PERSIST 16
/* RFC 8985 7.2: TLP.max_ack_delay, what a lone segment's ACK may be delayed by; RFC 9293 allows up to
 * 500 ms, hosts use up to 200 ms. */
#define MAX_ACK_DELAY (200 * WEFT_MSEC)

void tcp_rack_init(struct tcb *tcb)
{
    tcb->rack = (struct tcp_rack){.reo_wnd_mult = 1, .fack = tcb->snd.una, .reordering = DUP_THRESH_SEGS};
}

/* RACK_sent_after of RFC 8985 6.2. */
static bool sent_after(weft_time t1, tcp_seq end1, weft_time t2, tcp_seq end2)
{
    return t1 > t2 || (t1 == t2 && seq_gt(end1, end2));
}

/* One has arrived behind RACK.fack that went once. How far it was late moves nothing here; it is told (TCP_INFO). */
static void saw_reordering(struct tcb *tcb, const struct tcp_range *range)
{
    uint32_t distance = seq_span(range->start, tcb->rack.fack);
    uint32_t segs = (distance + tcb->snd.mss - 1) / tcb->snd.mss;

    tcb->rack.reordering_seen = true;
    if (segs > tcb->rack.reordering)
        tcb->rack.reordering = segs < UINT16_MAX ? (uint16_t)segs : UINT16_MAX;
}

/* RFC 8985 6.2 steps 2 and 3, for one delivered range. Ranges come in the order of sequence numbers, and
 * RACK.rtt is that of the one sent last. */
void tcp_rack_delivered(struct tcb *tcb, const struct tcp_range *range, struct tcp_delivery *delivery,
                        bool is_valid)
{
    struct tcp_rack *rack = &tcb->rack;

    if (seq_gt(range->end, rack->fack)) {
        rack->fack = range->end;
    } else if (seq_lt(range->end, rack->fack) && !(range->flags & TCP_RANGE_RETRANSMITTED)) {
        saw_reordering(tcb, range);
        delivery->shows_reordering = true;
    }
    if (!is_valid)
        return;
    if (range->sent >= delivery->rack_sent) {
        delivery->rack_sent = range->sent;
        rack->rtt = tcb->tcp->core->now - range->sent;
    }
    if (sent_after(range->sent, range->end, rack->xmit_time, rack->end_seq)) {
        rack->xmit_time = range->sent;
        rack->end_seq = range->end;
    }
}

/* RFC 8985 6.2 step 4, RACK_update_reo_wnd: each round trip with a DSACK widens the window by a quarter of
 * min_rtt; recoveries without one let it go in the end. */
void tcp_rack_reordering(struct tcb *tcb, bool dsack, bool is_over)
{
    struct tcp_rack *rack = &tcb->rack;

    if (rack->in_dsack_round && seq_ge(tcb->snd.una, rack->dsack_round))
        rack->in_dsack_round = false;
    if (dsack && !rack->in_dsack_round) {
        rack->dsack_round = tcb->snd.nxt;
        rack->in_dsack_round = true;
        if (rack->reo_wnd_mult < UINT8_MAX)
            rack->reo_wnd_mult++;
        rack->reo_wnd_persist = REO_WND_PERSIST;
    } else if (is_over && rack->reo_wnd_persist > 0 && --rack->reo_wnd_persist == 0) {
        rack->reo_wnd_mult = 1;
    }
}

/* RACK.segs_sacked >= DupThresh. Where segments are small their number is only known by the ACKs that
 * reported them. */
static bool enough_are_sacked(const struct tcb *tcb)
{
    return tcb->board.sacked_bytes >= DUP_THRESH_SEGS * tcb->snd.mss || tcb->cc.dupacks >= DUP_THRESH_SEGS;
}

weft_time tcp_rack_window(const struct tcb *tcb)
{
    const struct tcp_rack *rack = &tcb->rack;
    weft_time window = rack->reo_wnd_mult * (weft_time)tcb->rtt.min_rtt / 4;

    if (!rack->reordering_seen && (tcb->cc.state != TCP_CA_OPEN || enough_are_sacked(tcb)))
        return 0;
    return window < tcb->rtt.srtt ? window : tcb->rtt.srtt;
}

/* RFC 8985 6.2 step 5. Ranges are in the order of sequence numbers, not of send times; but behind one
 * that was sent once, and after the latest delivered, all others were sent later still. */
uint32_t tcp_rack_detect(struct tcb *tcb)
{
    const struct tcp_rack *rack = &tcb->rack;
    uint32_t before = tcb->board.lost_bytes;
    weft_time window = tcp_rack_window(tcb);
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

/* RFC 8985 6.3: the first segment is lost, and whatever is older than a round trip. The segment: many that
 * went together are one range. */
void tcp_rack_on_timeout(struct tcb *tcb)
{
    weft_time now = tcb->tcp->core->now;
    weft_time window = tcp_rack_window(tcb);
    struct tcp_range *range;

    tcb->rack.probe_out = false; /* 7.1 */
    if (!tcp_uses_rack(tcb)) {
        tcp_sack_lose_all(tcb, WEFT_CAUSE_RTO); /* RFC 5681 3.1 */
        return;
    }
    for (range = tcb->board.head; range; range = range->next) {
        if (range->sent + tcb->rack.rtt + window <= now)
            tcp_sack_mark_lost(tcb, range, UINT32_MAX, WEFT_CAUSE_RTO);
        else if (range == tcb->board.head)
            tcp_sack_mark_lost(tcb, range, tcb->snd.mss, WEFT_CAUSE_RTO);
    }
}

/* RFC 8985 7.2: TLP_calc_PTO. */
weft_time tcp_rack_probe_delay(const struct tcb *tcb)
{
    weft_time delay = tcb->rtt.srtt > 0 ? 2 * (weft_time)tcb->rtt.srtt : WEFT_SEC;
    weft_time rto_at = tcb->deadline[WEFT_TIMER_RTO];
    weft_time now = tcb->tcp->core->now;

    if (tcb->rtt.srtt > 0 && seq_span(tcb->snd.una, tcb->snd.nxt) <= tcb->snd.mss)
        delay += MAX_ACK_DELAY;
    if (delay < tcb->tcp->config.tail_probe_min)
        delay = tcb->tcp->config.tail_probe_min;
    if (rto_at != WEFT_TIME_NEVER && now + delay > rto_at)
        delay = rto_at > now ? rto_at - now : 0;
    return delay;
}

/* RFC 8985 6.2 step 2: what seemed to be the answer to a retransmission was not. The one sent last that has
 * arrived for certain is an original, if there is one. */
void tcp_rack_forget_resent(struct tcb *tcb, const struct tcp_delivery *delivery)
{
    tcb->rack.xmit_time = delivery->newest_sent;
    tcb->rack.end_seq = tcb->snd.una;
}

/* RFC 8985 6.2 step 3 looks for an original that arrives late. One that had been sent again by then is not told by
 * its range, but by what takes the recovery back; or on a path with much reordering, where all that is late is sent
 * again, nothing would ever be seen. */
void tcp_rack_was_reordered(struct tcb *tcb)
{
    tcb->rack.reordering_seen = true;
    tcb->account.reord_seen++;
}

/* The last segment of the probe's, which goes up to TLP.end_seq; a FIN there may not be counted. */
static bool dsack_matches_probe(const struct tcp_rack *rack, const struct tcp_delivery *delivery)
{
    return delivery->dsack && seq_lt(delivery->dsack_start, rack->probe_end) &&
           seq_ge(delivery->dsack_end, seq_sub(rack->probe_end, 1));
}

/* RFC 8985 7.4.2, TLP_process_ack. */
bool tcp_rack_probe_repaired(struct tcb *tcb, const struct tcp_delivery *delivery)
{
    struct tcp_rack *rack = &tcb->rack;

    if (!rack->probe_out || seq_lt(tcb->snd.una, rack->probe_end))
        return false;
    bool has_arrived_twice = dsack_matches_probe(rack, delivery); /* case 1 */
    bool is_repaired =
        rack->probe_is_retransmit && !has_arrived_twice && seq_gt(tcb->snd.una, rack->probe_end);

    if (!rack->probe_is_retransmit || has_arrived_twice || is_repaired ||
        (delivery->is_repeated && !delivery->dsack)) /* case 2 */
        rack->probe_out = false;
    return is_repaired;
}
