/* SPDX-License-Identifier: MIT */
/*
 * HTTP/1.1 (RFC 9110, RFC 9112) over weft's sockets: a server, files to serve,
 * a client, and the words that both sides speak.
 *
 * Owns    requests, responses and the connections that carry them.
 * Never   blocks, starts a thread or reads a clock: everything happens in
 *         weft_dispatch, in the stack's time, so the same code runs on a real
 *         link and in a simulation. The wall clock, where a field needs one, is
 *         a function that the caller hands in. Descriptors are used by the part
 *         that serves files, and by no other.
 *
 * Framing that two readers could understand differently is refused, never
 * repaired (RFC 9112 11.2). Bodies are streams in both directions: who does not
 * read closes TCP's window, who cannot send waits, and nothing is held whole.
 * Every size and every time has a bound, and what happens at it is written
 * below.
 *
 * Memory comes from malloc, bounded per connection; memory that runs out ends
 * the exchange that needed it, with 503 where an answer is still possible.
 *
 * Text: names and values that these calls give are C strings without CR, LF,
 * NUL or other control characters except HTAB. They are what the peer wrote:
 * believe nothing of them.
 *
 * Not included by weft.h.
 */
#ifndef WEFT_HTTP_H
#define WEFT_HTTP_H

#include <weft/socket.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* --- Words ------------------------------------------------------------------ */

/* The methods of RFC 9110 9.3 and RFC 5789; anything else is OTHER, and is answered with 501. */
enum weft_http_method {
    WEFT_HTTP_OTHER,
    WEFT_HTTP_GET,
    WEFT_HTTP_HEAD,
    WEFT_HTTP_POST,
    WEFT_HTTP_PUT,
    WEFT_HTTP_DELETE,
    WEFT_HTTP_CONNECT,
    WEFT_HTTP_OPTIONS,
    WEFT_HTTP_TRACE,
    WEFT_HTTP_PATCH,
};

/* A field line. Names compare without regard to case. */
struct weft_http_field {
    const char *name;
    const char *value;
};

/* The phrase of a status code, such as "Not Found"; "" for an unknown one. Never NULL. */
const char *weft_http_reason(unsigned status);

#define WEFT_HTTP_DATE_STRLEN 30 /* "Sun, 06 Nov 1994 08:49:37 GMT" with its NUL */

/* Writes seconds since 1970 UTC as an IMF-fixdate (RFC 9110 5.6.7), years 0 to 9999; returns `buf`. */
const char *weft_http_date_format(int64_t seconds, char buf[WEFT_HTTP_DATE_STRLEN]);

/*
 * Reads a date in any of the three forms of RFC 9110 5.6.7. `now` decides the
 * century of a two-digit year. Gives seconds since 1970 UTC through `out`.
 * Returns 0 or WEFT_E_BADFORMAT.
 */
int weft_http_date_parse(const char *text, int64_t now, int64_t *out);

/* --- Bodies that are sent ------------------------------------------------------- */

#define WEFT_HTTP_UNKNOWN (-1) /* a length that is not known before the end */

/*
 * Where the bytes of a body come from while it is being sent; usually embedded
 * in a record of the program. Called only as fast as the peer takes the bytes.
 */
struct weft_http_source {
    /*
     * Writes up to `len` (at least 1) bytes to `buf`. Returns how many; 0 at
     * the end; WEFT_E_AGAIN when there are none yet (say so later with
     * weft_http_req_resume or weft_http_call_resume); any other code: the body
     * cannot be completed. Then an answer of which nothing has gone becomes 500;
     * otherwise the connection is closed so that the peer sees it.
     */
    ptrdiff_t (*read)(struct weft_http_source *source, void *buf, size_t len);
    /*
     * The source is not needed any more. Called exactly once for each source
     * that was handed over, and before the `done` of its request or call, which
     * may free both; may be NULL.
     */
    void (*close)(struct weft_http_source *source);
};

/* --- The server ------------------------------------------------------------------ */

struct weft_http_server;

/* A request and its answer: what RFC 9110 3.4 calls an exchange. */
struct weft_http_req;

/*
 * Who answers what. Of the routes whose `path` fits, the longest is taken; one
 * that ends with '/' fits everything below it ("/" fits all), any other fits
 * itself alone. No route: 404. A method that the route does not name: 405 with
 * Allow; OPTIONS that it does not name is answered by the server, TRACE,
 * CONNECT and methods that are not known with 501.
 */
struct weft_http_route {
    const char *path;
    const char *methods; /* as in Allow: "GET, HEAD, POST"; HEAD goes where GET goes */
    /*
     * The head of a request has come. The handler answers now, or calls
     * weft_http_req_watch and answers later; if it does neither, the server
     * answers 500.
     */
    void (*handle)(struct weft_http_req *req, void *user);
    void *user;
    uint64_t max_body; /* bytes; 0: what the server's limits say */
};

/* Sizes a peer may make us deal with; zero means the default that each line gives. */
struct weft_http_limits {
    /* 8192 bytes (RFC 9112 3: at least 8000). More: 414, or 501 if not even the method ends within it. */
    uint32_t start_line;
    uint32_t field_bytes; /* 16384: the header section; a trailer section likewise. More: 431 */
    uint32_t fields;      /* 100 field lines, at most 1000. More: 431 */
    uint32_t chunk_ext;   /* 4096: chunk extensions of one message (RFC 9112 7.1.1). More: 400 */
    uint64_t body;        /* 16 MiB. More: 413 */
    uint64_t discard;     /* 64 KiB: rest of a body that is read and thrown away to keep a connection */
};

/*
 * How long a peer may keep us waiting; zero means the default that each line
 * gives. Within `body` and `write`, fewer than `progress` bytes do not count,
 * so that a drip does not hold a connection.
 */
struct weft_http_timeouts {
    weft_time head;    /* 20 s: from the first byte of a head to its end. Then 408, and close */
    weft_time body;    /* 30 s: without progress of a body that is being read. Then 408, and close */
    weft_time write;   /* 60 s: without progress of the peer in taking what is sent. Then reset */
    weft_time idle;    /* 60 s: between requests. Then close */
    weft_time linger;  /* 5 s: that we wait for the peer's FIN after ours (RFC 9112 9.6). Then gone */
    uint64_t progress; /* 1024 bytes */
};

/* What happened, for a log; borrowed strings. */
struct weft_http_record {
    struct weft_endpoint remote;
    const char *method;      /* "" when the request was refused before it could be read */
    const char *path;        /* decoded; "" as above */
    const char *query;       /* NULL when there is none */
    const char *agent;       /* User-Agent, or NULL */
    const char *detail;      /* why it was refused or cut short, or NULL */
    unsigned status;         /* of the answer; 0: none was sent */
    uint64_t body_bytes;     /* of the answer's body that went out */
    uint64_t received_bytes; /* of the request's body that the handler read */
    weft_time began, ended;
    int error; /* 0, or what cut the exchange short */
};

struct weft_http_server_config {
    struct weft_endpoint endpoint; /* port 0 is not allowed */
    unsigned backlog;              /* as for weft_sock_listen */
    /* 8192; beyond it the one that has been idle for longest, a second or more, is closed for a new one;
     * if there is none, the new one waits to be accepted. */
    uint32_t max_connections;
    struct weft_http_limits limits;
    struct weft_http_timeouts timeouts;
    const struct weft_http_route *routes; /* borrowed until the server is freed */
    unsigned nroutes;
    const char *server_name; /* value of Server; NULL: none is sent. Copied, at most 63 bytes */
    /* Seconds since 1970 UTC; NULL: there is no clock, and so no Date (RFC 9110 6.6.1). */
    int64_t (*wall_clock)(void *user);
    void *clock_user;
    /* Called after each exchange; may be NULL. */
    void (*log)(void *user, const struct weft_http_record *record);
    void *log_user;
    /* Called once when weft_http_server_stop has finished; may be NULL. It may free the server. */
    void (*stopped)(void *user);
    void *stopped_user;
    /* Called with the socket before it listens, for options of its own; what it returns, if not 0, is the error of
     * weft_http_server_new. May be NULL. */
    int (*prepare)(void *user, struct weft_sock *sock);
    void *prepare_user;
};

struct weft_http_server_stats {
    uint32_t connections; /* now */
    uint32_t idle;        /* of these, waiting for a request */
    uint64_t accepted;
    uint64_t requests; /* whose head was understood */
    uint64_t refused;  /* requests that were malformed or over a limit */
    uint64_t timeouts;
    uint64_t cut_short; /* exchanges that ended before their answer was complete */
    uint64_t evicted;   /* idle connections closed for new ones */
};

/*
 * Starts a server on a stack: listens at once, serves whenever weft_dispatch
 * runs. Gives the server. Returns 0, WEFT_E_INVAL, WEFT_E_NOMEM, or as
 * weft_sock_bind and weft_sock_listen.
 */
int weft_http_server_new(struct weft_stack *stack, const struct weft_http_server_config *config,
                         struct weft_http_server **server);

/*
 * Stops gracefully: no new connections, idle ones are closed, an exchange
 * under way is the last of its connection. `stopped` is called when none is
 * left; it may be before this returns.
 */
void weft_http_server_stop(struct weft_http_server *server);

/*
 * Resets all connections and frees the server; exchanges that are watched get
 * their `done`. May be called by handlers, its own included: the server then
 * goes when they have returned. NULL is allowed.
 */
void weft_http_server_free(struct weft_http_server *server);

/* Gives through `out`. */
void weft_http_server_stats(const struct weft_http_server *server, struct weft_http_server_stats *out);

/* --- A request ------------------------------------------------------------------- */

/*
 * A request may be used from `handle` until it is over. It is over when its
 * answer has been handed to the socket or its connection is lost; whoever
 * wants to use it after `handle` has returned watches it to learn of that.
 */
struct weft_http_watch {
    /* weft_http_req_read, which said WEFT_E_AGAIN, has something new to say. NULL if of no interest. */
    void (*readable)(struct weft_http_req *req, void *user);
    /*
     * The last call for this request: it is over, and no answer will be taken
     * any more. 0: answered in full. Otherwise what cut it short:
     * WEFT_E_CONNRESET, WEFT_E_TIMEDOUT, WEFT_E_EOF, WEFT_E_CONNABORTED
     * (server freed, or by weft_http_req_abort), WEFT_E_PROTO, …
     * Called exactly once. NULL if of no interest.
     */
    void (*done)(struct weft_http_req *req, void *user, int error);
};

/* Borrows `watch` until the request is over. */
void weft_http_req_watch(struct weft_http_req *req, const struct weft_http_watch *watch, void *user);

enum weft_http_method weft_http_req_method(const struct weft_http_req *req);
const char *weft_http_req_method_name(const struct weft_http_req *req);

/*
 * The path: percent-decoded once, "." and ".." removed (RFC 3986 5.2.4), so it
 * begins with '/' and has no such segment. It holds no NUL; it may hold any
 * other byte. A path with an encoded slash never gets here (404). "*" for
 * OPTIONS *.
 */
const char *weft_http_req_path(const struct weft_http_req *req);

/* The path as it was sent, not decoded. */
const char *weft_http_req_raw_path(const struct weft_http_req *req);

/* What follows '?', not decoded; NULL when there is none. */
const char *weft_http_req_query(const struct weft_http_req *req);

/*
 * Copies the value of the first query parameter `name`, decoded ('+' is a
 * space), as a C string. Returns its length; WEFT_E_NOTFOUND; WEFT_E_MSGSIZE
 * when it does not fit; WEFT_E_BADFORMAT when it is not well encoded or holds NUL.
 */
ptrdiff_t weft_http_req_param(const struct weft_http_req *req, const char *name, char *buf, size_t size);

/* Host and port as in the target or Host, well-formed; "" when HTTP/1.0 named none. */
const char *weft_http_req_host(const struct weft_http_req *req);

/* 0 for HTTP/1.0, 1 for HTTP/1.1 and later. */
unsigned weft_http_req_minor_version(const struct weft_http_req *req);

/* The value of the first field line called `name`, or NULL. */
const char *weft_http_req_header(const struct weft_http_req *req, const char *name);

/* The field line number `index`, from 0, in the order sent. Gives through `out`; false when there are no more. */
bool weft_http_req_field(const struct weft_http_req *req, unsigned index, struct weft_http_field *out);

/* Who asks. Gives through `out`. */
void weft_http_req_remote(const struct weft_http_req *req, struct weft_endpoint *out);

/* The stack that the connection belongs to. */
struct weft_stack *weft_http_req_stack(const struct weft_http_req *req);

/* Length of the request's body, 0 when it has none, WEFT_HTTP_UNKNOWN when it is chunked. */
int64_t weft_http_req_body_length(const struct weft_http_req *req);

/*
 * Reads up to `len` bytes of the body, chunked coding removed. Returns how
 * many; 0 at the end (or len is 0); WEFT_E_AGAIN: `readable` of the watch will
 * be called. The first call sends 100 Continue if the client waits for it.
 * Any other code: the body will not be completed (WEFT_E_EOF, WEFT_E_TIMEDOUT,
 * WEFT_E_PROTO, WEFT_E_MSGSIZE: larger than allowed, WEFT_E_CONNRESET). Then
 * the server answers, if nothing has been answered yet, and the handler has
 * nothing left to do.
 */
ptrdiff_t weft_http_req_read(struct weft_http_req *req, void *buf, size_t len);

/* Closes the connection at once, with a reset. The request is over. */
void weft_http_req_abort(struct weft_http_req *req);

/* --- An answer -------------------------------------------------------------------- */

/*
 * An answer is begun, gets its fields, and is completed by exactly one of the
 * calls that give it a body:
 *
 *     weft_http_answer(req, 200);
 *     weft_http_answer_field(req, "Content-Type", "text/plain");
 *     weft_http_answer_bytes(req, "hello\n", 6);
 *
 * The server writes Date, Server, Content-Length, Transfer-Encoding and
 * Connection, drops the body where there must be none (HEAD, 204, 304), uses
 * chunked coding for a body of unknown length, and closes the connection
 * where HTTP needs it. None of these calls fails: what cannot be done (a
 * field with a line break in it, a field that is the server's, too many of
 * them, a second answer) is remembered, and the answer becomes 500, or nothing
 * if it has been completed already.
 *
 * After the completing call the request may be over, unless it was made
 * inside `handle` or `readable`: then it is over at the earliest when these
 * return.
 */

/* Begins: 200 to 599. Beginning again, before completion, forgets the fields. */
void weft_http_answer(struct weft_http_req *req, unsigned status);

/* Adds a field line: `name` a token, `value` without control characters. */
void weft_http_answer_field(struct weft_http_req *req, const char *name, const char *value);

/* The same with a value made as by printf(3), at most 1023 bytes. */
void weft_http_answer_fieldf(struct weft_http_req *req, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Completes with `len` bytes, which are copied. */
void weft_http_answer_bytes(struct weft_http_req *req, const void *data, size_t len);

/* Completes with bytes of a block, of which references are taken: the bytes must not change until they are gone. */
void weft_http_answer_block(struct weft_http_req *req, struct weft_block *block, uint32_t off, uint32_t len);

/* Completes with what `source` gives: exactly `length` bytes, or until its end when WEFT_HTTP_UNKNOWN. Takes it. */
void weft_http_answer_source(struct weft_http_req *req, struct weft_http_source *source, int64_t length);

/* The source, which said WEFT_E_AGAIN, has more. */
void weft_http_req_resume(struct weft_http_req *req);

/* Begins and completes: "<status> <reason>", and `detail` if it is not NULL, as plain text. */
void weft_http_answer_error(struct weft_http_req *req, unsigned status, const char *detail);

/* --- Representations: conditional requests and ranges ------------------------------- */

#define WEFT_HTTP_NO_DATE INT64_MIN

/*
 * What can be read at any place: a file, a picture in memory. Usually embedded
 * in a record of the program.
 */
struct weft_http_entity {
    const char *etag; /* entity tag with its quotes, "W/" before it if weak (RFC 9110 8.8.3); NULL: none */
    int64_t modified; /* seconds since 1970 UTC, or WEFT_HTTP_NO_DATE */
    uint64_t length;  /* bytes */
    const char *type; /* Content-Type, or NULL */
    /* Writes up to `len` bytes from `off`, which is below `length`. Returns how many, at least 1, or a negative code. */
    ptrdiff_t (*read_at)(struct weft_http_entity *entity, uint64_t off, void *buf, size_t len);
    /* The entity is not needed any more. Called exactly once, before the `done` of the request; may be NULL. */
    void (*close)(struct weft_http_entity *entity);
};

/*
 * Completes an answer to GET or HEAD as RFC 9110 13.2.2 and 14 say: 200, 206
 * with one range or multipart/byteranges, 304, 412 or 416, with ETag,
 * Last-Modified, Accept-Ranges, Content-Range. If an answer was begun before,
 * its fields stay; its status must be 200. Takes the entity.
 */
void weft_http_answer_entity(struct weft_http_req *req, struct weft_http_entity *entity);

/*
 * For other methods: what the conditions of the request say of a
 * representation with this entity tag (NULL: none) and date. Returns 0 to go
 * on, 304 or 412. `exists` is false when there is no representation.
 */
unsigned weft_http_precondition(const struct weft_http_req *req, bool exists, const char *etag,
                                int64_t modified);

/* --- Files ---------------------------------------------------------------------------- */

struct weft_http_files;

struct weft_http_files_config {
    const char *root;          /* the directory; nothing outside it is served, whatever links say */
    const char *prefix;        /* what the route's path begins with, "/" at its end; NULL: "/". Copied */
    const char *index;         /* file served for a directory; NULL: "index.html". Copied */
    bool listing;              /* a directory without it is shown as a page; else 404 */
    bool dotfiles;             /* names that begin with a dot are served too; else 404 */
    const char *cache_control; /* value of Cache-Control (RFC 9111 5.2); NULL: none is sent. Copied */
    uint32_t max_entries;      /* 10000: of a directory that a listing shows */
};

/*
 * Files of a directory for a route with methods "GET, HEAD". Gives through
 * `files`. Returns 0, WEFT_E_NOTFOUND, WEFT_E_PERM, WEFT_E_INVAL (not a
 * directory), WEFT_E_NOMEM or WEFT_E_IO; `why`, if not NULL, gets up to
 * `why_size` bytes of a sentence.
 */
int weft_http_files_new(const struct weft_http_files_config *config, struct weft_http_files **files,
                        char *why, size_t why_size);

/* The route's `handle`; `files` is its `user`. */
void weft_http_files_handle(struct weft_http_req *req, void *files);

/* Frees it; no request may be under way: free the server first. NULL is allowed. */
void weft_http_files_free(struct weft_http_files *files);

/* --- URLs ------------------------------------------------------------------------------ */

#define WEFT_HTTP_TARGET_MAX 8000

/* An http URL (RFC 9110 4.2.1), taken apart. All parts are C strings. */
struct weft_http_url {
    char host[256];      /* without brackets */
    char authority[264]; /* the value of Host: with brackets, and the port unless it is 80 */
    uint16_t port;
    char target[WEFT_HTTP_TARGET_MAX]; /* path and query; at least "/" */
};

/*
 * Reads "http://host[:port][/path][?query][#fragment]"; the fragment is left
 * out. Gives through `out`. Returns 0, WEFT_E_BADFORMAT, WEFT_E_OPNOTSUPP
 * (another scheme, such as https) or WEFT_E_MSGSIZE.
 */
int weft_http_url_parse(const char *url, struct weft_http_url *out);

/* What a reference (the value of Location) means relative to `base` (RFC 3986 5.2). Returns as
 * weft_http_url_parse; `out` may be `base`. */
int weft_http_url_resolve(const struct weft_http_url *base, const char *reference, struct weft_http_url *out);

/* --- The client ---------------------------------------------------------------------------- */

struct weft_http_client;

/* A request that we make, and its response. */
struct weft_http_call;

struct weft_http_client_config {
    struct weft_http_limits limits; /* of responses: `body` 0 means no limit, `discard` is not used */
    weft_time connect_timeout;      /* 30 s */
    weft_time head_timeout;         /* 60 s: from the request sent to the head of the response */
    weft_time body_timeout;         /* 60 s: without a byte of the body read, nor of the request taken */
    weft_time write_timeout;        /* 60 s: without the server taking a byte of the request */
    weft_time continue_timeout;     /* 1 s: wait for 100 Continue, then send the body all the same */
    uint32_t max_idle;              /* 8: connections kept for later calls */
    weft_time idle_timeout;         /* 10 s: that they are kept */
    const char *user_agent;         /* value of User-Agent; NULL: "weft". Copied, at most 63 bytes */
    /* Called with each socket before it connects, for options of its own; what it returns, if not 0, is why the
     * connection cannot be made (weft_http_call_start). May be NULL. */
    int (*prepare)(void *user, struct weft_sock *sock);
    void *prepare_user;
};

/* Gives a client, which holds nothing but idle connections. Returns 0 or WEFT_E_NOMEM. */
int weft_http_client_new(struct weft_stack *stack, const struct weft_http_client_config *config,
                         struct weft_http_client **client);

/* Ends all calls (WEFT_E_CONNABORTED), closes the idle connections, frees the client. Not to be used inside
 * the functions of a call. NULL is allowed. */
void weft_http_client_free(struct weft_http_client *client);

struct weft_http_request {
    struct weft_endpoint server;
    const char *method; /* a token; NULL: GET */
    const char *host;   /* value of Host: the URL's authority */
    const char *target; /* origin-form, or "*" for OPTIONS */
    const struct weft_http_field
        *fields; /* besides Host, User-Agent, Accept and the framing fields, which are ours;
                                             User-Agent and Accept given here replace ours */
    unsigned nfields;
    const void *data; /* the body in memory, borrowed until `done`; or NULL */
    size_t data_len;
    struct weft_http_source *source; /* or a stream: taken */
    int64_t source_length;           /* or WEFT_HTTP_UNKNOWN: chunked */
    bool expect_continue;            /* ask before a body is sent (RFC 9110 10.1.1) */
    bool close;                      /* no further call on this connection */
    weft_time max_time;              /* for all of it; 0: no bound */
};

struct weft_http_call_ops {
    /* The head of the final response has come. NULL if of no interest. */
    void (*head)(struct weft_http_call *call, void *user);
    /*
     * weft_http_call_read has something new to say; called after `head`, and
     * again after a WEFT_E_AGAIN. NULL: the body is thrown away.
     */
    void (*readable)(struct weft_http_call *call, void *user);
    /*
     * The call is over and will be gone. 0: the response is complete and has
     * been read. Otherwise weft_http_call_why says it in a sentence.
     */
    void (*done)(struct weft_http_call *call, void *user, int error);
};

/*
 * Makes a request, on an idle connection to the same server if there is one.
 * Borrows what `request` points to until this returns, but for `data`; borrows
 * `ops` until `done`. Gives the call, before anything of `ops` is called; all
 * of that happens in weft_dispatch. Returns 0, WEFT_E_INVAL (something in the request is
 * not allowed in HTTP), WEFT_E_MSGSIZE, WEFT_E_NOMEM, or as weft_sock_open and
 * weft_sock_connect. A source is taken even then.
 *
 * A request that fails on an idle connection before a byte of the response is
 * made once more on a new one, if its method is idempotent and it has no
 * `source` (RFC 9110 9.2.2).
 */
int weft_http_call_start(struct weft_http_client *client, const struct weft_http_request *request,
                         const struct weft_http_call_ops *ops, void *user, struct weft_http_call **call);

/* Ends a call without its `done`. The connection is closed. */
void weft_http_call_cancel(struct weft_http_call *call);

/* The source, which said WEFT_E_AGAIN, has more. */
void weft_http_call_resume(struct weft_http_call *call);

/* Of the response, valid from `head` on. */
unsigned weft_http_call_status(const struct weft_http_call *call);
const char *weft_http_call_reason(const struct weft_http_call *call); /* as sent; may be "" */
unsigned weft_http_call_minor_version(const struct weft_http_call *call);
const char *weft_http_call_header(const struct weft_http_call *call, const char *name);
bool weft_http_call_field(const struct weft_http_call *call, unsigned index, struct weft_http_field *out);
/* Bytes of the body as Content-Length says, or WEFT_HTTP_UNKNOWN. */
int64_t weft_http_call_body_length(const struct weft_http_call *call);

/*
 * Reads up to `len` bytes of the body, chunked coding removed. Returns how
 * many; 0 at the end; WEFT_E_AGAIN; or the error that `done` will tell.
 */
ptrdiff_t weft_http_call_read(struct weft_http_call *call, void *buf, size_t len);

/* What went wrong, as a sentence without a full stop: "peer closed after 1234 of 5000 body bytes"; "" if nothing did. */
const char *weft_http_call_why(const struct weft_http_call *call);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
