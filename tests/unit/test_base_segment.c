/* SPDX-License-Identifier: MIT */
/*
 * Software segmentation and completed checksums against a stupid model that
 * works on flat bytes: copy the headers, set the fields, sum everything word
 * by word.
 */
#include "support.h"

#include <weft/err.h>

#include "base/bytes.h"
#include "base/checksum.h"

#define MAX_FRAME 70000

/* A frame as flat bytes. */
struct frame {
    uint8_t bytes[MAX_FRAME];
    uint32_t l3, l4, payload, len; /* offsets, and the whole length */
    bool is_ip4;
};

/* --- The model --- */

/* RFC 9293 3.1, RFC 8200 8.1: over pseudo-header and segment, with the checksum field zero. */
static uint16_t model_tcp_checksum(const struct frame *f)
{
    uint32_t len = f->len - f->l4;
    uint64_t sum = 6 + len + checksum_sum_portable(f->bytes + f->l4, len);

    return checksum_finish(
        sum + checksum_sum_portable(f->bytes + f->l3 + (f->is_ip4 ? 12 : 8), f->is_ip4 ? 8 : 32));
}

static void model_set_lengths_and_sums(struct frame *f)
{
    uint8_t *ip = f->bytes + f->l3;

    if (f->is_ip4) {
        put_be16(ip + 2, (uint16_t)(f->len - f->l3));
        put_be16(ip + 10, 0);
        put_be16(ip + 10, checksum_finish(checksum_sum_portable(ip, f->l4 - f->l3)));
    } else {
        put_be16(ip + 4, (uint16_t)(f->len - f->l3 - 40));
    }
    put_be16(f->bytes + f->l4 + 16, 0);
    put_be16(f->bytes + f->l4 + 16, model_tcp_checksum(f));
}

/* Segment number `i` of `super`. */
static void model_segment(const struct frame *super, unsigned i, uint32_t size, struct frame *out)
{
    uint32_t off = i * size;
    uint32_t left = super->len - super->payload - off;
    uint32_t n = left < size ? left : size;
    uint8_t *tcp = out->bytes + super->l4;

    *out =
        (struct frame){.l3 = super->l3, .l4 = super->l4, .payload = super->payload, .is_ip4 = super->is_ip4};
    memcpy(out->bytes, super->bytes, super->payload);
    memcpy(out->bytes + super->payload, super->bytes + super->payload + off, n);
    out->len = super->payload + n;
    if (super->is_ip4)
        put_be16(out->bytes + out->l3 + 4, (uint16_t)(get_be16(super->bytes + super->l3 + 4) + i));
    put_be32(tcp + 4, get_be32(tcp + 4) + off);
    if (i > 0)
        tcp[13] &= 0x7f;
    if (left > size)
        tcp[13] &= 0xf6;
    model_set_lengths_and_sums(out);
}

/* --- Making super-segments --- */

static void random_frame(struct test_rng *rng, struct frame *f, uint32_t payload_len)
{
    uint32_t eth_len = test_rng_below(rng, 3) ? 14 : test_rng_below(rng, 2) ? 18 : 0;
    uint32_t ip_len, tcp_len = 20 + 4 * test_rng_below(rng, 11);
    uint8_t *ip;

    f->is_ip4 = test_rng_below(rng, 2);
    ip_len = f->is_ip4 ? 20 + 4 * test_rng_below(rng, 11) : 40 + 8 * test_rng_below(rng, 3);
    f->l3 = eth_len;
    f->l4 = eth_len + ip_len;
    f->payload = f->l4 + tcp_len;
    f->len = f->payload + payload_len;
    test_rng_bytes(rng, f->bytes, f->len);
    ip = f->bytes + f->l3;
    ip[0] = (uint8_t)(f->is_ip4 ? 0x40 | ip_len / 4 : 0x60 | (ip[0] & 15));
    if (f->is_ip4)
        put_be16(ip + 2, (uint16_t)(f->len - f->l3));
    else
        put_be16(ip + 4, (uint16_t)(f->len - f->l3 - 40));
    f->bytes[f->l4 + 12] = (uint8_t)(tcp_len / 4 << 4 | (f->bytes[f->l4 + 12] & 1));
}

/* Appends bytes [from, to) of the frame as slices of blocks, cut at random places. */
static void add_slices(struct weft_pool *pool, struct test_rng *rng, struct weft_pkt *pkt,
                       const struct frame *f, uint32_t from)
{
    while (from < f->len) {
        bool last = pkt->nslices + 1u == WEFT_PKT_SLICES - 3;
        uint32_t left = f->len - from;
        bool small = left <= 1000 && test_rng_below(rng, 2);
        struct weft_block *block = weft_block_new(pool, small ? WEFT_BLOCK_SMALL : WEFT_BLOCK_LARGE);
        uint32_t room = block->size;
        uint32_t n = left < room ? left : room;

        if (!last && left < 16384 && n > 1 && test_rng_below(rng, 2))
            n = test_rng_between(rng, 1, n);
        memcpy(block->data + room - n, f->bytes + from, n);
        assert_true(weft_pkt_add_slice(pkt, block, room - n, n));
        weft_block_unref(block);
        from += n;
    }
}

/* The frame as a packet: headers in `room`, as TCP sends, or all that fits in a block, as a link receives. */
static struct weft_pkt *make_pkt(struct weft_pool *pool, struct test_rng *rng, const struct frame *f,
                                 uint16_t size)
{
    bool rx = test_rng_below(rng, 2);
    struct weft_pkt *pkt = rx ? weft_pkt_new_rx(pool, test_rng_below(rng, 100)) : weft_pkt_new(pool);
    uint32_t most = rx ? weft_pkt_tailroom(pkt) : WEFT_PKT_ROOM;
    uint32_t linear = test_rng_between(rng, f->payload, most < f->len ? most : f->len);
    uint32_t headroom;

    if (!rx)
        pkt->data = pkt->room + test_rng_below(rng, WEFT_PKT_ROOM - linear + 1);
    memcpy(weft_pkt_put(pkt, linear), f->bytes, linear);
    add_slices(pool, rng, pkt, f, linear);
    headroom = weft_pkt_headroom(pkt);
    pkt->l3_off = (uint16_t)(headroom + f->l3);
    pkt->l4_off = (uint16_t)(headroom + f->l4);
    pkt->gso_size = size;
    pkt->gso_segs = (uint16_t)((f->len - f->payload + size - 1) / size);
    pkt->mark = 77;
    pkt->when = 88;
    pkt->flags = WEFT_PKT_CSUM_GOOD | WEFT_PKT_LL_MULTICAST | WEFT_PKT_GSO_ECN;
    return pkt;
}

static void check_frame(const struct weft_pkt *pkt, const struct frame *expected)
{
    static uint8_t bytes[MAX_FRAME];

    assert_int_equal(pkt->total_len, expected->len);
    weft_pkt_copy_out(pkt, 0, bytes, pkt->total_len);
    assert_memory_equal(bytes, expected->bytes, expected->len);
}

/* --- Segmentation --- */

static void check_segment(struct weft_pkt *seg, const struct frame *expected)
{
    uint8_t *field = weft_pkt_l4(seg) + 16;

    assert_int_equal(seg->gso_size | seg->gso_segs, 0);
    assert_int_equal(seg->flags, WEFT_PKT_CSUM_PARTIAL | WEFT_PKT_LL_MULTICAST);
    assert_int_equal(seg->mark, 77);
    assert_true(seg->when == 88);
    assert_ptr_equal(weft_pkt_l3(seg), seg->data + expected->l3);
    assert_ptr_equal(weft_pkt_l4(seg), seg->data + expected->l4);
    assert_int_equal(seg->csum_start, seg->l4_off);
    assert_ptr_equal(weft_pkt_l4(seg) + seg->csum_offset, field);
    weft_pkt_finish_checksum(seg);
    assert_int_equal(seg->flags, WEFT_PKT_LL_MULTICAST);
    check_frame(seg, expected);
}

static void one_super_segment(struct weft_pool *pool, struct test_rng *rng)
{
    static struct frame super, expected;
    uint32_t payload_len = 1 + (test_rng_below(rng, 65000) >> test_rng_below(rng, 12));
    uint16_t size = (uint16_t)test_rng_between(rng, payload_len / 100 + 1, payload_len + 1);
    struct weft_pktq out = {0};
    struct weft_pkt *pkt;
    unsigned count;

    random_frame(rng, &super, payload_len);
    pkt = make_pkt(pool, rng, &super, size);
    count = pkt->gso_segs;
    assert_int_equal(weft_pkt_segment(pkt, &out), 0);
    assert_int_equal(out.count, count);
    if (count == 1) {
        assert_ptr_equal(out.head, pkt);
        assert_int_equal(pkt->gso_size | pkt->gso_segs, 0);
        check_frame(pkt, &super);
        weft_pktq_purge(&out);
    }
    for (unsigned i = 0; out.count; i++) {
        struct weft_pkt *seg = weft_pktq_pop(&out);

        model_segment(&super, i, size, &expected);
        check_segment(seg, &expected);
        weft_pkt_free(seg);
    }
}

static void segments_are_as_the_model_makes_them(void **state)
{
    struct test_rng rng = test_rng_start(__func__);
    struct weft_pool *pool = test_pool_new(0, 0, 0);

    (void)state;
    for (unsigned i = 0; i < 250; i++)
        one_super_segment(pool, &rng);
    test_pool_free(pool);
}

static void flags_stay_where_they_belong(void **state)
{
    static struct frame super;
    struct test_rng rng = test_rng_start(__func__);
    struct weft_pool *pool = test_pool_new(0, 0, 0);
    struct weft_pktq out = {0};
    static const uint8_t expected[3] = {0xf6, 0x76, 0x7f};

    (void)state;
    random_frame(&rng, &super, 3000);
    super.bytes[super.l4 + 13] = 0xff;
    assert_int_equal(weft_pkt_segment(make_pkt(pool, &rng, &super, 1000), &out), 0);
    assert_int_equal(out.count, 3);
    for (unsigned i = 0; i < 3; i++) {
        struct weft_pkt *seg = weft_pktq_pop(&out);

        assert_int_equal(weft_pkt_l4(seg)[13], expected[i]);
        weft_pkt_free(seg);
    }
    test_pool_free(pool);
}

static void payload_is_shared(void **state)
{
    static struct frame super;
    struct test_rng rng = test_rng_start(__func__);
    struct weft_pool *pool = test_pool_new(0, 0, 0);
    struct weft_pool_usage before, after;
    struct weft_pktq out = {0};
    struct weft_pkt *pkt;

    (void)state;
    random_frame(&rng, &super, 40000);
    pkt = make_pkt(pool, &rng, &super, 1448);
    weft_pool_usage(pool, &before);
    assert_int_equal(weft_pkt_segment(pkt, &out), 0);
    weft_pool_usage(pool, &after);
    assert_int_equal(out.count, 28);
    assert_int_equal(after.large_used, before.large_used);
    assert_int_equal(after.small_used, before.small_used);
    weft_pktq_purge(&out);
    test_pool_free(pool);
}

static void plain_packet_passes(void **state)
{
    struct weft_pool *pool = test_pool_new(0, 0, 0);
    struct weft_pkt *pkt = weft_pkt_new_rx(pool, 0);
    struct weft_pktq out = {0};

    (void)state;
    weft_pktq_push(&out, weft_pkt_new(pool));
    assert_int_equal(weft_pkt_segment(pkt, &out), 0);
    assert_int_equal(out.count, 2);
    assert_ptr_equal(out.tail, pkt);
    weft_pktq_purge(&out);
    test_pool_free(pool);
}

static void empty_pool_loses_the_rest(void **state)
{
    static struct frame super, expected;
    struct test_rng rng = test_rng_start(__func__);
    struct weft_pool *pool = test_pool_new(4, 0, 0);
    struct weft_pktq out = {0};

    (void)state;
    random_frame(&rng, &super, 5000);
    assert_int_equal(weft_pkt_segment(make_pkt(pool, &rng, &super, 1000), &out), WEFT_E_NOBUFS);
    assert_int_equal(out.count, 3);
    for (unsigned i = 0; i < 3; i++) {
        struct weft_pkt *seg = weft_pktq_pop(&out);

        model_segment(&super, i, 1000, &expected);
        check_segment(seg, &expected);
        weft_pkt_free(seg);
    }
    test_pool_free(pool);
}

/* Header lengths that do not fit the packet, each alone. */
static void malformed_headers_are_refused(void **state)
{
    static struct frame super;
    struct test_rng rng = test_rng_start(__func__);
    struct weft_pool *pool = test_pool_new(0, 0, 0);
    struct weft_pktq out = {0};

    (void)state;
    for (unsigned i = 0; i < 9 * 20; i++) {
        struct weft_pkt *pkt;
        uint8_t *ip;

        random_frame(&rng, &super, 3000);
        super.bytes[super.l4 + 12] = 8 << 4;
        pkt = make_pkt(pool, &rng, &super, 1000);
        ip = weft_pkt_l3(pkt);
        if (i % 9 == 0)
            ip[0] = (uint8_t)(0x50 | (ip[0] & 15)); /* version */
        else if (i % 9 == 1)
            ip[0] = (uint8_t)(super.is_ip4 ? ip[0] ^ 1 : 0x46); /* not where l4_off says */
        else if (i % 9 == 2)
            weft_pkt_l4(pkt)[12] = 4 << 4; /* data offset below 5 */
        else if (i % 9 == 3)
            weft_pkt_pull(pkt, super.l3 + 1); /* begins behind l3_off */
        else if (i % 9 == 4)
            pkt->l4_off = (uint16_t)(pkt->l3_off + 19);
        else if (i % 9 == 5)
            pkt->l4_off = 65535;
        else if (i % 9 == 6)
            weft_pkt_trim(pkt, super.l4 + 19);
        else if (i % 9 == 7)
            weft_pkt_trim(pkt, super.l4 + 31); /* options not linear */
        else
            pkt->l3_off = pkt->l4_off;
        assert_int_equal(weft_pkt_segment(pkt, &out), WEFT_E_INVAL);
        assert_int_equal(out.count, 0);
    }
    test_pool_free(pool);
}

/* Headers may be as long as a descriptor's room and no longer: 14, 40 with extensions, 20. */
static void headers_longer_than_the_room_are_refused(void **state)
{
    static struct frame super;
    struct test_rng rng = test_rng_start(__func__);
    struct weft_pool *pool = test_pool_new(0, 0, 0);

    (void)state;
    for (uint32_t header_len = 223; header_len <= 226; header_len++) {
        bool fits = header_len <= WEFT_PKT_ROOM;
        struct weft_pktq out = {0};
        struct weft_pkt *pkt = weft_pkt_new_rx(pool, 10);

        super =
            (struct frame){.l3 = 14, .l4 = header_len - 20, .payload = header_len, .len = header_len + 500};
        test_rng_bytes(&rng, super.bytes, super.len);
        super.bytes[14] = 0x60;
        super.bytes[super.l4 + 12] = 0x50;
        memcpy(weft_pkt_put(pkt, super.len), super.bytes, super.len);
        pkt->l3_off = 24;
        pkt->l4_off = (uint16_t)(10 + super.l4);
        pkt->gso_size = 100;
        assert_int_equal(weft_pkt_segment(pkt, &out), fits ? 0 : WEFT_E_INVAL);
        assert_int_equal(out.count, fits ? 5 : 0);
        weft_pktq_purge(&out);
    }
    test_pool_free(pool);
}

/* --- Checksums --- */

static void checksum_of_any_packet(void **state)
{
    static struct frame f;
    struct test_rng rng = test_rng_start(__func__);
    struct weft_pool *pool = test_pool_new(0, 0, 0);

    (void)state;
    for (unsigned i = 0; i < 200; i++) {
        struct weft_pkt *pkt;
        uint32_t tcp_len;

        random_frame(&rng, &f, test_rng_below(&rng, 65000) >> test_rng_below(&rng, 16));
        tcp_len = f.len - f.l4;
        pkt = make_pkt(pool, &rng, &f, 1448); /* a super-segment is summed as one long segment */
        pkt->flags = WEFT_PKT_CSUM_PARTIAL;
        pkt->csum_start = pkt->l4_off;
        pkt->csum_offset = 16;
        put_be16(
            weft_pkt_l4(pkt) + 16,
            checksum_fold(6 + tcp_len +
                          checksum_sum_portable(weft_pkt_l3(pkt) + (f.is_ip4 ? 12 : 8), f.is_ip4 ? 8 : 32)));
        if (i % 2)
            weft_pkt_pull(pkt, f.l4); /* a local peer's, whose IP header has been taken off */
        weft_pkt_finish_checksum(pkt);
        model_set_lengths_and_sums(&f);
        assert_int_equal(pkt->flags, 0);
        assert_memory_equal(weft_pkt_l4(pkt), f.bytes + f.l4, 20);
        weft_pkt_finish_checksum(pkt); /* there is nothing left to do */
        assert_memory_equal(weft_pkt_l4(pkt), f.bytes + f.l4, 20);
        weft_pkt_free(pkt);
    }
    test_pool_free(pool);
}

/* RFC 768: UDP's computed checksum of zero is sent as all ones, for a zero says that there is none. TCP's
 * stays (RFC 9293 3.1). */
static void only_udp_sends_zero_as_ones(void **state)
{
    struct weft_pool *pool = test_pool_new(0, 0, 0);
    struct weft_pkt *pkt = weft_pkt_new_rx(pool, 20);
    static const uint8_t udp[10] = {0, 0, 0, 0, 0, 10, 0xff, 0xf5, 0, 0};

    (void)state;
    memcpy(weft_pkt_put(pkt, sizeof(udp)), udp, sizeof(udp));
    pkt->flags = WEFT_PKT_CSUM_PARTIAL;
    pkt->csum_start = 20;
    pkt->csum_offset = 6;
    weft_pkt_finish_checksum(pkt);
    assert_int_equal(get_be16(pkt->data + 6), 0xffff);
    weft_pkt_free(pkt);

    pkt = weft_pkt_new_rx(pool, 20);
    memset(weft_pkt_put(pkt, 20), 0, 20);
    put_be16(pkt->data + 14, 0xffff);
    pkt->flags = WEFT_PKT_CSUM_PARTIAL;
    pkt->csum_start = 20;
    pkt->csum_offset = 16;
    weft_pkt_finish_checksum(pkt);
    assert_int_equal(get_be16(pkt->data + 16), 0);
    weft_pkt_free(pkt);
    test_pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(segments_are_as_the_model_makes_them),
        cmocka_unit_test(flags_stay_where_they_belong),
        cmocka_unit_test(payload_is_shared),
        cmocka_unit_test(plain_packet_passes),
        cmocka_unit_test(empty_pool_loses_the_rest),
        cmocka_unit_test(malformed_headers_are_refused),
        cmocka_unit_test(headers_longer_than_the_room_are_refused),
        cmocka_unit_test(checksum_of_any_packet),
        cmocka_unit_test(only_udp_sends_zero_as_ones),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
