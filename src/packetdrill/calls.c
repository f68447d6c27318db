/* SPDX-License-Identifier: MIT */
/*
 * socket, bind, listen, accept, connect, shutdown, close, fcntl and ioctl.
 *
 * Owns    what BSD sockets add to weft's: blocking, EINPROGRESS that is told
 *         once, addresses in sockaddr.
 * Never   decides anything that TCP decides.
 */
#include "packetdrill/plugin.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>

#include <linux/sockios.h>

/* --- Addresses ------------------------------------------------------------------- */

int calls_endpoint(const struct sockaddr *addr, socklen_t len, struct weft_endpoint *out)
{
    struct sockaddr_in in;

    if (!addr)
        return -EFAULT;
    if (len < sizeof(in))
        return -EINVAL;
    memcpy(&in, addr, sizeof(in));
    if (in.sin_family != AF_INET)
        return -EAFNOSUPPORT;
    *out = (struct weft_endpoint){weft_ip4_from_u32(ntohl(in.sin_addr.s_addr)), ntohs(in.sin_port)};
    return 0;
}

void calls_sockaddr(const struct weft_endpoint *ep, struct sockaddr *addr, socklen_t *len)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(ep->port)};

    if (!addr || !len)
        return;
    in.sin_addr.s_addr = htonl(weft_addr_u32(&ep->addr));
    memcpy(addr, &in, *len < sizeof(in) ? *len : sizeof(in));
    *len = sizeof(in);
}

/* --- Opening ----------------------------------------------------------------------- */

static ssize_t do_socket(struct plugin *p, int domain, int type, int protocol)
{
    struct weft_sock *sock;
    struct desc *d;
    int rc;

    if (domain != AF_INET)
        return -EAFNOSUPPORT;
    if ((type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)) != SOCK_STREAM)
        return -ESOCKTNOSUPPORT;
    if (protocol != 0 && protocol != IPPROTO_TCP)
        return -EPROTONOSUPPORT;
    plugin_read_knobs(p);
    rc = weft_sock_open(p->stack, WEFT_SOCK_STREAM, &sock);
    if (rc < 0)
        return plugin_error(rc);
    d = desc_for_sock(p, sock);
    if (!d)
        return -ENOMEM;
    weft_sock_setopt(sock, WEFT_OPT_REUSEADDR, 0); /* off at first, as BSD has it */
    if (!p->settings.send_tuning && p->send_buffer > 0)
        weft_sock_setopt(sock, WEFT_OPT_SEND_BUFFER, p->send_buffer);
    d->nonblock = type & SOCK_NONBLOCK;
    return d->fd;
}

static int call_socket(void *u, int domain, int type, int protocol)
{
    struct plugin *p = plugin_enter(u);

    return (int)plugin_leave(p, do_socket(p, domain, type, protocol));
}

/* packetdrill has been told an address for our end, and the plug-in may hear of it here for the first time. */
static ssize_t do_bind(struct desc *d, const struct sockaddr *addr, socklen_t len)
{
    struct weft_endpoint local;
    ssize_t rc = calls_endpoint(addr, len, &local);

    if (rc < 0)
        return rc;
    if (!weft_addr_is_any(&local.addr))
        rc = plugin_error(plugin_add_local(d->plugin, &local.addr));
    return rc < 0 ? rc : plugin_error(weft_sock_bind(d->sock, &local));
}

static int call_bind(void *u, int fd, const struct sockaddr *addr, socklen_t len)
{
    struct plugin *p = plugin_enter(u);
    ssize_t rc = 0;
    struct desc *d = desc_of_kind(p, fd, DESC_SOCKET, &rc);

    return (int)plugin_leave(p, d ? do_bind(d, addr, len) : rc);
}

/* BSD takes any number and means at least one. */
static ssize_t do_listen(struct desc *d, int backlog)
{
    ssize_t rc;

    if (backlog < 1)
        backlog = 1;
    if (backlog > UINT16_MAX)
        backlog = UINT16_MAX;
    if (d->is_listener)
        return 0;
    rc = plugin_error(weft_sock_listen(d->sock, (unsigned)backlog + 1)); /* as many as wait, and one more */
    d->is_listener = rc == 0;
    return rc;
}

static int call_listen(void *u, int fd, int backlog)
{
    struct plugin *p = plugin_enter(u);
    ssize_t rc = 0;
    struct desc *d = desc_of_kind(p, fd, DESC_SOCKET, &rc);

    return (int)plugin_leave(p, d ? do_listen(d, backlog) : rc);
}

static bool can_accept(void *ctx)
{
    struct desc *d = ctx;

    return weft_sock_events(d->sock) & WEFT_READABLE;
}

static ssize_t do_accept(struct desc *d, struct sockaddr *addr, socklen_t *len)
{
    struct weft_endpoint remote;
    struct weft_sock *sock;
    struct desc *accepted;
    int rc;

    if (!d->is_listener)
        return -EINVAL;
    if (!d->nonblock && !clock_wait(d->plugin, can_accept, d, clock_deadline(d->plugin, d->receive_timeout)))
        return -EAGAIN;
    rc = weft_sock_accept(d->sock, &sock);
    if (rc < 0)
        return plugin_error(rc);
    weft_sock_remote(sock, &remote);
    accepted = desc_for_sock(d->plugin, sock);
    if (!accepted)
        return -ENOMEM;
    accepted->linger = d->linger;
    accepted->mark = d->mark;
    accepted->wants_inq = d->wants_inq;
    accepted->zerocopy = d->zerocopy;
    accepted->send_buffer = d->send_buffer;
    accepted->notsent_lowat = d->notsent_lowat;
    accepted->receive_timeout = d->receive_timeout;
    accepted->send_timeout = d->send_timeout;
    calls_sockaddr(&remote, addr, len);
    return accepted->fd;
}

static int call_accept(void *u, int fd, struct sockaddr *addr, socklen_t *len)
{
    struct plugin *p = plugin_enter(u);
    ssize_t rc = 0;
    struct desc *d = desc_of_kind(p, fd, DESC_SOCKET, &rc);

    return (int)plugin_leave(p, d ? do_accept(d, addr, len) : rc);
}

/* The handshake has come to an end, good or bad. */
static bool is_decided(void *ctx)
{
    struct weft_tcp_info info;
    struct desc *d = ctx;

    if (weft_sock_error(d->sock) != 0)
        return true;
    return weft_sock_info(d->sock, &info) == 0 && info.state != WEFT_TCP_SYN_SENT &&
           info.state != WEFT_TCP_SYN_RECEIVED;
}

ssize_t calls_connect_result(struct desc *d, ssize_t undecided)
{
    if (!is_decided(d))
        return undecided;
    d->is_connecting = false;
    return plugin_error(desc_take_error(d));
}

ssize_t calls_connect(struct desc *d, const struct sockaddr *addr, socklen_t len)
{
    struct weft_endpoint remote;
    ssize_t rc;

    if (d->is_connecting)
        return calls_connect_result(d, -EALREADY);
    rc = calls_endpoint(addr, len, &remote);
    if (rc < 0)
        return rc;
    plugin_read_knobs(d->plugin);
    rc = weft_sock_connect(d->sock, &remote);
    d->is_deferred |= rc == 0; /* the first write will begin it (TCP_FASTOPEN_CONNECT) */
    if (rc != WEFT_E_INPROGRESS)
        return plugin_error(rc);
    d->is_connecting = true;
    if (d->nonblock)
        return -EINPROGRESS;
    clock_wait(d->plugin, is_decided, d, clock_deadline(d->plugin, d->send_timeout));
    return calls_connect_result(d, -EINPROGRESS);
}

ssize_t calls_connect_send(struct desc *d, const struct sockaddr *addr, socklen_t len, const void *buf,
                           size_t n)
{
    struct weft_endpoint remote;
    ssize_t rc;

    if (addr && len >= sizeof(addr->sa_family) && addr->sa_family == AF_UNSPEC)
        return -EOPNOTSUPP;
    rc = calls_endpoint(addr, len, &remote);
    if (rc < 0)
        return rc;
    plugin_read_knobs(d->plugin);
    rc = weft_sock_connect_send(d->sock, &remote, buf, n);
    if (rc >= 0 || rc == WEFT_E_INPROGRESS)
        d->is_connecting = true;
    return plugin_error(rc);
}

ssize_t calls_deferred_send(struct desc *d, const void *buf, size_t n)
{
    ssize_t rc = weft_sock_send(d->sock, buf, n);

    d->is_deferred = false;
    if (rc == WEFT_E_AGAIN)
        rc = WEFT_E_INPROGRESS; /* there was no cookie any more */
    d->is_connecting = rc >= 0 || rc == WEFT_E_INPROGRESS;
    return plugin_error(rc);
}

ssize_t calls_wait_connected(struct desc *d)
{
    clock_wait(d->plugin, is_decided, d, clock_deadline(d->plugin, d->send_timeout));
    return calls_connect_result(d, -EAGAIN);
}

static int call_connect(void *u, int fd, const struct sockaddr *addr, socklen_t len)
{
    struct plugin *p = plugin_enter(u);
    ssize_t rc = 0;
    struct desc *d = desc_of_kind(p, fd, DESC_SOCKET, &rc);

    return (int)plugin_leave(p, d ? calls_connect(d, addr, len) : rc);
}

/* --- Ending -------------------------------------------------------------------------- */

static int call_close(void *u, int fd)
{
    struct plugin *p = plugin_enter(u);
    struct desc *d = desc_find(p, fd);

    return (int)plugin_leave(p, d ? desc_close(d) : -EBADF);
}

static ssize_t do_shutdown(struct desc *d, int how)
{
    static const enum weft_shutdown hows[] = {
        [SHUT_RD] = WEFT_SHUT_RD, [SHUT_WR] = WEFT_SHUT_WR, [SHUT_RDWR] = WEFT_SHUT_RDWR};
    struct weft_tcp_info info;
    ssize_t rc = 0;

    if (how < 0 || how > SHUT_RDWR)
        return -EINVAL;
    if (how == SHUT_RD && d->plugin->settings.shut_rd_reads)
        rc = weft_sock_info(d->sock, &info) == 0 && info.state != WEFT_TCP_CLOSED ? 0 : -ENOTCONN;
    else
        rc = plugin_error(weft_sock_shutdown(d->sock, hows[how]));
    if (rc == 0) {
        d->shut_read |= how != SHUT_WR;
        d->shut_write |= how != SHUT_RD;
        desc_wake(d);
    }
    return rc;
}

static int call_shutdown(void *u, int fd, int how)
{
    struct plugin *p = plugin_enter(u);
    ssize_t rc = 0;
    struct desc *d = desc_of_kind(p, fd, DESC_SOCKET, &rc);

    return (int)plugin_leave(p, d ? do_shutdown(d, how) : rc);
}

/* --- fcntl, ioctl ---------------------------------------------------------------------- */

static ssize_t do_fcntl(struct desc *d, int cmd, int arg)
{
    switch (cmd) {
    case F_GETFL:
        return O_RDWR | (d->nonblock ? O_NONBLOCK : 0);
    case F_SETFL:
        d->nonblock = arg & O_NONBLOCK;
        return 0;
    default:
        return -EINVAL;
    }
}

static int call_fcntl(void *u, int fd, int cmd, ...)
{
    struct plugin *p = plugin_enter(u);
    struct desc *d = desc_find(p, fd);
    int arg = 0;
    va_list args;

    if (cmd == F_SETFL) {
        va_start(args, cmd);
        arg = va_arg(args, int);
        va_end(args);
    }
    return (int)plugin_leave(p, d ? do_fcntl(d, cmd, arg) : -EBADF);
}

static ssize_t do_ioctl(struct desc *d, unsigned long request, int *value)
{
    struct weft_tcp_info info = {0};
    int rc = weft_sock_info(d->sock, &info);

    if (!value)
        return -EFAULT;
    if (d->is_listener)
        return -EINVAL;
    switch (request) {
    case SIOCINQ:
        *value = rc == 0 ? (int)weft_sock_recv_pending(d->sock) : 0;
        return 0;
    case SIOCOUTQ:
        *value = (int)(info.unacked + info.unsent);
        return 0;
    case SIOCATMARK:
        *value = weft_sock_at_mark(d->sock);
        return 0;
    case SIOCOUTQNSD:
        *value = (int)info.unsent;
        return 0;
    default:
        return -ENOTTY;
    }
}

static int call_ioctl(void *u, int fd, unsigned long request, ...)
{
    struct plugin *p = plugin_enter(u);
    ssize_t rc = 0;
    struct desc *d = desc_of_kind(p, fd, DESC_SOCKET, &rc);
    va_list args;
    int *value;

    va_start(args, request);
    value = va_arg(args, int *);
    va_end(args);
    return (int)plugin_leave(p, d ? do_ioctl(d, request, value) : rc);
}

void calls_fill(struct packetdrill_interface *ifc)
{
    ifc->socket = call_socket;
    ifc->bind = call_bind;
    ifc->listen = call_listen;
    ifc->accept = call_accept;
    ifc->connect = call_connect;
    ifc->close = call_close;
    ifc->shutdown = call_shutdown;
    ifc->fcntl = call_fcntl;
    ifc->ioctl = call_ioctl;
}
