/* SPDX-License-Identifier: MIT */
/* How connections end: RFC 9293 3.6, 3.10.4, 3.10.5, 3.10.7.4 step 8; what is sent before a FIN (3.7.4: Nagle, PSH). */
#include "tcp_peer.h"

/* --- The normal ends (RFC 9293 3.6) --------------------------------------------------------------- */

/* Case 1, figure 12. */
static void we_close_first(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    we_close(t);
    we_send(t, "FA", 1, 1, 0);
    we_are(t, FIN_WAIT_1);
    peer_sends(t, "A", 1, 2, 0);
    we_are(t, FIN_WAIT_2);
    we_send_nothing(t);
    peer_sends(t, "FA", 1, 2, 0);
    we_send(t, "A", 2, 2, 0);
    we_are(t, TIME_WAIT);
    after(t, 60 * WEFT_SEC);
    tcp_peer_end_quiet(t);
}

/* The ACK of our FIN and the peer's FIN in one segment: from FIN-WAIT-1 to TIME-WAIT. */
static void the_peer_closes_with_its_ack(void **state)
{
    struct tcp_peer *t = tcp_peer_fin_wait_1(NULL);

    (void)state;
    peer_sends(t, "FA", 1, 2, 0);
    we_send(t, "A", 2, 2, 0);
    we_are(t, TIME_WAIT);
    we_hear(t, WEFT_PEER_CLOSED);
    we_cannot_read(t, 0);
    we_close(t);
    after(t, 60 * WEFT_SEC);
    tcp_peer_end_quiet(t);
}

/* Case 2. */
static void the_peer_closes_first(void **state)
{
    struct tcp_peer *t = tcp_peer_close_wait(NULL);

    (void)state;
    we_cannot_read(t, 0);
    we_close(t);
    we_send(t, "FA", 1, 2, 0);
    we_are(t, LAST_ACK);
    peer_sends(t, "A", 2, 2, 0);
    we_are(t, CLOSED);
    tcp_peer_end_quiet(t);
}

/* Case 3, figure 13. */
static void both_close_at_once(void **state)
{
    struct tcp_peer *t = tcp_peer_fin_wait_1(NULL);

    (void)state;
    peer_sends(t, "FA", 1, 1, 0);
    we_send(t, "A", 2, 2, 0);
    we_are(t, CLOSING);
    peer_sends(t, "A", 2, 2, 0);
    we_are(t, TIME_WAIT);
    we_send_nothing(t);
    we_close(t);
    after(t, 60 * WEFT_SEC);
    tcp_peer_end_quiet(t);
}

/* "This should not happen" in step 8: the FIN again in CLOSE-WAIT, CLOSING, LAST-ACK: acknowledged, nothing else. */
static void a_second_fin_changes_nothing(void **state)
{
    struct tcp_peer *(*const enter[])(const struct tcp_peer_setup *) = {tcp_peer_close_wait, tcp_peer_closing,
                                                                        tcp_peer_last_ack};

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct tcp_peer *t = enter[i](NULL);
        unsigned was = t->state;
        uint32_t next = was == WEFT_TCP_CLOSE_WAIT ? 1 : 2;

        peer_sends(t, "FA", 1, 1, 0);
        we_send(t, "A", next, 2, 0);
        TP_CHECK(t, t->state == was);
        tcp_peer_end(t);
    }
}

/* Our FIN is repeated in each state that waits for its ACK, and the peer's last ACK may be lost too. */
static void lost_fins_and_acks_are_made_up_for(void **state)
{
    struct tcp_peer *(*const enter[])(const struct tcp_peer_setup *) = {tcp_peer_fin_wait_1, tcp_peer_closing,
                                                                        tcp_peer_last_ack};
    static const uint32_t ack[] = {1, 2, 2};

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct tcp_peer *t = enter[i](NULL);

        after(t, tp_info(t).rto);
        we_send(t, "FA", 1, ack[i], 0);
        we_send_nothing(t);
        peer_sends(t, "A", ack[i], 2, 0);
        after(t, 10 * WEFT_SEC);
        we_send_nothing(t);
        tcp_peer_end(t);
    }
}

/* Text and FIN of both sides cross: nothing is lost. */
static void both_close_with_data_under_way(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    assert_int_equal(tp_write(t, 500, 0), 500);
    we_shutdown(t);
    we_send(t, "FPA", 1, 1, 500);
    peer_sends(t, "FPA", 1, 1, 300); /* it has not seen ours */
    we_send(t, "A", 502, 302, 0);
    we_are(t, CLOSING);
    we_read(t, 300);
    we_cannot_read(t, 0);
    peer_sends(t, "A", 302, 501, 0); /* all but the FIN */
    we_are(t, CLOSING);
    peer_sends(t, "A", 302, 502, 0);
    we_are(t, TIME_WAIT);
    tcp_peer_end(t);
}

/* --- Half-close: data goes on in the other direction ------------------------------------------------------ */

static void after_our_fin_the_peer_may_send_on(void **state)
{
    struct tcp_peer *t = tcp_peer_fin_wait_2(NULL);

    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        peer_sends(t, "PA", 1 + 100 * i, 2, 100);
        ignore_sent(t);
        we_read(t, 100);
    }
    assert_int_equal(tp_write(t, 1, 0), WEFT_E_PIPE);
    we_hear(t, WEFT_READABLE);
    after(t, WEFT_SEC);
    ignore_sent(t);
    peer_sends(t, "FPA", 2001, 2, 50);
    we_send(t, "A", 2, 2052, 0);
    we_are(t, TIME_WAIT);
    we_read(t, 50); /* what came with the FIN can be read although the record has taken over */
    we_cannot_read(t, 0);
    tcp_peer_end(t);
}

static void after_the_peers_fin_we_may_send_on(void **state)
{
    struct tcp_peer *t = tcp_peer_close_wait(NULL);

    (void)state;
    we_write(t, 2500);
    we_send(t, "A", 1, 2, 1000);
    we_send(t, "A", 1001, 2, 1000);
    we_send(t, "PA", 2001, 2, 500);
    peer_sends(t, "A", 2, 2501, 0);
    we_write(t, 10);
    we_send(t, "PA", 2501, 2, 10);
    we_close(t);
    we_send(t, "FA", 2511, 2, 0);
    peer_sends(t, "A", 2, 2511, 0);
    we_are(t, LAST_ACK);
    peer_sends(t, "A", 2, 2512, 0);
    tcp_peer_end_quiet(t);
}

/* RFC 9293 3.10.4: "queue this until all preceding SENDs have been segmentized, then form a FIN segment". */
static void a_close_sends_what_was_written(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.window = 2000});

    (void)state;
    assert_int_equal(tp_write(t, 3500, 0), 3500);
    we_close(t);
    we_send(t, "A", 1, 1, 1000);
    we_send(t, "A", 1001, 1, 1000);
    we_send_nothing(t);
    peer_sends(t, "A", 1, 2001, 0);
    we_send(t, "A", 2001, 1, 1000);
    we_send(t, "FPA", 3001, 1, 500);
    peer_sends(t, "A", 1, 3502, 0);
    we_are(t, FIN_WAIT_2);
    peer_sends(t, "FA", 1, 3502, 0);
    we_send(t, "A", 3502, 2, 0);
    after(t, 60 * WEFT_SEC);
    tcp_peer_end_quiet(t);
}

/* Shutting down before the handshake is complete, where it can be: the FIN follows the SYN's ACK. */
static void a_shutdown_in_syn_received_waits(void **state)
{
    struct tcp_peer *t = tcp_peer_both_opening(NULL);

    (void)state;
    we_shutdown(t);
    we_send_nothing(t);
    peer_sends(t, "A", 1, 1, 0);
    we_send(t, "FA", 1, 1, 0);
    we_are(t, FIN_WAIT_1);
    tcp_peer_end(t);
}

/* --- Resets ---------------------------------------------------------------------------------------------------- */

/* RFC 9293 3.10.5. */
static void abort_resets(void **state)
{
    struct tcp_peer *(*const enter[])(const struct tcp_peer_setup *) = {
        tcp_peer_established, tcp_peer_fin_wait_1, tcp_peer_fin_wait_2, tcp_peer_close_wait,
        tcp_peer_both_opening};
    static const uint32_t seq[] = {1, 2, 2, 1, 1}, ack[] = {1, 1, 1, 2, 1};

    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        struct tcp_peer *t = enter[i](NULL);

        we_abort(t);
        we_send(t, "RA", seq[i], ack[i], 0);
        tcp_peer_end_quiet(t);
    }
}

/* SHLD-3: closed with data unread: the peer must learn that it was lost. */
static void closing_with_unread_data_resets(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    peer_sends(t, "PA", 1, 1, 10);
    we_send(t, "A", 1, 11, 0);
    we_close(t);
    we_send(t, "RA", 1, 11, 0);
    tcp_peer_end_quiet(t);
    t = tcp_peer_established(NULL);
    peer_sends(t, "PA", 101, 1, 10); /* held, not even readable */
    we_send(t, "A", 1, 1, 0);
    we_close(t);
    we_send(t, "RA", 1, 1, 0);
    tcp_peer_end_quiet(t);
}

/* Data that arrives after the close: likewise. */
static void data_after_a_close_is_reset(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    we_close(t);
    we_send(t, "FA", 1, 1, 0);
    peer_sends(t, "PA", 1, 1, 10);
    assert_int_equal(t->count, 1);
    assert_true(t->segs[t->first].tcp.flags & WIRE_TCP_RST);
    assert_int_equal(t->segs[t->first].seq, 2);
    ignore_sent(t);
    we_are(t, CLOSED);
    tcp_peer_end_quiet(t);
    t = tcp_peer_fin_wait_2(NULL);
    we_close(t);
    peer_sends(t, "FPA", 1, 2, 10);
    assert_true(t->count == 1 && (t->segs[t->first].tcp.flags & WIRE_TCP_RST));
    ignore_sent(t);
    tcp_peer_end_quiet(t);
}

/* Also while our FIN still waits for the peer's window. */
static void data_before_our_fin_could_go_is_reset(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.window = 1000});

    (void)state;
    assert_int_equal(tp_write(t, 1500, 0), 1500);
    we_close(t);
    we_send(t, "A", 1, 1, 1000);
    peer_sends(t, "PA", 1, 1, 10);
    assert_true(t->count == 1 && (t->segs[t->first].tcp.flags & WIRE_TCP_RST));
    ignore_sent(t);
    we_are(t, CLOSED);
    tcp_peer_end_quiet(t);
}

/* After SHUT_RD only, data is acknowledged and thrown away; the connection lives. */
static void data_after_shut_rd_is_thrown_away(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    assert_int_equal(weft_sock_shutdown(t->sock, WEFT_SHUT_RD), 0);
    tp_step(t);
    we_cannot_read(t, 0);
    peer_sends(t, "PA", 1, 1, 10);
    we_send(t, "A", 1, 11, 0);
    we_cannot_read(t, 0);
    we_write(t, 5);
    we_send(t, "PA", 1, 11, 5);
    peer_sends(t, "FA", 11, 6, 0);
    we_send(t, "A", 6, 12, 0);
    we_close(t);
    we_send(t, "FA", 6, 12, 0);
    peer_sends(t, "A", 12, 7, 0);
    tcp_peer_end_quiet(t);
}

/* RFC 9293 3.10.7.4 second: told, and what had arrived can be read first. */
static void a_reset_is_told(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    peer_sends(t, "PA", 1, 1, 10);
    we_send(t, "A", 1, 11, 0);
    we_write(t, 100);
    ignore_sent(t);
    t->heard = 0;
    peer_sends(t, "R", 11, 0, 0);
    we_hear(t, WEFT_FAILED);
    we_send_nothing(t);
    assert_int_equal(weft_sock_error(t->sock), WEFT_E_CONNRESET);
    assert_int_equal(tp_write(t, 1, 0), WEFT_E_CONNRESET);
    we_read(t, 10);
    we_cannot_read(t, WEFT_E_CONNRESET);
    we_cannot_read(t, WEFT_E_CONNRESET);
    assert_int_equal(weft_sock_shutdown(t->sock, WEFT_SHUT_WR), WEFT_E_NOTCONN);
    after(t, 1000 * WEFT_SEC);
    we_close(t);
    tcp_peer_end_quiet(t);
}

/* RST of an orphan frees it without a word. */
static void a_reset_ends_an_orphan(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    we_write(t, 100);
    we_close(t);
    ignore_sent(t);
    peer_sends(t, "R", 1, 0, 0);
    tcp_peer_end_quiet(t);
}

/* WEFT_OPT_LINGER 0: close resets. */
static void linger_zero_resets(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    assert_int_equal(weft_sock_setopt(t->sock, WEFT_OPT_LINGER, 0), 0);
    tp_step(t);
    we_write(t, 100);
    ignore_sent(t);
    we_close(t);
    we_send(t, "RA", 101, 1, 0);
    tcp_peer_end_quiet(t);
}

/* --- Bounds ---------------------------------------------------------------------------------------------------- */

/* Ours: FIN-WAIT-2 of a socket that is gone ends after 60 s; of one that is there, never. */
static void fin_wait_2_of_an_orphan_ends(void **state)
{
    struct tcp_peer *t = tcp_peer_fin_wait_2(NULL);

    (void)state;
    after(t, 100000 * WEFT_SEC);
    we_are(t, FIN_WAIT_2);
    we_close(t);
    after(t, 60 * WEFT_SEC - 1);
    we_are(t, FIN_WAIT_2);
    after(t, 1);
    we_are(t, CLOSED);
    tcp_peer_end_quiet(t);
    t = tcp_peer_fin_wait_1(NULL);
    we_close(t);
    peer_sends(t, "A", 1, 2, 0);
    we_are(t, FIN_WAIT_2);
    after(t, 60 * WEFT_SEC);
    we_are(t, CLOSED);
    peer_sends(t, "FA", 1, 2, 0); /* too late */
    we_send(t, "R", 2, 0, 0);
    tcp_peer_end_quiet(t);
}

/* R2 ends an orphan whose FIN is never acknowledged. */
static void an_orphan_without_answer_ends(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    we_write(t, 100);
    we_close(t);
    after(t, 3600 * WEFT_SEC);
    we_are(t, CLOSED);
    ignore_sent(t);
    tcp_peer_end_quiet(t);
}

/* The peer answers every probe of its shut window, for ever (RFC 6429): an application that waits may wait, but
 * nobody's connection is not kept; nor is one whose close came while it waited. */
static void an_orphan_does_not_wait_for_a_window_for_ever(void **state)
{
    (void)state;
    for (unsigned before = 0; before < 2; before++) {
        struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.window_is_zero = true});
        weft_time closed;

        we_write(t, 100);
        if (before) {
            we_shutdown(t);
            for (weft_time end = t->now + 600 * WEFT_SEC; t->now < end; after(t, WEFT_SEC))
                while (t->count > 0) {
                    tp_pass(t);
                    peer_sends(t, "A", 1, 1, 0);
                }
            we_are(t, FIN_WAIT_1);
        }
        closed = t->now;
        we_close(t);
        while (t->state == WEFT_TCP_FIN_WAIT_1 && t->now < closed + 3600 * WEFT_SEC) {
            after(t, 10 * WEFT_MSEC);
            for (; t->count > 0 && t->state == WEFT_TCP_FIN_WAIT_1; tp_pass(t))
                peer_sends(t, "A", 1, 1, 0);
        }
        we_are(t, CLOSED);
        assert_in_range(t->now - closed, 120 * WEFT_SEC, 121 * WEFT_SEC);
        we_send(t, "RA", 1, 1, 0);
        tcp_peer_end_quiet(t);
    }
}

/* Nor when the peer shuts its window over what is out already, acknowledges nothing, and answers every
 * retransmission: that resets the count towards R2 (RFC 9293 3.8.6, SHLD-17). */
static void an_orphan_is_not_held_by_a_window_shut_over_its_data(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);
    weft_time closed = t->now;

    (void)state;
    we_write(t, 100);
    we_close(t);
    t->window = 0;
    peer_sends(t, "A", 1, 1, 0);
    while (t->state == WEFT_TCP_FIN_WAIT_1 && t->now < closed + 3600 * WEFT_SEC) {
        after(t, 10 * WEFT_MSEC);
        for (; t->count > 0 && t->state == WEFT_TCP_FIN_WAIT_1; tp_pass(t))
            peer_sends(t, "A", 1, 1, 0);
    }
    we_are(t, CLOSED);
    assert_in_range(t->now - closed, 120 * WEFT_SEC, 121 * WEFT_SEC);
    ignore_sent(t);
    tcp_peer_end_quiet(t);

    t = tcp_peer_established(NULL); /* what is acknowledged in the end has the whole time of FIN-WAIT-2 */
    we_write(t, 100);
    we_close(t);
    t->window = 0;
    for (unsigned i = 0; i < 1100; i++) {
        peer_sends(t, "A", 1, 1, 0);
        after(t, 100 * WEFT_MSEC);
    }
    ignore_sent(t);
    peer_sends(t, "A", 1, 102, 0);
    we_are(t, FIN_WAIT_2);
    after(t, 60 * WEFT_SEC - 1);
    we_are(t, FIN_WAIT_2);
    after(t, 1);
    we_are(t, CLOSED);
    tcp_peer_end_quiet(t);
}

/* A window that opens in time begins it anew. */
static void an_orphan_whose_window_opens_goes_on(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.window_is_zero = true});

    (void)state;
    we_write(t, 3000);
    we_close(t);
    for (unsigned i = 0; i < 3; i++) {
        after(t, 119 * WEFT_SEC);
        ignore_sent(t);
        t->window = 1000;
        peer_sends(t, "A", 1, 1 + 1000 * i, 0);
        assert_true(t->count == 1 && t->segs[t->first].len == 1000);
        ignore_sent(t);
        t->window = i < 2 ? 0 : 1;
        peer_sends(t, "A", 1, 1001 + 1000 * i, 0);
    }
    we_send(t, "FA", 3001, 1, 0);
    peer_sends(t, "FA", 1, 3002, 0);
    we_send(t, "A", 3002, 2, 0);
    we_are(t, TIME_WAIT);
    tcp_peer_end(t);
}

/* --- What the application hears ----------------------------------------------------------------------------------- */

/* ALL_SENT: when the FIN is acknowledged too. */
static void all_sent_means_the_fin_too(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    we_write(t, 100);
    we_shutdown(t);
    ignore_sent(t);
    t->heard = 0;
    peer_sends(t, "A", 1, 101, 0);
    assert_false(t->heard & WEFT_ALL_SENT);
    assert_false(weft_sock_events(t->sock) & WEFT_ALL_SENT);
    peer_sends(t, "A", 1, 102, 0);
    we_hear(t, WEFT_ALL_SENT);
    assert_true(weft_sock_events(t->sock) & WEFT_ALL_SENT);
    tcp_peer_end(t);
}

static void the_peers_close_is_heard(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    peer_sends(t, "FPA", 1, 1, 10);
    we_hear(t, WEFT_READABLE | WEFT_PEER_CLOSED);
    ignore_sent(t);
    we_read(t, 10);
    we_cannot_read(t, 0);
    assert_true(weft_sock_events(t->sock) & WEFT_WRITABLE);
    tcp_peer_end(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(we_close_first),
        cmocka_unit_test(the_peer_closes_with_its_ack),
        cmocka_unit_test(the_peer_closes_first),
        cmocka_unit_test(both_close_at_once),
        cmocka_unit_test(a_second_fin_changes_nothing),
        cmocka_unit_test(lost_fins_and_acks_are_made_up_for),
        cmocka_unit_test(both_close_with_data_under_way),
        cmocka_unit_test(after_our_fin_the_peer_may_send_on),
        cmocka_unit_test(after_the_peers_fin_we_may_send_on),
        cmocka_unit_test(a_close_sends_what_was_written),
        cmocka_unit_test(a_shutdown_in_syn_received_waits),
        cmocka_unit_test(abort_resets),
        cmocka_unit_test(closing_with_unread_data_resets),
        cmocka_unit_test(data_after_a_close_is_reset),
        cmocka_unit_test(data_before_our_fin_could_go_is_reset),
        cmocka_unit_test(data_after_shut_rd_is_thrown_away),
        cmocka_unit_test(a_reset_is_told),
        cmocka_unit_test(a_reset_ends_an_orphan),
        cmocka_unit_test(linger_zero_resets),
        cmocka_unit_test(fin_wait_2_of_an_orphan_ends),
        cmocka_unit_test(an_orphan_without_answer_ends),
        cmocka_unit_test(an_orphan_does_not_wait_for_a_window_for_ever),
        cmocka_unit_test(an_orphan_is_not_held_by_a_window_shut_over_its_data),
        cmocka_unit_test(an_orphan_whose_window_opens_goes_on),
        cmocka_unit_test(all_sent_means_the_fin_too),
        cmocka_unit_test(the_peers_close_is_heard),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
