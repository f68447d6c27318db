/* SPDX-License-Identifier: MIT */
/*
 * Segments without payload that need no control block: answers to what belongs
 * to nobody, the SYN cache's SYN-ACKs, TIME-WAIT's ACKs, resets.
 *
 * Owns    the limits on challenge ACKs (RFC 5961 7): that of each connection, and that of all.
 * Never   keeps anything about a peer.
 */
#include "base/checksum.h"
#include "tcp/tcb.h"
#include "wire/ip4.h"

/* RFC 5961 7: challenge ACKs per second, of the whole stack. The RFC leaves the number open and Linux
 * has 1000; the exact number is random, so that an attacker cannot count on it. */
#define CHALLENGES_PER_SECOND 1000u

void tcp_reply_send(struct tcp *tcp, const struct tcp_reply *reply)
{
    struct core *core = tcp->core;
    const struct tcp_tuple *tuple = reply->tuple;
    struct wire_tcp_opts opts = reply->opts;
    uint8_t ao[TCP_AO_CONTENT];

    opts.has_md5 = !reply->ao && tcp_md5_find(tcp, tuple);
    opts.md5 = tcp_md5_placeholder;
    if (reply->ao)
        tcp_ao_fill(reply->ao, &opts, ao);
    size_t opts_len = wire_tcp_opts_len(&opts);
    struct wire_tcp header = {
        .src_port = tuple->local_port,
        .dst_port = tuple->remote_port,
        .seq = reply->seq.n,
        .ack = reply->flags & WIRE_TCP_ACK ? reply->ack.n : 0,
        .header_len = (uint8_t)(WIRE_TCP_LEN + opts_len),
        .flags = reply->flags,
        .window = reply->window,
        .checksum = checksum_fold(checksum_pseudo(&tuple->local, &tuple->remote, WIRE_PROTO_TCP,
                                                  (uint32_t)(WIRE_TCP_LEN + opts_len))),
    };
    struct net_tx tx = {
        .src = tuple->local,
        .dst = tuple->remote,
        .proto = WIRE_PROTO_TCP,
        .tos = reply->tos,
        .ttl = reply->ttl,
        .dont_fragment = true,
    };
    struct weft_pkt *pkt = weft_pkt_new(core->pool);

    if (!pkt)
        return;
    uint8_t *at = weft_pkt_push(pkt, header.header_len);
    struct writer w = writer_of(at, header.header_len);
    wire_tcp_emit(&header, &w);
    wire_tcp_opts_emit(&opts, &w);
    pkt->l4_off = pkt->csum_start = (uint16_t)(at - pkt->buf);
    pkt->csum_offset = WIRE_TCP_CHECKSUM_OFFSET;
    pkt->flags |= WEFT_PKT_CSUM_PARTIAL;
    if (opts.has_md5)
        tcp_md5_sign(tcp, tuple, pkt, header.header_len);
    if (reply->ao)
        tcp_ao_sign(tcp, reply->ao, tuple, pkt, header.header_len);
    core_count(core, reply->flags & WIRE_TCP_RST ? WEFT_COUNT_TCP_OUT_RSTS : WEFT_COUNT_TCP_OUT_SEGS);
    trace(&core->trace, core->now, WEFT_TRACE_TCP_OUT, 0, reply->conn, header.seq, header.ack, header.flags,
          0, header.window, reply->why);
    net_send(tcp->net, NULL, &tx, pkt);
}

/* RFC 9293 3.10.7.1: <SEQ=SEG.ACK><CTL=RST> if it has an ACK, else <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>. */
void tcp_reply_reset(struct tcp *tcp, const struct tcp_seg *seg)
{
    struct tcp_tuple tuple = {
        .local = seg->rx->dst,
        .remote = seg->rx->src,
        .local_port = seg->dst_port,
        .remote_port = seg->src_port,
    };
    struct tcp_reply reply = {.tuple = &tuple, .flags = WIRE_TCP_RST, .why = WEFT_SENT_RST};

    struct tcp_ao_signer signer;

    if (seg->flags & WIRE_TCP_RST)
        return;
    if (seg->proof.ao) {
        if (!tcp_ao_signer_for(tcp, &seg->proof, &tuple, &signer))
            return;
        reply.ao = &signer;
    }
    if (seg->flags & WIRE_TCP_ACK) {
        reply.seq = seg->ack;
    } else {
        reply.flags |= WIRE_TCP_ACK;
        reply.ack = seq_add(seg->seq, tcp_seg_span(seg));
    }
    tcp_reply_send(tcp, &reply);
}

/* RFC 5961 7: "in any 5 second window, no more than 10 challenge ACKs should be sent". */
#define QUOTA_INTERVAL (5 * WEFT_SEC)

bool tcp_quota_take(struct tcp *tcp, struct tcp_quota *quota)
{
    weft_time now = tcp->core->now;

    if (now - quota->since >= QUOTA_INTERVAL)
        *quota = (struct tcp_quota){.since = now};
    if (quota->used >= tcp->config.challenges) {
        core_count(tcp->core, WEFT_COUNT_TCP_CHALLENGE_LIMITED);
        return false;
    }
    quota->used++;
    return true;
}

bool tcp_challenge_allowed(struct tcp *tcp)
{
    struct core *core = tcp->core;
    weft_time second = core->now / WEFT_SEC;

    if (second != tcp->challenge_second || tcp->challenge_left == UINT32_MAX) {
        tcp->challenge_second = second;
        tcp->challenge_left = CHALLENGES_PER_SECOND / 2 + rng_below(&core->rng, CHALLENGES_PER_SECOND);
    }
    if (tcp->challenge_left == 0) {
        core_count(core, WEFT_COUNT_TCP_CHALLENGE_LIMITED);
        return false;
    }
    tcp->challenge_left--;
    core_count(core, WEFT_COUNT_TCP_CHALLENGE_ACKS);
    return true;
}
