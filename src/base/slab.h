/* SPDX-License-Identifier: MIT */
/*
 * Slab: a fixed number of objects of one size, reserved at start. Objects are
 * handed out zeroed, in the order of their addresses until each has been used
 * once, so that memory a quiet stack never needs is never touched.
 */
#ifndef WEFT_BASE_SLAB_H
#define WEFT_BASE_SLAB_H

#include <weft/pkt.h>

struct slab {
    uint8_t *mem;
    uint32_t object_size; /* rounded up to 16 bytes */
    uint32_t capacity;    /* objects */
    uint32_t touched;     /* objects that have been handed out at least once */
    uint32_t used;
    void *free_list; /* a free object begins with a pointer to the next */
};

/* Returns 0 or WEFT_E_NOMEM. */
int slab_init(struct slab *slab, const struct weft_allocator *allocator, uint32_t object_size,
              uint32_t capacity);
void slab_fini(struct slab *slab, const struct weft_allocator *allocator);

/* A zeroed object, or NULL when all are in use. */
void *slab_new(struct slab *slab);

/* NULL is allowed. */
void slab_free(struct slab *slab, void *object);

#endif
