/* SPDX-License-Identifier: MIT */
/*
 * The words of HTTP: paths decoded, dates, entity tags and conditions, ranges,
 * lists, and the phrases of status codes.
 */
#include "support.h"

#include <stdio.h>

#include "http/cond.h"
#include "http/range.h"
#include "http/target.h"

/* --- Paths --- */

static void decodes_paths(void **state)
{
    /* RFC 3986 5.2.4 and 5.4, and what people send to get out of a directory. */
    static const struct {
        const char *path, *decoded;
        bool is_plain, has_slash;
    } rows[] = {
        {"/", "/", true, false},
        {"/a/b/c", "/a/b/c", true, false},
        {"/a/b/c/./../../g", "/a/g", false, false},
        {"/./a", "/a", false, false},
        {"/a/.", "/a/", false, false},
        {"/a/..", "/", false, false},
        {"/a/b/..", "/a/", false, false},
        {"/..", "/", false, false},
        {"/../../../etc/passwd", "/etc/passwd", false, false},
        {"/%2e%2e/%2E%2E/x", "/x", false, false},
        {"/a/.%2e/b", "/b", false, false},
        {"/a/..b/.c/...", "/a/..b/.c/...", false, false},
        {"/a//../b", "/a/b", false, false},
        {"//x//", "//x//", true, false},
        {"/%41%c3%a4%20b", "/A\xc3\xa4 b", false, false},
        {"/%252e%252e", "/%2e%2e", false, false},
        {"/a%2Fb", "/a/b", false, true},
        {"/a%5c..%5cb", "/a\\..\\b", false, false},
        {"*", "*", true, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct http_span text = {rows[i].path, strlen(rows[i].path)};
        struct http_target target;
        char out[64];
        size_t len;

        assert_int_equal(http_target_parse(text, WEFT_HTTP_OPTIONS, &target), HTTP_FAULT_NONE);
        len = http_target_decode(target.path, out);
        assert_true(len <= text.len);
        out[len] = '\0';
        assert_string_equal(out, rows[i].decoded);
        assert_int_equal(target.is_plain, rows[i].is_plain);
        assert_int_equal(target.has_slash, rows[i].has_slash);
    }
}

/* Whatever the path, what comes out has no dot segment and stays below "/". */
static void decoded_paths_stay_inside(void **state)
{
    static const char *const parts[] = {"/", ".", "..", "a", "%2e", "%2E%2e", "//", "b.", ".c"};
    struct test_rng rng = test_rng_start("test_http_words");

    (void)state;
    for (unsigned round = 0; round < 20000; round++) {
        char path[128] = "/", out[128];
        struct http_target target;
        size_t len;

        for (uint32_t n = test_rng_below(&rng, 12); n > 0; n--)
            strcat(path, parts[test_rng_below(&rng, 9)]);
        assert_int_equal(http_target_parse((struct http_span){path, strlen(path)}, WEFT_HTTP_GET, &target),
                         0);
        len = http_target_decode(target.path, out);
        assert_true(len >= 1 && len <= strlen(path));
        out[len] = '\0';
        assert_int_equal(out[0], '/');
        assert_null(strstr(out, "/../"));
        assert_null(strstr(out, "/./"));
        assert_false(len >= 3 && strcmp(out + len - 3, "/..") == 0);
        assert_false(len >= 2 && strcmp(out + len - 2, "/.") == 0);
    }
}

static void splits_hosts(void **state)
{
    struct http_span name;
    uint16_t port;

    (void)state;
    http_target_split_host((struct http_span){"[::1]:8080", 10}, 80, &name, &port);
    assert_int_equal(name.len, 5);
    assert_int_equal(port, 8080);
    http_target_split_host((struct http_span){"h:", 2}, 80, &name, &port);
    assert_int_equal(name.len, 1);
    assert_int_equal(port, 80);
    http_target_split_host((struct http_span){"10.0.0.1", 8}, 443, &name, &port);
    assert_int_equal(name.len, 8);
    assert_int_equal(port, 443);
}

/* --- Dates --- */

#define THE_DATE 784111777 /* RFC 9110 5.6.7's example */

static void reads_dates(void **state)
{
    static const struct {
        const char *text;
        int64_t seconds; /* -1: not a date */
    } rows[] = {
        {"Sun, 06 Nov 1994 08:49:37 GMT", THE_DATE},
        {"Sunday, 06-Nov-94 08:49:37 GMT", THE_DATE},
        {"Sun Nov  6 08:49:37 1994", THE_DATE},
        {"Sun Nov 16 08:49:37 1994", THE_DATE + 10 * 86400},
        {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
        {"Tue, 29 Feb 2000 12:00:00 GMT", 951825600},
        {"Thu, 31 Dec 2099 23:59:60 GMT", 4102444800},
        {"Wednesday, 01-Jan-75 00:00:00 GMT", 3313526400}, /* 2075: not more than 50 years after 2026 */
        {"Friday, 01-Jan-77 00:00:00 GMT", 220924800},     /* 2077 would be */
        {"Mon, 29 Feb 2100 12:00:00 GMT", -1},
        {"Sun, 31 Nov 1994 08:49:37 GMT", -1},
        {"Sun, 00 Nov 1994 08:49:37 GMT", -1},
        {"Sun, 06 Nov 1994 24:49:37 GMT", -1},
        {"Sun, 06 Nov 1994 08:60:37 GMT", -1},
        {"Sun, 06 Nov 1994 08:49:61 GMT", -1},
        {"Sun, 6 Nov 1994 08:49:37 GMT", -1},
        {"sun, 06 Nov 1994 08:49:37 GMT", -1},
        {"Sun, 06 nov 1994 08:49:37 GMT", -1},
        {"Sun, 06 Nov 1994 08:49:37 UTC", -1},
        {"Sun, 06 Nov 1994 08:49:37 GMT ", -1},
        {"Sun, 06 Nov 1994 08:49:37", -1},
        {"Sun, 06 Nov 94 08:49:37 GMT", -1},
        {"Sun  Nov 6 08:49:37 1994", -1},
        {"1994-11-06T08:49:37Z", -1},
        {"", -1},
        {"Sun", -1},
        {"Sunday", -1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t out = -1;
        int error = weft_http_date_parse(rows[i].text, 1780000000, &out);

        assert_int_equal(error, rows[i].seconds < 0 ? WEFT_E_BADFORMAT : 0);
        assert_int_equal(out, rows[i].seconds);
    }
}

static void dates_round_trip(void **state)
{
    struct test_rng rng = test_rng_start("test_http_words");
    char text[WEFT_HTTP_DATE_STRLEN];
    int64_t out;

    (void)state;
    assert_string_equal(weft_http_date_format(THE_DATE, text), "Sun, 06 Nov 1994 08:49:37 GMT");
    assert_string_equal(weft_http_date_format(-1, text), "Wed, 31 Dec 1969 23:59:59 GMT");
    for (unsigned round = 0; round < 20000; round++) {
        int64_t seconds = (int64_t)(test_rng_u64(&rng) % 253402300800u);

        assert_int_equal(weft_http_date_parse(weft_http_date_format(seconds, text), 0, &out), 0);
        assert_int_equal(out, seconds);
    }
}

/* --- Conditions --- */

static unsigned judge(const char *method, const char *fields, bool exists, const char *etag, int64_t modified,
                      bool *allows_range)
{
    static const struct weft_http_limits limits = {
        .start_line = 200, .field_bytes = 1000, .fields = 16, .chunk_ext = 64, .body = 1000, .discard = 100};
    struct http_validator v = {exists, etag, modified};
    struct http_line lines[16];
    struct http_head head;
    char text[1024];

    snprintf(text, sizeof(text), "%s / HTTP/1.1\r\nHost: h\r\n%s\r\n", method, fields);
    http_head_start(&head, false, &limits, lines);
    assert_int_equal(http_head_read(&head, text, (uint32_t)strlen(text), false), HTTP_HEAD_DONE);
    if (allows_range)
        *allows_range = http_cond_allows_range(&head, text, &v, 1780000000);
    return http_cond_judge(&head, text, &v, 1780000000);
}

#define BEFORE "Sun, 06 Nov 1994 08:49:36 GMT"
#define SAME   "Sun, 06 Nov 1994 08:49:37 GMT"
#define AFTER  "Sun, 06 Nov 1994 08:49:38 GMT"

static void judges_conditions(void **state)
{
    /* For a representation with ETag "x", modified at SAME. */
    static const struct {
        const char *method, *fields;
        unsigned status;
    } rows[] = {
        {"GET", "", 0},
        {"GET", "If-None-Match: \"x\"\r\n", 304},
        {"HEAD", "If-None-Match: \"x\"\r\n", 304},
        {"PUT", "If-None-Match: \"x\"\r\n", 412},
        {"GET", "If-None-Match: W/\"x\"\r\n", 304},
        {"GET", "If-None-Match: \"y\"\r\n", 0},
        {"GET", "If-None-Match: \"y\", \"x\"\r\n", 304},
        {"GET", "If-None-Match: \"y\"\r\nIf-None-Match: \"x\"\r\n", 304},
        {"GET", "If-None-Match: ,, \"a,b\" ,W/\"x\",\r\n", 304},
        {"GET", "If-None-Match: \"a, \"x\"\r\n", 0},
        {"GET", "If-None-Match: x\r\n", 0},
        {"GET", "If-None-Match: *\r\n", 304},
        {"PUT", "If-None-Match: *\r\n", 412},
        {"GET", "If-Match: \"x\"\r\n", 0},
        {"GET", "If-Match: W/\"x\"\r\n", 412},
        {"GET", "If-Match: \"y\"\r\n", 412},
        {"GET", "If-Match: *\r\n", 0},
        {"GET", "If-Modified-Since: " BEFORE "\r\n", 0},
        {"GET", "If-Modified-Since: " SAME "\r\n", 304},
        {"GET", "If-Modified-Since: " AFTER "\r\n", 304},
        {"POST", "If-Modified-Since: " AFTER "\r\n", 0},
        {"GET", "If-Modified-Since: yesterday\r\n", 0},
        {"GET", "If-Modified-Since: " AFTER "\r\nIf-Modified-Since: " AFTER "\r\n", 0},
        {"GET", "If-None-Match: \"y\"\r\nIf-Modified-Since: " AFTER "\r\n", 0},
        {"GET", "If-None-Match: \"x\"\r\nIf-Modified-Since: " BEFORE "\r\n", 304},
        {"GET", "If-Unmodified-Since: " BEFORE "\r\n", 412},
        {"POST", "If-Unmodified-Since: " SAME "\r\n", 0},
        {"GET", "If-Match: \"x\"\r\nIf-Unmodified-Since: " BEFORE "\r\n", 0},
        {"GET", "If-Match: \"y\"\r\nIf-None-Match: \"x\"\r\n", 412},
        {"GET", "If-Match: \"x\"\r\nIf-None-Match: \"x\"\r\n", 304},
        {"GET", "If-Unmodified-Since: " AFTER "\r\nIf-Modified-Since: " AFTER "\r\n", 304},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        unsigned status = judge(rows[i].method, rows[i].fields, true, "\"x\"", THE_DATE, NULL);

        if (status != rows[i].status)
            fail_msg("%s with %s: %u", rows[i].method, rows[i].fields, status);
    }
    assert_int_equal(judge("PUT", "If-Match: *\r\n", false, NULL, WEFT_HTTP_NO_DATE, NULL), 412);
    assert_int_equal(judge("PUT", "If-None-Match: *\r\n", false, NULL, WEFT_HTTP_NO_DATE, NULL), 0);
    assert_int_equal(judge("GET", "If-None-Match: W/\"x\"\r\n", true, "W/\"x\"", THE_DATE, NULL), 304);
    assert_int_equal(judge("GET", "If-None-Match: \"\"\r\n", true, "\"\"", THE_DATE, NULL), 304);
    assert_int_equal(judge("GET", "If-None-Match: \"\"\r\n", true, "\"x\"", THE_DATE, NULL), 0);
    assert_int_equal(judge("GET", "If-Match: \"x\"\r\n", true, "W/\"x\"", THE_DATE, NULL), 412);
    assert_int_equal(judge("GET", "If-Modified-Since: " AFTER "\r\n", true, NULL, WEFT_HTTP_NO_DATE, NULL),
                     0);
}

static void judges_if_range(void **state)
{
    static const struct {
        const char *fields, *etag;
        bool allows;
    } rows[] = {
        {"", "\"x\"", true},
        {"If-Range: \"x\"\r\n", "\"x\"", true},
        {"If-Range: \"a,b\"\r\n", "\"a,b\"", true},
        {"If-Range: \"y\"\r\n", "\"x\"", false},
        {"If-Range: W/\"x\"\r\n", "\"x\"", false},
        {"If-Range: \"x\"\r\n", "W/\"x\"", false},
        {"If-Range: \"x\", \"y\"\r\n", "\"x\"", false},
        {"If-Range: \"x\"\r\nIf-Range: \"x\"\r\n", "\"x\"", false},
        {"If-Range: " SAME "\r\n", NULL, true},
        {"If-Range: " AFTER "\r\n", NULL, false},
        {"If-Range: " SAME "\r\n", "\"x\"", false},
        {"If-Range: x\r\n", NULL, false},
        {"If-Range: \r\n", "\"x\"", false},
    };
    bool allows;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        judge("GET", rows[i].fields, true, rows[i].etag, THE_DATE, &allows);
        if (allows != rows[i].allows)
            fail_msg("%s", rows[i].fields);
    }
}

/* --- Ranges --- */

static void reads_ranges(void **state)
{
    /* Of 10000 bytes, as in RFC 9110 14.1.2. */
    static const struct {
        const char *value;
        enum http_range_result result;
        unsigned count;
        struct http_range range[3];
    } rows[] = {
        {"bytes=0-499", HTTP_RANGE_SOME, 1, {{0, 499}}},
        {"bytes=500-999", HTTP_RANGE_SOME, 1, {{500, 999}}},
        {"bytes=-500", HTTP_RANGE_SOME, 1, {{9500, 9999}}},
        {"bytes=9500-", HTTP_RANGE_SOME, 1, {{9500, 9999}}},
        {"bytes=0-0,-1", HTTP_RANGE_SOME, 2, {{0, 0}, {9999, 9999}}},
        {"bytes= 0-999, 4500-5499, -1000", HTTP_RANGE_SOME, 3, {{0, 999}, {4500, 5499}, {9000, 9999}}},
        {"bytes=500-600,601-999", HTTP_RANGE_SOME, 1, {{500, 999}}},
        {"bytes=500-700,601-999", HTTP_RANGE_SOME, 1, {{500, 999}}},
        {"bytes=0-0,60-60", HTTP_RANGE_SOME, 1, {{0, 60}}},
        {"bytes=5000-5001,0-1", HTTP_RANGE_SOME, 2, {{5000, 5001}, {0, 1}}},
        {"bytes=5000-5001,0-1,2-4990", HTTP_RANGE_SOME, 1, {{0, 5001}}},
        {"BYTES=0-", HTTP_RANGE_SOME, 1, {{0, 9999}}},
        {"bytes=0-99999999999999999999999999", HTTP_RANGE_SOME, 1, {{0, 9999}}},
        {"bytes=-99999999999999999999999999", HTTP_RANGE_SOME, 1, {{0, 9999}}},
        {"bytes=,0-1,,", HTTP_RANGE_SOME, 1, {{0, 1}}},
        {"bytes=20000-,1-1", HTTP_RANGE_SOME, 1, {{1, 1}}},
        {"bytes=10000-", HTTP_RANGE_NONE, 0, {{0, 0}}},
        {"bytes=99999999999999999999999999-", HTTP_RANGE_NONE, 0, {{0, 0}}},
        {"bytes=-0", HTTP_RANGE_NONE, 0, {{0, 0}}},
        {"bytes=2-1", HTTP_RANGE_IGNORE, 0, {{0, 0}}},
        {"bytes=0-1,2-1", HTTP_RANGE_IGNORE, 0, {{0, 0}}},
        {"bytes=", HTTP_RANGE_IGNORE, 0, {{0, 0}}},
        {"bytes=,", HTTP_RANGE_IGNORE, 0, {{0, 0}}},
        {"bytes=-", HTTP_RANGE_IGNORE, 0, {{0, 0}}},
        {"bytes=a-b", HTTP_RANGE_IGNORE, 0, {{0, 0}}},
        {"bytes=0 - 1", HTTP_RANGE_IGNORE, 0, {{0, 0}}},
        {"bytes=1", HTTP_RANGE_IGNORE, 0, {{0, 0}}},
        {"bytes=--1", HTTP_RANGE_IGNORE, 0, {{0, 0}}},
        {"bytes 0-1", HTTP_RANGE_IGNORE, 0, {{0, 0}}},
        {"lines=0-1", HTTP_RANGE_IGNORE, 0, {{0, 0}}},
        {"0-1", HTTP_RANGE_IGNORE, 0, {{0, 0}}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct http_ranges ranges;
        enum http_range_result result = http_range_parse(rows[i].value, 10000, &ranges);

        if (result != rows[i].result)
            fail_msg("%s: %d", rows[i].value, result);
        if (result != HTTP_RANGE_SOME)
            continue;
        assert_int_equal(ranges.count, rows[i].count);
        assert_memory_equal(ranges.range, rows[i].range, rows[i].count * sizeof(struct http_range));
    }
}

static void bounds_the_ranges(void **state)
{
    struct http_ranges ranges;
    char value[4096] = "bytes=";
    size_t len = 6;

    (void)state;
    for (unsigned i = 0; i < HTTP_RANGES_MAX; i++)
        len += (size_t)sprintf(value + len, "%u-%u,", i * 1000, i * 1000);
    assert_int_equal(http_range_parse(value, 1000000, &ranges), HTTP_RANGE_SOME);
    assert_int_equal(ranges.count, HTTP_RANGES_MAX);
    sprintf(value + len, "900000-");
    assert_int_equal(http_range_parse(value, 1000000, &ranges), HTTP_RANGE_IGNORE);
}

/* Random sets: every byte asked for is in exactly one range, and no two ranges are close. */
static void ranges_cover_what_was_asked(void **state)
{
    struct test_rng rng = test_rng_start("test_http_words");

    (void)state;
    for (unsigned round = 0; round < 5000; round++) {
        bool wanted[2000] = {false}, given[2000] = {false};
        struct http_ranges ranges;
        char value[512] = "bytes=";
        size_t len = 6;

        for (uint32_t n = test_rng_between(&rng, 1, 8); n > 0; n--) {
            uint32_t first = test_rng_below(&rng, 2000);
            uint32_t last = first + test_rng_below(&rng, 200);

            len += (size_t)sprintf(value + len, "%u-%u,", first, last);
            for (uint32_t i = first; i <= last && i < 2000; i++)
                wanted[i] = true;
        }
        assert_int_equal(http_range_parse(value, 2000, &ranges), HTTP_RANGE_SOME);
        for (unsigned r = 0; r < ranges.count; r++)
            for (uint64_t i = ranges.range[r].first; i <= ranges.range[r].last; i++) {
                assert_false(given[i]);
                given[i] = true;
            }
        for (unsigned i = 0; i < 2000; i++)
            assert_true(given[i] || !wanted[i]);
    }
}

/* --- Lists and numbers --- */

static void takes_lists_apart(void **state)
{
    struct http_span list = {" a , b,,c\t", 10}, element;
    static const char *const elements[] = {"a", "b", "", "c"};
    size_t cursor = 0;
    uint64_t number;

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        assert_true(http_text_next(list, &cursor, &element));
        assert_int_equal(element.len, strlen(elements[i]));
        assert_memory_equal(element.at, elements[i], element.len);
    }
    assert_false(http_text_next(list, &cursor, &element));
    assert_true(http_text_has("Keep-Alive, Close", "close"));
    assert_false(http_text_has("closed", "close"));
    assert_true(http_text_number("9223372036854775807", 19, &number) && number == INT64_MAX);
    assert_false(http_text_number("9223372036854775808", 19, &number));
    assert_false(http_text_number("", 0, &number));
    assert_false(http_text_is_value("a\r\nb"));
    assert_true(http_text_is_value(""));
}

static void knows_the_phrases(void **state)
{
    (void)state;
    assert_string_equal(weft_http_reason(404), "Not Found");
    assert_string_equal(weft_http_reason(299), "");
    for (enum http_fault fault = 1; fault < HTTP_FAULT_COUNT; fault++) {
        assert_string_not_equal(weft_http_reason(http_fault_status(fault)), "");
        assert_true(strlen(http_fault_text(fault)) > 10);
        assert_memory_equal(http_fault_source(fault), "RFC ", 4);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes_paths),     cmocka_unit_test(decoded_paths_stay_inside),
        cmocka_unit_test(splits_hosts),      cmocka_unit_test(reads_dates),
        cmocka_unit_test(dates_round_trip),  cmocka_unit_test(judges_conditions),
        cmocka_unit_test(judges_if_range),   cmocka_unit_test(reads_ranges),
        cmocka_unit_test(bounds_the_ranges), cmocka_unit_test(ranges_cover_what_was_asked),
        cmocka_unit_test(takes_lists_apart), cmocka_unit_test(knows_the_phrases),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
