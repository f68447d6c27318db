/* SPDX-License-Identifier: MIT */
/*
 * The anatomy of a recording: what it holds, put together so that it can be
 * told, whether as text, as HTML or as comments of a capture file.
 *
 *     frames and events  --order-->  items  --attribute-->  entries
 *
 * An *entry* is a frame with the events that belong to it, or something that
 * happened between frames: a timer that fired, what the application did. Events
 * after a FRAME_IN were caused by that frame. From a TCP_OUT (or ICMP_OUT) on they
 * led to the next FRAME_OUT; what follows a FRAME_OUT belongs to it still, until
 * the next of these begins.
 *
 *     FRAME_IN 7 | TCP_IN, TCP_SND, TIMER_CANCEL | TCP_READ  | TCP_OUT, FRAME_OUT 9, TIMER_SET
 *     '------------ entry: frame 7 -------------' '- entry -' '------- entry: frame 9 -------'
 *
 * Owns    everything it points at but for the recording, which must outlive it.
 */
#ifndef WEFT_INSPECT_ANATOMY_H
#define WEFT_INSPECT_ANATOMY_H

#include "inspect/recording.h"
#include "inspect/trace_text.h"

enum anatomy_kind {
    ANATOMY_FRAME,
    ANATOMY_TIMER,       /* a timer fired, and what came of it */
    ANATOMY_APPLICATION, /* calls of the application */
    ANATOMY_STACK,       /* anything else that happened without a frame */
};

/* Why an entry is not shown by default. */
enum anatomy_fold {
    ANATOMY_SHOWN,
    ANATOMY_FOLDED_RUN,        /* one of many similar data segments */
    ANATOMY_FOLDED_BACKGROUND, /* not part of the exchange */
};

struct anatomy_entry {
    enum anatomy_kind kind;
    enum anatomy_fold fold;
    weft_time time;
    const struct inspect_frame *frame; /* ANATOMY_FRAME only */
    uint32_t number;                   /* of the frame, from 1 */
    bool to_right;                     /* drawn from the peer's line, on the left, to ours */
    uint32_t conn;                     /* number of the connection, 0: none */
    uint32_t first_event, event_count; /* in anatomy.event */
    bool has_state;                    /* our side's state is known */
    uint8_t state_before, state_after;
    uint32_t flow; /* of the frame or of the connection: index in anatomy.flow; UINT32_MAX: none */
    uint8_t problems;
    bool is_tcp;
    struct weft_dissect_tcp tcp;
    struct weft_addr src, dst;
    const char *kind_text; /* "SYN", "ARP request" */
    const char *summary;
    uint32_t stream_from, stream_to; /* of its payload in the stream, bytes from 0; equal: none */
};

/* A piece of a stream and the frame that brought it. */
struct anatomy_piece {
    uint32_t offset, len;
    uint32_t entry;
    const uint8_t *bytes;
};

/* An HTTP message in a stream. */
struct anatomy_message {
    uint32_t flow;
    uint8_t
        side; /* of the stream that it is in: 0 to us, 1 from us. Nothing forbids a response from a client */
    bool is_response, is_complete;
    uint16_t status;
    uint32_t head_from, head_len; /* in the stream */
    uint32_t end;                 /* in the stream */
    uint32_t first_entry, last_entry;
    uint32_t body_from, body_len; /* in `bodies` of its stream, without chunk framing */
    const char *content_type;     /* "" when it does not say */
};

/* One direction of a connection. */
struct anatomy_stream {
    uint32_t piece_count, piece_room;
    struct anatomy_piece *piece; /* by offset after the streams are made */
    uint8_t *bytes;              /* what is there without a hole from the beginning */
    uint32_t len;
    uint8_t *bodies; /* contents of its messages, one after the other */
    uint32_t bodies_len;
    bool is_cut; /* there is more behind a hole or a limit */
};

struct anatomy_flow {
    uint32_t number;              /* in the flow table */
    struct weft_addr here, there; /* our end, and the peer's */
    uint16_t here_port, there_port;
    bool here_is_client;
    uint32_t conn; /* of the trace; 0: unknown */
    struct inspect_bases bases;
    uint32_t first_entry, last_entry;
    uint32_t frames, retransmissions;
    weft_time syn_time, synack_time, established_time; /* 0: not seen */
    struct anatomy_stream stream[2];                   /* 0: to us, 1: from us */
};

/* A state of a connection, from one moment to another. */
struct anatomy_state {
    uint32_t conn;
    uint8_t state;
    uint8_t cause;                 /* of its beginning */
    uint32_t from_entry, to_entry; /* to_entry UINT32_MAX: to the end */
    weft_time from;
};

enum anatomy_end { ANATOMY_OPEN, ANATOMY_CANCELLED, ANATOMY_FIRED };

/* A timer from its setting to its end. */
struct anatomy_timer {
    uint32_t conn;
    uint8_t timer;
    uint8_t end; /* enum anatomy_end */
    uint32_t from_entry, to_entry;
    weft_time from, to, in; /* `in`: the time it was last set for */
    uint32_t restarts;
};

struct anatomy_summary {
    uint32_t frames, background;
    uint64_t bytes;      /* on the wire */
    weft_time duration;  /* of the exchange */
    weft_time handshake; /* SYN to the ACK of the SYN-ACK; 0: not seen */
    uint32_t retransmissions;
    uint32_t problems; /* frames with something wrong */
    uint32_t connections;
    uint32_t round_trips; /* alternations of the direction that carries data, SYN or FIN, halved */
};

struct anatomy {
    const struct weft_recording *recording;
    weft_time start; /* of the client's first frame: what times are relative to. Entries may be earlier */
    uint32_t entry_count, entry_room;
    struct anatomy_entry *entry;
    const struct weft_trace_record **event; /* grouped by entry */
    uint32_t event_count;
    uint32_t flow_count, flow_room;
    struct anatomy_flow *flow;
    uint32_t state_count, state_room;
    struct anatomy_state *state;
    uint32_t timer_count, timer_room;
    struct anatomy_timer *timer;
    uint32_t message_count, message_room;
    struct anatomy_message *message;
    bool is_foreign; /* no frame has a direction: neither end is known to be ours */
    struct anatomy_summary summary;
    struct inspect_arena arena; /* where texts lie */
};

/* Gives the anatomy. Returns 0 or WEFT_E_NOMEM. */
int anatomy_new(const struct weft_recording *recording, struct anatomy **out);
void anatomy_free(struct anatomy *anatomy);

/* A flow table that is large enough for the recording. As weft_flows_new. */
int anatomy_flows_new(const struct weft_recording *recording, struct weft_flows **flows);

/* What the two ends are called, if the options do not say it. */
const char *anatomy_here(const struct anatomy *anatomy, const struct weft_inspect_options *options);
const char *anatomy_there(const struct anatomy *anatomy, const struct weft_inspect_options *options);

/* Where the sequence numbers of the entry's connection begin; NULL when that is not known. */
const struct inspect_bases *anatomy_bases(const struct anatomy *anatomy, const struct anatomy_entry *entry);

/* True for events that a frame's own fields tell already: FRAME_IN, FRAME_OUT, TCP_IN. */
bool anatomy_is_told(const struct weft_trace_record *event);

enum anatomy_topic {
    ANATOMY_TOPIC_STATE,
    ANATOMY_TOPIC_TIMER,
    ANATOMY_TOPIC_WHY, /* why a segment was sent */
    ANATOMY_TOPIC_APPLICATION,
    ANATOMY_TOPIC_DROP,
    ANATOMY_TOPIC_EVENT,
};

/* What an event is about. */
enum anatomy_topic anatomy_topic_of(const struct weft_trace_record *event);

/* The event as a text beside its frame: without the connection's number, with relative sequence
 * numbers, without the topic's name. The text lies in `buf`, of WEFT_TRACE_TEXT bytes. */
const char *anatomy_event_text(const struct anatomy *anatomy, const struct anatomy_entry *entry,
                               const struct weft_trace_record *event, char *buf);

/* The length of the run of folded entries of one kind that begins at `entry`, and what is in it. */
struct anatomy_run {
    uint32_t entries, frames, data_segments, acks;
    uint64_t payload;
};
struct anatomy_run anatomy_run_at(const struct anatomy *anatomy, uint32_t entry);

/* --- Steps of anatomy_new, in their order --- */

/* Entries with their frames and events, and flows (anatomy_attribute.c). */
int anatomy_attribute(struct anatomy *a);

/* States and timers of connections, from the events (anatomy_states.c). */
int anatomy_states(struct anatomy *a);

/* Streams and HTTP messages (anatomy_stream.c). */
int anatomy_streams(struct anatomy *a);

/* What is folded, and the summary (anatomy_fold.c). */
void anatomy_fold(struct anatomy *a);
void anatomy_summarize(struct anatomy *a);

#endif
