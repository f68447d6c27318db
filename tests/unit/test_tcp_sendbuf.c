/* SPDX-License-Identifier: MIT */
/* The send buffer on random input, against a flat array of the same bytes. */
#include "support.h"

#include "tcp/sendbuf.h"

#define STREAM (1u << 20)
#define START  0xfff00000u /* wraps on the way */
#define LENT   64

struct model {
    struct tcp_sendbuf buf;
    struct slab chunks;
    struct weft_pool *pool;
    struct test_rng rng;
    uint8_t *bytes;      /* of the whole stream */
    uint32_t start, end; /* what the buffer should hold, from the stream's beginning */
    struct weft_block lent[LENT];
    unsigned released;
};

static uint8_t lent_bytes[LENT][500];

static void stay(struct weft_block *block)
{
    block->refs = 0;
}

static void begin(struct model *m, const char *test, uint32_t chunks, uint32_t blocks)
{
    memset(m, 0, sizeof(*m));
    m->rng = test_rng_start(test);
    m->buf.start = seq_of(START);
    m->pool = test_pool_new(64, blocks, blocks / 4 + 1);
    m->bytes = malloc(STREAM);
    assert_non_null(m->bytes);
    test_rng_bytes(&m->rng, m->bytes, STREAM);
    assert_int_equal(slab_init(&m->chunks, &test_allocator, sizeof(struct tcp_chunk), chunks), 0);
}

static void end(struct model *m)
{
    tcp_sendbuf_purge(&m->buf, &m->chunks);
    assert_int_equal(m->chunks.used, 0);
    assert_int_equal(m->buf.len, 0);
    for (unsigned i = 0; i < LENT; i++)
        assert_int_equal(m->lent[i].refs, 0);
    slab_fini(&m->chunks, &test_allocator);
    test_pool_free(m->pool);
    free(m->bytes);
}

static void write_some(struct model *m)
{
    uint32_t want =
        test_rng_below(&m->rng, 3) ? test_rng_below(&m->rng, 300) : test_rng_below(&m->rng, 40000);
    uint32_t n;

    if (want > STREAM - m->end)
        want = STREAM - m->end;
    n = tcp_sendbuf_write(&m->buf, &m->chunks, m->pool, m->bytes + m->end, want);
    assert_true(n <= want);
    m->end += n;
}

static void lend_some(struct model *m)
{
    unsigned i = test_rng_below(&m->rng, LENT);
    uint32_t off = test_rng_below(&m->rng, 100), len = test_rng_between(&m->rng, 1, 400);
    struct weft_block *block = &m->lent[i];

    if (block->refs > 0 || len > STREAM - m->end)
        return;
    *block = (struct weft_block){.refs = 1, .size = 500, .data = lent_bytes[i], .release = stay};
    memcpy(lent_bytes[i] + off, m->bytes + m->end, len);
    if (tcp_sendbuf_lend(&m->buf, &m->chunks, block, off, len))
        m->end += len;
    weft_block_unref(block);
}

static void release_some(struct model *m)
{
    uint32_t n = test_rng_below(&m->rng, m->end - m->start + 1);

    if (test_rng_below(&m->rng, 2))
        n = n < 3000 ? n : 3000;
    m->start += n;
    tcp_sendbuf_release(&m->buf, &m->chunks, seq_of(START + m->start));
}

static void view_some(struct model *m)
{
    uint32_t held = m->end - m->start;
    uint32_t off = held ? test_rng_below(&m->rng, held) : 0;
    uint32_t len = test_rng_below(&m->rng, held - off + 1), n;
    struct weft_pkt *pkt = weft_pkt_new(m->pool);
    static uint8_t bytes[STREAM];

    assert_non_null(pkt);
    n = tcp_sendbuf_view(&m->buf, seq_of(START + m->start + off), len, pkt);
    assert_true(n <= len && n == pkt->total_len);
    assert_true(n == len || pkt->nslices == WEFT_PKT_SLICES); /* fewer only for want of slices */
    weft_pkt_copy_out(pkt, 0, bytes, n);
    assert_memory_equal(bytes, m->bytes + m->start + off, n);
    weft_pkt_free(pkt);
}

static void check(const struct model *m)
{
    assert_int_equal(m->buf.len, m->end - m->start);
    assert_int_equal(m->buf.start.n, START + m->start);
    assert_true((m->buf.head == NULL) == (m->buf.tail == NULL));
}

static void run(struct model *m, unsigned rounds)
{
    for (unsigned i = 0; i < rounds && m->end < STREAM; i++) {
        switch (test_rng_below(&m->rng, 6)) {
        case 0:
        case 1:
            write_some(m);
            break;
        case 2:
            lend_some(m);
            break;
        case 3:
            release_some(m);
            break;
        default:
            view_some(m);
        }
        check(m);
    }
}

static void holds_what_was_written(void **state)
{
    struct model m;

    (void)state;
    begin(&m, "holds_what_was_written", 4096, 2000);
    run(&m, 5000);
    assert_true(m.end > STREAM / 2);
    end(&m);
}

/* With few blocks and chunks it takes less, never something else. */
static void survives_want_of_memory(void **state)
{
    struct model m;

    (void)state;
    begin(&m, "survives_want_of_memory", 6, 8);
    run(&m, 20000);
    assert_true(m.end > 100000);
    end(&m);
}

/* Small writes stand behind each other in one block: a chunk for each would cost more than the bytes. */
static void small_writes_share_a_block(void **state)
{
    struct model m;

    (void)state;
    begin(&m, "small_writes_share_a_block", 16, 16);
    for (unsigned i = 0; i < 1000; i++)
        assert_int_equal(tcp_sendbuf_write(&m.buf, &m.chunks, m.pool, m.bytes + i, 1), 1);
    m.end = 1000;
    check(&m);
    assert_int_equal(m.chunks.used, 1);
    view_some(&m);
    m.start = 1000;
    tcp_sendbuf_release(&m.buf, &m.chunks, seq_of(START + 1000));
    assert_int_equal(m.chunks.used, 0); /* nothing is kept for an empty buffer */
    end(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_what_was_written),
        cmocka_unit_test(survives_want_of_memory),
        cmocka_unit_test(small_writes_share_a_block),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
