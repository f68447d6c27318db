/* SPDX-License-Identifier: MIT */
/*
 * How one segment of a connection is made.
 *
 * Owns    the header with its options, the right edge of the window that we
 *         offer, and snd.mss, which says how much data fits.
 * Never   decides what goes next, or whether anything does: output.c and
 *         control.c do.
 */
#include "base/checksum.h"
#include "tcp/tcb.h"
#include "wire/ip4.h"

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
    uint32_t buffer = tcb->tune.receive;
    uint32_t step = buffer / 2 < rcv->mss ? buffer / 2 : rcv->mss;
    uint32_t field;

    if (room >= offered + step)
        field = room >> shift;
    else if (offered + rcv->buffered < buffer + buffer / 4)
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

/* What AO needs from the moment when a segment's options are chosen to when all of it is there. */
struct signing {
    struct tcp_ao_signer signer;
    uint8_t content[TCP_AO_CONTENT];
};

static void fill_syn_options(const struct tcb *tcb, bool is_answer, struct wire_tcp_opts *opts)
{
    const struct weft_tcp_config *config = &tcb->tcp->config;

    opts->has_mss = true;
    opts->mss = tcb->rcv.mss;
    opts->has_sack_permitted = is_answer ? tcb->has_sack : !config->no_sack;
    opts->has_wscale = is_answer ? tcb->has_wscale : !config->no_window_scale;
    opts->wscale = tcb->rcv.wscale;
    opts->wscale_first = config->wscale_first;
    if (!is_answer && seq_eq(tcb->snd.nxt, tcb->snd.iss))
        tcp_tfo_fill_option(tcb, opts);
    if (is_answer && tcb->tfo.gives_cookie && tcb->tfo.listener && seq_eq(tcb->snd.nxt, tcb->snd.iss)) {
        opts->fast_open_is_experimental = tcb->tfo.is_experimental;
        tcp_tfo_give_cookie(tcb->tfo.listener, &tcb->node.tuple, opts);
    }
    opts->has_timestamps = is_answer ? tcb->has_timestamps : !config->no_timestamps;
}

static void fill_options(struct tcb *tcb, const struct tcp_outgoing *segment, struct signing *signing,
                         struct wire_tcp_opts *opts)
{
    bool is_syn = (segment->flags & (WIRE_TCP_SYN | WIRE_TCP_ACK)) == WIRE_TCP_SYN;

    if (segment->flags & WIRE_TCP_SYN)
        fill_syn_options(tcb, segment->flags & WIRE_TCP_ACK, opts);
    else
        opts->has_timestamps = tcb->has_timestamps;
    if (tcb->is_signed) {
        opts->has_md5 = true;
        opts->md5 = tcp_md5_placeholder;
    }
    if (tcb->ao) {
        tcp_ao_signer_of(tcb, is_syn, &signing->signer);
        tcp_ao_fill(&signing->signer, opts, signing->content);
    }
    if (tcb->uto.is_owed || (segment->flags & WIRE_TCP_SYN))
        tcp_uto_fill(&tcb->options, opts);
    if (opts->has_timestamps) {
        opts->tsval = tcp_ts_clock(tcb->tcp) + tcb->ts_offset;
        opts->tsecr = segment->flags & WIRE_TCP_ACK ? tcb->ts_recent : 0;
    }
    if (tcb->has_sack && !(segment->flags & (WIRE_TCP_SYN | WIRE_TCP_RST)))
        tcp_text_sacks(tcb, opts);
    /* On a path with a very small MTU not even all blocks fit. */
    while (opts->nsacks > 0 && tcp_headers_len(tcb) + wire_tcp_opts_len(opts) > tcb->path.mtu)
        opts->nsacks--;
}

/* RFC 9293 3.8.5: while urgent data lies before a segment's end or behind it, the segment says so. */
static bool is_urgent(const struct tcb *tcb, const struct tcp_outgoing *segment)
{
    return tcb->snd.has_urgent && seq_lt(segment->seq, tcb->snd.up) && !(segment->flags & WIRE_TCP_SYN);
}

/* The pointer's field; when the end is too far away, as far as it goes: the next segments say more. */
static uint16_t urgent_pointer(const struct tcb *tcb, const struct tcp_outgoing *segment)
{
    uint32_t ahead = seq_span(segment->seq, tcb->snd.up);

    return (uint16_t)(ahead < UINT16_MAX ? ahead : UINT16_MAX);
}

/* Writes the header in front of the payload, the checksum left to the link. */
static void push_header(struct tcb *tcb, struct weft_pkt *pkt, const struct tcp_outgoing *segment,
                        const struct wire_tcp_opts *opts, const struct signing *signing)
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
    if (is_urgent(tcb, segment)) {
        header.flags |= WIRE_TCP_URG;
        header.urgent = urgent_pointer(tcb, segment);
    }
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
    if (opts->has_md5)
        tcp_md5_sign(tcb->tcp, tuple, pkt, header.header_len);
    if (opts->has_ao)
        tcp_ao_sign(tcb->tcp, &signing->signer, tuple, pkt, header.header_len);
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
    tcb->account.last_ack_sent = tcb->tcp->core->now;
    tcb->rcv.acked = tcb->rcv.nxt;
    tcb->rcv.dsack_start = tcb->rcv.dsack_end;
    tcp_timer_ack_sent(tcb);
}

/* Payload bytes of a full segment when it carries these options. SACK blocks give way before they take
 * more than half of what there is. */
static uint32_t full_size(const struct tcb *tcb, struct wire_tcp_opts *opts)
{
    size_t usual = tcp_usual_options(tcb);

    while (opts->nsacks > 0 && wire_tcp_opts_len(opts) - usual > tcb->snd.mss / 2)
        opts->nsacks--;
    return (uint32_t)(tcb->snd.mss - (wire_tcp_opts_len(opts) - usual));
}

/* Of segments of `full` bytes, at least one. Options may have made them smaller than what the caller has counted with: no
 * more of them than the link has room for. */
static uint32_t largest_super(const struct tcb *tcb, uint32_t full)
{
    unsigned room = net_path_room(tcb->tcp->net, &tcb->path);
    unsigned most = TCP_GSO_MAX / full;

    return (room == 0 ? 1 : room < most ? room : most) * full;
}

/* A link can make many segments of it. The urgent pointer counts from each segment's own number, one segment alone says
 * CWR (RFC 3168 6.1.2), and a signature is for one. */
static bool may_be_super(const struct tcb *tcb, const struct tcp_outgoing *segment,
                         const struct wire_tcp_opts *opts)
{
    return !opts->has_md5 && !opts->has_ao && !is_urgent(tcb, segment) &&
           !(segment->is_new && tcp_ecn_owes_cwr(tcb));
}

/* How much of what was wanted goes in one packet, when a segment holds `full` bytes. */
static uint32_t choose_payload(const struct tcb *tcb, const struct tcp_outgoing *segment,
                               const struct wire_tcp_opts *opts, uint32_t full)
{
    bool is_super = segment->len > full && may_be_super(tcb, segment, opts);
    uint32_t most = is_super ? largest_super(tcb, full) : full;
    uint32_t len = segment->len < most ? segment->len : most;

    /* The caller counted with whole segments of snd.mss. What is left of them may be small, and is for the
     * caller to judge anew (RFC 9293 3.8.6.2.1). */
    if (segment->is_new && full < tcb->snd.mss && len > full)
        len -= len % full;
    return len;
}

/* Puts data into the packet, and tells in `segment` how much and with which flags. */
static void attach_payload(struct tcb *tcb, struct tcp_outgoing *segment, struct wire_tcp_opts *opts,
                           struct weft_pkt *pkt)
{
    uint32_t full = segment->is_mtu_probe ? segment->len : full_size(tcb, opts);
    uint32_t len = tcp_sendbuf_view(&tcb->buf, segment->seq, choose_payload(tcb, segment, opts, full), pkt);

    if (len < segment->len)
        segment->flags &= (uint16_t) ~(WIRE_TCP_FIN | WIRE_TCP_PSH);
    if (tcp_sendbuf_is_record_end(&tcb->buf, seq_add(segment->seq, len)))
        segment->flags |= WIRE_TCP_PSH;
    if (len > full) {
        pkt->gso_size = (uint16_t)full;
        pkt->gso_segs = (uint16_t)((len + full - 1) / full);
        if (tcb->tcp->config.push_bursts && segment->why != WEFT_SENT_RETRANSMIT)
            segment->flags |= WIRE_TCP_PSH;
    }
    segment->len = len;
}

static void note_sent(struct tcb *tcb, const struct tcp_outgoing *segment, const struct weft_pkt *pkt)
{
    uint32_t segs = pkt->gso_segs > 1 ? pkt->gso_segs : 1;

    tcb->uto.is_owed &= (segment->flags & WIRE_TCP_SYN) || segment->is_mtu_probe;
    tcb->segs_out += segs;
    tcb->account.data_segs_out += segment->len > 0 ? segs : 0;
    if (segment->flags & WIRE_TCP_ACK)
        ack_has_gone(tcb);
}

int64_t tcp_segment_send(struct tcb *tcb, const struct tcp_outgoing *wanted)
{
    struct tcp *tcp = tcb->tcp;
    struct tcp_outgoing segment = *wanted;
    struct wire_tcp_opts opts = {0};
    struct signing signing;
    struct weft_pkt *pkt = weft_pkt_new(tcp->core->pool);

    if (!pkt)
        return -1;
    fill_options(tcb, &segment, &signing, &opts);
    if (segment.is_mtu_probe) { /* as large as the path's packets can be, counted without these */
        opts.nsacks = 0;
        opts.has_user_timeout = false;
    }
    if (segment.len > 0 && (segment.flags & WIRE_TCP_SYN))
        segment.len = tcp_sendbuf_view(&tcb->buf, seq_add(segment.seq, 1), segment.len, pkt);
    else if (segment.len > 0)
        attach_payload(tcb, &segment, &opts, pkt);
    if ((segment.flags & (WIRE_TCP_ACK | WIRE_TCP_SYN)) == WIRE_TCP_ACK)
        segment.flags |= tcp_ecn_flags(tcb, segment.is_new && segment.len > 0);
    push_header(tcb, pkt, &segment, &opts, &signing);
    bool is_ect = segment.is_new && segment.len > 0 && tcp_ecn_marks(tcb);
    struct net_tx tx = {
        .src = tcb->node.tuple.local,
        .dst = tcb->node.tuple.remote,
        .proto = WIRE_PROTO_TCP,
        .tos = (uint8_t)(tcb->options.tos | (is_ect ? WIRE_IP_ECT0 : 0)),
        .ttl = tcb->options.ttl,
        .dont_fragment = !tcp_pmtud_may_be_cut(tcb),
    };
    note_sent(tcb, &segment, pkt);
    net_send(tcp->net, &tcb->path, &tx, pkt);
    return segment.len;
}

/* --- Its size -------------------------------------------------------------------------------- */

/* A peer that offers less than this would make us send little but headers, and SACK blocks would leave
 * no room for data; ours, as Linux has it. */
#define PEER_MSS_MIN 48u

/* What the smallest MTU of a link leaves (RFC 791 3.1: 68 bytes); none says less. */
#define LINK_MSS_MIN 28u

/* What a segment holds at least, even where options would take all; ours. */
#define DATA_MIN 8u

/* What a window must hold at least, whatever was learned with other segment sizes. The loss window is one segment
 * (RFC 5681 3.1), also when a timeout was that of a segment too big for the path (RFC 1191 6.5). */
static void fit_window_to_mss(struct tcb *tcb, uint32_t before)
{
    bool is_loss_window = tcb->cc.state == TCP_CA_LOSS && tcb->cc.cwnd <= before;

    if (tcb->cc.cwnd < tcb->snd.mss || is_loss_window)
        tcb->cc.cwnd = tcb->snd.mss;
    if (tcb->cc.ssthresh < 2u * tcb->snd.mss)
        tcb->cc.ssthresh = 2u * tcb->snd.mss;
}

/* RFC 6691 and RFC 9293 3.7.1: Eff.snd.MSS, with the options of every data segment taken off. */
void tcp_segment_update_mss(struct tcb *tcb)
{
    uint32_t headers = tcp_headers_len(tcb);
    uint32_t size = tcp_pmtud_size(tcb);
    uint32_t mss = size > headers ? size - headers : 0;
    uint32_t peer_mss = tcb->snd.peer_mss;
    uint16_t before = tcb->snd.mss;

    if (peer_mss < PEER_MSS_MIN)
        peer_mss = PEER_MSS_MIN;
    if (mss > peer_mss)
        mss = peer_mss;
    if (mss > TCP_GSO_MAX)
        mss = TCP_GSO_MAX;
    if (tcb->options.maxseg > 0 && mss > tcb->options.maxseg)
        mss = tcb->options.maxseg;
    if (mss < LINK_MSS_MIN)
        mss = LINK_MSS_MIN;
    tcb->is_signed = tcp_md5_is_due(tcb);
    mss = mss > tcp_usual_options(tcb) + DATA_MIN ? mss - tcp_usual_options(tcb) : DATA_MIN;
    tcb->snd.mss = (uint16_t)mss;
    fit_window_to_mss(tcb, before);
}
