/* SPDX-License-Identifier: MIT */
/*
 * What an onlooker remembers of TCP conversations: where their sequence numbers
 * begin, their window scale factors, what has been seen of each direction.
 *
 * Owns    a fixed number of conversations; the one that was silent for longest
 *         makes room for a new one.
 * Never   changes anything that is shown: it is told of segments and answers.
 */
#ifndef WEFT_INSPECT_FLOW_H
#define WEFT_INSPECT_FLOW_H

#include <weft/inspect.h>

#include "inspect/http_track.h"

/* Holes in one direction that are remembered; ours: more are hardly ever open at once in what people look at. */
#define INSPECT_FLOW_HOLES 8

/* A hole that is filled sooner than this after it opened was overtaken, not resent. Ours: the same 3 ms
 * that other analysers use, below the round trip of most real paths. */
#define INSPECT_FLOW_REORDER (3 * WEFT_MSEC)

struct inspect_hole {
    uint32_t left, right; /* sequence numbers, right exclusive */
    weft_time since;
};

/* One direction. */
struct inspect_flow_side {
    struct weft_addr addr; /* of the sender */
    uint16_t port;
    bool has_base, has_next, has_ack, has_wscale, has_syn, has_fin;
    uint8_t wscale;
    uint8_t hole_count;
    uint32_t base; /* the sequence number that is shown as 0 */
    uint32_t next; /* first sequence number that has not been seen */
    uint32_t last_ack, last_window;
    uint32_t http_next; /* where the tracker goes on */
    bool http_is_synced;
    struct inspect_hole hole[INSPECT_FLOW_HOLES];
    struct inspect_http http;
};

struct inspect_flow {
    uint32_t number; /* from 1; 0: free */
    weft_time used;
    bool side_0_is_client;
    struct inspect_flow_side side[2];
    struct inspect_http_pipeline pipeline;
    struct inspect_flow *next; /* in the chain of its hash */
};

/* A segment as the flow table wants it. */
struct inspect_segment {
    weft_time time;
    struct weft_addr src, dst;
    uint16_t src_port, dst_port;
    uint32_t seq, ack;
    uint16_t flags;
    uint16_t window; /* as it stands in the header */
    bool has_sack;
    bool has_wscale; /* the option is there */
    uint8_t wscale;
    uint32_t payload_len; /* by the headers, whether at hand or not */
};

/*
 * Looks up the conversation, makes it if it is new, notes the segment and fills
 * in what is known. Gives the flow, or NULL when `flows` is NULL; `side` gets the
 * index of the sender's side.
 */
struct inspect_flow *inspect_flow_segment(struct weft_flows *flows, const struct inspect_segment *segment,
                                          struct weft_dissect_tcp *out, unsigned *side);

/*
 * The part of a payload that continues what the HTTP tracker of that side has
 * seen: `skip` gets the number of bytes that it knows already. False when the
 * tracker is not to be fed (nothing new).
 */
bool inspect_flow_http_begin(struct inspect_flow_side *side, uint32_t seq, uint32_t len, uint32_t *skip);

static inline bool inspect_seq_before(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) < 0;
}

#endif
