/* SPDX-License-Identifier: MIT */
/* The MD5 signature option: RFC 2385. The test computes digests by itself, from the RFC's text. */
#include "tcp_peer.h"

#include <nettle/md5.h>

#include <weft/loop.h>

#define KEY "sesame, open"

static const struct weft_prefix peer_only = {{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 2}}, 32};
static const struct weft_prefix network = {{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 77}}, 24};

static unsigned verified;

/* 2.0: pseudo-header, header without options and with checksum zero, data, key. */
static void digest(const struct weft_addr *src, const struct weft_addr *dst, const uint8_t *bytes,
                   uint32_t header_len, uint32_t total, uint8_t out[16])
{
    uint8_t pseudo[12], header[20];
    struct md5_ctx ctx;

    memcpy(pseudo, src->b + 12, 4);
    memcpy(pseudo + 4, dst->b + 12, 4);
    pseudo[8] = 0;
    pseudo[9] = 6;
    put_be16(pseudo + 10, (uint16_t)total);
    memcpy(header, bytes, 20);
    header[16] = header[17] = 0;
    md5_init(&ctx);
    md5_update(&ctx, 12, pseudo);
    md5_update(&ctx, 20, header);
    md5_update(&ctx, total - header_len, bytes + header_len);
    md5_update(&ctx, sizeof(KEY) - 1, (const uint8_t *)KEY);
    md5_digest(&ctx, 16, out);
}

/* Where the digest stands in a segment's options; NULL: it has none. */
static const uint8_t *signature(const uint8_t *bytes, uint32_t header_len)
{
    struct wire_tcp_opts opts;

    assert_true(wire_tcp_opts_parse(bytes + 20, header_len - 20, &opts));
    return opts.has_md5 ? opts.md5 : NULL;
}

static void sign(const struct tcp_peer *t, uint8_t *bytes, uint32_t header_len, uint32_t total)
{
    const uint8_t *at = signature(bytes, header_len);

    assert_non_null(at);
    digest(&t->peer_addr, &t->our_addr, bytes, header_len, total, bytes + (at - bytes));
}

static void sign_wrong(const struct tcp_peer *t, uint8_t *bytes, uint32_t header_len, uint32_t total)
{
    sign(t, bytes, header_len, total);
    bytes[signature(bytes, header_len) - bytes + 15] ^= 1;
}

static void verify(struct tcp_peer *t, const uint8_t *bytes, uint32_t header_len, uint32_t total)
{
    uint8_t right[16];
    const uint8_t *at = signature(bytes, header_len);

    TP_CHECK(t, at != NULL);
    digest(&tp_us, &t->peer_addr, bytes, header_len, total, right);
    TP_CHECK(t, memcmp(at, right, 16) == 0);
    verified++;
}

static void set_key(struct weft_sock *sock)
{
    assert_int_equal(weft_stack_set_md5_key(weft_sock_stack(sock), &peer_only, 0, KEY, sizeof(KEY) - 1), 0);
}

static struct tcp_peer_setup signed_setup(void)
{
    return (struct tcp_peer_setup){.tcp = {.crypto = weft_host_tcp_crypto()},
                                   .prepare = set_key,
                                   .sack = true,
                                   .timestamps = true,
                                   .wscale = true,
                                   .shift = 7,
                                   .mss = 1460};
}

/* We listen, and both ends have the key. */
static struct tcp_peer *listening(void)
{
    struct tcp_peer_setup setup = signed_setup();
    struct tcp_peer *t = tcp_peer_listening(&setup, 0);

    t->sign = sign;
    t->verify = verify;
    verified = 0;
    return t;
}

static struct tcp_peer *established(void)
{
    struct tcp_peer *t = listening();

    peer_sends_syn(t, "S", 0, 0);
    we_send(t, "SA", 0, 1, 0);
    tp_agree(t);
    peer_sends(t, "A", 1, 1, 0);
    tp_accept(t);
    return t;
}

/* 2.0: every segment is signed, from the SYN-ACK of the SYN cache to the last ACK of TIME-WAIT. */
static void every_segment_is_signed(void **state)
{
    struct tcp_peer *t = established();
    struct weft_tcp_info info;

    (void)state;
    assert_int_equal(weft_sock_info(t->sock, &info), 0);
    assert_true(info.md5_signed && !info.ao_signed);
    peer_sends(t, "PA", 1, 1, 100);
    we_send(t, "A", 1, 101, 0);
    we_read(t, 100);
    we_write(t, 5000);
    for (unsigned i = 0; i < 3; i++)
        we_send(t, "A", 1 + 1428 * i, 101, 1428); /* 4.3: what the option takes is taken off the data */
    we_send(t, "PA", 4285, 101, 716);
    peer_sends(t, "A", 101, 5001, 0);
    we_shutdown(t);
    we_send(t, "FA", 5001, 101, 0);
    peer_sends(t, "FA", 101, 5002, 0);
    we_send(t, "A", 5002, 102, 0);
    we_are(t, TIME_WAIT);
    peer_sends(t, "FA", 101, 5002, 0);
    we_send(t, "A", 5002, 102, 0);
    assert_int_equal(verified, 9);
    tcp_peer_end(t);
}

/* The same where the link cuts up super-segments: it cannot sign. */
static void each_segment_has_its_own_signature(void **state)
{
    struct tcp_peer_setup setup = signed_setup();
    struct tcp_peer *t;

    (void)state;
    setup.caps = WEFT_LINK_TSO4 | WEFT_LINK_TX_CSUM;
    t = tcp_peer_listening(&setup, 0);
    t->sign = sign;
    t->verify = verify;
    peer_sends_syn(t, "S", 0, 0);
    we_send(t, "SA", 0, 1, 0);
    tp_agree(t);
    peer_sends(t, "A", 1, 1, 0);
    tp_accept(t);
    we_write(t, 1428 * 4);
    for (unsigned i = 0; i < 4; i++)
        we_send(t, i == 3 ? "PA" : "A", 1 + 1428 * i, 1, 1428);
    tcp_peer_end(t);
}

static void we_sign_when_we_connect(void **state)
{
    struct tcp_peer_setup setup = signed_setup();
    struct tcp_peer *t = tcp_peer_syn_sent(&setup);

    (void)state;
    assert_true(t->last.opts.has_md5 && t->last.opts.has_timestamps && t->last.opts.has_wscale);
    assert_int_equal(t->last.tcp.header_len, 60); /* 4.3: "which just makes it" */
    t->sign = sign;
    t->verify = verify;
    verified = 0;
    tp_agree(t);
    peer_sends_syn(t, "SA", 0, 1);
    we_send(t, "A", 1, 1, 0);
    we_abort(t);
    we_send(t, "RA", 1, 1, 0);
    assert_int_equal(verified, 2);
    tcp_peer_end(t);
}

/* 2.0: what is not signed, or wrongly, is dropped and not answered: SYN, data, RST. */
static void what_is_not_signed_gets_no_answer(void **state)
{
    struct tcp_peer *t = listening();

    (void)state;
    t->sign = NULL;
    peer_sends_syn(t, "S", 0, 0);
    t->sign = sign_wrong;
    peer_sends_syn(t, "S", 0, 0);
    we_send_nothing(t);
    assert_int_equal(tp_drops(t, WEFT_DROP_TCP_MD5_MISSING), 1);
    assert_int_equal(tp_drops(t, WEFT_DROP_TCP_MD5_WRONG), 1);
    tcp_peer_end(t);
    t = established();
    t->sign = NULL;
    peer_sends(t, "R", 1, 0, 0);
    peer_sends(t, "PA", 1, 1, 100);
    t->sign = sign_wrong;
    peer_sends(t, "R", 1, 0, 0);
    peer_sends(t, "PA", 1, 1, 100);
    we_send_nothing(t);
    we_are(t, ESTABLISHED);
    assert_int_equal(tp_drops(t, WEFT_DROP_TCP_MD5_MISSING), 2);
    assert_int_equal(tp_drops(t, WEFT_DROP_TCP_MD5_WRONG), 2);
    t->sign = sign;
    peer_sends(t, "PA", 1, 1, 100);
    we_send(t, "A", 1, 101, 0);
    tcp_peer_end(t);
}

/* The data is signed, too, however it lies in memory. */
static void a_changed_byte_is_noticed(void **state)
{
    struct tcp_peer *t = established();

    (void)state;
    t->window = 1000; /* the header: only the window differs from what is expected */
    peer_sends(t, "PA", 1, 1, 1428);
    we_send(t, "A", 1, 1429, 0);
    we_read(t, 1428);
    for (uint32_t len = 1; len < 9000; len = len * 2 + 1) {
        uint64_t wrong = tp_drops(t, WEFT_DROP_TCP_MD5_WRONG);

        t->sign = sign_wrong;
        peer_sends(t, "PA", 1429, 1, len);
        assert_int_equal(tp_drops(t, WEFT_DROP_TCP_MD5_WRONG), wrong + 1);
    }
    t->sign = sign;
    peer_sends(t, "PA", 1429, 1, 8000); /* in slices */
    we_read(t, 8000);
    assert_int_equal(tp_drops(t, WEFT_DROP_TCP_MD5_WRONG), 13);
    tcp_peer_end(t);
}

/* A peer that signs, and that we have no key for: nobody can tell whether it is what it says. */
static void a_signature_without_a_key_is_not_believed(void **state)
{
    struct tcp_peer *t = tcp_peer_listening(NULL, 0);

    (void)state;
    t->sign = sign;
    peer_sends_syn(t, "S", 0, 0);
    we_send_nothing(t);
    assert_int_equal(tp_drops(t, WEFT_DROP_TCP_MD5_UNEXPECTED), 1);
    tcp_peer_end(t);
}

/* 4.1: a reset for nobody helps only who can check it: it is signed. */
static void resets_for_nobody_are_signed(void **state)
{
    struct tcp_peer *t = listening();

    (void)state;
    t->loose = true;
    t->our_port = 81;
    t->iss = 5000;
    peer_sends(t, "A", 1, 77, 0);
    we_send(t, "R", 77, 0, 0);
    assert_int_equal(verified, 1);
    tcp_peer_end(t);
}

/* SYN cookies are signed like all else. */
static void cookies_go_with_signatures(void **state)
{
    struct tcp_peer_setup setup = signed_setup();
    struct tcp_peer *t;

    (void)state;
    setup.tcp.syn_cookies = WEFT_SYN_COOKIES_ALWAYS;
    t = tcp_peer_listening(&setup, 0);
    t->sign = sign;
    t->verify = verify;
    peer_sends_syn(t, "S", 0, 0);
    we_send(t, "SA", 0, 1, 0);
    tp_agree(t);
    peer_sends(t, "A", 1, 1, 0);
    tp_accept(t);
    assert_int_equal(tp_count(t, WEFT_COUNT_TCP_COOKIES_TAKEN), 1);
    tcp_peer_end(t);
}

static void set_key_and_open_fast(struct weft_sock *sock)
{
    set_key(sock);
    assert_int_equal(weft_sock_setopt(sock, WEFT_OPT_FASTOPEN_NO_COOKIE, 1), 0);
}

/* 4.3: a signed SYN has no room for a cookie, nor asks for one; without cookies data may go with it. */
static void fast_open_has_no_room_for_cookies(void **state)
{
    struct weft_endpoint remote = {tp_peer, TP_SERVER_PORT};
    struct tcp_peer_setup setup = signed_setup();
    uint8_t bytes[100] = {0};

    (void)state;
    for (unsigned without = 0; without < 2; without++) {
        struct tcp_peer *t;

        setup.prepare = without ? set_key_and_open_fast : set_key;
        t = tcp_peer_new(&setup);
        t->loose = true;
        t->peer_port = TP_SERVER_PORT;
        t->our_port = TP_CLIENT_PORT;
        t->sock = tp_open(t);
        tp_await_iss(t);
        t->iss = TP_ISS;
        t->write_seq = TP_ISS + 1;
        for (unsigned i = 0; i < sizeof(bytes); i++)
            bytes[i] = tp_byte(t->write_seq + i);
        t->peer_edge = TP_ISS + 1000;
        if (!without)
            assert_int_equal(weft_sock_setopt(t->sock, WEFT_OPT_FASTOPEN_CONNECT, 1), 0);
        if (!without)
            assert_int_equal(weft_sock_connect(t->sock, &remote),
                             WEFT_E_INPROGRESS); /* nothing to wait for */
        else
            assert_int_equal(weft_sock_connect_send(t->sock, &remote, bytes, sizeof(bytes)), 100);
        tp_step(t);
        we_send(t, "S", 0, 0, without ? 100 : 0);
        assert_true(t->last.opts.has_md5 && !t->last.opts.has_fast_open);
        tcp_peer_end(t);
    }
}

/* Not even without timestamps is a cookie asked for, nor shown that was learned before there was a key. */
static void a_known_cookie_is_not_shown(void **state)
{
    struct weft_endpoint remote = {tp_peer, TP_SERVER_PORT};
    struct tcp_peer_setup setup = signed_setup();
    struct wire_tcp_opts opts;
    struct tcp_peer *t;

    (void)state;
    setup.prepare = NULL;
    setup.tcp.no_timestamps = true;
    t = tcp_peer_new(&setup);
    t->peer_port = TP_SERVER_PORT;
    t->our_port = TP_CLIENT_PORT;
    t->sock = tp_open(t);
    tp_await_iss(t);
    assert_int_equal(weft_sock_connect_send(t->sock, &remote, "", 0), WEFT_E_INPROGRESS);
    tp_step(t);
    we_send(t, "S", 0, 0, 0);
    assert_true(t->last.opts.has_fast_open);
    opts = tp_syn_options(t);
    opts.has_fast_open = true;
    opts.cookie_len = 8;
    tp_send(t, "SA", 0, 1, 0, &opts);
    we_send(t, "A", 1, 1, 0);
    we_abort(t);
    ignore_sent(t);
    t->loose = true;
    for (unsigned with_key = 0; with_key < 3; with_key++) {
        if (with_key == 2)
            weft_stack_forget_fastopen(t->stack);
        assert_int_equal(weft_sock_open(t->stack, WEFT_SOCK_STREAM, &t->sock), 0);
        assert_int_equal(weft_sock_setopt(t->sock, WEFT_OPT_FASTOPEN_CONNECT, 1), 0);
        if (with_key)
            set_key(t->sock);
        assert_int_equal(weft_sock_connect(t->sock, &remote), with_key ? WEFT_E_INPROGRESS : 0);
        tp_step(t);
        assert_int_equal(t->count, with_key > 0);
        if (with_key)
            assert_false(t->segs[t->first].opts.has_fast_open);
        weft_sock_abort(t->sock);
        t->sock = NULL;
        ignore_sent(t);
    }
    tcp_peer_end(t);
}

/* Which key is for whom: the closest prefix, and the port if one is given. */
static void keys_are_found_by_prefix_and_port(void **state)
{
    struct tcp_peer *t = tcp_peer_new(&(struct tcp_peer_setup){.tcp = {.crypto = weft_host_tcp_crypto()}});
    struct tcp_tuple tuple = {tp_us, tp_peer, 179, 40000}, other = {tp_us, tp_peer, 80, 40000};
    const struct tcp *tcp = tp_tcp(t);
    struct weft_prefix all = {weft_ip4(1, 2, 3, 4), 0}, half = {weft_ip4(10, 0, 0, 0), 31};

    (void)state;
    assert_null(tcp_md5_find(tcp, &tuple));
    assert_int_equal(weft_stack_set_md5_key(t->stack, &all, 0, "a", 1), 0);
    assert_int_equal(weft_stack_set_md5_key(t->stack, &network, 0, "bb", 2), 0);
    assert_int_equal(weft_stack_set_md5_key(t->stack, &half, 0, "no", 2), 0);
    assert_int_equal(tcp_md5_find(tcp, &tuple)->secret[0], 'b');
    assert_int_equal(weft_stack_set_md5_key(t->stack, &peer_only, 179, "ccc", 3), 0);
    assert_int_equal(tcp_md5_find(tcp, &tuple)->secret[0], 'c');
    assert_int_equal(tcp_md5_find(tcp, &other)->secret[0], 'b');
    assert_int_equal(weft_stack_set_md5_key(t->stack, &peer_only, 179, "dddd", 4), 0); /* replaced */
    assert_int_equal(tcp_md5_find(tcp, &tuple)->secret[0], 'd');
    assert_int_equal(weft_stack_set_md5_key(t->stack, &peer_only, 0, "eeeee", 5),
                     0); /* one for other ports */
    assert_int_equal(tcp_md5_find(tcp, &tuple)->secret[0], 'd');
    assert_int_equal(tcp_md5_find(tcp, &other)->secret[0], 'e');
    other.remote_port = 179; /* of either end */
    assert_int_equal(tcp_md5_find(tcp, &other)->secret[0], 'd');
    assert_int_equal(weft_stack_set_md5_key(t->stack, &peer_only, 179, NULL, 0), 0);
    assert_int_equal(tcp_md5_find(tcp, &tuple)->secret[0], 'e');
    assert_int_equal(weft_stack_set_md5_key(t->stack, &peer_only, 179, "dddd", 4),
                     0); /* whichever is first */
    assert_int_equal(tcp_md5_find(tcp, &tuple)->secret[0], 'd');
    tuple.remote = weft_ip4(192, 0, 2, 1);
    assert_int_equal(tcp_md5_find(tcp, &tuple)->secret[0], 'a');
    assert_int_equal(weft_stack_set_md5_key(t->stack, &all, 0, NULL, 0), 0);
    assert_null(tcp_md5_find(tcp, &tuple));
    assert_int_equal(weft_stack_set_md5_key(t->stack, &all, 0, NULL, 0), WEFT_E_NOTFOUND);
    tcp_peer_end(t);
}

/* A key is the one of its network and port: setting it again leaves none of before, host bits are nothing, and the
 * order in which keys are set does not matter. */
static void a_key_is_known_by_its_network_and_port(void **state)
{
    struct tcp_peer *t = tcp_peer_new(&(struct tcp_peer_setup){.tcp = {.crypto = weft_host_tcp_crypto()}});
    struct tcp_tuple tuple = {tp_us, tp_peer, 179, 40000};
    struct weft_prefix same = {weft_ip4(10, 0, 0, 5), 24};
    const struct tcp *tcp = tp_tcp(t);

    (void)state;
    assert_int_equal(weft_stack_set_md5_key(t->stack, &network, 0, "a", 1), 0);
    assert_int_equal(weft_stack_set_md5_key(t->stack, &network, 179, "b", 1), 0);
    assert_int_equal(tcp_md5_find(tcp, &tuple)->secret[0], 'b');
    assert_int_equal(weft_stack_set_md5_key(t->stack, &same, 179, "c", 1), 0);
    assert_int_equal(tcp_md5_find(tcp, &tuple)->secret[0], 'c');
    assert_int_equal(weft_stack_set_md5_key(t->stack, &network, 179, NULL, 0), 0);
    assert_int_equal(tcp_md5_find(tcp, &tuple)->secret[0], 'a');
    assert_int_equal(weft_stack_set_md5_key(t->stack, &same, 0, NULL, 0), 0);
    assert_null(tcp_md5_find(tcp, &tuple));
    tcp_peer_end(t);
}

static void bad_keys_are_refused(void **state)
{
    static const uint8_t long_key[WEFT_TCP_MD5_KEY_MAX + 1];
    struct tcp_peer *t = tcp_peer_new(&(struct tcp_peer_setup){.tcp = {.crypto = weft_host_tcp_crypto()}});
    struct weft_prefix prefix = {weft_ip4(10, 0, 0, 0), 33};

    (void)state;
    assert_int_equal(weft_stack_set_md5_key(t->stack, &prefix, 0, "k", 1), WEFT_E_INVAL);
    assert_int_equal(weft_stack_set_md5_key(t->stack, &peer_only, 0, long_key, sizeof(long_key)),
                     WEFT_E_INVAL);
    assert_int_equal(weft_stack_set_md5_key(t->stack, &peer_only, 0, long_key, sizeof(long_key) - 1), 0);
    for (uint16_t i = 1; i < 64; i++)
        assert_int_equal(weft_stack_set_md5_key(t->stack, &peer_only, i, "k", 1), 0);
    assert_int_equal(weft_stack_set_md5_key(t->stack, &peer_only, 64, "k", 1), WEFT_E_LIMIT);
    tcp_peer_end(t);
    t = tcp_peer_new(NULL); /* without MD5 in the configuration */
    assert_int_equal(weft_stack_set_md5_key(t->stack, &peer_only, 0, "k", 1), WEFT_E_OPNOTSUPP);
    tcp_peer_end(t);
}

/* A key may be set, changed and taken away while a connection stands. */
static void connections_follow_a_change_of_key(void **state)
{
    struct tcp_peer *t = established();

    (void)state;
    assert_int_equal(weft_stack_set_md5_key(t->stack, &peer_only, 0, NULL, 0), 0);
    t->sign = NULL;
    t->verify = NULL;
    peer_sends(t, "PA", 1, 1, 100);
    we_send(t, "A", 1, 101, 0);
    assert_false(t->last.opts.has_md5);
    set_key(t->sock);
    t->sign = sign;
    t->verify = verify;
    peer_sends(t, "PA", 101, 1, 100);
    we_send(t, "A", 1, 201, 0);
    tcp_peer_end(t);
}

/* Settings cannot take away the function that keys are there for: the next segment would need it. */
static void what_keys_need_cannot_be_taken_away(void **state)
{
    struct tcp_peer *t = established();
    struct weft_tcp_config config = {.check = true};

    (void)state;
    assert_int_equal(weft_stack_set_tcp(t->stack, &config), WEFT_E_INVAL);
    we_write(t, 100);
    we_send(t, "PA", 1, 1, 100);
    assert_int_equal(weft_stack_set_md5_key(t->stack, &peer_only, 0, NULL, 0), 0);
    assert_int_equal(weft_stack_set_tcp(t->stack, &config), 0);
    tcp_peer_end(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_segment_is_signed),
        cmocka_unit_test(each_segment_has_its_own_signature),
        cmocka_unit_test(we_sign_when_we_connect),
        cmocka_unit_test(what_is_not_signed_gets_no_answer),
        cmocka_unit_test(a_changed_byte_is_noticed),
        cmocka_unit_test(a_signature_without_a_key_is_not_believed),
        cmocka_unit_test(resets_for_nobody_are_signed),
        cmocka_unit_test(cookies_go_with_signatures),
        cmocka_unit_test(fast_open_has_no_room_for_cookies),
        cmocka_unit_test(a_known_cookie_is_not_shown),
        cmocka_unit_test(keys_are_found_by_prefix_and_port),
        cmocka_unit_test(a_key_is_known_by_its_network_and_port),
        cmocka_unit_test(bad_keys_are_refused),
        cmocka_unit_test(connections_follow_a_change_of_key),
        cmocka_unit_test(what_keys_need_cannot_be_taken_away),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
