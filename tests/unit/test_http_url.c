/* SPDX-License-Identifier: MIT */
/*
 * http URLs: taken apart, and references resolved as in RFC 3986 5.4.
 */
#include "support.h"

#include <stdio.h>

#include <weft/http.h>

static struct weft_http_url url;

static void takes_urls_apart(void **state)
{
    static const struct {
        const char *text, *host, *authority, *target;
        uint16_t port;
    } rows[] = {
        {"http://h", "h", "h", "/", 80},
        {"http://h/", "h", "h", "/", 80},
        {"HTTP://H.example/a/b?c#d", "H.example", "H.example", "/a/b?c", 80},
        {"http://h:80/", "h", "h", "/", 80},
        {"http://h:/", "h", "h", "/", 80},
        {"http://10.0.0.1:8080", "10.0.0.1", "10.0.0.1:8080", "/", 8080},
        {"http://[2001:db8::1]:81/x", "2001:db8::1", "[2001:db8::1]:81", "/x", 81},
        {"http://h?q", "h", "h", "/?q", 80},
        {"http://h#f", "h", "h", "/", 80},
        {"http://h/a/../b/./c", "h", "h", "/b/c", 80},
        {"http://h/a b\"<\xc3\xa4>", "h", "h", "/a%20b%22%3C%C3%A4%3E", 80},
        {"http://h/%zz|[]", "h", "h", "/%zz|[]", 80},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (weft_http_url_parse(rows[i].text, &url) != 0)
            fail_msg("%s", rows[i].text);
        assert_string_equal(url.host, rows[i].host);
        assert_string_equal(url.authority, rows[i].authority);
        assert_string_equal(url.target, rows[i].target);
        assert_int_equal(url.port, rows[i].port);
    }
}

static void refuses_what_is_no_http_url(void **state)
{
    static const struct {
        const char *text;
        int error;
    } rows[] = {
        {"", WEFT_E_BADFORMAT},
        {"h/x", WEFT_E_BADFORMAT},
        {"http:", WEFT_E_BADFORMAT},
        {"http:/h", WEFT_E_BADFORMAT},
        {"http://", WEFT_E_BADFORMAT},
        {"http:///x", WEFT_E_BADFORMAT},
        {"http://:80/", WEFT_E_BADFORMAT},
        {"http://h:0/", WEFT_E_BADFORMAT},
        {"http://h:65536/", WEFT_E_BADFORMAT},
        {"http://h:x/", WEFT_E_BADFORMAT},
        {"http://user@h/", WEFT_E_BADFORMAT},
        {"http://[::1/", WEFT_E_BADFORMAT},
        {"http://a b/", WEFT_E_BADFORMAT},
        {"http://h/\r\nX: y", WEFT_E_BADFORMAT},
        {"http://h\x7f/", WEFT_E_BADFORMAT},
        {"https://h/", WEFT_E_OPNOTSUPP},
        {"ftp://h/", WEFT_E_OPNOTSUPP},
        {"mailto:a@b", WEFT_E_BADFORMAT},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int error = weft_http_url_parse(rows[i].text, &url);

        if (error != rows[i].error)
            fail_msg("%s: %s", rows[i].text, weft_errname(error));
    }
}

static void resolves_references(void **state)
{
    /* RFC 3986 5.4, for what is http. */
    static const struct {
        const char *reference, *authority, *target;
    } rows[] = {
        {"g", "a", "/b/c/g"},
        {"./g", "a", "/b/c/g"},
        {"g/", "a", "/b/c/g/"},
        {"/g", "a", "/g"},
        {"//g", "g", "/"},
        {"?y", "a", "/b/c/d;p?y"},
        {"g?y", "a", "/b/c/g?y"},
        {"#s", "a", "/b/c/d;p?q"},
        {"g#s", "a", "/b/c/g"},
        {"g?y#s", "a", "/b/c/g?y"},
        {";x", "a", "/b/c/;x"},
        {"g;x", "a", "/b/c/g;x"},
        {"", "a", "/b/c/d;p?q"},
        {".", "a", "/b/c/"},
        {"./", "a", "/b/c/"},
        {"..", "a", "/b/"},
        {"../", "a", "/b/"},
        {"../g", "a", "/b/g"},
        {"../..", "a", "/"},
        {"../../", "a", "/"},
        {"../../g", "a", "/g"},
        {"../../../g", "a", "/g"},
        {"../../../../g", "a", "/g"},
        {"/./g", "a", "/g"},
        {"/../g", "a", "/g"},
        {"g.", "a", "/b/c/g."},
        {".g", "a", "/b/c/.g"},
        {"g..", "a", "/b/c/g.."},
        {"..g", "a", "/b/c/..g"},
        {"./../g", "a", "/b/g"},
        {"./g/.", "a", "/b/c/g/"},
        {"g/./h", "a", "/b/c/g/h"},
        {"g/../h", "a", "/b/c/h"},
        {"g;x=1/./y", "a", "/b/c/g;x=1/y"},
        {"g;x=1/../y", "a", "/b/c/y"},
        {"g?y/./x", "a", "/b/c/g?y/./x"},
        {"g?y/../x", "a", "/b/c/g?y/../x"},
        {"http://x:8/y", "x:8", "/y"},
        {"//x:8", "x:8", "/"},
    };
    struct weft_http_url base;

    (void)state;
    assert_int_equal(weft_http_url_parse("http://a/b/c/d;p?q", &base), 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (weft_http_url_resolve(&base, rows[i].reference, &url) != 0)
            fail_msg("%s", rows[i].reference);
        if (strcmp(url.target, rows[i].target) != 0 || strcmp(url.authority, rows[i].authority) != 0)
            fail_msg("%s: %s %s", rows[i].reference, url.authority, url.target);
    }
    assert_int_equal(weft_http_url_resolve(&base, "https://x/", &url), WEFT_E_OPNOTSUPP);
    assert_int_equal(weft_http_url_resolve(&base, "g\r\n", &url), WEFT_E_BADFORMAT);
    assert_int_equal(weft_http_url_resolve(&base, "g:h", &url), WEFT_E_BADFORMAT);
    assert_int_equal(weft_http_url_resolve(&base, "../g", &base), 0);
    assert_string_equal(base.target, "/b/g");
}

static void bounds_the_target(void **state)
{
    char text[3 * WEFT_HTTP_TARGET_MAX] = "http://h/";
    struct weft_http_url base;

    (void)state;
    memset(text + 9, 'a', WEFT_HTTP_TARGET_MAX);
    assert_int_equal(weft_http_url_parse(text, &url), WEFT_E_MSGSIZE);
    text[9 + WEFT_HTTP_TARGET_MAX - 14] = '\0';
    assert_int_equal(weft_http_url_parse(text, &base), 0);
    assert_int_equal(weft_http_url_resolve(&base, "?0123456789", &url), WEFT_E_MSGSIZE);
    memset(text + 9, ' ', 3000);
    assert_int_equal(weft_http_url_parse(text, &url), WEFT_E_MSGSIZE);
}

/* Whatever the text, a target that comes out may be sent. */
static void survives_anything(void **state)
{
    static const char *const parts[] = {"http://", "a", "/", "..", ".",    "?", "#", ":",
                                        "@",       "[", "]", "%",  "\xff", " ", "80"};
    struct test_rng rng = test_rng_start("test_http_url");
    struct weft_http_url base;

    (void)state;
    assert_int_equal(weft_http_url_parse("http://a/b/c/d;p?q", &base), 0);
    for (unsigned round = 0; round < 50000; round++) {
        char text[128] = "";

        for (uint32_t n = test_rng_below(&rng, 12); n > 0; n--)
            strcat(text, parts[test_rng_below(&rng, sizeof(parts) / sizeof(parts[0]))]);
        if (weft_http_url_resolve(&base, text, &url) != 0)
            continue;
        assert_int_equal(url.target[0], '/');
        for (const char *at = url.target; *at; at++)
            assert_true(*at > ' ' && *at < 0x7f && *at != '#');
        assert_true(strlen(url.host) > 0 && url.port != 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_urls_apart),    cmocka_unit_test(refuses_what_is_no_http_url),
        cmocka_unit_test(resolves_references), cmocka_unit_test(bounds_the_target),
        cmocka_unit_test(survives_anything),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
