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

/* RFC 5927 4.1: a quoted number that is not in flight is a forgery. */
static void forged_errors_are_not_believed(void **state)
{
    struct tcp_peer *t = tcp_peer_syn_sent(NULL);

    (void)state;
    peer_sends_icmp(t, UNREACHABLE, PORT, 0, 1);
    peer_sends_icmp(t, UNREACHABLE, PORT, 0, (uint32_t)-1);
    we_are(t, SYN_SENT);
    assert_int_equal(tp_drops(t, WEFT_DROP_ICMP_ORPHAN), 2);
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
    we_write(t, 1460);
    ignore_sent(t);
    for (unsigned i = 0; i < 8; i++) {
        peer_sends_icmp(t, UNREACHABLE, FRAGMENTATION, mtus[i], 1);
        assert_true(tp_info(t).snd_mss >= 512);
    }
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(soft_errors_do_not_end_an_open),
        cmocka_unit_test(hard_errors_end_an_open),
        cmocka_unit_test(no_error_ends_a_connection),
        cmocka_unit_test(forged_errors_are_not_believed),
        cmocka_unit_test(source_quench_means_nothing),
        cmocka_unit_test(fragmentation_needed_makes_segments_smaller),
        cmocka_unit_test(an_mtu_of_zero_means_the_next_plateau),
        cmocka_unit_test(senseless_mtus_are_not_believed),
        cmocka_unit_test(half_open_connections_survive),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
