/* SPDX-License-Identifier: MIT */
/*
 * read, recv, write, send and their relatives.
 *
 * Owns    blocking, the flags of single calls, scattering and gathering.
 * Never   keeps bytes: they are weft's.
 */
#include "packetdrill/plugin.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <linux/errqueue.h>
#include <linux/tcp.h>

#define RECV_FLAGS                                                                                           \
    (MSG_PEEK | MSG_DONTWAIT | MSG_WAITALL | MSG_TRUNC | MSG_NOSIGNAL | MSG_ERRQUEUE | MSG_CMSG_CLOEXEC)
#define SEND_FLAGS (MSG_DONTWAIT | MSG_NOSIGNAL | MSG_MORE | MSG_EOR | MSG_OOB | MSG_ZEROCOPY)

/* --- Receiving -------------------------------------------------------------------------- */

static bool is_readable(void *ctx)
{
    struct desc *d = ctx;

    return weft_sock_events(d->sock) & (WEFT_READABLE | WEFT_FAILED);
}

/* Removes bytes without looking at them (MSG_TRUNC). */
static ptrdiff_t discard(struct desc *d, size_t n)
{
    uint8_t nothing[1];
    ptrdiff_t rc = weft_sock_peek(d->sock, 0, nothing, 1);
    size_t pending = weft_sock_recv_pending(d->sock);

    if (rc <= 0)
        return rc;
    n = n < pending ? n : pending;
    weft_sock_consume(d->sock, n);
    return (ptrdiff_t)n;
}

/* One look, without waiting. */
static ssize_t read_now(struct desc *d, uint8_t *buf, size_t n, int flags, size_t offset)
{
    ptrdiff_t rc;

    if (!buf && !(flags & MSG_TRUNC) && weft_sock_recv_pending(d->sock) > 0)
        return -EFAULT;
    if (flags & MSG_TRUNC)
        rc = discard(d, n);
    else if (flags & MSG_PEEK)
        rc = weft_sock_peek(d->sock, offset, buf, n);
    else
        rc = weft_sock_recv(d->sock, buf, n);
    if (rc < 0 && rc == weft_sock_error(d->sock) && desc_take_error(d) == 0)
        return 0; /* told already: the end */
    if (rc == WEFT_E_AGAIN && d->shut_read)
        return 0;
    return plugin_error(rc);
}

ssize_t data_read_bytes(struct desc *d, uint8_t *buf, size_t n, int flags)
{
    weft_time until = clock_deadline(d->plugin, d->receive_timeout);
    bool may_wait = !d->nonblock && !(flags & MSG_DONTWAIT);
    size_t want = flags & MSG_WAITALL ? n : 1;
    size_t done = 0;

    if (flags & ~RECV_FLAGS)
        return -EOPNOTSUPP;
    if (d->is_listener)
        return -ENOTCONN;
    for (;;) {
        ssize_t rc = read_now(d, buf ? buf + done : NULL, n - done, flags, flags & MSG_PEEK ? done : 0);

        if (rc > 0)
            done += (size_t)rc;
        else if (rc != -EAGAIN)
            return done > 0 ? (ssize_t)done : rc;
        if (done >= want || n == 0)
            return (ssize_t)done;
        if (!may_wait || !clock_wait(d->plugin, is_readable, d, until))
            return done > 0 ? (ssize_t)done : -EAGAIN;
    }
}

static ssize_t do_recv(struct plugin *p, int fd, void *buf, size_t n, int flags)
{
    ssize_t rc = -EBADF;
    struct desc *d = desc_of_kind(p, fd, DESC_SOCKET, &rc);

    if (!d)
        return rc;
    return flags & MSG_ERRQUEUE ? errqueue_receive(d, NULL) : data_read_bytes(d, buf, n, flags);
}

static ssize_t call_recv(void *u, int fd, void *buf, size_t n, int flags)
{
    struct plugin *p = plugin_enter(u);

    return plugin_leave(p, do_recv(p, fd, buf, n, flags));
}

static ssize_t call_recvfrom(void *u, int fd, void *buf, size_t n, int flags, struct sockaddr *src,
                             socklen_t *len)
{
    struct plugin *p = plugin_enter(u);

    (void)src;
    if (len)
        *len = 0; /* a stream has no addresses in it */
    return plugin_leave(p, do_recv(p, fd, buf, n, flags));
}

/* Bytes that all parts hold together; a negative errno when they are not valid. */
static ssize_t total(const struct iovec *iov, size_t count)
{
    size_t sum = 0;

    if (count > IOV_MAX)
        return -EMSGSIZE;
    if (count > 0 && !iov)
        return -EFAULT;
    for (size_t i = 0; i < count; i++)
        sum += iov[i].iov_len;
    return sum > INT_MAX ? -EINVAL : (ssize_t)sum;
}

static void scatter(const struct iovec *iov, size_t count, const uint8_t *from, size_t n)
{
    for (size_t i = 0; i < count && n > 0; i++) {
        size_t part = iov[i].iov_len < n ? iov[i].iov_len : n;

        memcpy(iov[i].iov_base, from, part);
        from += part;
        n -= part;
    }
}

static bool has_null(const struct iovec *iov, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!iov[i].iov_base && iov[i].iov_len > 0)
            return true;
    return false;
}

static ssize_t read_parts(struct desc *d, const struct iovec *iov, size_t count, int flags)
{
    ssize_t n = total(iov, count);
    bool nowhere = n >= 0 && has_null(iov, count);
    uint8_t *buf;
    ssize_t rc;

    if (n < 0)
        return n;
    buf = nowhere ? NULL : malloc((size_t)n + 1);
    if (!buf && !nowhere)
        return -ENOMEM;
    rc = data_read_bytes(d, buf, (size_t)n, flags);
    if (rc > 0 && buf && !(flags & MSG_TRUNC))
        scatter(iov, count, buf, (size_t)rc);
    free(buf);
    return rc;
}

/* TCP_INQ: how much more can be read now; 1 at the end of the stream, so that one reads on. */
static void add_inq(const struct desc *d, struct msghdr *msg)
{
    struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg);
    int left = (int)weft_sock_recv_pending(d->sock);

    if (!cmsg || msg->msg_controllen < CMSG_SPACE(sizeof(left))) {
        msg->msg_flags |= MSG_CTRUNC;
        msg->msg_controllen = 0;
        return;
    }
    if (left == 0 && (weft_sock_events(d->sock) & WEFT_PEER_CLOSED))
        left = 1;
    cmsg->cmsg_level = IPPROTO_TCP;
    cmsg->cmsg_type = TCP_CM_INQ;
    cmsg->cmsg_len = CMSG_LEN(sizeof(left));
    memcpy(CMSG_DATA(cmsg), &left, sizeof(left));
    msg->msg_controllen = CMSG_SPACE(sizeof(left));
}

static ssize_t do_recvmsg(struct plugin *p, int fd, struct msghdr *msg, int flags)
{
    ssize_t rc = -EBADF;
    struct desc *d = desc_of_kind(p, fd, DESC_SOCKET, &rc);

    if (!d)
        return rc;
    if (!msg)
        return -EFAULT;
    if (flags & MSG_ERRQUEUE)
        return errqueue_receive(d, msg);
    rc = read_parts(d, msg->msg_iov, msg->msg_iovlen, flags);
    if (rc < 0)
        return rc;
    msg->msg_namelen = 0;
    msg->msg_flags = 0;
    if (d->wants_inq)
        add_inq(d, msg);
    else
        msg->msg_controllen = 0;
    return rc;
}

static ssize_t call_recvmsg(void *u, int fd, struct msghdr *msg, int flags)
{
    struct plugin *p = plugin_enter(u);

    return plugin_leave(p, do_recvmsg(p, fd, msg, flags));
}

static ssize_t do_read(struct plugin *p, int fd, const struct iovec *iov, int count)
{
    struct desc *d = desc_find(p, fd);

    if (!d)
        return -EBADF;
    if (count < 0)
        return -EINVAL;
    return d->kind == DESC_SOCKET ? read_parts(d, iov, (size_t)count, 0) : -EINVAL;
}

static ssize_t call_read(void *u, int fd, void *buf, size_t n)
{
    struct plugin *p = plugin_enter(u);

    return plugin_leave(p, do_read(p, fd, &(struct iovec){buf, n}, 1));
}

static ssize_t call_readv(void *u, int fd, const struct iovec *iov, int count)
{
    struct plugin *p = plugin_enter(u);

    return plugin_leave(p, do_read(p, fd, iov, count));
}

/* Where a write that opens a connection goes (MSG_FASTOPEN). */
struct data_open {
    const struct sockaddr *addr;
    socklen_t len;
};

static const struct data_open nowhere;

/* --- Sending ---------------------------------------------------------------------------- */

static size_t send_buffer_of(const struct desc *d)
{
    int64_t bytes = 0;

    if (d->send_buffer > 0)
        return d->send_buffer;
    if (d->plugin->write_buffer > 0)
        return d->plugin->write_buffer;
    weft_sock_getopt(d->sock, WEFT_OPT_SEND_BUFFER, &bytes);
    return (size_t)bytes;
}

/* Bytes that may wait to be sent; 0: no bound. */
static uint32_t lowat_of(const struct desc *d)
{
    int64_t bytes = 0;

    weft_sock_getopt(d->sock, WEFT_OPT_NOTSENT_LOWAT, &bytes);
    return bytes > 0 ? (uint32_t)bytes : d->notsent_lowat == 0 ? d->plugin->notsent_lowat : 0;
}

/* A writer is woken when there is good room, a third of the buffer, not for each byte; and when but half of what
 * may wait to be sent does. */
bool data_has_room(struct desc *d)
{
    struct weft_tcp_info info;
    size_t buffer = send_buffer_of(d);
    uint32_t lowat = lowat_of(d);

    if (!(weft_sock_events(d->sock) & WEFT_WRITABLE) || weft_sock_info(d->sock, &info) < 0)
        return false;
    if (!d->plugin->settings.write_units)
        return weft_sock_send_room(d->sock) * 3 >= buffer;
    size_t queued = (size_t)info.unacked + info.unsent;
    return queued * 3 <= buffer * 2 && (lowat == 0 || (uint64_t)info.unsent * 2 < lowat);
}

static bool has_good_room(void *ctx)
{
    struct desc *d = ctx;

    return (weft_sock_events(d->sock) & WEFT_FAILED) || data_has_room(d);
}

/*
 * How much of `n` bytes a write takes at once. Linux fills one burst after the
 * other, each of at most half the peer's window, and begins none when the send
 * buffer is full or enough waits to be sent; it does not look while it fills one.
 */
static size_t next_unit(struct desc *d, size_t n)
{
    struct weft_tcp_info info;
    size_t buffer = send_buffer_of(d);
    uint32_t lowat = lowat_of(d);

    if (!d->plugin->settings.write_units || weft_sock_info(d->sock, &info) < 0 || info.snd_mss == 0)
        return n;
    if (d->shut_write || (weft_sock_events(d->sock) & WEFT_FAILED) || info.state == WEFT_TCP_CLOSED)
        return n; /* which fails, and says why */
    uint32_t most = info.snd_wnd / 2 < UINT16_MAX ? info.snd_wnd / 2 : UINT16_MAX;
    uint32_t unit = most > info.snd_mss ? most / info.snd_mss * info.snd_mss : info.snd_mss;
    uint32_t begun = info.unsent % unit;

    if (begun == 0 && ((size_t)info.unacked + info.unsent >= buffer || (lowat > 0 && info.unsent >= lowat)))
        return 0;
    return n < unit - begun ? n : unit - begun;
}

static unsigned send_flags(int flags)
{
    return (flags & MSG_MORE ? WEFT_SEND_MORE : 0u) | (flags & MSG_EOR ? WEFT_SEND_RECORD : 0u) |
           (flags & MSG_OOB ? WEFT_SEND_URGENT : 0u);
}

/* One try, without waiting. */
static ssize_t write_now(struct desc *d, const uint8_t *buf, size_t n, int flags)
{
    ptrdiff_t rc;

    if (!buf && n > 0 && weft_sock_send_room(d->sock) > 0 && !d->shut_write)
        return -EFAULT;
    rc = weft_sock_send_flags(d->sock, buf, n, send_flags(flags));
    if (rc < 0 && rc == weft_sock_error(d->sock) && desc_take_error(d) == 0)
        return -EPIPE; /* the error was told before */
    if (rc == WEFT_E_NOTCONN && d->plugin->settings.unconnected_pipe)
        return -EPIPE;
    return plugin_error(rc);
}

ssize_t data_write_bytes(struct desc *d, const uint8_t *buf, size_t n, int flags)
{
    weft_time until = clock_deadline(d->plugin, d->send_timeout);
    bool may_wait = !d->nonblock && !(flags & MSG_DONTWAIT);
    size_t done = 0;
    ssize_t rc = 0;

    if (flags & ~SEND_FLAGS)
        return -EOPNOTSUPP;
    if (d->is_listener)
        return -EPIPE;
    while (done < n || n == 0) {
        size_t take = next_unit(d, n - done);

        int part = take < n - done ? flags & ~(MSG_EOR | MSG_OOB) : flags; /* these are of the last byte */

        rc = take > 0 || n == 0 ? write_now(d, buf ? buf + done : NULL, take, part) : -EAGAIN;
        if (rc >= 0)
            done += (size_t)rc;
        if (rc > 0 && done < n && d->plugin->settings.write_units)
            clock_run(d->plugin); /* a burst leaves when it is whole, not at the end of the call */
        if (n == 0 || done == n || (rc < 0 && rc != -EAGAIN))
            break;
        if (rc == -EAGAIN && (!may_wait || !clock_wait(d->plugin, has_good_room, d, until)))
            break;
    }
    if (done > 0)
        errqueue_note_write(d, done, flags);
    return done > 0 ? (ssize_t)done : rc;
}

/*
 * Connects with data in the SYN. What did not fit into it is written when the connection stands; a call that may
 * not wait leaves that to the caller.
 */
static ssize_t open_with(struct desc *d, const struct data_open *open, const uint8_t *buf, size_t n,
                         int flags)
{
    bool may_wait = !d->nonblock && !(flags & MSG_DONTWAIT);
    ssize_t begun, rest;

    if (!buf && n > 0)
        return -EFAULT;
    if (d->is_deferred)
        begun = calls_deferred_send(d, buf, n);
    else
        begun = calls_connect_send(d, open->addr, open->len, buf, n);
    if (begun > 0)
        errqueue_note_write(d, (size_t)begun, flags);
    if (!may_wait || (begun < 0 && begun != -EINPROGRESS))
        return begun;
    rest = calls_wait_connected(d);
    if (rest < 0)
        return rest;
    begun = begun < 0 ? 0 : begun;
    rest = (size_t)begun < n ? data_write_bytes(d, buf + begun, n - (size_t)begun, flags) : 0;
    return rest < 0 ? rest : begun + rest;
}

/* A write, which MSG_FASTOPEN or TCP_FASTOPEN_CONNECT may make an opening one. The first after a connect that
 * did not wait hears how that ended, as another connect would. */
static ssize_t send_bytes(struct desc *d, const struct data_open *open, const uint8_t *buf, size_t n,
                          int flags)
{
    bool opens = flags & MSG_FASTOPEN;

    flags &= ~MSG_FASTOPEN;
    if (opens && d->is_connecting) {
        ssize_t rc = calls_connect_result(d, -EALREADY);

        return rc < 0 ? rc : data_write_bytes(d, buf, n, flags);
    }
    return opens || d->is_deferred ? open_with(d, open, buf, n, flags) : data_write_bytes(d, buf, n, flags);
}

static ssize_t do_send(struct plugin *p, int fd, const void *buf, size_t n, int flags,
                       const struct data_open *open)
{
    ssize_t rc = -EBADF;
    struct desc *d = desc_of_kind(p, fd, DESC_SOCKET, &rc);

    return d ? send_bytes(d, open, buf, n, flags) : rc;
}

static ssize_t call_send(void *u, int fd, const void *buf, size_t n, int flags)
{
    struct plugin *p = plugin_enter(u);

    return plugin_leave(p, do_send(p, fd, buf, n, flags, &nowhere));
}

/* An address is looked at for MSG_FASTOPEN alone: a stream is connected. */
static ssize_t call_sendto(void *u, int fd, const void *buf, size_t n, int flags, const struct sockaddr *dst,
                           socklen_t len)
{
    struct plugin *p = plugin_enter(u);

    return plugin_leave(p, do_send(p, fd, buf, n, flags, &(struct data_open){dst, len}));
}

static void gather(const struct iovec *iov, size_t count, uint8_t *to)
{
    for (size_t i = 0; i < count; i++) {
        memcpy(to, iov[i].iov_base, iov[i].iov_len);
        to += iov[i].iov_len;
    }
}

static ssize_t write_parts(struct desc *d, const struct iovec *iov, size_t count, int flags,
                           const struct data_open *open)
{
    ssize_t n = total(iov, count);
    uint8_t *buf;
    ssize_t rc;

    if (n < 0)
        return n;
    if (has_null(iov, count))
        return send_bytes(d, open, NULL, (size_t)n, flags);
    buf = malloc((size_t)n + 1);
    if (!buf)
        return -ENOMEM;
    gather(iov, count, buf);
    rc = send_bytes(d, open, buf, (size_t)n, flags);
    free(buf);
    return rc;
}

static ssize_t do_sendmsg(struct plugin *p, int fd, const struct msghdr *msg, int flags)
{
    ssize_t rc = -EBADF;
    struct desc *d = desc_of_kind(p, fd, DESC_SOCKET, &rc);

    if (!d)
        return rc;
    if (!msg)
        return -EFAULT;
    return write_parts(d, msg->msg_iov, msg->msg_iovlen, flags,
                       &(struct data_open){msg->msg_name, msg->msg_namelen});
}

static ssize_t call_sendmsg(void *u, int fd, const struct msghdr *msg, int flags)
{
    struct plugin *p = plugin_enter(u);

    return plugin_leave(p, do_sendmsg(p, fd, msg, flags));
}

static ssize_t do_write(struct plugin *p, int fd, const struct iovec *iov, int count)
{
    struct desc *d = desc_find(p, fd);

    if (!d)
        return -EBADF;
    if (count < 0)
        return -EINVAL;
    return d->kind == DESC_SOCKET ? write_parts(d, iov, (size_t)count, 0, &nowhere) : -EINVAL;
}

static ssize_t call_write(void *u, int fd, const void *buf, size_t n)
{
    struct plugin *p = plugin_enter(u);

    return plugin_leave(p, do_write(p, fd, &(struct iovec){(void *)(uintptr_t)buf, n}, 1));
}

static ssize_t call_writev(void *u, int fd, const struct iovec *iov, int count)
{
    struct plugin *p = plugin_enter(u);

    return plugin_leave(p, do_write(p, fd, iov, count));
}

void data_fill(struct packetdrill_interface *ifc)
{
    ifc->read = call_read;
    ifc->readv = call_readv;
    ifc->recv = call_recv;
    ifc->recvfrom = call_recvfrom;
    ifc->recvmsg = call_recvmsg;
    ifc->write = call_write;
    ifc->writev = call_writev;
    ifc->send = call_send;
    ifc->sendto = call_sendto;
    ifc->sendmsg = call_sendmsg;
}
