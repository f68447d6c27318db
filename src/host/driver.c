/* SPDX-License-Identifier: MIT */
/* One round of driving a stack and its links, in the order that weft/stack.h gives. */
#include "host/driver.h"

#include <stdlib.h>

#define RECV_BATCH 64  /* packets; ours: up to 4 MiB of super-segments before anything else has its turn */
#define HANDLERS   256 /* ours: handlers in each half of a round, before the links have their turn */

void host_driver_init(struct host_driver *driver, struct weft_stack *stack)
{
    *driver = (struct host_driver){.stack = stack};
}

void host_driver_fini(struct host_driver *driver)
{
    for (unsigned i = 0; i < driver->count; i++)
        weft_link_close(driver->links[i].link);
    free(driver->links);
    driver->links = NULL;
    driver->count = 0;
}

int host_driver_add(struct host_driver *driver, struct weft_link *link)
{
    struct host_driver_link *links = realloc(driver->links, sizeof(*links) * (driver->count + 1));
    int iface = WEFT_E_NOMEM;

    if (links) {
        driver->links = links;
        iface = weft_iface_add_link(driver->stack, link);
    }
    if (iface < 0) {
        weft_link_close(link);
        return iface;
    }
    links[driver->count++] = (struct host_driver_link){.link = link, .iface = iface};
    return iface;
}

int host_driver_error(const struct host_driver *driver)
{
    for (unsigned i = 0; i < driver->count; i++)
        if (driver->links[i].error)
            return driver->links[i].error;
    return 0;
}

/* When the link needs a round of itself, or for packets that wait for it since the last one. */
static weft_time link_deadline(const struct host_driver *driver, const struct host_driver_link *l)
{
    if (l->error)
        return WEFT_TIME_NEVER;
    if (!l->is_full && weft_output(driver->stack, l->iface)->head)
        return 0;
    return weft_link_deadline(l->link);
}

weft_time host_driver_deadline(const struct host_driver *driver)
{
    weft_time first = weft_deadline(driver->stack);

    for (unsigned i = 0; i < driver->count; i++) {
        weft_time deadline = link_deadline(driver, &driver->links[i]);

        if (deadline < first)
            first = deadline;
    }
    return first;
}

static void receive(struct host_driver *driver, struct host_driver_link *l, weft_time now)
{
    struct weft_pktq batch = {0};
    int n;

    if (l->error || (!l->is_readable && weft_link_deadline(l->link) > now))
        return;
    n = weft_link_recv(l->link, weft_stack_pool(driver->stack), &batch, RECV_BATCH, now);
    if (n < 0)
        l->error = n;
    if (batch.head)
        weft_input(driver->stack, l->iface, &batch, now);
}

static void transmit(struct host_driver *driver, struct host_driver_link *l, weft_time now)
{
    struct weft_pktq *queue = weft_output(driver->stack, l->iface);
    bool has_packets = queue->head && (!l->is_full || weft_link_fd(l->link) < 0);
    int n;

    if (l->error || (!has_packets && weft_link_deadline(l->link) > now))
        return;
    n = weft_link_send(l->link, queue, now);
    if (n < 0)
        l->error = n;
    l->is_full = queue->head != NULL;
}

void host_driver_input(struct host_driver *driver, weft_time now)
{
    for (unsigned i = 0; i < driver->count; i++)
        receive(driver, &driver->links[i], now);
    weft_dispatch(driver->stack,
                  HANDLERS); /* they read before the ACKs are built: no window shuts for a moment */
    weft_step(driver->stack, now);
}

void host_driver_output(struct host_driver *driver, weft_time now)
{
    weft_dispatch(driver->stack, HANDLERS);
    weft_step(driver->stack, now);
    for (unsigned i = 0; i < driver->count; i++)
        transmit(driver, &driver->links[i], now);
    for (unsigned i = 0; i < driver->count; i++)
        weft_link_end_round(driver->links[i].link, now);
}
