/* SPDX-License-Identifier: MIT */
/*
 * TCP_INFO as Linux lays it out, from what weft says of a connection.
 *
 * What weft does not know is zero. Numbers that Linux counts in segments are
 * bytes with us, divided by the segment size here.
 */
#include "packetdrill/plugin.h"

#include <errno.h>
#include <string.h>

/* struct tcp_info of Linux, field by field; later kernels only add at the end. */
struct linux_tcp_info {
    uint8_t state, ca_state, retransmits, probes, backoff, options;
    uint8_t snd_wscale : 4, rcv_wscale : 4;
    uint8_t delivery_rate_app_limited : 1, fastopen_client_fail : 2;
    uint32_t rto, ato, snd_mss, rcv_mss;
    uint32_t unacked, sacked, lost, retrans, fackets;
    uint32_t last_data_sent, last_ack_sent, last_data_recv, last_ack_recv;
    uint32_t pmtu, rcv_ssthresh, rtt, rttvar, snd_ssthresh, snd_cwnd, advmss, reordering;
    uint32_t rcv_rtt, rcv_space, total_retrans;
    uint64_t pacing_rate, max_pacing_rate, bytes_acked, bytes_received;
    uint32_t segs_out, segs_in, notsent_bytes, min_rtt, data_segs_in, data_segs_out;
    uint64_t delivery_rate, busy_time, rwnd_limited, sndbuf_limited;
    uint32_t delivered, delivered_ce;
    uint64_t bytes_sent, bytes_retrans;
    uint32_t dsack_dups, reord_seen, rcv_ooopack, snd_wnd, rcv_wnd, rehash;
    uint16_t total_rto, total_rto_recoveries;
    uint32_t total_rto_time;
    uint32_t received_ce, delivered_e1_bytes, delivered_e0_bytes, delivered_ce_bytes;
    uint32_t received_e1_bytes, received_e0_bytes, received_ce_bytes;
    uint16_t accecn_fail_mode, accecn_opt_seen;
};

_Static_assert(sizeof(struct linux_tcp_info) == 280, "the layout of Linux has 280 bytes");

/* Linux numbers its states otherwise. */
static const uint8_t linux_state[WEFT_TCP_STATE_COUNT] = {
    [WEFT_TCP_CLOSED] = 7,       [WEFT_TCP_LISTEN] = 10,     [WEFT_TCP_SYN_SENT] = 2,
    [WEFT_TCP_SYN_RECEIVED] = 3, [WEFT_TCP_ESTABLISHED] = 1, [WEFT_TCP_FIN_WAIT_1] = 4,
    [WEFT_TCP_FIN_WAIT_2] = 5,   [WEFT_TCP_CLOSE_WAIT] = 8,  [WEFT_TCP_CLOSING] = 11,
    [WEFT_TCP_LAST_ACK] = 9,     [WEFT_TCP_TIME_WAIT] = 6,
};

enum {
    OPT_TIMESTAMPS = 1,
    OPT_SACK = 2,
    OPT_WSCALE = 4,
    OPT_ECN = 8,
    OPT_ECN_SEEN = 16,
    OPT_SYN_DATA = 32,
};

#define INFINITE_SSTHRESH 0x7fffffffu

static uint32_t segments(uint64_t bytes, uint32_t mss)
{
    return mss > 0 ? (uint32_t)((bytes + mss - 1) / mss) : 0;
}

/* Milliseconds. */
static uint32_t age(weft_time now, weft_time when)
{
    return (uint32_t)((now - when) / WEFT_MSEC);
}

static void fill(struct linux_tcp_info *out, const struct weft_tcp_info *in, weft_time now)
{
    static const uint8_t ca_states[] = {[WEFT_TCP_OPEN] = 0,
                                        [WEFT_TCP_DISORDER] = 1,
                                        [WEFT_TCP_CWR] = 2,
                                        [WEFT_TCP_RECOVERY] = 3,
                                        [WEFT_TCP_LOSS] = 4};
    static const uint8_t fast_open_fails[] = {[WEFT_TCP_FAST_OPEN_NO_COOKIE] = 1,
                                              [WEFT_TCP_FAST_OPEN_NOT_ACKED] = 2,
                                              [WEFT_TCP_FAST_OPEN_REPEATED] = 3,
                                              [WEFT_TCP_FAST_OPEN_ACCEPTED] = 0};
    uint32_t mss = in->snd_mss;

    out->ca_state = ca_states[in->recovery];
    out->retransmits = in->retries;
    out->probes = in->probes;
    out->backoff = in->backoffs;
    out->sacked = segments(in->sacked, mss);
    out->retrans = segments(in->resent, mss);
    out->lost = segments(in->lost + in->resent, mss);
    out->reordering = in->reordering;
    out->delivered = in->delivered_segs;
    out->delivered_ce = in->delivered_ce;
    out->received_ce = in->received_ce;
    out->last_data_sent = age(now, in->last_data_sent);
    out->last_data_recv = age(now, in->last_data);
    out->last_ack_recv = age(now, in->last_ack_recv);
    out->state = linux_state[in->state];
    out->options = (uint8_t)((in->timestamps ? OPT_TIMESTAMPS : 0) | (in->sack ? OPT_SACK : 0) |
                             (in->window_scaling ? OPT_WSCALE : 0) | (in->ecn ? OPT_ECN : 0) |
                             (in->ecn_seen ? OPT_ECN_SEEN : 0) | (in->syn_data ? OPT_SYN_DATA : 0));
    out->delivery_rate_app_limited = in->delivery_rate_app_limited;
    out->fastopen_client_fail = (uint8_t)(fast_open_fails[in->fast_open] & 3);
    out->snd_wscale = (uint8_t)(in->snd_wscale & 15);
    out->rcv_wscale = (uint8_t)(in->rcv_wscale & 15);
    out->rto = (uint32_t)in->rto;
    out->snd_mss = mss;
    out->advmss = in->rcv_mss;
    out->rcv_mss = in->rcv_seg ? in->rcv_seg : 536; /* what everyone takes, until one has come */
    out->unacked = segments(in->unacked, mss);
    out->rtt = (uint32_t)in->srtt;
    out->rttvar = (uint32_t)in->rttvar;
    out->min_rtt = (uint32_t)in->min_rtt;
    out->snd_ssthresh =
        in->ssthresh >= INFINITE_SSTHRESH ? INFINITE_SSTHRESH : in->ssthresh / (mss ? mss : 1);
    out->snd_cwnd = in->cwnd / (mss ? mss : 1);
    out->total_retrans = (uint32_t)in->segs_retransmitted;
    out->bytes_acked = in->bytes_acked;
    out->bytes_received = in->bytes_received;
    out->segs_out = (uint32_t)in->segs_out;
    out->segs_in = (uint32_t)in->segs_in;
    out->data_segs_out = (uint32_t)in->data_segs_out;
    out->data_segs_in = (uint32_t)in->data_segs_in;
    out->pmtu = in->pmtu;
    out->ato = (uint32_t)in->ato;
    out->rcv_rtt = (uint32_t)in->rcv_rtt;
    out->rcv_space = in->rcv_space;
    out->pacing_rate = in->pacing_rate;
    out->max_pacing_rate = in->max_pacing_rate > 0 ? in->max_pacing_rate : UINT64_MAX;
    out->delivery_rate = in->delivery_rate;
    out->busy_time = in->busy_time;
    out->rwnd_limited = in->rwnd_limited;
    out->sndbuf_limited = in->sndbuf_limited;
    out->dsack_dups = in->dsack_dups;
    out->reord_seen = in->reord_seen;
    out->rcv_ooopack = in->rcv_ooopack;
    out->notsent_bytes = in->unsent;
    out->bytes_sent = in->bytes_sent;
    out->bytes_retrans = in->bytes_retransmitted;
    out->snd_wnd = in->snd_wnd;
    out->rcv_wnd = in->rcv_wnd;
    out->total_rto = (uint16_t)in->timeouts;
    out->total_rto_recoveries = (uint16_t)in->rto_recoveries;
    out->total_rto_time = (uint32_t)(in->rto_time / WEFT_MSEC);
}

int tcp_info_linux(struct desc *d, void *value, socklen_t *len)
{
    struct linux_tcp_info out = {.state = linux_state[d->is_listener ? WEFT_TCP_LISTEN : WEFT_TCP_CLOSED]};
    struct weft_tcp_info in;

    if (weft_sock_info(d->sock, &in) == 0)
        fill(&out, &in, d->plugin->now);
    if (*len > sizeof(out))
        *len = sizeof(out);
    memcpy(value, &out, *len);
    return 0;
}
