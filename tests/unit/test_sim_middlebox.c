/* SPDX-License-Identifier: MIT */
/* Middleboxes: what becomes of a segment, and that what comes out is sound. */
#include "link_support.h"

#include <weft/err.h>
#include <weft/sim.h>

#include "wire/ip4.h"
#include "wire/tcp.h"

/* left -- box -- right, wires without delay; both far ends are ours. */
struct net {
    struct weft_sim *sim;
    struct weft_box *box;
    struct weft_link *end[2];
};

/* A segment as it is sent, and as it came. */
struct seg {
    unsigned way; /* sent by: 0 the left end, 1 the right one */
    uint32_t seq, ack;
    uint16_t flags, window;
    uint32_t len;
    uint8_t ecn;
    struct wire_tcp_opts opts;
    uint8_t text[3000];
};

static struct net make_net_of(enum weft_link_type type, const struct weft_box_config *config)
{
    struct weft_wire_config plain = {.type = type, .mtu = 9000};
    struct weft_link *inner[2];
    struct weft_wire *wire;
    struct net net;

    assert_int_equal(weft_sim_new(1, &net.sim), 0);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(weft_wire_new(net.sim, &plain, &wire, &net.end[i], &inner[i]), 0);
    assert_int_equal(weft_sim_add_box(net.sim, config, inner[0], inner[1], &net.box), 0);
    return net;
}

static struct net make_net(const struct weft_box_config *config)
{
    return make_net_of(WEFT_LINK_IP, config);
}

static void free_net(struct net *net)
{
    test_pool_assert_home(weft_sim_pool(net->sim));
    weft_link_close(net->end[0]);
    weft_link_close(net->end[1]);
    weft_sim_free(net->sim);
}

static struct weft_box_stats stats_of(const struct net *net)
{
    struct weft_box_stats stats;

    weft_box_stats(net->box, &stats);
    return stats;
}

static uint8_t text_byte(uint32_t seq)
{
    return (uint8_t)(seq * 31 + (seq >> 8));
}

static struct weft_pkt *build(struct net *net, const struct seg *seg)
{
    static const struct weft_addr addr[2] = {{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 0, 0, 1}},
                                             {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 0, 0, 2}}};
    uint32_t options = (uint32_t)wire_tcp_opts_len(&seg->opts), head = 40 + options;
    uint8_t bytes[4000];
    struct writer w = writer_of(bytes, sizeof(bytes));
    struct weft_pkt *pkt = weft_pkt_new(weft_sim_pool(net->sim));
    struct weft_block *block;

    wire_ip4_emit(&(struct wire_ip4){.tos = seg->ecn,
                                     .total_len = (uint16_t)(head + seg->len),
                                     .flags = WIRE_IP4_DF,
                                     .ttl = 64,
                                     .proto = WIRE_PROTO_TCP,
                                     .src = addr[seg->way],
                                     .dst = addr[1 - seg->way]},
                  0, &w);
    wire_tcp_emit(&(struct wire_tcp){.src_port = seg->way ? 80 : 4000,
                                     .dst_port = seg->way ? 4000 : 80,
                                     .seq = seg->seq,
                                     .ack = seg->ack,
                                     .header_len = (uint8_t)(20 + options),
                                     .flags = seg->flags,
                                     .window = seg->window},
                  &w);
    wire_tcp_opts_emit(&seg->opts, &w);
    for (uint32_t i = 0; i < seg->len; i++)
        bytes[head + i] = text_byte(seg->seq + i);
    put_be16(bytes + 36, (uint16_t)~link_sum(link_pseudo_sum(bytes, head - 20 + seg->len), bytes + 20,
                                             head - 20 + seg->len));
    memcpy(weft_pkt_push(pkt, head), bytes, head);
    if (seg->len) {
        block = weft_block_new(weft_sim_pool(net->sim), WEFT_BLOCK_LARGE);
        memcpy(block->data, bytes + head, seg->len);
        assert_true(weft_pkt_add_slice(pkt, block, 0, seg->len));
        weft_block_unref(block);
    }
    return pkt;
}

static void run(struct net *net, weft_time until)
{
    while (weft_sim_step(net->sim, until))
        ;
}

static void put(struct net *net, struct seg seg)
{
    link_send_one(net->end[seg.way], build(net, &seg), weft_sim_now(net->sim));
    run(net, weft_sim_now(net->sim));
}

/* The next segment that has come to an end. Returns false when there is none. */
static bool take(struct net *net, unsigned end, struct seg *seg)
{
    struct weft_pkt *pkt = link_recv_one(net->end[end], weft_sim_pool(net->sim), weft_sim_now(net->sim));
    uint8_t bytes[4000];
    struct wire_ip4 ip;
    struct wire_tcp tcp;
    struct cursor c;

    if (!pkt)
        return false;
    weft_pkt_copy_out(pkt, 0, bytes, pkt->total_len);
    assert_true(link_is_whole(bytes, pkt->total_len, 0));
    c = cursor_of(bytes, pkt->total_len);
    assert_int_equal(wire_ip4_parse(&c, pkt->total_len, &ip), WIRE_IP4_OK);
    assert_true(wire_tcp_parse(&c, &tcp));
    *seg = (struct seg){.way = tcp.src_port == 80,
                        .seq = tcp.seq,
                        .ack = tcp.ack,
                        .flags = tcp.flags,
                        .window = tcp.window,
                        .len = pkt->total_len - 20 - tcp.header_len,
                        .ecn = ip.tos & 3};
    assert_int_equal(end, 1 - seg->way);
    assert_true(wire_tcp_opts_parse(tcp.options, tcp.header_len - 20u, &seg->opts));
    memcpy(seg->text, bytes + 20 + tcp.header_len, seg->len);
    weft_pkt_free(pkt);
    return true;
}

static struct seg must_take(struct net *net, unsigned end)
{
    struct seg seg;

    assert_true(take(net, end, &seg));
    return seg;
}

static void nothing_comes(struct net *net, unsigned end)
{
    struct seg seg;

    assert_false(take(net, end, &seg));
}

static const struct wire_tcp_opts all_options = {.has_mss = true,
                                                 .mss = 1460,
                                                 .has_sack_permitted = true,
                                                 .has_timestamps = true,
                                                 .tsval = 5,
                                                 .has_wscale = true,
                                                 .wscale = 7};

/* Both ends open; the left one's number is 1000, the right one's 5000. */
static void handshake(struct net *net)
{
    put(net, (struct seg){.seq = 1000, .flags = WIRE_TCP_SYN, .window = 60000, .opts = all_options});
    put(net, (struct seg){.way = 1,
                          .seq = 5000,
                          .ack = 1001,
                          .flags = WIRE_TCP_SYN | WIRE_TCP_ACK,
                          .window = 60000,
                          .opts = all_options});
}

/* --- Options --- */

static void a_box_that_does_nothing_changes_nothing(void **state)
{
    struct net net = make_net(&(struct weft_box_config){0});
    struct seg seg;

    (void)state;
    put(&net, (struct seg){.seq = 7,
                           .ack = 9,
                           .flags = WIRE_TCP_ACK | WIRE_TCP_PSH,
                           .window = 99,
                           .len = 700,
                           .ecn = 2,
                           .opts = {.has_timestamps = true, .tsval = 1, .tsecr = 2}});
    seg = must_take(&net, 1);
    assert_true(seg.seq == 7 && seg.ack == 9 && seg.window == 99 && seg.len == 700 && seg.ecn == 2);
    assert_int_equal(seg.flags, WIRE_TCP_ACK | WIRE_TCP_PSH);
    assert_true(seg.opts.has_timestamps && seg.opts.tsval == 1 && seg.opts.tsecr == 2);
    for (uint32_t i = 0; i < 700; i++)
        assert_int_equal(seg.text[i], text_byte(7 + i));
    free_net(&net);
}

static void options_are_erased(void **state)
{
    struct net net = make_net(&(struct weft_box_config){
        .strip_syn = WEFT_BOX_SACK_PERMITTED | WEFT_BOX_WSCALE, .strip = WEFT_BOX_TIMESTAMPS});
    struct seg seg;

    (void)state;
    handshake(&net);
    seg = must_take(&net, 1);
    assert_true(seg.opts.has_mss && !seg.opts.has_sack_permitted && !seg.opts.has_wscale &&
                !seg.opts.has_timestamps);
    put(&net, (struct seg){.seq = 1001,
                           .ack = 5001,
                           .flags = WIRE_TCP_ACK,
                           .opts = {.has_timestamps = true, .nsacks = 1, .sack = {{10, 20}}}});
    seg = must_take(&net, 1);
    assert_true(!seg.opts.has_timestamps && seg.opts.nsacks == 1);
    (void)must_take(&net, 0);
    assert_int_equal(stats_of(&net).stripped, 7);
    free_net(&net);
}

static void text_of_a_syn_is_dropped_or_trimmed(void **state)
{
    struct net net = make_net(&(struct weft_box_config){.syn_text = WEFT_BOX_SYN_DROP});
    struct weft_box_config trim = {.syn_text = WEFT_BOX_SYN_TRIM};
    struct seg seg;

    (void)state;
    put(&net, (struct seg){.seq = 1, .flags = WIRE_TCP_SYN, .len = 10});
    nothing_comes(&net, 1);
    put(&net, (struct seg){.seq = 1, .flags = WIRE_TCP_SYN});
    (void)must_take(&net, 1);
    weft_box_set(net.box, &trim);
    put(&net, (struct seg){.seq = 1, .flags = WIRE_TCP_SYN, .len = 10});
    seg = must_take(&net, 1);
    assert_true(seg.len == 0 && seg.seq == 1);
    free_net(&net);
}

/* --- Numbers and windows --- */

static void numbers_are_others_on_both_sides_and_fit(void **state)
{
    struct net net = make_net(&(struct weft_box_config){.rewrite = true});
    struct seg syn, syn_ack, seg;

    (void)state;
    put(&net, (struct seg){.seq = 1000, .flags = WIRE_TCP_SYN, .opts = all_options});
    syn = must_take(&net, 1);
    assert_int_not_equal(syn.seq, 1000);
    put(&net, (struct seg){.way = 1, .seq = 5000, .ack = syn.seq + 1, .flags = WIRE_TCP_SYN | WIRE_TCP_ACK});
    syn_ack = must_take(&net, 0);
    assert_int_not_equal(syn_ack.seq, 5000);
    assert_int_equal(syn_ack.ack, 1001);
    put(&net, (struct seg){.seq = 1001, .ack = syn_ack.seq + 1, .flags = WIRE_TCP_ACK, .len = 100});
    seg = must_take(&net, 1);
    assert_true(seg.seq == syn.seq + 1 && seg.ack == 5001);
    put(&net,
        (struct seg){
            .way = 1,
            .seq = 5001,
            .ack = syn.seq + 1,
            .flags = WIRE_TCP_ACK,
            .opts = {.nsacks = 2, .sack = {{syn.seq + 51, syn.seq + 101}, {syn.seq + 201, syn.seq + 301}}}});
    seg = must_take(&net, 0);
    assert_true(seg.seq == syn_ack.seq + 1 && seg.ack == 1001);
    assert_true(seg.opts.nsacks == 2 && seg.opts.sack[0].left == 1051 && seg.opts.sack[1].right == 1301);
    free_net(&net);
}

static void windows_are_limited_in_their_scale(void **state)
{
    struct net net = make_net(&(struct weft_box_config){.window = 20000});
    struct seg seg;

    (void)state;
    handshake(&net);
    assert_int_equal(must_take(&net, 1).window, 20000); /* never scaled in a SYN */
    assert_int_equal(must_take(&net, 0).window, 20000);
    put(&net, (struct seg){.seq = 1001, .ack = 5001, .flags = WIRE_TCP_ACK, .window = 1000});
    seg = must_take(&net, 1);
    assert_int_equal(seg.window, 20000 >> 7);
    put(&net, (struct seg){.seq = 1001, .ack = 5001, .flags = WIRE_TCP_ACK, .window = 100});
    assert_int_equal(must_take(&net, 1).window, 100);
    free_net(&net);
}

/* A scale that the other end has not agreed to is none. */
static void windows_of_one_who_alone_can_scale_are_not_scaled(void **state)
{
    struct net net = make_net(&(struct weft_box_config){.window = 20000});

    (void)state;
    put(&net, (struct seg){.seq = 1000, .flags = WIRE_TCP_SYN, .window = 60000, .opts = all_options});
    put(&net, (struct seg){
                  .way = 1, .seq = 5000, .ack = 1001, .flags = WIRE_TCP_SYN | WIRE_TCP_ACK, .window = 60000});
    (void)must_take(&net, 0);
    (void)must_take(&net, 1);
    put(&net, (struct seg){.seq = 1001, .ack = 5001, .flags = WIRE_TCP_ACK, .window = 30000});
    assert_int_equal(must_take(&net, 1).window, 20000);
    free_net(&net);
}

static void congestion_marks_are_changed(void **state)
{
    static const struct {
        int ecn;
        uint8_t from, to;
    } cases[] = {{WEFT_BOX_ECN_BLEACH, 3, 0}, {WEFT_BOX_ECN_BLEACH, 2, 0},   {WEFT_BOX_ECN_MARK, 2, 3},
                 {WEFT_BOX_ECN_MARK, 0, 0},   {WEFT_BOX_ECN_MARK_ALL, 0, 3}, {WEFT_BOX_ECN_PASS, 1, 1}};

    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct net net = make_net(&(struct weft_box_config){.ecn = cases[i].ecn});

        put(&net, (struct seg){.seq = 1, .flags = WIRE_TCP_ACK, .len = 10, .ecn = cases[i].from});
        assert_int_equal(must_take(&net, 1).ecn, cases[i].to);
        free_net(&net);
    }
    struct net net = make_net(&(struct weft_box_config){.ecn = WEFT_BOX_ECN_DEAF});

    put(&net, (struct seg){.flags = WIRE_TCP_SYN | WIRE_TCP_ECE | WIRE_TCP_CWR});
    assert_int_equal(must_take(&net, 1).flags, WIRE_TCP_SYN | WIRE_TCP_ECE | WIRE_TCP_CWR);
    put(&net, (struct seg){.flags = WIRE_TCP_ACK | WIRE_TCP_ECE | WIRE_TCP_CWR});
    assert_int_equal(must_take(&net, 1).flags, WIRE_TCP_ACK);
    free_net(&net);
}

/* --- Resets --- */

static void resets_are_forged_to_both_ends(void **state)
{
    struct net net = make_net(&(struct weft_box_config){.reset = 1});
    struct seg seg;

    (void)state;
    put(&net, (struct seg){.seq = 1001, .ack = 5001, .flags = WIRE_TCP_ACK, .len = 100});
    seg = must_take(&net, 1);
    assert_true(seg.flags == WIRE_TCP_RST && seg.seq == 1001 && seg.len == 0);
    assert_int_equal(must_take(&net, 1).len, 100);
    seg = must_take(&net, 0);
    assert_true(seg.flags == WIRE_TCP_RST && seg.seq == 5001);
    free_net(&net);
}

/* Each is a frame for the card of who gets it. */
static void forged_resets_have_their_addresses_on_ethernet(void **state)
{
    static const uint8_t forth[14] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0};
    struct net net = make_net_of(WEFT_LINK_ETHERNET, &(struct weft_box_config){.reset = 1});
    struct weft_pkt *pkt = build(&net, &(struct seg){.seq = 1001, .ack = 5001, .flags = WIRE_TCP_ACK});

    (void)state;
    memcpy(weft_pkt_push(pkt, sizeof(forth)), forth, sizeof(forth));
    link_send_one(net.end[0], pkt, weft_sim_now(net.sim));
    run(&net, weft_sim_now(net.sim));
    for (unsigned end = 0; end < 2; end++) {
        pkt = link_recv_one(net.end[end], weft_sim_pool(net.sim), weft_sim_now(net.sim));
        assert_non_null(pkt);
        assert_memory_equal(pkt->data, forth + (end ? 0 : 6), 6);
        assert_memory_equal(pkt->data + 6, forth + (end ? 6 : 0), 6);
        weft_pkt_free(pkt);
    }
    weft_pkt_free(link_recv_one(net.end[1], weft_sim_pool(net.sim), weft_sim_now(net.sim)));
    free_net(&net);
}

static void who_guesses_misses(void **state)
{
    struct net net = make_net(&(struct weft_box_config){.reset_blind = 1});

    (void)state;
    for (unsigned i = 0; i < 50; i++) {
        struct seg seg;

        put(&net, (struct seg){.seq = 1001, .ack = 5001, .flags = WIRE_TCP_ACK, .len = 100});
        seg = must_take(&net, 1);
        assert_true(seg.flags == WIRE_TCP_RST && seg.seq > 1101);
        (void)must_take(&net, 1);
        seg = must_take(&net, 0);
        assert_true(seg.flags == WIRE_TCP_RST && seg.seq < 5001);
    }
    free_net(&net);
}

/* --- Size and number --- */

static void segments_are_cut(void **state)
{
    struct net net = make_net(&(struct weft_box_config){.split = 400});
    uint16_t flags = WIRE_TCP_ACK | WIRE_TCP_PSH | WIRE_TCP_FIN;

    (void)state;
    put(&net, (struct seg){.seq = 50, .flags = flags, .len = 1000});
    for (uint32_t at = 0; at < 1000; at += 400) {
        struct seg seg = must_take(&net, 1);

        assert_int_equal(seg.seq, 50 + at);
        assert_int_equal(seg.len, at == 800 ? 200 : 400);
        assert_int_equal(seg.flags, at == 800 ? flags : WIRE_TCP_ACK);
        for (uint32_t i = 0; i < seg.len; i++)
            assert_int_equal(seg.text[i], text_byte(seg.seq + i));
    }
    nothing_comes(&net, 1);
    free_net(&net);
}

static void segments_in_a_row_are_joined(void **state)
{
    struct net net = make_net(&(struct weft_box_config){.coalesce = 1000});
    struct seg seg;

    (void)state;
    put(&net, (struct seg){.seq = 100, .ack = 1, .flags = WIRE_TCP_ACK, .len = 300});
    put(&net, (struct seg){.seq = 400, .ack = 2, .flags = WIRE_TCP_ACK, .len = 300});
    nothing_comes(&net, 1);
    put(&net, (struct seg){.seq = 700, .ack = 3, .flags = WIRE_TCP_ACK | WIRE_TCP_PSH, .len = 300});
    seg = must_take(&net, 1);
    assert_true(seg.seq == 100 && seg.len == 900 && seg.ack == 3);
    for (uint32_t i = 0; i < 900; i++)
        assert_int_equal(seg.text[i], text_byte(100 + i));
    put(&net, (struct seg){.seq = 1000, .flags = WIRE_TCP_ACK, .len = 300});
    put(&net, (struct seg){.seq = 2000, .flags = WIRE_TCP_ACK, .len = 300}); /* not in a row */
    assert_int_equal(must_take(&net, 1).seq, 1000);
    nothing_comes(&net, 1);
    run(&net, weft_sim_now(net.sim) + 2 * WEFT_MSEC); /* waits no longer */
    assert_int_equal(must_take(&net, 1).seq, 2000);
    free_net(&net);
}

static void only_some_acks_pass(void **state)
{
    struct net net = make_net(&(struct weft_box_config){.thin = 3});
    struct seg seg;

    (void)state;
    for (unsigned i = 1; i <= 7; i++)
        put(&net, (struct seg){.ack = i, .flags = WIRE_TCP_ACK});
    assert_int_equal(must_take(&net, 1).ack, 3);
    assert_int_equal(must_take(&net, 1).ack, 6);
    nothing_comes(&net, 1);
    put(&net, (struct seg){.ack = 8, .flags = WIRE_TCP_ACK, .len = 5}); /* never before what was earlier */
    assert_int_equal(must_take(&net, 1).ack, 7);
    assert_int_equal(must_take(&net, 1).ack, 8);
    put(&net, (struct seg){.ack = 9, .flags = WIRE_TCP_ACK});
    run(&net, weft_sim_now(net.sim) + 2 * WEFT_MSEC);
    seg = must_take(&net, 1);
    assert_int_equal(seg.ack, 9);
    assert_int_equal(stats_of(&net).thinned, 4);
    free_net(&net);
}

/* --- What it must not touch --- */

static void what_is_damaged_passes_as_it_is(void **state)
{
    struct net net = make_net(&(struct weft_box_config){.rewrite = true, .split = 10, .reset = 1});
    struct weft_pkt *pkt = build(&net, &(struct seg){.seq = 1, .flags = WIRE_TCP_ACK, .len = 100});
    uint8_t before[140], after[140];

    (void)state;
    pkt->data[25] ^= 1;
    weft_pkt_copy_out(pkt, 0, before, 140);
    link_send_one(net.end[0], pkt, weft_sim_now(net.sim));
    run(&net, weft_sim_now(net.sim));
    pkt = link_recv_one(net.end[1], weft_sim_pool(net.sim), weft_sim_now(net.sim));
    assert_int_equal(pkt->total_len, 140);
    weft_pkt_copy_out(pkt, 0, after, 140);
    assert_memory_equal(before, after, 140);
    weft_pkt_free(pkt);
    nothing_comes(&net, 1);
    assert_int_equal(stats_of(&net).segments, 0);
    free_net(&net);
}

static void what_cannot_be_is_refused(void **state)
{
    struct weft_wire_config ip = {.type = WEFT_LINK_IP}, ethernet = {.type = WEFT_LINK_ETHERNET};
    struct weft_box_config config = {.thin = 2, .coalesce = 100};
    struct weft_link *a, *b, *c, *d;
    struct weft_wire *wire;
    struct weft_box *box;
    struct weft_sim *sim;

    (void)state;
    assert_int_equal(weft_sim_new(1, &sim), 0);
    assert_int_equal(weft_wire_new(sim, &ip, &wire, &a, &b), 0);
    assert_int_equal(weft_wire_new(sim, &ip, &wire, &c, &d), 0);
    assert_int_equal(weft_sim_add_box(sim, &config, b, c, &box), WEFT_E_INVAL);
    weft_link_close(a);
    weft_link_close(d);
    config = (struct weft_box_config){0};
    assert_int_equal(weft_wire_new(sim, &ip, &wire, &a, &b), 0);
    assert_int_equal(weft_wire_new(sim, &ethernet, &wire, &c, &d), 0);
    assert_int_equal(weft_sim_add_box(sim, &config, b, c, &box), WEFT_E_INVAL);
    weft_link_close(a);
    weft_link_close(d);
    weft_sim_free(sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_box_that_does_nothing_changes_nothing),
        cmocka_unit_test(options_are_erased),
        cmocka_unit_test(text_of_a_syn_is_dropped_or_trimmed),
        cmocka_unit_test(numbers_are_others_on_both_sides_and_fit),
        cmocka_unit_test(windows_are_limited_in_their_scale),
        cmocka_unit_test(windows_of_one_who_alone_can_scale_are_not_scaled),
        cmocka_unit_test(congestion_marks_are_changed),
        cmocka_unit_test(resets_are_forged_to_both_ends),
        cmocka_unit_test(forged_resets_have_their_addresses_on_ethernet),
        cmocka_unit_test(who_guesses_misses),
        cmocka_unit_test(segments_are_cut),
        cmocka_unit_test(segments_in_a_row_are_joined),
        cmocka_unit_test(only_some_acks_pass),
        cmocka_unit_test(what_is_damaged_passes_as_it_is),
        cmocka_unit_test(what_cannot_be_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
