/* SPDX-License-Identifier: MIT */
/*
 * The timer wheel against a stupid model: an array of deadlines with the order
 * in which they were set, searched from end to end.
 */
#include "support.h"

#include "base/wheel.h"

#define TIMERS 96

struct model {
    bool is_set;
    weft_time deadline;
    uint64_t order;
};

struct bench {
    struct wheel wheel;
    struct weft_timer_node node[TIMERS];
    struct model model[TIMERS];
    uint64_t sets;
    weft_time now;
};

/* The index of the model's first timer, or -1. */
static int model_first(const struct bench *b)
{
    int first = -1;

    for (int i = 0; i < TIMERS; i++) {
        const struct model *m = &b->model[i];

        if (!m->is_set)
            continue;
        if (first < 0 || m->deadline < b->model[first].deadline ||
            (m->deadline == b->model[first].deadline && m->order < b->model[first].order))
            first = i;
    }
    return first;
}

static void set(struct bench *b, int i, weft_time deadline)
{
    wheel_set(&b->wheel, &b->node[i], deadline);
    b->model[i] = (struct model){deadline != WEFT_TIME_NEVER, deadline, b->sets++};
    if (deadline < b->wheel.now)
        b->model[i].deadline = b->wheel.now;
    assert_int_equal(wheel_is_set(&b->node[i]), deadline != WEFT_TIME_NEVER);
}

static void cancel(struct bench *b, int i)
{
    wheel_cancel(&b->wheel, &b->node[i]);
    b->model[i].is_set = false;
    assert_false(wheel_is_set(&b->node[i]));
}

/* wheel_next must never be late, and must say NEVER exactly when nothing is set. */
static void check_next(const struct bench *b)
{
    int first = model_first(b);
    weft_time next = wheel_next(&b->wheel);

    if (first < 0)
        assert_true(next == WEFT_TIME_NEVER);
    else
        assert_true(next <= b->model[first].deadline);
}

/* Takes out all that is due at `now` and compares with the model, timer by timer. */
static void pop_all(struct bench *b, weft_time now)
{
    for (;;) {
        int first = model_first(b);
        struct weft_timer_node *node = wheel_pop_due(&b->wheel, now);

        if (first < 0 || b->model[first].deadline > now) {
            assert_null(node);
            return;
        }
        assert_ptr_equal(node, &b->node[first]);
        assert_true(node->deadline == b->model[first].deadline);
        assert_false(wheel_is_set(node));
        b->model[first].is_set = false;
    }
}

static struct bench *bench_new(weft_time now)
{
    struct bench *b = calloc(1, sizeof(*b));

    assert_non_null(b);
    wheel_init(&b->wheel, now);
    b->now = now;
    return b;
}

/* A duration of any order of magnitude. */
static weft_time any_duration(struct test_rng *rng)
{
    return test_rng_u64(rng) >> test_rng_between(rng, 1, 63);
}

static void random_step(struct bench *b, struct test_rng *rng, unsigned max_bits)
{
    int i = (int)test_rng_below(rng, TIMERS);
    weft_time ahead = test_rng_u64(rng) >> test_rng_between(rng, 64 - max_bits, 63);

    switch (test_rng_below(rng, 8)) {
    case 0:
        cancel(b, i);
        break;
    case 1: /* one that has passed, or is due now */
        set(b, i, b->now - test_rng_below(rng, 2) * (b->now / 2));
        break;
    case 2: /* several in one microsecond */
        set(b, i, b->now + 10);
        break;
    case 3:
        set(b, i, test_rng_below(rng, 4) ? b->now + ahead : WEFT_TIME_NEVER);
        break;
    case 4: /* as a driver does: sleep until the wheel asks for attention */
        if (wheel_next(&b->wheel) != WEFT_TIME_NEVER && wheel_next(&b->wheel) > b->now)
            b->now = wheel_next(&b->wheel);
        pop_all(b, b->now);
        break;
    case 5: /* or come early, or late */
        b->now += ahead;
        pop_all(b, b->now);
        break;
    default:
        set(b, i, b->now + ahead);
        break;
    }
    check_next(b);
}

static void same_as_model_on_random_input(void **state)
{
    struct test_rng rng = test_rng_start(__func__);

    (void)state;
    for (unsigned round = 0; round < 60; round++) {
        struct bench *b = bench_new(round % 2 ? any_duration(&rng) >> 8 : 0);

        for (unsigned step = 0; step < 2000; step++)
            random_step(b, &rng, 4 + round % 40);
        pop_all(b, WEFT_TIME_NEVER - 1);
        assert_true(wheel_next(&b->wheel) == WEFT_TIME_NEVER);
        free(b);
    }
}

/* Jumps over many levels at once, up to the end of time. */
static void big_jumps(void **state)
{
    struct bench *b = bench_new(1);

    (void)state;
    for (int i = 0; i < 63; i++)
        set(b, i, (weft_time)1 << i);
    set(b, 63, WEFT_TIME_NEVER - 1);
    pop_all(b, 1000);
    pop_all(b, (weft_time)1 << 50);
    set(b, 70, ((weft_time)1 << 50) + 3);
    pop_all(b, ((weft_time)1 << 50) + 2);
    pop_all(b, WEFT_TIME_NEVER - 1);
    assert_int_equal(model_first(b), -1);
    free(b);
}

/* Timers of one microsecond keep their order although they are set from different distances. */
static void order_within_a_microsecond(void **state)
{
    struct bench *b = bench_new(0);

    (void)state;
    set(b, 5, 300000);
    pop_all(b, 200000);
    set(b, 4, 300000);
    pop_all(b, 299990);
    set(b, 3, 300000);
    set(b, 5, 300000); /* moved: now the last */
    pop_all(b, 300000);
    set(b, 2, 300000);
    set(b, 1, 100);
    set(b, 0, 300000);
    pop_all(b, 300000);
    assert_int_equal(model_first(b), -1);
    free(b);
}

static void next_is_exact_while_nothing_is_cancelled(void **state)
{
    struct test_rng rng = test_rng_start(__func__);
    struct bench *b = bench_new(12345);

    (void)state;
    for (int i = 0; i < TIMERS; i++)
        set(b, i, 12345 + test_rng_below(&rng, 1u << 30));
    for (int first; (first = model_first(b)) >= 0;) {
        assert_true(wheel_next(&b->wheel) == b->model[first].deadline);
        pop_all(b, b->model[first].deadline);
    }
    free(b);
}

/* A connection that moves its timer at every ACK leaves no stale bound behind. */
static void moved_alone_is_exact(void **state)
{
    struct bench *b = bench_new(0);

    (void)state;
    for (weft_time now = 0; now < 100000; now += 10) {
        pop_all(b, now);
        set(b, 0, now + 200000);
        assert_true(wheel_next(&b->wheel) == now + 200000);
    }
    cancel(b, 0);
    cancel(b, 0);
    assert_true(wheel_next(&b->wheel) == WEFT_TIME_NEVER);
    free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_as_model_on_random_input),
        cmocka_unit_test(big_jumps),
        cmocka_unit_test(order_within_a_microsecond),
        cmocka_unit_test(next_is_exact_while_nothing_is_cancelled),
        cmocka_unit_test(moved_alone_is_exact),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
