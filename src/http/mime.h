/* SPDX-License-Identifier: MIT */
/*
 * Media types by the ends of file names (RFC 9110 8.3.1).
 *
 * Owns    the table.
 * Never   looks into a file.
 */
#ifndef WEFT_HTTP_MIME_H
#define WEFT_HTTP_MIME_H

/* The value of Content-Type for a file called `name`: text is taken to be UTF-8, what is not known to be octets. */
const char *http_mime_type(const char *name);

#endif
