/* SPDX-License-Identifier: MIT */
/*
 * Traces for tests of the wire checker: a conversation of two of our stacks in
 * virtual time, recorded at both ends, and what a test does to it.
 *
 * Frames are IPv4 without options over a link without Ethernet.
 *
 * Owns    nothing. Everything here is static inline, so that a test is one file.
 */
#ifndef WEFT_TESTS_CHECK_TRACE_H
#define WEFT_TESTS_CHECK_TRACE_H

#include "support.h"

#include <stdio.h>

#include <weft/check.h>
#include <weft/err.h>
#include <weft/sim.h>

#include "base/bytes.h"
#include "base/checksum.h"
#include "wire/ip4.h"
#include "wire/tcp.h"

#define TRACE_MAX 2000

struct trace_frame {
    weft_time time;
    bool out;
    uint32_t len;
    uint8_t bytes[1504];
};

struct trace {
    unsigned count;
    struct trace_frame at[TRACE_MAX];
};

/* --- A frame's fields ------------------------------------------------------------------------ */

static inline uint8_t *trace_tcp(struct trace_frame *f)
{
    return f->bytes + WIRE_IP4_LEN;
}

static inline unsigned trace_flags(struct trace_frame *f)
{
    return trace_tcp(f)[13];
}

static inline uint32_t trace_seq(struct trace_frame *f)
{
    return get_be32(trace_tcp(f) + 4);
}

static inline uint32_t trace_ack(struct trace_frame *f)
{
    return get_be32(trace_tcp(f) + 8);
}

static inline uint32_t trace_header_len(struct trace_frame *f)
{
    return WIRE_IP4_LEN + (trace_tcp(f)[12] >> 4) * 4u;
}

static inline uint32_t trace_data_len(struct trace_frame *f)
{
    return f->len - trace_header_len(f);
}

/* Length fields and checksums are made right again after a change. */
static inline void trace_fix(struct trace_frame *f)
{
    uint8_t *tcp = trace_tcp(f);
    struct weft_addr src = weft_ip4_from_u32(get_be32(f->bytes + 12));
    struct weft_addr dst = weft_ip4_from_u32(get_be32(f->bytes + 16));
    uint32_t len = f->len - WIRE_IP4_LEN;

    put_be16(f->bytes + 2, (uint16_t)f->len);
    put_be16(f->bytes + 10, 0);
    put_be16(f->bytes + 10, checksum_finish(checksum_sum(f->bytes, WIRE_IP4_LEN)));
    put_be16(tcp + WIRE_TCP_CHECKSUM_OFFSET, 0);
    put_be16(tcp + WIRE_TCP_CHECKSUM_OFFSET,
             checksum_finish(checksum_pseudo(&src, &dst, WIRE_PROTO_TCP, len) + checksum_sum(tcp, len)));
}

static inline void trace_set_seq(struct trace_frame *f, uint32_t seq)
{
    put_be32(trace_tcp(f) + 4, seq);
    trace_fix(f);
}

static inline void trace_set_ack(struct trace_frame *f, uint32_t ack)
{
    put_be32(trace_tcp(f) + 8, ack);
    trace_fix(f);
}

static inline void trace_set_window(struct trace_frame *f, uint16_t window)
{
    put_be16(trace_tcp(f) + 14, window);
    trace_fix(f);
}

static inline void trace_set_flags(struct trace_frame *f, unsigned set, unsigned clear)
{
    trace_tcp(f)[13] = (uint8_t)((trace_flags(f) & ~clear) | set);
    trace_fix(f);
}

static inline void trace_set_ecn(struct trace_frame *f, unsigned ecn)
{
    f->bytes[1] = (uint8_t)((f->bytes[1] & ~3u) | ecn);
    trace_fix(f);
}

static inline void trace_cut_data(struct trace_frame *f, uint32_t len)
{
    f->len = trace_header_len(f) + len;
    trace_fix(f);
}

/* The option of this kind with its kind and length; NULL. */
static inline uint8_t *trace_option(struct trace_frame *f, unsigned kind)
{
    uint8_t *at = trace_tcp(f) + WIRE_TCP_LEN, *end = f->bytes + trace_header_len(f);

    while (at < end && *at != WIRE_TCP_OPT_END) {
        if (*at == kind)
            return at;
        at += *at == WIRE_TCP_OPT_NOP ? 1 : at[1];
    }
    return NULL;
}

/* NOPs take the option's place. */
static inline void trace_strip(struct trace_frame *f, unsigned kind)
{
    uint8_t *option = trace_option(f, kind);

    assert_non_null(option);
    memset(option, WIRE_TCP_OPT_NOP, option[1]);
    trace_fix(f);
}

/* All options are replaced by these `n` bytes, a multiple of 4. */
static inline void trace_set_options(struct trace_frame *f, const uint8_t *options, size_t n)
{
    uint32_t data = trace_data_len(f), old = trace_header_len(f);
    uint32_t now = WIRE_IP4_LEN + WIRE_TCP_LEN + (uint32_t)n;

    assert_true(n % 4 == 0 && now + data <= sizeof(f->bytes));
    memmove(f->bytes + now, f->bytes + old, data);
    memcpy(trace_tcp(f) + WIRE_TCP_LEN, options, n);
    trace_tcp(f)[12] = (uint8_t)((WIRE_TCP_LEN + n) / 4 << 4);
    f->len = now + data;
    trace_fix(f);
}

#define trace_options(f, ...)                                                                                \
    trace_set_options(f, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

/* --- Frames of a trace ------------------------------------------------------------------------- */

enum trace_kind {
    TRACE_OUT = 1 << 0,
    TRACE_IN = 1 << 1,
    TRACE_DATA = 1 << 2,
    TRACE_PURE = 1 << 3, /* an ACK and nothing else */
    TRACE_SYN = 1 << 4,
    TRACE_FIN = 1 << 5,
    TRACE_SACK = 1 << 6, /* has SACK blocks */
};

static inline bool trace_is(struct trace_frame *f, unsigned kind)
{
    bool is_pure = trace_flags(f) == WIRE_TCP_ACK && trace_data_len(f) == 0;

    return (!(kind & TRACE_OUT) || f->out) && (!(kind & TRACE_IN) || !f->out) &&
           (!(kind & TRACE_DATA) || (trace_data_len(f) > 0 && !(trace_flags(f) & WIRE_TCP_SYN))) &&
           (!(kind & TRACE_PURE) || is_pure) && (!(kind & TRACE_SYN) || (trace_flags(f) & WIRE_TCP_SYN)) &&
           (!(kind & TRACE_FIN) || (trace_flags(f) & WIRE_TCP_FIN)) &&
           (!(kind & TRACE_SACK) || trace_option(f, WIRE_TCP_OPT_SACK));
}

/* The place of the first frame of that kind from `from` on; the test fails when there is none. */
static inline unsigned trace_next(struct trace *t, unsigned from, unsigned kind)
{
    while (from < t->count && !trace_is(&t->at[from], kind))
        from++;
    assert_in_range(from, 0, t->count - 1);
    return from;
}

/* The n-th frame of that kind, from 0. */
static inline unsigned trace_nth(struct trace *t, unsigned n, unsigned kind)
{
    unsigned at = trace_next(t, 0, kind);

    while (n-- > 0)
        at = trace_next(t, at + 1, kind);
    return at;
}

/* A copy of frame `from` comes before frame `at`, at the time of the one before that. Returns it. */
static inline struct trace_frame *trace_insert(struct trace *t, unsigned at, unsigned from)
{
    struct trace_frame copy = t->at[from];

    assert_in_range(t->count, 1, TRACE_MAX - 1);
    memmove(&t->at[at + 1], &t->at[at], (t->count - at) * sizeof(t->at[0]));
    t->count++;
    t->at[at] = copy;
    t->at[at].time = at > 0 ? t->at[at - 1].time : copy.time;
    return &t->at[at];
}

static inline void trace_delete(struct trace *t, unsigned at)
{
    memmove(&t->at[at], &t->at[at + 1], (t->count - at - 1) * sizeof(t->at[0]));
    t->count--;
}

/* A copy of frame `from` comes last, `later` than what is last now. Returns it. */
static inline struct trace_frame *trace_append(struct trace *t, unsigned from, weft_time later)
{
    struct trace_frame *f = trace_insert(t, t->count, from);

    f->time += later;
    return f;
}

/* --- Showing it to a checker ------------------------------------------------------------------------ */

struct trace_findings {
    unsigned of_rule[128];
    unsigned of_severity[3];
    char first[400]; /* the first that is more than a note; an error before a warning */
};

static inline void trace_found(void *ctx, const struct weft_check_finding *finding)
{
    struct trace_findings *found = ctx;

    assert_in_range(finding->rule, 0, 127);
    found->of_rule[finding->rule]++;
    if (finding->severity > WEFT_CHECK_NOTE && found->of_severity[2] == 0 &&
        (finding->severity == WEFT_CHECK_ERROR || found->of_severity[1] == 0))
        snprintf(found->first, sizeof(found->first), "frame %llu: %s (%s)",
                 (unsigned long long)finding->packet, finding->text, finding->info->name);
    found->of_severity[finding->severity]++;
}

/* `config` but for where findings go. The last frame is followed by a second of silence. */
static inline struct trace_findings trace_check(const struct trace *t, const struct weft_check_config *config)
{
    struct trace_findings found = {0};
    struct weft_check_config full = *config;
    struct weft_check *check;

    full.found = trace_found;
    full.ctx = &found;
    assert_int_equal(weft_check_new(&full, &check), 0);
    for (unsigned i = 0; i < t->count; i++) {
        const struct trace_frame *f = &t->at[i];
        struct weft_frame frame = {
            .time = f->time,
            .type = WEFT_LINK_IP,
            .direction = f->out ? WEFT_DIRECTION_OUT : WEFT_DIRECTION_IN,
            .bytes = f->bytes,
            .len = f->len,
            .wire_len = f->len,
        };

        weft_check_frame(check, &frame);
    }
    if (t->count > 0)
        weft_check_finish(check, t->at[t->count - 1].time + WEFT_SEC);
    weft_check_free(check);
    return found;
}

/* --- A conversation ------------------------------------------------------------------------------------ */

struct trace_wish {
    uint32_t bytes;          /* each way */
    const char *faults;      /* of the client's link; NULL: delay=10ms */
    uint32_t receive_buffer; /* of the server */
    weft_time server_pause;  /* it reads nothing for this long */
    bool server_closes_first;
    bool no_timestamps;
};

static inline void trace_note(void *ctx, bool out, const uint8_t *bytes, uint32_t len, weft_time now)
{
    struct trace *t = ctx;
    struct trace_frame *f = &t->at[t->count];

    assert_in_range(t->count, 0, TRACE_MAX - 1);
    assert_in_range(len, 40, sizeof(f->bytes));
    f->time = now;
    f->out = out;
    f->len = len;
    memcpy(f->bytes, bytes, len);
    t->count++;
}

static inline struct weft_stack *trace_host(struct weft_sim *sim, const struct weft_tcp_config *tcp,
                                            struct weft_link *link, struct trace *trace, uint8_t host)
{
    struct weft_tee_observer observer = {.frame = trace_note, .ctx = trace};
    struct weft_stack_config config = {.tcp = *tcp};
    struct weft_prefix addr = {weft_ip4(10, 0, 0, host), 24};
    struct weft_stack *stack;

    config.tcp.max_connections = 8;
    config.tcp.no_buffer_tuning = config.tcp.no_pacing = true; /* the faults count on what goes when */
    assert_int_equal(weft_link_tee(link, &observer, &link), 0);
    assert_int_equal(weft_sim_add_stack(sim, &config, &stack), 0);
    assert_int_equal(weft_sim_add_link(sim, stack, link), 1);
    assert_int_equal(weft_iface_add_addr(stack, 1, &addr), 0);
    return stack;
}

static inline void trace_run(struct weft_sim *sim, weft_time time)
{
    weft_sim_run(sim, weft_sim_now(sim) + time, NULL, NULL);
}

static inline void trace_write(struct weft_sock *sock, uint32_t bytes, uint32_t salt)
{
    uint8_t *data = malloc(bytes + 1);

    assert_non_null(data);
    for (uint32_t i = 0; i < bytes; i++)
        data[i] = (uint8_t)((i + salt) * 2654435761u >> 24);
    assert_int_equal(weft_sock_send(sock, data, bytes), bytes);
    free(data);
}

static inline uint32_t trace_read(struct weft_sock *sock)
{
    uint8_t data[4096];
    uint32_t total = 0;
    ptrdiff_t n;

    while ((n = weft_sock_recv(sock, data, sizeof(data))) > 0)
        total += (uint32_t)n;
    return total;
}

/* Reads on both sides, every 50 ms of virtual time, until all has come. */
static inline void trace_exchange(struct weft_sim *sim, const struct trace_wish *wish,
                                  struct weft_sock *client, struct weft_sock *server)
{
    uint32_t at_client = 0, at_server = 0;
    weft_time began = weft_sim_now(sim);

    while (at_client < wish->bytes || at_server < wish->bytes) {
        trace_run(sim, 50 * WEFT_MSEC);
        at_client += trace_read(client);
        if (weft_sim_now(sim) - began >= wish->server_pause)
            at_server += trace_read(server);
        assert_true(weft_sim_now(sim) - began < 600 * WEFT_SEC);
    }
}

static inline void trace_close(struct weft_sim *sim, struct weft_sock *first, struct weft_sock *second)
{
    weft_sock_close(first);
    trace_run(sim, WEFT_SEC);
    (void)trace_read(second);
    weft_sock_close(second);
    trace_run(sim, 10 * WEFT_SEC);
}

/* Records a whole conversation where the client is, and where the server is. */
static inline void trace_record(const struct trace_wish *wish, struct trace *at_client,
                                struct trace *at_server)
{
    struct weft_pipe_config wire = {.type = WEFT_LINK_IP, .mtu = 1500};
    struct weft_endpoint service = {weft_ip4(10, 0, 0, 2), 80};
    struct weft_tcp_config tcp = {.no_timestamps = wish->no_timestamps}, server_tcp = tcp;
    struct weft_impair_config faults;
    struct weft_sock *listener, *client, *server;
    struct weft_link *left, *right;
    struct weft_stack *a, *b;
    struct weft_sim *sim;

    at_client->count = at_server->count = 0;
    server_tcp.receive_buffer = wish->receive_buffer;
    assert_int_equal(weft_sim_new(7, &sim), 0);
    assert_int_equal(weft_link_pipe(&wire, &left, &right), 0);
    assert_int_equal(weft_impair_parse(wish->faults ? wish->faults : "delay=10ms", &faults, NULL, 0), 0);
    assert_int_equal(weft_link_impair(left, &faults, weft_sim_pool(sim), &left), 0);
    a = trace_host(sim, &tcp, left, at_client, 1);
    b = trace_host(sim, &server_tcp, right, at_server, 2);
    assert_int_equal(weft_sock_open(b, WEFT_SOCK_STREAM, &listener), 0);
    assert_int_equal(weft_sock_bind(listener, &service), 0);
    assert_int_equal(weft_sock_listen(listener, 0), 0);
    assert_int_equal(weft_sock_open(a, WEFT_SOCK_STREAM, &client), 0);
    assert_int_equal(weft_sock_connect(client, &service), WEFT_E_INPROGRESS);
    trace_run(sim, 5 * WEFT_SEC);
    assert_int_equal(weft_sock_accept(listener, &server), 0);
    trace_write(client, wish->bytes, 0);
    trace_run(sim, 200 * WEFT_MSEC); /* one way after the other: easier to read */
    trace_write(server, wish->bytes, 77);
    trace_exchange(sim, wish, client, server);
    trace_close(sim, wish->server_closes_first ? server : client,
                wish->server_closes_first ? client : server);
    weft_sock_close(listener);
    weft_sim_free(sim);
}

#endif
