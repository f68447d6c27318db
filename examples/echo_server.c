/* SPDX-License-Identifier: MIT */
/*
 * An echo server (RFC 862) on a TAP device, by the calls for event-driven
 * programs. What the peer does not read is not taken from it: the bytes stay in
 * the receive buffer, and the window closes.
 *
 *     echo_server tap0 10.77.0.2/24 7
 *     ip address add 10.77.0.1/24 dev tap0 && ip link set tap0 up && nc 10.77.0.2 7
 */
#include <weft/weft.h>

#include <stdio.h>
#include <stdlib.h>

/* Sends back what is there, as far as the send buffer takes it. Returns false when the connection is over. */
static bool echo(struct weft_sock *sock)
{
    struct weft_slice view;
    size_t bytes;
    ptrdiff_t sent;
    int pieces;

    while ((pieces = weft_sock_borrow(sock, &view, 1, &bytes)) > 0) {
        sent = weft_sock_send(sock, view.block->data + view.off, view.len);
        if (sent == WEFT_E_AGAIN)
            return true; /* until it is writable again */
        if (sent < 0)
            return false;
        weft_sock_consume(sock, (size_t)sent);
    }
    return pieces == WEFT_E_AGAIN;
}

static void connection_ready(struct weft_handler *handler, struct weft_sock *sock, unsigned events,
                             weft_time now)
{
    (void)handler, (void)events, (void)now;
    if (!echo(sock))
        weft_sock_close(sock); /* what was written is still sent */
}

static void listener_ready(struct weft_handler *handler, struct weft_sock *listener, unsigned events,
                           weft_time now)
{
    static struct weft_handler connection = {connection_ready};
    struct weft_sock *sock;

    (void)handler, (void)events, (void)now;
    while (weft_sock_accept(listener, &sock) == 0) {
        weft_sock_set_handler(sock, &connection);
        weft_sock_rearm(sock, WEFT_READABLE);
    }
}

static int fail(const char *what, int err)
{
    fprintf(stderr, "echo_server: %s: %s\n", what, weft_strerror(err));
    return 1;
}

int main(int argc, char **argv)
{
    struct weft_handler handler = {listener_ready};
    struct weft_tap_config tap = {.name = argc > 1 ? argv[1] : "tap0", .offload = true};
    struct weft_stack_config config = {0};
    struct weft_endpoint at;
    struct weft_prefix addr;
    struct weft_loop *loop;
    struct weft_link *link;
    struct weft_sock *listener;
    char why[200];
    int err, iface;

    if (argc != 4 || weft_prefix_parse(argv[2], &addr) != 0) {
        fprintf(stderr, "usage: echo_server DEVICE ADDRESS/LENGTH PORT\n");
        return 2;
    }
    at = (struct weft_endpoint){addr.addr, (uint16_t)atoi(argv[3])};
    if ((err = weft_loop_new(&config, &loop)) != 0)
        return fail("loop", err);
    if ((err = weft_link_tap(&tap, &link, why, sizeof(why))) != 0)
        return fail(why, err);
    if ((iface = weft_loop_add_link(loop, link)) < 0)
        return fail("interface", iface);
    if ((err = weft_iface_add_addr(weft_loop_stack(loop), iface, &addr)) != 0)
        return fail("address", err);
    if ((err = weft_sock_open(weft_loop_stack(loop), WEFT_SOCK_STREAM, &listener)) != 0 ||
        (err = weft_sock_bind(listener, &at)) != 0 || (err = weft_sock_listen(listener, 0)) != 0)
        return fail("listen", err);
    weft_sock_set_handler(listener, &handler);
    return weft_loop_run(loop) == 0 ? 0 : 1;
}
