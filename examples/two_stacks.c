/* SPDX-License-Identifier: MIT */
/*
 * Two stacks in one process, a wire between them, and a clock that jumps: a
 * message goes over and is acknowledged, without any device and in no time.
 *
 *     cc two_stacks.c $(pkg-config --cflags --libs weft) && ./a.out
 */
#include <weft/weft.h>

#include <stdio.h>
#include <string.h>

static const char message[] = "hello from the other stack";

/* The server's side: accepts one connection and reads until the peer closes. */
struct server {
    struct weft_handler listening, connected;
    char received[128];
    size_t len;
    bool done;
};

static void server_ready(struct weft_handler *handler, struct weft_sock *sock, unsigned events, weft_time now)
{
    struct server *server = (struct server *)((char *)handler - offsetof(struct server, connected));
    ptrdiff_t n;

    (void)events, (void)now;
    while ((n = weft_sock_recv(sock, server->received + server->len,
                               sizeof(server->received) - 1 - server->len)) > 0)
        server->len += (size_t)n;
    if (n == WEFT_E_AGAIN)
        return;
    weft_sock_close(sock);
    server->done = true;
}

static void listener_ready(struct weft_handler *handler, struct weft_sock *listener, unsigned events,
                           weft_time now)
{
    struct server *server = (struct server *)((char *)handler - offsetof(struct server, listening));
    struct weft_sock *sock;

    (void)events, (void)now;
    if (weft_sock_accept(listener, &sock) != 0)
        return;
    weft_sock_set_handler(sock, &server->connected);
    weft_sock_rearm(sock, WEFT_READABLE); /* what came before we looked */
}

/* The client's side: writes once the connection stands, then closes. */
static void client_ready(struct weft_handler *handler, struct weft_sock *sock, unsigned events, weft_time now)
{
    (void)handler, (void)now;
    if (!(events & WEFT_WRITABLE))
        return;
    weft_sock_send(sock, message, strlen(message));
    weft_sock_close(sock);
}

static bool is_done(void *ctx)
{
    return ((struct server *)ctx)->done;
}

/* A stack with one address at its end of the wire. */
static struct weft_stack *add_host(struct weft_sim *sim, struct weft_link *link, const char *addr)
{
    struct weft_stack *stack;
    struct weft_prefix prefix;
    int iface;

    if (weft_prefix_parse(addr, &prefix) != 0 || weft_sim_add_stack(sim, NULL, &stack) != 0)
        return NULL;
    iface = weft_sim_add_link(sim, stack, link);
    return iface > 0 && weft_iface_add_addr(stack, iface, &prefix) == 0 ? stack : NULL;
}

int main(void)
{
    struct weft_pipe_config wire = {.type = WEFT_LINK_ETHERNET};
    struct weft_endpoint at = {weft_ip4(192, 0, 2, 2), 7};
    struct weft_handler client = {client_ready};
    struct server server = {.listening = {listener_ready}, .connected = {server_ready}};
    struct weft_sim *sim;
    struct weft_link *left, *right;
    struct weft_stack *a, *b;
    struct weft_sock *listener, *sock;

    if (weft_sim_new(1, &sim) != 0 || weft_link_pipe(&wire, &left, &right) != 0)
        return 1;
    a = add_host(sim, left, "192.0.2.1/24");
    b = add_host(sim, right, "192.0.2.2/24");
    if (!a || !b || weft_sock_open(b, WEFT_SOCK_STREAM, &listener) != 0 ||
        weft_sock_bind(listener, &at) != 0 || weft_sock_listen(listener, 0) != 0 ||
        weft_sock_open(a, WEFT_SOCK_STREAM, &sock) != 0)
        return 1;
    weft_sock_set_handler(listener, &server.listening);
    weft_sock_set_handler(sock, &client);
    if (weft_sock_connect(sock, &at) != WEFT_E_INPROGRESS)
        return 1;

    if (weft_sim_run(sim, weft_sim_now(sim) + 10 * WEFT_SEC, is_done, &server))
        printf("received \"%s\" at %.6f s\n", server.received, (double)weft_sim_now(sim) / 1e6);
    weft_sim_free(sim);
    return strcmp(server.received, message) == 0 ? 0 : 1;
}
