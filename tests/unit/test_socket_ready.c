/* SPDX-License-Identifier: MIT */
/* The ready list and its edges, handlers, and timers of applications (weft/socket.h, weft/stack.h). */
#include "tcp_peer.h"

/* The next ready socket without the harness taking it first. */
static struct weft_sock *next_ready(struct tcp_peer *t, unsigned *events)
{
    *events = 0;
    return weft_ready_next(t->stack, events);
}

/* A segment comes in and is handled, but the ready list stays as it is. */
static void quietly(struct tcp_peer *t, const char *flags, uint32_t seq, uint32_t ack, uint32_t len)
{
    t->batch = true;
    peer_sends(t, flags, seq, ack, len);
    t->batch = false;
    weft_step(t->stack, t->now);
}

/* Listed when something new has happened, and once for all that has. */
static void news_list_a_socket_once(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);
    unsigned events;

    (void)state;
    assert_null(next_ready(t, &events));
    quietly(t, "A", 1, 1, 10);
    quietly(t, "A", 11, 1, 10);
    assert_true(weft_deadline(t->stack) <= t->now);
    assert_ptr_equal(next_ready(t, &events), t->sock);
    assert_int_equal(events, WEFT_READABLE | WEFT_WRITABLE | WEFT_ALL_SENT);
    assert_null(next_ready(t, &events));
    tp_step(t);
    we_read(t, 5); /* reading is no news, though bytes are left */
    assert_null(next_ready(t, &events));
    quietly(t, "A", 21, 1, 10);
    assert_ptr_equal(next_ready(t, &events), t->sock);
    tcp_peer_end(t);
}

/* What was news and is not true any more is not told. */
static void news_that_are_over_are_not_told(void **state)
{
    struct tcp_peer *t = tcp_peer_syn_received(NULL);
    unsigned events;

    (void)state;
    quietly(t, "A", 1, 1, 0);
    assert_int_equal(weft_sock_accept(t->listener, &t->sock), 0);
    assert_ptr_equal(next_ready(t, &events), t->sock); /* the listener has nothing any more */
    assert_null(next_ready(t, &events));
    tcp_peer_end(t);
}

static void rearm_lists_again(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);
    unsigned events;

    (void)state;
    quietly(t, "A", 1, 1, 10);
    assert_ptr_equal(next_ready(t, &events), t->sock);
    weft_sock_rearm(t->sock, WEFT_READABLE);
    assert_ptr_equal(next_ready(t, &events), t->sock);
    assert_true(events & WEFT_READABLE);
    weft_sock_rearm(t->sock, WEFT_PEER_CLOSED | WEFT_FAILED); /* neither holds */
    assert_null(next_ready(t, &events));
    tcp_peer_end(t);
}

static void a_closed_socket_is_not_listed(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);
    unsigned events;

    (void)state;
    quietly(t, "A", 1, 1, 10);
    weft_sock_close(t->sock);
    t->sock = NULL;
    assert_null(next_ready(t, &events));
    tcp_peer_end(t);
}

/* --- Handlers ------------------------------------------------------------------------------------ */

struct counter {
    struct weft_handler handler;
    struct tcp_peer *t;
    unsigned calls, events;
    bool closes;
};

static void count_call(struct weft_handler *handler, struct weft_sock *sock, unsigned events, weft_time now)
{
    struct counter *counter = (struct counter *)handler;

    assert_ptr_equal(sock, counter->t->sock);
    assert_int_equal(now, counter->t->now);
    counter->calls++;
    counter->events |= events;
    if (counter->closes) {
        weft_sock_close(sock);
        counter->t->sock = NULL;
    }
}

static void dispatch_calls_handlers(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);
    struct counter counter = {.handler = {count_call}, .t = t};

    (void)state;
    weft_sock_set_handler(t->sock, &counter.handler);
    assert_ptr_equal(weft_sock_handler(t->sock), &counter.handler);
    assert_int_equal(weft_dispatch(t->stack, 100), 0);
    quietly(t, "A", 1, 1, 10);
    assert_int_equal(weft_dispatch(t->stack, 0), 0);
    assert_int_equal(weft_dispatch(t->stack, 100), 1);
    assert_int_equal(counter.calls, 1);
    assert_true(counter.events & WEFT_READABLE);
    weft_sock_set_handler(t->sock, NULL);
    quietly(t, "A", 11, 1, 10);
    assert_int_equal(weft_dispatch(t->stack, 100), 1); /* nobody to call; it is taken all the same */
    assert_int_equal(counter.calls, 1);
    tcp_peer_end(t);
}

static void a_handler_may_close_its_socket(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);
    struct counter counter = {.handler = {count_call}, .t = t, .closes = true};

    (void)state;
    weft_sock_set_handler(t->sock, &counter.handler);
    quietly(t, "FA", 1, 1, 0);
    assert_int_equal(weft_dispatch(t->stack, 100), 1);
    tp_step(t);
    we_send(t, "A", 1, 2, 0);
    we_send(t, "FA", 1, 2, 0);
    tcp_peer_end(t);
}

/* --- Timers (weft_timer_set) --------------------------------------------------------------------------- */

static unsigned fired;

static void note_fired(struct weft_timer *timer, weft_time now)
{
    assert_true(now >= *(weft_time *)timer->user);
    fired++;
}

static void timers_are_given_out_when_due(void **state)
{
    struct tcp_peer *t = tcp_peer_new(NULL);
    weft_time due = t->now + 1000;
    struct weft_timer a = {.fired = note_fired, .user = &due}, b = {.user = &due};

    (void)state;
    fired = 0;
    weft_timer_set(t->stack, &a, due);
    weft_timer_set(t->stack, &b, due + 5);
    assert_true(weft_deadline(t->stack) <= due);
    weft_step(t->stack, due - 1);
    assert_null(weft_timer_next_due(t->stack));
    weft_step(t->stack, due);
    assert_true(weft_deadline(t->stack) <= due); /* somebody must take it */
    assert_ptr_equal(weft_timer_next_due(t->stack), &a);
    assert_null(weft_timer_next_due(t->stack));
    weft_timer_set(t->stack, &a, due + 3); /* it can be set again at once */
    weft_step(t->stack, due + 10);
    assert_int_equal(weft_dispatch(t->stack, 10), 2); /* b has no function */
    assert_int_equal(fired, 1);
    t->now = due + 10;
    tcp_peer_end(t);
}

static void timers_can_be_moved_and_cancelled(void **state)
{
    struct tcp_peer *t = tcp_peer_new(NULL);
    struct weft_timer timers[4] = {{.user = NULL}};
    weft_time now = t->now;

    (void)state;
    weft_timer_cancel(t->stack, &timers[0]); /* not set: nothing */
    for (unsigned i = 0; i < 4; i++)
        weft_timer_set(t->stack, &timers[i], now + 10);
    weft_timer_set(t->stack, &timers[1], now + 20); /* later */
    weft_timer_cancel(t->stack, &timers[2]);
    weft_step(t->stack, now + 10);
    weft_timer_cancel(t->stack, &timers[0]); /* taken back although due */
    assert_ptr_equal(weft_timer_next_due(t->stack), &timers[3]);
    assert_null(weft_timer_next_due(t->stack));
    weft_step(t->stack, now + 20);
    weft_timer_set(t->stack, &timers[1], now + 30); /* moved although due */
    assert_null(weft_timer_next_due(t->stack));
    weft_step(t->stack, now + 30);
    assert_ptr_equal(weft_timer_next_due(t->stack), &timers[1]);
    weft_timer_set(t->stack, &timers[0], now); /* in the past: at once */
    assert_true(weft_deadline(t->stack) <= now + 30);
    weft_step(t->stack, now + 30);
    assert_ptr_equal(weft_timer_next_due(t->stack), &timers[0]);
    assert_true(weft_deadline(t->stack) == WEFT_TIME_NEVER);
    t->now = now + 30;
    tcp_peer_end(t);
}

/* Any order of taking back leaves the list of due timers whole. */
static void due_timers_can_be_taken_back_in_any_order(void **state)
{
    struct tcp_peer *t = tcp_peer_new(NULL);
    struct test_rng rng = test_rng_start("due_timers_can_be_taken_back_in_any_order");

    (void)state;
    for (unsigned round = 0; round < 200; round++) {
        struct weft_timer timers[6] = {{.user = NULL}};
        unsigned left = 6;
        bool is_back[6] = {false};

        for (unsigned i = 0; i < 6; i++)
            weft_timer_set(t->stack, &timers[i], t->now + i);
        t->now += 10;
        weft_step(t->stack, t->now);
        for (unsigned k = test_rng_below(&rng, 6); k > 0; k--) {
            unsigned i = test_rng_below(&rng, 6);

            weft_timer_cancel(t->stack, &timers[i]);
            left -= !is_back[i];
            is_back[i] = true;
        }
        struct weft_timer *due, *before = NULL;
        while ((due = weft_timer_next_due(t->stack)) != NULL) {
            assert_false(is_back[due - timers]);
            assert_true(!before || due > before);
            before = due;
            left--;
        }
        assert_int_equal(left, 0);
    }
    tcp_peer_end(t);
}

/* Time does not go back, whatever a caller's clock does. */
static void time_does_not_go_back(void **state)
{
    struct tcp_peer *t = tcp_peer_new(NULL);

    (void)state;
    weft_step(t->stack, t->now + 100);
    weft_step(t->stack, t->now);
    assert_int_equal(weft_stack_now(t->stack), t->now + 100);
    t->now += 100;
    tcp_peer_end(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(news_list_a_socket_once),
        cmocka_unit_test(news_that_are_over_are_not_told),
        cmocka_unit_test(rearm_lists_again),
        cmocka_unit_test(a_closed_socket_is_not_listed),
        cmocka_unit_test(dispatch_calls_handlers),
        cmocka_unit_test(a_handler_may_close_its_socket),
        cmocka_unit_test(timers_are_given_out_when_due),
        cmocka_unit_test(timers_can_be_moved_and_cancelled),
        cmocka_unit_test(due_timers_can_be_taken_back_in_any_order),
        cmocka_unit_test(time_does_not_go_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
