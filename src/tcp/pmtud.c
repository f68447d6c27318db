/* SPDX-License-Identifier: MIT */
/*
 * How large the packets of a connection are: what routers say (RFC 1191), how
 * far that is believed (RFC 5927 7), and what the connection finds out itself
 * where nobody says anything (RFC 4821).
 *
 * Owns    tcb->pmtud. The path's MTU is the network layer's; here stands what this
 *         connection makes of it.
 * Never   sends; output.c asks when a probe is due and what size segments have.
 *
 * A claim of a router's (tcp_pmtud_too_big):
 *
 *      not less than what we send                nothing of ours was too big: ignored
 *      about a probe                             the probe has failed, and nothing else follows
 *      larger packets have never arrived         believed at once: the beginning of a connection
 *      larger packets have arrived before        doubted until a timeout shows that they do not any
 *                                                more; an acknowledgement refutes it
 *      less than TCP_MTU_MIN                     the same; then that is the size, and routers may cut it
 *                                                (RFC 1191 3: DF is not set any more)
 *
 * A search: [low, high] is what has passed, and what may pass. A probe is a
 * segment of new data. The first is as large as the path's MTU says, for the
 * trouble may be over; then halves. One that alone is lost has failed, and is no
 * sign of congestion; among other losses it says nothing. Only where RACK judges:
 * without SACK one cannot tell what alone was lost, so nothing is probed, and after a
 * while all segments are as large as the path's MTU says again.
 *
 *      eff = low                          high
 *       |--- what may pass --- probe? -----|
 *
 * A search begins when a segment has timed out three times in a row (R1): then
 * segments are made smaller than that at once, and half of it with each further
 * timeout.
 */
#include "tcp/tcb.h"

/* Not worth a probe any more; ours, as Linux has it. */
#define SEARCH_ENOUGH 8u

/* RFC 4821 7.3: "MUST NOT be less than 5 minutes and is recommended to be 10 minutes". */
#define SEARCH_AGAIN (600 * WEFT_SEC)

/* RFC 4821 7.4: segments behind a probe, which show that it is lost (RFC 5681 3.2). */
#define SEGS_BEHIND 3u

/* RFC 4821 7.6.3: how much longer to wait when it took a timeout to see that a probe is lost. */
#define TIMEOUT_FACTOR 5u

uint32_t tcp_pmtud_size(const struct tcb *tcb)
{
    uint32_t eff = tcb->pmtud.eff;

    return eff > 0 && eff < tcb->path.mtu ? eff : tcb->path.mtu;
}

/* As long as that size is what goes: when the path's MTU has grown old it is found out anew. */
bool tcp_pmtud_may_be_cut(const struct tcb *tcb)
{
    return tcb->pmtud.may_be_cut && tcp_pmtud_size(tcb) <= TCP_MTU_MIN;
}

/* What a full segment is as a packet. */
static uint32_t full_packet(const struct tcb *tcb)
{
    return tcb->snd.mss + tcp_overhead(tcb);
}

/* The largest packet that the link, the peer and the application allow. */
static uint32_t largest(const struct tcb *tcb)
{
    uint32_t size = tcb->path.mtu;
    uint32_t peer = tcb->snd.peer_mss + tcp_headers_len(tcb);
    uint32_t own = tcb->options.maxseg + tcp_headers_len(tcb);

    if (size > peer)
        size = peer;
    return tcb->options.maxseg > 0 && size > own ? own : size;
}

static void trace_size(const struct tcb *tcb, uint32_t size, enum weft_tcp_cause cause)
{
    tcp_trace(tcb, WEFT_TRACE_TCP_MTU, size, tcb->pmtud.low, tcb->pmtud.high, cause, 0, 0);
}

/* Segments have another size: what was known of the old one holds only downwards. */
static void resize(struct tcb *tcb, uint32_t eff, enum weft_tcp_cause cause)
{
    struct tcp_pmtud *p = &tcb->pmtud;
    uint32_t size;

    p->eff = eff;
    p->full_size = 0;
    size = tcp_pmtud_size(tcb);
    if (p->max_acked > size)
        p->max_acked = size;
    tcp_segment_update_mss(tcb);
    trace_size(tcb, size, cause);
}

static void begin_search(struct tcb *tcb, uint32_t size, enum weft_tcp_cause cause)
{
    struct tcp_pmtud *p = &tcb->pmtud;

    p->is_searching = true;
    p->has_failed = false;
    p->low = size;
    p->high = largest(tcb);
    p->next = tcb->tcp->core->now + (tcp_uses_rack(tcb) ? 0 : SEARCH_AGAIN);
    p->probe_size = 0;
    resize(tcb, size, cause);
}

void tcp_pmtud_established(struct tcb *tcb)
{
    const struct weft_tcp_config *config = &tcb->tcp->config;

    if (config->mtu_probing == WEFT_MTU_PROBING_ALWAYS && largest(tcb) > config->mtu_base)
        begin_search(tcb, config->mtu_base, WEFT_CAUSE_NONE);
    else if (config->mtu_probing != WEFT_MTU_PROBING_OFF && tcb->known.mtu > 0 &&
             largest(tcb) > tcb->known.mtu)
        begin_search(tcb, tcb->known.mtu, WEFT_CAUSE_KNOWN);
}

/* --- Probes ----------------------------------------------------------------------------------- */

/* RFC 4821 7.6.2: as many round trips as cwnd has segments, so that the losses that are forgiven are fewer than
 * those that are not. */
static void wait_before_next(struct tcb *tcb, uint32_t factor)
{
    weft_time segs = tcb->cc.cwnd / tcb->snd.mss + 1;

    tcb->pmtud.next = tcb->tcp->core->now + segs * tcb->rtt.srtt * factor;
}

/* The size to be tried next; 0 when the search is over, for a while. */
static uint32_t choose_size(struct tcb *tcb)
{
    struct tcp_pmtud *p = &tcb->pmtud;
    uint32_t most = largest(tcb);
    uint32_t high = p->high < most ? p->high : most;

    if (high >= p->low + SEARCH_ENOUGH)
        return p->has_failed ? p->low + (high - p->low + 1) / 2 : high;
    p->has_failed = false;
    p->high = UINT32_MAX;
    p->next = tcb->tcp->core->now + SEARCH_AGAIN;
    return 0;
}

/* RFC 4821 7.4. */
static bool may_probe(const struct tcb *tcb)
{
    const struct tcp_pmtud *p = &tcb->pmtud;

    return p->is_searching && p->probe_size == 0 && tcb->tcp->core->now >= p->next && tcp_uses_rack(tcb) &&
           tcb->cc.state == TCP_CA_OPEN && tcb->board.lost_bytes == 0 && tcb->board.sacked_bytes == 0;
}

/* Without probes: the trouble may be over. If it is not, it shows in three timeouts. */
static void end_blind_search(struct tcb *tcb)
{
    struct tcp_pmtud *p = &tcb->pmtud;

    if (!p->is_searching || tcp_uses_rack(tcb) || tcb->tcp->core->now < p->next)
        return;
    p->is_searching = false;
    resize(tcb, 0, WEFT_CAUSE_MTU_PROBE);
}

uint32_t tcp_pmtud_probe_due(struct tcb *tcb, uint32_t unsent, uint32_t window)
{
    uint32_t behind = SEGS_BEHIND * tcb->snd.mss;
    uint32_t size, len;

    end_blind_search(tcb);
    if (!may_probe(tcb) || unsent <= behind)
        return 0;
    size = choose_size(tcb);
    if (size == 0)
        return 0;
    len = size - tcp_overhead(tcb);
    return unsent >= len + behind && window >= len + behind && tcb->cc.cwnd >= len + behind ? len : 0;
}

void tcp_pmtud_probe_sent(struct tcb *tcb, tcp_seq start, uint32_t len)
{
    struct tcp_pmtud *p = &tcb->pmtud;

    p->probe_size = len + tcp_overhead(tcb);
    p->probe_start = start;
    p->probe_end = seq_add(start, len);
    p->probe_lost = false;
    core_count(tcb->tcp->core, WEFT_COUNT_TCP_MTU_PROBES);
    trace_size(tcb, p->probe_size, WEFT_CAUSE_MTU_PROBE);
}

/* RFC 4821 7.6.1. */
static void probe_passed(struct tcb *tcb)
{
    struct tcp_pmtud *p = &tcb->pmtud;
    uint32_t size = p->probe_size;

    p->probe_size = 0;
    p->low = size;
    resize(tcb, size, WEFT_CAUSE_MTU_PASSED);
    p->max_acked = size;
}

/* RFC 4821 7.6.2. The probe's place is remembered until its bytes have arrived. */
static void probe_failed(struct tcb *tcb, uint32_t factor)
{
    struct tcp_pmtud *p = &tcb->pmtud;

    p->probe_lost = true;
    p->has_failed = true;
    if (p->high >= p->probe_size)
        p->high = p->probe_size - 1;
    wait_before_next(tcb, factor);
    trace_size(tcb, p->probe_size, WEFT_CAUSE_MTU_LOST);
}

/* Does the range lie in the probe, and was it sent with it only? */
static bool is_of_probe(const struct tcp_pmtud *p, const struct tcp_range *range)
{
    return seq_ge(range->start, p->probe_start) && seq_le(range->end, p->probe_end) &&
           !(range->flags & TCP_RANGE_RETRANSMITTED);
}

bool tcp_pmtud_forgives_loss(struct tcb *tcb)
{
    struct tcp_pmtud *p = &tcb->pmtud;
    const struct tcp_range *range;

    if (p->probe_size == 0 || tcb->board.lost_bytes == 0)
        return false;
    for (range = tcb->board.head; range; range = range->next) {
        if ((range->flags & TCP_RANGE_LOST) && !is_of_probe(p, range)) {
            p->probe_size = 0; /* 7.6.4: inconclusive */
            return false;
        }
    }
    if (!p->probe_lost)
        probe_failed(tcb, 1);
    return true;
}

/* --- What is acknowledged, and what is not --------------------------------------------------------- */

void tcp_pmtud_sent(struct tcb *tcb, tcp_seq start, uint32_t len)
{
    struct tcp_pmtud *p = &tcb->pmtud;

    if (len < tcb->snd.mss || p->full_size > 0 || full_packet(tcb) <= p->max_acked)
        return;
    p->full_size = full_packet(tcb);
    p->full_end = seq_add(start, tcb->snd.mss);
}

void tcp_pmtud_acked(struct tcb *tcb)
{
    struct tcp_pmtud *p = &tcb->pmtud;
    tcp_seq una = tcb->snd.una;

    if (p->full_size > 0 && seq_ge(una, p->full_end)) {
        p->max_acked = p->full_size;
        p->full_size = 0;
    }
    if (p->claimed > 0 && seq_gt(una, p->claimed_seq))
        p->claimed = 0;
    if (p->probe_size > 0 && seq_ge(una, p->probe_end)) {
        if (p->probe_lost)
            p->probe_size = 0;
        else
            probe_passed(tcb);
    }
}

/* No path is too small for that, and its timer sends it again. */
static bool is_syn_ack(const struct tcb *tcb, const struct tcp_range *range)
{
    return tcb->state == WEFT_TCP_SYN_RECEIVED && seq_eq(range->start, tcb->snd.iss);
}

/* RFC 1191 6.4: smaller segments from now on, and what was too big is sent again in such. */
static void believe(struct tcb *tcb, uint32_t mtu, tcp_seq seq)
{
    uint16_t before = tcb->snd.mss;
    bool could_be_cut = tcb->pmtud.may_be_cut;
    const struct tcp_tuple *tuple = &tcb->node.tuple;
    struct tcp_range *range;

    tcb->pmtud.claimed = 0;
    if (mtu < TCP_MTU_MIN) {
        tcb->pmtud.may_be_cut = true;
        mtu = TCP_MTU_MIN;
    }
    net_path_mtu_set(tcb->tcp->net, &tuple->remote, mtu);
    if (net_path_find(tcb->tcp->net, &tuple->local, &tuple->remote, &tcb->path) < 0)
        return;
    if (tcb->pmtud.low > tcb->path.mtu)
        tcb->pmtud.low = tcb->path.mtu;
    resize(tcb, tcb->pmtud.eff, WEFT_CAUSE_PMTU);
    if (tcb->snd.mss >= before && tcb->pmtud.may_be_cut == could_be_cut)
        return;
    if (tcb->state == WEFT_TCP_SYN_SENT) { /* a SYN with data was too big: a plain one goes */
        tcb->rcv.mss = tcp_mss_to_offer(&tcb->path, tuple, &tcb->options);
        tcp_owe(tcb, TCP_OWED_SYN);
    }
    for (range = tcb->board.head; range; range = range->next)
        if (seq_ge(range->end, seq) && !is_syn_ack(tcb, range))
            tcp_sack_mark_lost(tcb, range, UINT32_MAX, WEFT_CAUSE_PMTU);
    tcp_owe(tcb, 0);
}

void tcp_pmtud_too_big(struct tcb *tcb, uint32_t mtu, tcp_seq seq)
{
    struct tcp_pmtud *p = &tcb->pmtud;

    if (p->may_be_cut && mtu < TCP_MTU_MIN)
        mtu = TCP_MTU_MIN;
    if (p->probe_size > 0 && seq_eq(seq, p->probe_start)) {
        /* The loss itself will show in a round trip. */
        if (mtu >= p->low && mtu < p->probe_size && p->high > mtu)
            p->high = mtu;
        p->has_failed = true;
    } else if (mtu >= full_packet(tcb)) {
        return;
    } else if (mtu >= p->max_acked) {
        believe(tcb, mtu, seq);
    } else if (p->claimed == 0) {
        p->claimed = mtu;
        p->claimed_seq = seq;
    }
}

/* The packet that times out again and again. It need not be a full one: a request that is smaller may be too big, too. */
static uint32_t head_packet(const struct tcb *tcb)
{
    const struct tcp_range *head = tcb->board.head;
    uint32_t len = head ? seq_span(head->start, head->end) : 0;

    return (len < tcb->snd.mss ? len : tcb->snd.mss) + tcp_overhead(tcb);
}

/* RFC 4821 7.7: where the search goes on from after `retries` timeouts. */
static uint32_t black_hole_size(const struct tcb *tcb)
{
    const struct tcp_pmtud *p = &tcb->pmtud;
    uint32_t base = tcb->tcp->config.mtu_base;
    uint32_t size = head_packet(tcb);

    if (p->is_searching && size > p->low)
        return p->low;
    if (size > base)
        return base;
    return size / 2 > TCP_MTU_MIN ? size / 2 : TCP_MTU_MIN;
}

static bool is_black_hole(const struct tcb *tcb)
{
    return tcb->tcp->config.mtu_probing != WEFT_MTU_PROBING_OFF && !tcb->tries_again && tcb->snd.wnd > 0 &&
           tcb->retries >= TCP_R1_RETRIES && head_packet(tcb) > TCP_MTU_MIN;
}

void tcp_pmtud_timeout(struct tcb *tcb)
{
    struct tcp_pmtud *p = &tcb->pmtud;

    if (p->claimed > 0) {
        believe(tcb, p->claimed, p->claimed_seq);
        return;
    }
    if (p->probe_size > 0 && !p->probe_lost && seq_eq(tcb->snd.una, p->probe_start))
        probe_failed(tcb, TIMEOUT_FACTOR);
    else if (p->probe_size > 0 && !p->probe_lost)
        p->probe_size = 0;
    if (!is_black_hole(tcb))
        return;
    if (tcb->retries == TCP_R1_RETRIES)
        core_count(tcb->tcp->core, WEFT_COUNT_TCP_MTU_BLACK_HOLES);
    begin_search(tcb, black_hole_size(tcb), WEFT_CAUSE_BLACK_HOLE);
}
