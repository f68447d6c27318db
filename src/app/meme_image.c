/* SPDX-License-Identifier: MIT */
/*
 * Picture files in general.
 *
 * Owns    telling formats apart, turning upright, and the last, exact step of scaling.
 * Never   decodes itself: meme_jpeg.c, meme_png.c and meme_webp.c do.
 */
#include "app/meme_image.h"

#include "app/meme_exif.h"
#include "app/meme_jpeg.h"
#include "app/meme_png.h"
#include "app/meme_webp.h"

#include <string.h>

typedef bool decoder(const uint8_t *data, size_t bytes, const struct meme_options *opt,
                     struct meme_rows *rows, struct meme_error *err);

struct format {
    const char *name;
    size_t at; /* where the signature stands */
    const char *signature;
    size_t signature_bytes;
    decoder *decode; /* NULL: we only know it to name it */
};

#define SIGNATURE(text) text, sizeof(text) - 1

static const struct format formats[] = {
    {"JPEG", 0, SIGNATURE("\xff\xd8\xff"), meme_jpeg_decode},
    {"PNG", 0, SIGNATURE("\x89PNG\r\n\x1a\n"), meme_png_decode},
    {"WebP", 8, SIGNATURE("WEBP"), meme_webp_decode},
    {"GIF", 0, SIGNATURE("GIF8"), NULL},
    {"BMP", 0, SIGNATURE("BM"), NULL},
    {"TIFF", 0, SIGNATURE("II*\0"), NULL},
    {"TIFF", 0, SIGNATURE("MM\0*"), NULL},
    {"AVIF", 4, SIGNATURE("ftypavif"), NULL},
    {"HEIC", 4, SIGNATURE("ftyphei"), NULL},
    {"HEIF", 4, SIGNATURE("ftypmif1"), NULL},
    {"JPEG XL", 0, SIGNATURE("\xff\x0a"), NULL},
    {"PDF", 0, SIGNATURE("%PDF"), NULL},
    {"SVG", 0, SIGNATURE("<svg"), NULL},
    {"XML", 0, SIGNATURE("<?xml"), NULL},
    {"HTML", 0, SIGNATURE("<!"), NULL},
};

static const struct format *find_format(const uint8_t *data, size_t bytes)
{
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        const struct format *f = &formats[i];
        if (bytes >= f->at + f->signature_bytes &&
            memcmp(data + f->at, f->signature, f->signature_bytes) == 0)
            return f;
    }
    return NULL;
}

/*
 * The matrix from an upright picture to the stored one (a Cairo pattern wants it in
 * this direction), both of them in stored pixels: w and h are the stored sides.
 */
static cairo_matrix_t orientation_matrix(int orientation, double w, double h)
{
    /* stored x = xx * x + xy * y + x0,  stored y = yx * x + yy * y + y0; in the order xx yx xy yy x0 y0. */
    switch (orientation) {
    case 2:
        return (cairo_matrix_t){-1, 0, 0, 1, w, 0};
    case 3:
        return (cairo_matrix_t){-1, 0, 0, -1, w, h};
    case 4:
        return (cairo_matrix_t){1, 0, 0, -1, 0, h};
    case 5:
        return (cairo_matrix_t){0, 1, 1, 0, 0, 0};
    case 6:
        return (cairo_matrix_t){0, -1, 1, 0, 0, h};
    case 7:
        return (cairo_matrix_t){0, -1, -1, 0, w, h};
    case 8:
        return (cairo_matrix_t){0, 1, -1, 0, w, 0};
    default:
        return (cairo_matrix_t){1, 0, 0, 1, 0, 0};
    }
}

static int fit(int side, int longer, int max_side)
{
    int fitted = (int)(((long long)side * max_side + longer / 2) / longer);
    return fitted > 0 ? fitted : 1;
}

/* Takes stored; gives the upright and fitted surface, which may be the same one. */
static bool set_upright(cairo_surface_t *stored, int orientation, int max_side, cairo_surface_t **out,
                        struct meme_error *err)
{
    int w = cairo_image_surface_get_width(stored), h = cairo_image_surface_get_height(stored);
    int longer = w > h ? w : h;
    if (orientation == 1 && longer <= max_side) {
        *out = stored;
        return true;
    }
    int up_w = orientation >= 5 ? h : w, up_h = orientation >= 5 ? w : h, out_w = up_w, out_h = up_h;
    if (longer > max_side) {
        out_w = fit(up_w, longer, max_side);
        out_h = fit(up_h, longer, max_side);
    }

    cairo_matrix_t turn = orientation_matrix(orientation, w, h), scale;
    cairo_matrix_init_scale(&scale, (double)up_w / out_w, (double)up_h / out_h);
    cairo_matrix_multiply(&turn, &scale, &turn);

    cairo_surface_t *upright = cairo_image_surface_create(CAIRO_FORMAT_RGB24, out_w, out_h);
    cairo_t *cr = cairo_create(upright);
    cairo_set_source_surface(cr, stored, 0, 0);
    cairo_pattern_set_matrix(cairo_get_source(cr), &turn);
    cairo_pattern_set_filter(cairo_get_source(cr),
                             longer > max_side ? CAIRO_FILTER_GOOD : CAIRO_FILTER_NEAREST);
    cairo_pattern_set_extend(cairo_get_source(cr), CAIRO_EXTEND_PAD);
    cairo_paint(cr);
    bool ok = cairo_status(cr) == CAIRO_STATUS_SUCCESS;
    cairo_destroy(cr);
    cairo_surface_destroy(stored);
    if (!ok) {
        cairo_surface_destroy(upright);
        return meme_fail(err, MEME_OUT_OF_MEMORY, "not enough memory to turn or scale the picture");
    }
    *out = upright;
    return true;
}

bool meme_image_decode(const uint8_t *data, size_t bytes, const struct meme_options *opt,
                       cairo_surface_t **out, struct meme_error *err)
{
    const struct format *format = find_format(data, bytes);
    if (format == NULL || format->decode == NULL)
        return meme_fail(err, MEME_UNSUPPORTED_IMAGE, "the image is %s%s; send JPEG, PNG or WebP",
                         format ? "a file of type " : "of no type we know", format ? format->name : "");

    struct meme_rows rows;
    bool ok = format->decode(data, bytes, opt, &rows, err);
    cairo_surface_t *stored = ok ? meme_rows_take(&rows) : NULL;
    meme_rows_fini(&rows);
    if (ok && stored == NULL)
        return meme_fail(err, MEME_INTERNAL, "the decoder left rows out");
    if (!ok)
        return false;
    int orientation = format->decode == meme_jpeg_decode ? meme_exif_orientation(data, bytes) : 1;
    return set_upright(stored, orientation, (int)opt->max_output_side, out, err);
}
