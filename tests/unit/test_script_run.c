/* SPDX-License-Identifier: MIT */
/* Running packet scripts: a true one passes, and each way in which one can be untrue is found and said. */
#include "support.h"

#include <stdio.h>

#include <weft/err.h>
#include <weft/script.h>

#define HANDSHAKE                                                                                            \
    "+0  listen\n"                                                                                           \
    "+0  < S 0:0(0) win 65535 <mss 1000>\n"                                                                  \
    "+0  > S. 0:0(0) ack 1 win 65535 <mss 1460>\n"                                                           \
    "+.1 < . 1:1(0) ack 1\n"                                                                                 \
    "+0  accept\n"

/* Runs a text; gives its report, "" when it passed, which the caller frees. */
static char *report_of(const char *text, const struct weft_script_options *options)
{
    char why[300] = "", *report = NULL;
    struct weft_script *script;
    size_t len;
    FILE *out;
    int rc = weft_script_parse("t.pkt", text, strlen(text), &script, why, sizeof(why));

    if (rc)
        fail_msg("%s", why);
    out = open_memstream(&report, &len);
    assert_non_null(out);
    rc = weft_script_run(script, options, out);
    fclose(out);
    weft_script_free(script);
    assert_int_equal(rc, report[0] ? WEFT_E_PROTO : 0);
    return report;
}

static void passes(const char *text)
{
    char *report = report_of(text, NULL);

    if (report[0])
        fail_msg("%s", report);
    free(report);
}

static void fails(const char *text, const char *place, const char *why)
{
    char *report = report_of(text, NULL);

    if (strncmp(report, place, strlen(place)) != 0 || !strstr(report, why))
        fail_msg("the report does not begin with '%s' and say '%s':\n%s", place, why, report);
    free(report);
}

static void a_true_script_passes(void **state)
{
    (void)state;
    passes(HANDSHAKE "+0 state ESTABLISHED\n+0 write 100\n+0 > P. 1:101(100) ack 1\n"
                     "+.1 < P. 1:11(10) ack 101\n+0 > . 101:101(0) ack 11\n+0 read 10\n+0 read = AGAIN\n"
                     "+0 expect srtt == 100ms, drop.TCP_PAWS == 0\n+0 events readable writable\n"
                     "+0 events none\n+5 > nothing\n");
    passes("+0 connect\n+0 > S 0:0(0) <...>\n+1 > S 0:0(0) <...>\n+.2 < S. 0:0(0) ack 1 <mss 1000>\n"
           "+0 > . 1:1(0) ack 1\n");
}

/* The wire checker watches every script; what a stack is told to break a script says, and must then be seen. */
static void broken_rules_are_found(void **state)
{
    (void)state;
    fails("config initial_window_segs 20\n" HANDSHAKE "+0 write 20000\n+0 > ...\n",
          "t.pkt:7: the stack breaks initial-window", "RFC 6928 2");
    passes("config initial_window_segs 20\nbreaks initial-window\n" HANDSHAKE "+0 write 20000\n+0 > ...\n");
    passes("breaks initial-window\nbreaks initial-window\nconfig initial_window_segs 20\n" HANDSHAKE
           "+0 write 20000\n+0 > ...\n");
    fails("breaks initial-window\n" HANDSHAKE, "t.pkt: at the end",
          "the stack has not broken initial-window");
}

static void what_is_untrue_is_found(void **state)
{
    static const struct {
        const char *text, *place, *why;
    } cases[] = {
        {"+0 write 1\n+0 > . 1:2(1) ack 1\n", "t.pkt:7: ", "differs:   flags"},
        {"+0 write 1\n+0 > P. 2:3(1) ack 1\n", "t.pkt:7: ", "differs:   sequence number"},
        {"+0 write 1\n+0 > P. 1:3(2) ack 1\n", "t.pkt:7: ", "differs:   length"},
        {"+0 write 1\n+0 > P. 1:2(1) ack 2\n", "t.pkt:7: ", "differs:   acknowledgement"},
        {"+0 write 1\n+0 > P. 1:2(1) ack 1 win 1\n", "t.pkt:7: ", "differs:   window"},
        {"+0 write 1\n+0 > P. 1:2(1) ack 1 <nop>\n", "t.pkt:7: ", "differs:   options"},
        {"+0 write 1\n+0 > [ttl 1] P. 1:2(1) ack 1\n", "t.pkt:7: ", "TTL is 64"},
        {"+0 write 1\n+0 > [ect0] P. 1:2(1) ack 1\n", "t.pkt:7: ", "TOS is 0x"},
        {"+0 write 1\n+.1 > P. 1:2(1) ack 1\n", "t.pkt:7: ", "it came at 0.100000 and not at 0.200000"},
        {"+0 write 1\n+.01~+.02 > P. 1:2(1) ack 1\n", "t.pkt:7: ", "it came at 0.100000"},
        {"+0 write 1\n", "t.pkt: at the end: ", "P. 1:2(1) ack 1"},
        {"+0 write 1\n+0 > nothing\n", "t.pkt:7: ", "something was sent before that"},
        {"+0 write 1\n+0 > P. 1:2(1) ack 1\n+1 > nothing\n", "t.pkt:8: ", "at:        0.400000"},
        {"+0 write 1\n+0 > P. 1:2(1) ack 1\n+.2 > P. 1:2(1) ack 1\n",
         "t.pkt:8: ", "nothing was sent until 0.300000\n    next:      P. 1:2(1) ack 1"},
        {"+0 > . 1:1(0) ack 1\n", "t.pkt:6: ", "nothing would be for another 600 s"},
        {"+0 < P. 1:2(1) ack 1\n", "t.pkt: at the end: ", "ack 2"},
        {"+0 state CLOSED\n", "t.pkt:6: ", "the state is ESTABLISHED"},
        {"+0 expect cwnd == 1\n", "t.pkt:6: ", "cwnd is "},
        {"+0 expect drop.TCP_PAWS > 0\n", "t.pkt:6: ", "TCP_PAWS is 0"},
        {"+0 read 1\n", "t.pkt:6: ", "the call returned AGAIN instead of 1"},
        {"+0 accept\n", "t.pkt:6: ", "the call returned AGAIN instead of 0"},
        {"+0 b: read 1\n", "t.pkt:6: ", "there is no socket 'b'"},
        {"+0 events readable\n", "t.pkt:6: ", "not of 0x1"},
        {"+0 events none\n", "t.pkt:6: ", "was told of events"},
        {"+0 hold\n+1 release\n", "t.pkt:7: ", "no time passes between hold and release"},
        {"0 listen\n", "t.pkt:6: ", "in the past"},
        {"+0 < P. 1:2(1) ack 1 junk\n+0 > . 1:1(0) ack 2\n+0 read 1\n",
         "t.pkt:8: ", "is not what the peer sent there"},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[1000];

        snprintf(text, sizeof(text), "%s%s", HANDSHAKE, cases[i].text);
        fails(text, cases[i].place, cases[i].why);
    }
}

/* What passed before stands in the report, and the rows that are at stake. */
static void the_report_shows_what_passed(void **state)
{
    (void)state;
    fails("requires: MUST-1\n" HANDSHAKE "+0 read 1\n", "t.pkt:7: ", "proves: MUST-1");
    fails(HANDSHAKE "+0 read 1\n", "t.pkt:6: ", "> S. 0:0(0) ack 1 win 65535 <mss 1460>");
    fails(HANDSHAKE "+0 read 1\n", "t.pkt:6: ", "SYN-RECEIVED");
}

static void time_may_be_given_some_play(void **state)
{
    static const char text[] = HANDSHAKE "+0 write 1\n+.003 > P. 1:2(1) ack 1\n+.1 < . 1:1(0) ack 2\n";
    struct weft_script_options options = {.tolerance = 4 * WEFT_MSEC};
    char *report = report_of(text, &options);

    (void)state;
    assert_string_equal(report, "");
    free(report);
    passes("config tolerance 4ms\n" HANDSHAKE "+0 write 1\n+.003 > P. 1:2(1) ack 1\n");
    fails(text, "t.pkt:7: ", "it came at");
}

/* Ranges, any time, anything, and nothing. */
static void times_of_what_is_expected(void **state)
{
    (void)state;
    passes(HANDSHAKE "+0 write 1\n+0 > P. 1:2(1) ack 1\n+.1~+.5 > P. 1:2(1) ack 1\n* > P. 1:2(1) ack 1\n");
    passes(HANDSHAKE "+0 write 1\n+0 > P. 1:2(1) ack 1\n+10 > ...\n");
    passes(HANDSHAKE "+0 write 1\n+0 > P. 1:2(1) ack 1\n+.2 > nothing\n+.1 > P. 1:2(1) ack 1\n");
    passes(HANDSHAKE "1.5 < . 1:1(0) ack 1\n");
}

/* Two conversations at once, each with its own numbers. */
static void flows_are_kept_apart(void **state)
{
    (void)state;
    passes("flow b peer 10.0.0.3:5000 local 80\n" HANDSHAKE "+0 < [flow b] S 0:0(0) <mss 500>\n"
           "+0 > [flow b] S. 0:0(0) ack 1 <mss 1460>\n+0 < [flow b] . 1:1(0) ack 1\n+0 b: accept\n"
           "+0 b: write 5\n+0 > [flow b] P. 1:6(5) ack 1\n+0 write 3\n+0 > P. 1:4(3) ack 1\n"
           "+0 b: state ESTABLISHED\n+0 b: expect snd_mss == 500\n+0 expect snd_mss == 1000\n");
    fails("flow b peer 10.0.0.3:5000 local 80\n" HANDSHAKE "+0 write 3\n+0 > [flow b] P. 1:4(3) ack 1\n",
          "t.pkt:8: ", "it is not of flow b");
}

/* The same text gives the same run, to the last byte of the report. */
static void runs_repeat(void **state)
{
    char *first = report_of(HANDSHAKE "+0 write 1\n", NULL),
         *second = report_of(HANDSHAKE "+0 write 1\n", NULL);

    (void)state;
    assert_string_equal(first, second);
    free(first);
    free(second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_true_script_passes),        cmocka_unit_test(broken_rules_are_found),
        cmocka_unit_test(what_is_untrue_is_found),     cmocka_unit_test(the_report_shows_what_passed),
        cmocka_unit_test(time_may_be_given_some_play), cmocka_unit_test(times_of_what_is_expected),
        cmocka_unit_test(flows_are_kept_apart),        cmocka_unit_test(runs_repeat),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
