/* SPDX-License-Identifier: MIT */
/*
 * What a connection sends next: data that is lost, data that is new, probes.
 *
 * Owns    tcb->owed, and SND.NXT but for the SYN's part.
 * Never   changes what has been received or acknowledged, nor makes a segment:
 *         segment.c does, and control.c has those that are not for data.
 *
 * tcp_owe notes that a connection has something to send; tcp_flush (tcp.c)
 * comes round when the batch of input, timers and calls is done and lets
 * tcp_output build, in this order:
 *
 *      SYN or SYN-ACK            the handshake
 *      what is lost              as far as cwnd allows
 *      new data, then FIN        as far as cwnd, the peer's window, Nagle and
 *                                the link's queue allow
 *      probes                    tail loss, zero window, keepalive
 *      an ACK of its own         when none of these has carried it
 *
 * Why a connection does not send more is told to info.c, always.
 */
#include "tcp/cc/cc.h"
#include "tcp/tcb.h"

void tcp_owe(struct tcb *tcb, unsigned what)
{
    tcb->owed |= (uint16_t)what;
    if (!list_is_linked(&tcb->output_link))
        list_push_back(&tcb->tcp->output, &tcb->output_link);
}

/* --- What is lost -------------------------------------------------------------------------------- */

/* Payload bytes in [start, end), which may count a FIN. */
static uint32_t payload_of(const struct tcb *tcb, tcp_seq start, tcp_seq end)
{
    tcp_seq data_end = seq_min(end, tcp_data_end(tcb));

    return seq_gt(data_end, start) ? seq_span(start, data_end) : 0;
}

/* Whether the head, sent again, begins the retransmission timer anew. After a timeout that matters when pacing has kept
 * it back, or when it is the retransmission that was lost. */
static bool has_timeout_of_its_own(const struct tcb *tcb)
{
    if (tcb->cc.state == TCP_CA_RECOVERY)
        return tcb->has_sack || !tcb->cc.had_partial_ack;
    return tcb->cc.state == TCP_CA_LOSS;
}

/* Sends the first `len` bytes of a range again. Returns false when something ran out. */
static bool resend(struct tcb *tcb, struct tcp_range *range, uint32_t len, enum weft_tcp_send_reason why)
{
    struct core *core = tcb->tcp->core;
    tcp_seq start = range->start;
    tcp_seq end = seq_min(range->end, seq_add(start, len));
    struct tcp_outgoing segment = {
        .seq = start,
        .len = payload_of(tcb, start, end),
        .flags = WIRE_TCP_ACK,
        .why = why,
    };

    if (segment.len > 0 && seq_ge(seq_add(start, segment.len), tcp_data_end(tcb)))
        segment.flags |= WIRE_TCP_PSH;
    if (tcb->fin_sent && seq_gt(end, tcp_data_end(tcb)))
        segment.flags |= WIRE_TCP_FIN;
    int64_t sent = tcp_segment_send(tcb, &segment);
    if (sent < 0)
        return false;
    bool whole = sent == segment.len;
    uint32_t span = whole ? seq_span(start, end) : (uint32_t)sent;
    uint32_t segs = (uint32_t)(sent + tcb->snd.mss - 1) / tcb->snd.mss;

    core->stats.count[WEFT_COUNT_TCP_RETRANS_SEGS] += segs > 0 ? segs : 1;
    tcb->segs_retransmitted += segs > 0 ? segs : 1;
    tcb->bytes_retransmitted += (uint64_t)sent;
    tcp_recovery_resent(tcb, start, seq_add(start, span));
    tcp_pace_sent(tcb, (uint32_t)sent);
    tcb->last_sent = core->now;
    tcp_sack_resent(tcb, range, span);
    tcp_timer_data_sent(tcb);
    if (seq_eq(start, tcb->snd.una) && has_timeout_of_its_own(tcb))
        tcp_timer_head_resent(tcb);
    return true;
}

/* How much of `len` lost bytes may go: as cwnd allows, in whole segments. After a timeout a part of a segment needs
 * the room of a whole one: it is one segment that goes then (RFC 6298 5.4), not as many as there are small ones. */
static uint32_t lost_allowance(const struct tcb *tcb, uint32_t len)
{
    uint32_t flight = tcp_in_flight(tcb);
    uint32_t space = tcb->cc.cwnd > flight ? tcb->cc.cwnd - flight : 0;
    uint32_t whole = space - space % tcb->snd.mss;

    if (tcb->cc.state == TCP_CA_LOSS)
        return whole < len ? whole : len;
    return space >= len ? len : whole;
}

static bool send_lost(struct tcb *tcb)
{
    struct tcp_range *range;

    while ((range = tcp_sack_next_lost(tcb)) != NULL) {
        if (tcb->state >= WEFT_TCP_ESTABLISHED)
            tcp_sack_gather(tcb, range, tcb->snd.mss);
        uint32_t len = seq_span(range->start, range->end);
        uint32_t allowed = lost_allowance(tcb, len);

        if (allowed == 0) {
            tcp_info_limit(tcb, WEFT_LIMIT_CWND);
            return true;
        }
        uint32_t paced = tcp_pace_allowance(tcb, false);
        if (paced == 0) {
            tcp_info_limit(tcb, WEFT_LIMIT_PACING);
            return true;
        }
        if (allowed > paced)
            allowed = paced;
        if (net_path_room(tcb->tcp->net, &tcb->path) < 1 + len / tcb->snd.mss)
            allowed = tcb->snd.mss;
        if (net_path_room(tcb->tcp->net, &tcb->path) == 0) {
            tcp_info_limit(tcb, WEFT_LIMIT_LINK);
            return false;
        }
        if (!resend(tcb, range, len < allowed ? len : allowed, WEFT_SENT_RETRANSMIT)) {
            tcp_info_limit(tcb, WEFT_LIMIT_MEMORY);
            return false;
        }
    }
    return true;
}

/* --- New data -------------------------------------------------------------------------------------- */

static uint32_t unsent(const struct tcb *tcb)
{
    tcp_seq end = tcp_data_end(tcb);

    return seq_gt(end, tcb->snd.nxt) ? seq_span(tcb->snd.nxt, end) : 0;
}

/* Our SYN-ACK is out and not acknowledged (fast open): a number without a byte. */
static bool has_syn_out(const struct tcb *tcb)
{
    return tcb->state == WEFT_TCP_SYN_RECEIVED;
}

/* The usable window: what the peer's leaves (RFC 9293 3.8.6.2.1: U = SND.UNA + SND.WND - SND.NXT). That of a SYN,
 * which acknowledges nothing, begins behind our own SYN. */
static uint32_t usable_window(const struct tcb *tcb)
{
    int32_t usable = seq_diff(seq_add(tcb->snd.una, tcb->snd.wnd + has_syn_out(tcb)), tcb->snd.nxt);

    return usable > 0 ? (uint32_t)usable : 0;
}

/* What cwnd leaves. SACKed bytes and duplicate ACKs, outside a recovery two of these, are not in flight, which
 * makes limited transmit (RFC 3042) of itself. */
static uint32_t usable_cwnd(const struct tcb *tcb)
{
    bool is_held = tcb->tcp->config.no_limited_transmit && tcb->cc.state == TCP_CA_OPEN;
    uint32_t flight = is_held ? seq_span(tcb->snd.una, tcb->snd.nxt) : tcp_in_flight(tcb);

    if (has_syn_out(tcb) && flight > 0)
        flight--;

    return tcb->cc.cwnd > flight ? tcb->cc.cwnd - flight : 0;
}

/* The application says that more is to come. */
static bool is_held_back(const struct tcb *tcb)
{
    return (tcb->options.cork || tcb->more_follows) && !tcb->push_now;
}

/*
 * May a part of a segment go? Nagle (RFC 9293 3.7.4), cork, and the sender's
 * silly window avoidance (3.8.6.2.1) say no until more can go with it.
 */
static bool part_may_go(struct tcb *tcb, uint32_t len, uint32_t all)
{
    if (len == all && (tcb->fin_queued || tcb->snd.has_urgent))
        return true;
    if (len == all && is_held_back(tcb)) {
        tcp_info_limit(tcb, WEFT_LIMIT_CORK);
        tcp_timer_corked(tcb);
        return false;
    }
    /* Nagle's rule as Minshall refined it: only while an earlier small segment is unacknowledged, so
     * that the odd end of a large write does not wait for a delayed ACK. */
    if (len == all && (tcb->options.nodelay || seq_le(tcb->snd.small_end, tcb->snd.una)))
        return true;
    if (len == all) {
        tcp_info_limit(tcb, WEFT_LIMIT_NAGLE);
        return false;
    }
    /* Not all fits: the window is the reason. Half of the largest window seen is worth sending. */
    if (len >= tcb->snd.max_wnd / 2 && len > 0)
        return true;
    tcp_info_limit(tcb, usable_window(tcb) <= usable_cwnd(tcb) ? WEFT_LIMIT_PEER_WINDOW : WEFT_LIMIT_CWND);
    return false;
}

static bool fin_waits(const struct tcb *tcb)
{
    return tcb->fin_queued && !tcb->fin_sent;
}

/* Is it the FIN's turn behind `len` more bytes? Its number must lie in the peer's window, too. In SYN-RECEIVED it
 * waits for ESTABLISHED (RFC 9293 3.10.4). */
static bool fin_goes_with(const struct tcb *tcb, uint32_t len)
{
    return fin_waits(tcb) && tcb->state >= WEFT_TCP_ESTABLISHED && len == unsent(tcb) &&
           usable_window(tcb) > len;
}

/* How many bytes of new data go now, in one segment or super-segment; 0 with the reason told. */
static uint32_t choose_length(struct tcb *tcb, bool *kept_back)
{
    uint32_t all = unsent(tcb);
    uint32_t window = usable_window(tcb);
    uint32_t cwnd = usable_cwnd(tcb);
    uint32_t mss = tcb->snd.mss;
    uint32_t len = all < window ? all : window;

    if (all == 0) {
        tcp_info_limit(tcb, fin_waits(tcb) && window == 0           ? WEFT_LIMIT_PEER_WINDOW
                            : tcb->writer_waits && tcb->buf.len > 0 ? WEFT_LIMIT_SEND_BUFFER
                                                                    : WEFT_LIMIT_APPLICATION);
        return 0;
    }
    *kept_back = len > cwnd;
    if (len > cwnd)
        len = cwnd;
    if (len >= mss) {
        uint32_t whole = len - len % mss;

        if (whole == len || len < all)
            return whole;
        /* The tail goes along when it would go by itself. */
        return tcb->fin_queued || tcb->push_now || (tcb->options.nodelay && !is_held_back(tcb)) ? len : whole;
    }
    if (len == 0) {
        tcp_info_limit(tcb, window == 0 ? WEFT_LIMIT_PEER_WINDOW : WEFT_LIMIT_CWND);
        return 0;
    }
    return part_may_go(tcb, len, all) ? len : 0;
}

/* Does data that goes now answer what has come? */
static bool is_answer(const struct tcb *tcb)
{
    const struct core *core = tcb->tcp->core;

    return tcb->tcp->config.answers_delay_acks &&
           ((tcb->owed & TCP_OWED_ACK) || /* that of the SYN-ACK, too */
            (tcb->bytes_received > 0 && core->now - tcb->last_data < tcb->tcp->config.delayed_ack));
}

/* Was the last segment of `sent` bytes a small one? When it took less than was wanted it was as large as could be, with
 * the options that went along, or it ended a record. */
static bool is_small(const struct tcb *tcb, uint32_t wanted, uint32_t sent)
{
    if (sent < wanted && !tcp_sendbuf_is_record_end(&tcb->buf, tcb->snd.nxt))
        return false;
    return sent % tcb->snd.mss != 0;
}

static bool send_new_segment(struct tcb *tcb, uint32_t len, enum weft_tcp_send_reason why)
{
    struct core *core = tcb->tcp->core;
    tcp_seq start = tcb->snd.nxt;
    bool last = len == unsent(tcb);
    bool is_end =
        last && len > 0 && !tcb->more_follows; /* RFC 9293 3.9.1.2; or the application says otherwise */
    bool fin = fin_goes_with(tcb, len);
    struct tcp_outgoing segment = {
        .seq = start,
        .len = len,
        .flags = (uint16_t)(WIRE_TCP_ACK | (is_end ? WIRE_TCP_PSH : 0) | (fin ? WIRE_TCP_FIN : 0)),
        .why = len > 0 ? why : WEFT_SENT_FIN,
        .is_new = true,
        .is_mtu_probe = why == WEFT_SENT_MTU_PROBE,
    };
    bool answers = len > 0 && is_answer(tcb);
    int64_t sent = tcp_sack_can_note(tcb) ? tcp_segment_send(tcb, &segment) : -1;

    if (sent < 0)
        return false;
    if (seq_eq(tcb->snd.una, start))
        tcb->since_unacked = core->now;
    tcb->is_answering |= answers;
    fin = fin && sent == len;
    tcb->fin_sent |= fin;
    tcb->snd.nxt = seq_add(start, (uint32_t)sent + fin);
    if (segment.is_mtu_probe && sent == len)
        tcp_pmtud_probe_sent(tcb, start, len);
    else
        tcp_pmtud_sent(tcb, start, (uint32_t)sent);
    if (is_small(tcb, len, (uint32_t)sent) && !segment.is_mtu_probe)
        tcb->snd.small_end = tcb->snd.nxt;
    tcp_sack_sent(tcb, start, tcb->snd.nxt);
    uint32_t segs = ((uint32_t)sent + tcb->snd.mss - 1) / tcb->snd.mss;
    core->stats.count[WEFT_COUNT_TCP_OUT_SEGS] += segs > 0 ? segs : 1;
    tcb->bytes_sent += (uint64_t)sent;
    tcb->last_sent = core->now;
    if (last && sent == len)
        tcb->push_now = tcb->more_follows = false;
    tcp_recovery_sent(tcb, (uint32_t)sent + fin);
    tcp_pace_sent(tcb, (uint32_t)sent);
    tcp_timer_data_sent(tcb);
    return true;
}

/* Whole segments that the link has room for now, in bytes; 0: none. */
static uint32_t link_allowance(const struct tcb *tcb)
{
    unsigned room = net_path_room(tcb->tcp->net, &tcb->path);

    return room >= TCP_GSO_MAX / tcb->snd.mss + 1 ? TCP_GSO_MAX : room * tcb->snd.mss;
}

/* All has gone that may; what cwnd would have allowed besides, the application has not asked for. */
static void note_use(struct tcb *tcb, bool kept_back)
{
    tcp_cc_used(tcb, kept_back);
    if (unsent(tcb) == 0 && tcb->board.lost_bytes == 0 && usable_cwnd(tcb) > 0)
        tcp_rate_app_limited(tcb);
}

/* The same for what goes next, a probe of the path MTU when one is due: then what there is is kept back until
 * cwnd has room for it (RFC 4821 7.4). */
static uint32_t choose_next(struct tcb *tcb, bool *kept_back, enum weft_tcp_send_reason *why)
{
    uint32_t probe = tcp_pmtud_probe_due(tcb, unsent(tcb), usable_window(tcb));

    *why = probe > 0 ? WEFT_SENT_MTU_PROBE : WEFT_SENT_DATA;
    if (probe == 0)
        return choose_length(tcb, kept_back);
    *kept_back = probe > usable_cwnd(tcb);
    if (*kept_back)
        tcp_info_limit(tcb, WEFT_LIMIT_CWND);
    return *kept_back ? 0 : probe;
}

static bool send_new(struct tcb *tcb)
{
    bool kept_back = false;

    if (seq_eq(tcb->snd.una, tcb->snd.nxt) && unsent(tcb) > 0 && usable_window(tcb) > 0)
        tcp_cc_restart(tcb);
    for (;;) {
        enum weft_tcp_send_reason why;
        uint32_t len = choose_next(tcb, &kept_back, &why);
        uint32_t room = link_allowance(tcb);

        if (len == 0 && !fin_goes_with(tcb, 0)) {
            note_use(tcb, kept_back);
            return true;
        }
        if (room == 0) {
            tcp_info_limit(tcb, WEFT_LIMIT_LINK);
            return false;
        }
        uint32_t paced = len > 0 || tcp_pace_is_held(tcb) ? tcp_pace_allowance(tcb, true) : UINT32_MAX;
        if (paced == 0) {
            tcp_info_limit(tcb, WEFT_LIMIT_PACING);
            note_use(tcb, kept_back);
            return true;
        }
        if (room > paced)
            room = paced;
        if (tcb->tcp->config.push_bursts && room > tcp_pace_burst(tcb))
            room = tcp_pace_burst(tcb);
        if (why == WEFT_SENT_DATA && len > room)
            len = room;
        if (!send_new_segment(tcb, len, why)) {
            tcp_info_limit(tcb, WEFT_LIMIT_MEMORY);
            return false;
        }
    }
}

/* The last segment's worth of what was sent and is not SACKed, as a range of its own. */
static struct tcp_range *tail_segment(struct tcb *tcb)
{
    struct tcp_range *range = tcb->board.tail;

    while (range && (range->flags & TCP_RANGE_SACKED))
        range = range->prev;
    if (!range || seq_span(range->start, range->end) <= tcb->snd.mss)
        return range;
    return tcp_sack_split_tail(tcb, range, tcb->snd.mss);
}

/*
 * RFC 6675 4, NextSeg (3) and (4), when nothing is lost for certain and nothing
 * new can go: what a SACK has passed, and once in a recovery the last segment,
 * so that ACKs keep coming.
 */
static bool send_unsure(struct tcb *tcb)
{
    while (usable_cwnd(tcb) >= tcb->snd.mss && (unsent(tcb) == 0 || usable_window(tcb) == 0)) {
        struct tcp_range *range = tcp_dupack_unsure(tcb);
        tcp_seq high_rxt = tcb->cc.high_rxt;
        bool is_rescue = !range && tcp_dupack_may_rescue(tcb);

        if (is_rescue)
            range = tail_segment(tcb);
        if (!range)
            return true;
        if (net_path_room(tcb->tcp->net, &tcb->path) == 0) {
            tcp_info_limit(tcb, WEFT_LIMIT_LINK);
            return false;
        }
        if (!resend(tcb, range, tcb->snd.mss, WEFT_SENT_RETRANSMIT)) {
            tcp_info_limit(tcb, WEFT_LIMIT_MEMORY);
            return false;
        }
        if (is_rescue) {
            tcb->cc.high_rxt = high_rxt;
            tcb->cc.rescue_rxt = tcb->cc.recover;
        }
    }
    return true;
}

/* What is lost goes before what is new (RFC 6675 4, NextSeg (1) and (2)); but F-RTO has it the other way round for
 * once (RFC 5682 2.1 2b). */
static bool send_data(struct tcb *tcb)
{
    if (tcp_undo_wants_new_data(tcb)) {
        if (!send_new(tcb))
            return false;
        if (tcb->limit == WEFT_LIMIT_PACING || tcp_undo_new_data_sent(tcb))
            return true;
    }
    if (!send_lost(tcb))
        return false;
    if (tcp_sack_next_lost(tcb)) {
        /* It waits for cwnd or for its turn. Small new data would find room, and use up what it waits for. */
        tcp_cc_used(tcb, tcb->board.lost_bytes > usable_cwnd(tcb));
        return true;
    }
    if (!send_new(tcb))
        return false;
    return !tcb->has_sack || tcp_uses_rack(tcb) || tcb->cc.state != TCP_CA_RECOVERY || send_unsure(tcb);
}

/* --- Probes ------------------------------------------------------------------------------------------ */

/* RFC 8985 7.3: TLP_send_probe. New data if there is some, else the last segment again. */
static bool send_tail_probe(struct tcb *tcb)
{
    uint32_t len = unsent(tcb);
    uint32_t window = usable_window(tcb);
    bool sent;

    tcb->owed &= (uint16_t)~TCP_OWED_PROBE;
    if (seq_eq(tcb->snd.una, tcb->snd.nxt))
        return true;
    len = len < tcb->snd.mss ? len : tcb->snd.mss;
    core_count(tcb->tcp->core, WEFT_COUNT_TCP_TAIL_PROBES);
    tcb->rack.probe_is_retransmit = len == 0 || len > window;
    tcb->rack.probe_out = true;
    tcb->rack.has_new_rtt = false;
    if (tcb->rack.probe_is_retransmit) {
        struct tcp_range *range = tail_segment(tcb);

        sent = range && resend(tcb, range, tcb->snd.mss, WEFT_SENT_PROBE);
    } else {
        sent = send_new_segment(tcb, len, WEFT_SENT_PROBE);
    }
    tcb->rack.probe_out = sent;
    tcb->rack.probe_end = tcb->snd.nxt;
    tcb->rack.probe_is_paid = tcb->cc.has_reduced && seq_le(tcb->snd.nxt, tcb->cc.reduced_end);
    return sent;
}

/* The persist timer has fired: data as far as the window goes, which is the override timeout of the sender's
 * silly window avoidance (RFC 9293 3.8.6.2.1 (4)); when it is shut, a probe (3.8.6.1). */
static bool send_window_probe(struct tcb *tcb)
{
    uint32_t window = usable_window(tcb);
    uint32_t len = unsent(tcb) < window ? unsent(tcb) : window;
    bool waits =
        seq_eq(tcb->snd.una, tcb->snd.nxt); /* or something has gone, and its ACK will say the window */
    bool sent = true;

    if (waits && len > 0) {
        sent = send_new_segment(tcb, len < tcb->snd.mss ? len : tcb->snd.mss, WEFT_SENT_DATA);
    } else if (waits && window == 0) {
        /* DEVIATES: RFC 9293 3.8.6.1 probes with an octet of new data where there is one. An old
         * number makes the peer say its window just as well and does not leave a byte in doubt;
         * Linux and the BSDs' keepalives do it so. Test: tests/unit/test_tcp_window.c. */
        sent = tcp_control_poke(tcb, seq_sub(tcb->snd.una, 1), WEFT_SENT_WINDOW_PROBE);
        if (sent)
            tcp_timer_window_probe_sent(tcb);
    }
    if (sent)
        tcb->owed &= (uint16_t)~TCP_OWED_WINDOW_PROBE;
    return sent;
}

static bool send_probes(struct tcb *tcb)
{
    if ((tcb->owed & TCP_OWED_PROBE) && !send_tail_probe(tcb))
        return false;
    if ((tcb->owed & TCP_OWED_WINDOW_PROBE) && !send_window_probe(tcb))
        return false;
    if (tcb->owed & TCP_OWED_KEEPALIVE) {
        if (!tcp_control_poke(tcb, seq_sub(tcb->snd.nxt, 1), WEFT_SENT_KEEPALIVE))
            return false;
        tcb->owed &= (uint16_t)~TCP_OWED_KEEPALIVE;
        core_count(tcb->tcp->core, WEFT_COUNT_TCP_KEEPALIVES);
    }
    return true;
}

/* --- All together -------------------------------------------------------------------------------------------- */

/* Is there a way to the peer? Notes what the path has changed. */
static bool has_path(struct tcb *tcb)
{
    uint32_t mtu = tcb->path.mtu;

    if (net_path_find(tcb->tcp->net, &tcb->node.tuple.local, &tcb->node.tuple.remote, &tcb->path) < 0) {
        tcp_info_limit(tcb, WEFT_LIMIT_ROUTE);
        return false;
    }
    if (tcb->path.mtu != mtu || tcb->is_signed != tcp_md5_is_due(tcb))
        tcp_segment_update_mss(tcb);
    return true;
}

static bool may_send_data(const struct tcb *tcb)
{
    return tcp_may_write(tcb) && tcb->state != WEFT_TCP_FIN_WAIT_2 && tcb->state != WEFT_TCP_TIME_WAIT;
}

/* Without a route there is nothing to be done; what only answers the peer need not wait for one. */
static bool wait_for_path(struct tcb *tcb)
{
    bool must_send = (tcb->owed & TCP_OWED_SYN) || tcb->board.head || unsent(tcb) > 0 || fin_waits(tcb);

    tcb->owed &= TCP_OWED_SYN;
    return !must_send;
}

bool tcp_output(struct tcb *tcb)
{
    bool done;

    if (tcb->state == WEFT_TCP_CLOSED || tcb->state == WEFT_TCP_TIME_WAIT)
        return true;
    if (!has_path(tcb))
        return wait_for_path(tcb);
    if ((tcb->owed & TCP_OWED_SYN) && !tcp_control_syn(tcb)) {
        tcp_info_limit(tcb, WEFT_LIMIT_MEMORY);
        return false;
    }
    if (tcb->state < WEFT_TCP_SYN_RECEIVED)
        return true;
    done = !may_send_data(tcb) || send_data(tcb);
    if (done && !send_probes(tcb)) {
        tcp_info_limit(tcb, WEFT_LIMIT_MEMORY);
        done = false;
    }
    done = tcp_control_acks(tcb) && done;
    if (done)
        tcp_timer_window(tcb);
    if (tcb->options.notsent_lowat > 0)
        tcp_tell_writer(tcb);
    tcp_trace_snd(tcb);
    return done;
}
