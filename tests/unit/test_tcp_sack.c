/* SPDX-License-Identifier: MIT */
/* The scoreboard on random input, against one entry for each byte. */
#include "tcp_peer.h"

#define SPAN 4096u

/* What is known of each number from SND.UNA on. */
struct byte_state {
    weft_time sent;
    uint8_t flags;
};

struct model {
    struct tcp_peer *t;
    struct tcb *tcb;
    struct test_rng rng;
    struct byte_state byte[SPAN];
    uint32_t base; /* true number of byte[0]; moves with SND.UNA */
};

static uint32_t out(const struct model *m)
{
    return m->tcb->snd.nxt.n - m->tcb->snd.una.n;
}

static void check(const struct model *m)
{
    const struct tcp_scoreboard *board = &m->tcb->board;
    uint32_t at = 0, sacked = 0, lost = 0, doubled = 0;
    bool seen_lost = false;

    for (const struct tcp_range *range = board->head; range; range = range->next) {
        assert_int_equal(range->start.n, m->tcb->snd.una.n + at);
        for (uint32_t n = range->start.n; n != range->end.n; n++, at++) {
            assert_int_equal(range->flags, m->byte[at].flags);
            /* neighbours that were SACKed are joined, and keep the later time */
            if (!(range->flags & TCP_RANGE_SACKED))
                assert_int_equal(range->sent, m->byte[at].sent);
            sacked += (range->flags & TCP_RANGE_SACKED) != 0;
            lost += (range->flags & TCP_RANGE_LOST) != 0;
            doubled += (range->flags & TCP_RANGE_DOUBLED) != 0;
        }
        if ((range->flags & TCP_RANGE_LOST) && !seen_lost) {
            seen_lost = true;
            assert_ptr_equal(tcp_sack_next_lost(m->tcb), range);
        }
    }
    assert_int_equal(at, out(m));
    assert_int_equal(board->sacked_bytes, sacked);
    assert_int_equal(board->lost_bytes, lost);
    assert_int_equal(board->doubled_bytes, doubled);
    if (!seen_lost)
        assert_null(tcp_sack_next_lost(m->tcb));
}

static void send_some(struct model *m)
{
    uint32_t len = test_rng_between(&m->rng, 1, 300);
    tcp_seq start = m->tcb->snd.nxt;

    if (out(m) + len > SPAN)
        return;
    for (uint32_t i = 0; i < len; i++)
        m->byte[out(m) + i] = (struct byte_state){m->tcb->tcp->core->now, 0};
    m->tcb->snd.nxt = seq_add(start, len);
    tcp_sack_sent(m->tcb, start, m->tcb->snd.nxt);
}

static void ack_some(struct model *m)
{
    uint32_t len = test_rng_below(&m->rng, (out(m) < 500 ? out(m) : 500) + 1);
    struct tcp_delivery delivery = {0};
    struct tcp_seg seg = {.ack = seq_add(m->tcb->snd.una, len)};

    tcp_sack_acked(m->tcb, seg.ack, &seg, &delivery);
    m->tcb->snd.una = seg.ack;
    memmove(m->byte, m->byte + len, sizeof(m->byte[0]) * (SPAN - len));
}

/* Up to four blocks, possible and impossible ones; a byte is SACKed if a possible block covers it. */
static void sack_some(struct model *m)
{
    struct tcp_delivery delivery = {0};
    struct tcp_seg seg = {.ack = m->tcb->snd.una};
    uint32_t newly = 0, una = m->tcb->snd.una.n;

    seg.opts.nsacks = (uint8_t)test_rng_between(&m->rng, 1, 4);
    for (unsigned i = 0; i < seg.opts.nsacks; i++) {
        uint32_t left = test_rng_below(&m->rng, out(m) + 50), len = test_rng_below(&m->rng, 400);

        seg.opts.sack[i] = (struct wire_tcp_sack){una + left, una + left + len};
    }
    /* The first must not look like a DSACK: it does when it lies inside the second. */
    if (seg.opts.nsacks > 1 && seg.opts.sack[0].left - una >= seg.opts.sack[1].left - una &&
        seg.opts.sack[0].right - una <= seg.opts.sack[1].right - una)
        seg.opts.nsacks = 1;
    tcp_sack_blocks(m->tcb, &seg, &delivery);
    assert_false(delivery.dsack);
    for (unsigned i = 0; i < seg.opts.nsacks; i++) {
        uint32_t left = seg.opts.sack[i].left - una, right = seg.opts.sack[i].right - una;

        if (right > out(m))
            continue;
        for (; left < right; left++) {
            newly += !(m->byte[left].flags & TCP_RANGE_SACKED);
            m->byte[left].flags =
                (uint8_t)((m->byte[left].flags & TCP_RANGE_RETRANSMITTED) | TCP_RANGE_SACKED);
        }
    }
    assert_int_equal(delivery.sacked, newly);
}

static struct tcp_range *random_range(struct model *m)
{
    struct tcp_range *range = m->tcb->board.head;

    for (uint32_t skip = test_rng_below(&m->rng, 12); range && range->next && skip > 0; skip--)
        range = range->next;
    return range;
}

static void lose_some(struct model *m)
{
    struct tcp_range *range = random_range(m);
    uint32_t len = test_rng_between(&m->rng, 1, 400), at, span;

    if (!range)
        return;
    at = range->start.n - m->tcb->snd.una.n;
    span = range->end.n - range->start.n;
    if (!(range->flags & (TCP_RANGE_SACKED | TCP_RANGE_LOST)))
        for (uint32_t i = 0; i < len && i < span; i++)
            m->byte[at + i].flags =
                (uint8_t)((m->byte[at + i].flags & TCP_RANGE_RETRANSMITTED) | TCP_RANGE_LOST);
    tcp_sack_mark_lost(m->tcb, range, len, WEFT_CAUSE_RACK);
}

static void resend_some(struct model *m)
{
    struct tcp_range *range = test_rng_below(&m->rng, 3) ? tcp_sack_next_lost(m->tcb) : random_range(m);
    uint32_t len = test_rng_between(&m->rng, 1, 300), at, span;

    if (!range || (range->flags & TCP_RANGE_SACKED))
        return;
    at = range->start.n - m->tcb->snd.una.n;
    span = range->end.n - range->start.n;
    if (len > span)
        len = span;
    uint8_t twice = range->flags & TCP_RANGE_LOST ? 0 : TCP_RANGE_DOUBLED; /* both copies are under way */
    for (uint32_t i = 0; i < len; i++)
        m->byte[at + i] =
            (struct byte_state){m->tcb->tcp->core->now, (uint8_t)(TCP_RANGE_RETRANSMITTED | twice)};
    tcp_sack_resent(m->tcb, range, len);
}

static void renege(struct model *m)
{
    for (uint32_t i = 0; i < out(m); i++)
        if (m->byte[i].flags & TCP_RANGE_SACKED)
            m->byte[i].flags = (uint8_t)((m->byte[i].flags & TCP_RANGE_RETRANSMITTED) | TCP_RANGE_LOST);
    /* which times the joined ranges have is lost with the SACK */
    tcp_sack_renege(m->tcb);
    for (const struct tcp_range *range = m->tcb->board.head; range; range = range->next)
        for (uint32_t n = range->start.n; n != range->end.n; n++)
            m->byte[n - m->tcb->snd.una.n].sent = range->sent;
}

static void keeps_account_of_every_byte(void **state)
{
    struct model m = {.t = tcp_peer_established(&(struct tcp_peer_setup){.sack = true})};

    (void)state;
    m.rng = test_rng_start("keeps_account_of_every_byte");
    m.tcb = m.t->sock->tcb;
    for (unsigned i = 0; i < 20000; i++) {
        m.tcb->tcp->core->now += test_rng_below(&m.rng, 3);
        switch (test_rng_below(&m.rng, 20)) {
        case 0:
            renege(&m);
            break;
        case 1:
        case 2:
        case 3:
            ack_some(&m);
            break;
        case 4:
        case 5:
        case 6:
        case 7:
            sack_some(&m);
            break;
        case 8:
        case 9:
        case 10:
            lose_some(&m);
            break;
        case 11:
        case 12:
        case 13:
            resend_some(&m);
            break;
        default:
            send_some(&m);
        }
        check(&m);
    }
    tcp_sack_purge(m.tcb);
    m.tcb->snd.nxt = m.tcb->snd.una;
    assert_int_equal(tp_tcp(m.t)->ranges.used, 0);
    tcp_peer_end(m.t);
}

/* RFC 2883 4: a first block below the ACK, or inside the second, reports a duplicate and SACKs nothing. */
static void duplicates_are_told_from_sacks(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.sack = true});
    struct tcb *tcb = t->sock->tcb;
    uint32_t una;

    (void)state;
    we_write(t, 5000);
    ignore_sent(t);
    una = tcb->snd.una.n;
    struct tcp_seg below = {.ack = tcb->snd.una, .opts = {.nsacks = 1, .sack = {{una - 100, una}}}};
    struct tcp_seg inside = {
        .ack = tcb->snd.una,
        .opts = {.nsacks = 2, .sack = {{una + 1000, una + 2000}, {una + 1000, una + 3000}}}};
    struct tcp_delivery delivery = {0};

    tcp_sack_blocks(tcb, &below, &delivery);
    assert_true(delivery.dsack && delivery.sacked == 0);
    delivery = (struct tcp_delivery){0};
    tcp_sack_blocks(tcb, &inside, &delivery);
    assert_true(delivery.dsack && delivery.sacked == 2000);
    tcp_peer_end(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_account_of_every_byte),
        cmocka_unit_test(duplicates_are_told_from_sacks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
