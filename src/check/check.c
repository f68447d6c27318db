/* SPDX-License-Identifier: MIT */
/*
 * The checker's doors (weft/check.h): each frame goes one way through, parsing, finding its
 * connection, rules, learning. No rule sees a model that already knows the segment it judges.
 */
#include "check/model.h"

#define DEFAULT_CONNECTIONS 1024u
#define DEFAULT_CONTENT     (1u << 20)
#define DEFAULT_CONTENTS    (UINT64_C(64) << 20)

int weft_check_new(const struct weft_check_config *config, struct weft_check **out)
{
    struct weft_check *check = calloc(1, sizeof(*check));

    if (!check)
        return WEFT_E_NOMEM;
    check->config = *config;
    if (check->config.max_connections == 0)
        check->config.max_connections = DEFAULT_CONNECTIONS;
    if (check->config.max_content == 0)
        check->config.max_content = DEFAULT_CONTENT;
    if (check->config.max_contents == 0)
        check->config.max_contents = DEFAULT_CONTENTS;
    if (check_table_new(check->config.max_connections, &check->table) != 0) {
        free(check);
        return WEFT_E_NOMEM;
    }
    *out = check;
    return 0;
}

void weft_check_free(struct weft_check *check)
{
    check_table_free(check, check->table);
    free(check);
}

void weft_check_mute(struct weft_check *check, weft_check_rule rule)
{
    if (rule < CHECK_RULE_COUNT)
        check->muted[rule] = true;
}

void weft_check_summarize(const struct weft_check *check, struct weft_check_summary *out)
{
    *out = check->summary;
}

/* Both sides: what should have been sent before this moment. */
static void check_overdue(struct weft_check *check, struct check_conn *conn, weft_time now)
{
    for (unsigned i = 0; i < 2; i++) {
        const struct check_view v = {check, conn, NULL, &conn->side[i], &conn->side[1 - i]};

        if (v.me->near)
            check_rules_overdue(&v, now);
    }
}

static void judge(const struct check_view *v)
{
    check_rules_handshake(v);
    check_rules_auth(v);
    check_rules_end(v);
    if (check_is_rst(v->seg))
        return;
    check_rules_data(v);
    check_rules_resend(v);
    check_rules_ack(v);
    check_rules_sack(v);
    check_rules_timestamps(v);
    check_rules_ecn(v);
}

static void look(struct weft_check *check, struct check_segment *s)
{
    unsigned side;
    struct check_conn *conn = check_table_find(check, s, &side);
    struct check_view v = {check, conn, s, &conn->side[side], &conn->side[1 - side]};

    check_segment_place(s, v.me, v.peer);
    check_overdue(check, conn, s->now);
    check_rules_alone(&v);
    if (check_is_other_syn(v.me, s)) {
        check_learn_other_syn(&v);
        return;
    }
    judge(&v);
    check_learn(&v);
}

/* A segment that is damaged says nothing about a connection; whose fault it is can be said only near its sender. */
static void look_damaged(struct weft_check *check, const struct check_segment *s)
{
    const struct check_view v = {.check = check, .seg = s};

    if (s->ip_damaged || s->tcp_damaged)
        check->summary.damaged++;
    check_rules_alone(&v);
}

void weft_check_frame(struct weft_check *check, const struct weft_frame *frame)
{
    struct check_segment segment;
    enum check_parse result = check_segment_parse(frame, check->config.wire, &segment);

    segment.packet = ++check->summary.frames;
    check->now = frame->time;
    if (result == CHECK_ICMP)
        check->icmp_at = frame->time;
    if (result == CHECK_ASKS && segment.direction != WEFT_DIRECTION_IN)
        check->asked_at = frame->time;
    if (result == CHECK_CUT)
        check->summary.cut++;
    if (result != CHECK_SEGMENT)
        return;
    check->summary.segments++;
    if (segment.ip_damaged || segment.tcp_damaged || segment.header_wrong)
        look_damaged(check, &segment);
    else
        look(check, &segment);
}

void weft_check_finish(struct weft_check *check, weft_time now)
{
    struct check_conn *conn;

    for (unsigned n = 0; (conn = check_table_at(check->table, n)) != NULL; n++)
        check_overdue(check, conn, now);
}

/* --- A link that is watched -------------------------------------------------------------------- */

struct attached {
    struct weft_check *check;
    enum weft_link_type type;
};

static void frame_passed(void *ctx, bool outgoing, const uint8_t *bytes, uint32_t len, weft_time now)
{
    struct attached *attached = ctx;
    const struct weft_frame frame = {
        .time = now,
        .type = attached->type,
        .direction = outgoing ? WEFT_DIRECTION_OUT : WEFT_DIRECTION_IN,
        .bytes = bytes,
        .len = len,
        .wire_len = len,
    };

    weft_check_frame(attached->check, &frame);
}

int weft_check_attach(struct weft_check *check, struct weft_link *inner, struct weft_link **link)
{
    struct attached *attached = malloc(sizeof(*attached));
    struct weft_tee_observer observer = {.frame = frame_passed, .close = free, .ctx = attached};
    int err;

    if (!attached) {
        weft_link_close(inner);
        return WEFT_E_NOMEM;
    }
    *attached = (struct attached){check, inner->type};
    err = weft_link_tee(inner, &observer, link);
    if (err)
        free(attached);
    return err;
}
