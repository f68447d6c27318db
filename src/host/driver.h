/* SPDX-License-Identifier: MIT */
/*
 * One round of driving a stack and its links: what weft/stack.h asks of
 * whoever drives a stack, without a clock and without waiting. The event loop
 * does it in real time, the simulator in virtual time.
 *
 * Owns    the links, and which of them can take or give nothing for now.
 * Never   sleeps, and never reads a clock. The work of a round is bounded.
 */
#ifndef WEFT_HOST_DRIVER_H
#define WEFT_HOST_DRIVER_H

#include <weft/socket.h>

struct host_driver_link {
    struct weft_link *link;
    int iface;
    int error;        /* why it broke; it is then left alone */
    bool is_readable; /* its descriptor says so; whoever waits on it sets this before each round */
    bool is_full;     /* it left packets in the stack's queue; one with a descriptor is not asked again
                       * until whoever waits on that clears this */
};

struct host_driver {
    struct weft_stack *stack; /* borrowed */
    struct host_driver_link *links;
    unsigned count;
};

/* A driver without links for `stack`, which must live longer. */
void host_driver_init(struct host_driver *driver, struct weft_stack *stack);

/* Closes the links. */
void host_driver_fini(struct host_driver *driver);

/* Attaches a link as a new interface; takes the link. Returns the interface's index or a negative code. */
int host_driver_add(struct host_driver *driver, struct weft_link *link);

/* When a round is needed at the latest, if no descriptor says otherwise; a moment not after the last
 * one given if at once. */
weft_time host_driver_deadline(const struct host_driver *driver);

/* First half of a round: what links have received, handlers that have use for it, timers; what the stack owes is
 * built. */
void host_driver_input(struct host_driver *driver, weft_time now);

/* Second half: handlers run again, for timers and for what has happened since; what is to be sent is sent, links
 * are told that the round is over. */
void host_driver_output(struct host_driver *driver, weft_time now);

/* The first error of a link that broke, 0 while all are well. */
int host_driver_error(const struct host_driver *driver);

#endif
