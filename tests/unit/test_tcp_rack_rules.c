/* SPDX-License-Identifier: MIT */
/* RACK's and TLP's finer rules: which copy counts, how the reordering window adapts, what one timer does to another
 * (RFC 8985 6.2 to 8). */
#define TP_CONGESTION "newreno"
#include "tcp_peer.h"

static const struct tcp_peer_setup sack_on = {.sack = true, .tcp = {.congestion = "newreno"}};

/* `n` segments of 1000 have just gone out; the round trip is 100 ms. */
static struct tcp_peer *sent(unsigned n, const struct tcp_peer_setup *setup)
{
    struct tcp_peer *t = tcp_peer_measured(setup);

    we_write(t, 1000 * n);
    for (unsigned i = 0; i < n; i++)
        we_send(t, i + 1 == n ? "PA" : "A", 1 + 1000 * i, 1, 1000);
    we_send_nothing(t);
    return t;
}

static const struct tcp_rack *rack_of(const struct tcp_peer *t)
{
    return &t->sock->tcb->rack;
}

/* 6.2 step 2: of several that one ACK delivers, RACK.rtt is that of the one sent last, wherever it stands. */
static void the_round_trip_is_of_the_one_sent_last(void **state)
{
    struct tcp_peer *t = sent(4, &sack_on);

    (void)state;
    after(t, 100 * WEFT_MSEC);
    peer_sacks(t, 1, 1, 1001, 2001);
    silence(t, 25 * WEFT_MSEC);
    we_send(t, "A", 1, 1, 1000);
    after(t, 105 * WEFT_MSEC);
    peer_sends(t, "A", 1, 3001, 0); /* the retransmission, 105 ms old, and the original of 2001, 230 ms old */
    assert_int_equal(rack_of(t)->rtt, 105 * WEFT_MSEC);
    tcp_peer_end(t);
}

/* Step 2, second condition: what comes sooner after the retransmission than any round trip was is of the original,
 * though within a tick of the timestamps' clock the echo cannot tell. */
static void an_answer_too_soon_is_of_the_original(void **state)
{
    struct tcp_peer *t = sent(4, &(struct tcp_peer_setup){.sack = true, .timestamps = true, .mss = 1012});
    weft_time min_rtt = tp_info(t).min_rtt;

    (void)state;
    after(t, 100 * WEFT_MSEC);
    peer_sacks(t, 1, 1, 1001, 2001);
    silence(t, 25 * WEFT_MSEC);
    we_send(t, "A", 1, 1, 1000);
    weft_time rtt = rack_of(t)->rtt;
    peer_sends(t, "A", 1, 1001, 0); /* echoes the tick of just now */
    assert_int_equal(rack_of(t)->rtt, rtt);
    assert_true(tp_info(t).min_rtt < min_rtt); /* the echo is a measure by itself (RFC 7323 4.1) */
    tcp_peer_end(t);
}

/* RFC 7323 4.1: the echo of a retransmission is a measure; but not when the original, gone within the same tick of the
 * clock, may have been answered: it comes sooner than any answer has, by less than a tick. */
static void a_retransmission_is_measured_by_its_echo(void **state)
{
    const struct tcp_peer_setup setup = {
        .timestamps = true, .mss = 1012, .tcp = {.no_eifel = true, .no_frto = true}};
    struct tcp_peer *t = sent(1, &setup);

    (void)state;
    silence(t, 300 * WEFT_MSEC);
    we_send(t, "PA", 1, 1, 1000);
    after(t, 180 * WEFT_MSEC);
    peer_sends(t, "A", 1, 1001, 0);
    assert_int_equal(tp_info(t).srtt, 110 * WEFT_MSEC);
    tcp_peer_end(t);
    t = sent(1, &setup);
    silence(t, 300 * WEFT_MSEC);
    we_send(t, "PA", 1, 1, 1000);
    after(t, 100 * WEFT_MSEC - 500);
    peer_sends(t, "A", 1, 1001, 0);
    assert_int_equal(tp_info(t).srtt, 100 * WEFT_MSEC);
    assert_true(tp_info(t).rto > 500 * WEFT_MSEC); /* backed off still */
    tcp_peer_end(t);
}

/* Step 1: the least round trip is that of the last minutes: a path may have become longer for good. */
static void the_least_round_trip_is_forgotten(void **state)
{
    struct tcp_peer *t = tcp_peer_measured(&sack_on);

    (void)state;
    for (uint32_t i = 0; i < 40; i++) {
        we_write(t, 100);
        ignore_sent(t);
        after(t, 150 * WEFT_MSEC);
        peer_sends(t, "A", 1, 101 + 100 * i, 0);
        if (i == 0)
            assert_int_equal(tp_info(t).min_rtt, 100 * WEFT_MSEC);
        after(t, 10 * WEFT_SEC);
        if (i == 13)
            assert_int_equal(tp_info(t).min_rtt, 100 * WEFT_MSEC);
    }
    assert_int_equal(tp_info(t).min_rtt, 150 * WEFT_MSEC);
    tcp_peer_end(t);
}

/* Step 4: DupThresh counts segments, also where these are small. */
static void three_small_segments_are_enough(void **state)
{
    struct tcp_peer *t = tcp_peer_measured(&sack_on);

    (void)state;
    weft_sock_setopt(t->sock, WEFT_OPT_NODELAY, 1);
    for (unsigned i = 0; i < 5; i++)
        we_write(t, 100);
    ignore_sent(t);
    after(t, 100 * WEFT_MSEC);
    for (unsigned i = 1; i <= 3; i++) {
        we_send_nothing(t);
        peer_sacks(t, 1, 1, 101, 101 + 100 * i);
    }
    we_send(t, "A", 1, 1, 100);
    tcp_peer_end(t);
}

/* What was lost goes again and arrives with an ACK of everything: a recovery. */
static void one_recovery(struct tcp_peer *t)
{
    uint32_t una = t->write_seq - t->iss;

    t->sock->tcb->cc.cwnd = 10000;
    we_write(t, 4000);
    ignore_sent(t);
    after(t, 100 * WEFT_MSEC);
    peer_sacks(t, 1, una, una + 1000, una + 4000);
    while (tp_info(t).segs_retransmitted == 0 || t->count == 0)
        after(t, 10 * WEFT_MSEC);
    ignore_sent(t);
    after(t, 100 * WEFT_MSEC);
    peer_sends(t, "A", 1, una + 4000, 0);
    ignore_sent(t);
}

/* Step 4: the wider window is kept for 16 recoveries; one that ends with a DSACK is none of them. */
static void the_wider_window_is_kept_for_16_recoveries(void **state)
{
    struct tcp_peer *t = tcp_peer_measured(&sack_on);

    (void)state;
    one_recovery(t);
    peer_sacks(t, 1, 4001, 1, 1001);
    assert_int_equal(rack_of(t)->reo_wnd_mult, 2);
    for (unsigned i = 0; i < 15; i++)
        one_recovery(t);
    assert_int_equal(rack_of(t)->reo_wnd_mult, 2);
    one_recovery(t);
    assert_int_equal(rack_of(t)->reo_wnd_mult, 1);
    tcp_peer_end(t);
}

/* Step 4: once for each round trip, and a round is over when what was sent before it is acknowledged. */
static void a_round_with_dsacks_counts_once(void **state)
{
    struct tcp_peer *t = tcp_peer_measured(&sack_on);

    (void)state;
    one_recovery(t);
    we_write(t, 1000);
    ignore_sent(t);
    peer_sacks(t, 1, 4001, 1, 1001);
    peer_sacks(t, 1, 4001, 1001, 2001);
    assert_int_equal(rack_of(t)->reo_wnd_mult, 2);
    peer_sends(t, "A", 1, 5001, 0);
    assert_false(rack_of(t)->in_dsack_round);
    peer_sacks(t, 1, 5001, 1, 1001);
    assert_int_equal(rack_of(t)->reo_wnd_mult, 3);
    tcp_peer_end(t);
}

/* A DSACK of what was never sent, or so long ago that no ACK may be, is none. */
static void an_impossible_dsack_is_none(void **state)
{
    struct tcp_peer *t = tcp_peer_measured(&sack_on);

    (void)state;
    one_recovery(t);
    peer_sacks(t, 1, 4001, (uint32_t)-200000, (uint32_t)-199000);
    peer_sacks(t, 1, 4001, 2001, 1001);
    peer_sacks(t, 1, 4001, 3001, 5001);
    assert_int_equal(rack_of(t)->reo_wnd_mult, 1);
    tcp_peer_end(t);
}

/* 6.3: of segments that went together the first is lost with the timeout; the others only after a round trip. */
static void a_timeout_loses_the_first_segment_only(void **state)
{
    struct tcp_peer *t = sent(3, &(struct tcp_peer_setup){.sack = true, .tcp = {.no_timestamps = true}});

    (void)state;
    after(t, 250 * WEFT_MSEC); /* after the probe */
    ignore_sent(t);
    t->sock->tcb->rack.rtt = 900 * WEFT_MSEC; /* the last delivered took that long */
    after(t, 250 * WEFT_MSEC);
    assert_int_equal(tp_info(t).timeouts, 1);
    we_send(t, "A", 1, 1, 1000);
    we_send_nothing(t);
    assert_int_equal(tp_info(t).in_flight, 4000); /* all three, and the probe */
    tcp_peer_end(t);
}

/* 4 and 6.2 step 5: what went as one super-segment has one time; of its segments those before the delivered are lost,
 * by sequence number, and go again together as far as cwnd goes. Those behind it are not judged by it. */
static void of_a_super_segment_the_first_are_lost(void **state)
{
    const struct tcp_peer_setup setup = {
        .sack = true, .caps = WEFT_LINK_TSO4, .tcp = {.congestion = "newreno"}};
    struct tcp_peer *t = tcp_peer_measured(&setup);

    (void)state;
    we_write(t, 10000);
    we_send(t, "PA", 1, 1, 10000);
    after(t, 100 * WEFT_MSEC);
    peer_sacks(t, 1, 1, 3001, 7001);
    we_send(t, "A", 1, 1, 2000);
    assert_int_equal(t->last.gso_segs, 2);
    we_send_nothing(t);
    assert_int_equal(tp_info(t).in_flight, 5000); /* with the three behind; the third is lost and waits */
    after(t, 100 * WEFT_MSEC);
    peer_sacks(t, 1, 2001, 3001, 7001);
    we_send(t, "A", 2001, 1, 1000);
    we_send(t, "PA", 7001, 1, 3000); /* sent before what has arrived now */
    assert_int_equal(tp_info(t).timeouts, 0);
    tcp_peer_end(t);
}

/* 8: SACKs are no case for a probe, and while RACK waits for what may be late no timeout strikes. */
static void neither_probe_nor_timeout_while_rack_waits(void **state)
{
    struct tcp_peer *t = sent(3, &sack_on);

    (void)state;
    t->sock->tcb->rack.reo_wnd_mult = 100; /* srtt is the bound */
    after(t, 195 * WEFT_MSEC);
    peer_sacks(t, 1, 1, 2001, 3001);
    weft_time window = tp_info(t).srtt;
    assert_true(window > 105 * WEFT_MSEC);
    silence(t, window); /* beyond 300 ms, when the timeout was due */
    we_send(t, "A", 1, 1, 1000);
    assert_int_equal(tp_info(t).timeouts, 0);
    assert_int_equal(tp_count(t, WEFT_COUNT_TCP_TAIL_PROBES), 0);
    tcp_peer_end(t);
}

/* RFC 6675 6: with a round trip of 500 ms the timeout, 700 ms after the data, would strike before the ACK of the
 * retransmission can come. */
static void a_retransmission_has_a_timeout_of_its_own(void **state)
{
    struct tcp_peer *t = tcp_peer_syn_sent(&sack_on);
    uint32_t at = 1;

    (void)state;
    tp_agree(t);
    after(t, 500 * WEFT_MSEC);
    peer_sends_syn(t, "SA", 0, 1);
    for (unsigned i = 0; i < 30; i++, at += 100) {
        we_write(t, 100);
        after(t, 500 * WEFT_MSEC);
        peer_sends(t, "A", 1, at + 100, 0);
    }
    ignore_sent(t);
    assert_int_equal(tp_info(t).rto, 700 * WEFT_MSEC);
    we_write(t, 5000);
    ignore_sent(t);
    after(t, 500 * WEFT_MSEC);
    peer_sacks(t, 1, at, at + 1000, at + 5000);
    we_send(t, "A", at, 1, 1000);
    silence(t, 500 * WEFT_MSEC);
    peer_sends(t, "A", 1, at + 5000, 0);
    assert_int_equal(tp_info(t).timeouts, 0);
    tcp_peer_end(t);
}

/* --- Tail loss probes ------------------------------------------------------------------------------------------------ */

/* A probe has gone at 200 ms, the third of three segments again. */
static struct tcp_peer *probed(void)
{
    struct tcp_peer *t = sent(3, &sack_on);

    silence(t, 200 * WEFT_MSEC);
    we_send(t, "PA", 2001, 1, 1000);
    return t;
}

static void more_is_acked(struct tcp_peer *t, uint32_t at)
{
    we_write(t, 3000);
    ignore_sent(t);
    after(t, 100 * WEFT_MSEC);
    peer_sends(t, "A", 1, at + 3000, 0);
}

/* 7.3: "increase FlightSize": both copies are under way. */
static void both_copies_are_in_flight(void **state)
{
    struct tcp_peer *t = probed();

    (void)state;
    assert_int_equal(tp_info(t).in_flight, 4000);
    peer_sacks(t, 1, 1, 2001, 3001);
    assert_int_equal(tp_info(t).in_flight, 2000); /* of either copy: no loss is shown yet */
    tcp_peer_end(t);
    t = probed();
    after(t, 100 * WEFT_MSEC);
    peer_sacks(t, 1, 1, 2001, 3001);
    assert_int_equal(tp_info(t).in_flight, 1000); /* the first again; the second waits, lost */
    tcp_peer_end(t);
}

/* 7.4.2 case 1: the DSACK must be of the probe. */
static void a_dsack_of_something_else_does_not_settle_the_probe(void **state)
{
    struct tcp_peer *t = probed();

    (void)state;
    after(t, 100 * WEFT_MSEC);
    peer_sacks(t, 1, 3001, 1, 1001); /* the network has doubled it */
    more_is_acked(t, 3001);
    assert_int_equal(tp_info(t).ssthresh, 2000);
    assert_true(tp_info(t).cwnd <= 3000);
    tcp_peer_end(t);
}

/* Case 2: a peer without DSACK repeats its ACK, with nothing out any more. */
static void a_repeated_ack_settles_the_probe(void **state)
{
    struct tcp_peer *t = probed();

    (void)state;
    peer_sends(t, "A", 1, 3001, 0); /* the original */
    peer_sends(t, "A", 1, 3001, 0); /* the probe */
    more_is_acked(t, 3001);
    assert_int_equal(tp_info(t).cwnd, 10000);
    tcp_peer_end(t);
}

/* A window update is no repeated ACK. */
static void a_window_update_does_not_settle_the_probe(void **state)
{
    struct tcp_peer *t = probed();

    (void)state;
    peer_sends(t, "A", 1, 3001, 0);
    t->window--;
    peer_sends(t, "A", 1, 3001, 0);
    more_is_acked(t, 3001);
    assert_int_equal(tp_info(t).ssthresh, 2000);
    tcp_peer_end(t);
}

/* TLP.is_retrans: a probe with new data that is acknowledged has repaired nothing. */
static void a_probe_with_new_data_repairs_nothing(void **state)
{
    struct tcp_peer *t = tcp_peer_measured(&sack_on);

    (void)state;
    we_write(t, 12000);
    ignore_sent(t);
    silence(t, 200 * WEFT_MSEC);
    we_send(t, "A", 10001, 1, 1000);
    peer_sends(t, "A", 1, 5001, 0);
    we_send(t, "PA", 11001, 1, 1000);
    peer_sends(t, "A", 1, 12001, 0); /* beyond the probe */
    assert_true(tp_info(t).cwnd >= 10000);
    tcp_peer_end(t);
}

/* A window that DSACKs have widened as far as it goes, on a very long path: it is still a window. */
static void a_wide_window_on_a_long_path(void **state)
{
    struct tcp_peer *t = sent(4, &sack_on);
    struct tcb *tcb = t->sock->tcb;

    (void)state;
    after(t, 100 * WEFT_MSEC);
    peer_sacks(t, 1, 1, 1001, 2001);
    we_send_nothing(t);
    tcb->rack.reordering_seen = true;
    tcb->rack.reo_wnd_mult = 255;
    tcb->rtt.min_rtt = tcb->rtt.srtt = 4 * 0x1010102; /* times 255 / 4 wraps in 32 bits, to next to nothing */
    t->now += WEFT_MSEC;
    tcb->tcp->core->now = t->now;
    assert_int_equal(tcp_rack_detect(tcb), 0);
    assert_true(tcb->deadline[WEFT_TIMER_REORDER] > t->now + 60 * WEFT_SEC);
    tcp_peer_end(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_round_trip_is_of_the_one_sent_last),
        cmocka_unit_test(an_answer_too_soon_is_of_the_original),
        cmocka_unit_test(a_retransmission_is_measured_by_its_echo),
        cmocka_unit_test(the_least_round_trip_is_forgotten),
        cmocka_unit_test(three_small_segments_are_enough),
        cmocka_unit_test(the_wider_window_is_kept_for_16_recoveries),
        cmocka_unit_test(a_round_with_dsacks_counts_once),
        cmocka_unit_test(an_impossible_dsack_is_none),
        cmocka_unit_test(a_timeout_loses_the_first_segment_only),
        cmocka_unit_test(of_a_super_segment_the_first_are_lost),
        cmocka_unit_test(neither_probe_nor_timeout_while_rack_waits),
        cmocka_unit_test(a_retransmission_has_a_timeout_of_its_own),
        cmocka_unit_test(both_copies_are_in_flight),
        cmocka_unit_test(a_dsack_of_something_else_does_not_settle_the_probe),
        cmocka_unit_test(a_repeated_ack_settles_the_probe),
        cmocka_unit_test(a_window_update_does_not_settle_the_probe),
        cmocka_unit_test(a_probe_with_new_data_repairs_nothing),
        cmocka_unit_test(a_wide_window_on_a_long_path),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
