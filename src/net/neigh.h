/* SPDX-License-Identifier: MIT */
/*
 * Neighbours: the link-layer addresses of hosts and gateways on our links, and
 * the packets that wait for them. One table for both families and all
 * interfaces; the states and times are those of RFC 4861 7.3, which meet what
 * RFC 1122 2.3.2 asks of an ARP cache.
 *
 * Owns    the table, its states, timers and waiting packets.
 * Never   writes or reads ARP: arp.c tells it what was heard (net_neigh_heard)
 *         and sends what it asks.
 *
 * States  NONE        in no use.
 *         INCOMPLETE  asked for, up to MAX_MULTICAST_SOLICIT times, RETRANS_TIMER apart; packets wait.
 *         REACHABLE   has answered, or a transport has seen that packets arrive, less than a
 *                     random time around REACHABLE_TIME ago. It becomes STALE when a packet
 *                     is sent and that time is over; no timer says so (RFC 4861 7.3.3).
 *         STALE       the address is known but old, or was told without being asked for.
 *         DELAY       a packet was sent while STALE; a transport may confirm for DELAY_FIRST_PROBE_TIME.
 *         PROBE       asked alone, up to MAX_UNICAST_SOLICIT times, RETRANS_TIMER apart; packets are sent.
 *         FAILED      did not answer; what waited was reported and dropped. The next packet asks anew.
 *         PERMANENT   the address follows from the IP address: broadcast and multicast.
 *
 * A full table forgets the least useful entry, which never is one asked for
 * less than RETRANS_TIMER ago, so that no address is asked for more often than
 * that however many there are (RFC 1122 2.3.2.1). Who asks for us can push out
 * others who did, but nobody whom we send to; and those whom we ask for in vain
 * push out only each other once they are half of the table.
 */
#ifndef WEFT_NET_NEIGH_H
#define WEFT_NET_NEIGH_H

#include <string.h>

#include "base/list.h"
#include "net/iface.h"
#include "net/net.h"
#include "wire/eth.h"

/* RFC 4861 10. The first three are times, the others counts. */
#define NET_NEIGH_REACHABLE_TIME         (30 * WEFT_SEC)
#define NET_NEIGH_RETRANS_TIMER          (1 * WEFT_SEC)
#define NET_NEIGH_DELAY_FIRST_PROBE_TIME (5 * WEFT_SEC)
#define NET_NEIGH_MAX_MULTICAST_SOLICIT  3
#define NET_NEIGH_MAX_UNICAST_SOLICIT    3

/* How often the random ReachableTime is drawn anew: RFC 4861 6.3.2 "at least every few hours". */
#define NET_NEIGH_REDRAW (2 * 3600 * WEFT_SEC)

/* Packets that wait for one neighbour: ours, an initial window of 10 segments and some more; RFC 1122 2.3.2.2
 * asks for 1 at least. */
#define NET_NEIGH_PENDING 16

/* For all neighbours together: ours, so that addresses nobody has do not hold a whole pool. */
#define NET_NEIGH_PENDING_ALL 512

/* How useful an entry is: which list it is in. */
enum net_neigh_worth {
    NET_NEIGH_SPARE, /* FAILED, or never sent to */
    NET_NEIGH_ASKED, /* INCOMPLETE */
    NET_NEIGH_USED,
    NET_NEIGH_WORTHS
};

struct __attribute__((aligned(64))) net_neigh {
    /* What sending looks at, in one line of the cache. */
    struct weft_addr addr;
    weft_time reachable_until; /* REACHABLE: until when; PERMANENT: always; else 0 */
    weft_time used;            /* when a packet was last sent, or the entry made */
    uint16_t iface;
    uint8_t state;                /* enum weft_neigh_state */
    uint8_t asks;                 /* how often asked since INCOMPLETE or PROBE began */
    uint8_t header[WIRE_ETH_LEN]; /* Ethernet header for it; valid when its address is known */

    uint16_t next;     /* in the hash chain */
    uint8_t worth;     /* enum net_neigh_worth */
    weft_time may_ask; /* not before */
    weft_time listed;  /* when it was put into its list */
    struct list link;  /* in the list of its worth, the oldest first */
    struct weft_pktq pending;
    struct weft_timer_node timer; /* CORE_TIMER_NEIGH; set in INCOMPLETE, DELAY and PROBE */
};

_Static_assert(offsetof(struct net_neigh, next) <= 64, "what sending looks at is in one line of the cache");

struct net_neigh_table {
    struct net_neigh *entry;
    uint16_t *bucket; /* the first of each hash chain */
    uint32_t capacity, touched;
    uint32_t nbuckets; /* a power of two */
    uint32_t asked;    /* entries in the list of that worth */
    uint32_t pending;  /* packets that wait, all neighbours together */
    struct list worth[NET_NEIGH_WORTHS];
    weft_time reachable_time;  /* ReachableTime, drawn at random (RFC 4861 6.3.2) */
    weft_time reachable_drawn; /* when */
};

/* Returns 0, WEFT_E_NOMEM or WEFT_E_INVAL (capacity above 65535). */
int net_neigh_init(struct net *net, uint32_t capacity);

/* Frees the table with the packets that wait. */
void net_neigh_fini(struct net *net);

/* A neighbour's timer is due. May report failure to transports. */
void net_neigh_timer(struct net *net, struct weft_timer_node *node);

/* How we came to hear a neighbour's link-layer address. */
enum net_neigh_news {
    NET_NEIGH_ANSWERED,  /* it answers us; whether we had asked, the table knows */
    NET_NEIGH_ASKS_US,   /* it asks for us, so we shall soon want to send to it: worth a new entry */
    NET_NEIGH_MENTIONED, /* it says so to others or to all: only changes what is there */
};

/* A neighbour on `iface` has told its link-layer address. */
void net_neigh_heard(struct net *net, struct net_iface *iface, const struct weft_addr *addr,
                     const struct weft_mac *mac, enum net_neigh_news news);

/* Packets to the path's next hop arrive: upper-layer advice of RFC 4861 7.3.1. No effect where there is no
 * neighbour, or its link-layer address is not known. */
void net_neigh_confirm(struct net *net, struct net_path *path);

/* They may not arrive: asks the neighbour itself, soon (RFC 1122 3.3.1.4). */
void net_neigh_doubt(struct net *net, struct net_path *path);

/* net_neigh_send for what is not REACHABLE, or not where the hint says. */
int net_neigh_send_slow(struct net *net, struct net_iface *iface, struct net_path *path,
                        struct weft_pkt *pkt);

#endif
