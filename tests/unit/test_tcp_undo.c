/* SPDX-License-Identifier: MIT */
/*
 * Recoveries that were not called for: Eifel detection (RFC 3522), F-RTO (RFC 5682), DSACKs (RFC 2883), and what is
 * done about them (RFC 4015). The round trip is 100 ms, the timeout 300 ms, cwnd 10 segments of 1000.
 */
#include "tcp_peer.h"

#define NEWRENO .congestion = "newreno"

static const struct tcp_peer_setup plain = {.tcp = {NEWRENO}};
static const struct tcp_peer_setup sack_on = {.sack = true, .tcp = {NEWRENO}};
static const struct tcp_peer_setup stamps = {
    .timestamps = true, .mss = 1012, .tcp = {NEWRENO, .no_frto = true}};
static const struct tcp_peer_setup both_on = {
    .timestamps = true, .sack = true, .mss = 1012, .tcp = {NEWRENO, .no_frto = true}};

/* Ten segments are out, as much again waits. */
static struct tcp_peer *ten_out(const struct tcp_peer_setup *setup)
{
    struct tcp_peer *t = tcp_peer_measured(setup);

    we_write(t, 30000);
    for (unsigned i = 0; i < 10; i++)
        we_send(t, "A", 1 + 1000 * i, 1, 1000);
    we_send_nothing(t);
    return t;
}

/* Then nothing comes for so long that the first has gone again. With SACK there was a probe before, an eleventh. */
static struct tcp_peer *timed_out(const struct tcp_peer_setup *setup)
{
    struct tcp_peer *t = ten_out(setup);

    while (tp_info(t).timeouts == 0) {
        ignore_sent(t); /* the tail loss probe */
        after(t, 10 * WEFT_MSEC);
    }
    we_send(t, "A", 1, 1, 1000);
    we_send_nothing(t);
    assert_int_equal(tp_info(t).ssthresh, 5000);
    return t;
}

static void is_undone(struct tcp_peer *t, enum weft_counter counter)
{
    assert_int_equal(tp_info(t).undone, 1);
    assert_int_equal(tp_count(t, counter), 1);
}

/* As if both had said so, but our data is not marked: the wire checker has seen the handshake. */
static void agree_on_ecn(struct tcp_peer *t)
{
    t->sock->tcb->ecn.agreed = t->sock->tcb->ecn.gave_up = true;
}

static void is_not_undone(struct tcp_peer *t)
{
    assert_int_equal(tp_info(t).undone, 0);
    tcp_peer_end(t);
}

/* --- Eifel detection (RFC 3522 3.2) ---------------------------------------------------------------------------------- */

/* Step 4: the echo is older than the retransmission: of the original. RFC 4015 3.1: new data goes on (8), cwnd is what
 * is out and what has been acknowledged (9), ssthresh what it was. */
static void an_old_echo_takes_a_timeout_back(void **state)
{
    struct tcp_peer *t = ten_out(&stamps);
    uint32_t original = t->tsecr;

    (void)state;
    silence(t, 300 * WEFT_MSEC);
    we_send(t, "A", 1, 1, 1000);
    assert_int_equal(tp_info(t).cwnd, 1000);
    after(t, 20 * WEFT_MSEC);
    t->tsecr = original;
    peer_sends(t, "A", 1, 2001, 0);
    is_undone(t, WEFT_COUNT_TCP_UNDONE_EIFEL);
    assert_int_equal(tp_info(t).ssthresh, UINT32_MAX);
    assert_int_equal(tp_info(t).cwnd, 10000);
    we_send(t, "A", 10001, 1, 1000); /* not 2001 */
    we_send(t, "A", 11001, 1, 1000);
    we_send_nothing(t);
    assert_int_equal(tp_info(t).timeouts, 1);
    tcp_peer_end(t);
}

/* Step 4, the other way: the retransmission has been answered. */
static void a_new_echo_leaves_it(void **state)
{
    struct tcp_peer *t = ten_out(&stamps);

    (void)state;
    silence(t, 300 * WEFT_MSEC);
    we_send(t, "A", 1, 1, 1000);
    after(t, 100 * WEFT_MSEC);
    peer_sends(t, "A", 1, 2001, 0);
    we_send(t, "A", 2001, 1, 1000);
    is_not_undone(t);
}

/* "The first acceptable ACK" decides; no later one. */
static void only_the_first_ack_counts(void **state)
{
    struct tcp_peer *t = ten_out(&stamps);
    uint32_t original = t->tsecr;

    (void)state;
    silence(t, 300 * WEFT_MSEC);
    after(t, 100 * WEFT_MSEC);
    peer_sends(t, "A", 1, 2001, 0);
    t->tsecr = original;
    peer_sends(t, "A", 1, 3001, 0);
    is_not_undone(t);
}

/* Step 5: all is acknowledged, by a peer of which no DSACK is known: perhaps all ACKs were lost. */
static void an_ack_of_everything_is_no_witness(void **state)
{
    struct tcp_peer *t = ten_out(&stamps);
    uint32_t original = t->tsecr;

    (void)state;
    silence(t, 300 * WEFT_MSEC);
    ignore_sent(t);
    t->tsecr = original;
    peer_sends(t, "A", 1, 10001, 0);
    is_not_undone(t);
}

/* Step 5: the ACK reports the duplicate itself. (Here it is the only one sent, which DSACK tells.) */
static void an_ack_with_a_dsack_is_no_witness(void **state)
{
    struct tcp_peer_setup setup = both_on;
    setup.tcp.no_dsack_undo = true;
    struct tcp_peer *t = timed_out(&setup);

    (void)state;
    t->tsecr -= 300;
    peer_sacks(t, 1, 2001, 1, 1001);
    is_not_undone(t);
}

/* Step 5: a peer that has sent a DSACK before would have sent one now. */
static void of_a_peer_with_dsack_an_ack_of_everything_is_a_witness(void **state)
{
    struct tcp_peer *t = tcp_peer_measured(&both_on);

    (void)state;
    we_write(t, 1000);
    ignore_sent(t);
    after(t, 100 * WEFT_MSEC);
    peer_sacks(t, 1, 1001, 1, 1001); /* the network has doubled it */
    tp_rebase(t);
    we_write(t, 2000);
    uint32_t original = t->tsecr;
    while (tp_info(t).timeouts == 0)
        after(t, 10 * WEFT_MSEC);
    ignore_sent(t);
    t->tsecr = original;
    peer_sends(t, "A", 1, 2001, 0);
    is_undone(t, WEFT_COUNT_TCP_UNDONE_EIFEL);
    tcp_peer_end(t);
}

/* A fast recovery is taken back as well: the segment was only late. */
static void an_old_echo_takes_a_fast_recovery_back(void **state)
{
    struct tcp_peer *t = ten_out(&both_on);
    uint32_t original = t->tsecr;

    (void)state;
    after(t, 100 * WEFT_MSEC);
    t->tsecr = original;
    peer_sacks(t, 1, 1, 1001, 4001);
    we_send(t, "A", 1, 1, 1000);
    assert_int_equal(tp_info(t).ssthresh, 5000);
    t->tsecr = original;
    after(t, 10 * WEFT_MSEC);
    peer_sends(t, "A", 1, 4001, 0);
    is_undone(t, WEFT_COUNT_TCP_UNDONE_EIFEL);
    assert_int_equal(tp_info(t).cwnd, 6000 + 4000);
    assert_int_equal(tp_info(t).ssthresh, UINT32_MAX);
    we_send(t, "A", 10001, 1, 1000);
    tcp_peer_end(t);
}

/* RFC 8985 6.2 step 3: what was only late has been reordered, though it had gone again by then; the next that is late is
 * waited for. */
static void what_was_late_shows_reordering(void **state)
{
    struct tcp_peer *t = ten_out(&both_on);
    uint32_t original = t->tsecr;

    (void)state;
    after(t, 100 * WEFT_MSEC);
    t->tsecr = original;
    peer_sacks(t, 1, 1, 1001, 4001);
    we_send(t, "A", 1, 1, 1000);
    t->tsecr = original;
    after(t, 10 * WEFT_MSEC);
    peer_sends(t, "A", 1, 4001, 0);
    is_undone(t, WEFT_COUNT_TCP_UNDONE_EIFEL);
    assert_int_equal(tp_info(t).reord_seen, 1);
    t->tsecr = original;
    peer_sacks(t, 1, 4001, 5001, 8001);
    ignore_sent(t); /* new data */
    silence(
        t, 10 * WEFT_MSEC); /* 120 ms of 125 have passed, three segments are SACKed, and nothing goes again */
    assert_int_equal(tp_info(t).recoveries, 1);
    tcp_peer_end(t);
}

/* RFC 3522 3.2: the second timeout for the same segment does not begin anew: RetransmitTS is that of the first. */
static void the_first_retransmission_gives_the_time(void **state)
{
    struct tcp_peer *t = ten_out(&stamps);

    (void)state;
    silence(t, 300 * WEFT_MSEC);
    we_send(t, "A", 1, 1, 1000);
    uint32_t first = t->tsecr;
    silence(t, 600 * WEFT_MSEC);
    we_send(t, "A", 1, 1, 1000);
    t->tsecr = first; /* of the first retransmission: that was called for */
    peer_sends(t, "A", 1, 2001, 0);
    is_not_undone(t);
}

static void eifel_can_be_switched_off(void **state)
{
    struct tcp_peer_setup setup = stamps;
    setup.tcp.no_eifel = true;
    struct tcp_peer *t = ten_out(&setup);
    uint32_t original = t->tsecr;

    (void)state;
    silence(t, 300 * WEFT_MSEC);
    ignore_sent(t);
    t->tsecr = original;
    peer_sends(t, "A", 1, 2001, 0);
    is_not_undone(t);
}

/* RFC 4015 3.1 step 9: with ECN-Echo the windows stay as they are; but the data is not sent again. */
static void with_an_ecn_echo_the_windows_stay(void **state)
{
    struct tcp_peer *t = ten_out(&stamps);
    uint32_t original = t->tsecr;

    (void)state;
    silence(t, 300 * WEFT_MSEC);
    we_send(t, "A", 1, 1, 1000);
    t->tsecr = original;
    agree_on_ecn(t);
    peer_sends(t, "AE", 1, 2001, 0);
    is_undone(t, WEFT_COUNT_TCP_UNDONE_EIFEL);
    assert_int_equal(tp_info(t).ssthresh, 5000);
    assert_true(tp_info(t).cwnd <= 2000);
    we_send_nothing(t);
    tcp_peer_end(t);
}

/* The same when the echo came on an ACK before: what is taken back is not the reduction that the mark asked for. */
static void an_earlier_ecn_echo_keeps_the_windows(void **state)
{
    struct tcp_peer *t = ten_out(&both_on);
    uint32_t original = t->tsecr;

    (void)state;
    agree_on_ecn(t);
    after(t, 100 * WEFT_MSEC);
    t->tsecr = original;
    peer_sacks(t, 1, 1, 1001, 4001);
    we_send(t, "A", 1, 1, 1000);
    peer_sends(t, "AE", 1, 1, 0);
    ignore_sent(t);
    after(t, 10 * WEFT_MSEC);
    t->tsecr = original;
    peer_sends(t, "A", 1, 4001, 0);
    is_undone(t, WEFT_COUNT_TCP_UNDONE_EIFEL);
    assert_int_equal(tp_info(t).ssthresh, 5000);
    assert_true(tp_info(t).cwnd <= 5000);
    ignore_sent(t);
    tcp_peer_end(t);
}

/* --- Basic F-RTO (RFC 5682 2.1) -------------------------------------------------------------------------------------- */

/* 2b: the first ACK moves: two new segments. 3b: the second moves, too: the originals are only late. */
static void two_acks_after_a_timeout_take_it_back(void **state)
{
    struct tcp_peer *t = timed_out(&plain);

    (void)state;
    peer_sends(t, "A", 1, 1001, 0);
    we_send(t, "A", 10001, 1, 1000);
    we_send(t, "A", 11001, 1, 1000);
    we_send_nothing(t);
    assert_int_equal(tp_info(t).undone, 0);
    peer_sends(t, "A", 1, 2001, 0);
    is_undone(t, WEFT_COUNT_TCP_UNDONE_FRTO);
    assert_int_equal(tp_info(t).cwnd, 11000); /* ten are out, and one was acknowledged */
    we_send(t, "A", 12001, 1, 1000);
    we_send_nothing(t);
    for (unsigned i = 3; i <= 13; i++)
        peer_sends(t, "A", 1, 1 + 1000 * i, 0);
    for (; t->count > 0; tp_pass(t))
        assert_true(t->segs[t->first].seq >= 13001);
    assert_int_equal(tp_info(t).segs_retransmitted, 1);
    tcp_peer_end(t);
}

/* 3a: the second is a duplicate: what was lost goes again, with three segments at most. */
static void a_duplicate_after_the_first_ack_is_a_loss(void **state)
{
    struct tcp_peer *t = timed_out(&plain);

    (void)state;
    after(t, 100 * WEFT_MSEC);
    peer_sends(t, "A", 1, 1001, 0);
    we_send(t, "A", 10001, 1, 1000);
    we_send(t, "A", 11001, 1, 1000);
    after(t, 100 * WEFT_MSEC);
    peer_sends(t, "A", 1, 1001, 0);
    for (unsigned i = 1; i <= 3; i++)
        we_send(t, "A", 1 + 1000 * i, 1, 1000);
    we_send_nothing(t);
    assert_int_equal(tp_info(t).cwnd, 3000);
    is_not_undone(t);
}

/* 2a: a duplicate ACK, or one of all that was out, or one of not even all that went again. */
static void a_first_ack_that_decides(void **state)
{
    struct tcp_peer *t = timed_out(&plain);

    (void)state;
    peer_sends(t, "A", 1, 1, 0);
    peer_sends(t, "A", 1, 1001, 0);
    we_send(t, "A", 1001, 1, 1000);
    is_not_undone(t);
    t = timed_out(&plain);
    peer_sends(t, "A", 1, 10001, 0);
    ignore_sent(t);
    peer_sends(t, "A", 1, 11001, 0);
    is_not_undone(t);
    t = timed_out(&plain);
    peer_sends(t, "A", 1, 501, 0);
    we_send(t, "A", 1001, 1, 1000); /* not new data */
    is_not_undone(t);
}

/* 2b: without new data to send, or without a window for it, step 3 is skipped. */
static void without_new_data_there_is_no_second_step(void **state)
{
    struct tcp_peer *t = tcp_peer_measured(&plain);

    (void)state;
    we_write(t, 10000);
    ignore_sent(t);
    after(t, 300 * WEFT_MSEC);
    we_send(t, "A", 1, 1, 1000);
    peer_sends(t, "A", 1, 1001, 0);
    we_send(t, "A", 1001, 1, 1000);
    we_send(t, "A", 2001, 1, 1000);
    peer_sends(t, "A", 1, 2001, 0);
    is_not_undone(t);
    t = tcp_peer_measured(&plain);
    we_write(t, 10000);
    ignore_sent(t);
    after(t, 300 * WEFT_MSEC);
    t->batch = true; /* not even when both come at once */
    peer_sends(t, "A", 1, 1001, 0);
    peer_sends(t, "A", 1, 2001, 0);
    is_not_undone(t);
    t = timed_out(&plain);
    t->window = 9000;
    peer_sends(t, "A", 1, 1001, 0);
    we_send(t, "A", 1001, 1, 1000);
    is_not_undone(t);
}

/* Nagle may hold the new data back: then what is lost goes. */
static void new_data_that_may_not_go_ends_it(void **state)
{
    struct tcp_peer *t = tcp_peer_measured(&plain);

    (void)state;
    we_write(t, 9500);
    ignore_sent(t);
    assert_int_equal(tp_write(t, 300, 0), 300);
    after(t, 300 * WEFT_MSEC);
    we_send(t, "A", 1, 1, 1000);
    peer_sends(t, "A", 1, 1001, 0);
    we_send(t, "A", 1001, 1, 1000);
    is_not_undone(t);
}

/* The pace may hold the new data back: then it is waited for. */
static void new_data_that_waits_for_its_turn(void **state)
{
    struct tcp_peer *t = ten_out(&plain);

    (void)state;
    weft_sock_setopt(t->sock, WEFT_OPT_MAX_PACING_RATE, 10000); /* a segment in 100 ms */
    silence(t, 300 * WEFT_MSEC);
    we_send(t, "A", 1, 1, 1000);
    after(t, 50 * WEFT_MSEC);
    peer_sends(t, "A", 1, 1001, 0);
    silence(t, 50 * WEFT_MSEC);
    we_send(t, "A", 10001, 1, 1000);
    we_send(t, "A", 11001, 1, 1000);
    we_send_nothing(t);
    peer_sends(t, "A", 1, 2001, 0);
    is_undone(t, WEFT_COUNT_TCP_UNDONE_FRTO);
    tcp_peer_end(t);
}

/* Step 1: the same segment timed out again begins anew; a timeout within an earlier recovery does not. */
static void repeated_timeouts(void **state)
{
    struct tcp_peer *t = timed_out(&plain);

    (void)state;
    silence(t, 600 * WEFT_MSEC);
    we_send(t, "A", 1, 1, 1000);
    peer_sends(t, "A", 1, 1001, 0);
    we_send(t, "A", 10001, 1, 1000);
    we_send(t, "A", 11001, 1, 1000);
    peer_sends(t, "A", 1, 2001, 0);
    is_undone(t, WEFT_COUNT_TCP_UNDONE_FRTO);
    assert_int_equal(tp_info(t).ssthresh, UINT32_MAX); /* as before the first */
    tcp_peer_end(t);
    t = timed_out(&plain);
    peer_sends(t, "A", 1, 1, 0); /* 2a */
    peer_sends(t, "A", 1, 1001, 0);
    ignore_sent(t);
    while (tp_info(t).timeouts < 2)
        after(t, 10 * WEFT_MSEC);
    ignore_sent(t);
    peer_sends(t, "A", 1, 2001, 0);
    for (; t->count > 0; tp_pass(t))
        assert_true(t->segs[t->first].seq < 10001);
    is_not_undone(t);
}

/* Not when a fast recovery is under way (RFC 5682 6). */
static void not_within_a_fast_recovery(void **state)
{
    struct tcp_peer *t = ten_out(&plain);

    (void)state;
    for (unsigned i = 0; i < 3; i++)
        peer_sends(t, "A", 1, 1, 0);
    while (tp_info(t).timeouts == 0)
        after(t, 10 * WEFT_MSEC);
    ignore_sent(t);
    peer_sends(t, "A", 1, 1001, 0);
    for (; t->count > 0; tp_pass(t))
        assert_true(t->segs[t->first].seq < 10001);
    is_not_undone(t);
}

static void frto_can_be_switched_off(void **state)
{
    struct tcp_peer_setup setup = plain;
    setup.tcp.no_frto = true;
    struct tcp_peer *t = timed_out(&setup);

    (void)state;
    peer_sends(t, "A", 1, 1001, 0);
    we_send(t, "A", 1001, 1, 1000);
    is_not_undone(t);
}

/* --- F-RTO with SACK (RFC 5682 3.1) ------------------------------------------------------------------------------------ */

/* Step 2 waits over SACKs; 3b: a SACK of data from before the timeout is enough. */
static void a_sack_of_old_data_takes_a_timeout_back(void **state)
{
    struct tcp_peer *t = timed_out(&sack_on);

    (void)state;
    peer_sacks(t, 1, 1, 1001, 2001); /* reordered */
    we_send_nothing(t);
    peer_sends(t, "A", 1, 2001, 0);
    we_send(t, "A", 11001, 1, 1000);
    we_send(t, "A", 12001, 1, 1000);
    we_send_nothing(t);
    peer_sacks(t, 1, 2001, 3001, 4001);
    is_undone(t, WEFT_COUNT_TCP_UNDONE_FRTO);
    assert_int_equal(tp_info(t).ssthresh, UINT32_MAX);
    tcp_peer_end(t);
}

/* 3a: a SACK of the new data, and none of the old: that was lost. */
static void a_sack_of_new_data_is_a_loss(void **state)
{
    struct tcp_peer *t = timed_out(&sack_on);

    (void)state;
    after(t, 100 * WEFT_MSEC);
    peer_sends(t, "A", 1, 1001, 0);
    we_send(t, "A", 11001, 1, 1000);
    we_send(t, "A", 12001, 1, 1000);
    after(t, 100 * WEFT_MSEC);
    peer_sacks(t, 1, 1001, 11001, 12001);
    we_send(t, "A", 1001, 1, 1000);
    is_not_undone(t);
}

/* 3a: a duplicate ACK that tells nothing new. */
static void a_duplicate_that_tells_nothing_is_a_loss(void **state)
{
    struct tcp_peer *t = timed_out(&sack_on);

    (void)state;
    after(t, 100 * WEFT_MSEC);
    peer_sends(t, "A", 1, 1001, 0);
    we_send(t, "A", 11001, 1, 1000);
    we_send(t, "A", 12001, 1, 1000);
    peer_sends(t, "A", 1, 1001, 0);
    we_send(t, "A", 1001, 1, 1000);
    is_not_undone(t);
}

/* After it RACK judges by what has arrived for certain, not by the retransmission that nobody answered. */
static void late_originals_are_not_judged_by_the_retransmission(void **state)
{
    struct tcp_peer *t = timed_out(&sack_on);

    (void)state;
    after(t, 150 * WEFT_MSEC); /* longer than a round trip: it could be the answer to the retransmission */
    peer_sends(t, "A", 1, 1001, 0);
    ignore_sent(t);
    peer_sends(t, "A", 1, 2001, 0);
    is_undone(t, WEFT_COUNT_TCP_UNDONE_FRTO);
    ignore_sent(t);
    after(t, 240 * WEFT_MSEC); /* the probe, sent 200 ms after them, was still before the retransmission */
    peer_sends(t, "A", 1, 3001, 0);
    for (; t->count > 0; tp_pass(t))
        assert_true(t->segs[t->first].seq >= 11001);
    tcp_peer_end(t);
}

/* --- DSACK ---------------------------------------------------------------------------------------------------------------- */

/* Two that were late have gone again; both are reported, after the recovery's end. */
static struct tcp_peer *two_in_vain(const struct tcp_peer_setup *setup)
{
    struct tcp_peer *t = ten_out(setup);

    after(t, 100 * WEFT_MSEC);
    peer_sacks(t, 1, 1, 2001, 7001);
    we_send(t, "A", 1, 1, 1000);
    we_send(t, "A", 1001, 1, 1000);
    we_send_nothing(t);
    after(t, 50 * WEFT_MSEC);
    peer_sends(t, "A", 1, 10001, 0); /* the originals, and everything */
    assert_int_equal(tp_info(t).recoveries, 1);
    assert_int_equal(tp_info(t).cwnd, 5000);
    ignore_sent(t);
    after(t, 50 * WEFT_MSEC);
    return t;
}

static void dsacks_of_all_take_a_recovery_back(void **state)
{
    struct tcp_peer *t = two_in_vain(&sack_on);

    (void)state;
    peer_sacks(t, 1, 10001, 1, 1001);
    assert_int_equal(tp_info(t).undone, 0);
    peer_sacks(t, 1, 10001, 1001, 2001);
    is_undone(t, WEFT_COUNT_TCP_UNDONE_DSACK);
    assert_int_equal(tp_info(t).ssthresh, UINT32_MAX);
    tcp_peer_end(t);
}

/* One report that comes twice is one. */
static void a_doubled_dsack_counts_once(void **state)
{
    struct tcp_peer *t = two_in_vain(&sack_on);

    (void)state;
    peer_sacks(t, 1, 10001, 1, 1001);
    peer_sacks(t, 1, 10001, 1, 1001);
    is_not_undone(t);
}

/* What the network has doubled by itself was not sent again. */
static void a_dsack_of_something_else_does_not_count(void **state)
{
    struct tcp_peer *t = two_in_vain(&sack_on);

    (void)state;
    peer_sacks(t, 1, 10001, 1, 1001);
    peer_sacks(t, 1, 10001, 6001, 7001);
    is_not_undone(t);
}

/* Two were lost and have gone again; two between them were doubled by the network. */
static void a_dsack_of_what_went_once_does_not_count(void **state)
{
    struct tcp_peer *t = ten_out(&sack_on);

    (void)state;
    after(t, 100 * WEFT_MSEC);
    t->batch = true;
    tp_send_sacks(t, 1, 1, (const uint32_t[]){1001, 7001, 8001, 10001}, 4);
    t->batch = false;
    after(t, 30 * WEFT_MSEC);
    assert_int_equal(tp_info(t).segs_retransmitted, 2);
    ignore_sent(t);
    peer_sacks(t, 1, 1, 3001, 5001, 1001, 7001, 8001, 10001);
    ignore_sent(t);
    assert_int_equal(tp_info(t).ssthresh, 5000);
    is_not_undone(t);
}

/* They may come in any order, and one may report several. */
static void dsacks_in_another_order(void **state)
{
    struct tcp_peer *t = two_in_vain(&sack_on);

    (void)state;
    peer_sacks(t, 1, 10001, 1001, 2001);
    assert_int_equal(tp_info(t).undone, 0);
    peer_sacks(t, 1, 10001, 1, 1001);
    is_undone(t, WEFT_COUNT_TCP_UNDONE_DSACK);
    tcp_peer_end(t);
    t = two_in_vain(&sack_on);
    peer_sacks(t, 1, 10001, 1, 2001);
    is_undone(t, WEFT_COUNT_TCP_UNDONE_DSACK);
    tcp_peer_end(t);
}

/* So many holes, of 100 bytes each, have gone again in vain, and one DSACK reports them all. */
static struct tcp_peer *holes_in_vain(unsigned holes)
{
    struct tcp_peer *t = ten_out(&sack_on);

    after(t, 100 * WEFT_MSEC);
    for (unsigned i = 0; i < holes; i++) {
        peer_sacks(t, 1, 1, 101 + 200 * i, 201 + 200 * i);
        ignore_sent(t);
    }
    peer_sacks(t, 1, 1, 1 + 200 * holes, 10001);
    for (unsigned i = 0; i < 10; i++) {
        ignore_sent(t);
        after(t, 5 * WEFT_MSEC);
    }
    assert_int_equal(tp_info(t).segs_retransmitted, holes);
    peer_sends(t, "A", 1, 10001, 0);
    ignore_sent(t);
    peer_sacks(t, 1, 10001, 1, 10001);
    ignore_sent(t);
    return t;
}

static void more_holes_than_are_remembered(void **state)
{
    struct tcp_peer *t = holes_in_vain(TCP_UNDO_RUNS);

    (void)state;
    is_undone(t, WEFT_COUNT_TCP_UNDONE_DSACK);
    tcp_peer_end(t);
    is_not_undone(holes_in_vain(TCP_UNDO_RUNS + 1));
}

/* The second copy was called for if the first was lost: one DSACK does not tell. */
static void what_has_gone_three_times(void **state)
{
    struct tcp_peer_setup setup = sack_on;
    setup.tcp.no_frto = true;
    struct tcp_peer *t = timed_out(&setup);

    (void)state;
    while (tp_info(t).timeouts == 1)
        after(t, 10 * WEFT_MSEC);
    we_send(t, "A", 1, 1, 1000);
    peer_sacks(t, 1, 1001, 1, 1001);
    ignore_sent(t);
    is_not_undone(t);
}

/* A mark in the recovery, or in the round trip after it, asked for the reduction, too (RFC 3168 6.1.2). */
static void an_ecn_echo_rules_dsacks_out(void **state)
{
    struct tcp_peer *t = ten_out(&sack_on);

    (void)state;
    agree_on_ecn(t);
    after(t, 100 * WEFT_MSEC);
    peer_sacks(t, 1, 1, 1001, 4001);
    peer_sends(t, "AE", 1, 1, 0);
    peer_sends(t, "A", 1, 10001, 0);
    ignore_sent(t);
    peer_sacks(t, 1, 10001, 1, 1001);
    assert_int_equal(tp_info(t).ssthresh, 5000);
    ignore_sent(t);
    is_not_undone(t);
    t = two_in_vain(&sack_on);
    agree_on_ecn(t);
    peer_sends(t, "AE", 1, 10001, 0);
    assert_true(tp_info(t).ssthresh < 5000);
    peer_sacks(t, 1, 10001, 1, 2001);
    ignore_sent(t);
    is_not_undone(t);
}

/* A round trip after its end a recovery is past. */
static void a_dsack_may_come_too_late(void **state)
{
    struct tcp_peer *t = two_in_vain(&sack_on);

    (void)state;
    uint32_t nxt = t->sock->tcb->snd.nxt.n - t->iss;
    peer_sends(t, "A", 1, nxt, 0);
    ignore_sent(t);
    peer_sends(t, "A", 1, nxt + 1000, 0);
    peer_sacks(t, 1, nxt + 1000, 1, 1001);
    peer_sacks(t, 1, nxt + 1000, 1001, 2001);
    is_not_undone(t);
}

static void dsacks_can_be_switched_off(void **state)
{
    struct tcp_peer_setup setup = sack_on;
    setup.tcp.no_dsack_undo = true;
    struct tcp_peer *t = two_in_vain(&setup);

    (void)state;
    peer_sacks(t, 1, 10001, 1, 1001);
    peer_sacks(t, 1, 10001, 1001, 2001);
    is_not_undone(t);
}

/* A timeout whose only retransmission is reported: LATE_SPUR_TO of RFC 4015. */
static void a_dsack_takes_a_timeout_back(void **state)
{
    struct tcp_peer *t = timed_out(&sack_on);

    (void)state;
    peer_sacks(t, 1, 10001, 1, 1001);
    is_undone(t, WEFT_COUNT_TCP_UNDONE_DSACK);
    tcp_peer_end(t);
}

/* --- The estimate after a spurious timeout (RFC 4015 3.1 step 11) ------------------------------------------------------------ */

static void the_estimate_begins_anew(void **state)
{
    struct tcp_peer *t = timed_out(&plain); /* at 300 ms */

    (void)state;
    after(t, 200 * WEFT_MSEC);
    peer_sends(t, "A", 1, 1001, 0);
    ignore_sent(t);
    peer_sends(t, "A", 1, 2001, 0);
    is_undone(t, WEFT_COUNT_TCP_UNDONE_FRTO);
    ignore_sent(t);
    peer_sends(t, "A", 1, 10001, 0); /* still of data from before it */
    assert_true(tp_info(t).srtt > 100 * WEFT_MSEC && tp_info(t).srtt < 150 * WEFT_MSEC);
    after(t, 150 * WEFT_MSEC);
    peer_sends(t, "A", 1, 12001, 0); /* the new data, sent 150 ms ago: as a first sample (RFC 6298 2.2) */
    assert_int_equal(tp_info(t).srtt, 150 * WEFT_MSEC);
    assert_int_equal(tp_info(t).rttvar, 75 * WEFT_MSEC);
    tcp_peer_end(t);
}

/* But it is not shorter than it was, by more than the clock's grain. */
static void the_estimate_does_not_fall(void **state)
{
    struct tcp_peer *t = timed_out(&plain);
    weft_time srtt = tp_info(t).srtt;

    (void)state;
    peer_sends(t, "A", 1, 1001, 0);
    ignore_sent(t);
    peer_sends(t, "A", 1, 2001, 0);
    is_undone(t, WEFT_COUNT_TCP_UNDONE_FRTO);
    after(t, 10 * WEFT_MSEC);
    peer_sends(t, "A", 1, 12001, 0);
    assert_int_equal(tp_info(t).srtt, srtt + 2);
    tcp_peer_end(t);
}

/* Each is told in the trace, with its cause. */
static void the_trace_says_so(void **state)
{
    struct tcp_peer *t = timed_out(&plain);
    struct weft_trace_record record;
    uint64_t at = 0, lost = 0;
    unsigned n = 0;

    (void)state;
    peer_sends(t, "A", 1, 1001, 0);
    peer_sends(t, "A", 1, 2001, 0);
    while (weft_trace_read(t->stack, &at, &record, 1, &lost) > 0)
        if (record.event == WEFT_TRACE_TCP_UNDO) {
            n++;
            assert_int_equal(record.arg[0], 1);
            assert_int_equal(record.arg[1], tp_info(t).cwnd);
            assert_int_equal(record.arg[3], WEFT_CAUSE_FRTO);
        }
    assert_int_equal(n, 1);
    tcp_peer_end(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_old_echo_takes_a_timeout_back),
        cmocka_unit_test(a_new_echo_leaves_it),
        cmocka_unit_test(only_the_first_ack_counts),
        cmocka_unit_test(an_ack_of_everything_is_no_witness),
        cmocka_unit_test(an_ack_with_a_dsack_is_no_witness),
        cmocka_unit_test(of_a_peer_with_dsack_an_ack_of_everything_is_a_witness),
        cmocka_unit_test(an_old_echo_takes_a_fast_recovery_back),
        cmocka_unit_test(what_was_late_shows_reordering),
        cmocka_unit_test(the_first_retransmission_gives_the_time),
        cmocka_unit_test(eifel_can_be_switched_off),
        cmocka_unit_test(with_an_ecn_echo_the_windows_stay),
        cmocka_unit_test(an_earlier_ecn_echo_keeps_the_windows),
        cmocka_unit_test(two_acks_after_a_timeout_take_it_back),
        cmocka_unit_test(a_duplicate_after_the_first_ack_is_a_loss),
        cmocka_unit_test(a_first_ack_that_decides),
        cmocka_unit_test(without_new_data_there_is_no_second_step),
        cmocka_unit_test(new_data_that_may_not_go_ends_it),
        cmocka_unit_test(repeated_timeouts),
        cmocka_unit_test(not_within_a_fast_recovery),
        cmocka_unit_test(frto_can_be_switched_off),
        cmocka_unit_test(a_sack_of_old_data_takes_a_timeout_back),
        cmocka_unit_test(a_sack_of_new_data_is_a_loss),
        cmocka_unit_test(a_duplicate_that_tells_nothing_is_a_loss),
        cmocka_unit_test(late_originals_are_not_judged_by_the_retransmission),
        cmocka_unit_test(dsacks_of_all_take_a_recovery_back),
        cmocka_unit_test(a_doubled_dsack_counts_once),
        cmocka_unit_test(a_dsack_of_something_else_does_not_count),
        cmocka_unit_test(a_dsack_of_what_went_once_does_not_count),
        cmocka_unit_test(dsacks_in_another_order),
        cmocka_unit_test(more_holes_than_are_remembered),
        cmocka_unit_test(what_has_gone_three_times),
        cmocka_unit_test(an_ecn_echo_rules_dsacks_out),
        cmocka_unit_test(a_dsack_may_come_too_late),
        cmocka_unit_test(dsacks_can_be_switched_off),
        cmocka_unit_test(a_dsack_takes_a_timeout_back),
        cmocka_unit_test(the_estimate_begins_anew),
        cmocka_unit_test(the_estimate_does_not_fall),
        cmocka_unit_test(the_trace_says_so),
        cmocka_unit_test(new_data_that_waits_for_its_turn),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
