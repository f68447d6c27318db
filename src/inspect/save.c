/* SPDX-License-Identifier: MIT */
/*
 * A recording as a pcapng file: each frame with its trace events as comments.
 * What happened between frames is told with the frame that follows it.
 */
#include "inspect/anatomy.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "inspect/pcapng.h"

/* Comments of one frame; ours: a reader wants to see them at a glance. */
#define MAX_LINES 64

struct saving {
    const struct anatomy *a;
    struct weft_pcapng *pcapng;
    unsigned count;
    const char *line[MAX_LINES];
    char text[MAX_LINES][WEFT_TRACE_TEXT + 80];
};

/* Room for one line more, or NULL. */
static char *next_line(struct saving *s)
{
    if (s->count == MAX_LINES)
        return NULL;
    s->line[s->count] = s->text[s->count];
    return s->text[s->count++];
}

/* A line that stands alone. Sequence numbers are relative, as Wireshark shows them. */
static void describe(const struct anatomy *a, const struct anatomy_entry *entry,
                     const struct weft_trace_record *event, char *buf)
{
    const struct inspect_bases *bases = anatomy_bases(a, entry);
    char text[WEFT_TRACE_TEXT];

    if (event->conn == 0 || event->conn != entry->conn || !bases) {
        weft_trace_text(event, buf);
        return;
    }
    inspect_trace_text_relative(event, bases, a->start, text);
    (void)snprintf(buf, WEFT_TRACE_TEXT + 16, "TCP #%" PRIu32 " %s", event->conn, text);
}

static void note_events(struct saving *s, const struct anatomy_entry *entry)
{
    for (uint32_t i = 0; i < entry->event_count; i++) {
        const struct weft_trace_record *event = s->a->event[entry->first_event + i];
        char buf[WEFT_TRACE_TEXT + 16], *line;

        if (anatomy_is_told(event) || (line = next_line(s)) == NULL)
            continue;
        describe(s->a, entry, event, buf);
        if (entry->kind == ANATOMY_FRAME)
            (void)snprintf(line, sizeof(s->text[0]), "%s", buf);
        else
            (void)snprintf(line, sizeof(s->text[0]), "before this frame, at %+.6f s: %s",
                           (double)(int64_t)(entry->time - s->a->start) / (double)WEFT_SEC, buf);
    }
}

static void note_state(struct saving *s, const struct anatomy_entry *entry)
{
    char *line = entry->has_state && entry->state_before == entry->state_after ? next_line(s) : NULL;

    if (line)
        (void)snprintf(line, sizeof(s->text[0]), "TCP #%" PRIu32 " state stays %s", entry->conn,
                       weft_tcp_state_name(entry->state_after));
}

/* The comments that came with the frame from a file. */
static void note_comments(struct saving *s, const struct anatomy_entry *entry)
{
    for (const char *line = entry->frame->comments; line && *line; line += strlen(line) + 1)
        if (s->count < MAX_LINES)
            s->line[s->count++] = line;
}

static int save_entries(struct saving *s)
{
    int error = 0;

    for (uint32_t i = 0; i < s->a->entry_count && error == 0; i++) {
        const struct anatomy_entry *entry = &s->a->entry[i];

        if (entry->kind == ANATOMY_FRAME) {
            note_state(s, entry);
            note_comments(s, entry);
        }
        note_events(s, entry);
        if (entry->kind != ANATOMY_FRAME)
            continue;
        error = weft_pcapng_write(s->pcapng, &entry->frame->frame, s->line, s->count);
        s->count = 0;
    }
    return error;
}

static int describe_links(struct saving *s)
{
    const struct weft_recording *r = s->a->recording;
    int error = 0;

    for (unsigned i = 0; i < INSPECT_MAX_LINKS && error == 0; i++)
        if (r->link[i].iface != 0)
            error = weft_pcapng_add_iface(s->pcapng, (uint16_t)r->link[i].iface, r->link[i].name,
                                          r->link[i].type);
    return error;
}

int weft_recording_save(const struct weft_recording *recording, const char *path, char *why, size_t why_size)
{
    struct saving *s = calloc(1, sizeof(*s));
    struct anatomy *a = NULL;
    int error = s ? anatomy_new(recording, &a) : WEFT_E_NOMEM, close_error;

    if (error) {
        free(s);
        return inspect_why(why, why_size, error, "no memory");
    }
    s->a = a;
    error = weft_pcapng_create(path, recording->config.epoch, &s->pcapng, why, why_size);
    if (!error) {
        error = describe_links(s);
        if (!error)
            error = save_entries(s);
        close_error = weft_pcapng_close(s->pcapng);
        error = error ? error : close_error;
        if (error)
            (void)inspect_why(why, why_size, error, "cannot write %s: %s", path, weft_strerror(error));
    }
    anatomy_free(a);
    free(s);
    return error;
}
