/* SPDX-License-Identifier: MIT */
/* Cursors and writers never leave their range, and remember that they were asked to. */
#include "support.h"

#include "base/cursor.h"

static void numbers_are_big_endian(void **state)
{
    static const uint8_t bytes[] = {0x80, 0xff, 0xfe, 0x81, 0x82, 0x83, 0x84, 0x85};
    struct cursor c = cursor_of(bytes, 7);

    (void)state;
    assert_int_equal(cursor_u8(&c), 0x80);
    assert_int_equal(cursor_be16(&c), 0xfffe);
    assert_int_equal(cursor_be32(&c), 0x81828384);
    assert_true(cursor_ok(&c));
    assert_int_equal(cursor_left(&c), 0);
    assert_true(get_be64(bytes) == 0x80fffe8182838485);
}

/* After one step too far everything reads as zero, also what would have fitted. */
static void failure_is_remembered(void **state)
{
    static const uint8_t bytes[] = {1, 2, 3};
    struct cursor c = cursor_of(bytes, sizeof(bytes)), sub;
    uint8_t to[2] = {9, 9};

    (void)state;
    assert_int_equal(cursor_be32(&c), 0);
    assert_false(cursor_ok(&c));
    assert_int_equal(cursor_u8(&c), 0);
    cursor_bytes(&c, to, 2);
    assert_int_equal(to[0] | to[1], 0);
    assert_null(cursor_take(&c, 0));
    sub = cursor_sub(&c, 1);
    assert_false(cursor_ok(&sub));
    assert_int_equal(cursor_left(&sub), 0);
}

static void huge_steps_do_not_wrap(void **state)
{
    uint8_t bytes[4] = {0};
    struct cursor c = cursor_of(bytes, sizeof(bytes));
    struct writer w = writer_of(bytes, sizeof(bytes));

    (void)state;
    cursor_skip(&c, SIZE_MAX);
    assert_false(cursor_ok(&c));
    assert_null(writer_take(&w, SIZE_MAX));
    assert_true(w.failed);
}

static void sub_is_bounded(void **state)
{
    static const uint8_t bytes[] = {1, 2, 3, 4};
    struct cursor c = cursor_of(bytes, sizeof(bytes));
    struct cursor sub = cursor_sub(&c, 3);

    (void)state;
    assert_int_equal(cursor_left(&sub), 3);
    assert_int_equal(cursor_u8(&c), 4);
    cursor_skip(&sub, 4);
    assert_false(cursor_ok(&sub));
    assert_true(cursor_ok(&c));
}

static void nothing_at_all(void **state)
{
    struct cursor c = cursor_of(NULL, 0);
    struct writer w = writer_of(NULL, 0);

    (void)state;
    assert_true(cursor_ok(&c));
    assert_int_equal(cursor_left(&c), 0);
    assert_int_equal(cursor_u8(&c), 0);
    assert_false(cursor_ok(&c));
    writer_u8(&w, 1);
    assert_true(w.failed);
}

static void writer_stops_at_the_end(void **state)
{
    uint8_t bytes[10];
    struct writer w = writer_of(bytes, 8);

    (void)state;
    memset(bytes, 0xa5, sizeof(bytes));
    writer_u8(&w, 1);
    writer_be16(&w, 0x0203);
    writer_be32(&w, 0x04050607);
    writer_bytes(&w, NULL, 0);
    assert_false(w.failed);
    writer_be16(&w, 0xffff);
    assert_true(w.failed);
    writer_u8(&w, 8); /* would fit */
    writer_bytes(&w, "x", 1);
    assert_memory_equal(bytes, "\1\2\3\4\5\6\7\xa5\xa5\xa5", 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_big_endian), cmocka_unit_test(failure_is_remembered),
        cmocka_unit_test(huge_steps_do_not_wrap), cmocka_unit_test(sub_is_bounded),
        cmocka_unit_test(nothing_at_all),         cmocka_unit_test(writer_stops_at_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
