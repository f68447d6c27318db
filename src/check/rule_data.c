/* SPDX-License-Identifier: MIT */
/*
 * What a side sends: within the window, in order, of a size that the peer takes, the same bytes whenever it sends
 * them again, and nothing behind its FIN. RFC 9293 3.4, 3.6, 3.7.1, 3.8.6.
 */
#include "check/model.h"

#include <inttypes.h>

/* --- Sequence numbers ---------------------------------------------------------------------------- */

static void check_order(const struct check_view *v)
{
    const struct check_segment *s = v->seg;

    if (v->me->has_base && v->me->has_sent && s->seq > v->me->nxt)
        check_report(v, CHECK_SEQUENCE_GAP, v->me->nxt_packet,
                     "the segment begins at %" PRId64 ", but only what is before %" PRId64 " has been sent",
                     s->seq, v->me->nxt);
}

/* RFC 9293 3.10.7.4: <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>, for a challenge, too (RFC 5961 3.2, 4.2); but within a
 * window that has shrunk, so that it is acceptable. */
static void check_ack_number(const struct check_view *v)
{
    const struct check_segment *s = v->seg;
    const struct check_side *me = v->me;

    if (s->end > s->seq || !me->has_base || s->seq >= me->nxt || !me->has_edge || check_is_probe(v))
        return;
    if (me->edge < me->nxt && s->seq <= me->edge)
        return;
    if (s->now - me->edge_at < v->check->config.slack)
        return;
    check_report(v, CHECK_ACK_NUMBER, me->nxt_packet,
                 "an ACK has number %" PRId64 ", where %" PRId64 " is next", s->seq, me->nxt);
}

static void check_fin(const struct check_view *v)
{
    const struct check_segment *s = v->seg;
    const struct check_side *me = v->me;
    int64_t fin = s->end - 1, data_end = s->end - check_is_fin(s);

    if (!me->has_base)
        return;
    if (me->has_fin && s->len > 0 && data_end > me->fin)
        check_report(v, CHECK_DATA_AFTER_FIN, me->fin_packet,
                     "bytes up to %" PRId64 " are sent, but the FIN was number %" PRId64, data_end, me->fin);
    if (check_is_fin(s) && me->has_fin && fin != me->fin)
        check_report(v, CHECK_FIN_MOVED, me->fin_packet, "the FIN is number %" PRId64 " and was %" PRId64,
                     fin, me->fin);
    else if (check_is_fin(s) && !me->has_fin && fin < me->nxt)
        check_report(v, CHECK_FIN_MOVED, me->nxt_packet,
                     "the FIN is number %" PRId64 ", but data up to %" PRId64 " has been sent", fin, me->nxt);
}

/* --- The window ------------------------------------------------------------------------------------- */

/* One octet, perhaps the FIN, just behind the edge of a window that is shut (RFC 9293 3.8.6.1). */
static bool probes_edge(const struct check_view *v)
{
    const struct check_segment *s = v->seg;

    return v->peer->window == 0 && s->end - s->seq == 1 && s->end == v->peer->window_edge + 1;
}

/* What went with a SYN, when no window was known, may go again beyond the first (RFC 9293 3.8.6, MAY-7). */
static void check_beyond(const struct check_view *v)
{
    const struct check_segment *s = v->seg;
    const struct check_side *peer = v->peer;

    if (!peer->has_window || s->end == s->seq || s->end <= peer->window_edge || probes_edge(v))
        return;
    if (s->end <= v->me->syn.end)
        return;
    check_report(v, CHECK_BEYOND_WINDOW, peer->window_packet,
                 "%" PRId64 " to %" PRId64 " is sent, %" PRId64 " beyond the window's right edge at %" PRId64,
                 s->seq, s->end, s->end - peer->window_edge, peer->window_edge);
}

/* New data between the edge that holds now and one that held before. */
static void check_shrunk(const struct check_view *v)
{
    const struct check_segment *s = v->seg;
    const struct check_side *me = v->me;

    if (!me->has_edge || s->end <= me->nxt || s->end <= me->edge || s->end > v->peer->window_edge ||
        probes_edge(v))
        return;
    if (s->now - me->edge_at < v->check->config.slack || s->end == me->edge + 1)
        return;
    check_report(v, CHECK_SHRUNK_WINDOW, 0,
                 "new data up to %" PRId64 " is sent, though the window now ends at %" PRId64, s->end,
                 me->edge);
}

/*
 * RFC 9293 3.8.6.2.1: a segment that is small because the window ends, not pushed, and less than half of the largest
 * window. How large a full one is, the last two show: MAXSEG and the path may make less of it than the peer's MSS. Not
 * when the override timer (0.1 s to 1 s) may have sent it.
 */
static void check_silly(const struct check_view *v)
{
    const struct check_segment *s = v->seg;
    const struct check_side *me = v->me;
    uint32_t full = me->last[0] > me->last[1] ? me->last[0] : me->last[1];

    if (!me->has_edge || s->len == 0 || s->seq < me->nxt || s->end != me->edge ||
        (s->tcp.flags & WIRE_TCP_PSH))
        return;
    if (s->len >= full || s->len >= v->peer->window_max / 2 || check_is_fin(s))
        return;
    if (s->now - me->edge_at >= 100 * WEFT_MSEC || s->now - me->last_data >= 100 * WEFT_MSEC)
        return;
    check_report(v, CHECK_SILLY_SEGMENT, me->una_packet,
                 "%u bytes fill up a window of at most %u that had just that room, with segments of %u",
                 s->len, v->peer->window_max, full);
}

/* --- Size, content ------------------------------------------------------------------------------------ */

/* RFC 9293 3.7.1, RFC 6691 2: options are counted with the data, since the MSS was made without them. */
static void check_size(const struct check_view *v)
{
    const struct check_segment *s = v->seg;
    const struct check_syn *syn = &v->peer->syn;
    uint32_t mss = syn->has_mss ? syn->mss : weft_addr_is_ip4(&s->dst.addr) ? 536 : 1220;
    uint32_t size = s->len + s->tcp.header_len - WIRE_TCP_LEN + s->ip_options_len;

    if (s->len > 0 && size > mss && syn->seen && mss >= CHECK_LEAST_MSS)
        check_report(v, CHECK_MSS_EXCEEDED, syn->packet, "%u bytes of data and options, where the MSS %s %u",
                     size, syn->has_mss ? "is" : "was not said and is", mss);
}

static void check_content(const struct check_view *v)
{
    const struct check_segment *s = v->seg;
    int64_t at;

    if (!v->me->has_base || s->data_len == 0 ||
        s->end <= v->me->una_any) /* a keepalive's octet may be garbage */
        return;
    at = check_content_compare(&v->me->content, s->seq, s->data, s->data_len);
    if (at >= 0)
        check_report(v, CHECK_CONTENT_CHANGED, 0,
                     "byte %" PRId64 " is 0x%02x, and was another when it was sent first", at,
                     s->data[at - s->seq]);
}

static void check_urgent(const struct check_view *v)
{
    const struct check_segment *s = v->seg;
    int64_t urgent = s->seq + s->tcp.urgent;

    if ((s->tcp.flags & WIRE_TCP_URG) && v->me->has_urgent && urgent < v->me->urgent && s->seq >= v->me->nxt)
        check_report(v, CHECK_URGENT_BACK, v->me->urgent_packet,
                     "urgent data ends at %" PRId64 " and ended at %" PRId64, urgent, v->me->urgent);
}

void check_rules_data(const struct check_view *v)
{
    if (check_is_syn(v->seg))
        return;
    check_order(v);
    check_ack_number(v);
    check_fin(v);
    check_beyond(v);
    check_shrunk(v);
    check_silly(v);
    check_size(v);
    check_content(v);
    check_urgent(v);
}
