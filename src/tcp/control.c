/* SPDX-License-Identifier: MIT */
/*
 * Segments that a connection sends for the sake of the connection: SYNs, ACKs
 * of their own, what makes the peer answer, resets. A SYN may carry data (fast
 * open); the rest is empty.
 *
 * Owns    what is owed of these, and the marks of our SYN on the scoreboard.
 * Never   decides when: output.c asks for them in its order.
 */
#include "tcp/tcb.h"

/* --- The handshake ---------------------------------------------------------------------------- */

/* Data goes with our first SYN only: when it is repeated the path may not like such SYNs (RFC 7413 4.2.2). */
static uint32_t syn_payload(const struct tcb *tcb, bool first)
{
    uint32_t room = first && tcb->state == WEFT_TCP_SYN_SENT ? tcp_tfo_room(tcb) : 0;

    return tcb->buf.len < room ? tcb->buf.len : room;
}

static void syn_has_gone(struct tcb *tcb, uint32_t payload)
{
    tcb->snd.nxt = seq_add(tcb->snd.iss, 1 + payload);
    tcp_sack_sent(tcb, tcb->snd.iss, tcb->snd.nxt);
    if (payload == 0)
        return;
    tcb->tfo.syn_bytes = (uint16_t)payload;
    if (payload < tcp_tfo_room(tcb))
        tcb->snd.small_end = tcb->snd.nxt; /* Nagle: one that is full but for a SYN's options is not small */
    tcb->bytes_sent += payload;
    tcp_trace(tcb, WEFT_TRACE_TCP_FAST_SENT, payload, 0, 0, 0, 0, 0);
}

bool tcp_control_syn(struct tcb *tcb)
{
    bool first = seq_eq(tcb->snd.nxt, tcb->snd.iss);
    bool answer = tcb->state == WEFT_TCP_SYN_RECEIVED;
    struct tcp_outgoing segment = {
        .seq = tcb->snd.iss,
        .len = syn_payload(tcb, first),
        .flags = (uint16_t)((answer ? WIRE_TCP_SYN | WIRE_TCP_ACK : WIRE_TCP_SYN) |
                            tcp_ecn_syn_flags(tcb, answer, first)),
        .why = answer ? WEFT_SENT_SYN_ACK : WEFT_SENT_SYN,
    };
    int64_t sent = !first || tcp_sack_can_note(tcb) ? tcp_segment_send(tcb, &segment) : -1;

    if (sent < 0)
        return false;
    tcb->owed &= (uint16_t)~TCP_OWED_SYN;
    if (first) {
        syn_has_gone(tcb, (uint32_t)sent);
    } else if (tcb->board.head) {
        tcp_sack_resent(tcb, tcb->board.head, 1);
    }
    core_count(tcb->tcp->core, first ? WEFT_COUNT_TCP_OUT_SEGS : WEFT_COUNT_TCP_RETRANS_SEGS);
    if (first || tcb->deadline[WEFT_TIMER_RTO] == WEFT_TIME_NEVER)
        tcp_timer_syn_sent(tcb);
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
    if (tcb->owed & TCP_OWED_URGENT)
        return WEFT_SENT_URGENT;
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
bool tcp_control_acks(struct tcb *tcb)
{
    unsigned n = tcb->owed_dups > 1 && !tcb->has_sack ? tcb->owed_dups : 1;

    if (!(tcb->owed & TCP_OWED_ANY_ACK))
        return true;
    struct tcp_outgoing segment = {.seq = number_of_ack(tcb), .flags = WIRE_TCP_ACK, .why = ack_reason(tcb)};
    while (n-- > 0) {
        if (net_path_room(tcb->tcp->net, &tcb->path) == 0) {
            tcp_info_limit(tcb, WEFT_LIMIT_LINK);
            return false;
        }
        if (tcp_segment_send(tcb, &segment) < 0) {
            tcp_info_limit(tcb, WEFT_LIMIT_MEMORY);
            return false;
        }
        core_count(tcb->tcp->core, WEFT_COUNT_TCP_OUT_SEGS);
    }
    return true;
}

/* --- Pokes, resets ---------------------------------------------------------------------------------- */

bool tcp_control_poke(struct tcb *tcb, tcp_seq seq, enum weft_tcp_send_reason why)
{
    struct tcp_outgoing segment = {.seq = seq, .flags = WIRE_TCP_ACK, .why = why};

    return tcp_segment_send(tcb, &segment) >= 0;
}

static void send_reset(struct tcb *tcb, tcp_seq seq, uint8_t flags)
{
    struct tcp_reply reply = {
        .tuple = &tcb->node.tuple,
        .conn = tcb->conn,
        .seq = seq,
        .ack = tcb->rcv.nxt,
        .flags = flags,
        .ttl = tcb->options.ttl,
        .tos = tcb->options.tos,
        .why = WEFT_SENT_RST,
    };

    struct tcp_ao_signer signer;

    if (tcb->ao && tcb->state >= WEFT_TCP_SYN_RECEIVED) {
        tcp_ao_signer_of(tcb, false, &signer);
        reply.ao = &signer;
    }
    if (tcb->has_timestamps) {
        reply.opts.has_timestamps = true;
        reply.opts.tsval = tcp_ts_clock(tcb->tcp) + tcb->ts_offset;
        reply.opts.tsecr = flags & WIRE_TCP_ACK ? tcb->ts_recent : 0; /* RFC 7323 3.2 */
    }
    tcp_reply_send(tcb->tcp, &reply);
}

void tcp_control_reset(struct tcb *tcb)
{
    send_reset(tcb, tcb->snd.nxt,
               tcb->state >= WEFT_TCP_SYN_RECEIVED ? WIRE_TCP_RST | WIRE_TCP_ACK : WIRE_TCP_RST);
}

/* What has been lost the peer does not have, and a number behind it it would only ask after (RFC 5961 3.2); what has
 * gone only now it will have taken before this comes. */
void tcp_control_refuse(struct tcb *tcb, const struct tcp_seg *seg)
{
    bool has_lost = tcb->retries > 0 || tcb->cc.state != TCP_CA_OPEN;

    if (has_lost && (seg->flags & WIRE_TCP_ACK))
        send_reset(tcb, seg->ack, WIRE_TCP_RST);
    else
        tcp_control_reset(tcb);
}
