/* SPDX-License-Identifier: MIT */
/*
 * Slab: objects of one size from memory reserved at start (base/slab.h).
 *
 * Holds   objects [0, touched) have been handed out at least once, and are in
 *         use or in the free list; the rest is as the allocator gave it, zero.
 */
#include "base/slab.h"

#include <string.h>

#include <weft/err.h>

#include "base/assert.h"
#include "base/poison.h"

struct free_object {
    struct free_object *next;
};

static size_t size_in_bytes(const struct slab *slab)
{
    return (size_t)slab->object_size * slab->capacity;
}

int slab_init(struct slab *slab, const struct weft_allocator *allocator, uint32_t object_size,
              uint32_t capacity)
{
    *slab = (struct slab){.object_size = (object_size + 15) & ~15u, .capacity = capacity};
    slab->mem = allocator->alloc(allocator->ctx, size_in_bytes(slab));
    return slab->mem ? 0 : WEFT_E_NOMEM;
}

void slab_fini(struct slab *slab, const struct weft_allocator *allocator)
{
    if (!slab->mem)
        return;
    unpoison(slab->mem, size_in_bytes(slab));
    allocator->free(allocator->ctx, slab->mem, size_in_bytes(slab));
    *slab = (struct slab){0};
}

void *slab_new(struct slab *slab)
{
    struct free_object *object = slab->free_list;

    if (object) {
        unpoison(object, slab->object_size);
        slab->free_list = object->next;
        slab->used++;
        return memset(object, 0, slab->object_size);
    }
    if (slab->touched == slab->capacity)
        return NULL;
    slab->used++;
    return slab->mem + (size_t)slab->touched++ * slab->object_size;
}

void slab_free(struct slab *slab, void *object)
{
    struct free_object *freed = object;

    if (!object)
        return;
    weft_assert((uint8_t *)object >= slab->mem && (uint8_t *)object < slab->mem + size_in_bytes(slab));
    weft_assert(slab->used > 0);
    freed->next = slab->free_list;
    slab->free_list = freed;
    slab->used--;
    poison(object, slab->object_size);
}
