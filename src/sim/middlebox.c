/* SPDX-License-Identifier: MIT */
/*
 * A middlebox between two links: what boxes in the Internet do to TCP on its
 * way (Honda et al. 2011 tell how often), done on purpose.
 *
 * A segment passes these in order, each of which may be off:
 *
 *     text of a SYN        dropped with it, or cut off
 *     options              overwritten with NOPs
 *     sequence numbers     shifted, acknowledgements and SACK blocks back again
 *     window               no larger than allowed
 *     ECN                  erased, or set, or its TCP flags cleared
 *     reset                forged ones to both ends
 *     ACKs                 all but every n-th held back
 *     size                 cut into smaller ones, or joined with the next
 *
 * Owns    what it remembers of connections: at most CONNS, the oldest goes.
 *         Segments that wait to be joined or thinned out; for WAIT at most.
 * Never   touches what is no TCP, or damaged: that passes as it is.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/checksum.h"
#include "base/rng.h"
#include "sim/flat.h"
#include "sim/forward.h"

#define CONNS   256
#define WAIT    (2 * WEFT_MSEC) /* ours: longer than a burst, shorter than a delayed ACK */
#define ETH_LEN 14
#define ECN     3 /* RFC 3168 5 */
#define IP4_TOS 1

/* One direction of a connection. */
struct flow {
    uint32_t shift;    /* added to sequence numbers */
    uint8_t wscale;    /* of the windows that go this way, if both ends have one */
    bool has_wscale;   /* its SYN had the option */
    bool has_syn;      /* its SYN has been seen: windows can be read */
    unsigned acks;     /* pure ones held back in a row */
    struct flat *held; /* waits; NULL: none */
    weft_time due;     /* for so long */
};

struct conn {
    uint32_t addr[2]; /* of the left end, of the right one */
    uint16_t port[2];
    uint64_t used; /* order of use; 0: free */
    struct flow flow[2];
};

struct weft_box {
    struct sim_forward forward; /* first */
    struct weft_box_config config;
    struct weft_box_stats stats;
    struct rng rng;
    uint32_t l3;
    uint64_t uses;
    unsigned waiting; /* segments held, all together */
    struct conn conns[CONNS];
    struct flat work, piece;
};

/* --- What is remembered --- */

static void emit(struct weft_box *box, unsigned way, struct flat *flat)
{
    struct weft_pkt *pkt;

    flat_finish(flat);
    pkt = flat_packet(flat, box->forward.pool);
    if (pkt)
        sim_forward_send(&box->forward, 1 - way, pkt);
}

static void forget(struct weft_box *box, struct flow *flow)
{
    free(flow->held);
    flow->held = NULL;
    flow->acks = 0;
    box->waiting--;
}

/* What waits goes on its way. `way` is the port that it came from. */
static void release(struct weft_box *box, struct conn *conn, unsigned way)
{
    struct flow *flow = &conn->flow[way];

    if (!flow->held)
        return;
    emit(box, way, flow->held);
    forget(box, flow);
}

static bool is_conn(const struct conn *conn, const struct flat *flat, unsigned way)
{
    return conn->used && conn->addr[way] == flat->src && conn->addr[1 - way] == flat->dst &&
           conn->port[way] == flat->head.src_port && conn->port[1 - way] == flat->head.dst_port;
}

static void begin(struct weft_box *box, struct conn *conn, const struct flat *flat, unsigned way)
{
    release(box, conn, 0);
    release(box, conn, 1);
    *conn = (struct conn){0};
    conn->addr[way] = flat->src;
    conn->addr[1 - way] = flat->dst;
    conn->port[way] = flat->head.src_port;
    conn->port[1 - way] = flat->head.dst_port;
    for (unsigned i = 0; i < 2; i++)
        conn->flow[i].shift = rng_u32(&box->rng);
}

static struct conn *find_conn(struct weft_box *box, const struct flat *flat, unsigned way)
{
    struct conn *oldest = &box->conns[0];

    for (unsigned i = 0; i < CONNS; i++) {
        if (is_conn(&box->conns[i], flat, way)) {
            box->conns[i].used = ++box->uses;
            return &box->conns[i];
        }
        if (box->conns[i].used < oldest->used)
            oldest = &box->conns[i];
    }
    begin(box, oldest, flat, way);
    oldest->used = ++box->uses;
    return oldest;
}

/* --- Options --- */

static const struct {
    uint8_t kind;
    uint32_t bit;
} known_options[] = {
    {WIRE_TCP_OPT_MSS, WEFT_BOX_MSS},
    {WIRE_TCP_OPT_WSCALE, WEFT_BOX_WSCALE},
    {WIRE_TCP_OPT_SACK_PERMITTED, WEFT_BOX_SACK_PERMITTED},
    {WIRE_TCP_OPT_SACK, WEFT_BOX_SACK},
    {WIRE_TCP_OPT_TIMESTAMPS, WEFT_BOX_TIMESTAMPS},
    {WIRE_TCP_OPT_FAST_OPEN, WEFT_BOX_FAST_OPEN},
};

static uint32_t option_bit(uint8_t kind)
{
    for (unsigned i = 0; i < sizeof(known_options) / sizeof(known_options[0]); i++)
        if (known_options[i].kind == kind)
            return known_options[i].bit;
    return WEFT_BOX_OTHER;
}

struct walk {
    struct weft_box *box;
    struct flow *out, *back;
    uint32_t strip;
};

static void shift_edges(uint8_t *option, uint8_t len, uint32_t shift)
{
    for (unsigned at = 2; at + 4 <= len; at += 4)
        put_be32(option + at, get_be32(option + at) - shift);
}

static void change_option(void *ctx, uint8_t *option, uint8_t len)
{
    struct walk *walk = ctx;

    if (walk->strip & option_bit(option[0])) {
        walk->box->stats.stripped++;
        memset(option, WIRE_TCP_OPT_NOP, len);
        return;
    }
    if (option[0] == WIRE_TCP_OPT_SACK && walk->box->config.rewrite)
        shift_edges(option, len, walk->back->shift);
    if (option[0] == WIRE_TCP_OPT_WSCALE && len == 3) {
        walk->out->has_wscale = true;
        walk->out->wscale = option[2] < WIRE_TCP_MAX_WSCALE ? option[2] : WIRE_TCP_MAX_WSCALE;
    }
}

static void change_options(struct weft_box *box, struct flat *flat, struct conn *conn, unsigned way)
{
    bool is_syn = flat->head.flags & WIRE_TCP_SYN;
    struct walk walk = {box, &conn->flow[way], &conn->flow[1 - way],
                        box->config.strip | (is_syn ? box->config.strip_syn : 0)};

    if (is_syn) {
        walk.out->has_wscale = false;
        walk.out->has_syn = true;
    }
    flat_options(flat, change_option, &walk);
}

/* --- Header --- */

/* Both ends see other numbers than the other end has chosen. */
static void shift_numbers(struct weft_box *box, struct flat *flat, const struct conn *conn, unsigned way)
{
    if (!box->config.rewrite)
        return;
    flat->head.seq += conn->flow[way].shift;
    if (flat->head.flags & WIRE_TCP_ACK)
        flat->head.ack -= conn->flow[1 - way].shift;
}

/* Windows are scaled once both ends have said by how much; the one of a SYN never is. */
static void limit_window(struct weft_box *box, struct flat *flat, const struct conn *conn, unsigned way)
{
    const struct flow *flow = &conn->flow[way], *back = &conn->flow[1 - way];
    bool is_scaled = !(flat->head.flags & WIRE_TCP_SYN) && flow->has_wscale && back->has_wscale;
    uint32_t most = box->config.window >> (is_scaled ? flow->wscale : 0);

    if (!box->config.window || !flow->has_syn || flat->head.window <= most)
        return;
    box->stats.windows++;
    flat->head.window = (uint16_t)most;
}

static void change_ecn(struct weft_box *box, struct flat *flat)
{
    uint8_t *tos = flat->bytes + flat->ip + IP4_TOS;

    switch (box->config.ecn) {
    case WEFT_BOX_ECN_BLEACH:
        *tos &= (uint8_t)~ECN;
        break;
    case WEFT_BOX_ECN_MARK:
        *tos |= *tos & ECN ? ECN : 0;
        break;
    case WEFT_BOX_ECN_MARK_ALL:
        *tos |= ECN;
        break;
    case WEFT_BOX_ECN_DEAF:
        if (!(flat->head.flags & WIRE_TCP_SYN))
            flat->head.flags &= (uint16_t) ~(WIRE_TCP_ECE | WIRE_TCP_CWR);
        break;
    default:
        break;
    }
}

/* --- Resets --- */

/* A segment of one end to the other with nothing but RST. */
static void forge(struct weft_box *box, const struct flat *like, bool turned, unsigned way, uint32_t seq)
{
    struct flat *f = &box->piece;
    uint8_t *ip = f->bytes + like->ip, *tcp = f->bytes + like->tcp;

    *f = *like;
    f->payload = f->tcp + WIRE_TCP_LEN;
    f->payload_len = 0;
    f->len = f->payload;
    tcp[12] = 5 << 4;
    f->head.flags = WIRE_TCP_RST;
    f->head.seq = seq;
    f->head.ack = 0;
    f->head.window = 0;
    if (turned) {
        if (like->ip == ETH_LEN) { /* destination, source */
            memcpy(f->bytes, like->bytes + 6, 6);
            memcpy(f->bytes + 6, like->bytes, 6);
        }
        f->src = like->dst;
        f->dst = like->src;
        put_be32(ip + 12, f->src);
        put_be32(ip + 16, f->dst);
        put_be16(tcp, like->head.dst_port);
        put_be16(tcp + 2, like->head.src_port);
    }
    box->stats.resets++;
    emit(box, way, f);
}

/* Forged resets to both ends: with the right numbers, or near them as one who guesses. `ack` is what the
 * sender has written. */
static void forge_resets(struct weft_box *box, const struct flat *flat, uint32_t ack, unsigned way)
{
    const struct weft_box_config *c = &box->config;
    uint32_t seq = flat->head.seq;

    if (flat->head.flags & (WIRE_TCP_SYN | WIRE_TCP_RST) || !(flat->head.flags & WIRE_TCP_ACK))
        return;
    if (c->reset > 0 && rng_chance(&box->rng, c->reset)) {
        forge(box, flat, false, way, seq);
        forge(box, flat, true, 1 - way, ack);
    }
    if (c->reset_blind > 0 && rng_chance(&box->rng, c->reset_blind)) {
        forge(box, flat, false, way, seq + flat->payload_len + 1 + rng_below(&box->rng, 5000));
        forge(box, flat, true, 1 - way, ack - 1 - rng_below(&box->rng, 5000));
    }
}

/* --- Size --- */

/* Cuts the segment; FIN and PSH stay with the last. */
static void split(struct weft_box *box, const struct flat *flat, unsigned way)
{
    struct flat *f = &box->piece;
    uint32_t most = box->config.split, done = 0;

    box->stats.split++;
    for (; done < flat->payload_len; done += f->payload_len) {
        memcpy(f, flat, offsetof(struct flat, bytes) + flat->payload);
        f->payload_len = flat->payload_len - done < most ? flat->payload_len - done : most;
        memcpy(f->bytes + f->payload, flat->bytes + flat->payload + done, f->payload_len);
        f->len = f->payload + f->payload_len;
        f->head.seq = flat->head.seq + done;
        if (done + f->payload_len < flat->payload_len)
            f->head.flags &= (uint16_t) ~(WIRE_TCP_FIN | WIRE_TCP_PSH);
        emit(box, way, f);
    }
}

static bool hold(struct weft_box *box, struct flow *flow, const struct flat *flat, weft_time now)
{
    flow->held = malloc(sizeof(*flow->held));
    if (!flow->held)
        return false;
    box->waiting++;
    memcpy(flow->held, flat, offsetof(struct flat, bytes) + flat->len);
    flow->due = now + (box->config.wait ? box->config.wait : WAIT);
    return true;
}

/* Only what two segments agree on can stand in one header. */
static bool can_join(const struct weft_box *box, const struct flat *held, const struct flat *flat)
{
    return held->payload_len && flat->payload_len && flat->head.seq == held->head.seq + held->payload_len &&
           held->payload_len + flat->payload_len <= box->config.coalesce && flat->tcp == held->tcp &&
           flat->head.header_len == held->head.header_len &&
           held->bytes[held->ip + IP4_TOS] == flat->bytes[flat->ip + IP4_TOS];
}

/* The later header counts; the first one's number stays. */
static void join(struct weft_box *box, struct flat *held, const struct flat *flat)
{
    uint32_t seq = held->head.seq;

    box->stats.joined++;
    memcpy(held->bytes + held->len, flat->bytes + flat->payload, flat->payload_len);
    memcpy(held->bytes + held->tcp, flat->bytes + flat->tcp, flat->head.header_len);
    held->head = flat->head;
    held->head.seq = seq;
    held->payload_len += flat->payload_len;
    held->len += flat->payload_len;
}

static bool is_plain(const struct flat *flat)
{
    return (flat->head.flags & ~(WIRE_TCP_PSH)) == WIRE_TCP_ACK;
}

/* Joins, or holds the segment for the next. Returns false when it is to go on as it is. */
static bool coalesce(struct weft_box *box, struct conn *conn, struct flat *flat, unsigned way, weft_time now)
{
    struct flow *flow = &conn->flow[way];

    if (flow->held && is_plain(flat) && can_join(box, flow->held, flat)) {
        join(box, flow->held, flat);
        if (flat->head.flags & WIRE_TCP_PSH)
            release(box, conn, way);
        return true;
    }
    release(box, conn, way);
    return is_plain(flat) && flat->payload_len && !(flat->head.flags & WIRE_TCP_PSH) &&
           flat->payload_len < box->config.coalesce && hold(box, flow, flat, now);
}

/* Holds a pure ACK back in the place of the one before. Returns false when it is to go on. */
static bool thin_out(struct weft_box *box, struct conn *conn, struct flat *flat, unsigned way, weft_time now)
{
    struct flow *flow = &conn->flow[way];
    unsigned acks = flow->acks;

    if (flat->head.flags != WIRE_TCP_ACK || flat->payload_len) {
        release(box, conn, way);
        return false;
    }
    if (flow->held) {
        box->stats.thinned++;
        forget(box, flow);
    }
    if (acks + 1 >= box->config.thin || !hold(box, flow, flat, now))
        return false;
    flow->acks = acks + 1;
    return true;
}

/* --- The way of a segment --- */

/* Returns false when it is not to go on. */
static bool treat_text_of_syn(struct weft_box *box, struct flat *flat)
{
    if (!(flat->head.flags & WIRE_TCP_SYN) || !flat->payload_len || box->config.syn_text == WEFT_BOX_SYN_PASS)
        return true;
    box->stats.syn_texts++;
    if (box->config.syn_text == WEFT_BOX_SYN_DROP)
        return false;
    flat->len = flat->payload;
    flat->payload_len = 0;
    return true;
}

static void pass(struct weft_box *box, struct flat *flat, unsigned way, weft_time now)
{
    uint32_t ack = flat->head.ack;
    struct conn *conn;

    if (!treat_text_of_syn(box, flat))
        return;
    conn = find_conn(box, flat, way);
    change_options(box, flat, conn, way);
    shift_numbers(box, flat, conn, way);
    limit_window(box, flat, conn, way);
    change_ecn(box, flat);
    forge_resets(box, flat, ack, way);
    if (box->config.thin > 1 && thin_out(box, conn, flat, way, now))
        return;
    if (box->config.coalesce && coalesce(box, conn, flat, way, now))
        return;
    if (box->config.split && flat->payload_len > box->config.split && !(flat->head.flags & WIRE_TCP_SYN))
        split(box, flat, way);
    else
        emit(box, way, flat);
}

static void packet(struct sim_forward *forward, unsigned port, struct weft_pkt *pkt, weft_time now)
{
    struct weft_box *box = (struct weft_box *)forward;

    if (!flat_read(&box->work, pkt, box->l3)) {
        sim_forward_send(forward, 1 - port, pkt);
        return;
    }
    weft_pkt_free(pkt);
    box->stats.segments++;
    pass(box, &box->work, port, now);
}

/* --- Time --- */

static weft_time due(const struct sim_forward *forward)
{
    const struct weft_box *box = (const struct weft_box *)forward;
    weft_time first = WEFT_TIME_NEVER;

    for (unsigned i = 0; box->waiting && i < CONNS; i++)
        for (unsigned way = 0; way < 2; way++)
            if (box->conns[i].flow[way].held && box->conns[i].flow[way].due < first)
                first = box->conns[i].flow[way].due;
    return first;
}

static void tick(struct sim_forward *forward, weft_time now)
{
    struct weft_box *box = (struct weft_box *)forward;

    for (unsigned i = 0; box->waiting && i < CONNS; i++)
        for (unsigned way = 0; way < 2; way++)
            if (box->conns[i].flow[way].held && box->conns[i].flow[way].due <= now)
                release(box, &box->conns[i], way);
}

static void fini(struct sim_forward *forward)
{
    struct weft_box *box = (struct weft_box *)forward;

    for (unsigned i = 0; i < CONNS; i++)
        for (unsigned way = 0; way < 2; way++)
            free(box->conns[i].flow[way].held);
}

/* --- From outside --- */

int weft_sim_add_box(struct weft_sim *sim, const struct weft_box_config *config, struct weft_link *left,
                     struct weft_link *right, struct weft_box **out)
{
    struct weft_box *box = calloc(1, sizeof(*box));
    uint8_t seed[32];
    int error = box ? 0 : WEFT_E_NOMEM;

    if (!error && (left->type != right->type || (config->thin > 1 && config->coalesce)))
        error = WEFT_E_INVAL;
    if (error) {
        weft_link_close(left);
        weft_link_close(right);
        free(box);
        return error;
    }
    sim_seed(sim, seed);
    rng_init(&box->rng, seed);
    box->config = *config;
    box->l3 = left->type == WEFT_LINK_ETHERNET ? ETH_LEN : 0;
    box->forward.packet = packet;
    box->forward.tick = tick;
    box->forward.due = due;
    box->forward.fini = fini;
    sim_forward_init(&box->forward, sim);
    if (sim_forward_add_link(&box->forward, left) < 0 || sim_forward_add_link(&box->forward, right) < 0)
        error = WEFT_E_NOMEM;
    if (!error)
        error = sim_add_node(sim, &box->forward.node);
    if (!error)
        *out = box;
    return error;
}

void weft_box_set(struct weft_box *box, const struct weft_box_config *config)
{
    for (unsigned i = 0; i < CONNS; i++)
        for (unsigned way = 0; way < 2; way++)
            release(box, &box->conns[i], way);
    box->config = *config;
}

void weft_box_stats(const struct weft_box *box, struct weft_box_stats *stats)
{
    *stats = box->stats;
}
