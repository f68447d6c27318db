/* SPDX-License-Identifier: MIT */
/*
 * Rows on a terminal: a label on the left, text wrapped on the right, colours
 * if they are wanted.
 *
 *            12 columns
 *     |-----|---------|--------------------------------------------|
 *        4   0.000214   curl --> weft   SYN   10.77.0.1:41312 > ...
 *            IPv4       Version 4 . IHL 5 (20 bytes) . ...
 *                       Source Address 10.77.0.1 . ...
 *
 * Owns    the column that the cursor is in.
 */
#ifndef WEFT_INSPECT_PRINT_H
#define WEFT_INSPECT_PRINT_H

#include <weft/inspect.h>

/* What a piece of text is; it decides about its colour. */
enum print_colour {
    PRINT_PLAIN,
    PRINT_DIM,
    PRINT_STRONG,
    PRINT_GOOD,
    PRINT_BAD,
    PRINT_WARN,
    PRINT_LINK, /* Ethernet, VLAN */
    PRINT_ARP,
    PRINT_IP,
    PRINT_ICMP,
    PRINT_TRANSPORT,
    PRINT_HTTP,
    PRINT_DATA,
    PRINT_STATE,
    PRINT_TIMER,
    PRINT_APPLICATION,
};

struct printer {
    FILE *out;
    const struct weft_inspect_options *options;
    unsigned width, column;
    const char *here, *there;
};

/* Options NULL: all zero. */
struct printer inspect_printer(FILE *out, const struct weft_inspect_options *options);

/* 0, or WEFT_E_IO when something could not be written. */
int inspect_printer_result(const struct printer *p);

/* The colour of a protocol. */
enum print_colour inspect_print_colour(enum weft_proto proto);

/* Text as it is; must not hold a line feed. */
void inspect_print(struct printer *p, enum print_colour colour, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Spaces up to a column, at least one. */
void inspect_print_to(struct printer *p, unsigned column);

void inspect_print_newline(struct printer *p);

/* Begins a row with its label. */
void inspect_print_label(struct printer *p, enum print_colour colour, const char *label);

/* Words that belong together, in the row that was begun: on the next line when they do not fit on this one. */
struct print_word {
    enum print_colour colour;
    const char *text; /* NULL ends the list */
};
void inspect_print_group(struct printer *p, const char *separator, const struct print_word *words);

/* A whole row: a label and a text, wrapped at spaces. */
void inspect_print_row(struct printer *p, enum print_colour label_colour, const char *label,
                       enum print_colour colour, const char *text);

/* The heading of a frame: number, time, direction, kind and summary. */
void inspect_print_heading(struct printer *p, uint64_t number, int64_t time, enum weft_direction direction,
                           const char *kind, const char *summary, bool has_problem);

/* All layers of a frame with their fields. */
void inspect_print_layers(struct printer *p, const struct weft_dissection *dissection);

/* The bytes of a frame, 16 in a row. */
void inspect_print_bytes(struct printer *p, const struct weft_frame *frame);

/* The number of columns that a text takes (one for each character). */
unsigned inspect_print_columns(const char *text);

#endif
