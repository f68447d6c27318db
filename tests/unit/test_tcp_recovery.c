/* SPDX-License-Identifier: MIT */
/*
 * Recovery without SACK: fast retransmit, limited transmit, NewReno's partial
 * ACKs, and how many segments may go meanwhile: RFC 5681 3.2, RFC 3042,
 * RFC 6582, RFC 9937. And how cwnd grows: RFC 5681 3.1.
 */
#define TP_CONGESTION "newreno"
#include "tcp_peer.h"

/* Ten segments of 1000 are out, ten more are written. */
static struct tcp_peer *ten_out(const struct tcp_peer_setup *setup)
{
    struct tcp_peer *t = tcp_peer_measured(setup);

    we_write(t, 30000);
    for (unsigned i = 0; i < 10; i++)
        we_send(t, "A", 1 + 1000 * i, 1, 1000);
    we_send_nothing(t);
    after(t, 100 * WEFT_MSEC);
    return t;
}

/* RFC 3042: one new segment for each of the first two duplicate ACKs; RFC 5681 3.2 step 2: the third retransmits. */
static void three_duplicate_acks_retransmit(void **state)
{
    struct tcp_peer *t = ten_out(NULL);

    (void)state;
    peer_sends(t, "A", 1, 1, 0);
    we_send(t, "A", 10001, 1, 1000);
    peer_sends(t, "A", 1, 1, 0);
    we_send(t, "A", 11001, 1, 1000);
    we_send_nothing(t);
    peer_sends(t, "A", 1, 1, 0);
    we_send(t, "A", 1, 1, 1000);
    we_send_nothing(t);
    assert_int_equal(tp_info(t).ssthresh, 5000); /* equation 4, without limited transmit's segments */
    assert_int_equal(tp_info(t).recoveries, 1);
    assert_int_equal(tp_info(t).timeouts, 0);
    tcp_peer_end(t);
}

/* RFC 5681 2: what is not a duplicate ACK: data, FIN, another window, nothing out. */
static void not_every_repeated_ack_is_a_duplicate(void **state)
{
    struct tcp_peer *t = ten_out(NULL);

    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        peer_sends(t, "PA", 1 + 10 * i, 1, 10);
        we_send(t, "A", 10001, 11 + 10 * i, 0);
    }
    for (unsigned i = 0; i < 5; i++) {
        t->window++;
        peer_sends(t, "A", 51, 1, 0);
        we_send_nothing(t);
    }
    assert_int_equal(tp_info(t).recoveries, 0);
    tcp_peer_end(t);
    t = tcp_peer_measured(NULL);
    for (unsigned i = 0; i < 5; i++)
        peer_sends(t, "A", 1, 1, 0);
    we_send_nothing(t);
    we_write(t, 1000);
    we_send(t, "PA", 1, 1, 1000);
    assert_int_equal(tp_info(t).recoveries, 0);
    tcp_peer_end(t);
}

/* RFC 6582 3.2 step 3: a full ACK ends the recovery with cwnd at ssthresh. */
static void a_full_ack_ends_the_recovery(void **state)
{
    struct tcp_peer *t = ten_out(NULL);
    uint32_t recover, sent;

    (void)state;
    for (unsigned i = 0; i < 9; i++)
        peer_sends(t, "A", 1, 1, 0);
    recover = 1;
    for (sent = 0; t->count > 0; tp_pass(t), sent++)
        if (t->segs[t->first].seq + t->segs[t->first].len > recover)
            recover = t->segs[t->first].seq + t->segs[t->first].len;
    assert_true(sent >= 3 && sent <= 9);
    peer_sends(t, "A", 1, recover, 0);
    assert_true(tp_info(t).cwnd >= 5000 && tp_info(t).cwnd <= 6000);
    assert_true(t->count >= 5 && t->count <= 6);
    ignore_sent(t);
    tcp_peer_end(t);
}

/* RFC 6582 3.2 step 3: a partial ACK retransmits the first that is unacknowledged, at once. */
static void a_partial_ack_retransmits_the_next_hole(void **state)
{
    struct tcp_peer *t = ten_out(NULL);

    (void)state;
    for (unsigned i = 0; i < 3; i++)
        peer_sends(t, "A", 1, 1, 0);
    we_send(t, "A", 10001, 1, 1000);
    we_send(t, "A", 11001, 1, 1000);
    we_send(t, "A", 1, 1, 1000);
    after(t, 100 * WEFT_MSEC);
    peer_sends(t, "A", 1, 3001, 0); /* the one at 3001 is missing too */
    we_send(t, "A", 3001, 1, 1000);
    ignore_sent(t);
    after(t, 100 * WEFT_MSEC);
    peer_sends(t, "A", 1, 6001, 0);
    we_send(t, "A", 6001, 1, 1000);
    assert_int_equal(tp_info(t).recoveries, 1); /* it is still the same */
    assert_int_equal(tp_info(t).ssthresh, 5000);
    assert_int_equal(tp_info(t).timeouts, 0);
    tcp_peer_end(t);
}

/* RFC 6582 3.2 step 1 and 4: duplicate ACKs after a timeout do not begin a fast recovery for the same data. */
static void after_a_timeout_no_fast_retransmit_for_the_same_data(void **state)
{
    struct tcp_peer *t = tcp_peer_measured(NULL);

    (void)state;
    we_write(t, 10000);
    ignore_sent(t);
    after(t, 300 * WEFT_MSEC);
    we_send(t, "A", 1, 1, 1000);
    for (unsigned i = 0; i < 5; i++)
        peer_sends(t, "A", 1, 1, 0);
    for (; t->count > 0; tp_pass(t))
        assert_int_not_equal(t->segs[t->first].seq, 1);
    assert_int_equal(tp_info(t).recoveries, 0);
    tcp_peer_end(t);
}

/* RFC 9937 6: during a recovery not more goes out than ssthresh's share of what has arrived, and at the end
 * about ssthresh is in flight. */
static void prr_spends_the_window_evenly(void **state)
{
    struct tcp_peer_setup setup = {.wscale = true, .shift = 4};
    struct tcp_peer *t = tcp_peer_measured(&setup);
    uint32_t sent = 0, base;

    (void)state;
    for (unsigned i = 0; i < 3; i++) { /* cwnd grows to 40 segments and more */
        we_write(t, 40000);
        for (unsigned k = 0; k < 40; k++)
            peer_sends(t, "A", 1, 1 + 40000 * i + 1000 * (k + 1), 0);
        ignore_sent(t);
    }
    tp_rebase(t);
    base = tp_info(t).cwnd / 1000;
    assert_true(base >= 30);
    we_write(t, 60000 + 1000 * base);
    assert_int_equal(t->count, base);
    ignore_sent(t);
    for (unsigned i = 0; i < 3; i++)
        peer_sends(t, "A", 1, 1, 0);
    ignore_sent(t); /* two of limited transmit, one retransmission */
    uint32_t limit = tp_info(t).ssthresh / 1000;
    assert_int_equal(limit, base / 2);
    for (unsigned i = 0; i < base - 4; i++) {
        peer_sends(t, "A", 1, 1, 0);
        sent += t->count;
        ignore_sent(t);
        assert_true(sent <= (i + 4) * limit / base + 2);
    }
    assert_true(sent + 4 >= (base - 4) / 2 - 3);
    peer_sends(t, "A", 1, 1 + 1000 * base, 0);
    ignore_sent(t);
    uint32_t cwnd = tp_info(t).cwnd;
    assert_true(cwnd <= (limit + 3) * 1000 && cwnd + 3000 >= limit * 1000);
    tcp_peer_end(t);
}

/* RFC 5681 3.1: in slow start cwnd grows by what is acknowledged, when it was in use. */
static void slow_start_doubles(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    assert_int_equal(tp_info(t).cwnd, 10000);
    we_write(t, 60000);
    assert_int_equal(t->count, 10);
    ignore_sent(t);
    for (unsigned i = 1; i <= 10; i++)
        peer_sends(t, "A", 1, 1 + 1000 * i, 0);
    assert_int_equal(tp_info(t).cwnd, 20000);
    assert_int_equal(t->count, 20);
    tcp_peer_end(t);
}

/* RFC 3465: bytes count, not ACKs: many small ACKs do not make it grow faster. */
static void ack_division_gains_nothing(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    we_write(t, 40000);
    for (uint32_t at = 1; at < 10000; at += 20)
        peer_sends(t, "A", 1, at + 20, 0);
    assert_int_equal(tp_info(t).cwnd, 20000);
    tcp_peer_end(t);
}

/* RFC 5681 3.1: in congestion avoidance one segment for each window. */
static void congestion_avoidance_adds_a_segment_each_round(void **state)
{
    struct tcp_peer *t = ten_out(NULL);
    uint32_t una = 1, cwnd;

    (void)state;
    for (unsigned i = 0; i < 3; i++)
        peer_sends(t, "A", 1, 1, 0);
    peer_sends(t, "A", 1, 12001, 0);
    una = 12001;
    cwnd = tp_info(t).cwnd;
    we_write(t, 200000);
    for (unsigned round = 0; round < 5; round++) {
        uint32_t out = tp_info(t).unacked / 1000;

        for (unsigned i = 0; i < out; i++) {
            una += 1000;
            peer_sends(t, "A", 1, una, 0);
        }
        ignore_sent(t);
        assert_true(tp_info(t).cwnd > cwnd && tp_info(t).cwnd <= cwnd + 2000);
        cwnd = tp_info(t).cwnd;
    }
    tcp_peer_end(t);
}

/* RFC 7661: cwnd says how much the path can take only where it was in use. */
static void an_unused_window_does_not_grow(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    for (unsigned i = 0; i < 100; i++) {
        we_write(t, 1000);
        peer_sends(t, "A", 1, 1001 + 1000 * i, 0);
    }
    assert_int_equal(tp_info(t).cwnd, 10000);
    tcp_peer_end(t);
}

/* RFC 5681 4.2 and 3.2: what stands out of order is acknowledged at once, a duplicate ACK for each segment. */
static void each_segment_out_of_order_makes_a_duplicate_ack(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    t->batch = true;
    for (unsigned i = 1; i < 6; i++)
        peer_sends(t, "A", 1 + 1000 * i, 1, 1000);
    t->batch = false;
    tp_step(t);
    for (unsigned i = 0; i < 5; i++)
        we_send(t, "A", 1, 1, 0);
    we_send_nothing(t);
    peer_sends(t, "A", 1, 1, 1000);
    we_send(t, "A", 1, 6001, 0);
    tcp_peer_end(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_duplicate_acks_retransmit),
        cmocka_unit_test(not_every_repeated_ack_is_a_duplicate),
        cmocka_unit_test(a_full_ack_ends_the_recovery),
        cmocka_unit_test(a_partial_ack_retransmits_the_next_hole),
        cmocka_unit_test(after_a_timeout_no_fast_retransmit_for_the_same_data),
        cmocka_unit_test(prr_spends_the_window_evenly),
        cmocka_unit_test(slow_start_doubles),
        cmocka_unit_test(ack_division_gains_nothing),
        cmocka_unit_test(congestion_avoidance_adds_a_segment_each_round),
        cmocka_unit_test(an_unused_window_does_not_grow),
        cmocka_unit_test(each_segment_out_of_order_makes_a_duplicate_ack),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
