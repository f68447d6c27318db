/* SPDX-License-Identifier: MIT */
/* The slab: objects are zeroed, apart, and as many as were asked for. */
#include "support.h"

#include <weft/err.h>

#include "base/slab.h"

#define OBJECTS 50
#define SIZE    40 /* rounded up to 48 */

static void hands_out_in_order_then_again(void **state)
{
    struct slab slab;
    void *object[3];

    (void)state;
    assert_int_equal(slab_init(&slab, &test_allocator, SIZE, 3), 0);
    assert_int_equal(slab.object_size, 48);
    for (unsigned i = 0; i < 3; i++) {
        object[i] = slab_new(&slab);
        assert_ptr_equal(object[i], slab.mem + (size_t)48 * i);
    }
    assert_null(slab_new(&slab));
    slab_free(&slab, NULL);
    slab_free(&slab, object[1]);
    assert_int_equal(slab.used, 2);
    assert_ptr_equal(slab_new(&slab), object[1]);
    assert_null(slab_new(&slab));
    slab_fini(&slab, &test_allocator);
    slab_fini(&slab, &test_allocator);
}

/* Each object keeps what was written into it while others come and go. */
static void objects_are_zeroed_and_apart(void **state)
{
    static const uint8_t zeros[SIZE];
    struct test_rng rng = test_rng_start(__func__);
    uint8_t *object[OBJECTS] = {0};
    uint8_t content[OBJECTS][SIZE];
    struct slab slab;
    unsigned used = 0;

    (void)state;
    assert_int_equal(slab_init(&slab, &test_allocator, SIZE, OBJECTS), 0);
    for (unsigned step = 0; step < 5000; step++) {
        unsigned i = test_rng_below(&rng, OBJECTS);

        if (object[i]) {
            assert_memory_equal(object[i], content[i], SIZE);
            slab_free(&slab, object[i]);
            object[i] = NULL;
            used--;
        } else {
            object[i] = slab_new(&slab);
            assert_memory_equal(object[i], zeros, SIZE);
            test_rng_bytes(&rng, content[i], SIZE);
            memcpy(object[i], content[i], SIZE);
            used++;
        }
        assert_int_equal(slab.used, used);
    }
    slab_fini(&slab, &test_allocator);
}

static void *alloc_nothing(void *ctx, size_t size)
{
    (void)ctx;
    (void)size;
    return NULL;
}

static void no_memory_is_said(void **state)
{
    struct weft_allocator nothing = {alloc_nothing, test_mem_free, NULL};
    struct slab slab;

    (void)state;
    assert_int_equal(slab_init(&slab, &nothing, SIZE, OBJECTS), WEFT_E_NOMEM);
    slab_fini(&slab, &nothing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hands_out_in_order_then_again),
        cmocka_unit_test(objects_are_zeroed_and_apart),
        cmocka_unit_test(no_memory_is_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
