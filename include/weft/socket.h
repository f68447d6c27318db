/* SPDX-License-Identifier: MIT */
/*
 * Sockets of the core: never blocking, driven by a ready list.
 *
 * The stack links a socket into the ready list when what can be done with it
 * has changed. weft_ready_next takes it from there and says what can be done.
 * It is not listed again until something *new* happens (as with edge-triggered
 * epoll), so go on until the call says WEFT_E_AGAIN, or ask for it again with
 * weft_sock_rearm.
 *
 * Any socket call may be made at any time except from two threads at once.
 * Nothing calls back: a handler is run by weft_dispatch, not by the stack.
 *
 * These are the calls for event-driven programs. The blocking interface with
 * descriptors is built over them.
 */
#ifndef WEFT_SOCKET_H
#define WEFT_SOCKET_H

#include <weft/stack.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct weft_sock;

enum weft_sock_type {
    WEFT_SOCK_STREAM, /* TCP */
    WEFT_SOCK_PING,   /* ICMP echo: sends requests, receives their replies and errors */
};

/* What can be done with a socket. */
enum weft_sock_event {
    WEFT_READABLE = 1 << 0,    /* recv gives bytes, accept a connection; or the end is reached */
    WEFT_WRITABLE = 1 << 1,    /* the send buffer has room (again); for a connect: it has succeeded */
    WEFT_PEER_CLOSED = 1 << 2, /* the peer will send no more; what came before can still be read */
    WEFT_FAILED = 1 << 3,      /* the connection is broken: see weft_sock_error */
    WEFT_ALL_SENT = 1 << 4,    /* all that was written has been acknowledged, and the FIN if shut down */
};

/*
 * What a program wants done with a socket's events; usually embedded in the
 * program's own record of the connection. weft_dispatch calls `ready`; the
 * stack itself only keeps the pointer.
 */
struct weft_handler {
    void (*ready)(struct weft_handler *handler, struct weft_sock *sock, unsigned events, weft_time now);
};

/* --- Life ------------------------------------------------------------------- */

/* Gives a new socket. Returns 0 or WEFT_E_LIMIT. */
int weft_sock_open(struct weft_stack *stack, enum weft_sock_type type, struct weft_sock **sock);

/*
 * Closes: what was written is still sent, then FIN; the socket is gone for the
 * caller at once. With unread data the connection is reset instead (RFC 9293
 * 3.6.1, SHLD-3). Takes the socket; NULL is allowed.
 */
void weft_sock_close(struct weft_sock *sock);

/* Resets the connection at once and frees the socket. Takes it; NULL is allowed. */
void weft_sock_abort(struct weft_sock *sock);

/* Who is called when the socket is ready. `handler` is borrowed until the socket is closed; NULL: nobody. */
void weft_sock_set_handler(struct weft_sock *sock, struct weft_handler *handler);
struct weft_handler *weft_sock_handler(const struct weft_sock *sock);

/* The stack that the socket belongs to. */
struct weft_stack *weft_sock_stack(const struct weft_sock *sock);

/* --- Names ------------------------------------------------------------------ */

/*
 * Names the near end. Port 0: any free one (RFC 6056). Returns 0,
 * WEFT_E_ADDRNOTAVAIL, WEFT_E_ADDRINUSE, WEFT_E_INVAL (bound already).
 */
int weft_sock_bind(struct weft_sock *sock, const struct weft_endpoint *local);

/* The near and the far end; port 0 and "any" while unknown. Give through `out`. */
void weft_sock_local(const struct weft_sock *sock, struct weft_endpoint *out);
void weft_sock_remote(const struct weft_sock *sock, struct weft_endpoint *out);

/* --- Connections ------------------------------------------------------------ */

/*
 * Begins a connection. Returns WEFT_E_INPROGRESS: it becomes WRITABLE when it
 * stands, FAILED when it does not. Or WEFT_E_ALREADY, WEFT_E_ISCONN,
 * WEFT_E_NETUNREACH, WEFT_E_ADDRINUSE, WEFT_E_ADDRNOTAVAIL (no port free),
 * WEFT_E_LIMIT, WEFT_E_INVAL (not an address one can connect to: MUST-46).
 */
int weft_sock_connect(struct weft_sock *sock, const struct weft_endpoint *remote);

/*
 * Makes a bound socket a listener. `backlog` bounds the connections that wait
 * to be accepted, 1 to 65535; 0 means 511. Returns 0, WEFT_E_ADDRINUSE,
 * WEFT_E_INVAL (connected, or a bad backlog), WEFT_E_OPNOTSUPP.
 */
int weft_sock_listen(struct weft_sock *sock, unsigned backlog);

/* Gives a connection that stands. Returns 0, WEFT_E_AGAIN, WEFT_E_INVAL (not a listener) or WEFT_E_LIMIT. */
int weft_sock_accept(struct weft_sock *listener, struct weft_sock **sock);

enum weft_shutdown {
    WEFT_SHUT_RD = 1, /* what still comes is thrown away */
    WEFT_SHUT_WR = 2, /* FIN after all that was written */
    WEFT_SHUT_RDWR = 3,
};

/* Returns 0 or WEFT_E_NOTCONN. */
int weft_sock_shutdown(struct weft_sock *sock, enum weft_shutdown how);

/* Why the socket failed: 0, or WEFT_E_CONNREFUSED, WEFT_E_CONNRESET, WEFT_E_TIMEDOUT, … The failure
 * stays; unlike SO_ERROR, reading it does not clear it. */
int weft_sock_error(const struct weft_sock *sock);

/* --- Data ------------------------------------------------------------------- */

/*
 * Copies up to `len` bytes into the send buffer. Returns how many, at least 1
 * if len is not 0; or WEFT_E_AGAIN (no room: WRITABLE will come),
 * WEFT_E_PIPE (shut down or closed by us), WEFT_E_NOTCONN, or the error that
 * the connection failed with. Returns at most INT32_MAX.
 */
ptrdiff_t weft_sock_send(struct weft_sock *sock, const void *data, size_t len);

/* Flags of weft_sock_send_flags; weft_sock_send is the same with none. */
enum weft_send_flag {
    WEFT_SEND_MORE = 1, /* more follows at once: do not send a part of a segment yet */
};
ptrdiff_t weft_sock_send_flags(struct weft_sock *sock, const void *data, size_t len, unsigned flags);

/*
 * Lends `len` bytes at `off` of a block to the send buffer without copying; a
 * reference is taken and dropped when the peer has acknowledged them. The
 * bytes must not change until then. All or nothing: returns `len`, or as
 * weft_sock_send; WEFT_E_AGAIN also when all of it does not fit. (What is larger
 * than the whole buffer goes when nothing else is in it.)
 */
ptrdiff_t weft_sock_send_block(struct weft_sock *sock, struct weft_block *block, uint32_t off, uint32_t len);

/* Bytes that the send buffer would take now. */
size_t weft_sock_send_room(const struct weft_sock *sock);

/*
 * Copies up to `len` received bytes to `data` and removes them. Returns how
 * many; 0 when the peer has closed and all is read (or len is 0);
 * WEFT_E_AGAIN, WEFT_E_NOTCONN, or the error that the connection failed with
 * (after what had been received before has been read).
 */
ptrdiff_t weft_sock_recv(struct weft_sock *sock, void *data, size_t len);

/* As weft_sock_recv, but the bytes stay. `offset` bytes are passed over first. */
ptrdiff_t weft_sock_peek(struct weft_sock *sock, size_t offset, void *data, size_t len);

/*
 * Shows up to `max` pieces of received bytes where they lie, in order, and
 * their total through `bytes`. Borrows: the views are valid until
 * weft_sock_consume, or any other call on this socket that reads. Returns the
 * number of pieces, or as weft_sock_recv (0: the end); WEFT_E_INVAL when `max` is 0.
 */
int weft_sock_borrow(struct weft_sock *sock, struct weft_slice *views, unsigned max, size_t *bytes);

/* Removes `len` received bytes, which must be there; the window opens accordingly. */
void weft_sock_consume(struct weft_sock *sock, size_t len);

/* Bytes that can be read now. */
size_t weft_sock_recv_pending(const struct weft_sock *sock);

/* --- Datagrams (WEFT_SOCK_PING) -------------------------------------------------- */

struct weft_datagram {
    struct weft_endpoint peer; /* to or from; for echo, `port` is the sequence number */
    uint8_t ttl;               /* received with; on sending 0 means the default */
    int error;                 /* received: 0 for a reply, else what an ICMP error from `peer` says */
    uint16_t icmp;             /* received: type << 8 | code */
    weft_time when;            /* received at */
};

/* Sends an echo request of `len` data bytes. Returns `len`, WEFT_E_NETUNREACH, WEFT_E_MSGSIZE, WEFT_E_NOBUFS. */
ptrdiff_t weft_sock_sendto(struct weft_sock *sock, const void *data, size_t len,
                           const struct weft_datagram *to);

/* Copies the next reply's data, at most `len` bytes, and what came with it. Returns its full length or WEFT_E_AGAIN. */
ptrdiff_t weft_sock_recvfrom(struct weft_sock *sock, void *data, size_t len, struct weft_datagram *from);

/* --- Options ---------------------------------------------------------------- */

/* Set on a listener, an option holds for the connections it accepts later. Values are numbers; a
 * switch is 0 or 1; times are microseconds. */
enum weft_sockopt {
    WEFT_OPT_NODELAY,        /* switch: no Nagle (RFC 9293 MUST-17) */
    WEFT_OPT_CORK,           /* switch: send full segments only, for 200 ms at most */
    WEFT_OPT_QUICKACK,       /* switch: acknowledge at once */
    WEFT_OPT_KEEPALIVE,      /* switch: off at first (MUST-25) */
    WEFT_OPT_KEEPALIVE_IDLE, /* time without traffic before the first probe */
    WEFT_OPT_KEEPALIVE_INTERVAL,
    WEFT_OPT_KEEPALIVE_PROBES, /* 1 to 127 */
    WEFT_OPT_USER_TIMEOUT,     /* time that sent data may stay unacknowledged (RFC 5482); 0: R2 decides */
    WEFT_OPT_SEND_BUFFER,      /* bytes, 4096 to 1 GiB */
    WEFT_OPT_RECEIVE_BUFFER,   /* bytes, 4096 to 1 GiB */
    WEFT_OPT_LINGER,           /* time; 0: close resets; -1: close finishes in the background (default) */
    WEFT_OPT_REUSEADDR,        /* switch: bind although old connections hold the port; on at first */
    WEFT_OPT_TTL,              /* 1 to 255 (MUST-49) */
    WEFT_OPT_TOS,              /* 0 to 255; the two ECN bits are TCP's (MUST-48) */
    WEFT_OPT_MAXSEG,           /* bytes, 88 to 65495: offered MSS and bound on ours */
};

/* Returns 0, WEFT_E_NOPROTOOPT or WEFT_E_INVAL. An option is honoured or refused, never ignored. */
int weft_sock_setopt(struct weft_sock *sock, enum weft_sockopt option, int64_t value);
int weft_sock_getopt(const struct weft_sock *sock, enum weft_sockopt option, int64_t *value);

/* --- State ------------------------------------------------------------------ */

struct weft_tcp_info {
    enum weft_tcp_state state;
    uint32_t conn;             /* its number in the trace */
    enum weft_tcp_limit limit; /* what holds the sender, and since when */
    weft_time limit_since;
    uint32_t snd_mss, rcv_mss; /* bytes */
    uint32_t snd_wnd, rcv_wnd; /* bytes, scaled */
    uint8_t snd_wscale, rcv_wscale;
    bool timestamps, sack, window_scaling;
    uint32_t cwnd, ssthresh;  /* bytes */
    uint32_t in_flight;       /* bytes sent, not acknowledged and not judged lost */
    uint32_t unacked, unsent; /* bytes in the send buffer */
    uint32_t unread;          /* bytes in the receive buffer */
    uint32_t held;            /* bytes out of order */
    weft_time srtt, rttvar, min_rtt, rto;
    uint64_t bytes_sent, bytes_acked, bytes_received, bytes_retransmitted;
    uint64_t segs_in, segs_out, segs_retransmitted;
    uint32_t timeouts, recoveries;
};

/* Gives through `out`. Returns 0 or WEFT_E_NOTCONN (not a TCP connection). */
int weft_sock_info(const struct weft_sock *sock, struct weft_tcp_info *out);

/* --- The ready list --------------------------------------------------------- */

/* The next socket with something new, and what can be done with it now; NULL when there is none. */
struct weft_sock *weft_ready_next(struct weft_stack *stack, unsigned *events);

/* Lists the socket again if any of `events` holds now, although nothing is new. */
void weft_sock_rearm(struct weft_sock *sock, unsigned events);

/* What can be done with the socket now: enum weft_sock_event bits. */
unsigned weft_sock_events(const struct weft_sock *sock);

/*
 * Runs the handlers of all ready sockets and due timers, until there are none
 * or `budget` have run. Returns how many ran. A handler may open and close any
 * sockets, its own included. This is a convenience over weft_ready_next and
 * weft_timer_next_due; the stack never calls it.
 */
unsigned weft_dispatch(struct weft_stack *stack, unsigned budget);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
