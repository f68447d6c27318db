/* SPDX-License-Identifier: MIT */
/*
 * Sets of numbers as ranges, in order, none touching another.
 *
 * The numbers are 64-bit offsets (model.h), so nothing here wraps. A set is
 * bounded. What may have come is added with check_ranges_add: when the set is
 * full the two ranges that are closest become one, so that it claims too much.
 * What has come for sure is added with check_ranges_add_sure: then the highest
 * range goes, so that it claims too little. So a rule errs on the side of silence.
 */
#ifndef WEFT_CHECK_RANGES_H
#define WEFT_CHECK_RANGES_H

#include <stdbool.h>
#include <stdint.h>

#define CHECK_RANGES 48

struct check_range {
    int64_t left, right; /* the first number, and the one behind the last */
};

struct check_ranges {
    unsigned count;
    struct check_range at[CHECK_RANGES + 1]; /* one more for the moment of adding */
};

/* Adds [left, right); nothing when it is empty. */
void check_ranges_add(struct check_ranges *set, int64_t left, int64_t right);

/* The same for a set that is to claim nothing that was not added. */
void check_ranges_add_sure(struct check_ranges *set, int64_t left, int64_t right);

/* True when all of [left, right) is in the set; an empty range is. */
bool check_ranges_cover(const struct check_ranges *set, int64_t left, int64_t right);

/* The first number from `from` on that is not in the set. */
int64_t check_ranges_gap(const struct check_ranges *set, int64_t from);

/* The number behind the highest; INT64_MIN for the empty set. */
int64_t check_ranges_end(const struct check_ranges *set);

/* The next range that has something at or behind `from`, cut to begin there; false when there is none. */
bool check_ranges_next(const struct check_ranges *set, int64_t from, struct check_range *out);

#endif
