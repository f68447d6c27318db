/* SPDX-License-Identifier: MIT */
/*
 * Sockets as stack.c sees them, and the object that the files of src/socket
 * share.
 *
 * Owns    the objects that applications hold. A socket stands before what a
 *         transport keeps: a connection, a listener, or nothing yet.
 * Never   knows how a segment is made.
 */
#ifndef WEFT_SOCKET_SOCKET_H
#define WEFT_SOCKET_SOCKET_H

#include <weft/socket.h>

#include "base/core.h"
#include "base/slab.h"
#include "net/net.h"
#include "tcp/tcp.h"

/* The sockets of one stack. */
struct sockets {
    struct weft_stack *stack;
    struct core *core;
    struct net *net;
    struct tcp *tcp;
    struct slab slab;
    struct list all;   /* so that freeing a stack finds them */
    struct list pings; /* sockets of type WEFT_SOCK_PING */
    uint16_t next_ping_id;
};

int socket_init(struct sockets *sockets, struct weft_stack *stack, struct core *core, struct net *net,
                struct tcp *tcp, uint32_t max_sockets);
void socket_fini(struct sockets *sockets);

/* Where a stack keeps its sockets; stack.c answers. */
struct sockets *socket_of_stack(struct weft_stack *stack);

/* What a stream socket stands for. */
enum sock_role {
    SOCK_FRESH,     /* neither listens nor has been connected */
    SOCK_LISTENER,  /* `listener` */
    SOCK_CONNECTED, /* `tcb`: connecting, connected, or over */
    SOCK_DEFERRED,  /* `remote`: connects with the first write (WEFT_OPT_FASTOPEN_CONNECT) */
};

/* Replies that a ping socket keeps at most; more are dropped. */
#define PING_QUEUE_MAX 64u

struct weft_sock {
    struct ready_node ready; /* first: the ready list leads here */
    struct sockets *sockets;
    struct weft_handler *handler;
    struct list link; /* in sockets->all */
    enum weft_sock_type type;
    enum sock_role role;
    struct weft_endpoint local;  /* as bound; port 0: not bound */
    struct weft_endpoint remote; /* of SOCK_DEFERRED */
    bool reuseaddr;
    bool fastopen_connect;
    uint8_t fastopen_key[32]; /* for the listener that it may become */
    uint8_t fastopen_key_len; /* 0: the stack's */
    int64_t linger;           /* -1: close finishes in the background */
    struct tcp_options options;
    union {
        struct tcb *tcb;
        struct tcp_listener *listener;
    };
    struct {              /* WEFT_SOCK_PING */
        struct list link; /* in sockets->pings */
        uint16_t id;
        struct weft_pktq replies;
    } ping;
};

/* --- stream.c --- */

/* Ends what the socket stands for, gracefully or at once. */
void socket_stream_close(struct weft_sock *sock, bool abort);

/* --- ao.c --- */

/* The socket keeps no keys of TCP-AO any more: a connection has its own. */
void socket_ao_forget(struct weft_sock *sock);

/* --- ping.c --- */

void socket_ping_init(struct sockets *sockets);
void socket_ping_open(struct weft_sock *sock);
void socket_ping_close(struct weft_sock *sock);

#endif
