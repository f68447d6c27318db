/* SPDX-License-Identifier: MIT */
/*
 * Trace records as text. The forms of the arguments in WEFT_TRACE_EVENTS drive
 * it: an event added there is printed without a change here.
 *
 * Never   believes that a record is one of ours: an unknown event or number is
 *         printed as "?".
 */
#include "inspect/trace_text.h"

#include <inttypes.h>
#include <string.h>

#include <weft/socket.h>
#include <weft/stats.h>

#include "inspect/dissect.h"
#include "inspect/text.h"

/* One argument of an event. */
struct argument {
    char name[16];
    char form[16];
    const uint64_t *value; /* two of them for an address */
};

/* A line under way. */
struct line {
    struct inspect_text text;
    const struct weft_trace_record *record;
    const struct inspect_bases *bases;
    weft_time start; /* what moments are relative to */
    bool is_words;   /* for programs */
    bool has_any;    /* an argument has been printed */
};

/* --- Names of enumerators, for programs ----------------------------------------------- */

#define NAME_(name, ...) #name,

static const char *name_in(const char *const *names, size_t count, uint64_t value)
{
    return value < count ? names[value] : "?";
}

static const char *cause_name(uint64_t cause)
{
    static const char *const names[] = {WEFT_TCP_CAUSES(NAME_)};

    return name_in(names, WEFT_CAUSE_COUNT, cause);
}

static const char *timer_name(uint64_t timer)
{
    static const char *const names[] = {WEFT_TCP_TIMERS(NAME_)};

    return name_in(names, WEFT_TIMER_COUNT, timer);
}

static const char *call_name(uint64_t call)
{
    static const char *const names[] = {WEFT_TCP_CALLS(NAME_)};

    return name_in(names, WEFT_CALL_COUNT, call);
}

static const char *limit_name(uint64_t limit)
{
    static const char *const names[] = {WEFT_TCP_LIMITS(NAME_)};

    return name_in(names, WEFT_LIMIT_COUNT, limit);
}

static const char *reason_name(uint64_t reason)
{
    static const char *const names[] = {WEFT_TCP_SEND_REASONS(NAME_)};

    return name_in(names, WEFT_SENT_COUNT, reason);
}

/* --- Single values: a function for each form ------------------------------------------- */

static void put_number(struct line *l, const struct argument *arg)
{
    if (*arg->value == UINT32_MAX && !l->is_words)
        inspect_text_format(&l->text, "infinite"); /* as ssthresh is before the first loss */
    else
        inspect_text_format(&l->text, "%" PRIu64, *arg->value);
}

static void put_addr(struct line *l, const struct argument *arg)
{
    struct weft_addr addr;
    char buf[WEFT_ADDR_STRLEN];

    for (unsigned i = 0; i < 16; i++)
        addr.b[i] = (uint8_t)(arg->value[i / 8] >> (56 - 8 * (i % 8)));
    inspect_text_format(&l->text, "%s", weft_addr_format(&addr, buf));
}

static void put_mac(struct line *l, const struct argument *arg)
{
    struct weft_mac mac;
    char buf[WEFT_MAC_STRLEN];

    for (unsigned i = 0; i < 6; i++)
        mac.b[i] = (uint8_t)(*arg->value >> (40 - 8 * i));
    inspect_text_format(&l->text, "%s", weft_mac_format(&mac, buf));
}

static void put_ports(struct line *l, const struct argument *arg)
{
    unsigned local = (unsigned)(*arg->value >> 16) & 0xffff, remote = (unsigned)*arg->value & 0xffff;

    inspect_text_format(&l->text, "%u%s%u", local, l->is_words ? "," : " and ", remote);
}

static void put_duration(struct line *l, const struct argument *arg)
{
    char buf[INSPECT_NUMBER_TEXT];

    if (l->is_words)
        inspect_text_format(&l->text, "%" PRIu64 "us", *arg->value);
    else
        inspect_text_format(&l->text, "%s", inspect_text_duration(*arg->value, buf));
}

static void put_moment(struct line *l, const struct argument *arg)
{
    int64_t time = (int64_t)(*arg->value - l->start);
    uint64_t distance = (uint64_t)(time < 0 ? -time : time);

    if (l->is_words || l->start == 0)
        inspect_text_format(&l->text, "%" PRIu64 ".%06" PRIu64, *arg->value / WEFT_SEC,
                            *arg->value % WEFT_SEC);
    else
        inspect_text_format(&l->text, "%s%" PRIu64 ".%06" PRIu64 " s", time < 0 ? "-" : "",
                            distance / WEFT_SEC, distance % WEFT_SEC);
}

/* In whose sequence space the number counts: TCP_IN's sequence number is the peer's, its ack ours. */
static bool is_peers(unsigned event, const char *name)
{
    bool is_ack = strcmp(name, "ack") == 0;

    if (event == WEFT_TRACE_TCP_IN)
        return !is_ack;
    return event == WEFT_TRACE_TCP_RCV || is_ack;
}

static void put_seq(struct line *l, const struct argument *arg)
{
    const struct inspect_bases *bases = l->bases;
    uint32_t value = (uint32_t)*arg->value;

    if (bases && is_peers(l->record->event, arg->name))
        value -= bases->has_peers ? bases->peers : 0;
    else if (bases)
        value -= bases->has_ours ? bases->ours : 0;
    inspect_text_format(&l->text, "%" PRIu32, value);
}

static void put_flags(struct line *l, const struct argument *arg)
{
    char buf[64];

    inspect_name_tcp_flags((unsigned)*arg->value, buf, sizeof(buf));
    if (!l->is_words) {
        inspect_text_format(&l->text, "[%s]", buf);
        return;
    }
    for (char *at = buf; (at = strstr(at, ", ")) != NULL;) {
        *at = '|';
        memmove(at + 1, at + 2, strlen(at + 2) + 1);
    }
    inspect_text_format(&l->text, "%s", buf);
}

static void put_ready(struct line *l, const struct argument *arg)
{
    static const struct {
        uint64_t bit;
        const char *name, *text;
    } bits[] = {
        {WEFT_READABLE, "READABLE", "readable"},
        {WEFT_WRITABLE, "WRITABLE", "writable"},
        {WEFT_PEER_CLOSED, "PEER_CLOSED", "the peer has closed"},
        {WEFT_FAILED, "FAILED", "failed"},
        {WEFT_ALL_SENT, "ALL_SENT", "all is sent"},
        {WEFT_TROUBLE, "TROUBLE", "in trouble"},
        {WEFT_URGENT, "URGENT", "urgent data"},
    };
    const char *between = "";

    for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
        if (*arg->value & bits[i].bit) {
            inspect_text_format(&l->text, "%s%s", between, l->is_words ? bits[i].name : bits[i].text);
            between = l->is_words ? "|" : ", ";
        }
    if (!*between)
        inspect_text_format(&l->text, "%s", l->is_words ? "NONE" : "nothing");
}

static void put_icmp(struct line *l, const struct argument *arg)
{
    unsigned type = (unsigned)(*arg->value >> 8) & 0xff, code = (unsigned)*arg->value & 0xff;
    const char *name = inspect_name_icmp4(type), *code_name = inspect_name_icmp4_code(type, code);

    if (l->is_words || !name)
        inspect_text_format(&l->text, "%u/%u", type, code);
    else
        inspect_text_format(&l->text, "%s%s%s", name, code_name ? ": " : "", code_name ? code_name : "");
}

/* --- Enumerations: a word for programs, a text for people -------------------------------- */

/* As the functions of trace.h and stats.h take it. */
static unsigned number_of(const struct argument *arg)
{
    return *arg->value > UINT32_MAX ? UINT32_MAX : (unsigned)*arg->value;
}

static void put_name(struct line *l, const char *word, const char *text)
{
    inspect_text_format(&l->text, "%s", l->is_words ? word : text);
}

static void put_state(struct line *l, const struct argument *arg)
{
    inspect_text_format(&l->text, "%s", weft_tcp_state_name(number_of(arg)));
}

static void put_neigh(struct line *l, const struct argument *arg)
{
    inspect_text_format(&l->text, "%s", weft_neigh_state_name(number_of(arg)));
}

static void put_timer(struct line *l, const struct argument *arg)
{
    unsigned timer = number_of(arg);

    if (l->is_words)
        inspect_text_format(&l->text, "%s", timer_name(timer));
    else
        inspect_text_format(&l->text, "%s (%s)", weft_tcp_timer_name(timer), weft_tcp_timer_source(timer));
}

static void put_drop(struct line *l, const struct argument *arg)
{
    unsigned drop = number_of(arg);

    if (l->is_words)
        inspect_text_format(&l->text, "%s", weft_drop_name(drop));
    else
        inspect_text_format(&l->text, "%s (%s, %s)", weft_drop_text(drop), weft_drop_name(drop),
                            weft_drop_source(drop));
}

static void put_cause(struct line *l, const struct argument *arg)
{
    put_name(l, cause_name(*arg->value), weft_tcp_cause_text(number_of(arg)));
}

static void put_limit(struct line *l, const struct argument *arg)
{
    put_name(l, limit_name(*arg->value), weft_tcp_limit_text(number_of(arg)));
}

static void put_reason(struct line *l, const struct argument *arg)
{
    put_name(l, reason_name(*arg->value), weft_tcp_send_reason_text(number_of(arg)));
}

static void put_call(struct line *l, const struct argument *arg)
{
    inspect_text_format(&l->text, "%s", call_name(*arg->value));
}

static void put_error(struct line *l, const struct argument *arg)
{
    int error = (int)(int64_t)*arg->value;

    put_name(l, weft_errname(error), weft_strerror(error));
}

/* --- Forms ---------------------------------------------------------------------------------- */

static const struct form {
    const char *name;
    void (*put)(struct line *l, const struct argument *arg);
    bool is_plain; /* its text says by itself what it is */
} forms[] = {
    {"a", put_addr, false},      {"t", put_duration, false},    {"T", put_moment, false},
    {"ports", put_ports, false}, {"seq", put_seq, false},       {"flags", put_flags, true},
    {"state", put_state, true},  {"timer", put_timer, true},    {"cause", put_cause, true},
    {"drop", put_drop, true},    {"limit", put_limit, true},    {"neigh", put_neigh, true},
    {"mac", put_mac, true},      {"icmp", put_icmp, true},      {"ready", put_ready, true},
    {"err", put_error, true},    {"seg-why", put_reason, true}, {"call", put_call, true},
};

static const struct form *form_of(const struct argument *arg)
{
    static const struct form number = {"u", put_number, false};

    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
        if (strcmp(arg->form, forms[i].name) == 0)
            return &forms[i];
    return &number;
}

/* --- Arguments in their order ------------------------------------------------------------------- */

/* Copies a word up to `end` of it, cut off at its size. */
static void copy_word(char *to, size_t size, const char *from, size_t len)
{
    if (len >= size)
        len = size - 1;
    memcpy(to, from, len);
    to[len] = '\0';
}

/* The next "name:form" of `*args`, its values from `*index` on. False when there is none. */
static bool next_argument(const char **args, const struct weft_trace_record *record, unsigned *index,
                          struct argument *out)
{
    const char *at = *args + strspn(*args, " ");
    size_t name = strcspn(at, ":");
    const char *form = at[name] ? at + name + 1 : at + name;
    size_t form_len = strcspn(form, " ");
    unsigned takes;

    copy_word(out->name, sizeof(out->name), at, name);
    copy_word(out->form, sizeof(out->form), form, form_len);
    takes = strcmp(out->form, "a") == 0 ? 2 : 1;
    if (!*at || *index + takes > WEFT_TRACE_ARGS)
        return false;
    out->value = &record->arg[*index];
    *index += takes;
    *args = form + form_len;
    return true;
}

/* What stands between this argument and what is before it. */
static const char *separator(const struct line *l, const struct argument *arg)
{
    bool is_state = strcmp(arg->form, "state") == 0 || strcmp(arg->form, "neigh") == 0;

    if (is_state && strcmp(arg->name, "to") == 0)
        return " → ";
    if (strcmp(arg->form, "state") == 0 || (strcmp(arg->form, "t") == 0 && strcmp(arg->name, "in") == 0))
        return " ";
    if (strcmp(arg->form, "neigh") == 0)
        return " ";
    if (strcmp(arg->form, "cause") == 0 && l->has_any)
        return ": ";
    return l->has_any ? ", " : ": ";
}

static void put_for_people(struct line *l, const struct argument *arg)
{
    if (strcmp(arg->form, "cause") == 0 && *arg->value == WEFT_CAUSE_NONE)
        return;
    inspect_text_format(&l->text, "%s", separator(l, arg));
    if (!form_of(arg)->is_plain)
        inspect_text_format(&l->text, "%s ", arg->name);
    form_of(arg)->put(l, arg);
    l->has_any = true;
}

static void put_for_programs(struct line *l, const struct argument *arg)
{
    inspect_text_format(&l->text, " %s=", arg->name);
    form_of(arg)->put(l, arg);
}

static void put_arguments(struct line *l, const char *args)
{
    struct argument arg;
    unsigned index = 0;

    while (next_argument(&args, l->record, &index, &arg)) {
        if (l->is_words)
            put_for_programs(l, &arg);
        else
            put_for_people(l, &arg);
    }
}

/* --- Lines ------------------------------------------------------------------------------------------ */

/* The layer in front of the text, unless the text begins with it. */
static void put_layer(struct line *l, const char *layer, const char *text)
{
    if (strncmp(text, layer, strlen(layer)) != 0)
        inspect_text_format(&l->text, "%s ", layer);
}

static const char *layer_name(enum weft_layer layer)
{
    switch (layer) {
    case WEFT_LAYER_LINK:
        return "link";
    case WEFT_LAYER_ARP:
        return "ARP";
    case WEFT_LAYER_IP:
        return "IP";
    case WEFT_LAYER_ICMP:
        return "ICMP";
    case WEFT_LAYER_TCP:
    case WEFT_LAYER_SOCKET: /* the text says that it is the application's side */
        return "TCP";
    default:
        return "stack";
    }
}

const char *weft_trace_text(const struct weft_trace_record *record, char *buf)
{
    const struct weft_trace_event_info *info = weft_trace_event_info(record->event);
    struct line l = {.text = inspect_text_in(buf, WEFT_TRACE_TEXT), .record = record};

    put_layer(&l, layer_name(info->layer), info->text);
    if (record->conn)
        inspect_text_format(&l.text, "#%" PRIu32 " ", record->conn);
    inspect_text_format(&l.text, "%s", info->text);
    put_arguments(&l, info->args);
    return buf;
}

const char *inspect_trace_text_relative(const struct weft_trace_record *record,
                                        const struct inspect_bases *bases, weft_time start, char *buf)
{
    const struct weft_trace_event_info *info = weft_trace_event_info(record->event);
    struct line l = {
        .text = inspect_text_in(buf, WEFT_TRACE_TEXT), .record = record, .bases = bases, .start = start};

    inspect_text_format(&l.text, "%s", info->text);
    put_arguments(&l, info->args);
    return buf;
}

const char *weft_trace_words(const struct weft_trace_record *record, char *buf)
{
    const struct weft_trace_event_info *info = weft_trace_event_info(record->event);
    struct line l = {.text = inspect_text_in(buf, WEFT_TRACE_TEXT), .record = record, .is_words = true};

    inspect_text_format(&l.text, "%s", info->name);
    if (record->conn)
        inspect_text_format(&l.text, " conn=%" PRIu32, record->conn);
    if (record->iface)
        inspect_text_format(&l.text, " iface=%u", record->iface);
    put_arguments(&l, info->args);
    return buf;
}
