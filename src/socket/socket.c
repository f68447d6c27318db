/* SPDX-License-Identifier: MIT */
/*
 * The life of a socket, its place in the ready list, and what all types share.
 *
 * Owns    the slab of sockets.
 * Never   touches a transport's state but through its calls.
 */
#include "socket/socket.h"

#include <string.h>

int socket_init(struct sockets *sockets, struct weft_stack *stack, struct core *core, struct net *net,
                struct tcp *tcp, uint32_t max_sockets)
{
    *sockets = (struct sockets){.stack = stack, .core = core, .net = net, .tcp = tcp};
    list_init(&sockets->all);
    socket_ping_init(sockets);
    return slab_init(&sockets->slab, &core->allocator, sizeof(struct weft_sock),
                     max_sockets ? max_sockets : 65536);
}

static void free_sock(struct weft_sock *sock)
{
    ready_forget(&sock->ready);
    socket_ao_forget(sock);
    list_remove(&sock->link);
    slab_free(&sock->sockets->slab, sock);
}

void socket_fini(struct sockets *sockets)
{
    struct list *link;

    while (sockets->slab.mem && (link = sockets->all.next) != &sockets->all) {
        struct weft_sock *sock = list_entry(link, struct weft_sock, link);

        if (sock->type == WEFT_SOCK_PING)
            socket_ping_close(sock);
        else
            socket_stream_close(sock, true);
        free_sock(sock);
    }
    slab_fini(&sockets->slab, &sockets->core->allocator);
}

int weft_sock_open(struct weft_stack *stack, enum weft_sock_type type, struct weft_sock **out)
{
    struct sockets *sockets = socket_of_stack(stack);
    struct weft_sock *sock;

    if (type != WEFT_SOCK_STREAM && type != WEFT_SOCK_PING)
        return WEFT_E_INVAL;
    sock = slab_new(&sockets->slab);
    if (!sock)
        return WEFT_E_LIMIT;
    sock->sockets = sockets;
    sock->type = type;
    sock->role = SOCK_FRESH;
    sock->linger = -1;
    sock->reuseaddr = true;
    sock->fastopen_connect = type == WEFT_SOCK_STREAM && tcp_fast_open_is_usual(sockets->tcp);
    tcp_options_default(sockets->tcp, &sock->options);
    ready_node_init(&sock->ready);
    list_push_back(&sockets->all, &sock->link);
    if (type == WEFT_SOCK_PING)
        socket_ping_open(sock);
    *out = sock;
    return 0;
}

static void close_sock(struct weft_sock *sock, bool abort)
{
    if (!sock)
        return;
    if (sock->type == WEFT_SOCK_PING)
        socket_ping_close(sock);
    else
        socket_stream_close(sock, abort);
    free_sock(sock);
}

void weft_sock_close(struct weft_sock *sock)
{
    close_sock(sock, sock && sock->linger == 0);
}

void weft_sock_abort(struct weft_sock *sock)
{
    close_sock(sock, true);
}

void weft_sock_set_handler(struct weft_sock *sock, struct weft_handler *handler)
{
    sock->handler = handler;
}

struct weft_handler *weft_sock_handler(const struct weft_sock *sock)
{
    return sock->handler;
}

struct weft_stack *weft_sock_stack(const struct weft_sock *sock)
{
    return sock->sockets->stack;
}

void weft_sock_local(const struct weft_sock *sock, struct weft_endpoint *out)
{
    if (sock->role == SOCK_CONNECTED)
        tcp_endpoints(sock->tcb, out, NULL);
    else
        *out = sock->local;
}

void weft_sock_remote(const struct weft_sock *sock, struct weft_endpoint *out)
{
    if (sock->role == SOCK_CONNECTED)
        tcp_endpoints(sock->tcb, NULL, out);
    else if (sock->role == SOCK_DEFERRED)
        *out = sock->remote;
    else
        *out = (struct weft_endpoint){WEFT_ADDR_ANY, 0};
}

int weft_sock_error(const struct weft_sock *sock)
{
    return sock->role == SOCK_CONNECTED ? tcp_error(sock->tcb) : 0;
}

int weft_sock_trouble(const struct weft_sock *sock)
{
    return sock->role == SOCK_CONNECTED ? tcp_trouble(sock->tcb) : 0;
}

int weft_sock_info_sized(const struct weft_sock *sock, struct weft_tcp_info *out, size_t size)
{
    struct weft_tcp_info info;
    size_t known = size < sizeof(info) ? size : sizeof(info);

    if (sock->role != SOCK_CONNECTED)
        return WEFT_E_NOTCONN;
    tcp_info(sock->tcb, &info);
    memcpy(out, &info, known);
    memset((uint8_t *)out + known, 0, size - known);
    return 0;
}

int weft_sock_congestion_numbers(struct weft_sock *sock, struct weft_cc_number *out, unsigned max)
{
    return sock->role == SOCK_CONNECTED ? (int)tcp_congestion_numbers(sock->tcb, out, max) : WEFT_E_NOTCONN;
}

/* --- The ready list ----------------------------------------------------------------------------- */

unsigned weft_sock_events(const struct weft_sock *sock)
{
    switch (sock->role) {
    case SOCK_LISTENER:
        return tcp_can_accept(sock->listener) ? WEFT_READABLE : 0;
    case SOCK_CONNECTED:
        return tcp_events(sock->tcb);
    case SOCK_DEFERRED:
        return WEFT_WRITABLE;
    default:
        return sock->type == WEFT_SOCK_PING ? WEFT_WRITABLE | (sock->ping.replies.head ? WEFT_READABLE : 0)
                                            : 0;
    }
}

struct weft_sock *weft_ready_next(struct weft_stack *stack, unsigned *events)
{
    struct ready_node *node;

    while ((node = ready_pop(&socket_of_stack(stack)->core->ready)) != NULL) {
        struct weft_sock *sock = list_entry(node, struct weft_sock, ready);

        node->news = 0;
        *events = weft_sock_events(sock);
        if (*events != 0)
            return sock;
    }
    return NULL;
}

void weft_sock_rearm(struct weft_sock *sock, unsigned events)
{
    ready_signal(&sock->sockets->core->ready, &sock->ready, weft_sock_events(sock) & events);
}

unsigned weft_dispatch(struct weft_stack *stack, unsigned budget)
{
    weft_time now = weft_stack_now(stack);
    unsigned ran = 0;

    while (ran < budget) {
        struct weft_timer *timer = weft_timer_next_due(stack);
        struct weft_sock *sock;
        unsigned events;

        if (timer) {
            if (timer->fired)
                timer->fired(timer, now);
            ran++;
            continue;
        }
        sock = weft_ready_next(stack, &events);
        if (!sock)
            break;
        if (sock->handler)
            sock->handler->ready(sock->handler, sock, events, now);
        ran++;
    }
    return ran;
}
