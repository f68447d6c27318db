/* SPDX-License-Identifier: MIT */
/*
 * Server and client together, each on a stack of its own, over wires with and
 * without faults, in virtual time.
 */
#include "support.h"

#include <stdio.h>

#include <weft/http.h>
#include <weft/sim.h>

#define MIB (1u << 20)

/* A stream that anybody can check: the byte at an offset. */
static uint8_t byte_at(uint64_t offset)
{
    return (uint8_t)(offset * 7 ^ offset >> 8 ^ offset >> 16);
}

/* --- A network of two, a server, a client --- */

struct world {
    struct weft_sim *sim;
    struct weft_stack *near, *far;
    struct weft_endpoint service;
    struct weft_http_server *server;
    struct weft_http_client *client;
};

static struct world world;

/* What the server sends: `left` bytes of the stream. */
struct stream {
    struct weft_http_source source;
    uint64_t at, left;
};

static ptrdiff_t read_stream(struct weft_http_source *source, void *buf, size_t len)
{
    struct stream *stream = (struct stream *)source;
    uint8_t *out = buf;

    if (len > stream->left)
        len = (size_t)stream->left;
    for (size_t i = 0; i < len; i++)
        out[i] = byte_at(stream->at + i);
    stream->at += len;
    stream->left -= len;
    return (ptrdiff_t)len;
}

static void free_stream(struct weft_http_source *source)
{
    free(source);
}

static uint64_t sent_by_streams; /* where the last one is */

static ptrdiff_t read_and_note(struct weft_http_source *source, void *buf, size_t len)
{
    ptrdiff_t got = read_stream(source, buf, len);

    sent_by_streams = ((struct stream *)source)->at;
    return got;
}

/* "/stream?len=N[&known]" */
static void answer_stream(struct weft_http_req *req, void *user)
{
    struct stream *stream = calloc(1, sizeof(*stream));
    char text[32] = "0";

    (void)user;
    assert_non_null(stream);
    weft_http_req_param(req, "len", text, sizeof(text));
    stream->left = strtoull(text, NULL, 10);
    stream->source = (struct weft_http_source){read_and_note, free_stream};
    weft_http_answer(req, 200);
    weft_http_answer_source(req, &stream->source,
                            weft_http_req_param(req, "known", NULL, 0) == WEFT_E_NOTFOUND
                                ? WEFT_HTTP_UNKNOWN
                                : (int64_t)stream->left);
}

/* "/count": answers how many bytes of the stream came, and whether they were right. */
struct count {
    uint64_t bytes;
    bool is_wrong;
};

static void count_more(struct weft_http_req *req, void *user)
{
    struct count *count = user;
    uint8_t buf[8192];
    char text[64];
    ptrdiff_t n;

    while ((n = weft_http_req_read(req, buf, sizeof(buf))) > 0)
        for (ptrdiff_t i = 0; i < n; i++)
            count->is_wrong |= buf[i] != byte_at(count->bytes++);
    if (n == 0) {
        int len = snprintf(text, sizeof(text), "%llu %s", (unsigned long long)count->bytes,
                           count->is_wrong ? "wrong" : "right");

        weft_http_answer(req, 200);
        weft_http_answer_bytes(req, text, (size_t)len);
    }
}

static void free_count(struct weft_http_req *req, void *user, int error)
{
    (void)req;
    (void)error;
    free(user);
}

static void answer_count(struct weft_http_req *req, void *user)
{
    static const struct weft_http_watch watch = {count_more, free_count};
    struct count *count = calloc(1, sizeof(*count));

    (void)user;
    assert_non_null(count);
    weft_http_req_watch(req, &watch, count);
    count_more(req, count);
}

static void answer_hello(struct weft_http_req *req, void *user)
{
    (void)user;
    weft_http_answer_bytes(req, "hello\n", 6);
}

static const struct weft_http_route routes[] = {
    {"/hello", "GET, HEAD", answer_hello, NULL, 0},
    {"/stream", "GET, HEAD", answer_stream, NULL, 0},
    {"/count", "POST", answer_count, NULL, 1000 * (uint64_t)MIB},
};

static uint32_t receive_buffer; /* of the client's stack; 0: the default */

/* `faults`: as in weft_impair_parse; NULL: a wire without any. */
static void make_world(uint64_t seed, const char *faults, uint32_t max_connections)
{
    struct weft_pipe_config wire = {.type = WEFT_LINK_ETHERNET, .mtu = 1500};
    struct weft_prefix addr = {weft_ip4(10, 0, 0, 1), 24};
    struct weft_http_server_config config = {
        .endpoint = {weft_ip4(10, 0, 0, 2), 80},
        .routes = routes,
        .nroutes = sizeof(routes) / sizeof(routes[0]),
        .max_connections = max_connections,
    };
    struct weft_stack_config small = {.tcp = {.receive_buffer = receive_buffer}};
    struct weft_http_client_config none = {0};
    struct weft_impair_config impair = {0};
    struct weft_link *a, *b;

    world.service = config.endpoint;
    assert_int_equal(weft_sim_new(seed, &world.sim), 0);
    assert_int_equal(weft_sim_add_stack(world.sim, &small, &world.near), 0);
    assert_int_equal(weft_sim_add_stack(world.sim, NULL, &world.far), 0);
    assert_int_equal(weft_link_pipe(&wire, &a, &b), 0);
    if (faults) {
        assert_int_equal(weft_impair_parse(faults, &impair, NULL, 0), 0);
        impair.seed = seed;
        assert_int_equal(weft_link_impair(a, &impair, weft_sim_pool(world.sim), &a), 0);
    }
    assert_int_equal(weft_sim_add_link(world.sim, world.near, a), 1);
    assert_int_equal(weft_sim_add_link(world.sim, world.far, b), 1);
    assert_int_equal(weft_iface_add_addr(world.near, 1, &addr), 0);
    addr.addr = world.service.addr;
    assert_int_equal(weft_iface_add_addr(world.far, 1, &addr), 0);
    assert_int_equal(weft_http_server_new(world.far, &config, &world.server), 0);
    assert_int_equal(weft_http_client_new(world.near, &none, &world.client), 0);
}

/* Everything is closed, waited for, and has come back. */
static void end_world(void)
{
    weft_http_client_free(world.client);
    weft_http_server_free(world.server);
    weft_sim_run(world.sim, weft_sim_now(world.sim) + 1000 * WEFT_SEC, NULL, NULL);
    test_pool_assert_home(weft_sim_pool(world.sim));
    weft_sim_free(world.sim);
}

/* --- Calls --- */

struct call {
    struct weft_http_call *call;
    struct stream upload;
    uint64_t got; /* bytes of the body */
    bool is_wrong, is_done, is_paused, reads_text;
    unsigned status;
    int error;
    char text[256], why[256];
    unsigned *finished; /* counts the calls that are done */
};

static void head(struct weft_http_call *c, void *user)
{
    ((struct call *)user)->status = weft_http_call_status(c);
}

static void readable(struct weft_http_call *c, void *user)
{
    struct call *call = user;
    uint8_t buf[8192];
    ptrdiff_t n;

    while (!call->is_paused && (n = weft_http_call_read(c, buf, sizeof(buf))) > 0)
        for (ptrdiff_t i = 0; i < n; i++, call->got++) {
            if (call->got < sizeof(call->text) - 1)
                call->text[call->got] = (char)buf[i];
            call->is_wrong |= buf[i] != byte_at(call->got);
        }
}

static void done(struct weft_http_call *c, void *user, int error)
{
    struct call *call = user;

    call->is_done = true;
    call->call = NULL;
    call->error = error;
    snprintf(call->why, sizeof(call->why), "%s", weft_http_call_why(c));
    if (call->finished)
        (*call->finished)++;
}

static const struct weft_http_call_ops ops = {head, readable, done};

static void begin(struct call *call, const char *method, const char *target, uint64_t upload, bool expect)
{
    struct weft_http_request request = {
        .server = world.service,
        .method = method,
        .host = "10.0.0.2",
        .target = target,
        .expect_continue = expect,
    };

    if (upload) {
        call->upload = (struct stream){{read_stream, NULL}, 0, upload};
        request.source = &call->upload.source;
        request.source_length = upload % 2 ? WEFT_HTTP_UNKNOWN : (int64_t)upload;
    }
    assert_int_equal(weft_http_call_start(world.client, &request, &ops, call, &call->call), 0);
}

static bool is_done(void *ctx)
{
    return ((struct call *)ctx)->is_done;
}

/* Waits at most `limit` of virtual time for it. */
static void finish(struct call *call, weft_time limit)
{
    if (!weft_sim_run(world.sim, weft_sim_now(world.sim) + limit, is_done, call))
        fail_msg("not done within %llu s", (unsigned long long)(limit / WEFT_SEC));
    if (call->error)
        fail_msg("%s: %s", weft_errname(call->error), call->why);
}

/* --- Tests --- */

static void one_connection_serves_many_calls(void **state)
{
    struct weft_http_server_stats stats;

    (void)state;
    make_world(1, "delay=5ms", 0);
    for (unsigned i = 0; i < 100; i++) {
        struct call call = {0};

        begin(&call, i % 3 ? "GET" : "HEAD", "/hello", 0, false);
        finish(&call, WEFT_SEC);
        assert_int_equal(call.status, 200);
        assert_string_equal(call.text, i % 3 ? "hello\n" : "");
    }
    weft_http_server_stats(world.server, &stats);
    assert_int_equal(stats.accepted, 1);
    assert_int_equal(stats.requests, 100);
    end_world();
}

static uint64_t fast_opens(void)
{
    return weft_stats(world.far)->count[WEFT_COUNT_TCP_FAST_OPENS_PASSIVE];
}

/* With fast open a request goes with the SYN, from the second connection on (RFC 7413): a round trip less. */
static void a_request_goes_with_the_syn(void **state)
{
    const struct weft_tcp_config near = {.fast_open_all_connects = true},
                                 far = {.fast_open_all_listeners = true};
    const struct weft_http_client_config none = {0};

    (void)state;
    make_world(1, "delay=50ms", 0);
    assert_int_equal(weft_stack_set_tcp(world.near, &near), 0);
    assert_int_equal(weft_stack_set_tcp(world.far, &far), 0);
    for (unsigned i = 0; i < 3; i++) {
        weft_time began = weft_sim_now(world.sim);
        struct call call = {0};

        begin(&call, "GET", "/hello", 0, false);
        finish(&call, WEFT_SEC);
        assert_string_equal(call.text, "hello\n");
        assert_int_equal((weft_sim_now(world.sim) - began) / (90 * WEFT_MSEC), i == 0 ? 2 : 1);
        assert_int_equal(fast_opens(), i);
        weft_http_client_free(world.client);
        assert_int_equal(weft_http_client_new(world.near, &none, &world.client), 0);
    }
    end_world();
}

/* A round trip each, and one more to connect: nothing waits for Nagle or a delayed ACK. */
static void a_call_takes_one_round_trip(void **state)
{
    weft_time began;

    (void)state;
    make_world(1, "delay=10ms", 0);
    for (unsigned i = 0; i < 20; i++) {
        struct call call = {0};

        began = weft_sim_now(world.sim);
        begin(&call, i % 2 ? "POST" : "GET", i % 2 ? "/count" : "/stream?len=5000", i % 2 ? 5000 : 0, false);
        finish(&call, WEFT_SEC);
        /* ARP and the handshake are the first call's. */
        assert_true(weft_sim_now(world.sim) - began <= (i ? 21 : 62) * WEFT_MSEC);
    }
    end_world();
}

/* Both ways, of known and of unknown length. */
static void move_bodies(uint64_t seed, const char *faults, uint64_t bytes, weft_time limit)
{
    char target[64];

    make_world(seed, faults, 0);
    for (unsigned i = 0; i < 2; i++) {
        struct call down = {0}, up = {0};
        char want[64];

        snprintf(target, sizeof(target), "/stream?len=%llu%s", (unsigned long long)bytes, i ? "&known" : "");
        begin(&down, "GET", target, 0, false);
        finish(&down, limit);
        assert_int_equal(down.got, bytes);
        assert_false(down.is_wrong);
        begin(&up, "POST", "/count", bytes + i, false);
        finish(&up, limit);
        snprintf(want, sizeof(want), "%llu right", (unsigned long long)(bytes + i));
        assert_string_equal(up.text, want);
    }
    end_world();
}

static void large_bodies_move(void **state)
{
    (void)state;
    move_bodies(1, NULL, 16 * (uint64_t)MIB, 60 * WEFT_SEC);
    move_bodies(2, "delay=20ms,rate=100mbit,queue=200", 2 * (uint64_t)MIB, 60 * WEFT_SEC);
}

static void large_bodies_move_over_a_bad_wire(void **state)
{
    struct test_rng rng = test_rng_start("test_http_sim");

    (void)state;
    for (unsigned i = 0; i < 4; i++)
        move_bodies(test_rng_u64(&rng), "delay=5ms,loss=5%,reorder=5%,duplicate=1%,corrupt=1%", MIB / 2,
                    600 * WEFT_SEC);
}

static void a_reader_that_pauses_stops_the_sender(void **state)
{
    struct call call = {.is_paused = true};
    uint64_t before;

    (void)state;
    make_world(1, "delay=5ms", 0);
    begin(&call, "GET", "/stream?len=33554432", 0, false);
    weft_sim_run(world.sim, weft_sim_now(world.sim) + 10 * WEFT_SEC, NULL, NULL);
    before = sent_by_streams;
    assert_true(before < 12 * MIB);
    weft_sim_run(world.sim, weft_sim_now(world.sim) + 30 * WEFT_SEC, NULL, NULL);
    assert_int_equal(sent_by_streams, before);
    call.is_paused = false;
    readable(call.call, &call);
    finish(&call, 60 * WEFT_SEC);
    assert_int_equal(call.got, 33554432);
    assert_false(call.is_wrong);
    end_world();
}

static void a_reader_that_never_reads_is_cleaned_up(void **state)
{
    struct call call = {.is_paused = true};
    struct weft_http_server_stats stats;

    (void)state;
    make_world(1, "delay=5ms", 0);
    begin(&call, "GET", "/stream?len=33554432", 0, false);
    weft_sim_run(world.sim, weft_sim_now(world.sim) + 150 * WEFT_SEC, NULL, NULL);
    weft_http_server_stats(world.server, &stats);
    assert_int_equal(stats.connections, 0);
    assert_int_equal(stats.timeouts, 1);
    call.is_paused = false;
    if (call.call)
        readable(call.call, &call);
    weft_sim_run(world.sim, weft_sim_now(world.sim) + WEFT_SEC, is_done, &call);
    assert_int_equal(call.error, WEFT_E_CONNRESET);
    assert_true(call.got < 33554432);
    assert_false(call.is_wrong);
    end_world();
}

/* Fifty peers that ask for much and read nothing: others are still served, and fast. */
static void slow_readers_do_not_stop_the_others(void **state)
{
    static struct call slow[50];
    struct call call = {0};
    struct weft_pool_usage usage;

    (void)state;
    memset(slow, 0, sizeof(slow));
    receive_buffer = 16384;
    make_world(1, "delay=2ms", 0);
    receive_buffer = 0;
    for (unsigned i = 0; i < 50; i++) {
        slow[i].is_paused = true;
        begin(&slow[i], "GET", "/stream?len=100000000", 0, false);
    }
    weft_sim_run(world.sim, weft_sim_now(world.sim) + 5 * WEFT_SEC, NULL, NULL);
    weft_pool_usage(weft_sim_pool(world.sim), &usage);
    assert_true(usage.large_used < usage.large_blocks / 2);
    begin(&call, "GET", "/stream?len=1000000", 0, false);
    finish(&call, 5 * WEFT_SEC);
    assert_int_equal(call.got, 1000000);
    for (unsigned i = 0; i < 50; i++)
        weft_http_call_cancel(slow[i].call);
    end_world();
}

/* RFC 9112 9.6: the refusal arrives although the client is still sending when it is made. */
static void an_early_refusal_arrives(void **state)
{
    (void)state;
    make_world(1, "delay=20ms,rate=50mbit,queue=100", 0);
    for (unsigned i = 0; i < 4; i++) {
        struct call call = {0};

        begin(&call, i < 2 ? "POST" : "PUT", i < 2 ? "/none" : "/hello", 20 * MIB + i % 2, false);
        finish(&call, 20 * WEFT_SEC);
        assert_int_equal(call.status, i < 2 ? 404 : 405);
        assert_true(call.upload.left > 0);
    }
    end_world();
}

static void asks_before_it_sends(void **state)
{
    struct call good = {0}, bad = {0};

    (void)state;
    make_world(1, "delay=20ms", 0);
    begin(&good, "POST", "/count", 100000, true);
    finish(&good, 5 * WEFT_SEC);
    assert_string_equal(good.text, "100000 right");
    begin(&bad, "POST", "/none", 100000, true);
    finish(&bad, 5 * WEFT_SEC);
    assert_int_equal(bad.status, 404);
    assert_int_equal(bad.upload.left, 100000);
    end_world();
}

static bool all_done(void *ctx)
{
    return *(unsigned *)ctx == 500;
}

static void many_connections_are_served_at_once(void **state)
{
    struct call *calls = calloc(500, sizeof(*calls));
    struct weft_http_server_stats stats;
    unsigned finished = 0;

    (void)state;
    assert_non_null(calls);
    make_world(1, "delay=2ms", 0);
    for (unsigned i = 0; i < 500; i++) {
        calls[i].finished = &finished;
        begin(&calls[i], "GET", "/stream?len=20000&known", 0, false);
    }
    assert_true(weft_sim_run(world.sim, weft_sim_now(world.sim) + 60 * WEFT_SEC, all_done, &finished));
    for (unsigned i = 0; i < 500; i++) {
        assert_int_equal(calls[i].error, 0);
        assert_int_equal(calls[i].got, 20000);
        assert_false(calls[i].is_wrong);
    }
    weft_http_server_stats(world.server, &stats);
    assert_int_equal(stats.accepted, 500);
    end_world();
    free(calls);
}

/* With fewer places than callers: they take turns. */
static void callers_wait_for_a_place(void **state)
{
    struct call *calls = calloc(500, sizeof(*calls));
    unsigned finished = 0;

    (void)state;
    assert_non_null(calls);
    make_world(1, "delay=2ms", 10);
    for (unsigned i = 0; i < 500; i++) {
        calls[i].finished = &finished;
        begin(&calls[i], "GET", "/hello", 0, false);
    }
    assert_true(weft_sim_run(world.sim, weft_sim_now(world.sim) + 60 * WEFT_SEC, all_done, &finished));
    for (unsigned i = 0; i < 500; i++)
        assert_int_equal(calls[i].error, 0);
    end_world();
    free(calls);
}

static void short_connections_leave_nothing_behind(void **state)
{
    struct weft_http_server_stats stats;

    (void)state;
    make_world(1, NULL, 0);
    for (unsigned i = 0; i < 2000; i++) {
        struct weft_http_request request = {
            .server = world.service, .host = "10.0.0.2", .target = "/hello", .close = true};
        struct call call = {0};

        assert_int_equal(weft_http_call_start(world.client, &request, &ops, &call, &call.call), 0);
        finish(&call, 10 * WEFT_SEC);
        assert_string_equal(call.text, "hello\n");
    }
    weft_sim_run(world.sim, weft_sim_now(world.sim) + 10 * WEFT_SEC, NULL, NULL);
    weft_http_server_stats(world.server, &stats);
    assert_int_equal(stats.accepted, 2000);
    assert_int_equal(stats.connections, 0);
    assert_int_equal(stats.cut_short, 0);
    end_world();
}

/* --- A peer that writes its own requests --- */

struct raw {
    struct weft_handler handler;
    const char *text;
    size_t len, sent;
    size_t got;
    char answer[65536];
    bool has_ended;
};

static void raw_ready(struct weft_handler *handler, struct weft_sock *sock, unsigned events, weft_time now)
{
    struct raw *raw = (struct raw *)handler;
    ptrdiff_t n;

    (void)events;
    (void)now;
    while (raw->sent < raw->len &&
           (n = weft_sock_send(sock, raw->text + raw->sent, raw->len - raw->sent)) > 0)
        raw->sent += (size_t)n;
    while ((n = weft_sock_recv(sock, raw->answer + raw->got, sizeof(raw->answer) - raw->got - 1)) > 0)
        raw->got += (size_t)n;
    raw->has_ended |= n == 0;
}

static bool raw_ended(void *ctx)
{
    return ((struct raw *)ctx)->has_ended;
}

static void a_pipeline_is_answered_in_order(void **state)
{
    static struct raw raw;
    struct weft_sock *sock;
    char text[16384] = "";
    const char *at;

    (void)state;
    make_world(1, "delay=5ms,loss=2%", 0);
    for (unsigned i = 0; i < 200; i++)
        sprintf(text + strlen(text), "GET /stream?len=%u&known HTTP/1.1\r\nHost: h\r\n%s\r\n", i,
                i == 199 ? "Connection: close\r\n" : "");
    raw = (struct raw){.handler = {raw_ready}, .text = text, .len = strlen(text)};
    assert_int_equal(weft_sock_open(world.near, WEFT_SOCK_STREAM, &sock), 0);
    weft_sock_set_handler(sock, &raw.handler);
    assert_int_equal(weft_sock_connect(sock, &world.service), WEFT_E_INPROGRESS);
    assert_true(weft_sim_run(world.sim, weft_sim_now(world.sim) + 60 * WEFT_SEC, raw_ended, &raw));
    at = raw.answer;
    for (unsigned i = 0; i < 200; i++) {
        char want[64];

        assert_memory_equal(at, "HTTP/1.1 200 OK\r\n", 17);
        snprintf(want, sizeof(want), "Content-Length: %u\r\n", i);
        assert_memory_equal(at + 17, want, strlen(want));
        at = strstr(at, "\r\n\r\n") + 4 + i;
    }
    assert_ptr_equal(at, raw.answer + raw.got);
    weft_sock_close(sock);
    end_world();
}

/* The same seed, the same run: to the microsecond and the packet. */
static void a_run_can_be_repeated(void **state)
{
    weft_time ended[2];
    uint64_t packets[2];

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct call call = {0};

        make_world(77, "delay=5ms,jitter=1ms,loss=3%,reorder=3%", 0);
        begin(&call, "GET", "/stream?len=300000", 0, false);
        finish(&call, 100 * WEFT_SEC);
        ended[i] = weft_sim_now(world.sim);
        packets[i] = weft_stats(world.far)->count[WEFT_COUNT_IP_OUT];
        end_world();
    }
    assert_int_equal(ended[0], ended[1]);
    assert_int_equal(packets[0], packets[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_connection_serves_many_calls),
        cmocka_unit_test(a_request_goes_with_the_syn),
        cmocka_unit_test(a_call_takes_one_round_trip),
        cmocka_unit_test(large_bodies_move),
        cmocka_unit_test(large_bodies_move_over_a_bad_wire),
        cmocka_unit_test(a_reader_that_pauses_stops_the_sender),
        cmocka_unit_test(a_reader_that_never_reads_is_cleaned_up),
        cmocka_unit_test(slow_readers_do_not_stop_the_others),
        cmocka_unit_test(an_early_refusal_arrives),
        cmocka_unit_test(asks_before_it_sends),
        cmocka_unit_test(many_connections_are_served_at_once),
        cmocka_unit_test(callers_wait_for_a_place),
        cmocka_unit_test(short_connections_leave_nothing_behind),
        cmocka_unit_test(a_pipeline_is_answered_in_order),
        cmocka_unit_test(a_run_can_be_repeated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
