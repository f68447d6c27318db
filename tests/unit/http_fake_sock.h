/* SPDX-License-Identifier: MIT */
/*
 * Sockets, timers and a stack of memory alone, for tests of what speaks HTTP.
 *
 * Owns    a definition of every weft_sock_… and weft_timer_… call that src/http
 *         makes: a test that includes this is linked to it in place of the
 *         real ones. The test plays the peer and the network: it decides how
 *         bytes are cut, how much room there is and what time it is.
 * Never   includes itself twice in one program.
 *
 * A socket that was closed stays here until the end, so that the test can look
 * at what it sent; any call on it after that ends the test. Lent blocks are
 * read when the peer takes the bytes, not when they were lent: bytes that
 * changed meanwhile are seen.
 */
#ifndef WEFT_TESTS_HTTP_FAKE_SOCK_H
#define WEFT_TESTS_HTTP_FAKE_SOCK_H

#include "support.h"

#include <weft/socket.h>

#define FAKE_NO_LIMIT SIZE_MAX

struct fake_bytes {
    char *data;
    size_t len, cap;
};

/* Something written and not yet taken by the peer. */
struct fake_piece {
    struct fake_piece *next;
    struct weft_block *block; /* NULL: the bytes follow */
    uint32_t off, len;
    char data[];
};

struct weft_sock {
    struct weft_stack *stack;
    struct weft_sock *next;        /* of all */
    struct weft_sock *next_accept; /* waits to be accepted */
    struct weft_handler *handler;
    struct weft_endpoint local, remote;
    struct fake_bytes in;            /* what the peer sent and nobody read yet */
    struct fake_bytes out;           /* what the peer took */
    struct fake_piece *first, *last; /* what it did not take yet */
    size_t pending;                  /* bytes in these */
    size_t room;                     /* how many may be pending */
    size_t recv_max;                 /* per call */
    size_t read_total;               /* bytes that were read from it */
    uint64_t acked;
    int error;
    unsigned blocks_lent, sends;
    bool is_listener, is_connecting, is_connected;
    bool peer_closed, fin, closed, aborted, writer_waits, is_ready, auto_take;
    bool accepted;
    int nodelay;
};

struct weft_stack {
    weft_time now;
    struct weft_pool *pool;
    struct weft_sock *all;
    struct weft_timer *timers;
    struct weft_sock *accept_queue;
    size_t room, recv_max; /* for sockets that are opened from now on */
    bool hold;             /* the peer does not take what is written, until told */
    unsigned opened;
    int next_bind_error, next_connect_error;
    unsigned accept_errors; /* so many accepts find no socket */
};

/* --- Bytes --- */

static inline void fake_append(struct fake_bytes *bytes, const void *data, size_t len)
{
    if (bytes->len + len + 1 > bytes->cap) {
        bytes->cap = (bytes->len + len + 1) * 2;
        bytes->data = realloc(bytes->data, bytes->cap);
        assert_non_null(bytes->data);
    }
    if (len)
        memcpy(bytes->data + bytes->len, data, len);
    bytes->len += len;
    bytes->data[bytes->len] = '\0';
}

static inline void fake_remove(struct fake_bytes *bytes, size_t len)
{
    memmove(bytes->data, bytes->data + len, bytes->len - len + 1);
    bytes->len -= len;
}

/* --- The stack --- */

static inline void fake_stack_init(struct weft_stack *stack)
{
    *stack = (struct weft_stack){
        .now = WEFT_SEC,
        .pool = test_pool_new(8, 64, 64),
        .room = 1 << 20,
        .recv_max = FAKE_NO_LIMIT,
    };
}

static inline void fake_sock_free(struct weft_sock *sock)
{
    while (sock->first) {
        struct fake_piece *piece = sock->first;

        sock->first = piece->next;
        if (piece->block)
            weft_block_unref(piece->block);
        free(piece);
    }
    free(sock->in.data);
    free(sock->out.data);
    free(sock);
}

/* Everything must have been closed, and all timers be cancelled. */
static inline void fake_stack_fini(struct weft_stack *stack)
{
    assert_null(stack->timers);
    while (stack->all) {
        struct weft_sock *sock = stack->all;

        stack->all = sock->next;
        if (sock->accepted || !sock->is_connected)
            assert_true(sock->closed);
        fake_sock_free(sock);
    }
    test_pool_free(stack->pool);
}

struct weft_pool *weft_stack_pool(struct weft_stack *stack)
{
    return stack->pool;
}

weft_time weft_stack_now(const struct weft_stack *stack)
{
    return stack->now;
}

void weft_timer_cancel(struct weft_stack *stack, struct weft_timer *timer)
{
    for (struct weft_timer **at = &stack->timers; *at; at = (struct weft_timer **)(void *)&(*at)->node.next)
        if (*at == timer) {
            *at = (struct weft_timer *)(void *)timer->node.next;
            timer->node.next = NULL;
            return;
        }
}

void weft_timer_set(struct weft_stack *stack, struct weft_timer *timer, weft_time deadline)
{
    weft_timer_cancel(stack, timer);
    if (deadline == WEFT_TIME_NEVER)
        return;
    timer->node.deadline = deadline;
    timer->node.next = (struct weft_timer_node *)(void *)stack->timers;
    stack->timers = timer;
}

static inline struct weft_timer *fake_first_timer(struct weft_stack *stack)
{
    struct weft_timer *first = stack->timers;

    for (struct weft_timer *t = first; t; t = (struct weft_timer *)(void *)t->node.next)
        if (t->node.deadline < first->node.deadline)
            first = t;
    return first;
}

/* --- Sockets --- */

static inline void fake_use(const struct weft_sock *sock)
{
    if (sock->closed)
        fail_msg("a call on a socket that was closed");
}

static inline void fake_signal(struct weft_sock *sock)
{
    sock->is_ready = true;
}

int weft_sock_open(struct weft_stack *stack, enum weft_sock_type type, struct weft_sock **out)
{
    struct weft_sock *sock = calloc(1, sizeof(*sock));

    assert_non_null(sock);
    assert_int_equal(type, WEFT_SOCK_STREAM);
    sock->stack = stack;
    sock->next = stack->all;
    sock->room = stack->room;
    sock->recv_max = stack->recv_max;
    sock->auto_take = !stack->hold;
    stack->all = sock;
    stack->opened++;
    *out = sock;
    return 0;
}

static inline void fake_drop_accepts(struct weft_sock *listener)
{
    struct weft_stack *stack = listener->stack;

    while (stack->accept_queue) {
        stack->accept_queue->closed = stack->accept_queue->aborted = true;
        stack->accept_queue = stack->accept_queue->next_accept;
    }
}

void weft_sock_close(struct weft_sock *sock)
{
    if (!sock)
        return;
    fake_use(sock);
    if (sock->is_listener)
        fake_drop_accepts(sock);
    if (sock->in.len)
        sock->aborted = true;
    sock->closed = sock->fin = true;
    sock->handler = NULL;
}

void weft_sock_abort(struct weft_sock *sock)
{
    if (!sock)
        return;
    weft_sock_close(sock);
    sock->aborted = true;
}

void weft_sock_set_handler(struct weft_sock *sock, struct weft_handler *handler)
{
    fake_use(sock);
    sock->handler = handler;
}

struct weft_handler *weft_sock_handler(const struct weft_sock *sock)
{
    return sock->handler;
}

struct weft_stack *weft_sock_stack(const struct weft_sock *sock)
{
    fake_use(sock);
    return sock->stack;
}

int weft_sock_bind(struct weft_sock *sock, const struct weft_endpoint *local)
{
    int error = sock->stack->next_bind_error;

    fake_use(sock);
    sock->stack->next_bind_error = 0;
    sock->local = *local;
    return error;
}

void weft_sock_remote(const struct weft_sock *sock, struct weft_endpoint *out)
{
    fake_use(sock);
    *out = sock->remote;
}

int weft_sock_listen(struct weft_sock *sock, unsigned backlog)
{
    (void)backlog;
    fake_use(sock);
    sock->is_listener = true;
    return 0;
}

int weft_sock_connect(struct weft_sock *sock, const struct weft_endpoint *remote)
{
    int error = sock->stack->next_connect_error;

    fake_use(sock);
    sock->remote = *remote;
    sock->stack->next_connect_error = 0;
    if (error)
        return error;
    sock->is_connecting = true;
    return WEFT_E_INPROGRESS;
}

int weft_sock_accept(struct weft_sock *listener, struct weft_sock **out)
{
    struct weft_sock *sock = listener->stack->accept_queue;

    fake_use(listener);
    if (!sock)
        return WEFT_E_AGAIN;
    if (listener->stack->accept_errors) {
        listener->stack->accept_errors--;
        return WEFT_E_LIMIT;
    }
    listener->stack->accept_queue = sock->next_accept;
    sock->accepted = true;
    *out = sock;
    return 0;
}

int weft_sock_shutdown(struct weft_sock *sock, enum weft_shutdown how)
{
    fake_use(sock);
    assert_int_equal(how, WEFT_SHUT_WR);
    sock->fin = true;
    fake_signal(sock);
    return 0;
}

int weft_sock_error(const struct weft_sock *sock)
{
    fake_use(sock);
    return sock->error;
}

static inline ptrdiff_t fake_may_send(struct weft_sock *sock)
{
    fake_use(sock);
    sock->sends++;
    if (sock->error)
        return sock->error;
    if (sock->fin)
        return WEFT_E_PIPE;
    return sock->is_connected ? 0 : WEFT_E_AGAIN;
}

static inline void fake_queue(struct weft_sock *sock, struct fake_piece *piece)
{
    if (sock->last)
        sock->last->next = piece;
    else
        sock->first = piece;
    sock->last = piece;
    sock->pending += piece->len;
}

size_t weft_sock_send_room(const struct weft_sock *sock)
{
    fake_use(sock);
    return sock->room > sock->pending ? sock->room - sock->pending : 0;
}

ptrdiff_t weft_sock_send_flags(struct weft_sock *sock, const void *data, size_t len, unsigned flags)
{
    ptrdiff_t error = fake_may_send(sock);
    size_t room = weft_sock_send_room(sock);
    struct fake_piece *piece;

    (void)flags;
    if (error || !len)
        return error;
    if (!room) {
        sock->writer_waits = true;
        return WEFT_E_AGAIN;
    }
    if (len > room)
        len = room;
    piece = calloc(1, sizeof(*piece) + len);
    assert_non_null(piece);
    piece->len = (uint32_t)len;
    memcpy(piece->data, data, len);
    fake_queue(sock, piece);
    return (ptrdiff_t)len;
}

ptrdiff_t weft_sock_send(struct weft_sock *sock, const void *data, size_t len)
{
    return weft_sock_send_flags(sock, data, len, 0);
}

ptrdiff_t weft_sock_send_block(struct weft_sock *sock, struct weft_block *block, uint32_t off, uint32_t len)
{
    ptrdiff_t error = fake_may_send(sock);
    struct fake_piece *piece;

    if (error || !len)
        return error;
    if (weft_sock_send_room(sock) < len) {
        sock->writer_waits = true;
        return WEFT_E_AGAIN;
    }
    piece = calloc(1, sizeof(*piece));
    assert_non_null(piece);
    piece->block = weft_block_ref(block);
    piece->off = off;
    piece->len = len;
    sock->blocks_lent++;
    fake_queue(sock, piece);
    return len;
}

ptrdiff_t weft_sock_recv(struct weft_sock *sock, void *data, size_t len)
{
    fake_use(sock);
    if (!sock->in.len) {
        if (sock->error)
            return sock->error;
        return sock->peer_closed || !len ? 0 : WEFT_E_AGAIN;
    }
    if (len > sock->in.len)
        len = sock->in.len;
    if (len > sock->recv_max)
        len = sock->recv_max;
    memcpy(data, sock->in.data, len);
    fake_remove(&sock->in, len);
    sock->read_total += len;
    return (ptrdiff_t)len;
}

size_t weft_sock_recv_pending(const struct weft_sock *sock)
{
    fake_use(sock);
    return sock->in.len;
}

int weft_sock_setopt(struct weft_sock *sock, enum weft_sockopt option, int64_t value)
{
    fake_use(sock);
    if (option == WEFT_OPT_NODELAY)
        sock->nodelay = (int)value;
    if (option == WEFT_OPT_SEND_BUFFER && (size_t)value < sock->room)
        sock->room = (size_t)value;
    return 0;
}

int weft_sock_getopt(const struct weft_sock *sock, enum weft_sockopt option, int64_t *value)
{
    fake_use(sock);
    *value = option == WEFT_OPT_SEND_BUFFER ? (int64_t)sock->room : 0;
    return 0;
}

int weft_sock_info_sized(const struct weft_sock *sock, struct weft_tcp_info *out, size_t size)
{
    fake_use(sock);
    (void)size;
    *out = (struct weft_tcp_info){.bytes_acked = sock->acked, .unacked = (uint32_t)sock->pending};
    return 0;
}

unsigned weft_sock_events(const struct weft_sock *sock)
{
    unsigned events = 0;

    fake_use(sock);
    if (sock->is_listener)
        return sock->stack->accept_queue ? WEFT_READABLE : 0;
    if (sock->in.len || sock->peer_closed)
        events |= WEFT_READABLE;
    if (sock->peer_closed)
        events |= WEFT_PEER_CLOSED;
    if (sock->is_connected && !sock->fin && weft_sock_send_room(sock))
        events |= WEFT_WRITABLE;
    if (sock->error)
        events |= WEFT_FAILED | WEFT_READABLE | WEFT_WRITABLE;
    if (sock->is_connected && !sock->pending)
        events |= WEFT_ALL_SENT;
    return events;
}

void weft_sock_rearm(struct weft_sock *sock, unsigned events)
{
    if (weft_sock_events(sock) & events)
        fake_signal(sock);
}

/* --- The peer --- */

/* Takes up to `max` bytes of what was written; the socket may become writable by that. */
static inline void fake_take(struct weft_sock *sock, size_t max)
{
    bool had = sock->pending > 0;

    while (sock->first && max) {
        struct fake_piece *piece = sock->first;
        size_t n = piece->len < max ? piece->len : max;

        fake_append(&sock->out,
                    piece->block ? (char *)piece->block->data + piece->off : piece->data + piece->off, n);
        piece->off += (uint32_t)n;
        piece->len -= (uint32_t)n;
        sock->pending -= n;
        sock->acked += n;
        max -= n;
        if (piece->len)
            break;
        sock->first = piece->next;
        if (!sock->first)
            sock->last = NULL;
        if (piece->block)
            weft_block_unref(piece->block);
        free(piece);
    }
    if (sock->closed)
        return;
    if ((sock->writer_waits && weft_sock_send_room(sock) >= sock->room / 3) || (had && !sock->pending)) {
        sock->writer_waits = false;
        fake_signal(sock);
    }
}

/* A peer connects; the socket that the server will accept. */
static inline struct weft_sock *fake_connect(struct weft_stack *stack)
{
    struct weft_sock *sock, **at = &stack->accept_queue;

    weft_sock_open(stack, WEFT_SOCK_STREAM, &sock);
    sock->is_connected = true;
    sock->remote = (struct weft_endpoint){weft_ip4(10, 0, 0, 9), (uint16_t)(40000 + stack->opened)};
    while (*at)
        at = &(*at)->next_accept;
    *at = sock;
    for (struct weft_sock *s = stack->all; s; s = s->next)
        if (s->is_listener && !s->closed)
            fake_signal(s);
    return sock;
}

/* The socket that our side opened `age` opens ago (0: the last). */
static inline struct weft_sock *fake_opened(struct weft_stack *stack, unsigned age)
{
    struct weft_sock *sock = stack->all;

    while (age--)
        sock = sock->next;
    return sock;
}

static inline void fake_established(struct weft_sock *sock)
{
    sock->is_connecting = false;
    sock->is_connected = true;
    fake_signal(sock);
}

static inline void fake_send(struct weft_sock *sock, const void *data, size_t len)
{
    fake_append(&sock->in, data, len);
    fake_signal(sock);
}

static inline void fake_send_text(struct weft_sock *sock, const char *text)
{
    fake_send(sock, text, strlen(text));
}

/* The peer's FIN, or its reset. */
static inline void fake_fin(struct weft_sock *sock)
{
    sock->peer_closed = true;
    if (!sock->closed)
        fake_signal(sock);
}

static inline void fake_fail(struct weft_sock *sock, int error)
{
    sock->error = error;
    if (!sock->closed)
        fake_signal(sock);
}

/* --- Driving --- */

static inline bool fake_round(struct weft_stack *stack)
{
    struct weft_timer *timer = fake_first_timer(stack);

    if (timer && timer->node.deadline <= stack->now) {
        weft_timer_cancel(stack, timer);
        timer->fired(timer, stack->now);
        return true;
    }
    for (struct weft_sock *sock = stack->all; sock; sock = sock->next) {
        unsigned events;

        if (!sock->is_ready || sock->closed)
            continue;
        sock->is_ready = false;
        events = weft_sock_events(sock);
        if (!events || !sock->handler)
            continue;
        sock->handler->ready(sock->handler, sock, events, stack->now);
        return true;
    }
    return false;
}

static inline bool fake_take_all(struct weft_stack *stack)
{
    bool any = false;

    for (struct weft_sock *sock = stack->all; sock; sock = sock->next)
        if (sock->auto_take && sock->pending) {
            fake_take(sock, FAKE_NO_LIMIT);
            any = true;
        }
    return any;
}

/* Runs handlers and due timers until there is nothing left to do at this moment. */
static inline void fake_run(struct weft_stack *stack)
{
    for (unsigned rounds = 0; fake_round(stack) || fake_take_all(stack); rounds++)
        if (rounds > 1000000)
            fail_msg("the dispatcher does not come to rest");
}

/* The same while `duration` passes. */
static inline void fake_advance(struct weft_stack *stack, weft_time duration)
{
    weft_time end = stack->now + duration;
    struct weft_timer *timer;

    fake_run(stack);
    while ((timer = fake_first_timer(stack)) != NULL && timer->node.deadline <= end) {
        if (timer->node.deadline > stack->now)
            stack->now = timer->node.deadline;
        fake_run(stack);
    }
    stack->now = end;
}

/* What the peer has got, as text; and forgets it. */
static inline const char *fake_text(struct weft_sock *sock)
{
    return sock->out.data ? sock->out.data : "";
}

static inline void fake_clear(struct weft_sock *sock)
{
    if (sock->out.data)
        fake_remove(&sock->out, sock->out.len);
}

#endif
