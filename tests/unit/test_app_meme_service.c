/* SPDX-License-Identifier: MIT */
/*
 * What one client of the meme service can hold of what others need, over
 * sockets of memory. The worker is the test, and pictures are plain bytes.
 */
#include "http_fake_sock.h"

#include <stdio.h>

#include <weft/http.h>

#include "app/meme_render.h"
#include "app/meme_service.h"
#include "app/worker.h"

#define PICTURE 100000

static struct {
    struct weft_stack stack;
    struct meme_service *service;
    struct weft_http_server *server;
    struct worker_job *submitted; /* the last */
} t;

/* --- In place of the worker and of the pictures --- */

int worker_new(struct weft_loop *loop, struct worker **worker)
{
    (void)loop;
    *worker = NULL;
    return 0;
}

void worker_submit(struct worker *worker, struct worker_job *job)
{
    (void)worker;
    t.submitted = job;
}

void worker_free(struct worker *worker)
{
    (void)worker;
}

bool meme_render(const void *body, size_t body_bytes, const struct meme_options *opt, uint8_t **jpeg,
                 size_t *jpeg_bytes, struct meme_error *err)
{
    (void)opt, (void)err;
    assert_memory_equal(body, "{}", body_bytes);
    *jpeg = malloc(PICTURE);
    assert_non_null(*jpeg);
    memset(*jpeg, 'j', PICTURE);
    *jpeg_bytes = PICTURE;
    return true;
}

static void work(void)
{
    struct worker_job *job = t.submitted;

    assert_non_null(job);
    t.submitted = NULL;
    job->run(job);
    job->done(job, true);
    fake_run(&t.stack);
}

/* --- The service, with room for one small request at a time --- */

static int setup(void **state)
{
    struct meme_service_config config = meme_service_config_default();
    struct weft_http_server_config http = {.endpoint = {WEFT_ADDR_ANY, 80}, .nroutes = 1};

    (void)state;
    memset(&t, 0, sizeof(t));
    fake_stack_init(&t.stack);
    config.max_held_bytes = 65536;
    assert_int_equal(meme_service_new(NULL, &config, &t.service), 0);
    http.routes = meme_service_route(t.service);
    assert_int_equal(weft_http_server_new(&t.stack, &http, &t.server), 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    weft_http_server_free(t.server);
    meme_service_free(t.service);
    fake_take_all(&t.stack);
    fake_stack_fini(&t.stack);
    return 0;
}

static struct weft_sock *post(size_t length, const char *body)
{
    struct weft_sock *sock = fake_connect(&t.stack);
    char head[200];

    snprintf(
        head, sizeof(head),
        "POST /meme HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
        length);
    fake_send_text(sock, head);
    fake_send_text(sock, body);
    fake_run(&t.stack);
    return sock;
}

static void assert_is_served(void)
{
    struct weft_sock *sock = post(2, "{}");

    assert_string_equal(fake_text(sock), "");
    work();
    assert_memory_equal(fake_text(sock), "HTTP/1.1 200 OK\r\n", 17);
    assert_memory_equal(sock->out.data + sock->out.len - 4, "jjjj", 4);
    assert_true(sock->out.len > PICTURE);
}

/* --- Tests --- */

static void who_does_not_read_the_picture_holds_no_request(void **state)
{
    struct weft_sock *sock;

    (void)state;
    t.stack.hold = true;
    t.stack.room = 2000;
    sock = post(2, "{}");
    t.stack.hold = false;
    t.stack.room = 1 << 20;
    work();
    assert_true(sock->pending > 0);
    assert_is_served();
    for (unsigned i = 0; i < 1000 && sock->out.len < PICTURE; i++) {
        fake_take(sock, 1000);
        fake_run(&t.stack);
    }
    fake_take(sock, FAKE_NO_LIMIT);
    assert_memory_equal(sock->out.data + sock->out.len - 4, "jjjj", 4);
}

static void who_sends_too_slowly_is_refused(void **state)
{
    static char drip[2000];
    struct weft_sock *sock;

    (void)state;
    memset(drip, ' ', sizeof(drip));
    sock = post(60000, "");
    for (unsigned i = 0; i < 7; i++) {
        fake_send(sock, drip, sizeof(drip));
        fake_advance(&t.stack, 20 * WEFT_SEC);
    }
    assert_memory_equal(fake_text(sock), "HTTP/1.1 408 ", 13);
    assert_non_null(strstr(fake_text(sock), "too_slow"));
    assert_is_served();
}

static void a_picture_is_made_whoever_is_gone(void **state)
{
    struct weft_sock *sock = post(2, "{}");

    (void)state;
    fake_fail(sock, WEFT_E_CONNRESET);
    fake_run(&t.stack);
    work();
    assert_is_served();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(who_does_not_read_the_picture_holds_no_request),
        TEST(who_sends_too_slowly_is_refused),
        TEST(a_picture_is_made_whoever_is_gone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
