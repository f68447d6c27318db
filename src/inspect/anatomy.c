/* SPDX-License-Identifier: MIT */
/* The anatomy as a whole: its steps and its questions. The steps are in the anatomy_<step> files. */
#include "inspect/anatomy.h"

#include <stdlib.h>
#include <string.h>

#include "inspect/text.h"

/* Conversations at one time; ours: more than any exchange that a person looks at has. */
#define MAX_FLOWS 4096

int anatomy_new(const struct weft_recording *recording, struct anatomy **out)
{
    struct anatomy *a = calloc(1, sizeof(*a));
    int error;

    if (!a)
        return WEFT_E_NOMEM;
    a->recording = recording;
    error = anatomy_attribute(a);
    if (!error)
        error = anatomy_states(a);
    if (!error)
        error = anatomy_streams(a);
    if (error) {
        anatomy_free(a);
        return error;
    }
    anatomy_fold(a);
    anatomy_summarize(a);
    *out = a;
    return 0;
}

void anatomy_free(struct anatomy *a)
{
    if (!a)
        return;
    for (uint32_t i = 0; i < a->flow_count; i++)
        for (unsigned side = 0; side < 2; side++) {
            free(a->flow[i].stream[side].piece);
            free(a->flow[i].stream[side].bytes);
            free(a->flow[i].stream[side].bodies);
        }
    free(a->entry);
    free(a->event);
    free(a->flow);
    free(a->state);
    free(a->timer);
    free(a->message);
    inspect_arena_free(&a->arena);
    free(a);
}

int anatomy_flows_new(const struct weft_recording *recording, struct weft_flows **flows)
{
    return weft_flows_new(recording->frame_count < MAX_FLOWS ? recording->frame_count + 1 : MAX_FLOWS, flows);
}

const char *anatomy_here(const struct anatomy *a, const struct weft_inspect_options *options)
{
    if (options->here)
        return options->here;
    return a->is_foreign ? "server" : "weft";
}

const char *anatomy_there(const struct anatomy *a, const struct weft_inspect_options *options)
{
    if (options->there)
        return options->there;
    return a->is_foreign ? "client" : "peer";
}

const struct inspect_bases *anatomy_bases(const struct anatomy *a, const struct anatomy_entry *entry)
{
    return entry->flow != UINT32_MAX ? &a->flow[entry->flow].bases : NULL;
}

bool anatomy_is_told(const struct weft_trace_record *event)
{
    return event->event == WEFT_TRACE_FRAME_IN || event->event == WEFT_TRACE_FRAME_OUT ||
           event->event == WEFT_TRACE_TCP_IN;
}

enum anatomy_topic anatomy_topic_of(const struct weft_trace_record *event)
{
    switch (event->event) {
    case WEFT_TRACE_TCP_STATE:
        return ANATOMY_TOPIC_STATE;
    case WEFT_TRACE_TCP_TIMER_SET:
    case WEFT_TRACE_TCP_TIMER_CANCEL:
    case WEFT_TRACE_TCP_TIMER_FIRED:
        return ANATOMY_TOPIC_TIMER;
    case WEFT_TRACE_TCP_OUT:
        return ANATOMY_TOPIC_WHY;
    case WEFT_TRACE_DROP:
        return ANATOMY_TOPIC_DROP;
    default:
        return weft_trace_event_info(event->event)->layer == WEFT_LAYER_SOCKET ? ANATOMY_TOPIC_APPLICATION
                                                                               : ANATOMY_TOPIC_EVENT;
    }
}

/* Beside the label that names the topic its name need not be said again. */
static const char *skip_topic(const struct weft_trace_record *event, const char *text)
{
    static const char *const said[] = {[ANATOMY_TOPIC_STATE] = "state ",
                                       [ANATOMY_TOPIC_TIMER] = "timer ",
                                       [ANATOMY_TOPIC_APPLICATION] = "socket "};
    enum anatomy_topic topic = anatomy_topic_of(event);
    const char *word = topic <= ANATOMY_TOPIC_APPLICATION ? said[topic] : NULL;

    return word && strncmp(text, word, strlen(word)) == 0 ? text + strlen(word) : text;
}

/* Events of which the generic text is too long for their place, or tells what stands beside it. False:
 * none of these. */
static bool tell_briefly(const struct anatomy_entry *entry, const struct weft_trace_record *event, char *buf)
{
    const uint64_t *arg = event->arg;
    char number[INSPECT_NUMBER_TEXT];

    switch (event->event) {
    case WEFT_TRACE_TCP_OUT:
        if (entry->kind != ANATOMY_FRAME || !entry->is_tcp)
            return false;
        (void)snprintf(
            buf, WEFT_TRACE_TEXT, "%s",
            weft_tcp_send_reason_text(arg[5] < WEFT_SENT_COUNT ? (unsigned)arg[5] : WEFT_SENT_COUNT));
        return true;
    case WEFT_TRACE_TCP_OPEN:
        (void)snprintf(buf, WEFT_TRACE_TEXT, "connection begins, opened by %s", arg[5] ? "the peer" : "us");
        return true;
    case WEFT_TRACE_TCP_WRITE:
        (void)snprintf(buf, WEFT_TRACE_TEXT, "application wrote %s", inspect_text_bytes(arg[0], number));
        return true;
    case WEFT_TRACE_TCP_READ:
        (void)snprintf(buf, WEFT_TRACE_TEXT, "application read %s", inspect_text_bytes(arg[0], number));
        return true;
    default:
        return false;
    }
}

const char *anatomy_event_text(const struct anatomy *a, const struct anatomy_entry *entry,
                               const struct weft_trace_record *event, char *buf)
{
    if (!tell_briefly(entry, event, buf))
        inspect_trace_text_relative(event, anatomy_bases(a, entry), a->start, buf);
    return skip_topic(event, buf);
}
