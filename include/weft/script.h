/* SPDX-License-Identifier: MIT */
/*
 * Packet scripts: a conversation with one stack, segment by segment and to the
 * microsecond, in virtual time. weft-script(5) describes the form.
 *
 *     +0  < S 0:0(0) win 65535 <mss 1000>
 *     +0  > S. 0:0(0) ack 1 <mss 1460>
 *     +.1 < . 1:1(0) ack 1
 *
 * Not included by weft.h.
 */
#ifndef WEFT_SCRIPT_H
#define WEFT_SCRIPT_H

#include <stdio.h>

#include <weft/inspect.h>
#include <weft/types.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct weft_script;

/*
 * Reads a script and what it includes. Gives the script. Returns 0,
 * WEFT_E_NOMEM, WEFT_E_NOTFOUND, WEFT_E_IO, or WEFT_E_BADFORMAT; `why`, of
 * `why_size` bytes, then says what is wrong as "FILE:LINE: sentence".
 */
int weft_script_read(const char *path, struct weft_script **script, char *why, size_t why_size);

/* The same of `len` bytes of text in memory; `name` stands for its path in messages, and files that it
 * includes are looked for beside that. Borrows `text` for the call. */
int weft_script_parse(const char *name, const char *text, size_t len, struct weft_script **script, char *why,
                      size_t why_size);

void weft_script_free(struct weft_script *script);

/* Changes settings as `config` lines of the script would, which they take the place of: "NAME VALUE, …".
 * Returns 0 or WEFT_E_BADFORMAT; `why` as above. */
int weft_script_config(struct weft_script *script, const char *settings, char *why, size_t why_size);

/* How a script is run. All zero: silently. */
struct weft_script_options {
    FILE *trace;                /* every packet and decision as it comes; NULL: none */
    struct weft_pcapng *pcapng; /* the packets go there, too, as interface 1; NULL: nowhere */
    weft_time tolerance;        /* by how much a segment may come early or late; 0: to the microsecond */
};

/*
 * Runs a script against a stack of its own. What goes wrong is told to `report`
 * (NULL: nobody): where in the script, what was expected, what came, and what
 * passed before. Returns 0 when everything went as written, WEFT_E_PROTO when
 * not, or WEFT_E_NOMEM. `options` may be NULL.
 */
int weft_script_run(const struct weft_script *script, const struct weft_script_options *options,
                    FILE *report);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
