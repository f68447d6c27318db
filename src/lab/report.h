/* SPDX-License-Identifier: MIT */
/* What is shown of a run that is over: as text, as JSON, as pictures and a page. */
#ifndef WEFT_LAB_REPORT_H
#define WEFT_LAB_REPORT_H

#include "lab/run.h"

/* Flows, links, expectations and faults as tables. */
void lab_summary_text(const struct lab_run *run, FILE *out);

/* The same as one JSON object. */
void lab_summary_json(const struct lab_run *run, FILE *out);

/*
 * Writes throughput.svg, cwnd.svg, rtt.svg, queue.svg and sequence.svg into a
 * directory, and index.html that shows them all with the summary. The run must
 * have kept samples. Returns 0 or an error with `why`.
 */
int lab_plots_write(const struct lab_run *run, const char *directory, char *why, size_t why_size);

#endif
