/* SPDX-License-Identifier: MIT */
/* What an observer of a link is shown: every frame once, whole, in order. */
#include "link_support.h"

#include <weft/err.h>

#define MAX_SHOWN 64

/* What the observer has been told. */
struct diary {
    unsigned count;
    struct {
        bool outgoing;
        uint32_t len, seq;
        weft_time now;
        uint16_t checksum;
        bool is_whole;
    } shown[MAX_SHOWN];
    unsigned rounds, closed;
};

static void note_frame(void *ctx, bool outgoing, const uint8_t *bytes, uint32_t len, weft_time now)
{
    struct diary *diary = ctx;
    unsigned i = diary->count++;

    assert_true(i < MAX_SHOWN);
    diary->shown[i].outgoing = outgoing;
    diary->shown[i].len = len;
    diary->shown[i].seq = get_be32(bytes + LINK_ETH_LEN + LINK_IP4_LEN + 4);
    diary->shown[i].now = now;
    diary->shown[i].checksum = get_be16(bytes + LINK_ETH_LEN + LINK_IP4_LEN + 16);
    diary->shown[i].is_whole = link_is_whole(bytes, len, LINK_ETH_LEN);
}

static void note_round(void *ctx, weft_time now)
{
    (void)now;
    ((struct diary *)ctx)->rounds++;
}

static void note_close(void *ctx)
{
    ((struct diary *)ctx)->closed++;
}

struct bench {
    struct weft_pool *pool;
    struct weft_link *tee, *far;
    struct diary diary;
};

/* A tee around one end of a wire with room for `queue` packets. */
static struct bench *make_bench(uint32_t queue)
{
    struct weft_pipe_config config = {.type = WEFT_LINK_ETHERNET, .queue = queue};
    struct bench *b = calloc(1, sizeof(*b));
    struct weft_tee_observer observer = {note_frame, note_round, note_close, &b->diary};
    struct weft_link *near;

    b->pool = test_pool_new(0, 0, 0);
    assert_int_equal(weft_link_pipe(&config, &near, &b->far), 0);
    assert_int_equal(weft_link_tee(near, &observer, &b->tee), 0);
    return b;
}

static void free_bench(struct bench *b)
{
    weft_link_close(b->tee);
    assert_int_equal(b->diary.closed, 1);
    weft_link_close(b->far);
    test_pool_free(b->pool);
    free(b);
}

static struct weft_pkt *make_packet(struct bench *b, uint32_t seq)
{
    return link_tcp_packet(b->pool, WEFT_LINK_ETHERNET, seq, 100, 0);
}

static void says_what_the_inner_link_is(void **state)
{
    struct bench *b = make_bench(0);

    (void)state;
    assert_int_equal(b->tee->type, WEFT_LINK_ETHERNET);
    assert_int_equal(b->tee->mtu, 1500);
    assert_string_equal(b->tee->name, "pipe0");
    assert_int_equal(weft_link_fd(b->tee), -1);
    assert_true(weft_link_deadline(b->tee) == WEFT_TIME_NEVER);
    weft_link_end_round(b->tee, 0);
    assert_int_equal(b->diary.rounds, 1);
    free_bench(b);
}

static void received_frames_are_shown(void **state)
{
    struct bench *b = make_bench(0);
    struct weft_pktq batch = {0};

    (void)state;
    for (uint32_t i = 0; i < 3; i++)
        link_send_one(b->far, make_packet(b, i), 0);
    assert_int_equal(weft_link_deadline(b->tee), 0);
    assert_int_equal(weft_link_recv(b->tee, b->pool, &batch, 2, 11), 2);
    assert_int_equal(weft_link_recv(b->tee, b->pool, &batch, 2, 12), 1); /* appended: not shown again */
    assert_int_equal(b->diary.count, 3);
    for (uint32_t i = 0; i < 3; i++) {
        assert_false(b->diary.shown[i].outgoing);
        assert_int_equal(b->diary.shown[i].seq, i);
        assert_int_equal(b->diary.shown[i].now, i < 2 ? 11 : 12);
        assert_int_equal(b->diary.shown[i].len, LINK_TCP_HEADERS + 100);
        assert_true(b->diary.shown[i].is_whole);
    }
    assert_int_equal(batch.head->flags, WEFT_PKT_CSUM_PARTIAL); /* what passes is not changed */
    assert_int_equal(b->tee->stats.rx_packets, 3);
    weft_pktq_purge(&batch);
    free_bench(b);
}

static void sent_frames_are_shown_when_taken(void **state)
{
    struct bench *b = make_bench(2);
    struct weft_pktq batch = {0};

    (void)state;
    for (uint32_t i = 0; i < 5; i++)
        weft_pktq_push(&batch, make_packet(b, i));
    assert_int_equal(weft_link_send(b->tee, &batch, 21), 2);
    assert_int_equal(b->diary.count, 2);
    assert_int_equal(batch.count, 3);
    assert_int_equal(weft_link_send(b->tee, &batch, 22), 0); /* still full: nothing is shown twice */
    assert_int_equal(b->diary.count, 2);
    weft_pkt_free(link_recv_one(b->far, b->pool, 23));
    assert_int_equal(weft_link_send(b->tee, &batch, 24), 1);
    assert_int_equal(b->diary.count, 3);
    for (uint32_t i = 0; i < 3; i++) {
        assert_true(b->diary.shown[i].outgoing);
        assert_int_equal(b->diary.shown[i].seq, i);
        assert_true(b->diary.shown[i].is_whole);
    }
    assert_int_equal(link_tcp_seq(batch.head, WEFT_LINK_ETHERNET), 3); /* the order is kept */
    assert_int_equal(b->tee->stats.tx_packets, 3);
    weft_pktq_purge(&batch);
    free_bench(b);
}

/* RFC 9293 3.1: all ones as the other form of zero is UDP's alone (RFC 768). */
static void checksum_of_zero_is_shown_as_zero(void **state)
{
    struct bench *b = make_bench(0);
    struct weft_pkt *pkt = make_packet(b, 7);
    uint8_t segment[LINK_TCP_LEN + 100];
    uint8_t *urgent;

    (void)state;
    weft_pkt_copy_out(pkt, LINK_ETH_LEN + LINK_IP4_LEN, segment, sizeof(segment));
    urgent = pkt->buf + pkt->csum_start + 18;
    put_be16(urgent, (uint16_t)~link_sum(0, segment, sizeof(segment)));
    link_send_one(b->tee, pkt, 0);
    assert_int_equal(b->diary.count, 1);
    assert_true(b->diary.shown[0].is_whole);
    assert_int_equal(b->diary.shown[0].checksum, 0);
    free_bench(b);
}

static void super_segments_are_shown_whole(void **state)
{
    struct bench *b = make_bench(0);
    struct weft_pkt *pkt = link_tcp_packet(b->pool, WEFT_LINK_ETHERNET, 5, 60001, 1448);

    (void)state;
    put_be16(weft_pkt_l3(pkt) + 2, 0); /* whatever length stands there, */
    put_be16(weft_pkt_l3(pkt) + 10, 0);
    put_be16(weft_pkt_l3(pkt) + 10,
             (uint16_t)~link_sum(0, weft_pkt_l3(pkt), LINK_IP4_LEN)); /* with its checksum */
    link_send_one(b->tee, pkt, 0);
    assert_int_equal(b->diary.count, 1);
    assert_int_equal(b->diary.shown[0].len, LINK_TCP_HEADERS + 60001);
    assert_true(b->diary.shown[0].is_whole);
    weft_pkt_free(link_recv_one(b->far, b->pool, 0));
    free_bench(b);
}

/* A link that fails for good, and counts how often it is asked. */
struct broken {
    struct weft_link link;
    unsigned sends, closes;
};

static int fail_recv(struct weft_link *link, struct weft_pool *pool, struct weft_pktq *batch, unsigned max,
                     weft_time now)
{
    (void)link, (void)pool, (void)batch, (void)max, (void)now;
    return WEFT_E_NETDOWN;
}

static int fail_send(struct weft_link *link, struct weft_pktq *batch, weft_time now)
{
    (void)batch, (void)now;
    ((struct broken *)link)->sends++;
    return WEFT_E_IO;
}

static void count_close(struct weft_link *link)
{
    ((struct broken *)link)->closes++;
}

static void errors_pass_through(void **state)
{
    static const struct weft_link_ops ops = {.recv = fail_recv, .send = fail_send, .close = count_close};
    struct broken broken = {.link = {.ops = &ops, .name = "broken"}};
    struct weft_pool *pool = test_pool_new(0, 0, 0);
    struct diary diary = {0};
    struct weft_tee_observer observer = {.frame = note_frame, .ctx = &diary};
    struct weft_pktq batch = {0};
    struct weft_link *tee;

    (void)state;
    assert_int_equal(weft_link_tee(&broken.link, &observer, &tee), 0);
    assert_int_equal(weft_link_recv(tee, pool, &batch, 1, 0), WEFT_E_NETDOWN);
    assert_int_equal(weft_link_send(tee, &batch, 0),
                     WEFT_E_IO); /* asked, although there is nothing to send */
    weft_pktq_push(&batch, link_tcp_packet(pool, WEFT_LINK_ETHERNET, 1, 10, 0));
    assert_int_equal(weft_link_send(tee, &batch, 0), WEFT_E_IO);
    assert_int_equal(batch.count, 1);
    assert_int_equal(broken.sends, 2);
    assert_int_equal(diary.count, 0);
    weft_link_end_round(tee, 0); /* an observer without interest in it */
    weft_link_close(tee);
    assert_int_equal(broken.closes, 1);
    weft_pktq_purge(&batch);
    test_pool_free(pool);
}

static void strange_marks_do_no_harm(void **state)
{
    struct bench *b = make_bench(0);
    struct weft_pkt *pkt = make_packet(b, 1);

    (void)state;
    pkt->csum_start = 0; /* in the headroom */
    pkt->l3_off = 0;
    pkt->gso_size = 10;
    pkt->gso_segs = 10;
    link_send_one(b->tee, pkt, 0);
    pkt = link_recv_one(b->far, b->pool, 0);
    pkt->csum_start = (uint16_t)(weft_pkt_headroom(pkt) + pkt->len - 1);
    pkt->csum_offset = UINT16_MAX;
    pkt->l3_off = (uint16_t)(weft_pkt_headroom(pkt) + pkt->total_len - 1);
    link_send_one(b->tee, pkt, 0);
    assert_int_equal(b->diary.count, 2);
    weft_pkt_free(link_recv_one(b->far, b->pool, 0));
    free_bench(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_the_inner_link_is),
        cmocka_unit_test(received_frames_are_shown),
        cmocka_unit_test(sent_frames_are_shown_when_taken),
        cmocka_unit_test(checksum_of_zero_is_shown_as_zero),
        cmocka_unit_test(super_segments_are_shown_whole),
        cmocka_unit_test(errors_pass_through),
        cmocka_unit_test(strange_marks_do_no_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
