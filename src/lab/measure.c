/* SPDX-License-Identifier: MIT */
/* What a run is measured by, during it and at its end (run.h). */
#include "lab/run.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLES     2000              /* at most; ours: more than a plot has dots across */
#define FIRST_EVERY (200 * WEFT_USEC) /* distance of samples at first */

/* --- Series ----------------------------------------------------------------------------- */

/* The end whose sending is shown: that which has more to send. */
static const struct lab_end *main_sender(const struct lab_conn *conn)
{
    return conn->end[1].goal > conn->end[0].goal ? &conn->end[1] : &conn->end[0];
}

static void sample_flow(const struct lab_flow_run *flow, struct lab_flow_sample *out)
{
    const struct lab_conn *shown = NULL;
    struct weft_tcp_info info;

    *out = (struct lab_flow_sample){0};
    for (unsigned i = 0; i < flow->count; i++) {
        const struct lab_conn *conn = &flow->conns[i];

        out->delivered += conn->end[0].received + conn->end[1].received;
        if (main_sender(conn)->sock && !shown)
            shown = conn;
    }
    if (!shown)
        shown = &flow->conns[flow->count - 1];
    lab_end_info(main_sender(shown), &info);
    out->sent = info.bytes_sent - info.bytes_retransmitted;
    out->acked = info.bytes_acked;
    out->retransmitted = info.segs_retransmitted;
    memcpy(out->limited, info.limited, sizeof(out->limited));
    if (!main_sender(shown)->sock)
        return;
    out->cwnd = info.cwnd;
    out->ssthresh = info.ssthresh;
    out->in_flight = info.in_flight;
    out->window = info.snd_wnd;
    out->srtt = info.srtt;
    out->min_rtt = info.min_rtt;
}

static void sample_link(const struct lab_link_run *link, struct lab_link_sample *out)
{
    for (unsigned way = 0; way < 2; way++) {
        struct weft_wire_stats stats;

        weft_wire_stats(link->wire, (enum weft_wire_way)way, &stats);
        out->queue[way] = stats.queue_packets;
        out->bytes[way] = stats.bytes;
    }
}

static bool make_room(struct lab_run *run)
{
    struct lab_series *series = &run->series;

    if (series->room)
        return true;
    series->every = FIRST_EVERY;
    series->begin = run->begin;
    series->flow = calloc((size_t)SAMPLES * run->scenario->flow_count, sizeof(*series->flow));
    series->link = calloc((size_t)SAMPLES * run->scenario->link_count, sizeof(*series->link));
    series->room = series->flow && series->link ? SAMPLES : 0;
    return series->room > 0;
}

/* Drops every second sample. */
static void thin_out(struct lab_run *run)
{
    struct lab_series *series = &run->series;
    size_t flows = run->scenario->flow_count, links = run->scenario->link_count;

    for (unsigned i = 1; i < series->count / 2; i++) {
        memcpy(series->flow + i * flows, series->flow + 2 * i * flows, flows * sizeof(*series->flow));
        memcpy(series->link + i * links, series->link + 2 * i * links, links * sizeof(*series->link));
    }
    series->count /= 2;
    series->every *= 2;
}

weft_time lab_next_sample(const struct lab_run *run)
{
    if (!run->options.sample)
        return WEFT_TIME_NEVER;
    return run->begin + run->series.count * (run->series.every ? run->series.every : FIRST_EVERY);
}

void lab_sample(struct lab_run *run)
{
    struct lab_series *series = &run->series;

    if (lab_next_sample(run) > weft_sim_now(run->sim) || !make_room(run))
        return;
    for (unsigned i = 0; i < run->scenario->flow_count; i++)
        sample_flow(&run->flow[i], &series->flow[series->count * run->scenario->flow_count + i]);
    for (unsigned i = 0; i < run->scenario->link_count; i++)
        sample_link(&run->link[i], &series->link[series->count * run->scenario->link_count + i]);
    if (++series->count == series->room)
        thin_out(run);
}

/* --- Metrics ------------------------------------------------------------------------------- */

/* When the last end of the flow was done, from the beginning of the run; infinite when one is not. */
static double finish(const struct lab_run *run, const struct lab_flow_run *flow)
{
    weft_time last = run->begin;

    for (unsigned i = 0; i < flow->count; i++)
        for (unsigned which = 0; which < 2; which++) {
            const struct lab_end *end = &flow->conns[i].end[which];

            if (!lab_conn_is_over(&flow->conns[i]))
                return INFINITY;
            if (end->closed_at > last)
                last = end->closed_at;
        }
    return (double)(last - run->begin);
}

/* From the flow's start until it was done, or until now. */
static double goodput(const struct lab_run *run, const struct lab_flow_run *flow)
{
    double until = finish(run, flow), seconds;
    uint64_t bytes = 0;

    if (isinf(until))
        until = (double)(run->end - run->begin);
    seconds = (until - (double)flow->flow->both.start) / 1e6;
    for (unsigned i = 0; i < flow->count; i++)
        bytes += flow->conns[i].end[0].received + flow->conns[i].end[1].received;
    return seconds > 0 ? (double)bytes * 8 / seconds : 0;
}

struct sums {
    double srtt, retransmitted, timeouts, failed;
    unsigned with_rtt;
};

static bool has_failed(const struct lab_conn *conn)
{
    const struct lab_end *a = &conn->end[0], *b = &conn->end[1];

    return !lab_conn_is_over(conn) || a->error || b->error || a->received != b->goal ||
           (b->received != a->goal && a->goal != UINT64_MAX);
}

static struct sums add_up(const struct lab_flow_run *flow)
{
    struct sums sums = {0};

    for (unsigned i = 0; i < flow->count; i++) {
        struct weft_tcp_info info;

        lab_end_info(main_sender(&flow->conns[i]), &info);
        sums.srtt += (double)info.srtt;
        sums.with_rtt += info.srtt > 0;
        sums.failed += has_failed(&flow->conns[i]);
        for (unsigned which = 0; which < 2; which++) {
            lab_end_info(&flow->conns[i].end[which], &info);
            sums.retransmitted += (double)info.segs_retransmitted;
            sums.timeouts += info.timeouts;
        }
    }
    return sums;
}

static double measure_flow(const struct lab_run *run, enum lab_metric metric, const struct lab_flow_run *flow)
{
    struct sums sums = add_up(flow);

    switch (metric) {
    case LAB_METRIC_FINISH:
        return finish(run, flow);
    case LAB_METRIC_GOODPUT:
        return goodput(run, flow);
    case LAB_METRIC_RTT:
        return sums.with_rtt ? sums.srtt / sums.with_rtt : 0;
    case LAB_METRIC_RETRANSMITTED:
        return sums.retransmitted;
    case LAB_METRIC_TIMEOUTS:
        return sums.timeouts;
    default:
        return sums.failed;
    }
}

static double measure_link(enum lab_metric metric, const struct lab_link_run *link)
{
    double value = 0;

    for (unsigned way = 0; way < 2; way++) {
        struct weft_wire_stats s;

        weft_wire_stats(link->wire, (enum weft_wire_way)way, &s);
        if (metric == LAB_METRIC_DROPPED)
            value += (double)(s.dropped_full + s.dropped_early);
        else if (metric == LAB_METRIC_LOST)
            value += (double)(s.lost + s.lost_large + s.lost_down);
        else if (metric == LAB_METRIC_MARKED)
            value += (double)s.marked;
        else if (s.queue_most > value)
            value = s.queue_most;
    }
    return value;
}

double lab_measure(const struct lab_run *run, enum lab_metric metric, unsigned subject)
{
    if (lab_metric_is_of_link(metric))
        return measure_link(metric, &run->link[subject]);
    return measure_flow(run, metric, &run->flow[subject]);
}

double lab_fairness(const struct lab_run *run, const unsigned *flows, unsigned count)
{
    double sum = 0, squares = 0;

    for (unsigned i = 0; i < count; i++) {
        double x = lab_measure(run, LAB_METRIC_GOODPUT, flows[i]);

        sum += x;
        squares += x * x;
    }
    return squares > 0 ? sum * sum / (count * squares) : 1;
}

weft_time lab_held(const struct lab_flow_run *flow, weft_time held[WEFT_LIMIT_COUNT])
{
    weft_time busy = 0;

    memset(held, 0, sizeof(*held) * WEFT_LIMIT_COUNT);
    for (unsigned i = 0; i < flow->count; i++) {
        struct weft_tcp_info info;

        lab_end_info(main_sender(&flow->conns[i]), &info);
        busy += info.busy_time;
        for (unsigned limit = 0; limit < WEFT_LIMIT_COUNT; limit++)
            held[limit] += info.limited[limit];
    }
    return busy;
}

/* --- Digest ---------------------------------------------------------------------------------- */

/* FNV-1a, by words instead of bytes. */
static uint64_t mix(uint64_t digest, uint64_t value)
{
    return (digest ^ value) * 0x100000001b3;
}

static uint64_t mix_link(uint64_t digest, const struct lab_link_run *link)
{
    for (unsigned way = 0; way < 2; way++) {
        struct weft_wire_stats s;

        weft_wire_stats(link->wire, (enum weft_wire_way)way, &s);
        digest = mix(mix(mix(digest, s.packets), s.bytes), s.lost + s.lost_down + s.lost_large);
        digest = mix(mix(mix(digest, s.dropped_full), s.dropped_early), s.marked);
        digest = mix(mix(mix(digest, s.corrupted), s.duplicated), s.reordered);
    }
    return digest;
}

uint64_t lab_run_digest(const struct lab_run *run)
{
    uint64_t digest = 0xcbf29ce484222325;

    for (unsigned i = 0; i < run->scenario->link_count; i++)
        digest = mix_link(digest, &run->link[i]);
    for (unsigned i = 0; i < run->scenario->flow_count; i++)
        for (unsigned c = 0; c < run->flow[i].count; c++)
            for (unsigned which = 0; which < 2; which++) {
                const struct lab_end *end = &run->flow[i].conns[c].end[which];

                digest = mix(mix(mix(digest, end->received), end->closed_at), (uint64_t)-end->error);
            }
    return digest;
}

/* --- Expectations ------------------------------------------------------------------------------ */

static double measure_expected(const struct lab_run *run, const struct lab_expect *expect)
{
    if (expect->metric == LAB_METRIC_FAIRNESS)
        return lab_fairness(run, expect->subject, expect->count);
    return lab_measure(run, expect->metric, expect->subject[0]);
}

bool lab_expect_is_met(const struct lab_run *run, const struct lab_expect *expect)
{
    double value = measure_expected(run, expect);

    return expect->at_most ? value <= expect->value : value >= expect->value;
}

struct unit {
    double scale;
    const char *name;
};

static struct unit unit_of(enum lab_metric metric)
{
    if (metric == LAB_METRIC_FINISH || metric == LAB_METRIC_RTT)
        return (struct unit){1e-6, " s"};
    if (metric == LAB_METRIC_GOODPUT)
        return (struct unit){1e-6, " Mbit/s"};
    return (struct unit){1, ""};
}

const char *lab_expect_text(const struct lab_run *run, const struct lab_expect *expect, char *buf,
                            size_t size)
{
    struct unit unit = unit_of(expect->metric);
    size_t used = (size_t)snprintf(buf, size, "%s of ", lab_metric_name(expect->metric));

    for (unsigned i = 0; i < expect->count && used < size; i++)
        used += (size_t)snprintf(buf + used, size - used, "%s%s", i ? "," : "",
                                 lab_metric_is_of_link(expect->metric)
                                     ? run->scenario->link[expect->subject[i]].name
                                     : run->scenario->flow[expect->subject[i]].name);
    if (used < size)
        (void)snprintf(buf + used, size - used, " %s %g%s; it is %g%s",
                       expect->at_most ? "<=" : ">=", expect->value * unit.scale, unit.name,
                       measure_expected(run, expect) * unit.scale, unit.name);
    return buf;
}

void lab_check_expectations(struct lab_run *run)
{
    for (unsigned i = 0; i < run->scenario->expect_count; i++) {
        char text[LAB_WHY];

        if (!lab_expect_is_met(run, &run->scenario->expect[i]))
            lab_fault(run, "expected: %s",
                      lab_expect_text(run, &run->scenario->expect[i], text, sizeof(text)));
    }
}
