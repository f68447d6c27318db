/* SPDX-License-Identifier: MIT */
/*
 * HTTP/1.x in the payload of a segment (RFC 9112): the head line by line where
 * one is, content and chunk framing as counted bytes, and everything that is not
 * HTTP as plain data. Where messages begin and end is http_track's business.
 */
#include "inspect/dissect.h"

#include <inttypes.h>
#include <string.h>

#include "inspect/flow.h"

#define SHOWN_VALUE   400 /* bytes of a field value; ours, a long cookie says no more than its beginning */
#define SHOWN_NAME    80
#define SHOWN_CONTENT 96
#define MAX_FIELDS    100 /* header fields of one head that are shown one by one; ours */

/* --- The head -------------------------------------------------------------------------------- */

/* The number of bytes before the CRLF or LF of the line; `whole` gets those with it. */
static uint32_t line_length(const uint8_t *at, uint32_t left, uint32_t *whole)
{
    const uint8_t *lf = memchr(at, '\n', left);
    uint32_t len = lf ? (uint32_t)(lf - at) : left;

    *whole = lf ? len + 1 : len;
    return len > 0 && at[len - 1] == '\r' ? len - 1 : len;
}

static uint32_t find_byte(const uint8_t *at, uint32_t len, uint8_t byte)
{
    const uint8_t *found = memchr(at, byte, len);

    return found ? (uint32_t)(found - at) : len;
}

static void part(struct dissect *d, const struct weft_dissect_field *line, uint32_t from, uint32_t len,
                 const char *name)
{
    struct weft_dissect_field *field;

    if (len == 0)
        return;
    field = inspect_dissect_part(d, line, from * 8, 8, name);
    field->bits = len * 8;
    inspect_dissect_say(d, field, "%s",
                        inspect_dissect_printable(d, d->bytes + line->bit / 8 + from, len, SHOWN_VALUE));
}

/* RFC 9112 3 and 4: three words, of which a response's last may hold spaces. */
static void dissect_start_line(struct dissect *d, uint32_t len, uint32_t whole)
{
    const uint8_t *at = d->bytes + d->bit / 8;
    bool is_response = len > 5 && memcmp(at, "HTTP/", 5) == 0;
    uint32_t first = find_byte(at, len, ' ');
    uint32_t rest = first < len ? first + 1 : len;
    uint32_t second = find_byte(at + rest, len - rest, ' ');
    uint32_t third = rest + second < len ? rest + second + 1 : len;
    struct weft_dissect_field *line =
        inspect_dissect_bytes(d, whole, is_response ? "status-line" : "request-line");

    line->source = is_response ? "RFC 9112 4" : "RFC 9112 3";
    inspect_dissect_say(d, line, "%s", inspect_dissect_printable(d, at, len, SHOWN_VALUE));
    part(d, line, 0, first, is_response ? "HTTP-version" : "method");
    part(d, line, rest, second, is_response ? "status-code" : "request-target");
    part(d, line, third, len - third, is_response ? "reason-phrase" : "HTTP-version");
    inspect_dissect_summary(d, "%s", line->text);
    inspect_dissect_kind(d, is_response ? "HTTP response" : "HTTP request");
    inspect_dissect_line(d, "%s", line->text);
}

static void dissect_field_line(struct dissect *d, uint32_t len, uint32_t whole)
{
    const uint8_t *at = d->bytes + d->bit / 8;
    uint32_t colon = find_byte(at, len, ':');
    uint32_t value = colon < len ? colon + 1 : len;
    const char *name = colon < len ? inspect_dissect_printable(d, at, colon, SHOWN_NAME) : "field line";
    struct weft_dissect_field *field;

    while (value < len && (at[value] == ' ' || at[value] == '\t'))
        value++;
    if (colon == len)
        value = 0;
    field = inspect_dissect_bytes(d, whole, len == 0 ? "(empty line)" : name);
    field->source = len == 0 ? "RFC 9112 2.1" : "RFC 9110 5";
    inspect_dissect_say(d, field, "%s", inspect_dissect_printable(d, at + value, len - value, SHOWN_VALUE));
    if (len == 0)
        inspect_dissect_note(d, field, "the head ends");
}

/* `len` bytes of a head; `begins` when its start-line is among them. */
static void dissect_head(struct dissect *d, uint32_t len, bool begins)
{
    uint32_t end = d->at + len;

    inspect_dissect_layer(d, WEFT_PROTO_HTTP, "Hypertext Transfer Protocol", "HTTP", "RFC 9112");
    if (!begins)
        inspect_dissect_summary(d, "the head goes on");
    for (unsigned n = 0; d->bit / 8 < end && !d->has_failed; n++) {
        uint32_t whole, left = end - d->bit / 8;
        uint32_t line = line_length(d->bytes + d->bit / 8, left, &whole);

        if (n == MAX_FIELDS)
            (void)inspect_dissect_bytes(d, left, "more fields");
        else if (n == 0 && begins)
            dissect_start_line(d, line, whole);
        else
            dissect_field_line(d, line, whole);
    }
    (void)inspect_dissect_end_layer(d);
}

/* --- Content ------------------------------------------------------------------------------------ */

/* True when the bytes read as text as far as they are looked at. */
static bool is_text(const uint8_t *at, uint32_t len)
{
    for (uint32_t i = 0; i < len;) {
        uint32_t c = 0;
        size_t n = inspect_text_utf8(at + i, len - i, &c);

        if (n == 0)
            return len - i < 4 && i > 0; /* a character cut in two by the end */
        if (!inspect_text_is_plain(c) && c != '\n' && c != '\r' && c != '\t')
            return false;
        i += (uint32_t)n;
    }
    return true;
}

/* A stretch of bytes as a layer of its own. */
static struct weft_dissect_field *dissect_bytes_layer(struct dissect *d, uint32_t len, const char *name,
                                                      const char *source)
{
    char number[INSPECT_NUMBER_TEXT];
    const uint8_t *at = d->bytes + d->at;
    uint32_t shown = len < SHOWN_CONTENT ? len : SHOWN_CONTENT;
    struct weft_dissect_field *field;

    inspect_dissect_layer(d, WEFT_PROTO_DATA, name, "Data", source);
    field = inspect_dissect_bytes(d, len, name);
    if (is_text(at, shown))
        inspect_dissect_say(d, field, "%s", inspect_dissect_printable(d, at, len, SHOWN_CONTENT));
    inspect_dissect_summary(d, "%s", inspect_text_bytes(len, number));
    return field;
}

static void dissect_content(struct dissect *d, const struct inspect_http *http, uint32_t len, bool ends)
{
    char first[INSPECT_NUMBER_TEXT], last[INSPECT_NUMBER_TEXT], total[INSPECT_NUMBER_TEXT];
    struct weft_dissect_field *field = dissect_bytes_layer(d, len, "HTTP content", "RFC 9112 6");
    const char *of_what = http->is_response ? "response" : "request";

    inspect_text_number(http->body_bytes - len + 1, first);
    inspect_text_number(http->body_bytes, last);
    if (http->has_length && !http->is_chunked)
        inspect_dissect_note(d, field, "bytes %s to %s of %s of the %s", first, last,
                             inspect_text_number(http->content_length, total), of_what);
    else
        inspect_dissect_note(d, field, "bytes %s to %s of the %s", first, last, of_what);
    inspect_dissect_summary(d, "%s%s", field->note ? field->note : "content",
                            ends ? ": the message ends" : "");
    (void)inspect_dissect_end_layer(d);
}

static void dissect_piece(struct dissect *d, const struct inspect_http *http,
                          const struct inspect_http_piece *piece)
{
    uint32_t len = (uint32_t)piece->len;

    switch (piece->kind) {
    case INSPECT_HTTP_PIECE_HEAD:
        dissect_head(d, len, piece->begins);
        break;
    case INSPECT_HTTP_PIECE_BODY:
        dissect_content(d, http, len, piece->ends);
        break;
    case INSPECT_HTTP_PIECE_FRAMING:
        (void)dissect_bytes_layer(d, len, "HTTP chunk framing", "RFC 9112 7.1");
        (void)inspect_dissect_end_layer(d);
        break;
    default:
        (void)dissect_bytes_layer(d, len, "Data", NULL);
        (void)inspect_dissect_end_layer(d);
        break;
    }
    d->out->tcp.notes |=
        (piece->begins ? WEFT_SEGMENT_HTTP_BEGIN : 0) | (piece->ends ? WEFT_SEGMENT_HTTP_END : 0);
}

/* --- The payload ----------------------------------------------------------------------------------- */

void inspect_dissect_http(struct dissect *d, struct inspect_flow *flow, unsigned side)
{
    struct inspect_http alone = {0}, *http = flow ? &flow->side[side].http : &alone;
    struct inspect_http_pipeline no_pipeline = {0}, *pipeline = flow ? &flow->pipeline : &no_pipeline;
    uint32_t left = inspect_dissect_left(d), skip = 0, end = d->at + left;

    if (flow && !inspect_flow_http_begin(&flow->side[side], d->out->tcp.seq, left, &skip))
        skip = left;
    if (skip > 0) {
        struct weft_dissect_field *field = dissect_bytes_layer(d, skip, "Data", NULL);

        inspect_dissect_note(d, field, "sent before");
        (void)inspect_dissect_end_layer(d);
    }
    while (d->at < end) {
        struct inspect_http_piece piece = inspect_http_next(http, pipeline, d->bytes + d->at, end - d->at);
        uint32_t next = d->at + (uint32_t)piece.len;

        dissect_piece(d, http, &piece);
        d->at = next; /* also when there was no room left to show it */
    }
}
