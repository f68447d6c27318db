/* SPDX-License-Identifier: MIT */
/*
 * How fast the network delivers: the rate samples of draft-ietf-ccwg-bbr,
 * "Detailed Delivery Rate Sampling Algorithm", with its names.
 *
 * Owns    tcb->rate, and the marks that the ranges of the scoreboard carry.
 * Never   changes a window: cc/ hands the samples to the algorithm.
 *
 * A mark says how much had been delivered, and when, at the moment at which
 * its range was sent. When the range has arrived, what has been delivered
 * since, by the time since, is a sample of the rate. What was sent in one go
 * has one mark, as the draft recommends for offloads.
 */
#include "tcp/tcb.h"

/* OnPacketSent: `len` bytes of the range have just gone, and count as in flight already. */
void tcp_rate_sent(struct tcb *tcb, struct tcp_range *range, uint32_t len)
{
    struct tcp_rate *rate = &tcb->rate;
    uint32_t in_flight = tcp_in_flight(tcb);

    if (in_flight <= len)
        rate->first_sent = rate->delivered_time = tcb->tcp->core->now;
    range->rate = (struct tcp_rate_mark){
        .first_sent = rate->first_sent,
        .delivered_time = rate->delivered_time,
        .delivered = rate->delivered,
        .lost = rate->lost,
        .in_flight = in_flight,
        .app_limited = rate->app_limited != 0,
    };
}

/* UpdateRateSample: the range, or a piece of one, is known to have arrived. */
void tcp_rate_delivered(struct tcb *tcb, const struct tcp_range *range, struct tcp_delivery *delivery)
{
    struct tcp_rate *rate = &tcb->rate;
    uint32_t len = seq_span(range->start, range->end);
    bool is_syn = seq_eq(range->start, tcb->snd.iss); /* one segment, with what data it carries */

    rate->delivered += len;
    tcb->delivered_segs += is_syn ? 1 : (len + tcb->snd.mss - 1) / tcb->snd.mss;
    rate->delivered_time = tcb->tcp->core->now;
    /* IsNewestPacket */
    if (delivery->has_mark && (range->sent < delivery->mark_sent || (range->sent == delivery->mark_sent &&
                                                                     seq_lt(range->end, delivery->mark_end))))
        return;
    delivery->has_mark = true;
    delivery->mark = range->rate;
    delivery->mark_sent = range->sent;
    delivery->mark_end = range->end;
}

/* GenerateRateSample */
void tcp_rate_sample(struct tcb *tcb, const struct tcp_delivery *delivery, struct weft_cc_rate *out)
{
    struct tcp_rate *rate = &tcb->rate;
    const struct tcp_rate_mark *mark = &delivery->mark;

    *out = (struct weft_cc_rate){.has_data = delivery->has_mark};
    if (rate->app_limited != 0 && rate->delivered > rate->app_limited)
        rate->app_limited = 0;
    if (!delivery->has_mark)
        return;
    weft_time send_elapsed = delivery->mark_sent - mark->first_sent;
    weft_time ack_elapsed = rate->delivered_time - mark->delivered_time;

    rate->first_sent = delivery->mark_sent;
    out->interval = send_elapsed > ack_elapsed ? send_elapsed : ack_elapsed;
    out->delivered = rate->delivered - mark->delivered;
    out->prior_delivered = mark->delivered;
    out->in_flight = mark->in_flight;
    out->lost = rate->lost - mark->lost;
    out->app_limited = mark->app_limited;
    /* Shorter than any round trip: the ACK was for an earlier copy. */
    if (out->interval == 0 || out->interval < tcb->rtt.min_rtt)
        return;
    out->rate = out->delivered * WEFT_SEC / out->interval;
    rate->last = out->rate;
    rate->last_app_limited = out->app_limited;
}

/* MarkConnectionAppLimited: what is sent until all that is out now has arrived says only how fast the
 * application is. */
void tcp_rate_app_limited(struct tcb *tcb)
{
    uint64_t until = tcb->rate.delivered + tcp_in_flight(tcb);

    tcb->rate.app_limited = until > 0 ? until : 1;
}
