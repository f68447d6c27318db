/* SPDX-License-Identifier: MIT */
/*
 * The server's own records, shared by its files:
 *
 *     server.c    listening, connections as a set, memory, stopping
 *     conn.c      one connection: its states, its waits, its end
 *     exchange.c  one request on it: from its head to the end of its answer
 *     request.c   what a handler may ask of a request
 *     answer.c    how a handler answers
 *     route.c     which handler
 *     entity.c    answers with conditions and ranges
 *
 * Memory: a connection that waits for a request is a struct http_conn and
 * nothing else. A weft_http_req with its buffers is taken from the server's
 * stock when bytes come, and given back when nothing is under way any more.
 */
#ifndef WEFT_HTTP_SERVER_H
#define WEFT_HTTP_SERVER_H

#include <sys/queue.h>

#include "http/body.h"
#include "http/head.h"
#include "http/in.h"
#include "http/out.h"
#include "http/range.h"

/* What a connection does. */
enum http_conn_state {
    HTTP_CONN_HEAD,   /* waits for a request, or for the rest of its head */
    HTTP_CONN_BUSY,   /* an exchange is under way */
    HTTP_CONN_DRAIN,  /* it has been answered; the rest of its body is thrown away to keep the connection */
    HTTP_CONN_LINGER, /* the last answer goes out, then FIN; what comes is thrown away (RFC 9112 9.6) */
    HTTP_CONN_DEAD,   /* the socket is gone; the record goes when nobody runs in it any more */
};

/* What it waits for, and so which time limit holds. */
enum http_conn_wait {
    HTTP_WAIT_NOTHING, /* of the peer: a handler has the word */
    HTTP_WAIT_IDLE,
    HTTP_WAIT_HEAD,
    HTTP_WAIT_BODY,
    HTTP_WAIT_WRITE,
    HTTP_WAIT_LINGER,
};

struct http_conn {
    struct weft_handler handler; /* first: the socket gives it back */
    struct weft_timer timer;
    struct weft_http_server *server;
    struct weft_sock *sock;    /* NULL when DEAD */
    struct weft_http_req *req; /* NULL: idle, nothing under way */
    TAILQ_ENTRY(http_conn) all;
    TAILQ_ENTRY(http_conn) idle; /* in server->idle while `is_idle` */
    weft_time timer_at;          /* when the timer is set for; NEVER: it is not set */
    weft_time wait_until;
    weft_time idle_since; /* valid while `is_idle` */
    uint64_t wait_mark;   /* the progress that had been made when the wait began */
    uint64_t discarded;   /* octets thrown away in DRAIN and LINGER */
    uint32_t serial;      /* requests so far */
    uint32_t wait_serial; /* `serial` when the wait began */
    int doom;             /* not 0: to be reset with this error as soon as its code has returned */
    uint8_t state;
    uint8_t wait;
    bool is_idle;
    bool is_running;  /* its code is on the call stack */
    bool is_readable; /* the socket has said so since we last found it empty */
    bool has_eof;     /* the peer will send no more */
    bool has_sent_fin;
};

enum http_answer_state {
    HTTP_ANSWER_NONE,
    HTTP_ANSWER_BEGUN,    /* its head is the draft in `out` */
    HTTP_ANSWER_COMPLETE, /* its bytes are in `out`, or will be read from a source */
};

/* The parts of a representation on their way: entity.c's source. */
struct http_parts {
    struct weft_http_source source; /* first */
    struct weft_http_entity *entity;
    struct http_ranges ranges;
    uint64_t at;   /* of the current range: next byte to read */
    unsigned next; /* which range comes next */
    bool is_multipart;
    char text[512]; /* between the parts of a multipart; what is left of it to send */
    uint32_t text_at, text_len;
    char boundary[33];
};

struct weft_http_req {
    struct http_conn *conn;
    struct weft_http_req *next_free; /* in the server's stock */
    struct http_in in;
    struct http_out out;
    struct http_head head;
    struct http_body body;
    const char *path;     /* decoded; C string */
    const char *raw_path; /* C string */
    const char *query;    /* C string or NULL */
    const char *host;     /* C string */
    const struct weft_http_watch *watch;
    void *watch_user;
    weft_time began;
    const char *detail; /* for the log; NULL or static */
    unsigned status;    /* of the answer */
    uint8_t answer;
    int body_error;     /* why the body will not be completed; sticky */
    bool is_called;     /* the handler is being called or has been */
    bool wants_body;    /* it was told WEFT_E_AGAIN and waits for `readable` */
    bool has_read;      /* it has begun to read the body */
    bool has_continued; /* 100 Continue has been sent */
    bool is_answer_bad; /* something in the answer's head was not allowed */
    bool persists;      /* the connection lives on after the answer; valid once it is complete */
    bool ends_by_close; /* the answer's body ends when the connection does */
    bool has_share;     /* the socket's send buffer has been set for the answer */
    struct http_parts parts;
    char host_room[272];
    struct http_line lines[]; /* limits.fields of them */
};

TAILQ_HEAD(http_conns, http_conn);

struct weft_http_server {
    struct weft_handler handler; /* first: the listener's */
    struct weft_timer timer;     /* tries again to accept */
    struct weft_stack *stack;
    struct weft_sock *listener; /* NULL when stopping */
    struct weft_http_server_config config;
    struct http_conns conns, idle;
    struct weft_http_req *stock;
    uint32_t stocked;
    struct weft_http_server_stats stats;
    int64_t send_buffer; /* of a socket, bytes, as the stack has it */
    uint64_t boundaries; /* multipart boundaries made so far */
    unsigned depth;      /* of our code on the call stack */
    bool is_full;        /* connections may wait to be accepted */
    bool is_stopping, has_stopped, is_freed;
    char server_name[64];
    int64_t stamp_time;
    uint32_t stamp_len;
    char stamp[128]; /* "Date: …" and "Server: …" as they stand in every answer */
};

/* --- server.c --- */

/* Our code is entered and left: what must wait until nobody runs (freeing, accepting) happens when the last leaves. */
void http_server_enter(struct weft_http_server *server);
void http_server_leave(struct weft_http_server *server);

/* A request with empty buffers, or NULL; and back to the stock, or to malloc. */
struct weft_http_req *http_server_take(struct weft_http_server *server);
void http_server_give(struct weft_http_server *server, struct weft_http_req *req);

/* The wall clock, or WEFT_HTTP_NO_DATE. */
int64_t http_server_clock(const struct weft_http_server *server);

/* Date and Server lines; gives their length. Borrowed until the next call. */
const char *http_server_stamp(struct weft_http_server *server, uint32_t *len);

/* The connection is idle, or is not any more. */
void http_server_set_idle(struct weft_http_server *server, struct http_conn *conn, bool is_idle);

/* Takes the record of a dead connection out of the set and frees it. */
void http_server_forget(struct weft_http_server *server, struct http_conn *conn);

/* --- conn.c --- */

/* A connection for a socket that was accepted, which is taken. Returns NULL when there is no memory. */
struct http_conn *http_conn_new(struct weft_http_server *server, struct weft_sock *sock);

/* Does all that can be done now. The connection may be gone afterwards, unless its code was already running. */
void http_conn_run(struct http_conn *conn);

/* The same without calling anybody now: sees to the time limits; or asks to be run by the dispatcher. No effect while
 * its code is running, which ends by both. */
void http_conn_settle(struct http_conn *conn);
void http_conn_wake(struct http_conn *conn);

/* Ends it by a reset, at once unless its code is running; an exchange under way ends with `error`. */
void http_conn_abort(struct http_conn *conn, int error);

/* Ends an idle connection by FIN, without waiting for the peer's. As http_conn_run. */
void http_conn_evict(struct http_conn *conn);

/* --- exchange.c --- */

/* A head has been read: calls the handler, or answers in its place. */
void http_exchange_begin(struct weft_http_req *req);

/* The head is faulty: the answer says so, and is the last. */
void http_exchange_refuse(struct weft_http_req *req, enum http_fault fault);

/* The same for a head that did not come in time. */
void http_exchange_time_out(struct weft_http_req *req);

/* Goes on with what can go on. Returns true when there was something, false when it waits. */
bool http_exchange_step(struct weft_http_req *req);

/* The body will not be completed: the handler has nothing left to do, and the server answers if nobody has. */
void http_exchange_fail_body(struct weft_http_req *req, int error);

/* The exchange is over; tells the log and the watch. */
void http_exchange_end(struct weft_http_req *req, int error);

/* --- answer.c --- */

/* As weft_http_answer_error, with the text and source of a fault. */
void http_answer_fault(struct weft_http_req *req, unsigned status, const char *text, const char *source);

/* Changes the status of an answer that has been begun. */
void http_answer_set_status(struct weft_http_req *req, unsigned status);

/* --- route.c --- */

/* The route of the request, or NULL after having answered in its place. */
const struct weft_http_route *http_route_find(struct weft_http_req *req);

#endif
