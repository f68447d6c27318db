/* SPDX-License-Identifier: MIT */
/*
 * Links: the wires that frames come from and go to.
 *
 * A link knows packets and nothing of protocols. It moves them in batches and
 * never blocks. Links compose: a capture or an impairment is a link around
 * another link. Anyone can write one: fill in a weft_link_ops and embed a
 * weft_link as the first member.
 *
 * Threads: a link belongs to the thread that drives its stack.
 */
#ifndef WEFT_LINK_H
#define WEFT_LINK_H

#include <weft/pkt.h>
#include <weft/types.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* What a frame on the link begins with. */
enum weft_link_type {
    WEFT_LINK_ETHERNET, /* an Ethernet header */
    WEFT_LINK_IP,       /* an IPv4 or IPv6 header: TUN, tunnels */
};

/* What the link does for the stack. What it does not do is done in software before it. */
enum weft_link_cap {
    WEFT_LINK_TX_CSUM = 1 << 0, /* completes partial TCP and UDP checksums */
    WEFT_LINK_TSO4 = 1 << 1,    /* takes TCP super-segments over IPv4 (implies TX_CSUM) */
    WEFT_LINK_TSO6 = 1 << 2,    /* the same over IPv6 */
    WEFT_LINK_RX_CSUM = 1 << 3, /* marks received packets whose checksum is known to be good */
    WEFT_LINK_LRO = 1 << 4,     /* may deliver super-segments */
};

struct weft_link;

struct weft_link_ops {
    /*
     * Appends up to `max` received packets, made from `pool`, to `batch`.
     * Never blocks. Returns how many it appended, 0 when there is nothing, or
     * a negative code when the link is broken for good (WEFT_E_IO,
     * WEFT_E_NETDOWN). An empty pool is not an error: the frames are lost and
     * counted, as on a card without buffers. A super-segment has its l3_off
     * and l4_off set and its headers in the linear part.
     */
    int (*recv)(struct weft_link *link, struct weft_pool *pool, struct weft_pktq *batch, unsigned max,
                weft_time now);
    /*
     * Sends packets from the front of `batch`, freeing each; leaves those that
     * the device has no room for. Returns how many it took, or a negative code
     * when the link is broken for good. Also called with an empty batch when
     * the deadline has come.
     */
    int (*send)(struct weft_link *link, struct weft_pktq *batch, weft_time now);
    /*
     * The descriptor that becomes readable when recv has something (and
     * writable when send can go on), or -1 for a link in memory.
     */
    int (*fd)(const struct weft_link *link);
    /*
     * When recv or send may have something without the descriptor saying so
     * (a delayed packet falls due), or WEFT_TIME_NEVER. A moment in the past
     * means at once: recv, or send, will then get something done. NULL stands
     * for a link that always says NEVER.
     */
    weft_time (*deadline)(const struct weft_link *link);
    /*
     * The driver has finished a round at `now`: input, step and output are
     * done. A capture writes here what it has noted. NULL if of no interest.
     */
    void (*end_round)(struct weft_link *link, weft_time now);
    /* Frees the link, and the link it is wrapped around. */
    void (*close)(struct weft_link *link);
};

struct weft_link_stats {
    uint64_t rx_packets, rx_bytes; /* a super-segment counts as one packet */
    uint64_t tx_packets, tx_bytes;
    uint64_t rx_dropped, tx_dropped; /* lost here: no memory, device refused */
};

struct weft_link {
    const struct weft_link_ops *ops;
    const char *name; /* for messages and captures; lives as long as the link */
    enum weft_link_type type;
    uint32_t caps;       /* enum weft_link_cap */
    uint32_t mtu;        /* largest network-layer packet, bytes, without the Ethernet header */
    struct weft_mac mac; /* of our end; all zero for WEFT_LINK_IP and when the link does not care */
    struct weft_link_stats stats;
};

static inline int weft_link_recv(struct weft_link *link, struct weft_pool *pool, struct weft_pktq *batch,
                                 unsigned max, weft_time now)
{
    return link->ops->recv(link, pool, batch, max, now);
}

static inline int weft_link_send(struct weft_link *link, struct weft_pktq *batch, weft_time now)
{
    return link->ops->send(link, batch, now);
}

static inline int weft_link_fd(const struct weft_link *link)
{
    return link->ops->fd ? link->ops->fd(link) : -1;
}

static inline weft_time weft_link_deadline(const struct weft_link *link)
{
    return link->ops->deadline ? link->ops->deadline(link) : WEFT_TIME_NEVER;
}

static inline void weft_link_end_round(struct weft_link *link, weft_time now)
{
    if (link->ops->end_round)
        link->ops->end_round(link, now);
}

static inline void weft_link_close(struct weft_link *link)
{
    if (link)
        link->ops->close(link);
}

/* --- The links that come with weft ----------------------------------------- */

/*
 * Two ends of a wire in memory: what one sends, the other receives, in order
 * and at once. Packets cross as they are when both ends' stacks share a pool,
 * else they are copied by the receiver. `queue` bounds the packets under way
 * in each direction. The ends of an Ethernet wire have MAC addresses of their
 * own, the same for every wire. When either end is closed, packets under way
 * are freed; what the other end sends from then on is lost and counted.
 * Gives both links. Returns 0 or WEFT_E_NOMEM.
 */
struct weft_pipe_config {
    enum weft_link_type type;
    uint32_t caps;  /* offloads that the wire pretends to do: super-segments pass whole */
    uint32_t mtu;   /* bytes; 0 means 1500 */
    uint32_t queue; /* packets; 0 means 1024 */
};
int weft_link_pipe(const struct weft_pipe_config *config, struct weft_link **a, struct weft_link **b);

/*
 * Opens a TAP (Ethernet) or TUN (IP) device of Linux by name; it is created if
 * it does not exist and the caller may (root, or root of its user namespace),
 * and then lives as long as the link. With `offload`, checksums and
 * super-segments pass both ways if the kernel agrees; `caps` of the link says
 * what was obtained. For a TAP the link's `mac` is a random locally
 * administered address. Gives the link. Returns 0, WEFT_E_INVAL (not a name,
 * or a device of another kind has it), WEFT_E_PERM, WEFT_E_NOTFOUND (no
 * /dev/net/tun), WEFT_E_EXIST (another program has the device open),
 * WEFT_E_NOMEM or WEFT_E_IO; `why`, if not NULL, gets up to `why_size` bytes of a sentence
 * that says what failed and what to do.
 *
 * While the kernel's side of the device is down, what is sent is lost and
 * counted. When the device is deleted, recv and send say WEFT_E_NETDOWN. The
 * link keeps one packet and four large blocks of the pool ready to receive
 * into, until it is closed.
 */
struct weft_tap_config {
    const char *name; /* at most 15 bytes; NULL or "" lets the kernel choose */
    bool offload;
    uint32_t mtu; /* bytes; 0: the device's own. Another value is given to the device too */
};
int weft_link_tap(const struct weft_tap_config *config, struct weft_link **link, char *why, size_t why_size);
int weft_link_tun(const struct weft_tap_config *config, struct weft_link **link, char *why, size_t why_size);

/*
 * Sets up the kernel's side of a TUN or TAP device: its MTU (0: left as it
 * is), its address with the route to the network (NULL: none; an IPv4 address
 * takes the place of one that it has), and the state "up". Returns 0,
 * WEFT_E_PERM, WEFT_E_NOTFOUND (no such device), WEFT_E_INVAL or WEFT_E_IO;
 * `why` as in weft_link_tap.
 */
int weft_tap_configure(const char *name, const struct weft_prefix *kernel_addr, uint32_t mtu, char *why,
                       size_t why_size);

/*
 * A wire with faults around `inner`, which it takes. Both directions have
 * their own settings and their own random numbers from `seed`, so a run can be
 * repeated. A direction without any impairment passes packets straight on; in
 * another, super-segments are cut up first, and the time between sending and
 * arriving is exact to the microsecond if the link is driven by its deadline.
 *
 * A packet first waits for `rate` or is lost because `queue` others wait; then
 * it is lost, corrupted or doubled by chance; then it travels. At most a
 * quarter of the pool's packets are held in either direction, more are lost:
 * make the pool large enough for the packets that travel at one time.
 *
 * `pool` is where copies come from, and must live longer than the link.
 * Gives the link. Returns 0 or WEFT_E_NOMEM.
 */
struct weft_impair_direction {
    weft_time delay;         /* added to every packet */
    weft_time jitter;        /* up to this much more, evenly distributed; keeps the order */
    uint64_t rate;           /* bits per second of whole frames, at most 10^15; 0: no limit */
    uint32_t queue;          /* packets waiting for the rate limit; 0 means 1000 */
    double loss;             /* probabilities, 0 to 1, of each packet independently */
    double reorder;          /* held back by reorder_delay while others pass */
    weft_time reorder_delay; /* 0 means 1 ms */
    double duplicate;        /* the second comes right behind the first */
    double corrupt;          /* one random bit flipped, after checksums have been completed */
};
struct weft_impair_config {
    uint64_t seed;
    struct weft_impair_direction out; /* frames that our stack sends */
    struct weft_impair_direction in;  /* frames that it receives */
};
int weft_link_impair(struct weft_link *inner, const struct weft_impair_config *config, struct weft_pool *pool,
                     struct weft_link **link);

/*
 * Reads "loss=5%,delay=10ms,jitter=2ms,rate=100mbit,queue=100,reorder=2%,
 * reorder-delay=1ms,duplicate=1%,corrupt=0.1%,seed=7"; "in:" or "out:" before
 * a word limits it to one direction; a later word replaces an earlier one.
 * weft-link(7) has the details. Gives through `out`. Returns 0 or
 * WEFT_E_INVAL; `why` as in weft_link_tap names the word that was wrong.
 */
int weft_impair_parse(const char *text, struct weft_impair_config *out, char *why, size_t why_size);

/*
 * Sees every frame that passes, whole: super-segments as such, checksums
 * completed. Called in the order in which the stack received or sent them.
 */
struct weft_tee_observer {
    /* One frame at `now`; `outgoing` when our stack sent it. Borrows `bytes`. */
    void (*frame)(void *ctx, bool outgoing, const uint8_t *bytes, uint32_t len, weft_time now);
    /* The round is over; NULL if of no interest. */
    void (*end_round)(void *ctx, weft_time now);
    /* The link is being closed; NULL if of no interest. */
    void (*close)(void *ctx);
    void *ctx;
};

/* A link around `inner`, which it takes, that shows all frames to `observer`. Returns 0 or WEFT_E_NOMEM. */
int weft_link_tee(struct weft_link *inner, const struct weft_tee_observer *observer, struct weft_link **link);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
