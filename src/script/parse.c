/* SPDX-License-Identifier: MIT */
/*
 * Reading a script, line by line.
 *
 * Owns    files, lines, includes, settings and the times of statements; packets
 *         are read by parse_packet.c, calls and expectations by parse_call.c.
 * Never   runs anything, nor believes a length: lines, statements, files and
 *         the depth of includes are bounded (script.h).
 */
#include "script/parse.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <weft/check.h>
#include <weft/err.h>
#include <weft/socket.h>

#include "script/names.h"

/* A file being read. */
struct parser {
    struct weft_script *script;
    const char *text, *end;
    uint16_t file;
    uint32_t line;
    unsigned depth;
    char *why;
    size_t why_size;
};

static int read_file(struct parser *from, const char *path);

__attribute__((format(printf, 3, 4))) static int wrong(const struct parser *p, int error, const char *format,
                                                       ...)
{
    va_list args;
    int n = snprintf(p->why, p->why_size, "%s:%u: ", p->script->files[p->file], p->line);

    va_start(args, format);
    if (n >= 0 && (size_t)n < p->why_size)
        vsnprintf(p->why + n, p->why_size - (size_t)n, format, args);
    va_end(args);
    return error;
}

int script_find_flow(const struct weft_script *script, const char *name)
{
    for (unsigned i = 0; i < script->nflows; i++)
        if (strcmp(script->flows[i].name, name) == 0)
            return (int)i;
    return -1;
}

/* --- Settings ---------------------------------------------------------------------------- */

/* Settings of the run that are no field of struct weft_tcp_config. */
static const struct {
    const char *name;
    size_t offset, size;
    uint32_t min, max;
} own_settings[] = {
#define OWN(name, field, min, max)                                                                           \
    {                                                                                                        \
        name, offsetof(struct script_setup, field), sizeof(((struct script_setup *)0)->field), min, max      \
    }
    OWN("mtu", mtu, 68, 65535),
    OWN("tx_queue", tx_queue, 1, 65535),
    OWN("pool_pkts", pkts, 16, 65536),
    OWN("pool_small_blocks", small_blocks, 16, 65536),
    OWN("pool_large_blocks", large_blocks, 1, 4096),
    OWN("isn", our_isn, 0, UINT32_MAX),
    OWN("peer_isn", peer_isn, 0, UINT32_MAX),
    OWN("tolerance", tolerance, 0, 1000000),
#undef OWN
};

static bool set_own(struct scan *s, struct script_setup *setup, const char *name, int64_t value)
{
    for (unsigned i = 0; i < sizeof(own_settings) / sizeof(own_settings[0]); i++) {
        const struct script_field field = {name, SCRIPT_UINT, own_settings[i].offset, own_settings[i].size};

        if (strcmp(name, own_settings[i].name) != 0)
            continue;
        if (value < own_settings[i].min || value > own_settings[i].max)
            return scan_fail(s, "%s is not from %u to %u", name, own_settings[i].min, own_settings[i].max);
        return script_field_set(&field, setup, value);
    }
    return scan_fail(s, "'%s' is no field of struct weft_tcp_config, nor a setting of weft-script(5)", name);
}

/* A setting that is a word: "config congestion newreno". */
static bool set_text(struct scan *s, struct weft_script *script, const struct script_field *field)
{
    char *text = script->texts[script->ntexts];

    if (script->ntexts == sizeof(script->texts) / sizeof(script->texts[0]))
        return scan_fail(s, "too many settings that are words");
    if (!scan_word(s, text, SCRIPT_NAME, field->name))
        return false;
    script->ntexts++;
    memcpy((uint8_t *)&script->setup.tcp + field->offset, &text, sizeof(text));
    return true;
}

static bool read_config(struct scan *s, struct weft_script *script)
{
    const struct script_field *field;
    char name[SCRIPT_NAME * 2];
    int64_t value;
    int at;

    if (!scan_word(s, name, sizeof(name), "the setting"))
        return false;
    at = script_field_find(script_config_fields, name);
    field = at < 0 ? NULL : &script_config_fields[at];
    if (field && field->kind == SCRIPT_TEXT)
        return set_text(s, script, field);
    if (!scan_value(s, &value))
        return false;
    if (!field)
        return set_own(s, &script->setup, name, value);
    return script_field_set(field, &script->setup.tcp, value) ||
           scan_fail(s, "the value does not fit into %s", name);
}

static bool read_flow(struct scan *s, struct weft_script *script)
{
    struct script_flow flow = {.local = {weft_ip4(10, 0, 0, 1), 0}, .remote = {weft_ip4(10, 0, 0, 2), 0}};
    int at;

    if (!scan_word(s, flow.name, sizeof(flow.name), "the flow's name"))
        return false;
    while (!scan_at_end(s)) {
        if (scan_is(s, "peer")) {
            if (!scan_endpoint(s, &flow.remote))
                return false;
        } else if (scan_is(s, "local")) {
            if (!scan_endpoint(s, &flow.local))
                return false;
        } else {
            return scan_fail(s, "flow: 'peer' or 'local' and an endpoint are missing");
        }
    }
    at = script_find_flow(script, flow.name);
    if (at < 0 && script->nflows == SCRIPT_MAX_FLOWS)
        return scan_fail(s, "more than %d flows", SCRIPT_MAX_FLOWS);
    script->flows[at < 0 ? script->nflows++ : (unsigned)at] = flow;
    return true;
}

/* --- Statements ------------------------------------------------------------------------------- */

/* "+.1", "+0~+.2", "0.5", "0.5~0.6", "*"; nothing is "+0". */
static bool read_when(struct scan *s, struct script_time *out)
{
    char c = scan_peek(s);

    *out = (struct script_time){SCRIPT_RELATIVE, false, 0, 0};
    if (scan_char(s, '*')) {
        out->when = SCRIPT_ANY;
        return true;
    }
    if (c != '+' && c != '.' && (c < '0' || c > '9'))
        return true;
    if (!scan_char(s, '+'))
        out->when = SCRIPT_ABSOLUTE;
    if (!scan_time(s, &out->low))
        return false;
    out->high = out->low;
    if (!scan_char(s, '~'))
        return true;
    out->is_range = true;
    if (scan_char(s, '+') != (out->when == SCRIPT_RELATIVE))
        return scan_fail(s, "both times of a range are relative, or both absolute");
    if (!scan_time(s, &out->high))
        return false;
    return out->high >= out->low || scan_fail(s, "the range of time ends before it begins");
}

static bool read_state(struct scan *s, const char *flow, struct script_step *step)
{
    char name[SCRIPT_NAME];
    int state;

    step->kind = SCRIPT_STATE;
    script_name_copy(step->state.flow, *flow ? flow : SCRIPT_FLOW);
    if (!scan_word(s, name, sizeof(name), "the state"))
        return false;
    state = script_state_find(name);
    step->state.state = (unsigned)state;
    return state >= 0 || scan_fail(s, "there is no state '%s'", name);
}

static bool read_events(struct scan *s, const char *sock, struct script_step *step)
{
    step->kind = SCRIPT_EVENTS;
    script_name_copy(step->events.sock, *sock ? sock : SCRIPT_SOCK);
    if (scan_is(s, "none"))
        return step->events.none = true;
    while (!scan_at_end(s)) {
        unsigned i = 0;

        while (script_events[i].name && !scan_is(s, script_events[i].name))
            i++;
        if (!script_events[i].name)
            return scan_fail(s, "an event is none of enum weft_sock_event (weft/socket.h), in small letters");
        step->events.wanted |= (unsigned)script_events[i].value;
        scan_char(s, ',');
    }
    return step->events.wanted != 0 || scan_fail(s, "the events are missing, or 'none'");
}

/* "b:" before a call, an expectation or a state. */
static bool read_prefix(struct scan *s, char word[SCRIPT_NAME], char prefix[SCRIPT_NAME])
{
    prefix[0] = 0;
    if (!scan_word(s, word, SCRIPT_NAME, "'<', '>' or a word"))
        return false;
    if (!scan_char(s, ':'))
        return true;
    script_name_copy(prefix, word);
    return scan_word(s, word, SCRIPT_NAME, "a word behind the name");
}

static bool read_word_statement(struct scan *s, struct script_step *step)
{
    char word[SCRIPT_NAME], prefix[SCRIPT_NAME];
    int is_call;

    if (!read_prefix(s, word, prefix))
        return false;
    if (strcmp(word, "state") == 0)
        return read_state(s, prefix, step);
    if (strcmp(word, "events") == 0)
        return read_events(s, prefix, step);
    if (strcmp(word, "expect") == 0) {
        step->kind = SCRIPT_EXPECT;
        return script_parse_expect(s, prefix, &step->expect);
    }
    if (strcmp(word, "hold") == 0 || strcmp(word, "release") == 0) {
        step->kind = word[0] == 'h' ? SCRIPT_HOLD : SCRIPT_RELEASE;
        return true;
    }
    step->kind = SCRIPT_CALL;
    is_call = script_parse_call(s, word, prefix, &step->call);
    return is_call > 0 || (is_call == 0 && scan_fail(s, "'%s' is no statement of weft-script(5)", word));
}

static bool read_step(struct scan *s, struct script_step *step)
{
    bool ok;

    if (!read_when(s, &step->time))
        return false;
    if (scan_char(s, '<')) {
        step->kind = SCRIPT_IN;
        ok = script_parse_packet(s, true, &step->packet);
    } else if (scan_char(s, '>')) {
        step->kind = SCRIPT_OUT;
        ok = script_parse_packet(s, false, &step->packet);
    } else {
        ok = read_word_statement(s, step);
    }
    if (ok && !scan_at_end(s))
        ok = scan_fail(s, "what does '%.40s' mean here?", s->at);
    if (ok && step->kind != SCRIPT_OUT && (step->time.is_range || step->time.when == SCRIPT_ANY))
        ok = scan_fail(s, "a range of time is for what is expected: only '>' may have one");
    return ok;
}

static struct script_step *new_step(struct weft_script *script)
{
    struct script_step *steps;
    unsigned room = script->room ? 2 * script->room : 32;

    if (script->nsteps < script->room)
        return &script->steps[script->nsteps];
    steps = realloc(script->steps, room * sizeof(*steps));
    if (!steps)
        return NULL;
    script->steps = steps;
    script->room = room;
    return &script->steps[script->nsteps];
}

/* The flow that a statement names must have been declared. */
static const char *unknown_flow(const struct weft_script *script, const struct script_step *step)
{
    const char *name =
        step->kind == SCRIPT_STATE                                               ? step->state.flow
        : step->kind == SCRIPT_IN                                                ? step->packet.flow
        : step->kind == SCRIPT_OUT && !step->packet.any && !step->packet.nothing ? step->packet.flow
        : step->kind == SCRIPT_CALL && *step->call.from && step->call.kind == SCRIPT_CALL_CONNECT
            ? step->call.from
            : SCRIPT_FLOW;

    return script_find_flow(script, name) < 0 ? name : NULL;
}

static int read_statement(struct parser *p, struct scan *s, const char *line, size_t len)
{
    struct script_step *step = p->script->nsteps < SCRIPT_MAX_STEPS ? new_step(p->script) : NULL;
    const char *flow;

    if (p->script->nsteps == SCRIPT_MAX_STEPS)
        return wrong(p, WEFT_E_BADFORMAT, "more than %d statements", SCRIPT_MAX_STEPS);
    if (!step)
        return wrong(p, WEFT_E_NOMEM, "no memory");
    memset(step, 0, sizeof(*step));
    step->file = p->file;
    step->line = p->line;
    memcpy(step->text, line, len);
    if (!read_step(s, step))
        return wrong(p, WEFT_E_BADFORMAT, "%s", s->why);
    flow = unknown_flow(p->script, step);
    if (flow)
        return wrong(p, WEFT_E_BADFORMAT, "there is no flow '%s' yet: flow NAME peer ADDR:PORT local PORT",
                     flow);
    p->script->nsteps++;
    return 0;
}

/* --- Lines and files -------------------------------------------------------------------------- */

/* "breaks RULE": a rule of the wire checker. */
static bool read_breaks(struct scan *s, struct weft_script *script)
{
    char name[SCRIPT_NAME * 2];
    weft_check_rule rule;

    if (!scan_word(s, name, sizeof(name), "the rule"))
        return false;
    if (weft_check_rule_find(name, &rule) < 0)
        return scan_fail(s, "'%s' is no rule of weft-check(1)", name);
    for (unsigned i = 0; i < script->nbreaks; i++)
        if (script->breaks[i] == rule) /* a file that is included says it, too */
            return true;
    if (script->nbreaks == SCRIPT_MAX_BREAKS)
        return scan_fail(s, "more than %d rules that are broken", SCRIPT_MAX_BREAKS);
    script->breaks[script->nbreaks++] = rule;
    return true;
}

/* The rows that the script proves are for whoever reads it, and for messages; the ledger reads them itself. */
static bool read_requires(struct scan *s, struct weft_script *script)
{
    size_t used = strlen(script->requires);
    char id[64];

    do {
        if (!scan_word(s, id, sizeof(id), "the id of a row"))
            return false;
        /* Ids of RFC 1122 have points in them. */
        for (size_t n = strlen(id); s->at < s->end && (*s->at == '.' || (*s->at >= '0' && *s->at <= '9'));) {
            if (n + 1 >= sizeof(id))
                return scan_fail(s, "the id of a row is longer than %u characters", (unsigned)sizeof(id) - 1);
            id[n++] = *s->at++;
            id[n] = 0;
        }
        if (used + strlen(id) + 3 < sizeof(script->requires))
            used += (size_t)snprintf(script->requires + used, sizeof(script->requires) - used, "%s%s",
                                     used ? ", " : "", id);
    } while (scan_char(s, ','));
    return true;
}

/* Files are looked for beside the one that includes them. */
static int include(struct parser *p, struct scan *s)
{
    const char *here = p->script->files[p->file];
    const char *slash = strrchr(here, '/');
    char path[SCRIPT_PATH];
    const char *end = s->end;
    int n;

    scan_peek(s);
    while (end > s->at && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    if (end == s->at)
        return wrong(p, WEFT_E_BADFORMAT, "include: the file is missing");
    if (p->depth >= SCRIPT_MAX_DEPTH)
        return wrong(p, WEFT_E_BADFORMAT, "includes go deeper than %d", SCRIPT_MAX_DEPTH);
    n = snprintf(path, sizeof(path), "%.*s%.*s", slash && *s->at != '/' ? (int)(slash - here + 1) : 0, here,
                 (int)(end - s->at), s->at);
    if (n < 0 || (size_t)n >= sizeof(path))
        return wrong(p, WEFT_E_BADFORMAT, "include: the path is longer than %d bytes", SCRIPT_PATH - 1);
    return read_file(p, path);
}

static int settings_done(const struct parser *p)
{
    return wrong(p, WEFT_E_BADFORMAT, "settings come before the first statement");
}

static int read_line(struct parser *p, const char *line, size_t len)
{
    struct scan s = {.at = line, .end = line + len};
    bool ok = true;

    if (scan_at_end(&s))
        return 0;
    if (scan_is(&s, "include"))
        return include(p, &s);
    if (scan_text(&s, "requires:"))
        ok = read_requires(&s, p->script);
    else if (scan_is(&s, "breaks"))
        ok = read_breaks(&s, p->script);
    else if (scan_is(&s, "flow"))
        ok = read_flow(&s, p->script);
    else if (!scan_is(&s, "config"))
        return read_statement(p, &s, line, len);
    else if (p->script->nsteps > 0)
        return settings_done(p);
    else
        ok = read_config(&s, p->script);
    if (ok && !scan_at_end(&s))
        ok = scan_fail(&s, "what does '%.40s' mean here?", s.at);
    return ok ? 0 : wrong(p, WEFT_E_BADFORMAT, "%s", s.why);
}

/* Without the comment and the spaces around. */
static size_t cut_comment(const char *line, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (line[i] == '#' || (line[i] == '/' && i + 1 < len && line[i + 1] == '/')) {
            len = i;
            break;
        }
    while (len > 0 && (line[len - 1] == ' ' || line[len - 1] == '\t' || line[len - 1] == '\r'))
        len--;
    return len;
}

static int read_lines(struct parser *p)
{
    while (p->text < p->end) {
        const char *newline = memchr(p->text, '\n', (size_t)(p->end - p->text));
        size_t len = (size_t)((newline ? newline : p->end) - p->text);
        char line[SCRIPT_LINE] = "";
        int rc;

        p->line++;
        if (memchr(p->text, 0, len))
            return wrong(p, WEFT_E_BADFORMAT, "a NUL byte: this is no text");
        len = cut_comment(p->text, len);
        if (len >= sizeof(line))
            return wrong(p, WEFT_E_BADFORMAT, "the line is longer than %d bytes", SCRIPT_LINE - 1);
        memcpy(line, p->text, len);
        rc = read_line(p, line, len);
        if (rc)
            return rc;
        p->text = newline ? newline + 1 : p->end;
    }
    return 0;
}

static int add_file(struct parser *p, const char *name)
{
    struct weft_script *script = p->script;

    if (script->nfiles == SCRIPT_MAX_FILES)
        return wrong(p, WEFT_E_BADFORMAT, "more than %d files", SCRIPT_MAX_FILES);
    snprintf(script->files[script->nfiles], SCRIPT_PATH, "%s", name);
    p->file = (uint16_t)script->nfiles++;
    return 0;
}

/* The whole file, at most SCRIPT_MAX_TEXT bytes. Returns 0 and `text`, which is the caller's to free. */
static int load(const char *path, char **text, size_t *len)
{
    FILE *file = fopen(path, "r");
    char *bytes = malloc(SCRIPT_MAX_TEXT + 1);
    bool failed;

    *text = NULL;
    if (!file || !bytes) {
        int error = !bytes ? WEFT_E_NOMEM : errno == ENOENT ? WEFT_E_NOTFOUND : WEFT_E_IO;

        if (file)
            fclose(file);
        free(bytes);
        return error;
    }
    *len = fread(bytes, 1, SCRIPT_MAX_TEXT + 1, file);
    failed = ferror(file);
    fclose(file);
    if (failed || *len > SCRIPT_MAX_TEXT) {
        free(bytes);
        return failed ? WEFT_E_IO : WEFT_E_BADFORMAT;
    }
    *text = bytes;
    return 0;
}

static int read_file(struct parser *from, const char *path)
{
    struct parser p = *from;
    char *text;
    size_t len;
    int rc = load(path, &text, &len);

    if (rc)
        return wrong(from, rc, "%s: %s", path,
                     rc == WEFT_E_BADFORMAT ? "larger than 256 KiB" : weft_strerror(rc));
    rc = add_file(&p, path);
    if (rc == 0) {
        p.text = text;
        p.end = text + len;
        p.line = 0;
        p.depth++;
        rc = read_lines(&p);
    }
    free(text);
    return rc;
}

static struct weft_script *new_script(void)
{
    struct weft_script *script = calloc(1, sizeof(*script));
    struct script_flow main_flow = {
        .name = SCRIPT_FLOW, .local = {weft_ip4(10, 0, 0, 1), 0}, .remote = {weft_ip4(10, 0, 0, 2), 0}};

    if (!script)
        return NULL;
    script->flows[script->nflows++] = main_flow;
    /* Both sides' numbers wrap soon after they begin. */
    script->setup = (struct script_setup){
        .tcp = {.no_pacing = true}, .mtu = 1500, .our_isn = 0xfffff800, .peer_isn = 0xfffffc00};
    return script;
}

int weft_script_parse(const char *name, const char *text, size_t len, struct weft_script **out, char *why,
                      size_t why_size)
{
    struct parser p = {.script = new_script(), .text = text, .end = text + len, .why = why};
    int rc;

    p.why_size = why_size;
    if (!p.script) {
        snprintf(why, why_size, "%s: no memory", name);
        return WEFT_E_NOMEM;
    }
    if (len > SCRIPT_MAX_TEXT) {
        snprintf(why, why_size, "%s: larger than 256 KiB", name);
        rc = WEFT_E_BADFORMAT;
    } else {
        rc = add_file(&p, name);
    }
    if (rc == 0)
        rc = read_lines(&p);
    if (rc) {
        weft_script_free(p.script);
        return rc;
    }
    *out = p.script;
    return 0;
}

int weft_script_read(const char *path, struct weft_script **out, char *why, size_t why_size)
{
    char *text;
    size_t len;
    int rc = load(path, &text, &len);

    if (rc) {
        snprintf(why, why_size, "%s: %s", path,
                 rc == WEFT_E_BADFORMAT ? "larger than 256 KiB" : weft_strerror(rc));
        return rc;
    }
    rc = weft_script_parse(path, text, len, out, why, why_size);
    free(text);
    return rc;
}

int weft_script_config(struct weft_script *script, const char *settings, char *why, size_t why_size)
{
    struct scan s = {.at = settings, .end = settings + strlen(settings)};
    bool ok;

    do {
        ok = read_config(&s, script);
    } while (ok && scan_char(&s, ','));
    if (ok && !scan_at_end(&s))
        ok = scan_fail(&s, "what does '%.40s' mean here?", s.at);
    if (!ok)
        snprintf(why, why_size, "%s", s.why);
    return ok ? 0 : WEFT_E_BADFORMAT;
}

void weft_script_free(struct weft_script *script)
{
    if (!script)
        return;
    free(script->steps);
    free(script);
}
