/* SPDX-License-Identifier: MIT */
/*
 * What frames and trace records mean, for a person: dissection field by field,
 * recordings, capture files, and the anatomy of an exchange as text or HTML.
 *
 * Owns    no part of the stack: everything here reads bytes and records after
 *         the fact. It uses the C library (memory, stdio) and never a socket.
 * Never   trusts a length or a byte of what it is shown. Text that came from a
 *         network is printed with control characters made visible, and put
 *         into HTML as data only.
 *
 * The parts can be used alone:
 *
 *     frame bytes            -> weft_dissect        -> layers and fields
 *     a trace record         -> weft_trace_text     -> a line
 *     a link and a stack     -> weft_recording      -> frames and events in one order
 *     a recording            -> weft_anatomy_text, weft_anatomy_html, weft_recording_save
 *     frames                 -> weft_pcapng_…       -> a file for Wireshark
 *     a capture file         -> weft_capture_…      -> frames, weft_recording_load -> a recording
 *
 * Not included by weft.h.
 */
#ifndef WEFT_INSPECT_H
#define WEFT_INSPECT_H

#include <stdio.h>

#include <weft/err.h>
#include <weft/frame.h>
#include <weft/link.h>
#include <weft/trace.h>
#include <weft/types.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* --- Dissection ---------------------------------------------------------------- */

#define WEFT_DISSECT_LAYERS 16    /* of one frame; an ICMP error quotes a packet with layers of its own */
#define WEFT_DISSECT_FIELDS 384   /* of one frame; what does not fit is said in the last layer's problem */
#define WEFT_DISSECT_TEXT   16384 /* bytes for all the texts of one frame */

enum weft_proto {
    WEFT_PROTO_ETHERNET,
    WEFT_PROTO_VLAN,
    WEFT_PROTO_ARP,
    WEFT_PROTO_IP4,
    WEFT_PROTO_IP6,
    WEFT_PROTO_ICMP4,
    WEFT_PROTO_ICMP6,
    WEFT_PROTO_UDP,
    WEFT_PROTO_TCP,
    WEFT_PROTO_HTTP,
    WEFT_PROTO_DATA,    /* payload that is not decoded further */
    WEFT_PROTO_TRAILER, /* bytes behind the packet: Ethernet padding */
};

struct weft_dissect_field {
    const char *name;   /* as in the RFC: "Sequence Number" */
    const char *text;   /* the value for a person: "443", "SYN, ACK", "10.77.0.1" */
    const char *note;   /* what it means: "relative 1", "correct", "raw 2920 << 7 = 373760"; or NULL */
    const char *source; /* "RFC 9293 3.1", or NULL */
    uint64_t value;     /* of up to 64 bits; of a longer field the first */
    uint32_t bit;       /* where it begins, bits from the first of the frame */
    uint32_t bits;      /* its length; 0: not in the frame but known from the context */
    uint8_t depth;      /* 0: of the layer; 1: a part of the last field of depth 0; and so on */
    bool is_wrong;      /* the note tells what is wrong with it */
};

struct weft_dissect_layer {
    enum weft_proto proto;
    const char *name;       /* "Transmission Control Protocol" */
    const char *short_name; /* "TCP" */
    const char *source;     /* "RFC 9293" */
    const char *summary;    /* "41312 > 80 [SYN] Seq=0 Win=64240" */
    const char *problem;    /* why it could not be decoded to its end, or NULL */
    uint32_t offset;        /* bytes from the frame's first */
    uint32_t len;           /* of the header with its options; of data, all that is at hand */
    uint16_t first_field;
    uint16_t field_count;
    bool is_quoted; /* a part of the packet that an ICMP error quotes */
};

/* What a flow table knows of a TCP segment, all zero when there was none (valid only when is_tcp). */
enum weft_segment_note {
    WEFT_SEGMENT_RETRANSMISSION = 1 << 0, /* all of it was sent before */
    WEFT_SEGMENT_GAP = 1 << 1,            /* begins behind what was seen: reordered, lost or not captured */
    WEFT_SEGMENT_DUPLICATE_ACK = 1 << 2,
    WEFT_SEGMENT_KEEPALIVE = 1 << 3,
    WEFT_SEGMENT_WINDOW_UPDATE = 1 << 4,
    WEFT_SEGMENT_ZERO_WINDOW = 1 << 5,
    WEFT_SEGMENT_HTTP_BEGIN = 1 << 6, /* an HTTP message begins in it */
    WEFT_SEGMENT_HTTP_END = 1 << 7,   /* an HTTP message ends in it */
    WEFT_SEGMENT_REORDERED = 1 << 8,  /* fills a gap that was seen before, soon after it: it was overtaken */
};

struct weft_dissect_tcp {
    uint32_t flow;    /* number of the conversation in the flow table, from 1; 0: no table or table full */
    bool from_client; /* sent by the side that opened the connection */
    bool seq_is_relative; /* relative numbers are known */
    uint16_t flags;       /* as in the header, 12 bits with the reserved ones */
    uint32_t seq, ack;
    uint32_t relative_seq, relative_ack;
    uint32_t window;                      /* scaled if the factor is known */
    uint32_t payload_offset, payload_len; /* in the frame; as the headers say, limited to what is at hand */
    uint32_t notes;                       /* enum weft_segment_note */
};

struct weft_dissection {
    uint16_t layer_count, field_count;
    bool is_tcp;      /* the frame's own transport is TCP, not that of a quoted packet */
    uint8_t problems; /* fields and layers that are wrong */
    struct weft_addr src,
        dst; /* of the IP header, or the protocol addresses of ARP; "any" if there are none */
    uint16_t src_port, dst_port; /* 0: none */
    const char *kind;            /* what it is, in a word or two: "SYN", "ACK", "ARP request", "echo reply" */
    const char *summary;         /* the frame in a line: kind, ends and what matters of it */
    struct weft_dissect_tcp tcp;
    struct weft_dissect_layer layer[WEFT_DISSECT_LAYERS];
    struct weft_dissect_field field[WEFT_DISSECT_FIELDS];
    uint32_t text_used;
    char text_buf[WEFT_DISSECT_TEXT]; /* where the texts lie: a dissection must not be copied */
};

/*
 * A memory of TCP conversations: with it relative sequence numbers, window
 * scaling, retransmissions and HTTP across segments are known. Frames must be
 * shown to it in their order. `max` conversations, 0 means 1024; when it is full
 * the one that was silent for longest is forgotten. Gives the table. Returns 0
 * or WEFT_E_NOMEM.
 */
struct weft_flows;
int weft_flows_new(unsigned max, struct weft_flows **flows);
void weft_flows_free(struct weft_flows *flows);

/*
 * Decodes a frame as far as it goes. Pure but for the flow table, which may be
 * NULL: each frame then stands alone. The dissection does not refer to the
 * frame's bytes or to the table afterwards. Never fails: what is wrong with the
 * frame stands in the dissection.
 */
void weft_dissect(struct weft_flows *flows, const struct weft_frame *frame, struct weft_dissection *out);

/* --- Trace records as text --------------------------------------------------------- */

#define WEFT_TRACE_TEXT 256 /* room for any record's text with its NUL */

/* "TCP #3 state SYN-RECEIVED -> ESTABLISHED: ACK received". Without the time. Returns `buf`, which
 * has room for WEFT_TRACE_TEXT bytes. */
const char *weft_trace_text(const struct weft_trace_record *record, char *buf);

/* "TCP_STATE conn=3 from=SYN-RECEIVED to=ESTABLISHED cause=ACK" for programs: each value is one word. As above. */
const char *weft_trace_words(const struct weft_trace_record *record, char *buf);

/* --- Recordings ---------------------------------------------------------------------- */

/* Frames of links and trace events of their stack, in memory, in one order. */
struct weft_recording;

/* Zero means the default. When a limit is reached the recording stops and says so. */
struct weft_recording_config {
    uint32_t max_frames; /* 100,000 */
    uint32_t max_events; /* 1,000,000 */
    uint64_t max_bytes;  /* 256 MiB: frames and events together */
    weft_time epoch;     /* weft_time 0 of the stack in microseconds since 1970 UTC; 0: unknown */
};

/* Gives an empty recording. `config` NULL: all defaults. Returns 0 or WEFT_E_NOMEM. */
int weft_recording_new(const struct weft_recording_config *config, struct weft_recording **recording);
void weft_recording_free(struct weft_recording *recording);

/*
 * A link around `inner`, which it takes, whose frames are recorded. `iface` is
 * the index that the stack will give it (the first link of a stack gets 1). The
 * recording must outlive the link. At most 8 links. Gives the link. Returns 0,
 * WEFT_E_LIMIT or WEFT_E_NOMEM.
 */
int weft_recording_attach(struct weft_recording *recording, struct weft_link *inner, int iface,
                          struct weft_link **link);

/*
 * Whose trace events go with the frames. They are read at the end of every
 * round of an attached link, and by weft_recording_poll. The stack must have a
 * trace ring that holds a round's events (65536 records are plenty). NULL: no
 * longer; to be said before the stack is freed if links stay.
 */
void weft_recording_set_stack(struct weft_recording *recording, const struct weft_stack *stack);

/* Reads what the stack has traced since. */
void weft_recording_poll(struct weft_recording *recording);

/* Adds by hand what the above add by themselves; copies. Returns 0, WEFT_E_LIMIT or WEFT_E_NOMEM. */
int weft_recording_add_frame(struct weft_recording *recording, const struct weft_frame *frame);
int weft_recording_add_events(struct weft_recording *recording, const struct weft_trace_record *records,
                              unsigned count);

/* Stops it or lets it go on (a recording begins switched on). While off nothing is kept, but frames
 * and events are counted so that they stay joined. */
void weft_recording_switch(struct weft_recording *recording, bool on);

struct weft_recording_summary {
    uint32_t frames, events;
    uint64_t bytes;
    uint64_t frames_missed; /* not kept because a limit was reached */
    uint64_t events_missed; /* the same, and records that the ring had overwritten */
    const char *limit;      /* the limit that stopped it, in words; NULL: none */
};
void weft_recording_summarize(const struct weft_recording *recording, struct weft_recording_summary *out);

/* --- Anatomy ---------------------------------------------------------------------------- */

/*
 * How things are printed. All zero: plain text, 100 columns, the default
 * selection. `start` is what times are relative to, 0 the first frame's or, of
 * an anatomy, the client's first. `here` and `there` name the two ends, NULL
 * "weft" and "peer", or "server" and "client" when a capture does not say who
 * is who.
 */
struct weft_inspect_options {
    bool colour;    /* with terminal escapes */
    bool compact;   /* one line for each frame */
    bool all;       /* every frame in full: no grouping of similar segments, no hiding of background frames */
    bool hex;       /* with the bytes */
    unsigned width; /* columns; 0 means 100 */
    weft_time start;
    const char *title; /* NULL: "Anatomy of an exchange" */
    const char *here;
    const char *there;
};

/* The recording for a terminal. `options` NULL: all zero. Returns 0, WEFT_E_NOMEM or WEFT_E_IO. */
int weft_anatomy_text(FILE *out, const struct weft_recording *recording,
                      const struct weft_inspect_options *options);

/* The recording as one HTML file without external parts. Same. */
int weft_anatomy_html(FILE *out, const struct weft_recording *recording,
                      const struct weft_inspect_options *options);

/* One frame as it stands in the anatomy: for live display. `number` counts frames for the heading. Same. */
int weft_dissect_print(FILE *out, uint64_t number, const struct weft_frame *frame,
                       const struct weft_dissection *dissection, const struct weft_inspect_options *options);

/* --- Capture files: writing ---------------------------------------------------------------- */

/* Writes pcapng. The first error stays: further calls do nothing and say it again. */
struct weft_pcapng;

/*
 * Creates or overwrites a file; "-" is standard output. `epoch` as in
 * weft_recording_config. Gives the writer. Returns 0, WEFT_E_NOMEM, WEFT_E_PERM,
 * WEFT_E_NOTFOUND or WEFT_E_IO; `why` as in weft_link_tap.
 */
int weft_pcapng_create(const char *path, weft_time epoch, struct weft_pcapng **pcapng, char *why,
                       size_t why_size);

/* The same to an open stream, which it takes. */
int weft_pcapng_create_stream(FILE *stream, weft_time epoch, struct weft_pcapng **pcapng);

/* Describes an interface; to be done before its first frame. Returns 0 or an error. */
int weft_pcapng_add_iface(struct weft_pcapng *pcapng, uint16_t iface, const char *name,
                          enum weft_link_type type);

/* A frame, with `count` comments of one line each; an interface that was not described is, as "link".
 * Returns 0 or an error. */
int weft_pcapng_write(struct weft_pcapng *pcapng, const struct weft_frame *frame, const char *const *comments,
                      unsigned count);

/* What has been written is in the file afterwards. Returns 0 or an error. */
int weft_pcapng_flush(struct weft_pcapng *pcapng);

/* Finishes the file and frees the writer. Returns the first error or 0. */
int weft_pcapng_close(struct weft_pcapng *pcapng);

/*
 * A link around `inner`, which it takes, that writes every frame to `pcapng`
 * (described here as interface `iface`), which must outlive it; flushed at the
 * end of each round. Unlimited in length. Gives the link. Returns 0,
 * WEFT_E_NOMEM or the writer's error.
 */
int weft_pcapng_attach(struct weft_pcapng *pcapng, struct weft_link *inner, uint16_t iface,
                       struct weft_link **link);

/* A recording as a file, with the trace events as comments of the frames that they belong to.
 * Returns and `why` as weft_pcapng_create. */
int weft_recording_save(const struct weft_recording *recording, const char *path, char *why, size_t why_size);

/* --- Capture files: reading ------------------------------------------------------------------ */

/* Reads pcapng and classic pcap, of either byte order. */
struct weft_capture;

/* Opens a file; "-" is standard input. Returns 0, WEFT_E_NOMEM, WEFT_E_NOTFOUND, WEFT_E_PERM,
 * WEFT_E_IO or WEFT_E_BADFORMAT; `why` as in weft_link_tap. */
int weft_capture_open(const char *path, struct weft_capture **capture, char *why, size_t why_size);

/* The same with an open stream, which it takes. */
int weft_capture_open_stream(FILE *stream, struct weft_capture **capture, char *why, size_t why_size);

/*
 * The next frame; its bytes stay until the next call. Times are microseconds
 * since 1970. Frames of link types that weft does not speak are passed over and
 * counted. Returns 1, 0 at the end, WEFT_E_IO, or WEFT_E_BADFORMAT when the file
 * is damaged: weft_capture_problem then says how, and nothing more is read.
 */
int weft_capture_next(struct weft_capture *capture, struct weft_frame *frame);

/* What was wrong with the file; NULL: nothing. */
const char *weft_capture_problem(const struct weft_capture *capture);

/* The n-th comment (from 0) of the last frame; NULL when there is none. Raw text of the file: not for a terminal. */
const char *weft_capture_comment(const struct weft_capture *capture, unsigned n);

/* Frames passed over because of their link type. */
uint64_t weft_capture_skipped(const struct weft_capture *capture);

void weft_capture_close(struct weft_capture *capture);

/* A whole file as a recording, up to its limits (`config` NULL: the defaults); comments become lines
 * of their frames. Gives the recording. Returns and `why` as weft_capture_open; a file damaged
 * in its middle gives what stood before and `why` says so. */
int weft_recording_load(const char *path, const struct weft_recording_config *config,
                        struct weft_recording **recording, char *why, size_t why_size);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
