/* SPDX-License-Identifier: MIT */
/*
 * Loss judged by counting: NewReno's care against false fast retransmits (RFC 6582 3.2 and 4), and with SACK but
 * without RACK RFC 6675. The round trip is 100 ms, the timeout 300 ms, cwnd 10 segments of 1000.
 */
#include "tcp_peer.h"

#define NEWRENO .congestion = "newreno"

static const struct tcp_peer_setup plain = {.tcp = {NEWRENO, .no_frto = true}};
static const struct tcp_peer_setup stamps = {
    .timestamps = true, .mss = 1012, .tcp = {NEWRENO, .no_frto = true, .no_eifel = true}};
static const struct tcp_peer_setup no_rack = {.sack = true, .tcp = {NEWRENO, .no_rack = true}};

/* `n` segments went out a round trip ago, `more` bytes wait behind them. */
static struct tcp_peer *out(unsigned n, uint32_t more, const struct tcp_peer_setup *setup)
{
    struct tcp_peer *t = tcp_peer_measured(setup);

    t->sock->tcb->cc.cwnd = 1000 * n;
    we_write(t, 1000 * n + more);
    for (unsigned i = 0; i < n; i++)
        we_send(t, more == 0 && i + 1 == n ? "PA" : "A", 1 + 1000 * i, 1, 1000);
    we_send_nothing(t);
    after(t, 100 * WEFT_MSEC);
    return t;
}

static void dupacks(struct tcp_peer *t, unsigned n, uint32_t ack)
{
    while (n-- > 0)
        peer_sends(t, "A", 1, ack, 0);
}

/* Has anything from before `seq` gone again? */
static bool went_again(struct tcp_peer *t, uint32_t seq)
{
    bool again = false;

    for (; t->count > 0; tp_pass(t))
        again |= t->segs[t->first].seq < seq;
    return again;
}

/* --- NewReno (RFC 6582) ---------------------------------------------------------------------------------------------- */

/* A fast recovery is over with an ACK of 10001, which leapt by `leap` segments to there. Five more are out. */
static struct tcp_peer *recovered(const struct tcp_peer_setup *setup, unsigned leap)
{
    struct tcp_peer *t = out(10, 0, setup);
    uint32_t first = t->last.opts.tsval;

    dupacks(t, 3, 1);
    we_send(t, "A", 1, 1, 1000);
    after(t, 100 * WEFT_MSEC);
    if (leap < 10)
        peer_sends(t, "A", 1, 10001 - 1000 * leap, 0);
    ignore_sent(t);
    assert_true(!setup->timestamps || t->tsecr != first);
    peer_sends(t, "A", 1, 10001, 0);
    assert_int_equal(tp_info(t).recoveries, 1);
    t->sock->tcb->cc.cwnd = 10000;
    we_write(t, 5000);
    ignore_sent(t);
    return t;
}

/* 3.2 step 2: the ACK does not cover more than `recover`: the duplicates may answer needless retransmissions. 4.1: it
 * has leapt by more than four segments. */
static void duplicates_after_a_leap_are_no_loss(void **state)
{
    struct tcp_peer *t = recovered(&plain, 10);

    (void)state;
    dupacks(t, 5, 10001);
    we_send_nothing(t);
    assert_int_equal(tp_info(t).recoveries, 1);
    tcp_peer_end(t);
}

/* 4.1: four segments may be what the missing one held up. */
static void duplicates_after_a_step_are_a_loss(void **state)
{
    struct tcp_peer *t = recovered(&plain, 4);

    (void)state;
    dupacks(t, 3, 10001);
    we_send(t, "A", 10001, 1, 1000);
    assert_int_equal(tp_info(t).recoveries, 2);
    tcp_peer_end(t);
    t = recovered(&plain, 5);
    dupacks(t, 3, 10001);
    we_send_nothing(t);
    tcp_peer_end(t);
}

/* When more has been acknowledged the duplicates count as ever. */
static void past_recover_duplicates_count(void **state)
{
    struct tcp_peer *t = recovered(&plain, 10);

    (void)state;
    we_write(t, 5000);
    ignore_sent(t);
    peer_sends(t, "A", 1, 15001, 0); /* a leap, too */
    dupacks(t, 3, 15001);
    we_send(t, "A", 15001, 1, 1000);
    assert_int_equal(tp_info(t).recoveries, 2);
    tcp_peer_end(t);
}

/* RFC 3042 2: cwnd and two segments besides, however many duplicates come that begin no recovery. */
static void guarded_duplicates_send_two_segments_at_most(void **state)
{
    struct tcp_peer *t = recovered(&plain, 10);

    (void)state;
    we_write(t, 25000);
    ignore_sent(t);
    assert_int_equal(tp_info(t).unacked, 10000);
    dupacks(t, 1, 10001);
    we_send(t, "A", 20001, 1, 1000);
    dupacks(t, 1, 10001);
    we_send(t, "A", 21001, 1, 1000);
    dupacks(t, 7, 10001);
    we_send_nothing(t);
    assert_int_equal(tp_info(t).in_flight, 10000);
    assert_int_equal(tp_info(t).recoveries, 1);
    tcp_peer_end(t);
}

/* 4.2: with timestamps: does the ACK echo the last segment that it acknowledges? */
static void the_echo_tells_needless_retransmissions(void **state)
{
    struct tcp_peer *t = recovered(&stamps, 4); /* echoes the retransmission, not the originals behind it */

    (void)state;
    dupacks(t, 3, 10001);
    we_send_nothing(t);
    assert_int_equal(tp_info(t).recoveries, 1);
    tcp_peer_end(t);
    t = out(10, 0, &stamps);
    uint32_t original = t->tsecr;
    dupacks(t, 3, 1);
    ignore_sent(t);
    t->tsecr = original;
    peer_sends(t, "A", 1, 10001, 0); /* the last one itself has arrived in order */
    t->sock->tcb->cc.cwnd = 10000;
    we_write(t, 5000);
    ignore_sent(t);
    dupacks(t, 3, 10001);
    we_send(t, "A", 10001, 1, 1000);
    assert_int_equal(tp_info(t).recoveries, 2);
    tcp_peer_end(t);
}

/* 4: after a timeout a retransmission may be lost again; duplicates for what follows it show that. */
static void a_retransmission_lost_after_a_timeout_is_found(void **state)
{
    struct tcp_peer *t = out(10, 0, &plain);

    (void)state;
    silence(t, 200 * WEFT_MSEC);
    we_send(t, "A", 1, 1, 1000);
    after(t, 100 * WEFT_MSEC);
    peer_sends(t, "A", 1, 1001, 0);
    we_send(t, "A", 1001, 1, 1000); /* lost again */
    we_send(t, "A", 2001, 1, 1000);
    after(t, 100 * WEFT_MSEC);
    dupacks(t, 2, 1001);
    we_send_nothing(t);
    dupacks(t, 1, 1001);
    we_send(t, "A", 1001, 1, 1000);
    assert_int_equal(tp_info(t).recoveries, 1);
    assert_int_equal(tp_info(t).timeouts, 1);
    tcp_peer_end(t);
}

/* 4.1: "to protect against fast retransmit immediately after a timeout". */
static void not_at_once_after_a_timeout(void **state)
{
    struct tcp_peer *t = out(10, 0, &plain);

    (void)state;
    silence(t, 200 * WEFT_MSEC);
    we_send(t, "A", 1, 1, 1000);
    dupacks(t, 5, 1);
    assert_false(went_again(t, 1001));
    assert_int_equal(tp_info(t).recoveries, 0);
    tcp_peer_end(t);
}

/* 3.2 step 3: the first partial ACK begins the timeout anew, no other: many losses end with one. */
static void only_the_first_partial_ack_moves_the_timeout(void **state)
{
    struct tcp_peer *t = out(10, 0, &plain);

    (void)state;
    dupacks(t, 3, 1);
    we_send(t, "A", 1, 1, 1000);
    after(t, 100 * WEFT_MSEC);
    peer_sends(t, "A", 1, 1001, 0);
    we_send(t, "A", 1001, 1, 1000);
    after(t, 100 * WEFT_MSEC);
    peer_sends(t, "A", 1, 2001, 0);
    we_send(t, "A", 2001, 1, 1000);
    silence(t, 200 * WEFT_MSEC);
    we_send(t, "A", 2001, 1, 1000);
    assert_int_equal(tp_info(t).timeouts, 1);
    tcp_peer_end(t);
}

/* RFC 5681 3.1: after a timeout all goes again, what was sent last of all, too. */
static void without_sack_a_timeout_loses_all(void **state)
{
    struct tcp_peer *t = out(4, 0, &plain);

    (void)state;
    after(t, 150 * WEFT_MSEC);
    we_write(t, 1000);
    ignore_sent(t);
    silence(t, 50 * WEFT_MSEC);
    we_send(t, "A", 1, 1, 1000);
    assert_int_equal(tp_info(t).in_flight, 1000);
    assert_int_equal(tp_info(t).cwnd, 1000);
    tcp_peer_end(t);
}

/* --- RFC 6675 ------------------------------------------------------------------------------------------------------------ */

/* 5 (1): three ACKs with news; time alone does nothing. (3): limited transmit meanwhile. */
static void three_acks_with_sacks(void **state)
{
    struct tcp_peer *t = out(10, 10000, &no_rack);

    (void)state;
    peer_sacks(t, 1, 1, 1001, 2001);
    we_send(t, "A", 10001, 1, 1000);
    silence(t, 60 * WEFT_MSEC);
    peer_sacks(t, 1, 1, 1001, 2001); /* no news: no duplicate ACK by RFC 6675 2 */
    we_send_nothing(t);
    peer_sacks(t, 1, 1, 1001, 3001);
    we_send(t, "A", 11001, 1, 1000);
    we_send_nothing(t);
    peer_sacks(t, 1, 1, 1001, 4001);
    we_send(t, "A", 1, 1, 1000);
    we_send_nothing(t);
    assert_int_equal(tp_info(t).recoveries, 1);
    assert_int_equal(tp_info(t).ssthresh, 5000);
    tcp_peer_end(t);
}

/* 5 (1) again: small segments, of which IsLost knows too little. */
static void three_acks_for_small_segments(void **state)
{
    struct tcp_peer *t = tcp_peer_measured(&no_rack);

    (void)state;
    weft_sock_setopt(t->sock, WEFT_OPT_NODELAY, 1);
    for (unsigned i = 0; i < 5; i++)
        we_write(t, 100);
    ignore_sent(t);
    for (unsigned i = 1; i <= 3; i++) {
        we_send_nothing(t);
        peer_sacks(t, 1, 1, 101, 101 + 100 * i);
    }
    assert_int_equal(tp_info(t).recoveries, 1);
    assert_true(went_again(t, 101));
    tcp_peer_end(t);
}

/* 5 (2), IsLost: more than two segments' worth above, told by one ACK. */
static void more_than_two_segments_above(void **state)
{
    struct tcp_peer *t = out(10, 0, &no_rack);

    (void)state;
    peer_sacks(t, 1, 1, 1001, 3001);
    we_send_nothing(t);
    tcp_peer_end(t);
    t = out(10, 0, &no_rack);
    peer_sacks(t, 1, 1, 1001, 3002);
    we_send(t, "A", 1, 1, 1000);
    tcp_peer_end(t);
}

/* IsLost: three runs above, however small. */
static void three_runs_above(void **state)
{
    struct tcp_peer *t = out(10, 0, &no_rack);

    (void)state;
    peer_sacks(t, 1, 1, 1001, 1101, 3001, 3101);
    we_send_nothing(t);
    tcp_peer_end(t);
    t = out(10, 0, &no_rack);
    peer_sacks(t, 1, 1, 1001, 1101, 3001, 3101, 5001, 5101);
    we_send(t, "A", 1, 1, 1000);
    tcp_peer_end(t);
}

/* NextSeg (1): each hole with enough above it, in order, once (HighRxt). */
static void each_hole_once(void **state)
{
    struct tcp_peer *t = out(10, 20000, &no_rack);

    (void)state;
    peer_sacks(t, 1, 1, 5001, 10001, 1001, 2001, 3001, 4001);
    we_send(t, "A", 1, 1, 1000);
    we_send(t, "A", 2001, 1, 1000);
    we_send(t, "A", 4001, 1, 1000);
    assert_false(went_again(t, 10001));
    after(t, 100 * WEFT_MSEC);
    peer_sacks(t, 1, 2001, 5001, 10001, 3001, 4001);
    peer_sacks(t, 1, 4001, 5001, 12001); /* 4001 is on its way, or lost once more: it does not go twice */
    assert_false(went_again(t, 10001));
    assert_int_equal(tp_info(t).segs_retransmitted, 3);
    tcp_peer_end(t);
}

/* NextSeg (1) comes before (2), small as the new data may be: it does not use up what the lost waits for. */
static void small_writes_do_not_overtake_what_is_lost(void **state)
{
    struct tcp_peer *t = out(10, 0, &no_rack);

    (void)state;
    weft_sock_setopt(t->sock, WEFT_OPT_NODELAY, 1);
    peer_sacks(t, 1, 1, 6501, 10001);
    for (unsigned i = 0; i < 3; i++)
        we_send(t, "A", 1 + 1000 * i, 1, 1000);
    we_write(t, 100); /* cwnd has room for half a segment */
    we_send_nothing(t);
    after(t, 100 * WEFT_MSEC);
    peer_sacks(t, 1, 1001, 6501, 10001);
    we_send(t, "A", 3001, 1, 1000);
    we_send(t, "A", 4001, 1, 1000);
    we_send_nothing(t);
    peer_sacks(t, 1, 2001, 6501, 10001);
    we_send(t, "A", 5001, 1, 1000);
    we_send(t, "A", 6001, 1, 500);
    we_send(t, "PA", 10001, 1, 100);
    assert_int_equal(tp_info(t).timeouts, 0);
    tcp_peer_end(t);
}

/* NextSeg (3): nothing is lost for certain and nothing new can go: what a SACK has passed goes. (2) comes before it. */
static void what_a_sack_has_passed_goes_last(void **state)
{
    struct tcp_peer *t = out(10, 0, &no_rack);

    (void)state;
    peer_sacks(t, 1, 1, 1001, 7001, 8001, 9001);
    we_send(t, "A", 1, 1, 1000);
    we_send(t, "A", 7001, 1, 1000); /* one segment only is SACKed above it */
    we_send_nothing(t);
    assert_int_equal(tp_info(t).in_flight, 4000); /* 1 again, 9001, and 7001 twice (SetPipe) */
    tcp_peer_end(t);
    t = out(10, 5000, &no_rack);
    peer_sacks(t, 1, 1, 1001, 7001, 8001, 9001);
    we_send(t, "A", 1, 1, 1000);
    we_send(t, "A", 10001, 1, 1000);
    tcp_peer_end(t);
}

/* NextSeg (4): the tail is rescued when the first loss is repaired; once. */
static void the_tail_is_rescued_once(void **state)
{
    struct tcp_peer *t = out(10, 0, &no_rack);

    (void)state;
    peer_sacks(t, 1, 1, 1001, 8001);
    we_send(t, "A", 1, 1, 1000);
    we_send_nothing(t);
    after(t, 100 * WEFT_MSEC);
    peer_sends(t, "A", 1, 8001, 0);
    we_send(t, "PA", 9001, 1, 1000);
    we_send_nothing(t);
    peer_sends(t, "A", 1, 9001, 0);
    we_send_nothing(t);
    assert_int_equal(tp_info(t).segs_retransmitted, 2);
    tcp_peer_end(t);
}

/* 5.1: after a timeout all that is not SACKed goes again, and no fast recovery begins before RecoveryPoint. */
static void a_timeout_ends_it(void **state)
{
    struct tcp_peer_setup setup = no_rack;
    setup.tcp.no_frto = true;
    struct tcp_peer *t = out(10, 0, &setup);

    (void)state;
    peer_sacks(t, 1, 1, 4001, 5001);
    silence(t, 200 * WEFT_MSEC); /* 300 ms after they went; and no probe */
    we_send(t, "A", 1, 1, 1000);
    we_send_nothing(t);
    assert_int_equal(tp_info(t).timeouts, 1);
    assert_int_equal(tp_count(t, WEFT_COUNT_TCP_TAIL_PROBES), 0);
    after(t, 100 * WEFT_MSEC);
    peer_sacks(t, 1, 1001, 4001, 9001);
    we_send(t, "A", 1001, 1, 1000);
    we_send(t, "A", 2001, 1, 1000);
    we_send_nothing(t);
    assert_int_equal(tp_info(t).recoveries, 0);
    peer_sacks(t, 1, 3001, 4001, 9001);
    we_send(t, "A", 3001, 1, 1000);
    we_send(t, "PA", 9001, 1, 1000);
    tcp_peer_end(t);
}

/* RACK without probes: the timeout is the first to strike. */
static void probes_can_be_switched_off(void **state)
{
    struct tcp_peer *t =
        out(3, 0, &(struct tcp_peer_setup){.sack = true, .tcp = {NEWRENO, .no_tail_probe = true}});

    (void)state;
    silence(t, 200 * WEFT_MSEC);
    we_send(t, "A", 1, 1, 1000);
    assert_int_equal(tp_info(t).timeouts, 1);
    tcp_peer_end(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(duplicates_after_a_leap_are_no_loss),
        cmocka_unit_test(duplicates_after_a_step_are_a_loss),
        cmocka_unit_test(past_recover_duplicates_count),
        cmocka_unit_test(guarded_duplicates_send_two_segments_at_most),
        cmocka_unit_test(the_echo_tells_needless_retransmissions),
        cmocka_unit_test(a_retransmission_lost_after_a_timeout_is_found),
        cmocka_unit_test(not_at_once_after_a_timeout),
        cmocka_unit_test(only_the_first_partial_ack_moves_the_timeout),
        cmocka_unit_test(without_sack_a_timeout_loses_all),
        cmocka_unit_test(three_acks_with_sacks),
        cmocka_unit_test(three_acks_for_small_segments),
        cmocka_unit_test(more_than_two_segments_above),
        cmocka_unit_test(three_runs_above),
        cmocka_unit_test(each_hole_once),
        cmocka_unit_test(small_writes_do_not_overtake_what_is_lost),
        cmocka_unit_test(what_a_sack_has_passed_goes_last),
        cmocka_unit_test(the_tail_is_rescued_once),
        cmocka_unit_test(a_timeout_ends_it),
        cmocka_unit_test(probes_can_be_switched_off),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
