/* SPDX-License-Identifier: MIT */
/* The table of rules, whether a rule may speak where it wants to, and how (check/model.h). */
#include "check/model.h"

#include <stdarg.h>
#include <stdio.h>

static const struct weft_check_rule_info rules[CHECK_RULE_COUNT] = {
#define HANDSHAKE WEFT_CHECK_HANDSHAKE
#define NEAR      WEFT_CHECK_NEAR
#define WHOLE     WEFT_CHECK_WHOLE
#define WIRE      WEFT_CHECK_WIRE
#define X(symbol, name, rfc, keyword, severity, needs, text)                                                 \
    {name, rfc, keyword, WEFT_CHECK_##severity, needs, text},
    CHECK_RULES(X)
#undef X
};

const struct weft_check_rule_info *weft_check_rule_at(weft_check_rule rule)
{
    return rule < CHECK_RULE_COUNT ? &rules[rule] : NULL;
}

int weft_check_rule_find(const char *name, weft_check_rule *rule)
{
    for (weft_check_rule i = 0; i < CHECK_RULE_COUNT; i++)
        if (strcmp(rules[i].name, name) == 0) {
            *rule = i;
            return 0;
        }
    return WEFT_E_NOTFOUND;
}

const char *weft_check_severity_name(enum weft_check_severity severity)
{
    static const char *const names[] = {"note", "warning", "error"};

    return (unsigned)severity < 3 ? names[severity] : "unknown";
}

/* Both SYNs were seen; the second may be the segment itself. */
static bool has_handshake(const struct check_view *v)
{
    return v->conn && v->peer->syn.seen && (v->me->syn.seen || (v->seg && check_is_syn(v->seg)));
}

/* What the rule needs is known of this segment. */
static bool is_known(const struct check_view *v, const struct weft_check_rule_info *info,
                     enum weft_direction direction)
{
    bool both = v->check->config.vantage == WEFT_CHECK_AT_BOTH;
    bool near = v->conn ? v->me->near : direction == WEFT_DIRECTION_OUT || both;

    if (v->check->config.only_out && direction != WEFT_DIRECTION_OUT)
        return false;
    if ((info->needs & WEFT_CHECK_NEAR) && !near)
        return false;
    if ((info->needs & WEFT_CHECK_WIRE) && !v->check->config.wire)
        return false;
    return !(info->needs & WEFT_CHECK_HANDSHAKE) || has_handshake(v);
}

static enum weft_check_severity severity_of(const struct weft_check *check,
                                            const struct weft_check_rule_info *info)
{
    bool doubtful = (info->needs & WEFT_CHECK_WHOLE) && !check->config.whole;

    return doubtful && info->severity > WEFT_CHECK_NOTE ? info->severity - 1 : info->severity;
}

static void count(struct weft_check *check, enum weft_check_severity severity)
{
    uint64_t *counter[] = {&check->summary.notes, &check->summary.warnings, &check->summary.errors};

    (*counter[severity])++;
}

static void report(const struct check_view *v, enum check_rule rule, struct weft_check_finding *finding,
                   const char *format, va_list arguments)
{
    struct weft_check *check = v->check;
    char text[400];
    int n = vsnprintf(text, sizeof(text), format, arguments);

    finding->rule = rule;
    finding->info = &rules[rule];
    finding->severity = severity_of(check, finding->info);
    finding->connection = v->conn ? v->conn->number : 0;
    finding->near = v->conn && v->me->near;
    finding->nth = v->conn ? ++v->me->times[rule] : 1;
    finding->text = text;
    if (finding->severity != finding->info->severity && n > 0 && (size_t)n < sizeof(text))
        snprintf(text + n, sizeof(text) - (size_t)n, ", unless the capture has missed something");
    count(check, finding->severity);
    if (check->config.found)
        check->config.found(check->config.ctx, finding);
}

void check_report(const struct check_view *v, enum check_rule rule, uint64_t earlier, const char *format, ...)
{
    struct weft_check_finding finding = {
        .packet = v->seg->packet,
        .earlier = earlier,
        .time = v->seg->now,
        .src = v->seg->src,
        .dst = v->seg->dst,
    };
    va_list arguments;

    if (v->check->muted[rule] || !is_known(v, &rules[rule], v->seg->direction))
        return;
    va_start(arguments, format);
    report(v, rule, &finding, format, arguments);
    va_end(arguments);
}

void check_report_missing(const struct check_view *v, enum check_rule rule, uint64_t packet, weft_time now,
                          const char *format, ...)
{
    struct weft_check_finding finding = {
        .packet = packet,
        .time = now,
        .src = v->me->end,
        .dst = v->peer->end,
    };
    va_list arguments;

    if (v->check->muted[rule] ||
        !is_known(v, &rules[rule], v->me->near ? WEFT_DIRECTION_OUT : WEFT_DIRECTION_IN))
        return;
    va_start(arguments, format);
    report(v, rule, &finding, format, arguments);
    va_end(arguments);
}
