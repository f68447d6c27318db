/* SPDX-License-Identifier: MIT */
/*
 * The round-trip time and the retransmission timeout made of it (RFC 6298).
 *
 * Owns    tcb->rtt, but for the count of back-offs, which timer.c raises.
 * Never   takes a sample from a segment that was sent twice, unless timestamps
 *         say which copy was acknowledged (Karn's algorithm, RFC 6298 3); its
 *         callers see to that.
 */
#include "tcp/tcb.h"

/* RFC 8985 6.2 step 1: the least round trip is that of the last 300 s, of 150 at least: paths change. */
#define MIN_RTT_WINDOW (300 * WEFT_SEC)

/* No round trip counts for more: four times it, and some, stay in 32 bits. No timeout is as long. Ours. */
#define RTT_MAX (500 * WEFT_SEC)

/* RFC 6298 2: G, the clock's granularity. */
#define CLOCK_GRANULARITY 1u

void tcp_rtt_init(struct tcb *tcb)
{
    tcb->rtt = (struct tcp_rtt){.rto = (uint32_t)tcb->tcp->config.rto_initial};
}

/* How many samples a round trip gives, one for two segments (RFC 7323 appendix G). */
static uint32_t expected_samples(const struct tcb *tcb)
{
    uint32_t per_ack = 2u * tcb->snd.mss;
    uint32_t n = (seq_span(tcb->snd.una, tcb->snd.nxt) + per_ack - 1) / per_ack;

    return n > 0 ? n : 1;
}

/* The minimum of this half of the window and of the one before. */
static void track_minimum(struct tcb *tcb, uint32_t r)
{
    struct tcp_rtt *rtt = &tcb->rtt;
    weft_time age = tcb->tcp->core->now - rtt->min_since;

    if (rtt->min_rtt == 0 || age >= MIN_RTT_WINDOW / 2) {
        rtt->min_before = rtt->min_rtt == 0 || age >= MIN_RTT_WINDOW ? r : rtt->min_now;
        rtt->min_now = r;
        rtt->min_since = tcb->tcp->core->now;
    } else if (r < rtt->min_now) {
        rtt->min_now = r;
    }
    rtt->min_rtt = rtt->min_now < rtt->min_before ? rtt->min_now : rtt->min_before;
}

/* RFC 6298 2.2 and 2.3, with the gains shared out over the samples of a round trip. */
void tcp_rtt_sample(struct tcb *tcb, weft_time measured)
{
    struct tcp_rtt *rtt = &tcb->rtt;
    uint32_t r = measured < RTT_MAX ? (uint32_t)measured : (uint32_t)RTT_MAX;

    if (r == 0)
        r = 1;

    track_minimum(tcb, r);
    if (rtt->is_cached)
        tcp_hostcache_first_rtt(tcb, r);
    if (rtt->restarts && seq_gt(tcb->snd.una, rtt->restart_from)) {
        rtt->restarts = false;
        rtt->srtt = r > rtt->srtt_prev ? r : rtt->srtt_prev;
        rtt->rttvar = r / 2 > rtt->rttvar_prev ? r / 2 : rtt->rttvar_prev;
    } else if (rtt->srtt == 0) {
        rtt->srtt = r;
        rtt->rttvar = r / 2;
    } else {
        uint32_t samples = expected_samples(tcb);
        int64_t error = (int64_t)r - rtt->srtt;
        int64_t deviation = (error < 0 ? -error : error) - rtt->rttvar;

        rtt->rttvar = (uint32_t)(rtt->rttvar + deviation / (4 * (int64_t)samples));
        rtt->srtt = (uint32_t)(rtt->srtt + error / (8 * (int64_t)samples));
        if (rtt->srtt == 0)
            rtt->srtt = 1;
    }
    /* RFC 6298 2.3, with the lower bound on the variance's share rather than on the sum: a timeout
     * then never comes closer to the round trip than that. */
    uint32_t margin = 4 * rtt->rttvar > CLOCK_GRANULARITY ? 4 * rtt->rttvar : CLOCK_GRANULARITY;
    if (margin < tcb->tcp->config.rto_min)
        margin = (uint32_t)tcb->tcp->config.rto_min;
    rtt->rto = rtt->srtt + margin;
    if (rtt->rto > tcb->tcp->config.rto_max)
        rtt->rto = (uint32_t)tcb->tcp->config.rto_max;
    rtt->backoffs = 0;
    tcb->rack.has_new_rtt = true;
    tcp_hostcache_tell(tcb);
    tcp_trace(tcb, WEFT_TRACE_TCP_RTT, r, rtt->srtt, rtt->rttvar, rtt->rto, 0, 0);
}

void tcp_rtt_restart(struct tcb *tcb, uint32_t srtt_prev, uint32_t rttvar_prev, tcp_seq from)
{
    tcb->rtt.restarts = true;
    tcb->rtt.restart_from = from;
    tcb->rtt.srtt_prev = srtt_prev + 2 * CLOCK_GRANULARITY;
    tcb->rtt.rttvar_prev = rttvar_prev;
}

/* RFC 6298 5.5: doubled for each timeout in a row. */
uint32_t tcp_rtt_rto(const struct tcb *tcb)
{
    uint64_t rto = (uint64_t)tcb->rtt.rto << (tcb->rtt.backoffs < 16 ? tcb->rtt.backoffs : 16);

    return rto < tcb->tcp->config.rto_max ? (uint32_t)rto : (uint32_t)tcb->tcp->config.rto_max;
}
