/* SPDX-License-Identifier: MIT */
/*
 * The wire checker: an independent observer of TCP. It is shown the frames that
 * pass one point of a path and says which rules of the RFCs they break.
 *
 * Owns    a model of each connection, made from nothing but the frames: what
 *         each side has sent, what can have reached the other, what was
 *         offered, promised and acknowledged. It shares the parsers of headers
 *         with the stack and nothing else, so a mistake of the stack's is not
 *         also its own.
 * Never   trusts a length or a number of what it is shown, changes a frame, or
 *         grows without bound. It makes no claim that it cannot prove: a rule
 *         says what must be known for it, and is silent where that is not so.
 *
 * What can be known depends on where the frames were seen:
 *
 *     sender --> [tap] ----- path ----- [tap] --> receiver
 *             near                     far
 *
 * A tap is *near* a host when it sees each segment as the host sends it and each
 * as the host receives it, in that order: then nearly all rules hold for what
 * that host sends. Far from it, segments may have been lost, doubled, reordered
 * or changed on the way, and only what no network can cause is said.
 *
 * How it is used:
 *
 *     weft_check_new(&config, &check);
 *     for each frame, in its order:  weft_check_frame(check, &frame);
 *     weft_check_finish(check, now);
 *     weft_check_free(check);
 *
 * Findings come through config.found while a frame is shown. One checker is one
 * tap: a frame that passes two links is shown to one of them only, or to two checkers.
 *
 * Not included by weft.h.
 */
#ifndef WEFT_CHECK_H
#define WEFT_CHECK_H

#include <weft/err.h>
#include <weft/frame.h>
#include <weft/link.h>
#include <weft/types.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct weft_check;

/* --- Rules ------------------------------------------------------------------ */

enum weft_check_severity {
    WEFT_CHECK_NOTE,    /* unusual, allowed */
    WEFT_CHECK_WARNING, /* a SHOULD not followed, or a MUST that is broken unless something was not seen */
    WEFT_CHECK_ERROR,   /* a MUST broken */
};

/* What must be known for a rule to say something of a segment. */
enum weft_check_need {
    WEFT_CHECK_NEAR = 1 << 0,      /* the tap is near the segment's sender */
    WEFT_CHECK_HANDSHAKE = 1 << 1, /* both SYNs were seen */
    WEFT_CHECK_WHOLE = 1 << 2, /* nothing is missing; else the severity is one less, and the text says so */
    WEFT_CHECK_WIRE = 1 << 3,  /* segments are as on the wire, not coalesced by offloads */
};

/* A rule's place in the table: a small number that may change from one version to the next. Its name stays. */
typedef unsigned weft_check_rule;

struct weft_check_rule_info {
    const char *name;    /* "beyond-window" */
    const char *rfc;     /* "RFC 9293 3.8.6" */
    const char *keyword; /* the requirement: "MUST-38", "MUST NOT", "SHLD-14"; "" when the text has none */
    enum weft_check_severity severity;
    unsigned needs;   /* enum weft_check_need */
    const char *text; /* the rule in a sentence */
};

/* The rule of that number, from 0; NULL when there are no more. */
const struct weft_check_rule_info *weft_check_rule_at(weft_check_rule rule);

/* Gives the number of the rule with this name. Returns 0 or WEFT_E_NOTFOUND. */
int weft_check_rule_find(const char *name, weft_check_rule *rule);

/* "note", "warning", "error". */
const char *weft_check_severity_name(enum weft_check_severity severity);

/* --- Findings ---------------------------------------------------------------- */

struct weft_check_finding {
    weft_check_rule rule;
    const struct weft_check_rule_info *info;
    enum weft_check_severity severity; /* info->severity, or one less (WEFT_CHECK_WHOLE) */
    uint64_t packet;                   /* number of the frame, from 1 as they were shown */
    uint64_t earlier;                  /* of the frame that it contradicts; 0: none */
    weft_time time;
    uint32_t connection;           /* its number, from 1; 0: the frame belongs to none */
    struct weft_endpoint src, dst; /* of the segment: src is who broke the rule */
    bool near;                     /* the tap is near src */
    uint32_t nth;                  /* how often this side has broken this rule in this connection, from 1 */
    const char *text;              /* what happened, with the numbers: a sentence without a full stop */
};

/* --- A checker ------------------------------------------------------------------ */

/* Where the tap stands. */
enum weft_check_vantage {
    WEFT_CHECK_BY_DIRECTION, /* near the host whose frames go out (weft_frame.direction); unknown: in the middle */
    WEFT_CHECK_MIDDLE,       /* near no one */
    WEFT_CHECK_AT_CLIENT, /* near the side that opened the connection */
    WEFT_CHECK_AT_SERVER, /* near the other */
    WEFT_CHECK_AT_BOTH,   /* between them nothing is lost, delayed or reordered */
};

/* Zero means the default. */
struct weft_check_config {
    enum weft_check_vantage vantage;
    bool whole;    /* nothing is missing in what is shown */
    bool wire;     /* segments and checksums are as on the wire: no offload of the sender's or the tap's */
    bool only_out; /* only what goes out is judged */

    /* How long a host near the tap may take to act on a frame after the tap has seen it: 0 for a stack that is
     * shown its frames as it gets them, some milliseconds for a busy kernel. */
    weft_time slack;

    uint32_t
        max_connections;  /* 0 means 1024; when it is full the one that was silent for longest is forgotten */
    uint32_t max_content; /* bytes kept to compare retransmissions with, for each side; 0 means 1 MiB */
    uint64_t max_contents; /* the same for all together; 0 means 64 MiB */

    /* A finding; it and its text last until this returns. NULL: they are only counted. */
    void (*found)(void *ctx, const struct weft_check_finding *finding);
    void *ctx;
};

/* Gives a checker that has seen nothing. Returns 0 or WEFT_E_NOMEM. */
int weft_check_new(const struct weft_check_config *config, struct weft_check **check);
void weft_check_free(struct weft_check *check);

/* The rule is no longer reported or counted. */
void weft_check_mute(struct weft_check *check, weft_check_rule rule);

/* Shows the next frame; borrows it. Anything may be shown, in any state; what is not TCP is passed over. */
void weft_check_frame(struct weft_check *check, const struct weft_frame *frame);

/* No frame will come before `now`: what should have been sent until then is missing. */
void weft_check_finish(struct weft_check *check, weft_time now);

struct weft_check_summary {
    uint64_t frames;   /* shown */
    uint64_t segments; /* of TCP, whole enough to be judged */
    uint64_t damaged;  /* segments that a wrong checksum made nothing of, sent by someone far away */
    uint64_t cut;      /* segments that the capture cut off before the end of their headers, and fragments */
    uint64_t connections; /* seen */
    uint64_t forgotten;   /* connections for which there was no room */
    uint64_t notes, warnings, errors;
};
void weft_check_summarize(const struct weft_check *check, struct weft_check_summary *out);

/*
 * A link around `inner`, which it takes, that shows all its frames to `check`, which must outlive it: near
 * is the stack that uses the link. Gives the link. Returns 0 or WEFT_E_NOMEM.
 */
int weft_check_attach(struct weft_check *check, struct weft_link *inner, struct weft_link **link);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
