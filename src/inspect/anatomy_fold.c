/* SPDX-License-Identifier: MIT */
/* What of an anatomy is shown by default, and its sums. */
#include "inspect/anatomy.h"

#include "wire/tcp.h"

#define NONE UINT32_MAX

/* Of a run of similar segments these stay: the first show what begins, the last where it ended. */
#define SHOWN_FIRST 2
#define FOLD_LEAST  4 /* frames: to hide fewer would save nothing */

/* --- Background ------------------------------------------------------------------------ */

static bool is_end_of_flow(const struct anatomy *a, const struct weft_addr *addr)
{
    for (uint32_t i = 0; i < a->flow_count; i++)
        if (weft_addr_eq(&a->flow[i].here, addr) || weft_addr_eq(&a->flow[i].there, addr))
            return true;
    return false;
}

/* When there are conversations, frames of other hosts and protocols are not part of them. */
static void fold_background(struct anatomy *a)
{
    for (uint32_t i = 0; i < a->entry_count && a->flow_count > 0; i++) {
        struct anatomy_entry *entry = &a->entry[i];

        if (entry->kind != ANATOMY_FRAME || entry->flow != NONE)
            continue;
        if (!is_end_of_flow(a, &entry->src) && !is_end_of_flow(a, &entry->dst))
            entry->fold = ANATOMY_FOLDED_BACKGROUND;
    }
}

/* --- Runs of similar segments ------------------------------------------------------------- */

static bool is_quiet(const struct anatomy_entry *entry, uint32_t notes_allowed)
{
    return entry->is_tcp && entry->flow != NONE && entry->problems == 0 &&
           !(entry->tcp.notes & ~notes_allowed) && entry->state_before == entry->state_after;
}

static bool is_plain_data(const struct anatomy_entry *entry)
{
    return is_quiet(entry, 0) && entry->tcp.payload_len > 0 &&
           !(entry->tcp.flags & ~(WIRE_TCP_ACK | WIRE_TCP_PSH));
}

static bool is_plain_ack(const struct anatomy_entry *entry)
{
    return is_quiet(entry, WEFT_SEGMENT_WINDOW_UPDATE | WEFT_SEGMENT_DUPLICATE_ACK) &&
           entry->tcp.payload_len == 0 && entry->tcp.flags == WIRE_TCP_ACK;
}

static bool is_duplicate(const struct anatomy_entry *entry)
{
    return entry->tcp.notes & WEFT_SEGMENT_DUPLICATE_ACK;
}

/* Reading and writing goes along with data; other calls are worth a line. */
static bool is_plain_application(const struct anatomy *a, const struct anatomy_entry *entry)
{
    if (entry->kind != ANATOMY_APPLICATION)
        return false;
    for (uint32_t i = 0; i < entry->event_count; i++) {
        unsigned event = a->event[entry->first_event + i]->event;

        if (event == WEFT_TRACE_TCP_CALL || event == WEFT_TRACE_TCP_STATE || event == WEFT_TRACE_TCP_ERROR)
            return false;
    }
    return true;
}

/* True when `entry` goes on with the run of data that `first` began. The first duplicate ACK, and the
 * first that is none again, end a run: they are news. */
static bool continues(const struct anatomy *a, const struct anatomy_entry *first,
                      const struct anatomy_entry *entry, bool duplicates)
{
    if (entry->kind == ANATOMY_FRAME && entry->flow == first->flow && entry->to_right == first->to_right)
        return is_plain_data(entry);
    if (entry->kind == ANATOMY_FRAME && entry->flow == first->flow)
        return is_plain_ack(entry) && is_duplicate(entry) == duplicates;
    return is_plain_application(a, entry) && entry->conn == first->conn;
}

/* Folds what lies in [from, to) between the first data segments and the last. */
static void fold_run(struct anatomy *a, uint32_t from, uint32_t to)
{
    bool to_right = a->entry[from].to_right;
    uint32_t first = from, last = to, seen = 0, frames = 0;

    for (; first < to && seen < SHOWN_FIRST; first++)
        seen += a->entry[first].kind == ANATOMY_FRAME && a->entry[first].to_right == to_right;
    do
        last--;
    while (last > first && (a->entry[last].kind != ANATOMY_FRAME || a->entry[last].to_right != to_right));
    for (uint32_t i = first; i < last; i++)
        frames += a->entry[i].kind == ANATOMY_FRAME;
    if (frames < FOLD_LEAST)
        return;
    for (uint32_t i = first; i < last; i++)
        a->entry[i].fold = ANATOMY_FOLDED_RUN;
}

static void fold_runs(struct anatomy *a)
{
    bool duplicates = false; /* the last ACK was one */

    for (uint32_t i = 0; i < a->entry_count;) {
        uint32_t end = i + 1;

        if (a->entry[i].kind == ANATOMY_FRAME && is_plain_data(&a->entry[i])) {
            while (end < a->entry_count && continues(a, &a->entry[i], &a->entry[end], duplicates))
                end++;
            fold_run(a, i, end);
        } else if (a->entry[i].kind == ANATOMY_FRAME && is_plain_ack(&a->entry[i])) {
            duplicates = is_duplicate(&a->entry[i]);
        }
        i = end;
    }
}

void anatomy_fold(struct anatomy *a)
{
    fold_background(a);
    fold_runs(a);
}

struct anatomy_run anatomy_run_at(const struct anatomy *a, uint32_t from)
{
    struct anatomy_run run = {0};

    for (uint32_t i = from; i < a->entry_count && a->entry[i].fold == a->entry[from].fold; i++) {
        const struct anatomy_entry *entry = &a->entry[i];

        run.entries++;
        if (entry->kind != ANATOMY_FRAME)
            continue;
        run.frames++;
        run.payload += entry->tcp.payload_len;
        run.data_segments += entry->tcp.payload_len > 0;
        run.acks += entry->is_tcp && entry->tcp.payload_len == 0;
    }
    return run;
}

/* --- Sums ----------------------------------------------------------------------------------- */

/* True for a frame that asks or answers something, not one that only acknowledges. */
static bool is_said(const struct anatomy_entry *entry)
{
    if (!entry->is_tcp)
        return true;
    return entry->tcp.payload_len > 0 || (entry->tcp.flags & (WIRE_TCP_SYN | WIRE_TCP_FIN | WIRE_TCP_RST));
}

/* Which way the frames of the one who opened the (first) connection go. */
static bool client_goes_right(const struct anatomy *a)
{
    return a->flow_count == 0 || !a->flow[0].here_is_client;
}

/* Counts how often an answer follows what was said in the other direction. */
static uint32_t count_round_trips(const struct anatomy *a)
{
    bool is_waiting = false;
    uint32_t count = 0;

    for (uint32_t i = 0; i < a->entry_count; i++) {
        const struct anatomy_entry *entry = &a->entry[i];

        if (entry->kind != ANATOMY_FRAME || entry->fold == ANATOMY_FOLDED_BACKGROUND || !is_said(entry))
            continue;
        if (entry->to_right == client_goes_right(a)) {
            is_waiting = true;
        } else if (is_waiting) {
            is_waiting = false;
            count++;
        }
    }
    return count;
}

static void count_frames(struct anatomy *a)
{
    struct anatomy_summary *sum = &a->summary;

    a->is_foreign = true;
    for (uint32_t i = 0; i < a->entry_count; i++) {
        const struct anatomy_entry *entry = &a->entry[i];

        if (entry->kind != ANATOMY_FRAME)
            continue;
        sum->frames++;
        sum->bytes += entry->frame->frame.wire_len;
        sum->problems += entry->problems > 0;
        sum->background += entry->fold == ANATOMY_FOLDED_BACKGROUND;
        a->is_foreign = a->is_foreign && entry->frame->frame.direction == WEFT_DIRECTION_UNKNOWN;
    }
}

/* The exchange begins with the client's first frame: announcements of a server that waits come before it. */
static void find_time(struct anatomy *a)
{
    weft_time first = WEFT_TIME_NEVER, any = WEFT_TIME_NEVER, last = 0;

    for (uint32_t i = 0; i < a->entry_count; i++) {
        const struct anatomy_entry *entry = &a->entry[i];

        if (entry->kind != ANATOMY_FRAME || entry->fold == ANATOMY_FOLDED_BACKGROUND)
            continue;
        any = entry->time < any ? entry->time : any;
        if (entry->to_right == client_goes_right(a) && entry->time < first)
            first = entry->time;
        last = entry->time > last ? entry->time : last;
    }
    if (first == WEFT_TIME_NEVER)
        first = any;
    a->start = first != WEFT_TIME_NEVER ? first : a->entry_count > 0 ? a->entry[0].time : 0;
    a->summary.duration = last > a->start ? last - a->start : 0;
}

void anatomy_summarize(struct anatomy *a)
{
    struct anatomy_summary *sum = &a->summary;

    count_frames(a);
    find_time(a);
    sum->connections = a->flow_count;
    for (uint32_t i = 0; i < a->flow_count; i++)
        sum->retransmissions += a->flow[i].retransmissions;
    if (a->flow_count > 0 && a->flow[0].syn_time && a->flow[0].established_time)
        sum->handshake = a->flow[0].established_time - a->flow[0].syn_time;
    sum->round_trips = count_round_trips(a);
}
