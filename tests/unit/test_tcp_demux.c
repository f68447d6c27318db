/* SPDX-License-Identifier: MIT */
/* Who a segment belongs to, and what is chosen for a connection: RFC 6528, RFC 6056, RFC 9293 3.4.1, 3.10.1. */
#include "tcp_peer.h"

/* MUST-8: the clock counts 4 microseconds; SHLD-1: and is hidden behind a keyed function of the four-tuple. */
static void initial_numbers_follow_the_clock(void **state)
{
    struct tcp_peer *t = tcp_peer_new(NULL);
    struct tcp_tuple tuple = {tp_us, tp_peer, 80, 1000};
    uint32_t first = tcp_demux_isn(tp_tcp(t), &tuple).n;

    (void)state;
    after(t, 4);
    assert_int_equal(tcp_demux_isn(tp_tcp(t), &tuple).n - first, 1);
    after(t, 4 * WEFT_SEC - 4);
    assert_int_equal(tcp_demux_isn(tp_tcp(t), &tuple).n - first, 1000000);
    tcp_peer_end(t);
}

static void initial_numbers_differ_by_tuple_and_secret(void **state)
{
    struct tcp_peer *t = tcp_peer_new(NULL), *same = tcp_peer_new(NULL);
    struct weft_stack_config config = {
        .allocator = test_allocator, .pool = t->pool, .now = t->now, .seed = {43}};
    struct weft_addr third = weft_ip4(10, 0, 0, 3);
    struct tcp_tuple tuples[] = {{tp_us, tp_peer, 80, 1000}, {tp_us, tp_peer, 80, 1001},
                                 {tp_us, tp_peer, 81, 1000}, {tp_us, third, 80, 1000},
                                 {third, tp_peer, 80, 1000}, {tp_peer, tp_us, 80, 1000},
                                 {tp_us, tp_peer, 1000, 80}};
    struct weft_stack *other;

    (void)state;
    config.tcp.max_connections = 8;
    assert_int_equal(weft_stack_new(&config, &other), 0);
    for (unsigned i = 0; i < 7; i++) {
        uint32_t isn = tcp_demux_isn(tp_tcp(t), &tuples[i]).n;

        assert_int_equal(isn, tcp_demux_isn(tp_tcp(same), &tuples[i]).n); /* the same seed */
        assert_int_not_equal(isn, tcp_demux_isn(socket_of_stack(other)->tcp, &tuples[i]).n);
        for (unsigned k = 0; k < i; k++)
            assert_int_not_equal(isn, tcp_demux_isn(tp_tcp(t), &tuples[k]).n);
    }
    weft_stack_free(other);
    tcp_peer_end(same);
    tcp_peer_end(t);
}

/* One secret, but what one number shows must not tell another: the hashes differ by their use. */
static void each_use_has_its_own_hash(void **state)
{
    struct tcp_peer *t = tcp_peer_new(NULL);
    struct tcp_tuple hosts = {tp_us, tp_peer, 0, 0};
    uint32_t isn_hash = tcp_demux_isn(tp_tcp(t), &hosts).n - (uint32_t)(t->now / 4);

    (void)state;
    assert_int_not_equal(isn_hash, tcp_demux_ts_offset(tp_tcp(t), &hosts));
    tcp_peer_end(t);
}

/* RFC 6056: from 32768 on, not in order, each once, and none that is in use. */
static void ephemeral_ports(void **state)
{
    struct tcp_peer *t = tcp_peer_new(&(struct tcp_peer_setup){.tcp = {.max_connections = 100}});
    struct weft_endpoint remote = {tp_peer, 80}, local;
    struct weft_sock *socks[100];
    unsigned ascending = 0;
    uint16_t before = 0;
    static uint8_t used[65536];

    (void)state;
    memset(used, 0, sizeof(used));
    t->loose = true;
    for (unsigned i = 0; i < 100; i++) {
        assert_int_equal(weft_sock_open(t->stack, WEFT_SOCK_STREAM, &socks[i]), 0);
        remote.port = (uint16_t)(80 + i);
        assert_int_equal(weft_sock_connect(socks[i], &remote), WEFT_E_INPROGRESS);
        weft_sock_local(socks[i], &local);
        assert_true(local.port >= 32768 && !used[local.port]);
        assert_true(weft_addr_eq(&local.addr, &tp_us)); /* MUST-44 */
        used[local.port] = 1;
        ascending += local.port == before + 1;
        before = local.port;
    }
    assert_true(ascending < 10);
    for (unsigned i = 0; i < 100; i++)
        weft_sock_close(socks[i]);
    tcp_peer_end(t);
}

/* The same local port may lead to several peers, but one four-tuple is one connection. */
static void one_tuple_is_one_connection(void **state)
{
    struct tcp_peer *t = tcp_peer_syn_sent(NULL);
    struct weft_endpoint remote = {tp_peer, TP_SERVER_PORT}, other = {tp_peer, 81};
    struct weft_sock *second = tp_open(t);

    (void)state;
    t->loose = true;
    assert_int_equal(weft_sock_connect(second, &remote), WEFT_E_ADDRINUSE);
    assert_int_equal(weft_sock_connect(second, &other), WEFT_E_INPROGRESS);
    weft_sock_close(second);
    tcp_peer_end(t);
}

/* A stack can talk to itself (RFC 9293 3.9.2.3 knows no exception). */
static void a_connection_to_ourselves(void **state)
{
    struct tcp_peer *t = tcp_peer_listening(NULL, 0);
    struct weft_endpoint remote = {tp_us, TP_SERVER_PORT};
    struct weft_sock *client;
    char bytes[10];

    (void)state;
    t->loose = true;
    assert_int_equal(weft_sock_open(t->stack, WEFT_SOCK_STREAM, &client), 0);
    assert_int_equal(weft_sock_connect(client, &remote), WEFT_E_INPROGRESS);
    after(t, 10);
    assert_int_equal(weft_sock_accept(t->listener, &t->sock), 0);
    assert_int_equal(weft_sock_send(client, "hello", 5), 5);
    after(t, 100 * WEFT_MSEC);
    assert_int_equal(weft_sock_recv(t->sock, bytes, sizeof(bytes)), 5);
    assert_memory_equal(bytes, "hello", 5);
    weft_sock_close(client);
    after(t, 100 * WEFT_MSEC);
    assert_int_equal(weft_sock_recv(t->sock, bytes, sizeof(bytes)), 0);
    we_send_nothing(t);
    tcp_peer_end(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(initial_numbers_follow_the_clock),
        cmocka_unit_test(initial_numbers_differ_by_tuple_and_secret),
        cmocka_unit_test(each_use_has_its_own_hash),
        cmocka_unit_test(ephemeral_ports),
        cmocka_unit_test(one_tuple_is_one_connection),
        cmocka_unit_test(a_connection_to_ourselves),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
