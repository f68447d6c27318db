/* SPDX-License-Identifier: MIT */
/*
 * What a segment changes in the model (check/model.h).
 *
 * Two kinds of knowledge are kept apart. What a side *may* have received is
 * everything that passed towards it; what it has *surely* accepted is only what
 * every TCP must accept (check_is_accepted). A rule that forbids uses the
 * first, a rule that demands the second: so whatever was dropped, forged or
 * damaged behind the tap, no rule accuses wrongly.
 *
 * What is far from all that was promised (check_is_plausible) changes nothing:
 * its receiver drops it too.
 */
#include "check/model.h"

#define FAR (INT64_C(1) << 20) /* ours: beyond what any host in flight can be off */

/* --- Questions ------------------------------------------------------------------------------ */

bool check_may_send(const struct check_side *me, const struct check_side *peer)
{
    return me->syn.seen && peer->syn.seen && me->una_any >= 1;
}

bool check_shift(const struct check_side *side, const struct check_side *peer, unsigned *shift)
{
    bool both = side->syn.seen && peer->syn.seen;

    *shift = 0;
    if ((side->syn.seen && !(side->syn.offers & CHECK_OFFER_WSCALE)) ||
        (peer->syn.seen && !(peer->syn.offers & CHECK_OFFER_WSCALE)))
        return true;
    *shift = side->syn.wscale < WIRE_TCP_MAX_WSCALE ? side->syn.wscale : WIRE_TCP_MAX_WSCALE;
    return both;
}

uint32_t check_window(const struct check_view *v)
{
    unsigned shift = 0;

    if (!check_is_syn(v->seg))
        (void)check_shift(v->me, v->peer, &shift);
    return (uint32_t)v->seg->tcp.window << shift;
}

bool check_is_plausible(const struct check_view *v)
{
    const struct check_segment *s = v->seg;
    int64_t limit = v->me->nxt;

    if (v->me->near || !v->me->has_base)
        return true;
    if (v->peer->has_window && v->peer->window_edge > limit)
        limit = v->peer->window_edge;
    return s->seq <= limit + FAR && s->end <= limit + 2 * FAR &&
           (!v->peer->has_acked || s->end >= v->peer->acked - FAR * 1024);
}

/* The sequence number is in the window of the receiver, wherever between what it has acknowledged and what can
 * have come its RCV.NXT is. */
static bool is_in_window(const struct check_view *v)
{
    const struct check_segment *s = v->seg;
    int64_t gap = check_ranges_gap(&v->me->sent, 0);

    if (!v->peer->has_window || s->end > v->peer->window_edge)
        return false;
    if (s->seq < v->peer->window_edge)
        return s->seq >= gap || s->end > gap;
    return s->seq == v->peer->acked;
}

/* Its frame is for the receiver's card, as far as is known. */
static bool is_for_receiver(const struct check_view *v)
{
    const struct weft_mac *to = &v->seg->mac_to, *mac = &v->peer->mac;

    return !v->seg->has_mac || !v->peer->has_mac || memcmp(to->b, mac->b, sizeof(mac->b)) == 0;
}

bool check_is_accepted(const struct check_view *v)
{
    const struct check_segment *s = v->seg;

    if (!is_for_receiver(v))
        return false;
    if (s->opts_wrong) /* RFC 9293 MUST-7 does not say that the rest is taken */
        return false;
    if (v->me->has_tsval && !s->opts.has_timestamps) /* whatever was agreed on: perhaps they are missed */
        return false;
    if (v->conn->is_signed || check_is_syn(s) || check_is_rst(s) || !s->has_ack)
        return false;
    if (!check_may_send(v->peer, v->me) || v->peer->has_refused || v->peer->was_reset)
        return false;
    if (v->me->has_fin && s->end > v->me->fin + 1) /* nothing counts behind a FIN */
        return false;
    if (s->ack > v->peer->nxt || s->ack < v->peer->una_any - (int64_t)v->me->window_max)
        return false;
    if (check_agreed(v->me, v->peer, CHECK_OFFER_TIMESTAMPS) &&
        (!s->opts.has_timestamps || (int32_t)(s->opts.tsval - (uint32_t)v->me->tsval) < 0))
        return false;
    return is_in_window(v);
}

uint32_t check_full_size(const struct check_side *me, const struct check_side *to)
{
    uint32_t mss = to->syn.has_mss ? to->syn.mss : weft_addr_is_ip4(&to->end.addr) ? 536 : 1220;
    uint32_t options = check_agreed(me, to, CHECK_OFFER_TIMESTAMPS) ? 12 : 0;

    return mss > options ? mss - options : 1;
}

bool check_is_probe(const struct check_view *v)
{
    const struct check_segment *s = v->seg;

    if (s->len > 1 || (s->tcp.flags & (WIRE_TCP_SYN | WIRE_TCP_FIN | WIRE_TCP_RST)))
        return false;
    return s->seq == v->me->nxt - 1 || s->seq == v->me->una_any - 1 || s->seq == v->me->una - 1 ||
           (s->len == 1 && v->peer->has_window && v->peer->window == 0);
}

bool check_is_again(const struct check_view *v)
{
    const struct check_segment *s = v->seg;

    return s->end > s->seq && check_ranges_cover(&v->me->sent, s->seq, s->end);
}

/* --- Timelines ---------------------------------------------------------------------------------- */

void check_segment_place(struct check_segment *s, const struct check_side *me, const struct check_side *peer)
{
    s->seq = me->has_base ? check_offset(me, s->tcp.seq) : !check_is_syn(s);
    s->end = s->seq + s->len + check_is_syn(s) + check_is_fin(s);
    s->has_ack = (s->tcp.flags & WIRE_TCP_ACK) && peer->has_base;
    s->ack = s->has_ack ? check_offset(peer, s->tcp.ack) : 0;
}

/* A timeline that begins before what is seen of it. */
static void begin_in_the_middle(struct check_side *side, uint32_t next)
{
    side->has_base = true;
    side->base = next - 1;
    check_ranges_add(&side->sent, CHECK_BEFORE, 1);
}

/* RFC 9293 3.10.7.3: a SYN-ACK that does not acknowledge the SYN opens nothing. */
static bool answers_syn(const struct check_view *v)
{
    if (!(v->seg->tcp.flags & WIRE_TCP_ACK) || !v->peer->syn.seen)
        return true;
    return v->seg->has_ack && v->seg->ack >= 1 && v->seg->ack <= v->peer->nxt;
}

static void begin_timelines(const struct check_view *v)
{
    const struct check_segment *s = v->seg;

    if (check_is_rst(s))
        return;
    if (!v->me->has_base && check_is_syn(s) && answers_syn(v)) {
        v->me->has_base = true;
        v->me->base = s->tcp.seq;
    } else if (!v->me->has_base && !check_is_syn(s) && !(v->peer->syn.seen && v->check->config.whole)) {
        begin_in_the_middle(v->me, s->tcp.seq);
    }
    if (!v->peer->has_base && (s->tcp.flags & WIRE_TCP_ACK))
        begin_in_the_middle(v->peer, s->tcp.ack);
}

/* --- SYNs ------------------------------------------------------------------------------------------ */

static unsigned offers_of(const struct check_segment *s)
{
    return (s->opts.has_wscale ? CHECK_OFFER_WSCALE : 0u) |
           (s->opts.has_sack_permitted ? CHECK_OFFER_SACK : 0u) |
           (s->opts.has_timestamps ? CHECK_OFFER_TIMESTAMPS : 0u) |
           (s->opts.has_fast_open ? CHECK_OFFER_FAST_OPEN : 0u);
}

/* RFC 3168 6.1.1: a SYN offers ECN with both bits, its answer agrees with ECE alone. */
static bool is_ecn_setup(const struct check_segment *s)
{
    unsigned both = s->tcp.flags & (WIRE_TCP_ECE | WIRE_TCP_CWR);

    return s->tcp.flags & WIRE_TCP_ACK ? both == WIRE_TCP_ECE : both == (WIRE_TCP_ECE | WIRE_TCP_CWR);
}

static void learn_syn(const struct check_view *v)
{
    const struct check_segment *s = v->seg;
    struct check_syn *syn = &v->me->syn;
    bool is_answer = s->tcp.flags & WIRE_TCP_ACK;
    unsigned before = is_answer ? 0 : syn->offers;

    if (!check_is_syn(s) || s->seq != 0)
        return;
    if (!syn->seen)
        syn->packet = s->packet;
    syn->offers = before | offers_of(s);
    syn->ecn_setup = is_ecn_setup(s) || (!is_answer && syn->ecn_setup);
    syn->seen = true;
    syn->is_answer = is_answer;
    syn->has_mss = s->opts.has_mss;
    syn->has_ao = s->opts.has_ao;
    syn->mss = s->opts.mss;
    if (s->opts.has_wscale)
        syn->wscale = s->opts.wscale;
    syn->had_timestamps |= s->opts.has_timestamps;
    syn->has_cookie |= s->opts.has_fast_open && s->opts.cookie_len > 0;
    if (s->seq + 1 + s->len > syn->end)
        syn->end = s->seq + 1 + s->len;
    syn->count++;
    v->me->old_syn = *s;
    v->me->old_syn.header = v->me->old_syn.data = NULL;
    v->conn->is_accurate_ecn |= (s->tcp.flags & WIRE_TCP_AE) != 0;
}

/* --- What is sent ----------------------------------------------------------------------------------- */

/* A retransmission, or probe, at `at`: one more of the series unless something has come from the peer since. */
static void learn_series(struct check_series *series, const struct check_segment *s, weft_time heard,
                         bool answers_count)
{
    bool goes_on = series->count > 0 && series->at == s->seq && (answers_count || heard < series->last);

    series->wait = goes_on ? s->now - series->last : 0;
    series->count = goes_on ? series->count + 1 : 1;
    series->at = s->seq;
    series->last = s->now;
    series->packet = s->packet;
}

/* Sent again, and it can be nothing but a timeout: nothing has come since data was sent, the segment is the first of
 * several that wait (a tail probe sends the last, RFC 8985 7.3), and no SACK is there that a timer of RACK's could
 * have judged by. */
static bool is_timeout(const struct check_view *v)
{
    const struct check_side *me = v->me;

    return me->heard < me->last_data && !check_is_disturbed(v->check, me->last_data) && !me->has_sacked &&
           v->seg->seq == me->una_any && v->seg->end < me->nxt &&
           v->seg->now - me->last_data >= 10 * WEFT_MSEC;
}

static void learn_resent(const struct check_view *v)
{
    const struct check_segment *s = v->seg;
    struct check_side *me = v->me;

    if (check_is_probe(v)) {
        if (v->peer->window == 0)
            learn_series(&me->probe, s, me->heard, true);
        me->ecn.may_have_lost |= check_is_again(v) && s->end > me->una_any; /* an octet alone, sent again */
        return;
    }
    if (!check_is_again(v)) {
        me->timeout_bytes += s->len;
        return;
    }
    if (is_timeout(v)) {
        me->timed_out = true;
        me->timeout_bytes = 0;
    }
    me->timeout_bytes += s->len;
    learn_series(&me->timeout, s, me->heard, false);
    me->has_lost = true;
}

static void learn_twice(struct check_side *me, const struct check_segment *s)
{
    struct check_range range;
    int64_t from = s->seq;

    while (from < s->end && check_ranges_next(&me->sent, from, &range) && range.left < s->end) {
        from = range.right < s->end ? range.right : s->end;
        check_ranges_add(&me->twice, range.left, from);
    }
    check_ranges_add(&me->sent, s->seq, s->end);
}

static void learn_fin(const struct check_view *v)
{
    if (!check_is_fin(v->seg) || v->me->has_fin)
        return;
    v->me->has_fin = true;
    v->me->fin = v->seg->end - 1;
    v->me->fin_packet = v->seg->packet;
}

static void learn_urgent(const struct check_view *v)
{
    const struct check_segment *s = v->seg;
    int64_t urgent = s->seq + s->tcp.urgent;

    if (!(s->tcp.flags & WIRE_TCP_URG) || (v->me->has_urgent && urgent <= v->me->urgent))
        return;
    v->me->has_urgent = true;
    v->me->urgent = urgent;
    v->me->urgent_packet = s->packet;
}

static void learn_sent(const struct check_view *v)
{
    const struct check_segment *s = v->seg;
    struct check_side *me = v->me;

    me->has_sent = true;
    if (s->len > me->largest)
        me->largest = s->len;
    if (s->len > 0) {
        me->last[1] = me->last[0];
        me->last[0] = s->len;
    }
    if (me->near && s->has_mac) {
        me->has_mac = true;
        me->mac = s->mac_from;
    }
    if (!check_is_syn(s))
        me->last_packet = s->packet;
    learn_resent(v);
    learn_twice(me, s);
    check_content_put(v->check, &me->content, s->seq + check_is_syn(s), s->data, s->data ? s->data_len : 0,
                      me->una_any);
    learn_fin(v);
    learn_urgent(v);
    if (s->end > me->nxt) {
        me->nxt = s->end;
        me->nxt_packet = s->packet;
    }
    if (s->len > 0)
        me->last_data = s->now;
}

/* --- What is acknowledged ------------------------------------------------------------------------------ */

static void learn_window(const struct check_view *v)
{
    const struct check_segment *s = v->seg;
    int64_t edge = (s->has_ack ? s->ack : 1) + check_window(v);
    unsigned shift;

    if (!s->has_ack && !check_is_first_syn(s))
        return;
    if (!check_is_syn(s) && !check_shift(v->me, v->peer, &shift))
        return;
    v->me->window = check_window(v);
    if (v->me->window > v->me->window_max)
        v->me->window_max = v->me->window;
    if (!v->me->has_window || edge > v->me->window_edge) {
        v->me->window_edge = edge;
        v->me->window_packet = s->packet;
    }
    v->me->has_window = true;
}

/* RFC 9293 3.10.7.4 step 5, on the side that this acknowledgment comes to. */
static void learn_edge(const struct check_view *v)
{
    const struct check_segment *s = v->seg;
    struct check_side *peer = v->peer;
    int64_t edge = s->ack + check_window(v);

    if (s->ack < peer->una || (s->ack == peer->una && peer->has_edge &&
                               (peer->wl1 > s->seq || (peer->wl1 == s->seq && peer->wl2 > s->ack))))
        return;
    if (!peer->has_edge || edge != peer->edge)
        peer->edge_at = s->now;
    peer->has_edge = true;
    peer->edge = edge;
    peer->wl1 = s->seq;
    peer->wl2 = s->ack;
}

static void learn_ack(const struct check_view *v, bool is_accepted)
{
    const struct check_segment *s = v->seg;
    struct check_side *peer = v->peer;

    learn_window(v);
    if (!s->has_ack)
        return;
    if (!v->me->has_acked || s->ack > v->me->acked) {
        v->me->acked = s->ack;
        v->me->acked_packet = s->packet;
        v->me->has_acked = true;
    }
    v->me->has_sent_sack |= s->opts.nsacks > 0;
    if (s->ack > peer->nxt)
        return;
    peer->ecn.may_have_lost |= s->opts.nsacks > 0 || (s->ack == peer->una_any && s->ack < peer->nxt);
    peer->has_sacked = s->opts.nsacks > 0;
    if (s->ack > peer->una_any) {
        peer->una_any = s->ack;
        peer->probe.count = 0;
    }
    peer->has_edge &= is_accepted;
    if (!is_accepted)
        return;
    learn_edge(v);
    if (s->ack > peer->una) {
        peer->una = s->ack;
        peer->una_at = s->now;
        peer->una_packet = s->packet;
    }
}

/* --- What is owed ----------------------------------------------------------------------------------------- */

static void owe_in_order(const struct check_view *v)
{
    const struct check_segment *s = v->seg;
    struct check_owed *owed = &v->peer->owed;
    uint32_t full = check_full_size(v->me, v->peer);

    if (!owed->since) {
        owed->since = s->now;
        owed->packet = s->packet;
    }
    owed->upto = s->end;
    owed->full_bytes += s->len / full * full;
    if (owed->full_bytes >= 2 * full && !owed->second) {
        owed->second = s->now;
        owed->second_packet = s->packet;
    }
}

static void owe_disorder(const struct check_view *v)
{
    struct check_owed *owed = &v->peer->owed;

    if (!owed->disorder) {
        owed->disorder = v->seg->now;
        owed->disorder_packet = v->seg->packet;
    }
    owed->fresh[owed->fresh_count % CHECK_FRESH] = (struct check_range){v->seg->seq, v->seg->end};
    owed->fresh_count++;
    owed->fresh_last = v->seg->now;
}

/* What the peer owes for this segment. Before the segment is learned as sent. In order is what follows on what the peer
 * has acknowledged or accepted for sure: of what only passed here it may have dropped some. */
static void learn_owed(const struct check_view *v, bool is_accepted)
{
    const struct check_segment *s = v->seg;
    struct check_owed *owed = &v->peer->owed;
    int64_t gap = check_ranges_gap(&v->me->sent, 0);
    int64_t next = check_ranges_gap(&v->me->taken, v->peer->acked);

    if (s->end == s->seq)
        return;
    owed->any_came = true;
    owed->came_at = s->now;
    if (check_is_syn(s))
        return;
    owed->came++;
    if (owed->since && s->seq < gap)
        owed->since = s->now; /* sent again: what was sent first may have been dropped */
    if (!is_accepted)
        return;
    check_ranges_add_sure(&v->me->taken, s->seq, s->end);
    if (v->peer->has_acked && s->seq <= next && s->end > next)
        owe_in_order(v);
    else if (s->seq > gap && !check_is_again(v))
        owe_disorder(v);
}

/* What this segment pays of its sender's debt. */
static void learn_paid(const struct check_view *v)
{
    struct check_owed *owed = &v->me->owed;

    if (!v->seg->has_ack || check_is_syn(v->seg))
        return;
    owed->disorder = 0;
    owed->fresh_count = 0;
    owed->came = 0;
    owed->any_came = false;
    owed->second = 0;
    owed->full_bytes = 0;
    owed->since = v->seg->ack < owed->upto && owed->since ? v->seg->now : 0;
}

/* --- Timestamps, ECN, resets ---------------------------------------------------------------------------------- */

static void learn_timestamps(const struct check_view *v)
{
    struct check_side *me = v->me;
    uint32_t n = v->seg->opts.tsval, ahead = n - (uint32_t)me->tsval;
    bool is_long_ago = v->seg->now - me->tsval_at > CHECK_TSVAL_VALID;
    int64_t tsval = n;

    if (!v->seg->opts.has_timestamps)
        return;
    if (me->has_tsval)
        tsval = me->tsval + (is_long_ago ? (int64_t)ahead : (int32_t)ahead);
    if (!me->has_tsval)
        me->tsval_first = tsval;
    if (!me->has_tsval || tsval > me->tsval) {
        me->tsval = tsval;
        me->tsval_packet = v->seg->packet;
        me->tsval_at = v->seg->now;
    }
    me->has_tsval = true;
}

/* TS.Recent of the receiver: RFC 7323 4.3 (2), 5.3 R3. Last.ACK.sent is what its last segment acknowledged. */
static void learn_recent(const struct check_view *v, bool is_accepted)
{
    const struct check_segment *s = v->seg;
    struct check_recent *recent = &v->peer->recent;
    uint32_t tsval = s->opts.tsval;
    bool is_old = s->now - recent->at > CHECK_TSVAL_VALID; /* RFC 7323 5.5: nothing can be compared with it */
    bool is_later = !recent->is_known || is_old || (int32_t)(tsval - recent->value) > 0;

    if (!s->opts.has_timestamps || !is_later || (!check_is_syn(s) && s->seq > v->peer->acked))
        return;
    recent->is_known = is_accepted;
    recent->value = tsval;
    recent->at = s->now;
    recent->packet = s->packet;
}

/* What the segment does to its receiver: CWR ends one mark, and the segment itself may bear the next. */
static void learn_marks(const struct check_view *v, bool is_accepted)
{
    const struct check_segment *s = v->seg;
    struct check_ecn *ecn = &v->peer->ecn;

    if (s->tcp.flags & WIRE_TCP_CWR) {
        ecn->has_mark = false;
        if (is_accepted)
            ecn->cwr_came = s->now;
    }
    if (s->ecn != 3 || s->len == 0)
        return;
    if (is_accepted && !ecn->has_mark) {
        ecn->has_mark = true;
        ecn->mark_time = s->now;
        ecn->mark_packet = s->packet;
        ecn->mark_end = s->end;
    }
    ecn->ever_marked = true;
    ecn->marked = s->now;
}

/* An ECE obliges to CWR once in a window; not while another reason has reduced it. */
static void learn_ece(const struct check_view *v, bool is_accepted)
{
    const struct check_segment *s = v->seg;
    struct check_side *peer = v->peer;

    if (!(s->tcp.flags & WIRE_TCP_ECE))
        return;
    peer->ecn.ever_ece_came = true;
    if (peer->nxt <= peer->syn.end) /* about the text of a SYN, which nobody may mark */
        return;
    if (!is_accepted || peer->has_lost || peer->ecn.owes_cwr || s->ack <= peer->ecn.cwr_sent)
        return;
    peer->ecn.owes_cwr = true;
    peer->ecn.ece_time = s->now;
    peer->ecn.ece_packet = s->packet;
}

static void learn_ecn(const struct check_view *v, bool is_accepted)
{
    const struct check_segment *s = v->seg;

    if (check_is_syn(s)) {
        v->peer->ecn.ever_marked |= s->ecn == 3; /* some box marks everything: an echo of it is no fault */
        return;
    }
    learn_marks(v, is_accepted);
    learn_ece(v, is_accepted);
    if (s->len == 0 || s->end <= v->me->nxt)
        return;
    if ((s->tcp.flags & WIRE_TCP_CWR) || v->me->ecn.owes_cwr)
        v->me->ecn.cwr_sent = s->end;
    v->me->ecn.owes_cwr = false;
}

/* A reset of `me`. The peer has surely believed it when its number is exactly what the peer expects (RFC 5961
 * 3.2), which is known when all that has come is acknowledged. TIME-WAIT need not end by it (RFC 1337 3). */
static void learn_reset(const struct check_view *v)
{
    const struct check_segment *s = v->seg;

    v->me->has_refused = true;
    /* In SYN-SENT and SYN-RECEIVED a reset ends nothing: something but SYNs must have been sent before. */
    if (check_may_send(v->me, v->peer) && v->me->last_packet > 0 && !v->me->has_reset) {
        v->me->has_reset = true;
        v->me->reset_packet = s->packet;
        v->me->reset_at = s->now;
    }
    if (check_may_send(v->peer, v->me) && !v->peer->was_reset && s->seq == v->peer->acked &&
        check_ranges_gap(&v->me->sent, 0) == s->seq && !v->conn->is_signed && is_for_receiver(v) &&
        !check_is_over(v->peer, v->me)) {
        v->peer->was_reset = true;
        v->peer->was_reset_packet = s->packet;
        v->peer->was_reset_at = s->now;
    }
}

static void learn_answer(const struct check_view *v)
{
    const struct check_segment *s = v->seg;
    struct check_side *peer = v->peer;

    peer->answer[peer->answers++ % CHECK_ANSWERS] = (struct check_answer){
        .has_ack = s->tcp.flags & WIRE_TCP_ACK,
        .ack = s->tcp.ack,
        .end = s->tcp.seq + s->len + check_is_syn(s) + check_is_fin(s),
    };
}

void check_learn_other_syn(const struct check_view *v)
{
    learn_answer(v);
}

/* Something comes from `me`, whatever it is: a timeout of the peer's is answered. */
static void learn_heard(const struct check_view *v)
{
    v->peer->heard = v->seg->now;
    v->peer->timed_out = false;
    v->peer->is_fed |= v->peer->last_data > 0;
}

void check_learn(const struct check_view *v)
{
    bool is_accepted = check_is_accepted(v);

    learn_answer(v);
    learn_heard(v);
    v->conn->is_signed |= v->seg->opts.has_md5 || v->seg->opts.has_ao;
    if (check_is_rst(v->seg)) {
        learn_reset(v);
        return;
    }
    begin_timelines(v);
    if (!v->me->has_base || !check_is_plausible(v))
        return;
    learn_syn(v);
    learn_owed(v, is_accepted);
    learn_recent(v, is_accepted);
    learn_ecn(v, is_accepted);
    learn_sent(v);
    learn_ack(v, is_accepted);
    learn_paid(v);
    learn_timestamps(v);
}
