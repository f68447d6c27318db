/* SPDX-License-Identifier: MIT */
/* How a connection is opened: RFC 9293 3.5 and 3.10, and what each extension says of its offers. */
#include "check/model.h"

#include <inttypes.h>

/* RFC 9293 3.10.7.2 and 3.10.7.3: the answer's number is behind the SYN, or behind the data that came with it. */
static void check_answer(const struct check_view *v)
{
    const struct check_segment *s = v->seg;

    if (!v->peer->syn.seen || !s->has_ack || (s->ack >= 1 && s->ack <= v->peer->syn.end))
        return;
    check_report(v, CHECK_SYN_ANSWER, v->peer->syn.packet,
                 "the SYN-ACK acknowledges %" PRId64 " where 1%s is right", s->ack,
                 v->peer->syn.end > 1 ? " to the end of the data" : "");
}

static void check_unasked(const struct check_view *v)
{
    const struct check_segment *s = v->seg;
    unsigned offers = v->peer->syn.offers;
    uint64_t earlier = v->peer->syn.packet;

    if (!v->peer->syn.seen || v->peer->syn.is_answer)
        return;
    if (s->opts.has_wscale && !(offers & CHECK_OFFER_WSCALE))
        check_report(v, CHECK_WSCALE_UNASKED, earlier, "window scale answers a SYN that had none");
    if (s->opts.has_timestamps && !(offers & CHECK_OFFER_TIMESTAMPS))
        check_report(v, CHECK_TIMESTAMPS_UNASKED, earlier, "timestamps answer a SYN that had none");
    if (s->opts.has_fast_open && !(offers & CHECK_OFFER_FAST_OPEN))
        check_report(v, CHECK_FAST_OPEN_UNASKED, earlier,
                     "a fast open cookie answers a SYN that asked for none");
}

/* Sent again with the same number, before the first retransmission timeout can have come. */
static void check_repetition(const struct check_view *v)
{
    const struct check_segment *s = v->seg;
    const struct check_segment *last = &v->me->old_syn;

    if (!v->me->syn.seen || v->me->syn.count != 1 || (s->tcp.flags & WIRE_TCP_ACK))
        return;
    if (v->me->heard >= last->now || check_is_disturbed(v->check, last->now))
        return;
    if (s->now - last->now < 900 * WEFT_MSEC)
        check_report(v, CHECK_INITIAL_RTO, last->packet, "the SYN is sent again after %" PRIu64 " ms",
                     (s->now - last->now) / WEFT_MSEC);
}

/* Data goes only where a handshake is done: our SYN is acknowledged, or the peer came with a cookie, or we have taken
 * the data of its SYN without one (RFC 7413 4.2.2). */
static void check_early_data(const struct check_view *v)
{
    const struct check_segment *s = v->seg;

    if (check_is_syn(s) || check_is_rst(s) || s->len == 0 || !v->me->syn.seen)
        return;
    if (check_may_send(v->me, v->peer) ||
        (v->me->syn.is_answer && (v->peer->syn.has_cookie || v->me->acked > 1)))
        return;
    check_report(v, CHECK_EARLY_DATA, v->me->syn.packet, "%u bytes are sent before the SYN is acknowledged",
                 s->len);
}

void check_rules_handshake(const struct check_view *v)
{
    const struct check_segment *s = v->seg;

    check_early_data(v);
    if (!check_is_syn(s) || check_is_rst(s))
        return;
    if (!s->opts.has_mss)
        check_report(v, CHECK_MSS_MISSING, 0, "the SYN does not say an MSS");
    if (s->tcp.flags & WIRE_TCP_ACK) {
        check_answer(v);
        check_unasked(v);
    }
    check_repetition(v);
}
