/* SPDX-License-Identifier: MIT */
/* TIME-WAIT: RFC 9293 3.4.2, 3.6, 3.10.7.4; RFC 1337; RFC 6191; RFC 7323 5.3. */
#include "tcp_peer.h"

/* Two of the tests' connections begin anew from here: the next SYN chooses new numbers. */
static void forget(struct tcp_peer *t, uint32_t peer_seq)
{
    t->irs += peer_seq;
    t->has_edge = t->has_tsval = false;
    t->window_scaled = t->has_timestamps = false;
    t->our_shift = 0;
    t->peer_sent = t->irs;
    t->read_seq = t->irs + 1;
}

/* MUST-13: 2MSL; ours is 60 s, and can be configured. */
static void it_lasts_two_msl(void **state)
{
    struct tcp_peer *t = tcp_peer_time_wait(NULL);

    (void)state;
    we_close(t);
    after(t, 60 * WEFT_SEC - 1);
    we_are(t, TIME_WAIT);
    after(t, 1);
    we_are(t, CLOSED);
    peer_sends(t, "FA", 1, 2, 0);
    we_send(t, "R", 2, 0, 0);
    tcp_peer_end_quiet(t);
    t = tcp_peer_time_wait(&(struct tcp_peer_setup){.tcp = {.msl = 120 * WEFT_SEC}});
    we_close(t);
    after(t, 240 * WEFT_SEC - 1);
    we_are(t, TIME_WAIT);
    after(t, 1);
    we_are(t, CLOSED);
    tcp_peer_end_quiet(t);
}

/* What has been received is the application's, for as long as it has its socket: TIME-WAIT takes nothing away, nor does
 * its end. */
static void what_is_not_read_outlives_it(void **state)
{
    struct tcp_peer *t = tcp_peer_fin_wait_2(NULL);

    (void)state;
    peer_sends(t, "FPA", 1, 2, 3000);
    we_send(t, "A", 2, 3002, 0);
    we_are(t, TIME_WAIT);
    we_read(t, 1000);
    after(t, 300 * WEFT_SEC);
    we_are(t, CLOSED);
    assert_int_equal(weft_sock_recv_pending(t->sock), 2000);
    we_read(t, 2000);
    we_cannot_read(t, 0);
    we_close(t);
    tcp_peer_end_quiet(t);
}

/* "The only thing that can arrive in this state is a retransmission of the remote FIN. Acknowledge it, and restart
 * the 2 MSL timeout." */
static void the_fin_again_restarts_it(void **state)
{
    struct tcp_peer *t = tcp_peer_time_wait(NULL);

    (void)state;
    we_close(t);
    after(t, 50 * WEFT_SEC);
    peer_sends(t, "FA", 1, 2, 0);
    we_send(t, "A", 2, 2, 0);
    after(t, 60 * WEFT_SEC - 1);
    we_are(t, TIME_WAIT);
    after(t, 1);
    we_are(t, CLOSED);
    tcp_peer_end_quiet(t);
}

/* What is not acceptable is acknowledged; an ACK that fits is not answered (or two ends would go on for ever). */
static void what_it_answers(void **state)
{
    struct tcp_peer *t = tcp_peer_time_wait(NULL);

    (void)state;
    peer_sends(t, "PA", 1, 2, 10);
    we_send(t, "A", 2, 2, 0);
    peer_sends(t, "A", 1, 2, 0);
    we_send(t, "A", 2, 2, 0);
    peer_sends(t, "A", 2, 2, 0);
    we_send_nothing(t);
    tcp_peer_end(t);
}

/* RFC 1337 3: a RST does not end it. */
static void a_reset_does_not_end_it(void **state)
{
    struct tcp_peer *t = tcp_peer_time_wait(NULL);

    (void)state;
    peer_sends(t, "R", 2, 0, 0);
    peer_sends(t, "RA", 2, 2, 0);
    we_send_nothing(t);
    we_are(t, TIME_WAIT);
    peer_sends(t, "FA", 1, 2, 0);
    we_send(t, "A", 2, 2, 0);
    tcp_peer_end(t);
}

/* A server whose listener still stands, its connection in TIME-WAIT. */
static struct tcp_peer *server_in_time_wait(bool timestamps)
{
    struct tcp_peer *t =
        tcp_peer_time_wait(&(struct tcp_peer_setup){.accepts = true, .timestamps = timestamps});

    we_close(t);
    after(t, WEFT_SEC);
    return t;
}

/* MAY-2: a SYN with a higher number, or a later timestamp, begins anew. */
static void a_newer_syn_begins_anew(void **state)
{
    struct tcp_peer *t = server_in_time_wait(false);

    (void)state;
    forget(t, 1000);
    peer_sends_syn(t, "S", 0, 0);
    we_send(t, "SA", 0, 1, 0);
    peer_sends(t, "A", 1, 1, 0);
    we_are(t, ESTABLISHED);
    assert_int_equal(tp_count(t, WEFT_COUNT_TCP_TIME_WAIT_REUSED), 1);
    tcp_peer_end(t);
    t = server_in_time_wait(true); /* RFC 6191: the timestamp is later, the number need not be */
    forget(t, (uint32_t)-1000);
    peer_sends_syn(t, "S", 0, 0);
    we_send(t, "SA", 0, 1, 0);
    tcp_peer_end(t);
}

/* RFC 6191 2: every case in which a SYN begins anew or does not. `seq` is relative to the old FIN's number. */
static void which_syns_begin_anew(void **state)
{
    static const struct {
        bool had, has, off; /* timestamps: the old connection, the SYN; off: we have none for new ones */
        int32_t later;      /* the SYN's timestamp against the last seen */
        int32_t seq;
        bool begins;
    } cases[] = {
        {true, true, false, 1, -1000, true},  {true, true, false, 0, 1, true},
        {true, true, false, 0, 0, false},     {true, true, false, -1, 1000, false},
        {true, false, false, 0, 1, true},     {true, false, false, 0, 0, false},
        {false, true, false, 0, -1000, true}, {false, true, true, 0, -1000, false},
        {false, true, true, 0, 1, true},      {false, false, false, 0, 1, true},
        {false, false, false, 0, 0, false},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct tcp_peer *t = server_in_time_wait(cases[i].had);
        uint32_t seq = (uint32_t)(1 + cases[i].seq);
        struct wire_tcp_opts opts = {.has_mss = true, .mss = 1000, .has_timestamps = cases[i].has};

        /* The FIN came a second ago. Where there was no clock, it may be anything. */
        opts.tsval = cases[i].had ? tp_peer_clock(t) - 1000 + (uint32_t)cases[i].later : 0x90000000;
        t->has_timestamps = false;
        t->loose = true;
        tp_tcp(t)->config.no_timestamps = cases[i].off;
        tp_send(t, "S", seq, 0, 0, &opts);
        assert_int_equal(t->count, 1);
        if ((t->segs[t->first].tcp.flags == (WIRE_TCP_SYN | WIRE_TCP_ACK)) != cases[i].begins)
            fail_msg("case %u", i);
        assert_int_equal(tp_count(t, WEFT_COUNT_TCP_TIME_WAIT_REUSED), cases[i].begins);
        tcp_peer_end(t);
    }
}

/* RFC 9293 3.6.1: our own number must then be higher than the last that the old connection used. */
static void our_numbers_go_on(void **state)
{
    struct tcp_peer *t = server_in_time_wait(false);
    uint32_t old = t->iss + 2;

    (void)state;
    forget(t, 1000);
    peer_sends_syn(t, "S", 0, 0);
    we_send(t, "SA", 0, 1, 0);
    assert_true((int32_t)(t->iss - old) > 0);
    tcp_peer_end(t);
}

/* An older SYN is an old duplicate: acknowledged, no more. */
static void an_older_syn_is_acknowledged(void **state)
{
    struct tcp_peer *t = server_in_time_wait(false);

    (void)state;
    peer_sends_syn(t, "S", 0, 0);
    we_send(t, "A", 2, 2, 0);
    peer_sends_syn(t, "S", 1, 0); /* the number of its FIN */
    we_send(t, "A", 2, 2, 0);
    we_are(t, TIME_WAIT);
    tcp_peer_end(t);
    t = server_in_time_wait(true);
    t->ts_offset = (uint32_t)-100000;
    peer_sends_syn(t, "S", 1000, 0);
    we_send(t, "A", 2, 2, 0);
    we_are(t, TIME_WAIT);
    tcp_peer_end(t);
}

/* We may open anew ourselves: our numbers only grow (RFC 6191). */
static void an_active_open_takes_its_place(void **state)
{
    struct tcp_peer *t = tcp_peer_time_wait(NULL);
    struct weft_endpoint remote = {tp_peer, TP_SERVER_PORT};

    (void)state;
    we_close(t);
    after(t, WEFT_SEC);
    uint32_t old = t->iss + 2;
    forget(t, 1000);
    t->sock = tp_open(t);
    assert_int_equal(weft_sock_connect(t->sock, &remote), WEFT_E_INPROGRESS);
    tp_step(t);
    we_send(t, "S", 0, 0, 0);
    assert_true((int32_t)(t->iss - old) > 0);
    peer_sends_syn(t, "SA", 0, 1);
    we_send(t, "A", 1, 1, 0);
    tcp_peer_end(t);
}

/* RFC 7323 5.3: its ACKs carry timestamps as the connection's did. */
static void its_acks_carry_timestamps(void **state)
{
    struct tcp_peer *t = server_in_time_wait(true);

    (void)state;
    peer_sends(t, "FA", 1, 2, 0);
    we_send(t, "A", 2, 2, 0);
    assert_true(t->last.opts.has_timestamps);
    tcp_peer_end(t);
}

/* The table is bounded: the oldest gives way. */
static void the_oldest_gives_way(void **state)
{
    struct tcp_peer *t = tcp_peer_listening(&(struct tcp_peer_setup){.tcp = {.time_wait = 2}}, 0);

    (void)state;
    t->loose = true;
    for (uint16_t i = 0; i < 3; i++) {
        t->peer_port = (uint16_t)(1000 + i);
        peer_sends_syn(t, "S", 0, 0);
        t->iss = t->segs[t->first].tcp.seq;
        peer_sends(t, "A", 1, 1, 0);
        tp_accept(t);
        we_close(t);
        peer_sends(t, "FA", 1, 2, 0);
        ignore_sent(t);
    }
    assert_int_equal(tp_count(t, WEFT_COUNT_TCP_TIME_WAIT_FULL), 1);
    peer_sends(t, "FA", 1, 2, 0);
    we_send(t, "A", 2, 2, 0);
    t->peer_port = 1000;
    peer_sends(t, "FA", 1, 2, 0);
    assert_true(t->segs[t->first].tcp.flags & WIRE_TCP_RST);
    tcp_peer_end(t);
}

/* A SYN that nobody takes does not end it: there is no listener (it is then challenged as in any other state), or
 * no room; and when the SYN comes again the numbers of the old connection still count. */
static void a_syn_that_nobody_takes_does_not_end_it(void **state)
{
    struct tcp_peer *t = tcp_peer_time_wait(NULL);

    (void)state;
    we_close(t);
    peer_sends_syn(t, "S", 1000, 0);
    we_send(t, "A", 2, 2, 0);
    we_are(t, TIME_WAIT);
    peer_sends(t, "FA", 1, 2, 0);
    we_send(t, "A", 2, 2, 0);
    assert_int_equal(tp_count(t, WEFT_COUNT_TCP_TIME_WAIT_REUSED), 0);
    tcp_peer_end(t);

    t = server_in_time_wait(false);
    uint32_t old = t->iss + 2;
    t->loose = true;
    for (uint16_t i = 0; i < 32; i++) { /* the SYN cache is full */
        t->peer_port = (uint16_t)(1000 + i);
        peer_sends_syn(t, "S", 0, 0);
    }
    ignore_sent(t);
    t->peer_port = TP_CLIENT_PORT;
    peer_sends_syn(t, "S", 1000, 0);
    we_send_nothing(t);
    peer_sends(t, "FA", 1, 2, 0);
    we_send(t, "A", 2, 2, 0);
    t->peer_port = 1000;
    peer_sends(t, "R", 1, 0, 0); /* there is room */
    t->peer_port = TP_CLIENT_PORT;
    peer_sends_syn(t, "S", 1000, 0);
    assert_true((int32_t)(t->segs[t->first].tcp.seq - old) > 0);
    assert_int_equal(t->segs[t->first].tcp.flags, WIRE_TCP_SYN | WIRE_TCP_ACK);
    assert_int_equal(tp_count(t, WEFT_COUNT_TCP_TIME_WAIT_REUSED), 1);
    tcp_peer_end(t);
}

/* Nor does an open of ours that fails for want of memory. */
static void an_open_that_fails_does_not_end_it(void **state)
{
    struct tcp_peer *t = tcp_peer_time_wait(&(struct tcp_peer_setup){.tcp = {.max_connections = 1}});
    struct weft_endpoint remote = {tp_peer, TP_SERVER_PORT}, other = {tp_peer, 81};
    struct weft_sock *first;

    (void)state;
    we_close(t);
    t->loose = true;
    assert_int_equal(weft_sock_open(t->stack, WEFT_SOCK_STREAM, &first), 0);
    assert_int_equal(weft_sock_connect(first, &other), WEFT_E_INPROGRESS);
    tp_step(t);
    ignore_sent(t);
    t->sock = tp_open(t);
    assert_int_equal(weft_sock_connect(t->sock, &remote), WEFT_E_LIMIT);
    peer_sends(t, "FA", 1, 2, 0);
    we_send(t, "A", 2, 2, 0);
    weft_sock_abort(first);
    tcp_peer_end(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_lasts_two_msl),
        cmocka_unit_test(what_is_not_read_outlives_it),
        cmocka_unit_test(the_fin_again_restarts_it),
        cmocka_unit_test(what_it_answers),
        cmocka_unit_test(a_reset_does_not_end_it),
        cmocka_unit_test(a_newer_syn_begins_anew),
        cmocka_unit_test(which_syns_begin_anew),
        cmocka_unit_test(our_numbers_go_on),
        cmocka_unit_test(an_older_syn_is_acknowledged),
        cmocka_unit_test(an_active_open_takes_its_place),
        cmocka_unit_test(its_acks_carry_timestamps),
        cmocka_unit_test(the_oldest_gives_way),
        cmocka_unit_test(a_syn_that_nobody_takes_does_not_end_it),
        cmocka_unit_test(an_open_that_fails_does_not_end_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
