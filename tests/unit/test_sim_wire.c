/* SPDX-License-Identifier: MIT */
/* Wires: when a packet arrives, who is dropped or marked, and what changes while packets wait. */
#include "link_support.h"

#include <weft/err.h>
#include <weft/sim.h>

#define FULL    1460u /* payload of a packet of 1500 bytes on a link of type IP */
#define START   WEFT_SEC
#define LINE_8M 8000000u /* a byte takes a microsecond */

struct net {
    struct weft_sim *sim;
    struct weft_wire *wire;
    struct weft_link *a, *b;
};

static struct net make_net(const struct weft_wire_direction *forth)
{
    struct weft_wire_config config = {.type = WEFT_LINK_IP, .direction[WEFT_WIRE_FORTH] = *forth};
    struct net net;

    assert_int_equal(weft_sim_new(1, &net.sim), 0);
    assert_int_equal(weft_wire_new(net.sim, &config, &net.wire, &net.a, &net.b), 0);
    return net;
}

static void free_net(struct net *net)
{
    weft_link_close(net->a);
    weft_link_close(net->b);
    test_pool_assert_home(weft_sim_pool(net->sim));
    weft_sim_free(net->sim);
}

static struct weft_pkt *make_packet(struct net *net, uint32_t seq, uint32_t payload)
{
    return link_tcp_packet(weft_sim_pool(net->sim), WEFT_LINK_IP, seq, payload, 0);
}

static void send_one(struct net *net, uint32_t seq, uint32_t payload, weft_time now)
{
    link_send_one(net->a, make_packet(net, seq, payload), now);
}

/* The same, saying ECT(0). */
static void send_ect(struct net *net, uint32_t seq, weft_time now)
{
    struct weft_pkt *pkt = make_packet(net, seq, FULL);

    pkt->data[1] |= 2;
    put_be16(pkt->data + 10, 0);
    put_be16(pkt->data + 10, (uint16_t)~link_sum(0, pkt->data, LINK_IP4_LEN));
    link_send_one(net->a, pkt, now);
}

/* Moves time to the next event of either end. */
static weft_time next_event(struct net *net)
{
    weft_time a = weft_link_deadline(net->a), b = weft_link_deadline(net->b);

    return a < b ? a : b;
}

struct arrival {
    weft_time when;
    uint32_t seq, len;
    bool is_whole, is_marked;
};

/* Runs the wire until `until` or until nothing is under way; gives what arrived. Returns how many. */
static unsigned run(struct net *net, weft_time until, struct arrival *arrivals, unsigned max)
{
    unsigned count = 0;

    for (weft_time now; (now = next_event(net)) <= until && now != WEFT_TIME_NEVER;) {
        struct weft_pktq none = {0};
        struct weft_pkt *pkt;

        weft_link_send(net->a, &none, now);
        while ((pkt = link_recv_one(net->b, weft_sim_pool(net->sim), now))) {
            uint8_t bytes[2000];

            weft_pkt_copy_out(pkt, 0, bytes, pkt->total_len);
            assert_true(count < max);
            arrivals[count++] =
                (struct arrival){now, link_tcp_seq(pkt, WEFT_LINK_IP), pkt->total_len,
                                 link_is_whole(bytes, pkt->total_len, 0), (bytes[1] & 3) == 3};
            weft_pkt_free(pkt);
        }
    }
    return count;
}

static struct weft_wire_stats stats_of(struct net *net)
{
    struct weft_wire_stats stats;

    weft_wire_stats(net->wire, WEFT_WIRE_FORTH, &stats);
    return stats;
}

/* --- Time --- */

static void a_packet_takes_transmission_and_delay(void **state)
{
    struct net net = make_net(&(struct weft_wire_direction){.rate = LINE_8M, .delay = 10 * WEFT_MSEC});
    struct arrival got[3];

    (void)state;
    send_one(&net, 1, FULL, START);
    send_one(&net, 2, 60, START);
    assert_int_equal(run(&net, WEFT_TIME_NEVER, got, 3), 2);
    assert_int_equal(got[0].when, START + 1500 + 10000);
    assert_int_equal(got[1].when, START + 1500 + 100 + 10000);
    assert_true(got[0].is_whole && got[1].is_whole);
    free_net(&net);
}

static void a_perfect_line_takes_no_time(void **state)
{
    struct net net = make_net(&(struct weft_wire_direction){0});
    struct arrival got[100];

    (void)state;
    for (unsigned i = 0; i < 100; i++)
        send_one(&net, i, 10, START);
    assert_int_equal(run(&net, START, got, 100), 100);
    assert_int_equal(got[99].seq, 99);
    free_net(&net);
}

/* 3 bytes at 1 Gbit/s take 24 ns: a million of them 24 ms, whatever is rounded. */
static void rounding_does_not_add_up(void **state)
{
    struct net net = make_net(
        &(struct weft_wire_direction){.rate = 7000000000u, .queue.packets = 4000, .delay = WEFT_MSEC});
    static struct arrival got[3000];

    (void)state;
    for (unsigned i = 0; i < 3000; i++)
        send_one(&net, i, FULL, START);
    assert_int_equal(run(&net, WEFT_TIME_NEVER, got, 3000), 3000);
    assert_int_equal(got[2999].when, START + WEFT_MSEC + (3000u * 1500 * 8 + 6999) / 7000);
    free_net(&net);
}

static void both_ways_are_lines_of_their_own(void **state)
{
    struct net net = make_net(&(struct weft_wire_direction){.delay = WEFT_SEC});
    struct weft_pkt *pkt;

    (void)state;
    link_send_one(net.b, make_packet(&net, 9, 10), START);
    pkt = link_recv_one(net.a, weft_sim_pool(net.sim), START);
    assert_non_null(pkt);
    weft_pkt_free(pkt);
    free_net(&net);
}

static void jitter_keeps_the_order_and_reordering_does_not(void **state)
{
    struct net net = make_net(&(struct weft_wire_direction){.delay = WEFT_MSEC, .jitter = 5 * WEFT_MSEC});
    struct arrival got[200];
    unsigned overtaken = 0, late = 0;
    struct weft_wire_direction other = {.reorder = 0.2, .reorder_delay = 3 * WEFT_MSEC};

    (void)state;
    for (unsigned i = 0; i < 200; i++)
        send_one(&net, i, 10, START);
    assert_int_equal(run(&net, WEFT_TIME_NEVER, got, 200), 200);
    for (unsigned i = 1; i < 200; i++)
        assert_int_equal(got[i].seq, i);
    weft_wire_set(net.wire, WEFT_WIRE_FORTH, &other);
    for (unsigned i = 0; i < 200; i++)
        send_one(&net, i, 10, 2 * START);
    assert_int_equal(run(&net, WEFT_TIME_NEVER, got, 200), 200);
    for (unsigned i = 1; i < 200; i++)
        overtaken += got[i].seq < got[i - 1].seq;
    for (unsigned i = 0; i < 200; i++)
        late += got[i].when == 2 * START + 3 * WEFT_MSEC;
    assert_true(overtaken > 0);
    assert_in_range(late, 20, 60);
    assert_int_equal(stats_of(&net).reordered, late);
    free_net(&net);
}

/* --- Faults --- */

static void loss_comes_by_chance(void **state)
{
    struct net net = make_net(&(struct weft_wire_direction){.loss = 0.1});
    static struct arrival got[2000];
    unsigned n;

    (void)state;
    for (unsigned i = 0; i < 2000; i++)
        send_one(&net, i, 10, START);
    n = run(&net, WEFT_TIME_NEVER, got, 2000);
    assert_in_range(n, 1740, 1860);
    assert_int_equal(stats_of(&net).lost, 2000 - n);
    assert_int_equal(stats_of(&net).packets, n);
    free_net(&net);
}

/* On average 1 of 100 packets begins a burst that takes 10: a loss of 1/11, but in few places. */
static void bursts_are_bursts(void **state)
{
    struct net net =
        make_net(&(struct weft_wire_direction){.burst_enter = 0.01, .burst_leave = 0.1, .burst_loss = 1});
    static struct arrival got[5000];
    unsigned n, places = 0;

    (void)state;
    for (unsigned i = 0; i < 5000; i++)
        send_one(&net, i, 10, START);
    n = run(&net, WEFT_TIME_NEVER, got, 5000);
    for (unsigned i = 1; i < n; i++)
        places += got[i].seq != got[i - 1].seq + 1;
    assert_in_range(5000 - n, 250, 750);
    assert_in_range(places, 20, 80);
    free_net(&net);
}

/* However few packets come: here one a second, of which none is to end it. */
static void a_bad_time_ends(void **state)
{
    struct net net = make_net(
        &(struct weft_wire_direction){.burst_enter = 1, .burst_loss = 1, .burst_most = 3 * WEFT_SEC / 2});
    struct arrival got[10];
    unsigned n;

    (void)state;
    send_one(&net, 0, 10, START);
    send_one(&net, 1, 10, START + WEFT_SEC);
    n = run(&net, WEFT_TIME_NEVER, got, 10);
    assert_int_equal(n, 0);
    weft_wire_set(net.wire, WEFT_WIRE_FORTH,
                  &(struct weft_wire_direction){.burst_loss = 1, .burst_most = 3 * WEFT_SEC / 2});
    send_one(&net, 2, 10, START + 2 * WEFT_SEC);
    n = run(&net, WEFT_TIME_NEVER, got, 10);
    assert_int_equal(n, 1);
    assert_int_equal(got[0].seq, 2);
    free_net(&net);
}

static void damage_shows_and_doubles_come_twice(void **state)
{
    struct net net = make_net(&(struct weft_wire_direction){.corrupt = 1});
    struct weft_wire_direction twice = {.duplicate = 1};
    struct arrival got[40];

    (void)state;
    for (unsigned i = 0; i < 20; i++)
        send_one(&net, i, 500, START);
    assert_int_equal(run(&net, WEFT_TIME_NEVER, got, 40), 20);
    for (unsigned i = 0; i < 20; i++)
        assert_false(got[i].is_whole);
    weft_wire_set(net.wire, WEFT_WIRE_FORTH, &twice);
    for (unsigned i = 0; i < 20; i++)
        send_one(&net, i, 500, START);
    assert_int_equal(run(&net, WEFT_TIME_NEVER, got, 40), 40);
    for (unsigned i = 0; i < 40; i++)
        assert_true(got[i].is_whole && got[i].seq == i / 2);
    free_net(&net);
}

static void a_black_hole_swallows_what_is_large(void **state)
{
    struct net net = make_net(&(struct weft_wire_direction){.mtu = 1000});
    struct arrival got[2];

    (void)state;
    send_one(&net, 1, 961, START);
    send_one(&net, 2, 960, START);
    assert_int_equal(run(&net, WEFT_TIME_NEVER, got, 2), 1);
    assert_int_equal(got[0].seq, 2);
    assert_int_equal(stats_of(&net).lost_large, 1);
    free_net(&net);
}

static void super_segments_are_cut_up(void **state)
{
    struct net net = make_net(&(struct weft_wire_direction){.mtu = 1500});
    struct arrival got[10];

    (void)state;
    link_send_one(net.a, link_tcp_packet(weft_sim_pool(net.sim), WEFT_LINK_IP, 0, 7300, FULL), START);
    assert_int_equal(run(&net, WEFT_TIME_NEVER, got, 10), 5);
    for (unsigned i = 0; i < 5; i++)
        assert_true(got[i].is_whole && got[i].seq == i * FULL);
    free_net(&net);
}

/* --- Changes --- */

static void a_line_that_is_down_loses_everything(void **state)
{
    struct weft_wire_direction line = {.delay = 10 * WEFT_MSEC};
    struct net net = make_net(&line);
    struct arrival got[3];

    (void)state;
    send_one(&net, 1, 10, START); /* on its way already */
    line.down = true;
    weft_wire_set(net.wire, WEFT_WIRE_FORTH, &line);
    send_one(&net, 2, 10, START + 1);
    line.down = false;
    weft_wire_set(net.wire, WEFT_WIRE_FORTH, &line);
    send_one(&net, 3, 10, START + 2);
    assert_int_equal(run(&net, WEFT_TIME_NEVER, got, 3), 2);
    assert_int_equal(got[0].seq, 1);
    assert_int_equal(got[1].seq, 3);
    assert_int_equal(stats_of(&net).lost_down, 1);
    free_net(&net);
}

static void those_who_wait_feel_a_new_rate(void **state)
{
    struct weft_wire_direction line = {.rate = LINE_8M};
    struct net net = make_net(&line);
    struct arrival got[3];

    (void)state;
    for (unsigned i = 0; i < 3; i++)
        send_one(&net, i, FULL, START);
    line.rate = LINE_8M / 2;
    weft_wire_set(net.wire, WEFT_WIRE_FORTH, &line);
    assert_int_equal(run(&net, WEFT_TIME_NEVER, got, 3), 3);
    assert_int_equal(got[0].when, START + 1500); /* its transmission had begun */
    assert_int_equal(got[1].when, START + 1500 + 3000);
    assert_int_equal(got[2].when, START + 1500 + 6000);
    free_net(&net);
}

/* --- Queues --- */

static void a_full_queue_drops_the_last(void **state)
{
    struct net net = make_net(&(struct weft_wire_direction){.rate = LINE_8M, .queue.packets = 3});
    struct arrival got[10];

    (void)state;
    for (unsigned i = 0; i < 10; i++)
        send_one(&net, i, FULL, START);
    assert_int_equal(stats_of(&net).queue_packets, 3);
    assert_int_equal(stats_of(&net).queue_bytes, 4500);
    assert_int_equal(run(&net, WEFT_TIME_NEVER, got, 10), 4); /* one is being transmitted */
    assert_int_equal(got[3].seq, 3);
    assert_int_equal(stats_of(&net).dropped_full, 6);
    assert_int_equal(stats_of(&net).queue_most, 3);
    free_net(&net);
}

static void a_queue_may_count_bytes(void **state)
{
    struct net net = make_net(&(struct weft_wire_direction){.rate = LINE_8M, .queue.bytes = 3200});
    struct arrival got[10];

    (void)state;
    for (unsigned i = 0; i < 4; i++)
        send_one(&net, i, FULL, START);
    send_one(&net, 4, 100, START); /* small enough for the rest */
    assert_int_equal(run(&net, WEFT_TIME_NEVER, got, 10), 4);
    assert_int_equal(got[3].seq, 4);
    free_net(&net);
}

/* Offers `share` times what the line carries for `seconds`; gives the share of packets that did not arrive
 * and the longest wait. */
static double overload(struct net *net, double share, unsigned seconds, bool ect, weft_time *longest,
                       unsigned *marks)
{
    static struct arrival got[20000];
    weft_time gap = (weft_time)(1500 / share), last = 0;
    unsigned sent = 0, n = 0;

    for (weft_time t = START; t < START + seconds * WEFT_SEC; t += gap) {
        n += run(net, t, got + n, 20000 - n);
        if (ect)
            send_ect(net, sent++, t);
        else
            send_one(net, sent++, FULL, t);
    }
    n += run(net, WEFT_TIME_NEVER, got + n, 20000 - n);
    *longest = 0;
    *marks = 0;
    for (unsigned i = 0; i < n; i++) {
        weft_time wait = got[i].when - START - got[i].seq * gap;

        assert_true(got[i].is_whole);
        if (got[i].when > START + seconds * WEFT_SEC / 2 && wait > *longest)
            *longest = wait;
        *marks += got[i].is_marked;
        assert_true(got[i].when >= last + 1500);
        last = got[i].when;
    }
    return 1 - (double)n / sent;
}

static void red_drops_before_the_queue_is_full(void **state)
{
    struct net net = make_net(&(struct weft_wire_direction){
        .rate = LINE_8M, .queue = {.kind = WEFT_QUEUE_RED, .packets = 200, .red_min = 10, .red_max = 60}});
    weft_time longest;
    unsigned marks;
    double lost = overload(&net, 1.05, 10, false, &longest, &marks);

    (void)state;
    assert_true(lost > 0.03 && lost < 0.07);
    assert_int_equal(stats_of(&net).dropped_full, 0);
    assert_true(stats_of(&net).dropped_early > 0);
    assert_in_range(longest, 15 * WEFT_MSEC, 120 * WEFT_MSEC);
    free_net(&net);
}

static void red_leaves_a_short_queue_alone(void **state)
{
    struct net net = make_net(&(struct weft_wire_direction){
        .rate = LINE_8M, .queue = {.kind = WEFT_QUEUE_RED, .packets = 200, .red_min = 10, .red_max = 60}});
    weft_time longest;
    unsigned marks;

    (void)state;
    assert_true(overload(&net, 0.95, 5, false, &longest, &marks) == 0);
    free_net(&net);
}

/* The standing queue goes: with 10 % too much, after a while, waits are far below what the queue would hold. */
static void codel_keeps_waits_short(void **state)
{
    struct net net = make_net(
        &(struct weft_wire_direction){.rate = LINE_8M, .queue = {.kind = WEFT_QUEUE_CODEL, .packets = 1000}});
    weft_time longest;
    unsigned marks;
    double lost = overload(&net, 1.1, 20, false, &longest, &marks);

    (void)state;
    assert_true(lost > 0.05 && lost < 0.13);
    assert_int_equal(stats_of(&net).dropped_full, 0);
    assert_in_range(longest, 5 * WEFT_MSEC, 700 * WEFT_MSEC);
    free_net(&net);
}

static void codel_takes_no_notice_of_a_burst(void **state)
{
    struct net net = make_net(
        &(struct weft_wire_direction){.rate = LINE_8M, .queue = {.kind = WEFT_QUEUE_CODEL, .packets = 1000}});
    struct arrival got[60];

    (void)state;
    for (unsigned i = 0; i < 60; i++) /* 90 ms: less than the interval */
        send_one(&net, i, FULL, START);
    assert_int_equal(run(&net, WEFT_TIME_NEVER, got, 60), 60);
    free_net(&net);
}

static void marks_take_the_place_of_drops(void **state)
{
    static const enum weft_queue_kind kinds[] = {WEFT_QUEUE_RED, WEFT_QUEUE_CODEL};

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct net net = make_net(&(struct weft_wire_direction){
            .rate = LINE_8M,
            .queue = {.kind = kinds[i], .packets = 5000, .ecn = true, .red_min = 10, .red_max = 60}});
        weft_time longest;
        unsigned marks;

        assert_true(overload(&net, 1.05, 5, true, &longest, &marks) == 0);
        assert_true(marks > 0);
        assert_int_equal(stats_of(&net).marked, marks);
        assert_int_equal(stats_of(&net).dropped_early, 0);
        free_net(&net);
    }
}

/* --- Pools and ends --- */

static void packets_of_other_pools_are_copied(void **state)
{
    struct net net = make_net(&(struct weft_wire_direction){0});
    struct weft_pool *pool = test_pool_new(0, 0, 0);
    struct weft_pkt *pkt;

    (void)state;
    link_send_one(net.a, link_tcp_packet(pool, WEFT_LINK_IP, 5, 100, 0), START);
    test_pool_assert_home(pool);
    pkt = link_recv_one(net.b, pool, START);
    assert_ptr_equal(pkt->pool, pool);
    weft_pkt_free(pkt);
    test_pool_free(pool);
    free_net(&net);
}

static void a_closed_end_gets_nothing(void **state)
{
    struct net net = make_net(&(struct weft_wire_direction){.delay = WEFT_SEC});

    (void)state;
    send_one(&net, 1, 10, START);
    weft_link_close(net.b);
    test_pool_assert_home(weft_sim_pool(net.sim));
    send_one(&net, 2, 10, START);
    assert_int_equal(net.a->stats.tx_dropped, 1);
    test_pool_assert_home(weft_sim_pool(net.sim));
    weft_link_close(net.a);
    weft_sim_free(net.sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_packet_takes_transmission_and_delay),
        cmocka_unit_test(a_perfect_line_takes_no_time),
        cmocka_unit_test(rounding_does_not_add_up),
        cmocka_unit_test(both_ways_are_lines_of_their_own),
        cmocka_unit_test(jitter_keeps_the_order_and_reordering_does_not),
        cmocka_unit_test(loss_comes_by_chance),
        cmocka_unit_test(bursts_are_bursts),
        cmocka_unit_test(a_bad_time_ends),
        cmocka_unit_test(damage_shows_and_doubles_come_twice),
        cmocka_unit_test(a_black_hole_swallows_what_is_large),
        cmocka_unit_test(super_segments_are_cut_up),
        cmocka_unit_test(a_line_that_is_down_loses_everything),
        cmocka_unit_test(those_who_wait_feel_a_new_rate),
        cmocka_unit_test(a_full_queue_drops_the_last),
        cmocka_unit_test(a_queue_may_count_bytes),
        cmocka_unit_test(red_drops_before_the_queue_is_full),
        cmocka_unit_test(red_leaves_a_short_queue_alone),
        cmocka_unit_test(codel_keeps_waits_short),
        cmocka_unit_test(codel_takes_no_notice_of_a_burst),
        cmocka_unit_test(marks_take_the_place_of_drops),
        cmocka_unit_test(packets_of_other_pools_are_copied),
        cmocka_unit_test(a_closed_end_gets_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
