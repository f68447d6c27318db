/* SPDX-License-Identifier: MIT */
/* Scenarios as text, written: what scenario_read.c reads. */
#include "lab/scenario.h"

#include <inttypes.h>
#include <string.h>

static void write_lines(const struct weft_wire_direction direction[2],
                        const struct weft_wire_direction defaults[2], FILE *out)
{
    static const char *const prefixes[] = {"forth:", "back:"};

    if (memcmp(&direction[0], &direction[1], sizeof(direction[0])) == 0 &&
        memcmp(&defaults[0], &defaults[1], sizeof(defaults[0])) == 0) {
        lab_words_write(lab_line_words, &direction[0], &defaults[0], "", out);
        return;
    }
    for (unsigned i = 0; i < 2; i++)
        lab_words_write(lab_line_words, &direction[i], &defaults[i], prefixes[i], out);
}

static void write_node(const struct lab_node *node, FILE *out)
{
    static const struct lab_node defaults;

    fprintf(out, "%s %s", node->kind == LAB_HOST ? "host" : "router", node->name);
    if (node->kind == LAB_HOST)
        lab_words_write(lab_host_words, &node->host, &defaults.host, "", out);
    else
        lab_words_write(lab_router_words, node, &defaults, "", out);
    fputc('\n', out);
}

static void write_link(const struct lab_scenario *s, const struct lab_link *link, FILE *out)
{
    static const struct lab_link defaults;

    fprintf(out, "link %s %s", s->node[link->node[0]].name, s->node[link->node[1]].name);
    lab_words_write(lab_link_words, &link->both, &defaults.both, "", out);
    write_lines(link->direction, defaults.direction, out);
    fputc('\n', out);
}

static void write_box(const struct lab_scenario *s, const struct lab_box *box, FILE *out)
{
    static const struct lab_box defaults;

    fprintf(out, "box %s on %s", box->name, s->link[box->link].name);
    lab_words_write(lab_box_words, &box->config, &defaults.config, "", out);
    fputc('\n', out);
}

static void write_flow(const struct lab_scenario *s, const struct lab_flow *flow, FILE *out)
{
    static const struct lab_flow defaults;

    fprintf(out, "flow %s %s -> %s", flow->name, s->node[flow->node[0]].name, s->node[flow->node[1]].name);
    lab_words_write(lab_flow_words, &flow->both, &defaults.both, "", out);
    lab_words_write(lab_side_words, &flow->side[0], &defaults.side[0], "client:", out);
    lab_words_write(lab_side_words, &flow->side[1], &defaults.side[1], "server:", out);
    fputc('\n', out);
}

/* The last event before this one that was for the same part; NULL: none. */
static const struct lab_event *event_before(const struct lab_scenario *s, const struct lab_event *event)
{
    const struct lab_event *last = NULL;

    for (const struct lab_event *e = s->event; e < event; e++)
        if (e->kind == event->kind && e->index == event->index)
            last = e;
    return last;
}

/* Only what the event changes: against what the events before it have left. */
static void write_event(const struct lab_scenario *s, const struct lab_event *event, FILE *out)
{
    const struct lab_event *before = event_before(s, event);
    const struct lab_link *link = &s->link[event->index];
    const struct lab_box *box = &s->box[event->index];

    fputs("at ", out);
    lab_write_time(out, event->at);
    if (event->kind == LAB_EVENT_ABORT) {
        fprintf(out, " abort %s", s->flow[event->index].name);
    } else if (event->kind == LAB_EVENT_BOX) {
        fprintf(out, " box %s", box->name);
        lab_words_write(lab_box_words, &event->box, before ? &before->box : &box->config, "", out);
    } else {
        fprintf(out, " link %s", link->name);
        lab_words_write(lab_link_words, &event->both, before ? &before->both : &link->both, "", out);
        write_lines(event->direction, before ? before->direction : link->direction, out);
    }
    fputc('\n', out);
}

static void write_expect(const struct lab_scenario *s, const struct lab_expect *expect, FILE *out)
{
    fputs("expect ", out);
    for (unsigned i = 0; i < expect->count; i++)
        fprintf(out, "%s%s", i ? "," : "",
                lab_metric_is_of_link(expect->metric) ? s->link[expect->subject[i]].name
                                                      : s->flow[expect->subject[i]].name);
    fprintf(out, " %s %s ", lab_metric_name(expect->metric), expect->at_most ? "<=" : ">=");
    if (expect->metric == LAB_METRIC_FINISH || expect->metric == LAB_METRIC_RTT)
        lab_write_time(out, (weft_time)expect->value);
    else if (expect->metric == LAB_METRIC_GOODPUT)
        lab_write_rate(out, (uint64_t)expect->value);
    else
        fprintf(out, "%.10g", expect->value);
    fputc('\n', out);
}

void lab_scenario_write(const struct lab_scenario *s, FILE *out)
{
    if (s->title[0])
        fprintf(out, "title %s\n", s->title);
    fprintf(out, "seed %" PRIu64 "\n", s->seed);
    if (s->time) {
        fputs("time ", out);
        lab_write_time(out, s->time);
        fputc('\n', out);
    }
    if (s->is_hostile)
        fputs("hostile\n", out);
    for (unsigned i = 0; i < s->node_count; i++)
        write_node(&s->node[i], out);
    for (unsigned i = 0; i < s->link_count; i++)
        write_link(s, &s->link[i], out);
    for (unsigned i = 0; i < s->box_count; i++)
        write_box(s, &s->box[i], out);
    for (unsigned i = 0; i < s->flow_count; i++)
        write_flow(s, &s->flow[i], out);
    for (unsigned i = 0; i < s->event_count; i++)
        write_event(s, &s->event[i], out);
    for (unsigned i = 0; i < s->expect_count; i++)
        write_expect(s, &s->expect[i], out);
}
