/* SPDX-License-Identifier: MIT */
/*
 * The client over sockets of memory: what it asks, how it reads what comes, and
 * what it says when something is wrong.
 */
#include "http_fake_sock.h"

#include <stdio.h>

#include <weft/http.h>

struct app {
    struct weft_stack stack;
    struct weft_http_client *client;
    struct weft_http_client_config config;
    struct weft_http_call *call;
    struct weft_http_request request;
    struct fake_bytes body;
    unsigned heads, readables, dones, closes;
    unsigned status;
    int error;
    char why[256], reason[64], type[64];
    int64_t length;
    size_t read_max; /* bytes per turn; 0: all there are */
    bool is_paused;  /* `readable` reads nothing */
    int cancel_in;   /* 1 head, 2 readable, 3 source */
    bool again;      /* `done` makes the request once more */
    struct weft_http_source source;
    const char *source_text;
    size_t source_at;
    int source_end;
    bool source_pauses;
};

static struct app app;

/* --- What the program does --- */

static void note_head(struct weft_http_call *call, void *user)
{
    const char *type = weft_http_call_header(call, "Content-Type");

    assert_ptr_equal(user, &app);
    app.heads++;
    app.status = weft_http_call_status(call);
    app.length = weft_http_call_body_length(call);
    snprintf(app.reason, sizeof(app.reason), "%s", weft_http_call_reason(call));
    snprintf(app.type, sizeof(app.type), "%s", type ? type : "-");
    if (app.cancel_in == 1)
        weft_http_call_cancel(call);
}

static void read_some(struct weft_http_call *call)
{
    char buf[100];
    size_t left = app.read_max ? app.read_max : SIZE_MAX;
    ptrdiff_t n = 1;

    while (left && n > 0) {
        n = weft_http_call_read(call, buf, left < sizeof(buf) ? left : sizeof(buf));
        if (n > 0) {
            fake_append(&app.body, buf, (size_t)n);
            left -= (size_t)n;
        }
    }
}

static void read_more(struct weft_http_call *call, void *user)
{
    (void)user;
    app.readables++;
    if (app.cancel_in == 2)
        weft_http_call_cancel(call);
    else if (!app.is_paused)
        read_some(call);
}

static const struct weft_http_call_ops ops;

static void note_done(struct weft_http_call *call, void *user, int error)
{
    (void)user;
    app.dones++;
    app.error = error;
    app.call = NULL;
    snprintf(app.why, sizeof(app.why), "%s", weft_http_call_why(call));
    if (app.again) {
        app.again = false;
        assert_int_equal(weft_http_call_start(app.client, &app.request, &ops, &app, &app.call), 0);
    }
}

static const struct weft_http_call_ops ops = {note_head, read_more, note_done};

static ptrdiff_t read_source(struct weft_http_source *source, void *buf, size_t len)
{
    size_t left = strlen(app.source_text) - app.source_at;

    (void)source;
    if (app.cancel_in == 3)
        weft_http_call_cancel(app.call);
    if (app.source_pauses)
        return WEFT_E_AGAIN;
    if (!left)
        return app.source_end;
    if (len > left)
        len = left;
    memcpy(buf, app.source_text + app.source_at, len);
    app.source_at += len;
    return (ptrdiff_t)len;
}

static void close_source(struct weft_http_source *source)
{
    (void)source;
    app.closes++;
}

/* --- The test's side --- */

static int setup(void **state)
{
    (void)state;
    memset(&app, 0, sizeof(app));
    fake_stack_init(&app.stack);
    app.request =
        (struct weft_http_request){.server = {weft_ip4(10, 0, 0, 1), 80}, .host = "h", .target = "/x?y"};
    app.source = (struct weft_http_source){read_source, close_source};
    app.source_text = "";
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    app.again = false;
    weft_http_client_free(app.client);
    fake_take_all(&app.stack);
    fake_stack_fini(&app.stack);
    free(app.body.data);
    return 0;
}

static void begin(void)
{
    if (!app.client)
        assert_int_equal(weft_http_client_new(&app.stack, &app.config, &app.client), 0);
    assert_int_equal(weft_http_call_start(app.client, &app.request, &ops, &app, &app.call), 0);
}

/* The request goes out on a new connection; returns that. */
static struct weft_sock *ask(void)
{
    struct weft_sock *sock;

    begin();
    sock = fake_opened(&app.stack, 0);
    fake_run(&app.stack);
    assert_string_equal(fake_text(sock), "");
    fake_established(sock);
    fake_run(&app.stack);
    return sock;
}

static struct weft_sock *ask_and_answer(const char *answer)
{
    struct weft_sock *sock = ask();

    fake_send_text(sock, answer);
    fake_run(&app.stack);
    return sock;
}

static void assert_done(int error, const char *why)
{
    assert_int_equal(app.dones, 1);
    if (app.error != error || strcmp(app.why, why) != 0)
        fail_msg("ended with %s: \"%s\"", weft_errname(app.error), app.why);
}

static void assert_body(const char *text)
{
    assert_string_equal(app.body.data ? app.body.data : "", text);
}

#define REQUEST "GET /x?y HTTP/1.1\r\nHost: h\r\nUser-Agent: weft\r\nAccept: */*\r\n"

/* --- Requests --- */

static void asks(void **state)
{
    struct weft_sock *sock = ask();

    (void)state;
    assert_string_equal(fake_text(sock), REQUEST "\r\n");
    assert_int_equal(sock->sends, 1);
    assert_int_equal(sock->nodelay, 1);
    assert_int_equal(sock->remote.port, 80);
}

static void says_what_it_is_told(void **state)
{
    static const struct weft_http_field fields[] = {{"X", "1"}, {"user-agent", "me"}, {"ACCEPT", "a/b"}};
    struct weft_sock *sock;

    (void)state;
    app.request.method = "BREW";
    app.request.fields = fields;
    app.request.nfields = 3;
    app.request.close = true;
    sock = ask();
    assert_string_equal(fake_text(sock),
                        "BREW /x?y HTTP/1.1\r\nHost: h\r\nX: 1\r\nuser-agent: me\r\nACCEPT: a/b\r\n"
                        "Connection: close\r\n\r\n");
}

static void refuses_requests_that_would_mean_something_else(void **state)
{
    static const struct {
        const char *method, *host, *target, *name, *value;
    } rows[] = {
        {"G T", "h", "/", "X", "y"},
        {"", "h", "/", "X", "y"},
        {"CONNECT", "h", "/", "X", "y"},
        {"GET", "h\r\n", "/", "X", "y"},
        {"GET", "a b", "/", "X", "y"},
        {"GET", "h", "", "X", "y"},
        {"GET", "h", "x", "X", "y"},
        {"GET", "h", "/a b", "X", "y"},
        {"GET", "h", "/a\r\nX", "X", "y"},
        {"GET", "h", "*", "X", "y"},
        {"GET", "h", "/", "X y", "y"},
        {"GET", "h", "/", "", "y"},
        {"GET", "h", "/", "X", "y\r\nZ: 1"},
        {"GET", "h", "/", "Host", "y"},
        {"GET", "h", "/", "content-length", "1"},
        {"GET", "h", "/", "Transfer-Encoding", "chunked"},
        {"GET", "h", "/", "Connection", "close"},
    };

    (void)state;
    assert_int_equal(weft_http_client_new(&app.stack, &app.config, &app.client), 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct weft_http_field field = {rows[i].name, rows[i].value};

        app.request.method = rows[i].method;
        app.request.host = rows[i].host;
        app.request.target = rows[i].target;
        app.request.fields = &field;
        app.request.nfields = 1;
        app.request.source = &app.source;
        if (weft_http_call_start(app.client, &app.request, &ops, &app, &app.call) != WEFT_E_INVAL)
            fail_msg("row %zu", i);
        assert_int_equal(app.closes, i + 1);
    }
    assert_int_equal(app.stack.opened, 0);
    app.config.user_agent = "a\nb";
    assert_int_equal(weft_http_client_new(&app.stack, &app.config, &(struct weft_http_client *){NULL}),
                     WEFT_E_INVAL);
}

static int prepare(void *user, struct weft_sock *sock)
{
    assert_false(sock->is_connecting);
    return *(int *)user;
}

static void a_socket_can_be_prepared(void **state)
{
    int answer = WEFT_E_LIMIT;

    (void)state;
    app.config.prepare = prepare;
    app.config.prepare_user = &answer;
    assert_int_equal(weft_http_client_new(&app.stack, &app.config, &app.client), 0);
    assert_int_equal(weft_http_call_start(app.client, &app.request, &ops, &app, &app.call), WEFT_E_LIMIT);
    answer = 0;
    ask_and_answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    assert_done(0, "");
}

static void sends_bodies(void **state)
{
    static const struct {
        const char *method, *data, *source;
        int64_t length;
        const char *tail;
    } rows[] = {
        {"POST", "hello", NULL, 0, "Content-Length: 5\r\n\r\nhello"},
        {"POST", NULL, NULL, 0, "Content-Length: 0\r\n\r\n"},
        {"PUT", "", NULL, 0, "Content-Length: 0\r\n\r\n"},
        {"DELETE", NULL, NULL, 0, "Accept: */*\r\n\r\n"},
        {"PUT", NULL, "hello", 5, "Content-Length: 5\r\n\r\nhello"},
        {"PUT", NULL, "hello", WEFT_HTTP_UNKNOWN,
         "Transfer-Encoding: chunked\r\n\r\n0005\r\nhello\r\n0\r\n\r\n"},
        {"PUT", NULL, "", WEFT_HTTP_UNKNOWN, "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct weft_sock *sock;
        size_t len;

        app.request.method = rows[i].method;
        app.request.data = rows[i].data;
        app.request.data_len = rows[i].data ? strlen(rows[i].data) : 0;
        app.request.source = rows[i].source ? &app.source : NULL;
        app.request.source_length = rows[i].length;
        app.source_text = rows[i].source;
        app.source_at = 0;
        app.dones = 0;
        sock = ask();
        len = strlen(rows[i].tail);
        assert_string_equal(fake_text(sock) + sock->out.len - len, rows[i].tail);
        fake_send_text(sock, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
        fake_run(&app.stack);
        assert_done(0, "");
    }
    assert_int_equal(app.closes, 3);
}

static void a_slow_server_stops_the_source(void **state)
{
    static char text[300001];
    struct weft_sock *sock;

    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    app.stack.hold = true;
    app.request.method = "POST";
    app.request.source = &app.source;
    app.request.source_length = sizeof(text) - 1;
    app.source_text = text;
    app.stack.room = 30000;
    sock = ask();
    assert_true(app.source_at <= 30000 + WEFT_BLOCK_LARGE);
    while (app.source_at < sizeof(text) - 1) {
        fake_take(sock, 10000);
        fake_run(&app.stack);
        assert_true(app.source_at <= sock->out.len + 30000 + WEFT_BLOCK_LARGE);
    }
    fake_take(sock, FAKE_NO_LIMIT);
    fake_run(&app.stack);
    fake_take(sock, FAKE_NO_LIMIT);
    assert_true(sock->out.len > 300000);
    fake_send_text(sock, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    fake_run(&app.stack);
    assert_done(0, "");
}

static void a_source_may_pause_and_fail(void **state)
{
    struct weft_sock *sock;

    (void)state;
    app.request.method = "POST";
    app.request.source = &app.source;
    app.request.source_length = WEFT_HTTP_UNKNOWN;
    app.source_text = "abc";
    app.source_pauses = true;
    app.source_end = WEFT_E_IO;
    sock = ask();
    fake_advance(&app.stack, 1000 * WEFT_SEC);
    assert_int_equal(app.dones, 0);
    app.source_pauses = false;
    weft_http_call_resume(app.call);
    assert_int_equal(app.dones, 0);
    fake_run(&app.stack);
    assert_non_null(strstr(fake_text(sock), "0003\r\nabc\r\n"));
    assert_done(WEFT_E_IO, "the request's body could not be completed");
    assert_true(sock->aborted);
    assert_int_equal(app.closes, 1);
}

/* --- Expect: 100-continue --- */

static void waits_for_100_continue(void **state)
{
    struct weft_sock *sock;

    (void)state;
    app.request.method = "POST";
    app.request.data = "hello";
    app.request.data_len = 5;
    app.request.expect_continue = true;
    sock = ask();
    assert_non_null(strstr(fake_text(sock), "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n"));
    assert_null(strstr(fake_text(sock), "hello"));
    fake_send_text(sock, "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 100 Continue\r\nX: y\r\n\r\n");
    fake_run(&app.stack);
    assert_non_null(strstr(fake_text(sock), "\r\n\r\nhello"));
    assert_int_equal(app.heads, 0);
    fake_send_text(sock, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    fake_run(&app.stack);
    assert_done(0, "");
    assert_int_equal(app.heads, 1);
    assert_false(sock->closed);
}

static void does_not_wait_for_it_for_ever(void **state)
{
    struct weft_sock *sock;

    (void)state;
    app.request.method = "POST";
    app.request.source = &app.source;
    app.request.source_length = 5;
    app.source_text = "hello";
    app.request.expect_continue = true;
    sock = ask();
    fake_advance(&app.stack, WEFT_SEC - 1);
    assert_null(strstr(fake_text(sock), "hello"));
    fake_advance(&app.stack, 1);
    assert_non_null(strstr(fake_text(sock), "\r\n\r\nhello"));
}

/* RFC 9112 9.5: what is not wanted is not sent, and the connection cannot be used again. */
static void an_early_refusal_stops_the_body(void **state)
{
    struct weft_sock *sock;

    (void)state;
    app.request.method = "POST";
    app.request.source = &app.source;
    app.request.source_length = 5;
    app.source_text = "hello";
    app.request.expect_continue = true;
    sock = ask();
    fake_send_text(sock, "HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno");
    fake_run(&app.stack);
    assert_done(0, "");
    assert_int_equal(app.status, 413);
    assert_body("no");
    assert_null(strstr(fake_text(sock), "hello"));
    assert_int_equal(app.closes, 1);
    assert_true(sock->closed);
}

/* A server that answers first and then reads on: as long as the request goes out, the response may pause. */
static void a_response_may_wait_for_the_request(void **state)
{
    struct weft_sock *sock;
    char text[2001];

    (void)state;
    memset(text, 'x', 2000);
    text[2000] = '\0';
    app.stack.hold = true;
    app.stack.room = 200;
    app.request.method = "POST";
    app.request.data = text;
    app.request.data_len = 2000;
    sock = ask();
    fake_send_text(sock, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab");
    fake_run(&app.stack);
    for (unsigned i = 0; i < 100 && sock->pending; i++) {
        fake_advance(&app.stack, 50 * WEFT_SEC);
        fake_take(sock, 100);
        fake_run(&app.stack);
    }
    assert_int_equal(app.dones, 0);
    fake_advance(&app.stack, 50 * WEFT_SEC);
    fake_send_text(sock, "cd");
    fake_run(&app.stack);
    assert_done(0, "");
    assert_body("abcd");
}

/* --- Responses --- */

static void reads_responses(void **state)
{
    static const struct {
        const char *method, *answer, *body;
        unsigned status;
        int64_t length;
        bool is_kept, fin;
    } rows[] = {
        {"GET", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello", 200, 5, true, false},
        {"GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "", 200, 0, true, false},
        {"GET",
         "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\nT: x\r\n\r\n",
         "abcde", 200, WEFT_HTTP_UNKNOWN, true, false},
        {"GET", "HTTP/1.1 200 OK\r\n\r\nuntil the end", "until the end", 200, WEFT_HTTP_UNKNOWN, false, true},
        {"GET", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", "ok", 200, 2, false, false},
        {"GET", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok", "ok", 200, 2,
         true, false},
        {"GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok", "ok", 200, 2, false,
         false},
        {"GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", "", 304, 0, true, false},
        {"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", "", 200, 0, true, false},
        {"HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "", 200, 0, true, false},
        {"GET", "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 404 Nope\r\nContent-Length: 1\r\n\r\nx",
         "x", 404, 1, true, false},
        {"GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n", "ok", 200, 2, false,
         false},
        {"GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "ok", 200, 2, false, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t len = strlen(rows[i].answer);

        /* Whole, cut at each octet, and octet by octet. */
        for (size_t cut = 0; cut <= len; cut++) {
            struct weft_sock *sock;

            app.body.len = 0;
            if (app.body.data)
                app.body.data[0] = '\0';
            app.dones = app.heads = 0;
            app.request.method = rows[i].method;
            sock = ask();
            if (cut == len)
                sock->recv_max = 1;
            fake_send(sock, rows[i].answer, cut);
            if (rows[i].is_kept || rows[i].fin || cut == 0)
                fake_run(&app.stack);
            if (!sock->closed) {
                fake_send(sock, rows[i].answer + cut, len - cut);
                if (rows[i].fin)
                    fake_fin(sock);
                fake_run(&app.stack);
            }
            assert_done(0, "");
            assert_int_equal(app.heads, 1);
            assert_int_equal(app.status, rows[i].status);
            assert_int_equal(app.length, rows[i].length);
            assert_body(rows[i].body);
            assert_int_equal(sock->closed, !rows[i].is_kept);
            /* The next one gets a connection of its own. */
            if (!sock->closed)
                fake_fin(sock);
            fake_run(&app.stack);
            assert_true(sock->closed);
        }
    }
}

static void reads_no_faster_than_the_program(void **state)
{
    struct weft_sock *sock;
    char junk[10000];

    (void)state;
    memset(junk, 'x', sizeof(junk));
    app.is_paused = true;
    sock = ask_and_answer("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
    for (unsigned i = 0; i < 100; i++) {
        fake_send(sock, junk, sizeof(junk));
        fake_run(&app.stack);
    }
    assert_int_equal(app.readables, 1);
    assert_true(sock->read_total < 30000);
    /* However long it takes: it is the program that is waited for. */
    fake_advance(&app.stack, 1000 * WEFT_SEC);
    assert_int_equal(app.dones, 0);
    app.is_paused = false;
    read_some(app.call);
    assert_int_equal(app.dones, 0);
    fake_run(&app.stack);
    assert_done(0, "");
    assert_int_equal(app.body.len, 1000000);
}

static void reads_from_outside_of_the_dispatcher(void **state)
{
    struct weft_sock *sock;

    (void)state;
    app.is_paused = true;
    sock = ask_and_answer("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc");
    app.read_max = 2;
    read_some(app.call);
    read_some(app.call);
    assert_int_equal(app.readables, 1);
    read_some(app.call);
    app.is_paused = false;
    fake_send_text(sock, "de");
    fake_run(&app.stack);
    assert_body("abcde");
    assert_int_equal(app.readables, 2);
    fake_send_text(sock, "f");
    fake_run(&app.stack);
    assert_body("abcde");
    read_some(app.call);
    assert_body("abcdef");
    assert_int_equal(app.dones, 0);
    fake_run(&app.stack);
    assert_done(0, "");
}

static void a_body_nobody_wants_is_thrown_away(void **state)
{
    static const struct weft_http_call_ops few = {NULL, NULL, note_done};
    struct weft_sock *sock;

    (void)state;
    assert_int_equal(weft_http_client_new(&app.stack, &app.config, &app.client), 0);
    assert_int_equal(weft_http_call_start(app.client, &app.request, &few, &app, &app.call), 0);
    sock = fake_opened(&app.stack, 0);
    fake_established(sock);
    fake_send_text(sock, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    fake_run(&app.stack);
    assert_int_equal(app.dones, 0);
    fake_send_text(sock, "0\r\n\r\n");
    fake_run(&app.stack);
    assert_done(0, "");
    assert_false(sock->closed);
}

/* --- What goes wrong --- */

static void says_what_is_wrong(void **state)
{
    static const struct {
        const char *answer;
        int failure; /* 0: FIN */
        int error;
        const char *why;
    } rows[] = {
        {"", 0, WEFT_E_EOF, "peer closed without an answer"},
        {"", WEFT_E_CONNRESET, WEFT_E_CONNRESET, "before the answer: the peer reset the connection"},
        {"HTTP/1.1 200 O", 0, WEFT_E_EOF, "peer closed in the middle of the response's head"},
        {"SSH-2.0-x\r\n", 0, WEFT_E_PROTO,
         "the response is not HTTP/1.1: the status line is not version, space, three digits, space, reason "
         "(RFC 9112 4)"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n", 0, WEFT_E_PROTO,
         "the response is not HTTP/1.1: Content-Length fields that differ (RFC 9112 6.3)"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\nabc", 0, WEFT_E_EOF,
         "peer closed after 3 of 5000 body bytes"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\nabc", WEFT_E_CONNRESET, WEFT_E_CONNRESET,
         "after 3 of 5000 body bytes: the peer reset the connection"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", 0, WEFT_E_EOF,
         "peer closed after 3 body bytes, before the last chunk"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd", 0, WEFT_E_PROTO,
         "after 3 body bytes: chunk data is not followed by CR LF (RFC 9112 7.1)"},
        {"HTTP/1.1 200 OK\r\n\r\nabc", WEFT_E_CONNRESET, WEFT_E_CONNRESET,
         "after 3 body bytes: the peer reset the connection"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 10001\r\n\r\n", 0, WEFT_E_MSGSIZE,
         "the body is larger than 10000 bytes"},
    };

    (void)state;
    app.config.limits.body = 10000;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct weft_sock *sock;

        app.dones = 0;
        sock = ask_and_answer(rows[i].answer);
        if (!sock->closed && rows[i].failure)
            fake_fail(sock, rows[i].failure);
        else if (!sock->closed)
            fake_fin(sock);
        fake_run(&app.stack);
        assert_done(rows[i].error, rows[i].why);
        assert_true(sock->closed);
    }
}

static void says_why_it_cannot_connect(void **state)
{
    struct weft_sock *sock;

    (void)state;
    begin();
    sock = fake_opened(&app.stack, 0);
    fake_fail(sock, WEFT_E_CONNREFUSED);
    assert_int_equal(app.dones, 0);
    fake_run(&app.stack);
    assert_done(WEFT_E_CONNREFUSED, "the peer refused the connection");
    app.stack.next_connect_error = WEFT_E_NETUNREACH;
    assert_int_equal(weft_http_call_start(app.client, &app.request, &ops, &app, &app.call),
                     WEFT_E_NETUNREACH);
    assert_int_equal(app.dones, 1);
}

static void nothing_happens_before_it_is_connected(void **state)
{
    struct weft_sock *sock;

    (void)state;
    begin();
    sock = fake_opened(&app.stack, 0);
    weft_http_call_resume(app.call);
    fake_signal(sock);
    fake_run(&app.stack);
    assert_int_equal(app.dones, 0);
    assert_int_equal(sock->sends, 0);
    assert_int_equal(weft_http_call_read(app.call, (char[1]){0}, 1), WEFT_E_AGAIN);
    assert_int_equal(weft_http_call_status(app.call), 0);
    assert_null(weft_http_call_header(app.call, "X"));
    fake_established(sock);
    fake_send_text(sock, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    fake_run(&app.stack);
    assert_done(0, "");
}

static void an_answer_to_a_broken_upload_is_read(void **state)
{
    static char text[100001];
    struct weft_sock *sock;

    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    app.request.method = "POST";
    app.request.data = text;
    app.request.data_len = sizeof(text) - 1;
    app.stack.hold = true;
    app.stack.room = 10000;
    sock = ask();
    fake_send_text(sock, "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno");
    fake_fail(sock, WEFT_E_CONNRESET);
    fake_run(&app.stack);
    assert_done(0, "");
    assert_int_equal(app.status, 403);
    assert_body("no");
}

/* --- Time --- */

static void times_out(void **state)
{
    struct weft_sock *sock;

    (void)state;
    begin();
    sock = fake_opened(&app.stack, 0);
    fake_advance(&app.stack, 30 * WEFT_SEC);
    assert_done(WEFT_E_TIMEDOUT, "no connection within 30 s");
    assert_true(sock->aborted);
    app.dones = 0;
    sock = ask();
    fake_advance(&app.stack, 59 * WEFT_SEC);
    fake_send_text(sock, "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 ");
    fake_advance(&app.stack, 2 * WEFT_SEC);
    assert_done(WEFT_E_TIMEDOUT, "no answer within 60 s");
    assert_true(sock->aborted);
    app.dones = 0;
    sock = ask_and_answer("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n");
    for (unsigned i = 0; i < 5; i++) {
        fake_advance(&app.stack, 50 * WEFT_SEC);
        fake_send_text(sock, "x");
    }
    fake_run(&app.stack);
    assert_int_equal(app.dones, 0);
    fake_advance(&app.stack, 121 * WEFT_SEC);
    assert_done(WEFT_E_TIMEDOUT, "nothing came for 60 s after 5 of 10 body bytes");
    app.dones = 0;
    app.config.write_timeout = 1;
    app.request.method = "POST";
    app.request.data = "x";
    app.request.data_len = 1;
    app.stack.room = 10;
    app.stack.hold = true;
    ask();
    fake_advance(&app.stack, 61 * WEFT_SEC);
    assert_done(WEFT_E_TIMEDOUT, "the server took no byte of the request for 60 s");
}

static void ends_when_the_time_is_over(void **state)
{
    struct weft_sock *sock;

    (void)state;
    app.request.max_time = 5 * WEFT_SEC;
    begin();
    fake_advance(&app.stack, 5 * WEFT_SEC);
    assert_done(WEFT_E_TIMEDOUT, "the time is over before the answer");
    app.dones = 0;
    sock = ask_and_answer("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n");
    for (unsigned i = 0; i < 4; i++) {
        fake_advance(&app.stack, WEFT_SEC);
        fake_send_text(sock, "x");
    }
    fake_advance(&app.stack, 2 * WEFT_SEC);
    assert_done(WEFT_E_TIMEDOUT, "the time is over after 4 of 10 body bytes");
}

/* --- Connections that are kept --- */

#define OK_EMPTY "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

static void uses_a_connection_again(void **state)
{
    struct weft_sock *sock;

    (void)state;
    sock = ask_and_answer(OK_EMPTY);
    fake_clear(sock);
    begin();
    assert_int_equal(app.stack.opened, 1);
    assert_string_equal(fake_text(sock), "");
    fake_run(&app.stack);
    assert_string_equal(fake_text(sock), REQUEST "\r\n");
    fake_send_text(sock, OK_EMPTY);
    fake_run(&app.stack);
    assert_int_equal(app.dones, 2);
    assert_int_equal(app.error, 0);
    /* Not for another server. */
    app.request.server.port = 81;
    begin();
    assert_int_equal(app.stack.opened, 2);
    /* And not for ever. */
    fake_advance(&app.stack, 11 * WEFT_SEC);
    assert_true(sock->closed);
    assert_false(sock->aborted);
}

static void done_may_begin_the_next_call(void **state)
{
    struct weft_sock *sock;

    (void)state;
    app.again = true;
    sock = ask_and_answer(OK_EMPTY);
    assert_int_equal(app.dones, 1);
    assert_int_equal(app.stack.opened, 1);
    fake_send_text(sock, OK_EMPTY);
    fake_run(&app.stack);
    assert_int_equal(app.dones, 2);
    assert_int_equal(sock->out.len, 2 * strlen(REQUEST "\r\n"));
}

static void bytes_on_an_idle_connection_close_it(void **state)
{
    struct weft_sock *sock;

    (void)state;
    sock = ask_and_answer(OK_EMPTY);
    fake_send_text(sock, OK_EMPTY);
    fake_run(&app.stack);
    assert_true(sock->closed);
    sock = ask_and_answer(OK_EMPTY);
    assert_int_equal(app.stack.opened, 2);
    fake_fail(sock, WEFT_E_CONNRESET);
    fake_run(&app.stack);
    assert_true(sock->closed);
}

static void keeps_a_bounded_number(void **state)
{
    (void)state;
    app.config.max_idle = 2;
    for (unsigned i = 0; i < 3; i++) {
        app.request.server.port = (uint16_t)(80 + i);
        ask_and_answer(OK_EMPTY);
    }
    assert_true(fake_opened(&app.stack, 2)->closed);
    assert_false(fake_opened(&app.stack, 1)->closed);
    assert_false(fake_opened(&app.stack, 0)->closed);
}

/* RFC 9110 9.2.2 */
static void a_kept_connection_that_died_is_replaced(void **state)
{
    struct weft_sock *first, *second;

    (void)state;
    for (unsigned i = 0; i < 6; i++) {
        static const char *const methods[] = {"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"};
        char line[16];

        app.request.method = methods[i];
        app.dones = 0;
        first = ask_and_answer(OK_EMPTY);
        begin();
        if (i % 2)
            fake_fail(first, WEFT_E_CONNRESET);
        else
            fake_fin(first);
        fake_run(&app.stack);
        assert_true(first->closed);
        second = fake_opened(&app.stack, 0);
        assert_ptr_not_equal(first, second);
        fake_established(second);
        fake_run(&app.stack);
        snprintf(line, sizeof(line), "%s /x?y ", methods[i]);
        assert_memory_equal(fake_text(second), line, strlen(line));
        fake_send_text(second, OK_EMPTY);
        fake_run(&app.stack);
        assert_int_equal(app.dones, 2);
        assert_int_equal(app.error, 0);
        fake_fin(second);
        fake_run(&app.stack);
    }
}

static void it_is_not_replaced_when_that_could_do_harm(void **state)
{
    struct weft_sock *sock;

    (void)state;
    sock = ask_and_answer(OK_EMPTY);
    app.request.method = "POST";
    app.request.data = "x";
    app.request.data_len = 1;
    begin();
    fake_fin(sock);
    fake_run(&app.stack);
    assert_int_equal(app.dones, 2);
    assert_int_equal(app.error, WEFT_E_EOF);
    assert_int_equal(app.stack.opened, 1);
    app.dones = 0;
    app.request.method = "GET";
    app.request.data = NULL;
    sock = ask_and_answer(OK_EMPTY);
    begin();
    fake_send_text(sock, "HTTP/1.1 2");
    fake_fin(sock);
    fake_run(&app.stack);
    assert_int_equal(app.error, WEFT_E_EOF);
    assert_int_equal(app.stack.opened, 2);
}

/* --- Cancelling --- */

static void may_be_cancelled_anywhere(void **state)
{
    struct weft_sock *sock;

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        app.cancel_in = 0;
        sock = i ? ask() : (begin(), fake_opened(&app.stack, 0));
        weft_http_call_cancel(app.call);
        assert_true(sock->aborted);
    }
    app.cancel_in = 1;
    sock = ask_and_answer("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc");
    assert_true(sock->aborted);
    app.cancel_in = 2;
    sock = ask_and_answer("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc");
    assert_true(sock->aborted);
    app.cancel_in = 3;
    app.source_text = "abc";
    app.request.method = "POST";
    app.request.source = &app.source;
    app.request.source_length = 3;
    sock = ask();
    assert_true(sock->aborted);
    assert_int_equal(app.closes, 1);
    fake_advance(&app.stack, 100 * WEFT_SEC);
    assert_int_equal(app.dones, 0);
}

static void freeing_the_client_ends_its_calls(void **state)
{
    struct weft_sock *sock;

    (void)state;
    sock = ask();
    weft_http_client_free(app.client);
    app.client = NULL;
    assert_done(WEFT_E_CONNABORTED, "the client was closed");
    assert_true(sock->aborted);
}

/* Random responses, mutated and cut, to requests of all kinds: there is always an end, and only one. */
static void survives_anything(void **state)
{
    static const char *const answers[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\nhello",
        "HTTP/1.0 404 No\r\nX: a\r\n b\r\nContent-Length: 2\r\n\r\nno",
        "HTTP/1.1 204 No\r\n\r\n",
    };
    static const char *const methods[] = {"GET", "HEAD", "POST", "PUT"};
    struct test_rng rng = test_rng_start("test_http_client");

    (void)state;
    for (unsigned round = 0; round < 3000; round++) {
        char text[256];
        size_t len, at = 0;
        struct weft_sock *sock;

        app.dones = 0;
        app.is_paused = test_rng_below(&rng, 8) == 0;
        app.read_max = test_rng_below(&rng, 3);
        app.request.method = methods[test_rng_below(&rng, 4)];
        app.request.source = test_rng_below(&rng, 2) ? &app.source : NULL;
        app.request.source_length = test_rng_below(&rng, 2) ? 3 : WEFT_HTTP_UNKNOWN;
        app.request.expect_continue = test_rng_below(&rng, 2);
        app.source_text = "abc";
        app.source_at = 0;
        strcpy(text, answers[test_rng_below(&rng, 5)]);
        len = strlen(text);
        if (test_rng_below(&rng, 2))
            text[test_rng_below(&rng, (uint32_t)len)] = (char)test_rng_u32(&rng);
        begin();
        sock = fake_opened(&app.stack, 0);
        fake_run(&app.stack);
        for (struct weft_sock *s = app.stack.all; s; s = s->next)
            if (!s->closed)
                sock = s;
        if (sock->is_connecting)
            fake_established(sock);
        while (at < len && !sock->closed) {
            size_t n = test_rng_between(&rng, 1, 50);

            if (n > len - at)
                n = len - at;
            fake_send(sock, text + at, n);
            at += n;
            fake_run(&app.stack);
            if (test_rng_below(&rng, 10) == 0)
                fake_advance(&app.stack, 2 * WEFT_SEC);
        }
        while (app.call && !app.dones && app.readables < 1000000) {
            app.is_paused = false;
            app.read_max = 0;
            read_some(app.call);
            fake_run(&app.stack);
            if (!app.dones && !sock->closed)
                fake_fin(sock);
            fake_advance(&app.stack, 70 * WEFT_SEC);
        }
        assert_int_equal(app.dones, 1);
        if (!sock->closed && test_rng_below(&rng, 2)) {
            fake_fin(sock);
            fake_run(&app.stack);
        }
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(asks),
        TEST(says_what_it_is_told),
        TEST(refuses_requests_that_would_mean_something_else),
        TEST(a_socket_can_be_prepared),
        TEST(sends_bodies),
        TEST(a_slow_server_stops_the_source),
        TEST(a_source_may_pause_and_fail),
        TEST(waits_for_100_continue),
        TEST(does_not_wait_for_it_for_ever),
        TEST(an_early_refusal_stops_the_body),
        TEST(a_response_may_wait_for_the_request),
        TEST(reads_responses),
        TEST(reads_no_faster_than_the_program),
        TEST(reads_from_outside_of_the_dispatcher),
        TEST(a_body_nobody_wants_is_thrown_away),
        TEST(says_what_is_wrong),
        TEST(says_why_it_cannot_connect),
        TEST(nothing_happens_before_it_is_connected),
        TEST(an_answer_to_a_broken_upload_is_read),
        TEST(times_out),
        TEST(ends_when_the_time_is_over),
        TEST(uses_a_connection_again),
        TEST(done_may_begin_the_next_call),
        TEST(bytes_on_an_idle_connection_close_it),
        TEST(keeps_a_bounded_number),
        TEST(a_kept_connection_that_died_is_replaced),
        TEST(it_is_not_replaced_when_that_could_do_harm),
        TEST(may_be_cancelled_anywhere),
        TEST(freeing_the_client_ends_its_calls),
        TEST(survives_anything),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
