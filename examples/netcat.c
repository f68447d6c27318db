/* SPDX-License-Identifier: MIT */
/*
 * Netcat over weft: standard input to the connection, the connection to
 * standard output, each direction closed by itself (a half-close). Ends when
 * both are.
 *
 *     netcat tap0 10.77.0.2/24 10.77.0.1:9000        connects
 *     netcat tap0 10.77.0.2/24 -l 9000               waits for one connection
 *
 * Standard input is only read while the send buffer has room.
 */
#include <weft/weft.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

struct netcat {
    struct weft_handler listening, connected;
    struct weft_watch input;
    struct weft_loop *loop;
    struct weft_sock *sock; /* NULL: no connection yet */
    char pending[65536];    /* read from standard input, not yet taken by the socket */
    size_t pending_at, pending_end;
    bool input_ended, output_ended;
    bool is_watched, input_is_file; /* standard input; a file is always ready, and cannot be watched */
    int error;
};

/* --- Standard input to the connection ---------------------------------------------- */

static void watch_input(struct netcat *nc, bool on)
{
    if (on != nc->is_watched && on)
        weft_loop_watch(nc->loop, &nc->input);
    else if (on != nc->is_watched)
        weft_loop_unwatch(nc->loop, &nc->input);
    nc->is_watched = on;
}

/* Hands over what was read; true when all of it is gone. */
static bool send_pending(struct netcat *nc)
{
    ptrdiff_t sent;

    while (nc->pending_at < nc->pending_end) {
        sent = weft_sock_send(nc->sock, nc->pending + nc->pending_at, nc->pending_end - nc->pending_at);
        if (sent < 0)
            return false; /* no room: WRITABLE will come; or FAILED */
        nc->pending_at += (size_t)sent;
    }
    return true;
}

/* Both directions are over when the peer has closed, too, and has acknowledged our FIN. */
static void finish_if_done(struct netcat *nc)
{
    if (nc->input_ended && nc->output_ended && (weft_sock_events(nc->sock) & WEFT_ALL_SENT))
        weft_loop_stop(nc->loop);
}

/* Reads standard input as long as the connection takes it; `is_ready` when a read would not block. */
static void pump(struct netcat *nc, bool is_ready)
{
    ssize_t n;

    while (!nc->input_ended && send_pending(nc)) {
        if (!is_ready) {
            watch_input(nc, true);
            return;
        }
        n = read(STDIN_FILENO, nc->pending, sizeof(nc->pending));
        nc->pending_at = 0;
        nc->pending_end = n > 0 ? (size_t)n : 0;
        is_ready = nc->input_is_file;
        if (n <= 0) {
            nc->input_ended = true;
            weft_sock_shutdown(nc->sock, WEFT_SHUT_WR);
        }
    }
    watch_input(nc, false);
}

static void input_ready(struct weft_watch *watch, uint32_t events, weft_time now)
{
    (void)events, (void)now;
    pump(watch->user, true);
}

/* --- The connection to standard output ------------------------------------------------ */

/* All that is there. A slow reader of ours stops the whole loop here, and with it the window: good enough for an
 * example. */
static void receive(struct netcat *nc)
{
    char buf[65536];
    ptrdiff_t n;

    while ((n = weft_sock_recv(nc->sock, buf, sizeof(buf))) > 0)
        fwrite(buf, 1, (size_t)n, stdout);
    if (n == 0)
        nc->output_ended = true;
    fflush(stdout);
}

static void connection_ready(struct weft_handler *handler, struct weft_sock *sock, unsigned events,
                             weft_time now)
{
    struct netcat *nc = (struct netcat *)((char *)handler - offsetof(struct netcat, connected));

    (void)now;
    receive(nc);
    if (events & WEFT_FAILED) {
        nc->error = weft_sock_error(sock);
        weft_loop_stop(nc->loop);
        return;
    }
    if (events & WEFT_WRITABLE)
        pump(nc, nc->input_is_file);
    finish_if_done(nc);
}

static void listener_ready(struct weft_handler *handler, struct weft_sock *listener, unsigned events,
                           weft_time now)
{
    struct netcat *nc = (struct netcat *)((char *)handler - offsetof(struct netcat, listening));

    (void)events, (void)now;
    if (nc->sock || weft_sock_accept(listener, &nc->sock) != 0)
        return;
    weft_sock_close(listener);
    weft_sock_set_handler(nc->sock, &nc->connected);
    weft_sock_rearm(nc->sock, WEFT_READABLE | WEFT_WRITABLE);
}

/* --- Beginning -------------------------------------------------------------------------- */

static int fail(const char *what, int err)
{
    fprintf(stderr, "netcat: %s: %s\n", what, weft_strerror(err));
    return 1;
}

static int open_net(struct netcat *nc, const char *device, const struct weft_prefix *addr)
{
    struct weft_tap_config tap = {.name = device, .offload = true};
    struct weft_stack_config config = {0};
    struct weft_link *link;
    char why[200];
    int err, iface;

    if ((err = weft_loop_new(&config, &nc->loop)) != 0)
        return fail("loop", err);
    if ((err = weft_link_tap(&tap, &link, why, sizeof(why))) != 0)
        return fail(why, err);
    if ((iface = weft_loop_add_link(nc->loop, link)) < 0)
        return fail("interface", iface);
    err = weft_iface_add_addr(weft_loop_stack(nc->loop), iface, addr);
    return err ? fail("address", err) : 0;
}

static int begin(struct netcat *nc, const struct weft_endpoint *at, bool listen)
{
    struct weft_sock *sock;
    int err = weft_sock_open(weft_loop_stack(nc->loop), WEFT_SOCK_STREAM, &sock);

    if (err)
        return fail("socket", err);
    if (listen) {
        weft_sock_set_handler(sock, &nc->listening);
        if ((err = weft_sock_bind(sock, at)) != 0 || (err = weft_sock_listen(sock, 1)) != 0)
            return fail("listen", err);
        return 0;
    }
    nc->sock = sock;
    weft_sock_set_handler(sock, &nc->connected);
    err = weft_sock_connect(sock, at);
    return err == WEFT_E_INPROGRESS ? 0 : fail("connect", err);
}

int main(int argc, char **argv)
{
    static struct netcat nc = {.listening = {listener_ready}, .connected = {connection_ready}};
    bool listen = argc == 5 && strcmp(argv[3], "-l") == 0;
    struct weft_prefix addr;
    struct weft_endpoint at;
    struct stat input;

    if ((!listen && argc != 4) || weft_prefix_parse(argv[2], &addr) != 0 ||
        (!listen && weft_endpoint_parse(argv[3], &at) != 0)) {
        fprintf(stderr, "usage: netcat DEVICE ADDRESS/LENGTH ADDRESS:PORT | -l PORT\n");
        return 2;
    }
    if (listen)
        at = (struct weft_endpoint){addr.addr, (uint16_t)atoi(argv[4])};
    nc.input_is_file = fstat(STDIN_FILENO, &input) == 0 && S_ISREG(input.st_mode);
    nc.input = (struct weft_watch){.fd = STDIN_FILENO, .events = EPOLLIN, .ready = input_ready, .user = &nc};
    if (open_net(&nc, argv[1], &addr) != 0 || begin(&nc, &at, listen) != 0)
        return 1;
    weft_loop_run(nc.loop);
    if (nc.error)
        fail("connection", nc.error);
    weft_sock_close(nc.sock);
    weft_loop_free(nc.loop);
    return nc.error ? 1 : 0;
}
