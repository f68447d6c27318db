/* SPDX-License-Identifier: MIT */
/* A scenario's parts in memory (scenario.h). */
#include "lab/scenario.h"

#include <stdlib.h>
#include <string.h>

/* Room for one element more; zeroed. Gives its address, NULL without memory. */
static void *grow(void **array, unsigned *count, size_t size)
{
    char *grown = realloc(*array, size * (*count + 1));

    if (!grown)
        return NULL;
    *array = grown;
    memset(grown + size * *count, 0, size);
    return grown + size * (*count)++;
}

#define GROW(scenario, part)                                                                                 \
    grow((void **)&(scenario)->part, &(scenario)->part##_count, sizeof(*(scenario)->part))

struct lab_node *lab_add_node(struct lab_scenario *scenario, enum lab_node_kind kind, const char *name)
{
    struct lab_node *node = GROW(scenario, node);

    if (!node)
        return NULL;
    node->kind = kind;
    (void)snprintf(node->name, sizeof(node->name), "%s", name);
    return node;
}

struct lab_link *lab_add_link(struct lab_scenario *scenario, unsigned a, unsigned b)
{
    struct lab_link *link = GROW(scenario, link);

    if (!link)
        return NULL;
    link->node[0] = a;
    link->node[1] = b;
    (void)snprintf(link->name, sizeof(link->name), "%s-%s", scenario->node[a].name, scenario->node[b].name);
    return link;
}

struct lab_box *lab_add_box(struct lab_scenario *scenario, const char *name, unsigned link)
{
    struct lab_box *box = GROW(scenario, box);

    if (!box)
        return NULL;
    box->link = link;
    (void)snprintf(box->name, sizeof(box->name), "%s", name);
    return box;
}

struct lab_flow *lab_add_flow(struct lab_scenario *scenario, const char *name, unsigned client,
                              unsigned server)
{
    struct lab_flow *flow = GROW(scenario, flow);

    if (!flow)
        return NULL;
    flow->node[0] = client;
    flow->node[1] = server;
    (void)snprintf(flow->name, sizeof(flow->name), "%s", name);
    return flow;
}

struct lab_event *lab_add_event(struct lab_scenario *scenario, weft_time at)
{
    struct lab_event *event = GROW(scenario, event);
    unsigned place = scenario->event_count - 1;

    if (!event)
        return NULL;
    for (; place > 0 && scenario->event[place - 1].at > at; place--)
        scenario->event[place] = scenario->event[place - 1];
    event = &scenario->event[place];
    *event = (struct lab_event){.at = at};
    return event;
}

struct lab_expect *lab_add_expect(struct lab_scenario *scenario)
{
    return GROW(scenario, expect);
}

void lab_scenario_free(struct lab_scenario *scenario)
{
    free(scenario->node);
    free(scenario->link);
    free(scenario->box);
    free(scenario->flow);
    free(scenario->event);
    free(scenario->expect);
    *scenario = (struct lab_scenario){0};
}
