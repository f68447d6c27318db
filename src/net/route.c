/* SPDX-License-Identifier: MIT */
/*
 * The table of routes (net/route.h).
 *
 * Holds   route[] is sorted by (high, low, len), then by metric, the highest
 *         first, then by age, the youngest first: the best of a prefix is its
 *         last. parent of an entry is smaller than its own index.
 */
#include "net/route.h"

#include <string.h>

#include "base/assert.h"
#include "base/bytes.h"

/* --- Prefixes --- */

/* The bits in front of an IPv4 address (RFC 4291 2.5.5.2). */
#define MAPPED_LEN 96

/* A prefix in the form of the table. */
struct key {
    uint64_t high, low;
    uint8_t len;
};

static uint64_t mask_bits(unsigned n)
{
    return n == 0 ? 0 : n >= 64 ? UINT64_MAX : UINT64_MAX << (64 - n);
}

static uint64_t high_mask(unsigned len)
{
    return mask_bits(len);
}

static uint64_t low_mask(unsigned len)
{
    return mask_bits(len > 64 ? len - 64 : 0);
}

static struct key key_of(const struct weft_addr *addr, unsigned len)
{
    return (struct key){get_be64(addr->b), get_be64(addr->b + 8), (uint8_t)len};
}

static struct key key_of_prefix(const struct weft_prefix *prefix)
{
    return key_of(&prefix->addr,
                  weft_addr_is_ip4(&prefix->addr) ? prefix->len + (unsigned)MAPPED_LEN : prefix->len);
}

bool net_route_is_prefix(const struct weft_prefix *prefix)
{
    struct key key = key_of_prefix(prefix);

    return (key.high & ~high_mask(key.len)) == 0 && (key.low & ~low_mask(key.len)) == 0;
}

static bool contains(const struct net_route *route, uint64_t high, uint64_t low)
{
    return ((route->high ^ high) & high_mask(route->len)) == 0 &&
           ((route->low ^ low) & low_mask(route->len)) == 0;
}

/* Less than, equal to or greater than zero, as the route's prefix stands before, at or behind `key`. */
static int compare(const struct net_route *route, const struct key *key)
{
    if (route->high != key->high)
        return route->high < key->high ? -1 : 1;
    if (route->low != key->low)
        return route->low < key->low ? -1 : 1;
    return (int)route->len - (int)key->len;
}

/* How many routes stand before `key`; those at it too if `behind`. */
static uint32_t position(const struct net_route_table *table, const struct key *key, bool behind)
{
    uint32_t low = 0, high = table->count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (compare(&table->route[middle], key) < (behind ? 1 : 0))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* --- The table --- */

int net_route_init(struct net_route_table *table, struct core *core, uint32_t capacity)
{
    *table = (struct net_route_table){.capacity = capacity};
    table->route = core_alloc(core, sizeof(*table->route) * capacity);
    return table->route ? 0 : WEFT_E_NOMEM;
}

void net_route_fini(struct net_route_table *table, struct core *core)
{
    core_free(core, table->route, sizeof(*table->route) * table->capacity);
    *table = (struct net_route_table){0};
}

/* Finds for each route the prefix around it. In this order it is the one before it, or around that. */
static void link_parents(struct net_route_table *table)
{
    for (uint32_t i = 0; i < table->count; i++) {
        struct net_route *route = &table->route[i];
        uint32_t around = i ? i - 1 : NET_ROUTE_NONE;

        while (around != NET_ROUTE_NONE && (table->route[around].len == route->len ||
                                            !contains(&table->route[around], route->high, route->low)))
            around = table->route[around].parent;
        route->parent = around;
    }
}

static bool has_gateway(const struct net_route *route, const struct weft_addr *gateway)
{
    return gateway ? route->has_gateway && weft_addr_eq(&route->gateway, gateway) : !route->has_gateway;
}

/* The route with these, or NET_ROUTE_NONE. */
static uint32_t find(const struct net_route_table *table, const struct key *key,
                     const struct weft_addr *gateway, uint16_t iface)
{
    for (uint32_t i = position(table, key, false); i < table->count; i++) {
        const struct net_route *route = &table->route[i];

        if (compare(route, key) != 0)
            break;
        if (has_gateway(route, gateway) && (iface == 0 || route->iface == iface))
            return i;
    }
    return NET_ROUTE_NONE;
}

int net_route_insert(struct net_route_table *table, const struct weft_prefix *dst,
                     const struct weft_addr *gateway, uint16_t iface, uint32_t metric)
{
    struct key key = key_of_prefix(dst);
    uint32_t at = position(table, &key, false);

    weft_assert(iface != 0);
    if (find(table, &key, gateway, iface) != NET_ROUTE_NONE)
        return WEFT_E_EXIST;
    if (table->count == table->capacity)
        return WEFT_E_LIMIT;
    while (at < table->count && compare(&table->route[at], &key) == 0 && table->route[at].metric > metric)
        at++;
    memmove(&table->route[at + 1], &table->route[at], sizeof(*table->route) * (table->count - at));
    table->route[at] = (struct net_route){.high = key.high,
                                          .low = key.low,
                                          .len = key.len,
                                          .metric = metric,
                                          .iface = iface,
                                          .has_gateway = gateway != NULL,
                                          .gateway = gateway ? *gateway : WEFT_ADDR_ANY};
    table->count++;
    link_parents(table);
    return 0;
}

int net_route_remove(struct net_route_table *table, const struct weft_prefix *dst,
                     const struct weft_addr *gateway, uint16_t iface)
{
    struct key key = key_of_prefix(dst);
    uint32_t at = find(table, &key, gateway, iface);

    if (at == NET_ROUTE_NONE)
        return WEFT_E_NOTFOUND;
    table->count--;
    memmove(&table->route[at], &table->route[at + 1], sizeof(*table->route) * (table->count - at));
    link_parents(table);
    return 0;
}

/* The best route to the prefix whose last route is `last`. */
static const struct net_route *best_of_prefix(const struct net_route_table *table, uint32_t last)
{
    const struct net_route *best = &table->route[last];
    struct key key = {best->high, best->low, best->len};

    for (uint32_t i = last + 1; i-- > 0 && compare(&table->route[i], &key) == 0;)
        if (!table->route[i].is_dead)
            return &table->route[i];
    return best;
}

const struct net_route *net_route_lookup(const struct net_route_table *table, const struct weft_addr *dst)
{
    struct key key = key_of(dst, 128);
    uint32_t i = position(table, &key, true);

    i = i ? i - 1 : NET_ROUTE_NONE;
    while (i != NET_ROUTE_NONE && !contains(&table->route[i], key.high, key.low))
        i = table->route[i].parent;
    /* An IPv6 prefix around all mapped addresses, ::/0 above all, is no way for IPv4. */
    if (i == NET_ROUTE_NONE || (weft_addr_is_ip4(dst) && table->route[i].len < MAPPED_LEN))
        return NULL;
    return best_of_prefix(table, i);
}

bool net_route_mark_gateway(struct net_route_table *table, uint16_t iface, const struct weft_addr *gateway,
                            bool is_dead)
{
    bool has_changed = false;

    for (uint32_t i = 0; i < table->count; i++) {
        struct net_route *route = &table->route[i];

        if (route->iface != iface || route->is_dead == is_dead || !route->has_gateway ||
            !weft_addr_eq(&route->gateway, gateway))
            continue;
        route->is_dead = is_dead;
        has_changed = true;
    }
    return has_changed;
}
