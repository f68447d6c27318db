/* SPDX-License-Identifier: MIT */
/*
 * What TCP sends, and when.
 *
 * Owns    tcb->owed, tcb->limit, SND.NXT and the right edge of the window that
 *         we offer. Segments are built here and in reply.c, nowhere else.
 * Never   changes what has been received or acknowledged.
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
 * Why a connection does not send more is noted in tcb->limit, always.
 */
#include "base/checksum.h"
#include "tcp/cc/cc.h"
#include "tcp/tcb.h"
#include "wire/ip4.h"

/* The largest super-segment: what IPv4's length field can say, with full headers before it. */
#define GSO_MAX (65535u - 60u - 60u)

/* Bytes that the timestamps option takes, aligned (RFC 7323 appendix A). */
#define TIMESTAMPS_LEN 12u

void tcp_owe(struct tcb *tcb, unsigned what)
{
    tcb->owed |= (uint16_t)what;
    if (!list_is_linked(&tcb->output_link))
        list_push_back(&tcb->tcp->output, &tcb->output_link);
}

static void set_limit(struct tcb *tcb, enum weft_tcp_limit limit)
{
    if (tcb->limit == limit)
        return;
    tcb->limit = (uint8_t)limit;
    tcb->limit_since = tcb->tcp->core->now;
    tcp_trace(tcb, WEFT_TRACE_TCP_LIMIT, limit, tcb->limit_since, 0, 0, 0, 0);
}

/* --- The window we offer ---------------------------------------------------------------- */

/*
 * Moves the right edge on and returns the window field. The edge never moves
 * left (RFC 9293 3.8.6.2.2, SHLD-14), not even by rounding to the scale: then
 * the field is rounded up (RFC 7323 2.4). Nor does it move right by crumbs
 * (receiver's silly window avoidance, MUST-39). But rounding up adds something
 * with each ACK; a peer that sends crumbs to collect it gets, in the end, a
 * window rounded down.
 */
static uint16_t offer_window(struct tcb *tcb, bool scaled)
{
    struct tcp_rcv *rcv = &tcb->rcv;
    uint32_t shift = scaled ? rcv->wscale : 0;
    uint32_t room = tcp_text_room(tcb);
    uint32_t offered = tcp_rcv_wnd(tcb);
    uint32_t step = tcb->options.receive_buffer / 2 < rcv->mss ? tcb->options.receive_buffer / 2 : rcv->mss;
    uint32_t field;

    if (room >= offered + step)
        field = room >> shift;
    else if (offered + rcv->buffered < tcb->options.receive_buffer + tcb->options.receive_buffer / 4)
        field = (offered + (1u << shift) - 1) >> shift;
    else
        field = offered >> shift;
    if (field > UINT16_MAX)
        field = UINT16_MAX;
    tcp_seq edge = seq_add(rcv->nxt, field << shift);
    rcv->adv = seq_max(rcv->adv, edge);
    return (uint16_t)field;
}

/* --- Building one segment ------------------------------------------------------------------ */

/* What distinguishes one segment from another. */
struct segment {
    tcp_seq seq;
    uint32_t len;   /* payload bytes, from the send buffer */
    uint16_t flags; /* enum wire_tcp_flag */
    enum weft_tcp_send_reason why;
};

static void fill_syn_options(const struct tcb *tcb, bool is_answer, struct wire_tcp_opts *opts)
{
    const struct weft_tcp_config *config = &tcb->tcp->config;

    opts->has_mss = true;
    opts->mss = tcb->rcv.mss;
    opts->has_sack_permitted = is_answer ? tcb->has_sack : !config->no_sack;
    opts->has_wscale = is_answer ? tcb->has_wscale : !config->no_window_scale;
    opts->wscale = tcb->rcv.wscale;
    opts->has_timestamps = is_answer ? tcb->has_timestamps : !config->no_timestamps;
}

/* Bytes of the IP and TCP headers without options. */
static uint32_t headers_len(const struct tcb *tcb)
{
    return (weft_addr_is_ip4(&tcb->node.tuple.remote) ? 20 : 40) + WIRE_TCP_LEN;
}

static void fill_options(struct tcb *tcb, const struct segment *segment, struct wire_tcp_opts *opts)
{
    if (segment->flags & WIRE_TCP_SYN)
        fill_syn_options(tcb, segment->flags & WIRE_TCP_ACK, opts);
    else
        opts->has_timestamps = tcb->has_timestamps;
    if (opts->has_timestamps) {
        opts->tsval = tcp_ts_clock(tcb->tcp) + tcb->ts_offset;
        opts->tsecr = segment->flags & WIRE_TCP_ACK ? tcb->ts_recent : 0;
    }
    if (tcb->has_sack && !(segment->flags & (WIRE_TCP_SYN | WIRE_TCP_RST)))
        tcp_text_sacks(tcb, opts);
    /* On a path with a very small MTU not even all blocks fit. */
    while (opts->nsacks > 0 && headers_len(tcb) + wire_tcp_opts_len(opts) > tcb->path.mtu)
        opts->nsacks--;
}

/* Writes the header in front of the payload, the checksum left to the link. */
static void push_header(struct tcb *tcb, struct weft_pkt *pkt, const struct segment *segment,
                        const struct wire_tcp_opts *opts)
{
    size_t opts_len = wire_tcp_opts_len(opts);
    bool is_syn = segment->flags & WIRE_TCP_SYN;
    const struct tcp_tuple *tuple = &tcb->node.tuple;
    struct wire_tcp header = {
        .src_port = tuple->local_port,
        .dst_port = tuple->remote_port,
        .seq = segment->seq.n,
        .ack = segment->flags & WIRE_TCP_ACK ? tcb->rcv.nxt.n : 0,
        .header_len = (uint8_t)(WIRE_TCP_LEN + opts_len),
        .flags = segment->flags,
        .window = offer_window(tcb, !is_syn),
    };
    uint32_t payload = pkt->total_len;
    uint8_t *at = weft_pkt_push(pkt, header.header_len);
    struct writer w = writer_of(at, header.header_len);

    header.checksum = checksum_fold(
        checksum_pseudo(&tuple->local, &tuple->remote, WIRE_PROTO_TCP, header.header_len + payload));
    wire_tcp_emit(&header, &w);
    wire_tcp_opts_emit(opts, &w);
    pkt->l4_off = pkt->csum_start = (uint16_t)(at - pkt->buf);
    pkt->csum_offset = WIRE_TCP_CHECKSUM_OFFSET;
    pkt->flags |= WEFT_PKT_CSUM_PARTIAL;
    tcp_trace(tcb, WEFT_TRACE_TCP_OUT, header.seq, header.ack, header.flags, payload, header.window,
              segment->why);
}

/* Our acknowledgement is on its way. */
static void ack_has_gone(struct tcb *tcb)
{
    if (tcb->owed & TCP_OWED_ACK_DELAYED)
        core_count(tcb->tcp->core, WEFT_COUNT_TCP_DELAYED_ACKS);
    tcb->owed &= (uint16_t)~TCP_OWED_ANY_ACK;
    tcb->owed_dups = 0;
    tcb->rcv.acked = tcb->rcv.nxt;
    tcb->rcv.dsack_start = tcb->rcv.dsack_end;
    tcp_timer_ack_sent(tcb);
}

/* Payload bytes of a full segment when it carries these options. SACK blocks give way before they take
 * more than half of what there is. */
static uint32_t full_size(const struct tcb *tcb, struct wire_tcp_opts *opts)
{
    size_t usual = tcb->has_timestamps ? TIMESTAMPS_LEN : 0;

    while (opts->nsacks > 0 && wire_tcp_opts_len(opts) - usual > tcb->snd.mss / 2)
        opts->nsacks--;
    return (uint32_t)(tcb->snd.mss - (wire_tcp_opts_len(opts) - usual));
}

/*
 * Sends one segment, a super-segment if it is longer than one can be. Returns
 * the payload bytes that went, which may be fewer than asked for (slices), or
 * -1 when there was no packet to be had.
 */
static int64_t send_segment(struct tcb *tcb, const struct segment *wanted)
{
    struct tcp *tcp = tcb->tcp;
    struct segment segment = *wanted;
    struct wire_tcp_opts opts = {0};
    struct weft_pkt *pkt = weft_pkt_new(tcp->core->pool);

    if (!pkt)
        return -1;
    fill_options(tcb, &segment, &opts);
    if (segment.len > 0) {
        uint32_t full = full_size(tcb, &opts);
        uint32_t most = segment.len > full ? GSO_MAX - GSO_MAX % full : full;
        uint32_t len = tcp_sendbuf_view(&tcb->buf, segment.seq, segment.len < most ? segment.len : most, pkt);

        if (len < segment.len)
            segment.flags &= (uint16_t) ~(WIRE_TCP_FIN | WIRE_TCP_PSH);
        if (len > full) {
            pkt->gso_size = (uint16_t)full;
            pkt->gso_segs = (uint16_t)((len + full - 1) / full);
        }
        segment.len = len;
    }
    push_header(tcb, pkt, &segment, &opts);
    struct net_tx tx = {
        .src = tcb->node.tuple.local,
        .dst = tcb->node.tuple.remote,
        .proto = WIRE_PROTO_TCP,
        .tos = tcb->options.tos,
        .ttl = tcb->options.ttl,
        .dont_fragment = true,
    };
    tcb->segs_out += pkt->gso_segs > 1 ? pkt->gso_segs : 1;
    if (segment.flags & WIRE_TCP_ACK)
        ack_has_gone(tcb);
    net_send(tcp->net, &tcb->path, &tx, pkt);
    return segment.len;
}

/* --- The handshake ---------------------------------------------------------------------------- */

static bool send_syn(struct tcb *tcb)
{
    bool first = seq_eq(tcb->snd.nxt, tcb->snd.iss);
    bool answer = tcb->state == WEFT_TCP_SYN_RECEIVED;
    struct segment segment = {
        .seq = tcb->snd.iss,
        .flags = answer ? WIRE_TCP_SYN | WIRE_TCP_ACK : WIRE_TCP_SYN,
        .why = answer ? WEFT_SENT_SYN_ACK : WEFT_SENT_SYN,
    };

    if ((first && !tcp_sack_can_note(tcb)) || send_segment(tcb, &segment) < 0)
        return false;
    tcb->owed &= (uint16_t)~TCP_OWED_SYN;
    if (first) {
        tcb->snd.nxt = seq_add(tcb->snd.iss, 1);
        tcp_sack_sent(tcb, tcb->snd.iss, tcb->snd.nxt);
    } else if (tcb->board.head) {
        tcp_sack_resent(tcb, tcb->board.head, 1);
    }
    core_count(tcb->tcp->core, first ? WEFT_COUNT_TCP_OUT_SEGS : WEFT_COUNT_TCP_RETRANS_SEGS);
    if (first || tcb->deadline[WEFT_TIMER_RTO] == WEFT_TIME_NEVER)
        tcp_timer_syn_sent(tcb);
    return true;
}

/* --- What is lost -------------------------------------------------------------------------------- */

/* Payload bytes in [start, end), which may count a FIN. */
static uint32_t payload_of(const struct tcb *tcb, tcp_seq start, tcp_seq end)
{
    tcp_seq data_end = seq_min(end, tcp_data_end(tcb));

    return seq_gt(data_end, start) ? seq_span(start, data_end) : 0;
}

/* Sends the first `len` bytes of a range again. Returns false when something ran out. */
static bool resend(struct tcb *tcb, struct tcp_range *range, uint32_t len, enum weft_tcp_send_reason why)
{
    struct core *core = tcb->tcp->core;
    tcp_seq start = range->start;
    tcp_seq end = seq_min(range->end, seq_add(start, len));
    struct segment segment = {
        .seq = start,
        .len = payload_of(tcb, start, end),
        .flags = WIRE_TCP_ACK,
        .why = why,
    };

    if (segment.len > 0 && seq_ge(seq_add(start, segment.len), tcp_data_end(tcb)))
        segment.flags |= WIRE_TCP_PSH;
    if (tcb->fin_sent && seq_gt(end, tcp_data_end(tcb)))
        segment.flags |= WIRE_TCP_FIN;
    int64_t sent = send_segment(tcb, &segment);
    if (sent < 0)
        return false;
    bool whole = sent == segment.len;
    uint32_t span = whole ? seq_span(start, end) : (uint32_t)sent;
    uint32_t segs = (uint32_t)(sent + tcb->snd.mss - 1) / tcb->snd.mss;

    core->stats.count[WEFT_COUNT_TCP_RETRANS_SEGS] += segs > 0 ? segs : 1;
    tcb->segs_retransmitted += segs > 0 ? segs : 1;
    tcb->bytes_retransmitted += (uint64_t)sent;
    tcp_recovery_sent(tcb, span);
    tcb->last_sent = core->now;
    tcp_sack_resent(tcb, range, span);
    tcp_timer_data_sent(tcb);
    return true;
}

/* How much of a lost range may go: as cwnd allows, in whole segments. */
static uint32_t lost_allowance(const struct tcb *tcb)
{
    uint32_t flight = tcp_in_flight(tcb);
    uint32_t mss = tcb->snd.mss;
    uint32_t space = tcb->cc.cwnd > flight ? tcb->cc.cwnd - flight : 0;

    return space >= mss ? space - space % mss : 0;
}

static bool send_lost(struct tcb *tcb)
{
    struct tcp_range *range;

    while ((range = tcp_sack_next_lost(tcb)) != NULL) {
        uint32_t allowed = lost_allowance(tcb);
        uint32_t len = seq_span(range->start, range->end);

        if (allowed == 0) {
            set_limit(tcb, WEFT_LIMIT_CWND);
            return true;
        }
        if (net_path_room(tcb->tcp->net, &tcb->path) < 1 + len / tcb->snd.mss)
            allowed = tcb->snd.mss;
        if (net_path_room(tcb->tcp->net, &tcb->path) == 0) {
            set_limit(tcb, WEFT_LIMIT_LINK);
            return false;
        }
        if (!resend(tcb, range, len < allowed ? len : allowed, WEFT_SENT_RETRANSMIT)) {
            set_limit(tcb, WEFT_LIMIT_MEMORY);
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

/* The usable window: what the peer's leaves (RFC 9293 3.8.6.2.1: U = SND.UNA + SND.WND - SND.NXT). */
static uint32_t usable_window(const struct tcb *tcb)
{
    int32_t usable = seq_diff(seq_add(tcb->snd.una, tcb->snd.wnd), tcb->snd.nxt);

    return usable > 0 ? (uint32_t)usable : 0;
}

/* What cwnd leaves. SACKed bytes and duplicate ACKs are not in flight, which makes limited transmit
 * (RFC 3042) of itself. */
static uint32_t usable_cwnd(const struct tcb *tcb)
{
    uint32_t flight = tcp_in_flight(tcb);

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
    if (len == all && tcb->fin_queued)
        return true;
    if (len == all && is_held_back(tcb)) {
        set_limit(tcb, WEFT_LIMIT_CORK);
        tcp_timer_corked(tcb);
        return false;
    }
    /* Nagle's rule as Minshall refined it: only while an earlier small segment is unacknowledged, so
     * that the odd end of a large write does not wait for a delayed ACK. */
    if (len == all && (tcb->options.nodelay || seq_le(tcb->snd.small_end, tcb->snd.una)))
        return true;
    if (len == all) {
        set_limit(tcb, WEFT_LIMIT_NAGLE);
        return false;
    }
    /* Not all fits: the window is the reason. Half of the largest window seen is worth sending. */
    if (len >= tcb->snd.max_wnd / 2 && len > 0)
        return true;
    set_limit(tcb, usable_window(tcb) <= usable_cwnd(tcb) ? WEFT_LIMIT_PEER_WINDOW : WEFT_LIMIT_CWND);
    return false;
}

static bool fin_waits(const struct tcb *tcb)
{
    return tcb->fin_queued && !tcb->fin_sent;
}

/* Is it the FIN's turn behind `len` more bytes? Its number must lie in the peer's window, too. */
static bool fin_goes_with(const struct tcb *tcb, uint32_t len)
{
    return fin_waits(tcb) && len == unsent(tcb) && usable_window(tcb) > len;
}

/* How many bytes of new data go now, in one segment or super-segment; 0 with the reason in tcb->limit. */
static uint32_t choose_length(struct tcb *tcb)
{
    uint32_t all = unsent(tcb);
    uint32_t window = usable_window(tcb);
    uint32_t cwnd = usable_cwnd(tcb);
    uint32_t mss = tcb->snd.mss;
    uint32_t len = all < window ? all : window;

    if (all == 0) {
        set_limit(tcb, fin_waits(tcb) && window == 0 ? WEFT_LIMIT_PEER_WINDOW : WEFT_LIMIT_APPLICATION);
        return 0;
    }
    if (len > cwnd) {
        tcb->cc.cwnd_limited = true;
        len = cwnd;
    }
    if (len >= mss) {
        uint32_t whole = len - len % mss;

        if (whole == len || len < all)
            return whole;
        /* The tail goes along when it would go by itself. */
        return tcb->fin_queued || tcb->push_now || (tcb->options.nodelay && !is_held_back(tcb)) ? len : whole;
    }
    if (len == 0) {
        set_limit(tcb, window == 0 ? WEFT_LIMIT_PEER_WINDOW : WEFT_LIMIT_CWND);
        return 0;
    }
    return part_may_go(tcb, len, all) ? len : 0;
}

static bool send_new_segment(struct tcb *tcb, uint32_t len, enum weft_tcp_send_reason why)
{
    struct core *core = tcb->tcp->core;
    tcp_seq start = tcb->snd.nxt;
    bool last = len == unsent(tcb);
    bool fin = fin_goes_with(tcb, len);
    struct segment segment = {
        .seq = start,
        .len = len,
        .flags = (uint16_t)(WIRE_TCP_ACK | (last && len > 0 ? WIRE_TCP_PSH : 0) | (fin ? WIRE_TCP_FIN : 0)),
        .why = len > 0 ? why : WEFT_SENT_FIN,
    };
    int64_t sent = tcp_sack_can_note(tcb) ? send_segment(tcb, &segment) : -1;

    if (sent < 0)
        return false;
    if (seq_eq(tcb->snd.una, start))
        tcb->since_unacked = core->now;
    fin = fin && sent == len;
    tcb->fin_sent |= fin;
    tcb->snd.nxt = seq_add(start, (uint32_t)sent + fin);
    if ((uint32_t)sent % tcb->snd.mss != 0)
        tcb->snd.small_end = tcb->snd.nxt;
    tcp_sack_sent(tcb, start, tcb->snd.nxt);
    uint32_t segs = ((uint32_t)sent + tcb->snd.mss - 1) / tcb->snd.mss;
    core->stats.count[WEFT_COUNT_TCP_OUT_SEGS] += segs > 0 ? segs : 1;
    tcb->bytes_sent += (uint64_t)sent;
    tcb->last_sent = core->now;
    if (last)
        tcb->push_now = tcb->more_follows = false;
    tcp_recovery_sent(tcb, (uint32_t)sent + fin);
    tcp_timer_data_sent(tcb);
    return true;
}

/* Whole segments that the link has room for now, in bytes; 0: none. */
static uint32_t link_allowance(const struct tcb *tcb)
{
    unsigned room = net_path_room(tcb->tcp->net, &tcb->path);

    return room >= GSO_MAX / tcb->snd.mss + 1 ? GSO_MAX : room * tcb->snd.mss;
}

static bool send_new(struct tcb *tcb)
{
    tcb->cc.cwnd_limited = false;
    if (seq_eq(tcb->snd.una, tcb->snd.nxt) && unsent(tcb) > 0)
        tcp_recovery_idle_restart(tcb);
    for (;;) {
        uint32_t len = choose_length(tcb);
        uint32_t room = link_allowance(tcb);

        if (len == 0 && !fin_goes_with(tcb, 0))
            return true;
        if (room == 0) {
            set_limit(tcb, WEFT_LIMIT_LINK);
            return false;
        }
        if (!send_new_segment(tcb, len < room ? len : room, WEFT_SENT_DATA)) {
            set_limit(tcb, WEFT_LIMIT_MEMORY);
            return false;
        }
    }
}

/* --- Probes ------------------------------------------------------------------------------------------ */

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
    return sent;
}

/* A segment that the peer must answer although it carries nothing new: one number before what it
 * expects (RFC 9293 3.8.4). */
static bool send_poke(struct tcb *tcb, tcp_seq seq, enum weft_tcp_send_reason why)
{
    struct segment segment = {.seq = seq, .flags = WIRE_TCP_ACK, .why = why};

    return send_segment(tcb, &segment) >= 0;
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
        sent = send_poke(tcb, seq_sub(tcb->snd.una, 1), WEFT_SENT_WINDOW_PROBE);
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
        if (!send_poke(tcb, seq_sub(tcb->snd.nxt, 1), WEFT_SENT_KEEPALIVE))
            return false;
        tcb->owed &= (uint16_t)~TCP_OWED_KEEPALIVE;
        core_count(tcb->tcp->core, WEFT_COUNT_TCP_KEEPALIVES);
    }
    return true;
}

/* --- ACKs of their own ----------------------------------------------------------------------------------- */

static enum weft_tcp_send_reason ack_reason(const struct tcb *tcb)
{
    if (tcb->owed & TCP_OWED_CHALLENGE)
        return WEFT_SENT_ACK_CHALLENGE;
    if (tcb->owed & TCP_OWED_ACK_DUP)
        return WEFT_SENT_ACK_DUPLICATE;
    if (tcb->owed & TCP_OWED_ACK)
        return WEFT_SENT_ACK_NOW;
    if (tcb->owed & TCP_OWED_ACK_SECOND)
        return WEFT_SENT_ACK_SECOND;
    if (tcb->owed & TCP_OWED_ACK_DELAYED)
        return WEFT_SENT_ACK_DELAYED;
    return WEFT_SENT_WINDOW_UPDATE;
}

/*
 * The number of an ACK of its own. A peer that has taken its window back from
 * under what was sent (RFC 9293 3.8.6, MUST-34) drops what is numbered beyond
 * it: then the last number inside is one that it accepts.
 */
static tcp_seq number_of_ack(const struct tcb *tcb)
{
    tcp_seq edge = seq_add(tcb->snd.una, tcb->snd.wnd);

    if (tcb->state < WEFT_TCP_ESTABLISHED || seq_le(tcb->snd.nxt, edge))
        return tcb->snd.nxt;
    return tcb->snd.wnd > 0 ? seq_sub(edge, 1) : edge;
}

/*
 * RFC 5681 3.2 wants a duplicate ACK for each segment out of order: a peer
 * without SACK counts them. One that has SACK learns the same from one.
 */
static bool send_acks(struct tcb *tcb)
{
    unsigned n = tcb->owed_dups > 1 && !tcb->has_sack ? tcb->owed_dups : 1;

    if (!(tcb->owed & TCP_OWED_ANY_ACK))
        return true;
    struct segment segment = {.seq = number_of_ack(tcb), .flags = WIRE_TCP_ACK, .why = ack_reason(tcb)};
    while (n-- > 0) {
        if (net_path_room(tcb->tcp->net, &tcb->path) == 0) {
            set_limit(tcb, WEFT_LIMIT_LINK);
            return false;
        }
        if (send_segment(tcb, &segment) < 0) {
            set_limit(tcb, WEFT_LIMIT_MEMORY);
            return false;
        }
        core_count(tcb->tcp->core, WEFT_COUNT_TCP_OUT_SEGS);
    }
    return true;
}

/* --- All together -------------------------------------------------------------------------------------------- */

/* Is there a way to the peer? Notes what the path has changed. */
static bool has_path(struct tcb *tcb)
{
    uint32_t mtu = tcb->path.mtu;

    if (net_path_find(tcb->tcp->net, &tcb->node.tuple.local, &tcb->node.tuple.remote, &tcb->path) < 0) {
        set_limit(tcb, WEFT_LIMIT_ROUTE);
        return false;
    }
    if (tcb->path.mtu != mtu)
        tcp_output_update_mss(tcb);
    return true;
}

static bool may_send_data(const struct tcb *tcb)
{
    return tcb->state >= WEFT_TCP_ESTABLISHED && tcb->state != WEFT_TCP_FIN_WAIT_2 &&
           tcb->state != WEFT_TCP_TIME_WAIT;
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
    if ((tcb->owed & TCP_OWED_SYN) && !send_syn(tcb)) {
        set_limit(tcb, WEFT_LIMIT_MEMORY);
        return false;
    }
    if (tcb->state < WEFT_TCP_SYN_RECEIVED)
        return true;
    done = true;
    if (may_send_data(tcb))
        done = send_lost(tcb) && send_new(tcb);
    if (done && !send_probes(tcb)) {
        set_limit(tcb, WEFT_LIMIT_MEMORY);
        done = false;
    }
    done = send_acks(tcb) && done;
    if (done)
        tcp_timer_window(tcb);
    tcp_trace_snd(tcb);
    return done;
}

/* A peer that offers less than this would make us send little but headers, and SACK blocks would leave
 * no room for data; ours, as Linux has it. */
#define PEER_MSS_MIN 48u

/* What the smallest MTU of a link leaves (RFC 791 3.1: 68 bytes); none says less. */
#define LINK_MSS_MIN 28u

/* What a window must hold at least, whatever was learned with other segment sizes. */
static void fit_window_to_mss(struct tcb *tcb)
{
    if (tcb->cc.cwnd < tcb->snd.mss)
        tcb->cc.cwnd = tcb->snd.mss;
    if (tcb->cc.ssthresh < 2u * tcb->snd.mss)
        tcb->cc.ssthresh = 2u * tcb->snd.mss;
}

/* RFC 6691 and RFC 9293 3.7.1: Eff.snd.MSS, with the options of every data segment taken off. */
void tcp_output_update_mss(struct tcb *tcb)
{
    uint32_t headers = headers_len(tcb);
    uint32_t mss = tcb->path.mtu > headers ? tcb->path.mtu - headers : 0;
    uint32_t peer_mss = tcb->snd.peer_mss;

    if (peer_mss < PEER_MSS_MIN)
        peer_mss = PEER_MSS_MIN;
    if (mss > peer_mss)
        mss = peer_mss;
    if (mss > GSO_MAX)
        mss = GSO_MAX;
    if (tcb->options.maxseg > 0 && mss > tcb->options.maxseg)
        mss = tcb->options.maxseg;
    if (mss < LINK_MSS_MIN)
        mss = LINK_MSS_MIN;
    mss -= tcb->has_timestamps ? TIMESTAMPS_LEN : 0;
    tcb->snd.mss = (uint16_t)mss;
    fit_window_to_mss(tcb);
}

void tcp_output_reset(struct tcb *tcb)
{
    struct tcp_reply reply = {
        .tuple = &tcb->node.tuple,
        .conn = tcb->conn,
        .seq = tcb->snd.nxt,
        .ack = tcb->rcv.nxt,
        .flags = tcb->state >= WEFT_TCP_SYN_RECEIVED ? WIRE_TCP_RST | WIRE_TCP_ACK : WIRE_TCP_RST,
        .ttl = tcb->options.ttl,
        .tos = tcb->options.tos,
        .why = WEFT_SENT_RST,
    };

    if (tcb->has_timestamps) {
        reply.opts.has_timestamps = true;
        reply.opts.tsval = tcp_ts_clock(tcb->tcp) + tcb->ts_offset;
        reply.opts.tsecr = tcb->ts_recent;
    }
    tcp_reply_send(tcb->tcp, &reply);
}
