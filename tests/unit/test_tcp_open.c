/* SPDX-License-Identifier: MIT */
/* How connections begin: RFC 9293 3.5, 3.10.1 and 3.10.7.1 to 3.10.7.4 for SYN-RECEIVED; RFC 4987, RFC 5961. */
#include "tcp_peer.h"

/* --- Active --------------------------------------------------------------------------------- */

/* RFC 9293 3.5 figure 6. */
static void an_active_open_shakes_hands(void **state)
{
    struct tcp_peer *t = tcp_peer_syn_sent(NULL);

    (void)state;
    peer_sends_syn(t, "SA", 0, 1);
    we_send(t, "A", 1, 1, 0);
    we_are(t, ESTABLISHED);
    we_hear(t, WEFT_WRITABLE);
    assert_int_equal(weft_sock_error(t->sock), 0);
    assert_int_equal(tp_count(t, WEFT_COUNT_TCP_ACTIVE_OPENS), 1);
    tcp_peer_end(t);
}

/* RFC 9293 3.10.7.3 first: an ACK that is not of our SYN gets a RST and changes nothing. */
static void a_wrong_ack_of_our_syn_is_reset(void **state)
{
    static const int32_t wrong[] = {0, -1, 2, 1000, INT32_MIN + 2};
    struct tcp_peer *t = tcp_peer_syn_sent(NULL);

    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        peer_sends_syn(t, "SA", 0, (uint32_t)wrong[i]);
        we_send(t, "R", wrong[i], 0, 0);
        peer_sends(t, "A", 0, (uint32_t)wrong[i], 0);
        we_send(t, "R", wrong[i], 0, 0);
        peer_sends(t, "RA", 0, (uint32_t)wrong[i], 0); /* "unless the RST bit is set" */
        we_send_nothing(t);
        we_are(t, SYN_SENT);
    }
    peer_sends_syn(t, "SA", 0, 1);
    we_send(t, "A", 1, 1, 0);
    tcp_peer_end(t);
}

/* RFC 9293 3.10.7.3 second: RST with an acceptable ACK refuses; without an ACK it means nothing. */
static void a_reset_with_our_ack_refuses(void **state)
{
    struct tcp_peer *t = tcp_peer_syn_sent(NULL);

    (void)state;
    peer_sends(t, "R", 0, 0, 0);
    we_send_nothing(t);
    we_are(t, SYN_SENT);
    peer_sends(t, "RA", 0, 1, 0);
    we_send_nothing(t);
    we_are(t, CLOSED);
    we_hear(t, WEFT_FAILED); /* MUST-12 */
    assert_int_equal(weft_sock_error(t->sock), WEFT_E_CONNREFUSED);
    we_cannot_read(t, WEFT_E_CONNREFUSED);
    assert_int_equal(tp_write(t, 1, 0), WEFT_E_CONNREFUSED);
    tcp_peer_end(t);
}

/* RFC 9293 3.10.7.3 fourth and fifth: neither SYN nor RST is dropped. */
static void segments_without_syn_do_not_open(void **state)
{
    struct tcp_peer *t = tcp_peer_syn_sent(NULL);

    (void)state;
    peer_sends(t, "A", 1, 1, 10);
    peer_sends(t, "FA", 1, 1, 0);
    peer_sends(t, "", 1, 0, 10);
    we_send_nothing(t);
    we_are(t, SYN_SENT);
    tcp_peer_end(t);
}

/* RFC 9293 3.8.3 MUST-22 and MUST-23, RFC 6298 2.1 and 5.5: 1 s, doubled, for at least 3 minutes. */
static void a_syn_is_repeated_for_three_minutes(void **state)
{
    static const unsigned wait_s[] = {1, 2, 4, 8, 16, 32, 60};
    struct tcp_peer *t = tcp_peer_syn_sent(NULL);
    weft_time began = t->now;

    (void)state;
    for (unsigned i = 0; i < 7; i++) {
        silence(t, wait_s[i] * WEFT_SEC);
        we_send(t, "S", 0, 0, 0);
        assert_true(t->last.opts.has_mss);
    }
    silence(t, 60 * WEFT_SEC);
    we_send_nothing(t);
    assert_true(t->now - began >= 180 * WEFT_SEC);
    we_are(t, CLOSED);
    we_hear(t, WEFT_FAILED);
    assert_int_equal(weft_sock_error(t->sock), WEFT_E_TIMEDOUT);
    tcp_peer_end(t);
}

static void one_retry(struct weft_sock *sock)
{
    assert_int_equal(weft_sock_setopt(sock, WEFT_OPT_SYN_RETRIES, 0), WEFT_E_INVAL);
    assert_int_equal(weft_sock_setopt(sock, WEFT_OPT_SYN_RETRIES, 1), 0);
}

/* As the application wishes: MUST-23's bound is one socket's matter, too. */
static void a_socket_may_repeat_its_syn_less_often(void **state)
{
    struct tcp_peer *t = tcp_peer_syn_sent(&(struct tcp_peer_setup){.prepare = one_retry});

    (void)state;
    silence(t, 1 * WEFT_SEC);
    we_send(t, "S", 0, 0, 0);
    silence(t, 2 * WEFT_SEC);
    we_send_nothing(t);
    we_are(t, CLOSED);
    assert_int_equal(weft_sock_error(t->sock), WEFT_E_TIMEDOUT);
    tcp_peer_end(t);
}

/* RFC 6298 5.7: after a repeated SYN data begins with an RTO of 3 s. */
static void after_a_repeated_syn_the_timeout_is_three_seconds(void **state)
{
    struct tcp_peer *t = tcp_peer_syn_sent(NULL);

    (void)state;
    silence(t, WEFT_SEC);
    we_send(t, "S", 0, 0, 0);
    after(t, 10 * WEFT_MSEC);
    peer_sends_syn(t, "SA", 0, 1);
    we_send(t, "A", 1, 1, 0);
    we_write(t, 100);
    we_send(t, "PA", 1, 1, 100);
    silence(t, 3 * WEFT_SEC);
    we_send(t, "PA", 1, 1, 100);
    tcp_peer_end(t);
}

/* RFC 9293 3.10.2: what is written before the handshake is refused until it is done; what follows goes at once. */
static void nothing_can_be_written_before_the_handshake(void **state)
{
    struct tcp_peer *t = tcp_peer_syn_sent(NULL);

    (void)state;
    assert_int_equal(tp_write(t, 10, 0), WEFT_E_AGAIN);
    assert_int_equal(weft_sock_connect(t->sock, &(struct weft_endpoint){tp_peer, 80}), WEFT_E_ALREADY);
    peer_sends_syn(t, "SA", 0, 1);
    we_hear(t, WEFT_WRITABLE);
    we_send(t, "A", 1, 1, 0);
    we_write(t, 10);
    we_send(t, "PA", 1, 1, 10);
    assert_int_equal(weft_sock_connect(t->sock, &(struct weft_endpoint){tp_peer, 80}), WEFT_E_ISCONN);
    tcp_peer_end(t);
}

/* RFC 9293 3.10.4: CLOSE in SYN-SENT deletes the block without a word. */
static void close_in_syn_sent_says_nothing(void **state)
{
    struct tcp_peer *t = tcp_peer_syn_sent(NULL);

    (void)state;
    we_close(t);
    we_send_nothing(t);
    peer_sends_syn(t, "SA", 0, 1);
    we_send(t, "R", 1, 0, 0);
    tcp_peer_end_quiet(t);
}

/* RFC 9293 MUST-46: OPEN to a broadcast or multicast address, or none, is refused. */
static void opens_to_no_host_are_refused(void **state)
{
    static const uint32_t bad[] = {0xffffffff, 0xe0000001, 0x0a0000ff, 0};
    struct tcp_peer *t = tcp_peer_new(NULL);

    (void)state;
    t->sock = tp_open(t);
    for (unsigned i = 0; i < 4; i++) {
        struct weft_endpoint remote = {weft_ip4_from_u32(bad[i]), 80};

        assert_int_equal(weft_sock_connect(t->sock, &remote), WEFT_E_INVAL);
    }
    assert_int_equal(weft_sock_connect(t->sock, &(struct weft_endpoint){tp_peer, 0}), WEFT_E_INVAL);
    assert_int_equal(weft_sock_connect(t->sock, &(struct weft_endpoint){weft_ip4(192, 0, 2, 1), 80}),
                     WEFT_E_NETUNREACH);
    tp_step(t);
    we_send_nothing(t);
    tcp_peer_end(t);
}

/* RFC 9293 3.10.7.3 fourth: "if there are other controls or text in the segment": what came with the SYN-ACK is
 * not lost: we take it when it comes again, or at once. */
static void data_with_the_syn_ack_is_not_lost(void **state)
{
    struct tcp_peer *t = tcp_peer_syn_sent(NULL);
    struct wire_tcp_opts opts = tp_syn_options(t);

    (void)state;
    tp_send(t, "SA", 0, 1, 10, &opts);
    tp_expect(t, "A", 1, t->segs[t->first].ack, 0, __FILE__, __LINE__);
    assert_true(t->last.ack == 1 || t->last.ack == 11);
    peer_sends(t, "PA", 1, 1, 10);
    ignore_sent(t);
    we_read(t, 10);
    tcp_peer_end(t);
}

/* --- Simultaneous ------------------------------------------------------------------------------ */

/* RFC 9293 3.5 figure 7, MUST-10. */
static void simultaneous_opens_meet(void **state)
{
    struct tcp_peer *t = tcp_peer_both_opening(NULL);

    (void)state;
    peer_sends_syn(t, "SA", 0, 1); /* it repeats its SYN, with the ACK of ours */
    we_are(t, ESTABLISHED);
    we_hear(t, WEFT_WRITABLE);
    ignore_sent(t);
    peer_sends(t, "PA", 1, 1, 5);
    we_send(t, "A", 1, 6, 0);
    we_read(t, 5);
    we_write(t, 7);
    we_send(t, "PA", 1, 6, 7);
    tcp_peer_end(t);
}

/* RFC 7323 2.2: the window of a segment with SYN is never scaled (found by the campaign). */
static void the_window_of_a_crossing_syn_is_not_scaled(void **state)
{
    struct tcp_peer *t = tcp_peer_both_opening(&(struct tcp_peer_setup){.wscale = true, .shift = 7});

    (void)state;
    peer_sends_syn(t, "SA", 0, 1);
    we_are(t, ESTABLISHED);
    assert_in_range(tp_info(t).snd_wnd, t->window - 127, t->window);
    ignore_sent(t);
    peer_sends(t, "A", 1, 1, 0);
    assert_int_equal(tp_info(t).snd_wnd, (uint32_t)t->window << 7);
    tcp_peer_end(t);
}

static void simultaneous_opens_end_with_a_plain_ack_too(void **state)
{
    struct tcp_peer *t = tcp_peer_both_opening(NULL);

    (void)state;
    peer_sends(t, "A", 1, 1, 0);
    we_are(t, ESTABLISHED);
    we_send_nothing(t);
    tcp_peer_end(t);
}

/* The SYN-ACK of a simultaneous open is repeated like any (RFC 9293 MUST-22). */
static void the_syn_ack_of_a_simultaneous_open_is_repeated(void **state)
{
    struct tcp_peer *t = tcp_peer_both_opening(NULL);

    (void)state;
    silence(t, WEFT_SEC);
    we_send(t, "SA", 0, 1, 0);
    silence(t, 2 * WEFT_SEC);
    we_send(t, "SA", 0, 1, 0);
    peer_sends(t, "A", 1, 1, 0);
    we_are(t, ESTABLISHED);
    tcp_peer_end(t);
}

/* RFC 9293 3.10.7.4 second: RST in SYN-RECEIVED after an active open: refused. MUST-11: it knows how it came there. */
static void a_reset_refuses_a_simultaneous_open(void **state)
{
    struct tcp_peer *t = tcp_peer_both_opening(NULL);

    (void)state;
    peer_sends(t, "R", 1, 0, 0);
    we_send_nothing(t);
    we_are(t, CLOSED);
    assert_int_equal(weft_sock_error(t->sock), WEFT_E_CONNREFUSED);
    tcp_peer_end(t);
}

/* RFC 9293 3.10.7.4 fifth: an ACK of something else in SYN-RECEIVED is reset. */
static void a_wrong_ack_in_a_simultaneous_open_is_reset(void **state)
{
    struct tcp_peer *t = tcp_peer_both_opening(NULL);

    (void)state;
    peer_sends(t, "A", 1, 2, 0);
    we_send(t, "R", 2, 0, 0);
    peer_sends(t, "A", 1, 0, 0);
    we_send(t, "R", 0, 0, 0);
    we_are(t, SYN_RECEIVED);
    tcp_peer_end(t);
}

/* --- Passive -------------------------------------------------------------------------------------- */

static void a_passive_open_shakes_hands(void **state)
{
    struct tcp_peer *t = tcp_peer_syn_received(NULL);
    struct weft_endpoint end;

    (void)state;
    assert_int_equal(t->listener_heard, 0);
    assert_int_equal(weft_sock_accept(t->listener, &t->sock), WEFT_E_AGAIN);
    peer_sends(t, "A", 1, 1, 0);
    we_send_nothing(t);
    we_are(t, ESTABLISHED);
    assert_true(t->listener_heard & WEFT_READABLE);
    assert_int_equal(weft_sock_accept(t->listener, &t->sock), 0);
    weft_sock_remote(t->sock, &end);
    assert_true(end.port == TP_CLIENT_PORT && weft_addr_eq(&end.addr, &tp_peer));
    weft_sock_local(t->sock, &end);
    assert_true(end.port == TP_SERVER_PORT && weft_addr_eq(&end.addr, &tp_us));
    assert_int_equal(tp_count(t, WEFT_COUNT_TCP_PASSIVE_OPENS), 1);
    tcp_peer_end(t);
}

/* RFC 9293 3.10.7.4 fifth: "continue processing in the ESTABLISHED state": data and FIN with that ACK count. */
static void data_with_the_last_ack_of_the_handshake_is_taken(void **state)
{
    struct tcp_peer *t = tcp_peer_syn_received(NULL);

    (void)state;
    peer_sends(t, "FPA", 1, 1, 10);
    we_send(t, "A", 1, 12, 0);
    we_are(t, CLOSE_WAIT);
    assert_int_equal(weft_sock_accept(t->listener, &t->sock), 0);
    we_read(t, 10);
    we_cannot_read(t, 0);
    tcp_peer_end(t);
}

/* The same when the ACK of the handshake is lost: the first data completes it. */
static void data_completes_a_handshake_whose_ack_was_lost(void **state)
{
    struct tcp_peer *t = tcp_peer_syn_received(NULL);

    (void)state;
    peer_sends(t, "A", 11, 1, 10); /* and even the first data, out of order */
    we_are(t, ESTABLISHED);
    we_send(t, "A", 1, 1, 0);
    peer_sends(t, "A", 1, 1, 10);
    we_send(t, "A", 1, 21, 0);
    tp_accept(t);
    we_read(t, 20);
    tcp_peer_end(t);
}

/* RFC 9293 3.8.3 MUST-22, RFC 6298: SYN-ACKs come again, each wait twice the last, and end. */
static void a_syn_ack_is_repeated_and_given_up(void **state)
{
    struct tcp_peer *t = tcp_peer_syn_received(NULL);

    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        silence(t, WEFT_SEC << i);
        we_send(t, "SA", 0, 1, 0);
        assert_true(t->last.opts.has_mss);
    }
    silence(t, 32 * WEFT_SEC);
    we_send_nothing(t);
    we_are(t, LISTEN);
    peer_sends(t, "A", 1, 1, 0); /* nobody knows it any more */
    we_send(t, "R", 1, 0, 0);
    tcp_peer_end_quiet(t);
}

/* MUST-23: the three minutes of the RFC, for those who want them. */
static void syn_acks_can_be_repeated_for_three_minutes(void **state)
{
    struct tcp_peer *t = tcp_peer_syn_received(&(struct tcp_peer_setup){.tcp = {.syn_ack_retries = 7}});

    (void)state;
    after(t, 180 * WEFT_SEC);
    we_are(t, SYN_RECEIVED);
    assert_int_equal(t->count, 7);
    after(t, 180 * WEFT_SEC);
    we_are(t, LISTEN);
    tcp_peer_end(t);
}

/* RFC 6298 2.5: the wait has an upper bound, however often. */
static void syn_acks_are_never_far_apart(void **state)
{
    struct tcp_peer *t = tcp_peer_syn_received(
        &(struct tcp_peer_setup){.tcp = {.syn_ack_retries = 40, .rto_max = 100 * WEFT_SEC}});

    (void)state;
    for (unsigned i = 0; i < 40; i++) {
        silence(t, i < 7 ? WEFT_SEC << i : 100 * WEFT_SEC);
        we_send(t, "SA", 0, 1, 0);
    }
    silence(t, 100 * WEFT_SEC);
    we_send_nothing(t);
    we_are(t, LISTEN);
    tcp_peer_end(t);
}

/* The SYN again: our SYN-ACK was lost (RFC 9293 3.10.7.4 first). */
static void a_repeated_syn_gets_the_same_syn_ack(void **state)
{
    struct tcp_peer *t = tcp_peer_syn_received(NULL);
    uint16_t window = t->last.tcp.window;

    (void)state;
    after(t, 500 * WEFT_MSEC);
    peer_sends_syn(t, "S", 0, 0);
    we_send(t, "SA", 0, 1, 0);
    assert_int_equal(t->last.tcp.window, window);
    peer_sends(t, "A", 1, 1, 0);
    we_are(t, ESTABLISHED);
    tcp_peer_end(t);
}

/* RFC 9293 3.10.7.4 second: a RST in SYN-RECEIVED after a passive open goes back to LISTEN; RFC 5961 3.2: only
 * the exact number, one in the window is challenged, one outside is nothing. */
static void a_reset_ends_a_half_open_connection(void **state)
{
    struct tcp_peer *t = tcp_peer_syn_received(NULL);

    (void)state;
    peer_sends(t, "R", 0, 0, 0);
    we_send_nothing(t);
    peer_sends(t, "R", 70000, 0, 0);
    we_send_nothing(t);
    peer_sends(t, "R", 2, 0, 0);
    tp_expect(t, t->segs[t->first].tcp.flags & WIRE_TCP_SYN ? "SA" : "A", t->segs[t->first].seq, 1, 0,
              __FILE__, __LINE__);
    we_are(t, SYN_RECEIVED);
    peer_sends(t, "R", 65536, 0, 0); /* behind the window */
    we_send_nothing(t);
    peer_sends(t, "R", 65535, 0, 0); /* its last number */
    we_send(t, "A", 1, 1, 0);
    assert_int_equal(tp_drops(t, WEFT_DROP_TCP_RST_INVALID), 5);
    peer_sends(t, "R", 1, 0, 0);
    we_send_nothing(t);
    we_are(t, LISTEN);
    assert_int_equal(tp_drops(t, WEFT_DROP_TCP_RST_INVALID), 5); /* that one was valid */
    tcp_peer_end_quiet(t);
}

/* The challenge of what is half-open is an ACK like those of the connection to be: scaled, with timestamps. */
static void the_challenge_of_a_half_open_connection(void **state)
{
    struct tcp_peer *t = tcp_peer_syn_received(&(struct tcp_peer_setup){.timestamps = true, .wscale = true});
    uint32_t echo = t->last.opts.tsecr;

    (void)state;
    tp_agree(t);
    assert_true(t->our_shift > 0);
    peer_sends(t, "R", 2, 0, 0);
    we_send(t, "A", 1, 1, 0);
    assert_int_equal(t->last.tcp.window, 65536 >> t->our_shift);
    assert_true(t->last.opts.has_timestamps);
    assert_int_equal(t->last.opts.tsecr, echo);
    peer_sends(t, "A", 70000, 1, 0);
    we_send(t, "A", 1, 1, 0);
    peer_sends(t, "A", 1, 1, 0);
    we_are(t, ESTABLISHED);
    tcp_peer_end(t);
}

/* RFC 9293 3.10.7.4 fourth: in SYN-RECEIVED after a passive open a SYN in the window, with or without ACK, goes
 * back to LISTEN and is not looked at further; when it comes again it opens. */
static void a_new_syn_goes_back_to_listen(void **state)
{
    static const char *const flags[] = {"S", "SA", "SPU"};

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct tcp_peer *t = tcp_peer_syn_received(NULL);

        peer_sends_syn(t, flags[i], i == 1 ? 1 : 65535, 1);
        we_send_nothing(t);
        we_are(t, LISTEN);
        assert_int_equal(tp_drops(t, WEFT_DROP_TCP_NEW_SYN), 1);
        assert_int_equal(tp_count(t, WEFT_COUNT_TCP_OPEN_FAILS), 1);
        assert_int_equal(weft_deadline(t->stack), WEFT_TIME_NEVER);
        t->irs += 65535;
        peer_sends_syn(t, "S", 0, 0);
        we_send(t, "SA", 0, 1, 0);
        peer_sends(t, "A", 1, 1, 0);
        we_are(t, ESTABLISHED);
        tcp_peer_end(t);
    }
}

/* RFC 9293 3.10.7.4 first comes before that: outside the window a SYN changes nothing, an ACK is due. */
static void a_syn_outside_the_window_changes_nothing(void **state)
{
    static const uint32_t numbers[] = {65536 + 1, 0x70000000, (uint32_t)-1};
    struct tcp_peer *t = tcp_peer_syn_received(NULL);

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        peer_sends_syn(t, "S", numbers[i], 0);
        we_send(t, "A", 1, 1, 0);
        we_are(t, SYN_RECEIVED);
    }
    peer_sends(t, "A", 1, 1, 0);
    we_are(t, ESTABLISHED);
    tcp_peer_end(t);
}

/* RFC 9293 3.10.7.4 fifth: not our SYN's number: <SEQ=SEG.ACK><CTL=RST>. */
static void a_wrong_ack_of_our_syn_ack_is_reset(void **state)
{
    struct tcp_peer *t = tcp_peer_syn_received(NULL);

    (void)state;
    peer_sends(t, "A", 1, 2, 0);
    we_send(t, "R", 2, 0, 0);
    peer_sends(t, "A", 1, 0, 0);
    we_send(t, "R", 0, 0, 0);
    peer_sends(t, "A", 1, 1, 0);
    we_are(t, ESTABLISHED);
    tcp_peer_end(t);
}

/* RFC 9293 3.10.7.4 first and fifth: outside the window an ACK is due; without ACK nothing. */
static void other_segments_for_a_half_open_connection(void **state)
{
    struct tcp_peer *t = tcp_peer_syn_received(NULL);

    (void)state;
    peer_sends(t, "A", 70000, 1, 0);
    assert_int_equal(t->count, 1);
    assert_int_equal(t->segs[t->first].ack, 1);
    ignore_sent(t);
    peer_sends(t, "P", 1, 0, 10);
    we_send_nothing(t);
    we_are(t, SYN_RECEIVED);
    tcp_peer_end(t);
}

/* --- LISTEN (RFC 9293 3.10.7.2) ------------------------------------------------------------------------ */

static void a_listener_takes_only_syns(void **state)
{
    struct tcp_peer *t = tcp_peer_listening(NULL, 0);

    (void)state;
    t->iss = 5000;
    peer_sends(t, "R", 0, 0, 0); /* first: ignored */
    peer_sends(t, "RA", 0, 77, 0);
    we_send_nothing(t);
    peer_sends(t, "A", 0, 77, 0); /* second: any ACK is reset */
    we_send(t, "R", 77, 0, 0);
    peer_sends(t, "SA", 0, 78, 0);
    we_send(t, "R", 78, 0, 0);
    peer_sends(t, "FA", 0, 79, 10);
    we_send(t, "R", 79, 0, 0);
    peer_sends(t, "F", 0, 0, 10); /* fourth: dropped */
    peer_sends(t, "", 0, 0, 0);
    we_send_nothing(t);
    assert_int_equal(tp_drops(t, WEFT_DROP_TCP_LISTEN_FLAGS), 2);
    tcp_peer_end_quiet(t);
}

/* MAY: "any other incoming control or data (combined with SYN) will be processed"; at least it is not lost. */
static void data_with_a_syn_is_not_lost(void **state)
{
    struct tcp_peer *t = tcp_peer_listening(NULL, 0);
    struct wire_tcp_opts opts = tp_syn_options(t);

    (void)state;
    tp_send(t, "S", 0, 0, 20, &opts);
    we_send(t, "SA", 0, 1, 0);
    peer_sends(t, "PA", 1, 1, 20);
    we_send(t, "A", 1, 21, 0);
    tp_accept(t);
    we_read(t, 20);
    tcp_peer_end(t);
}

/* RFC 9293 3.10.7.1: by both rules. */
static void closed_ports_answer_with_reset(void **state)
{
    struct tcp_peer *t = tcp_peer_new(NULL);

    (void)state;
    t->iss = 5000;
    peer_sends(t, "S", 0, 0, 0);
    we_send(t, "RA", -5000, 1, 0); /* SEQ=0, ACK=SEG.SEQ+SEG.LEN */
    assert_int_equal(t->last.tcp.window, 0);
    peer_sends(t, "FP", 10, 0, 100);
    we_send(t, "RA", -5000, 111, 0);
    peer_sends(t, "A", 0, 77, 100);
    we_send(t, "R", 77, 0, 0); /* SEQ=SEG.ACK */
    assert_int_equal(t->last.tcp.ack, 0);
    peer_sends(t, "SA", 0, 78, 0);
    we_send(t, "R", 78, 0, 0);
    peer_sends(t, "R", 0, 0, 0);
    peer_sends(t, "RA", 0, 1, 0);
    we_send_nothing(t);
    tcp_peer_end_quiet(t);
}

/* RFC 9293 MUST-57 and MUST-63: nothing that comes from or goes to many is answered. */
static void segments_from_or_to_many_are_not_answered(void **state)
{
    static const uint32_t bad[] = {0xffffffff, 0xe0000001, 0x0a0000ff, 0};
    struct tcp_peer *t = tcp_peer_listening(NULL, 0);

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        t->peer_addr = weft_ip4_from_u32(bad[i]);
        peer_sends_syn(t, "S", 0, 0);
        we_send_nothing(t);
    }
    t->peer_addr = tp_peer;
    for (unsigned i = 0; i < 3; i++) {
        t->our_addr = weft_ip4_from_u32(bad[i]);
        peer_sends_syn(t, "S", 0, 0);
        peer_sends(t, "A", 0, 5, 0); /* to a closed port: no RST either */
        we_send_nothing(t);
    }
    t->our_addr = tp_us;
    assert_int_equal(tp_drops(t, WEFT_DROP_TCP_ADDRESS), 6);
    tcp_peer_end_quiet(t);
}

/* RFC 9293 MUST-42: several connections to one port; each SYN only starts its own. */
static void many_clients_reach_one_listener(void **state)
{
    struct tcp_peer *t = tcp_peer_listening(NULL, 0);
    struct weft_sock *socks[20];

    (void)state;
    t->loose = true;
    for (unsigned i = 0; i < 20; i++) {
        t->peer_port = (uint16_t)(1000 + i);
        peer_sends_syn(t, "S", 0, 0);
        assert_int_equal(t->count, 1);
        t->iss = t->segs[t->first].tcp.seq;
        ignore_sent(t);
        peer_sends(t, "A", 1, 1, 0);
    }
    for (unsigned i = 0; i < 20; i++) {
        struct weft_endpoint end;

        assert_int_equal(weft_sock_accept(t->listener, &socks[i]), 0);
        weft_sock_remote(socks[i], &end);
        assert_int_equal(end.port, 1000 + i); /* oldest first */
    }
    assert_int_equal(weft_sock_accept(t->listener, &t->sock), WEFT_E_AGAIN);
    for (unsigned i = 0; i < 20; i++)
        weft_sock_abort(socks[i]);
    tcp_peer_end(t);
}

/* --- Bounds (RFC 4987) ------------------------------------------------------------------------------------- */

static void open_from(struct tcp_peer *t, uint16_t port)
{
    t->loose = true;
    t->peer_port = port;
    peer_sends_syn(t, "S", 0, 0);
    if (t->count > 0)
        t->iss = t->segs[(t->first + t->count - 1) % TP_SEGS].tcp.seq;
}

static const struct tcp_peer_setup without_cookies = {
    .tcp = {.syn_cookies = WEFT_SYN_COOKIES_NEVER, .syn_cache = 4}};

static void a_backlog_bounds_what_waits(void **state)
{
    struct tcp_peer *t = tcp_peer_listening(&without_cookies, 2);

    (void)state;
    open_from(t, 1001);
    open_from(t, 1002);
    assert_int_equal(t->count, 2);
    ignore_sent(t);
    open_from(t, 1003); /* no RST: the peer tries again, and may have better luck */
    we_send_nothing(t);
    assert_int_equal(tp_drops(t, WEFT_DROP_TCP_SYN_CACHE), 1);
    t->peer_port = 1001;
    peer_sends(t, "R", 1, 0, 0);
    open_from(t, 1003);
    assert_int_equal(t->count, 1);
    ignore_sent(t);
    peer_sends(t, "A", 1, 1, 0);
    open_from(t, 1004); /* one half-open and one waiting to be accepted */
    we_send_nothing(t);
    assert_int_equal(weft_sock_accept(t->listener, &t->sock), 0);
    open_from(t, 1004);
    assert_int_equal(t->count, 1);
    tcp_peer_end(t);
}

static void the_syn_cache_is_bounded(void **state)
{
    struct tcp_peer *t = tcp_peer_listening(&without_cookies, 0);

    (void)state;
    for (uint16_t i = 0; i < 6; i++)
        open_from(t, (uint16_t)(1000 + i));
    assert_int_equal(t->count, 4);
    assert_int_equal(tp_count(t, WEFT_COUNT_TCP_SYN_CACHE_FULL), 2);
    ignore_sent(t);
    after(t, 64 * WEFT_SEC); /* all are given up: there is room again */
    ignore_sent(t);
    open_from(t, 2000);
    assert_int_equal(t->count, 1);
    tcp_peer_end(t);
}

/* A full table of connections keeps the half-open one: the peer's next segment tries again. */
static void without_a_free_block_the_handshake_waits(void **state)
{
    struct tcp_peer *t = tcp_peer_listening(&(struct tcp_peer_setup){.tcp = {.max_connections = 1}}, 0);

    (void)state;
    open_from(t, 1001);
    peer_sends(t, "A", 1, 1, 0);
    open_from(t, 1002);
    ignore_sent(t);
    uint32_t iss = t->iss;
    peer_sends(t, "PA", 1, 1, 10);
    we_send_nothing(t);
    assert_int_equal(tp_drops(t, WEFT_DROP_TCP_ACCEPT_QUEUE), 1);
    assert_int_equal(weft_sock_accept(t->listener, &t->sock), 0);
    we_abort(t);
    ignore_sent(t);
    t->iss = iss;
    peer_sends(t, "PA", 1, 1, 10);
    we_send(t, "A", 1, 11, 0);
    tcp_peer_end(t);
}

/* Closing a listener resets what waits to be accepted and forgets what is half-open. */
static void closing_a_listener_ends_what_waits(void **state)
{
    struct tcp_peer *t = tcp_peer_listening(NULL, 0);

    (void)state;
    open_from(t, 1001);
    peer_sends(t, "A", 1, 1, 0);
    uint32_t iss = t->iss;
    open_from(t, 1002);
    ignore_sent(t);
    weft_sock_close(t->listener);
    t->listener = NULL;
    tp_step(t);
    assert_int_equal(t->count, 1);
    assert_true(t->segs[t->first].tcp.flags & WIRE_TCP_RST);
    assert_int_equal(t->segs[t->first].tcp.seq, iss + 1);
    ignore_sent(t);
    peer_sends(t, "A", 1, 1, 0);
    we_send(t, "R", 1, 0, 0);
    tcp_peer_end_quiet(t);
}

/* A connection that is reset while it waits leaves the queue, and its place in the backlog. */
static void a_reset_connection_is_not_accepted(void **state)
{
    struct tcp_peer *t = tcp_peer_listening(NULL, 1);

    (void)state;
    open_from(t, 1001);
    peer_sends(t, "A", 1, 1, 0);
    peer_sends(t, "R", 1, 0, 0);
    assert_int_equal(weft_sock_accept(t->listener, &t->sock), WEFT_E_AGAIN);
    ignore_sent(t);
    open_from(t, 1002);
    assert_int_equal(t->count, 1);
    ignore_sent(t);
    peer_sends(t, "A", 1, 1, 0);
    assert_int_equal(weft_sock_accept(t->listener, &t->sock), 0);
    tcp_peer_end(t);
}

/* RFC 9293 3.5 figure 8: an old duplicate SYN; the peer resets our answer, and its real SYN is taken. */
static void an_old_duplicate_syn_is_recovered_from(void **state)
{
    struct tcp_peer *t = tcp_peer_syn_received(NULL);

    (void)state;
    peer_sends(t, "R", 1, 0, 0);
    we_are(t, LISTEN);
    t->irs += 100;
    t->peer_sent = t->irs;
    peer_sends_syn(t, "S", 0, 0);
    assert_int_equal(t->count, 1);
    we_send(t, "SA", 0, 1, 0);
    peer_sends(t, "A", 1, 1, 0);
    we_are(t, ESTABLISHED);
    tcp_peer_end(t);
}

/* RFC 9293 3.5.1 figure 9, as RFC 5961 4 has it: a peer that has forgotten us opens anew with any number; our
 * challenge shows it that we remember, and its RST, with the number of that, ends the old connection. */
static void a_half_open_connection_is_discovered(void **state)
{
    static const uint32_t numbers[] = {5000, 0x70000000, (uint32_t)-100000};

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct tcp_peer *t = tcp_peer_established(NULL);

        t->loose = true;
        peer_sends_syn(t, "S", numbers[i], 0);
        we_send(t, "A", 1, 1, 0);
        peer_sends(t, "R", 1, 0, 0); /* SEQ=SEG.ACK */
        we_are(t, CLOSED);
        assert_int_equal(weft_sock_error(t->sock), WEFT_E_CONNRESET);
        tcp_peer_end(t);
    }
}

/* RFC 9293 3.5.1 figure 10: we send to a peer that has forgotten us. */
static void data_to_a_peer_that_forgot_us_is_reset(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    we_write(t, 100);
    we_send(t, "PA", 1, 1, 100);
    peer_sends(t, "R", 1, 0, 0); /* its answer has our ACK's number */
    we_are(t, CLOSED);
    assert_int_equal(weft_sock_error(t->sock), WEFT_E_CONNRESET);
    tcp_peer_end(t);
}

/* RFC 9293 MUST-43: a listener for the very address goes before one for any. */
static void the_closer_listener_is_chosen(void **state)
{
    struct tcp_peer *t = tcp_peer_listening(NULL, 0);
    struct weft_endpoint local = {tp_us, TP_SERVER_PORT};
    struct weft_sock *exact;

    (void)state;
    assert_int_equal(weft_sock_open(t->stack, WEFT_SOCK_STREAM, &exact), 0);
    assert_int_equal(weft_sock_bind(exact, &local), 0);
    assert_int_equal(weft_sock_listen(exact, 0), 0);
    peer_sends_syn(t, "S", 0, 0);
    we_send(t, "SA", 0, 1, 0);
    peer_sends(t, "A", 1, 1, 0);
    assert_int_equal(weft_sock_accept(t->listener, &t->sock), WEFT_E_AGAIN);
    assert_int_equal(weft_sock_accept(exact, &t->sock), 0);
    weft_sock_close(exact);
    tcp_peer_end(t);
}

/* A SYN that comes while ours is out may be an old one, or forged: nobody has shown yet to have seen ours. Who
 * acknowledges it has, and is believed rather; the RST that our answer to the other provokes comes too late. */
static void a_stray_syn_does_not_spoil_an_open(void **state)
{
    (void)state;
    for (unsigned with_options = 0; with_options < 2; with_options++) {
        struct tcp_peer *t = tcp_peer_syn_sent(
            &(struct tcp_peer_setup){.sack = true, .timestamps = true, .wscale = true, .shift = 7});
        uint8_t shift = t->last.opts.wscale;

        test_check_mute(&t->wire, "early-data"); /* it takes the first SYN for the peer's */
        t->loose = true;
        t->irs += 100000;
        if (with_options)
            peer_sends_syn(t, "S", 0, 0);
        else
            peer_sends(t, "S", 0, 0, 0);
        we_send(t, "SA", 0, 1, 0);
        t->irs -= 100000;
        t->ts_offset = (uint32_t)-100000; /* the true peer has another clock */
        peer_sends_syn(t, "SA", 0, 1);
        we_send(t, "A", 1, 1, 0);
        we_are(t, ESTABLISHED);
        struct weft_tcp_info info = tp_info(t);
        assert_true(info.sack && info.timestamps && info.window_scaling);
        assert_int_equal(info.snd_wscale, 7);
        assert_int_equal(info.rcv_wscale, shift);
        t->has_timestamps = true;
        peer_sends(t, "R", 100001, 0, 0);
        ignore_sent(t);
        we_are(t, ESTABLISHED);
        peer_sends(t, "PA", 1, 1, 100);
        we_send(t, "A", 1, 101, 0);
        we_read(t, 100);
        we_write(t, 100);
        we_send(t, "PA", 1, 101, 100);
        tcp_peer_end(t);
    }
}

/* One that does not acknowledge it is challenged. */
static void a_second_stray_syn_is_challenged(void **state)
{
    struct tcp_peer *t = tcp_peer_syn_sent(NULL);

    (void)state;
    t->loose = true;
    peer_sends_syn(t, "S", 0, 0);
    we_send(t, "SA", 0, 1, 0);
    peer_sends_syn(t, "S", 100000, 0);
    we_send(t, "A", 1, 1, 0);
    peer_sends_syn(t, "SA", 100000, 0);
    we_send(t, "A", 1, 1, 0);
    peer_sends_syn(t, "SA", 100000, 2);
    we_send(t, "A", 1, 1, 0);
    we_are(t, SYN_RECEIVED);
    peer_sends(t, "A", 1, 1, 0);
    we_are(t, ESTABLISHED);
    tcp_peer_end(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_active_open_shakes_hands),
        cmocka_unit_test(a_wrong_ack_of_our_syn_is_reset),
        cmocka_unit_test(a_reset_with_our_ack_refuses),
        cmocka_unit_test(segments_without_syn_do_not_open),
        cmocka_unit_test(a_syn_is_repeated_for_three_minutes),
        cmocka_unit_test(a_socket_may_repeat_its_syn_less_often),
        cmocka_unit_test(after_a_repeated_syn_the_timeout_is_three_seconds),
        cmocka_unit_test(nothing_can_be_written_before_the_handshake),
        cmocka_unit_test(close_in_syn_sent_says_nothing),
        cmocka_unit_test(opens_to_no_host_are_refused),
        cmocka_unit_test(data_with_the_syn_ack_is_not_lost),
        cmocka_unit_test(simultaneous_opens_meet),
        cmocka_unit_test(the_window_of_a_crossing_syn_is_not_scaled),
        cmocka_unit_test(simultaneous_opens_end_with_a_plain_ack_too),
        cmocka_unit_test(the_syn_ack_of_a_simultaneous_open_is_repeated),
        cmocka_unit_test(a_reset_refuses_a_simultaneous_open),
        cmocka_unit_test(a_wrong_ack_in_a_simultaneous_open_is_reset),
        cmocka_unit_test(a_passive_open_shakes_hands),
        cmocka_unit_test(data_with_the_last_ack_of_the_handshake_is_taken),
        cmocka_unit_test(data_completes_a_handshake_whose_ack_was_lost),
        cmocka_unit_test(a_syn_ack_is_repeated_and_given_up),
        cmocka_unit_test(syn_acks_can_be_repeated_for_three_minutes),
        cmocka_unit_test(syn_acks_are_never_far_apart),
        cmocka_unit_test(a_repeated_syn_gets_the_same_syn_ack),
        cmocka_unit_test(a_reset_ends_a_half_open_connection),
        cmocka_unit_test(the_challenge_of_a_half_open_connection),
        cmocka_unit_test(a_new_syn_goes_back_to_listen),
        cmocka_unit_test(a_syn_outside_the_window_changes_nothing),
        cmocka_unit_test(a_wrong_ack_of_our_syn_ack_is_reset),
        cmocka_unit_test(other_segments_for_a_half_open_connection),
        cmocka_unit_test(a_listener_takes_only_syns),
        cmocka_unit_test(data_with_a_syn_is_not_lost),
        cmocka_unit_test(closed_ports_answer_with_reset),
        cmocka_unit_test(segments_from_or_to_many_are_not_answered),
        cmocka_unit_test(many_clients_reach_one_listener),
        cmocka_unit_test(a_backlog_bounds_what_waits),
        cmocka_unit_test(the_syn_cache_is_bounded),
        cmocka_unit_test(without_a_free_block_the_handshake_waits),
        cmocka_unit_test(closing_a_listener_ends_what_waits),
        cmocka_unit_test(a_reset_connection_is_not_accepted),
        cmocka_unit_test(an_old_duplicate_syn_is_recovered_from),
        cmocka_unit_test(a_half_open_connection_is_discovered),
        cmocka_unit_test(data_to_a_peer_that_forgot_us_is_reset),
        cmocka_unit_test(the_closer_listener_is_chosen),
        cmocka_unit_test(a_stray_syn_does_not_spoil_an_open),
        cmocka_unit_test(a_second_stray_syn_is_challenged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
