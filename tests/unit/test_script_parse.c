/* SPDX-License-Identifier: MIT */
/* Reading packet scripts: what is taken, and that each thing that is wrong is said with its place. */
#include "support.h"

#include <stdio.h>

#include <weft/err.h>
#include <weft/script.h>

#include "script/script.h"

/* Why `text` is refused. */
static const char *why_not(const char *text)
{
    static char why[300];
    struct weft_script *script;

    why[0] = 0;
    assert_int_not_equal(weft_script_parse("t.pkt", text, strlen(text), &script, why, sizeof(why)), 0);
    return why;
}

static struct weft_script *parsed(const char *text)
{
    char why[300] = "";
    struct weft_script *script;
    int rc = weft_script_parse("t.pkt", text, strlen(text), &script, why, sizeof(why));

    if (rc)
        fail_msg("%s", why);
    return script;
}

static void each_fault_is_named(void **state)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"+0 frobnicate", "'frobnicate' is no statement"},
        {"+0 ?", "'<', '>' or a word is missing"},
        {"+0", "'<', '>' or a word is missing"},
        {"+x < S 0:0(0)", "the time: a number is missing"},
        {"+0.1234567 listen", "more than six decimals"},
        {"+0. listen", "digits are missing behind the point"},
        {"+1~2 > S 0:0(0)", "both times of a range"},
        {"+2~+1 > S 0:0(0)", "ends before it begins"},
        {"+0~+1 < S 0:0(0)", "only '>' may have one"},
        {"* listen", "only '>' may have one"},
        {"+0 < ", "the flags are missing"},
        {"+0 < X 0:0(0)", "'X' is no flag"},
        {"+0 < S", "the sequence number: a number is missing"},
        {"+0 < S 0", "':' and the end are missing"},
        {"+0 < S 0:0", "the length in parentheses is missing"},
        {"+0 < S 0:0(0", "')' is missing"},
        {"+0 < . 1:11(9) ack 1", "count 10 bytes and the length says 9"},
        {"+0 < . 1:65537(65536) ack 1", "the length is above 65535"},
        {"+0 < . 1:1(0)", "the flag '.' without 'ack'"},
        {"+0 < S 0:0(0) ack 1", "'ack' without the flag '.'"},
        {"+0 < S 0:0(0) win 65536", "win is above 65535"},
        {"+0 < S 0:0(0) win", "win: a number is missing"},
        {"+0 < S 0:0(0) <mss>", "mss: a number is missing"},
        {"+0 < S 0:0(0) <mss 1460", "'>' is missing behind the options"},
        {"+0 < S 0:0(0) <bogus>", "the option is none of"},
        {"+0 < S 0:0(0) <>", "the option is none of"},
        {"+0 < S 0:0(0) <TS val 1>", "'ecr' is missing in TS"},
        {"+0 < S 0:0(0) <kind 300>", "the option's kind is above 255"},
        {"+0 < S 0:0(0) <raw>", "hexadecimal digits are missing"},
        {"+0 < S 0:0(0) <raw abc>", "odd number"},
        {"+0 < S 0:0(0) <sack 1>", "':' is missing in the SACK block"},
        {"+0 < S 0:0(0) "
         "<nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop>",
         "more than 20 options"},
        {"+0 < S 0:0(0) garbage", "what does 'garbage' mean"},
        {"+0 < [ttl] S 0:0(0)", "ttl: a number is missing"},
        {"+0 < [ttl 5 S 0:0(0)", "']' is missing"},
        {"+0 < [flow b] S 0:0(0)", "there is no flow 'b' yet"},
        {"+0 < [1:2(1)] S 0:0(0)", "is quoted by an ICMP message, and none follows"},
        {"+0 < icmp unreachable", "is missing before it"},
        {"+0 < [1:2(1)] icmp redirect", "the ICMP type is none of"},
        {"+0 > [badsum] S 0:0(0)", "what stands in brackets"},
        {"+0 read x", "what does 'x' mean"},
        {"+0 write", "write: a number is missing"},
        {"+0 write 9999999", "write is above"},
        {"+0 set frob 1", "there is no socket option 'frob'"},
        {"+0 set nodelay", "the value: a number is missing"},
        {"+0 accept = NEVER", "'NEVER' is neither a number nor an error"},
        {"+0 shutdown", "rd, wr or rdwr is missing"},
        {"+0 expect", "what is compared is missing"},
        {"+0 expect frob == 1", "'frob' is no field"},
        {"+0 expect drop.FROB == 1", "'FROB' is not in weft/stats.h"},
        {"+0 expect drop == 1", "'.' and the reason to drop are missing"},
        {"+0 expect cwnd 1", "a comparison is missing"},
        {"+0 expect cwnd ==", "the value: a number is missing"},
        {"+0 expect limit == FROB", "there is no limit 'FROB'"},
        {"+0 expect cwnd==1,cwnd==1,cwnd==1,cwnd==1,cwnd==1,cwnd==1,cwnd==1,cwnd==1,cwnd==1",
         "more than 8 comparisons"},
        {"+0 state FROB", "there is no state 'FROB'"},
        {"+0 events", "the events are missing"},
        {"+0 events frob", "an event is none of"},
        {"breaks frob", "'frob' is no rule of weft-check(1)"},
        {"config frob 1", "'frob' is no field of struct weft_tcp_config"},
        {"config no_sack 2", "does not fit into no_sack"},
        {"config initial_window_segs 256", "does not fit"},
        {"config mtu 67", "mtu is not from 68 to 65535"},
        {"config congestion", "congestion is missing"},
        {"config rto_min", "the value: a number is missing"},
        {"config rto_min 1s x", "what does 'x' mean"},
        {"+0 listen\nconfig mtu 1500", "t.pkt:2: settings come before the first statement"},
        {"flow", "the flow's name is missing"},
        {"flow b peer", "the port: a number is missing"},
        {"flow b peer 10.0.0.300:5", "is no IPv4 address"},
        {"flow b peer 10.0.0.3", "':' and a port are missing"},
        {"flow b at 1", "'peer' or 'local'"},
        {"flow abcdefghijklmnopqrstuvwxyz", "longer than 23 characters"},
        {"include", "the file is missing"},
        {"include no/such/file.pkt", "no/such/file.pkt: "},
        {"requires:", "the id of a row is missing"},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *why = why_not(cases[i].text);

        if (!strstr(why, cases[i].why))
            fail_msg("%s: '%s' does not say '%s'", cases[i].text, why, cases[i].why);
        assert_true(strncmp(why, "t.pkt:", 6) == 0);
    }
}

static void the_line_is_said(void **state)
{
    (void)state;
    assert_true(strncmp(why_not("# one\n\n+0 listen\n+0 wrong\n"), "t.pkt:4: ", 9) == 0);
}

static void nothing_is_longer_than_its_bound(void **state)
{
    char *text = malloc(SCRIPT_MAX_TEXT + 2);
    char why[300];
    struct weft_script *script;

    (void)state;
    assert_non_null(text);
    memset(text, 'a', SCRIPT_MAX_TEXT + 1);
    text[SCRIPT_LINE] = 0;
    assert_non_null(strstr(why_not(text), "the line is longer than 511 bytes"));
    text[SCRIPT_LINE] = 'a';
    assert_int_equal(weft_script_parse("t", text, SCRIPT_MAX_TEXT + 1, &script, why, sizeof(why)),
                     WEFT_E_BADFORMAT);
    assert_non_null(strstr(why, "larger than 256 KiB"));
    memset(text, '\n', SCRIPT_MAX_TEXT);
    for (unsigned i = 0; i < SCRIPT_MAX_STEPS + 1; i++)
        memcpy(text + 8 * i, "listen\n\n", 8);
    text[8 * (SCRIPT_MAX_STEPS + 1)] = 0;
    assert_non_null(strstr(why_not(text), "more than 4096 statements"));
    free(text);
    assert_int_equal(weft_script_parse("t", "+0 li\0sten", 10, &script, why, sizeof(why)), WEFT_E_BADFORMAT);
    assert_non_null(strstr(why, "NUL"));
}

static void a_script_that_includes_itself_ends(void **state)
{
    char path[] = "/tmp/weft-script-XXXXXX";
    char why[600];
    struct weft_script *script;
    int fd = mkstemp(path);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;

    (void)state;
    assert_non_null(file);
    fprintf(file, "include %s\n", path);
    fclose(file);
    assert_int_equal(weft_script_read(path, &script, why, sizeof(why)), WEFT_E_BADFORMAT);
    remove(path);
    assert_non_null(strstr(why, "includes go deeper than 4"));
}

/* The fields of a packet come to where they belong. */
static void packets_are_read(void **state)
{
    struct weft_script *script =
        parsed("flow b peer 10.0.0.3:5 local 6\n"
               "+.25 < [flow b, ect0, ttl 9, to 10.0.0.255] FP. -1:9(10) ack @7 win 5 urg 3 junk "
               "<mss 1460,sackOK,TS val 1 ecr *,nop,wscale 7,sack 1:2 3:4,kind 253 abcd,eol>\n"
               "0.5~1 > S. 0:0(0) ack 1 <...>\n"
               "+0 < [1:1001(1000)] icmp unreachable frag_needed mtu 1200\n");
    const struct script_packet *p = &script->steps[0].packet;

    (void)state;
    assert_int_equal(script->nsteps, 3);
    assert_int_equal(script->steps[0].time.low, 250000);
    assert_string_equal(p->flow, "b");
    assert_int_equal(p->tos, 2);
    assert_int_equal(p->ttl, 9);
    assert_true(p->has_to && !p->has_from && p->junk);
    assert_int_equal(p->flags, 0x19);
    assert_int_equal(p->seq.n, UINT32_MAX);
    assert_int_equal(p->len, 10);
    assert_true(p->ack.is_true && p->ack.n == 7);
    assert_int_equal(p->win, 5);
    assert_int_equal(p->urg, 3);
    assert_int_equal(p->nopts, 9);
    assert_true(p->opts[2].any_ecr && !p->opts[2].any_val);
    assert_int_equal(p->opts[6].val, 3);
    assert_int_equal(p->opts[7].raw_len, 4);
    assert_memory_equal(p->opts[7].raw, "\xfd\x04\xab\xcd", 4);
    assert_true(script->steps[1].time.when == SCRIPT_ABSOLUTE && script->steps[1].time.is_range);
    assert_int_equal(script->steps[1].time.high, 1000000);
    assert_true(script->steps[1].packet.any_opts);
    p = &script->steps[2].packet;
    assert_true(p->icmp.given && p->icmp.type == 3 && p->icmp.code == 4 && p->icmp.mtu == 1200);
    weft_script_free(script);
}

static void settings_and_calls_are_read(void **state)
{
    struct weft_script *script = parsed("requires: MUST-1, RFC1122-4.2.2.13  # why\n"
                                        "config rto_min 1s\nconfig no_sack yes\nconfig mtu 9000\n"
                                        "config receive_buffer 64k\n"
                                        "b: set keepalive_idle 2h  // comment\n"
                                        "+1 b: write 10 more = AGAIN\n");
    const struct script_call *call = &script->steps[0].call;

    (void)state;
    assert_string_equal(script->requires, "MUST-1, RFC1122-4.2.2.13");
    assert_int_equal(script->setup.tcp.rto_min, 1000000);
    assert_true(script->setup.tcp.no_sack);
    assert_int_equal(script->setup.tcp.receive_buffer, 65536);
    assert_int_equal(script->setup.mtu, 9000);
    assert_string_equal(call->sock, "b");
    assert_int_equal(call->number, 7200000000);
    call = &script->steps[1].call;
    assert_int_equal(call->number, 10);
    assert_int_equal(call->flags, 1);
    assert_int_equal(call->result, WEFT_E_AGAIN);
    weft_script_free(script);
}

static void settings_can_be_given_from_outside(void **state)
{
    struct weft_script *script = parsed("config rto_min 1s\n+0 listen\n");
    char why[300];

    (void)state;
    assert_int_equal(weft_script_config(script, "rto_min 2s, no_sack yes", why, sizeof(why)), 0);
    assert_int_equal(script->setup.tcp.rto_min, 2000000);
    assert_true(script->setup.tcp.no_sack);
    assert_int_equal(weft_script_config(script, "frob 1", why, sizeof(why)), WEFT_E_BADFORMAT);
    assert_non_null(strstr(why, "'frob' is no field"));
    assert_int_equal(weft_script_config(script, "no_sack yes x", why, sizeof(why)), WEFT_E_BADFORMAT);
    assert_non_null(strstr(why, "what does 'x' mean"));
    weft_script_free(script);
}

/* Whatever is cut off or changed in a good script is read or refused, and nothing else happens. */
static void damaged_text_is_refused_or_read(void **state)
{
    static const char good[] = "flow b peer 10.0.0.3:5 local 6\nconfig msl 1s\n"
                               "+0 < [flow b,ttl 3] S. 0:0(0) ack 1 win 5 <mss 1460,TS val 1 ecr *>\n"
                               "0.5~1 > P. 1:3(2) ack 1 <sack 1:2,raw 0102>\n"
                               "+0 b: expect cwnd >= 10, drop.TCP_PAWS == 1\n+0 set ttl 5 = INVAL\n";
    struct test_rng rng = test_rng_start("damaged_text_is_refused_or_read");
    char text[sizeof(good)];
    char why[300];

    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        size_t len = test_rng_below(&rng, sizeof(good));
        struct weft_script *script;

        memcpy(text, good, sizeof(good));
        for (unsigned n = test_rng_below(&rng, 4); n > 0; n--)
            text[test_rng_below(&rng, sizeof(good))] = (char)test_rng_u32(&rng);
        if (weft_script_parse("t", text, len, &script, why, sizeof(why)) == 0)
            weft_script_free(script);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_fault_is_named),
        cmocka_unit_test(the_line_is_said),
        cmocka_unit_test(nothing_is_longer_than_its_bound),
        cmocka_unit_test(a_script_that_includes_itself_ends),
        cmocka_unit_test(packets_are_read),
        cmocka_unit_test(settings_and_calls_are_read),
        cmocka_unit_test(settings_can_be_given_from_outside),
        cmocka_unit_test(damaged_text_is_refused_or_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
