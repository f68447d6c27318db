/* SPDX-License-Identifier: MIT */
/*
 * Which handler answers a request, and what is answered when none does.
 */
#include "http/server.h"

#include <string.h>

/* How well a route's path fits: 0 not at all, else more is better. */
static size_t fit(const char *route, const char *path)
{
    size_t len = strlen(route);

    if (len && route[len - 1] == '/')
        return strncmp(path, route, len) == 0 ? len : 0;
    return strcmp(path, route) == 0 ? len + 1 : 0;
}

static const struct weft_http_route *best_route(const struct weft_http_server_config *config,
                                                const char *path)
{
    const struct weft_http_route *best = NULL;
    size_t best_fit = 0;

    for (unsigned i = 0; i < config->nroutes; i++) {
        size_t this_fit = fit(config->routes[i].path, path);

        if (this_fit > best_fit) {
            best = &config->routes[i];
            best_fit = this_fit;
        }
    }
    return best;
}

/* Methods are case-sensitive, RFC 9110 9.1. */
static bool allows(const char *methods, const char *method)
{
    size_t len = strlen(method);

    for (const char *at = methods; (at = strstr(at, method)) != NULL; at += len) {
        bool begins = at == methods || !http_is(at[-1], HTTP_TCHAR);

        if (begins && !http_is(at[len], HTTP_TCHAR))
            return true;
    }
    return false;
}

/* RFC 9110 9.1: HEAD goes where GET goes. The server takes the body away. */
static bool is_head_of_get(const struct weft_http_route *route, const struct http_head *head)
{
    return head->method == WEFT_HTTP_HEAD && allows(route->methods, "GET");
}

/* RFC 9110 9.3.7: what may be done with the resource, or with the server as a whole. */
static void answer_options(struct weft_http_req *req, const struct weft_http_route *route)
{
    weft_http_answer(req, 204);
    if (route)
        weft_http_answer_fieldf(req, "Allow", "%s, OPTIONS", route->methods);
    weft_http_answer_bytes(req, NULL, 0);
}

static void answer_not_allowed(struct weft_http_req *req, const struct weft_http_route *route)
{
    static const char text[] = "405 Method Not Allowed\n";

    weft_http_answer(req, 405);
    weft_http_answer_fieldf(req, "Allow", "%s, OPTIONS", route->methods);
    weft_http_answer_field(req, "Content-Type", "text/plain; charset=utf-8");
    weft_http_answer_bytes(req, text, sizeof(text) - 1);
}

const struct weft_http_route *http_route_find(struct weft_http_req *req)
{
    const struct http_head *head = &req->head;
    const struct weft_http_route *route = best_route(&req->conn->server->config, req->path);
    const char *method = weft_http_req_method_name(req);

    if (route && !head->target.has_slash && (allows(route->methods, method) || is_head_of_get(route, head)))
        return route;
    if (head->method == WEFT_HTTP_OTHER || head->method == WEFT_HTTP_CONNECT ||
        head->method == WEFT_HTTP_TRACE)
        http_answer_fault(req, 501, http_fault_text(HTTP_FAULT_METHOD_UNKNOWN),
                          http_fault_source(HTTP_FAULT_METHOD_UNKNOWN));
    else if (head->target.has_slash)
        weft_http_answer_error(req, 404, "nothing here has a slash in its name");
    else if (head->method == WEFT_HTTP_OPTIONS && (route || strcmp(req->path, "*") == 0))
        answer_options(req, route);
    else if (route)
        answer_not_allowed(req, route);
    else
        weft_http_answer_error(req, 404, NULL);
    return NULL;
}
