/* SPDX-License-Identifier: MIT */
/*
 * Path MTUs that have been learned (RFC 1191 6.2, RFC 8201 5.2): for each
 * destination, the largest packet that passes without being cut.
 *
 * Owns    the table and the timer that ages it (RFC 1191 6.3).
 * Never   believes anything: what comes here, a transport has checked. Knows no
 *         routes: what is not in the table has the MTU of its link.
 *
 * The table is a hash table of small sets. A full set forgets the entry that
 * would have aged first: then packets are too big again, and the path is
 * learned again.
 */
#ifndef WEFT_NET_PMTU_H
#define WEFT_NET_PMTU_H

#include <weft/types.h>

#include "base/core.h"

/* Ours: 512 destinations behind narrow links at once are plenty for one shard. */
#define NET_PMTU_SETS 128
#define NET_PMTU_WAYS 4

/* RFC 1191 3: no host may be asked to go below. */
#define NET_PMTU_MIN_IP4 68

/* RFC 8200 5. */
#define NET_PMTU_MIN_IP6 1280

/* How long a decrease is remembered: RFC 1191 6.3 "on the order of 10 minutes", 3 "MUST NOT be done less than
 * 5 minutes after". */
#define NET_PMTU_AGE (600 * WEFT_SEC)

struct net_pmtu {
    struct weft_addr dst;
    uint32_t mtu; /* 0: not in use */
    weft_time expires;
};

struct net_pmtu_table {
    struct net_pmtu entry[NET_PMTU_SETS][NET_PMTU_WAYS];
    uint32_t used;
    struct weft_timer_node timer; /* CORE_TIMER_PMTU, set while something is in use */
};

/* `table` must be zero. */
void net_pmtu_init(struct net_pmtu_table *table);
void net_pmtu_fini(struct net_pmtu_table *table, struct core *core);

/* What has been learned of `dst`; 0 for nothing. */
uint32_t net_pmtu_find(const struct net_pmtu_table *table, const struct core *core,
                       const struct weft_addr *dst);

/* Packets to `dst` larger than `mtu` do not pass; below the least that the family allows counts as that. The
 * memory of it begins anew. Returns true when this is less than what was known (RFC 1191 3: never more). */
bool net_pmtu_lower(struct net_pmtu_table *table, struct core *core, const struct weft_addr *dst,
                    uint32_t mtu);

/* The timer is due: forgets what is old. Returns true when anything was. */
bool net_pmtu_age(struct net_pmtu_table *table, struct core *core);

/* What to try after a router that does not tell its MTU found a packet of `total_len` bytes too big:
 * the next lower plateau (RFC 1191 7). At least NET_PMTU_MIN_IP4. */
uint16_t net_pmtu_plateau_below(uint32_t total_len);

#endif
