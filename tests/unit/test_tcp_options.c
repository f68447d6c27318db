/* SPDX-License-Identifier: MIT */
/* What both ends agree on in the handshake: RFC 9293 3.2 and 3.7.1, RFC 7323 2 and 3, RFC 2018 2, RFC 6691. */
#include "tcp_peer.h"

/* --- What our SYN says -------------------------------------------------------------------- */

/* RFC 9293 MUST-14, SHLD-5; the order that other hosts have, so that nothing in between stumbles. */
static void our_syn_has_the_usual_options(void **state)
{
    struct tcp_peer *t = tcp_peer_syn_sent(NULL);
    static const uint8_t kinds[] = {
        WIRE_TCP_OPT_MSS,        4, 1460 >> 8, 1460 & 0xff, WIRE_TCP_OPT_SACK_PERMITTED, 2,
        WIRE_TCP_OPT_TIMESTAMPS, 10};

    (void)state;
    assert_int_equal(t->last.tcp.header_len, 40);
    assert_memory_equal(t->last.option_bytes, kinds, sizeof(kinds));
    assert_int_equal(t->last.option_bytes[16], WIRE_TCP_OPT_NOP);
    assert_int_equal(t->last.option_bytes[17], WIRE_TCP_OPT_WSCALE);
    assert_int_equal(t->last.opts.tsecr, 0);  /* RFC 7323 3.2: no ACK, no echo */
    assert_int_equal(t->last.opts.wscale, 7); /* 4 MiB in 16 bits */
    assert_int_equal(t->last.tcp.window, 65535);
    tcp_peer_end(t);
}

/* MUST-67: what the MTU leaves, without options. */
static void the_mss_follows_the_mtu(void **state)
{
    struct tcp_peer *t = tcp_peer_syn_sent(&(struct tcp_peer_setup){.mtu = 1280});

    (void)state;
    assert_int_equal(t->last.opts.mss, 1240);
    tcp_peer_end(t);
    t = tcp_peer_syn_sent(&(struct tcp_peer_setup){.mtu = 65535});
    assert_int_equal(t->last.opts.mss, 65495);
    tcp_peer_end(t);
}

static void options_can_be_switched_off(void **state)
{
    struct tcp_peer_setup setup = {.tcp = {.no_sack = true, .no_timestamps = true, .no_window_scale = true},
                                   .sack = true,
                                   .timestamps = true,
                                   .wscale = true,
                                   .shift = 4};
    struct tcp_peer *t = tcp_peer_syn_sent(&setup);

    (void)state;
    assert_int_equal(t->last.tcp.header_len, 24);
    assert_true(t->last.opts.has_mss);
    tp_agree(t);
    peer_sends_syn(t, "SA", 0, 1); /* offers although we did not (RFC 7323 2.2: ignored) */
    we_send(t, "A", 1, 1, 0);
    assert_int_equal(t->last.tcp.header_len, 20);
    struct weft_tcp_info info = tp_info(t);
    assert_false(info.sack || info.timestamps || info.window_scaling);
    assert_int_equal(info.snd_wscale, 0);
    tcp_peer_end(t);
    setup.accepts = true;
    t = tcp_peer_syn_received(&setup);
    assert_int_equal(t->last.tcp.header_len, 24);
    tcp_peer_end(t);
}

/* RFC 7323 2.2, 3.2, RFC 2018 2: in a SYN-ACK only what the SYN had. */
static void our_syn_ack_has_what_the_syn_had(void **state)
{
    struct tcp_peer *t;

    (void)state;
    for (unsigned i = 0; i < 8; i++) {
        struct tcp_peer_setup setup = {.accepts = true, .sack = i & 1, .timestamps = i & 2, .wscale = i & 4};

        t = tcp_peer_syn_received(&setup);
        assert_true(t->last.opts.has_mss);
        assert_int_equal(t->last.opts.has_sack_permitted, setup.sack);
        assert_int_equal(t->last.opts.has_timestamps, setup.timestamps);
        assert_int_equal(t->last.opts.has_wscale, setup.wscale);
        if (setup.timestamps)
            assert_int_equal(t->last.opts.tsecr, tp_peer_clock(t));
        tp_agree(t);
        peer_sends(t, "A", 1, 1, 0);
        tp_accept(t);
        struct weft_tcp_info info = tp_info(t);
        assert_int_equal(info.sack, setup.sack);
        assert_int_equal(info.timestamps, setup.timestamps);
        assert_int_equal(info.window_scaling, setup.wscale);
        tcp_peer_end(t);
    }
}

/* MUST-65: no MSS but on SYNs; RFC 7323 2.1: nor a window scale. */
static void other_segments_have_no_syn_options(void **state)
{
    struct tcp_peer *t =
        tcp_peer_established(&(struct tcp_peer_setup){.sack = true, .timestamps = true, .wscale = true});

    (void)state;
    we_write(t, 10);
    we_send(t, "PA", 1, 1, 10);
    assert_true(t->last.opts.has_timestamps);
    assert_false(t->last.opts.has_mss || t->last.opts.has_wscale || t->last.opts.has_sack_permitted);
    assert_int_equal(t->last.tcp.header_len, 32);
    tcp_peer_end(t);
}

/* --- What the peer's MSS means ------------------------------------------------------------------ */

/* Begins a connection by a SYN with these option bytes. */
static struct tcp_peer *accept_with(const uint8_t *bytes, uint8_t len, const struct tcp_peer_setup *setup)
{
    struct tcp_peer *t = tcp_peer_listening(setup, 0);
    struct wire_tcp header = {.src_port = t->peer_port,
                              .dst_port = t->our_port,
                              .seq = t->irs,
                              .flags = WIRE_TCP_SYN,
                              .window = 65535,
                              .header_len = (uint8_t)(20 + len)};

    t->peer_sent = t->irs + 1;
    tp_input_tcp(t, &header, bytes, 0);
    if (t->count == 0)
        return t;
    we_send(t, "SA", 0, 1, 0);
    tp_agree(t);
    peer_sends(t, "A", 1, 1, 0);
    tp_accept(t);
    return t;
}

/* MUST-15: without the option 536 bytes. */
static void without_an_mss_option_536(void **state)
{
    struct tcp_peer *t = accept_with(NULL, 0, NULL);

    (void)state;
    assert_int_equal(tp_info(t).snd_mss, 536);
    we_write(t, 1000);
    we_send(t, "A", 1, 1, 536);
    we_send(t, "PA", 537, 1, 464);
    tcp_peer_end(t);
}

/* RFC 9293 MUST-15. */
static void the_default_mss_is_that_of_the_family(void **state)
{
    const struct wire_tcp_opts none = {0}, some = {.has_mss = true, .mss = 700};
    struct tcp_tuple ip4 = {.remote = tp_peer}, ip6 = {0};

    (void)state;
    assert_int_equal(weft_addr_parse("2001:db8::1", &ip6.remote), 0);
    assert_int_equal(tcp_peer_mss(&none, &ip4), 536);
    assert_int_equal(tcp_peer_mss(&none, &ip6), 1220);
    assert_int_equal(tcp_peer_mss(&some, &ip6), 700);
}

/* MUST-16: the smallest of what the peer takes and the path lets through, options taken off (RFC 6691). */
static void the_effective_mss(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.mss = 9000});

    (void)state;
    assert_int_equal(tp_info(t).snd_mss, 1460);
    tcp_peer_end(t);
    t = tcp_peer_established(&(struct tcp_peer_setup){.mss = 9000, .timestamps = true});
    assert_int_equal(tp_info(t).snd_mss, 1448);
    we_write(t, 1448);
    we_send(t, "PA", 1, 1, 1448);
    assert_int_equal(t->last.ip.total_len, 1500);
    tcp_peer_end(t);
    t = tcp_peer_established(&(struct tcp_peer_setup){.mss = 1000, .timestamps = true});
    assert_int_equal(tp_info(t).snd_mss, 988);
    tcp_peer_end(t);
}

/* An MSS that leaves nothing for data must not stop us (nor make us send for ever). */
static void a_hostile_mss_still_lets_data_through(void **state)
{
    static const uint16_t values[] = {1, 12, 40, 64};

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        struct tcp_peer *t =
            tcp_peer_established(&(struct tcp_peer_setup){.mss = values[i], .timestamps = true});
        uint32_t got = 0;

        we_write(t, 100);
        while (got < 100) {
            assert_true(t->count > 0);
            got += t->segs[t->first].len;
            tp_pass(t);
            peer_sends(t, "A", 1, 1 + got, 0);
        }
        we_send_nothing(t);
        tcp_peer_end(t);
    }
}

/* An MSS of 0 cannot be meant. */
static void an_mss_of_zero(void **state)
{
    static const uint8_t bytes[] = {WIRE_TCP_OPT_MSS, 4, 0, 0};
    struct tcp_peer *t = accept_with(bytes, 4, NULL);

    (void)state;
    assert_true(tp_info(t).snd_mss >= 8);
    we_write(t, 30);
    assert_true(t->count > 0);
    tcp_peer_end(t);
}

/* --- Window scale (RFC 7323 2) ----------------------------------------------------------------------- */

static void a_window_scale_above_14_counts_as_14(void **state)
{
    static const uint8_t shifts[] = {15, 31, 32, 64, 255};

    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        struct tcp_peer_setup setup = {.wscale = true, .shift = shifts[i]};
        struct tcp_peer *t = tcp_peer_syn_sent(&setup);

        tp_agree(t);
        peer_sends_syn(t, "SA", 0, 1);
        we_send(t, "A", 1, 1, 0);
        t->setup.shift = 14;
        peer_sends(t, "PA", 1, 1, 1);
        assert_int_equal(tp_info(t).snd_wscale, 14);
        assert_int_equal(tp_info(t).snd_wnd, 65535u << 14);
        tcp_peer_end(t);
        t = tcp_peer_listening(&setup, 0);
        peer_sends_syn(t, "S", 0, 0);
        we_send(t, "SA", 0, 1, 0);
        tp_agree(t);
        t->setup.shift = 14;
        peer_sends(t, "A", 1, 1, 0);
        tp_accept(t);
        assert_int_equal(tp_info(t).snd_wnd, 65535u << 14);
        tcp_peer_end(t);
    }
}

/* RFC 7323 2.2: "the window field in a SYN segment itself is never scaled"; all others are. */
static void windows_are_scaled_behind_the_handshake(void **state)
{
    struct tcp_peer *t =
        tcp_peer_syn_sent(&(struct tcp_peer_setup){.wscale = true, .shift = 3, .window = 1000});

    (void)state;
    tp_agree(t);
    peer_sends_syn(t, "SA", 0, 1);
    assert_int_equal(tp_info(t).snd_wnd, 1000);
    we_send(t, "A", 1, 1, 0);
    assert_int_equal(t->last.tcp.window, (6 << 20) >> 7);
    peer_sends(t, "PA", 1, 1, 1);
    assert_int_equal(tp_info(t).snd_wnd, 8000);
    tcp_peer_end(t);
}

/* RFC 7323 2.2: both must offer, or neither scales. */
static void without_both_options_nobody_scales(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    assert_int_equal(t->last.tcp.window, 65535);
    assert_int_equal(tp_info(t).rcv_wscale, 0);
    peer_sends(t, "A", 1, 1, 1);
    assert_int_equal(tp_info(t).snd_wnd, 65535);
    tcp_peer_end(t);
}

/* The smallest shift with which the field says the whole buffer. */
static void the_scale_fits_the_buffer(void **state)
{
    static const struct {
        uint32_t buffer;
        uint8_t shift;
    } cases[] = {{65535, 0}, {65536, 1}, {131072, 2}, {1 << 20, 5}, {1 << 30, 14}};

    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        struct tcp_peer *t =
            tcp_peer_syn_sent(&(struct tcp_peer_setup){.tcp = {.receive_buffer = cases[i].buffer}});

        assert_int_equal(t->last.opts.wscale, cases[i].shift);
        tcp_peer_end(t);
    }
}

/* As settings: a scale of at least so much, and the order of the BSDs; in SYN-ACKs, too. */
static void scale_and_order_can_be_chosen(void **state)
{
    static const uint8_t order[] = {WIRE_TCP_OPT_MSS, WIRE_TCP_OPT_NOP, WIRE_TCP_OPT_WSCALE};
    struct tcp_peer_setup setup = {.wscale = true,
                                   .sack = true,
                                   .tcp = {.receive_buffer = 65535, .wscale_least = 6, .wscale_first = true}};
    struct tcp_peer *t = tcp_peer_syn_sent(&setup);

    (void)state;
    assert_int_equal(t->last.opts.wscale, 6);
    assert_int_equal(t->last.option_bytes[0], order[0]);
    assert_int_equal(t->last.option_bytes[4], order[1]);
    assert_int_equal(t->last.option_bytes[5], order[2]);
    tcp_peer_end(t);
    t = tcp_peer_syn_received(&setup);
    assert_int_equal(t->last.opts.wscale, 6);
    assert_int_equal(t->last.option_bytes[5], order[2]);
    tcp_peer_end(t);
    setup.tcp = (struct weft_tcp_config){.wscale_least = 15}; /* there is no more than 14 */
    t = tcp_peer_syn_sent(&setup);
    assert_int_equal(t->last.opts.wscale, 14);
    tcp_peer_end(t);
}

/* --- How options stand (MUST-5 to MUST-7, MUST-64) ------------------------------------------------------ */

static void unknown_options_are_passed_over(void **state)
{
    static const uint8_t bytes[] = {254, 6,  1, 2, 3, 4, WIRE_TCP_OPT_NOP, WIRE_TCP_OPT_MSS, 4, 2,
                                    100, 77, 2, 0, 0, 0};
    struct tcp_peer *t = accept_with(bytes, sizeof(bytes), NULL); /* the MSS stands at an odd place */

    (void)state;
    assert_int_equal(tp_info(t).snd_mss, 612);
    tcp_peer_end(t);
}

static void illegal_lengths_are_survived(void **state)
{
    static const uint8_t bad[][4] = {
        {254, 0, 1, 1}, {254, 1, 1, 1}, {254, 5, 1, 1}, {1, 1, 1, 2}, {2, 40, 5, 5}};

    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        struct tcp_peer *t = accept_with(bad[i], 4, NULL);

        we_send_nothing(t);
        assert_null(t->sock);
        assert_int_equal(tp_drops(t, WEFT_DROP_TCP_OPTIONS), 1);
        tcp_peer_end_quiet(t);
    }
}

/* Of known kind and wrong length: as if it were not there. */
static void options_of_wrong_length_do_not_count(void **state)
{
    static const uint8_t bytes[] = {WIRE_TCP_OPT_MSS,
                                    3,
                                    9,
                                    WIRE_TCP_OPT_WSCALE,
                                    4,
                                    3,
                                    3,
                                    WIRE_TCP_OPT_SACK_PERMITTED,
                                    3,
                                    0,
                                    WIRE_TCP_OPT_TIMESTAMPS,
                                    4,
                                    0,
                                    0,
                                    0,
                                    0};
    struct tcp_peer *t = accept_with(bytes, sizeof(bytes), NULL);
    struct weft_tcp_info info = tp_info(t);

    (void)state;
    assert_int_equal(info.snd_mss, 536);
    assert_false(info.sack || info.timestamps || info.window_scaling);
    tcp_peer_end(t);
}

/* What stands behind END is not read. */
static void end_ends(void **state)
{
    static const uint8_t bytes[] = {0, WIRE_TCP_OPT_MSS, 4, 2, 100, 0, 0, 0};
    struct tcp_peer *t = accept_with(bytes, sizeof(bytes), NULL);

    (void)state;
    assert_int_equal(tp_info(t).snd_mss, 536);
    tcp_peer_end(t);
}

/* MUST-5: options in any segment; those of SYNs mean nothing later (RFC 7323 2.1: "MUST be ignored"). */
static void syn_options_later_mean_nothing(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);
    struct wire_tcp_opts opts = {.has_mss = true,
                                 .mss = 99,
                                 .has_wscale = true,
                                 .wscale = 9,
                                 .has_sack_permitted = true,
                                 .has_timestamps = true,
                                 .tsval = 1};

    (void)state;
    tp_send(t, "PA", 1, 1, 10, &opts);
    we_send(t, "A", 1, 11, 0);
    assert_int_equal(t->last.tcp.header_len, 20);
    struct weft_tcp_info info = tp_info(t);
    assert_int_equal(info.snd_mss, 1000);
    assert_int_equal(info.snd_wnd, 65535);
    assert_false(info.sack || info.timestamps);
    tcp_peer_end(t);
}

/* SACK blocks without SACK-permitted are not read (RFC 2018 2). */
static void sacks_that_were_not_agreed_on_mean_nothing(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    we_write(t, 3000);
    ignore_sent(t);
    peer_sacks(t, 1, 1, 1001, 3001);
    assert_int_equal(tp_info(t).in_flight, 2000); /* a duplicate ACK, no more */
    tcp_peer_end(t);
}

/* RFC 9293 3.1: a checksum that is wrong, a data offset below 5 or beyond the segment. */
static void broken_headers_are_dropped(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);
    uint8_t bytes[40] = {0};
    struct wire_tcp header = {.src_port = t->peer_port,
                              .dst_port = t->our_port,
                              .seq = t->irs + 1,
                              .ack = t->iss + 1,
                              .flags = WIRE_TCP_ACK | WIRE_TCP_RST,
                              .window = 1000,
                              .header_len = 20};
    struct writer w = writer_of(bytes, sizeof(bytes));

    (void)state;
    wire_tcp_emit(&header, &w);
    tp_input(t, WIRE_PROTO_TCP, bytes, 40);                   /* checksum 0 */
    assert_int_equal(tp_drops(t, WEFT_DROP_TCP_CHECKSUM), 1); /* MUST-3 */
    for (uint32_t len = 0; len < 20; len++)
        tp_input(t, WIRE_PROTO_TCP, bytes, len);
    assert_int_equal(tp_drops(t, WEFT_DROP_TCP_SHORT), 20);
    bytes[12] = 4 << 4;
    tp_input(t, WIRE_PROTO_TCP, bytes, 40);
    bytes[12] = 15 << 4;
    tp_input(t, WIRE_PROTO_TCP, bytes, 40);
    assert_int_equal(tp_drops(t, WEFT_DROP_TCP_SHORT), 22);
    we_send_nothing(t);
    we_are(t, ESTABLISHED);
    tcp_peer_end(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(our_syn_has_the_usual_options),
        cmocka_unit_test(the_mss_follows_the_mtu),
        cmocka_unit_test(options_can_be_switched_off),
        cmocka_unit_test(our_syn_ack_has_what_the_syn_had),
        cmocka_unit_test(other_segments_have_no_syn_options),
        cmocka_unit_test(without_an_mss_option_536),
        cmocka_unit_test(the_default_mss_is_that_of_the_family),
        cmocka_unit_test(the_effective_mss),
        cmocka_unit_test(a_hostile_mss_still_lets_data_through),
        cmocka_unit_test(an_mss_of_zero),
        cmocka_unit_test(a_window_scale_above_14_counts_as_14),
        cmocka_unit_test(windows_are_scaled_behind_the_handshake),
        cmocka_unit_test(without_both_options_nobody_scales),
        cmocka_unit_test(the_scale_fits_the_buffer),
        cmocka_unit_test(scale_and_order_can_be_chosen),
        cmocka_unit_test(unknown_options_are_passed_over),
        cmocka_unit_test(illegal_lengths_are_survived),
        cmocka_unit_test(options_of_wrong_length_do_not_count),
        cmocka_unit_test(end_ends),
        cmocka_unit_test(syn_options_later_mean_nothing),
        cmocka_unit_test(sacks_that_were_not_agreed_on_mean_nothing),
        cmocka_unit_test(broken_headers_are_dropped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
