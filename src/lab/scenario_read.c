/* SPDX-License-Identifier: MIT */
/*
 * Scenarios as text, read: one statement a line, words between blanks, "#"
 * begins a comment. weft-scenario(5) tells what there is.
 *
 * Owns    what is wrong with a file, and the sentence that says so.
 */
#include "lab/scenario.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <weft/err.h>

#define MAX_WORDS 64 /* of a line; ours */

struct reader {
    struct lab_scenario *scenario;
    const char *name;
    unsigned line;
    char *why;
    size_t why_size;
    char *word[MAX_WORDS];
    unsigned count;
};

static int wrong(struct reader *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int wrong(struct reader *r, const char *format, ...)
{
    char text[300];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    (void)snprintf(r->why, r->why_size, "%s:%u: %s", r->name, r->line, text);
    return WEFT_E_INVAL;
}

static int no_memory(struct reader *r)
{
    (void)snprintf(r->why, r->why_size, "%s: no memory", r->name);
    return WEFT_E_NOMEM;
}

/* --- Names ---------------------------------------------------------------------------- */

static bool is_name(const char *text)
{
    size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

    return len > 0 && len < LAB_NAME && !text[len];
}

static int find_node(const struct lab_scenario *s, const char *name)
{
    for (unsigned i = 0; i < s->node_count; i++)
        if (strcmp(s->node[i].name, name) == 0)
            return (int)i;
    return -1;
}

static int find_link(const struct lab_scenario *s, const char *name)
{
    for (unsigned i = 0; i < s->link_count; i++)
        if (strcmp(s->link[i].name, name) == 0)
            return (int)i;
    return -1;
}

static int find_box(const struct lab_scenario *s, const char *name)
{
    for (unsigned i = 0; i < s->box_count; i++)
        if (strcmp(s->box[i].name, name) == 0)
            return (int)i;
    return -1;
}

static int find_flow(const struct lab_scenario *s, const char *name)
{
    for (unsigned i = 0; i < s->flow_count; i++)
        if (strcmp(s->flow[i].name, name) == 0)
            return (int)i;
    return -1;
}

/* The words from the `first` one on, each of one of the tables; a prefix "x:" says which part it is for. */
struct part {
    const char *prefix; /* NULL: words without a prefix go here, to every part that has NULL */
    const struct lab_word *table;
    void *base;
};

static bool has_word(const struct lab_word *table, const char *text)
{
    size_t len = strcspn(text, "=");

    for (; table->name; table++)
        if (strlen(table->name) == len && strncmp(table->name, text, len) == 0)
            return true;
    return false;
}

/* Puts the word into each of the parts that have it. Returns how many did, or an error. */
static int read_into(struct reader *r, const struct part *parts, unsigned count, const char *word)
{
    int used = 0;
    char why[LAB_WHY];

    for (unsigned i = 0; i < count; i++) {
        const char *prefix = parts[i].prefix, *text = word;

        if (strchr(word, ':') && (!prefix || strncmp(word, prefix, strlen(prefix)) != 0))
            continue;
        if (strchr(word, ':'))
            text += strlen(prefix);
        if (!has_word(parts[i].table, text))
            continue;
        if (lab_word_read(parts[i].table, parts[i].base, text, why) != 0)
            return wrong(r, "%s", why);
        used++;
    }
    return used;
}

static int read_words(struct reader *r, unsigned first, const struct part *parts, unsigned count)
{
    for (unsigned i = first; i < r->count; i++) {
        int used = read_into(r, parts, count, r->word[i]);

        if (used < 0)
            return used;
        if (used == 0)
            return wrong(r, "there is no word '%.60s' in a %s line; `weft lab --words` lists them",
                         r->word[i], r->word[0]);
    }
    return 0;
}

/* --- Statements -------------------------------------------------------------------------- */

static int read_title(struct reader *r)
{
    struct lab_scenario *s = r->scenario;
    size_t used = 0;

    for (unsigned i = 1; i < r->count; i++)
        if (used < sizeof(s->title))
            used += (size_t)snprintf(s->title + used, sizeof(s->title) - used, "%s%s", i > 1 ? " " : "",
                                     r->word[i]);
    return r->count > 1 ? 0 : wrong(r, "title what?");
}

static int read_seed(struct reader *r)
{
    char *end = NULL;

    errno = 0;
    if (r->count == 2)
        r->scenario->seed = strtoull(r->word[1], &end, 10);
    if (!end || *end || errno || r->word[1][0] == '-')
        return wrong(r, "seed is followed by a number below 2^64");
    return 0;
}

static int read_time(struct reader *r)
{
    if (r->count == 2 && lab_read_time(r->word[1], &r->scenario->time) && r->scenario->time > 0)
        return 0;
    return wrong(r, "time is followed by the longest time that the run may take, as in 60s");
}

static int read_hostile(struct reader *r)
{
    r->scenario->is_hostile = true;
    return r->count == 1 ? 0 : wrong(r, "hostile stands alone");
}

static int read_node(struct reader *r, enum lab_node_kind kind)
{
    struct lab_node *node;
    struct part part;

    if (r->count < 2 || !is_name(r->word[1]))
        return wrong(r, "%s is followed by a name: 1 to 15 letters, digits and _", r->word[0]);
    if (find_node(r->scenario, r->word[1]) >= 0)
        return wrong(r, "there is a %s already", r->word[1]);
    node = lab_add_node(r->scenario, kind, r->word[1]);
    if (!node)
        return no_memory(r);
    part = kind == LAB_HOST ? (struct part){NULL, lab_host_words, &node->host}
                            : (struct part){NULL, lab_router_words, node};
    return read_words(r, 2, &part, 1);
}

static int read_host(struct reader *r)
{
    return read_node(r, LAB_HOST);
}

static int read_router(struct reader *r)
{
    return read_node(r, LAB_ROUTER);
}

/* A node that is there already. Returns its place or an error. */
static int known_node(struct reader *r, const char *name)
{
    int node = find_node(r->scenario, name);

    return node >= 0 ? node : wrong(r, "there is no host or router '%.40s'", name);
}

static int read_link_words(struct reader *r, unsigned first, struct lab_link_both *both,
                           struct weft_wire_direction direction[2])
{
    const struct part parts[] = {{NULL, lab_link_words, both},
                                 {"forth:", lab_line_words, &direction[WEFT_WIRE_FORTH]},
                                 {"back:", lab_line_words, &direction[WEFT_WIRE_BACK]}};

    return read_words(r, first, parts, 3);
}

/* Ethernet needs somebody who answers ARP at both ends. */
static int check_link(struct reader *r, const struct lab_link *link)
{
    const struct lab_node *node = r->scenario->node;

    if (link->both.type == LAB_LINK_ETHERNET &&
        (node[link->node[0]].kind == LAB_ROUTER || node[link->node[1]].kind == LAB_ROUTER))
        return wrong(r, "routers speak no ARP: a link with one is of type=ip");
    return 0;
}

static int read_link(struct reader *r)
{
    int a = r->count > 2 ? known_node(r, r->word[1]) : wrong(r, "link is followed by two hosts or routers");
    int b = a >= 0 ? known_node(r, r->word[2]) : a;
    struct lab_link *link;
    int error;

    if (b < 0)
        return b;
    if (a == b)
        return wrong(r, "a link has two different ends");
    link = lab_add_link(r->scenario, (unsigned)a, (unsigned)b);
    if (!link)
        return no_memory(r);
    if (find_link(r->scenario, link->name) != (int)r->scenario->link_count - 1)
        return wrong(r, "there is a link %s already", link->name);
    error = read_link_words(r, 3, &link->both, link->direction);
    return error ? error : check_link(r, link);
}

static int read_box_words(struct reader *r, unsigned first, struct weft_box_config *config)
{
    int error = read_words(r, first, &(struct part){NULL, lab_box_words, config}, 1);

    if (!error && config->thin > 1 && config->coalesce)
        return wrong(r, "a box either thins out or coalesces; two boxes can do both");
    return error;
}

static int read_box(struct reader *r)
{
    struct lab_box *box;
    int link;

    if (r->count < 4 || strcmp(r->word[2], "on") != 0 || !is_name(r->word[1]))
        return wrong(r, "a box is: box NAME on A-B, and words");
    if (find_box(r->scenario, r->word[1]) >= 0)
        return wrong(r, "there is a box %s already", r->word[1]);
    link = find_link(r->scenario, r->word[3]);
    if (link < 0)
        return wrong(r, "there is no link '%.40s'", r->word[3]);
    box = lab_add_box(r->scenario, r->word[1], (unsigned)link);
    return box ? read_box_words(r, 4, &box->config) : no_memory(r);
}

static int check_flow(struct reader *r, const struct lab_flow *flow)
{
    const struct lab_flow_both *both = &flow->both;

    if (both->endless && (both->bytes || both->stop <= both->start))
        return wrong(r, "an endless flow has no bytes, and stops after its start (stop=TIME)");
    if (both->stop && !both->endless)
        return wrong(r, "stop is of an endless flow");
    if (both->simultaneous && both->count > 1)
        return wrong(r, "a simultaneous flow has one connection");
    if (both->every && both->count < 2)
        return wrong(r, "every needs a count of 2 or more");
    return 0;
}

static int read_flow(struct reader *r)
{
    int client, server, error;
    struct lab_flow *flow;

    if (r->count < 5 || strcmp(r->word[3], "->") != 0 || !is_name(r->word[1]))
        return wrong(r, "a flow is: flow NAME CLIENT -> SERVER, and words");
    if (find_flow(r->scenario, r->word[1]) >= 0)
        return wrong(r, "there is a flow %s already", r->word[1]);
    client = known_node(r, r->word[2]);
    server = client >= 0 ? known_node(r, r->word[4]) : client;
    if (server < 0)
        return server;
    if (client == server || r->scenario->node[client].kind != LAB_HOST ||
        r->scenario->node[server].kind != LAB_HOST)
        return wrong(r, "a flow is between two hosts");
    flow = lab_add_flow(r->scenario, r->word[1], (unsigned)client, (unsigned)server);
    if (!flow)
        return no_memory(r);
    error = read_words(r, 5,
                       (const struct part[]){{NULL, lab_flow_words, &flow->both},
                                             {"client:", lab_side_words, &flow->side[0]},
                                             {"server:", lab_side_words, &flow->side[1]}},
                       3);
    return error ? error : check_flow(r, flow);
}

/* --- Events --------------------------------------------------------------------------------- */

/* The settings of a link as the events before this one have left them. */
static void link_state(const struct lab_scenario *s, const struct lab_event *before, unsigned index,
                       struct lab_event *event)
{
    event->both = s->link[index].both;
    memcpy(event->direction, s->link[index].direction, sizeof(event->direction));
    for (const struct lab_event *e = s->event; e < before; e++)
        if (e->kind == LAB_EVENT_LINK && e->index == index) {
            event->both = e->both;
            memcpy(event->direction, e->direction, sizeof(event->direction));
        }
}

static int read_link_event(struct reader *r, struct lab_event *event)
{
    int index = find_link(r->scenario, r->word[3]), error;
    struct lab_link_both before;

    if (index < 0)
        return wrong(r, "there is no link '%.40s'", r->word[3]);
    event->kind = LAB_EVENT_LINK;
    event->index = (unsigned)index;
    link_state(r->scenario, event, event->index, event);
    before = event->both;
    error = read_link_words(r, 4, &event->both, event->direction);
    if (!error && (event->both.type != before.type || event->both.offload != before.offload))
        return wrong(r, "type and offload cannot change");
    return error;
}

static int read_box_event(struct reader *r, struct lab_event *event)
{
    int index = find_box(r->scenario, r->word[3]);

    if (index < 0)
        return wrong(r, "there is no box '%.40s'", r->word[3]);
    event->kind = LAB_EVENT_BOX;
    event->index = (unsigned)index;
    event->box = r->scenario->box[index].config;
    for (const struct lab_event *e = r->scenario->event; e < event; e++)
        if (e->kind == LAB_EVENT_BOX && e->index == event->index)
            event->box = e->box;
    return read_box_words(r, 4, &event->box);
}

static int read_abort_event(struct reader *r, struct lab_event *event)
{
    int index = find_flow(r->scenario, r->word[3]);

    if (index < 0)
        return wrong(r, "there is no flow '%.40s'", r->word[3]);
    event->kind = LAB_EVENT_ABORT;
    event->index = (unsigned)index;
    return 0;
}

static int read_at(struct reader *r)
{
    static const char form[] = "an event is: at TIME link A-B words, or box NAME words, or abort FLOW";
    struct lab_scenario *s = r->scenario;
    struct lab_event *event;
    weft_time at;

    if (r->count < 4 || !lab_read_time(r->word[1], &at))
        return wrong(r, "%s", form);
    if (s->event_count && s->event[s->event_count - 1].at > at)
        return wrong(r, "events stand in the order of their times");
    event = lab_add_event(s, at);
    if (!event)
        return no_memory(r);
    if (strcmp(r->word[2], "link") == 0)
        return read_link_event(r, event);
    if (strcmp(r->word[2], "box") == 0)
        return read_box_event(r, event);
    if (strcmp(r->word[2], "abort") == 0 && r->count == 4)
        return read_abort_event(r, event);
    return wrong(r, "%s", form);
}

/* --- Expectations ------------------------------------------------------------------------------ */

static int find_metric(const char *name)
{
    for (int i = 0; i < LAB_METRIC_COUNT; i++)
        if (strcmp(lab_metric_name((enum lab_metric)i), name) == 0)
            return i;
    return -1;
}

/* A value in the unit of its metric. */
static bool read_metric_value(enum lab_metric metric, const char *text, double *out)
{
    uint64_t value;
    bool ok;

    if (metric == LAB_METRIC_FINISH || metric == LAB_METRIC_RTT)
        ok = lab_read_time(text, &value);
    else if (metric == LAB_METRIC_GOODPUT)
        ok = lab_read_rate(text, &value);
    else
        return lab_read_number(text, out);
    *out = (double)value;
    return ok;
}

static int read_subjects(struct reader *r, struct lab_expect *expect, char *list)
{
    bool is_link = lab_metric_is_of_link(expect->metric);
    char *rest = list, *name;

    while ((name = strsep(&rest, ","))) {
        int found = is_link ? find_link(r->scenario, name) : find_flow(r->scenario, name);

        if (found < 0)
            return wrong(r, "there is no %s '%.40s'", is_link ? "link" : "flow", name);
        if (expect->count == LAB_SUBJECTS)
            return wrong(r, "at most %u are compared", LAB_SUBJECTS);
        expect->subject[expect->count++] = (unsigned)found;
    }
    if (expect->metric == LAB_METRIC_FAIRNESS ? expect->count < 2 : expect->count != 1)
        return wrong(r, "%s is of %s", lab_metric_name(expect->metric),
                     expect->metric == LAB_METRIC_FAIRNESS ? "two or more: A,B" : "one");
    return 0;
}

static int read_expect(struct reader *r)
{
    struct lab_expect *expect;
    int metric;

    if (r->count != 5)
        return wrong(r, "an expectation is: expect FLOW METRIC >= VALUE (or <=)");
    metric = find_metric(r->word[2]);
    if (metric < 0)
        return wrong(r, "there is no metric '%.40s'; `weft lab --words` lists them", r->word[2]);
    expect = lab_add_expect(r->scenario);
    if (!expect)
        return no_memory(r);
    expect->metric = (enum lab_metric)metric;
    expect->at_most = strcmp(r->word[3], "<=") == 0;
    if (!expect->at_most && strcmp(r->word[3], ">=") != 0)
        return wrong(r, "'%.10s' is neither >= nor <=", r->word[3]);
    if (!read_metric_value(expect->metric, r->word[4], &expect->value))
        return wrong(r, "'%.40s' is no value of %s", r->word[4], r->word[2]);
    return read_subjects(r, expect, r->word[1]);
}

/* --- Lines --------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    int (*read)(struct reader *r);
} statements[] = {
    {"title", read_title}, {"seed", read_seed},     {"time", read_time},     {"hostile", read_hostile},
    {"host", read_host},   {"router", read_router}, {"link", read_link},     {"box", read_box},
    {"flow", read_flow},   {"at", read_at},         {"expect", read_expect},
};

static int read_line(struct reader *r, char *line)
{
    char *rest = line, *word;

    line[strcspn(line, "#\n")] = '\0';
    r->line++;
    r->count = 0;
    while ((word = strsep(&rest, " \t\r"))) {
        if (!*word)
            continue;
        if (r->count == MAX_WORDS)
            return wrong(r, "more than %u words in a line", MAX_WORDS);
        r->word[r->count++] = word;
    }
    if (r->count == 0)
        return 0;
    for (unsigned i = 0; i < sizeof(statements) / sizeof(statements[0]); i++)
        if (strcmp(statements[i].name, r->word[0]) == 0)
            return statements[i].read(r);
    return wrong(r, "a line cannot begin with '%.40s'; see weft-scenario(5)", r->word[0]);
}

int lab_scenario_read_stream(FILE *in, const char *name, struct lab_scenario *out, char *why, size_t why_size)
{
    struct reader r = {.scenario = out, .name = name, .why = why, .why_size = why_size};
    char *line = NULL;
    size_t size = 0;
    int error = 0;

    *out = (struct lab_scenario){.seed = 1};
    while (!error && getline(&line, &size, in) >= 0)
        error = read_line(&r, line);
    free(line);
    if (!error && out->flow_count == 0)
        error = wrong(&r, "there is no flow, so there is nothing to run");
    if (error)
        lab_scenario_free(out);
    return error;
}

int lab_scenario_read(const char *path, struct lab_scenario *out, char *why, size_t why_size)
{
    bool is_stdin = strcmp(path, "-") == 0;
    FILE *in = is_stdin ? stdin : fopen(path, "r");
    int error;

    if (!in) {
        (void)snprintf(why, why_size, "%s: %s", path, strerror(errno));
        return WEFT_E_NOTFOUND;
    }
    error = lab_scenario_read_stream(in, is_stdin ? "standard input" : path, out, why, why_size);
    if (!is_stdin)
        (void)fclose(in);
    return error;
}
