/* SPDX-License-Identifier: MIT */
/*
 * TCP-AO in TCP: RFC 5925. The test derives keys and computes MACs by itself,
 * from the text of RFC 5925 5 and RFC 5926 3. Both ends' numbers wrap soon after they begin, so SNEs (6.2)
 * count in nearly every test.
 */
#include "tcp_peer.h"

#include <nettle/cmac.h>
#include <nettle/hmac.h>

#include <weft/loop.h>

/* Of the peer's segments; ours have the other. */
#define PEER_ID 84
#define OUR_ID  61

/* A second key. */
#define PEER_ID_2 7
#define OUR_ID_2  0

static const struct weft_prefix peer_only = {{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 2}}, 32};

/* How this test signs, as the ends have agreed. */
static struct {
    bool is_aes, exclude_options;
    const char *secret, *secret_2;
    uint32_t extra_sne; /* added to what the numbers say */
    bool any_length;    /* the option is not held to 16 bytes */
} agreed;

static unsigned verified;

static const char *secret_of(uint8_t id)
{
    return id == PEER_ID_2 || id == OUR_ID_2 ? agreed.secret_2 : agreed.secret;
}

/* RFC 5926 3.1.1 over RFC 5925 5.2. */
static void derive(const uint8_t *src, const uint8_t *dst, uint16_t src_port, uint16_t dst_port,
                   uint32_t src_isn, uint32_t dst_isn, const char *secret, uint8_t key[20])
{
    uint8_t input[1 + 6 + 20 + 2] = {1, 'T', 'C', 'P', '-', 'A', 'O'}, k[16] = {0};
    struct cmac_aes128_ctx cmac;
    struct hmac_sha1_ctx hmac;

    memcpy(input + 7, src, 4);
    memcpy(input + 11, dst, 4);
    put_be16(input + 15, src_port);
    put_be16(input + 17, dst_port);
    put_be32(input + 19, src_isn);
    put_be32(input + 23, dst_isn);
    put_be16(input + 27, agreed.is_aes ? 128 : 160);
    if (!agreed.is_aes) {
        hmac_sha1_set_key(&hmac, strlen(secret), (const uint8_t *)secret);
        hmac_sha1_update(&hmac, sizeof(input), input);
        hmac_sha1_digest(&hmac, 20, key);
        return;
    }
    cmac_aes128_set_key(&cmac, k);
    cmac_aes128_update(&cmac, strlen(secret), (const uint8_t *)secret);
    cmac_aes128_digest(&cmac, 16, k);
    cmac_aes128_set_key(&cmac, k);
    cmac_aes128_update(&cmac, sizeof(input), input);
    cmac_aes128_digest(&cmac, 16, key);
}

/* RFC 5925 5.1: all that is authenticated, in a row. Returns its length. */
static size_t message(const uint8_t *src, const uint8_t *dst, const uint8_t *bytes, uint32_t header_len,
                      uint32_t total, uint32_t sne, const uint8_t *ao, uint8_t *out)
{
    uint8_t *at = out;

    put_be32(at, sne);
    memcpy(at + 4, src, 4);
    memcpy(at + 8, dst, 4);
    put_be16(at + 12, 6);
    put_be16(at + 14, (uint16_t)total);
    memcpy(at + 16, bytes, 20);
    put_be16(at + 16 + 16, 0);
    at += 36;
    if (agreed.exclude_options) {
        memcpy(at, ao, 16);
        memset(at + 4, 0, 12);
        at += 16;
    } else {
        memcpy(at, bytes + 20, header_len - 20);
        memset(at + (ao - bytes) - 20 + 4, 0, 12);
        at += header_len - 20;
    }
    memcpy(at, bytes + header_len, total - header_len);
    return (size_t)(at - out) + total - header_len;
}

/* Where the option begins. */
static const uint8_t *ao_option(const uint8_t *bytes, uint32_t header_len)
{
    struct wire_tcp_opts opts;

    assert_true(wire_tcp_opts_parse(bytes + 20, header_len - 20, &opts));
    return opts.has_ao && !opts.has_md5 && (opts.ao_len == 14 || agreed.any_length) ? opts.ao - 2 : NULL;
}

/* `isn` is of who sends, `other` of who receives. */
static void mac_of(const uint8_t *src, const uint8_t *dst, uint32_t isn, uint32_t other, const uint8_t *bytes,
                   uint32_t header_len, uint32_t total, uint8_t mac[12])
{
    static uint8_t text[WEFT_PKT_MAX + 100];
    const uint8_t *ao = ao_option(bytes, header_len);
    uint32_t seq = get_be32(bytes + 4);
    uint32_t sne = (uint32_t)(((uint64_t)isn + (uint32_t)(seq - isn)) >> 32) + agreed.extra_sne;
    bool is_syn = (bytes[13] & 0x12) == 0x02;
    size_t len = message(src, dst, bytes, header_len, total, sne, ao, text);
    struct cmac_aes128_ctx cmac;
    struct hmac_sha1_ctx hmac;
    uint8_t key[20];

    derive(src, dst, get_be16(bytes), get_be16(bytes + 2), isn, is_syn ? 0 : other, secret_of(ao[2]), key);
    if (agreed.is_aes) {
        cmac_aes128_set_key(&cmac, key);
        cmac_aes128_update(&cmac, len, text);
        cmac_aes128_digest(&cmac, 12, mac);
    } else {
        hmac_sha1_set_key(&hmac, 20, key);
        hmac_sha1_update(&hmac, len, text);
        hmac_sha1_digest(&hmac, 12, mac);
    }
}

static void sign(const struct tcp_peer *t, uint8_t *bytes, uint32_t header_len, uint32_t total)
{
    const uint8_t *ao = ao_option(bytes, header_len);

    assert_non_null(ao);
    mac_of(t->peer_addr.b + 12, t->our_addr.b + 12, t->irs, t->iss, bytes, header_len, total,
           bytes + (ao - bytes) + 4);
}

static void sign_wrong(const struct tcp_peer *t, uint8_t *bytes, uint32_t header_len, uint32_t total)
{
    sign(t, bytes, header_len, total);
    bytes[ao_option(bytes, header_len) - bytes + 15] ^= 1;
}

static void verify(struct tcp_peer *t, const uint8_t *bytes, uint32_t header_len, uint32_t total)
{
    const uint8_t *ao = ao_option(bytes, header_len);
    uint8_t mac[12];

    TP_CHECK(t, ao != NULL);
    mac_of(tp_us.b + 12, t->peer_addr.b + 12, t->iss, t->irs, bytes, header_len, total, mac);
    TP_CHECK(t, memcmp(mac, ao + 4, 12) == 0);
    verified++;
}

/* The peer leaves the option out, or speaks of it again. */
static void peer_is_plain(struct tcp_peer *t)
{
    t->sign = NULL;
    t->signs_ao = false;
}

static void peer_signs(struct tcp_peer *t)
{
    t->sign = sign;
    t->verify = verify;
    t->signs_ao = true;
    t->ao_key_id = PEER_ID;
    t->ao_rnext_id = OUR_ID;
}

static struct weft_tcp_ao_key first_key(void)
{
    return (struct weft_tcp_ao_key){
        .peer = peer_only,
        .send_id = OUR_ID,
        .recv_id = PEER_ID,
        .algorithm = agreed.is_aes ? WEFT_TCP_AO_AES128 : WEFT_TCP_AO_SHA1,
        .exclude_options = agreed.exclude_options,
        .key = agreed.secret,
        .key_len = strlen(agreed.secret),
    };
}

static struct weft_tcp_ao_key second_key(void)
{
    struct weft_tcp_ao_key key = first_key();

    key.send_id = OUR_ID_2;
    key.recv_id = PEER_ID_2;
    key.key = agreed.secret_2;
    key.key_len = strlen(agreed.secret_2);
    return key;
}

static void add_key(struct weft_sock *sock)
{
    struct weft_tcp_ao_key key = first_key();

    assert_int_equal(weft_sock_ao_add_key(sock, &key), 0);
}

static void add_both(struct weft_sock *sock)
{
    struct weft_tcp_ao_key key = second_key();

    add_key(sock);
    assert_int_equal(weft_sock_ao_add_key(sock, &key), 0);
}

static struct tcp_peer_setup ao_setup(void)
{
    return (struct tcp_peer_setup){.tcp = {.crypto = weft_host_tcp_crypto()},
                                   .prepare = add_key,
                                   .sack = true,
                                   .timestamps = true,
                                   .wscale = true,
                                   .shift = 7,
                                   .mss = 1460};
}

/* What each test begins with. */
static int agree(void **state)
{
    (void)state;
    memset(&agreed, 0, sizeof(agreed));
    agreed.secret = "sesame, open";
    agreed.secret_2 = "sixteen byte key";
    verified = 0;
    return 0;
}

/* We listen, and both ends have the key. */
static struct tcp_peer *listening_as(struct tcp_peer_setup setup)
{
    struct tcp_peer *t = tcp_peer_listening(&setup, 0);

    peer_signs(t);
    return t;
}

static struct tcp_peer *listening(void)
{
    return listening_as(ao_setup());
}

static void shake_hands(struct tcp_peer *t)
{
    peer_sends_syn(t, "S", 0, 0);
    we_send(t, "SA", 0, 1, 0);
    tp_agree(t);
    peer_sends(t, "A", 1, 1, 0);
    tp_accept(t);
    we_are(t, ESTABLISHED);
}

static struct tcp_peer *established_as(struct tcp_peer_setup setup)
{
    struct tcp_peer *t = listening_as(setup);

    shake_hands(t);
    return t;
}

static struct tcp_peer *established(void)
{
    return established_as(ao_setup());
}

/* Our SYN, verified: that the harness sees before the test can ask for it. */
static struct tcp_peer *syn_sent_as(struct tcp_peer_setup setup)
{
    struct tcp_peer *t = tcp_peer_new(&setup);
    struct weft_endpoint remote = {tp_peer, TP_SERVER_PORT};

    t->peer_port = TP_SERVER_PORT;
    t->our_port = TP_CLIENT_PORT;
    t->sock = tp_open(t);
    tp_await_iss(t);
    peer_signs(t);
    assert_int_equal(weft_sock_connect(t->sock, &remote), WEFT_E_INPROGRESS);
    tp_step(t);
    we_send(t, "S", 0, 0, 0);
    t->state = WEFT_TCP_SYN_SENT;
    tp_agree(t);
    return t;
}

static struct tcp_peer *connected(void)
{
    struct tcp_peer *t = syn_sent_as(ao_setup());

    peer_sends_syn(t, "SA", 0, 1);
    we_send(t, "A", 1, 1, 0);
    we_are(t, ESTABLISHED);
    return t;
}

static struct weft_tcp_ao_info info_of(const struct weft_sock *sock)
{
    struct weft_tcp_ao_info info;

    assert_int_equal(weft_sock_ao_info(sock, &info), 0);
    return info;
}

/* --- A conversation ------------------------------------------------------------------------------------ */

/* 7.4: from the SYN-ACK of the SYN cache to the last ACK of TIME-WAIT, over both ends' wraps. */
static void converse(void)
{
    struct tcp_peer *t = established();
    struct weft_tcp_info info;

    assert_int_equal(weft_sock_info(t->sock, &info), 0);
    assert_true(info.ao_signed && !info.md5_signed);
    peer_sends(t, "PA", 1, 1, 1400);
    we_send(t, "A", 1, 1401, 0);
    peer_sends(t, "PA", 1401, 1, 100);
    we_send(t, "A", 1, 1501, 0);
    we_read(t, 1500);
    we_write(t, 5000);
    for (unsigned i = 0; i < 3; i++)
        we_send(t, "A", 1 + 1432 * i, 1501, 1432); /* what the options take is taken off the data */
    we_send(t, "PA", 4297, 1501, 704);
    peer_sends(t, "A", 1501, 5001, 0);
    assert_int_equal(info_of(t->sock).snd_sne, 1);
    assert_int_equal(info_of(t->sock).rcv_sne, 1);
    we_shutdown(t);
    we_send(t, "FA", 5001, 1501, 0);
    peer_sends(t, "FA", 1501, 5002, 0);
    we_send(t, "A", 5002, 1502, 0);
    we_are(t, TIME_WAIT);
    peer_sends(t, "FA", 1501, 5002, 0);
    we_send(t, "A", 5002, 1502, 0);
    assert_int_equal(verified, 10);
    tcp_peer_end(t);
}

static void every_segment_is_authenticated(void **state)
{
    for (unsigned variant = 0; variant < 4; variant++) {
        agree(state);
        agreed.is_aes = variant & 1;
        agreed.exclude_options = variant & 2;
        converse();
    }
}

static void we_authenticate_when_we_connect(void **state)
{
    struct tcp_peer *t = syn_sent_as(ao_setup());
    struct wire_tcp_opts ours = t->last.opts;

    (void)state;
    assert_true(ours.has_mss && ours.has_sack_permitted && ours.has_timestamps && ours.has_wscale);
    assert_int_equal(t->last.tcp.header_len, 56); /* 7.6 */
    assert_int_equal(ours.ao[0], OUR_ID);
    assert_int_equal(ours.ao[1], PEER_ID);
    peer_sends_syn(t, "SA", 0, 1);
    we_send(t, "A", 1, 1, 0);
    we_write(t, 100);
    we_send(t, "PA", 1, 1, 100);
    we_abort(t);
    we_send(t, "RA", 101, 1, 0);
    assert_int_equal(verified, 4);
    tcp_peer_end(t);
}

/* 3.2: all four traffic keys are used. */
static void both_may_open_at_once(void **state)
{
    struct tcp_peer *t = syn_sent_as(ao_setup());

    (void)state;
    peer_sends_syn(t, "S", 0, 0);
    we_send(t, "SA", 0, 1, 0);
    we_are(t, SYN_RECEIVED);
    peer_sends_syn(t, "SA", 0, 1);
    we_send(t, "A", 1, 1, 0);
    we_are(t, ESTABLISHED);
    peer_sends(t, "PA", 1, 1, 100);
    we_send(t, "A", 1, 101, 0);
    assert_int_equal(verified, 4);
    assert_int_equal(info_of(t->sock).good, 3);
    tcp_peer_end(t);
}

/* A link that cuts up super-segments cannot authenticate the parts. */
static void each_segment_has_its_own_mac(void **state)
{
    struct tcp_peer_setup setup = ao_setup();
    struct tcp_peer *t;

    (void)state;
    setup.caps = WEFT_LINK_TSO4 | WEFT_LINK_TX_CSUM;
    t = established_as(setup);
    we_write(t, 1432 * 4);
    for (unsigned i = 0; i < 4; i++)
        we_send(t, i == 3 ? "PA" : "A", 1 + 1432 * i, 1, 1432);
    tcp_peer_end(t);
}

/* 7.6: 40 bytes less AO and timestamps leave one SACK block; it is the newest, or the DSACK. */
static void sack_has_the_room_that_is_left(void **state)
{
    struct tcp_peer_setup setup = ao_setup();

    for (unsigned without_timestamps = 0; without_timestamps < 2; without_timestamps++) {
        struct tcp_peer *t;

        agree(state);
        setup.timestamps = !without_timestamps;
        t = established_as(setup);
        peer_sends(t, "A", 101, 1, 100);
        we_send(t, "A", 1, 1, 0);
        peer_sends(t, "A", 301, 1, 100);
        we_send(t, "A", 1, 1, 0);
        peer_sends(t, "A", 501, 1, 100);
        we_send(t, "A", 1, 1, 0);
        assert_int_equal(t->last.opts.nsacks, without_timestamps ? 2 : 1);
        assert_int_equal(t->last.opts.sack[0].left - t->irs, 501);
        assert_true(t->last.tcp.header_len <= 60);
        peer_sends(t, "A", 501, 1, 100);
        we_send(t, "A", 1, 1, 0);
        assert_int_equal(t->last.opts.sack[0].right - t->irs, 601);
        assert_int_equal(t->last.opts.nsacks, without_timestamps ? 2 : 1);
        tcp_peer_end(t);
    }
}

/* --- What is not authentic ---------------------------------------------------------------------------------- */

/* 7.3: "silently discarded", whatever it is and in whatever state. */
static void tries_all(struct tcp_peer *t, enum weft_drop reason)
{
    uint64_t before = tp_drops(t, reason);

    peer_sends_syn(t, "S", 0, 0);
    peer_sends_syn(t, "SA", 0, 1);
    peer_sends(t, "R", 1, 0, 0);
    peer_sends(t, "RA", 1, 1, 0);
    peer_sends(t, "PA", 1, 1, 100);
    peer_sends(t, "FA", 1, 1, 0);
    peer_sends(t, "A", 1, 5, 0);
    we_send_nothing(t);
    assert_int_equal(tp_drops(t, reason), before + 7);
}

static void gets_nowhere(struct tcp_peer *t)
{
    peer_is_plain(t);
    tries_all(t, WEFT_DROP_TCP_AO_MISSING);
    t->signs_ao = true;
    t->sign = sign;
    t->ao_key_id = PEER_ID + 1;
    tries_all(t, WEFT_DROP_TCP_AO_KEY);
    t->ao_key_id = PEER_ID;
    t->sign = sign_wrong;
    peer_sends_syn(t, "S", 0, 0);
    peer_sends_syn(t, "SA", 0, 1);
    peer_sends(t, "PA", 1, 1, 100);
    peer_sends(t, "R", 1, 0, 0);
    we_send_nothing(t);
    assert_true(tp_drops(t, WEFT_DROP_TCP_AO_WRONG) > 0);
    peer_signs(t);
}

static void what_is_not_authentic_gets_no_answer(void **state)
{
    struct tcp_peer *t = listening();

    (void)state;
    gets_nowhere(t);
    shake_hands(t);
    gets_nowhere(t);
    we_are(t, ESTABLISHED);
    assert_int_equal(tp_drops(t, WEFT_DROP_TCP_AO_WRONG),
                     1 + 4); /* a listener knows the numbers of a SYN only */
    assert_int_equal(tp_drops(t, WEFT_DROP_TCP_AO_NO_ISN), 3);
    assert_int_equal(info_of(t->sock).bad, 4);
    assert_int_equal(info_of(t->sock).missing, 7);
    assert_int_equal(info_of(t->sock).key_unknown, 7);
    assert_int_equal(info_of(t->sock).good, 0);
    peer_sends(t, "PA", 1, 1, 100);
    we_send(t, "A", 1, 101, 0);
    assert_int_equal(info_of(t->sock).good, 1);
    we_shutdown(t);
    we_send(t, "FA", 1, 101, 0);
    peer_sends(t, "FA", 101, 2, 0);
    we_send(t, "A", 2, 102, 0);
    we_are(t, TIME_WAIT);
    peer_is_plain(t);
    peer_sends(t, "FA", 101, 2, 0);
    peer_sends(t, "PA", 1, 1, 100);
    peer_sends_syn(t, "S", 10000, 0);
    t->signs_ao = true;
    t->sign = sign_wrong;
    peer_sends(t, "FA", 101, 2, 0);
    peer_sends_syn(t, "S", 10000, 0);
    we_send_nothing(t);
    tcp_peer_end(t);
}

static void half_open_connections_are_protected(void **state)
{
    struct tcp_peer *t = listening();

    (void)state;
    peer_sends_syn(t, "S", 0, 0);
    we_send(t, "SA", 0, 1, 0);
    tp_agree(t);
    gets_nowhere(t);
    assert_int_equal(tp_drops(t, WEFT_DROP_TCP_AO_WRONG), 4);
    peer_sends_syn(t, "S", 0, 0); /* again: so does our answer */
    we_send(t, "SA", 0, 1, 0);
    peer_sends(t, "A", 1, 5, 0); /* acknowledges what we have not sent */
    we_send(t, "R", 5, 0, 0);
    peer_sends(t, "A", 1, 1, 0);
    tp_accept(t);
    assert_int_equal(verified, 3);
    tcp_peer_end(t);
}

/* 7.7 and 11: a peer without the key cannot refuse a connection, so it times out. */
static void a_connection_that_begins_believes_only_the_peer(void **state)
{
    struct tcp_peer *t = syn_sent_as(ao_setup());

    (void)state;
    gets_nowhere(t);
    we_are(t, SYN_SENT);
    assert_int_equal(tp_drops(t, WEFT_DROP_TCP_AO_WRONG), 2);
    assert_int_equal(tp_drops(t, WEFT_DROP_TCP_AO_NO_ISN), 2);
    peer_sends(t, "RA", 0, 1, 0); /* whose number is the peer's? */
    we_are(t, SYN_SENT);
    peer_sends_syn(t, "SA", 0, 7); /* an authentic peer that answers something else */
    we_send(t, "R", 7, 0, 0);
    we_are(t, SYN_SENT);
    after(t, WEFT_SEC);
    we_send(t, "S", 0, 0, 0);
    peer_sends_syn(t, "SA", 0, 1);
    we_send(t, "A", 1, 1, 0);
    assert_int_equal(verified, 4);
    tcp_peer_end(t);
}

/* A segment with these option bytes, NOPs as they may be needed. */
static void peer_sends_options(struct tcp_peer *t, const uint8_t *options, uint8_t len)
{
    struct wire_tcp header = {.src_port = t->peer_port,
                              .dst_port = t->our_port,
                              .seq = t->irs + 1,
                              .ack = t->iss + 1,
                              .flags = WIRE_TCP_ACK,
                              .window = 1000,
                              .header_len = (uint8_t)(20 + len)};

    tp_input_tcp(t, &header, options, 0);
}

/* 2.2: too short, twice, beside MD5: whether there is a key for it or not. */
static void bad_options_are_dropped(void **state)
{
    static const uint8_t bad[][36] = {
        {29, 3, PEER_ID, 1},
        {29, 2, 1, 1},
        {29, 16, PEER_ID, OUR_ID, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 29, 4, PEER_ID, OUR_ID},
        {29, 16, PEER_ID, OUR_ID, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 19, 18},
    };

    for (unsigned with_key = 0; with_key < 2; with_key++) {
        struct tcp_peer_setup setup = ao_setup();
        struct tcp_peer *t;

        agree(state);
        if (!with_key)
            setup.prepare = NULL;
        t = tcp_peer_listening(&setup, 0);
        t->sign = NULL;
        for (unsigned i = 0; i < 4; i++)
            peer_sends_options(t, bad[i], 36);
        we_send_nothing(t);
        assert_int_equal(tp_drops(t, WEFT_DROP_TCP_AO_FORM), 4);
        tcp_peer_end(t);
    }
}

/* 7.5 step 2.a: both algorithms' MACs have 96 bits. */
static void a_mac_of_another_length_is_wrong(void **state)
{
    static const uint8_t shorter[12] = {29, 12, PEER_ID, OUR_ID}, longer[20] = {29, 20, PEER_ID, OUR_ID},
                         none[4] = {29, 4, PEER_ID, OUR_ID};
    struct tcp_peer *t = established();

    (void)state;
    t->sign = NULL;
    peer_sends_options(t, shorter, sizeof(shorter));
    peer_sends_options(t, none, sizeof(none));
    agreed.any_length = true;
    t->sign = sign; /* the first 12 bytes are right */
    peer_sends_options(t, longer, sizeof(longer));
    we_send_nothing(t);
    assert_int_equal(tp_drops(t, WEFT_DROP_TCP_AO_WRONG), 3);
    tcp_peer_end(t);
}

/* 6.2: what was authentic when the numbers stood here the last time is not any more. */
static void nothing_can_be_sent_again_after_a_wrap(void **state)
{
    struct tcp_peer *t = established();
    struct tcb *tcb = t->sock->tcb;

    (void)state;
    tcb->ao->rcv.sne++; /* as if 2^32 bytes had come meanwhile */
    peer_sends(t, "PA", 1, 1, 100);
    we_send_nothing(t);
    assert_int_equal(tp_drops(t, WEFT_DROP_TCP_AO_WRONG), 1);
    agreed.extra_sne = 1;
    tcb->ao->snd.sne++;
    peer_sends(t, "PA", 1, 1, 100);
    we_send(t, "A", 1, 101, 0);
    tcp_peer_end(t);
}

/* 6.2 and 11: forged segments move nothing: the SNE is RCV.NXT's, wherever in the space theirs are. */
static void forged_numbers_do_not_move_the_sne(void **state)
{
    struct tcp_peer *t = established();

    (void)state;
    t->sign = sign_wrong;
    for (uint32_t seq = 0x10000000; seq < 0xf0000000; seq += 0x10000000)
        peer_sends(t, "A", seq, 1, 0);
    t->sign = sign;
    peer_sends(t, "PA", 1, 1, 2000);
    we_send(t, "A", 1, 2001, 0);
    peer_sends(t, "PA", 1, 1, 10); /* an old one, from before the wrap, is authentic, and answered */
    we_send(t, "A", 1, 2001, 0);
    assert_int_equal(info_of(t->sock).rcv_sne, 1);
    tcp_peer_end(t);
}

/* RFC 5961 4 in a connection: an authentic SYN is challenged, and does not choose keys. */
static void a_kept_syn_chooses_no_key(void **state)
{
    struct tcp_peer_setup setup = ao_setup();
    struct tcp_peer *t;

    (void)state;
    setup.prepare = add_both;
    t = established_as(setup);
    t->ao_rnext_id = OUR_ID_2;
    peer_sends_syn(t, "S", 0, 0);
    we_send(t, "A", 1, 1, 0);
    assert_int_equal(t->last.opts.has_ao, true);
    assert_int_equal(info_of(t->sock).current_id, OUR_ID);
    tcp_peer_end(t);
}

/* --- Where no key is for the peer ---------------------------------------------------------------------------- */

static void add_key_for_others(struct weft_sock *sock)
{
    struct weft_tcp_ao_key key = first_key();

    key.peer.addr = weft_ip4(10, 0, 0, 3);
    assert_int_equal(weft_sock_ao_add_key(sock, &key), 0);
}

static void require(struct weft_sock *sock)
{
    add_key_for_others(sock);
    assert_int_equal(weft_sock_ao_set(sock, WEFT_TCP_AO_SET_REQUIRED, 1), 0);
}

/* 7.3: the default SHOULD be to accept silently. */
static void unmatched_segments_are_accepted_unless_configured(void **state)
{
    struct tcp_peer_setup setup = ao_setup();
    struct tcp_peer *t;

    (void)state;
    setup.prepare = add_key_for_others;
    t = tcp_peer_listening(&setup, 0);
    t->sign = sign;
    t->signs_ao = true;
    t->ao_key_id = PEER_ID;
    peer_sends_syn(t, "S", 0, 0);
    we_send(t, "SA", 0, 1, 0);
    assert_false(t->last.opts.has_ao);
    assert_int_equal(tp_count(t, WEFT_COUNT_TCP_AO_UNMATCHED), 1);
    tcp_peer_end(t);

    setup.tcp.ao_drop_unmatched = true;
    t = tcp_peer_listening(&setup, 0);
    t->sign = sign;
    t->signs_ao = true;
    peer_sends_syn(t, "S", 0, 0);
    we_send_nothing(t);
    assert_int_equal(tp_drops(t, WEFT_DROP_TCP_AO_KEY), 1);
    peer_is_plain(t);
    peer_sends_syn(t, "S", 0, 0);
    we_send(t, "SA", 0, 1, 0);
    tcp_peer_end(t);
}

static void ao_can_be_required(void **state)
{
    struct tcp_peer_setup setup = ao_setup();
    struct weft_endpoint remote = {tp_peer, TP_SERVER_PORT};
    struct weft_sock *sock;
    struct tcp_peer *t;

    (void)state;
    setup.prepare = require;
    t = tcp_peer_listening(&setup, 0);
    peer_sends_syn(t, "S", 0, 0);
    t->sign = sign;
    t->signs_ao = true;
    t->ao_key_id = PEER_ID;
    peer_sends_syn(t, "S", 0, 0);
    we_send_nothing(t);
    assert_int_equal(tp_drops(t, WEFT_DROP_TCP_AO_MISSING), 1);
    assert_int_equal(tp_drops(t, WEFT_DROP_TCP_AO_KEY), 1);
    assert_int_equal(info_of(t->listener).missing, 1);
    assert_int_equal(info_of(t->listener).key_unknown, 1);
    assert_int_equal(weft_sock_open(t->stack, WEFT_SOCK_STREAM, &sock), 0);
    require(sock);
    assert_int_equal(weft_sock_connect(sock, &remote), WEFT_E_NOTFOUND);
    add_key(sock);
    assert_int_equal(weft_sock_connect(sock, &remote), WEFT_E_INPROGRESS);
    weft_sock_abort(sock);
    ignore_sent(t);
    tcp_peer_end(t);
}

/* 3.1: whom a key is for: a prefix, a port. */
static void keys_are_for_prefixes_and_ports(void **state)
{
    struct tcp_tuple tuple = {tp_us, tp_peer, 179, 40000}, other = {tp_us, weft_ip4(10, 0, 1, 2), 179, 40001};
    struct weft_tcp_ao_key key = first_key(), keys[3];
    struct weft_sock *sock;
    struct tcp_peer_setup setup = ao_setup();
    struct tcp_peer *t = tcp_peer_new(&setup);

    (void)state;
    assert_int_equal(weft_sock_open(t->stack, WEFT_SOCK_STREAM, &sock), 0);
    assert_int_equal(weft_sock_ao_get_keys(sock, keys, 3), 0);
    key.peer = (struct weft_prefix){weft_ip4(10, 0, 0, 77), 24};
    key.port = 40000;
    key.recv_id = 255;
    assert_int_equal(weft_sock_ao_add_key(sock, &key), 0);
    assert_non_null(tcp_ao_find(sock->options.ao, &tuple));
    assert_non_null(tcp_ao_find_recv(sock->options.ao, &tuple, 255));
    assert_null(tcp_ao_find_recv(sock->options.ao, &tuple, 254));
    assert_null(tcp_ao_find(sock->options.ao, &other));
    tuple.remote_port = 40001;
    assert_null(tcp_ao_find(sock->options.ao, &tuple));
    key.peer = (struct weft_prefix){WEFT_ADDR_ANY, 0};
    key.port = 0;
    assert_int_equal(weft_sock_ao_add_key(sock, &key), WEFT_E_EXIST); /* "MUST NOT overlap" */
    key.recv_id = 1;
    assert_int_equal(weft_sock_ao_add_key(sock, &key), WEFT_E_EXIST);
    key.send_id = 1;
    key.recv_id = 255;
    assert_int_equal(weft_sock_ao_add_key(sock, &key), WEFT_E_EXIST);
    key.recv_id = 1;
    assert_int_equal(weft_sock_ao_add_key(sock, &key), 0);
    assert_non_null(tcp_ao_find(sock->options.ao, &other));
    key.peer = (struct weft_prefix){weft_ip4(10, 0, 1, 0), 24};
    key.send_id = OUR_ID;
    key.recv_id = 255; /* as the first: no peer is in both */
    assert_int_equal(weft_sock_ao_add_key(sock, &key), 0);
    key.peer.len = 22;
    key.recv_id = key.send_id = 2;
    key.port = 7;
    assert_int_equal(weft_sock_ao_add_key(sock, &key), 0);
    key.port = 8; /* nor is a port of the two the same */
    assert_int_equal(weft_sock_ao_add_key(sock, &key), 0);
    key.port = 0;
    assert_int_equal(weft_sock_ao_add_key(sock, &key), WEFT_E_EXIST);
    assert_int_equal(weft_sock_ao_get_keys(sock, keys, 3), 5);
    assert_int_equal(keys[0].peer.len, 24);
    assert_true(weft_addr_u32(&keys[0].peer.addr) == 0x0a000000);
    assert_int_equal(keys[0].port, 40000);
    assert_int_equal(keys[0].recv_id, 255);
    assert_int_equal(keys[0].key_len, strlen(agreed.secret));
    assert_null(keys[0].key); /* no secret leaves */
    assert_int_equal(keys[1].peer.len, 0);
    assert_int_equal(weft_sock_ao_del_key(sock, &keys[0].peer, 40000, OUR_ID, 255), 0);
    assert_int_equal(weft_sock_ao_del_key(sock, &keys[0].peer, 40000, OUR_ID, 255), WEFT_E_NOTFOUND);
    assert_int_equal(weft_sock_ao_del_key(sock, &keys[1].peer, 1, 1, 1), WEFT_E_NOTFOUND);
    assert_int_equal(weft_sock_ao_del_key(sock, &keys[1].peer, 0, 2, 1), WEFT_E_NOTFOUND);
    assert_int_equal(weft_sock_ao_del_key(sock, &keys[1].peer, 0, 1, 2), WEFT_E_NOTFOUND);
    assert_int_equal(weft_sock_ao_del_key(sock, &keys[1].peer, 0, 1, 1), 0);
    assert_int_equal(weft_sock_ao_get_keys(sock, keys, 3), 3);
    weft_sock_close(sock);
    tcp_peer_end(t);
}

/* --- The calls ------------------------------------------------------------------------------------------------- */

static void bad_keys_are_refused(void **state)
{
    static const uint8_t long_key[WEFT_TCP_AO_KEY_MAX + 1];
    struct weft_tcp_crypto only_md5 = {.md5 = weft_host_tcp_crypto()->md5};
    struct tcp_peer_setup setup = ao_setup();
    struct weft_tcp_ao_key key = first_key();
    struct weft_tcp_ao_info info;
    struct weft_sock *sock, *ping;
    struct tcp_peer *t;

    (void)state;
    setup.tcp.ao_keys = 3;
    t = tcp_peer_new(&setup);
    assert_int_equal(weft_sock_open(t->stack, WEFT_SOCK_STREAM, &sock), 0);
    key.key_len = 0;
    assert_int_equal(weft_sock_ao_add_key(sock, &key), WEFT_E_INVAL);
    key.key = long_key;
    key.key_len = sizeof(long_key);
    assert_int_equal(weft_sock_ao_add_key(sock, &key), WEFT_E_INVAL);
    key.key_len--;
    key.peer.len = 33;
    assert_int_equal(weft_sock_ao_add_key(sock, &key), WEFT_E_INVAL);
    key.peer.len = 32;
    key.algorithm = (enum weft_tcp_ao_algorithm)2;
    assert_int_equal(weft_sock_ao_add_key(sock, &key), WEFT_E_INVAL);
    key.algorithm = WEFT_TCP_AO_AES128;
    for (uint8_t id = 0; id < 3; id++) {
        key.send_id = key.recv_id = id;
        assert_int_equal(weft_sock_ao_add_key(sock, &key), 0);
    }
    key.send_id = key.recv_id = 3;
    assert_int_equal(weft_sock_ao_add_key(sock, &key), WEFT_E_LIMIT);
    assert_int_equal(weft_sock_ao_set(sock, WEFT_TCP_AO_SET_CURRENT, 3), WEFT_E_NOTFOUND);
    assert_int_equal(weft_sock_ao_set(sock, WEFT_TCP_AO_SET_RNEXT, 256 + 1), WEFT_E_NOTFOUND);
    assert_int_equal(weft_sock_ao_set(sock, WEFT_TCP_AO_SET_REQUIRED, 2), WEFT_E_INVAL);
    assert_int_equal(weft_sock_ao_set(sock, (enum weft_tcp_ao_set)9, 1), WEFT_E_INVAL);
    assert_int_equal(weft_sock_open(t->stack, WEFT_SOCK_PING, &ping), 0);
    assert_int_equal(weft_sock_ao_add_key(ping, &key), WEFT_E_OPNOTSUPP);
    assert_int_equal(weft_sock_ao_del_key(ping, &key.peer, 0, 1, 1), WEFT_E_OPNOTSUPP);
    assert_int_equal(weft_sock_ao_get_keys(ping, NULL, 0), WEFT_E_OPNOTSUPP);
    assert_int_equal(weft_sock_ao_info(ping, &info), WEFT_E_OPNOTSUPP);
    assert_int_equal(weft_sock_ao_set(ping, WEFT_TCP_AO_SET_REQUIRED, 1), WEFT_E_OPNOTSUPP);
    weft_sock_close(ping);
    weft_sock_close(sock);
    tcp_peer_end(t);

    setup.tcp.crypto = NULL;
    t = tcp_peer_new(&setup);
    assert_int_equal(weft_sock_open(t->stack, WEFT_SOCK_STREAM, &sock), 0);
    assert_int_equal(weft_sock_ao_add_key(sock, &key), WEFT_E_OPNOTSUPP);
    weft_sock_close(sock);
    tcp_peer_end(t);

    setup.tcp.crypto = &only_md5;
    t = tcp_peer_new(&setup);
    assert_int_equal(weft_sock_open(t->stack, WEFT_SOCK_STREAM, &sock), 0);
    assert_int_equal(weft_sock_ao_add_key(sock, &key), WEFT_E_OPNOTSUPP);
    key.algorithm = WEFT_TCP_AO_SHA1;
    assert_int_equal(weft_sock_ao_add_key(sock, &key), WEFT_E_OPNOTSUPP);
    weft_sock_close(sock);
    tcp_peer_end(t);
}

/* Settings that change while a stack runs cannot take cryptography from keys that need it. */
static void keys_keep_their_cryptography(void **state)
{
    struct weft_tcp_crypto without_sha1 = *weft_host_tcp_crypto();
    struct tcp_peer_setup setup = ao_setup();
    struct weft_tcp_config config = setup.tcp;
    struct tcp_peer *t = tcp_peer_new(&setup);
    struct weft_sock *sock;

    (void)state;
    without_sha1.hmac_sha1 = NULL;
    assert_int_equal(weft_sock_open(t->stack, WEFT_SOCK_STREAM, &sock), 0);
    add_key(sock);
    config.crypto = NULL;
    assert_int_equal(weft_stack_set_tcp(t->stack, &config), WEFT_E_INVAL);
    config.crypto = &without_sha1;
    assert_int_equal(weft_stack_set_tcp(t->stack, &config), WEFT_E_INVAL);
    config.crypto = setup.tcp.crypto;
    assert_int_equal(weft_stack_set_tcp(t->stack, &config), 0);
    weft_sock_close(sock);
    config.crypto = NULL;
    assert_int_equal(weft_stack_set_tcp(t->stack, &config), 0);
    tcp_peer_end(t);
}

/* What a connection tells, and what it refuses. */
static void connections_tell_their_keys(void **state)
{
    struct tcp_peer_setup setup = ao_setup();
    struct weft_tcp_ao_key key = second_key(), keys[2];
    struct weft_tcp_ao_info info;
    struct tcp_peer *t;

    (void)state;
    t = tcp_peer_listening(&setup, 0);
    info = info_of(t->listener);
    assert_true(info.in_use && !info.has_current && !info.has_rnext && !info.required && !info.accept_icmps);
    peer_signs(t);
    shake_hands(t);
    info = info_of(t->sock);
    assert_true(info.in_use && info.has_current && info.has_rnext && !info.has_received);
    assert_int_equal(info.current_id, OUR_ID);
    assert_int_equal(info.rnext_id, PEER_ID);
    peer_sends(t, "PA", 1, 1, 10);
    we_send(t, "A", 1, 11, 0);
    info = info_of(t->sock);
    assert_true(info.has_received);
    assert_int_equal(info.received_id, PEER_ID);
    assert_int_equal(info.received_rnext_id, OUR_ID);
    assert_int_equal(weft_sock_ao_get_keys(t->sock, keys, 2), 1);
    assert_true(keys[0].is_current && keys[0].is_rnext);
    assert_int_equal(keys[0].good, 1);
    key.peer.addr = weft_ip4(10, 0, 0, 3);
    assert_int_equal(weft_sock_ao_add_key(t->sock, &key), WEFT_E_INVAL); /* not for this peer */
    key.peer.addr = tp_peer;
    key.port = 9;
    assert_int_equal(weft_sock_ao_add_key(t->sock, &key), WEFT_E_INVAL);
    key.port = t->peer_port;
    assert_int_equal(weft_sock_ao_add_key(t->sock, &key), 0);
    assert_int_equal(weft_sock_ao_add_key(t->sock, &key), WEFT_E_EXIST); /* nor does a key change */
    assert_int_equal(weft_sock_ao_del_key(t->sock, &peer_only, 0, OUR_ID, PEER_ID), WEFT_E_BUSY);
    assert_int_equal(weft_sock_ao_set(t->sock, WEFT_TCP_AO_SET_CURRENT, OUR_ID_2), 0);
    assert_int_equal(weft_sock_ao_del_key(t->sock, &peer_only, 0, OUR_ID, PEER_ID), WEFT_E_BUSY);
    assert_int_equal(weft_sock_ao_set(t->sock, WEFT_TCP_AO_SET_RNEXT, PEER_ID_2), 0);
    assert_int_equal(weft_sock_ao_set(t->sock, WEFT_TCP_AO_SET_CURRENT, OUR_ID), 0);
    assert_int_equal(weft_sock_ao_del_key(t->sock, &peer_only, 0, OUR_ID, PEER_ID), WEFT_E_BUSY);
    assert_int_equal(weft_sock_ao_set(t->sock, WEFT_TCP_AO_SET_CURRENT, OUR_ID_2), 0);
    assert_int_equal(weft_sock_ao_del_key(t->sock, &peer_only, 0, OUR_ID, PEER_ID), 0);
    peer_sends(t, "PA", 11, 1, 10);
    we_send_nothing(t);
    assert_int_equal(tp_drops(t, WEFT_DROP_TCP_AO_KEY), 1);
    tcp_peer_end(t);

    setup.prepare = NULL;
    setup.accepts = true;
    t = tcp_peer_established(&setup); /* without */
    key.port = 0;
    assert_int_equal(weft_sock_ao_add_key(t->sock, &key), WEFT_E_INVAL);
    assert_int_equal(weft_sock_ao_set(t->sock, WEFT_TCP_AO_SET_REQUIRED, 1), WEFT_E_INVAL);
    assert_int_equal(weft_sock_ao_del_key(t->sock, &peer_only, 0, OUR_ID, PEER_ID), WEFT_E_NOTFOUND);
    assert_int_equal(weft_sock_ao_get_keys(t->sock, keys, 2), 0);
    assert_false(info_of(t->sock).in_use);
    tcp_peer_end(t);
}

/* --- Other keys ------------------------------------------------------------------------------------------------- */

/* 6.1 and 7.5 step 2.e: current_key follows the peer's RNextKeyID, there and back. */
static void the_peer_asks_for_another_key(void **state)
{
    struct tcp_peer_setup setup = ao_setup();
    struct tcp_peer *t;

    (void)state;
    setup.prepare = add_both;
    t = established_as(setup);
    t->ao_rnext_id = 200; /* there is none: no action */
    peer_sends(t, "PA", 1, 1, 10);
    we_send(t, "A", 1, 11, 0);
    assert_int_equal(info_of(t->sock).current_id, OUR_ID);
    t->sign = sign_wrong;
    t->ao_rnext_id = OUR_ID_2;
    peer_sends(t, "PA", 11, 1, 10); /* not authentic: no action */
    assert_int_equal(info_of(t->sock).current_id, OUR_ID);
    t->sign = sign;
    peer_sends(t, "PA", 11, 1, 10);
    we_send(t, "A", 1, 21, 0);
    assert_int_equal(t->last.option_bytes[12 + 2], OUR_ID_2);
    assert_int_equal(t->last.option_bytes[12 + 3], PEER_ID); /* what we want has not changed */
    assert_int_equal(info_of(t->sock).current_id, OUR_ID_2);
    t->ao_key_id = PEER_ID_2; /* the peer's own way is another matter */
    peer_sends(t, "PA", 21, 1, 10);
    we_send(t, "A", 1, 31, 0);
    t->ao_rnext_id = OUR_ID; /* "backing up" */
    peer_sends(t, "PA", 31, 1, 10);
    we_send(t, "A", 1, 41, 0);
    assert_int_equal(info_of(t->sock).current_id, OUR_ID);
    tcp_peer_end(t);
}

static void we_ask_for_another_key(void **state)
{
    struct tcp_peer *t = connected();
    struct weft_tcp_ao_key key = second_key();

    (void)state;
    assert_int_equal(weft_sock_ao_add_key(t->sock, &key), 0);
    assert_int_equal(weft_sock_ao_set(t->sock, WEFT_TCP_AO_SET_RNEXT, PEER_ID_2), 0);
    we_write(t, 10);
    we_send(t, "PA", 1, 1, 10);
    assert_int_equal(t->last.option_bytes[12 + 2], OUR_ID);
    assert_int_equal(t->last.option_bytes[12 + 3], PEER_ID_2);
    peer_sends(t, "A", 1, 11, 0); /* sent before the peer knew: still good */
    t->ao_key_id = PEER_ID_2;
    peer_sends(t, "PA", 1, 11, 10);
    we_send(t, "A", 11, 11, 0);
    assert_int_equal(weft_sock_ao_set(t->sock, WEFT_TCP_AO_SET_CURRENT, OUR_ID_2), 0);
    we_write(t, 10);
    we_send(t, "PA", 11, 11, 10);
    assert_int_equal(t->last.option_bytes[12 + 2], OUR_ID_2);
    assert_int_equal(tp_drops(t, WEFT_DROP_TCP_AO_KEY) + tp_drops(t, WEFT_DROP_TCP_AO_WRONG), 0);
    tcp_peer_end(t);
}

/* 7.5 step 1: a SYN chooses by its KeyID, and by its RNextKeyID what we answer with. */
static void a_syn_names_the_keys(void **state)
{
    struct tcp_peer_setup setup = ao_setup();
    struct tcp_peer *t;

    (void)state;
    setup.prepare = add_both;
    t = listening_as(setup);
    t->ao_key_id = PEER_ID_2;
    peer_sends_syn(t, "S", 0, 0);
    we_send(t, "SA", 0, 1, 0);
    assert_int_equal(t->last.option_bytes[20 + 2],
                     OUR_ID); /* MSS 4, SACK-permitted and timestamps 12, window scale 4 */
    assert_int_equal(t->last.option_bytes[20 + 3], PEER_ID_2);
    tp_agree(t);
    peer_sends(t, "A", 1, 1, 0);
    tp_accept(t);
    assert_int_equal(info_of(t->sock).current_id, OUR_ID);
    assert_int_equal(info_of(t->sock).rnext_id, PEER_ID_2);
    tcp_peer_end(t);

    t = listening_as(setup);
    t->ao_rnext_id = 99; /* not ours: the key that it has used counts for both */
    t->ao_key_id = PEER_ID_2;
    peer_sends_syn(t, "S", 0, 0);
    we_send(t, "SA", 0, 1, 0);
    assert_int_equal(t->last.option_bytes[20 + 2], OUR_ID_2);
    t->ao_key_id = PEER_ID; /* again, with the other key: the last counts */
    peer_sends_syn(t, "S", 0, 0);
    we_send(t, "SA", 0, 1, 0);
    assert_int_equal(t->last.option_bytes[20 + 2], OUR_ID);
    tcp_peer_end(t);
}

static void choose_second(struct weft_sock *sock)
{
    add_both(sock);
    assert_int_equal(weft_sock_ao_set(sock, WEFT_TCP_AO_SET_CURRENT, OUR_ID_2), 0);
    assert_int_equal(weft_sock_ao_set(sock, WEFT_TCP_AO_SET_RNEXT, PEER_ID_2), 0);
}

/* What is chosen before the connection begins holds for it. */
static void keys_can_be_chosen_before(void **state)
{
    struct tcp_peer_setup setup = ao_setup();
    struct tcp_peer *t;

    (void)state;
    setup.prepare = choose_second;
    t = syn_sent_as(setup);
    assert_int_equal(t->last.option_bytes[20 + 2], OUR_ID_2);
    assert_int_equal(t->last.option_bytes[20 + 3], PEER_ID_2);
    tcp_peer_end(t);
    t = listening_as(setup);
    shake_hands(t); /* the peer uses the first key; we say that we would rather have the second */
    assert_int_equal(t->last.option_bytes[20 + 3], PEER_ID_2);
    assert_int_equal(info_of(t->sock).rnext_id, PEER_ID_2);
    assert_int_equal(info_of(t->sock).current_id, OUR_ID);
    tcp_peer_end(t);
}

/* Keys for others first, with the same numbers; settings that a connection gets from its listener. */
static void listen_for_many(struct weft_sock *sock)
{
    struct weft_tcp_ao_key key = first_key();

    key.peer.addr = weft_ip4(10, 0, 0, 3);
    key.key = "not this one";
    assert_int_equal(weft_sock_ao_add_key(sock, &key), 0);
    add_key(sock);
    assert_int_equal(weft_sock_ao_set(sock, WEFT_TCP_AO_SET_REQUIRED, 1), 0);
    assert_int_equal(weft_sock_ao_set(sock, WEFT_TCP_AO_SET_ICMPS, 1), 0);
}

/* All keys come home: of a listener, of what stands, of what is left in TIME-WAIT. */
static void keys_come_home(void **state)
{
    struct tcp_peer *t = established();
    struct weft_stack_usage usage;

    (void)state;
    weft_stack_usage(t->stack, &usage);
    assert_int_equal(usage.ao_keys, 2);
    we_shutdown(t);
    we_send(t, "FA", 1, 1, 0);
    peer_sends(t, "FA", 1, 2, 0);
    we_send(t, "A", 2, 2, 0);
    we_close(t);
    weft_stack_usage(t->stack, &usage);
    assert_int_equal(usage.ao_keys, 2);
    after(t, 61 * WEFT_SEC);
    weft_stack_usage(t->stack, &usage);
    assert_int_equal(usage.ao_keys, 1);
    weft_sock_close(t->listener);
    t->listener = NULL;
    weft_stack_usage(t->stack, &usage);
    assert_int_equal(usage.ao_keys, 0);
    tcp_peer_end(t);
}

/* 3.1: the same numbers may be for other peers; a connection has the keys that are for its own, and no others. */
static void each_peer_has_its_keys(void **state)
{
    struct tcp_peer_setup setup = ao_setup();
    struct weft_tcp_ao_key keys[2];
    struct tcp_peer *t;

    (void)state;
    setup.prepare = listen_for_many;
    t = established_as(setup);
    assert_int_equal(weft_sock_ao_get_keys(t->sock, keys, 2), 1);
    assert_true(weft_addr_eq(&keys[0].peer.addr, &tp_peer));
    assert_true(info_of(t->sock).required && info_of(t->sock).accept_icmps);
    tcp_peer_end(t);
    t = syn_sent_as(setup);
    assert_int_equal(weft_sock_ao_get_keys(t->sock, keys, 2), 1);
    tcp_peer_end(t);
}

/* A listener's key that is taken away ends what was half-open with it; what stands has its copy. */
static void a_listeners_keys_may_change(void **state)
{
    struct tcp_peer *t = listening();

    (void)state;
    peer_sends_syn(t, "S", 0, 0);
    we_send(t, "SA", 0, 1, 0);
    assert_int_equal(weft_sock_ao_del_key(t->listener, &peer_only, 0, OUR_ID, PEER_ID), 0);
    after(t, 100 * WEFT_SEC); /* no SYN-ACK goes again, signed or not */
    we_send_nothing(t);
    tcp_peer_end(t);

    t = established();
    assert_int_equal(weft_sock_ao_del_key(t->listener, &peer_only, 0, OUR_ID, PEER_ID), 0);
    peer_sends(t, "PA", 1, 1, 10);
    we_send(t, "A", 1, 11, 0);
    tcp_peer_end(t);

    t = tcp_peer_listening(&(struct tcp_peer_setup){.tcp = {.crypto = weft_host_tcp_crypto()}}, 0);
    add_key(t->listener); /* the first key of a listener that listens already */
    peer_sends_syn(t, "S", 0, 0);
    we_send_nothing(t);
    peer_signs(t);
    peer_sends_syn(t, "S", 0, 0);
    we_send(t, "SA", 0, 1, 0);
    tcp_peer_end(t);
}

/* Where the configured number of keys is used up no connection stands without: the peer tries again. */
static void without_memory_for_keys_nothing_begins(void **state)
{
    struct tcp_peer_setup setup = ao_setup();
    struct weft_endpoint remote = {tp_peer, TP_SERVER_PORT};
    struct weft_tcp_ao_key key = second_key();
    struct weft_sock *sock;
    struct tcp_peer *t;

    (void)state;
    setup.tcp.ao_keys = 2; /* the listener's, and one more */
    t = listening_as(setup);
    assert_int_equal(weft_sock_open(t->stack, WEFT_SOCK_STREAM, &sock), 0);
    assert_int_equal(weft_sock_ao_add_key(sock, &key), 0);
    assert_int_equal(weft_sock_connect(sock, &remote), WEFT_E_LIMIT);
    peer_sends_syn(t, "S", 0, 0);
    we_send(t, "SA", 0, 1, 0);
    tp_agree(t);
    peer_sends(t, "A", 1, 1, 0);
    assert_int_equal(weft_sock_accept(t->listener, &t->sock), WEFT_E_AGAIN);
    weft_sock_close(sock);
    peer_sends(t, "PA", 1, 1, 10);
    we_send(t, "A", 1, 11, 0);
    tp_accept(t);
    tcp_peer_end(t);
}

/* --- With the rest of TCP ---------------------------------------------------------------------------------------- */

/* A cookie's ACK says both ISNs: it can be checked although nothing was kept. */
static void cookies_go_with_ao(void **state)
{
    struct tcp_peer_setup setup = ao_setup();
    struct tcp_peer *t;

    (void)state;
    setup.tcp.syn_cookies = WEFT_SYN_COOKIES_ALWAYS;
    t = listening_as(setup);
    peer_sends_syn(t, "S", 0, 0);
    we_send(t, "SA", 0, 1, 0);
    tp_agree(t);
    t->sign = sign_wrong;
    peer_sends(t, "A", 1, 1, 0);
    peer_is_plain(t);
    peer_sends(t, "A", 1, 1, 0);
    we_send_nothing(t);
    assert_int_equal(tp_drops(t, WEFT_DROP_TCP_AO_WRONG), 1);
    peer_signs(t);
    peer_sends(t, "A", 1, 1, 0);
    tp_accept(t);
    assert_int_equal(tp_count(t, WEFT_COUNT_TCP_COOKIES_TAKEN), 1);
    peer_sends(t, "PA", 1, 1, 2000);
    we_send(t, "A", 1, 2001, 0);
    tcp_peer_end(t);
}

/* An ACK of a peer that has the key, and whose cookie is too old: the reset is authentic, for both numbers are known.
 * Without a cookie that may come back they are not (7.7). */
static void resets_for_nobody(void **state)
{
    struct tcp_peer_setup setup = ao_setup();
    struct tcp_peer *t;

    (void)state;
    setup.tcp.syn_cookies = WEFT_SYN_COOKIES_ALWAYS;
    t = listening_as(setup);
    peer_sends(t, "A", 1, 1, 0);
    we_send_nothing(t);
    assert_int_equal(tp_drops(t, WEFT_DROP_TCP_AO_NO_ISN), 1);
    peer_sends_syn(t, "S", 0, 0);
    we_send(t, "SA", 0, 1, 0);
    t->loose = true;
    t->iss += 77;
    peer_sends_syn(t, "SA", 1, 1);
    peer_sends(t, "RA", 1, 1, 0);
    we_send_nothing(t);
    assert_int_equal(tp_drops(t, WEFT_DROP_TCP_AO_NO_ISN), 3);
    peer_sends(t, "A", 1, 1, 0);
    we_send(t, "R", 1, 0, 0);
    assert_int_equal(verified, 2);
    t->our_port = 81; /* there is no key for whom nobody listens */
    t->verify = NULL;
    peer_sends(t, "A", 1, 1, 0);
    we_send(t, "R", 1, 0, 0);
    assert_false(t->last.opts.has_ao);
    tcp_peer_end(t);
}

/* RFC 6191 with AO: a SYN may take the place of a connection in TIME-WAIT, with the listener's keys. */
static void time_wait_gives_way_to_an_authentic_syn(void **state)
{
    struct tcp_peer *t = established();

    (void)state;
    we_shutdown(t);
    we_send(t, "FA", 1, 1, 0);
    peer_sends(t, "FA", 1, 2, 0);
    we_send(t, "A", 2, 2, 0);
    we_are(t, TIME_WAIT);
    after(t, WEFT_SEC);
    t->loose = true;
    t->verify = NULL; /* the harness does not know our new ISN yet */
    t->irs += 100000;
    t->iss = 0;
    peer_sends_syn(t, "S", 0, 0);
    assert_int_equal(t->count, 1);
    t->iss = t->segs[t->first].tcp.seq;
    assert_true(t->segs[t->first].opts.has_ao);
    ignore_sent(t);
    t->verify = verify;
    peer_sends(t, "A", 1, 1, 0);
    weft_sock_close(t->sock);
    tp_accept(t);
    we_are(t, ESTABLISHED);
    tcp_peer_end(t);
}

/* Who begins anew must have a key that the listener has now. */
static void a_syn_in_time_wait_needs_a_key_of_today(void **state)
{
    struct tcp_peer *t = established();
    struct weft_tcp_ao_key key = second_key();

    (void)state;
    we_shutdown(t);
    we_send(t, "FA", 1, 1, 0);
    peer_sends(t, "FA", 1, 2, 0);
    we_send(t, "A", 2, 2, 0);
    assert_int_equal(weft_sock_ao_add_key(t->listener, &key), 0);
    assert_int_equal(weft_sock_ao_del_key(t->listener, &peer_only, 0, OUR_ID, PEER_ID), 0);
    peer_sends(t, "FA", 1, 2, 0); /* what is left has its own */
    we_send(t, "A", 2, 2, 0);
    after(t, WEFT_SEC);
    t->loose = true;
    t->verify = NULL;
    t->irs += 100000;
    peer_sends_syn(t, "S", 0, 0);
    we_send_nothing(t);
    assert_int_equal(tp_drops(t, WEFT_DROP_TCP_AO_KEY), 1);
    t->ao_key_id = PEER_ID_2;
    peer_sends_syn(t, "S", 0, 0);
    assert_int_equal(t->count, 1);
    assert_int_equal(t->segs[t->first].tcp.flags, WIRE_TCP_SYN | WIRE_TCP_ACK);
    ignore_sent(t);
    tcp_peer_end(t);
}

/* 8: "MUST NOT use both", "MUST use TCP-AO ... unless not supported by its peer". */
static void ao_goes_before_md5(void **state)
{
    struct tcp_peer_setup setup = ao_setup();
    struct tcp_peer *t = tcp_peer_listening(&setup, 0);

    (void)state;
    assert_int_equal(weft_stack_set_md5_key(t->stack, &peer_only, 0, "old", 3), 0);
    t->sign = NULL;
    peer_sends_syn(t, "S", 0, 0);
    we_send_nothing(t);
    peer_signs(t); /* verify() wants no MD5 */
    shake_hands(t);
    assert_int_equal(weft_stack_set_md5_key(t->stack, &peer_only, 0, "new", 3), 0);
    we_write(t, 100);
    we_send(t, "PA", 1, 1, 100);
    peer_sends(t, "A", 1, 101, 0);
    assert_int_equal(tp_info(t).snd_mss, 1432);
    tcp_peer_end(t);

    setup.prepare = add_key_for_others; /* where no AO key is for the peer, MD5 is asked for */
    t = tcp_peer_listening(&setup, 0);
    assert_int_equal(weft_stack_set_md5_key(t->stack, &peer_only, 0, "old", 3), 0);
    peer_signs(t);
    peer_sends_syn(t, "S", 0, 0);
    we_send_nothing(t);
    assert_int_equal(tp_drops(t, WEFT_DROP_TCP_MD5_MISSING), 1);
    tcp_peer_end(t);
}

#define UNREACHABLE 3

/* 7.8: codes 2 to 4 are ignored once the connection stands, unless it says otherwise. */
static void hard_icmp_errors_are_ignored(void **state)
{
    struct tcp_peer *t = established();

    (void)state;
    we_write(t, 1000);
    we_send(t, "PA", 1, 1, 1000);
    peer_sends_icmp(t, UNREACHABLE, 2, 0, 1);
    peer_sends_icmp(t, UNREACHABLE, 3, 0, 1);
    peer_sends_icmp(t, UNREACHABLE, 4, 600, 1);
    assert_int_equal(weft_sock_trouble(t->sock), 0);
    assert_int_equal(tp_info(t).snd_mss, 1432);
    assert_int_equal(tp_drops(t, WEFT_DROP_ICMP_AO), 3);
    assert_int_equal(info_of(t->sock).icmps, 3);
    peer_sends_icmp(t, UNREACHABLE, 1, 0, 1); /* a soft one is told */
    assert_int_equal(weft_sock_trouble(t->sock), WEFT_E_HOSTUNREACH);
    assert_int_equal(weft_sock_ao_set(t->sock, WEFT_TCP_AO_SET_ICMPS, 1), 0);
    peer_sends_icmp(t, UNREACHABLE, 3, 0, 1);
    assert_int_equal(weft_sock_trouble(t->sock), WEFT_E_CONNREFUSED);
    assert_int_equal(tp_drops(t, WEFT_DROP_ICMP_AO), 3);
    tcp_peer_end(t);

    t = syn_sent_as(ao_setup()); /* not synchronized: refused at once */
    peer_sends_icmp(t, UNREACHABLE, 3, 0, 0);
    assert_int_equal(weft_sock_error(t->sock), WEFT_E_CONNREFUSED);
    tcp_peer_end(t);
}

static void add_key_and_open_fast(struct weft_sock *sock)
{
    add_key(sock);
    assert_int_equal(weft_sock_setopt(sock, WEFT_OPT_FASTOPEN_NO_COOKIE, 1), 0);
}

static void listen_fast(struct weft_sock *sock)
{
    add_key_and_open_fast(sock);
    assert_int_equal(weft_sock_setopt(sock, WEFT_OPT_FASTOPEN, 10), 0);
}

/* RFC 7413: no room for a cookie, but data may go with the SYN, and is authenticated. */
static void data_in_the_syn(void **state)
{
    struct tcp_peer_setup setup = ao_setup();
    struct weft_endpoint remote = {tp_peer, TP_SERVER_PORT};
    uint8_t bytes[100];
    struct tcp_peer *t;

    (void)state;
    t = tcp_peer_new(&setup);
    t->peer_port = TP_SERVER_PORT;
    t->our_port = TP_CLIENT_PORT;
    t->sock = tp_open(t);
    tp_await_iss(t);
    peer_signs(t);
    assert_int_equal(weft_sock_connect_send(t->sock, &remote, bytes, sizeof(bytes)), WEFT_E_INPROGRESS);
    tp_step(t);
    we_send(t, "S", 0, 0, 0);
    assert_false(t->last.opts.has_fast_open);
    tcp_peer_end(t);

    setup.prepare = add_key_and_open_fast;
    t = tcp_peer_new(&setup);
    t->peer_port = TP_SERVER_PORT;
    t->our_port = TP_CLIENT_PORT;
    t->sock = tp_open(t);
    tp_await_iss(t);
    peer_signs(t);
    t->write_seq = TP_ISS + 1;
    for (unsigned i = 0; i < sizeof(bytes); i++)
        bytes[i] = tp_byte(t->write_seq + i);
    t->peer_edge = TP_ISS + 1 + 1000;
    t->loose = true;
    t->iss = TP_ISS;
    assert_int_equal(weft_sock_connect_send(t->sock, &remote, bytes, sizeof(bytes)), 100);
    tp_step(t);
    we_send(t, "S", 0, 0, 100);
    tp_agree(t);
    peer_sends_syn(t, "SA", 0, 101);
    we_send(t, "A", 101, 1, 0);
    assert_int_equal(verified, 3);
    tcp_peer_end(t);

    setup.prepare = listen_fast;
    t = listening_as(setup);
    struct wire_tcp_opts opts = tp_syn_options(t);
    tp_send(t, "S", 0, 0, 100, &opts);
    we_send(t, "SA", 0, 101, 0);
    tp_agree(t);
    tp_accept(t);
    we_read(t, 100);
    we_send(t, "A", 1, 101, 0); /* the window, scaled now */
    peer_sends(t, "A", 101, 1, 0);
    we_are(t, ESTABLISHED);
    assert_int_equal(info_of(t->sock).good, 1);
    we_write(t, 10);
    we_send(t, "PA", 1, 101, 10);
    tcp_peer_end(t);
}

/* A cookie that was learned before there was a key has no room beside AO: connect does not wait for data. */
static void a_known_cookie_is_not_shown(void **state)
{
    struct weft_endpoint remote = {tp_peer, TP_SERVER_PORT};
    struct tcp_peer_setup setup = ao_setup();
    struct wire_tcp_opts opts;
    struct tcp_peer *t;

    (void)state;
    setup.prepare = NULL;
    t = tcp_peer_new(&setup);
    t->peer_port = TP_SERVER_PORT;
    t->our_port = TP_CLIENT_PORT;
    t->sock = tp_open(t);
    tp_await_iss(t);
    assert_int_equal(weft_sock_connect_send(t->sock, &remote, "", 0), WEFT_E_INPROGRESS);
    tp_step(t);
    we_send(t, "S", 0, 0, 0);
    tp_agree(t);
    opts = tp_syn_options(t);
    opts.has_fast_open = true;
    opts.cookie_len = 8;
    tp_send(t, "SA", 0, 1, 0, &opts);
    we_send(t, "A", 1, 1, 0);
    we_abort(t);
    t->loose = true;
    for (unsigned with_key = 0; with_key < 2; with_key++) {
        struct weft_sock *sock;

        assert_int_equal(weft_sock_open(t->stack, WEFT_SOCK_STREAM, &sock), 0);
        assert_int_equal(weft_sock_setopt(sock, WEFT_OPT_FASTOPEN_CONNECT, 1), 0);
        if (with_key)
            add_key(sock);
        assert_int_equal(weft_sock_connect(sock, &remote), with_key ? WEFT_E_INPROGRESS : 0);
        weft_sock_abort(sock);
    }
    tp_step(t);
    ignore_sent(t);
    tcp_peer_end(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(every_segment_is_authenticated, agree),
        cmocka_unit_test_setup(we_authenticate_when_we_connect, agree),
        cmocka_unit_test_setup(both_may_open_at_once, agree),
        cmocka_unit_test_setup(each_segment_has_its_own_mac, agree),
        cmocka_unit_test_setup(sack_has_the_room_that_is_left, agree),
        cmocka_unit_test_setup(what_is_not_authentic_gets_no_answer, agree),
        cmocka_unit_test_setup(half_open_connections_are_protected, agree),
        cmocka_unit_test_setup(a_connection_that_begins_believes_only_the_peer, agree),
        cmocka_unit_test_setup(bad_options_are_dropped, agree),
        cmocka_unit_test_setup(a_mac_of_another_length_is_wrong, agree),
        cmocka_unit_test_setup(nothing_can_be_sent_again_after_a_wrap, agree),
        cmocka_unit_test_setup(forged_numbers_do_not_move_the_sne, agree),
        cmocka_unit_test_setup(a_kept_syn_chooses_no_key, agree),
        cmocka_unit_test_setup(unmatched_segments_are_accepted_unless_configured, agree),
        cmocka_unit_test_setup(ao_can_be_required, agree),
        cmocka_unit_test_setup(keys_are_for_prefixes_and_ports, agree),
        cmocka_unit_test_setup(bad_keys_are_refused, agree),
        cmocka_unit_test_setup(keys_keep_their_cryptography, agree),
        cmocka_unit_test_setup(connections_tell_their_keys, agree),
        cmocka_unit_test_setup(the_peer_asks_for_another_key, agree),
        cmocka_unit_test_setup(we_ask_for_another_key, agree),
        cmocka_unit_test_setup(a_syn_names_the_keys, agree),
        cmocka_unit_test_setup(keys_can_be_chosen_before, agree),
        cmocka_unit_test_setup(keys_come_home, agree),
        cmocka_unit_test_setup(each_peer_has_its_keys, agree),
        cmocka_unit_test_setup(a_listeners_keys_may_change, agree),
        cmocka_unit_test_setup(without_memory_for_keys_nothing_begins, agree),
        cmocka_unit_test_setup(cookies_go_with_ao, agree),
        cmocka_unit_test_setup(resets_for_nobody, agree),
        cmocka_unit_test_setup(time_wait_gives_way_to_an_authentic_syn, agree),
        cmocka_unit_test_setup(a_syn_in_time_wait_needs_a_key_of_today, agree),
        cmocka_unit_test_setup(ao_goes_before_md5, agree),
        cmocka_unit_test_setup(hard_icmp_errors_are_ignored, agree),
        cmocka_unit_test_setup(data_in_the_syn, agree),
        cmocka_unit_test_setup(a_known_cookie_is_not_shown, agree),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
