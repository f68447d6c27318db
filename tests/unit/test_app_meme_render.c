/* SPDX-License-Identifier: MIT */
/* The meme service from body to JPEG, the sample picture and the page. */
#include "test_app_meme_make.h"

#include "app/meme_image.h"
#include "app/meme_page.h"
#include "app/meme_render.h"
#include "app/meme_sample.h"

#include <jansson.h>

static char *make_body(struct file image, const char *top, const char *bottom)
{
    char *base64 = to_base64(image);
    json_t *root = json_pack("{s:s, s:s, s:s}", "image", base64, "topText", top, "bottomText", bottom);
    char *body = json_dumps(root, 0);
    json_decref(root);
    free(base64);
    assert_non_null(body);
    return body;
}

static bool render(const char *body, const struct meme_options *opt, struct file *jpeg,
                   struct meme_error *err)
{
    if (meme_render(body, strlen(body), opt, &jpeg->data, &jpeg->bytes, err))
        return true;
    if (err->reason == MEME_NO_FONTS)
        skip();
    assert_null(jpeg->data);
    return false;
}

static cairo_surface_t *reopen(struct file jpeg)
{
    struct meme_options opt = meme_options_default();
    struct meme_error err = {0};
    cairo_surface_t *s = NULL;
    if (!meme_image_decode(jpeg.data, jpeg.bytes, &opt, &s, &err))
        fail_msg("the result is not a JPEG: %s", err.message);
    return s;
}

/* Takes the image. */
static void expect_meme(struct file image, int w, int h)
{
    struct meme_options opt = meme_options_default();
    struct meme_error err = {0};
    struct file jpeg = {0};
    char *body = make_body(image, "top text", "bottom text");
    if (!render(body, &opt, &jpeg, &err))
        fail_msg("%s", err.message);
    assert_memory_equal(jpeg.data, "\xff\xd8\xff", 3);
    assert_memory_equal(jpeg.data + jpeg.bytes - 2, "\xff\xd9", 2);
    cairo_surface_t *s = reopen(jpeg);
    assert_int_equal(cairo_image_surface_get_width(s), w);
    assert_int_equal(cairo_image_surface_get_height(s), h);
    cairo_surface_destroy(s);
    file_free(&jpeg);
    file_free(&image);
    free(body);
}

static void test_formats(void **state)
{
    (void)state;
    struct file exif = make_exif(6, 0);
    expect_meme(make_png(320, 200, PNG_COLOR_TYPE_RGBA, 8, 0, 100), 320, 200);
    expect_meme(make_png(320, 200, PNG_COLOR_TYPE_GRAY, 16, 1, 255), 320, 200);
    expect_meme(make_jpeg(320, 200, 3, 0, exif), 200, 320);
    expect_meme(make_jpeg(320, 200, 4, 1, (struct file){0}), 320, 200);
    expect_meme(make_webp(320, 200, 0, 255), 320, 200);
    expect_meme(make_png(1, 1, PNG_COLOR_TYPE_RGB, 8, 0, 255), 1, 1);
    expect_meme(make_png(3000, 1500, PNG_COLOR_TYPE_RGB, 8, 0, 255), 2048, 1024);
    file_free(&exif);
}

/* One failure of each step; the steps have their own tests. And what the client sees is JSON. */
static void test_failures(void **state)
{
    (void)state;
    struct meme_options opt = meme_options_default();
    struct file gif = {0}, cut = make_png(40, 24, PNG_COLOR_TYPE_RGB, 8, 0, 255);
    file_add(&gif, "GIF89a...", 9);
    cut.bytes -= 20;
    char *bodies[] = {strdup("{\"image\": 7}"), make_body(gif, "", ""), make_body(cut, "", "")};
    static const char *const codes[] = {"wrong_type", "unsupported_image", "corrupt_image"};
    static const int statuses[] = {400, 415, 422};
    for (int i = 0; i < 3; i++) {
        struct meme_error err = {0};
        struct file jpeg = {0};
        assert_false(render(bodies[i], &opt, &jpeg, &err));
        assert_int_equal(err.status, statuses[i]);
        char *text = meme_error_json(&err, NULL);
        json_t *root = json_loads(text, 0, NULL), *error = json_object_get(root, "error");
        assert_string_equal(json_string_value(json_object_get(error, "code")), codes[i]);
        assert_true(json_string_length(json_object_get(error, "message")) > 20);
        json_decref(root);
        free(text);
        free(bodies[i]);
    }
    file_free(&gif);
    file_free(&cut);
}

/* The same request gives the same bytes, and better quality gives more of them. */
static void test_repeatable(void **state)
{
    (void)state;
    struct meme_options opt = meme_options_default();
    struct meme_error err;
    struct file image = make_png(200, 150, PNG_COLOR_TYPE_RGB, 8, 0, 255), a = {0}, b = {0}, c = {0};
    char *body = make_body(image, "again", "and again");
    assert_true(render(body, &opt, &a, &err) && render(body, &opt, &b, &err));
    assert_int_equal(a.bytes, b.bytes);
    assert_memory_equal(a.data, b.data, a.bytes);
    opt.jpeg_quality = 20;
    assert_true(render(body, &opt, &c, &err));
    assert_true(c.bytes < a.bytes);
    file_free(&a);
    file_free(&b);
    file_free(&c);
    file_free(&image);
    free(body);
}

static void test_sample(void **state)
{
    (void)state;
    struct meme_error err;
    struct file a = {0}, b = {0};
    assert_true(meme_sample(&a.data, &a.bytes, &err));
    assert_true(meme_sample(&b.data, &b.bytes, &err));
    assert_int_equal(a.bytes, b.bytes);
    assert_memory_equal(a.data, b.data, a.bytes);
    assert_in_range(a.bytes, 20000, 200000);
    cairo_surface_t *s = reopen(a);
    assert_int_equal(cairo_image_surface_get_width(s), 800);
    assert_int_equal(cairo_image_surface_get_height(s), 600);
    cairo_surface_destroy(s);
    file_free(&a);
    file_free(&b);
}

/* The page is whole: it loads nothing from anywhere else. */
static void test_page(void **state)
{
    (void)state;
    const char *page = (const char *)meme_page;
    assert_int_equal(strlen(page), meme_page_bytes);
    assert_memory_equal(page, "<!DOCTYPE html>", 15);
    assert_null(strstr(page, "https:"));
    assert_null(strstr(page, "<script src"));
    assert_null(strstr(page, "@import"));
    assert_non_null(strstr(page, "</html>"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats), cmocka_unit_test(test_failures), cmocka_unit_test(test_repeatable),
        cmocka_unit_test(test_sample),  cmocka_unit_test(test_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
