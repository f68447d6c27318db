/* SPDX-License-Identifier: MIT */
/*
 * A script as its files share it: what parse.c makes and run.c runs.
 *
 * Owns    the form of a parsed script. Everything in it is a plain value; names
 *         are copied, so the text can go.
 * Never   holds anything of a run: one script can be run any number of times.
 */
#ifndef WEFT_SCRIPT_SCRIPT_H
#define WEFT_SCRIPT_SCRIPT_H

#include <weft/script.h>
#include <weft/stack.h>

#define SCRIPT_NAME       24  /* of a socket, a flow, an option, with its NUL */
#define SCRIPT_PATH       256 /* of a file */
#define SCRIPT_LINE       512 /* bytes of one line */
#define SCRIPT_MAX_TEXT   (256u * 1024)
#define SCRIPT_MAX_STEPS  4096 /* statements of a script with all that it includes */
#define SCRIPT_MAX_FILES  32   /* that one script may include, itself counted */
#define SCRIPT_MAX_DEPTH  4    /* of includes in includes */
#define SCRIPT_MAX_OPTS   20   /* options of one segment */
#define SCRIPT_MAX_RAW    40   /* bytes of one option given in hexadecimal */
#define SCRIPT_MAX_BREAKS 8    /* rules */
#define SCRIPT_MAX_FLOWS  16
#define SCRIPT_MAX_SOCKS  24
#define SCRIPT_MAX_TESTS  8 /* comparisons in one `expect` */
#define SCRIPT_MAX_WRITE  (1u << 20)

/* --- Time ------------------------------------------------------------------------ */

enum script_when {
    SCRIPT_RELATIVE, /* to the statement before */
    SCRIPT_ABSOLUTE, /* since the script began */
    SCRIPT_ANY,      /* whenever it comes */
};

struct script_time {
    enum script_when when;
    bool is_range;
    weft_time low, high; /* equal without a range */
};

/* --- Packets --------------------------------------------------------------------- */

/* A sequence number: relative to the first of its side, or as it stands on the wire. */
struct script_seq {
    bool is_true;
    uint32_t n;
};

enum script_opt_kind {
    SCRIPT_OPT_MSS,
    SCRIPT_OPT_SACK_OK,
    SCRIPT_OPT_WSCALE,
    SCRIPT_OPT_TS,
    SCRIPT_OPT_SACK,
    SCRIPT_OPT_NOP,
    SCRIPT_OPT_EOL,
    SCRIPT_OPT_RAW, /* bytes as they are, kind and length included */
};

struct script_opt {
    uint8_t kind; /* enum script_opt_kind */
    bool any_val, any_ecr;
    uint8_t raw_len;
    uint32_t val, ecr; /* mss, shift and TSval are `val`; a SACK block is [val, ecr) */
    uint8_t raw[SCRIPT_MAX_RAW];
};

struct script_icmp {
    bool given;
    uint8_t type, code;
    uint16_t mtu;
};

struct script_packet {
    bool nothing; /* "> nothing" */
    bool any;     /* "> ...": whatever is sent until the next statement */
    char flow[SCRIPT_NAME];
    /* Of the IP header. */
    bool has_ttl, has_tos, bad_ip_sum, bad_sum;
    uint8_t ttl, tos, tos_mask;
    bool has_from, has_to;
    struct weft_addr from, to;
    uint8_t ip_opts_len;
    uint8_t ip_opts[SCRIPT_MAX_RAW];
    struct script_icmp icmp; /* `seq` and `len` are then those of the quoted segment */
    bool quotes;
    /* Of the segment. */
    uint16_t flags; /* enum wire_tcp_flag */
    struct script_seq seq, ack;
    uint32_t len;
    bool has_ack, has_win, has_urg, junk;
    uint16_t win, urg;
    uint8_t data_offset; /* in words, when it lies; 0: the true one */
    bool any_opts;
    uint8_t nopts;
    struct script_opt opts[SCRIPT_MAX_OPTS];
};

/* --- Calls ----------------------------------------------------------------------- */

enum script_call_kind {
    SCRIPT_CALL_BIND,
    SCRIPT_CALL_LISTEN,
    SCRIPT_CALL_CONNECT,
    SCRIPT_CALL_ACCEPT,
    SCRIPT_CALL_WRITE,
    SCRIPT_CALL_READ,
    SCRIPT_CALL_PEEK,
    SCRIPT_CALL_SHUTDOWN,
    SCRIPT_CALL_CLOSE,
    SCRIPT_CALL_ABORT,
    SCRIPT_CALL_SET,
    SCRIPT_CALL_GET,
    SCRIPT_CALL_ERROR,
    SCRIPT_CALL_PENDING,
    SCRIPT_CALL_ROOM,
    SCRIPT_CALL_URGENT,
    SCRIPT_CALL_MARK,
    SCRIPT_CALL_TROUBLE,
};

struct script_call {
    enum script_call_kind kind;
    char sock[SCRIPT_NAME];
    char from[SCRIPT_NAME]; /* accept: the listener; connect: the flow */
    struct weft_endpoint addr;
    int64_t number; /* bytes, backlog, shutdown's direction, the option's value */
    int option;     /* enum weft_sockopt */
    unsigned flags; /* write: enum weft_send_flag */
    bool has_result;
    int64_t result;
};

/* --- Expectations ------------------------------------------------------------------ */

enum script_op {
    SCRIPT_EQ,
    SCRIPT_NE,
    SCRIPT_LT,
    SCRIPT_LE,
    SCRIPT_GT,
    SCRIPT_GE,
};

enum script_subject {
    SCRIPT_OF_INFO,     /* a field of struct weft_tcp_info */
    SCRIPT_OF_DROPS,    /* a drop counter */
    SCRIPT_OF_COUNTERS, /* another counter */
    SCRIPT_OF_FLOW,     /* what the runner itself knows of the flow */
};

enum script_flow_field {
    SCRIPT_FLOW_ISN_STEP, /* by how much our initial number has moved since the flow's last connection */
    SCRIPT_FLOW_ISN,
    SCRIPT_FLOW_PORT, /* the local port */
};

struct script_test {
    enum script_subject subject;
    unsigned index; /* of the field or counter */
    enum script_op op;
    int64_t value;
};

struct script_expect {
    char sock[SCRIPT_NAME]; /* or the flow's name */
    unsigned count;
    struct script_test test[SCRIPT_MAX_TESTS];
};

/* --- Statements -------------------------------------------------------------------- */

enum script_kind {
    SCRIPT_IN,
    SCRIPT_OUT,
    SCRIPT_CALL,
    SCRIPT_EXPECT,
    SCRIPT_STATE,
    SCRIPT_EVENTS,
    SCRIPT_HOLD,    /* what comes in is handed over and not looked at before */
    SCRIPT_RELEASE, /* this */
};

struct script_step {
    enum script_kind kind;
    uint16_t file; /* index into files */
    uint32_t line;
    struct script_time time;
    char text[SCRIPT_LINE]; /* as it stands in the file */
    union {
        struct script_packet packet;
        struct script_call call;
        struct script_expect expect;
        struct {
            char flow[SCRIPT_NAME];
            unsigned state; /* enum weft_tcp_state */
        } state;
        struct {
            char sock[SCRIPT_NAME];
            unsigned wanted; /* enum weft_sock_event bits */
            bool none;
        } events;
    };
};

struct script_flow {
    char name[SCRIPT_NAME];
    struct weft_endpoint local, remote;
};

/* What the lines before the first statement have set. */
struct script_setup {
    struct weft_tcp_config tcp;
    uint32_t mtu;
    uint32_t tx_queue;
    uint32_t pkts, small_blocks, large_blocks; /* of the pool */
    uint32_t our_isn, peer_isn;
    weft_time tolerance;
};

struct weft_script {
    struct script_setup setup;
    char texts[4][SCRIPT_NAME]; /* that fields of `setup` point to */
    unsigned ntexts;
    unsigned nbreaks;
    unsigned
        breaks[SCRIPT_MAX_BREAKS]; /* rules of the wire checker that the stack is told or seen to break */
    char requires[SCRIPT_LINE];    /* the ids of the rows that it proves, for messages */
    unsigned nfiles;
    char files[SCRIPT_MAX_FILES][SCRIPT_PATH];
    unsigned nflows;
    struct script_flow flows[SCRIPT_MAX_FLOWS];
    unsigned nsteps, room;
    struct script_step *steps;
};

/* The flow that packets without a name belong to, and the sockets that calls without one are made on. */
#define SCRIPT_FLOW     "main"
#define SCRIPT_SOCK     "sock"
#define SCRIPT_LISTENER "listener"

/* The index of a flow of this name, or -1. */
int script_find_flow(const struct weft_script *script, const char *name);

#endif
