/* SPDX-License-Identifier: MIT */
#include "script/names.h"

#include <string.h>

#include <weft/err.h>
#include <weft/stats.h>
#include <weft/trace.h>

int script_field_find(const struct script_field *table, const char *name)
{
    for (int i = 0; table[i].name; i++)
        if (strcmp(table[i].name, name) == 0)
            return i;
    return -1;
}

int script_value_find(const struct script_value *table, const char *name)
{
    for (int i = 0; table[i].name; i++)
        if (strcmp(table[i].name, name) == 0)
            return table[i].value;
    return -1;
}

bool script_field_set(const struct script_field *field, void *structure, int64_t value)
{
    uint64_t max = field->size >= 8 ? INT64_MAX : ((uint64_t)1 << (8 * field->size)) - 1;
    uint8_t *at = (uint8_t *)structure + field->offset;

    if (field->kind == SCRIPT_BOOL)
        max = 1;
    if (value < 0 || (uint64_t)value > max)
        return false;
    if (field->kind == SCRIPT_BOOL)
        memcpy(at, &(bool){value != 0}, sizeof(bool));
    else if (field->size == 1)
        memcpy(at, &(uint8_t){(uint8_t)value}, 1);
    else if (field->size == 2)
        memcpy(at, &(uint16_t){(uint16_t)value}, 2);
    else if (field->size == 4)
        memcpy(at, &(uint32_t){(uint32_t)value}, 4);
    else
        memcpy(at, &(uint64_t){(uint64_t)value}, 8);
    return true;
}

int64_t script_field_get(const struct script_field *field, const void *structure)
{
    const uint8_t *at = (const uint8_t *)structure + field->offset;
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;

    if (field->size == 1)
        return memcpy(&u8, at, 1), u8;
    if (field->size == 2)
        return memcpy(&u16, at, 2), u16;
    if (field->size == 4)
        return memcpy(&u32, at, 4), u32;
    return memcpy(&u64, at, 8), (int64_t)u64;
}

/* --- The lists of the headers ------------------------------------------------------ */

static bool is_same(const char *a, const char *b)
{
    for (; *a && *b; a++, b++)
        if (*a != *b && !(*a == '-' && *b == '_'))
            return false;
    return *a == *b;
}

static int find(const char *name, const char *const *names, int count)
{
    for (int i = 0; i < count; i++)
        if (is_same(name, names[i]))
            return i;
    return -1;
}

int script_state_find(const char *name)
{
    static const char *const names[] = {
#define NAME(name, text) #name,
        WEFT_TCP_STATES(NAME)
#undef NAME
    };
    return find(name, names, WEFT_TCP_STATE_COUNT);
}

int script_limit_find(const char *name)
{
    static const char *const names[] = {
#define NAME(name, text) #name,
        WEFT_TCP_LIMITS(NAME)
#undef NAME
    };
    return find(name, names, WEFT_LIMIT_COUNT);
}

int script_drop_find(const char *name)
{
    for (unsigned i = 0; i < WEFT_DROP_COUNT; i++)
        if (is_same(name, weft_drop_name(i)))
            return (int)i;
    return -1;
}

int script_counter_find(const char *name)
{
    for (unsigned i = 0; i < WEFT_COUNTER_COUNT; i++)
        if (is_same(name, weft_counter_name(i)))
            return (int)i;
    return -1;
}

int script_error_find(const char *name)
{
    for (int code = WEFT_ERR_FIRST_ + 1; code < WEFT_ERR_END_; code++)
        if (is_same(name, weft_errname(code)))
            return code;
    return 1;
}
