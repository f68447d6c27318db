/* SPDX-License-Identifier: MIT */
/*
 * The server: listens, accepts, knows its connections, lends them memory, and
 * stops.
 *
 * Owns    the listener, the set of connections, the stock of buffers.
 * Never   reads or writes a connection: that is conn.c's.
 *
 * Our code is entered by weft_dispatch (a socket is ready, a timer is due) and
 * by what handlers call later. Handlers may call back at any depth, and even
 * free the server; so nothing is freed before the outermost code has left.
 */
#include "http/server.h"

#include <stdlib.h>
#include <string.h>

/* Octets of a body's framing and of small bodies that wait in a request's buffer, besides its head. Ours. */
#define BODY_ROOM 4096

/* Room for a head and what follows it; and behind that, for the path of the head, decoded, with its NUL. */
static struct http_in make_in(const struct weft_http_limits *limits)
{
    uint32_t size = http_head_max(limits) + BODY_ROOM, spare = limits->start_line + 1;

    return (struct http_in){.buf = malloc(size + spare), .size = size, .spare = spare};
}

#define OUT_SIZE 8192 /* ours: two small answers */

/* Buffers kept for later: enough for the connections that are busy at one moment of a busy server. Ours. */
#define STOCK_MAX 256

/* How soon accept is tried again when the stack had no socket to give. Ours. */
#define RETRY_TIME (20 * WEFT_MSEC)

/* An idle connection is not closed for another one sooner: its request may be under way. Ours. */
#define EVICT_TIME WEFT_SEC

/* --- Memory --- */

struct weft_http_req *http_server_take(struct weft_http_server *server)
{
    struct weft_http_req *req = server->stock;

    if (req) {
        server->stock = req->next_free;
        server->stocked--;
        return req;
    }
    req = calloc(1, sizeof(*req) + server->config.limits.fields * sizeof(struct http_line));
    if (!req)
        return NULL;
    req->in = make_in(&server->config.limits);
    req->out = (struct http_out){.buf = malloc(OUT_SIZE), .size = OUT_SIZE};
    if (req->in.buf && req->out.buf)
        return req;
    free(req->in.buf);
    free(req->out.buf);
    free(req);
    return NULL;
}

static void free_req(struct weft_http_req *req)
{
    free(req->in.buf);
    free(req->out.buf);
    free(req);
}

void http_server_give(struct weft_http_server *server, struct weft_http_req *req)
{
    http_out_drop(&req->out);
    if (server->stocked >= STOCK_MAX || req->out.size > OUT_SIZE) {
        free_req(req);
        return;
    }
    req->in.rd = req->in.wr;
    http_in_restart(&req->in);
    req->next_free = server->stock;
    server->stock = req;
    server->stocked++;
}

/* --- What every answer says --- */

int64_t http_server_clock(const struct weft_http_server *server)
{
    return server->config.wall_clock ? server->config.wall_clock(server->config.clock_user)
                                     : WEFT_HTTP_NO_DATE;
}

static uint32_t put(char *out, uint32_t at, const char *text)
{
    size_t len = strlen(text);

    memcpy(out + at, text, len);
    return at + (uint32_t)len;
}

const char *http_server_stamp(struct weft_http_server *server, uint32_t *len)
{
    int64_t now = http_server_clock(server);
    char date[WEFT_HTTP_DATE_STRLEN];
    uint32_t at = 0;

    if (server->stamp_len == 0 || now != server->stamp_time) {
        if (now != WEFT_HTTP_NO_DATE) {
            at = put(server->stamp, at, "Date: ");
            at = put(server->stamp, at, weft_http_date_format(now, date));
            at = put(server->stamp, at, "\r\n");
        }
        if (server->server_name[0]) {
            at = put(server->stamp, at, "Server: ");
            at = put(server->stamp, at, server->server_name);
            at = put(server->stamp, at, "\r\n");
        }
        server->stamp_time = now;
        server->stamp_len = at;
    }
    *len = server->stamp_len;
    return server->stamp;
}

/* --- Connections --- */

void http_server_set_idle(struct weft_http_server *server, struct http_conn *conn, bool is_idle)
{
    if (conn->is_idle == is_idle)
        return;
    conn->is_idle = is_idle;
    if (is_idle) {
        conn->idle_since = weft_stack_now(server->stack);
        TAILQ_INSERT_TAIL(&server->idle, conn, idle);
        server->stats.idle++;
    } else {
        TAILQ_REMOVE(&server->idle, conn, idle);
        server->stats.idle--;
    }
}

void http_server_forget(struct weft_http_server *server, struct http_conn *conn)
{
    http_server_set_idle(server, conn, false);
    TAILQ_REMOVE(&server->conns, conn, all);
    server->stats.connections--;
    free(conn);
}

static void add_connection(struct weft_http_server *server, struct weft_sock *sock)
{
    struct http_conn *conn = http_conn_new(server, sock);

    if (!conn)
        return;
    TAILQ_INSERT_TAIL(&server->conns, conn, all);
    server->stats.accepted++;
    server->stats.connections++;
    http_conn_run(conn);
}

/* When there can be one more: now, when the connection that has been idle for longest may be closed for it, or
 * nobody knows when. */
static weft_time next_accept(const struct weft_http_server *server)
{
    const struct http_conn *oldest = TAILQ_FIRST(&server->idle);

    if (server->stats.connections < server->config.max_connections)
        return 0;
    return oldest ? oldest->idle_since + EVICT_TIME : WEFT_TIME_NEVER;
}

static bool can_accept(const struct weft_http_server *server)
{
    return server->listener && next_accept(server) <= weft_stack_now(server->stack);
}

static void make_room(struct weft_http_server *server)
{
    if (server->stats.connections < server->config.max_connections)
        return;
    server->stats.evicted++;
    http_conn_evict(TAILQ_FIRST(&server->idle));
}

/* Accepts as long as there is room. Those that wait are found again when a connection ends, or by the timer. */
static void accept_all(struct weft_http_server *server)
{
    weft_time again = WEFT_TIME_NEVER;
    struct weft_sock *sock;
    int error = 0;

    while (!error && can_accept(server)) {
        error = weft_sock_accept(server->listener, &sock);
        if (!error) {
            make_room(server);
            add_connection(server, sock);
        }
    }
    server->is_full = server->listener && error == 0;
    if (server->is_full)
        again = next_accept(server);
    else if (server->listener && error != WEFT_E_AGAIN)
        again = weft_stack_now(server->stack) + RETRY_TIME;
    if (again != WEFT_TIME_NEVER)
        weft_timer_set(server->stack, &server->timer, again);
}

/* Connections may wait, and something may have ended or become idle by which there will be room for one. */
static void look_for_room(struct weft_http_server *server)
{
    weft_time again = next_accept(server);

    if (can_accept(server))
        accept_all(server);
    else if (server->listener && again != WEFT_TIME_NEVER)
        weft_timer_set(server->stack, &server->timer, again);
}

static void listener_ready(struct weft_handler *handler, struct weft_sock *sock, unsigned events,
                           weft_time now)
{
    struct weft_http_server *server = (struct weft_http_server *)handler;

    (void)sock;
    (void)events;
    (void)now;
    http_server_enter(server);
    accept_all(server);
    http_server_leave(server);
}

static void retry_accept(struct weft_timer *timer, weft_time now)
{
    struct weft_http_server *server = timer->user;

    listener_ready(&server->handler, server->listener, 0, now);
}

/* --- Stopping --- */

static void close_listener(struct weft_http_server *server)
{
    weft_timer_cancel(server->stack, &server->timer);
    weft_sock_close(server->listener);
    server->listener = NULL;
}

static void free_server(struct weft_http_server *server)
{
    struct weft_http_req *req;

    /* Handlers that hear of the end may call back; nobody is to come here twice. */
    server->depth++;
    close_listener(server);
    while (!TAILQ_EMPTY(&server->conns))
        http_conn_abort(TAILQ_FIRST(&server->conns), WEFT_E_CONNABORTED);
    while ((req = server->stock) != NULL) {
        server->stock = req->next_free;
        free_req(req);
    }
    free(server);
}

static void tell_stopped(struct weft_http_server *server)
{
    server->has_stopped = true;
    if (server->config.stopped)
        server->config.stopped(server->config.stopped_user);
}

void http_server_enter(struct weft_http_server *server)
{
    server->depth++;
}

void http_server_leave(struct weft_http_server *server)
{
    if (server->depth == 1 && server->is_full && !server->is_freed)
        look_for_room(server);
    if (--server->depth > 0)
        return;
    if (server->is_freed)
        free_server(server);
    else if (server->is_stopping && !server->has_stopped && TAILQ_EMPTY(&server->conns))
        tell_stopped(server);
}

void weft_http_server_stop(struct weft_http_server *server)
{
    struct http_conn *conn, *next;

    if (server->is_stopping)
        return;
    http_server_enter(server);
    server->is_stopping = true;
    close_listener(server);
    for (conn = TAILQ_FIRST(&server->idle); conn; conn = next) {
        next = TAILQ_NEXT(conn, idle);
        http_conn_run(conn);
    }
    http_server_leave(server);
}

void weft_http_server_free(struct weft_http_server *server)
{
    if (!server)
        return;
    server->is_freed = true;
    if (server->depth == 0)
        free_server(server);
}

/* --- Starting --- */

static void fill_timeouts(struct weft_http_timeouts *timeouts)
{
    if (!timeouts->head)
        timeouts->head = 20 * WEFT_SEC;
    if (!timeouts->body)
        timeouts->body = 30 * WEFT_SEC;
    if (!timeouts->write)
        timeouts->write = 60 * WEFT_SEC;
    if (!timeouts->idle)
        timeouts->idle = 60 * WEFT_SEC;
    if (!timeouts->linger)
        timeouts->linger = 5 * WEFT_SEC;
    if (!timeouts->progress)
        timeouts->progress = 1024;
}

/* Limits that the arithmetic here can bear: a head has to fit in the numbers that count it. */
static bool are_good(const struct weft_http_server_config *config)
{
    const struct weft_http_limits *limits = &config->limits;

    for (unsigned i = 0; i < config->nroutes; i++)
        if (!config->routes[i].path || !config->routes[i].methods || !config->routes[i].handle)
            return false;
    return config->endpoint.port && limits->start_line <= 1 << 20 && limits->field_bytes <= 1 << 20 &&
           limits->fields <= 1000 &&
           (!config->server_name ||
            (strlen(config->server_name) < 64 && http_text_is_value(config->server_name)));
}

static int start_listening(struct weft_http_server *server)
{
    int error = weft_sock_open(server->stack, WEFT_SOCK_STREAM, &server->listener);

    if (error)
        return error;
    error = weft_sock_bind(server->listener, &server->config.endpoint);
    /* What is written in one turn of the dispatcher leaves together; Nagle would only hold its last segment back. */
    if (!error)
        error = weft_sock_setopt(server->listener, WEFT_OPT_NODELAY, 1);
    if (!error)
        error = weft_sock_getopt(server->listener, WEFT_OPT_SEND_BUFFER, &server->send_buffer);
    if (!error && server->config.prepare)
        error = server->config.prepare(server->config.prepare_user, server->listener);
    if (!error)
        error = weft_sock_listen(server->listener, server->config.backlog);
    if (error) {
        weft_sock_close(server->listener);
        return error;
    }
    weft_sock_set_handler(server->listener, &server->handler);
    return 0;
}

static struct weft_http_server *make_server(struct weft_stack *stack,
                                            const struct weft_http_server_config *config)
{
    struct weft_http_server *server = calloc(1, sizeof(*server));

    if (!server)
        return NULL;
    server->handler.ready = listener_ready;
    server->timer.fired = retry_accept;
    server->timer.user = server;
    server->stack = stack;
    server->config = *config;
    if (!server->config.max_connections)
        server->config.max_connections = 8192;
    http_head_limits(&server->config.limits);
    fill_timeouts(&server->config.timeouts);
    if (config->server_name)
        strcpy(server->server_name, config->server_name);
    TAILQ_INIT(&server->conns);
    TAILQ_INIT(&server->idle);
    return server;
}

int weft_http_server_new(struct weft_stack *stack, const struct weft_http_server_config *config,
                         struct weft_http_server **out)
{
    struct weft_http_server *server;
    int error;

    if (!are_good(config))
        return WEFT_E_INVAL;
    server = make_server(stack, config);
    if (!server)
        return WEFT_E_NOMEM;
    error = start_listening(server);
    if (error)
        free(server);
    else
        *out = server;
    return error;
}

void weft_http_server_stats(const struct weft_http_server *server, struct weft_http_server_stats *out)
{
    *out = server->stats;
}
