/* SPDX-License-Identifier: MIT */
/* The network of a comparison; see path.h. */
#define _GNU_SOURCE
#include "path.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define BATCH     64u
#define WEFT_HOST 1u /* added to the kernel's address */

struct path {
    struct weft_pool *pool;
    struct weft_link *wire[PATH_SIDES]; /* the two ends; the left one is impaired */
    struct weft_link *kernel[PATH_SIDES];
    struct weft_stack *weft[PATH_SIDES];
    int iface[PATH_SIDES];
    bool kernel_first; /* in the next round */
};

void path_must(int result, const char *what)
{
    if (result >= 0)
        return;
    fprintf(stderr, "versus: %s: %s\n", what, weft_strerror(result));
    exit(1);
}

static void must_errno(int result, const char *what)
{
    if (result >= 0)
        return;
    fprintf(stderr, "versus: %s: %s\n", what, strerror(errno));
    exit(1);
}

struct weft_addr path_kernel_addr(enum path_side side)
{
    return weft_ip4(10, 1, 0, side == PATH_LEFT ? 1 : 129);
}

struct weft_addr path_weft_addr(enum path_side side)
{
    return weft_ip4(10, 1, 0, (uint8_t)((side == PATH_LEFT ? 1 : 129) + WEFT_HOST));
}

/* --- Making it --- */

static void write_file(const char *name, const char *text)
{
    int fd = open(name, O_WRONLY | O_CLOEXEC);

    if (fd >= 0) {
        (void)!write(fd, text, strlen(text));
        close(fd);
    }
}

/* A network namespace of its own, in a user namespace of its own for whoever is not root. */
static void enter_namespace(void)
{
    char map[32];
    unsigned uid = geteuid(), gid = getegid();

    if (unshare(CLONE_NEWNET) == 0)
        return;
    must_errno(unshare(CLONE_NEWUSER | CLONE_NEWNET), "a network namespace");
    write_file("/proc/self/setgroups", "deny");
    snprintf(map, sizeof(map), "0 %u 1", gid);
    write_file("/proc/self/gid_map", map);
    snprintf(map, sizeof(map), "0 %u 1", uid);
    write_file("/proc/self/uid_map", map);
}

/* Without offloads, so that what crosses the wire is what the kernel's TCP sent, packet by packet. */
static struct weft_link *make_kernel(enum path_side side, uint32_t mtu)
{
    struct weft_tap_config config = {.name = "versus", .mtu = mtu};
    struct weft_prefix prefix = {.addr = path_kernel_addr(side), .len = 24};
    struct weft_link *link;
    char why[200] = "";

    enter_namespace();
    write_file("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1");
    write_file("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
    if (weft_link_tun(&config, &link, why, sizeof(why)) < 0 ||
        weft_tap_configure("versus", &prefix, mtu, why, sizeof(why)) < 0) {
        fprintf(stderr, "versus: %s\n", why);
        exit(1);
    }
    return link;
}

static void make_weft(struct path *path, const struct path_config *config, enum path_side side)
{
    struct weft_stack_config stack = config->stack;
    struct weft_iface_config iface = {.name = "versus", .type = WEFT_LINK_IP, .mtu = config->mtu};
    struct weft_prefix prefix = {.addr = path_weft_addr(side), .len = 24};

    stack.allocator = *weft_host_allocator();
    stack.pool = path->pool;
    stack.now = weft_clock_now();
    memcpy(stack.seed, &stack.now, sizeof(stack.now));
    stack.seed[31] = (uint8_t)side;
    path_must(weft_stack_new(&stack, &path->weft[side]), "a stack");
    path_must(path->iface[side] = weft_iface_add(path->weft[side], &iface), "an interface");
    path_must(weft_iface_add_addr(path->weft[side], path->iface[side], &prefix), "an address");
}

static void make_wire(struct path *path, const struct path_config *config)
{
    struct weft_pipe_config pipe = {.type = WEFT_LINK_IP, .mtu = config->mtu, .queue = 65536};
    struct weft_link *left;

    path_must(weft_link_pipe(&pipe, &left, &path->wire[PATH_RIGHT]), "the wire");
    path_must(weft_link_impair(left, &config->wire, path->pool, &path->wire[PATH_LEFT]), "the wire");
}

struct path *path_new(const struct path_config *config, void (*in_kernel)(enum path_side, void *), void *ctx)
{
    static const struct weft_pool_config pool = {.pkts = 65536, .small_blocks = 65536, .large_blocks = 4096};
    struct path *path = calloc(1, sizeof(*path));

    path_must(path ? 0 : WEFT_E_NOMEM, "memory");
    prctl(PR_SET_TIMERSLACK, 1); /* the default of 50 us is a good part of a packet at 100 Mbit/s */
    path->pool = weft_pool_new(weft_host_allocator(), &pool);
    path_must(path->pool ? 0 : WEFT_E_NOMEM, "a pool");
    make_wire(path, config);
    for (enum path_side side = PATH_LEFT; side < PATH_SIDES; side++) {
        path->kernel[side] = make_kernel(side, config->mtu);
        in_kernel(side, ctx);
        make_weft(path, config, side);
    }
    return path;
}

void path_free(struct path *path)
{
    for (enum path_side side = PATH_LEFT; side < PATH_SIDES; side++) {
        weft_link_close(path->kernel[side]);
        weft_link_close(path->wire[side]);
    }
    for (enum path_side side = PATH_LEFT; side < PATH_SIDES; side++)
        weft_stack_free(path->weft[side]);
    weft_pool_free(path->pool);
    free(path);
}

struct weft_stack *path_weft(struct path *path, enum path_side side)
{
    return path->weft[side];
}

uint64_t path_dropped(const struct path *path, enum path_side side)
{
    const struct weft_link_stats *stats = &path->wire[PATH_LEFT]->stats;

    return side == PATH_LEFT ? stats->tx_dropped : stats->rx_dropped;
}

/* --- Moving packets --- */

static void take_all(struct weft_pktq *to, struct weft_pktq *from)
{
    while (from->head)
        weft_pktq_push(to, weft_pktq_pop(from));
}

/* From the hosts of a side onto the wire: in turn one host first and then the other, for who comes second finds
 * the queue full more often. */
static void send_from(struct path *path, enum path_side side, weft_time now)
{
    struct weft_pktq kernel = {0}, batch = {0};
    struct weft_pktq *weft = weft_output(path->weft[side], path->iface[side]);

    path_must(weft_link_recv(path->kernel[side], path->pool, &kernel, BATCH, now), "the kernel's device");
    weft_dispatch(path->weft[side], UINT32_MAX);
    weft_step(path->weft[side], now);
    take_all(&batch, path->kernel_first ? &kernel : weft);
    take_all(&batch, path->kernel_first ? weft : &kernel);
    path_must(weft_link_send(path->wire[side], &batch, now), "the wire");
    weft_pktq_purge(&batch);
}

/* The last octet of an IPv4 destination tells the two hosts of a side apart. */
static bool is_for_weft(struct weft_pkt *pkt, enum path_side side)
{
    return weft_pkt_linearize(pkt, 20) && pkt->data[19] == path_weft_addr(side).b[15];
}

/* From the wire to the hosts of a side. */
static void deliver_to(struct path *path, enum path_side side, weft_time now)
{
    struct weft_pktq batch = {0}, to_kernel = {0}, to_weft = {0};

    path_must(weft_link_recv(path->wire[side], path->pool, &batch, BATCH, now), "the wire");
    while (batch.head) {
        struct weft_pkt *pkt = weft_pktq_pop(&batch);

        weft_pktq_push(is_for_weft(pkt, side) ? &to_weft : &to_kernel, pkt);
    }
    path_must(weft_link_send(path->kernel[side], &to_kernel, now), "the kernel's device");
    weft_pktq_purge(&to_kernel);
    weft_input(path->weft[side], path->iface[side], &to_weft, now);
    weft_step(path->weft[side], now);
}

static weft_time next_deadline(const struct path *path)
{
    weft_time first = WEFT_TIME_NEVER;

    for (enum path_side side = PATH_LEFT; side < PATH_SIDES; side++) {
        bool has_output = weft_output(path->weft[side], path->iface[side])->head;
        weft_time stack = has_output ? 0 : weft_deadline(path->weft[side]);
        weft_time wire = weft_link_deadline(path->wire[side]);

        first = stack < first ? stack : first;
        first = wire < first ? wire : first;
    }
    return first;
}

static void wait_for_work(struct path *path, weft_time until)
{
    struct pollfd fds[PATH_SIDES];
    weft_time deadline = next_deadline(path);
    weft_time now = weft_clock_now();
    weft_time wake = deadline < until ? deadline : until;
    weft_time wait = wake > now ? wake - now : 0;
    struct timespec timeout = {(time_t)(wait / WEFT_SEC), (long)(wait % WEFT_SEC) * 1000};

    for (enum path_side side = PATH_LEFT; side < PATH_SIDES; side++)
        fds[side] = (struct pollfd){weft_link_fd(path->kernel[side]), POLLIN, 0};
    ppoll(fds, PATH_SIDES, &timeout, NULL);
}

void path_run(struct path *path, weft_time until)
{
    weft_time now;

    while ((now = weft_clock_now()) < until) {
        path->kernel_first = !path->kernel_first;
        for (enum path_side side = PATH_LEFT; side < PATH_SIDES; side++)
            send_from(path, side, now);
        for (enum path_side side = PATH_LEFT; side < PATH_SIDES; side++)
            deliver_to(path, side, now);
        wait_for_work(path, until);
    }
}
