/* SPDX-License-Identifier: MIT */
/* Socket options: each honoured or refused, by one table (weft/socket.h). */
#include "tcp_peer.h"

#include "script/names.h"

/* What an option is at first, its bounds, and values beyond them. */
static const struct {
    enum weft_sockopt option;
    int64_t first, low, high;
} table[] = {
    {WEFT_OPT_NODELAY, 0, 0, 1},
    {WEFT_OPT_CORK, 0, 0, 1},
    {WEFT_OPT_QUICKACK, 0, 0, 1},
    {WEFT_OPT_KEEPALIVE, 0, 0, 1},
    {WEFT_OPT_KEEPALIVE_IDLE, 7200 * WEFT_SEC, 1, 7200 * WEFT_SEC},
    {WEFT_OPT_KEEPALIVE_INTERVAL, 75 * WEFT_SEC, 1, 7200 * WEFT_SEC},
    {WEFT_OPT_KEEPALIVE_PROBES, 9, 1, 127},
    {WEFT_OPT_USER_TIMEOUT, 0, 0, 7200 * WEFT_SEC},
    {WEFT_OPT_SEND_BUFFER, 4 << 20, 4096, 1 << 30},
    {WEFT_OPT_RECEIVE_BUFFER, 6 << 20, 4096, 1 << 30},
    {WEFT_OPT_LINGER, -1, -1, 0},
    {WEFT_OPT_REUSEADDR, 1, 0, 1},
    {WEFT_OPT_TTL, 64, 1, 255},
    {WEFT_OPT_TOS, 0, 0, 0xfc},
    {WEFT_OPT_SYN_RETRIES, 7, 1, 127},
    {WEFT_OPT_MAXSEG, 0, 88, 65495},
    {WEFT_OPT_OOBINLINE, 1, 1, 1},
    {WEFT_OPT_REPORTS, 1, 0, 1},
    {WEFT_OPT_FASTOPEN, 0, 0, 65535},
    {WEFT_OPT_FASTOPEN_CONNECT, 0, 0, 1},
    {WEFT_OPT_FASTOPEN_NO_COOKIE, 0, 0, 1},
    {WEFT_OPT_UTO, 0, 0, 1},
    {WEFT_OPT_UTO_ADVERTISED, 0, 0, 32767 * 60 * (int64_t)WEFT_SEC},
    {WEFT_OPT_UTO_CHANGEABLE, 1, 0, 1},
    {WEFT_OPT_PACING, 0, 0, 1},
    {WEFT_OPT_ECN, WEFT_ECN_ACCEPT, WEFT_ECN_ACCEPT, WEFT_ECN_OFF},
    {WEFT_OPT_MAX_PACING_RATE, 0, 0, INT64_MAX},
    {WEFT_OPT_NOTSENT_LOWAT, 0, 0, UINT32_MAX},
};

#define OPTIONS (sizeof(table) / sizeof(table[0]))

static void check_value(struct weft_sock *sock, enum weft_sockopt option, int64_t wanted)
{
    int64_t value = 12345;

    assert_int_equal(weft_sock_getopt(sock, option, &value), 0);
    assert_true(value == wanted);
}

static void every_option_has_its_bounds(void **state)
{
    struct tcp_peer *t = tcp_peer_new(NULL);

    (void)state;
    t->sock = tp_open(t);
    for (unsigned i = 0; i < OPTIONS; i++) {
        check_value(t->sock, table[i].option, table[i].first);
        assert_int_equal(weft_sock_setopt(t->sock, table[i].option, table[i].low - 1), WEFT_E_INVAL);
        check_value(t->sock, table[i].option, table[i].first);
        assert_int_equal(weft_sock_setopt(t->sock, table[i].option, table[i].low), 0);
        check_value(t->sock, table[i].option, table[i].low);
        assert_int_equal(weft_sock_setopt(t->sock, table[i].option, table[i].high), 0);
        check_value(t->sock, table[i].option, table[i].high);
        assert_int_equal(weft_sock_setopt(t->sock, table[i].option, INT64_MIN), WEFT_E_INVAL);
        if (table[i].option == WEFT_OPT_USER_TIMEOUT) /* RFC 5482 3 */
            assert_int_equal(weft_sock_setopt(t->sock, WEFT_OPT_UTO_CHANGEABLE, 1), 0);
    }
    assert_int_equal(weft_sock_setopt(t->sock, WEFT_OPT_TTL, 256), WEFT_E_INVAL);
    assert_int_equal(weft_sock_setopt(t->sock, WEFT_OPT_MAXSEG, 65496), WEFT_E_INVAL);
    assert_int_equal(weft_sock_setopt(t->sock, WEFT_OPT_SEND_BUFFER, (1 << 30) + 1), WEFT_E_INVAL);
    assert_int_equal(weft_sock_setopt(t->sock, WEFT_OPT_KEEPALIVE_PROBES, 128), WEFT_E_INVAL);
    assert_int_equal(weft_sock_setopt(t->sock, WEFT_OPT_NODELAY, 2), WEFT_E_INVAL);
    tcp_peer_end(t);
}

/* No option without a place in the table above, and each can be looked up; what is told of it is true. */
static void every_option_is_described_and_tested(void **state)
{
    struct tcp_peer *t = tcp_peer_new(NULL);
    struct weft_sockopt_desc desc;
    unsigned n = 0;

    (void)state;
    t->sock = tp_open(t);
    for (; weft_sockopt_describe((enum weft_sockopt)n, &desc) == 0; n++) {
        unsigned i = 0;

        while (i < OPTIONS && (unsigned)table[i].option != n)
            i++;
        if (i == OPTIONS)
            fail_msg("the option %s has no test", desc.name);
        assert_int_equal(script_value_find(script_options, desc.name), n);
        assert_true(desc.min == table[i].low);
        assert_true(desc.max >= table[i].high);
        assert_true(desc.kind != WEFT_SOCKOPT_SWITCH || (desc.min == 0 && desc.max == 1));
        assert_int_equal(weft_sock_setopt(t->sock, table[i].option, desc.min), 0);
        if (desc.max < INT64_MAX)
            assert_int_equal(weft_sock_setopt(t->sock, table[i].option, desc.max + 1), WEFT_E_INVAL);
    }
    assert_int_equal(n, OPTIONS);
    tcp_peer_end(t);
}

static void there_are_no_other_options(void **state)
{
    struct tcp_peer *t = tcp_peer_new(NULL);
    struct weft_sock *ping;
    int64_t value;

    (void)state;
    t->sock = tp_open(t);
    assert_int_equal(weft_sock_setopt(t->sock, (enum weft_sockopt)200, 0), WEFT_E_NOPROTOOPT);
    assert_int_equal(weft_sock_setopt(t->sock, (enum weft_sockopt) - 1, 0), WEFT_E_NOPROTOOPT);
    assert_int_equal(weft_sock_getopt(t->sock, (enum weft_sockopt)1000, &value), WEFT_E_NOPROTOOPT);
    assert_int_equal(weft_sock_open(t->stack, WEFT_SOCK_PING, &ping), 0);
    assert_int_equal(weft_sock_setopt(ping, WEFT_OPT_NODELAY, 1), WEFT_E_NOPROTOOPT);
    assert_int_equal(weft_sock_getopt(ping, WEFT_OPT_NODELAY, &value), WEFT_E_NOPROTOOPT);
    weft_sock_close(ping);
    tcp_peer_end(t);
}

/* RFC 9293 MUST-48: the two ECN bits are TCP's. */
static void the_ecn_bits_are_not_the_applications(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    assert_int_equal(weft_sock_setopt(t->sock, WEFT_OPT_TOS, 0xff), 0);
    check_value(t->sock, WEFT_OPT_TOS, 0xfc);
    tp_step(t);
    we_write(t, 10);
    we_send(t, "PA", 1, 1, 10);
    assert_int_equal(t->last.ip.tos, 0xfc); /* SHLD-21, SHLD-22: changed while the connection stands */
    assert_int_equal(weft_sock_setopt(t->sock, WEFT_OPT_TTL, 7), 0); /* MUST-49 */
    tp_step(t);
    peer_sends(t, "A", 1, 11, 0);
    we_write(t, 10);
    we_send(t, "PA", 11, 1, 10);
    assert_int_equal(t->last.ip.ttl, 7);
    we_abort(t);
    we_send(t, "RA", 21, 1, 0);
    assert_int_equal(t->last.ip.ttl, 7);
    tcp_peer_end(t);
}

static void set_maxseg(struct weft_sock *sock)
{
    assert_int_equal(weft_sock_setopt(sock, WEFT_OPT_MAXSEG, 500), 0);
}

static void maxseg_bounds_both_ways(void **state)
{
    struct tcp_peer *t = tcp_peer_syn_sent(&(struct tcp_peer_setup){.prepare = set_maxseg});

    (void)state;
    assert_int_equal(t->last.opts.mss, 500);
    peer_sends_syn(t, "SA", 0, 1);
    we_send(t, "A", 1, 1, 0);
    we_write(t, 800);
    we_send(t, "A", 1, 1, 500);
    we_send(t, "PA", 501, 1, 300);
    tcp_peer_end(t);
}

static void a_send_buffer_can_grow_and_shrink(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    assert_int_equal(weft_sock_setopt(t->sock, WEFT_OPT_SEND_BUFFER, 4096), 0);
    assert_int_equal(tp_write(t, 10000, 0), 4096);
    assert_int_equal(weft_sock_setopt(t->sock, WEFT_OPT_SEND_BUFFER, 8192), 0);
    assert_int_equal(tp_write(t, 10000, 0), 4096);
    assert_int_equal(weft_sock_setopt(t->sock, WEFT_OPT_SEND_BUFFER, 4096), 0);
    assert_int_equal(weft_sock_send_room(t->sock), 0);
    assert_int_equal(tp_write(t, 1, 0), WEFT_E_AGAIN);
    tp_step(t);
    ignore_sent(t);
    peer_sends(t, "A", 1, 8193, 0);
    assert_int_equal(weft_sock_send_room(t->sock), 4096);
    tcp_peer_end(t);
}

/* A writer that waits hears of a buffer that is made larger, or it would wait for ever. */
static void a_larger_buffer_is_heard_of(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.tcp = {.send_buffer = 4096}});

    (void)state;
    assert_int_equal(tp_write(t, 10000, 0), 4096);
    assert_int_equal(tp_write(t, 1, 0), WEFT_E_AGAIN);
    tp_step(t);
    t->heard = 0;
    assert_int_equal(weft_sock_setopt(t->sock, WEFT_OPT_SEND_BUFFER, 100000), 0);
    tp_step(t);
    we_hear(t, WEFT_WRITABLE);
    tcp_peer_end(t);
}

/* RFC 5482: a user timeout that is set while data is out counts from then on. */
static void a_user_timeout_can_be_set_late(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    we_write(t, 100);
    after(t, 10 * WEFT_SEC);
    assert_int_equal(weft_sock_setopt(t->sock, WEFT_OPT_USER_TIMEOUT, 3 * WEFT_SEC), 0);
    tp_step(t);
    after(t, 3 * WEFT_SEC);
    we_are(t, CLOSED);
    assert_int_equal(weft_sock_error(t->sock), WEFT_E_TIMEDOUT);
    tcp_peer_end(t);
    t = tcp_peer_established(NULL);
    we_write(t, 100);
    assert_int_equal(weft_sock_setopt(t->sock, WEFT_OPT_USER_TIMEOUT, 3 * WEFT_SEC), 0);
    assert_int_equal(weft_sock_setopt(t->sock, WEFT_OPT_USER_TIMEOUT, 0), 0);
    after(t, 10 * WEFT_SEC);
    we_are(t, ESTABLISHED);
    tcp_peer_end(t);
}

/* Options of a connection that has ended are kept, and set nothing in motion. */
static void options_after_the_end(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    we_write(t, 100);
    ignore_sent(t);
    peer_sends(t, "R", 1, 0, 0);
    we_are(t, CLOSED);
    for (unsigned i = 0; i < OPTIONS; i++)
        assert_int_equal(weft_sock_setopt(t->sock, table[i].option, table[i].high),
                         table[i].option == WEFT_OPT_FASTOPEN_CONNECT ? WEFT_E_INVAL : 0);
    assert_true(weft_deadline(t->stack) == WEFT_TIME_NEVER);
    we_close(t);
    tcp_peer_end_quiet(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_option_has_its_bounds),
        cmocka_unit_test(every_option_is_described_and_tested),
        cmocka_unit_test(there_are_no_other_options),
        cmocka_unit_test(the_ecn_bits_are_not_the_applications),
        cmocka_unit_test(maxseg_bounds_both_ways),
        cmocka_unit_test(a_send_buffer_can_grow_and_shrink),
        cmocka_unit_test(a_larger_buffer_is_heard_of),
        cmocka_unit_test(a_user_timeout_can_be_set_late),
        cmocka_unit_test(options_after_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
