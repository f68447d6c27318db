/* SPDX-License-Identifier: MIT */
/*
 * A wire with faults around a link.
 *
 * Each direction is a wire of its own. What happens to a packet, in this order:
 *
 *     cut up, if it is a super-segment
 *     waits for the rate, or is lost because too many wait     (rate.c)
 *     is lost, or has a bit flipped, or is doubled
 *     travels for delay and jitter, in order
 *     is held back longer, if chosen, while others pass
 *
 * Owns    the packets that are on the wire. Those that keep their order and
 *         those that are held back stand in two queues, from which they arrive
 *         when their time (`when`) has come and those before them have arrived:
 *         jitter changes no order.
 *
 * Never   alters bytes that somebody else may see: a bit is flipped in a copy
 *         whose checksums have been completed first, so that the damage shows.
 *         Never holds more than a quarter of the pool in either direction.
 *
 * Random  every kind of fault has numbers of its own and uses one for each
 *         packet, so that the n-th packet is lost, or not, whatever else is set.
 */
#include <weft/err.h>
#include <weft/link.h>

#include <stdlib.h>

#include "base/rng.h"
#include "link/rate.h"

#define DEFAULT_QUEUE         1000 /* packets; ours: 10 ms of full frames at a gigabit */
#define DEFAULT_REORDER_DELAY WEFT_MSEC
#define RETRY_DELAY           WEFT_MSEC /* ours: when a full link below is tried again, if it can't say when */
#define RECV_CHUNK            8         /* packets; ours: super-segments become many, and those need room */

enum chance {
    CHANCE_LOSS,
    CHANCE_CORRUPT,
    CHANCE_BIT, /* which bit is flipped */
    CHANCE_DUPLICATE,
    CHANCE_REORDER,
    CHANCE_JITTER,
    CHANCE_COUNT,
};

struct direction {
    struct weft_impair_direction config;
    bool is_clean; /* nothing happens here: packets go straight through */
    struct rng rng[CHANCE_COUNT];
    struct link_rate rate;
    struct weft_pktq in_order; /* on the wire, by time of arrival */
    struct weft_pktq held_back;
    struct weft_pktq arrived; /* outgoing, and the link below has not taken them yet */
    uint64_t dropped;         /* packets */
};

struct impair {
    struct weft_link link; /* first: ops get a pointer to it */
    struct weft_link *inner;
    struct weft_pool *pool; /* copies come from here */
    uint32_t hold_limit;    /* packets on the wire in one direction */
    struct direction out, in;
    weft_time retry; /* when the link below is asked again to take out.arrived */
};

/* --- One direction --- */

static bool is_clean(const struct weft_impair_direction *c)
{
    return !c->delay && !c->jitter && !c->rate && c->loss <= 0 && c->reorder <= 0 && c->duplicate <= 0 &&
           c->corrupt <= 0;
}

static int init_direction(struct direction *dir, const struct weft_impair_direction *config, uint64_t seed,
                          uint8_t which)
{
    uint8_t bytes[32] = {0};

    dir->config = *config;
    dir->is_clean = is_clean(config);
    if (config->reorder_delay == 0)
        dir->config.reorder_delay = DEFAULT_REORDER_DELAY;
    for (unsigned i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(seed >> 8 * i);
    bytes[8] = which;
    for (unsigned i = 0; i < CHANCE_COUNT; i++) {
        bytes[9] = (uint8_t)i;
        rng_init(&dir->rng[i], bytes);
    }
    return link_rate_init(&dir->rate, config->rate, config->queue ? config->queue : DEFAULT_QUEUE);
}

static void fini_direction(struct direction *dir)
{
    weft_pktq_purge(&dir->in_order);
    weft_pktq_purge(&dir->held_back);
    weft_pktq_purge(&dir->arrived);
    link_rate_fini(&dir->rate);
}

static uint32_t held(const struct direction *dir)
{
    return dir->in_order.count + dir->held_back.count + dir->arrived.count;
}

/* The queue whose first packet arrives next; both empty: either. */
static struct weft_pktq *next_queue(struct direction *dir)
{
    const struct weft_pkt *a = dir->in_order.head, *b = dir->held_back.head;

    return b && (!a || b->when < a->when) ? &dir->held_back : &dir->in_order;
}

static weft_time next_arrival(const struct direction *dir)
{
    const struct weft_pkt *a = dir->in_order.head, *b = dir->held_back.head;
    weft_time first = a ? a->when : WEFT_TIME_NEVER;

    return b && b->when < first ? b->when : first;
}

/* The next packet that has arrived by `now`; NULL when there is none. */
static struct weft_pkt *pop_arrived(struct direction *dir, weft_time now)
{
    return next_arrival(dir) <= now ? weft_pktq_pop(next_queue(dir)) : NULL;
}

/* --- Faults --- */

static bool happens(struct direction *dir, enum chance chance, double probability)
{
    return probability > 0 && rng_chance(&dir->rng[chance], probability);
}

static weft_time draw_jitter(struct direction *dir)
{
    return dir->config.jitter ? rng_u64(&dir->rng[CHANCE_JITTER]) % (dir->config.jitter + 1) : 0;
}

/* The byte at `off` of the packet's bytes. */
static uint8_t *byte_at(struct weft_pkt *pkt, uint32_t off)
{
    unsigned i = 0;

    if (off < pkt->len)
        return pkt->data + off;
    off -= pkt->len;
    while (off >= pkt->slices[i].len)
        off -= pkt->slices[i++].len;
    return pkt->slices[i].block->data + pkt->slices[i].off + off;
}

/* A copy with one bit flipped. Takes `pkt`; NULL when the pool is empty. */
static struct weft_pkt *flip_bit(struct impair *impair, struct direction *dir, struct weft_pkt *pkt)
{
    struct weft_pkt *copy = pkt->total_len ? weft_pkt_copy(impair->pool, pkt) : NULL;
    uint32_t bit;

    weft_pkt_free(pkt);
    if (!copy)
        return NULL;
    weft_pkt_finish_checksum(copy);
    copy->flags &= (uint16_t)~WEFT_PKT_CSUM_GOOD;
    bit = rng_below(&dir->rng[CHANCE_BIT], copy->total_len * 8);
    *byte_at(copy, bit / 8) ^= (uint8_t)(1u << bit % 8);
    return copy;
}

/* --- The way of a packet --- */

/* Puts the packet on the wire, to arrive at `when`; loses it when the wire holds all that it may. */
static void hold(struct impair *impair, struct direction *dir, struct weft_pkt *pkt, bool is_held_back,
                 weft_time when)
{
    if (held(dir) >= impair->hold_limit) {
        dir->dropped++;
        weft_pkt_free(pkt);
        return;
    }
    pkt->when = when;
    weft_pktq_push(is_held_back ? &dir->held_back : &dir->in_order, pkt);
}

/* One plain packet at `now`. Takes `pkt`. */
static void admit(struct impair *impair, struct direction *dir, struct weft_pkt *pkt, weft_time now)
{
    weft_time leaves = link_rate_pass(&dir->rate, pkt->total_len, now);
    bool is_lost = happens(dir, CHANCE_LOSS, dir->config.loss);
    bool is_corrupt = happens(dir, CHANCE_CORRUPT, dir->config.corrupt);
    bool is_double = happens(dir, CHANCE_DUPLICATE, dir->config.duplicate);
    bool is_held_back = happens(dir, CHANCE_REORDER, dir->config.reorder);
    struct weft_pkt *twin;
    weft_time when;

    if (leaves == WEFT_TIME_NEVER || is_lost) {
        dir->dropped++;
        weft_pkt_free(pkt);
        return;
    }
    when = leaves + dir->config.delay + draw_jitter(dir) + (is_held_back ? dir->config.reorder_delay : 0);
    if (is_corrupt)
        pkt = flip_bit(impair, dir, pkt);
    if (!pkt) {
        dir->dropped++;
        return;
    }
    twin = is_double ? weft_pkt_copy(impair->pool, pkt) : NULL;
    hold(impair, dir, pkt, is_held_back, when);
    if (twin)
        hold(impair, dir, twin, is_held_back, when);
}

/* One packet as it comes, which may be a super-segment. Takes `pkt`. */
static void admit_whole(struct impair *impair, struct direction *dir, struct weft_pkt *pkt, weft_time now)
{
    struct weft_pktq parts = {0};

    if (weft_pkt_segment(pkt, &parts) < 0)
        dir->dropped++;
    while (parts.head)
        admit(impair, dir, weft_pktq_pop(&parts), now);
}

/* --- The link --- */

/* Packets count where the stack's side of the wire is; what is lost, wherever it was. */
static void update_stats(struct impair *impair)
{
    struct weft_link_stats *stats = &impair->link.stats;
    const struct weft_link_stats *inner = &impair->inner->stats;

    if (impair->out.is_clean) {
        stats->tx_packets = inner->tx_packets;
        stats->tx_bytes = inner->tx_bytes;
    }
    if (impair->in.is_clean) {
        stats->rx_packets = inner->rx_packets;
        stats->rx_bytes = inner->rx_bytes;
    }
    stats->tx_dropped = inner->tx_dropped + impair->out.dropped;
    stats->rx_dropped = inner->rx_dropped + impair->in.dropped;
}

/* Hands on what has arrived at the far end of the outgoing wire. Returns 0 or an error of the link below. */
static int push_out(struct impair *impair, weft_time now)
{
    struct direction *out = &impair->out;
    struct weft_pkt *pkt;
    int result;

    while ((pkt = pop_arrived(out, now))) {
        pkt->when = 0;
        weft_pktq_push(&out->arrived, pkt);
    }
    result = weft_link_send(impair->inner, &out->arrived, now);
    impair->retry = now + RETRY_DELAY;
    return result < 0 ? result : 0;
}

static int send_packets(struct weft_link *link, struct weft_pktq *batch, weft_time now)
{
    struct impair *impair = (struct impair *)link;
    int result = 0, count = 0;

    if (impair->out.is_clean) {
        count = weft_link_send(impair->inner, batch, now);
    } else {
        for (; batch->head; count++) {
            struct weft_pkt *pkt = weft_pktq_pop(batch);

            link->stats.tx_packets++;
            link->stats.tx_bytes += pkt->total_len;
            admit_whole(impair, &impair->out, pkt, now);
        }
        result = push_out(impair, now);
    }
    update_stats(impair);
    return result ? result : count;
}

/* Gives up to `max` packets that have arrived at our end of the incoming wire. */
static unsigned give_arrived(struct impair *impair, struct weft_pktq *batch, unsigned max, weft_time now)
{
    struct weft_link_stats *stats = &impair->link.stats;
    struct weft_pkt *pkt;
    unsigned count = 0;

    for (; count < max && (pkt = pop_arrived(&impair->in, now)); count++) {
        pkt->when = now;
        stats->rx_packets++;
        stats->rx_bytes += pkt->total_len;
        weft_pktq_push(batch, pkt);
    }
    return count;
}

/* Takes a few packets from the link below onto the incoming wire, and gives what arrives, in turn: so
 * that what a burst of super-segments is cut into need not all be held. */
static int recv_impaired(struct impair *impair, struct weft_pool *pool, struct weft_pktq *batch, unsigned max,
                         weft_time now)
{
    unsigned count = give_arrived(impair, batch, max, now);
    int taken = 1;

    for (unsigned i = 0; i < max && count < max && taken > 0; i += RECV_CHUNK) {
        struct weft_pktq fresh = {0};

        taken = weft_link_recv(impair->inner, pool, &fresh, RECV_CHUNK, now);
        while (fresh.head)
            admit_whole(impair, &impair->in, weft_pktq_pop(&fresh), now);
        count += give_arrived(impair, batch, max - count, now);
    }
    return taken < 0 && count == 0 ? taken : (int)count;
}

static int recv_packets(struct weft_link *link, struct weft_pool *pool, struct weft_pktq *batch, unsigned max,
                        weft_time now)
{
    struct impair *impair = (struct impair *)link;
    int result = impair->in.is_clean ? weft_link_recv(impair->inner, pool, batch, max, now)
                                     : recv_impaired(impair, pool, batch, max, now);

    update_stats(impair);
    return result;
}

static int inner_fd(const struct weft_link *link)
{
    return weft_link_fd(((const struct impair *)link)->inner);
}

static weft_time earlier(weft_time a, weft_time b)
{
    return a < b ? a : b;
}

/* While the link below is full, what has arrived waits for it and not for its time. */
static weft_time deadline(const struct weft_link *link)
{
    const struct impair *impair = (const struct impair *)link;
    weft_time out = impair->out.arrived.head ? impair->retry : next_arrival(&impair->out);

    return earlier(earlier(out, next_arrival(&impair->in)), weft_link_deadline(impair->inner));
}

static void end_round(struct weft_link *link, weft_time now)
{
    weft_link_end_round(((struct impair *)link)->inner, now);
}

static void close_both(struct weft_link *link)
{
    struct impair *impair = (struct impair *)link;

    fini_direction(&impair->out);
    fini_direction(&impair->in);
    weft_link_close(impair->inner);
    free(impair);
}

static const struct weft_link_ops impair_ops = {
    .recv = recv_packets,
    .send = send_packets,
    .fd = inner_fd,
    .deadline = deadline,
    .end_round = end_round,
    .close = close_both,
};

int weft_link_impair(struct weft_link *inner, const struct weft_impair_config *config, struct weft_pool *pool,
                     struct weft_link **link)
{
    struct impair *impair = calloc(1, sizeof(*impair));
    struct weft_pool_usage usage;

    if (!impair) {
        weft_link_close(inner);
        return WEFT_E_NOMEM;
    }
    weft_pool_usage(pool, &usage);
    impair->link = *inner;
    impair->link.ops = &impair_ops;
    impair->inner = inner;
    impair->pool = pool;
    impair->hold_limit = usage.pkts / 4;
    if (init_direction(&impair->out, &config->out, config->seed, 0) < 0 ||
        init_direction(&impair->in, &config->in, config->seed, 1) < 0) {
        close_both(&impair->link);
        return WEFT_E_NOMEM;
    }
    if (!impair->in.is_clean)
        impair->link.caps &= ~(uint32_t)WEFT_LINK_LRO;
    *link = &impair->link;
    return 0;
}
