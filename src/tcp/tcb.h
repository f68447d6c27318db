/* SPDX-License-Identifier: MIT */
/*
 * The transmission control block and what TCP keeps besides, shared by the
 * files of src/tcp and nobody else.
 *
 * Sequence space of what we send:
 *
 *        buf.start = snd.una                    snd.nxt        buffer's end
 *            |   sent, not acknowledged            |  not sent yet  |
 *            +------+--------+------+-------+------+----------------+
 *            | lost | SACKed | lost | sent  | sent |
 *            +------+--------+------+-------+------+
 *              ranges of the scoreboard (sack.h); snd.nxt never moves back
 *
 * and of what we receive:
 *
 *      unread, in order      rcv.nxt        rcv.adv
 *     -----------------------|  window offered |
 *        rcv.queue             [held]  [held]     rcv.held: runs out of order
 *
 * The SYN takes the number iss, the FIN the one behind the last byte.
 */
#ifndef WEFT_TCP_TCB_H
#define WEFT_TCP_TCB_H

#include "base/slab.h"
#include "tcp/sack.h"
#include "tcp/sendbuf.h"
#include "tcp/seq.h"
#include "tcp/tcp.h"
#include "wire/tcp.h"

/* --- Who is found by a segment's addresses and ports ---------------------------- */

struct tcp_tuple {
    struct weft_addr local, remote;
    uint16_t local_port, remote_port;
};

/* What a four-tuple can lead to. */
enum tcp_node_kind {
    TCP_NODE_TCB,
    TCP_NODE_SYN,       /* half-open: syncache.c */
    TCP_NODE_TIME_WAIT, /* timewait.c */
};

/* First member of everything in the connection table. */
struct tcp_node {
    struct tcp_node *next; /* in the bucket */
    struct tcp_tuple tuple;
    uint8_t kind;
};

struct tcp_listener {
    struct tcp_listener *next; /* in the bucket of its port */
    struct tcp *tcp;
    struct weft_endpoint local;
    struct tcp_options options;
    struct ready_node *owner;
    unsigned backlog;
    unsigned half_open; /* records in the SYN cache that came by this listener */
    unsigned waiting;   /* connections in `accept` */
    struct list accept; /* of tcb.accept_link, oldest first */
};

/* Segments that are acknowledged at once when a connection begins, so that the peer's slow start is
 * not held up by delayed ACKs; ours, as Linux has it. */
#define TCP_QUICK_ACKS 16

/* --- The connection ------------------------------------------------------------- */

/* What must go out when the batch is done. */
enum tcp_owed {
    TCP_OWED_ACK = 1 << 0,          /* for a reason other than those below */
    TCP_OWED_ACK_SECOND = 1 << 1,   /* two full segments are unacknowledged */
    TCP_OWED_ACK_DELAYED = 1 << 2,  /* the delayed-ACK timer has fired */
    TCP_OWED_ACK_DUP = 1 << 3,      /* something is missing or came twice: owed_dups times */
    TCP_OWED_CHALLENGE = 1 << 4,    /* RFC 5961 */
    TCP_OWED_WINDOW = 1 << 5,       /* the application has made room */
    TCP_OWED_SYN = 1 << 6,          /* our SYN, or SYN-ACK, (again) */
    TCP_OWED_PROBE = 1 << 7,        /* tail loss probe */
    TCP_OWED_WINDOW_PROBE = 1 << 8, /* persist timer */
    TCP_OWED_KEEPALIVE = 1 << 9,
};

#define TCP_OWED_ANY_ACK                                                                                     \
    (TCP_OWED_ACK | TCP_OWED_ACK_SECOND | TCP_OWED_ACK_DELAYED | TCP_OWED_ACK_DUP | TCP_OWED_CHALLENGE |     \
     TCP_OWED_WINDOW)

/* A run of received bytes with a hole before it. Runs do not touch. */
struct tcp_run {
    struct tcp_run *next;
    tcp_seq start, end;
    uint32_t touched; /* when it last grew, by rcv.touches: the order of SACK blocks (RFC 2018 4) */
    bool fin;         /* the last number is the FIN's */
    struct weft_pktq pkts;
};

struct tcp_snd {
    tcp_seq una; /* SND.UNA: oldest not acknowledged */
    tcp_seq nxt; /* SND.NXT: the next to be sent for the first time */
    tcp_seq wl1; /* SND.WL1, SND.WL2: segment of the last window update */
    tcp_seq wl2;
    tcp_seq iss;
    tcp_seq small_end; /* behind the last segment sent that was not full: Nagle */
    uint32_t wnd;      /* SND.WND, scaled */
    uint32_t max_wnd;  /* the largest the peer has offered: MAX.SND.WND of RFC 5961 */
    uint16_t mss;      /* payload bytes of a full segment, options taken off */
    uint16_t peer_mss; /* what the peer's option said */
    uint8_t wscale;    /* shift for windows in segments we receive */
};

struct tcp_rcv {
    tcp_seq nxt; /* RCV.NXT */
    tcp_seq adv; /* right edge of the window we last offered: RCV.NXT + RCV.WND */
    tcp_seq irs;
    tcp_seq up;        /* RCV.UP, valid with has_urgent */
    tcp_seq acked;     /* the last acknowledgement that we sent: Last.ACK.sent */
    uint32_t buffered; /* bytes in order, not read yet */
    uint32_t held_bytes;
    uint32_t held_runs;
    uint32_t seg_max; /* largest segment seen: what "full-sized" means for delayed ACKs */
    uint16_t mss;     /* what we offered */
    uint8_t wscale;   /* shift for windows in segments we send */
    bool has_urgent;
    struct weft_pktq queue; /* the bytes themselves, headers taken off */
    struct tcp_run *held;   /* sorted */
    uint32_t touches;
    bool fin_reached;               /* everything before the FIN has arrived: step 8 takes it */
    tcp_seq dsack_start, dsack_end; /* a duplicate to report next (RFC 2883); equal: none */
};

struct tcp_rtt {
    uint32_t srtt, rttvar; /* microseconds; srtt 0: not measured yet */
    uint32_t rto;
    uint32_t min_rtt; /* of the connection; 0: not measured */
    uint8_t backoffs; /* retransmission timeouts in a row */
};

/* RACK-TLP (RFC 8985). */
struct tcp_rack {
    weft_time xmit_time; /* RACK.xmit_ts, RACK.end_seq of the latest segment known delivered */
    tcp_seq end_seq;
    uint32_t rtt; /* RACK.rtt */
    uint32_t min_rtt;
    tcp_seq fack; /* RACK.fack: highest sequence delivered */
    bool reordering_seen;
    uint8_t reo_wnd_mult; /* RACK.reo_wnd_mult, RACK.reo_wnd_persist, and the round it was raised in */
    uint8_t reo_wnd_persist;
    tcp_seq dsack_round;
    bool dsack_round_valid;
    tcp_seq probe_end; /* TLP.end_seq, valid with probe_out */
    bool probe_out;
    bool probe_is_retransmit;
    bool has_new_rtt; /* a round trip has been measured since the last probe */
};

enum tcp_ca_state {
    TCP_CA_OPEN,
    TCP_CA_RECOVERY, /* fast recovery until `recover` is acknowledged */
    TCP_CA_LOSS,     /* after a retransmission timeout, likewise */
};

struct tcp_cc_ops;

struct tcp_congestion {
    const struct tcp_cc_ops *ops;
    uint32_t cwnd, ssthresh; /* bytes */
    uint32_t acked;          /* bytes acknowledged and not yet turned into growth (RFC 3465) */
    enum tcp_ca_state state;
    tcp_seq recover;
    uint32_t prr_delivered, prr_out, recover_fs; /* RFC 6937 */
    uint32_t dupacks;                            /* for peers without SACK */
    bool cwnd_limited; /* the last send stopped at cwnd: only then may it grow (RFC 7661) */
};

struct tcb {
    struct tcp_node node;
    struct tcp *tcp;
    struct ready_node *owner;      /* the socket; NULL: none yet, or none any more */
    struct tcp_listener *listener; /* while it waits in the accept queue */
    struct list accept_link;
    struct list output_link; /* in tcp->output or tcp->blocked */
    struct list memory_link; /* in tcp->writers: its application waits for packet memory */
    uint32_t conn;           /* its number in the trace */

    uint8_t state;  /* enum weft_tcp_state; state.c alone writes it */
    int error;      /* why it failed */
    int soft_error; /* what ICMP reported last without ending it (RFC 5461) */
    uint16_t owed;  /* enum tcp_owed */
    uint16_t owed_dups;
    uint8_t limit; /* enum weft_tcp_limit */
    weft_time limit_since;

    bool is_passive;
    bool has_timestamps, has_sack, has_wscale; /* agreed on in the handshake */
    bool orphan;                               /* the socket is gone */
    bool fin_queued;                           /* the application has closed its side */
    bool fin_sent;
    bool fin_received;
    bool discard;      /* nobody reads: received data is thrown away */
    bool writer_waits; /* send has said AGAIN: tell when there is room */
    bool more_follows; /* WEFT_SEND_MORE: hold back a part of a segment */
    bool push_now;     /* held back long enough */
    bool tries_again;  /* the retransmission timer runs because something could not be sent */
    bool syn_repeated; /* ours was sent more than once: the initial window is one segment (RFC 5681 3.1) */

    struct tcp_snd snd;
    struct tcp_rcv rcv;
    struct tcp_sendbuf buf;
    struct tcp_scoreboard board;
    struct tcp_rtt rtt;
    struct tcp_rack rack;
    struct tcp_congestion cc;

    uint32_t ts_recent;      /* TS.Recent (RFC 7323 4.3) */
    uint32_t ts_offset;      /* added to our clock in TSval */
    weft_time ts_recent_age; /* when TS.Recent was set */

    struct weft_timer_node timer;         /* for the earliest of: */
    weft_time deadline[WEFT_TIMER_COUNT]; /* timer.c alone writes them; WEFT_TIME_NEVER: not set */

    weft_time last_received; /* any segment of the peer's */
    weft_time last_sent;     /* data */
    weft_time since_unacked; /* when snd.una last moved, or data was first sent after all was acknowledged */
    weft_time misfits_since; /* beginning of the interval that misfit_answers counts for */
    uint32_t misfit_answers; /* to empty segments that did not fit */
    uint8_t keepalives;      /* sent without an answer */
    uint8_t retries;         /* retransmission timeouts in a row without progress: counts towards R2 */
    uint8_t probes;          /* zero-window probes in a row: their back-off */
    uint8_t unanswered;      /* of these, since the peer was last heard of */
    uint8_t quick_acks;      /* segments still to be acknowledged at once: the peer is in slow start */

    struct tcp_options options;
    struct net_path path;

    uint64_t bytes_sent, bytes_acked, bytes_received, bytes_retransmitted;
    uint64_t segs_in, segs_out, segs_retransmitted;
    uint32_t timeouts, recoveries;
};

/* --- TCP of one stack -------------------------------------------------------------- */

#define TCP_LISTENER_BUCKETS 256

struct tcp {
    struct core *core;
    struct net *net;
    struct weft_tcp_config config; /* no zeros left */
    struct slab tcbs, syns, time_waits, listeners;
    struct slab chunks, ranges, runs; /* apart, so that none of them can use up the others */
    struct tcp_node **table;          /* by four-tuple */
    uint32_t table_size;              /* a power of two */
    struct tcp_listener *by_port[TCP_LISTENER_BUCKETS];
    struct list output;          /* connections that owe something */
    struct list blocked;         /* connections that wait for room in a link's queue */
    struct list starved;         /* connections that wait for a route or for memory */
    struct list writers;         /* connections whose applications wait for packet memory */
    struct list time_wait_order; /* oldest first */
    uint32_t next_conn;
    uint32_t port_salt;         /* moves ephemeral ports on (RFC 6056 3.3.4) */
    bool memory_low;            /* the pool is nearly used up: as of the last flush */
    weft_time challenge_second; /* the second that challenge_left counts for (RFC 5961 7) */
    uint32_t challenge_left;
};

/* --- A received segment on its way through the steps --------------------------------- */

struct tcp_seg {
    struct weft_pkt *pkt; /* payload only; NULL once somebody has taken it */
    tcp_seq seq, ack;
    uint32_t len;    /* payload bytes */
    uint16_t flags;  /* enum wire_tcp_flag */
    uint16_t window; /* as it stands */
    uint16_t urgent;
    uint16_t segs; /* wire segments it stands for */
    uint16_t src_port, dst_port;
    bool has_isn_floor; /* it takes the place of a connection in TIME-WAIT that used numbers up to here */
    tcp_seq isn_floor;
    struct wire_tcp_opts opts;
    const struct net_rx *rx;
};

/* SEG.LEN of RFC 9293 3.3.1: SYN and FIN count. */
static inline uint32_t tcp_seg_span(const struct tcp_seg *seg)
{
    return seg->len + ((seg->flags & WIRE_TCP_SYN) != 0) + ((seg->flags & WIRE_TCP_FIN) != 0);
}

/* Throws the segment away for a reason. */
void tcp_seg_drop(struct tcp *tcp, struct tcp_seg *seg, uint32_t conn, enum weft_drop reason);

/* Traces TCP_IN. */
void tcp_seg_trace(struct tcp *tcp, uint32_t conn, const struct tcp_seg *seg);

/* RCV.WND: what the last window offered still leaves. */
static inline uint32_t tcp_rcv_wnd(const struct tcb *tcb)
{
    int32_t left = seq_diff(tcb->rcv.adv, tcb->rcv.nxt);

    return left > 0 ? (uint32_t)left : 0;
}

/* Whole segments' worth of bytes that duplicate ACKs say have left the network, for peers without SACK
 * (RFC 5681 3.2 steps 4 and 5, as a count rather than as an inflated window). */
static inline uint32_t tcp_dupack_bytes(const struct tcb *tcb)
{
    return tcb->has_sack ? 0 : tcb->cc.dupacks * tcb->snd.mss;
}

/* Bytes sent that are neither acknowledged, nor SACKed, nor judged lost: "pipe". */
static inline uint32_t tcp_in_flight(const struct tcb *tcb)
{
    uint32_t gone = tcb->board.sacked_bytes + tcb->board.lost_bytes + tcp_dupack_bytes(tcb);
    uint32_t sent = seq_span(tcb->snd.una, tcb->snd.nxt);

    return sent > gone ? sent - gone : 0;
}

static inline bool tcp_is_synchronized(const struct tcb *tcb)
{
    return tcb->state >= WEFT_TCP_SYN_RECEIVED;
}

/* The sequence number behind the last byte that the application has written. */
static inline tcp_seq tcp_data_end(const struct tcb *tcb)
{
    return seq_add(tcb->buf.start, tcb->buf.len);
}

/* --- demux.c ---------------------------------------------------------------------------- */

struct tcp_node *tcp_demux_find(const struct tcp *tcp, const struct tcp_tuple *tuple);
void tcp_demux_insert(struct tcp *tcp, struct tcp_node *node);
void tcp_demux_remove(struct tcp *tcp, struct tcp_node *node);
struct tcp_listener *tcp_demux_listener(const struct tcp *tcp, const struct weft_addr *addr, uint16_t port);

/* Somebody listens on this port and address, or on any address while `local` is any. */
bool tcp_demux_port_listens(const struct tcp *tcp, const struct weft_endpoint *local);

/* A connection, or what is left of one, has this near end. Walks the table. */
bool tcp_demux_port_is_used(const struct tcp *tcp, const struct weft_endpoint *local);

/* A free local port for `tuple` (its local_port is not looked at), or 0 (RFC 6056 3.3.4). */
uint16_t tcp_demux_choose_port(struct tcp *tcp, const struct tcp_tuple *tuple);

/* RFC 6528 3: the initial sequence number for a connection of this four-tuple at this moment. */
tcp_seq tcp_demux_isn(const struct tcp *tcp, const struct tcp_tuple *tuple);

/* The first number that a connection may use after one of the same four-tuple (RFC 9293 3.4.3, RFC 1122
 * 4.2.2.13): the ISN's clock may be slower than the data was. */
static inline tcp_seq tcp_isn_above(tcp_seq isn, bool has_floor, tcp_seq floor)
{
    return has_floor && seq_le(isn, floor) ? seq_add(floor, 65536) : isn;
}

/* What our timestamp clock starts from for this pair of hosts (RFC 7323 5.4: unpredictable, and
 * monotonic across connections of the same two hosts). */
uint32_t tcp_demux_ts_offset(const struct tcp *tcp, const struct tcp_tuple *tuple);

/* Our timestamp clock: milliseconds (RFC 7323 5.4 asks for 1 ms to 1 s). */
static inline uint32_t tcp_ts_clock(const struct tcp *tcp)
{
    return (uint32_t)(tcp->core->now / WEFT_MSEC);
}

/* --- state.c ---------------------------------------------------------------------------- */

/* Memory for a connection that begins in `state` (SYN-SENT, or SYN-RECEIVED from the SYN cache), put
 * into the table; NULL when there is none left. */
struct tcb *tcp_state_new(struct tcp *tcp, const struct tcp_tuple *tuple, const struct tcp_options *options,
                          uint32_t conn, enum weft_tcp_state state);

/* The only place where tcb->state changes: checks the edge, counts it, traces it, tells the owner. */
void tcp_state_set(struct tcb *tcb, enum weft_tcp_state state, enum weft_tcp_cause cause);

/* The connection failed with `error`: to CLOSED. Frees it if no socket holds it. */
void tcp_state_fail(struct tcb *tcb, int error, enum weft_tcp_cause cause);

/* The connection came to its regular end: to CLOSED. Frees it if no socket holds it. */
void tcp_state_finish(struct tcb *tcb, enum weft_tcp_cause cause);

/* To TIME-WAIT: a small record takes the connection's place in the table. The block is freed if no
 * socket holds it, and stays readable in state TIME-WAIT otherwise. */
void tcp_state_time_wait(struct tcb *tcb, enum weft_tcp_cause cause);

/* Gives everything back. */
void tcp_state_free(struct tcb *tcb);

/* --- input.c, synsent.c, ack.c, text.c ----------------------------------------------------- */

/* A segment for a connection in SYN-RECEIVED or later (RFC 9293 3.10.7.4). Takes seg->pkt. */
void tcp_input_synchronized(struct tcb *tcb, struct tcp_seg *seg);

/* A segment for a connection in SYN-SENT (3.10.7.3). Takes seg->pkt. */
void tcp_input_syn_sent(struct tcb *tcb, struct tcp_seg *seg);

/* Step 5's work in ESTABLISHED and later: SEG.ACK lies in [SND.UNA - MAX.SND.WND, SND.NXT]. */
void tcp_ack_take(struct tcb *tcb, const struct tcp_seg *seg);

/* Sets SND.WND from a segment, by SND.WL1 and SND.WL2. Returns true when the window changed. */
bool tcp_ack_window(struct tcb *tcb, const struct tcp_seg *seg);

/* Step 7: payload inside the window into the receive queue, or held. Takes seg->pkt. */
void tcp_text_take(struct tcb *tcb, struct tcp_seg *seg);

/* [start, end) came again: the next ACK reports it (RFC 2883 4). */
void tcp_text_note_duplicate(struct tcb *tcb, tcp_seq start, tcp_seq end);

/* The largest window that we can ever offer: the buffer, as far as the field can say it. */
uint32_t tcp_text_window_max(const struct tcb *tcb);

/* Bytes that may still be offered beyond RCV.NXT. */
uint32_t tcp_text_room(const struct tcb *tcb);

/* Throws away all that is held or unread. */
void tcp_text_purge(struct tcb *tcb);

/* Fills in SACK blocks for the next ACK (RFC 2018 4, RFC 2883 4). */
void tcp_text_sacks(struct tcb *tcb, struct wire_tcp_opts *opts);

/* The handshake is complete and the state is ESTABLISHED: windows, timers and the socket are told. */
void tcp_established(struct tcb *tcb);

/* Takes over what a SYN or SYN-ACK offers, by what we have offered ourselves. */
void tcp_negotiate(struct tcb *tcb, const struct wire_tcp_opts *opts);

/* --- output.c ------------------------------------------------------------------------------ */

/* The connection owes `what` (enum tcp_owed, or 0 for "look whether data can go"). */
void tcp_owe(struct tcb *tcb, unsigned what);

/* Builds all that it owes or may send. Returns false when the link has no room left. */
bool tcp_output(struct tcb *tcb);

/* The path's MTU or our options may have changed: snd.mss anew (RFC 6691, RFC 9293 3.7.1). */
void tcp_output_update_mss(struct tcb *tcb);

/* Sends RST for a connection (RFC 9293 3.10.5). */
void tcp_output_reset(struct tcb *tcb);

/* True while so little packet memory is left that what is still to be received needs it: applications
 * may not fill it with what they write. */
bool tcp_writer_must_wait(const struct tcp *tcp);

/* The application waits until there is packet memory again. */
void tcp_wait_for_memory(struct tcb *tcb);

/* --- calls.c ------------------------------------------------------------------------------- */

/* What we offer in a SYN or SYN-ACK. */
uint8_t tcp_wscale_to_offer(uint32_t receive_buffer);
uint16_t tcp_mss_to_offer(const struct net_path *path, const struct tcp_tuple *tuple,
                          const struct tcp_options *options);

/* An application that found the send buffer full hears when there is good room again. */
void tcp_tell_writer(struct tcb *tcb);

/* RST at once, for a reason of our own. Takes the connection. */
void tcp_abort_for(struct tcb *tcb, enum weft_tcp_cause cause);

/* --- error.c ------------------------------------------------------------------------------- */

/* ICMP has reported something about a segment of ours. `ctx` is the struct tcp. */
void tcp_error_input(void *ctx, const struct net_error *error);

/* --- reply.c: segments that belong to no control block -------------------------------------- */

/* One segment without payload. `why` for the trace. */
struct tcp_reply {
    const struct tcp_tuple *tuple;
    uint32_t conn;
    tcp_seq seq, ack;
    uint16_t flags;
    uint16_t window;
    uint8_t tos, ttl;
    enum weft_tcp_send_reason why;
    struct wire_tcp_opts opts;
};
void tcp_reply_send(struct tcp *tcp, const struct tcp_reply *reply);

/* RST in answer to a segment that fits nothing (RFC 9293 3.10.7.1). */
void tcp_reply_reset(struct tcp *tcp, const struct tcp_seg *seg);

/* True when another challenge ACK may be sent in this second (RFC 5961 7). */
bool tcp_challenge_allowed(struct tcp *tcp);

/* --- syncache.c -------------------------------------------------------------------------------- */

/* Bytes of a record. */
size_t tcp_syncache_size(void);

/* A segment for a listener and for no connection (RFC 9293 3.10.7.2). Takes seg->pkt. */
void tcp_syncache_listen(struct tcp_listener *listener, struct tcp_seg *seg, const struct tcp_tuple *tuple);

/* A segment for a half-open connection. Takes seg->pkt. */
void tcp_syncache_input(struct tcp *tcp, struct tcp_node *node, struct tcp_seg *seg);

void tcp_syncache_timer(struct tcp *tcp, struct weft_timer_node *node);

/* The listener is going away, or an error concerns the record. */
void tcp_syncache_forget(struct tcp_listener *listener);
void tcp_syncache_drop(struct tcp *tcp, struct tcp_node *node);

/* --- timewait.c -------------------------------------------------------------------------------- */

/* Bytes of a record. */
size_t tcp_timewait_size(void);

/* Puts a record for the connection into the table, in whose place it stands from now on. */
void tcp_timewait_begin(struct tcb *tcb);

/* A segment for it. Takes seg->pkt. Returns true when it is a new SYN, for which the record has
 * been removed and the caller looks for a listener; seg->pkt is then still the caller's. */
bool tcp_timewait_input(struct tcp *tcp, struct tcp_node *node, struct tcp_seg *seg);

void tcp_timewait_timer(struct tcp *tcp, struct weft_timer_node *node);
void tcp_timewait_end(struct tcp *tcp, struct tcp_node *node);

/* SND.NXT of the connection that was. */
tcp_seq tcp_timewait_snd_nxt(struct tcp_node *node);

/* --- timer.c: facts are reported, timer.c decides ------------------------------------------------ */

void tcp_timer_init(struct tcb *tcb);
void tcp_timer_stop_all(struct tcb *tcb);

void tcp_timer_syn_sent(struct tcb *tcb);              /* SYN or SYN-ACK has gone out */
void tcp_timer_established(struct tcb *tcb);           /* the handshake is complete */
void tcp_timer_data_sent(struct tcb *tcb);             /* data or FIN has gone out, new or again */
void tcp_timer_ack_progress(struct tcb *tcb);          /* SND.UNA has moved or the scoreboard has changed */
void tcp_timer_window(struct tcb *tcb);                /* the window opened, closed, or data waits for it */
void tcp_timer_window_probe_sent(struct tcb *tcb);     /* a probe of the shut window has gone out */
void tcp_timer_reorder(struct tcb *tcb, weft_time in); /* RACK waits for reordered segments; 0: no more */
void tcp_timer_ack_owed(struct tcb *tcb);              /* an ACK may be delayed */
void tcp_timer_ack_sent(struct tcb *tcb);              /* some segment carried our ACK */
void tcp_timer_segment_in(struct tcb *tcb);            /* the peer lives */
void tcp_timer_keepalive_changed(struct tcb *tcb);
void tcp_timer_orphan_fin_wait_2(struct tcb *tcb); /* in FIN-WAIT-2, and no socket to read */
void tcp_timer_stalled(struct tcb *tcb);           /* it has something to send, and no route or no memory */
void tcp_timer_not_stalled(struct tcb *tcb);       /* all that it could send has gone */
void tcp_timer_user_timeout_changed(struct tcb *tcb);
void tcp_timer_corked(struct tcb *tcb); /* a part of a segment is held back by cork */
void tcp_timer_fire(struct tcb *tcb);   /* the wheel gave the node */

/* --- rtt.c ------------------------------------------------------------------------------------------ */

void tcp_rtt_init(struct tcb *tcb);
void tcp_rtt_sample(struct tcb *tcb, uint32_t rtt_us);
uint32_t tcp_rtt_rto(const struct tcb *tcb); /* with back-off, bounded */

/* --- recovery.c, rack.c ------------------------------------------------------------------------------ */

/* What one ACK has told. */
struct tcp_delivery {
    uint32_t flight;    /* bytes that were out before it: FlightSize (RFC 5681 2) */
    uint32_t acked;     /* bytes by which SND.UNA moved */
    uint32_t sacked;    /* bytes newly SACKed */
    uint32_t delivered; /* bytes of which nothing was known before: newly SACKed, or acknowledged without */
    bool is_dupack;     /* RFC 5681 2 */
    bool dsack;         /* it reports a duplicate (RFC 2883) */
    bool retransmit_acked; /* among the acknowledged are retransmitted bytes */
    weft_time newest_sent; /* when the latest of the delivered that was sent once was sent; 0: none */
    weft_time
        newest_resent; /* the same of those sent again, when the echoed timestamp says it was that copy */
};

void tcp_rack_init(struct tcb *tcb); /* when SND.UNA is known */
void tcp_rack_delivered(struct tcb *tcb, const struct tcp_range *range, bool is_ambiguous);
/* Marks what RACK judges lost; returns bytes newly lost, and arms the reordering timer. */
uint32_t tcp_rack_detect(struct tcb *tcb);
void tcp_rack_on_timeout(struct tcb *tcb);
void tcp_rack_dsack(struct tcb *tcb);                  /* the peer got something twice */
weft_time tcp_rack_probe_delay(const struct tcb *tcb); /* TLP's PTO */

void tcp_recovery_on_ack(struct tcb *tcb, const struct tcp_delivery *delivery);
void tcp_recovery_on_reorder_timer(struct tcb *tcb);
void tcp_recovery_on_timeout(struct tcb *tcb);
void tcp_recovery_sent(struct tcb *tcb, uint32_t bytes); /* data has gone out, new or again */
void tcp_recovery_idle_restart(struct tcb *tcb);

/* --- print.c, check.c -------------------------------------------------------------------------------- */

/* Traps when an invariant of the block is broken. */
void tcp_check(const struct tcb *tcb);

void tcp_trace_snd(const struct tcb *tcb);
void tcp_trace_rcv(const struct tcb *tcb);

static inline void tcp_trace(const struct tcb *tcb, enum weft_trace_event event, uint64_t a0, uint64_t a1,
                             uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5)
{
    struct core *core = tcb->tcp->core;

    trace(&core->trace, core->now, event, tcb->path.iface, tcb->conn, a0, a1, a2, a3, a4, a5);
}

static inline void tcp_signal(struct tcb *tcb, unsigned events)
{
    if (!tcb->owner)
        return;
    tcp_trace(tcb, WEFT_TRACE_TCP_READY, events, 0, 0, 0, 0, 0);
    ready_signal(&tcb->tcp->core->ready, tcb->owner, events);
}

#endif
