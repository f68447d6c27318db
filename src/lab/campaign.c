/* SPDX-License-Identifier: MIT */
/* Many scenarios by chance (campaign.h). */
#include "lab/campaign.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <weft/err.h>

#include "lab/generate.h"
#include "lab/run.h"

#define MOST_JOBS 64
#define LONGEST   120u /* seconds that one seed may take of a processor; ours: a thousand times the usual */

/* --- One seed ------------------------------------------------------------------------- */

static int run_once(const struct lab_scenario *scenario, bool trace, char **faults, uint64_t *digest)
{
    struct lab_options options = {.trace = trace};
    struct lab_run *run;
    char why[LAB_WHY];
    int error = lab_run_new(scenario, &options, &run, why, sizeof(why));

    *faults = NULL;
    *digest = 0;
    if (error) {
        *faults = strdup(why);
        return error;
    }
    lab_run_go(run);
    *digest = lab_run_digest(run);
    if (run->faults)
        *faults = strdup(run->fault_text);
    lab_run_free(run);
    return 0;
}

void lab_swap_paths(struct lab_scenario *scenario)
{
    for (unsigned i = 0; i < scenario->node_count; i++)
        scenario->node[i].host.tcp.no_fast_path = !scenario->node[i].host.tcp.no_fast_path;
}

/* Whether TCP's fast path is on must make no difference to any packet. */
static int compare_paths(struct lab_scenario *scenario, uint64_t digest, char **faults)
{
    uint64_t other;
    int error;

    lab_swap_paths(scenario);
    error = run_once(scenario, false, faults, &other);
    if (!error && *faults) {
        char *alone = *faults;

        if (asprintf(faults, "with the fast path on where it was off, and off where it was on: %s", alone) <
            0)
            *faults = NULL;
        free(alone);
        return *faults ? 0 : WEFT_E_NOMEM;
    }
    if (!error && other != digest)
        *faults =
            strdup("with the fast path on where it was off, and off where it was on, other packets are sent");
    return error;
}

/* Every so many seeds run a second time with the other path. */
#define COMPARED 4

int lab_campaign_one(uint64_t seed, char **faults)
{
    struct lab_scenario scenario;
    uint64_t digest;
    int error = lab_generate(seed, &scenario);

    *faults = NULL;
    if (error)
        return error;
    error = run_once(&scenario, false, faults, &digest);
    if (*faults && !error) { /* the same again, which now tells more */
        free(*faults);
        error = run_once(&scenario, true, faults, &digest);
    }
    if (!error && !*faults && seed % COMPARED == 0)
        error = compare_paths(&scenario, digest, faults);
    lab_scenario_free(&scenario);
    return error;
}

/* --- Processes --------------------------------------------------------------------------- */

/* Shared with the workers. */
struct board {
    uint64_t next; /* seed, by how much above the first */
    uint64_t passed;
    uint64_t failed;
    uint64_t now[MOST_JOBS]; /* the seed that each works on, plus one; 0: none */
};

static void tell_failure(FILE *out, uint64_t seed, const char *text)
{
    char *whole = NULL;

    /* In one piece, so that two workers do not mix their lines. */
    if (asprintf(&whole,
                 "FAILED seed %" PRIu64 ": %s%s  replay: weft lab --campaign 1 --seed %" PRIu64
                 ", and with --shrink a scenario of it, as small as it can be\n",
                 seed, text, *text && text[strlen(text) - 1] == '\n' ? "" : "\n", seed) < 0)
        return;
    fflush(out);
    (void)!write(fileno(out), whole, strlen(whole));
    free(whole);
}

static void work(const struct lab_campaign *c, struct board *board, unsigned job, FILE *out)
{
    for (;;) {
        uint64_t i = __atomic_fetch_add(&board->next, 1, __ATOMIC_SEQ_CST);
        char *faults;
        int error;

        if (i >= c->count || (c->failures && board->failed >= c->failures))
            return;
        board->now[job] = c->first + i + 1;
        alarm(LONGEST);
        error = lab_campaign_one(c->first + i, &faults);
        alarm(0);
        if (error || faults) {
            tell_failure(out, c->first + i, faults ? faults : weft_strerror(error));
            __atomic_fetch_add(&board->failed, 1, __ATOMIC_SEQ_CST);
        } else {
            __atomic_fetch_add(&board->passed, 1, __ATOMIC_SEQ_CST);
        }
        free(faults);
        board->now[job] = 0;
    }
}

static pid_t start_worker(const struct lab_campaign *c, struct board *board, unsigned job, FILE *out)
{
    pid_t pid;

    fflush(out);
    pid = fork();
    if (pid == 0) {
        work(c, board, job, out);
        fflush(out);
        exit(0); /* so that a leak checker has its turn */
    }
    return pid;
}

/* A worker has ended. Returns true when it died with a seed in its hands, and another one is to go on. */
static bool bury(struct board *board, unsigned job, int status, FILE *out)
{
    uint64_t seed = board->now[job];
    char text[120];

    board->now[job] = 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return false;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
        (void)snprintf(text, sizeof(text), "took longer than %u s", LONGEST);
    else if (WIFSIGNALED(status))
        (void)snprintf(text, sizeof(text), "died: %s", strsignal(WTERMSIG(status)));
    else
        (void)snprintf(text, sizeof(text), "ended with status %d", WEXITSTATUS(status));
    board->failed++;
    if (seed)
        tell_failure(out, seed - 1, text);
    else
        fprintf(out, "FAILED a worker %s\n", text);
    return seed != 0;
}

static void tell_end(const struct lab_campaign *c, const struct board *board, double seconds, FILE *out)
{
    fprintf(out,
            "campaign: seeds %" PRIu64 " to %" PRIu64 ": %" PRIu64 " passed, %" PRIu64 " failed, in %.1f s\n",
            c->first, c->first + c->count - 1, board->passed, board->failed, seconds);
}

static double clock_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

int64_t lab_campaign_run(const struct lab_campaign *c, FILE *out)
{
    struct board *board =
        mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    unsigned jobs = c->jobs < 1 ? 1 : c->jobs > MOST_JOBS ? MOST_JOBS : c->jobs, running = 0;
    pid_t worker[MOST_JOBS];
    double began = clock_now();
    int64_t failed;

    if (board == MAP_FAILED)
        return -1;
    for (unsigned i = 0; i < jobs; i++) {
        worker[i] = start_worker(c, board, i, out);
        running += worker[i] > 0;
    }
    while (running > 0) {
        int status;
        pid_t pid = wait(&status);

        for (unsigned i = 0; i < jobs; i++) {
            if (worker[i] != pid)
                continue;
            running--;
            worker[i] = bury(board, i, status, out) ? start_worker(c, board, i, out) : 0;
            running += worker[i] > 0;
        }
    }
    tell_end(c, board, clock_now() - began, out);
    failed = board->passed + board->failed > 0 ? (int64_t)board->failed : -1;
    munmap(board, sizeof(*board));
    return failed;
}
