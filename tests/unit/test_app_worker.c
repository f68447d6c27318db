/* SPDX-License-Identifier: MIT */
/* The worker runs every job once, in order, on a thread of its own, and tells the loop of each. */
#include "app/worker.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define JOBS 200

struct test_job {
    struct worker_job job;
    struct weft_loop *loop;
    pthread_t ran_on;
    unsigned *next_run; /* the order, as the worker's thread sees it */
    unsigned order;
    unsigned *done_count, *run_count;
    pthread_mutex_t *gate; /* held by the test until the job may end; NULL: none */
};

static void run(struct worker_job *work)
{
    struct test_job *job = (struct test_job *)work;

    job->ran_on = pthread_self();
    job->order = (*job->next_run)++;
    if (job->gate) {
        pthread_mutex_lock(job->gate);
        pthread_mutex_unlock(job->gate);
    }
}

static void done(struct worker_job *work, bool was_run)
{
    struct test_job *job = (struct test_job *)work;

    (*job->done_count)++;
    *job->run_count += was_run;
    if (*job->done_count == JOBS)
        weft_loop_stop(job->loop);
}

static struct weft_loop *new_loop(void)
{
    struct weft_stack_config config = {.pool_config = {16, 16, 16}};
    struct weft_loop *loop;

    assert_int_equal(weft_loop_new(&config, &loop), 0);
    return loop;
}

static void all_jobs_run_in_order(void **state)
{
    static struct test_job jobs[JOBS];
    struct weft_loop *loop = new_loop();
    unsigned next_run = 0, done_count = 0, run_count = 0;
    struct worker *worker;

    (void)state;
    assert_int_equal(worker_new(loop, &worker), 0);
    for (unsigned i = 0; i < JOBS; i++) {
        jobs[i] = (struct test_job){.job = {.run = run, .done = done},
                                    .loop = loop,
                                    .next_run = &next_run,
                                    .done_count = &done_count,
                                    .run_count = &run_count};
        worker_submit(worker, &jobs[i].job);
    }
    assert_int_equal(weft_loop_run(loop), 0);
    worker_free(worker);
    assert_int_equal(done_count, JOBS);
    assert_int_equal(run_count, JOBS);
    for (unsigned i = 0; i < JOBS; i++) {
        assert_int_equal(jobs[i].order, i);
        assert_false(pthread_equal(jobs[i].ran_on, pthread_self()));
    }
    weft_loop_free(loop);
}

static void freeing_gives_every_job_back(void **state)
{
    static struct test_job jobs[3];
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    struct weft_loop *loop = new_loop();
    unsigned next_run = 0, done_count = 0, run_count = 0;
    struct worker *worker;

    (void)state;
    assert_int_equal(worker_new(loop, &worker), 0);
    pthread_mutex_lock(&gate);
    for (unsigned i = 0; i < 3; i++) {
        jobs[i] = (struct test_job){.job = {.run = run, .done = done},
                                    .loop = loop,
                                    .next_run = &next_run,
                                    .done_count = &done_count,
                                    .run_count = &run_count,
                                    .gate = &gate};
        worker_submit(worker, &jobs[i].job);
    }
    pthread_mutex_unlock(&gate);
    worker_free(worker); /* with none, some or all of them run: each comes back once */
    assert_int_equal(done_count, 3);
    assert_int_equal(run_count, next_run);
    weft_loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_jobs_run_in_order),
        cmocka_unit_test(freeing_gives_every_job_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
