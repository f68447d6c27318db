/* SPDX-License-Identifier: MIT */
/*
 * The client's own records, shared by its files:
 *
 *     client.c    calls and idle connections as sets, memory
 *     call.c      one call: its states, its waits, its end
 *     compose.c   the head of a request
 */
#ifndef WEFT_HTTP_CLIENT_H
#define WEFT_HTTP_CLIENT_H

#include <sys/queue.h>

#include "http/body.h"
#include "http/head.h"
#include "http/in.h"
#include "http/out.h"

/* A connection that waits for a call. */
struct http_idle {
    struct weft_handler handler; /* first */
    struct weft_timer timer;
    struct weft_http_client *client;
    struct weft_sock *sock;
    struct weft_endpoint server;
    TAILQ_ENTRY(http_idle) link;
};

enum http_call_state {
    HTTP_CALL_CONNECT, /* until the connection stands */
    HTTP_CALL_HEAD,    /* the request goes out; the head of the response is awaited */
    HTTP_CALL_BODY,    /* of the response; the rest of the request may still go out */
    HTTP_CALL_DONE,    /* over, and told so or cancelled; freed when nobody runs in it any more */
};

enum http_call_wait {
    HTTP_AWAIT_NOTHING, /* of the server: the program has the word */
    HTTP_AWAIT_CONNECT,
    HTTP_AWAIT_WRITE,
    HTTP_AWAIT_CONTINUE,
    HTTP_AWAIT_HEAD,
    HTTP_AWAIT_BODY,
};

/* The request's body in memory, as a source. */
struct http_memory {
    struct weft_http_source source; /* first */
    const char *data;
    size_t left;
};

struct weft_http_call {
    struct weft_handler handler; /* first: the socket gives it back */
    struct weft_timer timer;
    struct weft_http_client *client;
    struct weft_sock *sock;
    struct weft_endpoint server;
    const struct weft_http_call_ops *ops;
    void *user;
    TAILQ_ENTRY(weft_http_call) link;
    struct http_in in;
    struct http_out out;
    struct http_head head;
    struct http_body body;
    /* The request, for as long as it may have to be made again. */
    enum weft_http_method method;
    char *request; /* its head; owned */
    uint32_t request_len;
    const void *data;
    size_t data_len;
    struct http_memory memory;
    struct weft_http_source *source; /* taken, and not yet handed to `out`; or NULL */
    int64_t source_length;
    /* How far it is. */
    uint8_t state;
    uint8_t wait;
    weft_time timer_at, wait_until, wait_mark, end_by;
    int error;
    bool is_reused; /* the connection had been idle: a failure may be its age */
    bool may_retry;
    bool holds_body;     /* until 100 Continue, or until that takes too long */
    bool is_sent;        /* the request is out whole */
    bool has_answer;     /* a byte of the response has come */
    bool wants_body;     /* the program was told WEFT_E_AGAIN, or has not read yet */
    bool has_head;       /* `ops->head` has been called */
    bool wants_close;    /* no further call on this connection */
    bool asked_to_close; /* by the request */
    bool is_readable;
    bool is_running;   /* its code is on the call stack */
    bool is_pumping;   /* and reads a source */
    bool is_cancelled; /* meanwhile */
    char why[256];
    struct http_line lines[]; /* limits.fields of them */
};

TAILQ_HEAD(http_idles, http_idle);
TAILQ_HEAD(http_calls, weft_http_call);

struct weft_http_client {
    struct weft_stack *stack;
    struct weft_http_client_config config; /* complete */
    struct http_idles idles;
    uint32_t nidle;
    struct http_calls calls;
    bool is_closing;
    char user_agent[64];
};

/* --- client.c --- */

/* An idle connection to the server, which is the caller's from now on, or NULL. */
struct weft_sock *http_client_take(struct weft_http_client *client, const struct weft_endpoint *server);

/* Keeps a connection for later. Takes the socket; it is closed when there is no room for it. */
void http_client_keep(struct weft_http_client *client, struct weft_sock *sock,
                      const struct weft_endpoint *server);

/* --- call.c --- */

/* Ends a call that is not running: tells `done` and frees it. */
void http_call_end(struct weft_http_call *call, int error, const char *why);

/* --- compose.c --- */

/*
 * Checks a request and writes its head, which is the caller's to free.
 * Gives through `call` what else is to be known of it. Returns 0,
 * WEFT_E_INVAL, WEFT_E_MSGSIZE or WEFT_E_NOMEM.
 */
int http_compose(struct weft_http_call *call, const struct weft_http_request *request);

#endif
