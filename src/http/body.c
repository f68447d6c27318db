/* SPDX-License-Identifier: MIT */
/*
 * Body framing. See body.h.
 *
 * The chunked coding is read octet by octet, one small function per group of
 * states, so that it does not matter where the wire cuts it:
 *
 *     chunked-body   = *chunk last-chunk trailer-section CRLF
 *     chunk          = chunk-size [ chunk-ext ] CRLF chunk-data CRLF
 *     chunk-ext      = *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )
 *
 * Nothing is forgiven: line ends are CR LF, a size has digits and nothing else,
 * whitespace stands where the grammar has it (RFC 9112 11.2: what readers
 * understand differently smuggles requests).
 */
#include "http/body.h"

#include "http/text.h"

enum {
    SIZE_FIRST, /* a digit must come */
    SIZE,       /* more digits, or the end of the size */
    EXT,        /* after a size, a name or a value: ";" or CR, and after BWS only ";" */
    EXT_BEFORE, /* BWS before a name */
    EXT_NAME,   /* in a name, at least one octet */
    EXT_AFTER,  /* BWS after a name: "=" or ";" */
    EXT_EQUALS, /* BWS before a value */
    EXT_VALUE,  /* in a token value */
    EXT_QUOTED, /* in a quoted value */
    EXT_ESCAPE, /* after a backslash in it */
    EXT_END,    /* after a quoted value: BWS, ";" or CR */
    SIZE_LF,    /* LF of a chunk's first line */
    DATA,       /* chunk data */
    DATA_CR,    /* CR LF after it */
    DATA_LF,
    TRAILER, /* a trailer field line, or the last line, begins */
    TRAILER_NAME,
    TRAILER_VALUE,
    TRAILER_LF,
    LAST_LF,
    ENDED,
};

/* Sixteen digits are 64 bits, and leave room for senders that pad with zeros. Ours. */
#define SIZE_DIGITS 16

static const uint8_t first_state[] = {
    [HTTP_BODY_NONE] = ENDED,
    [HTTP_BODY_LENGTH] = DATA,
    [HTTP_BODY_CHUNKED] = SIZE_FIRST,
    [HTTP_BODY_CLOSE] = DATA,
};

static void fail(struct http_body *body, enum http_fault fault)
{
    if (!body->fault)
        body->fault = (uint8_t)fault;
}

void http_body_start(struct http_body *body, enum http_body_kind kind, uint64_t length,
                     const struct weft_http_limits *limits)
{
    *body = (struct http_body){
        .kind = (uint8_t)kind,
        .state = first_state[kind],
        .max = limits->body,
        .ext_left = limits->chunk_ext,
        .trailer_left = limits->field_bytes,
        .trailer_fields = limits->fields,
    };
    if (kind == HTTP_BODY_LENGTH)
        body->left = length;
    if (kind == HTTP_BODY_CLOSE)
        body->left = UINT64_MAX;
    if (kind == HTTP_BODY_LENGTH && length == 0)
        body->state = ENDED;
    if (kind == HTTP_BODY_LENGTH && length > body->max)
        fail(body, HTTP_FAULT_BODY_LARGE);
}

/* The size has been read: the line's end or an extension follows. */
static void end_size(struct http_body *body, char c)
{
    if (c == '\r') {
        body->state = SIZE_LF;
        return;
    }
    body->state = EXT;
    if (c == ';')
        body->state = EXT_BEFORE;
    else if (c != ' ' && c != '\t')
        fail(body, HTTP_FAULT_CHUNK_SIZE);
}

static void read_size(struct http_body *body, char c)
{
    if (!http_is(c, HTTP_HEX)) {
        if (body->state == SIZE_FIRST)
            fail(body, HTTP_FAULT_CHUNK_SIZE);
        else
            end_size(body, c);
        return;
    }
    body->state = SIZE;
    if (body->digits++ == SIZE_DIGITS || body->left > INT64_MAX >> 4) {
        fail(body, HTTP_FAULT_CHUNK_LARGE);
        return;
    }
    body->left = body->left << 4 | http_hex(c);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* What may follow a name, a token value or whitespace after one: the next extension or the line's end. */
static void end_ext(struct http_body *body, char c, bool may_end)
{
    if (c == ';')
        body->state = EXT_BEFORE;
    else if (c == '\r' && may_end)
        body->state = SIZE_LF;
    else if (is_blank(c))
        body->state = EXT;
    else
        fail(body, HTTP_FAULT_CHUNK_EXT);
}

static void read_ext_name(struct http_body *body, char c)
{
    bool begun = body->state == EXT_NAME;

    if (http_is(c, HTTP_TCHAR))
        body->state = EXT_NAME;
    else if (!begun && is_blank(c))
        body->state = EXT_BEFORE;
    else if (begun && c == '=')
        body->state = EXT_EQUALS;
    else if (begun && is_blank(c))
        body->state = EXT_AFTER;
    else if (begun)
        end_ext(body, c, true);
    else
        fail(body, HTTP_FAULT_CHUNK_EXT);
}

static void read_ext_after(struct http_body *body, char c)
{
    if (c == '=')
        body->state = EXT_EQUALS;
    else if (c == ';')
        body->state = EXT_BEFORE;
    else if (!is_blank(c))
        fail(body, HTTP_FAULT_CHUNK_EXT);
}

static void read_ext_value(struct http_body *body, char c)
{
    bool begun = body->state == EXT_VALUE;

    if (http_is(c, HTTP_TCHAR))
        body->state = EXT_VALUE;
    else if (!begun && c == '"')
        body->state = EXT_QUOTED;
    else if (begun)
        end_ext(body, c, true);
    else if (!is_blank(c))
        fail(body, HTTP_FAULT_CHUNK_EXT);
}

static void read_ext_quoted(struct http_body *body, char c)
{
    if (!http_is(c, HTTP_VALUE))
        fail(body, HTTP_FAULT_CHUNK_EXT);
    else if (body->state == EXT_ESCAPE)
        body->state = EXT_QUOTED;
    else if (c == '\\')
        body->state = EXT_ESCAPE;
    else if (c == '"')
        body->state = EXT_END;
}

static void read_ext(struct http_body *body, char c)
{
    if (body->ext_left == 0) {
        fail(body, HTTP_FAULT_CHUNK_EXT_LONG);
        return;
    }
    body->ext_left--;
    switch (body->state) {
    case EXT:
        end_ext(body, c, false);
        break;
    case EXT_BEFORE:
    case EXT_NAME:
        read_ext_name(body, c);
        break;
    case EXT_AFTER:
        read_ext_after(body, c);
        break;
    case EXT_EQUALS:
    case EXT_VALUE:
        read_ext_value(body, c);
        break;
    case EXT_END:
        end_ext(body, c, true);
        break;
    default:
        read_ext_quoted(body, c);
    }
}

/* The first line of a chunk is complete. */
static void begin_chunk(struct http_body *body)
{
    if (body->left > body->max - body->taken) {
        fail(body, HTTP_FAULT_BODY_LARGE);
        return;
    }
    body->digits = 0;
    body->state = body->left ? DATA : TRAILER;
}

static void expect(struct http_body *body, char c, char wanted, uint8_t next, enum http_fault fault)
{
    if (c == wanted)
        body->state = next;
    else
        fail(body, fault);
}

/* RFC 9112 7.1.2: trailer fields are field lines like any other. */
static void begin_trailer(struct http_body *body, char c)
{
    if (c == '\r')
        body->state = LAST_LF;
    else if (is_blank(c))
        fail(body, HTTP_FAULT_FOLD);
    else if (!http_is(c, HTTP_TCHAR))
        fail(body, HTTP_FAULT_FIELD_NAME);
    else if (body->trailer_fields-- == 0)
        fail(body, HTTP_FAULT_FIELDS_MANY);
    else
        body->state = TRAILER_NAME;
}

static void read_trailer_name(struct http_body *body, char c)
{
    if (c == ':')
        body->state = TRAILER_VALUE;
    else if (is_blank(c))
        fail(body, HTTP_FAULT_FIELD_SPACE);
    else if (!http_is(c, HTTP_TCHAR))
        fail(body, HTTP_FAULT_FIELD_NAME);
}

static void read_trailer_value(struct http_body *body, char c)
{
    if (c == '\r')
        body->state = TRAILER_LF;
    else if (c == '\n')
        fail(body, HTTP_FAULT_LINE_END);
    else if (!http_is(c, HTTP_VALUE))
        fail(body, HTTP_FAULT_FIELD_VALUE);
}

static void read_trailer(struct http_body *body, char c)
{
    if (body->trailer_left == 0) {
        fail(body, HTTP_FAULT_FIELDS_LONG);
        return;
    }
    body->trailer_left--;
    switch (body->state) {
    case TRAILER:
        begin_trailer(body, c);
        break;
    case TRAILER_NAME:
        read_trailer_name(body, c);
        break;
    case TRAILER_VALUE:
        read_trailer_value(body, c);
        break;
    case TRAILER_LF:
        expect(body, c, '\n', TRAILER, HTTP_FAULT_LINE_END);
        break;
    default:
        expect(body, c, '\n', ENDED, HTTP_FAULT_LINE_END);
    }
}

static void read_framing(struct http_body *body, char c)
{
    switch (body->state) {
    case SIZE_FIRST:
    case SIZE:
        read_size(body, c);
        break;
    case SIZE_LF:
        expect(body, c, '\n', DATA, HTTP_FAULT_LINE_END);
        if (!body->fault)
            begin_chunk(body);
        break;
    case DATA_CR:
        expect(body, c, '\r', DATA_LF, HTTP_FAULT_CHUNK_END);
        break;
    case DATA_LF:
        expect(body, c, '\n', SIZE_FIRST, HTTP_FAULT_CHUNK_END);
        break;
    case TRAILER:
    case TRAILER_NAME:
    case TRAILER_VALUE:
    case TRAILER_LF:
    case LAST_LF:
        read_trailer(body, c);
        break;
    default:
        read_ext(body, c);
    }
}

enum http_body_result http_body_next(struct http_body *body, const char *in, size_t len, size_t *eaten,
                                     size_t *data)
{
    size_t at = 0;

    while (at < len && !body->fault && body->state != DATA && body->state != ENDED)
        read_framing(body, in[at++]);
    *eaten = at;
    *data = 0;
    if (body->fault)
        return HTTP_BODY_FAULT;
    if (body->state == ENDED)
        return HTTP_BODY_END;
    if (at == len)
        return HTTP_BODY_MORE;
    *data = len - at < body->left ? len - at : (size_t)body->left;
    return HTTP_BODY_DATA;
}

void http_body_took(struct http_body *body, uint64_t n)
{
    body->taken += n;
    if (body->kind == HTTP_BODY_CLOSE) {
        if (body->taken > body->max)
            fail(body, HTTP_FAULT_BODY_LARGE);
        return;
    }
    body->left -= n;
    if (body->left == 0)
        body->state = body->kind == HTTP_BODY_CHUNKED ? DATA_CR : ENDED;
}

uint64_t http_body_due(const struct http_body *body)
{
    return body->state == DATA && !body->fault ? body->left : 0;
}

bool http_body_has_ended(const struct http_body *body)
{
    return body->state == ENDED && !body->fault;
}

bool http_body_eof(struct http_body *body)
{
    if (body->kind == HTTP_BODY_CLOSE && !body->fault)
        body->state = ENDED;
    return http_body_has_ended(body);
}
