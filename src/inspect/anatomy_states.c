/* SPDX-License-Identifier: MIT */
/*
 * What the events tell of each connection over time: its states (before and
 * after each entry, and as spans) and its timers from setting to end.
 */
#include "inspect/anatomy.h"

#include <stdlib.h>

#define NONE UINT32_MAX

/* A connection while the events pass by. */
struct conn {
    uint32_t number;
    bool has_state;
    uint8_t state;
    uint32_t span;                    /* of its state, in anatomy.state; NONE */
    uint32_t timer[WEFT_TIMER_COUNT]; /* in anatomy.timer; NONE: not set */
};

struct walk {
    struct anatomy *a;
    struct conn *conn; /* sorted by number */
    uint32_t count;
};

/* --- Connections ----------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
    const struct conn *x = a, *y = b;

    return x->number == y->number ? 0 : x->number < y->number ? -1 : 1;
}

/* All connections that entries speak of, each once. */
static int find_conns(struct walk *w)
{
    const struct anatomy *a = w->a;
    uint32_t count = 0;

    w->conn = calloc((size_t)a->entry_count + a->event_count + 1, sizeof(*w->conn));
    if (!w->conn)
        return WEFT_E_NOMEM;
    for (uint32_t i = 0; i < a->entry_count; i++)
        w->conn[count++].number = a->entry[i].conn;
    for (uint32_t i = 0; i < a->event_count; i++)
        w->conn[count++].number = a->event[i]->conn;
    qsort(w->conn, count, sizeof(*w->conn), compare);
    for (uint32_t i = 0; i < count; i++) {
        struct conn *conn = &w->conn[w->count];

        if (w->conn[i].number == 0 || (w->count > 0 && w->conn[w->count - 1].number == w->conn[i].number))
            continue;
        *conn = (struct conn){.number = w->conn[i].number, .span = NONE};
        for (unsigned timer = 0; timer < WEFT_TIMER_COUNT; timer++)
            conn->timer[timer] = NONE;
        w->count++;
    }
    return 0;
}

static struct conn *find_conn(const struct walk *w, uint32_t number)
{
    struct conn wanted = {.number = number};

    return w->count ? bsearch(&wanted, w->conn, w->count, sizeof(wanted), compare) : NULL;
}

/* --- States -------------------------------------------------------------------------------- */

static int take_state(struct walk *w, struct conn *conn, const struct weft_trace_record *event,
                      uint32_t entry)
{
    struct anatomy *a = w->a;
    struct anatomy_state *states;

    if (conn->span != NONE)
        a->state[conn->span].to_entry = entry;
    states = inspect_array_grow(a->state, a->state_count, &a->state_room, sizeof(*states));
    if (!states)
        return WEFT_E_NOMEM;
    a->state = states;
    conn->span = a->state_count;
    conn->has_state = true;
    conn->state = (uint8_t)event->arg[1];
    states[a->state_count++] = (struct anatomy_state){.conn = conn->number,
                                                      .state = conn->state,
                                                      .cause = (uint8_t)event->arg[2],
                                                      .from_entry = entry,
                                                      .to_entry = NONE,
                                                      .from = event->time};
    return 0;
}

/* --- Timers ---------------------------------------------------------------------------------- */

static void end_timer(struct walk *w, struct conn *conn, unsigned timer, enum anatomy_end how, weft_time now,
                      uint32_t entry)
{
    struct anatomy_timer *span;

    if (conn->timer[timer] == NONE)
        return;
    span = &w->a->timer[conn->timer[timer]];
    span->end = (uint8_t)how;
    span->to = now;
    span->to_entry = entry;
    conn->timer[timer] = NONE;
}

static int set_timer(struct walk *w, struct conn *conn, const struct weft_trace_record *event, uint32_t entry)
{
    struct anatomy *a = w->a;
    unsigned timer = (unsigned)event->arg[0];
    struct anatomy_timer *timers;

    if (conn->timer[timer] != NONE) {
        a->timer[conn->timer[timer]].restarts++;
        a->timer[conn->timer[timer]].in = event->arg[1];
        return 0;
    }
    timers = inspect_array_grow(a->timer, a->timer_count, &a->timer_room, sizeof(*timers));
    if (!timers)
        return WEFT_E_NOMEM;
    a->timer = timers;
    conn->timer[timer] = a->timer_count;
    timers[a->timer_count++] = (struct anatomy_timer){.conn = conn->number,
                                                      .timer = (uint8_t)timer,
                                                      .end = ANATOMY_OPEN,
                                                      .from_entry = entry,
                                                      .to_entry = NONE,
                                                      .from = event->time,
                                                      .in = event->arg[1]};
    return 0;
}

/* --- The walk ----------------------------------------------------------------------------------- */

static int take_event(struct walk *w, const struct weft_trace_record *event, uint32_t entry)
{
    struct conn *conn = event->conn ? find_conn(w, event->conn) : NULL;

    if (!conn)
        return 0;
    if (event->event == WEFT_TRACE_TCP_STATE)
        return take_state(w, conn, event, entry);
    if (event->arg[0] >= WEFT_TIMER_COUNT)
        return 0;
    switch (event->event) {
    case WEFT_TRACE_TCP_TIMER_SET:
        return set_timer(w, conn, event, entry);
    case WEFT_TRACE_TCP_TIMER_CANCEL:
        end_timer(w, conn, (unsigned)event->arg[0], ANATOMY_CANCELLED, event->time, entry);
        return 0;
    case WEFT_TRACE_TCP_TIMER_FIRED:
        end_timer(w, conn, (unsigned)event->arg[0], ANATOMY_FIRED, event->time, entry);
        return 0;
    default:
        return 0;
    }
}

/* The state that an entry's connection was in before it: known from before, or from its own first change. */
static void note_state_before(const struct walk *w, struct anatomy_entry *entry, const struct conn *conn)
{
    if (conn->has_state) {
        entry->state_before = conn->state;
        entry->has_state = true;
        return;
    }
    for (uint32_t i = 0; i < entry->event_count; i++) {
        const struct weft_trace_record *event = w->a->event[entry->first_event + i];

        if (event->event == WEFT_TRACE_TCP_STATE && event->conn == entry->conn) {
            entry->state_before = (uint8_t)event->arg[0];
            entry->has_state = true;
            return;
        }
    }
}

static int walk_entry(struct walk *w, uint32_t index)
{
    struct anatomy_entry *entry = &w->a->entry[index];
    const struct conn *conn = entry->conn ? find_conn(w, entry->conn) : NULL;
    int error = 0;

    if (conn)
        note_state_before(w, entry, conn);
    for (uint32_t i = 0; i < entry->event_count && error == 0; i++)
        error = take_event(w, w->a->event[entry->first_event + i], index);
    if (conn && entry->has_state)
        entry->state_after = conn->state;
    return error;
}

int anatomy_states(struct anatomy *a)
{
    struct walk w = {.a = a};
    int error = find_conns(&w);

    for (uint32_t i = 0; i < a->entry_count && error == 0; i++)
        error = walk_entry(&w, i);
    free(w.conn);
    return error;
}
