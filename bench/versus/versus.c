/* SPDX-License-Identifier: MIT */
/*
 * versus: how fast weft's TCP is on a bad path, with the kernel's beside it.
 *
 *     versus --wire "rate=10mbit,delay=10ms,loss=1%,queue=17" --seconds 20 weft:kernel kernel:kernel
 *
 * Each FROM:TO is a flow from left to right that sends as much as it can, all at
 * once over the one wire of path.h. Prints a line of JSON for each flow: what
 * arrived, and from which second on it was counted.
 *
 * Owns    the flows, and the programs in the kernels' namespaces: children that
 *         count in shared memory and end with this process.
 */
#define _GNU_SOURCE
#include "path.h"

#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_FLOWS  8u
#define FIRST_PORT 7000u
#define CHUNK      65536u

struct flow {
    bool weft_sends, weft_receives;
    uint16_t port;
    _Atomic uint64_t received; /* bytes; in memory that the children share */
    uint64_t counted_from;
    /* weft's ends */
    struct weft_handler listening, receiving, sending;
    struct weft_sock *listener, *sender, *receiver;
    struct weft_timer watching;
    weft_time watch;
};

struct versus {
    struct flow *flows;
    unsigned count;
    const char *kernel_cc;
    struct weft_impair_config wire;
    unsigned seconds, warmup;
    weft_time watch; /* how often senders are shown; 0: never */
    uint32_t mtu;
};

static const char zeros[CHUNK];

/* A line to see a sender by: cwnd and ssthresh in segments, srtt in microseconds. */
static void show_sender(const struct flow *flow, unsigned cwnd, unsigned ssthresh, unsigned srtt,
                        unsigned resent)
{
    fprintf(stderr, "%.3f port %u %s cwnd %u ssthresh %u srtt %u resent %u\n",
            (double)weft_clock_now() / (double)WEFT_SEC, flow->port, flow->weft_sends ? "weft" : "kernel",
            cwnd, ssthresh, srtt, resent);
}

/* --- The kernel's ends --- */

static void ends_with_us(void)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static void must(long result, const char *what)
{
    if (result >= 0)
        return;
    fprintf(stderr, "versus: in the kernel's namespace: %s: %s\n", what, strerror(errno));
    _exit(1);
}

static struct sockaddr_in sockaddr_of(struct weft_addr addr, uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(weft_addr_u32(&addr))};
}

static void kernel_receive(struct flow *flow, int listener)
{
    char *buf = malloc(CHUNK);
    int fd = accept(listener, NULL, NULL);
    ssize_t n;

    must(fd, "accept");
    while ((n = read(fd, buf, CHUNK)) > 0)
        atomic_fetch_add(&flow->received, (uint64_t)n);
}

static void start_kernel_receiver(struct flow *flow)
{
    struct sockaddr_in local = sockaddr_of(path_kernel_addr(PATH_RIGHT), flow->port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    must(fd, "socket");
    must(bind(fd, (struct sockaddr *)&local, sizeof(local)), "bind");
    must(listen(fd, 1), "listen");
    if (fork() == 0) {
        ends_with_us();
        kernel_receive(flow, fd);
        _exit(0);
    }
    close(fd);
}

/* In a process of its own, for the sender is busy writing. */
static void watch_kernel_sender(const struct flow *flow, int fd, weft_time every)
{
    struct tcp_info info;
    socklen_t len = sizeof(info);

    if (every == 0 || fork() != 0)
        return;
    ends_with_us();
    while (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0) {
        show_sender(flow, info.tcpi_snd_cwnd, info.tcpi_snd_ssthresh, info.tcpi_rtt, info.tcpi_total_retrans);
        usleep((useconds_t)every);
    }
    _exit(0);
}

/* Tries until the network stands. */
static void start_kernel_sender(const struct versus *versus, const struct flow *flow)
{
    struct sockaddr_in remote = sockaddr_of(
        flow->weft_receives ? path_weft_addr(PATH_RIGHT) : path_kernel_addr(PATH_RIGHT), flow->port);
    int fd;

    if (fork() != 0)
        return;
    ends_with_us();
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(fd, "socket");
    must(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, versus->kernel_cc, (socklen_t)strlen(versus->kernel_cc)),
         versus->kernel_cc);
    while (connect(fd, (struct sockaddr *)&remote, sizeof(remote)) < 0 && errno != EISCONN) {
        close(fd);
        usleep(10000);
        fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, versus->kernel_cc, (socklen_t)strlen(versus->kernel_cc));
    }
    watch_kernel_sender(flow, fd, versus->watch);
    while (write(fd, zeros, CHUNK) > 0)
        ;
    _exit(0);
}

static void in_kernel(enum path_side side, void *ctx)
{
    struct versus *versus = ctx;

    for (unsigned i = 0; i < versus->count; i++) {
        struct flow *flow = &versus->flows[i];

        if (side == PATH_RIGHT && !flow->weft_receives)
            start_kernel_receiver(flow);
        if (side == PATH_LEFT && !flow->weft_sends)
            start_kernel_sender(versus, flow);
    }
}

/* --- weft's ends --- */

static void receive(struct weft_handler *handler, struct weft_sock *sock, unsigned events, weft_time now)
{
    struct flow *flow = (struct flow *)((char *)handler - offsetof(struct flow, receiving));
    struct weft_slice views[8];
    size_t bytes;

    (void)events, (void)now;
    while (weft_sock_borrow(sock, views, 8, &bytes) > 0) {
        atomic_fetch_add(&flow->received, bytes);
        weft_sock_consume(sock, bytes);
    }
}

static void accept_one(struct weft_handler *handler, struct weft_sock *listener, unsigned events,
                       weft_time now)
{
    struct flow *flow = (struct flow *)((char *)handler - offsetof(struct flow, listening));

    (void)events, (void)now;
    while (weft_sock_accept(listener, &flow->receiver) == 0) {
        weft_sock_set_handler(flow->receiver, &flow->receiving);
        weft_sock_rearm(flow->receiver, WEFT_READABLE);
    }
}

static void send_more(struct weft_handler *handler, struct weft_sock *sock, unsigned events, weft_time now)
{
    (void)handler, (void)events, (void)now;
    while (weft_sock_send(sock, zeros, CHUNK) > 0)
        ;
}

static void start_weft_receiver(struct path *path, struct flow *flow)
{
    struct weft_endpoint local = {path_weft_addr(PATH_RIGHT), flow->port};

    path_must(weft_sock_open(path_weft(path, PATH_RIGHT), WEFT_SOCK_STREAM, &flow->listener), "a socket");
    path_must(weft_sock_bind(flow->listener, &local), "bind");
    flow->listening.ready = accept_one;
    flow->receiving.ready = receive;
    weft_sock_set_handler(flow->listener, &flow->listening);
    path_must(weft_sock_listen(flow->listener, 1), "listen");
}

static void watch_weft_sender(struct weft_timer *timer, weft_time now)
{
    struct flow *flow = timer->user;
    struct weft_tcp_info info;

    if (weft_sock_info(flow->sender, &info) == 0 && info.snd_mss > 0)
        show_sender(flow, info.cwnd / info.snd_mss, info.ssthresh / info.snd_mss, (unsigned)info.srtt,
                    (unsigned)info.segs_retransmitted);
    weft_timer_set(weft_sock_stack(flow->sender), timer, now + flow->watch);
}

static void start_weft_sender(struct path *path, struct flow *flow, weft_time watch)
{
    struct weft_endpoint remote = {
        flow->weft_receives ? path_weft_addr(PATH_RIGHT) : path_kernel_addr(PATH_RIGHT), flow->port};
    int result;

    path_must(weft_sock_open(path_weft(path, PATH_LEFT), WEFT_SOCK_STREAM, &flow->sender), "a socket");
    flow->sending.ready = send_more;
    weft_sock_set_handler(flow->sender, &flow->sending);
    result = weft_sock_connect(flow->sender, &remote);
    path_must(result == WEFT_E_INPROGRESS ? 0 : result, "connect");
    flow->watch = watch;
    flow->watching = (struct weft_timer){.fired = watch_weft_sender, .user = flow};
    if (watch > 0)
        weft_timer_set(path_weft(path, PATH_LEFT), &flow->watching, weft_clock_now() + watch);
}

/* --- A run --- */

static void print_results(const struct versus *versus, const struct path *path)
{
    for (unsigned i = 0; i < versus->count; i++) {
        const struct flow *flow = &versus->flows[i];
        uint64_t bytes = flow->received - flow->counted_from;
        unsigned seconds = versus->seconds - versus->warmup;

        printf("{\"from\": \"%s\", \"to\": \"%s\", \"seconds\": %u, \"bytes\": %llu, \"mbit_per_s\": %.3f, "
               "\"dropped_out\": %llu, \"dropped_back\": %llu}\n",
               flow->weft_sends ? "weft" : "kernel", flow->weft_receives ? "weft" : "kernel", seconds,
               (unsigned long long)bytes, (double)bytes * 8 / 1e6 / seconds,
               (unsigned long long)path_dropped(path, PATH_LEFT),
               (unsigned long long)path_dropped(path, PATH_RIGHT));
    }
}

static void run(struct versus *versus)
{
    struct path_config config = {.wire = versus->wire, .mtu = versus->mtu};
    struct path *path = path_new(&config, in_kernel, versus);
    weft_time start = weft_clock_now();

    for (unsigned i = 0; i < versus->count; i++) {
        if (versus->flows[i].weft_receives)
            start_weft_receiver(path, &versus->flows[i]);
        if (versus->flows[i].weft_sends)
            start_weft_sender(path, &versus->flows[i], versus->watch);
    }
    path_run(path, start + versus->warmup * WEFT_SEC);
    for (unsigned i = 0; i < versus->count; i++)
        versus->flows[i].counted_from = versus->flows[i].received;
    path_run(path, start + versus->seconds * WEFT_SEC);
    print_results(versus, path);
    path_free(path);
}

static bool parse_end(const char *word, size_t len, bool *is_weft)
{
    *is_weft = len == 4 && memcmp(word, "weft", 4) == 0;
    return *is_weft || (len == 6 && memcmp(word, "kernel", 6) == 0);
}

static bool parse_flow(const char *word, struct flow *flow)
{
    const char *colon = strchr(word, ':');

    return colon && parse_end(word, (size_t)(colon - word), &flow->weft_sends) &&
           parse_end(colon + 1, strlen(colon + 1), &flow->weft_receives);
}

static void usage(void)
{
    fputs("usage: versus [--wire IMPAIRMENT] [--mtu BYTES] [--seconds N] [--warmup N] [--kernel-cc NAME]\n"
          "              [--watch MILLISECONDS]: shows each sender's window so often, on standard error\n"
          "              FROM:TO...        FROM and TO: weft or kernel; all flows go at once\n",
          stderr);
    exit(2);
}

static void parse_options(struct versus *versus, int argc, char **argv)
{
    static const struct option options[] = {
        {"wire", required_argument, NULL, 'w'},
        {"seconds", required_argument, NULL, 's'},
        {"warmup", required_argument, NULL, 'u'},
        {"kernel-cc", required_argument, NULL, 'k'},
        {"mtu", required_argument, NULL, 'm'},
        {"watch", required_argument, NULL, 'i'},
        {0},
    };
    char why[200];
    int c;

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (c) {
        case 'w':
            if (weft_impair_parse(optarg, &versus->wire, why, sizeof(why)) < 0) {
                fprintf(stderr, "versus: --wire: %s\n", why);
                exit(2);
            }
            break;
        case 's':
            versus->seconds = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'u':
            versus->warmup = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'k':
            versus->kernel_cc = optarg;
            break;
        case 'm':
            versus->mtu = (uint32_t)strtoul(optarg, NULL, 10);
            break;
        case 'i':
            versus->watch = strtoul(optarg, NULL, 10) * WEFT_MSEC;
            break;
        default:
            usage();
        }
    }
    if (optind == argc || (unsigned)(argc - optind) > MAX_FLOWS || versus->seconds <= versus->warmup)
        usage();
}

int main(int argc, char **argv)
{
    struct versus versus = {.kernel_cc = "cubic", .seconds = 10, .mtu = 1500};

    versus.flows = mmap(NULL, sizeof(struct flow) * MAX_FLOWS, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (versus.flows == MAP_FAILED)
        return 1;
    parse_options(&versus, argc, argv);
    for (int i = optind; i < argc; i++) {
        struct flow *flow = &versus.flows[versus.count];

        flow->port = (uint16_t)(FIRST_PORT + versus.count++);
        if (!parse_flow(argv[i], flow))
            usage();
    }
    run(&versus);
    return 0;
}
