/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes the meme service from body to JPEG.
 *
 * The first byte chooses the way in: even, the rest is the body of POST /meme; odd, the
 * rest is two texts, each ended by a NUL, and then a picture file, which spares the fuzzer
 * from learning base64. Limits are small, so that a run is quick.
 * -detect_leaks=0 makes it several times quicker; the unit tests look for leaks.
 */
#include "app/meme_render.h"

#include <stdlib.h>
#include <string.h>

#include <glib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

/* What fontconfig keeps for the life of the process; it does not grow. */
const char *__lsan_default_suppressions(void);
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void)
{
    return "leak:libfontconfig.so";
}

/* Cuts a NUL-terminated text of valid UTF-8 off the input. Gives a string for g_free. */
static char *take_text(const uint8_t **data, size_t *bytes)
{
    const uint8_t *end = memchr(*data, 0, *bytes);
    size_t n = end != NULL ? (size_t)(end - *data) : *bytes;
    char *text = g_utf8_make_valid((const char *)*data, (gssize)(n < 100 ? n : 100));
    *data += end != NULL ? n + 1 : n;
    *bytes -= end != NULL ? n + 1 : n;
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct meme_options opt = meme_options_default();
    struct meme_error err = {0};
    uint8_t *jpeg = NULL;
    size_t jpeg_bytes = 0;
    opt.limits.max_body_bytes = opt.limits.max_image_bytes = 1 << 16;
    opt.limits.max_pixels = 1 << 18;
    opt.limits.max_work_bytes = 4 << 20;
    opt.limits.max_text_chars = 100;
    opt.max_output_side = 128;
    if (bytes == 0)
        return 0;

    bool is_body = *data++ % 2 == 0, ok;
    bytes--;
    if (is_body) {
        ok = meme_render(data, bytes, &opt, &jpeg, &jpeg_bytes, &err);
    } else {
        char *top = take_text(&data, &bytes), *bottom = take_text(&data, &bytes);
        ok = meme_render_image(data, bytes, top, bottom, &opt, &jpeg, &jpeg_bytes, &err);
        g_free(top);
        g_free(bottom);
    }
    char *json = ok ? NULL : meme_error_json(&err, NULL);
    if (ok != (jpeg != NULL) || ok != (json == NULL) || err.status == 500)
        abort();
    free(json);
    free(jpeg);
    return 0;
}
