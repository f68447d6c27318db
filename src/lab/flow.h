/* SPDX-License-Identifier: MIT */
/*
 * The programs at the two ends of a flow's connections.
 *
 * Owns    the sockets, what has been written and read, and whether every byte
 *         that arrived is the one that was sent at its place.
 * Never   decides whether what happened is a failure: it tells.
 */
#ifndef WEFT_LAB_FLOW_H
#define WEFT_LAB_FLOW_H

#include "lab/scenario.h"

struct lab_conn;
struct lab_flow_run;

/* One end of one connection. */
struct lab_end {
    struct weft_handler handler; /* first */
    struct weft_timer open_timer, work_timer, abort_timer, stop_timer;
    struct lab_conn *conn;
    unsigned which; /* 0: client, 1: server */
    const struct lab_behaviour *how;
    struct weft_stack *stack;
    struct weft_sock *sock; /* NULL: not open yet, or over */
    uint64_t goal;          /* bytes to send; UINT64_MAX: until told to stop */
    uint64_t sent, received;
    weft_time connected_at, closed_at, progress_at;
    weft_time paused_until;
    bool is_connected, has_paused;
    bool has_shut;  /* has said that it sends no more */
    bool has_eof;   /* has read to the end */
    bool is_closed; /* is done with its socket */
    bool has_aborted;
    int error;                 /* that its socket failed with */
    uint64_t wrong_at;         /* place of the first wrong byte, plus one; 0: none */
    struct weft_tcp_info info; /* the last that was known */
};

struct lab_conn {
    struct lab_flow_run *flow;
    unsigned number;
    uint16_t client_port; /* 0: not known yet */
    struct lab_end end[2];
};

/* A flow as it runs. */
struct lab_flow_run {
    const struct lab_flow *flow;
    unsigned index;
    struct weft_block *pattern;
    struct weft_stack *stack[2];
    struct weft_endpoint addr[2];
    bool may_use_cookies; /* the server may answer SYNs with cookies */
    struct weft_sock *listener;
    struct weft_handler listen_handler;
    unsigned count;
    struct lab_conn *conns;
    uint64_t turns; /* of programs that looked at the clock by themselves, to write or read more */
    int error;      /* of the listener */
};

/* A table in which every place tells where it is: what the flows send. It can be lent to a stack, and must stay
 * until the stacks are gone. Gives it, to be freed by free(), or NULL without memory. */
struct weft_block *lab_pattern_new(void);

/* Prepares a flow between two stacks: the listener stands, the connections have their times from `now`
 * on. Returns 0, WEFT_E_NOMEM, or an error of the listener. */
int lab_flow_start(struct lab_flow_run *run, const struct lab_flow *flow, unsigned index,
                   struct weft_block *pattern, struct weft_stack *const stack[2],
                   const struct weft_addr addr[2], weft_time now);

/* Its timers and sockets are gone. */
void lab_flow_end(struct lab_flow_run *run);

/* The clients reset what stands. */
void lab_flow_abort(struct lab_flow_run *run);

/* Closes the listener when no connection needs it any more. Returns true when all is over. */
bool lab_flow_is_over(struct lab_flow_run *run);

/* True when both ends are done; or the client is, and its connection never came up or was broken before the
 * server could accept it. */
bool lab_conn_is_over(const struct lab_conn *conn);

/* If one end is closed, or never stood, the other resets what is left. Returns false, and does nothing, if not. */
bool lab_conn_give_up(struct lab_conn *conn);

/* True when the way in which it is used, or what its ends were told, may cost data. */
bool lab_conn_is_fragile(const struct lab_conn *conn);

/* The state of its socket, or the last that was known of it. */
void lab_end_info(const struct lab_end *end, struct weft_tcp_info *info);

#endif
