/* SPDX-License-Identifier: MIT */
/*
 * The head of a request (RFC 9112 3, RFC 9110 7.2, 8.6).
 *
 * Owns    what a request says of itself, and the refusal of what would say
 *         something else on the wire than its caller meant.
 */
#include "http/client.h"

#include <stdlib.h>
#include <string.h>

/* --- Checks --- */

/* What only the client may say. */
static bool is_ours(const char *name)
{
    static const char *const names[] = {
        "Host", "Content-Length", "Transfer-Encoding", "Connection", "Expect", "TE", "Upgrade", "Trailer"};

    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (http_text_same(name, names[i]))
            return true;
    return false;
}

static bool are_good_fields(const struct weft_http_request *request)
{
    for (unsigned i = 0; i < request->nfields; i++) {
        const struct weft_http_field *field = &request->fields[i];

        if (!http_text_is_token(field->name) || is_ours(field->name) || !http_text_is_value(field->value))
            return false;
    }
    return true;
}

static bool is_good_target(const char *target, const char *method)
{
    if (strcmp(target, "*") == 0)
        return strcmp(method, "OPTIONS") == 0;
    return target[0] == '/' && http_text_all(target, strlen(target), HTTP_TARGET);
}

/* CONNECT and Upgrade would make of the connection something that is not HTTP. */
static bool is_good(const struct weft_http_request *request, const char *method)
{
    struct http_span host = {request->host, strlen(request->host)};

    return http_text_is_token(method) && strcmp(method, "CONNECT") != 0 && http_target_is_host(host, true) &&
           is_good_target(request->target, method) && are_good_fields(request) &&
           !(request->data && request->source) && request->source_length >= WEFT_HTTP_UNKNOWN;
}

/* --- Writing --- */

static const char *value_of(const struct weft_http_request *request, const char *name)
{
    for (unsigned i = 0; i < request->nfields; i++)
        if (http_text_same(request->fields[i].name, name))
            return request->fields[i].value;
    return NULL;
}

static bool put_field(struct http_out *out, const char *name, const char *value)
{
    return http_out_puts(out, name) && http_out_puts(out, ": ") && http_out_puts(out, value) &&
           http_out_puts(out, "\r\n");
}

/* RFC 9110 8.6: a length whenever there is a body, and where one would be expected. */
static bool put_framing(struct http_out *out, const struct weft_http_call *call,
                        const struct weft_http_request *request)
{
    bool expects_body =
        call->method == WEFT_HTTP_POST || call->method == WEFT_HTTP_PUT || call->method == WEFT_HTTP_PATCH;
    bool has_body = request->source || request->data;

    if (call->source_length == WEFT_HTTP_UNKNOWN)
        return put_field(out, "Transfer-Encoding", "chunked");
    if (!has_body && !expects_body)
        return true;
    return http_out_puts(out, "Content-Length: ") &&
           http_out_put_number(out, (uint64_t)call->source_length + call->data_len) &&
           http_out_puts(out, "\r\n");
}

static bool put_head(struct http_out *out, const struct weft_http_call *call,
                     const struct weft_http_request *request, const char *method)
{
    bool good = http_out_puts(out, method) && http_out_puts(out, " ") &&
                http_out_puts(out, request->target) && http_out_puts(out, " HTTP/1.1\r\n") &&
                put_field(out, "Host", request->host);

    if (!value_of(request, "User-Agent"))
        good = good && put_field(out, "User-Agent", call->client->user_agent);
    if (!value_of(request, "Accept"))
        good = good && put_field(out, "Accept", "*/*");
    for (unsigned i = 0; i < request->nfields; i++)
        good = good && put_field(out, request->fields[i].name, request->fields[i].value);
    good = good && put_framing(out, call, request);
    if (call->holds_body)
        good = good && put_field(out, "Expect", "100-continue");
    if (call->wants_close)
        good = good && put_field(out, "Connection", "close");
    return good && http_out_puts(out, "\r\n");
}

static enum weft_http_method method_of(const char *name)
{
    static const struct {
        const char *name;
        enum weft_http_method method;
    } known[] = {{"GET", WEFT_HTTP_GET},     {"HEAD", WEFT_HTTP_HEAD},     {"POST", WEFT_HTTP_POST},
                 {"PUT", WEFT_HTTP_PUT},     {"DELETE", WEFT_HTTP_DELETE}, {"OPTIONS", WEFT_HTTP_OPTIONS},
                 {"TRACE", WEFT_HTTP_TRACE}, {"PATCH", WEFT_HTTP_PATCH}};

    for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strcmp(known[i].name, name) == 0)
            return known[i].method;
    return WEFT_HTTP_OTHER;
}

/* RFC 9110 9.2.2 */
static bool is_idempotent(enum weft_http_method method)
{
    return method == WEFT_HTTP_GET || method == WEFT_HTTP_HEAD || method == WEFT_HTTP_PUT ||
           method == WEFT_HTTP_DELETE || method == WEFT_HTTP_OPTIONS || method == WEFT_HTTP_TRACE;
}

int http_compose(struct weft_http_call *call, const struct weft_http_request *request)
{
    const char *method = request->method ? request->method : "GET";
    struct http_out head = {.buf = malloc(1024), .size = 1024};
    bool has_body = request->source ? request->source_length != 0 : request->data_len > 0;

    if (!head.buf || !is_good(request, method)) {
        free(head.buf);
        return head.buf ? WEFT_E_INVAL : WEFT_E_NOMEM;
    }
    call->server = request->server;
    call->method = method_of(method);
    call->data = request->data;
    call->data_len = request->data ? request->data_len : 0;
    call->source_length = request->source ? request->source_length : 0;
    call->holds_body = request->expect_continue && has_body;
    call->wants_close = call->asked_to_close = request->close;
    call->may_retry = is_idempotent(call->method) && !request->source;
    if (!put_head(&head, call, request, method)) {
        free(head.buf);
        return WEFT_E_MSGSIZE;
    }
    call->request = head.buf;
    call->request_len = head.wr;
    return 0;
}
