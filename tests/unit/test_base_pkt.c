/* SPDX-License-Identifier: MIT */
/*
 * Packets, blocks and pools: each operation against a flat array of the bytes
 * that the packet should have.
 */
#include "support.h"

#define MODEL_MAX 200000

static struct weft_pool_usage usage_of(const struct weft_pool *pool)
{
    struct weft_pool_usage usage;

    weft_pool_usage(pool, &usage);
    return usage;
}

/* The packet's bytes are `bytes`, wherever one begins to read, and its sums agree. */
static void check_bytes(const struct weft_pkt *pkt, const uint8_t *bytes, uint32_t len, struct test_rng *rng)
{
    static uint8_t copy[MODEL_MAX];
    uint32_t sum = pkt->len;

    for (unsigned i = 0; i < pkt->nslices; i++) {
        assert_true(pkt->slices[i].len > 0);
        sum += pkt->slices[i].len;
    }
    assert_int_equal(pkt->total_len, len);
    assert_int_equal(sum, len);
    for (unsigned i = 0; i < 3; i++) {
        uint32_t off = i ? test_rng_below(rng, len + 1) : 0;
        uint32_t n = i ? test_rng_below(rng, len - off + 1) : len;

        weft_pkt_copy_out(pkt, off, copy, n);
        assert_memory_equal(copy, bytes + off, n);
    }
}

/* --- Pools and blocks --- */

static void pool_runs_out_and_recovers(void **state)
{
    struct weft_pool *pool = test_pool_new(3, 2, 1);
    struct weft_pkt *pkt[3];
    struct weft_block *small[2], *large;

    (void)state;
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 3; i++)
            assert_non_null(pkt[i] = weft_pkt_new(pool));
        for (unsigned i = 0; i < 2; i++)
            assert_non_null(small[i] = weft_block_new(pool, WEFT_BLOCK_SMALL));
        assert_non_null(large = weft_block_new(pool, WEFT_BLOCK_LARGE));
        assert_null(weft_pkt_new(pool));
        assert_null(weft_pkt_new_rx(pool, 0));
        assert_null(weft_block_new(pool, WEFT_BLOCK_SMALL));
        assert_null(weft_block_new(pool, WEFT_BLOCK_LARGE));
        assert_int_equal(usage_of(pool).pkts_used, 3);
        assert_int_equal(usage_of(pool).small_used, 2);
        assert_int_equal(usage_of(pool).large_used, 1);
        assert_int_equal(usage_of(pool).exhausted, 4 * (round + 1));
        for (unsigned i = 0; i < 3; i++)
            weft_pkt_free(pkt[(i + round) % 3]);
        for (unsigned i = 0; i < 2; i++)
            weft_block_unref(small[(i + round) % 2]);
        weft_block_unref(large);
    }
    test_pool_free(pool);
}

/* A received packet needs a block and a descriptor; when either is missing, the other goes back. */
static void half_a_packet_is_none(void **state)
{
    struct weft_pool *pool = test_pool_new(1, 1, 1);
    struct weft_block *block = weft_block_new(pool, WEFT_BLOCK_SMALL);
    struct weft_pkt *pkt;

    (void)state;
    assert_null(weft_pkt_new_rx(pool, 0));
    weft_block_unref(block);
    pkt = weft_pkt_new(pool);
    assert_null(weft_pkt_new_rx(pool, 0));
    assert_int_equal(usage_of(pool).small_used, 0);
    weft_pkt_free(pkt);
    test_pool_free(pool);
}

static void first_use_is_in_order_of_addresses(void **state)
{
    struct weft_pool *pool = test_pool_new(4, 4, 4);
    struct weft_block *block[4];
    struct weft_pkt *pkt[4];

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        block[i] = weft_block_new(pool, WEFT_BLOCK_LARGE);
        pkt[i] = weft_pkt_new(pool);
        memset(block[i]->data, (int)i, WEFT_BLOCK_LARGE);
        assert_ptr_equal(block[i]->data, block[0]->data + (size_t)i * WEFT_BLOCK_LARGE);
        assert_ptr_equal(pkt[i], pkt[0] + i);
        /* What has been freed is used again before anything new. */
        weft_pkt_free(pkt[i]);
        assert_ptr_equal(weft_pkt_new(pool), pkt[i]);
    }
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(block[i]->data[0], i);
        assert_int_equal(block[i]->data[WEFT_BLOCK_LARGE - 1], i);
        weft_block_unref(block[i]);
        weft_pkt_free(pkt[i]);
    }
    test_pool_free(pool);
}

static void *alloc_some(void *ctx, size_t size)
{
    unsigned *left = ctx;

    if (*left == 0)
        return NULL;
    (*left)--;
    return test_mem_alloc(NULL, size);
}

/* However early the allocator says no, what it gave comes back (the leak checker sees it). */
static void pool_without_memory_is_null(void **state)
{
    struct weft_pool_config config = {.pkts = 4, .small_blocks = 4, .large_blocks = 4};
    unsigned given = 0;

    (void)state;
    for (;; given++) {
        unsigned left = given;
        struct weft_allocator allocator = {alloc_some, test_mem_free, &left};
        struct weft_pool *pool = weft_pool_new(&allocator, &config);

        if (pool) {
            weft_pool_free(pool);
            break;
        }
    }
    assert_true(given > 3);
}

static void pool_of_default_size(void **state)
{
    struct weft_pool *pool = weft_pool_new(&test_allocator, &(struct weft_pool_config){0});

    (void)state;
    assert_int_equal(usage_of(pool).pkts, 8192);
    assert_int_equal(usage_of(pool).small_blocks, 16384);
    assert_int_equal(usage_of(pool).large_blocks, 4096);
    test_pool_free(pool);
}

static void blocks_are_counted(void **state)
{
    struct weft_pool *pool = test_pool_new(0, 0, 0);
    struct weft_block *block = weft_block_new(pool, WEFT_BLOCK_LARGE);
    struct weft_pkt *a = weft_pkt_new(pool), *b = weft_pkt_new(pool);

    (void)state;
    assert_int_equal(block->size, WEFT_BLOCK_LARGE);
    assert_true(weft_pkt_add_slice(a, block, 0, 100));
    assert_true(weft_pkt_add_slice(b, block, 50, 100));
    assert_true(weft_pkt_add_slice(b, block, 0, 10));
    assert_int_equal(block->refs, 4);
    assert_ptr_equal(weft_block_ref(block), block);
    weft_block_unref(block);
    weft_block_unref(block);
    weft_pkt_free(b);
    assert_int_equal(block->refs, 1);
    assert_int_equal(usage_of(pool).large_used, 1);
    weft_pkt_free(a);
    assert_int_equal(usage_of(pool).large_used, 0);
    weft_pkt_free(NULL);
    test_pool_free(pool);
}

static unsigned released;

static void count_release(struct weft_block *block)
{
    assert_int_equal(block->refs, 0);
    released++;
}

static void lent_block_goes_back_once(void **state)
{
    static uint8_t bytes[300];
    struct weft_block lent = {.refs = 1, .size = sizeof(bytes), .data = bytes, .release = count_release};
    struct weft_pool *pool = test_pool_new(0, 0, 0);
    struct weft_pkt *pkt = weft_pkt_new(pool);

    (void)state;
    released = 0;
    assert_true(weft_pkt_add_slice(pkt, &lent, 100, 200));
    weft_block_unref(&lent);
    assert_int_equal(released, 0);
    weft_pkt_free(pkt);
    assert_int_equal(released, 1);
    test_pool_free(pool);
}

/* --- Packets --- */

static void new_packet_remembers_nothing(void **state)
{
    struct weft_pool *pool = test_pool_new(1, 2, 1);
    struct weft_block *block = weft_block_new(pool, WEFT_BLOCK_SMALL);
    struct weft_pkt *pkt = weft_pkt_new_rx(pool, 10);

    (void)state;
    weft_pkt_put(pkt, 20);
    weft_pkt_add_slice(pkt, block, 0, 30);
    weft_block_unref(block);
    pkt->flags = pkt->gso_size = pkt->gso_segs = pkt->l3_off = pkt->l4_off = 0xffff;
    pkt->csum_start = pkt->csum_offset = 0xffff;
    pkt->mark = 0xffff;
    pkt->when = 7;
    weft_pkt_free(pkt);

    pkt = weft_pkt_new(pool);
    assert_ptr_equal(pkt->data, pkt->room + WEFT_PKT_ROOM);
    assert_int_equal(weft_pkt_headroom(pkt), WEFT_PKT_ROOM);
    assert_int_equal(weft_pkt_tailroom(pkt), 0);
    assert_int_equal(pkt->len | pkt->total_len | pkt->nslices | pkt->flags | pkt->gso_size | pkt->gso_segs,
                     0);
    assert_int_equal(pkt->l3_off | pkt->l4_off | pkt->csum_start | pkt->csum_offset | (int)pkt->mark, 0);
    assert_true(pkt->when == 0);
    assert_null(pkt->next);
    assert_null(pkt->head);
    weft_pkt_free(pkt);
    test_pool_free(pool);
}

static void push_pull_put(void **state)
{
    struct weft_pool *pool = test_pool_new(0, 0, 0);
    struct weft_pkt *pkt = weft_pkt_new_rx(pool, 64);

    (void)state;
    assert_int_equal(weft_pkt_headroom(pkt), 64);
    assert_int_equal(weft_pkt_tailroom(pkt), WEFT_BLOCK_SMALL - 64);
    memcpy(weft_pkt_put(pkt, 3), "def", 3);
    memcpy(weft_pkt_put(pkt, 2), "gh", 2);
    memcpy(weft_pkt_push(pkt, 3), "abc", 3);
    assert_int_equal(pkt->len, 8);
    assert_int_equal(pkt->total_len, 8);
    assert_memory_equal(pkt->data, "abcdefgh", 8);
    pkt->l3_off = 61;
    pkt->l4_off = 64;
    assert_ptr_equal(weft_pkt_l3(pkt), pkt->data);
    weft_pkt_pull(pkt, 3);
    assert_ptr_equal(weft_pkt_l4(pkt), pkt->data);
    assert_memory_equal(pkt->data, "defgh", 5);
    assert_int_equal(pkt->total_len, 5);
    assert_int_equal(weft_pkt_headroom(pkt) + pkt->len + weft_pkt_tailroom(pkt), WEFT_BLOCK_SMALL);
    weft_pkt_free(pkt);
    test_pool_free(pool);
}

static void slices_merge_and_run_out(void **state)
{
    struct weft_pool *pool = test_pool_new(0, 0, 0);
    struct weft_block *a = weft_block_new(pool, WEFT_BLOCK_LARGE),
                      *b = weft_block_new(pool, WEFT_BLOCK_LARGE);
    struct weft_pkt *pkt = weft_pkt_new(pool);

    (void)state;
    assert_true(weft_pkt_add_slice(pkt, a, 0, 0));
    assert_int_equal(pkt->nslices, 0);
    assert_true(weft_pkt_add_slice(pkt, a, 0, 100));
    assert_true(weft_pkt_add_slice(pkt, a, 100, WEFT_BLOCK_LARGE - 100));
    assert_int_equal(pkt->nslices, 1);
    assert_int_equal(a->refs, 2);
    for (unsigned i = 1; i < WEFT_PKT_SLICES; i++)
        assert_true(weft_pkt_add_slice(pkt, i % 2 ? b : a, i, 1));
    assert_false(weft_pkt_add_slice(pkt, a, 0, 1));
    assert_int_equal(pkt->total_len, WEFT_BLOCK_LARGE + WEFT_PKT_SLICES - 1);
    weft_pkt_free(pkt);
    assert_int_equal(a->refs, 1);
    assert_int_equal(b->refs, 1);
    weft_block_unref(a);
    weft_block_unref(b);
    test_pool_free(pool);
}

static void linearize_refuses_and_changes_nothing(void **state)
{
    struct test_rng rng = test_rng_start(__func__);
    struct weft_pool *pool = test_pool_new(0, 0, 0);
    struct weft_block *block = weft_block_new(pool, WEFT_BLOCK_LARGE);
    struct weft_pkt *tx = weft_pkt_new(pool), *rx = weft_pkt_new_rx(pool, 2000);

    (void)state;
    test_rng_bytes(&rng, block->data, 1000);
    weft_pkt_add_slice(tx, block, 0, 1000);
    assert_false(weft_pkt_linearize(tx, 1)); /* no tailroom in `room` */
    check_bytes(tx, block->data, 1000, &rng);

    weft_pkt_add_slice(rx, block, 0, 1000);
    assert_false(weft_pkt_linearize(rx, 1001));
    assert_false(weft_pkt_linearize(rx, 49));
    weft_block_ref(rx->head);
    assert_false(weft_pkt_linearize(rx, 48));
    weft_block_unref(rx->head);
    check_bytes(rx, block->data, 1000, &rng);
    assert_int_equal(rx->len, 0);
    assert_true(weft_pkt_linearize(rx, 48));
    assert_true(weft_pkt_linearize(rx, 48));
    assert_int_equal(rx->len, 48);
    check_bytes(rx, block->data, 1000, &rng);
    weft_block_unref(block);
    weft_pkt_free(tx);
    weft_pkt_free(rx);
    test_pool_free(pool);
}

/* --- Random operations against an array --- */

struct subject {
    struct weft_pool *pool;
    struct weft_pkt *pkt;
    uint8_t bytes[MODEL_MAX];
    uint32_t len;
};

static void random_push(struct subject *s, struct test_rng *rng)
{
    uint32_t n = test_rng_below(rng, weft_pkt_headroom(s->pkt) + 1);

    memmove(s->bytes + n, s->bytes, s->len);
    test_rng_bytes(rng, s->bytes, n);
    memcpy(weft_pkt_push(s->pkt, n), s->bytes, n);
    s->len += n;
}

static void random_pull(struct subject *s, struct test_rng *rng)
{
    uint32_t n = test_rng_below(rng, s->pkt->len + 1);

    weft_pkt_pull(s->pkt, n);
    s->len -= n;
    memmove(s->bytes, s->bytes + n, s->len);
}

static void random_put(struct subject *s, struct test_rng *rng)
{
    uint32_t n = test_rng_below(rng, weft_pkt_tailroom(s->pkt) + 1);

    if (s->pkt->nslices)
        return;
    test_rng_bytes(rng, s->bytes + s->len, n);
    memcpy(weft_pkt_put(s->pkt, n), s->bytes + s->len, n);
    s->len += n;
}

static void random_slice(struct subject *s, struct test_rng *rng)
{
    bool small = test_rng_below(rng, 2);
    struct weft_block *block = weft_block_new(s->pool, small ? WEFT_BLOCK_SMALL : WEFT_BLOCK_LARGE);
    uint32_t off = test_rng_below(rng, block->size + 1);
    uint32_t len = test_rng_below(rng, block->size - off + 1) >> test_rng_below(rng, 14);

    test_rng_bytes(rng, block->data + off, len);
    if (weft_pkt_add_slice(s->pkt, block, off, len)) {
        memcpy(s->bytes + s->len, block->data + off, len);
        s->len += len;
    } else {
        assert_int_equal(s->pkt->nslices, WEFT_PKT_SLICES);
    }
    weft_block_unref(block);
}

static void random_trim(struct subject *s, struct test_rng *rng)
{
    uint32_t to = test_rng_below(rng, s->len + s->len / 8 + 2);

    weft_pkt_trim(s->pkt, to);
    if (to < s->len)
        s->len = to;
}

static void random_trim_front(struct subject *s, struct test_rng *rng)
{
    uint32_t n = test_rng_below(rng, s->len + 1) >> test_rng_below(rng, 6);

    weft_pkt_trim_front(s->pkt, n);
    s->len -= n;
    memmove(s->bytes, s->bytes + n, s->len);
}

static void random_linearize(struct subject *s, struct test_rng *rng)
{
    uint32_t n = test_rng_below(rng, s->len + 2) >> test_rng_below(rng, 8);
    bool can = n <= s->pkt->len || (n <= s->len && n - s->pkt->len <= weft_pkt_tailroom(s->pkt));

    assert_int_equal(weft_pkt_linearize(s->pkt, n), can);
    if (can)
        assert_true(s->pkt->len >= n);
}

/* Goes on with a copy in place of the packet. */
static void random_copy(struct subject *s, struct test_rng *rng)
{
    struct weft_pkt *copy;

    s->pkt->l3_off = (uint16_t)weft_pkt_headroom(s->pkt);
    s->pkt->mark = test_rng_u32(rng);
    s->pkt->flags = (uint16_t)test_rng_u32(rng);
    copy = weft_pkt_copy(s->pool, s->pkt);
    assert_non_null(copy);
    assert_int_equal(copy->len, s->pkt->len);
    assert_int_equal(copy->mark, s->pkt->mark);
    assert_int_equal(copy->flags, s->pkt->flags);
    assert_ptr_equal(weft_pkt_l3(copy), copy->data);
    memset(s->pkt->data, 0, s->pkt->len);
    weft_pkt_free(s->pkt);
    s->pkt = copy;
}

static void any_operations_keep_the_bytes(void **state)
{
    static void (*const operations[])(struct subject *, struct test_rng *) = {
        random_push, random_pull,       random_put,       random_slice, random_slice,
        random_trim, random_trim_front, random_linearize, random_copy,
    };
    static struct subject s;
    struct test_rng rng = test_rng_start(__func__);

    (void)state;
    s.pool = test_pool_new(4, 64, 64);
    for (unsigned round = 0; round < 150; round++) {
        s.pkt = round % 2 ? weft_pkt_new(s.pool) : weft_pkt_new_rx(s.pool, test_rng_below(&rng, 2049));
        s.len = 0;
        for (unsigned step = 0; step < 40; step++) {
            operations[test_rng_below(&rng, sizeof(operations) / sizeof(operations[0]))](&s, &rng);
            check_bytes(s.pkt, s.bytes, s.len, &rng);
        }
        weft_pkt_free(s.pkt);
    }
    test_pool_free(s.pool);
}

/* --- Copies --- */

static void copy_keeps_all_marks(void **state)
{
    struct weft_pool *from = test_pool_new(1, 1, 1), *to = test_pool_new(1, 1, 1);
    struct weft_pkt *pkt = weft_pkt_new_rx(from, 100);
    struct weft_pkt *copy;

    (void)state;
    memcpy(weft_pkt_put(pkt, 5), "hello", 5);
    pkt->flags = WEFT_PKT_CSUM_GOOD;
    pkt->gso_size = 1;
    pkt->gso_segs = 2;
    pkt->l3_off = 3;
    pkt->l4_off = 4;
    pkt->csum_start = 5;
    pkt->csum_offset = 6;
    pkt->mark = 7;
    pkt->when = 8;
    copy = weft_pkt_copy(to, pkt);
    assert_ptr_equal(copy->pool, to);
    assert_memory_equal(&copy->flags, &pkt->flags, sizeof(pkt->flags));
    assert_int_equal(copy->gso_size, 1);
    assert_int_equal(copy->gso_segs, 2);
    assert_int_equal(copy->l3_off, 3);
    assert_int_equal(copy->l4_off, 4);
    assert_int_equal(copy->csum_start, 5);
    assert_int_equal(copy->csum_offset, 6);
    assert_int_equal(copy->mark, 7);
    assert_true(copy->when == 8);
    assert_int_equal(weft_pkt_headroom(copy), 100);
    weft_pkt_free(pkt);
    test_pool_free(from);
    assert_memory_equal(copy->data, "hello", 5);
    weft_pkt_free(copy);
    test_pool_free(to);
}

/* A linear part longer than our largest block, as a lent one can be, goes on in slices. */
static void copy_of_a_huge_linear_part(void **state)
{
    static uint8_t bytes[65536];
    struct test_rng rng = test_rng_start(__func__);
    struct weft_block lent = {.refs = 1, .size = sizeof(bytes), .data = bytes, .release = count_release};
    struct weft_pool *pool = test_pool_new(0, 0, 0);
    struct weft_pkt *pkt = weft_pkt_new(pool);
    struct weft_pkt *copy;

    (void)state;
    test_rng_bytes(&rng, bytes, sizeof(bytes));
    pkt->head = &lent;
    pkt->buf = bytes;
    pkt->buf_size = sizeof(bytes);
    pkt->data = bytes + 36;
    weft_pkt_put(pkt, 65500);
    copy = weft_pkt_copy(pool, pkt);
    weft_pkt_free(pkt);
    assert_int_equal(copy->len, WEFT_BLOCK_LARGE - 36);
    check_bytes(copy, bytes + 36, 65500, &rng);
    weft_pkt_free(copy);
    test_pool_free(pool);
}

/* Whatever the pool lacks, a copy that fails leaves nothing behind. */
static void copy_without_memory_is_null(void **state)
{
    struct weft_pool *pool = test_pool_new(0, 0, 0);
    struct weft_pkt *pkt = weft_pkt_new_rx(pool, 0);
    unsigned copied = 0;

    (void)state;
    weft_pkt_put(pkt, 100);
    for (unsigned i = 0; i < 3; i++) {
        struct weft_block *block = weft_block_new(pool, WEFT_BLOCK_LARGE);

        weft_pkt_add_slice(pkt, block, 0, WEFT_BLOCK_LARGE);
        weft_block_unref(block);
    }
    weft_pkt_trim(pkt, pkt->total_len - WEFT_BLOCK_LARGE + 100);
    for (unsigned small = 1; small <= 3; small++)
        for (unsigned large = 1; large <= 3; large++) {
            struct weft_pool *tight = test_pool_new(1, small, large);
            struct weft_pkt *copy = weft_pkt_copy(tight, pkt);

            assert_int_equal(copy != NULL, small >= 2 && large >= 2);
            copied += copy != NULL;
            weft_pkt_free(copy);
            test_pool_free(tight);
        }
    assert_int_equal(copied, 4);
    weft_pkt_free(pkt);
    test_pool_free(pool);
}

/* --- Queues --- */

static void queues_are_first_in_first_out(void **state)
{
    struct weft_pool *pool = test_pool_new(8, 8, 8);
    struct weft_pktq a = {0}, b = {0};

    (void)state;
    assert_null(weft_pktq_pop(&a));
    for (unsigned i = 0; i < 6; i++) {
        struct weft_pkt *pkt = weft_pkt_new(pool);

        pkt->mark = i;
        weft_pktq_push(i < 3 ? &a : &b, pkt);
    }
    weft_pktq_append(&a, &b);
    weft_pktq_append(&a, &b);
    assert_int_equal(a.count, 6);
    assert_int_equal(b.count, 0);
    weft_pktq_append(&b, &a);
    for (unsigned i = 0; i < 3; i++) {
        struct weft_pkt *pkt = weft_pktq_pop(&b);

        assert_int_equal(pkt->mark, i);
        assert_null(pkt->next);
        weft_pkt_free(pkt);
    }
    weft_pktq_purge(&b);
    assert_int_equal(b.count, 0);
    assert_null(b.tail);
    test_pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pool_runs_out_and_recovers),
        cmocka_unit_test(half_a_packet_is_none),
        cmocka_unit_test(first_use_is_in_order_of_addresses),
        cmocka_unit_test(pool_without_memory_is_null),
        cmocka_unit_test(pool_of_default_size),
        cmocka_unit_test(blocks_are_counted),
        cmocka_unit_test(lent_block_goes_back_once),
        cmocka_unit_test(new_packet_remembers_nothing),
        cmocka_unit_test(push_pull_put),
        cmocka_unit_test(slices_merge_and_run_out),
        cmocka_unit_test(linearize_refuses_and_changes_nothing),
        cmocka_unit_test(any_operations_keep_the_bytes),
        cmocka_unit_test(copy_keeps_all_marks),
        cmocka_unit_test(copy_of_a_huge_linear_part),
        cmocka_unit_test(copy_without_memory_is_null),
        cmocka_unit_test(queues_are_first_in_first_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
