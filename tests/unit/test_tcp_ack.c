/* SPDX-License-Identifier: MIT */
/* What acknowledgements do: RFC 9293 3.10.7.4 step 5, RFC 5961 5, RFC 5681 2. */
#include "tcp_peer.h"

static void an_ack_frees_what_it_covers(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    we_write(t, 2500);
    we_send(t, "A", 1, 1, 1000);
    we_send(t, "A", 1001, 1, 1000);
    we_send(t, "PA", 2001, 1, 500);
    t->heard = 0;
    peer_sends(t, "A", 1, 1, 0);
    assert_int_equal(tp_info(t).unacked, 2500);
    peer_sends(t, "A", 1, 1501, 0);
    assert_int_equal(tp_info(t).unacked, 1000);
    assert_int_equal(tp_info(t).bytes_acked, 1500);
    assert_false(t->heard & WEFT_ALL_SENT);
    peer_sends(t, "A", 1, 2501, 0);
    assert_int_equal(tp_info(t).unacked, 0);
    we_hear(t, WEFT_ALL_SENT);
    we_send_nothing(t);
    tcp_peer_end(t);
}

/* "If the ACK acks something not yet sent, then send an ACK, drop the segment": nothing of it counts. */
static void an_ack_of_what_was_not_sent_is_answered_and_dropped(void **state)
{
    static const uint32_t future[] = {102, 1000, 0x40000000, 0x7fffffff};
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    we_write(t, 100);
    we_send(t, "PA", 1, 1, 100);
    t->garbage = true;
    t->loose = true;
    for (unsigned i = 0; i < 4; i++) {
        peer_sends(t, "PA", 1, future[i], 10);
        we_send(t, "A", 101, 1, 0);
        assert_int_equal(tp_info(t).unacked, 100);
        assert_int_equal(weft_sock_recv_pending(t->sock), 0);
    }
    assert_int_equal(tp_drops(t, WEFT_DROP_TCP_ACK_OF_NOTHING), 4);
    tcp_peer_end(t);
}

/* RFC 5961 5.2: down to SND.UNA - MAX.SND.WND an old ACK may come; it can carry data. Below that it is challenged
 * and dropped. */
static void an_old_ack_may_be_one_window_old(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.window = 5000});

    (void)state;
    for (uint32_t at = 0; at < 10000; at += 1000) {
        we_write(t, 1000);
        we_send(t, "PA", 1 + at, 1, 1000);
        peer_sends(t, "A", 1, 1001 + at, 0);
    }
    peer_sends(t, "PA", 1, 5001, 10);
    we_send(t, "A", 10001, 11, 0);
    we_read(t, 10);
    t->garbage = true;
    peer_sends(t, "PA", 11, 5000, 10);
    we_send(t, "A", 10001, 11, 0);
    assert_int_equal(weft_sock_recv_pending(t->sock), 0);
    assert_int_equal(tp_drops(t, WEFT_DROP_TCP_OLD_ACK), 1);
    tcp_peer_end(t);
}

/* "If the ACK is a duplicate (SEG.ACK =< SND.UNA), it can be ignored": its text is taken all the same. */
static void a_duplicate_ack_can_carry_data(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    we_write(t, 1000);
    we_send(t, "PA", 1, 1, 1000);
    peer_sends(t, "A", 1, 1001, 0);
    peer_sends(t, "PA", 1, 501, 10);
    we_send(t, "A", 1001, 11, 0);
    assert_int_equal(tp_info(t).unacked, 0);
    we_read(t, 10);
    tcp_peer_end(t);
}

/* SND.WL1 and SND.WL2: a window counts if its segment is newer, by sequence number and then by ACK. */
static void windows_come_from_the_newest_segment(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    we_write(t, 1000);
    we_send(t, "PA", 1, 1, 1000);
    t->window = 3000;
    peer_sends(t, "A", 1, 1001, 0); /* WL1 = 1, WL2 = 1001 */
    assert_int_equal(tp_info(t).snd_wnd, 3000);
    t->window = 4000;
    peer_sends(t, "A", 1, 501, 0); /* older ACK */
    assert_int_equal(tp_info(t).snd_wnd, 3000);
    peer_sends(t, "A", 1, 1001, 0); /* the same again: taken */
    assert_int_equal(tp_info(t).snd_wnd, 4000);
    t->window = 5000;
    peer_sends(t, "PA", 1, 1001, 10); /* WL1 becomes 1 again, data at 1 */
    assert_int_equal(tp_info(t).snd_wnd, 5000);
    t->window = 6000;
    peer_sends(t, "A", 11, 1001, 0); /* WL1 = 11 */
    assert_int_equal(tp_info(t).snd_wnd, 6000);
    t->window = 7000;
    peer_sends(t, "A", 6, 1001, 5); /* an older number */
    assert_int_equal(tp_info(t).snd_wnd, 6000);
    tcp_peer_end(t);
}

/* RFC 9293 3.8.6, MUST-1 and MUST-34: a window that shrinks to less than what is out is survived. */
static void a_window_may_shrink(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    we_write(t, 6000);
    for (uint32_t at = 0; at < 6000; at += 1000)
        we_send(t, at == 5000 ? "PA" : "A", 1 + at, 1, 1000);
    t->window = 1000;
    peer_sends(t, "A", 1, 2001, 0); /* its edge is at 3001 now, and we have sent up to 6001 */
    we_write(t, 1000);
    we_send_nothing(t); /* SHLD-15: no new data */
    peer_sends(t, "A", 1, 6001, 0);
    we_send(t, "PA", 6001, 1, 1000);
    tcp_peer_end(t);
}

/* SHLD-16, SHLD-17: what lies beyond the shrunk window is not given up while the peer answers. */
static void data_beyond_a_shrunk_window_waits_for_the_peer(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    we_write(t, 3000);
    ignore_sent(t);
    t->window = 0;
    peer_sends(t, "A", 1, 1001, 0);
    for (unsigned i = 0; i < 40; i++) { /* far more than R2 */
        after(t, 60 * WEFT_SEC);
        ignore_sent(t);
        peer_sends(t, "A", 1, 1001, 0);
        ignore_sent(t);
    }
    we_are(t, ESTABLISHED);
    t->window = 10000;
    peer_sends(t, "A", 1, 1001, 0); /* open again: what the peer had to drop goes at once */
    we_send(t, "A", 1001, 1, 1000);
    peer_sends(t, "A", 1, 2001, 0);
    we_send(t, "PA", 2001, 1, 1000);
    assert_true(tp_info(t).rto < 2 * WEFT_SEC); /* that it was shut says nothing of the path */
    tcp_peer_end(t);
}

/* The same before any timeout; what went less than a round trip ago may have met the open window. */
static void a_window_that_opens_again_shows_what_was_dropped(void **state)
{
    struct tcp_peer *t = tcp_peer_measured(NULL);

    (void)state;
    we_write(t, 3000);
    ignore_sent(t);
    after(t, 50 * WEFT_MSEC);
    t->window = 0;
    peer_sends(t, "A", 1, 1, 0);
    t->window = 10000;
    peer_sends(t, "A", 1, 1, 0);
    we_send_nothing(t);
    t->window = 1000;
    peer_sends(t, "A", 1, 1, 0);
    after(t, 70 * WEFT_MSEC);
    t->window = 2000;
    peer_sends(t, "A", 1, 1, 0);
    we_send(t, "A", 1001, 1, 1000); /* not the first, which had its place; not the third, which has none */
    we_send_nothing(t);
    assert_int_equal(tp_info(t).timeouts, 0);
    tcp_peer_end(t);
}

/* An ACK in the middle of a segment: what is left goes again from there. */
static void an_ack_may_cut_a_segment(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    we_write(t, 1000);
    we_send(t, "PA", 1, 1, 1000);
    peer_sends(t, "A", 1, 301, 0);
    after(t, 2 * WEFT_SEC);
    we_send(t, "PA", 301, 1, 700);
    tcp_peer_end(t);
}

/* The numbers of both sides wrap within a transfer. */
static void a_transfer_over_the_wrap_of_both_numbers(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    assert_true(TP_ISS + 100000 < TP_ISS && TP_IRS + 100000 < TP_IRS);
    for (uint32_t at = 1; at < 100000; at += 1000) {
        we_write(t, 1000);
        we_send(t, "PA", at, at, 1000);
        peer_sends(t, "PA", at, at + 1000, 1000);
        ignore_sent(t);
        we_read(t, 1000);
        ignore_sent(t);
    }
    assert_int_equal(tp_info(t).bytes_received, 100000);
    assert_int_equal(tp_info(t).segs_retransmitted, 0);
    tcp_peer_end(t);
}

/* RFC 9293 MUST-58, MUST-59: segments that come together are acknowledged together. */
static void a_batch_is_acknowledged_once(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    t->batch = true;
    for (uint32_t i = 0; i < 20; i++)
        peer_sends(t, "A", 1 + 1000 * i, 1, 1000);
    t->batch = false;
    tp_step(t);
    we_send(t, "A", 1, 20001, 0);
    we_send_nothing(t);
    we_read(t, 20000);
    tcp_peer_end(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_ack_frees_what_it_covers),
        cmocka_unit_test(an_ack_of_what_was_not_sent_is_answered_and_dropped),
        cmocka_unit_test(an_old_ack_may_be_one_window_old),
        cmocka_unit_test(a_duplicate_ack_can_carry_data),
        cmocka_unit_test(windows_come_from_the_newest_segment),
        cmocka_unit_test(a_window_may_shrink),
        cmocka_unit_test(data_beyond_a_shrunk_window_waits_for_the_peer),
        cmocka_unit_test(a_window_that_opens_again_shows_what_was_dropped),
        cmocka_unit_test(an_ack_may_cut_a_segment),
        cmocka_unit_test(a_transfer_over_the_wrap_of_both_numbers),
        cmocka_unit_test(a_batch_is_acknowledged_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
