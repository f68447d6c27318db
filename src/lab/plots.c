/* SPDX-License-Identifier: MIT */
/* Pictures of a run, and a page of them (report.h). */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <weft/err.h>

#include "lab/chart.h"
#include "lab/report.h"

#define AVERAGE                                                                                              \
    60 /* ours: throughput is a mean over a 60th of the run, as long as there are samples enough */

/* A column of numbers for each series of a chart, which lie in one piece of memory. */
struct plot {
    const struct lab_run *run;
    struct chart chart;
    double *x, *columns;
};

static bool begin_plot(struct plot *plot, const struct lab_run *run, const char *title, const char *unit)
{
    const struct lab_series *series = &run->series;

    *plot = (struct plot){.run = run, .chart = {.title = title, .unit = unit}};
    plot->chart.end = (double)(run->end - run->begin) / 1e6;
    plot->x = malloc(sizeof(double) * (series->count + 1));
    plot->columns = malloc(sizeof(double) * (series->count + 1) * CHART_SERIES);
    for (unsigned i = 0; plot->x && i < series->count; i++)
        plot->x[i] = (double)(i * series->every) / 1e6;
    for (unsigned i = 0; i < run->scenario->event_count && i < CHART_EVENTS; i++)
        plot->chart.event[plot->chart.event_count++] = (double)run->scenario->event[i].at / 1e6;
    return plot->x && plot->columns;
}

static void end_plot(struct plot *plot)
{
    free(plot->x);
    free(plot->columns);
}

/* Room for a series with this name; NULL when there are too many. */
static double *add_series(struct plot *plot, enum chart_style style, unsigned colour, const char *name)
{
    unsigned count = plot->run->series.count;
    double *y = plot->columns + (size_t)plot->chart.series_count * (count + 1);
    struct chart_series *s = &plot->chart.series[plot->chart.series_count];

    if (plot->chart.series_count == CHART_SERIES)
        return NULL;
    plot->chart.series_count++;
    *s = (struct chart_series){.style = style, .colour = colour, .count = count, .x = plot->x, .y = y};
    (void)snprintf(s->name, sizeof(s->name), "%s", name);
    return y;
}

static const struct lab_flow_sample *flow_sample(const struct lab_run *run, unsigned i, unsigned flow)
{
    return &run->series.flow[(size_t)i * run->scenario->flow_count + flow];
}

static const struct lab_link_sample *link_sample(const struct lab_run *run, unsigned i, unsigned link)
{
    return &run->series.link[(size_t)i * run->scenario->link_count + link];
}

/* --- What each shows ------------------------------------------------------------------------ */

static void plot_throughput(struct plot *plot)
{
    const struct lab_run *run = plot->run;
    unsigned count = run->series.count, span = count / AVERAGE ? count / AVERAGE : 1;

    for (unsigned f = 0; f < run->scenario->flow_count; f++) {
        double *y = add_series(plot, CHART_LINE, f, run->scenario->flow[f].name);

        for (unsigned i = 0; y && i < count; i++) {
            unsigned from = i > span / 2 ? i - span / 2 : 0,
                     to = i + span / 2 + 1 < count ? i + span / 2 + 1 : count - 1;
            double bytes =
                (double)(flow_sample(run, to, f)->delivered - flow_sample(run, from, f)->delivered);

            y[i] = to > from ? bytes * 8 / ((double)((to - from) * run->series.every) / 1e6) / 1e6 : 0;
        }
    }
}

/* Zero stands for: nothing is known. */
static double known(double value)
{
    return value > 0 ? value : NAN;
}

static void plot_cwnd(struct plot *plot)
{
    const struct lab_run *run = plot->run;

    for (unsigned f = 0; f < run->scenario->flow_count; f++) {
        double *y = add_series(plot, CHART_LINE, f, run->scenario->flow[f].name);
        double *flight = add_series(plot, CHART_THIN, f, f ? "" : "in flight");

        for (unsigned i = 0; y && flight && i < run->series.count; i++) {
            const struct lab_flow_sample *s = flow_sample(run, i, f);

            y[i] = known((double)s->cwnd / 1024);
            flight[i] = s->cwnd ? (double)s->in_flight / 1024 : NAN;
        }
    }
}

static void plot_rtt(struct plot *plot)
{
    const struct lab_run *run = plot->run;

    for (unsigned f = 0; f < run->scenario->flow_count; f++) {
        double *y = add_series(plot, CHART_LINE, f, run->scenario->flow[f].name);

        for (unsigned i = 0; y && i < run->series.count; i++)
            y[i] = known((double)flow_sample(run, i, f)->srtt / 1e3);
    }
}

/* Only directions in which somebody has ever waited. */
static void plot_queue(struct plot *plot)
{
    const struct lab_run *run = plot->run;
    unsigned colour = 0;

    for (unsigned l = 0; l < run->scenario->link_count; l++)
        for (unsigned way = 0; way < 2; way++) {
            const struct lab_link *link = &run->scenario->link[l];
            struct weft_wire_stats stats;
            char name[3 * LAB_NAME];
            double *y;

            weft_wire_stats(run->link[l].wire, (enum weft_wire_way)way, &stats);
            if (stats.queue_most < 2)
                continue;
            (void)snprintf(name, sizeof(name), "%s → %s", run->scenario->node[link->node[way]].name,
                           run->scenario->node[link->node[1 - way]].name);
            y = add_series(plot, CHART_AREA, colour++, name);
            for (unsigned i = 0; y && i < run->series.count; i++)
                y[i] = link_sample(run, i, l)->queue[way];
        }
}

/* What held the sender, as a share of the time around each moment; only what ever did so for a good part of it. */
static void plot_held(struct plot *plot)
{
    const struct lab_run *run = plot->run;
    unsigned count = run->series.count, span = count / AVERAGE ? count / AVERAGE : 1, colour = 0;

    for (unsigned f = 0; f < run->scenario->flow_count && count > 0; f++)
        for (unsigned limit = 0; limit < WEFT_LIMIT_COUNT; limit++) {
            weft_time in_all = flow_sample(run, count - 1, f)->limited[limit];
            char name[LAB_NAME + 64];
            double *y;

            if (in_all * 50 < run->end - run->begin)
                continue;
            (void)snprintf(name, sizeof(name), "%s%s%s",
                           run->scenario->flow_count > 1 ? run->scenario->flow[f].name : "",
                           run->scenario->flow_count > 1 ? ": " : "", weft_tcp_limit_text(limit));
            y = add_series(plot, CHART_LINE, colour++, name);
            for (unsigned i = 0; y && i < count; i++) {
                unsigned from = i > span / 2 ? i - span / 2 : 0,
                         to = i + span / 2 + 1 < count ? i + span / 2 + 1 : count - 1;
                weft_time held =
                    flow_sample(run, to, f)->limited[limit] - flow_sample(run, from, f)->limited[limit];

                y[i] = to > from ? (double)held * 100 / (double)((to - from) * run->series.every) : 0;
            }
        }
}

/* Where something was sent again since the sample before. */
static void mark_repeats(struct plot *plot, unsigned f, double *y)
{
    const struct lab_run *run = plot->run;

    for (unsigned i = 0; i < run->series.count; i++) {
        const struct lab_flow_sample *s = flow_sample(run, i, f);

        y[i] =
            i && s->retransmitted > flow_sample(run, i - 1, f)->retransmitted ? (double)s->acked / 1e6 : NAN;
    }
}

static void plot_sequence(struct plot *plot)
{
    const struct lab_run *run = plot->run;

    for (unsigned f = 0; f < run->scenario->flow_count; f++) {
        double *acked = add_series(plot, CHART_LINE, f, run->scenario->flow[f].name);
        double *sent = add_series(plot, CHART_THIN, f, f ? "" : "sent");
        double *again = add_series(plot, CHART_MARKS, f, f ? "" : "sent again");

        for (unsigned i = 0; acked && sent && i < run->series.count; i++) {
            acked[i] = (double)flow_sample(run, i, f)->acked / 1e6;
            sent[i] = (double)flow_sample(run, i, f)->sent / 1e6;
        }
        if (again)
            mark_repeats(plot, f, again);
    }
}

static const struct {
    const char *file, *title, *unit;
    void (*fill)(struct plot *plot);
} plots[] = {
    {"throughput.svg", "Throughput", "Mbit/s", plot_throughput},
    {"sequence.svg", "Sequence: acknowledged, sent, and where something was sent again", "MB", plot_sequence},
    {"cwnd.svg", "Congestion window, and what is in flight", "KiB", plot_cwnd},
    {"held.svg", "What holds the sender", "% of the time", plot_held},
    {"rtt.svg", "Smoothed round trip", "ms", plot_rtt},
    {"queue.svg", "Packets that wait", "packets", plot_queue},
};
#define PLOTS (sizeof(plots) / sizeof(plots[0]))

/* --- Files ------------------------------------------------------------------------------------- */

static int write_plot(const struct lab_run *run, unsigned which, bool is_part, FILE *out)
{
    struct plot plot;
    bool ok = begin_plot(&plot, run, plots[which].title, plots[which].unit);

    if (ok) {
        plots[which].fill(&plot);
        chart_write(&plot.chart, is_part, out);
    }
    end_plot(&plot);
    return ok ? 0 : WEFT_E_NOMEM;
}

static const char page_style[] =
    ":root{--paper:#fbfaf7;--card:#fff;--ink:#1c2230;--dim:#6c7484;--line:#e6e2d9;--bad:#cf2525;--good:#"
    "17803f;"
    "color-scheme:light}\n"
    "@media "
    "(prefers-color-scheme:dark){:root:not([data-theme=light]){--paper:#10141b;--card:#171c25;--ink:#e4e8ef;"
    "--dim:#909aab;--line:#272e3b;--bad:#ff7b7b;--good:#6ccb92;color-scheme:dark}}\n"
    ":root[data-theme=dark]{--paper:#10141b;--card:#171c25;--ink:#e4e8ef;--dim:#909aab;--line:#272e3b;--bad:#"
    "ff7b7b;"
    "--good:#6ccb92;color-scheme:dark}\n"
    "*{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 "
    "system-ui,-apple-system,'Segoe UI','Inter','Noto Sans','DejaVu Sans',sans-serif}\n"
    "main{max-width:1120px;margin:0 auto;padding:36px 24px "
    "60px}h1{font-size:30px;line-height:1.2;letter-spacing:-.02em;"
    "margin:0 0 4px}.sub{color:var(--dim);margin:0 0 24px}\n"
    ".card{background:var(--card);border:1px solid var(--line);border-radius:14px;margin:0 0 "
    "18px;overflow:hidden}"
    ".card svg{display:block;width:100%;height:auto}\n"
    "table{width:100%;border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:14px}th,td{text-"
    "align:right;"
    "padding:7px 16px;border-top:1px solid "
    "var(--line);white-space:nowrap}th{color:var(--dim);font-weight:500;border-top:0}"
    "th:first-child,td:first-child{text-align:left}.scroll{overflow-x:auto}\n"
    ".dot{display:inline-block;width:10px;height:10px;border-radius:3px;margin-right:8px}"
    ".ok{color:var(--good)}.bad{color:var(--bad)}ul{list-style:none;margin:0;padding:10px 16px}"
    "pre{margin:0;padding:14px 16px;overflow-x:auto;font:12.5px/1.55 ui-monospace,'DejaVu Sans "
    "Mono',monospace}\n"
    "button{float:right;font:inherit;font-size:13px;color:var(--dim);background:var(--card);border:1px solid "
    "var(--line);"
    "border-radius:999px;padding:4px 14px;cursor:pointer}\n";

static void page_head(const struct lab_run *run, FILE *out)
{
    const char *title = run->scenario->title[0] ? run->scenario->title : "A run of weft lab";

    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
          "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
          "'unsafe-inline'; "
          "script-src 'unsafe-inline'\">\n<title>",
          out);
    chart_text(out, title);
    fputs("</title>\n<style>\n", out);
    fputs(page_style, out);
    chart_style_sheet(out);
    fputs("</style>\n</head>\n<body>\n<main class=\"chart\" style=\"background:none\">\n<button "
          "id=\"theme\">light or dark</button>\n<h1>",
          out);
    chart_text(out, title);
    fprintf(out,
            "</h1>\n<p class=\"sub\">seed %" PRIu64
            " &middot; %.3f s of virtual time &middot; %u flows, %u links</p>\n",
            run->scenario->seed, (double)(run->end - run->begin) / 1e6, run->scenario->flow_count,
            run->scenario->link_count);
}

static void page_cell_time(double usec, FILE *out)
{
    if (isinf(usec))
        fputs("<td>&ndash;</td>", out);
    else if (usec < 1e5)
        fprintf(out, "<td>%.3f ms</td>", usec / 1e3);
    else
        fprintf(out, "<td>%.3f s</td>", usec / 1e6);
}

static void page_flows(const struct lab_run *run, FILE *out)
{
    fputs("<div class=\"card "
          "scroll\"><table><tr><th>flow</th><th>way</th><th>finished</th><th>goodput</th><th>round "
          "trip</th><th>sent again</th><th>timeouts</th><th>failed</th></tr>\n",
          out);
    for (unsigned i = 0; i < run->scenario->flow_count; i++) {
        const struct lab_flow *flow = &run->scenario->flow[i];

        fprintf(
            out,
            "<tr><td><span class=\"dot\" style=\"background:var(--c%u)\"></span>%s</td><td>%s &rarr; %s</td>",
            i % 8, flow->name, run->scenario->node[flow->node[0]].name,
            run->scenario->node[flow->node[1]].name);
        page_cell_time(lab_measure(run, LAB_METRIC_FINISH, i), out);
        fprintf(out, "<td>%.3f Mbit/s</td>", lab_measure(run, LAB_METRIC_GOODPUT, i) / 1e6);
        page_cell_time(lab_measure(run, LAB_METRIC_RTT, i), out);
        fprintf(out, "<td>%.0f</td><td>%.0f</td><td>%.0f</td></tr>\n",
                lab_measure(run, LAB_METRIC_RETRANSMITTED, i), lab_measure(run, LAB_METRIC_TIMEOUTS, i),
                lab_measure(run, LAB_METRIC_FAILED, i));
    }
    fputs("</table></div>\n", out);
}

static void page_lines(const char *lines, const char *class, FILE *out)
{
    fprintf(out, "<div class=\"card\"><pre class=\"%s\">", class);
    while (*lines) {
        size_t len = strcspn(lines, "\n");
        char text[500];

        (void)snprintf(text, sizeof(text), "%.*s", (int)len, lines);
        chart_text(out, text);
        fputc('\n', out);
        lines += len + (lines[len] == '\n');
    }
    fputs("</pre></div>\n", out);
}

static void page_verdict(const struct lab_run *run, FILE *out)
{
    if (run->scenario->expect_count) {
        fputs("<div class=\"card\"><ul>\n", out);
        for (unsigned i = 0; i < run->scenario->expect_count; i++) {
            bool is_met = lab_expect_is_met(run, &run->scenario->expect[i]);
            char text[LAB_WHY];

            fprintf(out, "<li><b class=\"%s\">%s</b> ", is_met ? "ok" : "bad",
                    is_met ? "as expected" : "not as expected");
            chart_text(out, lab_expect_text(run, &run->scenario->expect[i], text, sizeof(text)));
            fputs("</li>\n", out);
        }
        fputs("</ul></div>\n", out);
    }
    if (run->faults)
        page_lines(run->fault_text, "bad", out);
}

/* What was run, to be run again. */
static void page_scenario(const struct lab_run *run, FILE *out)
{
    char *text = NULL;
    size_t size;
    FILE *memory = open_memstream(&text, &size);

    if (!memory)
        return;
    lab_scenario_write(run->scenario, memory);
    (void)fclose(memory);
    page_lines(text, "", out);
    free(text);
}

static int write_page(const struct lab_run *run, FILE *out)
{
    int error = 0;

    page_head(run, out);
    page_verdict(run, out);
    for (unsigned i = 0; i < PLOTS && !error; i++) {
        fputs("<div class=\"card\">\n", out);
        error = write_plot(run, i, true, out);
        fputs("</div>\n", out);
    }
    page_flows(run, out);
    page_scenario(run, out);
    fputs("</main>\n<script>\n"
          "document.getElementById('theme').onclick = () => { const r = document.documentElement, d = "
          "r.dataset.theme || "
          "(matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light'); "
          "r.dataset.theme = d === 'dark' ? 'light' : 'dark'; };\n</script>\n</body>\n</html>\n",
          out);
    return error;
}

static int write_file(const struct lab_run *run, const char *directory, const char *name, unsigned which,
                      char *why, size_t why_size)
{
    char path[4096];
    FILE *out;
    int error;

    (void)snprintf(path, sizeof(path), "%s/%s", directory, name);
    out = fopen(path, "w");
    if (!out) {
        (void)snprintf(why, why_size, "%s: %s", path, strerror(errno));
        return WEFT_E_IO;
    }
    error = which < PLOTS ? write_plot(run, which, false, out) : write_page(run, out);
    if (fclose(out) != 0 && !error)
        error = WEFT_E_IO;
    if (error)
        (void)snprintf(why, why_size, "%s: %s", path, weft_strerror(error));
    return error;
}

int lab_plots_write(const struct lab_run *run, const char *directory, char *why, size_t why_size)
{
    int error = 0;

    for (unsigned i = 0; i < PLOTS && !error; i++)
        error = write_file(run, directory, plots[i].file, i, why, why_size);
    return error ? error : write_file(run, directory, "index.html", PLOTS, why, why_size);
}
