/* SPDX-License-Identifier: MIT */
/*
 * CUBIC (RFC 9438), with HyStart++ for the first slow start.
 *
 * Owns    the growth of cwnd, and what is left of it after congestion.
 *
 * After congestion cwnd first rises quickly towards where that was, W_max, is
 * careful there, and then searches further and further:
 *
 *      cwnd |                             .
 *           |                            .
 *     W_max |- - - - - - - . . . . . . .
 *           |         .    |
 *           |     .        |           W_cubic(t) = C * (t - K)^3 + W_max
 *     epoch | .            |
 *           +--------------+------------- t
 *             0            K
 *
 * Where Reno would be faster (short round trips, small windows), cwnd follows
 * W_est, which grows as Reno's would.
 *
 * Whole numbers throughout: windows in bytes, t and K in milliseconds, and
 * fractions of a byte are kept until they make one.
 */
#include "base/root.h"
#include "tcp/cc/cc.h"
#include "tcp/cc/hystart.h"
#include "tcp/cc/slow_start.h"

/* RFC 9438 4.6 and 4.7: beta_cubic = 0.7, and (1 + beta_cubic) / 2 for fast convergence. */
#define BETA(x)             ((uint32_t)((uint64_t)(x)*7 / 10))
#define FAST_CONVERGENCE(x) ((uint32_t)((uint64_t)(x)*17 / 20))
/* RFC 9438 4.3: alpha_cubic = 3 * (1 - beta_cubic) / (1 + beta_cubic) = 9 / 17. */
#define ALPHA_NUMERATOR   9u
#define ALPHA_DENOMINATOR 17u
/* RFC 9438 5: C = 0.4 segments per second^3: of t in milliseconds, 4 segments per 10^10. */
#define C_NUMERATOR   4u
#define C_DENOMINATOR 10000000000u
/* So far from K W_cubic is counted (17 minutes): beyond it only 1.5 * cwnd matters, and products stay in 64 bits. */
#define DISTANCE_MAX (1u << 20)
/* No window can be larger (RFC 7323 2.3). */
#define CWND_MAX (1u << 30)

/* What congestion sets, and an undo sets back. */
struct curve {
    weft_time epoch; /* t_epoch, moved on by the time that cwnd was not in use; 0: avoidance has not begun */
    uint32_t w_max;  /* 0: there was no congestion yet */
    uint32_t cwnd_prior; /* cwnd before the last congestion; 0: there was none */
    uint32_t w_est;
    uint32_t k;   /* milliseconds */
    bool is_flat; /* avoidance begins at W_max: after a timeout, or a slow start without loss */
};

struct cubic {
    struct hystart hystart;
    struct curve curve;
    struct curve undo;   /* as it was when the last recovery began, */
    uint32_t undo_cwnd;  /* and cwnd then */
    uint64_t credit;     /* bytes of growth times cwnd, not grown yet */
    uint64_t est_credit; /* the same of w_est, times the denominator of alpha */
    weft_time
        last_growth;    /* when cwnd last grew, in whatever stage: what stops the clock counts from there */
    weft_time unused;   /* since when cwnd is not in use; 0: it is */
    bool after_timeout; /* the slow start under way follows one: RFC 3465 2.3 */
};

_Static_assert(sizeof(struct cubic) <= WEFT_CC_MEMORY * sizeof(uint64_t), "CUBIC's memory");

static struct cubic *cubic_of(const struct weft_cc *cc)
{
    return (struct cubic *)cc->memory;
}

static void init(struct weft_cc *cc)
{
    (void)cc;
}

/* --- The curve ------------------------------------------------------------------------------ */

/* C * |distance|^3, bytes. */
static uint64_t rise(uint64_t distance, uint32_t mss)
{
    uint64_t cube;

    if (distance > DISTANCE_MAX)
        distance = DISTANCE_MAX;
    cube = distance * distance * distance;
    if (cube < UINT64_MAX / (C_NUMERATOR * UINT16_MAX))
        return cube * C_NUMERATOR * mss / C_DENOMINATOR;
    return cube / 1000000 * C_NUMERATOR * mss / (C_DENOMINATOR / 1000000);
}

/* W_cubic(t) (RFC 9438 4.2 figure 1), t in milliseconds; 0 where it is below. */
static uint64_t w_cubic(const struct curve *curve, uint64_t t, uint32_t mss)
{
    uint64_t below;

    if (t >= curve->k)
        return curve->w_max + rise(t - curve->k, mss);
    below = rise(curve->k - t, mss);
    return below < curve->w_max ? curve->w_max - below : 0;
}

/* K (RFC 9438 4.2 figure 2): the cube root of (W_max - cwnd_epoch) / C. */
static uint32_t time_to_w_max(uint32_t gap, uint32_t mss)
{
    return cube_root((uint64_t)gap * (C_DENOMINATOR / C_NUMERATOR) / mss);
}

/* A stage of congestion avoidance begins. Where W_max is not known (RFC 9438 4.10) or says nothing any more
 * (4.8), the curve begins at its flat part. */
static void begin_epoch(struct cubic *cubic, const struct weft_cc *cc)
{
    struct curve *curve = &cubic->curve;

    if (curve->is_flat || curve->w_max < cc->cwnd)
        curve->w_max = cc->cwnd;
    curve->is_flat = false;
    curve->epoch = cc->now;
    curve->w_est = cc->cwnd;
    curve->k = time_to_w_max(curve->w_max - cc->cwnd, cc->mss);
    cubic->credit = cubic->est_credit = 0;
    cubic->unused = 0;
}

/* RFC 9438 4.3 figure 4; once W_est has come to where congestion was, as fast as Reno. */
static void raise_w_est(struct cubic *cubic, const struct weft_cc *cc, uint32_t acked)
{
    struct curve *curve = &cubic->curve;
    uint32_t alpha = curve->w_est < curve->cwnd_prior ? ALPHA_NUMERATOR : ALPHA_DENOMINATOR;
    uint64_t unit = (uint64_t)cc->cwnd * ALPHA_DENOMINATOR;

    cubic->est_credit += (uint64_t)acked * cc->mss * alpha;
    if (curve->w_est < CWND_MAX)
        curve->w_est += (uint32_t)(cubic->est_credit / unit);
    cubic->est_credit %= unit;
}

/*
 * RFC 9438 4.4 and 4.5: cwnd comes to `target` in one round trip. The RFC counts
 * (target - cwnd) / cwnd for each ACK, which supposes that an ACK stands for one
 * segment; here it counts for each segment that is acknowledged.
 */
static void approach(struct cubic *cubic, struct weft_cc *cc, uint64_t target, uint32_t acked)
{
    if (target > cc->cwnd + cc->cwnd / 2)
        target = cc->cwnd + cc->cwnd / 2;
    if (target > CWND_MAX)
        target = CWND_MAX;
    if (target <= cc->cwnd)
        return;
    cubic->credit += (target - cc->cwnd) * acked;
    uint32_t growth = (uint32_t)(cubic->credit / cc->cwnd);
    cubic->credit %= cc->cwnd;
    cc->cwnd += growth;
}

static void avoid(struct cubic *cubic, struct weft_cc *cc, uint32_t acked)
{
    struct curve *curve = &cubic->curve;
    uint64_t t;

    if (curve->epoch == 0)
        begin_epoch(cubic, cc);
    t = cc->now - curve->epoch;
    raise_w_est(cubic, cc, acked);
    if (w_cubic(curve, t / WEFT_MSEC, cc->mss) < curve->w_est) {
        if (cc->cwnd < curve->w_est)
            cc->cwnd = curve->w_est;
    } else {
        approach(cubic, cc, w_cubic(curve, (t + cc->srtt) / WEFT_MSEC, cc->mss), acked);
    }
}

/* --- Events ---------------------------------------------------------------------------------- */

/* RFC 9438 4.2: t does not count the time in which cwnd did not grow because it was not used. */
static void stop_clock(struct cubic *cubic)
{
    if (cubic->unused == 0)
        cubic->unused = cubic->last_growth;
}

/* What is acknowledged now was sent a round trip ago, and cwnd is in use since. */
static void start_clock(struct cubic *cubic, const struct weft_cc *cc)
{
    weft_time since = cc->now - cc->srtt;

    if (cubic->unused > 0 && cubic->curve.epoch > 0 && since > cubic->unused)
        cubic->curve.epoch += since - cubic->unused;
    cubic->unused = 0;
}

/* RFC 9438 4.10: HyStart++ in the first slow start; RFC 5681's in all others. Returns what avoidance is to count. */
static uint32_t slow_start(struct cubic *cubic, struct weft_cc *cc, uint32_t acked)
{
    if (cubic->after_timeout)
        return cc_slow_start(cc, acked < cc->mss ? acked : cc->mss);
    if (cc->no_hystart)
        return cc_slow_start(cc, acked < 2 * cc->mss ? acked : 2 * cc->mss); /* RFC 3465 2.3: L = 2 */
    if (cubic->hystart.in_css)
        cc->cause = WEFT_CAUSE_CSS;
    return cc_slow_start(cc, hystart_growth(&cubic->hystart, cc, acked));
}

static void ack(struct weft_cc *cc, const struct weft_cc_ack *ack)
{
    struct cubic *cubic = cubic_of(cc);
    uint32_t acked = ack->acked;

    if (cc->ssthresh == UINT32_MAX && !cc->no_hystart && hystart_ack(&cubic->hystart, cc, ack)) {
        cc->ssthresh = cc->cwnd;
        cc->cause = WEFT_CAUSE_HYSTART;
        cubic->hystart.in_css = false;
        return;
    }
    if (!ack->may_grow) {
        stop_clock(cubic);
        return;
    }
    start_clock(cubic, cc);
    cubic->last_growth = cc->now;
    if (cc->cwnd < cc->ssthresh)
        acked = slow_start(cubic, cc, acked);
    if (acked > 0)
        avoid(cubic, cc, acked);
}

/* RFC 9438 4.6 and 4.7. */
static void congestion(struct weft_cc *cc, enum weft_cc_signal signal, uint32_t flight)
{
    struct cubic *cubic = cubic_of(cc);
    struct curve *curve = &cubic->curve;
    uint32_t least = 2 * cc->mss;
    uint32_t left = BETA(flight);

    /* Only the first reduction of a recovery has something to go back to. */
    if (signal != WEFT_CC_BY_LOSS_AGAIN && (signal != WEFT_CC_BY_TIMEOUT || cc->state == WEFT_CC_OPEN)) {
        cubic->undo = *curve;
        cubic->undo_cwnd = cc->cwnd;
    }
    curve->w_max = cc->cwnd < curve->w_max ? FAST_CONVERGENCE(cc->cwnd) : cc->cwnd;
    curve->cwnd_prior = cc->cwnd;
    curve->epoch = 0;
    curve->is_flat = cubic->after_timeout = signal == WEFT_CC_BY_TIMEOUT;
    cubic->hystart.in_css = false;
    cc->ssthresh = left > least ? left : least;
    /* An echoed mark leaves less than two segments, if need be (RFC 3168 6.1.2). */
    if (signal == WEFT_CC_BY_ECN)
        cc->cwnd = left > cc->mss ? left : cc->mss;
}

/* RFC 9438 4.9.2, if cwnd has not passed by the old one in the meantime. */
static void undo(struct weft_cc *cc)
{
    struct cubic *cubic = cubic_of(cc);

    if (cc->cwnd > cubic->undo_cwnd)
        return;
    cubic->curve = cubic->undo;
    cubic->after_timeout = false;
}

static void restart(struct weft_cc *cc)
{
    stop_clock(cubic_of(cc));
}

static unsigned numbers(const struct weft_cc *cc, struct weft_cc_number *out, unsigned max)
{
    const struct cubic *cubic = cubic_of(cc);
    const struct weft_cc_number all[] = {
        {"w_max", cubic->curve.w_max},
        {"w_est", cubic->curve.w_est},
        {"k", cubic->curve.k * WEFT_MSEC},
        {"css", cubic->hystart.in_css},
    };

    return cc_numbers(out, max, all, sizeof(all) / sizeof(all[0]));
}

const struct weft_congestion tcp_cc_cubic = {
    .name = "cubic",
    .init = init,
    .ack = ack,
    .congestion = congestion,
    .undo = undo,
    .restart = restart,
    .numbers = numbers,
};
