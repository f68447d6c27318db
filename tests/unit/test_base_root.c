/* SPDX-License-Identifier: MIT */
/* The cube root against its definition. */
#include "support.h"

#include "base/root.h"

#define LARGEST 2642245u /* whose cube fits into 64 bits, and whose successor's does not */

static void assert_root(uint64_t n)
{
    uint64_t y = cube_root(n);

    assert_true(y * y * y <= n);
    assert_true(y == LARGEST || (y + 1) * (y + 1) * (y + 1) > n);
}

static void every_small_number(void **state)
{
    (void)state;
    for (uint64_t n = 0; n < 100000; n++)
        assert_root(n);
}

static void around_every_cube(void **state)
{
    (void)state;
    for (uint64_t y = 1; y <= LARGEST; y += 1 + y / 1000) {
        assert_int_equal(cube_root(y * y * y), y);
        assert_int_equal(cube_root(y * y * y - 1), y - 1);
        assert_int_equal(cube_root(y * y * y + 1), y);
    }
    assert_int_equal(cube_root(UINT64_MAX), LARGEST);
}

static void random_numbers(void **state)
{
    struct test_rng rng = test_rng_start("cube root");

    (void)state;
    for (unsigned i = 0; i < 100000; i++)
        assert_root(test_rng_u64(&rng) >> i % 64);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_small_number),
        cmocka_unit_test(around_every_cube),
        cmocka_unit_test(random_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
