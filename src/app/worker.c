/* SPDX-License-Identifier: MIT */
/*
 * Two queues under one lock: to the thread, and back; an eventfd says in the
 * loop that something came back.
 */
#include "app/worker.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct queue {
    struct worker_job *head, *tail;
};

struct worker {
    struct weft_loop *loop;
    struct weft_watch watch; /* of the eventfd */
    pthread_t thread;
    pthread_mutex_t lock; /* for what follows */
    pthread_cond_t wake;
    struct queue todo, finished;
    bool stop;
};

static void push(struct queue *queue, struct worker_job *job)
{
    job->next = NULL;
    if (queue->tail)
        queue->tail->next = job;
    else
        queue->head = job;
    queue->tail = job;
}

static struct worker_job *pop(struct queue *queue)
{
    struct worker_job *job = queue->head;

    if (!job)
        return NULL;
    queue->head = job->next;
    if (!queue->head)
        queue->tail = NULL;
    return job;
}

/* --- The worker's thread ---------------------------------------------------------- */

static void *work(void *arg)
{
    struct worker *worker = arg;
    const uint64_t one = 1;
    struct worker_job *job;

    pthread_mutex_lock(&worker->lock);
    for (;;) {
        while (!worker->stop && !worker->todo.head)
            pthread_cond_wait(&worker->wake, &worker->lock);
        if (worker->stop)
            break;
        job = pop(&worker->todo);
        pthread_mutex_unlock(&worker->lock);
        job->run(job);
        pthread_mutex_lock(&worker->lock);
        push(&worker->finished, job);
        if (write(worker->watch.fd, &one, sizeof(one)) < 0)
            continue; /* only when the counter is full: then the loop has been told already */
    }
    pthread_mutex_unlock(&worker->lock);
    return NULL;
}

/* --- The loop's thread --------------------------------------------------------------- */

static struct worker_job *next_finished(struct worker *worker)
{
    struct worker_job *job;

    pthread_mutex_lock(&worker->lock);
    job = pop(&worker->finished);
    pthread_mutex_unlock(&worker->lock);
    return job;
}

static void came_back(struct weft_watch *watch, uint32_t events, weft_time now)
{
    struct worker *worker = watch->user;
    struct worker_job *job;
    uint64_t count;

    (void)events, (void)now;
    if (read(watch->fd, &count, sizeof(count)) < 0)
        return;
    while ((job = next_finished(worker)))
        job->done(job, true);
}

/* Signals are the loop's business: the thread is born with all of them blocked. */
static int start_thread(struct worker *worker)
{
    sigset_t all, before;
    int err;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    err = pthread_create(&worker->thread, NULL, work, worker);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return err ? WEFT_E_NOMEM : 0;
}

int worker_new(struct weft_loop *loop, struct worker **worker)
{
    struct worker *w = calloc(1, sizeof(*w));
    int err = WEFT_E_IO;

    if (!w)
        return WEFT_E_NOMEM;
    w->loop = loop;
    w->watch = (struct weft_watch){
        .fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), .events = EPOLLIN, .ready = came_back, .user = w};
    if (w->watch.fd < 0)
        goto free_worker;
    if (weft_loop_watch(loop, &w->watch) != 0)
        goto close_fd;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->wake, NULL);
    err = start_thread(w);
    if (err)
        goto unwatch;
    *worker = w;
    return 0;
unwatch:
    weft_loop_unwatch(loop, &w->watch);
close_fd:
    close(w->watch.fd);
free_worker:
    free(w);
    return err;
}

void worker_submit(struct worker *worker, struct worker_job *job)
{
    pthread_mutex_lock(&worker->lock);
    push(&worker->todo, job);
    pthread_cond_signal(&worker->wake);
    pthread_mutex_unlock(&worker->lock);
}

void worker_free(struct worker *worker)
{
    struct worker_job *job;

    if (!worker)
        return;
    pthread_mutex_lock(&worker->lock);
    worker->stop = true;
    pthread_cond_signal(&worker->wake);
    pthread_mutex_unlock(&worker->lock);
    pthread_join(worker->thread, NULL);
    while ((job = pop(&worker->finished)))
        job->done(job, true);
    while ((job = pop(&worker->todo)))
        job->done(job, false);
    weft_loop_unwatch(worker->loop, &worker->watch);
    close(worker->watch.fd);
    pthread_mutex_destroy(&worker->lock);
    pthread_cond_destroy(&worker->wake);
    free(worker);
}
