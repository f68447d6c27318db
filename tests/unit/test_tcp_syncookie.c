/* SPDX-License-Identifier: MIT */
/* SYN cookies: RFC 4987 3.6. */
#include "tcp_peer.h"

#define EPOCH (64 * WEFT_SEC) /* of a secret, as syncookie.c has it */

static const struct tcp_peer_setup always = {.tcp = {.syn_cookies = WEFT_SYN_COOKIES_ALWAYS},
                                             .sack = true,
                                             .timestamps = true,
                                             .wscale = true,
                                             .shift = 7};

/* A SYN from this port; the numbers of our answer are those that count from now on. */
static void syn_from(struct tcp_peer *t, uint16_t port)
{
    t->loose = true;
    t->peer_port = port;
    peer_sends_syn(t, "S", 0, 0);
    if (t->count > 0) {
        struct tp_seg *answer = &t->segs[(t->first + t->count - 1) % TP_SEGS];

        t->iss = answer->tcp.seq;
        answer->seq = 0;
    }
    t->write_seq = t->iss + 1;
}

/* The listener has a SYN cache of `room`, and SYNs that nobody will complete fill it. */
static struct tcp_peer *flooded(const struct tcp_peer_setup *given, unsigned room)
{
    struct tcp_peer_setup setup = given ? *given : (struct tcp_peer_setup){0};
    struct tcp_peer *t;

    setup.tcp.syn_cache = room;
    t = tcp_peer_listening(&setup, 0);
    for (unsigned i = 0; i < room; i++)
        syn_from(t, (uint16_t)(10000 + i));
    assert_int_equal(tp_count(t, WEFT_COUNT_TCP_COOKIES_SENT), 0);
    ignore_sent(t);
    return t;
}

/* Our SYN-ACK to a SYN from `port`, and the ACK that completes the handshake. */
static void open_with_cookie(struct tcp_peer *t, uint16_t port)
{
    syn_from(t, port);
    we_send(t, "SA", 0, 1, 0);
    tp_agree(t);
    peer_sends(t, "A", 1, 1, 0);
    tp_accept(t);
    t->loose = false;
}

/* RFC 4987 3.6: while the cache is full of SYNs from nowhere a true client gets in, with all its options. */
static void a_client_gets_in_while_the_cache_is_full(void **state)
{
    struct tcp_peer *t =
        flooded(&(struct tcp_peer_setup){.sack = true, .timestamps = true, .wscale = true, .shift = 7}, 8);

    (void)state;
    for (unsigned i = 0; i < 1000; i++)
        syn_from(t, (uint16_t)(20000 + i));
    assert_int_equal(tp_count(t, WEFT_COUNT_TCP_COOKIES_SENT), 1000);
    assert_int_equal(tp_count(t, WEFT_COUNT_TCP_SYN_CACHE_FULL), 1000);
    assert_int_equal(tp_drops(t, WEFT_DROP_TCP_SYN_CACHE), 0);
    ignore_sent(t);
    open_with_cookie(t, 40000);
    assert_int_equal(tp_count(t, WEFT_COUNT_TCP_COOKIES_TAKEN), 1);
    assert_int_equal(tp_count(t, WEFT_COUNT_TCP_PASSIVE_OPENS), 1);
    struct weft_tcp_info info = tp_info(t);
    assert_true(info.sack && info.timestamps && info.window_scaling);
    assert_int_equal(info.snd_wscale, 7);
    assert_int_equal(info.snd_wnd, 65535u << 7);
    peer_sends(t, "PA", 1, 1, 100);
    we_send(t, "A", 1, 101, 0);
    we_read(t, 100);
    we_write(t, 10);
    we_send(t, "PA", 1, 101, 10);
    tcp_peer_end(t);
}

/* Forged ACKs make no connection: each is reset and counted. */
static void forged_acks_do_not_get_in(void **state)
{
    struct tcp_peer *t = flooded(NULL, 4);
    uint32_t guess = 1;

    (void)state;
    syn_from(t, 30000);
    ignore_sent(t);
    t->peer_port = 30001;
    for (unsigned i = 0; i < 5000; i++) {
        guess = guess * 1664525 + 1013904223;
        peer_sends(t, "A", 1, guess, 0);
        we_send(t, "R", guess, 0, 0);
    }
    assert_int_equal(tp_count(t, WEFT_COUNT_TCP_COOKIES_WRONG), 5000);
    assert_int_equal(tp_count(t, WEFT_COUNT_TCP_COOKIES_TAKEN), 0);
    assert_int_equal(weft_sock_accept(t->listener, &t->sock), WEFT_E_AGAIN);
    tcp_peer_end(t);
}

/* Each thing that the cookie is made over must be as it was. */
static void a_cookie_is_good_for_its_own_syn_only(void **state)
{
    struct tcp_peer *t = tcp_peer_listening(&always, 0);

    (void)state;
    syn_from(t, 30000);
    we_send(t, "SA", 0, 1, 0);
    tp_agree(t);
    peer_sends(t, "A", 2, 1, 0); /* another number of the peer's */
    we_send(t, "R", 1, 0, 0);
    for (unsigned bit = 0; bit < 32; bit++) { /* another cookie */
        peer_sends(t, "A", 1, 1 + (1u << bit), 0);
        we_send(t, "R", 1 + (1u << bit), 0, 0);
    }
    for (unsigned bit = 0; bit < 6; bit++) { /* other options */
        t->tsecr ^= 1u << bit;
        peer_sends(t, "A", 1, 1, 0);
        we_send(t, "R", 1, 0, 0);
        t->tsecr ^= 1u << bit;
    }
    t->has_timestamps = false; /* none */
    peer_sends(t, "A", 1, 1, 0);
    we_send(t, "R", 1, 0, 0);
    t->has_timestamps = true;
    t->peer_port = 30001; /* another end */
    peer_sends(t, "A", 1, 1, 0);
    we_send(t, "R", 1, 0, 0);
    t->peer_port = 30000;
    t->peer_addr.b[15]++;
    peer_sends(t, "A", 1, 1, 0);
    we_send(t, "R", 1, 0, 0);
    t->peer_addr.b[15]--;
    assert_int_equal(tp_count(t, WEFT_COUNT_TCP_COOKIES_WRONG), 42);
    peer_sends(t, "A", 1, 1, 0);
    tp_accept(t);
    tcp_peer_end(t);
}

/* A secret is new each epoch, and the one before is good still. */
static void a_cookie_grows_old(void **state)
{
    static const struct {
        weft_time age;
        bool is_good;
    } cases[] = {
        {EPOCH / 2, true}, {EPOCH, true}, {2 * EPOCH - 1, true}, {2 * EPOCH, false}, {9 * EPOCH, false}};

    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        struct tcp_peer *t = tcp_peer_listening(&always, 0);

        after(t, EPOCH - t->now % EPOCH); /* at the beginning of an epoch */
        syn_from(t, 30000);
        we_send(t, "SA", 0, 1, 0);
        tp_agree(t);
        after(t, cases[i].age);
        peer_sends(t, "A", 1, 1, 0);
        if (cases[i].is_good)
            tp_accept(t);
        else
            we_send(t, "R", 1, 0, 0);
        tcp_peer_end(t);
    }
}

/* The same again while others are given in the epochs that follow: only its age counts. */
static void newer_cookies_do_not_keep_an_old_one_good(void **state)
{
    struct tcp_peer *t = tcp_peer_listening(&always, 0);
    uint32_t iss, tsecr;

    (void)state;
    after(t, EPOCH - t->now % EPOCH);
    syn_from(t, 30000);
    we_send(t, "SA", 0, 1, 0);
    tp_agree(t);
    iss = t->iss;
    tsecr = t->tsecr;
    for (unsigned i = 0; i < 2; i++) {
        after(t, EPOCH);
        syn_from(t, (uint16_t)(30001 + i));
    }
    ignore_sent(t);
    t->peer_port = 30000;
    t->iss = iss;
    t->tsecr = tsecr;
    peer_sends(t, "A", 1, 1, 0);
    we_send(t, "R", 1, 0, 0);
    assert_int_equal(tp_count(t, WEFT_COUNT_TCP_COOKIES_WRONG), 1);
    tcp_peer_end(t);
}

/* The peer's MSS, rounded down to the table; what is less than 48 counts as 48 as it does for every peer. */
static void the_mss_survives(void **state)
{
    static const struct {
        uint16_t offered, kept;
    } cases[] = {{1460, 1460}, {65535, 1460}, {1459, 1440}, {1400, 1360},
                 {1000, 536},  {536, 536},    {300, 256},   {10, 48}};

    (void)state;
    for (unsigned i = 0; i < 8; i++) {
        struct tcp_peer_setup setup = {.tcp = always.tcp, .mss = cases[i].offered};
        struct tcp_peer *t = tcp_peer_listening(&setup, 0);

        open_with_cookie(t, 30000);
        assert_int_equal(tp_info(t).snd_mss, cases[i].kept);
        tcp_peer_end(t);
    }
}

/* RFC 9293 MUST-15. */
static void a_syn_without_mss_counts_as_536(void **state)
{
    struct tcp_peer *t = tcp_peer_listening(&always, 0);

    (void)state;
    t->loose = true;
    peer_sends(t, "S", 0, 0, 0);
    t->iss = t->segs[t->first].tcp.seq;
    ignore_sent(t);
    peer_sends(t, "A", 1, 1, 0);
    tp_accept(t);
    assert_int_equal(tp_info(t).snd_mss, 536);
    tcp_peer_end(t);
}

/* Every combination of options that a peer with timestamps can offer comes back. */
static void options_survive_in_the_timestamp(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2 * 16; i++) {
        struct tcp_peer_setup setup = {.tcp = always.tcp,
                                       .timestamps = true,
                                       .sack = i & 1,
                                       .wscale = i / 2 < 15,
                                       .shift = (uint8_t)(i / 2)};
        struct tcp_peer *t = tcp_peer_listening(&setup, 0);

        after(t, i * 7 * WEFT_MSEC);
        uint32_t clock = tcp_ts_clock(tp_tcp(t));
        struct tcp_tuple tuple = {tp_us, tp_peer, TP_SERVER_PORT, 30000};
        open_with_cookie(t, 30000);
        /* RFC 7323 5.4: what carries them is our clock, at most 64 ms late and never ahead. */
        uint32_t late = clock + tcp_demux_ts_offset(tp_tcp(t), &tuple) - t->last.opts.tsval;
        assert_true(late <= 64);
        assert_int_equal(t->last.opts.has_sack_permitted, setup.sack);
        assert_int_equal(t->last.opts.has_wscale, setup.wscale);
        struct weft_tcp_info info = tp_info(t);
        assert_true(info.timestamps);
        assert_int_equal(info.sack, setup.sack);
        assert_int_equal(info.window_scaling, setup.wscale);
        assert_int_equal(info.snd_wscale, !setup.wscale ? 0 : setup.shift < 14 ? setup.shift : 14);
        we_write(t, 10); /* our timestamps only grow */
        we_send(t, "PA", 1, 1, 10);
        tcp_peer_end(t);
    }
}

/* RFC 3168 6.1.1: and whether ECN is agreed on. */
static void ecn_survives_in_the_timestamp(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct tcp_peer_setup setup = {.tcp = always.tcp, .timestamps = i == 0};
        struct tcp_peer *t = tcp_peer_listening(&setup, 0);

        t->loose = true;
        peer_sends_syn(t, "SEC", 0, 0);
        t->iss = t->segs[t->first].tcp.seq;
        t->segs[t->first].seq = 0;
        we_send(t, i == 0 ? "SAE" : "SA", 0, 1, 0);
        tp_agree(t);
        peer_sends(t, "A", 1, 1, 0);
        tp_accept(t);
        assert_int_equal(tp_info(t).ecn, i == 0);
        tcp_peer_end(t);
    }
}

/* Without timestamps nothing but the MSS can be kept: so nothing else is agreed on. */
static void without_timestamps_no_option_is_agreed_on(void **state)
{
    struct tcp_peer *t = tcp_peer_listening(
        &(struct tcp_peer_setup){.tcp = always.tcp, .sack = true, .wscale = true, .shift = 7}, 0);

    (void)state;
    open_with_cookie(t, 30000);
    assert_false(t->last.opts.has_sack_permitted || t->last.opts.has_wscale || t->last.opts.has_timestamps);
    assert_true(t->last.opts.has_mss);
    struct weft_tcp_info info = tp_info(t);
    assert_false(info.sack || info.window_scaling || info.timestamps);
    assert_int_equal(info.snd_wnd, 65535);
    tcp_peer_end(t);
}

/* The first segment may carry data, when the ACK before it was lost, and a FIN. */
static void data_completes_a_handshake_by_cookie(void **state)
{
    struct tcp_peer *t = tcp_peer_listening(&always, 0);

    (void)state;
    syn_from(t, 30000);
    we_send(t, "SA", 0, 1, 0);
    tp_agree(t);
    peer_sends(t, "FPA", 1, 1, 50);
    we_send(t, "A", 1, 52, 0);
    tp_accept(t);
    we_are(t, CLOSE_WAIT);
    we_read(t, 50);
    tcp_peer_end(t);
}

/* The same SYN again gets the same answer, and no timer repeats it. */
static void nothing_is_kept_of_a_syn(void **state)
{
    struct tcp_peer *t = tcp_peer_listening(&always, 0);
    uint32_t iss;

    (void)state;
    syn_from(t, 30000);
    we_send(t, "SA", 0, 1, 0);
    iss = t->iss;
    after(t, 10 * WEFT_SEC);
    we_send_nothing(t);
    assert_int_equal(weft_deadline(t->stack), WEFT_TIME_NEVER);
    syn_from(t, 30000);
    we_send(t, "SA", 0, 1, 0);
    assert_int_equal(t->iss, iss);
    tcp_peer_end(t);
}

/* A listener whose backlog is full of half-open connections is flooded, too. */
static void a_full_backlog_of_half_open_connections_is_a_flood(void **state)
{
    struct tcp_peer *t = tcp_peer_listening(NULL, 2);

    (void)state;
    syn_from(t, 1001);
    syn_from(t, 1002);
    ignore_sent(t);
    open_with_cookie(t, 1003);
    assert_int_equal(tp_count(t, WEFT_COUNT_TCP_COOKIES_TAKEN), 1);
    tcp_peer_end(t);
}

/*
 * The SYN comes again when there is room for a record, while the ACK of the cookie is on its way: that ACK
 * completes the handshake that it belongs to (found by the campaign).
 */
static void a_cookie_is_good_after_its_syn_came_again(void **state)
{
    struct tcp_peer *t = tcp_peer_listening(NULL, 2);
    uint32_t cookie;

    (void)state;
    test_check_mute(&t->wire,
                    "sequence-gap"); /* the wire checker follows the newest SYN-ACK, the peer an older one */
    syn_from(t, 1001);
    syn_from(t, 1002);
    syn_from(t, 1003);
    cookie = t->iss;
    assert_int_equal(tp_count(t, WEFT_COUNT_TCP_COOKIES_SENT), 1);
    t->peer_port = 1001; /* makes room */
    peer_sends(t, "R", 1, 0, 0);
    syn_from(t, 1003);
    assert_int_equal(tp_count(t, WEFT_COUNT_TCP_COOKIES_SENT), 1);
    assert_int_not_equal(t->iss, cookie);
    ignore_sent(t);
    t->iss = cookie;
    peer_sends(t, "A", 1, 1, 0);
    we_send_nothing(t);
    assert_int_equal(tp_count(t, WEFT_COUNT_TCP_COOKIES_TAKEN), 1);
    tp_accept(t);
    peer_sends(t, "PA", 1, 1, 100);
    we_read(t, 100);
    ignore_sent(t);
    tcp_peer_end(t);
}

/* But connections that nobody accepts are not: there is no room for another (the peer tries again). */
static void a_full_accept_queue_gives_no_cookies(void **state)
{
    struct tcp_peer *t = tcp_peer_listening(&always, 1);

    (void)state;
    syn_from(t, 1001);
    ignore_sent(t);
    uint32_t iss = t->iss, tsecr = t->tsecr;
    syn_from(t, 1002);
    ignore_sent(t);
    t->has_timestamps = true;
    peer_sends(t, "A", 1, 1, 0); /* waits to be accepted */
    syn_from(t, 1003);
    we_send_nothing(t);
    assert_int_equal(tp_drops(t, WEFT_DROP_TCP_SYN_CACHE), 1);
    t->peer_port = 1001; /* one that has a cookie already is not reset: it tries again */
    t->iss = iss;
    t->tsecr = tsecr;
    peer_sends(t, "A", 1, 1, 0);
    we_send_nothing(t);
    assert_int_equal(tp_drops(t, WEFT_DROP_TCP_ACCEPT_QUEUE), 1);
    tp_accept(t);
    weft_sock_abort(t->sock);
    ignore_sent(t);
    peer_sends(t, "PA", 1, 1, 10);
    tp_accept(t);
    we_read(t, 10);
    tcp_peer_end(t);
}

/* With cookies switched off a SYN that finds no room is dropped. */
static void cookies_can_be_refused(void **state)
{
    struct tcp_peer *t = flooded(&(struct tcp_peer_setup){.tcp = {.syn_cookies = WEFT_SYN_COOKIES_NEVER}}, 4);

    (void)state;
    syn_from(t, 30000);
    we_send_nothing(t);
    assert_int_equal(tp_drops(t, WEFT_DROP_TCP_SYN_CACHE), 1);
    assert_int_equal(tp_count(t, WEFT_COUNT_TCP_COOKIES_SENT), 0);
    tcp_peer_end(t);
}

/* While no cookie is out an ACK is not asked for one. */
static void without_cookies_out_an_ack_costs_no_hash(void **state)
{
    struct tcp_peer *t = tcp_peer_listening(NULL, 0);

    (void)state;
    t->loose = true;
    peer_sends(t, "A", 1, 12345, 0);
    we_send(t, "R", 12345, 0, 0);
    assert_int_equal(tp_count(t, WEFT_COUNT_TCP_COOKIES_WRONG), 0);
    tcp_peer_end(t);
}

/* RFC 9293 MAY-2: a SYN that takes the place of a connection in TIME-WAIT needs a number above those that it
 * used, which a cookie cannot promise: without room in the cache it waits. */
static void a_connection_in_time_wait_is_not_replaced_by_a_cookie(void **state)
{
    struct tcp_peer *t =
        tcp_peer_time_wait(&(struct tcp_peer_setup){.accepts = true, .tcp = {.syn_cache = 1}});
    uint16_t port = t->peer_port;

    (void)state;
    syn_from(t, 30000);
    ignore_sent(t);
    t->irs += 1000;
    syn_from(t, port);
    we_send_nothing(t);
    assert_int_equal(tp_drops(t, WEFT_DROP_TCP_SYN_CACHE), 1);
    assert_int_equal(tp_count(t, WEFT_COUNT_TCP_COOKIES_SENT), 0);
    syn_from(t, port); /* nor when it comes again */
    we_send_nothing(t);
    after(t, 300 * WEFT_SEC); /* nothing is in TIME-WAIT any more */
    syn_from(t, 30000);
    ignore_sent(t);
    syn_from(t, port);
    we_send(t, "SA", 0, 1, 0);
    assert_int_equal(tp_count(t, WEFT_COUNT_TCP_COOKIES_SENT), 1);
    tcp_peer_end(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_gets_in_while_the_cache_is_full),
        cmocka_unit_test(forged_acks_do_not_get_in),
        cmocka_unit_test(a_cookie_is_good_for_its_own_syn_only),
        cmocka_unit_test(a_cookie_grows_old),
        cmocka_unit_test(newer_cookies_do_not_keep_an_old_one_good),
        cmocka_unit_test(the_mss_survives),
        cmocka_unit_test(a_syn_without_mss_counts_as_536),
        cmocka_unit_test(options_survive_in_the_timestamp),
        cmocka_unit_test(ecn_survives_in_the_timestamp),
        cmocka_unit_test(without_timestamps_no_option_is_agreed_on),
        cmocka_unit_test(data_completes_a_handshake_by_cookie),
        cmocka_unit_test(nothing_is_kept_of_a_syn),
        cmocka_unit_test(a_full_backlog_of_half_open_connections_is_a_flood),
        cmocka_unit_test(a_cookie_is_good_after_its_syn_came_again),
        cmocka_unit_test(a_full_accept_queue_gives_no_cookies),
        cmocka_unit_test(cookies_can_be_refused),
        cmocka_unit_test(without_cookies_out_an_ack_costs_no_hash),
        cmocka_unit_test(a_connection_in_time_wait_is_not_replaced_by_a_cookie),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
