/* SPDX-License-Identifier: MIT */
/*
 * A picture, drawn by code.
 *
 * Owns    every coordinate of it. No fonts, no randomness, no files, so that it
 *         comes out the same everywhere.
 *
 * The cloth carries a message: each row of it is one character of `message` in
 * ASCII, most significant bit first, light for a one; the last woven row is on top.
 *
 *     y 0    sky, stars           y 392  horizon, hills and the sun behind them
 *     y 150  router on the loom   y 470  the terrace that all stand on
 */
#include "app/meme_sample.h"

#include "app/meme_jpeg.h"

#include <math.h>

enum { WIDTH = 800, HEIGHT = 600 };

static const char message[] = "weft";

/* The loom: its inner edges and the rows of the cloth. */
enum {
    LOOM_LEFT = 452,
    LOOM_RIGHT = 684,
    LOOM_TOP = 168,
    CLOTH_TOP = 338, /* the fell: where weaving goes on */
    CLOTH_BOTTOM = 500,
    COLUMNS = 8,
    ROWS = 6,
};

static void set_rgb(cairo_t *cr, unsigned rgb)
{
    cairo_set_source_rgb(cr, (rgb >> 16 & 255) / 255.0, (rgb >> 8 & 255) / 255.0, (rgb & 255) / 255.0);
}

static void set_rgba(cairo_t *cr, unsigned rgb, double alpha)
{
    cairo_set_source_rgba(cr, (rgb >> 16 & 255) / 255.0, (rgb >> 8 & 255) / 255.0, (rgb & 255) / 255.0,
                          alpha);
}

static void add_stop(cairo_pattern_t *p, double at, unsigned rgb, double alpha)
{
    cairo_pattern_add_color_stop_rgba(p, at, (rgb >> 16 & 255) / 255.0, (rgb >> 8 & 255) / 255.0,
                                      (rgb & 255) / 255.0, alpha);
}

static void set_pattern(cairo_t *cr, cairo_pattern_t *p)
{
    cairo_set_source(cr, p);
    cairo_pattern_destroy(p);
}

static void disc(cairo_t *cr, double x, double y, double r)
{
    cairo_new_sub_path(cr);
    cairo_arc(cr, x, y, r, 0, 2 * M_PI);
}

static void oval(cairo_t *cr, double x, double y, double rx, double ry, double turn)
{
    cairo_save(cr);
    cairo_translate(cr, x, y);
    cairo_rotate(cr, turn);
    cairo_scale(cr, rx, ry);
    cairo_new_sub_path(cr);
    cairo_arc(cr, 0, 0, 1, 0, 2 * M_PI);
    cairo_restore(cr);
}

static void rounded(cairo_t *cr, double x, double y, double w, double h, double r)
{
    cairo_new_sub_path(cr);
    cairo_arc(cr, x + w - r, y + r, r, -M_PI / 2, 0);
    cairo_arc(cr, x + w - r, y + h - r, r, 0, M_PI / 2);
    cairo_arc(cr, x + r, y + h - r, r, M_PI / 2, M_PI);
    cairo_arc(cr, x + r, y + r, r, M_PI, 3 * M_PI / 2);
    cairo_close_path(cr);
}

/* --- evening --- */

static void draw_sky(cairo_t *cr)
{
    cairo_pattern_t *sky = cairo_pattern_create_linear(0, 0, 0, 400);
    add_stop(sky, 0.00, 0x1f1747, 1);
    add_stop(sky, 0.32, 0x55286f, 1);
    add_stop(sky, 0.60, 0xb8436f, 1);
    add_stop(sky, 0.82, 0xf2795b, 1);
    add_stop(sky, 1.00, 0xffc56e, 1);
    set_pattern(cr, sky);
    cairo_paint(cr);

    /* Stars on a lattice that the golden ratio spreads; fainter towards the light. */
    for (int i = 0; i < 60; i++) {
        double x = fmod(i * 0.6180339887, 1) * WIDTH, y = fmod(i * 0.7548776662, 1) * 190;
        set_rgba(cr, 0xfff3d6, (1 - y / 190) * (i % 5 == 0 ? 0.9 : 0.5));
        disc(cr, x, y, i % 5 == 0 ? 1.7 : 1.0);
        cairo_fill(cr);
    }
}

static void draw_sun(cairo_t *cr, double x, double y, double r)
{
    cairo_pattern_t *glow = cairo_pattern_create_radial(x, y, r * 0.8, x, y, r * 2.6);
    add_stop(glow, 0, 0xffe29a, 0.55);
    add_stop(glow, 1, 0xffb26b, 0);
    set_pattern(cr, glow);
    cairo_paint(cr);

    cairo_pattern_t *face = cairo_pattern_create_linear(0, y - r, 0, y + r);
    add_stop(face, 0, 0xfff2b8, 1);
    add_stop(face, 1, 0xff8a5c, 1);
    cairo_save(cr);
    for (int i = 0; i < 7; i++) /* bands of it, thinner towards the horizon */
        cairo_rectangle(cr, x - r, i == 0 ? y - r : y + r * (0.06 + i * 0.15), 2 * r,
                        i == 0 ? r * 1.13 : r * (0.115 - i * 0.012));
    cairo_clip(cr);
    disc(cr, x, y, r);
    set_pattern(cr, face);
    cairo_fill(cr);
    cairo_restore(cr);
}

/* A ridge: a curve of two waves, filled to the bottom. */
static void draw_hills(cairo_t *cr, double y, double height, double phase, unsigned top, unsigned bottom)
{
    cairo_move_to(cr, 0, HEIGHT);
    for (int x = 0; x <= WIDTH; x += 4)
        cairo_line_to(cr, x,
                      y - height * (0.6 * sin(x * 0.0105 + phase) + 0.4 * sin(x * 0.023 + phase * 2.3)));
    cairo_line_to(cr, WIDTH, HEIGHT);
    cairo_close_path(cr);
    cairo_pattern_t *p = cairo_pattern_create_linear(0, y - height, 0, y + 110);
    add_stop(p, 0, top, 1);
    add_stop(p, 1, bottom, 1);
    set_pattern(cr, p);
    cairo_fill(cr);
}

static void draw_terrace(cairo_t *cr)
{
    cairo_pattern_t *wood = cairo_pattern_create_linear(0, 478, 0, HEIGHT);
    add_stop(wood, 0, 0x6b3350, 1);
    add_stop(wood, 1, 0x221538, 1);
    cairo_rectangle(cr, 0, 478, WIDTH, HEIGHT - 478);
    set_pattern(cr, wood);
    cairo_fill(cr);
    set_rgba(cr, 0xffb26b, 0.55);
    cairo_rectangle(cr, 0, 478, WIDTH, 2);
    cairo_fill(cr);
    set_rgba(cr, 0x140c26, 0.45); /* joints between the boards, towards one vanishing point */
    cairo_set_line_width(cr, 1.5);
    for (int i = -12; i <= 12; i++) {
        cairo_move_to(cr, 568 + i * 58, 480);
        cairo_line_to(cr, 568 + i * 128, HEIGHT);
    }
    cairo_stroke(cr);
}

/* --- loom --- */

static bool bit_of(int row, int column)
{
    int length = (int)sizeof message - 1;
    unsigned char c = (unsigned char)message[(ROWS - 1 - row) % length];
    return (c >> (COLUMNS - 1 - column) & 1) != 0;
}

static double column_x(double column)
{
    return LOOM_LEFT + 14 + column * (LOOM_RIGHT - LOOM_LEFT - 28.0) / COLUMNS;
}

static void beam(cairo_t *cr, double x, double y, double w, double h)
{
    cairo_pattern_t *wood =
        w > h ? cairo_pattern_create_linear(0, y, 0, y + h) : cairo_pattern_create_linear(x, 0, x + w, 0);
    add_stop(wood, 0, 0xd98a55, 1);
    add_stop(wood, 0.35, 0xa85a3f, 1);
    add_stop(wood, 1, 0x5c2c36, 1);
    rounded(cr, x, y, w, h, fmin(w, h) * 0.35);
    set_pattern(cr, wood);
    cairo_fill(cr);
}

/* The warp: four threads to a column, from the beam that the router stands on down to the cloth. */
static void draw_warp(cairo_t *cr)
{
    static const unsigned colours[] = {0x7df0e4, 0xffd479, 0xff8fb1, 0xbfa6ff};
    cairo_set_line_width(cr, 1.7);
    for (int i = 0; i < COLUMNS * 4; i++) {
        double x = column_x((i + 0.5) / 4);
        cairo_move_to(cr, x, LOOM_TOP + 8);
        cairo_line_to(cr, x, CLOTH_TOP);
        set_rgba(cr, colours[i % 4], 0.9);
        cairo_stroke(cr);
    }
    for (int i = 0; i < 14; i++) { /* packets on their way down */
        int thread = (i * 7 + i * i * 3 + 2) % (COLUMNS * 4);
        double x = column_x((thread + 0.5) / 4), y = LOOM_TOP + 28 + fmod(i * 0.6180339887, 1) * 100;
        set_rgba(cr, colours[thread % 4], 0.35);
        disc(cr, x, y, 7);
        cairo_fill(cr);
        set_rgb(cr, 0xfffbe8);
        rounded(cr, x - 2.6, y - 4.5, 5.2, 9, 2);
        cairo_fill(cr);
    }
}

/* One bit of cloth, 4 by 4 crossings: a thread over or under, in turn. */
static void draw_bit(cairo_t *cr, double x, double y, double w, double h, bool one)
{
    unsigned over = one ? 0xfff0c9 : 0x35306e, under = one ? 0xffc873 : 0x4b4496;
    for (int i = 0; i < 16; i++) {
        int cx = i % 4, cy = i / 4;
        set_rgb(cr, (cx + cy) % 2 == 0 ? over : under);
        rounded(cr, x + cx * w / 4 + 0.5, y + cy * h / 4 + 0.5, w / 4 - 0.8, h / 4 - 0.8, 1.8);
        cairo_fill(cr);
    }
}

static void draw_cloth(cairo_t *cr)
{
    double w = (column_x(COLUMNS) - column_x(0)) / COLUMNS, h = (double)(CLOTH_BOTTOM - CLOTH_TOP) / ROWS;
    set_rgb(cr, 0x1c1740);
    cairo_rectangle(cr, column_x(0) - 3, CLOTH_TOP, w * COLUMNS + 6, CLOTH_BOTTOM - CLOTH_TOP);
    cairo_fill(cr);
    for (int row = 0; row < ROWS; row++)
        for (int column = 0; column < COLUMNS; column++)
            draw_bit(cr, column_x(column), CLOTH_TOP + row * h, w, h, bit_of(row, column));
}

static void draw_loom(cairo_t *cr)
{
    set_rgba(cr, 0x120a22, 0.5); /* shadow on the boards */
    oval(cr, (LOOM_LEFT + LOOM_RIGHT) / 2.0 - 14, 548, 170, 15, 0);
    cairo_fill(cr);
    draw_warp(cr);
    draw_cloth(cr);
    beam(cr, LOOM_LEFT - 20, LOOM_TOP - 10, 20, 392);
    beam(cr, LOOM_RIGHT, LOOM_TOP - 10, 20, 392);
    beam(cr, LOOM_LEFT - 44, 536, 66, 16);
    beam(cr, LOOM_RIGHT - 22, 536, 66, 16);
    beam(cr, LOOM_LEFT - 34, LOOM_TOP - 4, LOOM_RIGHT - LOOM_LEFT + 68, 22);
    beam(cr, LOOM_LEFT - 26, CLOTH_BOTTOM - 6, LOOM_RIGHT - LOOM_LEFT + 52, 26);
    beam(cr, LOOM_LEFT - 12, CLOTH_TOP - 34, LOOM_RIGHT - LOOM_LEFT + 24, 12); /* the reed */
}

static void draw_antenna(cairo_t *cr, double x, double y, double lean)
{
    cairo_set_line_cap(cr, CAIRO_LINE_CAP_ROUND);
    set_rgb(cr, 0x2a2148);
    cairo_set_line_width(cr, 7);
    cairo_move_to(cr, x, y);
    cairo_line_to(cr, x + lean, y - 62);
    cairo_stroke(cr);
    cairo_set_line_width(cr, 2.2);
    for (int i = 1; i <= 3; i++) { /* waves, away from the router */
        set_rgba(cr, 0x7df0e4, 0.95 - i * 0.22);
        double middle = lean < 0 ? M_PI * 1.12 : -M_PI * 0.12;
        cairo_new_sub_path(cr);
        cairo_arc(cr, x + lean, y - 62, 6 + i * 9, middle - 0.6, middle + 0.6);
        cairo_stroke(cr);
    }
}

static void draw_router(cairo_t *cr)
{
    double x = (LOOM_LEFT + LOOM_RIGHT) / 2.0, y = LOOM_TOP - 4;
    draw_antenna(cr, x - 58, y - 34, -16);
    draw_antenna(cr, x + 58, y - 34, 16);
    cairo_pattern_t *shell = cairo_pattern_create_linear(0, y - 42, 0, y);
    add_stop(shell, 0, 0x55498a, 1);
    add_stop(shell, 1, 0x2a2148, 1);
    rounded(cr, x - 82, y - 42, 164, 42, 11);
    set_pattern(cr, shell);
    cairo_fill(cr);
    set_rgba(cr, 0xffc98a, 0.7);
    rounded(cr, x - 74, y - 40, 148, 2.5, 1.2);
    cairo_fill(cr);
    for (int i = 0; i < 8; i++) {
        unsigned colour = i == 5 ? 0xffd479 : i == 7 ? 0xff6b81 : 0x7dffb0;
        set_rgba(cr, colour, 0.28);
        disc(cr, x - 56 + i * 16, y - 19, 7);
        cairo_fill(cr);
        set_rgb(cr, colour);
        disc(cr, x - 56 + i * 16, y - 19, 3.2);
        cairo_fill(cr);
    }
}

/* --- cat --- */

#define FUR       0x453766
#define FUR_DARK  0x2f2550
#define FUR_LIGHT 0xd9c3dd

static void set_fur(cairo_t *cr)
{
    cairo_pattern_t *fur = cairo_pattern_create_linear(150, 0, 345, 0);
    add_stop(fur, 0, FUR_DARK, 1);
    add_stop(fur, 0.75, FUR, 1);
    add_stop(fur, 1, 0x8a5f86, 1); /* the sun's side */
    set_pattern(cr, fur);
}

static void draw_tail(cairo_t *cr)
{
    cairo_set_line_cap(cr, CAIRO_LINE_CAP_ROUND);
    cairo_move_to(cr, 190, 528);
    cairo_curve_to(cr, 96, 566, 40, 500, 82, 446);
    cairo_curve_to(cr, 102, 420, 84, 398, 66, 402);
    cairo_set_line_width(cr, 25);
    set_rgb(cr, FUR_DARK);
    cairo_stroke(cr);
}

static void draw_body(cairo_t *cr)
{
    set_rgba(cr, 0x120a22, 0.5);
    oval(cr, 235, 552, 150, 15, 0);
    cairo_fill(cr);
    draw_tail(cr);
    cairo_move_to(cr, 238, 318);
    cairo_curve_to(cr, 168, 372, 134, 462, 152, 528);
    cairo_curve_to(cr, 158, 552, 184, 552, 210, 552);
    cairo_line_to(cr, 326, 552);
    cairo_curve_to(cr, 338, 480, 344, 400, 322, 330);
    cairo_close_path(cr);
    set_fur(cr);
    cairo_fill(cr);

    set_rgba(cr, FUR_LIGHT, 0.9); /* bib */
    cairo_move_to(cr, 324, 352);
    cairo_curve_to(cr, 296, 372, 296, 420, 322, 456);
    cairo_curve_to(cr, 338, 420, 338, 380, 324, 352);
    cairo_fill(cr);

    cairo_set_line_cap(cr, CAIRO_LINE_CAP_ROUND);
    set_rgba(cr, 0x221a40, 0.55); /* tabby stripes along the back */
    for (int i = 0; i < 5; i++) {
        double y = 388 + i * 29, x = 188 - i * 7 + (i == 4 ? 4 : 0);
        cairo_set_line_width(cr, 7.5 - i * 0.5);
        cairo_move_to(cr, x, y);
        cairo_curve_to(cr, x + 18, y + 2, x + 32, y + 10, x + 42, y + 22);
        cairo_stroke(cr);
    }
    oval(cr, 214, 512, 62, 44, 0); /* haunch */
    set_rgba(cr, 0x221a40, 0.35);
    cairo_fill(cr);
    oval(cr, 216, 515, 60, 42, 0);
    set_fur(cr);
    cairo_fill(cr);
    set_rgb(cr, 0x5b4a80); /* feet */
    oval(cr, 252, 547, 32, 11, 0);
    cairo_fill(cr);
    set_rgb(cr, FUR_LIGHT);
    oval(cr, 318, 546, 27, 11, 0);
    cairo_fill(cr);
}

/* The arm that throws the shuttle, and the shuttle with its thread. */
static void draw_arm(cairo_t *cr)
{
    cairo_set_line_width(cr, 2.4);
    set_rgb(cr, 0xffd479);
    cairo_move_to(cr, 428, 352);
    cairo_curve_to(cr, 440, 336, 450, 334, column_x(0), CLOTH_TOP + 1);
    cairo_stroke(cr);

    cairo_save(cr); /* shuttle */
    cairo_translate(cr, 424, 356);
    cairo_rotate(cr, -0.22);
    cairo_move_to(cr, -46, 0);
    cairo_curve_to(cr, -20, -17, 20, -17, 46, 0);
    cairo_curve_to(cr, 20, 17, -20, 17, -46, 0);
    set_rgb(cr, 0xe9a45f);
    cairo_fill(cr);
    rounded(cr, -20, -5.5, 40, 11, 5.5);
    set_rgb(cr, 0x5c2c36);
    cairo_fill(cr);
    set_rgb(cr, 0xffd479);
    cairo_set_line_width(cr, 2.2);
    for (int i = -3; i <= 3; i++) {
        cairo_move_to(cr, i * 4.6 - 1.5, -4.5);
        cairo_line_to(cr, i * 4.6 + 1.5, 4.5);
    }
    cairo_stroke(cr);
    cairo_restore(cr);

    cairo_set_line_cap(cr, CAIRO_LINE_CAP_ROUND);
    cairo_move_to(cr, 306, 412);
    cairo_curve_to(cr, 336, 416, 358, 400, 380, 374);
    set_rgb(cr, 0x6b4f7c);
    cairo_set_line_width(cr, 33);
    cairo_stroke(cr);
    set_rgb(cr, FUR_LIGHT);
    oval(cr, 387, 366, 22, 17, -0.6);
    cairo_fill(cr);
    set_rgba(cr, FUR_DARK, 0.7);
    cairo_set_line_width(cr, 2);
    for (int i = 0; i < 2; i++) { /* toes */
        cairo_move_to(cr, 395 + i * 7, 361 + i * 8);
        cairo_line_to(cr, 403 + i * 4, 356 + i * 9);
    }
    cairo_stroke(cr);
}

static void draw_ear(cairo_t *cr, double x, double y, double tip_x, double tip_y, double width)
{
    for (int inner = 0; inner < 2; inner++) {
        double s = inner ? 0.52 : 1;
        cairo_move_to(cr, x - width * s, y);
        cairo_curve_to(cr, x - width * s * 0.8, y + (tip_y - y) * 0.5 * s, x + (tip_x - x) * s,
                       y + (tip_y - y) * s, x + (tip_x - x) * s, y + (tip_y - y) * s);
        cairo_curve_to(cr, x + (tip_x - x) * s, y + (tip_y - y) * s, x + width * s * 0.9,
                       y + (tip_y - y) * 0.4 * s, x + width * s, y);
        cairo_close_path(cr);
        if (inner)
            set_rgb(cr, 0xe58aa0);
        else
            set_rgb(cr, FUR);
        cairo_fill(cr);
    }
}

static void draw_eye(cairo_t *cr, double x, double y, double r)
{
    set_rgb(cr, 0xb8f5a0);
    oval(cr, x, y, r * 0.92, r, 0);
    cairo_fill(cr);
    set_rgb(cr, 0x1a1233);
    oval(cr, x + r * 0.32, y, r * 0.46, r * 0.8, 0); /* looks at the loom */
    cairo_fill(cr);
    set_rgb(cr, 0xffffff);
    disc(cr, x + r * 0.5, y - r * 0.35, r * 0.22);
    cairo_fill(cr);
}

static void draw_whiskers(cairo_t *cr, double x, double y, double length)
{
    cairo_set_line_width(cr, 1.5);
    set_rgba(cr, 0xfff3e6, 0.85);
    for (int i = -1; i <= 1; i++) {
        cairo_move_to(cr, x, y + i * 5);
        cairo_curve_to(cr, x + length * 0.4, y + i * 6 - 3, x + length * 0.7, y + i * 10 - 2, x + length,
                       y + i * 15);
    }
    cairo_stroke(cr);
}

static void draw_face(cairo_t *cr)
{
    set_rgba(cr, 0x221a40, 0.55); /* stripes on the brow */
    cairo_set_line_width(cr, 6);
    for (int i = -1; i <= 1; i++) {
        cairo_move_to(cr, 292 + i * 15, 236 + (i != 0) * 4);
        cairo_line_to(cr, 295 + i * 11, 255);
    }
    cairo_stroke(cr);
    draw_eye(cr, 269, 285, 14.5);
    draw_eye(cr, 325, 285, 14.5);
    set_rgb(cr, FUR_LIGHT); /* muzzle */
    oval(cr, 290, 317, 19, 14, 0.15);
    oval(cr, 316, 317, 19, 14, -0.15);
    cairo_fill(cr);
    set_rgb(cr, 0xe56f8c); /* nose */
    cairo_move_to(cr, 294, 303);
    cairo_curve_to(cr, 300, 300, 306, 300, 312, 303);
    cairo_curve_to(cr, 310, 310, 306, 313, 303, 314);
    cairo_curve_to(cr, 300, 313, 296, 310, 294, 303);
    cairo_fill(cr);
    set_rgb(cr, 0x3a2a4d); /* smile */
    cairo_set_line_width(cr, 2.2);
    cairo_move_to(cr, 291, 321);
    cairo_curve_to(cr, 295, 327, 301, 326, 303, 318);
    cairo_curve_to(cr, 305, 326, 311, 327, 315, 321);
    cairo_stroke(cr);
    draw_whiskers(cr, 328, 315, 50);
    draw_whiskers(cr, 276, 315, -50);
}

static void draw_head(cairo_t *cr)
{
    draw_ear(cr, 257, 264, 230, 184, 28);
    draw_ear(cr, 331, 264, 360, 184, 28);
    oval(cr, 294, 289, 76, 62, 0);
    cairo_pattern_t *fur = cairo_pattern_create_linear(215, 0, 372, 0);
    add_stop(fur, 0, FUR_DARK, 1);
    add_stop(fur, 0.5, FUR, 1);
    add_stop(fur, 1, 0xa8708f, 1);
    set_pattern(cr, fur);
    cairo_fill(cr);
    cairo_set_line_width(cr, 3); /* the sun on its cheek */
    set_rgba(cr, 0xffc98a, 0.8);
    cairo_save(cr);
    cairo_translate(cr, 294, 289);
    cairo_scale(cr, 76, 62);
    cairo_new_sub_path(cr);
    cairo_arc(cr, 0, 0, 0.985, -0.75, 0.75);
    cairo_restore(cr);
    cairo_stroke(cr);
    draw_face(cr);
}

/* --- the whole --- */

static void draw_all(cairo_t *cr)
{
    draw_sky(cr);
    draw_sun(cr, 400, 330, 118);
    draw_hills(cr, 398, 34, 0.6, 0x9c3f6b, 0x5b2a63);
    draw_hills(cr, 440, 30, 2.5, 0x5f2a62, 0x331a4c);
    draw_terrace(cr);
    draw_loom(cr);
    draw_router(cr);
    draw_body(cr);
    draw_arm(cr);
    draw_head(cr);
}

bool meme_sample(uint8_t **jpeg, size_t *jpeg_bytes, struct meme_error *err)
{
    enum { QUALITY = 92 }; /* smooth skies show blocks below that */
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, WIDTH, HEIGHT);
    cairo_t *cr = cairo_create(surface);
    draw_all(cr);
    cairo_status_t status = cairo_status(cr);
    cairo_destroy(cr);
    bool ok = status == CAIRO_STATUS_SUCCESS
                  ? meme_jpeg_encode(surface, QUALITY, jpeg, jpeg_bytes, err)
                  : meme_fail(err, status == CAIRO_STATUS_NO_MEMORY ? MEME_OUT_OF_MEMORY : MEME_INTERNAL,
                              "the sample cannot be drawn: %s", cairo_status_to_string(status));
    cairo_surface_destroy(surface);
    return ok;
}
