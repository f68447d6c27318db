/* SPDX-License-Identifier: MIT */
/* Recording frames and events in memory, within limits (recording.h). */
#include "inspect/recording.h"

#include <stdlib.h>
#include <string.h>

#include "inspect/pcapng.h"

#define READ_BATCH 256u

int weft_recording_new(const struct weft_recording_config *config, struct weft_recording **recording)
{
    struct weft_recording *r = calloc(1, sizeof(*r));

    if (!r)
        return WEFT_E_NOMEM;
    if (config)
        r->config = *config;
    if (r->config.max_frames == 0)
        r->config.max_frames = 100000;
    if (r->config.max_events == 0)
        r->config.max_events = 1000000;
    if (r->config.max_bytes == 0)
        r->config.max_bytes = 256ull << 20;
    *recording = r;
    return 0;
}

void weft_recording_free(struct weft_recording *r)
{
    if (!r)
        return;
    inspect_arena_free(&r->arena);
    free(r->frame);
    free(r->event);
    free(r);
}

void weft_recording_switch(struct weft_recording *r, bool on)
{
    r->is_off = !on;
}

void weft_recording_summarize(const struct weft_recording *r, struct weft_recording_summary *out)
{
    *out = (struct weft_recording_summary){.frames = r->frame_count,
                                           .events = r->event_count,
                                           .bytes = r->bytes,
                                           .frames_missed = r->frames_missed,
                                           .events_missed = r->events_missed,
                                           .limit = r->limit};
}

/* --- Limits ------------------------------------------------------------------------- */

static int stop(struct weft_recording *r, const char *limit, int error)
{
    if (!r->limit)
        r->limit = limit;
    return error;
}

/* Whether `size` bytes more fit. */
static bool has_room(struct weft_recording *r, size_t size)
{
    return r->config.max_bytes - r->bytes >= size;
}

/* --- Adding --------------------------------------------------------------------------- */

static struct inspect_link *find_link(struct weft_recording *r, int iface)
{
    for (unsigned i = 0; i < INSPECT_MAX_LINKS; i++)
        if (r->link[i].iface == iface && iface != 0)
            return &r->link[i];
    return NULL;
}

static struct inspect_link *make_link(struct weft_recording *r, int iface, enum weft_link_type type,
                                      const char *name)
{
    for (unsigned i = 0; i < INSPECT_MAX_LINKS; i++) {
        struct inspect_link *link = &r->link[i];

        if (link->iface != 0)
            continue;
        *link = (struct inspect_link){.iface = iface, .type = type, .recording = r};
        (void)snprintf(link->name, sizeof(link->name), "%s", name);
        return link;
    }
    return NULL;
}

/* The frame's number in its direction of its interface, which a trace will have given to it too. */
static uint64_t count_frame(struct weft_recording *r, const struct weft_frame *frame)
{
    struct inspect_link *link = find_link(r, frame->iface);

    if (!link)
        link = make_link(r, frame->iface, frame->type, "link");
    return link ? ++link->seen[frame->direction == WEFT_DIRECTION_OUT] : 0;
}

static int keep_frame(struct weft_recording *r, const struct weft_frame *frame, uint64_t ordinal)
{
    struct inspect_frame *frames, *to;

    if (r->frame_count == r->config.max_frames)
        return stop(r, "the number of frames", WEFT_E_LIMIT);
    if (!has_room(r, frame->len + sizeof(*to)))
        return stop(r, "the memory for it", WEFT_E_LIMIT);
    frames = inspect_array_grow(r->frame, r->frame_count, &r->frame_room, sizeof(*frames));
    if (!frames)
        return stop(r, "the computer's memory", WEFT_E_NOMEM);
    r->frame = frames;
    to = &frames[r->frame_count];
    *to = (struct inspect_frame){.frame = *frame, .ordinal = ordinal};
    to->frame.bytes = inspect_arena_copy(&r->arena, frame->bytes, frame->len);
    if (!to->frame.bytes)
        return stop(r, "the computer's memory", WEFT_E_NOMEM);
    r->frame_count++;
    r->bytes += frame->len + sizeof(*to);
    return 0;
}

int weft_recording_add_frame(struct weft_recording *r, const struct weft_frame *frame)
{
    uint64_t ordinal = count_frame(r, frame);
    int error;

    if (r->is_off)
        return 0;
    error = r->limit ? WEFT_E_LIMIT : keep_frame(r, frame, ordinal);
    if (error)
        r->frames_missed++;
    return error;
}

static int keep_event(struct weft_recording *r, const struct weft_trace_record *record)
{
    struct weft_trace_record *events;

    if (r->event_count == r->config.max_events)
        return stop(r, "the number of events", WEFT_E_LIMIT);
    if (!has_room(r, sizeof(*record)))
        return stop(r, "the memory for it", WEFT_E_LIMIT);
    events = inspect_array_grow(r->event, r->event_count, &r->event_room, sizeof(*events));
    if (!events)
        return stop(r, "the computer's memory", WEFT_E_NOMEM);
    r->event = events;
    events[r->event_count++] = *record;
    r->bytes += sizeof(*record);
    return 0;
}

int weft_recording_add_events(struct weft_recording *r, const struct weft_trace_record *records,
                              unsigned count)
{
    int error = 0;

    for (unsigned i = 0; i < count && !r->is_off; i++) {
        error = r->limit ? WEFT_E_LIMIT : keep_event(r, &records[i]);
        if (error) {
            r->events_missed += count - i;
            return error;
        }
    }
    return 0;
}

int inspect_recording_add_comments(struct weft_recording *r, const char *lines, uint32_t size)
{
    const char *kept;

    if (r->limit || r->frame_count == 0)
        return WEFT_E_LIMIT;
    if (!has_room(r, size))
        return stop(r, "the memory for it", WEFT_E_LIMIT);
    kept = inspect_arena_copy(&r->arena, lines, size);
    if (!kept)
        return stop(r, "the computer's memory", WEFT_E_NOMEM);
    r->frame[r->frame_count - 1].comments = kept;
    r->bytes += size;
    return 0;
}

/* --- Links and the stack ------------------------------------------------------------------- */

void weft_recording_set_stack(struct weft_recording *r, const struct weft_stack *stack)
{
    if (!stack && r->stack)
        weft_recording_poll(r);
    r->stack = stack;
    r->cursor = 0;
}

void weft_recording_poll(struct weft_recording *r)
{
    struct weft_trace_record batch[READ_BATCH];
    uint64_t lost = 0;
    unsigned n;

    while (r->stack && (n = weft_trace_read(r->stack, &r->cursor, batch, READ_BATCH, &lost)) > 0)
        (void)weft_recording_add_events(r, batch, n); /* counted as missed */
    r->events_missed += lost;
}

static void observe(void *ctx, bool outgoing, const uint8_t *bytes, uint32_t len, weft_time now)
{
    struct inspect_link *link = ctx;
    struct weft_frame frame = {.time = now,
                               .type = link->type,
                               .direction = outgoing ? WEFT_DIRECTION_OUT : WEFT_DIRECTION_IN,
                               .iface = (uint16_t)link->iface,
                               .bytes = bytes,
                               .len = len,
                               .wire_len = len};

    (void)weft_recording_add_frame(link->recording, &frame); /* counted as missed */
}

static void end_round(void *ctx, weft_time now)
{
    struct inspect_link *link = ctx;

    (void)now;
    weft_recording_poll(link->recording);
}

int weft_recording_attach(struct weft_recording *r, struct weft_link *inner, int iface,
                          struct weft_link **link)
{
    struct inspect_link *slot = iface > 0 && iface <= UINT16_MAX && !find_link(r, iface)
                                    ? make_link(r, iface, inner->type, inner->name ? inner->name : "link")
                                    : NULL;
    struct weft_tee_observer observer = {observe, end_round, NULL, slot};
    int error;

    if (!slot) {
        weft_link_close(inner);
        return WEFT_E_LIMIT;
    }
    error = weft_link_tee(inner, &observer, link);
    if (error)
        slot->iface = 0;
    return error;
}

/* --- From a file -------------------------------------------------------------------------------- */

/* The comments of the capture's last frame, copied to the recording. */
static int copy_comments(const struct weft_capture *capture, struct weft_recording *r)
{
    char lines[4096];
    uint32_t used = 0;
    const char *comment;

    for (unsigned n = 0; (comment = weft_capture_comment(capture, n)) != NULL; n++) {
        size_t len = strlen(comment) + 1;

        if (len == 1 || used + len >= sizeof(lines))
            continue;
        memcpy(lines + used, comment, len);
        used += (uint32_t)len;
    }
    if (used == 0)
        return 0;
    lines[used] = '\0';
    return inspect_recording_add_comments(r, lines, used + 1);
}

int weft_recording_load(const char *path, const struct weft_recording_config *config,
                        struct weft_recording **recording, char *why, size_t why_size)
{
    struct weft_capture *capture;
    struct weft_recording *r;
    struct weft_frame frame;
    int error = weft_capture_open(path, &capture, why, why_size), got;

    if (error)
        return error;
    error = weft_recording_new(config, &r);
    if (error) {
        weft_capture_close(capture);
        return inspect_why(why, why_size, error, "no memory");
    }
    (void)inspect_why(why, why_size, 0, "%s", "");
    while ((got = weft_capture_next(capture, &frame)) > 0)
        if (weft_recording_add_frame(r, &frame) != 0 || copy_comments(capture, r) != 0)
            break;
    if (got < 0)
        (void)inspect_why(why, why_size, got, "%s", weft_capture_problem(capture));
    weft_capture_close(capture);
    *recording = r;
    return 0;
}
