/* SPDX-License-Identifier: MIT */
/* Memory that is freed together (arena.h). */
#include "inspect/arena.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK_SIZE (256u << 10)

struct inspect_chunk {
    struct inspect_chunk *next;
    size_t used, size;
    uint8_t bytes[];
};

void *inspect_arena_copy(struct inspect_arena *arena, const void *bytes, size_t len)
{
    struct inspect_chunk *chunk = arena->chunk;
    uint8_t *at;

    if (!chunk || chunk->size - chunk->used < len) {
        size_t size = len > CHUNK_SIZE ? len : CHUNK_SIZE;

        chunk = malloc(sizeof(*chunk) + size);
        if (!chunk)
            return NULL;
        *chunk = (struct inspect_chunk){.next = arena->chunk, .size = size};
        arena->chunk = chunk;
    }
    at = chunk->bytes + chunk->used;
    if (len > 0)
        memcpy(at, bytes, len);
    chunk->used += len;
    return at;
}

const char *inspect_arena_text(struct inspect_arena *arena, const char *text)
{
    return inspect_arena_copy(arena, text, strlen(text) + 1);
}

void inspect_arena_free(struct inspect_arena *arena)
{
    while (arena->chunk) {
        struct inspect_chunk *next = arena->chunk->next;

        free(arena->chunk);
        arena->chunk = next;
    }
}

void *inspect_array_grow(void *array, uint32_t count, uint32_t *room, size_t element_size)
{
    uint32_t wanted = *room ? *room * 2 : 64;
    void *grown;

    if (count < *room)
        return array;
    grown = realloc(array, wanted * element_size);
    if (grown)
        *room = wanted;
    return grown;
}
