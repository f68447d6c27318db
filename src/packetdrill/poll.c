/* SPDX-License-Identifier: MIT */
/*
 * poll and epoll over weft's readiness.
 *
 * Owns    the sets of watched descriptors. An edge-triggered watch reports when
 *         its descriptor has been woken since it last did.
 */
#include "packetdrill/plugin.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint32_t connected_events(struct desc *d, const struct weft_tcp_info *info)
{
    unsigned events = weft_sock_events(d->sock);
    bool peer_closed = events & WEFT_PEER_CLOSED;
    bool is_over = info->state == WEFT_TCP_CLOSED || info->state == WEFT_TCP_TIME_WAIT;
    uint32_t out = 0;

    if (info->state == WEFT_TCP_SYN_SENT || info->state == WEFT_TCP_SYN_RECEIVED)
        return 0;
    if ((events & WEFT_READABLE) || d->shut_read || is_over)
        out |= EPOLLIN | EPOLLRDNORM;
    if (peer_closed || d->shut_read || is_over)
        out |= EPOLLRDHUP;
    if (((peer_closed || d->shut_read) && d->shut_write) || is_over)
        out |= EPOLLHUP;
    if (is_over || d->shut_write || data_has_room(d)) /* where writing would fail at once, it can be tried */
        out |= EPOLLOUT | EPOLLWRNORM;
    return out;
}

static uint32_t socket_events(struct desc *d)
{
    struct weft_tcp_info info;
    uint32_t events;

    if (d->is_listener)
        return weft_sock_events(d->sock) & WEFT_READABLE ? EPOLLIN | EPOLLRDNORM : 0;
    if (d->is_deferred)
        return EPOLLOUT | EPOLLWRNORM;
    events = weft_sock_info(d->sock, &info) == 0 ? connected_events(d, &info) : EPOLLOUT | EPOLLHUP;
    if (desc_has_error(d) || errqueue_has_news(d))
        events |= EPOLLERR;
    return events;
}

uint32_t poll_events(struct desc *d)
{
    if (d->kind == DESC_SOCKET)
        return socket_events(d);
    if (d->kind == DESC_PIPE)
        return d->is_write_end ? EPOLLOUT : d->pipe->len > 0 ? EPOLLIN : 0;
    return 0;
}

/* --- poll ---------------------------------------------------------------------------------- */

struct poll_call {
    struct plugin *plugin;
    struct pollfd *fds;
    nfds_t count;
    int found;
};

/* The bits of poll(2) and epoll_wait(2) have the same values on Linux. */
static bool poll_now(void *ctx)
{
    struct poll_call *call = ctx;

    call->found = 0;
    for (nfds_t i = 0; i < call->count; i++) {
        struct pollfd *fd = &call->fds[i];
        struct desc *d = desc_find(call->plugin, fd->fd);
        uint32_t wanted = (uint32_t)(uint16_t)fd->events | POLLERR | POLLHUP;

        fd->revents = 0;
        if (fd->fd < 0)
            continue;
        fd->revents = (short)(d ? poll_events(d) & wanted : POLLNVAL);
        call->found += fd->revents != 0;
    }
    return call->found > 0;
}

static weft_time until_of(const struct plugin *p, int timeout_ms)
{
    return timeout_ms < 0 ? WEFT_TIME_NEVER : p->now + (weft_time)timeout_ms * WEFT_MSEC;
}

static int call_poll(void *u, struct pollfd *fds, nfds_t count, int timeout_ms)
{
    struct plugin *p = plugin_enter(u);
    struct poll_call call = {.plugin = p, .fds = fds, .count = count};

    clock_run(p);
    if (!poll_now(&call) && timeout_ms != 0)
        clock_wait(p, poll_now, &call, until_of(p, timeout_ms));
    return (int)plugin_leave(p, call.found);
}

/* --- epoll ----------------------------------------------------------------------------------- */

static int call_epoll_create(void *u, int size)
{
    struct plugin *p = plugin_enter(u);
    struct desc *d = size > 0 ? desc_new(p, DESC_EPOLL) : NULL;

    return (int)plugin_leave(p, d ? d->fd : size > 0 ? -ENOMEM : -EINVAL);
}

static struct watch *find_watch(struct desc *set, int fd)
{
    for (unsigned i = 0; i < set->watch_count; i++)
        if (set->watches[i].fd == fd)
            return &set->watches[i];
    return NULL;
}

/* A new or changed watch looks at once, edge-triggered or not. */
static void set_watch(struct watch *watch, const struct desc *d, const struct epoll_event *event)
{
    *watch = (struct watch){.fd = d->fd, .event = *event, .seen = d->wakeups - 1};
}

static int add_watch(struct desc *set, const struct desc *d, const struct epoll_event *event)
{
    struct watch *watches = realloc(set->watches, sizeof(*watches) * (set->watch_count + 1));

    if (!watches)
        return -ENOMEM;
    set->watches = watches;
    set_watch(&watches[set->watch_count++], d, event);
    return 0;
}

static ssize_t do_epoll_ctl(struct desc *set, int op, const struct desc *d, const struct epoll_event *event)
{
    struct watch *watch = find_watch(set, d->fd);

    if (d->kind == DESC_EPOLL)
        return -EINVAL;
    if (op != EPOLL_CTL_DEL && !event)
        return -EFAULT;
    switch (op) {
    case EPOLL_CTL_ADD:
        return watch ? -EEXIST : add_watch(set, d, event);
    case EPOLL_CTL_MOD:
        if (!watch)
            return -ENOENT;
        if (event->events & EPOLLEXCLUSIVE || watch->event.events & EPOLLEXCLUSIVE)
            return -EINVAL;
        set_watch(watch, d, event);
        return 0;
    case EPOLL_CTL_DEL:
        if (!watch)
            return -ENOENT;
        *watch = set->watches[--set->watch_count];
        return 0;
    default:
        return -EINVAL;
    }
}

static int call_epoll_ctl(void *u, int epfd, int op, int fd, struct epoll_event *event)
{
    struct plugin *p = plugin_enter(u);
    ssize_t rc = 0;
    struct desc *set = desc_of_kind(p, epfd, DESC_EPOLL, &rc);
    struct desc *d = desc_find(p, fd);

    if (set)
        rc = d ? do_epoll_ctl(set, op, d, event) : -EBADF;
    return (int)plugin_leave(p, rc);
}

struct epoll_call {
    struct desc *set;
    struct epoll_event *events;
    int max, found;
};

/* What a watch reports now; 0: nothing. */
static uint32_t look(struct watch *watch, struct desc *d)
{
    bool is_edge = watch->event.events & EPOLLET;
    uint32_t events;

    if (watch->is_silent || (is_edge && watch->seen == d->wakeups))
        return 0;
    events = poll_events(d) & (watch->event.events | EPOLLERR | EPOLLHUP);
    watch->seen = d->wakeups;
    watch->is_silent = events != 0 && (watch->event.events & EPOLLONESHOT);
    return events;
}

static bool epoll_now(void *ctx)
{
    struct epoll_call *call = ctx;

    for (unsigned i = 0; i < call->set->watch_count && call->found < call->max; i++) {
        struct watch *watch = &call->set->watches[i];
        struct desc *d = desc_find(call->set->plugin, watch->fd);
        uint32_t events = d ? look(watch, d) : 0;

        if (events == 0)
            continue;
        call->events[call->found] = watch->event;
        call->events[call->found++].events = events;
    }
    return call->found > 0;
}

static int call_epoll_wait(void *u, int epfd, struct epoll_event *events, int max, int timeout_ms)
{
    struct plugin *p = plugin_enter(u);
    ssize_t rc = 0;
    struct desc *set = desc_of_kind(p, epfd, DESC_EPOLL, &rc);
    struct epoll_call call = {.set = set, .events = events, .max = max};

    if (!set || max <= 0)
        return (int)plugin_leave(p, set ? -EINVAL : rc);
    clock_run(p);
    if (!epoll_now(&call) && timeout_ms != 0)
        clock_wait(p, epoll_now, &call, until_of(p, timeout_ms));
    return (int)plugin_leave(p, call.found);
}

void poll_fill(struct packetdrill_interface *ifc)
{
    ifc->poll = call_poll;
    ifc->epoll_create = call_epoll_create;
    ifc->epoll_ctl = call_epoll_ctl;
    ifc->epoll_wait = call_epoll_wait;
}
