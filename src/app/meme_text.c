/* SPDX-License-Identifier: MIT */
/*
 * Typography of a meme.
 *
 * Owns    the choice of the face, the fitting of a text into its band, and how
 *         the letters are drawn.
 * Never   keeps a font or a map between calls: each call has its own, so that any
 *         number of threads may draw.
 *
 * Units   Text is laid out once and for all at EM units to the em, without hinting, and
 *         only then scaled to its size. Trying another size is therefore only another
 *         width to wrap at, in units: width / scale. Everything in struct block is in
 *         units except `size`.
 *
 *                 |<-------- wrap ------->|
 *             ---  ONE DOES NOT SIMPLY     --- ascent: top of the ink of the first line
 *     leading  |                           --- baseline 0
 *             ---   WALK INTO MORDOR       --- baseline 1 = leading
 *                                          --- descent: bottom of the ink of the last
 *
 *         Lines stand as close as their ink allows, since capitals need no room for
 *         descenders; a line with accents or with Thai in it moves them all apart.
 *
 * Fitting The size is the largest at which the wrapped text is no higher than its band. Words are kept
 *         whole unless breaking them allows a much larger size; fewer lines are preferred, as they hide
 *         less of the picture, when the size does not suffer much. Then the lines
 *         are evened out: the narrowest width that gives the same number of them.
 *
 * Drawing A path of all letters: stroked in black, then filled in white, and for a face that is not
 *         heavy enough by itself also stroked thinly in white. Colour emoji have no
 *         useful path and are painted over it.
 */
#include "app/meme_text.h"

#include <fontconfig/fontconfig.h>
#include <limits.h>
#include <math.h>
#include <pango/pangocairo.h>
#include <pango/pangofc-font.h>
#include <string.h>

#define EM 128.0 /* units; ours: large enough that the 1/256 unit of Cairo's paths is never seen */

/* The look, all ours, judged by eye. In parts of the em unless another measure is named. */
#define OUTLINE            0.058 /* of black around a letter */
#define LINE_GAP           0.10  /* between the inks of two lines, beside their outlines */
#define MAX_SIZE_OF_HEIGHT 0.17  /* em, of the picture's height ... */
#define MAX_SIZE_OF_WIDTH  0.22  /* ... and of its width */
#define BAND_OF_HEIGHT     0.31  /* what one text may take of the picture's height, when there are two */
#define BAND_ALONE         0.40  /* the same, for a single text */
#define SIDE_MARGIN        0.035 /* of the width */
#define EDGE_MARGIN        0.028 /* above the top and below the bottom text, of the shorter side */
#define WORTH_A_LINE       0.75  /* a line is saved when the text need not become smaller than this */
#define WORTH_BREAKING     1.8   /* how much larger the text must become for a word to be broken */

/*
 * Faces in the order of preference: heavy and condensed first, then what distributions install by
 * default, helped along. squeeze narrows the letters, thicken adds to their strokes.
 */
struct face {
    const char *family;
    PangoWeight weight;
    PangoStretch stretch;
    double squeeze, thicken;
};

static const struct face faces[] = {
    {"Impact", PANGO_WEIGHT_NORMAL, PANGO_STRETCH_NORMAL, 1.0, 0.0},
    {"Anton", PANGO_WEIGHT_NORMAL, PANGO_STRETCH_NORMAL, 1.0, 0.0},
    {"Oswald", PANGO_WEIGHT_BOLD, PANGO_STRETCH_NORMAL, 0.95, 0.01},
    {"League Gothic", PANGO_WEIGHT_NORMAL, PANGO_STRETCH_NORMAL, 1.0, 0.02},
    {"Bebas Neue", PANGO_WEIGHT_BOLD, PANGO_STRETCH_NORMAL, 1.08, 0.03},
    {"Noto Sans", PANGO_WEIGHT_BOLD, PANGO_STRETCH_EXTRA_CONDENSED, 1.0, 0.02},
    {"Roboto Condensed", PANGO_WEIGHT_BOLD, PANGO_STRETCH_NORMAL, 0.86, 0.03},
    {"League Spartan", PANGO_WEIGHT_ULTRABOLD, PANGO_STRETCH_NORMAL, 0.78, 0.0},
    {"Noto Sans", PANGO_WEIGHT_BOLD, PANGO_STRETCH_NORMAL, 0.72, 0.04},
    {"Liberation Sans Narrow", PANGO_WEIGHT_BOLD, PANGO_STRETCH_NORMAL, 0.9, 0.03},
    {"DejaVu Sans", PANGO_WEIGHT_BOLD, PANGO_STRETCH_SEMI_CONDENSED, 0.78, 0.025},
    {"Liberation Sans", PANGO_WEIGHT_BOLD, PANGO_STRETCH_NORMAL, 0.74, 0.03},
    {"sans-serif", PANGO_WEIGHT_BOLD, PANGO_STRETCH_NORMAL, 0.8, 0.02}, /* the last one is always there */
};

/* --- face --- */

static PangoFontDescription *describe(const struct face *face)
{
    PangoFontDescription *d = pango_font_description_new();
    pango_font_description_set_family(d, face->family);
    pango_font_description_set_weight(d, face->weight);
    pango_font_description_set_stretch(d, face->stretch);
    pango_font_description_set_absolute_size(d, EM * PANGO_SCALE);
    return d;
}

/* A font may go by several names: "Roboto" in a condensed style is also "Roboto Condensed". */
static bool has_family(PangoFont *font, const char *family)
{
    FcChar8 *name;
    if (!PANGO_IS_FC_FONT(font))
        return false;
    FcPattern *pattern = pango_fc_font_get_pattern(PANGO_FC_FONT(font));
    for (int i = 0; FcPatternGetString(pattern, FC_FAMILY, i, &name) == FcResultMatch; i++)
        if (g_ascii_strcasecmp((const char *)name, family) == 0)
            return true;
    return false;
}

/* Fontconfig always finds something; a face is installed when what it found is what was asked for. */
static bool is_installed(PangoContext *context, const struct face *face)
{
    PangoFontDescription *wanted = describe(face);
    PangoFont *font = pango_context_load_font(context, wanted);
    bool found = false;
    if (font != NULL) {
        PangoFontDescription *got = pango_font_describe(font);
        found = has_family(font, face->family) && pango_font_description_get_weight(got) >= face->weight &&
                pango_font_description_get_stretch(got) <= face->stretch;
        pango_font_description_free(got);
        g_object_unref(font);
    }
    pango_font_description_free(wanted);
    return found;
}

static struct face choose_face(PangoContext *context, const char *font)
{
    if (font != NULL)
        return (struct face){font, PANGO_WEIGHT_BOLD, PANGO_STRETCH_NORMAL, 1.0, 0.0};
    size_t last = sizeof faces / sizeof *faces - 1, i = 0;
    while (i < last && !is_installed(context, &faces[i]))
        i++;
    return faces[i];
}

/* --- words --- */

static bool is_line_end(gunichar c)
{
    return (c >= '\n' && c <= '\r') || c == 0x85 || c == 0x2028 || c == 0x2029;
}

/*
 * Capitals; one space between words, one '\n' between lines, none at the ends; no controls. Gives a string
 * for g_free.
 */
static char *prepare(const char *text)
{
    char *upper = g_utf8_strup(text, -1);
    GString *out = g_string_sized_new(strlen(upper));
    gunichar gap = 0; /* what separates the next character from the last: nothing, ' ' or '\n' */
    for (const char *at = upper; *at != '\0'; at = g_utf8_next_char(at)) {
        gunichar c = g_utf8_get_char(at);
        if (is_line_end(c))
            gap = '\n';
        else if (c == ' ' || c == '\t')
            gap = gap == 0 ? ' ' : gap;
        else if (g_unichar_iscntrl(c))
            continue;
        else {
            if (gap != 0 && out->len > 0)
                g_string_append_unichar(out, gap);
            gap = 0;
            g_string_append_unichar(out, c);
        }
    }
    g_free(upper);
    return g_string_free(out, FALSE);
}

/* --- fitting --- */

struct block {
    PangoLayout *layout;
    const struct face *face;
    double cap_height, outline; /* of the face; outline includes what thickens the letters */
    double size;                /* of the em, in pixels */
    double ascent, descent;     /* ink above the first baseline, below the last */
    double leading;             /* from baseline to baseline */
    bool is_over;               /* a line is wider than the width to wrap at */
};

static double units(int pango_units)
{
    return (double)pango_units / PANGO_SCALE;
}

static int line_count(const struct block *b)
{
    return pango_layout_get_line_count(b->layout);
}

/* Wraps at a width and measures. */
static void wrap(struct block *b, double width, PangoWrapMode mode)
{
    int pango_width = (int)fmin(width * PANGO_SCALE, INT32_MAX / 2);
    pango_layout_set_wrap(b->layout, mode);
    pango_layout_set_width(b->layout, pango_width);
    b->is_over = false;
    b->leading = b->cap_height;
    double above = 0, below = 0;
    int count = line_count(b);
    for (int i = 0; i < count; i++) {
        PangoRectangle ink, logical;
        pango_layout_line_get_extents(pango_layout_get_line_readonly(b->layout, i), &ink, &logical);
        double up = fmax(units(PANGO_ASCENT(ink)), b->cap_height * 0.5),
               down = fmax(units(PANGO_DESCENT(ink)), 0);
        if (i == 0)
            b->ascent = up;
        else
            above = fmax(above, up);
        if (i + 1 == count)
            b->descent = down;
        else
            below = fmax(below, down);
        b->is_over |= logical.width > pango_width;
    }
    if (count > 1)
        b->leading = fmax(b->cap_height, above + below) + LINE_GAP * EM + 2 * b->outline;
}

static double height_of(const struct block *b)
{
    return b->ascent + b->descent + (line_count(b) - 1) * b->leading + 2 * b->outline;
}

/* The width in units that a text of `size` has in so many pixels. */
static double wrap_width(const struct block *b, double size, double pixels)
{
    return pixels * EM / (size * b->face->squeeze) - 2 * b->outline;
}

/* What a text must fit into, the width and the height in pixels. */
struct frame {
    double width, height, max_size;
    int max_lines;
};

static bool fits(struct block *b, double size, const struct frame *frame, PangoWrapMode mode)
{
    double wrap_at = wrap_width(b, size, frame->width);
    if (wrap_at <= 0)
        return false;
    wrap(b, wrap_at, mode);
    return !b->is_over && height_of(b) * size / EM <= frame->height && line_count(b) <= frame->max_lines;
}

/* The largest size that fits, by bisection; max_size / 1024, hardly visible, if none does. */
static double largest_size(struct block *b, const struct frame *frame, PangoWrapMode mode)
{
    double low = frame->max_size / 1024, high = frame->max_size;
    if (fits(b, high, frame, mode))
        return high;
    while (high / low > 1.01) {
        double middle = sqrt(low * high);
        if (fits(b, middle, frame, mode))
            low = middle;
        else
            high = middle;
    }
    fits(b, low, frame, mode); /* leaves the block wrapped for the answer */
    return low;
}

/* The largest size with whole words, or one not much smaller that saves lines. */
static double size_of_words(struct block *b, struct frame frame)
{
    double largest = largest_size(b, &frame, PANGO_WRAP_WORD), size = largest;
    while (line_count(b) > 1) {
        frame.max_lines = line_count(b) - 1;
        double smaller = largest_size(b, &frame, PANGO_WRAP_WORD);
        if (smaller < largest * WORTH_A_LINE)
            break;
        size = smaller;
    }
    return size;
}

/* Makes the lines equally long, as far as the words allow, without adding one. */
static void balance(struct block *b, double width, PangoWrapMode mode)
{
    wrap(b, width, mode);
    int count = line_count(b);
    if (count < 2)
        return;
    double low = width / 2, high = width;
    while (high - low > EM / 16) {
        double middle = (low + high) / 2;
        wrap(b, middle, mode);
        if (line_count(b) > count || b->is_over)
            low = middle;
        else
            high = middle;
    }
    wrap(b, high, mode);
}

static void fit(struct block *b, const struct frame *frame)
{
    double whole = size_of_words(b, *frame), broken = largest_size(b, frame, PANGO_WRAP_WORD_CHAR);
    bool breaks = broken > whole * WORTH_BREAKING;
    PangoWrapMode mode = breaks ? PANGO_WRAP_WORD_CHAR : PANGO_WRAP_WORD;
    b->size = breaks ? broken : whole;
    balance(b, wrap_width(b, b->size, frame->width), mode);
}

/* --- drawing --- */

static bool has_colour(PangoFont *font)
{
    FcBool colour = FcFalse;
    if (!PANGO_IS_FC_FONT(font))
        return false;
    return FcPatternGetBool(pango_fc_font_get_pattern(PANGO_FC_FONT(font)), FC_COLOR, 0, &colour) ==
               FcResultMatch &&
           colour;
}

/* Where the pen of each line starts, relative to the middle of the first baseline. */
static void line_origin(const struct block *b, int line, double *x, double *y)
{
    PangoRectangle logical;
    pango_layout_line_get_extents(pango_layout_get_line_readonly(b->layout, line), NULL, &logical);
    *x = -units(logical.width) / 2 - units(logical.x);
    *y = line * b->leading;
}

/*
 * The outlines of all letters but those in colour, in units. They are collected on a surface without bounds,
 * because Cairo leaves out glyphs that lie outside of the one it has, even from a path. Gives a path for
 * cairo_path_destroy.
 */
static cairo_path_t *letters_path(const struct block *b)
{
    cairo_surface_t *boundless = cairo_recording_surface_create(CAIRO_CONTENT_ALPHA, NULL);
    cairo_t *cr = cairo_create(boundless);
    for (int i = 0; i < line_count(b); i++) {
        double x, y;
        line_origin(b, i, &x, &y);
        for (GSList *r = pango_layout_get_line_readonly(b->layout, i)->runs; r != NULL; r = r->next) {
            PangoGlyphItem *run = r->data;
            cairo_move_to(cr, x, y);
            if (!has_colour(run->item->analysis.font))
                pango_cairo_glyph_string_path(cr, run->item->analysis.font, run->glyphs);
            x += units(pango_glyph_string_get_width(run->glyphs));
        }
    }
    cairo_path_t *path = cairo_copy_path(cr);
    cairo_destroy(cr);
    cairo_surface_destroy(boundless);
    return path;
}

/*
 * Paints runs in colour, under a matrix that maps units to pixels. A picture must not be squeezed,
 * so it is made smaller both ways instead, which brings emoji closer to the capitals' height.
 */
static void paint_colour_runs(cairo_t *cr, const struct block *b)
{
    for (int i = 0; i < line_count(b); i++) {
        double x, y;
        line_origin(b, i, &x, &y);
        for (GSList *r = pango_layout_get_line_readonly(b->layout, i)->runs; r != NULL; r = r->next) {
            PangoGlyphItem *run = r->data;
            if (has_colour(run->item->analysis.font)) {
                cairo_save(cr);
                cairo_translate(cr, x, y);
                cairo_scale(cr, 1, b->face->squeeze);
                cairo_move_to(cr, 0, 0);
                pango_cairo_show_glyph_string(cr, run->item->analysis.font, run->glyphs);
                cairo_restore(cr);
            }
            x += units(pango_glyph_string_get_width(run->glyphs));
        }
    }
}

/* Draws a fitted block, its first baseline's middle at (x, y). */
static void draw_block(cairo_t *cr, const struct block *b, double x, double y)
{
    double scale = b->size / EM, thicken = b->face->thicken * b->size;
    cairo_path_t *path = letters_path(b);
    cairo_save(cr);
    cairo_translate(cr, x, y);
    cairo_scale(cr, scale * b->face->squeeze, scale);
    cairo_append_path(cr, path);
    cairo_path_destroy(path);

    cairo_save(cr);
    cairo_identity_matrix(cr); /* so that the pen is round */
    cairo_set_line_join(cr, CAIRO_LINE_JOIN_ROUND);
    cairo_set_source_rgb(cr, 0, 0, 0);
    cairo_set_line_width(cr, 2 * OUTLINE * b->size + thicken);
    cairo_stroke_preserve(cr);
    cairo_set_source_rgb(cr, 1, 1, 1);
    cairo_fill_preserve(cr);
    if (thicken > 0) {
        cairo_set_line_width(cr, thicken);
        cairo_stroke_preserve(cr);
    }
    cairo_new_path(cr);
    cairo_restore(cr);

    paint_colour_runs(cr, b);
    cairo_restore(cr);
}

/* --- the whole --- */

static double measure_cap_height(PangoLayout *layout)
{
    PangoRectangle ink;
    pango_layout_set_text(layout, "H", 1);
    pango_layout_line_get_extents(pango_layout_get_line_readonly(layout, 0), &ink, NULL);
    double height = units(PANGO_ASCENT(ink));
    return height > 0 ? height : 0.7 * EM;
}

static PangoLayout *new_layout(PangoContext *context, const struct face *face)
{
    PangoLayout *layout = pango_layout_new(context);
    PangoFontDescription *description = describe(face);
    PangoAttrList *attributes = pango_attr_list_new();
    pango_attr_list_insert(attributes, pango_attr_insert_hyphens_new(FALSE));
    /* Thicker letters would stand closer together; give back what they took. */
    pango_attr_list_insert(
        attributes, pango_attr_letter_spacing_new((int)(face->thicken / face->squeeze * EM * PANGO_SCALE)));
    pango_layout_set_attributes(layout, attributes);
    pango_attr_list_unref(attributes);
    pango_layout_set_font_description(layout, description);
    pango_font_description_free(description);
    return layout;
}

static void draw_text(cairo_t *cr, PangoContext *context, const struct face *face, const char *text,
                      bool at_bottom, double band, double width, double height)
{
    struct block b = {.layout = new_layout(context, face), .face = face};
    double margin = EDGE_MARGIN * fmin(width, height);
    b.outline = (OUTLINE + face->thicken / 2) * EM;
    b.cap_height = measure_cap_height(b.layout);
    pango_layout_set_text(b.layout, text, -1);
    fit(&b, &(struct frame){
                .width = width * (1 - 2 * SIDE_MARGIN),
                .height = band * height - margin,
                .max_size = fmin(MAX_SIZE_OF_HEIGHT * height, MAX_SIZE_OF_WIDTH * width),
                .max_lines = INT_MAX,
            });

    double scale = b.size / EM;
    double y = at_bottom ? height - margin + (b.ascent + b.outline - height_of(&b)) * scale
                         : margin + (b.ascent + b.outline) * scale;
    draw_block(cr, &b, width / 2, y);
    g_object_unref(b.layout);
}

/* Outlines as designed: no hinting, no rounding, so that a layout may be scaled. The same in every locale. */
static PangoContext *new_context(PangoFontMap *map)
{
    PangoContext *context = pango_font_map_create_context(map);
    cairo_font_options_t *options = cairo_font_options_create();
    cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
    cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
    cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY);
    pango_cairo_context_set_font_options(context, options);
    cairo_font_options_destroy(options);
    pango_cairo_context_set_resolution(context, 96);
    pango_context_set_round_glyph_positions(context, FALSE);
    pango_context_set_language(context, pango_language_from_string("en"));
    return context;
}

static bool draw_both(cairo_surface_t *surface, PangoFontMap *map, const char *top, const char *bottom,
                      const char *font, struct meme_error *err)
{
    double width = cairo_image_surface_get_width(surface), height = cairo_image_surface_get_height(surface);
    double band = *top != '\0' && *bottom != '\0' ? BAND_OF_HEIGHT : BAND_ALONE;
    PangoContext *context = new_context(map);
    struct face face = choose_face(context, font);
    cairo_t *cr = cairo_create(surface);
    if (*top != '\0')
        draw_text(cr, context, &face, top, false, band, width, height);
    if (*bottom != '\0')
        draw_text(cr, context, &face, bottom, true, band, width, height);
    cairo_status_t status = cairo_status(cr);
    cairo_destroy(cr);
    g_object_unref(context);
    if (status == CAIRO_STATUS_SUCCESS)
        return true;
    return meme_fail(err, status == CAIRO_STATUS_NO_MEMORY ? MEME_OUT_OF_MEMORY : MEME_INTERNAL,
                     "the text cannot be drawn: %s", cairo_status_to_string(status));
}

/* Pango, without any font, draws boxes at best; and it always claims to have "Sans". So we ask below it. */
static bool has_fonts(void)
{
    FcConfig *config = FcConfigReference(NULL);
    FcFontSet *fonts = config != NULL ? FcConfigGetFonts(config, FcSetSystem) : NULL;
    bool found = fonts != NULL && fonts->nfont > 0;
    if (config != NULL)
        FcConfigDestroy(config);
    return found;
}

bool meme_text_draw(cairo_surface_t *surface, const char *top, const char *bottom, const char *font,
                    struct meme_error *err)
{
    char *upper = prepare(top), *lower = prepare(bottom);
    bool is_empty = *upper == '\0' && *lower == '\0', ok = true;
    if (!is_empty && !has_fonts()) {
        ok = meme_fail(err, MEME_NO_FONTS, "the server has no fonts to draw text with");
    } else if (!is_empty) {
        PangoFontMap *map = pango_cairo_font_map_new();
        ok = draw_both(surface, map, upper, lower, font, err);
        g_object_unref(map);
    }
    g_free(upper);
    g_free(lower);
    return ok;
}
