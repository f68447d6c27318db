/* SPDX-License-Identifier: MIT */
/*
 * What connections to a host have learned is used by the next one: sharing of
 * control block data (RFC 9040). Off unless the configuration says so.
 *
 * Owns    the cache, and tcb->known: what a connection has begun with.
 * Never   learns from what has not completed its handshake, so nobody can put
 *         anything in who cannot answer from the address it is about; and what
 *         a host does to its own entry only its own connections feel.
 *
 *   of the RFC's tables   shared    read                    written
 *   RTT, RTTVAR           yes       before the first        each second, and at the end: mean
 *                                   sample                  of old and new (7.2, ensemble)
 *   ssthresh              yes       when data may go        at the end of long flows: mean of
 *                                                           old and new (6.2, temporal)
 *   sendcwnd              no        a window is earned: the initial window is for all alike
 *                                   (RFC 6928), as in all implementations of table 9
 *   PMTU                  as found  in the handshake        with RTT; what routers say is kept
 *                         by PLPMTUD                        by the network layer (note 1)
 *   sendMSS, TFO          elsewhere tfo_cache.c
 *   the largest messages  no        computed or told anew each time (note 2)
 *   reordering (ours)     yes       when data may go        with RTT: RACK waits for what is late
 *
 * Where the first round trip of a connection is not like the cached one the path
 * is another, or is not what it was (8.1, 8.3): then nothing of it is believed.
 */
#include "tcp/cc/cc.h"
#include "tcp/tcb.h"

/* RFC 9040 8: ssthresh of short flows does harm. So many segments make a long one; ours. */
#define LONG_FLOW_SEGS 100u

/* So often does a connection tell; ours: each time costs a look into the cache. */
#define TELL_EVERY (1 * WEFT_SEC)

/* Round trips that differ by more than a factor of two are of different paths, but not where both are this short: ours. */
#define ALIKE_BELOW (10 * WEFT_MSEC)

/* Of one pair of addresses. Zeros: not known. */
struct host {
    struct tcp_pair pair; /* first */
    weft_time told;       /* when anything of it was last written */
    weft_time ssthresh_told;
    uint32_t srtt, rttvar;
    uint32_t ssthresh;
    uint32_t mtu;
    bool has_reordering;
};

bool tcp_hostcache_init(struct tcp *tcp)
{
    return tcp_pairs_init(&tcp->hosts, tcp->core, tcp->config.host_cache_entries, sizeof(struct host));
}

void tcp_hosts_forget(struct tcp *tcp)
{
    tcp_pairs_forget(&tcp->hosts);
}

static bool is_fresh(const struct tcp *tcp, weft_time told)
{
    return told > 0 && tcp->core->now - told < tcp->config.host_cache_expire;
}

/* --- Beginning (RFC 9040 6.1, 7.1) ------------------------------------------------------------------ */

/* The timeout of a SYN is not shortened: nothing has been measured on this connection yet (RFC 6298 2.1). */
static void begin_with_rtt(struct tcb *tcb, const struct host *host)
{
    uint64_t rto = host->srtt + 4ull * host->rttvar;

    if (host->srtt == 0)
        return;
    tcb->rtt.srtt = host->srtt;
    tcb->rtt.rttvar = host->rttvar;
    tcb->rtt.is_cached = true;
    if (rto > tcb->rtt.rto)
        tcb->rtt.rto = (uint32_t)(rto < tcb->tcp->config.rto_max ? rto : tcb->tcp->config.rto_max);
}

void tcp_hostcache_begin(struct tcb *tcb)
{
    struct tcp *tcp = tcb->tcp;
    const struct host *host =
        tcp->config.host_cache ? tcp_pairs_find(&tcp->hosts, &tcb->node.tuple, 0) : NULL;

    if (!host || !is_fresh(tcp, host->told))
        return;
    tcb->known.ssthresh = is_fresh(tcp, host->ssthresh_told) ? host->ssthresh : 0;
    tcb->known.mtu = host->mtu;
    tcb->known.has_reordering = host->has_reordering;
    begin_with_rtt(tcb, host);
    core_count(tcp->core, WEFT_COUNT_TCP_HOST_CACHE_HITS);
    tcp_trace(tcb, WEFT_TRACE_TCP_KNOWN, host->srtt, host->rttvar, tcb->known.ssthresh, host->mtu,
              tcp->core->now - host->told, 0);
}

void tcp_hostcache_may_send(struct tcb *tcb)
{
    tcb->rack.reordering_seen |= tcb->known.has_reordering;
    if (tcb->known.ssthresh == 0 || tcp_cc_sets_cwnd(tcb))
        return;
    tcb->cc.ssthresh = tcb->known.ssthresh;
    tcp_cc_trace(tcb, WEFT_CAUSE_KNOWN);
}

void tcp_hostcache_first_rtt(struct tcb *tcb, uint32_t rtt)
{
    uint32_t cached = tcb->rtt.srtt;
    bool is_short = rtt < ALIKE_BELOW && cached < ALIKE_BELOW;

    tcb->rtt.is_cached = false;
    if (is_short || (rtt / 2 <= cached && cached / 2 <= rtt))
        return;
    tcb->rtt.srtt = tcb->rtt.rttvar = 0;
    if (tcb->known.ssthresh > 0 && tcb->cc.ssthresh == tcb->known.ssthresh)
        tcb->cc.ssthresh = UINT32_MAX;
    tcb->known = (struct tcp_known){0};
}

/* --- Learning (6.2, 7.2) ------------------------------------------------------------------------------- */

/* How table 3 has them merged: the mean of both. */
static uint32_t merged(uint32_t old, uint32_t current)
{
    return old > 0 ? old / 2 + current / 2 : current;
}

static struct host *host_of(struct tcb *tcb)
{
    struct tcp *tcp = tcb->tcp;
    struct host *host = tcp_pairs_entry(&tcp->hosts, &tcb->node.tuple, 0);
    struct tcp_pair pair = host->pair;

    if (host->told > 0 && !is_fresh(tcp, host->told))
        *host = (struct host){.pair = pair};
    host->told = tcp->core->now > 0 ? tcp->core->now : 1;
    tcb->known.told = tcp->core->now;
    return host;
}

static bool is_long(const struct tcb *tcb)
{
    return tcb->bytes_acked >= LONG_FLOW_SEGS * (uint64_t)tcb->snd.mss;
}

static void tell_path(struct tcb *tcb, struct host *host)
{
    const struct tcp_pmtud *p = &tcb->pmtud;

    if (tcb->rtt.srtt > 0 && !tcb->rtt.is_cached) {
        host->srtt = merged(host->srtt, tcb->rtt.srtt);
        host->rttvar = merged(host->rttvar, tcb->rtt.rttvar);
    }
    host->has_reordering = tcb->account.reord_seen > 0 || (host->has_reordering && !is_long(tcb));
    if (p->max_acked >= tcb->path.mtu || (p->max_acked > 0 && p->eff > 0))
        host->mtu = p->eff > 0 && p->eff < tcb->path.mtu ? p->eff : 0;
}

void tcp_hostcache_congestion(struct tcb *tcb, uint32_t flight, uint32_t cwnd)
{
    if (flight >= cwnd / 2)
        tcb->known.learned = tcb->cc.ssthresh;
}

void tcp_hostcache_undone(struct tcb *tcb)
{
    tcb->known.learned = 0;
}

/* What is known of ssthresh; 0: nothing. Without congestion HyStart++ has set it; else congestion must have come
 * while the window was in use, for the loss of a lone segment leaves as good as nothing. */
static uint32_t learned_ssthresh(const struct tcb *tcb)
{
    bool had_congestion = tcb->timeouts > 0 || tcb->recoveries > 0;

    if (tcp_cc_sets_cwnd(tcb) || !is_long(tcb))
        return 0;
    if (tcb->known.learned > 0)
        return tcb->known.learned;
    return had_congestion || tcb->cc.ssthresh == UINT32_MAX ? 0 : tcb->cc.ssthresh;
}

/* Not while a loss is being repaired: RFC 9040 8.2. */
static bool may_tell(const struct tcb *tcb)
{
    return tcb->tcp->config.host_cache && tcb->state >= WEFT_TCP_ESTABLISHED && tcb->retries == 0 &&
           tcb->cc.state == TCP_CA_OPEN && tcb->bytes_acked > 0;
}

void tcp_hostcache_tell(struct tcb *tcb)
{
    if (may_tell(tcb) && (tcb->known.told == 0 || tcb->tcp->core->now - tcb->known.told >= TELL_EVERY))
        tell_path(tcb, host_of(tcb));
}

void tcp_hostcache_end(struct tcb *tcb)
{
    uint32_t ssthresh = learned_ssthresh(tcb);
    struct host *host;

    if (!may_tell(tcb))
        return;
    host = host_of(tcb);
    tell_path(tcb, host);
    if (ssthresh == 0)
        return;
    host->ssthresh = merged(is_fresh(tcb->tcp, host->ssthresh_told) ? host->ssthresh : 0, ssthresh);
    host->ssthresh_told = host->told;
}
