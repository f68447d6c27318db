/* SPDX-License-Identifier: MIT */
/* The user timeout option: RFC 5482. */
#include "tcp_peer.h"

static void enable(struct weft_sock *sock)
{
    assert_int_equal(weft_sock_setopt(sock, WEFT_OPT_UTO, 1), 0);
}

static void enable_200s(struct weft_sock *sock)
{
    enable(sock);
    assert_int_equal(weft_sock_setopt(sock, WEFT_OPT_UTO_ADVERTISED, 200 * (int64_t)WEFT_SEC), 0);
}

/* The last segment of ours says so many seconds. */
static bool says(const struct tcp_peer *t, unsigned seconds)
{
    return t->last.opts.has_user_timeout && !t->last.opts.user_timeout_minutes &&
           t->last.opts.user_timeout == seconds;
}

static void peer_tells(struct tcp_peer *t, const char *flags, uint32_t seq, uint32_t ack, uint16_t value,
                       bool minutes)
{
    struct wire_tcp_opts opts = {
        .has_user_timeout = true, .user_timeout = value, .user_timeout_minutes = minutes};

    tp_send(t, flags, seq, ack, 0, &opts);
}

/* 3: in the SYN, in the first segment without, and not again. */
static void it_is_told_with_the_syn_and_after(void **state)
{
    struct tcp_peer *t = tcp_peer_syn_sent(&(struct tcp_peer_setup){.prepare = enable_200s});

    (void)state;
    assert_true(says(t, 200));
    peer_sends_syn(t, "SA", 0, 1);
    we_send(t, "A", 1, 1, 0);
    assert_true(says(t, 200));
    we_write(t, 10);
    we_send(t, "PA", 1, 1, 10);
    assert_false(t->last.opts.has_user_timeout);
    tcp_peer_end(t);
}

static void it_is_told_with_the_syn_ack_and_after(void **state)
{
    struct tcp_peer *t =
        tcp_peer_syn_received(&(struct tcp_peer_setup){.accepts = true, .prepare = enable_200s});

    (void)state;
    assert_true(says(t, 200));
    peer_sends(t, "A", 1, 1, 0);
    tp_accept(t);
    we_write(t, 10);
    we_send(t, "PA", 1, 1, 10);
    assert_true(says(t, 200));
    tcp_peer_end(t);
}

/* 3: ENABLED "defaults to false", "applies to both sending and receiving". */
static void it_is_off_at_first(void **state)
{
    struct tcp_peer *t = tcp_peer_syn_sent(NULL);

    (void)state;
    assert_false(t->last.opts.has_user_timeout);
    tp_agree(t);
    peer_sends_syn(t, "SA", 0, 1);
    we_send(t, "A", 1, 1, 0);
    assert_false(t->last.opts.has_user_timeout);
    peer_tells(t, "A", 1, 1, 500, false);
    assert_int_equal(tp_info(t).remote_user_timeout, 0);
    assert_int_equal(tp_info(t).user_timeout, 0);
    tcp_peer_end(t);
}

/* 3: ADV_UTO is what the application's own timeout is, unless it says otherwise; in whole seconds or minutes, rounded up,
 * and no more than the field holds (3.2). */
static void what_is_told(void **state)
{
    static const struct {
        int64_t timeout; /* seconds */
        int64_t more;    /* microseconds */
        unsigned value;
        bool minutes;
    } cases[] = {
        {0, 0, 300, false},       {250, 0, 250, false},  {250, 1, 251, false},
        {32767, 0, 32767, false}, {32767, 1, 547, true}, {60 * 40000, 0, 32767, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.prepare = enable});

        assert_int_equal(weft_sock_setopt(t->sock, WEFT_OPT_USER_TIMEOUT,
                                          cases[i].timeout * (int64_t)WEFT_SEC + cases[i].more),
                         0);
        we_write(t, 10);
        we_send(t, "PA", 1, 1, 10);
        assert_true(t->last.opts.has_user_timeout);
        assert_int_equal(t->last.opts.user_timeout, cases[i].value);
        assert_int_equal(t->last.opts.user_timeout_minutes, cases[i].minutes);
        tcp_peer_end(t);
    }
}

/* 3: "ENABLED" may be taken back. */
static void it_can_be_switched_off(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.prepare = enable});

    (void)state;
    peer_tells(t, "A", 1, 1, 500, false);
    assert_int_equal(tp_info(t).user_timeout, 500 * WEFT_SEC);
    assert_int_equal(weft_sock_setopt(t->sock, WEFT_OPT_UTO, 0), 0);
    assert_int_equal(tp_info(t).user_timeout, 0);
    tcp_peer_end(t);
}

/* 3.3: what a SYN tells holds when the connection stands. */
static void it_holds_when_the_connection_stands(void **state)
{
    struct tcp_peer *t = tcp_peer_syn_sent(&(struct tcp_peer_setup){.prepare = enable});

    (void)state;
    tp_agree(t);
    peer_tells(t, "S", 0, 0, 500, false);
    we_send(t, "SA", 0, 1, 0);
    we_are(t, SYN_RECEIVED);
    assert_int_equal(tp_info(t).remote_user_timeout, 500 * WEFT_SEC);
    assert_int_equal(tp_info(t).user_timeout, 0);
    peer_sends(t, "A", 1, 1, 0);
    we_are(t, ESTABLISHED);
    assert_int_equal(tp_info(t).user_timeout, 500 * WEFT_SEC);
    tcp_peer_end(t);
}

/* 3.1: min(U_LIMIT, max(ADV_UTO, REMOTE_UTO, L_LIMIT)), with limits of 100 s and 1 h. */
static void the_longer_of_both_holds_within_limits(void **state)
{
    static const struct {
        unsigned ours, peers;
        bool minutes;
        unsigned result;
    } cases[] = {{200, 300, false, 300},
                 {200, 150, false, 200},
                 {10, 20, false, 100},
                 {10, 20, true, 1200},
                 {200, 61, true, 3600},
                 {7000, 1, false, 3600},
                 {0, 20, false, 300 /* the default, RFC 9293 3.10.1 */}};

    (void)state;
    for (unsigned i = 0; i < 7; i++) {
        struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.prepare = enable});

        assert_int_equal(
            weft_sock_setopt(t->sock, WEFT_OPT_UTO_ADVERTISED, cases[i].ours * (int64_t)WEFT_SEC), 0);
        assert_int_equal(tp_info(t).user_timeout, 0); /* the peer has told nothing */
        peer_tells(t, "A", 1, 1, (uint16_t)cases[i].peers, cases[i].minutes);
        assert_int_equal(tp_info(t).user_timeout, cases[i].result * WEFT_SEC);
        assert_int_equal(tp_info(t).remote_user_timeout,
                         cases[i].peers * WEFT_SEC * (cases[i].minutes ? 60 : 1));
        tcp_peer_end(t);
    }
}

/* 3.1: the lower limit "MUST be larger than the current retransmission timeout". */
static void it_is_longer_than_the_retransmission_timeout(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){
        .prepare = enable,
        .tcp = {.uto_min = WEFT_SEC, .rto_min = 7 * WEFT_SEC, .rto_initial = 7 * WEFT_SEC}});

    (void)state;
    assert_int_equal(weft_sock_setopt(t->sock, WEFT_OPT_UTO_ADVERTISED, 2 * (int64_t)WEFT_SEC), 0);
    peer_tells(t, "A", 1, 1, 3, false);
    assert_true(tp_info(t).rto >= 7 * WEFT_SEC);
    assert_int_equal(tp_info(t).user_timeout, tp_info(t).rto + 1);
    tcp_peer_end(t);
}

/* 3.3: it changes nothing before the connection is synchronized at both ends. */
static void it_waits_for_the_handshake(void **state)
{
    struct tcp_peer *t = tcp_peer_syn_sent(&(struct tcp_peer_setup){.prepare = enable_200s});
    struct wire_tcp_opts opts = tp_syn_options(t);

    (void)state;
    opts.has_user_timeout = true;
    opts.user_timeout = 500;
    tp_send(t, "S", 0, 0, 0, &opts);
    we_send(t, "SA", 0, 1, 0);
    assert_int_equal(tp_info(t).user_timeout, 0);
    peer_sends(t, "A", 1, 1, 0);
    assert_int_equal(tp_info(t).user_timeout, 500 * WEFT_SEC);
    tcp_peer_end(t);
}

/* What is told is no shorter than what is meant, and at most what the field can say. */
static void what_is_told_is_rounded_up(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.prepare = enable});

    (void)state;
    assert_int_equal(weft_sock_setopt(t->sock, WEFT_OPT_UTO_ADVERTISED, 1500 * (int64_t)WEFT_MSEC), 0);
    we_write(t, 10);
    we_send(t, "PA", 1, 1, 10);
    assert_true(says(t, 2));
    peer_sends(t, "A", 1, 11, 0);
    assert_int_equal(weft_sock_setopt(t->sock, WEFT_OPT_UTO_ADVERTISED, 0), 0);
    assert_int_equal(weft_sock_setopt(t->sock, WEFT_OPT_USER_TIMEOUT, 40000 * 60 * (int64_t)WEFT_SEC), 0);
    we_write(t, 10);
    we_send(t, "PA", 11, 1, 10);
    assert_true(t->last.opts.user_timeout_minutes);
    assert_int_equal(t->last.opts.user_timeout, 32767);
    tcp_peer_end(t);
}

/* That is when a connection whose data nobody acknowledges ends: neither R2 nor a shorter time. */
static void the_connection_ends_by_it(void **state)
{
    struct tcp_peer *t =
        tcp_peer_established(&(struct tcp_peer_setup){.prepare = enable_200s, .tcp = {.data_retries = 3}});
    weft_time sent;

    (void)state;
    peer_tells(t, "A", 1, 1, 5, true);
    we_write(t, 10);
    sent = t->now;
    after(t, 300 * WEFT_SEC - 1);
    assert_int_equal(weft_sock_error(t->sock), 0);
    after(t, 1);
    assert_int_equal(weft_sock_error(t->sock), WEFT_E_TIMEDOUT);
    assert_int_equal(t->now - sent, 300 * WEFT_SEC);
    ignore_sent(t);
    tcp_peer_end(t);
}

/* The peer may tell while data is out: the time counts from when the data went. */
static void a_running_timer_follows(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.prepare = enable_200s});

    (void)state;
    peer_tells(t, "A", 1, 1, 250, false);
    we_write(t, 10);
    after(t, 100 * WEFT_SEC);
    peer_tells(t, "A", 1, 1, 400, false);
    after(t, 300 * WEFT_SEC - 1);
    assert_int_equal(weft_sock_error(t->sock), 0);
    after(t, 1);
    assert_int_equal(weft_sock_error(t->sock), WEFT_E_TIMEDOUT);
    ignore_sent(t);
    tcp_peer_end(t);
}

/* RFC 5482 6: a peer cannot put it off without end by telling another time whenever it is nearly over. */
static void a_peer_cannot_put_it_off(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.prepare = enable_200s});

    (void)state;
    we_write(t, 10);
    for (unsigned i = 0; i < 4; i++) {
        peer_tells(t, "A", 1, 1, (uint16_t)(250 + i), false);
        after(t, 60 * WEFT_SEC);
        assert_int_equal(weft_sock_error(t->sock), 0);
    }
    after(t, 13 * WEFT_SEC);
    assert_int_equal(weft_sock_error(t->sock), WEFT_E_TIMEDOUT);
    ignore_sent(t);
    tcp_peer_end(t);
}

/* One that is set when it is over already ends the connection at once. */
static void one_that_is_over_ends_at_once(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    we_write(t, 10);
    after(t, 20 * WEFT_SEC);
    assert_int_equal(weft_sock_setopt(t->sock, WEFT_OPT_USER_TIMEOUT, 30 * (int64_t)WEFT_SEC), 0);
    after(t, 10 * WEFT_SEC - 1);
    assert_int_equal(weft_sock_error(t->sock), 0);
    assert_int_equal(weft_sock_setopt(t->sock, WEFT_OPT_USER_TIMEOUT, 5 * (int64_t)WEFT_SEC), 0);
    tp_step(t);
    assert_int_equal(weft_sock_error(t->sock), WEFT_E_TIMEDOUT);
    ignore_sent(t);
    tcp_peer_end(t);
}

/* It is over when all is acknowledged. */
static void it_is_not_for_idle_connections(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    assert_int_equal(weft_sock_setopt(t->sock, WEFT_OPT_USER_TIMEOUT, 5 * (int64_t)WEFT_SEC), 0);
    we_write(t, 10);
    we_send(t, "PA", 1, 1, 10);
    after(t, 4 * WEFT_SEC);
    ignore_sent(t);
    peer_sends(t, "A", 1, 11, 0);
    after(t, 3600 * WEFT_SEC);
    we_send_nothing(t);
    we_are(t, ESTABLISHED);
    tcp_peer_end(t);
}

/* It is for data: SYNs have their own R2 (RFC 9293 MUST-23), whether it is set before or after connect. */
static void it_is_not_for_syns(void **state)
{
    struct tcp_peer *t = tcp_peer_syn_sent(NULL);

    (void)state;
    assert_int_equal(weft_sock_setopt(t->sock, WEFT_OPT_USER_TIMEOUT, 5 * (int64_t)WEFT_SEC), 0);
    after(t, 126 * WEFT_SEC);
    assert_int_equal(weft_sock_error(t->sock), 0);
    ignore_sent(t);
    peer_sends_syn(t, "SA", 0, 1);
    we_send(t, "A", 1, 1, 0);
    we_write(t, 10);
    after(t, 5 * WEFT_SEC);
    assert_int_equal(weft_sock_error(t->sock), WEFT_E_TIMEDOUT);
    ignore_sent(t);
    tcp_peer_end(t);
}

/* 3: an application that sets USER_TIMEOUT is not overruled, but is told (3.1); it may say otherwise. */
static void what_the_application_sets_holds(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.prepare = enable});
    int64_t value;

    (void)state;
    assert_int_equal(weft_sock_getopt(t->sock, WEFT_OPT_UTO_CHANGEABLE, &value), 0);
    assert_int_equal(value, 1);
    assert_int_equal(weft_sock_setopt(t->sock, WEFT_OPT_USER_TIMEOUT, 30 * (int64_t)WEFT_SEC), 0);
    assert_int_equal(weft_sock_getopt(t->sock, WEFT_OPT_UTO_CHANGEABLE, &value), 0);
    assert_int_equal(value, 0);
    peer_tells(t, "A", 1, 1, 500, false);
    assert_int_equal(tp_info(t).user_timeout, 30 * WEFT_SEC);
    assert_int_equal(tp_info(t).remote_user_timeout, 500 * WEFT_SEC);
    assert_int_equal(weft_sock_setopt(t->sock, WEFT_OPT_UTO_CHANGEABLE, 1), 0);
    assert_int_equal(tp_info(t).user_timeout, 500 * WEFT_SEC);
    tcp_peer_end(t);
}

/* 3: a change is told with the next segment; what is long in minutes, rounded up. */
static void a_change_is_told(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.prepare = enable_200s});

    (void)state;
    assert_int_equal(weft_sock_setopt(t->sock, WEFT_OPT_UTO_ADVERTISED, 32767 * (int64_t)WEFT_SEC), 0);
    we_write(t, 10);
    we_send(t, "PA", 1, 1, 10);
    assert_true(says(t, 32767));
    assert_int_equal(weft_sock_setopt(t->sock, WEFT_OPT_UTO_ADVERTISED, 32768 * (int64_t)WEFT_SEC), 0);
    peer_sends(t, "A", 1, 11, 0);
    we_write(t, 10);
    we_send(t, "PA", 11, 1, 10);
    assert_true(t->last.opts.has_user_timeout && t->last.opts.user_timeout_minutes);
    assert_int_equal(t->last.opts.user_timeout, 547);
    peer_sends(t, "A", 1, 21, 0);
    assert_int_equal(weft_sock_setopt(t->sock, WEFT_OPT_UTO, 0), 0);
    we_write(t, 10);
    we_send(t, "PA", 21, 1, 10);
    assert_false(t->last.opts.has_user_timeout);
    assert_int_equal(weft_sock_setopt(t->sock, WEFT_OPT_UTO_ADVERTISED, 32767 * 60 * (int64_t)WEFT_SEC + 1),
                     WEFT_E_INVAL);
    tcp_peer_end(t);
}

/* The SYN's is kept over the handshake, by us who connect and by us who listen. 3.4: zero is no value. */
static void the_syns_is_kept(void **state)
{
    struct tcp_peer *t = tcp_peer_listening(&(struct tcp_peer_setup){.prepare = enable}, 0);
    struct wire_tcp_opts opts = tp_syn_options(t);

    (void)state;
    opts.has_user_timeout = true;
    opts.user_timeout = 700;
    tp_send(t, "S", 0, 0, 0, &opts);
    we_send(t, "SA", 0, 1, 0);
    peer_tells(t, "A", 1, 1, 0, false);
    tp_accept(t);
    assert_int_equal(tp_info(t).remote_user_timeout, 700 * WEFT_SEC);
    tcp_peer_end(t);
    t = tcp_peer_syn_sent(&(struct tcp_peer_setup){.prepare = enable});
    tp_send(t, "SA", 0, 1, 0, &opts);
    assert_int_equal(tp_info(t).remote_user_timeout, 700 * WEFT_SEC);
    tcp_peer_end(t);
}

/* A segment that is not believed tells nothing. */
static void strangers_tell_nothing(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.prepare = enable});

    (void)state;
    peer_tells(t, "A", 70000, 1, 500, false);
    peer_tells(t, "A", 1, 5, 500, false);
    peer_tells(t, "", 1, 1, 500, false);
    assert_int_equal(tp_info(t).remote_user_timeout, 0);
    tcp_peer_end(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_told_with_the_syn_and_after),
        cmocka_unit_test(it_is_told_with_the_syn_ack_and_after),
        cmocka_unit_test(it_is_off_at_first),
        cmocka_unit_test(what_is_told),
        cmocka_unit_test(it_can_be_switched_off),
        cmocka_unit_test(it_holds_when_the_connection_stands),
        cmocka_unit_test(the_longer_of_both_holds_within_limits),
        cmocka_unit_test(it_is_longer_than_the_retransmission_timeout),
        cmocka_unit_test(it_waits_for_the_handshake),
        cmocka_unit_test(what_is_told_is_rounded_up),
        cmocka_unit_test(the_connection_ends_by_it),
        cmocka_unit_test(a_running_timer_follows),
        cmocka_unit_test(a_peer_cannot_put_it_off),
        cmocka_unit_test(one_that_is_over_ends_at_once),
        cmocka_unit_test(it_is_not_for_idle_connections),
        cmocka_unit_test(it_is_not_for_syns),
        cmocka_unit_test(what_the_application_sets_holds),
        cmocka_unit_test(a_change_is_told),
        cmocka_unit_test(the_syns_is_kept),
        cmocka_unit_test(strangers_tell_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
