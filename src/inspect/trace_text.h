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

/* As weft_trace_text without the connection's number, with sequence numbers relative to `bases` (NULL:
 * absolute) and moments relative to `start`. */
const char *inspect_trace_text_relative(const struct weft_trace_record *record,
                                        const struct inspect_bases *bases, weft_time start, char *buf);

#endif
