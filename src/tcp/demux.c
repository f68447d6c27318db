/* SPDX-License-Identifier: MIT */
/*
 * Who a segment belongs to, and what is chosen anew for each connection: its
 * port, its initial sequence number, the start of its timestamps.
 *
 * Owns    the connection table and the table of listeners.
 * Never   looks at a segment's contents.
 *
 * All that a peer can choose goes through SipHash with the stack's secret, so
 * that nobody can aim at one bucket, nor guess a number (RFC 6056, RFC 6528,
 * RFC 7323 5.4).
 */
#include <string.h>

#include "tcp/tcb.h"

/* RFC 6056 2.1 and 3.2: the dynamic ports and more; ours, as most hosts have it. */
#define PORT_FIRST 32768u
#define PORT_COUNT (65536u - PORT_FIRST)

/* A salt for each use of the one secret. */
enum hash_use {
    HASH_TABLE,
    HASH_PORT,
    HASH_ISN,
    HASH_TIMESTAMP,
};

static uint64_t hash_tuple(const struct tcp *tcp, const struct tcp_tuple *tuple, enum hash_use use)
{
    uint8_t bytes[16 + 16 + 2 + 2 + 1];

    memcpy(bytes, tuple->local.b, 16);
    memcpy(bytes + 16, tuple->remote.b, 16);
    put_be16(bytes + 32, tuple->local_port);
    put_be16(bytes + 34, tuple->remote_port);
    bytes[36] = (uint8_t)use;
    return siphash(&tcp->core->secret, bytes, sizeof(bytes));
}

static struct tcp_node **bucket_of(const struct tcp *tcp, const struct tcp_tuple *tuple)
{
    return &tcp->table[hash_tuple(tcp, tuple, HASH_TABLE) & (tcp->table_size - 1)];
}

static bool tuple_eq(const struct tcp_tuple *a, const struct tcp_tuple *b)
{
    return a->local_port == b->local_port && a->remote_port == b->remote_port &&
           weft_addr_eq(&a->remote, &b->remote) && weft_addr_eq(&a->local, &b->local);
}

struct tcp_node *tcp_demux_find(const struct tcp *tcp, const struct tcp_tuple *tuple)
{
    struct tcp_node *node = *bucket_of(tcp, tuple);

    while (node && !tuple_eq(&node->tuple, tuple))
        node = node->next;
    return node;
}

void tcp_demux_insert(struct tcp *tcp, struct tcp_node *node)
{
    struct tcp_node **bucket = bucket_of(tcp, &node->tuple);

    node->next = *bucket;
    *bucket = node;
}

void tcp_demux_remove(struct tcp *tcp, struct tcp_node *node)
{
    struct tcp_node **at = bucket_of(tcp, &node->tuple);

    while (*at && *at != node)
        at = &(*at)->next;
    if (*at)
        *at = node->next;
}

/* A listener for the very address goes before one for any address. */
struct tcp_listener *tcp_demux_listener(const struct tcp *tcp, const struct weft_addr *addr, uint16_t port)
{
    struct tcp_listener *any = NULL;
    struct tcp_listener *listener;

    for (listener = tcp->by_port[port % TCP_LISTENER_BUCKETS]; listener; listener = listener->next) {
        if (listener->local.port != port)
            continue;
        if (weft_addr_eq(&listener->local.addr, addr))
            return listener;
        if (weft_addr_is_any(&listener->local.addr))
            any = listener;
    }
    return any;
}

bool tcp_demux_port_listens(const struct tcp *tcp, const struct weft_endpoint *local)
{
    const struct tcp_listener *listener;

    for (listener = tcp->by_port[local->port % TCP_LISTENER_BUCKETS]; listener; listener = listener->next) {
        bool both_any = weft_addr_is_any(&listener->local.addr) && weft_addr_is_any(&local->addr);

        if (listener->local.port == local->port &&
            (both_any || weft_addr_eq(&listener->local.addr, &local->addr)))
            return true;
    }
    return false;
}

bool tcp_demux_port_is_used(const struct tcp *tcp, const struct weft_endpoint *local)
{
    bool any = weft_addr_is_any(&local->addr);

    for (uint32_t i = 0; i < tcp->table_size; i++)
        for (const struct tcp_node *node = tcp->table[i]; node; node = node->next)
            if (node->tuple.local_port == local->port &&
                (any || weft_addr_eq(&node->tuple.local, &local->addr)))
                return true;
    return false;
}

/* RFC 6056 3.3.4, Algorithm 4 with one table entry: an offset from a hash of the other three, moved
 * on with each use. */
uint16_t tcp_demux_choose_port(struct tcp *tcp, const struct tcp_tuple *tuple)
{
    struct tcp_tuple probe = *tuple;
    uint32_t offset;

    probe.local_port = 0;
    offset = (uint32_t)hash_tuple(tcp, &probe, HASH_PORT);
    for (uint32_t i = 0; i < PORT_COUNT; i++) {
        probe.local_port = (uint16_t)(PORT_FIRST + (offset + tcp->port_salt++) % PORT_COUNT);
        if (!tcp_demux_find(tcp, &probe) && !tcp_demux_listener(tcp, &probe.local, probe.local_port))
            return probe.local_port;
    }
    return 0;
}

/* RFC 6528 3: ISN = M + F(localip, localport, remoteip, remoteport, secretkey), where M counts 4 microseconds. */
tcp_seq tcp_demux_isn(const struct tcp *tcp, const struct tcp_tuple *tuple)
{
    return seq_of((uint32_t)(tcp->core->now / 4) + (uint32_t)hash_tuple(tcp, tuple, HASH_ISN));
}

uint32_t tcp_demux_ts_offset(const struct tcp *tcp, const struct tcp_tuple *tuple)
{
    struct tcp_tuple hosts = *tuple;

    hosts.local_port = hosts.remote_port = 0;
    return (uint32_t)hash_tuple(tcp, &hosts, HASH_TIMESTAMP);
}
