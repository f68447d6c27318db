/* SPDX-License-Identifier: MIT */
/*
 * Networks in virtual time.
 *
 * Owns    the clock, the pool and the nodes (net.h): stacks, each with its driver
 *         (host/driver.h), routers, middleboxes. A step moves the clock to the
 *         earliest deadline and gives one round to each node that has something
 *         to do then, in the order in which they were added; that order and the
 *         seed are all that a run depends on.
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
#include "sim/net.h"

#define START             WEFT_SEC /* so that no moment of a run is 0 */
#define ROUNDS_PER_MOMENT 100      /* ours: more than any conversation that has an end */

/* Memory that is not touched costs nothing, so enough for long fat networks. */
static const struct weft_pool_config pool_config = {
    .pkts = 65536,
    .small_blocks = 65536,
    .large_blocks = 16384,
};

/* A stack as a node. */
struct stack_node {
    struct sim_node node; /* first */
    struct host_driver driver;
};

struct weft_sim {
    weft_time now;
    unsigned rounds; /* at this moment */
    struct rng rng;
    struct weft_pool *pool;
    struct sim_node **nodes;
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
    for (unsigned i = 0; i < sim->count; i++)
        sim->nodes[i]->ops->close_links(sim->nodes[i]);
    for (unsigned i = 0; i < sim->count; i++)
        sim->nodes[i]->ops->free(sim->nodes[i]);
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

int sim_add_node(struct weft_sim *sim, struct sim_node *node)
{
    struct sim_node **nodes = realloc(sim->nodes, sizeof(*nodes) * (sim->count + 1));

    if (!nodes) {
        node->ops->free(node);
        return WEFT_E_NOMEM;
    }
    sim->nodes = nodes;
    nodes[sim->count++] = node;
    return 0;
}

void sim_seed(struct weft_sim *sim, uint8_t seed[32])
{
    rng_bytes(&sim->rng, seed, 32);
}

/* --- Stacks --- */

static weft_time stack_deadline(const struct sim_node *node)
{
    return host_driver_deadline(&((const struct stack_node *)node)->driver);
}

static void stack_round(struct sim_node *node, weft_time now)
{
    struct stack_node *stack = (struct stack_node *)node;

    host_driver_input(&stack->driver, now);
    host_driver_output(&stack->driver, now);
}

/* It hears the time, for the calls of whoever runs the simulation. */
static void stack_idle(struct sim_node *node, weft_time now)
{
    weft_step(((struct stack_node *)node)->driver.stack, now);
}

static void stack_close_links(struct sim_node *node)
{
    host_driver_fini(&((struct stack_node *)node)->driver);
}

static void stack_free(struct sim_node *node)
{
    weft_stack_free(((struct stack_node *)node)->driver.stack);
    free(node);
}

static const struct sim_node_ops stack_ops = {
    .deadline = stack_deadline,
    .round = stack_round,
    .idle = stack_idle,
    .close_links = stack_close_links,
    .free = stack_free,
};

int weft_sim_add_stack(struct weft_sim *sim, const struct weft_stack_config *given, struct weft_stack **out)
{
    struct stack_node *node = calloc(1, sizeof(*node));
    struct weft_stack_config config = given ? *given : (struct weft_stack_config){0};
    struct weft_stack *stack;
    int error;

    if (!node)
        return WEFT_E_NOMEM;
    config.allocator = *weft_host_allocator();
    config.pool = config.pool_config.pkts ? NULL : sim->pool;
    config.now = sim->now;
    sim_seed(sim, config.seed);
    error = weft_stack_new(&config, &stack);
    if (error) {
        free(node);
        return error;
    }
    node->node.ops = &stack_ops;
    host_driver_init(&node->driver, stack);
    error = sim_add_node(sim, &node->node);
    if (!error)
        *out = stack;
    return error;
}

int weft_sim_add_link(struct weft_sim *sim, struct weft_stack *stack, struct weft_link *link)
{
    for (unsigned i = 0; i < sim->count; i++) {
        struct stack_node *node = (struct stack_node *)sim->nodes[i];

        if (node->node.ops == &stack_ops && node->driver.stack == stack)
            return host_driver_add(&node->driver, link);
    }
    weft_link_close(link);
    return WEFT_E_NOTFOUND;
}

/* --- The clock --- */

static weft_time next_event(const struct weft_sim *sim)
{
    weft_time first = WEFT_TIME_NEVER;

    for (unsigned i = 0; i < sim->count; i++) {
        weft_time deadline = sim->nodes[i]->ops->deadline(sim->nodes[i]);

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

static void tell_time(struct weft_sim *sim, struct sim_node *node)
{
    if (node->ops->idle)
        node->ops->idle(node, sim->now);
}

/* A round for each node that has something to do. */
static void run_round(struct weft_sim *sim)
{
    sim->rounds++;
    for (unsigned i = 0; i < sim->count; i++) {
        struct sim_node *node = sim->nodes[i];

        if (node->ops->deadline(node) <= sim->now)
            node->ops->round(node, sim->now);
        else
            tell_time(sim, node);
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
            tell_time(sim, sim->nodes[i]);
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
