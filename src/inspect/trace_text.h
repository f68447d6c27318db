/* SPDX-License-Identifier: MIT */
/* Trace records as text, for those who know where the sequence numbers of a connection begin. */
#ifndef WEFT_INSPECT_TRACE_TEXT_H
#define WEFT_INSPECT_TRACE_TEXT_H

#include <weft/inspect.h>

/* What is shown as 0 of either direction. */
struct inspect_bases {
    bool has_ours, has_peers;
    uint32_t ours, peers;
};

/* As weft_trace_text with relative sequence numbers and without the connection's number; `bases`
 * may be NULL. */
const char *inspect_trace_text_relative(const struct weft_trace_record *record,
                                        const struct inspect_bases *bases, char *buf);

#endif
