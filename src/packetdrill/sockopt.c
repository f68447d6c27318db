/* SPDX-License-Identifier: MIT */
/*
 * getsockopt and setsockopt: Linux' names and units for weft's options.
 *
 * Owns    the translation, and the options that belong to the BSD interface and
 *         not to the stack (time-outs of blocking calls, SO_ERROR, …).
 * Never   accepts what is not honoured: it is refused with ENOPROTOOPT.
 */
#include "packetdrill/plugin.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <string.h>

#include <linux/tcp.h>

/* Options that are a number: `scale` of weft's units make one of Linux'. */
struct number {
    int level, name;
    enum weft_sockopt option;
    int64_t scale;
    bool is_switch;
};

static const struct number numbers[] = {
    {SOL_SOCKET, SO_REUSEADDR, WEFT_OPT_REUSEADDR, 1, true},
    {SOL_SOCKET, SO_KEEPALIVE, WEFT_OPT_KEEPALIVE, 1, true},
    {IPPROTO_TCP, TCP_NODELAY, WEFT_OPT_NODELAY, 1, true},
    {IPPROTO_TCP, TCP_CORK, WEFT_OPT_CORK, 1, true},
    {IPPROTO_TCP, TCP_QUICKACK, WEFT_OPT_QUICKACK, 1, true},
    {IPPROTO_TCP, TCP_KEEPIDLE, WEFT_OPT_KEEPALIVE_IDLE, WEFT_SEC, false},
    {IPPROTO_TCP, TCP_KEEPINTVL, WEFT_OPT_KEEPALIVE_INTERVAL, WEFT_SEC, false},
    {IPPROTO_TCP, TCP_KEEPCNT, WEFT_OPT_KEEPALIVE_PROBES, 1, false},
    {IPPROTO_TCP, TCP_USER_TIMEOUT, WEFT_OPT_USER_TIMEOUT, WEFT_MSEC, false},
    {IPPROTO_TCP, TCP_MAXSEG, WEFT_OPT_MAXSEG, 1, false},
    {IPPROTO_TCP, TCP_SYNCNT, WEFT_OPT_SYN_RETRIES, 1, false},
    {SOL_SOCKET, SO_OOBINLINE, WEFT_OPT_OOBINLINE, 1, true},
    {IPPROTO_TCP, TCP_NOTSENT_LOWAT, WEFT_OPT_NOTSENT_LOWAT, 1, false},
    {IPPROTO_TCP, TCP_FASTOPEN, WEFT_OPT_FASTOPEN, 1, false},
    {IPPROTO_TCP, TCP_FASTOPEN_CONNECT, WEFT_OPT_FASTOPEN_CONNECT, 1, true},
    {IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE, WEFT_OPT_FASTOPEN_NO_COOKIE, 1, true},
    {IPPROTO_IP, IP_TTL, WEFT_OPT_TTL, 1, false},
    {IPPROTO_IP, IP_TOS, WEFT_OPT_TOS, 1, false},
};

static const struct number *find_number(int level, int name)
{
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        if (numbers[i].level == level && numbers[i].name == name)
            return &numbers[i];
    return NULL;
}

/* Options of the host's routing and filters: there are none here that look at a mark, and bind takes any address as
 * one of ours anyway. So these are numbers that a socket has. */
static int *kept_number(struct desc *d, int level, int name)
{
    if (level == SOL_SOCKET && name == SO_MARK)
        return &d->mark;
    if (level == IPPROTO_IP && name == IP_FREEBIND)
        return &d->freebind;
    return NULL;
}

/* Reads an int. */
static int take_int(const void *value, socklen_t len, int *out)
{
    if (len < sizeof(*out))
        return -EINVAL;
    if (!value)
        return -EFAULT;
    memcpy(out, value, sizeof(*out));
    return 0;
}

/* Options of IP may be given in a single byte. */
static int take_byte(const void *value, int *out)
{
    if (!value)
        return -EFAULT;
    *out = *(const uint8_t *)value;
    return 0;
}

static int give(void *value, socklen_t *len, const void *what, size_t size)
{
    if (!value || !len)
        return -EFAULT;
    if (*len > size)
        *len = (socklen_t)size;
    memcpy(value, what, *len);
    return 0;
}

static int give_int(void *value, socklen_t *len, int64_t number)
{
    int n = (int)number;

    return give(value, len, &n, sizeof(n));
}

/* --- Buffers: Linux doubles what was asked for, so that its own bookkeeping fits. A send buffer takes nearly all of
 * that in large writes; of a receive buffer it offers half --- */

#define BUFFER_MIN 4096

static ssize_t set_buffer(struct desc *d, enum weft_sockopt option, int value)
{
    int64_t bytes = value < BUFFER_MIN ? BUFFER_MIN : value;

    return plugin_error(weft_sock_setopt(d->sock, option, bytes));
}

/* Whole bursts may go beyond it, as far as the last of them that begins before it is full. */
static ssize_t set_send_buffer(struct desc *d, int value)
{
    int bytes = value < BUFFER_MIN ? BUFFER_MIN : value;
    int more = d->plugin->settings.write_units && bytes < INT_MAX - UINT16_MAX ? UINT16_MAX : 0;
    ssize_t rc = set_buffer(d, WEFT_OPT_SEND_BUFFER, bytes + more);

    if (rc == 0)
        d->send_buffer = (uint32_t)bytes;
    return rc;
}

static ssize_t get_buffer(struct desc *d, enum weft_sockopt option, int factor, void *value, socklen_t *len)
{
    int64_t bytes = 0;
    int rc = weft_sock_getopt(d->sock, option, &bytes);

    return rc < 0 ? plugin_error(rc) : give_int(value, len, factor * bytes);
}

/* --- Options that are structures -------------------------------------------------------------------- */

static ssize_t set_linger(struct desc *d, const void *value, socklen_t len)
{
    struct linger linger;

    if (len < sizeof(linger))
        return -EINVAL;
    memcpy(&linger, value, sizeof(linger));
    d->linger = linger.l_onoff ? linger.l_linger : -1;
    return plugin_error(weft_sock_setopt(d->sock, WEFT_OPT_LINGER, d->linger == 0 ? 0 : -1));
}

static ssize_t get_linger(const struct desc *d, void *value, socklen_t *len)
{
    struct linger linger = {.l_onoff = d->linger >= 0, .l_linger = d->linger >= 0 ? (int)d->linger : 0};

    return give(value, len, &linger, sizeof(linger));
}

static ssize_t set_timeout(weft_time *timeout, const void *value, socklen_t len)
{
    struct timeval tv;

    if (len < sizeof(tv))
        return -EINVAL;
    memcpy(&tv, value, sizeof(tv));
    if (tv.tv_sec < 0 || tv.tv_usec < 0 || tv.tv_usec >= (suseconds_t)WEFT_SEC)
        return -EDOM;
    *timeout = (weft_time)tv.tv_sec * WEFT_SEC + (weft_time)tv.tv_usec;
    return 0;
}

static ssize_t get_timeout(weft_time timeout, void *value, socklen_t *len)
{
    struct timeval tv = {(time_t)(timeout / WEFT_SEC), (suseconds_t)(timeout % WEFT_SEC)};

    return give(value, len, &tv, sizeof(tv));
}

/* Bytes per second, in 4 or in 8 bytes; all bits set: no bound. */
static ssize_t set_pacing_rate(struct desc *d, const void *value, socklen_t len)
{
    uint32_t small;
    uint64_t rate;

    memcpy(&small, value, sizeof(small));
    rate = small;
    if (len >= sizeof(rate))
        memcpy(&rate, value, sizeof(rate));
    if ((len < sizeof(rate) && small == UINT32_MAX) || rate == UINT64_MAX)
        rate = 0;
    return plugin_error(
        weft_sock_setopt(d->sock, WEFT_OPT_MAX_PACING_RATE, rate < INT64_MAX ? (int64_t)rate : INT64_MAX));
}

static ssize_t get_pacing_rate(struct desc *d, void *value, socklen_t *len)
{
    int64_t rate = 0;
    uint64_t bound;
    uint32_t small;

    weft_sock_getopt(d->sock, WEFT_OPT_MAX_PACING_RATE, &rate);
    bound = rate == 0 ? UINT64_MAX : (uint64_t)rate;
    small = bound < UINT32_MAX ? (uint32_t)bound : UINT32_MAX;
    return *len >= sizeof(bound) ? give(value, len, &bound, sizeof(bound))
                                 : give(value, len, &small, sizeof(small));
}

/* TCP_MD5SIG. weft's keys are the stack's, by peer: here a script has one socket at a time. */
static ssize_t set_md5_key(struct desc *d, const void *value, socklen_t len)
{
    struct tcp_md5sig key;
    struct weft_endpoint peer;
    struct weft_prefix prefix = {.len = 32};
    int rc;

    if (len < sizeof(key))
        return -EINVAL;
    memcpy(&key, value, sizeof(key));
    rc = calls_endpoint((const struct sockaddr *)&key.tcpm_addr, sizeof(struct sockaddr_in), &peer);
    if (rc < 0)
        return rc;
    if (key.tcpm_keylen > sizeof(key.tcpm_key))
        return -EINVAL;
    prefix.addr = peer.addr;
    return plugin_error(weft_stack_set_md5_key(d->plugin->stack, &prefix, 0, key.tcpm_key, key.tcpm_keylen));
}

/* SO_MEMINFO: what is received and waits, what was written and waits, and the bounds of both. */
static ssize_t get_meminfo(struct desc *d, void *value, socklen_t *len)
{
    struct weft_tcp_info info = {0};
    uint32_t out[9] = {0};
    int64_t bytes = 0;

    weft_sock_info(d->sock, &info);
    out[0] = info.unread + info.held;
    weft_sock_getopt(d->sock, WEFT_OPT_RECEIVE_BUFFER, &bytes);
    out[1] = (uint32_t)bytes;
    weft_sock_getopt(d->sock, WEFT_OPT_SEND_BUFFER, &bytes);
    out[3] = (uint32_t)bytes;
    out[5] = info.unacked + info.unsent;
    return give(value, len, out, sizeof(out));
}

/* --- setsockopt ----------------------------------------------------------------------------------------- */

static ssize_t set_number(struct desc *d, const struct number *number, int value)
{
    int64_t wanted = number->is_switch ? value != 0 : (int64_t)value * number->scale;

    if (number->option == WEFT_OPT_NOTSENT_LOWAT && value >= -1) {
        d->notsent_lowat = value;
        if (value == -1) /* the largest of Linux' unsigned numbers: no bound */
            return plugin_error(weft_sock_setopt(d->sock, number->option, 0));
    }
    if (value < 0 && !number->is_switch)
        return -EINVAL;
    return plugin_error(weft_sock_setopt(d->sock, number->option, wanted));
}

static ssize_t set_socket_option(struct desc *d, int name, const void *value, socklen_t len)
{
    int n = 0;
    int rc = take_int(value, len, &n);

    if (rc < 0)
        return rc;
    switch (name) {
    case SO_SNDBUF:
        return set_send_buffer(d, n < INT_MAX / 2 ? 2 * n : INT_MAX);
    case SO_RCVBUF:
        return set_buffer(d, WEFT_OPT_RECEIVE_BUFFER, n);
    case SO_LINGER:
        return set_linger(d, value, len);
    case SO_RCVTIMEO:
        return set_timeout(&d->receive_timeout, value, len);
    case SO_SNDTIMEO:
        return set_timeout(&d->send_timeout, value, len);
    case SO_ZEROCOPY:
        if (n != 0 && n != 1)
            return -EINVAL;
        d->zerocopy = n;
        return 0;
    case SO_TIMESTAMPING:
        errqueue_set_stamps(d, (uint32_t)n);
        return 0;
    case SO_MAX_PACING_RATE:
        return set_pacing_rate(d, value, len);
    default:
        return -ENOPROTOOPT;
    }
}

/* "reno" is what others call NewReno. */
static ssize_t set_congestion(struct desc *d, const char *value, socklen_t len)
{
    char name[32] = "";
    int rc;

    if (!value)
        return -EFAULT;
    memcpy(name, value, len < sizeof(name) ? len : sizeof(name) - 1);
    rc = weft_sock_set_congestion(d->sock, strcmp(name, "reno") == 0 ? "newreno" : name);
    return plugin_error(rc);
}

static ssize_t get_congestion(const struct desc *d, char *value, socklen_t *len)
{
    const char *name = weft_sock_congestion(d->sock);

    return give(value, len, name, strlen(name) + 1);
}

static ssize_t set_tcp_option(struct desc *d, int name, const void *value, socklen_t len)
{
    int n = 0;
    int rc = take_int(value, len, &n);

    switch (name) {
    case TCP_FASTOPEN_KEY:
        return plugin_error(weft_sock_set_fastopen_key(d->sock, value, len));
    case TCP_MD5SIG:
        return set_md5_key(d, value, len);
    case TCP_CONGESTION:
        return set_congestion(d, value, len);
    case TCP_INQ:
        if (rc < 0 || n < 0 || n > 1)
            return -EINVAL;
        d->wants_inq = n;
        return 0;
    default:
        return -ENOPROTOOPT;
    }
}

static ssize_t do_setsockopt(struct desc *d, int level, int name, const void *value, socklen_t len)
{
    const struct number *number = find_number(level, name);
    int n = 0;
    int rc;

    if (number) {
        rc = level == IPPROTO_IP && len == 1 ? take_byte(value, &n) : take_int(value, len, &n);
        return rc < 0 ? rc : set_number(d, number, n);
    }
    if (kept_number(d, level, name))
        return take_int(value, len, kept_number(d, level, name));
    if (level == SOL_SOCKET)
        return set_socket_option(d, name, value, len);
    if (level == IPPROTO_TCP)
        return set_tcp_option(d, name, value, len);
    return -ENOPROTOOPT;
}

static int call_setsockopt(void *u, int fd, int level, int name, const void *value, socklen_t len)
{
    struct plugin *p = plugin_enter(u);
    ssize_t rc = 0;
    struct desc *d = desc_of_kind(p, fd, DESC_SOCKET, &rc);

    plugin_read_knobs(p); /* what may be set depends on them */
    return (int)plugin_leave(p, d ? do_setsockopt(d, level, name, value, len) : rc);
}

/* --- getsockopt ----------------------------------------------------------------------------------------- */

static ssize_t get_number(struct desc *d, const struct number *number, void *value, socklen_t *len)
{
    struct weft_tcp_info info;
    int64_t n = 0;
    int rc = weft_sock_getopt(d->sock, number->option, &n);

    if (number->option == WEFT_OPT_NOTSENT_LOWAT)
        return give_int(value, len, d->notsent_lowat);
    /* TCP_MAXSEG of a connection is the segment size in use. */
    if (rc == 0 && number->option == WEFT_OPT_MAXSEG && weft_sock_info(d->sock, &info) == 0 &&
        info.state >= WEFT_TCP_ESTABLISHED)
        n = info.snd_mss;
    return rc < 0 ? plugin_error(rc) : give_int(value, len, n / number->scale);
}

static ssize_t get_socket_option(struct desc *d, int name, void *value, socklen_t *len)
{
    switch (name) {
    case SO_SNDBUF:
        if (d->send_buffer > 0)
            return give_int(value, len, d->send_buffer);
        return get_buffer(d, WEFT_OPT_SEND_BUFFER, 1, value, len);
    case SO_RCVBUF:
        return get_buffer(d, WEFT_OPT_RECEIVE_BUFFER, 2, value, len);
    case SO_LINGER:
        return get_linger(d, value, len);
    case SO_RCVTIMEO:
        return get_timeout(d->receive_timeout, value, len);
    case SO_SNDTIMEO:
        return get_timeout(d->send_timeout, value, len);
    case SO_ZEROCOPY:
        return give_int(value, len, d->zerocopy);
    case SO_TIMESTAMPING:
        return give_int(value, len, d->stamps);
    case SO_MAX_PACING_RATE:
        return get_pacing_rate(d, value, len);
    case SO_ERROR:
        return give_int(value, len, weft_errno(desc_take_error(d)));
    case SO_TYPE:
        return give_int(value, len, SOCK_STREAM);
    case SO_DOMAIN:
        return give_int(value, len, AF_INET);
    case SO_PROTOCOL:
        return give_int(value, len, IPPROTO_TCP);
    case SO_ACCEPTCONN:
        return give_int(value, len, d->is_listener);
    case SO_MEMINFO:
        return get_meminfo(d, value, len);
    default:
        return -ENOPROTOOPT;
    }
}

static ssize_t get_tcp_option(struct desc *d, int name, void *value, socklen_t *len)
{
    switch (name) {
    case TCP_INFO:
        return tcp_info_linux(d, value, len);
    case TCP_CC_INFO:
        *len = 0; /* the algorithm has nothing to add */
        return 0;
    case TCP_CONGESTION:
        return get_congestion(d, value, len);
    case TCP_INQ:
        return give_int(value, len, d->wants_inq);
    default:
        return -ENOPROTOOPT;
    }
}

static ssize_t do_getsockopt(struct desc *d, int level, int name, void *value, socklen_t *len)
{
    const struct number *number = find_number(level, name);

    if (!value || !len)
        return -EFAULT;
    if (number)
        return get_number(d, number, value, len);
    if (kept_number(d, level, name))
        return give_int(value, len, *kept_number(d, level, name));
    if (level == SOL_SOCKET)
        return get_socket_option(d, name, value, len);
    if (level == IPPROTO_TCP)
        return get_tcp_option(d, name, value, len);
    return -ENOPROTOOPT;
}

static int call_getsockopt(void *u, int fd, int level, int name, void *value, socklen_t *len)
{
    struct plugin *p = plugin_enter(u);
    ssize_t rc = 0;
    struct desc *d = desc_of_kind(p, fd, DESC_SOCKET, &rc);

    return (int)plugin_leave(p, d ? do_getsockopt(d, level, name, value, len) : rc);
}

void sockopt_fill(struct packetdrill_interface *ifc)
{
    ifc->setsockopt = call_setsockopt;
    ifc->getsockopt = call_getsockopt;
}
