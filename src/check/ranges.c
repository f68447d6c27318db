/* SPDX-License-Identifier: MIT */
/* Sets of numbers as ranges (check/ranges.h). */
#include "check/ranges.h"

#include <string.h>

/* The first range that ends at or behind `number`. */
static unsigned find(const struct check_ranges *set, int64_t number)
{
    unsigned low = 0, high = set->count;

    while (low < high) {
        unsigned middle = (low + high) / 2;

        if (set->at[middle].right < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void take_out(struct check_ranges *set, unsigned at, unsigned n)
{
    memmove(&set->at[at], &set->at[at + n], (set->count - at - n) * sizeof(set->at[0]));
    set->count -= n;
}

static void join_closest(struct check_ranges *set)
{
    unsigned best = 0;

    for (unsigned i = 1; i + 1 < set->count; i++)
        if (set->at[i + 1].left - set->at[i].right < set->at[best + 1].left - set->at[best].right)
            best = i;
    set->at[best].right = set->at[best + 1].right;
    take_out(set, best + 1, 1);
}

/* Afterwards there may be one range too many. */
static void insert(struct check_ranges *set, int64_t left, int64_t right)
{
    unsigned at = find(set, left), end = at;

    if (left >= right)
        return;
    for (; end < set->count && set->at[end].left <= right; end++) {
        left = set->at[end].left < left ? set->at[end].left : left;
        right = set->at[end].right > right ? set->at[end].right : right;
    }
    if (end > at) {
        take_out(set, at + 1, end - at - 1);
    } else {
        memmove(&set->at[at + 1], &set->at[at], (set->count - at) * sizeof(set->at[0]));
        set->count++;
    }
    set->at[at] = (struct check_range){left, right};
}

void check_ranges_add(struct check_ranges *set, int64_t left, int64_t right)
{
    insert(set, left, right);
    if (set->count > CHECK_RANGES)
        join_closest(set);
}

void check_ranges_add_sure(struct check_ranges *set, int64_t left, int64_t right)
{
    insert(set, left, right);
    if (set->count > CHECK_RANGES)
        set->count--;
}

bool check_ranges_cover(const struct check_ranges *set, int64_t left, int64_t right)
{
    return check_ranges_gap(set, left) >= right;
}

int64_t check_ranges_gap(const struct check_ranges *set, int64_t from)
{
    unsigned at = find(set, from);

    return at < set->count && set->at[at].left <= from ? set->at[at].right : from;
}

int64_t check_ranges_end(const struct check_ranges *set)
{
    return set->count ? set->at[set->count - 1].right : INT64_MIN;
}

bool check_ranges_next(const struct check_ranges *set, int64_t from, struct check_range *out)
{
    unsigned at = find(set, from);

    if (at < set->count && set->at[at].right == from)
        at++;
    if (at >= set->count)
        return false;
    *out = set->at[at];
    if (out->left < from)
        out->left = from;
    return true;
}
