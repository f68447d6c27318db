/* SPDX-License-Identifier: MIT */
/* TCP Fast Open, both sides: RFC 7413. */
#include "tcp_peer.h"

static const uint8_t cookie_bytes[16] = {0xc0, 0x0c, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14};

/* --- The side that connects -------------------------------------------------------------------- */

/* A stack that will connect, from the same port each time. */
static struct tcp_peer *client(const struct weft_tcp_config *config)
{
    struct tcp_peer_setup setup = {.mss = 1460};
    struct tcp_peer *t;

    if (config)
        setup.tcp = *config;
    t = tcp_peer_new(&setup);
    t->loose = true;
    t->peer_port = TP_SERVER_PORT;
    t->our_port = TP_CLIENT_PORT;
    return t;
}

static const struct weft_endpoint server = {{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 2}},
                                            TP_SERVER_PORT};

/* The next segment is a SYN, of `len` bytes of data; its number is what counts from now on. */
static void expect_syn(struct tcp_peer *t, uint32_t len)
{
    tp_step(t);
    TP_CHECK(t, t->count == 1);
    struct tp_seg *syn = &t->segs[t->first];
    t->iss = syn->tcp.seq;
    t->write_seq = t->iss + 1 + len;
    syn->seq = 0;
    we_send(t, "S", 0, 0, len);
}

/* Connects with `len` bytes; returns what the call says, and the SYN carries just that. */
static ptrdiff_t fast_connect(struct tcp_peer *t, uint32_t len)
{
    static uint8_t bytes[20000];
    ptrdiff_t n;

    if (t->sock)
        weft_sock_abort(t->sock);
    tp_step(t);
    after(t, WEFT_SEC);
    ignore_sent(t);
    assert_int_equal(weft_sock_open(t->stack, WEFT_SOCK_STREAM, &t->sock), 0);
    struct weft_endpoint local = {tp_us, t->our_port};
    assert_int_equal(weft_sock_bind(t->sock, &local), 0);
    struct tcp_tuple tuple = {tp_us, t->peer_addr, t->our_port, t->peer_port};
    uint32_t iss = tcp_demux_isn(tp_tcp(t), &tuple).n; /* of this moment: so the bytes are known */
    for (uint32_t i = 0; i < len; i++)
        bytes[i] = tp_byte(iss + 1 + i);
    n = weft_sock_connect_send(t->sock, &server, bytes, len);
    expect_syn(t, n > 0 ? (uint32_t)n : 0);
    assert_int_equal(t->iss, iss);
    return n;
}

/* The SYN-ACK: acknowledges `ack`, gives a cookie of `cookie_len` bytes unless 0. */
static void peer_answers(struct tcp_peer *t, uint32_t ack, uint8_t cookie_len)
{
    struct wire_tcp_opts opts = tp_syn_options(t);

    opts.has_fast_open = cookie_len > 0;
    opts.cookie_len = cookie_len;
    memcpy(opts.cookie, cookie_bytes, cookie_len);
    tp_send(t, "SA", 0, ack, 0, &opts);
}

static bool shows_cookie(const struct tcp_peer *t, uint8_t len)
{
    return t->last.opts.has_fast_open && t->last.opts.cookie_len == len &&
           memcmp(t->last.opts.cookie, cookie_bytes, len) == 0;
}

/* A client that knows the server's cookie of 8 bytes. */
static struct tcp_peer *warm_client(const struct weft_tcp_config *config)
{
    struct tcp_peer *t = client(config);

    assert_int_equal(fast_connect(t, 100), WEFT_E_INPROGRESS);
    assert_true(t->last.opts.has_fast_open && t->last.opts.cookie_len == 0); /* asks for it (4.2.1) */
    peer_answers(t, 1, 8);
    we_send(t, "A", 1, 1, 0);
    return t;
}

/* 4.2.1, 4.2.2: first a cookie, then data with the SYN; the SYN-ACK acknowledges both. */
static void data_goes_with_the_syn(void **state)
{
    struct tcp_peer *t = warm_client(NULL);

    (void)state;
    assert_false(tp_info(t).syn_data);
    assert_int_equal(tp_info(t).fast_open, WEFT_TCP_FAST_OPEN_NO_COOKIE);
    assert_int_equal(fast_connect(t, 1000), 1000);
    assert_true(shows_cookie(t, 8));
    we_are(t, SYN_SENT);
    assert_int_equal(tp_info(t).fast_open, WEFT_TCP_FAST_OPEN_SENT);
    assert_int_equal(tp_info(t).unacked, 1001);
    peer_answers(t, 1001, 0);
    we_send(t, "A", 1001, 1, 0);
    we_are(t, ESTABLISHED);
    assert_true(tp_info(t).syn_data);
    assert_int_equal(tp_info(t).fast_open, WEFT_TCP_FAST_OPEN_TAKEN);
    assert_int_equal(tp_info(t).unacked, 0);
    assert_int_equal(tp_info(t).bytes_acked, 1000);
    assert_int_equal(tp_count(t, WEFT_COUNT_TCP_FAST_OPENS_ACTIVE), 1);
    we_write(t, 10);
    we_send(t, "PA", 1001, 1, 10);
    tcp_peer_end(t);
}

/* 4.1.3: no more data than the server's MSS of last time leaves beside options, nor than one segment of ours. */
static void the_servers_mss_bounds_the_data(void **state)
{
    struct tcp_peer *t = client(NULL);

    (void)state;
    t->setup.mss = 940;
    fast_connect(t, 0);
    peer_answers(t, 1, 8);
    t->setup.mss = 10000;
    assert_int_equal(fast_connect(t, 5000), 900);
    peer_answers(t, 901, 0); /* a new MSS, no new cookie */
    assert_int_equal(fast_connect(t, 5000), 1420);
    assert_true(shows_cookie(t, 8));
    tcp_peer_end(t);
}

/* 4.2.2: what the server does not acknowledge goes again with the first ACK. */
static void data_that_was_not_taken_goes_again(void **state)
{
    static const uint32_t acked[] = {0, 1, 300, 699};

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        struct tcp_peer *t = warm_client(NULL);

        assert_int_equal(fast_connect(t, 700), 700);
        peer_answers(t, 1 + acked[i], 8);
        we_send(t, "PA", 1 + acked[i], 1, 700 - acked[i]);
        we_send_nothing(t);
        assert_false(tp_info(t).syn_data);
        assert_int_equal(tp_info(t).fast_open, WEFT_TCP_FAST_OPEN_NOT_ACKED);
        assert_int_equal(tp_count(t, WEFT_COUNT_TCP_RETRANS_SEGS), 1);
        peer_sends(t, "A", 1, 701, 0);
        assert_int_equal(tp_info(t).unacked, 0);
        assert_int_equal(tp_info(t).recoveries, 0);
        /* The server gave a cookie: it only could not take this. */
        assert_int_equal(fast_connect(t, 700), 700);
        tcp_peer_end(t);
    }
}

/* A SYN with all the data that its options leave room for is not a small segment: what follows does not wait for
 * its acknowledgement (RFC 9293 3.7.4). */
static void a_full_syn_makes_nothing_wait(void **state)
{
    struct tcp_peer *t = warm_client(NULL);
    ptrdiff_t n = fast_connect(t, 5000);

    (void)state;
    assert_true(n > 0 && n < 5000);
    peer_answers(t, 1, 8);
    we_send(t, "PA", 1, 1, (uint32_t)n);
    we_write(t, 10);
    we_send(t, "PA", 1 + (uint32_t)n, 1, 10);
    tcp_peer_end(t);
}

/* RFC 9293 3.10.7.3 first: more than was sent. */
static void an_ack_beyond_the_data_is_reset(void **state)
{
    struct tcp_peer *t = warm_client(NULL);

    (void)state;
    assert_int_equal(fast_connect(t, 700), 700);
    peer_answers(t, 702, 0);
    we_send(t, "R", 702, 0, 0);
    we_are(t, SYN_SENT);
    assert_int_equal(fast_connect(t, 700), 700); /* and teaches nothing */
    tcp_peer_end(t);
}

/* 4.2.2: a SYN that is repeated carries neither data nor the option, and the data goes when the peer answers. */
static void a_repeated_syn_is_plain(void **state)
{
    struct tcp_peer *t = warm_client(NULL);

    (void)state;
    assert_int_equal(fast_connect(t, 700), 700);
    silence(t, WEFT_SEC);
    we_send(t, "S", 0, 0, 0);
    assert_false(t->last.opts.has_fast_open);
    assert_true(t->last.opts.has_mss);
    peer_answers(t, 1, 0);
    we_send(t, "PA", 1, 1, 700);
    assert_false(tp_info(t).syn_data);
    assert_int_equal(tp_info(t).fast_open, WEFT_TCP_FAST_OPEN_REPEATED);
    tcp_peer_end(t);
}

/* The first copy may be acknowledged after the second has gone. */
static void data_may_be_taken_although_the_syn_was_repeated(void **state)
{
    struct tcp_peer *t = warm_client(NULL);

    (void)state;
    assert_int_equal(fast_connect(t, 700), 700);
    silence(t, WEFT_SEC);
    we_send(t, "S", 0, 0, 0);
    peer_answers(t, 701, 0);
    we_send(t, "A", 701, 1, 0);
    assert_true(tp_info(t).syn_data);
    assert_int_equal(fast_connect(t, 700), 700);
    tcp_peer_end(t);
}

/* No fast open for `pause`, then again; the connection of the end has data in its SYN. */
static void is_paused_for(struct tcp_peer *t, weft_time pause)
{
    after(t, pause - 3 * WEFT_SEC);
    assert_int_equal(fast_connect(t, 100), WEFT_E_INPROGRESS);
    assert_false(t->last.opts.has_fast_open);
    after(t, 3 * WEFT_SEC);
    assert_int_equal(fast_connect(t, 100), 100);
}

/* 4.1.3.1: a path that swallows SYNs with data is left alone, twice as long each time. */
static void a_black_hole_is_remembered(void **state)
{
    struct tcp_peer *t = warm_client(NULL);

    (void)state;
    assert_int_equal(fast_connect(t, 700), 700);
    for (weft_time pause = 60 * WEFT_SEC; pause <= 240 * WEFT_SEC; pause *= 2) {
        after(t, WEFT_SEC);
        ignore_sent(t);
        peer_answers(t, 1, 0);
        is_paused_for(t, pause);
    }
    peer_answers(t, 101, 0); /* it works again: the next loss counts as the first */
    assert_int_equal(fast_connect(t, 100), 100);
    after(t, WEFT_SEC);
    ignore_sent(t);
    peer_answers(t, 1, 0);
    is_paused_for(t, 60 * WEFT_SEC);
    tcp_peer_end(t);
}

/* As a setting, a first loss may be like that of any SYN. */
static void a_first_loss_may_be_borne(void **state)
{
    struct tcp_peer *t = warm_client(&(struct weft_tcp_config){.fast_open_losses = 2});

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(fast_connect(t, 700), 700);
        after(t, WEFT_SEC);
        ignore_sent(t);
        peer_answers(t, 1, 0);
    }
    is_paused_for(t, 60 * WEFT_SEC);
    after(t, WEFT_SEC);
    ignore_sent(t);
    peer_answers(t, 1, 0);
    is_paused_for(t, 120 * WEFT_SEC);
    tcp_peer_end(t);
}

/* The same when no answer comes at all: the most important case (4.1.3.1). */
static void a_connection_that_times_out_is_remembered(void **state)
{
    struct tcp_peer *t = warm_client(&(struct weft_tcp_config){.syn_retries = 2});

    (void)state;
    assert_int_equal(fast_connect(t, 700), 700);
    after(t, 7 * WEFT_SEC);
    ignore_sent(t);
    assert_int_equal(weft_sock_error(t->sock), WEFT_E_TIMEDOUT);
    is_paused_for(t, 60 * WEFT_SEC);
    tcp_peer_end(t);
}

/* 4.1.3.1: a server that answers at once, without a cookie and without taking the data, does not want it. */
static void a_refusal_is_remembered(void **state)
{
    struct tcp_peer *t = warm_client(NULL);

    (void)state;
    assert_int_equal(fast_connect(t, 700), 700);
    peer_answers(t, 1, 0);
    is_paused_for(t, 60 * WEFT_SEC);
    peer_answers(t, 1, 0); /* a refusal is no loss: the pause is not longer */
    is_paused_for(t, 60 * WEFT_SEC);
    tcp_peer_end(t);
}

/* 4.1.3.1 does not count a request that gets no cookie among the negative responses: the next asks again. */
static void a_server_without_cookies_is_asked_again(void **state)
{
    struct tcp_peer *t = client(NULL);

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(fast_connect(t, 100), WEFT_E_INPROGRESS);
        assert_true(t->last.opts.has_fast_open && t->last.opts.cookie_len == 0);
        peer_answers(t, 1, 0);
    }
    tcp_peer_end(t);
}

/* 4.1.3.1: a part of the data acknowledged shows that the path carries it. */
static void a_part_acknowledged_is_no_refusal(void **state)
{
    struct tcp_peer *t = warm_client(NULL);

    (void)state;
    assert_int_equal(fast_connect(t, 700), 700);
    peer_answers(t, 101, 0);
    assert_int_equal(fast_connect(t, 700), 700);
    struct wire_tcp_opts opts = tp_syn_options(t);
    opts.mss = 500;
    tp_send(t, "SA", 0, 701, 0, &opts);
    assert_int_equal(tp_info(t).delivered_segs, 1); /* it was one, however large */
    tcp_peer_end(t);
}

/* 4.2.1: a request whose answer came only to the repeated SYN may have been lost like any SYN. */
static void a_lost_request_says_nothing(void **state)
{
    struct tcp_peer *t = client(NULL);

    (void)state;
    assert_int_equal(fast_connect(t, 100), WEFT_E_INPROGRESS);
    silence(t, WEFT_SEC);
    we_send(t, "S", 0, 0, 0);
    assert_false(t->last.opts.has_fast_open);
    peer_answers(t, 1, 0);
    assert_int_equal(fast_connect(t, 100), WEFT_E_INPROGRESS);
    assert_true(t->last.opts.has_fast_open);
    tcp_peer_end(t);
}

/* 4.1.1: cookies of 4 to 16 bytes, an even number; others are no cookies. The latest counts (4.1.3). */
static void cookies_of_every_legal_length_are_kept(void **state)
{
    (void)state;
    for (uint8_t len = 4; len <= 16; len = (uint8_t)(len + 2)) {
        struct tcp_peer *t = client(NULL);

        fast_connect(t, 0);
        peer_answers(t, 1, len);
        assert_int_equal(fast_connect(t, 10), 10);
        assert_true(shows_cookie(t, len));
        peer_answers(t, 11, 4);
        assert_int_equal(fast_connect(t, 10), 10);
        assert_true(shows_cookie(t, 4));
        struct wire_tcp_opts opts = tp_syn_options(t);
        opts.has_fast_open = true; /* nor is an empty one */
        tp_send(t, "SA", 0, 11, 0, &opts);
        assert_int_equal(fast_connect(t, 10), 10);
        assert_true(shows_cookie(t, 4));
        tcp_peer_end(t);
    }
}

static void a_cookie_that_nobody_asked_for_is_not_kept(void **state)
{
    struct tcp_peer *t = client(NULL);

    (void)state;
    t->sock = tp_open(t);
    assert_int_equal(weft_sock_connect(t->sock, &server), WEFT_E_INPROGRESS);
    expect_syn(t, 0);
    assert_false(t->last.opts.has_fast_open);
    peer_answers(t, 1, 8);
    assert_int_equal(fast_connect(t, 10), WEFT_E_INPROGRESS);
    tcp_peer_end(t);
}

/* Another server, and a port of this one that swallows SYNs, are cases of their own; a cookie is for all ports. */
static void a_cookie_is_for_a_server_a_pause_for_a_port(void **state)
{
    struct tcp_peer *t = warm_client(NULL);
    struct weft_endpoint elsewhere = server;
    struct weft_sock *sock;

    (void)state;
    assert_int_equal(fast_connect(t, 700), 700);
    after(t, WEFT_SEC);
    ignore_sent(t);
    peer_answers(t, 1, 0);
    ignore_sent(t);
    elsewhere.port++;
    assert_int_equal(weft_sock_open(t->stack, WEFT_SOCK_STREAM, &sock), 0);
    assert_int_equal(weft_sock_connect_send(sock, &elsewhere, "GET", 3), 3);
    weft_sock_abort(sock);
    elsewhere.addr.b[15]++;
    assert_int_equal(weft_sock_open(t->stack, WEFT_SOCK_STREAM, &sock), 0);
    assert_int_equal(weft_sock_connect_send(sock, &elsewhere, "GET", 3), WEFT_E_INPROGRESS);
    weft_sock_abort(sock);
    weft_stack_forget_fastopen(t->stack);
    assert_int_equal(fast_connect(t, 10), WEFT_E_INPROGRESS);
    assert_true(t->last.opts.has_fast_open && t->last.opts.cookie_len == 0);
    tcp_peer_end(t);
}

/* The table is bounded: a server that was asked long ago gives way. Its size is that of the beginning. */
static void the_table_of_servers_is_bounded(void **state)
{
    struct tcp_peer *t = warm_client(&(struct weft_tcp_config){.fast_open_peers = 4});

    (void)state;
    assert_int_equal(weft_stack_set_tcp(t->stack, &(struct weft_tcp_config){.fast_open_peers = 65536}), 0);
    assert_int_equal(fast_connect(t, 10), 10);
    weft_sock_abort(t->sock);
    t->sock = NULL;
    for (unsigned i = 0; i < 4; i++) {
        struct weft_endpoint other = server;
        struct weft_sock *sock;

        t->peer_addr.b[15] = (uint8_t)(10 + i);
        other.addr = t->peer_addr;
        after(t, WEFT_SEC);
        ignore_sent(t);
        assert_int_equal(weft_sock_open(t->stack, WEFT_SOCK_STREAM, &sock), 0);
        assert_int_equal(weft_sock_connect_send(sock, &other, "", 0), WEFT_E_INPROGRESS);
        tp_step(t);
        t->iss = t->segs[t->first].tcp.seq;
        uint16_t port = t->our_port;
        t->our_port = t->segs[t->first].tcp.src_port;
        peer_answers(t, 1, 8);
        t->our_port = port;
        weft_sock_abort(sock);
    }
    t->peer_addr = tp_peer;
    assert_int_equal(fast_connect(t, 10), WEFT_E_INPROGRESS);
    tcp_peer_end(t);
}

static void without_cookies_data_goes_at_once(void **state)
{
    struct tcp_peer *t = client(&(struct weft_tcp_config){.fast_open_send_without_cookie = true});

    (void)state;
    assert_int_equal(fast_connect(t, 5000), 1420);
    assert_false(t->last.opts.has_fast_open);
    peer_answers(t, 1421, 0);
    assert_true(tp_info(t).syn_data);
    tcp_peer_end(t);
}

static void fast_open_can_be_switched_off(void **state)
{
    struct tcp_peer *t =
        client(&(struct weft_tcp_config){.no_fast_open_connect = true, .no_fast_open_listen = true});

    (void)state;
    t->sock = tp_open(t);
    assert_int_equal(weft_sock_connect_send(t->sock, &server, "x", 1), WEFT_E_OPNOTSUPP);
    assert_int_equal(weft_sock_setopt(t->sock, WEFT_OPT_FASTOPEN_CONNECT, 1), WEFT_E_OPNOTSUPP);
    assert_int_equal(weft_sock_setopt(t->sock, WEFT_OPT_FASTOPEN, 5), WEFT_E_OPNOTSUPP);
    assert_int_equal(weft_sock_setopt(t->sock, WEFT_OPT_FASTOPEN, 0), 0);
    tcp_peer_end(t);
}

/* RFC 9293 3.10.7.3 fourth: data and FIN with the SYN-ACK are taken, as the server may send them (4.2.2 step 5). */
static void data_with_the_syn_ack_is_taken(void **state)
{
    struct tcp_peer *t = warm_client(NULL);
    struct wire_tcp_opts opts = tp_syn_options(t);

    (void)state;
    assert_int_equal(fast_connect(t, 100), 100);
    tp_send(t, "SA", 0, 101, 500, &opts);
    we_send(t, "A", 101, 501, 0);
    t->read_seq = t->irs + 1;
    we_read(t, 500);
    assert_int_equal(fast_connect(t, 100), 100);
    tp_send(t, "SFA", 0, 101, 500, &opts);
    we_send(t, "A", 101, 502, 0);
    we_are(t, CLOSE_WAIT);
    t->read_seq = t->irs + 1;
    we_read(t, 500);
    we_cannot_read(t, 0);
    tcp_peer_end(t);
}

/* 4.2.2: the SYNs of both cross. Data of the peer's SYN is not taken, ours may be. */
static void both_may_open_with_data(void **state)
{
    struct tcp_peer *t = warm_client(NULL);
    struct wire_tcp_opts opts = tp_syn_options(t);

    (void)state;
    assert_int_equal(fast_connect(t, 1000), 1000);
    opts.has_sack_permitted = true;
    tp_send(t, "S", 0, 0, 500, &opts);
    we_send(t, "SA", 0, 1, 0);
    assert_false(t->last.opts.has_fast_open);
    tp_send(t, "SA", 0, 1001, 0, &opts);
    we_send(t, "A", 1001, 1, 0); /* the peer's SYN came twice (RFC 2883) */
    assert_int_equal(t->last.opts.nsacks, 1);
    assert_int_equal(t->last.opts.sack[0].left, t->irs);
    assert_int_equal(t->last.opts.sack[0].right, t->irs + 1);
    we_are(t, ESTABLISHED);
    peer_sends(t, "PA", 1, 1001, 500);
    we_send(t, "A", 1001, 501, 0);
    tcp_peer_end(t);
}

/* A path that says it cannot carry so large a SYN: a plain one goes at once, with what we can take now. */
static void a_syn_that_is_too_big_goes_again_plain(void **state)
{
    struct tcp_peer *t = warm_client(NULL);

    (void)state;
    assert_int_equal(fast_connect(t, 1000), 1000);
    peer_sends_icmp(t, 3, 4, 800, 0);
    we_send(t, "S", 0, 0, 0);
    assert_int_equal(t->last.opts.mss, 760);
    assert_false(t->last.opts.has_fast_open);
    peer_answers(t, 1, 0);
    we_send(t, "A", 1, 1, 760);
    we_send(t, "PA", 761, 1, 240);
    tcp_peer_end(t);
}

/* --- Connecting later (TCP_FASTOPEN_CONNECT) ---------------------------------------------------- */

static struct tcp_peer *deferred(struct tcp_peer *t)
{
    weft_sock_abort(t->sock);
    tp_step(t);
    after(t, WEFT_SEC);
    ignore_sent(t);
    assert_int_equal(weft_sock_open(t->stack, WEFT_SOCK_STREAM, &t->sock), 0);
    assert_int_equal(weft_sock_bind(t->sock, &(struct weft_endpoint){tp_us, t->our_port}), 0);
    assert_int_equal(weft_sock_setopt(t->sock, WEFT_OPT_FASTOPEN_CONNECT, 1), 0);
    t->heard = 0;
    return t;
}

static void connect_waits_for_the_first_write(void **state)
{
    struct tcp_peer *t = deferred(warm_client(NULL));
    struct weft_endpoint remote;

    (void)state;
    assert_int_equal(weft_sock_connect(t->sock, &server), 0);
    tp_step(t);
    we_send_nothing(t);
    we_hear(t, WEFT_WRITABLE);
    assert_int_equal(weft_sock_connect(t->sock, &server), WEFT_E_ISCONN);
    we_cannot_read(t, WEFT_E_AGAIN);
    weft_sock_remote(t->sock, &remote);
    assert_true(weft_addr_eq(&remote.addr, &server.addr) && remote.port == server.port);
    struct tcp_tuple tuple = {tp_us, t->peer_addr, t->our_port, t->peer_port};
    t->write_seq = tcp_demux_isn(tp_tcp(t), &tuple).n + 1;
    assert_int_equal(tp_write(t, 300, 0), 300);
    expect_syn(t, 300);
    assert_true(shows_cookie(t, 8));
    assert_int_equal(weft_sock_connect(t->sock, &server), WEFT_E_ALREADY);
    assert_int_equal(tp_write(t, 300, 0), WEFT_E_AGAIN);
    peer_answers(t, 301, 0);
    assert_true(tp_info(t).syn_data);
    tcp_peer_end(t);
}

/* A SYN cannot say that its data is urgent: then it goes without, and the write waits. */
static void urgent_data_does_not_go_with_the_syn(void **state)
{
    struct tcp_peer *t = deferred(warm_client(NULL));

    (void)state;
    assert_int_equal(weft_sock_connect(t->sock, &server), 0);
    assert_int_equal(tp_write(t, 300, WEFT_SEND_URGENT), WEFT_E_AGAIN);
    expect_syn(t, 0);
    peer_answers(t, 1, 0);
    we_send(t, "A", 1, 1, 0);
    we_hear(t, WEFT_WRITABLE);
    assert_int_equal(tp_write(t, 300, WEFT_SEND_URGENT), 300);
    tp_step(t);
    we_send(t, "PAU", 1, 1, 300);
    tcp_peer_end(t);
}

static void connect_does_not_wait_without_a_cookie(void **state)
{
    struct tcp_peer *t = deferred(client(NULL));

    (void)state;
    assert_int_equal(weft_sock_connect(t->sock, &server), WEFT_E_INPROGRESS);
    expect_syn(t, 0);
    assert_true(t->last.opts.has_fast_open && t->last.opts.cookie_len == 0);
    tcp_peer_end(t);
}

static void a_deferred_connect_can_be_given_up_or_made_plain(void **state)
{
    struct tcp_peer *t = deferred(warm_client(NULL));

    (void)state;
    assert_int_equal(weft_sock_connect(t->sock, &server), 0);
    assert_int_equal(weft_sock_setopt(t->sock, WEFT_OPT_FASTOPEN_CONNECT, 0), WEFT_E_INVAL);
    we_close(t);
    we_send_nothing(t);
    deferred(t);
    assert_int_equal(weft_sock_connect(t->sock, &server), 0);
    assert_int_equal(tp_write(t, 0, 0), WEFT_E_INPROGRESS);
    expect_syn(t, 0);
    assert_true(shows_cookie(t, 8));
    deferred(t);
    assert_int_equal(weft_sock_connect(t->sock, &server), 0);
    struct weft_block *block = weft_block_new(t->pool, WEFT_BLOCK_LARGE);
    assert_int_equal(weft_sock_send_block(t->sock, block, 0, 10), WEFT_E_AGAIN);
    weft_block_unref(block);
    expect_syn(t, 0);
    tcp_peer_end(t);
}

/* --- The side that listens -------------------------------------------------------------------------- */

/* A listener that takes `queue` fast opens. */
static struct tcp_peer *listening(const struct weft_tcp_config *config, unsigned queue)
{
    struct tcp_peer_setup setup = {.sack = true};
    struct tcp_peer *t;

    if (config)
        setup.tcp = *config;
    t = tcp_peer_listening(&setup, 0);
    if (queue > 0)
        assert_int_equal(weft_sock_setopt(t->listener, WEFT_OPT_FASTOPEN, queue), 0);
    t->loose = true;
    return t;
}

/* A SYN of the peer's with `len` bytes and these options; our answer's number counts from now on. */
static void fast_syn(struct tcp_peer *t, uint32_t len, struct wire_tcp_opts opts)
{
    t->read_seq = t->irs + 1;
    ignore_sent(t);
    tp_send(t, "S", 0, 0, len, &opts);
    TP_CHECK(t, t->count > 0);
    struct tp_seg *answer = &t->segs[t->first];
    t->iss = answer->tcp.seq;
    t->write_seq = t->iss + 1;
    for (unsigned i = 0; i < t->count; i++)
        t->segs[t->first + i].seq = t->segs[t->first + i].tcp.seq - t->iss;
}

static struct wire_tcp_opts with_cookie(const struct tcp_peer *t, const struct wire_tcp_opts *from)
{
    struct wire_tcp_opts opts = tp_syn_options(t);

    opts.has_fast_open = true;
    if (from) {
        opts.cookie_len = from->cookie_len;
        memcpy(opts.cookie, from->cookie, from->cookie_len);
    }
    return opts;
}

/* The cookie that the listener gives this peer. */
static struct wire_tcp_opts learn(struct tcp_peer *t)
{
    fast_syn(t, 0, with_cookie(t, NULL));
    we_send(t, "SA", 0, 1, 0);
    assert_true(t->last.opts.has_fast_open && t->last.opts.cookie_len == 8);
    peer_sends(t, "R", 1, 0, 0);
    return with_cookie(t, &t->last.opts);
}

/* What we write before the handshake is complete may be too large for the path: it goes again in smaller segments,
 * and our SYN, which is out as well, stays what it is. */
static void what_is_written_early_may_be_too_big(void **state)
{
    (void)state;
    for (uint32_t quoted = 0; quoted < 2; quoted++) {
        struct tcp_peer *t = listening(NULL, 5);

        fast_syn(t, 10, learn(t));
        we_send(t, "SA", 0, 11, 0);
        tp_accept(t);
        we_read(t, 10);
        we_write(t, 2000);
        ignore_sent(t);
        peer_sends_icmp(t, 3, 4, 640, quoted);
        for (unsigned i = 0; i < 4; i++)
            we_send(t, i < 3 ? "A" : "PA", 1 + 600 * i, 11, i < 3 ? 600 : 200);
        we_send_nothing(t);
        peer_sends(t, "A", 11, 2001, 0);
        we_are(t, ESTABLISHED);
        tcp_peer_end(t);
    }
}

/* A SYN may carry more than the window that answers it: what lies behind that is not taken, and comes again. */
static void data_behind_the_window_is_not_taken(void **state)
{
    struct tcp_peer *t = listening(&(struct weft_tcp_config){.receive_buffer = 4096}, 5);

    (void)state;
    fast_syn(t, 6000, learn(t));
    we_send(t, "SA", 0, 4097, 0);
    tp_accept(t);
    assert_false(tp_info(t).syn_data);
    we_read(t, 4096);
    we_send(t, "A", 1, 4097, 0); /* there is room again, for a peer that has the SYN-ACK */
    assert_int_equal(t->last.tcp.window, 4096);
    peer_sends(t, "A", 4097, 1, 1904);
    we_send(t, "A", 1, 6001, 0);
    we_read(t, 1904);
    tcp_peer_end(t);
}

/* 4.2.2: the data is acknowledged and can be read, and an answer written, before the handshake is complete. */
static void data_in_a_syn_is_taken(void **state)
{
    struct tcp_peer *t = listening(NULL, 5);
    struct wire_tcp_opts opts = learn(t);

    (void)state;
    fast_syn(t, 700, opts);
    we_send(t, "SA", 0, 701, 0);
    assert_false(t->last.opts.has_fast_open);
    assert_true(t->last.opts.has_sack_permitted);
    assert_int_equal(t->listener_heard & WEFT_READABLE, WEFT_READABLE);
    tp_accept(t);
    we_are(t, SYN_RECEIVED);
    assert_true(tp_info(t).syn_data);
    assert_int_equal(tp_info(t).fast_open, WEFT_TCP_FAST_OPEN_ACCEPTED);
    assert_int_equal(tp_info(t).delivered_segs, 0);
    assert_int_equal(tp_count(t, WEFT_COUNT_TCP_FAST_OPENS_PASSIVE), 1);
    we_read(t, 700);
    we_write(t, 100);
    we_send(t, "PA", 1, 701, 100);
    peer_sends(t, "A", 701, 1, 0);
    we_are(t, ESTABLISHED);
    assert_int_equal(tp_info(t).delivered_segs, 1);
    peer_sends(t, "PA", 701, 101, 50);
    we_send(t, "A", 101, 751, 0);
    we_read(t, 50);
    assert_int_equal(tp_info(t).unacked, 0);
    tcp_peer_end(t);
}

/* 4.2.2 step 6: the initial window is that of any connection. */
static void the_answer_has_a_whole_initial_window(void **state)
{
    struct tcp_peer *t = listening(NULL, 5);

    (void)state;
    fast_syn(t, 10, learn(t));
    we_send(t, "SA", 0, 11, 0);
    tp_accept(t);
    we_write(t, 20000);
    for (unsigned i = 0; i < 10; i++)
        we_send(t, "A", 1 + 1000 * i, 11, 1000);
    we_send_nothing(t);
    tcp_peer_end(t);
}

/* The window of a SYN, which acknowledges nothing, is all for data: our own SYN does not count. */
static void the_window_of_a_syn_is_for_data(void **state)
{
    struct tcp_peer *t = listening(NULL, 5);
    struct wire_tcp_opts opts = learn(t);

    (void)state;
    t->window = 3000;
    fast_syn(t, 10, opts);
    we_send(t, "SA", 0, 11, 0);
    tp_accept(t);
    we_write(t, 4000);
    for (unsigned i = 0; i < 3; i++)
        we_send(t, "A", 1 + 1000 * i, 11, 1000);
    we_send_nothing(t);
    peer_sends(t, "A", 11, 1, 0); /* this one does */
    we_send_nothing(t);
    tcp_peer_end(t);
}

/* The connection is made even when the SYN carries nothing: the cookie shows that the peer is there. */
static void a_syn_with_a_cookie_alone_opens(void **state)
{
    struct tcp_peer *t = listening(NULL, 5);

    (void)state;
    fast_syn(t, 0, learn(t));
    we_send(t, "SA", 0, 1, 0);
    tp_accept(t);
    assert_false(tp_info(t).syn_data);
    we_write(t, 100);
    we_send(t, "PA", 1, 1, 100);
    tcp_peer_end(t);
}

/* 4.1.2: a cookie is for one client; a wrong one opens like any SYN, and the right one is given. */
static void a_wrong_cookie_opens_nothing(void **state)
{
    struct tcp_peer *t = listening(NULL, 5);
    struct wire_tcp_opts opts = learn(t), wrong = opts;

    (void)state;
    for (unsigned i = 0; i < 64; i++) {
        wrong = opts;
        wrong.cookie[i / 8] ^= (uint8_t)(1u << i % 8);
        t->peer_port = (uint16_t)(20000 + i);
        fast_syn(t, 100, wrong);
        we_send(t, "SA", 0, 1, 0);
        assert_true(t->last.opts.has_fast_open);
        assert_memory_equal(t->last.opts.cookie, opts.cookie, 8);
        peer_sends(t, "R", 1, 0, 0);
    }
    t->peer_addr.b[15]++;
    fast_syn(t, 100, opts);
    we_send(t, "SA", 0, 1, 0);
    assert_memory_not_equal(t->last.opts.cookie, opts.cookie, 8);
    assert_int_equal(tp_count(t, WEFT_COUNT_TCP_FAST_OPEN_WRONG_COOKIES), 65);
    assert_int_equal(tp_count(t, WEFT_COUNT_TCP_FAST_OPENS_PASSIVE), 0);
    tcp_peer_end(t);
}

/* 4.2: off unless the application switches it on; then cookie options are ignored altogether. */
static void it_is_off_at_first(void **state)
{
    struct tcp_peer *t = listening(NULL, 0);

    (void)state;
    fast_syn(t, 100, with_cookie(t, NULL));
    we_send(t, "SA", 0, 1, 0);
    assert_false(t->last.opts.has_fast_open);
    tcp_peer_end(t);
    t = listening(&(struct weft_tcp_config){.fast_open_all_listeners = true}, 0);
    learn(t);
    tcp_peer_end(t);
    t = listening(&(struct weft_tcp_config){.fast_open_all_listeners = true, .no_fast_open_listen = true}, 0);
    fast_syn(t, 100, with_cookie(t, NULL));
    we_send(t, "SA", 0, 1, 0);
    assert_false(t->last.opts.has_fast_open);
    tcp_peer_end(t);
}

/* 4.2, 5.1: beyond the limit SYNs open like any; an ACK makes room. */
static void pending_fast_opens_are_bounded(void **state)
{
    struct tcp_peer *t = listening(NULL, 2);
    struct wire_tcp_opts opts = learn(t);
    uint32_t iss;

    (void)state;
    t->peer_port = 2001;
    fast_syn(t, 10, opts);
    we_send(t, "SA", 0, 11, 0);
    iss = t->iss;
    t->peer_port = 2002;
    fast_syn(t, 10, opts);
    we_send(t, "SA", 0, 11, 0);
    t->peer_port = 2003;
    fast_syn(t, 10, opts);
    we_send(t, "SA", 0, 1, 0);
    assert_false(t->last.opts.has_fast_open);
    assert_int_equal(tp_count(t, WEFT_COUNT_TCP_FAST_OPEN_LIMITED), 1);
    tp_accept(t); /* that it is accepted does not make room */
    t->peer_port = 2004;
    fast_syn(t, 10, opts);
    we_send(t, "SA", 0, 1, 0);
    t->peer_port = 2001;
    t->iss = iss;
    peer_sends(t, "A", 11, 1, 0);
    t->peer_port = 2005;
    fast_syn(t, 10, opts);
    we_send(t, "SA", 0, 11, 0);
    tcp_peer_end(t);
}

/* 5.1: one that is reset counts for a minute more: RSTs of hosts that did not ask must not fuel a flood. */
static void a_reset_does_not_make_room_at_once(void **state)
{
    struct tcp_peer *t = listening(NULL, 1);
    struct wire_tcp_opts opts = learn(t);

    (void)state;
    fast_syn(t, 10, opts);
    we_send(t, "SA", 0, 11, 0);
    peer_sends(t, "R", 11, 0, 0);
    t->peer_port++;
    fast_syn(t, 10, opts);
    we_send(t, "SA", 0, 1, 0);
    after(t, 60 * WEFT_SEC);
    t->peer_port++;
    fast_syn(t, 10, opts);
    we_send(t, "SA", 0, 11, 0);
    tcp_peer_end(t);
}

/* What a peer sent before its RST can be read, by who accepts it then. */
static void data_before_a_reset_can_be_accepted_and_read(void **state)
{
    struct tcp_peer *t = listening(NULL, 5);

    (void)state;
    fast_syn(t, 10, learn(t));
    we_send(t, "SA", 0, 11, 0);
    peer_sends(t, "R", 11, 0, 0);
    tp_accept(t);
    we_are(t, CLOSED);
    we_read(t, 10);
    we_cannot_read(t, WEFT_E_CONNRESET);
    assert_int_equal(tp_write(t, 1, 0), WEFT_E_CONNRESET);
    tcp_peer_end(t);
}

/* 4.2.2: the SYN-ACK is repeated with neither data nor the option, and acknowledges what it did. */
static void the_syn_ack_is_repeated(void **state)
{
    struct tcp_peer *t = listening(NULL, 5);

    (void)state;
    fast_syn(t, 10, learn(t));
    we_send(t, "SA", 0, 11, 0);
    tp_accept(t);
    silence(t, WEFT_SEC);
    we_send(t, "SA", 0, 11, 0);
    assert_false(t->last.opts.has_fast_open);
    after(t, 100 * WEFT_MSEC);
    peer_sends_syn(t, "S", 0, 0); /* the client repeats its SYN, plain */
    we_send(t, "SA", 0, 11, 0);
    peer_sends(t, "A", 11, 1, 0);
    we_are(t, ESTABLISHED);
    we_send_nothing(t);
    tcp_peer_end(t);
}

static void a_fast_open_that_nobody_completes_is_given_up(void **state)
{
    struct tcp_peer *t = listening(&(struct weft_tcp_config){.syn_ack_retries = 2}, 1);
    struct wire_tcp_opts opts = learn(t);

    (void)state;
    fast_syn(t, 10, opts);
    tp_accept(t);
    after(t, 7 * WEFT_SEC);
    assert_int_equal(weft_sock_error(t->sock), WEFT_E_TIMEDOUT);
    t->peer_port++;
    fast_syn(t, 10, opts);
    we_send(t, "SA", 0, 11, 0); /* there is room again */
    tcp_peer_end(t);
}

/* A cookie request of a repeated SYN-ACK: without (4.2.1). */
static void a_repeated_syn_ack_gives_no_cookie(void **state)
{
    struct tcp_peer *t = listening(NULL, 5);

    (void)state;
    fast_syn(t, 0, with_cookie(t, NULL));
    we_send(t, "SA", 0, 1, 0);
    assert_true(t->last.opts.has_fast_open);
    silence(t, WEFT_SEC);
    we_send(t, "SA", 0, 1, 0);
    assert_false(t->last.opts.has_fast_open);
    tcp_peer_end(t);
}

/* FIN of ours and of the peer's before the handshake is complete. */
static void closing_waits_for_the_handshake(void **state)
{
    struct tcp_peer *t = listening(NULL, 5);
    struct wire_tcp_opts opts = learn(t);

    (void)state;
    fast_syn(t, 10, opts);
    we_send(t, "SA", 0, 11, 0);
    tp_accept(t);
    we_read(t, 10);
    we_close(t);
    we_send_nothing(t);
    peer_sends(t, "A", 11, 1, 0);
    we_send(t, "FA", 1, 11, 0);
    we_are(t, FIN_WAIT_1);
    t->peer_port++;
    fast_syn(t, 10, opts);
    we_send(t, "SA", 0, 11, 0);
    peer_sends(t, "FA", 11, 1, 0);
    we_send(t, "A", 1, 12, 0);
    tp_accept(t);
    we_are(t, CLOSE_WAIT);
    we_read(t, 10);
    we_cannot_read(t, 0);
    tcp_peer_end(t);
}

/* Closing with data unread, and closing the listener: RST. */
static void closing_without_reading_resets(void **state)
{
    struct tcp_peer *t = listening(NULL, 5);
    struct wire_tcp_opts opts = learn(t);

    (void)state;
    fast_syn(t, 10, opts);
    we_send(t, "SA", 0, 11, 0);
    tp_accept(t);
    we_close(t);
    we_send(t, "RA", 1, 11, 0);
    t->peer_port++;
    fast_syn(t, 10, opts);
    we_send(t, "SA", 0, 11, 0);
    t->peer_port++;
    fast_syn(t, 10, opts);
    we_send(t, "SA", 0, 11, 0);
    tp_accept(t); /* the elder; it outlives its listener */
    weft_sock_close(t->listener);
    t->listener = NULL;
    tp_step(t);
    we_send(t, "RA", 1, 11, 0);
    t->peer_port--;
    we_read(t, 10);
    weft_sock_abort(t->sock);
    t->sock = NULL;
    tp_step(t);
    ignore_sent(t);
    tcp_peer_end_quiet(t);
}

/* Without cookies, where that is configured or asked for: data alone opens. */
static void data_without_a_cookie_is_taken_where_that_is_asked_for(void **state)
{
    struct tcp_peer *t = listening(NULL, 5);

    (void)state;
    fast_syn(t, 10, tp_syn_options(t));
    we_send(t, "SA", 0, 1, 0);
    t->peer_port++;
    assert_int_equal(weft_sock_setopt(t->listener, WEFT_OPT_FASTOPEN_NO_COOKIE, 1), 0);
    fast_syn(t, 10, tp_syn_options(t));
    we_send(t, "SA", 0, 11, 0);
    t->peer_port++;
    fast_syn(t, 0, tp_syn_options(t)); /* without data it is a SYN like any other */
    we_send(t, "SA", 0, 1, 0);
    assert_int_equal(tp_count(t, WEFT_COUNT_TCP_FAST_OPENS_PASSIVE), 1);
    tcp_peer_end(t);
    t = listening(&(struct weft_tcp_config){.fast_open_take_without_cookie = true}, 5);
    fast_syn(t, 10, tp_syn_options(t));
    we_send(t, "SA", 0, 11, 0);
    tcp_peer_end(t);
}

/* 4.1.2: keys. The cookie is what the Linux kernel would make of its key a0bf63f7-ed803d81-cd641d30-cebc4a90 for
 * 10.0.0.2 and 10.0.0.1. */
static void keys_can_be_set_and_replaced(void **state)
{
    static const uint8_t linux_key[16] = {0xf7, 0x63, 0xbf, 0xa0, 0x81, 0x3d, 0x80, 0xed,
                                          0x30, 0x1d, 0x64, 0xcd, 0x90, 0x4a, 0xbc, 0xce};
    static const uint8_t known[8] = {0x65, 0xc5, 0xdf, 0x19, 0xcf, 0x62, 0x3e, 0x15};
    struct tcp_peer *t = listening(NULL, 5);
    struct wire_tcp_opts first, second;
    uint8_t both[32] = {1, 2, 3};

    (void)state;
    assert_int_equal(weft_stack_set_fastopen_key(t->stack, linux_key, 15), WEFT_E_INVAL);
    assert_int_equal(weft_stack_set_fastopen_key(t->stack, linux_key, 16), 0);
    first = learn(t);
    assert_memory_equal(first.cookie, known, 8);
    memcpy(both + 16, linux_key, 16);
    assert_int_equal(weft_sock_set_fastopen_key(t->listener, both, 0), WEFT_E_INVAL);
    assert_int_equal(weft_sock_set_fastopen_key(t->listener, both, 32), 0);
    second = learn(t);
    assert_memory_not_equal(first.cookie, second.cookie, 8);
    t->peer_port++;
    fast_syn(t, 10, first); /* by the second key: taken, and a new one given */
    we_send(t, "SA", 0, 11, 0);
    assert_true(t->last.opts.has_fast_open);
    assert_memory_equal(t->last.opts.cookie, second.cookie, 8);
    t->peer_port++;
    fast_syn(t, 10, second);
    we_send(t, "SA", 0, 11, 0);
    assert_false(t->last.opts.has_fast_open);
    assert_int_equal(weft_sock_set_fastopen_key(t->listener, both, 16), 0);
    t->peer_port++;
    fast_syn(t, 10, first); /* its key is gone */
    we_send(t, "SA", 0, 1, 0);
    tcp_peer_end(t);
}

/* --- The experimental option -------------------------------------------------------------------------- */

static void the_experimental_option_is_known_where_configured(void **state)
{
    struct tcp_peer *t = listening(&(struct weft_tcp_config){.fast_open_experimental = true}, 5);
    struct wire_tcp_opts opts = with_cookie(t, NULL);

    (void)state;
    opts.fast_open_is_experimental = true;
    fast_syn(t, 0, opts);
    we_send(t, "SA", 0, 1, 0);
    assert_true(t->last.opts.has_fast_open && t->last.opts.fast_open_is_experimental);
    opts = with_cookie(t, &t->last.opts);
    opts.fast_open_is_experimental = true;
    t->peer_port++;
    fast_syn(t, 10, opts);
    we_send(t, "SA", 0, 11, 0);
    tcp_peer_end(t);
    t = listening(NULL, 5);
    fast_syn(t, 10, opts);
    we_send(t, "SA", 0, 1, 0);
    assert_false(t->last.opts.has_fast_open);
    tcp_peer_end(t);
}

/* A server that gave no cookie for kind 34 is asked once in the old form, then as before. */
static void the_experimental_option_is_tried_once(void **state)
{
    struct tcp_peer *t = client(&(struct weft_tcp_config){.fast_open_experimental = true});
    bool experimental[] = {false, true, false, false};

    (void)state;
    fast_connect(t, 10);
    after(t, WEFT_SEC); /* a request that was lost is not one that was refused */
    ignore_sent(t);
    peer_answers(t, 1, 0);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(fast_connect(t, 10), WEFT_E_INPROGRESS);
        assert_true(t->last.opts.has_fast_open);
        assert_int_equal(t->last.opts.fast_open_is_experimental, experimental[i]);
        peer_answers(t, 1, 0);
    }
    weft_stack_forget_fastopen(t->stack);
    fast_connect(t, 10);
    peer_answers(t, 1, 0);
    fast_connect(t, 10);
    struct wire_tcp_opts opts = tp_syn_options(t);
    opts.has_fast_open = opts.fast_open_is_experimental = true;
    opts.cookie_len = 8;
    memcpy(opts.cookie, cookie_bytes, 8);
    tp_send(t, "SA", 0, 1, 0, &opts);
    assert_int_equal(fast_connect(t, 10), 10);
    assert_true(shows_cookie(t, 8) && t->last.opts.fast_open_is_experimental);
    peer_answers(t, 11, 4); /* a cookie in the new form replaces it */
    assert_int_equal(fast_connect(t, 10), 10);
    assert_true(shows_cookie(t, 4) && !t->last.opts.fast_open_is_experimental);
    tcp_peer_end(t);
}

/* --- Timestamps of a SYN-ACK -------------------------------------------------------------------------- */

/* A SYN-ACK that echoes what we have not sent in this connection is not for it. */
static void a_syn_ack_with_a_foreign_echo_is_reset(void **state)
{
    struct tcp_peer *t = tcp_peer_syn_sent(&(struct tcp_peer_setup){.timestamps = true});

    (void)state;
    after(t, 500 * WEFT_MSEC);
    t->tsecr -= 1;
    peer_sends_syn(t, "SA", 0, 1);
    we_send(t, "R", 1, 0, 0);
    t->tsecr += 502;
    peer_sends_syn(t, "SA", 0, 1);
    we_send(t, "R", 1, 0, 0);
    assert_int_equal(tp_drops(t, WEFT_DROP_TCP_ECHO), 2);
    we_are(t, SYN_SENT);
    t->tsecr -= 501;
    peer_sends_syn(t, "SA", 0, 1);
    we_are(t, ESTABLISHED);
    tcp_peer_end(t);
    t = tcp_peer_syn_sent(&(struct tcp_peer_setup){.timestamps = true});
    t->tsecr = 0; /* a peer that cannot echo is believed */
    peer_sends_syn(t, "SA", 0, 1);
    we_are(t, ESTABLISHED);
    tcp_peer_end(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(data_goes_with_the_syn),
        cmocka_unit_test(the_servers_mss_bounds_the_data),
        cmocka_unit_test(data_that_was_not_taken_goes_again),
        cmocka_unit_test(a_full_syn_makes_nothing_wait),
        cmocka_unit_test(an_ack_beyond_the_data_is_reset),
        cmocka_unit_test(a_repeated_syn_is_plain),
        cmocka_unit_test(data_may_be_taken_although_the_syn_was_repeated),
        cmocka_unit_test(a_black_hole_is_remembered),
        cmocka_unit_test(a_first_loss_may_be_borne),
        cmocka_unit_test(a_connection_that_times_out_is_remembered),
        cmocka_unit_test(a_refusal_is_remembered),
        cmocka_unit_test(a_server_without_cookies_is_asked_again),
        cmocka_unit_test(a_part_acknowledged_is_no_refusal),
        cmocka_unit_test(a_lost_request_says_nothing),
        cmocka_unit_test(cookies_of_every_legal_length_are_kept),
        cmocka_unit_test(a_cookie_that_nobody_asked_for_is_not_kept),
        cmocka_unit_test(a_cookie_is_for_a_server_a_pause_for_a_port),
        cmocka_unit_test(the_table_of_servers_is_bounded),
        cmocka_unit_test(without_cookies_data_goes_at_once),
        cmocka_unit_test(fast_open_can_be_switched_off),
        cmocka_unit_test(data_with_the_syn_ack_is_taken),
        cmocka_unit_test(both_may_open_with_data),
        cmocka_unit_test(a_syn_that_is_too_big_goes_again_plain),
        cmocka_unit_test(connect_waits_for_the_first_write),
        cmocka_unit_test(urgent_data_does_not_go_with_the_syn),
        cmocka_unit_test(connect_does_not_wait_without_a_cookie),
        cmocka_unit_test(a_deferred_connect_can_be_given_up_or_made_plain),
        cmocka_unit_test(data_in_a_syn_is_taken),
        cmocka_unit_test(data_behind_the_window_is_not_taken),
        cmocka_unit_test(what_is_written_early_may_be_too_big),
        cmocka_unit_test(the_answer_has_a_whole_initial_window),
        cmocka_unit_test(the_window_of_a_syn_is_for_data),
        cmocka_unit_test(a_syn_with_a_cookie_alone_opens),
        cmocka_unit_test(a_wrong_cookie_opens_nothing),
        cmocka_unit_test(it_is_off_at_first),
        cmocka_unit_test(pending_fast_opens_are_bounded),
        cmocka_unit_test(a_reset_does_not_make_room_at_once),
        cmocka_unit_test(data_before_a_reset_can_be_accepted_and_read),
        cmocka_unit_test(the_syn_ack_is_repeated),
        cmocka_unit_test(a_fast_open_that_nobody_completes_is_given_up),
        cmocka_unit_test(a_repeated_syn_ack_gives_no_cookie),
        cmocka_unit_test(closing_waits_for_the_handshake),
        cmocka_unit_test(closing_without_reading_resets),
        cmocka_unit_test(data_without_a_cookie_is_taken_where_that_is_asked_for),
        cmocka_unit_test(keys_can_be_set_and_replaced),
        cmocka_unit_test(the_experimental_option_is_known_where_configured),
        cmocka_unit_test(the_experimental_option_is_tried_once),
        cmocka_unit_test(a_syn_ack_with_a_foreign_echo_is_reset),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
