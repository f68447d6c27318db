/* SPDX-License-Identifier: MIT */
/* The programs at the ends of connections (flow.h). */
#include "lab/flow.h"

#include <stdlib.h>
#include <string.h>

#include <weft/tcp_ao.h>

#define PATTERN      65521u     /* a prime: no length that somebody confuses divides it */
#define MOST_AT_ONCE (1u << 18) /* bytes of a call */
#define DEFAULT_SIZE (1u << 16)
#define FIRST_PORT   5000u
#define TURN         (500 * WEFT_USEC)
#define CALLS        64 /* ours: calls of each kind in one turn, so that others get theirs */

/* --- What is sent ------------------------------------------------------------------- */

/* It is given back with free(), when the stacks that it was lent to are gone. */
static void keep(struct weft_block *block)
{
    (void)block;
}

struct weft_block *lab_pattern_new(void)
{
    struct weft_block *block = malloc(sizeof(*block) + PATTERN + MOST_AT_ONCE);
    uint64_t state = 1;
    uint8_t *pattern;

    if (!block)
        return NULL;
    pattern = (uint8_t *)(block + 1);
    for (uint32_t i = 0; i < PATTERN; i++) { /* xorshift64 (Marsaglia 2003) */
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        pattern[i] = (uint8_t)(state >> 24);
    }
    for (uint32_t i = PATTERN; i < PATTERN + MOST_AT_ONCE; i++)
        pattern[i] = pattern[i - PATTERN];
    *block = (struct weft_block){.refs = 1, .size = PATTERN + MOST_AT_ONCE, .data = pattern, .release = keep};
    return block;
}

/* Where in the pattern the bytes from `at` on are that `which` end sends; at least MOST_AT_ONCE of them. */
static uint32_t place(const struct lab_conn *conn, unsigned which, uint64_t at)
{
    uint64_t key = conn->flow->index * 7919u + conn->number * 31337u + which * 104729u;

    return (uint32_t)((key + at) % PATTERN);
}

static const uint8_t *stream(const struct lab_conn *conn, unsigned which, uint64_t at)
{
    return conn->flow->pattern->data + place(conn, which, at);
}

static void verify(struct lab_end *end, const uint8_t *bytes, size_t len)
{
    const uint8_t *right;

    for (size_t done = 0; done < len && !end->wrong_at;) {
        size_t n = len - done < MOST_AT_ONCE ? len - done : MOST_AT_ONCE;

        right = stream(end->conn, 1 - end->which, end->received + done);
        if (memcmp(bytes + done, right, n) != 0) {
            size_t i = 0;

            while (bytes[done + i] == right[i])
                i++;
            end->wrong_at = end->received + done + i + 1;
        }
        done += n;
    }
    end->received += len;
}

/* --- The end of an end ------------------------------------------------------------------ */

static void note_info(struct lab_end *end)
{
    if (end->sock)
        (void)weft_sock_info(end->sock, &end->info);
}

/* Gives the socket away: `give` is weft_sock_close or weft_sock_abort. */
static void finish(struct lab_end *end, void (*give)(struct weft_sock *sock), weft_time now)
{
    note_info(end);
    if (end->sock) {
        weft_sock_set_handler(end->sock, NULL);
        give(end->sock);
    }
    end->sock = NULL;
    end->is_closed = true;
    end->closed_at = end->progress_at = now;
    weft_timer_cancel(end->stack, &end->work_timer);
    weft_timer_cancel(end->stack, &end->abort_timer);
    weft_timer_cancel(end->stack, &end->stop_timer);
}

static void abort_end(struct lab_end *end, weft_time now)
{
    end->has_aborted = true;
    finish(end, weft_sock_abort, now);
}

/* --- Writing and reading ------------------------------------------------------------------ */

/* When `bytes` may have passed at `rate`. */
static weft_time time_of(const struct lab_end *end, uint64_t bytes, uint64_t rate)
{
    return end->connected_at + (weft_time)((double)bytes * 8e6 / (double)rate);
}

/* A program that keeps to a rate looks at the clock every so often. */
static weft_time in_a_while(weft_time when, weft_time now)
{
    return when > now + TURN ? when : now + TURN;
}

static void wake_at(struct lab_end *end, weft_time when)
{
    if (!end->work_timer.node.prev || end->work_timer.node.deadline > when)
        weft_timer_set(end->stack, &end->work_timer, when);
}

/* Bytes for one call; 0: not yet, and a timer is set. */
static size_t write_share(struct lab_end *end, weft_time now)
{
    uint64_t size = end->how->write_size ? end->how->write_size : DEFAULT_SIZE;
    uint64_t left = end->goal - end->sent;
    weft_time when;

    size = size < left ? size : left;
    if (!end->how->write_rate || size == 0)
        return size;
    when = time_of(end, end->sent + size, end->how->write_rate);
    if (when <= now)
        return size;
    wake_at(end, in_a_while(when, now));
    return 0;
}

/* Returns false when it failed. */
static bool write_some(struct lab_end *end, weft_time now)
{
    for (unsigned i = 0; i < CALLS; i++) {
        size_t len = write_share(end, now);
        uint32_t at = place(end->conn, end->which, end->sent);
        ptrdiff_t n = 0;

        if (len == 0)
            return true;
        n = end->how->lend ? weft_sock_send_block(end->sock, end->conn->flow->pattern, at, (uint32_t)len)
                           : weft_sock_send(end->sock, end->conn->flow->pattern->data + at, len);
        if (n == WEFT_E_AGAIN)
            return true;
        if (n < 0) {
            end->error = (int)n;
            return false;
        }
        end->sent += (uint64_t)n;
        end->progress_at = now;
    }
    wake_at(end, now + 1);
    return true;
}

static size_t read_share(struct lab_end *end, weft_time now)
{
    size_t size = end->how->read_size ? end->how->read_size : DEFAULT_SIZE;
    weft_time when;

    if (end->how->pause && !end->has_paused && end->received >= end->how->pause_after) {
        end->has_paused = true;
        end->paused_until = now + end->how->pause;
    }
    when = end->paused_until;
    if (end->how->read_rate && time_of(end, end->received, end->how->read_rate) > when)
        when = time_of(end, end->received, end->how->read_rate);
    if (when <= now)
        return size;
    wake_at(end, in_a_while(when, now));
    return 0;
}

static ptrdiff_t read_borrowed(struct lab_end *end)
{
    struct weft_slice views[8];
    size_t bytes;
    int count = weft_sock_borrow(end->sock, views, 8, &bytes);

    if (count <= 0)
        return count;
    for (int i = 0; i < count; i++)
        verify(end, views[i].block->data + views[i].off, views[i].len);
    weft_sock_consume(end->sock, bytes);
    return (ptrdiff_t)bytes;
}

static ptrdiff_t read_copied(struct lab_end *end, size_t size)
{
    static _Thread_local uint8_t bytes[MOST_AT_ONCE];
    ptrdiff_t n = weft_sock_recv(end->sock, bytes, size);

    if (n > 0)
        verify(end, bytes, (size_t)n);
    return n;
}

/* Returns false when it failed. */
static bool read_some(struct lab_end *end, weft_time now)
{
    for (unsigned i = 0; i < CALLS && !end->has_eof; i++) {
        size_t size = read_share(end, now);
        ptrdiff_t n = 0;

        if (size == 0)
            return true;
        n = end->how->borrow ? read_borrowed(end) : read_copied(end, size);
        if (n == WEFT_E_AGAIN)
            return true;
        end->progress_at = now;
        end->has_eof = n == 0;
        if (n < 0) {
            end->error = (int)n;
            return false;
        }
    }
    if (!end->has_eof)
        wake_at(end, now + 1);
    return true;
}

/* --- One turn --------------------------------------------------------------------------------- */

/* What the end sends is known: the reply may wait for the request. */
static bool may_write(const struct lab_end *end)
{
    const struct lab_flow_both *both = &end->conn->flow->flow->both;
    const struct lab_end *client = &end->conn->end[0];

    if (end->which == 0 || both->duplex)
        return true;
    return both->endless ? end->has_eof : end->received >= client->goal;
}

/* What it does when all is written. Returns false when it is done with the socket. */
static bool after_writing(struct lab_end *end, weft_time now)
{
    switch (end->how->close) {
    case LAB_CLOSE_ABORT:
        abort_end(end, now);
        return false;
    case LAB_CLOSE_NOW:
        finish(end, weft_sock_close, now);
        return false;
    case LAB_CLOSE_LAST:
        return true;
    default:
        if (!end->has_shut) {
            end->has_shut = true;
            end->progress_at = now;
            (void)weft_sock_shutdown(end->sock, WEFT_SHUT_WR);
        }
        return true;
    }
}

/* Writes and reads what can be now; reading may be what makes writing possible. Returns false when it failed. */
static bool exchange(struct lab_end *end, weft_time now)
{
    bool could_write = may_write(end) && !end->has_shut;

    if (could_write && !write_some(end, now))
        return false;
    if (!read_some(end, now))
        return false;
    return could_write || !may_write(end) || end->has_shut || write_some(end, now);
}

/* Who has nothing to write or read any more is not told by that that its connection is broken; what had come before
 * that can still be read. */
static bool has_failed(struct lab_end *end)
{
    if (!(weft_sock_events(end->sock) & WEFT_FAILED) || weft_sock_recv_pending(end->sock) > 0)
        return false;
    if (!end->error)
        end->error = weft_sock_error(end->sock);
    return true;
}

static void work(struct lab_end *end, weft_time now)
{
    bool has_written;

    if (!end->sock || !end->is_connected || end->is_closed)
        return;
    if (!exchange(end, now) || has_failed(end)) {
        finish(end, weft_sock_close, now);
        return;
    }
    has_written = may_write(end) && end->sent >= end->goal;
    if (has_written && !after_writing(end, now))
        return;
    if (has_written && end->has_eof && weft_sock_events(end->sock) & WEFT_ALL_SENT)
        finish(end, weft_sock_close, now);
}

static void connected(struct lab_end *end, weft_time now)
{
    end->is_connected = true;
    end->connected_at = end->progress_at = now;
    if (end->how->abort_after)
        weft_timer_set(end->stack, &end->abort_timer, now + end->how->abort_after);
}

static void end_ready(struct weft_handler *handler, struct weft_sock *sock, unsigned events, weft_time now)
{
    struct lab_end *end = (struct lab_end *)handler;

    if (events & WEFT_FAILED && !end->is_connected) {
        end->error = weft_sock_error(sock);
        finish(end, weft_sock_close, now);
        return;
    }
    if (!end->is_connected && events & (WEFT_WRITABLE | WEFT_READABLE))
        connected(end, now);
    work(end, now);
}

static void work_due(struct weft_timer *timer, weft_time now)
{
    struct lab_end *end = timer->user;

    end->conn->flow->turns++;
    work(end, now);
}

static void abort_due(struct weft_timer *timer, weft_time now)
{
    struct lab_end *end = timer->user;

    if (!end->is_closed)
        abort_end(end, now);
}

/* --- Opening -------------------------------------------------------------------------------------- */

#define FAST_OPENS 16 /* connections of a listener that may begin with data */

static void set_options(struct weft_sock *sock, const struct lab_behaviour *how)
{
    const struct {
        enum weft_sockopt option;
        int64_t value;
    } options[] = {
        {WEFT_OPT_NODELAY, how->nodelay},
        {WEFT_OPT_CORK, how->cork},
        {WEFT_OPT_QUICKACK, how->quickack},
        {WEFT_OPT_KEEPALIVE, how->keepalive},
        {WEFT_OPT_KEEPALIVE_IDLE, (int64_t)how->keepalive_idle},
        {WEFT_OPT_KEEPALIVE_INTERVAL, (int64_t)how->keepalive_interval},
        {WEFT_OPT_USER_TIMEOUT, (int64_t)how->user_timeout},
        {WEFT_OPT_SEND_BUFFER, (int64_t)how->send_buffer},
        {WEFT_OPT_RECEIVE_BUFFER, (int64_t)how->receive_buffer},
        {WEFT_OPT_MAXSEG, how->maxseg},
        {WEFT_OPT_UTO, how->uto},
        {WEFT_OPT_UTO_ADVERTISED, (int64_t)how->uto_advertised},
        {WEFT_OPT_KEEPALIVE_PROBES, how->keepalive_probes},
        {WEFT_OPT_PACING, how->pacing},
        {WEFT_OPT_MAX_PACING_RATE, (int64_t)(how->max_pacing_rate / 8)},
        {WEFT_OPT_NOTSENT_LOWAT, (int64_t)how->notsent_lowat},
        {WEFT_OPT_TTL, how->ttl},
        {WEFT_OPT_TOS, how->tos},
        {WEFT_OPT_FASTOPEN_NO_COOKIE, how->fast_open_no_cookie},
    };

    for (unsigned i = 0; i < sizeof(options) / sizeof(options[0]); i++)
        if (options[i].value)
            (void)weft_sock_setopt(sock, options[i].option, options[i].value);
    if (how->ecn)
        (void)weft_sock_setopt(sock, WEFT_OPT_ECN, how->ecn - 1);
}

static const char key[] = "weft";

/* Both ends have the same key. */
static int add_key(struct weft_sock *sock, const struct lab_flow_run *run)
{
    const struct weft_tcp_ao_key ao = {.send_id = 1, .recv_id = 1, .key = key, .key_len = sizeof(key)};

    return run->flow->both.sign == LAB_SIGN_AO ? weft_sock_ao_add_key(sock, &ao) : 0;
}

/* MD5's key is the stack's, for the port of the server. */
static int set_key(struct lab_flow_run *run)
{
    int error = 0;

    for (unsigned i = 0; i < 2 && run->flow->both.sign == LAB_SIGN_MD5 && !error; i++) {
        const struct weft_prefix peer = {run->addr[1 - i].addr, 32};

        error = weft_stack_set_md5_key(run->stack[i], &peer, run->addr[1].port, key, sizeof(key));
    }
    return error;
}

static void take_socket(struct lab_end *end, struct weft_sock *sock)
{
    end->sock = sock;
    weft_sock_set_handler(sock, &end->handler);
}

static void fail_to_open(struct lab_end *end, int error, weft_time now)
{
    end->error = error;
    finish(end, weft_sock_close, now);
}

/* Where all sockets ask for fast open, connect may be put off until the first write, which then is at once. */
static int connect_plainly(struct lab_end *end, const struct weft_endpoint *remote, uint64_t len)
{
    int error;
    ptrdiff_t n;

    if (len == 0) /* who writes nothing would never begin */
        (void)weft_sock_setopt(end->sock, WEFT_OPT_FASTOPEN_CONNECT, 0);
    error = weft_sock_connect(end->sock, remote);
    if (error)
        return error;
    n = weft_sock_send(end->sock, stream(end->conn, end->which, 0), len);
    if (n > 0)
        end->sent += (uint64_t)n;
    return n > 0 || n == WEFT_E_AGAIN ? WEFT_E_INPROGRESS : (int)n;
}

/* Connects; the first bytes may go with the SYN. Returns as weft_sock_connect. */
static int connect_end(struct lab_end *end)
{
    const struct lab_flow_run *run = end->conn->flow;
    const struct weft_endpoint *remote = &run->addr[1 - end->which];
    uint64_t len = end->goal < DEFAULT_SIZE ? end->goal : DEFAULT_SIZE;
    ptrdiff_t n;

    if (!run->flow->both.fast_open || end->which || len == 0)
        return connect_plainly(end, remote, len);
    n = weft_sock_connect_send(end->sock, remote, stream(end->conn, end->which, 0), len);
    if (n == WEFT_E_OPNOTSUPP)
        return connect_plainly(end, remote, len);
    if (n > 0)
        end->sent += (uint64_t)n;
    return n > 0 ? WEFT_E_INPROGRESS : (int)n;
}

static void open_end(struct lab_end *end, weft_time now)
{
    struct lab_flow_run *run = end->conn->flow;
    struct weft_endpoint local = {run->addr[end->which].addr, run->addr[end->which].port};
    struct weft_sock *sock;
    int error = weft_sock_open(end->stack, WEFT_SOCK_STREAM, &sock);

    if (error) {
        fail_to_open(end, error, now);
        return;
    }
    take_socket(end, sock);
    set_options(sock, end->how);
    error = add_key(sock, run);
    if (!error && run->flow->both.simultaneous)
        error = weft_sock_bind(sock, &local);
    if (!error)
        error = connect_end(end);
    if (error != WEFT_E_INPROGRESS) {
        fail_to_open(end, error, now);
        return;
    }
    end->progress_at = now;
    weft_sock_local(sock, &local);
    if (end->which == 0)
        end->conn->client_port = local.port;
}

static void open_due(struct weft_timer *timer, weft_time now)
{
    open_end(timer->user, now);
}

static void stop_due(struct weft_timer *timer, weft_time now)
{
    struct lab_end *end = timer->user;

    end->goal = end->sent;
    work(end, now);
}

/* The connection whose client has this port. */
static struct lab_conn *find_conn(struct lab_flow_run *run, uint16_t port)
{
    for (unsigned i = run->count; i-- > 0;)
        if (run->conns[i].client_port == port && !run->conns[i].end[1].sock &&
            !run->conns[i].end[1].is_closed)
            return &run->conns[i];
    return NULL;
}

static void accept_ready(struct weft_handler *handler, struct weft_sock *listener, unsigned events,
                         weft_time now)
{
    struct lab_flow_run *run =
        (struct lab_flow_run *)((char *)handler - offsetof(struct lab_flow_run, listen_handler));
    struct weft_sock *sock;

    (void)events;
    while (weft_sock_accept(listener, &sock) == 0) {
        struct weft_endpoint remote;
        struct lab_conn *conn;

        weft_sock_remote(sock, &remote);
        conn = find_conn(run, remote.port);
        if (!conn) {
            weft_sock_abort(sock);
            continue;
        }
        take_socket(&conn->end[1], sock);
        connected(&conn->end[1], now);
        work(&conn->end[1], now);
    }
}

/* --- The flow ----------------------------------------------------------------------------------------- */

static int listen_at(struct lab_flow_run *run)
{
    int error = weft_sock_open(run->stack[1], WEFT_SOCK_STREAM, &run->listener);

    if (error)
        return error;
    run->listen_handler.ready = accept_ready;
    weft_sock_set_handler(run->listener, &run->listen_handler);
    set_options(run->listener, &run->flow->side[1]);
    if (run->flow->both.fast_open) /* refused where the host's configuration says so */
        (void)weft_sock_setopt(run->listener, WEFT_OPT_FASTOPEN, FAST_OPENS);
    error = add_key(run->listener, run);
    if (!error)
        error = weft_sock_bind(run->listener, &run->addr[1]);
    return error ? error : weft_sock_listen(run->listener, run->flow->both.backlog);
}

static void init_end(struct lab_conn *conn, unsigned which)
{
    struct lab_end *end = &conn->end[which];
    const struct lab_flow *flow = conn->flow->flow;

    *end = (struct lab_end){
        .handler.ready = end_ready,
        .open_timer = {.fired = open_due, .user = end},
        .work_timer = {.fired = work_due, .user = end},
        .abort_timer = {.fired = abort_due, .user = end},
        .stop_timer = {.fired = stop_due, .user = end},
        .conn = conn,
        .which = which,
        .how = &flow->side[which],
        .stack = conn->flow->stack[which],
        .goal = which                ? flow->both.reply
                : flow->both.endless ? UINT64_MAX
                                     : flow->both.bytes,
    };
}

static void init_conn(struct lab_flow_run *run, unsigned number, weft_time now)
{
    struct lab_conn *conn = &run->conns[number];
    const struct lab_flow_both *both = &run->flow->both;
    weft_time start = now + both->start + number * both->every;

    conn->flow = run;
    conn->number = number;
    init_end(conn, 0);
    init_end(conn, 1);
    weft_timer_set(run->stack[0], &conn->end[0].open_timer, start);
    if (both->simultaneous)
        weft_timer_set(run->stack[1], &conn->end[1].open_timer, start);
    if (both->endless) {
        weft_timer_set(run->stack[0], &conn->end[0].stop_timer, now + both->stop);
    }
}

int lab_flow_start(struct lab_flow_run *run, const struct lab_flow *flow, unsigned index,
                   struct weft_block *pattern, struct weft_stack *const stack[2],
                   const struct weft_addr addr[2], weft_time now)
{
    uint16_t port = flow->both.port ? (uint16_t)flow->both.port : (uint16_t)(FIRST_PORT + index);
    int error;

    *run = (struct lab_flow_run){.flow = flow, .index = index, .pattern = pattern};
    for (unsigned i = 0; i < 2; i++) {
        run->stack[i] = stack[i];
        run->addr[i] = (struct weft_endpoint){addr[i], port};
    }
    run->count = flow->both.count ? flow->both.count : 1;
    run->conns = calloc(run->count, sizeof(*run->conns));
    if (!run->conns)
        return WEFT_E_NOMEM;
    for (unsigned i = 0; i < run->count; i++)
        init_conn(run, i, now);
    error = set_key(run);
    return error || flow->both.simultaneous ? error : listen_at(run);
}

void lab_flow_end(struct lab_flow_run *run)
{
    for (unsigned i = 0; i < (run->conns ? run->count : 0); i++)
        for (unsigned which = 0; which < 2; which++) {
            struct lab_end *end = &run->conns[i].end[which];

            weft_timer_cancel(end->stack, &end->open_timer);
            if (!end->is_closed)
                finish(end, weft_sock_abort, weft_stack_now(end->stack));
        }
    weft_sock_close(run->listener);
    run->listener = NULL;
    free(run->conns);
    run->conns = NULL;
}

void lab_flow_abort(struct lab_flow_run *run)
{
    for (unsigned i = 0; i < run->count; i++)
        if (run->conns[i].end[0].sock)
            abort_end(&run->conns[i].end[0], weft_stack_now(run->stack[0]));
}

bool lab_conn_is_over(const struct lab_conn *conn)
{
    const struct lab_end *client = &conn->end[0], *server = &conn->end[1];

    if (!client->is_closed)
        return false;
    if (server->is_closed)
        return true;
    return !server->sock && (!client->is_connected || client->has_aborted || client->error);
}

bool lab_flow_is_over(struct lab_flow_run *run)
{
    for (unsigned i = 0; i < run->count; i++)
        if (!lab_conn_is_over(&run->conns[i]))
            return false;
    weft_sock_close(run->listener);
    run->listener = NULL;
    return true;
}

bool lab_conn_give_up(struct lab_conn *conn)
{
    for (unsigned which = 0; which < 2; which++) {
        struct lab_end *end = &conn->end[which];

        if (!conn->end[1 - which].sock && !end->is_closed) {
            abort_end(end, weft_stack_now(end->stack));
            return true;
        }
    }
    return false;
}

/* An end that closes at once, or resets, while the other may still send. */
static bool is_rude(const struct lab_end *end, const struct lab_end *other)
{
    const struct lab_behaviour *how = end->how;

    return end->has_aborted || how->abort_after || how->user_timeout || how->uto ||
           how->close == LAB_CLOSE_ABORT || (how->close == LAB_CLOSE_NOW && other->goal > 0);
}

/* With a cookie, an ACK and the first data that are lost together are more than is remembered. */
bool lab_conn_is_fragile(const struct lab_conn *conn)
{
    return conn->flow->may_use_cookies || is_rude(&conn->end[0], &conn->end[1]) ||
           is_rude(&conn->end[1], &conn->end[0]);
}

void lab_end_info(const struct lab_end *end, struct weft_tcp_info *info)
{
    *info = end->info;
    if (end->sock)
        (void)weft_sock_info(end->sock, info);
}
