/* SPDX-License-Identifier: MIT */
/* Memory from the system in whole pages, which cost nothing until they are touched. */
#include <weft/loop.h>

#include <sys/mman.h>

static void *map_pages(void *ctx, size_t size)
{
    void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    (void)ctx;
    return mem == MAP_FAILED ? NULL : mem;
}

static void unmap_pages(void *ctx, void *mem, size_t size)
{
    (void)ctx;
    munmap(mem, size);
}

const struct weft_allocator *weft_host_allocator(void)
{
    static const struct weft_allocator allocator = {map_pages, unmap_pages, NULL};

    return &allocator;
}
