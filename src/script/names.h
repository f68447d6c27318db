/* SPDX-License-Identifier: MIT */
/*
 * The names that scripts use for what the public headers declare. The tables
 * are made by scripts/script-names.py from these headers.
 */
#ifndef WEFT_SCRIPT_NAMES_H
#define WEFT_SCRIPT_NAMES_H

#include <weft/types.h>

enum script_field_kind {
    SCRIPT_BOOL,
    SCRIPT_UINT,
    SCRIPT_TEXT, /* const char * */
};

struct script_field {
    const char *name; /* NULL ends a table */
    enum script_field_kind kind;
    size_t offset, size;
};

struct script_value {
    const char *name; /* "nodelay"; NULL ends the table */
    int value;
};

extern const struct script_field script_config_fields[]; /* of struct weft_tcp_config */
extern const struct script_field script_info_fields[];   /* of struct weft_tcp_info */
extern const struct script_value script_options[];       /* enum weft_sockopt */
extern const struct script_value script_events[];        /* enum weft_sock_event */
extern const struct script_value script_send_flags[];    /* enum weft_send_flag */

/* The index of a field in its table, or -1; the value of a name, or -1. */
int script_field_find(const struct script_field *table, const char *name);
int script_value_find(const struct script_value *table, const char *name);

/* Writes a value into a field that is no text. Returns false when it does not fit there. */
bool script_field_set(const struct script_field *field, void *structure, int64_t value);
int64_t script_field_get(const struct script_field *field, const void *structure);

/* Numbers of names as the headers have them ("SYN_SENT", "TCP_PAWS", "CONNRESET"), or -1; for an error its
 * code, or 1. A '-' stands for '_'. */
int script_state_find(const char *name);
int script_limit_find(const char *name);
int script_drop_find(const char *name);
int script_counter_find(const char *name);
int script_error_find(const char *name);

#endif
