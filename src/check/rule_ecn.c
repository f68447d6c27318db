/* SPDX-License-Identifier: MIT */
/*
 * Explicit congestion notification: RFC 3168 6.1. Where RFC 9768's form was
 * asked for nothing is said.
 */
#include "check/model.h"

#include <inttypes.h>

static void check_setup(const struct check_view *v)
{
    const struct check_segment *s = v->seg;
    unsigned both = s->tcp.flags & (WIRE_TCP_ECE | WIRE_TCP_CWR);

    if (s->ecn != 0)
        check_report(v, CHECK_ECT_SYN, 0, "the SYN is sent ECN-capable (%u)", s->ecn);
    if (!(s->tcp.flags & WIRE_TCP_ACK) || both != WIRE_TCP_ECE || !v->peer->syn.seen)
        return;
    if (!v->peer->syn.ecn_setup)
        check_report(v, CHECK_ECN_ANSWER, v->peer->syn.packet,
                     "ECN is agreed to, which the SYN did not offer");
}

/* What may be sent ECN-capable: new data of a connection that agreed on it, and no probe. */
static void check_capable(const struct check_view *v)
{
    const struct check_segment *s = v->seg;
    const struct check_side *me = v->me;

    if (check_is_probe(v) && v->peer->window == 0 && v->peer->has_window) {
        if (s->ecn != 0 || (s->tcp.flags & WIRE_TCP_CWR))
            check_report(v, CHECK_ECT_PROBE, 0, "a probe of a shut window is sent %s",
                         s->ecn ? "ECN-capable" : "with CWR");
        return;
    }
    if (s->ecn == 0)
        return;
    if (!check_agreed_ecn(me, v->peer))
        check_report(v, CHECK_ECT_UNASKED, me->syn.packet,
                     "the segment is ECN-capable (%u), without an agreement", s->ecn);
    else if (s->len == 0 && !check_is_fin(s))
        check_report(v, CHECK_ECT_ACK, 0, "a pure ACK is sent ECN-capable (%u)", s->ecn);
    else if (s->len > 0 && check_is_again(v))
        check_report(v, CHECK_ECT_RESENT, 0, "%" PRId64 " to %" PRId64 " is sent again, ECN-capable (%u)",
                     s->seq, s->end, s->ecn);
}

/* The receiver's part: ECE from the first mark until CWR. A mark that has just come may not be known yet (of frames that
 * come together the last has been seen before the answer to the first goes), and in TIME-WAIT nobody sends any more who
 * would have to know. */
static void check_echo(const struct check_view *v)
{
    const struct check_segment *s = v->seg;
    const struct check_ecn *ecn = &v->me->ecn;
    bool has_ece = s->tcp.flags & WIRE_TCP_ECE;
    weft_time slack = v->check->config.slack;

    if (!check_agreed_ecn(v->me, v->peer) || !s->has_ack)
        return;
    if (!has_ece && ecn->has_mark && !check_is_over(v->me, v->peer) &&
        (s->now > ecn->mark_time || s->ack >= ecn->mark_end) && s->now - ecn->mark_time >= slack)
        check_report(v, CHECK_ECE_MISSING, ecn->mark_packet,
                     "a mark has come and no CWR since, but ECE is not set");
    if (has_ece && !ecn->ever_marked)
        check_report(v, CHECK_ECE_UNASKED, 0, "ECE is set, but no mark has come");
    else if (has_ece && !ecn->has_mark && ecn->marked < ecn->cwr_came && s->now - ecn->cwr_came > slack &&
             s->len == 0)
        check_report(v, CHECK_ECE_UNASKED, 0, "ECE is set, but CWR has come and no mark since");
}

/* The sender's part. */
static void check_reduction(const struct check_view *v)
{
    const struct check_segment *s = v->seg;
    const struct check_side *me = v->me;
    bool has_cwr = s->tcp.flags & WIRE_TCP_CWR;

    if (!check_agreed_ecn(me, v->peer))
        return;
    if (has_cwr && !me->ecn.ever_ece_came && !me->has_lost && !me->ecn.may_have_lost)
        check_report(v, CHECK_CWR_UNASKED, 0, "CWR is set, but neither ECE has come nor was anything lost");
    if (has_cwr && s->len > 0 && check_is_again(v))
        check_report(v, CHECK_CWR_RESENT, 0, "CWR is set on what is sent again");
    if (!has_cwr && me->ecn.owes_cwr && s->len > 0 && s->seq >= me->nxt &&
        s->now - me->ecn.ece_time >= v->check->config.slack)
        check_report(v, CHECK_CWR_MISSING, me->ecn.ece_packet, "new data is sent after ECE without CWR");
}

void check_rules_ecn(const struct check_view *v)
{
    if (v->conn->is_accurate_ecn || (v->seg->tcp.flags & WIRE_TCP_AE))
        return;
    if (check_is_syn(v->seg)) {
        check_setup(v);
        return;
    }
    check_capable(v);
    check_echo(v);
    check_reduction(v);
}
