/* SPDX-License-Identifier: MIT */
/*
 * Networks in virtual time: stacks, routers, middleboxes, wires between them,
 * and a clock that jumps to the next thing that happens. No threads, no
 * sleeping, nothing random but the seed: a run can be repeated to the byte.
 *
 * A network is made once and lives as a whole: what is added to it belongs to
 * it and goes with weft_sim_free.
 */
#ifndef WEFT_SIM_H
#define WEFT_SIM_H

#include <weft/socket.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct weft_sim;

/* Gives a network with nothing in it, at time 1 s. Returns 0 or WEFT_E_NOMEM. */
int weft_sim_new(uint64_t seed, struct weft_sim **sim);

/* Frees the network with its nodes and links. Links that are not attached to a node are the
 * caller's, and must not hold packets of the network any more. */
void weft_sim_free(struct weft_sim *sim);

weft_time weft_sim_now(const struct weft_sim *sim);

/* What is under way in the network comes from here. */
struct weft_pool *weft_sim_pool(struct weft_sim *sim);

/*
 * Adds a stack. Allocator, seed and time of `config` are the network's, and so
 * is the pool, unless pool_config.pkts asks for one of the stack's own; NULL
 * stands for all defaults. Gives the stack, which the network owns. Returns 0 or
 * as weft_stack_new.
 */
int weft_sim_add_stack(struct weft_sim *sim, const struct weft_stack_config *config,
                       struct weft_stack **stack);

/*
 * Attaches a link to a stack as a new interface; takes the link, which must
 * be one in memory that says its deadlines. Returns the interface's index or a
 * negative code (WEFT_E_NOTFOUND: not a stack of the network). A link that
 * breaks is left alone from then on.
 */
int weft_sim_add_link(struct weft_sim *sim, struct weft_stack *stack, struct weft_link *link);

/*
 * Moves to the next moment at which something is to be done and does a bounded
 * amount of it: frames, timers, handlers. Returns false when nothing will ever
 * happen again, or nothing up to and at `until`; the time is then `until` if
 * that was not NEVER. A wire without delay takes no time; but where the same
 * moment would go on for ever, time moves on by single microseconds.
 */
bool weft_sim_step(struct weft_sim *sim, weft_time until);

/* Steps until `until`, until nothing is left to do, or until `done` (may be NULL) says true.
 * Returns true when `done` said so. */
bool weft_sim_run(struct weft_sim *sim, weft_time until, bool (*done)(void *ctx), void *ctx);

/* --- Wires ------------------------------------------------------------------------ */

/* Who may wait for a transmitter, and who is dropped. Zero means the default that each line gives. */
enum weft_queue_kind {
    WEFT_QUEUE_TAIL, /* the last that finds no room */
    WEFT_QUEUE_RED,  /* by chance, the more the longer the average queue; the slope above red_max is gentle */
    WEFT_QUEUE_CODEL, /* RFC 8289: by how long packets have waited */
};

struct weft_queue_config {
    enum weft_queue_kind kind;
    bool ecn;           /* RED and CoDel mark packets that say ECT instead of dropping them (RFC 3168) */
    uint32_t packets;   /* 1000: that may wait */
    uint32_t bytes;     /* the same in bytes; 0: no such limit */
    uint32_t red_min;   /* packets; a sixth of `packets` */
    uint32_t red_max;   /* packets; half of `packets` */
    weft_time target;   /* of CoDel; 5 ms */
    weft_time interval; /* of CoDel; 100 ms */
};

/* What a wire does in one direction. Probabilities are 0 to 1, of each packet independently. All zero:
 * a perfect line without a limit. */
struct weft_wire_direction {
    weft_time delay;
    weft_time jitter; /* up to this much more, evenly distributed; keeps the order */
    uint64_t rate;    /* bits per second of whole frames, at most 10^15; 0: no limit, and nobody waits */
    struct weft_queue_config queue;
    double loss;             /* in the good state of the model below, which is the only one by default */
    double burst_enter;      /* Gilbert-Elliott: probability of going to the bad state with a packet */
    double burst_leave;      /* and back to the good one */
    double burst_loss;       /* loss in the bad state */
    weft_time burst_most;    /* which ends after so long, however few packets come; 0: only with a packet */
    double reorder;          /* held back by reorder_delay while others pass */
    weft_time reorder_delay; /* 1 ms */
    double duplicate;        /* the second comes right behind the first */
    double corrupt;          /* one random bit flipped, checksums being complete */
    uint32_t mtu;            /* bytes: larger packets vanish without a word (a black hole); 0: none does */
    bool down;               /* what is transmitted is lost */
};

enum weft_wire_way {
    WEFT_WIRE_FORTH, /* from the first end to the second */
    WEFT_WIRE_BACK,
};

struct weft_wire_config {
    const char *name; /* copied; NULL: "wire" */
    enum weft_link_type type;
    uint32_t mtu; /* that both ends say they have; 0 means 1500 */
    bool offload; /* takes super-segments and partial checksums, and completes them itself */
    struct weft_wire_direction direction[2]; /* by enum weft_wire_way */
};

/* Of one direction; packets, if not said otherwise. */
struct weft_wire_stats {
    uint64_t packets, bytes; /* sent on their way */
    uint64_t dropped_full;   /* no room in the queue */
    uint64_t dropped_early;  /* by RED or CoDel */
    uint64_t marked;         /* by RED or CoDel: congestion experienced */
    uint64_t lost;           /* by chance */
    uint64_t lost_large;     /* by `mtu` */
    uint64_t lost_down;
    uint64_t corrupted, duplicated, reordered;
    uint32_t queue_packets, queue_bytes; /* that wait now */
    uint32_t queue_most;                 /* packets that have ever waited at one time */
};

struct weft_wire;

/*
 * A wire between two nodes of the network. Gives both ends, links to be
 * attached, and the wire, which can be asked and changed while both ends are
 * open. Returns 0 or WEFT_E_NOMEM.
 */
int weft_wire_new(struct weft_sim *sim, const struct weft_wire_config *config, struct weft_wire **wire,
                  struct weft_link **a, struct weft_link **b);

/* Other settings from now on, for packets that have not been transmitted yet. */
void weft_wire_set(struct weft_wire *wire, enum weft_wire_way way, const struct weft_wire_direction *config);
void weft_wire_get(const struct weft_wire *wire, enum weft_wire_way way, struct weft_wire_direction *config);

/* Gives through `stats`. */
void weft_wire_stats(const struct weft_wire *wire, enum weft_wire_way way, struct weft_wire_stats *stats);

/* --- Routers ------------------------------------------------------------------------ */

/*
 * Forwards IPv4 by static routes and reports what it cannot deliver: time
 * exceeded, no route, fragmentation needed (RFC 1812 5). It is a part of the
 * simulation and not a weft stack: it speaks to nobody but by ICMP errors,
 * answers no ARP, and never fragments.
 */
struct weft_router;

struct weft_router_config {
    struct weft_addr addr; /* its own: the source of its errors */
    bool no_icmp;          /* says nothing of what it drops */
};

struct weft_router_stats {
    uint64_t forwarded;
    uint64_t malformed, expired, unroutable, too_big; /* dropped */
    uint64_t errors;                                  /* ICMP messages sent */
};

/* Adds a router. Gives it; the network owns it. Returns 0 or WEFT_E_NOMEM. */
int weft_sim_add_router(struct weft_sim *sim, const struct weft_router_config *config,
                        struct weft_router **router);

/* Attaches a link of type WEFT_LINK_IP, which it takes. Returns the number of the port, from 0, or
 * WEFT_E_NOMEM, WEFT_E_OPNOTSUPP (a link with Ethernet). */
int weft_router_add_link(struct weft_router *router, struct weft_link *link);

/* Sends what is for `dst` out of a port; the longest prefix wins. Returns 0, WEFT_E_INVAL (no such
 * port, not IPv4), or WEFT_E_NOMEM. */
int weft_router_add_route(struct weft_router *router, const struct weft_prefix *dst, int port);

/* The MTU of what leaves by a port, which is the link's at first. */
void weft_router_set_mtu(struct weft_router *router, int port, uint32_t mtu);

const struct weft_router_stats *weft_router_stats(const struct weft_router *router);

/* --- Middleboxes -------------------------------------------------------------------- */

/* Options of TCP, for what a box erases. */
enum weft_box_option {
    WEFT_BOX_MSS = 1 << 0,
    WEFT_BOX_WSCALE = 1 << 1,
    WEFT_BOX_SACK_PERMITTED = 1 << 2,
    WEFT_BOX_SACK = 1 << 3,
    WEFT_BOX_TIMESTAMPS = 1 << 4,
    WEFT_BOX_FAST_OPEN = 1 << 5,
    WEFT_BOX_OTHER = 1 << 6, /* every other kind */
};

/* What becomes of the two ECN bits, or of TCP's part in it. */
enum weft_box_ecn {
    WEFT_BOX_ECN_PASS,
    WEFT_BOX_ECN_BLEACH,   /* the bits are erased */
    WEFT_BOX_ECN_MARK,     /* what says ECT says congestion experienced */
    WEFT_BOX_ECN_MARK_ALL, /* everything says so, whether its ends have agreed on ECN or not */
    WEFT_BOX_ECN_DEAF,     /* ECE and CWR are erased once the handshake is over */
};

enum weft_box_syn_text {
    WEFT_BOX_SYN_PASS,
    WEFT_BOX_SYN_DROP, /* a SYN with text vanishes */
    WEFT_BOX_SYN_TRIM, /* it goes on without its text */
};

/* All zero: passes everything. Probabilities are of each segment. */
struct weft_box_config {
    uint32_t strip_syn; /* options erased in SYNs: enum weft_box_option, or-ed */
    uint32_t strip;     /* in all segments */
    bool rewrite;       /* both ends see other sequence numbers than the other end has chosen */
    uint32_t window; /* bytes that windows are limited to; 0: none. Smaller than before takes windows back */
    int ecn;         /* enum weft_box_ecn */
    int syn_text;    /* enum weft_box_syn_text */
    double reset;    /* resets with the right numbers are forged to both ends */
    double reset_blind; /* the same with numbers near them, as one who guesses has them */
    uint32_t split;     /* payload bytes of the largest segment; 0: any */
    uint32_t coalesce;  /* segments in a row become one of up to so many; 0: none */
    uint32_t thin;      /* only each n-th of pure ACKs in a row passes at once; not with `coalesce` */
    weft_time wait;     /* that a segment may be held for these; 0 means 2 ms */
};

struct weft_box_stats {
    uint64_t segments; /* of TCP that were sound, and so may have been changed */
    uint64_t stripped; /* options */
    uint64_t windows, syn_texts, resets, split, joined, thinned;
};

struct weft_box;

/*
 * A middlebox between two links of one type, which it takes. TCP over IPv4
 * passes changed, everything else as it is. Gives the box; the network owns it.
 * Returns 0, WEFT_E_NOMEM, or WEFT_E_INVAL (links of two types, `thin` with
 * `coalesce`).
 */
int weft_sim_add_box(struct weft_sim *sim, const struct weft_box_config *config, struct weft_link *left,
                     struct weft_link *right, struct weft_box **box);

/* Other settings from now on; segments that are held go on their way. Not `thin` with `coalesce`. */
void weft_box_set(struct weft_box *box, const struct weft_box_config *config);

/* Gives through `stats`. */
void weft_box_stats(const struct weft_box *box, struct weft_box_stats *stats);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
