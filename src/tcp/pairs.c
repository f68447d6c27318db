/* SPDX-License-Identifier: MIT */
/*
 * Tables of hosts, bounded: what is remembered of each pair of addresses, and
 * where wanted of a port.
 *
 * Owns    the place of each entry. What stands behind its key is its user's:
 *         tfo_cache.c or hostcache.c.
 * Never   grows: an entry that was used longest ago gives way to a new one.
 *         Which ones compete nobody outside can choose, for it depends on a
 *         secret.
 */
#include <string.h>

#include "tcp/tcb.h"

/* Entries that one hash value may have. */
#define WAYS 4u

static size_t bytes_of(const struct tcp_pairs *pairs)
{
    return (size_t)pairs->sets * WAYS * pairs->size;
}

bool tcp_pairs_init(struct tcp_pairs *pairs, struct core *core, uint32_t n, uint32_t size)
{
    *pairs = (struct tcp_pairs){.core = core, .sets = (n + WAYS - 1) / WAYS, .size = size};
    pairs->entries = core_alloc(core, bytes_of(pairs));
    return pairs->entries != NULL;
}

void tcp_pairs_fini(struct tcp_pairs *pairs)
{
    if (pairs->entries)
        core_free(pairs->core, pairs->entries, bytes_of(pairs));
}

void tcp_pairs_forget(struct tcp_pairs *pairs)
{
    memset(pairs->entries, 0, bytes_of(pairs));
}

/* The first of the places in which an entry can stand. */
static uint8_t *set_of(const struct tcp_pairs *pairs, const struct tcp_tuple *tuple, uint16_t port)
{
    uint8_t bytes[16 + 16 + 2];

    memcpy(bytes, tuple->local.b, 16);
    memcpy(bytes + 16, tuple->remote.b, 16);
    put_be16(bytes + 32, port);
    return pairs->entries +
           siphash(&pairs->core->secret, bytes, sizeof(bytes)) % pairs->sets * WAYS * pairs->size;
}

static bool is_for(const struct tcp_pair *pair, const struct tcp_tuple *tuple, uint16_t port)
{
    return pair->used > 0 && pair->port == port && weft_addr_eq(&pair->local, &tuple->local) &&
           weft_addr_eq(&pair->remote, &tuple->remote);
}

void *tcp_pairs_find(const struct tcp_pairs *pairs, const struct tcp_tuple *tuple, uint16_t port)
{
    uint8_t *set = set_of(pairs, tuple, port);

    for (unsigned i = 0; i < WAYS; i++)
        if (is_for((struct tcp_pair *)(void *)(set + i * pairs->size), tuple, port))
            return set + i * pairs->size;
    return NULL;
}

void *tcp_pairs_entry(struct tcp_pairs *pairs, const struct tcp_tuple *tuple, uint16_t port)
{
    struct tcp_pair *pair = tcp_pairs_find(pairs, tuple, port);
    weft_time now = pairs->core->now;

    if (!pair) {
        uint8_t *set = set_of(pairs, tuple, port);

        pair = (struct tcp_pair *)(void *)set;
        for (unsigned i = 1; i < WAYS; i++) {
            struct tcp_pair *other = (struct tcp_pair *)(void *)(set + i * pairs->size);

            if (pair->used > other->used)
                pair = other;
        }
        memset(pair, 0, pairs->size);
        pair->local = tuple->local;
        pair->remote = tuple->remote;
        pair->port = port;
    }
    pair->used = now > 0 ? now : 1;
    return pair;
}
