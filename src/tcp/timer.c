/* SPDX-License-Identifier: MIT */
/*
 * The timers of a connection.
 *
 * Owns    tcb->deadline[] and the node in the stack's wheel. Everyone else
 *         reports what has happened by name; this file alone decides what that
 *         means for a timer.
 * Never   sends: what a timer makes necessary is owed, and output.c does it.
 *
 *   retransmission   RFC 6298 5: runs while anything is unacknowledged
 *   tail loss probe  RFC 8985 7: sooner than that, when the tail may be lost
 *   reordering       RFC 8985 6.2: RACK waits for what may only be late
 *   persist          RFC 9293 3.8.6.1: data waits, the window is shut
 *   delayed ACK      RFC 9293 3.8.6.3
 *   keepalive        RFC 9293 3.8.4
 *   user timeout     RFC 9293 3.8.3, RFC 5482
 *   nobody's         an orphan in FIN-WAIT-2 whose peer never closes, or whose window
 *                    stays shut (RFC 6429 5): nobody else would notice
 *   cork             ours: a part of a segment is not held back for ever
 *   pacing           ours: data waits for its turn (pace.c)
 *
 * One node in the wheel stands for all of them. When the earliest deadline
 * moves away the node stays where it is, fires early, and finds nothing due:
 * cheaper than to move it with each ACK.
 */
#include "tcp/cc/cc.h"
#include "tcp/tcb.h"

/* How long a corked part of a segment waits at most; ours, as Linux has it. */
#define CORK_LIMIT (200 * WEFT_MSEC)

static weft_time now_of(const struct tcb *tcb)
{
    return tcb->tcp->core->now;
}

static weft_time earliest(const struct tcb *tcb)
{
    weft_time first = WEFT_TIME_NEVER;

    for (unsigned i = 0; i < WEFT_TIMER_COUNT; i++)
        if (tcb->deadline[i] < first)
            first = tcb->deadline[i];
    return first;
}

static void update_wheel(struct tcb *tcb)
{
    struct wheel *wheel = &tcb->tcp->core->wheel;
    weft_time first = earliest(tcb);

    if (first == WEFT_TIME_NEVER)
        wheel_cancel(wheel, &tcb->timer);
    else if (!wheel_is_set(&tcb->timer) || first < tcb->timer.deadline)
        wheel_set(wheel, &tcb->timer, first);
}

static void arm(struct tcb *tcb, enum weft_tcp_timer which, weft_time delay)
{
    weft_time deadline = now_of(tcb) + delay;

    if (tcb->deadline[which] == deadline)
        return;
    tcb->deadline[which] = deadline;
    tcp_trace(tcb, WEFT_TRACE_TCP_TIMER_SET, which, delay, 0, 0, 0, 0);
    update_wheel(tcb);
}

static void cancel(struct tcb *tcb, enum weft_tcp_timer which)
{
    if (tcb->deadline[which] == WEFT_TIME_NEVER)
        return;
    tcb->deadline[which] = WEFT_TIME_NEVER;
    tcp_trace(tcb, WEFT_TRACE_TCP_TIMER_CANCEL, which, 0, 0, 0, 0, 0);
    update_wheel(tcb);
}

static bool is_set(const struct tcb *tcb, enum weft_tcp_timer which)
{
    return tcb->deadline[which] != WEFT_TIME_NEVER;
}

void tcp_timer_init(struct tcb *tcb)
{
    tcb->timer.kind = CORE_TIMER_TCP;
    for (unsigned i = 0; i < WEFT_TIMER_COUNT; i++)
        tcb->deadline[i] = WEFT_TIME_NEVER;
}

void tcp_timer_stop_all(struct tcb *tcb)
{
    for (unsigned i = 0; i < WEFT_TIMER_COUNT; i++)
        cancel(tcb, i);
    wheel_cancel(&tcb->tcp->core->wheel, &tcb->timer);
}

/* --- What is reported -------------------------------------------------------------- */

/* What could not be sent has gone: how long that took says nothing of the path. */
static void end_stall(struct tcb *tcb)
{
    if (!tcb->tries_again)
        return;
    tcb->tries_again = false;
    tcb->retries = 0;
    tcb->rtt.backoffs = 0;
    cancel(tcb, WEFT_TIMER_RTO);
}

void tcp_timer_syn_sent(struct tcb *tcb)
{
    end_stall(tcb);
    arm(tcb, WEFT_TIMER_RTO, tcp_rtt_rto(tcb));
}

void tcp_timer_keepalive_changed(struct tcb *tcb)
{
    if (tcb->options.keepalive && tcb->state >= WEFT_TCP_ESTABLISHED && tcb->state != WEFT_TCP_TIME_WAIT)
        arm(tcb, WEFT_TIMER_KEEPALIVE,
            tcb->keepalives > 0 ? tcb->options.keepalive_interval : tcb->options.keepalive_idle);
    else
        cancel(tcb, WEFT_TIMER_KEEPALIVE);
}

void tcp_timer_established(struct tcb *tcb)
{
    tcb->retries = 0;
    tcp_timer_ack_progress(tcb);
    tcp_timer_keepalive_changed(tcb);
}

/* RFC 8985 7.2 and 7.3: a probe is scheduled in open state only, for SACK connections, one at a time, and
 * with a round trip measured since the last one. */
static void schedule_probe(struct tcb *tcb)
{
    if (tcp_uses_rack(tcb) && !tcb->tcp->config.no_tail_probe && tcb->cc.state == TCP_CA_OPEN &&
        !tcb->rack.probe_out && tcb->rack.has_new_rtt && tcb->rtt.backoffs == 0 &&
        tcb->board.sacked_bytes == 0)
        arm(tcb, WEFT_TIMER_PROBE, tcp_rack_probe_delay(tcb));
    else
        cancel(tcb, WEFT_TIMER_PROBE);
}

/* SYNs have an R2 of their own (MUST-23). It counts from when the data went or something was acknowledged, however
 * often it changes meanwhile: else a peer could put it off for ever. */
static void watch_user_timeout(struct tcb *tcb)
{
    weft_time timeout = tcp_user_timeout(tcb);
    weft_time passed = now_of(tcb) - tcb->since_unacked;

    if (timeout > 0 && tcb->state >= WEFT_TCP_ESTABLISHED)
        arm(tcb, WEFT_TIMER_USER, timeout > passed ? timeout - passed : 0);
}

void tcp_timer_data_sent(struct tcb *tcb)
{
    cancel(tcb, WEFT_TIMER_PERSIST);
    cancel(tcb, WEFT_TIMER_CORK);
    end_stall(tcb);
    if (!is_set(tcb, WEFT_TIMER_RTO))
        arm(tcb, WEFT_TIMER_RTO, tcp_rtt_rto(tcb));
    if (!is_set(tcb, WEFT_TIMER_USER))
        watch_user_timeout(tcb);
    schedule_probe(tcb);
}

/* RFC 6298 5.2 and 5.3. */
void tcp_timer_ack_progress(struct tcb *tcb)
{
    if (seq_eq(tcb->snd.una, tcb->snd.nxt)) {
        cancel(tcb, WEFT_TIMER_RTO);
        cancel(tcb, WEFT_TIMER_PROBE);
        cancel(tcb, WEFT_TIMER_REORDER);
        cancel(tcb, WEFT_TIMER_USER);
        return;
    }
    arm(tcb, WEFT_TIMER_RTO, tcp_rtt_rto(tcb));
    watch_user_timeout(tcb);
    schedule_probe(tcb);
}

static bool waits_for_window(const struct tcb *tcb)
{
    bool has_unsent = seq_gt(tcp_data_end(tcb), tcb->snd.nxt) || (tcb->fin_queued && !tcb->fin_sent);

    return has_unsent && seq_eq(tcb->snd.una, tcb->snd.nxt) && tcb->limit == WEFT_LIMIT_PEER_WINDOW;
}

/* The window was shut over what is out: as long as the peer answers, R2 does not count (SHLD-17). */
static bool is_shut_over_data(const struct tcb *tcb)
{
    return tcb->snd.wnd == 0 && !seq_eq(tcb->snd.una, tcb->snd.nxt);
}

/* How long an orphan may stay as it is; 0: as long as it likes. */
static weft_time orphan_limit(const struct tcb *tcb)
{
    if (!tcb->orphan)
        return 0;
    if (tcb->state == WEFT_TCP_FIN_WAIT_2)
        return tcb->tcp->config.fin_wait_2;
    return waits_for_window(tcb) || is_shut_over_data(tcb) ? tcb->tcp->config.orphan_window : 0;
}

void tcp_timer_orphaned(struct tcb *tcb)
{
    weft_time limit = orphan_limit(tcb);

    if (limit == 0)
        cancel(tcb, WEFT_TIMER_LINGER);
    else if (!is_set(tcb, WEFT_TIMER_LINGER))
        arm(tcb, WEFT_TIMER_LINGER, limit);
}

void tcp_timer_fin_acked(struct tcb *tcb)
{
    cancel(tcb, WEFT_TIMER_LINGER);
    tcp_timer_orphaned(tcb);
}

/* RFC 9293 3.8.6.2.1: the override timer, "in the range 0.1 - 1.0 seconds". Of a shut window nothing of that holds. */
#define OVERRIDE_MIN (100 * WEFT_MSEC)

static weft_time window_patience(const struct tcb *tcb)
{
    weft_time rto = tcp_rtt_rto(tcb);

    return tcb->snd.wnd > 0 && rto < OVERRIDE_MIN ? OVERRIDE_MIN : rto;
}

void tcp_timer_window(struct tcb *tcb)
{
    if (!waits_for_window(tcb)) {
        tcb->probes = 0;
        cancel(tcb, WEFT_TIMER_PERSIST);
    } else if (!is_set(tcb, WEFT_TIMER_PERSIST)) {
        arm(tcb, WEFT_TIMER_PERSIST, window_patience(tcb));
    }
    tcp_timer_orphaned(tcb);
}

void tcp_timer_window_probe_sent(struct tcb *tcb)
{
    core_count(tcb->tcp->core, WEFT_COUNT_TCP_ZERO_WINDOW_PROBES);
    if (tcb->unanswered < UINT8_MAX)
        tcb->unanswered++;
}

/* RFC 8985 7.2: what SACKs tell does not have to be probed for. */
void tcp_timer_sacked(struct tcb *tcb)
{
    if (tcb->board.sacked_bytes > 0)
        cancel(tcb, WEFT_TIMER_PROBE);
}

/* RFC 2018 8: a peer that has thrown away what it SACKed shows it by what it acknowledges. A timeout makes
 * the SACKs void; half a round trip is left for the network to explain it otherwise. Ours, as Linux has it. */
#define RENEGED_DELAY_MIN (10 * WEFT_MSEC)

void tcp_timer_reneged(struct tcb *tcb)
{
    weft_time delay = tcb->rtt.srtt / 2 > RENEGED_DELAY_MIN ? tcb->rtt.srtt / 2 : RENEGED_DELAY_MIN;

    if (now_of(tcb) + delay < tcb->deadline[WEFT_TIMER_RTO])
        arm(tcb, WEFT_TIMER_RTO, delay);
}

/* That the window was shut says nothing about the path: the timeout does not go on from there. */
void tcp_timer_window_reopened(struct tcb *tcb)
{
    tcb->retries = 0;
    tcb->rtt.backoffs = 0;
    arm(tcb, WEFT_TIMER_RTO, tcp_rtt_rto(tcb));
}

/* RFC 6675 6, the more careful variant: a recovery may well last longer than a timeout, while its ACKs
 * come. The retransmission has the whole of one for its own. */
void tcp_timer_head_resent(struct tcb *tcb)
{
    arm(tcb, WEFT_TIMER_RTO, tcp_rtt_rto(tcb));
}

/* RFC 3168 6.1.2: the timer begins anew, also with an echo that acknowledges nothing. */
void tcp_timer_held(struct tcb *tcb)
{
    if (!seq_eq(tcb->snd.una, tcb->snd.nxt))
        arm(tcb, WEFT_TIMER_RTO, tcp_rtt_rto(tcb));
}

void tcp_timer_reorder(struct tcb *tcb, weft_time in)
{
    if (in == 0)
        cancel(tcb, WEFT_TIMER_REORDER);
    else
        arm(tcb, WEFT_TIMER_REORDER, in);
}

void tcp_timer_ack_owed(struct tcb *tcb)
{
    if (!is_set(tcb, WEFT_TIMER_DELACK))
        arm(tcb, WEFT_TIMER_DELACK, tcb->tcp->config.delayed_ack);
}

void tcp_timer_ack_sent(struct tcb *tcb)
{
    cancel(tcb, WEFT_TIMER_DELACK);
}

/* The keepalive timer is not moved: when it fires it looks how long the peer has been quiet. But after a
 * probe it may be set for longer than the peer may be quiet again. */
void tcp_timer_segment_in(struct tcb *tcb)
{
    bool was_asked = tcb->keepalives > 0;

    tcb->last_received = now_of(tcb);
    tcb->keepalives = 0;
    tcb->unanswered = 0;
    if (was_asked)
        tcp_timer_keepalive_changed(tcb);
}

/* It could not send for want of a route or of memory: without this nothing might ever make it try again. */
void tcp_timer_stalled(struct tcb *tcb)
{
    if (is_set(tcb, WEFT_TIMER_RTO))
        return;
    tcb->tries_again = true;
    arm(tcb, WEFT_TIMER_RTO, tcp_rtt_rto(tcb));
}

void tcp_timer_not_stalled(struct tcb *tcb)
{
    end_stall(tcb);
}

void tcp_timer_user_timeout_changed(struct tcb *tcb)
{
    if (tcp_user_timeout(tcb) == 0 || seq_eq(tcb->snd.una, tcb->snd.nxt))
        cancel(tcb, WEFT_TIMER_USER);
    else
        watch_user_timeout(tcb);
}

void tcp_timer_paced(struct tcb *tcb, weft_time in)
{
    arm(tcb, WEFT_TIMER_PACING, in);
}

void tcp_timer_corked(struct tcb *tcb)
{
    if (!is_set(tcb, WEFT_TIMER_CORK))
        arm(tcb, WEFT_TIMER_CORK, CORK_LIMIT);
}

/* --- What is done when one fires; each returns false when the connection is gone -------- */

static bool give_up(struct tcb *tcb, enum weft_tcp_cause cause)
{
    if (tcb->state > WEFT_TCP_SYN_SENT)
        tcp_control_reset(tcb);
    else
        tcp_tfo_unanswered(tcb);
    /* What ICMP reported meanwhile says more than that nobody answered (RFC 1122 4.2.3.9, RFC 5461 4.1). */
    tcp_state_fail(tcb, tcb->soft_error != 0 ? tcb->soft_error : WEFT_E_TIMEDOUT, cause);
    return false;
}

/* RFC 9293 3.8.6, SHLD-17: what lies behind the edge of a window that has shrunk is not timed out while
 * the peer answers (MUST-35). */
static bool is_held_by_window(const struct tcb *tcb)
{
    return tcb->state >= WEFT_TCP_ESTABLISHED && tcb->snd.wnd == 0 &&
           now_of(tcb) - tcb->last_received <= tcp_rtt_rto(tcb);
}

/* An application that has set a time has set R2 with it (MUST-21). */
static bool r2_is_reached(const struct tcb *tcb, bool handshake)
{
    if (handshake)
        return tcb->retries >=
               (tcb->tfo.is_opened ? tcb->tcp->config.syn_ack_retries : tcb->options.syn_retries);
    return (tcp_user_timeout(tcb) == 0 || tcb->tries_again) && tcb->retries >= tcb->tcp->config.data_retries;
}

/* MUST-20 (b), SHLD-9. */
static void r1_is_reached(struct tcb *tcb)
{
    net_path_doubt(tcb->tcp->net, &tcb->path);
    tcp_signal(tcb, tcp_events(tcb) & WEFT_TROUBLE);
}

/* What is to be sent again waits for its turn: nothing can be timed out that has not gone. */
static bool is_head_paced(const struct tcb *tcb)
{
    return is_set(tcb, WEFT_TIMER_PACING) && tcb->board.head && (tcb->board.head->flags & TCP_RANGE_LOST);
}

/* RFC 9293 3.8.3: R1 and R2, for SYNs with their own R2 (MUST-23). */
static bool on_retransmission(struct tcb *tcb)
{
    bool handshake = tcb->state == WEFT_TCP_SYN_SENT || tcb->state == WEFT_TCP_SYN_RECEIVED;
    /* RFC 8985 7.2: a probe that is due at the same moment goes in the timeout's place, if it may go. */
    if (tcb->deadline[WEFT_TIMER_PROBE] <= now_of(tcb) && !tcp_pace_is_held(tcb))
        return true;
    /* RFC 8985 8: while RACK waits for what may only be late, its timer stands in the timeout's place. */
    if (is_set(tcb, WEFT_TIMER_REORDER) || is_head_paced(tcb)) {
        arm(tcb, WEFT_TIMER_RTO, tcp_rtt_rto(tcb));
        return true;
    }

    if (!tcb->tries_again) {
        core_count(tcb->tcp->core, WEFT_COUNT_TCP_RTO_TIMEOUTS);
        tcp_info_timeout(tcb);
    }
    if (is_held_by_window(tcb))
        tcb->retries = 0;
    if (r2_is_reached(tcb, handshake))
        return give_up(tcb, WEFT_CAUSE_R2);
    if (tcb->retries < UINT8_MAX && ++tcb->retries == TCP_R1_RETRIES)
        r1_is_reached(tcb);
    if (handshake) {
        tcp_owe(tcb, TCP_OWED_SYN);
    } else {
        tcp_pmtud_timeout(tcb);
        tcp_recovery_on_timeout(tcb);
        tcp_owe(tcb, 0);
    }
    if (tcb->rtt.backoffs < UINT8_MAX)
        tcb->rtt.backoffs++;
    arm(tcb, WEFT_TIMER_RTO, tcp_rtt_rto(tcb));
    return true;
}

static bool on_reordering(struct tcb *tcb)
{
    tcp_recovery_on_reorder_timer(tcb);
    return true;
}

/* RFC 8985 7.3: "the sender MUST re-arm the RTO timer". But a probe may be new data, for which an ECN echo has the
 * timeout waited for (RFC 3168 6.1.2). */
static bool on_probe(struct tcb *tcb)
{
    if (tcp_pace_is_held(tcb))
        return true;
    tcp_owe(tcb, TCP_OWED_PROBE);
    arm(tcb, WEFT_TIMER_RTO, tcp_rtt_rto(tcb));
    return true;
}

/* The peer has kept its window shut for long, and other applications wait for the memory that its data lies in. */
static bool must_make_room(const struct tcb *tcb)
{
    const struct tcp *tcp = tcb->tcp;
    const struct list *waits = tcp->writers.next;

    if (waits == &tcb->memory_link)
        waits = waits->next;
    return waits_for_window(tcb) && now_of(tcb) - tcb->limit_since >= tcp->config.orphan_window &&
           waits != &tcp->writers && tcp_writer_must_wait(tcp);
}

/* RFC 9293 3.8.6.1: probes go on for ever as long as the peer answers them (MUST-37), "subject to the implementation's
 * resource management concerns"; one that leaves as many unanswered as R2 allows is dead. */
static bool on_persist(struct tcb *tcb)
{
    if (tcb->unanswered >= tcb->tcp->config.data_retries)
        return give_up(tcb, WEFT_CAUSE_R2);
    if (must_make_room(tcb)) {
        tcp_control_reset(tcb);
        tcp_state_fail(tcb, WEFT_E_NOMEM, WEFT_CAUSE_NO_MEMORY);
        return false;
    }
    if (tcb->probes < UINT8_MAX)
        tcb->probes++;
    tcp_owe(tcb, TCP_OWED_WINDOW_PROBE);
    uint64_t delay = (uint64_t)tcb->rtt.rto << (tcb->probes < 16 ? tcb->probes : 16);
    arm(tcb, WEFT_TIMER_PERSIST, delay < tcb->tcp->config.rto_max ? delay : tcb->tcp->config.rto_max);
    return true;
}

static bool on_delayed_ack(struct tcb *tcb)
{
    tcb->is_answering = false; /* nothing has come to carry it */
    tcp_owe(tcb, TCP_OWED_ACK_DELAYED);
    return true;
}

/* RFC 9293 3.8.4. The interval counts from the last segment received, and while something is out the
 * other timers watch over the peer (MUST-26). */
static bool on_keepalive(struct tcb *tcb)
{
    weft_time idle = now_of(tcb) - tcb->last_received;

    if (!seq_eq(tcb->snd.una, tcb->snd.nxt) || tcb->buf.len > 0) {
        arm(tcb, WEFT_TIMER_KEEPALIVE, tcb->options.keepalive_idle);
        return true;
    }
    if (idle < tcb->options.keepalive_idle) {
        arm(tcb, WEFT_TIMER_KEEPALIVE, tcb->options.keepalive_idle - idle);
        return true;
    }
    if (tcb->keepalives >= tcb->options.keepalive_probes)
        return give_up(tcb, WEFT_CAUSE_KEEPALIVE);
    tcb->keepalives++;
    tcp_owe(tcb, TCP_OWED_KEEPALIVE);
    arm(tcb, WEFT_TIMER_KEEPALIVE, tcb->options.keepalive_interval);
    return true;
}

static bool on_user_timeout(struct tcb *tcb)
{
    return give_up(tcb, WEFT_CAUSE_USER_TIMEOUT);
}

static bool on_linger(struct tcb *tcb)
{
    if (tcb->state != WEFT_TCP_FIN_WAIT_2)
        return give_up(tcb, WEFT_CAUSE_ORPHAN_WINDOW);
    tcp_state_finish(tcb, WEFT_CAUSE_LINGER);
    return false;
}

static bool on_cork(struct tcb *tcb)
{
    tcb->push_now = true;
    tcb->more_follows = false; /* it did not come */
    tcp_owe(tcb, 0);
    return true;
}

static bool on_pacing(struct tcb *tcb)
{
    tcp_owe(tcb, 0);
    return true;
}

static bool (*const on_fire[WEFT_TIMER_COUNT])(struct tcb *tcb) = {
    [WEFT_TIMER_RTO] = on_retransmission, [WEFT_TIMER_REORDER] = on_reordering,
    [WEFT_TIMER_PROBE] = on_probe,        [WEFT_TIMER_PERSIST] = on_persist,
    [WEFT_TIMER_DELACK] = on_delayed_ack, [WEFT_TIMER_KEEPALIVE] = on_keepalive,
    [WEFT_TIMER_USER] = on_user_timeout,  [WEFT_TIMER_LINGER] = on_linger,
    [WEFT_TIMER_CORK] = on_cork,          [WEFT_TIMER_PACING] = on_pacing,
};

void tcp_timer_fire(struct tcb *tcb)
{
    weft_time now = now_of(tcb);

    for (unsigned i = 0; i < WEFT_TIMER_COUNT; i++) {
        if (tcb->deadline[i] > now)
            continue;
        tcb->deadline[i] = WEFT_TIME_NEVER;
        tcp_trace(tcb, WEFT_TRACE_TCP_TIMER_FIRED, i, 0, 0, 0, 0, 0);
        if (!on_fire[i](tcb))
            return;
    }
    update_wheel(tcb);
}
