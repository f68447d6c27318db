/* SPDX-License-Identifier: MIT */
/*
 * The text form of an impairment:
 *
 *     spec   = word *( "," word )
 *     word   = [ "in:" / "out:" ] name "=" value
 *     value  = number [ unit ]         by the name: % of packets, us ms s of
 *                                      time, bit kbit mbit gbit of rate
 *     number = digits [ "." digits ]   at most 12 digits and 6 behind the point
 *
 * Numbers are read as millionths in integers, so that what is written is what
 * is done, in any locale. A later word replaces an earlier one.
 */
#include <weft/err.h>
#include <weft/link.h>

#include <string.h>

#include "link/why.h"

#define MILLION       ((uint64_t)1000000)
#define MAX_WHOLE     12 /* digits; with the fraction they stay below 2^64 */
#define MAX_FRACTION  6
#define MAX_QUEUE     MILLION /* packets; ours: a queue of a million full frames is 1.5 GB */
#define MAX_WORD_SHOW 40      /* bytes of a wrong word that are repeated */

enum kind {
    KIND_TIME,
    KIND_PROBABILITY,
    KIND_RATE,
    KIND_QUEUE,
};

struct unit {
    const char *name;
    uint64_t factor;
};

static const struct unit time_units[] = {{"us", 1}, {"ms", 1000}, {"s", MILLION}, {NULL, 0}};
static const struct unit rate_units[] = {
    {"bit", 1}, {"kbit", 1000}, {"mbit", MILLION}, {"gbit", 1000 * MILLION}, {NULL, 0}};
static const struct unit percent_units[] = {{"%", 1}, {NULL, 0}};
static const struct unit count_units[] = {{"", 1}, {NULL, 0}};

struct setting {
    const char *name;
    enum kind kind;
    size_t offset; /* in struct weft_impair_direction */
};

#define SETTING(text, kind, member)                                                                          \
    {                                                                                                        \
        text, kind, offsetof(struct weft_impair_direction, member)                                           \
    }
static const struct setting settings[] = {
    SETTING("delay", KIND_TIME, delay),
    SETTING("jitter", KIND_TIME, jitter),
    SETTING("rate", KIND_RATE, rate),
    SETTING("queue", KIND_QUEUE, queue),
    SETTING("loss", KIND_PROBABILITY, loss),
    SETTING("reorder", KIND_PROBABILITY, reorder),
    SETTING("reorder-delay", KIND_TIME, reorder_delay),
    SETTING("duplicate", KIND_PROBABILITY, duplicate),
    SETTING("corrupt", KIND_PROBABILITY, corrupt),
};
#undef SETTING

#define SETTING_COUNT (sizeof(settings) / sizeof(settings[0]))

/* A part of the text that was given. */
struct text {
    const char *at;
    size_t len;
};

static bool equals(struct text text, const char *name)
{
    return strlen(name) == text.len && memcmp(text.at, name, text.len) == 0;
}

/* Takes `prefix` off the front if it is there. */
static bool skip(struct text *text, const char *prefix)
{
    size_t len = strlen(prefix);

    if (text->len < len || memcmp(text->at, prefix, len) != 0)
        return false;
    text->at += len;
    text->len -= len;
    return true;
}

/* Takes up to `max` digits off the front, adding them to `value`. Returns how many there were. */
static unsigned take_digits(struct text *text, unsigned max, uint64_t *value)
{
    unsigned count = 0;

    for (; count < max && text->len && text->at[0] >= '0' && text->at[0] <= '9'; count++) {
        *value = *value * 10 + (uint64_t)(text->at[0] - '0');
        text->at++;
        text->len--;
    }
    return count;
}

/* Takes a number off the front, in millionths. */
static bool take_number(struct text *text, uint64_t *millionths)
{
    uint64_t value = 0;
    unsigned decimals = 0;

    if (take_digits(text, MAX_WHOLE, &value) == 0)
        return false;
    if (skip(text, ".") && (decimals = take_digits(text, MAX_FRACTION, &value)) == 0)
        return false;
    for (; decimals < MAX_FRACTION; decimals++)
        value *= 10;
    *millionths = value;
    return true;
}

/* A number with one of the units, in millionths of the smallest. A zero needs no unit. */
static bool read_quantity(struct text text, const struct unit *units, uint64_t *millionths)
{
    uint64_t number;

    if (!take_number(&text, &number))
        return false;
    if (number == 0 && text.len == 0)
        units = count_units;
    while (units->name && !equals(text, units->name))
        units++;
    return units->name && !__builtin_mul_overflow(number, units->factor, millionths);
}

/* The same, as a whole number of the smallest unit. */
static bool read_whole(struct text text, const struct unit *units, uint64_t *whole)
{
    uint64_t millionths;

    if (!read_quantity(text, units, &millionths) || millionths % MILLION != 0)
        return false;
    *whole = millionths / MILLION;
    return true;
}

static bool read_probability(struct text text, double *out)
{
    uint64_t percent;

    if (!read_quantity(text, percent_units, &percent) || percent > 100 * MILLION)
        return false;
    *out = (double)percent / (double)(100 * MILLION);
    return true;
}

static bool read_queue(struct text text, uint32_t *out)
{
    uint64_t packets;

    if (!read_whole(text, count_units, &packets) || packets == 0 || packets > MAX_QUEUE)
        return false;
    *out = (uint32_t)packets;
    return true;
}

static bool read_setting(const struct setting *setting, struct text value, struct weft_impair_direction *dir)
{
    void *at = (char *)dir + setting->offset;

    switch (setting->kind) {
    case KIND_TIME:
        return read_whole(value, time_units, at);
    case KIND_PROBABILITY:
        return read_probability(value, at);
    case KIND_RATE:
        return read_whole(value, rate_units, at) && *(uint64_t *)at > 0;
    default:
        return read_queue(value, at);
    }
}

/* What a value of the kind looks like, for the sentence that says it did not. */
static const char *expected(enum kind kind)
{
    static const char *const texts[] = {
        [KIND_TIME] = "a time in whole microseconds, as in 20ms, 1.5s or 500us",
        [KIND_PROBABILITY] = "a share of the packets, from 0% to 100%, as in 0.1%",
        [KIND_RATE] = "bits per second, as in 100mbit, 1.5gbit or 64kbit",
        [KIND_QUEUE] = "a number of packets, from 1 to 1000000",
    };

    return texts[kind];
}

static int refuse(struct text word, const char *reason, char *why, size_t why_size)
{
    int len = word.len < MAX_WORD_SHOW ? (int)word.len : MAX_WORD_SHOW;

    link_why(why, why_size, "\"%.*s\": %s", len, word.at, reason);
    return WEFT_E_INVAL;
}

static bool read_seed(struct text value, uint64_t *seed)
{
    uint64_t number = 0;

    if (value.len == 0)
        return false;
    for (; value.len; value.at++, value.len--) {
        unsigned digit = (unsigned)(value.at[0] - '0');

        if (digit > 9 || number > (UINT64_MAX - digit) / 10)
            return false;
        number = number * 10 + digit;
    }
    *seed = number;
    return true;
}

static const struct setting *find_setting(struct text name)
{
    for (unsigned i = 0; i < SETTING_COUNT; i++)
        if (equals(name, settings[i].name))
            return &settings[i];
    return NULL;
}

/* Cuts `text` at the first `mark`: gives what is before it and leaves what is behind it. Without the
 * mark all is before it and nothing behind, with `at` NULL. */
static struct text cut(struct text *text, char mark)
{
    const char *found = memchr(text->at, mark, text->len);
    struct text before = {text->at, found ? (size_t)(found - text->at) : text->len};

    if (found)
        *text = (struct text){found + 1, text->len - before.len - 1};
    else
        *text = (struct text){NULL, 0};
    return before;
}

/* Reads one word into the directions that it is for. */
static int read_word(struct text word, struct weft_impair_config *config, char *why, size_t why_size)
{
    struct text value = word, name;
    bool only_in = skip(&value, "in:"), only_out = !only_in && skip(&value, "out:");
    const struct setting *setting;

    name = cut(&value, '=');
    if (!value.at)
        return refuse(word, "a word is name=value, as in loss=5%", why, why_size);
    if (equals(name, "seed")) {
        if (only_in || only_out)
            return refuse(word, "both directions share the seed; leave \"in:\" and \"out:\" out", why,
                          why_size);
        return read_seed(value, &config->seed) ? 0
                                               : refuse(word, "a seed is a number below 2^64", why, why_size);
    }
    setting = find_setting(name);
    if (!setting)
        return refuse(word,
                      "there is no such impairment; there are delay, jitter, rate, queue, loss, reorder, "
                      "reorder-delay, duplicate, corrupt and seed",
                      why, why_size);
    if ((!only_in && !read_setting(setting, value, &config->out)) ||
        (!only_out && !read_setting(setting, value, &config->in)))
        return refuse(word, expected(setting->kind), why, why_size);
    return 0;
}

/* A setting that changes nothing without another one is a mistake. */
static int check(const struct weft_impair_direction *dir, const char *name, char *why, size_t why_size)
{
    if (dir->queue && !dir->rate) {
        link_why(why, why_size,
                 "queue needs a rate in the same direction (%s): packets wait for nothing else", name);
        return WEFT_E_INVAL;
    }
    if (dir->reorder_delay && dir->reorder <= 0) {
        link_why(why, why_size, "reorder-delay needs reorder in the same direction (%s)", name);
        return WEFT_E_INVAL;
    }
    return 0;
}

int weft_impair_parse(const char *text, struct weft_impair_config *out, char *why, size_t why_size)
{
    struct weft_impair_config config = {0};
    struct text rest = {text, strlen(text)};
    int error = 0;

    while (rest.at && !error)
        error = read_word(cut(&rest, ','), &config, why, why_size);
    if (!error)
        error = check(&config.out, "out", why, why_size);
    if (!error)
        error = check(&config.in, "in", why, why_size);
    if (!error)
        *out = config;
    return error;
}
