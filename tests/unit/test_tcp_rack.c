/* SPDX-License-Identifier: MIT */
/* Recovery with SACK: RACK's clock, tail loss probes, DSACK: RFC 8985, RFC 2018 5, RFC 2883 5. */
#define TP_CONGESTION "newreno"
#include "tcp_peer.h"

#define SACK_ON                                                                                              \
    (&(struct tcp_peer_setup){                                                                               \
        .sack = true,                                                                                        \
    })

/* `n` segments of 1000 went out a round trip of 100 ms ago; nothing more is written. */
static struct tcp_peer *out(unsigned n, const struct tcp_peer_setup *setup)
{
    struct tcp_peer *t = tcp_peer_measured(setup);

    we_write(t, 1000 * n);
    for (unsigned i = 0; i < n; i++)
        we_send(t, i + 1 == n ? "PA" : "A", 1 + 1000 * i, 1, 1000);
    after(t, 100 * WEFT_MSEC);
    return t;
}

/* RFC 8985 6.2 step 4: with DupThresh segments SACKed and no reordering seen nothing is waited for. */
static void three_sacked_segments_mean_loss_at_once(void **state)
{
    struct tcp_peer *t = out(6, SACK_ON);

    (void)state;
    peer_sacks(t, 1, 1, 1001, 2001);
    we_send_nothing(t);
    peer_sacks(t, 1, 1, 1001, 3001);
    we_send_nothing(t);
    peer_sacks(t, 1, 1, 1001, 4001);
    we_send(t, "A", 1, 1, 1000);
    we_send_nothing(t);
    assert_int_equal(tp_info(t).recoveries, 1);
    after(t, 100 * WEFT_MSEC);
    peer_sends(t, "A", 1, 6001, 0);
    we_send_nothing(t);
    assert_int_equal(tp_info(t).unacked, 0);
    tcp_peer_end(t);
}

/* Step 5: fewer are waited for: a quarter of the round trip after the ACK for a later one. */
static void one_sacked_segment_starts_the_reordering_timer(void **state)
{
    struct tcp_peer *t = out(3, SACK_ON);

    (void)state;
    peer_sacks(t, 1, 1, 1001, 2001);
    silence(t, 25 * WEFT_MSEC);
    we_send(t, "A", 1, 1, 1000);
    we_send_nothing(t); /* what was sent after the delivered one is not judged by it */
    tcp_peer_end(t);
}

/* What only came late is not retransmitted, and cwnd stays. */
static void reordering_within_the_window_costs_nothing(void **state)
{
    struct tcp_peer *t = out(3, SACK_ON);
    uint32_t cwnd = tp_info(t).cwnd;

    (void)state;
    peer_sacks(t, 1, 1, 1001, 2001);
    after(t, 24 * WEFT_MSEC);
    peer_sends(t, "A", 1, 3001, 0);
    after(t, WEFT_SEC);
    we_send_nothing(t);
    assert_true(tp_info(t).cwnd >= cwnd);
    assert_int_equal(tp_info(t).recoveries, 0);
    tcp_peer_end(t);
}

/* Step 3 and 4: once reordering has been seen, DupThresh does not hurry any more. */
static void seen_reordering_is_allowed_for(void **state)
{
    struct tcp_peer *t = out(3, SACK_ON);

    (void)state;
    peer_sacks(t, 1, 1, 1001, 2001);
    peer_sends(t, "A", 1, 3001, 0); /* the first one arrived, later */
    we_write(t, 6000);
    ignore_sent(t);
    after(t, 100 * WEFT_MSEC);
    peer_sacks(t, 1, 3001, 4001, 9001);
    silence(t, 25 * WEFT_MSEC);
    we_send(t, "A", 3001, 1, 1000);
    tcp_peer_end(t);
}

/* Step 4: each round trip with a DSACK widens the window by a quarter of the least round trip. */
static void dsacks_widen_the_reordering_window(void **state)
{
    struct tcp_peer *t = out(3, SACK_ON);

    (void)state;
    peer_sacks(t, 1, 1, 1001, 2001);
    silence(t, 25 * WEFT_MSEC);
    we_send(t, "A", 1, 1, 1000); /* in vain */
    peer_sends(t, "A", 1, 3001, 0);
    peer_sacks(t, 1, 3001, 1, 1001); /* RFC 2883: it came twice */
    assert_int_equal(tp_info(t).unacked, 0);
    we_write(t, 3000);
    ignore_sent(t);
    after(t, 100 * WEFT_MSEC);
    peer_sacks(t, 1, 3001, 4001, 5001);
    we_send(t, "PA", 5001, 1, 1000); /* cwnd is two segments by now */
    silence(t, 50 * WEFT_MSEC);
    we_send(t, "A", 3001, 1, 1000);
    tcp_peer_end(t);
}

/* All holes below what has arrived are lost, each goes once, in order; what was SACKed does not go again. */
static void only_the_holes_go_again(void **state)
{
    struct tcp_peer *t = out(10, SACK_ON);

    (void)state;
    peer_sacks(t, 1, 2001, 9001, 10001, 6001, 8001, 3001, 5001);
    we_send(t, "A", 2001, 1, 1000);
    after(t, 100 * WEFT_MSEC);
    peer_sacks(t, 1, 5001, 9001, 10001, 6001, 8001);
    we_send(t, "A", 5001, 1, 1000);
    we_send(t, "A", 8001, 1, 1000);
    after(t, 100 * WEFT_MSEC);
    peer_sends(t, "A", 1, 10001, 0);
    after(t, WEFT_SEC);
    we_send_nothing(t);
    assert_int_equal(tp_info(t).segs_retransmitted, 3);
    tcp_peer_end(t);
}

/* RFC 9937 6: at the end cwnd is ssthresh, however little was in flight. */
static void a_recovery_ends_at_ssthresh(void **state)
{
    struct tcp_peer *t = out(10, SACK_ON);
    uint32_t got = 1;

    (void)state;
    peer_sacks(t, 1, 1, 7001, 10001);
    assert_int_equal(tp_info(t).ssthresh, 5000);
    for (unsigned i = 0; i < 50 && got < 7001; i++) {
        after(t, 10 * WEFT_MSEC);
        for (; t->count > 0; tp_pass(t))
            if (t->segs[t->first].seq == got)
                got += t->segs[t->first].len;
        if (got < 7001)
            peer_sacks(t, 1, got, 7001, 10001);
    }
    peer_sends(t, "A", 1, 10001, 0);
    assert_int_equal(tp_info(t).cwnd, 5000);
    assert_int_equal(tp_info(t).timeouts, 0);
    tcp_peer_end(t);
}

/* RFC 8985 9.1 example 2: a lost retransmission is found without a timeout. */
static void a_lost_retransmission_is_found(void **state)
{
    struct tcp_peer *t = tcp_peer_measured(SACK_ON);

    (void)state;
    we_write(t, 30000);
    ignore_sent(t);
    after(t, 100 * WEFT_MSEC);
    peer_sacks(t, 1, 1, 1001, 5001);
    we_send(t, "A", 1, 1, 1000); /* lost again */
    after(t, 10 * WEFT_MSEC);
    peer_sacks(t, 1, 1, 1001, 10001); /* PRR lets new segments go, later than the retransmission */
    uint32_t newest = 0;
    for (; t->count > 0; tp_pass(t)) {
        assert_true(t->segs[t->first].seq >= 10001);
        newest = t->segs[t->first].seq + t->segs[t->first].len;
    }
    assert_true(newest > 10001);
    after(t, 100 * WEFT_MSEC);
    peer_sacks(t, 1, 1, 1001, newest);
    we_send(t, "A", 1, 1, 1000);
    assert_int_equal(tp_info(t).timeouts, 0);
    tcp_peer_end(t);
}

/* RFC 2018 8, RFC 6675 5.1: SACKed data stays until it is acknowledged; a peer that has reneged gets it again. */
static void reneging_is_survived(void **state)
{
    struct tcp_peer *t = out(4, SACK_ON);
    uint32_t got = 1;

    (void)state;
    peer_sacks(t, 1, 1, 1, 3001); /* SACKs even what stands first: then it is not to be believed */
    for (unsigned i = 0; i < 20 && got < 4001; i++) {
        after(t, 2 * WEFT_SEC);
        for (; t->count > 0; tp_pass(t))
            if (t->segs[t->first].seq == got)
                got += t->segs[t->first].len;
        peer_sends(t, "A", 1, got, 0);
    }
    assert_int_equal(got, 4001);
    tcp_peer_end(t);
}

/* A peer that waits for what it has SACKed has thrown it away: half a round trip later all of it goes again. */
static void reneging_shows_soon(void **state)
{
    struct tcp_peer *t = out(4, SACK_ON);

    (void)state;
    peer_sacks(t, 1, 1, 1001, 3001);
    after(t, 25 * WEFT_MSEC);
    ignore_sent(t);
    peer_sends(t, "A", 1, 1001, 0); /* the first, and nothing held */
    ignore_sent(t);
    silence(t, tp_info(t).srtt / 2);
    we_send(t, "A", 1001, 1, 1000);
    assert_int_equal(tp_info(t).in_flight, 1000);
    peer_sends(t, "A", 1, 2001, 0);
    we_send(t, "A", 2001, 1, 1000);
    tcp_peer_end(t);
}

/* SACK blocks that cannot be: behind what was sent, before what is acknowledged, upside down, empty. */
static void impossible_sacks_are_not_believed(void **state)
{
    struct tcp_peer *t = out(4, SACK_ON);

    (void)state;
    peer_sacks(t, 1, 1001, 5001, 6001);
    peer_sacks(t, 1, 1001, 3001, 9001);
    peer_sacks(t, 1, 1001, 4001, 2001);
    peer_sacks(t, 1, 1001, 2001, 2001);
    peer_sacks(t, 1, 1001, 0x80000000, 0x90000000);
    assert_int_equal(tp_info(t).in_flight, 3000);
    after(t, 30 * WEFT_MSEC);
    we_send_nothing(t);
    tcp_peer_end(t);
}

/* RFC 5681 3.1 and RFC 8985 6.3: after a timeout the first goes again, what is SACKed does not. */
static void a_timeout_keeps_the_sacks(void **state)
{
    struct tcp_peer *t = out(4, SACK_ON);

    (void)state;
    peer_sacks(t, 1, 1, 3001, 4001);
    silence(t, 25 * WEFT_MSEC);
    we_send(t, "A", 1, 1, 1000); /* RFC 9937: one, since nothing has arrived during the recovery */
    while (tp_info(t).timeouts == 0)
        after(t, 10 * WEFT_MSEC);
    ignore_sent(t);
    after(t, 100 * WEFT_MSEC);
    peer_sends(t, "A", 1, 1001, 0);
    peer_sends(t, "A", 1, 2001, 0);
    for (; t->count > 0; tp_pass(t))
        assert_true(t->segs[t->first].seq < 3001);
    peer_sends(t, "A", 1, 4001, 0);
    assert_int_equal(tp_info(t).unacked, 0);
    after(t, 10 * WEFT_SEC);
    we_send_nothing(t);
    tcp_peer_end(t);
}

/* --- Tail loss probes (RFC 8985 7) --------------------------------------------------------------------------- */

/* 7.2: PTO = 2 * SRTT; 7.3: the last segment again when there is nothing new; then the RTO begins anew. */
static void a_probe_goes_before_the_timeout(void **state)
{
    struct tcp_peer *t = tcp_peer_measured(SACK_ON);

    (void)state;
    we_write(t, 3000);
    ignore_sent(t);
    silence(t, 200 * WEFT_MSEC);
    we_send(t, "PA", 2001, 1, 1000);
    we_send_nothing(t);
    assert_int_equal(tp_count(t, WEFT_COUNT_TCP_TAIL_PROBES), 1);
    silence(t, 300 * WEFT_MSEC); /* RTO, from the probe on */
    we_send(t, "A", 1, 1, 1000);
    assert_int_equal(tp_info(t).timeouts, 1);
    tcp_peer_end(t);
}

/* 7.2: for one segment the peer's delayed ACK is allowed for, but no longer than until the RTO, which it replaces. */
static void a_lone_segment_is_probed_in_place_of_the_timeout(void **state)
{
    struct tcp_peer *t = tcp_peer_measured(SACK_ON);

    (void)state;
    we_write(t, 500);
    we_send(t, "PA", 1, 1, 500);
    silence(t, 300 * WEFT_MSEC);
    we_send(t, "PA", 1, 1, 500);
    we_send_nothing(t);
    assert_int_equal(tp_info(t).timeouts, 0);
    silence(t, 300 * WEFT_MSEC);
    we_send(t, "PA", 1, 1, 500);
    we_send_nothing(t);
    assert_int_equal(tp_info(t).timeouts, 1);
    tcp_peer_end(t);
}

/* 7.3: a probe is new data where there is some and the peer's window has room, even beyond cwnd. */
static void a_probe_prefers_new_data(void **state)
{
    struct tcp_peer *t = tcp_peer_measured(SACK_ON);

    (void)state;
    we_write(t, 15000);
    assert_int_equal(t->count, 10);
    ignore_sent(t);
    silence(t, 200 * WEFT_MSEC);
    we_send(t, "A", 10001, 1, 1000);
    we_send_nothing(t);
    tcp_peer_end(t);
}

/* 7.3: one probe at a time, and none without a measure of the round trip since the last. */
static void one_probe_at_a_time(void **state)
{
    struct tcp_peer *t = tcp_peer_measured(SACK_ON);

    (void)state;
    we_write(t, 3000);
    ignore_sent(t);
    after(t, 200 * WEFT_MSEC);
    we_send(t, "PA", 2001, 1, 1000);
    after(t, 100 * WEFT_MSEC);
    we_write(t, 1000);
    we_send(t, "PA", 3001, 1, 1000);
    after(t, 199 * WEFT_MSEC);
    we_send_nothing(t);
    assert_int_equal(tp_count(t, WEFT_COUNT_TCP_TAIL_PROBES), 1);
    tcp_peer_end(t);
}

/* 7.4.1: the SACK of the probe shows the loss before it. */
static void the_sack_of_a_probe_starts_recovery(void **state)
{
    struct tcp_peer *t = tcp_peer_measured(SACK_ON);

    (void)state;
    we_write(t, 3000);
    ignore_sent(t);
    after(t, 200 * WEFT_MSEC);
    we_send(t, "PA", 2001, 1, 1000);
    after(t, 100 * WEFT_MSEC);
    peer_sacks(t, 1, 1, 2001, 3001);
    we_send(t, "A", 1, 1, 1000); /* both went more than a round trip and a reordering window ago */
    we_send_nothing(t);          /* one for the one that has arrived (RFC 9937) */
    after(t, 100 * WEFT_MSEC);
    peer_sacks(t, 1, 1001, 2001, 3001);
    we_send(t, "A", 1001, 1, 1000);
    assert_int_equal(tp_info(t).timeouts, 0);
    assert_int_equal(tp_info(t).recoveries, 1);
    tcp_peer_end(t);
}

/* 7.1: a recovery that begins makes the probe forgotten: the loss counts once. */
static void a_recovery_settles_the_probe(void **state)
{
    struct tcp_peer *t = tcp_peer_measured(SACK_ON);
    uint32_t got = 1;

    (void)state;
    we_write(t, 8000);
    ignore_sent(t);
    after(t, 200 * WEFT_MSEC);
    we_send(t, "PA", 7001, 1, 1000);
    after(t, 100 * WEFT_MSEC);
    peer_sacks(t, 1, 1, 7001, 8001);
    for (unsigned i = 0; i < 50 && got < 7001; i++) {
        after(t, 25 * WEFT_MSEC);
        for (; t->count > 0; tp_pass(t))
            if (t->segs[t->first].seq == got)
                got += t->segs[t->first].len;
        if (got < 7001)
            peer_sacks(t, 1, got, 7001, 8001);
    }
    peer_sends(t, "A", 1, 8001, 0);
    assert_int_equal(tp_info(t).cwnd, 4000);
    we_write(t, 1000);
    ignore_sent(t);
    after(t, 100 * WEFT_MSEC);
    peer_sends(t, "A", 1, 9001, 0);
    assert_int_equal(tp_info(t).cwnd, 4000);
    tcp_peer_end(t);
}

/* 7.4.2: a loss that the probe itself has repaired counts as congestion, known by the next ACK; a DSACK says that
 * there was none. */
static void a_loss_repaired_by_the_probe_counts(void **state)
{
    struct tcp_peer *t = tcp_peer_measured(SACK_ON);

    (void)state;
    we_write(t, 3000);
    ignore_sent(t);
    after(t, 200 * WEFT_MSEC);
    we_send(t, "PA", 2001, 1, 1000);
    after(t, 100 * WEFT_MSEC);
    peer_sends(t, "A", 1, 3001, 0);
    assert_int_equal(tp_info(t).cwnd, 10000);
    we_write(t, 3000);
    ignore_sent(t);
    after(t, 100 * WEFT_MSEC);
    peer_sends(t, "A", 1, 6001, 0);
    assert_true(tp_info(t).cwnd <= 5000);
    tcp_peer_end(t);
    t = tcp_peer_measured(SACK_ON);
    we_write(t, 3000);
    ignore_sent(t);
    after(t, 200 * WEFT_MSEC);
    we_send(t, "PA", 2001, 1, 1000);
    after(t, 10 * WEFT_MSEC);
    peer_sends(t, "A", 1, 3001, 0);
    after(t, 90 * WEFT_MSEC);
    peer_sacks(t, 1, 3001, 2001, 3001);
    we_write(t, 3000);
    ignore_sent(t);
    after(t, 100 * WEFT_MSEC);
    peer_sends(t, "A", 1, 6001, 0);
    assert_int_equal(tp_info(t).cwnd, 10000);
    tcp_peer_end(t);
}

/* The DSACK may come with the ACK of what was sent next. */
static void a_late_dsack_says_that_nothing_was_lost(void **state)
{
    struct tcp_peer *t = tcp_peer_measured(SACK_ON);

    (void)state;
    we_write(t, 3000);
    ignore_sent(t);
    after(t, 200 * WEFT_MSEC);
    we_send(t, "PA", 2001, 1, 1000);
    peer_sends(t, "A", 1, 3001, 0);
    we_write(t, 3000);
    ignore_sent(t);
    after(t, 100 * WEFT_MSEC);
    peer_sacks(t, 1, 6001, 2001, 3001);
    assert_int_equal(tp_info(t).cwnd, 10000);
    tcp_peer_end(t);
}

/* 7.3 (2): no second probe before the round trip has been measured again: here only the timeout is left. */
static void no_probe_without_a_new_measure(void **state)
{
    struct tcp_peer *t = tcp_peer_measured(SACK_ON);

    (void)state;
    we_write(t, 3000);
    ignore_sent(t);
    after(t, 200 * WEFT_MSEC);
    we_send(t, "PA", 2001, 1, 1000);
    peer_sends(t, "A", 1, 3001, 0); /* of which copy nobody knows */
    peer_sacks(t, 1, 3001, 2001, 3001);
    we_write(t, 3000);
    ignore_sent(t);
    silence(t, tp_info(t).rto);
    we_send(t, "A", 3001, 1, 1000);
    assert_int_equal(tp_count(t, WEFT_COUNT_TCP_TAIL_PROBES), 1);
    tcp_peer_end(t);
}

/* Without SACK there is no probe (RFC 8985 4). */
static void without_sack_no_probe(void **state)
{
    struct tcp_peer *t = tcp_peer_measured(NULL);

    (void)state;
    we_write(t, 3000);
    ignore_sent(t);
    silence(t, 300 * WEFT_MSEC);
    we_send(t, "A", 1, 1, 1000);
    tcp_peer_end(t);
}

/* A FIN at the tail is probed as well. */
static void a_lost_fin_is_probed(void **state)
{
    struct tcp_peer *t = tcp_peer_measured(SACK_ON);

    (void)state;
    assert_int_equal(tp_write(t, 2000, 0), 2000);
    we_shutdown(t);
    we_send(t, "A", 1, 1, 1000);
    we_send(t, "FPA", 1001, 1, 1000);
    after(t, 100 * WEFT_MSEC);
    peer_sends(t, "A", 1, 2001, 0);
    after(t, 400 * WEFT_MSEC);
    we_send(t, "FA", 2001, 1, 0);
    tcp_peer_end(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_sacked_segments_mean_loss_at_once),
        cmocka_unit_test(one_sacked_segment_starts_the_reordering_timer),
        cmocka_unit_test(reordering_within_the_window_costs_nothing),
        cmocka_unit_test(seen_reordering_is_allowed_for),
        cmocka_unit_test(dsacks_widen_the_reordering_window),
        cmocka_unit_test(only_the_holes_go_again),
        cmocka_unit_test(a_recovery_ends_at_ssthresh),
        cmocka_unit_test(a_lost_retransmission_is_found),
        cmocka_unit_test(reneging_is_survived),
        cmocka_unit_test(reneging_shows_soon),
        cmocka_unit_test(impossible_sacks_are_not_believed),
        cmocka_unit_test(a_timeout_keeps_the_sacks),
        cmocka_unit_test(a_probe_goes_before_the_timeout),
        cmocka_unit_test(a_lone_segment_is_probed_in_place_of_the_timeout),
        cmocka_unit_test(a_probe_prefers_new_data),
        cmocka_unit_test(one_probe_at_a_time),
        cmocka_unit_test(the_sack_of_a_probe_starts_recovery),
        cmocka_unit_test(a_recovery_settles_the_probe),
        cmocka_unit_test(a_loss_repaired_by_the_probe_counts),
        cmocka_unit_test(a_late_dsack_says_that_nothing_was_lost),
        cmocka_unit_test(no_probe_without_a_new_measure),
        cmocka_unit_test(without_sack_no_probe),
        cmocka_unit_test(a_lost_fin_is_probed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
