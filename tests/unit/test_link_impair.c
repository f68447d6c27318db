/* SPDX-License-Identifier: MIT */
/* A wire with faults, in virtual time: exact where it is exact, within bounds where it is chance. */
#include "link_support.h"

#define MAX_ARRIVALS 20000
#define PAYLOAD      196u
#define FRAME        (LINK_TCP_HEADERS + PAYLOAD) /* 250 bytes: 2000 bits */

/* What came out at one side. */
struct arrivals {
    unsigned count;
    struct {
        uint32_t seq;
        weft_time when;
        bool is_whole;
        uint16_t flags;
    } at[MAX_ARRIVALS];
};

struct bench {
    struct weft_pool *pool;
    struct weft_link *near, *far; /* near: the impairment around a wire; far: the wire's other end */
    weft_time now;
    struct arrivals to_near, to_far;
    uint8_t frame[WEFT_PKT_MAX];
};

static struct bench *make_bench_with(const struct weft_impair_config *config, uint32_t queue, uint32_t pkts)
{
    struct weft_pipe_config wire = {
        .type = WEFT_LINK_ETHERNET, .caps = WEFT_LINK_TSO4 | WEFT_LINK_LRO, .queue = queue};
    struct bench *b = calloc(1, sizeof(*b));
    struct weft_link *inner;

    b->pool = test_pool_new(pkts, pkts, pkts);
    b->now = 1000;
    assert_int_equal(weft_link_pipe(&wire, &inner, &b->far), 0);
    assert_int_equal(weft_link_impair(inner, config, b->pool, &b->near), 0);
    return b;
}

static struct bench *make_bench(const struct weft_impair_config *config)
{
    return make_bench_with(config, 0, 1024);
}

static void free_bench(struct bench *b)
{
    weft_link_close(b->near);
    weft_link_close(b->far);
    test_pool_free(b->pool);
    free(b);
}

static void note(struct bench *b, struct arrivals *arrivals, struct weft_pkt *pkt)
{
    unsigned i = arrivals->count++;

    assert_true(i < MAX_ARRIVALS);
    arrivals->at[i].seq = link_tcp_seq(pkt, WEFT_LINK_ETHERNET);
    arrivals->at[i].when = b->now;
    arrivals->at[i].flags = pkt->flags;
    weft_pkt_finish_checksum(pkt);
    weft_pkt_copy_out(pkt, 0, b->frame, pkt->total_len);
    arrivals->at[i].is_whole = link_is_whole(b->frame, pkt->total_len, LINK_ETH_LEN);
    weft_pkt_free(pkt);
}

/* What a driver does when a deadline has come. */
static void serve(struct bench *b)
{
    struct weft_pktq none = {0}, batch = {0};

    assert_true(weft_link_recv(b->near, b->pool, &batch, 16, b->now) >= 0);
    assert_true(batch.count <= 16);
    while (batch.head)
        note(b, &b->to_near, weft_pktq_pop(&batch));
    assert_true(weft_link_send(b->near, &none, b->now) >= 0);
    weft_link_recv(b->far, b->pool, &batch, 16, b->now);
    while (batch.head)
        note(b, &b->to_far, weft_pktq_pop(&batch));
}

static weft_time next_event(const struct bench *b)
{
    weft_time near = weft_link_deadline(b->near), far = weft_link_deadline(b->far);

    return near < far ? near : far;
}

/* Lives through everything that happens up to `until`. */
static void advance(struct bench *b, weft_time until)
{
    unsigned at_once = 0;

    for (weft_time next; (next = next_event(b)) <= until; serve(b)) {
        at_once = next > b->now ? 0 : at_once + 1;
        assert_true(at_once < 10000); /* a deadline that never moves */
        if (next > b->now)
            b->now = next;
    }
    if (b->now < until)
        b->now = until;
}

static void send_out(struct bench *b, uint32_t seq)
{
    link_send_one(b->near, link_tcp_packet(b->pool, WEFT_LINK_ETHERNET, seq, PAYLOAD, 0), b->now);
}

static void send_in(struct bench *b, uint32_t seq)
{
    link_send_one(b->far, link_tcp_packet(b->pool, WEFT_LINK_ETHERNET, seq, PAYLOAD, 0), b->now);
}

/* --- What is exact --- */

static void without_faults_packets_pass_untouched(void **state)
{
    struct weft_impair_config config = {.seed = 1};
    struct bench *b = make_bench(&config);
    struct weft_pkt *out = link_tcp_packet(b->pool, WEFT_LINK_ETHERNET, 1, 50000, 1448), *got;

    (void)state;
    assert_true(b->near->caps & WEFT_LINK_LRO);
    link_send_one(b->near, out, 0);
    got = link_recv_one(b->far, b->pool, 0);
    assert_ptr_equal(got, out);
    link_send_one(b->far, got, 0);
    assert_ptr_equal(link_recv_one(b->near, b->pool, 0), out);
    assert_true(weft_link_deadline(b->near) == WEFT_TIME_NEVER);
    assert_int_equal(b->near->stats.tx_packets, 1);
    assert_int_equal(b->near->stats.rx_bytes, LINK_TCP_HEADERS + 50000);
    weft_pkt_free(out);
    free_bench(b);
}

static void delay_is_exact_both_ways(void **state)
{
    struct weft_impair_config config = {.out.delay = 12345, .in.delay = 77};
    struct bench *b = make_bench(&config);

    (void)state;
    send_out(b, 1);
    send_in(b, 2);
    assert_int_equal(weft_link_deadline(b->near), 0); /* the wire below has a packet for us */
    serve(b);
    assert_int_equal(weft_link_deadline(b->near), 1000 + 77);
    advance(b, 1000000);
    assert_int_equal(b->to_near.count, 1);
    assert_int_equal(b->to_near.at[0].when, 1000 + 77);
    assert_int_equal(b->to_far.count, 1);
    assert_int_equal(b->to_far.at[0].when, 1000 + 12345);
    assert_int_equal(b->to_far.at[0].flags, WEFT_PKT_CSUM_PARTIAL);
    assert_true(weft_link_deadline(b->near) == WEFT_TIME_NEVER);
    free_bench(b);
}

static void rate_spaces_packets_exactly(void **state)
{
    struct weft_impair_config config = {.out.rate = 1000000, .out.delay = 500};
    struct bench *b = make_bench(&config);

    (void)state;
    for (uint32_t i = 0; i < 10; i++)
        send_out(b, i);
    advance(b, 1000000);
    assert_int_equal(b->to_far.count, 10);
    for (uint32_t i = 0; i < 10; i++) { /* 2000 bits take 2 ms */
        assert_int_equal(b->to_far.at[i].seq, i);
        assert_int_equal(b->to_far.at[i].when, 1000 + 2000 * (i + 1) + 500);
    }
    free_bench(b);
}

static void a_full_queue_loses_the_last(void **state)
{
    struct weft_impair_config config = {.out.rate = 1000000, .out.queue = 3};
    struct bench *b = make_bench(&config);

    (void)state;
    for (uint32_t i = 0; i < 10; i++)
        send_out(b, i);
    assert_int_equal(b->near->stats.tx_packets, 10);
    assert_int_equal(b->near->stats.tx_dropped, 6); /* one on the wire, three wait */
    advance(b, 1000000);
    assert_int_equal(b->to_far.count, 4);
    assert_int_equal(b->to_far.at[3].seq, 3);
    assert_int_equal(b->to_far.at[3].when, 1000 + 4 * 2000);
    free_bench(b);
}

static void held_back_packets_let_others_pass(void **state)
{
    struct weft_impair_config config = {.seed = 3,
                                        .out = {.delay = 100, .reorder = 0.3, .reorder_delay = 2500}};
    struct bench *b = make_bench(&config);
    unsigned late = 0, overtaken = 0;
    uint32_t newest = 0;

    (void)state;
    for (uint32_t i = 0; i < 200; i++) {
        advance(b, 1000 + 1000 * i);
        send_out(b, i);
    }
    advance(b, 10000000);
    assert_int_equal(b->to_far.count, 200);
    for (unsigned i = 0; i < 200; i++) {
        uint32_t seq = b->to_far.at[i].seq;
        weft_time on_time = 1000 + 1000 * seq + 100;

        if (b->to_far.at[i].when != on_time) {
            assert_int_equal(b->to_far.at[i].when, on_time + 2500);
            late++;
        }
        overtaken += seq < newest;
        newest = seq > newest ? seq : newest;
    }
    assert_in_range(late, 30, 90); /* 60 expected, 6.5 the standard deviation */
    assert_in_range(overtaken, 20, late);
    free_bench(b);
}

static void jitter_spreads_and_keeps_the_order(void **state)
{
    struct weft_impair_config config = {.seed = 4, .in = {.delay = 5000, .jitter = 1000}};
    struct bench *b = make_bench(&config);
    weft_time sum = 0, least = WEFT_TIME_NEVER, most = 0;

    (void)state;
    for (uint32_t i = 0; i < 1000; i++) {
        advance(b, 1000 + 10000 * i);
        send_in(b, i);
    }
    advance(b, 100000000);
    assert_int_equal(b->to_near.count, 1000);
    for (uint32_t i = 0; i < 1000; i++) {
        weft_time took = b->to_near.at[i].when - (1000 + 10000 * i);

        assert_int_equal(b->to_near.at[i].seq, i);
        sum += took;
        least = took < least ? took : least;
        most = took > most ? took : most;
    }
    assert_in_range(least, 5000, 5020);
    assert_in_range(most, 5980, 6000);
    assert_in_range(sum / 1000, 5450, 5550); /* mean 5500, its deviation 9 */
    free_bench(b);
}

static void dense_packets_keep_their_order_under_jitter(void **state)
{
    struct weft_impair_config config = {.seed = 5, .out.jitter = 1000};
    struct bench *b = make_bench(&config);

    (void)state;
    for (uint32_t i = 0; i < 200; i++) {
        advance(b, 1000 + 10 * i);
        send_out(b, i);
    }
    advance(b, 100000);
    assert_int_equal(b->to_far.count, 200);
    for (uint32_t i = 0; i < 200; i++) {
        assert_int_equal(b->to_far.at[i].seq, i);
        assert_in_range(b->to_far.at[i].when, 1000 + 10 * i, 1000 + 10 * i + 1000);
    }
    free_bench(b);
}

static void duplicates_follow_at_once(void **state)
{
    struct weft_impair_config config = {.out = {.duplicate = 1, .delay = 10}};
    struct bench *b = make_bench(&config);

    (void)state;
    for (uint32_t i = 0; i < 5; i++)
        send_out(b, i);
    advance(b, 10000);
    assert_int_equal(b->to_far.count, 10);
    for (unsigned i = 0; i < 10; i++) {
        assert_int_equal(b->to_far.at[i].seq, i / 2);
        assert_int_equal(b->to_far.at[i].when, 1010);
        assert_true(b->to_far.at[i].is_whole);
    }
    free_bench(b);
}

/* --- Corruption --- */

static unsigned bits_that_differ(const uint8_t *a, const uint8_t *b, uint32_t len)
{
    unsigned bits = 0;

    for (uint32_t i = 0; i < len; i++)
        bits += (unsigned)__builtin_popcount(a[i] ^ b[i]);
    return bits;
}

/* Sends one packet through a wire that corrupts all, and compares with what it was when complete. */
static void corrupt_one(struct bench *b, struct weft_link *from, struct weft_link *to, uint16_t flags)
{
    struct weft_pkt *pkt = link_tcp_packet(b->pool, WEFT_LINK_ETHERNET, 9, PAYLOAD, 0);
    struct weft_block *block = weft_block_ref(pkt->slices[0].block);
    struct weft_pkt *twin = weft_pkt_copy(b->pool, pkt);
    uint8_t was[FRAME], is[FRAME];

    weft_pkt_finish_checksum(twin);
    weft_pkt_copy_out(twin, 0, was, FRAME);
    weft_pkt_free(twin);
    if (flags) {
        weft_pkt_finish_checksum(pkt);
        pkt->flags = flags;
    }
    link_send_one(from, pkt, b->now);
    pkt = link_recv_one(to, b->pool, b->now);
    assert_non_null(pkt);
    weft_pkt_copy_out(pkt, 0, is, FRAME);
    assert_int_equal(bits_that_differ(was, is, FRAME), 1);
    assert_int_equal(pkt->flags & (WEFT_PKT_CSUM_PARTIAL | WEFT_PKT_CSUM_GOOD), 0);
    for (uint32_t i = 0; i < PAYLOAD; i++) /* the sender's buffer is as it was */
        assert_int_equal(block->data[i], link_payload_byte(i));
    weft_block_unref(block);
    weft_pkt_free(pkt);
}

static void corruption_flips_one_bit_of_a_copy(void **state)
{
    struct weft_impair_config config = {.seed = 6, .out.corrupt = 1, .in.corrupt = 1};
    struct bench *b = make_bench(&config);

    (void)state;
    for (unsigned i = 0; i < 200; i++) {
        corrupt_one(b, b->near, b->far, 0);
        corrupt_one(b, b->far, b->near, 0);
        corrupt_one(b, b->far, b->near, WEFT_PKT_CSUM_GOOD);
    }
    free_bench(b);
}

static void every_part_of_a_packet_gets_corrupted(void **state)
{
    struct weft_impair_config config = {.seed = 7, .out.corrupt = 1};
    struct bench *b = make_bench(&config);
    unsigned broken = 0;

    (void)state;
    for (uint32_t i = 0; i < 1000; i++) {
        send_out(b, 1);
        advance(b, b->now);
    }
    assert_int_equal(b->to_far.count, 1000);
    for (unsigned i = 0; i < 1000; i++)
        broken += !b->to_far.at[i].is_whole;
    assert_in_range(broken, 900, 980); /* all but those hit in the Ethernet header: 14 of 250 bytes */
    free_bench(b);
}

/* --- Chance --- */

/* Which of `count` packets get through, as text. */
static char *loss_pattern(const struct weft_impair_config *config, unsigned count)
{
    struct bench *b = make_bench(config);
    char *pattern = calloc(1, count + 1);

    memset(pattern, '.', count);
    for (uint32_t i = 0; i < count; i++) {
        send_out(b, i);
        advance(b, b->now + 10);
    }
    advance(b, b->now + 10000000);
    for (unsigned i = 0; i < b->to_far.count; i++)
        pattern[b->to_far.at[i].seq] = 'x';
    assert_int_equal(b->near->stats.tx_dropped, count - b->to_far.count);
    free_bench(b);
    return pattern;
}

static unsigned count_lost(const char *pattern)
{
    unsigned lost = 0;

    for (; *pattern; pattern++)
        lost += *pattern == '.';
    return lost;
}

static void loss_has_its_rate_and_is_repeatable(void **state)
{
    struct weft_impair_config config = {.seed = 8, .out.loss = 0.05};
    char *first = loss_pattern(&config, 10000), *second = loss_pattern(&config, 10000), *other, *delayed;

    (void)state;
    assert_in_range(count_lost(first), 400, 600); /* 500 expected, 22 the standard deviation */
    assert_string_equal(first, second);
    config.out.jitter = 2000;
    config.out.reorder = 0.5;
    delayed = loss_pattern(&config, 10000); /* other faults change nothing in who is lost */
    assert_string_equal(first, delayed);
    config.seed = 9;
    other = loss_pattern(&config, 10000);
    assert_string_not_equal(first, other);
    free(first);
    free(second);
    free(delayed);
    free(other);
}

static void directions_have_numbers_of_their_own(void **state)
{
    struct weft_impair_config config = {.seed = 10, .out.loss = 0.5, .in.loss = 0.5};
    struct bench *b = make_bench(&config);
    unsigned differ = 0;

    (void)state;
    for (uint32_t i = 0; i < 200; i++) {
        send_out(b, i);
        send_in(b, i);
        advance(b, b->now);
    }
    for (unsigned i = 0; i < 50; i++)
        differ += b->to_far.at[i].seq != b->to_near.at[i].seq;
    assert_in_range(differ, 25, 50);
    free_bench(b);
}

static void faults_fall_on_packets_independently(void **state)
{
    struct weft_impair_config config = {.seed = 13, .out = {.loss = 0.5, .duplicate = 0.5, .corrupt = 0.5}};
    struct bench *b = make_bench(&config);
    unsigned doubled = 0, whole = 0;

    (void)state;
    for (uint32_t i = 0; i < 400; i++) {
        send_out(b, i);
        advance(b, b->now);
    }
    for (unsigned i = 0; i < b->to_far.count; i++)
        whole += b->to_far.at[i].is_whole;
    doubled = b->to_far.count - (400 - (unsigned)b->near->stats.tx_dropped);
    assert_in_range(doubled, 60, 140); /* 100 of the 200 that are not lost; deviation 8.7 */
    assert_in_range(whole, b->to_far.count / 3, b->to_far.count * 2 / 3);
    free_bench(b);
}

static void all_lost_is_all_lost(void **state)
{
    struct weft_impair_config config = {.in.loss = 1};
    struct bench *b = make_bench(&config);

    (void)state;
    for (uint32_t i = 0; i < 100; i++)
        send_in(b, i);
    advance(b, 100000);
    assert_int_equal(b->to_near.count, 0);
    assert_int_equal(b->near->stats.rx_dropped, 100);
    assert_int_equal(b->near->stats.rx_packets, 0);
    free_bench(b);
}

/* --- Super-segments, bounds, links that are full --- */

static void super_segments_are_cut_first(void **state)
{
    struct weft_impair_config config = {.out.delay = 10, .in.delay = 10};
    struct bench *b = make_bench(&config);

    (void)state;
    assert_false(b->near->caps & WEFT_LINK_LRO);
    assert_true(b->near->caps & WEFT_LINK_TSO4);
    link_send_one(b->near, link_tcp_packet(b->pool, WEFT_LINK_ETHERNET, 0, 10000, 1000), b->now);
    link_send_one(b->far, link_tcp_packet(b->pool, WEFT_LINK_ETHERNET, 0, 64000, 1000), b->now);
    advance(b, 100000);
    assert_int_equal(b->to_far.count, 10);
    assert_int_equal(b->to_near.count, 64);
    for (unsigned i = 0; i < 64; i++) {
        assert_int_equal(b->to_near.at[i].seq, i * 1000);
        assert_true(b->to_near.at[i].is_whole);
    }
    assert_int_equal(b->near->stats.tx_packets, 1);
    assert_int_equal(b->near->stats.rx_packets, 64);
    free_bench(b);
}

static void the_wire_holds_a_quarter_of_the_pool(void **state)
{
    struct weft_impair_config config = {.out.delay = 100, .in.delay = 100};
    struct bench *b = make_bench_with(&config, 0, 400);

    (void)state;
    for (uint32_t i = 0; i < 150; i++) {
        send_out(b, i);
        send_in(b, i);
        serve(b);
    }
    assert_int_equal(b->near->stats.tx_dropped, 50);
    assert_int_equal(b->near->stats.rx_dropped, 50);
    advance(b, 100000);
    assert_int_equal(b->to_far.count, 100);
    assert_int_equal(b->to_near.count, 100);
    free_bench(b);
}

static void bursts_of_super_segments_need_not_be_held(void **state)
{
    struct weft_impair_config config = {.in.loss = 1e-9}; /* impaired, but nothing will ever be lost */
    struct bench *b = make_bench_with(&config, 0, 512);

    (void)state;
    for (uint32_t i = 0; i < 16; i++) /* cut up they are twice what the wire may hold */
        link_send_one(b->far, link_tcp_packet(b->pool, WEFT_LINK_ETHERNET, i << 16, 16000, 1000), b->now);
    advance(b, 100000);
    assert_int_equal(b->to_near.count, 256);
    assert_int_equal(b->near->stats.rx_dropped, 0);
    free_bench(b);
}

static void a_full_link_below_is_waited_for(void **state)
{
    struct weft_impair_config config = {.out.delay = 10};
    struct bench *b = make_bench_with(&config, 2, 1024);
    struct weft_pktq none = {0};

    (void)state;
    for (uint32_t i = 0; i < 5; i++)
        send_out(b, i);
    b->now += 10;
    weft_link_send(b->near, &none, b->now); /* two go, three find the wire below full */
    assert_int_equal(weft_link_deadline(b->near), b->now + 1000);
    weft_pkt_free(link_recv_one(b->far, b->pool, b->now));
    assert_int_equal(weft_link_deadline(b->near), 0); /* the wire says that it has room again */
    advance(b, 1010);
    assert_int_equal(b->to_far.count, 4);
    assert_int_equal(b->to_far.at[3].seq, 4);
    assert_int_equal(b->to_far.at[3].when, 1010);
    assert_true(weft_link_deadline(b->near) == WEFT_TIME_NEVER);
    free_bench(b);
}

static void a_closed_wire_gives_back_what_it_holds(void **state)
{
    struct weft_impair_config config = {.out = {.delay = 1000, .reorder = 0.5},
                                        .in = {.delay = 1000, .reorder = 0.5}};
    struct bench *b = make_bench_with(&config, 2, 1024);

    (void)state;
    for (uint32_t i = 0; i < 20; i++) {
        send_out(b, i);
        send_in(b, i);
        serve(b);
    }
    b->now += 1000;
    serve(b); /* some wait for the wire below now */
    free_bench(b);
}

/* Everything at once, with random traffic; gives a digest of all that arrived and when. */
static uint64_t live_through_everything(uint64_t seed)
{
    static const struct weft_impair_direction all = {.delay = 3000,
                                                     .jitter = 2000,
                                                     .rate = 5000000,
                                                     .queue = 20,
                                                     .loss = 0.1,
                                                     .reorder = 0.1,
                                                     .reorder_delay = 4000,
                                                     .duplicate = 0.1,
                                                     .corrupt = 0.1};
    struct weft_impair_config config = {.seed = seed, .out = all, .in = all};
    struct bench *b = make_bench(&config);
    struct test_rng traffic = {1};
    uint64_t digest = 14695981039346656037u; /* FNV-1a */

    for (uint32_t i = 0; i < 2000; i++) {
        if (test_rng_below(&traffic, 2))
            send_out(b, i);
        else
            send_in(b, i);
        advance(b, b->now + test_rng_below(&traffic, 400));
    }
    advance(b, b->now + 1000000);
    for (unsigned i = 0; i < b->to_far.count; i++)
        digest = (digest ^ b->to_far.at[i].seq ^ b->to_far.at[i].when << 20) * 1099511628211u;
    for (unsigned i = 0; i < b->to_near.count; i++)
        digest = (digest ^ b->to_near.at[i].seq ^ b->to_near.at[i].when << 20) * 1099511628211u;
    assert_in_range(b->to_far.count, 500, 1200);
    free_bench(b);
    return digest;
}

static void the_same_seed_gives_the_same_run(void **state)
{
    uint64_t first = live_through_everything(11);

    (void)state;
    assert_true(first == live_through_everything(11));
    assert_true(first != live_through_everything(12));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_faults_packets_pass_untouched),
        cmocka_unit_test(delay_is_exact_both_ways),
        cmocka_unit_test(rate_spaces_packets_exactly),
        cmocka_unit_test(a_full_queue_loses_the_last),
        cmocka_unit_test(held_back_packets_let_others_pass),
        cmocka_unit_test(jitter_spreads_and_keeps_the_order),
        cmocka_unit_test(dense_packets_keep_their_order_under_jitter),
        cmocka_unit_test(duplicates_follow_at_once),
        cmocka_unit_test(corruption_flips_one_bit_of_a_copy),
        cmocka_unit_test(every_part_of_a_packet_gets_corrupted),
        cmocka_unit_test(loss_has_its_rate_and_is_repeatable),
        cmocka_unit_test(directions_have_numbers_of_their_own),
        cmocka_unit_test(faults_fall_on_packets_independently),
        cmocka_unit_test(all_lost_is_all_lost),
        cmocka_unit_test(super_segments_are_cut_first),
        cmocka_unit_test(the_wire_holds_a_quarter_of_the_pool),
        cmocka_unit_test(bursts_of_super_segments_need_not_be_held),
        cmocka_unit_test(a_full_link_below_is_waited_for),
        cmocka_unit_test(a_closed_wire_gives_back_what_it_holds),
        cmocka_unit_test(the_same_seed_gives_the_same_run),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
