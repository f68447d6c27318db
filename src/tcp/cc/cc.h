/* SPDX-License-Identifier: MIT */
/*
 * Congestion control as the rest of TCP sees it. The algorithms themselves are
 * tables (weft/congestion.h) and know nothing of a control block.
 *
 * Owns    tcb->cc.ops, .pacing_rate, .memory and what is kept there of how much
 *         of cwnd was in use. cwnd and ssthresh are shared with recovery.c:
 *         it says when there was congestion and spends the window of a
 *         recovery, the algorithm says what is left and how it grows.
 * Never   judges a loss, never sends.
 */
#ifndef WEFT_TCP_CC_CC_H
#define WEFT_TCP_CC_CC_H

#include <weft/congestion.h>

#include "tcp/tcb.h"

extern const struct weft_congestion tcp_cc_newreno, tcp_cc_cubic, tcp_cc_bbr;

/* The algorithm of this name, ours or one of the configuration's; NULL when there is none. */
const struct weft_congestion *tcp_cc_find(const struct weft_tcp_config *config, const char *name);

/* The first `max` of an algorithm's numbers; returns how many. */
static inline unsigned cc_numbers(struct weft_cc_number *out, unsigned max, const struct weft_cc_number *all,
                                  unsigned n)
{
    unsigned given = n < max ? n : max;

    for (unsigned i = 0; i < given; i++)
        out[i] = all[i];
    return given;
}

/* The initial window, bytes (RFC 6928 2, with the configured number of segments). */
uint32_t tcp_cc_initial_window(const struct tcb *tcb);

/* The handshake is complete; snd.mss is known. Sets cwnd and ssthresh. */
void tcp_cc_established(struct tcb *tcb);

/* The connection goes on with another algorithm, from the same cwnd. */
void tcp_cc_switch(struct tcb *tcb, const struct weft_congestion *ops);

/* An ACK has told `delivery`, what it shows to be lost has been judged, and the state is up to date. */
void tcp_cc_acked(struct tcb *tcb, const struct tcp_delivery *delivery);

/* There was congestion with `flight` bytes out, for which the window has not been reduced yet: sets ssthresh. */
void tcp_cc_congestion(struct tcb *tcb, enum weft_cc_signal signal, uint32_t flight);

/* True when the algorithm sets cwnd in recovery, too, and PRR must not. */
static inline bool tcp_cc_sets_cwnd(const struct tcb *tcb)
{
    return (tcb->cc.ops->flags & WEFT_CC_SETS_CWND) != 0;
}

/* `range`, or what is left of it, is judged lost. */
void tcp_cc_lost(struct tcb *tcb, const struct tcp_range *range);

/* The state is OPEN again. */
void tcp_cc_recovered(struct tcb *tcb);

/* What tcp_cc_congestion did last was not called for; the caller has set cwnd and ssthresh back. */
void tcp_cc_undo(struct tcb *tcb);

/* Data is about to go out, and nothing is out. */
void tcp_cc_restart(struct tcb *tcb);

/* All has been sent that may be sent now; `kept_back`: cwnd was the reason for no more. */
void tcp_cc_used(struct tcb *tcb, bool kept_back);

/* cwnd has changed. */
void tcp_cc_trace(const struct tcb *tcb, enum weft_tcp_cause cause);

#endif
