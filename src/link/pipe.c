/* SPDX-License-Identifier: MIT */
/*
 * A wire in memory with two ends.
 *
 * Owns    the packets under way: what one end has sent and the other has not
 *         received. When either end is closed, both directions are emptied at
 *         once, since the pools that the packets come from may go with it.
 *
 * Never   delays, reorders or changes a packet; loses one only when nobody is
 *         at the other end, or the receiver's pool is empty.
 */
#include <weft/err.h>
#include <weft/link.h>

#include <stdlib.h>

#define DEFAULT_QUEUE 1024 /* packets; ours, the same as a stack's transmit queue */
#define DEFAULT_MTU   1500 /* RFC 894 */

struct pipe_wire;

struct pipe_end {
    struct weft_link link; /* first: ops get a pointer to it */
    struct pipe_wire *wire;
    struct pipe_end *peer;
    struct weft_pktq queue; /* sent by the peer, not yet received here */
    bool is_closed;
    bool was_refused; /* send left packets behind because the peer's queue was full */
};

struct pipe_wire {
    struct pipe_end end[2];
    uint32_t queue_limit;
};

static bool has_room(const struct pipe_end *receiver)
{
    return receiver->queue.count < receiver->wire->queue_limit;
}

/* What the sender knew only for itself, the receiver finds out anew. */
static void forget_marks(struct weft_pkt *pkt)
{
    pkt->flags &= (uint16_t) ~(WEFT_PKT_LL_BROADCAST | WEFT_PKT_LL_MULTICAST);
    pkt->mark = 0;
}

/* The packet, or a copy of it, in the receiver's pool. Takes `pkt`; NULL when the pool is empty. */
static struct weft_pkt *move_to_pool(struct weft_pkt *pkt, struct weft_pool *pool)
{
    struct weft_pkt *copy;

    if (pkt->pool == pool)
        return pkt;
    copy = weft_pkt_copy(pool, pkt);
    weft_pkt_free(pkt);
    return copy;
}

static int recv_packets(struct weft_link *link, struct weft_pool *pool, struct weft_pktq *batch, unsigned max,
                        weft_time now)
{
    struct pipe_end *end = (struct pipe_end *)link;
    unsigned count = 0;

    while (count < max && end->queue.head) {
        struct weft_pkt *pkt = move_to_pool(weft_pktq_pop(&end->queue), pool);

        if (!pkt) {
            link->stats.rx_dropped++;
            continue;
        }
        forget_marks(pkt);
        pkt->when = now;
        link->stats.rx_packets++;
        link->stats.rx_bytes += pkt->total_len;
        weft_pktq_push(batch, pkt);
        count++;
    }
    return (int)count;
}

static int send_packets(struct weft_link *link, struct weft_pktq *batch, weft_time now)
{
    struct pipe_end *end = (struct pipe_end *)link;
    int count = 0;

    (void)now;
    while (batch->head && (end->peer->is_closed || has_room(end->peer))) {
        struct weft_pkt *pkt = weft_pktq_pop(batch);

        count++;
        if (end->peer->is_closed) {
            link->stats.tx_dropped++;
            weft_pkt_free(pkt);
            continue;
        }
        link->stats.tx_packets++;
        link->stats.tx_bytes += pkt->total_len;
        weft_pktq_push(&end->peer->queue, pkt);
    }
    end->was_refused = batch->head != NULL;
    return count;
}

/* At once while packets wait here, or while there is room again for what send had to leave. */
static weft_time deadline(const struct weft_link *link)
{
    const struct pipe_end *end = (const struct pipe_end *)link;

    if (end->queue.head || (end->was_refused && (end->peer->is_closed || has_room(end->peer))))
        return 0;
    return WEFT_TIME_NEVER;
}

static void close_end(struct weft_link *link)
{
    struct pipe_end *end = (struct pipe_end *)link;

    weft_pktq_purge(&end->queue);
    weft_pktq_purge(&end->peer->queue);
    end->is_closed = true;
    if (end->peer->is_closed)
        free(end->wire);
}

static const struct weft_link_ops pipe_ops = {
    .recv = recv_packets,
    .send = send_packets,
    .deadline = deadline,
    .close = close_end,
};

static void init_end(struct pipe_wire *wire, unsigned i, const struct weft_pipe_config *config)
{
    static const char *const names[2] = {"pipe0", "pipe1"};
    struct pipe_end *end = &wire->end[i];

    end->wire = wire;
    end->peer = &wire->end[1 - i];
    end->link.ops = &pipe_ops;
    end->link.name = names[i];
    end->link.type = config->type;
    end->link.caps = config->caps;
    end->link.mtu = config->mtu ? config->mtu : DEFAULT_MTU;
    if (config->type == WEFT_LINK_ETHERNET)
        end->link.mac = (struct weft_mac){{0x02, 'w', 'e', 'f', 't', (uint8_t)i}};
}

int weft_link_pipe(const struct weft_pipe_config *config, struct weft_link **a, struct weft_link **b)
{
    struct pipe_wire *wire = calloc(1, sizeof(*wire));

    if (!wire)
        return WEFT_E_NOMEM;
    wire->queue_limit = config->queue ? config->queue : DEFAULT_QUEUE;
    init_end(wire, 0, config);
    init_end(wire, 1, config);
    *a = &wire->end[0].link;
    *b = &wire->end[1].link;
    return 0;
}
