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
    WEFT_TROUBLE = 1 << 5,     /* something is wrong that may pass: see weft_sock_trouble */
    WEFT_URGENT = 1 << 6, /* the peer has announced urgent data that is not read yet: see weft_sock_urgent */
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
 * stands, FAILED when it does not; with WEFT_OPT_FASTOPEN_CONNECT also 0: the
 * first write begins it. Or WEFT_E_ALREADY, WEFT_E_ISCONN,
 * WEFT_E_NETUNREACH, WEFT_E_ADDRINUSE, WEFT_E_ADDRNOTAVAIL (no port free),
 * WEFT_E_LIMIT, WEFT_E_INVAL (not an address one can connect to: MUST-46).
 */
int weft_sock_connect(struct weft_sock *sock, const struct weft_endpoint *remote);

/*
 * Connects and sends in one (RFC 7413): when the server's cookie
 * is known, `data` goes with the SYN as far as one segment holds it. Returns
 * how many bytes that are, at least 1; the rest can be written when the socket
 * is WRITABLE. Without a cookie, or with `len` 0, returns WEFT_E_INPROGRESS
 * and has connected as weft_sock_connect does; its SYN asks for the cookie.
 * Other returns as there, and WEFT_E_OPNOTSUPP when the configuration says so.
 *
 * Data in a SYN may reach the server's application twice (RFC 7413 2.1): only
 * for requests that may be repeated.
 */
ptrdiff_t weft_sock_connect_send(struct weft_sock *sock, const struct weft_endpoint *remote, const void *data,
                                 size_t len);

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

/*
 * What is wrong with a connection that stands or is being opened, and may pass
 * (RFC 9293 3.9.1.8, MUST-47): WEFT_E_NETUNREACH,
 * WEFT_E_HOSTUNREACH or WEFT_E_CONNREFUSED when ICMP has reported that;
 * WEFT_E_TIMEDOUT when what was sent has been repeated three times without an
 * answer (R1, SHLD-9); else 0. It is over when something is acknowledged.
 * WEFT_TROUBLE tells of it, unless WEFT_OPT_REPORTS is off.
 */
int weft_sock_trouble(const struct weft_sock *sock);

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
    WEFT_SEND_MORE = 1,   /* more follows at once: do not send a part of a segment yet */
    WEFT_SEND_URGENT = 2, /* the last byte taken is the last of urgent data: the peer hears of it
                             at once, even when its window is shut (RFC 9293 3.8.5) */
    /* A record ends with the last byte, if all are taken: no segment has bytes of it and of what follows, which
     * helps receivers that look at segments, and costs small ones (MSG_EOR). To TCP it is one stream still. */
    WEFT_SEND_RECORD = 4,
};

/* As weft_sock_send. WEFT_E_INVAL: a flag that is not one of these. */
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

/*
 * Urgent data (RFC 9293 3.8.5, RFC 6093) comes in line: it is part of the
 * stream, and WEFT_URGENT only says that it is there. New protocols should not
 * use it (SHLD-13): middleboxes clear the flag, and ends differ in what it means.
 *
 * weft_sock_urgent: bytes from the next to be read to the end of the urgent
 * data, some of which may not have come yet (MUST-33); 0 when there is none.
 * weft_sock_at_mark: whether the last urgent byte is the next to be read, as
 * sockatmark(3). weft_sock_recv never reads over that place in one go: it stops
 * before it, and goes on from it.
 */
size_t weft_sock_urgent(const struct weft_sock *sock);
bool weft_sock_at_mark(const struct weft_sock *sock);

/* As weft_sock_recv, but the bytes stay, and it looks over the mark. `offset` bytes are passed over first. */
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
    WEFT_OPT_NODELAY, /* switch: no Nagle (RFC 9293 MUST-17); setting it sends what is held back, even by cork */
    WEFT_OPT_CORK,    /* switch: send full segments only, for 200 ms at most */
    WEFT_OPT_QUICKACK,       /* switch: acknowledge at once */
    WEFT_OPT_KEEPALIVE,      /* switch: off at first (MUST-25) */
    WEFT_OPT_KEEPALIVE_IDLE, /* time without traffic before the first probe */
    WEFT_OPT_KEEPALIVE_INTERVAL,
    WEFT_OPT_KEEPALIVE_PROBES, /* 1 to 127 */
    WEFT_OPT_USER_TIMEOUT,     /* time that sent data may stay unacknowledged, in the place of R2 (RFC 9293
                                  MUST-21, RFC 5482); 0: the stack's count of retransmissions decides */
    WEFT_OPT_SEND_BUFFER,      /* bytes, 4096 to 1 GiB: its size; until set, the bound up to which it grows */
    WEFT_OPT_RECEIVE_BUFFER,   /* likewise (weft_tcp_info has the sizes) */
    WEFT_OPT_LINGER,           /* time; 0: close resets; -1: close finishes in the background (default) */
    WEFT_OPT_REUSEADDR,        /* switch: bind although old connections hold the port; on at first */
    WEFT_OPT_TTL,              /* 1 to 255 (MUST-49) */
    WEFT_OPT_TOS,              /* 0 to 255; the two ECN bits are TCP's (MUST-48) */
    WEFT_OPT_SYN_RETRIES, /* 1 to 127: SYNs that connect sends again before it fails (RFC 9293 MUST-23) */
    WEFT_OPT_MAXSEG,      /* bytes, 88 to 65495: offered MSS and bound on ours */
    WEFT_OPT_OOBINLINE,   /* 1 only: urgent data is never taken out of the stream (RFC 6093 6) */
    WEFT_OPT_REPORTS,     /* switch: WEFT_TROUBLE is told; on at first (RFC 9293 SHLD-20) */
    /* Listener: 1 to 65535 connections may begin with data in the SYN and wait for the end of the handshake;
     * 0: none (RFC 7413 4.2). */
    WEFT_OPT_FASTOPEN,
    /* Switch, before connect: when a cookie is known connect returns 0 and the first write goes with the SYN. */
    WEFT_OPT_FASTOPEN_CONNECT,
    /* Switch: fast open without cookies, both ways; only where nobody forges addresses (RFC 7413 5). */
    WEFT_OPT_FASTOPEN_NO_COOKIE,
    /* Switch: the user timeout is told to the peer, and the peer's is listened to (RFC 5482); off at first. */
    WEFT_OPT_UTO,
    /* Time that is told, 1 s to 32767 min; 0: WEFT_OPT_USER_TIMEOUT, or else 5 min. */
    WEFT_OPT_UTO_ADVERTISED,
    /* Switch: the longer of both ends' holds for us, within the stack's limits. On until WEFT_OPT_USER_TIMEOUT is
     * set: what an application asks for no peer changes. */
    WEFT_OPT_UTO_CHANGEABLE,
    /* Switch: data leaves at the rate that cwnd gives, not in bursts. BBR always does so. */
    WEFT_OPT_PACING,
    /* enum weft_ecn; for connections that begin after it is set. */
    WEFT_OPT_ECN,
    /* Bytes of payload per second. Not 0: paced, and not faster; 0: no bound. */
    WEFT_OPT_MAX_PACING_RATE,
    /* Bytes: the socket is writable only while fewer than these wait to be sent for the first time, so that what is
     * decided late is sent soon; 0: whenever there is room. A write takes as much as ever. */
    WEFT_OPT_NOTSENT_LOWAT,
};

/*
 * An option is honoured or refused, never ignored. Returns 0;
 * WEFT_E_NOPROTOOPT (no such option, or not of this type of socket);
 * WEFT_E_INVAL (not one of its values, or not any more at this stage of the
 * socket); WEFT_E_OPNOTSUPP for what the configuration switches off. What was
 * set reads back as it is used.
 */
int weft_sock_setopt(struct weft_sock *sock, enum weft_sockopt option, int64_t value);
int weft_sock_getopt(const struct weft_sock *sock, enum weft_sockopt option, int64_t *value);

/* What the value of an option is. */
enum weft_sockopt_kind {
    WEFT_SOCKOPT_SWITCH, /* 0 or 1 */
    WEFT_SOCKOPT_NUMBER,
    WEFT_SOCKOPT_BYTES,
    WEFT_SOCKOPT_TIME, /* microseconds */
};

struct weft_sockopt_desc {
    const char *name; /* as in enum weft_sockopt, in small letters: "nodelay" */
    enum weft_sockopt_kind kind;
    int64_t min, max; /* the values that it takes */
};

/* Tells of an option, for programs that let their users choose one by name: the options are 0, 1, … until this
 * returns WEFT_E_NOPROTOOPT instead of 0. */
int weft_sockopt_describe(enum weft_sockopt option, struct weft_sockopt_desc *out);

/*
 * The congestion control, by name, as other systems have it in their option of TCP: one of weft/congestion.h, or one that the stack's
 * configuration has added. On a listener it holds for the connections it accepts later; a connection
 * that stands goes on from the window it has. Returns 0, WEFT_E_NOTFOUND, or WEFT_E_NOPROTOOPT.
 */
int weft_sock_set_congestion(struct weft_sock *sock, const char *name);

/* Its name, which lives as long as the stack; NULL for a socket that has none. */
const char *weft_sock_congestion(const struct weft_sock *sock);

/* As weft_stack_set_fastopen_key, for one listener; before listen or later. */
int weft_sock_set_fastopen_key(struct weft_sock *sock, const uint8_t *key, size_t len);

/* --- State ------------------------------------------------------------------ */

/* Where a sender's recovery from loss stands. */
enum weft_tcp_recovery {
    WEFT_TCP_OPEN,     /* nothing is amiss */
    WEFT_TCP_DISORDER, /* something has come out of order: reordering, or the beginning of a loss */
    WEFT_TCP_RECOVERY, /* fast recovery */
    WEFT_TCP_LOSS,     /* after a retransmission timeout */
    WEFT_TCP_CWR, /* the window has been reduced and nothing is missing: an ECN mark, a loss already repaired */
};

/* What has become of a fast open (RFC 7413). */
enum weft_tcp_fast_open {
    WEFT_TCP_FAST_OPEN_NONE, /* there was none */
    WEFT_TCP_FAST_OPEN_SENT, /* we connect, and our SYN has asked for a cookie or carried data: no answer yet */
    WEFT_TCP_FAST_OPEN_TAKEN,     /* the server has taken the data */
    WEFT_TCP_FAST_OPEN_NO_COOKIE, /* the SYN carried no data: no cookie was known */
    WEFT_TCP_FAST_OPEN_NOT_ACKED, /* the server did not take the data; it went again */
    WEFT_TCP_FAST_OPEN_REPEATED,  /* the SYN had to be repeated, and went plain */
    WEFT_TCP_FAST_OPEN_ACCEPTED,  /* we accept, and the peer's SYN opened it, with or without data */
};

/* Places in weft_tcp_info.limited: enum weft_tcp_limit has room to grow. */
#define WEFT_TCP_LIMITS_MAX 16

/*
 * What is known of a connection, or, when it is over, was at its end. Names and
 * meanings are those of Linux's TCP_INFO where it has the same; in brackets
 * its name where ours is another. Windows and the like are bytes, and not
 * segments; times are microseconds, and what Linux tells as an age is a moment.
 */
struct weft_tcp_info {
    enum weft_tcp_state state;
    uint32_t conn; /* its number in the trace */

    /* What the handshake has agreed on */
    bool timestamps, sack, window_scaling;
    uint8_t snd_wscale, rcv_wscale;
    bool ecn;        /* new data is marked ECT(0), and marks are heeded (RFC 3168) */
    bool ecn_seen;   /* the peer's data has come with ECT or CE */
    bool md5_signed; /* segments are signed (RFC 2385), */
    bool ao_signed;  /* or by TCP-AO (RFC 5925) */
    bool syn_data;   /* the SYN carried data and all of it was taken (RFC 7413) */
    enum weft_tcp_fast_open fast_open;
    uint32_t snd_mss, rcv_mss; /* bytes; the second is what we offered (advmss) */
    uint32_t rcv_seg;          /* the largest segment that the peer has sent, bytes; 0: none yet (rcv_mss) */
    uint32_t pmtu;             /* the largest packet that is sent */

    /* What holds the sender. limited[] counts since it was opened, each moment for one of enum weft_tcp_limit. */
    enum weft_tcp_limit limit; /* now, and since when: */
    weft_time limit_since;
    weft_time limited[WEFT_TCP_LIMITS_MAX];
    weft_time busy_time;      /* in which there was data to send or unacknowledged; */
    weft_time rwnd_limited;   /* the peer's window was full: limited[WEFT_LIMIT_PEER_WINDOW]; */
    weft_time sndbuf_limited; /* all was out that fitted into the send buffer, and the application had more */

    /* Windows and buffers */
    uint32_t cwnd, ssthresh;
    uint32_t snd_wnd, rcv_wnd;            /* scaled */
    uint32_t in_flight;                   /* sent, neither acknowledged, nor SACKed, nor judged lost */
    uint32_t unacked, unsent;             /* in the send buffer (the second: notsent_bytes) */
    uint32_t unread;                      /* in the receive buffer */
    uint32_t held;                        /* out of order */
    uint32_t send_buffer, receive_buffer; /* their sizes now */
    uint32_t rcv_space;                   /* the most that the application has read in one round trip */

    /* Round trips and timers */
    weft_time srtt, rttvar, min_rtt, rto; /* srtt: rtt */
    weft_time rcv_rtt;                    /* as the receiver sees it; 0: not known */
    weft_time ato;                        /* how long an ACK may be delayed */
    weft_time user_timeout;               /* that is in force now; 0: none */
    weft_time remote_user_timeout;        /* that the peer has told last (RFC 5482); 0: none */
    weft_time last_data_sent, last_ack_sent;
    weft_time last_data; /* when data last came (last_data_recv); the end of the handshake while none has */
    weft_time last_ack_recv; /* when any segment last came */
    uint8_t retries, probes; /* in a row and without answer: retransmission timeouts, window probes */
    uint8_t backoffs;        /* how often the retransmission timeout is doubled now */

    /* What has been sent and received. Bytes are payload. */
    uint64_t bytes_sent;          /* with what went again */
    uint64_t bytes_retransmitted; /* of these, what went again (bytes_retrans) */
    uint64_t bytes_acked, bytes_received;
    uint64_t segs_in, segs_out;
    uint64_t data_segs_in, data_segs_out; /* with payload */
    uint64_t segs_retransmitted;          /* total_retrans */
    uint32_t
        delivered_segs; /* segments known to have arrived, with the SYN, in units of what was full then (delivered) */
    uint32_t delivered_ce; /* of these, told by ACKs that echo a mark of the network */
    uint32_t received_ce;  /* data segments that came with a mark */
    uint32_t rcv_ooopack;  /* data segments that came out of order */

    /* Loss and congestion */
    enum weft_tcp_recovery recovery; /* ca_state */
    uint32_t sacked,
        lost; /* bytes of `unacked` that the peer has SACKed; that are judged lost and not sent again */
    uint32_t resent;         /* bytes of `unacked` that have been sent again (retrans) */
    uint32_t timeouts;       /* total_rto */
    uint32_t rto_recoveries; /* runs of timeouts without progress between them (total_rto_recoveries), */
    weft_time rto_time;      /* and how long these have lasted in all (total_rto_time) */
    uint32_t recoveries;
    uint32_t undone;     /* timeouts and recoveries of these that were found not to have been called for */
    uint32_t dsack_dups; /* segments that the peer has got twice, as it says (RFC 2883) */
    uint32_t reord_seen; /* ACKs that have shown reordering, */
    uint32_t reordering; /* and the farthest that a segment came late, in segments; at least 3 */
    weft_time reo_wnd;   /* how long RACK waits for what may only be late (RFC 8985 6.2) */
    const char *
        congestion; /* the name of its congestion control; weft_sock_congestion_numbers has its own numbers */
    uint64_t pacing_rate;     /* bytes of payload per second; 0: it is not paced */
    uint64_t max_pacing_rate; /* 0: no bound */
    uint64_t delivery_rate; /* bytes per second at which the network has delivered lately; 0: not measured */
    bool delivery_rate_app_limited; /* the application did not send more: the network may be faster */
};

/*
 * Gives through `out` the first `size` bytes of what is known; what this
 * library does not know of is zero. So a program that was built with an older
 * or a newer header is answered in its own terms. Returns 0 or WEFT_E_NOTCONN
 * (not a TCP connection).
 */
int weft_sock_info_sized(const struct weft_sock *sock, struct weft_tcp_info *out, size_t size);

/* The same for this header. */
static inline int weft_sock_info(const struct weft_sock *sock, struct weft_tcp_info *out)
{
    return weft_sock_info_sized(sock, out, sizeof(*out));
}

/* Gives up to `max` numbers of its congestion control's own, named: what weft/congestion.h says of each. Returns how
 * many, 0 when it has none to tell, or WEFT_E_NOTCONN. */
int weft_sock_congestion_numbers(struct weft_sock *sock, struct weft_cc_number *out, unsigned max);

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
