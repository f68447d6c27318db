/* SPDX-License-Identifier: MIT */
/* What is known of a connection that hangs (run.h). */
#include <inttypes.h>

#include <weft/inspect.h>

#include "lab/run.h"

#define LAST_EVENTS 24 /* ours: as many as a screen takes beside the rest */

static void show_info(const struct lab_end *end, const char *host, weft_time begin, FILE *out)
{
    struct weft_tcp_info i;

    lab_end_info(end, &i);
    fprintf(out,
            "  %s (%s): %s, %" PRIu64 " of %" PRIu64 " bytes written, %" PRIu64
            " read%s%s%s, last progress at %.6f s\n",
            end->which ? "server" : "client", host,
            end->is_closed ? "closed"
            : end->sock    ? weft_tcp_state_name(i.state)
                           : "not open",
            end->sent, end->goal, end->received, end->has_shut ? ", has shut down" : "",
            end->has_eof ? ", has read to the end" : "", end->error ? ", failed" : "",
            end->progress_at ? (double)(end->progress_at - begin) / 1e6 : 0);
    if (!end->sock)
        return;
    fprintf(out,
            "    held by: %s, since %.6f s; cwnd %" PRIu32 " ssthresh %" PRIu32 " in flight %" PRIu32
            " unacked %" PRIu32 " unsent %" PRIu32 "\n",
            weft_tcp_limit_text(i.limit), (double)(i.limit_since - begin) / 1e6, i.cwnd, i.ssthresh,
            i.in_flight, i.unacked, i.unsent);
    fprintf(out,
            "    peer's window %" PRIu32 ", ours %" PRIu32 ", unread %" PRIu32 ", out of order %" PRIu32
            "; mss %" PRIu32 "; srtt %.6f s, rto %.6f s; %" PRIu32 " timeouts, %" PRIu64 " segments again\n",
            i.snd_wnd, i.rcv_wnd, i.unread, i.held, i.snd_mss, (double)i.srtt / 1e6, (double)i.rto / 1e6,
            i.timeouts, i.segs_retransmitted);
}

/* The last events of one connection, oldest first. */
static void show_events(const struct lab_end *end, weft_time begin, FILE *out)
{
    struct weft_trace_record batch[64], last[LAST_EVENTS];
    uint64_t cursor = 0, lost = 0, count = 0;
    struct weft_tcp_info info;
    unsigned n;

    lab_end_info(end, &info);
    while ((n = weft_trace_read(end->stack, &cursor, batch, 64, &lost)) > 0)
        for (unsigned i = 0; i < n; i++)
            if (batch[i].conn == info.conn && info.conn)
                last[count++ % LAST_EVENTS] = batch[i];
    for (uint64_t i = count > LAST_EVENTS ? count - LAST_EVENTS : 0; i < count; i++) {
        char text[WEFT_TRACE_TEXT];
        const struct weft_trace_record *record = &last[i % LAST_EVENTS];

        fprintf(out, "    %12.6f %s\n", (double)(int64_t)(record->time - begin) / 1e6,
                weft_trace_text(record, text));
    }
}

void lab_diagnose(const struct lab_run *run, const struct lab_conn *conn, FILE *out)
{
    if (!out)
        return;
    fprintf(out, "flow %s, connection %u, at %.6f s:\n", conn->flow->flow->name, conn->number,
            (double)(run->end - run->begin) / 1e6);
    for (unsigned which = 0; which < 2; which++) {
        const struct lab_end *end = &conn->end[which];

        show_info(end, run->scenario->node[conn->flow->flow->node[which]].name, run->begin, out);
        show_events(end, run->begin, out);
    }
}
