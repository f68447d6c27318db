/* SPDX-License-Identifier: MIT */
/*
 * The network of a comparison: four hosts and one bottleneck, in real time.
 *
 *      left                                    right
 *      kernel 10.1.0.1 --TUN--+            +--TUN-- kernel 10.1.0.129
 *                             |-- rate,  --|
 *      weft   10.1.0.2 -------+  delay,    +------- weft   10.1.0.130
 *                                queue, loss
 *
 * The two kernels are network namespaces of this machine's, each with a TUN
 * device; the two weft hosts are stacks in this process. Every packet from one
 * side to the other passes the same impaired wire, so that whoever sends meets
 * the same path, packet by packet.
 *
 * Owns    the hosts, the wire, and the loop that moves packets.
 * Never   knows what the hosts say to each other.
 */
#ifndef WEFT_BENCH_VERSUS_PATH_H
#define WEFT_BENCH_VERSUS_PATH_H

#include <weft/weft.h>

enum path_side { PATH_LEFT, PATH_RIGHT, PATH_SIDES };

struct path_config {
    struct weft_impair_config wire; /* `out` is from left to right */
    struct weft_stack_config stack; /* of both weft hosts; pool, seed and time are filled in */
    uint32_t mtu;                   /* bytes */
};

struct path;

/*
 * Makes the network. The calling process, which must have one thread, ends up
 * in a namespace of its own. `in_kernel`, called once for each kernel host from inside its
 * namespace, is where programs that are to run there are forked. Ends the
 * program with a message when something cannot be had.
 */
struct path *path_new(const struct path_config *config, void (*in_kernel)(enum path_side side, void *ctx),
                      void *ctx);
void path_free(struct path *path);

struct weft_stack *path_weft(struct path *path, enum path_side side);
struct weft_addr path_weft_addr(enum path_side side);
struct weft_addr path_kernel_addr(enum path_side side);

/* Moves packets until `until` (CLOCK_MONOTONIC, microseconds). */
void path_run(struct path *path, weft_time until);

/* Packets that the wire has lost, by chance or for want of room, from `side`. */
uint64_t path_dropped(const struct path *path, enum path_side side);

/* Ends the program with a message when `result` is negative. */
void path_must(int result, const char *what);

#endif
