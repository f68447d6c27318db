/* SPDX-License-Identifier: MIT */
/*
 * The table of descriptors.
 *
 * Owns    which number stands for what. Numbers begin high, so that they cannot
 *         be those of the process, and are not used twice.
 */
#include "packetdrill/plugin.h"

#include <errno.h>
#include <stdlib.h>

#define FD_BASE 1000

struct desc *desc_new(struct plugin *p, enum desc_kind kind)
{
    struct desc **descs = realloc(p->descs, sizeof(*descs) * (p->desc_count + 1));
    struct desc *d = calloc(1, sizeof(*d));

    if (descs)
        p->descs = descs;
    if (!descs || !d) {
        free(d);
        return NULL;
    }
    d->plugin = p;
    d->kind = kind;
    d->linger = -1;
    d->fd = FD_BASE + (int)p->desc_count;
    p->descs[p->desc_count++] = d;
    return d;
}

struct desc *desc_find(struct plugin *p, int fd)
{
    return fd >= FD_BASE && (unsigned)(fd - FD_BASE) < p->desc_count ? p->descs[fd - FD_BASE] : NULL;
}

struct desc *desc_of_kind(struct plugin *p, int fd, enum desc_kind kind, ssize_t *rc)
{
    struct desc *d = desc_find(p, fd);

    if (d && d->kind == kind)
        return d;
    *rc = !d ? -EBADF : kind == DESC_SOCKET ? -ENOTSOCK : -EINVAL;
    return NULL;
}

static void socket_is_ready(struct weft_handler *handler, struct weft_sock *sock, unsigned events,
                            weft_time now)
{
    (void)sock;
    (void)events;
    (void)now;
    desc_wake((struct desc *)((char *)handler - offsetof(struct desc, handler)));
}

struct desc *desc_for_sock(struct plugin *p, struct weft_sock *sock)
{
    struct desc *d = desc_new(p, DESC_SOCKET);

    if (!d) {
        weft_sock_abort(sock);
        return NULL;
    }
    d->sock = sock;
    d->handler.ready = socket_is_ready;
    weft_sock_set_handler(sock, &d->handler);
    return d;
}

void desc_wake(struct desc *d)
{
    d->wakeups++;
}

bool desc_has_error(const struct desc *d)
{
    return !d->error_taken && weft_sock_error(d->sock) != 0;
}

int desc_take_error(struct desc *d)
{
    int error = desc_has_error(d) ? weft_sock_error(d->sock) : 0;

    d->error_taken = error != 0 || d->error_taken;
    return error;
}

static bool is_all_sent(void *ctx)
{
    struct desc *d = ctx;

    return weft_sock_events(d->sock) & (WEFT_ALL_SENT | WEFT_FAILED);
}

/* SO_LINGER with a time: close waits for what was written and the FIN to be acknowledged. */
static void linger(struct desc *d)
{
    if (d->linger <= 0 || d->is_listener || weft_sock_shutdown(d->sock, WEFT_SHUT_WR) < 0)
        return;
    clock_wait(d->plugin, is_all_sent, d, d->plugin->now + (weft_time)d->linger * WEFT_SEC);
}

int desc_close(struct desc *d)
{
    struct plugin *p = d->plugin;

    if (d->kind == DESC_SOCKET) {
        linger(d);
        weft_sock_set_handler(d->sock, NULL);
        errqueue_free(d);
        weft_sock_close(d->sock);
    } else if (d->kind == DESC_PIPE) {
        pipe_release(d);
    }
    free(d->watches);
    p->descs[d->fd - FD_BASE] = NULL;
    free(d);
    return 0;
}
