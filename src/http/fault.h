/* SPDX-License-Identifier: MIT */
/*
 * What can be wrong with a message: one list of names, statuses, texts and the
 * rules they break.
 *
 * Owns    the list. Whoever finds a fault stops reading the message for good:
 *         where it ends is not known any more.
 */
#ifndef WEFT_HTTP_FAULT_H
#define WEFT_HTTP_FAULT_H

/* X(name, status that a server answers, text, source) */
#define HTTP_FAULTS(X)                                                                                       \
    X(START_LINE, 400, "the request line is not method, space, target, space, version", "RFC 9112 3")        \
    X(METHOD, 400, "the method is not a token", "RFC 9110 9.1")                                              \
    X(METHOD_LONG, 501, "the method is longer than any that is known", "RFC 9112 3")                         \
    X(METHOD_UNKNOWN, 501, "the method is not implemented", "RFC 9110 15.6.2")                               \
    X(TARGET_LONG, 414, "the request line is longer than the limit", "RFC 9112 3")                           \
    X(TARGET, 400, "the target holds a character that must be percent-encoded", "RFC 9112 3.2")              \
    X(TARGET_FORM, 400, "the target has not a form that the method allows", "RFC 9112 3.2")                  \
    X(TARGET_ESCAPE, 400, "the path has a percent sign without two hexadecimal digits, or an encoded NUL",   \
      "RFC 3986 2.1")                                                                                        \
    X(TARGET_USER, 400, "the target names a user before its host", "RFC 9110 4.2.4")                         \
    X(TARGET_SCHEME, 421, "the target has a scheme that is not served here", "RFC 9110 7.4")                 \
    X(VERSION, 400, "the version has not the form HTTP/d.d", "RFC 9112 2.3")                                 \
    X(VERSION_MAJOR, 505, "the major version is not 1", "RFC 9110 15.6.6")                                   \
    X(EMPTY_LINES, 400, "too many empty lines before the request line", "RFC 9112 2.2")                      \
    X(LINE_END, 400, "a line does not end with CR LF", "RFC 9112 2.2")                                       \
    X(FOLD, 400, "a field value is folded over several lines", "RFC 9112 5.2")                               \
    X(FIRST_SPACE, 400, "whitespace between the start line and the first field", "RFC 9112 2.2")             \
    X(FIELD_NAME, 400, "a field name is not a token followed by a colon", "RFC 9112 5.1")                    \
    X(FIELD_SPACE, 400, "whitespace between a field name and its colon", "RFC 9112 5.1")                     \
    X(FIELD_VALUE, 400, "a field value holds a control character", "RFC 9110 5.5")                           \
    X(FIELDS_LONG, 431, "the field section is longer than the limit", "RFC 6585 5")                          \
    X(FIELDS_MANY, 431, "there are more field lines than the limit", "RFC 6585 5")                           \
    X(HOST_MISSING, 400, "there is no Host field", "RFC 9112 3.2")                                           \
    X(HOST_TWICE, 400, "there is more than one Host field line", "RFC 9112 3.2")                             \
    X(HOST, 400, "the host is not well-formed", "RFC 9112 3.2")                                              \
    X(LENGTH, 400, "Content-Length is not a decimal number", "RFC 9112 6.3")                                 \
    X(LENGTH_TWICE, 400, "there is more than one Content-Length", "RFC 9110 8.6")                            \
    X(CODING, 400, "Transfer-Encoding is not a list of transfer codings", "RFC 9112 6.1")                    \
    X(CODING_OLD, 400, "Transfer-Encoding in an HTTP/1.0 message", "RFC 9112 6.1")                           \
    X(CODING_LENGTH, 400, "both Transfer-Encoding and Content-Length", "RFC 9112 6.3")                       \
    X(CODING_LAST, 400, "chunked is not the last transfer coding", "RFC 9112 6.3")                           \
    X(CODING_TWICE, 400, "chunked is applied more than once", "RFC 9112 6.1")                                \
    X(CODING_UNKNOWN, 501, "a transfer coding that is not implemented", "RFC 9112 6.1")                      \
    X(EXPECTATION, 417, "an expectation other than 100-continue", "RFC 9110 10.1.1")                         \
    X(BODY_LARGE, 413, "the body is larger than allowed", "RFC 9110 15.5.14")                                \
    X(CHUNK_SIZE, 400, "a chunk does not begin with a size in hexadecimal", "RFC 9112 7.1")                  \
    X(CHUNK_LARGE, 400, "a chunk size that no number here can hold", "RFC 9112 7.1")                         \
    X(CHUNK_EXT, 400, "a chunk extension is malformed", "RFC 9112 7.1.1")                                    \
    X(CHUNK_EXT_LONG, 400, "the chunk extensions are longer than the limit", "RFC 9112 7.1.1")               \
    X(CHUNK_END, 400, "chunk data is not followed by CR LF", "RFC 9112 7.1")                                 \
    X(STATUS_LINE, 502, "the status line is not version, space, three digits, space, reason", "RFC 9112 4")  \
    X(SWITCHED, 502, "the server switched protocols unasked", "RFC 9110 15.2.2")                             \
    X(LENGTH_DIFFER, 502, "Content-Length fields that differ", "RFC 9112 6.3")

enum http_fault {
    HTTP_FAULT_NONE,
#define HTTP_FAULT_ENUM_(name, status, text, source) HTTP_FAULT_##name,
    HTTP_FAULTS(HTTP_FAULT_ENUM_)
#undef HTTP_FAULT_ENUM_
        HTTP_FAULT_COUNT
};

/* Of any fault but NONE. */
unsigned http_fault_status(enum http_fault fault);
const char *http_fault_text(enum http_fault fault);
const char *http_fault_source(enum http_fault fault);

#endif
