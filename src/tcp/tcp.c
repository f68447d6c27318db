/* SPDX-License-Identifier: MIT */
/*
 * TCP of one stack: where segments come in, where the flush goes out, and
 * where each is led to the part that knows what to do.
 *
 * Owns    struct tcp: the tables, the slabs, the list of connections that owe
 *         something.
 * Never   changes a connection: it finds whose turn it is.
 */
#include "base/checksum.h"
#include "tcp/cc/cc.h"
#include "tcp/tcb.h"
#include "wire/ip4.h"

/* --- Beginning and end ------------------------------------------------------------------------ */

#define DEFAULT(field, value) (field) = (field) ? (field) : (value)

static void fill_defaults(struct weft_tcp_config *config)
{
    DEFAULT(config->max_connections, 65536);
    DEFAULT(config->syn_cache, 4096);
    DEFAULT(config->time_wait, 32768);
    DEFAULT(config->ranges, 65536);
    DEFAULT(config->send_buffer, 4u << 20);
    DEFAULT(config->receive_buffer, 6u << 20);
    DEFAULT(config->mtu_base, 1024);
    if (config->mtu_base < TCP_MTU_MIN)
        config->mtu_base = TCP_MTU_MIN;
    DEFAULT(config->buffer_initial, 128u << 10);
    DEFAULT(config->msl, 30 * WEFT_SEC);
    DEFAULT(config->rto_min, 200 * WEFT_MSEC);
    DEFAULT(config->rto_initial, 1 * WEFT_SEC);
    DEFAULT(config->rto_max, 60 * WEFT_SEC);
    DEFAULT(config->delayed_ack, 40 * WEFT_MSEC);
    DEFAULT(config->keepalive_idle, 7200 * WEFT_SEC);
    DEFAULT(config->keepalive_interval, 75 * WEFT_SEC);
    DEFAULT(config->fin_wait_2, 60 * WEFT_SEC);
    DEFAULT(config->orphan_window, 120 * WEFT_SEC);
    DEFAULT(config->keepalive_probes, 9);
    DEFAULT(config->syn_retries, 7);
    DEFAULT(config->syn_ack_retries, 5);
    DEFAULT(config->challenges, 10);
    DEFAULT(config->burst_segs, 2);
    DEFAULT(config->hystart_limit, 8);
    DEFAULT(config->tail_probe_min, 10 * WEFT_MSEC);
    DEFAULT(config->data_retries, 15);
    DEFAULT(config->initial_window_segs, 10);
    DEFAULT(config->congestion, "cubic");
    DEFAULT(config->uto_min, 100 * WEFT_SEC);
    DEFAULT(config->uto_max, 3600 * WEFT_SEC);
    DEFAULT(config->fast_open_peers, 256);
    DEFAULT(config->ao_keys, 1024);
    DEFAULT(config->fast_open_pause, 60 * WEFT_SEC);
    DEFAULT(config->fast_open_losses, 1);
    DEFAULT(config->host_cache_entries, 256);
    DEFAULT(config->host_cache_expire, 300 * WEFT_SEC);
}

static uint32_t power_of_two(uint32_t n)
{
    uint32_t size = 1024;

    while (size < n && size < 1u << 30)
        size *= 2;
    return size;
}

static int init_memory(struct tcp *tcp)
{
    const struct weft_allocator *allocator = &tcp->core->allocator;
    const struct weft_tcp_config *config = &tcp->config;

    tcp->table_size = power_of_two(config->max_connections + config->syn_cache + config->time_wait);
    tcp->table = core_alloc(tcp->core, sizeof(*tcp->table) * tcp->table_size);
    if (!tcp->table || !tcp_tfo_cache_init(tcp) || !tcp_hostcache_init(tcp) ||
        slab_init(&tcp->tcbs, allocator, sizeof(struct tcb), config->max_connections) < 0 ||
        slab_init(&tcp->listeners, allocator, sizeof(struct tcp_listener), config->max_connections) < 0 ||
        slab_init(&tcp->syns, allocator, (uint32_t)tcp_syncache_size(), config->syn_cache) < 0 ||
        slab_init(&tcp->time_waits, allocator, (uint32_t)tcp_timewait_size(), config->time_wait) < 0 ||
        slab_init(&tcp->chunks, allocator, sizeof(struct tcp_chunk), config->ranges) < 0 ||
        slab_init(&tcp->ranges, allocator, sizeof(struct tcp_range), config->ranges) < 0 ||
        slab_init(&tcp->ao_sets, allocator, sizeof(struct tcp_ao), config->ao_keys) < 0 ||
        slab_init(&tcp->ao_keys, allocator, sizeof(struct tcp_ao_key), config->ao_keys) < 0 ||
        slab_init(&tcp->runs, allocator, sizeof(struct tcp_run), config->ranges) < 0)
        return WEFT_E_NOMEM;
    return 0;
}

static void input(void *ctx, struct weft_pkt *pkt, const struct net_rx *rx);

int tcp_new(struct core *core, struct net *net, const struct weft_tcp_config *config, struct tcp **out)
{
    struct tcp *tcp = core_alloc(core, sizeof(*tcp));
    struct net_transport transport = {.input = input, .error = tcp_error_input, .ctx = tcp};

    if (!tcp)
        return WEFT_E_NOMEM;
    *tcp = (struct tcp){.core = core, .net = net, .config = *config};
    fill_defaults(&tcp->config);
    if (!tcp_cc_find(&tcp->config, tcp->config.congestion)) {
        core_free(core, tcp, sizeof(*tcp));
        return WEFT_E_INVAL;
    }
    list_init(&tcp->output);
    list_init(&tcp->blocked);
    list_init(&tcp->starved);
    list_init(&tcp->writers);
    list_init(&tcp->time_wait_order);
    tcp->port_salt = rng_u32(&core->rng);
    tcp->challenge_left = UINT32_MAX;
    tcp->tfo_keys.n = 1;
    tcp->tfo_keys.key[0] = (struct siphash_key){rng_u64(&core->rng), rng_u64(&core->rng)};
    if (init_memory(tcp) < 0) {
        tcp_free(tcp);
        return WEFT_E_NOMEM;
    }
    net_register(net, WIRE_PROTO_TCP, &transport);
    *out = tcp;
    return 0;
}

int tcp_configure(struct tcp *tcp, const struct weft_tcp_config *wanted)
{
    struct weft_tcp_config config = *wanted;

    config.max_connections = tcp->config.max_connections;
    config.syn_cache = tcp->config.syn_cache;
    config.time_wait = tcp->config.time_wait;
    config.ranges = tcp->config.ranges;
    config.fast_open_peers = tcp->config.fast_open_peers;
    config.ao_keys = tcp->config.ao_keys;
    config.host_cache_entries = tcp->config.host_cache_entries;
    fill_defaults(&config);
    if (!tcp_cc_find(&config, config.congestion) || !tcp_md5_can_go_on_with(tcp, config.crypto) ||
        !tcp_ao_can_go_on_with(tcp, config.crypto))
        return WEFT_E_INVAL;
    tcp->config = config;
    return 0;
}

static void free_connections(struct tcp *tcp)
{
    for (uint32_t i = 0; tcp->table && i < tcp->table_size; i++) {
        struct tcp_node *node;

        while ((node = tcp->table[i]) != NULL) {
            if (node->kind == TCP_NODE_TCB)
                tcp_state_free(list_entry(node, struct tcb, node));
            else if (node->kind == TCP_NODE_SYN)
                tcp_syncache_drop(tcp, node);
            else
                tcp_timewait_end(tcp, node);
        }
    }
}

void tcp_free(struct tcp *tcp)
{
    struct core *core = tcp->core;

    free_connections(tcp);
    slab_fini(&tcp->ao_keys, &core->allocator);
    slab_fini(&tcp->ao_sets, &core->allocator);
    slab_fini(&tcp->runs, &core->allocator);
    slab_fini(&tcp->ranges, &core->allocator);
    slab_fini(&tcp->chunks, &core->allocator);
    slab_fini(&tcp->time_waits, &core->allocator);
    slab_fini(&tcp->syns, &core->allocator);
    slab_fini(&tcp->listeners, &core->allocator);
    slab_fini(&tcp->tcbs, &core->allocator);
    tcp_pairs_fini(&tcp->hosts);
    tcp_pairs_fini(&tcp->tfo_peers);
    core_free(core, tcp->table, sizeof(*tcp->table) * tcp->table_size);
    core_free(core, tcp, sizeof(*tcp));
}

const struct weft_congestion *tcp_congestion_find(const struct tcp *tcp, const char *name)
{
    return tcp_cc_find(&tcp->config, name);
}

void tcp_usage(const struct tcp *tcp, struct weft_stack_usage *out)
{
    out->connections = tcp->tcbs.used;
    out->listeners = tcp->listeners.used;
    out->half_open = tcp->syns.used;
    out->time_wait = tcp->time_waits.used;
    out->chunks = tcp->chunks.used;
    out->ranges = tcp->ranges.used;
    out->runs = tcp->runs.used;
    out->ao_keys = tcp->ao_keys.used;
}

/* --- A segment comes in --------------------------------------------------------------------------- */

void tcp_seg_drop(struct tcp *tcp, struct tcp_seg *seg, uint32_t conn, enum weft_drop reason)
{
    core_drop(tcp->core, reason, seg->rx->iface, conn, seg->pkt);
    seg->pkt = NULL;
}

void tcp_seg_trace(struct tcp *tcp, uint32_t conn, const struct tcp_seg *seg)
{
    trace(&tcp->core->trace, tcp->core->now, WEFT_TRACE_TCP_IN, seg->rx->iface, conn, seg->seq.n, seg->ack.n,
          seg->flags, seg->len, seg->window, 0);
}

/* RFC 9293 3.1, MUST-3; a link or a local peer may have vouched for it. */
static bool checksum_is_good(const struct weft_pkt *pkt, const struct net_rx *rx)
{
    uint64_t sum;
    bool odd;

    if (pkt->flags & (WEFT_PKT_CSUM_GOOD | WEFT_PKT_CSUM_PARTIAL))
        return true;
    sum = checksum_pseudo(&rx->src, &rx->dst, WIRE_PROTO_TCP, pkt->total_len);
    sum += checksum_sum(pkt->data, pkt->len);
    odd = pkt->len & 1;
    for (unsigned i = 0; i < pkt->nslices; i++) {
        const struct weft_slice *slice = &pkt->slices[i];
        uint64_t piece = checksum_sum(slice->block->data + slice->off, slice->len);

        sum += odd ? checksum_shift(piece) : piece;
        odd ^= slice->len & 1;
    }
    return checksum_fold(sum) == 0xffff;
}

/* Reads header and options. Returns a drop reason, or WEFT_DROP_COUNT when all is well. */
static enum weft_drop parse(struct weft_pkt *pkt, const struct net_rx *rx, struct wire_tcp *header,
                            struct wire_tcp_opts *opts)
{
    struct cursor c;

    if (pkt->len < WIRE_TCP_MAX_LEN && pkt->len < pkt->total_len)
        weft_pkt_linearize(pkt, pkt->total_len < WIRE_TCP_MAX_LEN ? pkt->total_len : WIRE_TCP_MAX_LEN);
    c = cursor_of(pkt->data, pkt->len);
    if (!wire_tcp_parse(&c, header))
        return WEFT_DROP_TCP_SHORT;
    if (!checksum_is_good(pkt, rx))
        return WEFT_DROP_TCP_CHECKSUM;
    if (rx->dst_is_broadcast)
        return WEFT_DROP_TCP_ADDRESS;
    if (!wire_tcp_opts_parse(header->options, header->header_len - WIRE_TCP_LEN, opts))
        return WEFT_DROP_TCP_OPTIONS;
    return WEFT_DROP_COUNT;
}

/* Takes the header off the packet, and fills in all of the segment but its options and its proof. */
static void fill_segment(struct weft_pkt *pkt, const struct net_rx *rx, const struct wire_tcp *header,
                         struct tcp_seg *seg)
{
    weft_pkt_pull(pkt, header->header_len);
    seg->pkt = pkt;
    seg->rx = rx;
    seg->src_port = header->src_port;
    seg->dst_port = header->dst_port;
    seg->seq = seg->start = seq_of(header->seq);
    seg->ack = seq_of(header->ack);
    seg->len = pkt->total_len;
    seg->flags = header->flags;
    seg->window = header->window;
    seg->up = seq_add(seg->seq, header->urgent);
    seg->has_isn_floor = false;
    seg->segs = pkt->gso_segs > 1 ? pkt->gso_segs : 1;
}

/* A connection's number in the trace; 0: it is none. */
static uint32_t conn_of(const struct tcp_node *node)
{
    return node && node->kind == TCP_NODE_TCB ? list_entry(node, struct tcb, node)->conn : 0;
}

/* RFC 9293 3.10.7.1: nobody is there. */
static void input_closed(struct tcp *tcp, struct tcp_seg *seg)
{
    if (seg->flags & WIRE_TCP_RST) {
        tcp_seg_drop(tcp, seg, 0, WEFT_DROP_TCP_RST_TO_NOBODY);
        return;
    }
    tcp_reply_reset(tcp, seg);
    tcp_seg_drop(tcp, seg, 0, WEFT_DROP_TCP_NO_CONNECTION);
}

static void input_unconnected(struct tcp *tcp, struct tcp_seg *seg, const struct tcp_tuple *tuple)
{
    struct tcp_listener *listener = tcp_demux_listener(tcp, &tuple->local, tuple->local_port);

    if (listener)
        tcp_syncache_listen(listener, seg, tuple);
    else
        input_closed(tcp, seg);
}

/* A SYN may open a new connection in the place of an old one, which keeps its place until that is there. */
static void input_time_wait(struct tcp *tcp, struct tcp_node *node, struct tcp_seg *seg,
                            const struct tcp_tuple *tuple)
{
    struct tcp_listener *listener = tcp_demux_listener(tcp, &tuple->local, tuple->local_port);

    if (!listener || !tcp_timewait_gives_way(tcp, node, seg)) {
        tcp_timewait_input(tcp, node, seg);
        return;
    }
    seg->has_isn_floor = true;
    seg->isn_floor = tcp_timewait_snd_nxt(node);
    tcp_syncache_listen(listener, seg, tuple);
    if (tcp_demux_find(tcp, tuple) == node)
        return;
    core_count(tcp->core, WEFT_COUNT_TCP_TIME_WAIT_REUSED);
    tcp_timewait_end(tcp, node);
}

static void input_connection(struct tcb *tcb, struct tcp_seg *seg)
{
    tcp_seg_trace(tcb->tcp, tcb->conn, seg);
    if (!tcb->tcp->config.no_fast_path && tcp_fast_input(tcb, seg))
        return;
    if (tcb->state == WEFT_TCP_SYN_SENT)
        tcp_input_syn_sent(tcb, seg);
    else
        tcp_input_synchronized(tcb, seg);
}

static void input(void *ctx, struct weft_pkt *pkt, const struct net_rx *rx)
{
    struct tcp *tcp = ctx;
    struct tcp_seg seg;
    struct wire_tcp header;
    enum weft_drop reason = parse(pkt, rx, &header, &seg.opts);
    struct tcp_tuple tuple;
    struct tcp_node *node = NULL;

    core_count(tcp->core, WEFT_COUNT_TCP_IN_SEGS);
    if (reason == WEFT_DROP_COUNT) {
        tuple = (struct tcp_tuple){rx->dst, rx->src, header.dst_port, header.src_port};
        node = tcp_demux_find(tcp, &tuple);
        reason = tcp_ao_check(tcp, node, &tuple, pkt, &header, &seg.opts, &seg.proof);
    }
    if (reason != WEFT_DROP_COUNT) {
        core_drop(tcp->core, reason, rx->iface, conn_of(node), pkt);
        return;
    }
    fill_segment(pkt, rx, &header, &seg);
    if (!node)
        input_unconnected(tcp, &seg, &tuple);
    else if (node->kind == TCP_NODE_TCB)
        input_connection(list_entry(node, struct tcb, node), &seg);
    else if (node->kind == TCP_NODE_SYN)
        tcp_syncache_input(tcp, node, &seg);
    else
        input_time_wait(tcp, node, &seg, &tuple);
}

/* --- Timers and output -------------------------------------------------------------------------------- */

void tcp_timer_due(struct tcp *tcp, struct weft_timer_node *node)
{
    switch (node->kind) {
    case CORE_TIMER_TCP:
        tcp_timer_fire(list_entry(node, struct tcb, timer));
        break;
    case CORE_TIMER_TCP_SYN:
        tcp_syncache_timer(tcp, node);
        break;
    default:
        tcp_timewait_timer(tcp, node);
    }
}

/* True when less than `eighths` eighths are left of anything in the pool. */
static bool pool_has_less(const struct weft_pool *pool, uint32_t eighths)
{
    struct weft_pool_usage u;

    weft_pool_usage(pool, &u);
    return u.pkts - u.pkts_used < u.pkts / 8 * eighths ||
           u.small_blocks - u.small_used < u.small_blocks / 8 * eighths ||
           u.large_blocks - u.large_used < u.large_blocks / 8 * eighths;
}

bool tcp_writer_must_wait(const struct tcp *tcp)
{
    return pool_has_less(tcp->core->pool, 3);
}

/* Can what applications write find memory now? */
static bool writers_may_go(const struct tcp *tcp)
{
    return !tcp_writer_must_wait(tcp) && tcp->chunks.used < tcp->chunks.capacity;
}

/* How many of the blocked connections are looked at for one whose link has room again: they are few
 * links' connections, so the first few tell. */
#define BLOCKED_LOOK 64

bool tcp_has_work(const struct tcp *tcp)
{
    unsigned looked = 0;

    if (!list_is_empty(&tcp->output))
        return true;
    for (struct list *link = tcp->blocked.next; link != &tcp->blocked && looked++ < BLOCKED_LOOK;
         link = link->next)
        if (net_path_room(tcp->net, &list_entry(link, struct tcb, output_link)->path) > 0)
            return true;
    return !list_is_empty(&tcp->writers) && writers_may_go(tcp);
}

void tcp_wait_for_memory(struct tcb *tcb)
{
    if (!list_is_linked(&tcb->memory_link))
        list_push_back(&tcb->tcp->writers, &tcb->memory_link);
}

/* Applications that found no packet memory may try again. */
static void wake_writers(struct tcp *tcp)
{
    struct list *link;

    while (writers_may_go(tcp) && (link = list_pop_front(&tcp->writers)) != NULL) {
        struct tcb *tcb = list_entry(link, struct tcb, memory_link);

        tcb->writer_waits = false;
        tcp_signal(tcb, WEFT_WRITABLE);
    }
}

void tcp_flush(struct tcp *tcp)
{
    struct list *link;

    tcp->memory_low = pool_has_less(tcp->core->pool, 1);
    wake_writers(tcp);
    while ((link = list_pop_front(&tcp->blocked)) != NULL || (link = list_pop_front(&tcp->starved)) != NULL)
        list_push_back(&tcp->output, link);
    while ((link = list_pop_front(&tcp->output)) != NULL) {
        struct tcb *tcb = list_entry(link, struct tcb, output_link);

        if (tcp_output(tcb)) {
            tcp_timer_not_stalled(tcb);
        } else if (tcb->limit == WEFT_LIMIT_LINK) {
            list_push_back(&tcp->blocked, &tcb->output_link);
        } else {
            list_push_back(&tcp->starved, &tcb->output_link);
            tcp_timer_stalled(tcb);
        }
    }
}
