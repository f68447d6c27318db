/* SPDX-License-Identifier: MIT */
/*
 * The table of congestion control (weft/congestion.h): choice by name for a
 * stack and a socket, an algorithm of a program's own, what it is shown, and
 * the samples of the delivery rate (draft-ietf-ccwg-bbr).
 */
#include "tcp_peer.h"

/* --- An algorithm that only writes down what it hears -------------------------------------- */

#define WINDOW 20000u

static struct heard {
    unsigned inits, acks, signals, losts, recoveries, restarts, undos;
    enum weft_cc_signal signal;
    uint32_t flight;
    struct weft_cc cc;
    struct weft_cc_ack ack;
    struct weft_cc_lost lost;
    uint64_t memory; /* the first word, as it was at the last ACK or init */
} heard;

static void fixed_init(struct weft_cc *cc)
{
    heard.inits++;
    heard.cc = *cc;
    heard.memory = cc->memory[0];
    cc->cwnd = WINDOW;
}

static void fixed_ack(struct weft_cc *cc, const struct weft_cc_ack *ack)
{
    heard.acks++;
    heard.cc = *cc;
    heard.ack = *ack;
    heard.memory = cc->memory[0]++;
}

static void fixed_congestion(struct weft_cc *cc, enum weft_cc_signal signal, uint32_t flight)
{
    heard.signals++;
    heard.signal = signal;
    heard.flight = flight;
    cc->ssthresh = 3000;
}

static void fixed_lost(struct weft_cc *cc, const struct weft_cc_lost *lost)
{
    (void)cc;
    heard.losts++;
    heard.lost = *lost;
}

static void fixed_recovered(struct weft_cc *cc)
{
    heard.recoveries++;
    cc->cwnd = WINDOW;
}

static void fixed_restart(struct weft_cc *cc)
{
    (void)cc;
    heard.restarts++;
}

static const struct weft_congestion fixed = {
    .name = "fixed",
    .init = fixed_init,
    .ack = fixed_ack,
    .congestion = fixed_congestion,
    .lost = fixed_lost,
    .recovered = fixed_recovered,
    .restart = fixed_restart,
};

static const struct weft_congestion sovereign = {
    .name = "sovereign",
    .flags = WEFT_CC_SETS_CWND,
    .init = fixed_init,
    .ack = fixed_ack,
    .congestion = fixed_congestion,
};

static const struct tcp_peer_setup with_fixed = {
    .tcp = {.congestion = "fixed", .algorithms = {&fixed}},
    .sack = true,
};

static struct tcp_peer *start(const struct tcp_peer_setup *setup)
{
    heard = (struct heard){0};
    return tcp_peer_measured(setup);
}

/* --- Choice ----------------------------------------------------------------------------------- */

static void it_is_chosen_by_name(void **state)
{
    struct tcp_peer *t = start(&with_fixed);

    (void)state;
    assert_string_equal(weft_sock_congestion(t->sock), "fixed");
    assert_string_equal(tp_info(t).congestion, "fixed");
    assert_int_equal(heard.inits, 1);
    assert_int_equal(tp_info(t).cwnd, WINDOW);
    we_write(t, 50000);
    assert_int_equal(t->count, WINDOW / 1000);
    ignore_sent(t);
    tcp_peer_end(t);
}

static void an_unknown_name_is_refused(void **state)
{
    struct weft_stack_config config = {.allocator = test_allocator, .tcp.congestion = "vegas"};
    struct tcp_peer *t = start(NULL);
    struct weft_stack *stack;

    (void)state;
    assert_int_equal(weft_stack_new(&config, &stack), WEFT_E_INVAL);
    assert_int_equal(weft_sock_set_congestion(t->sock, "vegas"), WEFT_E_NOTFOUND);
    assert_int_equal(weft_sock_set_congestion(t->sock, "fixed"), WEFT_E_NOTFOUND);
    assert_int_equal(weft_sock_set_congestion(t->sock, "newren"), WEFT_E_NOTFOUND);
    assert_int_equal(weft_sock_set_congestion(t->sock, ""), WEFT_E_NOTFOUND);
    assert_int_equal(weft_sock_set_congestion(t->sock, "newreno"), 0);
    tcp_peer_end(t);
}

static void choose_newreno(struct weft_sock *sock)
{
    assert_int_equal(weft_sock_set_congestion(sock, "newreno"), 0);
}

static void a_listener_passes_it_on(void **state)
{
    struct tcp_peer_setup setup = with_fixed;
    struct tcp_peer *t;

    (void)state;
    setup.accepts = true;
    setup.prepare = choose_newreno;
    t = tcp_peer_established(&setup);
    assert_string_equal(weft_sock_congestion(t->sock), "newreno");
    assert_string_equal(tp_info(t).congestion, "newreno");
    tcp_peer_end(t);
}

/* In the middle of a connection: the window stays, the memory is new. */
static void a_connection_can_change_it(void **state)
{
    struct tcp_peer_setup setup = with_fixed;
    struct tcp_peer *t;

    (void)state;
    setup.prepare = choose_newreno;
    t = start(&setup);
    we_write(t, 10000);
    ignore_sent(t);
    peer_sends(t, "A", 1, 10001, 0);
    uint32_t cwnd = tp_info(t).cwnd;
    assert_true(cwnd > 10000);
    assert_int_equal(weft_sock_set_congestion(t->sock, "fixed"), 0);
    assert_int_equal(heard.inits, 1);
    assert_int_equal(heard.cc.cwnd, cwnd);
    assert_int_equal(tp_info(t).cwnd, WINDOW);
    assert_string_equal(tp_info(t).congestion, "fixed");
    assert_int_equal(weft_sock_set_congestion(t->sock, "fixed"), 0); /* no change */
    assert_int_equal(heard.inits, 1);
    we_write(t, 1000);
    peer_sends(t, "A", 1, 11001, 0);
    assert_int_equal(heard.acks, 1);
    assert_int_equal(weft_sock_set_congestion(t->sock, "newreno"), 0);
    assert_int_equal(weft_sock_set_congestion(t->sock, "fixed"), 0);
    assert_int_equal(heard.inits, 2);
    assert_int_equal(heard.memory, 0);
    tcp_peer_end(t);
}

/* --- What it is told ------------------------------------------------------------------------------ */

static void an_ack_tells_what_has_arrived(void **state)
{
    struct tcp_peer *t = start(&with_fixed);
    uint64_t sent = heard.cc.sent;

    (void)state;
    we_write(t, 5000);
    ignore_sent(t);
    after(t, 100 * WEFT_MSEC);
    peer_sacks(t, 1, 1, 2001, 4001);
    assert_int_equal(heard.ack.acked, 0);
    assert_int_equal(heard.ack.delivered, 2000);
    assert_int_equal(heard.ack.rtt, 100 * WEFT_MSEC);
    assert_false(heard.ack.may_grow);
    assert_int_equal(heard.cc.sent, sent + 5000);
    peer_sends(t, "A", 1, 5001, 0);
    assert_int_equal(heard.ack.acked, 5000);
    assert_int_equal(heard.ack.delivered, 3000);
    assert_int_equal(heard.cc.acked, heard.cc.sent);
    assert_int_equal(heard.cc.in_flight, 0);
    assert_int_equal(heard.cc.mss, 1000);
    assert_int_equal(heard.cc.initial_window, 10000);
    assert_int_equal(heard.cc.srtt, 100 * WEFT_MSEC);
    assert_true(heard.memory > 0); /* it is still there */
    tcp_peer_end(t);
}

/* RFC 7661: cwnd has been in use when at least half of it was out, in slow start; in avoidance, when it kept
 * something back. */
static void growth_needs_use(void **state)
{
    struct tcp_peer *t = start(&with_fixed);
    uint32_t una = 1;

    (void)state;
    we_write(t, 10000); /* half of cwnd, not more */
    ignore_sent(t);
    peer_sends(t, "A", 1, una += 10000, 0);
    assert_false(heard.ack.may_grow);
    we_write(t, 11000);
    ignore_sent(t);
    peer_sends(t, "A", 1, una += 11000, 0);
    assert_true(heard.ack.may_grow);
    we_write(t, 40000); /* cwnd keeps back */
    ignore_sent(t);
    peer_sends(t, "A", 1, una += 10000, 0);
    assert_true(heard.ack.may_grow);
    tcp_peer_end(t);
}

static void losses_are_told_in_their_order(void **state)
{
    struct tcp_peer *t = start(&with_fixed);

    (void)state;
    we_write(t, 10000);
    ignore_sent(t);
    after(t, 100 * WEFT_MSEC);
    peer_sacks(t, 1, 1, 1001, 4001); /* RFC 8985 6.2.1: three SACKed segments, no reordering seen: lost */
    assert_int_equal(heard.losts, 1);
    assert_int_equal(heard.lost.bytes, 1000);
    assert_int_equal(heard.lost.in_flight, 10000);
    assert_int_equal(heard.lost.lost, 1000);
    assert_int_equal(heard.signals, 1);
    assert_int_equal(heard.signal, WEFT_CC_BY_LOSS);
    assert_int_equal(heard.flight, 10000);
    assert_int_equal(heard.ack.lost, 1000);
    assert_int_equal(heard.cc.state, WEFT_CC_RECOVERY);
    assert_false(heard.ack.may_grow);
    assert_int_equal(tp_info(t).ssthresh, 3000);
    assert_int_equal(heard.recoveries, 0);
    after(t, 100 * WEFT_MSEC);
    peer_sends(t, "A", 1, 10001, 0);
    assert_int_equal(heard.recoveries, 1);
    assert_int_equal(tp_info(t).cwnd, WINDOW);
    assert_int_equal(heard.signals, 1);
    tcp_peer_end(t);
}

/* What each signal is, in a window that an ECN echo has reduced, in the recovery that follows, and when the retransmission
 * is lost. One that sets cwnd slows down for the losses themselves: it is told of the recovery all the same, and of marks
 * in it. */
static void signals_of_one_window(void **state)
{
    (void)state;
    for (unsigned sets_cwnd = 0; sets_cwnd < 2; sets_cwnd++) {
        const struct tcp_peer_setup setup = {
            .tcp = {.congestion = sets_cwnd ? "sovereign" : "fixed", .algorithms = {&fixed, &sovereign}},
            .sack = true,
        };
        struct tcp_peer *t = start(&setup);
        struct tcb *tcb = t->sock->tcb;

        tcb->ecn.agreed = tcb->ecn.gave_up =
            true; /* our data is not marked: the wire checker saw the handshake */
        we_write(t, 20000);
        ignore_sent(t);
        after(t, 100 * WEFT_MSEC);
        if (!sets_cwnd)
            peer_sends(t, "AE", 1, 1001, 0);
        else
            peer_sends(t, "A", 1, 1001, 0);
        assert_int_equal(heard.signals, !sets_cwnd);
        peer_sacks(t, 1, 1001, 2001, 5001);
        assert_int_equal(heard.signals, 1);
        assert_int_equal(heard.signal, sets_cwnd ? WEFT_CC_BY_LOSS : WEFT_CC_BY_ECN);
        assert_int_equal(tcb->ecn.owes_cwr, !sets_cwnd);
        ignore_sent(t);
        peer_sends(t, "AE", 1, 1001, 0);
        assert_int_equal(heard.signals, sets_cwnd ? 2 : 1);
        peer_sends(t, "AE", 1, 1001, 0);
        assert_int_equal(heard.signals, sets_cwnd ? 2 : 1);
        ignore_sent(t);
        after(t, WEFT_MSEC);
        we_write(t, 5000);
        peer_sacks(t, 1, 1001, 2001, 20001);
        ignore_sent(t);
        after(t, 100 * WEFT_MSEC);
        peer_sacks(t, 1, 1001, 2001, 21001); /* our retransmission is lost */
        assert_int_equal(heard.signal, sets_cwnd ? WEFT_CC_BY_ECN : WEFT_CC_BY_LOSS_AGAIN);
        tcp_peer_end(t);
    }
}

/* Also when a mark has reduced the window before. */
static void a_recovery_is_told_after_a_mark(void **state)
{
    const struct tcp_peer_setup setup = {.tcp = {.congestion = "sovereign", .algorithms = {&sovereign}},
                                         .sack = true};
    struct tcp_peer *t = start(&setup);

    (void)state;
    t->sock->tcb->ecn.agreed = t->sock->tcb->ecn.gave_up = true;
    we_write(t, 20000);
    ignore_sent(t);
    after(t, 100 * WEFT_MSEC);
    peer_sends(t, "AE", 1, 1001, 0);
    assert_int_equal(heard.signal, WEFT_CC_BY_ECN);
    peer_sacks(t, 1, 1001, 2001, 5001);
    assert_int_equal(heard.signal, WEFT_CC_BY_LOSS);
    assert_int_equal(heard.signals, 2);
    tcp_peer_end(t);
}

static void a_timeout_is_a_signal_once(void **state)
{
    struct tcp_peer *t = start(&with_fixed);

    (void)state;
    we_write(t, 10000);
    after(t, 10 * WEFT_SEC); /* several in a row */
    assert_true(tp_info(t).timeouts > 2);
    assert_int_equal(heard.signals, 1);
    assert_int_equal(heard.signal, WEFT_CC_BY_TIMEOUT);
    assert_int_equal(heard.flight, 10000);
    tcp_peer_end(t);
}

static void a_restart_is_told(void **state)
{
    struct tcp_peer *t = start(&with_fixed);
    unsigned before = heard.restarts;

    (void)state;
    we_write(t, 1000);
    assert_int_equal(heard.restarts, before + 1);
    we_write(t, 1000);
    assert_int_equal(heard.restarts, before + 1);
    peer_sends(t, "A", 1, 2001, 0);
    we_write(t, 1000);
    assert_int_equal(heard.restarts, before + 2);
    tcp_peer_end(t);
}

/* --- Rate samples ------------------------------------------------------------------------------------ */

/* 20 segments go at once and arrive at 1000 bytes in 10 ms each: 100000 bytes per second. */
static void a_rate_is_what_arrives_by_the_time_it_takes(void **state)
{
    struct tcp_peer *t = start(&with_fixed);

    (void)state;
    we_write(t, 80000);
    ignore_sent(t);
    after(t, 90 * WEFT_MSEC);
    for (unsigned i = 1; i <= 60; i++) {
        after(t, 10 * WEFT_MSEC);
        peer_sends(t, "A", 1, 1 + 1000 * i, 0);
        ignore_sent(t);
        assert_true(heard.ack.rate.has_data);
        assert_true(heard.ack.rate.rate <= 100000);
    }
    assert_int_equal(heard.ack.rate.delivered, 20000);
    assert_int_equal(heard.ack.rate.interval, 200 * WEFT_MSEC);
    assert_int_equal(heard.ack.rate.rate, 100000);
    assert_int_equal(heard.ack.rate.in_flight, 20000);
    assert_false(heard.ack.rate.app_limited);
    assert_int_equal(tp_info(t).delivery_rate, 100000);
    assert_false(tp_info(t).delivery_rate_app_limited);
    tcp_peer_end(t);
}

/* ACKs that come in a bunch do not make the network fast: then the time that sending took counts. */
static void compressed_acks_do_not_raise_the_rate(void **state)
{
    struct tcp_peer *t = start(&with_fixed);

    (void)state;
    for (unsigned i = 0; i < 6; i++) { /* the first at 0, the last at 50 ms */
        we_write(t, 1000);
        after(t, 10 * WEFT_MSEC);
    }
    after(t, 80 * WEFT_MSEC);
    peer_sends(t, "A", 1, 1001, 0);
    we_write(t, 1000); /* at 140 ms, when the last news was of what was sent at 0 */
    ignore_sent(t);
    after(t, 100 * WEFT_MSEC);
    peer_sends(t, "A", 1, 7001, 0);
    assert_int_equal(heard.ack.rate.delivered, 6000);
    assert_int_equal(heard.ack.rate.interval, 140 * WEFT_MSEC);
    assert_int_equal(heard.ack.rate.rate, 6000 * 1000 / 140);
    tcp_peer_end(t);
}

/* The sample of what is sent after the application had nothing more is marked, until all that was out has
 * arrived. */
static void what_the_application_limits_is_marked(void **state)
{
    struct tcp_peer *t = start(&with_fixed);

    (void)state;
    we_write(t, 3000); /* of a window of 20000 */
    ignore_sent(t);
    after(t, 100 * WEFT_MSEC);
    peer_sends(t, "A", 1, 3001, 0);
    assert_true(heard.ack.rate.app_limited);
    assert_true(tp_info(t).delivery_rate_app_limited);
    we_write(t, 100000);
    ignore_sent(t);
    for (unsigned i = 1; i <= 60; i++) {
        after(t, 100 * WEFT_MSEC / 20);
        peer_sends(t, "A", 1, 3001 + 1000 * i, 0);
        ignore_sent(t);
    }
    assert_false(heard.ack.rate.app_limited);
    tcp_peer_end(t);
}

/* What has been lost since a segment was sent comes with its sample. */
static void a_sample_knows_of_losses(void **state)
{
    struct tcp_peer *t = start(&with_fixed);

    (void)state;
    we_write(t, 20000);
    ignore_sent(t);
    after(t, 100 * WEFT_MSEC);
    peer_sacks(t, 1, 1, 2001, 6001);
    assert_int_equal(heard.lost.bytes, 2000);
    after(t, 1 * WEFT_MSEC);
    peer_sacks(t, 1, 1, 2001, 10001);
    assert_int_equal(heard.ack.rate.lost, 2000);
    assert_int_equal(heard.ack.rate.in_flight, 20000);
    tcp_peer_end(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_chosen_by_name),
        cmocka_unit_test(an_unknown_name_is_refused),
        cmocka_unit_test(a_listener_passes_it_on),
        cmocka_unit_test(a_connection_can_change_it),
        cmocka_unit_test(an_ack_tells_what_has_arrived),
        cmocka_unit_test(growth_needs_use),
        cmocka_unit_test(losses_are_told_in_their_order),
        cmocka_unit_test(signals_of_one_window),
        cmocka_unit_test(a_recovery_is_told_after_a_mark),
        cmocka_unit_test(a_timeout_is_a_signal_once),
        cmocka_unit_test(a_restart_is_told),
        cmocka_unit_test(a_rate_is_what_arrives_by_the_time_it_takes),
        cmocka_unit_test(compressed_acks_do_not_raise_the_rate),
        cmocka_unit_test(what_the_application_limits_is_marked),
        cmocka_unit_test(a_sample_knows_of_losses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
