/* SPDX-License-Identifier: MIT */
/* How a connection ends, and how another begins between the same ends: RFC 9293 3.5.2, 3.10.5, RFC 1122 4.2.2.13. */
#include "check/model.h"

#include <inttypes.h>

/* One of the peer's last segments is answered by a reset of this number (RFC 9293 3.5.2). */
static bool answers(const struct check_view *v)
{
    const struct wire_tcp *tcp = &v->seg->tcp;
    unsigned n = v->me->answers < CHECK_ANSWERS ? v->me->answers : CHECK_ANSWERS;

    for (unsigned i = 0; i < n; i++) {
        const struct check_answer *a = &v->me->answer[i];

        if (a->has_ack ? tcp->seq == a->ack
                       : tcp->seq == 0 && (tcp->flags & WIRE_TCP_ACK) && tcp->ack == a->end)
            return true;
    }
    return false;
}

/* An abort has SND.NXT (RFC 9293 3.10.5); where the window has shrunk before that, a number within it. */
static void check_number(const struct check_view *v)
{
    const struct check_segment *s = v->seg;
    const struct check_side *me = v->me;

    if (!me->has_base || answers(v) || (s->seq <= me->nxt && s->seq >= me->una && s->seq >= 0))
        return;
    check_report(v, CHECK_RST_NUMBER, 0,
                 "the reset has number %" PRId64 "; sent is up to %" PRId64
                 ", and no segment of the peer's asks for it",
                 s->seq, me->nxt);
}

static void check_afterwards(const struct check_view *v)
{
    const struct check_side *me = v->me;
    weft_time slack = v->check->config.slack;

    if (me->has_reset && v->seg->now - me->reset_at >= slack)
        check_report(v, CHECK_AFTER_OWN_RESET, me->reset_packet,
                     "the segment follows a reset of its sender's own");
    else if (me->was_reset && v->seg->now - me->was_reset_at >= slack && v->seg->now > me->was_reset_at)
        check_report(v, CHECK_AFTER_RESET, me->was_reset_packet,
                     "the segment is sent after a reset has come");
}

void check_rules_end(const struct check_view *v)
{
    if (check_is_rst(v->seg))
        check_number(v);
    else if (!check_is_syn(v->seg))
        check_afterwards(v);
}

/* It closed first, and all was acknowledged: TIME-WAIT. */
static bool was_waiting(const struct check_side *me, const struct check_side *peer)
{
    return me->has_fin && peer->has_fin && me->fin_packet < peer->fin_packet && me->una_any > me->fin &&
           me->acked > peer->fin && !me->has_reset && !me->was_reset;
}

void check_rules_reuse(const struct check_view *v)
{
    const struct check_segment *s = v->seg;
    const struct check_side *me = v->me;
    int32_t ahead = me->has_base ? (int32_t)(s->tcp.seq - (me->base + (uint32_t)me->nxt)) : 0;

    if (was_waiting(me, v->peer) && ahead < 0)
        check_report(v, CHECK_REUSE_NUMBER, me->nxt_packet,
                     "the new connection begins %" PRId32 " before where the last one ended", -ahead);
    if (me->syn.seen && me->syn.is_answer && me->una_any < 1 && !me->has_reset && me->base != s->tcp.seq &&
        me->answers == v->peer->syn.count)
        check_report(v, CHECK_SYN_CHANGED, me->syn.packet, "the SYN-ACK is sent again with another number");
}
