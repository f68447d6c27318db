/* SPDX-License-Identifier: MIT */
/* Scenarios by chance (generate.h). */
#include "lab/generate.h"

#include <math.h>
#include <string.h>

#include <weft/err.h>

#define BYTES_IN_ALL (3u << 20) /* ours: a run takes some milliseconds of a processor */
#define MOST_CONNS   60

/* Hosts believe no router that says less than 552 (RFC 5927 7.2), and send such packets for routers to fragment, which
 * ours do not: smaller paths work only where both ends know it from their own links. */
#define LEAST_BELIEVED 576

struct maker {
    uint64_t state;
    struct lab_scenario *s;
    double spare;   /* how much of the loss that a path may have is left for one link */
    uint64_t bytes; /* that flows may still send */
    uint32_t mtu;   /* of most links */
    bool has_routers;
    bool is_narrow; /* every link has `mtu`, which is smaller than what hosts believe a router */
    bool
        is_silent; /* what is too large may vanish without a word: hosts must find that out themselves (RFC 4821) */
};

/* --- Chance -------------------------------------------------------------------------- */

/* SplitMix64 (Steele, Lea, Flood 2014). */
static uint64_t draw(struct maker *m)
{
    uint64_t z = m->state += 0x9e3779b97f4a7c15;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

static double unit(struct maker *m)
{
    return (double)(draw(m) >> 11) * 0x1p-53;
}

/* True so many times of a hundred. */
static bool percent(struct maker *m, unsigned of_hundred)
{
    return draw(m) % 100 < of_hundred;
}

/* From `low` to `high`, both included. */
static uint64_t between(struct maker *m, uint64_t low, uint64_t high)
{
    return low + draw(m) % (high - low + 1);
}

/* The same, every order of magnitude equally likely. */
static double spread(struct maker *m, double low, double high)
{
    return low * exp(unit(m) * log(high / low));
}

/* In two digits: a scenario is to be read. */
static uint64_t rounded(double value)
{
    double scale = value >= 100 ? pow(10, floor(log10(value)) - 1) : 1;

    return (uint64_t)(floor(value / scale) * scale);
}

static uint64_t spread_whole(struct maker *m, double low, double high)
{
    return rounded(spread(m, low, high));
}

/* In hundredths of a percent at least. */
static double spread_chance(struct maker *m, double low, double high)
{
    return ceil(spread(m, low, high) * 1e5) / 1e5;
}

/* --- Links ------------------------------------------------------------------------------ */

static void make_queue(struct maker *m, struct weft_queue_config *queue)
{
    queue->packets = (uint32_t)spread_whole(m, 12, 1000);
    if (percent(m, 15))
        queue->bytes = (uint32_t)spread_whole(m, 10000, 1000000);
    if (percent(m, 40))
        queue->kind = percent(m, 50) ? WEFT_QUEUE_RED : WEFT_QUEUE_CODEL;
    queue->ecn = queue->kind != WEFT_QUEUE_TAIL && percent(m, 50);
    if (queue->kind == WEFT_QUEUE_RED && percent(m, 30)) {
        queue->red_min = (uint32_t)between(m, 3, queue->packets / 2);
        queue->red_max = (uint32_t)between(m, queue->red_min + 1, queue->packets);
    }
    if (queue->kind == WEFT_QUEUE_CODEL && percent(m, 30)) {
        queue->target = spread_whole(m, 500, 50000);
        queue->interval = spread_whole(m, 10e3, 500e3);
    }
}

static void make_losses(struct maker *m, struct weft_wire_direction *line)
{
    if (percent(m, 40))
        line->loss = spread_chance(m, 0.0001, 0.08 * m->spare);
    if (percent(m, 12)) {
        line->burst_enter = spread_chance(m, 0.0002, 0.01 * m->spare);
        line->burst_leave = spread_chance(m, 0.05, 0.5);
        line->burst_loss = spread_chance(m, 0.3, 1);
        line->burst_most = spread_whole(m, 10e3, 10e6);
    }
    if (percent(m, 15))
        line->corrupt = spread_chance(m, 0.0001, 0.03 * m->spare);
    if (percent(m, 15))
        line->duplicate = spread_chance(m, 0.001, 0.1);
}

static void make_line(struct maker *m, struct weft_wire_direction *line)
{
    if (percent(m, 85))
        line->delay = spread_whole(m, 20, 200000);
    if (percent(m, 25))
        line->jitter = spread_whole(m, 10, 30000);
    if (percent(m, 80)) {
        line->rate = spread_whole(m, 200e3, 10e9);
        make_queue(m, &line->queue);
    }
    if (percent(m, 55))
        make_losses(m, line);
    if (percent(m, 25)) {
        line->reorder = spread_chance(m, 0.001, 0.3);
        line->reorder_delay = spread_whole(m, 100, 50000);
    }
    if (m->is_silent && percent(m, 20))
        line->mtu = (uint32_t)between(m, LEAST_BELIEVED, 1500);
}

/* Where routers report what is too large, hosts believe nothing below that. */
static uint32_t make_mtu(struct maker *m)
{
    static const uint32_t usual[] = {1500, 1500, 1500, 1500, 1280, 576, 9000, 1492, 4352, 300, 65535};
    uint32_t least = m->has_routers ? LEAST_BELIEVED : 256;
    uint32_t mtu = percent(m, 80) ? usual[between(m, 0, 10)] : (uint32_t)between(m, 256, 9000);

    return mtu > least ? mtu : least;
}

/* A queue that a full packet never finds room in is no way at all. */
static void make_room(struct weft_queue_config *queue, uint32_t mtu)
{
    if (queue->bytes && queue->bytes < 3 * mtu)
        queue->bytes = 3 * mtu;
}

/* ARP asks three times in as many seconds (RFC 4861 10 has the same for NDP): where an answer takes longer, nothing can
 * be asked of TCP. So a full queue is no more than a second's, each way. */
static void make_time_for_arp(struct weft_wire_direction *line, uint32_t mtu)
{
    uint64_t least = 8ull * 3 * mtu;

    if (!line->rate)
        return;
    if (line->rate < least)
        line->rate = least;
    if (!line->queue.bytes || line->queue.bytes > line->rate / 8)
        line->queue.bytes = (uint32_t)(line->rate / 8 < UINT32_MAX ? line->rate / 8 : UINT32_MAX);
}

static bool make_link(struct maker *m, unsigned a, unsigned b)
{
    struct lab_link *link = lab_add_link(m->s, a, b);

    if (!link)
        return false;
    make_line(m, &link->direction[0]);
    link->direction[1] = link->direction[0];
    if (percent(m, 40)) {
        link->direction[1] = (struct weft_wire_direction){0};
        make_line(m, &link->direction[1]);
    }
    link->both.mtu = m->is_narrow || percent(m, 60) ? m->mtu : make_mtu(m);
    link->both.offload = percent(m, 25);
    for (unsigned i = 0; i < 2; i++)
        make_room(&link->direction[i].queue, link->both.mtu);
    return true;
}

/* --- Hosts -------------------------------------------------------------------------------- */

static void make_times(struct maker *m, struct weft_tcp_config *tcp)
{
    tcp->msl = spread_whole(m, 1e6, 30e6);
    if (percent(m, 5))
        tcp->rto_max = spread_whole(m, 60e6, 240e6);
    if (percent(m, 5))
        tcp->orphan_window = spread_whole(m, 120e6, 600e6);
    if (percent(m, 10))
        tcp->uto_min = spread_whole(m, 60e6, 200e6);
    if (percent(m, 10))
        tcp->uto_max = spread_whole(m, 200e6, 2000e6);
    if (percent(m, 20))
        tcp->rto_min = spread_whole(m, 1000, 1e6);
    if (percent(m, 10))
        tcp->rto_initial = spread_whole(m, 200e3, 3e6);
    if (percent(m, 20))
        tcp->delayed_ack = spread_whole(m, 1000, 500e3);
    if (percent(m, 20))
        tcp->fin_wait_2 = spread_whole(m, 1e6, 60e6);
}

static void make_recovery(struct maker *m, struct weft_tcp_config *tcp)
{
    tcp->no_dsack = percent(m, 10);
    tcp->no_limited_transmit = percent(m, 10);
    tcp->no_prr = percent(m, 15);
    tcp->no_abc = percent(m, 10);
    tcp->no_hystart = percent(m, 15);
}

static void make_fast_open(struct maker *m, struct weft_tcp_config *tcp)
{
    tcp->no_fast_open_connect = percent(m, 5);
    tcp->no_fast_open_listen = percent(m, 5);
    tcp->fast_open_all_listeners = percent(m, 15);
    tcp->fast_open_all_connects = percent(m, 10);
    tcp->fast_open_send_without_cookie = percent(m, 15);
    tcp->fast_open_take_without_cookie = percent(m, 15);
    tcp->fast_open_experimental = percent(m, 15);
    if (percent(m, 15))
        tcp->fast_open_losses = (uint8_t)between(m, 1, 4);
    if (percent(m, 15))
        tcp->fast_open_pause = spread_whole(m, 10e3, 100e6);
    if (percent(m, 10))
        tcp->fast_open_peers = (uint32_t)between(m, 1, 3);
}

static void make_features(struct maker *m, struct weft_tcp_config *tcp)
{
    if (percent(m, 15))
        tcp->syn_cookies = (uint8_t)between(m, WEFT_SYN_COOKIES_ALWAYS, WEFT_SYN_COOKIES_NEVER);
    tcp->no_sack = percent(m, 15);
    tcp->no_timestamps = percent(m, 20);
    tcp->no_window_scale = percent(m, 12);
    tcp->no_fast_path = percent(m, 25);
    tcp->no_rack = percent(m, 15);
    tcp->no_tail_probe = percent(m, 10);
    if (percent(m, 45))
        tcp->congestion = percent(m, 65) ? "newreno" : "bbr";
    if (percent(m, 33))
        tcp->ecn = percent(m, 75) ? WEFT_ECN_ASK : WEFT_ECN_OFF;
    tcp->no_pacing = percent(m, 30);
    tcp->no_idle_restart = percent(m, 10);
    tcp->host_cache = percent(m, 15);
    tcp->no_eifel = percent(m, 15);
    tcp->no_frto = percent(m, 15);
    tcp->no_dsack_undo = percent(m, 15);
    tcp->tolerate_missing_timestamps = percent(m, 20);
    tcp->push_bursts = percent(m, 20);
    if (tcp->push_bursts && percent(m, 50))
        tcp->burst_segs = (uint8_t)between(m, 1, 40);
    make_recovery(m, tcp);
    make_fast_open(m, tcp);
    tcp->wscale_first = percent(m, 15);
    if (percent(m,
                15)) /* a window of less than a unit cannot be said, and boxes and programs want small ones */
        tcp->wscale_least = (uint8_t)between(m, 1, 6);
    tcp->answers_delay_acks = percent(m, 15);
    tcp->soft_errors_end_opens = percent(m, 10);
    tcp->ao_drop_unmatched = percent(m, 10);
    if (percent(m, 10))
        tcp->challenges = (uint16_t)between(m, 1, 1000);
    if (tcp->host_cache && percent(m, 50))
        tcp->host_cache_entries = (uint32_t)between(m, 1, 4);
    if (tcp->host_cache && percent(m, 30))
        tcp->host_cache_expire = spread_whole(m, 100e3, 100e6);
    if (percent(m, 20))
        tcp->initial_window_segs = (uint8_t)between(m, 1, 20);
}

static void make_sizes(struct maker *m, struct weft_tcp_config *tcp)
{
    if (percent(m, 25))
        tcp->send_buffer = (uint32_t)spread_whole(m, 4096, 1e6);
    if (percent(m, 25))
        tcp->receive_buffer = (uint32_t)spread_whole(m, 4096, 1e6);
    if (percent(m, 10))
        tcp->buffer_initial = (uint32_t)spread_whole(m, 4096, 300e3);
    tcp->no_buffer_tuning = percent(m, 15);
    if (percent(m, 15))
        tcp->mtu_probing = m->is_silent || percent(m, 50) ? WEFT_MTU_PROBING_ALWAYS : WEFT_MTU_PROBING_OFF;
    if (percent(m, 8))
        tcp->time_wait = (uint32_t)spread_whole(m, 1, 100);
    if (percent(m, 8) && tcp->syn_cookies != WEFT_SYN_COOKIES_NEVER)
        tcp->syn_cache = (uint32_t)spread_whole(m, 1, 100);
    if (percent(m, 10))
        tcp->mtu_base = (uint32_t)between(m, 552, 1400);
}

static bool make_host(struct maker *m, const char *name)
{
    struct lab_node *node = lab_add_node(m->s, LAB_HOST, name);

    if (!node)
        return false;
    make_times(m, &node->host.tcp);
    make_features(m, &node->host.tcp);
    make_sizes(m, &node->host.tcp);
    if (percent(m, 10))
        node->host.tx_queue = (uint32_t)spread_whole(m, 10, 200);
    return true;
}

static bool make_router(struct maker *m, unsigned number)
{
    char name[LAB_NAME];
    struct lab_node *node;

    (void)snprintf(name, sizeof(name), "r%u", number);
    node = lab_add_node(m->s, LAB_ROUTER, name);
    if (node)
        node->no_icmp = m->is_silent && percent(m, 30);
    return node != NULL;
}

/* --- Networks -------------------------------------------------------------------------------- */

static bool make_pair(struct maker *m)
{
    struct lab_link *link;

    if (!make_host(m, "a") || !make_host(m, "b") || !make_link(m, 0, 1))
        return false;
    link = &m->s->link[0];
    if (!percent(m, 50))
        return true;
    link->both.type = LAB_LINK_ETHERNET;
    for (unsigned i = 0; i < 2; i++)
        make_time_for_arp(&link->direction[i], link->both.mtu);
    return true;
}

static bool make_chain(struct maker *m, unsigned routers)
{
    unsigned last = 0;

    m->spare = 1.0 / (routers + 1);
    if (!make_host(m, "a") || !make_host(m, "b"))
        return false;
    for (unsigned i = 0; i < routers; i++) {
        if (!make_router(m, i + 1) || !make_link(m, last, m->s->node_count - 1))
            return false;
        last = m->s->node_count - 1;
    }
    return make_link(m, last, 1);
}

/* Hosts on both sides of one link that all share. */
static bool make_dumbbell(struct maker *m)
{
    unsigned pairs = (unsigned)between(m, 2, 4);
    char name[LAB_NAME];

    m->spare = 0.3;
    if (!make_router(m, 1) || !make_router(m, 2) || !make_link(m, 0, 1))
        return false;
    for (unsigned i = 0; i < 2 * pairs; i++) {
        (void)snprintf(name, sizeof(name), "%c%u", i % 2 ? 'b' : 'a', i / 2 + 1);
        if (!make_host(m, name) || !make_link(m, m->s->node_count - 1, i % 2))
            return false;
    }
    return true;
}

/* A row of routers with a host at each: long ways and short ones share links. */
static bool make_parking_lot(struct maker *m)
{
    unsigned routers = (unsigned)between(m, 3, 4);
    char name[LAB_NAME];

    m->spare = 0.2;
    for (unsigned i = 0; i < routers; i++) {
        if (!make_router(m, i + 1) || (i && !make_link(m, i - 1, i)))
            return false;
    }
    for (unsigned i = 0; i < routers; i++) {
        (void)snprintf(name, sizeof(name), "h%u", i + 1);
        if (!make_host(m, name) || !make_link(m, m->s->node_count - 1, i))
            return false;
    }
    return true;
}

static bool make_network(struct maker *m)
{
    unsigned shape = (unsigned)between(m, 0, 9);

    m->has_routers = shape < 6;
    m->is_silent = percent(m, 15);
    m->is_narrow = m->has_routers && percent(m, 6);
    m->mtu = m->is_narrow ? (uint32_t)between(m, 256, LEAST_BELIEVED - 1) : make_mtu(m);
    switch (shape) {
    case 0:
    case 1:
        return make_chain(m, 1);
    case 2:
        return make_chain(m, (unsigned)between(m, 2, 3));
    case 3:
    case 4:
        return make_dumbbell(m);
    case 5:
        return make_parking_lot(m);
    default:
        return make_pair(m);
    }
}

/* --- Middleboxes ------------------------------------------------------------------------------- */

/* Joined segments must fit every link, as such a box would see to. */
static uint32_t least_mtu(const struct maker *m)
{
    uint32_t least = 1500;

    for (unsigned i = 0; i < m->s->link_count; i++) {
        const struct lab_link *link = &m->s->link[i];

        if (link->both.mtu < least)
            least = link->both.mtu;
        for (unsigned way = 0; way < 2; way++) /* what swallows them says nothing, and nobody learns of it */
            if (link->direction[way].mtu && link->direction[way].mtu < least)
                least = link->direction[way].mtu;
    }
    return least;
}

static uint32_t most_mtu(const struct maker *m)
{
    uint32_t most = 0;

    for (unsigned i = 0; i < m->s->link_count; i++)
        if (m->s->link[i].both.mtu > most)
            most = m->s->link[i].both.mtu;
    return most;
}

/* What routers report of a packet quotes the numbers that they saw, which its sender does not know again when
 * a box has changed them. So where packets may be too large a box does so only if hosts find that out without it. */
static bool may_rewrite(const struct maker *m)
{
    if (m->is_silent)
        return true;
    for (unsigned i = 1; i < m->s->link_count; i++)
        if (m->s->link[i].both.mtu != m->s->link[0].both.mtu)
            return false;
    return true;
}

static bool is_rewritten(const struct maker *m)
{
    for (unsigned i = 0; i < m->s->box_count; i++)
        if (m->s->box[i].config.rewrite)
            return true;
    return false;
}

static void make_box_options(struct maker *m, struct weft_box_config *box)
{
    static const uint32_t of_all[] = {WEFT_BOX_SACK, WEFT_BOX_OTHER, WEFT_BOX_TIMESTAMPS | WEFT_BOX_SACK};

    if (percent(m, 40))
        box->strip_syn = (uint32_t)between(m, 1, 127);
    if (percent(m, 15))
        box->strip = of_all[between(m, 0, 2)];
    box->rewrite = percent(m, 60) && may_rewrite(m);
}

static void make_box_sizes(struct maker *m, struct weft_box_config *box)
{
    if (percent(m, 25))
        box->window = (uint32_t)spread_whole(m, 600, 1e6);
    if (percent(m, 25))
        box->split = (uint32_t)between(m, most_mtu(m) / 4,
                                       most_mtu(m)); /* more pieces than a queue holds never arrive */
    if (percent(m, 25))
        box->coalesce = (uint32_t)between(m, 100, least_mtu(m) - 100);
    else if (percent(m, 30))
        box->thin = (uint32_t)between(m, 2, 20);
    if (percent(m, 20))
        box->wait = spread_whole(m, 100, 30000);
}

static bool make_box(struct maker *m, unsigned number)
{
    char name[LAB_NAME];
    struct lab_box *box;

    (void)snprintf(name, sizeof(name), "x%u", number + 1);
    box = lab_add_box(m->s, name, (unsigned)between(m, 0, m->s->link_count - 1));
    if (!box)
        return false;
    make_box_options(m, &box->config);
    make_box_sizes(m, &box->config);
    if (percent(m, 25))
        box->config.ecn = (int)between(m, WEFT_BOX_ECN_BLEACH, WEFT_BOX_ECN_DEAF);
    if (percent(m, 25))
        box->config.syn_text = (int)between(m, WEFT_BOX_SYN_DROP, WEFT_BOX_SYN_TRIM);
    if (percent(m, 10))
        box->config.reset_blind = spread_chance(m, 0.001, 0.2);
    if (percent(m, 5))
        box->config.reset = spread_chance(m, 0.001, 0.1);
    m->s->is_hostile |= box->config.reset > 0 || box->config.reset_blind > 0; /* a guess may be right */
    return true;
}

static bool make_boxes(struct maker *m)
{
    unsigned count = percent(m, 35) ? (unsigned)between(m, 1, 2) : 0;

    for (unsigned i = 0; i < count; i++)
        if (!make_box(m, i))
            return false;
    return true;
}

/* --- Flows ------------------------------------------------------------------------------------ */

static void make_pace(struct maker *m, struct lab_behaviour *how, uint64_t writes, uint64_t reads)
{
    if (percent(m, 30))
        how->write_size = spread_whole(m, writes < 20000 ? 1 : 200, 100000);
    if (percent(m, 30))
        how->read_size = spread_whole(m, reads < 20000 ? 1 : 200, 100000);
    if (percent(m, 10))
        how->write_rate = spread_whole(m, 20e3, 10e6);
    if (percent(m, 10))
        how->read_rate = spread_whole(m, 20e3, 10e6);
    if (percent(m, 15) && reads) {
        how->pause_after = between(m, 0, reads);
        how->pause = spread_whole(m, 1000, 60e6);
    }
    how->borrow = percent(m, 30);
    how->lend = percent(m, 25);
}

static void make_options(struct maker *m, struct lab_behaviour *how)
{
    how->nodelay = percent(m, 25);
    how->cork = percent(m, 8);
    how->quickack = percent(m, 10);
    how->keepalive = percent(m, 10);
    how->uto = percent(m, 6);
    if (how->keepalive && percent(m, 70)) {
        how->keepalive_idle = spread_whole(m, 1e6, 60e6);
        how->keepalive_interval = spread_whole(m, 8e6, 30e6); /* nine of them outlast every outage */
    }
    if (how->keepalive && percent(m, 30))
        how->keepalive_probes = (uint32_t)between(m, 9, 127);
    if (how->uto && percent(m, 50))
        how->uto_advertised = spread_whole(m, 60e6, 600e6);
    how->pacing = percent(m, 10);
    if (percent(m, 8))
        how->max_pacing_rate = spread_whole(m, 100e3, 1e9);
    if (percent(m, 10))
        how->notsent_lowat = spread_whole(m, 1, 200000);
    if (percent(m, 8))
        how->ttl = (uint32_t)between(m, 16, 255);
    if (percent(m, 8))
        how->tos = (uint32_t)between(m, 1, 255);
    if (percent(m, 10))
        how->ecn = (int)between(m, WEFT_ECN_ACCEPT, WEFT_ECN_OFF) + 1;
    how->fast_open_no_cookie = percent(m, 5);
    if (percent(m, 12))
        how->send_buffer = spread_whole(m, 4096, 1e6);
    if (percent(m, 12))
        how->receive_buffer = spread_whole(m, 4096, 1e6);
    if (percent(m, 10))
        how->maxseg = (uint32_t)spread_whole(m, 88, 9000);
}

static void make_close(struct maker *m, struct lab_flow *flow)
{
    for (unsigned i = 0; i < 2; i++) {
        struct lab_behaviour *how = &flow->side[i];

        if (percent(m, 15))
            how->close = LAB_CLOSE_NOW;
        else if (percent(m, 20) && (i == 0 || flow->side[0].close != LAB_CLOSE_LAST))
            how->close = LAB_CLOSE_LAST;
        else if (percent(m, 6))
            how->close = LAB_CLOSE_ABORT;
        if (percent(m, 5))
            how->abort_after = spread_whole(m, 100, 20e6);
    }
}

/* Connections, and how many bytes each may carry. */
static void make_size(struct maker *m, struct lab_flow_both *both)
{
    uint64_t most;

    if (percent(m, 25)) {
        both->count = (uint32_t)spread_whole(m, 2, MOST_CONNS);
        both->every =
            spread_whole(m, 3e3, 500e3); /* who begins together is refused together, again and again */
        if (percent(m, 30))
            both->backlog =
                both->count / 3 + (uint32_t)between(m, 1, 20); /* whoever is refused tries eight times */
    }
    most = m->bytes / (both->count ? both->count : 1) / 2;
    if (!percent(m, 10) && most > 2)
        both->bytes = spread_whole(m, 1, (double)most);
    if (percent(m, 60) && most > 2)
        both->reply = spread_whole(m, 1, (double)most);
    m->bytes -= (both->count ? both->count : 1) * (both->bytes + both->reply);
}

static unsigned pick_host(struct maker *m)
{
    unsigned node;

    do
        node = (unsigned)between(m, 0, m->s->node_count - 1);
    while (m->s->node[node].kind != LAB_HOST);
    return node;
}

/* Between them a SYN takes time, so that both are open before one arrives. */
static bool may_be_simultaneous(const struct maker *m)
{
    for (unsigned i = 0; i < m->s->link_count; i++)
        if (!m->s->link[i].direction[0].delay || !m->s->link[i].direction[1].delay)
            return false;
    return true;
}

static bool make_flow(struct maker *m, unsigned number)
{
    unsigned client = pick_host(m), server = pick_host(m);
    char name[LAB_NAME];
    struct lab_flow *flow;

    while (server == client)
        server = pick_host(m);
    (void)snprintf(name, sizeof(name), "f%u", number + 1);
    flow = lab_add_flow(m->s, name, client, server);
    if (!flow)
        return false;
    if (percent(m, 60))
        flow->both.start = spread_whole(m, 100, 3e6);
    make_size(m, &flow->both);
    flow->both.duplex = percent(m, 40);
    flow->both.fast_open = percent(m, 25);
    flow->both.simultaneous =
        !flow->both.fast_open && flow->both.count <= 1 && percent(m, 12) && may_be_simultaneous(m) &&
        !m->s->node[client].host.tcp.fast_open_all_connects && /* whose SYN may wait for a write */
        !m->s->node[server].host.tcp.fast_open_all_connects;
    if (!m->s->box_count && percent(m, 6)) /* which would break it */
        flow->both.sign = percent(m, 50) ? LAB_SIGN_MD5 : LAB_SIGN_AO;
    make_pace(m, &flow->side[0], flow->both.bytes, flow->both.reply);
    make_pace(m, &flow->side[1], flow->both.reply, flow->both.bytes);
    make_options(m, &flow->side[0]);
    make_options(m, &flow->side[1]);
    make_close(m, flow);
    return true;
}

/* --- Events -------------------------------------------------------------------------------------- */

/* An event of a link in its first state. */
static struct lab_event *link_event(struct maker *m, unsigned index, weft_time at)
{
    struct lab_event *event = lab_add_event(m->s, at);
    const struct lab_link *link = &m->s->link[index];

    if (!event)
        return NULL;
    event->kind = LAB_EVENT_LINK;
    event->index = index;
    event->both = link->both;
    memcpy(event->direction, link->direction, sizeof(event->direction));
    return event;
}

/* Half-open connections live for a minute, and a long outage takes much of that. When all that were opened in it go on at
 * once, a short queue may keep some out for the rest: so they have the three minutes that RFC 9293 MUST-23 asks for. */
static void let_half_open_last(struct maker *m)
{
    for (unsigned i = 0; i < m->s->node_count; i++)
        m->s->node[i].host.tcp.syn_ack_retries = 7;
}

/* For a while nothing passes, in one direction or both; then all is as before. */
static bool make_outage(struct maker *m, unsigned link, weft_time at)
{
    struct lab_event *down = link_event(m, link, at);
    unsigned ways = (unsigned)between(m, 1, 3);
    weft_time length;
    double longest =
        m->s->link[link].both.type == LAB_LINK_ETHERNET ? 1e6 : 20e6; /* ARP gives up after 3 s */

    if (!down)
        return false;
    down->direction[0].down = ways & 1;
    down->direction[1].down = ways >> 1;
    length = spread_whole(m, 1000, longest);
    if (length > 5e6)
        let_half_open_last(m);
    return link_event(m, link, at + length) != NULL;
}

static bool make_change(struct maker *m, unsigned link, weft_time at)
{
    struct lab_event *event = link_event(m, link, at);
    struct weft_wire_direction *line = event ? &event->direction[between(m, 0, 1)] : NULL;
    const struct lab_link *l = &m->s->link[link];
    bool has_routers = m->s->node[l->node[0]].kind == LAB_ROUTER && m->s->node[l->node[1]].kind == LAB_ROUTER;

    if (!event)
        return false;
    if (percent(m, 50))
        line->delay = spread_whole(m, 20, 300000);
    if (percent(m, 50) && line->rate)
        line->rate = spread_whole(m, 100e3, 1e9);
    if (event->both.type == LAB_LINK_ETHERNET)
        make_time_for_arp(line, event->both.mtu);
    if (percent(m, 30))
        line->loss = spread_chance(m, 0.0001, 0.08 * m->spare);
    if (percent(m, 40) && has_routers && (m->is_silent || !is_rewritten(m)))
        event->both.mtu = (uint32_t)between(m, 576, 1500);
    return true;
}

/* A box takes windows back, or erases timestamps that were agreed on: segments without are to be dropped (RFC
 * 7323 3.2), so that kills. */
static bool make_box_event(struct maker *m, unsigned index, weft_time at)
{
    struct lab_event *event = lab_add_event(m->s, at);

    if (!event)
        return false;
    event->kind = LAB_EVENT_BOX;
    event->index = index;
    event->box = m->s->box[index].config;
    for (const struct lab_event *e = m->s->event; e < event; e++)
        if (e->kind == LAB_EVENT_BOX && e->index == index)
            event->box = e->box;
    if (percent(m, 70)) {
        event->box.window = (uint32_t)spread_whole(m, 600, 100000);
        return true;
    }
    event->box.strip |= WEFT_BOX_TIMESTAMPS;
    m->s->is_hostile = true;
    return true;
}

static bool make_events(struct maker *m)
{
    unsigned count = percent(m, 50) ? (unsigned)between(m, 1, 3) : 0;

    for (unsigned i = 0; i < count; i++) {
        unsigned link = (unsigned)between(m, 0, m->s->link_count - 1);
        weft_time at = spread_whole(m, 1000, 10e6);
        bool ok = percent(m, 50) ? make_outage(m, link, at) : make_change(m, link, at);

        if (!ok)
            return false;
    }
    if (m->s->box_count && percent(m, 25) &&
        !make_box_event(m, (unsigned)between(m, 0, m->s->box_count - 1), spread_whole(m, 1000, 5e6)))
        return false;
    if (percent(m, 8)) {
        struct lab_event *event = lab_add_event(m->s, spread_whole(m, 1000, 10e6));

        if (!event)
            return false;
        event->kind = LAB_EVENT_ABORT;
        event->index = (unsigned)between(m, 0, m->s->flow_count - 1);
    }
    return true;
}

int lab_generate(uint64_t seed, struct lab_scenario *out)
{
    struct maker m = {.state = seed, .s = out, .spare = 1, .bytes = BYTES_IN_ALL};
    unsigned flows;
    bool ok;

    *out = (struct lab_scenario){.seed = seed};
    (void)snprintf(out->title, sizeof(out->title), "Campaign, seed %llu", (unsigned long long)seed);
    ok = make_network(&m) && make_boxes(&m);
    flows = (unsigned)between(&m, 1, 5);
    for (unsigned i = 0; i < flows && ok; i++)
        ok = make_flow(&m, i);
    ok = ok && make_events(&m);
    if (!ok)
        lab_scenario_free(out);
    return ok ? 0 : WEFT_E_NOMEM;
}
