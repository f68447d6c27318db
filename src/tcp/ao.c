/* SPDX-License-Identifier: MIT */
/*
 * How TCP-AO goes with TCP (RFC 5925 6 and 7): with which keys a segment is
 * signed, and whether one that comes in is authentic.
 *
 * Owns    current_key of a connection, which follows what its peer asks for,
 *         and the SNEs.
 * Never   answers what is not authentic, nor lets it change anything but a
 *         counter.
 *
 * Which keys and initial numbers a received segment is checked with:
 *
 *     SYN without ACK       the connection's, else the listener's; its own number and 0
 *     for a connection      its own; in SYN-SENT only a SYN-ACK can be checked, with its number
 *     for a half-open one   the listener's; the record's numbers
 *     in TIME-WAIT          those that the connection has left
 *     for a listener alone  the listener's; an ACK says both numbers, if a cookie was given (syncookie.c)
 *
 * RFC 5925 6.2 leaves open how SNEs are kept. Its example has a flag and the
 * last number seen, which any segment moves on, forged or not. Here each SNE
 * stands beside a number that TCP itself vouches for, SND.NXT or RCV.NXT; a
 * segment's lies less than half the space away from that, on one side or the
 * other, and nothing received changes them before it is believed.
 */
#include <string.h>

#include "base/assert.h"
#include "tcp/ao.h"
#include "tcp/signing.h"
#include "tcp/tcb.h"

/* --- Sequence number extension (6.2) ------------------------------------------------------------- */

uint32_t tcp_ao_sne(struct tcp_ao_seq at, tcp_seq seq)
{
    uint64_t whole = ((uint64_t)at.sne << 32 | at.seq.n) + (uint64_t)(int64_t)seq_diff(seq, at.seq);

    return (uint32_t)(whole >> 32);
}

void tcp_ao_advance(struct tcp_ao_seq *at, tcp_seq seq)
{
    *at = (struct tcp_ao_seq){tcp_ao_sne(*at, seq), seq};
}

void tcp_ao_set_iss(struct tcb *tcb)
{
    if (!tcb->ao)
        return;
    tcb->ao->iss = tcb->snd.iss;
    tcb->ao->snd = (struct tcp_ao_seq){0, tcb->snd.iss};
}

void tcp_ao_set_irs(struct tcb *tcb)
{
    struct tcp_ao *ao = tcb->ao;

    if (!ao)
        return;
    ao->irs = tcb->rcv.irs;
    ao->rcv = (struct tcp_ao_seq){0, tcb->rcv.irs};
    ao->has_irs = true;
    for (struct tcp_ao_key *key = ao->keys; key; key = key->next)
        key->derived &= 1u << TCP_AO_SEND_SYN;
}

/* --- Traffic keys (5.2) ---------------------------------------------------------------------------- */

static void derive(const struct tcp *tcp, const struct tcp_ao_key *key, const struct tcp_tuple *tuple,
                   enum tcp_ao_direction direction, tcp_seq iss, tcp_seq irs,
                   uint8_t traffic[TCP_AO_TRAFFIC_MAX])
{
    bool is_sent = direction == TCP_AO_SEND_SYN || direction == TCP_AO_SEND_OTHER;
    bool is_syn = direction == TCP_AO_SEND_SYN || direction == TCP_AO_RECEIVE_SYN;
    struct tcp_ao_context context = {
        .src = is_sent ? tuple->local : tuple->remote,
        .dst = is_sent ? tuple->remote : tuple->local,
        .src_port = is_sent ? tuple->local_port : tuple->remote_port,
        .dst_port = is_sent ? tuple->remote_port : tuple->local_port,
        .src_isn = is_sent ? iss : irs,
        .dst_isn = is_syn    ? seq_of(0)
                   : is_sent ? irs
                             : iss,
    };

    tcp_ao_derive(tcp, key, &context, traffic);
}

/* A connection's, made when it is needed first. */
static const uint8_t *traffic_of(const struct tcp *tcp, const struct tcp_ao *ao, struct tcp_ao_key *key,
                                 const struct tcp_tuple *tuple, enum tcp_ao_direction direction)
{
    if (!(key->derived & 1u << direction))
        derive(tcp, key, tuple, direction, ao->iss, ao->irs, key->traffic[direction]);
    key->derived |= (uint8_t)(1u << direction);
    return key->traffic[direction];
}

/* --- Sending (7.4) ------------------------------------------------------------------------------------ */

static void sign_with(const struct tcp *tcp, struct tcp_ao *ao, const struct tcp_tuple *tuple,
                      enum tcp_ao_direction direction, struct tcp_ao_signer *out)
{
    out->key = ao->current;
    out->rnext_id = ao->rnext->recv_id;
    out->at = ao->snd;
    memcpy(out->traffic, traffic_of(tcp, ao, ao->current, tuple, direction), TCP_AO_TRAFFIC_MAX);
}

void tcp_ao_signer_of(struct tcb *tcb, bool is_syn, struct tcp_ao_signer *out)
{
    tcp_ao_advance(&tcb->ao->snd, tcb->snd.nxt);
    sign_with(tcb->tcp, tcb->ao, &tcb->node.tuple, is_syn ? TCP_AO_SEND_SYN : TCP_AO_SEND_OTHER, out);
}

void tcp_ao_signer_of_rest(const struct tcp *tcp, struct tcp_ao *ao, const struct tcp_tuple *tuple,
                           struct tcp_ao_signer *out)
{
    sign_with(tcp, ao, tuple, TCP_AO_SEND_OTHER, out);
}

bool tcp_ao_signer_for(const struct tcp *tcp, const struct tcp_ao_proof *proof, const struct tcp_tuple *tuple,
                       struct tcp_ao_signer *out)
{
    const struct tcp_ao *ao = proof->ao;
    const struct tcp_ao_key *named = tcp_ao_find_recv(ao, tuple, proof->key_id);
    const struct tcp_ao_key *asked = tcp_ao_find_send(ao, tuple, proof->rnext_id);

    out->key = asked ? asked : named;
    if (!out->key)
        return false;
    out->rnext_id = ao->rnext && tcp_ao_find_recv(ao, tuple, ao->rnext->recv_id) == ao->rnext
                        ? ao->rnext->recv_id
                        : proof->key_id;
    out->at = (struct tcp_ao_seq){0, proof->iss};
    derive(tcp, out->key, tuple, TCP_AO_SEND_OTHER, proof->iss, proof->irs, out->traffic);
    return true;
}

void tcp_ao_fill(const struct tcp_ao_signer *signer, struct wire_tcp_opts *opts,
                 uint8_t content[TCP_AO_CONTENT])
{
    memset(content, 0, TCP_AO_CONTENT);
    content[0] = signer->key->send_id;
    content[1] = signer->rnext_id;
    opts->has_ao = true;
    opts->ao = content;
    opts->ao_len = TCP_AO_CONTENT;
}

void tcp_ao_sign(const struct tcp *tcp, const struct tcp_ao_signer *signer, const struct tcp_tuple *tuple,
                 struct weft_pkt *pkt, unsigned header_len)
{
    struct cursor c = cursor_of(pkt->data, header_len);
    struct wire_tcp_opts opts;
    struct wire_tcp header;
    bool is_whole = wire_tcp_parse(&c, &header) &&
                    wire_tcp_opts_parse(header.options, header_len - WIRE_TCP_LEN, &opts) && opts.has_ao;

    weft_assert(is_whole); /* the option goes before all that may be left out */
    tcp_ao_mac(tcp, signer->key, signer->traffic, tcp_ao_sne(signer->at, seq_of(header.seq)), &tuple->local,
               &tuple->remote, pkt, header_len, opts.ao, pkt->data + (opts.ao + 2 - pkt->data));
}

/* --- Receiving (7.5) -------------------------------------------------------------------------------- */

/* The segment that comes in, and what it must have been made with. */
struct check {
    struct tcp *tcp;
    struct tcp_node *node;
    const struct tcp_tuple *tuple;
    const struct weft_pkt *pkt;
    const struct wire_tcp *header;
    const struct wire_tcp_opts *opts;
    bool is_syn; /* without ACK */
    struct tcp_ao *ao;
    tcp_seq iss, irs;
    struct tcp_ao_seq at;
    bool is_cached; /* the numbers are the connection's: */
    enum tcp_ao_direction direction;
};

static struct tcp_ao *set_of_listener(const struct check *c)
{
    struct tcp_listener *listener = tcp_demux_listener(c->tcp, &c->tuple->local, c->tuple->local_port);

    return listener ? listener->options.ao : NULL;
}

/* Whose keys decide. A SYN in TIME-WAIT begins something new, if somebody listens. */
static struct tcp_ao *set_of(const struct check *c)
{
    struct tcp_ao *listens = NULL;

    if (!c->node || (c->is_syn && c->node->kind == TCP_NODE_TIME_WAIT))
        listens = set_of_listener(c);
    if (!c->node || listens)
        return listens;
    switch (c->node->kind) {
    case TCP_NODE_TCB:
        return list_entry(c->node, struct tcb, node)->ao;
    case TCP_NODE_SYN:
        return tcp_syncache_ao(c->node, NULL, NULL);
    default:
        return tcp_timewait_ao(c->node);
    }
}

/* A SYN has a number of its own and knows no other (5.2). */
static bool expect_syn(struct check *c)
{
    c->irs = seq_of(c->header->seq);
    c->iss = seq_of(0);
    c->at = (struct tcp_ao_seq){0, c->irs};
    c->direction = TCP_AO_RECEIVE_SYN;
    c->is_cached = c->ao->has_irs && seq_eq(c->ao->irs, c->irs);
    return true;
}

static bool expect_from_peer(struct check *c, struct tcb *tcb)
{
    struct tcp_ao *ao = tcb->ao;

    c->iss = ao->iss;
    if (tcb->state == WEFT_TCP_SYN_SENT) {
        c->irs = seq_of(c->header->seq);
        c->at = (struct tcp_ao_seq){0, c->irs};
        return c->header->flags & WIRE_TCP_SYN;
    }
    tcp_ao_advance(&ao->rcv, tcb->rcv.nxt);
    c->irs = ao->irs;
    c->at = ao->rcv;
    c->is_cached = true;
    return true;
}

/* An ACK that may be of a cookie says what both ends began with. */
static bool expect_cookie(struct check *c)
{
    c->iss = seq_of(c->header->ack - 1);
    c->irs = seq_of(c->header->seq - 1);
    c->at = (struct tcp_ao_seq){0, c->irs};
    return (c->header->flags & (WIRE_TCP_ACK | WIRE_TCP_SYN | WIRE_TCP_RST)) == WIRE_TCP_ACK &&
           c->tcp->core->now < c->tcp->cookies.good_until;
}

/* Finds out the numbers; false: they are not known, so nobody can tell (7.7). */
static bool expect(struct check *c)
{
    c->direction = TCP_AO_RECEIVE_OTHER;
    if (c->is_syn)
        return expect_syn(c);
    if (!c->node)
        return expect_cookie(c);
    if (c->node->kind == TCP_NODE_TCB)
        return expect_from_peer(c, list_entry(c->node, struct tcb, node));
    if (c->node->kind == TCP_NODE_SYN) {
        tcp_syncache_ao(c->node, &c->iss, &c->irs);
        c->at = (struct tcp_ao_seq){0, c->irs};
        return true;
    }
    c->iss = c->ao->iss;
    c->irs = c->ao->irs;
    c->at = c->ao->rcv;
    c->is_cached = true;
    return true;
}

static bool has_right_mac(const struct check *c, struct tcp_ao_key *key)
{
    uint8_t traffic[TCP_AO_TRAFFIC_MAX], mac[TCP_AO_MAC_LEN];
    uint32_t sne = tcp_ao_sne(c->at, seq_of(c->header->seq));

    if (c->is_cached)
        memcpy(traffic, traffic_of(c->tcp, c->ao, key, c->tuple, c->direction), sizeof(traffic));
    else
        derive(c->tcp, key, c->tuple, c->direction, c->iss, c->irs, traffic);
    tcp_ao_mac(c->tcp, key, traffic, sne, &c->tuple->remote, &c->tuple->local, c->pkt, c->header->header_len,
               c->opts->ao, mac);
    return tcp_sign_is_same(mac, c->opts->ao + 2, TCP_AO_MAC_LEN);
}

/* Step 2.e: the peer is ready for the key that its RNextKeyID names. A SYN is not of the connection that stands:
 * anybody can keep one and send it again. */
static void follow(struct tcb *tcb, const struct check *c)
{
    struct tcp_ao *ao = tcb->ao;
    uint8_t rnext_id = c->opts->ao[1];
    struct tcp_ao_key *asked = tcp_ao_find_send(ao, &tcb->node.tuple, rnext_id);

    if (c->is_syn && tcb->state != WEFT_TCP_SYN_SENT)
        return;
    ao->has_received = true;
    ao->received_id = c->opts->ao[0];
    ao->received_rnext_id = rnext_id;
    if (!asked || asked == ao->current)
        return;
    tcp_trace(tcb, WEFT_TRACE_TCP_AO_KEY, ao->current->send_id, asked->send_id, 0, 0, 0, 0);
    ao->current = asked;
}

static enum weft_drop check_authentic(struct check *c, struct tcp_ao_proof *proof)
{
    struct tcp_ao *ao = c->ao;
    struct tcp_ao_key *key;

    if (!c->opts->has_ao) {
        ao->missing++;
        return WEFT_DROP_TCP_AO_MISSING;
    }
    key = tcp_ao_find_recv(ao, c->tuple, c->opts->ao[0]);
    if (!key) {
        ao->key_unknown++;
        return WEFT_DROP_TCP_AO_KEY;
    }
    if (!expect(c))
        return WEFT_DROP_TCP_AO_NO_ISN;
    if (c->opts->ao_len != TCP_AO_CONTENT || !has_right_mac(c, key)) {
        ao->bad++;
        key->bad++;
        return WEFT_DROP_TCP_AO_WRONG;
    }
    ao->good++;
    key->good++;
    *proof = (struct tcp_ao_proof){ao, c->iss, c->irs, c->opts->ao[0], c->opts->ao[1]};
    if (c->node && c->node->kind == TCP_NODE_TCB)
        follow(list_entry(c->node, struct tcb, node), c);
    return WEFT_DROP_COUNT;
}

/* No key is for this peer. 7.3: what has AO all the same is accepted, unless configured otherwise. */
static enum weft_drop check_unmatched(const struct check *c)
{
    struct tcp_ao *ao = c->ao;

    if (ao && ao->required) {
        ao->key_unknown += c->opts->has_ao;
        ao->missing += !c->opts->has_ao;
        return c->opts->has_ao ? WEFT_DROP_TCP_AO_KEY : WEFT_DROP_TCP_AO_MISSING;
    }
    if (c->opts->has_ao && c->tcp->config.ao_drop_unmatched)
        return WEFT_DROP_TCP_AO_KEY;
    if (c->opts->has_ao)
        core_count(c->tcp->core, WEFT_COUNT_TCP_AO_UNMATCHED);
    return WEFT_DROP_COUNT;
}

enum weft_drop tcp_ao_check(struct tcp *tcp, struct tcp_node *node, const struct tcp_tuple *tuple,
                            const struct weft_pkt *pkt, const struct wire_tcp *header,
                            const struct wire_tcp_opts *opts, struct tcp_ao_proof *proof)
{
    struct check c = {
        .tcp = tcp,
        .node = node,
        .tuple = tuple,
        .pkt = pkt,
        .header = header,
        .opts = opts,
        .is_syn = (header->flags & (WIRE_TCP_SYN | WIRE_TCP_ACK)) == WIRE_TCP_SYN,
    };
    enum weft_drop reason;

    *proof = (struct tcp_ao_proof){0};
    if (opts->has_bad_ao || (opts->has_ao && opts->has_md5)) /* 2.2 */
        return WEFT_DROP_TCP_AO_FORM;
    c.ao = set_of(&c);
    if (tcp_ao_find(c.ao, tuple))
        return check_authentic(&c, proof);
    reason = check_unmatched(&c);
    return reason == WEFT_DROP_COUNT ? tcp_md5_check(tcp, tuple, pkt, header, opts) : reason;
}

/* --- ICMP (7.8) ---------------------------------------------------------------------------------------- */

bool tcp_ao_ignores_error(struct tcb *tcb, const struct net_error *error)
{
    bool ip4 = weft_addr_is_ip4(&tcb->node.tuple.remote);
    bool is_hard = error->kind == NET_ERROR_PORT_UNREACHABLE ||
                   (ip4 ? error->kind == NET_ERROR_PROTOCOL_UNREACHABLE || error->kind == NET_ERROR_TOO_BIG
                        : error->kind == NET_ERROR_ADMIN_PROHIBITED);

    if (!tcb->ao || tcb->ao->accept_icmps || error->is_local || !is_hard || tcb->state < WEFT_TCP_ESTABLISHED)
        return false;
    tcb->ao->icmps++;
    return true;
}
