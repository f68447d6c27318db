/* SPDX-License-Identifier: MIT */
/*
 * Heads: what is accepted and what it means, what is refused and why, and that
 * neither depends on how the bytes are cut.
 */
#include "support.h"

#include <stdio.h>

#include "http/head.h"

#define FIELDS 8
#define ROOM   4096

static const struct weft_http_limits limits = {.start_line = 200,
                                               .field_bytes = 400,
                                               .fields = FIELDS,
                                               .chunk_ext = 64,
                                               .body = 1000000,
                                               .discard = 100};

struct parsed {
    char buf[ROOM];
    struct http_line lines[FIELDS];
    struct http_head head;
    enum http_head_result result;
};

/* Reads `len` octets that come in pieces of `first`, then `rest`. */
static void parse_cut(struct parsed *p, const char *text, size_t len, size_t first, size_t rest,
                      bool is_response, bool to_head)
{
    size_t have = 0, next = first;

    assert_true(len < ROOM);
    http_head_start(&p->head, is_response, &limits, p->lines);
    memset(p->buf, 0x5a, sizeof(p->buf));
    p->result = HTTP_HEAD_MORE;
    while (p->result == HTTP_HEAD_MORE && have < len) {
        size_t n = next < len - have ? next : len - have;

        memcpy(p->buf + have, text + have, n);
        have += n;
        p->result = http_head_read(&p->head, p->buf, (uint32_t)have, to_head);
        next = rest;
    }
}

/* The parts of a verdict that must not depend on the cut. */
static void assert_same(const struct parsed *a, const struct parsed *b)
{
    assert_int_equal(a->result, b->result);
    assert_int_equal(a->head.fault, b->head.fault);
    if (a->result != HTTP_HEAD_DONE)
        return;
    assert_int_equal(a->head.len, b->head.len);
    assert_int_equal(a->head.nlines, b->head.nlines);
    assert_int_equal(a->head.body, b->head.body);
    assert_int_equal(a->head.length, b->head.length);
    assert_int_equal(a->head.persists, b->head.persists);
    assert_memory_equal(a->buf, b->buf, a->head.len);
    assert_memory_equal(a->lines, b->lines, a->head.nlines * sizeof(struct http_line));
}

/* Whole, cut at every octet once, and octet by octet. */
static void parse(struct parsed *p, const char *text, bool is_response, bool to_head)
{
    static struct parsed other;
    size_t len = strlen(text);

    parse_cut(p, text, len, len, 1, is_response, to_head);
    for (size_t cut = 1; cut < len; cut++) {
        parse_cut(&other, text, len, cut, len, is_response, to_head);
        assert_same(p, &other);
    }
    parse_cut(&other, text, len, 1, 1, is_response, to_head);
    assert_same(p, &other);
}

static struct parsed request, response;

static void parse_request(const char *text)
{
    parse(&request, text, false, false);
}

static const char *span_text(struct http_span span)
{
    static char text[8][256];
    static unsigned turn;
    char *out = text[turn++ % 8];

    snprintf(out, 256, "%.*s", (int)span.len, span.at ? span.at : "");
    return out;
}

/* --- Requests that are good --- */

static void reads_a_simple_request(void **state)
{
    (void)state;
    parse_request(
        "GET /where?q=now HTTP/1.1\r\nHost: www.example.org\r\nAccept:  text/html \t\r\nX:\r\n\r\nrest");
    assert_int_equal(request.result, HTTP_HEAD_DONE);
    assert_int_equal(request.head.method, WEFT_HTTP_GET);
    assert_int_equal(request.head.minor, 1);
    assert_string_equal(span_text(request.head.target.path), "/where");
    assert_string_equal(span_text(request.head.target.query), "q=now");
    assert_string_equal(span_text(request.head.host), "www.example.org");
    assert_string_equal(http_head_find(&request.head, request.buf, "accept"), "text/html");
    assert_string_equal(http_head_find(&request.head, request.buf, "X"), "");
    assert_null(http_head_find(&request.head, request.buf, "Y"));
    assert_int_equal(request.head.body, HTTP_BODY_NONE);
    assert_true(request.head.persists);
    assert_memory_equal(request.buf + request.head.len, "rest", 4);
}

static void knows_the_methods(void **state)
{
    static const struct {
        const char *name;
        enum weft_http_method method;
    } rows[] = {
        {"GET", WEFT_HTTP_GET},       {"HEAD", WEFT_HTTP_HEAD},
        {"POST", WEFT_HTTP_POST},     {"PUT", WEFT_HTTP_PUT},
        {"DELETE", WEFT_HTTP_DELETE}, {"TRACE", WEFT_HTTP_TRACE},
        {"PATCH", WEFT_HTTP_PATCH},   {"get", WEFT_HTTP_OTHER},
        {"BREW", WEFT_HTTP_OTHER},    {"M-SEARCH!#$%&'*+.^_`|~9", WEFT_HTTP_OTHER},
    };
    char text[128];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        snprintf(text, sizeof(text), "%s / HTTP/1.1\r\nHost: h\r\n\r\n", rows[i].name);
        parse_request(text);
        assert_int_equal(request.result, HTTP_HEAD_DONE);
        assert_int_equal(request.head.method, rows[i].method);
        assert_string_equal(request.buf + request.head.method_name, rows[i].name);
    }
}

static void knows_the_forms_of_a_target(void **state)
{
    static const struct {
        const char *line, *path, *query, *host;
    } rows[] = {
        {"GET / HTTP/1.1", "/", NULL, "h"},
        {"GET /? HTTP/1.1", "/", "", "h"},
        {"GET //a//b HTTP/1.1", "//a//b", NULL, "h"},
        {"GET http://example.org/x?y HTTP/1.1", "/x", "y", "example.org"},
        {"GET HTTP://EXAMPLE.org:8080 HTTP/1.1", "/", NULL, "EXAMPLE.org:8080"},
        {"GET http://[2001:db8::1]:80?q HTTP/1.1", "/", "q", "[2001:db8::1]:80"},
        {"OPTIONS * HTTP/1.1", "*", NULL, "h"},
        {"OPTIONS http://www.example.org:8001 HTTP/1.1", "*", NULL, "www.example.org:8001"},
        {"OPTIONS http://www.example.org/ HTTP/1.1", "/", NULL, "www.example.org"},
        {"CONNECT www.example.com:80 HTTP/1.1", "", NULL, "www.example.com:80"},
        {"GET /a[]{}|\\^`?b[]{}|\\^`=1 HTTP/1.1", "/a[]{}|\\^`", "b[]{}|\\^`=1", "h"},
        {"GET /%41%2f%2E HTTP/1.1", "/%41%2f%2E", NULL, "h"},
    };
    char text[256];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        snprintf(text, sizeof(text), "%s\r\nHost: h\r\n\r\n", rows[i].line);
        parse_request(text);
        assert_int_equal(request.head.fault, HTTP_FAULT_NONE);
        assert_string_equal(span_text(request.head.target.path), rows[i].path);
        assert_string_equal(span_text(request.head.host), rows[i].host);
        if (rows[i].query)
            assert_string_equal(span_text(request.head.target.query), rows[i].query);
        else
            assert_null(request.head.target.query.at);
    }
}

/* What follows the Host line; and what it means. */
static void reads_framing_and_persistence(void **state)
{
    static const struct {
        const char *version, *fields;
        enum http_body_kind body;
        uint64_t length;
        bool persists, expects;
    } rows[] = {
        {"1.1", "", HTTP_BODY_NONE, 0, true, false},
        {"1.0", "", HTTP_BODY_NONE, 0, false, false},
        {"1.9", "", HTTP_BODY_NONE, 0, true, false},
        {"1.1", "Connection: close\r\n", HTTP_BODY_NONE, 0, false, false},
        {"1.1", "Connection: x, CLOSE ,y\r\n", HTTP_BODY_NONE, 0, false, false},
        {"1.1", "Connection: closed\r\n", HTTP_BODY_NONE, 0, true, false},
        {"1.1", "Connection: keep-alive\r\nConnection: close\r\n", HTTP_BODY_NONE, 0, false, false},
        {"1.0", "Connection: Keep-Alive\r\n", HTTP_BODY_NONE, 0, true, false},
        {"1.1", "Content-Length: 0\r\n", HTTP_BODY_NONE, 0, true, false},
        {"1.1", "content-length:\t0042 \r\n", HTTP_BODY_LENGTH, 42, true, false},
        {"1.1", "Content-Length: 9223372036854775807\r\n", HTTP_BODY_LENGTH, INT64_MAX, true, false},
        {"1.1", "Transfer-Encoding: chunked\r\n", HTTP_BODY_CHUNKED, 0, true, false},
        {"1.1", "TRANSFER-ENCODING: \t CHUNKED\t\r\n", HTTP_BODY_CHUNKED, 0, true, false},
        {"1.1", "Content-Length: 5\r\nExpect: 100-Continue\r\n", HTTP_BODY_LENGTH, 5, true, true},
        {"1.1", "Expect: 100-continue\r\n", HTTP_BODY_NONE, 0, true, false},
        {"1.0", "Content-Length: 5\r\nExpect: 100-continue, x\r\n", HTTP_BODY_LENGTH, 5, false, false},
        {"1.1", "X-Transfer-Encoding: gzip\r\nX: \x80\xff\r\n", HTTP_BODY_NONE, 0, true, false},
        /* Names as long as those that matter. */
        {"1.1",
         "Date: a b\r\nCookie: x\r\nUser-Agent: close\r\nIf-Range-Of-Us: x\r\nAccess-Control-Ok: gzip\r\n",
         HTTP_BODY_NONE, 0, true, false},
    };
    char text[256];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        snprintf(text, sizeof(text), "POST / HTTP/%s\r\nHost: h\r\n%s\r\n", rows[i].version, rows[i].fields);
        parse_request(text);
        assert_int_equal(request.head.fault, HTTP_FAULT_NONE);
        assert_int_equal(request.result, HTTP_HEAD_DONE);
        assert_int_equal(request.head.body, rows[i].body);
        if (rows[i].body == HTTP_BODY_LENGTH)
            assert_int_equal(request.head.length, rows[i].length);
        assert_int_equal(request.head.persists, rows[i].persists);
        assert_int_equal(request.head.expects_continue, rows[i].expects);
    }
}

static void forgives_two_empty_lines_before(void **state)
{
    (void)state;
    parse_request("\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_int_equal(request.result, HTTP_HEAD_DONE);
    parse_request("\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_int_equal(request.head.fault, HTTP_FAULT_EMPTY_LINES);
}

static void http_1_0_needs_no_host(void **state)
{
    (void)state;
    parse_request("GET / HTTP/1.0\r\n\r\n");
    assert_int_equal(request.result, HTTP_HEAD_DONE);
    assert_int_equal(request.head.host.len, 0);
}

/* --- Requests that are refused --- */

static void assert_fault(const char *text, enum http_fault fault)
{
    parse_request(text);
    if (request.head.fault != fault)
        fail_msg("\"%s\" was judged %d (%s), not %d (%s)", text, request.head.fault,
                 http_fault_text(request.head.fault), fault, http_fault_text(fault));
    assert_int_equal(request.result, fault ? HTTP_HEAD_FAULT : HTTP_HEAD_DONE);
}

static void refuses_bad_request_lines(void **state)
{
    static const struct {
        const char *line;
        enum http_fault fault;
    } rows[] = {
        {"GET /", HTTP_FAULT_START_LINE},
        {"GET", HTTP_FAULT_START_LINE},
        {"GET  / HTTP/1.1", HTTP_FAULT_START_LINE},
        {"GET / ", HTTP_FAULT_VERSION},
        {"GET /  HTTP/1.1", HTTP_FAULT_VERSION},
        {"GET / HTTP/1.1 ", HTTP_FAULT_VERSION},
        {"GET /\tHTTP/1.1", HTTP_FAULT_START_LINE},
        {"GET\t/ HTTP/1.1", HTTP_FAULT_METHOD},
        {" GET / HTTP/1.1", HTTP_FAULT_METHOD},
        {"G(T / HTTP/1.1", HTTP_FAULT_METHOD},
        {"\x16\x03\x01 / HTTP/1.1", HTTP_FAULT_METHOD},
        {"GET / http/1.1", HTTP_FAULT_VERSION},
        {"GET / HTTP/11", HTTP_FAULT_VERSION},
        {"GET / HTTP/1.10", HTTP_FAULT_VERSION},
        {"GET / HTTP/1,1", HTTP_FAULT_VERSION},
        {"GET / HTTP/0.9", HTTP_FAULT_VERSION_MAJOR},
        {"GET / HTTP/2.0", HTTP_FAULT_VERSION_MAJOR},
        {"PRI * HTTP/2.0", HTTP_FAULT_VERSION_MAJOR},
        {"GET /a b HTTP/1.1", HTTP_FAULT_VERSION},
        {"GET /a#b HTTP/1.1", HTTP_FAULT_TARGET},
        {"GET /a\"b HTTP/1.1", HTTP_FAULT_TARGET},
        {"GET /<a> HTTP/1.1", HTTP_FAULT_TARGET},
        {"GET /\x7f HTTP/1.1", HTTP_FAULT_TARGET},
        {"GET /\xc3\xa4 HTTP/1.1", HTTP_FAULT_TARGET},
        {"GET /a\rb HTTP/1.1", HTTP_FAULT_TARGET},
        {"GET /% HTTP/1.1", HTTP_FAULT_TARGET_ESCAPE},
        {"GET /%4 HTTP/1.1", HTTP_FAULT_TARGET_ESCAPE},
        {"GET /%4g HTTP/1.1", HTTP_FAULT_TARGET_ESCAPE},
        {"GET /a%00b HTTP/1.1", HTTP_FAULT_TARGET_ESCAPE},
        {"GET * HTTP/1.1", HTTP_FAULT_TARGET_FORM},
        {"GET a HTTP/1.1", HTTP_FAULT_TARGET_FORM},
        {"GET ?a HTTP/1.1", HTTP_FAULT_TARGET_FORM},
        {"GET h:80 HTTP/1.1", HTTP_FAULT_TARGET_FORM},
        {"GET http:/h/ HTTP/1.1", HTTP_FAULT_TARGET_FORM},
        {"OPTIONS ** HTTP/1.1", HTTP_FAULT_TARGET_FORM},
        {"CONNECT / HTTP/1.1", HTTP_FAULT_TARGET_FORM},
        {"CONNECT h HTTP/1.1", HTTP_FAULT_TARGET_FORM},
        {"CONNECT h: HTTP/1.1", HTTP_FAULT_TARGET_FORM},
        {"CONNECT h:99999 HTTP/1.1", HTTP_FAULT_TARGET_FORM},
        {"CONNECT http://h/ HTTP/1.1", HTTP_FAULT_TARGET_FORM},
        {"GET http:///x HTTP/1.1", HTTP_FAULT_HOST},
        {"GET http://u@h/ HTTP/1.1", HTTP_FAULT_TARGET_USER},
        {"GET http://h:x/ HTTP/1.1", HTTP_FAULT_HOST},
        {"GET http://[::1/ HTTP/1.1", HTTP_FAULT_HOST},
        {"GET https://h/ HTTP/1.1", HTTP_FAULT_TARGET_SCHEME},
        {"GET ftp://h/ HTTP/1.1", HTTP_FAULT_TARGET_SCHEME},
    };
    char text[256];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        snprintf(text, sizeof(text), "%s\r\nHost: h\r\n\r\n", rows[i].line);
        assert_fault(text, rows[i].fault);
    }
}

/* What a request smuggler would send, among others: after the request line and Host. */
static void refuses_bad_fields(void **state)
{
    static const struct {
        const char *fields;
        enum http_fault fault;
    } rows[] = {
        {"X : y\r\n", HTTP_FAULT_FIELD_SPACE},
        {"X\t: y\r\n", HTTP_FAULT_FIELD_SPACE},
        {"Content-Length : 5\r\n", HTTP_FAULT_FIELD_SPACE},
        {"Transfer-Encoding : chunked\r\n", HTTP_FAULT_FIELD_SPACE},
        {"X y: z\r\n", HTTP_FAULT_FIELD_SPACE},
        {": y\r\n", HTTP_FAULT_FIELD_NAME},
        {"X\r\n", HTTP_FAULT_FIELD_NAME},
        {"X@Y: z\r\n", HTTP_FAULT_FIELD_NAME},
        {"\x80: z\r\n", HTTP_FAULT_FIELD_NAME},
        {"X: a\r\n b\r\n", HTTP_FAULT_FOLD},
        {"Transfer-Encoding:\r\n chunked\r\n", HTTP_FAULT_FOLD},
        {"X: a\r\n\t\r\n", HTTP_FAULT_FOLD},
        {"X: a\n", HTTP_FAULT_LINE_END},
        {"X: a\nY: b\r\n", HTTP_FAULT_LINE_END},
        {"X: a\rY: b\r\n", HTTP_FAULT_FIELD_VALUE},
        {"X: a\r\r\n", HTTP_FAULT_FIELD_VALUE},
        {"X: \x01\r\n", HTTP_FAULT_FIELD_VALUE},
        {"X: \x7f\r\n", HTTP_FAULT_FIELD_VALUE},
        {"X: a\x0b"
         "b\r\n",
         HTTP_FAULT_FIELD_VALUE},
        {"\n", HTTP_FAULT_LINE_END},
        {"Host: h\r\n", HTTP_FAULT_HOST_TWICE},
        {"host: other\r\n", HTTP_FAULT_HOST_TWICE},
        {"Content-Length: \r\n", HTTP_FAULT_LENGTH},
        {"Content-Length: +5\r\n", HTTP_FAULT_LENGTH},
        {"Content-Length: -1\r\n", HTTP_FAULT_LENGTH},
        {"Content-Length: 0x5\r\n", HTTP_FAULT_LENGTH},
        {"Content-Length: 5 5\r\n", HTTP_FAULT_LENGTH},
        {"Content-Length: 5,5\r\n", HTTP_FAULT_LENGTH},
        {"Content-Length: 5, 6\r\n", HTTP_FAULT_LENGTH},
        {"Content-Length: 5\r\nContent-Length: 5\r\n", HTTP_FAULT_LENGTH_TWICE},
        {"Content-Length: 5\r\nContent-Length: 6\r\n", HTTP_FAULT_LENGTH_TWICE},
        {"Content-Length: 5\r\ncontent-length: 0\r\n", HTTP_FAULT_LENGTH_TWICE},
        {"Content-Length: 9223372036854775808\r\n", HTTP_FAULT_BODY_LARGE},
        {"Content-Length: 99999999999999999999999999\r\n", HTTP_FAULT_BODY_LARGE},
        {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", HTTP_FAULT_CODING_LENGTH},
        {"Transfer-Encoding: chunked\r\nContent-Length: 0\r\n", HTTP_FAULT_CODING_LENGTH},
        {"Transfer-Encoding: gzip\r\n", HTTP_FAULT_CODING_LAST},
        {"Transfer-Encoding: identity\r\n", HTTP_FAULT_CODING_LAST},
        {"Transfer-Encoding: chunked, gzip\r\n", HTTP_FAULT_CODING_LAST},
        {"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", HTTP_FAULT_CODING_LAST},
        {"Transfer-Encoding: gzip, chunked\r\n", HTTP_FAULT_CODING_UNKNOWN},
        {"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", HTTP_FAULT_CODING_UNKNOWN},
        {"Transfer-Encoding: identity, chunked\r\n", HTTP_FAULT_CODING_UNKNOWN},
        {"Transfer-Encoding: chunked, chunked\r\n", HTTP_FAULT_CODING_TWICE},
        {"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", HTTP_FAULT_CODING_TWICE},
        {"Transfer-Encoding: xchunked\r\n", HTTP_FAULT_CODING_LAST},
        {"Transfer-Encoding: chunkedx\r\n", HTTP_FAULT_CODING_LAST},
        {"Transfer-Encoding: chunked;a=b\r\n", HTTP_FAULT_CODING},
        {"Transfer-Encoding: \"chunked\"\r\n", HTTP_FAULT_CODING},
        {"Transfer-Encoding: \r\n", HTTP_FAULT_CODING},
        {"Transfer-Encoding: chunked,\r\n", HTTP_FAULT_CODING},
        {"Transfer-Encoding: ,chunked\r\n", HTTP_FAULT_CODING},
        {"Transfer-Encoding: \x0b"
         "chunked\r\n",
         HTTP_FAULT_FIELD_VALUE},
        {"Expect: 200-ok\r\n", HTTP_FAULT_EXPECTATION},
        {"Content-Length: 1\r\nExpect: 100-continue, x=y\r\n", HTTP_FAULT_EXPECTATION},
    };
    char text[256];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        snprintf(text, sizeof(text), "POST / HTTP/1.1\r\nHost: h\r\n%s\r\n", rows[i].fields);
        assert_fault(text, rows[i].fault);
    }
    assert_fault("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", HTTP_FAULT_CODING_OLD);
    assert_fault("POST / HTTP/1.0\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
                 HTTP_FAULT_CODING_OLD);
    assert_fault("GET / HTTP/1.1\r\n Host: h\r\n\r\n", HTTP_FAULT_FIRST_SPACE);
    assert_fault("GET / HTTP/1.1\r\n\r\n", HTTP_FAULT_HOST_MISSING);
    assert_fault("GET / HTTP/1.1\r\nX: y\r\n\r\n", HTTP_FAULT_HOST_MISSING);
    assert_fault("GET / HTTP/1.1\n\nHost: h\r\n\r\n", HTTP_FAULT_LINE_END);
    assert_fault("\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", HTTP_FAULT_LINE_END);
}

static void refuses_nul(void **state)
{
    static const char in_name[] = "GET / HTTP/1.1\r\nHo\0st: h\r\n\r\n";
    static const char in_value[] = "GET / HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n";
    static const char in_target[] = "GET /\0 HTTP/1.1\r\nHost: h\r\n\r\n";

    (void)state;
    parse_cut(&request, in_name, sizeof(in_name) - 1, 1, 1, false, false);
    assert_int_equal(request.head.fault, HTTP_FAULT_FIELD_NAME);
    parse_cut(&request, in_value, sizeof(in_value) - 1, 1, 1, false, false);
    assert_int_equal(request.head.fault, HTTP_FAULT_FIELD_VALUE);
    parse_cut(&request, in_target, sizeof(in_target) - 1, 1, 1, false, false);
    assert_int_equal(request.head.fault, HTTP_FAULT_TARGET);
}

static void judges_hosts(void **state)
{
    static const struct {
        const char *host;
        bool good;
    } rows[] = {
        {"", true},        {"a", true},        {"a.b-c_d~e", true},  {"a:1", true},  {"a:", true},
        {"[::1]", true},   {"[::1]:8", true},  {"1.2.3.4:80", true}, {"%41b", true}, {"a!$&'()*+,;=b", true},
        {"a:65535", true}, {"a:65536", false}, {":80", false},       {"a b", false}, {"a,b", true},
        {"a/b", false},    {"u@h", false},     {"[::1", false},      {"[g]", false}, {"a:b:1", false},
        {"%4", false},     {"a\x80", false},   {"a:1:2", false},     {"[]", false},  {"h#", false},
    };
    char text[256];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", rows[i].host);
        assert_fault(text, rows[i].good ? HTTP_FAULT_NONE : HTTP_FAULT_HOST);
    }
}

/* --- Limits --- */

static void fill(char *out, const char *before, char c, size_t n, const char *after)
{
    size_t len = strlen(before);

    memcpy(out, before, len);
    memset(out + len, c, n);
    strcpy(out + len + n, after);
}

static void bounds_the_request_line(void **state)
{
    char text[1024];

    (void)state;
    /* "GET /" and " HTTP/1.1" are 14 of the 200 octets. */
    fill(text, "GET /", 'a', 186, " HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_fault(text, HTTP_FAULT_NONE);
    fill(text, "GET /", 'a', 187, " HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_fault(text, HTTP_FAULT_TARGET_LONG);
    fill(text, "GET /", 'a', 500, "");
    assert_fault(text, HTTP_FAULT_TARGET_LONG);
    fill(text, "", 'G', 500, "");
    assert_fault(text, HTTP_FAULT_METHOD_LONG);
}

static void bounds_the_fields(void **state)
{
    char text[1024];

    (void)state;
    /* "Host: h", "X: " and the line ends are 9 + 5 + 2 of the 400 octets. */
    fill(text, "GET / HTTP/1.1\r\nHost: h\r\nX: ", 'x', 384, "\r\n\r\n");
    assert_fault(text, HTTP_FAULT_NONE);
    fill(text, "GET / HTTP/1.1\r\nHost: h\r\nX: ", 'x', 385, "\r\n\r\n");
    assert_fault(text, HTTP_FAULT_FIELDS_LONG);
    fill(text, "GET / HTTP/1.1\r\nHost: h\r\nX: ", 'x', 700, "");
    assert_fault(text, HTTP_FAULT_FIELDS_LONG);
    fill(text, "GET / HTTP/1.1\r\nHost: h\r\n", 'x', 700, "");
    assert_fault(text, HTTP_FAULT_FIELDS_LONG);
    assert_fault("GET / HTTP/1.1\r\nHost: h\r\nA:\r\nA:\r\nA:\r\nA:\r\nA:\r\nA:\r\nA:\r\n\r\n",
                 HTTP_FAULT_NONE);
    assert_fault("GET / HTTP/1.1\r\nHost: h\r\nA:\r\nA:\r\nA:\r\nA:\r\nA:\r\nA:\r\nA:\r\nA:\r\n\r\n",
                 HTTP_FAULT_FIELDS_MANY);
}

/* --- Responses --- */

static void reads_a_response(void **state)
{
    (void)state;
    parse(&response, "HTTP/1.1 404 Not Found\r\nContent-Length: 3, 3\r\nX: a\r\n \t b \r\nY: \r\n c\r\n\r\n",
          true, false);
    assert_int_equal(response.result, HTTP_HEAD_DONE);
    assert_int_equal(response.head.status, 404);
    assert_string_equal(response.buf + response.head.reason, "Not Found");
    assert_int_equal(response.head.body, HTTP_BODY_LENGTH);
    assert_int_equal(response.head.length, 3);
    assert_string_equal(http_head_find(&response.head, response.buf, "X"), "a     b");
    assert_string_equal(http_head_find(&response.head, response.buf, "Y"), "c");
}

static void judges_responses(void **state)
{
    static const struct {
        const char *text;
        bool to_head;
        enum http_fault fault;
        enum http_body_kind body;
        bool persists;
    } rows[] = {
        {"HTTP/1.1 200 OK\r\n\r\n", false, HTTP_FAULT_NONE, HTTP_BODY_CLOSE, false},
        {"HTTP/1.1 200 \r\n\r\n", false, HTTP_FAULT_NONE, HTTP_BODY_CLOSE, false},
        {"HTTP/1.1 200 OK\r\nHost: a b\r\nHost: c\r\nExpect: x\r\nDate: d e\r\n\r\n", false, HTTP_FAULT_NONE,
         HTTP_BODY_CLOSE, false},
        {"HTTP/1.1 200\r\n\r\n", false, HTTP_FAULT_NONE, HTTP_BODY_CLOSE, false},
        {"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\n", false, HTTP_FAULT_NONE, HTTP_BODY_LENGTH, false},
        {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", true, HTTP_FAULT_NONE, HTTP_BODY_NONE, true},
        {"HTTP/1.1 204 No\r\nContent-Length: 3\r\n\r\n", false, HTTP_FAULT_NONE, HTTP_BODY_NONE, true},
        {"HTTP/1.1 304 No\r\nTransfer-Encoding: chunked\r\n\r\n", false, HTTP_FAULT_NONE, HTTP_BODY_NONE,
         true},
        {"HTTP/1.1 100 Continue\r\n\r\n", false, HTTP_FAULT_NONE, HTTP_BODY_NONE, true},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", false, HTTP_FAULT_NONE, HTTP_BODY_CHUNKED,
         true},
        {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n", false, HTTP_FAULT_NONE,
         HTTP_BODY_LENGTH, true},
        {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\n", false, HTTP_FAULT_NONE,
         HTTP_BODY_LENGTH, false},
        {"HTTP/1.1 101 Switching\r\n\r\n", false, HTTP_FAULT_SWITCHED, 0, false},
        {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n", false, HTTP_FAULT_LENGTH_DIFFER,
         0, 0},
        {"HTTP/1.1 200 OK\r\nContent-Length: 3,x\r\n\r\n", false, HTTP_FAULT_LENGTH, 0, false},
        {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", false,
         HTTP_FAULT_CODING_LENGTH, 0, false},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", false, HTTP_FAULT_CODING_UNKNOWN, 0, false},
        {"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", false, HTTP_FAULT_CODING_OLD, 0, false},
        {"HTTP/1.1 20 OK\r\n\r\n", false, HTTP_FAULT_STATUS_LINE, 0, false},
        {"HTTP/1.1 2000 OK\r\n\r\n", false, HTTP_FAULT_STATUS_LINE, 0, false},
        {"HTTP/1.1 099 OK\r\n\r\n", false, HTTP_FAULT_STATUS_LINE, 0, false},
        {"HTTP/1.1  200 OK\r\n\r\n", false, HTTP_FAULT_STATUS_LINE, 0, false},
        {"HTTP/1.1 200 O\x01K\r\n\r\n", false, HTTP_FAULT_STATUS_LINE, 0, false},
        {"HTTP/2.0 200 OK\r\n\r\n", false, HTTP_FAULT_VERSION_MAJOR, 0, false},
        {"ICY 200 OK\r\n\r\n", false, HTTP_FAULT_STATUS_LINE, 0, false},
        {"\r\nHTTP/1.1 200 OK\r\n\r\n", false, HTTP_FAULT_STATUS_LINE, 0, false},
        {"HTTP/1.1 200 OK\n\n", false, HTTP_FAULT_LINE_END, 0, false},
        {"HTTP/1.1 200 OK\r\nX : y\r\n\r\n", false, HTTP_FAULT_FIELD_SPACE, 0, false},
        {"HTTP/1.1 200 OK\r\n X: y\r\n\r\n", false, HTTP_FAULT_FIRST_SPACE, 0, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        parse(&response, rows[i].text, true, rows[i].to_head);
        if (response.head.fault != rows[i].fault)
            fail_msg("\"%s\": %s", rows[i].text, http_fault_text(response.head.fault));
        if (rows[i].fault)
            continue;
        assert_int_equal(response.head.body, rows[i].body);
        assert_int_equal(response.head.persists, rows[i].persists);
    }
}

/* --- Looking up --- */

static void finds_several_lines(void **state)
{
    unsigned index = 0;
    struct weft_http_field field;

    (void)state;
    parse_request("GET / HTTP/1.1\r\nHost: h\r\nA: 1\r\nB: 2\r\na: 3\r\n\r\n");
    assert_string_equal(http_head_next(&request.head, request.buf, "A", &index), "1");
    assert_string_equal(http_head_next(&request.head, request.buf, "A", &index), "3");
    assert_null(http_head_next(&request.head, request.buf, "A", &index));
    assert_null(http_head_only(&request.head, request.buf, "A"));
    assert_string_equal(http_head_only(&request.head, request.buf, "b"), "2");
    assert_null(http_head_only(&request.head, request.buf, "C"));
    assert_true(http_head_line(&request.head, request.buf, 3, &field));
    assert_string_equal(field.name, "a");
    assert_string_equal(field.value, "3");
    assert_false(http_head_line(&request.head, request.buf, 4, &field));
}

/* Random mutations of good heads never read or write beyond what they were given (ASan watches), and are judged
 * the same however they are cut. */
static void survives_mutation(void **state)
{
    static const char good[] = "POST /a%20b/../c?d=e HTTP/1.1\r\nHost: h:80\r\nContent-Length: 12\r\n"
                               "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n";
    struct test_rng rng = test_rng_start("test_http_head");
    static struct parsed other;
    char text[sizeof(good)];

    (void)state;
    for (unsigned round = 0; round < 20000; round++) {
        size_t len = sizeof(good) - 1;
        bool is_response = test_rng_below(&rng, 8) == 0;

        memcpy(text, good, sizeof(good));
        for (uint32_t n = test_rng_between(&rng, 1, 4); n > 0; n--)
            text[test_rng_below(&rng, (uint32_t)len)] = (char)test_rng_u32(&rng);
        parse_cut(&request, text, len, len, 1, is_response, false);
        parse_cut(&other, text, len, test_rng_between(&rng, 1, 40), test_rng_between(&rng, 1, 40),
                  is_response, false);
        assert_same(&request, &other);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_simple_request),
        cmocka_unit_test(knows_the_methods),
        cmocka_unit_test(knows_the_forms_of_a_target),
        cmocka_unit_test(reads_framing_and_persistence),
        cmocka_unit_test(forgives_two_empty_lines_before),
        cmocka_unit_test(http_1_0_needs_no_host),
        cmocka_unit_test(refuses_bad_request_lines),
        cmocka_unit_test(refuses_bad_fields),
        cmocka_unit_test(refuses_nul),
        cmocka_unit_test(judges_hosts),
        cmocka_unit_test(bounds_the_request_line),
        cmocka_unit_test(bounds_the_fields),
        cmocka_unit_test(reads_a_response),
        cmocka_unit_test(judges_responses),
        cmocka_unit_test(finds_several_lines),
        cmocka_unit_test(survives_mutation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
