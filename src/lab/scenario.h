/* SPDX-License-Identifier: MIT */
/*
 * A scenario: a network, what runs over it, what happens to it, and what is
 * expected of it. The same model is read from a file, made by the campaign,
 * written as a file, and run.
 *
 * Owns    the arrays of its parts. Parts refer to each other by their place in
 *         the array.
 */
#ifndef WEFT_LAB_SCENARIO_H
#define WEFT_LAB_SCENARIO_H

#include <stdio.h>

#include <weft/sim.h>

#include "lab/words.h"

#define LAB_NAME 16 /* bytes of a name with its NUL: that of an interface, too */

enum lab_node_kind {
    LAB_HOST,
    LAB_ROUTER,
};

/* What a host's words set besides TCP's. */
struct lab_host {
    struct weft_tcp_config tcp;
    uint32_t pool;     /* packets of a pool of its own; 0: the network's */
    uint32_t tx_queue; /* packets; 0: the stack's default */
    bool no_check;     /* the invariants are checked after each event unless this says not */
};

struct lab_node {
    char name[LAB_NAME];
    enum lab_node_kind kind;
    struct lab_host host;
    bool no_icmp; /* of a router */
};

enum lab_link_type {
    LAB_LINK_IP,
    LAB_LINK_ETHERNET,
};

/* What holds for both directions of a link. */
struct lab_link_both {
    int type; /* enum lab_link_type */
    uint32_t mtu;
    bool offload;
};

struct lab_link {
    char name[2 * LAB_NAME]; /* "a-b" */
    unsigned node[2];
    struct lab_link_both both;
    struct weft_wire_direction direction[2]; /* by enum weft_wire_way */
};

/* A middlebox on a link: at its second end, behind those that were named before it. */
struct lab_box {
    char name[LAB_NAME];
    unsigned link;
    struct weft_box_config config;
};

/* How the program at one end of a connection behaves. */
enum lab_close {
    LAB_CLOSE_FIN,   /* says FIN after all that it sends, reads to the end, closes when all has arrived */
    LAB_CLOSE_LAST,  /* the same, but not before the other has said FIN */
    LAB_CLOSE_NOW,   /* closes when all is written, whatever else may come */
    LAB_CLOSE_ABORT, /* resets when all is written */
};

struct lab_behaviour {
    uint64_t write_size;  /* bytes of one call; 0: 64k */
    uint64_t write_rate;  /* bits per second; 0: as fast as it may */
    uint64_t read_size;   /* bytes of one call; 0: 64k */
    uint64_t read_rate;   /* bits per second; 0: as fast as it comes */
    uint64_t pause_after; /* bytes read, then it reads nothing for `pause` */
    weft_time pause;
    weft_time abort_after; /* after its connection stands; 0: never */
    bool borrow;           /* reads without copying */
    bool lend;             /* writes without copying */
    int close;             /* enum lab_close */
    bool nodelay, cork, quickack, keepalive, uto;
    weft_time keepalive_idle, keepalive_interval;
    weft_time user_timeout;
    uint64_t send_buffer, receive_buffer; /* 0: the stack's default */
    uint32_t maxseg;
    uint32_t keepalive_probes, ttl, tos; /* 0: the stack's default, of these all */
    weft_time uto_advertised;
    bool pacing, fast_open_no_cookie;
    uint64_t max_pacing_rate; /* bits per second */
    uint64_t notsent_lowat;
    int ecn; /* one more than enum weft_ecn */
};

/* How its segments are signed. */
enum lab_sign {
    LAB_SIGN_NO,
    LAB_SIGN_MD5, /* RFC 2385; whatever else there is between the server's port and anybody, too */
    LAB_SIGN_AO,  /* RFC 5925 */
};

/* What is written about a flow as a whole. */
struct lab_flow_both {
    weft_time start; /* after the beginning of the run */
    uint64_t bytes;  /* from the client */
    uint64_t reply;  /* from the server */
    bool endless;    /* the client sends until `stop` */
    weft_time stop;
    bool duplex;       /* the reply does not wait for the request */
    bool fast_open;    /* the client's first bytes go with its SYN, if a cookie is known */
    bool simultaneous; /* both ends connect, no one listens */
    int sign;          /* enum lab_sign */
    uint32_t count;    /* connections; 0: 1 */
    weft_time every;   /* between the beginnings of two */
    uint32_t backlog;  /* of the listener; 0: default */
    uint32_t port;     /* of the server; 0: chosen */
};

struct lab_flow {
    char name[LAB_NAME];
    unsigned node[2]; /* client, server */
    struct lab_flow_both both;
    struct lab_behaviour side[2];
};

enum lab_event_kind {
    LAB_EVENT_LINK,  /* new settings of a link */
    LAB_EVENT_ABORT, /* the client's end of a flow's connections resets */
    LAB_EVENT_BOX,   /* new settings of a middlebox */
};

struct lab_event {
    weft_time at;
    enum lab_event_kind kind;
    unsigned index;                          /* of the link, flow or box */
    struct lab_link_both both;               /* the state after it */
    struct weft_wire_direction direction[2]; /* the same */
    struct weft_box_config box;              /* the same */
};

/* What can be measured and expected. */
enum lab_metric {
    LAB_METRIC_FINISH,        /* us: when the last connection of a flow was closed by both */
    LAB_METRIC_GOODPUT,       /* bit/s: bytes delivered from the flow's start to its end */
    LAB_METRIC_RTT,           /* us: mean of the smoothed round trip */
    LAB_METRIC_RETRANSMITTED, /* segments */
    LAB_METRIC_TIMEOUTS,
    LAB_METRIC_FAILED,   /* connections that did not deliver everything */
    LAB_METRIC_FAIRNESS, /* Jain's index of the goodputs of several flows */
    LAB_METRIC_DROPPED,  /* packets, by a link's queues */
    LAB_METRIC_LOST,     /* packets, by a link's faults */
    LAB_METRIC_MARKED,
    LAB_METRIC_QUEUE, /* packets that waited at most */
    LAB_METRIC_COUNT,
};

#define LAB_SUBJECTS 16

struct lab_expect {
    enum lab_metric metric;
    bool at_most; /* else at least */
    double value;
    unsigned count;
    unsigned subject[LAB_SUBJECTS]; /* flows, or one link, by the metric */
};

struct lab_scenario {
    char title[120];
    uint64_t seed;
    weft_time time;  /* the run ends then at the latest; 0: when all flows are over, an hour at most */
    bool is_hostile; /* losing a connection is no fault by itself */
    unsigned node_count, link_count, box_count, flow_count, event_count, expect_count;
    struct lab_node *node;
    struct lab_link *link;
    struct lab_box *box;
    struct lab_flow *flow;
    struct lab_event *event; /* by time */
    struct lab_expect *expect;
};

/* --- The words (scenario_words.c) ----------------------------------------------------------- */

extern const struct lab_word lab_host_words[], lab_router_words[], lab_link_words[], lab_line_words[],
    lab_box_words[], lab_flow_words[], lab_side_words[];

/* The name of a metric, and whether it is of a link rather than of flows. */
const char *lab_metric_name(enum lab_metric metric);
bool lab_metric_is_of_link(enum lab_metric metric);

/* --- Making one ----------------------------------------------------------------------------- */

/* Each adds a part, all zero but for its name, and gives it; it moves with the next. NULL: no memory. */
struct lab_node *lab_add_node(struct lab_scenario *scenario, enum lab_node_kind kind, const char *name);
struct lab_link *lab_add_link(struct lab_scenario *scenario, unsigned a, unsigned b);
struct lab_box *lab_add_box(struct lab_scenario *scenario, const char *name, unsigned link);
struct lab_flow *lab_add_flow(struct lab_scenario *scenario, const char *name, unsigned client,
                              unsigned server);
struct lab_event *lab_add_event(struct lab_scenario *scenario, weft_time at); /* in its place */
struct lab_expect *lab_add_expect(struct lab_scenario *scenario);

void lab_scenario_free(struct lab_scenario *scenario);

/* --- Text (scenario_read.c, scenario_write.c) ------------------------------------------------- */

/* Reads a file; "-" is standard input. Fills `out`. Returns 0, or an error: `why` then says where
 * and what, in up to `why_size` bytes. */
int lab_scenario_read(const char *path, struct lab_scenario *out, char *why, size_t why_size);

/* The same from an open stream, which stays open; `name` is for messages. */
int lab_scenario_read_stream(FILE *in, const char *name, struct lab_scenario *out, char *why,
                             size_t why_size);

/* Writes it so that reading gives the same. */
void lab_scenario_write(const struct lab_scenario *scenario, FILE *out);

#endif
