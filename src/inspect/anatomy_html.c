/* SPDX-License-Identifier: MIT */
/*
 * The anatomy as one HTML file: the page of anatomy.html with the recording as
 * JSON in its place. All drawing is the page's; here is only what it draws.
 *
 * Never   puts anything from the network into the page but as data in that JSON,
 *         which the page shows as text, and pictures of four known types.
 */
#include "inspect/anatomy.h"

#include <stdlib.h>
#include <string.h>

#include "inspect/json.h"

/* Made from anatomy.html by scripts/embed.py. */
extern const unsigned char inspect_anatomy_page[];
extern const size_t inspect_anatomy_page_bytes;

/* Ours: what a browser draws without a pause. The rest is in the capture file. */
#define MAX_FRAMES  2000u
#define MAX_PAYLOAD 192u       /* bytes of a frame's payload that can be looked at */
#define MAX_BODY    (4u << 10) /* of a text that is shown */
#define MAX_PICTURE (4u << 20)

struct page {
    struct inspect_json j;
    const struct anatomy *a;
    const struct weft_inspect_options *options;
    struct weft_flows *flows;
    struct weft_dissection *dissection;
    uint32_t entries; /* that are in the page */
};

static int64_t relative(const struct page *p, weft_time time)
{
    return (int64_t)(time - p->a->start);
}

/* --- Summary and connections -------------------------------------------------------------- */

static void put_summary(struct page *p)
{
    const struct anatomy_summary *sum = &p->a->summary;
    struct weft_recording_summary recorded;

    weft_recording_summarize(p->a->recording, &recorded);
    inspect_json_open(&p->j, "summary", '{');
    inspect_json_number(&p->j, "frames", sum->frames);
    inspect_json_number(&p->j, "background", sum->background);
    inspect_json_number(&p->j, "bytes", (int64_t)sum->bytes);
    inspect_json_number(&p->j, "duration", (int64_t)sum->duration);
    inspect_json_number(&p->j, "handshake", (int64_t)sum->handshake);
    inspect_json_number(&p->j, "roundTrips", sum->round_trips);
    inspect_json_number(&p->j, "retransmissions", sum->retransmissions);
    inspect_json_number(&p->j, "problems", sum->problems);
    inspect_json_number(&p->j, "framesMissed", (int64_t)recorded.frames_missed);
    inspect_json_number(&p->j, "eventsMissed", (int64_t)recorded.events_missed);
    inspect_json_text(&p->j, "limit", recorded.limit);
    inspect_json_close(&p->j, '}');
}

static void put_flow(struct page *p, const struct anatomy_flow *flow)
{
    char here[WEFT_ADDR_STRLEN], there[WEFT_ADDR_STRLEN];

    inspect_json_open(&p->j, NULL, '{');
    inspect_json_text(&p->j, "here", weft_addr_format(&flow->here, here));
    inspect_json_number(&p->j, "herePort", flow->here_port);
    inspect_json_text(&p->j, "there", weft_addr_format(&flow->there, there));
    inspect_json_number(&p->j, "therePort", flow->there_port);
    inspect_json_flag(&p->j, "hereIsClient", flow->here_is_client);
    inspect_json_number(&p->j, "conn", flow->conn);
    inspect_json_number(&p->j, "received", flow->stream[0].len);
    inspect_json_number(&p->j, "sent", flow->stream[1].len);
    inspect_json_close(&p->j, '}');
}

/* An entry's index, or -1 when it is not in the page. */
static int64_t entry_or_none(const struct page *p, uint32_t entry)
{
    return entry < p->entries ? (int64_t)entry : -1;
}

static void put_states(struct page *p)
{
    inspect_json_open(&p->j, "states", '[');
    for (uint32_t i = 0; i < p->a->state_count; i++) {
        const struct anatomy_state *state = &p->a->state[i];

        if (state->from_entry >= p->entries)
            continue;
        inspect_json_open(&p->j, NULL, '{');
        inspect_json_number(&p->j, "conn", state->conn);
        inspect_json_text(&p->j, "state", weft_tcp_state_name(state->state));
        inspect_json_text(&p->j, "cause", weft_tcp_cause_text(state->cause));
        inspect_json_number(&p->j, "from", state->from_entry);
        inspect_json_number(&p->j, "to", entry_or_none(p, state->to_entry));
        inspect_json_number(&p->j, "t", relative(p, state->from));
        inspect_json_close(&p->j, '}');
    }
    inspect_json_close(&p->j, ']');
}

static void put_timers(struct page *p)
{
    static const char *const ends[] = {"open", "cancelled", "fired"};

    inspect_json_open(&p->j, "timers", '[');
    for (uint32_t i = 0; i < p->a->timer_count; i++) {
        const struct anatomy_timer *timer = &p->a->timer[i];

        if (timer->from_entry >= p->entries)
            continue;
        inspect_json_open(&p->j, NULL, '{');
        inspect_json_number(&p->j, "conn", timer->conn);
        inspect_json_text(&p->j, "name", weft_tcp_timer_name(timer->timer));
        inspect_json_text(&p->j, "source", weft_tcp_timer_source(timer->timer));
        inspect_json_text(&p->j, "end", ends[timer->end]);
        inspect_json_number(&p->j, "from", timer->from_entry);
        inspect_json_number(&p->j, "to", entry_or_none(p, timer->to_entry));
        inspect_json_number(&p->j, "in", (int64_t)timer->in);
        inspect_json_number(&p->j, "t", relative(p, timer->from));
        inspect_json_number(&p->j, "u", timer->end == ANATOMY_OPEN ? -1 : relative(p, timer->to));
        inspect_json_number(&p->j, "restarts", timer->restarts);
        inspect_json_close(&p->j, '}');
    }
    inspect_json_close(&p->j, ']');
}

/* --- Messages --------------------------------------------------------------------------------- */

static bool is_picture(const char *type)
{
    return strcmp(type, "image/jpeg") == 0 || strcmp(type, "image/png") == 0 ||
           strcmp(type, "image/webp") == 0 || strcmp(type, "image/gif") == 0;
}

static bool is_text(const char *type)
{
    return strncmp(type, "text/", 5) == 0 || strstr(type, "json") || strstr(type, "xml") ||
           strstr(type, "javascript") || strcmp(type, "application/x-www-form-urlencoded") == 0;
}

static void put_message(struct page *p, const struct anatomy_message *m)
{
    const struct anatomy_stream *stream = &p->a->flow[m->flow].stream[m->side];
    const uint8_t *body = stream->bodies + m->body_from;

    if (m->first_entry >= p->entries)
        return;
    inspect_json_open(&p->j, NULL, '{');
    inspect_json_number(&p->j, "flow", m->flow);
    inspect_json_flag(&p->j, "response", m->is_response);
    inspect_json_flag(&p->j, "fromHere", m->side == 1);
    inspect_json_flag(&p->j, "complete", m->is_complete);
    inspect_json_number(&p->j, "first", m->first_entry);
    inspect_json_number(&p->j, "last", m->last_entry);
    inspect_json_foreign(&p->j, "head", stream->bytes + m->head_from, m->head_len);
    inspect_json_text(&p->j, "type", m->content_type);
    inspect_json_number(&p->j, "length", m->body_len);
    if (m->is_complete && is_picture(m->content_type) && m->body_len <= MAX_PICTURE)
        inspect_json_base64(&p->j, "picture", body, m->body_len);
    else if (is_text(m->content_type))
        inspect_json_foreign(&p->j, "text", body, m->body_len < MAX_BODY ? m->body_len : MAX_BODY);
    inspect_json_close(&p->j, '}');
}

/* --- Entries ----------------------------------------------------------------------------------------- */

static const char *proto_class(enum weft_proto proto)
{
    static const char *const classes[] = {
        [WEFT_PROTO_ETHERNET] = "eth", [WEFT_PROTO_VLAN] = "eth",  [WEFT_PROTO_ARP] = "arp",
        [WEFT_PROTO_IP4] = "ip",       [WEFT_PROTO_IP6] = "ip",    [WEFT_PROTO_ICMP4] = "icmp",
        [WEFT_PROTO_ICMP6] = "icmp",   [WEFT_PROTO_UDP] = "udp",   [WEFT_PROTO_TCP] = "tcp",
        [WEFT_PROTO_HTTP] = "http",    [WEFT_PROTO_DATA] = "data", [WEFT_PROTO_TRAILER] = "pad",
    };

    return classes[proto];
}

/* [name, text, note, source, bit, bits, depth, wrong] */
static void put_field(struct page *p, const struct weft_dissect_field *field)
{
    inspect_json_open(&p->j, NULL, '[');
    inspect_json_text(&p->j, NULL, field->name);
    inspect_json_text(&p->j, NULL, field->text);
    inspect_json_text(&p->j, NULL, field->note);
    inspect_json_text(&p->j, NULL, field->source);
    inspect_json_number(&p->j, NULL, field->bit);
    inspect_json_number(&p->j, NULL, field->bits);
    inspect_json_number(&p->j, NULL, field->depth);
    inspect_json_number(&p->j, NULL, field->is_wrong);
    inspect_json_close(&p->j, ']');
}

static void put_layers(struct page *p)
{
    const struct weft_dissection *d = p->dissection;

    inspect_json_open(&p->j, "layers", '[');
    for (unsigned i = 0; i < d->layer_count; i++) {
        const struct weft_dissect_layer *layer = &d->layer[i];

        inspect_json_open(&p->j, NULL, '{');
        inspect_json_text(&p->j, "class", proto_class(layer->proto));
        inspect_json_text(&p->j, "name", layer->name);
        inspect_json_text(&p->j, "short", layer->short_name);
        inspect_json_text(&p->j, "source", layer->source);
        inspect_json_text(&p->j, "summary", layer->summary);
        inspect_json_text(&p->j, "problem", layer->problem);
        inspect_json_number(&p->j, "offset", layer->offset);
        inspect_json_number(&p->j, "length", layer->len);
        inspect_json_flag(&p->j, "quoted", layer->is_quoted);
        inspect_json_open(&p->j, "fields", '[');
        for (unsigned f = 0; f < layer->field_count; f++)
            put_field(p, &d->field[layer->first_field + f]);
        inspect_json_close(&p->j, ']');
        inspect_json_close(&p->j, '}');
    }
    inspect_json_close(&p->j, ']');
}

static void put_events(struct page *p, const struct anatomy_entry *entry)
{
    static const char *const topics[] = {"state", "timer", "why", "app", "drop", "event"};
    char buf[WEFT_TRACE_TEXT];

    inspect_json_open(&p->j, "events", '[');
    for (uint32_t i = 0; i < entry->event_count; i++) {
        const struct weft_trace_record *event = p->a->event[entry->first_event + i];

        if (anatomy_is_told(event))
            continue;
        inspect_json_open(&p->j, NULL, '[');
        inspect_json_text(&p->j, NULL, topics[anatomy_topic_of(event)]);
        inspect_json_text(&p->j, NULL, anatomy_event_text(p->a, entry, event, buf));
        inspect_json_close(&p->j, ']');
    }
    for (const char *line = entry->frame ? entry->frame->comments : NULL; line && *line;
         line += strlen(line) + 1) {
        inspect_json_open(&p->j, NULL, '[');
        inspect_json_text(&p->j, NULL, "comment");
        inspect_json_text(&p->j, NULL, line);
        inspect_json_close(&p->j, ']');
    }
    inspect_json_close(&p->j, ']');
}

static void put_tcp(struct page *p, const struct weft_dissect_tcp *tcp)
{
    inspect_json_open(&p->j, "tcp", '{');
    inspect_json_number(&p->j, "flags", tcp->flags);
    inspect_json_number(&p->j, "seq", tcp->seq_is_relative ? tcp->relative_seq : tcp->seq);
    inspect_json_number(&p->j, "ack", tcp->seq_is_relative ? tcp->relative_ack : tcp->ack);
    inspect_json_number(&p->j, "window", tcp->window);
    inspect_json_number(&p->j, "length", tcp->payload_len);
    inspect_json_number(&p->j, "notes", tcp->notes);
    inspect_json_close(&p->j, '}');
}

/* The frame itself: layers, and bytes up to a part of the payload. */
static void put_frame(struct page *p, const struct anatomy_entry *entry)
{
    const struct weft_frame *frame = &entry->frame->frame;
    uint32_t shown = entry->is_tcp ? entry->tcp.payload_offset + MAX_PAYLOAD : WEFT_BLOCK_SMALL;

    weft_dissect(p->flows, frame, p->dissection);
    inspect_json_number(&p->j, "number", entry->number);
    inspect_json_flag(&p->j, "toRight", entry->to_right);
    inspect_json_text(&p->j, "kind", entry->kind_text);
    inspect_json_text(&p->j, "summary", entry->summary);
    inspect_json_number(&p->j, "problems", entry->problems);
    inspect_json_number(&p->j, "size", frame->wire_len);
    inspect_json_base64(&p->j, "bytes", frame->bytes, frame->len < shown ? frame->len : shown);
    if (entry->is_tcp)
        put_tcp(p, &entry->tcp);
    put_layers(p);
}

static void put_entry(struct page *p, const struct anatomy_entry *entry)
{
    static const char *const kinds[] = {"frame", "timer", "app", "stack"};

    inspect_json_open(&p->j, NULL, '{');
    inspect_json_text(&p->j, "what", kinds[entry->kind]);
    inspect_json_number(&p->j, "t", relative(p, entry->time));
    inspect_json_number(&p->j, "fold", entry->fold);
    inspect_json_number(&p->j, "conn", entry->conn);
    inspect_json_number(&p->j, "flow", entry->flow != UINT32_MAX ? (int64_t)entry->flow : -1);
    if (entry->has_state) {
        inspect_json_text(&p->j, "before", weft_tcp_state_name(entry->state_before));
        inspect_json_text(&p->j, "after", weft_tcp_state_name(entry->state_after));
    }
    if (entry->kind == ANATOMY_FRAME)
        put_frame(p, entry);
    put_events(p, entry);
    inspect_json_close(&p->j, '}');
}

/* How many entries go into the page. */
static uint32_t count_entries(const struct anatomy *a)
{
    uint32_t count = 0, frames = 0;

    while (count < a->entry_count && frames < MAX_FRAMES)
        frames += a->entry[count++].kind == ANATOMY_FRAME;
    return count;
}

/* --- The page ------------------------------------------------------------------------------------------- */

static void put_recording(struct page *p)
{
    const struct anatomy *a = p->a;

    p->entries = count_entries(a);
    inspect_json_open(&p->j, NULL, '{');
    inspect_json_text(&p->j, "title", p->options->title ? p->options->title : "Anatomy of an exchange");
    inspect_json_text(&p->j, "here", anatomy_here(a, p->options));
    inspect_json_text(&p->j, "there", anatomy_there(a, p->options));
    inspect_json_number(&p->j, "epoch",
                        a->recording->config.epoch ? (int64_t)(a->recording->config.epoch + a->start) : 0);
    inspect_json_number(&p->j, "left", (int64_t)a->entry_count - p->entries);
    put_summary(p);
    inspect_json_open(&p->j, "flows", '[');
    for (uint32_t i = 0; i < a->flow_count && i < MAX_FRAMES; i++)
        put_flow(p, &a->flow[i]);
    inspect_json_close(&p->j, ']');
    put_states(p);
    put_timers(p);
    inspect_json_open(&p->j, "messages", '[');
    for (uint32_t i = 0; i < a->message_count; i++)
        put_message(p, &a->message[i]);
    inspect_json_close(&p->j, ']');
    inspect_json_open(&p->j, "entries", '[');
    for (uint32_t i = 0; i < p->entries; i++)
        put_entry(p, &a->entry[i]);
    inspect_json_close(&p->j, ']');
    inspect_json_close(&p->j, '}');
}

/* The page with the recording where its place is marked. */
static int put_page(struct page *p)
{
    static const char mark[] = "@RECORDING@";
    const char *page = (const char *)inspect_anatomy_page, *place = strstr(page, mark);
    size_t before = (size_t)(place - page), behind = before + sizeof(mark) - 1;

    (void)fwrite(page, 1, before, p->j.out);
    put_recording(p);
    (void)fwrite(page + behind, 1, inspect_anatomy_page_bytes - behind, p->j.out);
    return fflush(p->j.out) != 0 || ferror(p->j.out) ? WEFT_E_IO : 0;
}

int weft_anatomy_html(FILE *out, const struct weft_recording *recording,
                      const struct weft_inspect_options *options)
{
    static const struct weft_inspect_options none;
    struct page p = {.j.out = out, .options = options ? options : &none};
    struct anatomy *a = NULL;
    int error = anatomy_new(recording, &a);

    p.a = a;
    p.dissection = malloc(sizeof(*p.dissection));
    if (!error && !p.dissection)
        error = WEFT_E_NOMEM;
    if (!error)
        error = anatomy_flows_new(recording, &p.flows);
    if (!error)
        error = put_page(&p);
    weft_flows_free(p.flows);
    free(p.dissection);
    anatomy_free(a);
    return error;
}
