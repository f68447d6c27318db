/* SPDX-License-Identifier: MIT */
/*
 * Why a meme could not be made, as a value.
 *
 * Owns    the one error type of the meme service and its rendering as the JSON
 *         body of an HTTP answer.
 * Never   prints, allocates while an error is being recorded, or keeps state.
 *
 * Every function of the meme service that can fail returns bool: true is
 * success; false means that it has filled the struct meme_error it was given.
 * On success the struct is left as it was.
 */
#ifndef WEFT_APP_MEME_ERROR_H
#define WEFT_APP_MEME_ERROR_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The words a program may test for, with the HTTP status that goes with each
 * (RFC 9110 section 15). The list is the contract: words are added, never
 * renamed. A front end that has its own reasons to refuse (wrong method, too
 * busy) adds its own words beside these.
 */
#define MEME_ERROR_LIST(X)                                                                                   \
    /* the request */                                                                                        \
    X(BAD_JSON, 400, "bad_json")             /* not JSON, or not an object */                                \
    X(MISSING_FIELD, 400, "missing_field")   /* no "image" */                                                \
    X(UNKNOWN_FIELD, 400, "unknown_field")   /* a field we would have to ignore */                           \
    X(WRONG_TYPE, 400, "wrong_type")         /* a field is not a string */                                   \
    X(BAD_DATA_URL, 400, "bad_data_url")     /* "data:" but not base64 */                                    \
    X(BAD_BASE64, 400, "bad_base64")         /* RFC 4648 section 4 */                                        \
    X(EMPTY_IMAGE, 400, "empty_image")       /* no bytes in "image" */                                       \
    X(BODY_TOO_LARGE, 413, "body_too_large") /* bytes of JSON */                                             \
    X(TEXT_TOO_LONG, 413, "text_too_long")   /* characters of one text */                                    \
    /* the picture */                                                                                        \
    X(IMAGE_TOO_LARGE, 413, "image_too_large")     /* bytes, sides, pixels, memory */                        \
    X(UNSUPPORTED_IMAGE, 415, "unsupported_image") /* not JPEG, PNG or still WebP */                         \
    X(CORRUPT_IMAGE, 422, "corrupt_image")         /* truncated or damaged */                                \
    /* ourselves */                                                                                          \
    X(NO_FONTS, 500, "no_fonts") /* nothing to draw text with */                                             \
    X(OUT_OF_MEMORY, 503, "out_of_memory")                                                                   \
    X(INTERNAL, 500, "internal") /* a library failed; a defect of ours */

enum meme_reason {
    MEME_OK,
#define X(name, status, word) MEME_##name,
    MEME_ERROR_LIST(X)
#undef X
};

struct meme_error {
    enum meme_reason reason;
    int status;        /* HTTP status code to answer with */
    const char *code;  /* the stable word, static storage */
    char message[240]; /* one English sentence, valid UTF-8, no newline */
};

/*
 * Records a failure: the status and word of `reason`, and a sentence.
 * Borrows err (may be NULL: nothing is recorded), format and its arguments.
 * A sentence that is too long is cut at a character; bytes that are not UTF-8
 * and control characters become '?'.
 * Returns false always, so that a caller can write `return meme_fail(...)`.
 */
bool meme_fail(struct meme_error *err, enum meme_reason reason, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * Renders an error as `{"error": {"code": ..., "message": ...}}`.
 * Borrows err. Gives a NUL-terminated string to be released with free(), and
 * its length in *len when len is not NULL.
 * Returns NULL when memory is short; then answer with the status and no body.
 */
char *meme_error_json(const struct meme_error *err, size_t *len);

#endif
