/* SPDX-License-Identifier: MIT */
/* Segments in any order, overlapping and doubled, against one flag for each byte. */
#include "tcp_peer.h"

#define TOTAL 30000u

struct model {
    struct tcp_peer *t;
    struct test_rng rng;
    bool has[TOTAL + 2]; /* by relative number; the FIN is number TOTAL + 1 */
    uint32_t nxt;
    uint32_t read;
};

static uint32_t held(const struct model *m)
{
    uint32_t n = 0;

    for (uint32_t i = m->nxt; i <= TOTAL; i++)
        n += m->has[i];
    return n;
}

/* [left, right) is a run of the model with nothing beside it. */
static bool is_run(const struct model *m, uint32_t left, uint32_t right)
{
    if (left <= m->nxt || left >= right || right > TOTAL + 2)
        return false;
    for (uint32_t i = left; i < right; i++)
        if (!m->has[i])
            return false;
    return !m->has[left - 1] && (right == TOTAL + 2 || !m->has[right]);
}

/* RFC 2018 4 and RFC 2883 4: the blocks are whole runs, each once, but that a duplicate may come first. */
static void check_sacks(const struct model *m, const struct tp_seg *seg)
{
    for (unsigned i = 0; i < seg->opts.nsacks; i++) {
        uint32_t left = seg->opts.sack[i].left - m->t->irs, right = seg->opts.sack[i].right - m->t->irs;

        if (i == 0 && !is_run(m, left, right)) {
            for (uint32_t n = left; n < right; n++)
                assert_true(n < m->nxt || m->has[n]); /* it did come */
            continue;
        }
        assert_true(is_run(m, left, right));
        for (unsigned k = 1; k < i; k++)
            assert_int_not_equal(seg->opts.sack[i].left, seg->opts.sack[k].left);
    }
}

static void send_one(struct model *m)
{
    struct tcp_peer *t = m->t;
    uint32_t edge = t->edge - t->irs; /* of the window */
    uint32_t seq = m->nxt + test_rng_below(&m->rng, 3000);
    uint32_t len = test_rng_between(&m->rng, 1, 1200);
    bool fin;

    if (test_rng_below(&m->rng, 4) == 0)
        seq = m->nxt;
    if (test_rng_below(&m->rng, 5) == 0 && m->nxt > 400)
        seq = m->nxt - test_rng_below(&m->rng, 400);
    if (seq > TOTAL)
        seq = TOTAL;
    if (seq + len > TOTAL + 1)
        len = TOTAL + 1 - seq;
    fin = seq + len == TOTAL + 1 && test_rng_below(&m->rng, 2);
    /* RFC 9293 table 6: one of its ends must lie in the window */
    if (seq >= m->nxt || seq + len + fin <= edge)
        for (uint32_t i = seq; i < seq + len + fin && i < edge; i++)
            m->has[i] = true;
    while (m->nxt <= TOTAL + 1 && m->has[m->nxt])
        m->nxt++;
    peer_sends(t, fin ? "FA" : "A", seq, 1, len);
    assert_int_equal(tp_info(t).held, held(m));
    for (; t->count > 0; tp_pass(t)) {
        assert_int_equal(t->segs[t->first].ack, m->nxt);
        check_sacks(m, &t->segs[t->first]);
    }
}

static void read_some(struct model *m)
{
    uint32_t pending = (uint32_t)weft_sock_recv_pending(m->t->sock);
    uint32_t data_end = m->nxt > TOTAL + 1 ? TOTAL + 1 : m->nxt;

    assert_int_equal(pending, data_end - 1 - m->read);
    if (pending == 0)
        return;
    pending = test_rng_between(&m->rng, 1, pending);
    we_read(m->t, pending);
    m->read += pending;
    ignore_sent(m->t);
}

static void stream(uint64_t seed, const struct tcp_peer_setup *setup)
{
    struct model m = {.t = tcp_peer_established(setup), .rng = {seed}, .nxt = 1};

    m.has[0] = true;
    for (unsigned i = 0; i < 5000 && m.nxt <= TOTAL + 1; i++) {
        send_one(&m);
        if (test_rng_below(&m.rng, 3) == 0)
            read_some(&m);
    }
    assert_int_equal(m.nxt, TOTAL + 2);
    assert_int_equal(m.t->state, WEFT_TCP_CLOSE_WAIT);
    while (weft_sock_recv_pending(m.t->sock) > 0)
        read_some(&m);
    assert_int_equal(m.read, TOTAL);
    we_cannot_read(m.t, 0);
    tcp_peer_end(m.t);
}

static void streams_with_sack(void **state)
{
    struct test_rng rng = test_rng_start("streams_with_sack");

    (void)state;
    for (unsigned i = 0; i < 15; i++)
        stream(test_rng_u64(&rng), &(struct tcp_peer_setup){.sack = true});
}

static void streams_with_a_small_window(void **state)
{
    struct test_rng rng = test_rng_start("streams_with_a_small_window");

    (void)state;
    for (unsigned i = 0; i < 15; i++)
        stream(test_rng_u64(&rng), &(struct tcp_peer_setup){.sack = true, .tcp = {.receive_buffer = 5000}});
}

static void streams_without_sack(void **state)
{
    struct test_rng rng = test_rng_start("streams_without_sack");

    (void)state;
    for (unsigned i = 0; i < 10; i++)
        stream(test_rng_u64(&rng), NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streams_with_sack),
        cmocka_unit_test(streams_with_a_small_window),
        cmocka_unit_test(streams_without_sack),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
