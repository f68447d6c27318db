/* SPDX-License-Identifier: MIT */
/* Explicit congestion notification (RFC 3168 6.1): the handshake, what is marked, echoes, reductions and CWR. */
#define TP_CONGESTION "newreno"
#include "tcp_peer.h"

#define ECT0 2u
#define CE   3u

static const struct tcp_peer_setup asking = {.tcp = {.ecn = WEFT_ECN_ASK}, .sack = true};
static const struct tcp_peer_setup accepting = {.accepts = true, .sack = true};

static unsigned ecn_of(const struct tcp_peer *t)
{
    return t->last.ip.tos & CE;
}

/* Our SYN has asked, in its flags and not in its IP header. */
static struct tcp_peer *asked(const struct tcp_peer_setup *setup)
{
    struct tcp_peer *t = tcp_peer_new(setup);
    struct weft_endpoint remote = {tp_peer, TP_SERVER_PORT};

    t->peer_port = TP_SERVER_PORT;
    t->our_port = TP_CLIENT_PORT;
    t->sock = tp_open(t);
    tp_await_iss(t);
    assert_int_equal(weft_sock_connect(t->sock, &remote), WEFT_E_INPROGRESS);
    tp_step(t);
    we_send(t, "SEC", 0, 0, 0);
    assert_int_equal(ecn_of(t), 0);
    return t;
}

/* We are the client, and both have agreed. */
static struct tcp_peer *agreed(const struct tcp_peer_setup *setup)
{
    struct tcp_peer *t = asked(setup);

    tp_agree(t);
    peer_sends_syn(t, "SAE", 0, 1);
    we_send(t, "A", 1, 1, 0);
    assert_int_equal(ecn_of(t), 0); /* RFC 3168 6.1.4: an ACK alone is not marked */
    assert_true(tp_info(t).ecn);
    return t;
}

/* We are the server, and both have agreed. */
static struct tcp_peer *accepted(void)
{
    struct tcp_peer *t = tcp_peer_listening(&accepting, 0);

    peer_sends_syn(t, "SEC", 0, 0);
    we_send(t, "SAE", 0, 1, 0);
    assert_int_equal(ecn_of(t), 0);
    tp_agree(t);
    peer_sends(t, "A", 1, 1, 0);
    tp_accept(t);
    assert_true(tp_info(t).ecn);
    return t;
}

/* --- Handshake ---------------------------------------------------------------------------------- */

static void data_is_marked_when_both_agree(void **state)
{
    struct tcp_peer *t = agreed(&asking);

    (void)state;
    we_write(t, 1000);
    we_send(t, "PA", 1, 1, 1000);
    assert_int_equal(ecn_of(t), ECT0);
    tcp_peer_end(t);
    t = accepted();
    we_write(t, 1000);
    we_send(t, "PA", 1, 1, 1000);
    assert_int_equal(ecn_of(t), ECT0);
    tcp_peer_end(t);
}

/* By default we accept, and do not ask. */
static void by_default_nobody_is_asked(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL); /* expects a SYN without */

    (void)state;
    assert_false(tp_info(t).ecn);
    we_write(t, 1000);
    we_send(t, "PA", 1, 1, 1000);
    assert_int_equal(ecn_of(t), 0);
    tcp_peer_end(t);
}

/* RFC 3168 6.1.1: only ECE alone agrees; a peer that reflects both flags does not know what they mean (6.1.1.2). */
static void other_answers_do_not_agree(void **state)
{
    static const char *const answers[] = {"SA", "SAEC", "SAC"};

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct tcp_peer *t = asked(&asking);

        tp_agree(t);
        peer_sends_syn(t, answers[i], 0, 1);
        we_send(t, "A", 1, 1, 0);
        assert_false(tp_info(t).ecn);
        we_write(t, 1000);
        we_send(t, "PA", 1, 1, 1000);
        assert_int_equal(ecn_of(t), 0);
        tcp_peer_end(t);
    }
}

static void other_syns_do_not_ask(void **state)
{
    static const char *const syns[] = {"S", "SE", "SC"};

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct tcp_peer *t = tcp_peer_listening(&accepting, 0);

        peer_sends_syn(t, syns[i], 0, 0);
        we_send(t, "SA", 0, 1, 0);
        tcp_peer_end(t);
    }
}

static void off(struct weft_sock *sock)
{
    assert_int_equal(weft_sock_setopt(sock, WEFT_OPT_ECN, WEFT_ECN_OFF), 0);
}

static void it_can_be_switched_off(void **state)
{
    struct tcp_peer_setup setup = accepting;
    struct tcp_peer *t;
    int64_t value;

    (void)state;
    setup.prepare = off;
    t = tcp_peer_listening(&setup, 0);
    assert_int_equal(weft_sock_getopt(t->listener, WEFT_OPT_ECN, &value), 0);
    assert_int_equal(value, WEFT_ECN_OFF);
    assert_int_equal(weft_sock_setopt(t->listener, WEFT_OPT_ECN, 3), WEFT_E_INVAL);
    peer_sends_syn(t, "SEC", 0, 0);
    we_send(t, "SA", 0, 1, 0);
    tcp_peer_end(t);
}

/* RFC 3168 6.1.1.1: a SYN that is lost goes again without, and then nothing is marked even if the first is answered. */
static void a_lost_syn_goes_again_without(void **state)
{
    struct tcp_peer *t = asked(&asking);

    (void)state;
    silence(t, WEFT_SEC);
    we_send(t, "S", 0, 0, 0);
    tp_agree(t);
    peer_sends_syn(t, "SAE", 0, 1);
    we_send(t, "A", 1, 1, 0);
    assert_false(tp_info(t).ecn);
    we_write(t, 500);
    we_send(t, "PA", 1, 1, 500);
    assert_int_equal(ecn_of(t), 0);
    /* What the peer has marked is echoed all the same: it may believe that both agree. */
    t->tos = CE;
    peer_sends(t, "PA", 1, 501, 100);
    we_send(t, "AE", 501, 101, 0);
    tcp_peer_end(t);
}

/* The same for one that is reset: once; the second RST is believed. */
static void a_reset_syn_goes_again_without(void **state)
{
    struct tcp_peer *t = asked(&asking);

    (void)state;
    peer_sends(t, "RA", 0, 1, 0);
    we_send(t, "S", 0, 0, 0);
    we_send_nothing(t);
    peer_sends(t, "RA", 0, 1, 0);
    we_are(t, CLOSED);
    assert_int_equal(weft_sock_error(t->sock), WEFT_E_CONNREFUSED);
    tcp_peer_end(t);
}

/* The peer repeats its SYN without asking: our SYN-ACK no longer agrees, and nobody marks. */
static void a_syn_repeated_without_takes_it_back(void **state)
{
    struct tcp_peer *t = tcp_peer_listening(&accepting, 0);

    (void)state;
    peer_sends_syn(t, "SEC", 0, 0);
    we_send(t, "SAE", 0, 1, 0);
    tp_agree(t);
    peer_sends_syn(t, "S", 0, 0);
    we_send(t, "SA", 0, 1, 0);
    peer_sends(t, "A", 1, 1, 0);
    tp_accept(t);
    assert_false(tp_info(t).ecn);
    tcp_peer_end(t);
}

/* --- What is not marked (RFC 3168 6.1.4 to 6.1.6) ------------------------------------------------------- */

static void retransmissions_and_fins_are_not_marked(void **state)
{
    struct tcp_peer *t = agreed(&asking);

    (void)state;
    we_write(t, 1000);
    we_send(t, "PA", 1, 1, 1000);
    after(t, 5 * WEFT_SEC);
    while (t->count > 0) {
        assert_int_equal(t->segs[t->first].ip.tos & CE, 0);
        tp_pass(t);
    }
    peer_sends(t, "A", 1, 1001, 0);
    we_shutdown(t);
    we_send(t, "FA", 1001, 1, 0);
    assert_int_equal(ecn_of(t), 0);
    tcp_peer_end(t);
}

static void the_type_of_service_stays(void **state)
{
    struct tcp_peer *t = agreed(&asking);

    (void)state;
    assert_int_equal(weft_sock_setopt(t->sock, WEFT_OPT_TOS, 0xb8), 0);
    we_write(t, 1000);
    we_send(t, "PA", 1, 1, 1000);
    assert_int_equal(t->last.ip.tos, 0xb8 | ECT0);
    tcp_peer_end(t);
}

/* --- The receiver (6.1.3) ------------------------------------------------------------------------------------ */

static void a_mark_is_echoed_until_cwr(void **state)
{
    struct tcp_peer *t = accepted();

    (void)state;
    t->tos = ECT0;
    peer_sends(t, "PA", 1, 1, 100);
    we_send(t, "A", 1, 101, 0);
    t->tos = CE;
    peer_sends(t, "PA", 101, 1, 100);
    we_send(t, "AE", 1, 201, 0);
    t->tos = ECT0;
    peer_sends(t, "PA", 201, 1, 100);
    we_send(t, "AE", 1, 301, 0);
    we_write(t, 100); /* data carries it, too */
    we_send(t, "PAE", 1, 301, 100);
    peer_sends(t, "PAC", 301, 101, 100);
    we_send(t, "A", 101, 401, 0);
    t->tos = CE; /* with both, it begins anew */
    peer_sends(t, "PAC", 401, 101, 100);
    we_send(t, "AE", 101, 501, 0);
    assert_int_equal(tp_count(t, WEFT_COUNT_TCP_CE_RECEIVED), 2);
    tcp_peer_end(t);
}

/* 6.1.5: a mark on what lies outside the window says nothing; nor one without agreement. */
static void marks_that_do_not_count(void **state)
{
    struct tcp_peer *t = accepted();

    (void)state;
    t->tos = CE;
    peer_sends(t, "PA", 6000000, 1, 100);
    we_send(t, "A", 1, 1, 0);
    t->tos = 0;
    peer_sends(t, "PA", 1, 1, 100);
    we_send(t, "A", 1, 101, 0);
    tcp_peer_end(t);
    t = tcp_peer_established(&accepting);
    t->tos = CE;
    peer_sends(t, "PA", 1, 1, 100);
    we_send(t, "A", 1, 101, 0);
    tcp_peer_end(t);
}

/* --- The sender (6.1.2) ------------------------------------------------------------------------------------------ */

/* Once for each window, and CWR on the next new data, once. */
static void an_echo_reduces_once_for_each_window(void **state)
{
    struct tcp_peer *t = agreed(&asking);

    (void)state;
    we_write(t, 60000);
    for (unsigned i = 0; i < 10; i++)
        we_send(t, "A", 1 + 1000 * i, 1, 1000);
    peer_sends(t, "AE", 1, 1001, 0);
    assert_int_equal(tp_info(t).cwnd, 5000);
    assert_int_equal(tp_info(t).ssthresh, 5000);
    for (unsigned i = 2; i <= 5; i++) {
        peer_sends(t, "AE", 1, 1 + 1000 * i, 0);
        assert_int_equal(tp_info(t).cwnd, 5000); /* neither less, nor more */
    }
    we_send_nothing(t);
    peer_sends(t, "AE", 1, 6001, 0);
    we_send(t, "AC", 10001, 1, 1000);
    assert_int_equal(ecn_of(t), ECT0);
    peer_sends(t, "A", 1, 7001, 0);
    we_send(t, "A", 11001, 1, 1000);
    peer_sends(t, "A", 1, 10001, 0);
    ignore_sent(t);
    assert_int_equal(tp_info(t).cwnd, 5000);
    peer_sends(t, "AE", 1, 11001, 0); /* of the next window */
    assert_true(tp_info(t).cwnd < 5000);
    assert_int_equal(tp_info(t).recoveries, 0);
    tcp_peer_end(t);
}

/* A loss has reduced the window already: the echo of the same window adds nothing, and CWR is told. */
static void no_second_reduction_in_recovery(void **state)
{
    struct tcp_peer *t = agreed(&asking);

    (void)state;
    we_write(t, 60000);
    ignore_sent(t);
    peer_sacks(t, 1, 1, 1001, 4001);
    assert_int_equal(tp_info(t).recoveries, 1);
    assert_int_equal(tp_info(t).ssthresh, 5000);
    ignore_sent(t);
    peer_sends(t, "AE", 1, 4001, 0);
    assert_int_equal(tp_info(t).ssthresh, 5000);
    ignore_sent(t);
    tcp_peer_end(t);
}

/* Without agreement the flag means nothing. */
static void an_echo_without_agreement_is_ignored(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    we_write(t, 20000);
    ignore_sent(t);
    peer_sends(t, "AE", 1, 10001, 0);
    assert_true(tp_info(t).cwnd > 10000);
    ignore_sent(t);
    tcp_peer_end(t);
}

/* A super-segment that would tell CWR is one segment: a link must not make many of it. */
static void cwr_goes_alone(void **state)
{
    struct tcp_peer_setup setup = asking;
    struct tcp_peer *t;

    (void)state;
    setup.caps = WEFT_LINK_TSO4;
    t = agreed(&setup);
    we_write(t, 60000);
    we_send(t, "A", 1, 1, 10000);
    peer_sends(t, "AE", 1, 1001, 0);
    peer_sends(t, "A", 1, 10001, 0);
    we_send(t, "AC", 10001, 1, 1000);
    we_send(t, "A", 11001, 1, 5000);
    we_send_nothing(t);
    tcp_peer_end(t);
}

/* 6.1.2: with a window of one segment nothing goes until a timeout has passed. */
static void a_window_of_one_waits(void **state)
{
    struct tcp_peer *t = agreed(&asking);
    uint32_t una = 1, nxt = 1;

    (void)state;
    we_write(t, 60000);
    for (unsigned i = 0; i < 8 && tp_info(t).cwnd > 1000; i++) {
        nxt = una + tp_info(t).unacked;
        peer_sends(t, "AE", 1, una = nxt, 0);
    }
    assert_int_equal(tp_info(t).cwnd, 1000);
    ignore_sent(t);
    nxt = una + tp_info(t).unacked;
    peer_sends(t, "AE", 1, nxt, 0);
    we_send_nothing(t);
    assert_int_equal(tp_info(t).limit, WEFT_LIMIT_PACING);
    after(t, tp_info(t).rto - 1);
    we_send_nothing(t);
    after(t, 1);
    assert_int_equal(t->count, 1);
    ignore_sent(t);
    tcp_peer_end(t);
}

/* So many segments are out, with a round trip of 100 ms, more is written, and the window has shrunk to one. */
static struct tcp_peer *one_of(unsigned segs)
{
    struct tcp_peer *t = agreed(&asking);

    for (unsigned i = 0; i < 10; i++) {
        we_write(t, 100);
        ignore_sent(t);
        after(t, 100 * WEFT_MSEC);
        peer_sends(t, "A", 1, 101 + 100 * i, 0);
    }
    tp_rebase(t);
    t->sock->tcb->cc.cwnd = 1000 * segs;
    we_write(t, 20000);
    for (unsigned i = 0; i < segs; i++)
        we_send(t, "A", 1 + 1000 * i, 1, 1000);
    t->sock->tcb->cc.cwnd = 1000;
    after(t, 100 * WEFT_MSEC);
    return t;
}

/* A tail probe that must wait does not take the timeout's place, when both are due at one moment. */
static void a_probe_that_waits_is_no_timeout(void **state)
{
    struct tcp_peer *t = one_of(1);

    (void)state;
    peer_sends(t, "AE", 1, 501, 0); /* nothing new goes for a timeout */
    we_send_nothing(t);
    t->sock->tcb->pace.hold += WEFT_MSEC; /* the timeout has become shorter since, by what was measured */
    after(t, tp_info(t).rto);
    assert_int_equal(tp_info(t).timeouts, 1);
    we_send(t, "A", 501, 1, 500);
    tcp_peer_end(t);
}

/* What waits is new data; a loss is repaired meanwhile. */
static void what_is_lost_does_not_wait(void **state)
{
    struct tcp_peer *t = one_of(5);

    (void)state;
    peer_sends(t, "AE", 1, 1001, 0);
    we_send_nothing(t);
    peer_sacks(t, 1, 1001, 2001, 5001);
    we_send(t, "A", 1001, 1, 1000);
    we_send_nothing(t);
    after(t, 100 * WEFT_MSEC);
    peer_sends(t, "A", 1, 5001, 0);
    we_send_nothing(t);
    assert_int_equal(tp_info(t).limit, WEFT_LIMIT_PACING);
    tcp_peer_end(t);
}

/* The retransmission timer begins anew, also with an echo that acknowledges nothing; no probe goes before it. */
static void an_echo_begins_the_timeout_anew(void **state)
{
    struct tcp_peer *t = one_of(5);

    (void)state;
    after(t, 30 * WEFT_MSEC);
    peer_sends(t, "AE", 1, 1, 0);
    assert_int_equal(t->sock->tcb->deadline[WEFT_TIMER_RTO], t->now + tp_info(t).rto);
    silence(t, tp_info(t).rto);
    we_send(t, "A", 1, 1, 1000);
    tcp_peer_end(t);
}

/* The FIN is a new packet, too. */
static void a_fin_waits_with_it(void **state)
{
    struct tcp_peer *t = agreed(&asking);

    (void)state;
    we_write(t, 1000);
    we_send(t, "PA", 1, 1, 1000);
    t->sock->tcb->cc.cwnd = 1000;
    peer_sends(t, "AE", 1, 1001, 0);
    we_shutdown(t);
    silence(t, tp_info(t).rto);
    we_send(t, "FA", 1001, 1, 0);
    tcp_peer_end(t);
}

/* A loss that a probe has repaired costs nothing where an echo has reduced the window that it belongs to, and the other
 * way round; of the next window it does. */
static void a_probe_repairs_a_window_that_has_paid(void **state)
{
    struct tcp_peer *t = one_of(5);
    struct tcb *tcb = t->sock->tcb;

    (void)state;
    tcb->cc.cwnd = 5000;
    t->window = 4000; /* no new data for the probe */
    peer_sends(t, "AE", 1, 1001, 0);
    assert_int_equal(tp_info(t).ssthresh, 2500);
    after(t, 200 * WEFT_MSEC);
    we_send(t, "A", 4001, 1, 1000);
    t->window = 65535;
    after(t, 100 * WEFT_MSEC);
    peer_sends(t, "A", 1, 5001, 0);
    assert_true(t->count >= 2);
    uint32_t more = t->segs[t->first].seq + t->segs[t->first].len;
    ignore_sent(t);
    uint32_t cwnd = tp_info(t).cwnd;
    after(t, 100 * WEFT_MSEC);
    peer_sends(t, "A", 1, more, 0); /* now the repair is known */
    assert_false(tcb->rack.probe_out);
    assert_int_equal(tp_info(t).ssthresh, 2500);
    assert_true(tp_info(t).cwnd >= cwnd);
    tcp_peer_end(t);
    t = one_of(5);
    tcb = t->sock->tcb;
    tcb->cc.cwnd = 5000;
    t->window = 5000;
    peer_sends(t, "A", 1, 1, 0); /* a window update */
    after(t, 200 * WEFT_MSEC);
    we_send(t, "A", 4001, 1, 1000);
    t->window = 65535;
    after(t, 100 * WEFT_MSEC);
    peer_sends(t, "A", 1, 5001, 0);
    more = t->segs[t->first].seq + t->segs[t->first].len;
    ignore_sent(t);
    after(t, 100 * WEFT_MSEC);
    peer_sends(t, "AE", 1, more, 0); /* the repair, and a mark */
    assert_true(tp_info(t).ssthresh >= 2500);
    tcp_peer_end(t);
}

/* The last ACK of a recovery may bring an echo: it is of the window that has paid, and keeps DSACKs from undoing that. */
static void an_echo_with_the_end_of_a_recovery(void **state)
{
    struct tcp_peer *t = agreed(&asking);

    (void)state;
    we_write(t, 60000);
    ignore_sent(t);
    after(t, 100 * WEFT_MSEC);
    peer_sacks(t, 1, 1, 1001, 4001);
    assert_int_equal(tp_info(t).ssthresh, 5000);
    ignore_sent(t);
    after(t, 100 * WEFT_MSEC);
    peer_sends(t, "AE", 1, 10001, 0);
    assert_int_equal(tp_info(t).ssthresh, 5000);
    assert_int_equal(tp_info(t).cwnd, 5000);
    peer_sacks(t, 1, 10001, 1, 1001); /* all that went again had arrived */
    assert_int_equal(tp_info(t).undone, 0);
    assert_int_equal(tp_info(t).ssthresh, 5000);
    tcp_peer_end(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(data_is_marked_when_both_agree),
        cmocka_unit_test(by_default_nobody_is_asked),
        cmocka_unit_test(other_answers_do_not_agree),
        cmocka_unit_test(other_syns_do_not_ask),
        cmocka_unit_test(it_can_be_switched_off),
        cmocka_unit_test(a_lost_syn_goes_again_without),
        cmocka_unit_test(a_reset_syn_goes_again_without),
        cmocka_unit_test(a_syn_repeated_without_takes_it_back),
        cmocka_unit_test(retransmissions_and_fins_are_not_marked),
        cmocka_unit_test(the_type_of_service_stays),
        cmocka_unit_test(a_mark_is_echoed_until_cwr),
        cmocka_unit_test(marks_that_do_not_count),
        cmocka_unit_test(an_echo_reduces_once_for_each_window),
        cmocka_unit_test(no_second_reduction_in_recovery),
        cmocka_unit_test(an_echo_without_agreement_is_ignored),
        cmocka_unit_test(cwr_goes_alone),
        cmocka_unit_test(a_window_of_one_waits),
        cmocka_unit_test(a_probe_that_waits_is_no_timeout),
        cmocka_unit_test(what_is_lost_does_not_wait),
        cmocka_unit_test(an_echo_begins_the_timeout_anew),
        cmocka_unit_test(a_fin_waits_with_it),
        cmocka_unit_test(a_probe_repairs_a_window_that_has_paid),
        cmocka_unit_test(an_echo_with_the_end_of_a_recovery),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
