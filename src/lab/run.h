/* SPDX-License-Identifier: MIT */
/*
 * A scenario that runs: the network made of it, its flows, its events, and the
 * judgement of what happened.
 *
 * Owns    the simulation. Everything that is not as it must be becomes a line
 *         in `faults`: bytes that are wrong or missing, an end that hangs, a
 *         stack that spins without time going on, packets or records that
 *         never come home, a rule of TCP that the wire checker saw broken, an
 *         expectation that is not met.
 */
#ifndef WEFT_LAB_RUN_H
#define WEFT_LAB_RUN_H

#include "lab/flow.h"
#include "lab/scenario.h"

struct weft_check;
struct weft_recording;
struct weft_pcapng;

#define LAB_STALL         (600 * WEFT_SEC)  /* ours: ten retransmissions at RFC 6298's most in a row */
#define LAB_STALL_HOSTILE (1200 * WEFT_SEC) /* ours: until a connection that somebody has cut is given up */

struct lab_options {
    bool trace;           /* stacks keep a trace: for the diagnosis of a fault */
    const char *captures; /* directory for a capture of each link's ends; NULL: none */
    bool sample;          /* series are kept for plots */
};

/* One end of a link, and the file that shows it. */
struct lab_port {
    int port; /* the interface of a host, the port of a router */
    struct lab_run *run;
    const char *node;         /* its name */
    struct weft_check *check; /* of a host: watches that it breaks no rule of TCP */
    struct weft_recording *recording;
    struct weft_pcapng *pcapng;
};

struct lab_link_run {
    struct weft_wire *wire;
    struct lab_port port[2];
};

struct lab_node_run {
    struct weft_stack *stack; /* NULL: a router */
    struct weft_router *router;
    struct weft_addr addr;
    unsigned ifaces;
};

/* What is known of a flow at a moment: one sample of a plot. Of its first connection that stands, where
 * only one can be meant. */
struct lab_flow_sample {
    uint64_t delivered;                         /* bytes, both directions, all connections */
    uint64_t sent, acked, retransmitted;        /* bytes of the sender that has more to send; segments */
    uint32_t cwnd, ssthresh, in_flight, window; /* bytes */
    weft_time srtt, min_rtt;
    weft_time limited[WEFT_LIMIT_COUNT]; /* what has held the sender, in all */
};

struct lab_link_sample {
    uint32_t queue[2]; /* packets */
    uint64_t bytes[2]; /* sent on their way so far */
};

/* Samples at equal distances: when there are too many, every second is dropped and the distance doubles. */
struct lab_series {
    weft_time every, begin;
    unsigned count, room;
    struct lab_flow_sample *flow; /* flow_count for each sample */
    struct lab_link_sample *link;
};

struct lab_run {
    const struct lab_scenario *scenario;
    struct lab_options options;
    struct weft_sim *sim;
    struct weft_block *pattern;
    struct lab_node_run *node;
    struct lab_link_run *link;
    struct weft_box **box;
    struct lab_flow_run *flow;
    struct lab_series series;
    weft_time begin, end;
    unsigned next_event;
    uint64_t steps;
    unsigned faults;  /* how many */
    char *fault_text; /* lines */
    size_t fault_size;
    FILE *fault_stream; /* onto fault_text */
};

/* Makes the network. Returns 0, or an error: `why` then says why. */
int lab_run_new(const struct lab_scenario *scenario, const struct lab_options *options, struct lab_run **run,
                char *why, size_t why_size);

/* Runs it to its end and judges. */
void lab_run_go(struct lab_run *run);

/* A number that is the same for two runs in which every link carried the same packets, and every end of a connection
 * read the same and ended at the same time. */
uint64_t lab_run_digest(const struct lab_run *run);

/* Writes what `captures` asks for. Returns 0 or an error with `why`. */
int lab_run_save(struct lab_run *run, char *why, size_t why_size);

void lab_run_free(struct lab_run *run);

/* Notes what is not as it must be: a line. */
void lab_fault(struct lab_run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* --- measure.c ------------------------------------------------------------------------------ */

/* The value of a metric for a flow or a link, in its own unit. FINISH of a flow that is not over is infinite. */
double lab_measure(const struct lab_run *run, enum lab_metric metric, unsigned subject);

/* What has held the senders of a flow, the end of each connection that had more to send, summed over its connections,
 * by enum weft_tcp_limit. Returns how long they had something to send or unacknowledged. */
weft_time lab_held(const struct lab_flow_run *flow, weft_time held[WEFT_LIMIT_COUNT]);

/* Jain's index of fairness of the goodputs of some flows: 1 when all are equal. */
double lab_fairness(const struct lab_run *run, const unsigned *flows, unsigned count);

bool lab_expect_is_met(const struct lab_run *run, const struct lab_expect *expect);

/* "goodput of a >= 9 Mbit/s; it is 8.7 Mbit/s". Returns `buf`. */
const char *lab_expect_text(const struct lab_run *run, const struct lab_expect *expect, char *buf,
                            size_t size);

/* Judges the expectations. */
void lab_check_expectations(struct lab_run *run);

/* Takes a sample if one is due. */
void lab_sample(struct lab_run *run);
weft_time lab_next_sample(const struct lab_run *run);

/* --- diagnose.c -------------------------------------------------------------------------------- */

/* What both ends of a connection know of it, and the last that their stacks decided about it. */
void lab_diagnose(const struct lab_run *run, const struct lab_conn *conn, FILE *out);

#endif
