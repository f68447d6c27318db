/* SPDX-License-Identifier: MIT */
/* Scenarios as text: what is written is read as it was, and what is wrong is told with its place. */
#include "support.h"

#include <stdio.h>

#include "lab/generate.h"
#include "lab/scenario.h"

static char *write_text(const struct lab_scenario *scenario)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    assert_non_null(out);
    lab_scenario_write(scenario, out);
    fclose(out);
    return text;
}

static int read_text(const char *text, struct lab_scenario *out, char *why, size_t why_size)
{
    FILE *in = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
    int error;

    assert_non_null(in);
    error = lab_scenario_read_stream(in, "text", out, why, why_size);
    fclose(in);
    return error;
}

/* Everything that the campaign can make, and so nearly every word that there is. */
static void what_is_written_is_read_as_it_was(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 500; seed++) {
        struct lab_scenario made, read;
        char *first, *second, why[300] = "";

        assert_int_equal(lab_generate(seed, &made), 0);
        first = write_text(&made);
        if (read_text(first, &read, why, sizeof(why)) != 0)
            fail_msg("seed %u: %s", (unsigned)seed, why);
        second = write_text(&read);
        assert_string_equal(first, second);
        assert_int_equal(made.event_count, read.event_count);
        for (unsigned i = 0; i < made.event_count; i++)
            assert_memory_equal(made.event[i].direction, read.event[i].direction,
                                sizeof(made.event[i].direction));
        for (unsigned i = 0; i < made.link_count; i++)
            assert_memory_equal(made.link[i].direction, read.link[i].direction,
                                sizeof(made.link[i].direction));
        free(first);
        free(second);
        lab_scenario_free(&made);
        lab_scenario_free(&read);
    }
}

#define NETWORK                                                                                              \
    "host a\nhost b\nrouter r\nlink a r rate=10mbit forth:delay=2ms\nlink r b\nflow f a -> b bytes=1k\n"

static void words_mean_what_they_say(void **state)
{
    struct lab_scenario s;
    char why[300];

    (void)state;
    assert_int_equal(
        read_text("title A  b # c\nseed 7\ntime 1.5s\nhost a no-sack rto-min=20ms initial-window=4\n"
                  "host b no-sack=no congestion=newreno syn-cookies=always\n"
                  "link a b rate=1.5mbit back:rate=64kbit loss=0.1% mtu=1400 aqm=codel back:ecn\n"
                  "flow f a -> b bytes=1M reply=2k client:close=abort read-size=9\n"
                  "at 10ms link a-b down\nat 20ms link a-b forth:down=no\nat 1s abort f\n"
                  "expect f finish <= 1.5s\nexpect a-b dropped >= 3\n",
                  &s, why, sizeof(why)),
        0);
    assert_string_equal(s.title, "A b");
    assert_int_equal(s.seed, 7);
    assert_int_equal(s.time, 1500 * WEFT_MSEC);
    assert_true(s.node[0].host.tcp.no_sack && !s.node[1].host.tcp.no_sack);
    assert_int_equal(s.node[0].host.tcp.rto_min, 20 * WEFT_MSEC);
    assert_int_equal(s.node[0].host.tcp.initial_window_segs, 4);
    assert_int_equal(s.node[1].host.tcp.syn_cookies, WEFT_SYN_COOKIES_ALWAYS);
    assert_string_equal(s.node[1].host.tcp.congestion, "newreno");
    assert_int_equal(s.link[0].direction[0].rate, 1500000);
    assert_int_equal(s.link[0].direction[1].rate, 64000);
    assert_true(s.link[0].direction[0].loss == 0.001);
    assert_int_equal(s.link[0].direction[1].queue.kind, WEFT_QUEUE_CODEL);
    assert_true(!s.link[0].direction[0].queue.ecn && s.link[0].direction[1].queue.ecn);
    assert_int_equal(s.link[0].both.mtu, 1400);
    assert_int_equal(s.flow[0].both.bytes, 1 << 20);
    assert_int_equal(s.flow[0].side[0].close, LAB_CLOSE_ABORT);
    assert_int_equal(s.flow[0].side[1].close, LAB_CLOSE_FIN);
    assert_int_equal(s.flow[0].side[1].read_size, 9);
    assert_true(s.event[0].direction[0].down && s.event[0].direction[1].down);
    assert_true(!s.event[1].direction[0].down && s.event[1].direction[1].down); /* the other stays */
    assert_int_equal(s.event[2].kind, LAB_EVENT_ABORT);
    assert_true(s.expect[0].at_most && s.expect[0].value == 1.5e6);
    assert_true(!s.expect[1].at_most && s.expect[1].metric == LAB_METRIC_DROPPED);
    lab_scenario_free(&s);
}

static void what_is_wrong_is_told_with_its_place(void **state)
{
    static const struct {
        const char *line, *says;
    } cases[] = {
        {"nonsense", "cannot begin"},
        {"host a", "already"},
        {"host a+b", "name"},
        {"host averyveryverylong", "name"},
        {"host c no-sack=maybe", "no-sack"},
        {"host c rto-min=20", "rto-min"},
        {"host c sideways", "sideways"},
        {"router s msl=1s", "msl"},
        {"link a", "two"},
        {"link a z", "'z'"},
        {"link a a", "different"},
        {"link a r", "already"},
        {"link a b type=ethernet mtu=10", "mtu"},
        {"link r a type=ethernet", "ARP"},
        {"link a b rate=10", "rate"},
        {"link a b loss=101%", "loss"},
        {"link a b loss=0.5", "loss"},
        {"link a b sideways:loss=1%", "sideways"},
        {"link a b forth:mtu=900", "forth:mtu"},
        {"flow g a b", "flow NAME"},
        {"flow f a -> b", "already"},
        {"flow g a -> r", "hosts"},
        {"flow g a -> a", "hosts"},
        {"flow g a -> b endless", "stop"},
        {"flow g a -> b stop=3s", "endless"},
        {"flow g a -> b simultaneous count=2", "one connection"},
        {"flow g a -> b close=never", "fin, last"},
        {"at 1s link a-b loss=1%", "'a-b'"},
        {"at 1s link a-r type=ethernet", "cannot change"},
        {"at x link a-r down", "at TIME"},
        {"at 1s abort g", "'g'"},
        {"box x a-r", "box NAME on"},
        {"box x on a-b", "no link"},
        {"box x on a-r strip=all", "strip"},
        {"box x on a-r strip=mss+all", "strip"},
        {"box x on a-r thin=2 coalesce=9", "either"},
        {"at 1s box x window=9", "no box"},
        {"hostile yes", "alone"},
        {"expect f finish < 3s", "neither"},
        {"expect f finish <= 3", "no value"},
        {"expect f speed <= 3", "no metric"},
        {"expect g goodput >= 1mbit", "no flow"},
        {"expect f dropped >= 1", "no link"},
        {"expect f fairness >= 1", "two or more"},
        {"seed -1", "seed"},
        {"time 0s", "time"},
        {"title", "title"},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[500], why[300] = "";
        struct lab_scenario s;

        (void)snprintf(text, sizeof(text), "%s%s\n", NETWORK, cases[i].line);
        if (read_text(text, &s, why, sizeof(why)) == 0)
            fail_msg("not refused: %s", cases[i].line);
        if (strncmp(why, "text:7: ", 8) != 0 || !strstr(why, cases[i].says))
            fail_msg("%s: %s", cases[i].line, why);
    }
}

static void events_stand_in_order_and_a_scenario_has_a_flow(void **state)
{
    struct lab_scenario s;
    char why[300];

    (void)state;
    assert_int_not_equal(
        read_text(NETWORK "at 2s link a-r down\nat 1s link a-r down=no\n", &s, why, sizeof(why)), 0);
    assert_non_null(strstr(why, "text:8: events"));
    assert_int_not_equal(read_text("host a\n", &s, why, sizeof(why)), 0);
    assert_non_null(strstr(why, "no flow"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_as_it_was),
        cmocka_unit_test(words_mean_what_they_say),
        cmocka_unit_test(what_is_wrong_is_told_with_its_place),
        cmocka_unit_test(events_stand_in_order_and_a_scenario_has_a_flow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
