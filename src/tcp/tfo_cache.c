/* SPDX-License-Identifier: MIT */
/*
 * TCP Fast Open, the side that connects (RFC 7413 4.1.3, 4.2.2): which servers
 * gave us a cookie, and what a SYN of ours carries.
 *
 * Owns    the table of servers: for each pair of addresses the latest cookie
 *         and the server's MSS; for each pair and port what went wrong.
 * Never   trusts it: data in a SYN that is not acknowledged goes again, a SYN
 *         that is repeated goes plain.
 *
 * What a server's answer teaches:
 *
 *     all data is acknowledged           nothing is wrong (any more)
 *     a part of it                       the path carries such SYNs
 *     a cookie                           it is the one to use, data taken or not
 *     neither, at once                   the server does not want it: a pause
 *     neither, to the repeated SYN, or   the path swallows such SYNs: a pause, twice
 *     no answer at all                   as long each time in a row
 *
 * In a pause connections open without fast open (4.1.3.1). A request that gets
 * no cookie is no reason for one: it has cost nothing (4.2.1).
 */
#include <string.h>

#include "tcp/tcb.h"

/* A cookie is for all ports of a server (4.1.3). */
#define ANY_PORT 0

/* The longest pause is this many times doubled; ours. */
#define DOUBLINGS_MAX 8u

/* RFC 7413 4.1.3: a larger MSS may be kept as this: what Ethernet carries. */
#define MSS_MAX_IP4 1460u
#define MSS_MAX_IP6 1440u

/* All that options can take (RFC 9293 3.1): the data of a SYN leaves room for them. */
#define OPTIONS_MAX 40u

struct server {
    struct tcp_pair pair; /* first */
    uint16_t mss;         /* 0: not known; of ANY_PORT entries */
    uint8_t cookie_len;
    uint8_t cookie[WIRE_TCP_MAX_COOKIE];
    bool is_experimental;  /* the cookie came as kind 254 */
    bool tries_experiment; /* kind 34 got no cookie: the next request is the experimental one */
    bool has_tried;        /* and that got none either: it is not tried again */
    uint8_t losses;        /* in a row */
    weft_time paused_until;
};

bool tcp_tfo_cache_init(struct tcp *tcp)
{
    return tcp_pairs_init(&tcp->tfo_peers, tcp->core, tcp->config.fast_open_peers, sizeof(struct server));
}

static struct server *find(const struct tcp *tcp, const struct tcp_tuple *tuple, uint16_t port)
{
    return tcp_pairs_find(&tcp->tfo_peers, tuple, port);
}

/* Finds it, or makes room for it. */
static struct server *entry_of(struct tcp *tcp, const struct tcp_tuple *tuple, uint16_t port)
{
    return tcp_pairs_entry(&tcp->tfo_peers, tuple, port);
}

void tcp_fast_open_forget(struct tcp *tcp)
{
    tcp_pairs_forget(&tcp->tfo_peers);
}

/* --- What a SYN carries ------------------------------------------------------------------ */

static bool is_paused(const struct tcp *tcp, const struct tcp_tuple *tuple)
{
    const struct server *peer = find(tcp, tuple, tuple->remote_port);

    return peer && tcp->core->now < peer->paused_until;
}

/* The mode for a SYN on this way, signed or not, and the entry whose cookie it shows. */
static enum tcp_tfo_mode mode_for(const struct tcp *tcp, const struct tcp_tuple *tuple,
                                  const struct tcp_options *options, bool is_signed,
                                  const struct server **known)
{
    *known = find(tcp, tuple, ANY_PORT);
    if (is_paused(tcp, tuple))
        return TCP_TFO_OFF;
    if (options->fast_open_no_cookie || tcp->config.fast_open_send_without_cookie)
        return TCP_TFO_BARE;
    if (is_signed) /* a signature leaves no room for a cookie beside the usual options */
        return TCP_TFO_OFF;
    return *known && (*known)->cookie_len > 0 ? TCP_TFO_COOKIE : TCP_TFO_REQUEST;
}

bool tcp_tfo_can_send(const struct tcp *tcp, const struct tcp_tuple *tuple, const struct tcp_options *options)
{
    const struct server *known;
    bool is_signed = tcp_ao_find(options->ao, tuple) || tcp_md5_find(tcp, tuple);
    enum tcp_tfo_mode mode = mode_for(tcp, tuple, options, is_signed, &known);

    return mode == TCP_TFO_COOKIE || mode == TCP_TFO_BARE;
}

void tcp_tfo_begin(struct tcb *tcb)
{
    struct tcp_tfo *tfo = &tcb->tfo;
    const struct server *known;

    tfo->mode =
        (uint8_t)mode_for(tcb->tcp, &tcb->node.tuple, &tcb->options, tcb->ao || tcp_md5_is_due(tcb), &known);
    if (tfo->mode == TCP_TFO_COOKIE)
        tfo->is_experimental = known->is_experimental;
    else if (tfo->mode == TCP_TFO_REQUEST)
        tfo->is_experimental = tcb->tcp->config.fast_open_experimental && known && known->tries_experiment;
}

/* RFC 7413 4.1.3 and 4.2.2. DEVIATES: without a cached MSS 4.1.3 allows 536 bytes (1220 for IPv6). A cookie always
 * comes with an MSS; where cookies are switched off, who did it vouches for the path, and its MTU counts. */
uint32_t tcp_tfo_room(const struct tcb *tcb)
{
    const struct tcp_tuple *tuple = &tcb->node.tuple;
    const struct server *known = find(tcb->tcp, tuple, ANY_PORT);
    uint32_t mss = weft_addr_is_ip4(&tuple->remote) ? MSS_MAX_IP4 : MSS_MAX_IP6;

    if (tcb->tfo.mode != TCP_TFO_COOKIE && tcb->tfo.mode != TCP_TFO_BARE)
        return 0;
    if (tcb->rcv.mss < mss) /* what the path and the user allow */
        mss = tcb->rcv.mss;
    if (known && known->mss > 0 && known->mss < mss)
        mss = known->mss;
    return mss > OPTIONS_MAX ? mss - OPTIONS_MAX : 0;
}

void tcp_tfo_fill_option(const struct tcb *tcb, struct wire_tcp_opts *opts)
{
    const struct server *known = find(tcb->tcp, &tcb->node.tuple, ANY_PORT);

    if (tcb->tfo.mode != TCP_TFO_COOKIE && tcb->tfo.mode != TCP_TFO_REQUEST)
        return;
    opts->has_fast_open = true;
    opts->fast_open_is_experimental = tcb->tfo.is_experimental;
    opts->cookie_len = 0;
    if (tcb->tfo.mode == TCP_TFO_COOKIE && known) {
        opts->cookie_len = known->cookie_len;
        memcpy(opts->cookie, known->cookie, known->cookie_len);
    }
}

/* --- What the answer teaches ---------------------------------------------------------------- */

static void pause_for(struct tcb *tcb, bool is_loss)
{
    struct tcp *tcp = tcb->tcp;
    struct server *peer = entry_of(tcp, &tcb->node.tuple, tcb->node.tuple.remote_port);
    unsigned borne = tcp->config.fast_open_losses - 1u; /* losses without consequence */
    unsigned doublings = peer->losses > borne ? peer->losses - borne : 0;

    if (is_loss && peer->losses < UINT8_MAX)
        peer->losses++;
    if (is_loss && peer->losses <= borne)
        return;
    if (doublings > DOUBLINGS_MAX)
        doublings = DOUBLINGS_MAX;
    peer->paused_until = tcp->core->now + (tcp->config.fast_open_pause << doublings);
    core_count(tcp->core, WEFT_COUNT_TCP_FAST_OPEN_PAUSES);
    tcp_trace(tcb, WEFT_TRACE_TCP_FAST_PAUSE, peer->paused_until - tcp->core->now, peer->losses, 0, 0, 0, 0);
}

static void learn_cookie(struct tcb *tcb, const struct wire_tcp_opts *opts)
{
    struct server *peer = entry_of(tcb->tcp, &tcb->node.tuple, ANY_PORT);

    peer->cookie_len = opts->cookie_len;
    memcpy(peer->cookie, opts->cookie, opts->cookie_len);
    peer->is_experimental = opts->fast_open_is_experimental;
    peer->tries_experiment = peer->has_tried = false;
    tcp_trace(tcb, WEFT_TRACE_TCP_FAST_COOKIE, opts->cookie_len, 0, 0, 0, 0, 0);
}

/* The request got no cookie: where that is configured, the next asks in the old form, once. */
static void learn_refusal(struct tcb *tcb)
{
    struct server *peer = entry_of(tcb->tcp, &tcb->node.tuple, ANY_PORT);

    peer->tries_experiment = !tcb->tfo.is_experimental && !peer->has_tried;
    peer->has_tried |= tcb->tfo.is_experimental;
}

static void learn_success(struct tcb *tcb)
{
    struct server *peer = find(tcb->tcp, &tcb->node.tuple, tcb->node.tuple.remote_port);

    tcb->tfo.data_taken = true;
    core_count(tcb->tcp->core, WEFT_COUNT_TCP_FAST_OPENS_ACTIVE);
    if (peer) {
        peer->losses = 0;
        peer->paused_until = 0;
    }
}

void tcp_tfo_answered(struct tcb *tcb, const struct tcp_seg *seg)
{
    struct tcp_tfo *tfo = &tcb->tfo;
    const struct wire_tcp_opts *opts = &seg->opts;
    bool asked = tfo->mode == TCP_TFO_COOKIE || tfo->mode == TCP_TFO_REQUEST;
    bool has_cookie = asked && opts->has_fast_open && opts->cookie_len > 0;
    bool is_whole = seq_gt(seg->ack, seq_add(tcb->snd.iss, tfo->syn_bytes));
    bool is_repeated = tcb->retries > 0;

    if (tfo->mode == TCP_TFO_OFF)
        return;
    entry_of(tcb->tcp, &tcb->node.tuple, ANY_PORT)->mss = tcp_peer_mss(opts, &tcb->node.tuple);
    if (has_cookie)
        learn_cookie(tcb, opts);
    else if (tfo->mode == TCP_TFO_REQUEST && !is_repeated)
        learn_refusal(tcb);
    if (tfo->syn_bytes > 0 && is_whole)
        learn_success(tcb);
    else if (tfo->syn_bytes > 0 && !has_cookie && seq_eq(seg->ack, seq_add(tcb->snd.iss, 1)))
        pause_for(tcb, is_repeated);
}

void tcp_tfo_unanswered(struct tcb *tcb)
{
    if (tcb->tfo.syn_bytes > 0)
        pause_for(tcb, true);
}
