/* SPDX-License-Identifier: MIT */
/* Request targets and hosts. See target.h. */
#include "http/target.h"

#include <string.h>

/* --- Hosts --- */

/* RFC 3986 3.2.2 IP-literal; the versions that are yet to come are not spoken here. */
static bool is_literal(struct http_span name)
{
    if (name.len < 4 || name.at[name.len - 1] != ']')
        return false;
    for (size_t i = 1; i < name.len - 1; i++)
        if (!http_is(name.at[i], HTTP_HEX) && name.at[i] != ':' && name.at[i] != '.')
            return false;
    return true;
}

/* Every '%' stands before two hexadecimal digits, RFC 3986 2.1. */
static bool has_good_escapes(struct http_span text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] == '%' &&
            (text.len - i < 3 || !http_is(text.at[i + 1], HTTP_HEX) || !http_is(text.at[i + 2], HTTP_HEX)))
            return false;
    return true;
}

static bool is_registered_name(struct http_span name)
{
    return http_text_all(name.at, name.len, HTTP_REGNAME) && has_good_escapes(name);
}

/* Where the port's colon is, or the end. */
static size_t find_port(struct http_span host)
{
    size_t at = host.len;

    while (at > 0 && http_is(host.at[at - 1], HTTP_DIGIT))
        at--;
    return at > 0 && host.at[at - 1] == ':' ? at - 1 : host.len;
}

static bool is_port(struct http_span port)
{
    uint64_t number;

    return port.len == 0 || (http_text_number(port.at, port.len, &number) && number <= UINT16_MAX);
}

bool http_target_is_host(struct http_span host, bool may_be_empty)
{
    size_t colon = find_port(host);
    struct http_span name = {host.at, colon};

    if (host.len == 0)
        return may_be_empty;
    if (colon < host.len && !is_port((struct http_span){host.at + colon + 1, host.len - colon - 1}))
        return false;
    return name.len && (name.at[0] == '[' ? is_literal(name) : is_registered_name(name));
}

void http_target_split_host(struct http_span host, uint16_t fallback, struct http_span *name, uint16_t *port)
{
    size_t colon = find_port(host);
    uint64_t number = fallback;

    if (colon + 1 < host.len)
        http_text_number(host.at + colon + 1, host.len - colon - 1, &number);
    *name = (struct http_span){host.at, colon};
    *port = (uint16_t)number;
}

/* --- Paths --- */

static bool is_encoded(const char *at, char c)
{
    return at[0] == '%' && (http_hex(at[1]) << 4 | http_hex(at[2])) == (unsigned char)c;
}

/* Path and query, which begin at `text`; a path that is empty is `instead`. */
static enum http_fault parse_path(struct http_span text, const char *instead, struct http_target *out)
{
    const char *mark = text.len ? memchr(text.at, '?', text.len) : NULL;

    if (text.len && !http_text_all(text.at, text.len, HTTP_TARGET))
        return HTTP_FAULT_TARGET;
    out->path = text;
    if (mark) {
        out->path.len = (size_t)(mark - text.at);
        out->query = (struct http_span){mark + 1, text.len - out->path.len - 1};
    }
    if (!out->path.len)
        out->path = (struct http_span){instead, strlen(instead)};
    if (!has_good_escapes(out->path))
        return HTTP_FAULT_TARGET_ESCAPE;
    out->is_plain = true;
    for (size_t i = 0; i < out->path.len; i++) {
        const char *at = out->path.at + i;

        if (*at == '%' || (*at == '/' && i + 1 < out->path.len && at[1] == '.'))
            out->is_plain = false;
        if (is_encoded(at, '\0'))
            return HTTP_FAULT_TARGET_ESCAPE;
        out->has_slash |= is_encoded(at, '/');
    }
    return HTTP_FAULT_NONE;
}

/* RFC 9112 3.2.2. `text` has "://" at `colon`. */
static enum http_fault parse_absolute(struct http_span text, size_t colon, enum weft_http_method method,
                                      struct http_target *out)
{
    struct http_span rest = {text.at + colon + 3, text.len - colon - 3};
    size_t end = 0;

    if (!http_text_is(text.at, colon, "http"))
        return HTTP_FAULT_TARGET_SCHEME;
    while (end < rest.len && rest.at[end] != '/' && rest.at[end] != '?')
        end++;
    out->host = (struct http_span){rest.at, end};
    if (memchr(rest.at, '@', end))
        return HTTP_FAULT_TARGET_USER;
    if (!http_target_is_host(out->host, false))
        return HTTP_FAULT_HOST;
    /* RFC 9112 3.2.4: a target URI without a path and query is "*" to OPTIONS. */
    return parse_path((struct http_span){rest.at + end, rest.len - end},
                      method == WEFT_HTTP_OPTIONS && end == rest.len ? "*" : "/", out);
}

static size_t find_scheme_end(struct http_span text)
{
    size_t i = 0;

    while (i < text.len && (http_is(text.at[i], HTTP_ALPHA | HTTP_DIGIT) || strchr("+-.", text.at[i])))
        i++;
    return i && text.len - i >= 3 && memcmp(text.at + i, "://", 3) == 0 ? i : 0;
}

/* RFC 9112 3.2.3 */
static enum http_fault parse_authority(struct http_span text, struct http_target *out)
{
    if (find_port(text) + 1 >= text.len || !http_target_is_host(text, false))
        return HTTP_FAULT_TARGET_FORM;
    out->host = text;
    out->path = (struct http_span){text.at, 0};
    out->is_plain = true;
    return HTTP_FAULT_NONE;
}

enum http_fault http_target_parse(struct http_span text, enum weft_http_method method,
                                  struct http_target *out)
{
    size_t scheme;

    *out = (struct http_target){0};
    if (!http_text_all(text.at, text.len, HTTP_TARGET))
        return HTTP_FAULT_TARGET;
    if (method == WEFT_HTTP_CONNECT)
        return parse_authority(text, out);
    if (text.at[0] == '/')
        return parse_path(text, "/", out);
    if (text.len == 1 && text.at[0] == '*' && method == WEFT_HTTP_OPTIONS)
        return parse_path(text, "*", out);
    scheme = find_scheme_end(text);
    return scheme ? parse_absolute(text, scheme, method, out) : HTTP_FAULT_TARGET_FORM;
}

/* Decodes up to the next '/' or the end; moves `in`. Returns the octets written. */
static size_t decode_segment(struct http_span path, size_t *in, char *out)
{
    size_t len = 0;

    while (*in < path.len && path.at[*in] != '/') {
        const char *at = path.at + *in;

        if (*at == '%')
            out[len++] = (char)(http_hex(at[1]) << 4 | http_hex(at[2]));
        else
            out[len++] = *at;
        *in += *at == '%' ? 3 : 1;
    }
    return len;
}

static bool is_dots(const char *segment, size_t len)
{
    return (len == 1 || len == 2) && segment[0] == '.' && segment[len - 1] == '.';
}

/* `path` ends with '/': its length without the segment before that; "/" has none. */
static size_t parent_of(const char *path, size_t len)
{
    if (len > 1)
        do
            len--;
        while (path[len - 1] != '/');
    return len;
}

/* A dot segment leaves the '/' before it, unless another segment follows and brings its own. */
size_t http_target_decode(struct http_span path, char *out)
{
    size_t in = 0, len = 0;

    if (path.len && path.at[0] != '/')
        return decode_segment(path, &in, out);
    while (in < path.len) {
        size_t segment;

        out[len++] = '/';
        in++;
        segment = decode_segment(path, &in, out + len);
        if (!is_dots(out + len, segment)) {
            len += segment;
            continue;
        }
        if (segment == 2)
            len = parent_of(out, len);
        if (in < path.len)
            len--;
    }
    return len;
}
