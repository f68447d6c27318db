/* SPDX-License-Identifier: MIT */
/*
 * BBR's states; see bbr.h.
 *
 * Owns    the state, its gains, when it changes, the long-term bound that probing has
 *         found, and what an undo goes back to.
 * Never   sets the pacing rate; and cwnd only back to what it was.
 */
#include "tcp/cc/bbr.h"

/* The draft's parameters of the same names. */
#define DRAIN_PACING_GAIN       50u
#define DOWN_PACING_GAIN        90u
#define UP_PACING_GAIN          125u
#define DEFAULT_CWND_GAIN       200u
#define UP_CWND_GAIN            225u
#define STARTUP_FULL_LOSS_CNT   6u
#define DRAIN_ROUNDS            3u
#define PROBE_RTT_DURATION      (200 * WEFT_MSEC)
#define RENO_COEXISTENCE_ROUNDS 63u
#define PROBE_WAIT_MIN          (2 * WEFT_SEC)
#define PROBE_WAIT_RANDOM       (1 * WEFT_SEC)

/* --- Gains ("Summary of Control Behavior in the State Machine") ------------------------------------------ */

/* The gains of each state ("Summary of Control Behavior in the State Machine"). */
uint32_t bbr_pacing_gain(const struct bbr *bbr)
{
    static const uint16_t gains[] = {
        [BBR_STARTUP] = BBR_STARTUP_PACING_GAIN,
        [BBR_DRAIN] = DRAIN_PACING_GAIN,
        [BBR_PROBE_BW_DOWN] = DOWN_PACING_GAIN,
        [BBR_PROBE_BW_CRUISE] = 100,
        [BBR_PROBE_BW_REFILL] = 100,
        [BBR_PROBE_BW_UP] = UP_PACING_GAIN,
        [BBR_PROBE_RTT] = 100,
    };

    return gains[bbr->state];
}

uint32_t bbr_cwnd_gain(const struct bbr *bbr)
{
    if (bbr->state == BBR_PROBE_RTT)
        return BBR_PROBE_RTT_CWND_GAIN;
    return bbr->state == BBR_PROBE_BW_UP ? UP_CWND_GAIN : DEFAULT_CWND_GAIN;
}

/* What the trace calls the state. */
enum weft_tcp_cause bbr_cause(const struct bbr *bbr)
{
    static const enum weft_tcp_cause causes[] = {
        [BBR_STARTUP] = WEFT_CAUSE_BBR_STARTUP,        [BBR_DRAIN] = WEFT_CAUSE_BBR_DRAIN,
        [BBR_PROBE_BW_DOWN] = WEFT_CAUSE_BBR_DOWN,     [BBR_PROBE_BW_CRUISE] = WEFT_CAUSE_BBR_CRUISE,
        [BBR_PROBE_BW_REFILL] = WEFT_CAUSE_BBR_REFILL, [BBR_PROBE_BW_UP] = WEFT_CAUSE_BBR_UP,
        [BBR_PROBE_RTT] = WEFT_CAUSE_BBR_PROBE_RTT,
    };

    return causes[bbr->state];
}

/* --- Where states begin ---------------------------------------------------------------------------------- */

/* From 0 to n - 1: xorshift, good enough for when to probe. */
static uint32_t random_below(struct bbr *bbr, uint32_t n)
{
    bbr->random ^= bbr->random << 13;
    bbr->random ^= bbr->random >> 17;
    bbr->random ^= bbr->random << 5;
    return bbr->random % n;
}

static void enter_drain(struct bbr *bbr)
{
    bbr->state = BBR_DRAIN;
    bbr->drain_start_round = bbr->round_count;
}

static void pick_probe_wait(struct bbr *bbr)
{
    bbr->rounds_since_probe_up = random_below(bbr, 2);
    bbr->bw_probe_wait = PROBE_WAIT_MIN + random_below(bbr, (uint32_t)PROBE_WAIT_RANDOM);
}

static void start_down(struct bbr *bbr, const struct weft_cc *cc)
{
    bbr_reset_congestion_signals(bbr);
    bbr->probe_up_acked_per_inc = BBR_UNBOUNDED_VOLUME;
    pick_probe_wait(bbr);
    bbr->cycle_stamp = cc->now;
    bbr->ack_phase = BBR_ACKS_PROBE_STOPPING;
    bbr_start_round(bbr, cc);
    bbr->state = BBR_PROBE_BW_DOWN;
}

static void start_refill(struct bbr *bbr, const struct weft_cc *cc)
{
    bbr_reset_short_term_model(bbr);
    bbr->bw_probe_up_rounds = 0;
    bbr->bw_probe_up_acked = 0;
    bbr->prev_probe_precautionary = false;
    bbr->ack_phase = BBR_ACKS_REFILLING;
    bbr_start_round(bbr, cc);
    bbr->state = BBR_PROBE_BW_REFILL;
}

/* RaiseInflightLongtermSlope */
static void raise_slope(struct bbr *bbr, const struct weft_cc *cc)
{
    uint32_t growth = 1u << bbr->bw_probe_up_rounds;

    if (bbr->bw_probe_up_rounds < 30)
        bbr->bw_probe_up_rounds++;
    bbr->probe_up_acked_per_inc = (uint32_t)bbr_larger(cc->cwnd / growth, cc->mss);
}

static void start_up(struct bbr *bbr, const struct weft_cc *cc, const struct weft_cc_rate *rs)
{
    bbr->ack_phase = BBR_ACKS_PROBE_STARTING;
    bbr_start_round(bbr, cc);
    bbr_reset_full_bw(bbr, rs->rate);
    bbr->state = BBR_PROBE_BW_UP;
    raise_slope(bbr, cc);
}

static void exit_probe_rtt(struct bbr *bbr, const struct weft_cc *cc)
{
    bbr_reset_short_term_model(bbr);
    if (!bbr->full_bw_reached) {
        bbr->state = BBR_STARTUP;
        return;
    }
    start_down(bbr, cc);
    bbr->state = BBR_PROBE_BW_CRUISE;
}

/* --- Loss ("Updating the Model Upon Packet Loss") -------------------------------------------------------- */

static void save_cwnd(struct bbr *bbr, const struct weft_cc *cc)
{
    if (!bbr->in_recovery && bbr->state != BBR_PROBE_RTT)
        bbr->prior_cwnd = cc->cwnd;
    else if (bbr->prior_cwnd < cc->cwnd)
        bbr->prior_cwnd = cc->cwnd;
}

void bbr_restore_cwnd(const struct bbr *bbr, struct weft_cc *cc)
{
    if (cc->cwnd < bbr->prior_cwnd)
        cc->cwnd = bbr->prior_cwnd;
}

/* SaveStateUponLoss, when a recovery begins: with the first loss that it is about, before that changes the model. The
 * draft saves again when the recovery has begun, and with the first loss of each round; then there would be nothing
 * to go back to. */
void bbr_save_state_upon_loss(struct bbr *bbr, const struct weft_cc *cc)
{
    save_cwnd(bbr, cc);
    if (bbr->has_saved)
        return;
    bbr->has_saved = true;
    bbr->undo_state = BBR_NO_STATE;
    bbr->undo_bw_shortterm = bbr->bw_shortterm;
    bbr->undo_inflight_shortterm = bbr->inflight_shortterm;
    bbr->undo_inflight_longterm = bbr->inflight_longterm;
}

void bbr_note_loss(struct bbr *bbr, const struct weft_cc *cc)
{
    if (!bbr->loss_in_round)
        bbr->loss_round_delivered = cc->delivered;
    bbr_save_state_upon_loss(bbr, cc);
    bbr->loss_in_round = true;
}

/* HandleInflightTooHigh */
static void handle_too_high(struct bbr *bbr, const struct weft_cc *cc, uint64_t in_flight, bool app_limited)
{
    bbr->prev_probe_too_high = true;
    bbr->bw_probe_sample = false;
    if (!app_limited)
        bbr->inflight_longterm =
            (uint32_t)bbr_larger(in_flight, (uint64_t)bbr_target_inflight(bbr, cc) * BBR_BETA / 100);
    if (bbr->state == BBR_PROBE_BW_UP) {
        bbr->undo_state = BBR_PROBE_BW_UP;
        start_down(bbr, cc);
    }
}

/* InflightAtLoss: at which part of what was sent together the losses crossed the threshold. */
static uint64_t inflight_at_loss(const struct weft_cc_lost *lost)
{
    uint64_t inflight_prev = lost->in_flight > lost->bytes ? lost->in_flight - lost->bytes : 0;
    uint64_t lost_prev = lost->lost - lost->bytes;
    uint64_t allowed = inflight_prev * BBR_LOSS_THRESH / 100;
    uint64_t prefix = allowed > lost_prev ? (allowed - lost_prev) * 100 / (100 - BBR_LOSS_THRESH) : 0;

    return inflight_prev + prefix;
}

/* HandleLostPacket */
void bbr_lost(struct weft_cc *cc, const struct weft_cc_lost *lost)
{
    struct bbr *bbr = bbr_of(cc);

    bbr_note_loss(bbr, cc);
    bbr->loss_events++;
    if (bbr->bw_probe_sample && bbr_is_too_high(cc, lost->lost, lost->in_flight))
        handle_too_high(bbr, cc, inflight_at_loss(lost), lost->app_limited);
}

/* --- Startup and Drain ----------------------------------------------------------------------------------- */

/* What ends Startup before the rate has stopped to rise. */
static void fill_by_congestion(struct bbr *bbr, const struct weft_cc *cc)
{
    bbr->undo_state = BBR_STARTUP;
    bbr->full_bw_reached = true;
    bbr->inflight_longterm = (uint32_t)bbr_smaller(
        bbr_larger(bbr_bdp_multiple(bbr, cc, bbr->bw, 100), bbr->inflight_latest), BBR_UNBOUNDED_VOLUME - 1);
}

/* CheckStartupHighLoss */
static void check_startup_loss(struct bbr *bbr, const struct weft_cc *cc, const struct weft_cc_rate *rs)
{
    bool is_high = cc->has_sack ? bbr->loss_round_start && bbr->loss_events >= STARTUP_FULL_LOSS_CNT &&
                                      bbr_is_too_high(cc, rs->lost, rs->in_flight)
                                : bbr->loss_events > 0;

    if (bbr->state == BBR_STARTUP && bbr->in_recovery && is_high)
        fill_by_congestion(bbr, cc);
    if (bbr->loss_round_start)
        bbr->loss_events = 0;
}

static void check_startup_done(struct bbr *bbr, const struct weft_cc *cc, const struct weft_cc_rate *rs)
{
    check_startup_loss(bbr, cc, rs);
    if (bbr->state == BBR_STARTUP && bbr->full_bw_reached)
        enter_drain(bbr);
}

static void check_drain_done(struct bbr *bbr, const struct weft_cc *cc)
{
    if (bbr->state == BBR_DRAIN && (cc->in_flight <= bbr_full_pipe(bbr, cc, bbr->bw) ||
                                    bbr->round_count > bbr->drain_start_round + DRAIN_ROUNDS))
        start_down(bbr, cc);
}

/* --- ProbeBW --------------------------------------------------------------------------------------------- */

/* IsTimeToProbeBW: by the clock, or as often as Reno would with this window. */
static bool is_time_to_probe(struct bbr *bbr, const struct weft_cc *cc)
{
    uint64_t reno_rounds = bbr_smaller(bbr_target_inflight(bbr, cc) / cc->mss, RENO_COEXISTENCE_ROUNDS);

    if (cc->now <= bbr->cycle_stamp + bbr->bw_probe_wait && bbr->rounds_since_probe_up < reno_rounds)
        return false;
    start_refill(bbr, cc);
    return true;
}

/* IsTimeToCruise */
static bool is_time_to_cruise(const struct bbr *bbr, const struct weft_cc *cc)
{
    return cc->in_flight <= bbr_inflight_with_headroom(bbr, cc) &&
           cc->in_flight <= bbr_full_pipe(bbr, cc, bbr->max_bw);
}

/* IsTimeToGoDown */
static bool is_time_to_go_down(struct bbr *bbr, const struct weft_cc *cc, const struct weft_cc_rate *rs)
{
    if (bbr->prev_probe_too_high && cc->in_flight >= bbr->inflight_longterm) {
        bbr->prev_probe_precautionary = true;
        return true;
    }
    if (cc->cwnd_limited && cc->cwnd >= bbr->inflight_longterm) {
        bbr_reset_full_bw(bbr, rs->rate);
        return false;
    }
    return bbr->full_bw_now;
}

/* ProbeInflightLongtermUpward */
static void probe_upward(struct bbr *bbr, const struct weft_cc *cc, uint32_t newly_acked)
{
    if (!cc->cwnd_limited || cc->cwnd < bbr->inflight_longterm)
        return;
    bbr->bw_probe_up_acked += newly_acked;
    if (bbr->bw_probe_up_acked >= bbr->probe_up_acked_per_inc) {
        uint32_t delta = bbr->bw_probe_up_acked / bbr->probe_up_acked_per_inc;

        bbr->bw_probe_up_acked -= delta * bbr->probe_up_acked_per_inc;
        bbr->inflight_longterm = (uint32_t)bbr_smaller(
            (uint64_t)bbr->inflight_longterm + (uint64_t)delta * cc->mss, BBR_UNBOUNDED_VOLUME - 1);
    }
    if (bbr->round_start)
        raise_slope(bbr, cc);
}

/* The first round trip after UP is over: its samples are all in. Returns true when that decides the next state. */
static bool stop_probing(struct bbr *bbr, const struct weft_cc *cc, const struct weft_cc_rate *rs)
{
    bbr->bw_probe_sample = false;
    bbr->ack_phase = BBR_ACKS_INIT;
    if (bbr_is_in_probe_bw(bbr) && !rs->app_limited)
        bbr_advance_max_bw(bbr);
    if (!bbr_is_in_probe_bw(bbr) || !bbr->prev_probe_precautionary || bbr->prev_probe_too_high)
        return false;
    start_refill(bbr, cc);
    return true;
}

/* AdaptLongTermModel: returns true when it has decided the next state. */
static bool adapt_long_term(struct bbr *bbr, const struct weft_cc *cc, const struct weft_cc_ack *ack)
{
    const struct weft_cc_rate *rs = &ack->rate;

    if (bbr->ack_phase == BBR_ACKS_PROBE_STARTING && bbr->round_start)
        bbr->ack_phase = BBR_ACKS_PROBE_FEEDBACK;
    if (bbr->ack_phase == BBR_ACKS_PROBE_STOPPING && bbr->round_start && stop_probing(bbr, cc, rs))
        return true;
    if (bbr_is_too_high(cc, rs->lost, rs->in_flight) || bbr->inflight_longterm == BBR_UNBOUNDED_VOLUME)
        return false;
    if (rs->in_flight > bbr->inflight_longterm)
        bbr->inflight_longterm = rs->in_flight;
    if (bbr->state == BBR_PROBE_BW_UP)
        probe_upward(bbr, cc, ack->delivered);
    return false;
}

/* UpdateProbeBWCyclePhase */
static void update_cycle(struct bbr *bbr, const struct weft_cc *cc, const struct weft_cc_ack *ack)
{
    if (!bbr->full_bw_reached || adapt_long_term(bbr, cc, ack))
        return;
    switch (bbr->state) {
    case BBR_PROBE_BW_DOWN:
        if (!is_time_to_probe(bbr, cc) && is_time_to_cruise(bbr, cc))
            bbr->state = BBR_PROBE_BW_CRUISE;
        break;
    case BBR_PROBE_BW_CRUISE:
        is_time_to_probe(bbr, cc);
        break;
    case BBR_PROBE_BW_REFILL:
        if (bbr->round_start) {
            bbr->bw_probe_sample = true;
            start_up(bbr, cc, &ack->rate);
        }
        break;
    case BBR_PROBE_BW_UP:
        if (is_time_to_go_down(bbr, cc, &ack->rate)) {
            bbr->prev_probe_too_high = false;
            start_down(bbr, cc);
        }
        break;
    default:
        break;
    }
}

void bbr_update_state(struct bbr *bbr, const struct weft_cc *cc, const struct weft_cc_ack *ack)
{
    check_startup_done(bbr, cc, &ack->rate);
    check_drain_done(bbr, cc);
    update_cycle(bbr, cc, ack);
}

/* --- ProbeRTT -------------------------------------------------------------------------------------------- */

/* CheckProbeRTTDone */
void bbr_check_probe_rtt_done(struct bbr *bbr, struct weft_cc *cc)
{
    if (bbr->probe_rtt_done_stamp == 0 || cc->now <= bbr->probe_rtt_done_stamp)
        return;
    bbr->probe_rtt_min_stamp = cc->now;
    bbr_restore_cwnd(bbr, cc);
    exit_probe_rtt(bbr, cc);
}

/* HandleProbeRTT */
static void handle_probe_rtt(struct bbr *bbr, struct weft_cc *cc)
{
    cc->app_limited = true;
    if (bbr->probe_rtt_done_stamp == 0) {
        if (cc->in_flight > bbr_probe_rtt_cwnd(bbr, cc))
            return;
        bbr->probe_rtt_done_stamp = cc->now + PROBE_RTT_DURATION;
        bbr->probe_rtt_round_done = false;
        bbr_start_round(bbr, cc);
        return;
    }
    bbr->probe_rtt_round_done |= bbr->round_start;
    if (bbr->probe_rtt_round_done)
        bbr_check_probe_rtt_done(bbr, cc);
}

/* CheckProbeRTT */
void bbr_check_probe_rtt(struct bbr *bbr, struct weft_cc *cc, const struct weft_cc_rate *rs)
{
    if (bbr->state != BBR_PROBE_RTT && bbr->probe_rtt_expired && !bbr->idle_restart) {
        save_cwnd(bbr, cc);
        bbr->state = BBR_PROBE_RTT;
        bbr->probe_rtt_done_stamp = 0;
        bbr->ack_phase = BBR_ACKS_PROBE_STOPPING;
        bbr_start_round(bbr, cc);
    }
    if (bbr->state == BBR_PROBE_RTT)
        handle_probe_rtt(bbr, cc);
    if (rs->delivered > 0)
        bbr->idle_restart = false;
}

/* --- Marks, and losses that were none -------------------------------------------------------------------- */

/* The draft has marks counted as congestion, without saying how ("ECN"): a window's first mark is here what losses
 * beyond the threshold are. When not probing the short-term model follows at the round's end. */
void bbr_answer_mark(struct bbr *bbr, const struct weft_cc *cc)
{
    bbr_note_loss(bbr, cc);
    if (bbr->state == BBR_STARTUP)
        fill_by_congestion(bbr, cc);
    else if (bbr_is_probing_bw(bbr))
        handle_too_high(bbr, cc, cc->in_flight, cc->app_limited);
}

/* HandleSpuriousLossDetection */
void bbr_take_back(struct bbr *bbr, struct weft_cc *cc)
{
    bbr_restore_cwnd(bbr, cc);
    bbr->in_recovery = bbr->has_saved = false;
    bbr->loss_in_round = false;
    bbr_reset_full_bw(bbr, 0);
    bbr->bw_shortterm = bbr_larger(bbr->bw_shortterm, bbr->undo_bw_shortterm);
    bbr->inflight_shortterm = (uint32_t)bbr_larger(bbr->inflight_shortterm, bbr->undo_inflight_shortterm);
    bbr->inflight_longterm = (uint32_t)bbr_larger(bbr->inflight_longterm, bbr->undo_inflight_longterm);
    if (bbr->undo_state == BBR_STARTUP && bbr->state != BBR_STARTUP) {
        bbr->full_bw_reached = false;
        if (bbr->state != BBR_PROBE_RTT)
            bbr->state = BBR_STARTUP;
    } else if (bbr->undo_state == BBR_PROBE_BW_UP && bbr->state != BBR_PROBE_BW_UP &&
               bbr->state != BBR_PROBE_RTT) {
        start_refill(bbr, cc);
    }
    bbr->undo_state = BBR_NO_STATE;
}
