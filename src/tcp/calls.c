/* SPDX-License-Identifier: MIT */
/*
 * User calls (RFC 9293 3.10.1 to 3.10.6): OPEN, SEND, RECEIVE, CLOSE, ABORT; of
 * STATUS the events, info.c has the rest.
 *
 * Owns    nothing; it turns a call into changes of the block and into what is
 *         owed.
 * Never   sends by itself, and never waits.
 */
#include "base/assert.h"
#include "tcp/cc/cc.h"
#include "tcp/tcb.h"

static void trace_call(const struct tcb *tcb, enum weft_tcp_call call)
{
    tcp_trace(tcb, WEFT_TRACE_TCP_CALL, call, 0, 0, 0, 0, 0);
}

void tcp_options_default(const struct tcp *tcp, struct tcp_options *out)
{
    const struct weft_tcp_config *config = &tcp->config;

    *out = (struct tcp_options){
        .send_buffer = config->send_buffer,
        .receive_buffer = config->receive_buffer,
        .send_buffer_is_fixed = config->no_buffer_tuning,
        .receive_buffer_is_fixed = config->no_buffer_tuning,
        .keepalive_idle = config->keepalive_idle,
        .keepalive_interval = config->keepalive_interval,
        .keepalive_probes = config->keepalive_probes,
        .syn_retries = config->syn_retries,
        .congestion = tcp_cc_find(config, config->congestion),
        .pacing = !config->no_pacing,
        .ecn = (uint8_t)config->ecn,
    };
}

/* --- OPEN (3.10.1) ------------------------------------------------------------------------------ */

/* RFC 7323 2.2: the smallest shift with which the field can say the whole buffer, or what the configuration asks
 * for at least. */
uint8_t tcp_wscale_to_offer(const struct tcp *tcp, uint32_t receive_buffer)
{
    uint8_t least = tcp->config.wscale_least;
    uint8_t shift = least < WIRE_TCP_MAX_WSCALE ? least : WIRE_TCP_MAX_WSCALE;

    while (shift < WIRE_TCP_MAX_WSCALE && receive_buffer >> shift > UINT16_MAX)
        shift++;
    return shift;
}

/* RFC 9293 3.7.1, MUST-67: what the path's MTU leaves without options; a bound of the user's. */
uint16_t tcp_mss_to_offer(const struct net_path *path, const struct tcp_tuple *tuple,
                          const struct tcp_options *options)
{
    uint32_t headers = (weft_addr_is_ip4(&tuple->remote) ? 20 : 40) + WIRE_TCP_LEN;
    uint32_t mss = path->mtu > headers ? path->mtu - headers : 0;

    if (mss > UINT16_MAX)
        mss = UINT16_MAX;
    return (uint16_t)(options->maxseg > 0 && options->maxseg < mss ? options->maxseg : mss);
}

/* What a connection before this one left behind. */
struct predecessor {
    struct tcp_node *node; /* in TIME-WAIT; NULL: there was none */
    tcp_seq snd_nxt;
};

/* Completes the four-tuple. */
static int choose_local(struct tcp *tcp, const struct weft_endpoint *local, const struct net_path *path,
                        struct tcp_tuple *tuple, struct predecessor *before)
{
    struct tcp_node *node;

    tuple->local = weft_addr_is_any(&local->addr) ? path->src : local->addr;
    tuple->local_port = local->port;
    if (local->port == 0) {
        tuple->local_port = tcp_demux_choose_port(tcp, tuple);
        return tuple->local_port != 0 ? 0 : WEFT_E_ADDRNOTAVAIL;
    }
    node = tcp_demux_find(tcp, tuple);
    if (!node)
        return 0;
    if (node->kind != TCP_NODE_TIME_WAIT)
        return WEFT_E_ADDRINUSE;
    *before = (struct predecessor){node, tcp_timewait_snd_nxt(node)};
    return 0;
}

static void begin_active(struct tcb *tcb, const struct net_path *path, const struct predecessor *before)
{
    tcb->path = *path;
    tcb->snd.iss =
        tcp_isn_above(tcp_demux_isn(tcb->tcp, &tcb->node.tuple), before->node != NULL, before->snd_nxt);
    tcb->snd.una = tcb->snd.nxt = tcb->snd.small_end = tcb->snd.iss;
    tcb->buf.start = seq_add(tcb->snd.iss, 1);
    tcp_ao_set_iss(tcb);
    tcp_rack_init(tcb);
    tcb->snd.peer_mss = UINT16_MAX;
    tcb->rcv.mss = tcp_mss_to_offer(path, &tcb->node.tuple, &tcb->options);
    tcb->rcv.wscale = tcp_wscale_to_offer(tcb->tcp, tcb->options.receive_buffer);
    tcp_segment_update_mss(tcb);
}

/* RFC 9293 MUST-46: not to a broadcast or multicast address. */
static bool may_connect_to(const struct tcp *tcp, const struct weft_addr *addr)
{
    return net_addr_is_unicast(tcp->net, addr) || net_addr_is_ours(tcp->net, addr);
}

int tcp_connect(struct tcp *tcp, const struct weft_endpoint *local, const struct weft_endpoint *remote,
                const struct tcp_options *options, struct ready_node *owner, struct tcb **out)
{
    struct tcp_tuple tuple = {.remote = remote->addr, .remote_port = remote->port};
    struct net_path path = {0};
    struct predecessor before = {0};
    struct tcp_ao *ao = NULL;
    struct tcb *tcb;
    int rc;

    if (remote->port == 0 || !may_connect_to(tcp, &remote->addr))
        return WEFT_E_INVAL;
    rc = net_path_find(tcp->net, &local->addr, &remote->addr, &path);
    if (rc == 0)
        rc = tcp_ao_begin(tcp, options->ao, &tuple, NULL, &ao);
    if (rc == 0)
        rc = choose_local(tcp, local, &path, &tuple, &before);
    tcb = rc == 0 ? tcp_state_new(tcp, &tuple, options, ++tcp->next_conn, WEFT_TCP_SYN_SENT) : NULL;
    if (!tcb) {
        tcp_ao_free(tcp, ao);
        return rc < 0 ? rc : WEFT_E_LIMIT;
    }
    tcb->ao = ao;
    tcb->owner = owner;
    begin_active(tcb, &path, &before);
    if (before.node)
        tcp_timewait_end(
            tcp, before.node); /* our numbers and timestamps only grow, so the peer can tell (RFC 6191) */
    core_count(tcp->core, WEFT_COUNT_TCP_ACTIVE_OPENS);
    tcp_trace(tcb, WEFT_TRACE_TCP_OPEN, trace_addr_high(&tuple.local), trace_addr_low(&tuple.local),
              trace_addr_high(&tuple.remote), trace_addr_low(&tuple.remote),
              (uint64_t)tuple.local_port << 16 | tuple.remote_port, 0);
    trace_call(tcb, WEFT_CALL_OPEN);
    tcp_trace(tcb, WEFT_TRACE_TCP_STATE, WEFT_TCP_CLOSED, WEFT_TCP_SYN_SENT, WEFT_CAUSE_CALL_OPEN, 0, 0, 0);
    tcp_owe(tcb, TCP_OWED_SYN);
    *out = tcb;
    return 0;
}

int tcp_bind_check(struct tcp *tcp, struct weft_endpoint *local, bool reuse)
{
    bool any = weft_addr_is_any(&local->addr);

    if (!any && !net_addr_is_ours(tcp->net, &local->addr))
        return WEFT_E_ADDRNOTAVAIL;
    if (local->port == 0) {
        struct tcp_tuple tuple = {.local = local->addr};

        local->port = tcp_demux_choose_port(tcp, &tuple);
        return local->port != 0 ? 0 : WEFT_E_ADDRINUSE;
    }
    if (tcp_demux_port_listens(tcp, local))
        return WEFT_E_ADDRINUSE;
    return reuse || !tcp_demux_port_is_used(tcp, local) ? 0 : WEFT_E_ADDRINUSE;
}

int tcp_listen(struct tcp *tcp, const struct weft_endpoint *local, const struct tcp_options *options,
               unsigned backlog, struct ready_node *owner, struct tcp_listener **out)
{
    struct tcp_listener **bucket = &tcp->by_port[local->port % TCP_LISTENER_BUCKETS];
    struct tcp_listener *listener;

    if (tcp_demux_port_listens(tcp, local))
        return WEFT_E_ADDRINUSE;
    listener = slab_new(&tcp->listeners);
    if (!listener)
        return WEFT_E_LIMIT;
    *listener = (struct tcp_listener){
        .next = *bucket,
        .tcp = tcp,
        .local = *local,
        .options = *options,
        .owner = owner,
        .backlog = backlog,
    };
    list_init(&listener->accept);
    list_init(&listener->tfo);
    *bucket = listener;
    *out = listener;
    return 0;
}

bool tcp_can_accept(const struct tcp_listener *listener)
{
    return !list_is_empty(&listener->accept);
}

struct tcb *tcp_accept(struct tcp_listener *listener, struct ready_node *owner)
{
    struct list *link = list_pop_front(&listener->accept);
    struct tcb *tcb;

    if (!link)
        return NULL;
    tcb = list_entry(link, struct tcb, accept_link);
    listener->waiting--;
    tcb->listener = NULL;
    tcb->owner = owner;
    tcp_signal(tcb, tcp_events(tcb));
    return tcb;
}

void tcp_unlisten(struct tcp_listener *listener)
{
    struct tcp *tcp = listener->tcp;
    struct tcp_listener **at = &tcp->by_port[listener->local.port % TCP_LISTENER_BUCKETS];
    struct tcb *tcb;

    tcp_syncache_forget(listener);
    tcp_tfo_unlisten(listener);
    while ((tcb = tcp_accept(listener, NULL)) != NULL)
        tcp_abort(tcb);
    while (*at != listener)
        at = &(*at)->next;
    *at = listener->next;
    slab_free(&tcp->listeners, listener);
}

void tcp_listener_options(struct tcp_listener *listener, const struct tcp_options *options)
{
    listener->options = *options;
}

void tcp_listener_endpoint(const struct tcp_listener *listener, struct weft_endpoint *local)
{
    *local = listener->local;
}

/* --- SEND (3.10.2) -------------------------------------------------------------------------------- */

size_t tcp_send_room(const struct tcb *tcb)
{
    uint32_t limit = tcb->tune.send;

    return limit > tcb->buf.len ? limit - tcb->buf.len : 0;
}

/* WEFT_OPT_NOTSENT_LOWAT: enough waits to be sent. */
static bool has_enough_unsent(const struct tcb *tcb)
{
    tcp_seq end = tcp_data_end(tcb);
    uint32_t unsent = seq_gt(end, tcb->snd.nxt) ? seq_span(tcb->snd.nxt, end) : 0;

    return tcb->options.notsent_lowat > 0 && unsent >= tcb->options.notsent_lowat;
}

void tcp_tell_writer(struct tcb *tcb)
{
    if (!tcb->writer_waits || tcp_send_room(tcb) < tcb->tune.send / 3 || has_enough_unsent(tcb))
        return;
    tcb->writer_waits = false;
    if (tcb->limit == WEFT_LIMIT_SEND_BUFFER)
        tcp_info_limit(tcb, WEFT_LIMIT_APPLICATION);
    tcp_signal(tcb, WEFT_WRITABLE);
}

/* 0 when the call may go on. */
static int may_send(struct tcb *tcb)
{
    if (tcb->state == WEFT_TCP_CLOSED)
        return tcb->error != 0 ? tcb->error : WEFT_E_PIPE;
    if (tcb->fin_queued)
        return WEFT_E_PIPE;
    return tcp_may_write(tcb) ? 0 : WEFT_E_AGAIN;
}

/* Bytes written between two looks at how much memory is left. */
#define WRITE_PORTION (4u * WEFT_BLOCK_LARGE)

static ptrdiff_t no_room(struct tcb *tcb)
{
    tcb->writer_waits = true;
    if (tcb->limit == WEFT_LIMIT_APPLICATION && tcb->buf.len > 0)
        tcp_info_limit(tcb, WEFT_LIMIT_SEND_BUFFER);
    return WEFT_E_AGAIN;
}

static void wrote(struct tcb *tcb, size_t bytes, unsigned flags)
{
    tcp_info_busy(tcb);
    tcb->writer_waits |= has_enough_unsent(tcb);
    tcb->more_follows = flags & WEFT_SEND_MORE;
    if (flags & WEFT_SEND_URGENT) {
        tcb->snd.up = tcp_data_end(tcb);
        tcb->snd.has_urgent = true;
        tcp_owe(tcb, TCP_OWED_URGENT);
    }
    tcp_trace(tcb, WEFT_TRACE_TCP_WRITE, bytes, tcb->buf.len, 0, 0, 0, 0);
    tcp_owe(tcb, 0);
}

/* In portions, so that one large write does not take what receiving needs. */
static uint32_t write_what_fits(struct tcb *tcb, const uint8_t *data, uint32_t len)
{
    struct tcp *tcp = tcb->tcp;
    uint32_t done = 0;

    while (done < len && !tcp_writer_must_wait(tcp)) {
        uint32_t portion = len - done < WRITE_PORTION ? len - done : WRITE_PORTION;
        uint32_t n = tcp_sendbuf_write(&tcb->buf, &tcp->chunks, tcp->core->pool, data + done, portion);

        done += n;
        if (n < portion)
            break;
    }
    return done;
}

ptrdiff_t tcp_send(struct tcb *tcb, const void *data, size_t len, unsigned flags)
{
    size_t room = tcp_send_room(tcb);
    int rc = may_send(tcb);
    uint32_t n;

    if (rc < 0 || len == 0)
        return rc;
    if (room == 0)
        return no_room(tcb);
    n = write_what_fits(tcb, data, (uint32_t)(len < room ? len : room));
    if (n == 0) {
        tcp_wait_for_memory(tcb);
        return no_room(tcb);
    }
    if ((flags & WEFT_SEND_RECORD) && n == len)
        tcp_sendbuf_end_record(&tcb->buf);
    wrote(tcb, n, flags);
    return n;
}

ptrdiff_t tcp_send_block(struct tcb *tcb, struct weft_block *block, uint32_t off, uint32_t len)
{
    int rc = may_send(tcb);

    if (rc < 0 || len == 0)
        return rc;
    /* A block larger than the whole buffer goes when there is nothing else in it. */
    if (tcp_send_room(tcb) < len && tcb->buf.len > 0)
        return no_room(tcb);
    if (!tcp_sendbuf_lend(&tcb->buf, &tcb->tcp->chunks, block, off, len)) {
        tcp_wait_for_memory(tcb);
        return no_room(tcb);
    }
    wrote(tcb, len, 0);
    return len;
}

void tcp_push(struct tcb *tcb)
{
    if (seq_le(tcp_data_end(tcb), tcb->snd.nxt))
        return;
    tcb->push_now = true;
    tcp_owe(tcb, 0);
}

/* --- OPEN with data in the SYN (RFC 7413) ------------------------------------------------------- */

bool tcp_fast_open_may_connect(const struct tcp *tcp)
{
    return !tcp->config.no_fast_open_connect;
}

bool tcp_fast_open_is_usual(const struct tcp *tcp)
{
    return tcp->config.fast_open_all_connects && tcp_fast_open_may_connect(tcp);
}

bool tcp_fast_open_may_listen(const struct tcp *tcp)
{
    return !tcp->config.no_fast_open_listen;
}

int tcp_fast_open_key(struct tcp *tcp, const uint8_t *key, size_t len)
{
    return tcp_tfo_keys_set(&tcp->tfo_keys, key, len) ? 0 : WEFT_E_INVAL;
}

int tcp_listener_fast_open_key(struct tcp_listener *listener, const uint8_t *key, size_t len)
{
    return tcp_tfo_keys_set(&listener->tfo_keys, key, len) ? 0 : WEFT_E_INVAL;
}

int tcp_connect_can_send(struct tcp *tcp, const struct weft_endpoint *local,
                         const struct weft_endpoint *remote, const struct tcp_options *options)
{
    struct tcp_tuple tuple = {.remote = remote->addr, .remote_port = remote->port};
    struct net_path path = {0};
    int rc;

    if (remote->port == 0 || !may_connect_to(tcp, &remote->addr))
        return WEFT_E_INVAL;
    rc = net_path_find(tcp->net, &local->addr, &remote->addr, &path);
    if (rc < 0)
        return rc;
    tuple.local = weft_addr_is_any(&local->addr) ? path.src : local->addr;
    return tcp_fast_open_may_connect(tcp) && tcp_tfo_can_send(tcp, &tuple, options);
}

ptrdiff_t tcp_connect_send(struct tcp *tcp, const struct weft_endpoint *local,
                           const struct weft_endpoint *remote, const struct tcp_options *options,
                           struct ready_node *owner, const void *data, size_t len, struct tcb **out)
{
    uint32_t room, n = 0;
    int rc;

    if (!tcp_fast_open_may_connect(tcp))
        return WEFT_E_OPNOTSUPP;
    rc = tcp_connect(tcp, local, remote, options, owner, out);
    if (rc < 0)
        return rc;
    tcp_tfo_begin(*out);
    room = tcp_tfo_room(*out);
    if (len > 0 && room > 0)
        n = write_what_fits(*out, data, (uint32_t)(len < room ? len : room));
    if (n == 0)
        return WEFT_E_INPROGRESS;
    wrote(*out, n, 0);
    return n;
}

/* --- RECEIVE (3.10.3) ------------------------------------------------------------------------------- */

size_t tcp_recv_pending(const struct tcb *tcb)
{
    return tcb->rcv.buffered;
}

/* What to say when there is nothing to read: 0 at the end of the stream. */
static int nothing_to_read(const struct tcb *tcb)
{
    if (tcb->fin_received || tcb->discard)
        return 0;
    if (tcb->state == WEFT_TCP_CLOSED)
        return tcb->error;
    return WEFT_E_AGAIN;
}

ptrdiff_t tcp_peek(const struct tcb *tcb, size_t offset, void *data, size_t len)
{
    uint8_t *to = data;
    size_t done = 0;

    if (offset >= tcb->rcv.buffered)
        return len == 0 ? 0 : nothing_to_read(tcb);
    for (const struct weft_pkt *pkt = tcb->rcv.queue.head; pkt && done < len; pkt = pkt->next) {
        uint32_t n;

        if (offset >= pkt->total_len) {
            offset -= pkt->total_len;
            continue;
        }
        n = pkt->total_len - (uint32_t)offset;
        if (n > len - done)
            n = (uint32_t)(len - done);
        weft_pkt_copy_out(pkt, (uint32_t)offset, to + done, n);
        done += n;
        offset = 0;
    }
    return (ptrdiff_t)done;
}

uint32_t tcp_urgent_left(const struct tcb *tcb)
{
    tcp_seq at = seq_sub(tcb->rcv.nxt, tcb->rcv.buffered + tcb->fin_received);

    return tcb->rcv.has_urgent ? seq_span(at, tcb->rcv.up) : 0;
}

/* Reading stops at the mark, before the last urgent byte, so that an application can see it there. */
ptrdiff_t tcp_recv(struct tcb *tcb, void *data, size_t len)
{
    uint32_t urgent = tcp_urgent_left(tcb);
    ptrdiff_t n = tcp_peek(tcb, 0, data, urgent > 1 && urgent - 1 < len ? urgent - 1 : len);

    if (n > 0)
        tcp_consume(tcb, (size_t)n);
    return n;
}

/* The views of one packet: its linear part, then its slices. */
static unsigned views_of(const struct weft_pkt *pkt, struct weft_slice *views, unsigned max)
{
    unsigned n = 0;

    if (pkt->len > 0 && n < max)
        views[n++] = (struct weft_slice){pkt->head, (uint32_t)(pkt->data - pkt->head->data), pkt->len};
    for (unsigned i = 0; i < pkt->nslices && n < max; i++)
        views[n++] = pkt->slices[i];
    return n;
}

int tcp_borrow(const struct tcb *tcb, struct weft_slice *views, unsigned max, size_t *bytes)
{
    unsigned n = 0;

    *bytes = 0;
    if (max == 0)
        return WEFT_E_INVAL;
    if (tcb->rcv.buffered == 0)
        return nothing_to_read(tcb);
    for (const struct weft_pkt *pkt = tcb->rcv.queue.head; pkt && n < max; pkt = pkt->next)
        n += views_of(pkt, views + n, max - n);
    for (unsigned i = 0; i < n; i++)
        *bytes += views[i].len;
    return (int)n;
}

/*
 * RFC 9293 3.8.6.2.2: an update is worth a segment when it opens the window by
 * a good part, or by a segment when it was nearly shut.
 */
static bool window_update_is_due(const struct tcb *tcb)
{
    uint32_t offered = tcp_rcv_wnd(tcb);
    uint32_t room = tcp_text_room(tcb);
    uint32_t limit = tcp_text_window_max(tcb);
    uint32_t gain = room > offered ? room - offered : 0;

    if (offered < 2u * tcb->rcv.mss)
        return gain >= 2u * tcb->rcv.mss || gain >= limit / 2;
    return offered < limit / 2 && gain >= limit / 4;
}

void tcp_consume(struct tcb *tcb, size_t len)
{
    size_t left = len;

    weft_assert(len <= tcb->rcv.buffered);
    tcb->rcv.has_urgent &= len < tcp_urgent_left(tcb);
    while (left > 0) {
        struct weft_pkt *pkt = tcb->rcv.queue.head;

        if (left < pkt->total_len) {
            weft_pkt_trim_front(pkt, (uint32_t)left);
            break;
        }
        left -= pkt->total_len;
        weft_pkt_free(weft_pktq_pop(&tcb->rcv.queue));
    }
    tcb->rcv.buffered -= (uint32_t)len;
    tcp_tune_read(tcb, len);
    tcp_trace(tcb, WEFT_TRACE_TCP_READ, len, tcb->rcv.buffered, 0, 0, 0, 0);
    if (tcp_may_write(tcb) && !tcb->fin_received && window_update_is_due(tcb))
        tcp_owe(tcb, TCP_OWED_WINDOW);
}

/* --- CLOSE (3.10.4) ------------------------------------------------------------------------------------ */

void tcp_shutdown_send(struct tcb *tcb)
{
    if (tcb->fin_queued || tcb->state == WEFT_TCP_CLOSED || tcb->state == WEFT_TCP_TIME_WAIT)
        return;
    trace_call(tcb, WEFT_CALL_CLOSE);
    if (tcb->state == WEFT_TCP_SYN_SENT) {
        tcp_state_fail(tcb, WEFT_E_CONNABORTED, WEFT_CAUSE_CALL_CLOSE);
        return;
    }
    /* RFC 9293 3.10.4: the FIN queues behind the last byte; in SYN-RECEIVED it waits for ESTABLISHED. */
    tcb->fin_queued = true;
    if (tcb->state == WEFT_TCP_CLOSE_WAIT)
        tcp_state_set(tcb, WEFT_TCP_LAST_ACK, WEFT_CAUSE_CALL_CLOSE);
    else if (tcb->state == WEFT_TCP_ESTABLISHED)
        tcp_state_set(tcb, WEFT_TCP_FIN_WAIT_1, WEFT_CAUSE_CALL_CLOSE);
    tcp_owe(tcb, 0);
}

void tcp_shutdown_recv(struct tcb *tcb)
{
    tcb->discard = true;
    tcb->rcv.has_urgent = false;
    if (tcb->rcv.buffered > 0)
        tcp_consume(tcb, tcb->rcv.buffered);
    tcp_signal(tcb, WEFT_READABLE | WEFT_PEER_CLOSED);
}

void tcp_close(struct tcb *tcb)
{
    tcb->owner = NULL;
    if (tcb->state == WEFT_TCP_CLOSED || tcb->state == WEFT_TCP_TIME_WAIT) {
        tcp_state_free(tcb);
        return;
    }
    /* RFC 9293 3.6.1, SHLD-3: the peer must learn that what it sent was never read. */
    if (tcb->rcv.buffered > 0 || tcb->rcv.held_bytes > 0) {
        tcp_abort_for(tcb, WEFT_CAUSE_UNREAD_DATA);
        return;
    }
    tcb->orphan = true;
    tcp_timer_orphaned(tcb);
    tcp_shutdown_send(tcb);
}

/* --- ABORT (3.10.5) -------------------------------------------------------------------------------------- */

/* RFC 9293 3.10.5: not before our SYN is answered, nor when both sides have closed and said so. */
static bool abort_is_told(const struct tcb *tcb, enum weft_tcp_cause cause)
{
    bool both_closed = tcb->state == WEFT_TCP_CLOSING || tcb->state == WEFT_TCP_LAST_ACK;

    if (both_closed && tcb->fin_sent && cause == WEFT_CAUSE_CALL_ABORT)
        return false;
    return tcb->state != WEFT_TCP_SYN_SENT;
}

void tcp_abort_for(struct tcb *tcb, enum weft_tcp_cause cause)
{
    tcb->owner = NULL;
    if (tcb->state == WEFT_TCP_CLOSED || tcb->state == WEFT_TCP_TIME_WAIT) {
        tcp_state_free(tcb);
        return;
    }
    trace_call(tcb, WEFT_CALL_ABORT);
    if (abort_is_told(tcb, cause))
        tcp_control_reset(tcb);
    tcb->orphan = true;
    tcp_state_fail(tcb, WEFT_E_CONNABORTED, cause);
}

void tcp_abort(struct tcb *tcb)
{
    tcp_abort_for(tcb, WEFT_CAUSE_CALL_ABORT);
}

/* --- STATUS (3.10.6) --------------------------------------------------------------------------------------- */

/* In CLOSED, that the acknowledgement of our FIN brought us there. */
static bool is_all_sent(const struct tcb *tcb)
{
    if (tcb->state == WEFT_TCP_CLOSED)
        return tcb->error == 0 && tcb->fin_sent;
    return tcb->state >= WEFT_TCP_ESTABLISHED && tcb->buf.len == 0 && seq_eq(tcb->snd.una, tcb->snd.nxt) &&
           tcb->fin_queued == tcb->fin_sent;
}

unsigned tcp_events(const struct tcb *tcb)
{
    unsigned events = 0;

    if (tcb->rcv.buffered > 0 || tcb->fin_received || tcb->discard)
        events |= WEFT_READABLE;
    if (tcb->fin_received)
        events |= WEFT_PEER_CLOSED;
    if (tcb->rcv.has_urgent)
        events |= WEFT_URGENT;
    if (tcp_may_write(tcb) && !tcb->fin_queued && tcp_send_room(tcb) > 0 && !has_enough_unsent(tcb))
        events |= WEFT_WRITABLE;
    if (tcb->state == WEFT_TCP_CLOSED && tcb->error != 0)
        events |= WEFT_FAILED | WEFT_READABLE | WEFT_WRITABLE;
    if (is_all_sent(tcb))
        events |= WEFT_ALL_SENT;
    if (!tcb->options.no_reports && tcp_trouble(tcb) != 0)
        events |= WEFT_TROUBLE;
    return events;
}

int tcp_error(const struct tcb *tcb)
{
    return tcb->error;
}

int tcp_trouble(const struct tcb *tcb)
{
    if (tcb->state == WEFT_TCP_CLOSED || tcb->state == WEFT_TCP_TIME_WAIT)
        return 0;
    if (tcb->soft_error != 0)
        return tcb->soft_error;
    return tcb->retries >= TCP_R1_RETRIES ? WEFT_E_TIMEDOUT : 0;
}

void tcp_endpoints(const struct tcb *tcb, struct weft_endpoint *local, struct weft_endpoint *remote)
{
    const struct tcp_tuple *tuple = &tcb->node.tuple;

    if (local)
        *local = (struct weft_endpoint){tuple->local, tuple->local_port};
    if (remote)
        *remote = (struct weft_endpoint){tuple->remote, tuple->remote_port};
}

const struct tcp_options *tcp_get_options(const struct tcb *tcb)
{
    return &tcb->options;
}

void tcp_set_options(struct tcb *tcb, const struct tcp_options *options)
{
    const struct tcp_options before = tcb->options;

    tcb->options = *options;
    if (tcb->state == WEFT_TCP_CLOSED || tcb->state == WEFT_TCP_TIME_WAIT)
        return; /* it has no timers any more */
    tcp_tune_options(tcb);
    if (before.user_timeout != options->user_timeout || before.uto_enabled != options->uto_enabled ||
        before.uto_fixed != options->uto_fixed || before.uto_advertised != options->uto_advertised)
        tcp_uto_changed(tcb);
    if (before.keepalive != options->keepalive || before.keepalive_idle != options->keepalive_idle ||
        before.keepalive_interval != options->keepalive_interval)
        tcp_timer_keepalive_changed(tcb);
    if (tcp_may_write(tcb)) {
        if (before.congestion != options->congestion)
            tcp_cc_switch(tcb, options->congestion);
        tcp_segment_update_mss(tcb);
        tcp_tell_writer(tcb); /* the buffer may be larger */
        tcp_owe(tcb, 0);      /* Nagle or cork may let something go now */
    }
}
