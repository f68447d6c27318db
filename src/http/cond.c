/* SPDX-License-Identifier: MIT */
/* Conditional requests. See cond.h. */
#include "http/cond.h"

#include <string.h>

/* One entity tag taken apart. */
struct tag {
    bool is_weak;
    struct http_span opaque;
};

/* RFC 9110 8.8.3. Moves `at` behind the tag; false when there is none. */
static bool read_tag(const char **at, struct tag *out)
{
    const char *text = *at, *end;

    out->is_weak = strncmp(text, "W/", 2) == 0;
    if (out->is_weak)
        text += 2;
    end = *text == '"' ? strchr(text + 1, '"') : NULL;
    if (!end)
        return false;
    out->opaque = (struct http_span){text + 1, (size_t)(end - text - 1)};
    *at = end + 1;
    return true;
}

/* RFC 9110 8.8.3.2 */
static bool matches(const struct tag *a, const struct tag *b, bool strong)
{
    return a->opaque.len == b->opaque.len && memcmp(a->opaque.at, b->opaque.at, a->opaque.len) == 0 &&
           !(strong && (a->is_weak || b->is_weak));
}

/* True when the list names the tag. What comes after something malformed is not believed. */
static bool list_has(const char *list, const char *etag, bool strong)
{
    struct tag ours, theirs;

    if (!etag || !read_tag(&etag, &ours))
        return false;
    for (;;) {
        list += strspn(list, " \t,");
        if (!*list || !read_tag(&list, &theirs))
            return false;
        if (matches(&ours, &theirs, strong))
            return true;
    }
}

/* True when the value is this tag and nothing else, by strong comparison. */
static bool is_tag(const char *value, const char *etag)
{
    struct tag ours, theirs;

    return etag && read_tag(&etag, &ours) && read_tag(&value, &theirs) && !*value &&
           matches(&ours, &theirs, true);
}

/* The field is present; is one of its tags ours, or is it "*" and we have anything at all? */
static bool any_matches(const struct http_head *head, const char *buf, const char *name,
                        const struct http_validator *v, bool strong)
{
    unsigned index = 0;
    const char *value;

    while ((value = http_head_next(head, buf, name, &index)) != NULL) {
        if (strcmp(value, "*") == 0 ? v->exists : list_has(value, v->etag, strong))
            return true;
    }
    return false;
}

/* RFC 9110 13.1.3, 13.1.4: what is not one valid date is ignored, and so is all without a date to compare. */
static bool read_date(const struct http_head *head, const char *buf, const char *name,
                      const struct http_validator *v, int64_t now, int64_t *date)
{
    const char *value = http_head_only(head, buf, name);

    return value && v->exists && v->modified != WEFT_HTTP_NO_DATE &&
           weft_http_date_parse(value, now, date) == 0;
}

unsigned http_cond_judge(const struct http_head *head, const char *buf, const struct http_validator *v,
                         int64_t now)
{
    bool is_get = head->method == WEFT_HTTP_GET || head->method == WEFT_HTTP_HEAD;
    int64_t date;

    if (http_head_find(head, buf, "If-Match")) {
        if (!any_matches(head, buf, "If-Match", v, true))
            return 412;
    } else if (read_date(head, buf, "If-Unmodified-Since", v, now, &date) && v->modified > date) {
        return 412;
    }
    if (http_head_find(head, buf, "If-None-Match")) {
        if (any_matches(head, buf, "If-None-Match", v, false))
            return is_get ? 304 : 412;
    } else if (is_get && read_date(head, buf, "If-Modified-Since", v, now, &date) && v->modified <= date) {
        return 304;
    }
    return 0;
}

/*
 * RFC 9110 13.1.5. A date is believed only for what has no entity tag: a
 * client that had one must not send the date, and of the date alone we cannot
 * know that nothing changed twice in its second (8.8.2.2).
 */
bool http_cond_allows_range(const struct http_head *head, const char *buf, const struct http_validator *v,
                            int64_t now)
{
    const char *value = http_head_find(head, buf, "If-Range");
    int64_t date;

    if (!value)
        return true;
    if (!http_head_only(head, buf, "If-Range"))
        return false;
    if (memchr(value, '"', strnlen(value, 3)))
        return is_tag(value, v->etag);
    return !v->etag && read_date(head, buf, "If-Range", v, now, &date) && v->modified == date;
}
