/* SPDX-License-Identifier: MIT */
/*
 * Two kernels' TCPs with a wire between them: a TUN device in each of two new
 * network namespaces, what leaves one arriving at the other after the
 * impairment, and a capture at either end, near the kernel there.
 *
 *     kernels IMPAIRMENT A.pcapng B.pcapng
 *
 * Prints "PID PID", of a process in each namespace (for nsenter), and runs
 * until it is told to end. The ends are 10.9.0.1 and 10.9.0.2 on devices "wire".
 */
#include <weft/inspect.h>
#include <weft/link.h>
#include <weft/loop.h>

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define BATCH 64u

struct end {
    struct weft_link *link;
    struct weft_pktq out; /* on its way to it */
    struct weft_pcapng *capture;
    pid_t holder;
};

static volatile sig_atomic_t stopped;

static void stop(int signal_number)
{
    (void)signal_number;
    stopped = 1;
}

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "kernels: %s\n", what);
    exit(1);
}

/* What the kernel sends comes in here, and goes out there. */
static void note(void *ctx, bool outgoing, const uint8_t *bytes, uint32_t len, weft_time now)
{
    struct end *end = ctx;
    struct weft_frame frame = {
        .time = now,
        .type = WEFT_LINK_IP,
        .direction = outgoing ? WEFT_DIRECTION_IN : WEFT_DIRECTION_OUT,
        .iface = 1,
        .bytes = bytes,
        .len = len,
        .wire_len = len,
    };

    must(weft_pcapng_write(end->capture, &frame, NULL, 0) == 0, "a capture could not be written");
}

/* A process that keeps the namespace. */
static pid_t hold_namespace(void)
{
    pid_t pid = fork();

    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;)
        pause();
}

static void make_end(struct end *end, const char *capture, uint8_t host)
{
    struct weft_tap_config config = {.name = "wire", .mtu = 1500};
    struct weft_prefix prefix = {weft_ip4(10, 9, 0, host), 24};
    struct weft_tee_observer observer = {.frame = note, .ctx = end};
    char why[300] = "";

    must(unshare(CLONE_NEWNET) == 0, "no network namespace");
    must(weft_link_tun(&config, &end->link, why, sizeof(why)) == 0, why);
    must(weft_tap_configure("wire", &prefix, 1500, why, sizeof(why)) == 0, why);
    must(weft_pcapng_create(capture, 0, &end->capture, why, sizeof(why)) == 0, why);
    must(weft_pcapng_add_iface(end->capture, 1, "wire", WEFT_LINK_IP) == 0, "no capture");
    must(weft_link_tee(end->link, &observer, &end->link) == 0, "no memory");
    end->holder = hold_namespace();
    must(end->holder > 0, "no process");
}

/* Moves what there is one way. */
static void move(struct end *from, struct end *to, struct weft_pool *pool, weft_time now)
{
    weft_link_recv(from->link, pool, &to->out, BATCH, now);
    weft_link_send(to->link, &to->out, now);
    weft_link_end_round(from->link, now);
}

static void relay(struct end end[2], struct weft_pool *pool)
{
    struct pollfd fds[2] = {{weft_link_fd(end[0].link), POLLIN, 0}, {weft_link_fd(end[1].link), POLLIN, 0}};

    while (!stopped) {
        weft_time now = weft_clock_now(), deadline = weft_link_deadline(end[1].link);
        weft_time wait = deadline == WEFT_TIME_NEVER ? 100 * WEFT_MSEC : deadline > now ? deadline - now : 0;
        struct timespec timeout = {(time_t)(wait / WEFT_SEC), (long)(wait % WEFT_SEC * 1000)};

        (void)ppoll(fds, 2, &timeout, NULL);
        now = weft_clock_now();
        move(&end[0], &end[1], pool, now);
        move(&end[1], &end[0], pool, now);
    }
}

int main(int argc, char **argv)
{
    static const struct weft_pool_config size = {.pkts = 16384, .small_blocks = 16384, .large_blocks = 64};
    struct weft_pool *pool = weft_pool_new(weft_host_allocator(), &size);
    struct end end[2] = {{0}};
    struct weft_impair_config impair;
    char why[300];

    must(argc == 4 && pool, "usage: kernels IMPAIRMENT A.pcapng B.pcapng");
    must(weft_impair_parse(argv[1], &impair, why, sizeof(why)) == 0, why);
    make_end(&end[0], argv[2], 1);
    make_end(&end[1], argv[3], 2);
    must(weft_link_impair(end[1].link, &impair, pool, &end[1].link) == 0, "no memory");
    signal(SIGINT, stop);
    signal(SIGTERM, stop);
    printf("%d %d\n", (int)end[0].holder, (int)end[1].holder);
    fflush(stdout);
    relay(end, pool);
    for (unsigned i = 0; i < 2; i++) {
        kill(end[i].holder, SIGKILL);
        waitpid(end[i].holder, NULL, 0);
        weft_pktq_purge(&end[i].out);
        weft_link_close(end[i].link);
        must(weft_pcapng_close(end[i].capture) == 0, "a capture could not be written");
    }
    weft_pool_free(pool);
    return 0;
}
