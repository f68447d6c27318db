/* SPDX-License-Identifier: MIT */
/*
 * A script at work: the stack, the peers that the script plays, and what has
 * been sent and not been expected yet.
 */
#ifndef WEFT_SCRIPT_RUN_H
#define WEFT_SCRIPT_RUN_H

#include <weft/check.h>
#include <weft/socket.h>

#include "script/script.h"
#include "wire/ip4.h"
#include "wire/tcp.h"

#define RUN_SEEN  1024 /* segments that may wait to be expected */
#define RUN_CONNS 64   /* connections of the trace that are followed */
#define RUN_LOG   40   /* lines that a failure shows */
#define RUN_TEXT  512  /* of one segment as text */

/* One side of a conversation that the script plays. */
struct run_flow {
    struct weft_endpoint local,
        remote;   /* ports are chosen by the first use when the script leaves them open */
    uint32_t iss; /* our number 0; 0 until our first SYN is seen */
    uint32_t irs; /* the peer's */
    bool has_iss;
    int64_t isn_step;   /* from the flow's last initial number to this one */
    uint32_t peer_base; /* relative number of the SYN that the connection stands on */
    uint32_t last_syn;  /* relative number of the last SYN that the peer has sent */
    bool has_syn;
    bool has_ts_offset;  /* our clock is known: */
    uint32_t ts_offset;  /* TSval less the script's milliseconds */
    uint32_t last_tsval; /* true */
    unsigned state;      /* enum weft_tcp_state, as the trace says */
};

struct run_sock {
    char name[SCRIPT_NAME];
    struct weft_sock *sock;
    int flow;                   /* -1: none yet */
    uint32_t write_at, read_at; /* relative numbers of the next byte */
    bool has_read;              /* read_at is known */
    unsigned heard;             /* enum weft_sock_event bits since the script last asked */
};

/* A packet that the stack has sent. */
struct seen {
    weft_time when;
    int flow; /* -1: of no flow, or no TCP */
    struct wire_ip4 ip;
    struct wire_tcp tcp;
    uint8_t option_bytes[40];
    uint32_t len;
    const char *flaw; /* what no packet may have: a wrong checksum, …; NULL: nothing */
};

struct run {
    const struct weft_script *script;
    struct weft_script_options options;
    FILE *report;
    const struct script_step *step; /* at hand */
    struct weft_pool *pool;
    struct weft_stack *stack;
    struct weft_check *check; /* sees what passes; NULL while the start is looked for, and at the end */
    unsigned broken;          /* bits of script->breaks that were */
    int iface;
    weft_time start, now; /* of the stack */
    weft_time last;       /* moment of the last statement */
    weft_time tolerance;
    unsigned spins; /* steps at one moment */
    bool held;      /* between hold and release */
    bool failed;
    unsigned nflows, nsocks, nconns;
    struct run_flow flows[SCRIPT_MAX_FLOWS];
    struct run_sock socks[SCRIPT_MAX_SOCKS];
    struct {
        uint32_t conn;
        int flow;
    } conns[RUN_CONNS];
    uint64_t trace_at;
    unsigned first, count; /* of `seen` */
    struct seen seen[RUN_SEEN];
    unsigned logged;
    char log[RUN_LOG][RUN_TEXT];
};

/* --- run.c ------------------------------------------------------------------------- */

/* Tells what went wrong at the statement at hand, with what passed before. Returns false. */
bool run_fail(struct run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The stack does what is to be done at this moment; what it sends is noted. */
void run_step(struct run *run);

/* A line of what passes. */
void run_log(struct run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Milliseconds since the script began. */
uint32_t run_clock(const struct run *run);

/* --- packet.c: packets as bytes, and as text ----------------------------------------- */

/* The byte of payload at a relative number: the same for both sides. */
uint8_t packet_byte(uint32_t at);

/* Makes the packet of a statement and hands it to the stack. False when it has told why not. */
bool packet_send(struct run *run, const struct script_packet *packet);

/* Takes a packet that the stack has sent apart. Frees it. */
void packet_take(struct run *run, struct weft_pkt *pkt, struct seen *out);

/* As it would stand in a script. Returns `buf`. */
const char *packet_text(const struct run *run, const struct seen *seen, char buf[RUN_TEXT]);

/* True when the segment is what the statement says; else what differs stands in `why`. */
bool packet_is(const struct run *run, const struct seen *seen, const struct script_packet *packet, char *why,
               size_t why_size);

/* --- call.c: what the application does, and what is expected of the state -------------- */

bool call_make(struct run *run, const struct script_call *call);
bool call_expect(struct run *run, const struct script_expect *expect);
bool call_events(struct run *run, const char *sock, unsigned wanted, bool none);

/* The flow with these ends; -1: none. */
int run_flow_find(const struct run *run, const struct weft_endpoint *local,
                  const struct weft_endpoint *remote);

#endif
