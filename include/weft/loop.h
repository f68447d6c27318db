/* SPDX-License-Identifier: MIT */
/*
 * The event loop: drives one stack and its links on Linux.
 *
 * It sleeps in epoll until a link has frames, the stack's deadline has come or
 * a watched descriptor is ready; it never polls while idle. After each wake it
 * receives a batch from each link, runs the handlers of sockets that have become
 * ready, steps the stack, runs the handlers of due timers and of what has become
 * ready since, and sends what the stack has to send. A handler that reads does so
 * before the ACK is built: one segment tells of both.
 *
 * Threads: one loop, one thread. weft_loop_stop alone may be called from a
 * signal handler or another thread.
 */
#ifndef WEFT_LOOP_H
#define WEFT_LOOP_H

#include <weft/socket.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct weft_loop;

/* A loop with a stack of its own made from `config`, in which the allocator, the seed (from the kernel's
 * random numbers) and the time are filled in when they are zero. Gives the loop. Returns 0, WEFT_E_NOMEM,
 * WEFT_E_INVAL or WEFT_E_IO. */
int weft_loop_new(const struct weft_stack_config *config, struct weft_loop **loop);

/* Frees the loop, its links and its stack. */
void weft_loop_free(struct weft_loop *loop);

struct weft_stack *weft_loop_stack(struct weft_loop *loop);

/* Adds an interface to the stack for `link`, which the loop takes. Returns the interface's index or a
 * negative code. */
int weft_loop_add_link(struct weft_loop *loop, struct weft_link *link);

/* A descriptor of the program's own; in memory of the caller. */
struct weft_watch {
    int fd;
    uint32_t events; /* EPOLLIN, … of epoll_ctl(2) */
    void (*ready)(struct weft_watch *watch, uint32_t events, weft_time now);
    void *user;
};

/* Returns 0 or WEFT_E_IO. The watch is borrowed until weft_loop_unwatch. */
int weft_loop_watch(struct weft_loop *loop, struct weft_watch *watch);
void weft_loop_unwatch(struct weft_loop *loop, struct weft_watch *watch);

/* Runs until weft_loop_stop. Returns 0, or the error of a link that broke. */
int weft_loop_run(struct weft_loop *loop);

/* One round: waits up to `timeout` (WEFT_TIME_NEVER: until something happens). As weft_loop_run. */
int weft_loop_once(struct weft_loop *loop, weft_time timeout);

/* Makes weft_loop_run return soon. Safe in signal handlers and from other threads. */
void weft_loop_stop(struct weft_loop *loop);

/* CLOCK_MONOTONIC in microseconds: the time that a loop gives to its stack. */
weft_time weft_clock_now(void);

/* An allocator over mmap, for configurations outside a loop. Never NULL. */
const struct weft_allocator *weft_host_allocator(void);

/* Cryptography for TCP's signatures, by the system's library. A loop's stack has it unless its configuration has
 * another. */
const struct weft_tcp_crypto *weft_host_tcp_crypto(void);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
