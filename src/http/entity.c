/* SPDX-License-Identifier: MIT */
/*
 * Representations: answers to GET and HEAD with conditions and ranges
 * (RFC 9110 13, 14, 15.3.7).
 *
 * Owns    which of 200, 206, 304, 412 and 416 it is, and the stream of parts.
 *
 * A whole representation is one part without a head. The parts of a
 * multipart/byteranges are each
 *
 *     [CR LF] -- boundary CR LF  fields CR LF  CR LF  bytes
 *
 * and CR LF -- boundary -- CR LF ends them (RFC 2046 5.1.1).
 */
#include "http/server.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "http/cond.h"

/* A type that is longer is left out of the heads of parts. */
#define TYPE_MAX 200

/* --- The stream --- */

/* The head of part number `index`, to `text`. Returns its length. */
static uint32_t write_part_head(const struct http_parts *parts, unsigned index, char *text, size_t size)
{
    const struct http_range *range = &parts->ranges.range[index];
    const char *type = parts->entity->type;
    bool has_type = type && strnlen(type, TYPE_MAX + 1) <= TYPE_MAX;

    return (uint32_t)snprintf(
        text, size, "%s--%s\r\n%s%s%sContent-Range: bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64 "\r\n\r\n",
        index ? "\r\n" : "", parts->boundary, has_type ? "Content-Type: " : "", has_type ? type : "",
        has_type ? "\r\n" : "", range->first, range->last, parts->entity->length);
}

static uint32_t write_end(const struct http_parts *parts, char *text, size_t size)
{
    return (uint32_t)snprintf(text, size, "\r\n--%s--\r\n", parts->boundary);
}

static uint64_t length_of(const struct http_parts *parts)
{
    char text[sizeof(parts->text)];
    uint64_t length = 0;

    for (unsigned i = 0; i < parts->ranges.count; i++) {
        length += parts->ranges.range[i].last - parts->ranges.range[i].first + 1;
        if (parts->is_multipart)
            length += write_part_head(parts, i, text, sizeof(text));
    }
    return parts->is_multipart ? length + write_end(parts, text, sizeof(text)) : length;
}

/* What stands before part number `next`, or after the last. */
static void begin_part(struct http_parts *parts)
{
    bool is_end = parts->next == parts->ranges.count;

    if (!is_end)
        parts->at = parts->ranges.range[parts->next].first;
    parts->text_at = 0;
    parts->text_len = 0;
    if (parts->is_multipart && is_end)
        parts->text_len = write_end(parts, parts->text, sizeof(parts->text));
    else if (parts->is_multipart)
        parts->text_len = write_part_head(parts, parts->next, parts->text, sizeof(parts->text));
    parts->next++;
}

static ptrdiff_t read_text(struct http_parts *parts, void *buf, size_t len)
{
    size_t left = parts->text_len - parts->text_at;

    if (len > left)
        len = left;
    memcpy(buf, parts->text + parts->text_at, len);
    parts->text_at += (uint32_t)len;
    return (ptrdiff_t)len;
}

/* Bytes of the part that is being sent; 0 when it has none left. */
static ptrdiff_t read_part(struct http_parts *parts, void *buf, size_t len)
{
    uint64_t last, left;
    ptrdiff_t got;

    if (parts->next == 0 || parts->next > parts->ranges.count)
        return 0;
    last = parts->ranges.range[parts->next - 1].last;
    if (parts->at > last)
        return 0;
    left = last - parts->at + 1;
    got = parts->entity->read_at(parts->entity, parts->at, buf, len < left ? len : (size_t)left);
    if (got > 0)
        parts->at += (uint64_t)got;
    return got == 0 ? WEFT_E_IO : got;
}

static ptrdiff_t read_parts(struct weft_http_source *source, void *buf, size_t len)
{
    struct http_parts *parts = (struct http_parts *)source;
    ptrdiff_t got;

    for (;;) {
        got = read_text(parts, buf, len);
        if (got == 0)
            got = read_part(parts, buf, len);
        if (got != 0 || parts->next > parts->ranges.count)
            return got;
        begin_part(parts);
    }
}

static void close_entity(struct weft_http_entity *entity)
{
    if (entity->close)
        entity->close(entity);
}

static void close_parts(struct weft_http_source *source)
{
    close_entity(((struct http_parts *)source)->entity);
}

/* --- The answers --- */

/* 32 hexadecimal digits that no two answers share; that no content has them is a matter of their number. */
static void make_boundary(struct weft_http_server *server, char out[33])
{
    uint64_t state = weft_stack_now(server->stack) ^ ++server->boundaries << 40;

    for (unsigned i = 0; i < 2; i++) {
        uint64_t z = state += 0x9e3779b97f4a7c15;

        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
        z = (z ^ z >> 27) * 0x94d049bb133111eb;
        snprintf(out + 16 * i, 17, "%016" PRIx64, z ^ z >> 31);
    }
}

/* ETag and Last-Modified; a 304 has the latter only in place of the former (RFC 9110 15.4.5). */
static void put_validators(struct weft_http_req *req, const struct http_validator *v, unsigned status)
{
    char date[WEFT_HTTP_DATE_STRLEN];

    if (v->etag)
        weft_http_answer_field(req, "ETag", v->etag);
    if (v->modified != WEFT_HTTP_NO_DATE && !(status == 304 && v->etag))
        weft_http_answer_field(req, "Last-Modified", weft_http_date_format(v->modified, date));
}

static void put_range_fields(struct weft_http_req *req, const struct http_parts *parts)
{
    const struct http_range *range = &parts->ranges.range[0];

    if (parts->is_multipart)
        weft_http_answer_fieldf(req, "Content-Type", "multipart/byteranges; boundary=%s", parts->boundary);
    else if (parts->entity->type)
        weft_http_answer_field(req, "Content-Type", parts->entity->type);
    if (!parts->is_multipart && req->status == 206)
        weft_http_answer_fieldf(req, "Content-Range", "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, range->first,
                                range->last, parts->entity->length);
}

/* 304, 412 or 416: nothing of the representation is sent. What the handler said of it, such as how long it may be
 * stored, holds for a 304 alone. */
static void answer_without(struct weft_http_req *req, struct weft_http_entity *entity,
                           const struct http_validator *v, unsigned status)
{
    char text[64];
    int len = snprintf(text, sizeof(text), "%u %s\n", status, weft_http_reason(status));

    if (status == 304)
        http_answer_set_status(req, status);
    else
        weft_http_answer(req, status);
    put_validators(req, v, status);
    if (status == 416)
        weft_http_answer_fieldf(req, "Content-Range", "bytes */%" PRIu64, entity->length);
    if (status != 304)
        weft_http_answer_field(req, "Content-Type", "text/plain; charset=utf-8");
    close_entity(entity);
    weft_http_answer_bytes(req, text, (size_t)len);
}

/* 200 or 206 */
static void answer_parts(struct weft_http_req *req, struct weft_http_entity *entity, bool is_partial)
{
    struct http_parts *parts = &req->parts;

    parts->source = (struct weft_http_source){read_parts, close_parts};
    parts->entity = entity;
    parts->next = 0;
    parts->text_at = parts->text_len = 0;
    parts->is_multipart = is_partial && parts->ranges.count > 1;
    if (!is_partial) {
        parts->ranges.range[0] = (struct http_range){0, entity->length - 1};
        parts->ranges.count = entity->length ? 1 : 0;
    }
    if (parts->is_multipart)
        make_boundary(req->conn->server, parts->boundary);
    if (is_partial)
        http_answer_set_status(req, 206);
    weft_http_answer_field(req, "Accept-Ranges", "bytes");
    put_range_fields(req, parts);
    weft_http_answer_source(req, &parts->source, (int64_t)length_of(parts));
}

/* RFC 9110 14.2: a Range is for GET, for what has bytes at all, and if its conditions hold. */
static enum http_range_result judge_range(struct weft_http_req *req, const struct weft_http_entity *entity,
                                          const struct http_validator *v, int64_t now)
{
    const char *value = http_head_only(&req->head, req->in.buf, "Range");

    if (!value || req->head.method != WEFT_HTTP_GET || !entity->length ||
        !http_cond_allows_range(&req->head, req->in.buf, v, now))
        return HTTP_RANGE_IGNORE;
    return http_range_parse(value, entity->length, &req->parts.ranges);
}

static int64_t now_of(const struct weft_http_req *req)
{
    int64_t now = http_server_clock(req->conn->server);

    return now == WEFT_HTTP_NO_DATE ? 0 : now;
}

void weft_http_answer_entity(struct weft_http_req *req, struct weft_http_entity *entity)
{
    struct http_validator v = {true, entity->etag, entity->modified};
    int64_t now = now_of(req);
    enum http_range_result range;
    unsigned status;

    if (req->answer == HTTP_ANSWER_COMPLETE) {
        close_entity(entity);
        return;
    }
    if (req->answer == HTTP_ANSWER_NONE)
        weft_http_answer(req, 200);
    /* RFC 9110 8.8.2.1: never later than Date. */
    if (now && v.modified > now)
        v.modified = now;
    status = http_cond_judge(&req->head, req->in.buf, &v, now);
    range = status ? HTTP_RANGE_IGNORE : judge_range(req, entity, &v, now);
    if (range == HTTP_RANGE_NONE)
        status = 416;
    if (status) {
        answer_without(req, entity, &v, status);
    } else {
        put_validators(req, &v, status);
        answer_parts(req, entity, range == HTTP_RANGE_SOME);
    }
}

unsigned weft_http_precondition(const struct weft_http_req *req, bool exists, const char *etag,
                                int64_t modified)
{
    struct http_validator v = {exists, etag, modified};

    return http_cond_judge(&req->head, req->in.buf, &v, now_of(req));
}
