/* SPDX-License-Identifier: MIT */
/*
 * TIME-WAIT: a small record in the place of a connection that has ended
 * (RFC 9293 3.4.2, 3.6).
 *
 * Owns    the records, their 2MSL timers and their order.
 * Never   lets an RST end the wait (RFC 1337 3, fix F1).
 *
 * DEVIATES: RFC 9293 3.10.7.4 second has an RST with the exact number end the wait. RFC 1337 shows
 *         how old segments do that by themselves. Test: tests/script/rfc1337.
 *
 * When the table is full the oldest record gives way: a busy server keeps the
 * protection of the most recent connections.
 */
#include "tcp/tcb.h"

struct time_wait {
    struct tcp_node node;
    struct list order;
    struct weft_timer_node timer;
    uint32_t conn;
    tcp_seq snd_nxt, rcv_nxt;
    uint32_t rcv_wnd; /* as in the field, scaled down by rcv_wscale */
    uint8_t rcv_wscale;
    bool has_timestamps;
    uint32_t ts_recent, ts_offset;
    struct tcp_quota challenges;
    uint8_t tos, ttl;
    struct tcp_ao *ao; /* NULL: it had no AO */
};

static struct time_wait *of_node(struct tcp_node *node)
{
    return list_entry(node, struct time_wait, node);
}

static void trace_timer(struct tcp *tcp, const struct time_wait *tw, enum weft_trace_event event,
                        weft_time in)
{
    trace(&tcp->core->trace, tcp->core->now, event, 0, tw->conn, WEFT_TIMER_TIME_WAIT, in, 0, 0, 0, 0);
}

static void start_timer(struct tcp *tcp, struct time_wait *tw)
{
    weft_time wait = 2 * tcp->config.msl;

    wheel_set(&tcp->core->wheel, &tw->timer, tcp->core->now + wait);
    trace_timer(tcp, tw, WEFT_TRACE_TCP_TIMER_SET, wait);
}

size_t tcp_timewait_size(void)
{
    return sizeof(struct time_wait);
}

void tcp_timewait_begin(struct tcb *tcb)
{
    struct tcp *tcp = tcb->tcp;
    struct time_wait *tw = slab_new(&tcp->time_waits);

    if (!tw) {
        core_count(tcp->core, WEFT_COUNT_TCP_TIME_WAIT_FULL);
        tcp_timewait_end(tcp, &list_entry(tcp->time_wait_order.next, struct time_wait, order)->node);
        tw = slab_new(&tcp->time_waits);
    }
    tw->node.kind = TCP_NODE_TIME_WAIT;
    tw->node.tuple = tcb->node.tuple;
    tw->timer.kind = CORE_TIMER_TCP_TIME_WAIT;
    tw->conn = tcb->conn;
    tw->snd_nxt = tcb->snd.nxt;
    tw->rcv_nxt = tcb->rcv.nxt;
    tw->rcv_wnd = tcp_rcv_wnd(tcb) >> tcb->rcv.wscale;
    tw->rcv_wscale = tcb->rcv.wscale;
    tw->has_timestamps = tcb->has_timestamps;
    tw->ts_recent = tcb->ts_recent;
    tw->ts_offset = tcb->ts_offset;
    tw->tos = tcb->options.tos;
    tw->ttl = tcb->options.ttl;
    tw->ao = tcb->ao;
    tcb->ao = NULL;
    tcp_demux_insert(tcp, &tw->node);
    list_push_back(&tcp->time_wait_order, &tw->order);
    start_timer(tcp, tw);
}

void tcp_timewait_end(struct tcp *tcp, struct tcp_node *node)
{
    struct time_wait *tw = of_node(node);

    wheel_cancel(&tcp->core->wheel, &tw->timer);
    tcp_demux_remove(tcp, node);
    list_remove(&tw->order);
    tcp_ao_free(tcp, tw->ao);
    slab_free(&tcp->time_waits, tw);
}

void tcp_timewait_timer(struct tcp *tcp, struct weft_timer_node *node)
{
    struct time_wait *tw = list_entry(node, struct time_wait, timer);

    trace_timer(tcp, tw, WEFT_TRACE_TCP_TIMER_FIRED, 0);
    trace(&tcp->core->trace, tcp->core->now, WEFT_TRACE_TCP_STATE, 0, tw->conn, WEFT_TCP_TIME_WAIT,
          WEFT_TCP_CLOSED, WEFT_CAUSE_TWO_MSL, 0, 0, 0);
    tcp_timewait_end(tcp, &tw->node);
}

/* A later timestamp, the first timestamp at all (PAWS drops what has none), or a number above all of the old
 * one's (RFC 6191 2, RFC 9293 MAY-2). */
bool tcp_timewait_gives_way(const struct tcp *tcp, struct tcp_node *node, const struct tcp_seg *seg)
{
    const struct time_wait *tw = of_node(node);
    bool will_have_timestamps = seg->opts.has_timestamps && !tcp->config.no_timestamps;

    if ((seg->flags & (WIRE_TCP_SYN | WIRE_TCP_ACK | WIRE_TCP_RST)) != WIRE_TCP_SYN)
        return false;
    if (will_have_timestamps && !tw->has_timestamps)
        return true;
    if (will_have_timestamps && seg->opts.tsval != tw->ts_recent)
        return (int32_t)(seg->opts.tsval - tw->ts_recent) > 0;
    return seq_ge(seg->seq, tw->rcv_nxt);
}

struct tcp_ao *tcp_timewait_ao(const struct tcp_node *node)
{
    return list_entry(node, struct time_wait, node)->ao;
}

tcp_seq tcp_timewait_snd_nxt(struct tcp_node *node)
{
    return of_node(node)->snd_nxt;
}

/* RFC 9293 table 6, for a window that is not shut: some of it lies there. */
static bool is_acceptable(const struct time_wait *tw, const struct tcp_seg *seg)
{
    tcp_seq edge = seq_add(tw->rcv_nxt, tw->rcv_wnd << tw->rcv_wscale);

    return seq_lt(seg->seq, edge) && seq_gt(seq_add(seg->seq, tcp_seg_span(seg)), tw->rcv_nxt);
}

static void acknowledge(struct tcp *tcp, const struct time_wait *tw)
{
    struct tcp_reply reply = {
        .tuple = &tw->node.tuple,
        .conn = tw->conn,
        .seq = tw->snd_nxt,
        .ack = tw->rcv_nxt,
        .flags = WIRE_TCP_ACK,
        .window = (uint16_t)(tw->rcv_wnd < UINT16_MAX ? tw->rcv_wnd : UINT16_MAX),
        .tos = tw->tos,
        .ttl = tw->ttl,
        .why = WEFT_SENT_ACK_DUPLICATE,
    };

    struct tcp_ao_signer signer;

    if (tw->ao) {
        tcp_ao_signer_of_rest(tcp, tw->ao, &tw->node.tuple, &signer);
        reply.ao = &signer;
    }
    if (tw->has_timestamps) {
        reply.opts.has_timestamps = true;
        reply.opts.tsval = tcp_ts_clock(tcp) + tw->ts_offset;
        reply.opts.tsecr = tw->ts_recent;
    }
    tcp_reply_send(tcp, &reply);
}

/*
 * Only what asks for an answer gets one: two ends in TIME-WAIT must not answer
 * each other's ACKs, and when their numbers differ not without end. The
 * peer's data and its FIN are acknowledged whenever they come.
 */
static bool is_answered(struct tcp *tcp, struct time_wait *tw, const struct tcp_seg *seg)
{
    bool is_syn = seg->flags & WIRE_TCP_SYN;

    if (!is_syn && tcp_seg_span(seg) > 0)
        return true;
    if ((!is_syn && seq_eq(seg->seq, tw->rcv_nxt)) || !tcp_quota_take(tcp, &tw->challenges))
        return false;
    core_count(tcp->core, WEFT_COUNT_TCP_CHALLENGE_ACKS);
    return true;
}

void tcp_timewait_input(struct tcp *tcp, struct tcp_node *node, struct tcp_seg *seg)
{
    struct time_wait *tw = of_node(node);

    if (seg->flags & WIRE_TCP_RST) {
        tcp_seg_drop(tcp, seg, tw->conn, WEFT_DROP_TCP_RST_INVALID);
        return;
    }
    /* Fifth: without ACK it is dropped when it lies in the window; a SYN is challenged first, wherever it lies. */
    if (!(seg->flags & (WIRE_TCP_SYN | WIRE_TCP_ACK)) && is_acceptable(tw, seg)) {
        tcp_seg_drop(tcp, seg, tw->conn, WEFT_DROP_TCP_NO_ACK);
        return;
    }
    if (is_answered(tcp, tw, seg))
        acknowledge(tcp, tw);
    /* Seventh and eighth of RFC 9293 3.10.7.4: the peer's FIN again, and no other, restarts the wait. */
    if ((seg->flags & WIRE_TCP_FIN) && seq_eq(seq_add(seg->seq, tcp_seg_span(seg)), tw->rcv_nxt))
        start_timer(tcp, tw);
    tcp_seg_drop(tcp, seg, tw->conn, WEFT_DROP_TCP_DUPLICATE);
}
