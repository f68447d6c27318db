/* SPDX-License-Identifier: MIT */
/*
 * BBR as TCP calls it; see bbr.h.
 *
 * Owns    cwnd and the pacing rate of its connections, in recovery, too.
 * Never   takes a single loss for congestion: it keeps a model of the path,
 *         made of what ACKs tell of rate, round trip and losses, and sends by
 *         that.
 */
#include "tcp/cc/bbr.h"

/* The draft's parameters of the same names. */
#define PACING_MARGIN    99u /* percent of bw that are used: PacingMarginPercent is 1 */
#define SEND_QUANTUM_MAX 65535u

/* --- Control parameters ---------------------------------------------------------------------------------- */

/* SetPacingRateWithGain: until the pipe has been full once, the rate only rises. */
static void set_pacing_rate(const struct bbr *bbr, struct weft_cc *cc, uint32_t gain)
{
    uint64_t rate = bbr->bw / 100 * gain / 100 * PACING_MARGIN;

    if (rate > 0 && (bbr->full_bw_reached || rate > cc->pacing_rate))
        cc->pacing_rate = rate;
}

static void set_send_quantum(struct bbr *bbr, const struct weft_cc *cc)
{
    uint64_t quantum = bbr_smaller(cc->pacing_rate / 1000, SEND_QUANTUM_MAX);

    bbr->send_quantum = (uint32_t)bbr_larger(quantum, 2 * cc->mss);
}

/* BoundCwndForModel */
static void bound_cwnd_for_model(const struct bbr *bbr, struct weft_cc *cc)
{
    uint64_t cap = BBR_UNBOUNDED_VOLUME;

    if (bbr->state == BBR_PROBE_RTT || bbr->state == BBR_PROBE_BW_CRUISE)
        cap = bbr_inflight_with_headroom(bbr, cc);
    else if (bbr_is_in_probe_bw(bbr))
        cap = bbr->inflight_longterm;
    cap = bbr_smaller(cap, bbr->inflight_shortterm);
    cap = bbr_larger(cap, bbr_min_pipe_cwnd(cc));
    cc->cwnd = (uint32_t)bbr_smaller(cc->cwnd, cap);
}

static void set_cwnd(struct bbr *bbr, struct weft_cc *cc, uint32_t newly_acked)
{
    uint64_t extra = bbr_larger(bbr->extra_acked[0], bbr->extra_acked[1]);
    uint64_t cwnd = cc->cwnd;

    bbr->max_inflight =
        bbr_quantization_budget(bbr, cc, bbr_bdp_multiple(bbr, cc, bbr->bw, bbr_cwnd_gain(bbr)) + extra);
    if (bbr->full_bw_reached)
        cwnd = bbr_smaller(cwnd + newly_acked, bbr->max_inflight);
    else if (cwnd < bbr->max_inflight || cc->delivered < cc->initial_window)
        cwnd += newly_acked;
    cwnd = bbr_larger(cwnd, bbr_min_pipe_cwnd(cc));
    if (bbr->state == BBR_PROBE_RTT)
        cwnd = bbr_smaller(cwnd, bbr_probe_rtt_cwnd(bbr, cc));
    cc->cwnd = (uint32_t)bbr_smaller(cwnd, BBR_UNBOUNDED_VOLUME - 1);
    bound_cwnd_for_model(bbr, cc);
}

/* --- Events ---------------------------------------------------------------------------------------------- */

/* OnInit */
static void init(struct weft_cc *cc)
{
    struct bbr *bbr = bbr_of(cc);
    weft_time rtt = cc->srtt > 0 ? cc->srtt : WEFT_MSEC;

    *bbr = (struct bbr){
        .min_rtt = cc->srtt,
        .min_rtt_stamp = cc->now,
        .probe_rtt_min_delay = cc->srtt,
        .probe_rtt_min_stamp = cc->now,
        .extra_acked_interval_start = cc->now,
        .inflight_longterm = BBR_UNBOUNDED_VOLUME,
        .probe_up_acked_per_inc = BBR_UNBOUNDED_VOLUME,
        .next_round_delivered = cc->delivered,
        .undo_state = BBR_NO_STATE,
        .random = cc->seed | 1,
    };
    bbr_reset_short_term_model(bbr);
    cc->pacing_rate = (uint64_t)cc->initial_window * WEFT_SEC / rtt * BBR_STARTUP_PACING_GAIN / 100;
    set_send_quantum(bbr, cc);
    cc->cause = bbr_cause(bbr);
}

/* UpdateOnACK */
static void ack(struct weft_cc *cc, const struct weft_cc_ack *ack)
{
    struct bbr *bbr = bbr_of(cc);
    const struct weft_cc_rate *rs = &ack->rate;

    bbr->has_saved &= cc->state != WEFT_CC_OPEN;
    bbr_update_model(bbr, cc, ack);
    bbr_update_state(bbr, cc, ack);
    bbr_update_min_rtt(bbr, cc, ack->rtt);
    bbr_check_probe_rtt(bbr, cc, rs);
    bbr_advance_latest(bbr, rs);
    bbr->bw = bbr_smaller(bbr->max_bw, bbr->bw_shortterm);

    set_pacing_rate(bbr, cc, bbr_pacing_gain(bbr));
    set_send_quantum(bbr, cc);
    set_cwnd(bbr, cc, ack->delivered);
    cc->cause = bbr_cause(bbr);
}

/* OnEnterRTO, OnEnterFastRecovery. A loss that a probe has repaired begins no recovery; it counts as a loss of this
 * round. */
static void congestion(struct weft_cc *cc, enum weft_cc_signal signal, uint32_t flight)
{
    struct bbr *bbr = bbr_of(cc);

    (void)flight;
    if (signal == WEFT_CC_BY_ECN) {
        bbr_answer_mark(bbr, cc);
    } else if (signal == WEFT_CC_BY_LOSS && cc->state == WEFT_CC_OPEN) {
        bbr_note_loss(bbr, cc);
    } else {
        bbr_save_state_upon_loss(bbr, cc);
        bbr->in_recovery = true;
    }
}

static void recovered(struct weft_cc *cc)
{
    struct bbr *bbr = bbr_of(cc);

    bbr->in_recovery = bbr->has_saved = false;
    bbr_restore_cwnd(bbr, cc);
    cc->cause = WEFT_CAUSE_RECOVERED;
}

static void undo(struct weft_cc *cc)
{
    bbr_take_back(bbr_of(cc), cc);
    cc->cause = WEFT_CAUSE_RECOVERED;
}

/* HandleRestartFromIdle */
static void restart(struct weft_cc *cc)
{
    struct bbr *bbr = bbr_of(cc);

    if (!cc->app_limited)
        return;
    bbr->idle_restart = true;
    bbr->extra_acked_interval_start = cc->now;
    if (bbr_is_in_probe_bw(bbr))
        set_pacing_rate(bbr, cc, 100);
    else if (bbr->state == BBR_PROBE_RTT)
        bbr_check_probe_rtt_done(bbr, cc);
    cc->cause = bbr_cause(bbr);
}

static unsigned numbers(const struct weft_cc *cc, struct weft_cc_number *out, unsigned max)
{
    const struct bbr *bbr = bbr_of(cc);
    const struct weft_cc_number all[] = {
        {"bw", bbr->bw},
        {"max_bw", bbr->max_bw},
        {"min_rtt", bbr->min_rtt},
        {"pacing_gain", bbr_pacing_gain(bbr)},
        {"cwnd_gain", bbr_cwnd_gain(bbr)},
        {"inflight_longterm", bbr->inflight_longterm},
        {"inflight_shortterm", bbr->inflight_shortterm},
        {"phase", bbr->state},
        {"round", bbr->round_count},
    };

    return cc_numbers(out, max, all, sizeof(all) / sizeof(all[0]));
}

const struct weft_congestion tcp_cc_bbr = {
    .name = "bbr",
    .flags = WEFT_CC_PACES | WEFT_CC_SETS_CWND,
    .init = init,
    .ack = ack,
    .congestion = congestion,
    .lost = bbr_lost,
    .recovered = recovered,
    .undo = undo,
    .restart = restart,
    .numbers = numbers,
};
