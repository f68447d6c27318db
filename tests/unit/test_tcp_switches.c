/* SPDX-License-Identifier: MIT */
/*
 * Everything that TCP does beyond RFC 9293 can be switched, and each switch
 * does what it says. Those that no other test is about are tested here.
 */
#define TP_CONGESTION "newreno"
#include "tcp_path.h"
#include "tcp_peer.h"

#include "script/names.h"

/* The switches of a stack, and the test or packet script that would fail if one did nothing. */
static const struct {
    const char *name, *proof;
} proofs[] = {
    {"no_pacing", "test_tcp_pacing.off_means_bursts"},
    {"no_idle_restart", "test_tcp_pacing"},
    {"no_fast_open_connect", "test_tcp_fastopen.fast_open_can_be_switched_off"},
    {"no_fast_open_listen", "test_tcp_fastopen"},
    {"fast_open_all_listeners", "test_tcp_fastopen"},
    {"fast_open_all_connects", "test_http_sim.a_request_goes_with_the_syn"},
    {"fast_open_send_without_cookie", "test_tcp_fastopen"},
    {"fast_open_take_without_cookie", "test_tcp_fastopen"},
    {"fast_open_experimental", "test_tcp_fastopen"},
    {"no_timestamps", "rfc7323/3.2-switched-off"},
    {"no_window_scale", "rfc7323/2.2-switched-off"},
    {"no_sack", "rfc2018/2-switched-off"},
    {"no_rack", "rfc6675/5-loss-by-counting"},
    {"no_tail_probe", "rfc8985/7-probes-can-be-switched-off"},
    {"no_eifel", "test_tcp_undo"},
    {"no_frto", "rfc5682/2.1-switched-off"},
    {"no_dsack_undo", "test_tcp_undo"},
    {"no_dsack", "duplicates_need_not_be_reported"},
    {"no_limited_transmit", "nothing_new_need_go_before_a_recovery"},
    {"no_prr", "a_recovery_can_wait_for_half"},
    {"no_abc", "acks_can_be_counted"},
    {"no_hystart", "slow_start_can_go_on_until_a_loss"},
    {"no_fast_path", "test_tcp_transfer"},
    {"no_buffer_tuning", "test_tcp_tune"},
    {"check", "all that use tcp_peer.h"},
    {"tolerate_missing_timestamps", "rfc7323/3.2-missing-timestamps-tolerated"},
    {"push_bursts", "test_tcp_nagle.psh_marks_bursts"},
    {"wscale_first", "test_tcp_options.scale_and_order_can_be_chosen"},
    {"ao_drop_unmatched", "test_tcp_ao"},
    {"soft_errors_end_opens", "test_tcp_icmp"},
    {"answers_delay_acks", "test_tcp_receive.answers_delay_acks"},
    {"host_cache", "test_tcp_hostcache.it_is_off_unless_asked_for"},
};

#define PROOFS (sizeof(proofs) / sizeof(proofs[0]))

/* One that is new must name its proof here. */
static void every_switch_has_a_proof(void **state)
{
    unsigned n = 0;

    (void)state;
    for (const struct script_field *field = script_config_fields; field->name; field++) {
        unsigned i = 0;

        if (field->kind != SCRIPT_BOOL)
            continue;
        while (i < PROOFS && strcmp(proofs[i].name, field->name) != 0)
            i++;
        if (i == PROOFS)
            fail_msg("the switch %s has no proof", field->name);
        n++;
    }
    assert_int_equal(n, PROOFS);
}

/* RFC 2883: without it an ACK is all that a duplicate gets. */
static void duplicates_need_not_be_reported(void **state)
{
    (void)state;
    for (unsigned off = 0; off < 2; off++) {
        struct tcp_peer *t =
            tcp_peer_established(&(struct tcp_peer_setup){.sack = true, .tcp = {.no_dsack = off}});

        peer_sends(t, "PA", 1, 1, 500);
        ignore_sent(t);
        peer_sends(t, "PA", 1, 1, 500);
        we_send(t, "A", 1, 501, 0);
        assert_int_equal(t->last.opts.nsacks, !off);
        peer_sends(t, "PA", 1001, 1, 500); /* holes are reported all the same (RFC 2018) */
        we_send(t, "A", 1, 501, 0);
        assert_int_equal(t->last.opts.nsacks, 1);
        tcp_peer_end(t);
    }
}

/* RFC 3042 */
static void nothing_new_need_go_before_a_recovery(void **state)
{
    (void)state;
    for (unsigned off = 0; off < 2; off++)
        for (unsigned sack = 0; sack < 2; sack++) {
            struct tcp_peer *t = tcp_peer_established(
                &(struct tcp_peer_setup){.sack = sack, .tcp = {.no_limited_transmit = off}});

            we_write(t, 20000);
            after(t, WEFT_MSEC);
            ignore_sent(t);
            for (unsigned i = 1; i <= 2; i++) {
                if (sack)
                    peer_sacks(t, 1, 1, 1001, 1001 + 1000 * i);
                else
                    peer_sends(t, "A", 1, 1, 0);
                if (tp_info(t).recovery == WEFT_TCP_DISORDER)
                    assert_int_equal(t->count, off ? 0 : i);
            }
            tcp_peer_end(t);
        }
}

/* RFC 6675 5 in the place of RFC 9937: nothing goes until half has drained, and then a segment for each that arrives. */
static void a_recovery_can_wait_for_half(void **state)
{
    (void)state;
    for (unsigned off = 0; off < 2; off++) {
        struct tcp_peer *t = tcp_peer_established(
            &(struct tcp_peer_setup){.sack = true, .tcp = {.no_prr = off, .no_rack = true}});

        we_write(t, 60000); /* ten are out */
        ignore_sent(t);
        for (unsigned i = 1; i <= 3; i++)
            peer_sacks(t, 1, 1, 1001, 1001 + 1000 * i);
        assert_int_equal(tp_info(t).recovery, WEFT_TCP_RECOVERY);
        assert_int_equal(tp_info(t).ssthresh, 5000);
        ignore_sent(t); /* the fast retransmit */
        for (unsigned i = 4; i <= 6; i++)
            peer_sacks(t, 1, 1, 1001, 1001 + 1000 * i);
        assert_int_equal(t->count > 0, !off);
        ignore_sent(t);
        for (unsigned i = 7; i <= 9; i++)
            peer_sacks(t, 1, 1, 1001, 1001 + 1000 * i);
        assert_true(t->count > 0);
        tcp_peer_end(t);
    }
}

/* RFC 5681 3.1 in the place of RFC 3465: an ACK for two segments is one ACK. */
static void acks_can_be_counted(void **state)
{
    (void)state;
    for (unsigned off = 0; off < 2; off++) {
        struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.tcp = {.no_abc = off}});
        uint32_t cwnd = tp_info(t).cwnd;

        we_write(t, 40000);
        peer_sends(t, "A", 1, 2001, 0);
        assert_int_equal(tp_info(t).cwnd - cwnd, off ? 1000 : 2000);
        peer_sends(t, "A", 1, 3001, 0);
        assert_int_equal(tp_info(t).cwnd - cwnd, off ? 2000 : 3000);
        tcp_peer_end(t);
    }
}

/* RFC 9406: a queue without end grows, and the round trip with it. */
static void slow_start_can_go_on_until_a_loss(void **state)
{
    const struct weft_wire_direction way = {
        .delay = 25 * WEFT_MSEC, .rate = 20000000, .queue = {.packets = 10000}};

    (void)state;
    for (unsigned off = 0; off < 2; off++) {
        struct tcp_path_setup setup = {.client = {.no_hystart = off}, .wire = {.direction = {way, way}}};
        struct tcp_path *p = tcp_path_new(&setup);

        tcp_path_send(p, 4000000, 60 * WEFT_SEC);
        assert_int_equal(tcp_path_info(p->sock).segs_retransmitted, 0);
        assert_int_equal(tcp_path_info(p->sock).ssthresh == UINT32_MAX, off);
        tcp_path_end(p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_switch_has_a_proof),
        cmocka_unit_test(duplicates_need_not_be_reported),
        cmocka_unit_test(nothing_new_need_go_before_a_recovery),
        cmocka_unit_test(a_recovery_can_wait_for_half),
        cmocka_unit_test(acks_can_be_counted),
        cmocka_unit_test(slow_start_can_go_on_until_a_loss),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
