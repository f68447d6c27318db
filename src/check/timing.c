/* SPDX-License-Identifier: MIT */
/*
 * Rules about what is not sent: RFC 9293 3.8.6.3, RFC 5681 4.2. They are asked
 * before a frame of the connection is looked at, when nothing was sent until then.
 */
#include "check/model.h"

#include <inttypes.h>

/* A host that does not know yet where to send can begin to owe only then. */
static weft_time begin_of(const struct check_view *v, weft_time since)
{
    weft_time asked = v->check->asked_at;

    return asked > 0 && asked + CHECK_ASKING > since ? asked + CHECK_ASKING : since;
}

static bool is_overdue(const struct check_view *v, weft_time since, weft_time patience, weft_time now)
{
    return since > 0 && now > begin_of(v, since) + patience + v->check->config.slack;
}

static void check_late(const struct check_view *v, weft_time now)
{
    struct check_owed *owed = &v->me->owed;

    if (!is_overdue(v, owed->since, 500 * WEFT_MSEC, now))
        return;
    check_report_missing(v, CHECK_ACK_LATE, owed->packet, now,
                         "the data that came in this packet is not acknowledged after %" PRIu64 " ms",
                         (now - owed->since) / WEFT_MSEC);
    owed->since = 0;
}

/* What comes at one moment is one batch, which is answered as a whole (RFC 9293 3.10.7.4, MUST-58 and MUST-59). */
static void check_second(const struct check_view *v, weft_time now)
{
    struct check_owed *owed = &v->me->owed;

    if (!is_overdue(v, owed->second, 0, now))
        return;
    check_report_missing(v, CHECK_ACK_SECOND, owed->second_packet, now,
                         "two full-sized segments have come, and no ACK is sent within %" PRIu64 " us",
                         now - owed->second);
    owed->second = 0;
}

static void check_disorder(const struct check_view *v, weft_time now)
{
    struct check_owed *owed = &v->me->owed;

    if (!is_overdue(v, owed->disorder, 0, now))
        return;
    check_report_missing(v, CHECK_ACK_DISORDER, owed->disorder_packet, now,
                         "a segment out of order has come, and no ACK is sent within %" PRIu64 " us",
                         now - owed->disorder);
    owed->disorder = 0;
}

void check_rules_overdue(const struct check_view *v, weft_time now)
{
    if (v->me->has_refused || v->me->was_reset || v->peer->has_refused)
        return;
    check_late(v, now);
    check_second(v, now);
    check_disorder(v, now);
}
