/* SPDX-License-Identifier: MIT */
/*
 * Which segments are acceptable: RFC 9293 3.4 and 3.10.7.4 steps 1 to 4 in every
 * synchronized state, and what RFC 5961 makes of RST and SYN.
 */
#include "tcp_peer.h"

#define WINDOW 65535u

/* Every synchronized state, with the number that we expect next and that we send next. */
static const struct {
    const char *name;
    struct tcp_peer *(*enter)(const struct tcp_peer_setup *setup);
    uint32_t rcv_nxt, snd_nxt;
    bool takes_data;
} states[] = {
    {"SYN-RECEIVED", tcp_peer_both_opening, 1, 1, false}, {"ESTABLISHED", tcp_peer_established, 1, 1, true},
    {"FIN-WAIT-1", tcp_peer_fin_wait_1, 1, 2, true},      {"FIN-WAIT-2", tcp_peer_fin_wait_2, 1, 2, true},
    {"CLOSE-WAIT", tcp_peer_close_wait, 2, 1, false},     {"CLOSING", tcp_peer_closing, 2, 2, false},
    {"LAST-ACK", tcp_peer_last_ack, 2, 2, false},
};

#define STATES (sizeof(states) / sizeof(states[0]))

/* RFC 9293 table 6: SEG.LEN 0 or more, RCV.WND more than 0. What is not acceptable is answered by an ACK and
 * dropped; in each state the same. */
static void what_is_outside_the_window_is_acknowledged_and_dropped(void **state)
{
    static const struct {
        int32_t from_nxt;
        uint32_t len;
    } outside[] = {
        {-1, 0},     {-1, 1},           {-10, 10},      {-1000, 999},        {WINDOW, 0},
        {WINDOW, 1}, {WINDOW + 5, 100}, {INT32_MAX, 0}, {INT32_MIN + 10, 5},
    };

    (void)state;
    for (unsigned s = 0; s < STATES; s++) {
        struct tcp_peer *t = states[s].enter(NULL);
        unsigned was = t->state;

        t->garbage = true;
        t->loose = true;
        for (unsigned i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
            uint32_t seq = states[s].rcv_nxt + (uint32_t)outside[i].from_nxt;
            uint32_t ack = t->state == WEFT_TCP_SYN_RECEIVED ? 1 : states[s].snd_nxt;

            peer_sends(t, "A", seq, ack, outside[i].len);
            we_send(t, "A", states[s].snd_nxt, states[s].rcv_nxt, 0);
            we_send_nothing(t);
            TP_CHECK(t, t->state == was);
        }
        assert_int_equal(weft_sock_recv_pending(t->sock), 0);
        tcp_peer_end(t);
    }
}

/* "If the RST bit is set, return" and RFC 5961 3.2: outside the window a RST means nothing, in each state. */
static void resets_outside_the_window_mean_nothing(void **state)
{
    (void)state;
    for (unsigned s = 0; s < STATES; s++) {
        struct tcp_peer *t = states[s].enter(NULL);
        unsigned was = t->state;

        peer_sends(t, "R", states[s].rcv_nxt - 1, 0, 0);
        peer_sends(t, "R", states[s].rcv_nxt + WINDOW, 0, 0);
        peer_sends(t, "RA", states[s].rcv_nxt + 1000000, states[s].snd_nxt, 0);
        we_send_nothing(t);
        TP_CHECK(t, t->state == was);
        tcp_peer_end(t);
    }
}

/* RFC 5961 3.2: inside the window but not the next number: a challenge ACK; the next number resets. */
static void only_the_exact_reset_counts(void **state)
{
    (void)state;
    for (unsigned s = 0; s < STATES; s++) {
        struct tcp_peer *t = states[s].enter(NULL);
        unsigned was = t->state;

        peer_sends(t, "R", states[s].rcv_nxt + 1, 0, 0);
        we_send(t, "A", states[s].snd_nxt, states[s].rcv_nxt, 0);
        peer_sends(t, "R", t->edge - t->irs - 1, 0, 0); /* the last of the window */
        we_send(t, "A", states[s].snd_nxt, states[s].rcv_nxt, 0);
        TP_CHECK(t, t->state == was);
        assert_int_equal(tp_count(t, WEFT_COUNT_TCP_CHALLENGE_ACKS), 2);
        peer_sends(t, "R", states[s].rcv_nxt, 0, 0);
        we_send_nothing(t);
        we_are(t, CLOSED);
        /* RFC 9293 3.10.7.4 second: told in all states but those where we wait for the ACK of our FIN only. */
        if (was == WEFT_TCP_CLOSING || was == WEFT_TCP_LAST_ACK)
            assert_int_equal(weft_sock_error(t->sock), 0);
        else if (was == WEFT_TCP_SYN_RECEIVED)
            assert_int_equal(weft_sock_error(t->sock), WEFT_E_CONNREFUSED);
        else
            assert_int_equal(weft_sock_error(t->sock), WEFT_E_CONNRESET);
        tcp_peer_end(t);
    }
}

/* RFC 5961 4.2: a SYN in a synchronized state, whatever its number, gets a challenge ACK. */
static void a_syn_is_challenged(void **state)
{
    static const int32_t offsets[] = {-1, 0, 1, 1000, WINDOW, WINDOW + 1000};

    (void)state;
    for (unsigned s = 1; s < STATES; s++) {
        struct tcp_peer *t = states[s].enter(&(struct tcp_peer_setup){.tcp = {.challenges = 100}});
        unsigned was = t->state;

        t->loose = true;
        for (unsigned i = 0; i < 6; i++) {
            uint32_t seq = states[s].rcv_nxt + (uint32_t)offsets[i];

            peer_sends(t, "S", seq, 0, 0);
            we_send(t, "A", states[s].snd_nxt, states[s].rcv_nxt, 0);
            peer_sends(t, "SA", seq, states[s].snd_nxt, 5);
            we_send(t, "A", states[s].snd_nxt, states[s].rcv_nxt, 0);
            TP_CHECK(t, t->state == was);
        }
        tcp_peer_end(t);
    }
}

/* RFC 5961 7: challenge ACKs are limited, and not by a number that an attacker could count on. */
static void challenges_are_limited(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.tcp = {.challenges = 10000}});
    unsigned first;

    (void)state;
    for (unsigned i = 0; i < 3000; i++)
        peer_sends(t, "R", 2 + i, 0, 0);
    first = t->count;
    assert_true(first >= 100 && first <= 2000);
    assert_int_equal(tp_count(t, WEFT_COUNT_TCP_CHALLENGE_LIMITED), 3000 - first);
    ignore_sent(t);
    after(t, WEFT_SEC);
    for (unsigned i = 0; i < 3000; i++)
        peer_sends(t, "R", 2 + i, 0, 0);
    assert_true(t->count >= 100 && t->count <= 2000 && t->count != first);
    tcp_peer_end(t);
}

/* A connection has a limit of its own, so that a flood at one leaves the others what they need; keepalives and
 * data that came twice are answered all the same. */
static void challenges_are_limited_for_each_connection(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 500; i++)
            peer_sends(t, i % 2 ? "R" : "S", 2 + i, 0, 0);
        assert_int_equal(t->count, 10);
        ignore_sent(t);
        peer_sends(t, "A", 0, 1, 0);
        we_send(t, "A", 1, 1, 0);
        after(t, 5 * WEFT_SEC);
        ignore_sent(t);
    }
    assert_in_range(tp_tcp(t)->challenge_left, 400, UINT32_MAX);
    peer_sends(t, "R", 1, 0, 0); /* the exact number needs no challenge */
    we_are(t, CLOSED);
    tcp_peer_end(t);
}

/* RFC 9293 3.10.7.4 first: trimmed to the window at the front and at the back. */
static void segments_are_trimmed_to_the_window(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.tcp = {.receive_buffer = 4096}});

    (void)state;
    assert_int_equal(t->last.tcp.window, 4096);
    peer_sends(t, "A", 1, 1, 1000);
    we_send(t, "A", 1, 1001, 0);
    peer_sends(t, "A", 501, 1, 1000); /* 500 of it are old */
    we_send(t, "A", 1, 1501, 0);
    peer_sends(t, "A", 1501, 1, 4000); /* 2596 fit */
    ignore_sent(t);
    assert_int_equal(weft_sock_recv_pending(t->sock), 4096);
    we_read(t, 4096);
    ignore_sent(t);
    tcp_peer_end(t);
}

/* A FIN behind the window's edge is trimmed away with what stands before it. */
static void a_fin_beyond_the_window_does_not_count(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.tcp = {.receive_buffer = 4096}});

    (void)state;
    peer_sends(t, "FA", 1, 1, 4096);
    we_are(t, ESTABLISHED);
    we_send(t, "A", 1, 4097, 0);
    we_read(t, 4096);
    ignore_sent(t);
    peer_sends(t, "FA", 4097, 1, 0);
    we_send(t, "A", 1, 4098, 0);
    we_are(t, CLOSE_WAIT);
    tcp_peer_end(t);
}

/* The whole of what is old and new at once: a retransmission that has grown. */
static void old_and_new_bytes_in_one_segment(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    peer_sends(t, "A", 1, 1, 100);
    we_send(t, "A", 1, 101, 0);
    peer_sends(t, "FPA", 1, 1, 200);
    we_send(t, "A", 1, 202, 0);
    we_read(t, 200);
    we_cannot_read(t, 0);
    we_are(t, CLOSE_WAIT);
    tcp_peer_end(t);
}

/* RFC 9293 3.10.7.4 first: with RCV.WND 0 only SEG.SEQ = RCV.NXT without text is acceptable; but its ACK, URG and
 * RST count (MUST-66). */
static void with_the_window_shut(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.tcp = {.receive_buffer = 4096}});

    (void)state;
    peer_sends(t, "A", 1, 1, 4096);
    we_send(t, "A", 1, 4097, 0);
    assert_int_equal(t->last.tcp.window, 0);
    we_write(t, 10);
    we_send(t, "PA", 1, 4097, 10);
    t->garbage = true;
    peer_sends(t, "A", 4097, 11, 1); /* a probe: not taken, but its ACK is */
    we_send(t, "A", 11, 4097, 0);
    assert_int_equal(tp_info(t).unacked, 0);
    assert_int_equal(weft_sock_recv_pending(t->sock), 4096);
    peer_sends(t, "A", 4098, 11, 0);
    we_send(t, "A", 11, 4097, 0);
    peer_sends(t, "A", 4097, 11, 0);
    we_send_nothing(t);
    peer_sends(t, "FA", 4097, 11, 0); /* the FIN has no room either */
    we_send(t, "A", 11, 4097, 0);
    we_are(t, ESTABLISHED);
    peer_sends(t, "R", 4098, 0, 0);
    we_send_nothing(t);
    we_are(t, ESTABLISHED);
    peer_sends(t, "R", 4097, 0, 0);
    we_are(t, CLOSED);
    t->garbage = false;
    we_read(t, 4096); /* what had come before can still be read */
    we_cannot_read(t, WEFT_E_CONNRESET);
    tcp_peer_end(t);
}

/* Step 5: "if the ACK bit is off, drop the segment and return". */
static void without_ack_nothing_is_taken(void **state)
{
    (void)state;
    for (unsigned s = 1; s < STATES; s++) {
        struct tcp_peer *t = states[s].enter(NULL);
        unsigned was = t->state;

        peer_sends(t, "P", states[s].rcv_nxt, 0, 10);
        peer_sends(t, "F", states[s].rcv_nxt, 0, 0);
        we_send_nothing(t);
        TP_CHECK(t, t->state == was);
        assert_int_equal(weft_sock_recv_pending(t->sock), 0);
        assert_int_equal(tp_drops(t, WEFT_DROP_TCP_NO_ACK), 2);
        tcp_peer_end(t);
    }
}

/* Step 7: text is taken until the peer's FIN, and never behind it. */
static void text_is_taken_until_the_fin(void **state)
{
    (void)state;
    for (unsigned s = 1; s < STATES; s++) {
        struct tcp_peer *t = states[s].enter(NULL);

        t->garbage = !states[s].takes_data;
        t->loose = true;
        peer_sends(t, "A", states[s].rcv_nxt,
                   t->state == WEFT_TCP_CLOSING || t->state == WEFT_TCP_LAST_ACK ? 1 : states[s].snd_nxt, 10);
        if (states[s].takes_data)
            we_read(t, 10);
        else
            assert_int_equal(weft_sock_recv_pending(t->sock), 0);
        tcp_peer_end(t);
    }
}

/* RFC 9293 3.10.7.4 sixth, MUST-30, MUST-62: urgent data comes in line, wherever the pointer points. */
static void urgent_data_comes_in_line(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    t->urgent = 3;
    peer_sends(t, "UPA", 1, 1, 5);
    we_send(t, "A", 1, 6, 0);
    t->urgent = 65535;
    peer_sends(t, "UPA", 6, 1, 5);
    we_send(t, "A", 1, 11, 0);
    t->urgent = 0;
    peer_sends(t, "UA", 11, 1, 0);
    we_send_nothing(t);
    peer_sends(t, "UPA", 11, 1, 1);
    we_send(t, "A", 1, 12, 0);
    we_read(t, 11);
    tcp_peer_end(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_outside_the_window_is_acknowledged_and_dropped),
        cmocka_unit_test(resets_outside_the_window_mean_nothing),
        cmocka_unit_test(only_the_exact_reset_counts),
        cmocka_unit_test(a_syn_is_challenged),
        cmocka_unit_test(challenges_are_limited),
        cmocka_unit_test(challenges_are_limited_for_each_connection),
        cmocka_unit_test(segments_are_trimmed_to_the_window),
        cmocka_unit_test(a_fin_beyond_the_window_does_not_count),
        cmocka_unit_test(old_and_new_bytes_in_one_segment),
        cmocka_unit_test(with_the_window_shut),
        cmocka_unit_test(without_ack_nothing_is_taken),
        cmocka_unit_test(text_is_taken_until_the_fin),
        cmocka_unit_test(urgent_data_comes_in_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
