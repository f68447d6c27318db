/* SPDX-License-Identifier: MIT */
/* Pacing (src/tcp/pace.c): the spacing on the wire, what goes at once, its options; and what pauses leave of cwnd. */
#include "tcp_peer.h"

static void paced(struct weft_sock *sock)
{
    assert_int_equal(weft_sock_setopt(sock, WEFT_OPT_PACING, 1), 0);
}

/* 100 segments a second. */
static void slow(struct weft_sock *sock)
{
    assert_int_equal(weft_sock_setopt(sock, WEFT_OPT_MAX_PACING_RATE, 100000), 0);
}

static void fast(struct weft_sock *sock)
{
    assert_int_equal(weft_sock_setopt(sock, WEFT_OPT_MAX_PACING_RATE, 20000000), 0);
}

static struct tcp_peer *start(void (*prepare)(struct weft_sock *sock))
{
    struct tcp_peer_setup setup = {.sack = true, .prepare = prepare};

    return tcp_peer_measured(&setup);
}

/* Two segments go at once, and the next two when those have had their time: 20 ms at this rate. */
static void data_leaves_at_the_rate(void **state)
{
    struct tcp_peer *t = start(slow);

    (void)state;
    assert_int_equal(tp_info(t).pacing_rate, 100000);
    we_write(t, 10000);
    for (unsigned i = 0; i < 5; i++) {
        we_send(t, "A", 1 + 2000 * i, 1, 1000);
        we_send(t, i < 4 ? "A" : "PA", 1001 + 2000 * i, 1, 1000);
        we_send_nothing(t);
        if (i == 4)
            break;
        assert_int_equal(tp_info(t).limit, WEFT_LIMIT_PACING);
        silence(t, 20 * WEFT_MSEC);
    }
    tcp_peer_end(t);
}

/* ACKs in between let nothing go sooner. */
static void acks_do_not_break_the_pace(void **state)
{
    struct tcp_peer *t = start(slow);

    (void)state;
    we_write(t, 30000);
    ignore_sent(t);
    after(t, 5 * WEFT_MSEC);
    peer_sends(t, "A", 1, 2001, 0);
    we_send_nothing(t);
    silence(t, 15 * WEFT_MSEC);
    we_send(t, "A", 2001, 1, 1000);
    we_send(t, "A", 3001, 1, 1000);
    we_send_nothing(t);
    tcp_peer_end(t);
}

/* A pause gives no credit: after it two segments go, and not what the pause would have been worth. */
static void a_pause_gives_no_credit(void **state)
{
    struct tcp_peer *t = start(slow);

    (void)state;
    we_write(t, 2000);
    ignore_sent(t);
    peer_sends(t, "A", 1, 2001, 0);
    after(t, WEFT_SEC);
    we_write(t, 10000);
    assert_int_equal(t->count, 2);
    ignore_sent(t);
    silence(t, 20 * WEFT_MSEC);
    assert_int_equal(t->count, 2);
    ignore_sent(t);
    tcp_peer_end(t);
}

/* About a millisecond goes at once: one super-segment of 20 segments at 20 MB/s, if cwnd has as much. */
static void a_millisecond_goes_at_once(void **state)
{
    struct tcp_peer_setup setup = {
        .sack = true, .prepare = fast, .caps = WEFT_LINK_TSO4, .tcp = {.initial_window_segs = 40}};
    struct tcp_peer *t = tcp_peer_established(&setup); /* in no time, so that only the bound counts */

    (void)state;
    we_write(t, 40000);
    assert_int_equal(t->count, 1);
    assert_int_equal(t->segs[t->first].len, 20000);
    ignore_sent(t);
    silence(t, 1 * WEFT_MSEC);
    assert_int_equal(t->count, 1);
    assert_int_equal(t->segs[t->first].len, 20000);
    ignore_sent(t);
    tcp_peer_end(t);
}

/* How many segments go at once when the first eight of thirty are found lost. */
static unsigned resent_at_once(void (*prepare)(struct weft_sock *sock))
{
    struct tcp_peer_setup setup = {.sack = true, .prepare = prepare, .tcp = {.initial_window_segs = 30}};
    struct tcp_peer *t = tcp_peer_measured(&setup);
    unsigned count;

    we_write(t, 30000);
    after(t, 150 * WEFT_MSEC);
    assert_int_equal(t->count, 30);
    ignore_sent(t);
    peer_sacks(t, 1, 1, 8001, 30001);
    assert_int_equal(tp_info(t).recoveries, 1);
    count = t->count;
    ignore_sent(t);
    tcp_peer_end(t);
    return count;
}

static void quick(struct weft_sock *sock)
{
    assert_int_equal(weft_sock_setopt(sock, WEFT_OPT_MAX_PACING_RATE, 250000), 0);
}

/* What is lost is sent again at the rate, too. */
static void retransmissions_are_paced(void **state)
{
    (void)state;
    assert_int_equal(resent_at_once(quick), 2);
    assert_true(resent_at_once(NULL) > 2);
}

static void very_slow(struct weft_sock *sock)
{
    assert_int_equal(weft_sock_setopt(sock, WEFT_OPT_MAX_PACING_RATE, 1000), 0);
}

/* What waits for its turn has not gone, and cannot be timed out; its timeout begins with it (RFC 6298 5.1). */
static void a_timeout_waits_for_the_pace(void **state)
{
    struct tcp_peer_setup setup = {.sack = true, .prepare = very_slow, .tcp = {.no_tail_probe = true}};
    struct tcp_peer *t = tcp_peer_measured(&setup);
    weft_time rto = tp_info(t).rto;

    (void)state;
    we_write(t, 2000);
    ignore_sent(t);
    after(t, 1900 * WEFT_MSEC);
    assert_int_equal(tp_info(t).timeouts, 1);
    we_send_nothing(t);
    after(t, 101 * WEFT_MSEC);
    we_send(t, "A", 1, 1, 1000);
    after(t, 2 * rto - 10 * WEFT_MSEC);
    assert_int_equal(tp_info(t).timeouts, 1);
    after(t, 20 * WEFT_MSEC);
    assert_int_equal(tp_info(t).timeouts, 2);
    tcp_peer_end(t);
}

/* Without a bound the rate is what fills cwnd in a round trip, twice in slow start: 10 segments in 50 ms. */
static void the_rate_of_cwnd(void **state)
{
    struct tcp_peer *t = start(paced);
    uint64_t rate = tp_info(t).pacing_rate;

    (void)state;
    assert_int_equal(rate, 200000);
    we_write(t, 12000);
    assert_int_equal(t->count, 2);
    ignore_sent(t);
    silence(t, 10 * WEFT_MSEC);
    assert_int_equal(t->count, 2);
    after(t, 30 * WEFT_MSEC);
    assert_int_equal(t->count, 8);
    ignore_sent(t);
    tcp_peer_end(t);
}

static void off_means_bursts(void **state)
{
    struct tcp_peer *t = start(NULL);

    (void)state;
    assert_int_equal(tp_info(t).pacing_rate, 0);
    we_write(t, 10000);
    assert_int_equal(t->count, 10);
    ignore_sent(t);
    tcp_peer_end(t);
}

/* In the middle of a connection; what waits for its turn goes when it is switched off. */
static void it_can_be_switched(void **state)
{
    struct tcp_peer *t = start(slow);
    int64_t value;

    (void)state;
    we_write(t, 10000);
    assert_int_equal(t->count, 2);
    assert_int_equal(weft_sock_setopt(t->sock, WEFT_OPT_MAX_PACING_RATE, 0), 0);
    tp_step(t);
    assert_int_equal(t->count, 10);
    ignore_sent(t);
    assert_int_equal(weft_sock_getopt(t->sock, WEFT_OPT_MAX_PACING_RATE, &value), 0);
    assert_int_equal(value, 0);
    assert_int_equal(weft_sock_setopt(t->sock, WEFT_OPT_PACING, 1), 0);
    assert_int_equal(weft_sock_getopt(t->sock, WEFT_OPT_PACING, &value), 0);
    assert_int_equal(value, 1);
    assert_true(tp_info(t).pacing_rate > 0);
    assert_int_equal(weft_sock_setopt(t->sock, WEFT_OPT_PACING, 2), WEFT_E_INVAL);
    assert_int_equal(weft_sock_setopt(t->sock, WEFT_OPT_MAX_PACING_RATE, -1), WEFT_E_INVAL);
    tcp_peer_end(t);
}

/* A whole stack does, unless it is told not to. */
static void a_stack_paces(void **state)
{
    struct tcp_peer_setup setup = {.paced = true};
    struct tcp_peer *t = tcp_peer_measured(&setup);
    const struct weft_tcp_config usual = {0};

    (void)state;
    assert_false(usual.no_pacing);
    we_write(t, 20000);
    assert_int_equal(t->count, 2);
    ignore_sent(t);
    tcp_peer_end(t);
}

/* What an initial window holds goes at once when nothing is out. */
static void a_short_answer_is_not_paced(void **state)
{
    struct tcp_peer_setup setup = {.paced = true};
    struct tcp_peer *t = tcp_peer_measured(&setup);

    (void)state;
    we_write(t, 10000);
    assert_int_equal(t->count, 10);
    ignore_sent(t);
    peer_sends(t, "A", 1, 9001, 0);
    we_write(t, 10000); /* something is out */
    assert_true(t->count < 10);
    ignore_sent(t);
    tcp_peer_end(t);
}

/* Where a round trip is a millisecond or less the window is what may go at once. */
static void a_short_path_needs_no_pace(void **state)
{
    struct tcp_peer_setup setup = {.paced = true};
    struct tcp_peer *t = tcp_peer_measured(&setup);

    (void)state;
    t->sock->tcb->rtt.srtt = WEFT_MSEC;
    assert_int_equal(tp_info(t).pacing_rate, 0);
    we_write(t, 10000);
    assert_int_equal(t->count, 10);
    ignore_sent(t);
    t->sock->tcb->rtt.srtt = WEFT_MSEC + 1;
    assert_true(tp_info(t).pacing_rate > 0);
    tcp_peer_end(t);
}

/* While PRR doles the window out cwnd may be small: the pace is that of ssthresh. */
static void a_recovery_is_paced_by_what_it_ends_with(void **state)
{
    struct tcp_peer_setup setup = {.sack = true, .paced = true, .tcp = {.congestion = "newreno"}};
    struct tcp_peer *t = tcp_peer_measured(&setup);

    (void)state;
    t->sock->tcb->cc.cwnd = 20000;
    we_write(t, 20000);
    after(t, 100 * WEFT_MSEC);
    ignore_sent(t);
    peer_sacks(t, 1, 1, 17001, 20001);
    assert_int_equal(tp_info(t).cwnd, 3000);
    assert_int_equal(tp_info(t).ssthresh, 10000);
    assert_in_range(tp_info(t).pacing_rate, 120000, 121000);
    ignore_sent(t);
    tcp_peer_end(t);
}

/* A FIN waits behind its data, and goes with the last of it. */
static void the_fin_goes_with_the_last(void **state)
{
    struct tcp_peer *t = start(slow);

    (void)state;
    assert_int_equal(tp_write(t, 4000, 0), 4000);
    we_shutdown(t);
    we_send(t, "A", 1, 1, 1000);
    we_send(t, "A", 1001, 1, 1000);
    silence(t, 20 * WEFT_MSEC);
    we_send(t, "A", 2001, 1, 1000);
    we_send(t, "FPA", 3001, 1, 1000);
    tcp_peer_end(t);
}

/* --- Pauses: RFC 5681 4.1 and RFC 7661 ------------------------------------------------------------ */

/* A connection whose cwnd has grown to 40 segments. */
static struct tcp_peer *grown(bool keeps)
{
    struct tcp_peer_setup setup = {
        .tcp = {.congestion = "newreno", .no_idle_restart = keeps}, .wscale = true, .shift = 4};
    struct tcp_peer *t = tcp_peer_measured(&setup);

    we_write(t, 30000);
    for (unsigned i = 1; i <= 30; i++)
        peer_sends(t, "A", 1, 1 + 1000 * i, 0);
    ignore_sent(t);
    assert_in_range(tp_info(t).cwnd, 30000, 42000);
    return t;
}

static void a_pause_ends_what_is_known_of_the_path(void **state)
{
    struct tcp_peer *t = grown(false);

    (void)state;
    after(t, 2 * WEFT_SEC);
    we_write(t, 50000);
    assert_int_equal(t->count, 10);
    ignore_sent(t);
    tcp_peer_end(t);
}

static void it_can_be_kept(void **state)
{
    struct tcp_peer *t = grown(true);
    uint32_t cwnd = tp_info(t).cwnd;

    (void)state;
    after(t, 2 * WEFT_SEC);
    we_write(t, 50000);
    assert_int_equal(t->count, cwnd / 1000);
    ignore_sent(t);
    tcp_peer_end(t);
}

/* RFC 7661 4.4.3: but not for ever. */
static void after_five_minutes_half_of_it_is_left(void **state)
{
    struct tcp_peer *t = grown(true);
    uint32_t cwnd = tp_info(t).cwnd;

    (void)state;
    after(t, 301 * WEFT_SEC);
    we_write(t, 50000);
    assert_int_equal(tp_info(t).cwnd, cwnd / 2);
    assert_int_equal(tp_info(t).ssthresh, cwnd / 4 * 3);
    ignore_sent(t);
    tcp_peer_end(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(data_leaves_at_the_rate),
        cmocka_unit_test(acks_do_not_break_the_pace),
        cmocka_unit_test(a_pause_gives_no_credit),
        cmocka_unit_test(a_millisecond_goes_at_once),
        cmocka_unit_test(retransmissions_are_paced),
        cmocka_unit_test(a_timeout_waits_for_the_pace),
        cmocka_unit_test(the_rate_of_cwnd),
        cmocka_unit_test(off_means_bursts),
        cmocka_unit_test(it_can_be_switched),
        cmocka_unit_test(a_stack_paces),
        cmocka_unit_test(a_short_answer_is_not_paced),
        cmocka_unit_test(a_short_path_needs_no_pace),
        cmocka_unit_test(a_recovery_is_paced_by_what_it_ends_with),
        cmocka_unit_test(the_fin_goes_with_the_last),
        cmocka_unit_test(a_pause_ends_what_is_known_of_the_path),
        cmocka_unit_test(it_can_be_kept),
        cmocka_unit_test(after_five_minutes_half_of_it_is_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
