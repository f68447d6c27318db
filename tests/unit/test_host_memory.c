/* SPDX-License-Identifier: MIT */
/* What the host gives to configurations: memory as weft_allocator asks for it, and a clock. */
#include "support.h"

#include <weft/loop.h>

static void memory_is_aligned_and_zeroed(void **state)
{
    static const size_t sizes[] = {1, 64, 4096, 4097, 1 << 20};
    const struct weft_allocator *allocator = weft_host_allocator();

    (void)state;
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        uint8_t *mem = allocator->alloc(allocator->ctx, sizes[i]);

        assert_non_null(mem);
        assert_int_equal((uintptr_t)mem % 64, 0);
        for (size_t at = 0; at < sizes[i]; at++)
            assert_int_equal(mem[at], 0);
        memset(mem, 0xff, sizes[i]);
        allocator->free(allocator->ctx, mem, sizes[i]);
    }
}

static void too_much_is_refused(void **state)
{
    const struct weft_allocator *allocator = weft_host_allocator();

    (void)state;
    assert_null(allocator->alloc(allocator->ctx, SIZE_MAX / 2));
}

static void memory_that_is_not_touched_costs_nothing(void **state)
{
    const struct weft_allocator *allocator = weft_host_allocator();
    size_t size = (size_t)64 << 30;
    uint8_t *mem = allocator->alloc(allocator->ctx, size);

    (void)state;
    assert_non_null(mem);
    mem[size - 1] = 1;
    allocator->free(allocator->ctx, mem, size);
}

static void the_clock_does_not_go_back(void **state)
{
    weft_time last = weft_clock_now();

    (void)state;
    assert_true(last > 0);
    for (unsigned i = 0; i < 1000; i++) {
        weft_time now = weft_clock_now();

        assert_true(now >= last);
        last = now;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_aligned_and_zeroed),
        cmocka_unit_test(too_much_is_refused),
        cmocka_unit_test(memory_that_is_not_touched_costs_nothing),
        cmocka_unit_test(the_clock_does_not_go_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
