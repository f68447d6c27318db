/* SPDX-License-Identifier: MIT */
/* How NewReno's cwnd grows and falls: RFC 5681 3.1, counting bytes as RFC 3465 has it. */
#include "tcp_peer.h"

static const struct tcp_peer_setup newreno = {
    .tcp = {.congestion = "newreno", .no_frto = true}, .wscale = true, .shift = 4};

/* More is written than cwnd lets out; the next byte to be acknowledged is 1. */
static struct tcp_peer *busy(void)
{
    struct tcp_peer *t = tcp_peer_measured(&newreno);

    we_write(t, 400000);
    assert_int_equal(t->count, 10);
    ignore_sent(t);
    after(t, 100 * WEFT_MSEC);
    return t;
}

/* Everything that is out is acknowledged, a segment at a time. */
static uint32_t one_round(struct tcp_peer *t, uint32_t una)
{
    uint32_t out = tp_info(t).unacked;

    for (uint32_t at = 1000; at <= out; at += 1000) {
        peer_sends(t, "A", 1, una + at, 0);
        ignore_sent(t);
    }
    after(t, 100 * WEFT_MSEC);
    return una + out;
}

/* RFC 3465 2.2 and 2.3, with L = 2: an ACK for many segments counts for two. */
static void one_ack_adds_two_segments_at_most(void **state)
{
    struct tcp_peer *t = busy();

    (void)state;
    peer_sends(t, "A", 1, 5001, 0);
    assert_int_equal(tp_info(t).cwnd, 12000);
    ignore_sent(t);
    peer_sends(t, "A", 1, 6501, 0); /* 1500 bytes */
    assert_int_equal(tp_info(t).cwnd, 13500);
    ignore_sent(t);
    tcp_peer_end(t);
}

/* RFC 3465 2.3: in the slow start after a timeout L is 1, however much one ACK acknowledges; it ends at
 * ssthresh (RFC 5681 3.1), and then cwnd grows by a segment for each window. */
static void slow_start_after_a_timeout(void **state)
{
    struct tcp_peer *t = busy();
    uint32_t una = 10001;

    (void)state;
    after(t, WEFT_SEC);
    ignore_sent(t);
    assert_true(tp_info(t).timeouts > 0);
    assert_int_equal(tp_info(t).ssthresh, 5000);
    assert_int_equal(tp_info(t).cwnd, 1000);
    peer_sends(t, "A", 1, 4001, 0);
    assert_int_equal(tp_info(t).cwnd, 2000);
    peer_sends(t, "A", 1, una, 0); /* all that was out before the timeout */
    assert_int_equal(tp_info(t).cwnd, 3000);
    ignore_sent(t);
    for (uint32_t cwnd = 4000; cwnd <= 5000; cwnd += 1000) {
        peer_sends(t, "A", 1, una += 1000, 0);
        ignore_sent(t);
        assert_int_equal(tp_info(t).cwnd, cwnd);
    }
    for (uint32_t round = 0; round < 6; round++) {
        uint32_t cwnd = tp_info(t).cwnd;

        una = one_round(t, una);
        assert_in_range(tp_info(t).cwnd, cwnd, cwnd + 1000);
    }
    assert_in_range(tp_info(t).cwnd, 9000, 11000);
    tcp_peer_end(t);
}

/* RFC 3465 2.1: in avoidance, too, bytes count and not ACKs. */
static void ack_division_gains_nothing_in_avoidance(void **state)
{
    struct tcp_peer *t = busy();
    uint32_t una = 12001, cwnd, acked = 0, windows = 0;

    (void)state;
    for (unsigned i = 0; i < 3; i++)
        peer_sends(t, "A", 1, 1, 0);
    peer_sends(t, "A", 1, una, 0); /* ends the recovery */
    ignore_sent(t);
    cwnd = tp_info(t).cwnd;
    assert_in_range(cwnd, 5000, 6000);
    for (unsigned i = 0; i < 10; i++, cwnd += 1000) {
        windows += i > 0 ? cwnd : 0;
        for (; tp_info(t).cwnd == cwnd; acked += 700) {
            peer_sends(t, "A", 1, una += 700, 0);
            ignore_sent(t);
        }
        assert_int_equal(tp_info(t).cwnd, cwnd + 1000);
        if (i == 0)
            acked = 0; /* it had begun before */
    }
    /* What is left over after one segment counts for the next. */
    assert_in_range(acked, windows - 2100, windows + 700);
    tcp_peer_end(t);
}

/* RFC 5681 equation 4: half of what was out, but two segments at least. */
static void ssthresh_is_two_segments_at_least(void **state)
{
    struct tcp_peer *t = tcp_peer_measured(&newreno);

    (void)state;
    we_write(t, 1000);
    after(t, WEFT_SEC);
    assert_true(tp_info(t).timeouts > 0);
    assert_int_equal(tp_info(t).ssthresh, 2000);
    tcp_peer_end(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_ack_adds_two_segments_at_most),
        cmocka_unit_test(slow_start_after_a_timeout),
        cmocka_unit_test(ack_division_gains_nothing_in_avoidance),
        cmocka_unit_test(ssthresh_is_two_segments_at_least),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
