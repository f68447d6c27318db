/* SPDX-License-Identifier: MIT */
/*
 * What a side sends again and when, and how much at first: RFC 6298, RFC 5681,
 * RFC 6928, RFC 9293 3.8.6.1. Of a congestion window nothing can be seen, but
 * what exceeds every window that is allowed can.
 */
#include "check/model.h"

#include <inttypes.h>

#define LONGEST                                                                                              \
    (20 *                                                                                                    \
     WEFT_SEC) /* a wait that may be the longest: RFC 6298 2.4 allows 60 s, and some are configured lower */

/* What was acknowledged for sure, and not just now. */
static void check_acked(const struct check_view *v)
{
    const struct check_segment *s = v->seg;
    const struct check_side *me = v->me;

    if (s->end == s->seq || s->end > me->una || check_is_probe(v))
        return;
    if (s->now - me->una_at < v->check->config.slack)
        return;
    check_report(v, CHECK_RESENT_ACKED, me->una_packet,
                 "%" PRId64 " to %" PRId64 " is sent again, but %" PRId64 " is acknowledged", s->seq, s->end,
                 me->una);
}

/* The wait since the last of the series is to be twice the one before it; half as long again is asked for, since
 * timers have grains. */
static bool is_too_soon(const struct check_view *v, const struct check_series *series)
{
    const struct check_segment *s = v->seg;

    return series->count >= 2 && series->at == s->seq && series->wait > 0 && series->wait < LONGEST &&
           (s->now - series->last) * 2 < series->wait * 3 &&
           !check_is_disturbed(v->check, series->last - series->wait);
}

static void check_backoff(const struct check_view *v)
{
    const struct check_series *series = &v->me->timeout;

    if (!check_is_again(v) || check_is_probe(v) || v->me->heard >= series->last || !is_too_soon(v, series))
        return;
    check_report(v, CHECK_RTO_BACKOFF, series->packet,
                 "timeout %u comes after %" PRIu64 " ms, the one before came after %" PRIu64 " ms",
                 series->count + 1, (v->seg->now - series->last) / WEFT_MSEC, series->wait / WEFT_MSEC);
}

static void check_probes(const struct check_view *v)
{
    const struct check_series *series = &v->me->probe;

    if (!check_is_probe(v) || v->seg->seq >= v->me->nxt || v->peer->window > 0 || !v->peer->has_window)
        return;
    if (is_too_soon(v, series))
        check_report(v, CHECK_PROBE_BACKOFF, series->packet,
                     "probe %u comes after %" PRIu64 " ms, the one before came after %" PRIu64 " ms",
                     series->count + 1, (v->seg->now - series->last) / WEFT_MSEC, series->wait / WEFT_MSEC);
}

#define KEEPALIVE_IDLE (7200 * WEFT_SEC) /* RFC 9293 3.8.4: MUST-28 */

/* Nothing is on the way, the window is open, and yet an old number is sent. */
static void check_keepalive(const struct check_view *v)
{
    const struct check_segment *s = v->seg;
    const struct check_side *me = v->me;
    weft_time silent = s->now - me->heard;

    if (!check_is_probe(v) || s->seq != me->nxt - 1 || me->una_any < me->nxt || v->peer->window == 0)
        return;
    if (silent < KEEPALIVE_IDLE)
        check_report(v, CHECK_KEEPALIVE_EARLY, 0, "a keepalive is sent after %" PRIu64 " s of silence",
                     silent / WEFT_SEC);
}

/* RFC 5681 3.1: the loss window is one segment. */
static void check_burst(const struct check_view *v)
{
    const struct check_segment *s = v->seg;
    const struct check_side *me = v->me;
    uint32_t mss = v->peer->syn.has_mss ? v->peer->syn.mss : 1220;

    if (!me->timed_out || me->heard >= me->timeout.last || s->len == 0 || check_is_probe(v))
        return;
    if (s->seq == me->una_any || check_is_disturbed(v->check, me->timeout.last + 1)) /* the next timeout */
        return;
    if (me->timeout_bytes + s->len > mss)
        check_report(v, CHECK_RTO_BURST, me->timeout.packet,
                     "%u bytes are sent after a timeout without an ACK between, with segments of %u",
                     me->timeout_bytes + s->len, mss);
}

/* RFC 6928 2: min(10 * MSS, max(2 * MSS, 14600)). A tail probe may send one segment more (RFC 8985 7.3). */
static uint32_t most_at_first(uint32_t mss, bool may_be_probe)
{
    uint32_t floor = 2 * mss > 14600 ? 2 * mss : 14600;

    return (10 * mss < floor ? 10 * mss : floor) + (may_be_probe ? mss : 0);
}

static void check_initial(const struct check_view *v)
{
    const struct check_segment *s = v->seg;
    const struct check_side *me = v->me;
    uint32_t mss = v->peer->syn.has_mss ? v->peer->syn.mss : 536;
    int64_t first = me->syn.end > 1 ? me->syn.end : 1;

    if (s->len == 0 || me->is_fed || s->end <= me->nxt || mss < CHECK_LEAST_MSS)
        return;
    if (s->end - check_is_fin(s) - first <= (int64_t)most_at_first(mss, s->now > me->last_data))
        return;
    check_report(v, CHECK_INITIAL_WINDOW, v->peer->acked_packet,
                 "%" PRId64 " bytes are sent before the first is acknowledged, with segments of %u",
                 s->end - first, mss);
}

void check_rules_resend(const struct check_view *v)
{
    if (check_is_syn(v->seg) || !v->me->has_base)
        return;
    check_acked(v);
    check_backoff(v);
    check_probes(v);
    check_keepalive(v);
    check_burst(v);
    check_initial(v);
}
