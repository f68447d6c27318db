/* SPDX-License-Identifier: MIT */
/*
 * What the application does, and what is expected of the state:
 *
 *     listen backlog 5                b: accept from listener2
 *     write 1000 more = 500           read 10 = AGAIN
 *     set keepalive_idle 2h           expect cwnd == 14600, drop.TCP_PAWS == 1
 */
#include "script/parse.h"

#include <string.h>

#include <weft/socket.h>

#include "script/names.h"

void script_name_copy(char to[SCRIPT_NAME], const char *name)
{
    size_t len = strlen(name);

    if (len >= SCRIPT_NAME)
        len = SCRIPT_NAME - 1;
    memcpy(to, name, len);
    to[len] = 0;
}

/* --- Calls ------------------------------------------------------------------------------- */

static bool read_count(struct scan *s, struct script_call *out, const char *what)
{
    uint64_t n;

    if (!scan_number(s, SCRIPT_MAX_WRITE, &n, what))
        return false;
    out->number = (int64_t)n;
    return true;
}

static bool read_write(struct scan *s, struct script_call *out)
{
    if (!read_count(s, out, "write"))
        return false;
    for (unsigned i = 0; script_send_flags[i].name; i++)
        if (scan_is(s, script_send_flags[i].name))
            out->flags |= (unsigned)script_send_flags[i].value;
    return true;
}

/* Without a number: whether there is anything. */
static bool read_read(struct scan *s, struct script_call *out)
{
    char c = scan_peek(s);

    out->number = 1;
    return c < '0' || c > '9' || read_count(s, out, "read");
}

static bool read_listen(struct scan *s, struct script_call *out)
{
    char c = scan_peek(s);

    if (((c >= '0' && c <= '9') || c == ':') && !scan_endpoint(s, &out->addr))
        return false;
    return !scan_is(s, "backlog") || read_count(s, out, "backlog");
}

static bool read_address(struct scan *s, struct script_call *out)
{
    return scan_endpoint(s, &out->addr);
}

static bool read_connect(struct scan *s, struct script_call *out)
{
    char c = scan_peek(s);

    script_name_copy(out->from, SCRIPT_FLOW);
    if (scan_is(s, "flow"))
        return scan_word(s, out->from, sizeof(out->from), "the flow's name");
    return c == 0 || c == '=' || scan_endpoint(s, &out->addr);
}

static bool read_accept(struct scan *s, struct script_call *out)
{
    script_name_copy(out->from, SCRIPT_LISTENER);
    return !scan_is(s, "from") || scan_word(s, out->from, sizeof(out->from), "the listener's name");
}

static bool read_shutdown(struct scan *s, struct script_call *out)
{
    if (scan_is(s, "rd"))
        out->number = WEFT_SHUT_RD;
    else if (scan_is(s, "wr"))
        out->number = WEFT_SHUT_WR;
    else if (scan_is(s, "rdwr"))
        out->number = WEFT_SHUT_RDWR;
    else
        return scan_fail(s, "shutdown: rd, wr or rdwr is missing");
    return true;
}

static bool read_option_name(struct scan *s, struct script_call *out)
{
    char name[SCRIPT_NAME * 2];

    if (!scan_word(s, name, sizeof(name), "the option"))
        return false;
    out->option = script_value_find(script_options, name);
    if (out->option < 0)
        return scan_fail(s, "there is no socket option '%s' (WEFT_OPT_… in weft/socket.h, in small letters)",
                         name);
    return true;
}

static bool read_set(struct scan *s, struct script_call *out)
{
    return read_option_name(s, out) && scan_value(s, &out->number);
}

static bool read_none(struct scan *s, struct script_call *out)
{
    (void)s, (void)out;
    return true;
}

static const struct {
    const char *word;
    enum script_call_kind kind;
    bool (*read)(struct scan *s, struct script_call *out);
} calls[] = {
    {"bind", SCRIPT_CALL_BIND, read_address},
    {"listen", SCRIPT_CALL_LISTEN, read_listen},
    {"connect", SCRIPT_CALL_CONNECT, read_connect},
    {"accept", SCRIPT_CALL_ACCEPT, read_accept},
    {"write", SCRIPT_CALL_WRITE, read_write},
    {"read", SCRIPT_CALL_READ, read_read},
    {"peek", SCRIPT_CALL_PEEK, read_read},
    {"shutdown", SCRIPT_CALL_SHUTDOWN, read_shutdown},
    {"close", SCRIPT_CALL_CLOSE, read_none},
    {"abort", SCRIPT_CALL_ABORT, read_none},
    {"set", SCRIPT_CALL_SET, read_set},
    {"get", SCRIPT_CALL_GET, read_option_name},
    {"error", SCRIPT_CALL_ERROR, read_none},
    {"pending", SCRIPT_CALL_PENDING, read_none},
    {"room", SCRIPT_CALL_ROOM, read_none},
    {"urgent", SCRIPT_CALL_URGENT, read_none},
    {"mark", SCRIPT_CALL_MARK, read_none},
    {"trouble", SCRIPT_CALL_TROUBLE, read_none},
};

/* "= 500", "= AGAIN" */
static bool read_result(struct scan *s, struct script_call *out)
{
    char name[SCRIPT_NAME];
    char c = scan_peek(s);

    out->has_result = true;
    if ((c >= '0' && c <= '9') || c == '-')
        return scan_value(s, &out->result);
    if (!scan_word(s, name, sizeof(name), "the result"))
        return false;
    out->result = strcmp(name, "OK") == 0 ? 0 : script_error_find(name);
    return out->result != 1 || scan_fail(s, "'%s' is neither a number nor an error of weft/err.h", name);
}

int script_parse_call(struct scan *s, const char *word, const char *sock, struct script_call *out)
{
    for (unsigned i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        bool listens = calls[i].kind == SCRIPT_CALL_LISTEN;

        if (strcmp(word, calls[i].word) != 0)
            continue;
        out->kind = calls[i].kind;
        script_name_copy(out->sock, *sock ? sock : listens ? SCRIPT_LISTENER : SCRIPT_SOCK);
        if (!calls[i].read(s, out))
            return -1;
        return scan_char(s, '=') && !read_result(s, out) ? -1 : 1;
    }
    return 0;
}

/* --- Expectations ---------------------------------------------------------------------------- */

static bool read_op(struct scan *s, enum script_op *out)
{
    static const struct {
        const char *text;
        enum script_op op;
    } ops[] = {{"==", SCRIPT_EQ}, {"!=", SCRIPT_NE}, {"<=", SCRIPT_LE},
               {">=", SCRIPT_GE}, {"<", SCRIPT_LT},  {">", SCRIPT_GT}};

    for (unsigned i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
        if (scan_text(s, ops[i].text)) {
            *out = ops[i].op;
            return true;
        }
    return scan_fail(s, "a comparison is missing: == != < <= > >=");
}

static bool read_counter(struct scan *s, int (*find)(const char *), const char *what, struct script_test *out)
{
    char name[SCRIPT_NAME * 2];
    int at;

    if (!scan_char(s, '.') || !scan_word(s, name, sizeof(name), what))
        return scan_fail(s, "'.' and %s are missing", what);
    at = find(name);
    if (at < 0)
        return scan_fail(s, "%s '%s' is not in weft/stats.h", what, name);
    out->index = (unsigned)at;
    return true;
}

static bool read_subject(struct scan *s, struct script_test *out)
{
    static const char *const flow_fields[] = {"isn_step", "isn", "port"};
    char name[SCRIPT_NAME * 2];
    int at;

    if (scan_is(s, "drop")) {
        out->subject = SCRIPT_OF_DROPS;
        return read_counter(s, script_drop_find, "the reason to drop", out);
    }
    if (scan_is(s, "count")) {
        out->subject = SCRIPT_OF_COUNTERS;
        return read_counter(s, script_counter_find, "the counter", out);
    }
    if (!scan_word(s, name, sizeof(name), "what is compared"))
        return false;
    for (unsigned i = 0; i < sizeof(flow_fields) / sizeof(flow_fields[0]); i++)
        if (strcmp(name, flow_fields[i]) == 0) {
            out->subject = SCRIPT_OF_FLOW;
            out->index = i;
            return true;
        }
    at = script_field_find(script_info_fields, name);
    if (at < 0)
        return scan_fail(
            s, "'%s' is no field of struct weft_tcp_info, nor drop.X, count.X, isn, isn_step, port", name);
    out->subject = SCRIPT_OF_INFO;
    out->index = (unsigned)at;
    return true;
}

/* A number, or a name of the field's own list. */
static bool read_wanted(struct scan *s, struct script_test *out)
{
    const char *field = out->subject == SCRIPT_OF_INFO ? script_info_fields[out->index].name : "";
    char name[SCRIPT_NAME];
    bool is_limit = strcmp(field, "limit") == 0;

    if (!is_limit && strcmp(field, "state") != 0)
        return scan_value(s, &out->value);
    if (!scan_word(s, name, sizeof(name), "the name to compare with"))
        return false;
    out->value = is_limit ? script_limit_find(name) : script_state_find(name);
    return out->value >= 0 || scan_fail(s, "there is no %s '%s'", field, name);
}

bool script_parse_expect(struct scan *s, const char *sock, struct script_expect *out)
{
    script_name_copy(out->sock, *sock ? sock : SCRIPT_SOCK);
    do {
        struct script_test *test = &out->test[out->count];

        if (out->count == SCRIPT_MAX_TESTS)
            return scan_fail(s, "more than %d comparisons on a line", SCRIPT_MAX_TESTS);
        out->count++;
        if (!read_subject(s, test) || !read_op(s, &test->op) || !read_wanted(s, test))
            return false;
    } while (scan_char(s, ','));
    return true;
}
