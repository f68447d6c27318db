/* SPDX-License-Identifier: MIT */
/* The body of POST /meme: what is understood, and what each refusal says. */
#include "test_app_meme_make.h"

#include "app/meme_request.h"

static struct meme_limits small_limits(void)
{
    struct meme_limits limits = meme_options_default().limits;
    limits.max_body_bytes = 4096;
    limits.max_image_bytes = 64;
    limits.max_text_chars = 10;
    return limits;
}

static bool parse_bytes(const char *body, size_t bytes, struct meme_request *out, struct meme_error *err)
{
    struct meme_limits limits = small_limits();
    char *copy = malloc(bytes + 1); /* of exact size, so that a sanitizer sees one byte too far */
    assert_non_null(copy);
    memcpy(copy, body, bytes);
    char *exact = realloc(copy, bytes > 0 ? bytes : 1);
    bool ok = meme_request_parse(exact, bytes, &limits, out, err);
    free(exact);
    return ok;
}

static void expect_image(const char *body, const char *image, size_t bytes)
{
    struct meme_request request;
    struct meme_error err = {0};
    if (!parse_bytes(body, strlen(body), &request, &err))
        fail_msg("%s: %s", body, err.message);
    assert_int_equal(request.image_bytes, bytes);
    assert_memory_equal(request.image, image, bytes);
    meme_request_fini(&request);
}

static void test_good(void **state)
{
    (void)state;
    expect_image("{\"image\":\"Zm9vYmFy\"}", "foobar", 6);
    expect_image("{\"image\":\"Zm9vYmE=\"}", "fooba", 5);
    expect_image("{\"image\":\"Zm9vYg==\"}", "foob", 4);
    expect_image(" \n{\"topText\":\"\",\"image\":\"/+8=\",\"bottomText\":\"\"}\n", "\xff\xef", 2);
    expect_image("{\"image\":\"Zm9v\\r\\nYmFy\\n\"}", "foobar", 6);
    expect_image("{\"image\":\"Zm9vYg=\\n=\\n\"}", "foob", 4);
    expect_image("{\"image\":\"data:image/png;base64,Zm9v\"}", "foo", 3);
    expect_image("{\"image\":\"DATA:IMAGE/svg+xml;charset=x;BASE64,Zm9v\"}", "foo", 3);
}

static void test_texts(void **state)
{
    (void)state;
    const char *body =
        "{\"image\":\"Zm9v\",\"topText\":\"h\\u00e9\\u0000\\ud83d\\ude3a\\n\",\"bottomText\":\"0123456789\"}";
    struct meme_request request;
    struct meme_error err;
    assert_true(parse_bytes(body, strlen(body), &request, &err));
    assert_string_equal(request.top, "h\xc3\xa9\xf0\x9f\x98\xba\n"); /* the NUL is gone */
    assert_string_equal(request.bottom, "0123456789");
    meme_request_fini(&request);
    meme_request_fini(&request);
}

/* Each refusal: the body, its reason, and words that its sentence must have. */
static const struct {
    const char *body;
    enum meme_reason reason;
    int status;
    const char *says;
} refusals[] = {
    {"", MEME_BAD_JSON, 400, "empty"},
    {"{", MEME_BAD_JSON, 400, "line 1"},
    {"{\n\n  \"image\": nope}", MEME_BAD_JSON, 400, "line 3"},
    {"{\"image\":\"Zm9v\"} trailing", MEME_BAD_JSON, 400, "column"},
    {"[1]", MEME_BAD_JSON, 400, "an array"},
    {"\"text\"", MEME_BAD_JSON, 400, "a string"},
    {"42", MEME_BAD_JSON, 400, "a number"},
    {"null", MEME_BAD_JSON, 400, "null"},
    {"{\"image\":\"Zm9v\",\"image\":\"Zm9v\"}", MEME_BAD_JSON, 400, "duplicate"},
    {"{\"image\":\"Zm9v\",\"topText\":\"\\ud800\"}", MEME_BAD_JSON, 400, "line 1"},
    {"{\"image\":\"Zm9v\",\"topText\":\"\xff\xfe\"}", MEME_BAD_JSON, 400, "UTF-8"},
    {"{\"image\":\"Zm9v\",\"topText\":\"\xc0\x80\"}", MEME_BAD_JSON, 400, "UTF-8"},
    {"{\"image\":\"Zm9v\",\"topText\":\"raw\nnewline\"}", MEME_BAD_JSON, 400, "line 1"},
    {"{\"a\\u0000b\":1}", MEME_BAD_JSON, 400, "NUL"},
    {"{}", MEME_MISSING_FIELD, 400, "\"image\""},
    {"{\"topText\":\"a\"}", MEME_MISSING_FIELD, 400, "\"image\""},
    {"{\"image\":\"Zm9v\",\"toptext\":\"a\"}", MEME_UNKNOWN_FIELD, 400, "\"toptext\""},
    {"{\"image\":1}", MEME_WRONG_TYPE, 400, "\"image\" must be a string, and is a number"},
    {"{\"image\":null}", MEME_WRONG_TYPE, 400, "null"},
    {"{\"image\":\"Zm9v\",\"topText\":[]}", MEME_WRONG_TYPE, 400,
     "\"topText\" must be a string, and is an array"},
    {"{\"image\":\"Zm9v\",\"bottomText\":{}}", MEME_WRONG_TYPE, 400, "\"bottomText\""},
    {"{\"image\":\"Zm9v\",\"bottomText\":true}", MEME_WRONG_TYPE, 400, "a boolean"},
    {"{\"image\":\"data:image/png;base64\"}", MEME_BAD_DATA_URL, 400, "','"},
    {"{\"image\":\"data:image/png,Zm9v\"}", MEME_BAD_DATA_URL, 400, "base64"},
    {"{\"image\":\"data:text/html;base64,Zm9v\"}", MEME_BAD_DATA_URL, 400, "not an image"},
    {"{\"image\":\"data:,\"}", MEME_BAD_DATA_URL, 400, "not an image"},
    {"{\"image\":\"Zm9*\"}", MEME_BAD_BASE64, 400, "'*' at offset 3"},
    {"{\"image\":\"Zm9v Zm9v\"}", MEME_BAD_BASE64, 400, "0x20 at offset 4"},
    {"{\"image\":\"Zm9\\u0000\"}", MEME_BAD_BASE64, 400, "0x00 at offset 3"},
    {"{\"image\":\"Zm9\xc3\xa9\"}", MEME_BAD_BASE64, 400, "U+00E9 at offset 3"},
    {"{\"image\":\"data:image/png;base64,Zm_v\"}", MEME_BAD_BASE64, 400, "'_' at offset 24"},
    {"{\"image\":\"Zm9vY\"}", MEME_BAD_BASE64, 400, "offset 5"},
    {"{\"image\":\"Zm9vYg\"}", MEME_BAD_BASE64, 400, "offset 6"},
    {"{\"image\":\"Zm9vYg=\"}", MEME_BAD_BASE64, 400, "offset 6 needs 2 '=' and has 1"},
    {"{\"image\":\"Zm9vYmE==\"}", MEME_BAD_BASE64, 400, "offset 8"},
    {"{\"image\":\"Zm9v=\"}", MEME_BAD_BASE64, 400, "offset 4"},
    {"{\"image\":\"Z===\"}", MEME_BAD_BASE64, 400, "offset 1"},
    {"{\"image\":\"Zg==Zg==\"}", MEME_BAD_BASE64, 400, "offset 4"},
    {"{\"image\":\"=\"}", MEME_BAD_BASE64, 400, "offset 0"},
    {"{\"image\":\"\"}", MEME_EMPTY_IMAGE, 400, "no data"},
    {"{\"image\":\"data:image/png;base64,\"}", MEME_EMPTY_IMAGE, 400, "no data"},
    {"{\"image\":\"\\n\\n\"}", MEME_EMPTY_IMAGE, 400, "no data"},
    {"{\"image\":\"Zm9v\",\"topText\":\"0123456789x\"}", MEME_TEXT_TOO_LONG, 413, "\"topText\" has 11"},
};

static void test_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        struct meme_request request;
        struct meme_error err = {0};
        if (parse_bytes(refusals[i].body, strlen(refusals[i].body), &request, &err))
            fail_msg("accepted: %s", refusals[i].body);
        if (err.reason != refusals[i].reason || err.status != refusals[i].status ||
            strstr(err.message, refusals[i].says) == NULL)
            fail_msg("%s: %d %s: %s", refusals[i].body, err.status, err.code, err.message);
        assert_null(request.image);
    }
}

static void test_sizes(void **state)
{
    (void)state;
    struct meme_request request;
    struct meme_error err;
    char body[8192];
    memset(body, ' ', sizeof body);
    assert_false(parse_bytes(body, 4097, &request, &err));
    assert_int_equal(err.reason, MEME_BODY_TOO_LARGE);
    assert_false(parse_bytes(body, 4096, &request, &err));
    assert_int_equal(err.reason, MEME_BAD_JSON);

    char digits[101] = {0};
    memset(digits, 'A', 88); /* 66 bytes */
    snprintf(body, sizeof body, "{\"image\":\"%s\"}", digits);
    assert_false(parse_bytes(body, strlen(body), &request, &err));
    assert_int_equal(err.reason, MEME_IMAGE_TOO_LARGE);
    assert_int_equal(err.status, 413);
    memcpy(digits + 84, "AA==", 4); /* 64 bytes */
    snprintf(body, sizeof body, "{\"image\":\"%s\"}", digits);
    assert_true(parse_bytes(body, strlen(body), &request, &err));
    assert_int_equal(request.image_bytes, 64);
    meme_request_fini(&request);
}

static void test_deep(void **state)
{
    (void)state;
    struct meme_limits limits = meme_options_default().limits;
    struct meme_request request;
    struct meme_error err;
    static char body[1 << 20];
    memset(body, '[', sizeof body);
    assert_false(meme_request_parse(body, sizeof body, &limits, &request, &err));
    assert_int_equal(err.reason, MEME_BAD_JSON);
}

/* A tree of tiny values takes far more memory than its text: it is refused before it is made. */
static void test_many(void **state)
{
    (void)state;
    static const char *const pieces[] = {"{},", "[],", "0,", "\"a\\\"\":[", "{\"a\":1},"};
    struct meme_limits limits = meme_options_default().limits;
    struct meme_request request;
    struct meme_error err;
    static const char good[] = "{\"image\":\"Zm9v\",\"topText\":\"\\\\\\\"";
    static char body[1 << 20];
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        size_t len = strlen(pieces[i]);
        body[0] = '[';
        for (size_t at = 1; at + len <= sizeof body; at += len)
            memcpy(body + at, pieces[i], len);
        assert_false(meme_request_parse(body, sizeof body, &limits, &request, &err));
        assert_int_equal(err.reason, MEME_BAD_JSON);
        assert_non_null(strstr(err.message, "far more values"));
    }
    /* The same characters in a text are text, whatever stands before them. */
    memset(body, ',', 2000);
    memcpy(body, good, strlen(good));
    memcpy(body + 1998, "\"}", 2);
    limits.max_text_chars = 4000;
    assert_true(meme_request_parse(body, 2000, &limits, &request, &err));
    assert_string_equal(request.bottom, "");
    meme_request_fini(&request);
}

/* Any truncation of a good body is refused, any change of bytes is survived, and no error struct is needed. */
static void test_damage(void **state)
{
    (void)state;
    const char *good =
        "{\"image\":\"data:image/png;base64,Zm9vYmE=\",\"topText\":\"\\u00e9\xc3\xa9\",\"bottomText\":\"b\"}";
    struct meme_request request;
    struct meme_error err;
    for (size_t n = 0; n < strlen(good); n++)
        assert_false(parse_bytes(good, n, &request, &err));
    uint64_t seed = 0x77656674;
    for (int i = 0; i < 20000; i++) {
        char body[128];
        size_t n = strlen(good);
        memcpy(body, good, n);
        for (uint32_t k = next_random(&seed) % 4; k < 4; k++)
            body[next_random(&seed) % n] = (char)next_random(&seed);
        memset(&err, 0, sizeof err);
        if (parse_bytes(body, n, &request, i % 8 ? &err : NULL))
            meme_request_fini(&request);
        else if (i % 8) {
            size_t bytes;
            char *json = meme_error_json(&err, &bytes);
            assert_non_null(json); /* jansson refuses invalid UTF-8: the message is valid */
            assert_int_equal(strlen(json), bytes);
            free(json);
        }
    }
}

static void test_error_json(void **state)
{
    (void)state;
    struct meme_error err;
    size_t bytes;
    assert_false(meme_fail(&err, MEME_BAD_BASE64, "a \"quoted\" %s", "w\xc3\xb6rd\n\xff"));
    char *json = meme_error_json(&err, &bytes);
    assert_string_equal(
        json, "{\"error\":{\"code\":\"bad_base64\",\"message\":\"a \\\"quoted\\\" w\xc3\xb6rd??\"}}");
    free(json);

    char text[400]; /* a cut inside a character takes the whole character */
    for (size_t i = 0; i < sizeof text - 2; i += 2)
        memcpy(text + i, "\xc3\xb6", 3);
    assert_false(meme_fail(&err, MEME_INTERNAL, "%s", text));
    assert_int_equal(strlen(err.message), 238);
    assert_false(meme_fail(&err, MEME_INTERNAL, "x%s", text));
    assert_int_equal(strlen(err.message), 239);
    assert_int_equal(err.status, 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),   cmocka_unit_test(test_texts),      cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_sizes),  cmocka_unit_test(test_deep),       cmocka_unit_test(test_many),
        cmocka_unit_test(test_damage), cmocka_unit_test(test_error_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
