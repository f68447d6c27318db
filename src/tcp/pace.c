/* SPDX-License-Identifier: MIT */
/*
 * Pacing: data leaves at a rate rather than in bursts.
 *
 * Owns    tcb->pace: when data may leave next.
 * Never   sends: output.c asks how much may go now, and timer.c wakes it up
 *         when more may.
 *
 * Connections are paced unless the stack or the application says otherwise: a
 * burst overflows a short queue long before the window is what the path holds
 * (and RFC 9937 6.4 recommends it). The rate is the algorithm's (BBR always has
 * one); for the others it is what fills cwnd in a round trip, with something to
 * spare so that cwnd and not the pace decides. A maximum of the application's
 * bounds either. What goes at once is about a millisecond's worth: a
 * super-segment, or two segments at least ("Send Quantum" of
 * draft-ietf-ccwg-bbr).
 *
 * Rates count payload, as cwnd and the rate samples do. Moments are kept in
 * nanoseconds, so that nothing is lost by rounding at high rates.
 */
#include "tcp/cc/cc.h"
#include "tcp/tcb.h"

/* Percent of cwnd for each round trip: cwnd doubles in a round trip of slow start. Ours, as Linux has them. */
#define SLOW_START_GAIN 200u
#define AVOIDANCE_GAIN  120u

/* In a round trip as short as this the window goes at once anyway, being a millisecond's worth; and timers that fire late
 * would cost rate. */
#define SHORT_RTT WEFT_MSEC

/* The most that goes at once. */
#define QUANTUM_MAX 65535u

/* A timer that fires late must not cost rate: so much may be made up for. Ours. */
#define LATENESS_NS 1000000u

bool tcp_pace_is_on(const struct tcb *tcb)
{
    return tcb->options.pacing || tcb->options.max_pacing_rate > 0 || (tcb->cc.ops->flags & WEFT_CC_PACES);
}

/* What fills cwnd, in a fast recovery what cwnd will be; 0 while the round trip is not known. */
static uint64_t rate_of_cwnd(const struct tcb *tcb)
{
    const struct tcp_congestion *cc = &tcb->cc;
    uint64_t window = cc->state == TCP_CA_RECOVERY && cc->cwnd < cc->ssthresh ? cc->ssthresh : cc->cwnd;
    uint32_t gain = window < cc->ssthresh / 2 ? SLOW_START_GAIN : AVOIDANCE_GAIN;

    return tcb->rtt.srtt > 0 ? window * gain / 100 * WEFT_SEC / tcb->rtt.srtt : 0;
}

/* The same, 0 where there is nothing to spread. */
static uint64_t usual_rate(const struct tcb *tcb)
{
    return tcb->rtt.srtt > SHORT_RTT ? rate_of_cwnd(tcb) : 0;
}

uint64_t tcp_pace_rate(const struct tcb *tcb)
{
    uint64_t rate = tcb->cc.pacing_rate > 0 ? tcb->cc.pacing_rate : usual_rate(tcb);
    uint64_t most = tcb->options.max_pacing_rate;

    if (!tcp_pace_is_on(tcb))
        return 0;
    return most > 0 && (rate == 0 || rate > most) ? most : rate;
}

/* Whole segments of about a millisecond, `least` of them at least. */
static uint32_t quantum(const struct tcb *tcb, uint64_t rate, unsigned least)
{
    uint64_t bytes = rate / 1000;
    uint32_t mss = tcb->snd.mss;

    if (bytes > QUANTUM_MAX)
        bytes = QUANTUM_MAX;
    return bytes > (uint64_t)least * mss ? (uint32_t)(bytes - bytes % mss) : least * mss;
}

uint32_t tcp_pace_burst(const struct tcb *tcb)
{
    uint64_t rate = rate_of_cwnd(tcb);
    uint32_t mss = tcb->snd.mss;
    uint32_t half = (tcb->cc.cwnd < tcb->snd.max_wnd ? tcb->cc.cwnd : tcb->snd.max_wnd) / 2;
    uint32_t burst = rate > 0 ? quantum(tcb, rate, tcb->tcp->config.burst_segs) : QUANTUM_MAX;

    if (burst > half)
        burst = half;
    return burst > mss ? burst - burst % mss : mss;
}

/* Nothing is out, and an initial window, which a path bears (RFC 6928), holds all that there is: a short answer takes no
 * longer. But not at a rate that the application or the algorithm has asked for. */
static bool is_short_answer(const struct tcb *tcb)
{
    return seq_eq(tcb->snd.una, tcb->snd.nxt) && tcb->buf.len <= tcp_cc_initial_window(tcb) &&
           tcb->options.max_pacing_rate == 0 && tcb->cc.pacing_rate == 0;
}

uint32_t tcp_pace_allowance(struct tcb *tcb, bool is_new)
{
    uint64_t rate = tcp_pace_rate(tcb);
    uint64_t now = tcb->tcp->core->now * 1000;

    if (is_new && tcp_pace_is_held(tcb)) {
        tcp_timer_paced(tcb, tcb->pace.hold - tcb->tcp->core->now);
        return 0;
    }
    if (rate == 0)
        return UINT32_MAX;
    if (now >= tcb->pace.next)
        return is_short_answer(tcb) ? tcp_cc_initial_window(tcb) : quantum(tcb, rate, 2);
    tcb->pace.waits = true;
    tcp_timer_paced(tcb, (tcb->pace.next - now + 999) / 1000);
    return 0;
}

void tcp_pace_hold(struct tcb *tcb, weft_time time)
{
    tcb->pace.hold = tcb->tcp->core->now + time;
}

bool tcp_pace_is_held(const struct tcb *tcb)
{
    return tcb->pace.hold > tcb->tcp->core->now;
}

void tcp_pace_sent(struct tcb *tcb, uint32_t bytes)
{
    struct tcp_pace *pace = &tcb->pace;
    uint64_t rate = tcp_pace_rate(tcb);
    uint64_t now = tcb->tcp->core->now * 1000;

    if (rate == 0)
        return;
    /* Where it has waited for its turn, the time by which that came late counts; where there was nothing to send,
     * the past gives no credit. */
    if (pace->next < now)
        pace->next = pace->waits && now - pace->next < LATENESS_NS ? pace->next : now;
    pace->next += (uint64_t)bytes * 1000000000u / rate;
    pace->waits = false;
}
