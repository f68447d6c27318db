/* SPDX-License-Identifier: MIT */
/*
 * The smallest web server: one route, on a TAP device.
 *
 *     http_hello tap0 10.77.0.2/24
 *     ip address add 10.77.0.1/24 dev tap0 && ip link set tap0 up && curl http://10.77.0.2/?name=you
 */
#include <weft/http.h>
#include <weft/weft.h>

#include <stdio.h>

static void hello(struct weft_http_req *req, void *user)
{
    char name[64] = "world", text[128];
    int len;

    (void)user;
    weft_http_req_param(req, "name", name, sizeof(name)); /* left alone when it is not there */
    len = snprintf(text, sizeof(text), "hello, %s\n", name);
    weft_http_answer(req, 200);
    weft_http_answer_field(req, "Content-Type", "text/plain; charset=utf-8");
    weft_http_answer_bytes(req, text, (size_t)len);
}

static int fail(const char *what, int err)
{
    fprintf(stderr, "http_hello: %s: %s\n", what, weft_strerror(err));
    return 1;
}

int main(int argc, char **argv)
{
    const struct weft_http_route route = {.path = "/", .methods = "GET, HEAD", .handle = hello};
    struct weft_http_server_config config = {.routes = &route, .nroutes = 1};
    struct weft_tap_config tap = {.name = argc > 1 ? argv[1] : "tap0", .offload = true};
    struct weft_stack_config stack = {0};
    struct weft_prefix addr;
    struct weft_loop *loop;
    struct weft_link *link;
    struct weft_http_server *server;
    char why[200];
    int err, iface;

    if (argc != 3 || weft_prefix_parse(argv[2], &addr) != 0) {
        fprintf(stderr, "usage: http_hello DEVICE ADDRESS/LENGTH\n");
        return 2;
    }
    if ((err = weft_loop_new(&stack, &loop)) != 0)
        return fail("loop", err);
    if ((err = weft_link_tap(&tap, &link, why, sizeof(why))) != 0)
        return fail(why, err);
    if ((iface = weft_loop_add_link(loop, link)) < 0)
        return fail("interface", iface);
    if ((err = weft_iface_add_addr(weft_loop_stack(loop), iface, &addr)) != 0)
        return fail("address", err);
    config.endpoint = (struct weft_endpoint){addr.addr, 80};
    if ((err = weft_http_server_new(weft_loop_stack(loop), &config, &server)) != 0)
        return fail("server", err);
    return weft_loop_run(loop) == 0 ? 0 : 1;
}
