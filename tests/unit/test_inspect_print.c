/* SPDX-License-Identifier: MIT */
/* What people get to see, in a terminal and in a browser: nothing from the network can take over either. */
#include "inspect_frames.h"

#include "inspect/json.h"
#include "inspect/text.h"

/* --- Text ---------------------------------------------------------------------------------- */

static void expect_printable(const char *bytes, size_t len, const char *expected)
{
    char buf[100];
    struct inspect_text t = inspect_text_in(buf, sizeof(buf));

    inspect_text_printable(&t, (const uint8_t *)bytes, len);
    assert_string_equal(buf, expected);
}

static void bytes_are_made_visible(void **state)
{
    (void)state;
    expect_printable("plain", 5, "plain");
    expect_printable("\x1b[2J", 4, "\\x1b[2J");
    expect_printable("a\r\n\tb", 5, "a\\r\\n\\tb");
    expect_printable("gr\xc3\xbc\xc3\x9f", 6, "gr\xc3\xbc\xc3\x9f");
    expect_printable("\xc3", 1, "\\xc3");                   /* cut off */
    expect_printable("\xc0\xaf", 2, "\\xc0\\xaf");          /* too long a form of '/' */
    expect_printable("\xed\xa0\x80", 3, "\\xed\\xa0\\x80"); /* half a surrogate pair */
    expect_printable("\xe2\x80\xae"
                     "x",
                     4, "\\xe2\\x80\\xaex"); /* writes backwards */
    expect_printable("\xc2\x9b"
                     "1m",
                     4, "\\xc2\\x9b1m"); /* a control sequence of one byte */
    expect_printable("\0", 1, "\\x00");
}

static void a_full_text_stays_whole(void **state)
{
    char buf[8];
    struct inspect_text t = inspect_text_in(buf, sizeof(buf));

    (void)state;
    inspect_text_printable(&t, (const uint8_t *)"abcde\x01zzz", 9);
    assert_string_equal(buf, "abcde"); /* the escape does not fit, so nothing of it */
    assert_true(t.is_full);
    t = inspect_text_in(buf, sizeof(buf));
    inspect_text_format(&t, "%s", "longer than that");
    assert_string_equal(buf, "longer ");
}

static void numbers_read_well(void **state)
{
    char buf[INSPECT_NUMBER_TEXT];

    (void)state;
    assert_string_equal(inspect_text_number(0, buf), "0");
    assert_string_equal(inspect_text_number(999, buf), "999");
    assert_string_equal(inspect_text_number(1000, buf), "1,000");
    assert_string_equal(inspect_text_number(UINT64_MAX, buf), "18,446,744,073,709,551,615");
    assert_string_equal(inspect_text_bytes(UINT64_MAX, buf), "18,446,744,073,709,551,615 bytes");
    assert_string_equal(inspect_text_bytes(1, buf), "1 byte");
    assert_string_equal(inspect_text_bytes(40213, buf), "40,213 bytes");
    assert_string_equal(inspect_text_duration(85, buf), "85 us");
    assert_string_equal(inspect_text_duration(40000, buf), "40 ms");
    assert_string_equal(inspect_text_duration(12345, buf), "12.35 ms");
    assert_string_equal(inspect_text_duration(WEFT_SEC, buf), "1.000 s");
}

/* --- A hostile exchange ------------------------------------------------------------------------ */

#define ATTACK "</script><script>alert(1)</script><!-- \x1b[31m\x9b\xe2\x80\xae\"'&\\u0022\x07"

/* A request whose every part wants to be more than text. */
static struct weft_recording *hostile_recording(void)
{
    static const char request[] = "GET /" ATTACK " HTTP/1.1\r\nHost: " ATTACK "\r\n" ATTACK ": x\r\n"
                                  "Content-Type: text/html\r\nContent-Length: 75\r\n\r\n" ATTACK ATTACK;
    static const char plain[] = "GET / HTTP/1.1\r\nHost: " ATTACK "\r\n" ATTACK ": x\r\n"
                                "Content-Type: text/html\r\nContent-Length: 75\r\n\r\n" ATTACK ATTACK;
    struct sample s = {.now = 5 * WEFT_SEC};

    assert_int_equal(weft_recording_new(NULL, &s.recording), 0);
    sample_handshake(&s);
    sample_tcp(&s,
               &(struct sample_segment){.flags = SAMPLE_ACK,
                                        .window = 502,
                                        .seq = s.client_next,
                                        .ack = s.server_next,
                                        .payload = (const uint8_t *)plain,
                                        .len = sizeof(plain) - 1},
               0);
    sample_tcp(&s,
               &(struct sample_segment){.flags = SAMPLE_ACK,
                                        .window = 502,
                                        .seq = s.client_next + (uint32_t)sizeof(plain) - 1,
                                        .ack = s.server_next,
                                        .payload = (const uint8_t *)request,
                                        .len = sizeof(request) - 1},
               0);
    return s.recording;
}

/* What a function printed; to be freed. */
static char *printed(int (*print)(FILE *, const struct weft_recording *, const struct weft_inspect_options *),
                     const struct weft_recording *r, const struct weft_inspect_options *options)
{
    char *text = NULL;
    size_t len = 0;
    FILE *stream = open_memstream(&text, &len);

    assert_int_equal(print(stream, r, options), 0);
    assert_int_equal(fclose(stream), 0);
    assert_int_equal(strlen(text), len); /* no NUL in it */
    return text;
}

static void a_terminal_gets_no_control_characters(void **state)
{
    struct weft_recording *r = hostile_recording();

    (void)state;
    for (unsigned variant = 0; variant < 4; variant++) {
        struct weft_inspect_options options = {
            .all = variant & 1, .hex = variant & 1, .compact = variant & 2};
        char *text = printed(weft_anatomy_text, r, &options);

        for (const char *at = text; *at; at++)
            assert_true((uint8_t)*at >= 0x20 || *at == '\n');
        assert_null(strstr(text, "\xc2\x9b"));
        assert_null(strstr(text, "\xe2\x80\xae"));
        free(text);
    }
    weft_recording_free(r);
}

static void colours_are_only_there_when_asked_for(void **state)
{
    struct weft_recording *r = sample_recording();
    struct weft_inspect_options options = {.colour = true};
    char *text = printed(weft_anatomy_text, r, &options);

    (void)state;
    assert_non_null(strstr(text, "\033["));
    free(text);
    weft_recording_free(r);
}

/* --- Lines ------------------------------------------------------------------------------------------ */

static void rows_keep_within_the_width(void **state)
{
    struct weft_recording *r = sample_recording();

    (void)state;
    for (unsigned width = 80; width <= 140; width += 20) {
        struct weft_inspect_options options = {.width = width, .all = true};
        char *text = printed(weft_anatomy_text, r, &options);

        for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
            unsigned columns = 0;

            for (const char *at = line; *at; at++)
                columns += ((uint8_t)*at & 0xc0) != 0x80;
            if (columns > width && strstr(line, "──") == NULL) /* headings are one line, whatever they say */
                fail_msg("%u columns: %s", columns, line);
        }
        free(text);
    }
    weft_recording_free(r);
}

static void the_anatomy_tells_the_story(void **state)
{
    static const char *const parts[] = {
        "who has 10.77.0.2? tell 10.77.0.1",
        "state      LISTEN → SYN-RECEIVED: SYN received",
        "Acknowledgment Number 4294963201 (relative 1)",
        "because    answer to SYN",
        "timer      set: retransmission (RFC 6298) in 1.000 s",
        "Window 502 (raw 502 << 7 = 64256)",
        "POST /meme HTTP/1.1",
        "bytes 1 to 1,316 of 4,096 of the request",
        "between frames: a timer",
        "because    delayed ACK",
        "… 12 more data segments, 17,376 bytes, and 5 ACKs …",
        "data again",
        "state      LAST-ACK → CLOSED: our FIN is acknowledged",
    };
    struct weft_recording *r = sample_recording();
    char *text = printed(weft_anatomy_text, r, NULL);
    const char *at = text;

    (void)state;
    for (unsigned i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        at = strstr(at, parts[i]);
        if (!at)
            fail_msg("not told, or not in its place: %s", parts[i]);
    }
    free(text);
    weft_recording_free(r);
}

/* --- HTML ------------------------------------------------------------------------------------------------ */

/* A reader of JSON that only says whether it is one: the text behind a value, or NULL. */
static const char *skip_value(const char *at);

static const char *skip_string(const char *at)
{
    for (at++; *at != '"'; at++) {
        if ((uint8_t)*at < 0x20)
            return NULL;
        if (*at == '\\' && !strchr("\"\\/bfnrtu", *++at))
            return NULL;
    }
    return at + 1;
}

/* The members of an object or array. */
static const char *skip_members(const char *at, char end)
{
    at++;
    while (at && *at != end) {
        if (end == '}') {
            at = *at == '"' ? skip_string(at) : NULL;
            if (!at || *at++ != ':')
                return NULL;
        }
        at = skip_value(at);
        if (at && *at == ',' && at[1] != end)
            at++;
        else if (!at || *at != end)
            return NULL;
    }
    return at ? at + 1 : NULL;
}

static const char *skip_value(const char *at)
{
    static const char *const words[] = {"true", "false", "null"};

    if (*at == '{')
        return skip_members(at, '}');
    if (*at == '[')
        return skip_members(at, ']');
    if (*at == '"')
        return skip_string(at);
    for (unsigned i = 0; i < 3; i++)
        if (strncmp(at, words[i], strlen(words[i])) == 0)
            return at + strlen(words[i]);
    return strspn(at, "-0123456789") > 0 ? at + strspn(at, "-0123456789") : NULL;
}

/* The recording in the page, to be freed; checks that it is JSON and holds nothing that HTML could read. */
static char *recording_of(const char *page)
{
    static const char begin[] = "<script type=\"application/json\" id=\"recording\">";
    const char *from = strstr(page, begin), *to;
    char *json;

    assert_non_null(from);
    from += sizeof(begin) - 1;
    to = skip_value(from);
    assert_non_null(to);
    assert_memory_equal(to, "</script>", 9);
    json = strndup(from, (size_t)(to - from));
    assert_null(strpbrk(json, "<>&"));
    return json;
}

static void nothing_gets_out_of_the_page_s_data(void **state)
{
    struct weft_recording *r = hostile_recording();
    struct weft_inspect_options options = {.title = "<b>" ATTACK, .here = ATTACK, .there = "\xff\xfe"};
    char *page = printed(weft_anatomy_html, r, &options), *json = recording_of(page);

    (void)state;
    assert_null(strstr(page, "alert(1)</script>"));
    assert_null(strstr(json, "\xe2\x80\xae"));
    assert_non_null(strstr(json, "\\u003c/script\\u003e\\u003cscript\\u003ealert(1)"));
    for (const char *at = json; *at; at++)
        assert_true((uint8_t)*at >= 0x20);
    free(json);
    free(page);
    weft_recording_free(r);
}

static void the_page_needs_nothing_from_elsewhere(void **state)
{
    struct weft_recording *r = sample_recording();
    char *page = printed(weft_anatomy_html, r, NULL), *json = recording_of(page);

    (void)state;
    assert_null(strstr(page, "@RECORDING@"));
    assert_null(strstr(page, "src=\"http"));
    assert_null(strstr(page, "href=\"http"));
    assert_null(strstr(page, "url(http"));
    assert_non_null(strstr(page, "default-src 'none'"));
    assert_non_null(strstr(json, "\"frames\":58"));
    assert_non_null(strstr(json, "\"state\":\"SYN-RECEIVED\""));
    assert_non_null(strstr(json, "\"picture\":\"/9j/"));
    free(json);
    free(page);
    weft_recording_free(r);
}

static void base64_is_right(void **state)
{
    static const char *const cases[][2] = {
        {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}};

    (void)state;
    for (unsigned i = 0; i < 5; i++) { /* RFC 4648 10 */
        char *text = NULL, expected[40];
        size_t len;
        FILE *stream = open_memstream(&text, &len);
        struct inspect_json j = {.out = stream};

        inspect_json_base64(&j, NULL, (const uint8_t *)cases[i][0], strlen(cases[i][0]));
        assert_int_equal(fclose(stream), 0);
        (void)snprintf(expected, sizeof(expected), "\"%s\"", cases[i][1]);
        assert_string_equal(text, expected);
        free(text);
    }
}

static void a_broken_pipe_is_told(void **state)
{
    struct weft_recording *r = sample_recording();
    FILE *full = fopen("/dev/full", "w");

    (void)state;
    if (!full)
        skip();
    assert_int_equal(weft_anatomy_text(full, r, NULL), WEFT_E_IO);
    fclose(full);
    full = fopen("/dev/full", "w");
    assert_int_equal(weft_anatomy_html(full, r, NULL), WEFT_E_IO);
    fclose(full);
    weft_recording_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_are_made_visible),
        cmocka_unit_test(a_full_text_stays_whole),
        cmocka_unit_test(numbers_read_well),
        cmocka_unit_test(a_terminal_gets_no_control_characters),
        cmocka_unit_test(colours_are_only_there_when_asked_for),
        cmocka_unit_test(rows_keep_within_the_width),
        cmocka_unit_test(the_anatomy_tells_the_story),
        cmocka_unit_test(nothing_gets_out_of_the_page_s_data),
        cmocka_unit_test(the_page_needs_nothing_from_elsewhere),
        cmocka_unit_test(base64_is_right),
        cmocka_unit_test(a_broken_pipe_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
