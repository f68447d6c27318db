/* SPDX-License-Identifier: MIT */
/*
 * Reading the body of POST /meme.
 *
 * Owns    the JSON fields and the base64 decoder.
 * Trust   nothing. The order is: size of the body, number of its values, JSON, types,
 *         length of each text, then the image's characters. A tree of tiny values takes
 *         some hundred times the memory of its text: that is why they are counted before
 *         any is made. What remains, strings, takes a few times the body, which is bounded.
 *         Every message says which field, and where in it.
 */
#include "app/meme_request.h"

#include <glib.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *type_name(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
    case JSON_REAL:
        return "a number";
    case JSON_TRUE:
    case JSON_FALSE:
        return "a boolean";
    case JSON_NULL:
        break;
    }
    return "null";
}

/* --- base64, RFC 4648 section 4 --- */

enum { B64_BAD = 64, B64_SKIP = 65 };

static unsigned base64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (unsigned)(c - 'A');
    if (c >= 'a' && c <= 'z')
        return (unsigned)(c - 'a') + 26;
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0') + 52;
    if (c == '+')
        return 62;
    if (c == '/')
        return 63;
    /* Only line ends are skipped. A space is an error: a '+' turns into one in a form decoded twice. */
    return c == '\r' || c == '\n' ? B64_SKIP : B64_BAD;
}

static bool bad_character(struct meme_error *err, const char *text, size_t len, size_t at)
{
    unsigned char c = (unsigned char)text[at];
    if (c < 0x80)
        return meme_fail(err, MEME_BAD_BASE64,
                         c > 0x20 && c < 0x7f
                             ? "\"image\" is not base64: unexpected '%c' at offset %zu"
                             : "\"image\" is not base64: unexpected byte 0x%02x at offset %zu",
                         c, at);
    gunichar u = g_utf8_get_char_validated(text + at, (gssize)(len - at));
    return meme_fail(err, MEME_BAD_BASE64,
                     "\"image\" is not base64: unexpected character U+%04X at offset %zu", u, at);
}

/* Checks what follows the first '=': exactly as many as the last group of four lacks, and nothing else. */
static bool check_padding(const char *text, size_t len, size_t at, size_t digits, struct meme_error *err)
{
    size_t wanted = (4 - digits % 4) % 4, seen = 0, first = at;
    if (wanted == 0 || wanted == 3)
        return meme_fail(err, MEME_BAD_BASE64,
                         "\"image\" is not base64: no padding '=' may stand at offset %zu", at);
    for (; at < len; at++) {
        if (text[at] == '=' && seen < wanted)
            seen++;
        else if (base64_value(text[at]) != B64_SKIP)
            return meme_fail(err, MEME_BAD_BASE64,
                             "\"image\" is not base64: data after its end at offset %zu", at);
    }
    if (seen < wanted)
        return meme_fail(err, MEME_BAD_BASE64,
                         "\"image\" is not base64: the padding at offset %zu needs %zu '=' and has %zu",
                         first, wanted, seen);
    return true;
}

/*
 * Decodes text[start..len) into out, which has room for three bytes per four
 * characters, rounded up. Offsets in messages count from the start of the field, so
 * that they fit what the client sent, "data:" prefix and all.
 */
static bool base64_decode(const char *text, size_t start, size_t len, uint8_t *out, size_t *out_bytes,
                          struct meme_error *err)
{
    size_t digits = 0, n = 0, at = start;
    uint32_t bits = 0;
    for (; at < len && text[at] != '='; at++) {
        unsigned value = base64_value(text[at]);
        if (value == B64_SKIP)
            continue;
        if (value == B64_BAD)
            return bad_character(err, text, len, at);
        bits = bits << 6 | value;
        if (++digits % 4 != 0)
            continue;
        out[n++] = (uint8_t)(bits >> 16);
        out[n++] = (uint8_t)(bits >> 8);
        out[n++] = (uint8_t)bits;
    }
    if (at < len && !check_padding(text, len, at, digits, err))
        return false;
    if (at == len && digits % 4 != 0)
        return meme_fail(err, MEME_BAD_BASE64,
                         "\"image\" is not base64: it ends at offset %zu inside a group of four characters",
                         len);
    if (digits % 4 >= 2)
        out[n++] = (uint8_t)(digits % 4 == 2 ? bits >> 4 : bits >> 10);
    if (digits % 4 == 3)
        out[n++] = (uint8_t)(bits >> 2);
    *out_bytes = n;
    return true;
}

/* --- fields --- */

/* Finds where the base64 starts. A data URL (RFC 2397) must be of an image and in base64. */
static bool skip_data_url(const char *text, size_t len, size_t *start, struct meme_error *err)
{
    enum { LONGEST_PREFIX = 200 }; /* ours: a media type with parameters is far shorter */
    static const char scheme[] = "data:", type[] = "data:image/", last[] = ";base64";
    *start = 0;
    if (len < sizeof scheme - 1 || strncasecmp(text, scheme, sizeof scheme - 1) != 0)
        return true;
    const char *comma = memchr(text, ',', len < LONGEST_PREFIX ? len : LONGEST_PREFIX);
    if (comma == NULL)
        return meme_fail(err, MEME_BAD_DATA_URL,
                         "\"image\" starts like a data URL but has no ',' before its data");
    if (strncasecmp(text, type, sizeof type - 1) != 0)
        return meme_fail(err, MEME_BAD_DATA_URL, "\"image\" is a data URL of something that is not an image");
    size_t head = (size_t)(comma - text);
    if (head < sizeof last - 1 || strncasecmp(comma - (sizeof last - 1), last, sizeof last - 1) != 0)
        return meme_fail(err, MEME_BAD_DATA_URL, "\"image\" is a data URL that is not in base64");
    *start = head + 1;
    return true;
}

static bool take_image(const json_t *value, const struct meme_limits *limits, struct meme_request *out,
                       struct meme_error *err)
{
    const char *text = json_string_value(value);
    size_t len = json_string_length(value), start;
    if (!skip_data_url(text, len, &start, err))
        return false;

    size_t room = (len - start) / 4 * 3 + 3;
    out->image = malloc(room);
    if (out->image == NULL)
        return meme_fail(err, MEME_OUT_OF_MEMORY, "not enough memory for the image's %zu bytes", room);
    if (!base64_decode(text, start, len, out->image, &out->image_bytes, err))
        return false;
    if (out->image_bytes == 0)
        return meme_fail(err, MEME_EMPTY_IMAGE, "\"image\" holds no data");
    if (out->image_bytes > limits->max_image_bytes)
        return meme_fail(err, MEME_IMAGE_TOO_LARGE, "\"image\" has %zu bytes; at most %zu are accepted",
                         out->image_bytes, limits->max_image_bytes);
    return true;
}

/*
 * Copies a text field. JSON may say \u0000, which a C string cannot: such
 * characters are dropped here, as meme_text drops every other control character.
 */
static bool take_text(const char *field, const json_t *value, const struct meme_limits *limits, char **out,
                      struct meme_error *err)
{
    const char *text = value ? json_string_value(value) : "";
    size_t len = value ? json_string_length(value) : 0;
    size_t chars = (size_t)g_utf8_strlen(text, (gssize)len);
    if (chars > limits->max_text_chars)
        return meme_fail(err, MEME_TEXT_TOO_LONG, "\"%s\" has %zu characters; at most %zu are accepted",
                         field, chars, limits->max_text_chars);
    *out = malloc(len + 1);
    if (*out == NULL)
        return meme_fail(err, MEME_OUT_OF_MEMORY, "not enough memory for \"%s\"", field);
    size_t n = 0;
    for (size_t i = 0; i < len; i++)
        if (text[i] != '\0')
            (*out)[n++] = text[i];
    (*out)[n] = '\0';
    return true;
}

static bool check_fields(json_t *root, struct meme_error *err)
{
    static const char *const known[] = {"image", "topText", "bottomText"};
    const char *key;
    json_t *value;
    if (!json_is_object(root))
        return meme_fail(err, MEME_BAD_JSON, "the body must be a JSON object, and is %s", type_name(root));
    json_object_foreach(root, key, value)
    {
        bool found = false;
        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
            found |= strcmp(key, known[i]) == 0;
        if (!found)
            return meme_fail(
                err, MEME_UNKNOWN_FIELD,
                "there is no field \"%.40s\"; the fields are \"image\", \"topText\" and \"bottomText\"", key);
        if (!json_is_string(value))
            return meme_fail(err, MEME_WRONG_TYPE, "\"%s\" must be a string, and is %s", key,
                             type_name(value));
    }
    if (json_object_get(root, "image") == NULL)
        return meme_fail(err, MEME_MISSING_FIELD,
                         "the field \"image\" is missing: a JPEG, PNG or WebP file in base64");
    return true;
}

/* Every value of the text but the first stands behind one of these characters, RFC 8259 section 2. */
static bool has_few_values(const char *text, size_t len)
{
    enum {
        MOST_VALUES = 64
    }; /* ours: a request has three, and one that is wrong still gets a precise answer */
    unsigned values = 0;
    bool is_string = false;
    for (size_t i = 0; i < len && values <= MOST_VALUES; i++) {
        if (text[i] == '"')
            is_string = !is_string;
        else if (is_string && text[i] == '\\')
            i++;
        else if (!is_string && (text[i] == '[' || text[i] == '{' || text[i] == ','))
            values++;
    }
    return values <= MOST_VALUES;
}

static bool load_json(const void *body, size_t body_bytes, json_t **root, struct meme_error *err)
{
    json_error_t why;
    if (body_bytes == 0)
        return meme_fail(err, MEME_BAD_JSON, "the body is empty; it must be a JSON object");
    if (!has_few_values(body, body_bytes))
        return meme_fail(err, MEME_BAD_JSON,
                         "the body has far more values than the three fields of a request");
    *root = json_loadb(body, body_bytes, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_ANY, &why);
    if (*root != NULL)
        return true;
    if (json_error_code(&why) == json_error_out_of_memory)
        return meme_fail(err, MEME_OUT_OF_MEMORY, "not enough memory to read the body");
    if (json_error_code(&why) == json_error_invalid_utf8)
        return meme_fail(err, MEME_BAD_JSON, "the body is not valid UTF-8: %s (line %d, column %d)", why.text,
                         why.line, why.column);
    return meme_fail(err, MEME_BAD_JSON, "the body is not JSON: %s (line %d, column %d)", why.text, why.line,
                     why.column);
}

bool meme_request_parse(const void *body, size_t body_bytes, const struct meme_limits *limits,
                        struct meme_request *out, struct meme_error *err)
{
    memset(out, 0, sizeof *out);
    if (body_bytes > limits->max_body_bytes)
        return meme_fail(err, MEME_BODY_TOO_LARGE, "the body has %zu bytes; at most %zu are accepted",
                         body_bytes, limits->max_body_bytes);
    json_t *root = NULL;
    bool ok = load_json(body, body_bytes, &root, err) && check_fields(root, err) &&
              take_text("topText", json_object_get(root, "topText"), limits, &out->top, err) &&
              take_text("bottomText", json_object_get(root, "bottomText"), limits, &out->bottom, err) &&
              take_image(json_object_get(root, "image"), limits, out, err);
    json_decref(root);
    if (!ok)
        meme_request_fini(out);
    return ok;
}

void meme_request_fini(struct meme_request *req)
{
    free(req->image);
    free(req->top);
    free(req->bottom);
    memset(req, 0, sizeof *req);
}
