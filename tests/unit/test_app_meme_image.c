/* SPDX-License-Identifier: MIT */
/* Picture files in: every kind that is accepted, every way of being too large or damaged. */
#include "test_app_meme_make.h"

#include "app/meme_exif.h"
#include "app/meme_image.h"
#include "app/meme_jpeg.h"

static const struct file no_exif;

static struct meme_options small_options(void)
{
    struct meme_options opt = meme_options_default();
    opt.limits.max_pixels = 1 << 20;
    opt.limits.max_work_bytes = 16u << 20;
    return opt;
}

static uint32_t pixel(cairo_surface_t *s, int x, int y)
{
    const unsigned char *row = cairo_image_surface_get_data(s) + y * cairo_image_surface_get_stride(s);
    return ((const uint32_t *)(const void *)row)[x] & 0xffffff;
}

static void expect_near(uint32_t got, uint32_t wanted, const char *what)
{
    for (int shift = 0; shift < 24; shift += 8)
        if (abs((int)(got >> shift & 255) - (int)(wanted >> shift & 255)) > 12)
            fail_msg("%s: got %06x, wanted %06x", what, got, wanted);
}

/* Takes the file; decodes it, and checks its size and the middles of its four quarters, in reading order. */
static void expect_quarters(struct file f, const char *what, int w, int h, const uint32_t wanted[4])
{
    struct meme_options opt = meme_options_default();
    struct meme_error err = {0};
    cairo_surface_t *s = NULL;
    if (!meme_image_decode(f.data, f.bytes, &opt, &s, &err))
        fail_msg("%s: %s", what, err.message);
    assert_int_equal(cairo_image_surface_get_width(s), w);
    assert_int_equal(cairo_image_surface_get_height(s), h);
    for (int i = 0; i < 4; i++)
        expect_near(pixel(s, w / 4 + i % 2 * w / 2, h / 4 + i / 2 * h / 2), wanted[i], what);
    cairo_surface_destroy(s);
    file_free(&f);
}

static const uint32_t colours[4] = {0xff0000, 0x00ff00, 0x0000ff, 0xffffff};
static const uint32_t greys[4] = {0x3f3f3f, 0x7f7f7f, 0x3f3f3f, 0xffffff};
static const uint32_t half_clear[4] = {0xff0000, 0x80ff80, 0x0000ff, 0xffffff};
static const uint32_t half_clear_grey[4] = {0x3f3f3f, 0xbfbfbf, 0x3f3f3f, 0xffffff};

static void test_png(void **state)
{
    (void)state;
    for (int lace = 0; lace < 2; lace++) {
        for (int depth = 8; depth <= 16; depth += 8) {
            expect_quarters(make_png(40, 24, PNG_COLOR_TYPE_RGB, depth, lace, 255), "rgb", 40, 24, colours);
            expect_quarters(make_png(40, 24, PNG_COLOR_TYPE_RGBA, depth, lace, 127), "rgba", 40, 24,
                            half_clear);
            expect_quarters(make_png(40, 24, PNG_COLOR_TYPE_GRAY, depth, lace, 255), "grey", 40, 24, greys);
            expect_quarters(make_png(40, 24, PNG_COLOR_TYPE_GRAY_ALPHA, depth, lace, 127), "grey alpha", 40,
                            24, half_clear_grey);
        }
        expect_quarters(make_png(40, 24, PNG_COLOR_TYPE_PALETTE, 4, lace, 127), "palette with tRNS", 40, 24,
                        half_clear);
        for (int depth = 2; depth <= 8; depth *= 2)
            expect_quarters(make_png(40, 24, PNG_COLOR_TYPE_PALETTE, depth, lace, 255), "palette", 40, 24,
                            colours);
        static const uint32_t two_bits[4] = {0x000000, 0x555555, 0x000000, 0xffffff};
        expect_quarters(make_png(40, 24, PNG_COLOR_TYPE_GRAY, 2, lace, 255), "grey, 2 bits", 40, 24,
                        two_bits);
    }
}

static void test_jpeg(void **state)
{
    (void)state;
    for (int progressive = 0; progressive < 2; progressive++) {
        expect_quarters(make_jpeg(40, 24, 3, progressive, no_exif), "ycc", 40, 24, colours);
        expect_quarters(make_jpeg(40, 24, 1, progressive, no_exif), "grey", 40, 24, greys);
        expect_quarters(make_jpeg(40, 24, 4, progressive, no_exif), "cmyk", 40, 24, colours);
    }
}

static void test_webp(void **state)
{
    (void)state;
    for (int lossless = 0; lossless < 2; lossless++) {
        expect_quarters(make_webp(64, 48, lossless, 255), "webp", 64, 48, colours);
        expect_quarters(make_webp(64, 48, lossless, 127), "webp with alpha", 64, 48, half_clear);
    }
}

static void test_orientation(void **state)
{
    (void)state;
    enum { R, G, B, W };
    static const int seen[9][4] = {
        {R, G, B, W}, /* 0 is not a value: upright */
        {R, G, B, W}, {G, R, W, B}, {W, B, G, R}, {B, W, R, G},
        {R, B, G, W}, {B, R, W, G}, {W, G, B, R}, {G, W, R, B},
    };
    for (int orientation = 0; orientation <= 8; orientation++)
        for (int big_endian = 0; big_endian < 2; big_endian++) {
            struct file exif = make_exif(orientation, big_endian);
            uint32_t wanted[4];
            for (int i = 0; i < 4; i++)
                wanted[i] = colours[seen[orientation][i]];
            int turned = orientation >= 5;
            expect_quarters(make_jpeg(40, 24, 3, 0, exif), "exif", turned ? 24 : 40, turned ? 40 : 24,
                            wanted);
            file_free(&exif);
        }
}

/* Every truncation and many mutations of an EXIF segment give some orientation and no sanitizer report. */
static void test_exif_damage(void **state)
{
    (void)state;
    struct file exif = make_exif(6, 1), good = make_jpeg(8, 8, 3, 0, exif);
    assert_int_equal(meme_exif_orientation(good.data, good.bytes), 6);
    uint64_t seed = 1;
    for (size_t n = 0; n < 80; n++) {
        uint8_t *cut = malloc(n ? n : 1);
        memcpy(cut, good.data, n);
        int o = meme_exif_orientation(cut, n);
        assert_in_range(o, 1, 8);
        free(cut);
    }
    for (int i = 0; i < 20000; i++) {
        uint8_t bent[80];
        memcpy(bent, good.data, sizeof bent);
        for (int k = 0; k < 3; k++)
            bent[2 + next_random(&seed) % 78] = (uint8_t)next_random(&seed);
        int o = meme_exif_orientation(bent, sizeof bent);
        assert_in_range(o, 1, 8);
    }
    file_free(&good);
    file_free(&exif);
}

/* --- scaling --- */

static void expect_size(struct file f, int max_side, int w, int h)
{
    struct meme_options opt = meme_options_default();
    struct meme_error err = {0};
    cairo_surface_t *s = NULL;
    opt.max_output_side = (uint32_t)max_side;
    if (!meme_image_decode(f.data, f.bytes, &opt, &s, &err))
        fail_msg("%s", err.message);
    assert_int_equal(cairo_image_surface_get_width(s), w);
    assert_int_equal(cairo_image_surface_get_height(s), h);
    if (w >= 8 && h >= 8)
        for (int i = 0; i < 4; i++)
            expect_near(pixel(s, w / 4 + i % 2 * w / 2, h / 4 + i / 2 * h / 2), colours[i], "scaled");
    cairo_surface_destroy(s);
    file_free(&f);
}

static void test_scaling(void **state)
{
    (void)state;
    for (int side = 90; side <= 1000; side += 130) {
        expect_size(make_png(1000, 500, PNG_COLOR_TYPE_RGB, 8, side % 4 == 0, 255), side, side,
                    (side + 1) / 2);
        expect_size(make_jpeg(1000, 500, 3, 0, no_exif), side, side, (side + 1) / 2);
    }
    expect_size(make_webp(1000, 500, 1, 255), 100, 100, 50);
    expect_size(make_webp(500, 1000, 0, 255), 100, 50, 100);
    expect_size(make_png(10000, 1, PNG_COLOR_TYPE_RGB, 8, 0, 255), 64, 64, 1);
    expect_size(make_png(1, 10000, PNG_COLOR_TYPE_RGB, 8, 0, 255), 64, 1, 64);
    expect_size(make_jpeg(1, 10000, 3, 0, no_exif), 64, 1, 64);
    expect_size(make_webp(10000, 1, 1, 255), 64, 64, 1);
    expect_size(make_png(1, 1, PNG_COLOR_TYPE_RGB, 8, 0, 255), 2048, 1, 1);
    expect_size(make_png(300, 200, PNG_COLOR_TYPE_RGB, 8, 0, 255), 1, 1, 1);
}

/* --- refusals --- */

static void expect_refusal(struct file f, const struct meme_options *opt, enum meme_reason reason,
                           const char *says)
{
    struct meme_error err = {0};
    cairo_surface_t *s = NULL;
    if (meme_image_decode(f.data, f.bytes, opt, &s, &err))
        fail_msg("accepted, though it should say: %s", says);
    if (err.reason != reason || strstr(err.message, says) == NULL)
        fail_msg("%d %s: %s", err.status, err.code, err.message);
    file_free(&f);
}

static struct file bytes_of(const void *data, size_t bytes)
{
    struct file f = {0};
    file_add(&f, data, bytes);
    return f;
}

static uint32_t crc32_of(const uint8_t *data, size_t bytes)
{
    uint32_t crc = ~0u;
    for (size_t i = 0; i < bytes; i++) {
        crc ^= data[i];
        for (int k = 0; k < 8; k++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

static void put_be(uint8_t *at, uint32_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        at[i] = (uint8_t)(value >> 8 * (bytes - 1 - i));
}

/* Rewrites the size in a PNG's IHDR. */
static struct file png_claiming(uint32_t w, uint32_t h, int interlaced)
{
    struct file f = make_png(8, 8, PNG_COLOR_TYPE_RGBA, 8, interlaced, 255);
    put_be(f.data + 16, w, 4);
    put_be(f.data + 20, h, 4);
    put_be(f.data + 29, crc32_of(f.data + 12, 17), 4);
    return f;
}

/* Rewrites the size in a JPEG's frame header. */
static struct file jpeg_claiming(uint32_t w, uint32_t h, int progressive)
{
    struct file f = make_jpeg(8, 8, 3, progressive, no_exif);
    size_t at = 2;
    while (f.data[at + 1] != (progressive ? 0xc2 : 0xc0))
        at += 2 + ((size_t)f.data[at + 2] << 8 | f.data[at + 3]);
    put_be(f.data + at + 5, h, 2);
    put_be(f.data + at + 7, w, 2);
    return f;
}

/* A lossless WebP that is all header: 14 bits each of width - 1 and height - 1. */
static struct file webp_claiming(uint32_t w, uint32_t h)
{
    uint8_t data[64] = "RIFF\x38\0\0\0WEBPVP8L\x2c\0\0\0\x2f";
    uint32_t bits = (w - 1) | (h - 1) << 14;
    for (int i = 0; i < 4; i++)
        data[21 + i] = (uint8_t)(bits >> 8 * i);
    return bytes_of(data, sizeof data);
}

/* Tiny files that claim to be huge must be refused by their header, in a sentence that names the limit. */
static void test_bombs(void **state)
{
    (void)state;
    struct meme_options opt = meme_options_default();
    expect_refusal(png_claiming(60000, 60000, 0), &opt, MEME_IMAGE_TOO_LARGE,
                   "60000 by 60000 pixels; at most 16384");
    expect_refusal(png_claiming(0x7fffffff, 0x7fffffff, 0), &opt, MEME_IMAGE_TOO_LARGE, "at most 16384");
    expect_refusal(png_claiming(10000, 10000, 0), &opt, MEME_IMAGE_TOO_LARGE, "at most 50000000");
    expect_refusal(jpeg_claiming(60000, 60000, 0), &opt, MEME_IMAGE_TOO_LARGE,
                   "60000 by 60000 pixels; at most 16384");
    expect_refusal(jpeg_claiming(16000, 16000, 1), &opt, MEME_IMAGE_TOO_LARGE, "at most 50000000");
    expect_refusal(webp_claiming(16383, 16383), &opt, MEME_IMAGE_TOO_LARGE, "at most 50000000");

    opt.limits.max_work_bytes = 8u << 20; /* within the pixels, but whole-picture buffers would not fit */
    expect_refusal(png_claiming(5000, 5000, 1), &opt, MEME_IMAGE_TOO_LARGE, "memory");
    expect_refusal(jpeg_claiming(5000, 5000, 1), &opt, MEME_IMAGE_TOO_LARGE, "memory");
    expect_refusal(webp_claiming(5000, 5000), &opt, MEME_IMAGE_TOO_LARGE, "memory");

    /* A VP8X canvas of 60000 by 60000 over a small picture: any refusal will do, quickly. */
    uint8_t vp8x[30] = "RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\x5f\xea\0\x5f\xea\0";
    struct meme_error err;
    cairo_surface_t *s;
    assert_false(meme_image_decode(vp8x, sizeof vp8x, &opt, &s, &err));
    assert_true(err.status == 413 || err.status == 422);
}

static void test_zero_size(void **state)
{
    (void)state;
    struct meme_options opt = meme_options_default();
    expect_refusal(png_claiming(0, 8, 0), &opt, MEME_CORRUPT_IMAGE, "PNG");
    expect_refusal(jpeg_claiming(0, 8, 0), &opt, MEME_CORRUPT_IMAGE, "JPEG");
}

/* A progressive file may repeat a scan for ever; the scans are what it costs. */
static void test_many_scans(void **state)
{
    (void)state;
    struct meme_options opt = meme_options_default();
    struct file f = make_jpeg(64, 64, 1, 1, no_exif);
    size_t scan = 2; /* the last SOS and its data: a refinement of AC bits, harmless to repeat */
    for (size_t i = 0; i + 1 < f.bytes; i++)
        if (f.data[i] == 0xff && f.data[i + 1] == 0xda)
            scan = i;
    struct file bomb = bytes_of(f.data, f.bytes - 2);
    for (int i = 0; i < 100; i++)
        file_add(&bomb, f.data + scan, f.bytes - 2 - scan);
    file_add(&bomb, f.data + f.bytes - 2, 2);
    expect_refusal(bomb, &opt, MEME_CORRUPT_IMAGE, "scans");
    file_free(&f);
}

static void test_unsupported(void **state)
{
    (void)state;
    struct meme_options opt = meme_options_default();
    expect_refusal(bytes_of("GIF89a", 6), &opt, MEME_UNSUPPORTED_IMAGE, "GIF");
    expect_refusal(bytes_of("\0\0\0\x1c"
                            "ftypavif",
                            12),
                   &opt, MEME_UNSUPPORTED_IMAGE, "AVIF");
    expect_refusal(bytes_of("<svg/>", 6), &opt, MEME_UNSUPPORTED_IMAGE, "SVG");
    expect_refusal(bytes_of("hello", 5), &opt, MEME_UNSUPPORTED_IMAGE, "no type we know");
    expect_refusal(bytes_of("", 0), &opt, MEME_UNSUPPORTED_IMAGE, "no type we know");
    expect_refusal(bytes_of("\xff\xd8", 2), &opt, MEME_UNSUPPORTED_IMAGE, "no type we know");

    uint8_t animated[] = "RIFF\x2e\0\0\0WEBPVP8X\x0a\0\0\0\x02\0\0\0\x07\0\0\x07\0\0ANIM\x06\0\0\0\xff\xff"
                         "\xff\xff\0\0ANMF\0\0\0\0";
    expect_refusal(bytes_of(animated, sizeof animated - 1), &opt, MEME_UNSUPPORTED_IMAGE, "animated");
}

/* --- damage --- */

static int make_all(struct file out[8])
{
    struct file exif = make_exif(8, 0);
    int n = 0;
    out[n++] = make_png(40, 24, PNG_COLOR_TYPE_RGBA, 8, 0, 127);
    out[n++] = make_png(40, 24, PNG_COLOR_TYPE_PALETTE, 4, 1, 255);
    out[n++] = make_jpeg(40, 24, 3, 0, exif);
    out[n++] = make_jpeg(40, 24, 3, 1, no_exif);
    out[n++] = make_jpeg(40, 24, 4, 0, no_exif);
    out[n++] = make_webp(40, 24, 0, 255);
    out[n++] = make_webp(40, 24, 0, 127);
    out[n++] = make_webp(40, 24, 1, 127);
    file_free(&exif);
    return n;
}

static void test_truncation(void **state)
{
    (void)state;
    struct meme_options opt = small_options();
    struct file files[8];
    int count = make_all(files);
    for (int i = 0; i < count; i++) {
        for (size_t n = 0; n < files[i].bytes; n++) {
            struct meme_error err = {0};
            cairo_surface_t *s;
            uint8_t *cut = malloc(n ? n : 1);
            assert_non_null(cut);
            memcpy(cut, files[i].data, n);
            if (meme_image_decode(cut, n, &opt, &s, &err))
                fail_msg("file %d, cut to %zu of %zu bytes, was accepted", i, n, files[i].bytes);
            if (err.status != 415 && err.status != 422)
                fail_msg("file %d, cut to %zu bytes: %d %s", i, n, err.status, err.message);
            free(cut);
        }
        file_free(&files[i]);
    }
}

static void test_mutation(void **state)
{
    (void)state;
    struct meme_options opt = small_options();
    struct file files[8];
    int count = make_all(files), accepted = 0;
    uint64_t seed = 0x6d656d65;
    opt.max_output_side = 256;
    for (int round = 0; round < 4000; round++) {
        struct file *good = &files[round % count], bent = bytes_of(good->data, good->bytes);
        for (uint32_t k = next_random(&seed) % 6; k < 6; k++)
            bent.data[next_random(&seed) % bent.bytes] = (uint8_t)next_random(&seed);
        struct meme_error err = {0};
        cairo_surface_t *s;
        if (meme_image_decode(bent.data, bent.bytes, &opt, &s, &err)) {
            accepted++;
            cairo_surface_destroy(s);
        } else if (err.status != 413 && err.status != 415 && err.status != 422) {
            fail_msg("round %d: %d %s", round, err.status, err.message);
        }
        file_free(&bent);
    }
    assert_true(accepted > 0); /* otherwise the test no longer reaches the decoders */
    for (int i = 0; i < count; i++)
        file_free(&files[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_png),         cmocka_unit_test(test_jpeg),
        cmocka_unit_test(test_webp),        cmocka_unit_test(test_orientation),
        cmocka_unit_test(test_exif_damage), cmocka_unit_test(test_scaling),
        cmocka_unit_test(test_bombs),       cmocka_unit_test(test_zero_size),
        cmocka_unit_test(test_many_scans),  cmocka_unit_test(test_unsupported),
        cmocka_unit_test(test_truncation),  cmocka_unit_test(test_mutation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
