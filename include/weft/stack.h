/* SPDX-License-Identifier: MIT */
/*
 * The stack: the protocol core, without any input or output of its own.
 *
 *     frames in + the time  ->  [ stack ]  ->  frames out + next deadline + ready sockets
 *
 * Whoever drives a stack does this, over and over:
 *
 *     weft_input(stack, iface, &batch, now)    frames that the link received
 *     weft_step(stack, now)                    timers; what is owed is built
 *     weft_ready_next(stack, …)                what applications may do now
 *         weft_sock_… calls                    they read, write, accept, close
 *     weft_step(stack, now)                    what those calls made necessary
 *     weft_output(stack, iface)                frames for the link
 *     sleep until the link has frames, or weft_deadline(stack)
 *
 * (weft/loop.h does it over Linux descriptors, weft/sim.h in virtual time.)
 *
 * Order of calls: any order is allowed. `now` must never go back; the last one
 * given is the time for socket calls that follow. weft_input, weft_step and
 * the socket calls may change what weft_deadline, weft_output and
 * weft_ready_next answer; nothing else does.
 *
 * Work: weft_input does a bounded amount for each packet, weft_step for each
 * timer that is due and each connection that owes something.
 *
 * Threads: a stack belongs to one thread at a time. It has no globals, takes
 * no locks, makes no system calls, reads no clock. Two stacks know nothing of
 * each other. The same calls with the same seed give the same frames.
 */
#ifndef WEFT_STACK_H
#define WEFT_STACK_H

#include <weft/err.h>
#include <weft/link.h>
#include <weft/pkt.h>
#include <weft/stats.h>
#include <weft/trace.h>
#include <weft/types.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct weft_stack;

/* --- Configuration --------------------------------------------------------- */

/* TCP's settings. Zero means the default that each line gives. */
struct weft_tcp_config {
    uint32_t max_connections; /* 65536: connections and listeners together */
    uint32_t syn_cache;       /* 4096: half-open connections, all listeners together */
    uint32_t time_wait;       /* 32768: records of closed connections in TIME-WAIT */
    uint32_t ranges;          /* 65536: intervals of sent data, of held data, and of send buffers, each of all
                                   connections together */
    uint32_t send_buffer;     /* 4 MiB: bytes a connection may have queued unacknowledged */
    uint32_t receive_buffer;  /* 4 MiB: bytes a connection may hold unread; the window it offers */
    weft_time msl;     /* 30 s: half of TIME-WAIT (RFC 9293 3.4.2 says 2 min; ours, as most hosts have it) */
    weft_time rto_min; /* 200 ms (RFC 6298 2.4 says 1 s; ours, as most hosts have it) */
    weft_time rto_initial;        /* 1 s (RFC 6298 2.1) */
    weft_time rto_max;            /* 60 s (RFC 6298 2.5: at least 60 s) */
    weft_time delayed_ack;        /* 40 ms (RFC 9293 MUST-40: below 500 ms) */
    weft_time keepalive_idle;     /* 2 h (RFC 9293 MUST-28) */
    weft_time keepalive_interval; /* 75 s */
    weft_time fin_wait_2;         /* 60 s: how long a closed connection waits for the peer's FIN */
    uint8_t keepalive_probes;     /* 9 */
    uint8_t syn_retries;          /* 7: enough for the 3 minutes of RFC 9293 MUST-23 */
    uint8_t data_retries;         /* 15: R2, at least 100 s (RFC 9293 SHLD-11) */
    uint8_t initial_window_segs;  /* 10 (RFC 6928) */
    bool no_timestamps;           /* RFC 7323 is on unless this says not */
    bool no_window_scale;
    bool no_sack;
    bool no_fast_path; /* every segment takes the step-by-step way: for tests */
    bool check;        /* every connection's invariants are checked after each event: for tests */
};

struct weft_stack_config {
    /* Memory for everything the stack holds. Used by weft_stack_new, weft_stack_free, and when an
     * interface is added; never on the packet path. Required. */
    struct weft_allocator allocator;

    /* Packets come from here; the stack borrows it. NULL: the stack makes its own by pool_config. */
    struct weft_pool *pool;
    struct weft_pool_config pool_config;

    /* Everything random comes from this seed: initial sequence numbers, ports, identifications.
     * On a real network it must be 32 unpredictable bytes. */
    uint8_t seed[32];

    weft_time now; /* the moment of creation */

    uint32_t max_sockets;     /* 0 means 65536 */
    uint32_t max_neighbours;  /* 0 means 1024 */
    uint32_t max_routes;      /* 0 means 256 */
    uint32_t tx_queue;        /* packets that may wait for one link; 0 means 1024 */
    uint32_t trace_records;   /* size of the trace ring, rounded up to a power of two; 0: no tracing */
    uint32_t icmp_per_second; /* ICMP errors sent at most (RFC 1812 4.3.2.8); 0 means 1000 */

    struct weft_tcp_config tcp;
};

/* Gives a new stack. Returns 0, WEFT_E_INVAL or WEFT_E_NOMEM. Borrows `config` for the call. */
int weft_stack_new(const struct weft_stack_config *config, struct weft_stack **stack);

/*
 * Frees the stack, its sockets without a word to their peers, and all it
 * holds. Packets that links still have from its pool must be freed before.
 */
void weft_stack_free(struct weft_stack *stack);

/* The pool that links of this stack receive into. Lives as long as the stack. */
struct weft_pool *weft_stack_pool(struct weft_stack *stack);

/* The last time that the stack was told. */
weft_time weft_stack_now(const struct weft_stack *stack);

/* --- Interfaces, addresses, routes ----------------------------------------- */

struct weft_iface_config {
    const char *name; /* copied; at most 15 bytes */
    enum weft_link_type type;
    uint32_t caps; /* what the link does: enum weft_link_cap */
    uint32_t mtu;  /* 68 to 65535 bytes (RFC 791 3.2) */
    struct weft_mac mac;
};

/* Adds an interface, up. Returns its index, 1 or more, or WEFT_E_INVAL, WEFT_E_LIMIT, WEFT_E_NOMEM. */
int weft_iface_add(struct weft_stack *stack, const struct weft_iface_config *config);

/* The same with what the link says of itself. */
int weft_iface_add_link(struct weft_stack *stack, const struct weft_link *link);

/*
 * Gives an interface an address and a route to its network, and announces it
 * (RFC 5227 3). Returns 0, WEFT_E_INVAL (not a host's address, no such
 * interface), WEFT_E_EXIST or WEFT_E_LIMIT.
 */
int weft_iface_add_addr(struct weft_stack *stack, int iface, const struct weft_prefix *addr);

/*
 * Adds a route. `gateway` NULL or "any": the network is on the link itself.
 * `iface` 0: the interface that reaches the gateway. Among equal prefixes the
 * lower metric wins. Returns 0, WEFT_E_INVAL, WEFT_E_NETUNREACH (the gateway
 * is on no link), WEFT_E_EXIST or WEFT_E_LIMIT.
 */
int weft_route_add(struct weft_stack *stack, const struct weft_prefix *dst, const struct weft_addr *gateway,
                   int iface, uint32_t metric);

/* Removes the route with this destination, gateway and interface. Returns 0 or WEFT_E_NOTFOUND. */
int weft_route_del(struct weft_stack *stack, const struct weft_prefix *dst, const struct weft_addr *gateway,
                   int iface);

/* --- Driving --------------------------------------------------------------- */

/*
 * Frames that a link received at `now`. Takes every packet in `batch` and
 * leaves it empty. What is owed in answer is built by the next weft_step, so a
 * batch is acknowledged as one. `iface` must be an index from weft_iface_add.
 */
void weft_input(struct weft_stack *stack, int iface, struct weft_pktq *batch, weft_time now);

/* Fires the timers that are due at `now` and builds the frames that connections owe or may send. */
void weft_step(struct weft_stack *stack, weft_time now);

/* When weft_step must be called at the latest, if nothing else happens; WEFT_TIME_NEVER if there is
 * no need; a moment not after `now` if there is work already. */
weft_time weft_deadline(const struct weft_stack *stack);

/*
 * The frames that wait for the link of an interface. The queue is the stack's;
 * the caller removes from its front what the link takes (weft_link_send does)
 * and leaves the rest.
 */
struct weft_pktq *weft_output(struct weft_stack *stack, int iface);

/* --- Timers for applications ------------------------------------------------ */

/* The stack's part of a timer; private. */
struct weft_timer_node {
    struct weft_timer_node *next;
    struct weft_timer_node **prev; /* NULL: not set */
    weft_time deadline;
    uint16_t slot;
    uint16_t kind;
};

/*
 * A timer in the stack's wheel, in memory of the caller; all zero is a timer
 * that is not set. Kept here so that applications live in the stack's time,
 * real or virtual.
 */
struct weft_timer {
    struct weft_timer_node node;
    void (*fired)(struct weft_timer *timer, weft_time now); /* weft_dispatch calls it; the stack never does */
    void *user;
};

/* Sets or moves the timer. The memory must stay until it is cancelled or has been given out. */
void weft_timer_set(struct weft_stack *stack, struct weft_timer *timer, weft_time deadline);

/* No effect when it is not set. Also takes it back when it was due and not yet given out. */
void weft_timer_cancel(struct weft_stack *stack, struct weft_timer *timer);

/* The next application timer that weft_step found due, no longer set; NULL when there is none. */
struct weft_timer *weft_timer_next_due(struct weft_stack *stack);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
