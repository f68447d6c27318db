/* SPDX-License-Identifier: MIT */
/*
 * The SYN cache: listeners and the half-open connections that SYNs to them
 * begin (RFC 9293 3.10.7.2, and 3.10.7.4 in SYN-RECEIVED after a passive open;
 * RFC 4987 3.3).
 *
 * Owns    the records of half-open connections, their SYN-ACKs and the timer
 *         that repeats them. A control block is made when the handshake is
 *         complete and not before, so a SYN costs little.
 * Never   keeps a SYN beyond the listener's backlog, nor more of all than the
 *         cache holds. What comes then is answered with a SYN cookie
 *         (syncookie.c), so that a flood of SYNs keeps nobody out.
 *
 * State of a record is SYN-RECEIVED; a good ACK makes it an ESTABLISHED block,
 * a good RST or too many repetitions end it.
 */
#include "tcp/tcb.h"

struct syn {
    struct tcp_node node;
    struct tcp_listener *listener;
    struct weft_timer_node timer;
    uint32_t conn;
    weft_time timeout; /* until the next repetition */
    weft_time sent;
    struct tcp_quota answers;
    tcp_seq iss, irs;
    uint32_t ts_offset;
    uint16_t rcv_mss;
    uint16_t peer_window;
    uint16_t window; /* that the SYN-ACK offers, not scaled (RFC 7323 2.2) */
    uint8_t rcv_wscale;
    uint8_t repeated;          /* by the timer */
    bool has_ecn;              /* agreed on (RFC 3168 6.1.1) */
    bool gives_cookie;         /* the first SYN-ACK gives one for fast open */
    bool sent_again;           /* for whatever reason: which copy is acknowledged cannot be known */
    struct wire_tcp_opts opts; /* what the SYN offered */
    struct tcp_ao_proof proof; /* of the last segment from the peer: its keys are those that we answer with */
};

size_t tcp_syncache_size(void)
{
    return sizeof(struct syn);
}

static struct syn *of_node(struct tcp_node *node)
{
    return list_entry(node, struct syn, node);
}

static void trace_syn(struct tcp *tcp, const struct syn *syn, enum weft_trace_event event, uint64_t a0,
                      uint64_t a1, uint64_t a2)
{
    trace(&tcp->core->trace, tcp->core->now, event, 0, syn->conn, a0, a1, a2, 0, 0, 0);
}

static void free_syn(struct tcp *tcp, struct syn *syn)
{
    if (wheel_is_set(&syn->timer)) {
        wheel_cancel(&tcp->core->wheel, &syn->timer);
        trace_syn(tcp, syn, WEFT_TRACE_TCP_TIMER_CANCEL, WEFT_TIMER_RTO, 0, 0);
    }
    tcp_demux_remove(tcp, &syn->node);
    syn->listener->half_open--;
    slab_free(&tcp->syns, syn);
}

static void fail(struct tcp *tcp, struct syn *syn, enum weft_tcp_cause cause)
{
    core_count(tcp->core, WEFT_COUNT_TCP_OPEN_FAILS);
    trace_syn(tcp, syn, WEFT_TRACE_TCP_STATE, WEFT_TCP_SYN_RECEIVED, WEFT_TCP_LISTEN, cause);
    free_syn(tcp, syn);
}

struct tcp_ao *tcp_syncache_ao(const struct tcp_node *node, tcp_seq *iss, tcp_seq *irs)
{
    const struct syn *syn = list_entry(node, struct syn, node);

    if (iss)
        *iss = syn->iss;
    if (irs)
        *irs = syn->irs;
    return syn->listener->options.ao;
}

/* An answer to a peer with AO has it, too. Nothing is sent when the keys have been taken away. */
static void reply_send(struct tcp *tcp, const struct syn *syn, struct tcp_reply *reply)
{
    struct tcp_ao_proof proof = syn->proof;
    struct tcp_ao_signer signer;

    proof.iss = syn->iss;
    proof.irs = syn->irs;
    if (proof.ao && !tcp_ao_signer_for(tcp, &proof, &syn->node.tuple, &signer))
        return;
    reply->ao = proof.ao ? &signer : NULL;
    tcp_reply_send(tcp, reply);
}

static void send_syn_ack(struct tcp *tcp, struct syn *syn)
{
    const struct tcp_options *options = &syn->listener->options;
    struct tcp_reply reply = {
        .tuple = &syn->node.tuple,
        .conn = syn->conn,
        .seq = syn->iss,
        .ack = seq_add(syn->irs, 1),
        .flags = (uint16_t)(WIRE_TCP_SYN | WIRE_TCP_ACK | (syn->has_ecn ? WIRE_TCP_ECE : 0)),
        .window = syn->window,
        .tos = options->tos,
        .ttl = options->ttl,
        .why = WEFT_SENT_SYN_ACK,
        .opts =
            {
                .has_mss = true,
                .mss = syn->rcv_mss,
                .has_sack_permitted = syn->opts.has_sack_permitted,
                .has_timestamps = syn->opts.has_timestamps,
                .tsval = tcp_ts_clock(tcp) + syn->ts_offset,
                .tsecr = syn->opts.tsval,
                .has_wscale = syn->opts.has_wscale,
                .wscale = syn->rcv_wscale,
                .wscale_first = tcp->config.wscale_first,
            },
    };

    tcp_uto_fill(options, &reply.opts);
    /* RFC 7413 4.2.1: not when it is repeated. */
    if (syn->gives_cookie && syn->repeated == 0) {
        reply.opts.fast_open_is_experimental = syn->opts.fast_open_is_experimental;
        tcp_tfo_give_cookie(syn->listener, &syn->node.tuple, &reply.opts);
    }
    reply_send(tcp, syn, &reply);
}

static void start_timer(struct tcp *tcp, struct syn *syn)
{
    wheel_set(&tcp->core->wheel, &syn->timer, tcp->core->now + syn->timeout);
    trace_syn(tcp, syn, WEFT_TRACE_TCP_TIMER_SET, WEFT_TIMER_RTO, syn->timeout, 0);
}

/* In answer to the SYN again. The timer goes on as it is: a peer that repeats its SYN must not keep the record
 * alive. Half-open connections can be made by anybody in anybody's name, so each has a limit of its own, and
 * none takes anything from what all connections that stand have together. */
static void answer_again(struct tcp *tcp, struct syn *syn)
{
    if (!tcp_quota_take(tcp, &syn->answers))
        return;
    syn->sent_again = true;
    send_syn_ack(tcp, syn);
}

/* What the SYN-ACK has offered as other segments say it: rounded up, for the edge does not move left (RFC 7323 2.4). */
static uint16_t scaled_window(const struct syn *syn)
{
    unsigned shift = syn->opts.has_wscale ? syn->rcv_wscale : 0;

    return (uint16_t)((syn->window + (1u << shift) - 1) >> shift);
}

/* <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK> for what does not fit, within the same limit. */
static void challenge(struct tcp *tcp, struct syn *syn)
{
    const struct tcp_options *options = &syn->listener->options;
    struct tcp_reply reply = {
        .tuple = &syn->node.tuple,
        .conn = syn->conn,
        .seq = seq_add(syn->iss, 1),
        .ack = seq_add(syn->irs, 1),
        .flags = WIRE_TCP_ACK,
        .window = scaled_window(syn),
        .tos = options->tos,
        .ttl = options->ttl,
        .why = WEFT_SENT_ACK_CHALLENGE,
        .opts =
            {
                .has_timestamps = syn->opts.has_timestamps,
                .tsval = tcp_ts_clock(tcp) + syn->ts_offset,
                .tsecr = syn->opts.tsval,
            },
    };

    if (!tcp_quota_take(tcp, &syn->answers))
        return;
    core_count(tcp->core, WEFT_COUNT_TCP_CHALLENGE_ACKS);
    reply_send(tcp, syn, &reply);
}

void tcp_syncache_timer(struct tcp *tcp, struct weft_timer_node *node)
{
    struct syn *syn = list_entry(node, struct syn, timer);

    trace_syn(tcp, syn, WEFT_TRACE_TCP_TIMER_FIRED, WEFT_TIMER_RTO, 0, 0);
    if (syn->repeated >= tcp->config.syn_ack_retries) {
        fail(tcp, syn, WEFT_CAUSE_R2);
        return;
    }
    syn->repeated++;
    syn->sent_again = true;
    syn->timeout = 2 * syn->timeout < tcp->config.rto_max ? 2 * syn->timeout : tcp->config.rto_max;
    core_count(tcp->core, WEFT_COUNT_TCP_RETRANS_SEGS);
    send_syn_ack(tcp, syn);
    start_timer(tcp, syn);
}

/* --- What a SYN leaves -------------------------------------------------------------------------- */

static void forget_options_we_refuse(const struct tcp *tcp, struct wire_tcp_opts *opts)
{
    opts->has_sack_permitted &= !tcp->config.no_sack;
    opts->has_wscale &= !tcp->config.no_window_scale;
    opts->has_timestamps &= !tcp->config.no_timestamps;
}

/* What a SYN tells, and what is chosen for its connection. */
static void fill_record(struct tcp_listener *listener, const struct tcp_seg *seg,
                        const struct tcp_tuple *tuple, const struct net_path *path, struct syn *syn)
{
    struct tcp *tcp = listener->tcp;
    uint32_t window = tcp_tune_first_receive(tcp, &listener->options);

    syn->node.kind = TCP_NODE_SYN;
    syn->node.tuple = *tuple;
    syn->listener = listener;
    syn->timer.kind = CORE_TIMER_TCP_SYN;
    syn->timeout = tcp->config.rto_initial;
    syn->irs = seg->seq;
    syn->ts_offset = tcp_demux_ts_offset(tcp, tuple);
    syn->rcv_mss = tcp_mss_to_offer(path, tuple, &listener->options);
    syn->rcv_wscale = tcp_wscale_to_offer(tcp, listener->options.receive_buffer);
    syn->peer_window = seg->window;
    syn->window = (uint16_t)(window < UINT16_MAX ? window : UINT16_MAX);
    syn->sent = tcp->core->now;
    syn->opts = seg->opts;
    syn->proof = seg->proof;
    forget_options_we_refuse(tcp, &syn->opts);
}

static tcp_seq choose_iss(const struct tcp *tcp, const struct tcp_tuple *tuple, const struct tcp_seg *seg)
{
    return tcp_isn_above(tcp_demux_isn(tcp, tuple), seg->has_isn_floor, seg->isn_floor);
}

static void trace_open(struct tcp *tcp, struct syn *syn, const struct tcp_seg *seg)
{
    const struct tcp_tuple *tuple = &syn->node.tuple;

    syn->conn = ++tcp->next_conn;
    trace(&tcp->core->trace, tcp->core->now, WEFT_TRACE_TCP_OPEN, seg->rx->iface, syn->conn,
          trace_addr_high(&tuple->local), trace_addr_low(&tuple->local), trace_addr_high(&tuple->remote),
          trace_addr_low(&tuple->remote), (uint64_t)tuple->local_port << 16 | tuple->remote_port, 1);
    tcp_seg_trace(tcp, syn->conn, seg);
}

static void keep(struct tcp_listener *listener, const struct tcp_seg *seg, const struct tcp_tuple *tuple,
                 const struct net_path *path, bool gives_cookie)
{
    struct tcp *tcp = listener->tcp;
    struct syn *syn = slab_new(&tcp->syns);

    fill_record(listener, seg, tuple, path, syn);
    syn->iss = choose_iss(tcp, tuple, seg);
    syn->gives_cookie = gives_cookie;
    syn->has_ecn = tcp_ecn_is_asked(&listener->options, seg->flags);
    listener->half_open++;
    tcp_demux_insert(tcp, &syn->node);
    trace_open(tcp, syn, seg);
    trace_syn(tcp, syn, WEFT_TRACE_TCP_STATE, WEFT_TCP_LISTEN, WEFT_TCP_SYN_RECEIVED, WEFT_CAUSE_SYN);
    send_syn_ack(tcp, syn);
    start_timer(tcp, syn);
}

/*
 * Answers without keeping anything. DEVIATES: RFC 9293 MUST-8 and RFC 6528
 * make the initial number from a clock; a cookie cannot follow one.
 */
static void answer_with_cookie(struct tcp_listener *listener, const struct tcp_seg *seg,
                               const struct tcp_tuple *tuple, const struct net_path *path)
{
    struct tcp *tcp = listener->tcp;
    struct syn syn = {0};
    uint32_t tsval;

    fill_record(listener, seg, tuple, path, &syn);
    tsval = tcp_ts_clock(tcp) + syn.ts_offset;
    syn.has_ecn = tcp_ecn_is_asked(&listener->options, seg->flags);
    syn.iss = tcp_cookie_give(tcp, tuple, seg->seq, &syn.opts, &syn.has_ecn, &tsval);
    syn.ts_offset = tsval - tcp_ts_clock(tcp);
    send_syn_ack(tcp, &syn);
}

static bool has_room(const struct tcp_listener *listener)
{
    const struct tcp *tcp = listener->tcp;

    if (listener->half_open + listener->waiting >= listener->backlog)
        return false;
    if (tcp->syns.used < tcp->syns.capacity)
        return true;
    core_count(tcp->core, WEFT_COUNT_TCP_SYN_CACHE_FULL);
    return false;
}

/* A cookie cannot begin above the numbers of a connection that was in TIME-WAIT: such a SYN waits for room. */
static bool may_use_cookie(const struct tcp_listener *listener, const struct tcp_seg *seg)
{
    return listener->tcp->config.syn_cookies != WEFT_SYN_COOKIES_NEVER && !seg->has_isn_floor &&
           listener->waiting < listener->backlog;
}

/* --- From a record to a block ------------------------------------------------------------------------ */

/* Hands the record's knowledge over to a block. */
static void fill_block(struct tcb *tcb, const struct syn *syn, const struct tcp_seg *seg)
{
    tcb->is_passive = true;
    tcb->delivered_segs = 1; /* the SYN-ACK */
    tcb->ts_offset = syn->ts_offset;
    tcb->snd.iss = syn->iss;
    tcp_ao_set_iss(tcb);
    tcb->snd.una = tcb->snd.nxt = tcb->snd.small_end = seq_add(syn->iss, 1);
    tcb->buf.start = tcb->snd.nxt;
    tcp_rack_init(tcb);
    tcb->rcv.irs = syn->irs;
    tcp_ao_set_irs(tcb);
    tcb->rcv.nxt = tcb->rcv.acked = seq_add(syn->irs, 1);
    tcb->rcv.adv = seq_add(tcb->rcv.nxt, syn->window);
    tcb->rcv.dsack_start = tcb->rcv.dsack_end = tcb->rcv.nxt;
    tcb->rcv.mss = syn->rcv_mss;
    tcb->rcv.wscale = syn->rcv_wscale;
    tcb->snd.wl1 = seg->seq;
    tcb->snd.wl2 = seg->ack;
    tcb->snd.wnd = tcb->snd.max_wnd = syn->peer_window;
    net_path_find(tcb->tcp->net, &tcb->node.tuple.local, &tcb->node.tuple.remote, &tcb->path);
    tcp_negotiate(tcb, &syn->opts);
    tcb->ecn.agreed = syn->has_ecn;
    tcp_uto_received(tcb, &syn->opts);
}

/* The block of a connection that begins, with the keys that the peer's segment has proved; NULL when there is no
 * memory. */
static struct tcb *new_block(struct tcp *tcp, const struct syn *syn, const struct tcp_seg *seg)
{
    struct tcp_listener *listener = syn->listener;
    struct tcp_ao *ao = NULL;
    struct tcb *tcb = NULL;

    if (tcp_ao_begin(tcp, seg->proof.ao, &syn->node.tuple, &seg->proof, &ao) == 0)
        tcb = tcp_state_new(tcp, &syn->node.tuple, &listener->options, syn->conn, WEFT_TCP_SYN_RECEIVED);
    if (tcb)
        tcb->ao = ao;
    else
        tcp_ao_free(tcp, ao);
    return tcb;
}

static void wait_to_be_accepted(struct tcb *tcb, struct tcp_listener *listener)
{
    struct core *core = tcb->tcp->core;

    tcb->listener = listener;
    listener->waiting++;
    list_push_back(&listener->accept, &tcb->accept_link);
    core_count(core, WEFT_COUNT_TCP_PASSIVE_OPENS);
    ready_signal(&core->ready, listener->owner, WEFT_READABLE);
}

/*
 * The handshake is complete: a block is made of what the record knows, and
 * waits to be accepted. Nobody else has its place in the table. Returns NULL
 * when the queue is full or there is no memory.
 */
static struct tcb *establish(struct tcp *tcp, const struct syn *syn, const struct tcp_seg *seg)
{
    struct tcp_listener *listener = syn->listener;
    struct tcb *tcb = NULL;

    if (listener->waiting < listener->backlog)
        tcb = new_block(tcp, syn, seg);
    if (!tcb) {
        tcp->core->stats.drop[WEFT_DROP_TCP_ACCEPT_QUEUE]++;
        return NULL;
    }
    fill_block(tcb, syn, seg);
    tcb->syn_repeated = syn->repeated > 0;
    if (!syn->sent_again)
        tcp_rtt_sample(tcb, tcp->core->now - syn->sent);
    else if (syn->repeated > 0)
        tcb->rtt.rto = 3 * (uint32_t)WEFT_SEC; /* RFC 6298 5.7 */
    tcp_state_set(tcb, WEFT_TCP_ESTABLISHED, WEFT_CAUSE_ACK_OF_SYN);
    tcp_established(tcb);
    wait_to_be_accepted(tcb, listener);
    return tcb;
}

/*
 * An ACK for a listener may complete a handshake of which a cookie is all that
 * was kept. Takes seg->pkt and returns true if it does; when there is no room
 * for the connection the segment is dropped, and the peer's next tries again.
 * A record of the same SYN, which came again when there was room for one, is
 * then void: the peer has believed the first answer. NULL: there is none.
 */
static bool take_cookie(struct tcp_listener *listener, struct tcp_seg *seg, const struct tcp_tuple *tuple,
                        struct syn *record)
{
    struct tcp *tcp = listener->tcp;
    struct syn syn = {0};
    struct net_path path = {0};
    struct wire_tcp_opts opts;
    struct tcb *tcb = NULL;
    bool ecn;

    if (!tcp_cookie_take(tcp, tuple, seg, &opts, &ecn))
        return false;
    if (record) {
        trace_syn(tcp, record, WEFT_TRACE_TCP_STATE, WEFT_TCP_SYN_RECEIVED, WEFT_TCP_LISTEN,
                  WEFT_CAUSE_SYN_COOKIE);
        free_syn(tcp, record);
    }
    if (net_path_find(tcp->net, &tuple->local, &tuple->remote, &path) == 0) {
        fill_record(listener, seg, tuple, &path, &syn);
        syn.iss = seq_sub(seg->ack, 1);
        syn.irs = seq_sub(seg->seq, 1);
        syn.opts = opts;
        syn.has_ecn = ecn;
        syn.sent_again = true; /* nobody knows when it was sent */
        trace_open(tcp, &syn, seg);
        trace_syn(tcp, &syn, WEFT_TRACE_TCP_STATE, WEFT_TCP_LISTEN, WEFT_TCP_SYN_RECEIVED,
                  WEFT_CAUSE_SYN_COOKIE);
        tcb = establish(tcp, &syn, seg);
    }
    if (tcb)
        tcp_input_synchronized(tcb, seg);
    else
        weft_pkt_free(seg->pkt);
    return true;
}

/*
 * A fast open (RFC 7413 4.2.2): the block is made at once, takes the SYN's data,
 * and can be accepted, read and written while the handshake goes on. Takes
 * seg->pkt and returns true if there is room for it.
 */
static bool open_fast(struct tcp_listener *listener, struct tcp_seg *seg, const struct tcp_tuple *tuple,
                      const struct net_path *path, bool gives_cookie)
{
    struct tcp *tcp = listener->tcp;
    struct syn syn = {0};
    uint32_t len = seg->len;
    struct tcb *tcb;

    if (listener->waiting >= listener->backlog)
        return false;
    fill_record(listener, seg, tuple, path, &syn);
    syn.iss = choose_iss(tcp, tuple, seg);
    syn.has_ecn = tcp_ecn_is_asked(&listener->options, seg->flags);
    syn.conn = tcp->next_conn + 1; /* which trace_open gives it */
    tcb = new_block(tcp, &syn, seg);
    if (!tcb)
        return false;
    trace_open(tcp, &syn, seg);
    trace_syn(tcp, &syn, WEFT_TRACE_TCP_STATE, WEFT_TCP_LISTEN, WEFT_TCP_SYN_RECEIVED, WEFT_CAUSE_SYN);
    fill_block(tcb, &syn, seg);
    tcb->snd.una = tcb->snd.nxt = tcb->snd.small_end = syn.iss; /* our SYN is still to go */
    tcb->delivered_segs = 0;                                    /* nor has it arrived */
    tcp_rack_init(tcb);
    tcb->tfo.is_opened = true;
    tcb->tfo.gives_cookie = gives_cookie;
    tcb->tfo.is_experimental = seg->opts.fast_open_is_experimental;
    tcp_tfo_pending(tcb, listener);
    tcp_begin_sending(tcb);
    wait_to_be_accepted(tcb, listener);
    core_count(tcp->core, WEFT_COUNT_TCP_FAST_OPENS_PASSIVE);
    seg->seq = tcb->rcv.nxt;
    seg->flags = 0; /* a FIN comes again */
    if (len > syn.window) {
        seg->len = syn.window;
        weft_pkt_trim(seg->pkt, seg->len);
    }
    if (len > 0)
        tcp_text_take(tcb, seg);
    tcb->tfo.data_taken = len > 0 && seq_eq(tcb->rcv.nxt, seq_add(syn.irs, 1 + len));
    tcp_trace(tcb, WEFT_TRACE_TCP_FAST_TAKEN, seq_span(syn.irs, tcb->rcv.nxt) - 1, 0, 0, 0, 0, 0);
    tcp_owe(tcb, TCP_OWED_SYN);
    weft_pkt_free(seg->pkt);
    return true;
}

/* --- LISTEN (RFC 9293 3.10.7.2) ----------------------------------------------------------------- */

/* Takes seg->pkt. */
static void take_syn(struct tcp_listener *listener, struct tcp_seg *seg, const struct tcp_tuple *tuple)
{
    struct tcp *tcp = listener->tcp;
    bool always = tcp->config.syn_cookies == WEFT_SYN_COOKIES_ALWAYS && may_use_cookie(listener, seg);
    enum tcp_tfo_verdict fast = tcp_tfo_judge(listener, tuple, seg);
    struct net_path path = {0};

    if (net_path_find(tcp->net, &tuple->local, &tuple->remote, &path) < 0) {
        tcp_seg_drop(tcp, seg, 0, WEFT_DROP_IP_NO_ROUTE);
        return;
    }
    if (fast >= TCP_TFO_TAKE && open_fast(listener, seg, tuple, &path, fast == TCP_TFO_TAKE_AND_GIVE))
        return;
    if (!always && has_room(listener)) {
        keep(listener, seg, tuple, &path, fast == TCP_TFO_GIVE || fast == TCP_TFO_TAKE_AND_GIVE);
    } else if (always || may_use_cookie(listener, seg)) {
        answer_with_cookie(listener, seg, tuple, &path);
    } else {
        tcp_seg_drop(tcp, seg, 0, WEFT_DROP_TCP_SYN_CACHE);
        return;
    }
    /* Text with a SYN may be queued (3.10.7.2); it is not acknowledged here, so it comes again. */
    weft_pkt_free(seg->pkt);
}

void tcp_syncache_listen(struct tcp_listener *listener, struct tcp_seg *seg, const struct tcp_tuple *tuple)
{
    struct tcp *tcp = listener->tcp;

    if (seg->flags & WIRE_TCP_RST) {
        tcp_seg_drop(tcp, seg, 0, WEFT_DROP_TCP_RST_TO_NOBODY);
    } else if (seg->flags & WIRE_TCP_ACK) {
        if (take_cookie(listener, seg, tuple, NULL))
            return;
        tcp_reply_reset(tcp, seg);
        tcp_seg_drop(tcp, seg, 0, WEFT_DROP_TCP_NO_CONNECTION);
    } else if (!(seg->flags & WIRE_TCP_SYN)) {
        tcp_seg_drop(tcp, seg, 0, WEFT_DROP_TCP_LISTEN_FLAGS);
    } else {
        take_syn(listener, seg, tuple);
    }
}

/* --- SYN-RECEIVED ------------------------------------------------------------------------------------ */

/* A block takes the record's place. Returns NULL when there is none: the record stays, and the peer's next
 * segment tries again. */
static struct tcb *promote(struct tcp *tcp, struct syn *syn, const struct tcp_seg *seg)
{
    struct tcb *tcb;

    tcp_demux_remove(tcp, &syn->node);
    tcb = establish(tcp, syn, seg);
    if (tcb)
        free_syn(tcp, syn);
    else
        tcp_demux_insert(tcp, &syn->node);
    return tcb;
}

/* First and second: in the window, and not older than the SYN's timestamp (RFC 7323 5.3). */
static bool is_acceptable(const struct syn *syn, const struct tcp_seg *seg)
{
    tcp_seq nxt = seq_add(syn->irs, 1);

    if (syn->opts.has_timestamps && seg->opts.has_timestamps &&
        (int32_t)(seg->opts.tsval - syn->opts.tsval) < 0)
        return false;
    return seq_ge(seg->seq, nxt) && seq_lt(seg->seq, seq_add(nxt, syn->window));
}

/* The SYN again: the SYN-ACK may be lost, so it goes again (RFC 9293 3.10.7.4 first: an ACK is due,
 * and the SYN-ACK is one). */
static bool is_same_syn(const struct syn *syn, const struct tcp_seg *seg)
{
    return (seg->flags & (WIRE_TCP_SYN | WIRE_TCP_ACK | WIRE_TCP_RST)) == WIRE_TCP_SYN &&
           seq_eq(seg->seq, syn->irs);
}

/* RFC 7323 3.2: SHOULD be dropped. */
static bool lacks_timestamp(const struct tcp *tcp, const struct syn *syn, const struct tcp_seg *seg)
{
    return syn->opts.has_timestamps && !seg->opts.has_timestamps && !(seg->flags & WIRE_TCP_SYN) &&
           !tcp->config.tolerate_missing_timestamps;
}

/* RFC 9293 3.10.7.4 second with RFC 5961 3.2. Takes seg->pkt. */
static void take_reset(struct tcp *tcp, struct syn *syn, struct tcp_seg *seg)
{
    if (seq_eq(seg->seq, seq_add(syn->irs, 1))) {
        fail(tcp, syn, WEFT_CAUSE_RST);
        weft_pkt_free(seg->pkt);
        return;
    }
    if (is_acceptable(syn, seg))
        challenge(tcp, syn);
    tcp_seg_drop(tcp, seg, syn->conn, WEFT_DROP_TCP_RST_INVALID);
}

void tcp_syncache_input(struct tcp *tcp, struct tcp_node *node, struct tcp_seg *seg)
{
    struct syn *syn = of_node(node);
    struct tcb *tcb;

    tcp_seg_trace(tcp, syn->conn, seg);
    syn->proof = seg->proof;
    if (seg->flags & WIRE_TCP_RST) {
        take_reset(tcp, syn, seg);
        return;
    }
    if (lacks_timestamp(tcp, syn, seg)) {
        tcp_seg_drop(tcp, seg, syn->conn, WEFT_DROP_TCP_NO_TIMESTAMP);
        return;
    }
    if (is_same_syn(syn, seg) || !is_acceptable(syn, seg)) {
        /* Sent again without asking for ECN: then nobody marks (RFC 3168 6.1.1.1). */
        if (is_same_syn(syn, seg))
            syn->has_ecn &= tcp_ecn_is_asked(&syn->listener->options, seg->flags);
        if (is_same_syn(syn, seg))
            answer_again(tcp, syn);
        else
            challenge(tcp, syn);
        tcp_seg_drop(tcp, seg, syn->conn, WEFT_DROP_TCP_DUPLICATE);
        return;
    }
    /* Fourth: back to LISTEN, without a word; the SYN comes again and begins anew. RFC 5961 4 challenges SYNs
     * only for what stands: here a blind SYN must hit the window in the time of one round trip. */
    if (seg->flags & WIRE_TCP_SYN) {
        uint32_t conn = syn->conn;

        fail(tcp, syn, WEFT_CAUSE_NEW_SYN);
        tcp_seg_drop(tcp, seg, conn, WEFT_DROP_TCP_NEW_SYN);
        return;
    }
    if (!(seg->flags & WIRE_TCP_ACK)) {
        tcp_seg_drop(tcp, seg, syn->conn, WEFT_DROP_TCP_NO_ACK);
        return;
    }
    /* Fifth: only the number of our SYN, or of a cookie that went out before it. */
    if (!seq_eq(seg->ack, seq_add(syn->iss, 1))) {
        struct tcp_tuple tuple = syn->node.tuple;

        if (take_cookie(syn->listener, seg, &tuple, syn))
            return;
        tcp_reply_reset(tcp, seg);
        tcp_seg_drop(tcp, seg, syn->conn, WEFT_DROP_TCP_ACK_OF_NOTHING);
        return;
    }
    tcb = promote(tcp, syn, seg);
    if (!tcb) {
        weft_pkt_free(seg->pkt);
        return;
    }
    /* "and continue processing in the ESTABLISHED state" */
    tcp_input_synchronized(tcb, seg);
}

void tcp_syncache_drop(struct tcp *tcp, struct tcp_node *node)
{
    fail(tcp, of_node(node), WEFT_CAUSE_ICMP_HARD);
}

bool tcp_syncache_is_iss(const struct tcp_node *node, tcp_seq seq)
{
    return seq_eq(list_entry(node, const struct syn, node)->iss, seq);
}

/* All records of a listener. The cache is walked: listeners go away seldom. */
void tcp_syncache_forget(struct tcp_listener *listener)
{
    struct tcp *tcp = listener->tcp;

    for (uint32_t i = 0; i < tcp->table_size && listener->half_open > 0; i++) {
        struct tcp_node *node = tcp->table[i];

        while (node) {
            struct tcp_node *next = node->next;

            if (node->kind == TCP_NODE_SYN && of_node(node)->listener == listener)
                fail(tcp, of_node(node), WEFT_CAUSE_NO_LISTENER);
            node = next;
        }
    }
}
