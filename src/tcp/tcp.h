/* SPDX-License-Identifier: MIT */
/*
 * TCP as its neighbours see it: what stack.c drives and what sockets call. The
 * calls are those of RFC 9293 3.10.1 to 3.10.6.
 *
 * Owns    every connection from its first segment to the end of TIME-WAIT,
 *         and the bytes in its buffers.
 * Never   blocks, calls a socket, or sends at once: what is owed is built by
 *         tcp_flush when the batch that made it necessary is done.
 */
#ifndef WEFT_TCP_TCP_H
#define WEFT_TCP_TCP_H

#include <weft/socket.h>
#include <weft/tcp_ao.h>

#include "base/core.h"
#include "net/net.h"

struct tcp;
struct tcb;
struct tcp_listener;
struct tcp_ao;

/* --- For stack.c ---------------------------------------------------------- */

/* Gives the TCP of a stack, registered with `net`. Returns 0 or WEFT_E_NOMEM. Borrows `core` and `net` for good. */
int tcp_new(struct core *core, struct net *net, const struct weft_tcp_config *config, struct tcp **tcp);

/* As weft_stack_set_tcp. */
int tcp_configure(struct tcp *tcp, const struct weft_tcp_config *config);

/* Frees it and every connection, without a word to the peers. */
void tcp_free(struct tcp *tcp);

/* How much of each kind is in use; writes all but `sockets`. */
void tcp_usage(const struct tcp *tcp, struct weft_stack_usage *out);

/* A timer of kind CORE_TIMER_TCP, CORE_TIMER_TCP_SYN or CORE_TIMER_TCP_TIME_WAIT is due. */
void tcp_timer_due(struct tcp *tcp, struct weft_timer_node *node);

/* Builds the segments that connections owe or may send, as far as the links' queues have room. */
void tcp_flush(struct tcp *tcp);

/* True when tcp_flush has something to do that does not wait for a link. */
bool tcp_has_work(const struct tcp *tcp);

/* --- What a socket asks for, kept with a listener for the connections it accepts --- */

struct tcp_options {
    bool nodelay, cork, quickack, keepalive, no_reports;
    uint8_t keepalive_probes, syn_retries;
    uint8_t ttl;                                        /* 0: the network layer's default */
    uint8_t tos;                                        /* without the ECN bits */
    uint16_t maxseg;                                    /* 0: what the path allows */
    uint32_t send_buffer, receive_buffer;               /* bounds; sizes, where fixed */
    bool send_buffer_is_fixed, receive_buffer_is_fixed; /* not tuned */
    weft_time keepalive_idle, keepalive_interval;
    const struct weft_congestion *congestion;
    weft_time user_timeout;      /* 0: none */
    bool uto_enabled, uto_fixed; /* RFC 5482 3 */
    uint32_t notsent_lowat;      /* bytes; 0: none */
    weft_time uto_advertised;    /* 0: user_timeout, or the default */
    uint16_t fast_open_queue;    /* of a listener: pending fast opens at most (RFC 7413 4.2); 0: none */
    bool fast_open_no_cookie;
    bool pacing;
    uint8_t ecn;              /* enum weft_ecn */
    uint64_t max_pacing_rate; /* bytes per second; 0: none */
    /* Keys of TCP-AO: borrowed for the call that opens actively, which copies what it needs, and as long as a
     * listener stands. A connection's own options have none. */
    struct tcp_ao *ao;
};

/* The congestion control of this name; NULL when there is none. */
const struct weft_congestion *tcp_congestion_find(const struct tcp *tcp, const char *name);

/* What the stack's configuration says. */
void tcp_options_default(const struct tcp *tcp, struct tcp_options *out);

/* --- OPEN (RFC 9293 3.10.1) ----------------------------------------------- */

/*
 * Opens actively. `local` may have any address and port 0; both are chosen
 * then. `owner` is told of events. Gives the connection. Returns 0, or as
 * weft_sock_connect.
 */
int tcp_connect(struct tcp *tcp, const struct weft_endpoint *local, const struct weft_endpoint *remote,
                const struct tcp_options *options, struct ready_node *owner, struct tcb **tcb);

/*
 * The same with data in the SYN (RFC 7413): gives the connection and returns
 * how many bytes of `data` the SYN carries, WEFT_E_INPROGRESS when it carries
 * none, or as tcp_connect and WEFT_E_OPNOTSUPP.
 */
ptrdiff_t tcp_connect_send(struct tcp *tcp, const struct weft_endpoint *local,
                           const struct weft_endpoint *remote, const struct tcp_options *options,
                           struct ready_node *owner, const void *data, size_t len, struct tcb **tcb);

/* Would tcp_connect_send carry data? 1 or 0, or as tcp_connect, which has not been called. */
int tcp_connect_can_send(struct tcp *tcp, const struct weft_endpoint *local,
                         const struct weft_endpoint *remote, const struct tcp_options *options);

/* A key for what goes to and comes from `peer` (RFC 2385); `len` 0 takes it away. Returns as weft_stack_set_md5_key. */
int tcp_md5_set_key(struct tcp *tcp, const struct weft_prefix *peer, uint16_t port, const void *secret,
                    size_t len);

/*
 * Keys of TCP-AO: sets that sockets hold, made at need where `ao` points, and freed by tcp_ao_free (NULL is allowed). Return as the
 * calls of weft/tcp_ao.h. A connection's set is found by tcp_connection_ao, and is not freed by others.
 */
int tcp_ao_add_key(struct tcp *tcp, struct tcp_ao **ao, const struct weft_tcp_ao_key *key);
int tcp_ao_add_connection_key(struct tcb *tcb, const struct weft_tcp_ao_key *key);
int tcp_ao_del_key(struct tcp *tcp, struct tcp_ao *ao, const struct weft_prefix *peer, uint16_t port,
                   uint8_t send_id, uint8_t recv_id);
int tcp_ao_get_keys(const struct tcp_ao *ao, struct weft_tcp_ao_key *keys, unsigned max);
int tcp_ao_set(struct tcp *tcp, struct tcp_ao **ao, enum weft_tcp_ao_set what, unsigned value);
int tcp_ao_set_connection(struct tcb *tcb, enum weft_tcp_ao_set what, unsigned value);
void tcp_ao_info(const struct tcp_ao *ao, struct weft_tcp_ao_info *out);
void tcp_ao_free(struct tcp *tcp, struct tcp_ao *ao);
struct tcp_ao *tcp_connection_ao(const struct tcb *tcb);
/* As weft_stack_forget_hosts. */
void tcp_hosts_forget(struct tcp *tcp);

/* Forgets all that is known of servers. */
void tcp_fast_open_forget(struct tcp *tcp);

/* Keys for the fast open cookies of a stack, or of one listener: 16 bytes, or 32 with one that is still good.
 * Return 0 or WEFT_E_INVAL. */
int tcp_fast_open_key(struct tcp *tcp, const uint8_t *key, size_t len);
int tcp_listener_fast_open_key(struct tcp_listener *listener, const uint8_t *key, size_t len);

/* What the configuration says of fast open. */
bool tcp_fast_open_may_connect(const struct tcp *tcp);
bool tcp_fast_open_may_listen(const struct tcp *tcp);
bool tcp_fast_open_is_usual(const struct tcp *tcp); /* sockets connect so unless they say otherwise */

/* Opens passively. Gives the listener. Returns 0, WEFT_E_ADDRINUSE or WEFT_E_LIMIT. */
int tcp_listen(struct tcp *tcp, const struct weft_endpoint *local, const struct tcp_options *options,
               unsigned backlog, struct ready_node *owner, struct tcp_listener **listener);

/* The longest waiting connection, which then belongs to `owner`; NULL when none waits. */
struct tcb *tcp_accept(struct tcp_listener *listener, struct ready_node *owner);

bool tcp_can_accept(const struct tcp_listener *listener);

/* Takes the listener; connections that wait to be accepted are reset. */
void tcp_unlisten(struct tcp_listener *listener);

void tcp_listener_options(struct tcp_listener *listener, const struct tcp_options *options);

/* Whether `local` can be bound: one of our addresses or any, and nobody listens there. With port 0
 * a free port is put in. Returns 0, WEFT_E_ADDRINUSE or WEFT_E_ADDRNOTAVAIL. */
int tcp_bind_check(struct tcp *tcp, struct weft_endpoint *local, bool reuse);

/* --- SEND (3.10.2) ---------------------------------------------------------- */

ptrdiff_t tcp_send(struct tcb *tcb, const void *data, size_t len, unsigned flags);
ptrdiff_t tcp_send_block(struct tcb *tcb, struct weft_block *block, uint32_t off, uint32_t len);
size_t tcp_send_room(const struct tcb *tcb);

/* What Nagle, cork or WEFT_SEND_MORE hold back goes now. */
void tcp_push(struct tcb *tcb);

/* --- RECEIVE (3.10.3) ------------------------------------------------------- */

ptrdiff_t tcp_recv(struct tcb *tcb, void *data, size_t len);
ptrdiff_t tcp_peek(const struct tcb *tcb, size_t offset, void *data, size_t len);
int tcp_borrow(const struct tcb *tcb, struct weft_slice *views, unsigned max, size_t *bytes);
void tcp_consume(struct tcb *tcb, size_t len);
size_t tcp_recv_pending(const struct tcb *tcb);

/* As weft_sock_urgent. */
uint32_t tcp_urgent_left(const struct tcb *tcb);

/* --- CLOSE, ABORT, STATUS (3.10.4 to 3.10.6) ----------------------------------- */

/* No more will be sent after what was written: FIN. */
void tcp_shutdown_send(struct tcb *tcb);

/* Nothing more will be read: what comes is acknowledged and thrown away. */
void tcp_shutdown_recv(struct tcb *tcb);

/* The socket is gone: closes both ways, finishes by itself. Takes the connection. */
void tcp_close(struct tcb *tcb);

/* RST at once. Takes the connection. */
void tcp_abort(struct tcb *tcb);

void tcp_info(const struct tcb *tcb, struct weft_tcp_info *out);
unsigned tcp_congestion_numbers(struct tcb *tcb, struct weft_cc_number *out, unsigned max);
void tcp_endpoints(const struct tcb *tcb, struct weft_endpoint *local, struct weft_endpoint *remote);
void tcp_listener_endpoint(const struct tcp_listener *listener, struct weft_endpoint *local);

/* What can be done with the connection now: enum weft_sock_event bits. */
unsigned tcp_events(const struct tcb *tcb);

/* Why it failed, 0 if it did not. */
int tcp_error(const struct tcb *tcb);

/* As weft_sock_trouble. */
int tcp_trouble(const struct tcb *tcb);

/* Options that may change while the connection stands. */
const struct tcp_options *tcp_get_options(const struct tcb *tcb);
void tcp_set_options(struct tcb *tcb, const struct tcp_options *options);

#endif
