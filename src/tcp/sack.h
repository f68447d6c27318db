/* SPDX-License-Identifier: MIT */
/*
 * The scoreboard: what has been sent, when, and what has become of it
 * (RFC 2018 5, RFC 6675 3, RFC 8985 5.1).
 *
 * Owns    the list of ranges from SND.UNA to SND.NXT: sorted, without gaps,
 *         each of one send time and one fate.
 * Never   decides anything: rack.c and recovery.c judge, output.c sends.
 *
 * What was sent in one go is one range; a range is split when only a part of
 * it is acknowledged selectively, lost or sent again. SACKed ranges are kept
 * until SND.UNA has passed them: a receiver may take a SACK back.
 */
#ifndef WEFT_TCP_SACK_H
#define WEFT_TCP_SACK_H

#include <weft/types.h>

#include "tcp/seq.h"

struct tcb;
struct tcp_seg;
struct tcp_delivery;

enum tcp_range_flag {
    TCP_RANGE_SACKED = 1 << 0,
    TCP_RANGE_LOST = 1 << 1,          /* judged lost, and not sent again since */
    TCP_RANGE_RETRANSMITTED = 1 << 2, /* sent more than once */
    TCP_RANGE_DOUBLED = 1 << 3,       /* sent again without being judged lost: two copies are under way */
};

/* What was known of the network's rate when a range was sent: rate.c. */
struct tcp_rate_mark {
    weft_time first_sent, delivered_time;
    uint64_t delivered, lost;
    uint32_t in_flight;
    bool app_limited;
};

struct tcp_range {
    struct tcp_range *next, *prev;
    tcp_seq start, end; /* [start, end); SYN and FIN count one */
    weft_time sent;     /* last time */
    uint8_t flags;      /* enum tcp_range_flag */
    struct tcp_rate_mark rate;
};

struct tcp_scoreboard {
    struct tcp_range *head, *tail;
    struct tcp_range *lost; /* no range before it is lost; NULL: none is */
    uint32_t ranges;
    /* Of ranges with these flags; a range has at most one of the three. */
    uint32_t sacked_bytes, lost_bytes, doubled_bytes;
};

/* True when tcp_sack_sent will find memory now. */
bool tcp_sack_can_note(const struct tcb *tcb);

/* [start, end) has gone out for the first time; `start` is where the board ended. The caller has asked
 * tcp_sack_can_note. */
void tcp_sack_sent(struct tcb *tcb, tcp_seq start, tcp_seq end);

/* SND.UNA moves to `una`: takes out what lies before it and adds to `delivery`. */
void tcp_sack_acked(struct tcb *tcb, tcp_seq una, const struct tcp_seg *seg, struct tcp_delivery *delivery);

/* Marks what the segment's SACK blocks cover and adds to `delivery`; notes a DSACK. Blocks that lie
 * outside [SND.UNA, SND.NXT] are not believed. */
void tcp_sack_blocks(struct tcb *tcb, const struct tcp_seg *seg, struct tcp_delivery *delivery);

/* Judges a range, or its first `len` bytes, lost. When memory for the split has run out all of it is: rather too
 * much goes again than nothing. */
void tcp_sack_mark_lost(struct tcb *tcb, struct tcp_range *range, uint32_t len, unsigned cause);

/* Judges all of [from, to) lost that was sent last at `sent` or before and is not SACKed. */
void tcp_sack_mark_lost_between(struct tcb *tcb, tcp_seq from, tcp_seq to, weft_time sent, unsigned cause);

/* The first range that is lost and not sent again; NULL when there is none. */
struct tcp_range *tcp_sack_next_lost(struct tcb *tcb);

/* `range` is lost and about to be sent again: adds what is lost right behind it, up to `len` bytes in all. */
void tcp_sack_gather(struct tcb *tcb, struct tcp_range *range, uint32_t len);

/* The first `len` bytes of `range` have been sent again. When memory for the split has run out the whole
 * range counts as sent again: RACK or the next timeout will find the rest. */
void tcp_sack_resent(struct tcb *tcb, struct tcp_range *range, uint32_t len);

/* Makes the last `len` bytes of `range`, which is longer, a range of their own; NULL when memory ran out. */
struct tcp_range *tcp_sack_split_tail(struct tcb *tcb, struct tcp_range *range, uint32_t len);

/* Judges all lost that is not SACKed. */
void tcp_sack_lose_all(struct tcb *tcb, unsigned cause);

/* Nothing counts as lost any more. */
void tcp_sack_forgive(struct tcb *tcb);

/* The receiver has taken its SACKs back (RFC 2018 8): none of them counts any more. */
void tcp_sack_renege(struct tcb *tcb);

void tcp_sack_purge(struct tcb *tcb);

#endif
