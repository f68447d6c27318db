/* SPDX-License-Identifier: MIT */
/*
 * What numbers in traces and counters mean (weft/trace.h, weft/stats.h): each
 * table is made by the list that makes its enum, so the two cannot differ.
 */
#include <weft/stats.h>
#include <weft/trace.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const char *pick(const char *const *texts, size_t count, unsigned i)
{
    return i < count ? texts[i] : "?";
}

/* What the lists give of an entry. */
#define NAME_OF_2(name, text)           #name,
#define TEXT_OF_2(name, text)           text,
#define NAME_OF_3(name, text, source)   #name,
#define TEXT_OF_3(name, text, source)   text,
#define SOURCE_OF_3(name, text, source) source,

const char *weft_tcp_state_name(unsigned state)
{
    static const char *const names[] = {WEFT_TCP_STATES(TEXT_OF_2)};

    return pick(names, COUNT_OF(names), state);
}

const char *weft_tcp_timer_name(unsigned timer)
{
    static const char *const names[] = {WEFT_TCP_TIMERS(TEXT_OF_3)};

    return pick(names, COUNT_OF(names), timer);
}

const char *weft_tcp_timer_source(unsigned timer)
{
    static const char *const sources[] = {WEFT_TCP_TIMERS(SOURCE_OF_3)};

    return pick(sources, COUNT_OF(sources), timer);
}

const char *weft_tcp_cause_text(unsigned cause)
{
    static const char *const texts[] = {WEFT_TCP_CAUSES(TEXT_OF_2)};

    return pick(texts, COUNT_OF(texts), cause);
}

const char *weft_tcp_limit_text(unsigned limit)
{
    static const char *const texts[] = {WEFT_TCP_LIMITS(TEXT_OF_2)};

    return pick(texts, COUNT_OF(texts), limit);
}

const char *weft_tcp_send_reason_text(unsigned reason)
{
    static const char *const texts[] = {WEFT_TCP_SEND_REASONS(TEXT_OF_2)};

    return pick(texts, COUNT_OF(texts), reason);
}

const char *weft_neigh_state_name(unsigned state)
{
    static const char *const names[] = {WEFT_NEIGH_STATES(TEXT_OF_2)};

    return pick(names, COUNT_OF(names), state);
}

const struct weft_trace_event_info *weft_trace_event_info(unsigned event)
{
    static const struct weft_trace_event_info infos[] = {
#define EVENT_INFO(name, layer, text, args) {#name, text, args, WEFT_LAYER_##layer},
        WEFT_TRACE_EVENTS(EVENT_INFO)
#undef EVENT_INFO
    };
    static const struct weft_trace_event_info unknown = {"?", "?", "", WEFT_LAYER_STACK};

    return event < COUNT_OF(infos) ? &infos[event] : &unknown;
}

const char *weft_drop_name(unsigned drop)
{
    static const char *const names[] = {WEFT_DROPS(NAME_OF_3)};

    return pick(names, COUNT_OF(names), drop);
}

const char *weft_drop_text(unsigned drop)
{
    static const char *const texts[] = {WEFT_DROPS(TEXT_OF_3)};

    return pick(texts, COUNT_OF(texts), drop);
}

const char *weft_drop_source(unsigned drop)
{
    static const char *const sources[] = {WEFT_DROPS(SOURCE_OF_3)};

    return pick(sources, COUNT_OF(sources), drop);
}

const char *weft_counter_name(unsigned counter)
{
    static const char *const names[] = {WEFT_COUNTERS(NAME_OF_2)};

    return pick(names, COUNT_OF(names), counter);
}

const char *weft_counter_text(unsigned counter)
{
    static const char *const texts[] = {WEFT_COUNTERS(TEXT_OF_2)};

    return pick(texts, COUNT_OF(texts), counter);
}
