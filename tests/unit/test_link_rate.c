/* SPDX-License-Identifier: MIT */
/* Serialisation at a rate: exact, against a model in wide arithmetic. */
#include "support.h"

#include "link/rate.h"

static void no_rate_takes_no_time(void **state)
{
    struct link_rate rate;

    (void)state;
    assert_int_equal(link_rate_init(&rate, 0, 1), 0);
    assert_int_equal(link_rate_pass(&rate, 1500, 7), 7);
    assert_int_equal(link_rate_pass(&rate, 1500, 7), 7);
    assert_int_equal(link_rate_pass(&rate, 1500, 7), 7);
    link_rate_fini(&rate);
}

static void a_full_frame_at_ten_megabits(void **state)
{
    struct link_rate rate;

    (void)state;
    assert_int_equal(link_rate_init(&rate, 10 * 1000 * 1000, 10), 0);
    assert_int_equal(link_rate_pass(&rate, 1250, 5000), 6000);  /* 10,000 bits: a millisecond */
    assert_int_equal(link_rate_pass(&rate, 1250, 5500), 7000);  /* waits for the first */
    assert_int_equal(link_rate_pass(&rate, 1250, 9000), 10000); /* the wire is idle again */
    link_rate_fini(&rate);
}

static void rounding_does_not_add_up(void **state)
{
    struct link_rate rate;

    (void)state;
    assert_int_equal(link_rate_init(&rate, 7 * 1000 * 1000, 1000), 0);
    for (uint64_t i = 1; i <= 1000; i++) /* 8000 bits: 1142 6/7 us */
        assert_int_equal(link_rate_pass(&rate, 1000, 0), (i * 8000 + 6) / 7);
    link_rate_fini(&rate);
}

static void more_than_the_queue_holds_is_refused(void **state)
{
    struct link_rate rate;

    (void)state;
    assert_int_equal(link_rate_init(&rate, 8 * 1000 * 1000, 2), 0); /* a byte per microsecond */
    assert_int_equal(link_rate_pass(&rate, 100, 0), 100);           /* on the wire */
    assert_int_equal(link_rate_pass(&rate, 100, 0), 200);           /* waits */
    assert_int_equal(link_rate_pass(&rate, 100, 0), 300);           /* waits */
    assert_true(link_rate_pass(&rate, 100, 0) == WEFT_TIME_NEVER);
    assert_true(link_rate_pass(&rate, 100, 99) == WEFT_TIME_NEVER);
    assert_int_equal(link_rate_pass(&rate, 100, 100), 400); /* the second has begun */
    assert_true(link_rate_pass(&rate, 100, 100) == WEFT_TIME_NEVER);
    link_rate_fini(&rate);
}

static void very_fast_wires_do_not_overflow(void **state)
{
    struct link_rate rate;
    weft_time last = 0;

    (void)state;
    assert_int_equal(link_rate_init(&rate, UINT64_MAX, 100000), 0);
    for (unsigned i = 0; i < 100000; i++)
        last = link_rate_pass(&rate, 65536, 0);
    assert_int_equal(last, 53); /* 5.24e10 bits at 10^15 bits per second: 52.4 us */
    link_rate_fini(&rate);
}

/* Every packet ever, and times that are exact: microseconds times the rate. */
__extension__ typedef unsigned __int128 wide;

struct model {
    uint64_t bits_per_second;
    wide end;
    weft_time begins[512];
    unsigned count, limit;
};

static weft_time round_up(const struct model *m)
{
    return (weft_time)((m->end + m->bits_per_second - 1) / m->bits_per_second);
}

static weft_time model_pass(struct model *m, uint32_t bytes, weft_time now)
{
    unsigned waiting = 0;

    for (unsigned i = 0; i < m->count; i++)
        waiting += m->begins[i] > now;
    if (round_up(m) > now && waiting == m->limit)
        return WEFT_TIME_NEVER;
    if (round_up(m) <= now)
        m->end = (wide)now * m->bits_per_second;
    m->begins[m->count++] = round_up(m);
    m->end += (uint64_t)bytes * 8 * 1000000;
    return round_up(m);
}

static void agrees_with_a_model(void **state)
{
    struct test_rng rng = test_rng_start("agrees_with_a_model");

    (void)state;
    for (unsigned run = 0; run < 200; run++) {
        struct model model = {.bits_per_second = 1 + test_rng_u64(&rng) % (1000u << test_rng_below(&rng, 24)),
                              .limit = 1 + test_rng_below(&rng, 20)};
        struct link_rate rate;
        weft_time now = 0;

        assert_int_equal(link_rate_init(&rate, model.bits_per_second, model.limit), 0);
        for (unsigned i = 0; i < 512; i++) {
            uint32_t bytes = test_rng_below(&rng, 2000);

            assert_int_equal(link_rate_pass(&rate, bytes, now), model_pass(&model, bytes, now));
            now += test_rng_u64(&rng) % (2 * 8000000000 / model.bits_per_second + 2);
        }
        link_rate_fini(&rate);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_rate_takes_no_time),
        cmocka_unit_test(a_full_frame_at_ten_megabits),
        cmocka_unit_test(rounding_does_not_add_up),
        cmocka_unit_test(more_than_the_queue_holds_is_refused),
        cmocka_unit_test(very_fast_wires_do_not_overflow),
        cmocka_unit_test(agrees_with_a_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
