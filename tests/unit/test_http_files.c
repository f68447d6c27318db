/* SPDX-License-Identifier: MIT */
/*
 * Files: which path is answered with what, from a directory made for the test;
 * and that no path leads out of it.
 */
#define _GNU_SOURCE

#include "http_fake_sock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <weft/http.h>

#include "http/files.h"
#include "http/mime.h"

#define THE_DATE 784111777 /* Sun, 06 Nov 1994 08:49:37 GMT */

struct site {
    struct weft_stack stack;
    struct weft_http_server *server;
    struct weft_http_files *files;
    struct weft_http_route route;
    struct weft_http_files_config config;
    char root[64], secret[96];
    int64_t wall;
};

static struct site site;

static int64_t wall_clock(void *user)
{
    (void)user;
    return site.wall;
}

/* --- A directory to serve --- */

static const char *path_of(const char *name)
{
    static char path[512];

    snprintf(path, sizeof(path), "%s/%s", site.root, name);
    return path;
}

static void set_time(const char *name, int64_t seconds)
{
    struct timespec times[2] = {{seconds, 0}, {seconds, 123456789}};

    assert_int_equal(utimensat(AT_FDCWD, path_of(name), times, 0), 0);
}

static void make_file(const char *name, const void *data, size_t len)
{
    FILE *file = fopen(path_of(name), "w");

    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, len, file), len);
    fclose(file);
    set_time(name, THE_DATE);
}

static void make_text(const char *name, const char *text)
{
    make_file(name, text, strlen(text));
}

static void make_link(const char *target, const char *name)
{
    char path[512];

    snprintf(path, sizeof(path), "%s", path_of(name));
    assert_int_equal(symlink(target, path), 0);
}

static void make_site(void)
{
    char up[128];
    FILE *file;

    strcpy(site.root, "/tmp/weft-http-files-XXXXXX");
    assert_non_null(mkdtemp(site.root));
    snprintf(site.secret, sizeof(site.secret), "%s-secret", site.root);
    file = fopen(site.secret, "w");
    assert_non_null(file);
    fputs("secret", file);
    fclose(file);
    make_text("a.txt", "alpha\n");
    make_text("empty", "");
    make_text("b c&<d>.html", "<p>");
    make_text(".hidden", "hidden");
    mkdir(path_of("with"), 0755);
    make_text("with/index.html", "<h1>with</h1>");
    mkdir(path_of("without"), 0755);
    make_text("without/z.png", "png");
    mkdir(path_of("without/sub dir"), 0755);
    make_link("a.txt", "inside");
    make_link("with", "dirlink");
    make_link(site.secret, "absolute");
    snprintf(up, sizeof(up), "../%s-secret", strrchr(site.root, '/') + 1);
    make_link(up, "outside");
    make_link("..", "up");
    make_link("loop", "loop");
    assert_int_equal(mkfifo(path_of("fifo"), 0644), 0);
    make_text("forbidden", "x");
    chmod(path_of("forbidden"), 0);
}

static int setup(void **state)
{
    (void)state;
    memset(&site, 0, sizeof(site));
    fake_stack_init(&site.stack);
    make_site();
    site.wall = THE_DATE + 1000;
    site.config = (struct weft_http_files_config){.root = site.root, .listing = true};
    return 0;
}

static int teardown(void **state)
{
    char command[256];

    (void)state;
    weft_http_server_free(site.server);
    fake_take_all(&site.stack);
    fake_stack_fini(&site.stack);
    weft_http_files_free(site.files);
    snprintf(command, sizeof(command), "rm -rf '%s' '%s'", site.root, site.secret);
    return system(command);
}

static void start(void)
{
    struct weft_http_server_config config = {
        .endpoint = {WEFT_ADDR_ANY, 80},
        .routes = &site.route,
        .nroutes = 1,
        .wall_clock = wall_clock,
    };
    char why[128] = "";

    assert_int_equal(weft_http_files_new(&site.config, &site.files, why, sizeof(why)), 0);
    site.route = (struct weft_http_route){site.config.prefix ? site.config.prefix : "/", "GET, HEAD",
                                          weft_http_files_handle, site.files, 0};
    assert_int_equal(weft_http_server_new(&site.stack, &config, &site.server), 0);
}

static struct weft_sock *get(const char *path, const char *fields)
{
    struct weft_sock *sock = fake_connect(&site.stack);
    char text[1024];

    snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: h\r\n%s\r\n", path, fields);
    fake_send_text(sock, text);
    fake_run(&site.stack);
    return sock;
}

static unsigned status_of(const struct weft_sock *sock)
{
    assert_non_null(sock->out.data);
    return (unsigned)strtoul(sock->out.data + 9, NULL, 10);
}

static const char *body_of(const struct weft_sock *sock)
{
    return strstr(sock->out.data, "\r\n\r\n") + 4;
}

static void assert_has(const struct weft_sock *sock, const char *part)
{
    if (!strstr(sock->out.data, part))
        fail_msg("\"%s\" is not in \"%s\"", part, sock->out.data);
}

/* --- What is there --- */

static void serves_files(void **state)
{
    static const struct {
        const char *path;
        unsigned status;
        const char *body; /* NULL: of no interest */
        const char *type;
    } rows[] = {
        {"/a.txt", 200, "alpha\n", "text/plain; charset=utf-8"},
        {"/empty", 200, "", "application/octet-stream"},
        {"/b%20c&%3Cd%3e.html", 200, "<p>", "text/html; charset=utf-8"},
        {"/with/", 200, "<h1>with</h1>", "text/html; charset=utf-8"},
        {"/with/index.html", 200, "<h1>with</h1>", "text/html; charset=utf-8"},
        {"/./with/../a.txt", 200, "alpha\n", "text/plain; charset=utf-8"},
        {"/inside", 200, "alpha\n", "application/octet-stream"},
        {"/dirlink/", 200, "<h1>with</h1>", "text/html; charset=utf-8"},
        {"/without/z.png?x=y", 200, "png", "image/png"},
        {"/none", 404, NULL, NULL},
        {"/a.txt/", 404, NULL, NULL},
        {"/a.txt/b", 404, NULL, NULL},
        {"//a.txt", 404, NULL, NULL},
        {"/with//index.html", 404, NULL, NULL},
        {"/.hidden", 404, NULL, NULL},
        {"/.", 200, NULL, NULL},
        {"/with%2findex.html", 404, NULL, NULL},
        {"/fifo", 404, NULL, NULL},
        {"/loop", 404, NULL, NULL},
    };

    (void)state;
    start();
    assert_true(site.files->has_openat2);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct weft_sock *sock = get(rows[i].path, "");
        char type[128];

        if (status_of(sock) != rows[i].status)
            fail_msg("%s: %s", rows[i].path, sock->out.data);
        if (rows[i].body)
            assert_string_equal(body_of(sock), rows[i].body);
        if (rows[i].type) {
            snprintf(type, sizeof(type), "\r\nContent-Type: %s\r\n", rows[i].type);
            assert_has(sock, type);
            assert_has(sock, "\r\nX-Content-Type-Options: nosniff\r\n");
        }
    }
}

static void says_what_may_not_be_read(void **state)
{
    (void)state;
    start();
    /* Root may read everything. */
    assert_int_equal(status_of(get("/forbidden", "")), geteuid() == 0 ? 200 : 403);
}

/* With the kernel's help and without it. */
static void nothing_leads_out(void **state)
{
    static const char *const paths[] = {
        "/absolute",
        "/outside",
        "/up/",
        "/up/tmp",
        "/../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/with/../..",
        "/..%2f..%2fetc",
        "/up",
        "/a.txt/../../etc/passwd",
        "/%5c..%5c..",
        "/dirlink/../../etc/passwd",
    };

    (void)state;
    start();
    for (unsigned helped = 0; helped < 2; helped++) {
        site.files->has_openat2 = helped;
        for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
            struct weft_sock *sock = get(paths[i], "");

            assert_null(strstr(sock->out.data, "secret"));
            assert_null(strstr(sock->out.data, "root:"));
            assert_true(status_of(sock) == 404 || strstr(sock->out.data, "a.txt"));
        }
        assert_int_equal(status_of(get("/absolute", "")), 404);
        assert_int_equal(status_of(get("/outside", "")), 404);
        assert_int_equal(status_of(get("/up/", "")), 404);
    }
}

static void without_openat2_no_link_is_followed(void **state)
{
    (void)state;
    start();
    site.files->has_openat2 = false;
    assert_int_equal(status_of(get("/a.txt", "")), 200);
    assert_int_equal(status_of(get("/without/z.png", "")), 200);
    assert_int_equal(status_of(get("/with/", "")), 200);
    assert_int_equal(status_of(get("/without/", "")), 200);
    assert_int_equal(status_of(get("/", "")), 200);
    assert_int_equal(status_of(get("/inside", "")), 404);
    assert_int_equal(status_of(get("/dirlink/", "")), 404);
    assert_int_equal(status_of(get("/dirlink/index.html", "")), 404);
    assert_int_equal(status_of(get("/none/x", "")), 404);
    assert_int_equal(status_of(get("/a.txt/", "")), 404);
}

static void redirects_to_directories(void **state)
{
    struct weft_sock *sock;

    (void)state;
    start();
    sock = get("/without?a=b", "");
    assert_int_equal(status_of(sock), 301);
    assert_has(sock, "\r\nLocation: /without/?a=b\r\n");
    sock = get("/without/sub%20dir", "");
    assert_has(sock, "\r\nLocation: /without/sub%20dir/\r\n");
    sock = get("/with/../without", "");
    assert_has(sock, "\r\nLocation: /without/\r\n");
    sock = get("//without", "");
    assert_int_equal(status_of(sock), 404);
}

static void lists_directories(void **state)
{
    struct weft_sock *sock;
    const char *body;

    (void)state;
    start();
    sock = get("/", "");
    assert_int_equal(status_of(sock), 200);
    assert_has(sock, "\r\nContent-Type: text/html; charset=utf-8\r\n");
    body = body_of(sock);
    assert_non_null(strstr(body, "<a href=\"./b%20c&amp;%3Cd%3E.html\">b c&amp;&lt;d&gt;.html</a>"));
    assert_non_null(strstr(body, "<a href=\"./with/\">with/</a>"));
    assert_null(strstr(body, "hidden"));
    assert_null(strstr(body, "../"));
    assert_true(strstr(body, "without/</a>") < strstr(body, "a.txt</a>"));
    assert_true(strstr(body, "a.txt</a>") < strstr(body, "empty</a>"));
    sock = get("/without/", "");
    assert_has(sock, "<a href=\"../\">");
    assert_has(sock, "<a href=\"./sub%20dir/\">");
    assert_has(sock, "<td>3<td>Sun, 06 Nov 1994 08:49:37 GMT");
    site.files->max_entries = 1;
    sock = get("/without/", "");
    assert_has(sock, "they are not shown");
    site.files->listing = false;
    assert_int_equal(status_of(get("/without/", "")), 404);
    assert_int_equal(status_of(get("/with/", "")), 200);
}

static void dotfiles_are_an_option(void **state)
{
    (void)state;
    site.config.dotfiles = true;
    start();
    assert_string_equal(body_of(get("/.hidden", "")), "hidden");
    assert_has(get("/", ""), "<a href=\"./.hidden\">");
    assert_null(strstr(get("/", "")->out.data, "\"./../"));
    assert_null(strstr(get("/", "")->out.data, "\"././"));
}

static void a_prefix_is_taken_off(void **state)
{
    (void)state;
    site.config.prefix = "/files/";
    site.config.index = "z.png";
    site.config.cache_control = "max-age=60";
    start();
    assert_string_equal(body_of(get("/files/a.txt", "")), "alpha\n");
    assert_has(get("/files/a.txt", ""), "\r\nCache-Control: max-age=60\r\n");
    assert_int_equal(status_of(get("/a.txt", "")), 404);
    assert_string_equal(body_of(get("/files/without/", "")), "png");
    assert_has(get("/files/without", ""), "\r\nLocation: /files/without/\r\n");
}

static void other_methods_are_refused(void **state)
{
    struct weft_sock *sock = NULL;

    (void)state;
    start();
    sock = fake_connect(&site.stack);
    fake_send_text(sock, "DELETE /a.txt HTTP/1.1\r\nHost: h\r\n\r\nHEAD /a.txt HTTP/1.1\r\nHost: h\r\n\r\n");
    fake_run(&site.stack);
    assert_has(sock, "HTTP/1.1 405 Method Not Allowed\r\n");
    assert_has(sock, "\r\nAllow: GET, HEAD, OPTIONS\r\n");
    assert_has(sock, "HTTP/1.1 200 OK\r\n");
    assert_has(sock, "\r\nContent-Length: 6\r\n");
    assert_null(strstr(sock->out.data, "alpha"));
}

/* --- Validators --- */

static void get_etag(const char *path, char etag[128])
{
    struct weft_sock *sock = get(path, "");
    const char *at = strstr(sock->out.data, "\r\nETag: ");

    assert_non_null(at);
    snprintf(etag, 128, "%.*s", (int)strcspn(at + 8, "\r"), at + 8);
}

static void validates(void **state)
{
    char etag[128], other[128], fields[256];
    struct weft_sock *sock;

    (void)state;
    start();
    get_etag("/a.txt", etag);
    assert_int_equal(etag[0], '"');
    snprintf(fields, sizeof(fields), "If-None-Match: %s\r\n", etag);
    sock = get("/a.txt", fields);
    assert_int_equal(status_of(sock), 304);
    assert_has(sock, etag);
    assert_int_equal(status_of(get("/a.txt", "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n")), 304);
    assert_int_equal(status_of(get("/a.txt", "If-Modified-Since: Sun, 06 Nov 1994 08:49:36 GMT\r\n")), 200);
    assert_int_equal(status_of(get("/a.txt", "If-Match: \"x\"\r\n")), 412);
    snprintf(fields, sizeof(fields), "If-Range: %s\r\nRange: bytes=1-2\r\n", etag);
    sock = get("/a.txt", fields);
    assert_int_equal(status_of(sock), 206);
    assert_string_equal(body_of(sock), "lp");
    assert_has(sock, "\r\nContent-Range: bytes 1-2/6\r\n");
    set_time("a.txt", THE_DATE + 1);
    get_etag("/a.txt", other);
    assert_string_not_equal(etag, other);
    assert_int_equal(status_of(get("/a.txt", fields)), 200);
    get_etag("/empty", other);
    assert_string_not_equal(etag, other);
}

/* RFC 9110 8.8.1: what may still change unseen has a weak tag, which no range may rest on. */
static void a_fresh_file_has_a_weak_tag(void **state)
{
    char etag[128], fields[256];

    (void)state;
    site.wall = THE_DATE + 1;
    start();
    get_etag("/a.txt", etag);
    assert_memory_equal(etag, "W/\"", 3);
    snprintf(fields, sizeof(fields), "If-Range: %s\r\nRange: bytes=1-2\r\n", etag);
    assert_int_equal(status_of(get("/a.txt", fields)), 200);
    snprintf(fields, sizeof(fields), "If-None-Match: %s\r\n", etag);
    assert_int_equal(status_of(get("/a.txt", fields)), 304);
}

/* --- Large files --- */

static void sends_large_files_in_pieces(void **state)
{
    enum { LEN = 1000000 };
    char *data = malloc(LEN);
    struct test_rng rng = test_rng_start("test_http_files");
    struct weft_sock *sock;
    struct weft_pool_usage usage;
    const char *body;

    (void)state;
    assert_non_null(data);
    test_rng_bytes(&rng, data, LEN);
    make_file("large", data, LEN);
    start();
    site.stack.hold = true;
    site.stack.room = 100000;
    sock = get("/large", "");
    weft_pool_usage(site.stack.pool, &usage);
    assert_true(usage.large_used <= 8);
    while (sock->pending) {
        fake_take(sock, 30000);
        fake_run(&site.stack);
    }
    body = memmem(sock->out.data, sock->out.len, "\r\n\r\n", 4);
    assert_int_equal(sock->out.len - (size_t)(body + 4 - sock->out.data), LEN);
    assert_memory_equal(body + 4, data, LEN);
    sock = get("/large", "Range: bytes=500000-\r\n");
    while (sock->pending) {
        fake_take(sock, 30000);
        fake_run(&site.stack);
    }
    body = memmem(sock->out.data, sock->out.len, "\r\n\r\n", 4);
    assert_memory_equal(body + 4, data + 500000, 500000);
    free(data);
}

static void a_file_that_shrinks_cuts_its_answer(void **state)
{
    static char data[200000];
    struct weft_sock *sock;

    (void)state;
    make_file("large", data, sizeof(data));
    start();
    site.stack.hold = true;
    site.stack.room = 50000;
    sock = get("/large", "");
    assert_int_equal(truncate(path_of("large"), 60000), 0);
    for (unsigned i = 0; i < 20; i++) {
        fake_take(sock, FAKE_NO_LIMIT);
        fake_run(&site.stack);
    }
    assert_true(sock->fin);
    assert_true(sock->out.len < sizeof(data));
    assert_has(sock, "Content-Length: 200000\r\n");
}

static void descriptors_come_back(void **state)
{
    int before, after;

    (void)state;
    start();
    before = dup(0);
    close(before);
    for (unsigned i = 0; i < 50; i++) {
        get("/a.txt", "");
        get("/", "");
        get("/with/", "");
        get("/without", "");
        get("/a.txt", "If-Match: \"x\"\r\n");
        get("/fifo", "");
    }
    after = dup(0);
    close(after);
    assert_int_equal(before, after);
}

/* --- The rest --- */

static void says_why_a_root_cannot_be_served(void **state)
{
    char why[128];

    (void)state;
    site.config.root = "/nonexistent/x";
    assert_int_equal(weft_http_files_new(&site.config, &site.files, why, sizeof(why)), WEFT_E_NOTFOUND);
    assert_string_equal(why, "/nonexistent/x cannot be served: No such file or directory");
    site.config.root = path_of("a.txt");
    assert_int_equal(weft_http_files_new(&site.config, &site.files, why, sizeof(why)), WEFT_E_INVAL);
    assert_null(site.files);
}

static void knows_types(void **state)
{
    (void)state;
    assert_string_equal(http_mime_type("x.HTML"), "text/html; charset=utf-8");
    assert_string_equal(http_mime_type("x.7z"), "application/x-7z-compressed");
    assert_string_equal(http_mime_type("x.zst"), "application/zstd");
    assert_string_equal(http_mime_type("x.tar.gz"), "application/gzip");
    assert_string_equal(http_mime_type("README"), "application/octet-stream");
    assert_string_equal(http_mime_type("x."), "application/octet-stream");
    assert_string_equal(http_mime_type("x.htmlx"), "application/octet-stream");
    assert_string_equal(http_mime_type("x.ht"), "application/octet-stream");
}

static void encodes_paths(void **state)
{
    char out[64];

    (void)state;
    assert_int_equal(http_files_encode("/a b\xc3\xa4%?#'\"<.~", out, sizeof(out)), 32);
    assert_string_equal(out, "/a%20b%C3%A4%25%3F%23%27%22%3C.~");
    assert_int_equal(http_files_encode("%%%", out, 4), 9);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(serves_files),
        TEST(says_what_may_not_be_read),
        TEST(nothing_leads_out),
        TEST(without_openat2_no_link_is_followed),
        TEST(redirects_to_directories),
        TEST(lists_directories),
        TEST(dotfiles_are_an_option),
        TEST(a_prefix_is_taken_off),
        TEST(other_methods_are_refused),
        TEST(validates),
        TEST(a_fresh_file_has_a_weak_tag),
        TEST(sends_large_files_in_pieces),
        TEST(a_file_that_shrinks_cuts_its_answer),
        TEST(descriptors_come_back),
        TEST(says_why_a_root_cannot_be_served),
        TEST(knows_types),
        TEST(encodes_paths),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
