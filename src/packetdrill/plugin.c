/* SPDX-License-Identifier: MIT */
/*
 * The plug-in as a whole: weft under packetdrill, in virtual time.
 *
 * Owns    the beginning and the end of a run. Nothing is kept between runs, so
 *         one process may run many scripts.
 */
#include "packetdrill/plugin.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Enough for what a script does between two reads of the trace. */
#define TRACE_RECORDS 65536

struct plugin *plugin_enter(void *u)
{
    struct plugin *p = u;

    pthread_mutex_lock(&p->lock);
    return p;
}

ssize_t plugin_leave(struct plugin *p, ssize_t rc)
{
    clock_run(p);
    clock_settle(p);
    pthread_mutex_unlock(&p->lock);
    if (rc >= 0)
        return rc;
    errno = (int)-rc;
    return -1;
}

void plugin_read_knobs(struct plugin *p)
{
    const char *path = getenv("WEFT_KNOBS");
    struct settings now = p->settings;

    if (!path)
        return;
    settings_read_knobs(&now, path, &p->complained);
    weft_stack_set_tcp(p->stack, &now.tcp);
    p->send_buffer = now.tcp.send_buffer;
    p->write_buffer = now.write_buffer;
    p->notsent_lowat = now.notsent_lowat;
    if (now.has_fast_open_key)
        weft_stack_set_fastopen_key(p->stack, now.fast_open_key, sizeof(now.fast_open_key));
    if (now.cookie_flushes != p->cookie_flushes)
        weft_stack_forget_fastopen(p->stack);
    p->cookie_flushes = now.cookie_flushes;
}

int plugin_add_local(struct plugin *p, const struct weft_addr *addr)
{
    struct weft_prefix prefix = {*addr, 32};
    int rc = weft_iface_add_addr(p->stack, p->iface, &prefix);

    return rc == WEFT_E_EXIST ? 0 : rc;
}

/* --- Beginning ----------------------------------------------------------------------- */

static void start_recording(struct plugin *p)
{
    struct weft_recording_config config = {.max_frames = 1 << 20};

    if (!p->settings.record[0] || weft_recording_new(&config, &p->recording) < 0)
        return;
    weft_recording_attach(p->recording, p->link, 1, &p->link);
    weft_recording_set_stack(p->recording, p->stack);
}

/* Where the stack's packets go, and what it is called itself. */
static int start_network(struct plugin *p)
{
    static const struct weft_prefix everywhere = {.addr = {{[10] = 0xff, [11] = 0xff}}, .len = 0};
    struct weft_addr local = p->settings.local;

    if (weft_addr_is_any(&local))
        local = weft_ip4(192, 168, 0, 1);
    p->iface = weft_iface_add_link(p->stack, p->link);
    if (p->iface < 0)
        return p->iface;
    if (plugin_add_local(p, &local) < 0)
        return WEFT_E_INVAL;
    return weft_route_add(p->stack, &everywhere, NULL, p->iface, 0);
}

static int start(struct plugin *p, const char *flags)
{
    struct weft_stack_config config = {.allocator = *weft_host_allocator(), .seed = "packetdrill"};
    int rc = settings_init(&p->settings, flags);

    if (rc < 0)
        return rc;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->changed, NULL);
    p->main = pthread_self();
    clock_init(p);
    rc = conns_init(p);
    config.now = p->now;
    p->settings.tcp.crypto = weft_host_tcp_crypto();
    p->send_buffer = p->settings.tcp.send_buffer;
    config.tcp = p->settings.tcp;
    config.trace_records = p->conns || p->settings.trace || p->settings.record[0] ? TRACE_RECORDS : 0;
    if (rc == 0)
        rc = weft_stack_new(&config, &p->stack);
    if (rc < 0)
        return rc;
    start_recording(p);
    return start_network(p);
}

/* --- End --------------------------------------------------------------------------------- */

static void save_recording(struct plugin *p)
{
    char why[256] = "";

    if (!p->recording)
        return;
    weft_recording_poll(p->recording);
    if (weft_recording_save(p->recording, p->settings.record, why, sizeof(why)) < 0)
        fprintf(stderr, "weft: %s: %s\n", p->settings.record, why);
    weft_recording_set_stack(p->recording, NULL);
}

static void plugin_free(void *u)
{
    struct plugin *p = u;

    for (unsigned i = 0; i < p->desc_count; i++)
        if (p->descs[i])
            desc_close(p->descs[i]);
    save_recording(p);
    clock_fini(p);
    weft_stack_free(p->stack);
    weft_recording_free(p->recording);
    conns_fini(p);
    pthread_cond_destroy(&p->changed);
    pthread_mutex_destroy(&p->lock);
    free(p->descs);
    free(p);
}

void packetdrill_interface_init(const char *flags, struct packetdrill_interface *ifc)
{
    struct plugin *p = calloc(1, sizeof(*p));

    if (!p || start(p, flags) != 0) {
        fprintf(stderr, "weft: the stack cannot be started\n");
        exit(EXIT_FAILURE); /* packetdrill has no way to be told */
    }
    ifc->userdata = p;
    ifc->free = plugin_free;
    calls_fill(ifc);
    data_fill(ifc);
    sockopt_fill(ifc);
    poll_fill(ifc);
    pipe_fill(ifc);
    clock_fill(ifc);
}
