/* SPDX-License-Identifier: MIT */
/*
 * Virtual time, the wire to packetdrill, and blocking.
 *
 * Owns    the clock. It moves only when packetdrill sleeps, asks for the time
 *         (by a microsecond: it spins on that), waits for a packet, or blocks in
 *         a call on its main thread; on the way every timer fires at its exact
 *         moment, and a packet is stamped with the moment it was made.
 * Never   moves while the second thread has been woken and has not come to
 *         rest: it asks for the time first of all, and that is when its call
 *         ended.
 */
#include "packetdrill/plugin.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The first moment of every run: the same always, so that runs can be repeated. */
#define START (1700000000 * WEFT_SEC)

/* Rounds at one moment before the clock moves by the least it can: two ends that answer each other for ever. */
#define ROUNDS_PER_MOMENT 100

/* How long a packet is waited for: longer than any timer but keepalive's. */
#define PATIENCE (4 * 3600 * WEFT_SEC)

/* --- The wire --------------------------------------------------------------- */

static struct plugin *of_link(struct weft_link *link)
{
    return (struct plugin *)((char *)link - offsetof(struct plugin, wire));
}

static int wire_recv(struct weft_link *link, struct weft_pool *pool, struct weft_pktq *batch, unsigned max,
                     weft_time now)
{
    struct plugin *p = of_link(link);
    unsigned n = 0;

    (void)pool;
    for (struct weft_pkt *pkt; n < max && (pkt = weft_pktq_pop(&p->to_stack)) != NULL; n++) {
        pkt->when = now;
        weft_pktq_push(batch, pkt);
    }
    return (int)n;
}

static int wire_send(struct weft_link *link, struct weft_pktq *batch, weft_time now)
{
    struct plugin *p = of_link(link);
    struct weft_pkt *pkt;
    int n = 0;

    for (; (pkt = weft_pktq_pop(batch)) != NULL; n++) {
        struct frame *frame = malloc(sizeof(*frame) + pkt->total_len);

        if (frame) {
            *frame = (struct frame){.when = now, .len = pkt->total_len};
            weft_pkt_copy_out(pkt, 0, frame->bytes, pkt->total_len);
            *p->to_script_tail = frame;
            p->to_script_tail = &frame->next;
        }
        weft_pkt_free(pkt);
    }
    return n;
}

static void wire_close(struct weft_link *link)
{
    weft_pktq_purge(&of_link(link)->to_stack);
}

static const struct weft_link_ops wire_ops = {.recv = wire_recv, .send = wire_send, .close = wire_close};

/* A packet of packetdrill's in a packet of ours: what does not fit into the linear part goes into slices. */
static struct weft_pkt *make_packet(struct plugin *p, const uint8_t *bytes, size_t len)
{
    struct weft_pool *pool = weft_stack_pool(p->stack);
    struct weft_pkt *pkt = weft_pkt_new_rx(pool, 0);
    size_t n;

    if (!pkt)
        return NULL;
    n = len < weft_pkt_tailroom(pkt) ? len : weft_pkt_tailroom(pkt);
    memcpy(weft_pkt_put(pkt, (uint32_t)n), bytes, n);
    for (size_t done = n; done < len; done += n) {
        struct weft_block *block = weft_block_new(pool, WEFT_BLOCK_LARGE);

        n = len - done < WEFT_BLOCK_LARGE ? len - done : WEFT_BLOCK_LARGE;
        if (block)
            memcpy(block->data, bytes + done, n);
        if (!block || !weft_pkt_add_slice(pkt, block, 0, (uint32_t)n)) {
            weft_block_unref(block);
            weft_pkt_free(pkt);
            return NULL;
        }
        weft_block_unref(block);
    }
    return pkt;
}

/* --- Rounds ------------------------------------------------------------------- */

/* An application is told: its edge-triggered watches may fire. */
static void tell_sockets(struct plugin *p)
{
    struct weft_sock *sock;
    unsigned events;

    while ((sock = weft_ready_next(p->stack, &events)) != NULL) {
        struct weft_handler *handler = weft_sock_handler(sock);

        if (handler)
            handler->ready(handler, sock, events, p->now);
    }
    for (unsigned i = 0; i < p->desc_count; i++)
        if (p->descs[i] && p->descs[i]->errqueue)
            errqueue_poll(p->descs[i]);
}

/* What the stack has decided since the last time, for a person. */
static void print_trace(struct plugin *p)
{
    struct weft_trace_record record;
    uint64_t lost = 0;
    char text[WEFT_TRACE_TEXT];

    while (p->settings.trace && weft_trace_read(p->stack, &p->trace_cursor, &record, 1, &lost) > 0)
        fprintf(stderr, "weft %10.6f  %s\n", (double)(record.time - START) / (double)WEFT_SEC,
                weft_trace_text(&record, text));
}

void clock_run(struct plugin *p)
{
    struct weft_pktq batch = {0};

    while (weft_link_recv(p->link, weft_stack_pool(p->stack), &batch, 64, p->now) > 0)
        weft_input(p->stack, p->iface, &batch, p->now);
    clock_settle(p); /* a call that this ends may have data for the ACK to go with */
    weft_step(p->stack, p->now);
    tell_sockets(p);
    weft_step(p->stack, p->now);
    weft_link_send(p->link, weft_output(p->stack, p->iface), p->now);
    weft_link_end_round(p->link, p->now);
    conns_update(p);
    counts_update(p);
    print_trace(p);
}

/* When something happens next: in the stack, or because the second thread waits no longer. */
static weft_time next_event(const struct plugin *p)
{
    weft_time next = weft_deadline(p->stack);

    return p->waiter && p->waiter->until < next ? p->waiter->until : next;
}

static bool is_main(const struct plugin *p)
{
    return pthread_equal(pthread_self(), p->main);
}

void clock_settle(struct plugin *p)
{
    while (p->waiter && (p->now >= p->waiter->until || p->waiter->ready(p->waiter->ctx))) {
        p->waiter = NULL;
        p->helper_runs = true;
        pthread_cond_broadcast(&p->changed);
        while (p->helper_runs)
            pthread_cond_wait(&p->changed, &p->lock);
    }
}

static void move_to(struct plugin *p, weft_time to)
{
    if (to > p->now) {
        p->now = to;
        p->rounds = 0;
    } else if (++p->rounds > ROUNDS_PER_MOMENT) {
        p->now++;
        p->rounds = 0;
    }
    clock_run(p);
    clock_settle(p);
}

void clock_advance(struct plugin *p, weft_time to)
{
    while (next_event(p) <= to && p->now <= to)
        move_to(p, next_event(p));
    if (p->now < to)
        move_to(p, to);
}

bool clock_advance_once(struct plugin *p, weft_time limit)
{
    weft_time next = next_event(p);

    if (next == WEFT_TIME_NEVER || next > limit) {
        if (limit != WEFT_TIME_NEVER)
            clock_advance(p, limit);
        return false;
    }
    move_to(p, next);
    return true;
}

weft_time clock_deadline(const struct plugin *p, weft_time timeout)
{
    return timeout == 0 ? WEFT_TIME_NEVER : p->now + timeout;
}

/* The main thread itself blocks: only timers can help it. */
static bool wait_on_main(struct plugin *p, bool (*ready)(void *ctx), void *ctx, weft_time until)
{
    weft_time limit = until < p->now + PATIENCE ? until : p->now + PATIENCE;

    while (!ready(ctx))
        if (!clock_advance_once(p, limit))
            return ready(ctx);
    return true;
}

bool clock_wait(struct plugin *p, bool (*ready)(void *ctx), void *ctx, weft_time until)
{
    struct waiter waiter = {ready, ctx, until};

    clock_run(p);
    if (is_main(p))
        return wait_on_main(p, ready, ctx, until);
    if (ready(ctx))
        return true;
    p->waiter = &waiter; /* cppcheck-suppress autoVariables ; only until the loop below ends */
    p->helper_runs = false;
    pthread_cond_broadcast(&p->changed);
    while (p->waiter == &waiter)
        pthread_cond_wait(&p->changed, &p->lock);
    return ready(ctx);
}

int clock_init(struct plugin *p)
{
    p->now = START;
    p->wire = (struct weft_link){
        .ops = &wire_ops, .name = "packetdrill", .type = WEFT_LINK_IP, .mtu = p->settings.mtu};
    p->link = &p->wire;
    p->to_script_tail = &p->to_script;
    return 0;
}

void clock_fini(struct plugin *p)
{
    struct frame *frame;

    weft_link_close(p->link);
    while ((frame = p->to_script) != NULL) {
        p->to_script = frame->next;
        free(frame);
    }
}

/* --- What packetdrill calls ------------------------------------------------------ */

#define IP4_PROTOCOL_AT 9
#define IP4_MIN_LEN     20
#define TCP_FLAGS_AT    13
#define TCP_SYN_ONLY    0x02 /* SYN without ACK, FIN or RST */
#define TCP_STATE_FLAGS 0x17

/* A SYN begins a connection: what scripts have set since the last holds for it. */
static bool is_syn(const uint8_t *packet, size_t len)
{
    size_t ip = len >= IP4_MIN_LEN ? (size_t)(packet[0] & 15) * 4 : 0;

    return len >= ip + IP4_MIN_LEN && packet[0] >> 4 == 4 && packet[IP4_PROTOCOL_AT] == IPPROTO_TCP &&
           (packet[ip + TCP_FLAGS_AT] & TCP_STATE_FLAGS) == TCP_SYN_ONLY;
}

static int netdev_send(void *u, const void *buf, size_t count)
{
    struct plugin *p = plugin_enter(u);
    struct weft_pkt *pkt = count <= UINT16_MAX ? make_packet(p, buf, count) : NULL;

    if (!pkt)
        return (int)plugin_leave(p, -ENOBUFS);
    if (is_syn(buf, count))
        plugin_read_knobs(p);
    weft_pktq_push(&p->to_stack, pkt);
    return (int)plugin_leave(p, 0);
}

/* With no packet to come, ever, an empty one is given: packetdrill then says that the script failed. */
static int netdev_receive(void *u, void *buf, size_t *count, long long *time_usecs)
{
    struct plugin *p = plugin_enter(u);
    weft_time limit = p->now + PATIENCE;
    struct frame *frame;

    while (!p->to_script && clock_advance_once(p, limit))
        ;
    frame = p->to_script;
    *time_usecs = (long long)(frame ? frame->when : p->now);
    if (!frame) {
        fprintf(stderr, "weft: no packet will be sent any more\n");
        *count = 0;
        return (int)plugin_leave(p, 0);
    }
    if (frame->len < *count)
        *count = frame->len;
    memcpy(buf, frame->bytes, *count);
    p->to_script = frame->next;
    if (!p->to_script)
        p->to_script_tail = &p->to_script;
    free(frame);
    return (int)plugin_leave(p, 0);
}

/* Does the thread wait for something? */
static bool is_asleep(pid_t thread)
{
    char path[64], state = 0;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)thread);
    file = fopen(path, "r");
    if (!file || fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
        state = 'S';
    if (file)
        fclose(file);
    return state == 'S';
}

/*
 * A script leaves some milliseconds between the end of a call that blocked and what depends on it; in virtual time
 * that is nothing. So before time goes on packetdrill's second thread, which works on the result without calling
 * us, gets real time to finish: until it sleeps twice in a row, or a tenth of a second.
 */
static void let_helper_finish(struct plugin *p)
{
    static const struct timespec a_moment = {.tv_nsec = 100000};
    unsigned asleep = 0;

    if (!p->helper_returned)
        return;
    p->helper_returned = false;
    pthread_mutex_unlock(&p->lock);
    for (unsigned i = 0; i < 1000 && asleep < 2; i++) {
        nanosleep(&a_moment, NULL);
        asleep = is_asleep(p->helper) ? asleep + 1 : 0;
    }
    pthread_mutex_lock(&p->lock);
}

static int sleep_us(void *u, useconds_t usec)
{
    struct plugin *p = plugin_enter(u);

    if (is_main(p))
        let_helper_finish(p);

    clock_advance(p, p->now + usec);
    return (int)plugin_leave(p, 0);
}

static int get_time(void *u, struct timeval *tv, struct timezone *tz)
{
    struct plugin *p = plugin_enter(u);

    (void)tz;
    if (p->helper_runs && !is_main(p)) {
        p->helper_runs = false; /* this is when its call ended */
        p->helper_returned = true;
        p->helper = gettid();
        pthread_cond_broadcast(&p->changed);
    } else {
        clock_advance(p, p->now + 1);
    }
    tv->tv_sec = (time_t)(p->now / WEFT_SEC);
    tv->tv_usec = (suseconds_t)(p->now % WEFT_SEC);
    return (int)plugin_leave(p, 0);
}

void clock_fill(struct packetdrill_interface *ifc)
{
    ifc->netdev_send = netdev_send;
    ifc->netdev_receive = netdev_receive;
    ifc->usleep = sleep_us;
    ifc->gettimeofday = get_time;
}
