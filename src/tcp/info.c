/* SPDX-License-Identifier: MIT */
/*
 * What can be known of a connection: STATUS (RFC 9293 3.10.6), and what it has
 * done with its time.
 *
 * Owns    tcb->account, tcb->limit and tcb->limit_since.
 * Never   changes what a connection does.
 *
 * Since a connection was opened there is at each moment one thing that keeps
 * it from sending more (enum weft_tcp_limit). output.c finds out which, the
 * times are summed up here, and come to the connection's whole life.
 */
#include "tcp/cc/cc.h"
#include "tcp/tcb.h"

_Static_assert(WEFT_LIMIT_COUNT <= WEFT_TCP_LIMITS_MAX, "each limit has its place in weft_tcp_info");

/* --- Time ---------------------------------------------------------------------------------- */

void tcp_info_limit(struct tcb *tcb, enum weft_tcp_limit limit)
{
    weft_time now = tcb->tcp->core->now;

    if (tcb->limit == limit)
        return;
    tcb->account.limited[tcb->limit] += now - tcb->limit_since;
    tcb->limit = (uint8_t)limit;
    tcb->limit_since = now;
    tcp_trace(tcb, WEFT_TRACE_TCP_LIMIT, limit, tcb->limit_since, 0, 0, 0, 0);
}

/* A stretch of time begins or ends now, if it has not yet. */
static void stretch(const struct tcb *tcb, struct tcp_stretch *stretch, bool *lasts, bool goes_on)
{
    weft_time now = tcb->tcp->core->now;

    if (goes_on && !*lasts)
        stretch->since = now;
    if (!goes_on && *lasts)
        stretch->sum += now - stretch->since;
    *lasts = goes_on;
}

static weft_time sum_of(const struct tcb *tcb, const struct tcp_stretch *stretch, bool lasts)
{
    return stretch->sum + (lasts ? tcb->tcp->core->now - stretch->since : 0);
}

void tcp_info_busy(struct tcb *tcb)
{
    stretch(tcb, &tcb->account.busy, &tcb->account.is_busy, tcb->buf.len > 0);
}

void tcp_info_timeout(struct tcb *tcb)
{
    tcb->timeouts++;
    tcb->account.rto_recoveries += !tcb->account.in_rto;
    stretch(tcb, &tcb->account.rto, &tcb->account.in_rto, true);
}

void tcp_info_progress(struct tcb *tcb)
{
    stretch(tcb, &tcb->account.rto, &tcb->account.in_rto, false);
}

void tcp_info_end(struct tcb *tcb)
{
    struct tcp_account *account = &tcb->account;

    account->limited[tcb->limit] += tcb->tcp->core->now - tcb->limit_since;
    tcb->limit_since = tcb->tcp->core->now;
    account->is_closed = true;
    stretch(tcb, &account->busy, &account->is_busy, false);
    stretch(tcb, &account->rto, &account->in_rto, false);
    tcp_trace(tcb, WEFT_TRACE_TCP_HELD, account->busy.sum, account->limited[WEFT_LIMIT_PEER_WINDOW],
              account->limited[WEFT_LIMIT_CWND], account->limited[WEFT_LIMIT_SEND_BUFFER],
              account->limited[WEFT_LIMIT_PACING], account->limited[WEFT_LIMIT_APPLICATION]);
}

static void fill_limits(const struct tcb *tcb, struct weft_tcp_info *out)
{
    for (unsigned i = 0; i < WEFT_LIMIT_COUNT; i++)
        out->limited[i] = tcb->account.limited[i];
    if (!tcb->account.is_closed)
        out->limited[tcb->limit] += tcb->tcp->core->now - tcb->limit_since;
    out->rwnd_limited = out->limited[WEFT_LIMIT_PEER_WINDOW];
    out->sndbuf_limited = out->limited[WEFT_LIMIT_SEND_BUFFER];
    out->busy_time = sum_of(tcb, &tcb->account.busy, tcb->account.is_busy);
    out->rto_time = sum_of(tcb, &tcb->account.rto, tcb->account.in_rto);
}

/* --- State ---------------------------------------------------------------------------------- */

static enum weft_tcp_recovery recovery_of(const struct tcb *tcb)
{
    if (tcb->cc.state == TCP_CA_RECOVERY)
        return WEFT_TCP_RECOVERY;
    if (tcb->cc.state == TCP_CA_LOSS)
        return WEFT_TCP_LOSS;
    if (tcb->cc.has_reduced)
        return WEFT_TCP_CWR;
    return tcb->board.sacked_bytes > 0 || tcb->cc.dupacks > 0 ? WEFT_TCP_DISORDER : WEFT_TCP_OPEN;
}

static enum weft_tcp_fast_open fast_open_of(const struct tcb *tcb)
{
    const struct tcp_tfo *tfo = &tcb->tfo;

    if (tfo->is_opened)
        return WEFT_TCP_FAST_OPEN_ACCEPTED;
    if (tfo->mode == TCP_TFO_OFF)
        return WEFT_TCP_FAST_OPEN_NONE;
    if (tfo->data_taken)
        return WEFT_TCP_FAST_OPEN_TAKEN;
    if (tcb->syn_repeated || (tcb->state == WEFT_TCP_SYN_SENT && tcb->retries > 0))
        return WEFT_TCP_FAST_OPEN_REPEATED;
    if (tcb->state == WEFT_TCP_SYN_SENT)
        return WEFT_TCP_FAST_OPEN_SENT;
    return tfo->syn_bytes > 0 ? WEFT_TCP_FAST_OPEN_NOT_ACKED : WEFT_TCP_FAST_OPEN_NO_COOKIE;
}

/* Bytes that have been sent again and not arrived yet. */
static uint32_t resent_bytes(const struct tcb *tcb)
{
    uint32_t bytes = 0;

    for (const struct tcp_range *range = tcb->board.head; range; range = range->next)
        if ((range->flags & TCP_RANGE_RETRANSMITTED) && !(range->flags & (TCP_RANGE_SACKED | TCP_RANGE_LOST)))
            bytes += seq_span(range->start, range->end);
    return bytes;
}

static void fill_agreed(const struct tcb *tcb, struct weft_tcp_info *out)
{
    out->timestamps = tcb->has_timestamps;
    out->sack = tcb->has_sack;
    out->window_scaling = tcb->has_wscale;
    out->snd_wscale = tcb->snd.wscale;
    out->rcv_wscale = tcb->rcv.wscale;
    out->ecn = tcp_ecn_marks(tcb);
    out->ecn_seen = tcb->ecn.seen;
    out->md5_signed = tcb->is_signed;
    out->ao_signed = tcb->ao != NULL;
    out->syn_data = tcb->tfo.data_taken;
    out->fast_open = fast_open_of(tcb);
    out->snd_mss = tcb->snd.mss;
    out->rcv_mss = tcb->rcv.mss;
    out->rcv_seg = tcb->rcv.seg_max;
    out->pmtu = tcp_pmtud_size(tcb);
}

static void fill_buffers(const struct tcb *tcb, struct weft_tcp_info *out)
{
    uint32_t sent = seq_span(tcb->snd.una, tcb->snd.nxt);

    out->cwnd = tcb->cc.cwnd;
    out->ssthresh = tcb->cc.ssthresh;
    out->snd_wnd = tcb->snd.wnd;
    out->rcv_wnd = tcp_rcv_wnd(tcb);
    out->in_flight = tcp_in_flight(tcb);
    out->unacked = sent;
    out->unsent = tcb->buf.len > sent ? tcb->buf.len - sent : 0;
    out->unread = tcb->rcv.buffered;
    out->held = tcb->rcv.held_bytes;
    out->send_buffer = tcb->tune.send;
    out->receive_buffer = tcb->tune.receive;
    out->rcv_space = tcb->tune.most_read;
}

static void fill_times(const struct tcb *tcb, struct weft_tcp_info *out)
{
    out->srtt = tcb->rtt.srtt;
    out->rttvar = tcb->rtt.rttvar;
    out->min_rtt = tcb->rtt.min_rtt;
    out->rto = tcp_rtt_rto(tcb);
    out->rcv_rtt = tcb->tune.rtt;
    out->ato = tcb->tcp->config.delayed_ack;
    out->user_timeout = tcp_user_timeout(tcb);
    out->remote_user_timeout = tcb->uto.remote;
    out->last_data_sent = tcb->last_sent;
    out->last_ack_sent = tcb->account.last_ack_sent;
    out->last_data = tcb->last_data;
    out->last_ack_recv = tcb->last_received;
    out->retries = tcb->retries;
    out->probes = tcb->probes;
    out->backoffs = tcb->rtt.backoffs;
}

static void fill_counts(const struct tcb *tcb, struct weft_tcp_info *out)
{
    const struct tcp_account *account = &tcb->account;

    out->bytes_sent = tcb->bytes_sent + tcb->bytes_retransmitted;
    out->bytes_retransmitted = tcb->bytes_retransmitted;
    out->bytes_acked = tcb->bytes_acked;
    out->bytes_received = tcb->bytes_received;
    out->segs_in = tcb->segs_in;
    out->segs_out = tcb->segs_out;
    out->data_segs_in = account->data_segs_in;
    out->data_segs_out = account->data_segs_out;
    out->segs_retransmitted = tcb->segs_retransmitted;
    out->delivered_segs = tcb->delivered_segs;
    out->delivered_ce = account->delivered_ce;
    out->received_ce = account->received_ce;
    out->rcv_ooopack = account->rcv_ooopack;
}

static void fill_congestion(const struct tcb *tcb, struct weft_tcp_info *out)
{
    out->recovery = recovery_of(tcb);
    out->sacked = tcb->board.sacked_bytes;
    out->lost = tcb->board.lost_bytes;
    out->resent = resent_bytes(tcb);
    out->timeouts = tcb->timeouts;
    out->rto_recoveries = tcb->account.rto_recoveries;
    out->recoveries = tcb->recoveries;
    out->undone = tcb->undone;
    out->dsack_dups = tcb->account.dsack_dups;
    out->reord_seen = tcb->account.reord_seen;
    out->reordering = tcb->rack.reordering;
    out->reo_wnd = tcp_uses_rack(tcb) ? tcp_rack_window(tcb) : 0;
    out->congestion = tcb->cc.ops->name;
    out->pacing_rate = tcp_pace_rate(tcb);
    out->max_pacing_rate = tcb->options.max_pacing_rate;
    out->delivery_rate = tcb->rate.last;
    out->delivery_rate_app_limited = tcb->rate.last_app_limited;
}

void tcp_info(const struct tcb *tcb, struct weft_tcp_info *out)
{
    *out = (struct weft_tcp_info){
        .state = tcb->state, .conn = tcb->conn, .limit = tcb->limit, .limit_since = tcb->limit_since};
    fill_agreed(tcb, out);
    fill_limits(tcb, out);
    fill_buffers(tcb, out);
    fill_times(tcb, out);
    fill_counts(tcb, out);
    fill_congestion(tcb, out);
}
