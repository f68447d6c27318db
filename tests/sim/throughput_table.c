/* SPDX-License-Identifier: MIT */
/*
 * A table of goodput by loss, round trip and rate: how weft's TCP does on a
 * path with one bottleneck and a buffer of one bandwidth-delay product. The
 * table is committed; a test compares, so that a change of behaviour shows as a
 * difference, to be looked at and committed with what caused it.
 *
 *     throughput_table            prints the table
 *     throughput_table FILE       compares it with FILE, and says in TAP whether it differs
 *
 * `make table` writes it anew.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/run.h"

static const double losses[] = {0, 0.001, 0.01, 0.05};
static const unsigned rtts[] = {1, 20, 100, 300};             /* ms */
static const unsigned rates[] = {1, 10, 100};                 /* Mbit/s */
static const unsigned sizes[] = {1 << 20, 5 << 20, 16 << 20}; /* bytes, by rate */
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define LEAST_QUEUE 16 /* packets */

struct cell {
    double goodput, again, timeouts;
};

/* a -- r -- b: the bottleneck leads to b; the loss is in the direction of the data. */
static bool make_path(struct lab_scenario *s, double loss, unsigned rtt, unsigned rate)
{
    struct lab_link *link;
    struct weft_wire_direction *forth;

    if (!lab_add_node(s, LAB_HOST, "a") || !lab_add_node(s, LAB_ROUTER, "r") ||
        !lab_add_node(s, LAB_HOST, "b"))
        return false;
    if (!lab_add_link(s, 0, 1) || !(link = lab_add_link(s, 1, 2)))
        return false;
    s->link[0].direction[0].rate = s->link[0].direction[1].rate = 10000000000;
    forth = &link->direction[WEFT_WIRE_FORTH];
    forth->delay = rtt * WEFT_MSEC / 2;
    forth->rate = rate * 1000000u;
    forth->loss = loss;
    forth->queue.packets = rtt * rate * 1000 / 8 / 1500;
    if (forth->queue.packets < LEAST_QUEUE)
        forth->queue.packets = LEAST_QUEUE;
    link->direction[WEFT_WIRE_BACK].delay = rtt * WEFT_MSEC - forth->delay;
    link->direction[WEFT_WIRE_BACK].rate = 10000000000;
    return true;
}

/* Ends the program when a run has a fault: then there is nothing to compare. */
static struct cell measure(double loss, unsigned rtt, unsigned rate, unsigned size)
{
    const struct lab_options options = {0};
    struct lab_scenario scenario = {.seed = 1};
    struct lab_flow *flow = make_path(&scenario, loss, rtt, rate) ? lab_add_flow(&scenario, "f", 0, 2) : NULL;
    struct lab_run *run;
    struct cell cell;
    char why[LAB_WHY];

    if (!flow)
        exit(2);
    flow->both.bytes = size;
    if (lab_run_new(&scenario, &options, &run, why, sizeof(why)) != 0)
        exit(2);
    lab_run_go(run);
    if (run->faults) {
        fprintf(stderr, "loss %g, %u ms, %u Mbit/s: %s", loss, rtt, rate, run->fault_text);
        exit(1);
    }
    cell = (struct cell){lab_measure(run, LAB_METRIC_GOODPUT, 0) / 1e6,
                         lab_measure(run, LAB_METRIC_RETRANSMITTED, 0),
                         lab_measure(run, LAB_METRIC_TIMEOUTS, 0)};
    lab_run_free(run);
    lab_scenario_free(&scenario);
    return cell;
}

static void write_table(FILE *out)
{
    fprintf(out,
            "Goodput in Mbit/s of one connection, with segments sent again and timeouts in brackets, by "
            "loss, round\n"
            "trip and rate of the bottleneck, which has a buffer of one bandwidth-delay product (at least %u "
            "packets).\n"
            "1, 5 and 16 MiB are sent. Made by tests/sim/throughput_table.c: make table.\n\n",
            LEAST_QUEUE);
    fprintf(out, "   loss      rtt");
    for (unsigned k = 0; k < COUNT(rates); k++)
        fprintf(out, k + 1 < COUNT(rates) ? "%11u Mbit/s        " : "%11u Mbit/s", rates[k]);
    fputc('\n', out);
    for (unsigned i = 0; i < COUNT(losses); i++)
        for (unsigned j = 0; j < COUNT(rtts); j++) {
            fprintf(out, "%5g %%  %4u ms", losses[i] * 100, rtts[j]);
            for (unsigned k = 0; k < COUNT(rates); k++) {
                struct cell cell = measure(losses[i], rtts[j], rates[k], sizes[k]);
                char counts[40];

                (void)snprintf(counts, sizeof(counts), "(%.0f, %.0f)", cell.again, cell.timeouts);
                fprintf(out, k + 1 < COUNT(rates) ? "%11.3f %-14s" : "%11.3f %s", cell.goodput, counts);
            }
            fputc('\n', out);
        }
}

/* Tells the lines that differ. Returns how many do. */
static unsigned compare(char *made, FILE *with)
{
    char line[400], *rest = made, *mine;
    unsigned differences = 0;

    while ((mine = strsep(&rest, "\n")) && (*mine || rest)) {
        if (!fgets(line, sizeof(line), with))
            line[0] = '\0';
        line[strcspn(line, "\n")] = '\0';
        if (strcmp(line, mine) == 0)
            continue;
        differences++;
        printf("# - %s\n# + %s\n", line, mine);
    }
    if (fgets(line, sizeof(line), with))
        differences++;
    return differences;
}

int main(int argc, char **argv)
{
    char *table = NULL;
    size_t size;
    FILE *memory, *with;

    if (argc < 2) {
        write_table(stdout);
        return 0;
    }
    with = fopen(argv[1], "r");
    memory = open_memstream(&table, &size);
    if (!with || !memory)
        return 2;
    write_table(memory);
    (void)fclose(memory);
    if (compare(table, with) > 0) {
        printf("# If that is meant: make table, and commit %s with it.\nnot ok 1 - throughput is as it "
               "was\n1..1\n",
               argv[1]);
        return 1;
    }
    printf("ok 1 - throughput is as it was\n1..1\n");
    (void)fclose(with);
    free(table);
    return 0;
}
