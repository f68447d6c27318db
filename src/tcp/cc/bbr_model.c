/* SPDX-License-Identifier: MIT */
/*
 * What BBR knows of the path; see bbr.h.
 *
 * Owns    the filters of rate, round trip and aggregation, rounds, whether the pipe
 *         has been full, and the short-term model: what losses have made of the rate.
 * Never   changes the state, the pacing rate or cwnd.
 */
#include "tcp/cc/bbr.h"

/* The draft's parameters of the same names. */
#define HEADROOM           15u /* percent */
#define FULL_BW_ROUNDS     3u
#define FULL_BW_GROWTH     125u /* percent */
#define EXTRA_ACKED_HALF   5u   /* rounds: half of ExtraAckedFilterLen, of which two slots are kept */
#define MIN_RTT_FILTER_LEN (10 * WEFT_SEC)
#define PROBE_RTT_INTERVAL (5 * WEFT_SEC)

/* --- Volumes --------------------------------------------------------------------------------------------- */

/* What a rate delivers in a time, bytes; long pauses at high rates are more than 64 bits hold on the way there. */
static uint64_t delivered_in(uint64_t bw, weft_time time)
{
    return bw / WEFT_SEC * time + bw % WEFT_SEC * time / WEFT_SEC;
}

/* BDPMultiple */
uint64_t bbr_bdp_multiple(const struct bbr *bbr, const struct weft_cc *cc, uint64_t bw, uint32_t gain)
{
    if (bbr->min_rtt == 0)
        return cc->initial_window;
    return bbr_smaller(delivered_in(bw, bbr->min_rtt) * gain / 100, BBR_UNBOUNDED_VOLUME - 1);
}

/* QuantizationBudget; the offload budget is of three quanta. */
uint32_t bbr_quantization_budget(const struct bbr *bbr, const struct weft_cc *cc, uint64_t volume)
{
    volume = bbr_larger(volume, 3ull * bbr->send_quantum);
    volume = bbr_larger(volume, bbr_min_pipe_cwnd(cc));
    if (bbr->state == BBR_PROBE_BW_UP)
        volume += 2 * cc->mss;
    return (uint32_t)bbr_smaller(volume, BBR_UNBOUNDED_VOLUME - 1);
}

/* Inflight(1.0) */
uint32_t bbr_full_pipe(const struct bbr *bbr, const struct weft_cc *cc, uint64_t bw)
{
    return bbr_quantization_budget(bbr, cc, bbr_bdp_multiple(bbr, cc, bw, 100));
}

/* InflightWithHeadroom */
uint32_t bbr_inflight_with_headroom(const struct bbr *bbr, const struct weft_cc *cc)
{
    uint64_t headroom;

    if (bbr->inflight_longterm == BBR_UNBOUNDED_VOLUME)
        return BBR_UNBOUNDED_VOLUME;
    headroom = bbr_larger(cc->mss, (uint64_t)bbr->inflight_longterm * HEADROOM / 100);
    return (uint32_t)bbr_larger(bbr->inflight_longterm - bbr_smaller(headroom, bbr->inflight_longterm),
                                bbr_min_pipe_cwnd(cc));
}

/* TargetInflight */
uint32_t bbr_target_inflight(const struct bbr *bbr, const struct weft_cc *cc)
{
    return (uint32_t)bbr_smaller(bbr_bdp_multiple(bbr, cc, bbr->bw, 100), cc->cwnd);
}

uint32_t bbr_probe_rtt_cwnd(const struct bbr *bbr, const struct weft_cc *cc)
{
    return (uint32_t)bbr_larger(bbr_bdp_multiple(bbr, cc, bbr->bw, BBR_PROBE_RTT_CWND_GAIN),
                                bbr_min_pipe_cwnd(cc));
}

/* --- What begins anew ------------------------------------------------------------------------------------ */

void bbr_start_round(struct bbr *bbr, const struct weft_cc *cc)
{
    bbr->next_round_delivered = cc->delivered;
}

void bbr_reset_full_bw(struct bbr *bbr, uint64_t baseline)
{
    bbr->full_bw = baseline;
    bbr->full_bw_count = 0;
    bbr->full_bw_now = false;
}

void bbr_reset_congestion_signals(struct bbr *bbr)
{
    bbr->loss_in_round = false;
    bbr->loss_events = 0;
    bbr->bw_latest = 0;
    bbr->inflight_latest = 0;
}

void bbr_reset_short_term_model(struct bbr *bbr)
{
    bbr->bw_shortterm = BBR_UNBOUNDED_BW;
    bbr->inflight_shortterm = BBR_UNBOUNDED_VOLUME;
}

/* --- Loss ("Updating the Model Upon Packet Loss") -------------------------------------------------------- */

/* IsInflightTooHigh */
bool bbr_is_too_high(const struct weft_cc *cc, uint64_t lost, uint64_t in_flight)
{
    return lost * 100 > in_flight * BBR_LOSS_THRESH || (lost > 0 && !cc->has_sack);
}

/* LossLowerBounds and what precedes it: once for each round trip with losses, when not probing. */
static void adapt_lower_bounds(struct bbr *bbr, const struct weft_cc *cc)
{
    if (bbr_is_probing_bw(bbr) || !bbr->loss_in_round)
        return;
    if (bbr->bw_shortterm == BBR_UNBOUNDED_BW)
        bbr->bw_shortterm = bbr->max_bw;
    if (bbr->inflight_shortterm == BBR_UNBOUNDED_VOLUME)
        bbr->inflight_shortterm = cc->cwnd;
    bbr->bw_shortterm = bbr_larger(bbr->bw_latest, bbr->bw_shortterm / 100 * BBR_BETA);
    bbr->inflight_shortterm = (uint32_t)bbr_smaller(
        bbr_larger(bbr->inflight_latest, (uint64_t)bbr->inflight_shortterm * BBR_BETA / 100),
        BBR_UNBOUNDED_VOLUME - 1);
}

/* --- Rate, round trips, aggregation ---------------------------------------------------------------------- */

/* UpdateLatestDeliverySignals */
static void update_latest(struct bbr *bbr, const struct weft_cc *cc, const struct weft_cc_rate *rs)
{
    bbr->loss_round_start = false;
    bbr->bw_latest = bbr_larger(bbr->bw_latest, rs->rate);
    bbr->inflight_latest = bbr_larger(bbr->inflight_latest, rs->delivered);
    if (rs->has_data && rs->prior_delivered >= bbr->loss_round_delivered) {
        bbr->loss_round_delivered = cc->delivered;
        bbr->loss_round_start = true;
    }
}

/* AdvanceLatestDeliverySignals */
void bbr_advance_latest(struct bbr *bbr, const struct weft_cc_rate *rs)
{
    if (!bbr->loss_round_start)
        return;
    bbr->bw_latest = rs->rate;
    bbr->inflight_latest = rs->delivered;
}

static void update_round(struct bbr *bbr, const struct weft_cc *cc, const struct weft_cc_rate *rs)
{
    bbr->round_start = rs->has_data && rs->prior_delivered >= bbr->next_round_delivered;
    if (!bbr->round_start)
        return;
    bbr_start_round(bbr, cc);
    bbr->round_count++;
    bbr->rounds_since_probe_up++;
}

/* UpdateMaxBw: the highest sample of this cycle of probing and of the last. */
static void update_max_bw(struct bbr *bbr, const struct weft_cc_rate *rs)
{
    if (rs->rate > 0 && (rs->rate >= bbr->max_bw || !rs->app_limited))
        bbr->max_bw_filter[1] = bbr_larger(bbr->max_bw_filter[1], rs->rate);
    bbr->max_bw = bbr_larger(bbr->max_bw_filter[0], bbr->max_bw_filter[1]);
}

/* AdvanceMaxBwFilter */
void bbr_advance_max_bw(struct bbr *bbr)
{
    if (bbr->max_bw_filter[1] == 0)
        return; /* no samples in this cycle: the last one's stay */
    bbr->max_bw_filter[0] = bbr->max_bw_filter[1];
    bbr->max_bw_filter[1] = 0;
}

/* UpdateCongestionSignals */
static void update_congestion_signals(struct bbr *bbr, const struct weft_cc *cc,
                                      const struct weft_cc_rate *rs)
{
    update_round(bbr, cc, rs);
    update_max_bw(bbr, rs);
    if (!bbr->loss_round_start)
        return;
    adapt_lower_bounds(bbr, cc);
    bbr->loss_in_round = false;
}

/* UpdateACKAggregation: the most that was acknowledged beyond what bw explains, of the last ten rounds; of the
 * last one in Startup. */
static void update_extra_acked(struct bbr *bbr, const struct weft_cc *cc, uint32_t newly_acked)
{
    uint64_t expected = delivered_in(bbr->bw, cc->now - bbr->extra_acked_interval_start);
    uint64_t extra;

    if (bbr->round_start && ++bbr->extra_acked_rounds >= (bbr->full_bw_reached ? EXTRA_ACKED_HALF : 1)) {
        bbr->extra_acked_rounds = 0;
        bbr->extra_acked[0] = bbr->full_bw_reached ? bbr->extra_acked[1] : 0;
        bbr->extra_acked[1] = 0;
    }
    if (bbr->extra_acked_delivered <= expected) {
        bbr->extra_acked_delivered = 0;
        bbr->extra_acked_interval_start = cc->now;
        expected = 0;
    }
    bbr->extra_acked_delivered += newly_acked;
    extra = bbr_smaller(bbr->extra_acked_delivered - expected, cc->cwnd);
    bbr->extra_acked[1] = (uint32_t)bbr_larger(bbr->extra_acked[1], extra);
}

/* CheckFullBWReached */
static void check_full_bw(struct bbr *bbr, const struct weft_cc_rate *rs)
{
    if (bbr->full_bw_now || !bbr->round_start || rs->app_limited)
        return;
    if (rs->rate >= bbr->full_bw / 100 * FULL_BW_GROWTH) {
        bbr_reset_full_bw(bbr, rs->rate);
        return;
    }
    bbr->full_bw_now = ++bbr->full_bw_count >= FULL_BW_ROUNDS;
    bbr->full_bw_reached |= bbr->full_bw_now;
}

void bbr_update_model(struct bbr *bbr, const struct weft_cc *cc, const struct weft_cc_ack *ack)
{
    update_latest(bbr, cc, &ack->rate);
    update_congestion_signals(bbr, cc, &ack->rate);
    update_extra_acked(bbr, cc, ack->delivered);
    check_full_bw(bbr, &ack->rate);
}

/* UpdateMinRTT */
void bbr_update_min_rtt(struct bbr *bbr, const struct weft_cc *cc, weft_time rtt)
{
    bbr->probe_rtt_expired = cc->now > bbr->probe_rtt_min_stamp + PROBE_RTT_INTERVAL;
    if (rtt > 0 &&
        (bbr->probe_rtt_min_delay == 0 || rtt < bbr->probe_rtt_min_delay || bbr->probe_rtt_expired)) {
        bbr->probe_rtt_min_delay = rtt;
        bbr->probe_rtt_min_stamp = cc->now;
    }
    if (bbr->probe_rtt_min_delay == 0)
        return;
    if (bbr->min_rtt == 0 || bbr->probe_rtt_min_delay < bbr->min_rtt ||
        cc->now > bbr->min_rtt_stamp + MIN_RTT_FILTER_LEN) {
        bbr->min_rtt = bbr->probe_rtt_min_delay;
        bbr->min_rtt_stamp = bbr->probe_rtt_min_stamp;
    }
}
