/* SPDX-License-Identifier: MIT */
/*
 * The checker's model of connections, and how its parts work together:
 *
 *     check.c      the doors: a frame comes in, findings go out
 *     segment.c    a frame becomes a segment: what it says, not what it means
 *     conns.c      the table of connections; which one a segment belongs to
 *     rule_*.c     hold the segment against the model, and report; change nothing
 *     learn.c      then changes the model by the segment
 *     timing.c     what should have been sent by now: rules about time passed
 *     content.c    the bytes that were sent, to compare what is sent again
 *     report.c     whether a rule may speak here, and how
 *
 * Numbers. A sequence number is turned into the 64-bit *offset* from its side's
 * ISN at once (the SYN is 0, the first byte 1; without a SYN the first byte
 * seen is 1). Offsets do not wrap, so they are compared as what they are.
 * The same is done with timestamps.
 *
 * Two sides. `me` is the side that sent the segment, `peer` the other. What a
 * side sends is in the numbers of its own timeline; what it acknowledges in
 * the peer's.
 */
#ifndef WEFT_CHECK_MODEL_H
#define WEFT_CHECK_MODEL_H

#include <stdlib.h>
#include <string.h>

#include <weft/check.h>

#include "check/ranges.h"
#include "check/rules.h"
#include "wire/ip4.h"
#include "wire/tcp.h"

/* Below any offset that a connection can have: where what came before the capture begins. */
#define CHECK_BEFORE (-(INT64_C(1) << 40))

#define CHECK_LEAST_MSS 88 /* ours: less no host believes, since most of each packet would be headers */

/* How long two timestamps can be compared: the fastest clock in use ticks each microsecond, and 2^31 of them are 36
 * minutes (RFC 7323 5.4 allows from 1 ms up, which makes 24 days). */
#define CHECK_TSVAL_VALID (30 * 60 * WEFT_SEC)

#define CHECK_ANSWERS  64 /* segments of the peer that a reset may answer: a batch of them may be read first */
#define CHECK_SYN_ACKS 4  /* of a side that are remembered: with SYN cookies each may have another number */
#define CHECK_FRESH    8  /* segments out of order that an ACK may be about */

/* How long a host that asks for its neighbour's address may wait for it: until it asks again (RFC 1122 2.3.2.1, RFC
 * 4861 10). */
#define CHECK_ASKING WEFT_SEC

/* --- A segment ------------------------------------------------------------------ */

/* Options as bits, for those of which only the presence matters. */
enum check_offer {
    CHECK_OFFER_WSCALE = 1 << 0,
    CHECK_OFFER_SACK = 1 << 1,
    CHECK_OFFER_TIMESTAMPS = 1 << 2,
    CHECK_OFFER_FAST_OPEN = 1 << 3,
};

struct check_segment {
    uint64_t packet; /* the frame's number */
    weft_time now;
    enum weft_direction direction;
    struct weft_endpoint src, dst;
    struct wire_tcp tcp;
    struct wire_tcp_opts opts;
    bool opts_wrong;       /* no list of options: a length is not right */
    const uint8_t *header; /* TCP header and options, whole; NULL once the frame is gone */
    const uint8_t *data;   /* what is at hand of the payload */
    uint32_t data_len;
    uint32_t len; /* of the payload, bytes */
    bool has_mac; /* it came in an Ethernet frame */
    struct weft_mac mac_from, mac_to;
    uint8_t ecn; /* the IP header's two bits (RFC 3168 5) */
    uint8_t ip_options_len;
    bool ip_damaged, tcp_damaged; /* a checksum is wrong */
    bool header_wrong;            /* the data offset is; nothing behind the ports is valid */

    /* In offsets, when the connection is known. */
    int64_t seq, end; /* `end` counts SYN and FIN */
    int64_t ack;      /* on the peer's timeline */
    bool has_ack;     /* the ACK bit is set, and the peer's timeline is known */
};

static inline bool check_is_syn(const struct check_segment *s)
{
    return s->tcp.flags & WIRE_TCP_SYN;
}

static inline bool check_is_fin(const struct check_segment *s)
{
    return s->tcp.flags & WIRE_TCP_FIN;
}

static inline bool check_is_rst(const struct check_segment *s)
{
    return s->tcp.flags & WIRE_TCP_RST;
}

/* The first SYN of a side that opens. */
static inline bool check_is_first_syn(const struct check_segment *s)
{
    return check_is_syn(s) && !(s->tcp.flags & (WIRE_TCP_ACK | WIRE_TCP_RST));
}

enum check_parse {
    CHECK_NOT_TCP,
    CHECK_ICMP, /* an ICMP message: what a host does next may be its answer to that */
    CHECK_ASKS, /* for a neighbour's link-layer address (ARP, NDP): until it has it a host can send nothing */
    CHECK_CUT,  /* TCP, but a fragment, or not enough of it at hand */
    CHECK_SEGMENT,
};

/* Reads a frame. `wire`: a partial checksum is a wrong one. Fills `out` for CHECK_SEGMENT. */
enum check_parse check_segment_parse(const struct weft_frame *frame, bool wire, struct check_segment *out);

/* --- Bytes that were sent ---------------------------------------------------------- */

/* The last bytes of a timeline: a ring, and for each place whether its byte was seen. */
struct check_content {
    uint8_t *bytes, *known;
    uint32_t size; /* a power of 2; 0: nothing is kept */
    int64_t end;   /* the offset behind the last byte kept */
};

/* Keeps what is new of `len` bytes at `offset`; `keep_from` is the lowest offset worth room. */
void check_content_put(struct weft_check *check, struct check_content *content, int64_t offset,
                       const uint8_t *bytes, uint32_t len, int64_t keep_from);

/* Compares; returns the first offset at which another byte was seen, or -1. */
int64_t check_content_compare(const struct check_content *content, int64_t offset, const uint8_t *bytes,
                              uint32_t len);

void check_content_free(struct weft_check *check, struct check_content *content);

/* --- One side of a connection ---------------------------------------------------------- */

/* What the side's SYN said. */
struct check_syn {
    bool seen;
    bool is_answer; /* it acknowledged the peer's */
    bool ecn_setup; /* RFC 3168 6.1.1; as `offers` */
    bool has_mss;
    uint8_t wscale;
    uint16_t mss;
    unsigned
        offers; /* enum check_offer: of the last answer; of all SYNs that opened, since any may be answered */
    bool had_timestamps; /* any SYN or answer: when both open at once one may know of the first only */
    bool has_cookie;     /* one of them had a fast open cookie */
    bool has_ao;         /* the last of them */
    int64_t end;         /* behind its data */
    unsigned count;
    uint64_t packet; /* of the first */
};

/* A segment that a reset may answer: its numbers as they stand. */
struct check_answer {
    bool has_ack;
    uint32_t ack, end;
};

/* Retransmissions, or probes, one after the other without an answer. */
struct check_series {
    unsigned count;
    int64_t at;     /* what they begin with */
    weft_time last; /* when the last was sent */
    weft_time wait; /* between the last two; 0: not known */
    uint64_t packet;
};

/* What the side owes in acknowledgments: in-order data that has come for sure. */
struct check_owed {
    weft_time since;        /* the first; 0: nothing */
    weft_time second;       /* when the second full-sized one came; 0: it has not */
    uint64_t packet;        /* of the first */
    uint64_t second_packet; /* of the second full-sized */
    uint32_t full_bytes;
    int64_t upto;
    weft_time disorder; /* when a segment out of order came that is not answered yet; 0: none */
    uint64_t disorder_packet;
    struct check_range fresh[CHECK_FRESH]; /* what came out of order since its last segment */
    unsigned fresh_count;                  /* may be more than there is room for */
    unsigned came;                         /* segments with data since then, surely accepted or not */
    bool any_came;                         /* the same, SYNs too */
    weft_time came_at;                     /* the last such, since whenever */
    weft_time fresh_last;
};

struct check_ecn {
    bool has_mark;       /* a marked data packet has come, and no CWR since */
    weft_time mark_time; /* of the first such */
    int64_t mark_end;    /* of the segment with the mark */
    uint64_t mark_packet;
    bool ever_marked;
    weft_time marked;   /* the last mark that may have come */
    weft_time cwr_came; /* the last CWR of the peer */
    bool ever_ece_came;
    bool
        may_have_lost; /* an ACK has come twice, or SACKed: a loss may have been found before anything goes again */
    bool owes_cwr; /* ECE has come, and no new data with CWR was sent since */
    weft_time ece_time;
    uint64_t ece_packet;
    int64_t
        cwr_sent; /* offset behind the last data with CWR: ECE about what was sent before is the same window's */
};

/* RFC 7323 4.3: what a side has to echo. */
struct check_recent {
    bool is_known;  /* else a segment has come that it may have accepted */
    uint32_t value; /* TS.Recent */
    weft_time at;
    uint64_t packet; /* that it came with */
};

struct check_side {
    struct weft_endpoint end;
    bool near;

    /* What it sends. */
    bool has_base;
    uint32_t base; /* sequence number of offset 0 */
    struct check_syn syn;
    int64_t nxt; /* the offset behind the highest that it has sent */
    uint64_t nxt_packet;
    bool has_sent;             /* it has sent a segment itself */
    uint64_t last_packet;      /* the last that was no SYN and no reset */
    struct check_ranges sent;  /* of its sequence space, as seen here */
    struct check_ranges taken; /* of that what the peer has accepted for sure */
    struct check_ranges twice; /* of that what was seen more than once */
    struct check_content content;
    bool has_fin;
    int64_t fin;
    uint64_t fin_packet;
    weft_time last_data; /* when it last sent any */
    bool has_lost;       /* it has sent something again */
    bool has_urgent;
    int64_t urgent;
    uint64_t urgent_packet;
    struct check_series timeout, probe;
    bool is_fed;      /* something has come since its first data was sent: the initial window is over */
    uint32_t largest; /* payload that it has sent in a segment */
    uint32_t last[2]; /* payload of the last two segments with any */
    bool has_mac;     /* where its frames come from, when the tap is near */
    struct weft_mac mac;
    bool timed_out;         /* the last of `timeout` was surely sent because of a timeout */
    uint32_t timeout_bytes; /* sent since then */

    /* What the peer has said of that, and this side has accepted for sure, or may have accepted. */
    int64_t una;      /* acknowledged for sure */
    int64_t una_any;  /* acknowledged perhaps */
    weft_time una_at; /* when `una` moved last */
    uint64_t una_packet;
    bool has_edge; /* the window that it may use, by RFC 9293 3.10.7.4's rule; else not known at the moment */
    int64_t edge;
    weft_time edge_at;
    int64_t wl1, wl2;
    bool has_sacked; /* SACK blocks have come that are not acknowledged yet */

    /* What it says of the peer's. */
    bool has_acked;
    int64_t acked; /* the highest, on the peer's timeline */
    uint64_t acked_packet;
    bool has_window;
    int64_t window_edge; /* the highest right edge that it has promised, on the peer's timeline */
    uint64_t window_packet;
    uint32_t window, window_max; /* the last, the largest; scaled */
    bool has_sent_sack;
    struct check_owed owed;
    struct check_ecn ecn;
    struct check_recent recent;

    bool has_tsval;
    int64_t tsval, tsval_first; /* the highest, the first; as offsets from 0 */
    uint64_t tsval_packet;
    weft_time tsval_at;

    bool has_refused; /* it has sent a reset, in whatever state */
    bool has_reset;   /* it has sent a reset out of a synchronized state */
    uint64_t reset_packet;
    weft_time reset_at;
    bool was_reset; /* a reset of the peer's has reached it for sure */
    uint64_t was_reset_packet;
    weft_time was_reset_at;
    weft_time heard;                           /* when the peer's last segment passed */
    struct check_answer answer[CHECK_ANSWERS]; /* the peer's last segments */
    unsigned answers;

    struct check_segment new_syn; /* a SYN with another number than this connection's; packet 0: none */
    struct check_segment old_syn; /* the last with this one's */
    struct check_segment syn_ack[CHECK_SYN_ACKS]; /* the last that it has sent, with whatever number */
    unsigned syn_acks;
    uint32_t times[CHECK_RULE_COUNT]; /* findings */
};

struct check_conn {
    struct check_conn *next;          /* in its bucket */
    struct check_conn *older, *newer; /* in the order of use */
    uint32_t number;
    bool in_use;
    bool is_accurate_ecn; /* RFC 9768 was asked for: RFC 3168's rules say nothing */
    bool is_signed;       /* MD5 or AO: what is accepted cannot be known */
    unsigned opener;      /* index of the side that sent the first SYN; 2: not known */
    struct check_side side[2];
};

/* --- The checker --------------------------------------------------------------------------- */

struct check_table; /* conns.c */

struct weft_check {
    struct weft_check_config config;
    bool muted[CHECK_RULE_COUNT];
    struct weft_check_summary summary;
    weft_time now;
    weft_time icmp_at;  /* of the last ICMP message */
    weft_time asked_at; /* when a neighbour's address was asked for last */
    uint64_t contents;  /* bytes in all contents */
    struct check_table *table;
};

/* A segment of a known connection, and the two sides as it sees them. */
struct check_view {
    struct weft_check *check;
    struct check_conn *conn;
    const struct check_segment *seg;
    struct check_side *me, *peer;
};

/* --- Connections (conns.c) -------------------------------------------------------------------- */

int check_table_new(unsigned max, struct check_table **table);
void check_table_free(struct weft_check *check, struct check_table *table);

/* The connection of this segment, which may be a new one; `side` gets the sender's index. A segment that opens a
 * new connection between the same ends empties the old one first. */
struct check_conn *check_table_find(struct weft_check *check, const struct check_segment *s, unsigned *side);

/* A SYN of `me` that is not this connection's: old, forged, or the beginning of another. */
bool check_is_other_syn(const struct check_side *me, const struct check_segment *s);

/* Something else than TCP may be why a host does what it does, or nothing, since then: an ICMP message, or that it does
 * not know where to send. */
static inline bool check_is_disturbed(const struct weft_check *check, weft_time since)
{
    return check->icmp_at >= since || (check->asked_at > 0 && check->asked_at + CHECK_ASKING >= since);
}

/* The n-th connection in use, from 0; NULL when there are no more. */
struct check_conn *check_table_at(struct check_table *table, unsigned n);

/* The offset of a sequence number: of the two that are possible, the one nearest to what was sent last. */
static inline int64_t check_offset(const struct check_side *side, uint32_t number)
{
    return side->nxt + (int32_t)(number - (uint32_t)(side->base + (uint32_t)side->nxt));
}

/* Both FINs are acknowledged, as far as `side` has to do with it: TIME-WAIT, or nothing at all. */
static inline bool check_is_over(const struct check_side *side, const struct check_side *other)
{
    return side->has_fin && other->has_fin && side->una_any > side->fin && side->acked > other->fin;
}

/* Fills the offsets of a segment, as far as the timelines are known. */
void check_segment_place(struct check_segment *s, const struct check_side *me, const struct check_side *peer);

/* --- What follows from the model (learn.c) ------------------------------------------------------- */

/* Changes the model by the segment. */
void check_learn(const struct check_view *v);

/* The same of a SYN that is not this connection's, which may be answered with a reset all the same. */
void check_learn_other_syn(const struct check_view *v);

/* The handshake is over for this side: it may send data. */
bool check_may_send(const struct check_side *me, const struct check_side *peer);

/* True when windows of `side` can be read; `shift` gets how far they are shifted outside of SYNs. */
bool check_shift(const struct check_side *side, const struct check_side *peer, unsigned *shift);

static inline bool check_agreed(const struct check_side *me, const struct check_side *peer, unsigned offer)
{
    return me->syn.seen && peer->syn.seen && (me->syn.offers & offer) && (peer->syn.offers & offer);
}

static inline bool check_agreed_ecn(const struct check_side *me, const struct check_side *peer)
{
    return me->syn.seen && peer->syn.seen && me->syn.ecn_setup && peer->syn.ecn_setup;
}

/* The window that the segment's sender offers with it, scaled. */
uint32_t check_window(const struct check_view *v);

/* True when the receiver of this segment must have accepted it, whatever it does. */
bool check_is_accepted(const struct check_view *v);

/* True when the segment may be what its receiver expects: its numbers are near to what was promised. */
bool check_is_plausible(const struct check_view *v);

/* The payload that a full-sized segment to `to` has, at most. */
uint32_t check_full_size(const struct check_side *me, const struct check_side *to);

/* A probe of a shut window or a keepalive: at most one octet, old or the next. */
bool check_is_probe(const struct check_view *v);

/* True when all that the segment holds of sequence space was sent before. */
bool check_is_again(const struct check_view *v);

/* --- Rules -------------------------------------------------------------------------------------- */

void check_rules_alone(const struct check_view *v); /* rule_alone.c; v->conn may be NULL */
void check_rules_auth(const struct check_view *v);
void check_rules_handshake(const struct check_view *v);
void check_rules_data(const struct check_view *v);
void check_rules_resend(const struct check_view *v);
void check_rules_ack(const struct check_view *v);
void check_rules_sack(const struct check_view *v);
void check_rules_timestamps(const struct check_view *v);
void check_rules_ecn(const struct check_view *v);
void check_rules_end(const struct check_view *v);
void check_rules_reuse(const struct check_view *v); /* the SYN-ACK begins another connection than v->conn */

/* What `me` should have sent before `now`; `v->seg` is not looked at. */
void check_rules_overdue(const struct check_view *v, weft_time now);

/* --- Reports (report.c) ----------------------------------------------------------------------------- */

/* Reports the segment's breaking of a rule, if what the rule needs is known. `earlier` is the number of the
 * frame that it contradicts, 0 none. */
void check_report(const struct check_view *v, enum check_rule rule, uint64_t earlier, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The same of what `v->me` has not sent: `packet` is the frame that should have been answered. */
void check_report_missing(const struct check_view *v, enum check_rule rule, uint64_t packet, weft_time now,
                          const char *format, ...) __attribute__((format(printf, 5, 6)));

#endif
