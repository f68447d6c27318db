/* SPDX-License-Identifier: MIT */
/*
 * BBR version 3 (draft-ietf-ccwg-bbr, its text of August 2026), with the draft's
 * names: what its three files share, and nobody else.
 *
 *   bbr_model.c    what is known of the path
 *   bbr_states.c   what is being done to learn it
 *   bbr.c          the rate and the window that come of it, and TCP's events
 *
 *     Startup --> Drain --> ProbeBW: DOWN -> CRUISE -> REFILL -> UP --.
 *                              ^                                      |
 *                              '--------------------------------------'
 *     and from each of them now and then ProbeRTT, and back
 *
 * The model:  max_bw, min_rtt              how much the path can carry
 *             inflight_longterm            what it held without much loss
 *             bw_shortterm,                what losses of this cycle say
 *             inflight_shortterm
 *
 * Gains are in percent.
 */
#ifndef WEFT_TCP_CC_BBR_H
#define WEFT_TCP_CC_BBR_H

#include "tcp/cc/cc.h"

#define BBR_UNBOUNDED_BW     UINT64_MAX
#define BBR_UNBOUNDED_VOLUME UINT32_MAX

/* "cwnd State", "Core Algorithm Design Parameters" */
#define BBR_BETA                70u /* percent */
#define BBR_MIN_PIPE_CWND_SEGS  4u
#define BBR_LOSS_THRESH         2u /* percent */
#define BBR_STARTUP_PACING_GAIN 277u
#define BBR_PROBE_RTT_CWND_GAIN 50u

enum bbr_state {
    BBR_STARTUP,
    BBR_DRAIN,
    BBR_PROBE_BW_DOWN,
    BBR_PROBE_BW_CRUISE,
    BBR_PROBE_BW_REFILL,
    BBR_PROBE_BW_UP,
    BBR_PROBE_RTT,
    BBR_NO_STATE, /* of undo_state: nothing to go back to */
};

/* What ACKs tell of probing for bandwidth. */
enum bbr_ack_phase {
    BBR_ACKS_INIT,
    BBR_ACKS_REFILLING,
    BBR_ACKS_PROBE_STARTING,
    BBR_ACKS_PROBE_FEEDBACK,
    BBR_ACKS_PROBE_STOPPING,
};

struct bbr {
    uint64_t max_bw, bw, bw_shortterm, bw_latest; /* bytes per second */
    uint64_t max_bw_filter[2];                    /* of the last cycle and of this */
    uint64_t full_bw;
    uint64_t next_round_delivered, loss_round_delivered;
    uint64_t inflight_latest;
    uint64_t extra_acked_delivered;
    weft_time extra_acked_interval_start;
    weft_time min_rtt, min_rtt_stamp; /* 0: not known */
    weft_time probe_rtt_min_delay, probe_rtt_min_stamp, probe_rtt_done_stamp;
    weft_time cycle_stamp, bw_probe_wait;
    uint64_t undo_bw_shortterm;
    uint32_t undo_inflight_shortterm, undo_inflight_longterm;
    uint32_t inflight_longterm, inflight_shortterm; /* bytes */
    uint32_t extra_acked[2];                        /* of the last rounds and of these */
    uint32_t extra_acked_rounds;
    uint32_t prior_cwnd, max_inflight, send_quantum;
    uint32_t bw_probe_up_acked, probe_up_acked_per_inc, bw_probe_up_rounds;
    uint32_t round_count, rounds_since_probe_up, drain_start_round;
    uint32_t loss_events;
    uint32_t random;
    uint8_t state, undo_state; /* enum bbr_state */
    uint8_t ack_phase;         /* enum bbr_ack_phase */
    uint8_t full_bw_count;
    bool round_start, loss_round_start, loss_in_round, bw_probe_sample;
    bool full_bw_reached, full_bw_now;
    bool prev_probe_too_high, prev_probe_precautionary;
    bool idle_restart, probe_rtt_expired, probe_rtt_round_done, in_recovery;
    bool has_saved; /* for an undo, when the losses were judged with which a recovery begins now */
};

_Static_assert(sizeof(struct bbr) <= WEFT_CC_MEMORY * sizeof(uint64_t), "BBR's memory");

static inline struct bbr *bbr_of(const struct weft_cc *cc)
{
    return (struct bbr *)cc->memory;
}

static inline uint64_t bbr_larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static inline uint64_t bbr_smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static inline uint32_t bbr_min_pipe_cwnd(const struct weft_cc *cc)
{
    return BBR_MIN_PIPE_CWND_SEGS * cc->mss;
}

static inline bool bbr_is_probing_bw(const struct bbr *bbr)
{
    return bbr->state == BBR_STARTUP || bbr->state == BBR_PROBE_BW_REFILL || bbr->state == BBR_PROBE_BW_UP;
}

static inline bool bbr_is_in_probe_bw(const struct bbr *bbr)
{
    return bbr->state >= BBR_PROBE_BW_DOWN && bbr->state <= BBR_PROBE_BW_UP;
}

/* --- bbr_model.c ---------------------------------------------------------------------------------------- */

/* An ACK has come: all that it tells but the round trip. bbr_advance_latest follows when all else has been done. */
void bbr_update_model(struct bbr *bbr, const struct weft_cc *cc, const struct weft_cc_ack *ack);
void bbr_update_min_rtt(struct bbr *bbr, const struct weft_cc *cc, weft_time rtt);
void bbr_advance_latest(struct bbr *bbr, const struct weft_cc_rate *rs);

/* Volumes, bytes, by the draft's names; `gain` is in percent. */
uint64_t bbr_bdp_multiple(const struct bbr *bbr, const struct weft_cc *cc, uint64_t bw, uint32_t gain);
uint32_t bbr_quantization_budget(const struct bbr *bbr, const struct weft_cc *cc, uint64_t volume);
uint32_t bbr_full_pipe(const struct bbr *bbr, const struct weft_cc *cc, uint64_t bw); /* Inflight(1.0) */
uint32_t bbr_inflight_with_headroom(const struct bbr *bbr, const struct weft_cc *cc);
uint32_t bbr_target_inflight(const struct bbr *bbr, const struct weft_cc *cc);
uint32_t bbr_probe_rtt_cwnd(const struct bbr *bbr, const struct weft_cc *cc);

/* More of `in_flight` was lost than a path may lose that is not too full (IsInflightTooHigh). */
bool bbr_is_too_high(const struct weft_cc *cc, uint64_t lost, uint64_t in_flight);

/* What a state begins with. */
void bbr_start_round(struct bbr *bbr, const struct weft_cc *cc);
void bbr_reset_full_bw(struct bbr *bbr, uint64_t baseline);
void bbr_reset_congestion_signals(struct bbr *bbr);
void bbr_reset_short_term_model(struct bbr *bbr);
void bbr_advance_max_bw(struct bbr *bbr);

/* --- bbr_states.c --------------------------------------------------------------------------------------- */

/* The model knows the ACK: changes the state when it is time. ProbeRTT looks at the new min_rtt besides. */
void bbr_update_state(struct bbr *bbr, const struct weft_cc *cc, const struct weft_cc_ack *ack);
void bbr_check_probe_rtt(struct bbr *bbr, struct weft_cc *cc, const struct weft_cc_rate *rs);
void bbr_check_probe_rtt_done(struct bbr *bbr, struct weft_cc *cc); /* without an ACK, too */

uint32_t bbr_pacing_gain(const struct bbr *bbr);
uint32_t bbr_cwnd_gain(const struct bbr *bbr);
enum weft_tcp_cause bbr_cause(const struct bbr *bbr); /* what the trace calls the state */

/* A range is lost; a loss that nothing else is known of; a window's first mark. */
void bbr_lost(struct weft_cc *cc, const struct weft_cc_lost *lost);
void bbr_note_loss(struct bbr *bbr, const struct weft_cc *cc);
void bbr_answer_mark(struct bbr *bbr, const struct weft_cc *cc);

/* A recovery begins; it is over, and cwnd at least what it was; it was for nothing. */
void bbr_save_state_upon_loss(struct bbr *bbr, const struct weft_cc *cc);
void bbr_restore_cwnd(const struct bbr *bbr, struct weft_cc *cc);
void bbr_take_back(struct bbr *bbr, struct weft_cc *cc);

#endif
