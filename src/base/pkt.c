/* SPDX-License-Identifier: MIT */
/*
 * Packets, blocks and the pool that they come from (weft/pkt.h).
 *
 * Owns    the count of references to a block, and the free lists. A descriptor
 *         or a block is in its free list, or in use, or has never been used;
 *         what was never used lies behind `touched` and its memory is not read.
 *
 * Never   clears memory that the next owner writes anyway. Sets of a descriptor
 *         what has a meaning when it is empty, and leaves `slices` and `room`.
 *
 * Holds   total_len is len plus the lengths of the slices; slices are not
 *         empty; headroom, linear part and tailroom together are buf_size.
 *         `pool` of a descriptor is NULL exactly while it is free, so that
 *         freeing twice is caught.
 */
#include <weft/pkt.h>

#include <string.h>

#include "base/assert.h"
#include "base/poison.h"

/* Blocks of one size. */
struct block_store {
    uint32_t size; /* bytes of each */
    uint32_t capacity, touched, used;
    struct weft_block *free;
    struct weft_block *blocks;
    uint8_t *data;
};

struct weft_pool {
    struct weft_allocator allocator;
    struct weft_pkt *free_pkts;
    struct weft_pkt *pkts;
    uint32_t pkt_capacity, pkts_touched, pkts_used;
    struct block_store small, large;
    uint64_t exhausted;
};

/* --- Pools --- */

static bool init_store(struct block_store *store, const struct weft_allocator *allocator, uint32_t size,
                       uint32_t capacity)
{
    *store = (struct block_store){.size = size, .capacity = capacity};
    store->blocks = allocator->alloc(allocator->ctx, sizeof(*store->blocks) * capacity);
    store->data = allocator->alloc(allocator->ctx, (size_t)size * capacity);
    return store->blocks && store->data;
}

/* Unpoisons memory that free objects have left poisoned, and gives it back. */
static void give_back(const struct weft_allocator *allocator, void *mem, size_t size)
{
    if (!mem)
        return;
    unpoison(mem, size);
    allocator->free(allocator->ctx, mem, size);
}

static void fini_store(struct block_store *store, const struct weft_allocator *allocator)
{
    give_back(allocator, store->blocks, sizeof(*store->blocks) * store->capacity);
    give_back(allocator, store->data, (size_t)store->size * store->capacity);
}

struct weft_pool *weft_pool_new(const struct weft_allocator *allocator, const struct weft_pool_config *config)
{
    struct weft_pool *pool = allocator->alloc(allocator->ctx, sizeof(*pool));
    bool has_small, has_large;

    if (!pool)
        return NULL;
    *pool = (struct weft_pool){.allocator = *allocator};
    pool->pkt_capacity = config->pkts ? config->pkts : 8192;
    pool->pkts = allocator->alloc(allocator->ctx, sizeof(*pool->pkts) * pool->pkt_capacity);
    has_small = init_store(&pool->small, allocator, WEFT_BLOCK_SMALL,
                           config->small_blocks ? config->small_blocks : 16384);
    has_large = init_store(&pool->large, allocator, WEFT_BLOCK_LARGE,
                           config->large_blocks ? config->large_blocks : 4096);
    if (pool->pkts && has_small && has_large)
        return pool;
    weft_pool_free(pool);
    return NULL;
}

void weft_pool_free(struct weft_pool *pool)
{
    const struct weft_allocator allocator = pool->allocator;

    weft_assert(pool->pkts_used == 0 && pool->small.used == 0 && pool->large.used == 0);
    fini_store(&pool->large, &allocator);
    fini_store(&pool->small, &allocator);
    give_back(&allocator, pool->pkts, sizeof(*pool->pkts) * pool->pkt_capacity);
    allocator.free(allocator.ctx, pool, sizeof(*pool));
}

void weft_pool_usage(const struct weft_pool *pool, struct weft_pool_usage *out)
{
    *out = (struct weft_pool_usage){
        .pkts = pool->pkt_capacity,
        .pkts_used = pool->pkts_used,
        .small_blocks = pool->small.capacity,
        .small_used = pool->small.used,
        .large_blocks = pool->large.capacity,
        .large_used = pool->large.used,
        .exhausted = pool->exhausted,
    };
}

/* --- Blocks --- */

/* A block that has never been used. */
static struct weft_block *touch_block(struct block_store *store, struct weft_pool *pool)
{
    uint32_t i = store->touched++;
    struct weft_block *block = &store->blocks[i];

    block->size = store->size;
    block->data = store->data + (size_t)i * store->size;
    block->pool = pool;
    block->release = NULL;
    return block;
}

struct weft_block *weft_block_new(struct weft_pool *pool, uint32_t size)
{
    struct block_store *store = size == WEFT_BLOCK_SMALL ? &pool->small : &pool->large;
    struct weft_block *block = store->free;

    weft_assert(size == store->size);
    if (block) {
        unpoison(block->data, block->size);
        store->free = block->next_free;
    } else if (store->touched < store->capacity) {
        block = touch_block(store, pool);
    } else {
        pool->exhausted++;
        return NULL;
    }
    store->used++;
    block->next_free = NULL;
    block->refs = 1;
    return block;
}

struct weft_block *weft_block_ref(struct weft_block *block)
{
    weft_assert(block->refs > 0);
    block->refs++;
    return block;
}

/* The last reference has gone. */
static void release_block(struct weft_block *block)
{
    struct weft_pool *pool = block->pool;
    struct block_store *store;

    if (!pool) {
        block->release(block);
        return;
    }
    store = block->size == WEFT_BLOCK_SMALL ? &pool->small : &pool->large;
    block->next_free = store->free;
    store->free = block;
    store->used--;
    poison(block->data, block->size);
}

void weft_block_unref(struct weft_block *block)
{
    weft_assert(block->refs > 0);
    if (--block->refs == 0)
        release_block(block);
}

/* --- Packets --- */

/* A descriptor whose linear part is still to be set. */
static struct weft_pkt *take_descriptor(struct weft_pool *pool)
{
    struct weft_pkt *pkt = pool->free_pkts;

    if (pkt) {
        unpoison(pkt, sizeof(*pkt));
        pool->free_pkts = pkt->next;
    } else if (pool->pkts_touched < pool->pkt_capacity) {
        pkt = &pool->pkts[pool->pkts_touched++];
    } else {
        pool->exhausted++;
        return NULL;
    }
    pool->pkts_used++;
    pkt->next = NULL;
    pkt->len = 0;
    pkt->total_len = 0;
    pkt->flags = 0;
    pkt->nslices = 0;
    pkt->gso_size = 0;
    pkt->gso_segs = 0;
    pkt->l3_off = 0;
    pkt->l4_off = 0;
    pkt->csum_start = 0;
    pkt->csum_offset = 0;
    pkt->mark = 0;
    pkt->pool = pool;
    pkt->when = 0;
    return pkt;
}

static void set_linear(struct weft_pkt *pkt, struct weft_block *head, uint8_t *buf, uint32_t buf_size,
                       uint32_t headroom)
{
    pkt->head = head;
    pkt->buf = buf;
    pkt->buf_size = buf_size;
    pkt->data = buf + headroom;
}

struct weft_pkt *weft_pkt_new(struct weft_pool *pool)
{
    struct weft_pkt *pkt = take_descriptor(pool);

    if (pkt)
        set_linear(pkt, NULL, pkt->room, WEFT_PKT_ROOM, WEFT_PKT_ROOM);
    return pkt;
}

/* An empty packet whose linear part is in a block of `size` bytes. */
static struct weft_pkt *new_with_head(struct weft_pool *pool, uint32_t size, uint32_t headroom)
{
    struct weft_block *head = weft_block_new(pool, size);
    struct weft_pkt *pkt;

    if (!head)
        return NULL;
    pkt = take_descriptor(pool);
    if (!pkt) {
        weft_block_unref(head);
        return NULL;
    }
    set_linear(pkt, head, head->data, head->size, headroom);
    return pkt;
}

struct weft_pkt *weft_pkt_new_rx(struct weft_pool *pool, uint32_t headroom)
{
    weft_assert(headroom <= WEFT_BLOCK_SMALL);
    return new_with_head(pool, WEFT_BLOCK_SMALL, headroom);
}

void weft_pkt_free(struct weft_pkt *pkt)
{
    struct weft_pool *pool;

    if (!pkt)
        return;
    pool = pkt->pool;
    weft_assert(pool != NULL);
    for (unsigned i = 0; i < pkt->nslices; i++)
        weft_block_unref(pkt->slices[i].block);
    if (pkt->head)
        weft_block_unref(pkt->head);
    pkt->pool = NULL;
    pkt->next = pool->free_pkts;
    pool->free_pkts = pkt;
    pool->pkts_used--;
    poison(pkt, sizeof(*pkt));
}

bool weft_pkt_add_slice(struct weft_pkt *pkt, struct weft_block *block, uint32_t off, uint32_t len)
{
    struct weft_slice *last = pkt->nslices ? &pkt->slices[pkt->nslices - 1] : NULL;

    weft_assert(off <= block->size && len <= block->size - off);
    if (len == 0)
        return true;
    if (last && last->block == block && last->off + last->len == off) {
        last->len += len;
    } else {
        if (pkt->nslices == WEFT_PKT_SLICES)
            return false;
        pkt->slices[pkt->nslices++] = (struct weft_slice){weft_block_ref(block), off, len};
    }
    pkt->total_len += len;
    return true;
}

void weft_pkt_trim(struct weft_pkt *pkt, uint32_t total_len)
{
    while (pkt->nslices && pkt->total_len > total_len) {
        struct weft_slice *last = &pkt->slices[pkt->nslices - 1];
        uint32_t excess = pkt->total_len - total_len;

        if (excess < last->len) {
            last->len -= excess;
            pkt->total_len = total_len;
            return;
        }
        pkt->total_len -= last->len;
        weft_block_unref(last->block);
        pkt->nslices--;
    }
    if (pkt->total_len > total_len)
        pkt->len = pkt->total_len = total_len;
}

/* Takes `n` bytes, which the slices have, off their front, and writes them to `to` unless that is NULL. */
static void take_from_slices(struct weft_pkt *pkt, uint8_t *to, uint32_t n)
{
    unsigned gone = 0;

    while (n) {
        struct weft_slice *first = &pkt->slices[gone];
        uint32_t part = n < first->len ? n : first->len;

        if (to) {
            memcpy(to, first->block->data + first->off, part);
            to += part;
        }
        n -= part;
        first->off += part;
        first->len -= part;
        if (first->len == 0) {
            weft_block_unref(first->block);
            gone++;
        }
    }
    if (gone == 0)
        return;
    pkt->nslices = (uint16_t)(pkt->nslices - gone);
    memmove(pkt->slices, pkt->slices + gone, sizeof(pkt->slices[0]) * pkt->nslices);
}

void weft_pkt_trim_front(struct weft_pkt *pkt, uint32_t n)
{
    uint32_t linear = n < pkt->len ? n : pkt->len;

    weft_assert(n <= pkt->total_len);
    weft_pkt_pull(pkt, linear);
    take_from_slices(pkt, NULL, n - linear);
    pkt->total_len -= n - linear;
}

bool weft_pkt_linearize(struct weft_pkt *pkt, uint32_t n)
{
    uint32_t missing = n - pkt->len;

    if (n <= pkt->len)
        return true;
    if (n > pkt->total_len || missing > weft_pkt_tailroom(pkt))
        return false;
    /* What follows the linear part in a shared block may be in somebody's view. */
    if (pkt->head && pkt->head->refs > 1)
        return false;
    take_from_slices(pkt, pkt->data + pkt->len, missing);
    pkt->len = n;
    return true;
}

void weft_pkt_copy_out(const struct weft_pkt *pkt, uint32_t off, void *to, uint32_t n)
{
    uint8_t *out = to;

    weft_assert(off <= pkt->total_len && n <= pkt->total_len - off);
    if (off < pkt->len) {
        uint32_t part = n < pkt->len - off ? n : pkt->len - off;

        memcpy(out, pkt->data + off, part);
        out += part;
        n -= part;
        off = 0;
    } else {
        off -= pkt->len;
    }
    for (unsigned i = 0; n; i++) {
        const struct weft_slice *slice = &pkt->slices[i];
        uint32_t part;

        if (off >= slice->len) {
            off -= slice->len;
            continue;
        }
        part = n < slice->len - off ? n : slice->len - off;
        memcpy(out, slice->block->data + slice->off + off, part);
        out += part;
        n -= part;
        off = 0;
    }
}

/* --- Copies --- */

/* An empty packet with room for the linear part of `like` at the same place, so that offsets from
 * `buf` stay right; `*fits` is how many bytes of that part it has room for. */
static struct weft_pkt *new_like(struct weft_pool *pool, const struct weft_pkt *like, uint32_t *fits)
{
    uint32_t headroom = weft_pkt_headroom(like);
    uint32_t end = headroom + like->len;
    struct weft_pkt *pkt;

    if (end <= WEFT_PKT_ROOM && !like->head) {
        pkt = take_descriptor(pool);
        if (pkt)
            set_linear(pkt, NULL, pkt->room, WEFT_PKT_ROOM, headroom);
    } else {
        pkt = new_with_head(pool, end <= WEFT_BLOCK_SMALL ? WEFT_BLOCK_SMALL : WEFT_BLOCK_LARGE, headroom);
    }
    *fits = end <= WEFT_BLOCK_LARGE ? like->len : WEFT_BLOCK_LARGE - headroom;
    return pkt;
}

/* Adds slices with a copy of what `from` has behind `off`. Returns false when the pool is empty. */
static bool copy_to_slices(struct weft_pool *pool, struct weft_pkt *to, const struct weft_pkt *from,
                           uint32_t off)
{
    while (off < from->total_len) {
        uint32_t left = from->total_len - off;
        struct weft_block *block =
            weft_block_new(pool, left <= WEFT_BLOCK_SMALL ? WEFT_BLOCK_SMALL : WEFT_BLOCK_LARGE);
        uint32_t part;
        bool added;

        if (!block)
            return false;
        part = left < block->size ? left : block->size;
        weft_pkt_copy_out(from, off, block->data, part);
        added = weft_pkt_add_slice(to, block, 0, part);
        weft_block_unref(block);
        if (!added)
            return false;
        off += part;
    }
    return true;
}

struct weft_pkt *weft_pkt_copy(struct weft_pool *pool, const struct weft_pkt *pkt)
{
    uint32_t fits;
    struct weft_pkt *copy;

    weft_assert(weft_pkt_headroom(pkt) <= WEFT_BLOCK_LARGE);
    copy = new_like(pool, pkt, &fits);
    if (!copy)
        return NULL;
    copy->flags = pkt->flags;
    copy->gso_size = pkt->gso_size;
    copy->gso_segs = pkt->gso_segs;
    copy->l3_off = pkt->l3_off;
    copy->l4_off = pkt->l4_off;
    copy->csum_start = pkt->csum_start;
    copy->csum_offset = pkt->csum_offset;
    copy->mark = pkt->mark;
    copy->when = pkt->when;
    memcpy(weft_pkt_put(copy, fits), pkt->data, fits);
    if (copy_to_slices(pool, copy, pkt, fits))
        return copy;
    weft_pkt_free(copy);
    return NULL;
}

void weft_pktq_purge(struct weft_pktq *q)
{
    struct weft_pkt *pkt;

    while ((pkt = weft_pktq_pop(q)))
        weft_pkt_free(pkt);
}
