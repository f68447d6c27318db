/* SPDX-License-Identifier: MIT */
/*
 * Body framing: lengths, chunks, trailers; what is refused; and that it does
 * not depend on how the bytes are cut.
 */
#include "support.h"

#include <stdio.h>

#include "http/body.h"

static const struct weft_http_limits limits = {
    .start_line = 100, .field_bytes = 40, .fields = 3, .chunk_ext = 24, .body = 1000, .discard = 100};

struct decoded {
    char data[4096];
    size_t len;
    size_t eaten; /* octets of the input up to the end */
    enum http_body_result result;
    struct http_body body;
};

/* Decodes `len` octets that come in pieces of `piece`; takes at most `take` of the data at a time. */
static void decode(struct decoded *d, enum http_body_kind kind, uint64_t length, const char *in, size_t len,
                   size_t piece, size_t take)
{
    size_t at = 0, have = 0;

    http_body_start(&d->body, kind, length, &limits);
    d->len = 0;
    do {
        size_t eaten, data;

        d->result = http_body_next(&d->body, in + at, have - at, &eaten, &data);
        at += eaten;
        assert_true(at <= have);
        if (d->result == HTTP_BODY_DATA) {
            assert_true(data > 0 && data <= have - at && data <= http_body_due(&d->body));
            if (data > take)
                data = take;
            memcpy(d->data + d->len, in + at, data);
            d->len += data;
            at += data;
            http_body_took(&d->body, data);
        } else if (d->result == HTTP_BODY_MORE) {
            assert_int_equal(at, have);
            if (have == len)
                break;
            have += piece < len - have ? piece : len - have;
        }
    } while (d->result == HTTP_BODY_DATA || d->result == HTTP_BODY_MORE);
    d->eaten = at;
}

static struct decoded whole;

/* Whole, and in pieces of every size. */
static void decode_chunked(const char *in)
{
    static struct decoded other;
    size_t len = strlen(in);

    decode(&whole, HTTP_BODY_CHUNKED, 0, in, len, len, 1000);
    for (size_t piece = 1; piece <= len; piece++) {
        decode(&other, HTTP_BODY_CHUNKED, 0, in, len, piece, piece);
        assert_int_equal(other.result, whole.result);
        assert_int_equal(other.body.fault, whole.body.fault);
        if (whole.result == HTTP_BODY_END)
            assert_int_equal(other.eaten, whole.eaten);
        assert_int_equal(other.len, whole.len);
        assert_memory_equal(other.data, whole.data, whole.len);
    }
}

static void decodes_chunks(void **state)
{
    static const struct {
        const char *in, *data;
    } rows[] = {
        {"0\r\n\r\n", ""},
        {"5\r\nhello\r\n0\r\n\r\n", "hello"},
        {"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\nnext", "hello world"},
        {"00000005\r\nhello\r\n0000\r\n\r\n", "hello"},
        {"a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789"},
        {"5;a\r\nhello\r\n0;b=c\r\n\r\n", "hello"},
        {"5 ;\ta \t= \"x\\\"y\" ; b\r\nhello\r\n0\r\n\r\n", "hello"},
        {"2\r\n\r\n\r\n0\r\n\r\n", "\r\n"},
        {"1\r\nx\r\n0\r\nA: b\r\nC:\r\n\r\n", "x"},
        {"1\r\nx\r\n0\r\nA: \x80\tb\r\n\r\n", "x"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        decode_chunked(rows[i].in);
        assert_int_equal(whole.result, HTTP_BODY_END);
        assert_true(http_body_has_ended(&whole.body));
        assert_int_equal(whole.len, strlen(rows[i].data));
        assert_memory_equal(whole.data, rows[i].data, whole.len);
        assert_int_equal(whole.eaten, strlen(rows[i].in) - (strstr(rows[i].in, "next") ? 4 : 0));
    }
}

static void refuses_bad_chunks(void **state)
{
    static const struct {
        const char *in;
        enum http_fault fault;
    } rows[] = {
        {"\r\n", HTTP_FAULT_CHUNK_SIZE},
        {" 5\r\nhello\r\n", HTTP_FAULT_CHUNK_SIZE},
        {"+5\r\nhello\r\n", HTTP_FAULT_CHUNK_SIZE},
        {"-1\r\n", HTTP_FAULT_CHUNK_SIZE},
        {"0x5\r\nhello\r\n", HTTP_FAULT_CHUNK_SIZE},
        {"g\r\n", HTTP_FAULT_CHUNK_SIZE},
        {"5g\r\n", HTTP_FAULT_CHUNK_SIZE},
        {"5_0\r\n", HTTP_FAULT_CHUNK_SIZE},
        {"5\nhello\r\n", HTTP_FAULT_CHUNK_SIZE},
        {"5\r\rhello", HTTP_FAULT_LINE_END},
        {"5\rhello", HTTP_FAULT_LINE_END},
        {"5 \r\nhello\r\n", HTTP_FAULT_CHUNK_EXT},
        {"5;\r\nhello\r\n", HTTP_FAULT_CHUNK_EXT},
        {"5;=b\r\n", HTTP_FAULT_CHUNK_EXT},
        {"5;a=\r\n", HTTP_FAULT_CHUNK_EXT},
        {"5;a \r\n", HTTP_FAULT_CHUNK_EXT},
        {"5;a b\r\n", HTTP_FAULT_CHUNK_EXT},
        {"5;a=b c\r\n", HTTP_FAULT_CHUNK_EXT},
        {"5;a=\"b\r\n", HTTP_FAULT_CHUNK_EXT},
        {"5;a=\"b\"c\r\n", HTTP_FAULT_CHUNK_EXT},
        {"5;a=\"\x01\"\r\n", HTTP_FAULT_CHUNK_EXT},
        {"5;a\nhello\r\n", HTTP_FAULT_CHUNK_EXT},
        {"5;a=b\nhello\r\n", HTTP_FAULT_CHUNK_EXT},
        {"5;aaaaaaaaaaaaaaaaaaaaaaaaa\r\n", HTTP_FAULT_CHUNK_EXT_LONG},
        {"1;aaaaaaaaaaaa\r\nx\r\n1;bbbbbbbbbbbb\r\n", HTTP_FAULT_CHUNK_EXT_LONG},
        {"5\r\nhelloX", HTTP_FAULT_CHUNK_END},
        {"5\r\nhello\n0\r\n\r\n", HTTP_FAULT_CHUNK_END},
        {"5\r\nhello\rX", HTTP_FAULT_CHUNK_END},
        {"5\r\nhello0\r\n\r\n", HTTP_FAULT_CHUNK_END},
        {"00000000000000005\r\n", HTTP_FAULT_CHUNK_LARGE},
        {"8000000000000000\r\n", HTTP_FAULT_CHUNK_LARGE},
        {"ffffffffffffffff\r\n", HTTP_FAULT_CHUNK_LARGE},
        {"10000000000000000\r\n", HTTP_FAULT_CHUNK_LARGE},
        {"7fffffffffffffff\r\n", HTTP_FAULT_BODY_LARGE},
        {"3e9\r\n", HTTP_FAULT_BODY_LARGE},
        {"1\r\nx\r\n3e8\r\n", HTTP_FAULT_BODY_LARGE},
        {"0\r\nA : b\r\n", HTTP_FAULT_FIELD_SPACE},
        {"0\r\n A: b\r\n", HTTP_FAULT_FOLD},
        {"0\r\nA: b\r\n c\r\n", HTTP_FAULT_FOLD},
        {"0\r\n: b\r\n", HTTP_FAULT_FIELD_NAME},
        {"0\r\nA\r\n", HTTP_FAULT_FIELD_NAME},
        {"0\r\nA: b\n", HTTP_FAULT_LINE_END},
        {"0\r\nA: b\rc\r\n", HTTP_FAULT_LINE_END},
        {"0\r\nA: \x01\r\n", HTTP_FAULT_FIELD_VALUE},
        {"0\r\n\rX", HTTP_FAULT_LINE_END},
        {"0\r\nA:\r\nB:\r\nC:\r\nD:\r\n\r\n", HTTP_FAULT_FIELDS_MANY},
        {"0\r\nA: 0123456789012345678901234567890123456789\r\n\r\n", HTTP_FAULT_FIELDS_LONG},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        decode_chunked(rows[i].in);
        if (whole.result != HTTP_BODY_FAULT || whole.body.fault != rows[i].fault)
            fail_msg("\"%s\": result %d, %s", rows[i].in, whole.result, http_fault_text(whole.body.fault));
        assert_false(http_body_has_ended(&whole.body));
        assert_int_equal(http_body_due(&whole.body), 0);
    }
}

static void a_cut_body_has_not_ended(void **state)
{
    static const char in[] = "5;a=b\r\nhello\r\n0\r\nA: b\r\n\r\n";

    (void)state;
    for (size_t len = 0; len < sizeof(in) - 1; len++) {
        decode(&whole, HTTP_BODY_CHUNKED, 0, in, len, len, 100);
        assert_int_equal(whole.result, HTTP_BODY_MORE);
        assert_false(http_body_eof(&whole.body));
    }
}

static void counts_lengths(void **state)
{
    (void)state;
    decode(&whole, HTTP_BODY_LENGTH, 5, "hello next", 10, 3, 2);
    assert_int_equal(whole.result, HTTP_BODY_END);
    assert_int_equal(whole.eaten, 5);
    assert_int_equal(whole.body.taken, 5);
    decode(&whole, HTTP_BODY_LENGTH, 5, "hell", 4, 4, 4);
    assert_int_equal(whole.result, HTTP_BODY_MORE);
    assert_int_equal(http_body_due(&whole.body), 1);
    assert_false(http_body_eof(&whole.body));
    decode(&whole, HTTP_BODY_LENGTH, 0, "x", 1, 1, 1);
    assert_int_equal(whole.result, HTTP_BODY_END);
    assert_int_equal(whole.eaten, 0);
    decode(&whole, HTTP_BODY_NONE, 0, "x", 1, 1, 1);
    assert_int_equal(whole.result, HTTP_BODY_END);
    decode(&whole, HTTP_BODY_LENGTH, 1000, "", 0, 1, 1);
    assert_int_equal(whole.result, HTTP_BODY_MORE);
    decode(&whole, HTTP_BODY_LENGTH, 1001, "", 0, 1, 1);
    assert_int_equal(whole.body.fault, HTTP_FAULT_BODY_LARGE);
}

static void lasts_until_the_connection_is_closed(void **state)
{
    char in[1001];

    (void)state;
    memset(in, 'x', sizeof(in));
    decode(&whole, HTTP_BODY_CLOSE, 0, in, 1000, 7, 3);
    assert_int_equal(whole.result, HTTP_BODY_MORE);
    assert_int_equal(whole.len, 1000);
    assert_true(http_body_eof(&whole.body));
    assert_true(http_body_has_ended(&whole.body));
    decode(&whole, HTTP_BODY_CLOSE, 0, in, 1001, 1001, 1001);
    assert_int_equal(whole.body.fault, HTTP_FAULT_BODY_LARGE);
    assert_false(http_body_eof(&whole.body));
}

/* What was put into chunks at random comes out again. */
static void random_chunks_round_trip(void **state)
{
    struct test_rng rng = test_rng_start("test_http_body");

    (void)state;
    for (unsigned round = 0; round < 500; round++) {
        char in[8192], data[1000];
        size_t len = 0, at = 0, total = test_rng_below(&rng, sizeof(data));

        test_rng_bytes(&rng, data, total);
        while (at < total) {
            size_t n = test_rng_between(&rng, 1, (uint32_t)(total - at));

            if (n > 200)
                n = 200;
            len += (size_t)sprintf(in + len, test_rng_below(&rng, 2) ? "%zx\r\n" : "%04zX\r\n", n);
            memcpy(in + len, data + at, n);
            len += n;
            at += n;
            memcpy(in + len, "\r\n", 2);
            len += 2;
        }
        len += (size_t)sprintf(in + len, "0\r\n\r\n");
        decode(&whole, HTTP_BODY_CHUNKED, 0, in, len, test_rng_between(&rng, 1, 300),
               test_rng_between(&rng, 1, 300));
        assert_int_equal(whole.result, HTTP_BODY_END);
        assert_int_equal(whole.len, total);
        assert_memory_equal(whole.data, data, total);
        assert_int_equal(whole.eaten, len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes_chunks),
        cmocka_unit_test(refuses_bad_chunks),
        cmocka_unit_test(a_cut_body_has_not_ended),
        cmocka_unit_test(counts_lengths),
        cmocka_unit_test(lasts_until_the_connection_is_closed),
        cmocka_unit_test(random_chunks_round_trip),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
