/* SPDX-License-Identifier: MIT */
/* Trace records as lines: known ones word for word, and every event with every kind of argument. */
#include "support.h"

#include <weft/inspect.h>
#include <weft/socket.h>
#include <weft/stats.h>

static void expect(struct weft_trace_record record, const char *text, const char *words)
{
    char buf[WEFT_TRACE_TEXT];

    assert_string_equal(weft_trace_text(&record, buf), text);
    assert_string_equal(weft_trace_words(&record, buf), words);
}

static void lines_read_well(void **state)
{
    (void)state;
    expect((struct weft_trace_record){.event = WEFT_TRACE_TCP_STATE,
                                      .conn = 3,
                                      .arg = {WEFT_TCP_SYN_RECEIVED, WEFT_TCP_ESTABLISHED, WEFT_CAUSE_ACK}},
           "TCP #3 state SYN-RECEIVED → ESTABLISHED: ACK received",
           "TCP_STATE conn=3 from=SYN-RECEIVED to=ESTABLISHED cause=ACK");
    expect((struct weft_trace_record){.event = WEFT_TRACE_TCP_TIMER_SET,
                                      .conn = 3,
                                      .arg = {WEFT_TIMER_RTO, WEFT_SEC}},
           "TCP #3 timer set: retransmission (RFC 6298) in 1.000 s",
           "TCP_TIMER_SET conn=3 timer=RTO in=1000000us");
    expect((struct weft_trace_record){.event = WEFT_TRACE_NEIGH_STATE,
                                      .iface = 1,
                                      .arg = {0, 0xffff0a4d0001, WEFT_NEIGH_INCOMPLETE, WEFT_NEIGH_REACHABLE,
                                              0x025e00000001}},
           "ARP neighbour changes state: address 10.77.0.1 INCOMPLETE → REACHABLE, 02:5e:00:00:00:01",
           "NEIGH_STATE iface=1 address=10.77.0.1 from=INCOMPLETE to=REACHABLE mac=02:5e:00:00:00:01");
    expect((struct weft_trace_record){.event = WEFT_TRACE_TCP_OUT,
                                      .conn = 7,
                                      .arg = {100, 200, 0x12, 0, 65535, WEFT_SENT_SYN_ACK}},
           "TCP #7 segment sent: seq 100, ack 200, [SYN, ACK], length 0, window 65535, answer to SYN",
           "TCP_OUT conn=7 seq=100 ack=200 flags=SYN|ACK length=0 window=65535 why=SYN_ACK");
    expect(
        (struct weft_trace_record){.event = WEFT_TRACE_DROP, .iface = 2, .arg = {WEFT_DROP_TCP_PAWS, 60}},
        "stack packet dropped: timestamp is older than the last (PAWS) (TCP_PAWS, RFC 7323 5.3), length 60",
        "DROP iface=2 reason=TCP_PAWS length=60");
    expect((struct weft_trace_record){.event = WEFT_TRACE_TCP_READY,
                                      .conn = 1,
                                      .arg = {WEFT_READABLE | WEFT_PEER_CLOSED}},
           "TCP #1 socket is ready: readable, the peer has closed",
           "TCP_READY conn=1 events=READABLE|PEER_CLOSED");
    expect((struct weft_trace_record){.event = WEFT_TRACE_TCP_ERROR,
                                      .conn = 1,
                                      .arg = {(uint64_t)(int64_t)WEFT_E_CONNRESET, WEFT_CAUSE_RST}},
           "TCP #1 connection failed: the peer reset the connection: RST received",
           "TCP_ERROR conn=1 error=CONNRESET cause=RST");
    expect((struct weft_trace_record){.event = WEFT_TRACE_TCP_CALL, .conn = 1, .arg = {WEFT_CALL_CLOSE}},
           "TCP #1 application called: CLOSE", "TCP_CALL conn=1 call=CLOSE");
    expect((struct weft_trace_record){.event = WEFT_TRACE_ICMP_OUT,
                                      .iface = 1,
                                      .arg = {0, 0xffff0a4d0001, 0x0303}},
           "ICMP sent: to 10.77.0.1, Destination Unreachable: port unreachable",
           "ICMP_OUT iface=1 to=10.77.0.1 type=3/3");
    expect((struct weft_trace_record){.event = 999}, "stack ?", "?");
}

/* One word for each argument, nothing empty, nothing cut off. */
static void check(const struct weft_trace_record *record)
{
    char buf[WEFT_TRACE_TEXT];
    unsigned equal = 0, spaces = 0;

    assert_true(strlen(weft_trace_text(record, buf)) > 4);
    assert_true(strlen(buf) < WEFT_TRACE_TEXT - 1);
    weft_trace_words(record, buf);
    assert_true(strlen(buf) < WEFT_TRACE_TEXT - 1);
    for (const char *at = buf; *at; at++) {
        equal += *at == '=';
        spaces += *at == ' ';
        assert_false(*at == '=' && (at[1] == ' ' || at[1] == '\0'));
    }
    assert_int_equal(equal, spaces);
}

static void every_event_can_be_told(void **state)
{
    struct test_rng rng = test_rng_start("every_event_can_be_told");
    static const uint64_t values[] = {0, 1, 5, 1000, UINT32_MAX, UINT64_MAX, 1ull << 63};

    (void)state;
    for (unsigned event = 0; event < WEFT_TRACE_EVENT_COUNT; event++) {
        struct weft_trace_record record = {.event = (uint16_t)event, .conn = UINT32_MAX, .iface = UINT16_MAX};

        for (unsigned v = 0; v < sizeof(values) / sizeof(values[0]); v++) {
            for (unsigned i = 0; i < WEFT_TRACE_ARGS; i++)
                record.arg[i] = values[v];
            check(&record);
        }
        for (unsigned round = 0; round < 200; round++) {
            for (unsigned i = 0; i < WEFT_TRACE_ARGS; i++)
                record.arg[i] = test_rng_u64(&rng) >> test_rng_below(&rng, 64);
            check(&record);
        }
    }
}

/* Every form in the events' argument lists is one that the text knows; a new one would be printed as a number. */
static void every_form_is_known(void **state)
{
    static const char *const forms[] = {"u",     "t",     "T",     "a",       "ports", "seq",   "flags",
                                        "state", "timer", "cause", "drop",    "limit", "neigh", "mac",
                                        "icmp",  "ready", "err",   "seg-why", "call"};

    (void)state;
    for (unsigned event = 0; event < WEFT_TRACE_EVENT_COUNT; event++) {
        const char *at = weft_trace_event_info(event)->args;

        while ((at = strchr(at, ':')) != NULL) {
            size_t len = strcspn(++at, " ");
            bool is_known = false;

            for (unsigned i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
                is_known = is_known || (strlen(forms[i]) == len && memcmp(at, forms[i], len) == 0);
            if (!is_known)
                fail_msg("the form in \"%s\"", weft_trace_event_info(event)->args);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_read_well),
        cmocka_unit_test(every_event_can_be_told),
        cmocka_unit_test(every_form_is_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
