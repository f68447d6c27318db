/* SPDX-License-Identifier: MIT */
/* The trace ring: what a reader gets, and what it is told that it has missed. */
#include "support.h"

#include "base/trace.h"

#define SIZE 8

static void write_numbers(struct trace *t, unsigned from, unsigned n)
{
    for (unsigned i = from; i < from + n; i++)
        trace(t, i, i % WEFT_TRACE_EVENT_COUNT, i % 3, i, i, i + 1, i + 2, i + 3, i + 4, i + 5);
}

static void assert_number(const struct weft_trace_record *record, unsigned i)
{
    assert_true(record->time == i);
    assert_int_equal(record->event, i % WEFT_TRACE_EVENT_COUNT);
    assert_int_equal(record->iface, i % 3);
    assert_int_equal(record->conn, i);
    for (unsigned a = 0; a < WEFT_TRACE_ARGS; a++)
        assert_true(record->arg[a] == i + a);
}

static void nobody_listens(void **state)
{
    struct trace t = {0};
    struct weft_trace_record out[4];
    uint64_t cursor = 0, lost = 0;

    (void)state;
    write_numbers(&t, 0, 100);
    assert_false(trace_is_on(&t));
    assert_int_equal(trace_read(&t, &cursor, out, 4, &lost), 0);
    assert_int_equal(lost, 0);
}

static void read_in_pieces(void **state)
{
    struct weft_trace_record ring[SIZE], out[SIZE];
    struct trace t = {.ring = ring, .mask = SIZE - 1};
    uint64_t cursor = 0, lost = 0;

    (void)state;
    write_numbers(&t, 0, 5);
    assert_int_equal(trace_read(&t, &cursor, out, 3, &lost), 3);
    assert_number(&out[2], 2);
    assert_int_equal(trace_read(&t, &cursor, out, 3, &lost), 2);
    assert_number(&out[1], 4);
    assert_int_equal(trace_read(&t, &cursor, out, 3, &lost), 0);
    write_numbers(&t, 5, SIZE); /* wraps, and fills the ring to the last record */
    assert_int_equal(trace_read(&t, &cursor, out, SIZE, &lost), SIZE);
    for (unsigned i = 0; i < SIZE; i++)
        assert_number(&out[i], 5 + i);
    assert_int_equal(lost, 0);
}

static void slow_reader_is_told(void **state)
{
    struct weft_trace_record ring[SIZE], out[SIZE];
    struct trace t = {.ring = ring, .mask = SIZE - 1};
    uint64_t slow = 0, slow_lost = 0, late = 0, late_lost = 10;

    (void)state;
    write_numbers(&t, 0, 4);
    assert_int_equal(trace_read(&t, &slow, out, 2, &slow_lost), 2);
    write_numbers(&t, 4, 20);
    assert_int_equal(trace_read(&t, &slow, out, SIZE, &slow_lost), SIZE);
    assert_int_equal(slow_lost, 24 - SIZE - 2);
    assert_number(&out[0], 24 - SIZE);
    assert_number(&out[SIZE - 1], 23);
    assert_int_equal(trace_read(&t, &late, out, 1, &late_lost), 1);
    assert_number(&out[0], 24 - SIZE);
    assert_int_equal(late_lost, 10 + 24 - SIZE); /* added to what was there */
    assert_int_equal(late, 24 - SIZE + 1);
}

static void one_record_too_late(void **state)
{
    struct weft_trace_record ring[SIZE], out[SIZE];
    struct trace t = {.ring = ring, .mask = SIZE - 1};
    uint64_t cursor = 0, lost = 0;

    (void)state;
    write_numbers(&t, 0, SIZE + 1);
    assert_int_equal(trace_read(&t, &cursor, out, SIZE, &lost), SIZE);
    assert_int_equal(lost, 1);
    assert_number(&out[0], 1);
}

static void address_takes_two(void **state)
{
    struct weft_addr addr = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};

    (void)state;
    assert_true(trace_addr_high(&addr) == 0x0102030405060708);
    assert_true(trace_addr_low(&addr) == 0x090a0b0c0d0e0f10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_listens),      cmocka_unit_test(read_in_pieces),
        cmocka_unit_test(slow_reader_is_told), cmocka_unit_test(one_record_too_late),
        cmocka_unit_test(address_takes_two),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
