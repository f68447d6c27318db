/* SPDX-License-Identifier: MIT */
/*
 * When memory or the link runs out: nothing crashes, nothing is lost that was
 * acknowledged, and everything goes on when there is room again.
 */
#include "tcp_peer.h"

#define TINY                                                                                                 \
    {                                                                                                        \
        .pkts = 32, .small_blocks = 16, .large_blocks = 4                                                    \
    }

/* Takes all of the pool's packets, or all but `leave`. */
static struct weft_pktq take_all(struct tcp_peer *t, unsigned leave)
{
    struct weft_pktq held = {0};
    struct weft_pkt *pkt;

    while ((pkt = weft_pkt_new(t->pool)) != NULL)
        weft_pktq_push(&held, pkt);
    while (leave-- > 0)
        weft_pkt_free(weft_pktq_pop(&held));
    return held;
}

static void a_writer_waits_for_memory(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.pool = TINY});
    uint32_t wrote = 0, acked = 0;
    ptrdiff_t n;

    (void)state;
    test_check_host_loses(&t->wire);
    for (unsigned round = 0; round < 40; round++) {
        while ((n = tp_write(t, 10000, 0)) > 0)
            wrote += (uint32_t)n;
        assert_int_equal(n, WEFT_E_AGAIN);
        t->heard = 0;
        tp_step(t);
        for (unsigned i = 0; i < 100 && acked < wrote; i++) {
            for (; t->count > 0; tp_pass(t))
                if (t->segs[t->first].seq == acked + 1)
                    acked += t->segs[t->first].len;
            peer_sends(t, "A", 1, 1 + acked, 0);
            after(t, WEFT_MSEC);
        }
        assert_int_equal(acked, wrote);
        we_hear(t, WEFT_WRITABLE);
    }
    assert_true(wrote > 1000000);
    assert_int_equal(tp_info(t).timeouts, 0);
    tcp_peer_end(t);
}

/* The buffer of the peer's data is full of unread packets: they are refused, not lost, and the peer is told. */
static void unread_data_does_not_take_all(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.pool = TINY});
    uint32_t next = 1;

    (void)state;
    for (unsigned i = 0; i < 100; i++) {
        peer_sends(t, "A", next, 1, 1000);
        for (; t->count > 0; tp_pass(t))
            next = t->segs[t->first].ack;
    }
    assert_true(next > 1 && next < 100000);
    we_read(t, (uint32_t)weft_sock_recv_pending(t->sock));
    ignore_sent(t);
    for (unsigned i = 0; i < 50; i++) {
        peer_sends(t, "A", next, 1, 1000);
        we_read(t, (uint32_t)weft_sock_recv_pending(t->sock));
        for (; t->count > 0; tp_pass(t))
            next = t->segs[t->first].ack;
    }
    assert_true(next > 30000);
    tcp_peer_end(t);
}

/* Nothing at all is left for a while: what could not be sent goes later. */
static void without_packets_sending_waits(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.pool = {.pkts = 64}});
    struct weft_pktq held;

    (void)state;
    assert_int_equal(tp_write(t, 500, 0), 500);
    held = take_all(t, 0);
    tp_step(t);
    we_send_nothing(t);
    assert_int_equal(tp_info(t).limit, WEFT_LIMIT_MEMORY);
    weft_pktq_purge(&held);
    tp_step(t);
    we_send(t, "PA", 1, 1, 500);
    peer_sends(t, "A", 1, 501, 0);
    tcp_peer_end(t);
}

static void a_retransmission_waits_for_packets(void **state)
{
    struct tcp_peer *t = tcp_peer_measured(&(struct tcp_peer_setup){.pool = {.pkts = 64}});
    struct weft_pktq held;

    (void)state;
    we_write(t, 500);
    we_send(t, "PA", 1, 1, 500);
    held = take_all(t, 0);
    after(t, 10 * WEFT_SEC);
    we_send_nothing(t);
    weft_pktq_purge(&held);
    after(t, 20 * WEFT_SEC);
    we_send(t, "PA", 1, 1, 500);
    ignore_sent(t);
    peer_sends(t, "A", 1, 501, 0);
    assert_int_equal(tp_info(t).unacked, 0);
    tcp_peer_end(t);
}

/* SYN, SYN-ACK and FIN as well. */
static void handshakes_wait_for_packets(void **state)
{
    struct tcp_peer *t = tcp_peer_new(&(struct tcp_peer_setup){.pool = {.pkts = 64}});
    struct weft_endpoint remote = {tp_peer, TP_SERVER_PORT};
    struct weft_pktq held;

    (void)state;
    t->peer_port = TP_SERVER_PORT;
    t->our_port = TP_CLIENT_PORT;
    t->sock = tp_open(t);
    held = take_all(t, 0);
    assert_int_equal(weft_sock_connect(t->sock, &remote), WEFT_E_INPROGRESS);
    after(t, 500 * WEFT_MSEC);
    we_send_nothing(t);
    weft_pktq_purge(&held);
    after(t, 2 * WEFT_SEC);
    assert_true(t->count > 0);
    we_send(t, "S", 0, 0, 0);
    ignore_sent(t);
    peer_sends_syn(t, "SA", 0, 1);
    we_send(t, "A", 1, 1, 0);
    held = take_all(t, 0);
    we_close(t);
    we_send_nothing(t);
    weft_pktq_purge(&held);
    tp_step(t);
    we_send(t, "FA", 1, 1, 0);
    tcp_peer_end(t);
}

/* An answer that found no packet is made up for: the peer asks again. */
static void acks_that_found_no_packet_go_later(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.pool = {.pkts = 64}});
    struct weft_pktq held = take_all(t, 1);

    (void)state;
    peer_sends(t, "A", 1, 1, 100); /* takes the last one */
    we_send_nothing(t);
    weft_pktq_purge(&held);
    after(t, 100 * WEFT_MSEC);
    we_send(t, "A", 1, 101, 0);
    we_read(t, 100);
    tcp_peer_end(t);
}

/* The nodes of scoreboard, send buffer and runs are used up, again and again. */
static void without_nodes_streams_go_on(void **state)
{
    struct tcp_peer_setup setup = {.sack = true, .tcp = {.ranges = 8}};
    struct tcp_peer *t = tcp_peer_established(&setup);
    struct test_rng rng = test_rng_start("without_nodes_streams_go_on");
    uint32_t acked = 0, wrote = 0;

    (void)state;
    t->peer_una = 1;
    weft_sock_setopt(t->sock, WEFT_OPT_NODELAY, 1);
    for (unsigned i = 0; i < 1000; i++) {
        ptrdiff_t n = i < 700 ? tp_write(t, test_rng_between(&rng, 1, 900), 0) : 0;

        wrote += n > 0 ? (uint32_t)n : 0;
        after(t, i < 700 ? 10 * WEFT_MSEC : WEFT_SEC);
        for (; t->count > 0; tp_pass(t))
            if (t->segs[t->first].seq == acked + 1 && (i >= 700 || test_rng_below(&rng, 4) > 0))
                acked += t->segs[t->first].len;
        if (acked + 600 < wrote && test_rng_below(&rng, 3) == 0)
            peer_sacks(t, t->peer_una, 1 + acked, acked + 301, acked + 501);
        if (test_rng_below(&rng, 2) == 0)
            peer_sends(t, "A", t->peer_una + 100 * (test_rng_below(&rng, 5) + 1), 1 + acked, 50);
        peer_sends(t, "A", t->peer_una, 1 + acked, 100);
        we_read(t, (uint32_t)weft_sock_recv_pending(t->sock));
    }
    TP_CHECK(t, acked == wrote && wrote > 5000);
    we_are(t, ESTABLISHED);
    tcp_peer_end(t);
}

/* Takes all that is left of the nodes for ranges; gives them back. */
static unsigned take_nodes(struct tcp_peer *t, void *taken[16])
{
    unsigned n = 0;

    while (n < 16 && (taken[n] = slab_new(&tp_tcp(t)->ranges)) != NULL)
        n++;
    assert_true(n < 16);
    return n;
}

/* No node is left to note that only the first segment is lost: it goes again all the same, by the third duplicate ACK
 * and by a partial one. */
static void without_nodes_the_first_segment_goes_again(void **state)
{
    const struct tcp_peer_setup setup = {.tcp = {.ranges = 8}};
    struct tcp_peer *t = tcp_peer_measured(&setup);
    void *taken[16];

    (void)state;
    we_write(t, 10000);
    ignore_sent(t);
    unsigned n = take_nodes(t, taken);
    after(t, 100 * WEFT_MSEC);
    for (unsigned i = 0; i < 3; i++)
        peer_sends(t, "A", 1, 1, 0);
    we_send(t, "A", 1, 1, 1000);
    we_send_nothing(t);
    after(t, 100 * WEFT_MSEC);
    peer_sends(t, "A", 1, 5001, 0); /* a partial ACK */
    we_send(t, "A", 5001, 1, 1000);
    ignore_sent(t);
    while (n > 0)
        slab_free(&tp_tcp(t)->ranges, taken[--n]);
    after(t, 100 * WEFT_MSEC);
    peer_sends(t, "A", 1, 10001, 0);
    assert_int_equal(tp_info(t).timeouts, 0);
    tcp_peer_end(t);
}

/* --- The link's queue ----------------------------------------------------------------------------------- */

static void a_full_link_is_waited_for(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.tx_queue = 4});
    uint32_t next = 1;

    (void)state;
    t->link_is_full = true;
    we_write(t, 9500);
    assert_int_equal(weft_output(t->stack, t->iface)->count, 4);
    assert_int_equal(tp_info(t).limit, WEFT_LIMIT_LINK);
    t->link_is_full = false;
    for (unsigned i = 0; i < 5; i++) {
        tp_step(t);
        for (; t->count > 0; tp_pass(t)) {
            assert_int_equal(t->segs[t->first].seq, next);
            next += t->segs[t->first].len;
        }
    }
    assert_int_equal(next, 9501);
    assert_int_equal(tp_drops(t, WEFT_DROP_IFACE_QUEUE), 0);
    tcp_peer_end(t);
}

/* A super-segment is not larger than what the queue takes when it is cut up. */
static void super_segments_fit_the_queue(void **state)
{
    struct tcp_peer_setup setup = {.tx_queue = 6, .tcp = {.initial_window_segs = 40}};
    struct tcp_peer *t = tcp_peer_established(&setup);

    (void)state;
    we_write(t, 14000);
    for (unsigned i = 0; i < 5; i++)
        tp_step(t);
    for (uint32_t at = 1; at < 14001; at += 1000)
        we_send(t, at == 13001 ? "PA" : "A", at, 1, 1000);
    assert_int_equal(tp_drops(t, WEFT_DROP_IFACE_QUEUE), 0);
    tcp_peer_end(t);
}

/* With offload the link gets super-segments whole. */
static void a_link_with_offload_gets_super_segments(void **state)
{
    struct tcp_peer_setup setup = {.caps = WEFT_LINK_TSO4 | WEFT_LINK_TX_CSUM, .sack = true};
    struct tcp_peer *t = tcp_peer_established(&setup);

    (void)state;
    we_write(t, 9500);
    we_send(t, "A", 1, 1, 9000);
    assert_int_equal(t->last.gso_segs, 9);
    we_send(t, "PA", 9001, 1, 500);
    peer_sacks(t, 1, 1, 3001, 9501); /* only what is lost goes again */
    after(t, WEFT_MSEC);
    we_send(t, "A", 1, 1, t->segs[t->first].len);
    assert_true(t->last.len == 1000 || t->last.len == 3000);
    tcp_peer_end(t);
}

/* A connection by a peer of this port and window, accepted. */
static struct weft_sock *open_by(struct tcp_peer *t, uint16_t port, uint16_t window)
{
    struct weft_sock *sock;

    t->loose = true;
    t->peer_port = port;
    t->window = window;
    peer_sends_syn(t, "S", 0, 0);
    t->iss = t->segs[t->first].tcp.seq;
    ignore_sent(t);
    peer_sends(t, "A", 1, 1, 0);
    tp_accept(t);
    sock = t->sock;
    t->sock = NULL;
    return sock;
}

/* A peer that takes nothing of what we send, and says so for ever, may (MUST-37); but when it holds the memory that
 * others wait for, it may not for ever (RFC 9293 3.8.6.1: "subject to the implementation's resource management"). */
static void a_shut_window_does_not_hold_what_others_need(void **state)
{
    static uint8_t bytes[1 << 20];
    const struct tcp_peer_setup setup = {.pool = {.pkts = 512, .small_blocks = 512, .large_blocks = 64}};

    (void)state;
    for (unsigned others_wait = 0; others_wait < 2; others_wait++) {
        struct tcp_peer *t = tcp_peer_listening(&setup, 0);
        struct weft_sock *slow, *good = open_by(t, 2000, 65535);
        weft_time began = t->now;

        slow = open_by(t, 1000, 0);
        assert_true(weft_sock_send(slow, bytes, sizeof(bytes)) > 0);
        assert_int_equal(weft_sock_send(slow, bytes, 1), WEFT_E_AGAIN);
        t->sock = good;
        if (others_wait)
            assert_int_equal(weft_sock_send(good, bytes, 1), WEFT_E_AGAIN);
        t->heard = 0;
        while (t->now < began + 3600 * WEFT_SEC && weft_sock_error(slow) == 0) {
            after(t, WEFT_SEC);
            for (; t->count > 0 && weft_sock_error(slow) == 0; tp_pass(t))
                peer_sends(t, "A", 1, 1, 0);
        }
        if (others_wait) {
            assert_in_range(t->now - began, 120 * WEFT_SEC, 181 * WEFT_SEC);
            assert_int_equal(weft_sock_error(slow), WEFT_E_NOMEM);
            we_hear(t, WEFT_WRITABLE);
            assert_int_equal(weft_sock_send(good, bytes, 1000), 1000);
        } else {
            assert_int_equal(weft_sock_error(slow), 0);
        }
        weft_sock_abort(slow);
        tcp_peer_end(t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_writer_waits_for_memory),
        cmocka_unit_test(unread_data_does_not_take_all),
        cmocka_unit_test(without_packets_sending_waits),
        cmocka_unit_test(a_retransmission_waits_for_packets),
        cmocka_unit_test(handshakes_wait_for_packets),
        cmocka_unit_test(acks_that_found_no_packet_go_later),
        cmocka_unit_test(without_nodes_streams_go_on),
        cmocka_unit_test(a_full_link_is_waited_for),
        cmocka_unit_test(super_segments_fit_the_queue),
        cmocka_unit_test(a_link_with_offload_gets_super_segments),
        cmocka_unit_test(without_nodes_the_first_segment_goes_again),
        cmocka_unit_test(a_shut_window_does_not_hold_what_others_need),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
