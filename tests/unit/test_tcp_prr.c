/* SPDX-License-Identifier: MIT */
/* How much goes during a recovery, and that congestion costs once for each window: RFC 9937, RFC 3168 6.1.2. */
#define TP_CONGESTION "newreno"
#include "tcp_peer.h"

/* `n` segments of 1000 are out since a round trip of 100 ms, cwnd is that much, and as much again is written. */
static struct tcp_peer *window_out(unsigned n, const struct tcp_peer_setup *setup)
{
    struct tcp_peer *t = tcp_peer_measured(setup);

    t->sock->tcb->cc.cwnd = n * 1000;
    we_write(t, 2000 * n);
    for (unsigned i = 0; i < n; i++)
        we_send(t, "A", 1 + 1000 * i, 1, 1000);
    we_send_nothing(t);
    after(t, 100 * WEFT_MSEC);
    return t;
}

static const struct tcp_peer_setup sack_on = {.sack = true, .tcp = {.congestion = "newreno"}};
static const struct tcp_peer_setup plain = {.tcp = {.congestion = "newreno"}};

/* 6: while more than ssthresh is in flight, delivered * ssthresh / RecoverFS may have gone. RecoverFS leaves out
 * the two that were SACKed before. */
static void the_share_of_what_arrives(void **state)
{
    struct tcp_peer *t = window_out(20, &sack_on);
    uint32_t next = 22001, retransmitted = 0, out = 0;

    (void)state;
    peer_sacks(t, 1, 1, 1001, 2001);
    we_send(t, "A", 20001, 1, 1000); /* RFC 3042 */
    peer_sacks(t, 1, 1, 1001, 3001);
    we_send(t, "A", 21001, 1, 1000);
    for (unsigned delivered = 1; delivered <= 9; delivered++) {
        peer_sacks(t, 1, 1, 1001, 3001 + 1000 * delivered);
        if (delivered == 1)
            assert_int_equal(tp_info(t).ssthresh, 10000);
        unsigned may = delivered < 2 ? 1 : delivered * 10 / 20; /* 22 out, 2 SACKed before; whole segments */
        for (; out < may; out++) {
            if (retransmitted++ == 0) {
                we_send(t, "A", 1, 1, 1000);
            } else {
                we_send(t, "A", next, 1, 1000);
                next += 1000;
            }
        }
        we_send_nothing(t);
    }
    tcp_peer_end(t);
}

/* 6: when less is in flight, as many go as have arrived (CRB): here the three that began it. */
static void no_more_goes_than_arrives(void **state)
{
    struct tcp_peer *t = window_out(10, &sack_on);

    (void)state;
    peer_sacks(t, 1, 1, 7001, 10001);
    assert_int_equal(tp_info(t).ssthresh, 5000);
    for (unsigned i = 0; i < 3; i++)
        we_send(t, "A", 1 + 1000 * i, 1, 1000);
    we_send_nothing(t);
    tcp_peer_end(t);
}

/* An ACK that moves and shows no further loss: one more (SSRB). But never beyond ssthresh. */
static void progress_lets_one_more_go(void **state)
{
    struct tcp_peer *t = window_out(10, &sack_on);

    (void)state;
    peer_sacks(t, 1, 1, 7001, 10001);
    ignore_sent(t);
    after(t, 100 * WEFT_MSEC);
    peer_sacks(t, 1, 1001, 7001, 10001);
    we_send(t, "A", 3001, 1, 1000);
    we_send(t, "A", 4001, 1, 1000);
    we_send_nothing(t);
    peer_sacks(t, 1, 2001, 7001, 10001);
    we_send(t, "A", 5001, 1, 1000);
    we_send(t, "A", 6001, 1, 1000);
    we_send_nothing(t);
    assert_int_equal(tp_info(t).in_flight, 5000);
    peer_sacks(t, 1, 3001, 7001, 10001);
    we_send(t, "A", 10001, 1, 1000); /* ssthresh */
    we_send_nothing(t);
    tcp_peer_end(t);
}

/* An ACK that shows a further loss, here of a retransmission, is not safe though it moves. */
static void further_loss_is_no_progress(void **state)
{
    struct tcp_peer *t = window_out(10, &sack_on);

    (void)state;
    peer_sacks(t, 1, 1, 7001, 10001);
    ignore_sent(t);
    after(t, 100 * WEFT_MSEC);
    peer_sacks(t, 1, 1001, 2001, 3001, 7001, 10001); /* the retransmission of 1001 is overtaken by 2001's */
    we_send(t, "A", 1001, 1, 1000);
    we_send(t, "A", 3001, 1, 1000);
    we_send_nothing(t);
    tcp_peer_end(t);
}

/* The first retransmission goes in any case; a short one does not need a whole segment's room. */
static void short_segments_recover(void **state)
{
    struct tcp_peer *t = tcp_peer_measured(&sack_on);

    (void)state;
    weft_sock_setopt(t->sock, WEFT_OPT_NODELAY, 1);
    for (unsigned i = 0; i < 8; i++)
        we_write(t, 100);
    ignore_sent(t);
    after(t, 100 * WEFT_MSEC);
    peer_sacks(t, 1, 1, 301, 401);
    peer_sacks(t, 1, 1, 301, 501);
    we_send_nothing(t);
    peer_sacks(t, 1, 1, 301, 601);
    we_send(t, "A", 1, 1, 300); /* in one (MAY-16) */
    peer_sacks(t, 1, 1, 301, 601, 701, 801);
    we_send(t, "A", 601, 1, 100); /* for the hundred that have arrived */
    we_send_nothing(t);
    after(t, 100 * WEFT_MSEC);
    peer_sends(t, "A", 1, 801, 0);
    we_send_nothing(t);
    assert_int_equal(tp_info(t).timeouts, 0);
    tcp_peer_end(t);
}

/* Without SACK a duplicate ACK stands for a segment, and ACKs that move are counted for the rest: after the whole
 * recovery prr_delivered is what has arrived. */
static void dupacks_and_partial_acks_count_each_segment_once(void **state)
{
    struct tcp_peer *t = window_out(10, &plain);

    (void)state;
    for (unsigned i = 0; i < 8; i++) /* the first and the fourth are lost */
        peer_sends(t, "A", 1, 1, 0);
    after(t, 100 * WEFT_MSEC);
    const struct tcp_congestion *cc = &t->sock->tcb->cc;
    assert_int_equal(cc->prr_delivered, 6000); /* since the third */
    assert_int_equal(cc->recover_fs, 10000);   /* twelve were out, two had been told before that */
    peer_sends(t, "A", 1, 3001, 0);
    assert_int_equal(cc->prr_delivered, 7000); /* the one that was missing; two were told */
    assert_int_equal(cc->dupacks, 6);
    tcp_peer_end(t);
}

/* Duplicate ACKs for more than was out when the recovery began are not believed (6.2: RecoverFS), however much more they
 * have let go. */
static void dupacks_without_end_gain_nothing(void **state)
{
    struct tcp_peer *t = window_out(10, &plain);
    uint32_t sent = 0;

    (void)state;
    we_write(t, 40000);
    for (unsigned i = 0; i < 200; i++) {
        peer_sends(t, "A", 1, 1, 0);
        sent += t->count;
        ignore_sent(t);
    }
    assert_true(sent <= 12);
    tcp_peer_end(t);
}

/* RFC 3168 6.1.2: once for each window of data, whatever tells of congestion. */
static void a_window_is_reduced_once(void **state)
{
    struct tcp_peer *t = window_out(16, &sack_on);
    struct tcb *tcb = t->sock->tcb;

    (void)state;
    assert_true(tcp_recovery_reduce(tcb, WEFT_CC_BY_LOSS, 16000, WEFT_CAUSE_PROBE));
    assert_int_equal(tp_info(t).cwnd, 8000);
    assert_false(tcp_recovery_reduce(tcb, WEFT_CC_BY_LOSS, 16000, WEFT_CAUSE_PROBE));
    peer_sacks(t, 1, 1, 1001, 4001); /* a loss in the same window */
    assert_int_equal(tp_info(t).recoveries, 1);
    assert_int_equal(tp_info(t).ssthresh, 8000);
    assert_false(
        tcp_recovery_reduce(tcb, WEFT_CC_BY_LOSS, 16000, WEFT_CAUSE_PROBE)); /* the recovery sees to it */
    ignore_sent(t);
    peer_sends(t, "A", 1, 16001, 0);
    assert_int_equal(tp_info(t).cwnd, 8000);
    assert_true(tcp_recovery_reduce(tcb, WEFT_CC_BY_LOSS, 8000, WEFT_CAUSE_PROBE));
    assert_int_equal(tp_info(t).cwnd, 4000);
    tcp_peer_end(t);
}

/* 8, figure 2: fifteen of twenty are lost, and as many go as arrive. */
static void a_burst_of_losses(void **state)
{
    struct tcp_peer *t = window_out(20, &sack_on);

    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        peer_sacks(t, 1, 1, 15001, 16001 + 1000 * i);
        we_send(t, "A", i < 2 ? 20001 + 1000 * i : 1000 * i - 1999, 1, 1000);
        we_send_nothing(t);
        if (i >= 2) {
            assert_int_equal(tp_info(t).cwnd, 5000);
            assert_int_equal(tp_info(t).in_flight, 5000);
        }
    }
    tcp_peer_end(t);
}

/* 6.2: an ACK that delivers nothing changes nothing: what the pace has kept back may still go. */
static void an_ack_of_nothing_changes_nothing(void **state)
{
    struct tcp_peer *t = window_out(10, &sack_on);

    (void)state;
    peer_sacks(t, 1, 1, 7001, 10001);
    ignore_sent(t);
    after(t, 100 * WEFT_MSEC);
    weft_sock_setopt(t->sock, WEFT_OPT_MAX_PACING_RATE, 1000);
    tcp_pace_sent(t->sock->tcb, 1000);
    peer_sacks(t, 1, 1001, 7001, 10001);
    we_send_nothing(t);
    assert_int_equal(tp_info(t).cwnd,
                     tp_info(t).in_flight + 2000); /* one that has arrived, one for progress */
    peer_sacks(t, 1, 1001, 7001, 10001);
    assert_int_equal(tp_info(t).cwnd, tp_info(t).in_flight + 2000);
    tcp_peer_end(t);
}

/* RFC 5681 4.3: the loss of a retransmission is a second indication of congestion, once for a round trip; of what
 * went before the first reduction, the rest of its window, more may be found lost at no cost. */
static void a_lost_retransmission_costs_again(void **state)
{
    struct tcp_peer *t = window_out(20, &sack_on);

    (void)state;
    peer_sacks(t, 1, 1, 14001, 17001);
    assert_int_equal(tp_info(t).ssthresh, 10000);
    for (unsigned i = 0; i < 3; i++)
        we_send(t, "A", 1 + 1000 * i, 1, 1000);
    peer_sacks(t, 1, 1, 14001, 17001, 18001, 20001); /* the one at 17001, too */
    assert_int_equal(tp_info(t).ssthresh, 10000);
    ignore_sent(t);
    after(t, 100 * WEFT_MSEC);
    peer_sacks(t, 1, 1, 2001, 3001, 14001, 17001, 18001, 20001); /* those of 1 and 1001 are lost again */
    assert_int_equal(tp_info(t).ssthresh, 5000);
    assert_int_equal(t->sock->tcb->cc.prr_delivered, 1000); /* anew (RFC 9937 6.1) */
    assert_int_equal(tp_info(t).recoveries, 1);
    ignore_sent(t);
    peer_sacks(t, 1, 1, 2001, 4001, 14001, 17001, 18001, 20001);
    peer_sacks(t, 1, 1, 2001, 5001, 14001, 17001, 18001, 20001);
    assert_int_equal(tp_info(t).ssthresh, 5000);
    peer_sends(t, "A", 1, 20001, 0);
    assert_int_equal(tp_info(t).cwnd, 5000);
    tcp_peer_end(t);
}

/* The same of new data that went while the recovery lasted: the loss of two windows in a row. */
static void loss_of_the_next_window_costs_again(void **state)
{
    struct tcp_peer *t = window_out(20, &sack_on);

    (void)state;
    peer_sacks(t, 1, 1, 1001, 4001);
    we_send(t, "A", 1, 1, 1000);
    for (unsigned i = 4; i < 20; i++)
        peer_sacks(t, 1, 1, 1001, 1001 + 1000 * i);
    assert_true(t->count >= 6); /* 20001 and so on */
    ignore_sent(t);
    assert_int_equal(tp_info(t).ssthresh, 10000);
    after(t, 100 * WEFT_MSEC);
    peer_sacks(t, 1, 1, 1001, 20001, 22001, 25001); /* our retransmission is lost, and two more */
    assert_int_equal(tp_info(t).ssthresh, 5000);
    assert_int_equal(tp_info(t).recoveries, 1);
    tcp_peer_end(t);
}

/* The same after a timeout: what went again is found lost by what went after it. */
static void loss_after_a_timeout_costs_again(void **state)
{
    const struct tcp_peer_setup setup = {
        .sack = true, .tcp = {.congestion = "newreno", .no_frto = true, .no_tail_probe = true}};
    struct tcp_peer *t = window_out(20, &setup);

    (void)state;
    after(t, 200 * WEFT_MSEC);
    we_send(t, "A", 1, 1, 1000);
    assert_int_equal(tp_info(t).ssthresh, 10000);
    after(t, 100 * WEFT_MSEC);
    peer_sends(t, "A", 1, 1001, 0);
    we_send(t, "A", 1001, 1, 1000);
    we_send(t, "A", 2001, 1, 1000);
    after(t, 100 * WEFT_MSEC);
    peer_sends(t, "A", 1, 3001, 0);
    for (unsigned i = 0; i < 3; i++)
        we_send(t, "A", 3001 + 1000 * i, 1, 1000);
    after(t, 100 * WEFT_MSEC);
    peer_sends(t, "A", 1, 6001, 0);
    for (unsigned i = 0; i < 4; i++)
        we_send(t, "A", 6001 + 1000 * i, 1, 1000);
    we_send_nothing(t);
    after(t, 100 * WEFT_MSEC);
    peer_sacks(t, 1, 6001, 7001, 10001);
    assert_int_equal(tp_info(t).ssthresh, 2000); /* of the four that cwnd allowed */
    assert_int_equal(tp_info(t).cwnd, 2000);
    we_send(t, "A", 6001, 1, 1000);
    we_send(t, "A", 10001, 1, 1000);
    we_send_nothing(t);
    tcp_peer_end(t);
}

/* A timeout within a recovery: the retransmission is lost. The window that is reduced once more is ssthresh, not what
 * PRR has let go of it. */
static void a_timeout_in_a_recovery_reduces_what_it_was_reduced_to(void **state)
{
    struct tcp_peer *t = window_out(20, &sack_on);

    (void)state;
    peer_sacks(t, 1, 1, 17001, 20001);
    assert_int_equal(tp_info(t).ssthresh, 10000);
    assert_int_equal(tp_info(t).cwnd, 3000);
    ignore_sent(t);
    silence(t, 190 * WEFT_MSEC);
    after(t, 200 * WEFT_MSEC);
    assert_int_equal(tp_info(t).timeouts, 1);
    assert_int_equal(tp_info(t).ssthresh, 5000);
    tcp_peer_end(t);
}

/* A timeout of a window that has been paid for, here for an ECN echo, costs no more of ssthresh (RFC 3168 6.1.2). */
static void a_timeout_of_a_reduced_window_keeps_ssthresh(void **state)
{
    struct tcp_peer *t = window_out(16, &plain);

    (void)state;
    assert_true(tcp_recovery_reduce(t->sock->tcb, WEFT_CC_BY_ECN, 16000, WEFT_CAUSE_ECN));
    after(t, 200 * WEFT_MSEC);
    we_send(t, "A", 1, 1, 1000);
    assert_int_equal(tp_info(t).timeouts, 1);
    assert_int_equal(tp_info(t).ssthresh, 8000);
    assert_int_equal(tp_info(t).cwnd, 1000);
    tcp_peer_end(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_share_of_what_arrives),
        cmocka_unit_test(no_more_goes_than_arrives),
        cmocka_unit_test(progress_lets_one_more_go),
        cmocka_unit_test(further_loss_is_no_progress),
        cmocka_unit_test(short_segments_recover),
        cmocka_unit_test(dupacks_and_partial_acks_count_each_segment_once),
        cmocka_unit_test(dupacks_without_end_gain_nothing),
        cmocka_unit_test(a_window_is_reduced_once),
        cmocka_unit_test(a_lost_retransmission_costs_again),
        cmocka_unit_test(loss_of_the_next_window_costs_again),
        cmocka_unit_test(loss_after_a_timeout_costs_again),
        cmocka_unit_test(a_timeout_in_a_recovery_reduces_what_it_was_reduced_to),
        cmocka_unit_test(a_timeout_of_a_reduced_window_keeps_ssthresh),
        cmocka_unit_test(a_burst_of_losses),
        cmocka_unit_test(an_ack_of_nothing_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
