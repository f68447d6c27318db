/* SPDX-License-Identifier: MIT */
/*
 * Errors of the meme service: recording them and showing them as JSON.
 *
 * Owns    the table from reason to HTTP status and word.
 * Never   lets bytes that a client sent reach an answer without being checked:
 *         parsers quote the offending input, and that may be anything.
 */
#include "app/meme_error.h"

#include <glib.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    int status;
    const char *word;
} reasons[] = {[MEME_OK] = {200, "ok"},
#define X(name, status, word) [MEME_##name] = {status, word},
               MEME_ERROR_LIST(X)
#undef X
};

/*
 * Makes any bytes presentable: valid UTF-8 without control characters. A character that the buffer's end
 * cut is dropped.
 */
static void clean(char *text, bool was_cut)
{
    const char *bad = NULL;
    char *at = text;
    while (!g_utf8_validate(at, -1, &bad)) {
        at = text + (bad - text);
        if (was_cut && g_utf8_get_char_validated(at, -1) == (gunichar)-2)
            *at = '\0';
        else
            *at++ = '?';
    }
    for (at = text; *at != '\0'; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            *at = '?';
}

bool meme_fail(struct meme_error *err, enum meme_reason reason, const char *format, ...)
{
    if (err == NULL)
        return false;
    err->reason = reason;
    err->status = reasons[reason].status;
    err->code = reasons[reason].word;

    va_list args;
    va_start(args, format);
    int wanted = vsnprintf(err->message, sizeof err->message, format, args);
    va_end(args);
    if (wanted < 0)
        err->message[0] = '\0';
    clean(err->message, wanted >= (int)sizeof err->message);
    return false;
}

char *meme_error_json(const struct meme_error *err, size_t *len)
{
    json_t *body = json_pack("{s:{s:s, s:s}}", "error", "code", err->code, "message", err->message);
    char *text = body ? json_dumps(body, JSON_COMPACT | JSON_PRESERVE_ORDER) : NULL;
    json_decref(body);
    if (text != NULL && len != NULL)
        *len = strlen(text);
    return text;
}
