/* SPDX-License-Identifier: MIT */
/*
 * Tells AddressSanitizer which memory of a pool is free, so that a use after
 * free or a write past an object is found in memory that never goes back to
 * the system. Without the sanitizer these are nothing.
 *
 * The one conditional in the core: it changes what a bug does, not what the
 * code does.
 */
#ifndef WEFT_BASE_POISON_H
#define WEFT_BASE_POISON_H

#include <stddef.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WEFT_HAS_ASAN_ 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define WEFT_HAS_ASAN_ 1
#endif

#ifdef WEFT_HAS_ASAN_
void __asan_poison_memory_region(void const volatile *mem, size_t size);
void __asan_unpoison_memory_region(void const volatile *mem, size_t size);
#endif

/* `size` bytes at `mem` are free: touching them is a bug. */
static inline void poison(const void *mem, size_t size)
{
#ifdef WEFT_HAS_ASAN_
    __asan_poison_memory_region(mem, size);
#else
    (void)mem;
    (void)size;
#endif
}

/* They are in use. */
static inline void unpoison(const void *mem, size_t size)
{
#ifdef WEFT_HAS_ASAN_
    __asan_unpoison_memory_region(mem, size);
#else
    (void)mem;
    (void)size;
#endif
}

#endif
