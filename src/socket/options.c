/* SPDX-License-Identifier: MIT */
/*
 * Socket options: one table, so that each is honoured or refused.
 *
 * Owns    the translation between numbers and what the socket keeps of them.
 * Never   accepts a value that it does not use.
 *
 * An option is a row: where its value is kept, which values it may have, and
 * what is special about it. Add a row for a new one, and its line in
 * enum weft_sockopt with what it means.
 */
#include "socket/socket.h"

#include <string.h>

#define BUFFER_MIN 4096
#define BUFFER_MAX (1 << 30)

/* RFC 5482 3: the longest time that the option can say. */
#define UTO_MAX (32767 * 60 * (int64_t)WEFT_SEC)

/* RFC 3168 5: the lower two bits of the octet belong to ECN. */
#define ECN_BITS 3

struct option {
    struct weft_sockopt_desc desc;
    size_t at;          /* in struct weft_sock */
    uint8_t size;       /* bytes there; 0: it is kept nowhere, and has one value only */
    bool is_inverted;   /* a switch that is kept the other way round */
    uint8_t masked;     /* bits of the value that are not the application's */
    uint8_t zero_means; /* what a kept 0 stands for; 0: itself */
    size_t marks;       /* a bool in struct weft_sock that setting it makes true; 0: none */
    /* May it have this value now? 0, or why not. NULL: always. */
    int (*may_set)(const struct weft_sock *sock, int64_t value);
    /* It has been set. NULL: there is nothing more to do. */
    void (*was_set)(struct weft_sock *sock, int64_t value);
};

static int may_fastopen(const struct weft_sock *sock, int64_t value)
{
    return value == 0 || tcp_fast_open_may_listen(sock->sockets->tcp) ? 0 : WEFT_E_OPNOTSUPP;
}

static int may_fastopen_connect(const struct weft_sock *sock, int64_t value)
{
    if (value && !tcp_fast_open_may_connect(sock->sockets->tcp))
        return WEFT_E_OPNOTSUPP;
    return sock->role == SOCK_FRESH ? 0 : WEFT_E_INVAL;
}

static void nodelay_was_set(struct weft_sock *sock, int64_t value)
{
    if (value && sock->role == SOCK_CONNECTED)
        tcp_push(sock->tcb);
}

#define AT(member)                .at = offsetof(struct weft_sock, member), .size = sizeof(((struct weft_sock *)0)->member)
#define MARKS(member)             .marks = offsetof(struct weft_sock, member)
#define SWITCH(name)              .desc = {name, WEFT_SOCKOPT_SWITCH, 0, 1}
#define NUMBER(name, low, high)   .desc = {name, WEFT_SOCKOPT_NUMBER, low, high}
#define BYTES(name, low, high)    .desc = {name, WEFT_SOCKOPT_BYTES, low, high}
#define DURATION(name, low, high) .desc = {name, WEFT_SOCKOPT_TIME, low, high}

static const struct option options[] = {
    [WEFT_OPT_NODELAY] = {SWITCH("nodelay"), AT(options.nodelay), .was_set = nodelay_was_set},
    [WEFT_OPT_CORK] = {SWITCH("cork"), AT(options.cork)},
    [WEFT_OPT_QUICKACK] = {SWITCH("quickack"), AT(options.quickack)},
    [WEFT_OPT_KEEPALIVE] = {SWITCH("keepalive"), AT(options.keepalive)},
    [WEFT_OPT_KEEPALIVE_IDLE] = {DURATION("keepalive_idle", 1, INT64_MAX), AT(options.keepalive_idle)},
    [WEFT_OPT_KEEPALIVE_INTERVAL] = {DURATION("keepalive_interval", 1, INT64_MAX),
                                     AT(options.keepalive_interval)},
    [WEFT_OPT_KEEPALIVE_PROBES] = {NUMBER("keepalive_probes", 1, 127), AT(options.keepalive_probes)},
    [WEFT_OPT_USER_TIMEOUT] = {DURATION("user_timeout", 0, INT64_MAX), AT(options.user_timeout),
                               MARKS(options.uto_fixed)}, /* RFC 5482 3 */
    [WEFT_OPT_SEND_BUFFER] = {BYTES("send_buffer", BUFFER_MIN, BUFFER_MAX), AT(options.send_buffer),
                              MARKS(options.send_buffer_is_fixed)},
    [WEFT_OPT_RECEIVE_BUFFER] = {BYTES("receive_buffer", BUFFER_MIN, BUFFER_MAX), AT(options.receive_buffer),
                                 MARKS(options.receive_buffer_is_fixed)},
    [WEFT_OPT_LINGER] = {DURATION("linger", -1, 0), AT(linger)},
    [WEFT_OPT_REUSEADDR] = {SWITCH("reuseaddr"), AT(reuseaddr)},
    [WEFT_OPT_TTL] = {NUMBER("ttl", 1, 255), AT(options.ttl), .zero_means = NET_DEFAULT_TTL},
    [WEFT_OPT_TOS] = {NUMBER("tos", 0, 255), AT(options.tos), .masked = ECN_BITS},
    [WEFT_OPT_SYN_RETRIES] = {NUMBER("syn_retries", 1, 127), AT(options.syn_retries)},
    [WEFT_OPT_MAXSEG] = {BYTES("maxseg", 88, 65495), AT(options.maxseg)},
    [WEFT_OPT_OOBINLINE] = {NUMBER("oobinline", 1, 1)}, /* it cannot be off */
    [WEFT_OPT_REPORTS] = {SWITCH("reports"), AT(options.no_reports), .is_inverted = true},
    [WEFT_OPT_FASTOPEN] = {NUMBER("fastopen", 0, 65535), AT(options.fast_open_queue),
                           .may_set = may_fastopen},
    [WEFT_OPT_FASTOPEN_CONNECT] = {SWITCH("fastopen_connect"), AT(fastopen_connect),
                                   .may_set = may_fastopen_connect},
    [WEFT_OPT_FASTOPEN_NO_COOKIE] = {SWITCH("fastopen_no_cookie"), AT(options.fast_open_no_cookie)},
    [WEFT_OPT_UTO] = {SWITCH("uto"), AT(options.uto_enabled)},
    [WEFT_OPT_UTO_ADVERTISED] = {DURATION("uto_advertised", 0, UTO_MAX), AT(options.uto_advertised)},
    [WEFT_OPT_UTO_CHANGEABLE] = {SWITCH("uto_changeable"), AT(options.uto_fixed), .is_inverted = true},
    [WEFT_OPT_PACING] = {SWITCH("pacing"), AT(options.pacing)},
    [WEFT_OPT_ECN] = {NUMBER("ecn", WEFT_ECN_ACCEPT, WEFT_ECN_OFF), AT(options.ecn)},
    [WEFT_OPT_MAX_PACING_RATE] = {NUMBER("max_pacing_rate", 0, INT64_MAX), AT(options.max_pacing_rate)},
    [WEFT_OPT_NOTSENT_LOWAT] = {BYTES("notsent_lowat", 0, UINT32_MAX), AT(options.notsent_lowat)},
};

#define OPTION_COUNT (sizeof(options) / sizeof(options[0]))

/* The row of an option; NULL when there is none. */
static const struct option *find_option(enum weft_sockopt option)
{
    return (size_t)option < OPTION_COUNT && options[option].desc.name ? &options[option] : NULL;
}

static void store(struct weft_sock *sock, const struct option *option, int64_t value)
{
    uint8_t *at = (uint8_t *)sock + option->at;
    uint64_t kept = (uint64_t)(option->is_inverted ? !value : value & ~(int64_t)option->masked);

    switch (option->size) {
    case 1: /* a bool, too: its values are 0 and 1 */
        *at = (uint8_t)kept;
        break;
    case 2:
        memcpy(at, &(uint16_t){(uint16_t)kept}, 2);
        break;
    case 4:
        memcpy(at, &(uint32_t){(uint32_t)kept}, 4);
        break;
    case 8:
        memcpy(at, &kept, 8);
        break;
    default:
        break;
    }
    if (option->marks > 0)
        *((bool *)sock + option->marks) = true;
}

static int64_t load(const struct weft_sock *sock, const struct option *option)
{
    const uint8_t *at = (const uint8_t *)sock + option->at;
    uint16_t two;
    uint32_t four;
    int64_t kept = option->desc.min;

    switch (option->size) {
    case 1:
        kept = *at;
        break;
    case 2:
        memcpy(&two, at, 2);
        kept = two;
        break;
    case 4:
        memcpy(&four, at, 4);
        kept = four;
        break;
    case 8:
        memcpy(&kept, at, 8);
        break;
    default:
        break;
    }
    if (option->is_inverted)
        return !kept;
    return kept == 0 && option->zero_means > 0 ? option->zero_means : kept;
}

/* What the socket stands for hears of its options. */
static void apply(struct weft_sock *sock)
{
    if (sock->role == SOCK_CONNECTED)
        tcp_set_options(sock->tcb, &sock->options);
    else if (sock->role == SOCK_LISTENER)
        tcp_listener_options(sock->listener, &sock->options);
}

int weft_sockopt_describe(enum weft_sockopt option, struct weft_sockopt_desc *out)
{
    const struct option *found = find_option(option);

    if (!found)
        return WEFT_E_NOPROTOOPT;
    *out = found->desc;
    return 0;
}

int weft_sock_setopt(struct weft_sock *sock, enum weft_sockopt option, int64_t value)
{
    const struct option *found = find_option(option);
    int rc;

    if (!found || sock->type != WEFT_SOCK_STREAM)
        return WEFT_E_NOPROTOOPT;
    if (value < found->desc.min || value > found->desc.max)
        return WEFT_E_INVAL;
    rc = found->may_set ? found->may_set(sock, value) : 0;
    if (rc < 0)
        return rc;
    store(sock, found, value);
    apply(sock);
    if (found->was_set)
        found->was_set(sock, value);
    return 0;
}

int weft_sock_getopt(const struct weft_sock *sock, enum weft_sockopt option, int64_t *value)
{
    const struct option *found = find_option(option);

    if (!found || sock->type != WEFT_SOCK_STREAM)
        return WEFT_E_NOPROTOOPT;
    *value = load(sock, found);
    return 0;
}

int weft_sock_set_congestion(struct weft_sock *sock, const char *name)
{
    const struct weft_congestion *found;

    if (sock->type != WEFT_SOCK_STREAM)
        return WEFT_E_NOPROTOOPT;
    found = tcp_congestion_find(sock->sockets->tcp, name);
    if (!found)
        return WEFT_E_NOTFOUND;
    sock->options.congestion = found;
    apply(sock);
    return 0;
}

const char *weft_sock_congestion(const struct weft_sock *sock)
{
    return sock->type == WEFT_SOCK_STREAM ? sock->options.congestion->name : NULL;
}

int weft_sock_set_fastopen_key(struct weft_sock *sock, const uint8_t *key, size_t len)
{
    if (sock->type != WEFT_SOCK_STREAM)
        return WEFT_E_NOPROTOOPT;
    if (sock->role == SOCK_LISTENER)
        return tcp_listener_fast_open_key(sock->listener, key, len);
    if (len != 16 && len != 32)
        return WEFT_E_INVAL;
    memcpy(sock->fastopen_key, key, len);
    sock->fastopen_key_len = (uint8_t)len;
    return 0;
}
