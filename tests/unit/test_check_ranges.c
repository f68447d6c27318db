/* SPDX-License-Identifier: MIT */
/* Sets of ranges, beside a stupid set: an array of flags. */
#include "support.h"

#include "check/ranges.h"

#define SIZE 400

struct flags {
    bool at[SIZE];
};

static void add(struct check_ranges *set, struct flags *flags, int64_t left, int64_t right)
{
    check_ranges_add(set, left, right);
    for (int64_t i = left; i < right; i++)
        flags->at[i] = true;
}

static void assert_same(const struct check_ranges *set, const struct flags *flags)
{
    int64_t last = INT64_MIN;
    int64_t end = INT64_MIN;

    for (unsigned i = 0; i < set->count; i++) {
        assert_true(set->at[i].left < set->at[i].right && (i == 0 || set->at[i].left > last));
        last = set->at[i].right;
    }
    for (int64_t i = 0; i < SIZE; i++) {
        int64_t gap = i;
        struct check_range next;

        while (gap < SIZE && flags->at[gap])
            gap++;
        assert_int_equal(check_ranges_gap(set, i), gap);
        assert_int_equal(check_ranges_cover(set, i, i + 1), flags->at[i]);
        if (flags->at[i])
            end = i + 1;
        if (check_ranges_next(set, i, &next))
            assert_true(next.left >= i && flags->at[next.left] &&
                        (next.left == i || !flags->at[next.left - 1]));
    }
    assert_int_equal(check_ranges_end(set), end);
}

static void random_ranges_are_as_flags(void **state)
{
    struct test_rng rng = test_rng_start(__func__);

    (void)state;
    for (unsigned run = 0; run < 300; run++) {
        struct check_ranges set = {0};
        struct flags flags = {0};

        for (unsigned i = 0; i < CHECK_RANGES; i++) {
            uint32_t left = test_rng_below(&rng, SIZE - 20);

            add(&set, &flags, left, left + test_rng_below(&rng, 12));
            assert_same(&set, &flags);
        }
    }
}

/* A full set claims more, never less, and the least more. */
static void a_full_set_joins_what_is_closest(void **state)
{
    struct check_ranges set = {0};

    (void)state;
    for (int64_t i = 0; i < CHECK_RANGES; i++)
        check_ranges_add(&set, 10 * i, 10 * i + 5);
    assert_int_equal(set.count, CHECK_RANGES);
    assert_false(check_ranges_cover(&set, 105, 107));
    check_ranges_add(&set, 107, 108);
    assert_int_equal(set.count, CHECK_RANGES);
    assert_true(check_ranges_cover(&set, 100, 108));
    assert_false(check_ranges_cover(&set, 108, 109));
    for (int64_t i = 0; i < CHECK_RANGES; i++)
        assert_true(check_ranges_cover(&set, 10 * i, 10 * i + 5));
}

/* Where only what is sure counts, it claims less: the highest goes. */
static void a_full_set_of_what_is_sure_forgets(void **state)
{
    struct check_ranges set = {0};

    (void)state;
    for (int64_t i = 0; i < CHECK_RANGES; i++)
        check_ranges_add_sure(&set, 10 * i, 10 * i + 5);
    check_ranges_add_sure(&set, 107, 108);
    assert_int_equal(set.count, CHECK_RANGES);
    assert_true(check_ranges_cover(&set, 107, 108));
    assert_false(check_ranges_cover(&set, 105, 107));
    assert_int_equal(check_ranges_end(&set), 10 * (CHECK_RANGES - 2) + 5);
}

static void nothing_is_added_by_an_empty_range(void **state)
{
    struct check_ranges set = {0};

    (void)state;
    check_ranges_add(&set, 5, 5);
    check_ranges_add(&set, 7, 3);
    assert_int_equal(set.count, 0);
    assert_true(check_ranges_cover(&set, 4, 4));
    assert_int_equal(check_ranges_gap(&set, 4), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_ranges_are_as_flags),
        cmocka_unit_test(a_full_set_joins_what_is_closest),
        cmocka_unit_test(a_full_set_of_what_is_sure_forgets),
        cmocka_unit_test(nothing_is_added_by_an_empty_range),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
