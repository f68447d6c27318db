/* SPDX-License-Identifier: MIT */
/*
 * The ready list: sockets about which something new is to be told.
 *
 * A layer that changes what a socket can do says so with ready_signal; the
 * node waits in the list until the application's driver takes it out. Nothing
 * is called back.
 *
 * Owns    the order of the list. The nodes belong to the sockets.
 */
#ifndef WEFT_BASE_READY_H
#define WEFT_BASE_READY_H

#include "base/list.h"

struct ready_list {
    struct list nodes;
};

struct ready_node {
    struct list link;
    unsigned news; /* enum weft_sock_event: what has become possible since it was last taken */
};

static inline void ready_list_init(struct ready_list *ready)
{
    list_init(&ready->nodes);
}

static inline void ready_node_init(struct ready_node *node)
{
    list_init(&node->link);
    node->news = 0;
}

/* `events` have become possible. NULL is allowed: nobody owns the object yet. */
static inline void ready_signal(struct ready_list *ready, struct ready_node *node, unsigned events)
{
    if (!node || !events)
        return;
    node->news |= events;
    if (!list_is_linked(&node->link))
        list_push_back(&ready->nodes, &node->link);
}

static inline void ready_forget(struct ready_node *node)
{
    list_remove(&node->link);
    node->news = 0;
}

/* The first node, taken out; NULL when there is none. */
static inline struct ready_node *ready_pop(struct ready_list *ready)
{
    struct list *link = list_pop_front(&ready->nodes);

    return link ? list_entry(link, struct ready_node, link) : NULL;
}

#endif
