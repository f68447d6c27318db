/* SPDX-License-Identifier: MIT */
/* Rows on a terminal (print.h). Text that came from a network has been made harmless before it gets here. */
#include "inspect/print.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "inspect/text.h"

#define INDENT    6u  /* before labels */
#define CONTENT   17u /* where the text of a row begins */
#define MIN_WIDTH 60u

/* --- The printer ------------------------------------------------------------------------ */

struct printer inspect_printer(FILE *out, const struct weft_inspect_options *options)
{
    static const struct weft_inspect_options none;
    struct printer p = {.out = out, .options = options ? options : &none, .here = "weft", .there = "peer"};

    p.width = p.options->width ? p.options->width : 100;
    if (p.width < MIN_WIDTH)
        p.width = MIN_WIDTH;
    if (p.options->here)
        p.here = p.options->here;
    if (p.options->there)
        p.there = p.options->there;
    return p;
}

int inspect_printer_result(const struct printer *p)
{
    return fflush(p->out) != 0 || ferror(p->out) ? WEFT_E_IO : 0;
}

/* Of the 256 colours, those that can be read on a dark and on a light ground. */
static const char *escape_of(enum print_colour colour)
{
    switch (colour) {
    case PRINT_DIM:
        return "\033[2m";
    case PRINT_STRONG:
        return "\033[1m";
    case PRINT_GOOD:
        return "\033[38;5;71m";
    case PRINT_BAD:
        return "\033[1;38;5;203m";
    case PRINT_WARN:
        return "\033[38;5;172m";
    case PRINT_LINK:
        return "\033[38;5;103m";
    case PRINT_ARP:
        return "\033[38;5;172m";
    case PRINT_IP:
        return "\033[38;5;72m";
    case PRINT_ICMP:
        return "\033[38;5;168m";
    case PRINT_TRANSPORT:
        return "\033[38;5;74m";
    case PRINT_HTTP:
        return "\033[38;5;140m";
    case PRINT_DATA:
        return "\033[38;5;102m";
    case PRINT_STATE:
        return "\033[1;38;5;71m";
    case PRINT_TIMER:
        return "\033[38;5;173m";
    case PRINT_APPLICATION:
        return "\033[38;5;139m";
    default:
        return "";
    }
}

enum print_colour inspect_print_colour(enum weft_proto proto)
{
    static const enum print_colour colours[] = {
        [WEFT_PROTO_ETHERNET] = PRINT_LINK, [WEFT_PROTO_VLAN] = PRINT_LINK,
        [WEFT_PROTO_ARP] = PRINT_ARP,       [WEFT_PROTO_IP4] = PRINT_IP,
        [WEFT_PROTO_IP6] = PRINT_IP,        [WEFT_PROTO_ICMP4] = PRINT_ICMP,
        [WEFT_PROTO_ICMP6] = PRINT_ICMP,    [WEFT_PROTO_UDP] = PRINT_TRANSPORT,
        [WEFT_PROTO_TCP] = PRINT_TRANSPORT, [WEFT_PROTO_HTTP] = PRINT_HTTP,
        [WEFT_PROTO_DATA] = PRINT_DATA,     [WEFT_PROTO_TRAILER] = PRINT_DATA,
    };

    return colours[proto];
}

unsigned inspect_print_columns(const char *text)
{
    unsigned columns = 0;

    for (; *text; text++)
        columns += ((uint8_t)*text & 0xc0) != 0x80;
    return columns;
}

static void put(struct printer *p, enum print_colour colour, const char *text)
{
    const char *escape = p->options->colour ? escape_of(colour) : "";

    (void)fprintf(p->out, "%s%s%s", escape, text, *escape ? "\033[0m" : "");
    p->column += inspect_print_columns(text);
}

void inspect_print(struct printer *p, enum print_colour colour, const char *format, ...)
{
    char buf[1024];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(buf, sizeof(buf), format, args);
    va_end(args);
    put(p, colour, buf);
}

void inspect_print_newline(struct printer *p)
{
    (void)fputc('\n', p->out);
    p->column = 0;
}

void inspect_print_to(struct printer *p, unsigned column)
{
    do {
        (void)fputc(' ', p->out);
        p->column++;
    } while (p->column < column);
}

/* --- Rows ------------------------------------------------------------------------------------ */

void inspect_print_label(struct printer *p, enum print_colour colour, const char *label)
{
    inspect_print_to(p, INDENT);
    put(p, colour, label);
    inspect_print_to(p, CONTENT);
}

static void wrap(struct printer *p)
{
    inspect_print_newline(p);
    inspect_print_to(p, CONTENT);
}

/* The bytes of `text` that fit into `room` columns. */
static size_t cut_to(const char *text, unsigned room)
{
    size_t at = 0;
    unsigned columns = 0;

    while (text[at]) {
        columns += ((uint8_t)text[at] & 0xc0) != 0x80;
        if (columns > room)
            break;
        at++;
    }
    return at;
}

/* The bytes of `text` that go on a line of `room` columns: all, or up to a space, or as many as fit. */
static size_t line_of(const char *text, unsigned room)
{
    size_t len = cut_to(text, room), at = len;

    if (!text[len])
        return len;
    while (at > 0 && text[at] != ' ')
        at--;
    return at > 0 ? at : len;
}

/* Text that goes on on the next line when it does not fit on this one. */
static void put_wrapped(struct printer *p, enum print_colour colour, const char *text)
{
    while (*text) {
        size_t len = line_of(text, p->width > p->column ? p->width - p->column : 1);

        inspect_print(p, colour, "%.*s", (int)len, text);
        text += len;
        while (*text == ' ')
            text++;
        if (*text)
            wrap(p);
    }
}

void inspect_print_group(struct printer *p, const char *separator, const struct print_word *words)
{
    unsigned columns = 0;
    bool is_first = p->column <= CONTENT;

    for (const struct print_word *w = words; w->text; w++)
        columns += inspect_print_columns(w->text) + (w > words);
    if (!is_first && p->column + inspect_print_columns(separator) + columns > p->width) {
        wrap(p);
        is_first = true;
    }
    if (!is_first)
        put(p, PRINT_DIM, separator);
    for (const struct print_word *w = words; w->text; w++) {
        if (w > words && p->column + 1 + inspect_print_columns(w->text) > p->width)
            wrap(p);
        else if (w > words)
            put(p, PRINT_PLAIN, " ");
        put_wrapped(p, w->colour, w->text);
    }
}

void inspect_print_row(struct printer *p, enum print_colour label_colour, const char *label,
                       enum print_colour colour, const char *text)
{
    inspect_print_label(p, label_colour, label);
    put_wrapped(p, colour, text);
    inspect_print_newline(p);
}

/* --- Frames ----------------------------------------------------------------------------------- */

void inspect_print_heading(struct printer *p, uint64_t number, int64_t time, enum weft_direction direction,
                           const char *kind, const char *summary, bool has_problem)
{
    const char *arrow = direction == WEFT_DIRECTION_IN ? "──▶" : "◀──";
    uint64_t distance = (uint64_t)(time < 0 ? -time : time);

    inspect_print(p, PRINT_STRONG, "%4" PRIu64 "  ", number);
    inspect_print(p, PRINT_PLAIN, "%s%" PRIu64 ".%06" PRIu64, time < 0 ? "-" : " ", distance / WEFT_SEC,
                  distance % WEFT_SEC);
    inspect_print_to(p, CONTENT);
    if (direction != WEFT_DIRECTION_UNKNOWN) {
        inspect_print(p, PRINT_DIM, "%s ", p->there);
        inspect_print(p, direction == WEFT_DIRECTION_IN ? PRINT_TRANSPORT : PRINT_APPLICATION, "%s", arrow);
        inspect_print(p, PRINT_DIM, " %s  ", p->here);
    }
    inspect_print(p, has_problem ? PRINT_BAD : PRINT_STRONG, "%s", kind);
    inspect_print(p, PRINT_PLAIN, "  %s", summary);
    inspect_print_newline(p);
}

static enum print_colour note_colour(const struct weft_dissect_field *field)
{
    if (field->is_wrong)
        return PRINT_BAD;
    return strncmp(field->note, "correct", 7) == 0 ? PRINT_GOOD : PRINT_DIM;
}

static void print_field(struct printer *p, const struct weft_dissect_field *field, const char *separator)
{
    struct print_word words[4] = {{PRINT_DIM, field->name}};
    char note[512];
    unsigned count = 1;

    if (*field->text)
        words[count++] = (struct print_word){PRINT_PLAIN, field->text};
    if (field->note) {
        (void)snprintf(note, sizeof(note), "(%s)", field->note);
        words[count] = (struct print_word){note_colour(field), note};
    }
    inspect_print_group(p, separator, words);
}

/* What the field around it tells already: flags one by one, the octets of an option, its padding. */
static bool is_detail(const struct weft_dissect_field *field)
{
    if (field->is_wrong || field->depth == 0)
        return false;
    if (field->depth > 1 || field->bits < 8)
        return true;
    return strcmp(field->name, "No-Operation") == 0 || strcmp(field->name, "End of Option List") == 0;
}

static void print_packed_layer(struct printer *p, const struct weft_dissection *d,
                               const struct weft_dissect_layer *layer)
{
    char label[24];

    (void)snprintf(label, sizeof(label), layer->is_quoted ? "(%s)" : "%s", layer->short_name);
    inspect_print_label(p, inspect_print_colour(layer->proto), label);
    for (unsigned i = 0; i < layer->field_count; i++) {
        const struct weft_dissect_field *field = &d->field[layer->first_field + i];

        if (strcmp(field->name, "Options") != 0 && !is_detail(field))
            print_field(p, field, " · ");
    }
    inspect_print_newline(p);
}

/* An HTTP head as it stands: a line for each line. */
static void print_head(struct printer *p, const struct weft_dissection *d,
                       const struct weft_dissect_layer *layer)
{
    inspect_print_label(p, PRINT_HTTP, layer->short_name);
    for (unsigned i = 0; i < layer->field_count; i++) {
        const struct weft_dissect_field *field = &d->field[layer->first_field + i];

        if (field->depth > 0)
            continue;
        if (i > 0)
            wrap(p);
        if (field->source && strcmp(field->source, "RFC 9110 5") == 0)
            inspect_print(p, PRINT_HTTP, "%s: ", field->name);
        if (field->note)
            inspect_print(p, PRINT_DIM, "(%s)", field->note);
        else
            put_wrapped(p, PRINT_PLAIN, field->text);
    }
    inspect_print_newline(p);
}

/* Bytes that are not decoded: how many they are, and how they begin. */
static void print_data(struct printer *p, const struct weft_dissection *d,
                       const struct weft_dissect_layer *layer)
{
    const struct weft_dissect_field *field = &d->field[layer->first_field];
    size_t len;

    inspect_print_label(p, inspect_print_colour(layer->proto), layer->short_name);
    put_wrapped(p, PRINT_PLAIN, layer->summary);
    if (field->note && strncmp(layer->summary, field->note, strlen(field->note)) != 0)
        inspect_print(p, PRINT_DIM, " (%s)", field->note);
    wrap(p);
    len = cut_to(field->text, p->width - CONTENT);
    inspect_print(p, PRINT_DIM, "%.*s", (int)len, field->text);
    inspect_print_newline(p);
}

void inspect_print_layers(struct printer *p, const struct weft_dissection *d)
{
    for (unsigned i = 0; i < d->layer_count; i++) {
        const struct weft_dissect_layer *layer = &d->layer[i];

        if (layer->proto == WEFT_PROTO_HTTP)
            print_head(p, d, layer);
        else if (layer->field_count > 0 &&
                 (layer->proto == WEFT_PROTO_DATA || layer->proto == WEFT_PROTO_TRAILER))
            print_data(p, d, layer);
        else if (layer->field_count > 0)
            print_packed_layer(p, d, layer);
        if (layer->problem)
            inspect_print_row(p, PRINT_BAD, layer->is_quoted ? "" : "problem",
                              layer->is_quoted ? PRINT_DIM : PRINT_BAD, layer->problem);
    }
}

void inspect_print_bytes(struct printer *p, const struct weft_frame *frame)
{
    for (uint32_t at = 0; at < frame->len; at += 16) {
        uint32_t end = frame->len - at < 16 ? frame->len : at + 16;
        char text[17];

        inspect_print_to(p, INDENT);
        inspect_print(p, PRINT_DIM, "%04" PRIx32, at);
        inspect_print_to(p, CONTENT);
        for (uint32_t i = at; i < end; i++) {
            inspect_print(p, PRINT_PLAIN, "%s%02x ", i - at == 8 ? " " : "", frame->bytes[i]);
            text[i - at] = frame->bytes[i] >= 0x20 && frame->bytes[i] < 0x7f ? (char)frame->bytes[i] : '.';
        }
        text[end - at] = '\0';
        inspect_print_to(p, CONTENT + 51);
        inspect_print(p, PRINT_DIM, "%s", text);
        inspect_print_newline(p);
    }
}

int weft_dissect_print(FILE *out, uint64_t number, const struct weft_frame *frame,
                       const struct weft_dissection *d, const struct weft_inspect_options *options)
{
    struct printer p = inspect_printer(out, options);

    inspect_print_heading(&p, number, (int64_t)(frame->time - p.options->start), frame->direction, d->kind,
                          d->summary, d->problems > 0);
    if (!p.options->compact) {
        inspect_print_layers(&p, d);
        if (p.options->hex)
            inspect_print_bytes(&p, frame);
        inspect_print_newline(&p);
    }
    return inspect_printer_result(&p);
}
