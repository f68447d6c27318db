/* SPDX-License-Identifier: MIT */
/*
 * The table of neighbours (net/neigh.h; RFC 4861 7.3, RFC 1122 2.3.2).
 *
 * Holds   entries [0, touched) are in a hash chain and in the list of their
 *         worth; none is ever free again, it is given to another neighbour.
 *         Only an INCOMPLETE entry keeps packets that wait. The timer runs in
 *         INCOMPLETE, DELAY and PROBE. reachable_until lies in the future only
 *         in REACHABLE and PERMANENT, which is all that net_neigh_send asks.
 *
 * Calls   net_neigh_timer may report to transports, which may send, which may
 *         change any entry: so it is the last thing done, and with copies.
 */
#include "net/neigh.h"

#include "base/assert.h"
#include "net/arp.h"
#include "net/icmp4.h"
#include "net/ip4.h"
#include "net/state.h"

#define NO_ENTRY UINT16_MAX

/* How many entries are looked at for one that is not in use before one that is has to go: ours. */
#define EVICT_TRIES 8

/* --- The table --- */

static unsigned bucket_of(const struct net *net, unsigned iface, const struct weft_addr *addr)
{
    uint8_t key[sizeof(addr->b) + 1];

    _Static_assert(NET_IFACES <= 256, "an interface's index fits an octet of the key");
    memcpy(key, addr->b, sizeof(addr->b));
    key[sizeof(addr->b)] = (uint8_t)iface;
    return (unsigned)(siphash(&net->core->secret, key, sizeof(key)) & (net->neigh.nbuckets - 1));
}

int net_neigh_init(struct net *net, uint32_t capacity)
{
    struct net_neigh_table *table = &net->neigh;

    if (capacity >= NO_ENTRY)
        return WEFT_E_INVAL;
    table->capacity = capacity;
    for (table->nbuckets = 1; table->nbuckets < capacity;)
        table->nbuckets *= 2;
    for (unsigned i = 0; i < NET_NEIGH_WORTHS; i++)
        list_init(&table->worth[i]);
    table->entry = core_alloc(net->core, sizeof(*table->entry) * capacity);
    table->bucket = core_alloc(net->core, sizeof(*table->bucket) * table->nbuckets);
    if (!table->entry || !table->bucket)
        return WEFT_E_NOMEM;
    memset(table->bucket, 0xff, sizeof(*table->bucket) * table->nbuckets);
    return 0;
}

void net_neigh_fini(struct net *net)
{
    struct net_neigh_table *table = &net->neigh;

    for (uint32_t i = 0; i < table->touched; i++) {
        wheel_cancel(&net->core->wheel, &table->entry[i].timer);
        weft_pktq_purge(&table->entry[i].pending);
    }
    core_free(net->core, table->entry, sizeof(*table->entry) * table->capacity);
    core_free(net->core, table->bucket, sizeof(*table->bucket) * table->nbuckets);
}

static uint16_t index_of(const struct net *net, const struct net_neigh *neigh)
{
    return (uint16_t)(neigh - net->neigh.entry);
}

static struct net_neigh *find(struct net *net, unsigned iface, const struct weft_addr *addr)
{
    uint16_t i = net->neigh.bucket[bucket_of(net, iface, addr)];

    while (i != NO_ENTRY) {
        struct net_neigh *neigh = &net->neigh.entry[i];

        if (neigh->iface == iface && weft_addr_eq(&neigh->addr, addr))
            return neigh;
        i = neigh->next;
    }
    return NULL;
}

/* The path's neighbour, and where it is for the next time; NULL when it is not in the table. */
static struct net_neigh *find_by_path(struct net *net, struct net_path *path)
{
    struct net_neigh *neigh = &net->neigh.entry[path->neigh_hint];

    if (neigh->iface == path->iface && weft_addr_eq(&neigh->addr, &path->next_hop))
        return neigh;
    neigh = find(net, path->iface, &path->next_hop);
    if (neigh)
        path->neigh_hint = index_of(net, neigh);
    return neigh;
}

static void insert_into_chain(struct net *net, struct net_neigh *neigh)
{
    uint16_t *bucket = &net->neigh.bucket[bucket_of(net, neigh->iface, &neigh->addr)];

    neigh->next = *bucket;
    *bucket = index_of(net, neigh);
}

static void remove_from_chain(struct net *net, const struct net_neigh *neigh)
{
    uint16_t *at = &net->neigh.bucket[bucket_of(net, neigh->iface, &neigh->addr)];

    while (*at != index_of(net, neigh)) {
        weft_assert(*at != NO_ENTRY);
        at = &net->neigh.entry[*at].next;
    }
    *at = neigh->next;
}

static void set_worth(struct net *net, struct net_neigh *neigh, enum net_neigh_worth worth)
{
    struct net_neigh_table *table = &net->neigh;

    if (list_is_linked(&neigh->link)) {
        if (neigh->worth == worth)
            return;
        list_remove(&neigh->link);
        table->asked -= neigh->worth == NET_NEIGH_ASKED;
    }
    neigh->worth = (uint8_t)worth;
    neigh->listed = net->core->now;
    table->asked += worth == NET_NEIGH_ASKED;
    list_push_back(&table->worth[worth], &neigh->link);
}

/* --- States --- */

/* ReachableTime (RFC 4861 6.3.2). */
static weft_time reachable_time(struct net *net)
{
    struct net_neigh_table *table = &net->neigh;
    weft_time now = net->core->now;

    if (table->reachable_time == 0 || now - table->reachable_drawn >= NET_NEIGH_REDRAW) {
        /* RFC 4861 10: from half to one and a half times. */
        table->reachable_time =
            NET_NEIGH_REACHABLE_TIME / 2 + rng_below(&net->core->rng, (uint32_t)NET_NEIGH_REACHABLE_TIME + 1);
        table->reachable_drawn = now;
    }
    return table->reachable_time;
}

static bool has_link_address(const struct net_neigh *neigh)
{
    switch (neigh->state) {
    case WEFT_NEIGH_NONE:
    case WEFT_NEIGH_INCOMPLETE:
    case WEFT_NEIGH_FAILED:
        return false;
    default:
        return true;
    }
}

/* The destination of the prepared header. */
static struct weft_mac link_address(const struct net_neigh *neigh)
{
    struct weft_mac mac = {{0}};

    if (has_link_address(neigh))
        memcpy(mac.b, neigh->header, sizeof(mac.b));
    return mac;
}

static void set_link_address(const struct net_iface *iface, struct net_neigh *neigh,
                             const struct weft_mac *mac)
{
    struct wire_eth eth = {.dst = *mac, .src = iface->mac};
    struct writer w = writer_of(neigh->header, sizeof(neigh->header));

    eth.type = weft_addr_is_ip4(&neigh->addr) ? WIRE_ETHERTYPE_IP4 : WIRE_ETHERTYPE_IP6;
    wire_eth_emit(&eth, &w);
}

static void trace_state(struct net *net, const struct net_neigh *neigh, unsigned from)
{
    struct core *core = net->core;
    struct weft_mac mac;
    uint64_t number = 0;

    if (!trace_is_on(&core->trace))
        return;
    mac = link_address(neigh);
    for (unsigned i = 0; i < sizeof(mac.b); i++)
        number = number << 8 | mac.b[i];
    trace(&core->trace, core->now, WEFT_TRACE_NEIGH_STATE, neigh->iface, 0, trace_addr_high(&neigh->addr),
          trace_addr_low(&neigh->addr), from, neigh->state, number, 0);
}

/* Every change of state passes here, but for the timer and the worth. */
static void set_state(struct net *net, struct net_neigh *neigh, enum weft_neigh_state state)
{
    unsigned from = neigh->state;

    neigh->state = (uint8_t)state;
    neigh->reachable_until = 0;
    if (state == WEFT_NEIGH_REACHABLE)
        neigh->reachable_until = net->core->now + reachable_time(net);
    if (state == WEFT_NEIGH_PERMANENT)
        neigh->reachable_until = WEFT_TIME_NEVER;
    if (from != state)
        trace_state(net, neigh, from);
}

/* Asks for the neighbour, and again when the timer is due. */
static void solicit(struct net *net, struct net_neigh *neigh)
{
    struct weft_mac mac = link_address(neigh);
    weft_time now = net->core->now;

    neigh->asks++;
    neigh->may_ask = now + NET_NEIGH_RETRANS_TIMER;
    wheel_set(&net->core->wheel, &neigh->timer, neigh->may_ask);
    net_arp_request(net, &net->iface[neigh->iface], &neigh->addr, has_link_address(neigh) ? &mac : NULL);
}

static void begin_incomplete(struct net *net, struct net_neigh *neigh)
{
    neigh->asks = 0;
    set_state(net, neigh, WEFT_NEIGH_INCOMPLETE);
    set_worth(net, neigh, NET_NEIGH_ASKED);
    solicit(net, neigh);
}

static void begin_delay(struct net *net, struct net_neigh *neigh)
{
    set_state(net, neigh, WEFT_NEIGH_DELAY);
    set_worth(net, neigh, NET_NEIGH_USED);
    wheel_set(&net->core->wheel, &neigh->timer, net->core->now + NET_NEIGH_DELAY_FIRST_PROBE_TIME);
}

static void begin_probe(struct net *net, struct net_neigh *neigh)
{
    neigh->asks = 0;
    set_state(net, neigh, WEFT_NEIGH_PROBE);
    solicit(net, neigh);
}

/* --- Making room --- */

/* True when the entry may go now without its address being asked for again too soon. */
static bool can_evict(const struct net *net, const struct net_neigh *neigh)
{
    return neigh->may_ask <= net->core->now;
}

static struct net_neigh *oldest(struct net *net, enum net_neigh_worth worth)
{
    struct list *head = &net->neigh.worth[worth];

    return list_is_empty(head) ? NULL : list_entry(head->next, struct net_neigh, link);
}

/* The oldest that nobody has sent to since it was put into its list, if there is one among the first few:
 * those that are in use go to the end. */
static struct net_neigh *oldest_unused(struct net *net)
{
    struct list *head = &net->neigh.worth[NET_NEIGH_USED];
    struct net_neigh *neigh = oldest(net, NET_NEIGH_USED);

    for (unsigned i = 0; i < EVICT_TRIES && neigh && neigh->used > neigh->listed; i++) {
        list_remove(&neigh->link);
        list_push_back(head, &neigh->link);
        neigh->listed = net->core->now;
        neigh = oldest(net, NET_NEIGH_USED);
    }
    return neigh;
}

/* Then those asked for in vain push out only each other: a scan of addresses through us costs nobody
 * else an entry. */
static bool is_crowded(const struct net_neigh_table *table)
{
    return table->asked && table->asked >= table->capacity / 2;
}

/* The entry that a new neighbour may have, or NULL. */
static struct net_neigh *choose_victim(struct net *net, enum net_neigh_worth worth)
{
    struct net_neigh *victim = oldest(net, NET_NEIGH_SPARE);

    if (worth == NET_NEIGH_ASKED && is_crowded(&net->neigh))
        victim = oldest(net, NET_NEIGH_ASKED);
    if (worth == NET_NEIGH_SPARE || victim)
        return victim && can_evict(net, victim) ? victim : NULL;
    victim = oldest_unused(net);
    if (!victim)
        victim = oldest(net, NET_NEIGH_ASKED);
    return victim && can_evict(net, victim) ? victim : NULL;
}

static void drop_pending(struct net *net, struct net_neigh *neigh, enum weft_drop why)
{
    struct weft_pkt *pkt;

    net->neigh.pending -= neigh->pending.count;
    while ((pkt = weft_pktq_pop(&neigh->pending)))
        core_drop(net->core, why, neigh->iface, 0, pkt);
}

static void evict(struct net *net, struct net_neigh *neigh)
{
    wheel_cancel(&net->core->wheel, &neigh->timer);
    drop_pending(net, neigh, WEFT_DROP_NEIGH_TABLE);
    set_state(net, neigh, WEFT_NEIGH_NONE);
    remove_from_chain(net, neigh);
    net->neigh.asked -= neigh->worth == NET_NEIGH_ASKED;
    list_remove(&neigh->link);
}

/* A new entry, in state NONE; NULL when the table is full of what is worth more. */
static struct net_neigh *create(struct net *net, unsigned iface, const struct weft_addr *addr,
                                enum net_neigh_worth worth)
{
    struct net_neigh_table *table = &net->neigh;
    struct net_neigh *neigh;

    if (table->touched < table->capacity && !(worth == NET_NEIGH_ASKED && is_crowded(table))) {
        neigh = &table->entry[table->touched++];
    } else {
        neigh = choose_victim(net, worth);
        if (!neigh)
            return NULL;
        evict(net, neigh);
    }
    *neigh = (struct net_neigh){
        .addr = *addr, .iface = (uint16_t)iface, .used = net->core->now, .timer.kind = CORE_TIMER_NEIGH};
    insert_into_chain(net, neigh);
    set_worth(net, neigh, worth);
    return neigh;
}

/* --- Output --- */

/* The link-layer address that a broadcast or multicast address stands for (RFC 1112 6.4). */
static bool derive_link_address(const struct net *net, unsigned iface, const struct weft_addr *addr,
                                struct weft_mac *mac)
{
    switch (net_ip4_kind_of(net, iface, weft_addr_u32(addr))) {
    case NET_IP4_BROADCAST:
        memset(mac->b, 0xff, sizeof(mac->b));
        return true;
    case NET_IP4_MULTICAST:
        *mac = (struct weft_mac){{0x01, 0x00, 0x5e, addr->b[13] & 0x7f, addr->b[14], addr->b[15]}};
        return true;
    default:
        return false;
    }
}

/* The neighbour that the path leads to, made if it is not known (then NONE, or PERMANENT); NULL when
 * there is no room for it. */
static struct net_neigh *find_or_create(struct net *net, const struct net_iface *iface, struct net_path *path)
{
    struct net_neigh *neigh = find_by_path(net, path);
    struct weft_mac mac;
    bool is_group;

    if (neigh)
        return neigh;
    is_group = derive_link_address(net, path->iface, &path->next_hop, &mac);
    neigh = create(net, path->iface, &path->next_hop, is_group ? NET_NEIGH_USED : NET_NEIGH_ASKED);
    if (!neigh)
        return NULL;
    path->neigh_hint = index_of(net, neigh);
    if (is_group) {
        set_link_address(iface, neigh, &mac);
        set_state(net, neigh, WEFT_NEIGH_PERMANENT);
    }
    return neigh;
}

static int transmit(struct net *net, struct net_iface *iface, struct net_neigh *neigh, struct weft_pkt *pkt)
{
    memcpy(weft_pkt_push(pkt, sizeof(neigh->header)), neigh->header, sizeof(neigh->header));
    return net_iface_transmit(net, iface, pkt);
}

/* Keeps a packet until the neighbour answers; the oldest gives way (RFC 4861 7.2.2). */
static int keep(struct net *net, struct net_neigh *neigh, struct weft_pkt *pkt)
{
    struct core *core = net->core;
    bool is_full = net->neigh.pending >= NET_NEIGH_PENDING_ALL;

    if (neigh->pending.count >= NET_NEIGH_PENDING || (is_full && neigh->pending.count)) {
        net->neigh.pending--;
        core_drop(core, WEFT_DROP_NEIGH_QUEUE, neigh->iface, 0, weft_pktq_pop(&neigh->pending));
    } else if (is_full) {
        core_drop(core, WEFT_DROP_NEIGH_QUEUE, neigh->iface, 0, pkt);
        return WEFT_E_NOBUFS;
    }
    net->neigh.pending++;
    weft_pktq_push(&neigh->pending, pkt);
    if (trace_is_on(&core->trace))
        trace(&core->trace, core->now, WEFT_TRACE_NEIGH_WAIT, neigh->iface, 0, trace_addr_high(&neigh->addr),
              trace_addr_low(&neigh->addr), neigh->pending.count, 0, 0, 0);
    return 0;
}

/* Keeps a packet for a neighbour whose link-layer address is not known, and asks for it. */
static int wait_for(struct net *net, struct net_neigh *neigh, struct weft_pkt *pkt)
{
    int result = keep(net, neigh, pkt);

    if (neigh->state != WEFT_NEIGH_INCOMPLETE)
        begin_incomplete(net, neigh);
    return result;
}

int net_neigh_send_slow(struct net *net, struct net_iface *iface, struct net_path *path, struct weft_pkt *pkt)
{
    struct net_neigh *neigh = find_or_create(net, iface, path);

    if (!neigh) {
        core_drop(net->core, WEFT_DROP_NEIGH_TABLE, iface->index, 0, pkt);
        return WEFT_E_NOBUFS;
    }
    neigh->used = net->core->now;
    if (!has_link_address(neigh))
        return wait_for(net, neigh, pkt);
    if (neigh->state == WEFT_NEIGH_REACHABLE && neigh->reachable_until <= net->core->now)
        set_state(net, neigh, WEFT_NEIGH_STALE);
    if (neigh->state == WEFT_NEIGH_STALE)
        begin_delay(net, neigh);
    return transmit(net, iface, neigh, pkt);
}

/* --- Input --- */

static void flush(struct net *net, struct net_iface *iface, struct net_neigh *neigh)
{
    struct weft_pkt *pkt;

    net->neigh.pending -= neigh->pending.count;
    while ((pkt = weft_pktq_pop(&neigh->pending)))
        (void)transmit(net, iface, neigh, pkt);
}

/* The neighbour has a link-layer address again: gateways that were thought dead are used again. */
static void revive(struct net *net, const struct net_neigh *neigh)
{
    if (net_route_mark_gateway(&net->route, neigh->iface, &neigh->addr, false))
        net_change(net);
}

/* Takes a link-layer address that is new, or an answer. */
static void learn(struct net *net, struct net_iface *iface, struct net_neigh *neigh,
                  const struct weft_mac *mac, bool is_answer)
{
    bool was_known = has_link_address(neigh);

    wheel_cancel(&net->core->wheel, &neigh->timer);
    set_link_address(iface, neigh, mac);
    set_state(net, neigh, is_answer ? WEFT_NEIGH_REACHABLE : WEFT_NEIGH_STALE);
    if (!was_known)
        revive(net, neigh);
    if (neigh->worth == NET_NEIGH_ASKED)
        set_worth(net, neigh, NET_NEIGH_USED);
    if (neigh->pending.count && !is_answer)
        begin_delay(net, neigh);
    flush(net, iface, neigh);
}

void net_neigh_heard(struct net *net, struct net_iface *iface, const struct weft_addr *addr,
                     const struct weft_mac *mac, enum net_neigh_news news)
{
    struct net_neigh *neigh = find(net, iface->index, addr);
    bool is_answer, is_known;

    if (!neigh && news == NET_NEIGH_ASKS_US)
        neigh = create(net, iface->index, addr, NET_NEIGH_SPARE);
    if (!neigh)
        return;
    is_answer = news == NET_NEIGH_ANSWERED &&
                (neigh->state == WEFT_NEIGH_INCOMPLETE || neigh->state == WEFT_NEIGH_PROBE);
    is_known = has_link_address(neigh) && memcmp(neigh->header, mac->b, sizeof(mac->b)) == 0;
    /* What says nothing new confirms nothing: it may be forged, and it is not of the way there (RFC
     * 4861 7.3.3). */
    if (is_answer || !is_known)
        learn(net, iface, neigh, mac, is_answer);
}

/* --- Timers --- */

/* The neighbour does not answer. */
static void fail(struct net *net, struct net_neigh *neigh)
{
    struct weft_pktq pending = neigh->pending;
    unsigned iface = neigh->iface;
    struct weft_pkt *pkt;

    neigh->pending = (struct weft_pktq){0};
    net->neigh.pending -= pending.count;
    set_state(net, neigh, WEFT_NEIGH_FAILED);
    set_worth(net, neigh, NET_NEIGH_SPARE);
    if (net_route_mark_gateway(&net->route, neigh->iface, &neigh->addr, true))
        net_change(net);
    while ((pkt = weft_pktq_pop(&pending))) {
        net_icmp4_report_unreachable(net, pkt);
        core_drop(net->core, WEFT_DROP_NEIGH_FAILED, iface, 0, pkt);
    }
}

void net_neigh_timer(struct net *net, struct weft_timer_node *node)
{
    struct net_neigh *neigh = list_entry(node, struct net_neigh, timer);

    switch (neigh->state) {
    case WEFT_NEIGH_INCOMPLETE:
        if (neigh->asks < NET_NEIGH_MAX_MULTICAST_SOLICIT)
            solicit(net, neigh);
        else
            fail(net, neigh);
        break;
    case WEFT_NEIGH_DELAY:
        begin_probe(net, neigh);
        break;
    default:
        weft_assert(neigh->state == WEFT_NEIGH_PROBE);
        if (neigh->asks < NET_NEIGH_MAX_UNICAST_SOLICIT)
            solicit(net, neigh);
        else
            fail(net, neigh);
        break;
    }
}

/* --- Advice from transports --- */

void net_neigh_confirm(struct net *net, struct net_path *path)
{
    struct net_neigh *neigh = find_by_path(net, path);

    if (!neigh || !has_link_address(neigh) || neigh->state == WEFT_NEIGH_PERMANENT)
        return;
    if (neigh->state != WEFT_NEIGH_REACHABLE)
        wheel_cancel(&net->core->wheel, &neigh->timer);
    set_state(net, neigh, WEFT_NEIGH_REACHABLE);
}

void net_neigh_doubt(struct net *net, struct net_path *path)
{
    struct net_neigh *neigh = find_by_path(net, path);

    if (!neigh || neigh->may_ask > net->core->now)
        return;
    if (neigh->state == WEFT_NEIGH_REACHABLE || neigh->state == WEFT_NEIGH_STALE ||
        neigh->state == WEFT_NEIGH_DELAY)
        begin_probe(net, neigh);
}
