/* SPDX-License-Identifier: MIT */
/* The wire in memory: order, bounds, who owns what. */
#include "link_support.h"

struct wire {
    struct weft_pool *pool, *other;
    struct weft_link *a, *b;
};

static struct wire make_wire(uint32_t queue)
{
    struct weft_pipe_config config = {.type = WEFT_LINK_ETHERNET, .queue = queue};
    struct wire w = {.pool = test_pool_new(0, 0, 0), .other = test_pool_new(8, 8, 8)};

    assert_int_equal(weft_link_pipe(&config, &w.a, &w.b), 0);
    return w;
}

static void free_wire(struct wire *w)
{
    weft_link_close(w->a);
    weft_link_close(w->b);
    test_pool_free(w->pool);
    test_pool_free(w->other);
}

static struct weft_pkt *make_packet(struct wire *w, uint32_t seq)
{
    return link_tcp_packet(w->pool, WEFT_LINK_ETHERNET, seq, 100, 0);
}

static void says_what_it_is(void **state)
{
    struct weft_pipe_config config = {.type = WEFT_LINK_IP, .caps = WEFT_LINK_TSO4, .mtu = 9000};
    struct weft_link *a, *b;

    (void)state;
    assert_int_equal(weft_link_pipe(&config, &a, &b), 0);
    assert_int_equal(a->type, WEFT_LINK_IP);
    assert_int_equal(a->caps, WEFT_LINK_TSO4);
    assert_int_equal(b->mtu, 9000);
    assert_int_equal(weft_link_fd(a), -1);
    weft_link_close(a);
    weft_link_close(b);
}

static void ethernet_ends_have_addresses_of_their_own(void **state)
{
    struct wire w = make_wire(0);

    (void)state;
    assert_int_equal(w.a->mtu, 1500);
    assert_int_equal(w.a->mac.b[0] & 3, 2); /* locally administered, one host's */
    assert_memory_not_equal(w.a->mac.b, w.b->mac.b, 6);
    free_wire(&w);
}

static void packets_cross_as_they_are(void **state)
{
    struct wire w = make_wire(0);
    struct weft_pkt *sent[3];

    (void)state;
    for (uint32_t i = 0; i < 3; i++) {
        sent[i] = make_packet(&w, i);
        sent[i]->flags |= WEFT_PKT_LL_BROADCAST;
        sent[i]->mark = 9;
        link_send_one(w.a, sent[i], 5);
    }
    assert_int_equal(w.a->stats.tx_packets, 3);
    assert_int_equal(w.a->stats.tx_bytes, 3 * (LINK_TCP_HEADERS + 100));
    for (uint32_t i = 0; i < 3; i++) {
        struct weft_pkt *pkt = link_recv_one(w.b, w.pool, 7);

        assert_ptr_equal(pkt, sent[i]);
        assert_int_equal(pkt->when, 7);
        assert_int_equal(pkt->flags, WEFT_PKT_CSUM_PARTIAL);
        assert_int_equal(pkt->mark, 0);
        weft_pkt_free(pkt);
    }
    assert_null(link_recv_one(w.b, w.pool, 8));
    assert_int_equal(w.b->stats.rx_packets, 3);
    free_wire(&w);
}

static void another_pool_gets_copies(void **state)
{
    struct wire w = make_wire(0);
    struct weft_pkt *pkt;

    (void)state;
    link_send_one(w.a, make_packet(&w, 77), 0);
    pkt = link_recv_one(w.b, w.other, 0);
    assert_ptr_equal(pkt->pool, w.other);
    assert_int_equal(link_tcp_seq(pkt, WEFT_LINK_ETHERNET), 77);
    test_pool_assert_home(w.pool);
    weft_pkt_free(pkt);
    free_wire(&w);
}

static void an_empty_pool_loses_and_counts(void **state)
{
    struct wire w = make_wire(0);
    struct weft_pktq hoard = {0}, batch = {0};
    struct weft_pkt *pkt;

    (void)state;
    while ((pkt = weft_pkt_new(w.other)))
        weft_pktq_push(&hoard, pkt);
    link_send_one(w.a, make_packet(&w, 1), 0);
    link_send_one(w.a, make_packet(&w, 2), 0);
    assert_int_equal(weft_link_recv(w.b, w.other, &batch, 10, 0), 0);
    assert_int_equal(w.b->stats.rx_dropped, 2);
    weft_pktq_purge(&hoard);
    free_wire(&w);
}

static void a_full_wire_leaves_the_rest(void **state)
{
    struct wire w = make_wire(2);
    struct weft_pktq batch = {0};

    (void)state;
    for (uint32_t i = 0; i < 5; i++)
        weft_pktq_push(&batch, make_packet(&w, i));
    assert_int_equal(weft_link_send(w.a, &batch, 0), 2);
    assert_int_equal(batch.count, 3);
    assert_int_equal(weft_link_deadline(w.a), WEFT_TIME_NEVER); /* no use to try */
    weft_pkt_free(link_recv_one(w.b, w.pool, 0));
    assert_int_equal(weft_link_deadline(w.a), 0); /* now there is room */
    assert_int_equal(weft_link_send(w.a, &batch, 0), 1);
    assert_int_equal(link_tcp_seq(batch.head, WEFT_LINK_ETHERNET), 3);
    weft_pktq_purge(&batch);
    free_wire(&w);
}

static void deadline_says_when_packets_wait(void **state)
{
    struct wire w = make_wire(0);

    (void)state;
    assert_int_equal(weft_link_deadline(w.b), WEFT_TIME_NEVER);
    link_send_one(w.a, make_packet(&w, 0), 0);
    assert_int_equal(weft_link_deadline(w.b), 0);
    assert_int_equal(weft_link_deadline(w.a), WEFT_TIME_NEVER);
    weft_pkt_free(link_recv_one(w.b, w.pool, 0));
    assert_int_equal(weft_link_deadline(w.b), WEFT_TIME_NEVER);
    free_wire(&w);
}

static void recv_keeps_to_its_bound_and_appends(void **state)
{
    struct wire w = make_wire(0);
    struct weft_pktq batch = {0};

    (void)state;
    for (uint32_t i = 0; i < 5; i++)
        link_send_one(w.a, make_packet(&w, i), 0);
    assert_int_equal(weft_link_recv(w.b, w.pool, &batch, 2, 0), 2);
    assert_int_equal(weft_link_recv(w.b, w.pool, &batch, 10, 0), 3);
    assert_int_equal(batch.count, 5);
    for (uint32_t i = 0; i < 5; i++) {
        struct weft_pkt *pkt = weft_pktq_pop(&batch);

        assert_int_equal(link_tcp_seq(pkt, WEFT_LINK_ETHERNET), i);
        weft_pkt_free(pkt);
    }
    free_wire(&w);
}

static void closing_one_end_frees_what_is_under_way(void **state)
{
    struct wire w = make_wire(1);
    struct weft_pktq batch = {0};

    (void)state;
    link_send_one(w.a, make_packet(&w, 0), 0);
    link_send_one(w.b, make_packet(&w, 1), 0);
    weft_pktq_push(&batch, make_packet(&w, 2));
    assert_int_equal(weft_link_send(w.b, &batch, 0), 0); /* full */
    weft_link_close(w.a);
    assert_int_equal(weft_link_deadline(w.b), 0); /* what was left can go now, to nobody */
    assert_int_equal(weft_link_send(w.b, &batch, 0), 1);
    assert_int_equal(w.b->stats.tx_dropped, 1);
    test_pool_assert_home(w.pool);
    assert_null(link_recv_one(w.b, w.pool, 0));
    weft_link_close(w.b);
    test_pool_free(w.pool);
    test_pool_free(w.other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_it_is),
        cmocka_unit_test(ethernet_ends_have_addresses_of_their_own),
        cmocka_unit_test(packets_cross_as_they_are),
        cmocka_unit_test(another_pool_gets_copies),
        cmocka_unit_test(an_empty_pool_loses_and_counts),
        cmocka_unit_test(a_full_wire_leaves_the_rest),
        cmocka_unit_test(deadline_says_when_packets_wait),
        cmocka_unit_test(recv_keeps_to_its_bound_and_appends),
        cmocka_unit_test(closing_one_end_frees_what_is_under_way),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
