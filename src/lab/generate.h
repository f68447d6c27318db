/* SPDX-License-Identifier: MIT */
/*
 * Scenarios by chance: what the campaign runs. A seed always gives the same.
 *
 * Owns    what is likely: shapes of networks, links, stacks, programs, events.
 *         A connection can always come to its end: no path is lost for good,
 *         and none loses more than a TCP may be asked to bear.
 */
#ifndef WEFT_LAB_GENERATE_H
#define WEFT_LAB_GENERATE_H

#include "lab/scenario.h"

/* Fills `out`. Returns 0 or WEFT_E_NOMEM. */
int lab_generate(uint64_t seed, struct lab_scenario *out);

#endif
