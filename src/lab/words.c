/* SPDX-License-Identifier: MIT */
/* Words with values (words.h). */
#include "lab/words.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <weft/err.h>

struct unit {
    const char *name;
    double factor;
};

static const struct unit times[] = {{"us", 1}, {"ms", 1e3}, {"s", 1e6}, {"m", 60e6}, {"h", 3600e6}, {0}};
static const struct unit rates[] = {{"bit", 1}, {"kbit", 1e3}, {"mbit", 1e6}, {"gbit", 1e9}, {0}};
static const struct unit sizes[] = {{"", 1}, {"k", 1024}, {"M", 1048576}, {"G", 1073741824}, {0}};
static const struct unit numbers[] = {{"", 1}, {"%", 0.01}, {0}};

/* --- Quantities ------------------------------------------------------------------- */

/* A decimal number with one of the units; a zero needs none. */
static bool read_quantity(const char *text, const struct unit *units, double *out)
{
    size_t digits = strspn(text, "0123456789.");
    char number[32], *end;

    if (digits == 0 || digits >= sizeof(number) || !isdigit((unsigned char)text[0]))
        return false;
    memcpy(number, text, digits);
    number[digits] = '\0';
    *out = strtod(number, &end);
    if (*end)
        return false;
    if (*out == 0 && !text[digits])
        return true;
    for (; units->name; units++)
        if (strcmp(units->name, text + digits) == 0) {
            *out *= units->factor;
            return true;
        }
    return false;
}

static bool read_whole(const char *text, const struct unit *units, uint64_t *out)
{
    double value;

    if (!read_quantity(text, units, &value) || value > 1e18)
        return false;
    *out = (uint64_t)(value + 0.5);
    return fabs((double)*out - value) <= value * 1e-9;
}

bool lab_read_time(const char *text, weft_time *out)
{
    return read_whole(text, times, out);
}

bool lab_read_rate(const char *text, uint64_t *out)
{
    return read_whole(text, rates, out);
}

bool lab_read_size(const char *text, uint64_t *out)
{
    return read_whole(text, sizes, out);
}

bool lab_read_number(const char *text, double *out)
{
    size_t digits = strspn(text, "0123456789.");
    char shifted[40];
    double checked;

    if (!read_quantity(text, numbers, &checked))
        return false;
    *out = checked;
    if (text[digits] == '%') { /* the double nearest to what is written: no rounding of a factor in between */
        (void)snprintf(shifted, sizeof(shifted), "%.*se-2", (int)digits, text);
        *out = strtod(shifted, NULL);
    }
    return true;
}

/* In the largest unit in which it is a whole number. */
static void write_whole(FILE *out, uint64_t value, const struct unit *units)
{
    const struct unit *best = units;

    for (const struct unit *u = units; u->name; u++)
        if (value >= (uint64_t)u->factor && value % (uint64_t)u->factor == 0)
            best = u;
    fprintf(out, "%" PRIu64 "%s", value / (uint64_t)best->factor, best->name);
}

void lab_write_time(FILE *out, weft_time value)
{
    write_whole(out, value, times);
}

void lab_write_rate(FILE *out, uint64_t value)
{
    write_whole(out, value, rates);
}

void lab_write_size(FILE *out, uint64_t value)
{
    write_whole(out, value, sizes);
}

/* --- Reading a word --------------------------------------------------------------------- */

static int refuse(char why[LAB_WHY], const char *format, ...) __attribute__((format(printf, 2, 3)));

static int refuse(char why[LAB_WHY], const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(why, LAB_WHY, format, args);
    va_end(args);
    return WEFT_E_INVAL;
}

static const char *form_of(enum lab_kind kind)
{
    static const char *const forms[] = {
        [LAB_SWITCH] = "yes or no",
        [LAB_TIME] = "a time, as in 20ms, 1.5s or 500us",
        [LAB_RATE] = "bits per second, as in 100mbit or 64kbit",
        [LAB_SIZE] = "a size in bytes, as in 1500, 64k or 10M",
        [LAB_SIZE32] = "a size in bytes, as in 1500, 64k or 10M",
        [LAB_COUNT] = "a number",
        [LAB_COUNT8] = "a number",
        [LAB_COUNT16] = "a number",
        [LAB_CHANCE] = "a share from 0% to 100%, as in 0.1%",
        [LAB_CHOICE] = "one of its choices",
        [LAB_CHOICE8] = "one of its choices",
        [LAB_PICK] = "one of its choices",
        [LAB_MASK] = "one or more of its choices, joined by +",
    };

    return forms[kind];
}

static int find_choice(const char *const *choices, const char *text, size_t len)
{
    for (int i = 0; choices[i]; i++)
        if (strlen(choices[i]) == len && strncmp(choices[i], text, len) == 0)
            return i;
    return -1;
}

static bool read_mask(const char *const *choices, const char *text, uint32_t *out)
{
    *out = 0;
    for (;;) {
        size_t len = strcspn(text, "+");
        int choice = find_choice(choices, text, len);

        if (choice < 0)
            return false;
        *out |= 1u << choice;
        if (!text[len])
            return true;
        text += len + 1;
    }
}

static bool read_switch(const char *text, bool *out)
{
    *out = strcmp(text, "no") != 0;
    return !*out || strcmp(text, "yes") == 0;
}

/* The bounds of the table, and those of the member's type. */
static bool is_within(const struct lab_word *word, uint64_t value)
{
    uint64_t most = word->kind == LAB_COUNT8                              ? UINT8_MAX
                    : word->kind == LAB_COUNT16                           ? UINT16_MAX
                    : word->kind == LAB_COUNT || word->kind == LAB_SIZE32 ? UINT32_MAX
                                                                          : UINT64_MAX;

    return value >= word->min && value <= (word->max ? word->max : most);
}

static bool read_integer(const struct lab_word *word, const char *text, uint64_t *out)
{
    static const struct unit count[] = {{"", 1}, {0}};
    const struct unit *units = word->kind == LAB_TIME                               ? times
                               : word->kind == LAB_RATE                             ? rates
                               : word->kind == LAB_SIZE || word->kind == LAB_SIZE32 ? sizes
                                                                                    : count;

    return read_whole(text, units, out) && is_within(word, *out);
}

static bool read_chance(const char *text, double *out)
{
    return lab_read_number(text, out) && *out <= 1 && (strchr(text, '%') || *out == 0);
}

static bool read_choice(const struct lab_word *word, void *at, const char *text)
{
    int choice = find_choice(word->choices, text, strlen(text));

    if (choice < 0)
        return false;
    if (word->kind == LAB_CHOICE)
        *(int *)at = choice;
    else if (word->kind == LAB_CHOICE8)
        *(uint8_t *)at = (uint8_t)choice;
    else
        *(const char **)at = word->choices[choice];
    return true;
}

static bool read_value(const struct lab_word *word, void *at, const char *text)
{
    uint64_t value;

    switch (word->kind) {
    case LAB_SWITCH:
        return read_switch(text, at);
    case LAB_CHANCE:
        return read_chance(text, at);
    case LAB_CHOICE:
    case LAB_CHOICE8:
    case LAB_PICK:
        return read_choice(word, at, text);
    case LAB_MASK:
        return read_mask(word->choices, text, at);
    default:
        break;
    }
    if (!read_integer(word, text, &value))
        return false;
    if (word->kind == LAB_COUNT8)
        *(uint8_t *)at = (uint8_t)value;
    else if (word->kind == LAB_COUNT16)
        *(uint16_t *)at = (uint16_t)value;
    else if (word->kind == LAB_COUNT || word->kind == LAB_SIZE32)
        *(uint32_t *)at = (uint32_t)value;
    else
        *(uint64_t *)at = value;
    return true;
}

static int refuse_value(const struct lab_word *word, const char *text, char why[LAB_WHY])
{
    char list[LAB_WHY / 2] = "";

    for (unsigned i = 0; word->choices && word->choices[i]; i++) {
        size_t used = strlen(list);

        (void)snprintf(list + used, sizeof(list) - used, "%s%s", i ? ", " : ": ", word->choices[i]);
    }
    return refuse(why, "%s: '%.40s' is not %s%s", word->name, text, form_of(word->kind), list);
}

int lab_word_read(const struct lab_word *table, void *base, const char *text, char why[LAB_WHY])
{
    size_t len = strcspn(text, "=");
    const struct lab_word *word = table;

    while (word->name && (strlen(word->name) != len || strncmp(word->name, text, len) != 0))
        word++;
    if (!word->name)
        return refuse(why, "there is no word '%.*s' here", len < 60 ? (int)len : 60, text);
    if (!text[len]) {
        if (word->kind != LAB_SWITCH)
            return refuse(why, "%s needs a value: %s", word->name, form_of(word->kind));
        *(bool *)((char *)base + word->offset) = true;
        return 0;
    }
    if (read_value(word, (char *)base + word->offset, text + len + 1))
        return 0;
    return refuse_value(word, text + len + 1, why);
}

/* --- Writing ---------------------------------------------------------------------------- */

size_t lab_word_size(enum lab_kind kind)
{
    switch (kind) {
    case LAB_SWITCH:
        return sizeof(bool);
    case LAB_COUNT8:
    case LAB_CHOICE8:
        return sizeof(uint8_t);
    case LAB_COUNT16:
        return sizeof(uint16_t);
    case LAB_PICK:
        return sizeof(const char *);
    case LAB_COUNT:
    case LAB_SIZE32:
    case LAB_CHOICE:
    case LAB_MASK:
        return sizeof(uint32_t);
    default:
        return sizeof(uint64_t);
    }
}

static void write_mask(const struct lab_word *word, uint32_t mask, FILE *out)
{
    const char *between = "";

    for (unsigned i = 0; word->choices[i]; i++)
        if (mask & 1u << i) {
            fprintf(out, "%s%s", between, word->choices[i]);
            between = "+";
        }
}

static void write_value(const struct lab_word *word, const void *at, FILE *out)
{
    switch (word->kind) {
    case LAB_SWITCH:
        fprintf(out, "%s", *(const bool *)at ? "yes" : "no");
        break;
    case LAB_TIME:
        lab_write_time(out, *(const uint64_t *)at);
        break;
    case LAB_RATE:
        lab_write_rate(out, *(const uint64_t *)at);
        break;
    case LAB_SIZE:
        lab_write_size(out, *(const uint64_t *)at);
        break;
    case LAB_SIZE32:
        lab_write_size(out, *(const uint32_t *)at);
        break;
    case LAB_COUNT:
        fprintf(out, "%" PRIu32, *(const uint32_t *)at);
        break;
    case LAB_COUNT8:
        fprintf(out, "%u", *(const uint8_t *)at);
        break;
    case LAB_COUNT16:
        fprintf(out, "%u", *(const uint16_t *)at);
        break;
    case LAB_CHANCE:
        fprintf(out, "%.10g%%", *(const double *)at * 100);
        break;
    case LAB_CHOICE:
        fprintf(out, "%s", word->choices[*(const int *)at]);
        break;
    case LAB_CHOICE8:
        fprintf(out, "%s", word->choices[*(const uint8_t *)at]);
        break;
    case LAB_PICK:
        fprintf(out, "%s", *(const char *const *)at);
        break;
    case LAB_MASK:
        write_mask(word, *(const uint32_t *)at, out);
        break;
    }
}

void lab_words_write(const struct lab_word *table, const void *base, const void *defaults, const char *prefix,
                     FILE *out)
{
    for (const struct lab_word *word = table; word->name; word++) {
        const void *at = (const char *)base + word->offset;

        if (memcmp(at, (const char *)defaults + word->offset, lab_word_size(word->kind)) == 0)
            continue;
        fprintf(out, " %s%s", prefix, word->name);
        if (word->kind == LAB_SWITCH && *(const bool *)at)
            continue;
        fputc('=', out);
        write_value(word, at, out);
    }
}

/* --- Help --------------------------------------------------------------------------------- */

static const char *value_name(enum lab_kind kind)
{
    static const char *const names[] = {
        [LAB_SWITCH] = "",       [LAB_TIME] = "=TIME",     [LAB_RATE] = "=RATE",      [LAB_SIZE] = "=SIZE",
        [LAB_SIZE32] = "=SIZE",  [LAB_COUNT] = "=N",       [LAB_COUNT8] = "=N",       [LAB_COUNT16] = "=N",
        [LAB_CHANCE] = "=SHARE", [LAB_CHOICE] = "=CHOICE", [LAB_CHOICE8] = "=CHOICE", [LAB_PICK] = "=CHOICE",
        [LAB_MASK] = "=LIST",
    };

    return names[kind];
}

void lab_words_help(const struct lab_word *table, FILE *out)
{
    for (const struct lab_word *word = table; word->name; word++) {
        char head[60];

        (void)snprintf(head, sizeof(head), "%s%s", word->name, value_name(word->kind));
        fprintf(out, "  %-26s %s", head, word->help);
        for (unsigned i = 0; word->choices && word->choices[i]; i++)
            fprintf(out, "%s%s", i ? ", " : ": ", word->choices[i]);
        fputc('\n', out);
    }
}
