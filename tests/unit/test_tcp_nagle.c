/* SPDX-License-Identifier: MIT */
/* When small segments go: Nagle and how it is switched off, cork, more, PSH: RFC 9293 3.7.4, 3.8.6.2.1, 3.9.1.2. */
#include "tcp_peer.h"

/* SHLD-7: a small segment waits while an earlier small one is unacknowledged. */
static void a_second_small_segment_waits(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    we_write(t, 10);
    we_send(t, "PA", 1, 1, 10);
    for (unsigned i = 0; i < 5; i++)
        we_write(t, 10);
    we_send_nothing(t);
    assert_int_equal(tp_info(t).limit, WEFT_LIMIT_NAGLE);
    peer_sends(t, "A", 1, 11, 0);
    we_send(t, "PA", 11, 1, 50); /* together */
    tcp_peer_end(t);
}

/* When a full segment has gathered, it goes. */
static void a_full_segment_does_not_wait(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    we_write(t, 10);
    we_send(t, "PA", 1, 1, 10);
    we_write(t, 999);
    we_send_nothing(t);
    we_write(t, 101);
    we_send(t, "A", 11, 1, 1000);
    we_send_nothing(t);
    peer_sends(t, "A", 1, 11, 0);
    we_send(t, "PA", 1011, 1, 100);
    tcp_peer_end(t);
}

/* Minshall's refinement, which 3.7.4 allows: the odd end of a large write does not wait. */
static void the_end_of_a_large_write_goes(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    we_write(t, 2500);
    we_send(t, "A", 1, 1, 1000);
    we_send(t, "A", 1001, 1, 1000);
    we_send(t, "PA", 2001, 1, 500);
    we_write(t, 2500);
    we_send(t, "A", 2501, 1, 1000);
    we_send(t, "A", 3501, 1, 1000);
    we_send_nothing(t); /* but the second does: the first is still out */
    tcp_peer_end(t);
}

static void set_nodelay(struct weft_sock *sock)
{
    assert_int_equal(weft_sock_setopt(sock, WEFT_OPT_NODELAY, 1), 0);
}

/* MUST-17: an application can switch it off, before or while data waits. */
static void nodelay_sends_at_once(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.prepare = set_nodelay});

    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        we_write(t, 10);
        we_send(t, "PA", 1 + 10 * i, 1, 10);
    }
    tcp_peer_end(t);
    t = tcp_peer_established(NULL);
    we_write(t, 10);
    we_write(t, 10);
    we_send(t, "PA", 1, 1, 10);
    we_send_nothing(t);
    assert_int_equal(weft_sock_setopt(t->sock, WEFT_OPT_NODELAY, 1), 0);
    tp_step(t);
    we_send(t, "PA", 11, 1, 10);
    tcp_peer_end(t);
}

/* A FIN takes the waiting data with it. */
static void a_close_does_not_wait(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    we_write(t, 10);
    we_send(t, "PA", 1, 1, 10);
    we_write(t, 10);
    we_send_nothing(t);
    we_shutdown(t);
    we_send(t, "FPA", 11, 1, 10);
    tcp_peer_end(t);
}

/* Cork: full segments only, for 200 ms at most; taking the cork out sends the rest. */
static void cork_holds_parts_back(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    assert_int_equal(weft_sock_setopt(t->sock, WEFT_OPT_CORK, 1), 0);
    we_write(t, 300);
    we_send_nothing(t);
    assert_int_equal(tp_info(t).limit, WEFT_LIMIT_CORK);
    we_write(t, 800);
    we_send(t, "A", 1, 1, 1000);
    we_send_nothing(t);
    assert_int_equal(weft_sock_setopt(t->sock, WEFT_OPT_CORK, 0), 0);
    tp_step(t);
    we_send(t, "PA", 1001, 1, 100);
    peer_sends(t, "A", 1, 1101, 0);
    assert_int_equal(weft_sock_setopt(t->sock, WEFT_OPT_CORK, 1), 0);
    we_write(t, 50);
    silence(t, 200 * WEFT_MSEC);
    we_send(t, "PA", 1101, 1, 50);
    tcp_peer_end(t);
}

/* MUST-60: nothing is held back for ever, a corked FIN's data least of all. */
static void a_close_pulls_the_cork(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    assert_int_equal(weft_sock_setopt(t->sock, WEFT_OPT_CORK, 1), 0);
    we_write(t, 300);
    we_send_nothing(t);
    we_close(t);
    we_send(t, "FPA", 1, 1, 300);
    tcp_peer_end(t);
}

static void more_holds_back_until_the_next_write(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    assert_int_equal(tp_write(t, 100, WEFT_SEND_MORE), 100);
    tp_step(t);
    we_send_nothing(t);
    assert_int_equal(tp_write(t, 100, WEFT_SEND_MORE), 100);
    tp_step(t);
    we_send_nothing(t);
    we_write(t, 50);
    we_send(t, "PA", 1, 1, 250);
    peer_sends(t, "A", 1, 251, 0);
    assert_int_equal(tp_write(t, 100, WEFT_SEND_MORE), 100);
    silence(t, 200 * WEFT_MSEC); /* the rest never came */
    we_send(t, "PA", 251, 1, 100);
    tcp_peer_end(t);
}

/* More and cork go before nodelay: no part of a segment, not even behind full ones. */
static void more_goes_before_nodelay(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.prepare = set_nodelay});

    (void)state;
    assert_int_equal(tp_write(t, 1500, WEFT_SEND_MORE), 1500);
    tp_step(t);
    we_send(t, "A", 1, 1, 1000);
    we_send_nothing(t);
    we_write(t, 100);
    we_send(t, "PA", 1001, 1, 600);
    tcp_peer_end(t);
}

/* MUST-61: the last of what was written has PSH, no other. */
static void psh_marks_the_end(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.window = 2000});

    (void)state;
    we_write(t, 4000);
    we_send(t, "A", 1, 1, 1000);
    we_send(t, "A", 1001, 1, 1000); /* the window's end, not the data's */
    peer_sends(t, "A", 1, 2001, 0);
    we_send(t, "A", 2001, 1, 1000);
    we_send(t, "PA", 3001, 1, 1000);
    tcp_peer_end(t);
}

/* SHLD-28: writes that wait go as full segments, wherever they were cut. */
static void small_writes_make_full_segments(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.window_is_zero = true});

    (void)state;
    for (unsigned i = 0; i < 300; i++)
        assert_int_equal(tp_write(t, 10, 0), 10);
    t->window = 10000;
    peer_sends(t, "A", 1, 1, 0);
    we_send(t, "A", 1, 1, 1000);
    we_send(t, "A", 1001, 1, 1000);
    we_send(t, "PA", 2001, 1, 1000);
    tcp_peer_end(t);
}

/* Setting NODELAY sends what is held back, even by cork and even when it was set before. */
static void setting_nodelay_pushes(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    assert_int_equal(weft_sock_setopt(t->sock, WEFT_OPT_CORK, 1), 0);
    we_write(t, 100);
    we_send_nothing(t);
    set_nodelay(t->sock);
    tp_step(t);
    we_send(t, "PA", 1, 1, 100);
    peer_sends(t, "A", 1, 101, 0);
    assert_int_equal(tp_write(t, 100, WEFT_SEND_MORE), 100);
    we_send_nothing(t);
    set_nodelay(t->sock);
    tp_step(t);
    we_send(t, "A", 101, 1, 100); /* more follows: no PSH */
    set_nodelay(t->sock);         /* nothing is held back: nothing is remembered */
    we_write(t, 100);
    we_send_nothing(t);
    tcp_peer_end(t);
}

/* What is written behind the end of a record never shares a segment with it, when sent first or again. */
static void records_end_segments(void **state)
{
    struct tcp_peer_setup setup = {.prepare = set_nodelay, .sack = true};
    struct tcp_peer *t = tcp_peer_established(&setup);

    (void)state;
    we_write(t, 10400);
    for (unsigned i = 0; i < 10; i++)
        we_send(t, "A", 1 + 1000 * i, 1, 1000);
    assert_int_equal(tp_write(t, 400, WEFT_SEND_RECORD), 400);
    assert_int_equal(tp_write(t, 300, WEFT_SEND_RECORD), 300);
    assert_int_equal(tp_write(t, 2000, 0), 2000);
    peer_sends(t, "A", 1, 10001, 0);
    we_send(t, "PA", 10001, 1, 800); /* what was written before belongs to the record */
    we_send(t, "PA", 10801, 1, 300);
    we_send(t, "A", 11101, 1, 1000);
    we_send(t, "PA", 12101, 1, 1000);
    after(t, WEFT_SEC); /* nothing is acknowledged: the probe, then the timeout */
    we_send(t, "PA", 12101, 1, 1000);
    we_send(t, "PA", 10001, 1, 800);
    tcp_peer_end(t);
}

/* As a setting, the end of each burst has PSH too: the last of the segments that one super-segment stands for. */
static void psh_marks_bursts(void **state)
{
    struct tcp_peer_setup setup = {.tcp.push_bursts = true, .tcp.burst_segs = 10, .window = 5000};
    struct tcp_peer *t = tcp_peer_established(&setup);

    (void)state;
    we_write(t, 9000);
    we_send(t, "A", 1, 1, 1000); /* half of the window: two segments */
    we_send(t, "PA", 1001, 1, 1000);
    we_send(t, "A", 2001, 1, 1000);
    we_send(t, "PA", 3001, 1, 1000);
    we_send(t, "A", 4001, 1, 1000); /* a lone segment is no burst */
    t->window = 1000;
    peer_sends(t, "A", 1, 5001, 0);
    we_send(t, "A", 5001, 1, 1000);
    tcp_peer_end(t);
}

/* A burst is a part of what cwnd holds, and about what leaves in a millisecond. */
static void bursts_are_small_on_slow_paths(void **state)
{
    struct tcp_peer_setup setup = {.tcp.push_bursts = true};
    struct tcp_peer *t = tcp_peer_established(&setup);

    (void)state;
    we_write(t, 5000);
    for (unsigned i = 0; i < 4; i++)
        we_send(t, "A", 1 + 1000 * i, 1, 1000);
    we_send(t, "PA", 4001, 1, 1000); /* half of cwnd; the round trip of the handshake was nothing */
    after(t, 100 * WEFT_MSEC);
    peer_sends(t, "A", 1, 5001, 0);
    we_write(t, 4500);
    we_send(t, "A", 5001, 1, 1000); /* now it is long */
    we_send(t, "PA", 6001, 1, 1000);
    we_send(t, "A", 7001, 1, 1000);
    we_send(t, "PA", 8001, 1, 1000);
    we_send(t, "PA", 9001, 1, 500);
    tcp_peer_end(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_second_small_segment_waits),
        cmocka_unit_test(a_full_segment_does_not_wait),
        cmocka_unit_test(the_end_of_a_large_write_goes),
        cmocka_unit_test(nodelay_sends_at_once),
        cmocka_unit_test(a_close_does_not_wait),
        cmocka_unit_test(cork_holds_parts_back),
        cmocka_unit_test(a_close_pulls_the_cork),
        cmocka_unit_test(more_holds_back_until_the_next_write),
        cmocka_unit_test(more_goes_before_nodelay),
        cmocka_unit_test(psh_marks_the_end),
        cmocka_unit_test(psh_marks_bursts),
        cmocka_unit_test(bursts_are_small_on_slow_paths),
        cmocka_unit_test(setting_nodelay_pushes),
        cmocka_unit_test(records_end_segments),
        cmocka_unit_test(small_writes_make_full_segments),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
