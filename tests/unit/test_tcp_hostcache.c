/* SPDX-License-Identifier: MIT */
/* What connections learn of a host, and what the next one makes of it (RFC 9040). */
#include "tcp_path.h"
#include "tcp_peer.h"

/* A round trip of `rtt` at 20 Mbit/s, with a queue that is soon full. */
static struct tcp_path_setup path_of(weft_time rtt, bool is_on)
{
    const struct weft_wire_direction way = {.delay = rtt / 2, .rate = 20000000, .queue = {.packets = 40}};

    return (struct tcp_path_setup){
        .client = {.host_cache = is_on}, .server = {.host_cache = is_on}, .wire = {.direction = {way, way}}};
}

/* Another connection on the same way, until now SYN-SENT; `p->sock` is it. */
static void connect_again(struct tcp_path *p)
{
    struct weft_endpoint service = {weft_ip4(10, 0, 0, 2), 80};

    p->total = p->written = p->got = 0;
    assert_int_equal(weft_sock_open(p->client, WEFT_SOCK_STREAM, &p->sock), 0);
    weft_sock_set_handler(p->sock, &p->sending);
    assert_int_equal(weft_sock_connect(p->sock, &service), WEFT_E_INPROGRESS);
}

/* The connection that stands is closed by both, and is over. */
static void close_both(struct tcp_path *p)
{
    weft_sock_close(p->sock);
    weft_sock_close(p->accepted);
    p->sock = p->accepted = NULL;
    tcp_path_run(p, WEFT_SEC);
}

static struct tcp_path *one_long_flow(const struct tcp_path_setup *setup, struct weft_tcp_info *end)
{
    struct tcp_path *p = tcp_path_new(setup);

    tcp_path_send(p, 5000000, 60 * WEFT_SEC);
    *end = tcp_path_info(p->sock);
    assert_true(end->ssthresh < UINT32_MAX);
    close_both(p);
    return p;
}

static uint64_t hits(const struct tcp_path *p)
{
    return weft_stats(p->client)->count[WEFT_COUNT_TCP_HOST_CACHE_HITS];
}

/* --- Temporal sharing (RFC 9040 6) --------------------------------------------------------------------- */

static void it_is_off_unless_asked_for(void **state)
{
    struct tcp_path_setup setup = path_of(20 * WEFT_MSEC, false);
    struct weft_tcp_info end;
    struct tcp_path *p = one_long_flow(&setup, &end);

    (void)state;
    connect_again(p);
    assert_int_equal(tcp_path_info(p->sock).srtt, 0);
    tcp_path_send(p, 1000, WEFT_SEC);
    assert_int_equal(tcp_path_info(p->sock).ssthresh, UINT32_MAX);
    assert_int_equal(hits(p), 0);
    tcp_path_end(p);
}

static void the_next_connection_begins_with_what_is_known(void **state)
{
    struct tcp_path_setup setup = path_of(20 * WEFT_MSEC, true);
    struct weft_tcp_info end, now;
    struct tcp_path *p = one_long_flow(&setup, &end);

    (void)state;
    connect_again(p);
    now = tcp_path_info(p->sock);
    assert_in_range(now.srtt, 20 * WEFT_MSEC, 50 * WEFT_MSEC);
    assert_int_equal(now.rto, WEFT_SEC); /* RFC 6298 2.1: nothing has been measured here */
    tcp_path_send(p, 1000, WEFT_SEC);
    now = tcp_path_info(p->sock);
    assert_in_range(now.ssthresh, 30000, 200000); /* 50 KB are the path's, 58 KB its queue's */
    assert_int_equal(now.cwnd / now.snd_mss, 10); /* a window is earned: RFC 6928 */
    assert_int_equal(hits(p), 1);
    tcp_path_end(p);
}

/* With a known ssthresh slow start ends before the queue is full. */
static void slow_start_does_not_overshoot_again(void **state)
{
    struct tcp_path_setup setup = path_of(100 * WEFT_MSEC, true);
    struct weft_tcp_info end;
    struct tcp_path *p;

    (void)state;
    setup.client.congestion = "newreno";
    p = one_long_flow(&setup, &end);
    assert_true(end.segs_retransmitted > 0);
    connect_again(p);
    tcp_path_send(p, 1000000, 60 * WEFT_SEC);
    assert_int_equal(tcp_path_info(p->sock).segs_retransmitted, 0);
    tcp_path_end(p);
}

/* RFC 9040 8: a short flow says nothing of ssthresh. */
static void short_flows_share_their_round_trip_only(void **state)
{
    struct tcp_path_setup setup = path_of(20 * WEFT_MSEC, true);
    struct tcp_path *p = tcp_path_new(&setup);

    (void)state;
    tcp_path_send(p, 20000, WEFT_SEC);
    close_both(p);
    connect_again(p);
    assert_true(tcp_path_info(p->sock).srtt > 0);
    tcp_path_send(p, 1000, WEFT_SEC);
    assert_int_equal(tcp_path_info(p->sock).ssthresh, UINT32_MAX);
    tcp_path_end(p);
}

/* Over a satellite a SYN takes longer than the usual first timeout: it is not sent twice again. */
static void a_syn_waits_for_a_long_round_trip(void **state)
{
    struct tcp_path_setup setup = path_of(1400 * WEFT_MSEC, true);
    struct tcp_path *p = tcp_path_new(&setup);

    (void)state;
    tcp_path_send(p, 20000, 60 * WEFT_SEC);
    assert_true(tcp_path_info(p->sock).timeouts > 0);
    weft_sock_close(p->sock);
    weft_sock_close(p->accepted);
    p->sock = p->accepted = NULL;
    tcp_path_run(p, 10 * WEFT_SEC);
    connect_again(p);
    tcp_path_send(p, 1000, 10 * WEFT_SEC);
    assert_int_equal(tcp_path_info(p->sock).timeouts, 0);
    assert_int_equal(tcp_path_info(p->sock).segs_retransmitted, 0);
    tcp_path_end(p);
}

/* RFC 6298 5.7: a SYN that has been repeated leaves 3 s, whatever was known. */
static void a_repeated_syn_is_believed_rather_than_the_cache(void **state)
{
    struct tcp_path_setup setup = path_of(20 * WEFT_MSEC, true);
    struct weft_wire_direction way;
    struct weft_tcp_info end;
    struct tcp_path *p = one_long_flow(&setup, &end);

    (void)state;
    weft_wire_get(p->wire, WEFT_WIRE_FORTH, &way);
    way.mtu = 28; /* nothing passes */
    weft_wire_set(p->wire, WEFT_WIRE_FORTH, &way);
    connect_again(p);
    tcp_path_run(p, 500 * WEFT_MSEC);
    way.mtu = 0;
    weft_wire_set(p->wire, WEFT_WIRE_FORTH, &way);
    tcp_path_run(p, WEFT_SEC);
    assert_int_equal(tcp_path_info(p->sock).state, WEFT_TCP_ESTABLISHED);
    assert_int_equal(tcp_path_info(p->sock).rto, 3 * WEFT_SEC);
    tcp_path_end(p);
}

/* --- Ensemble sharing (RFC 9040 7) --------------------------------------------------------------------- */

static void a_connection_beside_another_begins_with_its_round_trip(void **state)
{
    struct tcp_path_setup setup = path_of(20 * WEFT_MSEC, true);
    struct tcp_path *p = tcp_path_new(&setup);
    struct weft_sock *first = p->sock, *first_accepted;

    (void)state;
    tcp_path_send(p, 100000, 60 * WEFT_SEC);
    first_accepted = p->accepted;
    connect_again(p);
    assert_true(tcp_path_info(p->sock).srtt >= 20 * WEFT_MSEC);
    weft_sock_abort(first);
    weft_sock_abort(first_accepted);
    p->accepted = NULL;
    tcp_path_end(p);
}

/* --- When it is not believed ----------------------------------------------------------------------------- */

/* RFC 9040 8.1, 8.3: the first round trip shows that this is not the path it was. */
static void another_path_is_noticed(void **state)
{
    static const weft_time rtts[] = {150 * WEFT_MSEC, 1 * WEFT_MSEC};

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct tcp_path_setup setup = path_of(40 * WEFT_MSEC, true);
        struct weft_wire_direction way;
        struct weft_tcp_info end, now;
        struct tcp_path *p = one_long_flow(&setup, &end);

        for (unsigned d = 0; d < 2; d++) {
            weft_wire_get(p->wire, (enum weft_wire_way)d, &way);
            way.delay = rtts[i] / 2;
            weft_wire_set(p->wire, (enum weft_wire_way)d, &way);
        }
        connect_again(p);
        tcp_path_run(p, rtts[i] + 2 * WEFT_MSEC);
        now = tcp_path_info(p->sock);
        assert_int_equal(now.state, WEFT_TCP_ESTABLISHED);
        assert_in_range(now.srtt, rtts[i], rtts[i] + 2 * WEFT_MSEC); /* RFC 6298 2.2: as a first one */
        assert_int_equal(now.ssthresh, UINT32_MAX);
        tcp_path_end(p);
    }
}

static void what_is_known_grows_old(void **state)
{
    struct tcp_path_setup setup = path_of(20 * WEFT_MSEC, true);
    struct weft_tcp_info end;
    struct tcp_path *p = one_long_flow(&setup, &end);

    (void)state;
    tcp_path_run(p, 290 * WEFT_SEC);
    connect_again(p);
    assert_true(tcp_path_info(p->sock).srtt > 0);
    weft_sock_abort(p->sock);
    tcp_path_run(p, 10 * WEFT_SEC);
    connect_again(p);
    assert_int_equal(tcp_path_info(p->sock).srtt, 0);
    assert_int_equal(hits(p), 1);
    tcp_path_end(p);
}

static void it_can_be_forgotten_and_switched(void **state)
{
    struct tcp_path_setup setup = path_of(20 * WEFT_MSEC, true);
    struct weft_tcp_info end;
    struct tcp_path *p = one_long_flow(&setup, &end);
    struct weft_tcp_config config = {.host_cache = false, .check = true};

    (void)state;
    assert_int_equal(weft_stack_set_tcp(p->client, &config), 0);
    connect_again(p);
    assert_int_equal(tcp_path_info(p->sock).srtt, 0);
    weft_sock_abort(p->sock);
    config.host_cache = true;
    assert_int_equal(weft_stack_set_tcp(p->client, &config), 0);
    connect_again(p);
    assert_true(tcp_path_info(p->sock).srtt > 0);
    weft_sock_abort(p->sock);
    weft_stack_forget_hosts(p->client);
    connect_again(p);
    assert_int_equal(tcp_path_info(p->sock).srtt, 0);
    tcp_path_end(p);
}

/* --- Packet sizes ------------------------------------------------------------------------------------------ */

/* A black hole is found once, and not by each connection anew with its three timeouts. */
static void a_black_hole_is_remembered(void **state)
{
    struct tcp_path_setup setup = path_of(20 * WEFT_MSEC, true);
    struct tcp_path *p;

    (void)state;
    setup.wire.mtu = 1500;
    setup.wire.direction[0].mtu = 1300;
    p = tcp_path_new(&setup);
    tcp_path_send(p, 5000000, 60 * WEFT_SEC);
    assert_int_equal(tcp_path_info(p->sock).timeouts, 3);
    close_both(p);
    connect_again(p);
    tcp_path_send(p, 5000000, 60 * WEFT_SEC);
    assert_int_equal(tcp_path_info(p->sock).timeouts, 0);
    assert_in_range(tcp_path_info(p->sock).pmtu, 1288, 1300);
    close_both(p);
    setup.wire.direction[0].mtu = 0; /* it is mended: the first probe finds out */
    weft_wire_set(p->wire, WEFT_WIRE_FORTH, &setup.wire.direction[0]);
    connect_again(p);
    tcp_path_send(p, 1000000, 60 * WEFT_SEC);
    assert_int_equal(tcp_path_info(p->sock).pmtu, 1500);
    close_both(p);
    tcp_path_end(p);
}

/* --- Who may write ------------------------------------------------------------------------------------------- */

static bool is_known(struct tcp_peer *t)
{
    struct tcp_tuple tuple = {.local = t->our_addr, .remote = t->peer_addr};

    return tcp_pairs_find(&tp_tcp(t)->hosts, &tuple, 0) != NULL;
}

/* Whoever can forge an address can send SYNs from it, and even guess at a handshake; but not answer what it has not
 * seen. Only a connection that stands, and has had data of ours acknowledged, writes. */
static void only_connections_that_stand_write(void **state)
{
    struct tcp_peer_setup setup = {.accepts = true, .sack = true, .tcp = {.host_cache = true}};
    struct tcp_peer *t = tcp_peer_listening(&setup, 0);

    (void)state;
    t->loose = true;
    peer_sends_syn(t, "S", 0, 0);
    ignore_sent(t);
    assert_false(is_known(t));
    peer_sends(t, "A", 1, 12345, 0); /* a guess */
    peer_sends(t, "R", 1, 0, 0);
    ignore_sent(t);
    assert_false(is_known(t));
    tcp_peer_end(t);

    t = tcp_peer_established(&setup);
    after(t, WEFT_SEC);
    peer_sends(t, "PA", 1, 1, 500);
    ignore_sent(t);
    assert_false(is_known(t)); /* it has measured nothing but the handshake */
    peer_sends(t, "R", 501, 0, 0);
    assert_false(is_known(t));
    tcp_peer_end(t);

    t = tcp_peer_established(&setup);
    we_write(t, 500);
    we_send(t, "PA", 1, 1, 500);
    after(t, 20 * WEFT_MSEC);
    peer_sends(t, "A", 1, 501, 0);
    assert_true(is_known(t));
    tcp_peer_end(t);
}

/* --- The table ------------------------------------------------------------------------------------------------ */

struct entry {
    struct tcp_pair pair;
    uint32_t value;
};

static struct tcp_tuple pair_of(unsigned i)
{
    return (struct tcp_tuple){.local = tp_us, .remote = weft_ip4(10, 0, (uint8_t)(i >> 8), (uint8_t)i)};
}

/* One set of four: the one that was not used for longest gives way; a look alone is no use. */
static void the_oldest_gives_way(void **state)
{
    struct core core = {.allocator = test_allocator, .now = 10};
    struct tcp_pairs pairs;

    (void)state;
    assert_true(tcp_pairs_init(&pairs, &core, 4, sizeof(struct entry)));
    for (unsigned i = 0; i < 6; i++, core.now++) {
        struct tcp_tuple tuple = pair_of(i);

        assert_null(tcp_pairs_find(&pairs, &tuple, 0));
        ((struct entry *)tcp_pairs_entry(&pairs, &tuple, 0))->value = i + 1;
        tuple = pair_of(0);
        if (i < 4)
            assert_non_null(tcp_pairs_find(&pairs, &tuple, 0));
    }
    for (unsigned i = 0; i < 6; i++) {
        struct tcp_tuple tuple = pair_of(i);
        struct entry *entry = tcp_pairs_find(&pairs, &tuple, 0);

        assert_true(i < 2 ? entry == NULL : entry && entry->value == i + 1);
        assert_null(tcp_pairs_find(&pairs, &tuple, 1));
    }
    tcp_pairs_forget(&pairs);
    for (unsigned i = 0; i < 6; i++) {
        struct tcp_tuple tuple = pair_of(i);

        assert_null(tcp_pairs_find(&pairs, &tuple, 0));
    }
    tcp_pairs_fini(&pairs);
}

/* What is found is what was put in, with as many hosts as there is room for and more. */
static void entries_are_their_own(void **state)
{
    struct core core = {.allocator = test_allocator, .now = 1};
    struct tcp_pairs pairs;
    unsigned kept = 0;

    (void)state;
    assert_true(tcp_pairs_init(&pairs, &core, 256, sizeof(struct entry)));
    for (unsigned i = 0; i < 1000; i++, core.now++) {
        struct tcp_tuple tuple = pair_of(i);
        struct entry *entry = tcp_pairs_entry(&pairs, &tuple, 0);

        assert_int_equal(entry->value, 0);
        entry->value = i + 1;
    }
    for (unsigned i = 0; i < 1000; i++) {
        struct tcp_tuple tuple = pair_of(i);
        struct entry *entry = tcp_pairs_find(&pairs, &tuple, 0);

        assert_true(!entry || entry->value == i + 1);
        kept += entry != NULL;
    }
    assert_in_range(kept, 200, 256);
    tcp_pairs_fini(&pairs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_off_unless_asked_for),
        cmocka_unit_test(the_next_connection_begins_with_what_is_known),
        cmocka_unit_test(slow_start_does_not_overshoot_again),
        cmocka_unit_test(short_flows_share_their_round_trip_only),
        cmocka_unit_test(a_syn_waits_for_a_long_round_trip),
        cmocka_unit_test(a_repeated_syn_is_believed_rather_than_the_cache),
        cmocka_unit_test(a_connection_beside_another_begins_with_its_round_trip),
        cmocka_unit_test(another_path_is_noticed),
        cmocka_unit_test(what_is_known_grows_old),
        cmocka_unit_test(it_can_be_forgotten_and_switched),
        cmocka_unit_test(a_black_hole_is_remembered),
        cmocka_unit_test(only_connections_that_stand_write),
        cmocka_unit_test(the_oldest_gives_way),
        cmocka_unit_test(entries_are_their_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
