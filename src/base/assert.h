/* SPDX-License-Identifier: MIT */
/*
 * The assertion of the core: for our own invariants, never for what a packet
 * says or for lack of memory. Always on; a failure traps without a word, since
 * the core can call nobody.
 */
#ifndef WEFT_BASE_ASSERT_H
#define WEFT_BASE_ASSERT_H

#include <stdbool.h>

static inline void weft_assert(bool holds)
{
    if (__builtin_expect(!holds, 0))
        __builtin_trap();
}

#endif
