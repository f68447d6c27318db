/* SPDX-License-Identifier: MIT */
/* Where HTTP/1.x messages begin and end: RFC 9112 2.1 (message format), 6.3 (body length), 7.1 (chunks). */
#include "inspect/http_track.h"

#include <string.h>
#include <strings.h>

/* --- Recognising a start-line ------------------------------------------------- */

/* tchar, RFC 9110 5.6.2; methods in use are upper case letters and hyphens. */
static bool is_method_char(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') || c == '-';
}

/* method SP request-target SP HTTP/1.x, where the end may not be there yet. */
static bool is_request_start(const uint8_t *bytes, size_t len)
{
    size_t method = 0, end;

    while (method < len && method < 20 && is_method_char(bytes[method]))
        method++;
    if (method < 3 || method >= len || bytes[method] != ' ')
        return false;
    for (end = method + 1; end < len && bytes[end] != '\r' && bytes[end] != '\n'; end++)
        if (bytes[end] < 0x20 || bytes[end] == 0x7f)
            return false;
    if (end == len)
        return true;
    return end - method > 9 && memcmp(bytes + end - 9, " HTTP/1.", 8) == 0;
}

/* The few first bytes of a line that was cut right behind its beginning. */
static bool is_known_beginning(const uint8_t *bytes, size_t len)
{
    static const char *const words[] = {"HTTP/1.", "GET ",     "HEAD ",    "POST ",  "PUT ",
                                        "DELETE ", "CONNECT ", "OPTIONS ", "TRACE ", "PATCH "};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (len <= strlen(words[i]) && memcmp(bytes, words[i], len) == 0)
            return true;
    return false;
}

bool inspect_http_is_start(const uint8_t *bytes, size_t len)
{
    if (len > 7 && memcmp(bytes, "HTTP/1.", 7) == 0)
        return true;
    return len > 0 && (is_known_beginning(bytes, len) || is_request_start(bytes, len));
}

/* --- Lines --------------------------------------------------------------------- */

/* Keeps what fits of a line that comes in pieces. Returns the bytes up to and with its LF, or all. */
static size_t take_line(struct inspect_http *http, const uint8_t *bytes, size_t len, bool *complete)
{
    const uint8_t *lf = memchr(bytes, '\n', len);
    size_t n = lf ? (size_t)(lf - bytes) + 1 : len;
    size_t room = sizeof(http->line) - 1 - http->line_len;
    size_t keep = n < room ? n : room;

    memcpy(http->line + http->line_len, bytes, keep);
    http->line_len = (uint16_t)(http->line_len + keep);
    http->line[http->line_len] = '\0';
    *complete = lf != NULL;
    return n;
}

/* The kept line without its end. */
static void chomp(struct inspect_http *http)
{
    while (http->line_len > 0 &&
           (http->line[http->line_len - 1] == '\n' || http->line[http->line_len - 1] == '\r'))
        http->line_len--;
    http->line[http->line_len] = '\0';
}

/* --- The head --------------------------------------------------------------------- */

static void begin_message(struct inspect_http *http, const uint8_t *bytes, size_t len)
{
    bool is_response = len > 1 && bytes[0] == 'H' && bytes[1] == 'T'; /* and not HEAD */

    *http = (struct inspect_http){.state = INSPECT_HTTP_HEAD, .is_response = is_response};
}

static void read_start_line(struct inspect_http *http)
{
    http->is_response = strncmp(http->line, "HTTP/", 5) == 0;
    if (http->is_response && http->line_len >= 12)
        for (int i = 9; i < 12; i++)
            http->status = (uint16_t)(http->status * 10 + (http->line[i] - '0') % 10);
    else
        http->is_head = strncmp(http->line, "HEAD ", 5) == 0;
}

/* The value behind "name:", or NULL. */
static const char *field_value(const char *line, const char *name)
{
    size_t len = strlen(name);

    if (strncasecmp(line, name, len) != 0 || line[len] != ':')
        return NULL;
    line += len + 1;
    while (*line == ' ' || *line == '\t')
        line++;
    return line;
}

/* True when the list of codings names "chunked" (RFC 9112 7). */
static bool has_chunked(const char *value)
{
    for (; *value; value++)
        if (strncasecmp(value, "chunked", 7) == 0)
            return true;
    return false;
}

static void read_field(struct inspect_http *http)
{
    const char *value = field_value(http->line, "Content-Length");

    if (value) {
        http->has_length = true;
        http->content_length = 0;
        for (; *value >= '0' && *value <= '9' && http->content_length < UINT64_MAX / 16; value++)
            http->content_length = http->content_length * 10 + (uint64_t)(*value - '0');
    }
    value = field_value(http->line, "Transfer-Encoding");
    if (value && has_chunked(value))
        http->is_chunked = true;
}

static void push_request(struct inspect_http_pipeline *pipeline, bool is_head)
{
    if (pipeline->count < INSPECT_HTTP_PIPELINE)
        pipeline->is_head |= (uint32_t)is_head << pipeline->count++;
}

static bool pop_request(struct inspect_http_pipeline *pipeline)
{
    bool is_head = pipeline->is_head & 1;

    if (pipeline->count > 0)
        pipeline->count--;
    pipeline->is_head >>= 1;
    return is_head;
}

/* RFC 9112 6.3: what follows the head. Returns true when nothing does. */
static bool end_head(struct inspect_http *http, struct inspect_http_pipeline *pipeline)
{
    bool is_interim = http->is_response && http->status / 100 == 1 && http->status != 101;

    if (!http->is_response)
        push_request(pipeline, http->is_head);
    else if (!is_interim)
        http->is_head = pop_request(pipeline);
    http->state = INSPECT_HTTP_START;
    if (http->status == 101) {
        http->state = INSPECT_HTTP_OTHER;
        return true;
    }
    if (is_interim || http->status == 204 || http->status == 304 || (http->is_response && http->is_head))
        return true;
    if (http->is_chunked) {
        http->state = INSPECT_HTTP_CHUNK_SIZE;
    } else if (http->has_length) {
        http->remaining = http->content_length;
        http->state = http->remaining ? INSPECT_HTTP_BODY : INSPECT_HTTP_START;
    } else if (http->is_response) {
        http->state = INSPECT_HTTP_UNTIL_CLOSE;
    }
    return http->state == INSPECT_HTTP_START;
}

static struct inspect_http_piece take_head(struct inspect_http *http, struct inspect_http_pipeline *pipeline,
                                           const uint8_t *bytes, size_t len)
{
    struct inspect_http_piece piece = {.kind = INSPECT_HTTP_PIECE_HEAD};

    piece.begins = http->head_bytes == 0;
    while (piece.len < len) {
        bool complete;
        size_t n = take_line(http, bytes + piece.len, len - piece.len, &complete);

        piece.len += n;
        http->head_bytes += n;
        if (!complete)
            break;
        chomp(http);
        if (http->line_len == 0) {
            piece.ends = end_head(http, pipeline);
            break;
        }
        if (http->has_start_line)
            read_field(http);
        else
            read_start_line(http);
        http->has_start_line = true;
        http->line_len = 0;
    }
    return piece;
}

/* --- The body --------------------------------------------------------------------- */

static struct inspect_http_piece take_body(struct inspect_http *http, size_t len)
{
    struct inspect_http_piece piece = {.kind = INSPECT_HTTP_PIECE_BODY, .len = len};

    if (http->state != INSPECT_HTTP_UNTIL_CLOSE) {
        if (len > http->remaining)
            piece.len = (size_t)http->remaining;
        http->remaining -= piece.len;
        piece.ends = http->remaining == 0;
    }
    http->body_bytes += piece.len;
    if (piece.ends)
        http->state = INSPECT_HTTP_START;
    return piece;
}

/* A chunk's content, or the CRLF behind it, which counts as framing. */
static struct inspect_http_piece take_chunk(struct inspect_http *http, size_t len)
{
    struct inspect_http_piece piece = {.kind = INSPECT_HTTP_PIECE_BODY, .len = len};

    if (http->remaining > 2) {
        if (len > http->remaining - 2)
            piece.len = (size_t)(http->remaining - 2);
        http->body_bytes += piece.len;
    } else {
        piece.kind = INSPECT_HTTP_PIECE_FRAMING;
        if (len > http->remaining)
            piece.len = (size_t)http->remaining;
    }
    http->remaining -= piece.len;
    if (http->remaining == 0)
        http->state = INSPECT_HTTP_CHUNK_SIZE;
    return piece;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static struct inspect_http_piece take_chunk_size(struct inspect_http *http, const uint8_t *bytes, size_t len)
{
    struct inspect_http_piece piece = {.kind = INSPECT_HTTP_PIECE_FRAMING};
    uint64_t size = 0;
    bool complete;
    int i;

    piece.len = take_line(http, bytes, len, &complete);
    if (!complete)
        return piece;
    for (i = 0; i < 15 && hex_digit(http->line[i]) >= 0; i++)
        size = size << 4 | (uint64_t)hex_digit(http->line[i]);
    http->line_len = 0;
    if (i == 0)
        http->state = INSPECT_HTTP_OTHER;
    else if (size == 0)
        http->state = INSPECT_HTTP_TRAILER;
    else
        http->state = INSPECT_HTTP_CHUNK;
    http->remaining = size + 2;
    return piece;
}

static struct inspect_http_piece take_trailer(struct inspect_http *http, const uint8_t *bytes, size_t len)
{
    struct inspect_http_piece piece = {.kind = INSPECT_HTTP_PIECE_FRAMING};

    while (piece.len < len && !piece.ends) {
        bool complete;

        piece.len += take_line(http, bytes + piece.len, len - piece.len, &complete);
        if (!complete)
            break;
        chomp(http);
        piece.ends = http->line_len == 0;
        http->line_len = 0;
    }
    if (piece.ends)
        http->state = INSPECT_HTTP_START;
    return piece;
}

/* --- All of it --------------------------------------------------------------------- */

struct inspect_http_piece inspect_http_next(struct inspect_http *http, struct inspect_http_pipeline *pipeline,
                                            const uint8_t *bytes, size_t len)
{
    if (http->state == INSPECT_HTTP_START || http->state == INSPECT_HTTP_OTHER) {
        if (!inspect_http_is_start(bytes, len)) {
            http->state = INSPECT_HTTP_OTHER;
            return (struct inspect_http_piece){.kind = INSPECT_HTTP_PIECE_OTHER, .len = len};
        }
        begin_message(http, bytes, len);
    }
    switch (http->state) {
    case INSPECT_HTTP_BODY:
    case INSPECT_HTTP_UNTIL_CLOSE:
        return take_body(http, len);
    case INSPECT_HTTP_CHUNK_SIZE:
        return take_chunk_size(http, bytes, len);
    case INSPECT_HTTP_CHUNK:
        return take_chunk(http, len);
    case INSPECT_HTTP_TRAILER:
        return take_trailer(http, bytes, len);
    default:
        return take_head(http, pipeline, bytes, len);
    }
}

void inspect_http_lose(struct inspect_http *http)
{
    *http = (struct inspect_http){.state = INSPECT_HTTP_OTHER};
}
