/* SPDX-License-Identifier: MIT */
/* What weft_sock_info says: of recovery and delivery, of time, and in numbers. */
#include "tcp_peer.h"

/* Loss is seen, repaired and forgotten, and each step can be told from outside. */
static void recovery_can_be_followed(void **state)
{
    struct tcp_peer_setup setup = {.sack = true, .accepts = true};
    struct tcp_peer *t = tcp_peer_established(&setup);
    struct wire_tcp_opts opts = {0};

    (void)state;
    assert_int_equal(tp_info(t).recovery, WEFT_TCP_OPEN);
    assert_int_equal(tp_info(t).delivered_segs, 1); /* the SYN-ACK */
    we_write(t, 6000);
    for (unsigned i = 0; i < 6; i++)
        we_send(t, i < 5 ? "A" : "PA", 1 + 1000 * i, 1, 1000);
    opts.nsacks = 1;
    opts.sack[0] = (struct wire_tcp_sack){t->iss + 1001, t->iss + 5001};
    tp_send(t, "A", 1, 1, 0, &opts);
    assert_int_equal(tp_info(t).recovery, WEFT_TCP_RECOVERY);
    we_send(t, "A", 1, 1, 1000);
    assert_int_equal(tp_info(t).sacked, 4000);
    assert_int_equal(tp_info(t).resent, 1000);
    assert_int_equal(tp_info(t).lost, 0); /* nothing that is not sent again */
    peer_sends(t, "A", 1, 6001, 0);
    assert_int_equal(tp_info(t).recovery, WEFT_TCP_OPEN);
    assert_int_equal(tp_info(t).sacked + tp_info(t).resent, 0);
    assert_int_equal(tp_info(t).delivered_segs, 7);
    tcp_peer_end(t);
}

/* One duplicate ACK may be reordering only. */
static void disorder_is_not_recovery(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    we_write(t, 3000);
    for (unsigned i = 0; i < 3; i++)
        we_send(t, i < 2 ? "A" : "PA", 1 + 1000 * i, 1, 1000);
    peer_sends(t, "A", 1, 1, 0);
    assert_int_equal(tp_info(t).recovery, WEFT_TCP_DISORDER);
    peer_sends(t, "A", 1, 3001, 0);
    assert_int_equal(tp_info(t).recovery, WEFT_TCP_OPEN);
    tcp_peer_end(t);
}

static void timeouts_can_be_followed(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    we_write(t, 100);
    we_send(t, "PA", 1, 1, 100);
    after(t, 250 * WEFT_MSEC);
    we_send(t, "PA", 1, 1, 100);
    assert_int_equal(tp_info(t).recovery, WEFT_TCP_LOSS);
    assert_int_equal(tp_info(t).retries, 1);
    assert_int_equal(tp_info(t).backoffs, 1);
    peer_sends(t, "A", 1, 101, 0);
    assert_int_equal(tp_info(t).retries, 0);
    tcp_peer_end(t);
}

static void what_the_peer_sends_is_noted(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);
    weft_time began = t->now;

    (void)state;
    assert_int_equal(tp_info(t).rcv_seg, 0);
    assert_true(tp_info(t).last_data <= began);
    after(t, WEFT_SEC);
    peer_sends(t, "A", 1, 1, 0); /* no data */
    assert_true(tp_info(t).last_data <= began);
    peer_sends(t, "A", 1, 1, 700);
    we_send(t, "A", 1, 701, 0);
    assert_int_equal(tp_info(t).rcv_seg, 700);
    assert_true(tp_info(t).last_data == t->now);
    tcp_peer_end(t);
}

/* --- What a connection has done with its time ---------------------------------------------------------- */

#define MS(n) ((weft_time)(n)*WEFT_MSEC)

/* Whatever holds it, something does at each moment since it was opened. */
static void check_sum(struct tcp_peer *t, weft_time opened)
{
    struct weft_tcp_info info = tp_info(t);
    weft_time sum = 0;

    for (unsigned i = 0; i < WEFT_TCP_LIMITS_MAX; i++)
        sum += info.limited[i];
    assert_int_equal(sum, t->now - opened);
    assert_int_equal(info.rwnd_limited, info.limited[WEFT_LIMIT_PEER_WINDOW]);
    assert_int_equal(info.sndbuf_limited, info.limited[WEFT_LIMIT_SEND_BUFFER]);
}

/* A conversation in which one thing after the other holds us, each for a time of its own. */
static void what_holds_the_sender_is_summed_up(void **state)
{
    struct tcp_peer_setup setup = {.window = 12000, .tcp = {.send_buffer = 20000, .congestion = "newreno"}};
    struct tcp_peer *t = tcp_peer_syn_sent(&setup);
    weft_time opened = t->now;

    (void)state;
    after(t, MS(30));
    peer_sends_syn(t, "SA", 0, 1);
    assert_int_equal(tp_info(t).limited[WEFT_LIMIT_HANDSHAKE], MS(30));
    assert_int_equal(tp_info(t).busy_time, 0);
    after(t, MS(70)); /* nothing is written */
    assert_int_equal(tp_info(t).limited[WEFT_LIMIT_APPLICATION], MS(70));
    we_write(t, 20000); /* ten segments: cwnd */
    after(t, MS(5));
    assert_int_equal(tp_info(t).limited[WEFT_LIMIT_CWND], MS(5));
    check_sum(t, opened);
    t->window = 4000;
    peer_sends(t, "A", 1, 8001, 0); /* two more: the peer's window */
    assert_int_equal(tp_info(t).limit, WEFT_LIMIT_PEER_WINDOW);
    after(t, MS(7));
    assert_int_equal(tp_info(t).rwnd_limited, MS(7));
    t->window = 12000;
    peer_sends(t, "A", 1, 12001, 0); /* all of it goes */
    after(t, MS(11));
    assert_int_equal(tp_info(t).limited[WEFT_LIMIT_APPLICATION], MS(81));
    peer_sends(t, "A", 1, 20001, 0);
    check_sum(t, opened);
    assert_int_equal(tp_info(t).busy_time, MS(5 + 7 + 11));
    after(t, MS(100));
    assert_int_equal(tp_info(t).busy_time, MS(5 + 7 + 11));
    assert_int_equal(tp_info(t).sndbuf_limited, 0);
    check_sum(t, opened);
    tcp_peer_end(t);
}

/* The buffer holds less than the path: all of it is out, and the application has more. */
static void a_small_send_buffer_is_told_from_an_idle_application(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.tcp = {.send_buffer = 4096}});
    weft_time idle = tp_info(t).limited[WEFT_LIMIT_APPLICATION];

    (void)state;
    assert_int_equal(tp_write(t, 10000, 0), 4096);
    tp_step(t);
    assert_int_equal(tp_info(t).limit, WEFT_LIMIT_APPLICATION); /* it has not come back */
    after(t, MS(3));
    assert_int_equal(tp_write(t, 5904, 0), WEFT_E_AGAIN);
    assert_int_equal(tp_info(t).limit, WEFT_LIMIT_SEND_BUFFER);
    after(t, MS(20));
    ignore_sent(t);
    peer_sends(t, "A", 1, 4097, 0);
    assert_int_equal(tp_info(t).limit, WEFT_LIMIT_APPLICATION);
    assert_int_equal(tp_info(t).sndbuf_limited, MS(20));
    after(t, MS(2));
    assert_int_equal(tp_write(t, 5904, 0), 4096); /* until it is full, and again */
    assert_int_equal(tp_write(t, 1808, 0), WEFT_E_AGAIN);
    tp_step(t);
    after(t, MS(9));
    assert_int_equal(tp_info(t).sndbuf_limited, MS(29));
    assert_int_equal(tp_info(t).limited[WEFT_LIMIT_APPLICATION] - idle, MS(5));
    assert_int_equal(tp_info(t).busy_time, MS(3 + 20 + 9));
    tcp_peer_end(t);
}

static void pacing_is_summed_up(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    assert_int_equal(weft_sock_setopt(t->sock, WEFT_OPT_MAX_PACING_RATE, 100000), 0);
    assert_int_equal(tp_info(t).max_pacing_rate, 100000);
    we_write(t, 4000); /* two segments at once, then one each 10 ms */
    after(t, MS(50));
    assert_int_equal(tp_info(t).limited[WEFT_LIMIT_PACING], MS(20));
    tcp_peer_end(t);
}

/* Two timeouts in a row are one recovery, which lasts until something is acknowledged. */
static void timeouts_are_summed_up(void **state)
{
    struct tcp_peer *t = tcp_peer_measured(NULL);
    weft_time rto = tp_info(t).rto;

    (void)state;
    we_write(t, 100);
    after(t, rto);
    assert_int_equal(tp_info(t).timeouts, 1);
    assert_int_equal(tp_info(t).rto_time, 0);
    after(t, 2 * rto);
    assert_int_equal(tp_info(t).timeouts, 2);
    after(t, MS(10));
    assert_int_equal(tp_info(t).rto_time, 2 * rto + MS(10));
    ignore_sent(t);
    peer_sends(t, "A", 1, 101, 0);
    after(t, WEFT_SEC);
    assert_int_equal(tp_info(t).rto_time, 2 * rto + MS(10));
    assert_int_equal(tp_info(t).rto_recoveries, 1);
    assert_int_equal(tp_info(t).segs_retransmitted, 2);
    tcp_peer_end(t);
}

/* What was known at the end stays known. */
static void the_figures_stay_when_it_is_over(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);
    struct weft_tcp_info before, later;

    (void)state;
    we_write(t, 100);
    we_send(t, "PA", 1, 1, 100);
    after(t, MS(40));
    peer_sends(t, "R", 1, 0, 0);
    we_are(t, CLOSED);
    before = tp_info(t);
    after(t, 100 * WEFT_SEC);
    later = tp_info(t);
    assert_memory_equal(&before, &later, sizeof(before));
    assert_int_equal(later.busy_time, MS(40));
    assert_int_equal(later.bytes_sent, 100);
    tcp_peer_end(t);
}

/* --- Numbers -------------------------------------------------------------------------------------------- */

static void segments_and_bytes_are_counted(void **state)
{
    struct tcp_peer_setup setup = {.sack = true};
    struct tcp_peer *t = tcp_peer_syn_sent(&setup);
    weft_time began = t->now;

    (void)state;
    assert_int_equal(tp_info(t).segs_out, 1);
    peer_sends_syn(t, "SA", 0, 1);
    we_send(t, "A", 1, 1, 0);
    we_write(t, 2500);
    for (unsigned i = 0; i < 3; i++)
        we_send(t, i < 2 ? "A" : "PA", 1 + 1000 * i, 1, i < 2 ? 1000 : 500);
    assert_int_equal(tp_info(t).last_data_sent, began);
    after(t, MS(5));
    peer_sends(t, "A", 1, 1001, 0);
    peer_sacks(t, 1, 1001, 2001, 2501); /* a hole, of one segment */
    after(t, MS(6));
    ignore_sent(t); /* it goes again */
    peer_sends(t, "A", 1, 2501, 0);
    after(t, MS(10));
    peer_sends(t, "PA", 1, 2501, 300);
    assert_int_equal(tp_info(t).last_ack_recv, t->now);
    assert_int_equal(tp_info(t).last_ack_sent, t->now);
    peer_sends(t, "PA", 701, 2501, 400); /* out of order */
    peer_sends(t, "PA", 301, 2501, 400);
    struct weft_tcp_info info = tp_info(t);
    assert_int_equal(info.bytes_acked, 2500);
    assert_int_equal(info.bytes_sent - info.bytes_retransmitted, 2500);
    assert_int_equal(info.bytes_retransmitted, 1000);
    assert_int_equal(info.segs_retransmitted, 1);
    assert_int_equal(info.data_segs_out, 4);
    assert_int_equal(info.segs_out, 1 + 1 + 4 + 3); /* SYN, its ACK, data, and an ACK for each that came */
    assert_int_equal(info.segs_in, 1 + 3 + 3);
    assert_int_equal(info.data_segs_in, 3);
    assert_int_equal(info.bytes_received, 1100);
    assert_int_equal(info.rcv_ooopack, 1);
    assert_int_equal(info.unread, 1100);
    assert_int_equal(info.delivered_segs, 4);
    assert_int_equal(info.pmtu, 1500);
    tcp_peer_end(t);
}

/* RFC 2883: the peer tells what it has got twice; in segments. */
static void duplicates_that_the_peer_reports_are_counted(void **state)
{
    struct tcp_peer *t = tcp_peer_measured(&(struct tcp_peer_setup){.sack = true});
    uint32_t base = 1;

    (void)state;
    we_write(t, 2000);
    ignore_sent(t);
    peer_sacks(t, 1, base + 2000, base, base + 2000);
    assert_int_equal(tp_info(t).dsack_dups, 2);
    peer_sacks(t, 1, base + 2000, base, base + 100);
    assert_int_equal(tp_info(t).dsack_dups, 3);
    tcp_peer_end(t);
}

/* The second arrives before the first. */
static void reordering_is_counted(void **state)
{
    struct tcp_peer *t = tcp_peer_measured(&(struct tcp_peer_setup){.sack = true});

    (void)state;
    we_write(t, 3000);
    ignore_sent(t);
    after(t, MS(20));
    peer_sacks(t, 1, 1, 1001, 2001);
    assert_int_equal(tp_info(t).reord_seen, 0);
    peer_sends(t, "A", 1, 2001, 0);
    assert_int_equal(tp_info(t).reord_seen, 1);
    assert_true(tp_info(t).reo_wnd > 0);
    peer_sends(t, "A", 1, 3001, 0);
    assert_int_equal(tp_info(t).reord_seen, 1);
    tcp_peer_end(t);
}

/* RFC 3168 */
static void marks_are_counted(void **state)
{
    struct tcp_peer_setup setup = {.accepts = true, .sack = true};
    struct tcp_peer *t = tcp_peer_listening(&setup, 0);

    (void)state;
    peer_sends_syn(t, "SEC", 0, 0);
    we_send(t, "SAE", 0, 1, 0);
    tp_agree(t);
    peer_sends(t, "A", 1, 1, 0);
    tp_accept(t);
    assert_true(tp_info(t).ecn && !tp_info(t).ecn_seen);
    t->tos = 2; /* ECT(0) */
    peer_sends(t, "PA", 1, 1, 100);
    assert_true(tp_info(t).ecn_seen);
    assert_int_equal(tp_info(t).received_ce, 0);
    t->tos = 3; /* CE */
    peer_sends(t, "PA", 101, 1, 100);
    assert_int_equal(tp_info(t).received_ce, 1);
    t->tos = 0;
    we_write(t, 5000);
    ignore_sent(t);
    peer_sends(t, "A", 201, 1001, 0);
    assert_int_equal(tp_info(t).delivered_ce, 0);
    assert_int_equal(tp_info(t).recovery, WEFT_TCP_OPEN);
    peer_sends(t, "AE", 201, 3001, 0);
    assert_int_equal(tp_info(t).delivered_ce, 2);
    assert_int_equal(tp_info(t).recovery, WEFT_TCP_CWR);
    peer_sends(t, "A", 201, 5001, 0);
    assert_int_equal(tp_info(t).recovery, WEFT_TCP_OPEN);
    assert_int_equal(tp_info(t).delivered_ce, 2);
    tcp_peer_end(t);
}

/* --- The call --------------------------------------------------------------------------------------------- */

/* Programs that were built with an older header get what they know, and nothing behind it is written; those built
 * with a newer one get zeros for what we do not know. */
static void an_older_and_a_newer_program_are_answered(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);
    struct weft_tcp_info info = tp_info(t);
    uint8_t bytes[sizeof(info) + 64];
    size_t older = offsetof(struct weft_tcp_info, cwnd);

    (void)state;
    memset(bytes, 0xa5, sizeof(bytes));
    assert_int_equal(weft_sock_info_sized(t->sock, (void *)bytes, older), 0);
    assert_memory_equal(bytes, &info, older);
    for (size_t i = older; i < sizeof(bytes); i++)
        assert_int_equal(bytes[i], 0xa5);
    assert_int_equal(weft_sock_info_sized(t->sock, (void *)bytes, sizeof(bytes)), 0);
    assert_memory_equal(bytes, &info, sizeof(info));
    for (size_t i = sizeof(info); i < sizeof(bytes); i++)
        assert_int_equal(bytes[i], 0);
    tcp_peer_end(t);
}

static uint64_t number_of(struct tcp_peer *t, const char *name)
{
    struct weft_cc_number numbers[16];
    int n = weft_sock_congestion_numbers(t->sock, numbers, 16);

    for (int i = 0; i < n; i++)
        if (strcmp(numbers[i].name, name) == 0)
            return numbers[i].value;
    fail_msg("no number %s", name);
    return 0;
}

static void algorithms_tell_their_own_numbers(void **state)
{
    struct tcp_peer *t =
        tcp_peer_measured(&(struct tcp_peer_setup){.sack = true, .tcp = {.congestion = "cubic"}});
    struct weft_cc_number one;
    uint32_t cwnd = tp_info(t).cwnd;

    (void)state;
    assert_int_equal(number_of(t, "w_max"), 0);
    we_write(t, 6000);
    ignore_sent(t);
    peer_sacks(t, 1, 1, 1001, 6001);
    assert_int_equal(number_of(t, "w_max"), cwnd);
    assert_int_equal(weft_sock_congestion_numbers(t->sock, &one, 1), 1);
    assert_int_equal(weft_sock_congestion_numbers(t->sock, NULL, 0), 0);
    assert_int_equal(weft_sock_set_congestion(t->sock, "bbr"), 0);
    assert_true(number_of(t, "pacing_gain") > 100); /* Startup */
    assert_int_equal(number_of(t, "phase"), 0);
    assert_int_equal(weft_sock_set_congestion(t->sock, "newreno"), 0);
    assert_int_equal(weft_sock_congestion_numbers(t->sock, &one, 1), 0);
    tcp_peer_end(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recovery_can_be_followed),
        cmocka_unit_test(disorder_is_not_recovery),
        cmocka_unit_test(timeouts_can_be_followed),
        cmocka_unit_test(what_the_peer_sends_is_noted),
        cmocka_unit_test(what_holds_the_sender_is_summed_up),
        cmocka_unit_test(a_small_send_buffer_is_told_from_an_idle_application),
        cmocka_unit_test(pacing_is_summed_up),
        cmocka_unit_test(timeouts_are_summed_up),
        cmocka_unit_test(the_figures_stay_when_it_is_over),
        cmocka_unit_test(segments_and_bytes_are_counted),
        cmocka_unit_test(duplicates_that_the_peer_reports_are_counted),
        cmocka_unit_test(reordering_is_counted),
        cmocka_unit_test(marks_are_counted),
        cmocka_unit_test(an_older_and_a_newer_program_are_answered),
        cmocka_unit_test(algorithms_tell_their_own_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
