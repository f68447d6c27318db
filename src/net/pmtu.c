/* SPDX-License-Identifier: MIT */
/*
 * Path MTUs (net/pmtu.h).
 *
 * Holds   `used` entries have an mtu that is not 0; the timer is set to the
 *         earliest of their `expires` or before.
 */
#include "net/pmtu.h"

static unsigned set_of(const struct core *core, const struct weft_addr *dst)
{
    return (unsigned)(siphash(&core->secret, dst->b, sizeof(dst->b)) % NET_PMTU_SETS);
}

void net_pmtu_init(struct net_pmtu_table *table)
{
    table->timer.kind = CORE_TIMER_PMTU;
}

void net_pmtu_fini(struct net_pmtu_table *table, struct core *core)
{
    wheel_cancel(&core->wheel, &table->timer);
}

static const struct net_pmtu *find(const struct net_pmtu_table *table, const struct core *core,
                                   const struct weft_addr *dst)
{
    const struct net_pmtu *set = table->entry[set_of(core, dst)];

    for (unsigned i = 0; i < NET_PMTU_WAYS; i++)
        if (set[i].mtu && weft_addr_eq(&set[i].dst, dst))
            return &set[i];
    return NULL;
}

uint32_t net_pmtu_find(const struct net_pmtu_table *table, const struct core *core,
                       const struct weft_addr *dst)
{
    const struct net_pmtu *entry = table->used ? find(table, core, dst) : NULL;

    return entry ? entry->mtu : 0;
}

/* The entry for `dst`; else one of its set that is free, or the one that would be forgotten first. */
static struct net_pmtu *find_place(struct net_pmtu_table *table, const struct core *core,
                                   const struct weft_addr *dst)
{
    struct net_pmtu *set = table->entry[set_of(core, dst)];
    struct net_pmtu *best = &set[0];

    for (unsigned i = 0; i < NET_PMTU_WAYS; i++) {
        if (set[i].mtu && weft_addr_eq(&set[i].dst, dst))
            return &set[i];
        if (best->mtu && (!set[i].mtu || set[i].expires < best->expires))
            best = &set[i];
    }
    return best;
}

bool net_pmtu_lower(struct net_pmtu_table *table, struct core *core, const struct weft_addr *dst,
                    uint32_t mtu)
{
    uint32_t least = weft_addr_is_ip4(dst) ? NET_PMTU_MIN_IP4 : NET_PMTU_MIN_IP6;
    struct net_pmtu *entry = find_place(table, core, dst);
    bool is_known = entry->mtu && weft_addr_eq(&entry->dst, dst);

    if (mtu < least)
        mtu = least;
    if (is_known && mtu > entry->mtu)
        return false;
    if (is_known && mtu == entry->mtu) {
        entry->expires = core->now + NET_PMTU_AGE;
        return false;
    }
    if (!entry->mtu)
        table->used++;
    *entry = (struct net_pmtu){*dst, mtu, core->now + NET_PMTU_AGE};
    if (!wheel_is_set(&table->timer))
        wheel_set(&core->wheel, &table->timer, entry->expires);
    return true;
}

bool net_pmtu_age(struct net_pmtu_table *table, struct core *core)
{
    weft_time next = WEFT_TIME_NEVER;
    uint32_t before = table->used;

    for (unsigned i = 0; i < NET_PMTU_SETS * NET_PMTU_WAYS; i++) {
        struct net_pmtu *entry = &table->entry[i / NET_PMTU_WAYS][i % NET_PMTU_WAYS];

        if (!entry->mtu)
            continue;
        if (entry->expires <= core->now) {
            entry->mtu = 0;
            table->used--;
        } else if (entry->expires < next) {
            next = entry->expires;
        }
    }
    wheel_set(&core->wheel, &table->timer, next);
    return table->used != before;
}

/* RFC 1191 table 7-1, the largest first. */
static const uint16_t plateaus[] = {65535, 32000, 17914,           8166, 4352, 2002, 1492, 1006,
                                    508,   296,   NET_PMTU_MIN_IP4};

uint16_t net_pmtu_plateau_below(uint32_t total_len)
{
    for (unsigned i = 0; i < sizeof(plateaus) / sizeof(plateaus[0]); i++)
        if (plateaus[i] < total_len)
            return plateaus[i];
    return NET_PMTU_MIN_IP4;
}
