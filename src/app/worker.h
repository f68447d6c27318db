/* SPDX-License-Identifier: MIT */
/*
 * One thread for work that would keep an event loop from its other business.
 *
 * Owns    a queue of jobs, the thread that runs them one after the other, and
 *         the way back into the loop.
 * Never   touches a job while its thread does: a job belongs to the loop's
 *         thread until it is submitted, to the worker's while `run` runs, and to
 *         the loop's again when `done` is called.
 */
#ifndef WEFT_APP_WORKER_H
#define WEFT_APP_WORKER_H

#include <weft/loop.h>

struct worker;

/* Embedded in a record of the caller. */
struct worker_job {
    struct worker_job *next; /* the worker's */
    /* On the worker's thread: the work. */
    void (*run)(struct worker_job *job);
    /* On the loop's thread, exactly once for each job: it has been run, or (`was_run` false) the worker
     * was freed before. It may free the job. */
    void (*done)(struct worker_job *job, bool was_run);
};

/* Starts the thread. Borrows `loop` until worker_free. Gives the worker. Returns 0, WEFT_E_NOMEM or WEFT_E_IO. */
int worker_new(struct weft_loop *loop, struct worker **worker);

/* Queues a job. Takes it. */
void worker_submit(struct worker *worker, struct worker_job *job);

/* Waits for the job under way, calls `done` of all jobs, ends the thread. NULL is allowed. */
void worker_free(struct worker *worker);

#endif
