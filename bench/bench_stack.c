/* SPDX-License-Identifier: MIT */
/*
 * What the stack itself costs: two stacks, a wire in memory, virtual time. No
 * device, no system call, no copy but the stack's own; both ends run on the one core, so
 * a figure is the cost of a sender and a receiver together.
 */
#include <weft/weft.h>

#include <stdio.h>
#include <stdlib.h>

#define BULK_BYTES  ((uint64_t)1 << 30)
#define CONNECTIONS 20000
#define PORT        7

/* One direction of bytes: the client writes, the server reads and throws away. */
struct bench {
    struct weft_handler listening, receiving, sending;
    struct weft_sim *sim;
    struct weft_stack *client, *server;
    uint64_t to_send, received;
    unsigned accepted, ended;
};

static void receive(struct weft_handler *handler, struct weft_sock *sock, unsigned events, weft_time now)
{
    struct bench *bench = (struct bench *)((char *)handler - offsetof(struct bench, receiving));
    struct weft_slice views[8];
    size_t bytes;
    int pieces;

    (void)events, (void)now;
    while ((pieces = weft_sock_borrow(sock, views, 8, &bytes)) > 0) {
        bench->received += bytes;
        weft_sock_consume(sock, bytes);
    }
    if (pieces == 0) {
        weft_sock_close(sock);
        bench->ended++;
    }
}

static void accept_all(struct weft_handler *handler, struct weft_sock *listener, unsigned events,
                       weft_time now)
{
    struct bench *bench = (struct bench *)((char *)handler - offsetof(struct bench, listening));
    struct weft_sock *sock;

    (void)events, (void)now;
    while (weft_sock_accept(listener, &sock) == 0) {
        bench->accepted++;
        weft_sock_set_handler(sock, &bench->receiving);
        weft_sock_rearm(sock, WEFT_READABLE);
    }
}

static void send_rest(struct weft_handler *handler, struct weft_sock *sock, unsigned events, weft_time now)
{
    static const char data[65536];
    struct bench *bench = (struct bench *)((char *)handler - offsetof(struct bench, sending));
    ptrdiff_t n;

    (void)events, (void)now;
    while (bench->to_send > 0) {
        n = weft_sock_send(sock, data, bench->to_send < sizeof(data) ? bench->to_send : sizeof(data));
        if (n <= 0)
            return;
        bench->to_send -= (uint64_t)n;
    }
    weft_sock_close(sock);
}

static void check(int err, const char *what)
{
    if (err >= 0)
        return;
    fprintf(stderr, "bench_stack: %s: %s\n", what, weft_strerror(err));
    exit(1);
}

static struct weft_stack *add_host(struct weft_sim *sim, struct weft_link *link, uint8_t last)
{
    const struct weft_prefix prefix = {weft_ip4(192, 0, 2, last), 24};
    struct weft_stack *stack;
    int iface;

    check(weft_sim_add_stack(sim, NULL, &stack), "stack");
    iface = weft_sim_add_link(sim, stack, link);
    check(iface, "link");
    check(weft_iface_add_addr(stack, iface, &prefix), "address");
    return stack;
}

static void set_up(struct bench *bench, uint32_t caps)
{
    const struct weft_pipe_config wire = {.type = WEFT_LINK_ETHERNET, .caps = caps};
    const struct weft_endpoint at = {weft_ip4(192, 0, 2, 2), PORT};
    struct weft_link *left, *right;
    struct weft_sock *listener;

    *bench = (struct bench){.listening = {accept_all}, .receiving = {receive}, .sending = {send_rest}};
    check(weft_sim_new(1, &bench->sim), "simulation");
    check(weft_link_pipe(&wire, &left, &right), "wire");
    bench->client = add_host(bench->sim, left, 1);
    bench->server = add_host(bench->sim, right, 2);
    check(weft_sock_open(bench->server, WEFT_SOCK_STREAM, &listener), "socket");
    check(weft_sock_bind(listener, &at), "bind");
    check(weft_sock_listen(listener, 0), "listen");
    weft_sock_set_handler(listener, &bench->listening);
}

static void connect_one(struct bench *bench)
{
    const struct weft_endpoint at = {weft_ip4(192, 0, 2, 2), PORT};
    struct weft_sock *sock;
    int err;

    check(weft_sock_open(bench->client, WEFT_SOCK_STREAM, &sock), "socket");
    weft_sock_set_handler(sock, &bench->sending);
    err = weft_sock_connect(sock, &at);
    check(err == WEFT_E_INPROGRESS ? 0 : err, "connect");
}

static bool all_received(void *ctx)
{
    const struct bench *bench = ctx;

    return bench->received == BULK_BYTES && bench->ended == 1;
}

static void bulk(const char *name, uint32_t caps)
{
    struct bench bench;
    weft_time begun;
    double seconds;

    set_up(&bench, caps);
    bench.to_send = BULK_BYTES;
    begun = weft_clock_now();
    connect_one(&bench);
    if (!weft_sim_run(bench.sim, WEFT_TIME_NEVER, all_received, &bench))
        check(WEFT_E_IO, "the transfer has stopped");
    seconds = (double)(weft_clock_now() - begun) / 1e6;
    printf("%-44s %8.2f Gbit/s\n", name, (double)BULK_BYTES * 8 / seconds / 1e9);
    weft_sim_free(bench.sim);
}

static bool one_more_ended(void *ctx)
{
    const struct bench *bench = ctx;

    return bench->ended == bench->accepted && bench->to_send == 0 && bench->ended > 0 && bench->received > 0;
}

static void connections(void)
{
    struct bench bench;
    weft_time begun;
    double seconds;

    set_up(&bench, 0);
    begun = weft_clock_now();
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        bench.to_send = 100;
        bench.received = 0;
        bench.ended = bench.accepted = 0;
        connect_one(&bench);
        if (!weft_sim_run(bench.sim, WEFT_TIME_NEVER, one_more_ended, &bench))
            check(WEFT_E_IO, "a connection has stopped");
    }
    seconds = (double)(weft_clock_now() - begun) / 1e6;
    printf("%-44s %8.0f /s\n", "connections: open, 100 bytes, close", CONNECTIONS / seconds);
    weft_sim_free(bench.sim);
}

int main(void)
{
    bulk("bulk, super-segments, no checksums",
         WEFT_LINK_TX_CSUM | WEFT_LINK_TSO4 | WEFT_LINK_RX_CSUM | WEFT_LINK_LRO);
    bulk("bulk, 1448-byte segments, no checksums", WEFT_LINK_TX_CSUM | WEFT_LINK_RX_CSUM);
    bulk("bulk, 1448-byte segments", 0);
    connections();
    return 0;
}
