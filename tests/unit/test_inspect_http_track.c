/* SPDX-License-Identifier: MIT */
/* Where HTTP messages begin and end, however the bytes are cut into pieces. */
#include "support.h"

#include "inspect/http_track.h"

/* What a stream was taken for: one letter for each byte, and the messages. */
struct reading {
    char kinds[600];
    unsigned begins, ends;
    size_t begin_at[8], end_at[8];
};

/* Feeds a stream in pieces of `step` bytes. */
static struct reading read_in_steps(const char *text, size_t step, bool after_head_request)
{
    struct reading r = {0};
    struct inspect_http http = {0};
    struct inspect_http_pipeline pipeline = {.is_head = after_head_request, .count = after_head_request};
    size_t len = strlen(text), at = 0;

    assert_true(len < sizeof(r.kinds));
    while (at < len) {
        size_t end = len - at < step ? len : at + step;

        while (at < end) {
            struct inspect_http_piece piece =
                inspect_http_next(&http, &pipeline, (const uint8_t *)text + at, end - at);

            assert_true(piece.len > 0 && piece.len <= end - at);
            memset(r.kinds + at, "hbfo"[piece.kind], piece.len);
            if (piece.begins)
                r.begin_at[r.begins++ % 8] = at;
            at += piece.len;
            if (piece.ends)
                r.end_at[r.ends++ % 8] = at;
        }
    }
    return r;
}

/* A stretch of the stream and what it is: h head, b body, f framing, o other. */
struct part {
    const char *text;
    char kind;
};

/* The parts one behind the other, read in every way of cutting them. */
static void expect(const struct part *parts, unsigned messages)
{
    char text[600] = "", kinds[600] = "";

    for (; parts->text; parts++) {
        memset(kinds + strlen(text), parts->kind, strlen(parts->text));
        strcat(text, parts->text);
    }
    for (size_t step = 1; step < 100; step++) {
        struct reading r = read_in_steps(text, step, false);

        assert_string_equal(r.kinds, kinds);
        assert_int_equal(r.begins, messages);
        assert_int_equal(r.ends, messages);
    }
}

#define PARTS(...) ((const struct part[]){__VA_ARGS__, {NULL, 0}})

static void a_length_ends_a_message(void **state)
{
    (void)state;
    expect(PARTS({"POST / HTTP/1.1\r\nContent-length: 5\r\n\r\n", 'h'}, {"hello", 'b'},
                 {"GET /x HTTP/1.1\r\n\r\n", 'h'}),
           2);
    expect(PARTS({"GET / HTTP/1.0\n\n", 'h'}), 1);
}

static void chunks_end_with_their_trailer(void **state)
{
    (void)state;
    expect(PARTS({"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n", 'h'}, {"5;ext\r\n", 'f'},
                 {"hello", 'b'}, {"\r\n1\r\n", 'f'}, {"!", 'b'}, {"\r\n0\r\nX: y\r\n\r\n", 'f'},
                 {"HTTP/1.1 204 No\r\n\r\n", 'h'}),
           2);
}

static void answers_without_a_body_end_at_once(void **state)
{
    static const char two[] = "HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\nHTTP/1.1 404 No\r\n\r\nxyz";
    struct reading r;

    (void)state;
    expect(PARTS({"HTTP/1.1 304 Not Modified\r\nContent-Length: 999\r\n\r\n", 'h'},
                 {"HTTP/1.1 100 Continue\r\n\r\n", 'h'}, {"HTTP/1.1 204 No\r\n\r\n", 'h'}),
           3);
    r = read_in_steps(two, 7, true);
    assert_int_equal(r.ends, 1); /* the first answers a HEAD; the second ends with the connection */
    assert_int_equal(r.begins, 2);
    assert_string_equal(r.kinds + sizeof(two) - 1 - 3, "bbb");
}

static void what_is_not_http_stays_so(void **state)
{
    struct reading r = read_in_steps("\x16\x03\x01 GET / HTTP/1.1\r\n\r\n", 100, false);

    (void)state;
    assert_int_equal(r.begins, 0);
    r = read_in_steps("GET\t/ HTTP/1.1\r\n\r\n", 100, false);
    assert_int_equal(r.begins, 0);
    r = read_in_steps("GET / SMTP\r\n\r\n", 100, false);
    assert_int_equal(r.begins, 0);
    r = read_in_steps("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 100, false);
    assert_int_equal(r.begins, 1);
    assert_int_equal(r.ends, 0);
}

static void a_gap_loses_the_thread_until_the_next_start(void **state)
{
    struct inspect_http http = {0};
    struct inspect_http_pipeline pipeline = {0};
    static const uint8_t head[] = "POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\n";

    (void)state;
    (void)inspect_http_next(&http, &pipeline, head, sizeof(head) - 1);
    assert_int_equal(http.state, INSPECT_HTTP_BODY);
    inspect_http_lose(&http);
    assert_int_equal(inspect_http_next(&http, &pipeline, (const uint8_t *)"abcdef", 6).kind,
                     INSPECT_HTTP_PIECE_OTHER);
    assert_true(inspect_http_next(&http, &pipeline, head, sizeof(head) - 1).begins);
}

static void noise_makes_progress(void **state)
{
    struct test_rng rng = test_rng_start("noise_makes_progress");
    static const char *const words[] = {"HTTP/1.1 200 OK\r\n",
                                        "GET / HTTP/1.1\r\n",
                                        "Content-Length: ",
                                        "9\r\n",
                                        "\r\n",
                                        "Transfer-Encoding: chunked\r\n",
                                        "a\r\n",
                                        "0\r\n",
                                        "\n",
                                        "xyz"};
    struct inspect_http http = {0};
    struct inspect_http_pipeline pipeline = {0};

    (void)state;
    for (unsigned round = 0; round < 20000; round++) {
        uint8_t bytes[64];
        size_t len = 0, at = 0;

        while (len < 40) {
            const char *word = words[test_rng_below(&rng, 10)];

            if (test_rng_below(&rng, 12) == 0)
                bytes[len++] = (uint8_t)test_rng_u32(&rng);
            memcpy(bytes + len, word, strlen(word) < 64 - len ? strlen(word) : 64 - len);
            len += strlen(word) < 64 - len ? strlen(word) : 64 - len;
        }
        while (at < len) {
            struct inspect_http_piece piece = inspect_http_next(&http, &pipeline, bytes + at, len - at);

            assert_true(piece.len > 0 && piece.len <= len - at);
            at += piece.len;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_length_ends_a_message),
        cmocka_unit_test(chunks_end_with_their_trailer),
        cmocka_unit_test(answers_without_a_body_end_at_once),
        cmocka_unit_test(what_is_not_http_stays_so),
        cmocka_unit_test(a_gap_loses_the_thread_until_the_next_start),
        cmocka_unit_test(noise_makes_progress),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
