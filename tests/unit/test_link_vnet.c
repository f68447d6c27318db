/* SPDX-License-Identifier: MIT */
/* The virtio-net header: what a packet's marks become, and what is believed of the kernel's. */
#include "link_support.h"

#include "link/vnet.h"

static uint16_t le16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

/* A frame as it is read from a device: all in the linear part, or the end of it in a large block. */
static struct weft_pkt *received(struct weft_pool *pool, const uint8_t *frame, uint32_t len)
{
    struct weft_pkt *pkt = weft_pkt_new_rx(pool, 66);
    uint32_t room, rest;

    assert_non_null(pkt);
    room = weft_pkt_tailroom(pkt);
    rest = len > room ? len - room : 0;
    memcpy(weft_pkt_put(pkt, len - rest), frame, len - rest);
    if (rest)
        link_add_payload(pkt, rest);
    return pkt;
}

/* The linear frame of a packet that the stack would send; as long as `size` allows. */
static uint32_t sent_frame(struct weft_pool *pool, enum weft_link_type type, uint32_t payload,
                           uint16_t gso_size, uint8_t header[LINK_VNET_LEN], uint8_t *frame)
{
    struct weft_pkt *pkt = link_tcp_packet(pool, type, 1, payload, gso_size);
    uint32_t len = pkt->total_len;

    link_vnet_emit(pkt, header);
    weft_pkt_copy_out(pkt, 0, frame, len);
    weft_pkt_free(pkt);
    return len;
}

static void a_plain_packet_has_an_empty_header(void **state)
{
    struct weft_pool *pool = test_pool_new(0, 0, 0);
    struct weft_pkt *pkt = link_tcp_packet(pool, WEFT_LINK_ETHERNET, 1, 100, 0);
    uint8_t header[LINK_VNET_LEN], zero[LINK_VNET_LEN] = {0};

    (void)state;
    weft_pkt_finish_checksum(pkt);
    link_vnet_emit(pkt, header);
    assert_memory_equal(header, zero, LINK_VNET_LEN);
    weft_pkt_free(pkt);
    test_pool_free(pool);
}

static void a_partial_checksum_is_told(void **state)
{
    struct weft_pool *pool = test_pool_new(0, 0, 0);
    uint8_t header[LINK_VNET_LEN], frame[2000];

    (void)state;
    sent_frame(pool, WEFT_LINK_ETHERNET, 100, 0, header, frame);
    assert_int_equal(header[0], 1);
    assert_int_equal(header[1], 0);
    assert_int_equal(le16(header + 6), LINK_ETH_LEN + LINK_IP4_LEN);
    assert_int_equal(le16(header + 8), 16);
    sent_frame(pool, WEFT_LINK_IP, 100, 0, header, frame);
    assert_int_equal(le16(header + 6), LINK_IP4_LEN);
    test_pool_free(pool);
}

static void a_super_segment_is_told(void **state)
{
    struct weft_pool *pool = test_pool_new(0, 0, 0);
    struct weft_pkt *pkt = link_tcp_packet(pool, WEFT_LINK_ETHERNET, 1, 60000, 1448);
    uint8_t header[LINK_VNET_LEN];

    (void)state;
    link_vnet_emit(pkt, header);
    assert_int_equal(header[0], 1);
    assert_int_equal(header[1], 1);
    assert_int_equal(le16(header + 2), LINK_TCP_HEADERS);
    assert_int_equal(le16(header + 4), 1448);
    pkt->flags |= WEFT_PKT_GSO_ECN;
    weft_pkt_l3(pkt)[0] = 0x60;
    link_vnet_emit(pkt, header);
    assert_int_equal(header[1], 0x84);
    weft_pkt_free(pkt);
    test_pool_free(pool);
}

static void what_is_told_is_understood(void **state)
{
    static const enum weft_link_type types[] = {WEFT_LINK_ETHERNET, WEFT_LINK_IP};
    struct weft_pool *pool = test_pool_new(0, 0, 0);
    uint8_t header[LINK_VNET_LEN], *frame = malloc(WEFT_PKT_MAX);

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        uint32_t l3 = types[i] == WEFT_LINK_ETHERNET ? LINK_ETH_LEN : 0;
        uint32_t len = sent_frame(pool, types[i], 60000, 1448, header, frame);
        struct weft_pkt *pkt = received(pool, frame, len);

        assert_true(link_vnet_apply(header, types[i], pkt));
        assert_int_equal(pkt->flags, WEFT_PKT_CSUM_PARTIAL);
        assert_int_equal(pkt->csum_start, 66 + l3 + LINK_IP4_LEN);
        assert_int_equal(pkt->csum_offset, 16);
        assert_int_equal(pkt->l3_off, 66 + l3);
        assert_int_equal(pkt->l4_off, 66 + l3 + LINK_IP4_LEN);
        assert_int_equal(pkt->gso_size, 1448);
        assert_int_equal(pkt->gso_segs, (60000 + 1447) / 1448);
        weft_pkt_free(pkt);
    }
    free(frame);
    test_pool_free(pool);
}

static void a_verified_checksum_is_marked_good(void **state)
{
    struct weft_pool *pool = test_pool_new(0, 0, 0);
    uint8_t header[LINK_VNET_LEN], frame[2000];
    uint32_t len = sent_frame(pool, WEFT_LINK_ETHERNET, 100, 0, header, frame);
    struct weft_pkt *pkt = received(pool, frame, len);

    (void)state;
    memset(header, 0, sizeof(header));
    header[0] = 2;
    assert_true(link_vnet_apply(header, WEFT_LINK_ETHERNET, pkt));
    assert_int_equal(pkt->flags, WEFT_PKT_CSUM_GOOD);
    weft_pkt_free(pkt);
    test_pool_free(pool);
}

static void behind_a_vlan_tag(void **state)
{
    struct weft_pool *pool = test_pool_new(0, 0, 0);
    uint8_t header[LINK_VNET_LEN], *frame = malloc(WEFT_PKT_MAX);
    uint32_t len = sent_frame(pool, WEFT_LINK_ETHERNET, 10000, 1448, header, frame);
    struct weft_pkt *pkt;

    (void)state;
    memmove(frame + 16, frame + 12, len - 12);
    put_be16(frame + 12, 0x8100);
    put_be16(frame + 14, 5);
    header[6] = (uint8_t)(header[6] + 4); /* csum_start */
    pkt = received(pool, frame, len + 4);
    assert_true(link_vnet_apply(header, WEFT_LINK_ETHERNET, pkt));
    assert_int_equal(pkt->l3_off, 66 + LINK_ETH_LEN + 4);
    weft_pkt_free(pkt);
    free(frame);
    test_pool_free(pool);
}

static void one_segment_is_a_plain_packet(void **state)
{
    struct weft_pool *pool = test_pool_new(0, 0, 0);
    uint8_t header[LINK_VNET_LEN], frame[4000];
    uint32_t len = sent_frame(pool, WEFT_LINK_ETHERNET, 1500, 1448, header, frame);
    struct weft_pkt *pkt = received(pool, frame, len - 52);

    (void)state;
    assert_true(link_vnet_apply(header, WEFT_LINK_ETHERNET, pkt));
    assert_int_equal(pkt->gso_size, 0);
    assert_int_equal(pkt->gso_segs, 0);
    weft_pkt_free(pkt);
    test_pool_free(pool);
}

static void segments_of_no_size_are_refused(void **state)
{
    struct weft_pool *pool = test_pool_new(0, 0, 0);
    uint8_t header[LINK_VNET_LEN], *frame = malloc(WEFT_PKT_MAX);
    uint32_t len = sent_frame(pool, WEFT_LINK_ETHERNET, 5000, 1448, header, frame);
    struct weft_pkt *pkt = received(pool, frame, len);

    (void)state;
    memset(header + 4, 0, 2);
    assert_false(link_vnet_apply(header, WEFT_LINK_ETHERNET, pkt));
    weft_pkt_free(pkt);
    free(frame);
    test_pool_free(pool);
}

static void a_checksum_field_ends_within_the_frame(void **state)
{
    struct weft_pool *pool = test_pool_new(0, 0, 0);
    uint8_t header[LINK_VNET_LEN] = {1, 0, 0, 0, 0, 0, 34, 0, 16}, frame[52] = {0};

    (void)state;
    for (uint32_t len = 50; len <= 52; len++) {
        struct weft_pkt *pkt = received(pool, frame, len);

        assert_int_equal(link_vnet_apply(header, WEFT_LINK_ETHERNET, pkt), len == 52);
        weft_pkt_free(pkt);
    }
    test_pool_free(pool);
}

static void a_tcp_header_begins_behind_the_ip_header(void **state)
{
    struct weft_pool *pool = test_pool_new(0, 0, 0);
    uint8_t header[LINK_VNET_LEN], *frame = malloc(WEFT_PKT_MAX);
    uint32_t len = sent_frame(pool, WEFT_LINK_ETHERNET, 5000, 1448, header, frame);

    (void)state;
    for (uint8_t start = LINK_ETH_LEN; start <= LINK_ETH_LEN + LINK_IP4_LEN; start++) {
        struct weft_pkt *pkt = received(pool, frame, len);

        header[6] = start;
        pkt->data[start + 12] = 0x50; /* otherwise it could be one */
        assert_int_equal(link_vnet_apply(header, WEFT_LINK_ETHERNET, pkt),
                         start == LINK_ETH_LEN + LINK_IP4_LEN);
        weft_pkt_free(pkt);
    }
    free(frame);
    test_pool_free(pool);
}

/* One byte of header or frame changed, so that it says what cannot be. */
struct lie {
    const char *what;
    bool in_frame;
    uint32_t at;
    uint8_t value;
};

static void lies_are_refused(void **state)
{
    static const struct lie lies[] = {
        {"a checksum far beyond the frame", false, 7, 0x80},
        {"a checksum field far beyond the frame", false, 9, 0x80},
        {"a checksum field beyond the linear part", false, 7, 8},
        {"a super-segment without a partial checksum", false, 0, 0},
        {"segments of UDP", false, 1, 3},
        {"segments of UDP over its own offload", false, 1, 5},
        {"segments of nothing but ECN", false, 1, 0x80},
        {"another IP version", false, 1, 4},
        {"a TCP header inside the IP header", false, 6, 30},
        {"a TCP header inside the Ethernet header", false, 6, 2},
        {"a TCP header shorter than 20 bytes", true, LINK_ETH_LEN + LINK_IP4_LEN + 12, 0x40},
        {"IP version 5", true, LINK_ETH_LEN, 0x55},
    };
    struct weft_pool *pool = test_pool_new(0, 0, 0);
    uint8_t good[LINK_VNET_LEN], *frame = malloc(WEFT_PKT_MAX);
    uint32_t len = sent_frame(pool, WEFT_LINK_ETHERNET, 5000, 1448, good, frame);

    (void)state;
    for (unsigned i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        struct weft_pkt *pkt = received(pool, frame, len);
        uint8_t header[LINK_VNET_LEN];

        memcpy(header, good, sizeof(header));
        *(lies[i].in_frame ? pkt->data + lies[i].at : header + lies[i].at) = lies[i].value;
        if (link_vnet_apply(header, WEFT_LINK_ETHERNET, pkt))
            fail_msg("believed: %s", lies[i].what);
        weft_pkt_free(pkt);
    }
    free(frame);
    test_pool_free(pool);
}

static void frames_cut_short_are_refused(void **state)
{
    struct weft_pool *pool = test_pool_new(0, 0, 0);
    uint8_t header[LINK_VNET_LEN], *frame = malloc(WEFT_PKT_MAX);

    (void)state;
    sent_frame(pool, WEFT_LINK_ETHERNET, 5000, 1448, header, frame);
    for (uint32_t len = 0; len < LINK_TCP_HEADERS; len++) {
        struct weft_pkt *pkt = received(pool, frame, len);

        assert_false(link_vnet_apply(header, WEFT_LINK_ETHERNET, pkt));
        weft_pkt_free(pkt);
    }
    free(frame);
    test_pool_free(pool);
}

/* Whatever is believed can be completed and cut without harm. */
static void noise_does_no_harm(void **state)
{
    struct test_rng rng = test_rng_start("noise_does_no_harm");
    struct weft_pool *pool = test_pool_new(8192, 8192, 64);
    uint8_t good[LINK_VNET_LEN], *frame = malloc(WEFT_PKT_MAX);
    unsigned believed = 0;

    (void)state;
    sent_frame(pool, WEFT_LINK_ETHERNET, 3000, 500, good, frame);
    for (unsigned i = 0; i < 20000; i++) {
        struct weft_pkt *pkt = received(pool, frame, test_rng_below(&rng, 3055));
        struct weft_pktq parts = {0};
        uint8_t header[LINK_VNET_LEN];

        memcpy(header, good, sizeof(header));
        for (unsigned n = test_rng_below(&rng, 4); n > 0; n--)
            header[test_rng_below(&rng, 10)] = (uint8_t)(test_rng_u32(&rng) & (n % 2 ? 255 : 15));
        if (pkt->len >= LINK_TCP_HEADERS && test_rng_below(&rng, 2))
            pkt->data[test_rng_below(&rng, LINK_TCP_HEADERS)] = (uint8_t)test_rng_u32(&rng);
        if (link_vnet_apply(header, i % 5 ? WEFT_LINK_ETHERNET : WEFT_LINK_IP, pkt)) {
            believed++;
            (void)weft_pkt_segment(pkt, &parts);
            for (pkt = parts.head; pkt; pkt = pkt->next)
                weft_pkt_finish_checksum(pkt);
            weft_pktq_purge(&parts);
        } else {
            weft_pkt_free(pkt);
        }
    }
    assert_in_range(believed, 1000, 19000);
    free(frame);
    test_pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_packet_has_an_empty_header),
        cmocka_unit_test(a_partial_checksum_is_told),
        cmocka_unit_test(a_super_segment_is_told),
        cmocka_unit_test(what_is_told_is_understood),
        cmocka_unit_test(a_verified_checksum_is_marked_good),
        cmocka_unit_test(behind_a_vlan_tag),
        cmocka_unit_test(one_segment_is_a_plain_packet),
        cmocka_unit_test(segments_of_no_size_are_refused),
        cmocka_unit_test(a_checksum_field_ends_within_the_frame),
        cmocka_unit_test(a_tcp_header_begins_behind_the_ip_header),
        cmocka_unit_test(lies_are_refused),
        cmocka_unit_test(frames_cut_short_are_refused),
        cmocka_unit_test(noise_does_no_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
