/* SPDX-License-Identifier: MIT */
/* HyStart++ (RFC 9406), as CUBIC's first slow start. */
#include "cc_fake.h"

#include "tcp/cc/hystart.h"

#define BASE (100 * WEFT_MSEC)

static struct fake *start(void)
{
    return fake_new(&tcp_cc_cubic, BASE);
}

/* One of HyStart++'s rounds, whose ACKs all measure `rtt`. Returns the cause of the last growth. */
static enum weft_tcp_cause round_of(struct fake *f, weft_time rtt)
{
    const struct hystart *hystart = (const struct hystart *)f->memory; /* it stands first */
    uint64_t end = hystart->window_end > 0 ? hystart->window_end : f->cc.cwnd;

    while (f->cc.acked < end)
        fake_ack(f, MSS, rtt, true);
    return f->cc.cause;
}

/* RFC 9406 4.2: without delay, slow start as ever. */
static void without_delay_cwnd_doubles(void **state)
{
    struct fake *f = start();

    (void)state;
    for (uint32_t cwnd = 20; cwnd <= 1280; cwnd *= 2) {
        fake_round(f, MSS);
        assert_int_equal(f->cc.cwnd, cwnd * MSS);
    }
    assert_int_equal(f->cc.ssthresh, UINT32_MAX);
    free(f);
}

/* RttThresh is an eighth of the round trip, between 4 and 16 ms. */
static bool delay_is_noticed(weft_time base, weft_time more)
{
    struct fake *f = start();
    enum weft_tcp_cause cause;

    round_of(f, base);
    round_of(f, base);
    cause = round_of(f, base + more);
    free(f);
    return cause == WEFT_CAUSE_CSS;
}

static void the_threshold(void **state)
{
    (void)state;
    assert_false(delay_is_noticed(100 * WEFT_MSEC, 12400)); /* 12.5 ms */
    assert_true(delay_is_noticed(100 * WEFT_MSEC, 12500));
    assert_false(delay_is_noticed(10 * WEFT_MSEC, 3900)); /* at least 4 ms */
    assert_true(delay_is_noticed(10 * WEFT_MSEC, 4000));
    assert_false(delay_is_noticed(300 * WEFT_MSEC, 15900)); /* at most 16 ms */
    assert_true(delay_is_noticed(300 * WEFT_MSEC, 16000));
}

/* N_RTT_SAMPLE: seven samples of a round do not say that it is slow. */
static void eight_samples_are_needed(void **state)
{
    struct fake *f = start();

    (void)state;
    round_of(f, BASE);
    uint32_t cwnd = f->cc.cwnd;
    for (unsigned i = 1; i <= 7; i++) {
        fake_ack(f, MSS, BASE + 50 * WEFT_MSEC, true);
        assert_int_equal(f->cc.cwnd, cwnd + i * MSS);
    }
    cwnd = f->cc.cwnd;
    fake_ack(f, MSS, BASE + 50 * WEFT_MSEC, true);
    assert_int_equal(f->cc.cwnd, cwnd + MSS / 4);
    assert_int_equal(f->cc.cause, WEFT_CAUSE_CSS);
    free(f);
}

/* ACKs that measure nothing (RFC 6298 3) are no samples. */
static void acks_without_a_sample_do_not_count(void **state)
{
    struct fake *f = start();

    (void)state;
    round_of(f, BASE);
    for (unsigned i = 0; i < 15; i++) {
        fake_ack(f, MSS, i < 8 ? 0 : BASE + 50 * WEFT_MSEC, true);
        assert_int_equal(f->cc.cause, WEFT_CAUSE_NONE);
    }
    free(f);
}

/* The least of a round counts: one fast ACK among slow ones says that there is no queue. */
static void the_least_of_a_round_counts(void **state)
{
    struct fake *f = start();

    (void)state;
    round_of(f, BASE);
    fake_ack(f, MSS, BASE, true);
    for (unsigned i = 0; i < 15; i++) {
        fake_ack(f, MSS, BASE + 50 * WEFT_MSEC, true);
        assert_int_equal(f->cc.cause, WEFT_CAUSE_NONE);
    }
    free(f);
}

/* CSS: growth is a quarter, for five rounds, that in which it began included; then ssthresh is cwnd. */
static void five_rounds_of_css_end_slow_start(void **state)
{
    struct fake *f = start();

    (void)state;
    round_of(f, BASE);
    round_of(f, BASE);
    round_of(f, BASE + 20 * WEFT_MSEC); /* in the middle of this one it begins: the first of five */
    for (unsigned i = 2; i <= 5; i++) {
        uint32_t cwnd = f->cc.cwnd;

        assert_int_equal(f->cc.ssthresh, UINT32_MAX);
        round_of(f, BASE + 20 * WEFT_MSEC);
        assert_in_range(f->cc.cwnd, cwnd + cwnd / 5, cwnd + cwnd / 4 + MSS);
    }
    assert_int_equal(f->cc.ssthresh, f->cc.cwnd);
    assert_int_equal(f->cc.cause, WEFT_CAUSE_HYSTART);
    /* And then it is avoidance: a segment for each round, by W_est. */
    uint32_t cwnd = f->cc.cwnd;
    fake_round(f, MSS);
    assert_in_range(f->cc.cwnd, cwnd, cwnd + 2 * MSS);
    free(f);
}

/* It was jitter: slow start goes on, and may end by the next delay. */
static void css_that_finds_no_delay_ends(void **state)
{
    struct fake *f = start();

    (void)state;
    round_of(f, BASE);
    round_of(f, BASE);
    assert_int_equal(round_of(f, BASE + 20 * WEFT_MSEC), WEFT_CAUSE_CSS);
    assert_int_equal(round_of(f, BASE), WEFT_CAUSE_NONE);
    uint32_t cwnd = f->cc.cwnd;
    fake_round(f, MSS);
    assert_int_equal(f->cc.cwnd, 2 * cwnd);
    assert_int_equal(f->cc.ssthresh, UINT32_MAX);
    round_of(f, BASE); /* to its end */
    assert_int_equal(round_of(f, BASE + 20 * WEFT_MSEC), WEFT_CAUSE_CSS);
    free(f);
}

/* RFC 9406 4.2: L is 8 segments, and infinite when segments are paced. */
static void one_ack_adds_eight_segments_at_most(void **state)
{
    struct fake *f = start();

    (void)state;
    fake_ack(f, 10 * MSS, BASE, true);
    assert_int_equal(f->cc.cwnd, 18 * MSS);
    f->cc.is_paced = true;
    fake_ack(f, 18 * MSS, BASE, true);
    assert_int_equal(f->cc.cwnd, 36 * MSS);
    free(f);
}

static void the_limit_is_configured(void **state)
{
    struct fake *f = start();

    (void)state;
    f->cc.hystart_limit = 3;
    fake_ack(f, 10 * MSS, BASE, true);
    assert_int_equal(f->cc.cwnd, 13 * MSS);
    f->cc.hystart_limit = UINT8_MAX; /* none */
    fake_ack(f, 13 * MSS, BASE, true);
    assert_int_equal(f->cc.cwnd, 26 * MSS);
    free(f);
}

/* RFC 9406 4.2: "when a loss is observed": congestion avoidance, also out of CSS. */
static void a_loss_ends_css(void **state)
{
    struct fake *f = start();

    (void)state;
    round_of(f, BASE);
    round_of(f, BASE);
    round_of(f, BASE + 20 * WEFT_MSEC);
    uint32_t cwnd = f->cc.cwnd;
    fake_lose(f, WEFT_CC_BY_LOSS);
    assert_int_equal(f->cc.ssthresh, (uint32_t)((uint64_t)cwnd * 7 / 10));
    fake_round(f, MSS);
    assert_int_equal(f->cc.cause, WEFT_CAUSE_NONE);
    free(f);
}

/* RFC 9406 4.3: only the first slow start; a later one knows its ssthresh. */
static void later_slow_starts_are_reno_s(void **state)
{
    struct fake *f = start();

    (void)state;
    round_of(f, BASE);
    f->cc.cwnd = 1000 * MSS;
    fake_lose(f, WEFT_CC_BY_TIMEOUT);
    for (unsigned i = 0; f->cc.cwnd < 600 * MSS; i++) {
        uint32_t cwnd = f->cc.cwnd;

        f->rtt = BASE + i * 30 * WEFT_MSEC;
        fake_round(f, MSS);
        assert_true(f->cc.cwnd == 2 * cwnd || f->cc.cwnd >= f->cc.ssthresh);
    }
    free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_delay_cwnd_doubles),   cmocka_unit_test(the_threshold),
        cmocka_unit_test(eight_samples_are_needed),     cmocka_unit_test(acks_without_a_sample_do_not_count),
        cmocka_unit_test(the_least_of_a_round_counts),  cmocka_unit_test(five_rounds_of_css_end_slow_start),
        cmocka_unit_test(css_that_finds_no_delay_ends), cmocka_unit_test(one_ack_adds_eight_segments_at_most),
        cmocka_unit_test(the_limit_is_configured),      cmocka_unit_test(a_loss_ends_css),
        cmocka_unit_test(later_slow_starts_are_reno_s),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
