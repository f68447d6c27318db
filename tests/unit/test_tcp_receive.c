/* SPDX-License-Identifier: MIT */
/*
 * What is received: in order, out of order, twice, overlapping; what SACK and
 * DSACK say of it; when it is acknowledged: RFC 9293 3.10.7.4 steps 7 and 8,
 * 3.8.6.3, RFC 2018 3 and 4, RFC 2883 4, RFC 5681 4.2.
 */
#include "tcp_peer.h"

#define SACK_ON (&(struct tcp_peer_setup){.sack = true})

/* The segment that we_send took has exactly these SACK blocks, pairs of relative numbers of the peer's. */
static void check_sacks(struct tcp_peer *t, const uint32_t *pairs, size_t n, const char *file, int line)
{
    if (t->last.opts.nsacks != n / 2)
        tp_fail(t, "another number of SACK blocks", file, line);
    for (size_t i = 0; i < n / 2; i++)
        if (t->last.opts.sack[i].left - t->irs != pairs[2 * i] ||
            t->last.opts.sack[i].right - t->irs != pairs[2 * i + 1])
            tp_fail(t, "another SACK block", file, line);
}

#define with_sacks(t, ...)                                                                                   \
    check_sacks(t, (const uint32_t[]){__VA_ARGS__}, sizeof((const uint32_t[]){__VA_ARGS__}) / 4, __FILE__,   \
                __LINE__)

#define without_sacks(t) assert_int_equal((t)->last.opts.nsacks, 0)

/* --- Order ------------------------------------------------------------------------------------- */

/* SHLD-31: queued, delivered when the hole is filled, not before. */
static void out_of_order_data_waits_for_the_hole(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    peer_sends(t, "A", 1001, 1, 1000);
    we_send(t, "A", 1, 1, 0);
    we_cannot_read(t, WEFT_E_AGAIN);
    assert_int_equal(tp_info(t).held, 1000);
    assert_false(t->heard & WEFT_READABLE);
    peer_sends(t, "A", 1, 1, 1000);
    we_send(t, "A", 1, 2001, 0);
    we_hear(t, WEFT_READABLE);
    we_read(t, 2000);
    tcp_peer_end(t);
}

/* A FIN counts only when all before it has arrived (RFC 9293 3.10.7.4 eighth). */
static void a_fin_out_of_order_waits(void **state)
{
    struct tcp_peer *t = tcp_peer_established(SACK_ON);

    (void)state;
    peer_sends(t, "FA", 1001, 1, 500);
    we_send(t, "A", 1, 1, 0);
    we_are(t, ESTABLISHED);
    peer_sends(t, "A", 1, 1, 1000);
    we_send(t, "A", 1, 1502, 0);
    we_are(t, CLOSE_WAIT);
    we_read(t, 1500);
    we_cannot_read(t, 0);
    tcp_peer_end(t);
}

/* The same for a FIN without data. */
static void a_lone_fin_out_of_order_waits(void **state)
{
    struct tcp_peer *t = tcp_peer_established(SACK_ON);

    (void)state;
    peer_sends(t, "FA", 1001, 1, 0);
    we_send(t, "A", 1, 1, 0);
    we_are(t, ESTABLISHED);
    peer_sends(t, "FA", 1001, 1, 0);
    ignore_sent(t);
    peer_sends(t, "A", 501, 1, 500);
    ignore_sent(t);
    peer_sends(t, "A", 1, 1, 500);
    we_send(t, "A", 1, 1002, 0);
    we_are(t, CLOSE_WAIT);
    we_read(t, 1000);
    tcp_peer_end(t);
}

/* Data that claims to lie behind the FIN is never delivered. */
static void nothing_counts_behind_the_fin(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    peer_sends(t, "FA", 1, 1, 100);
    we_send(t, "A", 1, 102, 0);
    t->garbage = true;
    peer_sends(t, "A", 102, 1, 100);
    peer_sends(t, "FA", 202, 1, 0);
    ignore_sent(t);
    t->garbage = false;
    we_read(t, 100);
    we_cannot_read(t, 0);
    we_are(t, CLOSE_WAIT);
    tcp_peer_end(t);
}

/* The same when both are held: a run behind a FIN that has not been reached yet. */
static void held_data_behind_a_held_fin(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    peer_sends(t, "FA", 101, 1, 100); /* the FIN is number 201 */
    peer_sends(t, "A", 202, 1, 100);
    peer_sends(t, "A", 302, 1, 50);
    ignore_sent(t);
    peer_sends(t, "A", 1, 1, 100);
    ignore_sent(t);
    we_are(t, CLOSE_WAIT);
    we_read(t, 200);
    we_cannot_read(t, 0);
    tcp_peer_end(t);
}

/* And when the data behind it came first. */
static void a_fin_before_held_data(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    t->garbage = true;
    peer_sends(t, "A", 202, 1, 100);
    peer_sends(t, "A", 402, 1, 100);
    t->garbage = false;
    peer_sends(t, "FA", 101, 1, 100);
    peer_sends(t, "FA", 151, 1, 100); /* another one, elsewhere */
    ignore_sent(t);
    assert_int_equal(tp_info(t).held, 100);
    peer_sends(t, "A", 1, 1, 100);
    we_send(t, "A", 1, 202, 0);
    we_are(t, CLOSE_WAIT);
    we_read(t, 200);
    we_cannot_read(t, 0);
    tcp_peer_end(t);
}

static void every_way_to_overlap(void **state)
{
    static const struct {
        uint32_t seq, len;
    } order[] = {{301, 100}, {501, 100}, {351, 200}, {201, 150}, {701, 50},
                 {601, 100}, {401, 400}, {101, 50},  {51, 300}};
    struct tcp_peer *t = tcp_peer_established(SACK_ON);

    (void)state;
    for (unsigned i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        peer_sends(t, "A", order[i].seq, 1, order[i].len);
        tp_expect(t, "A", 1, 1, 0, __FILE__, __LINE__);
        assert_int_equal(weft_sock_recv_pending(t->sock), 0);
    }
    peer_sends(t, "A", 1, 1, 50);
    we_send(t, "A", 1, 801, 0);
    we_read(t, 800);
    assert_int_equal(tp_info(t).held, 0);
    tcp_peer_end(t);
}

/* Overlapping copies that differ: what stands in order first stays; in any case the length is right. */
static void the_first_copy_of_held_data_counts(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    peer_sends(t, "A", 101, 1, 100);
    t->garbage = true;
    peer_sends(t, "A", 101, 1, 100);
    peer_sends(t, "A", 151, 1, 50);
    t->garbage = false;
    peer_sends(t, "A", 1, 1, 100);
    ignore_sent(t);
    we_read(t, 200);
    tcp_peer_end(t);
}

/* The peer may make holes without end; memory for them has a bound, and the stream survives. */
static void holes_are_bounded(void **state)
{
    struct tcp_peer *t = tcp_peer_established(SACK_ON);

    (void)state;
    t->batch = true;
    for (uint32_t i = 0; i < 2000; i++) {
        peer_sends(t, "A", 3 + 2 * i, 1, 1);
        if (i % 100 == 0)
            tp_step(t);
    }
    t->batch = false;
    tp_step(t);
    ignore_sent(t);
    assert_true(tp_drops(t, WEFT_DROP_TCP_HELD_LIMIT) > 0);
    assert_true(tp_info(t).held <= 1100);
    for (uint32_t at = 1; at < 4003; at += 667)
        peer_sends(t, "A", at, 1, 667);
    ignore_sent(t);
    we_read(t, 4002);
    assert_int_equal(tp_info(t).held, 0);
    tcp_peer_end(t);
}

/* --- SACK (RFC 2018 4) ----------------------------------------------------------------------------- */

static void the_newest_block_stands_first(void **state)
{
    struct tcp_peer *t = tcp_peer_established(SACK_ON);

    (void)state;
    peer_sends(t, "A", 1001, 1, 1000);
    we_send(t, "A", 1, 1, 0);
    with_sacks(t, 1001, 2001);
    peer_sends(t, "A", 5001, 1, 1000);
    we_send(t, "A", 1, 1, 0);
    with_sacks(t, 5001, 6001, 1001, 2001);
    peer_sends(t, "A", 3001, 1, 1000);
    we_send(t, "A", 1, 1, 0);
    with_sacks(t, 3001, 4001, 5001, 6001, 1001, 2001);
    peer_sends(t, "A", 2001, 1, 1000); /* joins two */
    we_send(t, "A", 1, 1, 0);
    with_sacks(t, 1001, 4001, 5001, 6001);
    peer_sends(t, "A", 7001, 1, 1000);
    we_send(t, "A", 1, 1, 0);
    peer_sends(t, "A", 9001, 1, 1000);
    we_send(t, "A", 1, 1, 0);
    peer_sends(t, "A", 11001, 1, 1000);
    we_send(t, "A", 1, 1, 0);
    with_sacks(t, 11001, 12001, 9001, 10001, 7001, 8001, 1001, 4001); /* four fit */
    peer_sends(t, "A", 1, 1, 1000);
    we_send(t, "A", 1, 4001, 0);
    with_sacks(t, 11001, 12001, 9001, 10001, 7001, 8001, 5001, 6001);
    peer_sends(t, "A", 4001, 1, 8000);
    we_send(t, "A", 1, 12001, 0);
    without_sacks(t);
    tcp_peer_end(t);
}

/* With timestamps there is room for three. */
static void three_blocks_fit_beside_timestamps(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.sack = true, .timestamps = true});

    (void)state;
    for (uint32_t i = 1; i <= 5; i++)
        peer_sends(t, "A", 1 + 2000 * i, 1, 500);
    while (t->count > 1)
        we_send(t, "A", 1, 1, 0);
    we_send(t, "A", 1, 1, 0);
    with_sacks(t, 10001, 10501, 8001, 8501, 6001, 6501);
    tcp_peer_end(t);
}

/* Data segments carry them as well, and shrink for it: none is longer than the path's MTU (RFC 9293 3.7.1). */
static void data_segments_carry_sacks(void **state)
{
    struct tcp_peer *t =
        tcp_peer_established(&(struct tcp_peer_setup){.sack = true, .timestamps = true, .mss = 1460});

    (void)state;
    peer_sends(t, "A", 1001, 1, 1000);
    we_send(t, "A", 1, 1, 0);
    we_write(t, 1448);
    assert_true(t->count >= 1);
    uint32_t next = 1;
    for (; t->count > 0; tp_pass(t)) {
        assert_int_equal(t->segs[t->first].opts.nsacks, 1);
        assert_true(t->segs[t->first].ip.total_len <= 1500);
        assert_int_equal(t->segs[t->first].seq, next);
        next += t->segs[t->first].len;
    }
    tcp_peer_end(t);
}

static void without_agreement_no_sacks(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    peer_sends(t, "A", 1001, 1, 1000);
    we_send(t, "A", 1, 1, 0);
    without_sacks(t);
    peer_sends(t, "A", 1, 1, 1000);
    peer_sends(t, "A", 1, 1, 1000);
    ignore_sent(t);
    tcp_peer_end(t);
}

/* RFC 2018 3: the block of a FIN that is held counts its number, or ends before it; never beyond. */
static void a_sack_does_not_reach_beyond_what_was_sent(void **state)
{
    struct tcp_peer *t = tcp_peer_established(SACK_ON);

    (void)state;
    peer_sends(t, "FA", 1001, 1, 500);
    we_send(t, "A", 1, 1, 0);
    assert_int_equal(t->last.opts.nsacks, 1);
    assert_int_equal(t->last.opts.sack[0].left - t->irs, 1001);
    uint32_t right = t->last.opts.sack[0].right - t->irs;
    assert_true(right == 1501 || right == 1502);
    tcp_peer_end(t);
}

/* --- DSACK (RFC 2883 4) -------------------------------------------------------------------------------- */

/* 4.1 example 1: a full segment twice. */
static void a_duplicate_segment_is_reported(void **state)
{
    struct tcp_peer *t = tcp_peer_established(SACK_ON);

    (void)state;
    peer_sends(t, "A", 1, 1, 1000);
    we_send(t, "A", 1, 1001, 0);
    without_sacks(t);
    peer_sends(t, "A", 1, 1, 1000);
    we_send(t, "A", 1, 1001, 0);
    with_sacks(t, 1, 1001);
    peer_sends(t, "A", 1001, 1, 1000);
    we_send(t, "A", 1, 2001, 0);
    without_sacks(t); /* each duplicate is reported once */
    tcp_peer_end(t);
}

/* 4.1.2: a duplicate while something is held: before the block that is held. */
static void a_duplicate_is_reported_before_what_is_held(void **state)
{
    struct tcp_peer *t = tcp_peer_established(SACK_ON);

    (void)state;
    peer_sends(t, "A", 2001, 1, 1000);
    we_send(t, "A", 1, 1, 0);
    peer_sends(t, "A", 2001, 1, 1000); /* 4.2: it lies inside the block above the ACK */
    we_send(t, "A", 1, 1, 0);
    with_sacks(t, 2001, 3001, 2001, 3001);
    tcp_peer_end(t);
}

/* 4 (4): the second block is the one that has the duplicate, also when another was reported later. */
static void a_duplicate_is_followed_by_its_block(void **state)
{
    struct tcp_peer *t = tcp_peer_established(SACK_ON);

    (void)state;
    peer_sends(t, "A", 2001, 1, 1000);
    we_send(t, "A", 1, 1, 0);
    peer_sends(t, "A", 4001, 1, 1000);
    we_send(t, "A", 1, 1, 0);
    with_sacks(t, 4001, 5001, 2001, 3001);
    peer_sends(t, "A", 2101, 1, 500);
    we_send(t, "A", 1, 1, 0);
    with_sacks(t, 2101, 2601, 2001, 3001, 4001, 5001);
    tcp_peer_end(t);
}

/* 4.2.1: the part of a segment that came twice. */
static void a_partial_duplicate_is_reported(void **state)
{
    struct tcp_peer *t = tcp_peer_established(SACK_ON);

    (void)state;
    peer_sends(t, "A", 1, 1, 1000);
    we_send(t, "A", 1, 1001, 0);
    peer_sends(t, "A", 501, 1, 1000);
    we_send(t, "A", 1, 1501, 0);
    with_sacks(t, 501, 1001);
    we_read(t, 1500);
    tcp_peer_end(t);
}

/* What was never received must not be reported as a duplicate: a forged segment below the window tells a number
 * that may be far back, but not one above RCV.NXT. */
static void a_dsack_stays_below_what_was_received(void **state)
{
    struct tcp_peer *t = tcp_peer_established(SACK_ON);

    (void)state;
    peer_sends(t, "A", 1, 1, 1000);
    we_send(t, "A", 1, 1001, 0);
    peer_sends(t, "A", 901, 1, 50);
    we_send(t, "A", 1, 1001, 0);
    with_sacks(t, 901, 951);
    tcp_peer_end(t);
}

/* --- When it is acknowledged (RFC 9293 3.8.6.3, RFC 5681 4.2) --------------------------------------------- */

/* Ours, as Linux has it: the first 16 segments at once, so that the peer's slow start is not held up. */
static void the_first_segments_are_acknowledged_at_once(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    for (unsigned i = 0; i < 16; i++) {
        peer_sends(t, "A", 1 + 100 * i, 1, 100);
        we_send(t, "A", 1, 101 + 100 * i, 0);
    }
    peer_sends(t, "A", 1601, 1, 100);
    we_send_nothing(t);
    tcp_peer_end(t);
}

/* MUST-40, SHLD-18: a lone segment after 40 ms; SHLD-19: every second full one at once. */
static void acks_are_delayed(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    tp_past_quick_acks(t);
    peer_sends(t, "A", 1, 1, 1000);
    silence(t, 40 * WEFT_MSEC);
    we_send(t, "A", 1, 1001, 0);
    assert_int_equal(tp_count(t, WEFT_COUNT_TCP_DELAYED_ACKS), 1);
    peer_sends(t, "A", 1001, 1, 1000);
    we_send_nothing(t);
    peer_sends(t, "A", 2001, 1, 1000);
    we_send(t, "A", 1, 3001, 0);
    after(t, WEFT_SEC);
    we_send_nothing(t);
    tcp_peer_end(t);
}

/* The delay runs from the first segment that waits, not from the last. */
static void the_delay_is_not_extended(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    tp_past_quick_acks(t);
    peer_sends(t, "A", 1, 1, 10);
    after(t, 30 * WEFT_MSEC);
    peer_sends(t, "A", 11, 1, 10);
    silence(t, 10 * WEFT_MSEC);
    we_send(t, "A", 1, 21, 0);
    tcp_peer_end(t);
}

static void data_carries_the_delayed_ack(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    tp_past_quick_acks(t);
    peer_sends(t, "A", 1, 1, 1000);
    we_send_nothing(t);
    we_write(t, 50);
    we_send(t, "PA", 1, 1001, 50);
    after(t, 100 * WEFT_MSEC);
    we_send_nothing(t);
    tcp_peer_end(t);
}

/* As a setting: who has answered waits with ACKs from the beginning, until there is nothing to go with. */
static void answers_delay_acks(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.tcp = {.answers_delay_acks = true}});

    (void)state;
    we_write(t, 50); /* a beginning, no answer */
    we_send(t, "PA", 1, 1, 50);
    peer_sends(t, "A", 1, 51, 100);
    we_send(t, "A", 51, 101, 0);
    after(t, 39 * WEFT_MSEC);
    we_write(t, 50); /* soon enough to be one */
    we_send(t, "PA", 51, 101, 50);
    peer_sends(t, "A", 101, 101, 100);
    we_send_nothing(t);
    we_write(t, 50);
    we_send(t, "PA", 101, 201, 50);
    peer_sends(t, "A", 201, 151, 100);
    silence(t, 40 * WEFT_MSEC);
    we_send(t, "A", 151, 301, 0);
    peer_sends(t, "A", 301, 151, 100); /* at once again */
    we_send(t, "A", 151, 401, 0);
    tcp_peer_end(t);
}

/* RFC 5681 4.2: out of order, and what fills a hole, at once. */
static void gaps_are_acknowledged_at_once(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    tp_past_quick_acks(t);
    peer_sends(t, "A", 501, 1, 500);
    we_send(t, "A", 1, 1, 0);
    peer_sends(t, "A", 1, 1, 250); /* a part of the hole */
    we_send(t, "A", 1, 251, 0);
    peer_sends(t, "A", 251, 1, 250);
    we_send(t, "A", 1, 1001, 0);
    peer_sends(t, "A", 1001, 1, 10);
    we_send_nothing(t);
    peer_sends(t, "A", 1, 1, 10); /* and what came twice */
    we_send(t, "A", 1, 1011, 0);
    tcp_peer_end(t);
}

/* A FIN is acknowledged at once. */
static void a_fin_is_acknowledged_at_once(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    tp_past_quick_acks(t);
    peer_sends(t, "FA", 1, 1, 0);
    we_send(t, "A", 1, 2, 0);
    tcp_peer_end(t);
}

static void quickack_acknowledges_at_once(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    tp_past_quick_acks(t);
    assert_int_equal(weft_sock_setopt(t->sock, WEFT_OPT_QUICKACK, 1), 0);
    tp_step(t);
    ignore_sent(t);
    for (unsigned i = 0; i < 5; i++) {
        peer_sends(t, "A", 1 + 10 * i, 1, 10);
        we_send(t, "A", 1, 11 + 10 * i, 0);
    }
    tcp_peer_end(t);
}

/* A delay of 500 ms or more is forbidden (MUST-40); another can be configured. */
static void the_delay_can_be_set(void **state)
{
    struct tcp_peer *t =
        tcp_peer_established(&(struct tcp_peer_setup){.tcp = {.delayed_ack = 100 * WEFT_MSEC}});

    (void)state;
    tp_past_quick_acks(t);
    peer_sends(t, "A", 1, 1, 1000);
    silence(t, 100 * WEFT_MSEC);
    we_send(t, "A", 1, 1001, 0);
    tcp_peer_end(t);
}

/* A pure ACK is never acknowledged (RFC 9293 3.8.6.3). */
static void acks_are_not_acknowledged(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    for (unsigned i = 0; i < 5; i++)
        peer_sends(t, "A", 1, 1, 0);
    after(t, WEFT_SEC);
    we_send_nothing(t);
    tcp_peer_end(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(out_of_order_data_waits_for_the_hole),
        cmocka_unit_test(a_fin_out_of_order_waits),
        cmocka_unit_test(a_lone_fin_out_of_order_waits),
        cmocka_unit_test(nothing_counts_behind_the_fin),
        cmocka_unit_test(held_data_behind_a_held_fin),
        cmocka_unit_test(a_fin_before_held_data),
        cmocka_unit_test(every_way_to_overlap),
        cmocka_unit_test(the_first_copy_of_held_data_counts),
        cmocka_unit_test(holes_are_bounded),
        cmocka_unit_test(the_newest_block_stands_first),
        cmocka_unit_test(three_blocks_fit_beside_timestamps),
        cmocka_unit_test(data_segments_carry_sacks),
        cmocka_unit_test(without_agreement_no_sacks),
        cmocka_unit_test(a_sack_does_not_reach_beyond_what_was_sent),
        cmocka_unit_test(a_duplicate_segment_is_reported),
        cmocka_unit_test(a_duplicate_is_reported_before_what_is_held),
        cmocka_unit_test(a_duplicate_is_followed_by_its_block),
        cmocka_unit_test(a_partial_duplicate_is_reported),
        cmocka_unit_test(a_dsack_stays_below_what_was_received),
        cmocka_unit_test(the_first_segments_are_acknowledged_at_once),
        cmocka_unit_test(acks_are_delayed),
        cmocka_unit_test(the_delay_is_not_extended),
        cmocka_unit_test(data_carries_the_delayed_ack),
        cmocka_unit_test(answers_delay_acks),
        cmocka_unit_test(gaps_are_acknowledged_at_once),
        cmocka_unit_test(a_fin_is_acknowledged_at_once),
        cmocka_unit_test(quickack_acknowledges_at_once),
        cmocka_unit_test(the_delay_can_be_set),
        cmocka_unit_test(acks_are_not_acknowledged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
