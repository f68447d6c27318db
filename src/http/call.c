/* SPDX-License-Identifier: MIT */
/*
 * One call of the client: a request and its response.
 *
 * Owns    the socket while the call lasts, the states below, the one timer.
 * Never   calls the program from anywhere but weft_dispatch: what is done
 *         outside of it is noted, and found there.
 *
 *     CONNECT ---> HEAD ---> BODY ---> DONE
 *        ^          |         |
 *        +----------+         |         once, when a kept connection turns out to have died
 *                   +---------+-> DONE  whatever fails
 *
 * The request goes out and the response comes in at the same time: a server
 * may answer before it has read all of the request.
 */
#include "http/client.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Octets of a body's framing in the buffer, besides the head; and what goes out at first. Ours. */
#define BODY_ROOM 4096
#define OUT_SIZE  8192

static void run(struct weft_http_call *call);

/* --- The end --- */

static void free_call(struct weft_http_call *call)
{
    free(call->in.buf);
    free(call->out.buf);
    free(call->request);
    free(call);
}

static void drop_sources(struct weft_http_call *call)
{
    struct weft_http_source *source = call->source;

    http_out_drop(&call->out);
    call->source = NULL;
    if (source && source->close)
        source->close(source);
}

/* Nothing is left on the connection that could be taken for a part of the next response (RFC 9112 6.3, 9.3). */
static bool can_keep(const struct weft_http_call *call)
{
    return call->state == HTTP_CALL_BODY && call->head.persists && call->is_sent && !call->wants_close &&
           http_body_has_ended(&call->body) && !http_in_has(&call->in) &&
           !(weft_sock_events(call->sock) & (WEFT_READABLE | WEFT_PEER_CLOSED | WEFT_FAILED));
}

/* Leaves the set and the socket behind. */
static void detach(struct weft_http_call *call, bool is_good)
{
    bool keeps = is_good && can_keep(call);
    struct weft_sock *sock = call->sock;

    call->state = HTTP_CALL_DONE;
    call->sock = NULL;
    weft_timer_cancel(call->client->stack, &call->timer);
    TAILQ_REMOVE(&call->client->calls, call, link);
    if (keeps)
        http_client_keep(call->client, sock, &call->server);
    else if (is_good)
        weft_sock_close(sock);
    else
        weft_sock_abort(sock);
    drop_sources(call);
}

static void explain(struct weft_http_call *call, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void explain(struct weft_http_call *call, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(call->why, sizeof(call->why), format, args);
    va_end(args);
}

static void finish(struct weft_http_call *call, int error)
{
    if (error && !call->why[0])
        explain(call, "%s", weft_strerror(error));
    detach(call, error == 0);
    if (call->ops->done)
        call->ops->done(call, call->user, error);
}

void http_call_end(struct weft_http_call *call, int error, const char *why)
{
    explain(call, "%s", why);
    finish(call, error);
    free_call(call);
}

/* The call is to end with this; the first error is the one that counts. */
static void fail(struct weft_http_call *call, int error)
{
    if (!call->error)
        call->error = error;
}

/* --- The request --- */

static ptrdiff_t read_memory(struct weft_http_source *source, void *buf, size_t len)
{
    struct http_memory *memory = (struct http_memory *)source;

    if (len > memory->left)
        len = memory->left;
    memcpy(buf, memory->data, len);
    memory->data += len;
    memory->left -= len;
    return (ptrdiff_t)len;
}

/* The body follows the head. */
static void attach_body(struct weft_http_call *call)
{
    call->holds_body = false;
    if (call->data_len) {
        call->memory = (struct http_memory){{read_memory, NULL}, call->data, call->data_len};
        http_out_stream(&call->out, &call->memory.source, (int64_t)call->data_len, false);
    } else if (call->source) {
        http_out_stream(&call->out, call->source, call->source_length, call->source_length < 0);
        call->source = NULL;
    }
}

static void prepare(struct weft_http_call *call)
{
    if (!http_out_put(&call->out, call->request, call->request_len))
        fail(call, WEFT_E_NOMEM);
    http_out_release(&call->out);
    if (!call->holds_body)
        attach_body(call);
    call->in.keep = call->in.rd = call->in.wr = 0;
    http_head_start(&call->head, true, &call->client->config.limits, call->lines);
}

/* Sending has failed: what the server may have said of it is still to be read. */
static void stop_sending(struct weft_http_call *call)
{
    drop_sources(call);
    call->is_sent = true;
    call->wants_close = true;
}

/* Returns true when the request has just gone out whole. */
static bool step_out(struct weft_http_call *call)
{
    int result;

    if (call->is_sent)
        return false;
    call->is_pumping = true;
    result = http_out_pump(&call->out, call->sock);
    call->is_pumping = false;
    if (result == WEFT_E_IO) {
        explain(call, "the request's body could not be completed");
        fail(call, WEFT_E_IO);
    } else if (result < 0) {
        stop_sending(call);
    }
    if (result == HTTP_OUT_DONE && !call->holds_body)
        call->is_sent = true;
    return call->is_sent;
}

/* --- The response --- */

static int open_connection(struct weft_http_call *call)
{
    int error = weft_sock_open(call->client->stack, WEFT_SOCK_STREAM, &call->sock);

    if (error)
        return error;
    error = weft_sock_setopt(call->sock, WEFT_OPT_NODELAY, 1);
    if (!error && call->client->config.prepare)
        error = call->client->config.prepare(call->client->config.prepare_user, call->sock);
    if (!error)
        error = weft_sock_connect(call->sock, &call->server);
    if (error != 0 && error != WEFT_E_INPROGRESS) { /* 0: the request goes with the SYN */
        weft_sock_abort(call->sock);
        call->sock = NULL;
        return error;
    }
    weft_sock_set_handler(call->sock, &call->handler);
    call->state = HTTP_CALL_CONNECT;
    call->is_reused = false;
    call->is_readable = false;
    return 0;
}

/* RFC 9110 9.2.2: a connection that was kept may have been closed under way; the request is made once more. */
static bool retry(struct weft_http_call *call)
{
    struct weft_sock *old = call->sock;

    if (!call->is_reused || call->has_answer || !call->may_retry)
        return false;
    http_out_drop(&call->out);
    call->is_sent = false;
    call->wants_close = call->asked_to_close;
    if (open_connection(call) != 0) {
        call->sock = old;
        return false;
    }
    weft_sock_abort(old);
    prepare(call);
    return true;
}

/* The connection has ended (0) or failed before the head was complete. */
static bool fail_head(struct weft_http_call *call, int error)
{
    if (retry(call))
        return true;
    if (error)
        explain(call, "before the answer: %s", weft_strerror(error));
    else
        explain(call, call->in.wr ? "peer closed in the middle of the response's head"
                                  : "peer closed without an answer");
    fail(call, error ? error : WEFT_E_EOF);
    return true;
}

/* RFC 9110 15.2: an interim response; the final one follows. */
static void skip_interim(struct weft_http_call *call)
{
    bool may_go_on = call->head.status == 100 && call->holds_body;

    call->in.rd = call->head.len;
    http_in_restart(&call->in);
    http_head_start(&call->head, true, &call->client->config.limits, call->lines);
    if (may_go_on)
        attach_body(call);
}

/*
 * The final response has begun before the request was out: RFC 9112 9.5 has
 * the client stop when the server will close, or has refused; a body that was
 * held back stays so.
 */
static void judge_early_answer(struct weft_http_call *call)
{
    if (!call->is_sent && (call->holds_body || !call->head.persists || call->head.status >= 400))
        stop_sending(call);
    call->holds_body = false;
}

static void begin_body(struct weft_http_call *call)
{
    call->state = HTTP_CALL_BODY;
    call->in.keep = call->in.rd = call->head.len;
    http_body_start(&call->body, call->head.body, call->head.length, &call->client->config.limits);
    judge_early_answer(call);
    call->has_head = true;
    call->wants_body = true;
    call->is_readable = true;
    if (call->ops->head)
        call->ops->head(call, call->user);
}

static bool step_head(struct weft_http_call *call)
{
    enum http_head_result result =
        http_head_read(&call->head, call->in.buf, call->in.wr, call->method == WEFT_HTTP_HEAD);
    ptrdiff_t got;

    if (result == HTTP_HEAD_FAULT) {
        explain(call, "the response is not HTTP/1.1: %s (%s)", http_fault_text(call->head.fault),
                http_fault_source(call->head.fault));
        fail(call, WEFT_E_PROTO);
        return true;
    }
    if (result == HTTP_HEAD_DONE) {
        if (call->head.status < 200)
            skip_interim(call);
        else
            begin_body(call);
        return true;
    }
    got = http_in_fill(&call->in, call->sock);
    if (got == WEFT_E_AGAIN)
        return false;
    if (got <= 0)
        return fail_head(call, (int)got);
    call->has_answer = true;
    return true;
}

/* "1234 of 5000 body bytes" */
static const char *count_body(const struct weft_http_call *call, char text[64])
{
    if (call->body.kind == HTTP_BODY_LENGTH)
        snprintf(text, 64, "%" PRIu64 " of %" PRIu64 " body bytes", call->body.taken, call->head.length);
    else
        snprintf(text, 64, "%" PRIu64 " body bytes", call->body.taken);
    return text;
}

static int fail_body(struct weft_http_call *call, int error)
{
    char count[64];

    count_body(call, count);
    if (error == WEFT_E_PROTO && call->body.fault == HTTP_FAULT_BODY_LARGE) {
        error = WEFT_E_MSGSIZE;
        explain(call, "the body is larger than %" PRIu64 " bytes", call->body.max);
    } else if (error == WEFT_E_PROTO) {
        explain(call, "after %s: %s (%s)", count, http_fault_text(call->body.fault),
                http_fault_source(call->body.fault));
    } else if (error == WEFT_E_EOF) {
        explain(call, "peer closed after %s%s", count,
                call->body.kind == HTTP_BODY_CHUNKED ? ", before the last chunk" : "");
    } else {
        explain(call, "after %s: %s", count, weft_strerror(error));
    }
    fail(call, error);
    return call->error;
}

/* weft_http_call_read without what it does for calls from outside. */
static ptrdiff_t read_body(struct weft_http_call *call, void *buf, size_t len)
{
    ptrdiff_t got;

    if (call->error)
        return call->error;
    if (call->state != HTTP_CALL_BODY)
        return call->state == HTTP_CALL_DONE ? WEFT_E_CONNABORTED : WEFT_E_AGAIN;
    if (!len || http_body_has_ended(&call->body))
        return 0;
    got = http_in_read(&call->in, call->sock, &call->body, buf, len);
    if (got == WEFT_E_AGAIN) {
        call->wants_body = true;
        call->is_readable = false;
    } else if (got < 0) {
        got = fail_body(call, (int)got);
    }
    return got;
}

/* For programs that do not want it. */
static bool discard_body(struct weft_http_call *call)
{
    char scratch[4096];

    return read_body(call, scratch, sizeof(scratch)) != WEFT_E_AGAIN;
}

static bool step_body(struct weft_http_call *call)
{
    if (call->body.fault && !call->error) {
        fail_body(call, WEFT_E_PROTO);
        return true;
    }
    if (http_body_has_ended(&call->body)) {
        call->wants_close |= !call->is_sent;
        finish(call, 0);
        return false;
    }
    if (!call->ops->readable)
        return discard_body(call);
    if (!call->wants_body || !call->is_readable)
        return false;
    call->wants_body = false;
    call->is_readable = false;
    call->ops->readable(call, call->user);
    return true;
}

static bool step(struct weft_http_call *call)
{
    bool moved;

    if (call->state == HTTP_CALL_DONE || call->state == HTTP_CALL_CONNECT)
        return false;
    if (call->error) {
        finish(call, call->error);
        return false;
    }
    moved = step_out(call);
    if (call->is_cancelled) {
        detach(call, false);
        return false;
    }
    if (call->error)
        return true;
    if (call->state == HTTP_CALL_HEAD)
        return step_head(call) || moved;
    return call->state == HTTP_CALL_BODY && (step_body(call) || moved);
}

/* --- Waiting --- */

static enum http_call_wait wait_of(const struct weft_http_call *call)
{
    const struct http_out *out = &call->out;
    bool is_sending = http_out_waiting(out) || out->block || (out->source && !out->is_starved);

    if (call->state == HTTP_CALL_CONNECT)
        return HTTP_AWAIT_CONNECT;
    if (call->state == HTTP_CALL_BODY && call->wants_body)
        return HTTP_AWAIT_BODY;
    if (is_sending)
        return HTTP_AWAIT_WRITE;
    if (call->state == HTTP_CALL_BODY)
        return HTTP_AWAIT_NOTHING;
    if (call->holds_body)
        return HTTP_AWAIT_CONTINUE;
    return call->is_sent ? HTTP_AWAIT_HEAD : HTTP_AWAIT_NOTHING;
}

static weft_time duration_of(const struct weft_http_call *call, enum http_call_wait wait)
{
    const struct weft_http_client_config *config = &call->client->config;

    switch (wait) {
    case HTTP_AWAIT_CONNECT:
        return config->connect_timeout;
    case HTTP_AWAIT_WRITE:
        return config->write_timeout;
    case HTTP_AWAIT_CONTINUE:
        return config->continue_timeout;
    case HTTP_AWAIT_HEAD:
        return config->head_timeout;
    case HTTP_AWAIT_BODY:
        return config->body_timeout;
    default:
        return WEFT_TIME_NEVER;
    }
}

/* Bytes that only grow while what is waited for goes on. The rest of a response may wait for the rest of the request. */
static uint64_t progress_of(const struct weft_http_call *call, enum http_call_wait wait)
{
    uint64_t received = wait == HTTP_AWAIT_BODY ? call->body.taken : 0;
    struct weft_tcp_info info;

    if (wait != HTTP_AWAIT_BODY && wait != HTTP_AWAIT_WRITE)
        return 0;
    return weft_sock_info(call->sock, &info) == 0 ? received + info.bytes_acked : received;
}

static void begin_wait(struct weft_http_call *call, enum http_call_wait wait)
{
    weft_time duration = duration_of(call, wait);

    call->wait = (uint8_t)wait;
    call->wait_mark = progress_of(call, wait);
    call->wait_until =
        duration == WEFT_TIME_NEVER ? duration : weft_stack_now(call->client->stack) + duration;
}

static void arm(struct weft_http_call *call)
{
    weft_time until = call->wait_until < call->end_by ? call->wait_until : call->end_by;

    if (until >= call->timer_at)
        return;
    call->timer_at = until;
    weft_timer_set(call->client->stack, &call->timer, until);
}

static void settle(struct weft_http_call *call)
{
    enum http_call_wait wait = wait_of(call);

    if (wait != call->wait)
        begin_wait(call, wait);
    arm(call);
}

/* Seconds of a duration, for a sentence. */
static double seconds(weft_time duration)
{
    return (double)duration / (double)WEFT_SEC;
}

static void expire(struct weft_http_call *call)
{
    const struct weft_http_client_config *config = &call->client->config;
    char count[64];

    switch (call->wait) {
    case HTTP_AWAIT_CONTINUE:
        attach_body(call);
        return;
    case HTTP_AWAIT_CONNECT:
        explain(call, "no connection within %g s", seconds(config->connect_timeout));
        break;
    case HTTP_AWAIT_WRITE:
        explain(call, "the server took no byte of the request for %g s", seconds(config->write_timeout));
        break;
    case HTTP_AWAIT_HEAD:
        explain(call, "no answer within %g s", seconds(config->head_timeout));
        break;
    default:
        explain(call, "nothing came for %g s after %s", seconds(config->body_timeout),
                count_body(call, count));
    }
    fail(call, WEFT_E_TIMEDOUT);
}

static void end_in_time(struct weft_http_call *call)
{
    char count[64];

    if (call->state == HTTP_CALL_BODY)
        explain(call, "the time is over after %s", count_body(call, count));
    else
        explain(call, "the time is over before the answer");
    fail(call, WEFT_E_TIMEDOUT);
}

static void timer_fired(struct weft_timer *timer, weft_time now)
{
    struct weft_http_call *call = timer->user;

    call->timer_at = WEFT_TIME_NEVER;
    if (now >= call->end_by)
        end_in_time(call);
    else if (now >= call->wait_until && progress_of(call, call->wait) > call->wait_mark)
        begin_wait(call, call->wait);
    else if (now >= call->wait_until)
        expire(call);
    run(call);
}

/* --- Running --- */

static void run(struct weft_http_call *call)
{
    call->is_running = true;
    if (call->error && call->state == HTTP_CALL_CONNECT)
        finish(call, call->error);
    while (step(call))
        ;
    call->is_running = false;
    if (call->state == HTTP_CALL_DONE)
        free_call(call);
    else
        settle(call);
}

/* Something is to be done at the next turn of the dispatcher. Without an event that holds, it would not be asked. */
static void wake(struct weft_http_call *call)
{
    if (call->is_running)
        return;
    call->timer_at = weft_stack_now(call->client->stack);
    weft_timer_set(call->client->stack, &call->timer, call->timer_at);
}

static void ready(struct weft_handler *handler, struct weft_sock *sock, unsigned events, weft_time now)
{
    struct weft_http_call *call = (struct weft_http_call *)handler;

    (void)now;
    if (events & (WEFT_READABLE | WEFT_PEER_CLOSED | WEFT_FAILED))
        call->is_readable = true;
    if (call->state == HTTP_CALL_CONNECT && (events & WEFT_FAILED)) {
        fail(call, weft_sock_error(sock));
    } else if (call->state == HTTP_CALL_CONNECT && (events & WEFT_WRITABLE)) {
        call->state = HTTP_CALL_HEAD;
    }
    run(call);
}

/* --- What programs call --- */

static struct weft_http_call *make_call(struct weft_http_client *client)
{
    uint32_t size = http_head_max(&client->config.limits) + BODY_ROOM;
    struct weft_http_call *call =
        calloc(1, sizeof(*call) + client->config.limits.fields * sizeof(struct http_line));

    if (!call)
        return NULL;
    call->client = client;
    call->handler.ready = ready;
    call->timer.fired = timer_fired;
    call->timer.user = call;
    call->timer_at = call->wait_until = call->end_by = WEFT_TIME_NEVER;
    call->in = (struct http_in){.buf = malloc(size), .size = size};
    call->out = (struct http_out){.buf = malloc(OUT_SIZE), .size = OUT_SIZE};
    if (call->in.buf && call->out.buf)
        return call;
    free_call(call);
    return NULL;
}

/* Composes the request and finds it a connection. */
static int begin(struct weft_http_call *call, const struct weft_http_request *request)
{
    int error = call->client->is_closing ? WEFT_E_CONNABORTED : http_compose(call, request);

    if (error)
        return error;
    call->sock = http_client_take(call->client, &call->server);
    if (!call->sock)
        return open_connection(call);
    call->state = HTTP_CALL_HEAD;
    call->is_reused = true;
    weft_sock_set_handler(call->sock, &call->handler);
    return 0;
}

int weft_http_call_start(struct weft_http_client *client, const struct weft_http_request *request,
                         const struct weft_http_call_ops *ops, void *user, struct weft_http_call **out)
{
    struct weft_http_call *call = make_call(client);
    int error = call ? begin(call, request) : WEFT_E_NOMEM;

    if (error) {
        if (request->source && request->source->close)
            request->source->close(request->source);
        if (call)
            free_call(call);
        return error;
    }
    call->ops = ops;
    call->user = user;
    call->source = request->source;
    if (request->max_time)
        call->end_by = weft_stack_now(client->stack) + request->max_time;
    prepare(call);
    TAILQ_INSERT_TAIL(&client->calls, call, link);
    settle(call);
    if (call->state == HTTP_CALL_HEAD || call->error)
        wake(call);
    *out = call;
    return 0;
}

void weft_http_call_cancel(struct weft_http_call *call)
{
    if (call->state == HTTP_CALL_DONE)
        return;
    if (call->is_pumping) {
        call->is_cancelled = true;
        return;
    }
    detach(call, false);
    if (!call->is_running)
        free_call(call);
}

void weft_http_call_resume(struct weft_http_call *call)
{
    http_out_resume(&call->out);
    wake(call);
}

ptrdiff_t weft_http_call_read(struct weft_http_call *call, void *buf, size_t len)
{
    ptrdiff_t got = read_body(call, buf, len);

    if (call->is_running || call->state == HTTP_CALL_DONE)
        return got;
    if (got == WEFT_E_AGAIN)
        settle(call);
    else if (call->error || (call->state == HTTP_CALL_BODY && http_body_has_ended(&call->body)))
        wake(call);
    return got;
}

unsigned weft_http_call_status(const struct weft_http_call *call)
{
    return call->has_head ? call->head.status : 0;
}

const char *weft_http_call_reason(const struct weft_http_call *call)
{
    return call->has_head ? call->in.buf + call->head.reason : "";
}

unsigned weft_http_call_minor_version(const struct weft_http_call *call)
{
    return call->head.minor;
}

const char *weft_http_call_header(const struct weft_http_call *call, const char *name)
{
    return call->has_head ? http_head_find(&call->head, call->in.buf, name) : NULL;
}

bool weft_http_call_field(const struct weft_http_call *call, unsigned index, struct weft_http_field *out)
{
    return call->has_head && http_head_line(&call->head, call->in.buf, index, out);
}

int64_t weft_http_call_body_length(const struct weft_http_call *call)
{
    if (call->head.body == HTTP_BODY_LENGTH)
        return (int64_t)call->head.length;
    return call->head.body == HTTP_BODY_NONE ? 0 : WEFT_HTTP_UNKNOWN;
}

const char *weft_http_call_why(const struct weft_http_call *call)
{
    return call->why;
}
