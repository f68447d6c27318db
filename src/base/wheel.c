/* SPDX-License-Identifier: MIT */
/*
 * The timer wheel (base/wheel.h).
 *
 * Read a deadline as eleven digits of six bits. A node stands in the level of
 * the highest digit in which its deadline differs from wheel->now (level 0
 * when none does), in the slot that this digit names. Hence
 *
 *   - in a level, every used slot lies ahead of the digit of `now` (in level 0
 *     it may be that digit), so that the lowest used bit is the earliest slot;
 *   - all of level n comes before all of level n + 1;
 *   - a slot of level 0 holds one deadline only.
 *
 * `now` moves only where that stays true: up to just before the earliest slot,
 * or, when that slot is due, into it. Then the slot is emptied into the levels
 * below, which are empty, and so nodes of one microsecond keep their order.
 */
#include "base/wheel.h"

#define DIGIT_BITS 6

_Static_assert(WHEEL_SLOTS == 1 << DIGIT_BITS, "a digit names a slot");
_Static_assert(64 <= WHEEL_LEVELS * DIGIT_BITS, "the levels cover all of time");

void wheel_init(struct wheel *wheel, weft_time now)
{
    *wheel = (struct wheel){.now = now};
}

static unsigned level_of(const struct wheel *wheel, weft_time deadline)
{
    weft_time differs = wheel->now ^ deadline;

    return differs ? (unsigned)(63 - __builtin_clzll(differs)) / DIGIT_BITS : 0;
}

static void append(struct wheel *wheel, struct weft_timer_node *node)
{
    unsigned level = level_of(wheel, node->deadline);
    unsigned index = (node->deadline >> (level * DIGIT_BITS)) % WHEEL_SLOTS;
    struct wheel_slot *slot = &wheel->slot[level][index];
    uint64_t bit = 1ull << index;

    if (!(wheel->used[level] & bit)) {
        wheel->used[level] |= bit;
        slot->tail = &slot->head;
        slot->earliest = node->deadline;
    } else if (node->deadline < slot->earliest) {
        slot->earliest = node->deadline;
    }
    node->slot = (uint16_t)(level * WHEEL_SLOTS + index);
    node->next = NULL;
    node->prev = slot->tail;
    *slot->tail = node;
    slot->tail = &node->next;
}

void wheel_set(struct wheel *wheel, struct weft_timer_node *node, weft_time deadline)
{
    wheel_cancel(wheel, node);
    if (deadline == WEFT_TIME_NEVER)
        return;
    node->deadline = deadline < wheel->now ? wheel->now : deadline;
    append(wheel, node);
}

void wheel_cancel(struct wheel *wheel, struct weft_timer_node *node)
{
    unsigned level = node->slot / WHEEL_SLOTS;
    unsigned index = node->slot % WHEEL_SLOTS;
    struct wheel_slot *slot;

    if (!wheel_is_set(node))
        return;
    slot = &wheel->slot[level][index];
    *node->prev = node->next;
    if (node->next)
        node->next->prev = node->prev;
    else
        slot->tail = node->prev;
    if (slot->tail == &slot->head)
        wheel->used[level] &= ~(1ull << index);
    node->prev = NULL;
}

/* The first slot in time; `*level` is WHEEL_LEVELS, and the result NULL, when nothing is set. */
static const struct wheel_slot *first_slot(const struct wheel *wheel, unsigned *level)
{
    for (*level = 0; *level < WHEEL_LEVELS; (*level)++)
        if (wheel->used[*level])
            return &wheel->slot[*level][__builtin_ctzll(wheel->used[*level])];
    return NULL;
}

weft_time wheel_next(const struct wheel *wheel)
{
    unsigned level;
    const struct wheel_slot *slot = first_slot(wheel, &level);

    return slot ? slot->earliest : WEFT_TIME_NEVER;
}

/* Moves the wheel to the beginning of the first slot's deadlines, and its nodes to lower levels. */
static void cascade(struct wheel *wheel, unsigned level, const struct wheel_slot *slot)
{
    struct weft_timer_node *node = slot->head;

    wheel->now = slot->earliest;
    wheel->used[level] &= wheel->used[level] - 1;
    while (node) {
        struct weft_timer_node *next = node->next;

        append(wheel, node);
        node = next;
    }
}

/* Nothing is due until `now`: moves the wheel as near to it as the first slot allows. */
static void advance(struct wheel *wheel, weft_time now, unsigned level, const struct wheel_slot *first)
{
    if (first && level > 0) {
        unsigned shift = level * DIGIT_BITS;
        weft_time begins = first->earliest >> shift << shift;

        if (now >= begins)
            now = begins - 1;
    }
    if (now > wheel->now)
        wheel->now = now;
}

struct weft_timer_node *wheel_pop_due(struct wheel *wheel, weft_time now)
{
    for (;;) {
        unsigned level;
        const struct wheel_slot *slot = first_slot(wheel, &level);

        if (!slot || slot->earliest > now) {
            advance(wheel, now, level, slot);
            return NULL;
        }
        if (level == 0) {
            struct weft_timer_node *node = slot->head;

            wheel->now = node->deadline;
            wheel_cancel(wheel, node);
            return node;
        }
        cascade(wheel, level, slot);
    }
}
