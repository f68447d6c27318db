/* SPDX-License-Identifier: MIT */
/*
 * The inside of a recording: frames in the order in which links showed them,
 * events in the order in which the stack wrote them, and how the two become one.
 *
 * Owns    copies of everything; they stay where they are until it is freed.
 * Never   keeps more than its limits: at the first thing that does not fit it
 *         stops for good, so that what is there has no holes.
 */
#ifndef WEFT_INSPECT_RECORDING_H
#define WEFT_INSPECT_RECORDING_H

#include <weft/inspect.h>

#include "inspect/arena.h"

#define INSPECT_MAX_LINKS 8

/* A frame with its place in the order of its interface and direction. */
struct inspect_frame {
    struct weft_frame frame;
    uint64_t ordinal;     /* from 1; as in the trace's FRAME_IN and FRAME_OUT */
    const char *comments; /* of a capture file: lines, each with its NUL, and an empty one; NULL: none */
};

struct inspect_link {
    int iface; /* 0: not in use */
    enum weft_link_type type;
    char name[32];
    uint64_t seen[2]; /* frames that have passed, in and out */
    struct weft_recording *recording;
};

struct weft_recording {
    struct weft_recording_config config;
    bool is_off;
    const char *limit; /* that stopped it */
    uint64_t bytes;
    uint64_t frames_missed, events_missed;
    uint32_t frame_count, frame_room;
    uint32_t event_count, event_room;
    struct inspect_frame *frame;
    struct weft_trace_record *event;
    struct inspect_arena arena; /* where the bytes of frames lie */
    struct inspect_link link[INSPECT_MAX_LINKS];
    const struct weft_stack *stack;
    uint64_t cursor; /* in the stack's trace */
};

/* A frame or an event, in the order in which things happened. */
struct inspect_item {
    const struct inspect_frame *frame; /* NULL: an event */
    const struct weft_trace_record
        *event; /* the event, or the FRAME_IN or FRAME_OUT of the frame; NULL: not traced */
};

/*
 * Puts frames and events in one order: where the trace says FRAME_IN or
 * FRAME_OUT stands the frame of that number; frames that the trace does not know
 * are put where their time belongs. A FRAME record of a frame that was not
 * recorded remains as an event. Gives an array for free(). Returns 0 or
 * WEFT_E_NOMEM.
 */
int inspect_order(const struct weft_recording *recording, struct inspect_item **items, uint32_t *count);

/* Keeps comments with the frame that was added last: lines, each with its NUL, and an empty one; `size`
 * bytes in all. */
int inspect_recording_add_comments(struct weft_recording *recording, const char *lines, uint32_t size);

#endif
