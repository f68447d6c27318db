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
 */
#include "tcp/tcb.h"

/* The smallest MTU that a message makes us believe: below it a forged one would cost more than a true one
 * helps (RFC 5927 7.2). RFC 791 allows links down to 68; ours, as Linux has it. */
#define MTU_MIN 552u

static bool quotes_flight(const struct tcb *tcb, tcp_seq seq)
{
    return seq_ge(seq, tcb->snd.una) && seq_lt(seq, tcb->snd.nxt);
}

/* RFC 1191 6.4: smaller segments from now on, and what was too big is sent again in such. */
static void path_mtu_fell(struct tcb *tcb, const struct net_error *error, tcp_seq seq)
{
    uint16_t before = tcb->snd.mss;
    uint32_t mtu = error->mtu > MTU_MIN ? error->mtu : MTU_MIN;
    struct tcp_range *range;

    if (mtu >= tcb->path.mtu)
        return;
    net_path_mtu_set(tcb->tcp->net, &error->dst, mtu);
    if (net_path_find(tcb->tcp->net, &tcb->node.tuple.local, &tcb->node.tuple.remote, &tcb->path) < 0)
        return;
    tcp_output_update_mss(tcb);
    if (tcb->snd.mss >= before)
        return;
    for (range = tcb->board.head; range; range = range->next)
        if (seq_ge(range->end, seq))
            tcp_sack_mark_lost(tcb, range, UINT32_MAX, WEFT_CAUSE_PMTU);
    tcp_owe(tcb, 0);
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
 * router's soft error is only remembered, as RFC 9293 MUST-56 has it.
 */
static bool ends_open(const struct net_error *error)
{
    return error->is_local || error->kind == NET_ERROR_PORT_UNREACHABLE ||
           error->kind == NET_ERROR_PROTOCOL_UNREACHABLE || error->kind == NET_ERROR_ADMIN_PROHIBITED;
}

static void take_error(struct tcb *tcb, const struct net_error *error, tcp_seq seq)
{
    if (error->kind == NET_ERROR_TOO_BIG)
        path_mtu_fell(tcb, error, seq);
    else if (error->kind == NET_ERROR_SOURCE_QUENCH)
        return; /* RFC 9293 MUST-55 */
    else if (tcb->state <= WEFT_TCP_SYN_RECEIVED && ends_open(error))
        tcp_state_fail(tcb, error_of(error->kind), WEFT_CAUSE_ICMP_HARD);
    else
        tcb->soft_error = error_of(error->kind);
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
    if (node->kind == TCP_NODE_SYN) {
        if (error->is_local)
            tcp_syncache_drop(tcp, node);
        return;
    }
    tcb = list_entry(node, struct tcb, node);
    if (!error->is_local && !quotes_flight(tcb, seq)) {
        tcp->core->stats.drop[WEFT_DROP_ICMP_ORPHAN]++;
        return;
    }
    take_error(tcb, error, seq);
}
