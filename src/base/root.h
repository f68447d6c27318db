/* SPDX-License-Identifier: MIT */
/* Roots of whole numbers. */
#ifndef WEFT_BASE_ROOT_H
#define WEFT_BASE_ROOT_H

#include <stdint.h>

/* The largest y with y * y * y <= n. Digit by digit, as on paper, in base 2: 22 steps, no division. */
static inline uint32_t cube_root(uint64_t n)
{
    uint64_t y = 0;

    for (int shift = 63; shift >= 0; shift -= 3) {
        uint64_t step;

        y *= 2;
        step = 3 * y * (y + 1) + 1; /* (y + 1)^3 - y^3 */
        if (n >> shift >= step) {
            n -= step << shift;
            y++;
        }
    }
    return (uint32_t)y;
}

#endif
