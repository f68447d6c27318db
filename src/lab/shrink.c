/* SPDX-License-Identifier: MIT */
/* Smaller scenarios that fail (shrink.h). */
#include "lab/shrink.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <weft/err.h>

#include "lab/run.h"

#define LONGEST 120 /* seconds of one try; ours, as the campaign has it */

enum {
    FAILS = 1,
    CANNOT_RUN = 2, /* not a network any more */
};

/* --- Trying ------------------------------------------------------------------------------- */

static int try_here(const struct lab_scenario *scenario)
{
    const struct lab_options options = {0};
    struct lab_run *run;
    char why[LAB_WHY];
    int status;

    if (lab_run_new(scenario, &options, &run, why, sizeof(why)) != 0)
        return CANNOT_RUN;
    lab_run_go(run);
    status = run->faults ? FAILS : 0;
    lab_run_free(run);
    return status;
}

static bool fails(const struct lab_scenario *scenario)
{
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        alarm(LONGEST);
        if (!freopen("/dev/null", "w", stderr)) /* a sanitizer's report is told when it is run at last */
            _exit(CANNOT_RUN);
        _exit(try_here(scenario));
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return false;
    return !WIFEXITED(status) || (WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != CANNOT_RUN);
}

static void *copy_array(const void *array, size_t size)
{
    void *copy = size ? malloc(size) : NULL;

    if (copy)
        memcpy(copy, array, size);
    return copy;
}

static struct lab_scenario copy(const struct lab_scenario *s)
{
    struct lab_scenario c = *s;

    c.node = copy_array(s->node, sizeof(*s->node) * s->node_count);
    c.link = copy_array(s->link, sizeof(*s->link) * s->link_count);
    c.box = copy_array(s->box, sizeof(*s->box) * s->box_count);
    c.flow = copy_array(s->flow, sizeof(*s->flow) * s->flow_count);
    c.event = copy_array(s->event, sizeof(*s->event) * s->event_count);
    c.expect = copy_array(s->expect, sizeof(*s->expect) * s->expect_count);
    return c;
}

/* --- What may go --------------------------------------------------------------------------- */

static void remove_at(void *array, unsigned *count, unsigned i, size_t size)
{
    char *at = (char *)array + i * size;

    memmove(at, at + size, (--*count - i) * size);
}

static bool drop_event(struct lab_scenario *s, unsigned i)
{
    if (i >= s->event_count)
        return false;
    remove_at(s->event, &s->event_count, i, sizeof(*s->event));
    return true;
}

/* Events of the part that goes, go; those of the ones behind it move. */
static void forget_in_events(struct lab_scenario *s, enum lab_event_kind kind, unsigned index)
{
    for (unsigned i = s->event_count; i-- > 0;) {
        if (s->event[i].kind != kind)
            continue;
        if (s->event[i].index == index)
            (void)drop_event(s, i);
        else if (s->event[i].index > index)
            s->event[i].index--;
    }
}

static bool drop_box(struct lab_scenario *s, unsigned i)
{
    if (i >= s->box_count)
        return false;
    forget_in_events(s, LAB_EVENT_BOX, i);
    remove_at(s->box, &s->box_count, i, sizeof(*s->box));
    return true;
}

/* Not while an expectation is about flows, nor the last one. */
static bool drop_flow(struct lab_scenario *s, unsigned i)
{
    if (i >= s->flow_count || s->flow_count == 1 || s->expect_count)
        return false;
    forget_in_events(s, LAB_EVENT_ABORT, i);
    remove_at(s->flow, &s->flow_count, i, sizeof(*s->flow));
    return true;
}

static void drop_link(struct lab_scenario *s, unsigned i)
{
    for (unsigned b = s->box_count; b-- > 0;) {
        if (s->box[b].link == i)
            (void)drop_box(s, b);
        else if (s->box[b].link > i)
            s->box[b].link--;
    }
    forget_in_events(s, LAB_EVENT_LINK, i);
    remove_at(s->link, &s->link_count, i, sizeof(*s->link));
}

static bool has_flow(const struct lab_scenario *s, unsigned node)
{
    for (unsigned i = 0; i < s->flow_count; i++)
        if (s->flow[i].node[0] == node || s->flow[i].node[1] == node)
            return true;
    return false;
}

/* A node that no flow needs, with its links; what is then cut off cannot run. */
static bool drop_node(struct lab_scenario *s, unsigned node)
{
    if (node >= s->node_count || has_flow(s, node) || s->expect_count)
        return false;
    for (unsigned i = s->link_count; i-- > 0;)
        if (s->link[i].node[0] == node || s->link[i].node[1] == node)
            drop_link(s, i);
    remove_at(s->node, &s->node_count, node, sizeof(*s->node));
    for (unsigned i = 0; i < s->link_count; i++)
        for (unsigned e = 0; e < 2; e++)
            s->link[i].node[e] -= s->link[i].node[e] > node;
    for (unsigned i = 0; i < s->flow_count; i++)
        for (unsigned e = 0; e < 2; e++)
            s->flow[i].node[e] -= s->flow[i].node[e] > node;
    return true;
}

/* --- Words and numbers ----------------------------------------------------------------------- */

/* The k-th place in the scenario that has words; NULL behind the last. */
static void *place(struct lab_scenario *s, unsigned k, const struct lab_word **table)
{
    if (k < s->node_count) {
        *table = s->node[k].kind == LAB_HOST ? lab_host_words : lab_router_words;
        return s->node[k].kind == LAB_HOST ? (void *)&s->node[k].host : &s->node[k];
    }
    k -= s->node_count;
    if (k < 2 * s->link_count) {
        *table = lab_line_words;
        return &s->link[k / 2].direction[k % 2];
    }
    k -= 2 * s->link_count;
    if (k < s->box_count) {
        *table = lab_box_words;
        return &s->box[k].config;
    }
    k -= s->box_count;
    if (k < s->flow_count) {
        *table = lab_flow_words;
        return &s->flow[k].both;
    }
    k -= s->flow_count;
    *table = lab_side_words;
    return k < 2 * s->flow_count ? &s->flow[k / 2].side[k % 2] : NULL;
}

/* Sets the i-th word of all to its default: zero. Returns false behind the last; `changed` tells if it was not. */
static bool reset_word(struct lab_scenario *s, unsigned i, bool *changed)
{
    static const uint64_t zero;
    const struct lab_word *table;

    *changed = false;
    for (unsigned k = 0;; k++) {
        char *base = place(s, k, &table);

        if (!base)
            return false;
        for (; table->name; table++, i--) {
            size_t size = lab_word_size(table->kind);

            if (i > 0)
                continue;
            *changed = memcmp(base + table->offset, &zero, size) != 0;
            memset(base + table->offset, 0, size);
            return true;
        }
    }
}

static bool halve(struct lab_scenario *s, unsigned i)
{
    struct lab_flow_both *both;

    if (i >= 3 * s->flow_count)
        return false;
    both = &s->flow[i / 3].both;
    if (i % 3 == 0)
        both->bytes /= 2;
    else if (i % 3 == 1)
        both->reply /= 2;
    else
        both->count = both->count > 3 ? both->count / 2 : 0;
    return true;
}

static bool is_halved(const struct lab_scenario *s, unsigned i)
{
    const struct lab_flow_both *both = &s->flow[i / 3].both;

    return i % 3 == 0 ? both->bytes > 0 : i % 3 == 1 ? both->reply > 0 : both->count > 1;
}

/* --- The search ---------------------------------------------------------------------------------- */

static bool is_dead(const struct weft_wire_direction *line)
{
    return line->down || (line->burst_enter > 0 && !(line->burst_leave > 0 || line->burst_most));
}

/* Links that carry nothing any more at the end of all events, each direction by itself. */
static unsigned count_dead(const struct lab_scenario *s)
{
    unsigned dead = 0;

    for (unsigned i = 0; i < s->link_count; i++) {
        const struct weft_wire_direction *last = s->link[i].direction;

        for (unsigned e = 0; e < s->event_count; e++)
            if (s->event[e].kind == LAB_EVENT_LINK && s->event[e].index == i)
                last = s->event[e].direction;
        dead += is_dead(&last[0]) + is_dead(&last[1]);
    }
    return dead;
}

/* Keeps the smaller one when it fails, too; but not because of a link that is dead for good. */
static bool keep_if_it_fails(struct lab_scenario *s, struct lab_scenario *smaller)
{
    if (count_dead(smaller) <= count_dead(s) && fails(smaller)) {
        lab_scenario_free(s);
        *s = *smaller;
        return true;
    }
    lab_scenario_free(smaller);
    return false;
}

/* Tries to do without each, the last first. Returns how many went. */
static int drop_each(struct lab_scenario *s, unsigned count, bool (*drop)(struct lab_scenario *, unsigned))
{
    int steps = 0;

    for (unsigned i = count; i-- > 0;) {
        struct lab_scenario smaller = copy(s);

        if (drop(&smaller, i))
            steps += keep_if_it_fails(s, &smaller);
        else
            lab_scenario_free(&smaller);
    }
    return steps;
}

static int reset_each(struct lab_scenario *s)
{
    int steps = 0;
    bool changed, more = true;

    for (unsigned i = 0; more; i++) {
        struct lab_scenario smaller = copy(s);

        more = reset_word(&smaller, i, &changed);
        if (changed)
            steps += keep_if_it_fails(s, &smaller);
        else
            lab_scenario_free(&smaller);
    }
    return steps;
}

static int halve_each(struct lab_scenario *s)
{
    int steps = 0;

    for (unsigned i = 0; i < 3 * s->flow_count; i++)
        while (is_halved(s, i)) {
            struct lab_scenario smaller = copy(s);

            (void)halve(&smaller, i);
            if (!keep_if_it_fails(s, &smaller))
                break;
            steps++;
        }
    return steps;
}

int lab_shrink(struct lab_scenario *s)
{
    int steps = 0, before;

    if (!fails(s))
        return -1;
    do {
        before = steps;
        steps += drop_each(s, s->flow_count, drop_flow);
        steps += drop_each(s, s->event_count, drop_event);
        steps += drop_each(s, s->box_count, drop_box);
        steps += drop_each(s, s->node_count, drop_node);
        steps += halve_each(s);
        steps += reset_each(s);
    } while (steps > before);
    return steps;
}
