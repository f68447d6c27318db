/* SPDX-License-Identifier: MIT */
/*
 * Ping sockets: ICMP echo requests out, their replies and errors in.
 *
 * Owns    the identifiers of echo requests and the queues of what came back.
 * Never   answers a request of others: the network layer does.
 */
#include "socket/socket.h"

#include <string.h>

#include "base/cursor.h"
#include "wire/icmp4.h"
#include "wire/ip4.h"

/* What is kept in front of a queued reply's data. */
struct note {
    struct weft_datagram datagram;
};

static struct weft_sock *find(struct sockets *sockets, uint16_t id)
{
    for (struct list *link = sockets->pings.next; link != &sockets->pings; link = link->next) {
        struct weft_sock *sock = list_entry(link, struct weft_sock, ping.link);

        if (sock->ping.id == id)
            return sock;
    }
    return NULL;
}

/* Puts `note` in front of the data of `pkt` and queues it. Takes `pkt`. */
static void queue(struct weft_sock *sock, struct weft_pkt *pkt, const struct weft_datagram *datagram)
{
    struct note note = {.datagram = *datagram};

    if (sock->ping.replies.count >= PING_QUEUE_MAX || weft_pkt_headroom(pkt) < sizeof(note)) {
        weft_pkt_free(pkt);
        return;
    }
    memcpy(weft_pkt_push(pkt, sizeof(note)), &note, sizeof(note));
    weft_pktq_push(&sock->ping.replies, pkt);
    ready_signal(&sock->sockets->core->ready, &sock->ready, WEFT_READABLE);
}

static void take_reply(void *ctx, struct weft_pkt *pkt, const struct net_rx *rx, uint16_t id, uint16_t seq)
{
    struct sockets *sockets = ctx;
    struct weft_sock *sock = find(sockets, id);
    struct weft_datagram datagram = {
        .peer = {rx->src, seq},
        .ttl = rx->ttl,
        .icmp = WIRE_ICMP4_ECHO_REPLY << 8,
        .when = sockets->core->now,
    };

    if (sock)
        queue(sock, pkt, &datagram);
    else
        weft_pkt_free(pkt);
}

static int error_of(enum net_error_kind kind)
{
    switch (kind) {
    case NET_ERROR_NET_UNREACHABLE:
        return WEFT_E_NETUNREACH;
    case NET_ERROR_TOO_BIG:
        return WEFT_E_MSGSIZE;
    case NET_ERROR_ADMIN_PROHIBITED:
        return WEFT_E_PERM;
    case NET_ERROR_PARAMETER_PROBLEM:
        return WEFT_E_PROTO;
    default:
        return WEFT_E_HOSTUNREACH;
    }
}

static void take_error(void *ctx, const struct net_error *error, uint16_t id, uint16_t seq)
{
    struct sockets *sockets = ctx;
    struct weft_sock *sock = find(sockets, id);
    struct weft_pkt *pkt = sock ? weft_pkt_new(sockets->core->pool) : NULL;
    struct weft_datagram datagram = {
        .peer = {error->from, seq},
        .error = error_of(error->kind),
        .icmp = error->icmp,
        .when = sockets->core->now,
    };

    if (pkt)
        queue(sock, pkt, &datagram);
}

void socket_ping_init(struct sockets *sockets)
{
    struct net_echo echo = {.reply = take_reply, .error = take_error, .ctx = sockets};

    list_init(&sockets->pings);
    sockets->next_ping_id = (uint16_t)rng_u32(&sockets->core->rng);
    net_set_echo(sockets->net, &echo);
}

void socket_ping_open(struct weft_sock *sock)
{
    struct sockets *sockets = sock->sockets;

    do
        sock->ping.id = sockets->next_ping_id++;
    while (find(sockets, sock->ping.id));
    list_push_back(&sockets->pings, &sock->ping.link);
}

void socket_ping_close(struct weft_sock *sock)
{
    weft_pktq_purge(&sock->ping.replies);
    list_remove(&sock->ping.link);
}

/* Puts the data into blocks behind the packet's own room. */
static bool fill(struct weft_pool *pool, struct weft_pkt *pkt, const uint8_t *data, size_t len)
{
    while (len > 0) {
        uint32_t n = len < WEFT_BLOCK_LARGE ? (uint32_t)len : WEFT_BLOCK_LARGE;
        struct weft_block *block =
            weft_block_new(pool, n <= WEFT_BLOCK_SMALL ? WEFT_BLOCK_SMALL : WEFT_BLOCK_LARGE);

        if (!block)
            return false;
        memcpy(block->data, data, n);
        bool added = weft_pkt_add_slice(pkt, block, 0, n);
        weft_block_unref(block);
        if (!added)
            return false;
        data += n;
        len -= n;
    }
    return true;
}

ptrdiff_t weft_sock_sendto(struct weft_sock *sock, const void *data, size_t len,
                           const struct weft_datagram *to)
{
    struct sockets *sockets = sock->sockets;
    struct net_tx tx = {.dst = to->peer.addr, .proto = WIRE_PROTO_ICMP, .ttl = to->ttl};
    struct weft_pkt *pkt;
    int rc;

    if (sock->type != WEFT_SOCK_PING)
        return WEFT_E_OPNOTSUPP;
    if (len > 65535 - 20 - WIRE_ICMP4_LEN)
        return WEFT_E_MSGSIZE;
    pkt = weft_pkt_new(sockets->core->pool);
    if (!pkt || !fill(sockets->core->pool, pkt, data, len)) {
        weft_pkt_free(pkt);
        return WEFT_E_NOBUFS;
    }
    rc = net_send_echo(sockets->net, &tx, sock->ping.id, to->peer.port, pkt);
    return rc < 0 ? rc : (ptrdiff_t)len;
}

ptrdiff_t weft_sock_recvfrom(struct weft_sock *sock, void *data, size_t len, struct weft_datagram *from)
{
    struct weft_pkt *pkt;
    struct note note;
    uint32_t total;

    if (sock->type != WEFT_SOCK_PING)
        return WEFT_E_OPNOTSUPP;
    pkt = weft_pktq_pop(&sock->ping.replies);
    if (!pkt)
        return WEFT_E_AGAIN;
    weft_pkt_copy_out(pkt, 0, &note, sizeof(note));
    *from = note.datagram;
    total = pkt->total_len - (uint32_t)sizeof(note);
    weft_pkt_copy_out(pkt, sizeof(note), data, total < len ? total : (uint32_t)len);
    weft_pkt_free(pkt);
    return total;
}
