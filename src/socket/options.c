/* SPDX-License-Identifier: MIT */
/*
 * Socket options: one table, so that each is honoured or refused.
 *
 * Owns    the translation between numbers and tcp_options.
 * Never   accepts a value that it does not use.
 */
#include "socket/socket.h"

#define BUFFER_MIN 4096
#define BUFFER_MAX (1 << 30)

/* The lowest and the highest value of each option. */
static const struct {
    int64_t min, max;
} bounds[] = {
    [WEFT_OPT_NODELAY] = {0, 1},
    [WEFT_OPT_CORK] = {0, 1},
    [WEFT_OPT_QUICKACK] = {0, 1},
    [WEFT_OPT_KEEPALIVE] = {0, 1},
    [WEFT_OPT_KEEPALIVE_IDLE] = {1, INT64_MAX},
    [WEFT_OPT_KEEPALIVE_INTERVAL] = {1, INT64_MAX},
    [WEFT_OPT_KEEPALIVE_PROBES] = {1, 127},
    [WEFT_OPT_USER_TIMEOUT] = {0, INT64_MAX},
    [WEFT_OPT_SEND_BUFFER] = {BUFFER_MIN, BUFFER_MAX},
    [WEFT_OPT_RECEIVE_BUFFER] = {BUFFER_MIN, BUFFER_MAX},
    [WEFT_OPT_LINGER] = {-1, 0},
    [WEFT_OPT_REUSEADDR] = {0, 1},
    [WEFT_OPT_TTL] = {1, 255},
    [WEFT_OPT_TOS] = {0, 255},
    [WEFT_OPT_MAXSEG] = {88, 65495},
};

#define OPTION_COUNT (sizeof(bounds) / sizeof(bounds[0]))

/* RFC 3168 5: the lower two bits of the octet belong to ECN. */
#define ECN_BITS 3

static void store(struct weft_sock *sock, enum weft_sockopt option, int64_t value)
{
    struct tcp_options *o = &sock->options;

    switch (option) {
    case WEFT_OPT_NODELAY:
        o->nodelay = value;
        break;
    case WEFT_OPT_CORK:
        o->cork = value;
        break;
    case WEFT_OPT_QUICKACK:
        o->quickack = value;
        break;
    case WEFT_OPT_KEEPALIVE:
        o->keepalive = value;
        break;
    case WEFT_OPT_KEEPALIVE_IDLE:
        o->keepalive_idle = (weft_time)value;
        break;
    case WEFT_OPT_KEEPALIVE_INTERVAL:
        o->keepalive_interval = (weft_time)value;
        break;
    case WEFT_OPT_KEEPALIVE_PROBES:
        o->keepalive_probes = (uint8_t)value;
        break;
    case WEFT_OPT_USER_TIMEOUT:
        o->user_timeout = (weft_time)value;
        break;
    case WEFT_OPT_SEND_BUFFER:
        o->send_buffer = (uint32_t)value;
        break;
    case WEFT_OPT_RECEIVE_BUFFER:
        o->receive_buffer = (uint32_t)value;
        break;
    case WEFT_OPT_LINGER:
        sock->linger = value;
        break;
    case WEFT_OPT_REUSEADDR:
        sock->reuseaddr = value;
        break;
    case WEFT_OPT_TTL:
        o->ttl = (uint8_t)value;
        break;
    case WEFT_OPT_TOS:
        o->tos = (uint8_t)(value & ~ECN_BITS);
        break;
    case WEFT_OPT_MAXSEG:
        o->maxseg = (uint16_t)value;
        break;
    }
}

static int64_t load(const struct weft_sock *sock, enum weft_sockopt option)
{
    const struct tcp_options *o = &sock->options;

    switch (option) {
    case WEFT_OPT_NODELAY:
        return o->nodelay;
    case WEFT_OPT_CORK:
        return o->cork;
    case WEFT_OPT_QUICKACK:
        return o->quickack;
    case WEFT_OPT_KEEPALIVE:
        return o->keepalive;
    case WEFT_OPT_KEEPALIVE_IDLE:
        return (int64_t)o->keepalive_idle;
    case WEFT_OPT_KEEPALIVE_INTERVAL:
        return (int64_t)o->keepalive_interval;
    case WEFT_OPT_KEEPALIVE_PROBES:
        return o->keepalive_probes;
    case WEFT_OPT_USER_TIMEOUT:
        return (int64_t)o->user_timeout;
    case WEFT_OPT_SEND_BUFFER:
        return o->send_buffer;
    case WEFT_OPT_RECEIVE_BUFFER:
        return o->receive_buffer;
    case WEFT_OPT_LINGER:
        return sock->linger;
    case WEFT_OPT_REUSEADDR:
        return sock->reuseaddr;
    case WEFT_OPT_TTL:
        return o->ttl ? o->ttl : NET_DEFAULT_TTL;
    case WEFT_OPT_TOS:
        return o->tos;
    case WEFT_OPT_MAXSEG:
        return o->maxseg;
    }
    return 0;
}

int weft_sock_setopt(struct weft_sock *sock, enum weft_sockopt option, int64_t value)
{
    if (option >= OPTION_COUNT || sock->type != WEFT_SOCK_STREAM)
        return WEFT_E_NOPROTOOPT;
    if (value < bounds[option].min || value > bounds[option].max)
        return WEFT_E_INVAL;
    store(sock, option, value);
    if (sock->role == SOCK_CONNECTED)
        tcp_set_options(sock->tcb, &sock->options);
    else if (sock->role == SOCK_LISTENER)
        tcp_listener_options(sock->listener, &sock->options);
    return 0;
}

int weft_sock_getopt(const struct weft_sock *sock, enum weft_sockopt option, int64_t *value)
{
    if (option >= OPTION_COUNT || sock->type != WEFT_SOCK_STREAM)
        return WEFT_E_NOPROTOOPT;
    *value = load(sock, option);
    return 0;
}
