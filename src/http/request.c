/* SPDX-License-Identifier: MIT */
/* What a handler may ask of a request: see http.h. */
#include "http/server.h"

#include <string.h>

void weft_http_req_watch(struct weft_http_req *req, const struct weft_http_watch *watch, void *user)
{
    req->watch = watch;
    req->watch_user = user;
}

enum weft_http_method weft_http_req_method(const struct weft_http_req *req)
{
    return req->head.method;
}

const char *weft_http_req_method_name(const struct weft_http_req *req)
{
    return req->in.buf + req->head.method_name;
}

const char *weft_http_req_path(const struct weft_http_req *req)
{
    return req->path;
}

const char *weft_http_req_raw_path(const struct weft_http_req *req)
{
    return req->raw_path;
}

const char *weft_http_req_query(const struct weft_http_req *req)
{
    return req->query;
}

/* Decodes a part of a query. Results as weft_http_req_param. */
static ptrdiff_t decode_param(const char *text, size_t len, char *buf, size_t size)
{
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        char c = text[i] == '+' ? ' ' : text[i];

        if (c == '%') {
            if (len - i < 3 || !http_is(text[i + 1], HTTP_HEX) || !http_is(text[i + 2], HTTP_HEX))
                return WEFT_E_BADFORMAT;
            c = (char)(http_hex(text[i + 1]) << 4 | http_hex(text[i + 2]));
            if (!c)
                return WEFT_E_BADFORMAT;
            i += 2;
        }
        if (n + 1 >= size)
            return WEFT_E_MSGSIZE;
        buf[n++] = c;
    }
    if (!size)
        return WEFT_E_MSGSIZE;
    buf[n] = '\0';
    return (ptrdiff_t)n;
}

/* Does the encoded name, `len` octets, mean `name`? */
static bool is_name(const char *text, size_t len, const char *name)
{
    char decoded[128];

    return decode_param(text, len, decoded, sizeof(decoded)) >= 0 && strcmp(decoded, name) == 0;
}

ptrdiff_t weft_http_req_param(const struct weft_http_req *req, const char *name, char *buf, size_t size)
{
    const char *at = req->query;

    while (at && *at) {
        size_t len = strcspn(at, "&");
        const char *equals = memchr(at, '=', len);
        size_t name_len = equals ? (size_t)(equals - at) : len;

        if (is_name(at, name_len, name)) {
            const char *value = at + name_len + (equals != NULL);

            return decode_param(value, len - (size_t)(value - at), buf, size);
        }
        at += len + (at[len] == '&');
    }
    return WEFT_E_NOTFOUND;
}

const char *weft_http_req_host(const struct weft_http_req *req)
{
    return req->host;
}

unsigned weft_http_req_minor_version(const struct weft_http_req *req)
{
    return req->head.minor;
}

const char *weft_http_req_header(const struct weft_http_req *req, const char *name)
{
    return http_head_find(&req->head, req->in.buf, name);
}

bool weft_http_req_field(const struct weft_http_req *req, unsigned index, struct weft_http_field *out)
{
    return http_head_line(&req->head, req->in.buf, index, out);
}

void weft_http_req_remote(const struct weft_http_req *req, struct weft_endpoint *out)
{
    weft_sock_remote(req->conn->sock, out);
}

struct weft_stack *weft_http_req_stack(const struct weft_http_req *req)
{
    return req->conn->server->stack;
}

int64_t weft_http_req_body_length(const struct weft_http_req *req)
{
    if (req->head.body == HTTP_BODY_CHUNKED)
        return WEFT_HTTP_UNKNOWN;
    return req->head.body == HTTP_BODY_LENGTH ? (int64_t)req->head.length : 0;
}

void weft_http_req_abort(struct weft_http_req *req)
{
    http_conn_abort(req->conn, WEFT_E_CONNABORTED);
}
