/* SPDX-License-Identifier: MIT */
/*
 * The calls of weft/tcp_ao.h.
 *
 * Owns    the keys that a socket has until it connects, and as long as it
 *         listens.
 * Never   looks into a key.
 */
#include "socket/socket.h"

static bool is_connection(const struct weft_sock *sock)
{
    return sock->role == SOCK_CONNECTED;
}

static const struct tcp_ao *keys_of(const struct weft_sock *sock)
{
    return is_connection(sock) ? tcp_connection_ao(sock->tcb) : sock->options.ao;
}

void socket_ao_forget(struct weft_sock *sock)
{
    tcp_ao_free(sock->sockets->tcp, sock->options.ao);
    sock->options.ao = NULL;
}

/* The set may be new: a listener must know it. */
static int told(struct weft_sock *sock, int rc)
{
    if (sock->role == SOCK_LISTENER)
        tcp_listener_options(sock->listener, &sock->options);
    return rc;
}

int weft_sock_ao_add_key(struct weft_sock *sock, const struct weft_tcp_ao_key *key)
{
    if (sock->type != WEFT_SOCK_STREAM)
        return WEFT_E_OPNOTSUPP;
    if (is_connection(sock))
        return tcp_ao_add_connection_key(sock->tcb, key);
    return told(sock, tcp_ao_add_key(sock->sockets->tcp, &sock->options.ao, key));
}

int weft_sock_ao_del_key(struct weft_sock *sock, const struct weft_prefix *peer, uint16_t port,
                         uint8_t send_id, uint8_t recv_id)
{
    struct tcp_ao *ao = is_connection(sock) ? tcp_connection_ao(sock->tcb) : sock->options.ao;

    if (sock->type != WEFT_SOCK_STREAM)
        return WEFT_E_OPNOTSUPP;
    return tcp_ao_del_key(sock->sockets->tcp, ao, peer, port, send_id, recv_id);
}

int weft_sock_ao_get_keys(const struct weft_sock *sock, struct weft_tcp_ao_key *keys, unsigned max)
{
    return sock->type == WEFT_SOCK_STREAM ? tcp_ao_get_keys(keys_of(sock), keys, max) : WEFT_E_OPNOTSUPP;
}

int weft_sock_ao_info(const struct weft_sock *sock, struct weft_tcp_ao_info *out)
{
    if (sock->type != WEFT_SOCK_STREAM)
        return WEFT_E_OPNOTSUPP;
    tcp_ao_info(keys_of(sock), out);
    return 0;
}

int weft_sock_ao_set(struct weft_sock *sock, enum weft_tcp_ao_set what, unsigned value)
{
    if (sock->type != WEFT_SOCK_STREAM)
        return WEFT_E_OPNOTSUPP;
    if (is_connection(sock))
        return tcp_ao_set_connection(sock->tcb, what, value);
    return told(sock, tcp_ao_set(sock->sockets->tcp, &sock->options.ao, what, value));
}
