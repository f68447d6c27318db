/* SPDX-License-Identifier: MIT */
/*
 * Picture files made on the spot, for the tests of the meme service.
 *
 * Every picture shows the same four quarters, so that a test can tell what was
 * turned or lost:
 *
 *     red   | green
 *     ------+------
 *     blue  | white
 */
#ifndef WEFT_TEST_APP_MEME_MAKE_H
#define WEFT_TEST_APP_MEME_MAKE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <jpeglib.h>
#include <png.h>
#include <webp/encode.h>

/*
 * Fontconfig keeps a few bytes for the life of the process without holding on to them. How many does
 * not grow with the number of calls, so nothing of ours hides behind this.
 */
const char *__lsan_default_suppressions(void);
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void)
{
    return "leak:libfontconfig.so";
}

struct file {
    uint8_t *data;
    size_t bytes;
};

static inline void file_add(struct file *f, const void *data, size_t bytes)
{
    f->data = realloc(f->data, f->bytes + bytes + 1);
    assert_non_null(f->data);
    memcpy(f->data + f->bytes, data, bytes);
    f->bytes += bytes;
}

static inline void file_free(struct file *f)
{
    free(f->data);
    *f = (struct file){0};
}

/* The colour of a quarter, 0xRRGGBB. */
static inline uint32_t quarter(int x, int y, int w, int h)
{
    static const uint32_t colours[2][2] = {{0xff0000, 0x00ff00}, {0x0000ff, 0xffffff}};
    return colours[y >= h / 2][x >= w / 2];
}

/* A generator that is the same everywhere (xorshift64*). */
static inline uint32_t next_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (uint32_t)(*state * 0x2545f4914f6cdd1du >> 32);
}

/* --- PNG --- */

static inline void png_sink(png_structp png, png_bytep data, size_t bytes)
{
    file_add(png_get_io_ptr(png), data, bytes);
}

static inline void png_no_flush(png_structp png)
{
    (void)png;
}

/* Writes one pixel of a row, as `type` and `depth` want it. */
static inline void png_put(uint8_t *row, int x, uint32_t rgb, int type, int depth, uint8_t alpha)
{
    uint8_t c[4] = {(uint8_t)(rgb >> 16), (uint8_t)(rgb >> 8), (uint8_t)rgb, alpha};
    uint8_t grey = (uint8_t)((c[0] + c[1] * 2 + c[2]) / 4);
    uint8_t index = rgb == 0xff0000 ? 0 : rgb == 0x00ff00 ? 1 : rgb == 0x0000ff ? 2 : 3;
    int channels = 0, bytes = depth == 16 ? 2 : 1;
    uint8_t out[4];
    if (type == PNG_COLOR_TYPE_PALETTE || depth < 8) {
        unsigned value = type == PNG_COLOR_TYPE_PALETTE ? index : (unsigned)grey >> (8 - depth);
        int bit = x * depth;
        row[bit / 8] = (uint8_t)(row[bit / 8] | value << (8 - depth - bit % 8));
        return;
    }
    if (type & PNG_COLOR_MASK_COLOR)
        for (; channels < 3; channels++)
            out[channels] = c[channels];
    else
        out[channels++] = grey;
    if (type & PNG_COLOR_MASK_ALPHA)
        out[channels++] = c[3];
    for (int i = 0; i < channels; i++)
        memset(row + (x * channels + i) * bytes, out[i], (size_t)bytes);
}

static inline struct file make_png(int w, int h, int type, int depth, int interlaced, uint8_t alpha)
{
    struct file f = {0};
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    png_color palette[4] = {{255, 0, 0}, {0, 255, 0}, {0, 0, 255}, {255, 255, 255}};
    png_set_write_fn(png, &f, png_sink, png_no_flush);
    png_set_IHDR(png, info, (png_uint_32)w, (png_uint_32)h, depth, type,
                 interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    if (type == PNG_COLOR_TYPE_PALETTE)
        png_set_PLTE(png, info, palette, 4);
    if (type == PNG_COLOR_TYPE_PALETTE && alpha < 255)
        png_set_tRNS(png, info, (png_byte[]){255, alpha, 255, alpha}, 4, NULL);
    png_write_info(png, info);
    size_t row_bytes = png_get_rowbytes(png, info);
    uint8_t *row = malloc(row_bytes);
    assert_non_null(row);
    int passes = png_set_interlace_handling(png);
    for (int pass = 0; pass < passes; pass++)
        for (int y = 0; y < h; y++) {
            memset(row, 0, row_bytes);
            for (int x = 0; x < w; x++)
                png_put(row, x, quarter(x, y, w, h), type, depth, x >= w / 2 ? alpha : 255);
            png_write_row(png, row);
        }
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    free(row);
    return f;
}

/* --- JPEG --- */

/* An APP1 segment with one tag, Orientation, in either byte order. */
static inline struct file make_exif(int orientation, int big_endian)
{
    struct file f = {0};
    uint8_t le[] = {'E',  'x', 'i', 'f', 0, 0, 'I', 'I', 42, 0, 8, 0, 0, 0, 1, 0,
                    0x12, 1,   3,   0,   1, 0, 0,   0,   0,  0, 0, 0, 0, 0, 0, 0};
    uint8_t be[] = {'E', 'x',  'i', 'f', 0, 0, 'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1,
                    1,   0x12, 0,   3,   0, 0, 0,   1,   0, 0,  0, 0, 0, 0, 0, 0};
    le[24] = be[25] = (uint8_t)orientation;
    file_add(&f, big_endian ? be : le, sizeof le);
    return f;
}

/* components: 1 grey, 3 YCbCr, 4 CMYK with Adobe's inversion. app1 may be empty. */
static inline struct file make_jpeg(int w, int h, int components, int progressive, struct file app1)
{
    struct jpeg_compress_struct info;
    struct jpeg_error_mgr errors;
    unsigned char *data = NULL;
    unsigned long bytes = 0;
    info.err = jpeg_std_error(&errors);
    jpeg_create_compress(&info);
    jpeg_mem_dest(&info, &data, &bytes);
    info.image_width = (JDIMENSION)w;
    info.image_height = (JDIMENSION)h;
    info.input_components = components;
    info.in_color_space = components == 1 ? JCS_GRAYSCALE : components == 3 ? JCS_RGB : JCS_CMYK;
    jpeg_set_defaults(&info);
    jpeg_set_quality(&info, 95, TRUE);
    info.comp_info[0].h_samp_factor = info.comp_info[0].v_samp_factor = 1;
    if (progressive)
        jpeg_simple_progression(&info);
    jpeg_start_compress(&info, TRUE);
    if (app1.bytes > 0)
        jpeg_write_marker(&info, JPEG_APP0 + 1, app1.data, (unsigned)app1.bytes);
    JSAMPLE *row = malloc((size_t)w * 4);
    assert_non_null(row);
    for (int y = 0; y < h; y++) {
        for (int x = 0; x < w; x++) {
            uint32_t rgb = quarter(x, y, w, h);
            uint8_t c[4] = {(uint8_t)(rgb >> 16), (uint8_t)(rgb >> 8), (uint8_t)rgb,
                            255}; /* inverted CMYK: no K */
            if (components == 1)
                row[x] = (uint8_t)((c[0] + c[1] * 2 + c[2]) / 4);
            else
                memcpy(row + x * components, c, (size_t)components);
        }
        jpeg_write_scanlines(&info, &row, 1);
    }
    jpeg_finish_compress(&info);
    jpeg_destroy_compress(&info);
    struct file f = {0};
    file_add(&f, data, bytes);
    free(data);
    free(row);
    return f;
}

/* --- WebP --- */

static inline struct file make_webp(int w, int h, int lossless, uint8_t alpha)
{
    uint8_t *rgba = malloc((size_t)w * (size_t)h * 4), *out = NULL;
    assert_non_null(rgba);
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            uint32_t rgb = quarter(x, y, w, h);
            uint8_t c[4] = {(uint8_t)(rgb >> 16), (uint8_t)(rgb >> 8), (uint8_t)rgb,
                            x >= w / 2 ? alpha : 255};
            memcpy(rgba + (y * w + x) * 4, c, 4);
        }
    size_t bytes = lossless ? WebPEncodeLosslessRGBA(rgba, w, h, w * 4, &out)
                            : WebPEncodeRGBA(rgba, w, h, w * 4, 95, &out);
    struct file f = {0};
    file_add(&f, out, bytes);
    WebPFree(out);
    free(rgba);
    return f;
}

/* --- requests --- */

/* Base64 with padding, NUL-terminated. */
static inline char *to_base64(struct file f)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *out = malloc(f.bytes / 3 * 4 + 5), *at = out;
    assert_non_null(out);
    for (size_t i = 0; i < f.bytes; i += 3) {
        size_t left = f.bytes - i;
        uint32_t bits = (uint32_t)f.data[i] << 16;
        bits |= left > 1 ? (uint32_t)f.data[i + 1] << 8 : 0;
        bits |= left > 2 ? (uint32_t)f.data[i + 2] : 0;
        *at++ = digits[bits >> 18 & 63];
        *at++ = digits[bits >> 12 & 63];
        *at++ = left > 1 ? digits[bits >> 6 & 63] : '=';
        *at++ = left > 2 ? digits[bits & 63] : '=';
    }
    *at = '\0';
    return out;
}

#endif
