/* SPDX-License-Identifier: MIT */
/*
 * CUBIC's window (RFC 9438): the curve against the RFC's formula in floating
 * point, the region where Reno is faster, fast convergence, timeouts, what an
 * application does not use, undo, ECN, and very large numbers.
 */
#include "cc_fake.h"

static struct fake *cubic(weft_time rtt)
{
    return fake_new(&tcp_cc_cubic, rtt);
}

/* In congestion avoidance after a loss at `window` bytes. */
static struct fake *cubic_after_loss(weft_time rtt, uint32_t window)
{
    struct fake *f = cubic(rtt);

    f->cc.cwnd = window;
    fake_lose(f, WEFT_CC_BY_LOSS);
    return f;
}

static double cube_root_of(double x)
{
    double y = x > 1 ? x : 1;

    for (unsigned i = 0; i < 200; i++)
        y = (2 * y + x / (y * y)) / 3;
    return y;
}

/* --- The reference: RFC 9438 4.2 in seconds and segments ------------------------------------- */

/* W_cubic(t) after a loss at w_max. */
static double reference(double w_max, double t)
{
    double k = cube_root_of(w_max * 0.3 / 0.4);
    double d = t - k;

    return 0.4 * d * d * d + w_max;
}

static void the_curve_is_the_formula(double w_max, weft_time rtt, uint32_t per_ack)
{
    struct fake *f = cubic_after_loss(rtt, (uint32_t)(w_max * MSS));
    weft_time began = 0;

    for (unsigned round = 0; round < 300 && f->cc.cwnd < 2 * w_max * MSS; round++) {
        fake_round(f, per_ack);
        if (began == 0)
            began = f->cc.now - rtt;
        /* cwnd is to come to W_cubic(t + RTT) within the round trip, so it is W_cubic(t) now, or a little behind. */
        double t = (double)(f->cc.now - began) / 1e6;
        double now = reference(w_max, t), before = reference(w_max, t - 0.6 * (double)rtt / 1e6);
        double cwnd = (double)f->cc.cwnd / MSS;

        assert_true(cwnd <= 1.02 * now + 1);
        assert_true(cwnd >= before - 1);
    }
    assert_true(f->cc.cwnd >= 2 * w_max * MSS);
    free(f);
}

static void it_follows_the_formula(void **state)
{
    (void)state;
    the_curve_is_the_formula(1000, 100 * WEFT_MSEC, 1000);
    the_curve_is_the_formula(1000, 100 * WEFT_MSEC, 2000); /* delayed ACKs change nothing */
    the_curve_is_the_formula(400, 200 * WEFT_MSEC, 1000);
    the_curve_is_the_formula(5000, 150 * WEFT_MSEC, 1000);
}

/* RFC 9438 4.6: beta is 0.7; 4.2: cwnd is at W_max again after K, and nearly flat there. */
static void after_k_it_is_where_the_loss_was(void **state)
{
    struct fake *f = cubic_after_loss(100 * WEFT_MSEC, 1000 * MSS);
    double k = cube_root_of(1000 * 0.3 / 0.4); /* 9.09 s */

    (void)state;
    assert_int_equal(f->cc.ssthresh, 700 * MSS);
    for (unsigned round = 0; round < (unsigned)(k * 10) - 1; round++)
        fake_round(f, MSS);
    assert_in_range(f->cc.cwnd, 990 * MSS, 1000 * MSS);
    uint32_t before = f->cc.cwnd;
    for (unsigned round = 0; round < 10; round++)
        fake_round(f, MSS);
    assert_in_range(f->cc.cwnd, before, before + 5 * MSS); /* one second of plateau: C * 1^3 */
    free(f);
}

/* RFC 9438 4.2: never more than by half in a round trip, however far the curve is ahead. */
static void no_round_adds_more_than_half(void **state)
{
    struct fake *f = cubic_after_loss(10 * WEFT_SEC, 20 * MSS);

    (void)state;
    for (unsigned round = 0; round < 10; round++) {
        uint32_t before = f->cc.cwnd;

        fake_round(f, MSS);
        assert_true(f->cc.cwnd <= before + before / 2 + MSS);
    }
    assert_true(f->cc.cwnd > 100 * MSS); /* and it does make use of that */
    free(f);
}

/* --- Where Reno is faster (RFC 9438 4.3) ---------------------------------------------------------- */

/* With a short round trip W_est leads: alpha = 9/17 segments for each round until cwnd_prior, then 1. */
static void reno_friendly(uint32_t per_ack)
{
    struct fake *f = cubic_after_loss(2 * WEFT_MSEC, 100 * MSS);
    unsigned rounds = 0;

    while (f->cc.cwnd < 100 * MSS) {
        fake_round(f, per_ack);
        assert_true(++rounds < 200);
    }
    /* 30 segments at 9/17 are 56.7 rounds; of these the first few count as more, since cwnd is smaller. */
    assert_in_range(rounds, 52, 60);
    uint32_t before = f->cc.cwnd;
    for (unsigned i = 0; i < 20; i++)
        fake_round(f, per_ack);
    assert_in_range(f->cc.cwnd, before + 19 * MSS, before + 21 * MSS);
    free(f);
}

static void short_round_trips_are_as_fast_as_reno(void **state)
{
    (void)state;
    reno_friendly(MSS);
    reno_friendly(2 * MSS);
    reno_friendly(100);
}

/* --- Congestion -------------------------------------------------------------------------------------- */

/* RFC 9438 4.7: a second loss below W_max leaves more room for others: the plateau is at (1 + 0.7) / 2 of cwnd. */
static void fast_convergence(void **state)
{
    struct fake *f = cubic_after_loss(100 * WEFT_MSEC, 1000 * MSS);
    double k = cube_root_of((800 * 0.85 - 560) / 0.4);

    (void)state;
    fake_round(f, MSS);
    f->cc.cwnd = 800 * MSS;
    fake_lose(f, WEFT_CC_BY_LOSS);
    assert_int_equal(f->cc.ssthresh, 560 * MSS);
    for (unsigned round = 0; round < (unsigned)(k * 10); round++)
        fake_round(f, MSS);
    assert_in_range(f->cc.cwnd, 672 * MSS, 688 * MSS);
    free(f);
}

static void a_loss_above_w_max_is_remembered_whole(void **state)
{
    struct fake *f = cubic_after_loss(100 * WEFT_MSEC, 1000 * MSS);
    double k = cube_root_of(1200 * 0.3 / 0.4);

    (void)state;
    fake_round(f, MSS);
    f->cc.cwnd = 1200 * MSS;
    fake_lose(f, WEFT_CC_BY_LOSS);
    for (unsigned round = 0; round < (unsigned)(k * 10); round++)
        fake_round(f, MSS);
    assert_in_range(f->cc.cwnd, 1185 * MSS, 1205 * MSS);
    free(f);
}

static void ssthresh_is_two_segments_at_least(void **state)
{
    struct fake *f = cubic(100 * WEFT_MSEC);

    (void)state;
    f->ops->congestion(&f->cc, WEFT_CC_BY_LOSS, 1 * MSS);
    assert_int_equal(f->cc.ssthresh, 2 * MSS);
    free(f);
}

/* RFC 9438 4.6: only for an echoed mark cwnd goes to one segment. */
static void ecn_goes_down_to_one_segment(void **state)
{
    struct fake *f = cubic(100 * WEFT_MSEC);

    (void)state;
    f->cc.cwnd = 100 * MSS;
    f->ops->congestion(&f->cc, WEFT_CC_BY_ECN, 100 * MSS);
    assert_int_equal(f->cc.cwnd, 70 * MSS);
    assert_int_equal(f->cc.ssthresh, 70 * MSS);
    f->cc.cwnd = MSS;
    f->ops->congestion(&f->cc, WEFT_CC_BY_ECN, MSS);
    assert_int_equal(f->cc.cwnd, MSS);
    assert_int_equal(f->cc.ssthresh, 2 * MSS);
    free(f);
}

/* RFC 9438 4.8: beta of what was out; slow start to there; then the curve begins flat, at the window it has. */
static void after_a_timeout(void **state)
{
    struct fake *f = cubic(100 * WEFT_MSEC);
    weft_time began;

    (void)state;
    f->cc.cwnd = 1000 * MSS;
    fake_lose(f, WEFT_CC_BY_TIMEOUT);
    assert_int_equal(f->cc.ssthresh, 700 * MSS);
    assert_int_equal(f->cc.cwnd, MSS);
    fake_round(f, MSS);
    assert_int_equal(f->cc.cwnd, 2 * MSS);
    fake_ack(f, 10 * MSS, 0, true); /* RFC 3465 2.3: L is 1 */
    assert_int_equal(f->cc.cwnd, 3 * MSS);
    while (f->cc.cwnd < f->cc.ssthresh)
        fake_round(f, MSS);
    assert_in_range(f->cc.cwnd, 700 * MSS, 702 * MSS);
    began = f->cc.now;
    while (f->cc.now - began < 3 * WEFT_SEC)
        fake_round(f, MSS);
    /* 0.4 * 3^3 = 10.8 above the beginning, not on the way up to 1000; Reno's alpha of 9/17 is more: 15.9. */
    assert_in_range(f->cc.cwnd, 710 * MSS, 720 * MSS);
    free(f);
}

/* RFC 9438 4.10: the first slow start ends without loss: the same, and as fast as Reno at least. */
static void after_a_slow_start_without_loss(void **state)
{
    struct fake *f = cubic(100 * WEFT_MSEC);
    weft_time began = f->cc.now;

    (void)state;
    f->cc.cwnd = f->cc.ssthresh = 700 * MSS;
    while (f->cc.now - began < 3 * WEFT_SEC)
        fake_round(f, MSS);
    /* W_est is at cwnd_prior from the beginning, so alpha is 1: 30 rounds. */
    assert_in_range(f->cc.cwnd, 729 * MSS, 731 * MSS);
    free(f);
}

/* --- What is not used (RFC 9438 4.2, 5.8) --------------------------------------------------------------- */

/* The same curve whether the application has paused or not: its time does not count. */
static void pause_test(bool with_acks)
{
    struct fake *f = cubic_after_loss(100 * WEFT_MSEC, 1000 * MSS);
    struct fake *g = cubic_after_loss(100 * WEFT_MSEC, 1000 * MSS);

    for (unsigned round = 0; round < 30; round++) {
        fake_round(f, MSS);
        fake_round(g, MSS);
    }
    uint32_t before = f->cc.cwnd;
    for (unsigned i = 0; with_acks && i < 600; i++) { /* a minute in which cwnd is not full */
        f->cc.now += 100 * WEFT_MSEC;
        fake_ack(f, MSS, 100 * WEFT_MSEC, false);
    }
    if (!with_acks) {
        f->cc.now += 60 * WEFT_SEC;
        f->ops->restart(&f->cc);
    }
    assert_int_equal(f->cc.cwnd, before);
    for (unsigned round = 0; round < 30; round++) {
        fake_round(f, MSS);
        fake_round(g, MSS);
    }
    assert_in_range(f->cc.cwnd, g->cc.cwnd - 4 * MSS, g->cc.cwnd + 4 * MSS);
    free(f);
    free(g);
}

static void time_without_use_does_not_count(void **state)
{
    (void)state;
    pause_test(true);
    pause_test(false);
}

/* Requests and answers between pauses, in slow start: the time of a pause counts out once, so that no clock
 * runs ahead of the time. */
static void pauses_do_not_add_up(void **state)
{
    struct fake *f = cubic_after_loss(100 * WEFT_MSEC, 100 * MSS);

    (void)state;
    for (unsigned round = 0; round < 50; round++)
        fake_round(f, 2 * MSS);
    uint32_t before = f->cc.cwnd;
    f->cc.now += 10 * WEFT_SEC;
    f->cc.cwnd = 10 * MSS; /* the restart after idle (RFC 5681 4.1) */
    for (unsigned exchange = 0; exchange < 5; exchange++) {
        f->ops->restart(&f->cc);
        f->cc.now += 100 * WEFT_MSEC;
        fake_ack(f, 2 * MSS, f->rtt, true);
        fake_ack(f, 2 * MSS, f->rtt, true);
    }
    for (unsigned round = 0; round < 14; round++)
        fake_round(f, 2 * MSS);
    assert_in_range(f->cc.cwnd, f->cc.ssthresh, before + before / 10);
    free(f);
}

/* Answers that fill the window, a round trip long each, with pauses between them: the time of the answers counts, from
 * when they were sent, so that cwnd is where it would be without the pauses. */
static void exchanges_count(void **state)
{
    struct fake *f = cubic_after_loss(100 * WEFT_MSEC, 1000 * MSS);
    double t = 0;

    (void)state;
    for (unsigned exchange = 0; exchange < 120; exchange++) {
        uint32_t window = f->cc.cwnd;

        f->ops->restart(&f->cc);
        f->cc.now += f->rtt;
        for (uint32_t at = 0; at < window; at += 2 * MSS)
            fake_ack(f, 2 * MSS, f->rtt, true);
        t += 0.1;
        assert_in_range(f->cc.cwnd / MSS, reference(1000, t - 0.2) - 5, reference(1000, t + 0.1) + 5);
        f->cc.now += WEFT_SEC;
    }
    assert_in_range(f->cc.cwnd / MSS, 1000, 1020);
    free(f);
}

/* --- Undo (RFC 9438 4.9) ------------------------------------------------------------------------------------- */

static void an_undo_puts_it_back_on_its_curve(void **state)
{
    struct fake *f = cubic_after_loss(100 * WEFT_MSEC, 1000 * MSS);
    struct fake *g = cubic_after_loss(100 * WEFT_MSEC, 1000 * MSS);

    (void)state;
    for (unsigned round = 0; round < 30; round++) {
        fake_round(f, MSS);
        fake_round(g, MSS);
    }
    uint32_t cwnd = f->cc.cwnd, ssthresh = f->cc.ssthresh;
    fake_lose(f, WEFT_CC_BY_LOSS);
    assert_true(f->cc.cwnd < cwnd);
    uint32_t left = f->cc.cwnd;
    f->ops->congestion(&f->cc, WEFT_CC_BY_LOSS_AGAIN, left); /* in the same recovery */
    assert_int_equal(f->cc.ssthresh, left * 7ull / 10);
    f->cc.cwnd = cwnd; /* as the caller does */
    f->cc.ssthresh = ssthresh;
    f->ops->undo(&f->cc);
    for (unsigned round = 0; round < 100; round++) {
        fake_round(f, MSS);
        fake_round(g, MSS);
        assert_int_equal(f->cc.cwnd, g->cc.cwnd);
    }
    free(f);
    free(g);
}

/* When cwnd is beyond where it was, what has been learned since stays. */
static void an_undo_that_comes_late_changes_nothing(void **state)
{
    struct fake *f = cubic_after_loss(100 * WEFT_MSEC, 1000 * MSS);
    uint64_t memory[WEFT_CC_MEMORY];

    (void)state;
    fake_round(f, MSS);
    fake_lose(f, WEFT_CC_BY_LOSS);
    while (f->cc.cwnd < 1100 * MSS)
        fake_round(f, MSS);
    memcpy(memory, f->memory, sizeof(memory));
    f->ops->undo(&f->cc);
    assert_memory_equal(memory, f->memory, sizeof(memory));
    free(f);
}

/* --- Numbers at their ends ------------------------------------------------------------------------------------ */

/* After so long a time that its cube passes 2^64 the curve is still above any window. */
static void a_very_long_time(void **state)
{
    struct fake *f = cubic_after_loss(100 * WEFT_MSEC, 1000 * MSS);
    uint32_t before;

    (void)state;
    fake_round(f, MSS);
    before = f->cc.cwnd;
    f->cc.now += 2642246 * WEFT_MSEC + 9086 * WEFT_MSEC - 200 * WEFT_MSEC; /* K is 9086 ms */
    fake_round(f, MSS);
    assert_in_range(f->cc.cwnd, before + before / 4, before + before / 2);
    free(f);
}

/* No window, segment size, time or ACK makes it overflow: cwnd never falls in avoidance, and has an end. */
static void large_numbers(void **state)
{
    struct test_rng rng = test_rng_start("CUBIC's numbers");

    (void)state;
    for (unsigned run = 0; run < 300; run++) {
        struct fake *f = cubic(1 + test_rng_u64(&rng) % (10 * WEFT_SEC));

        f->cc.mss = (uint32_t)test_rng_between(&rng, 28, 65495);
        f->cc.cwnd = f->cc.mss + (uint32_t)(test_rng_u64(&rng) % (1u << 30));
        f->ops->congestion(&f->cc, WEFT_CC_BY_LOSS, f->cc.cwnd);
        f->cc.cwnd = f->cc.ssthresh;
        for (unsigned i = 0; i < 2000; i++) {
            uint32_t before = f->cc.cwnd;

            f->cc.now += test_rng_u64(&rng) % (i % 100 == 0 ? 3600 * WEFT_SEC : 10 * WEFT_MSEC);
            fake_ack(f, 1 + (uint32_t)(test_rng_u64(&rng) % (i % 3 == 0 ? before : 3 * f->cc.mss)), f->rtt,
                     true);
            assert_true(f->cc.cwnd >= before && f->cc.cwnd <= (1u << 30) + f->cc.mss);
            assert_true(f->cc.cwnd <= before + before / 2 + f->cc.mss);
        }
        free(f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_follows_the_formula),
        cmocka_unit_test(after_k_it_is_where_the_loss_was),
        cmocka_unit_test(no_round_adds_more_than_half),
        cmocka_unit_test(short_round_trips_are_as_fast_as_reno),
        cmocka_unit_test(fast_convergence),
        cmocka_unit_test(a_loss_above_w_max_is_remembered_whole),
        cmocka_unit_test(ssthresh_is_two_segments_at_least),
        cmocka_unit_test(ecn_goes_down_to_one_segment),
        cmocka_unit_test(after_a_timeout),
        cmocka_unit_test(after_a_slow_start_without_loss),
        cmocka_unit_test(time_without_use_does_not_count),
        cmocka_unit_test(pauses_do_not_add_up),
        cmocka_unit_test(an_undo_puts_it_back_on_its_curve),
        cmocka_unit_test(an_undo_that_comes_late_changes_nothing),
        cmocka_unit_test(a_very_long_time),
        cmocka_unit_test(large_numbers),
        cmocka_unit_test(exchanges_count),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
