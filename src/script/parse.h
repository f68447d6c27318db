/* SPDX-License-Identifier: MIT */
/* Reading a script: what its files share. */
#ifndef WEFT_SCRIPT_PARSE_H
#define WEFT_SCRIPT_PARSE_H

#include "script/scan.h"
#include "script/script.h"

/* What stands behind '<' or '>' up to the end of the line. False when scan_fail has said what is wrong. */
bool script_parse_packet(struct scan *s, bool incoming, struct script_packet *out);

/* A call, from its word on; `sock` is the name before it, or "". Returns 1; 0 when the word is no call; -1
 * when scan_fail has said what is wrong. */
int script_parse_call(struct scan *s, const char *word, const char *sock, struct script_call *out);

/* What follows `expect`; `sock` as above. */
bool script_parse_expect(struct scan *s, const char *sock, struct script_expect *out);

/* Copies a name into SCRIPT_NAME bytes. */
void script_name_copy(char to[SCRIPT_NAME], const char *name);

#endif
