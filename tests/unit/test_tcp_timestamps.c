/* SPDX-License-Identifier: MIT */
/* Timestamps and what they protect from: RFC 7323 3, 4.3, 5. */
#include "tcp_peer.h"

#define TS_ON (&(struct tcp_peer_setup){.timestamps = true})

/* 3.2: once agreed on, in every segment but RST; ours carry them always, RST too where they fit. */
static void every_segment_has_them(void **state)
{
    struct tcp_peer *t = tcp_peer_established(TS_ON);

    (void)state;
    we_write(t, 10);
    we_send(t, "PA", 1, 1, 10);
    assert_true(t->last.opts.has_timestamps);
    peer_sends(t, "A", 1, 11, 5);
    we_send(t, "A", 11, 6, 0);
    assert_true(t->last.opts.has_timestamps);
    we_read(t, 5);
    we_shutdown(t);
    we_send(t, "FA", 11, 6, 0);
    assert_true(t->last.opts.has_timestamps);
    tcp_peer_end(t);
}

/* 5.4: our clock runs between 1 ms and 1 s a tick; ours is a millisecond. */
static void our_clock_ticks_in_milliseconds(void **state)
{
    struct tcp_peer *t = tcp_peer_established(TS_ON);
    uint32_t first;

    (void)state;
    we_write(t, 10);
    we_send(t, "PA", 1, 1, 10);
    first = t->last.opts.tsval;
    peer_sends(t, "A", 1, 11, 0);
    after(t, 12345 * WEFT_MSEC);
    we_write(t, 10);
    we_send(t, "PA", 11, 1, 10);
    assert_int_equal(t->last.opts.tsval - first, 12345);
    tcp_peer_end(t);
}

/* A segment with this TSval. */
static void send_at(struct tcp_peer *t, uint32_t tsval, const char *flags, uint32_t seq, uint32_t ack,
                    uint32_t len)
{
    struct wire_tcp_opts opts = {.has_timestamps = true, .tsval = tsval, .tsecr = t->tsecr};

    tp_send(t, flags, seq, ack, len, &opts);
}

/* 4.3 (A): delayed ACKs echo the earliest of the segments that they acknowledge. */
static void delayed_acks_echo_the_earliest(void **state)
{
    struct tcp_peer *t = tcp_peer_established(TS_ON);
    uint32_t now;

    (void)state;
    tp_past_quick_acks(t);
    now = tp_peer_clock(t);
    send_at(t, now + 1, "A", 1, 1, 1000);
    we_send_nothing(t);
    send_at(t, now + 5, "A", 1001, 1, 1000);
    we_send(t, "A", 1, 2001, 0);
    assert_int_equal(t->last.opts.tsecr, now + 1);
    tcp_peer_end(t);
}

/* 4.3 (B): with a hole, the last segment that advanced the window's left edge. */
static void acks_of_gaps_echo_the_last_in_order(void **state)
{
    struct tcp_peer *t = tcp_peer_established(TS_ON);
    uint32_t now = tp_peer_clock(t);

    (void)state;
    send_at(t, now + 1, "A", 1, 1, 100);
    we_send(t, "A", 1, 101, 0);
    assert_int_equal(t->last.opts.tsecr, now + 1);
    send_at(t, now + 3, "A", 201, 1, 100);
    we_send(t, "A", 1, 101, 0);
    assert_int_equal(t->last.opts.tsecr, now + 1);
    /* (C): the one that fills the hole */
    send_at(t, now + 2, "A", 101, 1, 100);
    we_send(t, "A", 1, 301, 0);
    assert_int_equal(t->last.opts.tsecr, now + 2);
    tcp_peer_end(t);
}

/* 4.3 (2): only segments that span Last.ACK.sent are remembered. */
static void segments_ahead_are_not_echoed(void **state)
{
    struct tcp_peer *t = tcp_peer_established(TS_ON);
    uint32_t now = tp_peer_clock(t);

    (void)state;
    send_at(t, now + 100, "A", 501, 1, 100);
    we_send(t, "A", 1, 1, 0);
    assert_int_equal(t->last.opts.tsecr, now);
    tcp_peer_end(t);
}

/* 5.3 R1: an older timestamp is not acceptable: an ACK, and nothing of the segment counts. */
static void paws_drops_old_duplicates(void **state)
{
    struct tcp_peer *t = tcp_peer_established(TS_ON);
    uint32_t now = tp_peer_clock(t);

    (void)state;
    send_at(t, now + 10, "A", 1, 1, 100);
    we_send(t, "A", 1, 101, 0);
    t->garbage = true;
    send_at(t, now + 9, "PA", 101, 1, 100);
    we_send(t, "A", 1, 101, 0);
    assert_int_equal(t->last.opts.tsecr, now + 10);
    send_at(t, now + 9, "FA", 101, 1, 0);
    we_send(t, "A", 1, 101, 0);
    we_are(t, ESTABLISHED);
    assert_int_equal(tp_drops(t, WEFT_DROP_TCP_PAWS), 2);
    t->garbage = false;
    send_at(t, now + 10, "PA", 101, 1, 100); /* the same is not older */
    we_send(t, "A", 1, 201, 0);
    we_read(t, 200);
    tcp_peer_end(t);
}

/* The comparison wraps. */
static void paws_compares_over_the_wrap(void **state)
{
    struct tcp_peer *t = tcp_peer_established(TS_ON);

    (void)state;
    t->ts_offset = 0u - tp_peer_clock(t) - 1; /* the peer's clock shows 0xffffffff now */
    assert_int_equal(tp_peer_clock(t), UINT32_MAX);
    /* an hour has passed, or else this were 2^31 and more ahead */
    if ((int32_t)(UINT32_MAX - (TP_TSVAL + (uint32_t)(t->now / WEFT_MSEC))) < 0)
        t->ts_offset = 0;
    uint32_t now = tp_peer_clock(t);
    send_at(t, now, "A", 1, 1, 100);
    we_send(t, "A", 1, 101, 0);
    send_at(t, now + 0x7fffffff, "A", 101, 1, 100);
    we_send(t, "A", 1, 201, 0);
    send_at(t, now + 0x7fffffff + 0x7fffffff, "A", 201, 1, 100);
    we_send(t, "A", 1, 301, 0);
    tcp_peer_end(t);
}

/* 5.2 and 5.3: a RST needs no timestamp, and its timestamp is not looked at. */
static void resets_are_not_subject_to_paws(void **state)
{
    struct tcp_peer *t = tcp_peer_established(TS_ON);

    (void)state;
    send_at(t, tp_peer_clock(t) - 1000, "RA", 1, 1, 0);
    we_send_nothing(t);
    we_are(t, CLOSED);
    tcp_peer_end(t);
}

/* 3.2: a segment without the option SHOULD be dropped, silently; it is not even acknowledged. */
static void segments_without_them_are_dropped(void **state)
{
    struct tcp_peer *t = tcp_peer_established(TS_ON);

    (void)state;
    t->has_timestamps = false;
    t->garbage = true;
    peer_sends(t, "PA", 1, 1, 100);
    we_send_nothing(t);
    assert_int_equal(tp_drops(t, WEFT_DROP_TCP_NO_TIMESTAMP), 1);
    assert_int_equal(weft_sock_recv_pending(t->sock), 0);
    tcp_peer_end(t);
}

/* 5.5: after 24 days without a segment TS.Recent says nothing any more. */
static void an_old_timestamp_is_forgotten(void **state)
{
    struct tcp_peer *t = tcp_peer_established(TS_ON);
    uint32_t was = tp_peer_clock(t);

    (void)state;
    after(t, (weft_time)25 * 24 * 3600 * WEFT_SEC);
    t->has_tsval = false; /* our own clock is more than half round, too */
    send_at(t, was - 5, "PA", 1, 1, 10);
    we_send(t, "A", 1, 11, 0);
    assert_int_equal(t->last.opts.tsecr, was - 5);
    we_read(t, 10);
    tcp_peer_end(t);
}

/* 5.3: what lies outside the window must not move TS.Recent, or one forged segment would stop the connection. */
static void forged_timestamps_do_no_harm(void **state)
{
    struct tcp_peer *t = tcp_peer_established(TS_ON);
    uint32_t now = tp_peer_clock(t);

    (void)state;
    t->loose = true;
    send_at(t, now + 100000, "A", 0x40000000, 1, 10);
    send_at(t, now + 100000, "A", (uint32_t)-500000, 1, 10);
    ignore_sent(t);
    t->loose = false;
    send_at(t, now + 1, "PA", 1, 1, 10);
    we_send(t, "A", 1, 11, 0);
    tcp_peer_end(t);
}

/* 5.4: different hosts see different clocks. */
static void our_clock_cannot_be_predicted(void **state)
{
    struct tcp_peer *t = tcp_peer_new(NULL);
    struct tcp_tuple a = {tp_us, tp_peer, 80, 1000}, b = {tp_us, weft_ip4(10, 0, 0, 3), 80, 1000};
    struct tcp_tuple other_port = {tp_us, tp_peer, 80, 1001};

    (void)state;
    assert_true(tcp_demux_ts_offset(tp_tcp(t), &a) != tcp_demux_ts_offset(tp_tcp(t), &b));
    assert_true(tcp_demux_ts_offset(tp_tcp(t), &a) == tcp_demux_ts_offset(tp_tcp(t), &other_port));
    tcp_peer_end(t);
}

/* Whoever guesses a number in the window cannot move TS.Recent: step 5 comes first. */
static void an_impossible_ack_does_not_move_ts_recent(void **state)
{
    struct tcp_peer *t = tcp_peer_established(TS_ON);
    uint32_t now;

    (void)state;
    after(t, 100 * WEFT_MSEC);
    now = tp_peer_clock(t);
    send_at(t, now + 100000, "FA", 1, 9999, 0);
    we_send(t, "A", 1, 1, 0);
    send_at(t, now, "A", 1, 1, 100);
    we_send(t, "A", 1, 101, 0);
    assert_int_equal(t->last.opts.tsecr, now);
    tcp_peer_end(t);
}

/* As a setting, a segment without is taken, as Linux does. */
static void segments_without_them_can_be_tolerated(void **state)
{
    struct tcp_peer_setup setup = {.timestamps = true, .tcp.tolerate_missing_timestamps = true};
    struct tcp_peer *t = tcp_peer_established(&setup);
    struct wire_tcp_opts none = {0};

    (void)state;
    tp_send(t, "A", 1, 1, 100, &none);
    we_send(t, "A", 1, 101, 0);
    assert_true(t->last.opts.has_timestamps);
    tcp_peer_end(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_segment_has_them),
        cmocka_unit_test(our_clock_ticks_in_milliseconds),
        cmocka_unit_test(delayed_acks_echo_the_earliest),
        cmocka_unit_test(acks_of_gaps_echo_the_last_in_order),
        cmocka_unit_test(segments_ahead_are_not_echoed),
        cmocka_unit_test(paws_drops_old_duplicates),
        cmocka_unit_test(paws_compares_over_the_wrap),
        cmocka_unit_test(resets_are_not_subject_to_paws),
        cmocka_unit_test(segments_without_them_are_dropped),
        cmocka_unit_test(an_impossible_ack_does_not_move_ts_recent),
        cmocka_unit_test(segments_without_them_can_be_tolerated),
        cmocka_unit_test(an_old_timestamp_is_forgotten),
        cmocka_unit_test(forged_timestamps_do_no_harm),
        cmocka_unit_test(our_clock_cannot_be_predicted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
