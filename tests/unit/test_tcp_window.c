/* SPDX-License-Identifier: MIT */
/*
 * Flow control, both ways: zero windows and their probes, silly windows, edges
 * that never move back: RFC 9293 3.8.6, RFC 7323 2, RFC 1122 4.2.3.3 and 4.2.3.4.
 */
#include "tcp_peer.h"

/* --- The peer's window ----------------------------------------------------------------------- */

/* Never beyond the window; a window that opens lets the rest go at once. */
static void data_waits_for_the_window(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.window = 3000});

    (void)state;
    we_write(t, 5000);
    we_send(t, "A", 1, 1, 1000);
    we_send(t, "A", 1001, 1, 1000);
    we_send(t, "A", 2001, 1, 1000);
    we_send_nothing(t);
    assert_int_equal(tp_info(t).limit, WEFT_LIMIT_PEER_WINDOW);
    t->window = 2000;
    peer_sends(t, "A", 1, 2001, 0); /* its edge is at 4001 now */
    we_send(t, "A", 3001, 1, 1000);
    we_send_nothing(t);
    t->window = 10000;
    peer_sends(t, "A", 1, 2001, 0);
    we_send(t, "PA", 4001, 1, 1000);
    tcp_peer_end(t);
}

/* A segment that comes late, but acknowledges more than all before, says the window too: the edge must not move
 * with SND.UNA beyond what any segment has promised. Found by the wire checker. */
static void a_late_segment_promises_no_more(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.window = 4000});

    (void)state;
    we_write(t, 9000);
    for (uint32_t at = 1; at < 4001; at += 1000)
        we_send(t, "A", at, 1, 1000);
    peer_sends(t, "A", 1001, 1001, 0); /* what comes before it is late; the edge is at 5001 */
    we_send(t, "A", 4001, 1, 1000);
    t->window = 2000;
    peer_sends(t, "A", 1, 3001, 1000); /* the edge is the same */
    we_send(t, "A", 5001, 1001, 0);
    we_send_nothing(t);
    tcp_peer_end(t);
}

/*
 * MUST-35, MUST-36, SHLD-29, SHLD-30: the first probe after an RTO, each wait
 * twice the last. DEVIATES (see src/tcp/output.c): the probe is an old number without
 * data, and the peer's answer says its window.
 */
static void a_shut_window_is_probed(void **state)
{
    struct tcp_peer *t = tcp_peer_measured(NULL);

    (void)state;
    t->window = 0;
    peer_sends(t, "A", 1, 1, 0);
    we_write(t, 1000);
    for (unsigned i = 0; i < 8; i++) {
        silence(t, WEFT_MSEC * (300U << i));
        we_send(t, "A", 0, 1, 0);
        peer_sends(t, "A", 1, 1, 0);
    }
    silence(t, 60 * WEFT_SEC); /* bounded as the RTO is */
    we_send(t, "A", 0, 1, 0);
    t->window = 5000;
    peer_sends(t, "A", 1, 1, 0);
    we_send(t, "PA", 1, 1, 1000);
    assert_int_equal(tp_count(t, WEFT_COUNT_TCP_ZERO_WINDOW_PROBES), 9);
    assert_int_equal(tp_info(t).timeouts, 0);
    tcp_peer_end(t);
}

/* MUST-37: the window may stay shut for ever while the probes are answered. */
static void a_window_may_stay_shut_for_ever(void **state)
{
    struct tcp_peer *t = tcp_peer_measured(NULL);

    (void)state;
    t->window = 0;
    peer_sends(t, "A", 1, 1, 0);
    we_write(t, 1000);
    for (unsigned i = 0; i < 500; i++) {
        while (t->count == 0)
            after(t, WEFT_SEC);
        ignore_sent(t);
        peer_sends(t, "A", 1, 1, 0);
    }
    we_are(t, ESTABLISHED);
    t->window = 5000;
    peer_sends(t, "A", 1, 1, 0);
    we_send(t, "PA", 1, 1, 1000);
    tcp_peer_end(t);
}

/* But a peer that does not answer them is dead (R2). */
static void a_peer_that_answers_no_probe_is_given_up(void **state)
{
    struct tcp_peer *t = tcp_peer_measured(NULL);
    weft_time began = t->now;

    (void)state;
    t->window = 0;
    peer_sends(t, "A", 1, 1, 0);
    we_write(t, 1000);
    while (t->state == WEFT_TCP_ESTABLISHED && t->now - began < 3600 * WEFT_SEC)
        after(t, WEFT_SEC);
    we_are(t, CLOSED);
    assert_true(t->now - began >= 100 * WEFT_SEC);
    assert_int_equal(weft_sock_error(t->sock), WEFT_E_TIMEDOUT);
    tcp_peer_end(t);
}

/* A window that is shut from the handshake on. */
static void a_window_that_is_shut_at_first(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.window_is_zero = true});

    (void)state;
    we_write(t, 100);
    silence(t, tp_info(t).rto);
    we_send(t, "A", 0, 1, 0);
    t->window = 100;
    peer_sends(t, "A", 1, 1, 0);
    we_send(t, "PA", 1, 1, 100);
    tcp_peer_end(t);
}

/* Our probes and FINs: what was written before a close still waits for the window. */
static void a_close_waits_for_the_window(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.window_is_zero = true});

    (void)state;
    we_write(t, 100);
    we_shutdown(t);
    we_are(t, FIN_WAIT_1);
    silence(t, tp_info(t).rto);
    we_send(t, "A", 0, 1, 0);
    t->window = 1000;
    peer_sends(t, "A", 1, 1, 0);
    we_send(t, "FPA", 1, 1, 100);
    tcp_peer_end(t);
}

/* --- Sender's silly window avoidance (MUST-38, RFC 9293 3.8.6.2.1) ---------------------------------- */

static void small_openings_are_not_used(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.window = 10000});

    (void)state;
    we_write(t, 12000);
    while (t->count > 0)
        we_send(t, "A", t->segs[t->first].seq, 1, 1000);
    t->window = 100;
    peer_sends(t, "A", 1, 10001, 0);
    we_send_nothing(t);
    t->window = 999;
    peer_sends(t, "A", 1, 10001, 0);
    we_send_nothing(t);
    t->window = 1000; /* a full segment */
    peer_sends(t, "A", 1, 10001, 0);
    we_send(t, "A", 10001, 1, 1000);
    tcp_peer_end(t);
}

/* (2) all of it fits, and Nagle says nothing against; (3) at least half of the largest window seen. */
static void what_may_go_in_a_small_window(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.window = 400});

    (void)state;
    we_write(t, 1000); /* half of 400 and more: all of the window is used */
    we_send(t, "A", 1, 1, 400);
    t->window = 150;
    peer_sends(t, "A", 1, 401, 0);
    we_send_nothing(t);
    t->window = 250;
    peer_sends(t, "A", 1, 401, 0);
    we_send(t, "A", 401, 1, 250);
    tcp_peer_end(t);
}

/* A small window is not waited for without end: the probe timer sends what fits (RFC 9293 3.8.6.2.1 (4): the override
 * timeout). */
static void a_silly_window_does_not_stall(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.window = 10000});
    uint32_t got = 10001;

    (void)state;
    we_write(t, 10500);
    ignore_sent(t);
    t->window = 300;
    peer_sends(t, "A", 1, 10001, 0);
    for (unsigned i = 0; i < 200 && got < 10501; i++) {
        after(t, WEFT_SEC);
        for (; t->count > 0; tp_pass(t))
            if (t->segs[t->first].seq == got)
                got += t->segs[t->first].len;
        peer_sends(t, "A", 1, got, 0);
    }
    assert_int_equal(got, 10501);
    tcp_peer_end(t);
}

/* --- Our window --------------------------------------------------------------------------------------- */

static void our_window_follows_the_buffer(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.tcp = {.receive_buffer = 8000}});

    (void)state;
    assert_int_equal(t->last.tcp.window, 8000);
    for (unsigned i = 1; i <= 8; i++) {
        peer_sends(t, "A", 1000 * i - 999, 1, 1000);
        we_send(t, "A", 1, 1 + 1000 * i, 0);
        assert_int_equal(t->last.tcp.window, 8000 - 1000 * i);
    }
    we_read(t, 8000);
    we_send(t, "A", 1, 8001, 0); /* the update */
    assert_int_equal(t->last.tcp.window, 8000);
    tcp_peer_end(t);
}

/* MUST-39: the edge moves by a full segment, or half of the buffer, or not at all. */
static void our_window_does_not_open_by_crumbs(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.tcp = {.receive_buffer = 8000}});
    uint32_t edge;

    (void)state;
    for (unsigned i = 0; i < 8; i++)
        peer_sends(t, "A", 1 + 1000 * i, 1, 1000);
    ignore_sent(t);
    edge = t->edge;
    for (unsigned i = 0; i < 160; i++) {
        we_read(t, 50);
        if (t->count == 0)
            continue;
        we_send(t, "A", 1, 8001, 0);
        assert_true(t->edge - edge >= 1460);
        edge = t->edge;
    }
    assert_true(edge - t->irs - 1 >= 8000 + 4000); /* and so it is nearly as wide as the buffer again */
    tcp_peer_end(t);
}

/* Nor does an ACK for other reasons move it by crumbs. */
static void acks_do_not_open_the_window_by_crumbs(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.tcp = {.receive_buffer = 8000}});

    (void)state;
    for (unsigned i = 0; i < 7; i++)
        peer_sends(t, "A", 1 + 1000 * i, 1, 1000);
    ignore_sent(t);
    we_read(t, 500);
    we_send_nothing(t);
    we_write(t, 10);
    we_send(t, "PA", 1, 7001, 10);
    assert_int_equal(t->last.tcp.window, 1000);
    tcp_peer_end(t);
}

/* SHLD-14, RFC 7323 2.4: the edge never moves left, not even by rounding. tp_check_rules sees to it; here the
 * steps are such that rounding down would show. */
static void a_scaled_window_does_not_shrink_by_rounding(void **state)
{
    struct tcp_peer_setup setup = {.wscale = true, .tcp = {.receive_buffer = 1 << 24}};
    struct tcp_peer *t = tcp_peer_established(&setup);
    struct test_rng rng = test_rng_start("a_scaled_window_does_not_shrink_by_rounding");
    uint32_t seq = 1;

    (void)state;
    assert_int_equal(t->our_shift, 9);
    for (unsigned i = 0; i < 3000; i++) {
        uint32_t len = test_rng_between(&rng, 1, 1460);
        uint32_t pending;

        peer_sends(t, "A", seq, 1, len);
        seq += len;
        pending = (uint32_t)weft_sock_recv_pending(t->sock);
        if (pending > 0 && test_rng_below(&rng, 4) == 0)
            we_read(t, test_rng_between(&rng, 1, pending));
        if (test_rng_below(&rng, 10) == 0)
            after(t, 50 * WEFT_MSEC);
        ignore_sent(t);
    }
    tcp_peer_end(t);
}

/* A receive buffer that is made smaller does not take back what was offered. */
static void a_smaller_buffer_does_not_shrink_the_window(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    assert_int_equal(weft_sock_setopt(t->sock, WEFT_OPT_RECEIVE_BUFFER, 4096), 0);
    tp_step(t);
    for (unsigned i = 0; i < 65; i++)
        peer_sends(t, "A", 1 + 1000 * i, 1, 1000);
    ignore_sent(t);
    we_read(t, 65000);
    tcp_peer_end(t);
}

/* When the window was shut, reading opens it, and the peer is told without asking. */
static void reading_opens_a_shut_window(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.tcp = {.receive_buffer = 4096}});

    (void)state;
    peer_sends(t, "A", 1, 1, 4096);
    we_send(t, "A", 1, 4097, 0);
    assert_int_equal(t->last.tcp.window, 0);
    we_read(t, 2047);
    we_send_nothing(t);
    we_read(t, 1);
    we_send(t, "A", 1, 4097, 0);
    assert_int_equal(t->last.tcp.window, 2048);
    tcp_peer_end(t);
}

/* Without window scaling the field is the bound, not the buffer: updates go by what it can say. */
static void updates_without_scaling(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.tcp = {.receive_buffer = 1 << 20}});
    uint32_t total = (1 << 20) - 20000, seq = 1;

    (void)state;
    while (seq + 1460 <= total) {
        peer_sends(t, "A", seq, 1, 1460);
        seq += 1460;
    }
    after(t, WEFT_SEC);
    ignore_sent(t);
    we_read(t, 10000);
    we_send_nothing(t); /* less than a quarter of what can be said */
    we_read(t, 10000);
    we_send(t, "A", 1, seq, 0);
    assert_true(t->last.tcp.window > 30000);
    we_read(t, seq - 20001);
    ignore_sent(t);
    tcp_peer_end(t);
}

/* MUST-66 and 3.10.7.4: a probe of the peer's, with data or without, is answered with our window. */
static void probes_are_answered(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.tcp = {.receive_buffer = 4096}});

    (void)state;
    peer_sends(t, "A", 1, 1, 4096);
    we_send(t, "A", 1, 4097, 0);
    for (unsigned i = 0; i < 3; i++) {
        peer_sends(t, "A", 4097, 1, 1);
        we_send(t, "A", 1, 4097, 0);
        assert_int_equal(t->last.tcp.window, 0);
        peer_sends(t, "A", 4096, 1, 0);
        we_send(t, "A", 1, 4097, 0);
    }
    we_read(t, 4096);
    we_send(t, "A", 1, 4097, 0);
    peer_sends(t, "A", 4097, 1, 1);
    we_send(t, "A", 1, 4098, 0);
    we_read(t, 1);
    tcp_peer_end(t);
}

/* Data for nobody (SHUT_RD) does not shut the window. */
static void thrown_away_data_does_not_shut_the_window(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.tcp = {.receive_buffer = 8192}});

    (void)state;
    peer_sends(t, "A", 1, 1, 1000);
    ignore_sent(t);
    assert_int_equal(weft_sock_shutdown(t->sock, WEFT_SHUT_RD), 0);
    tp_step(t);
    we_cannot_read(t, 0);
    for (unsigned i = 1; i < 100; i++)
        peer_sends(t, "A", 1 + 1000 * i, 1, 1000);
    while (t->count > 1)
        we_send(t, "A", 1, t->segs[t->first].ack, 0);
    we_send(t, "A", 1, 100001, 0);
    we_are(t, ESTABLISHED);
    tcp_peer_end(t);
}

/*
 * Both windows have been taken back from under what is in flight, by somebody between the ends: the peer's
 * ACKs then carry numbers that we have received already (as ours do). What they acknowledge counts, or
 * nothing would ever go on: RFC 9293 A.2. Found by the campaign.
 */
static void an_old_number_still_acknowledges(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.window = 5000});

    (void)state;
    peer_sends(t, "PA", 1, 1, 1000);
    we_read(t, 1000);
    we_write(t, 4000);
    ignore_sent(t);
    peer_sends(t, "A", 501, 1001, 0); /* windows are as they were: RFC 9293 3.10.7.4 first */
    assert_int_equal(tp_info(t).unacked, 4000);
    ignore_sent(t);
    t->window = 500;
    peer_sends(t, "A", 1001, 1001, 0);
    peer_sends(t, "A", 501, 3001, 0);
    we_send(t, "A", 3500, 1001, 0);
    assert_int_equal(tp_info(t).unacked, 1000);
    peer_sends(t, "FA", 1, 4001, 100); /* data and FIN that were received, or never were, do not count */
    we_send(t, "A", 4001, 1001, 0);
    we_are(t, ESTABLISHED);
    assert_int_equal(tp_info(t).unacked, 0);
    tcp_peer_end(t);
}

/* But not a number that we can never have offered, nor the acknowledgement of what was not sent. */
static void a_far_number_does_not(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.window = 5000});

    (void)state;
    we_write(t, 3000);
    t->window = 500;
    peer_sends(t, "A", 1, 1, 0);
    ignore_sent(t);
    peer_sends(t, "A", (uint32_t)-0x10000000, 2001, 0);
    peer_sends(t, "A", 0, 4001, 0);
    peer_sends(t, "A", 100000000, 2001, 0);
    ignore_sent(t);
    assert_int_equal(tp_info(t).unacked, 3000);
    peer_sends(t, "A", 0, 2001, 0);
    assert_int_equal(tp_info(t).unacked, 1000);
    tcp_peer_end(t);
}

/* An application that reads as it comes never sees the window shut, whatever the sizes. */
static void window_and_stream_under_random_reading(void **state)
{
    struct tcp_peer_setup setup = {.sack = true, .tcp = {.receive_buffer = 6000}};
    struct tcp_peer *t = tcp_peer_established(&setup);
    struct test_rng rng = test_rng_start("window_and_stream_under_random_reading");
    uint32_t seq = 1;

    (void)state;
    for (unsigned i = 0; i < 5000; i++) {
        uint32_t left = t->edge - (t->irs + seq), pending;
        uint32_t len = test_rng_between(&rng, 1, 1460);

        if (len > left)
            len = left;
        if (len > 0)
            peer_sends(t, "A", seq, 1, len);
        seq += len;
        pending = (uint32_t)weft_sock_recv_pending(t->sock);
        if (pending > 0 && (len == 0 || test_rng_below(&rng, 3) == 0))
            we_read(t, len == 0 ? pending : test_rng_between(&rng, 1, pending));
        after(t, test_rng_below(&rng, 50000) + 1);
        ignore_sent(t);
    }
    assert_true(seq > 1000000);
    tcp_peer_end(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(data_waits_for_the_window),
        cmocka_unit_test(a_late_segment_promises_no_more),
        cmocka_unit_test(a_shut_window_is_probed),
        cmocka_unit_test(a_window_may_stay_shut_for_ever),
        cmocka_unit_test(a_peer_that_answers_no_probe_is_given_up),
        cmocka_unit_test(a_window_that_is_shut_at_first),
        cmocka_unit_test(a_close_waits_for_the_window),
        cmocka_unit_test(small_openings_are_not_used),
        cmocka_unit_test(what_may_go_in_a_small_window),
        cmocka_unit_test(a_silly_window_does_not_stall),
        cmocka_unit_test(our_window_follows_the_buffer),
        cmocka_unit_test(our_window_does_not_open_by_crumbs),
        cmocka_unit_test(acks_do_not_open_the_window_by_crumbs),
        cmocka_unit_test(a_scaled_window_does_not_shrink_by_rounding),
        cmocka_unit_test(a_smaller_buffer_does_not_shrink_the_window),
        cmocka_unit_test(reading_opens_a_shut_window),
        cmocka_unit_test(updates_without_scaling),
        cmocka_unit_test(probes_are_answered),
        cmocka_unit_test(thrown_away_data_does_not_shut_the_window),
        cmocka_unit_test(an_old_number_still_acknowledges),
        cmocka_unit_test(a_far_number_does_not),
        cmocka_unit_test(window_and_stream_under_random_reading),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
