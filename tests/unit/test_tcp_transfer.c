/* SPDX-License-Identifier: MIT */
/*
 * Two of our stacks and a wire with faults between them, in virtual time: bulk
 * both ways at once. Every byte arrives, in order and once, both ends close, the
 * time has a bound, nothing leaks, and the same seed gives the same run to the byte.
 */
#include "check_support.h"

#include <weft/err.h>
#include <weft/sim.h>

#define PORT  80
#define CHUNK 5000u

/* One end of the conversation: writes `total` bytes and reads as many. */
struct end {
    struct weft_handler handler;
    struct weft_sock *sock;
    uint32_t total, written, read;
    uint8_t salt; /* what its bytes are made from */
    uint8_t peer_salt;
    struct test_rng rng;
    bool has_shut, is_done;
    int error;
};

struct listener {
    struct weft_handler handler;
    struct end *end;
};

/* What is asked of a run. */
struct run {
    const char *faults;
    uint32_t total;
    uint32_t caps;
    struct weft_tcp_config tcp;
    weft_time limit;
    uint16_t mtu;
};

/* What came of it. */
struct result {
    weft_time took;
    uint64_t hash; /* of all frames, with their times */
    uint64_t frames;
    uint64_t fast; /* segments that took the fast path */
    struct weft_tcp_info client;
};

static uint8_t pattern(uint8_t salt, uint32_t at)
{
    return (uint8_t)((at * 2654435761u >> 24) + salt);
}

/* --- The applications ------------------------------------------------------------------------------ */

static void write_some(struct end *end)
{
    uint8_t bytes[CHUNK];

    while (end->written < end->total) {
        uint32_t left = end->total - end->written;
        uint32_t n = test_rng_between(&end->rng, 1, left < CHUNK ? left : CHUNK);
        ptrdiff_t took;

        for (uint32_t i = 0; i < n; i++)
            bytes[i] = pattern(end->salt, end->written + i);
        took = weft_sock_send(end->sock, bytes, n);
        if (took <= 0) {
            if (took != WEFT_E_AGAIN)
                end->error = (int)took;
            return;
        }
        end->written += (uint32_t)took;
    }
    if (!end->has_shut) {
        end->has_shut = true;
        assert_int_equal(weft_sock_shutdown(end->sock, WEFT_SHUT_WR), 0);
    }
}

static void read_some(struct end *end)
{
    uint8_t bytes[CHUNK];
    ptrdiff_t n;

    while ((n = weft_sock_recv(end->sock, bytes, test_rng_between(&end->rng, 1, CHUNK))) > 0)
        for (ptrdiff_t i = 0; i < n; i++)
            assert_int_equal(bytes[i], pattern(end->peer_salt, end->read++));
    if (n == 0) {
        assert_int_equal(end->read, end->total);
        end->is_done = end->has_shut;
    } else if (n != WEFT_E_AGAIN) {
        end->error = (int)n;
    }
}

static void end_ready(struct weft_handler *handler, struct weft_sock *sock, unsigned events, weft_time now)
{
    struct end *end = (struct end *)handler;

    (void)sock;
    (void)now;
    if (events & WEFT_FAILED)
        end->error = weft_sock_error(end->sock);
    if (events & WEFT_WRITABLE)
        write_some(end);
    if (events & WEFT_READABLE)
        read_some(end);
}

static void listener_ready(struct weft_handler *handler, struct weft_sock *sock, unsigned events,
                           weft_time now)
{
    struct listener *listener = (struct listener *)handler;

    (void)events;
    (void)now;
    assert_int_equal(weft_sock_accept(sock, &listener->end->sock), 0);
    weft_sock_set_handler(listener->end->sock, &listener->end->handler);
}

/* --- The wire ------------------------------------------------------------------------------------------- */

static void hash_bytes(uint64_t *hash, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;

    for (size_t i = 0; i < len; i++)
        *hash = (*hash ^ at[i]) * 0x100000001b3;
}

static void note_frame(void *ctx, bool outgoing, const uint8_t *bytes, uint32_t len, weft_time now)
{
    struct result *result = ctx;

    hash_bytes(&result->hash, &outgoing, sizeof(outgoing));
    hash_bytes(&result->hash, &now, sizeof(now));
    hash_bytes(&result->hash, bytes, len < 60 ? len : 60);
    result->frames++;
}

static struct weft_stack *add_stack(struct weft_sim *sim, const struct run *run, struct weft_link *link,
                                    uint8_t host)
{
    struct weft_stack_config config = {.tcp = run->tcp};
    struct weft_prefix addr = {weft_ip4(10, 0, 0, host), 24};
    struct weft_stack *stack;

    config.tcp.check = true;
    config.tcp.max_connections = 8;
    assert_int_equal(weft_sim_add_stack(sim, &config, &stack), 0);
    assert_int_equal(weft_sim_add_link(sim, stack, link), 1);
    assert_int_equal(weft_iface_add_addr(stack, 1, &addr), 0);
    return stack;
}

static bool both_done(void *ctx)
{
    struct end *const *ends = ctx;

    return (ends[0]->is_done && ends[1]->is_done) || ends[0]->error || ends[1]->error;
}

static void open_both(struct weft_stack *client, struct weft_stack *server, struct end *a,
                      struct listener *listener, struct weft_sock **listening)
{
    struct weft_endpoint service = {weft_ip4(10, 0, 0, 2), PORT};

    assert_int_equal(weft_sock_open(server, WEFT_SOCK_STREAM, listening), 0);
    assert_int_equal(weft_sock_bind(*listening, &service), 0);
    assert_int_equal(weft_sock_listen(*listening, 0), 0);
    weft_sock_set_handler(*listening, &listener->handler);
    assert_int_equal(weft_sock_open(client, WEFT_SOCK_STREAM, &a->sock), 0);
    weft_sock_set_handler(a->sock, &a->handler);
    assert_int_equal(weft_sock_connect(a->sock, &service), WEFT_E_INPROGRESS);
}

static struct weft_link *impaired(struct weft_sim *sim, const struct run *run, struct weft_link *link,
                                  uint64_t seed, struct result *result)
{
    struct weft_tee_observer observer = {.frame = note_frame, .ctx = result};
    struct weft_impair_config faults;
    char why[100] = "";

    assert_int_equal(weft_impair_parse(run->faults, &faults, why, sizeof(why)), 0);
    faults.seed = seed;
    assert_int_equal(weft_link_impair(link, &faults, weft_sim_pool(sim), &link), 0);
    assert_int_equal(weft_link_tee(link, &observer, &link), 0);
    return link;
}

/* A whole conversation; fails the test unless all is as it should be. */
static struct result converse(const struct run *run, uint64_t seed)
{
    struct weft_pipe_config wire = {
        .type = WEFT_LINK_IP, .caps = run->caps, .mtu = run->mtu ? run->mtu : 1500};
    struct end a = {.handler = {end_ready}, .total = run->total, .salt = 1, .peer_salt = 2, .rng = {seed}};
    struct end b = {.handler = {end_ready}, .total = run->total, .salt = 2, .peer_salt = 1, .rng = {~seed}};
    struct listener listener = {.handler = {listener_ready}, .end = &b};
    struct end *ends[] = {&a, &b};
    struct result result = {.hash = 0xcbf29ce484222325};
    struct weft_stack *client, *server;
    struct weft_sock *listening;
    struct test_check checks[2];
    struct weft_link *left, *right;
    struct weft_sim *sim;
    weft_time began;
    char replay[100];

    assert_int_equal(weft_sim_new(seed, &sim), 0);
    assert_int_equal(weft_link_pipe(&wire, &left, &right), 0);
    for (unsigned i = 0; i < 2; i++)
        test_check_new(&checks[i], !(run->caps & WEFT_LINK_TSO4));
    left = impaired(sim, run, left, seed, &result);
    client = add_stack(sim, run, test_check_attach(&checks[0], left), 1);
    server = add_stack(sim, run, test_check_attach(&checks[1], right), 2);
    open_both(client, server, &a, &listener, &listening);
    began = weft_sim_now(sim);
    bool done = weft_sim_run(sim, began + run->limit, both_done, ends);
    if (!done || a.error || b.error || !a.is_done || !b.is_done)
        fail_msg("seed %llu, %s: %u and %u of %u bytes in %.3f s, errors %s and %s", (unsigned long long)seed,
                 run->faults, b.read, a.read, run->total, (double)(weft_sim_now(sim) - began) / 1e6,
                 weft_errname(a.error), weft_errname(b.error));
    result.took = weft_sim_now(sim) - began;
    result.fast = weft_stats(client)->count[WEFT_COUNT_TCP_FAST_PATH] +
                  weft_stats(server)->count[WEFT_COUNT_TCP_FAST_PATH];
    weft_sock_info(a.sock, &result.client);
    assert_int_equal(weft_stats(client)->drop[WEFT_DROP_IP_TOO_BIG], 0);
    assert_int_equal(weft_stats(server)->drop[WEFT_DROP_IP_TOO_BIG], 0);
    weft_sock_close(a.sock);
    weft_sock_close(b.sock);
    weft_sock_close(listening);
    weft_sim_run(sim, weft_sim_now(sim) + 3600 * WEFT_SEC, NULL, NULL); /* to the end of TIME-WAIT */
    test_pool_assert_home(weft_sim_pool(sim));
    weft_sim_free(sim);
    snprintf(replay, sizeof(replay), "seed %llu, %s", (unsigned long long)seed, run->faults);
    for (unsigned i = 0; i < 2; i++) {
        test_check_assert_clean(&checks[i], replay);
        test_check_free(&checks[i]);
    }
    return result;
}

#define TSO (WEFT_LINK_TSO4 | WEFT_LINK_TX_CSUM | WEFT_LINK_RX_CSUM | WEFT_LINK_LRO)

static void many_seeds(const struct run *run, unsigned seeds)
{
    struct test_rng rng = test_rng_start(run->faults);

    for (unsigned i = 0; i < seeds; i++)
        converse(run, test_rng_u64(&rng));
}

/* --- Runs ---------------------------------------------------------------------------------------------------- */

#define BAD_WIRE "delay=5ms,jitter=2ms,loss=3%,reorder=3%,duplicate=2%,corrupt=1%"

static void fifty_seeds_over_a_bad_wire(void **state)
{
    struct run run = {.faults = BAD_WIRE, .total = 60000, .limit = 120 * WEFT_SEC};

    (void)state;
    many_seeds(&run, 50);
}

static void the_same_with_super_segments(void **state)
{
    struct run run = {.faults = BAD_WIRE, .total = 60000, .limit = 120 * WEFT_SEC, .caps = TSO};

    (void)state;
    many_seeds(&run, 50);
}

static void the_same_without_each_option(void **state)
{
    struct weft_tcp_config configs[] = {{.no_sack = true},
                                        {.no_timestamps = true},
                                        {.no_window_scale = true},
                                        {.no_sack = true, .no_timestamps = true, .no_window_scale = true}};

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        struct run run = {.faults = BAD_WIRE, .total = 60000, .limit = 240 * WEFT_SEC, .tcp = configs[i]};

        many_seeds(&run, 12);
    }
}

static void the_same_with_small_buffers(void **state)
{
    struct run run = {.faults = BAD_WIRE,
                      .total = 60000,
                      .limit = 240 * WEFT_SEC,
                      .tcp = {.send_buffer = 5000, .receive_buffer = 4096}};

    (void)state;
    many_seeds(&run, 20);
}

static void a_wire_that_loses_a_fifth(void **state)
{
    struct run run = {.faults = "delay=10ms,loss=20%", .total = 20000, .limit = 900 * WEFT_SEC};

    (void)state;
    many_seeds(&run, 20);
    run.tcp.no_sack = run.tcp.no_timestamps = true;
    many_seeds(&run, 10);
}

static void a_wire_that_only_reorders(void **state)
{
    struct run run = {
        .faults = "delay=10ms,reorder=20%,reorder-delay=8ms", .total = 200000, .limit = 60 * WEFT_SEC};

    (void)state;
    many_seeds(&run, 10);
}

static void a_narrow_wire_with_a_short_queue(void **state)
{
    struct run run = {.faults = "delay=10ms,rate=10mbit,queue=20", .total = 1000000, .limit = 20 * WEFT_SEC};
    struct result result = converse(&run, 1);

    (void)state;
    /* 1 MB both ways at 10 Mbit/s is 0.84 s with all headers: at least a third of the rate. */
    assert_true(result.took < 2600 * WEFT_MSEC);
}

/* A clean wire: nothing is retransmitted, and it is fast. */
static void a_clean_wire(void **state)
{
    struct run run = {.faults = "delay=5ms", .total = 4000000, .limit = 60 * WEFT_SEC, .caps = TSO};
    struct result result;

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        run.caps = i ? 0 : TSO;
        result = converse(&run, 1);
        assert_int_equal(result.client.segs_retransmitted, 0);
        assert_int_equal(result.client.timeouts, 0);
        assert_true(result.took < 500 * WEFT_MSEC);
    }
}

static void other_mtus(void **state)
{
    static const uint16_t mtus[] = {68, 296, 576, 1280, 9000, 65535};

    (void)state;
    for (unsigned i = 0; i < 6; i++) {
        struct run run = {
            .faults = "delay=1ms,loss=2%", .total = 30000, .limit = 120 * WEFT_SEC, .mtu = mtus[i]};

        converse(&run, i);
        run.caps = TSO;
        converse(&run, i);
    }
}

static void a_seed_repeats_a_run_to_the_byte(void **state)
{
    struct run run = {.faults = BAD_WIRE, .total = 60000, .limit = 120 * WEFT_SEC};
    struct result first = converse(&run, 7), again = converse(&run, 7), other = converse(&run, 8);

    (void)state;
    assert_true(first.hash == again.hash && first.frames == again.frames && first.took == again.took);
    assert_true(first.hash != other.hash);
}

/* fast.c takes what it takes as input.c would have. */
static void the_fast_path_changes_no_byte(void **state)
{
    static const struct run runs[] = {
        {.faults = BAD_WIRE, .total = 60000, .limit = 120 * WEFT_SEC},
        {.faults = BAD_WIRE, .total = 60000, .limit = 120 * WEFT_SEC, .caps = TSO},
        {.faults = "delay=5ms", .total = 1000000, .limit = 60 * WEFT_SEC, .caps = TSO},
        {.faults = "delay=5ms,loss=1%",
         .total = 300000,
         .limit = 60 * WEFT_SEC,
         .tcp = {.no_timestamps = true}},
        {.faults = BAD_WIRE, .total = 60000, .limit = 240 * WEFT_SEC, .tcp = {.receive_buffer = 4096}},
    };
    struct test_rng rng = test_rng_start("fast path");
    uint64_t taken = 0, frames = 0;

    (void)state;
    for (unsigned i = 0; i < 5 * 10; i++) {
        struct run run = runs[i % 5];
        uint64_t seed = test_rng_u64(&rng);
        struct result fast = converse(&run, seed), slow;

        run.tcp.no_fast_path = true;
        slow = converse(&run, seed);
        assert_true(fast.hash == slow.hash && fast.frames == slow.frames && fast.took == slow.took);
        assert_true(fast.fast > 0 && slow.fast == 0);
        taken += fast.fast;
        frames += fast.frames;
    }
    assert_true(taken > frames / 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fifty_seeds_over_a_bad_wire),
        cmocka_unit_test(the_same_with_super_segments),
        cmocka_unit_test(the_same_without_each_option),
        cmocka_unit_test(the_same_with_small_buffers),
        cmocka_unit_test(a_wire_that_loses_a_fifth),
        cmocka_unit_test(a_wire_that_only_reorders),
        cmocka_unit_test(a_narrow_wire_with_a_short_queue),
        cmocka_unit_test(a_clean_wire),
        cmocka_unit_test(other_mtus),
        cmocka_unit_test(a_seed_repeats_a_run_to_the_byte),
        cmocka_unit_test(the_fast_path_changes_no_byte),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
