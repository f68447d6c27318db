/* SPDX-License-Identifier: MIT */
/*
 * The life of a connection: birth, changes of state, death.
 *
 * Owns    tcb->state, and the memory of control blocks. Every change of state
 *         goes through tcp_state_set, which knows the edges of RFC 9293
 *         figure 5 and traps on any other: they would be a bug of ours.
 * Never   sends; never decides that a state should change.
 */
#include "base/assert.h"
#include "tcp/tcb.h"

#define TO(state) (1u << WEFT_TCP_##state)

/* RFC 9293 3.3.2, figure 5, and any state to CLOSED by reset, abort or timeout. A block begins in
 * SYN-SENT, or in SYN-RECEIVED when it comes from the SYN cache, where LISTEN lives. */
static const uint16_t edges[WEFT_TCP_STATE_COUNT] = {
    [WEFT_TCP_SYN_SENT] = TO(SYN_RECEIVED) | TO(ESTABLISHED),
    [WEFT_TCP_SYN_RECEIVED] = TO(ESTABLISHED),
    [WEFT_TCP_ESTABLISHED] = TO(FIN_WAIT_1) | TO(CLOSE_WAIT),
    [WEFT_TCP_FIN_WAIT_1] = TO(FIN_WAIT_2) | TO(CLOSING) | TO(TIME_WAIT),
    [WEFT_TCP_FIN_WAIT_2] = TO(TIME_WAIT),
    [WEFT_TCP_CLOSE_WAIT] = TO(LAST_ACK),
    [WEFT_TCP_CLOSING] = TO(TIME_WAIT),
};

struct tcb *tcp_state_new(struct tcp *tcp, const struct tcp_tuple *tuple, const struct tcp_options *options,
                          uint32_t conn, enum weft_tcp_state state)
{
    struct tcb *tcb = slab_new(&tcp->tcbs);

    if (!tcb)
        return NULL;
    tcb->node.kind = TCP_NODE_TCB;
    tcb->node.tuple = *tuple;
    tcb->tcp = tcp;
    tcb->conn = conn;
    tcb->options = *options;
    tcb->options.ao = NULL;
    tcb->state = (uint8_t)state;
    tcb->limit = WEFT_LIMIT_HANDSHAKE;
    tcb->limit_since = tcb->last_received = tcb->last_sent = tcb->since_unacked = tcp->core->now;
    list_init(&tcb->accept_link);
    list_init(&tcb->output_link);
    list_init(&tcb->memory_link);
    tcb->ts_offset = tcp_demux_ts_offset(tcp, tuple);
    tcp_timer_init(tcb);
    tcp_rtt_init(tcb);
    tcp_hostcache_begin(tcb);
    tcp_tune_init(tcb);
    tcb->cc.ops = options->congestion;
    tcp_demux_insert(tcp, &tcb->node);
    return tcb;
}

void tcp_state_set(struct tcb *tcb, enum weft_tcp_state state, enum weft_tcp_cause cause)
{
    weft_assert(state == WEFT_TCP_CLOSED || (edges[tcb->state] & 1u << state));
    if (state == WEFT_TCP_CLOSED || state == WEFT_TCP_TIME_WAIT)
        tcp_hostcache_end(tcb);
    tcp_trace(tcb, WEFT_TRACE_TCP_STATE, tcb->state, state, cause, 0, 0, 0);
    tcb->state = (uint8_t)state;
    if (state == WEFT_TCP_CLOSED || state == WEFT_TCP_TIME_WAIT)
        tcp_info_end(tcb);
}

/* No more segments will be found for it. */
static void leave_table(struct tcb *tcb)
{
    tcp_timer_stop_all(tcb);
    tcp_tfo_settled(tcb, false);
    list_remove(&tcb->output_link);
    list_remove(&tcb->memory_link);
    tcb->owed = 0;
    tcp_demux_remove(tcb->tcp, &tcb->node);
}

void tcp_state_free(struct tcb *tcb)
{
    struct tcp *tcp = tcb->tcp;

    if (tcb->state != WEFT_TCP_CLOSED && tcb->state != WEFT_TCP_TIME_WAIT)
        leave_table(tcb);
    tcp_text_purge(tcb);
    tcp_sendbuf_purge(&tcb->buf, &tcp->chunks);
    tcp_sack_purge(tcb);
    tcp_ao_free(tcp, tcb->ao);
    slab_free(&tcp->tcbs, tcb);
}

/* The connection is over; what was received may still be read if there is somebody to read it, or will be:
 * one that waits to be accepted goes if it has brought nothing. */
static void bury(struct tcb *tcb)
{
    if (tcb->listener && tcb->rcv.buffered == 0) {
        tcb->listener->waiting--;
        list_remove(&tcb->accept_link);
        tcb->listener = NULL;
        tcb->orphan = true;
    }
    tcp_sendbuf_purge(&tcb->buf, &tcb->tcp->chunks);
    tcp_sack_purge(tcb);
    if (tcb->orphan)
        tcp_state_free(tcb);
}

void tcp_state_fail(struct tcb *tcb, int error, enum weft_tcp_cause cause)
{
    core_count(tcb->tcp->core,
               tcb->state <= WEFT_TCP_SYN_RECEIVED ? WEFT_COUNT_TCP_OPEN_FAILS : WEFT_COUNT_TCP_ESTAB_RESETS);
    tcb->error = error;
    tcp_tfo_settled(tcb, cause == WEFT_CAUSE_RST);
    tcp_trace(tcb, WEFT_TRACE_TCP_ERROR, (uint64_t)(int64_t)error, cause, 0, 0, 0, 0);
    leave_table(tcb);
    tcp_state_set(tcb, WEFT_TCP_CLOSED, cause);
    tcp_signal(tcb, tcp_events(tcb));
    bury(tcb);
}

void tcp_state_finish(struct tcb *tcb, enum weft_tcp_cause cause)
{
    leave_table(tcb);
    tcp_state_set(tcb, WEFT_TCP_CLOSED, cause);
    tcp_signal(tcb, tcp_events(tcb));
    bury(tcb);
}

void tcp_state_time_wait(struct tcb *tcb, enum weft_tcp_cause cause)
{
    leave_table(tcb);
    tcp_state_set(tcb, WEFT_TCP_TIME_WAIT, cause);
    tcp_timewait_begin(tcb);
    tcp_signal(tcb, tcp_events(tcb));
    bury(tcb);
}
