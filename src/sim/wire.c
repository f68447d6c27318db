/* SPDX-License-Identifier: MIT */
/*
 * A wire between two nodes of a simulation.
 *
 * Each direction is a line of its own. What happens to a packet on it:
 *
 *     cut up and completed, if the wire pretended to do that for its sender
 *     lost silently, if it is larger than the line lets pass
 *     waits in the queue, or is dropped there                    (queue.c)
 *     is transmitted at the rate
 *     is lost, has a bit flipped, is doubled
 *     travels for delay and jitter, in order; held back longer, if chosen
 *
 * Why not link/impair.c, which does much of this around any link: that one
 * knows when a packet leaves as soon as it comes. Here a discipline decides
 * when it leaves (CoDel), and rate and delay change while packets wait.
 *
 * Owns    the packets under way, in packets of the network's pool: a stack with
 *         a pool of its own gets and gives copies. Lives until both ends are
 *         closed; when the first is, all that is under way is freed.
 *
 * Never   alters bytes that somebody else may see: a bit is flipped in a copy.
 *
 * Random  as in link/impair.c: every kind of fault has numbers of its own and
 *         uses one for each packet that is transmitted, so that other settings
 *         do not move it.
 */
#include <weft/sim.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/rng.h"
#include "sim/net.h"
#include "sim/queue.h"

#define DEFAULT_MTU           1500 /* RFC 894 */
#define DEFAULT_REORDER_DELAY WEFT_MSEC
#define ETH_LEN               14
#define ALL_OFFLOADS          (WEFT_LINK_TX_CSUM | WEFT_LINK_TSO4 | WEFT_LINK_TSO6)

enum chance {
    CHANCE_BURST,
    CHANCE_LOSS,
    CHANCE_CORRUPT,
    CHANCE_BIT, /* which bit is flipped */
    CHANCE_DUPLICATE,
    CHANCE_REORDER,
    CHANCE_JITTER,
    CHANCE_COUNT,
};

struct line {
    struct weft_wire_direction config;
    struct weft_wire_stats stats;
    struct sim_queue queue;
    weft_time free_at; /* when the transmitter is free again, rounded up */
    uint64_t early;    /* by how much that is too late, microseconds times bits per second */
    bool is_bad;       /* the state of the Gilbert-Elliott model */
    weft_time bad_since;
    struct weft_pktq in_order; /* on the way; `when` of each: when it arrives */
    struct weft_pktq held_back;
    struct rng rng[CHANCE_COUNT];
};

struct wire_end {
    struct weft_link link; /* first: ops get a pointer to it */
    struct weft_wire *wire;
    const struct wire_end *peer;
    struct line *out, *in;
    bool is_closed;
};

struct weft_wire {
    struct weft_sim *sim;
    struct weft_pool *pool;
    uint32_t l3; /* bytes before the IP header */
    struct wire_end end[2];
    struct line line[2];
    char name[2][32];
};

/* --- One line: faults --- */

static bool happens(struct line *line, enum chance chance, double probability)
{
    return probability > 0 && rng_chance(&line->rng[chance], probability);
}

/* The Gilbert-Elliott model: two states with a probability of loss each. It counts in packets; those who wait longer
 * after each loss would hardly ever see the end of a bad time, which in the world is one of time. */
static bool is_lost(struct line *line, weft_time now)
{
    const struct weft_wire_direction *c = &line->config;

    if (line->is_bad && c->burst_most && now - line->bad_since >= c->burst_most)
        line->is_bad = false;
    if (happens(line, CHANCE_BURST, line->is_bad ? c->burst_leave : c->burst_enter)) {
        line->is_bad = !line->is_bad;
        line->bad_since = now;
    }
    return happens(line, CHANCE_LOSS, line->is_bad ? c->burst_loss : c->loss);
}

static weft_time draw_jitter(struct line *line)
{
    return line->config.jitter ? rng_u64(&line->rng[CHANCE_JITTER]) % (line->config.jitter + 1) : 0;
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
static struct weft_pkt *flip_bit(struct weft_wire *wire, struct line *line, struct weft_pkt *pkt)
{
    struct weft_pkt *copy = pkt->total_len ? weft_pkt_copy(wire->pool, pkt) : NULL;
    uint32_t bit;

    weft_pkt_free(pkt);
    if (!copy)
        return NULL;
    copy->flags &= (uint16_t)~WEFT_PKT_CSUM_GOOD;
    bit = rng_below(&line->rng[CHANCE_BIT], copy->total_len * 8);
    *byte_at(copy, bit / 8) ^= (uint8_t)(1u << bit % 8);
    line->stats.corrupted++;
    return copy;
}

/* --- One line: the way of a packet --- */

static void lose(struct weft_pkt *pkt, uint64_t *counter)
{
    ++*counter;
    weft_pkt_free(pkt);
}

/* On its way at `now`. */
static void launch(struct line *line, struct weft_pkt *pkt, bool is_held_back, weft_time arrives)
{
    line->stats.packets++;
    line->stats.bytes += pkt->total_len;
    pkt->when = arrives;
    weft_pktq_push(is_held_back ? &line->held_back : &line->in_order, pkt);
}

/* The last bit has left the transmitter at `now`. Takes `pkt`. */
static void depart(struct weft_wire *wire, struct line *line, struct weft_pkt *pkt, weft_time now)
{
    const struct weft_wire_direction *c = &line->config;
    bool lost = is_lost(line, now);
    bool is_corrupt = happens(line, CHANCE_CORRUPT, c->corrupt);
    bool is_double = happens(line, CHANCE_DUPLICATE, c->duplicate);
    bool is_held_back = happens(line, CHANCE_REORDER, c->reorder);
    weft_time arrives = now + c->delay + draw_jitter(line);
    struct weft_pkt *twin;

    if (c->down) {
        lose(pkt, &line->stats.lost_down);
        return;
    }
    if (lost) {
        lose(pkt, &line->stats.lost);
        return;
    }
    if (is_held_back) {
        arrives += c->reorder_delay ? c->reorder_delay : DEFAULT_REORDER_DELAY;
        line->stats.reordered++;
    }
    if (is_corrupt && !(pkt = flip_bit(wire, line, pkt)))
        return;
    twin = is_double ? weft_pkt_copy(wire->pool, pkt) : NULL;
    launch(line, pkt, is_held_back, arrives);
    if (twin) {
        line->stats.duplicated++;
        launch(line, twin, is_held_back, arrives);
    }
}

/* The transmitter works from `from` on, and is free again at free_at. No rounding adds up. */
static void transmit(struct line *line, uint32_t bytes, weft_time from)
{
    uint64_t rate = line->config.rate, work = (uint64_t)bytes * 8 * WEFT_SEC;

    if (line->free_at != from)
        line->early = 0;
    line->free_at = from;
    if (rate == 0 || work <= line->early) {
        line->early = rate ? line->early - work : 0;
        return;
    }
    work -= line->early;
    line->free_at += (work + rate - 1) / rate;
    line->early = (rate - work % rate) % rate;
}

/* Transmits what its turn has come for by `now`. */
static void advance(struct weft_wire *wire, struct line *line, weft_time now)
{
    while (line->queue.pkts.head && line->free_at <= now) {
        weft_time from = line->queue.pkts.head->when;
        struct weft_pkt *pkt;

        from = from > line->free_at ? from : line->free_at;
        pkt = sim_queue_pop(&line->queue, from);
        if (!pkt)
            return;
        transmit(line, pkt->total_len, from);
        depart(wire, line, pkt, line->free_at);
    }
}

/* A plain packet comes to the line. Takes `pkt`. */
static void enter(struct weft_wire *wire, struct line *line, struct weft_pkt *pkt, weft_time now)
{
    uint32_t mtu = line->config.mtu;

    weft_pkt_finish_checksum(pkt);
    if (mtu && pkt->total_len > mtu + wire->l3) {
        lose(pkt, &line->stats.lost_large);
        return;
    }
    sim_queue_push(&line->queue, pkt, now);
    advance(wire, line, now);
}

/* The packet itself, or a copy in the wire's pool. Takes `pkt`; NULL when the pool is empty. */
static struct weft_pkt *move_to_pool(struct weft_pkt *pkt, struct weft_pool *pool)
{
    struct weft_pkt *copy;

    if (pkt->pool == pool)
        return pkt;
    copy = weft_pkt_copy(pool, pkt);
    weft_pkt_free(pkt);
    return copy;
}

static weft_time next_arrival(const struct line *line)
{
    const struct weft_pkt *a = line->in_order.head, *b = line->held_back.head;
    weft_time first = a ? a->when : WEFT_TIME_NEVER;

    return b && b->when < first ? b->when : first;
}

static struct weft_pkt *pop_arrived(struct line *line, weft_time now)
{
    const struct weft_pkt *a = line->in_order.head, *b = line->held_back.head;

    if (next_arrival(line) > now)
        return NULL;
    return weft_pktq_pop(b && (!a || b->when < a->when) ? &line->held_back : &line->in_order);
}

static void init_line(struct weft_wire *wire, unsigned which, const struct weft_wire_direction *config)
{
    struct line *line = &wire->line[which];
    uint8_t seed[32];

    line->config = *config;
    for (unsigned i = 0; i < CHANCE_COUNT; i++) {
        sim_seed(wire->sim, seed);
        rng_init(&line->rng[i], seed);
    }
    sim_seed(wire->sim, seed);
    sim_queue_init(&line->queue, &config->queue, wire->l3, seed, &line->stats);
}

static void empty_line(struct line *line)
{
    sim_queue_fini(&line->queue);
    weft_pktq_purge(&line->in_order);
    weft_pktq_purge(&line->held_back);
}

/* --- An end --- */

static int send_packets(struct weft_link *link, struct weft_pktq *batch, weft_time now)
{
    struct wire_end *end = (struct wire_end *)link;
    struct weft_pktq plain = {0};
    struct weft_pkt *pkt;
    int count = 0;

    for (; (pkt = weft_pktq_pop(batch)); count++) {
        link->stats.tx_packets++;
        link->stats.tx_bytes += pkt->total_len;
        if (weft_pkt_segment(pkt, &plain) < 0)
            link->stats.tx_dropped++;
    }
    while ((pkt = weft_pktq_pop(&plain))) {
        pkt = move_to_pool(pkt, end->wire->pool);
        if (pkt && !end->peer->is_closed) {
            enter(end->wire, end->out, pkt, now);
            continue;
        }
        link->stats.tx_dropped++;
        weft_pkt_free(pkt);
    }
    advance(end->wire, end->out, now);
    return count;
}

/* What the sender knew only for itself, the receiver finds out anew. */
static void forget_marks(struct weft_pkt *pkt, weft_time now)
{
    pkt->flags &= (uint16_t) ~(WEFT_PKT_LL_BROADCAST | WEFT_PKT_LL_MULTICAST);
    pkt->mark = 0;
    pkt->when = now;
}

static int recv_packets(struct weft_link *link, struct weft_pool *pool, struct weft_pktq *batch, unsigned max,
                        weft_time now)
{
    struct wire_end *end = (struct wire_end *)link;
    struct weft_pkt *pkt;
    unsigned count = 0;

    while (count < max && (pkt = pop_arrived(end->in, now))) {
        pkt = move_to_pool(pkt, pool);
        if (!pkt) {
            link->stats.rx_dropped++;
            continue;
        }
        forget_marks(pkt, now);
        link->stats.rx_packets++;
        link->stats.rx_bytes += pkt->total_len;
        weft_pktq_push(batch, pkt);
        count++;
    }
    return (int)count;
}

/* When something arrives here, or the transmitter of this end is free for the next. */
static weft_time deadline(const struct weft_link *link)
{
    const struct wire_end *end = (const struct wire_end *)link;
    weft_time arrival = next_arrival(end->in);
    weft_time departure = end->out->queue.pkts.head ? end->out->free_at : WEFT_TIME_NEVER;

    return arrival < departure ? arrival : departure;
}

static void close_end(struct weft_link *link)
{
    struct wire_end *end = (struct wire_end *)link;
    struct weft_wire *wire = end->wire;

    end->is_closed = true;
    empty_line(&wire->line[0]);
    empty_line(&wire->line[1]);
    if (wire->end[0].is_closed && wire->end[1].is_closed)
        free(wire);
}

static const struct weft_link_ops wire_ops = {
    .recv = recv_packets,
    .send = send_packets,
    .deadline = deadline,
    .close = close_end,
};

static void init_end(struct weft_wire *wire, unsigned i, const struct weft_wire_config *config)
{
    struct wire_end *end = &wire->end[i];

    snprintf(wire->name[i], sizeof(wire->name[i]), "%s%u", config->name ? config->name : "wire", i);
    *end = (struct wire_end){
        .wire = wire, .peer = &wire->end[1 - i], .out = &wire->line[i], .in = &wire->line[1 - i]};
    end->link = (struct weft_link){
        .ops = &wire_ops,
        .name = wire->name[i],
        .type = config->type,
        .caps = config->offload ? ALL_OFFLOADS : 0,
        .mtu = config->mtu ? config->mtu : DEFAULT_MTU,
    };
    if (config->type == WEFT_LINK_ETHERNET)
        end->link.mac = (struct weft_mac){{0x02, 'w', 'e', 'f', 't', (uint8_t)i}};
}

/* --- From outside --- */

int weft_wire_new(struct weft_sim *sim, const struct weft_wire_config *config, struct weft_wire **out,
                  struct weft_link **a, struct weft_link **b)
{
    struct weft_wire *wire = calloc(1, sizeof(*wire));

    if (!wire)
        return WEFT_E_NOMEM;
    wire->sim = sim;
    wire->pool = weft_sim_pool(sim);
    wire->l3 = config->type == WEFT_LINK_ETHERNET ? ETH_LEN : 0;
    for (unsigned i = 0; i < 2; i++) {
        init_line(wire, i, &config->direction[i]);
        init_end(wire, i, config);
    }
    *out = wire;
    *a = &wire->end[0].link;
    *b = &wire->end[1].link;
    return 0;
}

void weft_wire_set(struct weft_wire *wire, enum weft_wire_way way, const struct weft_wire_direction *config)
{
    struct line *line = &wire->line[way];

    advance(wire, line, weft_sim_now(wire->sim));
    if (line->config.rate != config->rate)
        line->early = 0;
    line->config = *config;
    sim_queue_set(&line->queue, &config->queue);
}

void weft_wire_get(const struct weft_wire *wire, enum weft_wire_way way, struct weft_wire_direction *config)
{
    *config = wire->line[way].config;
}

void weft_wire_stats(const struct weft_wire *wire, enum weft_wire_way way, struct weft_wire_stats *stats)
{
    const struct line *line = &wire->line[way];

    *stats = line->stats;
    stats->queue_packets = line->queue.pkts.count;
    stats->queue_bytes = line->queue.bytes;
}
