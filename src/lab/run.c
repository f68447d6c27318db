/* SPDX-License-Identifier: MIT */
/* Running a scenario (run.h): the network, the clock, the judgement at the end. */
#include "lab/run.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <weft/check.h>
#include <weft/inspect.h>
#include <weft/loop.h>

#define LONGEST       (3600 * WEFT_SEC) /* a run without a time of its own */
#define IDLE_STEPS    20000      /* ours: rounds in a second in which no packet moves and nobody works */
#define ALL_STEPS     50000000u  /* ours: a run that never ends although time goes on */
#define TRACE_RECORDS 4096       /* for a diagnosis */
#define CAPTURE_TRACE (1u << 18) /* a round must fit: it is read after each */
#define DRAIN         (20 * 60 * WEFT_SEC) /* after the flows: FIN-WAIT-2, retransmissions of orphans, TIME-WAIT */

void lab_fault(struct lab_run *run, const char *format, ...)
{
    va_list args;

    run->faults++;
    if (!run->fault_stream)
        return;
    va_start(args, format);
    vfprintf(run->fault_stream, format, args);
    va_end(args);
    fputc('\n', run->fault_stream);
    fflush(run->fault_stream);
}

/* --- The network: nodes ------------------------------------------------------------------- */

/* Node i is 10.0.x.y; routers have it for their errors. */
static struct weft_addr node_addr(unsigned i)
{
    return weft_ip4(10, 0, (uint8_t)((i + 1) / 250), (uint8_t)((i + 1) % 250 + 1));
}

static int add_host(struct lab_run *run, unsigned i)
{
    const struct lab_host *host = &run->scenario->node[i].host;
    struct weft_stack_config config = {.tcp = host->tcp, .tx_queue = host->tx_queue};

    config.tcp.check = !host->no_check;
    config.tcp.crypto = weft_host_tcp_crypto();
    if (host->pool)
        config.pool_config = (struct weft_pool_config){host->pool, host->pool * 2, host->pool};
    if (run->options.captures)
        config.trace_records = CAPTURE_TRACE;
    else if (run->options.trace)
        config.trace_records = TRACE_RECORDS;
    return weft_sim_add_stack(run->sim, &config, &run->node[i].stack);
}

static int add_node(struct lab_run *run, unsigned i)
{
    const struct lab_node *node = &run->scenario->node[i];
    struct weft_router_config config = {.addr = node_addr(i), .no_icmp = node->no_icmp};

    run->node[i].addr = node_addr(i);
    return node->kind == LAB_HOST ? add_host(run, i)
                                  : weft_sim_add_router(run->sim, &config, &run->node[i].router);
}

/* --- The network: links ---------------------------------------------------------------------- */

static struct lab_port *port_of(struct lab_run *run, unsigned link, unsigned which)
{
    return &run->link[link].port[which];
}

/* A recording of a host's end, with its decisions. */
static int record(struct lab_run *run, struct lab_port *port, struct weft_stack *stack, int iface,
                  struct weft_link **end)
{
    struct weft_recording_config config = {.epoch = 1};
    int error = weft_recording_new(&config, &port->recording);

    (void)run;
    if (error) {
        weft_link_close(*end);
        return error;
    }
    weft_recording_set_stack(port->recording, stack);
    return weft_recording_attach(port->recording, *end, iface, end);
}

/* The wire checker has seen the host break a rule. What is unusual and allowed is not told. */
static void rule_broken(void *ctx, const struct weft_check_finding *finding)
{
    const struct lab_port *port = ctx;

    if (finding->severity < WEFT_CHECK_WARNING || finding->nth > 1)
        return;
    lab_fault(port->run, "host %s breaks %s (%s %s) at %.6f s, packet %llu: %s", port->node,
              finding->info->name, finding->info->rfc, finding->info->keyword,
              (double)(finding->time - port->run->begin) / 1e6, (unsigned long long)finding->packet,
              finding->text);
}

/* --- Rules that a host of this scenario was told to break ----------------------------------------- */

/* BBR's least window is four segments, which can be more than 14600 bytes (draft-ietf-ccwg-bbr 2.7: BBR.MinPipeCwnd). */
static bool has_large_first_window(const struct lab_host *host)
{
    const char *congestion = host->tcp.congestion;

    return host->tcp.initial_window_segs > 10 || (congestion && strcmp(congestion, "bbr") == 0);
}

static bool has_early_timeouts(const struct lab_host *host)
{
    return host->tcp.rto_initial > 0 && host->tcp.rto_initial < WEFT_SEC;
}

static const struct {
    const char *rule;
    bool (*is_told)(const struct lab_host *host);
} told[] = {
    {"initial-window", has_large_first_window},
    {"initial-rto", has_early_timeouts},
};

static void mute_rule(struct weft_check *check, const char *name)
{
    weft_check_rule rule;

    if (weft_check_rule_find(name, &rule) == 0)
        weft_check_mute(check, rule);
}

/* A program has asked for a rate, which may hold what a timeout sends again: for longer than the timeout, so that the
 * next seems to come soon; or until it need not go any more, so that nobody sees what cwnd was reduced for. */
static bool has_slow_program(const struct lab_scenario *scenario, unsigned node)
{
    for (unsigned i = 0; i < scenario->flow_count; i++)
        for (unsigned which = 0; which < 2; which++)
            if (scenario->flow[i].node[which] == node && scenario->flow[i].side[which].max_pacing_rate)
                return true;
    return false;
}

static void mute_rules(const struct lab_run *run, const struct lab_node *node, struct weft_check *check)
{
    for (unsigned i = 0; i < sizeof(told) / sizeof(told[0]); i++)
        if (told[i].is_told(&node->host))
            mute_rule(check, told[i].rule);
    if (!has_slow_program(run->scenario, (unsigned)(node - run->scenario->node)))
        return;
    mute_rule(check, "rto-backoff");
    mute_rule(check, "cwr-unasked");
}

/* The checker sees all that the stack sends and receives. */
static int watch_host(struct lab_run *run, struct lab_port *port, const struct lab_node *node, bool offload,
                      struct weft_link **end)
{
    struct weft_check_config config = {
        .whole = true, .wire = !offload, .only_out = true, .found = rule_broken, .ctx = port};
    int error;

    port->run = run;
    port->node = node->name;
    error = weft_check_new(&config, &port->check);
    if (error) {
        weft_link_close(*end);
        return error;
    }
    mute_rules(run, node, port->check);
    return weft_check_attach(port->check, *end, end);
}

/* A capture of a router's end, where nobody decides. */
static int capture(struct lab_run *run, struct lab_port *port, const char *link, const char *node,
                   struct weft_link **end)
{
    char path[4096];
    int error;

    (void)snprintf(path, sizeof(path), "%s/%s.%s.pcapng", run->options.captures, link, node);
    error = weft_pcapng_create(path, 1, &port->pcapng, NULL, 0);
    if (error) {
        weft_link_close(*end);
        return error;
    }
    return weft_pcapng_attach(port->pcapng, *end, 1, end);
}

static int attach_host(struct lab_run *run, unsigned link, unsigned which, struct weft_link *end)
{
    unsigned i = run->scenario->link[link].node[which];
    struct lab_node_run *node = &run->node[i];
    struct lab_port *port = port_of(run, link, which);
    struct weft_prefix addr = {node->addr, end->type == WEFT_LINK_ETHERNET ? 24 : 32};
    int error = run->options.captures ? record(run, port, node->stack, (int)node->ifaces + 1, &end) : 0;

    if (!error)
        error = watch_host(run, port, &run->scenario->node[i], run->scenario->link[link].both.offload, &end);
    if (error)
        return error;
    port->port = weft_sim_add_link(run->sim, node->stack, end);
    if (port->port < 0)
        return port->port;
    if (node->ifaces++ == 0)
        return weft_iface_add_addr(node->stack, port->port, &addr);
    return 0;
}

static int attach(struct lab_run *run, unsigned link, unsigned which, struct weft_link *end)
{
    const struct lab_link *l = &run->scenario->link[link];
    const struct lab_node *node = &run->scenario->node[l->node[which]];
    struct lab_port *port = port_of(run, link, which);
    int error;

    if (node->kind == LAB_HOST)
        return attach_host(run, link, which, end);
    error = run->options.captures ? capture(run, port, l->name, node->name, &end) : 0;
    if (error)
        return error;
    port->port = weft_router_add_link(run->node[l->node[which]].router, end);
    return port->port < 0 ? port->port : 0;
}

/* Puts the middleboxes of a link behind its end `*b`, each with a wire of its own that does nothing. */
static int add_boxes(struct lab_run *run, unsigned link, const struct weft_wire_config *like,
                     struct weft_link **b)
{
    const struct weft_wire_config plain = {.name = like->name, .type = like->type, .mtu = like->mtu};

    for (unsigned i = 0; i < run->scenario->box_count; i++) {
        const struct lab_box *box = &run->scenario->box[i];
        struct weft_wire *wire;
        struct weft_link *left, *right;
        int error;

        if (box->link != link)
            continue;
        error = weft_wire_new(run->sim, &plain, &wire, &left, &right);
        if (error)
            return error;
        error = weft_sim_add_box(run->sim, &box->config, *b, left, &run->box[i]);
        *b = right;
        if (error)
            return error;
    }
    return 0;
}

static int add_link(struct lab_run *run, unsigned i)
{
    const struct lab_link *link = &run->scenario->link[i];
    struct weft_wire_config config = {
        .name = link->name,
        .type = link->both.type == LAB_LINK_ETHERNET ? WEFT_LINK_ETHERNET : WEFT_LINK_IP,
        .mtu = link->both.mtu,
        .offload = link->both.offload,
        .direction = {link->direction[0], link->direction[1]},
    };
    struct weft_link *a, *b;
    int error = weft_wire_new(run->sim, &config, &run->link[i].wire, &a, &b);

    if (error)
        return error;
    error = attach(run, i, 0, a);
    if (!error)
        error = add_boxes(run, i, &config, &b);
    if (!error)
        return attach(run, i, 1, b);
    weft_link_close(b);
    return error;
}

/* --- The network: routes ------------------------------------------------------------------------ */

/* The link by which each node is reached from `from`, in `via`: the first of the shortest way; -1: none. Hosts
 * do not forward. */
static void find_ways(const struct lab_scenario *s, unsigned from, int *via, unsigned *queue)
{
    unsigned head = 0, tail = 0;

    for (unsigned i = 0; i < s->node_count; i++)
        via[i] = -1;
    queue[tail++] = from;
    while (head < tail) {
        unsigned at = queue[head++];

        if (at != from && s->node[at].kind == LAB_HOST)
            continue;
        for (unsigned l = 0; l < s->link_count; l++)
            for (unsigned which = 0; which < 2; which++) {
                unsigned to = s->link[l].node[1 - which];

                if (s->link[l].node[which] != at || to == from || via[to] >= 0)
                    continue;
                via[to] = at == from ? (int)l : via[at];
                queue[tail++] = to;
            }
    }
}

static int add_route(struct lab_run *run, unsigned from, unsigned to, unsigned link)
{
    const struct lab_link *l = &run->scenario->link[link];
    struct weft_prefix dst = {run->node[to].addr, 32};
    int port = run->link[link].port[l->node[0] == from ? 0 : 1].port;

    if (run->node[from].router)
        return weft_router_add_route(run->node[from].router, &dst, port);
    if (l->both.type == LAB_LINK_ETHERNET)
        return 0; /* the network of its address is there */
    return weft_route_add(run->node[from].stack, &dst, NULL, port, 0);
}

/* Every flow from here has a way to its server. */
static int check_ways(const struct lab_scenario *s, unsigned from, const int *via)
{
    for (unsigned i = 0; i < s->flow_count; i++)
        if (s->flow[i].node[0] == from && via[s->flow[i].node[1]] < 0)
            return WEFT_E_NETUNREACH;
    return 0;
}

static int add_routes(struct lab_run *run)
{
    const struct lab_scenario *s = run->scenario;
    int *via = malloc(sizeof(*via) * s->node_count);
    unsigned *queue = malloc(sizeof(*queue) * s->node_count);
    int error = via && queue ? 0 : WEFT_E_NOMEM;

    for (unsigned from = 0; from < s->node_count && !error; from++) {
        find_ways(s, from, via, queue);
        error = check_ways(s, from, via);
        for (unsigned to = 0; to < s->node_count && !error; to++)
            if (to != from && via[to] >= 0)
                error = add_route(run, from, to, (unsigned)via[to]);
    }
    free(via);
    free(queue);
    return error;
}

/* --- The network: flows ---------------------------------------------------------------------------- */

static bool may_use_cookies(const struct lab_run *run, const struct lab_flow *flow)
{
    const struct weft_tcp_config *tcp = &run->scenario->node[flow->node[1]].host.tcp;

    if (tcp->syn_cookies == WEFT_SYN_COOKIES_WHEN_FULL)
        return tcp->syn_cache || (flow->both.backlog && flow->both.backlog < flow->both.count);
    return tcp->syn_cookies == WEFT_SYN_COOKIES_ALWAYS;
}

static int start_flow(struct lab_run *run, unsigned i)
{
    const struct lab_flow *flow = &run->scenario->flow[i];
    struct lab_node_run *client = &run->node[flow->node[0]], *server = &run->node[flow->node[1]];
    struct weft_stack *const stack[2] = {client->stack, server->stack};
    const struct weft_addr addr[2] = {client->addr, server->addr};

    int error = lab_flow_start(&run->flow[i], flow, i, run->pattern, stack, addr, run->begin);

    run->flow[i].may_use_cookies = may_use_cookies(run, flow);
    return error;
}

static int build(struct lab_run *run)
{
    const struct lab_scenario *s = run->scenario;
    int error = weft_sim_new(s->seed, &run->sim);

    for (unsigned i = 0; i < s->node_count && !error; i++)
        error = add_node(run, i);
    for (unsigned i = 0; i < s->link_count && !error; i++)
        error = add_link(run, i);
    if (!error)
        error = add_routes(run);
    if (!error)
        run->begin = weft_sim_now(run->sim);
    for (unsigned i = 0; i < s->flow_count && !error; i++)
        error = start_flow(run, i);
    return error;
}

int lab_run_new(const struct lab_scenario *s, const struct lab_options *options, struct lab_run **out,
                char *why, size_t why_size)
{
    struct lab_run *run = calloc(1, sizeof(*run));
    int error = WEFT_E_NOMEM;

    if (run) {
        run->scenario = s;
        run->options = *options;
        run->pattern = lab_pattern_new();
        run->node = calloc(s->node_count + 1, sizeof(*run->node));
        run->link = calloc(s->link_count + 1, sizeof(*run->link));
        run->box = calloc(s->box_count + 1, sizeof(*run->box));
        run->flow = calloc(s->flow_count + 1, sizeof(*run->flow));
        run->fault_stream = open_memstream(&run->fault_text, &run->fault_size);
        if (run->pattern && run->node && run->link && run->box && run->flow && run->fault_stream)
            error = build(run);
    }
    if (error) {
        (void)snprintf(why, why_size, "the network cannot be made: %s", weft_strerror(error));
        lab_run_free(run);
        return error;
    }
    *out = run;
    return 0;
}

/* --- Events -------------------------------------------------------------------------------------------- */

static void change_link(struct lab_run *run, const struct lab_event *event)
{
    const struct lab_link *link = &run->scenario->link[event->index];
    struct lab_link_run *to = &run->link[event->index];

    for (unsigned i = 0; i < 2; i++) {
        struct weft_router *router = run->node[link->node[i]].router;

        weft_wire_set(to->wire, (enum weft_wire_way)i, &event->direction[i]);
        if (router && event->both.mtu)
            weft_router_set_mtu(router, to->port[i].port, event->both.mtu);
    }
}

static weft_time next_event(const struct lab_run *run)
{
    if (run->next_event == run->scenario->event_count)
        return WEFT_TIME_NEVER;
    return run->begin + run->scenario->event[run->next_event].at;
}

static void apply_events(struct lab_run *run)
{
    while (next_event(run) <= weft_sim_now(run->sim)) {
        const struct lab_event *event = &run->scenario->event[run->next_event++];

        if (event->kind == LAB_EVENT_LINK)
            change_link(run, event);
        else if (event->kind == LAB_EVENT_BOX)
            weft_box_set(run->box[event->index], &event->box);
        else
            lab_flow_abort(&run->flow[event->index]);
    }
}

/* --- The clock -------------------------------------------------------------------------------------------- */

static bool all_over(struct lab_run *run)
{
    for (unsigned i = 0; i < run->scenario->flow_count; i++)
        if (!lab_flow_is_over(&run->flow[i]))
            return false;
    return true;
}

/* What rounds have been for so far: packets that moved anywhere, and turns of programs. */
static uint64_t traffic(const struct lab_run *run)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < run->scenario->flow_count; i++)
        sum += run->flow[i].turns;

    for (unsigned i = 0; i < run->scenario->link_count; i++)
        for (unsigned way = 0; way < 2; way++) {
            struct weft_wire_stats stats;

            weft_wire_stats(run->link[i].wire, (enum weft_wire_way)way, &stats);
            sum += stats.packets + stats.lost + stats.lost_down + stats.dropped_full;
        }
    return sum;
}

/* Watches that rounds are for something. */
struct watch {
    weft_time second;
    uint64_t steps, traffic;
};

/* Returns false when a second has had far more rounds than there was to do in it. */
static bool is_sane(struct lab_run *run, struct watch *watch)
{
    weft_time now = weft_sim_now(run->sim);
    uint64_t moved;

    if (now / WEFT_SEC != watch->second) {
        *watch = (struct watch){now / WEFT_SEC, run->steps, traffic(run)};
        return true;
    }
    if (run->steps - watch->steps < IDLE_STEPS || (run->steps - watch->steps) % IDLE_STEPS)
        return true;
    moved = traffic(run) - watch->traffic;
    if (run->steps - watch->steps < IDLE_STEPS + 8 * moved)
        return true;
    lab_fault(
        run, "busy loop: %llu rounds in the second %.6f, in which %llu packets moved or programs had a turn",
        (unsigned long long)(run->steps - watch->steps), (double)watch->second, (unsigned long long)moved);
    return false;
}

/* Nothing has happened at both ends of a connection for LAB_STALL. */
static bool is_stalled(const struct lab_run *run, const struct lab_conn *conn)
{
    weft_time a = conn->end[0].progress_at, b = conn->end[1].progress_at, last = a > b ? a : b;

    return last && !lab_conn_is_over(conn) &&
           weft_sim_now(run->sim) - last > (run->scenario->is_hostile ? LAB_STALL_HOSTILE : LAB_STALL);
}

/* Where one end has reset the connection and nobody has told the other, which sends nothing, that one waits
 * for ever: its program loses patience. Anything else that stands still is a fault. Returns false for one. */
static bool look_for_stalls(struct lab_run *run)
{
    for (unsigned i = 0; i < run->scenario->flow_count; i++)
        for (unsigned c = 0; c < run->flow[i].count; c++) {
            struct lab_conn *conn = &run->flow[i].conns[c];

            if (!is_stalled(run, conn))
                continue;
            if ((run->scenario->is_hostile || lab_conn_is_fragile(conn)) && lab_conn_give_up(conn))
                continue;
            lab_fault(run, "flow %s, connection %u: hangs, nothing has happened for %g s",
                      conn->flow->flow->name, c, (double)LAB_STALL / 1e6);
            return false;
        }
    return true;
}

static weft_time earliest(weft_time a, weft_time b)
{
    return a < b ? a : b;
}

/* Steps up to `until`; false when the run is to end there. */
static bool step_to(struct lab_run *run, weft_time until, struct watch *watch)
{
    while (weft_sim_step(run->sim, until)) {
        run->steps++;
        if (all_over(run))
            return false;
        if (!is_sane(run, watch))
            return false;
        if (run->steps > ALL_STEPS) {
            lab_fault(run, "the run does not end: %u rounds", ALL_STEPS);
            return false;
        }
    }
    return true;
}

static void run_flows(struct lab_run *run, struct watch *watch)
{
    weft_time limit = run->begin + (run->scenario->time ? run->scenario->time : LONGEST);
    weft_time look = run->begin + LAB_STALL / 4;

    while (weft_sim_now(run->sim) < limit && !all_over(run)) {
        weft_time until = earliest(earliest(limit, look), earliest(next_event(run), lab_next_sample(run)));

        if (!step_to(run, until, watch))
            break;
        apply_events(run);
        lab_sample(run);
        if (weft_sim_now(run->sim) < look)
            continue;
        look += LAB_STALL / 4;
        if (!look_for_stalls(run))
            break;
    }
    run->end = weft_sim_now(run->sim);
}

/* --- The judgement ------------------------------------------------------------------------------------------ */

/* Packets that somebody has lost or dropped so far, anywhere. */
static uint64_t losses(const struct lab_run *run)
{
    double sum = 0;

    for (unsigned i = 0; i < run->scenario->link_count; i++)
        sum += lab_measure(run, LAB_METRIC_LOST, i) + lab_measure(run, LAB_METRIC_DROPPED, i);
    return (uint64_t)sum;
}

/* An open may fail when ARP's three questions are lost, or its eight SYNs. */
static bool was_never_opened(const struct lab_run *run, const struct lab_conn *conn)
{
    bool is_ethernet = run->scenario->link[0].both.type == LAB_LINK_ETHERNET;

    for (unsigned which = 0; which < 2; which++) {
        const struct lab_end *end = &conn->end[which];

        if (end->is_connected)
            continue;
        if ((end->error == WEFT_E_HOSTUNREACH && is_ethernet) ||
            (end->error == WEFT_E_TIMEDOUT && losses(run) >= 8))
            return true;
    }
    return false;
}

/* Who has closed is forgotten after a while, even in TIME-WAIT, whose 2MSL an outage may outlast: what the other asks
 * (keepalive) or sends again is then answered with a reset. When all has arrived nothing is lost by that. */
static bool is_farewell(const struct lab_end *end, const struct lab_end *other)
{
    return end->error == WEFT_E_CONNRESET && other->is_closed && !other->error &&
           other->received == end->goal && end->received == other->goal;
}

static void judge_stream(struct lab_run *run, const struct lab_conn *conn, unsigned from)
{
    const struct lab_end *sender = &conn->end[from], *receiver = &conn->end[1 - from];
    const char *name = conn->flow->flow->name, *way = from ? "server -> client" : "client -> server";

    if (receiver->wrong_at) {
        lab_fault(run, "flow %s, connection %u, %s: byte %llu is wrong", name, conn->number, way,
                  (unsigned long long)receiver->wrong_at - 1);
        return;
    }
    if (receiver->received > sender->sent)
        lab_fault(run, "flow %s, connection %u, %s: %llu bytes arrived of %llu", name, conn->number, way,
                  (unsigned long long)receiver->received, (unsigned long long)sender->sent);
    if (run->scenario->is_hostile || lab_conn_is_fragile(conn) || was_never_opened(run, conn))
        return;
    if (sender->error && !is_farewell(sender, receiver))
        lab_fault(run, "flow %s, connection %u: the %s failed: %s", name, conn->number,
                  from ? "server" : "client", weft_strerror(sender->error));
    else if (lab_conn_is_over(conn) && receiver->received != sender->goal && sender->goal != UINT64_MAX &&
             receiver->how->close != LAB_CLOSE_NOW)
        lab_fault(run, "flow %s, connection %u, %s: %llu bytes arrived of %llu, and no error", name,
                  conn->number, way, (unsigned long long)receiver->received,
                  (unsigned long long)sender->goal);
}

/* Without a time of its own, a run must come to its end. */
static void judge_flow(struct lab_run *run, struct lab_flow_run *flow)
{
    for (unsigned c = 0; c < flow->count; c++) {
        judge_stream(run, &flow->conns[c], 0);
        judge_stream(run, &flow->conns[c], 1);
        if (!run->scenario->time && !run->faults && !lab_conn_is_over(&flow->conns[c]))
            lab_fault(run, "flow %s, connection %u: is not over after %g s", flow->flow->name, c,
                      (double)(run->end - run->begin) / 1e6);
    }
}

static void diagnose_all(struct lab_run *run)
{
    for (unsigned i = 0; i < run->scenario->flow_count; i++)
        for (unsigned c = 0; c < run->flow[i].count; c++)
            if (!lab_conn_is_over(&run->flow[i].conns[c]))
                lab_diagnose(run, &run->flow[i].conns[c], run->fault_stream);
    fflush(run->fault_stream); /* fault_text is where it is from now on */
}

/* After the flows and what they leave behind, a stack holds nothing. */
static void judge_leaks(struct lab_run *run)
{
    struct weft_pool_usage pool;

    for (unsigned i = 0; i < run->scenario->node_count; i++) {
        struct weft_stack_usage u;

        if (!run->node[i].stack)
            continue;
        weft_stack_usage(run->node[i].stack, &u);
        if (u.sockets | u.connections | u.listeners | u.half_open | u.time_wait | u.chunks | u.ranges |
            u.runs)
            lab_fault(
                run,
                "host %s still holds, %g s later: %u sockets, %u connections, %u listeners, %u half-open, "
                "%u in TIME-WAIT, %u chunks, %u ranges, %u runs",
                run->scenario->node[i].name, (double)DRAIN / 1e6, u.sockets, u.connections, u.listeners,
                u.half_open, u.time_wait, u.chunks, u.ranges, u.runs);
        weft_pool_usage(weft_stack_pool(run->node[i].stack), &pool);
        if (pool.pkts_used | pool.small_used | pool.large_used)
            lab_fault(run, "host %s: %u packets, %u small and %u large blocks have not come home",
                      run->scenario->node[i].name, pool.pkts_used, pool.small_used, pool.large_used);
    }
}

/* Lets the stacks finish what the programs have left to them. */
static void drain(struct lab_run *run, struct watch *watch)
{
    weft_time until = run->end + DRAIN;

    while (weft_sim_step(run->sim, until)) {
        run->steps++;
        if (!is_sane(run, watch))
            return;
    }
}

/* What should have been sent by now, and was not. */
static void finish_checks(struct lab_run *run)
{
    for (unsigned i = 0; i < run->scenario->link_count; i++)
        for (unsigned which = 0; which < 2; which++)
            if (run->link[i].port[which].check)
                weft_check_finish(run->link[i].port[which].check, weft_sim_now(run->sim));
}

void lab_run_go(struct lab_run *run)
{
    struct watch watch = {0};

    run_flows(run, &watch);
    lab_sample(run);
    for (unsigned i = 0; i < run->scenario->flow_count; i++)
        judge_flow(run, &run->flow[i]);
    lab_check_expectations(run);
    if (!run->faults && all_over(run)) { /* else its time was up: nobody said that all would be over */
        drain(run, &watch);
        judge_leaks(run);
    }
    finish_checks(run);
    if (run->faults)
        diagnose_all(run);
}

/* --- Files ---------------------------------------------------------------------------------------------------- */

static int save_port(struct lab_run *run, unsigned link, unsigned which, char *why, size_t why_size)
{
    const struct lab_link *l = &run->scenario->link[link];
    struct lab_port *port = port_of(run, link, which);
    char path[4096];
    int error = 0;

    (void)snprintf(path, sizeof(path), "%s/%s.%s.pcapng", run->options.captures, l->name,
                   run->scenario->node[l->node[which]].name);
    if (port->recording)
        error = weft_recording_save(port->recording, path, why, why_size);
    if (port->pcapng && !error)
        error = weft_pcapng_flush(port->pcapng);
    if (port->pcapng && error)
        (void)snprintf(why, why_size, "%s: %s", path, weft_strerror(error));
    return error;
}

int lab_run_save(struct lab_run *run, char *why, size_t why_size)
{
    int error = 0;

    for (unsigned i = 0; i < run->scenario->link_count && !error; i++)
        for (unsigned which = 0; which < 2 && !error; which++)
            error = save_port(run, i, which, why, why_size);
    return error;
}

static void free_ports(struct lab_run *run)
{
    for (unsigned i = 0; run->link && i < run->scenario->link_count; i++)
        for (unsigned which = 0; which < 2; which++) {
            struct lab_port *port = port_of(run, i, which);

            weft_recording_free(port->recording);
            if (port->check)
                weft_check_free(port->check);
            if (port->pcapng)
                (void)weft_pcapng_close(port->pcapng);
        }
}

void lab_run_free(struct lab_run *run)
{
    if (!run)
        return;
    for (unsigned i = 0; run->flow && i < run->scenario->flow_count; i++)
        lab_flow_end(&run->flow[i]);
    for (unsigned i = 0; run->node && run->link && i < run->scenario->link_count; i++)
        for (unsigned which = 0; which < 2; which++)
            if (run->link[i].port[which].recording)
                weft_recording_set_stack(run->link[i].port[which].recording, NULL);
    if (run->sim)
        weft_sim_free(run->sim);
    free_ports(run);
    if (run->fault_stream)
        (void)fclose(run->fault_stream);
    free(run->fault_text);
    free(run->series.flow);
    free(run->series.link);
    free(run->pattern);
    free(run->node);
    free(run->link);
    free(run->box);
    free(run->flow);
    free(run);
}
