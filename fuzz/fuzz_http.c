/* SPDX-License-Identifier: MIT */
/*
 * Whole HTTP conversations under a fuzzer, over sockets of memory: requests
 * into the server, responses into the client, cut at any octet, with little
 * room to write and time that passes.
 *
 * Held to, besides what the sanitizers see:
 *
 *     the head of a request and of a response is judged alike however it is cut
 *     what the server sends can be read as HTTP/1.1, answer by answer
 *     every request that is watched is told its end, every call likewise, once
 *     sockets, timers, blocks and sources all come back
 *
 * Input: octet 0 chooses the side, 1 to 4 how things are cut, the rest is what
 * the peer sends.
 */
#include "../tests/unit/http_fake_sock.h"

#include <weft/http.h>

#include "http/head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz {
    struct weft_stack stack;
    size_t piece, room, take;
    bool time_passes;
    unsigned watched, dones, opened, closed;
    enum weft_http_method methods[4096]; /* of the answers, in their order */
    unsigned logs;
};

static struct fuzz fuzz;

static void check(bool holds)
{
    if (!holds)
        __builtin_trap();
}

/* --- Heads --- */

#define FIELDS 16

static enum http_head_result read_head(struct http_head *head, struct http_line *lines, char *buf,
                                       const uint8_t *data, size_t size, size_t piece, bool is_response)
{
    static const struct weft_http_limits limits = {.start_line = 200,
                                                   .field_bytes = 1000,
                                                   .fields = FIELDS,
                                                   .chunk_ext = 64,
                                                   .body = 1 << 20,
                                                   .discard = 100};
    enum http_head_result result = HTTP_HEAD_MORE;

    http_head_start(head, is_response, &limits, lines);
    for (size_t have = 0; have < size && result == HTTP_HEAD_MORE;) {
        size_t n = piece < size - have ? piece : size - have;

        memcpy(buf + have, data + have, n);
        have += n;
        result = http_head_read(head, buf, (uint32_t)have, false);
    }
    return result;
}

static void compare_cuts(const uint8_t *data, size_t size, bool is_response)
{
    static struct http_line lines[2][FIELDS];
    static char buf[2][4096];
    struct http_head whole, cut;

    if (size > sizeof(buf[0]))
        size = sizeof(buf[0]);
    check(read_head(&whole, lines[0], buf[0], data, size, size ? size : 1, is_response) ==
          read_head(&cut, lines[1], buf[1], data, size, fuzz.piece, is_response));
    check(whole.fault == cut.fault);
    if (whole.state != cut.state || whole.nlines != cut.nlines)
        __builtin_trap();
    check(memcmp(lines[0], lines[1], whole.nlines * sizeof(lines[0][0])) == 0);
}

/* --- The server --- */

static void read_body(struct weft_http_req *req, void *user)
{
    char buf[512];
    ptrdiff_t n;

    (void)user;
    while ((n = weft_http_req_read(req, buf, sizeof(buf))) > 0)
        ;
    if (n == 0) {
        weft_http_answer(req, 200);
        weft_http_answer_bytes(req, buf, 10);
    }
}

static void note_done(struct weft_http_req *req, void *user, int error)
{
    (void)req;
    (void)user;
    (void)error;
    fuzz.dones++;
}

static const struct weft_http_watch watch = {read_body, note_done};

static ptrdiff_t read_at(struct weft_http_entity *entity, uint64_t off, void *buf, size_t len)
{
    check(off < entity->length && len <= entity->length - off);
    memset(buf, 'e', len);
    return (ptrdiff_t)len;
}

static void close_entity(struct weft_http_entity *entity)
{
    fuzz.closed++;
    free(entity);
}

static void answer_entity(struct weft_http_req *req)
{
    struct weft_http_entity *entity = calloc(1, sizeof(*entity));

    check(entity != NULL);
    *entity = (struct weft_http_entity){"\"e\"", 784111777, 10000, "text/plain", read_at, close_entity};
    fuzz.opened++;
    weft_http_answer_entity(req, entity);
}

struct stream {
    struct weft_http_source source;
    size_t left;
};

static ptrdiff_t read_stream(struct weft_http_source *source, void *buf, size_t len)
{
    struct stream *stream = (struct stream *)source;

    if (len > stream->left)
        len = stream->left;
    memset(buf, 's', len);
    stream->left -= len;
    return (ptrdiff_t)len;
}

static void close_stream(struct weft_http_source *source)
{
    fuzz.closed++;
    free(source);
}

static void answer_stream(struct weft_http_req *req, bool is_known)
{
    struct stream *stream = calloc(1, sizeof(*stream));

    check(stream != NULL);
    *stream = (struct stream){{read_stream, close_stream}, 20000};
    fuzz.opened++;
    weft_http_answer_source(req, &stream->source, is_known ? 20000 : WEFT_HTTP_UNKNOWN);
}

/* The last letter of the path decides. */
static void handle(struct weft_http_req *req, void *user)
{
    const char *path = weft_http_req_path(req);
    char param[32];

    (void)user;
    check(path[0] == '/' && !strstr(path, "/../"));
    weft_http_req_param(req, "p", param, sizeof(param));
    switch (path[strlen(path) - 1]) {
    case 'e':
        answer_entity(req);
        break;
    case 's':
        answer_stream(req, false);
        break;
    case 'k':
        answer_stream(req, true);
        break;
    case 'w':
        fuzz.watched++;
        weft_http_req_watch(req, &watch, NULL);
        read_body(req, NULL);
        break;
    case 'a':
        weft_http_req_abort(req);
        break;
    default:
        weft_http_answer(req, 200);
        weft_http_answer_field(req, "X", path);
        weft_http_answer_bytes(req, path, strlen(path));
    }
}

static void note_method(void *user, const struct weft_http_record *record)
{
    (void)user;
    if (fuzz.logs < 4096 && record->status)
        fuzz.methods[fuzz.logs++] = strcmp(record->method, "HEAD") == 0 ? WEFT_HTTP_HEAD : WEFT_HTTP_GET;
}

/* Everything the server said is answers, one after the other; the last may be cut short. */
static void check_answers(struct weft_sock *sock)
{
    static struct http_line lines[100];
    struct weft_http_limits limits = {.body = UINT64_MAX, .field_bytes = 1 << 20, .fields = 100};
    char *at = sock->out.data;
    size_t left = sock->out.len;
    unsigned answer = 0;

    http_head_limits(&limits);
    while (left > 0) {
        bool to_head = answer < fuzz.logs && fuzz.methods[answer] == WEFT_HTTP_HEAD;
        struct http_head head;
        struct http_body body;
        enum http_head_result result;

        http_head_start(&head, true, &limits, lines);
        result = http_head_read(&head, at, (uint32_t)left, to_head);
        check(result != HTTP_HEAD_FAULT);
        if (result == HTTP_HEAD_MORE)
            return;
        at += head.len;
        left -= head.len;
        if (head.status < 200)
            continue;
        answer++;
        http_body_start(&body, head.body, head.length, &limits);
        for (size_t eaten, n; left > 0;) {
            enum http_body_result got = http_body_next(&body, at, left, &eaten, &n);

            check(got != HTTP_BODY_FAULT);
            at += eaten + n;
            left -= eaten + n;
            if (got == HTTP_BODY_END)
                break;
            http_body_took(&body, n);
        }
    }
}

static void feed(struct weft_sock *sock, const uint8_t *data, size_t size)
{
    for (size_t at = 0; at < size && !sock->closed;) {
        size_t n = fuzz.piece < size - at ? fuzz.piece : size - at;

        fake_send(sock, data + at, n);
        at += n;
        fake_run(&fuzz.stack);
        fake_take(sock, fuzz.take);
        if (fuzz.time_passes)
            fake_advance(&fuzz.stack, WEFT_SEC);
    }
    for (unsigned i = 0; i < 1000 && (sock->pending || i == 0) && !sock->closed; i++) {
        fake_take(sock, fuzz.take);
        fake_run(&fuzz.stack);
    }
}

static void run_server(const uint8_t *data, size_t size)
{
    static const struct weft_http_route routes[] = {
        {"/", "GET, HEAD, POST", handle, NULL, 5000},
        {"/exact", "GET", handle, NULL, 0},
    };
    struct weft_http_server_config config = {.endpoint = {WEFT_ADDR_ANY, 80},
                                             .routes = routes,
                                             .nroutes = 2,
                                             .log = note_method,
                                             .server_name = "weft"};
    struct weft_http_server *server;
    struct weft_sock *sock;

    check(weft_http_server_new(&fuzz.stack, &config, &server) == 0);
    sock = fake_connect(&fuzz.stack);
    sock->room = fuzz.room;
    fake_run(&fuzz.stack);
    feed(sock, data, size);
    if (!fuzz.time_passes)
        fake_fin(sock);
    fake_advance(&fuzz.stack, 200 * WEFT_SEC);
    fake_take(sock, FAKE_NO_LIMIT);
    check_answers(sock);
    weft_http_server_free(server);
    check(fuzz.dones == fuzz.watched);
}

/* --- The client --- */

static void read_answer(struct weft_http_call *call, void *user)
{
    char buf[300];

    (void)user;
    while (weft_http_call_read(call, buf, sizeof(buf)) > 0)
        ;
}

static void note_head(struct weft_http_call *call, void *user)
{
    struct weft_http_url url;
    const char *location = weft_http_call_header(call, "Location");

    (void)user;
    check(weft_http_call_status(call) >= 200 && weft_http_call_reason(call));
    check(weft_http_url_parse("http://h/a/b", &url) == 0);
    if (location && weft_http_url_resolve(&url, location, &url) == 0)
        check(url.target[0] == '/' && url.host[0]);
}

static void note_end(struct weft_http_call *call, void *user, int error)
{
    (void)user;
    check((error == 0) == (weft_http_call_why(call)[0] == '\0'));
    fuzz.dones++;
}

static void run_client(const uint8_t *data, size_t size, uint8_t choice)
{
    bool sends = choice & 2;
    static const struct weft_http_call_ops ops = {note_head, read_answer, note_end};
    static const struct weft_http_client_config config = {0};
    struct stream stream = {{read_stream, NULL}, 20000};
    struct weft_http_request request = {
        .server = {weft_ip4(10, 0, 0, 1), 80},
        .method = sends ? "POST" : "GET",
        .host = "h",
        .target = "/",
        .source = sends ? &stream.source : NULL,
        .source_length = choice & 4 ? 20000 : WEFT_HTTP_UNKNOWN,
        .expect_continue = choice & 8,
    };
    struct weft_http_client *client;
    struct weft_http_call *call;
    struct weft_sock *sock;

    check(weft_http_client_new(&fuzz.stack, &config, &client) == 0);
    check(weft_http_call_start(client, &request, &ops, NULL, &call) == 0);
    sock = fake_opened(&fuzz.stack, 0);
    sock->room = fuzz.room;
    fake_established(sock);
    fake_run(&fuzz.stack);
    feed(sock, data, size);
    fake_fin(sock);
    fake_advance(&fuzz.stack, 200 * WEFT_SEC);
    check(fuzz.dones == 1);
    weft_http_client_free(client);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 5)
        return 0;
    memset(&fuzz, 0, sizeof(fuzz));
    fake_stack_init(&fuzz.stack);
    fuzz.stack.hold = true;
    fuzz.piece = 1 + (size_t)data[1] * data[1] / 16;
    fuzz.room = 100 + (size_t)data[2] * 200;
    fuzz.take = 1 + (size_t)data[3] * 100;
    fuzz.time_passes = data[4] & 1;
    compare_cuts(data + 5, size - 5, data[0] & 1);
    if (data[0] & 1)
        run_client(data + 5, size - 5, data[0]);
    else
        run_server(data + 5, size - 5);
    check(fuzz.opened == fuzz.closed);
    fake_stack_fini(&fuzz.stack);
    return 0;
}
