/* SPDX-License-Identifier: MIT */
/* Running scenarios: what is measured, what is found to be wrong, and that a seed repeats a run. */
#include "support.h"

#include <stdio.h>

#include "lab/campaign.h"
#include "lab/run.h"

struct result {
    unsigned faults;
    char text[4000];
    double finish, goodput, retransmitted, failed;
    uint64_t steps;
};

/* Runs a scenario whose first flow is measured. */
static struct result run_text(const char *text)
{
    FILE *in = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
    const struct lab_options options = {.trace = true};
    struct lab_scenario scenario;
    struct lab_run *run;
    struct result result;
    char why[300] = "";

    assert_non_null(in);
    if (lab_scenario_read_stream(in, "text", &scenario, why, sizeof(why)) != 0)
        fail_msg("%s", why);
    fclose(in);
    assert_int_equal(lab_run_new(&scenario, &options, &run, why, sizeof(why)), 0);
    lab_run_go(run);
    result = (struct result){
        .faults = run->faults,
        .finish = lab_measure(run, LAB_METRIC_FINISH, 0),
        .goodput = lab_measure(run, LAB_METRIC_GOODPUT, 0),
        .retransmitted = lab_measure(run, LAB_METRIC_RETRANSMITTED, 0),
        .failed = lab_measure(run, LAB_METRIC_FAILED, 0),
        .steps = run->steps,
    };
    (void)snprintf(result.text, sizeof(result.text), "%s", run->fault_text ? run->fault_text : "");
    lab_run_free(run);
    lab_scenario_free(&scenario);
    return result;
}

#define PAIR  "host a\nhost b\n"
#define CHAIN "host a\nhost b\nrouter r\nrouter s\n"

/* 1 MiB at 8 Mbit/s cannot take less than 1.05 s, and a TCP wastes little. */
static void a_flow_takes_what_the_link_takes(void **state)
{
    struct result r =
        run_text(PAIR "link a b rate=8mbit delay=5ms\nflow f a -> b bytes=1M\n"
                      "expect f failed <= 0\nexpect f retransmitted <= 0\nexpect a-b dropped <= 0\n");

    (void)state;
    assert_int_equal(r.faults, 0);
    assert_true(r.finish > 1.048576e6 && r.finish < 1.2e6);
    assert_true(r.goodput > 7e6 && r.goodput < 8e6);
}

static void routers_lead_to_the_other_end(void **state)
{
    struct result r = run_text(CHAIN "link a r delay=1ms\nlink r s mtu=1000\nlink s b\n"
                                     "flow f a -> b bytes=100k reply=50k\nflow g b -> a bytes=10k\n");

    (void)state;
    assert_string_equal(r.text, "");
    assert_true(r.finish < 1e6);
}

static void a_seed_repeats_a_run(void **state)
{
    static const char text[] =
        "seed 5\n" PAIR "link a b rate=5mbit delay=3ms loss=2% reorder=5% duplicate=1%\n"
        "flow f a -> b bytes=500k reply=100k duplex\n";
    struct result first = run_text(text), again = run_text(text);

    (void)state;
    assert_int_equal(first.faults, 0);
    assert_true(first.retransmitted > 0);
    assert_true(first.finish == again.finish);
    assert_int_equal(first.steps, again.steps);
}

static void programs_behave_as_they_are_told(void **state)
{
    struct result r =
        run_text(PAIR "link a b delay=1ms\n"
                      "flow slow a -> b bytes=100k server:read-rate=800kbit server:rcvbuf=4096\n"
                      "flow pause a -> b bytes=100k server:pause-after=1 server:pause=9s\n"
                      "flow both a -> b bytes=10k reply=10k simultaneous duplex borrow lend\n"
                      "flow many a -> b bytes=100 reply=100 count=50 every=1ms client:close=last\n"
                      "flow last a -> b endless stop=20s write-rate=80kbit\n"
                      "expect slow finish >= 0.97s\nexpect slow finish <= 1.3s\n"
                      "expect pause finish >= 9s\nexpect pause finish <= 9.5s\n"
                      "expect both finish <= 0.1s\nexpect both failed <= 0\n"
                      "expect many finish <= 0.3s\nexpect many failed <= 0\n"
                      "expect last finish >= 20s\nexpect last finish <= 20.1s\n"
                      "expect last goodput >= 75kbit\nexpect last goodput <= 85kbit\n");

    (void)state;
    assert_string_equal(r.text, "");
}

/* Each looks at the clock two thousand times a second, to write two bytes: that is no loop of a stack's. */
static void busy_programs_are_no_busy_loop(void **state)
{
    struct result r = run_text(PAIR "link a b rate=1gbit\n"
                                    "flow f a -> b bytes=14000 count=60 every=7777us client:write-size=2 "
                                    "client:write-rate=110kbit\n");

    (void)state;
    assert_string_equal(r.text, "");
    assert_true(r.steps > 40000);
}

/* The client has long gone when the server asks whether it is still there. What had come can be read. */
static void a_reset_after_the_end_loses_nothing(void **state)
{
    struct result r =
        run_text(PAIR "link a b delay=2ms\n"
                      "flow f a -> b bytes=620000 client:close=now server:read-rate=52kbit "
                      "server:keepalive server:keepalive-idle=4500ms server:keepalive-interval=11s "
                      "server:rcvbuf=700000\n");

    (void)state;
    assert_string_equal(r.text, "");
    assert_true(r.finish > 90e6);
}

/* The last ACK is lost for longer than TIME-WAIT lasts: the server's data goes again, to nobody. */
static void time_wait_may_be_too_short(void **state)
{
    struct result r =
        run_text("host a msl=1s\nhost b\nlink a b delay=10ms\nflow f a -> b bytes=320 reply=1 duplex\n"
                 "at 35ms link a-b forth:down\nat 8s link a-b forth:down=no\n");

    (void)state;
    assert_string_equal(r.text, "");
    assert_true(r.finish > 8e6);
}

/* It has nothing left to write or read, and waits for its last bytes to be acknowledged. */
static void who_waits_for_the_end_learns_of_a_failure(void **state)
{
    struct result r = run_text(PAIR "link a b delay=10ms rate=1mbit\nflow f a -> b bytes=30k duplex\n"
                                    "at 100ms link a-b down\n");

    (void)state;
    assert_non_null(strstr(r.text, "the client failed: the peer did not answer in time"));
    assert_null(strstr(r.text, "hangs"));
}

/* Everything that a box does and a TCP must bear: guessed resets, too. */
static void streams_pass_through_middleboxes(void **state)
{
    struct result r = run_text(CHAIN "link a r delay=5ms\nlink r s rate=20mbit delay=5ms\nlink s b\n"
                                     "box w on a-r rewrite strip-syn=wscale window=20000\n"
                                     "box x on r-s split=500 reset-blind=5%\n"
                                     "box y on s-b coalesce=1400 strip-syn=sack-permitted ecn=mark\n"
                                     "box z on s-b thin=4\n"
                                     "flow f a -> b bytes=400k reply=300k duplex\n"
                                     "at 100ms box w window=8000\n");

    (void)state;
    assert_string_equal(r.text, "");
    assert_true(r.failed == 0);
}

/* --- What must be found ------------------------------------------------------------------ */

static void what_is_not_met_is_told(void **state)
{
    struct result r = run_text(PAIR "link a b rate=8mbit\nflow f a -> b bytes=1M\nflow g b -> a bytes=1M\n"
                                    "expect f finish <= 0.5s\nexpect f goodput >= 9mbit\n"
                                    "expect a-b marked >= 1\nexpect f,g fairness <= 0.2\n");

    (void)state;
    assert_int_equal(r.faults, 4);
    assert_non_null(strstr(r.text, "finish of f <= 0.5 s; it is 1."));
}

/* A link that goes down for good: the connection is given up after its retries, and nobody asked for that. */
static void a_connection_that_fails_is_a_fault(void **state)
{
    struct result r = run_text(PAIR "link a b rate=1mbit\nflow f a -> b bytes=1M\nat 1s link a-b down\n");

    (void)state;
    assert_true(r.faults > 0);
    assert_true(r.failed == 1);
    assert_non_null(strstr(r.text, "the client failed"));
}

/* Two programs that wait for each other. */
static void a_connection_that_hangs_is_diagnosed(void **state)
{
    struct result r = run_text(PAIR "link a b\nflow f a -> b bytes=1k client:close=last server:close=last\n");

    (void)state;
    assert_int_equal(r.faults, 1);
    assert_non_null(strstr(r.text, "flow f, connection 0: hangs"));
    assert_non_null(strstr(r.text, "client (a): ESTABLISHED"));
    assert_non_null(strstr(r.text, "held by: the application has written no more"));
    assert_non_null(strstr(r.text, "segment sent")); /* the last decisions */
}

/* What a program loses by its own doing is none. */
static void a_reset_that_was_asked_for_is_no_fault(void **state)
{
    struct result r = run_text(PAIR "link a b delay=1ms rate=1mbit\n"
                                    "flow f a -> b bytes=1M client:abort-after=1s\n"
                                    "flow g a -> b bytes=1M\nat 2s abort g\n"
                                    "flow h a -> b bytes=10k reply=100k duplex client:close=now\n");

    (void)state;
    assert_string_equal(r.text, "");
    assert_true(r.failed == 1);
}

static void a_run_without_time_must_end(void **state)
{
    struct result r = run_text(PAIR "link a b rate=8kbit\nflow f a -> b bytes=10M\n"),
                  timed = run_text("time 10s\n" PAIR "link a b rate=8kbit\nflow f a -> b bytes=10M\n");

    (void)state;
    assert_non_null(strstr(r.text, "is not over after 3600 s"));
    assert_int_equal(timed.faults, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_flow_takes_what_the_link_takes),
        cmocka_unit_test(routers_lead_to_the_other_end),
        cmocka_unit_test(a_seed_repeats_a_run),
        cmocka_unit_test(programs_behave_as_they_are_told),
        cmocka_unit_test(busy_programs_are_no_busy_loop),
        cmocka_unit_test(a_reset_after_the_end_loses_nothing),
        cmocka_unit_test(time_wait_may_be_too_short),
        cmocka_unit_test(who_waits_for_the_end_learns_of_a_failure),
        cmocka_unit_test(streams_pass_through_middleboxes),
        cmocka_unit_test(what_is_not_met_is_told),
        cmocka_unit_test(a_connection_that_fails_is_a_fault),
        cmocka_unit_test(a_connection_that_hangs_is_diagnosed),
        cmocka_unit_test(a_reset_that_was_asked_for_is_no_fault),
        cmocka_unit_test(a_run_without_time_must_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
