/* SPDX-License-Identifier: MIT */
/*
 * The stack: the protocol core, without any input or output of its own.
 *
 *     frames in + the time  ->  [ stack ]  ->  frames out + next deadline + ready sockets
 *
 * Whoever drives a stack does this, over and over:
 *
 *     weft_input(stack, iface, &batch, now)    frames that the link received
 *     weft_step(stack, now)                    timers; what is owed is built
 *     weft_ready_next(stack, …)                what applications may do now
 *         weft_sock_… calls                    they read, write, accept, close
 *     weft_step(stack, now)                    what those calls made necessary
 *     weft_output(stack, iface)                frames for the link
 *     sleep until the link has frames, or weft_deadline(stack)
 *
 * (weft/loop.h does it over Linux descriptors, weft/sim.h in virtual time. They
 * let applications read once more between the first two lines: then an ACK goes
 * out with the window that is there after reading, and not one for each.)
 *
 * Order of calls: any order is allowed. `now` must never go back; the last one
 * given is the time for socket calls that follow. weft_input, weft_step and
 * the socket calls may change what weft_deadline, weft_output and
 * weft_ready_next answer; nothing else does.
 *
 * Work: weft_input does a bounded amount for each packet, weft_step for each
 * timer that is due and each connection that owes something.
 *
 * Threads: a stack belongs to one thread at a time. It has no globals, takes
 * no locks, makes no system calls, reads no clock. Two stacks know nothing of
 * each other. The same calls with the same seed give the same frames.
 */
#ifndef WEFT_STACK_H
#define WEFT_STACK_H

#include <weft/congestion.h>
#include <weft/err.h>
#include <weft/link.h>
#include <weft/pkt.h>
#include <weft/stats.h>
#include <weft/trace.h>
#include <weft/types.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct weft_stack;

/* --- Configuration --------------------------------------------------------- */

/* Bytes one after another. */
struct weft_crypto_piece {
    const void *data;
    size_t len;
};

/*
 * Cryptography that TCP takes from outside, for it has none of its own. A NULL
 * member: what needs it is refused. weft_host_tcp_crypto (weft/loop.h) has it all.
 */
struct weft_tcp_crypto {
    /* MD5 (RFC 1321) of all pieces in a row: for the option of RFC 2385. */
    void (*md5)(const struct weft_crypto_piece *pieces, unsigned n, uint8_t digest[16]);

    /* HMAC-SHA-1 (RFC 2104) of all pieces in a row, with a key of any length, and AES-128-CMAC (NIST SP 800-38B):
     * for the two algorithms of TCP-AO (RFC 5926). */
    void (*hmac_sha1)(const void *key, size_t key_len, const struct weft_crypto_piece *pieces, unsigned n,
                      uint8_t mac[20]);
    void (*aes128_cmac)(const uint8_t key[16], const struct weft_crypto_piece *pieces, unsigned n,
                        uint8_t mac[16]);
};

/* When a SYN is answered with a cookie, and nothing of it kept (RFC 4987 3.6). A connection that begins so has
 * its options only if the peer has timestamps, and an MSS from a short table. */
enum weft_syn_cookies {
    WEFT_SYN_COOKIES_WHEN_FULL, /* when the SYN cache, or a listener's part of it, is full */
    WEFT_SYN_COOKIES_ALWAYS,
    WEFT_SYN_COOKIES_NEVER, /* a SYN that finds no room is dropped */
};

/* Algorithms of congestion control that a program may add. */
#define WEFT_TCP_ALGORITHMS 4

/* Explicit congestion notification (RFC 3168). */
enum weft_ecn {
    WEFT_ECN_ACCEPT, /* when the peer asks for it */
    WEFT_ECN_ASK,    /* our SYNs ask for it, too; one that is lost or reset is repeated without */
    WEFT_ECN_OFF,
};

/*
 * Whether connections find out themselves what the path carries (RFC 4821), for paths whose routers do not say
 * so. Probes are a little larger than other segments; a lost one costs a retransmission, so the default is to
 * send none where classical path MTU discovery is enough.
 */
enum weft_mtu_probing {
    WEFT_MTU_PROBING_ON_BLACK_HOLE, /* after three timeouts in a row: smaller segments, then a search */
    WEFT_MTU_PROBING_ALWAYS,        /* begins with small segments and searches at once */
    WEFT_MTU_PROBING_OFF,           /* ICMP alone is listened to */
};

/* TCP's settings. Zero means the default that each line gives. */
struct weft_tcp_config {
    uint32_t max_connections; /* 65536: connections and listeners together */
    uint32_t syn_cache;       /* 4096: half-open connections, all listeners together */
    uint32_t time_wait;       /* 32768: records of closed connections in TIME-WAIT */
    uint32_t ranges;          /* 65536: intervals of sent data, of held data, and of send buffers, each of all
                                   connections together */
    uint32_t send_buffer;     /* 4 MiB: bytes a connection may have queued; see buffer_initial */
    uint32_t receive_buffer;  /* 6 MiB: bytes a connection may hold unread, and the window; likewise */
    weft_time
        msl; /* 30 s: half of TIME-WAIT. DEVIATES: RFC 9293 3.4.2 says 2 min; ours, as most hosts have it */
    weft_time rto_min;            /* 200 ms. DEVIATES: RFC 6298 2.4 says 1 s; ours, as most hosts have it */
    weft_time rto_initial;        /* 1 s (RFC 6298 2.1) */
    weft_time rto_max;            /* 60 s (RFC 6298 2.5: at least 60 s) */
    weft_time delayed_ack;        /* 40 ms (RFC 9293 MUST-40: below 500 ms) */
    weft_time keepalive_idle;     /* 2 h (RFC 9293 MUST-28) */
    weft_time keepalive_interval; /* 75 s */
    weft_time fin_wait_2;         /* 60 s: how long a closed connection waits for the peer's FIN */
    uint8_t syn_cookies;          /* enum weft_syn_cookies */
    uint8_t keepalive_probes;     /* 9 */
    uint8_t syn_retries;          /* 7: enough for the 3 minutes of RFC 9293 MUST-23 */
    uint8_t data_retries;         /* 15: R2, at least 100 s (RFC 9293 SHLD-11) */
    uint8_t initial_window_segs;  /* 10 (RFC 6928) */
    const char *congestion;       /* "cubic": the algorithm, by name (weft/congestion.h); kept, not copied */
    /* The program's own algorithms, the first NULL ends them; kept, not copied. */
    const struct weft_congestion *algorithms[WEFT_TCP_ALGORITHMS];
    /* Data leaves in bursts and not at a rate, but for algorithms that always pace and for WEFT_OPT_PACING. */
    bool no_pacing;
    enum weft_ecn ecn; /* WEFT_ECN_ACCEPT */
    /* cwnd is kept over pauses (RFC 7661), and not set back to the initial window (RFC 5681 4.1). */
    bool no_idle_restart;
    weft_time uto_min;         /* 100 s: the least that a peer's user timeout option makes of ours, */
    weft_time uto_max;         /* 1 h: and the most (RFC 5482 3.1) */
    uint32_t fast_open_peers;  /* 256: servers whose fast open cookies are kept (RFC 7413 4.1.3) */
    weft_time fast_open_pause; /* 60 s: a server that does not take fast opens is spared them; doubled each
                                     time in a row that a path swallows them, up to 256 times (RFC 7413 4.1.3.1) */
    const struct weft_tcp_crypto *crypto; /* kept, not copied; NULL: segments cannot be signed */
    bool no_fast_open_connect;            /* no data in our SYNs (RFC 7413): who asks for it is refused */
    bool no_fast_open_listen;             /* nor taken from those of others */
    bool fast_open_all_listeners;         /* a listener takes as many as its backlog without asking for it, */
    bool fast_open_all_connects;          /* and new sockets have WEFT_OPT_FASTOPEN_CONNECT */
    bool fast_open_send_without_cookie;   /* data goes to every server, and */
    bool fast_open_take_without_cookie;   /* is taken of every client: only where nobody forges addresses */
    bool fast_open_experimental; /* the option is known as kind 254, too, and tried if 34 gets no cookie */
    bool no_timestamps;          /* RFC 7323 is on unless this says not */
    bool no_window_scale;
    bool no_sack;
    bool no_rack;       /* loss is judged by counting SACKs (RFC 6675), not by time (RFC 8985) */
    bool no_tail_probe; /* no tail loss probes (RFC 8985 7) */
    /* 10 ms: the soonest that one goes, whatever the round trip: a host that is busy with something else for a moment
     * has lost nothing. The drafts before RFC 8985 had it. */
    weft_time tail_probe_min;
    bool no_eifel;            /* recoveries that were not called for are not told by timestamps (RFC 3522), */
    bool no_frto;             /* by what the second ACK after a timeout says (RFC 5682), */
    bool no_dsack_undo;       /* or by DSACKs (RFC 2883) */
    bool no_dsack;            /* segments that come twice are not reported (RFC 2883) */
    bool no_limited_transmit; /* duplicate ACKs let nothing new go before a recovery begins (RFC 3042) */
    bool no_prr; /* a recovery waits until what is out has fallen to ssthresh (RFC 6675 5): not RFC 9937 */
    bool no_abc; /* cwnd grows by a segment for an ACK at most, however much it acknowledges: not RFC 3465 */
    bool no_hystart; /* only a loss, or a mark, ends the first slow start: not RFC 9406 */
    /* 8: segments by which one ACK lets cwnd grow in slow start, at most, where nothing is paced (L of RFC 9406 4.3);
     * 255: as much as it acknowledges, as Linux. */
    uint8_t hystart_limit;
    bool no_fast_path; /* every segment takes the step-by-step way: for tests */
    bool check;        /* every connection's invariants are checked after each event: for tests */

    uint8_t mtu_probing; /* enum weft_mtu_probing */

    /* 1024: the packet size that a search begins with, bytes, at least 552 (RFC 4821 7.2: "probably safe
     * enough"). */
    uint32_t mtu_base;

    /* Buffers are tuned (tcp/tune.c): each begins with 128 KiB, or this, and grows up to the two above as far as
     * the path and the peer have use for it, while there is memory. With no_buffer_tuning they have their full
     * size at once. WEFT_OPT_SEND_BUFFER and WEFT_OPT_RECEIVE_BUFFER end it for a socket. */
    uint32_t buffer_initial;
    bool no_buffer_tuning;

    /* 120 s: how long a closed connection waits for a peer that keeps its window shut; and how long any does, while
     * others wait for packet memory, before it is reset with WEFT_E_NOMEM (RFC 6429 5). */
    weft_time orphan_window;

    /* 5, which are 63 s. DEVIATES: RFC 9293 MUST-23 says 3 minutes, which are 7; but a half-open connection
     * is mostly nobody's, and hosts have 5. */
    uint8_t syn_ack_retries;

    /* Segments without timestamps are taken although both sides agreed on them. RFC 7323 3.2 says that they SHOULD
     * be dropped, which protects; but some middleboxes lose the option, and Linux takes them. */
    bool tolerate_missing_timestamps;

    /* PSH not only at the end of what was written (RFC 9293 SHLD-28) but on the last segment of each burst
     * that leaves as one super-segment, so that a receiver that coalesces passes it on at once; as Linux. A burst
     * is then at most half of cwnd, half of the largest window the peer has offered, and what cwnd's rate makes
     * of a millisecond or burst_segs (2), whichever is more. */
    bool push_bursts;
    uint8_t burst_segs;

    /* A router's soft error ("host unreachable") ends a connection that is being opened, at either end, as Linux has
     * it and RFC 5461 4.2 describes. RFC 9293 MUST-56 says that it does not. */
    bool soft_errors_end_opens;

    uint8_t
        wscale_least; /* 0: the window scale is the smallest that can say receive_buffer, and at least this */

    /* The options of a SYN: MSS, SACK-permitted, timestamps, window scale; or with this, as the BSDs have it: MSS,
     * window scale, SACK-permitted, timestamps. */
    bool wscale_first;

    uint8_t fast_open_losses; /* 1: losses in a row with which fast_open_pause begins; Linux has 2 */

    /* In a conversation ACKs are delayed from the beginning: once data of ours has answered the peer's, until a
     * delayed ACK has found no data to go with. Otherwise the first 16 segments are acknowledged at once, which
     * helps a peer's slow start and costs a segment for each question. As Linux. */
    bool answers_delay_acks;

    /* 10: challenge ACKs that a connection sends in 5 s (RFC 5961 7). */
    uint16_t challenges;

    /* 1024: keys of TCP-AO (weft/tcp_ao.h) that all sockets and connections together hold; accepted connections
     * have copies of their listener's. */
    uint32_t ao_keys;

    /* Segments with AO for which nobody has a key are dropped, too. RFC 5925 7.3 says that they SHOULD be accepted
     * unless this is configured: they are as good as any without the option. */
    bool ao_drop_unmatched;

    /* What a connection has learned of its peer's host is used by the next to it (RFC 9040): round trips, the
     * ssthresh of long flows, whether packets are reordered, a packet size that PLPMTUD has found. It is right
     * where one address is one host on one path; and it can tell who watches that there was a connection before. */
    bool host_cache;
    uint32_t host_cache_entries; /* 256: hosts that are remembered; the one not used for longest gives way */
    weft_time
        host_cache_expire; /* 5 min: how long what was learned counts (as RFC 7661 4.4 has it for cwnd) */
};

struct weft_stack_config {
    /* Memory for everything the stack holds. Used by weft_stack_new, weft_stack_free, and when an
     * interface is added; never on the packet path. Required. */
    struct weft_allocator allocator;

    /* Packets come from here; the stack borrows it. NULL: the stack makes its own by pool_config. */
    struct weft_pool *pool;
    struct weft_pool_config pool_config;

    /* Everything random comes from this seed: initial sequence numbers, ports, identifications.
     * On a real network it must be 32 unpredictable bytes. */
    uint8_t seed[32];

    weft_time now; /* the moment of creation */

    uint32_t max_sockets;     /* 0 means 65536 */
    uint32_t max_neighbours;  /* 0 means 1024 */
    uint32_t max_routes;      /* 0 means 256 */
    uint32_t tx_queue;        /* packets that may wait for one link; 0 means 1024 */
    uint32_t trace_records;   /* size of the trace ring, rounded up to a power of two; 0: no tracing */
    uint32_t icmp_per_second; /* ICMP errors sent at most (RFC 1812 4.3.2.8); 0 means 1000 */

    struct weft_tcp_config tcp;
};

/* Gives a new stack. Returns 0, WEFT_E_INVAL (no such congestion control among others) or WEFT_E_NOMEM. Borrows `config` for the call. */
int weft_stack_new(const struct weft_stack_config *config, struct weft_stack **stack);

/*
 * Frees the stack, its sockets without a word to their peers, and all it
 * holds. Packets that links still have from its pool must be freed before.
 */
void weft_stack_free(struct weft_stack *stack);

/*
 * Changes TCP's settings while the stack runs, as sysctl does: they hold for what begins from now on, and for
 * standing connections where they are looked at again (the shortest retransmission timeout, say, but not the
 * options that a handshake has agreed on). Memory is not moved: max_connections, syn_cache, time_wait, ranges,
 * fast_open_peers and ao_keys stay what they were. Returns 0, or WEFT_E_INVAL where weft_stack_new would for the same
 * settings, or where `crypto` lacks what keys of MD5 or of TCP-AO need.
 */
int weft_stack_set_tcp(struct weft_stack *stack, const struct weft_tcp_config *config);

/* The pool that links of this stack receive into. Lives as long as the stack. */
struct weft_pool *weft_stack_pool(struct weft_stack *stack);

/* What a stack holds at this moment, each bounded by its configuration. */
struct weft_stack_usage {
    uint32_t sockets;
    uint32_t connections; /* control blocks, those in the accept queues and orphans included */
    uint32_t listeners;
    uint32_t half_open; /* records in the SYN cache */
    uint32_t time_wait; /* records of closed connections */
    uint32_t chunks;    /* pieces of send buffers */
    uint32_t ranges;    /* of what was sent and is not acknowledged */
    uint32_t runs;      /* received out of order */
    uint32_t ao_keys;   /* of TCP-AO, of sockets and of connections */
};

/* Gives through `out`. */
void weft_stack_usage(const struct weft_stack *stack, struct weft_stack_usage *out);

/* The last time that the stack was told. */
weft_time weft_stack_now(const struct weft_stack *stack);

/*
 * The key of the fast open cookies that listeners give (RFC 7413 4.1.2): 16
 * bytes; or 32, the second of which is still taken, so that a key can be
 * replaced. Random at first. Servers that share an address share a key; it may
 * be one of Linux's net.ipv4.tcp_fastopen_key. Returns 0 or WEFT_E_INVAL.
 */
int weft_stack_set_fastopen_key(struct weft_stack *stack, const uint8_t *key, size_t len);

/* The longest key (RFC 2385 4.5: at least 80). */
#define WEFT_TCP_MD5_KEY_MAX 80

/*
 * Signs TCP segments to `peer`, an address or a network, with MD5 (RFC 2385),
 * and drops those from there that are not so signed, without an answer. With a
 * `port` (of BGP: 179) only connections that have it at either end. The closest
 * prefix counts. `len` is 1 to 80 bytes; 0 takes the key away. 64 keys at
 * most. Connections that stand change over with the next segment. Returns 0,
 * WEFT_E_OPNOTSUPP (the configuration brings no MD5), WEFT_E_INVAL,
 * WEFT_E_LIMIT or WEFT_E_NOTFOUND (nothing to take away).
 */
int weft_stack_set_md5_key(struct weft_stack *stack, const struct weft_prefix *peer, uint16_t port,
                           const void *key, size_t len);

/* Forgets every server's fast open cookie, and what went wrong with it. */
void weft_stack_forget_fastopen(struct weft_stack *stack);

/* Forgets what is known of hosts by weft_tcp_config.host_cache: after the network has changed, say. */
void weft_stack_forget_hosts(struct weft_stack *stack);

/* --- Interfaces, addresses, routes ----------------------------------------- */

struct weft_iface_config {
    const char *name; /* copied; at most 15 bytes */
    enum weft_link_type type;
    uint32_t caps; /* what the link does: enum weft_link_cap */
    uint32_t mtu;  /* 68 to 65535 bytes (RFC 791 3.2) */
    struct weft_mac mac;
};

/* Adds an interface, up. Returns its index, 1 or more, or WEFT_E_INVAL, WEFT_E_LIMIT, WEFT_E_NOMEM. */
int weft_iface_add(struct weft_stack *stack, const struct weft_iface_config *config);

/* The same with what the link says of itself. */
int weft_iface_add_link(struct weft_stack *stack, const struct weft_link *link);

/*
 * Gives an interface an address and a route to its network, and announces it
 * (RFC 5227 3). Returns 0, WEFT_E_INVAL (not a host's address, no such
 * interface), WEFT_E_EXIST or WEFT_E_LIMIT.
 */
int weft_iface_add_addr(struct weft_stack *stack, int iface, const struct weft_prefix *addr);

/*
 * Adds a route. `gateway` NULL or "any": the network is on the link itself.
 * `iface` 0: the interface that reaches the gateway. Among equal prefixes the
 * lower metric wins. Returns 0, WEFT_E_INVAL, WEFT_E_NETUNREACH (the gateway
 * is on no link), WEFT_E_EXIST or WEFT_E_LIMIT.
 */
int weft_route_add(struct weft_stack *stack, const struct weft_prefix *dst, const struct weft_addr *gateway,
                   int iface, uint32_t metric);

/* Removes the route with this destination, gateway and interface. Returns 0 or WEFT_E_NOTFOUND. */
int weft_route_del(struct weft_stack *stack, const struct weft_prefix *dst, const struct weft_addr *gateway,
                   int iface);

/* --- Driving --------------------------------------------------------------- */

/*
 * Frames that a link received at `now`. Takes every packet in `batch` and
 * leaves it empty. What is owed in answer is built by the next weft_step, so a
 * batch is acknowledged as one. `iface` must be an index from weft_iface_add.
 */
void weft_input(struct weft_stack *stack, int iface, struct weft_pktq *batch, weft_time now);

/* Fires the timers that are due at `now` and builds the frames that connections owe or may send. */
void weft_step(struct weft_stack *stack, weft_time now);

/* When weft_step must be called at the latest, if nothing else happens; WEFT_TIME_NEVER if there is
 * no need; a moment not after `now` if there is work already. */
weft_time weft_deadline(const struct weft_stack *stack);

/*
 * The frames that wait for the link of an interface. The queue is the stack's;
 * the caller removes from its front what the link takes (weft_link_send does)
 * and leaves the rest.
 */
struct weft_pktq *weft_output(struct weft_stack *stack, int iface);

/* --- Timers for applications ------------------------------------------------ */

/* The stack's part of a timer; private. */
struct weft_timer_node {
    struct weft_timer_node *next;
    struct weft_timer_node **prev; /* NULL: not set */
    weft_time deadline;
    uint16_t slot;
    uint16_t kind;
};

/*
 * A timer in the stack's wheel, in memory of the caller; all zero is a timer
 * that is not set. Kept here so that applications live in the stack's time,
 * real or virtual.
 */
struct weft_timer {
    struct weft_timer_node node;
    void (*fired)(struct weft_timer *timer, weft_time now); /* weft_dispatch calls it; the stack never does */
    void *user;
};

/* Sets or moves the timer. The memory must stay until it is cancelled or has been given out. */
void weft_timer_set(struct weft_stack *stack, struct weft_timer *timer, weft_time deadline);

/* No effect when it is not set. Also takes it back when it was due and not yet given out. */
void weft_timer_cancel(struct weft_stack *stack, struct weft_timer *timer);

/* The next application timer that weft_step found due, no longer set; NULL when there is none. */
struct weft_timer *weft_timer_next_due(struct weft_stack *stack);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
