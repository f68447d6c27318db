/* SPDX-License-Identifier: MIT */
/*
 * Serialisation at a rate. The exact end of a transmission is free_at minus
 * early/rate microseconds; the next one that has had to wait begins there, so
 * that no rounding adds up.
 */
#include "link/rate.h"

#include <weft/err.h>

#include <stdlib.h>

int link_rate_init(struct link_rate *rate, uint64_t bits_per_second, uint32_t limit)
{
    *rate = (struct link_rate){.rate = bits_per_second, .limit = limit};
    if (bits_per_second == 0)
        return 0;
    if (bits_per_second > LINK_RATE_MAX)
        rate->rate = LINK_RATE_MAX;
    rate->begins = calloc(limit, sizeof(*rate->begins));
    return rate->begins ? 0 : WEFT_E_NOMEM;
}

void link_rate_fini(struct link_rate *rate)
{
    free(rate->begins);
    rate->begins = NULL;
}

/* Those whose transmission has begun wait no longer. */
static void forget_begun(struct link_rate *rate, weft_time now)
{
    while (rate->waiting && rate->begins[rate->first] <= now) {
        rate->first = (rate->first + 1) % rate->limit;
        rate->waiting--;
    }
}

/* The wire takes `bytes` as soon as it is free, which it is not before free_at. */
static void transmit(struct link_rate *rate, uint32_t bytes)
{
    uint64_t work = (uint64_t)bytes * 8 * WEFT_SEC; /* bits, times microseconds in a second */

    if (work <= rate->early) {
        rate->early -= work;
        return;
    }
    work -= rate->early;
    rate->free_at += (work + rate->rate - 1) / rate->rate;
    rate->early = (rate->rate - work % rate->rate) % rate->rate;
}

weft_time link_rate_pass(struct link_rate *rate, uint32_t bytes, weft_time now)
{
    if (rate->rate == 0)
        return now;
    forget_begun(rate, now);
    if (rate->free_at <= now) {
        rate->free_at = now;
        rate->early = 0;
    } else if (rate->waiting == rate->limit) {
        return WEFT_TIME_NEVER;
    } else {
        rate->begins[(rate->first + rate->waiting++) % rate->limit] = rate->free_at;
    }
    transmit(rate, bytes);
    return rate->free_at;
}
