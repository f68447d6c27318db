/* SPDX-License-Identifier: MIT */
/*
 * Counters: one for every reason to drop a packet, and one for each thing
 * worth knowing of each protocol. They only grow.
 */
#ifndef WEFT_STATS_H
#define WEFT_STATS_H

#include <weft/types.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* X(name, text, source): why a packet went no further. */
#define WEFT_DROPS(X)                                                                                        \
    X(ETH_SHORT, "shorter than an Ethernet header", "RFC 894")                                               \
    X(ETH_NOT_OURS, "Ethernet destination is not ours", "RFC 1122 2.3")                                      \
    X(ETH_TYPE, "EtherType that we do not speak", "RFC 894")                                                 \
    X(ARP_MALFORMED, "ARP packet is short or not Ethernet and IPv4", "RFC 826")                              \
    X(ARP_SENDER, "ARP sender address is not a host's", "RFC 826")                                           \
    X(NEIGH_QUEUE, "too many packets wait for one neighbour", "RFC 1122 2.3.2.2")                            \
    X(NEIGH_FAILED, "the neighbour does not answer", "RFC 1122 2.3.2")                                       \
    X(NEIGH_TABLE, "the neighbour table is full", "ours")                                                    \
    X(IP_SHORT, "shorter than its IP header says", "RFC 791 3.1")                                            \
    X(IP_VERSION, "IP version is not 4", "RFC 1122 3.2.1.1")                                                 \
    X(IP_HEADER, "IP header length is not valid", "RFC 791 3.1")                                             \
    X(IP_CHECKSUM, "IP header checksum is wrong", "RFC 1122 3.2.1.2")                                        \
    X(IP_OPTIONS, "IP options are malformed", "RFC 1122 3.2.1.8")                                            \
    X(IP_SOURCE, "IP source address is a martian", "RFC 1122 3.2.1.3")                                       \
    X(IP_DESTINATION, "IP destination is not ours", "RFC 1122 3.2.1.3")                                      \
    X(IP_FRAGMENT, "IP fragment, and there is no reassembly yet", "RFC 1122 3.3.2")                          \
    X(IP_PROTOCOL, "transport protocol that we do not speak", "RFC 1122 3.2.2.1")                            \
    X(IP_NO_ROUTE, "no route to the destination", "RFC 1122 3.3.1")                                          \
    X(IP_TOO_BIG, "larger than the path's MTU and not to be fragmented", "RFC 1191")                         \
    X(IFACE_DOWN, "the interface is down", "ours")                                                           \
    X(IFACE_QUEUE, "the interface's transmit queue is full", "ours")                                         \
    X(ICMP_MALFORMED, "ICMP message is short or its checksum is wrong", "RFC 792")                           \
    X(ICMP_TYPE, "ICMP type that we do not act on", "RFC 1122 3.2.2")                                        \
    X(ICMP_BROADCAST, "ICMP request to a broadcast or multicast address", "RFC 1122 3.2.2.6")                \
    X(ICMP_ORPHAN, "ICMP error for nothing that we sent", "RFC 5927 4")                                      \
    X(ICMP_NOT_IN_FLIGHT, "ICMP error about a number that is not in flight", "RFC 5927 4.1")                 \
    X(UDP_MALFORMED, "UDP header or length is not valid", "RFC 768")                                         \
    X(UDP_CHECKSUM, "UDP checksum is wrong", "RFC 1122 4.1.3.4")                                             \
    X(UDP_NO_PORT, "nobody listens on the UDP port", "RFC 1122 4.1.3.1")                                     \
    X(TCP_SHORT, "shorter than its TCP header says", "RFC 9293 3.1")                                         \
    X(TCP_OPTIONS, "a TCP option has an illegal length", "RFC 9293 MUST-7")                                  \
    X(TCP_CHECKSUM, "TCP checksum is wrong", "RFC 9293 MUST-3")                                              \
    X(TCP_ADDRESS, "TCP segment from or to a broadcast or multicast address", "RFC 9293 MUST-57")            \
    X(TCP_MD5_MISSING, "not signed, and there is a key for the peer", "RFC 2385 2.0")                        \
    X(TCP_MD5_WRONG, "the MD5 signature is wrong", "RFC 2385 2.0")                                           \
    X(TCP_MD5_UNEXPECTED, "signed with MD5, and there is no key for the peer", "RFC 2385 2.0")               \
    X(TCP_AO_FORM, "an AO option is too short or comes twice, or stands beside MD5", "RFC 5925 2.2")         \
    X(TCP_AO_MISSING, "no AO option, and there is a key for the peer", "RFC 5925 7.3")                       \
    X(TCP_AO_KEY, "the AO option names a key that there is not", "RFC 5925 7.3")                             \
    X(TCP_AO_WRONG, "the MAC of the AO option is wrong", "RFC 5925 7.5")                                     \
    X(TCP_AO_NO_ISN, "the AO option cannot be checked: the connection is not known", "RFC 5925 7.7")         \
    X(ICMP_AO, "ICMP error for a connection that AO protects", "RFC 5925 7.8")                               \
    X(TCP_NO_CONNECTION, "no connection and no listener: answered by RST", "RFC 9293 3.10.7.1")              \
    X(TCP_RST_TO_NOBODY, "RST for no connection", "RFC 9293 3.10.7.1")                                       \
    X(TCP_LISTEN_FLAGS, "a listener takes only SYN", "RFC 9293 3.10.7.2")                                    \
    X(TCP_SYN_CACHE, "the SYN cache or the listener's backlog is full", "RFC 4987 3.1")                      \
    X(TCP_ACCEPT_QUEUE, "the accept queue is full", "ours")                                                  \
    X(TCP_ACK_OF_NOTHING, "acknowledges what was not sent", "RFC 9293 3.10.7.4 step 5")                      \
    X(TCP_OLD_ACK, "acknowledges too long ago", "RFC 5961 5.2")                                              \
    X(TCP_NO_ACK, "segment without ACK", "RFC 9293 3.10.7.4 step 5")                                         \
    X(TCP_PAWS, "timestamp is older than the last (PAWS)", "RFC 7323 5.3")                                   \
    X(TCP_NO_TIMESTAMP, "timestamp agreed on and missing", "RFC 7323 3.2")                                   \
    X(TCP_ECHO, "SYN-ACK that echoes a timestamp which we did not send: reset", "ours")                      \
    X(TCP_OUT_OF_WINDOW, "outside the receive window", "RFC 9293 3.10.7.4 step 1")                           \
    X(TCP_RST_INVALID, "RST that does not match: challenged", "RFC 5961 3.2")                                \
    X(TCP_SYN_IN_SYNC, "SYN in a synchronized state: challenged", "RFC 5961 4.2")                            \
    X(TCP_NEW_SYN, "new SYN for a half-open connection: back to LISTEN", "RFC 9293 3.10.7.4 step 4")         \
    X(TCP_RCV_MEMORY, "no memory to keep received data", "ours")                                             \
    X(TCP_HELD_LIMIT, "too many holes to keep more out-of-order data", "ours")                               \
    X(TCP_AFTER_FIN, "data beyond the peer's FIN", "RFC 9293 3.10.7.4 step 7")                               \
    X(TCP_DUPLICATE, "nothing in it is new", "RFC 9293 3.10.7.4 step 1")                                     \
    X(TCP_CLOSED, "data for an application that has gone", "RFC 9293 3.6.1")                                 \
    X(POOL_EMPTY, "the packet pool is empty", "ours")

enum weft_drop {
#define WEFT_ENUM_(name, text, source) WEFT_DROP_##name,
    WEFT_DROPS(WEFT_ENUM_)
#undef WEFT_ENUM_
        WEFT_DROP_COUNT
};

/* X(name, text): what is counted besides. */
#define WEFT_COUNTERS(X)                                                                                     \
    X(IP_IN, "IP packets received")                                                                          \
    X(IP_DELIVERED, "IP packets handed to a transport")                                                      \
    X(IP_OUT, "IP packets sent")                                                                             \
    X(ARP_IN, "ARP packets received")                                                                        \
    X(ARP_OUT, "ARP packets sent")                                                                           \
    X(ICMP_IN, "ICMP messages received")                                                                     \
    X(ICMP_OUT, "ICMP messages sent")                                                                        \
    X(ICMP_LIMITED, "ICMP messages not sent because of the rate limit")                                      \
    X(TCP_IN_SEGS, "TCP segments received")                                                                  \
    X(TCP_OUT_SEGS, "TCP segments sent, without retransmissions")                                            \
    X(TCP_RETRANS_SEGS, "TCP segments retransmitted")                                                        \
    X(TCP_OUT_RSTS, "RST segments sent")                                                                     \
    X(TCP_ACTIVE_OPENS, "connections opened by us")                                                          \
    X(TCP_PASSIVE_OPENS, "connections accepted")                                                             \
    X(TCP_OPEN_FAILS, "connections that never came up")                                                      \
    X(TCP_ESTAB_RESETS, "established connections reset")                                                     \
    X(TCP_RTO_TIMEOUTS, "retransmission timeouts")                                                           \
    X(TCP_FAST_RECOVERIES, "recoveries without a timeout")                                                   \
    X(TCP_UNDONE_EIFEL, "recoveries taken back: the timestamp of an original was echoed (RFC 3522)")         \
    X(TCP_UNDONE_FRTO, "recoveries taken back: data from before a timeout arrived (RFC 5682)")               \
    X(TCP_UNDONE_DSACK, "recoveries taken back: all that went again was reported as duplicate")              \
    X(TCP_TAIL_PROBES, "tail loss probes sent")                                                              \
    X(TCP_ZERO_WINDOW_PROBES, "zero-window probes sent")                                                     \
    X(TCP_MTU_PROBES, "probes of the path MTU sent")                                                         \
    X(TCP_MTU_BLACK_HOLES, "paths that swallow large packets without a word")                                \
    X(TCP_KEEPALIVES, "keepalives sent")                                                                     \
    X(TCP_CHALLENGE_ACKS, "challenge ACKs sent")                                                             \
    X(TCP_CHALLENGE_LIMITED, "challenge ACKs not sent because of the rate limit")                            \
    X(TCP_CE_RECEIVED, "segments that the network has marked (ECN)")                                         \
    X(TCP_ECE_RECEIVED, "ACKs that echo a mark (ECN)")                                                       \
    X(TCP_DELAYED_ACKS, "delayed ACKs sent")                                                                 \
    X(TCP_FAST_PATH, "segments taken by the fast path")                                                      \
    X(TCP_OUT_OF_ORDER, "segments held because they came out of order")                                      \
    X(TCP_SYN_CACHE_FULL, "SYNs that found the SYN cache full")                                              \
    X(TCP_COOKIES_SENT, "SYNs answered with a cookie (RFC 4987 3.6)")                                        \
    X(TCP_COOKIES_TAKEN, "connections made from a SYN cookie")                                               \
    X(TCP_COOKIES_WRONG, "ACKs whose SYN cookie is forged or too old: answered by RST")                      \
    X(TCP_FAST_OPENS_ACTIVE, "connections whose data in the SYN the peer took (RFC 7413)")                   \
    X(TCP_FAST_OPENS_PASSIVE, "connections accepted with data in the SYN")                                   \
    X(TCP_FAST_OPEN_WRONG_COOKIES, "SYNs with a fast open cookie that is not ours")                          \
    X(TCP_FAST_OPEN_LIMITED, "fast opens not taken: too many were pending")                                  \
    X(TCP_FAST_OPEN_PAUSES, "servers found not to take fast opens, for a while")                             \
    X(TCP_AO_UNMATCHED, "segments accepted that have an AO option and no key: their MAC is not checked")     \
    X(TCP_HOST_CACHE_HITS, "connections that begin with what is known of their host")                        \
    X(TCP_TIME_WAIT_FULL, "connections closed at once because the TIME-WAIT table was full")                 \
    X(TCP_TIME_WAIT_REUSED, "TIME-WAIT records reused by a new SYN")

enum weft_counter {
#define WEFT_ENUM_(name, text) WEFT_COUNT_##name,
    WEFT_COUNTERS(WEFT_ENUM_)
#undef WEFT_ENUM_
        WEFT_COUNTER_COUNT
};

struct weft_stats {
    uint64_t drop[WEFT_DROP_COUNT];
    uint64_t count[WEFT_COUNTER_COUNT];
};

/* Names without prefix, texts and sources of the lists above; "?" for an unknown value. Never NULL. */
const char *weft_drop_name(unsigned drop);
const char *weft_drop_text(unsigned drop);
const char *weft_drop_source(unsigned drop);
const char *weft_counter_name(unsigned counter);
const char *weft_counter_text(unsigned counter);

struct weft_stack;

/* The counters of a stack; lives as long as the stack. */
const struct weft_stats *weft_stats(const struct weft_stack *stack);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
