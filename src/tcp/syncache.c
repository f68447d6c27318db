/* SPDX-License-Identifier: MIT */
/*
 * The SYN cache: listeners and the half-open connections that SYNs to them
 * begin (RFC 9293 3.10.7.2, and 3.10.7.4 in SYN-RECEIVED after a passive open;
 * RFC 4987 3.3).
 *
 * Owns    the records of half-open connections, their SYN-ACKs and the timer
 *         that repeats them. A control block is made when the handshake is
 *         complete and not before, so a SYN costs little.
 * Never   keeps a SYN beyond the listener's backlog.
 *
 * State of a record is SYN-RECEIVED; a good ACK makes it an ESTABLISHED block,
 * a good RST or too many repetitions end it.
 */
#include "tcp/tcb.h"

/* SYN-ACKs sent again before a half-open connection is given up; ours, as Linux has it (63 s in all). */
#define SYN_ACK_RETRIES 5

struct syn {
    struct tcp_node node;
    struct tcp_listener *listener;
    struct weft_timer_node timer;
    uint32_t conn;
    uint32_t timeout; /* until the next repetition, microseconds */
    weft_time sent;
    tcp_seq iss, irs;
    uint32_t ts_offset;
    uint16_t rcv_mss;
    uint16_t peer_window;
    uint16_t window; /* that the SYN-ACK offers, not scaled (RFC 7323 2.2) */
    uint8_t rcv_wscale;
    uint8_t repeated;          /* by the timer */
    bool sent_again;           /* for whatever reason: which copy is acknowledged cannot be known */
    struct wire_tcp_opts opts; /* what the SYN offered */
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

static void send_syn_ack(struct tcp *tcp, struct syn *syn)
{
    const struct tcp_options *options = &syn->listener->options;
    struct tcp_reply reply = {
        .tuple = &syn->node.tuple,
        .conn = syn->conn,
        .seq = syn->iss,
        .ack = seq_add(syn->irs, 1),
        .flags = WIRE_TCP_SYN | WIRE_TCP_ACK,
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
            },
    };

    tcp_reply_send(tcp, &reply);
}

static void start_timer(struct tcp *tcp, struct syn *syn)
{
    wheel_set(&tcp->core->wheel, &syn->timer, tcp->core->now + syn->timeout);
    trace_syn(tcp, syn, WEFT_TRACE_TCP_TIMER_SET, WEFT_TIMER_RTO, syn->timeout, 0);
}

/* In answer to something of the peer's, within the rate limit. The timer goes on as it is: a peer that
 * repeats its SYN must not keep the record alive. */
static void answer_again(struct tcp *tcp, struct syn *syn)
{
    if (!tcp_challenge_allowed(tcp))
        return;
    syn->sent_again = true;
    send_syn_ack(tcp, syn);
}

void tcp_syncache_timer(struct tcp *tcp, struct weft_timer_node *node)
{
    struct syn *syn = list_entry(node, struct syn, timer);

    trace_syn(tcp, syn, WEFT_TRACE_TCP_TIMER_FIRED, WEFT_TIMER_RTO, 0, 0);
    if (syn->repeated >= SYN_ACK_RETRIES) {
        fail(tcp, syn, WEFT_CAUSE_R2);
        return;
    }
    syn->repeated++;
    syn->sent_again = true;
    syn->timeout *= 2;
    core_count(tcp->core, WEFT_COUNT_TCP_RETRANS_SEGS);
    send_syn_ack(tcp, syn);
    start_timer(tcp, syn);
}

/* --- LISTEN (RFC 9293 3.10.7.2) ----------------------------------------------------------------- */

static void forget_options_we_refuse(const struct tcp *tcp, struct wire_tcp_opts *opts)
{
    opts->has_sack_permitted &= !tcp->config.no_sack;
    opts->has_wscale &= !tcp->config.no_window_scale;
    opts->has_timestamps &= !tcp->config.no_timestamps;
}

static void begin(struct tcp_listener *listener, const struct tcp_seg *seg, const struct tcp_tuple *tuple)
{
    struct tcp *tcp = listener->tcp;
    uint32_t receive_buffer = listener->options.receive_buffer;
    struct net_path path = {0};
    struct syn *syn;

    if (net_path_find(tcp->net, &tuple->local, &tuple->remote, &path) < 0) {
        tcp->core->stats.drop[WEFT_DROP_IP_NO_ROUTE]++;
        return;
    }
    syn = slab_new(&tcp->syns);
    if (!syn) {
        core_count(tcp->core, WEFT_COUNT_TCP_SYN_CACHE_FULL);
        tcp->core->stats.drop[WEFT_DROP_TCP_SYN_CACHE]++;
        return;
    }
    syn->node.kind = TCP_NODE_SYN;
    syn->node.tuple = *tuple;
    syn->listener = listener;
    syn->timer.kind = CORE_TIMER_TCP_SYN;
    syn->conn = ++tcp->next_conn;
    syn->timeout = (uint32_t)tcp->config.rto_initial;
    syn->iss = tcp_isn_above(tcp_demux_isn(tcp, tuple), seg->has_isn_floor, seg->isn_floor);
    syn->irs = seg->seq;
    syn->ts_offset = tcp_demux_ts_offset(tcp, tuple);
    syn->rcv_mss = tcp_mss_to_offer(&path, tuple, &listener->options);
    syn->rcv_wscale = tcp_wscale_to_offer(listener->options.receive_buffer);
    syn->peer_window = seg->window;
    syn->window = (uint16_t)(receive_buffer < UINT16_MAX ? receive_buffer : UINT16_MAX);
    syn->sent = tcp->core->now;
    syn->opts = seg->opts;
    forget_options_we_refuse(tcp, &syn->opts);
    listener->half_open++;
    tcp_demux_insert(tcp, &syn->node);
    trace(&tcp->core->trace, tcp->core->now, WEFT_TRACE_TCP_OPEN, seg->rx->iface, syn->conn,
          trace_addr_high(&tuple->local), trace_addr_low(&tuple->local), trace_addr_high(&tuple->remote),
          trace_addr_low(&tuple->remote), (uint64_t)tuple->local_port << 16 | tuple->remote_port, 1);
    tcp_seg_trace(tcp, syn->conn, seg);
    trace_syn(tcp, syn, WEFT_TRACE_TCP_STATE, WEFT_TCP_LISTEN, WEFT_TCP_SYN_RECEIVED, WEFT_CAUSE_SYN);
    send_syn_ack(tcp, syn);
    start_timer(tcp, syn);
}

void tcp_syncache_listen(struct tcp_listener *listener, struct tcp_seg *seg, const struct tcp_tuple *tuple)
{
    struct tcp *tcp = listener->tcp;

    if (seg->flags & WIRE_TCP_RST) {
        tcp_seg_drop(tcp, seg, 0, WEFT_DROP_TCP_RST_TO_NOBODY);
    } else if (seg->flags & WIRE_TCP_ACK) {
        tcp_reply_reset(tcp, seg);
        tcp_seg_drop(tcp, seg, 0, WEFT_DROP_TCP_NO_CONNECTION);
    } else if (!(seg->flags & WIRE_TCP_SYN)) {
        tcp_seg_drop(tcp, seg, 0, WEFT_DROP_TCP_LISTEN_FLAGS);
    } else if (listener->half_open + listener->waiting >= listener->backlog) {
        tcp_seg_drop(tcp, seg, 0, WEFT_DROP_TCP_SYN_CACHE);
    } else {
        begin(listener, seg, tuple);
        /* Text with a SYN may be queued (3.10.7.2); it is not acknowledged here, so it comes again. */
        weft_pkt_free(seg->pkt);
    }
}

/* --- SYN-RECEIVED ------------------------------------------------------------------------------------ */

/* Hands the record's knowledge over to a block. */
static void fill_block(struct tcb *tcb, const struct syn *syn, const struct tcp_seg *seg)
{
    tcb->is_passive = true;
    tcb->ts_offset = syn->ts_offset;
    tcb->snd.iss = syn->iss;
    tcb->snd.una = tcb->snd.nxt = tcb->snd.small_end = seq_add(syn->iss, 1);
    tcb->buf.start = tcb->snd.nxt;
    tcp_rack_init(tcb);
    tcb->rcv.irs = syn->irs;
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
}

/*
 * The handshake is complete: a block takes the record's place and waits to be
 * accepted. Returns NULL when the queue is full or there is no memory: the
 * record stays, and the peer's next segment tries again.
 */
static struct tcb *promote(struct tcp *tcp, struct syn *syn, const struct tcp_seg *seg)
{
    struct tcp_listener *listener = syn->listener;
    struct tcp_tuple tuple = syn->node.tuple;
    struct tcb *tcb;

    if (listener->waiting >= listener->backlog) {
        tcp->core->stats.drop[WEFT_DROP_TCP_ACCEPT_QUEUE]++;
        return NULL;
    }
    tcp_demux_remove(tcp, &syn->node);
    tcb = tcp_state_new(tcp, &tuple, &listener->options, syn->conn, WEFT_TCP_SYN_RECEIVED);
    if (!tcb) {
        tcp_demux_insert(tcp, &syn->node);
        tcp->core->stats.drop[WEFT_DROP_TCP_ACCEPT_QUEUE]++;
        return NULL;
    }
    fill_block(tcb, syn, seg);
    tcb->syn_repeated = syn->repeated > 0;
    if (!syn->sent_again)
        tcp_rtt_sample(tcb, (uint32_t)(tcp->core->now - syn->sent));
    else if (syn->repeated > 0)
        tcb->rtt.rto = 3 * (uint32_t)WEFT_SEC; /* RFC 6298 5.7 */
    free_syn(tcp, syn);
    tcp_state_set(tcb, WEFT_TCP_ESTABLISHED, WEFT_CAUSE_ACK_OF_SYN);
    tcb->listener = listener;
    listener->waiting++;
    list_push_back(&listener->accept, &tcb->accept_link);
    core_count(tcp->core, WEFT_COUNT_TCP_PASSIVE_OPENS);
    tcp_established(tcb);
    ready_signal(&tcp->core->ready, listener->owner, WEFT_READABLE);
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

/* RFC 9293 3.10.7.4 second with RFC 5961 3.2. */
static void take_reset(struct tcp *tcp, struct syn *syn, const struct tcp_seg *seg)
{
    if (seq_eq(seg->seq, seq_add(syn->irs, 1)))
        fail(tcp, syn, WEFT_CAUSE_RST);
    else if (is_acceptable(syn, seg))
        answer_again(tcp, syn);
}

void tcp_syncache_input(struct tcp *tcp, struct tcp_node *node, struct tcp_seg *seg)
{
    struct syn *syn = of_node(node);
    struct tcb *tcb;

    tcp_seg_trace(tcp, syn->conn, seg);
    if (seg->flags & WIRE_TCP_RST) {
        uint32_t conn = syn->conn;

        take_reset(tcp, syn, seg);
        tcp_seg_drop(tcp, seg, conn, WEFT_DROP_TCP_RST_INVALID);
        return;
    }
    /* DEVIATES: RFC 9293 3.10.7.4 step 4 goes back to LISTEN for a new SYN in the window. Whoever guesses
     * addresses and ports could end openings with that; answered like a challenge (as RFC 5961 4.2 has it
     * for connections that stand), the SYN-ACK again makes a true peer reset the old opening. */
    if (is_same_syn(syn, seg) || !is_acceptable(syn, seg) || (seg->flags & WIRE_TCP_SYN)) {
        answer_again(tcp, syn);
        tcp_seg_drop(tcp, seg, syn->conn, WEFT_DROP_TCP_DUPLICATE);
        return;
    }
    if (!(seg->flags & WIRE_TCP_ACK)) {
        tcp_seg_drop(tcp, seg, syn->conn, WEFT_DROP_TCP_NO_ACK);
        return;
    }
    /* Fifth: only the number of our SYN. */
    if (!seq_eq(seg->ack, seq_add(syn->iss, 1))) {
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
