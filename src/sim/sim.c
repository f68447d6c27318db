/* SPDX-License-Identifier: MIT */
/*
 * Networks in virtual time.
 *
 * Owns    the clock, the pool, the stacks and the links attached to them. A
 *         step moves the clock to the earliest deadline and gives one round
 *         (host/driver.h) to each stack that has something to do then, in the
 *         order in which they were added; that order and the seed are all that
 *         a run depends on.
 *
 * Never   stands still: what crosses a wire without delay takes no time, but
 *         after ROUNDS_PER_MOMENT rounds at one moment the clock moves by the
 *         least it can, so that two stacks that answer each other for ever
 *         still reach the end of the test.
 */
#include <weft/sim.h>

#include <stdlib.h>

#include <weft/loop.h>

#include "base/rng.h"
#include "host/driver.h"

#define START             WEFT_SEC /* so that no moment of a run is 0 */
#define ROUNDS_PER_MOMENT 100      /* ours: more than any conversation that has an end */

/* Memory that is not touched costs nothing, so enough for long fat networks. */
static const struct weft_pool_config pool_config = {
    .pkts = 65536,
    .small_blocks = 65536,
    .large_blocks = 16384,
};

struct weft_sim {
    weft_time now;
    unsigned rounds; /* at this moment */
    struct rng rng;
    struct weft_pool *pool;
    struct host_driver *nodes;
    unsigned count;
};

int weft_sim_new(uint64_t seed, struct weft_sim **out)
{
    struct weft_sim *sim = calloc(1, sizeof(*sim));

    if (!sim)
        return WEFT_E_NOMEM;
    sim->pool = weft_pool_new(weft_host_allocator(), &pool_config);
    if (!sim->pool) {
        free(sim);
        return WEFT_E_NOMEM;
    }
    sim->now = START;
    rng_init_u64(&sim->rng, seed);
    *out = sim;
    return 0;
}

void weft_sim_free(struct weft_sim *sim)
{
    /* A wire may hold packets that lead from any stack to any other: links go first. */
    for (unsigned i = 0; i < sim->count; i++)
        host_driver_fini(&sim->nodes[i]);
    for (unsigned i = 0; i < sim->count; i++)
        weft_stack_free(sim->nodes[i].stack);
    weft_pool_free(sim->pool);
    free(sim->nodes);
    free(sim);
}

weft_time weft_sim_now(const struct weft_sim *sim)
{
    return sim->now;
}

struct weft_pool *weft_sim_pool(struct weft_sim *sim)
{
    return sim->pool;
}

int weft_sim_add_stack(struct weft_sim *sim, const struct weft_stack_config *given, struct weft_stack **out)
{
    struct host_driver *nodes = realloc(sim->nodes, sizeof(*nodes) * (sim->count + 1));
    struct weft_stack_config config = given ? *given : (struct weft_stack_config){0};
    struct weft_stack *stack;
    int error;

    if (!nodes)
        return WEFT_E_NOMEM;
    sim->nodes = nodes;
    config.allocator = *weft_host_allocator();
    config.pool = sim->pool;
    config.now = sim->now;
    rng_bytes(&sim->rng, config.seed, sizeof(config.seed));
    error = weft_stack_new(&config, &stack);
    if (error)
        return error;
    host_driver_init(&nodes[sim->count++], stack);
    *out = stack;
    return 0;
}

int weft_sim_add_link(struct weft_sim *sim, struct weft_stack *stack, struct weft_link *link)
{
    for (unsigned i = 0; i < sim->count; i++)
        if (sim->nodes[i].stack == stack)
            return host_driver_add(&sim->nodes[i], link);
    weft_link_close(link);
    return WEFT_E_NOTFOUND;
}

static weft_time next_event(const struct weft_sim *sim)
{
    weft_time first = WEFT_TIME_NEVER;

    for (unsigned i = 0; i < sim->count; i++) {
        weft_time deadline = host_driver_deadline(&sim->nodes[i]);

        if (deadline < first)
            first = deadline;
    }
    return first;
}

/* When the next round is to be: not before now, and later when there have been too many. */
static weft_time next_round(const struct weft_sim *sim)
{
    weft_time event = next_event(sim);

    if (event > sim->now)
        return event;
    return sim->rounds < ROUNDS_PER_MOMENT ? sim->now : sim->now + 1;
}

static void set_clock(struct weft_sim *sim, weft_time now)
{
    if (now != sim->now)
        sim->rounds = 0;
    sim->now = now;
}

/* A round for each stack that has something to do; the others hear the time, for the calls of whoever
 * runs the simulation. */
static void run_round(struct weft_sim *sim)
{
    sim->rounds++;
    for (unsigned i = 0; i < sim->count; i++) {
        struct host_driver *node = &sim->nodes[i];

        if (host_driver_deadline(node) <= sim->now) {
            host_driver_input(node, sim->now);
            host_driver_output(node, sim->now);
        } else {
            weft_step(node->stack, sim->now);
        }
    }
}

bool weft_sim_step(struct weft_sim *sim, weft_time until)
{
    weft_time next = next_round(sim);

    if (next <= until && next != WEFT_TIME_NEVER) {
        set_clock(sim, next);
        run_round(sim);
        return true;
    }
    if (until != WEFT_TIME_NEVER && until > sim->now) {
        set_clock(sim, until);
        for (unsigned i = 0; i < sim->count; i++)
            weft_step(sim->nodes[i].stack, until);
    }
    return false;
}

bool weft_sim_run(struct weft_sim *sim, weft_time until, bool (*done)(void *ctx), void *ctx)
{
    bool is_alive = true;

    while (is_alive) {
        if (done && done(ctx))
            return true;
        is_alive = weft_sim_step(sim, until);
    }
    return false;
}
