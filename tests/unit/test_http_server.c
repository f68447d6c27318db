/* SPDX-License-Identifier: MIT */
/*
 * The server over sockets of memory: what it answers, in which order, when it
 * closes and how, what it does about peers that are slow, rude or gone.
 */
#include "http_fake_sock.h"

#include <stdio.h>

#include <weft/http.h>

/* --- The server under test, and what its handlers do --- */

struct app {
    struct weft_stack stack;
    struct weft_http_server *server;
    struct weft_http_server_config config;
    int64_t wall;
    struct weft_http_req *held; /* of the handler that answers later */
    struct fake_bytes body;     /* what handlers have read */
    unsigned reads, dones, logs, stops, closes;
    int done_error, read_error;
    struct weft_http_record record;
    char log_text[256];
    /* The source that handlers send from. */
    size_t source_left, source_max, source_at;
    int source_pause; /* say AGAIN before each of so many reads */
    int source_error; /* instead of the end */
    bool is_blocked;
    /* What the handler of "/later" does in `readable`: at most this many bytes, then it waits to be told. */
    size_t read_limit;
};

static struct app app;

static int64_t wall_clock(void *user)
{
    return ((struct app *)user)->wall;
}

static void write_log(void *user, const struct weft_http_record *record)
{
    struct app *a = user;

    a->logs++;
    a->record = *record;
    snprintf(a->log_text, sizeof(a->log_text), "%s %s%s%s %u %llu %s", record->method, record->path,
             record->query ? "?" : "", record->query ? record->query : "", record->status,
             (unsigned long long)record->body_bytes, record->error ? weft_errname(record->error) : "-");
}

static void stopped(void *user)
{
    ((struct app *)user)->stops++;
}

/* "/hello" */
static void say_hello(struct weft_http_req *req, void *user)
{
    (void)user;
    weft_http_answer(req, 200);
    weft_http_answer_field(req, "Content-Type", "text/plain");
    weft_http_answer_bytes(req, "hello\n", 6);
}

/* "/tell/…": says what it was asked. */
static void tell(struct weft_http_req *req, void *user)
{
    char text[1024], param[64];
    ptrdiff_t n = weft_http_req_param(req, "p", param, sizeof(param));
    int len = snprintf(text, sizeof(text), "%s|%s|%s|%s|%s|%u|%lld|%s", weft_http_req_method_name(req),
                       weft_http_req_path(req), weft_http_req_raw_path(req),
                       weft_http_req_query(req) ? weft_http_req_query(req) : "-", weft_http_req_host(req),
                       weft_http_req_minor_version(req), (long long)weft_http_req_body_length(req),
                       n >= 0 ? param : "-");

    (void)user;
    weft_http_answer(req, 200);
    weft_http_answer_bytes(req, text, (size_t)len < sizeof(text) ? (size_t)len : sizeof(text) - 1);
}

static void collect(struct weft_http_req *req)
{
    char buf[64];
    ptrdiff_t n;

    while ((n = weft_http_req_read(req, buf, sizeof(buf))) > 0)
        fake_append(&app.body, buf, (size_t)n);
    app.reads++;
    if (n == 0) {
        weft_http_answer(req, 200);
        weft_http_answer_bytes(req, app.body.data, app.body.len);
    } else if (n != WEFT_E_AGAIN) {
        app.read_error = (int)n;
    }
}

static void collect_more(struct weft_http_req *req, void *user)
{
    (void)user;
    collect(req);
}

/* What a handler streams from; it goes when the request is over. */
struct stream {
    struct weft_http_source source; /* first */
    bool is_closed;
};

static void note_done(struct weft_http_req *req, void *user, int error)
{
    struct weft_endpoint remote;
    struct stream *stream = user;

    if (stream)
        assert_true(stream->is_closed);
    free(stream);
    weft_http_req_remote(req, &remote);
    assert_int_equal(remote.addr.b[15], 9);
    app.dones++;
    app.done_error = error;
    app.held = NULL;
}

/* "/echo": answers with the body, when it has all of it. */
static void echo(struct weft_http_req *req, void *user)
{
    static const struct weft_http_watch watch = {collect_more, note_done};

    (void)user;
    weft_http_req_watch(req, &watch, NULL);
    collect(req);
}

/* "/later": the test answers. */
static void answer_later(struct weft_http_req *req, void *user)
{
    static const struct weft_http_watch watch = {NULL, note_done};

    (void)user;
    app.held = req;
    weft_http_req_watch(req, &watch, NULL);
}

static char source_byte(size_t at)
{
    return (char)('a' + at % 26);
}

static ptrdiff_t read_source(struct weft_http_source *source, void *buf, size_t len)
{
    char *out = buf;

    (void)source;
    if (app.is_blocked)
        return WEFT_E_AGAIN;
    if (app.source_pause > 0) {
        app.source_pause--;
        app.is_blocked = true;
        return WEFT_E_AGAIN;
    }
    if (!app.source_left)
        return app.source_error;
    if (len > app.source_max)
        len = app.source_max;
    if (len > app.source_left)
        len = app.source_left;
    for (size_t i = 0; i < len; i++)
        out[i] = source_byte(app.source_at + i);
    app.source_at += len;
    app.source_left -= len;
    return (ptrdiff_t)len;
}

static void close_source(struct weft_http_source *source)
{
    struct stream *stream = (struct stream *)source;

    assert_false(stream->is_closed);
    stream->is_closed = true;
    app.closes++;
}

/* "/stream?len=N[&known]" */
static void stream(struct weft_http_req *req, void *user)
{
    static const struct weft_http_watch watch = {NULL, note_done};
    struct stream *from = calloc(1, sizeof(*from));
    char text[32] = "0";
    ptrdiff_t known = weft_http_req_param(req, "known", NULL, 0);

    (void)user;
    weft_http_req_param(req, "len", text, sizeof(text));
    app.source_left = strtoul(text, NULL, 10);
    app.source_at = 0;
    assert_non_null(from);
    from->source = (struct weft_http_source){read_source, close_source};
    app.held = req;
    weft_http_req_watch(req, &watch, from);
    weft_http_answer(req, 200);
    weft_http_answer_source(req, &from->source,
                            known != WEFT_E_NOTFOUND ? (int64_t)app.source_left : WEFT_HTTP_UNKNOWN);
}

/* "/bad?k=…": answers in ways that are not allowed. */
static void answer_badly(struct weft_http_req *req, void *user)
{
    char kind[16] = "";

    (void)user;
    weft_http_req_param(req, "k", kind, sizeof(kind));
    if (strcmp(kind, "silent") == 0)
        return;
    if (strcmp(kind, "abort") == 0) {
        weft_http_req_abort(req);
        return;
    }
    weft_http_answer(req, strcmp(kind, "status") == 0 ? 150 : 200);
    if (strcmp(kind, "split") == 0)
        weft_http_answer_field(req, "X", "a\r\nSet-Cookie: b");
    if (strcmp(kind, "name") == 0)
        weft_http_answer_field(req, "X y", "a");
    if (strcmp(kind, "ours") == 0)
        weft_http_answer_field(req, "content-length", "7");
    if (strcmp(kind, "long") == 0)
        weft_http_answer_fieldf(req, "X", "%2000d", 1);
    if (strcmp(kind, "many") == 0)
        for (unsigned i = 0; i < 100; i++)
            weft_http_answer_fieldf(req, "X", "%1000d", 1);
    if (strcmp(kind, "begun") == 0)
        return;
    weft_http_answer_bytes(req, "fine\n", 5);
    if (strcmp(kind, "twice") == 0) {
        weft_http_answer(req, 404);
        weft_http_answer_bytes(req, "again\n", 6);
    }
}

/* "/status?s=N" */
static void answer_status(struct weft_http_req *req, void *user)
{
    char text[16] = "200";

    (void)user;
    weft_http_req_param(req, "s", text, sizeof(text));
    weft_http_answer(req, (unsigned)strtoul(text, NULL, 10));
    weft_http_answer_bytes(req, "body\n", 5);
}

/* "/big?len=N": copied bytes. */
static void answer_big(struct weft_http_req *req, void *user)
{
    char text[16] = "0";
    size_t len;
    char *data;

    (void)user;
    weft_http_req_param(req, "len", text, sizeof(text));
    len = strtoul(text, NULL, 10);
    data = malloc(len + 1);
    assert_non_null(data);
    for (size_t i = 0; i < len; i++)
        data[i] = source_byte(i);
    weft_http_answer(req, 200);
    weft_http_answer_bytes(req, data, len);
    memset(data, 0, len);
    free(data);
}

/* "/free": frees the server while its own code is running. */
static void free_server(struct weft_http_req *req, void *user)
{
    (void)user;
    weft_http_server_free(app.server);
    app.server = NULL;
    weft_http_answer(req, 200);
    weft_http_answer_bytes(req, "too late", 8);
}

/* "/part": representation "abc…z", 26 bytes. */
static ptrdiff_t read_part(struct weft_http_entity *entity, uint64_t off, void *buf, size_t len)
{
    char *out = buf;

    if (len > 7)
        len = 7;
    assert_true(off + len <= entity->length);
    for (size_t i = 0; i < len; i++)
        out[i] = source_byte(off + i);
    return (ptrdiff_t)len;
}

static void close_part(struct weft_http_entity *entity)
{
    (void)entity;
    app.closes++;
}

static void answer_part(struct weft_http_req *req, void *user)
{
    static struct weft_http_entity entity = {"\"e\"", 784111777, 26, "text/plain", read_part, close_part};

    (void)user;
    weft_http_answer(req, 200);
    weft_http_answer_field(req, "Cache-Control", "no-cache");
    weft_http_answer_entity(req, &entity);
}

static const struct weft_http_route routes[] = {
    {"/hello", "GET, HEAD", say_hello, NULL, 0},
    {"/tell/", "GET, HEAD, POST, PUT", tell, NULL, 0},
    {"/echo", "POST", echo, NULL, 5000},
    {"/later", "GET, HEAD, POST", answer_later, NULL, 0},
    {"/stream", "GET, HEAD", stream, NULL, 0},
    {"/bad", "GET, HEAD", answer_badly, NULL, 0},
    {"/status", "GET, HEAD", answer_status, NULL, 0},
    {"/big", "GET", answer_big, NULL, 0},
    {"/free", "GET", free_server, NULL, 0},
    {"/part", "GET, HEAD", answer_part, NULL, 0},
    {"/tell/exact", "GET", say_hello, NULL, 0},
    {"/odd", "MGET, GETS,PUT", say_hello, NULL, 0},
};

static void start(void)
{
    assert_int_equal(weft_http_server_new(&app.stack, &app.config, &app.server), 0);
}

static int setup(void **state)
{
    (void)state;
    memset(&app, 0, sizeof(app));
    fake_stack_init(&app.stack);
    app.source_max = SIZE_MAX;
    app.wall = 784111777;
    app.config = (struct weft_http_server_config){
        .endpoint = {WEFT_ADDR_ANY, 80},
        .routes = routes,
        .nroutes = sizeof(routes) / sizeof(routes[0]),
        .server_name = "weft/test",
        .wall_clock = wall_clock,
        .clock_user = &app,
        .log = write_log,
        .log_user = &app,
        .stopped = stopped,
        .stopped_user = &app,
    };
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    weft_http_server_free(app.server);
    fake_take_all(&app.stack);
    fake_stack_fini(&app.stack);
    free(app.body.data);
    return 0;
}

static struct weft_sock *connect_and_send(const char *text)
{
    struct weft_sock *sock = fake_connect(&app.stack);

    fake_run(&app.stack);
    fake_send_text(sock, text);
    fake_run(&app.stack);
    return sock;
}

#define STAMP "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nServer: weft/test\r\n"
#define HELLO "HTTP/1.1 200 OK\r\n" STAMP "Content-Type: text/plain\r\nContent-Length: 6\r\n\r\nhello\n"
#define HELLO_CLOSE                                                                                          \
    "HTTP/1.1 200 OK\r\n" STAMP                                                                              \
    "Content-Type: text/plain\r\nContent-Length: 6\r\nConnection: close\r\n\r\nhello\n"

static void assert_has(const struct weft_sock *sock, const char *part)
{
    if (!strstr(sock->out.data ? sock->out.data : "", part))
        fail_msg("\"%s\" is not in \"%s\"", part, sock->out.data ? sock->out.data : "");
}

static void assert_has_not(const struct weft_sock *sock, const char *part)
{
    if (strstr(sock->out.data ? sock->out.data : "", part))
        fail_msg("\"%s\" is in \"%s\"", part, sock->out.data);
}

/* The peer sees FIN, answers it, and the socket is closed gracefully. */
static void assert_closes(struct weft_sock *sock)
{
    assert_true(sock->fin);
    assert_false(sock->aborted);
    if (!sock->closed) {
        fake_fin(sock);
        fake_run(&app.stack);
    }
    assert_true(sock->closed);
    assert_false(sock->aborted);
}

static void assert_stays_open(const struct weft_sock *sock)
{
    assert_false(sock->fin);
    assert_false(sock->closed);
}

/* --- Answers --- */

static void answers_a_request(void **state)
{
    struct weft_sock *sock;

    (void)state;
    start();
    sock = connect_and_send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_string_equal(fake_text(sock), HELLO);
    assert_int_equal(sock->sends, 1);
    assert_stays_open(sock);
    assert_string_equal(app.log_text, "GET /hello 200 6 -");
}

static void answers_head_without_a_body(void **state)
{
    struct weft_sock *sock;

    (void)state;
    start();
    sock = connect_and_send(
        "HEAD /hello HTTP/1.1\r\nHost: h\r\n\r\nHEAD /stream?len=9 HTTP/1.1\r\nHost: h\r\n\r\n"
        "HEAD /stream?len=9&known HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_string_equal(fake_text(sock),
                        "HTTP/1.1 200 OK\r\n" STAMP "Content-Type: text/plain\r\nContent-Length: 6\r\n\r\n"
                        "HTTP/1.1 200 OK\r\n" STAMP "Transfer-Encoding: chunked\r\n\r\n"
                        "HTTP/1.1 200 OK\r\n" STAMP "Content-Length: 9\r\n\r\n");
    assert_int_equal(app.closes, 2);
    assert_stays_open(sock);
}

static void says_no_date_without_a_clock(void **state)
{
    struct weft_sock *sock;

    (void)state;
    app.config.wall_clock = NULL;
    app.config.server_name = NULL;
    start();
    sock = connect_and_send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_string_equal(fake_text(sock),
                        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\nhello\n");
}

static void the_date_goes_on(void **state)
{
    struct weft_sock *sock;

    (void)state;
    start();
    sock = connect_and_send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
    app.wall += 1;
    fake_clear(sock);
    fake_send_text(sock, "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
    fake_run(&app.stack);
    assert_has(sock, "Date: Sun, 06 Nov 1994 08:49:38 GMT\r\n");
}

static void tells_what_was_asked(void **state)
{
    static const struct {
        const char *request, *answer;
    } rows[] = {
        {"GET /tell/a%20b/./x/..?p=1%2B+2&q HTTP/1.1\r\nHost: a.b:80\r\n",
         "GET|/tell/a b/|/tell/a%20b/./x/..|p=1%2B+2&q|a.b:80|1|0|1+ 2"},
        {"POST /tell/ HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n", "POST|/tell/|/tell/|-|h|1|0|-"},
        {"GET http://x.y:1/tell/?P=1&p HTTP/1.1\r\nHost: other\r\n", "GET|/tell/|/tell/|P=1&p|x.y:1|1|0|"},
        {"GET http://x.y/tell/%41?a HTTP/1.1\r\nHost: other\r\n", "GET|/tell/A|/tell/%41|a|x.y|1|0|-"},
        {"GET /tell/? HTTP/1.0\r\n", "GET|/tell/|/tell/|||0|0|-"},
        {"GET /tell/?p=%00&p=1 HTTP/1.0\r\n", "GET|/tell/|/tell/|p=%00&p=1||0|0|-"},
        {"GET /tell/?%70=%zz HTTP/1.0\r\n", "GET|/tell/|/tell/|%70=%zz||0|0|-"},
        {"GET /tell/?p=%4z HTTP/1.0\r\n", "GET|/tell/|/tell/|p=%4z||0|0|-"},
        {"GET /tell/?p=%4 HTTP/1.0\r\n", "GET|/tell/|/tell/|p=%4||0|0|-"},
        {"GET /x/../tell/%2e%2e/tell/.%2E/tell/exac%74s HTTP/1.0\r\n",
         "GET|/tell/exacts|/x/../tell/%2e%2e/tell/.%2E/tell/exac%74s|-||0|0|-"},
    };

    (void)state;
    start();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[512];
        struct weft_sock *sock;
        const char *body;

        snprintf(text, sizeof(text), "%s\r\n", rows[i].request);
        sock = connect_and_send(text);
        body = strstr(fake_text(sock), "\r\n\r\n");
        assert_non_null(body);
        assert_string_equal(body + 4, rows[i].answer);
    }
}

static void no_content_where_there_must_be_none(void **state)
{
    struct weft_sock *sock;

    (void)state;
    start();
    sock = connect_and_send(
        "GET /status?s=204 HTTP/1.1\r\nHost: h\r\n\r\nGET /status?s=304 HTTP/1.1\r\nHost: h\r\n\r\n"
        "GET /status?s=418 HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_string_equal(fake_text(sock), "HTTP/1.1 204 No Content\r\n" STAMP "\r\n"
                                         "HTTP/1.1 304 Not Modified\r\n" STAMP "\r\n"
                                         "HTTP/1.1 418 \r\n" STAMP "Content-Length: 5\r\n\r\nbody\n");
}

/* --- Routes --- */

static void routes_by_path_and_method(void **state)
{
    static const struct {
        const char *line, *status, *field;
    } rows[] = {
        {"GET /none", "404 Not Found", NULL},
        {"GET /hello/", "404 Not Found", NULL},
        {"GET /tell", "404 Not Found", NULL},
        {"GET /tell/exact", "200 OK", "Content-Length: 6\r\n"},
        {"GET /tell/exact/x", "200 OK", NULL},
        {"GET /tell/a%2fb", "404 Not Found", NULL},
        {"GET /none%2fb", "404 Not Found", NULL},
        {"POST /hello", "405 Method Not Allowed", "Allow: GET, HEAD, OPTIONS\r\n"},
        {"DELETE /echo", "405 Method Not Allowed", "Allow: POST, OPTIONS\r\n"},
        {"GET /odd", "405 Method Not Allowed", "Allow: MGET, GETS,PUT, OPTIONS\r\n"},
        {"MGET /odd", "200 OK", NULL},
        {"PUT /odd", "200 OK", NULL},
        {"HEAD /big", "200 OK", "Content-Length: 0\r\n"},
        {"POST /big", "405 Method Not Allowed", "Allow: GET, OPTIONS\r\n"},
        {"HEAD /echo", "405 Method Not Allowed", "Allow: POST, OPTIONS\r\n"},
        {"OPTIONS /hello", "204 No Content", "Allow: GET, HEAD, OPTIONS\r\n"},
        {"OPTIONS *", "204 No Content", NULL},
        {"OPTIONS /none", "404 Not Found", NULL},
        {"BREW /hello", "501 Not Implemented", NULL},
        {"TRACE /hello", "501 Not Implemented", NULL},
        {"GE /hello", "501 Not Implemented", NULL},
        {"CONNECT h:80", "501 Not Implemented", NULL},
    };

    (void)state;
    start();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[256];
        struct weft_sock *sock;

        snprintf(text, sizeof(text), "%s HTTP/1.1\r\nHost: h\r\n\r\n", rows[i].line);
        sock = connect_and_send(text);
        snprintf(text, sizeof(text), "HTTP/1.1 %s\r\n", rows[i].status);
        assert_has(sock, text);
        if (rows[i].field)
            assert_has(sock, rows[i].field);
        assert_stays_open(sock);
    }
}

/* --- Persistence and pipelining --- */

static void keeps_and_closes_connections(void **state)
{
    static const struct {
        const char *version, *fields;
        bool stays;
        const char *says;
    } rows[] = {
        {"1.1", "Host: h\r\n", true, NULL},
        {"1.1", "Host: h\r\nConnection: close\r\n", false, "Connection: close\r\n"},
        {"1.0", "", false, "Connection: close\r\n"},
        {"1.0", "Connection: keep-alive\r\n", true, "Connection: keep-alive\r\n"},
    };

    (void)state;
    start();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[256];
        struct weft_sock *sock;

        snprintf(text, sizeof(text), "GET /hello HTTP/%s\r\n%s\r\n", rows[i].version, rows[i].fields);
        sock = connect_and_send(text);
        assert_has(sock, "hello\n");
        if (rows[i].says)
            assert_has(sock, rows[i].says);
        else
            assert_has_not(sock, "Connection");
        if (rows[i].stays)
            assert_stays_open(sock);
        else
            assert_closes(sock);
    }
}

static void answers_a_pipeline_in_order_and_together(void **state)
{
    struct weft_sock *sock;
    struct fake_bytes text = {0}, want = {0};

    (void)state;
    start();
    for (unsigned i = 0; i < 20; i++) {
        char line[128];

        snprintf(line, sizeof(line), "GET /tell/%u HTTP/1.1\r\nHost: h\r\n\r\n", i);
        fake_append(&text, line, strlen(line));
    }
    sock = connect_and_send(text.data);
    for (unsigned i = 0; i < 20; i++) {
        char line[256];

        snprintf(line, sizeof(line),
                 "HTTP/1.1 200 OK\r\n" STAMP "Content-Length: %d\r\n\r\nGET|/tell/%u|/tell/%u|-|h|1|0|-",
                 i < 10 ? 31 - 2 : 31, i, i);
        fake_append(&want, line, strlen(line));
    }
    assert_string_equal(fake_text(sock), want.data);
    assert_true(sock->sends <= 2);
    free(text.data);
    free(want.data);
}

/* Octet by octet, the same answers come out. */
static void a_pipeline_may_be_cut_anywhere(void **state)
{
    static const char text[] = "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n"
                               "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"
                               "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                               "2;x=y\r\nde\r\n1\r\nf\r\n0\r\nT: r\r\n\r\n"
                               "\r\nGET /tell/%41 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    struct weft_sock *one;

    (void)state;
    start();
    one = connect_and_send(text);
    assert_has(one, "\r\n\r\nabcHTTP");
    for (size_t cut = 1; cut < sizeof(text) - 1; cut++) {
        struct weft_sock *sock = fake_connect(&app.stack);

        app.body.len = 0;
        fake_send(sock, text, cut);
        fake_run(&app.stack);
        fake_send(sock, text + cut, sizeof(text) - 1 - cut);
        fake_run(&app.stack);
        assert_int_equal(strlen(fake_text(sock)), strlen(fake_text(one)));
        assert_closes(sock);
    }
    for (unsigned i = 0; i < 2; i++) {
        struct weft_sock *sock = fake_connect(&app.stack);

        app.body.len = 0;
        if (i)
            sock->recv_max = 1;
        for (size_t at = 0; at < sizeof(text) - 1; at++) {
            fake_send(sock, text + at, 1);
            fake_run(&app.stack);
        }
        assert_string_equal(fake_text(sock), fake_text(one));
        assert_closes(sock);
    }
}

static void nothing_after_close_is_served(void **state)
{
    struct weft_sock *sock;

    (void)state;
    start();
    sock = connect_and_send("GET /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
                            "GET /tell/ HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_string_equal(fake_text(sock), HELLO_CLOSE);
    assert_int_equal(app.logs, 1);
    assert_closes(sock);
}

static void a_pipeline_waits_for_an_answer_that_comes_later(void **state)
{
    struct weft_sock *sock;

    (void)state;
    start();
    sock = connect_and_send("GET /later HTTP/1.1\r\nHost: h\r\n\r\nGET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_string_equal(fake_text(sock), "");
    assert_non_null(app.held);
    weft_http_answer(app.held, 201);
    fake_run(&app.stack);
    assert_string_equal(fake_text(sock), "");
    weft_http_answer_bytes(app.held, "now", 3);
    assert_int_equal(app.dones, 1);
    assert_int_equal(app.done_error, 0);
    fake_run(&app.stack);
    assert_string_equal(fake_text(sock),
                        "HTTP/1.1 201 Created\r\n" STAMP "Content-Length: 3\r\n\r\nnow" HELLO);
}

static void a_peer_that_half_closes_is_answered(void **state)
{
    struct weft_sock *sock = NULL;

    (void)state;
    start();
    sock = fake_connect(&app.stack);
    fake_send_text(sock, "GET /later HTTP/1.1\r\nHost: h\r\n\r\nGET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
    fake_fin(sock);
    fake_run(&app.stack);
    weft_http_answer_error(app.held, 404, "gone");
    fake_run(&app.stack);
    assert_has(sock, "404 Not Found\n\ngone\n");
    assert_has(sock, "hello\n");
    assert_true(sock->closed);
    assert_false(sock->aborted);
}

/* --- Refusals --- */

static void refuses_and_closes(void **state)
{
    static const struct {
        const char *request, *status, *text;
    } rows[] = {
        {"GET /hello HTTP/1.1\r\n\r\n", "400 Bad Request", "there is no Host field (RFC 9112 3.2)"},
        {"GET /hello HTTP/1.1\r\nHost: h\r\nX : y\r\n\r\n", "400 Bad Request", "(RFC 9112 5.1)"},
        {"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: "
         "chunked\r\n\r\n0\r\n\r\nGET /x",
         "400 Bad Request", "both Transfer-Encoding and Content-Length (RFC 9112 6.3)"},
        {"GET /hello HTTP/3.0\r\n", "505 HTTP Version Not Supported", "RFC 9110 15.6.6"},
        {"GET https://h/hello HTTP/1.1\r\n", "421 Misdirected Request", "RFC 9110 7.4"},
        {"POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "501 Not Implemented",
         ""},
        {"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nExpect: x\r\n\r\n", "417 Expectation Failed",
         ""},
        {"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5001\r\n\r\n", "413 Content Too Large", ""},
        {"POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1389\r\n",
         "413 Content Too Large", ""},
        {"POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxx", "400 Bad Request",
         "chunk data is not followed by CR LF (RFC 9112 7.1)"},
        {"\x16\x03\x01\x02\x00", "400 Bad Request", "the method is not a token (RFC 9110 9.1)"},
    };

    (void)state;
    start();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct weft_sock *sock = connect_and_send(rows[i].request);
        char line[128];

        snprintf(line, sizeof(line), "HTTP/1.1 %s\r\n", rows[i].status);
        assert_has(sock, line);
        assert_has(sock, rows[i].text);
        assert_has(sock, "Connection: close\r\n");
        assert_has_not(sock, "HTTP/1.1 404");
        fake_send_text(sock, "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
        fake_run(&app.stack);
        assert_has_not(sock, "hello\n");
        assert_closes(sock);
    }
}

static void refuses_what_is_too_long(void **state)
{
    struct weft_sock *sock;

    (void)state;
    app.config.limits.start_line = 100;
    app.config.limits.field_bytes = 200;
    app.config.limits.fields = 3;
    start();
    sock = connect_and_send("GET /0123456789012345678901234567890123456789012345678901234567890123456789"
                            "012345678901234567890123456789");
    assert_has(sock, "HTTP/1.1 414 URI Too Long\r\n");
    assert_closes(sock);
    sock = connect_and_send("GET / HTTP/1.1\r\nHost: h\r\nA:\r\nB:\r\nC:\r\n");
    assert_has(sock, "HTTP/1.1 431 Request Header Fields Too Large\r\n");
    assert_closes(sock);
    sock = fake_connect(&app.stack);
    fake_send_text(sock, "GET / HTTP/1.1\r\nHost: h\r\nX: ");
    for (unsigned i = 0; i < 200; i++)
        fake_send_text(sock, "x");
    fake_run(&app.stack);
    assert_has(sock, "HTTP/1.1 431 ");
    assert_closes(sock);
}

static void a_refused_head_request_gets_no_body(void **state)
{
    struct weft_sock *sock;

    (void)state;
    start();
    sock = connect_and_send("HEAD /hello HTTP/1.1\r\n\r\n");
    assert_has(sock, "HTTP/1.1 400 Bad Request\r\n");
    assert_ptr_equal(strstr(fake_text(sock), "\r\n\r\n") + 4, fake_text(sock) + sock->out.len);
    assert_closes(sock);
}

/* --- Request bodies --- */

static void reads_bodies(void **state)
{
    struct weft_sock *sock;

    (void)state;
    start();
    sock = connect_and_send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n01234");
    assert_string_equal(fake_text(sock), "");
    fake_send_text(sock, "56789");
    fake_run(&app.stack);
    assert_has(sock, "\r\n\r\n0123456789");
    assert_int_equal(app.record.received_bytes, 10);
    assert_stays_open(sock);
}

static void what_nobody_reads_stays_in_the_socket(void **state)
{
    struct weft_sock *sock;
    char junk[1000];

    (void)state;
    memset(junk, 'x', sizeof(junk));
    start();
    sock = connect_and_send("POST /later HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n");
    for (unsigned i = 0; i < 1000; i++) {
        fake_send(sock, junk, sizeof(junk));
        fake_run(&app.stack);
    }
    assert_true(sock->in.len >= 1000000 - 8192);
    assert_int_equal(weft_http_req_read(app.held, junk, sizeof(junk)), 1000);
    fake_run(&app.stack);
    assert_true(sock->in.len >= 1000000 - 16384);
    weft_http_req_abort(app.held);
    assert_true(sock->aborted);
    assert_int_equal(app.done_error, WEFT_E_CONNABORTED);
}

static void sends_100_continue_when_the_handler_reads(void **state)
{
    struct weft_sock *sock;

    (void)state;
    start();
    sock = connect_and_send(
        "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
    assert_string_equal(fake_text(sock), "HTTP/1.1 100 Continue\r\n\r\n");
    fake_send_text(sock, "abc");
    fake_run(&app.stack);
    assert_has(sock, "100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n");
    assert_stays_open(sock);
    /* It has come already: there is nothing to ask for. */
    app.body.len = 0;
    sock = connect_and_send(
        "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabc");
    assert_has_not(sock, "100 Continue");
    /* Nobody wants it. */
    sock = connect_and_send(
        "POST /hello HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
    assert_memory_equal(fake_text(sock), "HTTP/1.1 405 ", 13);
    assert_has(sock, "Connection: close\r\n");
    assert_closes(sock);
    /* Later. */
    sock = connect_and_send(
        "POST /later HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
    assert_string_equal(fake_text(sock), "");
    assert_int_equal(weft_http_req_read(app.held, (char[4]){0}, 4), WEFT_E_AGAIN);
    fake_run(&app.stack);
    assert_string_equal(fake_text(sock), "HTTP/1.1 100 Continue\r\n\r\n");
}

/* A handler that asks for bytes and does not want to be told of them may ask again. */
static void nobody_is_told_who_does_not_want_to_be(void **state)
{
    struct weft_sock *sock;
    char buf[8];

    (void)state;
    start();
    sock = connect_and_send("POST /later HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n");
    assert_int_equal(weft_http_req_read(app.held, buf, sizeof(buf)), WEFT_E_AGAIN);
    fake_send_text(sock, "abc");
    fake_run(&app.stack);
    assert_int_equal(weft_http_req_read(app.held, buf, sizeof(buf)), 3);
    assert_int_equal(weft_http_req_read(app.held, buf, sizeof(buf)), 0);
    weft_http_answer_bytes(app.held, "x", 1);
    fake_run(&app.stack);
    assert_stays_open(sock);
}

/* Where the answer is begun before the body is asked for, 100 still comes first. */
static void an_answer_that_is_begun_does_not_forbid_100_continue(void **state)
{
    struct weft_sock *sock;

    (void)state;
    start();
    sock = connect_and_send(
        "POST /later HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
    weft_http_answer(app.held, 201);
    assert_int_equal(weft_http_req_read(app.held, (char[4]){0}, 4), WEFT_E_AGAIN);
    fake_run(&app.stack);
    assert_string_equal(fake_text(sock), "HTTP/1.1 100 Continue\r\n\r\n");
    fake_clear(sock);
    fake_send_text(sock, "abc");
    fake_run(&app.stack);
    assert_int_equal(weft_http_req_read(app.held, (char[4]){0}, 4), 3);
    weft_http_answer_bytes(app.held, "x", 1);
    fake_run(&app.stack);
    assert_string_equal(fake_text(sock), "HTTP/1.1 201 Created\r\n" STAMP "Content-Length: 1\r\n\r\nx");
}

/* A handler that has read a part knows enough; what is left is too much to throw away, and the answer says so. */
static void a_body_read_in_part_ends_the_connection_if_long(void **state)
{
    static const char *const lengths[] = {"60000", "10000000"};

    (void)state;
    start();
    for (size_t i = 0; i < 2; i++) {
        char text[128];
        struct weft_sock *sock;

        snprintf(text, sizeof(text), "POST /later HTTP/1.1\r\nHost: h\r\nContent-Length: %s\r\n\r\nabc",
                 lengths[i]);
        sock = connect_and_send(text);
        assert_int_equal(weft_http_req_read(app.held, (char[4]){0}, 4), 3);
        weft_http_answer_bytes(app.held, "x", 1);
        fake_run(&app.stack);
        assert_int_equal(strstr(fake_text(sock), "Connection: close\r\n") != NULL, i == 1);
        assert_int_equal(sock->fin, i == 1);
    }
}

static void an_unread_body_is_thrown_away_if_short(void **state)
{
    struct weft_sock *sock;
    char junk[1000];

    (void)state;
    memset(junk, 'x', sizeof(junk));
    start();
    sock = connect_and_send("PUT /tell/ HTTP/1.1\r\nHost: h\r\nContent-Length: 60000\r\n\r\nxxxx");
    assert_has(sock, "PUT|/tell/");
    assert_has_not(sock, "Connection");
    for (unsigned i = 0; i < 60; i++) {
        fake_send(sock, junk, i ? 1000 : 996);
        fake_run(&app.stack);
    }
    fake_clear(sock);
    fake_send_text(sock, "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
    fake_run(&app.stack);
    assert_string_equal(fake_text(sock), HELLO);
}

/* What is put between head and body finds its place however much of the body, or of the next request, has come. */
static void a_full_buffer_is_no_reason_to_lose_the_place(void **state)
{
    static const char *const firsts[] = {
        "",
        "GET /tell/%41 HTTP/1.1\r\nHost: h\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
    };
    char junk[60000], path[8000], head[9000];

    (void)state;
    memset(junk, 'x', sizeof(junk));
    memcpy(junk, "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n", 32);
    for (size_t i = 0; i + 3 < sizeof(path); i += 3)
        memcpy(path + i, "%41", 4);
    start();
    for (size_t i = 0; i < sizeof(firsts) / sizeof(firsts[0]); i++) {
        for (unsigned is_long = 0; is_long < 2; is_long++) {
            struct weft_sock *sock = fake_connect(&app.stack);

            app.body.len = 0;
            snprintf(head, sizeof(head), "PUT /tell/%s HTTP/1.1\r\nHost: h\r\nContent-Length: %zu\r\n\r\n",
                     is_long ? path : "%41", sizeof(junk));
            fake_send_text(sock, firsts[i]);
            fake_send_text(sock, head);
            fake_send(sock, junk, sizeof(junk));
            fake_run(&app.stack);
            assert_has(sock, "PUT|/tell/A");
            assert_has_not(sock, "hello");
            fake_clear(sock);
            fake_send_text(sock, "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
            fake_run(&app.stack);
            assert_string_equal(fake_text(sock), HELLO);
        }
    }
}

static void an_unread_body_ends_the_connection_if_long(void **state)
{
    struct weft_sock *sock;
    char junk[1000];

    (void)state;
    memset(junk, 'x', sizeof(junk));
    start();
    sock = connect_and_send("PUT /tell/ HTTP/1.1\r\nHost: h\r\nContent-Length: 10000000\r\n\r\nxxxx");
    assert_has(sock, "Connection: close\r\n");
    assert_true(sock->fin);
    /* RFC 9112 9.6: what the peer still sends is read, so that no reset overtakes the answer. */
    for (unsigned i = 0; i < 500; i++) {
        for (unsigned n = 0; n < 10; n++)
            fake_send(sock, junk, sizeof(junk));
        fake_run(&app.stack);
        assert_false(sock->closed);
        assert_int_equal(sock->in.len, 0);
    }
    assert_closes(sock);
}

static void a_handler_hears_of_a_broken_body(void **state)
{
    struct weft_sock *sock;

    (void)state;
    start();
    sock = connect_and_send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n01234");
    fake_fin(sock);
    fake_run(&app.stack);
    assert_int_equal(app.read_error, WEFT_E_EOF);
    assert_int_equal(app.done_error, WEFT_E_EOF);
    assert_int_equal(app.dones, 1);
    assert_has(sock, "HTTP/1.1 400 Bad Request\r\n");
    assert_true(sock->closed);
    assert_false(sock->aborted);
    sock = connect_and_send("POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nx");
    assert_int_equal(app.read_error, WEFT_E_PROTO);
    assert_int_equal(app.dones, 2);
    assert_closes(sock);
    sock = connect_and_send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n01234");
    fake_fail(sock, WEFT_E_CONNRESET);
    fake_run(&app.stack);
    assert_int_equal(app.done_error, WEFT_E_CONNRESET);
    assert_int_equal(app.dones, 3);
    assert_true(sock->closed);
    assert_string_equal(app.log_text, "POST /echo 0 0 CONNRESET");
}

/* --- Streams --- */

/* Takes chunked coding off what stands behind the head, and checks the bytes. */
static void assert_streamed(const struct weft_sock *sock, size_t len, bool is_chunked)
{
    const char *at = strstr(sock->out.data, "\r\n\r\n"), *end = sock->out.data + sock->out.len;
    size_t n = 0;

    assert_non_null(at);
    at += 4;
    if (!is_chunked) {
        assert_int_equal((size_t)(end - at), len);
        for (; n < len; n++)
            assert_int_equal(at[n], source_byte(n));
        return;
    }
    for (;;) {
        char *data;
        size_t size = strtoul(at, &data, 16);

        assert_memory_equal(data, "\r\n", 2);
        at = data + 2;
        if (!size)
            break;
        assert_true((size_t)(end - at) > size);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(at[i], source_byte(n++));
        assert_memory_equal(at + size, "\r\n", 2);
        at += size + 2;
    }
    assert_int_equal(n, len);
    assert_int_equal((size_t)(end - at), 2);
}

static void streams_every_size(void **state)
{
    static const size_t sizes[] = {0, 1, 100, 4095, 4096, 4097, 16376, 16384, 20000, 100000, 1000000};

    (void)state;
    start();
    for (unsigned known = 0; known < 2; known++)
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
            for (unsigned room = 0; room < 3; room++)
                for (unsigned piece = 0; piece < 3; piece++) {
                    struct weft_sock *sock = fake_connect(&app.stack);
                    char text[128];

                    if (sizes[i] > 20000 && room + piece > 0)
                        continue;
                    sock->room = room == 0 ? 1 << 20 : room == 1 ? 3000 : 700;
                    app.source_max = piece == 0 ? SIZE_MAX : piece == 1 ? 777 : 3;
                    snprintf(text, sizeof(text), "GET /stream?len=%zu%s HTTP/1.1\r\nHost: h\r\n\r\n",
                             sizes[i], known ? "&known" : "");
                    fake_send_text(sock, text);
                    fake_run(&app.stack);
                    assert_streamed(sock, sizes[i], !known);
                    assert_stays_open(sock);
                }
    assert_int_equal(app.closes, app.dones);
    assert_int_equal(app.done_error, 0);
}

static void large_streams_are_lent_not_copied(void **state)
{
    struct weft_sock *sock;

    (void)state;
    start();
    sock = connect_and_send("GET /stream?len=1000000&known HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_true(sock->blocks_lent >= 61);
    assert_streamed(sock, 1000000, false);
    sock = connect_and_send("GET /stream?len=3000&known HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_int_equal(sock->blocks_lent, 0);
    assert_int_equal(sock->sends, 1);
}

/* HTTP/1.0 knows no chunks: the end of the connection ends the body. */
static void streams_to_http_1_0(void **state)
{
    struct weft_sock *sock;

    (void)state;
    start();
    sock = connect_and_send("GET /stream?len=30000 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert_has(sock, "Connection: close\r\n");
    assert_has_not(sock, "Transfer-Encoding");
    assert_has_not(sock, "Content-Length");
    assert_streamed(sock, 30000, false);
    assert_closes(sock);
}

static void a_slow_reader_stops_the_source(void **state)
{
    struct weft_sock *sock;
    struct weft_pool_usage usage;

    (void)state;
    app.stack.hold = true;
    start();
    sock = fake_connect(&app.stack);
    sock->room = 50000;
    fake_send_text(sock, "GET /stream?len=1000000&known HTTP/1.1\r\nHost: h\r\n\r\n");
    fake_run(&app.stack);
    assert_true(app.source_at <= 50000 + WEFT_BLOCK_LARGE);
    weft_pool_usage(app.stack.pool, &usage);
    assert_true(usage.large_used <= 5);
    while (!app.dones) {
        size_t before = app.source_at;

        fake_take(sock, 20000);
        fake_run(&app.stack);
        assert_true(app.source_at <= before + 50000 + WEFT_BLOCK_LARGE);
    }
    fake_take(sock, FAKE_NO_LIMIT);
    fake_run(&app.stack);
    assert_streamed(sock, 1000000, false);
}

static void a_source_may_pause(void **state)
{
    struct weft_sock *sock;

    (void)state;
    app.source_pause = 5;
    app.source_max = 10;
    start();
    sock = connect_and_send("GET /stream?len=30 HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_has(sock, "Transfer-Encoding: chunked\r\n\r\n");
    for (unsigned i = 0; i < 5; i++) {
        assert_true(app.is_blocked);
        fake_advance(&app.stack, 3600 * WEFT_SEC);
        assert_stays_open(sock);
        app.is_blocked = false;
        weft_http_req_resume(app.held);
        fake_run(&app.stack);
    }
    assert_streamed(sock, 30, true);
    assert_int_equal(app.closes, 1);
}

static void works_with_an_empty_pool(void **state)
{
    struct weft_block *all[256];
    unsigned n = 0;
    struct weft_sock *sock;

    (void)state;
    start();
    while ((all[n] = weft_block_new(app.stack.pool, WEFT_BLOCK_LARGE)) != NULL)
        n++;
    for (unsigned small = 0; small < 2; small++) {
        sock = connect_and_send("GET /stream?len=100000&known HTTP/1.1\r\nHost: h\r\n\r\n");
        assert_streamed(sock, 100000, false);
        while ((all[n] = weft_block_new(app.stack.pool, WEFT_BLOCK_SMALL)) != NULL)
            n++;
    }
    while (n > 0)
        weft_block_unref(all[--n]);
}

/* What a peer must be able to see: that the body is not all there. */
static void a_source_that_fails_cuts_the_answer(void **state)
{
    struct weft_sock *sock;

    (void)state;
    app.source_error = WEFT_E_IO;
    app.source_max = 5;
    start();
    sock = connect_and_send("GET /stream?len=10 HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_has_not(sock, "\r\n0\r\n\r\n");
    assert_int_equal(app.done_error, WEFT_E_IO);
    assert_closes(sock);
    sock = connect_and_send("GET /stream?len=10 HTTP/1.0\r\n\r\n");
    assert_true(sock->aborted);
    assert_int_equal(app.dones, 2);
    assert_int_equal(app.closes, 2);
}

/* Nothing of it has left: another answer takes its place, and the connection lives on. */
static void a_source_that_fails_at_once_is_an_error_500(void **state)
{
    struct weft_sock *sock;

    (void)state;
    app.source_error = WEFT_E_IO;
    start();
    sock =
        connect_and_send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\nGET /stream?len=0 HTTP/1.1\r\nHost: h\r\n\r\n"
                         "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_string_equal(fake_text(sock),
                        HELLO "HTTP/1.1 500 Internal Server Error\r\n" STAMP
                              "Content-Type: text/plain; charset=utf-8\r\nContent-Length: 54\r\n\r\n"
                              "500 Internal Server Error\n\nthe body could not be read\n" HELLO);
    assert_int_equal(app.dones, 1);
    assert_int_equal(app.done_error, WEFT_E_IO);
    assert_int_equal(app.closes, 1);
    assert_stays_open(sock);
    sock = connect_and_send("GET /stream?len=0 HTTP/1.0\r\n\r\n");
    assert_has(sock, "500 Internal Server Error\r\n");
    assert_closes(sock);
}

/* Answers that were complete before a source failed, and what it gave until then, reach a peer that reads slowly. */
static void a_source_that_fails_takes_nothing_back(void **state)
{
    struct weft_sock *sock;
    size_t len = 0;

    (void)state;
    app.source_error = WEFT_E_IO;
    app.source_max = 300;
    app.stack.hold = true;
    start();
    sock = fake_connect(&app.stack);
    sock->room = 50;
    fake_send_text(sock,
                   "GET /hello HTTP/1.1\r\nHost: h\r\n\r\nGET /stream?len=3000 HTTP/1.1\r\nHost: h\r\n\r\n");
    fake_run(&app.stack);
    for (unsigned i = 0; i < 1000 && !sock->fin; i++) {
        fake_take(sock, 50);
        fake_run(&app.stack);
    }
    fake_take(sock, FAKE_NO_LIMIT);
    assert_int_equal(app.done_error, WEFT_E_IO);
    assert_memory_equal(fake_text(sock), HELLO, sizeof(HELLO) - 1);
    for (const char *at = fake_text(sock); (at = strstr(at, "\r\n012c\r\n")) != NULL; at++)
        len += 300;
    assert_int_equal(len, 3000);
    assert_has_not(sock, "\r\n0\r\n\r\n");
    assert_closes(sock);
}

static void a_peer_that_goes_away_closes_the_source(void **state)
{
    struct weft_sock *sock;

    (void)state;
    app.stack.hold = true;
    start();
    sock = fake_connect(&app.stack);
    sock->room = 10000;
    fake_send_text(sock, "GET /stream?len=1000000 HTTP/1.1\r\nHost: h\r\n\r\n");
    fake_run(&app.stack);
    fake_fail(sock, WEFT_E_CONNRESET);
    fake_run(&app.stack);
    assert_int_equal(app.closes, 1);
    assert_int_equal(app.dones, 1);
    assert_int_equal(app.done_error, WEFT_E_CONNRESET);
    assert_true(sock->closed);
}

static void copies_what_it_is_given(void **state)
{
    struct weft_sock *sock;
    struct weft_block *block = weft_block_new(app.stack.pool, WEFT_BLOCK_LARGE);

    (void)state;
    start();
    sock = connect_and_send("GET /big?len=4096 HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_streamed(sock, 4096, false);
    sock = connect_and_send("GET /big?len=300000 HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_streamed(sock, 300000, false);
    for (uint32_t len = 10; len <= 10000; len += 9990) {
        for (uint32_t i = 0; i < len; i++)
            block->data[100 + i] = (uint8_t)source_byte(i);
        sock = connect_and_send("GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
        weft_http_answer_block(app.held, block, 100, len);
        fake_run(&app.stack);
        assert_streamed(sock, len, false);
        assert_int_equal(sock->blocks_lent, len > 4096);
    }
    weft_block_unref(block);
}

/* --- Handlers that misbehave --- */

static void bad_answers_become_500(void **state)
{
    static const char *const kinds[] = {"silent", "begun", "status", "split", "name", "ours", "long", "many"};

    (void)state;
    start();
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        char text[128];
        struct weft_sock *sock;

        snprintf(text, sizeof(text),
                 "GET /bad?k=%s HTTP/1.1\r\nHost: h\r\n\r\nGET /hello HTTP/1.1\r\nHost: h\r\n\r\n", kinds[i]);
        sock = connect_and_send(text);
        assert_memory_equal(fake_text(sock), "HTTP/1.1 500 Internal Server Error\r\n", 36);
        assert_has_not(sock, "Set-Cookie");
        assert_has_not(sock, "fine");
        assert_has(sock, HELLO);
    }
}

static void only_the_first_answer_counts(void **state)
{
    struct weft_sock *sock;

    (void)state;
    start();
    sock = connect_and_send("GET /bad?k=twice HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_has(sock, "\r\n\r\nfine\n");
    assert_has_not(sock, "again");
}

static void a_long_explanation_is_cut(void **state)
{
    char detail[3000];
    struct weft_sock *sock;

    (void)state;
    memset(detail, 'd', sizeof(detail) - 1);
    detail[sizeof(detail) - 1] = '\0';
    start();
    sock = connect_and_send("GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
    weft_http_answer_error(app.held, 403, detail);
    fake_run(&app.stack);
    assert_has(sock, "Content-Length: 1023\r\n\r\n403 Forbidden\n\nddd");
    assert_int_equal(sock->out.len, strstr(sock->out.data, "\r\n\r\n") + 4 - sock->out.data + 1023);
}

static void a_handler_may_abort(void **state)
{
    struct weft_sock *sock;

    (void)state;
    start();
    sock = connect_and_send("GET /bad?k=abort HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_string_equal(fake_text(sock), "");
    assert_true(sock->aborted);
    assert_string_equal(app.log_text, "GET /bad?k=abort 0 0 CONNABORTED");
}

static void a_handler_may_free_the_server(void **state)
{
    struct weft_sock *other, *sock;

    (void)state;
    start();
    other = connect_and_send("GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
    sock = connect_and_send("GET /free HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_true(sock->closed);
    assert_true(other->aborted);
    assert_int_equal(app.done_error, WEFT_E_CONNABORTED);
}

/* --- Time --- */

static void an_idle_connection_is_closed(void **state)
{
    struct weft_sock *silent, *sock;

    (void)state;
    start();
    silent = fake_connect(&app.stack);
    sock = connect_and_send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
    fake_advance(&app.stack, 59 * WEFT_SEC);
    assert_stays_open(silent);
    fake_send_text(sock, "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
    fake_advance(&app.stack, 2 * WEFT_SEC);
    assert_true(silent->fin);
    assert_string_equal(fake_text(silent), "");
    assert_stays_open(sock);
    fake_advance(&app.stack, 5 * WEFT_SEC);
    assert_true(silent->closed);
    assert_false(silent->aborted);
    fake_advance(&app.stack, 60 * WEFT_SEC);
    assert_true(sock->closed);
    assert_string_equal(fake_text(sock), HELLO HELLO);
}

static void a_slow_head_times_out(void **state)
{
    struct weft_sock *sock;

    (void)state;
    start();
    sock = connect_and_send("GET /hello HTTP/1.1\r\nHost: h\r\n");
    for (unsigned i = 0; i < 19; i++) {
        fake_advance(&app.stack, WEFT_SEC);
        fake_send_text(sock, "X: y\r\n");
    }
    assert_string_equal(fake_text(sock), "");
    fake_advance(&app.stack, 2 * WEFT_SEC);
    assert_has(sock, "HTTP/1.1 408 Request Timeout\r\n");
    assert_has(sock, "Connection: close\r\n");
    assert_closes(sock);
}

/* Some clients send one behind a body: no request has begun by it, and none is late. */
static void an_empty_line_is_no_request(void **state)
{
    struct weft_sock *sock;
    struct weft_http_server_stats stats;

    (void)state;
    start();
    sock = connect_and_send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n\r\n");
    weft_http_server_stats(app.server, &stats);
    assert_int_equal(stats.idle, 1);
    fake_advance(&app.stack, 59 * WEFT_SEC);
    assert_string_equal(fake_text(sock), HELLO);
    fake_clear(sock);
    fake_send_text(sock, "\r\nGET /hello HTTP/1.1\r\n");
    fake_run(&app.stack);
    weft_http_server_stats(app.server, &stats);
    assert_int_equal(stats.idle, 0);
    fake_send_text(sock, "Host: h\r\n\r\n");
    fake_run(&app.stack);
    assert_string_equal(fake_text(sock), HELLO);
}

static void a_slow_body_times_out(void **state)
{
    struct weft_sock *sock;
    char junk[2000];

    (void)state;
    memset(junk, 'x', sizeof(junk));
    app.config.limits.body = 100000;
    start();
    /* 400 bytes a second are enough; a byte every second is not. */
    sock = connect_and_send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5000\r\n\r\n");
    for (unsigned i = 0; i < 40; i++) {
        fake_advance(&app.stack, WEFT_SEC);
        fake_send(sock, junk, 40);
    }
    fake_run(&app.stack);
    assert_string_equal(fake_text(sock), "");
    for (unsigned i = 0; i < 61; i++) {
        fake_advance(&app.stack, WEFT_SEC);
        if (!sock->fin)
            fake_send(sock, junk, 1);
    }
    assert_has(sock, "HTTP/1.1 408 Request Timeout\r\n");
    assert_int_equal(app.done_error, WEFT_E_TIMEDOUT);
    assert_closes(sock);
}

static void a_reader_that_stops_is_reset(void **state)
{
    struct weft_sock *sock;

    (void)state;
    app.stack.hold = true;
    start();
    sock = fake_connect(&app.stack);
    sock->room = 10000;
    fake_send_text(sock, "GET /stream?len=1000000 HTTP/1.1\r\nHost: h\r\n\r\n");
    /* As long as something moves it may take its time. */
    for (unsigned i = 0; i < 10; i++) {
        fake_advance(&app.stack, 50 * WEFT_SEC);
        assert_false(sock->closed);
        fake_take(sock, 2000);
    }
    fake_advance(&app.stack, 50 * WEFT_SEC);
    assert_false(sock->closed);
    fake_advance(&app.stack, 71 * WEFT_SEC);
    assert_true(sock->aborted);
    assert_int_equal(app.done_error, WEFT_E_TIMEDOUT);
    assert_int_equal(app.closes, 1);
}

/* The answer is in the socket, FIN behind it: as long as the peer takes it, it is not hurried. */
static void lingers_while_the_peer_reads(void **state)
{
    struct weft_sock *sock;

    (void)state;
    app.stack.hold = true;
    start();
    sock = fake_connect(&app.stack);
    fake_send_text(sock, "GET /stream?len=50000&known HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    fake_run(&app.stack);
    assert_true(sock->fin);
    for (unsigned i = 0; i < 30; i++) {
        fake_advance(&app.stack, 30 * WEFT_SEC);
        assert_false(sock->closed);
        fake_take(sock, 1500);
    }
    fake_take(sock, FAKE_NO_LIMIT);
    fake_advance(&app.stack, 4 * WEFT_SEC);
    assert_false(sock->closed);
    fake_advance(&app.stack, 2 * WEFT_SEC);
    assert_true(sock->closed);
    assert_false(sock->aborted);
    assert_streamed(sock, 50000, false);
}

static void lingers_not_for_ever(void **state)
{
    struct weft_sock *sock;

    (void)state;
    app.stack.hold = true;
    start();
    sock = fake_connect(&app.stack);
    fake_send_text(sock, "GET /stream?len=50000&known HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    fake_advance(&app.stack, 61 * WEFT_SEC);
    assert_true(sock->aborted);
}

/* --- Many connections --- */

static void an_idle_connection_makes_room_for_a_new_one(void **state)
{
    struct weft_sock *socks[4], *fifth;
    struct weft_http_server_stats stats;

    (void)state;
    app.config.max_connections = 4;
    start();
    for (unsigned i = 0; i < 4; i++)
        socks[i] = connect_and_send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
    fake_send_text(socks[0], "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
    fake_run(&app.stack);
    fifth = connect_and_send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
    /* The request of one that has only just become idle may be under way. */
    assert_false(fifth->accepted);
    assert_stays_open(socks[1]);
    fake_advance(&app.stack, WEFT_SEC);
    assert_string_equal(fake_text(fifth), HELLO);
    assert_true(socks[1]->closed);
    assert_false(socks[1]->aborted);
    assert_stays_open(socks[0]);
    weft_http_server_stats(app.server, &stats);
    assert_int_equal(stats.connections, 4);
    assert_int_equal(stats.idle, 4);
    assert_int_equal(stats.evicted, 1);
    assert_int_equal(stats.accepted, 5);
    assert_int_equal(stats.requests, 6);
}

static void a_new_connection_waits_when_all_are_busy(void **state)
{
    struct weft_sock *first, *second;

    (void)state;
    app.config.max_connections = 1;
    start();
    first = connect_and_send("GET /later HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    second = connect_and_send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_string_equal(fake_text(second), "");
    assert_false(second->accepted);
    weft_http_answer_bytes(app.held, "x", 1);
    fake_run(&app.stack);
    assert_false(second->accepted);
    fake_fin(first);
    fake_run(&app.stack);
    assert_true(first->closed);
    assert_string_equal(fake_text(second), HELLO);
}

/* All are busy when the listener becomes ready; nothing but the end of an exchange says that there is room. */
static void a_new_connection_waits_for_one_to_become_idle(void **state)
{
    struct weft_sock *first, *second;

    (void)state;
    app.config.max_connections = 1;
    start();
    first = connect_and_send("GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
    fake_advance(&app.stack, 2 * WEFT_SEC);
    second = connect_and_send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_false(second->accepted);
    weft_http_answer_bytes(app.held, "x", 1);
    fake_advance(&app.stack, WEFT_SEC);
    assert_true(first->closed);
    assert_string_equal(fake_text(second), HELLO);
}

static void tries_again_when_the_stack_has_no_socket(void **state)
{
    struct weft_sock *sock;

    (void)state;
    app.stack.accept_errors = 3;
    start();
    sock = connect_and_send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_false(sock->accepted);
    fake_advance(&app.stack, 100 * WEFT_MSEC);
    assert_string_equal(fake_text(sock), HELLO);
}

static void stops_gracefully(void **state)
{
    struct weft_sock *idle, *busy, *partial;

    (void)state;
    start();
    idle = connect_and_send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
    partial = connect_and_send("GET /hello HTTP/1.1\r\nHo");
    busy = connect_and_send("GET /later HTTP/1.1\r\nHost: h\r\n\r\nGET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
    weft_http_server_stop(app.server);
    weft_http_server_stop(app.server);
    fake_run(&app.stack);
    assert_closes(idle);
    assert_int_equal(app.stops, 0);
    assert_stays_open(busy);
    fake_send_text(partial, "st: h\r\n\r\n");
    fake_run(&app.stack);
    assert_string_equal(fake_text(partial), HELLO_CLOSE);
    assert_closes(partial);
    weft_http_answer_bytes(app.held, "x", 1);
    fake_run(&app.stack);
    assert_has(busy, "Connection: close\r\n\r\nx");
    assert_has_not(busy, "hello");
    assert_int_equal(app.stops, 0);
    assert_closes(busy);
    assert_int_equal(app.stops, 1);
}

static void stops_at_once_when_nothing_is_under_way(void **state)
{
    (void)state;
    start();
    weft_http_server_stop(app.server);
    assert_int_equal(app.stops, 1);
}

static void reports_why_it_cannot_start(void **state)
{
    (void)state;
    app.stack.next_bind_error = WEFT_E_ADDRINUSE;
    assert_int_equal(weft_http_server_new(&app.stack, &app.config, &app.server), WEFT_E_ADDRINUSE);
    app.config.endpoint.port = 0;
    assert_int_equal(weft_http_server_new(&app.stack, &app.config, &app.server), WEFT_E_INVAL);
    assert_null(app.server);
}

static int prepare(void *user, struct weft_sock *sock)
{
    assert_false(sock->is_listener); /* before it listens */
    return *(int *)user;
}

static void a_socket_can_be_prepared(void **state)
{
    int answer = WEFT_E_LIMIT;

    (void)state;
    app.config.prepare = prepare;
    app.config.prepare_user = &answer;
    assert_int_equal(weft_http_server_new(&app.stack, &app.config, &app.server), WEFT_E_LIMIT);
    assert_null(app.server);
    answer = 0;
    start();
}

/* A thousand requests in one piece do not keep others from their turn. */
static void yields_to_others(void **state)
{
    struct fake_bytes text = {0};
    struct weft_sock *greedy, *other;

    (void)state;
    start();
    greedy = fake_connect(&app.stack);
    other = fake_connect(&app.stack);
    for (unsigned i = 0; i < 1000; i++)
        fake_append(&text, "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n", 32);
    fake_send(greedy, text.data, text.len);
    fake_send_text(other, "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
    while (!other->pending)
        assert_true(fake_round(&app.stack));
    assert_true(greedy->pending + greedy->out.len < 100 * sizeof(HELLO));
    fake_run(&app.stack);
    assert_int_equal(greedy->out.len, 1000 * (sizeof(HELLO) - 1));
    free(text.data);
}

/* A peer that sends requests and reads no answers is not served without bound. */
static void a_pipeline_stops_when_nobody_reads(void **state)
{
    struct weft_sock *sock;

    (void)state;
    app.stack.hold = true;
    start();
    sock = fake_connect(&app.stack);
    sock->room = 20000;
    for (unsigned i = 0; i < 10000; i++)
        fake_send_text(sock, "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
    fake_run(&app.stack);
    assert_true(app.logs < 20000 / 150 + 100);
    assert_true(sock->in.len > 200000);
    while (app.logs < 10000) {
        unsigned before = app.logs;

        fake_take(sock, FAKE_NO_LIMIT);
        fake_run(&app.stack);
        assert_true(app.logs > before);
    }
    fake_take(sock, FAKE_NO_LIMIT);
    fake_run(&app.stack);
    fake_take(sock, FAKE_NO_LIMIT);
    assert_int_equal(sock->out.len, 10000 * (sizeof(HELLO) - 1));
}

/* --- Representations --- */

#define PART_STAMP STAMP "Cache-Control: no-cache\r\nETag: \"e\"\r\n"

static void answers_for_a_representation(void **state)
{
    static const struct {
        const char *fields, *head, *body;
    } rows[] = {
        {"", "200 OK\r\n", "abcdefghijklmnopqrstuvwxyz"},
        {"Range: bytes=2-4\r\n", "206 Partial Content\r\n", "cde"},
        {"Range: bytes=-3\r\n", "206 Partial Content\r\n", "xyz"},
        {"Range: bytes=0-2,1-5\r\n", "206 Partial Content\r\n", "abcdef"},
        {"Range: bytes=26-\r\n", "416 Range Not Satisfiable\r\n", "416 Range Not Satisfiable\n"},
        {"Range: bytes=3-2\r\n", "200 OK\r\n", "abcdefghijklmnopqrstuvwxyz"},
        {"Range: bytes=1-1\r\nRange: bytes=2-2\r\n", "200 OK\r\n", "abcdefghijklmnopqrstuvwxyz"},
        {"Range: bytes=2-4\r\nIf-Range: \"e\"\r\n", "206 Partial Content\r\n", "cde"},
        {"Range: bytes=2-4\r\nIf-Range: \"f\"\r\n", "200 OK\r\n", "abcdefghijklmnopqrstuvwxyz"},
        {"If-None-Match: \"e\"\r\nRange: bytes=2-4\r\n", "304 Not Modified\r\n", ""},
        {"If-Match: \"f\"\r\n", "412 Precondition Failed\r\n", "412 Precondition Failed\n"},
    };

    (void)state;
    start();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[256];
        struct weft_sock *sock;
        const char *body;

        snprintf(text, sizeof(text), "GET /part HTTP/1.1\r\nHost: h\r\n%s\r\n", rows[i].fields);
        sock = connect_and_send(text);
        assert_memory_equal(fake_text(sock) + 9, rows[i].head, strlen(rows[i].head));
        if (rows[i].head[0] != '4')
            assert_has(sock, "\r\n" PART_STAMP);
        body = strstr(fake_text(sock), "\r\n\r\n");
        assert_non_null(body);
        assert_string_equal(body + 4, rows[i].body);
        snprintf(text, sizeof(text), "Content-Length: %zu\r\n", strlen(rows[i].body));
        if (*rows[i].body)
            assert_has(sock, text);
        assert_stays_open(sock);
        assert_int_equal(app.closes, i + 1);
    }
}

/* What a handler says of a representation is not said of an answer that there is none. */
static void an_error_is_not_stored_like_a_representation(void **state)
{
    static const char *const conditions[] = {"If-Match: \"x\"", "Range: bytes=99-"};

    (void)state;
    start();
    for (size_t i = 0; i < 2; i++) {
        char text[128];
        struct weft_sock *sock;

        snprintf(text, sizeof(text), "GET /part HTTP/1.1\r\nHost: h\r\n%s\r\n\r\n", conditions[i]);
        sock = connect_and_send(text);
        assert_has(sock, i ? "HTTP/1.1 416 " : "HTTP/1.1 412 ");
        assert_has(sock, "ETag: \"e\"\r\n");
        assert_has_not(sock, "Cache-Control");
    }
}

static void says_which_part_it_is(void **state)
{
    struct weft_sock *sock;

    (void)state;
    start();
    sock = connect_and_send("GET /part HTTP/1.1\r\nHost: h\r\nRange: bytes=2-4\r\n\r\n");
    assert_string_equal(fake_text(sock), "HTTP/1.1 206 Partial Content\r\n" PART_STAMP
                                         "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                                         "Accept-Ranges: bytes\r\nContent-Type: text/plain\r\n"
                                         "Content-Range: bytes 2-4/26\r\nContent-Length: 3\r\n\r\ncde");
    sock = connect_and_send("GET /part HTTP/1.1\r\nHost: h\r\nRange: bytes=30-\r\n\r\n");
    assert_has(sock, "Content-Range: bytes */26\r\n");
    sock = connect_and_send("HEAD /part HTTP/1.1\r\nHost: h\r\nRange: bytes=2-4\r\n\r\n");
    assert_has(sock, "HTTP/1.1 200 OK\r\n");
    assert_has(sock, "Content-Length: 26\r\n\r\n");
    /* Not after Date, RFC 9110 8.8.2.1. */
    app.wall = 784111776;
    sock = connect_and_send("GET /part HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_has(sock, "Last-Modified: Sun, 06 Nov 1994 08:49:36 GMT\r\n");
}

static ptrdiff_t read_large(struct weft_http_entity *entity, uint64_t off, void *buf, size_t len)
{
    (void)entity;
    for (size_t i = 0; i < len; i++)
        ((char *)buf)[i] = source_byte(off + i);
    return (ptrdiff_t)len;
}

static void sends_several_ranges_as_multipart(void **state)
{
    struct weft_http_entity entity = {"\"l\"", WEFT_HTTP_NO_DATE, 10000, "text/x", read_large, close_part};
    struct weft_sock *sock;
    char boundary[33], want[1024], *at;
    int len;

    (void)state;
    start();
    sock = connect_and_send("GET /later HTTP/1.1\r\nHost: h\r\nRange: bytes=0-2, 9000-9001, -1\r\n\r\n");
    weft_http_answer_entity(app.held, &entity);
    fake_run(&app.stack);
    assert_has(sock, "HTTP/1.1 206 Partial Content\r\n");
    at = strstr(fake_text(sock), "Content-Type: multipart/byteranges; boundary=");
    assert_non_null(at);
    memcpy(boundary, at + 45, 32);
    boundary[32] = '\0';
    len = snprintf(want, sizeof(want),
                   "--%s\r\nContent-Type: text/x\r\nContent-Range: bytes 0-2/10000\r\n\r\nabc"
                   "\r\n--%s\r\nContent-Type: text/x\r\nContent-Range: bytes 9000-9001/10000\r\n\r\n%c%c"
                   "\r\n--%s\r\nContent-Type: text/x\r\nContent-Range: bytes 9999-9999/10000\r\n\r\n%c"
                   "\r\n--%s--\r\n",
                   boundary, boundary, source_byte(9000), source_byte(9001), boundary, source_byte(9999),
                   boundary);
    assert_string_equal(strstr(fake_text(sock), "\r\n\r\n") + 4, want);
    snprintf(want, sizeof(want), "Content-Length: %d\r\n", len);
    assert_has(sock, want);
    assert_has_not(sock, "bytes\r\nContent-Range");
    assert_int_equal(app.closes, 1);
}

static void judges_conditions_for_others(void **state)
{
    (void)state;
    start();
    connect_and_send("POST /later HTTP/1.1\r\nHost: h\r\nIf-Match: \"a\"\r\nContent-Length: 0\r\n\r\n");
    assert_int_equal(weft_http_precondition(app.held, true, "\"a\"", WEFT_HTTP_NO_DATE), 0);
    assert_int_equal(weft_http_precondition(app.held, true, "\"b\"", WEFT_HTTP_NO_DATE), 412);
    assert_int_equal(weft_http_precondition(app.held, false, NULL, WEFT_HTTP_NO_DATE), 412);
}

/* --- Anything at all --- */

/* Random pipelines with random faults, cut at random, against peers that read and close as they please: whatever
 * happens, everything comes back, and every request is logged or refused at most once. */
static void survives_anything(void **state)
{
    static const char *const pieces[] = {
        "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /tell/%41/../b?p=1 HTTP/1.1\r\nHost: h\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello",
        "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        "GET /stream?len=30000 HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /stream?len=30000&known HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /big?len=9000 HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /part HTTP/1.1\r\nHost: h\r\nRange: bytes=0-1,20-21\r\n\r\n",
        "POST /hello HTTP/1.1\r\nHost: h\r\nContent-Length: 70000\r\n\r\n",
        "GET /bad?k=abort HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /later HTTP/1.1\r\nHost: h\r\n\r\n",
        "\r\n",
    };
    struct test_rng rng = test_rng_start("test_http_server");

    (void)state;
    app.stack.hold = true;
    start();
    for (unsigned round = 0; round < 400; round++) {
        struct weft_sock *sock = fake_connect(&app.stack);
        struct fake_bytes text = {0};
        size_t at = 0;

        sock->room = test_rng_between(&rng, 100, 40000);
        sock->recv_max = test_rng_between(&rng, 1, 4000);
        app.source_max = test_rng_between(&rng, 1, 20000);
        app.body.len = 0;
        for (uint32_t n = test_rng_between(&rng, 1, 6); n > 0; n--) {
            const char *piece = pieces[test_rng_below(&rng, sizeof(pieces) / sizeof(pieces[0]))];

            fake_append(&text, piece, strlen(piece));
        }
        if (test_rng_below(&rng, 3) == 0)
            text.data[test_rng_below(&rng, (uint32_t)text.len)] = (char)test_rng_u32(&rng);
        while (at < text.len && !sock->closed) {
            size_t n = test_rng_between(&rng, 1, 200);

            if (n > text.len - at)
                n = text.len - at;
            fake_send(sock, text.data + at, n);
            at += n;
            fake_take(sock, test_rng_below(&rng, 5000));
            fake_run(&app.stack);
            if (app.held && test_rng_below(&rng, 4) == 0)
                weft_http_answer_bytes(app.held, "x", 1);
            if (test_rng_below(&rng, 20) == 0)
                fake_advance(&app.stack, 10 * WEFT_SEC);
        }
        switch (test_rng_below(&rng, 4)) {
        case 0:
            if (!sock->closed)
                fake_fail(sock, WEFT_E_CONNRESET);
            break;
        case 1:
            fake_fin(sock);
            break;
        }
        fake_run(&app.stack);
        if (app.held && !sock->closed)
            weft_http_req_abort(app.held);
        fake_take(sock, FAKE_NO_LIMIT);
        fake_run(&app.stack);
        free(text.data);
    }
    fake_advance(&app.stack, 300 * WEFT_SEC);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(answers_a_request),
        TEST(answers_head_without_a_body),
        TEST(says_no_date_without_a_clock),
        TEST(the_date_goes_on),
        TEST(tells_what_was_asked),
        TEST(no_content_where_there_must_be_none),
        TEST(routes_by_path_and_method),
        TEST(keeps_and_closes_connections),
        TEST(answers_a_pipeline_in_order_and_together),
        TEST(a_pipeline_may_be_cut_anywhere),
        TEST(nothing_after_close_is_served),
        TEST(a_pipeline_waits_for_an_answer_that_comes_later),
        TEST(a_peer_that_half_closes_is_answered),
        TEST(refuses_and_closes),
        TEST(refuses_what_is_too_long),
        TEST(a_refused_head_request_gets_no_body),
        TEST(reads_bodies),
        TEST(what_nobody_reads_stays_in_the_socket),
        TEST(sends_100_continue_when_the_handler_reads),
        TEST(nobody_is_told_who_does_not_want_to_be),
        TEST(an_answer_that_is_begun_does_not_forbid_100_continue),
        TEST(a_body_read_in_part_ends_the_connection_if_long),
        TEST(an_unread_body_is_thrown_away_if_short),
        TEST(a_full_buffer_is_no_reason_to_lose_the_place),
        TEST(an_unread_body_ends_the_connection_if_long),
        TEST(a_handler_hears_of_a_broken_body),
        TEST(streams_every_size),
        TEST(large_streams_are_lent_not_copied),
        TEST(streams_to_http_1_0),
        TEST(a_slow_reader_stops_the_source),
        TEST(a_source_may_pause),
        TEST(works_with_an_empty_pool),
        TEST(a_source_that_fails_cuts_the_answer),
        TEST(a_source_that_fails_at_once_is_an_error_500),
        TEST(a_source_that_fails_takes_nothing_back),
        TEST(a_peer_that_goes_away_closes_the_source),
        TEST(copies_what_it_is_given),
        TEST(bad_answers_become_500),
        TEST(only_the_first_answer_counts),
        TEST(a_long_explanation_is_cut),
        TEST(a_handler_may_abort),
        TEST(a_handler_may_free_the_server),
        TEST(an_idle_connection_is_closed),
        TEST(a_slow_head_times_out),
        TEST(an_empty_line_is_no_request),
        TEST(a_slow_body_times_out),
        TEST(a_reader_that_stops_is_reset),
        TEST(lingers_while_the_peer_reads),
        TEST(lingers_not_for_ever),
        TEST(an_idle_connection_makes_room_for_a_new_one),
        TEST(a_new_connection_waits_when_all_are_busy),
        TEST(a_new_connection_waits_for_one_to_become_idle),
        TEST(tries_again_when_the_stack_has_no_socket),
        TEST(stops_gracefully),
        TEST(stops_at_once_when_nothing_is_under_way),
        TEST(reports_why_it_cannot_start),
        TEST(a_socket_can_be_prepared),
        TEST(yields_to_others),
        TEST(a_pipeline_stops_when_nobody_reads),
        TEST(answers_for_a_representation),
        TEST(an_error_is_not_stored_like_a_representation),
        TEST(says_which_part_it_is),
        TEST(sends_several_ranges_as_multipart),
        TEST(judges_conditions_for_others),
        TEST(survives_anything),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
