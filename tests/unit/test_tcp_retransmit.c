/* SPDX-License-Identifier: MIT */
/* When unacknowledged data goes again, and when we give up: RFC 6298, RFC 9293 3.8.1 to 3.8.3, RFC 5482. */
#define TP_CONGESTION "newreno"
#include "tcp_peer.h"

/* RFC 6298 2.2: RTO = SRTT + max(G, 4 * RTTVAR) with RTTVAR = R / 2; ours is never closer than 200 ms to SRTT. */
static void the_first_sample_sets_the_timeout(void **state)
{
    struct tcp_peer *t = tcp_peer_syn_sent(NULL);

    (void)state;
    after(t, 300 * WEFT_MSEC);
    peer_sends_syn(t, "SA", 0, 1); /* R = 300 ms */
    we_send(t, "A", 1, 1, 0);
    assert_int_equal(tp_info(t).srtt, 300 * WEFT_MSEC);
    assert_int_equal(tp_info(t).rttvar, 150 * WEFT_MSEC);
    assert_int_equal(tp_info(t).rto, 900 * WEFT_MSEC);
    we_write(t, 100);
    we_send(t, "PA", 1, 1, 100);
    silence(t, 900 * WEFT_MSEC);
    we_send(t, "PA", 1, 1, 100);
    tcp_peer_end(t);
}

static void a_passive_open_measures_too(void **state)
{
    struct tcp_peer *t = tcp_peer_syn_received(NULL);

    (void)state;
    after(t, 300 * WEFT_MSEC);
    peer_sends(t, "A", 1, 1, 0);
    tp_accept(t);
    assert_int_equal(tp_info(t).srtt, 300 * WEFT_MSEC);
    assert_int_equal(tp_info(t).rto, 900 * WEFT_MSEC);
    tcp_peer_end(t);
}

/* RFC 6298 2.3: RTTVAR = 3/4 RTTVAR + 1/4 |SRTT - R'|, SRTT = 7/8 SRTT + 1/8 R'. */
static void later_samples_are_smoothed(void **state)
{
    struct tcp_peer *t = tcp_peer_syn_sent(NULL);

    (void)state;
    after(t, 300 * WEFT_MSEC);
    peer_sends_syn(t, "SA", 0, 1);
    we_send(t, "A", 1, 1, 0);
    we_write(t, 100);
    we_send(t, "PA", 1, 1, 100);
    after(t, 700 * WEFT_MSEC);
    peer_sends(t, "A", 1, 101, 0);
    assert_int_equal(tp_info(t).rttvar, 150000 * 3 / 4 + 400000 / 4);
    assert_int_equal(tp_info(t).srtt, 300000 * 7 / 8 + 700000 / 8);
    assert_int_equal(tp_info(t).rto, 350000 + 4 * 212500);
    tcp_peer_end(t);
}

/* Ours (RFC 6298 2.4 says 1 s): SRTT and 200 ms. The configuration can say otherwise. */
static void the_timeout_has_a_lower_bound(void **state)
{
    struct tcp_peer *t = tcp_peer_measured(NULL);

    (void)state;
    we_write(t, 100);
    we_send(t, "PA", 1, 1, 100);
    silence(t, 300 * WEFT_MSEC);
    we_send(t, "PA", 1, 1, 100);
    tcp_peer_end(t);
    t = tcp_peer_measured(&(struct tcp_peer_setup){.tcp = {.rto_min = WEFT_SEC}});
    we_write(t, 100);
    we_send(t, "PA", 1, 1, 100);
    silence(t, 1100 * WEFT_MSEC);
    we_send(t, "PA", 1, 1, 100);
    tcp_peer_end(t);
}

/* RFC 6298 5.5, MUST-19: doubled each time, up to a bound; 5.1: the timer runs from the first segment. */
static void timeouts_back_off(void **state)
{
    static const unsigned wait_ms[] = {300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 60000, 60000};
    struct tcp_peer *t = tcp_peer_measured(NULL);

    (void)state;
    we_write(t, 100);
    we_send(t, "PA", 1, 1, 100);
    for (unsigned i = 0; i < 10; i++) {
        silence(t, wait_ms[i] * WEFT_MSEC);
        we_send(t, "PA", 1, 1, 100);
    }
    assert_int_equal(tp_info(t).timeouts, 10);
    tcp_peer_end(t);
}

/* MUST-20: R2 of at least 100 s (SHLD-11) for data; then the connection is closed and the user told (MUST-12). */
static void after_r2_the_connection_is_given_up(void **state)
{
    struct tcp_peer *t = tcp_peer_measured(NULL);
    weft_time began = t->now;

    (void)state;
    we_write(t, 100);
    we_send(t, "PA", 1, 1, 100);
    while (t->state == WEFT_TCP_ESTABLISHED)
        after(t, WEFT_SEC);
    assert_true(t->now - began >= 100 * WEFT_SEC && t->now - began < 1800 * WEFT_SEC);
    assert_int_equal(weft_sock_error(t->sock), WEFT_E_TIMEDOUT);
    we_hear(t, WEFT_FAILED);
    for (unsigned i = 0; i < 15; i++)
        we_send(t, "PA", 1, 1, 100);
    we_send(t, "RA", 101, 1, 0);
    we_send_nothing(t);
    tcp_peer_end(t);
}

/* MUST-21: the application can set R2. */
static void r2_can_be_set(void **state)
{
    struct tcp_peer *t = tcp_peer_measured(&(struct tcp_peer_setup){.tcp = {.data_retries = 2}});

    (void)state;
    we_write(t, 100);
    after(t, (300 + 600 + 1200) * WEFT_MSEC);
    we_are(t, CLOSED);
    tcp_peer_end(t);
}

/* R2 counts retransmissions of the same segment (RFC 9293 3.8.3): progress begins it anew. */
static void progress_begins_r2_anew(void **state)
{
    struct tcp_peer *t = tcp_peer_measured(&(struct tcp_peer_setup){.tcp = {.data_retries = 2}});
    uint32_t una = 1;

    (void)state;
    we_write(t, 8000);
    for (unsigned i = 0; i < 8; i++) {
        while (tp_info(t).timeouts < 2 * i + 2)
            after(t, 10 * WEFT_MSEC);
        una += 1000;
        peer_sends(t, "A", 1, una, 0);
        ignore_sent(t);
    }
    assert_int_equal(tp_info(t).unacked, 0);
    we_are(t, ESTABLISHED);
    tcp_peer_end(t);
}

static void set_user_timeout(struct weft_sock *sock)
{
    assert_int_equal(weft_sock_setopt(sock, WEFT_OPT_USER_TIMEOUT, 5 * WEFT_SEC), 0);
}

/* RFC 9293 3.8.3, RFC 5482 2: how long sent data may stay unacknowledged; progress begins it anew. */
static void the_user_timeout_closes(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.prepare = set_user_timeout});

    (void)state;
    after(t, 100 * WEFT_SEC); /* nothing is out: no timeout */
    we_are(t, ESTABLISHED);
    we_write(t, 2000);
    after(t, 4 * WEFT_SEC);
    peer_sends(t, "A", 1, 1001, 0);
    after(t, 5 * WEFT_SEC - 1);
    we_are(t, ESTABLISHED);
    after(t, 1);
    we_are(t, CLOSED);
    assert_int_equal(weft_sock_error(t->sock), WEFT_E_TIMEDOUT);
    tcp_peer_end(t);
}

/* MUST-21: a time of the application's is R2, also when it is longer than ours. */
static void a_long_user_timeout_outlives_r2(void **state)
{
    struct tcp_peer *t = tcp_peer_measured(&(struct tcp_peer_setup){.tcp = {.data_retries = 2}});
    weft_time began = t->now;

    (void)state;
    assert_int_equal(weft_sock_setopt(t->sock, WEFT_OPT_USER_TIMEOUT, 86400 * WEFT_SEC), 0);
    we_write(t, 100);
    while (t->state == WEFT_TCP_ESTABLISHED && t->now < began + 2 * 86400 * WEFT_SEC) {
        after(t, 60 * WEFT_SEC);
        ignore_sent(t);
    }
    assert_in_range(t->now - began, 86400 * WEFT_SEC, 86460 * WEFT_SEC);
    assert_int_equal(weft_sock_error(t->sock), WEFT_E_TIMEDOUT);
    tcp_peer_end(t);
}

/* SHLD-9, SHLD-10: at R1, three retransmissions, the application hears that the peer does not answer; for SYNs
 * as for data (MUST-22). */
static void r1_is_told(void **state)
{
    struct tcp_peer *t = tcp_peer_measured(NULL);

    (void)state;
    we_write(t, 100);
    t->heard = 0;
    after(t, (300 + 600 + 1200) * WEFT_MSEC - 1);
    assert_false(t->heard & WEFT_TROUBLE);
    assert_int_equal(weft_sock_trouble(t->sock), 0);
    after(t, 1);
    we_hear(t, WEFT_TROUBLE);
    assert_int_equal(weft_sock_trouble(t->sock), WEFT_E_TIMEDOUT);
    ignore_sent(t);
    peer_sends(t, "A", 1, 101, 0);
    assert_int_equal(weft_sock_trouble(t->sock), 0);
    tcp_peer_end(t);
    t = tcp_peer_syn_sent(NULL);
    after(t, 7 * WEFT_SEC);
    we_hear(t, WEFT_TROUBLE);
    assert_int_equal(weft_sock_trouble(t->sock), WEFT_E_TIMEDOUT);
    tcp_peer_end(t);
}

/* RFC 6298 3, MUST-18: Karn: a segment that was sent twice is no measure, unless timestamps say which copy. */
static void a_repeated_segment_is_no_measure(void **state)
{
    struct tcp_peer *t = tcp_peer_measured(NULL);
    weft_time srtt = tp_info(t).srtt;

    (void)state;
    we_write(t, 100);
    we_send(t, "PA", 1, 1, 100);
    silence(t, 300 * WEFT_MSEC);
    we_send(t, "PA", 1, 1, 100);
    after(t, 50 * WEFT_MSEC);
    peer_sends(t, "A", 1, 101, 0);
    assert_int_equal(tp_info(t).srtt, srtt);
    we_write(t, 100); /* RFC 6298 5.5: the back-off stays until there is a new measure */
    we_send(t, "PA", 101, 1, 100);
    silence(t, 600 * WEFT_MSEC);
    we_send(t, "PA", 101, 1, 100);
    tcp_peer_end(t);
}

static void with_timestamps_the_copy_is_known(void **state)
{
    struct tcp_peer *t = tcp_peer_measured(&(struct tcp_peer_setup){.timestamps = true});

    (void)state;
    we_write(t, 100);
    we_send(t, "PA", 1, 1, 100);
    silence(t, 300 * WEFT_MSEC);
    we_send(t, "PA", 1, 1, 100);
    after(t, 50 * WEFT_MSEC);
    peer_sends(t, "A", 1, 101, 0); /* echoes the second */
    assert_true(tp_info(t).srtt < 100 * WEFT_MSEC && tp_info(t).srtt >= 90 * WEFT_MSEC);
    we_write(t, 100);
    we_send(t, "PA", 101, 1, 100);
    silence(t, tp_info(t).rto);
    we_send(t, "PA", 101, 1, 100);
    tcp_peer_end(t);
}

/* RFC 6298 5.2 and 5.3: an ACK of everything stops the timer; one of new data begins it anew. */
static void the_timer_begins_anew_with_progress(void **state)
{
    struct tcp_peer *t = tcp_peer_measured(NULL);

    (void)state;
    we_write(t, 2000);
    ignore_sent(t);
    silence(t, 200 * WEFT_MSEC);
    peer_sends(t, "A", 1, 1001, 0);
    silence(t, tp_info(t).rto);
    we_send(t, "PA", 1001, 1, 1000);
    peer_sends(t, "A", 1, 2001, 0);
    after(t, 1000 * WEFT_SEC);
    we_send_nothing(t);
    tcp_peer_end(t);
}

/* A duplicate ACK is no progress. */
static void a_duplicate_ack_leaves_the_timer(void **state)
{
    struct tcp_peer *t = tcp_peer_measured(NULL);

    (void)state;
    we_write(t, 100);
    we_send(t, "PA", 1, 1, 100);
    after(t, 250 * WEFT_MSEC);
    peer_sends(t, "A", 1, 1, 0);
    silence(t, 50 * WEFT_MSEC);
    we_send(t, "PA", 1, 1, 100);
    tcp_peer_end(t);
}

/* RFC 6298 5.4: the earliest only; RFC 5681 3.1: then slow start from one segment. */
static void after_a_timeout_slow_start_begins(void **state)
{
    struct tcp_peer *t = tcp_peer_measured(NULL);

    (void)state;
    we_write(t, 8000);
    for (unsigned i = 0; i < 8; i++)
        we_send(t, i == 7 ? "PA" : "A", 1 + 1000 * i, 1, 1000);
    silence(t, 300 * WEFT_MSEC);
    we_send(t, "A", 1, 1, 1000);
    we_send_nothing(t);
    assert_int_equal(tp_info(t).cwnd, 1000);
    assert_int_equal(tp_info(t).ssthresh, 4000);
    after(t, 100 * WEFT_MSEC);
    peer_sends(t, "A", 1, 1001, 0);
    we_send(t, "A", 1001, 1, 1000);
    we_send(t, "A", 2001, 1, 1000);
    we_send_nothing(t);
    after(t, 100 * WEFT_MSEC);
    peer_sends(t, "A", 1, 8001, 0);
    we_send_nothing(t);
    tcp_peer_end(t);
}

/* RFC 5681 3.1: "when a TCP sender detects segment loss using the retransmission timer and the given segment has
 * not yet been resent": ssthresh is set once. */
static void ssthresh_is_set_once_for_timeouts_in_a_row(void **state)
{
    struct tcp_peer *t = tcp_peer_measured(NULL);

    (void)state;
    we_write(t, 8000);
    after(t, 300 * WEFT_MSEC);
    assert_int_equal(tp_info(t).ssthresh, 4000);
    after(t, 600 * WEFT_MSEC);
    after(t, 1200 * WEFT_MSEC);
    assert_int_equal(tp_info(t).ssthresh, 4000);
    tcp_peer_end(t);
}

/* RFC 5681 4.1: after more than an RTO without sending, cwnd is at most the initial window. */
static void an_idle_connection_begins_slowly(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);
    uint32_t at = 1;

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        we_write(t, 40000);
        for (unsigned k = 0; k < 40; k++, at += 1000)
            peer_sends(t, "A", 1, at + 1000, 0);
        ignore_sent(t);
    }
    assert_true(tp_info(t).cwnd > 20000);
    after(t, 10 * WEFT_SEC);
    we_write(t, 40000);
    assert_int_equal(t->count, 10); /* RFC 6928 */
    tcp_peer_end(t);
}

/* RFC 6928 2: min(10 * MSS, max(2 * MSS, 14600)). */
static void the_initial_window(void **state)
{
    static const struct {
        uint16_t mss;
        unsigned segs;
    } cases[] = {{500, 10}, {1000, 10}, {1460, 10}, {4000, 3}, {8000, 2}, {9000, 2}};

    (void)state;
    for (unsigned i = 0; i < 6; i++) {
        struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.mss = cases[i].mss, .mtu = 9100});
        uint32_t sent = 0;

        we_write(t, 60000);
        for (; t->count > 0; tp_pass(t))
            sent += t->segs[t->first].len;
        assert_true(sent / cases[i].mss == cases[i].segs);
        tcp_peer_end(t);
    }
}

/* FINs are retransmitted as data is, and with it. */
static void a_fin_is_repeated(void **state)
{
    struct tcp_peer *t = tcp_peer_measured(NULL);

    (void)state;
    assert_int_equal(tp_write(t, 100, 0), 100);
    we_shutdown(t);
    we_send(t, "FPA", 1, 1, 100);
    silence(t, 300 * WEFT_MSEC);
    we_send(t, "FPA", 1, 1, 100);
    peer_sends(t, "A", 1, 101, 0);
    we_are(t, FIN_WAIT_1);
    after(t, 600 * WEFT_MSEC);
    we_send(t, "FA", 101, 1, 0);
    peer_sends(t, "A", 1, 102, 0);
    we_are(t, FIN_WAIT_2);
    tcp_peer_end(t);
}

/* A retransmission carries the ACK and the window of now, not of when it was first sent. */
static void a_repeated_segment_has_todays_ack(void **state)
{
    struct tcp_peer *t = tcp_peer_measured(NULL);

    (void)state;
    we_write(t, 100);
    we_send(t, "PA", 1, 1, 100);
    peer_sends(t, "PA", 1, 1, 50);
    we_send(t, "A", 101, 51, 0);
    after(t, 300 * WEFT_MSEC);
    we_send(t, "PA", 1, 51, 100);
    tcp_peer_end(t);
}

/* MAY-16: small segments that were sent apart may go again together; every byte once. */
static void small_segments_may_be_repeated_together(void **state)
{
    struct tcp_peer *t = tcp_peer_measured(NULL);

    (void)state;
    weft_sock_setopt(t->sock, WEFT_OPT_NODELAY, 1);
    for (unsigned i = 0; i < 3; i++)
        we_write(t, 100);
    ignore_sent(t);
    after(t, 300 * WEFT_MSEC);
    uint32_t next = 1;
    for (unsigned i = 0; i < 10 && next < 301; i++) {
        while (t->count > 0) {
            assert_int_equal(t->segs[t->first].seq, next);
            next += t->segs[t->first].len;
            tp_pass(t);
        }
        peer_sends(t, "A", 1, next, 0);
    }
    assert_int_equal(next, 301);
    tcp_peer_end(t);
}

/* Three segments of 100 have gone, at different times. */
static void send_three_small(struct tcp_peer *t)
{
    weft_sock_setopt(t->sock, WEFT_OPT_NODELAY, 1);
    for (unsigned i = 0; i < 3; i++) {
        we_write(t, 100);
        after(t, WEFT_MSEC);
    }
    ignore_sent(t);
}

/* RFC 6298 5.4: one segment goes again at a timeout, though the window has room for more small ones. */
static void a_timeout_repeats_one_segment(void **state)
{
    struct tcp_peer *t = tcp_peer_measured(NULL);

    (void)state;
    send_three_small(t);
    after(t, 300 * WEFT_MSEC);
    we_send(t, "PA", 1, 1, 300);
    we_send_nothing(t);
    tcp_peer_end(t);
    t = tcp_peer_measured(&(struct tcp_peer_setup){.sack = true, .tcp = {.no_tail_probe = true}});
    send_three_small(t);
    after(t, 90 * WEFT_MSEC);
    peer_sacks(t, 1, 1, 101, 201);
    after(t, 20 * WEFT_MSEC);
    we_send_nothing(t); /* RACK waits */
    t->sock->tcb->deadline[WEFT_TIMER_REORDER] = WEFT_TIME_NEVER;
    after(t, 300 * WEFT_MSEC);
    we_send(t, "A", 1, 1, 100);
    we_send_nothing(t);
    tcp_peer_end(t);
}

/* What is measured is never so much that a timeout made of it wraps. */
static void a_very_long_round_trip(void **state)
{
    static const weft_time times[] = {1431655766, 1ull << 30, 1ull << 31, (1ull << 32) + 1, 1ull << 40};

    (void)state;
    for (unsigned i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        struct tcp_peer *t = tcp_peer_established(NULL);
        struct tcb *tcb = t->sock->tcb;

        tcp_rtt_init(tcb);
        for (unsigned k = 0; k < 3; k++) {
            tcp_rtt_sample(tcb, times[i]);
            assert_int_equal(tcb->rtt.rto, tcb->tcp->config.rto_max);
        }
        tcp_peer_end(t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_sample_sets_the_timeout),
        cmocka_unit_test(a_passive_open_measures_too),
        cmocka_unit_test(later_samples_are_smoothed),
        cmocka_unit_test(the_timeout_has_a_lower_bound),
        cmocka_unit_test(timeouts_back_off),
        cmocka_unit_test(after_r2_the_connection_is_given_up),
        cmocka_unit_test(r2_can_be_set),
        cmocka_unit_test(progress_begins_r2_anew),
        cmocka_unit_test(the_user_timeout_closes),
        cmocka_unit_test(a_long_user_timeout_outlives_r2),
        cmocka_unit_test(r1_is_told),
        cmocka_unit_test(a_repeated_segment_is_no_measure),
        cmocka_unit_test(with_timestamps_the_copy_is_known),
        cmocka_unit_test(the_timer_begins_anew_with_progress),
        cmocka_unit_test(a_duplicate_ack_leaves_the_timer),
        cmocka_unit_test(after_a_timeout_slow_start_begins),
        cmocka_unit_test(ssthresh_is_set_once_for_timeouts_in_a_row),
        cmocka_unit_test(an_idle_connection_begins_slowly),
        cmocka_unit_test(the_initial_window),
        cmocka_unit_test(a_fin_is_repeated),
        cmocka_unit_test(a_repeated_segment_has_todays_ack),
        cmocka_unit_test(small_segments_may_be_repeated_together),
        cmocka_unit_test(a_timeout_repeats_one_segment),
        cmocka_unit_test(a_very_long_round_trip),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
