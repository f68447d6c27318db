/* SPDX-License-Identifier: MIT */
/*
 * A chart over time as SVG: lines, axes with round numbers, a legend, marks of
 * events. Light and dark: colours are variables of a style sheet that stands in
 * the picture, or once in a page of many.
 *
 * Never   knows what the numbers are.
 */
#ifndef WEFT_LAB_CHART_H
#define WEFT_LAB_CHART_H

#include <stdio.h>

#include <weft/types.h>

#define CHART_SERIES 16
#define CHART_EVENTS 32

enum chart_style {
    CHART_LINE,
    CHART_THIN, /* a companion of another line, in its colour */
    CHART_AREA, /* filled down to zero */
    CHART_MARKS,
};

struct chart_series {
    char name[40]; /* in the legend; empty: not there */
    enum chart_style style;
    unsigned colour; /* 0 to 7 */
    unsigned count;
    const double *x, *y; /* y not finite: a gap */
};

struct chart {
    const char *title, *unit; /* of the values */
    double end;               /* seconds; the axis begins at 0 */
    unsigned series_count, event_count;
    struct chart_series series[CHART_SERIES];
    double event[CHART_EVENTS]; /* seconds */
};

/* A file of its own, or a part of a page that has chart_style_sheet. */
void chart_write(const struct chart *chart, bool is_part, FILE *out);

/* The rules for colours, without the element around them. */
void chart_style_sheet(FILE *out);

/* Text with what is special in XML replaced. */
void chart_text(FILE *out, const char *text);

#endif
