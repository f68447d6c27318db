/* SPDX-License-Identifier: MIT */
/*
 * Entries: which frame each event belongs to (anatomy.h tells the rules), and
 * what the dissector says of each frame.
 */
#include "inspect/anatomy.h"

#include <stdlib.h>

#include "inspect/flow.h"

/* An event this much later than what is before it does not belong to that. Ours: a round of a driver is
 * shorter, a timer of TCP longer. */
#define APART WEFT_MSEC

/* No entry, or no item. */
#define NONE UINT32_MAX

struct attribution {
    struct anatomy *a;
    struct weft_flows *flows;
    struct weft_dissection *dissection;
    const struct inspect_item *item;
    uint32_t item_count;
    uint32_t *owner;  /* of each item that is an event: the entry */
    uint32_t current; /* entry that events belong to now */
    uint32_t pending; /* item from which on events lead to the next frame sent; NONE: none do */
    weft_time last;   /* time of the last event of the current entry */
    uint32_t frames;
};

/* --- Entries --------------------------------------------------------------------------- */

static struct anatomy_entry *add_entry(struct attribution *t, enum anatomy_kind kind, weft_time time)
{
    struct anatomy *a = t->a;
    struct anatomy_entry *entries =
        inspect_array_grow(a->entry, a->entry_count, &a->entry_room, sizeof(*entries));

    if (!entries)
        return NULL;
    a->entry = entries;
    /* A round's frames are sent behind its events but have the later time of the clock. */
    if (kind != ANATOMY_FRAME && t->current != NONE && entries[t->current].time > time &&
        entries[t->current].time - time < APART)
        time = entries[t->current].time;
    t->current = a->entry_count++;
    t->last = time;
    entries[t->current] =
        (struct anatomy_entry){.kind = kind, .time = time, .flow = NONE, .kind_text = "", .summary = ""};
    return &entries[t->current];
}

/* --- Flows -------------------------------------------------------------------------------- */

/* Whether the frame was sent by our end: as the recording says, else servers are taken for our end. */
static bool is_ours(const struct attribution *t, const struct weft_frame *frame)
{
    const struct weft_dissection *d = t->dissection;

    if (frame->direction != WEFT_DIRECTION_UNKNOWN)
        return frame->direction == WEFT_DIRECTION_OUT;
    if (d->is_tcp && d->tcp.flow)
        return !d->tcp.from_client;
    return t->a->flow_count > 0 && weft_addr_eq(&d->src, &t->a->flow[0].here);
}

static void set_ends(struct anatomy_flow *flow, const struct weft_dissection *d, bool ours)
{
    flow->here = ours ? d->src : d->dst;
    flow->there = ours ? d->dst : d->src;
    flow->here_port = ours ? d->src_port : d->dst_port;
    flow->there_port = ours ? d->dst_port : d->src_port;
    flow->here_is_client = d->tcp.from_client == ours;
}

/* The flow of a segment, made if it is new; NONE when there is none, or no memory. */
static uint32_t find_flow(struct attribution *t, bool ours)
{
    struct anatomy *a = t->a;
    const struct weft_dissection *d = t->dissection;
    struct anatomy_flow *flows;

    if (!d->is_tcp || d->tcp.flow == 0)
        return NONE;
    if (d->tcp.flow <= a->flow_count) /* the table numbers them in the order in which they begin */
        return d->tcp.flow - 1;
    flows = inspect_array_grow(a->flow, a->flow_count, &a->flow_room, sizeof(*flows));
    if (!flows)
        return NONE;
    a->flow = flows;
    flows[a->flow_count] = (struct anatomy_flow){.number = d->tcp.flow, .first_entry = t->current};
    set_ends(&flows[a->flow_count], d, ours);
    return a->flow_count++;
}

static void note_times(struct anatomy_flow *flow, const struct weft_dissect_tcp *tcp, weft_time time)
{
    bool is_syn = tcp->flags & 0x02, is_ack = tcp->flags & 0x10;

    if (is_syn && !is_ack && !flow->syn_time)
        flow->syn_time = time;
    else if (is_syn && is_ack && !flow->synack_time)
        flow->synack_time = time;
    else if (!is_syn && is_ack && flow->synack_time && !flow->established_time && tcp->from_client)
        flow->established_time = time;
}

static void note_flow(struct attribution *t, struct anatomy_entry *entry, bool ours)
{
    const struct weft_dissect_tcp *tcp = &entry->tcp;
    struct anatomy_flow *flow = &t->a->flow[entry->flow];
    struct inspect_bases *bases = &flow->bases;
    uint32_t sender = tcp->seq - tcp->relative_seq, receiver = tcp->ack - tcp->relative_ack;
    bool has_ack = tcp->flags & 0x10;

    flow->last_entry = t->current;
    flow->frames++;
    flow->retransmissions += (tcp->notes & WEFT_SEGMENT_RETRANSMISSION) != 0;
    note_times(flow, tcp, entry->time);
    if (ours || has_ack) {
        bases->ours = ours ? sender : receiver;
        bases->has_ours = true;
    }
    if (!ours || has_ack) {
        bases->peers = ours ? receiver : sender;
        bases->has_peers = true;
    }
}

/* --- Frames ---------------------------------------------------------------------------------- */

static int add_frame(struct attribution *t, const struct inspect_frame *frame)
{
    struct anatomy_entry *entry = add_entry(t, ANATOMY_FRAME, frame->frame.time);
    const struct weft_dissection *d = t->dissection;
    bool ours;

    if (!entry)
        return WEFT_E_NOMEM;
    weft_dissect(t->flows, &frame->frame, t->dissection);
    ours = is_ours(t, &frame->frame);
    entry->frame = frame;
    entry->number = ++t->frames;
    entry->to_right = !ours;
    entry->problems = d->problems;
    entry->is_tcp = d->is_tcp;
    entry->tcp = d->tcp;
    entry->src = d->src;
    entry->dst = d->dst;
    entry->kind_text = inspect_arena_text(&t->a->arena, d->kind);
    entry->summary = inspect_arena_text(&t->a->arena, d->summary);
    entry->flow = find_flow(t, ours);
    if (!entry->kind_text || !entry->summary || (d->tcp.flow && entry->flow == NONE))
        return WEFT_E_NOMEM;
    if (entry->flow != NONE)
        note_flow(t, entry, ours);
    return 0;
}

/* --- Events ------------------------------------------------------------------------------------- */

static bool is_frame_out(const struct inspect_item *item)
{
    if (item->event)
        return item->event->event == WEFT_TRACE_FRAME_OUT;
    return item->frame->frame.direction == WEFT_DIRECTION_OUT;
}

/* Gives the items that wait for a frame sent to `entry`. */
static void settle_pending(struct attribution *t, uint32_t until, uint32_t entry)
{
    for (uint32_t i = t->pending; i < until; i++)
        t->owner[i] = entry;
    t->pending = NONE;
}

static bool is_application(const struct weft_trace_record *event)
{
    return event->event == WEFT_TRACE_TCP_WRITE || event->event == WEFT_TRACE_TCP_READ ||
           event->event == WEFT_TRACE_TCP_CALL;
}

/* The kind of entry that an event begins; ANATOMY_FRAME: none. */
static enum anatomy_kind begins(const struct attribution *t, const struct weft_trace_record *event)
{
    const struct anatomy_entry *current = t->current != NONE ? &t->a->entry[t->current] : NULL;

    if (event->event == WEFT_TRACE_TCP_TIMER_FIRED)
        return ANATOMY_TIMER;
    if (is_application(event)) {
        bool goes_on = current && current->kind == ANATOMY_APPLICATION && current->conn == event->conn;

        return goes_on && event->time - t->last < APART ? ANATOMY_FRAME : ANATOMY_APPLICATION;
    }
    if (!current || event->time - t->last >= APART)
        return ANATOMY_STACK;
    if (event->conn && current->conn && current->conn != event->conn)
        return ANATOMY_STACK;
    return ANATOMY_FRAME;
}

/* True for the event that announces a packet: it and what follows lead to the next frame sent. */
static bool leads_to_frame(const struct weft_trace_record *event)
{
    return event->event == WEFT_TRACE_TCP_OUT || event->event == WEFT_TRACE_ICMP_OUT;
}

/* The connection that an entry is about. */
static void note_conn(struct attribution *t, uint32_t entry, const struct weft_trace_record *event)
{
    struct anatomy_entry *e = &t->a->entry[entry];

    if (e->conn == 0 && (e->kind != ANATOMY_FRAME || e->is_tcp))
        e->conn = event->conn;
}

static int take_event(struct attribution *t, uint32_t index)
{
    const struct weft_trace_record *event = t->item[index].event;
    enum anatomy_kind kind;

    if (t->pending != NONE && event->event != WEFT_TRACE_TCP_TIMER_FIRED && !is_application(event))
        return 0; /* its frame is still to come */
    if (t->pending == NONE && leads_to_frame(event)) {
        t->pending = index;
        return 0;
    }
    if (t->pending != NONE)
        settle_pending(t, index, t->current);
    kind = begins(t, event);
    if (kind != ANATOMY_FRAME && !add_entry(t, kind, event->time))
        return WEFT_E_NOMEM;
    t->owner[index] = t->current;
    t->last = event->time;
    note_conn(t, t->current, event);
    return 0;
}

static int take_frame(struct attribution *t, uint32_t index)
{
    const struct inspect_item *item = &t->item[index];
    int error;

    if (t->pending != NONE && !is_frame_out(item))
        settle_pending(t, index, t->current);
    error = add_frame(t, item->frame);
    if (error)
        return error;
    if (item->event) {
        t->owner[index] = t->current;
        t->last = item->event->time;
    }
    if (t->pending != NONE) {
        for (uint32_t i = t->pending; i < index; i++)
            note_conn(t, t->current, t->item[i].event);
        settle_pending(t, index, t->current);
    }
    return 0;
}

/* A FRAME record whose frame was not recorded: nothing that follows belongs to the entry before it. */
static void take_missing_frame(struct attribution *t, uint32_t index)
{
    if (t->pending != NONE)
        settle_pending(t, index, t->current);
    t->owner[index] = NONE;
    t->current = NONE;
}

static int take_items(struct attribution *t)
{
    int error = 0;

    for (uint32_t i = 0; i < t->item_count && error == 0; i++) {
        const struct inspect_item *item = &t->item[i];

        t->owner[i] = NONE;
        if (item->frame)
            error = take_frame(t, i);
        else if (item->event->event == WEFT_TRACE_FRAME_IN || item->event->event == WEFT_TRACE_FRAME_OUT)
            take_missing_frame(t, i);
        else
            error = take_event(t, i);
    }
    if (t->pending != NONE)
        settle_pending(t, t->item_count, t->current);
    return error;
}

/* --- Events by entry ---------------------------------------------------------------------------------- */

/* Puts the events of each entry together, in their order. */
static int group_events(struct attribution *t)
{
    struct anatomy *a = t->a;
    uint32_t at = 0;

    a->event = calloc(t->item_count + 1u, sizeof(const struct weft_trace_record *));
    if (!a->event)
        return WEFT_E_NOMEM;
    for (uint32_t i = 0; i < t->item_count; i++)
        if (t->owner[i] != NONE && t->item[i].event)
            a->entry[t->owner[i]].event_count++;
    for (uint32_t i = 0; i < a->entry_count; i++) {
        a->entry[i].first_event = at;
        at += a->entry[i].event_count;
        a->entry[i].event_count = 0;
    }
    for (uint32_t i = 0; i < t->item_count; i++)
        if (t->owner[i] != NONE && t->item[i].event) {
            struct anatomy_entry *entry = &a->entry[t->owner[i]];

            a->event[entry->first_event + entry->event_count++] = t->item[i].event;
        }
    a->event_count = at;
    return 0;
}

/* Which flow is which connection. */
struct pair {
    uint32_t conn, flow;
};

static int compare_pairs(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;

    return x->conn == y->conn ? 0 : x->conn < y->conn ? -1 : 1;
}

/* Frames without events get the connection of their flow; what happens between frames gets the flow of
 * its connection. */
static int spread_conns(struct anatomy *a)
{
    struct pair *pairs = calloc(a->flow_count + 1u, sizeof(*pairs));
    uint32_t count = 0;

    if (!pairs)
        return WEFT_E_NOMEM;
    for (uint32_t i = 0; i < a->entry_count; i++) {
        struct anatomy_entry *entry = &a->entry[i];

        if (entry->flow == NONE || entry->conn == 0 || a->flow[entry->flow].conn)
            continue;
        a->flow[entry->flow].conn = entry->conn;
        pairs[count++] = (struct pair){entry->conn, entry->flow};
    }
    qsort(pairs, count, sizeof(*pairs), compare_pairs);
    for (uint32_t i = 0; i < a->entry_count; i++) {
        struct anatomy_entry *entry = &a->entry[i];
        const struct pair *found;

        if (entry->flow != NONE && entry->conn == 0)
            entry->conn = a->flow[entry->flow].conn;
        if (entry->kind == ANATOMY_FRAME || entry->conn == 0)
            continue;
        found = bsearch(&(struct pair){.conn = entry->conn}, pairs, count, sizeof(*pairs), compare_pairs);
        if (found)
            entry->flow = found->flow;
    }
    free(pairs);
    return 0;
}

int anatomy_attribute(struct anatomy *a)
{
    struct attribution t = {.a = a, .current = NONE, .pending = NONE};
    struct inspect_item *items = NULL;
    int error = inspect_order(a->recording, &items, &t.item_count);

    t.item = items;
    if (!error)
        error = anatomy_flows_new(a->recording, &t.flows);
    t.dissection = malloc(sizeof(*t.dissection));
    t.owner = malloc((t.item_count + 1u) * sizeof(*t.owner));
    if (!error && (!t.dissection || !t.owner))
        error = WEFT_E_NOMEM;
    if (!error)
        error = take_items(&t);
    if (!error)
        error = group_events(&t);
    if (!error)
        error = spread_conns(a);
    weft_flows_free(t.flows);
    free(t.dissection);
    free(t.owner);
    free(items);
    return error;
}
