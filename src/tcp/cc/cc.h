/* SPDX-License-Identifier: MIT */
/*
 * Congestion control as a table of functions.
 *
 * An algorithm decides how cwnd grows and what ssthresh a loss leaves. When
 * that happens, and how a recovery spends its window (PRR), is the business of
 * recovery.c and the same for all.
 */
#ifndef WEFT_TCP_CC_CC_H
#define WEFT_TCP_CC_CC_H

#include "tcp/tcb.h"

struct tcp_cc_ops {
    const char *name;
    /* The handshake is complete; snd.mss is known. Sets cwnd and ssthresh. */
    void (*init)(struct tcb *tcb);
    /* `acked` bytes were newly acknowledged outside of recovery, and cwnd was in use. */
    void (*grow)(struct tcb *tcb, uint32_t acked);
    /* Congestion was seen with `flight` bytes out: the ssthresh to go on with. */
    uint32_t (*reduced)(const struct tcb *tcb, uint32_t flight);
    /* A retransmission timeout has set cwnd to one segment. NULL if of no interest. */
    void (*timeout)(struct tcb *tcb);
};

extern const struct tcp_cc_ops tcp_cc_newreno;

/* The initial window, bytes (RFC 6928 2, with the configured number of segments). */
uint32_t tcp_cc_initial_window(const struct tcb *tcb);

#endif
