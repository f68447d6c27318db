/* SPDX-License-Identifier: MIT */
/*
 * The wire checker in tests: what it says of our stack ends the test.
 *
 * Owns    nothing. Everything here is static inline, so that a test is one file.
 */
#ifndef WEFT_TESTS_CHECK_SUPPORT_H
#define WEFT_TESTS_CHECK_SUPPORT_H

#include "support.h"

#include <stdio.h>

#include <weft/check.h>

/* A checker, and what it found first. */
struct test_check {
    struct weft_check *check;
    char complaint[500]; /* "": nothing */
    unsigned found;
};

static inline void test_check_found(void *ctx, const struct weft_check_finding *finding)
{
    struct test_check *tc = ctx;
    char src[WEFT_ENDPOINT_STRLEN];

    if (finding->severity < WEFT_CHECK_WARNING)
        return;
    if (tc->found++ == 0)
        snprintf(tc->complaint, sizeof(tc->complaint), "wire checker: frame %llu of %s: %s (%s, %s)",
                 (unsigned long long)finding->packet, weft_endpoint_format(&finding->src, src), finding->text,
                 finding->info->name, finding->info->rfc);
}

/* Only what goes out is judged. `wire`: no super-segments. */
static inline void test_check_new(struct test_check *tc, bool wire)
{
    struct weft_check_config config = {.whole = true,
                                       .wire = wire,
                                       .only_out = true,
                                       .max_connections = 64,
                                       .found = test_check_found,
                                       .ctx = tc};

    *tc = (struct test_check){0};
    assert_int_equal(weft_check_new(&config, &tc->check), 0);
}

/* The test provokes what breaks this rule; the reason stands where this is called. */
static inline void test_check_mute(struct test_check *tc, const char *name)
{
    weft_check_rule rule;

    assert_int_equal(weft_check_rule_find(name, &rule), 0);
    weft_check_mute(tc->check, rule);
}

/* The host itself loses packets between the tap and TCP, or keeps them, for want of memory, a route or room. */
static inline void test_check_host_loses(struct test_check *tc)
{
    static const char *const rules[] = {"sequence-gap",  "shrunk-window", "resent-acked",   "ack-late",
                                        "ack-second",    "ack-disorder",  "sack-first",     "sack-missing",
                                        "rto-burst",     "rto-backoff",   "initial-window", "probe-backoff",
                                        "silly-segment", "tsecr-recent",  "ack-number"};

    for (unsigned i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
        test_check_mute(tc, rules[i]);
}

/* The link is watched, near the stack that uses it. The checker must outlive it. */
static inline struct weft_link *test_check_attach(struct test_check *tc, struct weft_link *link)
{
    assert_int_equal(weft_check_attach(tc->check, link, &link), 0);
    return link;
}

/* Ends the test when something was found; `replay` says how to see it again. */
static inline void test_check_assert_clean(const struct test_check *tc, const char *replay)
{
    if (tc->found)
        fail_msg("%s: %u findings, the first: %s", replay, tc->found, tc->complaint);
}

static inline void test_check_free(struct test_check *tc)
{
    weft_check_free(tc->check);
    tc->check = NULL;
}

#endif
