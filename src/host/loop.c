/* SPDX-License-Identifier: MIT */
/*
 * The event loop over epoll(7) and timerfd_create(2).
 *
 * Owns    the stack, its links (through the driver) and the descriptors. A
 *         round is: wait; input (driver); descriptors of the program; output
 *         (driver).
 *
 * Never   waits while something can be done, and never wakes for nothing but
 *         once: the timer is set again only for an earlier moment, so that a
 *         deadline that moves away, as most do, costs one early wake at most.
 *
 * Events carry a number below OWN_SOURCES for our own descriptors, or the
 * address of a weft_watch; addresses are never that small.
 */
#include <weft/loop.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "host/driver.h"

#define MAX_EVENTS  64 /* ours: taken from epoll in one round */
#define OWN_SOURCES 4096

enum source {
    SOURCE_TIMER,
    SOURCE_STOP,
    SOURCE_LINK, /* and those behind it: the links in order */
};

struct weft_loop {
    struct weft_stack *stack;
    struct host_driver driver;
    int epoll_fd, timer_fd, stop_fd;
    weft_time armed; /* when the timer fires; NEVER: not set, or has been seen to fire */
    bool is_stopped;
    bool *waits_for_room; /* per link: its descriptor is watched for EPOLLOUT too */
    struct epoll_event events[MAX_EVENTS];
    int event_count;
};

/* --- Beginning and end --- */

static int watch_own(struct weft_loop *loop, int fd, unsigned source)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = source};

    return epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? WEFT_E_IO : 0;
}

static int open_descriptors(struct weft_loop *loop)
{
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    loop->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    loop->stop_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (loop->epoll_fd < 0 || loop->timer_fd < 0 || loop->stop_fd < 0)
        return WEFT_E_IO;
    if (watch_own(loop, loop->timer_fd, SOURCE_TIMER) < 0)
        return WEFT_E_IO;
    return watch_own(loop, loop->stop_fd, SOURCE_STOP);
}

/* The stack's configuration with what the host knows filled in. */
static int make_stack(struct weft_loop *loop, const struct weft_stack_config *given)
{
    static const uint8_t no_seed[sizeof(given->seed)];
    struct weft_stack_config config = *given;

    if (!config.allocator.alloc)
        config.allocator = *weft_host_allocator();
    if (!config.tcp.crypto)
        config.tcp.crypto = weft_host_tcp_crypto();
    if (config.now == 0)
        config.now = weft_clock_now();
    if (memcmp(config.seed, no_seed, sizeof(no_seed)) == 0 &&
        getrandom(config.seed, sizeof(config.seed), 0) != (ssize_t)sizeof(config.seed))
        return WEFT_E_IO;
    return weft_stack_new(&config, &loop->stack);
}

int weft_loop_new(const struct weft_stack_config *config, struct weft_loop **out)
{
    struct weft_loop *loop = calloc(1, sizeof(*loop));
    int error;

    if (!loop)
        return WEFT_E_NOMEM;
    loop->armed = WEFT_TIME_NEVER;
    error = open_descriptors(loop);
    if (!error)
        error = make_stack(loop, config);
    if (error) {
        weft_loop_free(loop);
        return error;
    }
    host_driver_init(&loop->driver, loop->stack);
    *out = loop;
    return 0;
}

static void close_if_open(int fd)
{
    if (fd >= 0)
        close(fd);
}

void weft_loop_free(struct weft_loop *loop)
{
    host_driver_fini(&loop->driver);
    if (loop->stack)
        weft_stack_free(loop->stack);
    close_if_open(loop->epoll_fd);
    close_if_open(loop->timer_fd);
    close_if_open(loop->stop_fd);
    free(loop->waits_for_room);
    free(loop);
}

struct weft_stack *weft_loop_stack(struct weft_loop *loop)
{
    return loop->stack;
}

/* --- What is waited for --- */

int weft_loop_add_link(struct weft_loop *loop, struct weft_link *link)
{
    unsigned index = loop->driver.count;
    bool *waits = realloc(loop->waits_for_room, index + 1);
    int fd = weft_link_fd(link), iface;

    if (waits)
        loop->waits_for_room = waits;
    if (!waits || index >= OWN_SOURCES - SOURCE_LINK) {
        weft_link_close(link);
        return WEFT_E_NOMEM;
    }
    if (fd >= 0 && watch_own(loop, fd, SOURCE_LINK + index) < 0) {
        weft_link_close(link);
        return WEFT_E_IO;
    }
    waits[index] = false;
    iface = host_driver_add(&loop->driver, link); /* closing it takes its descriptor out of epoll */
    return iface;
}

int weft_loop_watch(struct weft_loop *loop, struct weft_watch *watch)
{
    struct epoll_event event = {.events = watch->events, .data.ptr = watch};

    return epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, watch->fd, &event) < 0 ? WEFT_E_IO : 0;
}

void weft_loop_unwatch(struct weft_loop *loop, struct weft_watch *watch)
{
    epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
    for (int i = 0; i < loop->event_count; i++) /* it may go while its event of this round is pending */
        if (loop->events[i].data.ptr == watch)
            loop->events[i].data.u64 = SOURCE_TIMER;
}

/* Watches for room exactly those links that could not take everything. */
static void watch_full_links(struct weft_loop *loop)
{
    for (unsigned i = 0; i < loop->driver.count; i++) {
        const struct host_driver_link *l = &loop->driver.links[i];
        struct epoll_event event = {.events = EPOLLIN, .data.u64 = SOURCE_LINK + i};
        int fd = weft_link_fd(l->link);

        if (fd < 0 || l->is_full == loop->waits_for_room[i])
            continue;
        if (l->is_full)
            event.events |= EPOLLOUT;
        epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, fd, &event);
        loop->waits_for_room[i] = l->is_full;
    }
}

/* --- Rounds --- */

static void set_timer(struct weft_loop *loop, weft_time when)
{
    struct itimerspec spec = {
        .it_value = {(time_t)(when / WEFT_SEC), (long)(when % WEFT_SEC) * 1000},
    };

    if (when >= loop->armed)
        return;
    timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL);
    loop->armed = when;
}

/* Waits for events until `until`, WEFT_TIME_NEVER for as long as it takes. */
static int wait_until(struct weft_loop *loop, weft_time until, weft_time now)
{
    if (until > now)
        set_timer(loop, until);
    loop->event_count = epoll_wait(loop->epoll_fd, loop->events, MAX_EVENTS, until > now ? -1 : 0);
    if (loop->event_count >= 0)
        return 0;
    loop->event_count = 0;
    return errno == EINTR ? 0 : WEFT_E_IO;
}

static void empty_counter(int fd)
{
    uint64_t count;

    (void)!read(fd, &count, sizeof(count));
}

static void note_own(struct weft_loop *loop, uint64_t source, uint32_t events)
{
    struct host_driver_link *l;

    switch (source) {
    case SOURCE_TIMER:
        empty_counter(loop->timer_fd);
        loop->armed = WEFT_TIME_NEVER;
        break;
    case SOURCE_STOP:
        empty_counter(loop->stop_fd);
        loop->is_stopped = true;
        break;
    default:
        l = &loop->driver.links[source - SOURCE_LINK];
        if (events & EPOLLOUT)
            l->is_full = false;
        if (events & ~(uint32_t)EPOLLOUT) /* an error too is found out by reading */
            l->is_readable = true;
    }
}

static void note_events(struct weft_loop *loop)
{
    for (unsigned i = 0; i < loop->driver.count; i++)
        loop->driver.links[i].is_readable = false;
    for (int i = 0; i < loop->event_count; i++)
        if (loop->events[i].data.u64 < OWN_SOURCES)
            note_own(loop, loop->events[i].data.u64, loop->events[i].events);
}

static void call_watches(struct weft_loop *loop, weft_time now)
{
    for (int i = 0; i < loop->event_count; i++) {
        struct weft_watch *watch = loop->events[i].data.ptr;

        if (loop->events[i].data.u64 >= OWN_SOURCES)
            watch->ready(watch, loop->events[i].events, now);
    }
    loop->event_count = 0;
}

int weft_loop_once(struct weft_loop *loop, weft_time timeout)
{
    weft_time now = weft_clock_now();
    weft_time until = timeout < WEFT_TIME_NEVER - now ? now + timeout : WEFT_TIME_NEVER;
    weft_time deadline = host_driver_deadline(&loop->driver);
    int error = host_driver_error(&loop->driver);

    if (!error)
        error = wait_until(loop, deadline < until ? deadline : until, now);
    if (error)
        return error;
    note_events(loop);
    now = weft_clock_now();
    host_driver_input(&loop->driver, now);
    call_watches(loop, now);
    host_driver_output(&loop->driver, weft_clock_now());
    watch_full_links(loop);
    return host_driver_error(&loop->driver);
}

int weft_loop_run(struct weft_loop *loop)
{
    int error = 0;

    while (!loop->is_stopped && !error)
        error = weft_loop_once(loop, WEFT_TIME_NEVER);
    loop->is_stopped = false;
    return error;
}

void weft_loop_stop(struct weft_loop *loop)
{
    uint64_t one = 1;
    int saved = errno; /* it may be a signal handler that calls */

    (void)!write(loop->stop_fd, &one, sizeof(one));
    errno = saved;
}
