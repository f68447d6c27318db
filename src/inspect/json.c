/* SPDX-License-Identifier: MIT */
/* JSON for a script element (json.h). Errors of the stream are asked for at the end, by whoever opened it. */
#include "inspect/json.h"

#include <inttypes.h>
#include <string.h>

#include "inspect/text.h"

static void put_character(FILE *out, uint32_t c)
{
    if (c < 0x20 || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' || c == 0x7f) {
        (void)fprintf(out, "\\u%04" PRIx32, c);
    } else if (c < 0x80) {
        (void)fputc((int)c, out);
    } else if (c < 0x800) {
        (void)fprintf(out, "%c%c", (int)(0xc0 | c >> 6), (int)(0x80 | (c & 0x3f)));
    } else if (c < 0x10000) {
        (void)fprintf(out, "%c%c%c", (int)(0xe0 | c >> 12), (int)(0x80 | (c >> 6 & 0x3f)),
                      (int)(0x80 | (c & 0x3f)));
    } else {
        (void)fprintf(out, "%c%c%c%c", (int)(0xf0 | c >> 18), (int)(0x80 | (c >> 12 & 0x3f)),
                      (int)(0x80 | (c >> 6 & 0x3f)), (int)(0x80 | (c & 0x3f)));
    }
}

static void begin_value(struct inspect_json *j, const char *key)
{
    if (j->needs_comma)
        (void)fputc(',', j->out);
    j->needs_comma = true;
    if (key)
        (void)fprintf(j->out, "\"%s\":", key);
}

void inspect_json_open(struct inspect_json *j, const char *key, char bracket)
{
    begin_value(j, key);
    (void)fputc(bracket, j->out);
    j->needs_comma = false;
}

void inspect_json_close(struct inspect_json *j, char bracket)
{
    (void)fputc(bracket, j->out);
    j->needs_comma = true;
}

void inspect_json_number(struct inspect_json *j, const char *key, int64_t value)
{
    begin_value(j, key);
    (void)fprintf(j->out, "%" PRId64, value);
}

void inspect_json_flag(struct inspect_json *j, const char *key, bool value)
{
    begin_value(j, key);
    (void)fputs(value ? "true" : "false", j->out);
}

void inspect_json_text(struct inspect_json *j, const char *key, const char *text)
{
    if (text) {
        inspect_json_foreign(j, key, (const uint8_t *)text, strlen(text));
        return;
    }
    begin_value(j, key);
    (void)fputs("null", j->out);
}

void inspect_json_foreign(struct inspect_json *j, const char *key, const uint8_t *bytes, size_t len)
{
    begin_value(j, key);
    (void)fputc('"', j->out);
    for (size_t at = 0; at < len;) {
        uint32_t c = 0;
        size_t n = inspect_text_utf8(bytes + at, len - at, &c);

        if (n > 0 && (inspect_text_is_plain(c) || c == '\n' || c == '\t'))
            put_character(j->out, c);
        else if (n == 0 || c != '\r')
            put_character(j->out, 0xfffd);
        at += n > 0 ? n : 1;
    }
    (void)fputc('"', j->out);
}

void inspect_json_base64(struct inspect_json *j, const char *key, const uint8_t *bytes, size_t len)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    begin_value(j, key);
    (void)fputc('"', j->out);
    for (size_t at = 0; at < len; at += 3) {
        size_t left = len - at;
        uint32_t group = (uint32_t)bytes[at] << 16 | (left > 1 ? (uint32_t)bytes[at + 1] << 8 : 0) |
                         (left > 2 ? bytes[at + 2] : 0u);
        char four[4] = {alphabet[group >> 18], alphabet[group >> 12 & 63],
                        left > 1 ? alphabet[group >> 6 & 63] : '=', left > 2 ? alphabet[group & 63] : '='};

        (void)fwrite(four, 1, sizeof(four), j->out);
    }
    (void)fputc('"', j->out);
}
