/* SPDX-License-Identifier: MIT */
/*
 * Where HTTP/1.x messages begin and end in one direction of a byte stream
 * (RFC 9112). An onlooker's view: it believes nothing and refuses nothing; when
 * the bytes are not HTTP it says so and waits for the next start-line.
 *
 *              start-line                    blank line
 *     START -------------> HEAD -----------------+-----> BODY, CHUNK_SIZE, UNTIL_CLOSE
 *       ^                                        |                 |
 *       +----------------------------------------+-----------------+
 *
 * Owns    the state of one direction. Bytes are given in pieces as they come and
 *         are not kept, but for the beginning of a line that is cut in two.
 */
#ifndef WEFT_INSPECT_HTTP_TRACK_H
#define WEFT_INSPECT_HTTP_TRACK_H

#include <weft/types.h>

enum inspect_http_state {
    INSPECT_HTTP_START,
    INSPECT_HTTP_HEAD,
    INSPECT_HTTP_BODY,       /* `remaining` bytes of content */
    INSPECT_HTTP_CHUNK_SIZE, /* the line before a chunk */
    INSPECT_HTTP_CHUNK,      /* `remaining` bytes of the chunk and its CRLF */
    INSPECT_HTTP_TRAILER,    /* trailer fields behind the last chunk */
    INSPECT_HTTP_UNTIL_CLOSE,
    INSPECT_HTTP_OTHER, /* not HTTP: looks for a start-line at the beginning of each piece */
};

/* Enough for the fields that decide about the body, and for a start-line to be recognised. */
#define INSPECT_HTTP_LINE 256

/* Requests under way of which the answer has not been seen; ours, as pipelines are short. */
#define INSPECT_HTTP_PIPELINE 32

struct inspect_http {
    enum inspect_http_state state;
    bool is_response;
    bool is_head; /* the request is HEAD */
    bool has_start_line;
    uint16_t status;
    bool has_length, is_chunked;
    uint64_t content_length;
    uint64_t remaining;
    uint64_t head_bytes; /* of the message so far */
    uint64_t body_bytes; /* content so far, without chunk framing */
    uint16_t line_len;
    char line[INSPECT_HTTP_LINE]; /* the line so far, cut off at its size */
};

/* Methods of requests in the order of their answers: one bit each, set for HEAD. All zero is empty. */
struct inspect_http_pipeline {
    uint32_t is_head;
    unsigned count;
};

enum inspect_http_kind {
    INSPECT_HTTP_PIECE_HEAD,    /* start-line and fields, or a part of them */
    INSPECT_HTTP_PIECE_BODY,    /* content */
    INSPECT_HTTP_PIECE_FRAMING, /* chunk sizes, and the trailer section */
    INSPECT_HTTP_PIECE_OTHER,   /* not HTTP */
};

struct inspect_http_piece {
    enum inspect_http_kind kind;
    size_t len;
    bool begins; /* the message begins with this piece */
    bool ends;   /* the message ends with this piece */
};

/*
 * Says what the next bytes of a direction are; call again with the rest while
 * `len` is not 0. `pipeline` is shared by both directions of a connection.
 */
struct inspect_http_piece inspect_http_next(struct inspect_http *http, struct inspect_http_pipeline *pipeline,
                                            const uint8_t *bytes, size_t len);

/* The bytes to come do not follow those before: something is missing. */
void inspect_http_lose(struct inspect_http *http);

/* True when the bytes look like the beginning of a request or response, as far as they go. */
bool inspect_http_is_start(const uint8_t *bytes, size_t len);

#endif
