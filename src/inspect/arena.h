/* SPDX-License-Identifier: MIT */
/* Memory for many small things that are all freed together; and arrays that grow. */
#ifndef WEFT_INSPECT_ARENA_H
#define WEFT_INSPECT_ARENA_H

#include <weft/types.h>

struct inspect_chunk;

/* All zero is an empty arena. */
struct inspect_arena {
    struct inspect_chunk *chunk;
};

/* A copy of `len` bytes that stays where it is until the arena is freed, or NULL. */
void *inspect_arena_copy(struct inspect_arena *arena, const void *bytes, size_t len);

/* The same for a text. */
const char *inspect_arena_text(struct inspect_arena *arena, const char *text);

void inspect_arena_free(struct inspect_arena *arena);

/* Room in an array for one element more than `count`; it doubles. Returns the array, moved or not, or
 * NULL, and then the old one is as it was. */
void *inspect_array_grow(void *array, uint32_t count, uint32_t *room, size_t element_size);

#endif
