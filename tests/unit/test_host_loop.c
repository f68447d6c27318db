/* SPDX-License-Identifier: MIT */
/*
 * The event loop in real time: it wakes for what it must, and for nothing
 * else. Times are short and only lower bounds are exact; a slow machine makes
 * no test fail.
 */
#define _GNU_SOURCE /* unshare */

#include "netns_support.h"

#include <weft/err.h>
#include <weft/loop.h>

#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/time.h>

static const char *no_namespace; /* why not, or NULL */

static const struct weft_stack_config small = {
    .pool_config = {1024, 1024, 256},
    .max_sockets = 64,
    .tcp = {.max_connections = 64, .time_wait = 64, .syn_cache = 64},
};

static struct weft_loop *make_loop(void)
{
    struct weft_loop *loop;

    assert_int_equal(weft_loop_new(&small, &loop), 0);
    return loop;
}

/* --- Waiting --- */

static void an_idle_loop_sleeps(void **state)
{
    struct weft_loop *loop = make_loop();
    weft_time begin = weft_clock_now(), end;

    (void)state;
    assert_int_equal(weft_loop_once(loop, 20 * WEFT_MSEC), 0); /* one round: no wake in between */
    end = weft_clock_now();
    assert_true(end - begin >= 20 * WEFT_MSEC);
    assert_true(weft_stack_now(weft_loop_stack(loop)) >= begin + 20 * WEFT_MSEC);
    assert_int_equal(weft_loop_once(loop, 0), 0); /* does not wait */
    weft_loop_free(loop);
}

struct alarm {
    struct weft_timer timer;
    struct weft_loop *loop;
    weft_time fired_at;
};

static void note_and_stop(struct weft_timer *timer, weft_time now)
{
    struct alarm *alarm = timer->user;

    alarm->fired_at = now;
    weft_loop_stop(alarm->loop);
}

static void timers_fire_when_due(void **state)
{
    struct weft_loop *loop = make_loop();
    struct alarm alarm = {.timer = {.fired = note_and_stop, .user = &alarm}, .loop = loop};
    weft_time due = weft_clock_now() + 5 * WEFT_MSEC;

    (void)state;
    weft_timer_set(weft_loop_stack(loop), &alarm.timer, due);
    assert_int_equal(weft_loop_run(loop), 0);
    assert_true(alarm.fired_at >= due);
    weft_loop_free(loop);
}

static void a_timer_that_moves_away_costs_one_wake(void **state)
{
    struct weft_loop *loop = make_loop();
    struct alarm alarm = {.timer = {.fired = note_and_stop, .user = &alarm}, .loop = loop};
    weft_time begin = weft_clock_now();
    unsigned rounds = 0;

    (void)state;
    for (unsigned i = 0; i < 10; i++) { /* as a retransmission timer does */
        weft_timer_set(weft_loop_stack(loop), &alarm.timer, begin + (100 + i) * WEFT_MSEC);
        assert_int_equal(weft_loop_once(loop, 0), 0);
    }
    weft_timer_set(weft_loop_stack(loop), &alarm.timer, weft_clock_now() + 10 * WEFT_MSEC);
    for (; !alarm.fired_at; rounds++)
        assert_int_equal(weft_loop_once(loop, WEFT_TIME_NEVER), 0);
    assert_in_range(rounds, 1, 5); /* the wheel may want a look or two on the way */
    weft_loop_free(loop);
}

static void stop_before_run_is_not_forgotten(void **state)
{
    struct weft_loop *loop = make_loop();
    struct alarm alarm = {.timer = {.fired = note_and_stop, .user = &alarm}, .loop = loop};

    (void)state;
    weft_loop_stop(loop);
    assert_int_equal(weft_loop_run(loop), 0);
    weft_timer_set(weft_loop_stack(loop), &alarm.timer, weft_clock_now() + 2 * WEFT_MSEC);
    assert_int_equal(weft_loop_run(loop), 0); /* it stops one run only */
    assert_true(alarm.fired_at > 0);
    weft_loop_free(loop);
}

static struct weft_loop *signalled;

static void stop_signalled(int sig)
{
    (void)sig;
    weft_loop_stop(signalled);
}

static void a_signal_handler_stops_it(void **state)
{
    struct itimerval timer = {.it_value.tv_usec = 5000};
    struct sigaction action = {.sa_handler = stop_signalled};

    (void)state;
    signalled = make_loop();
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &timer, NULL);
    assert_int_equal(weft_loop_run(signalled), 0);
    action.sa_handler = SIG_DFL;
    sigaction(SIGALRM, &action, NULL);
    weft_loop_free(signalled);
}

/* --- The program's own descriptors --- */

struct spy {
    struct weft_watch watch;
    struct weft_loop *loop;
    struct spy *other; /* unwatched and closed when this one is called */
    unsigned calls;
    uint32_t events;
};

static void spy_ready(struct weft_watch *watch, uint32_t events, weft_time now)
{
    struct spy *spy = watch->user;

    assert_true(now <= weft_clock_now());
    spy->calls++;
    spy->events |= events;
    if (spy->other) {
        weft_loop_unwatch(spy->loop, &spy->other->watch);
        close(spy->other->watch.fd);
    }
}

static void start_spy(struct spy *spy, struct weft_loop *loop, struct spy *other)
{
    *spy = (struct spy){.loop = loop, .other = other};
    spy->watch = (struct weft_watch){eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), EPOLLIN, spy_ready, spy};
    assert_int_equal(weft_loop_watch(loop, &spy->watch), 0);
}

static void poke(struct spy *spy)
{
    assert_int_equal(eventfd_write(spy->watch.fd, 1), 0);
}

static void watched_descriptors_are_told_of(void **state)
{
    struct weft_loop *loop = make_loop();
    struct spy spy;

    (void)state;
    start_spy(&spy, loop, NULL);
    assert_int_equal(weft_loop_once(loop, 0), 0);
    assert_int_equal(spy.calls, 0);
    poke(&spy);
    assert_int_equal(weft_loop_once(loop, WEFT_TIME_NEVER), 0);
    assert_int_equal(spy.calls, 1);
    assert_int_equal(spy.events, EPOLLIN);
    weft_loop_unwatch(loop, &spy.watch);
    assert_int_equal(weft_loop_once(loop, 0), 0);
    assert_int_equal(spy.calls, 1);
    close(spy.watch.fd);
    weft_loop_free(loop);
}

static void a_watch_may_go_while_its_event_is_pending(void **state)
{
    struct weft_loop *loop = make_loop();
    struct spy *first = calloc(1, sizeof(*first)), *second = calloc(1, sizeof(*second));

    (void)state;
    start_spy(first, loop, second);
    start_spy(second, loop, first);
    poke(first);
    poke(second);
    assert_int_equal(weft_loop_once(loop, WEFT_TIME_NEVER), 0);
    assert_int_equal(first->calls + second->calls, 1); /* whoever came first sent the other away */
    if (first->calls)
        close(first->watch.fd);
    else
        close(second->watch.fd);
    weft_loop_free(loop);
    free(first);
    free(second);
}

static void a_descriptor_that_cannot_be_watched_is_refused(void **state)
{
    struct weft_loop *loop = make_loop();
    struct weft_watch watch = {.fd = -1, .events = EPOLLIN};

    (void)state;
    assert_int_equal(weft_loop_watch(loop, &watch), WEFT_E_IO);
    weft_loop_free(loop);
}

/* --- Links --- */

/* A link over one end of a socket pair of datagrams. */
struct socket_link {
    struct weft_link link;
    int fd, far;
    int recv_error;
    unsigned sends, rounds, closed;
};

static int socket_recv(struct weft_link *link, struct weft_pool *pool, struct weft_pktq *batch, unsigned max,
                       weft_time now)
{
    struct socket_link *s = (struct socket_link *)link;
    struct weft_pkt *pkt;
    ssize_t n;

    (void)now;
    assert_true(max > 0);
    if (s->recv_error)
        return s->recv_error;
    pkt = weft_pkt_new_rx(pool, 64);
    n = recv(s->fd, pkt->data, weft_pkt_tailroom(pkt), 0);
    if (n <= 0) {
        weft_pkt_free(pkt);
        return 0;
    }
    weft_pkt_put(pkt, (uint32_t)n);
    weft_pktq_push(batch, pkt);
    return 1;
}

static int socket_send(struct weft_link *link, struct weft_pktq *batch, weft_time now)
{
    struct socket_link *s = (struct socket_link *)link;
    int count = 0;

    (void)now;
    s->sends++;
    for (; batch->head; count++) {
        uint8_t bytes[2000];

        weft_pkt_copy_out(batch->head, 0, bytes, batch->head->total_len);
        if (send(s->fd, bytes, batch->head->total_len, 0) < 0)
            break;
        weft_pkt_free(weft_pktq_pop(batch));
    }
    return count;
}

static int socket_fd(const struct weft_link *link)
{
    return ((const struct socket_link *)link)->fd;
}

static void socket_end_round(struct weft_link *link, weft_time now)
{
    (void)now;
    ((struct socket_link *)link)->rounds++;
}

static void socket_close(struct weft_link *link)
{
    struct socket_link *s = (struct socket_link *)link;

    close(s->fd);
    close(s->far);
    s->closed++;
}

static void attach_socket_link(struct socket_link *s, struct weft_loop *loop)
{
    static const struct weft_link_ops ops = {.recv = socket_recv,
                                             .send = socket_send,
                                             .fd = socket_fd,
                                             .end_round = socket_end_round,
                                             .close = socket_close};
    struct weft_prefix addr = {weft_ip4(10, 0, 0, 2), 24};
    int ends[2], least = 1;

    assert_return_code(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), errno);
    setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &least, sizeof(least));
    *s = (struct socket_link){.link = {.ops = &ops, .name = "socket", .type = WEFT_LINK_IP, .mtu = 1500},
                              .fd = ends[0],
                              .far = ends[1]};
    assert_int_equal(weft_loop_add_link(loop, &s->link), 1);
    assert_int_equal(weft_iface_add_addr(weft_loop_stack(loop), 1, &addr), 0);
}

static void what_a_link_receives_wakes_the_loop(void **state)
{
    struct weft_loop *loop = make_loop();
    struct socket_link s;

    (void)state;
    attach_socket_link(&s, loop);
    assert_int_equal(send(s.far, "x", 1, 0), 1);
    assert_int_equal(weft_loop_once(loop, WEFT_TIME_NEVER), 0);
    assert_int_equal(weft_stats(weft_loop_stack(loop))->drop[WEFT_DROP_IP_SHORT], 1);
    assert_int_equal(s.rounds, 1);
    weft_loop_free(loop);
    assert_int_equal(s.closed, 1);
}

static void a_full_link_is_waited_for_without_spinning(void **state)
{
    struct weft_loop *loop = make_loop();
    struct weft_pktq *queue;
    struct weft_sock *sock;
    struct socket_link s;
    uint8_t bytes[1000] = {0};
    struct weft_datagram to = {.peer = {weft_ip4(10, 0, 0, 1), 1}};
    weft_time begin;
    unsigned sends, left;

    (void)state;
    attach_socket_link(&s, loop);
    queue = weft_output(weft_loop_stack(loop), 1);
    assert_int_equal(weft_sock_open(weft_loop_stack(loop), WEFT_SOCK_PING, &sock), 0);
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(weft_sock_sendto(sock, bytes, sizeof(bytes), &to), sizeof(bytes));
    assert_int_equal(weft_loop_once(loop, WEFT_TIME_NEVER), 0); /* there is work at once */
    left = queue->count;
    assert_in_range(left, 1, 99);
    sends = s.sends;
    begin = weft_clock_now();
    assert_int_equal(weft_loop_once(loop, 10 * WEFT_MSEC), 0);
    assert_true(weft_clock_now() - begin >= 10 * WEFT_MSEC);
    assert_int_equal(s.sends, sends); /* not even asked */
    while (recv(s.far, bytes, sizeof(bytes), 0) > 0)
        ;
    assert_int_equal(weft_loop_once(loop, WEFT_TIME_NEVER), 0);
    assert_true(queue->count < left);
    weft_sock_close(sock);
    weft_pktq_purge(queue);
    weft_loop_free(loop);
}

static void the_error_of_a_broken_link_ends_the_run(void **state)
{
    struct weft_loop *loop = make_loop();
    struct socket_link s;

    (void)state;
    attach_socket_link(&s, loop);
    s.recv_error = WEFT_E_NETDOWN;
    assert_int_equal(send(s.far, "x", 1, 0), 1);
    assert_int_equal(weft_loop_run(loop), WEFT_E_NETDOWN);
    assert_int_equal(s.rounds, 1); /* the round was finished */
    assert_int_equal(weft_loop_once(loop, WEFT_TIME_NEVER), WEFT_E_NETDOWN);
    weft_loop_free(loop);
}

/* --- The kernel's TCP as the peer of an echo server --- */

#define ECHOED 2000000u

/* The server: one connection at a time. */
struct echo {
    struct weft_handler listener, connection;
};

static void echo_bytes(struct weft_handler *handler, struct weft_sock *sock, unsigned events, weft_time now)
{
    (void)handler, (void)events, (void)now;
    for (;;) {
        size_t room = weft_sock_send_room(sock);
        uint8_t bytes[16384];
        ptrdiff_t n;

        if (room == 0)
            return; /* WRITABLE will come */
        n = weft_sock_recv(sock, bytes, room < sizeof(bytes) ? room : sizeof(bytes));
        if (n == WEFT_E_AGAIN)
            return;
        if (n <= 0)
            break;
        assert_int_equal(weft_sock_send(sock, bytes, (size_t)n), n);
    }
    weft_sock_close(sock);
}

static void accept_echo(struct weft_handler *handler, struct weft_sock *listener, unsigned events,
                        weft_time now)
{
    struct echo *echo = (struct echo *)((char *)handler - offsetof(struct echo, listener));
    struct weft_sock *sock;

    while (weft_sock_accept(listener, &sock) == 0) {
        weft_sock_set_handler(sock, &echo->connection);
        echo_bytes(&echo->connection, sock, events, now);
    }
}

/* A loop on one side of a device of which the kernel has the other, 10.77.0.1; we are 10.77.0.2. Skips
 * the test where there is no namespace; `faults` as in weft_impair_parse, NULL for none. */
static struct weft_loop *make_loop_on_tap(const char *faults)
{
    struct weft_tap_config tap = {.name = "e0", .offload = true};
    struct weft_prefix ours = {weft_ip4(10, 77, 0, 2), 24}, kernels = {weft_ip4(10, 77, 0, 1), 24};
    struct weft_impair_config config;
    struct weft_loop *loop;
    struct weft_link *link;

    if (no_namespace) {
        print_message("%s\n", no_namespace);
        skip();
    }
    loop = make_loop();
    assert_int_equal(weft_link_tap(&tap, &link, NULL, 0), 0);
    if (faults) {
        assert_int_equal(weft_impair_parse(faults, &config, NULL, 0), 0);
        assert_int_equal(weft_link_impair(link, &config, weft_stack_pool(weft_loop_stack(loop)), &link), 0);
    }
    assert_int_equal(weft_loop_add_link(loop, link), 1);
    assert_int_equal(weft_iface_add_addr(weft_loop_stack(loop), 1, &ours), 0);
    assert_int_equal(weft_tap_configure("e0", &kernels, 0, NULL, 0), 0);
    return loop;
}

/* The client: a socket of the kernel, watched by the same loop. */
struct client {
    struct weft_watch watch;
    struct weft_loop *loop;
    uint32_t sent, got;
    bool is_wrong;
};

static uint8_t echo_byte(uint32_t i)
{
    return (uint8_t)(i ^ i >> 9);
}

static void client_send(struct client *c)
{
    uint8_t bytes[8192];
    ssize_t n = 1;

    while (n > 0 && c->sent < ECHOED) {
        uint32_t len = ECHOED - c->sent < sizeof(bytes) ? ECHOED - c->sent : sizeof(bytes);

        for (uint32_t i = 0; i < len; i++)
            bytes[i] = echo_byte(c->sent + i);
        n = send(c->watch.fd, bytes, len, MSG_NOSIGNAL);
        c->sent += n > 0 ? (uint32_t)n : 0;
    }
    if (c->sent == ECHOED)
        shutdown(c->watch.fd, SHUT_WR);
}

static void client_ready(struct weft_watch *watch, uint32_t events, weft_time now)
{
    struct client *c = watch->user;
    uint8_t bytes[8192];
    ssize_t n;

    (void)now;
    if (events & EPOLLOUT && c->sent < ECHOED)
        client_send(c);
    while ((n = recv(watch->fd, bytes, sizeof(bytes), 0)) > 0)
        for (ssize_t i = 0; i < n; i++)
            c->is_wrong |= bytes[i] != echo_byte(c->got++);
    if (n == 0 || (errno != EAGAIN && errno != ENOTCONN))
        weft_loop_stop(c->loop);
}

static void start_client(struct client *c, struct weft_loop *loop)
{
    struct sockaddr_in to = netns_addr("10.77.0.2", 7);

    *c = (struct client){.loop = loop};
    c->watch = (struct weft_watch){socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
                                   EPOLLIN | EPOLLOUT | EPOLLET, client_ready, c};
    assert_int_equal(weft_loop_watch(loop, &c->watch), 0);
    assert_int_equal(connect(c->watch.fd, (struct sockaddr *)&to, sizeof(to)), -1);
    assert_int_equal(errno, EINPROGRESS);
}

static void the_kernel_is_served_over_a_tap(void **state)
{
    struct weft_loop *loop = make_loop_on_tap(NULL);
    struct weft_endpoint service = {weft_ip4(10, 77, 0, 2), 7};
    struct echo echo = {{accept_echo}, {echo_bytes}};
    struct alarm limit = {.timer = {.fired = note_and_stop, .user = &limit}, .loop = loop};
    struct weft_sock *listener;
    struct client c;

    (void)state;
    assert_int_equal(weft_sock_open(weft_loop_stack(loop), WEFT_SOCK_STREAM, &listener), 0);
    assert_int_equal(weft_sock_bind(listener, &service), 0);
    assert_int_equal(weft_sock_listen(listener, 0), 0);
    weft_sock_set_handler(listener, &echo.listener);
    start_client(&c, loop);
    weft_timer_set(weft_loop_stack(loop), &limit.timer, weft_clock_now() + 60 * WEFT_SEC);
    assert_int_equal(weft_loop_run(loop), 0);
    assert_int_equal(c.got, ECHOED);
    assert_false(c.is_wrong);
    weft_loop_unwatch(loop, &c.watch);
    close(c.watch.fd);
    weft_sock_close(listener);
    weft_timer_cancel(weft_loop_stack(loop), &limit.timer);
    weft_loop_free(loop);
}

/* A link that delays wakes the loop by its deadline; nothing else would. */
static void delayed_frames_wake_the_loop(void **state)
{
    struct weft_loop *loop = make_loop_on_tap("delay=4ms");
    struct weft_datagram to = {.peer = {weft_ip4(10, 77, 0, 1), 1}}, from;
    weft_time begin = weft_clock_now();
    struct weft_sock *sock;
    ptrdiff_t n;
    char data[4];

    (void)state;
    assert_int_equal(weft_sock_open(weft_loop_stack(loop), WEFT_SOCK_PING, &sock), 0);
    assert_int_equal(weft_sock_sendto(sock, "ping", 4, &to), 4);
    while ((n = weft_sock_recvfrom(sock, data, sizeof(data), &from)) == WEFT_E_AGAIN)
        assert_int_equal(weft_loop_once(loop, WEFT_TIME_NEVER), 0);
    assert_int_equal(n, 4);
    assert_int_equal(from.error, 0);
    assert_in_range(weft_clock_now() - begin, 16 * WEFT_MSEC, 5 * WEFT_SEC); /* ARP and echo, both ways */
    weft_sock_close(sock);
    weft_loop_free(loop);
}

static int enter_namespace(void **state)
{
    (void)state;
    no_namespace = netns_enter();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_idle_loop_sleeps),
        cmocka_unit_test(timers_fire_when_due),
        cmocka_unit_test(a_timer_that_moves_away_costs_one_wake),
        cmocka_unit_test(stop_before_run_is_not_forgotten),
        cmocka_unit_test(a_signal_handler_stops_it),
        cmocka_unit_test(watched_descriptors_are_told_of),
        cmocka_unit_test(a_watch_may_go_while_its_event_is_pending),
        cmocka_unit_test(a_descriptor_that_cannot_be_watched_is_refused),
        cmocka_unit_test(what_a_link_receives_wakes_the_loop),
        cmocka_unit_test(a_full_link_is_waited_for_without_spinning),
        cmocka_unit_test(the_error_of_a_broken_link_ends_the_run),
        cmocka_unit_test(the_kernel_is_served_over_a_tap),
        cmocka_unit_test(delayed_frames_wake_the_loop),
    };

    return cmocka_run_group_tests(tests, enter_namespace, NULL);
}
