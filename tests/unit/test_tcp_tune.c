/* SPDX-License-Identifier: MIT */
/* Buffers that grow by themselves: with what the path carries, never with what nobody reads (src/tcp/tune.c). */
#include "tcp_path.h"
#include "tcp_peer.h"

#define KIB 1024u
#define MIB (1024u * 1024u)

/* --- In virtual time over a wire ------------------------------------------------------------ */

#define WAY(way_rate, way_delay, way_packets)                                                                \
    {                                                                                                        \
        .rate = (way_rate), .delay = (way_delay), .queue = {.packets = (way_packets) }                       \
    }

/* 200 Mbit/s and 100 ms: 2.5 MB are under way. */
static const struct tcp_path_setup long_fat = {
    .wire = {.direction = {WAY(200000000, 50 * WEFT_MSEC, 2000), WAY(200000000, 50 * WEFT_MSEC, 2000)}}};

/* 50 MB are 2 s at the full rate; with buffers as they begin they would be 40 s. */
static void a_long_fat_path_fills(void **state)
{
    struct tcp_path *p = tcp_path_new(&long_fat);
    weft_time took = tcp_path_send(p, 50000000, 60 * WEFT_SEC);

    (void)state;
    assert_in_range(took, 2 * WEFT_SEC, 4 * WEFT_SEC);
    assert_in_range(tcp_path_info(p->accepted).receive_buffer, 5000000, 6 * MIB);
    assert_in_range(tcp_path_info(p->sock).send_buffer, 2500000, 4 * MIB);
    tcp_path_end(p);
}

/* The same for a peer without timestamps: then a window's time is the measure. */
static void a_long_fat_path_fills_without_timestamps(void **state)
{
    struct tcp_path_setup setup = long_fat;
    struct tcp_path *p;

    (void)state;
    setup.client.no_timestamps = true;
    p = tcp_path_new(&setup);
    assert_in_range(tcp_path_send(p, 50000000, 60 * WEFT_SEC), 2 * WEFT_SEC, 4 * WEFT_SEC);
    tcp_path_end(p);
}

/* Nothing grows beyond its bound, and what is fixed does not grow at all. */
static void bounds_hold(void **state)
{
    struct tcp_path_setup setup = long_fat;
    struct tcp_path *p;

    (void)state;
    setup.server.receive_buffer = 500000;
    setup.client.send_buffer = 400000;
    p = tcp_path_new(&setup);
    tcp_path_send(p, 10000000, 60 * WEFT_SEC);
    assert_int_equal(tcp_path_info(p->accepted).receive_buffer, 500000);
    assert_int_equal(tcp_path_info(p->sock).send_buffer, 400000);
    tcp_path_end(p);
    p = tcp_path_new(&long_fat);
    assert_int_equal(weft_sock_setopt(p->sock, WEFT_OPT_SEND_BUFFER, 100000), 0);
    assert_int_equal(weft_sock_setopt(p->listener, WEFT_OPT_RECEIVE_BUFFER, 90000), 0);
    tcp_path_send(p, 3000000, 60 * WEFT_SEC);
    assert_int_equal(tcp_path_info(p->accepted).receive_buffer, 90000);
    assert_int_equal(tcp_path_info(p->sock).send_buffer, 100000);
    assert_int_equal(weft_sock_setopt(p->sock, WEFT_OPT_SEND_BUFFER, 50000), 0);
    assert_int_equal(weft_sock_setopt(p->accepted, WEFT_OPT_RECEIVE_BUFFER, 60000), 0);
    assert_int_equal(tcp_path_info(p->accepted).receive_buffer, 60000);
    assert_int_equal(tcp_path_info(p->sock).send_buffer, 50000);
    tcp_path_end(p);
}

/* A narrow path needs little: 10 Mbit/s and 20 ms are 25 kB. */
static void a_narrow_path_leaves_buffers_small(void **state)
{
    struct tcp_path_setup setup = {
        .wire = {.direction = {WAY(10000000, 10 * WEFT_MSEC, 50), WAY(10000000, 10 * WEFT_MSEC, 50)}}};
    struct tcp_path *p = tcp_path_new(&setup);

    (void)state;
    tcp_path_send(p, 5000000, 10 * WEFT_SEC);
    assert_in_range(tcp_path_info(p->accepted).receive_buffer, 128 * KIB, 800 * KIB);
    assert_in_range(tcp_path_info(p->sock).send_buffer, 128 * KIB, 400 * KIB);
    tcp_path_end(p);
}

/* Who reads slowly has a buffer as at first, always full; the sender waits for its window. */
static void a_slow_reader_does_not_make_the_buffer_grow(void **state)
{
    struct tcp_path_setup setup = long_fat;
    struct tcp_path *p;

    (void)state;
    setup.read_rate = 200000;
    p = tcp_path_new(&setup);
    tcp_path_send(p, 2000000, 60 * WEFT_SEC);
    assert_int_equal(tcp_path_info(p->accepted).receive_buffer, 128 * KIB);
    tcp_path_end(p);
}

/* --- One side alone ------------------------------------------------------------------------- */

static const struct tcp_peer_setup tuned = {
    .pool = {.pkts = 16384, .small_blocks = 16384, .large_blocks = 512},
    .accepts = true,
    .tuned = true,
    .wscale = true,
    .shift = 7,
    .sack = true,
    .timestamps = true};

/* A peer that is 100 ms away. */
static struct tcp_peer *distant(const struct tcp_peer_setup *setup)
{
    struct tcp_peer *t = tcp_peer_syn_received(setup);

    tp_agree(t);
    after(t, 100 * WEFT_MSEC);
    peer_sends(t, "A", 1, 1, 0);
    tp_accept(t);
    return t;
}

/* The window begins small, the shift is for what it may become; nothing that was offered is taken back. */
static void the_shift_is_for_the_largest_window(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&tuned);

    (void)state;
    assert_int_equal(t->our_shift, 7); /* 6 MiB */
    assert_int_equal(tp_info(t).receive_buffer, 128 * KIB);
    peer_sends(t, "A", 1, 1, 1000);
    we_send(t, "A", 1, 1001, 0);
    assert_in_range((uint32_t)t->last.tcp.window << 7, 120 * KIB, 128 * KIB);
    we_read(t, 1000);
    tcp_peer_end(t);
}

/* `rounds` round trips of 100 ms in which the peer fills the window; the application reads when `reads` says so. */
static void fill_windows(struct tcp_peer *t, uint32_t *seq, unsigned rounds, bool reads)
{
    for (unsigned r = 0; r < rounds; r++) {
        uint32_t edge = t->edge - t->irs;

        after(t, 100 * WEFT_MSEC);
        t->batch = true; /* all of them echo what they heard a round trip ago */
        for (; *seq + 1000 <= edge; *seq += 1000)
            peer_sends(t, "A", *seq, 1, 1000);
        t->batch = false;
        tp_step(t);
        if (reads)
            we_read(t, (uint32_t)weft_sock_recv_pending(t->sock));
        ignore_sent(t);
    }
}

/* A peer that fills each window finds the next one larger, by no more than what it has shown to be able to do. */
static void the_window_follows_what_is_read(void **state)
{
    struct tcp_peer *t = distant(&tuned);
    uint32_t seq = 1, before;

    (void)state;
    fill_windows(t, &seq, 1, true);
    for (unsigned i = 0; i < 8; i++) {
        before = tp_info(t).receive_buffer;
        fill_windows(t, &seq, 2, true);
        if (before < 1 * MIB)
            assert_in_range(tp_info(t).receive_buffer, before + before / 2, 12 * before);
    }
    before = tp_info(t).receive_buffer;
    assert_in_range(before, 2 * MIB, 6 * MIB);
    for (unsigned i = 0; i < 100; i++) { /* and now it sends little: nothing grows, nothing shrinks */
        after(t, 100 * WEFT_MSEC);
        peer_sends(t, "A", seq, 1, 1000);
        seq += 1000;
        we_read(t, 1000);
        ignore_sent(t);
    }
    assert_int_equal(tp_info(t).receive_buffer, before);
    tcp_peer_end(t);
}

/* The handshake has not shown the round trip, and there are no timestamps: it shows all the same. */
static void the_round_trip_need_not_be_known(void **state)
{
    struct tcp_peer_setup setup = tuned;
    struct tcp_peer *t;
    uint32_t seq = 1;

    (void)state;
    setup.timestamps = false;
    t = tcp_peer_syn_received(&setup);
    tp_agree(t);
    after(t, WEFT_SEC);
    ignore_sent(t); /* the SYN-ACK again */
    after(t, 100 * WEFT_MSEC);
    peer_sends(t, "A", 1, 1, 0);
    tp_accept(t);
    assert_int_equal(tp_info(t).srtt, 0);
    fill_windows(t, &seq, 20, true);
    assert_in_range(tp_info(t).receive_buffer, 1 * MIB, 6 * MIB);
    tcp_peer_end(t);
}

/* A pause says nothing: what is read after it is not taken for the work of one round trip, nor forgotten. */
static void a_pause_says_nothing(void **state)
{
    struct tcp_peer *t = distant(&tuned);
    uint32_t seq = 1;

    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        fill_windows(t, &seq, 1, false);
        after(t, 10 * WEFT_SEC); /* the application sleeps on a full buffer */
        we_read(t, (uint32_t)weft_sock_recv_pending(t->sock));
        ignore_sent(t);
    }
    assert_int_equal(tp_info(t).receive_buffer, 128 * KIB);
    tcp_peer_end(t);
}

/* While memory is short nothing grows: there are others. */
static void nothing_grows_while_memory_is_short(void **state)
{
    struct tcp_peer_setup setup = tuned;
    struct weft_pktq hoard = {0};
    struct tcp_peer *t;
    uint32_t seq = 1;

    (void)state;
    setup.pool = (struct weft_pool_config){.pkts = 2000, .small_blocks = 2000, .large_blocks = 64};
    t = distant(&setup);
    for (unsigned i = 0; i < 1250; i++)
        weft_pktq_push(&hoard, weft_pkt_new_rx(t->pool, 0));
    fill_windows(t, &seq, 10, true);
    assert_int_equal(tp_info(t).receive_buffer, 128 * KIB);
    weft_pktq_purge(&hoard);
    fill_windows(t, &seq, 10, true);
    assert_in_range(tp_info(t).receive_buffer, 200 * KIB, 6 * MIB);
    tcp_peer_end(t);
}

/* The send buffer grows for who writes more than there is room for, with cwnd; and tells at once. */
static void the_send_buffer_grows_with_cwnd(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&tuned);
    uint32_t una = 1;

    (void)state;
    peer_sends(t, "A", 1, 1, 0);
    for (unsigned i = 0; i < 200; i++) { /* never more than fits: it stays */
        assert_int_equal(tp_write(t, 50000, 0), 50000);
        while (una < t->write_seq - t->iss) {
            tp_step(t);
            ignore_sent(t);
            una = t->sock->tcb->snd.nxt.n - t->iss;
            after(t, 10 * WEFT_MSEC);
            peer_sends(t, "A", 1, una, 0);
        }
        ignore_sent(t);
    }
    assert_int_equal(tp_info(t).send_buffer, 128 * KIB);
    for (unsigned i = 0; i < 100; i++) {
        while (tp_write(t, 50000, 0) > 0)
            ;
        tp_step(t);
        ignore_sent(t);
        after(t, 10 * WEFT_MSEC);
        una = t->sock->tcb->snd.nxt.n - t->iss;
        peer_sends(t, "A", 1, una, 0);
        ignore_sent(t);
        assert_true(tp_info(t).send_buffer <= 128 * KIB || tp_info(t).send_buffer <= 2 * tp_info(t).cwnd);
    }
    assert_in_range(tp_info(t).send_buffer, 256 * KIB, 4 * MIB);
    tcp_peer_end(t);
}

/* What waits costs little: the block, and nothing else. */
static void an_idle_connection_is_small(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&tuned);
    struct weft_pool_usage usage;

    (void)state;
    weft_pool_usage(t->pool, &usage);
    assert_int_equal(usage.pkts_used + usage.small_used + usage.large_used, 0);
    assert_in_range(sizeof(struct tcb), 1, 2048);
    tcp_peer_end(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_long_fat_path_fills),
        cmocka_unit_test(a_long_fat_path_fills_without_timestamps),
        cmocka_unit_test(bounds_hold),
        cmocka_unit_test(a_narrow_path_leaves_buffers_small),
        cmocka_unit_test(a_slow_reader_does_not_make_the_buffer_grow),
        cmocka_unit_test(the_shift_is_for_the_largest_window),
        cmocka_unit_test(the_window_follows_what_is_read),
        cmocka_unit_test(the_round_trip_need_not_be_known),
        cmocka_unit_test(a_pause_says_nothing),
        cmocka_unit_test(nothing_grows_while_memory_is_short),
        cmocka_unit_test(the_send_buffer_grows_with_cwnd),
        cmocka_unit_test(an_idle_connection_is_small),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
