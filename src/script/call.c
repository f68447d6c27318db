/* SPDX-License-Identifier: MIT */
/*
 * What the application of a script does, and what is expected of sockets and
 * counters.
 */
#include <stdio.h>
#include <string.h>

#include "script/names.h"
#include "script/run.h"

/* --- Sockets by name ------------------------------------------------------------------- */

static struct run_sock *find_sock(struct run *run, const char *name)
{
    for (unsigned i = 0; i < run->nsocks; i++)
        if (strcmp(run->socks[i].name, name) == 0)
            return &run->socks[i];
    return NULL;
}

static struct run_sock *name_sock(struct run *run, const char *name)
{
    struct run_sock *slot = find_sock(run, name);

    if (!slot && run->nsocks < SCRIPT_MAX_SOCKS)
        slot = &run->socks[run->nsocks++];
    if (!slot) {
        run_fail(run, "more than %d sockets", SCRIPT_MAX_SOCKS);
        return NULL;
    }
    if (!slot->sock) {
        *slot = (struct run_sock){.flow = -1, .write_at = 1};
        snprintf(slot->name, sizeof(slot->name), "%s", name);
    }
    return slot;
}

/* The socket of this name, opened when there is none. */
static struct run_sock *open_sock(struct run *run, const char *name)
{
    struct run_sock *slot = name_sock(run, name);
    int rc;

    if (!slot || slot->sock)
        return slot;
    rc = weft_sock_open(run->stack, WEFT_SOCK_STREAM, &slot->sock);
    if (rc == 0)
        return slot;
    run_fail(run, "no socket could be opened: %s", weft_strerror(rc));
    return NULL;
}

static struct run_sock *need_sock(struct run *run, const char *name)
{
    struct run_sock *slot = find_sock(run, name);

    if (slot && slot->sock)
        return slot;
    run_fail(run, "there is no socket '%s', or it has been closed", name);
    return NULL;
}

/* Which conversation a socket is an end of. */
static void find_flow(struct run *run, struct run_sock *slot)
{
    struct weft_endpoint local, remote;

    weft_sock_local(slot->sock, &local);
    weft_sock_remote(slot->sock, &remote);
    slot->flow = run_flow_find(run, &local, &remote);
}

/* --- Opening ------------------------------------------------------------------------------- */

static int64_t do_listen(struct run *run, struct run_sock *slot, const struct script_call *call)
{
    struct weft_endpoint local = call->addr, bound;
    int rc = 0;

    weft_sock_local(slot->sock, &bound);
    if (bound.port == 0) {
        local.port = local.port ? local.port : run->flows[0].local.port;
        rc = weft_sock_bind(slot->sock, &local);
        bound = local;
    }
    if (rc == 0)
        rc = weft_sock_listen(slot->sock, (unsigned)call->number);
    for (unsigned i = 0; rc == 0 && i < run->nflows; i++) {
        struct run_flow *flow = &run->flows[i];

        if (flow->local.port == bound.port && flow->state == WEFT_TCP_CLOSED)
            flow->state = WEFT_TCP_LISTEN;
    }
    return rc;
}

static int64_t do_connect(struct run *run, struct run_sock *slot, const struct script_call *call)
{
    int index = script_find_flow(run->script, call->from);
    struct run_flow *flow = &run->flows[index];
    struct weft_endpoint bound, remote;
    int rc = 0;

    weft_sock_local(slot->sock, &bound);
    if (bound.port == 0 && call->addr.port == 0) {
        bound.port = flow->local.port;
        rc = weft_sock_bind(slot->sock, &bound);
    }
    remote = call->addr.port ? call->addr : flow->remote;
    if (weft_addr_is_any(&remote.addr))
        remote.addr = flow->remote.addr;
    slot->flow = index;
    return rc ? rc : weft_sock_connect(slot->sock, &remote);
}

static int64_t do_accept(struct run *run, struct run_sock *slot, const struct script_call *call)
{
    struct run_sock *listener = need_sock(run, call->from);
    int rc;

    if (!listener)
        return 0;
    rc = weft_sock_accept(listener->sock, &slot->sock);
    if (rc == 0)
        find_flow(run, slot);
    return rc;
}

/* --- Data ------------------------------------------------------------------------------------ */

static int64_t do_write(struct run_sock *slot, const struct script_call *call)
{
    static uint8_t bytes[SCRIPT_MAX_WRITE];
    ptrdiff_t n;

    for (uint32_t i = 0; i < call->number; i++)
        bytes[i] = packet_byte(slot->write_at + i);
    n = weft_sock_send_flags(slot->sock, bytes, (size_t)call->number, call->flags);
    if (n > 0)
        slot->write_at += (uint32_t)n;
    return n;
}

static int64_t do_read(struct run *run, struct run_sock *slot, const struct script_call *call)
{
    static uint8_t bytes[SCRIPT_MAX_WRITE];
    bool peeks = call->kind == SCRIPT_CALL_PEEK;
    ptrdiff_t n = peeks ? weft_sock_peek(slot->sock, 0, bytes, (size_t)call->number)
                        : weft_sock_recv(slot->sock, bytes, (size_t)call->number);

    if (n <= 0)
        return n;
    if (!slot->has_read && slot->flow >= 0) {
        slot->read_at = run->flows[slot->flow].peer_base + 1;
        slot->has_read = true;
    }
    for (ptrdiff_t i = 0; i < n; i++)
        if (bytes[i] != packet_byte(slot->read_at + (uint32_t)i)) {
            run_fail(run, "the byte with number %u is not what the peer sent there",
                     slot->read_at + (uint32_t)i);
            return n;
        }
    if (!peeks)
        slot->read_at += (uint32_t)n;
    return n;
}

/* --- Any call ---------------------------------------------------------------------------------- */

static bool opens(enum script_call_kind kind)
{
    return kind == SCRIPT_CALL_BIND || kind == SCRIPT_CALL_LISTEN || kind == SCRIPT_CALL_CONNECT ||
           kind == SCRIPT_CALL_SET;
}

/* What the call says when all is well and the script does not tell. */
static int64_t usual_result(const struct script_call *call)
{
    switch (call->kind) {
    case SCRIPT_CALL_CONNECT:
        return WEFT_E_INPROGRESS;
    case SCRIPT_CALL_WRITE:
    case SCRIPT_CALL_READ:
    case SCRIPT_CALL_PEEK:
        return call->number;
    default:
        return 0;
    }
}

static int64_t make(struct run *run, struct run_sock *slot, const struct script_call *call)
{
    struct weft_sock *sock = slot->sock;
    int64_t value = 0;
    int rc;

    switch (call->kind) {
    case SCRIPT_CALL_BIND:
        return weft_sock_bind(sock, &call->addr);
    case SCRIPT_CALL_LISTEN:
        return do_listen(run, slot, call);
    case SCRIPT_CALL_CONNECT:
        return do_connect(run, slot, call);
    case SCRIPT_CALL_ACCEPT:
        return do_accept(run, slot, call);
    case SCRIPT_CALL_WRITE:
        return do_write(slot, call);
    case SCRIPT_CALL_READ:
    case SCRIPT_CALL_PEEK:
        return do_read(run, slot, call);
    case SCRIPT_CALL_SHUTDOWN:
        return weft_sock_shutdown(sock, (enum weft_shutdown)call->number);
    case SCRIPT_CALL_CLOSE:
        weft_sock_close(sock);
        slot->sock = NULL;
        return 0;
    case SCRIPT_CALL_ABORT:
        weft_sock_abort(sock);
        slot->sock = NULL;
        return 0;
    case SCRIPT_CALL_SET:
        return weft_sock_setopt(sock, (enum weft_sockopt)call->option, call->number);
    case SCRIPT_CALL_GET:
        rc = weft_sock_getopt(sock, (enum weft_sockopt)call->option, &value);
        return rc < 0 ? rc : value;
    case SCRIPT_CALL_ERROR:
        return weft_sock_error(sock);
    case SCRIPT_CALL_PENDING:
        return (int64_t)weft_sock_recv_pending(sock);
    case SCRIPT_CALL_ROOM:
        return (int64_t)weft_sock_send_room(sock);
    case SCRIPT_CALL_URGENT:
        return (int64_t)weft_sock_urgent(sock);
    case SCRIPT_CALL_MARK:
        return weft_sock_at_mark(sock);
    case SCRIPT_CALL_TROUBLE:
        return weft_sock_trouble(sock);
    }
    return 0;
}

/* A result as a script says it. */
static const char *result_text(int64_t result, char buf[32])
{
    if (result < 0 && result > WEFT_ERR_FIRST_ && result < WEFT_ERR_END_)
        snprintf(buf, 32, "%s", weft_errname((int)result));
    else
        snprintf(buf, 32, "%lld", (long long)result);
    return buf;
}

bool call_make(struct run *run, const struct script_call *call)
{
    struct run_sock *slot = call->kind == SCRIPT_CALL_ACCEPT ? name_sock(run, call->sock)
                            : opens(call->kind)              ? open_sock(run, call->sock)
                                                             : need_sock(run, call->sock);
    int64_t wanted = call->has_result ? call->result : usual_result(call);
    int64_t result;
    char got_text[32], wanted_text[32];

    if (!slot)
        return false;
    result = make(run, slot, call);
    if (run->failed)
        return false;
    if (result != wanted)
        return run_fail(run, "the call returned %s instead of %s", result_text(result, got_text),
                        result_text(wanted, wanted_text));
    run_step(run);
    return !run->failed;
}

/* --- Expectations -------------------------------------------------------------------------------- */

static bool holds(int64_t got, enum script_op op, int64_t wanted)
{
    switch (op) {
    case SCRIPT_EQ:
        return got == wanted;
    case SCRIPT_NE:
        return got != wanted;
    case SCRIPT_LT:
        return got < wanted;
    case SCRIPT_LE:
        return got <= wanted;
    case SCRIPT_GT:
        return got > wanted;
    case SCRIPT_GE:
        return got >= wanted;
    }
    return false;
}

static bool read_info(struct run *run, const char *name, const struct script_field *field, int64_t *out)
{
    struct run_sock *slot = need_sock(run, name);
    struct weft_tcp_info info;

    if (!slot)
        return false;
    if (weft_sock_info(slot->sock, &info) != 0)
        return run_fail(run, "the socket has no connection");
    *out = script_field_get(field, &info);
    return true;
}

static bool read_flow_field(struct run *run, const char *name, unsigned field, int64_t *out)
{
    int index = script_find_flow(run->script, strcmp(name, SCRIPT_SOCK) == 0 ? SCRIPT_FLOW : name);
    const struct run_flow *flow;

    if (index < 0)
        return run_fail(run, "there is no flow '%s'", name);
    flow = &run->flows[index];
    *out = field == SCRIPT_FLOW_ISN_STEP ? flow->isn_step
           : field == SCRIPT_FLOW_ISN    ? flow->iss
                                         : flow->local.port;
    return true;
}

static bool read_subject(struct run *run, const char *name, const struct script_test *test, int64_t *out)
{
    const struct weft_stats *stats = weft_stats(run->stack);

    switch (test->subject) {
    case SCRIPT_OF_INFO:
        return read_info(run, name, &script_info_fields[test->index], out);
    case SCRIPT_OF_DROPS:
        *out = (int64_t)stats->drop[test->index];
        return true;
    case SCRIPT_OF_COUNTERS:
        *out = (int64_t)stats->count[test->index];
        return true;
    case SCRIPT_OF_FLOW:
        return read_flow_field(run, name, test->index, out);
    }
    return false;
}

static const char *subject_name(const struct script_test *test)
{
    static const char *const of_flow[] = {"isn_step", "isn", "port"};

    switch (test->subject) {
    case SCRIPT_OF_INFO:
        return script_info_fields[test->index].name;
    case SCRIPT_OF_DROPS:
        return weft_drop_name(test->index);
    case SCRIPT_OF_COUNTERS:
        return weft_counter_name(test->index);
    case SCRIPT_OF_FLOW:
        break;
    }
    return of_flow[test->index];
}

bool call_expect(struct run *run, const struct script_expect *expect)
{
    for (unsigned i = 0; i < expect->count; i++) {
        const struct script_test *test = &expect->test[i];
        int64_t got = 0;

        if (!read_subject(run, expect->sock, test, &got))
            return false;
        if (!holds(got, test->op, test->value))
            return run_fail(run, "%s is %lld", subject_name(test), (long long)got);
    }
    return true;
}

bool call_events(struct run *run, const char *sock, unsigned wanted, bool none)
{
    struct run_sock *slot = need_sock(run, sock);
    unsigned heard;

    if (!slot)
        return false;
    heard = slot->heard;
    slot->heard = 0;
    if (none && heard)
        return run_fail(run, "the socket was told of events 0x%x (enum weft_sock_event)", heard);
    if ((heard & wanted) != wanted)
        return run_fail(run, "the socket was told of events 0x%x (enum weft_sock_event) and not of 0x%x",
                        heard, wanted & ~heard);
    return true;
}
