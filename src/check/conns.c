/* SPDX-License-Identifier: MIT */
/*
 * The table of connections (check/model.h): bounded, and when it is full the
 * one that was silent for longest makes room.
 *
 * The same two ends can have one connection after another. A SYN with a new
 * number does not prove a new one: it may be old, or forged, and is answered
 * with a challenge (RFC 5961 4). It is kept aside, and the new connection begins
 * with the SYN-ACK that answers it.
 *
 * A server with SYN cookies (RFC 4987 3.6) remembers none of its SYN-ACKs. An ACK
 * of any of them opens a connection: of another than the last, or once more when
 * the one that it belonged to is over.
 */
#include "check/model.h"

#include "base/siphash.h"

#define BUCKETS 1024u

struct check_table {
    unsigned max, used;
    uint32_t last_number;
    struct check_conn *bucket[BUCKETS];
    struct check_conn *oldest, *newest;
    struct check_conn *conns; /* `max` of them */
};

int check_table_new(unsigned max, struct check_table **out)
{
    struct check_table *table = calloc(1, sizeof(*table));

    if (!table)
        return WEFT_E_NOMEM;
    table->max = max;
    table->conns = calloc(max, sizeof(*table->conns));
    if (!table->conns) {
        free(table);
        return WEFT_E_NOMEM;
    }
    *out = table;
    return 0;
}

void check_table_free(struct weft_check *check, struct check_table *table)
{
    for (unsigned i = 0; i < table->used; i++)
        for (unsigned side = 0; side < 2; side++)
            check_content_free(check, &table->conns[i].side[side].content);
    free(table->conns);
    free(table);
}

struct check_conn *check_table_at(struct check_table *table, unsigned n)
{
    return n < table->used ? &table->conns[n] : NULL;
}

/* --- Finding ---------------------------------------------------------------------------- */

/* The same for both directions. The table is bounded, so the key need not be secret. */
static unsigned hash_of(const struct weft_endpoint *a, const struct weft_endpoint *b)
{
    static const struct siphash_key key = {0x7765667420776972, 0x6520636865636b65};
    uint8_t end[2][18];

    memcpy(end[0], a->addr.b, 16);
    put_be16(end[0] + 16, a->port);
    memcpy(end[1], b->addr.b, 16);
    put_be16(end[1] + 16, b->port);
    return (unsigned)((siphash(&key, end[0], 18) ^ siphash(&key, end[1], 18)) % BUCKETS);
}

static bool is_end(const struct weft_endpoint *a, const struct weft_endpoint *b)
{
    return a->port == b->port && weft_addr_eq(&a->addr, &b->addr);
}

static struct check_conn *look_up(struct check_table *table, const struct check_segment *s, unsigned *side)
{
    struct check_conn *conn = table->bucket[hash_of(&s->src, &s->dst)];

    for (; conn; conn = conn->next)
        for (unsigned i = 0; i < 2; i++)
            if (is_end(&conn->side[i].end, &s->src) && is_end(&conn->side[1 - i].end, &s->dst)) {
                *side = i;
                return conn;
            }
    return NULL;
}

static void unlink_use(struct check_table *table, struct check_conn *conn)
{
    *(conn->older ? &conn->older->newer : &table->oldest) = conn->newer;
    *(conn->newer ? &conn->newer->older : &table->newest) = conn->older;
}

static void link_newest(struct check_table *table, struct check_conn *conn)
{
    conn->older = table->newest;
    conn->newer = NULL;
    *(table->newest ? &table->newest->newer : &table->oldest) = conn;
    table->newest = conn;
}

static void unlink_bucket(struct check_table *table, struct check_conn *conn)
{
    struct check_conn **at = &table->bucket[hash_of(&conn->side[0].end, &conn->side[1].end)];

    while (*at != conn)
        at = &(*at)->next;
    *at = conn->next;
}

/* --- Beginning --------------------------------------------------------------------------- */

/* Of what was known of the side before, only what its SYN-ACKs were stays. */
static void begin_side(struct check_side *side, const struct weft_endpoint *end)
{
    struct check_segment syn_ack[CHECK_SYN_ACKS];
    unsigned syn_acks = side->syn_acks;

    memcpy(syn_ack, side->syn_ack, sizeof(syn_ack));
    *side = (struct check_side){.end = *end, .nxt = 1, .window_edge = INT64_MIN};
    side->acked = side->una = side->una_any = CHECK_BEFORE;
    side->edge = INT64_MIN;
    memcpy(side->syn_ack, syn_ack, sizeof(syn_ack));
    side->syn_acks = syn_acks;
}

/* An empty model between the same ends; the connection gets a new number. */
static void begin(struct weft_check *check, struct check_conn *conn, const struct weft_endpoint *a,
                  const struct weft_endpoint *b)
{
    check_content_free(check, &conn->side[0].content);
    check_content_free(check, &conn->side[1].content);
    begin_side(&conn->side[0], a);
    begin_side(&conn->side[1], b);
    conn->is_accurate_ecn = conn->is_signed = false;
    conn->opener = 2;
    conn->number = ++check->table->last_number;
    check->summary.connections++;
}

static struct check_conn *make(struct weft_check *check, const struct check_segment *s)
{
    struct check_table *table = check->table;
    struct check_conn *conn;

    if (table->used < table->max) {
        conn = &table->conns[table->used++];
    } else {
        conn = table->oldest;
        check->summary.forgotten++;
        unlink_use(table, conn);
        unlink_bucket(table, conn);
    }
    conn->side[0].syn_acks = conn->side[1].syn_acks = 0;
    begin(check, conn, &s->src, &s->dst);
    conn->next = table->bucket[hash_of(&s->src, &s->dst)];
    table->bucket[hash_of(&s->src, &s->dst)] = conn;
    link_newest(table, conn);
    return conn;
}

/* --- One connection after another ----------------------------------------------------------- */

/* The SYN that `me` has sent once more is learned as the first of a connection. */
static void learn_again(struct weft_check *check, struct check_conn *conn, unsigned side,
                        struct check_segment syn)
{
    const struct check_view v = {check, conn, &syn, &conn->side[side], &conn->side[1 - side]};

    check_segment_place(&syn, v.me, v.peer);
    check_learn(&v);
}

static bool is_syn_of(const struct check_segment *syn, uint32_t ack)
{
    return syn->packet > 0 && ack - syn->tcp.seq - 1 <= syn->len;
}

bool check_is_other_syn(const struct check_side *me, const struct check_segment *s)
{
    return check_is_syn(s) && !check_is_rst(s) && me->has_base && me->base != s->tcp.seq;
}

/* The SYN-ACK `s` of `side` begins a new connection when it is not of this one, and answers a SYN: a new one, or
 * this connection's when that was the last that the peer has sent. */
static void begin_again(struct weft_check *check, struct check_conn *conn, unsigned side,
                        const struct check_segment *s)
{
    struct check_side *me = &conn->side[side], *peer = &conn->side[1 - side];
    const struct check_view old = {check, conn, s, me, peer};
    struct check_segment opening, crossing = me->new_syn;
    struct weft_endpoint ends[2] = {conn->side[0].end, conn->side[1].end};

    if (is_syn_of(&peer->new_syn, s->tcp.ack))
        opening = peer->new_syn;
    else if (check_is_other_syn(me, s) && is_syn_of(&peer->old_syn, s->tcp.ack) &&
             peer->old_syn.packet > peer->last_packet)
        opening = peer->old_syn;
    else
        return;
    check_rules_reuse(&old);
    begin(check, conn, &ends[0], &ends[1]);
    learn_again(check, conn, 1 - side, opening);
    if (crossing.packet > 0 && crossing.tcp.seq == s->tcp.seq) /* a simultaneous open: its SYN came before */
        learn_again(check, conn, side, crossing);
}

/* It has forgotten the connection. Of a host far away a reset may be forged, and who closed first is in TIME-WAIT. */
static bool is_ended(const struct check_side *me, const struct check_side *peer)
{
    bool is_closed = check_is_over(me, peer) && me->fin_packet > peer->fin_packet;

    return me->near && (me->has_reset || me->was_reset || is_closed);
}

/* The SYN-ACK of `me` that this segment of the peer's opens a connection with, though it is not the one that stands:
 * NULL if there is none. */
static const struct check_segment *find_cookie(const struct check_side *me, const struct check_side *peer,
                                               const struct check_segment *s)
{
    unsigned n = me->syn_acks < CHECK_SYN_ACKS ? me->syn_acks : CHECK_SYN_ACKS;

    if ((s->tcp.flags & (WIRE_TCP_SYN | WIRE_TCP_RST | WIRE_TCP_ACK)) != WIRE_TCP_ACK || !me->syn.is_answer)
        return NULL;
    for (unsigned i = 0; i < n; i++) {
        const struct check_segment *syn_ack = &me->syn_ack[i];
        bool is_last = syn_ack->tcp.seq == me->base;
        bool is_first = s->tcp.seq == peer->old_syn.tcp.seq + 1; /* else it is an old one that comes late */

        if (s->tcp.ack == syn_ack->tcp.seq + 1 &&
            (is_last ? is_first && is_ended(me, peer) : me->last_packet == 0))
            return syn_ack;
    }
    return NULL;
}

/* The ACK `s` of `side` brings a cookie back. */
static void begin_by_cookie(struct weft_check *check, struct check_conn *conn, unsigned side,
                            const struct check_segment *s)
{
    const struct check_side *me = &conn->side[1 - side], *peer = &conn->side[side];
    const struct check_segment *found = find_cookie(me, peer, s);
    struct weft_endpoint ends[2] = {conn->side[0].end, conn->side[1].end};
    struct check_segment syn = peer->old_syn, syn_ack;

    if (!found || syn.packet == 0)
        return;
    syn_ack = *found;
    begin(check, conn, &ends[0], &ends[1]);
    conn->opener = side;
    learn_again(check, conn, side, syn);
    learn_again(check, conn, 1 - side, syn_ack);
    /* What it agreed to stood in the SYN that it answered, which need not be the last. */
    conn->side[side].syn.ecn_setup |= conn->side[1 - side].syn.ecn_setup;
}

static void keep_syn_ack(struct check_side *me, const struct check_segment *s)
{
    struct check_segment *kept = &me->syn_ack[me->syn_acks % CHECK_SYN_ACKS];

    for (unsigned i = 0; i < CHECK_SYN_ACKS; i++)
        if (me->syn_ack[i].packet > 0 && me->syn_ack[i].tcp.seq == s->tcp.seq)
            return;
    *kept = *s;
    kept->header = kept->data = NULL;
    me->syn_acks++;
}

static void set_near(const struct weft_check *check, struct check_conn *conn, unsigned side,
                     const struct check_segment *s)
{
    switch (check->config.vantage) {
    case WEFT_CHECK_BY_DIRECTION:
        conn->side[side].near |= s->direction == WEFT_DIRECTION_OUT;
        conn->side[1 - side].near |= s->direction == WEFT_DIRECTION_IN;
        break;
    case WEFT_CHECK_AT_CLIENT:
        if (conn->opener < 2)
            conn->side[conn->opener].near = true;
        break;
    case WEFT_CHECK_AT_SERVER:
        if (conn->opener < 2)
            conn->side[1 - conn->opener].near = true;
        break;
    case WEFT_CHECK_AT_BOTH:
        conn->side[0].near = conn->side[1].near = true;
        break;
    case WEFT_CHECK_MIDDLE:
        break;
    }
}

/* Who opened, as soon as it is seen. */
static void find_opener(struct check_conn *conn, unsigned side, const struct check_segment *s)
{
    if (conn->opener < 2 || !check_is_syn(s))
        return;
    conn->opener = s->tcp.flags & WIRE_TCP_ACK ? 1 - side : side;
}

/* Of those with the same number the one with most data: fast open's may be answered after a repetition without. */
static void keep_new_syn(struct check_segment *kept, const struct check_segment *s)
{
    if (kept->packet > 0 && kept->tcp.seq == s->tcp.seq && kept->len >= s->len)
        return;
    *kept = *s;
    kept->header = kept->data = NULL;
}

struct check_conn *check_table_find(struct weft_check *check, const struct check_segment *s, unsigned *side)
{
    struct check_table *table = check->table;
    struct check_conn *conn = look_up(table, s, side);

    if (!conn) {
        conn = make(check, s);
        *side = 0;
    } else {
        unlink_use(table, conn);
        link_newest(table, conn);
    }
    if (check_is_syn(s) && (s->tcp.flags & WIRE_TCP_ACK))
        begin_again(check, conn, *side, s);
    else
        begin_by_cookie(check, conn, *side, s);
    find_opener(conn, *side, s);
    set_near(check, conn, *side, s);
    if ((s->tcp.flags & (WIRE_TCP_SYN | WIRE_TCP_ACK | WIRE_TCP_RST)) == (WIRE_TCP_SYN | WIRE_TCP_ACK))
        keep_syn_ack(&conn->side[*side], s);
    if (check_is_other_syn(&conn->side[*side], s))
        keep_new_syn(&conn->side[*side].new_syn, s);
    return conn;
}
