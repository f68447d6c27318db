/* SPDX-License-Identifier: MIT */
/*
 * The anatomy for a terminal: a summary, the frames with what belongs to each,
 * and the connections over time.
 */
#include "inspect/anatomy.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "inspect/print.h"
#include "inspect/text.h"

struct telling {
    struct printer p;
    const struct anatomy *a;
    struct weft_flows *flows;
    struct weft_dissection *dissection;
};

/* --- The summary ----------------------------------------------------------------------- */

static void tell_ends(struct telling *t)
{
    const struct anatomy_flow *flow = t->a->flow;
    char here[WEFT_ADDR_STRLEN], there[WEFT_ADDR_STRLEN];

    if (t->a->flow_count == 0)
        return;
    weft_addr_format(&flow->here, here);
    weft_addr_format(&flow->there, there);
    inspect_print(&t->p, PRINT_PLAIN, "%s %s port %u  %s  %s %s port %u", t->p.there, there, flow->there_port,
                  flow->here_is_client ? "◀──" : "──▶", t->p.here, here, flow->here_port);
    if (t->a->flow_count > 1)
        inspect_print(&t->p, PRINT_DIM, "  and %" PRIu32 " more connections", t->a->flow_count - 1);
    inspect_print_newline(&t->p);
}

static void tell_sums(struct telling *t)
{
    const struct anatomy_summary *sum = &t->a->summary;
    char bytes[INSPECT_NUMBER_TEXT], time[INSPECT_NUMBER_TEXT];

    inspect_print(&t->p, PRINT_PLAIN, "%" PRIu32 " frames, %s on the wire, in %s", sum->frames,
                  inspect_text_bytes(sum->bytes, bytes), inspect_text_duration(sum->duration, time));
    inspect_print_newline(&t->p);
    if (sum->round_trips)
        inspect_print(&t->p, PRINT_PLAIN, "%" PRIu32 " %s · ", sum->round_trips,
                      sum->round_trips == 1 ? "round trip" : "round trips");
    if (sum->handshake)
        inspect_print(&t->p, PRINT_PLAIN, "handshake %s · ", inspect_text_duration(sum->handshake, time));
    inspect_print(&t->p, sum->retransmissions ? PRINT_WARN : PRINT_PLAIN, "%" PRIu32 " %s",
                  sum->retransmissions, sum->retransmissions == 1 ? "retransmission" : "retransmissions");
    if (sum->problems)
        inspect_print(&t->p, PRINT_BAD, " · %" PRIu32 " frames with problems", sum->problems);
    inspect_print_newline(&t->p);
}

/* The first line of a message, printable. */
static void tell_message(struct telling *t, const struct anatomy_message *m)
{
    const struct anatomy_stream *stream = &t->a->flow[m->flow].stream[m->side];
    char buf[160], number[INSPECT_NUMBER_TEXT];
    struct inspect_text line = inspect_text_in(buf, sizeof(buf));
    uint32_t len = 0;

    while (len < m->head_len && stream->bytes[m->head_from + len] != '\r' &&
           stream->bytes[m->head_from + len] != '\n')
        len++;
    inspect_text_printable(&line, stream->bytes + m->head_from, len);
    inspect_print(&t->p, PRINT_HTTP, "%s", buf);
    if (m->body_len > 0)
        inspect_print(&t->p, PRINT_DIM, "  %s%s%s", m->content_type, *m->content_type ? ", " : "",
                      inspect_text_bytes(m->body_len, number));
    if (!m->is_complete)
        inspect_print(&t->p, PRINT_WARN, "  (not complete)");
    inspect_print_newline(&t->p);
}

static void tell_limits(struct telling *t)
{
    struct weft_recording_summary sum;

    weft_recording_summarize(t->a->recording, &sum);
    if (!sum.limit && !sum.frames_missed && !sum.events_missed)
        return;
    inspect_print(&t->p, PRINT_WARN,
                  "Not all of it: %" PRIu64 " frames and %" PRIu64 " events were not recorded%s%s",
                  sum.frames_missed, sum.events_missed, sum.limit ? ", because a limit was reached: " : "",
                  sum.limit ? sum.limit : "");
    inspect_print_newline(&t->p);
}

static void tell_summary(struct telling *t)
{
    const char *title = t->p.options->title ? t->p.options->title : "Anatomy of an exchange";

    inspect_print(&t->p, PRINT_STRONG, "%s", title);
    inspect_print_newline(&t->p);
    tell_ends(t);
    tell_sums(t);
    for (uint32_t i = 0; i < t->a->message_count && i < 6; i++)
        tell_message(t, &t->a->message[i]);
    if (t->a->message_count > 6) {
        inspect_print(&t->p, PRINT_DIM, "and %" PRIu32 " more messages", t->a->message_count - 6);
        inspect_print_newline(&t->p);
    }
    tell_limits(t);
    inspect_print_newline(&t->p);
}

/* --- What happened besides -------------------------------------------------------------------- */

static void tell_event(struct telling *t, const struct anatomy_entry *entry,
                       const struct weft_trace_record *event)
{
    static const struct {
        const char *label;
        enum print_colour colour;
    } looks[] = {
        [ANATOMY_TOPIC_STATE] = {"state", PRINT_STATE},
        [ANATOMY_TOPIC_TIMER] = {"timer", PRINT_TIMER},
        [ANATOMY_TOPIC_WHY] = {"because", PRINT_STRONG},
        [ANATOMY_TOPIC_APPLICATION] = {"socket", PRINT_APPLICATION},
        [ANATOMY_TOPIC_DROP] = {"drop", PRINT_BAD},
        [ANATOMY_TOPIC_EVENT] = {"event", PRINT_DIM},
    };
    enum anatomy_topic topic = anatomy_topic_of(event);
    char buf[WEFT_TRACE_TEXT];

    inspect_print_row(&t->p, looks[topic].colour, looks[topic].label,
                      topic == ANATOMY_TOPIC_STATE ? PRINT_STATE : PRINT_PLAIN,
                      anatomy_event_text(t->a, entry, event, buf));
}

static void tell_events(struct telling *t, const struct anatomy_entry *entry)
{
    for (uint32_t i = 0; i < entry->event_count; i++) {
        const struct weft_trace_record *event = t->a->event[entry->first_event + i];

        if (!anatomy_is_told(event) && anatomy_topic_of(event) != ANATOMY_TOPIC_STATE)
            tell_event(t, entry, event);
    }
    for (const char *line = entry->frame ? entry->frame->comments : NULL; line && *line;
         line += strlen(line) + 1) {
        char buf[WEFT_TRACE_TEXT * 2];
        struct inspect_text text = inspect_text_in(buf, sizeof(buf));

        inspect_text_printable(&text, (const uint8_t *)line, strlen(line));
        inspect_print_row(&t->p, PRINT_DIM, "comment", PRINT_PLAIN, buf);
    }
}

/* Our side's state before and after: each change with its cause, or the state that stays. */
static void tell_states_of(struct telling *t, const struct anatomy_entry *entry)
{
    bool has_changed = false;

    for (uint32_t i = 0; i < entry->event_count; i++) {
        const struct weft_trace_record *event = t->a->event[entry->first_event + i];

        if (anatomy_topic_of(event) != ANATOMY_TOPIC_STATE)
            continue;
        tell_event(t, entry, event);
        has_changed = true;
    }
    if (entry->has_state && !has_changed)
        inspect_print_row(&t->p, PRINT_STATE, "state", PRINT_DIM, weft_tcp_state_name(entry->state_after));
}

/* --- Entries ------------------------------------------------------------------------------------ */

static int64_t relative_time(const struct telling *t, weft_time time)
{
    return (int64_t)(time - (t->p.options->start ? t->p.options->start : t->a->start));
}

static enum weft_direction direction_of(const struct anatomy_entry *entry)
{
    return entry->to_right ? WEFT_DIRECTION_IN : WEFT_DIRECTION_OUT;
}

static void tell_frame(struct telling *t, const struct anatomy_entry *entry)
{
    weft_dissect(t->flows, &entry->frame->frame, t->dissection);
    if (entry->fold != ANATOMY_SHOWN && !t->p.options->all)
        return;
    inspect_print_heading(&t->p, entry->number, relative_time(t, entry->time), direction_of(entry),
                          entry->kind_text, entry->summary, entry->problems > 0);
    if (t->p.options->compact)
        return;
    inspect_print_layers(&t->p, t->dissection);
    if (t->p.options->hex)
        inspect_print_bytes(&t->p, &entry->frame->frame);
    tell_states_of(t, entry);
    tell_events(t, entry);
    inspect_print_newline(&t->p);
}

/* Something between frames. */
static void tell_between(struct telling *t, const struct anatomy_entry *entry)
{
    int64_t time = relative_time(t, entry->time);
    uint64_t distance = (uint64_t)(time < 0 ? -time : time);

    if (t->p.options->compact || (entry->fold != ANATOMY_SHOWN && !t->p.options->all))
        return;
    inspect_print(&t->p, PRINT_DIM, "   ·  %s%" PRIu64 ".%06" PRIu64, time < 0 ? "-" : " ",
                  distance / WEFT_SEC, distance % WEFT_SEC);
    inspect_print_to(&t->p, 17);
    inspect_print(&t->p, PRINT_DIM, "%s",
                  entry->kind == ANATOMY_TIMER         ? "between frames: a timer"
                  : entry->kind == ANATOMY_APPLICATION ? "the application"
                                                       : "between frames");
    inspect_print_newline(&t->p);
    if (entry->state_before != entry->state_after)
        tell_states_of(t, entry);
    tell_events(t, entry);
    inspect_print_newline(&t->p);
}

static void tell_run(struct telling *t, uint32_t from)
{
    struct anatomy_run run = anatomy_run_at(t->a, from);
    char bytes[INSPECT_NUMBER_TEXT];

    inspect_print_to(&t->p, 6);
    if (t->a->entry[from].fold == ANATOMY_FOLDED_BACKGROUND)
        inspect_print(&t->p, PRINT_DIM, "… %" PRIu32 " %s that %s nothing to do with it: %s …", run.frames,
                      run.frames == 1 ? "frame" : "frames", run.frames == 1 ? "has" : "have",
                      t->a->entry[from].kind_text);
    else
        inspect_print(&t->p, PRINT_DIM, "… %" PRIu32 " more data segments, %s, and %" PRIu32 " ACKs …",
                      run.data_segments, inspect_text_bytes(run.payload, bytes), run.acks);
    inspect_print_newline(&t->p);
    if (!t->p.options->compact)
        inspect_print_newline(&t->p);
}

static void tell_entries(struct telling *t)
{
    const struct anatomy *a = t->a;

    for (uint32_t i = 0; i < a->entry_count; i++) {
        const struct anatomy_entry *entry = &a->entry[i];
        bool begins_run = entry->fold != ANATOMY_SHOWN && (i == 0 || a->entry[i - 1].fold != entry->fold);

        if (begins_run && !t->p.options->all)
            tell_run(t, i);
        if (entry->kind == ANATOMY_FRAME)
            tell_frame(t, entry);
        else
            tell_between(t, entry);
    }
}

/* --- The connections over time ------------------------------------------------------------------- */

static void tell_states(struct telling *t)
{
    const struct anatomy *a = t->a;

    if (a->state_count == 0)
        return;
    inspect_print(&t->p, PRINT_STRONG, "Our side over time");
    inspect_print_newline(&t->p);
    for (uint32_t i = 0; i < a->state_count; i++) {
        const struct anatomy_state *state = &a->state[i];
        int64_t time = relative_time(t, state->from);
        uint64_t distance = (uint64_t)(time < 0 ? -time : time);

        inspect_print(&t->p, PRINT_PLAIN, "      %s%" PRIu64 ".%06" PRIu64, time < 0 ? "-" : " ",
                      distance / WEFT_SEC, distance % WEFT_SEC);
        inspect_print_to(&t->p, 18);
        inspect_print(&t->p, PRINT_DIM, "TCP #%" PRIu32, state->conn);
        inspect_print_to(&t->p, 26);
        inspect_print(&t->p, PRINT_STATE, "%s", weft_tcp_state_name(state->state));
        inspect_print_to(&t->p, 41);
        inspect_print(&t->p, PRINT_PLAIN, "%s", weft_tcp_cause_text(state->cause));
        inspect_print_newline(&t->p);
    }
}

int weft_anatomy_text(FILE *out, const struct weft_recording *recording,
                      const struct weft_inspect_options *options)
{
    struct telling t = {.p = inspect_printer(out, options)};
    struct anatomy *a = NULL;
    int error = anatomy_new(recording, &a);

    t.a = a;
    t.dissection = malloc(sizeof(*t.dissection));
    if (!error && !t.dissection)
        error = WEFT_E_NOMEM;
    if (!error)
        error = anatomy_flows_new(recording, &t.flows);
    if (!error) {
        t.p.here = anatomy_here(a, t.p.options);
        t.p.there = anatomy_there(a, t.p.options);
        tell_summary(&t);
        tell_entries(&t);
        tell_states(&t);
        error = inspect_printer_result(&t.p);
    }
    weft_flows_free(t.flows);
    free(t.dissection);
    anatomy_free(a);
    return error;
}
