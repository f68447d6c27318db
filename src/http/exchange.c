/* SPDX-License-Identifier: MIT */
/*
 * One request and its answer, seen from the server's side.
 *
 * Owns    when the handler is called, what happens to it when the body or the
 *         connection fails, and whether the connection lives on.
 * Never   reads or writes the socket: conn.c and in.c do.
 *
 * What may be called, by the state of the answer:
 *
 *     NONE      everything of a request; beginning an answer
 *     BEGUN     the same, and adding fields; completing
 *     COMPLETE  everything of a request but answering, which is ignored
 *
 * After `done`, or after `handle` when nobody watches and the answer is
 * complete, nothing.
 */
#include "http/server.h"

#include <string.h>

/* --- Before the handler --- */

static void reset_request(struct weft_http_req *req)
{
    req->path = req->raw_path = "";
    req->query = NULL;
    req->host = "";
    req->watch = NULL;
    req->began = weft_stack_now(req->conn->server->stack);
    req->detail = NULL;
    req->status = 0;
    req->answer = HTTP_ANSWER_NONE;
    req->body_error = 0;
    req->is_called = false;
    req->wants_body = false;
    req->has_read = false;
    req->has_continued = false;
    req->is_answer_bad = false;
    req->persists = false;
    req->ends_by_close = false;
    req->has_share = false;
    req->out.body_bytes = 0;
    http_body_start(&req->body, HTTP_BODY_NONE, 0, &req->conn->server->config.limits);
}

/* Puts a NUL behind a span of the head, where a delimiter stands that has been read. */
static const char *terminate(struct http_span span)
{
    ((char *)span.at)[span.len] = '\0';
    return span.at;
}

/* A path that has to be decoded gets its place between the head and the body: `spare` is made for it. */
static void set_path(struct weft_http_req *req)
{
    const struct http_target *target = &req->head.target;
    char *room;

    if (target->query.at)
        req->query = terminate(target->query);
    /* "*" and "/" in place of an absent path are constants already. */
    req->raw_path = target->path.len == 1 ? (*target->path.at == '*' ? "*" : "/") : terminate(target->path);
    req->path = req->raw_path;
    if (target->is_plain)
        return;
    room = http_in_insert(&req->in, (uint32_t)target->path.len + 1);
    room[http_target_decode(target->path, room)] = '\0';
    req->path = room;
}

/* The host of an absolute-form stands in the middle of the target: it is copied out before its end is overwritten. */
static bool set_host(struct weft_http_req *req)
{
    struct http_span host = req->head.host;

    if (host.len >= sizeof(req->host_room))
        return false;
    if (host.len)
        memcpy(req->host_room, host.at, host.len);
    req->host_room[host.len] = '\0';
    req->host = req->host_room;
    return true;
}

static void start_body(struct weft_http_req *req, const struct weft_http_route *route)
{
    struct weft_http_limits limits = req->conn->server->config.limits;

    if (route->max_body)
        limits.body = route->max_body;
    http_body_start(&req->body, req->head.body, req->head.length, &limits);
}

static void call_handler(struct weft_http_req *req, const struct weft_http_route *route)
{
    req->is_called = true;
    route->handle(req, route->user);
    if (req->answer != HTTP_ANSWER_COMPLETE && !req->watch && !req->body_error && !req->conn->doom)
        weft_http_answer_error(req, 500, "the handler did not answer");
}

void http_exchange_begin(struct weft_http_req *req)
{
    const struct weft_http_route *route;

    reset_request(req);
    req->conn->server->stats.requests++;
    /* Framing before all else: any answer from here on must know how much of the body still comes. */
    http_body_start(&req->body, req->head.body, req->head.length, &req->conn->server->config.limits);
    if (!set_host(req)) {
        http_exchange_refuse(req, HTTP_FAULT_HOST);
        return;
    }
    set_path(req);
    route = http_route_find(req);
    if (!route)
        return;
    start_body(req, route);
    if (req->body.fault)
        http_exchange_fail_body(req, WEFT_E_MSGSIZE);
    else
        call_handler(req, route);
}

void http_exchange_refuse(struct weft_http_req *req, enum http_fault fault)
{
    reset_request(req);
    req->conn->server->stats.refused++;
    req->detail = http_fault_text(fault);
    /* Where the message ends is not known: http_body_has_ended must not say that it has. */
    req->body.fault = (uint8_t)fault;
    http_answer_fault(req, http_fault_status(fault), http_fault_text(fault), http_fault_source(fault));
}

void http_exchange_time_out(struct weft_http_req *req)
{
    reset_request(req);
    req->detail = "the head did not come in time";
    req->body.fault = HTTP_FAULT_START_LINE;
    http_answer_fault(req, 408, req->detail, "RFC 9110 15.5.9");
}

/* --- The body --- */

static void answer_body_error(struct weft_http_req *req)
{
    enum http_fault fault = req->body.fault;

    if (req->answer == HTTP_ANSWER_COMPLETE)
        return;
    if (fault) {
        req->conn->server->stats.refused++;
        req->detail = http_fault_text(fault);
        http_answer_fault(req, http_fault_status(fault), http_fault_text(fault), http_fault_source(fault));
    } else if (req->body_error == WEFT_E_TIMEDOUT) {
        req->detail = "the body did not come in time";
        http_answer_fault(req, 408, req->detail, "RFC 9110 15.5.9");
    } else {
        req->detail = "the peer closed before the end of the body";
        http_answer_fault(req, 400, req->detail, "RFC 9112 8");
    }
}

void http_exchange_fail_body(struct weft_http_req *req, int error)
{
    if (!req->body_error)
        req->body_error = error;
    req->wants_body = false;
}

ptrdiff_t weft_http_req_read(struct weft_http_req *req, void *buf, size_t len)
{
    struct http_conn *conn = req->conn;
    ptrdiff_t got;

    if (conn->state != HTTP_CONN_BUSY)
        return WEFT_E_CONNABORTED;
    if (req->body_error)
        return req->body_error;
    if (!len || http_body_has_ended(&req->body))
        return 0;
    req->has_read = true;
    /* RFC 9110 10.1.1: asked for, not yet needless, and the final answer, which may have been begun, is not out. */
    if (req->head.expects_continue && !req->has_continued && req->answer != HTTP_ANSWER_COMPLETE &&
        !req->body.taken && !http_in_has(&req->in)) {
        http_out_interject(&req->out, "HTTP/1.1 100 Continue\r\n\r\n");
        http_out_flush(&req->out, conn->sock);
    }
    req->has_continued = true;
    got = http_in_read(&req->in, conn->sock, &req->body, buf, len);
    if (got == WEFT_E_AGAIN) {
        conn->is_readable = false;
        req->wants_body = true;
        http_conn_settle(conn);
    } else if (got < 0) {
        http_exchange_fail_body(req, req->body.fault == HTTP_FAULT_BODY_LARGE ? WEFT_E_MSGSIZE : (int)got);
        http_conn_wake(conn);
    }
    return req->body_error ? req->body_error : got;
}

bool http_exchange_step(struct weft_http_req *req)
{
    struct http_conn *conn = req->conn;

    if (req->body_error && req->answer != HTTP_ANSWER_COMPLETE) {
        answer_body_error(req);
        return true;
    }
    if (!req->wants_body || !conn->is_readable)
        return false;
    req->wants_body = false;
    if (!req->watch || !req->watch->readable)
        return false;
    req->watch->readable(req, req->watch_user);
    return true;
}

/* --- The end --- */

static void write_log(const struct weft_http_req *req, int error)
{
    const struct weft_http_server *server = req->conn->server;
    struct weft_http_record record = {
        .method = req->head.method_len ? weft_http_req_method_name(req) : "",
        .path = req->path,
        .query = req->query,
        .agent = http_head_find(&req->head, req->in.buf, "User-Agent"),
        .detail = req->detail,
        .status = req->status,
        .body_bytes = req->out.body_bytes,
        .received_bytes = req->body.taken,
        .began = req->began,
        .ended = weft_stack_now(server->stack),
        .error = error,
    };

    weft_http_req_remote(req, &record.remote);
    server->config.log(server->config.log_user, &record);
}

void http_exchange_end(struct weft_http_req *req, int error)
{
    struct weft_http_server *server = req->conn->server;
    const struct weft_http_watch *watch = req->watch;

    server->stats.cut_short += error != 0;
    req->answer = HTTP_ANSWER_COMPLETE;
    req->wants_body = false;
    http_out_forget(&req->out);
    if (server->config.log)
        write_log(req, error);
    req->watch = NULL;
    if (watch && watch->done)
        watch->done(req, req->watch_user, error);
}
