/* SPDX-License-Identifier: MIT */
/* Frames and events in one order (recording.h). */
#include <stdlib.h>

#include "inspect/recording.h"

/* Where a frame is to be found by what the trace says of it. */
struct key {
    uint16_t iface;
    bool is_out;
    uint64_t ordinal;
    uint32_t frame; /* index in the recording */
};

struct joining {
    const struct weft_recording *recording;
    struct key *key; /* sorted */
    bool *is_placed; /* for each frame */
    struct inspect_item *item;
    uint32_t count;
    uint32_t next_frame; /* frames before it are placed, or were not due */
};

static int compare(const void *a, const void *b)
{
    const struct key *x = a, *y = b;

    if (x->iface != y->iface)
        return x->iface < y->iface ? -1 : 1;
    if (x->is_out != y->is_out)
        return x->is_out ? 1 : -1;
    return x->ordinal == y->ordinal ? 0 : x->ordinal < y->ordinal ? -1 : 1;
}

static bool is_frame_event(const struct weft_trace_record *event)
{
    return event->event == WEFT_TRACE_FRAME_IN || event->event == WEFT_TRACE_FRAME_OUT;
}

static const struct key *find(const struct joining *j, const struct weft_trace_record *event)
{
    struct key wanted = {
        .iface = event->iface, .is_out = event->event == WEFT_TRACE_FRAME_OUT, .ordinal = event->arg[0]};

    if (j->recording->frame_count == 0)
        return NULL;
    return bsearch(&wanted, j->key, j->recording->frame_count, sizeof(wanted), compare);
}

static void place(struct joining *j, const struct inspect_frame *frame, const struct weft_trace_record *event)
{
    j->item[j->count++] = (struct inspect_item){frame, event};
}

/* Places frames that no event names and that are older than `time`. */
static void place_untraced(struct joining *j, weft_time time)
{
    const struct weft_recording *r = j->recording;

    while (j->next_frame < r->frame_count) {
        const struct inspect_frame *frame = &r->frame[j->next_frame];

        if (j->is_placed[j->next_frame]) {
            j->next_frame++;
            continue;
        }
        if (time != WEFT_TIME_NEVER && frame->frame.time >= time)
            return;
        place(j, frame, NULL);
        j->next_frame++;
    }
}

/* Marks the frames that the trace knows, so that they wait for their event. */
static void mark_traced(struct joining *j)
{
    const struct weft_recording *r = j->recording;

    for (uint32_t i = 0; i < r->event_count; i++) {
        const struct key *key = is_frame_event(&r->event[i]) ? find(j, &r->event[i]) : NULL;

        if (key)
            j->is_placed[key->frame] = true;
    }
}

static void join(struct joining *j)
{
    const struct weft_recording *r = j->recording;

    mark_traced(j);
    for (uint32_t i = 0; i < r->event_count; i++) {
        const struct weft_trace_record *event = &r->event[i];
        const struct key *key = is_frame_event(event) ? find(j, event) : NULL;

        place_untraced(j, event->time);
        place(j, key ? &r->frame[key->frame] : NULL, event);
    }
    place_untraced(j, WEFT_TIME_NEVER);
}

int inspect_order(const struct weft_recording *r, struct inspect_item **items, uint32_t *count)
{
    struct joining j = {.recording = r};

    j.key = calloc(r->frame_count + 1u, sizeof(*j.key));
    j.is_placed = calloc(r->frame_count + 1u, sizeof(*j.is_placed));
    j.item = calloc((size_t)r->frame_count + r->event_count + 1u, sizeof(*j.item));
    if (!j.key || !j.is_placed || !j.item) {
        free(j.key);
        free(j.is_placed);
        free(j.item);
        return WEFT_E_NOMEM;
    }
    for (uint32_t i = 0; i < r->frame_count; i++)
        j.key[i] = (struct key){.iface = r->frame[i].frame.iface,
                                .is_out = r->frame[i].frame.direction == WEFT_DIRECTION_OUT,
                                .ordinal = r->frame[i].ordinal,
                                .frame = i};
    qsort(j.key, r->frame_count, sizeof(*j.key), compare);
    join(&j);
    free(j.key);
    free(j.is_placed);
    *items = j.item;
    *count = j.count;
    return 0;
}
