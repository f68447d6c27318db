/* SPDX-License-Identifier: MIT */
/* Names and texts: every value has one of its own, and no number at all is out of range. */
#include "support.h"

#include <errno.h>

#include <weft/err.h>
#include <weft/stats.h>
#include <weft/trace.h>

/* All of `count` names are there and differ, and what follows is "?". */
static void check_names(const char *(*name)(unsigned), unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        assert_true(strlen(name(i)) > 0);
        assert_string_not_equal(name(i), "?");
        for (unsigned k = 0; k < i; k++)
            assert_string_not_equal(name(i), name(k));
    }
    assert_string_equal(name(count), "?");
    assert_string_equal(name(UINT32_MAX), "?");
}

static void every_value_has_a_name(void **state)
{
    (void)state;
    check_names(weft_tcp_state_name, WEFT_TCP_STATE_COUNT);
    check_names(weft_tcp_timer_name, WEFT_TIMER_COUNT);
    check_names(weft_tcp_cause_text, WEFT_CAUSE_COUNT);
    check_names(weft_tcp_limit_text, WEFT_LIMIT_COUNT);
    check_names(weft_tcp_send_reason_text, WEFT_SENT_COUNT);
    check_names(weft_neigh_state_name, WEFT_NEIGH_STATE_COUNT);
    check_names(weft_drop_name, WEFT_DROP_COUNT);
    check_names(weft_drop_text, WEFT_DROP_COUNT);
    check_names(weft_counter_name, WEFT_COUNTER_COUNT);
    check_names(weft_counter_text, WEFT_COUNTER_COUNT);
}

static void known_names(void **state)
{
    (void)state;
    assert_string_equal(weft_tcp_state_name(WEFT_TCP_FIN_WAIT_1), "FIN-WAIT-1");
    assert_string_equal(weft_tcp_timer_source(WEFT_TIMER_RTO), "RFC 6298");
    assert_string_equal(weft_drop_name(WEFT_DROP_TCP_PAWS), "TCP_PAWS");
    assert_string_equal(weft_drop_source(WEFT_DROP_TCP_PAWS), "RFC 7323 5.3");
    assert_string_equal(weft_drop_source(WEFT_DROP_COUNT), "?");
    assert_string_equal(weft_counter_name(WEFT_COUNT_IP_IN), "IP_IN");
}

/* Each word of an event's argument list has a name and a form, and they fit into a record. */
static void check_arguments(const char *args)
{
    unsigned taken = 0;

    while (*args) {
        size_t name = strcspn(args, ": ");
        const char *form = args + name + 1;
        size_t len = strcspn(form, " ");

        assert_true(name > 0 && args[name] == ':' && len > 0);
        taken += len == 1 && form[0] == 'a' ? 2 : 1;
        args = form + len;
        args += *args == ' ';
    }
    assert_true(taken <= WEFT_TRACE_ARGS);
}

static void every_event_is_described(void **state)
{
    (void)state;
    for (unsigned i = 0; i < WEFT_TRACE_EVENT_COUNT; i++) {
        const struct weft_trace_event_info *info = weft_trace_event_info(i);

        assert_true(strlen(info->name) > 0 && strlen(info->text) > 0);
        assert_true(info->layer <= WEFT_LAYER_SOCKET);
        check_arguments(info->args);
    }
    assert_string_equal(weft_trace_event_info(WEFT_TRACE_TCP_STATE)->name, "TCP_STATE");
    assert_int_equal(weft_trace_event_info(WEFT_TRACE_DROP)->layer, WEFT_LAYER_STACK);
    assert_string_equal(weft_trace_event_info(WEFT_TRACE_EVENT_COUNT)->name, "?");
    assert_string_equal(weft_trace_event_info(UINT32_MAX)->name, "?");
}

static void errors(void **state)
{
    (void)state;
    for (int error = WEFT_ERR_FIRST_ + 1; error < WEFT_ERR_END_; error++) {
        assert_true(error < -999 + 100);
        assert_string_not_equal(weft_strerror(error), "unknown error");
        assert_string_not_equal(weft_errname(error), "?");
        assert_true(weft_errno(error) > 0);
        for (int other = WEFT_ERR_FIRST_ + 1; other < error; other++)
            assert_string_not_equal(weft_errname(error), weft_errname(other));
    }
    assert_string_equal(weft_errname(WEFT_E_CONNRESET), "CONNRESET");
    assert_string_equal(weft_strerror(WEFT_E_CONNRESET), "the peer reset the connection");
    assert_int_equal(weft_errno(WEFT_E_CONNRESET), ECONNRESET);
    assert_int_equal(weft_errno(WEFT_E_BADFORMAT), EBADMSG);
}

static void what_is_no_error(void **state)
{
    static const int others[] = {1, -1, -EINVAL, WEFT_ERR_FIRST_, WEFT_ERR_END_, INT32_MIN, INT32_MAX};

    (void)state;
    assert_string_equal(weft_strerror(0), "success");
    assert_string_equal(weft_errname(0), "OK");
    assert_int_equal(weft_errno(0), 0);
    for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_string_equal(weft_strerror(others[i]), "unknown error");
        assert_string_equal(weft_errname(others[i]), "?");
        assert_int_equal(weft_errno(others[i]), EIO);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_value_has_a_name),   cmocka_unit_test(known_names),
        cmocka_unit_test(every_event_is_described), cmocka_unit_test(errors),
        cmocka_unit_test(what_is_no_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
