/* SPDX-License-Identifier: MIT */
/* The clock of real runs. */
#include <weft/loop.h>

#include <time.h>

weft_time weft_clock_now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (weft_time)ts.tv_sec * WEFT_SEC + (weft_time)ts.tv_nsec / 1000;
}
