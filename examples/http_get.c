/* SPDX-License-Identifier: MIT */
/*
 * The smallest web client: one GET over a TAP device, the body to standard output.
 *
 *     http_get tap0 10.77.0.2/24 http://10.77.0.1/
 */
#include <weft/http.h>
#include <weft/weft.h>

#include <stdio.h>

struct fetch {
    struct weft_loop *loop;
    int error;
};

static void readable(struct weft_http_call *call, void *user)
{
    char buf[4096];
    ptrdiff_t n;

    (void)user;
    while ((n = weft_http_call_read(call, buf, sizeof(buf))) > 0)
        fwrite(buf, 1, (size_t)n, stdout);
}

static void done(struct weft_http_call *call, void *user, int error)
{
    struct fetch *fetch = user;

    fetch->error = error;
    if (error)
        fprintf(stderr, "http_get: %s\n", weft_http_call_why(call));
    else
        fprintf(stderr, "http_get: %u %s\n", weft_http_call_status(call), weft_http_call_reason(call));
    weft_loop_stop(fetch->loop);
}

static int fail(const char *what, int err)
{
    fprintf(stderr, "http_get: %s: %s\n", what, weft_strerror(err));
    return 1;
}

int main(int argc, char **argv)
{
    static const struct weft_http_call_ops ops = {.readable = readable, .done = done};
    static struct weft_http_url url;
    struct weft_http_client_config config = {0};
    struct weft_http_request request = {.host = url.authority, .target = url.target, .close = true};
    struct weft_tap_config tap = {.name = argc > 1 ? argv[1] : "tap0", .offload = true};
    struct weft_stack_config stack = {0};
    struct fetch fetch = {0};
    struct weft_prefix addr;
    struct weft_link *link;
    struct weft_http_client *client;
    struct weft_http_call *call;
    char why[200];
    int err, iface;

    if (argc != 4 || weft_prefix_parse(argv[2], &addr) != 0 || weft_http_url_parse(argv[3], &url) != 0 ||
        weft_addr_parse(url.host, &request.server.addr) != 0) {
        fprintf(stderr, "usage: http_get DEVICE ADDRESS/LENGTH http://ADDRESS[:PORT]/...\n");
        return 2;
    }
    request.server.port = url.port;
    if ((err = weft_loop_new(&stack, &fetch.loop)) != 0)
        return fail("loop", err);
    if ((err = weft_link_tap(&tap, &link, why, sizeof(why))) != 0)
        return fail(why, err);
    if ((iface = weft_loop_add_link(fetch.loop, link)) < 0)
        return fail("interface", iface);
    if ((err = weft_iface_add_addr(weft_loop_stack(fetch.loop), iface, &addr)) != 0)
        return fail("address", err);
    if ((err = weft_http_client_new(weft_loop_stack(fetch.loop), &config, &client)) != 0 ||
        (err = weft_http_call_start(client, &request, &ops, &fetch, &call)) != 0)
        return fail("request", err);
    weft_loop_run(fetch.loop);
    weft_http_client_free(client);
    weft_loop_free(fetch.loop);
    return fetch.error ? 1 : 0;
}
