/* SPDX-License-Identifier: MIT */
/* What a side acknowledges, and the window that it offers: RFC 9293 3.4, 3.8.6. */
#include "check/model.h"

#include <inttypes.h>

static void check_unseen(const struct check_view *v)
{
    const struct check_segment *s = v->seg;
    int64_t gap = check_ranges_gap(&v->peer->sent, 0);

    if (check_is_syn(s) || s->ack <= gap)
        return;
    if (s->ack > check_ranges_end(&v->peer->sent))
        check_report(v, CHECK_ACK_UNSEEN, v->peer->nxt_packet,
                     "%" PRId64 " is acknowledged, but only what is before %" PRId64 " has been sent", s->ack,
                     check_ranges_end(&v->peer->sent));
    else
        check_report(v, CHECK_ACK_UNSEEN, 0, "%" PRId64 " is acknowledged, but %" PRId64 " has not come",
                     s->ack, gap);
}

static void check_back(const struct check_view *v)
{
    const struct check_segment *s = v->seg;

    if (v->me->has_acked && s->ack < v->me->acked)
        check_report(v, CHECK_ACK_BACK, v->me->acked_packet, "%" PRId64 " is acknowledged after %" PRId64,
                     s->ack, v->me->acked);
}

/* The window field cannot tell less than 2 to the shift: what that rounds off may come and go (RFC 7323 2.4). */
static void check_shrinking(const struct check_view *v, int64_t edge, unsigned shift)
{
    const struct check_side *me = v->me;
    int64_t grain = (INT64_C(1) << shift) - 1;

    if (me->has_window && edge < me->window_edge - grain)
        check_report(v, CHECK_WINDOW_SHRUNK, me->window_packet,
                     "the window's right edge is %" PRId64 " and was %" PRId64 " (grain %" PRId64 ")", edge,
                     me->window_edge, grain + 1);
}

/* Eff.snd.MSS of the side itself (RFC 9293 3.7.1), as far as it shows: no more than the peer takes, than its own link
 * seems to, and than it has ever sent. Super-segments show nothing. */
static uint32_t own_segment(const struct check_view *v)
{
    const struct check_side *me = v->me;
    uint32_t size = check_full_size(me, v->peer), largest = me->largest > 536 ? me->largest : 536;

    if (me->syn.has_mss && me->syn.mss < size)
        size = me->syn.mss;
    return v->check->config.wire && largest < size ? largest : size;
}

/*
 * RFC 9293 3.8.6.2.2. The buffer is not known, but it is no smaller than the largest window was; and only a small
 * window is silly.
 */
static void check_opening(const struct check_view *v, int64_t edge, unsigned shift)
{
    const struct check_side *me = v->me;
    int64_t opened = me->has_window ? edge - me->window_edge : 0, grain = INT64_C(1) << shift;
    uint32_t least = own_segment(v);

    if (me->window_max / 2 < least)
        least = me->window_max / 2;
    if (!v->peer->syn.seen || opened < grain || opened + grain > least)
        return;
    if (check_window(v) + grain <= least)
        check_report(v, CHECK_SILLY_WINDOW, me->window_packet,
                     "the window is opened by %" PRId64 " to %u, with segments of %u and windows up to %u",
                     opened, check_window(v), check_full_size(me, v->peer), me->window_max);
}

void check_rules_ack(const struct check_view *v)
{
    const struct check_segment *s = v->seg;
    unsigned shift;

    if (!s->has_ack)
        return;
    check_unseen(v);
    check_back(v);
    if (check_is_syn(s) || !check_shift(v->me, v->peer, &shift))
        return;
    check_shrinking(v, s->ack + check_window(v), shift);
    check_opening(v, s->ack + check_window(v), shift);
}
