/* SPDX-License-Identifier: MIT */
/*
 * Stream sockets over TCP.
 *
 * Owns    the role of a socket: fresh, listener, connected.
 * Never   buffers: TCP does.
 */
#include "socket/socket.h"

void socket_stream_close(struct weft_sock *sock, bool abort)
{
    if (sock->role == SOCK_LISTENER)
        tcp_unlisten(sock->listener);
    else if (sock->role == SOCK_CONNECTED && abort)
        tcp_abort(sock->tcb);
    else if (sock->role == SOCK_CONNECTED)
        tcp_close(sock->tcb);
}

int weft_sock_bind(struct weft_sock *sock, const struct weft_endpoint *local)
{
    struct weft_endpoint wanted = *local;
    int rc;

    if (sock->type != WEFT_SOCK_STREAM)
        return WEFT_E_OPNOTSUPP;
    if (sock->role != SOCK_FRESH || sock->local.port != 0)
        return WEFT_E_INVAL;
    rc = tcp_bind_check(sock->sockets->tcp, &wanted, sock->reuseaddr);
    if (rc == 0)
        sock->local = wanted;
    return rc;
}

static int connected_already(const struct weft_sock *sock)
{
    struct weft_tcp_info info;

    tcp_info(sock->tcb, &info);
    return info.state == WEFT_TCP_SYN_SENT || info.state == WEFT_TCP_SYN_RECEIVED ? WEFT_E_ALREADY
                                                                                  : WEFT_E_ISCONN;
}

/* Connects with the SYN that `data` goes with. */
static ptrdiff_t connect_with(struct weft_sock *sock, const struct weft_endpoint *remote, const void *data,
                              size_t len)
{
    struct tcb *tcb;
    ptrdiff_t rc = tcp_connect_send(sock->sockets->tcp, &sock->local, remote, &sock->options, &sock->ready,
                                    data, len, &tcb);

    if (rc > 0 || rc == WEFT_E_INPROGRESS) {
        sock->tcb = tcb;
        sock->role = SOCK_CONNECTED;
        socket_ao_forget(sock);
    }
    return rc;
}

/* A deferred connect whose first write no SYN can carry: it goes without, and the write waits. */
static ptrdiff_t connect_before_write(struct weft_sock *sock)
{
    ptrdiff_t rc = connect_with(sock, &sock->remote, NULL, 0);

    return rc == WEFT_E_INPROGRESS ? WEFT_E_AGAIN : rc;
}

/* With the first write, if the SYN can carry it; else at once. */
static int connect_later(struct weft_sock *sock, const struct weft_endpoint *remote)
{
    int rc = tcp_connect_can_send(sock->sockets->tcp, &sock->local, remote, &sock->options);

    if (rc < 0)
        return rc;
    if (rc == 0)
        return (int)connect_with(sock, remote, NULL, 0);
    sock->remote = *remote;
    sock->role = SOCK_DEFERRED;
    ready_signal(&sock->sockets->core->ready, &sock->ready, WEFT_WRITABLE);
    return 0;
}

ptrdiff_t weft_sock_connect_send(struct weft_sock *sock, const struct weft_endpoint *remote, const void *data,
                                 size_t len)
{
    if (sock->type != WEFT_SOCK_STREAM || sock->role == SOCK_LISTENER)
        return WEFT_E_OPNOTSUPP;
    if (sock->role == SOCK_CONNECTED)
        return connected_already(sock);
    return connect_with(sock, remote, data, len < INT32_MAX ? len : INT32_MAX);
}

int weft_sock_connect(struct weft_sock *sock, const struct weft_endpoint *remote)
{
    int rc;

    if (sock->type != WEFT_SOCK_STREAM || sock->role == SOCK_LISTENER)
        return WEFT_E_OPNOTSUPP;
    if (sock->role == SOCK_DEFERRED)
        return WEFT_E_ISCONN;
    if (sock->role == SOCK_CONNECTED)
        return connected_already(sock);
    if (sock->fastopen_connect)
        return connect_later(sock, remote);
    rc = tcp_connect(sock->sockets->tcp, &sock->local, remote, &sock->options, &sock->ready, &sock->tcb);
    if (rc < 0)
        return rc;
    sock->role = SOCK_CONNECTED;
    socket_ao_forget(sock);
    return WEFT_E_INPROGRESS;
}

/* What most hosts have. */
#define DEFAULT_BACKLOG 511u

int weft_sock_listen(struct weft_sock *sock, unsigned backlog)
{
    int rc;

    if (sock->type != WEFT_SOCK_STREAM)
        return WEFT_E_OPNOTSUPP;
    if (sock->role != SOCK_FRESH || sock->local.port == 0 || backlog > 65535)
        return WEFT_E_INVAL;
    rc = tcp_listen(sock->sockets->tcp, &sock->local, &sock->options, backlog ? backlog : DEFAULT_BACKLOG,
                    &sock->ready, &sock->listener);
    if (rc < 0)
        return rc;
    sock->role = SOCK_LISTENER;
    if (sock->fastopen_key_len > 0)
        tcp_listener_fast_open_key(sock->listener, sock->fastopen_key, sock->fastopen_key_len);
    return 0;
}

int weft_sock_accept(struct weft_sock *listener, struct weft_sock **out)
{
    struct weft_sock *sock;
    int rc;

    if (listener->role != SOCK_LISTENER)
        return WEFT_E_INVAL;
    if (!tcp_can_accept(listener->listener))
        return WEFT_E_AGAIN;
    rc = weft_sock_open(weft_sock_stack(listener), WEFT_SOCK_STREAM, &sock);
    if (rc < 0)
        return rc;
    sock->tcb = tcp_accept(listener->listener, &sock->ready);
    sock->role = SOCK_CONNECTED;
    sock->options = *tcp_get_options(sock->tcb);
    sock->linger = listener->linger;
    *out = sock;
    return 0;
}

int weft_sock_shutdown(struct weft_sock *sock, enum weft_shutdown how)
{
    struct weft_tcp_info info;

    if (sock->role != SOCK_CONNECTED)
        return WEFT_E_NOTCONN;
    tcp_info(sock->tcb, &info);
    if (info.state == WEFT_TCP_CLOSED || info.state == WEFT_TCP_SYN_SENT)
        return WEFT_E_NOTCONN;
    if (how & WEFT_SHUT_RD)
        tcp_shutdown_recv(sock->tcb);
    if (how & WEFT_SHUT_WR)
        tcp_shutdown_send(sock->tcb);
    return 0;
}

/* --- Data -------------------------------------------------------------------------------------------- */

ptrdiff_t weft_sock_send_flags(struct weft_sock *sock, const void *data, size_t len, unsigned flags)
{
    if (flags & ~(unsigned)(WEFT_SEND_MORE | WEFT_SEND_URGENT | WEFT_SEND_RECORD))
        return WEFT_E_INVAL;
    if (sock->role == SOCK_DEFERRED && (flags & WEFT_SEND_URGENT))
        return connect_before_write(sock);
    if (sock->role == SOCK_DEFERRED)
        return connect_with(sock, &sock->remote, data, len < INT32_MAX ? len : INT32_MAX);
    if (sock->role != SOCK_CONNECTED)
        return WEFT_E_NOTCONN;
    return tcp_send(sock->tcb, data, len < INT32_MAX ? len : INT32_MAX, flags);
}

ptrdiff_t weft_sock_send(struct weft_sock *sock, const void *data, size_t len)
{
    return weft_sock_send_flags(sock, data, len, 0);
}

ptrdiff_t weft_sock_send_block(struct weft_sock *sock, struct weft_block *block, uint32_t off, uint32_t len)
{
    if (sock->role == SOCK_DEFERRED) /* a SYN lends nothing */
        return connect_before_write(sock);
    return sock->role == SOCK_CONNECTED ? tcp_send_block(sock->tcb, block, off, len) : WEFT_E_NOTCONN;
}

size_t weft_sock_send_room(const struct weft_sock *sock)
{
    return sock->role == SOCK_CONNECTED ? tcp_send_room(sock->tcb) : 0;
}

ptrdiff_t weft_sock_recv(struct weft_sock *sock, void *data, size_t len)
{
    if (sock->role == SOCK_DEFERRED)
        return WEFT_E_AGAIN;
    return sock->role == SOCK_CONNECTED ? tcp_recv(sock->tcb, data, len) : WEFT_E_NOTCONN;
}

ptrdiff_t weft_sock_peek(struct weft_sock *sock, size_t offset, void *data, size_t len)
{
    return sock->role == SOCK_CONNECTED ? tcp_peek(sock->tcb, offset, data, len) : WEFT_E_NOTCONN;
}

int weft_sock_borrow(struct weft_sock *sock, struct weft_slice *views, unsigned max, size_t *bytes)
{
    return sock->role == SOCK_CONNECTED ? tcp_borrow(sock->tcb, views, max, bytes) : WEFT_E_NOTCONN;
}

void weft_sock_consume(struct weft_sock *sock, size_t len)
{
    if (sock->role == SOCK_CONNECTED && len > 0)
        tcp_consume(sock->tcb, len);
}

size_t weft_sock_recv_pending(const struct weft_sock *sock)
{
    return sock->role == SOCK_CONNECTED ? tcp_recv_pending(sock->tcb) : 0;
}

size_t weft_sock_urgent(const struct weft_sock *sock)
{
    return sock->role == SOCK_CONNECTED ? tcp_urgent_left(sock->tcb) : 0;
}

bool weft_sock_at_mark(const struct weft_sock *sock)
{
    return weft_sock_urgent(sock) == 1;
}
