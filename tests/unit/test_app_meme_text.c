/* SPDX-License-Identifier: MIT */
/* Words on a picture: that they appear, where they may be, and that no text is too strange. */
#include "test_app_meme_make.h"

#include "app/meme_text.h"

enum { GREY = 0x808080 };

static cairo_surface_t *grey_picture(int w, int h)
{
    cairo_surface_t *s = cairo_image_surface_create(CAIRO_FORMAT_RGB24, w, h);
    cairo_t *cr = cairo_create(s);
    cairo_set_source_rgb(cr, 128 / 255.0, 128 / 255.0, 128 / 255.0);
    cairo_paint(cr);
    cairo_destroy(cr);
    return s;
}

static uint32_t pixel(cairo_surface_t *s, int x, int y)
{
    const unsigned char *row = cairo_image_surface_get_data(s) + y * cairo_image_surface_get_stride(s);
    return ((const uint32_t *)(const void *)row)[x] & 0xffffff;
}

struct ink {
    int white, black, any;
};

static struct ink count(cairo_surface_t *s, int x0, int y0, int x1, int y1)
{
    struct ink ink = {0, 0, 0};
    cairo_surface_flush(s);
    for (int y = y0; y < y1; y++)
        for (int x = x0; x < x1; x++) {
            uint32_t p = pixel(s, x, y);
            ink.white += p == 0xffffff;
            ink.black += p == 0x000000;
            ink.any += p != GREY;
        }
    return ink;
}

static void draw(cairo_surface_t *s, const char *top, const char *bottom)
{
    struct meme_error err = {0};
    if (meme_text_draw(s, top, bottom, NULL, &err))
        return;
    if (err.reason == MEME_NO_FONTS)
        skip();
    fail_msg("%s", err.message);
}

static void test_appears(void **state)
{
    (void)state;
    cairo_surface_t *s = grey_picture(400, 300);
    draw(s, "hello", "world");
    struct ink top = count(s, 0, 0, 400, 100), middle = count(s, 0, 100, 400, 200),
               bottom = count(s, 0, 200, 400, 300);
    assert_true(top.white > 600 && top.black > 600);
    assert_true(bottom.white > 600 && bottom.black > 600);
    assert_int_equal(middle.any, 0);
    cairo_surface_destroy(s);

    s = grey_picture(400, 300);
    draw(s, "", "world");
    assert_int_equal(count(s, 0, 0, 400, 150).any, 0);
    assert_true(count(s, 0, 150, 400, 300).white > 600);
    cairo_surface_destroy(s);

    s = grey_picture(400, 300);
    draw(s, " \n\t\r\n", "");
    assert_int_equal(count(s, 0, 0, 400, 300).any, 0);
    cairo_surface_destroy(s);
}

/* Letters keep their distance from the middle: as much ink left of it as right of it, for a word like this. */
static void test_centred(void **state)
{
    (void)state;
    cairo_surface_t *s = grey_picture(400, 300);
    draw(s, "OHO", "");
    int left = 0, right = 399;
    while (left < 400 && count(s, left, 0, left + 1, 300).any == 0)
        left++;
    while (right > 0 && count(s, right, 0, right + 1, 300).any == 0)
        right--;
    assert_in_range(left + right, 399 - 8, 399 + 8);
    cairo_surface_destroy(s);
}

static void test_capitals(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"hello", "HELLO"},
        {"stra\xc3\x9f"
         "e",
         "STRASSE"},
        {"\xc3\xa9t\xc3\xa9", "\xc3\x89T\xc3\x89"},
        {"\xcf\x83\xce\xb1\xcf\x82", "\xce\xa3\xce\x91\xce\xa3"},
        {"  a  \t b \n\n c\r\n", "A B\nC"},
        {"a\x01\x7f"
         "b\xc2\x9f",
         "AB"},
        {"a\xe2\x80\xa8"
         "b",
         "A\nB"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        cairo_surface_t *a = grey_picture(200, 150), *b = grey_picture(200, 150);
        draw(a, pairs[i][0], "");
        draw(b, pairs[i][1], "");
        assert_memory_equal(cairo_image_surface_get_data(a), cairo_image_surface_get_data(b),
                            (size_t)cairo_image_surface_get_stride(a) * 150);
        cairo_surface_destroy(a);
        cairo_surface_destroy(b);
    }
}

static const char *const strange[] = {
    "a",
    ".",
    "-",
    "W",
    "i",
    "'",
    "_____",
    "one does not simply walk into a protocol that has been in use for forty years and expect to understand "
    "it at once",
    "Donaudampfschifffahrtselektrizit\xc3\xa4tenhauptbetriebswerkbauunterbeamtengesellschaft",
    "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14\n15\n16\n17\n18\n19\n20",
    "z\xcc\x81\xcc\x82\xcc\x83\xcc\x84\xcc\x85\xcc\x86\xcc\x87\xcc\x88 "
    "a\xcc\xa3\xcc\xa4\xcc\xa5\xcc\xad\xcc\xae\xcc\xb1",                       /* marks above and below */
    "\xcc\x81\xcc\x81",                                                        /* marks on nothing */
    "\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d hello \xd7\xa2\xd7\x95\xd7\x9c\xd7\x9d", /* Hebrew */
    "\xd9\x85\xd8\xb1\xd8\xad\xd8\xa8\xd8\xa7 123 \xd8\xa8\xd8\xa7\xd9\x84\xd8\xb9", /* Arabic */
    "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe3\x81\xae\xe3\x83\x86\xe3\x82\xad\xe3\x82\xb9\xe3\x83\x88", /* Japanese */
    "\xe0\xb8\xa0\xe0\xb8\xb2\xe0\xb8\xa9\xe0\xb8\xb2\xe0\xb9\x84\xe0\xb8\x97\xe0\xb8\xa2", /* Thai */
    "\xe0\xa4\xa8\xe0\xa4\xae\xe0\xa4\xb8\xe0\xa5\x8d\xe0\xa4\xa4\xe0\xa5\x87",             /* Hindi */
    "cat \xf0\x9f\x98\xb9 \xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7 "
    "\xf0\x9f\x87\xaa\xf0\x9f\x87\xba",
    "\xe2\x80\xae"
    "override\xe2\x80\xac \xe2\x81\xa6isolate\xe2\x81\xa9 \xef\xbb\xbf\xe2\x80\x8b", /* bidi controls, BOM */
    "\xf3\xa0\x80\x81\xf4\x8f\xbf\xbf\xee\x80\x80\xef\xbf\xbd\xef\xbf\xbe", /* tags, private, non-characters */
    "\xc2\xa0\xc2\xad\xe2\x80\x82\xe2\x80\x83\xe3\x80\x80",                 /* spaces of other kinds only */
};

/* Whatever the text, on whatever picture: it ends well; on a usual one no ink touches the edge or the middle. */
static void test_strange(void **state)
{
    (void)state;
    static const int sizes[][2] = {{320, 240}, {1, 1}, {1, 300},  {300, 1},
                                   {2, 2},     {7, 5}, {600, 40}, {40, 600}};
    for (size_t i = 0; i < sizeof strange / sizeof *strange; i++)
        for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
            int w = sizes[k][0], h = sizes[k][1];
            cairo_surface_t *s = grey_picture(w, h);
            draw(s, strange[i], strange[i]);
            if (w >= 40 && h >= 40 &&
                count(s, 0, 0, w, 1).any + count(s, 0, h - 1, w, h).any + count(s, 0, 0, 1, h).any +
                        count(s, w - 1, 0, w, h).any + count(s, 0, h * 2 / 5, w, h * 3 / 5).any >
                    0)
                fail_msg("text %zu on %dx%d leaves its band", i, w, h);
            cairo_surface_destroy(s);
        }
}

/* The longest text that the service takes, as one word and as many. */
static void test_longest(void **state)
{
    (void)state;
    char word[401], words[401];
    for (int i = 0; i < 400; i++) {
        word[i] = 'w';
        words[i] = i % 5 == 4 ? ' ' : 'w';
    }
    word[400] = words[400] = '\0';
    cairo_surface_t *s = grey_picture(800, 600);
    draw(s, word, words);
    assert_true(count(s, 0, 0, 800, 240).white > 2000);
    assert_true(count(s, 0, 360, 800, 600).white > 2000);
    assert_int_equal(count(s, 0, 240, 800, 360).any, 0);
    cairo_surface_destroy(s);
}

/* Random characters from everywhere in Unicode. */
static void test_random(void **state)
{
    (void)state;
    uint64_t seed = 0x74657874;
    for (int round = 0; round < 60; round++) {
        char text[4 * 40 + 1], *at = text;
        for (int i = 0; i < 40; i++) {
            uint32_t range = next_random(&seed) % 4, c;
            do
                c = next_random(&seed) % (range == 0   ? 0x80u
                                          : range == 1 ? 0x3000u
                                          : range == 2 ? 0x10000u
                                                       : 0x110000u);
            while (c == 0 || (c >= 0xd800 && c < 0xe000));
            if (c < 0x80)
                *at++ = (char)c;
            else if (c < 0x800)
                *at++ = (char)(0xc0 | c >> 6);
            else if (c < 0x10000)
                *at++ = (char)(0xe0 | c >> 12);
            else
                *at++ = (char)(0xf0 | c >> 18);
            for (int left = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3; left > 0; left--)
                *at++ = (char)(0x80 | (c >> 6 * (left - 1) & 0x3f));
        }
        *at = '\0';
        cairo_surface_t *s = grey_picture(160, 120);
        draw(s, text, text);
        cairo_surface_destroy(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_appears), cmocka_unit_test(test_centred), cmocka_unit_test(test_capitals),
        cmocka_unit_test(test_strange), cmocka_unit_test(test_longest), cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
