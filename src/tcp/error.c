/* SPDX-License-Identifier: MIT */
/*
 * What ICMP reports about our segments (RFC 9293 3.9.2.2, RFC 5461, RFC 5927).
 *
 * Owns    the decision whether to believe an error and what it means.
 * Never   believes one whose quoted sequence number is not in flight: anyone
 *         can forge a message, few can guess that number (RFC 5927 4.1). What
 *         the stack itself found out needs no such proof.
 *
 * A connection that stands is not ended by any error (RFC 5461 4.1, RFC 5927
 * 5.2): the path may heal. A connection that is being opened fails with it.
 *
 * DEVIATES: RFC 9293 SHLD-26 has hard errors end what stands, too; anyone can send
 *         them. Test: tests/script/rfc9293/3.9.2.2-hard-icmp-does-not-end-what-stands.pkt.
 */
#include "tcp/tcb.h"

static bool quotes_flight(const struct tcb *tcb, tcp_seq seq)
{
    return seq_ge(seq, tcb->snd.una) && seq_lt(seq, tcb->snd.nxt);
}

static int error_of(enum net_error_kind kind)
{
    switch (kind) {
    case NET_ERROR_NET_UNREACHABLE:
    case NET_ERROR_SOURCE_ROUTE_FAILED:
        return WEFT_E_NETUNREACH;
    case NET_ERROR_PORT_UNREACHABLE:
    case NET_ERROR_PROTOCOL_UNREACHABLE:
        return WEFT_E_CONNREFUSED;
    default:
        return WEFT_E_HOSTUNREACH;
    }
}

/*
 * RFC 5461 4.2 leaves to the implementation whether a soft error ends an open
 * in progress. A host that found out itself that nobody is there says so; a
 * router's soft error is only remembered, as RFC 9293 MUST-56 has it, unless
 * the configuration has it otherwise.
 */
static bool ends_open(const struct tcp *tcp, const struct net_error *error)
{
    if (error->kind == NET_ERROR_TOO_BIG || error->kind == NET_ERROR_SOURCE_QUENCH)
        return false;
    return error->is_local || tcp->config.soft_errors_end_opens ||
           error->kind == NET_ERROR_PORT_UNREACHABLE || error->kind == NET_ERROR_PROTOCOL_UNREACHABLE ||
           error->kind == NET_ERROR_ADMIN_PROHIBITED;
}

/* RFC 9293 SHLD-25: the application may know. */
static void report_trouble(struct tcb *tcb, int error)
{
    tcb->soft_error = error;
    tcp_signal(tcb, tcp_events(tcb) & WEFT_TROUBLE);
}

static void take_error(struct tcb *tcb, const struct net_error *error, tcp_seq seq)
{
    if (error->kind == NET_ERROR_TOO_BIG)
        tcp_pmtud_too_big(tcb, error->mtu, seq);
    else if (error->kind == NET_ERROR_SOURCE_QUENCH)
        return; /* RFC 9293 MUST-55 */
    else if (tcb->state <= WEFT_TCP_SYN_RECEIVED && ends_open(tcb->tcp, error))
        tcp_state_fail(tcb, error_of(error->kind), WEFT_CAUSE_ICMP_HARD);
    else
        report_trouble(tcb, error_of(error->kind));
}

void tcp_error_input(void *ctx, const struct net_error *error)
{
    struct tcp *tcp = ctx;
    struct cursor c = cursor_of(error->quote, error->quote_len);
    struct tcp_tuple tuple = {.local = error->src, .remote = error->dst};
    struct tcp_node *node;
    struct tcb *tcb;
    tcp_seq seq;

    tuple.local_port = cursor_be16(&c);
    tuple.remote_port = cursor_be16(&c);
    seq = seq_of(cursor_be32(&c));
    node = cursor_ok(&c) ? tcp_demux_find(tcp, &tuple) : NULL;
    if (!node || node->kind == TCP_NODE_TIME_WAIT) {
        tcp->core->stats.drop[WEFT_DROP_ICMP_ORPHAN]++;
        return;
    }
    tcb = node->kind == TCP_NODE_TCB ? list_entry(node, struct tcb, node) : NULL;
    if (!error->is_local && !(tcb ? quotes_flight(tcb, seq) : tcp_syncache_is_iss(node, seq))) {
        tcp->core->stats.drop[WEFT_DROP_ICMP_NOT_IN_FLIGHT]++;
        return;
    }
    if (tcb && tcp_ao_ignores_error(tcb, error)) {
        tcp->core->stats.drop[WEFT_DROP_ICMP_AO]++;
        return;
    }
    if (tcb)
        take_error(tcb, error, seq);
    else if (ends_open(tcp, error))
        tcp_syncache_drop(tcp, node);
}
