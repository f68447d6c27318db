/* SPDX-License-Identifier: MIT */
/*
 * ICMP for IPv4 (RFC 792, RFC 1122 3.2.2).
 *
 * Owns    echo (icmp4.c); the errors that we report, those that we are told and
 *         how many we send (icmp4_error.c).
 */
#ifndef WEFT_NET_ICMP4_H
#define WEFT_NET_ICMP4_H

#include "net/net.h"
#include "wire/icmp4.h"

/* How many messages may go out: a bucket that fills at `rate` per second. */
struct net_icmp_limit {
    uint64_t rate;         /* messages per second, at least 1 */
    uint64_t tokens, most; /* millionths of a message */
    weft_time filled;
};

/* The most at once, if a second's worth is not less: ours, enough for a traceroute of all hops. */
#define NET_ICMP_BURST 50

/* Ours: echo replies are worth more than errors to whoever looks for a fault. */
#define NET_ICMP_ECHO_FACTOR 10

void net_icmp4_limit_init(struct net_icmp_limit *limit, const struct core *core, uint64_t rate);

/* Takes a token for a message to `to`; without one, counts and traces that it is not sent. */
bool net_icmp4_may_send(struct core *core, struct net_icmp_limit *limit, const struct weft_addr *to,
                        uint8_t type, uint8_t code);

/* A received message, `data` at the ICMP header. Takes `pkt`. */
void net_icmp4_input(struct net *net, struct weft_pkt *pkt, const struct net_rx *rx);

/* A received message of a type that reports an error, its checksum verified. Borrows `pkt`, of which it
 * may make more linear. Returns why it is of no use, or WEFT_DROP_COUNT when somebody was told. */
enum weft_drop net_icmp4_error_input(struct net *net, struct weft_pkt *pkt, const struct net_rx *rx);

/*
 * Reports `icmp` (an error's type, code, pointer) to the sender of a packet, by
 * the rules of RFC 1122 3.2.2 and within the rate limit. `pkt` has its l3_off,
 * and what came is unchanged; borrowed.
 */
void net_icmp4_send_error(struct net *net, const struct net_rx *rx, const struct weft_pkt *pkt,
                          const struct wire_icmp4 *icmp);

/* Tells the transport of a packet of ours, `data` at its IPv4 header, that the neighbour does not
 * answer. Borrows `pkt`. */
void net_icmp4_report_unreachable(struct net *net, const struct weft_pkt *pkt);

/* Writes the header in front of a packet's data, with the checksum over both, and sends it. Takes
 * `pkt`. Returns as net_send. */
int net_icmp4_send(struct net *net, const struct net_tx *tx, const struct wire_icmp4 *icmp,
                   struct weft_pkt *pkt);

#endif
