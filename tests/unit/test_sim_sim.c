/* SPDX-License-Identifier: MIT */
/* Networks in virtual time: what moves the clock, who is served when, and that a seed repeats a run. */
#include "support.h"

#include <weft/err.h>
#include <weft/sim.h>

/* Two stacks with a wire between them: 10.0.0.1 and 10.0.0.2. */
struct net {
    struct weft_sim *sim;
    struct weft_stack *client, *server;
    struct weft_endpoint service;
};

/* `faults`: what the client's end of the wire does, as in weft_impair_parse; NULL: nothing. */
static struct net make_net(uint64_t seed, const char *faults)
{
    struct weft_pipe_config wire = {.type = WEFT_LINK_ETHERNET, .mtu = 1500};
    struct weft_prefix addr = {weft_ip4(10, 0, 0, 1), 24};
    struct weft_impair_config config = {0};
    struct net net = {.service = {weft_ip4(10, 0, 0, 2), 80}};
    struct weft_link *a, *b;

    assert_int_equal(weft_sim_new(seed, &net.sim), 0);
    assert_int_equal(weft_sim_add_stack(net.sim, NULL, &net.client), 0);
    assert_int_equal(weft_sim_add_stack(net.sim, NULL, &net.server), 0);
    assert_int_equal(weft_link_pipe(&wire, &a, &b), 0);
    if (faults) {
        assert_int_equal(weft_impair_parse(faults, &config, NULL, 0), 0);
        assert_int_equal(weft_link_impair(a, &config, weft_sim_pool(net.sim), &a), 0);
    }
    assert_int_equal(weft_sim_add_link(net.sim, net.client, a), 1);
    assert_int_equal(weft_sim_add_link(net.sim, net.server, b), 1);
    assert_int_equal(weft_iface_add_addr(net.client, 1, &addr), 0);
    addr.addr = net.service.addr;
    assert_int_equal(weft_iface_add_addr(net.server, 1, &addr), 0);
    return net;
}

/* --- The clock --- */

static void a_network_begins_at_one_second_and_rests(void **state)
{
    struct weft_sim *sim;

    (void)state;
    assert_int_equal(weft_sim_new(1, &sim), 0);
    assert_int_equal(weft_sim_now(sim), WEFT_SEC);
    assert_false(weft_sim_step(sim, WEFT_TIME_NEVER)); /* nothing will ever happen */
    assert_int_equal(weft_sim_now(sim), WEFT_SEC);
    assert_false(weft_sim_step(sim, 5 * WEFT_SEC));
    assert_int_equal(weft_sim_now(sim), 5 * WEFT_SEC);
    assert_false(weft_sim_step(sim, 2 * WEFT_SEC)); /* time does not go back */
    assert_int_equal(weft_sim_now(sim), 5 * WEFT_SEC);
    weft_sim_free(sim);
}

struct alarm {
    struct weft_timer timer;
    weft_time fired_at;
    unsigned count;
};

static void note_alarm(struct weft_timer *timer, weft_time now)
{
    struct alarm *alarm = timer->user;

    alarm->fired_at = now;
    alarm->count++;
}

static void timers_fire_at_their_microsecond(void **state)
{
    struct weft_sim *sim;
    struct weft_stack *stack;
    struct alarm alarm = {.timer = {.fired = note_alarm, .user = &alarm}};

    (void)state;
    assert_int_equal(weft_sim_new(1, &sim), 0);
    assert_int_equal(weft_sim_add_stack(sim, NULL, &stack), 0);
    weft_timer_set(stack, &alarm.timer, 1234567);
    assert_false(weft_sim_step(sim, 1234566));
    assert_int_equal(alarm.count, 0);
    assert_true(weft_sim_step(sim, 1234567));
    assert_int_equal(alarm.fired_at, 1234567);
    weft_timer_set(stack, &alarm.timer, 90000 * WEFT_SEC); /* a day away costs nothing */
    while (weft_sim_step(sim, WEFT_TIME_NEVER))
        ;
    assert_int_equal(alarm.fired_at, 90000 * WEFT_SEC);
    assert_int_equal(alarm.count, 2);
    weft_sim_free(sim);
}

static void idle_stacks_hear_the_time(void **state)
{
    struct weft_sim *sim;
    struct weft_stack *busy, *idle;
    struct alarm alarm = {.timer = {.fired = note_alarm, .user = &alarm}};

    (void)state;
    assert_int_equal(weft_sim_new(1, &sim), 0);
    assert_int_equal(weft_sim_add_stack(sim, NULL, &busy), 0);
    assert_int_equal(weft_sim_add_stack(sim, NULL, &idle), 0);
    weft_timer_set(busy, &alarm.timer, 3 * WEFT_SEC);
    assert_true(weft_sim_step(sim, 10 * WEFT_SEC));
    assert_int_equal(weft_stack_now(idle), 3 * WEFT_SEC);
    assert_false(weft_sim_step(sim, 10 * WEFT_SEC));
    assert_int_equal(weft_stack_now(idle), 10 * WEFT_SEC);
    weft_sim_free(sim);
}

static bool has_fired(void *ctx)
{
    return ((struct alarm *)ctx)->count > 0;
}

static void a_run_ends_when_it_is_done(void **state)
{
    struct weft_sim *sim;
    struct weft_stack *stack;
    struct alarm first = {.timer = {.fired = note_alarm, .user = &first}};
    struct alarm second = {.timer = {.fired = note_alarm, .user = &second}};

    (void)state;
    assert_int_equal(weft_sim_new(1, &sim), 0);
    assert_int_equal(weft_sim_add_stack(sim, NULL, &stack), 0);
    weft_timer_set(stack, &first.timer, 2 * WEFT_SEC);
    weft_timer_set(stack, &second.timer, 3 * WEFT_SEC);
    assert_true(weft_sim_run(sim, 10 * WEFT_SEC, has_fired, &first));
    assert_int_equal(weft_sim_now(sim), 2 * WEFT_SEC);
    assert_int_equal(second.count, 0);
    assert_false(weft_sim_run(sim, 10 * WEFT_SEC, NULL, NULL));
    assert_int_equal(weft_sim_now(sim), 10 * WEFT_SEC);
    assert_int_equal(second.count, 1);
    weft_sim_free(sim);
}

static void links_of_strangers_are_refused(void **state)
{
    struct weft_pipe_config wire = {.type = WEFT_LINK_IP};
    struct weft_sim *sim, *other;
    struct weft_stack *stack;
    struct weft_link *a, *b;

    (void)state;
    assert_int_equal(weft_sim_new(1, &sim), 0);
    assert_int_equal(weft_sim_new(1, &other), 0);
    assert_int_equal(weft_sim_add_stack(other, NULL, &stack), 0);
    assert_int_equal(weft_link_pipe(&wire, &a, &b), 0);
    assert_int_equal(weft_sim_add_link(sim, stack, a), WEFT_E_NOTFOUND);
    weft_link_close(b);
    weft_sim_free(sim);
    weft_sim_free(other);
}

/* --- A wire on which the same moment would never end --- */

/* Gives a packet whenever it is asked, at once, for ever. */
struct spring {
    struct weft_link link;
    unsigned given;
};

static int give_one(struct weft_link *link, struct weft_pool *pool, struct weft_pktq *batch, unsigned max,
                    weft_time now)
{
    struct weft_pkt *pkt = weft_pkt_new_rx(pool, 0);

    (void)max, (void)now;
    weft_pkt_put(pkt, 1);
    weft_pktq_push(batch, pkt);
    ((struct spring *)link)->given++;
    return 1;
}

static int take_all(struct weft_link *link, struct weft_pktq *batch, weft_time now)
{
    (void)link, (void)now;
    weft_pktq_purge(batch);
    return 0;
}

static weft_time always(const struct weft_link *link)
{
    (void)link;
    return 0;
}

static void leave(struct weft_link *link)
{
    (void)link;
}

static void time_moves_on_where_a_moment_has_no_end(void **state)
{
    static const struct weft_link_ops ops = {
        .recv = give_one, .send = take_all, .deadline = always, .close = leave};
    struct spring spring = {.link = {.ops = &ops, .name = "spring", .type = WEFT_LINK_IP, .mtu = 1500}};
    struct weft_sim *sim;
    struct weft_stack *stack;

    (void)state;
    assert_int_equal(weft_sim_new(1, &sim), 0);
    assert_int_equal(weft_sim_add_stack(sim, NULL, &stack), 0);
    assert_int_equal(weft_sim_add_link(sim, stack, &spring.link), 1);
    assert_false(weft_sim_run(sim, WEFT_SEC + 50, NULL, NULL));
    assert_int_equal(weft_sim_now(sim), WEFT_SEC + 50);
    assert_in_range(spring.given, 51, 51 * 100);
    weft_sim_free(sim);
}

/* --- Conversations --- */

/* A ping and when its answer came. */
static void answers_come_after_the_round_trip(void **state)
{
    struct net net = make_net(1, "delay=10ms");
    struct weft_datagram to = {.peer = {net.service.addr, 1}}, from;
    struct weft_sock *sock;
    weft_time sent;
    char data[4];

    (void)state;
    weft_sim_run(net.sim, 5 * WEFT_SEC, NULL, NULL);
    assert_int_equal(weft_sock_open(net.client, WEFT_SOCK_PING, &sock), 0);
    assert_int_equal(weft_sock_sendto(sock, "ping", 4, &to), 4);
    weft_sim_run(net.sim, 6 * WEFT_SEC, NULL, NULL); /* finds out who is there */
    assert_int_equal(weft_sock_recvfrom(sock, data, sizeof(data), &from), 4);
    sent = weft_sim_now(net.sim);
    to.peer.port = 2;
    assert_int_equal(weft_sock_sendto(sock, "ping", 4, &to), 4);
    weft_sim_run(net.sim, sent + WEFT_SEC, NULL, NULL);
    assert_int_equal(weft_sock_recvfrom(sock, data, sizeof(data), &from), 4);
    assert_int_equal(from.when - sent, 20 * WEFT_MSEC);
    weft_sock_close(sock);
    weft_sim_free(net.sim);
}

#define TRANSFER 300000u

/* A server that sends TRANSFER bytes and closes; a client that reads to the end. */
struct transfer {
    struct weft_handler listener, sender, reader;
    uint32_t sent, got;
    bool is_over, is_wrong;
    weft_time over_at;
    uint64_t segs_out;
};

static uint8_t stream_byte(uint32_t i)
{
    return (uint8_t)(i ^ i >> 7);
}

static void send_more(struct weft_handler *handler, struct weft_sock *sock, unsigned events, weft_time now)
{
    struct transfer *t = (struct transfer *)((char *)handler - offsetof(struct transfer, sender));

    (void)events, (void)now;
    while (t->sent < TRANSFER) {
        uint8_t bytes[5000];
        ptrdiff_t n;

        for (uint32_t i = 0; i < sizeof(bytes); i++)
            bytes[i] = stream_byte(t->sent + i);
        n = weft_sock_send(sock, bytes,
                           TRANSFER - t->sent < sizeof(bytes) ? TRANSFER - t->sent : sizeof(bytes));
        if (n < 0)
            return;
        t->sent += (uint32_t)n;
    }
    weft_sock_close(sock);
}

static void take_connection(struct weft_handler *handler, struct weft_sock *listener, unsigned events,
                            weft_time now)
{
    struct transfer *t = (struct transfer *)((char *)handler - offsetof(struct transfer, listener));
    struct weft_sock *sock;

    if (weft_sock_accept(listener, &sock) != 0)
        return;
    weft_sock_set_handler(sock, &t->sender);
    send_more(&t->sender, sock, events, now);
}

static void read_more(struct weft_handler *handler, struct weft_sock *sock, unsigned events, weft_time now)
{
    struct transfer *t = (struct transfer *)((char *)handler - offsetof(struct transfer, reader));
    uint8_t bytes[10000];
    ptrdiff_t n;

    (void)events;
    while ((n = weft_sock_recv(sock, bytes, sizeof(bytes))) > 0)
        for (ptrdiff_t i = 0; i < n; i++)
            t->is_wrong |= bytes[i] != stream_byte(t->got++);
    if (n == WEFT_E_AGAIN || n == WEFT_E_NOTCONN)
        return;
    t->is_over = true;
    t->is_wrong |= n < 0;
    t->over_at = now;
    weft_sock_set_handler(sock, NULL);
    weft_sock_close(sock);
}

static bool is_over(void *ctx)
{
    return ((struct transfer *)ctx)->is_over;
}

static struct transfer run_transfer(uint64_t seed, const char *faults)
{
    struct net net = make_net(seed, faults);
    struct transfer t = {
        .listener.ready = take_connection, .sender.ready = send_more, .reader.ready = read_more};
    struct weft_sock *listener, *sock;

    assert_int_equal(weft_sock_open(net.server, WEFT_SOCK_STREAM, &listener), 0);
    assert_int_equal(weft_sock_bind(listener, &net.service), 0);
    assert_int_equal(weft_sock_listen(listener, 0), 0);
    weft_sock_set_handler(listener, &t.listener);
    assert_int_equal(weft_sock_open(net.client, WEFT_SOCK_STREAM, &sock), 0);
    weft_sock_set_handler(sock, &t.reader);
    assert_int_equal(weft_sock_connect(sock, &net.service), WEFT_E_INPROGRESS);
    assert_true(weft_sim_run(net.sim, 600 * WEFT_SEC, is_over, &t));
    t.segs_out = weft_stats(net.server)->count[WEFT_COUNT_TCP_OUT_SEGS];
    weft_sock_close(listener);
    weft_sim_free(net.sim);
    return t;
}

static void bytes_cross_a_clean_wire(void **state)
{
    struct transfer t = run_transfer(1, NULL);

    (void)state;
    assert_int_equal(t.got, TRANSFER);
    assert_false(t.is_wrong);
}

static void bytes_cross_a_bad_wire_and_a_seed_repeats_it(void **state)
{
    static const char faults[] =
        "delay=5ms,jitter=1ms,loss=2%,reorder=2%,duplicate=1%,corrupt=1%,rate=20mbit";
    struct transfer first = run_transfer(7, faults), again = run_transfer(7, faults),
                    other = run_transfer(8, faults);

    (void)state;
    assert_int_equal(first.got, TRANSFER);
    assert_false(first.is_wrong || other.is_wrong);
    assert_int_equal(first.over_at, again.over_at);
    assert_int_equal(first.segs_out, again.segs_out);
    assert_in_range(first.over_at, WEFT_SEC + 120 * WEFT_MSEC, 100 * WEFT_SEC); /* 2.4 Mbit take that long */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_network_begins_at_one_second_and_rests),
        cmocka_unit_test(timers_fire_at_their_microsecond),
        cmocka_unit_test(idle_stacks_hear_the_time),
        cmocka_unit_test(a_run_ends_when_it_is_done),
        cmocka_unit_test(links_of_strangers_are_refused),
        cmocka_unit_test(time_moves_on_where_a_moment_has_no_end),
        cmocka_unit_test(answers_come_after_the_round_trip),
        cmocka_unit_test(bytes_cross_a_clean_wire),
        cmocka_unit_test(bytes_cross_a_bad_wire_and_a_seed_repeats_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
