/* SPDX-License-Identifier: MIT */
/* Summaries of a run (report.h). */
#include "lab/report.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* --- Text ------------------------------------------------------------------------------ */

static void text_time(FILE *out, double usec, int width)
{
    if (isinf(usec))
        fprintf(out, "%*s", width, "-");
    else if (usec < 1e5)
        fprintf(out, "%*.3f ms", width - 3, usec / 1e3);
    else
        fprintf(out, "%*.3f s", width - 2, usec / 1e6);
}

static uint64_t delivered(const struct lab_flow_run *flow)
{
    uint64_t bytes = 0;

    for (unsigned i = 0; i < flow->count; i++)
        bytes += flow->conns[i].end[0].received + flow->conns[i].end[1].received;
    return bytes;
}

static void text_flows(const struct lab_run *run, FILE *out)
{
    fprintf(out, "%-16s %6s %14s %12s %14s %12s %7s %9s\n", "flow", "conns", "bytes", "finished", "goodput",
            "rtt", "again", "timeouts");
    for (unsigned i = 0; i < run->scenario->flow_count; i++) {
        const struct lab_flow_run *flow = &run->flow[i];

        fprintf(out, "%-16s %6u %14" PRIu64 " ", flow->flow->name, flow->count, delivered(flow));
        text_time(out, lab_measure(run, LAB_METRIC_FINISH, i), 12);
        fprintf(out, " %7.3f Mbit/s ", lab_measure(run, LAB_METRIC_GOODPUT, i) / 1e6);
        text_time(out, lab_measure(run, LAB_METRIC_RTT, i), 12);
        fprintf(out, " %7.0f %9.0f\n", lab_measure(run, LAB_METRIC_RETRANSMITTED, i),
                lab_measure(run, LAB_METRIC_TIMEOUTS, i));
    }
}

/* What has held a flow's senders, as shares of the time for which their connections stood, the largest first. Shorter
 * than a hundredth of it is not worth a word. */
static void text_held(const struct lab_flow_run *flow, FILE *out)
{
    weft_time held[WEFT_LIMIT_COUNT], all = 0, busy = lab_held(flow, held);
    const char *between = "";

    for (unsigned i = 0; i < WEFT_LIMIT_COUNT; i++)
        all += held[i];
    fprintf(out, "%-16s busy ", flow->flow->name);
    text_time(out, (double)busy, 0);
    fputs("; held by: ", out);
    for (;;) {
        unsigned most = 0;

        for (unsigned i = 1; i < WEFT_LIMIT_COUNT; i++)
            if (held[i] > held[most])
                most = i;
        if (held[most] == 0 || held[most] * 100 < all)
            break;
        fprintf(out, "%s%.0f %% %s", between, (double)held[most] * 100 / (double)all,
                weft_tcp_limit_text(most));
        held[most] = 0;
        between = ", ";
    }
    fprintf(out, "%s\n", *between ? "" : "nothing");
}

static void text_links(const struct lab_run *run, FILE *out)
{
    fprintf(out, "\n%-23s %9s %12s %8s %8s %8s %8s\n", "link", "packets", "bytes", "dropped", "marked",
            "lost", "queued");
    for (unsigned i = 0; i < run->scenario->link_count; i++)
        for (unsigned way = 0; way < 2; way++) {
            const struct lab_link *link = &run->scenario->link[i];
            struct weft_wire_stats s;
            char name[3 * LAB_NAME];

            weft_wire_stats(run->link[i].wire, (enum weft_wire_way)way, &s);
            (void)snprintf(name, sizeof(name), "%s > %s", run->scenario->node[link->node[way]].name,
                           run->scenario->node[link->node[1 - way]].name);
            fprintf(out, "%-23s %9" PRIu64 " %12" PRIu64 " %8" PRIu64 " %8" PRIu64 " %8" PRIu64 " %8u\n",
                    name, s.packets, s.bytes, s.dropped_full + s.dropped_early, s.marked,
                    s.lost + s.lost_large + s.lost_down, s.queue_most);
        }
}

static void text_expectations(const struct lab_run *run, FILE *out)
{
    for (unsigned i = 0; i < run->scenario->expect_count; i++) {
        const struct lab_expect *expect = &run->scenario->expect[i];
        char text[200];

        fprintf(out, "%s%s %s\n", i ? "" : "\n", lab_expect_is_met(run, expect) ? "ok    " : "NOT OK",
                lab_expect_text(run, expect, text, sizeof(text)));
    }
}

void lab_summary_text(const struct lab_run *run, FILE *out)
{
    fprintf(out, "%s%sseed %" PRIu64 ", %.6f s\n\n", run->scenario->title,
            run->scenario->title[0] ? "\n" : "", run->scenario->seed, (double)(run->end - run->begin) / 1e6);
    text_flows(run, out);
    fputc('\n', out);
    for (unsigned i = 0; i < run->scenario->flow_count; i++)
        text_held(&run->flow[i], out);
    text_links(run, out);
    text_expectations(run, out);
    if (run->faults)
        fprintf(out, "\n%u fault%s:\n%s", run->faults, run->faults > 1 ? "s" : "", run->fault_text);
}

/* --- JSON ---------------------------------------------------------------------------------- */

static void json_string(FILE *out, const char *text)
{
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            fprintf(out, "\\%c", *text);
        else if ((unsigned char)*text < 0x20)
            fprintf(out, "\\u%04x", *text);
        else
            fputc(*text, out);
    }
    fputc('"', out);
}

/* Not finite: null. */
static void json_number(FILE *out, const char *name, double value)
{
    if (isfinite(value))
        fprintf(out, ", \"%s\": %.10g", name, value);
    else
        fprintf(out, ", \"%s\": null", name);
}

/* By the names of enum weft_tcp_limit, in small letters. */
static void json_held(const struct lab_flow_run *flow, FILE *out)
{
    static const char *const names[] = {
#define NAME(name, text) #name,
        WEFT_TCP_LIMITS(NAME)
#undef NAME
    };
    weft_time held[WEFT_LIMIT_COUNT], busy = lab_held(flow, held);

    json_number(out, "busy_us", (double)busy);
    fputs(", \"held_us\": {", out);
    for (unsigned i = 0; i < WEFT_LIMIT_COUNT; i++) {
        fprintf(out, "%s\"", i ? ", " : "");
        for (const char *c = names[i]; *c; c++)
            fputc(*c == '_' ? '_' : *c - 'A' + 'a', out);
        fprintf(out, "\": %" PRIu64, held[i]);
    }
    fputc('}', out);
}

static void json_flows(const struct lab_run *run, FILE *out)
{
    fputs("\"flows\": [", out);
    for (unsigned i = 0; i < run->scenario->flow_count; i++) {
        const struct lab_flow_run *flow = &run->flow[i];

        fprintf(out, "%s\n  {\"name\": ", i ? "," : "");
        json_string(out, flow->flow->name);
        json_number(out, "connections", flow->count);
        json_number(out, "bytes", (double)delivered(flow));
        json_number(out, "finish_us", lab_measure(run, LAB_METRIC_FINISH, i));
        json_number(out, "goodput_bps", lab_measure(run, LAB_METRIC_GOODPUT, i));
        json_number(out, "rtt_us", lab_measure(run, LAB_METRIC_RTT, i));
        json_number(out, "retransmitted", lab_measure(run, LAB_METRIC_RETRANSMITTED, i));
        json_number(out, "timeouts", lab_measure(run, LAB_METRIC_TIMEOUTS, i));
        json_number(out, "failed", lab_measure(run, LAB_METRIC_FAILED, i));
        json_held(flow, out);
        fputs("}", out);
    }
    fputs("],\n", out);
}

static void json_links(const struct lab_run *run, FILE *out)
{
    fputs("\"links\": [", out);
    for (unsigned i = 0; i < run->scenario->link_count; i++)
        for (unsigned way = 0; way < 2; way++) {
            struct weft_wire_stats s;

            weft_wire_stats(run->link[i].wire, (enum weft_wire_way)way, &s);
            fprintf(out, "%s\n  {\"name\": ", i + way ? "," : "");
            json_string(out, run->scenario->link[i].name);
            fprintf(out, ", \"way\": \"%s\"", way ? "back" : "forth");
            json_number(out, "packets", (double)s.packets);
            json_number(out, "bytes", (double)s.bytes);
            json_number(out, "dropped_full", (double)s.dropped_full);
            json_number(out, "dropped_early", (double)s.dropped_early);
            json_number(out, "marked", (double)s.marked);
            json_number(out, "lost", (double)s.lost);
            json_number(out, "lost_large", (double)s.lost_large);
            json_number(out, "lost_down", (double)s.lost_down);
            json_number(out, "corrupted", (double)s.corrupted);
            json_number(out, "duplicated", (double)s.duplicated);
            json_number(out, "reordered", (double)s.reordered);
            json_number(out, "queue_most", s.queue_most);
            fputs("}", out);
        }
    fputs("],\n", out);
}

static void json_expectations(const struct lab_run *run, FILE *out)
{
    fputs("\"expectations\": [", out);
    for (unsigned i = 0; i < run->scenario->expect_count; i++) {
        char text[200];

        fprintf(out, "%s\n  {\"text\": ", i ? "," : "");
        json_string(out, lab_expect_text(run, &run->scenario->expect[i], text, sizeof(text)));
        fprintf(out, ", \"met\": %s}", lab_expect_is_met(run, &run->scenario->expect[i]) ? "true" : "false");
    }
    fputs("],\n", out);
}

void lab_summary_json(const struct lab_run *run, FILE *out)
{
    fputs("{\"title\": ", out);
    json_string(out, run->scenario->title);
    fprintf(out, ", \"seed\": %" PRIu64 ", \"time_us\": %" PRIu64 ", \"faults\": %u,\n\"fault_text\": ",
            run->scenario->seed, (uint64_t)(run->end - run->begin), run->faults);
    json_string(out, run->faults ? run->fault_text : "");
    fputs(",\n", out);
    json_flows(run, out);
    json_links(run, out);
    json_expectations(run, out);
    fprintf(out, "\"rounds\": %" PRIu64 "}\n", run->steps);
}
