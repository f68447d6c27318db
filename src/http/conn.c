/* SPDX-License-Identifier: MIT */
/*
 * One connection of the server.
 *
 * Owns    the socket, the states below, and the one timer.
 * Never   looks into a request: exchange.c does.
 *
 *     HEAD ---------> BUSY ---------> HEAD            the connection persists
 *      |  a head       |   answered
 *      |               +-> DRAIN ---> HEAD            … when the rest of the body has been thrown away
 *      |               |
 *      +---------------+-> LINGER --> DEAD            the last answer, FIN, the peer's FIN
 *      any of these ----------------> DEAD            the socket failed, or an abort
 *
 * http_conn_run turns this as long as something moves, and then sees to the
 * timer. Everything that happens to a connection ends there, so handlers may
 * call anything: what they do is noted, and found when they return.
 */
#include "http/server.h"

#include <stdlib.h>

/* Requests that one connection may have answered before others get their turn. Ours. */
#define TURNS_MAX 128

/* Answers are collected up to this size before they are sent, as long as more requests wait in the buffer. Ours. */
#define COLLECT_MAX 4096

/*
 * A large answer may queue this part of the large blocks that are left for
 * sending, and at least so many bytes: a few peers that do not read must not
 * hold the memory that all others need. TCP keeps three eighths for receiving. Ours.
 */
#define SHARE     32
#define SHARE_MIN (64 << 10)

/* What a peer may still send while we linger: a full window or two. Beyond it we reset. Ours. */
#define LINGER_BYTES (64 << 20)

static void run(struct http_conn *conn);

/* --- The end --- */

static void let_go(struct http_conn *conn)
{
    if (conn->req)
        http_server_give(conn->server, conn->req);
    conn->req = NULL;
}

/* The socket has been closed or aborted. */
static void die(struct http_conn *conn)
{
    conn->sock = NULL;
    conn->state = HTTP_CONN_DEAD;
    weft_timer_cancel(conn->server->stack, &conn->timer);
}

static void close_socket(struct http_conn *conn)
{
    weft_sock_close(conn->sock);
    die(conn);
}

/*
 * Ends the exchange, if there is one, and resets. While its `done` runs, the
 * socket can still be asked for names; a source is closed before, since `done`
 * may free what it stands in.
 */
static void reset(struct http_conn *conn, int error)
{
    bool was_busy = conn->state == HTTP_CONN_BUSY;

    if (conn->state == HTTP_CONN_DEAD)
        return;
    conn->state = HTTP_CONN_DEAD;
    if (was_busy) {
        http_out_drop(&conn->req->out);
        http_exchange_end(conn->req, error);
    }
    weft_sock_abort(conn->sock);
    die(conn);
}

static void begin_linger(struct http_conn *conn)
{
    conn->state = HTTP_CONN_LINGER;
    conn->discarded = 0;
}

/* --- Sending --- */

/* What the result of http_out_flush or http_out_pump means for the connection; true when all has gone. */
static bool has_gone(struct http_conn *conn, int result)
{
    if (result < 0)
        reset(conn, result);
    return result == HTTP_OUT_DONE;
}

static bool flush(struct http_conn *conn)
{
    return !conn->req || !http_out_waiting(&conn->req->out) ||
           has_gone(conn, http_out_flush(&conn->req->out, conn->sock));
}

/* --- States --- */

/* The peer has closed or failed while nothing was under way. */
static void end_input(struct http_conn *conn, ptrdiff_t got)
{
    if (got == 0) {
        conn->has_eof = true;
        begin_linger(conn);
    } else {
        reset(conn, (int)got);
    }
}

static void begin_exchange(struct http_conn *conn, enum http_head_result result)
{
    struct weft_http_req *req = conn->req;

    http_server_set_idle(conn->server, conn, false);
    conn->state = HTTP_CONN_BUSY;
    conn->serial++;
    conn->discarded = 0;
    req->in.keep = req->in.rd = req->head.len;
    if (result == HTTP_HEAD_FAULT)
        http_exchange_refuse(req, req->head.fault);
    else
        http_exchange_begin(req);
}

static bool take_req(struct http_conn *conn)
{
    struct weft_http_req *req = http_server_take(conn->server);

    if (!req) {
        reset(conn, WEFT_E_NOMEM);
        return false;
    }
    conn->req = req;
    req->conn = conn;
    http_head_start(&req->head, false, &conn->server->config.limits, req->lines);
    return true;
}

/* Between requests, and nothing of the next has come; empty lines do not count (RFC 9112 2.2). */
static bool is_waiting(const struct http_conn *conn)
{
    const struct weft_http_req *req = conn->req;

    return conn->state == HTTP_CONN_HEAD && (!req || (!req->head.method_len && req->in.wr == req->head.line));
}

static bool step_head(struct http_conn *conn)
{
    enum http_head_result result;
    ptrdiff_t got;

    if (conn->server->is_stopping && is_waiting(conn)) {
        begin_linger(conn);
        return true;
    }
    if (!conn->req && !take_req(conn))
        return false;
    if (http_out_waiting(&conn->req->out) >= COLLECT_MAX && !flush(conn))
        return false;
    result = http_head_read(&conn->req->head, conn->req->in.buf, conn->req->in.wr, false);
    if (result != HTTP_HEAD_MORE) {
        begin_exchange(conn, result);
        return true;
    }
    got = http_in_fill(&conn->req->in, conn->sock);
    if (got == WEFT_E_AGAIN)
        conn->is_readable = false;
    else if (got <= 0)
        end_input(conn, got);
    return got != WEFT_E_AGAIN;
}

/* The answer is complete and given away: what next? */
static void end_exchange(struct http_conn *conn)
{
    struct weft_http_req *req = conn->req;

    http_exchange_end(req, req->body_error);
    if (conn->state != HTTP_CONN_BUSY)
        return;
    if (!req->persists || req->body.fault)
        begin_linger(conn);
    else
        conn->state = HTTP_CONN_DRAIN;
}

static void begin_head(struct http_conn *conn)
{
    struct weft_http_req *req = conn->req;

    conn->state = HTTP_CONN_HEAD;
    http_in_restart(&req->in);
    http_head_start(&req->head, false, &conn->server->config.limits, req->lines);
}

static void share_memory(struct http_conn *conn)
{
    struct weft_pool_usage usage;
    int64_t left, share;

    weft_pool_usage(weft_stack_pool(conn->server->stack), &usage);
    left = (int64_t)(usage.large_blocks - usage.large_used) - usage.large_blocks / 8 * 3;
    share = left > 0 ? left * WEFT_BLOCK_LARGE / SHARE : 0;
    if (share < SHARE_MIN)
        share = SHARE_MIN;
    if (share > conn->server->send_buffer)
        share = conn->server->send_buffer;
    weft_sock_setopt(conn->sock, WEFT_OPT_SEND_BUFFER, share);
    conn->req->has_share = true;
}

static int pump(struct http_conn *conn)
{
    struct weft_http_req *req = conn->req;

    if (!http_out_is_streaming(&req->out))
        return HTTP_OUT_DONE;
    if (!req->has_share)
        share_memory(conn);
    return http_out_pump(&req->out, conn->sock);
}

/*
 * The source has failed. As long as nothing of its answer has gone, another
 * takes its place. RFC 9112 8: otherwise it has to be seen to be incomplete;
 * FIN shows that where its length is known, or else only a reset. Returns what
 * there is to do, as http_out_pump.
 */
static int end_badly(struct weft_http_req *req)
{
    if (http_out_retract(&req->out)) {
        req->answer = HTTP_ANSWER_NONE;
        req->ends_by_close = false;
        req->out.body_bytes = 0;
        req->detail = "the body could not be read";
        weft_http_answer_error(req, 500, req->detail);
    } else if (req->ends_by_close) {
        return WEFT_E_IO;
    } else {
        req->persists = false;
    }
    req->body_error = WEFT_E_IO;
    return HTTP_OUT_DONE;
}

static bool step_busy(struct http_conn *conn)
{
    struct weft_http_req *req = conn->req;
    int result;

    if (http_exchange_step(req))
        return true;
    if (conn->state != HTTP_CONN_BUSY || req->answer != HTTP_ANSWER_COMPLETE)
        return false;
    result = pump(conn);
    if (conn->state != HTTP_CONN_BUSY)
        return false;
    if (result == WEFT_E_IO)
        result = end_badly(req);
    if (!has_gone(conn, result))
        return false;
    end_exchange(conn);
    return true;
}

static bool step_drain(struct http_conn *conn)
{
    struct weft_http_req *req = conn->req;
    char scratch[4096];
    ptrdiff_t got = 1;

    if (!http_body_has_ended(&req->body))
        got = http_in_read(&req->in, conn->sock, &req->body, scratch, sizeof(scratch));
    if (got == WEFT_E_AGAIN) {
        conn->is_readable = false;
        return false;
    }
    conn->discarded += got > 0 ? (uint64_t)got : 0;
    if (http_body_has_ended(&req->body))
        begin_head(conn);
    else if (got <= 0 || conn->discarded > conn->server->config.limits.discard)
        begin_linger(conn);
    return true;
}

/* RFC 9112 9.6: FIN, then read on until the peer's, so that no reset overtakes the answer. */
static bool step_linger(struct http_conn *conn)
{
    char scratch[4096];
    ptrdiff_t got;

    if (!flush(conn))
        return false;
    if (!conn->has_sent_fin)
        weft_sock_shutdown(conn->sock, WEFT_SHUT_WR);
    conn->has_sent_fin = true;
    got = conn->has_eof ? 0 : weft_sock_recv(conn->sock, scratch, sizeof(scratch));
    if (got == WEFT_E_AGAIN) {
        let_go(conn);
        return false;
    }
    conn->discarded += got > 0 ? (uint64_t)got : 0;
    if (got == 0)
        close_socket(conn);
    else if (got < 0 || conn->discarded > LINGER_BYTES)
        reset(conn, (int)got);
    return true;
}

static bool step(struct http_conn *conn)
{
    switch (conn->state) {
    case HTTP_CONN_HEAD:
        return step_head(conn);
    case HTTP_CONN_BUSY:
        return step_busy(conn);
    case HTTP_CONN_DRAIN:
        return step_drain(conn);
    case HTTP_CONN_LINGER:
        return step_linger(conn);
    default:
        return false;
    }
}

/* --- Waiting --- */

static bool is_sending(const struct http_conn *conn)
{
    const struct http_out *out = conn->req ? &conn->req->out : NULL;

    return out && (http_out_waiting(out) || out->block || (out->source && !out->is_starved));
}

static enum http_conn_wait wait_of(const struct http_conn *conn)
{
    if (is_sending(conn))
        return HTTP_WAIT_WRITE;
    switch (conn->state) {
    case HTTP_CONN_HEAD:
        return is_waiting(conn) ? HTTP_WAIT_IDLE : HTTP_WAIT_HEAD;
    case HTTP_CONN_BUSY:
        return conn->req->wants_body ? HTTP_WAIT_BODY : HTTP_WAIT_NOTHING;
    case HTTP_CONN_DRAIN:
        return HTTP_WAIT_BODY;
    case HTTP_CONN_LINGER:
        return weft_sock_events(conn->sock) & WEFT_ALL_SENT ? HTTP_WAIT_LINGER : HTTP_WAIT_WRITE;
    default:
        return HTTP_WAIT_NOTHING;
    }
}

static weft_time duration_of(const struct http_conn *conn, enum http_conn_wait wait)
{
    const struct weft_http_timeouts *timeouts = &conn->server->config.timeouts;

    switch (wait) {
    case HTTP_WAIT_IDLE:
        return timeouts->idle;
    case HTTP_WAIT_HEAD:
        return timeouts->head;
    case HTTP_WAIT_BODY:
        return timeouts->body;
    case HTTP_WAIT_WRITE:
        return timeouts->write;
    case HTTP_WAIT_LINGER:
        return timeouts->linger;
    default:
        return WEFT_TIME_NEVER;
    }
}

/* What has been achieved of what is waited for, in bytes that only grow. */
static uint64_t progress_of(const struct http_conn *conn, enum http_conn_wait wait)
{
    struct weft_tcp_info info;

    if (wait == HTTP_WAIT_BODY)
        return conn->req->body.taken;
    if (wait == HTTP_WAIT_WRITE && weft_sock_info(conn->sock, &info) == 0)
        return info.bytes_acked;
    return 0;
}

static void begin_wait(struct http_conn *conn, enum http_conn_wait wait)
{
    weft_time duration = duration_of(conn, wait);

    conn->wait = (uint8_t)wait;
    conn->wait_serial = conn->serial;
    conn->wait_mark = progress_of(conn, wait);
    conn->wait_until =
        duration == WEFT_TIME_NEVER ? duration : weft_stack_now(conn->server->stack) + duration;
}

/* The timer is left alone when it fires early enough: most waits end before their time. */
static void arm(struct http_conn *conn)
{
    if (conn->wait_until >= conn->timer_at)
        return;
    conn->timer_at = conn->wait_until;
    weft_timer_set(conn->server->stack, &conn->timer, conn->timer_at);
}

/* All has been done that can be done: which time limit holds now? */
static void settle(struct http_conn *conn)
{
    enum http_conn_wait wait = wait_of(conn);

    if (wait != conn->wait || conn->serial != conn->wait_serial)
        begin_wait(conn, wait);
    if (wait == HTTP_WAIT_IDLE)
        let_go(conn);
    http_server_set_idle(conn->server, conn, wait == HTTP_WAIT_IDLE);
    arm(conn);
}

/* The time limit has been reached without enough progress. */
static void expire(struct http_conn *conn)
{
    conn->server->stats.timeouts += conn->wait != HTTP_WAIT_IDLE && conn->wait != HTTP_WAIT_LINGER;
    switch (conn->wait) {
    case HTTP_WAIT_IDLE:
        begin_linger(conn);
        break;
    case HTTP_WAIT_HEAD:
        conn->state = HTTP_CONN_BUSY;
        conn->serial++;
        http_exchange_time_out(conn->req);
        break;
    case HTTP_WAIT_BODY:
        if (conn->state == HTTP_CONN_BUSY)
            http_exchange_fail_body(conn->req, WEFT_E_TIMEDOUT);
        else
            begin_linger(conn);
        break;
    case HTTP_WAIT_WRITE:
        reset(conn, WEFT_E_TIMEDOUT);
        break;
    case HTTP_WAIT_LINGER:
        close_socket(conn);
        break;
    }
}

static bool has_moved(const struct http_conn *conn)
{
    return progress_of(conn, conn->wait) >= conn->wait_mark + conn->server->config.timeouts.progress;
}

static void timer_fired(struct weft_timer *timer, weft_time now)
{
    struct http_conn *conn = timer->user;

    conn->timer_at = WEFT_TIME_NEVER;
    if (now < conn->wait_until) {
        arm(conn);
        return;
    }
    http_server_enter(conn->server);
    conn->is_running = true;
    if ((conn->wait == HTTP_WAIT_BODY || conn->wait == HTTP_WAIT_WRITE) && has_moved(conn))
        begin_wait(conn, conn->wait);
    else
        expire(conn);
    conn->is_running = false;
    run(conn);
}

/* --- Running --- */

/* If neither holds now, then both will be told when they do, and nothing could be done before. */
static void ask_for_turn(struct http_conn *conn)
{
    weft_sock_rearm(conn->sock, WEFT_READABLE | WEFT_WRITABLE);
}

void http_conn_settle(struct http_conn *conn)
{
    if (!conn->is_running)
        settle(conn);
}

void http_conn_wake(struct http_conn *conn)
{
    if (!conn->is_running)
        ask_for_turn(conn);
}

/* The server has been entered. */
static void run(struct http_conn *conn)
{
    struct weft_http_server *server = conn->server;
    unsigned turns = 0;

    conn->is_running = true;
    while (!conn->doom && turns < TURNS_MAX && step(conn))
        turns++;
    if (conn->doom)
        reset(conn, conn->doom);
    else if (conn->state < HTTP_CONN_LINGER)
        flush(conn);
    if (conn->state != HTTP_CONN_DEAD) {
        if (turns == TURNS_MAX)
            ask_for_turn(conn);
        settle(conn);
    }
    conn->is_running = false;
    if (conn->state == HTTP_CONN_DEAD) {
        let_go(conn);
        http_server_forget(server, conn);
    }
    http_server_leave(server);
}

void http_conn_run(struct http_conn *conn)
{
    if (conn->is_running)
        return;
    http_server_enter(conn->server);
    run(conn);
}

void http_conn_abort(struct http_conn *conn, int error)
{
    conn->doom = error;
    http_conn_run(conn);
}

void http_conn_evict(struct http_conn *conn)
{
    http_server_enter(conn->server);
    close_socket(conn);
    run(conn);
}

static void ready(struct weft_handler *handler, struct weft_sock *sock, unsigned events, weft_time now)
{
    struct http_conn *conn = (struct http_conn *)handler;

    (void)now;
    if (events & (WEFT_READABLE | WEFT_PEER_CLOSED))
        conn->is_readable = true;
    else if (conn->is_idle && !(events & WEFT_FAILED))
        return; /* what it has sent has been acknowledged: nothing to do */
    if (events & WEFT_FAILED)
        http_conn_abort(conn, weft_sock_error(sock));
    else
        http_conn_run(conn);
}

struct http_conn *http_conn_new(struct weft_http_server *server, struct weft_sock *sock)
{
    struct http_conn *conn = calloc(1, sizeof(*conn));

    if (!conn) {
        weft_sock_abort(sock);
        return NULL;
    }
    conn->handler.ready = ready;
    conn->timer.fired = timer_fired;
    conn->timer.user = conn;
    conn->server = server;
    conn->sock = sock;
    conn->timer_at = WEFT_TIME_NEVER;
    conn->wait_until = WEFT_TIME_NEVER;
    conn->is_readable = true;
    weft_sock_set_handler(sock, &conn->handler);
    return conn;
}
