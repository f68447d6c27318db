/* SPDX-License-Identifier: MIT */
/*
 * Networks in virtual time: stacks, wires between them, and a clock that jumps
 * to the next thing that happens. No threads, no sleeping, nothing random but
 * the seed: a run can be repeated to the byte.
 */
#ifndef WEFT_SIM_H
#define WEFT_SIM_H

#include <weft/socket.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct weft_sim;

/* Gives a network with nothing in it, at time 1 s. Returns 0 or WEFT_E_NOMEM. */
int weft_sim_new(uint64_t seed, struct weft_sim **sim);

/* Frees the network with its stacks and links. Links that are not attached to a stack are the
 * caller's, and must not hold packets of the network any more. */
void weft_sim_free(struct weft_sim *sim);

weft_time weft_sim_now(const struct weft_sim *sim);

/* All packets of the network come from here. */
struct weft_pool *weft_sim_pool(struct weft_sim *sim);

/*
 * Adds a stack. Allocator, pool, seed and time of `config` are the network's;
 * NULL stands for all defaults. Gives the stack, which the network owns.
 * Returns 0 or as weft_stack_new.
 */
int weft_sim_add_stack(struct weft_sim *sim, const struct weft_stack_config *config,
                       struct weft_stack **stack);

/*
 * Attaches a link to a stack as a new interface; takes the link, which must
 * be one in memory that says its deadlines. Returns the interface's index or a
 * negative code (WEFT_E_NOTFOUND: not a stack of the network). A link that
 * breaks is left alone from then on.
 */
int weft_sim_add_link(struct weft_sim *sim, struct weft_stack *stack, struct weft_link *link);

/*
 * Moves to the next moment at which something is to be done and does a bounded
 * amount of it: frames, timers, handlers. Returns false when nothing will ever
 * happen again, or nothing up to and at `until`; the time is then `until` if
 * that was not NEVER. A wire without delay takes no time; but where the same
 * moment would go on for ever, time moves on by single microseconds.
 */
bool weft_sim_step(struct weft_sim *sim, weft_time until);

/* Steps until `until`, until nothing is left to do, or until `done` (may be NULL) says true.
 * Returns true when `done` said so. */
bool weft_sim_run(struct weft_sim *sim, weft_time until, bool (*done)(void *ctx), void *ctx);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
