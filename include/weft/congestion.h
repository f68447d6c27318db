/* SPDX-License-Identifier: MIT */
/*
 * Congestion control: the algorithms that TCP has, and the table with which a
 * program adds its own. TCP's own are written against this header, too.
 *
 * TCP decides what is lost, when a recovery begins and ends, and when a window
 * was in use. An algorithm decides how large the window is and, if it wants
 * to, how fast it is spent. It sees a connection through a struct weft_cc and
 * nothing else of it; it may change what stands under "decides" there.
 *
 * Choice: weft_tcp_config.congestion for a stack, weft_sock_set_congestion for
 * a socket, by name.
 *
 *     "cubic"    RFC 9438, with HyStart++ (RFC 9406): the default. Its numbers: w_max, w_est (windows), k (time),
 *                css (1 in the conservative slow start of HyStart++)
 *     "bbr"      version 3, of draft-ietf-ccwg-bbr: by a model of the path, and always paced. Its numbers: bw, max_bw
 *                (rates), min_rtt, pacing_gain, cwnd_gain, inflight_longterm, inflight_shortterm (windows; UINT32_MAX:
 *                no bound), phase (0 Startup, 1 Drain, 2 DOWN, 3 CRUISE, 4 REFILL, 5 UP, 6 ProbeRTT), round
 *     "newreno"  RFC 5681, RFC 6582, counting bytes (RFC 3465)
 */
#ifndef WEFT_CONGESTION_H
#define WEFT_CONGESTION_H

#include <weft/trace.h>
#include <weft/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What an algorithm may keep for a connection: this many 64-bit words. */
#define WEFT_CC_MEMORY 48

/* Where a connection's recovery stands. */
enum weft_cc_state {
    WEFT_CC_OPEN,     /* nothing is known to be lost */
    WEFT_CC_RECOVERY, /* fast recovery; TCP sets cwnd (RFC 9937), unless the algorithm does */
    WEFT_CC_LOSS,     /* after a retransmission timeout, until all that was out then is acknowledged */
};

/* Why an algorithm is to slow down. */
enum weft_cc_signal {
    WEFT_CC_BY_LOSS,       /* fast recovery begins, or a tail loss probe has repaired a loss */
    WEFT_CC_BY_TIMEOUT,    /* the first of several in a row */
    WEFT_CC_BY_ECN,        /* the peer echoes that the network marks; once for each window of data */
    WEFT_CC_BY_LOSS_AGAIN, /* in a recovery: what was sent since the last signal is lost, too (RFC 5681 4.3) */
};

/* A connection as an algorithm sees it, during one call. */
struct weft_cc {
    /* Decides: */
    uint32_t cwnd;             /* bytes, never less than one mss */
    uint32_t ssthresh;         /* bytes; UINT32_MAX: not known yet */
    uint64_t pacing_rate;      /* bytes per second; 0: not known yet, or as TCP finds right for cwnd */
    enum weft_tcp_cause cause; /* why, for the trace; NONE: slow start or avoidance, as ssthresh says */
    bool app_limited; /* rate samples of what is sent now will be too low; TCP sets and clears it, too */

    /* Reads: */
    weft_time now;
    weft_time srtt, min_rtt; /* 0: not measured yet */
    uint32_t mss;            /* payload bytes of a full segment */
    uint32_t initial_window; /* bytes (RFC 6928) */
    uint32_t in_flight;      /* bytes sent, neither acknowledged, nor SACKed, nor judged lost */
    uint64_t sent;           /* SND.NXT and SND.UNA as bytes of the stream, from 0 on: they do not wrap */
    uint64_t acked;
    uint64_t delivered; /* bytes known to have arrived, in any order */
    uint64_t lost;      /* bytes judged lost so far */
    enum weft_cc_state state;
    bool has_sack;
    bool is_paced;         /* segments leave at a rate, not in bursts */
    bool no_hystart;       /* the configuration does not want HyStart++ */
    uint8_t hystart_limit; /* of the configuration: L of RFC 9406, segments; UINT8_MAX: none */
    bool cwnd_limited;     /* cwnd kept data back at some time of the last round trip */
    uint32_t seed;         /* random, another for each connection */
    uint64_t *memory;      /* the algorithm's own, WEFT_CC_MEMORY words; zero at init */
};

/* How fast the network has delivered: one sample of the draft's delivery rate estimation
 * (draft-ietf-ccwg-bbr, "Delivery Rate Samples"). */
struct weft_cc_rate {
    uint64_t rate;      /* bytes per second; 0: this ACK gives none */
    uint64_t delivered; /* bytes, over `interval` */
    weft_time interval;
    uint64_t prior_delivered; /* weft_cc.delivered when the segment was sent that has just been delivered */
    uint32_t in_flight;       /* bytes that were out then, its own included */
    uint64_t lost;            /* bytes judged lost since then */
    bool app_limited;         /* the application had not enough to send: the network may be faster */
    bool has_data;            /* this ACK has delivered something: the fields above say of what */
};

/* One ACK. */
struct weft_cc_ack {
    uint32_t acked;     /* bytes by which SND.UNA has moved */
    uint32_t delivered; /* bytes of which it tells first that they have arrived */
    uint32_t lost;      /* bytes judged lost with it */
    weft_time rtt;      /* of the segment sent last among these; 0: it says nothing of that */
    bool may_grow; /* it acknowledges new data, cwnd was in use (RFC 7661), and nothing speaks against more */
    struct weft_cc_rate rate;
};

/* Bytes that are judged lost, sent together. */
struct weft_cc_lost {
    uint32_t bytes;
    uint32_t in_flight; /* when they were sent, their own included */
    uint64_t lost;      /* judged lost since then, these included */
    bool app_limited;
};

/* Something that an algorithm tells of itself: a rate is bytes per second, a window bytes, a time microseconds, a gain
 * percent. */
struct weft_cc_number {
    const char *name; /* lives as long as the algorithm */
    uint64_t value;
};

enum weft_congestion_flag {
    WEFT_CC_PACES = 1 << 0,    /* its connections are always paced */
    WEFT_CC_SETS_CWND = 1 << 1 /* it sets cwnd in recovery, too: TCP does not */
};

/* An algorithm. Functions marked optional may be NULL. None may keep a pointer that it is given. */
struct weft_congestion {
    const char *name;
    unsigned flags; /* enum weft_congestion_flag */

    /* The connection stands, with cwnd at the initial window, or is taken over from another algorithm. */
    void (*init)(struct weft_cc *cc);

    /* An ACK has told something; losses have been judged. Called in every state. Lets cwnd grow when
     * ack->may_grow; one that sets cwnd always may do as it likes. */
    void (*ack)(struct weft_cc *cc, const struct weft_cc_ack *ack);

    /* Congestion, with `flight` bytes out before it was seen (FlightSize of RFC 5681 2, at most cwnd). Sets
     * ssthresh, and for ECN cwnd; TCP sets cwnd for the others. Within a fast recovery cwnd is shown as what it
     * was reduced to, not what has been spent of it. One that sets cwnd always is told of every recovery, and not
     * BY_LOSS_AGAIN. */
    void (*congestion)(struct weft_cc *cc, enum weft_cc_signal signal, uint32_t flight);

    /* Bytes are judged lost: before `congestion` and `ack` hear of it. Optional. */
    void (*lost)(struct weft_cc *cc, const struct weft_cc_lost *lost);

    /* A recovery is over, of whichever kind. Optional. */
    void (*recovered)(struct weft_cc *cc);

    /* Nothing was lost after all: what `congestion` did since the recovery began is taken back. cwnd and ssthresh
     * have been set back already. Optional. */
    void (*undo)(struct weft_cc *cc);

    /* Data goes out again after nothing was out. cwnd has been reduced already if the pause was long. Optional. */
    void (*restart)(struct weft_cc *cc);

    /* Tells up to `max` numbers of its own, for who looks at the connection, and returns how many. Must change nothing.
     * Optional. */
    unsigned (*numbers)(const struct weft_cc *cc, struct weft_cc_number *out, unsigned max);
};

#pragma GCC visibility push(default)

/* TCP's own algorithms, the default first: the one of this index, or NULL behind the last. */
const struct weft_congestion *weft_congestion_builtin(unsigned index);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
