/* SPDX-License-Identifier: MIT */
/* TCP options, each with its fields: RFC 9293 3.2, 7323, 2018, 5482, 7413, 2385, 5925, 8684. */
#include "inspect/dissect.h"

#include <inttypes.h>

#include "base/bytes.h"
#include "wire/tcp.h"
#include "wire/tcp_opt.h"

#define OPT_MPTCP 30 /* RFC 8684 3 */

static const char *option_name(unsigned kind)
{
    switch (kind) {
    case WIRE_TCP_OPT_END:
        return "End of Option List";
    case WIRE_TCP_OPT_NOP:
        return "No-Operation";
    case WIRE_TCP_OPT_MSS:
        return "Maximum Segment Size";
    case WIRE_TCP_OPT_WSCALE:
        return "Window Scale";
    case WIRE_TCP_OPT_SACK_PERMITTED:
        return "SACK-Permitted";
    case WIRE_TCP_OPT_SACK:
        return "SACK";
    case WIRE_TCP_OPT_TIMESTAMPS:
        return "Timestamps";
    case WIRE_TCP_OPT_MD5:
        return "MD5 Signature";
    case WIRE_TCP_OPT_USER_TIMEOUT:
        return "User Timeout";
    case WIRE_TCP_OPT_AO:
        return "TCP Authentication Option";
    case OPT_MPTCP:
        return "Multipath TCP";
    case WIRE_TCP_OPT_FAST_OPEN:
        return "Fast Open";
    case WIRE_TCP_OPT_EXPERIMENT:
        return "Experiment";
    default:
        return "Option";
    }
}

static const char *option_source(unsigned kind)
{
    switch (kind) {
    case WIRE_TCP_OPT_WSCALE:
        return "RFC 7323 2.2";
    case WIRE_TCP_OPT_TIMESTAMPS:
        return "RFC 7323 3.2";
    case WIRE_TCP_OPT_SACK_PERMITTED:
        return "RFC 2018 2";
    case WIRE_TCP_OPT_SACK:
        return "RFC 2018 3";
    case WIRE_TCP_OPT_MD5:
        return "RFC 2385 3.0";
    case WIRE_TCP_OPT_USER_TIMEOUT:
        return "RFC 5482 3.3";
    case WIRE_TCP_OPT_AO:
        return "RFC 5925 2.2";
    case OPT_MPTCP:
        return "RFC 8684 3";
    case WIRE_TCP_OPT_FAST_OPEN:
        return "RFC 7413 4.1.1";
    case WIRE_TCP_OPT_EXPERIMENT:
        return "RFC 6994 3";
    default:
        return "RFC 9293 3.2";
    }
}

/* An edge of a SACK block counts in the same space as the acknowledgment number. Returns the edge as it
 * is to be shown. */
static uint32_t dissect_edge(struct dissect *d, struct weft_dissect_field *option, unsigned offset,
                             const char *name, const struct weft_dissect_tcp *seen)
{
    struct weft_dissect_field *edge = inspect_dissect_part(d, option, offset, 32, name);
    uint32_t relative = (uint32_t)edge->value - seen->ack + seen->relative_ack;

    if (!seen->seq_is_relative || !(seen->flags & WIRE_TCP_ACK))
        return (uint32_t)edge->value;
    inspect_dissect_note(d, edge, "relative %" PRIu32, relative);
    return relative;
}

static void dissect_sack(struct dissect *d, struct weft_dissect_field *option, unsigned len,
                         const struct weft_dissect_tcp *seen)
{
    unsigned blocks = (len - 2) / 8;
    char buf[120];
    struct inspect_text text = inspect_text_in(buf, sizeof(buf));

    if (blocks == 0 || len != 2 + blocks * 8) {
        inspect_dissect_wrong(d, option, "its length is not 2 and 8 for each block");
        return;
    }
    for (unsigned i = 0; i < blocks; i++) {
        uint32_t left = dissect_edge(d, option, (2 + i * 8) * 8, "Left Edge of Block", seen);
        uint32_t right = dissect_edge(d, option, (6 + i * 8) * 8, "Right Edge of Block", seen);

        inspect_text_format(&text, "%s%" PRIu32 " to %" PRIu32, i > 0 ? ", " : "", left, right);
    }
    inspect_dissect_say(d, option, "%s", buf);
}

static void dissect_wscale(struct dissect *d, struct weft_dissect_field *option)
{
    struct weft_dissect_field *shift = inspect_dissect_part(d, option, 16, 8, "shift.cnt");

    if (shift->value > WIRE_TCP_MAX_WSCALE)
        inspect_dissect_wrong(d, shift, "above 14: counts as 14 (RFC 7323 2.3)");
    else
        inspect_dissect_note(d, shift, "windows are multiplied by %u", 1u << shift->value);
    inspect_dissect_say(d, option, "shift %u", (unsigned)shift->value);
}

static void dissect_timestamps(struct dissect *d, struct weft_dissect_field *option)
{
    struct weft_dissect_field *value = inspect_dissect_part(d, option, 16, 32, "TS Value (TSval)");
    struct weft_dissect_field *echo = inspect_dissect_part(d, option, 48, 32, "TS Echo Reply (TSecr)");

    inspect_dissect_say(d, option, "TSval %" PRIu64 ", TSecr %" PRIu64, value->value, echo->value);
}

static void dissect_user_timeout(struct dissect *d, struct weft_dissect_field *option)
{
    struct weft_dissect_field *granularity = inspect_dissect_part(d, option, 16, 1, "G (Granularity)");
    struct weft_dissect_field *timeout = inspect_dissect_part(d, option, 17, 15, "User Timeout");

    inspect_dissect_note(d, granularity, granularity->value ? "minutes" : "seconds");
    inspect_dissect_say(d, option, "%u %s", (unsigned)timeout->value, granularity->value ? "min" : "s");
}

static void dissect_cookie(struct dissect *d, struct weft_dissect_field *option, unsigned len)
{
    inspect_dissect_note(d, option, len == 0 ? "asks for a cookie" : "a cookie of %u bytes", len);
    if (len == 1 || len == 2 || len > WIRE_TCP_MAX_COOKIE || len % 2 != 0)
        inspect_dissect_wrong(d, option, "a cookie has 4 to 16 bytes, an even number (RFC 7413 4.1.1)");
}

/* RFC 6994 3; the one experiment that is known is fast open before it had its own kind. */
static void dissect_experiment(struct dissect *d, struct weft_dissect_field *option, unsigned len)
{
    struct weft_dissect_field *id;

    if (len < 4)
        return;
    id = inspect_dissect_part(d, option, 16, 16, "ExID");
    if (id->value != WIRE_TCP_EXID_FAST_OPEN)
        return;
    inspect_dissect_note(d, id, "Fast Open");
    dissect_cookie(d, option, len - 4);
}

/* What stands behind kind and length. */
static void dissect_option_value(struct dissect *d, struct weft_dissect_field *option, unsigned kind,
                                 unsigned len, const struct weft_dissect_tcp *seen)
{
    struct weft_dissect_field *field;

    switch (kind) {
    case WIRE_TCP_OPT_MSS:
        field = inspect_dissect_part(d, option, 16, 16, "Maximum Segment Size (MSS)");
        inspect_dissect_say(d, option, "%u", (unsigned)field->value);
        return;
    case WIRE_TCP_OPT_WSCALE:
        dissect_wscale(d, option);
        return;
    case WIRE_TCP_OPT_SACK_PERMITTED:
    case WIRE_TCP_OPT_MD5:
        inspect_dissect_say(d, option, "yes");
        return;
    case WIRE_TCP_OPT_SACK:
        dissect_sack(d, option, len, seen);
        return;
    case WIRE_TCP_OPT_TIMESTAMPS:
        dissect_timestamps(d, option);
        return;
    case WIRE_TCP_OPT_USER_TIMEOUT:
        dissect_user_timeout(d, option);
        return;
    case WIRE_TCP_OPT_AO:
        if (len < 4)
            return;
        (void)inspect_dissect_part(d, option, 16, 8, "KeyID");
        (void)inspect_dissect_part(d, option, 24, 8, "RNextKeyID");
        return;
    case WIRE_TCP_OPT_FAST_OPEN:
        dissect_cookie(d, option, len - 2);
        return;
    case WIRE_TCP_OPT_EXPERIMENT:
        dissect_experiment(d, option, len);
        return;
    case OPT_MPTCP:
        if (len >= 3)
            (void)inspect_dissect_part(d, option, 16, 4, "Subtype");
        return;
    default:
        inspect_dissect_note(d, option, "kind %u: unknown", kind);
        return;
    }
}

static void dissect_option(struct dissect *d, unsigned kind, unsigned len,
                           const struct weft_dissect_tcp *seen)
{
    struct weft_dissect_field *option = inspect_dissect_bytes(d, len, option_name(kind));

    option->depth = 1;
    option->source = option_source(kind);
    if (kind == WIRE_TCP_OPT_NOP || kind == WIRE_TCP_OPT_END) {
        inspect_dissect_say(d, option, kind == WIRE_TCP_OPT_NOP ? "padding" : "end");
        return;
    }
    d->source = option->source;
    (void)inspect_dissect_part(d, option, 0, 8, "Kind");
    (void)inspect_dissect_part(d, option, 8, 8, "Length");
    if (wire_tcp_opt_len(kind) != 0 && wire_tcp_opt_len(kind) != len)
        inspect_dissect_wrong(d, option, "the length should be %u", wire_tcp_opt_len(kind));
    else
        dissect_option_value(d, option, kind, len, seen);
}

void inspect_dissect_tcp_options(struct dissect *d, uint32_t len, const struct weft_dissect_tcp *seen)
{
    uint32_t begin = d->bit, end = d->bit / 8 + len;
    struct weft_dissect_field *options;

    if (len == 0)
        return;
    options = inspect_dissect_bytes(d, len, "Options");
    if (d->has_failed)
        return;
    inspect_dissect_say(d, options, "%s", "");
    inspect_dissect_note(d, options, "%u bytes", (unsigned)len);
    d->bit = begin; /* the same bytes again, option by option */
    while (!d->has_failed && d->bit / 8 < end) {
        uint32_t at = d->bit / 8, left = end - at;
        unsigned kind = d->bytes[at];
        unsigned step = kind == WIRE_TCP_OPT_NOP   ? 1
                        : kind == WIRE_TCP_OPT_END ? left
                        : left >= 2                ? d->bytes[at + 1]
                                                   : 0;

        if (step == 0 || step > left || (kind > WIRE_TCP_OPT_NOP && step < 2)) {
            struct weft_dissect_field *rest = inspect_dissect_bytes(d, left, option_name(kind));

            rest->depth = 1;
            inspect_dissect_wrong(d, rest, "an illegal length (RFC 9293 MUST-7)");
            return;
        }
        dissect_option(d, kind, step, seen);
    }
    d->bit = end * 8;
}
