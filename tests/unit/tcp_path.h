/* SPDX-License-Identifier: MIT */
/*
 * A long way in virtual time: two stacks with one wire between them, and a
 * transfer from the client, 10.0.0.1, to the server, 10.0.0.2, whose bytes are
 * checked. For tests of what TCP finds out about its path.
 *
 * Owns    nothing. Everything here is static inline, so that a test is one file.
 */
#ifndef WEFT_TESTS_TCP_PATH_H
#define WEFT_TESTS_TCP_PATH_H

#include "support.h"

#include <weft/sim.h>

struct tcp_path_setup {
    struct weft_tcp_config client, server;
    struct weft_wire_config wire;
    uint64_t read_rate; /* bytes per second that the server's application takes; 0: all that comes, at once */
    void (*prepare)(struct weft_sock *sock, bool listens); /* options, before listen and connect */
};

struct tcp_path {
    struct weft_handler listening, sending, receiving;
    struct weft_timer reading;
    struct weft_sim *sim;
    struct weft_wire *wire;
    struct weft_stack *client, *server;
    struct weft_sock *sock, *listener, *accepted;
    uint64_t total, written, got;
    uint64_t read_rate;
    bool is_wrong;
};

static inline uint8_t tcp_path_byte(uint64_t i)
{
    return (uint8_t)(i ^ i >> 7 ^ i >> 16);
}

/* Writes until nothing more is taken; closes nothing. */
static inline void tcp_path_write(struct tcp_path *p)
{
    uint8_t bytes[16384];

    while (p->written < p->total) {
        size_t n = p->total - p->written < sizeof(bytes) ? (size_t)(p->total - p->written) : sizeof(bytes);
        ptrdiff_t taken;

        for (size_t i = 0; i < n; i++)
            bytes[i] = tcp_path_byte(p->written + i);
        taken = weft_sock_send(p->sock, bytes, n);
        if (taken <= 0)
            return;
        p->written += (uint64_t)taken;
    }
}

static inline void tcp_path_sending(struct weft_handler *handler, struct weft_sock *sock, unsigned events,
                                    weft_time now)
{
    (void)sock, (void)events, (void)now;
    tcp_path_write((struct tcp_path *)((char *)handler - offsetof(struct tcp_path, sending)));
}

static inline void tcp_path_read(struct tcp_path *p, uint64_t most)
{
    uint8_t bytes[16384];
    ptrdiff_t n;

    while (most > 0 &&
           (n = weft_sock_recv(p->accepted, bytes, most < sizeof(bytes) ? most : sizeof(bytes))) > 0) {
        for (ptrdiff_t i = 0; i < n; i++)
            p->is_wrong |= bytes[i] != tcp_path_byte(p->got++);
        most -= (uint64_t)n;
    }
}

static inline void tcp_path_receiving(struct weft_handler *handler, struct weft_sock *sock, unsigned events,
                                      weft_time now)
{
    struct tcp_path *p = (struct tcp_path *)((char *)handler - offsetof(struct tcp_path, receiving));

    (void)sock, (void)events, (void)now;
    if (p->read_rate == 0)
        tcp_path_read(p, UINT64_MAX);
}

/* A slow application comes round a hundred times a second. */
static inline void tcp_path_reading(struct weft_timer *timer, weft_time now)
{
    struct tcp_path *p = timer->user;

    tcp_path_read(p, p->read_rate / 100);
    weft_timer_set(p->server, timer, now + 10 * WEFT_MSEC);
}

static inline void tcp_path_listening(struct weft_handler *handler, struct weft_sock *listener,
                                      unsigned events, weft_time now)
{
    struct tcp_path *p = (struct tcp_path *)((char *)handler - offsetof(struct tcp_path, listening));

    (void)events;
    if (weft_sock_accept(listener, &p->accepted) != 0)
        return;
    weft_sock_set_handler(p->accepted, &p->receiving);
    if (p->read_rate > 0)
        weft_timer_set(p->server, &p->reading, now + 10 * WEFT_MSEC);
}

static inline struct weft_stack *tcp_path_stack(struct tcp_path *p, const struct weft_tcp_config *tcp,
                                                struct weft_link *link, uint8_t host)
{
    struct weft_stack_config config = {.tcp = *tcp};
    struct weft_prefix addr = {weft_ip4(10, 0, 0, host), 24};
    struct weft_stack *stack;

    config.tcp.check = true;
    config.tcp.max_connections = 16;
    config.tcp.syn_cache = config.tcp.time_wait = 16;
    assert_int_equal(weft_sim_add_stack(p->sim, &config, &stack), 0);
    assert_int_equal(weft_sim_add_link(p->sim, stack, link), 1);
    assert_int_equal(weft_iface_add_addr(stack, 1, &addr), 0);
    return stack;
}

/* Both ends stand ready; the client has begun to connect. */
static inline struct tcp_path *tcp_path_new(const struct tcp_path_setup *setup)
{
    struct tcp_path *p = calloc(1, sizeof(*p));
    struct weft_endpoint service = {weft_ip4(10, 0, 0, 2), 80};
    struct weft_wire_config wire = setup->wire;
    struct weft_link *a, *b;

    assert_non_null(p);
    p->listening.ready = tcp_path_listening;
    p->sending.ready = tcp_path_sending;
    p->receiving.ready = tcp_path_receiving;
    p->reading = (struct weft_timer){.fired = tcp_path_reading, .user = p};
    p->read_rate = setup->read_rate;
    wire.type = WEFT_LINK_IP;
    assert_int_equal(weft_sim_new(1, &p->sim), 0);
    assert_int_equal(weft_wire_new(p->sim, &wire, &p->wire, &a, &b), 0);
    p->client = tcp_path_stack(p, &setup->client, a, 1);
    p->server = tcp_path_stack(p, &setup->server, b, 2);
    assert_int_equal(weft_sock_open(p->server, WEFT_SOCK_STREAM, &p->listener), 0);
    if (setup->prepare)
        setup->prepare(p->listener, true);
    assert_int_equal(weft_sock_bind(p->listener, &service), 0);
    assert_int_equal(weft_sock_listen(p->listener, 0), 0);
    weft_sock_set_handler(p->listener, &p->listening);
    assert_int_equal(weft_sock_open(p->client, WEFT_SOCK_STREAM, &p->sock), 0);
    weft_sock_set_handler(p->sock, &p->sending);
    if (setup->prepare)
        setup->prepare(p->sock, false);
    assert_int_equal(weft_sock_connect(p->sock, &service), WEFT_E_INPROGRESS);
    return p;
}

static inline bool tcp_path_has_all(void *ctx)
{
    struct tcp_path *p = ctx;

    return p->got == p->total;
}

/* The client sends `bytes` more; returns how long it takes until the server has read them. Fails after `most`. */
static inline weft_time tcp_path_send(struct tcp_path *p, uint64_t bytes, weft_time most)
{
    weft_time began = weft_sim_now(p->sim);

    p->total += bytes;
    tcp_path_write(p);
    if (!weft_sim_run(p->sim, began + most, tcp_path_has_all, p))
        fail_msg("%llu of %llu bytes in %.3f s", (unsigned long long)p->got, (unsigned long long)p->total,
                 (double)(weft_sim_now(p->sim) - began) / 1e6);
    assert_false(p->is_wrong);
    return weft_sim_now(p->sim) - began;
}

static inline void tcp_path_run(struct tcp_path *p, weft_time time)
{
    weft_sim_run(p->sim, weft_sim_now(p->sim) + time, NULL, NULL);
}

static inline struct weft_tcp_info tcp_path_info(const struct weft_sock *sock)
{
    struct weft_tcp_info info;

    assert_int_equal(weft_sock_info(sock, &info), 0);
    return info;
}

static inline void tcp_path_end(struct tcp_path *p)
{
    weft_timer_cancel(p->server, &p->reading);
    weft_sock_abort(p->sock);
    weft_sock_abort(p->accepted);
    weft_sock_abort(p->listener);
    tcp_path_run(p, 10 * WEFT_SEC);
    test_pool_assert_home(weft_sim_pool(p->sim));
    weft_sim_free(p->sim);
    free(p);
}

#endif
