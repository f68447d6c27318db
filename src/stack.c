/* SPDX-License-Identifier: MIT */
/*
 * The stack: ties the layers together and drives them (weft/stack.h).
 *
 * Owns    one of each layer, and the order in which they are called.
 * Never   knows what a packet contains.
 *
 *     weft_input -> net -> tcp          what is owed is noted
 *     weft_step  -> due timers -> packets to ourselves -> tcp_flush
 *                -> net -> the interfaces' queues
 */
#include <string.h>

#include "base/core.h"
#include "net/net.h"
#include "socket/socket.h"
#include "tcp/tcp.h"

struct weft_stack {
    struct core core;
    struct net *net;
    struct tcp *tcp;
    struct sockets sockets;
    struct weft_pool *own_pool; /* NULL when the pool is borrowed */
    size_t trace_size;
    struct weft_timer_node *due, **due_tail; /* application timers that are due and not yet given out */
};

/* --- Beginning and end ------------------------------------------------------------------------- */

static int init_trace(struct weft_stack *stack, uint32_t records)
{
    uint64_t size = 1;

    if (records == 0)
        return 0;
    while (size < records)
        size *= 2;
    stack->trace_size = size * sizeof(struct weft_trace_record);
    stack->core.trace.ring = core_alloc(&stack->core, stack->trace_size);
    stack->core.trace.mask = size - 1;
    return stack->core.trace.ring ? 0 : WEFT_E_NOMEM;
}

static void init_core(struct weft_stack *stack, const struct weft_stack_config *config)
{
    struct core *core = &stack->core;

    core->allocator = config->allocator;
    core->now = config->now;
    wheel_init(&core->wheel, config->now);
    rng_init(&core->rng, config->seed);
    core->secret.k0 = rng_u64(&core->rng);
    core->secret.k1 = rng_u64(&core->rng);
    ready_list_init(&core->ready);
    stack->due_tail = &stack->due;
}

static int init_layers(struct weft_stack *stack, const struct weft_stack_config *config)
{
    struct core *core = &stack->core;
    int rc = init_trace(stack, config->trace_records);

    core->pool = config->pool;
    if (rc == 0 && !core->pool) {
        core->pool = stack->own_pool = weft_pool_new(&core->allocator, &config->pool_config);
        rc = core->pool ? 0 : WEFT_E_NOMEM;
    }
    if (rc == 0)
        rc = net_new(core, config, &stack->net);
    if (rc == 0)
        rc = tcp_new(core, stack->net, &config->tcp, &stack->tcp);
    if (rc == 0)
        rc = socket_init(&stack->sockets, stack, core, stack->net, stack->tcp, config->max_sockets);
    return rc;
}

int weft_stack_new(const struct weft_stack_config *config, struct weft_stack **out)
{
    struct weft_stack *stack;
    int rc;

    if (!config->allocator.alloc || !config->allocator.free)
        return WEFT_E_INVAL;
    stack = config->allocator.alloc(config->allocator.ctx, sizeof(*stack));
    if (!stack)
        return WEFT_E_NOMEM;
    init_core(stack, config);
    rc = init_layers(stack, config);
    if (rc < 0) {
        weft_stack_free(stack);
        return rc;
    }
    *out = stack;
    return 0;
}

void weft_stack_free(struct weft_stack *stack)
{
    struct core *core = &stack->core;

    if (stack->sockets.stack)
        socket_fini(&stack->sockets);
    if (stack->tcp)
        tcp_free(stack->tcp);
    if (stack->net)
        net_free(stack->net);
    if (stack->own_pool)
        weft_pool_free(stack->own_pool);
    core_free(core, core->trace.ring, stack->trace_size);
    core_free(core, stack, sizeof(*stack));
}

/* --- What it is made of ------------------------------------------------------------------------- */

void weft_stack_usage(const struct weft_stack *stack, struct weft_stack_usage *out)
{
    *out = (struct weft_stack_usage){.sockets = stack->sockets.slab.used};
    tcp_usage(stack->tcp, out);
}

int weft_stack_set_fastopen_key(struct weft_stack *stack, const uint8_t *key, size_t len)
{
    return tcp_fast_open_key(stack->tcp, key, len);
}

int weft_stack_set_md5_key(struct weft_stack *stack, const struct weft_prefix *peer, uint16_t port,
                           const void *key, size_t len)
{
    return tcp_md5_set_key(stack->tcp, peer, port, key, len);
}

void weft_stack_forget_hosts(struct weft_stack *stack)
{
    tcp_hosts_forget(stack->tcp);
}

void weft_stack_forget_fastopen(struct weft_stack *stack)
{
    tcp_fast_open_forget(stack->tcp);
}

struct weft_pool *weft_stack_pool(struct weft_stack *stack)
{
    return stack->core.pool;
}

weft_time weft_stack_now(const struct weft_stack *stack)
{
    return stack->core.now;
}

struct sockets *socket_of_stack(struct weft_stack *stack)
{
    return &stack->sockets;
}

const struct weft_stats *weft_stats(const struct weft_stack *stack)
{
    return &stack->core.stats;
}

unsigned weft_trace_read(const struct weft_stack *stack, uint64_t *cursor, struct weft_trace_record *out,
                         unsigned max, uint64_t *lost)
{
    return trace_read(&stack->core.trace, cursor, out, max, lost);
}

int weft_iface_add(struct weft_stack *stack, const struct weft_iface_config *config)
{
    return net_iface_add(stack->net, config);
}

int weft_iface_add_link(struct weft_stack *stack, const struct weft_link *link)
{
    struct weft_iface_config config = {
        .name = link->name,
        .type = link->type,
        .caps = link->caps,
        .mtu = link->mtu,
        .mac = link->mac,
    };

    return net_iface_add(stack->net, &config);
}

int weft_iface_add_addr(struct weft_stack *stack, int iface, const struct weft_prefix *addr)
{
    return net_iface_add_addr(stack->net, iface, addr);
}

int weft_route_add(struct weft_stack *stack, const struct weft_prefix *dst, const struct weft_addr *gateway,
                   int iface, uint32_t metric)
{
    return net_route_add(stack->net, dst, gateway, iface, metric);
}

int weft_route_del(struct weft_stack *stack, const struct weft_prefix *dst, const struct weft_addr *gateway,
                   int iface)
{
    return net_route_del(stack->net, dst, gateway, iface);
}

/* --- Timers of applications ------------------------------------------------------------------------ */

/* The node's links serve the list of due timers until it is given out. */
static void queue_due(struct weft_stack *stack, struct weft_timer_node *node)
{
    node->next = NULL;
    node->prev = stack->due_tail;
    node->kind = CORE_TIMER_APPLICATION_DUE;
    *stack->due_tail = node;
    stack->due_tail = &node->next;
}

static void unqueue_due(struct weft_stack *stack, struct weft_timer_node *node)
{
    *node->prev = node->next;
    if (node->next)
        node->next->prev = node->prev;
    else
        stack->due_tail = node->prev;
    node->prev = NULL;
    node->kind = CORE_TIMER_APPLICATION;
}

void weft_timer_cancel(struct weft_stack *stack, struct weft_timer *timer)
{
    if (!timer->node.prev)
        return;
    if (timer->node.kind == CORE_TIMER_APPLICATION_DUE)
        unqueue_due(stack, &timer->node);
    else
        wheel_cancel(&stack->core.wheel, &timer->node);
}

void weft_timer_set(struct weft_stack *stack, struct weft_timer *timer, weft_time deadline)
{
    weft_timer_cancel(stack, timer);
    timer->node.kind = CORE_TIMER_APPLICATION;
    wheel_set(&stack->core.wheel, &timer->node, deadline);
}

struct weft_timer *weft_timer_next_due(struct weft_stack *stack)
{
    struct weft_timer_node *node = stack->due;

    if (!node)
        return NULL;
    unqueue_due(stack, node);
    return list_entry(node, struct weft_timer, node);
}

int weft_stack_set_tcp(struct weft_stack *stack, const struct weft_tcp_config *config)
{
    return tcp_configure(stack->tcp, config);
}

/* --- Driving --------------------------------------------------------------------------------------- */

/* Time does not go back, whatever a caller's clock does. */
static void set_time(struct weft_stack *stack, weft_time now)
{
    if (now > stack->core.now)
        stack->core.now = now;
}

void weft_input(struct weft_stack *stack, int iface, struct weft_pktq *batch, weft_time now)
{
    struct weft_pkt *pkt;

    set_time(stack, now);
    while ((pkt = weft_pktq_pop(batch)) != NULL)
        net_input(stack->net, iface, pkt);
}

static void fire(struct weft_stack *stack, struct weft_timer_node *node)
{
    switch (node->kind) {
    case CORE_TIMER_APPLICATION:
        queue_due(stack, node);
        break;
    case CORE_TIMER_NEIGH:
    case CORE_TIMER_ANNOUNCE:
    case CORE_TIMER_PMTU:
        net_timer(stack->net, node);
        break;
    default:
        tcp_timer_due(stack->tcp, node);
    }
}

void weft_step(struct weft_stack *stack, weft_time now)
{
    struct weft_timer_node *node;

    set_time(stack, now);
    while ((node = wheel_pop_due(&stack->core.wheel, stack->core.now)) != NULL)
        fire(stack, node);
    net_step(stack->net);
    tcp_flush(stack->tcp);
}

weft_time weft_deadline(const struct weft_stack *stack)
{
    if (tcp_has_work(stack->tcp) || net_has_work(stack->net) || stack->due ||
        !list_is_empty(&stack->core.ready.nodes))
        return stack->core.now;
    return wheel_next(&stack->core.wheel);
}

struct weft_pktq *weft_output(struct weft_stack *stack, int iface)
{
    return net_output_queue(stack->net, iface);
}
