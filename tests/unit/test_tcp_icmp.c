/* SPDX-License-Identifier: MIT */
/* What ICMP may do to a connection, and what it may not: RFC 9293 3.9.2.2, RFC 5461, RFC 5927, RFC 1191. */
#include "tcp_peer.h"

#define UNREACHABLE   WIRE_ICMP4_UNREACHABLE
#define NET           0
#define HOST          1
#define PROTOCOL      2
#define PORT          3
#define FRAGMENTATION 4
#define SOURCE_ROUTE  5

/* MUST-56: codes 0, 1 and 5, time exceeded and parameter problem do not end an open. */
static void soft_errors_do_not_end_an_open(void **state)
{
    static const uint8_t soft[][2] = {{UNREACHABLE, NET},
                                      {UNREACHABLE, HOST},
                                      {UNREACHABLE, SOURCE_ROUTE},
                                      {WIRE_ICMP4_TIME_EXCEEDED, 0},
                                      {12, 0}};
    struct tcp_peer *t = tcp_peer_syn_sent(NULL);

    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        peer_sends_icmp(t, soft[i][0], soft[i][1], 0, 0);
        we_are(t, SYN_SENT);
    }
    after(t, WEFT_SEC);
    we_send(t, "S", 0, 0, 0);
    peer_sends_syn(t, "SA", 0, 1);
    we_are(t, ESTABLISHED);
    tcp_peer_end(t);
}

/* SHLD-26: codes 2 and 3 do. */
static void hard_errors_end_an_open(void **state)
{
    (void)state;
    for (uint8_t code = PROTOCOL; code <= PORT; code++) {
        struct tcp_peer *t = tcp_peer_syn_sent(NULL);

        peer_sends_icmp(t, UNREACHABLE, code, 0, 0);
        we_are(t, CLOSED);
        we_hear(t, WEFT_FAILED);
        assert_int_equal(weft_sock_error(t->sock), WEFT_E_CONNREFUSED);
        tcp_peer_end(t);
    }
}

/* RFC 5461 4.1, RFC 5927 5.2: a connection that stands survives all of them: the path may heal. */
static void no_error_ends_a_connection(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    we_write(t, 100);
    we_send(t, "PA", 1, 1, 100);
    for (uint8_t code = 0; code < 16; code++)
        if (code != FRAGMENTATION)
            peer_sends_icmp(t, UNREACHABLE, code, 0, 1);
    peer_sends_icmp(t, WIRE_ICMP4_TIME_EXCEEDED, 0, 0, 1);
    peer_sends_icmp(t, 12, 0, 0, 1);
    we_are(t, ESTABLISHED);
    assert_int_equal(weft_sock_error(t->sock), 0);
    peer_sends(t, "A", 1, 101, 0);
    assert_int_equal(tp_info(t).unacked, 0);
    tcp_peer_end(t);
}

/* SHLD-25, MUST-47: the application hears of it, unless it does not want to (SHLD-20), until all is well again. */
static void the_application_hears_of_soft_errors(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    we_write(t, 100);
    we_send(t, "PA", 1, 1, 100);
    t->heard = 0;
    peer_sends_icmp(t, UNREACHABLE, HOST, 0, 1);
    we_hear(t, WEFT_TROUBLE);
    assert_int_equal(weft_sock_trouble(t->sock), WEFT_E_HOSTUNREACH);
    peer_sends_icmp(t, UNREACHABLE, NET, 0, 1);
    assert_int_equal(weft_sock_trouble(t->sock), WEFT_E_NETUNREACH);
    assert_int_equal(weft_sock_error(t->sock), 0);
    peer_sends(t, "A", 1, 101, 0);
    assert_int_equal(weft_sock_trouble(t->sock), 0);
    assert_false(weft_sock_events(t->sock) & WEFT_TROUBLE);
    assert_int_equal(weft_sock_setopt(t->sock, WEFT_OPT_REPORTS, 0), 0);
    we_write(t, 100);
    ignore_sent(t);
    t->heard = 0;
    peer_sends_icmp(t, UNREACHABLE, HOST, 0, 101);
    assert_false(t->heard & WEFT_TROUBLE);
    assert_int_equal(weft_sock_trouble(t->sock), WEFT_E_HOSTUNREACH); /* who asks is told */
    tcp_peer_end(t);
}

/* An error of long ago does not explain a failure of today. */
static void an_error_that_is_over_is_forgotten(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        we_write(t, 100);
        ignore_sent(t);
        if (i == 0)
            peer_sends_icmp(t, UNREACHABLE, HOST, 0, 1);
        peer_sends(t, "A", 1, 101 + 100 * i, 0);
    }
    we_write(t, 100);
    after(t, 3600 * WEFT_SEC);
    ignore_sent(t);
    we_are(t, CLOSED);
    assert_int_equal(weft_sock_error(t->sock), WEFT_E_TIMEDOUT);
    tcp_peer_end(t);
}

/* RFC 5927 4.1: a quoted number that is not in flight is a forgery. */
static void forged_errors_are_not_believed(void **state)
{
    struct tcp_peer *t = tcp_peer_syn_sent(NULL);

    (void)state;
    peer_sends_icmp(t, UNREACHABLE, PORT, 0, 1);
    peer_sends_icmp(t, UNREACHABLE, PORT, 0, (uint32_t)-1);
    we_are(t, SYN_SENT);
    assert_int_equal(tp_drops(t, WEFT_DROP_ICMP_NOT_IN_FLIGHT), 2);
    tcp_peer_end(t);
    t = tcp_peer_established(NULL);
    we_write(t, 3000);
    ignore_sent(t);
    peer_sends_icmp(t, UNREACHABLE, FRAGMENTATION, 600, 3001);
    peer_sends_icmp(t, UNREACHABLE, FRAGMENTATION, 600, 0);
    assert_int_equal(tp_info(t).snd_mss, 1000);
    we_send_nothing(t);
    tcp_peer_end(t);
}

/* MUST-55: source quench is discarded silently. */
static void source_quench_means_nothing(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);
    uint32_t cwnd = tp_info(t).cwnd;

    (void)state;
    we_write(t, 5000);
    ignore_sent(t);
    peer_sends_icmp(t, WIRE_ICMP4_SOURCE_QUENCH, 0, 0, 1);
    assert_int_equal(tp_info(t).cwnd, cwnd);
    we_send_nothing(t);
    tcp_peer_end(t);
}

/* RFC 1191 6.4: smaller segments, and what was too big goes again at once, without the marks of congestion. */
static void fragmentation_needed_makes_segments_smaller(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.mss = 1460, .sack = true});
    uint32_t next = 1;

    (void)state;
    we_write(t, 4380);
    we_send(t, "A", 1, 1, 1460);
    we_send(t, "A", 1461, 1, 1460);
    we_send(t, "PA", 2921, 1, 1460);
    peer_sends_icmp(t, UNREACHABLE, FRAGMENTATION, 1000, 1);
    assert_int_equal(tp_info(t).snd_mss, 960);
    for (unsigned i = 0; i < 50 && next < 4381; i++) {
        for (; t->count > 0; tp_pass(t)) {
            struct tp_seg *seg = &t->segs[t->first];

            assert_true(seg->ip.total_len <= 1000);
            if (seg->seq == next)
                next += seg->len;
        }
        peer_sends(t, "A", 1, next, 0);
        if (t->count == 0)
            after(t, 10 * WEFT_MSEC);
    }
    assert_int_equal(next, 4381);
    assert_int_equal(tp_info(t).timeouts, 0);
    we_write(t, 960);
    we_send(t, "PA", 4381, 1, 960);
    tcp_peer_end(t);
}

/* RFC 1191 5: a router that does not say what fits: the next plateau. */
static void an_mtu_of_zero_means_the_next_plateau(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.mss = 1460});

    (void)state;
    we_write(t, 1460);
    ignore_sent(t);
    peer_sends_icmp(t, UNREACHABLE, FRAGMENTATION, 0, 1); /* quotes a total length of 1020 */
    assert_true(tp_info(t).snd_mss == 1006 - 40 || tp_info(t).snd_mss == 508 - 40);
    tcp_peer_end(t);
}

/* RFC 5927 7.2: an MTU that would make us crawl, or that is larger than what we use, is not believed. */
static void senseless_mtus_are_not_believed(void **state)
{
    static const uint16_t mtus[] = {1, 67, 68, 100, 296, 1500, 9000, 65535};
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.mss = 1460});

    (void)state;
    t->may_be_cut = true;
    we_write(t, 1460);
    ignore_sent(t);
    for (unsigned i = 0; i < 8; i++) {
        peer_sends_icmp(t, UNREACHABLE, FRAGMENTATION, mtus[i], 1);
        assert_true(tp_info(t).snd_mss >= 512);
    }
    tcp_peer_end(t);
}

/* RFC 1191 3: where a link is smaller than the smallest packets that we make of such a message, routers may cut
 * them: DF is not set any more. Each connection hears of it for itself. */
static void routers_may_cut_the_smallest(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.mss = 1460, .accepts = true});

    (void)state;
    t->may_be_cut = true;
    we_write(t, 1460);
    we_send(t, "PA", 1, 1, 1460);
    assert_true(t->last.ip.flags & WIRE_IP4_DF);
    peer_sends_icmp(t, UNREACHABLE, FRAGMENTATION, 296, 1);
    assert_int_equal(tp_info(t).snd_mss, 512);
    for (unsigned i = 0; i < 3; i++) {
        we_send(t, i < 2 ? "A" : "PA", 1 + 512 * i, 1, i < 2 ? 512 : 436);
        assert_false(t->last.ip.flags & WIRE_IP4_DF);
    }
    peer_sends_icmp(t, UNREACHABLE, FRAGMENTATION, 296,
                    1); /* that was about the same packet, or is not true */
    we_send_nothing(t);
    peer_sends(t, "A", 1, 1461, 0);

    weft_sock_abort(t->sock); /* another, which knows the path's MTU already */
    tp_step(t);
    ignore_sent(t);
    t->loose = true;
    t->peer_port++;
    t->read_seq = t->irs + 1;
    peer_sends_syn(t, "S", 0, 0);
    t->iss = t->segs[t->first].tcp.seq;
    t->write_seq = t->iss + 1;
    ignore_sent(t);
    peer_sends(t, "A", 1, 1, 0);
    tp_accept(t);
    we_write(t, 512);
    we_send(t, "PA", 1, 1, 512);
    assert_true(t->last.ip.flags & WIRE_IP4_DF);
    peer_sends_icmp(t, UNREACHABLE, FRAGMENTATION, 296, 1);
    we_send(t, "PA", 1, 1, 512);
    assert_false(t->last.ip.flags & WIRE_IP4_DF);
    tcp_peer_end(t);
}

/* RFC 5927 7.2: once larger packets have arrived this, too, is believed only when they do not any more. */
static void routers_may_not_cut_what_arrives(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.mss = 1460});

    (void)state;
    t->may_be_cut = true;
    we_write(t, 1460);
    peer_sends(t, "A", 1, 1461, 0);
    we_write(t, 1460);
    ignore_sent(t);
    peer_sends_icmp(t, UNREACHABLE, FRAGMENTATION, 296, 1461);
    we_send_nothing(t);
    assert_int_equal(tp_info(t).snd_mss, 1460);
    peer_sends(t, "A", 1, 2921, 0); /* it was not true, and is forgotten */
    we_write(t, 1460);
    we_send(t, "PA", 2921, 1, 1460);
    after(t, tp_info(t).rto);
    we_send(t, "PA", 2921, 1, 1460);
    peer_sends(t, "A", 1, 4381, 0);
    we_write(t, 1460);
    we_send(t, "PA", 4381, 1, 1460);
    peer_sends_icmp(t, UNREACHABLE, FRAGMENTATION, 296, 4381);
    we_send_nothing(t);
    after(t, tp_info(t).rto);
    we_send(t, "A", 4381, 1, 512);
    assert_false(t->last.ip.flags & WIRE_IP4_DF);
    tcp_peer_end(t);
}

/* A half-open connection of the SYN cache is not ended by what anybody can forge. */
static void half_open_connections_survive(void **state)
{
    struct tcp_peer *t = tcp_peer_syn_received(NULL);

    (void)state;
    peer_sends_icmp(t, UNREACHABLE, PORT, 0, 1);
    peer_sends_icmp(t, UNREACHABLE, HOST, 0, 0);
    peer_sends(t, "A", 1, 1, 0);
    we_are(t, ESTABLISHED);
    tcp_peer_end(t);
}

/* SHLD-26 and RFC 5461 3.2: a hard error about our SYN-ACK ends what is half open. */
static void hard_errors_end_what_is_half_open(void **state)
{
    struct tcp_peer *t = tcp_peer_syn_received(NULL);

    (void)state;
    peer_sends_icmp(t, UNREACHABLE, PORT, 0, 0);
    peer_sends(t, "A", 1, 1, 0);
    we_send(t, "R", 1, 0, 0);
    tcp_peer_end(t);
}

/* RFC 5461 4.2, as a setting: soft errors end opens at either end, but only those about what is in flight. */
static void soft_errors_may_end_opens(void **state)
{
    struct tcp_peer_setup setup = {.tcp.soft_errors_end_opens = true};
    struct tcp_peer *t = tcp_peer_syn_sent(&setup);

    (void)state;
    peer_sends_icmp(t, UNREACHABLE, HOST, 0, 1);
    we_are(t, SYN_SENT);
    peer_sends_icmp(t, UNREACHABLE, HOST, 0, 0);
    we_are(t, CLOSED);
    assert_int_equal(weft_sock_error(t->sock), WEFT_E_HOSTUNREACH);
    tcp_peer_end(t);
    t = tcp_peer_syn_received(&setup);
    peer_sends_icmp(t, UNREACHABLE, HOST, 0, 0);
    peer_sends(t, "A", 1, 1, 0);
    we_send(t, "R", 1, 0, 0);
    tcp_peer_end(t);
    t = tcp_peer_established(&setup);
    we_write(t, 100);
    ignore_sent(t);
    peer_sends_icmp(t, UNREACHABLE, HOST, 0, 1);
    we_are(t, ESTABLISHED);
    tcp_peer_end(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(soft_errors_do_not_end_an_open),
        cmocka_unit_test(hard_errors_end_an_open),
        cmocka_unit_test(no_error_ends_a_connection),
        cmocka_unit_test(the_application_hears_of_soft_errors),
        cmocka_unit_test(an_error_that_is_over_is_forgotten),
        cmocka_unit_test(forged_errors_are_not_believed),
        cmocka_unit_test(source_quench_means_nothing),
        cmocka_unit_test(fragmentation_needed_makes_segments_smaller),
        cmocka_unit_test(an_mtu_of_zero_means_the_next_plateau),
        cmocka_unit_test(senseless_mtus_are_not_believed),
        cmocka_unit_test(routers_may_cut_the_smallest),
        cmocka_unit_test(routers_may_not_cut_what_arrives),
        cmocka_unit_test(half_open_connections_survive),
        cmocka_unit_test(hard_errors_end_what_is_half_open),
        cmocka_unit_test(soft_errors_may_end_opens),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
