/* SPDX-License-Identifier: MIT */
/* Queues: drop-tail, RED and CoDel (queue.h). */
#include "sim/queue.h"

#include "base/bytes.h"
#include "base/checksum.h"

#define DEFAULT_PACKETS 1000 /* ours: as the impairment around a link has it */

#define RED_WEIGHT      0.002 /* Floyd and Jacobson 1993, 5: the weight of the newest length */
#define RED_PROBABILITY 0.1   /* the same: at the upper threshold */
#define RED_SLOT        120 /* ours, microseconds: an idle queue ages by one packet (1500 bytes at 100 Mbit/s) */
#define RED_SLOTS_MOST  20000 /* ours: the average is then nothing */

#define CODEL_TARGET   (5 * WEFT_MSEC)   /* RFC 8289 4.4 */
#define CODEL_INTERVAL (100 * WEFT_MSEC) /* RFC 8289 4.3 */
#define CODEL_PACKET   1514              /* one full frame: a queue that short is none */

#define IP4_TOS      1 /* offsets in the header: RFC 791 3.1 */
#define IP4_CHECKSUM 10
#define IP4_LEN      20
#define ECN_MASK     3 /* RFC 3168 5 */

static struct weft_queue_config complete(const struct weft_queue_config *config)
{
    struct weft_queue_config c = *config;

    c.packets = c.packets ? c.packets : DEFAULT_PACKETS;
    c.red_min = c.red_min ? c.red_min : c.packets / 6 + 1;
    c.red_max = c.red_max ? c.red_max : c.packets / 2 + 1;
    if (c.red_max <= c.red_min)
        c.red_max = c.red_min + 1;
    c.target = c.target ? c.target : CODEL_TARGET;
    c.interval = c.interval ? c.interval : CODEL_INTERVAL;
    return c;
}

void sim_queue_init(struct sim_queue *queue, const struct weft_queue_config *config, uint32_t l3,
                    const uint8_t seed[32], struct weft_wire_stats *stats)
{
    *queue = (struct sim_queue){.config = complete(config), .l3 = l3, .stats = stats};
    rng_init(&queue->rng, seed);
}

void sim_queue_fini(struct sim_queue *queue)
{
    weft_pktq_purge(&queue->pkts);
    queue->bytes = 0;
}

void sim_queue_set(struct sim_queue *queue, const struct weft_queue_config *config)
{
    queue->config = complete(config);
}

/* --- ECN --- */

/* Sets CE if the packet says that its ends understand it. Returns false when they do not. */
static bool mark(struct sim_queue *queue, struct weft_pkt *pkt)
{
    uint8_t *ip = pkt->data + queue->l3;
    uint16_t before, after;

    if (!queue->config.ecn || pkt->len < queue->l3 + IP4_LEN || ip[0] >> 4 != 4 || !(ip[IP4_TOS] & ECN_MASK))
        return false;
    before = get_be16(ip);
    ip[IP4_TOS] |= ECN_MASK;
    after = get_be16(ip);
    put_be16(ip + IP4_CHECKSUM, checksum_update(get_be16(ip + IP4_CHECKSUM), before, after));
    queue->stats->marked++;
    return true;
}

/* --- RED --- */

/* A long idle time counts as packets that passed through an empty queue. */
static void average_length(struct sim_queue *queue, weft_time now)
{
    uint64_t slots = queue->pkts.head ? 0 : (now - queue->idle_since) / RED_SLOT;

    if (slots > RED_SLOTS_MOST)
        queue->average = 0;
    else
        for (; slots > 0; slots--)
            queue->average *= 1 - RED_WEIGHT;
    queue->idle_since = now;
    queue->average += RED_WEIGHT * (queue->pkts.count - queue->average);
}

/* The probability for this average, before it is spread evenly: up to RED_PROBABILITY between the thresholds, up
 * to 1 between the upper one and twice that. */
static double red_slope(const struct sim_queue *queue)
{
    double min = queue->config.red_min, max = queue->config.red_max, average = queue->average;

    if (average < min)
        return 0;
    if (average < max)
        return RED_PROBABILITY * (average - min) / (max - min);
    if (average < 2 * max)
        return RED_PROBABILITY + (1 - RED_PROBABILITY) * (average - max) / max;
    return 1;
}

/* True when RED chooses the packet that comes now. */
static bool red_chooses(struct sim_queue *queue, weft_time now)
{
    double p;

    average_length(queue, now);
    p = red_slope(queue);
    if (p <= 0) {
        queue->since_drop = 0;
        return false;
    }
    queue->since_drop++;
    p = queue->since_drop * p >= 1 ? 1 : p / (1 - queue->since_drop * p);
    if (!rng_chance(&queue->rng, p < 1 ? p : 1))
        return false;
    queue->since_drop = 0;
    return true;
}

/* --- In --- */

static void drop(struct weft_pkt *pkt, uint64_t *counter)
{
    ++*counter;
    weft_pkt_free(pkt);
}

void sim_queue_push(struct sim_queue *queue, struct weft_pkt *pkt, weft_time now)
{
    const struct weft_queue_config *c = &queue->config;
    bool chosen = c->kind == WEFT_QUEUE_RED && red_chooses(queue, now) && !mark(queue, pkt);

    if (queue->pkts.count >= c->packets || (c->bytes && queue->bytes + pkt->total_len > c->bytes)) {
        drop(pkt, &queue->stats->dropped_full);
        return;
    }
    if (chosen) {
        drop(pkt, &queue->stats->dropped_early);
        return;
    }
    pkt->when = now;
    queue->bytes += pkt->total_len;
    weft_pktq_push(&queue->pkts, pkt);
    if (queue->pkts.count > queue->stats->queue_most)
        queue->stats->queue_most = queue->pkts.count;
}

/* --- CoDel --- */

static struct weft_pkt *take(struct sim_queue *queue, weft_time now)
{
    struct weft_pkt *pkt = weft_pktq_pop(&queue->pkts);

    if (pkt)
        queue->bytes -= pkt->total_len;
    if (!queue->pkts.head)
        queue->idle_since = now;
    return pkt;
}

static uint64_t root(uint64_t n)
{
    uint64_t x = n, y = (x + 1) / 2;

    while (y < x) {
        x = y;
        y = (x + n / x) / 2;
    }
    return x;
}

/* RFC 8289 4.3: the interval over the root of the count, later than `from`. */
static weft_time control_law(const struct sim_queue *queue, weft_time from)
{
    return from + (queue->config.interval << 16) / root((uint64_t)queue->drop_count << 32);
}

/* RFC 8289 5.6: the next packet, and whether it has waited too long for too long. */
static struct weft_pkt *take_judged(struct sim_queue *queue, weft_time now, bool *ok_to_drop)
{
    struct weft_pkt *pkt = take(queue, now);

    *ok_to_drop = false;
    if (!pkt || now - pkt->when < queue->config.target || queue->bytes <= CODEL_PACKET)
        queue->first_above = 0;
    else if (queue->first_above == 0)
        queue->first_above = now + queue->config.interval;
    else
        *ok_to_drop = now >= queue->first_above;
    return pkt;
}

/* Marks the packet, or drops it and takes the next. */
static struct weft_pkt *codel_punish(struct sim_queue *queue, struct weft_pkt *pkt, weft_time now,
                                     bool *ok_to_drop)
{
    if (mark(queue, pkt))
        return pkt;
    drop(pkt, &queue->stats->dropped_early);
    return take_judged(queue, now, ok_to_drop);
}

/* RFC 8289 5.5, in the dropping state. */
static struct weft_pkt *codel_go_on(struct sim_queue *queue, struct weft_pkt *pkt, weft_time now,
                                    bool ok_to_drop)
{
    while (pkt && queue->is_dropping && now >= queue->drop_next) {
        struct weft_pkt *first = pkt;

        queue->drop_count++;
        pkt = codel_punish(queue, pkt, now, &ok_to_drop);
        queue->is_dropping = ok_to_drop;
        if (ok_to_drop)
            queue->drop_next = control_law(queue, queue->drop_next);
        if (pkt == first) /* marked: it passes */
            break;
    }
    return pkt;
}

/* RFC 8289 5.5: the dropping state begins; soon after the last one, at about its rate. */
static struct weft_pkt *codel_begin(struct sim_queue *queue, struct weft_pkt *pkt, weft_time now)
{
    bool ok_to_drop;
    uint32_t more = queue->drop_count - queue->last_count;

    pkt = codel_punish(queue, pkt, now, &ok_to_drop);
    queue->is_dropping = true;
    queue->drop_count = more > 1 && now < queue->drop_next + 16 * queue->config.interval ? more : 1;
    queue->drop_next = control_law(queue, now);
    queue->last_count = queue->drop_count;
    return pkt;
}

static struct weft_pkt *codel_pop(struct sim_queue *queue, weft_time now)
{
    bool ok_to_drop;
    struct weft_pkt *pkt = take_judged(queue, now, &ok_to_drop);

    if (!queue->is_dropping)
        return ok_to_drop ? codel_begin(queue, pkt, now) : pkt;
    if (!ok_to_drop)
        queue->is_dropping = false;
    return codel_go_on(queue, pkt, now, ok_to_drop);
}

/* --- Out --- */

struct weft_pkt *sim_queue_pop(struct sim_queue *queue, weft_time now)
{
    return queue->config.kind == WEFT_QUEUE_CODEL ? codel_pop(queue, now) : take(queue, now);
}
