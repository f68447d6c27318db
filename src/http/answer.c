/* SPDX-License-Identifier: MIT */
/*
 * How a handler answers.
 *
 * Owns    the head of an answer, and the framing of its body.
 * Never   lets an octet of a handler into the head that could end a line
 *         (RFC 9112 11.1), or a field that decides about framing.
 *
 * The head is written as a draft into the connection's buffer, behind answers
 * that may still be on their way. Completing it adds the fields that depend on
 * the body, and releases it.
 */
#include "http/server.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_open(const struct weft_http_req *req)
{
    return req->answer != HTTP_ANSWER_COMPLETE && req->conn->state == HTTP_CONN_BUSY;
}

/* --- Heads --- */

/* "HTTP/1.1 200 OK" and its line end, to `line`, which has room for 64. Returns the length. */
static size_t write_status_line(unsigned status, char *line)
{
    return (size_t)snprintf(line, 64, "HTTP/1.1 %03u %s\r\n", status, weft_http_reason(status));
}

static void put(struct weft_http_req *req, const void *data, size_t len)
{
    if (!http_out_put(&req->out, data, len))
        req->is_answer_bad = true;
}

static void put_text(struct weft_http_req *req, const char *text)
{
    put(req, text, strlen(text));
}

static void begin(struct weft_http_req *req, unsigned status)
{
    static const char ok[] = "HTTP/1.1 200 OK\r\n";
    char line[64];
    const char *stamp;
    uint32_t len;

    http_out_forget(&req->out);
    req->answer = HTTP_ANSWER_BEGUN;
    req->is_answer_bad = false;
    req->status = status;
    if (status == 200)
        put(req, ok, sizeof(ok) - 1);
    else
        put(req, line, write_status_line(status, line));
    stamp = http_server_stamp(req->conn->server, &len);
    put(req, stamp, len);
}

void weft_http_answer(struct weft_http_req *req, unsigned status)
{
    if (!is_open(req))
        return;
    begin(req, status >= 200 && status <= 599 ? status : 500);
    if (status < 200 || status > 599)
        req->is_answer_bad = true;
}

void http_answer_set_status(struct weft_http_req *req, unsigned status)
{
    char line[64];
    size_t len = write_status_line(status, line);
    uint32_t draft = req->out.wr - req->out.ready;
    char *head = http_out_reserve(&req->out, (uint32_t)len);
    char *rest;

    /* An answer that is bad has perhaps not even a status line. */
    if (!head || req->is_answer_bad) {
        req->is_answer_bad = true;
        return;
    }
    head -= draft;
    rest = memchr(head, '\n', draft);
    draft -= (uint32_t)(rest + 1 - head);
    memmove(head + len, rest + 1, draft);
    memcpy(head, line, len);
    req->out.wr = req->out.ready + (uint32_t)len + draft;
    req->status = status;
}

/* What only the server may say. */
static bool is_ours(const char *name)
{
    static const char *const names[] = {"Content-Length", "Transfer-Encoding", "Connection", "Date",
                                        "Keep-Alive",     "Trailer",           "Upgrade",    "Server"};

    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (http_text_same(name, names[i]))
            return true;
    return false;
}

void weft_http_answer_field(struct weft_http_req *req, const char *name, const char *value)
{
    if (!is_open(req))
        return;
    if (req->answer == HTTP_ANSWER_NONE)
        begin(req, 200);
    if (!http_text_is_token(name) || is_ours(name) || !http_text_is_value(value)) {
        req->is_answer_bad = true;
        return;
    }
    put_text(req, name);
    put(req, ": ", 2);
    put_text(req, value);
    put(req, "\r\n", 2);
}

void weft_http_answer_fieldf(struct weft_http_req *req, const char *name, const char *format, ...)
{
    char value[1024];
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(value, sizeof(value), format, args);
    va_end(args);
    if (len < 0 || (size_t)len >= sizeof(value))
        weft_http_answer_field(req, "", "");
    else
        weft_http_answer_field(req, name, value);
}

/* --- Framing --- */

/* RFC 9110 6.4.1: answers that have no content whatever the handler gives. */
static bool has_no_content(const struct weft_http_req *req)
{
    return req->head.method == WEFT_HTTP_HEAD || req->status == 204 || req->status == 304;
}

/*
 * RFC 9112 9.3, 9.6: does the connection live on? What is left of the
 * request's body has to be read first, if its end is near and it will come.
 */
static bool may_persist(const struct weft_http_req *req)
{
    const struct http_conn *conn = req->conn;
    const struct http_body *body = &req->body;

    if (!req->head.persists || conn->server->is_stopping || body->fault || req->body_error ||
        req->ends_by_close)
        return false;
    if (http_body_has_ended(body))
        return true;
    /* A client that was not told to continue may never send it; and how much a chunked one has is seen in the end. */
    if (!req->has_read && (req->head.expects_continue || body->kind != HTTP_BODY_LENGTH))
        return false;
    return body->left <= conn->server->config.limits.discard;
}

/* RFC 9112 6.1, 6.2 */
static void put_framing(struct weft_http_req *req, int64_t length)
{
    if (req->status == 204 || req->status == 304)
        return;
    if (length >= 0) {
        put(req, "Content-Length: ", 16);
        if (!http_out_put_number(&req->out, (uint64_t)length))
            req->is_answer_bad = true;
        put(req, "\r\n", 2);
    } else if (req->head.minor >= 1) {
        put_text(req, "Transfer-Encoding: chunked\r\n");
    } else {
        req->ends_by_close = !has_no_content(req);
    }
}

static void put_connection(struct weft_http_req *req)
{
    req->persists = may_persist(req);
    if (!req->persists)
        put_text(req, "Connection: close\r\n");
    else if (req->head.minor == 0)
        put_text(req, "Connection: keep-alive\r\n");
}

static void complete_badly(struct weft_http_req *req)
{
    static const char text[] = "500 Internal Server Error\n";

    req->detail = "the handler's answer was not allowed";
    begin(req, 500);
    put_text(req, "Content-Type: text/plain; charset=utf-8\r\n");
    put_framing(req, sizeof(text) - 1);
    put_connection(req);
    put(req, "\r\n", 2);
    if (!has_no_content(req))
        put(req, text, sizeof(text) - 1);
}

/*
 * Ends the head for a body of `length` bytes. Returns true when the body is to
 * follow; false when there is to be none, or when the answer has become another.
 */
static bool end_head(struct weft_http_req *req, int64_t length)
{
    if (!is_open(req))
        return false;
    if (req->answer == HTTP_ANSWER_NONE)
        begin(req, 200);
    put_framing(req, length);
    put_connection(req);
    put(req, "\r\n", 2);
    req->answer = HTTP_ANSWER_COMPLETE;
    if (req->is_answer_bad) {
        complete_badly(req);
        req->answer = HTTP_ANSWER_COMPLETE;
        return false;
    }
    return !has_no_content(req) && length != 0;
}

/* The answer is complete: it may go. */
static void go(struct weft_http_req *req)
{
    http_out_release(&req->out);
    http_conn_run(req->conn);
}

/* --- Bodies --- */

/* A copy of a body too large for the buffer, freed when the peer has it. */
struct copy {
    struct weft_block block; /* first */
    uint8_t data[];
};

static void free_copy(struct weft_block *block)
{
    free(block);
}

static void lend_copy(struct weft_http_req *req, const void *data, size_t len)
{
    struct copy *copy = len <= UINT32_MAX ? malloc(sizeof(*copy) + len) : NULL;

    if (!copy) {
        req->answer = HTTP_ANSWER_BEGUN;
        complete_badly(req);
        req->answer = HTTP_ANSWER_COMPLETE;
        return;
    }
    memcpy(copy->data, data, len);
    copy->block =
        (struct weft_block){.refs = 1, .size = (uint32_t)len, .data = copy->data, .release = free_copy};
    http_out_lend(&req->out, &copy->block, 0, (uint32_t)len);
    weft_block_unref(&copy->block);
}

void weft_http_answer_bytes(struct weft_http_req *req, const void *data, size_t len)
{
    if (!is_open(req))
        return;
    if (end_head(req, (int64_t)len)) {
        if (len > HTTP_OUT_SMALL || !http_out_put(&req->out, data, len))
            lend_copy(req, data, len);
        else
            req->out.body_bytes += len;
    }
    go(req);
}

void weft_http_answer_block(struct weft_http_req *req, struct weft_block *block, uint32_t off, uint32_t len)
{
    if (!is_open(req))
        return;
    if (end_head(req, len)) {
        if (len > HTTP_OUT_SMALL || !http_out_put(&req->out, block->data + off, len))
            http_out_lend(&req->out, block, off, len);
        else
            req->out.body_bytes += len;
    }
    go(req);
}

void weft_http_answer_source(struct weft_http_req *req, struct weft_http_source *source, int64_t length)
{
    bool follows = is_open(req) && end_head(req, length);

    if (follows) {
        http_out_stream(&req->out, source, length, length < 0 && req->head.minor >= 1);
        go(req);
        return;
    }
    /* It is over for the source before it is over for the request: `done` may free what both stand in. */
    if (source->close)
        source->close(source);
    if (req->answer == HTTP_ANSWER_COMPLETE && req->conn->state == HTTP_CONN_BUSY)
        go(req);
}

void weft_http_req_resume(struct weft_http_req *req)
{
    http_out_resume(&req->out);
    http_conn_run(req->conn);
}

/* --- Errors --- */

static void answer_text(struct weft_http_req *req, unsigned status, const char *text, const char *source)
{
    char page[1024];
    int len;

    len = snprintf(page, sizeof(page), "%u %s\n%s%s%s%s%s%s", status, weft_http_reason(status),
                   text ? "\n" : "", text ? text : "", source ? " (" : "", source ? source : "",
                   source ? ")" : "", text ? "\n" : "");
    if (len < 0)
        len = 0;
    weft_http_answer(req, status);
    weft_http_answer_field(req, "Content-Type", "text/plain; charset=utf-8");
    weft_http_answer_bytes(req, page, (size_t)len < sizeof(page) ? (size_t)len : sizeof(page) - 1);
}

void http_answer_fault(struct weft_http_req *req, unsigned status, const char *text, const char *source)
{
    answer_text(req, status, text, source);
}

void weft_http_answer_error(struct weft_http_req *req, unsigned status, const char *detail)
{
    answer_text(req, status, detail, NULL);
}
