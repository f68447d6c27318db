/* SPDX-License-Identifier: MIT */
/*
 * Writing JSON (RFC 8259) that can stand inside of an HTML script element: no
 * '<', '>' or '&' ever appears, nor anything but valid UTF-8.
 */
#ifndef WEFT_INSPECT_JSON_H
#define WEFT_INSPECT_JSON_H

#include <stdio.h>

#include <weft/types.h>

struct inspect_json {
    FILE *out;
    bool needs_comma;
};

/* A key is NULL inside of an array. `bracket` is '{' or '['. */
void inspect_json_open(struct inspect_json *j, const char *key, char bracket);
void inspect_json_close(struct inspect_json *j, char bracket);
void inspect_json_number(struct inspect_json *j, const char *key, int64_t value);
void inspect_json_flag(struct inspect_json *j, const char *key, bool value);

/* A text of ours, or one that is printable already. NULL becomes null. */
void inspect_json_text(struct inspect_json *j, const char *key, const char *text);

/* Bytes of unknown origin as text: lines stay lines, what cannot be shown becomes U+FFFD. */
void inspect_json_foreign(struct inspect_json *j, const char *key, const uint8_t *bytes, size_t len);

/* Bytes as base64 (RFC 4648 4). */
void inspect_json_base64(struct inspect_json *j, const char *key, const uint8_t *bytes, size_t len);

#endif
