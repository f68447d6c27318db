/* SPDX-License-Identifier: MIT */
/* Timestamps: RFC 7323 3.2 and 5.4. */
#include "check/model.h"

#include <inttypes.h>

static void check_presence(const struct check_view *v)
{
    bool agreed = check_agreed(v->me, v->peer, CHECK_OFFER_TIMESTAMPS);

    if (check_is_syn(v->seg) || !v->me->syn.seen || !v->peer->syn.seen)
        return;
    if (agreed && !v->seg->opts.has_timestamps)
        check_report(v, CHECK_TIMESTAMPS_MISSING, v->me->syn.packet, "the segment has no timestamps");
    if (!(v->me->syn.had_timestamps && v->peer->syn.had_timestamps) && v->seg->opts.has_timestamps)
        check_report(v, CHECK_TIMESTAMPS_PLACE, v->me->syn.packet,
                     "the segment has timestamps that were not agreed on");
}

static void check_value(const struct check_view *v)
{
    uint32_t last = (uint32_t)v->me->tsval, now = v->seg->opts.tsval;

    if (v->seg->now - v->me->tsval_at > CHECK_TSVAL_VALID)
        return;
    if (v->me->has_tsval && (int32_t)(now - last) < 0)
        check_report(v, CHECK_TSVAL_BACK, v->me->tsval_packet, "TSval is %u, and was %u", now, last);
}

/* Which of the peer's it is, where that is known. What TIME-WAIT remembers is its own matter. */
static void check_recent(const struct check_view *v)
{
    const struct check_recent *recent = &v->me->recent;

    if (!recent->is_known || v->seg->now - recent->at < v->check->config.slack || check_is_syn(v->seg) ||
        check_is_over(v->me, v->peer) || !v->seg->has_ack || v->seg->opts.tsecr == recent->value)
        return;
    check_report(v, CHECK_TSECR_RECENT, recent->packet, "TSecr is %u, and TS.Recent %u", v->seg->opts.tsecr,
                 recent->value);
}

static bool has_come(const struct check_side *peer, int64_t tsval)
{
    return tsval >= peer->tsval_first && tsval <= peer->tsval;
}

/* Some TSval of the peer, from its first to its last. A lower one after weeks may be one of the clock's next round, or an
 * old one that was refused: then that before it is echoed. */
static void check_echo(const struct check_view *v)
{
    const struct check_side *peer = v->peer;
    int64_t echo = peer->tsval + (int32_t)(v->seg->opts.tsecr - (uint32_t)peer->tsval);

    if (!(v->seg->tcp.flags & WIRE_TCP_ACK)) {
        if (v->seg->opts.tsecr != 0)
            check_report(v, CHECK_TSECR_NO_ACK, 0, "TSecr is %u without an acknowledgment",
                         v->seg->opts.tsecr);
        return;
    }
    if (!peer->has_tsval || !v->seg->has_ack || has_come(peer, echo) || has_come(peer, echo - (1ll << 32)))
        return;
    check_report(v, CHECK_TSECR_UNSEEN, peer->tsval_packet,
                 "TSecr is %u, but the TSvals that came go from %u to %u", v->seg->opts.tsecr,
                 (uint32_t)peer->tsval_first, (uint32_t)peer->tsval);
}

void check_rules_timestamps(const struct check_view *v)
{
    check_presence(v);
    if (!v->seg->opts.has_timestamps)
        return;
    check_value(v);
    check_echo(v);
    check_recent(v);
}
