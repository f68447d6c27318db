/* SPDX-License-Identifier: MIT */
/* Charts as SVG (chart.h). */
#include "lab/chart.h"

#include <math.h>
#include <string.h>

#define WIDTH  960.0
#define HEIGHT 300.0
#define LEFT   64.0 /* of the area for lines */
#define RIGHT  20.0
#define TOP    52.0
#define BOTTOM 34.0

#define PLOT_WIDTH  (WIDTH - LEFT - RIGHT)
#define PLOT_HEIGHT (HEIGHT - TOP - BOTTOM)

void chart_text(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '<')
            fputs("&lt;", out);
        else if (*text == '>')
            fputs("&gt;", out);
        else if (*text == '&')
            fputs("&amp;", out);
        else if (*text == '"')
            fputs("&quot;", out);
        else if ((unsigned char)*text >= 0x20)
            fputc(*text, out);
    }
}

void chart_style_sheet(FILE *out)
{
    static const char light[] =
        "--ground:#ffffff;--ink:#1c2230;--dim:#6c7484;--grid:#e9e6df;--axis:#c9c5bb;--event:#b9a06a;"
        "--c0:#1b6cb5;--c1:#d1590b;--c2:#17803f;--c3:#8a3fc0;--c4:#c2317a;--c5:#0b7c8c;--c6:#8d6b0a;--c7:#"
        "5f6f86";
    static const char dark[] =
        "--ground:#171c25;--ink:#e4e8ef;--dim:#98a2b3;--grid:#252c39;--axis:#3c4657;--event:#8f7a45;"
        "--c0:#6db3f2;--c1:#f5985c;--c2:#63cb8d;--c3:#c39bf7;--c4:#f184b4;--c5:#5fcfdd;--c6:#e3c25c;--c7:#"
        "9fb0c8";

    fprintf(out, ".chart{%s}\n", light);
    fprintf(out, "@media (prefers-color-scheme:dark){:root:not([data-theme=light]) .chart,.chart:root{%s}}\n",
            dark);
    fprintf(out, ":root[data-theme=dark] .chart{%s}\n", dark);
    fputs(
        ".chart text{font:12px system-ui,-apple-system,'Segoe UI','Inter','Noto Sans','DejaVu "
        "Sans',sans-serif;"
        "fill:var(--dim);font-variant-numeric:tabular-nums}\n"
        ".chart .title{font-size:15px;font-weight:640;fill:var(--ink)}\n"
        ".chart .ground{fill:var(--ground)}.chart .grid{stroke:var(--grid)}.chart .axis{stroke:var(--axis)}\n"
        ".chart .event{stroke:var(--event);stroke-dasharray:2 4}\n"
        ".chart .line{fill:none;stroke-width:1.7;stroke-linejoin:round;stroke-linecap:round}\n"
        ".chart .thin{fill:none;stroke-width:1;stroke-linejoin:round;stroke-dasharray:3 3;opacity:.75}\n"
        ".chart .area{stroke:none;opacity:.18}.chart .mark{stroke-width:1.4;opacity:.9}\n",
        out);
    for (unsigned i = 0; i < 8; i++)
        fprintf(out, ".chart .s%u{stroke:var(--c%u)}.chart .f%u{fill:var(--c%u)}\n", i, i, i, i);
}

/* --- Axes --------------------------------------------------------------------------- */

/* A round step so that there are about `wanted` of them up to `most`. */
static double round_step(double most, unsigned wanted)
{
    double rough = most / wanted, power = pow(10, floor(log10(rough))), rest = rough / power;

    return power * (rest <= 1 ? 1 : rest <= 2 ? 2 : rest <= 5 ? 5 : 10);
}

struct scale {
    double most, step;
};

static double highest(const struct chart *chart)
{
    double most = 0;

    for (unsigned s = 0; s < chart->series_count; s++)
        for (unsigned i = 0; i < chart->series[s].count; i++)
            if (isfinite(chart->series[s].y[i]) && chart->series[s].y[i] > most)
                most = chart->series[s].y[i];
    return most;
}

static struct scale value_scale(const struct chart *chart)
{
    struct scale scale;
    double most = highest(chart);

    most = most > 0 ? most * 1.04 : 1;
    scale.step = round_step(most, 6);
    scale.most = ceil(most / scale.step) * scale.step;
    return scale;
}

static double place_x(const struct chart *chart, double x)
{
    return LEFT + PLOT_WIDTH * (chart->end > 0 ? x / chart->end : 0);
}

static double place_y(const struct scale *scale, double y)
{
    return TOP + PLOT_HEIGHT * (1 - y / scale->most);
}

static void write_axes(const struct chart *chart, const struct scale *scale, FILE *out)
{
    double step = round_step(chart->end > 0 ? chart->end : 1, 8), bottom = HEIGHT - BOTTOM;

    for (double y = 0; y <= scale->most * 1.0001; y += scale->step) {
        fprintf(out, "<line class=\"%s\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>",
                y > 0 ? "grid" : "axis", LEFT, WIDTH - RIGHT, place_y(scale, y), place_y(scale, y));
        fprintf(out, "<text text-anchor=\"end\" x=\"%.1f\" y=\"%.1f\">%.6g</text>\n", LEFT - 8,
                place_y(scale, y) + 4, y);
    }
    for (double x = 0; x <= chart->end * 1.0001; x += step) {
        double at = place_x(chart, x);

        fprintf(out, "<line class=\"axis\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>", at, at, bottom,
                bottom + 4);
        fprintf(out, "<text text-anchor=\"middle\" x=\"%.1f\" y=\"%.1f\">%.6g%s</text>\n", at, bottom + 19, x,
                x + step > chart->end * 1.0001 ? " s" : "");
    }
}

static void write_events(const struct chart *chart, FILE *out)
{
    for (unsigned i = 0; i < chart->event_count; i++)
        if (chart->event[i] <= chart->end)
            fprintf(out, "<line class=\"event\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>\n",
                    place_x(chart, chart->event[i]), place_x(chart, chart->event[i]), TOP - 4,
                    HEIGHT - BOTTOM);
}

/* --- Series ---------------------------------------------------------------------------- */

/* A point in the middle of a level stretch says nothing. */
static bool is_level(const struct chart_series *s, unsigned i)
{
    return i > 0 && i + 1 < s->count && s->y[i] == s->y[i - 1] && s->y[i] == s->y[i + 1];
}

/* One piece without gaps, from `i` on. Returns where the next may begin. */
static unsigned write_piece(const struct chart *chart, const struct scale *scale,
                            const struct chart_series *s, unsigned i, FILE *out)
{
    bool is_area = s->style == CHART_AREA;
    unsigned first = i;

    fprintf(out, "M%.1f %.1f", place_x(chart, s->x[i]), is_area ? HEIGHT - BOTTOM : place_y(scale, s->y[i]));
    for (; i < s->count && isfinite(s->y[i]); i++)
        if (!is_level(s, i) && (is_area || i > first))
            fprintf(out, "L%.1f %.1f", place_x(chart, s->x[i]), place_y(scale, s->y[i]));
    if (is_area)
        fprintf(out, "L%.1f %.1fZ", place_x(chart, s->x[i - 1]), HEIGHT - BOTTOM);
    return i;
}

static void write_path(const struct chart *chart, const struct scale *scale, const struct chart_series *s,
                       const char *class, FILE *out)
{
    fprintf(out, "<path class=\"%s %c%u\" d=\"", class, s->style == CHART_AREA ? 'f' : 's', s->colour % 8);
    for (unsigned i = 0; i < s->count;)
        i = isfinite(s->y[i]) ? write_piece(chart, scale, s, i, out) : i + 1;
    fputs("\"/>\n", out);
}

static void write_marks(const struct chart *chart, const struct scale *scale, const struct chart_series *s,
                        FILE *out)
{
    fprintf(out, "<path class=\"mark s%u\" d=\"", s->colour % 8);
    for (unsigned i = 0; i < s->count; i++)
        if (isfinite(s->y[i]))
            fprintf(out, "M%.1f %.1fl4 4m0 -4l-4 4", place_x(chart, s->x[i]) - 2,
                    place_y(scale, s->y[i]) - 2);
    fputs("\"/>\n", out);
}

static void write_series(const struct chart *chart, const struct scale *scale, const struct chart_series *s,
                         FILE *out)
{
    struct chart_series edge = *s;

    switch (s->style) {
    case CHART_MARKS:
        write_marks(chart, scale, s, out);
        break;
    case CHART_AREA:
        write_path(chart, scale, s, "area", out);
        edge.style = CHART_LINE;
        write_path(chart, scale, &edge, "line", out);
        break;
    default:
        write_path(chart, scale, s, s->style == CHART_THIN ? "thin" : "line", out);
    }
}

/* --- The whole ---------------------------------------------------------------------------- */

static void write_key(const struct chart_series *s, double x, FILE *out)
{
    static const char *const classes[] = {"line", "thin", "line", "mark"};

    if (s->style == CHART_MARKS)
        fprintf(out, "<path class=\"mark s%u\" d=\"M%.1f 32l6 6m0 -6l-6 6\"/>", s->colour % 8, x + 6);
    else
        fprintf(out, "<path class=\"%s s%u\" d=\"M%.1f 35h16\"/>", classes[s->style], s->colour % 8, x);
    fprintf(out, "<text x=\"%.1f\" y=\"39\">", x + 22);
    chart_text(out, s->name);
    fputs("</text>\n", out);
}

/* Widths of letters are not known: seven units are enough for the fonts that are asked for. */
static void write_legend(const struct chart *chart, FILE *out)
{
    double x = LEFT;

    for (unsigned i = 0; i < chart->series_count; i++) {
        const struct chart_series *s = &chart->series[i];

        if (!s->name[0] || x > WIDTH - RIGHT - 60)
            continue;
        write_key(s, x, out);
        x += 22 + 7.0 * (double)strlen(s->name) + 18;
    }
}

void chart_write(const struct chart *chart, bool is_part, FILE *out)
{
    struct scale scale = value_scale(chart);

    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart\" viewBox=\"0 0 %g %g\" role=\"img\" "
            "aria-label=\"",
            WIDTH, HEIGHT);
    chart_text(out, chart->title);
    fputs("\">\n", out);
    if (!is_part) {
        fputs("<style>\n", out);
        chart_style_sheet(out);
        fputs("</style>\n", out);
    }
    fprintf(out,
            "<rect class=\"ground\" width=\"%g\" height=\"%g\"/>\n<text class=\"title\" x=\"%.1f\" y=\"20\">",
            WIDTH, HEIGHT, LEFT);
    chart_text(out, chart->title);
    fputs("</text><text text-anchor=\"end\" x=\"940\" y=\"20\">", out);
    chart_text(out, chart->unit);
    fputs("</text>\n", out);
    write_axes(chart, &scale, out);
    write_events(chart, out);
    write_legend(chart, out);
    for (unsigned i = 0; i < chart->series_count; i++)
        write_series(chart, &scale, &chart->series[i], out);
    fputs("</svg>\n", out);
}
