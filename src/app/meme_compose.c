/* SPDX-License-Identifier: MIT */
/*
 * Base64 (RFC 4648 4) in JSON.
 */
#include "app/meme_compose.h"

#include <jansson.h>
#include <stdlib.h>

/* The text of `len` bytes with its NUL, to be freed; NULL: no memory. */
static char *encode_base64(const uint8_t *from, size_t len)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *text = malloc((len + 2) / 3 * 4 + 1), *to = text;

    if (!text)
        return NULL;
    for (size_t i = 0; i < len; i += 3) {
        size_t have = len - i < 3 ? len - i : 3;
        uint32_t group = (uint32_t)from[i] << 16;

        group |= have > 1 ? (uint32_t)from[i + 1] << 8 : 0;
        group |= have > 2 ? from[i + 2] : 0;
        *to++ = digits[group >> 18];
        *to++ = digits[group >> 12 & 63];
        *to++ = have > 1 ? digits[group >> 6 & 63] : '=';
        *to++ = have > 2 ? digits[group & 63] : '=';
    }
    *to = '\0';
    return text;
}

char *meme_compose(const uint8_t *image, size_t image_bytes, const char *top, const char *bottom)
{
    char *base64 = encode_base64(image, image_bytes);
    char *text = NULL;
    json_t *json;

    if (!base64)
        return NULL;
    json = json_pack("{s:s, s:s, s:s}", "topText", top, "bottomText", bottom, "image", base64);
    if (json)
        text = json_dumps(json, JSON_PRESERVE_ORDER);
    json_decref(json);
    free(base64);
    return text;
}
