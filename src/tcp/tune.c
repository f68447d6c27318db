/* SPDX-License-Identifier: MIT */
/*
 * How large the buffers of a connection are.
 *
 * Owns    tcb->tune. A buffer that is not fixed by its application begins small and
 *         grows; it never shrinks, for what has been offered stays offered (RFC
 *         9293 3.8.6, SHLD-14).
 * Never   grows while packet memory is short: then there is an order of refusal
 *         (tcp_writer_must_wait), and a larger window would only be more to refuse.
 *
 * Receiving ("dynamic right-sizing"): what the application takes in a round trip
 * is what the path delivers, as long as the window is not what limits it. A
 * window of twice that lets the sender double its rate in the next round trip,
 * as slow start does. An application that reads slowly takes little, and its
 * buffer stays as it is, however full.
 *
 * Sending: what can be in flight is cwnd; twice that keeps the next window at
 * hand while this one is acknowledged. It grows for applications that have
 * written more than there was room for.
 */
#include "tcp/tcb.h"

/* Shorter round trips are not looked at: an application that reads what comes needs some time to come round,
 * and must not be taken for a slow one. Ours. */
#define ROUND_MIN (10 * WEFT_MSEC)

/* Segments on top of twice what a round trip brings, so that the first round trips are not too tight. */
#define RECEIVE_SEGS 16u

static uint32_t first(const struct tcp *tcp, uint32_t bound, bool is_fixed)
{
    return is_fixed || bound < tcp->config.buffer_initial ? bound : tcp->config.buffer_initial;
}

uint32_t tcp_tune_first_send(const struct tcp *tcp, const struct tcp_options *options)
{
    return first(tcp, options->send_buffer, options->send_buffer_is_fixed);
}

uint32_t tcp_tune_first_receive(const struct tcp *tcp, const struct tcp_options *options)
{
    return first(tcp, options->receive_buffer, options->receive_buffer_is_fixed);
}

void tcp_tune_init(struct tcb *tcb)
{
    tcb->tune.send = tcp_tune_first_send(tcb->tcp, &tcb->options);
    tcb->tune.receive = tcp_tune_first_receive(tcb->tcp, &tcb->options);
}

static void begin_round(struct tcb *tcb)
{
    tcb->tune.round_began = tcb->tcp->core->now;
    tcb->tune.round_read = 0;
}

static void begin_window(struct tcb *tcb)
{
    tcb->tune.window_sent = tcb->tcp->core->now;
    tcb->tune.window_end = tcb->rcv.adv;
}

void tcp_tune_established(struct tcb *tcb)
{
    tcb->tune.rtt = tcb->rtt.srtt;
    begin_round(tcb);
    begin_window(tcb);
}

void tcp_tune_options(struct tcb *tcb)
{
    if (tcb->options.send_buffer_is_fixed)
        tcb->tune.send = tcb->options.send_buffer;
    if (tcb->options.receive_buffer_is_fixed)
        tcb->tune.receive = tcb->options.receive_buffer;
}

static void grow(struct tcb *tcb, uint32_t *size, uint64_t wanted, uint32_t bound)
{
    if (wanted > bound)
        wanted = bound;
    if (wanted <= *size)
        return;
    *size = (uint32_t)wanted;
    tcp_trace(tcb, WEFT_TRACE_TCP_BUFFER, tcb->tune.send, tcb->tune.receive, 0, 0, 0, 0);
}

/* --- The round trip as the receiver sees it ------------------------------------------------------- */

/*
 * The timestamp that a segment echoes was sent with an ACK of ours, a round trip
 * ago or longer, when the sender had nothing to send: so shorter ones count at
 * once, and longer ones by and by. Only the first segment with each echo counts.
 */
static void measure_by_timestamp(struct tcb *tcb, const struct tcp_seg *seg)
{
    struct tcp_tune *tune = &tcb->tune;
    uint32_t now = tcp_ts_clock(tcb->tcp) + tcb->ts_offset;
    int64_t rtt = (int64_t)(int32_t)(now - seg->opts.tsecr) * (int64_t)WEFT_MSEC;

    if (seg->opts.tsecr == tune->last_tsecr || rtt < 0 || rtt > (int64_t)(60 * WEFT_SEC))
        return;
    tune->last_tsecr = seg->opts.tsecr;
    if (rtt == 0)
        rtt = (int64_t)WEFT_MSEC;
    if (tune->rtt == 0 || rtt < tune->rtt)
        tune->rtt = (uint32_t)rtt;
    else
        tune->rtt += (uint32_t)(rtt - tune->rtt) / 8;
}

/* Without timestamps: between the offer of a window and the arrival of what fills it lies at least one. */
static void measure_by_window(struct tcb *tcb, const struct tcp_seg *seg)
{
    weft_time rtt = tcb->tcp->core->now - tcb->tune.window_sent;

    if (seq_lt(seq_add(seg->seq, seg->len), tcb->tune.window_end))
        return;
    if (rtt > 0 && (tcb->tune.rtt == 0 || rtt < tcb->tune.rtt))
        tcb->tune.rtt = (uint32_t)rtt;
    begin_window(tcb);
}

void tcp_tune_received(struct tcb *tcb, const struct tcp_seg *seg)
{
    if (tcb->options.receive_buffer_is_fixed)
        return;
    if (tcb->has_timestamps && seg->opts.has_timestamps)
        measure_by_timestamp(tcb, seg);
    else
        measure_by_window(tcb, seg);
}

/* --- Growing -------------------------------------------------------------------------------------- */

/*
 * `read` bytes were taken in a round trip. Twice that, and where it is more than
 * in any round before, more by the same part, at most twice as much: a sender in
 * slow start has doubled since.
 */
static void grow_receive(struct tcb *tcb, uint32_t read)
{
    struct tcp_tune *tune = &tcb->tune;
    uint64_t wanted = 2 * (uint64_t)read + RECEIVE_SEGS * tcb->rcv.mss;

    if (read <= tune->most_read || tcp_writer_must_wait(tcb->tcp))
        return;
    if (tune->most_read > 0) {
        uint32_t more = read - tune->most_read;

        wanted += wanted * (more < tune->most_read ? more : tune->most_read) / tune->most_read;
    }
    tune->most_read = read;
    grow(tcb, &tune->receive, wanted, tcb->options.receive_buffer);
}

void tcp_tune_read(struct tcb *tcb, size_t len)
{
    struct tcp_tune *tune = &tcb->tune;
    weft_time span = tune->rtt > ROUND_MIN ? tune->rtt : ROUND_MIN;
    weft_time passed = tcb->tcp->core->now - tune->round_began;

    tune->round_read += len;
    if (tcb->options.receive_buffer_is_fixed || tune->rtt == 0 || passed < span)
        return;
    uint64_t read = tune->round_read * span / passed;
    begin_round(tcb);
    grow_receive(tcb, read < UINT32_MAX ? (uint32_t)read : UINT32_MAX);
}

void tcp_tune_acked(struct tcb *tcb)
{
    uint64_t wanted = 2 * (uint64_t)tcb->cc.cwnd;

    if (tcb->options.send_buffer_is_fixed || !tcb->writer_waits || wanted <= tcb->tune.send ||
        tcp_writer_must_wait(tcb->tcp))
        return;
    grow(tcb, &tcb->tune.send, wanted, tcb->options.send_buffer);
}
