/* SPDX-License-Identifier: MIT */
/*
 * Makes a scenario that fails smaller, as long as it fails: fewer flows,
 * events, boxes and hosts, words as they are by default, smaller numbers.
 *
 * Owns    the processes in which it tries, so that a trap is a failure like
 *         others. Any failure counts as the same.
 */
#ifndef WEFT_LAB_SHRINK_H
#define WEFT_LAB_SHRINK_H

#include "lab/scenario.h"

/* Shrinks `scenario` in place. Returns how many steps were made, or -1 when it does not fail at all. */
int lab_shrink(struct lab_scenario *scenario);

#endif
