/* SPDX-License-Identifier: MIT */
/*
 * http URLs, as a client has them: taken apart, and resolved against each
 * other (RFC 3986 5.2).
 *
 * What people type and servers send as Location is often not a URI: spaces and
 * letters beyond ASCII stand in it. They are percent-encoded here, as RFC 9110
 * 10.2.2 allows; control characters are refused.
 */
#include <weft/http.h>

#include <stdio.h>
#include <string.h>

#include "http/target.h"

/* --- Targets --- */

/* Appends path or query up to `len` octets, encoding what may not stand in a target. False when the room ends. */
static bool append(char *target, size_t *at, const char *text, size_t len)
{
    static const char hex[] = "0123456789ABCDEF";

    for (size_t i = 0; i < len; i++) {
        char c = text[i];

        if (*at + 3 >= WEFT_HTTP_TARGET_MAX)
            return false;
        if (http_is(c, HTTP_TARGET)) {
            target[(*at)++] = c;
        } else {
            target[(*at)++] = '%';
            target[(*at)++] = hex[(unsigned char)c >> 4];
            target[(*at)++] = hex[c & 15];
        }
    }
    target[*at] = '\0';
    return true;
}

/* RFC 3986 5.2.4, on the encoded path in `target`, what follows '?' aside. */
static void remove_dots(char *target)
{
    size_t end = strcspn(target, "?"), in = 0, out = 0;

    while (in < end) {
        size_t len = strcspn(target + in + 1, "/?");
        bool is_last = in + 1 + len >= end;
        bool is_one = len == 1 && target[in + 1] == '.';
        bool is_two = len == 2 && target[in + 1] == '.' && target[in + 2] == '.';

        if (is_two)
            while (out > 0 && target[--out] != '/')
                ;
        if (is_one || is_two) {
            if (is_last)
                target[out++] = '/';
        } else {
            memmove(target + out, target + in, len + 1);
            out += len + 1;
        }
        in += len + 1;
    }
    memmove(target + out, target + end, strlen(target + end) + 1);
}

/* Path and query, from `path` up to '#'; with '/' before them if they have none. */
static int set_target(struct weft_http_url *url, const char *path)
{
    size_t at = 0;

    if (*path != '/' && !append(url->target, &at, "/", 1))
        return WEFT_E_MSGSIZE;
    if (!append(url->target, &at, path, strcspn(path, "#")))
        return WEFT_E_MSGSIZE;
    remove_dots(url->target);
    return 0;
}

/* --- Authorities --- */

static int set_authority(struct weft_http_url *url, const char *text, size_t len)
{
    struct http_span name;
    int written;

    if (memchr(text, '@', len) || !http_target_is_host((struct http_span){text, len}, false))
        return WEFT_E_BADFORMAT;
    http_target_split_host((struct http_span){text, len}, 80, &name, &url->port);
    if (url->port == 0)
        return WEFT_E_BADFORMAT;
    if (name.len >= sizeof(url->host))
        return WEFT_E_MSGSIZE;
    written = snprintf(url->authority, sizeof(url->authority), url->port == 80 ? "%.*s" : "%.*s:%u",
                       (int)name.len, name.at, (unsigned)url->port);
    if (name.at[0] == '[') {
        name.at++;
        name.len -= 2;
    }
    memcpy(url->host, name.at, name.len);
    url->host[name.len] = '\0';
    return (size_t)written < sizeof(url->authority) ? 0 : WEFT_E_MSGSIZE;
}

/* "//host:port/path?query#fragment" */
static int parse_hierarchy(const char *text, struct weft_http_url *url)
{
    size_t len;
    int error;

    if (strncmp(text, "//", 2) != 0)
        return WEFT_E_BADFORMAT;
    text += 2;
    len = strcspn(text, "/?#");
    error = set_authority(url, text, len);
    return error ? error : set_target(url, text + len);
}

/* The length of the scheme that the text begins with, its colon not counted; 0 when there is none. */
static size_t scheme_length(const char *text)
{
    size_t len = 0;

    if (!http_is(*text, HTTP_ALPHA))
        return 0;
    while (http_is(text[len], HTTP_ALPHA | HTTP_DIGIT) || (text[len] && strchr("+-.", text[len])))
        len++;
    return text[len] == ':' ? len : 0;
}

static bool has_control(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return true;
    return false;
}

static int parse(const char *text, struct weft_http_url *url)
{
    size_t scheme = scheme_length(text);

    if (has_control(text) || !scheme)
        return WEFT_E_BADFORMAT;
    if (!http_text_is(text, scheme, "http"))
        return strncmp(text + scheme, "://", 3) == 0 ? WEFT_E_OPNOTSUPP : WEFT_E_BADFORMAT;
    return parse_hierarchy(text + scheme + 1, url);
}

int weft_http_url_parse(const char *text, struct weft_http_url *out)
{
    struct weft_http_url url;
    int error = parse(text, &url);

    if (!error)
        *out = url;
    return error;
}

/* --- References, RFC 3986 5.2.2 --- */

/* A path that is relative to the base's: what follows its last '/' is replaced. */
static int merge(struct weft_http_url *url, const char *reference)
{
    size_t at = strcspn(url->target, "?");

    while (at > 0 && url->target[at - 1] != '/')
        at--;
    if (!append(url->target, &at, reference, strcspn(reference, "#")))
        return WEFT_E_MSGSIZE;
    remove_dots(url->target);
    return 0;
}

static int replace_query(struct weft_http_url *url, const char *reference)
{
    size_t at = strcspn(url->target, "?");

    return append(url->target, &at, reference, strcspn(reference, "#")) ? 0 : WEFT_E_MSGSIZE;
}

static int resolve(struct weft_http_url *url, const char *reference)
{
    if (has_control(reference))
        return WEFT_E_BADFORMAT;
    if (scheme_length(reference))
        return parse(reference, url);
    if (strncmp(reference, "//", 2) == 0)
        return parse_hierarchy(reference, url);
    if (*reference == '/')
        return set_target(url, reference);
    if (*reference == '?')
        return replace_query(url, reference);
    return *reference && *reference != '#' ? merge(url, reference) : 0;
}

int weft_http_url_resolve(const struct weft_http_url *base, const char *reference, struct weft_http_url *out)
{
    struct weft_http_url url = *base;
    int error = resolve(&url, reference);

    if (!error)
        *out = url;
    return error;
}
