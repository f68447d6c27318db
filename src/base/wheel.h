/* SPDX-License-Identifier: MIT */
/*
 * Timer wheel: deadlines to the microsecond, set and cancelled in constant
 * time, a million of them for the price of none while nothing expires.
 *
 * Eleven levels of 64 slots cover all of time; level n has slots of 64^n
 * microseconds. A timer stands in the level where its deadline and the wheel's
 * time first differ and moves down as the time comes nearer. A bit per slot
 * finds the next one, and each slot keeps a lower bound of its deadlines, so
 * that wheel_next is exact but for timers that were cancelled or moved.
 *
 * Owns    the links of the nodes; the nodes belong to whoever sets them.
 * Never   calls anybody: whoever asks takes the due timers out, in the order
 *         of their deadlines, those of one microsecond in the order set.
 */
#ifndef WEFT_BASE_WHEEL_H
#define WEFT_BASE_WHEEL_H

#include <weft/stack.h>

#define WHEEL_LEVELS 11
#define WHEEL_SLOTS  64

/* Valid only while its bit in `used` is set. */
struct wheel_slot {
    struct weft_timer_node *head;
    struct weft_timer_node **tail;
    weft_time earliest; /* no deadline in the slot is before it */
};

struct wheel {
    weft_time now;               /* every node with a deadline before it has been taken out */
    uint64_t used[WHEEL_LEVELS]; /* bit per slot that is not empty */
    struct wheel_slot slot[WHEEL_LEVELS][WHEEL_SLOTS];
};

void wheel_init(struct wheel *wheel, weft_time now);

/* Sets or moves a timer; moving counts as setting anew. A deadline that has passed is due at once.
 * WEFT_TIME_NEVER cancels. */
void wheel_set(struct wheel *wheel, struct weft_timer_node *node, weft_time deadline);

/* Harmless on a timer that is not set. */
void wheel_cancel(struct wheel *wheel, struct weft_timer_node *node);

static inline bool wheel_is_set(const struct weft_timer_node *node)
{
    return node->prev != NULL;
}

/* Not later than the earliest deadline; WEFT_TIME_NEVER when nothing is set. */
weft_time wheel_next(const struct wheel *wheel);

/* Takes out the earliest timer with a deadline not after `now`; NULL when there is none left. */
struct weft_timer_node *wheel_pop_due(struct wheel *wheel, weft_time now);

#endif
