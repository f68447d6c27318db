/* SPDX-License-Identifier: MIT */
/*
 * The connections of the stack, for those who ask from outside packetdrill:
 * one line for each in the file that $WEFT_STATE names, so that a stand-in for
 * ss(8) or sockstat can answer a script.
 *
 * Owns    a table made from the trace: connections that no socket holds, and
 *         those in TIME-WAIT, stand in it too.
 */
#include "packetdrill/plugin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct conn {
    uint32_t number;
    struct weft_endpoint local, remote;
    unsigned state;
};

struct conn_table {
    const char *path;
    uint64_t cursor;
    struct conn *conns;
    unsigned count;
    bool is_new;
};

int conns_init(struct plugin *p)
{
    const char *path = getenv("WEFT_STATE");

    if (!path || !*path)
        return 0;
    p->conns = calloc(1, sizeof(*p->conns));
    if (!p->conns)
        return -1;
    p->conns->path = path;
    p->conns->is_new = true;
    return 0;
}

void conns_fini(struct plugin *p)
{
    if (p->conns)
        free(p->conns->conns);
    free(p->conns);
}

static struct conn *find(struct conn_table *table, uint32_t number)
{
    for (unsigned i = 0; i < table->count; i++)
        if (table->conns[i].number == number)
            return &table->conns[i];
    return NULL;
}

static struct weft_addr addr_of(uint64_t high, uint64_t low)
{
    struct weft_addr addr;

    for (unsigned i = 0; i < 8; i++) {
        addr.b[i] = (uint8_t)(high >> (56 - 8 * i));
        addr.b[8 + i] = (uint8_t)(low >> (56 - 8 * i));
    }
    return addr;
}

static void begin(struct conn_table *table, const struct weft_trace_record *record)
{
    struct conn *conns = realloc(table->conns, sizeof(*conns) * (table->count + 1));

    if (!conns)
        return;
    table->conns = conns;
    conns[table->count++] = (struct conn){
        .number = record->conn,
        .local = {addr_of(record->arg[0], record->arg[1]), (uint16_t)(record->arg[4] >> 16)},
        .remote = {addr_of(record->arg[2], record->arg[3]), (uint16_t)record->arg[4]},
    };
}

static void take_record(struct conn_table *table, const struct weft_trace_record *record)
{
    struct conn *conn;

    if (record->event == WEFT_TRACE_TCP_OPEN)
        begin(table, record);
    if (record->event != WEFT_TRACE_TCP_STATE)
        return;
    table->is_new = true;
    conn = find(table, record->conn);
    if (!conn)
        return;
    conn->state = (unsigned)record->arg[1];
    if (conn->state == WEFT_TCP_CLOSED || conn->state == WEFT_TCP_LISTEN)
        *conn = table->conns[--table->count]; /* a half-open connection that fails goes back to LISTEN */
}

static void print_line(FILE *out, const struct weft_endpoint *local, const struct weft_endpoint *remote,
                       unsigned state)
{
    char texts[2][WEFT_ENDPOINT_STRLEN];

    fprintf(out, "%s %s %s\n", weft_endpoint_format(local, texts[0]), weft_endpoint_format(remote, texts[1]),
            weft_tcp_state_name(state));
}

static void write_file(struct plugin *p)
{
    static const struct weft_endpoint nobody;
    FILE *out = fopen(p->conns->path, "w");

    if (!out)
        return;
    for (unsigned i = 0; i < p->desc_count; i++)
        if (p->descs[i] && p->descs[i]->is_listener) {
            struct weft_endpoint local;

            weft_sock_local(p->descs[i]->sock, &local);
            print_line(out, &local, &nobody, WEFT_TCP_LISTEN);
        }
    for (unsigned i = 0; i < p->conns->count; i++)
        print_line(out, &p->conns->conns[i].local, &p->conns->conns[i].remote, p->conns->conns[i].state);
    fclose(out);
}

void conns_changed(struct plugin *p)
{
    if (p->conns)
        p->conns->is_new = true;
}

void conns_update(struct plugin *p)
{
    struct conn_table *table = p->conns;
    struct weft_trace_record records[64];
    uint64_t lost = 0;
    unsigned n;

    if (!table)
        return;
    while ((n = weft_trace_read(p->stack, &table->cursor, records, 64, &lost)) > 0)
        for (unsigned i = 0; i < n; i++)
            take_record(table, &records[i]);
    if (table->is_new)
        write_file(p);
    table->is_new = false;
}
