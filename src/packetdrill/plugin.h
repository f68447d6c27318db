/* SPDX-License-Identifier: MIT */
/*
 * What the files of the plug-in share: one stack, the wire to packetdrill, the
 * clock, and the table of descriptors.
 *
 *     plugin.c    the interface filled in; beginning and end
 *     settings.c  --so_flags and the knobs that scripts turn
 *     clock.c     virtual time, the wire, blocking
 *     desc.c      descriptors
 *     calls.c     socket to shutdown, fcntl, ioctl
 *     data.c      read and write in all their forms
 *     errqueue.c  MSG_ERRQUEUE: zero-copy and timestamps
 *     sockopt.c   getsockopt, setsockopt       tcp_info.c  TCP_INFO
 *     poll.c      poll, epoll                  pipe.c      pipe, splice
 *
 * Between these files a result is 0 or a count, or a negative errno.
 *
 * Threads: calls that a script expects to block come from a second thread, all
 * others from packetdrill's main one. `lock` is held in every call, so the stack
 * belongs to one thread at a time.
 */
#ifndef WEFT_PACKETDRILL_PLUGIN_H
#define WEFT_PACKETDRILL_PLUGIN_H

#include <pthread.h>
#include <weft/inspect.h>
#include <weft/loop.h>
#include <weft/socket.h>

#include "packetdrill/packetdrill.h"
#include "packetdrill/settings.h"

struct plugin;

/* --- Descriptors ------------------------------------------------------------ */

enum desc_kind {
    DESC_SOCKET,
    DESC_EPOLL,
    DESC_PIPE,
};

/* What was written into a pipe and not yet read. */
struct pipe_buffer {
    uint8_t *bytes;
    size_t len;
    unsigned ends; /* descriptors that are open */
};

/* One descriptor in an epoll set. */
struct watch {
    int fd;
    struct epoll_event event;
    uint64_t seen;  /* wakeups of the descriptor that an edge-triggered watch has reported */
    bool is_silent; /* EPOLLONESHOT has fired */
};

/* What a written range is waited for (errqueue.c). */
struct errqueue;

struct desc {
    struct plugin *plugin;
    enum desc_kind kind;
    int fd;
    bool nonblock;
    uint64_t wakeups; /* how often something new could be done with it */

    /* DESC_SOCKET */
    struct weft_handler handler;
    struct weft_sock *sock;
    bool is_listener;
    bool is_connecting; /* connect has been called and its success not been told yet */
    bool is_deferred;   /* connect has said 0, and nothing has been sent: the first write opens */
    bool error_taken;   /* BSD tells an error once, weft keeps it */
    bool shut_read, shut_write;
    bool wants_inq;                          /* TCP_INQ */
    bool zerocopy;                           /* SO_ZEROCOPY */
    uint32_t stamps;                         /* SO_TIMESTAMPING */
    uint32_t send_buffer;                    /* SO_SNDBUF; 0: not set */
    int notsent_lowat;                       /* TCP_NOTSENT_LOWAT, as it was set */
    int mark, freebind;                      /* SO_MARK, IP_FREEBIND */
    int64_t linger;                          /* seconds that close waits; -1: SO_LINGER is off */
    weft_time receive_timeout, send_timeout; /* SO_RCVTIMEO, SO_SNDTIMEO; 0: none */
    struct errqueue *errqueue;

    /* DESC_EPOLL */
    struct watch *watches;
    unsigned watch_count;

    /* DESC_PIPE */
    struct pipe_buffer *pipe;
    bool is_write_end;
};

/* --- The plug-in ------------------------------------------------------------ */

/* A packet for packetdrill. */
struct frame {
    struct frame *next;
    weft_time when;
    uint32_t len;
    uint8_t bytes[];
};

/* The second thread waits. */
struct waiter {
    bool (*ready)(void *ctx);
    void *ctx;
    weft_time until;
};

struct plugin {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t main;
    struct waiter *waiter;
    pid_t helper;         /* its thread's number; 0: it has not called yet */
    bool helper_returned; /* a call of its has ended, and packetdrill may be busy with the result */
    bool helper_runs;     /* it was woken, and has neither blocked again nor asked for the time */

    weft_time now;
    unsigned rounds; /* at this moment */
    struct settings settings;
    uint32_t notsent_lowat; /* as the knobs have them */
    uint32_t write_buffer;
    uint32_t send_buffer;    /* as the knobs have it; 0: the stack's default */
    unsigned cookie_flushes; /* done */
    long complained;         /* knobs up to here in their file have been complained of */
    struct weft_stack *stack;
    struct weft_link *link; /* around `wire` */
    struct weft_link wire;  /* whose ends are: */
    struct weft_pktq to_stack;
    struct frame *to_script, **to_script_tail;
    int iface;
    struct weft_recording *recording; /* NULL: none */
    uint64_t trace_cursor;

    struct desc **descs; /* by fd - FD_BASE; NULL: closed */
    unsigned desc_count;
    uint64_t counted;         /* sum of what $WEFT_COUNTS has been told */
    struct conn_table *conns; /* for $WEFT_STATE; NULL: nobody asks */
};

/* --- plugin.c --- */

/* Takes the lock. */
struct plugin *plugin_enter(void *u);

/* Lets the stack do what the call made necessary, gives the lock back and turns a negative errno into -1. */
ssize_t plugin_leave(struct plugin *p, ssize_t rc);

/* A code of weft's as a negative errno; 0 and counts stay. */
static inline ssize_t plugin_error(ptrdiff_t rc)
{
    return rc < 0 ? -weft_errno((int)rc) : rc;
}

/* Reads the knobs again and applies them. */
void plugin_read_knobs(struct plugin *p);

/* Makes an address of the interface. Returns 0 or a code of weft's. */
int plugin_add_local(struct plugin *p, const struct weft_addr *addr);

/* --- clock.c --- */

int clock_init(struct plugin *p);
void clock_fini(struct plugin *p);

/* Everything that is to be done at this moment. */
void clock_run(struct plugin *p);

/* Wakes the second thread if it waits for what is now, and waits until it has come to rest. */
void clock_settle(struct plugin *p);

/* Moves time to `to`, doing on the way what falls due. */
void clock_advance(struct plugin *p, weft_time to);

/* Moves time to the next moment at which something happens, but not beyond `limit`. False when nothing will. */
bool clock_advance_once(struct plugin *p, weft_time limit);

/*
 * Waits until `ready` says true or `until` has come, and returns what `ready` says then. On the second thread
 * it sleeps; on the main thread, without which nothing happens, it makes time go.
 */
bool clock_wait(struct plugin *p, bool (*ready)(void *ctx), void *ctx, weft_time until);

/* The moment `timeout` from now; 0 stands for never. */
weft_time clock_deadline(const struct plugin *p, weft_time timeout);

/* --- desc.c --- */

/* A new descriptor; NULL without memory. */
struct desc *desc_new(struct plugin *p, enum desc_kind kind);
struct desc *desc_find(struct plugin *p, int fd);

/* The descriptor if it is of that kind; NULL with the negative errno in `rc` if not. */
struct desc *desc_of_kind(struct plugin *p, int fd, enum desc_kind kind, ssize_t *rc);

/* Ends what it stands for. */
int desc_close(struct desc *d);

/* A descriptor for a socket of weft's, which it takes. */
struct desc *desc_for_sock(struct plugin *p, struct weft_sock *sock);

/* The error that the connection failed with, told once (SO_ERROR); 0: none, or told already. */
int desc_take_error(struct desc *d);
bool desc_has_error(const struct desc *d);

/* Something new can be done with it: edge-triggered watches fire. */
void desc_wake(struct desc *d);

/* --- calls.c, data.c, errqueue.c, sockopt.c, tcp_info.c, poll.c, pipe.c --- */

void calls_fill(struct packetdrill_interface *ifc);
void data_fill(struct packetdrill_interface *ifc);
void sockopt_fill(struct packetdrill_interface *ifc);
void poll_fill(struct packetdrill_interface *ifc);
void pipe_fill(struct packetdrill_interface *ifc);
void clock_fill(struct packetdrill_interface *ifc);

/* connect(2), waiting if the socket blocks. */
ssize_t calls_connect(struct desc *d, const struct sockaddr *addr, socklen_t len);

/* Begins to connect, with data in the SYN if it may be (MSG_FASTOPEN). Returns how many bytes went, or a negative
 * errno, -EINPROGRESS among them. Does not wait. */
ssize_t calls_connect_send(struct desc *d, const struct sockaddr *addr, socklen_t len, const void *buf,
                           size_t n);

/* The first write of a connection that TCP_FASTOPEN_CONNECT has put off. Returns the same. */
ssize_t calls_deferred_send(struct desc *d, const void *buf, size_t n);

/* What connect says of a connection that was begun by this call or an earlier one; `undecided` while the
 * handshake is under way. */
ssize_t calls_connect_result(struct desc *d, ssize_t undecided);

/* Waits for the end of the handshake. Returns 0 or a negative errno. */
ssize_t calls_wait_connected(struct desc *d);

/* Reads an IPv4 address and port. Returns 0 or a negative errno. */
int calls_endpoint(const struct sockaddr *addr, socklen_t len, struct weft_endpoint *out);
void calls_sockaddr(const struct weft_endpoint *ep, struct sockaddr *addr, socklen_t *len);

ssize_t data_read_bytes(struct desc *d, uint8_t *buf, size_t n, int flags);
ssize_t data_write_bytes(struct desc *d, const uint8_t *buf, size_t n, int flags);

/* A writer can go on, and is worth waking. */
bool data_has_room(struct desc *d);

/* Writes the TCP_INFO of Linux, at most *len bytes. Returns 0 or a negative errno. */
int tcp_info_linux(struct desc *d, void *value, socklen_t *len);

void pipe_release(struct desc *d);

/* Bytes of a watched socket that poll(2) and epoll_wait(2) would report, whatever was asked for. */
uint32_t poll_events(struct desc *d);

/* A write of `n` bytes with the given flags begins and has ended. */
void errqueue_note_write(struct desc *d, size_t n, int flags);
/* Looks whether what is waited for has happened. */
void errqueue_poll(struct desc *d);
/* SO_TIMESTAMPING. */
void errqueue_set_stamps(struct desc *d, uint32_t stamps);
bool errqueue_has_news(const struct desc *d);
ssize_t errqueue_receive(struct desc *d, struct msghdr *msg);
void errqueue_free(struct desc *d);

/* --- conns.c: the connections of the stack, for those who ask from outside --- */

int conns_init(struct plugin *p);
void conns_update(struct plugin *p);
void conns_changed(struct plugin *p); /* a listener has come or gone */
void conns_fini(struct plugin *p);

/* --- counts.c --- */

void counts_update(struct plugin *p);

#endif
