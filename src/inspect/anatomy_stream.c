/* SPDX-License-Identifier: MIT */
/*
 * The byte streams of the connections, put together from their segments, and
 * the HTTP messages in them. A stream ends at its first hole.
 */
#include "inspect/anatomy.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "inspect/http_track.h"

/* --- Pieces ---------------------------------------------------------------------------- */

static int add_piece(struct anatomy *a, uint32_t index)
{
    struct anatomy_entry *entry = &a->entry[index];
    struct anatomy_stream *stream = &a->flow[entry->flow].stream[!entry->to_right];
    /* The first octet after the SYN has the relative number 1. A SYN may carry data (RFC 7413). */
    uint32_t offset = entry->tcp.relative_seq - 1 + ((entry->tcp.flags & 0x02) != 0);
    struct anatomy_piece *pieces;

    if ((int32_t)offset < 0)
        return 0; /* from before what was recorded */
    pieces = inspect_array_grow(stream->piece, stream->piece_count, &stream->piece_room, sizeof(*pieces));
    if (!pieces)
        return WEFT_E_NOMEM;
    stream->piece = pieces;
    pieces[stream->piece_count++] = (struct anatomy_piece){
        .offset = offset,
        .len = entry->tcp.payload_len,
        .entry = index,
        .bytes = entry->frame->frame.bytes + entry->tcp.payload_offset,
    };
    entry->stream_from = offset;
    entry->stream_to = offset + entry->tcp.payload_len;
    return 0;
}

static int compare(const void *a, const void *b)
{
    const struct anatomy_piece *x = a, *y = b;

    if (x->offset != y->offset)
        return x->offset < y->offset ? -1 : 1;
    return x->entry == y->entry ? 0 : x->entry < y->entry ? -1 : 1;
}

/* Copies the pieces one behind the other, as far as there is no hole. */
static int assemble(struct anatomy_stream *stream)
{
    uint64_t end = 0;

    if (stream->piece_count == 0)
        return 0;
    qsort(stream->piece, stream->piece_count, sizeof(*stream->piece), compare);
    for (uint32_t i = 0; i < stream->piece_count && stream->piece[i].offset <= end; i++)
        if ((uint64_t)stream->piece[i].offset + stream->piece[i].len > end)
            end = (uint64_t)stream->piece[i].offset + stream->piece[i].len;
    stream->bytes = malloc((size_t)end + 1);
    stream->bodies = malloc((size_t)end + 1);
    if (!stream->bytes || !stream->bodies)
        return WEFT_E_NOMEM;
    for (uint32_t i = 0; i < stream->piece_count; i++) {
        const struct anatomy_piece *piece = &stream->piece[i];
        uint64_t piece_end = (uint64_t)piece->offset + piece->len;

        if (piece->offset > stream->len) {
            stream->is_cut = true;
            break;
        }
        if (piece_end <= stream->len)
            continue;
        memcpy(stream->bytes + stream->len, piece->bytes + (stream->len - piece->offset),
               piece_end - stream->len);
        stream->len = (uint32_t)piece_end;
    }
    return 0;
}

/* The first entry that brought the byte at `offset`. */
static uint32_t entry_of(const struct anatomy_stream *stream, uint32_t offset)
{
    uint32_t low = 0, high = stream->piece_count, found;

    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;

        if (stream->piece[middle].offset <= offset)
            low = middle;
        else
            high = middle;
    }
    found = stream->piece[low].entry;
    while (low > 0 && stream->piece[low - 1].offset + stream->piece[low - 1].len > offset) {
        low--;
        if (stream->piece[low].entry < found)
            found = stream->piece[low].entry;
    }
    return found;
}

/* --- Messages ------------------------------------------------------------------------------ */

/* The messages of one direction under way. */
struct reading {
    struct anatomy *a;
    uint32_t flow;
    unsigned side;
    struct anatomy_stream *stream;
    struct inspect_http http;
    uint32_t message;                       /* in anatomy.message; UINT32_MAX: none is open */
    uint32_t next_request, end_of_requests; /* in anatomy.message: those without an answer yet */
};

/* The media type that the head names, in lower case, without parameters; "" when there is none. */
static const char *find_content_type(struct anatomy *a, const uint8_t *head, uint32_t len)
{
    static const char name[] = "\ncontent-type:";
    char type[80];
    size_t used = 0;
    uint32_t at = 0;

    for (; at + sizeof(name) - 1 < len; at++) {
        size_t i = 0;

        while (i < sizeof(name) - 1 && tolower(head[at + i]) == name[i])
            i++;
        if (i == sizeof(name) - 1)
            break;
    }
    at += sizeof(name) - 1;
    while (at < len && head[at] == ' ')
        at++;
    while (at < len && used + 1 < sizeof(type) && head[at] > ' ' && head[at] < 0x7f && head[at] != ';')
        type[used++] = (char)tolower(head[at++]);
    type[used] = '\0';
    return inspect_arena_text(&a->arena, type);
}

static int begin_message(struct reading *r, uint32_t at)
{
    struct anatomy *a = r->a;
    struct anatomy_message *messages =
        inspect_array_grow(a->message, a->message_count, &a->message_room, sizeof(*messages));

    if (!messages)
        return WEFT_E_NOMEM;
    a->message = messages;
    r->message = a->message_count;
    messages[a->message_count++] = (struct anatomy_message){.flow = r->flow,
                                                            .side = (uint8_t)r->side,
                                                            .is_response = r->http.is_response,
                                                            .head_from = at,
                                                            .first_entry = entry_of(r->stream, at),
                                                            .body_from = r->stream->bodies_len,
                                                            .content_type = ""};
    a->entry[messages[r->message].first_entry].tcp.notes |= WEFT_SEGMENT_HTTP_BEGIN;
    return 0;
}

static void take_body(struct reading *r, const uint8_t *bytes, uint32_t len)
{
    struct anatomy_stream *stream = r->stream;

    memcpy(stream->bodies + stream->bodies_len, bytes, len);
    stream->bodies_len += len;
    r->a->message[r->message].body_len += len;
}

static int take_piece(struct reading *r, uint32_t at, const struct inspect_http_piece *piece)
{
    struct anatomy_message *message;
    uint32_t len = (uint32_t)piece->len;

    if (piece->begins) {
        int error = begin_message(r, at);

        if (error)
            return error;
    }
    if (piece->kind == INSPECT_HTTP_PIECE_OTHER)
        r->message = UINT32_MAX; /* the framing broke */
    if (r->message == UINT32_MAX)
        return 0;
    message = &r->a->message[r->message];
    message->end = at + len;
    message->last_entry = entry_of(r->stream, at + len - 1);
    if (piece->kind == INSPECT_HTTP_PIECE_HEAD)
        message->head_len += len;
    else if (piece->kind == INSPECT_HTTP_PIECE_BODY)
        take_body(r, r->stream->bytes + at, len);
    message->status = r->http.status;
    message->is_complete = piece->ends;
    if (!piece->ends)
        return 0;
    r->a->entry[message->last_entry].tcp.notes |= WEFT_SEGMENT_HTTP_END;
    r->message = UINT32_MAX;
    return 0;
}

/* The method of the request that the next response answers, for the tracker. */
static struct inspect_http_pipeline next_request(const struct reading *r)
{
    const struct anatomy_stream *stream = &r->a->flow[r->flow].stream[1 - r->side];
    const struct anatomy_message *m;

    if (r->next_request == r->end_of_requests)
        return (struct inspect_http_pipeline){0};
    m = &r->a->message[r->next_request];
    return (struct inspect_http_pipeline){
        .is_head = m->head_len > 5 && memcmp(stream->bytes + m->head_from, "HEAD ", 5) == 0, .count = 1};
}

/* The content types of the messages from `first` on, and of the last one whether it is complete. */
static int finish_messages(struct reading *r, uint32_t first)
{
    struct anatomy *a = r->a;

    for (uint32_t i = first; i < a->message_count; i++) {
        struct anatomy_message *m = &a->message[i];

        m->content_type = find_content_type(a, r->stream->bytes + m->head_from, m->head_len);
        if (!m->content_type)
            return WEFT_E_NOMEM;
    }
    if (r->message != UINT32_MAX && r->http.state == INSPECT_HTTP_UNTIL_CLOSE)
        a->message[r->message].is_complete = !r->stream->is_cut;
    return 0;
}

/* Reads one direction; the messages of the other from `first_request` on are what it answers. */
static int read_stream(struct anatomy *a, uint32_t flow, unsigned side, uint32_t first_request)
{
    struct reading r = {.a = a,
                        .flow = flow,
                        .side = side,
                        .stream = &a->flow[flow].stream[side],
                        .message = UINT32_MAX,
                        .next_request = first_request,
                        .end_of_requests = a->message_count};
    uint32_t first = a->message_count;
    int error = 0;

    for (uint32_t at = 0; at < r.stream->len && error == 0;) {
        struct inspect_http_pipeline pipeline = next_request(&r);
        unsigned before = pipeline.count;
        struct inspect_http_piece piece =
            inspect_http_next(&r.http, &pipeline, r.stream->bytes + at, r.stream->len - at);

        if (pipeline.count < before)
            r.next_request++;
        error = take_piece(&r, at, &piece);
        at += (uint32_t)piece.len;
    }
    return error ? error : finish_messages(&r, first);
}

/* In the order of the frames that they begin in. */
static int compare_messages(const void *a, const void *b)
{
    const struct anatomy_message *x = a, *y = b;

    if (x->first_entry != y->first_entry)
        return x->first_entry < y->first_entry ? -1 : 1;
    if (x->side != y->side)
        return x->side < y->side ? -1 : 1;
    return x->head_from == y->head_from ? 0 : x->head_from < y->head_from ? -1 : 1;
}

int anatomy_streams(struct anatomy *a)
{
    int error = 0;

    for (uint32_t i = 0; i < a->entry_count && error == 0; i++)
        if (a->entry[i].flow != UINT32_MAX && a->entry[i].tcp.payload_len > 0)
            error = add_piece(a, i);
    for (uint32_t i = 0; i < a->flow_count && error == 0; i++) {
        unsigned client = a->flow[i].here_is_client; /* requests come first: answers depend on them */
        uint32_t first_request;

        error = assemble(&a->flow[i].stream[0]);
        if (!error)
            error = assemble(&a->flow[i].stream[1]);
        first_request = a->message_count;
        if (!error)
            error = read_stream(a, i, client, first_request);
        if (!error)
            error = read_stream(a, i, 1 - client, first_request);
    }
    if (a->message_count > 0)
        qsort(a->message, a->message_count, sizeof(*a->message), compare_messages);
    return error;
}
