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

#include <weft/congestion.h>

#include "base/slab.h"
#include "tcp/ao.h"
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

/* Answers that have been given to what did not fit, in the interval that began then (RFC 5961 7). */
struct tcp_quota {
    weft_time since;
    uint32_t used;
};

/* First member of everything in the connection table. */
struct tcp_node {
    struct tcp_node *next; /* in the bucket */
    struct tcp_tuple tuple;
    uint8_t kind;
};

/* The keys of fast open cookies (RFC 7413 4.1.2): tfo.c alone looks into them. */
struct tcp_tfo_keys {
    uint8_t n; /* of the keys that are set, 0 to 2; new cookies are made with the first */
    struct siphash_key key[2];
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

    struct tcp_tfo_keys tfo_keys; /* n is 0: the stack's */
    struct list tfo;      /* of tcb.tfo.link: connections opened by data in the SYN, in SYN-RECEIVED */
    unsigned tfo_pending; /* of these */
    unsigned tfo_resets;  /* of those that were: reset, and counted until */
    weft_time tfo_resets_until;
};

/* RFC 9293 3.8.3, R1: "at least 3 retransmissions" (SHLD-10). */
#define TCP_R1_RETRIES 3

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
    TCP_OWED_URGENT = 1 << 10, /* the peer does not know yet that there is urgent data */
};

#define TCP_OWED_ANY_ACK                                                                                     \
    (TCP_OWED_ACK | TCP_OWED_ACK_SECOND | TCP_OWED_ACK_DELAYED | TCP_OWED_ACK_DUP | TCP_OWED_CHALLENGE |     \
     TCP_OWED_WINDOW | TCP_OWED_URGENT)

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
    tcp_seq small_end;  /* behind the last segment sent that was not full: Nagle */
    uint32_t wnd;       /* SND.WND, scaled */
    bool is_short;      /* the window does not reach SND.NXT, or did not until just now: */
    tcp_seq short_edge; /* not beyond this */
    uint32_t max_wnd;   /* the largest the peer has offered: MAX.SND.WND of RFC 5961 */
    uint16_t mss;       /* payload bytes of a full segment, options taken off */
    uint16_t peer_mss;  /* what the peer's option said */
    uint8_t wscale;     /* shift for windows in segments we receive */
    bool has_urgent;    /* until `up` is acknowledged */
    tcp_seq up;         /* SND.UP: behind the last urgent byte (RFC 9293 MUST-62), valid with has_urgent */
};

struct tcp_rcv {
    tcp_seq nxt; /* RCV.NXT */
    tcp_seq adv; /* right edge of the window we last offered: RCV.NXT + RCV.WND */
    tcp_seq irs;
    tcp_seq up;        /* RCV.UP: behind the last urgent byte, valid with has_urgent */
    tcp_seq acked;     /* the last acknowledgement that we sent: Last.ACK.sent */
    uint32_t buffered; /* bytes in order, not read yet */
    uint32_t held_bytes;
    uint32_t held_runs;
    uint32_t seg_max;       /* largest segment seen: what "full-sized" means for delayed ACKs */
    uint16_t mss;           /* what we offered */
    uint8_t wscale;         /* shift for windows in segments we send */
    bool has_urgent;        /* until what lies before `up` has been read */
    struct weft_pktq queue; /* the bytes themselves, headers taken off */
    struct tcp_run *held;   /* sorted */
    uint32_t touches;
    bool fin_reached;               /* everything before the FIN has arrived: step 8 takes it */
    tcp_seq dsack_start, dsack_end; /* a duplicate to report next (RFC 2883); equal: none */
};

/* The smallest packet size that anything makes us go down to: below it a forged message would cost more than a
 * true one helps (RFC 5927 7.2). RFC 791 allows links down to 68: before those, routers may cut packets of this size.
 * Ours, as Linux has it. */
#define TCP_MTU_MIN 552u

/* What a connection knows of its path's MTU: pmtud.c. Sizes are of whole packets, bytes. */
struct tcp_pmtud {
    uint32_t eff;       /* the largest that is sent but for probes; 0: what the path's MTU says */
    uint32_t max_acked; /* the largest that is known to have arrived */
    uint32_t full_size; /* of a full segment that is out, and when acknowledged known to arrive; 0: none */
    tcp_seq full_end;
    bool may_be_cut;  /* there is a link that is too small for TCP_MTU_MIN */
    uint32_t claimed; /* a router says that this is the MTU, and we doubt it; 0: none */
    tcp_seq claimed_seq;
    bool is_searching;   /* RFC 4821: what follows is valid */
    bool has_failed;     /* the largest size has been tried, and is too large */
    uint32_t low, high;  /* what has passed, and what may pass */
    weft_time next;      /* no probe before that */
    uint32_t probe_size; /* of the probe that is out; 0: none */
    tcp_seq probe_start, probe_end;
    bool probe_lost; /* and its bytes are sent again */
};

/* The sizes of the buffers, and what they are made from: tune.c. */
struct tcp_tune {
    uint32_t send, receive; /* bytes, now */
    uint32_t rtt;           /* a round trip as the receiver sees it, microseconds; 0: not known */
    uint32_t last_tsecr;    /* that a round trip was measured with */
    weft_time window_sent;  /* when window_end was offered: without timestamps */
    tcp_seq window_end;
    weft_time round_began;
    uint64_t round_read; /* bytes that the application has taken since */
    uint32_t most_read;  /* in any round */
};

struct tcp_rtt {
    uint32_t srtt, rttvar; /* microseconds; srtt 0: not measured yet */
    uint32_t rto;
    uint32_t min_rtt;             /* of the last minutes; 0: not measured */
    uint32_t min_now, min_before; /* since min_since, and of as long before */
    weft_time min_since;
    uint8_t backoffs;     /* retransmission timeouts in a row */
    bool is_cached;       /* srtt and rttvar are not measured by this connection: hostcache.c */
    bool restarts;        /* a timeout was spurious: the estimate begins anew with the first sample of data */
    tcp_seq restart_from; /* behind this, */
    uint32_t srtt_prev, rttvar_prev; /* but not below these (RFC 4015 3.1 step 11) */
};

/* RACK-TLP (RFC 8985). */
struct tcp_rack {
    weft_time xmit_time; /* RACK.xmit_ts, RACK.end_seq of the latest segment known delivered */
    tcp_seq end_seq;
    weft_time rtt; /* RACK.rtt */
    tcp_seq fack;  /* RACK.fack: highest sequence delivered */
    bool reordering_seen;
    bool in_dsack_round;
    uint8_t reo_wnd_mult; /* RACK.reo_wnd_mult, RACK.reo_wnd_persist */
    uint8_t reo_wnd_persist;
    tcp_seq dsack_round; /* RACK.dsack_round, valid with in_dsack_round */
    tcp_seq probe_end;   /* TLP.end_seq, valid with probe_out */
    bool probe_out;
    bool probe_is_retransmit;
    bool probe_is_paid;  /* the window that it belongs to has been reduced */
    bool has_new_rtt;    /* a round trip has been measured since the last probe */
    uint16_t reordering; /* the farthest that one came late, in segments; at least DupThresh */
};

enum tcp_ca_state {
    TCP_CA_OPEN,
    TCP_CA_RECOVERY, /* fast recovery until `recover` is acknowledged */
    TCP_CA_LOSS,     /* after a retransmission timeout, likewise */
};

struct tcp_congestion {
    const struct weft_congestion *ops;
    uint32_t cwnd, ssthresh; /* bytes */
    uint64_t pacing_rate;    /* bytes per second, that the algorithm asks for; 0: it does not */
    enum tcp_ca_state state;
    tcp_seq recover;
    uint32_t prr_delivered, prr_out, recover_fs; /* RFC 9937 */
    uint32_t dupacks;    /* since SND.UNA last moved (RFC 5681 2; with SACK RFC 6675 2) */
    tcp_seq reduced_end; /* valid with has_reduced and in a recovery: SND.NXT when cwnd was reduced last; */
    bool has_reduced;    /* until that is acknowledged it is not reduced again, but for */
    bool
        lost_after; /* the loss of what was sent after that, again or for the first time: this ACK tells one */
    weft_time reduced_at;
    bool
        recover_guards; /* nothing behind `recover`, of the last recovery, has been acknowledged (RFC 6582) */
    bool had_partial_ack;  /* in this recovery */
    bool last_is_echoed;   /* the last ACK that moved echoed the time of the last segment it acknowledged */
    uint32_t last_advance; /* bytes by which it moved */
    tcp_seq high_rxt, rescue_rxt;    /* HighRxt and RescueRxt (RFC 6675), valid in RECOVERY without RACK */
    bool cwnd_limited;               /* cwnd has kept data back since the last round trip began */
    uint32_t most_in_flight;         /* bytes, since then */
    tcp_seq used_until;              /* with its acknowledgement the next round trip begins */
    uint32_t seed;                   /* for what an algorithm leaves to chance */
    uint64_t memory[WEFT_CC_MEMORY]; /* the algorithm's own */
};

/* F-RTO after a timeout (RFC 5682). */
enum tcp_frto {
    TCP_FRTO_OFF,
    TCP_FRTO_FIRST_ACK,  /* step 2: waits for the first ACK that moves */
    TCP_FRTO_SECOND_ACK, /* step 3: new data goes, and the next ACK decides */
};

/* So many runs of data that have gone again are remembered; of more DSACKs do not tell. */
#define TCP_UNDO_RUNS 16

/* Whether the last recovery was called for, and what to go back to if it was not: undo.c. */
struct tcp_undo {
    bool is_possible; /* nothing speaks against it yet */
    bool by_timeout;
    bool windows_stay; /* other congestion was told meanwhile */
    bool awaits_eifel; /* the first ACK that moves may be of the original */
    bool is_over;      /* the recovery is; only DSACKs for it can still come: */
    tcp_seq until;     /* until this is acknowledged */
    uint8_t frto;      /* enum tcp_frto */
    bool has_resent;
    bool dsack_seen;    /* on this connection */
    bool no_dsack;      /* too much, or the same once more, has gone again for DSACKs to tell */
    tcp_seq from;       /* SND.UNA when it began */
    tcp_seq resent_end; /* behind the last byte that has gone again */
    uint8_t runs;       /* that have gone again and were not reported as duplicates: */
    struct {
        tcp_seq start, end; /* [start, end), in no order, without overlap */
    } run[TCP_UNDO_RUNS];
    uint32_t retransmit_ts; /* RetransmitTS (RFC 3522) */
    tcp_seq frto_recover;   /* "recover" (RFC 5682), valid in step 3 */
    uint32_t pipe_prev;     /* RFC 4015 */
    uint32_t srtt_prev, rttvar_prev;
};

/* ECN: ecn.c. */
struct tcp_ecn {
    bool seen;     /* the peer's data has come with ECT or CE */
    bool asked;    /* our SYN has */
    bool gave_up;  /* and was repeated without: data is not marked */
    bool agreed;   /* both can */
    bool echoes;   /* a mark has come, and no CWR since */
    bool owes_cwr; /* the window has been reduced, and the peer is to be told */
    bool told_cwr; /* the segment at `cwr` has said so, and is not acknowledged yet */
    tcp_seq cwr;
};

/* When paced data may leave: pace.c. */
struct tcp_pace {
    uint64_t next;  /* nanoseconds */
    weft_time hold; /* nothing new before this, paced or not */
    bool waits;     /* something was to go before that */
};

/* What rate samples are made from: rate.c. */
struct tcp_rate {
    uint64_t delivered; /* bytes known to have arrived: C.delivered of draft-ietf-ccwg-bbr, as all of these */
    uint64_t lost;      /* bytes judged lost: C.lost */
    weft_time delivered_time; /* when `delivered` last grew */
    weft_time first_sent;     /* C.first_send_time */
    uint64_t
        app_limited; /* until `delivered` has passed this, samples are the application's rate; 0: they are not */
    uint64_t last; /* the last sample, bytes per second */
    bool last_app_limited;
};

/* What a SYN of ours does about fast open (RFC 7413). */
enum tcp_tfo_mode {
    TCP_TFO_OFF,
    TCP_TFO_REQUEST, /* asks for a cookie */
    TCP_TFO_COOKIE,  /* shows one, and may carry data */
    TCP_TFO_BARE,    /* carries data without */
};

struct tcp_tfo {
    uint8_t mode;                  /* enum tcp_tfo_mode */
    bool is_experimental;          /* the option goes as kind 254 */
    uint16_t syn_bytes;            /* data that our SYN carried */
    bool is_opened;                /* by the peer's SYN: what is sent does not wait for the handshake */
    bool gives_cookie;             /* our SYN-ACK does, the first time */
    bool data_taken;               /* all the data of the SYN, ours or the peer's, was taken */
    struct list link;              /* in listener->tfo */
    struct tcp_listener *listener; /* that counts it as pending; NULL: none does */
};

/* The user timeout option (RFC 5482). */
struct tcp_uto {
    weft_time remote; /* the last that has come; 0: none has */
    bool is_owed;     /* ours goes with the next segment */
};

/* Stretches of time of one kind: the sum of those that are over, and the beginning of one that lasts. */
struct tcp_stretch {
    weft_time sum, since;
};

/* What a connection has begun with, of those before it: hostcache.c. Zeros: nothing. */
struct tcp_known {
    uint32_t ssthresh, mtu;
    weft_time told;   /* when this connection last told what it knows */
    uint32_t learned; /* what it has learned of ssthresh, the window being in use */
    bool has_reordering;
};

/* What is only kept to be told: info.c. */
struct tcp_account {
    weft_time limited[WEFT_LIMIT_COUNT]; /* how long each has held it, but for what holds it now */
    struct tcp_stretch busy;             /* there is something in the send buffer */
    struct tcp_stretch rto;              /* since a timeout nothing has been acknowledged */
    weft_time last_ack_sent;
    uint64_t data_segs_in, data_segs_out;
    uint32_t delivered_ce, received_ce;
    uint32_t rto_recoveries, dsack_dups, reord_seen, rcv_ooopack;
    bool is_busy, in_rto; /* the stretches last */
    bool is_closed;       /* and nothing is counted any more */
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
    uint8_t limit;  /* enum weft_tcp_limit; info.c alone writes it, */
    int error;      /* why it failed */
    int soft_error; /* what ICMP reported without ending it (RFC 5461), since SND.UNA last moved */
    uint16_t owed;  /* enum tcp_owed */
    uint16_t owed_dups;
    weft_time limit_since; /* and this */

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
    struct tcp_tune tune;
    struct tcp_pmtud pmtud;
    struct tcp_scoreboard board;
    struct tcp_rtt rtt;
    struct tcp_rack rack;
    struct tcp_congestion cc;
    struct tcp_undo undo;
    struct tcp_rate rate;
    struct tcp_tfo tfo;
    struct tcp_uto uto;
    struct tcp_pace pace;
    struct tcp_ecn ecn;
    bool is_signed;    /* with MD5: there is a key for the peer, as of the last output */
    struct tcp_ao *ao; /* its keys of TCP-AO; NULL: it has none, and never will */

    uint32_t ts_recent;      /* TS.Recent (RFC 7323 4.3) */
    uint32_t ts_offset;      /* added to our clock in TSval */
    weft_time ts_recent_age; /* when TS.Recent was set */

    struct weft_timer_node timer;         /* for the earliest of: */
    weft_time deadline[WEFT_TIMER_COUNT]; /* timer.c alone writes them; WEFT_TIME_NEVER: not set */

    weft_time last_data;     /* when data last came; at first the end of the handshake */
    uint32_t delivered_segs; /* that have arrived, SYN and all */
    weft_time last_received; /* any segment of the peer's */
    weft_time last_sent;     /* data */
    weft_time since_unacked; /* when snd.una last moved, or data was first sent after all was acknowledged */
    weft_time misfits_since; /* beginning of the interval that misfit_answers counts for */
    uint32_t misfit_answers; /* to empty segments that did not fit */
    struct tcp_quota challenges;
    uint8_t keepalives; /* sent without an answer */
    uint8_t retries;    /* retransmission timeouts in a row without progress: counts towards R2 */
    uint8_t probes;     /* zero-window probes in a row: their back-off */
    uint8_t unanswered; /* of these, since the peer was last heard of */
    uint8_t quick_acks; /* segments still to be acknowledged at once: the peer is in slow start */
    bool
        is_answering; /* new data of ours has lately answered the peer's: the next ACK may find some to go with */

    struct tcp_options options;
    struct net_path path;

    struct tcp_known known;
    struct tcp_account account;
    uint64_t bytes_sent, bytes_acked, bytes_received, bytes_retransmitted; /* the first: for the first time */
    uint64_t segs_in, segs_out, segs_retransmitted;
    uint32_t timeouts, recoveries, undone;
};

/* --- TCP of one stack -------------------------------------------------------------- */

#define TCP_LISTENER_BUCKETS 256

/* Keys that one stack holds; ours. */
#define TCP_MD5_KEYS 64

struct tcp_md5_key {
    struct weft_prefix peer; /* its length counts in all 128 bits */
    uint16_t port;           /* of either end; 0: any */
    uint8_t len;
    uint8_t secret[WEFT_TCP_MD5_KEY_MAX];
};

/* md5.c's table. */
struct tcp_md5_table {
    unsigned n;
    struct tcp_md5_key keys[TCP_MD5_KEYS];
};

/* What SYN cookies are made with: syncookie.c alone looks into it. */
struct tcp_cookies {
    bool has_secrets;
    uint64_t epoch;               /* of the newer secret */
    struct siphash_key secret[2]; /* by the parity of their epochs */
    weft_time good_until;         /* no cookie that was given is good from then on */
};

/* What begins each entry of a table of hosts. */
struct tcp_pair {
    struct weft_addr local, remote;
    uint16_t port;  /* 0: all */
    weft_time used; /* 0: a free entry */
};

/* Such a table: pairs.c. */
struct tcp_pairs {
    struct core *core;
    uint8_t *entries;
    uint32_t sets, size; /* bytes of an entry */
};

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
    uint32_t port_salt; /* moves ephemeral ports on (RFC 6056 3.3.4) */
    bool memory_low;    /* the pool is nearly used up: as of the last flush */
    struct tcp_cookies cookies;
    struct tcp_md5_table md5;
    struct slab ao_sets, ao_keys;
    struct tcp_tfo_keys tfo_keys;
    struct tcp_pairs tfo_peers; /* tfo_cache.c's table */
    struct tcp_pairs hosts;     /* hostcache.c's */
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
    tcp_seq start;   /* SEG.SEQ as it came: `seq` moves on when the front is trimmed */
    tcp_seq up;      /* SEG.UP, counted from SEG.SEQ */
    uint16_t segs;   /* wire segments it stands for */
    uint16_t src_port, dst_port;
    bool has_isn_floor; /* it takes the place of a connection in TIME-WAIT that used numbers up to here */
    tcp_seq isn_floor;
    struct wire_tcp_opts opts;
    const struct net_rx *rx;
    struct tcp_ao_proof proof;
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
 * (RFC 5681 3.2 steps 4 and 5, as a count rather than as an inflated window); no more of them than can be.
 * After a timeout they tell nothing: all that was out then counts as lost. */
static inline uint32_t tcp_dupack_bytes(const struct tcb *tcb)
{
    uint32_t most = seq_span(tcb->snd.una, tcb->snd.nxt) - tcb->board.lost_bytes;

    if (tcb->has_sack || tcb->cc.state == TCP_CA_LOSS)
        return 0;
    if (tcb->cc.state == TCP_CA_RECOVERY && most > tcb->cc.recover_fs)
        most = tcb->cc.recover_fs; /* RFC 9937 6.2 */
    return tcb->cc.dupacks <= most / tcb->snd.mss ? tcb->cc.dupacks * tcb->snd.mss : most;
}

/* Bytes under way: sent and neither acknowledged, nor SACKed, nor judged lost; twice what was sent twice
 * for no loss: "pipe" (RFC 6675 4). While no recovery has begun duplicate ACKs count for two segments at
 * most: no more may go beyond cwnd (RFC 3042 2). */
static inline uint32_t tcp_in_flight(const struct tcb *tcb)
{
    uint32_t told = tcp_dupack_bytes(tcb);
    uint32_t limited = 2u * tcb->snd.mss;

    if (tcb->cc.state == TCP_CA_OPEN && told > limited)
        told = limited;
    uint32_t gone = tcb->board.sacked_bytes + tcb->board.lost_bytes + told;
    uint32_t sent = seq_span(tcb->snd.una, tcb->snd.nxt) + tcb->board.doubled_bytes;

    return sent > gone ? sent - gone : 0;
}

/* Loss is judged by RACK: by counting, otherwise. */
static inline bool tcp_uses_rack(const struct tcb *tcb)
{
    return tcb->has_sack && !tcb->tcp->config.no_rack;
}

/* Bytes of the IP and TCP headers without options. */
static inline uint32_t tcp_headers_len(const struct tcb *tcb)
{
    return (weft_addr_is_ip4(&tcb->node.tuple.remote) ? 20 : 40) + WIRE_TCP_LEN;
}

/* Bytes of the options that every segment has: timestamps, aligned (RFC 7323 appendix A), an MD5 signature
 * (RFC 2385 3.0) or AO. snd.mss is without them. */
static inline uint32_t tcp_usual_options(const struct tcb *tcb)
{
    return (tcb->has_timestamps ? 12u : 0u) + (tcb->is_signed ? 20u : 0u) + (tcb->ao ? TCP_AO_OPTION : 0u);
}

static inline uint32_t tcp_overhead(const struct tcb *tcb)
{
    return tcp_headers_len(tcb) + tcp_usual_options(tcb);
}

static inline bool tcp_is_synchronized(const struct tcb *tcb)
{
    return tcb->state >= WEFT_TCP_SYN_RECEIVED;
}

/* Data may go: the handshake is complete, or a fast open has shown that the peer is there (RFC 7413 4.2.2). */
static inline bool tcp_may_write(const struct tcb *tcb)
{
    return tcb->state >= WEFT_TCP_ESTABLISHED || (tcb->state == WEFT_TCP_SYN_RECEIVED && tcb->tfo.is_opened);
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

/* What it said, or would have said, at this moment in a connection. */
static inline uint32_t tcp_ts_at(const struct tcb *tcb, weft_time when)
{
    return (uint32_t)(when / WEFT_MSEC) + tcb->ts_offset;
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

/* --- fast.c, input.c, synsent.c, ack.c, text.c ----------------------------------------------------- */

/* A segment for a connection in SYN-RECEIVED or later (RFC 9293 3.10.7.4). Takes seg->pkt. */
void tcp_input_synchronized(struct tcb *tcb, struct tcp_seg *seg);

/* The same for a segment that needs none of the steps: returns false, and has done nothing, when it is not one.
 * Takes seg->pkt when it returns true. */
bool tcp_fast_input(struct tcb *tcb, struct tcp_seg *seg);

/* RFC 7323 4.3: TS.Recent follows segments that span what we last acknowledged. */
void tcp_input_note_timestamp(struct tcb *tcb, const struct tcp_seg *seg);

/* All of the segment has been taken: frees what is left of it, traces and checks. */
void tcp_input_taken(struct tcb *tcb, struct tcp_seg *seg);
/* Steps 6 to 8 for what came with a SYN or SYN-ACK, whose own number has been taken off the front. Takes seg->pkt. */
void tcp_input_text(struct tcb *tcb, struct tcp_seg *seg);

/* In SYN-RECEIVED: is it the SYN-ACK for our SYN, of somebody else than whose SYN has brought us here? Then it is
 * believed, and seg->pkt taken. */
bool tcp_input_true_answer(struct tcb *tcb, struct tcp_seg *seg);

/* A segment for a connection in SYN-SENT (3.10.7.3). Takes seg->pkt. */
void tcp_input_syn_sent(struct tcb *tcb, struct tcp_seg *seg);

/* Step 5's work in ESTABLISHED and later: SEG.ACK lies in [SND.UNA - MAX.SND.WND, SND.NXT]. */
void tcp_ack_take(struct tcb *tcb, const struct tcp_seg *seg);

/* Bytes before `ack` leave the send buffer; SYN and FIN are numbers without bytes. */
void tcp_ack_release(struct tcb *tcb, tcp_seq ack);

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

/* Data may be sent from here on: the congestion window begins. */
void tcp_begin_sending(struct tcb *tcb);

/* The handshake is complete and the state is ESTABLISHED: windows, timers and the socket are told. */
void tcp_established(struct tcb *tcb);

/* The MSS that a SYN's options say, or that counts as said (RFC 9293 MUST-15). */
uint16_t tcp_peer_mss(const struct wire_tcp_opts *opts, const struct tcp_tuple *tuple);

/* Takes over what a SYN or SYN-ACK offers, by what we have offered ourselves. */
void tcp_negotiate(struct tcb *tcb, const struct wire_tcp_opts *opts);

/* --- output.c ------------------------------------------------------------------------------ */

/* The connection owes `what` (enum tcp_owed, or 0 for "look whether data can go"). */
void tcp_owe(struct tcb *tcb, unsigned what);

/* Builds all that it owes or may send. Returns false when the link has no room left. */
bool tcp_output(struct tcb *tcb);

/* True while so little packet memory is left that what is still to be received needs it: applications
 * may not fill it with what they write. */
bool tcp_writer_must_wait(const struct tcp *tcp);

/* The application waits until there is packet memory again. */
void tcp_wait_for_memory(struct tcb *tcb);

/* --- segment.c ------------------------------------------------------------------------------ */

/* The largest super-segment: what IPv4's length field can say, with full headers before it. */
#define TCP_GSO_MAX (65535u - 60u - 60u)

/* What distinguishes one segment that we send from another. */
struct tcp_outgoing {
    tcp_seq seq;
    uint32_t len;   /* payload bytes, from the send buffer */
    uint16_t flags; /* enum wire_tcp_flag */
    enum weft_tcp_send_reason why;
    bool is_new;       /* data that goes for the first time */
    bool is_mtu_probe; /* one packet, larger than others may be */
};

/*
 * Sends one segment, a super-segment if it is longer than one can be. Returns
 * the payload bytes that went, which may be fewer than asked for (slices), or
 * -1 when there was no packet to be had.
 */
int64_t tcp_segment_send(struct tcb *tcb, const struct tcp_outgoing *wanted);

/* The path's MTU or our options may have changed: snd.mss anew (RFC 6691, RFC 9293 3.7.1). */
void tcp_segment_update_mss(struct tcb *tcb);

/* --- control.c: segments that are not for data. False: something ran out, and they go later ------- */

/* Our SYN, or SYN-ACK, for the first time or again. */
bool tcp_control_syn(struct tcb *tcb);

/* The ACKs that are owed and that no other segment has carried; info.c is told what ran out. */
bool tcp_control_acks(struct tcb *tcb);

/* A segment that the peer must answer although it carries nothing new: one number before what it
 * expects (RFC 9293 3.8.4). */
bool tcp_control_poke(struct tcb *tcb, tcp_seq seq, enum weft_tcp_send_reason why);

/* Sends RST for a connection (RFC 9293 3.10.5). */
void tcp_control_reset(struct tcb *tcb);

/* Sends RST for a segment: where something has been lost as if there were no connection (RFC 9293 3.5.2, group 1), with
 * the number that the segment acknowledges. */
void tcp_control_refuse(struct tcb *tcb, const struct tcp_seg *seg);

/* --- pmtud.c ------------------------------------------------------------------------------- */

void tcp_pmtud_established(struct tcb *tcb); /* the handshake is complete */

/* The largest packet that is sent, but for probes. */
uint32_t tcp_pmtud_size(const struct tcb *tcb);

/* Routers may cut its packets, because one has said that even the smallest are too large for it. */
bool tcp_pmtud_may_be_cut(const struct tcb *tcb);

/* Payload of a probe that ought to go next, with `unsent` bytes to be sent and room for `window` of them; 0: none. */
uint32_t tcp_pmtud_probe_due(struct tcb *tcb, uint32_t unsent, uint32_t window);

/* New data has gone out, as a probe or not. */
void tcp_pmtud_probe_sent(struct tcb *tcb, tcp_seq start, uint32_t len);
void tcp_pmtud_sent(struct tcb *tcb, tcp_seq start, uint32_t len);

void tcp_pmtud_acked(struct tcb *tcb);   /* SND.UNA has moved */
void tcp_pmtud_timeout(struct tcb *tcb); /* the retransmission timer has fired; tcb->retries counts it */

/* Bytes have been judged lost: true when they are a probe's alone, which is no sign of congestion (RFC 4821 7.6.2). */
bool tcp_pmtud_forgives_loss(struct tcb *tcb);

/* A router says that a packet of ours, which began with `seq`, is larger than the MTU of its next hop. */
void tcp_pmtud_too_big(struct tcb *tcb, uint32_t mtu, tcp_seq seq);

/* --- tune.c -------------------------------------------------------------------------------- */

/* What both buffers of a connection with these options begin with. */
uint32_t tcp_tune_first_send(const struct tcp *tcp, const struct tcp_options *options);
uint32_t tcp_tune_first_receive(const struct tcp *tcp, const struct tcp_options *options);

void tcp_tune_init(struct tcb *tcb);        /* the block is new: its options are known */
void tcp_tune_established(struct tcb *tcb); /* the handshake is complete */
void tcp_tune_options(struct tcb *tcb);     /* options have changed */
/* A segment in order is there; RCV.NXT has not moved yet. */
void tcp_tune_received(struct tcb *tcb, const struct tcp_seg *seg);
void tcp_tune_read(struct tcb *tcb, size_t len); /* the application has taken bytes */
void tcp_tune_acked(struct tcb *tcb);            /* bytes have left the send buffer */

/* --- calls.c ------------------------------------------------------------------------------- */

/* What we offer in a SYN or SYN-ACK. */
uint8_t tcp_wscale_to_offer(const struct tcp *tcp, uint32_t receive_buffer);
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
    const struct tcp_ao_signer *ao; /* NULL: without AO */
};
void tcp_reply_send(struct tcp *tcp, const struct tcp_reply *reply);

/* RST in answer to a segment that fits nothing (RFC 9293 3.10.7.1). */
void tcp_reply_reset(struct tcp *tcp, const struct tcp_seg *seg);

/* True when another answer may be sent in this interval, by whoever has the quota. */
bool tcp_quota_take(struct tcp *tcp, struct tcp_quota *quota);

/* True when another challenge ACK may be sent in this second (RFC 5961 7), all connections together. */
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
/* The keys that decide for a half-open connection, NULL when its listener has none, and its numbers, where the
 * pointers are not NULL. */
struct tcp_ao *tcp_syncache_ao(const struct tcp_node *node, tcp_seq *iss, tcp_seq *irs);

void tcp_syncache_forget(struct tcp_listener *listener);
void tcp_syncache_drop(struct tcp *tcp, struct tcp_node *node);

/* Is it the number of our SYN? */
bool tcp_syncache_is_iss(const struct tcp_node *node, tcp_seq seq);

/* --- tfo.c: TCP Fast Open where we listen --------------------------------------------------- */

/* Sets one or two keys of 16 bytes each; false for any other length. */
bool tcp_tfo_keys_set(struct tcp_tfo_keys *keys, const uint8_t *bytes, size_t len);

enum tcp_tfo_verdict {
    TCP_TFO_PLAIN,         /* the SYN opens like any other */
    TCP_TFO_GIVE,          /* and its answer gives a cookie */
    TCP_TFO_TAKE,          /* its data is taken at once */
    TCP_TFO_TAKE_AND_GIVE, /* and a new cookie is given */
};

/* What the fast open option of a SYN is worth, and whether there is room for another. */
enum tcp_tfo_verdict tcp_tfo_judge(struct tcp_listener *listener, const struct tcp_tuple *tuple,
                                   const struct tcp_seg *seg);

/* Puts the cookie of this client into the options of a SYN-ACK. */
void tcp_tfo_give_cookie(const struct tcp_listener *listener, const struct tcp_tuple *tuple,
                         struct wire_tcp_opts *opts);

/* The connection counts as pending from here, until its handshake is complete or it has failed. */
void tcp_tfo_pending(struct tcb *tcb, struct tcp_listener *listener);
void tcp_tfo_settled(struct tcb *tcb, bool was_reset);

/* The listener is going away. */
void tcp_tfo_unlisten(struct tcp_listener *listener);

/* --- tfo_cache.c: TCP Fast Open where we connect -------------------------------------------------- */

/* Bytes of the table for so many servers. */
bool tcp_tfo_cache_init(struct tcp *tcp); /* false: no memory */

/* Would a SYN on this way carry data? */
bool tcp_tfo_can_send(const struct tcp *tcp, const struct tcp_tuple *tuple,
                      const struct tcp_options *options);

/* Chooses what the SYN of a new connection does. */
void tcp_tfo_begin(struct tcb *tcb);

/* Bytes of data that its SYN can carry. */
uint32_t tcp_tfo_room(const struct tcb *tcb);

/* The option of its first SYN. */
void tcp_tfo_fill_option(const struct tcb *tcb, struct wire_tcp_opts *opts);

/* A SYN-ACK has come, and SND.UNA stands before the SYN still; or none came at all. */
void tcp_tfo_answered(struct tcb *tcb, const struct tcp_seg *seg);
void tcp_tfo_unanswered(struct tcb *tcb);

/* --- md5.c: the MD5 signature option (RFC 2385) ------------------------------------------------------ */

/* The key for segments between these ends; NULL: they are not signed. */
const struct tcp_md5_key *tcp_md5_find(const struct tcp *tcp, const struct tcp_tuple *tuple);

/* Do the keys that there are find in `crypto`, which may be NULL, what they need? */
bool tcp_md5_can_go_on_with(const struct tcp *tcp, const struct weft_tcp_crypto *crypto);

/* Does this connection sign with MD5? Where AO is used it does not (RFC 5925 8). */
static inline bool tcp_md5_is_due(const struct tcb *tcb)
{
    return !tcb->ao && tcp_md5_find(tcb->tcp, &tcb->node.tuple);
}

/* What stands in the option until tcp_md5_sign puts the digest there. */
extern const uint8_t tcp_md5_placeholder[16];

/* Signs a segment that is complete but for its checksum; `header_len` bytes of header begin at pkt->data. Does
 * nothing when its options leave no room for a signature. */
void tcp_md5_sign(const struct tcp *tcp, const struct tcp_tuple *tuple, struct weft_pkt *pkt,
                  unsigned header_len);

/* Is a received segment, whose header stands at pkt->data, signed as it must be? WEFT_DROP_COUNT, or why not. */
enum weft_drop tcp_md5_check(const struct tcp *tcp, const struct tcp_tuple *tuple, const struct weft_pkt *pkt,
                             const struct wire_tcp *header, const struct wire_tcp_opts *opts);

/* --- pairs.c: tables of hosts ------------------------------------------------------------------------ */

/* For `n` entries at least, of `size` bytes, which begin with a struct tcp_pair. False: no memory. */
bool tcp_pairs_init(struct tcp_pairs *peers, struct core *core, uint32_t n, uint32_t size);
void tcp_pairs_fini(struct tcp_pairs *peers); /* also of a table that is all zero */
void tcp_pairs_forget(struct tcp_pairs *peers);

/* The entry of these addresses and this port, or NULL. */
void *tcp_pairs_find(const struct tcp_pairs *peers, const struct tcp_tuple *tuple, uint16_t port);

/* The same, used now; a new one, all zero behind its key, when there is none. */
void *tcp_pairs_entry(struct tcp_pairs *peers, const struct tcp_tuple *tuple, uint16_t port);

/* --- hostcache.c: what is known of a host from connections before (RFC 9040) ------------------------------ */

bool tcp_hostcache_init(struct tcp *tcp);     /* false: no memory */
void tcp_hostcache_begin(struct tcb *tcb);    /* the block is new */
void tcp_hostcache_may_send(struct tcb *tcb); /* the congestion window begins */
void tcp_hostcache_first_rtt(struct tcb *tcb,
                             uint32_t rtt); /* tcb->rtt is the cache's, and now one is measured */
void tcp_hostcache_tell(struct tcb *tcb);   /* a round trip has been measured */
/* There was congestion, with `flight` bytes out in a window of `cwnd`: ssthresh is new. It was none after all. */
void tcp_hostcache_congestion(struct tcb *tcb, uint32_t flight, uint32_t cwnd);
void tcp_hostcache_undone(struct tcb *tcb);
void tcp_hostcache_end(struct tcb *tcb); /* the connection is about to be over */

/* --- uto.c: the user timeout option (RFC 5482) ----------------------------------------------------- */

/* How long data may stay unacknowledged; 0: R2 decides. */
weft_time tcp_user_timeout(const struct tcb *tcb);

/* What we advertise, if we do. */
void tcp_uto_fill(const struct tcp_options *options, struct wire_tcp_opts *opts);

/* Our options have changed. */
void tcp_uto_changed(struct tcb *tcb);

/* A segment that is believed has these options. */
void tcp_uto_received(struct tcb *tcb, const struct wire_tcp_opts *opts);

/* --- syncookie.c: half-open connections of which nothing is kept -------------------------------- */

/*
 * The initial sequence number of the SYN-ACK that answers a SYN with this
 * number and these options. Takes from `opts` and `ecn` what the cookie cannot keep, and
 * puts the rest into `tsval`, the timestamp that would else be sent.
 */
tcp_seq tcp_cookie_give(struct tcp *tcp, const struct tcp_tuple *tuple, tcp_seq irs,
                        struct wire_tcp_opts *opts, bool *ecn, uint32_t *tsval);

/* Does this ACK complete a handshake by a cookie of ours? Gives the options that its SYN offered then. */
bool tcp_cookie_take(struct tcp *tcp, const struct tcp_tuple *tuple, const struct tcp_seg *seg,
                     struct wire_tcp_opts *opts, bool *ecn);

/* --- timewait.c -------------------------------------------------------------------------------- */

/* Bytes of a record. */
size_t tcp_timewait_size(void);

/* Puts a record for the connection into the table, in whose place it stands from now on. */
void tcp_timewait_begin(struct tcb *tcb);

/* Is this a SYN that may open a new connection, because nothing of the old one can be taken for it? */
bool tcp_timewait_gives_way(const struct tcp *tcp, struct tcp_node *node, const struct tcp_seg *seg);

/* Any other segment for it. Takes seg->pkt. */
void tcp_timewait_input(struct tcp *tcp, struct tcp_node *node, struct tcp_seg *seg);

void tcp_timewait_timer(struct tcp *tcp, struct weft_timer_node *node);
void tcp_timewait_end(struct tcp *tcp, struct tcp_node *node);

/* The keys of TCP-AO that it has left; NULL: it had none. */
struct tcp_ao *tcp_timewait_ao(const struct tcp_node *node);

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
void tcp_timer_sacked(struct tcb *tcb);                /* the peer has SACKed something, SND.UNA stays */
void tcp_timer_reneged(struct tcb *tcb);               /* the peer has SACKed what it says it waits for */
void tcp_timer_window_reopened(struct tcb *tcb);       /* over what was out */
void tcp_timer_head_resent(struct tcb *tcb);           /* what stands first has gone again, in recovery */
void tcp_timer_held(struct tcb *tcb);                  /* an ECN echo holds new data back for a timeout */
void tcp_timer_reorder(struct tcb *tcb, weft_time in); /* RACK waits for reordered segments; 0: no more */
void tcp_timer_ack_owed(struct tcb *tcb);              /* an ACK may be delayed */
void tcp_timer_ack_sent(struct tcb *tcb);              /* some segment carried our ACK */
void tcp_timer_segment_in(struct tcb *tcb);            /* the peer lives */
void tcp_timer_keepalive_changed(struct tcb *tcb);
void tcp_timer_orphaned(struct tcb *tcb);    /* no socket any more, or an orphan is in FIN-WAIT-2 */
void tcp_timer_fin_acked(struct tcb *tcb);   /* our FIN is acknowledged: the peer's is waited for */
void tcp_timer_stalled(struct tcb *tcb);     /* it has something to send, and no route or no memory */
void tcp_timer_not_stalled(struct tcb *tcb); /* all that it could send has gone */
void tcp_timer_user_timeout_changed(struct tcb *tcb);
void tcp_timer_paced(struct tcb *tcb, weft_time in); /* data waits for its turn */
void tcp_timer_corked(struct tcb *tcb);              /* a part of a segment is held back by cork */
void tcp_timer_fire(struct tcb *tcb);                /* the wheel gave the node */

/* --- rtt.c ------------------------------------------------------------------------------------------ */

void tcp_rtt_init(struct tcb *tcb);
void tcp_rtt_sample(struct tcb *tcb, weft_time rtt);
/* A timeout was spurious: with the first sample of data behind `from` the estimate begins anew, but not
 * below what it was before the timeout. */
void tcp_rtt_restart(struct tcb *tcb, uint32_t srtt_prev, uint32_t rttvar_prev, tcp_seq from);
uint32_t tcp_rtt_rto(const struct tcb *tcb); /* with back-off, bounded */

/* --- rack.c ------------------------------------------------------------------------------ */

/* What one ACK has told. */
struct tcp_delivery {
    uint32_t flight;    /* bytes that were out before it: FlightSize (RFC 5681 2) */
    uint32_t acked;     /* bytes by which SND.UNA moved */
    uint32_t sacked;    /* bytes newly SACKed */
    uint32_t delivered; /* bytes of which nothing was known before: newly SACKed, or acknowledged without */
    uint32_t original;  /* of these, bytes that were sent once */
    bool ece;           /* the peer echoes a mark of the network (RFC 3168) */
    bool has_echo;      /* it echoes a timestamp of ours: */
    uint32_t echo;
    bool is_dupack;   /* RFC 5681 2 */
    bool is_repeated; /* it says what the last one said, and no SACK: perhaps with nothing out */
    bool dsack;       /* it reports a duplicate (RFC 2883), of: */
    tcp_seq dsack_start, dsack_end;
    bool retransmit_acked; /* among the acknowledged are retransmitted bytes */
    weft_time newest_sent; /* when the latest of the delivered that was sent once was sent; 0: none */
    weft_time
        newest_resent;    /* the same of those sent again, when the echoed timestamp says it was that copy */
    weft_time rack_sent;  /* when the latest of all that RACK may judge by was sent; 0: none */
    weft_time rtt;        /* measured; 0: it could not be (RFC 6298 3) */
    uint64_t lost_before; /* bytes judged lost before this ACK */
    bool leaves_timer;    /* the timeout does not begin anew with it */
    weft_time last_acked_sent; /* when the last of the bytes acknowledged was sent last */
    bool ended_recovery;       /* a fast recovery is over with it */
    bool shows_reordering;     /* something sent once has arrived after what was sent behind it */
    bool has_mark; /* the mark of what was sent last among the delivered, when and how far that went */
    struct tcp_rate_mark mark;
    weft_time mark_sent;
    tcp_seq mark_end;
};

void tcp_rack_init(struct tcb *tcb); /* when SND.UNA is known */
/* `range` has arrived; is_valid: this ACK may be for the copy that was sent last. */
void tcp_rack_delivered(struct tcb *tcb, const struct tcp_range *range, struct tcp_delivery *delivery,
                        bool is_valid);
/* Marks what RACK judges lost; returns bytes newly lost, and arms the reordering timer. */
uint32_t tcp_rack_detect(struct tcb *tcb);
weft_time tcp_rack_window(const struct tcb *tcb); /* RACK.reo_wnd as it would be now */
void tcp_rack_on_timeout(struct tcb *tcb);
void tcp_rack_reordering(struct tcb *tcb, bool dsack,
                         bool is_over);                /* an ACK: with a DSACK; a recovery ends */
weft_time tcp_rack_probe_delay(const struct tcb *tcb); /* TLP's PTO */
/* Settles what an ACK says of a probe that is out; true: it has repaired a loss that nobody saw. */
bool tcp_rack_probe_repaired(struct tcb *tcb, const struct tcp_delivery *delivery);

/* A recovery was spurious: that copies sent again have arrived was a wrong conclusion. */
void tcp_rack_forget_resent(struct tcb *tcb, const struct tcp_delivery *delivery);

/* A fast recovery was not called for: what it took for lost was late. */
void tcp_rack_was_reordered(struct tcb *tcb);

/* --- dupack.c --------------------------------------------------------------------------------------------- */

/* Counts what an ACK tells, and returns the bytes that have arrived by it (DeliveredData, RFC 9937 6). */
uint32_t tcp_dupack_count(struct tcb *tcb, const struct tcp_delivery *delivery);
/* Without SACK, and with SACK without RACK: marks what is lost, returns true when a fast recovery is due. */
bool tcp_dupack_judge(struct tcb *tcb, const struct tcp_delivery *delivery);
bool tcp_dupack_judge_sacks(struct tcb *tcb, const struct tcp_delivery *delivery);
/* RFC 6675 4, NextSeg (3) and (4): what may go again when nothing else can. */
struct tcp_range *tcp_dupack_unsure(const struct tcb *tcb);
bool tcp_dupack_may_rescue(const struct tcb *tcb);

/* --- undo.c ----------------------------------------------------------------------------------------------- */

/* A recovery is about to begin, cc is as it was; `flight` bytes are out. */
void tcp_undo_fast_recovery(struct tcb *tcb, uint32_t flight);
void tcp_undo_timeout(struct tcb *tcb, uint32_t flight);
void tcp_undo_resent(struct tcb *tcb, tcp_seq start, tcp_seq end); /* has gone again */
void tcp_undo_recovered(struct tcb *tcb);                          /* the recovery came to its end */
void tcp_undo_congested(struct tcb *tcb); /* congestion that the recovery is not about, heeded or absorbed */
/* The scoreboard knows what an ACK tells: takes a recovery back if it shows that it was not called for, and
 * returns whether it did. The state is OPEN then. */
bool tcp_undo_take_ack(struct tcb *tcb, const struct tcp_delivery *delivery);
/* F-RTO: new data is to go rather than what counts as lost. */
bool tcp_undo_wants_new_data(const struct tcb *tcb);
/* All that could go has gone; false: nothing could, and the recovery goes on as any. */
bool tcp_undo_new_data_sent(struct tcb *tcb);

/* --- prr.c, recovery.c --------------------------------------------------------------------------------- */

void tcp_prr_begin(struct tcb *tcb, uint32_t arrived);
/* `arrived` bytes came with an ACK (0: what is lost has changed without one); is_safe: SND.UNA moved and
 * nothing more was judged lost. Sets cwnd. An ACK by which nothing has arrived is none of PRR's (RFC 9937 6.2). */
void tcp_prr_update(struct tcb *tcb, uint32_t arrived, bool is_safe);

void tcp_recovery_on_ack(struct tcb *tcb, struct tcp_delivery *delivery);
void tcp_recovery_on_reorder_timer(struct tcb *tcb);
void tcp_recovery_on_timeout(struct tcb *tcb);
void tcp_recovery_sent(struct tcb *tcb, uint32_t bytes);               /* data has gone out, new or again */
void tcp_recovery_resent(struct tcb *tcb, tcp_seq start, tcp_seq end); /* again */
void tcp_recovery_lost(struct tcb *tcb, const struct tcp_range *range, unsigned cause); /* is judged lost */
/* A window that the peer had taken back from under what was sent has opened again, over [from, to). */
void tcp_recovery_window_opened(struct tcb *tcb, tcp_seq from, tcp_seq to);
/* Congestion that leaves no loss to repair: an ECN echo, a loss that a probe has repaired. `flight` bytes
 * were out. Reduces the window, but not twice for one window of data (RFC 3168 6.1.2) and not while a
 * recovery lasts, which has done so. Returns whether it did. */
bool tcp_recovery_reduce(struct tcb *tcb, enum weft_cc_signal signal, uint32_t flight,
                         enum weft_tcp_cause cause);

/* --- pace.c --------------------------------------------------------------------------------------------- */

/* Its data leaves at a rate. */
bool tcp_pace_is_on(const struct tcb *tcb);

/* That rate, bytes of payload per second; 0: data need not wait. */
uint64_t tcp_pace_rate(const struct tcb *tcb);

/* Bytes that may go now, new or again, in whole segments; 0: none, and a timer says when. */
uint32_t tcp_pace_allowance(struct tcb *tcb, bool is_new);

/* Data has gone out, new or again. */
void tcp_pace_sent(struct tcb *tcb, uint32_t bytes);

/* Nothing new goes for so long, paced or not; what is lost goes again as ever. */
void tcp_pace_hold(struct tcb *tcb, weft_time time);
bool tcp_pace_is_held(const struct tcb *tcb);

/* Bytes of a burst where bursts are cut (weft_tcp_config.push_bursts): whole segments, one at least. */
uint32_t tcp_pace_burst(const struct tcb *tcb);

/* --- ecn.c ------------------------------------------------------------------------------------------------ */

/* True when a SYN with these flags asks for ECN and these options allow it. */
bool tcp_ecn_is_asked(const struct tcp_options *options, uint16_t flags);

/* What our SYN, or SYN-ACK, says of ECN besides. */
uint16_t tcp_ecn_syn_flags(struct tcb *tcb, bool is_answer, bool is_first);

/* The flags of the peer's SYN or SYN-ACK. */
void tcp_ecn_negotiate(struct tcb *tcb, uint16_t flags);

/* Our SYN has been reset: true, once, when it asked for ECN and is to be tried without. */
bool tcp_ecn_may_ask_again(struct tcb *tcb);

/* A segment with payload is taken. */
void tcp_ecn_received(struct tcb *tcb, const struct tcp_seg *seg);

/* The peer echoes a mark. */
void tcp_ecn_echoed(struct tcb *tcb, const struct tcp_delivery *delivery);

/* The window has been reduced, for whatever reason. */
void tcp_ecn_reduced(struct tcb *tcb);

/* New data is to be marked ECT(0). */
bool tcp_ecn_marks(const struct tcb *tcb);

/* The next new data carries CWR. */
bool tcp_ecn_owes_cwr(const struct tcb *tcb);

/* What a segment with an ACK says of ECN; new data takes the CWR that is owed. */
uint16_t tcp_ecn_flags(struct tcb *tcb, bool is_new_data);

/* --- rate.c --------------------------------------------------------------------------------------------- */

void tcp_rate_sent(struct tcb *tcb, struct tcp_range *range, uint32_t len);
void tcp_rate_delivered(struct tcb *tcb, const struct tcp_range *range, struct tcp_delivery *delivery);
void tcp_rate_sample(struct tcb *tcb, const struct tcp_delivery *delivery, struct weft_cc_rate *out);
void tcp_rate_app_limited(struct tcb *tcb);

/* --- info.c ------------------------------------------------------------------------------------------------ */

void tcp_info_limit(struct tcb *tcb, enum weft_tcp_limit limit); /* that holds the sender from now on */
void tcp_info_busy(struct tcb *tcb);     /* the send buffer has been filled, or emptied */
void tcp_info_timeout(struct tcb *tcb);  /* the retransmission timer has fired */
void tcp_info_progress(struct tcb *tcb); /* SND.UNA has moved */
void tcp_info_end(struct tcb *tcb);      /* the connection is over */

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
