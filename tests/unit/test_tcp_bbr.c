/* SPDX-License-Identifier: MIT */
/*
 * Congestion control over simulated bottlenecks, in virtual time: how long a
 * transfer takes and how long the queue is, for each algorithm; and the states
 * of BBR (draft-ietf-ccwg-bbr) as the trace tells them.
 */
#include "support.h"

#include <weft/err.h>
#include <weft/sim.h>

#define PORT 80

/* One way through a bottleneck. */
struct run {
    const char *algorithm;
    const char *faults; /* of the sender's wire */
    uint32_t total;     /* bytes */
    bool paced;
    weft_time limit;
};

struct sender {
    struct weft_handler handler;
    uint32_t left;
};

struct receiver {
    struct weft_handler handler;
    struct weft_sock *sock;
    uint64_t got, total;
};

struct result {
    weft_time took;
    weft_time srtt_max; /* the longest smoothed round trip after the first second */
    struct weft_tcp_info info;
    bool seen[WEFT_CAUSE_COUNT]; /* causes of the sender's windows and rates */
};

static void send_more(struct weft_handler *handler, struct weft_sock *sock, unsigned events, weft_time now)
{
    static const uint8_t bytes[65536];
    struct sender *sender = (struct sender *)handler;

    (void)now;
    assert_false(events & WEFT_FAILED);
    while (sender->left > 0) {
        ptrdiff_t n =
            weft_sock_send(sock, bytes, sender->left < sizeof(bytes) ? sender->left : sizeof(bytes));

        if (n <= 0)
            return;
        sender->left -= (uint32_t)n;
    }
}

static void receive(struct weft_handler *handler, struct weft_sock *sock, unsigned events, weft_time now)
{
    static uint8_t bytes[65536];
    struct receiver *receiver = (struct receiver *)handler;
    ptrdiff_t n;

    (void)events;
    (void)now;
    while ((n = weft_sock_recv(sock, bytes, sizeof(bytes))) > 0)
        receiver->got += (uint64_t)n;
}

static struct receiver *accepting; /* who takes the next connection */

static void accept_one(struct weft_handler *handler, struct weft_sock *sock, unsigned events, weft_time now)
{
    (void)handler;
    (void)events;
    (void)now;
    assert_int_equal(weft_sock_accept(sock, &accepting->sock), 0);
    weft_sock_set_handler(accepting->sock, &accepting->handler);
}

static struct weft_stack *add_host(struct weft_sim *sim, const struct run *run, struct weft_link *link,
                                   uint8_t host)
{
    struct weft_stack_config config = {
        .tcp = {.congestion = run->algorithm, .no_pacing = !run->paced, .check = true}};
    struct weft_prefix addr = {weft_ip4(10, 0, 0, host), 24};
    struct weft_stack *stack;

    config.trace_records = 65536;
    assert_int_equal(weft_sim_add_stack(sim, &config, &stack), 0);
    int iface = weft_sim_add_link(sim, stack, link);
    assert_true(iface > 0);
    assert_int_equal(weft_iface_add_addr(stack, iface, &addr), 0);
    return stack;
}

static void read_trace(struct weft_stack *stack, uint64_t *at, struct result *result)
{
    struct weft_trace_record records[256];
    uint64_t lost = 0;
    unsigned n;

    while ((n = weft_trace_read(stack, at, records, 256, &lost)) > 0)
        for (unsigned i = 0; i < n; i++)
            if (records[i].event == WEFT_TRACE_TCP_CWND || records[i].event == WEFT_TRACE_TCP_PACING)
                result->seen[records[i].arg[2]] = true;
}

/* Runs one transfer from 10.0.0.1 to 10.0.0.2. */
static struct result transfer(const struct run *run)
{
    struct sender sender = {.handler = {.ready = send_more}, .left = run->total};
    struct receiver receiver = {.handler = {.ready = receive}, .total = run->total};
    struct weft_handler listening = {.ready = accept_one};
    struct weft_endpoint local = {WEFT_ADDR_ANY, PORT}, remote = {weft_ip4(10, 0, 0, 2), PORT};
    struct weft_pipe_config wire = {.type = WEFT_LINK_IP};
    struct weft_impair_config faults;
    struct weft_link *a, *b;
    struct weft_sock *listener, *sock;
    struct weft_sim *sim;
    struct result result = {0};
    uint64_t at = 0;
    char why[100];

    assert_int_equal(weft_sim_new(1, &sim), 0);
    if (weft_impair_parse(run->faults, &faults, why, sizeof(why)) < 0)
        fail_msg("%s", why);
    assert_int_equal(weft_link_pipe(&wire, &a, &b), 0);
    assert_int_equal(weft_link_impair(a, &faults, weft_sim_pool(sim), &a), 0);
    struct weft_stack *client = add_host(sim, run, a, 1), *server = add_host(sim, run, b, 2);
    accepting = &receiver;
    assert_int_equal(weft_sock_open(server, WEFT_SOCK_STREAM, &listener), 0);
    assert_int_equal(weft_sock_bind(listener, &local), 0);
    assert_int_equal(weft_sock_listen(listener, 0), 0);
    weft_sock_set_handler(listener, &listening);
    assert_int_equal(weft_sock_open(client, WEFT_SOCK_STREAM, &sock), 0);
    weft_sock_set_handler(sock, &sender.handler);
    assert_int_equal(weft_sock_connect(sock, &remote), WEFT_E_INPROGRESS);
    weft_time began = weft_sim_now(sim);
    while (receiver.got < run->total && weft_sim_now(sim) < began + run->limit) {
        weft_sim_run(sim, weft_sim_now(sim) + 10 * WEFT_MSEC, NULL, NULL);
        read_trace(client, &at, &result);
        assert_int_equal(weft_sock_info(sock, &result.info), 0);
        if (weft_sim_now(sim) > began + WEFT_SEC && result.info.srtt > result.srtt_max)
            result.srtt_max = result.info.srtt;
    }
    assert_int_equal(receiver.got, run->total);
    result.took = weft_sim_now(sim) - began;
    weft_sock_abort(sock);
    weft_sock_abort(receiver.sock);
    weft_sock_close(listener);
    weft_sim_free(sim);
    return result;
}

/* Percent of what the bottleneck could have carried in this time, headers counted: `rate` in Mbit/s. */
static unsigned used(const struct run *run, const struct result *result, unsigned rate)
{
    double bits = (double)run->total * 8 * 1500 / 1448;

    return (unsigned)(bits * 100 / ((double)rate * (double)result->took));
}

/* --- Each over 10 Mbit/s and 40 ms with a queue of one BDP (34 packets) --------------------------------- */

#define ONE_BDP "out:rate=10mbit,out:delay=20ms,in:delay=20ms,out:queue=34"

static void a_queue_of_one_bdp(void **state)
{
    static const char *const algorithms[] = {"cubic", "newreno", "bbr"};

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        for (unsigned paced = 0; paced < 2; paced++) {
            struct run run = {.algorithm = algorithms[i],
                              .faults = ONE_BDP,
                              .total = 10000000,
                              .paced = paced,
                              .limit = 60 * WEFT_SEC};
            struct result result = transfer(&run);

            print_message("%s%s: %u %% in %.2f s, round trip %.1f ms, %u sent again, %u timeouts\n",
                          algorithms[i], paced ? ", paced" : "", used(&run, &result, 10),
                          (double)result.took / 1e6, (double)result.srtt_max / 1e3,
                          (unsigned)result.info.segs_retransmitted, (unsigned)result.info.timeouts);
            assert_true(used(&run, &result, 10) >= 92);
            assert_int_equal(result.info.timeouts, 0);
        }
    }
}

/* BBR's goal: the rate without the queue; CUBIC fills whatever there is. */
static void bbr_keeps_a_deep_queue_short(void **state)
{
    struct run run = {.algorithm = "bbr",
                      .faults = "out:rate=10mbit,out:delay=20ms,in:delay=20ms,out:queue=400",
                      .total = 20000000,
                      .limit = 60 * WEFT_SEC};
    struct result bbr = transfer(&run), cubic;

    (void)state;
    run.algorithm = "cubic";
    cubic = transfer(&run);
    print_message("bbr %u %%, %.1f ms; cubic %u %%, %.1f ms\n", used(&run, &bbr, 10),
                  (double)bbr.srtt_max / 1e3, used(&run, &cubic, 10), (double)cubic.srtt_max / 1e3);
    assert_true(used(&run, &bbr, 10) >= 92);
    assert_true(bbr.srtt_max < 100 * WEFT_MSEC); /* the path has 40; cubic comes to 450 */
    assert_int_equal(bbr.info.segs_retransmitted, 0);
}

/* One segment in a hundred is lost for no reason of congestion: BBR does not mind. */
static void bbr_bears_random_loss(void **state)
{
    struct run run = {.algorithm = "bbr",
                      .faults = "out:rate=10mbit,out:delay=20ms,in:delay=20ms,out:queue=100,out:loss=1%",
                      .total = 10000000,
                      .limit = 60 * WEFT_SEC};
    struct result bbr = transfer(&run), cubic;

    (void)state;
    run.algorithm = "cubic";
    cubic = transfer(&run);
    print_message("bbr %u %%; cubic %u %%\n", used(&run, &bbr, 10), used(&run, &cubic, 10));
    assert_true(used(&run, &bbr, 10) >= 75);
    assert_true(used(&run, &cubic, 10) >= 20);
    assert_true(bbr.took < cubic.took);
}

/* All states are gone through in a minute of a bulk transfer: ProbeRTT each five seconds. */
static void bbr_goes_through_its_states(void **state)
{
    struct run run = {.algorithm = "bbr", .faults = ONE_BDP, .total = 15000000, .limit = 60 * WEFT_SEC};
    struct result result = transfer(&run);

    (void)state;
    for (unsigned cause = WEFT_CAUSE_BBR_STARTUP; cause <= WEFT_CAUSE_BBR_PROBE_RTT; cause++) {
        if (!result.seen[cause])
            print_error("never in %s\n", weft_tcp_cause_text(cause));
        assert_true(result.seen[cause]);
    }
}

/* Fifty megabytes over 100 Mbit/s and 100 ms, with the queue of a careless operator: each fills it. */
static void a_long_fat_path(void **state)
{
    static const char *const algorithms[] = {"cubic", "newreno", "bbr"};

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct run run = {.algorithm = algorithms[i],
                          .faults = "out:rate=100mbit,out:delay=50ms,in:delay=50ms,out:queue=830",
                          .total = 50000000,
                          .limit = 60 * WEFT_SEC};
        struct result result = transfer(&run);

        print_message("%s: %u %%, %u sent again\n", algorithms[i], used(&run, &result, 100),
                      (unsigned)result.info.segs_retransmitted);
        assert_true(used(&run, &result, 100) >= 75);
        assert_int_equal(result.info.timeouts, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_queue_of_one_bdp),    cmocka_unit_test(bbr_keeps_a_deep_queue_short),
        cmocka_unit_test(bbr_bears_random_loss), cmocka_unit_test(bbr_goes_through_its_states),
        cmocka_unit_test(a_long_fat_path),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
