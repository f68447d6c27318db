/* SPDX-License-Identifier: MIT */
/*
 * Two stacks that speak TCP-AO: transfers over bad wires, keys that change meanwhile, ends that have not agreed.
 */
#include "tcp_path.h"

#include <string.h>

#include <weft/loop.h>
#include <weft/tcp_ao.h>

static const struct weft_prefix everybody = {{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}}, 0};

/* Key `n` of the client's side or of the server's: what one sends with the other receives with. */
static struct weft_tcp_ao_key key_of(uint8_t n, bool is_server)
{
    static const char *const secrets[] = {"the first of keys", "the second", "the third of all the keys"};

    return (struct weft_tcp_ao_key){
        .peer = everybody,
        .send_id = (uint8_t)(is_server ? 100 + n : n),
        .recv_id = (uint8_t)(is_server ? n : 100 + n),
        .algorithm = n & 1 ? WEFT_TCP_AO_AES128 : WEFT_TCP_AO_SHA1,
        .exclude_options = n == 2,
        .key = secrets[n],
        .key_len = strlen(secrets[n]),
    };
}

static int add_key(struct weft_sock *sock, uint8_t n, bool is_server)
{
    struct weft_tcp_ao_key key = key_of(n, is_server);

    return weft_sock_ao_add_key(sock, &key);
}

static int del_key(struct weft_sock *sock, uint8_t n, bool is_server)
{
    struct weft_tcp_ao_key key = key_of(n, is_server);

    return weft_sock_ao_del_key(sock, &key.peer, 0, key.send_id, key.recv_id);
}

static void both_have_the_first(struct weft_sock *sock, bool listens)
{
    assert_int_equal(add_key(sock, 0, listens), 0);
}

static struct tcp_path_setup bad_wire(void)
{
    struct weft_wire_direction way = {.delay = 5 * WEFT_MSEC,
                                      .rate = 20000000,
                                      .loss = 0.01,
                                      .reorder = 0.01,
                                      .reorder_delay = 3 * WEFT_MSEC,
                                      .duplicate = 0.01,
                                      .queue.packets = 100};

    return (struct tcp_path_setup){.client = {.crypto = weft_host_tcp_crypto()},
                                   .server = {.crypto = weft_host_tcp_crypto()},
                                   .wire = {.mtu = 1500, .offload = true, .direction = {way, way}},
                                   .prepare = both_have_the_first};
}

static uint64_t refused(const struct weft_stack *stack)
{
    const uint64_t *drop = weft_stats(stack)->drop;

    return drop[WEFT_DROP_TCP_AO_FORM] + drop[WEFT_DROP_TCP_AO_MISSING] + drop[WEFT_DROP_TCP_AO_KEY] +
           drop[WEFT_DROP_TCP_AO_WRONG] + drop[WEFT_DROP_TCP_AO_NO_ISN];
}

static struct weft_tcp_ao_info info_of(const struct weft_sock *sock)
{
    struct weft_tcp_ao_info info;

    assert_int_equal(weft_sock_ao_info(sock, &info), 0);
    return info;
}

/* Both ends go over to key `n`, while data flows, and forget the one before. Neither end's order matters. */
static void roll_over(struct tcp_path *p, uint8_t n, bool server_first)
{
    struct weft_sock *first = server_first ? p->accepted : p->sock;
    struct weft_sock *second = server_first ? p->sock : p->accepted;

    assert_int_equal(add_key(first, n, server_first), 0);
    assert_int_equal(weft_sock_ao_set(first, WEFT_TCP_AO_SET_RNEXT, key_of(n, server_first).recv_id), 0);
    tcp_path_send(p, 500000, 100 * WEFT_SEC);
    assert_int_equal(info_of(second).current_id,
                     key_of((uint8_t)(n - 1), !server_first).send_id); /* not ready */
    assert_int_equal(add_key(second, n, !server_first), 0);
    tcp_path_send(p, 500000, 100 * WEFT_SEC);
    assert_int_equal(info_of(second).current_id, key_of(n, !server_first).send_id);
    assert_int_equal(info_of(first).current_id, key_of((uint8_t)(n - 1), server_first).send_id);
    assert_int_equal(weft_sock_ao_set(second, WEFT_TCP_AO_SET_RNEXT, key_of(n, !server_first).recv_id), 0);
    tcp_path_send(p, 500000, 100 * WEFT_SEC);
    assert_int_equal(info_of(first).current_id, key_of(n, server_first).send_id);
    assert_int_equal(del_key(first, (uint8_t)(n - 1), server_first), 0);
    assert_int_equal(del_key(second, (uint8_t)(n - 1), !server_first), 0);
}

/* RFC 5925 1.3: "key changes with zero segment loss". */
static void keys_change_during_a_transfer(void **state)
{
    struct tcp_path_setup setup = bad_wire();
    struct tcp_path *p = tcp_path_new(&setup);
    struct weft_tcp_ao_key keys[2];

    (void)state;
    tcp_path_send(p, 500000, 100 * WEFT_SEC);
    roll_over(p, 1, true);
    roll_over(p, 2, false);
    tcp_path_send(p, 500000, 100 * WEFT_SEC);
    assert_int_equal(refused(p->client), 0);
    assert_int_equal(refused(p->server), 0);
    assert_int_equal(weft_sock_ao_get_keys(p->sock, keys, 2), 1);
    assert_true(keys[0].is_current && keys[0].is_rnext && keys[0].good > 0 && keys[0].bad == 0);
    assert_true(weft_stats(p->client)->count[WEFT_COUNT_TCP_RETRANS_SEGS] > 0); /* the wire was bad */
    assert_int_equal(tcp_path_info(p->sock).snd_mss, 1432);
    tcp_path_end(p);
}

static struct weft_tcp_ao_key wrong_key(bool is_server)
{
    struct weft_tcp_ao_key key = key_of(0, is_server);

    if (is_server)
        key.key = "the First of keys";
    return key;
}

static void keys_differ(struct weft_sock *sock, bool listens)
{
    struct weft_tcp_ao_key key = wrong_key(listens);

    assert_int_equal(weft_sock_ao_add_key(sock, &key), 0);
}

static void options_differ(struct weft_sock *sock, bool listens)
{
    struct weft_tcp_ao_key key = key_of(0, listens);

    key.exclude_options = listens;
    assert_int_equal(weft_sock_ao_add_key(sock, &key), 0);
}

static void algorithms_differ(struct weft_sock *sock, bool listens)
{
    struct weft_tcp_ao_key key = key_of(0, listens);

    key.algorithm = listens ? WEFT_TCP_AO_AES128 : WEFT_TCP_AO_SHA1;
    assert_int_equal(weft_sock_ao_add_key(sock, &key), 0);
}

static void only_the_server_has_one(struct weft_sock *sock, bool listens)
{
    if (listens)
        assert_int_equal(add_key(sock, 0, listens), 0);
}

static void only_the_client_has_one(struct weft_sock *sock, bool listens)
{
    if (!listens)
        assert_int_equal(add_key(sock, 0, listens), 0);
}

/* 11: ends that have not agreed see a timeout, and no reset. */
static void ends_that_have_not_agreed(void **state)
{
    static const struct {
        void (*prepare)(struct weft_sock *sock, bool listens);
        bool client_sees;
        enum weft_drop reason;
    } cases[] = {
        {keys_differ, false, WEFT_DROP_TCP_AO_WRONG},
        {options_differ, false, WEFT_DROP_TCP_AO_WRONG},
        {algorithms_differ, false, WEFT_DROP_TCP_AO_WRONG},
        {only_the_server_has_one, false, WEFT_DROP_TCP_AO_MISSING},
        {only_the_client_has_one, true, WEFT_DROP_TCP_AO_MISSING},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct tcp_path_setup setup = {.client = {.crypto = weft_host_tcp_crypto()},
                                       .server = {.crypto = weft_host_tcp_crypto()},
                                       .prepare = cases[i].prepare};
        struct tcp_path *p = tcp_path_new(&setup);
        const struct weft_stack *who = cases[i].client_sees ? p->client : p->server;

        tcp_path_run(p, 300 * WEFT_SEC);
        assert_int_equal(weft_sock_error(p->sock), WEFT_E_TIMEDOUT);
        assert_true(weft_stats(who)->drop[cases[i].reason] >= 8);
        assert_int_equal(refused(who), weft_stats(who)->drop[cases[i].reason]);
        assert_int_equal(weft_stats(p->server)->count[WEFT_COUNT_TCP_OUT_RSTS], 0);
        tcp_path_end(p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_change_during_a_transfer),
        cmocka_unit_test(ends_that_have_not_agreed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
