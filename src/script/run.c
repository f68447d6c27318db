/* SPDX-License-Identifier: MIT */
/*
 * Running a script in virtual time.
 *
 * Owns    the clock and the order of things. Time passes from one deadline of
 *         the stack to the next; whatever is sent on the way must be what the
 *         script expects next, and at the moment it says.
 *
 * Never   looks into the stack: only the public calls, the packets, the
 *         counters and the trace.
 */
#include "script/run.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <weft/loop.h>

#include "base/trace.h"

#define SERVER_PORT   80
#define CLIENT_PORT   40000
#define START         (1000 * WEFT_SEC)
#define LONGEST_WAIT  (48 * 3600 * WEFT_SEC) /* for "*": no timer of TCP takes longer */
#define LOOK_AHEAD    (600 * WEFT_SEC)       /* for what would have come, when something is missing */
#define STEPS_AT_ONCE 1000                   /* more at one moment is a stack that goes round in circles */
#define TICK          (4 * WEFT_USEC)        /* of the clock in an initial sequence number (RFC 6528 3) */

/* --- Saying what passes ------------------------------------------------------------------- */

void run_log(struct run *run, const char *format, ...)
{
    char *line = run->log[run->logged++ % RUN_LOG];
    int n = snprintf(line, RUN_TEXT, "%12.6f ", (double)(run->now - run->start) / 1e6);
    va_list args;

    va_start(args, format);
    vsnprintf(line + n, (size_t)(RUN_TEXT - n), format, args);
    va_end(args);
    if (run->options.trace)
        fprintf(run->options.trace, "%s\n", line);
}

static const char *skip_space(const char *text)
{
    return text + strspn(text, " \t");
}

static void tell_log(const struct run *run)
{
    unsigned first = run->logged > RUN_LOG ? run->logged - RUN_LOG : 0;

    fprintf(run->report, "    before that:\n");
    for (unsigned i = first; i < run->logged; i++)
        fprintf(run->report, "    %s\n", run->log[i % RUN_LOG]);
}

bool run_fail(struct run *run, const char *format, ...)
{
    const struct script_step *step = run->step;
    va_list args;

    if (run->failed)
        return false;
    run->failed = true;
    if (!run->report)
        return false;
    if (step)
        fprintf(run->report, "%s:%u: ", run->script->files[step->file], step->line);
    else
        fprintf(run->report, "%s: at the end: ", run->script->files[0]);
    va_start(args, format);
    vfprintf(run->report, format, args);
    va_end(args);
    fprintf(run->report, "\n");
    if (step)
        fprintf(run->report, "    statement: %s\n    at %.6f\n", skip_space(step->text),
                (double)(run->now - run->start) / 1e6);
    if (run->script->requires[0])
        fprintf(run->report, "    proves: %s\n", run->script->requires);
    if (!run->options.trace)
        tell_log(run);
    return false;
}

uint32_t run_clock(const struct run *run)
{
    return (uint32_t)((run->now - run->start) / WEFT_MSEC);
}

/* --- What the trace tells ---------------------------------------------------------------------- */

int run_flow_find(const struct run *run, const struct weft_endpoint *local,
                  const struct weft_endpoint *remote)
{
    for (unsigned i = 0; i < run->nflows; i++) {
        const struct run_flow *flow = &run->flows[i];

        if (flow->local.port == local->port && flow->remote.port == remote->port &&
            weft_addr_eq(&flow->local.addr, &local->addr) && weft_addr_eq(&flow->remote.addr, &remote->addr))
            return (int)i;
    }
    return -1;
}

/* Which flow a connection that begins is of. */
static void note_open(struct run *run, const struct weft_trace_record *record)
{
    uint16_t local = (uint16_t)(record->arg[4] >> 16), remote = (uint16_t)record->arg[4];

    for (unsigned i = 0; i < run->nflows && run->nconns < RUN_CONNS; i++) {
        const struct run_flow *flow = &run->flows[i];

        if (flow->local.port != local || flow->remote.port != remote ||
            trace_addr_low(&flow->local.addr) != record->arg[1] ||
            trace_addr_low(&flow->remote.addr) != record->arg[3])
            continue;
        run->conns[run->nconns].conn = record->conn;
        run->conns[run->nconns++].flow = (int)i;
        return;
    }
}

static void note_state(struct run *run, const struct weft_trace_record *record)
{
    for (unsigned i = run->nconns; i-- > 0;)
        if (run->conns[i].conn == record->conn) {
            run->flows[run->conns[i].flow].state = (unsigned)record->arg[1];
            return;
        }
}

/* Decisions are shown; what only repeats the packets is not. */
static bool is_decision(unsigned event)
{
    return event != WEFT_TRACE_FRAME_IN && event != WEFT_TRACE_FRAME_OUT && event != WEFT_TRACE_TCP_IN &&
           event != WEFT_TRACE_TCP_OUT && event != WEFT_TRACE_TCP_SND && event != WEFT_TRACE_TCP_RCV &&
           event != WEFT_TRACE_TCP_WRITE && event != WEFT_TRACE_TCP_READ && event != WEFT_TRACE_TCP_CALL &&
           event != WEFT_TRACE_TCP_TIMER_CANCEL;
}

static void read_trace(struct run *run)
{
    struct weft_trace_record records[64];
    char text[WEFT_TRACE_TEXT];
    uint64_t lost = 0;
    unsigned n;

    while ((n = weft_trace_read(run->stack, &run->trace_at, records, 64, &lost)) > 0)
        for (unsigned i = 0; i < n; i++) {
            if (records[i].event == WEFT_TRACE_TCP_OPEN)
                note_open(run, &records[i]);
            else if (records[i].event == WEFT_TRACE_TCP_STATE)
                note_state(run, &records[i]);
            if (is_decision(records[i].event))
                run_log(run, "    %s", weft_trace_text(&records[i], text));
        }
}

/* --- Steps ------------------------------------------------------------------------------------------ */

static void take_events(struct run *run)
{
    struct weft_sock *sock;
    unsigned events;

    while ((sock = weft_ready_next(run->stack, &events)) != NULL)
        for (unsigned i = 0; i < run->nsocks; i++)
            if (run->socks[i].sock == sock)
                run->socks[i].heard |= events;
}

static void take_packets(struct run *run)
{
    struct weft_pkt *pkt;
    char text[RUN_TEXT];

    while (!run->failed && (pkt = weft_pktq_pop(weft_output(run->stack, run->iface))) != NULL) {
        struct seen *seen = &run->seen[(run->first + run->count) % RUN_SEEN];

        if (run->count == RUN_SEEN) {
            weft_pkt_free(pkt);
            run_fail(run, "%d packets have been sent that nobody expects", RUN_SEEN);
            return;
        }
        packet_take(run, pkt, seen);
        run->count++;
        run_log(run, "> %s", packet_text(run, seen, text));
    }
}

void run_step(struct run *run)
{
    if (run->held)
        return;
    weft_step(run->stack, run->now);
    read_trace(run);
    take_events(run);
    take_packets(run);
}

static void forget_first(struct run *run)
{
    run->first = (run->first + 1) % RUN_SEEN;
    run->count--;
}

/* Time passes up to `until`, or to the moment at which something is sent. */
static void pass_time(struct run *run, weft_time until)
{
    while (!run->failed && run->count == 0) {
        weft_time next = weft_deadline(run->stack);

        if (next > until)
            break;
        run->spins = next > run->now ? 0 : run->spins + 1;
        if (run->spins > STEPS_AT_ONCE) {
            run_fail(run, "the stack has work without end at one moment");
            return;
        }
        if (next > run->now)
            run->now = next;
        run_step(run);
    }
    if (run->count == 0 && run->now < until) {
        run->now = until;
        run_step(run);
    }
}

/* --- Statements ----------------------------------------------------------------------------------------- */

static bool fail_unexpected(struct run *run)
{
    char text[RUN_TEXT];
    const struct seen *seen = &run->seen[run->first];

    return run_fail(
        run, "something was sent before that and is not expected\n    came:      %s\n    at:        %.6f",
        packet_text(run, seen, text), (double)(seen->when - run->start) / 1e6);
}

/* Time passes up to this moment, and nothing is sent before it. */
static bool wait_until(struct run *run, weft_time moment)
{
    if (moment < run->now)
        return run_fail(run, "that is in the past: it is %.6f already",
                        (double)(run->now - run->start) / 1e6);
    if (moment == run->now)
        return true;
    if (run->held)
        return run_fail(run, "no time passes between hold and release");
    if (run->count > 0)
        return fail_unexpected(run);
    pass_time(run, moment - 1);
    if (run->count > 0)
        return fail_unexpected(run);
    /* What falls due at the very moment happens first; whether it is right the script says next. */
    run->now = moment;
    for (unsigned i = 0; i < STEPS_AT_ONCE && !run->failed; i++) {
        run_step(run);
        if (weft_deadline(run->stack) > moment)
            break;
    }
    return !run->failed;
}

static weft_time moment_of(const struct run *run, const struct script_time *time, weft_time at)
{
    return (time->when == SCRIPT_ABSOLUTE ? run->start : run->last) + at;
}

/* "> ...": all that is sent meanwhile is let pass. */
static bool ignore_output(struct run *run, weft_time until)
{
    do {
        run->first = run->count = 0;
        pass_time(run, until);
    } while (!run->failed && (run->now < until || weft_deadline(run->stack) <= until));
    run->first = run->count = 0;
    run->last = run->now;
    return !run->failed;
}

static bool expect_nothing(struct run *run, weft_time until)
{
    if (run->count > 0)
        return fail_unexpected(run);
    if (!wait_until(run, until))
        return false;
    run->last = run->now;
    return true;
}

/* Says what would have come later. */
static bool fail_missing(struct run *run)
{
    weft_time late = run->now;
    char text[RUN_TEXT];

    pass_time(run, run->now + LOOK_AHEAD);
    if (run->failed)
        return false;
    if (run->count == 0)
        return run_fail(run, "nothing was sent until %.6f, and nothing would be for another %.0f s",
                        (double)(late - run->start) / 1e6, (double)LOOK_AHEAD / 1e6);
    return run_fail(run, "nothing was sent until %.6f\n    next:      %s\n    at:        %.6f",
                    (double)(late - run->start) / 1e6, packet_text(run, &run->seen[run->first], text),
                    (double)(run->seen[run->first].when - run->start) / 1e6);
}

static bool expect_packet(struct run *run, const struct script_time *time, const struct script_packet *packet)
{
    bool any = time->when == SCRIPT_ANY;
    weft_time low = any ? 0 : moment_of(run, time, time->low);
    weft_time high = any ? run->now + LONGEST_WAIT : moment_of(run, time, time->high) + run->tolerance;
    char text[RUN_TEXT], why[256];
    struct seen seen;

    low = low > run->tolerance ? low - run->tolerance : 0;
    if (run->count == 0 && high >= run->now)
        pass_time(run, high);
    if (run->failed)
        return false;
    if (run->count == 0)
        return fail_missing(run);
    seen = run->seen[run->first];
    if (seen.when < low || seen.when > high)
        return run_fail(
            run, "it came at %.6f and not at %.6f\n    came:      %s", (double)(seen.when - run->start) / 1e6,
            (double)(moment_of(run, time, time->low) - run->start) / 1e6, packet_text(run, &seen, text));
    if (!packet_is(run, &seen, packet, why, sizeof(why)))
        return run_fail(run, "another segment came\n    came:      %s\n    differs:   %s",
                        packet_text(run, &seen, text), why);
    forget_first(run);
    run->last = seen.when;
    return true;
}

static bool do_output(struct run *run, const struct script_step *step)
{
    weft_time until = moment_of(run, &step->time, step->time.high);

    if (step->packet.any)
        return ignore_output(run, until);
    if (step->packet.nothing)
        return expect_nothing(run, until);
    return expect_packet(run, &step->time, &step->packet);
}

static bool do_input(struct run *run, const struct script_step *step)
{
    const char *text = strchr(step->text, '<');

    run_log(run, "%s", text ? text : step->text);
    if (!packet_send(run, &step->packet))
        return false;
    run_step(run);
    return !run->failed;
}

static bool check_state(struct run *run, const struct script_step *step)
{
    unsigned state = run->flows[script_find_flow(run->script, step->state.flow)].state;

    return state == step->state.state || run_fail(run, "the state is %s", weft_tcp_state_name(state));
}

static bool do_step(struct run *run, const struct script_step *step)
{
    run->step = step;
    if (step->kind == SCRIPT_OUT)
        return do_output(run, step);
    if (!wait_until(run, moment_of(run, &step->time, step->time.low)))
        return false;
    run->last = run->now;
    switch (step->kind) {
    case SCRIPT_IN:
        return do_input(run, step);
    case SCRIPT_CALL:
        run_log(run, "%s", skip_space(step->text));
        return call_make(run, &step->call);
    case SCRIPT_EXPECT:
        return call_expect(run, &step->expect);
    case SCRIPT_STATE:
        return check_state(run, step);
    case SCRIPT_EVENTS:
        return call_events(run, step->events.sock, step->events.wanted, step->events.none);
    case SCRIPT_HOLD:
    case SCRIPT_RELEASE:
        run->held = step->kind == SCRIPT_HOLD;
        run_step(run);
        return !run->failed;
    case SCRIPT_OUT:
        break;
    }
    return false;
}

/* --- Life ---------------------------------------------------------------------------------------------------- */

/* Settings of a small host, where the script says nothing else. */
static void fill_config(const struct script_setup *setup, struct weft_stack_config *config)
{
    struct weft_tcp_config *tcp = &config->tcp;

    *tcp = setup->tcp;
    tcp->check = true;
    if (tcp->max_connections == 0)
        tcp->max_connections = 64;
    if (tcp->syn_cache == 0)
        tcp->syn_cache = 32;
    if (tcp->time_wait == 0)
        tcp->time_wait = 16;
    if (tcp->ranges == 0)
        tcp->ranges = 4096;
    config->max_sockets = 128;
    config->max_neighbours = 16;
    config->max_routes = 16;
    config->tx_queue = setup->tx_queue;
    config->trace_records = 4096;
}

static int make_stack(struct run *run, weft_time now, struct weft_stack **stack)
{
    const struct script_setup *setup = &run->script->setup;
    struct weft_stack_config config = {.allocator = *weft_host_allocator(), .pool = run->pool, .seed = {42}};
    struct weft_iface_config iface = {.name = "wire", .type = WEFT_LINK_IP, .mtu = setup->mtu};
    struct weft_prefix addr = {weft_ip4(10, 0, 0, 1), 24};
    int rc;

    fill_config(setup, &config);
    config.now = now;
    rc = weft_stack_new(&config, stack);
    if (rc)
        return rc;
    run->iface = weft_iface_add(*stack, &iface);
    rc = run->iface < 0 ? run->iface : weft_iface_add_addr(*stack, run->iface, &addr);
    if (rc)
        weft_stack_free(*stack);
    return rc;
}

/* The initial number that a connection of the first flow would get at START. */
static uint32_t probe_isn(struct run *run)
{
    struct weft_endpoint local = {WEFT_ADDR_ANY, run->flows[0].local.port};
    struct weft_sock *sock;
    struct weft_pkt *pkt;
    struct seen seen = {0};

    if (weft_sock_open(run->stack, WEFT_SOCK_STREAM, &sock) != 0)
        return 0;
    if (weft_sock_bind(sock, &local) == 0)
        weft_sock_connect(sock, &run->flows[0].remote);
    weft_step(run->stack, run->now);
    while ((pkt = weft_pktq_pop(weft_output(run->stack, run->iface))) != NULL)
        packet_take(run, pkt, &seen);
    weft_sock_abort(sock);
    weft_step(run->stack, run->now);
    return seen.tcp.seq;
}

/* Which end of the first flow is the server decides the ports that the script leaves open. */
static void choose_ports(struct run *run)
{
    struct weft_endpoint *local = &run->flows[0].local, *remote = &run->flows[0].remote;
    uint16_t bound = 0, listens = 0;
    bool connects = false;

    for (unsigned i = 0; i < run->script->nsteps && !connects && !listens; i++) {
        const struct script_step *step = &run->script->steps[i];
        bool is_call = step->kind == SCRIPT_CALL;

        if (step->kind == SCRIPT_IN)
            break;
        connects = is_call && step->call.kind == SCRIPT_CALL_CONNECT;
        if (is_call && step->call.kind == SCRIPT_CALL_BIND && !bound)
            bound = step->call.addr.port;
        if (is_call && step->call.kind == SCRIPT_CALL_LISTEN)
            listens = step->call.addr.port ? step->call.addr.port : SERVER_PORT;
    }
    if (local->port == 0)
        local->port = bound ? bound : connects ? CLIENT_PORT : listens ? listens : SERVER_PORT;
    if (remote->port == 0)
        remote->port = connects ? SERVER_PORT : CLIENT_PORT;
}

/*
 * The moment at which our initial number is what the script wants, less up to
 * a millisecond's ticks: time begins with a whole one, for the timestamps.
 */
static int find_start(struct run *run)
{
    struct weft_pcapng *pcapng = run->options.pcapng;
    uint32_t ticks;
    int rc;

    run->now = run->start = START;
    rc = make_stack(run, START, &run->stack);
    if (rc)
        return rc;
    run->options.pcapng = NULL;
    ticks = run->script->setup.our_isn - probe_isn(run);
    run->options.pcapng = pcapng;
    weft_stack_free(run->stack);
    run->start = START + (weft_time)ticks * TICK / WEFT_MSEC * WEFT_MSEC;
    return 0;
}

static void begin_flows(struct run *run)
{
    for (unsigned i = 0; i < run->nflows; i++)
        run->flows[i] = (struct run_flow){.local = run->script->flows[i].local,
                                          .remote = run->script->flows[i].remote,
                                          .irs = run->script->setup.peer_isn};
}

/* The wire checker has seen the stack break a rule. What is unusual and allowed is not told. */
static void rule_broken(void *ctx, const struct weft_check_finding *finding)
{
    struct run *run = ctx;

    for (unsigned i = 0; i < run->script->nbreaks; i++)
        if (run->script->breaks[i] == finding->rule) {
            run->broken |= 1u << i;
            return;
        }
    if (finding->severity >= WEFT_CHECK_WARNING)
        run_fail(run, "the stack breaks %s (%s %s), packet %llu: %s", finding->info->name, finding->info->rfc,
                 finding->info->keyword, (unsigned long long)finding->packet, finding->text);
}

static int begin_check(struct run *run)
{
    const struct weft_check_config config = {
        .whole = true, .wire = true, .only_out = true, .found = rule_broken, .ctx = run};

    return weft_check_new(&config, &run->check);
}

/* What a script says that the stack breaks it must break, or the script speaks of a stack that is no more. */
static void end_check(struct run *run)
{
    if (!run->failed)
        weft_check_finish(run->check, run->now);
    weft_check_free(run->check);
    run->check = NULL;
    for (unsigned i = 0; i < run->script->nbreaks && !run->failed; i++)
        if (!(run->broken & 1u << i))
            run_fail(run, "the stack has not broken %s", weft_check_rule_at(run->script->breaks[i])->name);
}

static int begin(struct run *run)
{
    const struct script_setup *setup = &run->script->setup;
    struct weft_pool_config pool = {setup->pkts ? setup->pkts : 4096,
                                    setup->small_blocks ? setup->small_blocks : 4096,
                                    setup->large_blocks ? setup->large_blocks : 256};
    int rc;

    run->pool = weft_pool_new(weft_host_allocator(), &pool);
    if (!run->pool)
        return WEFT_E_NOMEM;
    run->nflows = run->script->nflows;
    begin_flows(run);
    choose_ports(run);
    rc = find_start(run);
    if (rc == 0) {
        begin_flows(run);
        choose_ports(run);
        run->now = run->last = run->start;
        rc = make_stack(run, run->start, &run->stack);
    }
    if (rc == 0 && (rc = begin_check(run)) != 0)
        weft_stack_free(run->stack);
    if (rc) {
        weft_pool_free(run->pool);
        return rc;
    }
    run->tolerance = setup->tolerance > run->options.tolerance ? setup->tolerance : run->options.tolerance;
    run_step(run);
    run->first = run->count = 0;
    return 0;
}

/* Sockets that the script has left open go, and everything must come home. */
static void end(struct run *run)
{
    struct weft_pool_usage usage;

    for (unsigned i = 0; i < run->nsocks; i++)
        weft_sock_abort(run->socks[i].sock);
    weft_step(run->stack, run->now);
    weft_pktq_purge(weft_output(run->stack, run->iface));
    weft_stack_free(run->stack);
    weft_pool_usage(run->pool, &usage);
    if (usage.pkts_used || usage.small_used || usage.large_used)
        run_fail(run, "%u packets and %u blocks did not come back to the pool", usage.pkts_used,
                 usage.small_used + usage.large_used);
    weft_pool_free(run->pool);
}

int weft_script_run(const struct weft_script *script, const struct weft_script_options *options, FILE *report)
{
    struct run *run = calloc(1, sizeof(*run));
    bool failed;
    int rc;

    if (!run)
        return WEFT_E_NOMEM;
    run->script = script;
    run->report = report;
    if (options)
        run->options = *options;
    rc = begin(run);
    if (rc) {
        free(run);
        return rc;
    }
    for (unsigned i = 0; i < script->nsteps && do_step(run, &script->steps[i]); i++)
        ;
    run->step = NULL;
    if (!run->failed && run->count > 0)
        fail_unexpected(run);
    end_check(run);
    end(run);
    failed = run->failed;
    free(run);
    return failed ? WEFT_E_PROTO : 0;
}
