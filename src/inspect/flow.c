/* SPDX-License-Identifier: MIT */
/* What an onlooker remembers of TCP conversations. RFC 9293 3.4 (sequence numbers), RFC 7323 2 (window scale). */
#include "inspect/flow.h"

#include <stdlib.h>
#include <string.h>

#include "base/siphash.h"
#include "wire/tcp.h"

#define BUCKETS 256

struct weft_flows {
    unsigned max;
    unsigned used;
    uint32_t last_number;
    struct inspect_flow *bucket[BUCKETS];
    struct inspect_flow flow[];
};

int weft_flows_new(unsigned max, struct weft_flows **out)
{
    struct weft_flows *flows;

    if (max == 0)
        max = 1024;
    flows = calloc(1, sizeof(*flows) + max * sizeof(flows->flow[0]));
    if (!flows)
        return WEFT_E_NOMEM;
    flows->max = max;
    *out = flows;
    return 0;
}

void weft_flows_free(struct weft_flows *flows)
{
    free(flows);
}

/* --- Finding a conversation --------------------------------------------------------- */

static bool is_side(const struct inspect_flow_side *side, const struct weft_addr *addr, uint16_t port)
{
    return side->port == port && weft_addr_eq(&side->addr, addr);
}

/* True when the segment belongs to the flow; `side` gets its sender's. */
static bool is_flow_of(const struct inspect_flow *flow, const struct inspect_segment *s, unsigned *side)
{
    for (unsigned i = 0; i < 2; i++)
        if (is_side(&flow->side[i], &s->src, s->src_port) &&
            is_side(&flow->side[1 - i], &s->dst, s->dst_port)) {
            *side = i;
            return true;
        }
    return false;
}

/* The same for both directions. The table is small and bounded, so the key need not be secret. */
static unsigned hash_of(const struct weft_addr *a, uint16_t a_port, const struct weft_addr *b,
                        uint16_t b_port)
{
    static const struct siphash_key key = {0x7765667420666c6f, 0x77207461626c6521};
    uint8_t end[2][18];

    memcpy(end[0], a->b, 16);
    put_be16(end[0] + 16, a_port);
    memcpy(end[1], b->b, 16);
    put_be16(end[1] + 16, b_port);
    return (unsigned)((siphash(&key, end[0], 18) ^ siphash(&key, end[1], 18)) % BUCKETS);
}

static struct inspect_flow *oldest(struct weft_flows *flows)
{
    struct inspect_flow *found = &flows->flow[0];

    for (unsigned i = 1; i < flows->max; i++)
        if (flows->flow[i].used < found->used)
            found = &flows->flow[i];
    return found;
}

static void unlink_flow(struct weft_flows *flows, struct inspect_flow *flow)
{
    const struct inspect_flow_side *side = flow->side;
    struct inspect_flow **at =
        &flows->bucket[hash_of(&side[0].addr, side[0].port, &side[1].addr, side[1].port)];

    while (*at && *at != flow)
        at = &(*at)->next;
    if (*at)
        *at = flow->next;
}

/* True when the segment is more likely to come from the one who opened the connection. */
static bool is_from_client(const struct inspect_segment *s)
{
    if (s->flags & WIRE_TCP_SYN)
        return !(s->flags & WIRE_TCP_ACK);
    return s->src_port >= s->dst_port; /* no handshake seen: servers have the lower port numbers */
}

static void begin_flow(struct weft_flows *flows, struct inspect_flow *flow, const struct inspect_segment *s)
{
    struct inspect_flow *next = flow->next;

    *flow = (struct inspect_flow){.number = ++flows->last_number, .used = s->time, .next = next};
    flow->side[0].addr = s->src;
    flow->side[0].port = s->src_port;
    flow->side[1].addr = s->dst;
    flow->side[1].port = s->dst_port;
    flow->side_0_is_client = is_from_client(s);
}

static struct inspect_flow *make_flow(struct weft_flows *flows, const struct inspect_segment *s,
                                      unsigned hash)
{
    struct inspect_flow *flow;

    if (flows->used < flows->max) {
        flow = &flows->flow[flows->used++];
    } else {
        flow = oldest(flows);
        unlink_flow(flows, flow);
    }
    begin_flow(flows, flow, s);
    flow->next = flows->bucket[hash];
    flows->bucket[hash] = flow;
    return flow;
}

/* A SYN that opens a new connection between the same ends. */
static bool is_reopened(const struct inspect_flow_side *side, const struct inspect_segment *s)
{
    return (s->flags & WIRE_TCP_SYN) && !(s->flags & WIRE_TCP_ACK) && side->has_base && side->base != s->seq;
}

static struct inspect_flow *find_flow(struct weft_flows *flows, const struct inspect_segment *s,
                                      unsigned *side)
{
    unsigned hash = hash_of(&s->src, s->src_port, &s->dst, s->dst_port);
    struct inspect_flow *flow = flows->bucket[hash];

    while (flow && !is_flow_of(flow, s, side))
        flow = flow->next;
    if (!flow) {
        flow = make_flow(flows, s, hash);
        *side = 0;
    } else if (is_reopened(&flow->side[*side], s)) {
        begin_flow(flows, flow, s);
        *side = 0;
    }
    flow->used = s->time;
    return flow;
}

/* --- Sequence numbers ------------------------------------------------------------------ */

/* Fixes what is shown as 0: the SYN's number, or without a SYN one before the first number seen. */
static void find_bases(struct inspect_flow_side *me, struct inspect_flow_side *peer,
                       const struct inspect_segment *s)
{
    bool is_syn = s->flags & WIRE_TCP_SYN;

    if (!me->has_base) {
        me->base = is_syn ? s->seq : s->seq - 1;
        me->has_base = true;
    }
    if (!peer->has_base && (s->flags & WIRE_TCP_ACK)) {
        peer->base = s->ack - 1;
        peer->has_base = true;
    }
}

static void open_hole(struct inspect_flow_side *me, uint32_t right, weft_time now)
{
    if (me->hole_count < INSPECT_FLOW_HOLES)
        me->hole[me->hole_count++] = (struct inspect_hole){me->next, right, now};
}

/* A segment begins before what was seen: does it fill a hole, and since when was that open? */
static uint32_t fill_hole(struct inspect_flow_side *me, uint32_t left, uint32_t right, weft_time now)
{
    for (unsigned i = 0; i < me->hole_count; i++) {
        struct inspect_hole *hole = &me->hole[i];

        if (!inspect_seq_before(left, hole->right) || !inspect_seq_before(hole->left, right))
            continue;
        bool is_soon = now - hole->since < INSPECT_FLOW_REORDER;

        if (!inspect_seq_before(hole->left, left))
            hole->left = right;
        else
            hole->right = left;
        if (!inspect_seq_before(hole->left, hole->right))
            *hole = me->hole[--me->hole_count];
        return is_soon ? WEFT_SEGMENT_REORDERED : WEFT_SEGMENT_RETRANSMISSION;
    }
    return WEFT_SEGMENT_RETRANSMISSION;
}

/* What the segment's place in the sequence says; `len` counts SYN and FIN. */
static uint32_t note_sequence(struct inspect_flow_side *me, const struct inspect_segment *s, uint32_t len)
{
    uint32_t right = s->seq + len, notes = 0;

    if (!me->has_next) {
        me->next = right;
        me->has_next = true;
        return 0;
    }
    if (s->flags & WIRE_TCP_RST)
        return 0;
    /* RFC 9293 3.8.4: a keepalive repeats the last octet, or none. */
    if (s->payload_len <= 1 && s->seq == me->next - 1 && !(s->flags & (WIRE_TCP_SYN | WIRE_TCP_FIN)))
        return WEFT_SEGMENT_KEEPALIVE;
    if (inspect_seq_before(me->next, s->seq)) {
        open_hole(me, s->seq, s->time);
        notes |= WEFT_SEGMENT_GAP;
    } else if (len > 0 && !inspect_seq_before(me->next, right)) {
        notes |= fill_hole(me, s->seq, right, s->time);
    }
    if (inspect_seq_before(me->next, right))
        me->next = right;
    return notes;
}

static uint32_t note_ack(struct inspect_flow_side *me, const struct inspect_segment *s, uint32_t window,
                         uint32_t len)
{
    bool is_same = me->has_ack && me->last_ack == s->ack && len == 0;
    uint32_t notes = 0;

    if (!(s->flags & WIRE_TCP_ACK) || (s->flags & (WIRE_TCP_SYN | WIRE_TCP_RST)))
        return 0;
    if (window == 0)
        notes |= WEFT_SEGMENT_ZERO_WINDOW;
    /* RFC 5681 2: the window is the same; or else a SACK tells that it is no window update (RFC 6675 2). */
    if (is_same && (window == me->last_window || s->has_sack))
        notes |= WEFT_SEGMENT_DUPLICATE_ACK;
    else if (is_same && window > me->last_window)
        notes |= WEFT_SEGMENT_WINDOW_UPDATE;
    me->has_ack = true;
    me->last_ack = s->ack;
    me->last_window = window;
    return notes;
}

/* RFC 7323 2.2: scaling is on when both SYNs offered it, and never for the window of a SYN itself. */
static uint32_t scale_window(const struct inspect_flow_side *me, const struct inspect_flow_side *peer,
                             const struct inspect_segment *s)
{
    if ((s->flags & WIRE_TCP_SYN) || !me->has_wscale || !peer->has_wscale)
        return s->window;
    return (uint32_t)s->window << me->wscale;
}

static void note_syn(struct inspect_flow_side *me, const struct inspect_segment *s)
{
    if (!(s->flags & WIRE_TCP_SYN))
        return;
    me->has_syn = true;
    me->has_wscale = s->has_wscale;
    me->wscale = s->wscale <= WIRE_TCP_MAX_WSCALE ? s->wscale : WIRE_TCP_MAX_WSCALE;
}

struct inspect_flow *inspect_flow_segment(struct weft_flows *flows, const struct inspect_segment *s,
                                          struct weft_dissect_tcp *out, unsigned *side)
{
    struct inspect_flow *flow = flows ? find_flow(flows, s, side) : NULL;
    uint32_t len = s->payload_len + ((s->flags & WIRE_TCP_SYN) != 0) + ((s->flags & WIRE_TCP_FIN) != 0);
    struct inspect_flow_side *me, *peer;

    out->window = s->window;
    if (!flow)
        return NULL;
    me = &flow->side[*side];
    peer = &flow->side[1 - *side];
    find_bases(me, peer, s);
    note_syn(me, s);
    out->flow = flow->number;
    out->from_client = (*side == 0) == flow->side_0_is_client;
    out->seq_is_relative = true;
    out->relative_seq = s->seq - me->base;
    out->relative_ack = (s->flags & WIRE_TCP_ACK) && peer->has_base ? s->ack - peer->base : 0;
    out->window = scale_window(me, peer, s);
    out->notes = note_sequence(me, s, len);
    if (!(out->notes & WEFT_SEGMENT_KEEPALIVE))
        out->notes |= note_ack(me, s, out->window, len);
    return flow;
}

bool inspect_flow_http_begin(struct inspect_flow_side *side, uint32_t seq, uint32_t len, uint32_t *skip)
{
    *skip = 0;
    if (len == 0)
        return false;
    if (!side->http_is_synced) {
        side->http_is_synced = true;
        side->http_next = seq;
    }
    if (inspect_seq_before(side->http_next, seq)) {
        inspect_http_lose(&side->http);
        side->http_next = seq;
    }
    if (!inspect_seq_before(side->http_next, seq + len))
        return false;
    *skip = side->http_next - seq;
    side->http_next = seq + len;
    return true;
}
