/* SPDX-License-Identifier: MIT */
/* Keepalives: RFC 9293 3.8.4. */
#include "tcp_peer.h"

static void set_keepalive(struct weft_sock *sock)
{
    assert_int_equal(weft_sock_setopt(sock, WEFT_OPT_KEEPALIVE, 1), 0);
}

static void set_short_keepalive(struct weft_sock *sock)
{
    set_keepalive(sock);
    assert_int_equal(weft_sock_setopt(sock, WEFT_OPT_KEEPALIVE_IDLE, 10 * WEFT_SEC), 0);
    assert_int_equal(weft_sock_setopt(sock, WEFT_OPT_KEEPALIVE_INTERVAL, 2 * WEFT_SEC), 0);
    assert_int_equal(weft_sock_setopt(sock, WEFT_OPT_KEEPALIVE_PROBES, 3), 0);
}

#define KEEPALIVE (&(struct tcp_peer_setup){.prepare = set_keepalive})
#define SHORT     (&(struct tcp_peer_setup){.prepare = set_short_keepalive})

/* MUST-25: off at first. */
static void they_are_off(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    after(t, 1000000 * WEFT_SEC);
    we_send_nothing(t);
    we_are(t, ESTABLISHED);
    assert_true(weft_deadline(t->stack) == WEFT_TIME_NEVER);
    tcp_peer_end(t);
}

/* MUST-28: two hours; SHLD-12: without data, of an old number, so that the peer must answer. */
static void the_first_goes_after_two_hours(void **state)
{
    struct tcp_peer *t = tcp_peer_established(KEEPALIVE);

    (void)state;
    silence(t, 7200 * WEFT_SEC);
    we_send(t, "A", 0, 1, 0);
    peer_sends(t, "A", 1, 1, 0);
    silence(t, 7200 * WEFT_SEC);
    we_send(t, "A", 0, 1, 0);
    tcp_peer_end(t);
}

/* MUST-29: one that is not answered does not mean the end; nine do. */
static void nine_without_answer_end_it(void **state)
{
    struct tcp_peer *t = tcp_peer_established(KEEPALIVE);

    (void)state;
    silence(t, 7200 * WEFT_SEC);
    for (unsigned i = 0; i < 9; i++) {
        we_send(t, "A", 0, 1, 0);
        silence(t, 75 * WEFT_SEC);
    }
    we_send(t, "RA", 1, 1, 0);
    we_are(t, CLOSED);
    assert_int_equal(weft_sock_error(t->sock), WEFT_E_TIMEDOUT);
    we_hear(t, WEFT_FAILED);
    tcp_peer_end(t);
}

static void a_late_answer_saves_it(void **state)
{
    struct tcp_peer *t = tcp_peer_established(SHORT);

    (void)state;
    silence(t, 10 * WEFT_SEC);
    we_send(t, "A", 0, 1, 0);
    silence(t, 2 * WEFT_SEC);
    we_send(t, "A", 0, 1, 0);
    silence(t, 2 * WEFT_SEC);
    we_send(t, "A", 0, 1, 0);
    after(t, WEFT_SEC);
    peer_sends(t, "A", 1, 1, 0);
    silence(t, 10 * WEFT_SEC);
    for (unsigned i = 0; i < 3; i++) { /* all three again */
        we_send(t, "A", 0, 1, 0);
        silence(t, 2 * WEFT_SEC);
    }
    we_send(t, "RA", 1, 1, 0);
    tcp_peer_end(t);
}

/* MUST-26, MUST-27: only when nothing has come for the interval, and the interval can be set. */
static void traffic_puts_them_off(void **state)
{
    struct tcp_peer *t = tcp_peer_established(SHORT);

    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        after(t, 9 * WEFT_SEC);
        peer_sends(t, "PA", 1 + i, 1, 1);
        we_send(t, "A", 1, 2 + i, 0);
    }
    silence(t, 10 * WEFT_SEC);
    we_send(t, "A", 0, 6, 0);
    tcp_peer_end(t);
}

/* While data is out the retransmission timer watches over the peer: no keepalive besides. */
static void none_while_data_is_out(void **state)
{
    struct tcp_peer *t = tcp_peer_established(SHORT);

    (void)state;
    we_write(t, 100);
    after(t, 30 * WEFT_SEC);
    for (; t->count > 0; tp_pass(t))
        assert_int_equal(t->segs[t->first].len, 100);
    we_are(t, ESTABLISHED);
    tcp_peer_end(t);
}

/* Nor while a FIN is out, or data waits for the window: probes of that are all that goes. */
static void none_while_others_watch(void **state)
{
    struct tcp_peer *t = tcp_peer_established(SHORT);

    (void)state;
    we_shutdown(t);
    after(t, 30 * WEFT_SEC);
    for (; t->count > 0; tp_pass(t))
        assert_true(t->segs[t->first].tcp.flags & WIRE_TCP_FIN);
    tcp_peer_end(t);
    t = tcp_peer_established(
        &(struct tcp_peer_setup){.prepare = set_short_keepalive, .window_is_zero = true});
    we_write(t, 100);
    for (unsigned i = 0; i < 3000; i++) {
        after(t, 100 * WEFT_MSEC);
        for (; t->count > 0; tp_pass(t))
            peer_sends(t, "A", 1, 1, 0);
    }
    assert_int_equal(tp_count(t, WEFT_COUNT_TCP_KEEPALIVES), 0);
    assert_in_range(tp_count(t, WEFT_COUNT_TCP_ZERO_WINDOW_PROBES), 5, 20);
    tcp_peer_end(t);
}

/* Another interval holds for the probe that is waited for. */
static void the_interval_changes_between_probes(void **state)
{
    struct tcp_peer *t = tcp_peer_established(SHORT);

    (void)state;
    silence(t, 10 * WEFT_SEC);
    we_send(t, "A", 0, 1, 0);
    assert_int_equal(weft_sock_setopt(t->sock, WEFT_OPT_KEEPALIVE_INTERVAL, 5 * WEFT_SEC), 0);
    silence(t, 5 * WEFT_SEC);
    we_send(t, "A", 0, 1, 0);
    peer_sends(t, "A", 1, 1, 0);
    silence(t, 10 * WEFT_SEC);
    we_send(t, "A", 0, 1, 0);
    tcp_peer_end(t);
}

/* What anybody can send does not make the peer look alive. */
static void strangers_do_not_put_them_off(void **state)
{
    struct tcp_peer *t = tcp_peer_established(SHORT);

    (void)state;
    for (unsigned i = 0; i < 15; i++) {
        peer_sends(t, "A", 70000, 1, 0);
        peer_sends(t, "R", 70000, 0, 0);
        peer_sends(t, "S", 1, 0, 0);
        after(t, WEFT_SEC);
    }
    ignore_sent(t);
    after(t, WEFT_SEC);
    we_send(t, "RA", 1, 1, 0);
    we_are(t, CLOSED);
    tcp_peer_end(t);
}

/* MUST-24: switched on and off while the connection stands. */
static void they_can_be_switched(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    after(t, 100 * WEFT_SEC);
    set_short_keepalive(t->sock);
    tp_step(t);
    after(t, 10 * WEFT_SEC);
    we_send(t, "A", 0, 1, 0);
    assert_int_equal(weft_sock_setopt(t->sock, WEFT_OPT_KEEPALIVE, 0), 0);
    tp_step(t);
    after(t, 1000 * WEFT_SEC);
    we_send_nothing(t);
    we_are(t, ESTABLISHED);
    tcp_peer_end(t);
}

/* A peer that has rebooted answers with RST. */
static void a_reset_in_answer_ends_it(void **state)
{
    struct tcp_peer *t = tcp_peer_established(SHORT);

    (void)state;
    silence(t, 10 * WEFT_SEC);
    we_send(t, "A", 0, 1, 0);
    peer_sends(t, "R", 1, 0, 0);
    we_are(t, CLOSED);
    assert_int_equal(weft_sock_error(t->sock), WEFT_E_CONNRESET);
    tcp_peer_end(t);
}

/* The peer's own are answered, with a byte of garbage or without (MAY-6). */
static void the_peers_are_answered(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    peer_sends(t, "A", 0, 1, 0);
    we_send(t, "A", 1, 1, 0);
    t->garbage = true;
    peer_sends(t, "A", 0, 1, 1);
    we_send(t, "A", 1, 1, 0);
    tcp_peer_end(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_are_off),
        cmocka_unit_test(the_first_goes_after_two_hours),
        cmocka_unit_test(nine_without_answer_end_it),
        cmocka_unit_test(a_late_answer_saves_it),
        cmocka_unit_test(traffic_puts_them_off),
        cmocka_unit_test(none_while_data_is_out),
        cmocka_unit_test(none_while_others_watch),
        cmocka_unit_test(the_interval_changes_between_probes),
        cmocka_unit_test(strangers_do_not_put_them_off),
        cmocka_unit_test(they_can_be_switched),
        cmocka_unit_test(a_reset_in_answer_ends_it),
        cmocka_unit_test(the_peers_are_answered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
