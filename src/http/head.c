/* SPDX-License-Identifier: MIT */
/*
 * Heads. See head.h.
 *
 * Order of judgement within a line: its first octet, its length, its end, its
 * form. The first two can be judged before the line is complete, and come
 * first for that reason: the verdict is then the same however it was cut.
 */
#include "http/head.h"

#include <string.h>

enum {
    START, /* the start line is due */
    FIELDS,
    DONE,
    BROKEN,
};

/* RFC 9112 2.2: "at least one empty line". Ours. */
#define EMPTY_LINES_MAX 2

void http_head_limits(struct weft_http_limits *limits)
{
    if (!limits->start_line)
        limits->start_line = 8192;
    if (!limits->field_bytes)
        limits->field_bytes = 16384;
    if (!limits->fields)
        limits->fields = 100;
    if (!limits->chunk_ext)
        limits->chunk_ext = 4096;
    if (!limits->body)
        limits->body = 16 << 20;
    if (!limits->discard)
        limits->discard = 64 << 10;
}

uint32_t http_head_max(const struct weft_http_limits *limits)
{
    return EMPTY_LINES_MAX * 2 + limits->start_line + 2 + limits->field_bytes;
}

void http_head_start(struct http_head *head, bool is_response, const struct weft_http_limits *limits,
                     struct http_line *lines)
{
    *head = (struct http_head){
        .is_response = is_response,
        .limits = limits,
        .lines = lines,
    };
}

/* --- The start line --- */

static enum weft_http_method method_of(const char *name, size_t len)
{
    static const struct {
        char name[8];
        uint8_t len, method;
    } known[] = {
        {"GET", 3, WEFT_HTTP_GET},     {"POST", 4, WEFT_HTTP_POST},       {"HEAD", 4, WEFT_HTTP_HEAD},
        {"PUT", 3, WEFT_HTTP_PUT},     {"DELETE", 6, WEFT_HTTP_DELETE},   {"OPTIONS", 7, WEFT_HTTP_OPTIONS},
        {"PATCH", 5, WEFT_HTTP_PATCH}, {"CONNECT", 7, WEFT_HTTP_CONNECT}, {"TRACE", 5, WEFT_HTTP_TRACE},
    };

    for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (known[i].len == len && memcmp(known[i].name, name, len) == 0)
            return known[i].method;
    return WEFT_HTTP_OTHER;
}

/* HTTP-version, which must fill `text`. Sets `minor`. */
static enum http_fault read_version(struct http_head *head, const char *text, size_t len)
{
    if (len != 8 || memcmp(text, "HTTP/", 5) != 0 || !http_is(text[5], HTTP_DIGIT) || text[6] != '.' ||
        !http_is(text[7], HTTP_DIGIT))
        return HTTP_FAULT_VERSION;
    if (text[5] != '1')
        return HTTP_FAULT_VERSION_MAJOR;
    head->minor = text[7] != '0';
    return HTTP_FAULT_NONE;
}

/* RFC 9112 3; single spaces, as the grammar has it. */
static enum http_fault read_request_line(struct http_head *head, char *buf, char *line, size_t len)
{
    char *end = line + len;
    char *space = memchr(line, ' ', len);
    char *target = space ? space + 1 : end;
    char *after = memchr(target, ' ', (size_t)(end - target));
    enum http_fault fault;

    if (!http_text_all(line, (size_t)((space ? space : end) - line), HTTP_TCHAR))
        return HTTP_FAULT_METHOD;
    if (!space || !after || after == target)
        return HTTP_FAULT_START_LINE;
    fault = read_version(head, after + 1, (size_t)(end - after - 1));
    if (fault)
        return fault;
    head->method = method_of(line, (size_t)(space - line));
    fault =
        http_target_parse((struct http_span){target, (size_t)(after - target)}, head->method, &head->target);
    if (fault)
        return fault;
    head->method_name = (uint32_t)(line - buf);
    head->method_len = (uint32_t)(space - line);
    *space = '\0';
    *after = '\0';
    return HTTP_FAULT_NONE;
}

/* RFC 9112 4. The space before an absent reason may be absent too: many send it so, and it is not ambiguous. */
static enum http_fault read_status_line(struct http_head *head, char *buf, char *line, size_t len)
{
    enum http_fault fault;

    if (len < 12 || line[8] != ' ' || !http_text_all(line + 9, 3, HTTP_DIGIT) || line[9] == '0')
        return HTTP_FAULT_STATUS_LINE;
    if (len > 12 && (line[12] != ' ' || (len > 13 && !http_text_all(line + 13, len - 13, HTTP_VALUE))))
        return HTTP_FAULT_STATUS_LINE;
    fault = read_version(head, line, 8);
    if (fault)
        return fault;
    head->status =
        (unsigned)(line[9] - '0') * 100 + (unsigned)(line[10] - '0') * 10 + (unsigned)(line[11] - '0');
    head->reason = (uint32_t)(line - buf) + (len > 12 ? 13 : 12);
    line[len] = '\0';
    return HTTP_FAULT_NONE;
}

/* --- Fields that speak of framing and of the connection --- */

static enum http_fault read_host(struct http_head *head, struct http_span value)
{
    if (head->has_host)
        return HTTP_FAULT_HOST_TWICE;
    head->has_host = true;
    if (!http_target_is_host(value, true))
        return HTTP_FAULT_HOST;
    /* RFC 9112 3.2.2: the host of an absolute-form prevails. */
    if (!head->target.host.at)
        head->host = value;
    return HTTP_FAULT_NONE;
}

static enum http_fault read_length(struct http_head *head, struct http_span value)
{
    uint64_t length;

    if (!http_text_all(value.at, value.len, HTTP_DIGIT))
        return HTTP_FAULT_LENGTH;
    if (!http_text_number(value.at, value.len, &length))
        return HTTP_FAULT_BODY_LARGE;
    if (head->has_length && !head->is_response)
        return HTTP_FAULT_LENGTH_TWICE;
    /* RFC 9112 6.3 rule 5: a response may say the same several times. */
    if (head->has_length && length != head->length)
        return HTTP_FAULT_LENGTH_DIFFER;
    head->has_length = true;
    head->length = length;
    return HTTP_FAULT_NONE;
}

/* RFC 9110 8.6: a list of equal values is for the recipient to take or refuse; of a request we refuse it. */
static enum http_fault read_lengths(struct http_head *head, struct http_span value)
{
    struct http_span element;
    size_t cursor = 0;
    enum http_fault fault = HTTP_FAULT_NONE;

    if (!head->is_response)
        return read_length(head, value);
    while (!fault && http_text_next(value, &cursor, &element))
        fault = read_length(head, element);
    return fault;
}

/*
 * DEVIATES: RFC 9110 5.6.1.2 has recipients ignore empty list elements. Here
 * they are refused: what "chunked," means differs between readers, and this
 * field decides where messages end. Tested by test_http_head.
 */
static enum http_fault read_coding(struct http_head *head, struct http_span value)
{
    struct http_span element;
    size_t cursor = 0;

    head->has_coding = true;
    while (http_text_next(value, &cursor, &element)) {
        size_t name = 0;

        while (name < element.len && http_is(element.at[name], HTTP_TCHAR))
            name++;
        if (!name || (name < element.len && !strchr("; \t", element.at[name])))
            return HTTP_FAULT_CODING;
        head->is_chunked_last = http_text_is(element.at, name, "chunked");
        if (!head->is_chunked_last)
            head->has_unknown_coding = true;
        else if (name < element.len) /* RFC 9112 7.1: chunked has no parameters */
            return HTTP_FAULT_CODING;
        else
            head->chunked_times++;
    }
    return HTTP_FAULT_NONE;
}

static enum http_fault read_connection(struct http_head *head, struct http_span value)
{
    struct http_span element;
    size_t cursor = 0;

    while (http_text_next(value, &cursor, &element)) {
        head->has_close |= http_text_is(element.at, element.len, "close");
        head->has_keep_alive |= http_text_is(element.at, element.len, "keep-alive");
    }
    return HTTP_FAULT_NONE;
}

static enum http_fault read_expect(struct http_head *head, struct http_span value)
{
    struct http_span element;
    size_t cursor = 0;

    while (http_text_next(value, &cursor, &element)) {
        if (http_text_is(element.at, element.len, "100-continue"))
            head->expects_continue = true;
        else if (element.len)
            head->has_other_expectation = true;
    }
    return HTTP_FAULT_NONE;
}

/* What is to be done about a field here; the length tells the five apart. */
static enum http_fault read_known(struct http_head *head, struct http_span name, struct http_span value)
{
    switch (name.len) {
    case 4:
        if (!head->is_response && http_text_is(name.at, name.len, "host"))
            return read_host(head, value);
        break;
    case 6:
        if (!head->is_response && http_text_is(name.at, name.len, "expect"))
            return read_expect(head, value);
        break;
    case 10:
        if (http_text_is(name.at, name.len, "connection"))
            return read_connection(head, value);
        break;
    case 14:
        if (http_text_is(name.at, name.len, "content-length"))
            return read_lengths(head, value);
        break;
    case 17:
        if (http_text_is(name.at, name.len, "transfer-encoding"))
            return read_coding(head, value);
        break;
    }
    return HTTP_FAULT_NONE;
}

/* --- Field lines --- */

/*
 * RFC 9112 5.2: a user agent reads a folded value as one with spaces. What
 * stood between the pieces, our NUL among it, becomes spaces.
 */
static enum http_fault read_fold(struct http_head *head, char *buf, char *line, size_t len)
{
    struct http_line *last = head->nlines ? &head->lines[head->nlines - 1] : NULL;
    struct http_span more = http_text_trim(line, len);
    char *end;

    if (!last)
        return HTTP_FAULT_FIRST_SPACE;
    if (!head->is_response)
        return HTTP_FAULT_FOLD;
    if (more.len && !http_text_all(more.at, more.len, HTTP_VALUE))
        return HTTP_FAULT_FIELD_VALUE;
    if (!more.len)
        return HTTP_FAULT_NONE;
    end = buf + last->value + last->value_len;
    memset(end, ' ', (size_t)(more.at - end));
    if (!last->value_len)
        last->value = (uint32_t)(more.at - buf);
    last->value_len = (uint32_t)(more.at + more.len - (buf + last->value));
    buf[last->value + last->value_len] = '\0';
    return HTTP_FAULT_NONE;
}

static enum http_fault read_field(struct http_head *head, char *buf, char *line, size_t len)
{
    struct http_line *out = &head->lines[head->nlines];
    struct http_span value;
    size_t name = 0;

    if (line[0] == ' ' || line[0] == '\t')
        return read_fold(head, buf, line, len);
    if (head->nlines == head->limits->fields)
        return HTTP_FAULT_FIELDS_MANY;
    while (name < len && http_is(line[name], HTTP_TCHAR))
        name++;
    if (name && name < len && (line[name] == ' ' || line[name] == '\t'))
        return HTTP_FAULT_FIELD_SPACE;
    if (!name || name == len || line[name] != ':')
        return HTTP_FAULT_FIELD_NAME;
    value = http_text_trim(line + name + 1, len - name - 1);
    if (value.len && !http_text_all(value.at, value.len, HTTP_VALUE))
        return HTTP_FAULT_FIELD_VALUE;
    *out = (struct http_line){
        .name = (uint32_t)(line - buf),
        .name_len = (uint32_t)name,
        .value = (uint32_t)(value.at - buf),
        .value_len = (uint32_t)value.len,
    };
    head->nlines++;
    line[name] = '\0';
    buf[out->value + out->value_len] = '\0';
    return HTTP_FAULT_NONE;
}

/* --- The end of the head --- */

/* A value may have been folded: the fields are judged when all have been read. */
static enum http_fault read_all_known(struct http_head *head, const char *buf)
{
    enum http_fault fault = HTTP_FAULT_NONE;

    for (unsigned i = 0; i < head->nlines && !fault; i++) {
        const struct http_line *line = &head->lines[i];

        fault = read_known(head, (struct http_span){buf + line->name, line->name_len},
                           (struct http_span){buf + line->value, line->value_len});
    }
    return fault;
}

/* RFC 9112 6.1 and 6.3, of which nothing is forgiven in either direction. */
static enum http_fault judge_coding(const struct http_head *head)
{
    if (!head->has_coding)
        return HTTP_FAULT_NONE;
    if (head->minor == 0)
        return HTTP_FAULT_CODING_OLD;
    if (head->has_length)
        return HTTP_FAULT_CODING_LENGTH;
    if (!head->is_chunked_last && !head->is_response)
        return HTTP_FAULT_CODING_LAST;
    if (head->chunked_times > 1)
        return HTTP_FAULT_CODING_TWICE;
    return head->has_unknown_coding ? HTTP_FAULT_CODING_UNKNOWN : HTTP_FAULT_NONE;
}

static enum http_fault end_request(struct http_head *head)
{
    if (!head->has_host && head->minor >= 1)
        return HTTP_FAULT_HOST_MISSING;
    if (head->target.host.at)
        head->host = head->target.host;
    head->body = HTTP_BODY_NONE;
    if (head->is_chunked_last)
        head->body = HTTP_BODY_CHUNKED;
    else if (head->has_length && head->length)
        head->body = HTTP_BODY_LENGTH;
    /* RFC 9110 10.1.1: HTTP/1.0 knows no expectations; without content there is nothing to wait for. */
    if (head->minor == 0 || head->body == HTTP_BODY_NONE)
        head->expects_continue = false;
    return head->minor && head->has_other_expectation ? HTTP_FAULT_EXPECTATION : HTTP_FAULT_NONE;
}

/* RFC 9112 6.3 in its order. */
static enum http_fault end_response(struct http_head *head, bool to_head)
{
    if (head->status == 101)
        return HTTP_FAULT_SWITCHED;
    if (to_head || head->status < 200 || head->status == 204 || head->status == 304)
        head->body = HTTP_BODY_NONE;
    else if (head->is_chunked_last)
        head->body = HTTP_BODY_CHUNKED;
    else if (head->has_length)
        head->body = head->length ? HTTP_BODY_LENGTH : HTTP_BODY_NONE;
    else
        head->body = HTTP_BODY_CLOSE;
    return HTTP_FAULT_NONE;
}

static enum http_fault end_head(struct http_head *head, const char *buf, bool to_head)
{
    enum http_fault fault = read_all_known(head, buf);

    if (!fault)
        fault = judge_coding(head);
    if (!fault)
        fault = head->is_response ? end_response(head, to_head) : end_request(head);
    /* RFC 9112 9.3 */
    head->persists =
        !head->has_close && (head->minor >= 1 || head->has_keep_alive) && head->body != HTTP_BODY_CLOSE;
    return fault;
}

/* --- Lines --- */

/* What the first octet of a line tells, before the line is complete. */
static enum http_fault judge_first(const struct http_head *head, char c)
{
    if (head->state != START)
        return HTTP_FAULT_NONE;
    if (head->is_response)
        return c == 'H' ? HTTP_FAULT_NONE : HTTP_FAULT_STATUS_LINE;
    if (c == '\n')
        return HTTP_FAULT_LINE_END;
    return c == '\r' || http_is(c, HTTP_TCHAR) ? HTTP_FAULT_NONE : HTTP_FAULT_METHOD;
}

/*
 * What the length of a line tells, of which `len` octets have come without its
 * LF: more than the limit and a CR mean that the line will be too long.
 */
static enum http_fault judge_length(const struct http_head *head, const char *buf, uint32_t len)
{
    const struct weft_http_limits *limits = head->limits;

    if (head->state == START && len > limits->start_line + 1) {
        if (head->is_response)
            return HTTP_FAULT_STATUS_LINE;
        return memchr(buf + head->line, ' ', limits->start_line) ? HTTP_FAULT_TARGET_LONG
                                                                 : HTTP_FAULT_METHOD_LONG;
    }
    if (head->state == FIELDS && head->line - head->fields + len >= limits->field_bytes)
        return HTTP_FAULT_FIELDS_LONG;
    return HTTP_FAULT_NONE;
}

static enum http_fault end_start_line(struct http_head *head, char *buf, char *line, size_t len)
{
    if (len == 0 && !head->is_response)
        return head->empty_lines++ < EMPTY_LINES_MAX ? HTTP_FAULT_NONE : HTTP_FAULT_EMPTY_LINES;
    head->state = FIELDS;
    return head->is_response ? read_status_line(head, buf, line, len)
                             : read_request_line(head, buf, line, len);
}

/* A line is complete; `end` is the offset of its LF. */
static enum http_fault end_line(struct http_head *head, char *buf, uint32_t end, bool to_head)
{
    char *line = buf + head->line;
    size_t len = end - head->line;
    enum http_fault fault;

    if (len == 0 || line[len - 1] != '\r')
        return HTTP_FAULT_LINE_END;
    len--;
    if (head->state == START) {
        fault = end_start_line(head, buf, line, len);
        head->fields = end + 1;
    } else if (len == 0) {
        fault = end_head(head, buf, to_head);
        head->state = DONE;
    } else {
        fault = read_field(head, buf, line, len);
    }
    head->line = end + 1;
    return fault;
}

enum http_head_result http_head_read(struct http_head *head, char *buf, uint32_t len, bool to_head)
{
    while (head->state < DONE && head->line < len) {
        char *lf = memchr(buf + head->seen, '\n', len - head->seen);
        uint32_t end = lf ? (uint32_t)(lf - buf) : len;

        head->fault = judge_first(head, buf[head->line]);
        if (!head->fault)
            head->fault = judge_length(head, buf, end - head->line);
        if (!head->fault && lf)
            head->fault = end_line(head, buf, end, to_head);
        if (head->fault)
            head->state = BROKEN;
        head->seen = lf ? end + 1 : len;
        if (!lf)
            break;
    }
    head->len = head->line;
    if (head->state == BROKEN)
        return HTTP_HEAD_FAULT;
    return head->state == DONE ? HTTP_HEAD_DONE : HTTP_HEAD_MORE;
}

/* --- Looking things up --- */

static bool is_called(const struct http_line *line, const char *buf, const char *name, size_t len)
{
    return line->name_len == len && http_text_is(buf + line->name, len, name);
}

const char *http_head_next(const struct http_head *head, const char *buf, const char *name, unsigned *index)
{
    size_t len = strlen(name);

    while (*index < head->nlines) {
        const struct http_line *line = &head->lines[(*index)++];

        if (is_called(line, buf, name, len))
            return buf + line->value;
    }
    return NULL;
}

const char *http_head_find(const struct http_head *head, const char *buf, const char *name)
{
    unsigned index = 0;

    return http_head_next(head, buf, name, &index);
}

const char *http_head_only(const struct http_head *head, const char *buf, const char *name)
{
    unsigned index = 0;
    const char *value = http_head_next(head, buf, name, &index);

    return value && http_head_next(head, buf, name, &index) ? NULL : value;
}

bool http_head_line(const struct http_head *head, const char *buf, unsigned index,
                    struct weft_http_field *out)
{
    if (index >= head->nlines)
        return false;
    *out = (struct weft_http_field){buf + head->lines[index].name, buf + head->lines[index].value};
    return true;
}
