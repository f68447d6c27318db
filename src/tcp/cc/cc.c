/* SPDX-License-Identifier: MIT */
/* What all algorithms share; see cc.h. */
#include "tcp/cc/cc.h"

#include <string.h>

static const struct weft_congestion *const algorithms[] = {
    &tcp_cc_cubic,
    &tcp_cc_newreno,
    &tcp_cc_bbr,
};

const struct weft_congestion *weft_congestion_builtin(unsigned index)
{
    return index < sizeof(algorithms) / sizeof(algorithms[0]) ? algorithms[index] : NULL;
}

static bool is_same(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return *a == *b;
}

const struct weft_congestion *tcp_cc_find(const struct weft_tcp_config *config, const char *name)
{
    for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++)
        if (is_same(algorithms[i]->name, name))
            return algorithms[i];
    for (size_t i = 0; i < WEFT_TCP_ALGORITHMS && config->algorithms[i]; i++)
        if (is_same(config->algorithms[i]->name, name))
            return config->algorithms[i];
    return NULL;
}

void tcp_cc_trace(const struct tcb *tcb, enum weft_tcp_cause cause)
{
    tcp_trace(tcb, WEFT_TRACE_TCP_CWND, tcb->cc.cwnd, tcb->cc.ssthresh, cause, 0, 0, 0);
}

/* RFC 6928 2: min(10 * MSS, max(2 * MSS, 14600)). */
uint32_t tcp_cc_initial_window(const struct tcb *tcb)
{
    uint32_t mss = tcb->snd.mss;
    uint32_t segs = tcb->tcp->config.initial_window_segs;
    uint32_t bound = 2 * mss > segs * 1460 ? 2 * mss : segs * 1460;

    return segs * mss < bound ? segs * mss : bound;
}

/* --- What an algorithm is shown ------------------------------------------------------------ */

static struct weft_cc show(struct tcb *tcb)
{
    return (struct weft_cc){
        .cwnd = tcb->cc.cwnd,
        .ssthresh = tcb->cc.ssthresh,
        .pacing_rate = tcb->cc.pacing_rate,
        .cause = WEFT_CAUSE_NONE,
        .app_limited = tcb->rate.app_limited != 0,
        .now = tcb->tcp->core->now,
        .srtt = tcb->rtt.srtt,
        .min_rtt = tcb->rtt.min_rtt,
        .mss = tcb->snd.mss,
        .initial_window = tcp_cc_initial_window(tcb),
        .in_flight = tcp_in_flight(tcb),
        .sent = tcb->bytes_sent,
        .acked = tcb->bytes_acked,
        .delivered = tcb->rate.delivered,
        .lost = tcb->rate.lost,
        .state = (enum weft_cc_state)tcb->cc.state,
        .has_sack = tcb->has_sack,
        .is_paced = tcp_pace_is_on(tcb),
        .no_hystart = tcb->tcp->config.no_hystart,
        .hystart_limit = tcb->tcp->config.hystart_limit,
        .cwnd_limited = tcb->cc.cwnd_limited,
        .seed = tcb->cc.seed,
        .memory = tcb->cc.memory,
    };
}

/* Takes over what it has decided. A window of less than a segment would stop the connection for good. */
static void take(struct tcb *tcb, const struct weft_cc *cc)
{
    if (cc->cwnd != tcb->cc.cwnd)
        tcb->cc.cwnd = cc->cwnd > tcb->snd.mss ? cc->cwnd : tcb->snd.mss;
    tcb->cc.ssthresh = cc->ssthresh;
    tcb->cc.pacing_rate = cc->pacing_rate;
    if (cc->app_limited && tcb->rate.app_limited == 0)
        tcp_rate_app_limited(tcb);
}

/* The same, with a word to the trace if anything has changed. */
static void take_traced(struct tcb *tcb, const struct weft_cc *cc)
{
    uint32_t cwnd = tcb->cc.cwnd, ssthresh = tcb->cc.ssthresh;
    uint64_t rate = tcb->cc.pacing_rate;
    enum weft_tcp_cause growth = cwnd < ssthresh ? WEFT_CAUSE_SLOW_START : WEFT_CAUSE_AVOIDANCE;

    take(tcb, cc);
    if (cwnd != tcb->cc.cwnd || ssthresh != tcb->cc.ssthresh)
        tcp_cc_trace(tcb, cc->cause != WEFT_CAUSE_NONE ? cc->cause : growth);
    if (rate != tcb->cc.pacing_rate)
        tcp_trace(tcb, WEFT_TRACE_TCP_PACING, tcb->cc.pacing_rate, tcb->cc.cwnd, cc->cause, 0, 0, 0);
}

/* --- Events ---------------------------------------------------------------------------------- */

static void begin(struct tcb *tcb, const struct weft_congestion *ops)
{
    struct weft_cc cc;

    tcb->cc.ops = ops;
    tcb->cc.pacing_rate = 0;
    memset(tcb->cc.memory, 0, sizeof(tcb->cc.memory));
    cc = show(tcb);
    ops->init(&cc);
    take_traced(tcb, &cc);
}

void tcp_cc_established(struct tcb *tcb)
{
    tcb->cc.cwnd = tcb->syn_repeated ? tcb->snd.mss : tcp_cc_initial_window(tcb);
    tcb->cc.ssthresh = UINT32_MAX;
    tcb->cc.seed = rng_u32(&tcb->tcp->core->rng);
    tcb->cc.used_until = tcb->snd.nxt;
    begin(tcb, tcb->options.congestion);
}

void tcp_cc_switch(struct tcb *tcb, const struct weft_congestion *ops)
{
    begin(tcb, ops);
}

/*
 * RFC 7661 4.3: cwnd has proved itself when at least half of it was in use.
 * Avoidance is more careful: only when it has kept data back, or a connection
 * that sends a little more than half would raise it without end.
 */
static bool was_in_use(const struct tcp_congestion *cc)
{
    return cc->cwnd < cc->ssthresh ? cc->cwnd_limited || cc->cwnd / 2 < cc->most_in_flight : cc->cwnd_limited;
}

static bool may_grow(const struct tcb *tcb, const struct tcp_delivery *delivery)
{
    if (delivery->acked == 0 || delivery->ece || tcb->cc.state == TCP_CA_RECOVERY || delivery->ended_recovery)
        return false;
    return tcb->cc.state == TCP_CA_LOSS || was_in_use(&tcb->cc);
}

void tcp_cc_acked(struct tcb *tcb, const struct tcp_delivery *delivery)
{
    struct weft_cc cc = show(tcb);
    bool counts_acks = tcb->tcp->config.no_abc && delivery->acked > tcb->snd.mss; /* RFC 5681 3.1 (2) */
    /* Bytes that were SACKed before count when they are acknowledged (RFC 3465 2, RFC 5681 3.1: "previously
     * unacknowledged"): then reordering leaves cwnd where order would. Linux drops them. */
    struct weft_cc_ack ack = {
        .acked = counts_acks ? tcb->snd.mss : delivery->acked,
        .delivered = delivery->delivered,
        .lost = (uint32_t)(tcb->rate.lost - delivery->lost_before),
        .rtt = delivery->rtt,
        .may_grow = may_grow(tcb, delivery),
    };

    tcp_rate_sample(tcb, delivery, &ack.rate);
    cc.app_limited = tcb->rate.app_limited != 0;
    tcb->cc.ops->ack(&cc, &ack);
    take_traced(tcb, &cc);
}

/* The window that congestion is about. In a fast recovery that is ssthresh: cwnd says then how much of it PRR has
 * let go, which may be much less. */
static uint32_t window_of(const struct tcb *tcb, enum weft_cc_signal signal)
{
    bool begins = signal != WEFT_CC_BY_TIMEOUT && signal != WEFT_CC_BY_LOSS_AGAIN;

    return begins || tcb->cc.state != TCP_CA_RECOVERY || tcp_cc_sets_cwnd(tcb) ? tcb->cc.cwnd
                                                                               : tcb->cc.ssthresh;
}

void tcp_cc_congestion(struct tcb *tcb, enum weft_cc_signal signal, uint32_t flight)
{
    uint32_t window = window_of(tcb, signal);
    struct weft_cc cc = show(tcb);

    cc.cwnd = window;
    /* What limited transmit has sent (RFC 3042) is not counted (RFC 5681 3.1 equation 4). */
    tcb->cc.ops->congestion(&cc, signal, flight < window ? flight : window);
    take(tcb, &cc);
    tcp_hostcache_congestion(tcb, flight, window);
}

void tcp_cc_lost(struct tcb *tcb, const struct tcp_range *range)
{
    struct weft_cc_lost lost = {
        .bytes = seq_span(range->start, range->end),
        .in_flight = range->rate.in_flight,
        .lost = tcb->rate.lost - range->rate.lost,
        .app_limited = range->rate.app_limited,
    };
    struct weft_cc cc;

    if (!tcb->cc.ops->lost || tcb->state < WEFT_TCP_ESTABLISHED)
        return;
    cc = show(tcb);
    tcb->cc.ops->lost(&cc, &lost);
    take_traced(tcb, &cc);
}

static void call(struct tcb *tcb, void (*function)(struct weft_cc *cc))
{
    struct weft_cc cc;

    if (!function)
        return;
    cc = show(tcb);
    function(&cc);
    take_traced(tcb, &cc);
}

void tcp_cc_recovered(struct tcb *tcb)
{
    call(tcb, tcb->cc.ops->recovered);
}

void tcp_cc_undo(struct tcb *tcb)
{
    tcp_hostcache_undone(tcb);
    call(tcb, tcb->cc.ops->undo);
}

unsigned tcp_congestion_numbers(struct tcb *tcb, struct weft_cc_number *out, unsigned max)
{
    struct weft_cc cc = show(tcb);

    return tcb->cc.ops->numbers && tcb->cc.cwnd > 0 ? tcb->cc.ops->numbers(&cc, out, max) : 0;
}

/* RFC 7661 4.4: for so long a window is kept that was not used. */
#define NON_VALIDATED_PERIOD (5 * 60 * WEFT_SEC)

/*
 * After a pause cwnd says less about the path. RFC 5681 4.1: after more than an
 * RTO it is the initial window. RFC 7661 4.4.3, where no_idle_restart asks for
 * it: after five minutes it is half of what it was, and ssthresh remembers.
 */
static void reduce_after_pause(struct tcb *tcb)
{
    struct tcp_congestion *cc = &tcb->cc;
    uint32_t restart = tcp_cc_initial_window(tcb);
    weft_time pause = tcb->tcp->core->now - tcb->last_sent;
    bool keeps = tcb->tcp->config.no_idle_restart;

    if (pause <= (keeps ? NON_VALIDATED_PERIOD : tcp_rtt_rto(tcb)) || cc->cwnd <= restart)
        return;
    if (keeps) {
        uint32_t known = cc->cwnd / 4 * 3;

        if (cc->ssthresh == UINT32_MAX || cc->ssthresh < known)
            cc->ssthresh = known;
    }
    cc->cwnd = keeps && cc->cwnd / 2 > restart ? cc->cwnd / 2 : restart;
    tcp_cc_trace(tcb, WEFT_CAUSE_IDLE);
}

void tcp_cc_restart(struct tcb *tcb)
{
    if (!tcp_cc_sets_cwnd(tcb))
        reduce_after_pause(tcb);
    call(tcb, tcb->cc.ops->restart);
}

/* --- How much of cwnd is in use ------------------------------------------------------------------ */

void tcp_cc_used(struct tcb *tcb, bool kept_back)
{
    struct tcp_congestion *cc = &tcb->cc;
    uint32_t flight = tcp_in_flight(tcb);

    /* The round trip is over whose beginning was noted. */
    if (seq_ge(tcb->snd.una, cc->used_until)) {
        cc->used_until = tcb->snd.nxt;
        cc->cwnd_limited = false;
        cc->most_in_flight = 0;
    }
    cc->cwnd_limited |= kept_back;
    if (flight > cc->most_in_flight)
        cc->most_in_flight = flight;
}
