/* SPDX-License-Identifier: MIT */
/*
 * Many scenarios by chance, one for each seed, and what became of each.
 *
 * Every fourth seed runs twice, with TCP's fast path on where it was off and off
 * where it was on, and must send the same packets.
 *
 * Owns    the processes in which they run, so that a trap in one of them is a
 *         result like others.
 */
#ifndef WEFT_LAB_CAMPAIGN_H
#define WEFT_LAB_CAMPAIGN_H

#include <stdio.h>

#include <weft/types.h>

struct lab_scenario;

struct lab_campaign {
    uint64_t first; /* seed; those that follow it count up */
    uint64_t count;
    unsigned jobs;     /* processes at once */
    unsigned failures; /* stop after so many; 0: never */
    bool quiet;        /* tells only of failures and the end */
};

/* Runs them, and tells what happened on `out`. Returns how many seeds failed, or -1 when no process could be made. */
int64_t lab_campaign_run(const struct lab_campaign *campaign, FILE *out);

/* Runs one seed in this process. Gives the faults, a text for free(), or NULL when there are none. Returns 0 or an error. */
int lab_campaign_one(uint64_t seed, char **faults);

/* Hosts with TCP's fast path have none then, and those without have it. */
void lab_swap_paths(struct lab_scenario *scenario);

#endif
