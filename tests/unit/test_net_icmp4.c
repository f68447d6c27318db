/* SPDX-License-Identifier: MIT */
/* ICMP: echo, the errors that we are told and those that we tell (RFC 792, RFC 1122 3.2.2, RFC 1191). */
#include "net_fixture.h"

#include "net/icmp4.h"

static const struct wire_icmp4 echo = {.type = WIRE_ICMP4_ECHO, .id = 7, .seq = 9};

static void fill(uint8_t *bytes, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)(i * 13 + 1);
}

/* --- Echo --- */

static void answers_echo_with_all_its_data(void **state)
{
    struct weft_addr us = FX_US, peer = FX_PEER;
    struct weft_trace_record record;
    struct net_fixture f;
    uint8_t data[1472];

    (void)state;
    fill(data, sizeof(data));
    fx_start(&f, 0);
    fx_resolve_peer(&f);
    for (uint32_t len = 0; len <= sizeof(data); len += 92) {
        struct wire_ip4 ip = fx_ip(WIRE_PROTO_ICMP);
        struct wire_icmp4 icmp;
        struct fx_frame frame;

        ip.tos = 0x48;
        f.linear = len % 3 ? 0 : 14 + 20 + len % 50;
        f.headroom = len % 2 ? 64 : 0;
        fx_input_icmp(&f, &ip, &echo, data, len);
        icmp = fx_expect_icmp(&f, &ip, &frame);
        assert_int_equal(icmp.type, WIRE_ICMP4_ECHO_REPLY);
        assert_int_equal(icmp.code, 0);
        assert_int_equal(icmp.id, 7);
        assert_int_equal(icmp.seq, 9);
        assert_int_equal(frame.left, len);
        assert_memory_equal(frame.at, data, len);
        assert_true(weft_addr_eq(&ip.src, &us) && weft_addr_eq(&ip.dst, &peer));
        assert_int_equal(ip.tos, 0x48);
        assert_int_equal(ip.ttl, 64);
        assert_int_equal(ip.flags, 0);
    }
    f.cursor = 0;
    assert_true(fx_traced(&f, WEFT_TRACE_ICMP_IN, &record));
    assert_int_equal(record.arg[2], WIRE_ICMP4_ECHO << 8);
    assert_true(fx_traced(&f, WEFT_TRACE_ICMP_OUT, &record));
    assert_int_equal(record.arg[2], 0);
    assert_int_equal(f.core.stats.count[WEFT_COUNT_ICMP_OUT], 17);
    fx_expect_none(&f);
    fx_stop(&f);
}

/* RFC 1122 3.2.2.6: from the address that was asked, whichever interface is on the way. */
static void answers_from_the_address_that_was_asked(void **state)
{
    struct weft_addr second = weft_ip4(10, 88, 0, 2);
    struct wire_ip4 ip = fx_ip(WIRE_PROTO_ICMP);
    struct fx_frame frame;
    struct net_fixture f;

    (void)state;
    fx_start(&f, 0);
    fx_resolve_peer(&f);
    fx_add_addr(&f, fx_add_iface(&f, WEFT_LINK_IP, 0, NULL), second, 24);
    ip.dst = second;
    fx_input_icmp(&f, &ip, &echo, "data", 4);
    fx_expect_icmp(&f, &ip, &frame);
    assert_true(weft_addr_eq(&ip.src, &second));
    fx_stop(&f);
}

/* The same: cut to what the way back takes. */
static void truncates_what_does_not_fit_the_way_back(void **state)
{
    struct weft_iface_config narrow = {.name = "n", .type = WEFT_LINK_IP, .mtu = 576};
    struct wire_ip4 ip = fx_ip(WIRE_PROTO_ICMP);
    struct fx_frame frame;
    struct net_fixture f;
    uint8_t data[1400];
    int tun;

    (void)state;
    fill(data, sizeof(data));
    fx_start(&f, 0);
    tun = net_iface_add(f.net, &narrow);
    fx_add_addr(&f, tun, weft_ip4(10, 88, 0, 2), 24);
    ip.src = weft_ip4(10, 88, 0, 1);
    fx_input_icmp(&f, &ip, &echo, data, sizeof(data));
    fx_pop(&f, tun, &frame);
    assert_int_equal(frame.len, 576);
    assert_int_equal(checksum_finish(checksum_sum(frame.bytes + 20, 556)), 0);
    assert_memory_equal(frame.bytes + 28, data, 548);
    fx_stop(&f);
}

static void answers_no_echo_to_many(void **state)
{
    static const uint32_t many[] = {0xffffffff, 0x0a4d00ff, 0xe0000001};
    struct wire_ip4 ip = fx_ip(WIRE_PROTO_ICMP);
    struct net_fixture f;

    (void)state;
    fx_start(&f, 0);
    for (unsigned i = 0; i < 3; i++) {
        ip.dst = weft_ip4_from_u32(many[i]);
        fx_input_icmp(&f, &ip, &echo, "data", 4);
    }
    assert_int_equal(fx_drops(&f, WEFT_DROP_ICMP_BROADCAST), 3);
    fx_expect_none(&f);
    fx_stop(&f);
}

static void limits_echo_replies(void **state)
{
    struct weft_stack_config config = {.icmp_per_second = 2}; /* and ten times as many echo replies */
    struct wire_ip4 ip = fx_ip(WIRE_PROTO_ICMP);
    struct net_fixture f;

    (void)state;
    fx_start_with(&f, &config);
    f.eth = fx_add_iface(&f, WEFT_LINK_ETHERNET, 0, &(struct weft_mac){{2, 0, 0, 0, 0, 2}});
    fx_add_addr(&f, f.eth, FX_US, 24);
    fx_advance(&f, 10 * WEFT_SEC);
    fx_discard(&f, f.eth);
    fx_resolve_peer(&f);
    for (unsigned i = 0; i < 100; i++)
        fx_input_icmp(&f, &ip, &echo, "data", 4);
    assert_int_equal(net_output_queue(f.net, f.eth)->count, 20);
    assert_int_equal(f.core.stats.count[WEFT_COUNT_ICMP_LIMITED], 80);
    assert_true(fx_traced(&f, WEFT_TRACE_ICMP_LIMITED, NULL));
    fx_discard(&f, f.eth);
    fx_advance(&f, WEFT_SEC / 2);
    for (unsigned i = 0; i < 100; i++)
        fx_input_icmp(&f, &ip, &echo, "data", 4);
    assert_int_equal(net_output_queue(f.net, f.eth)->count, 10);
    fx_stop(&f);
}

static void sends_echo_and_takes_the_reply(void **state)
{
    struct wire_icmp4 reply = {.type = WIRE_ICMP4_ECHO_REPLY, .id = 0x1234, .seq = 5};
    struct wire_ip4 ip = fx_ip(WIRE_PROTO_ICMP);
    struct net_tx tx = {.dst = FX_PEER, .ttl = 9};
    struct weft_addr us = FX_US;
    struct wire_icmp4 icmp;
    struct fx_frame frame;
    struct net_fixture f;

    (void)state;
    fx_start(&f, 0);
    fx_resolve_peer(&f);
    assert_int_equal(net_send_echo(f.net, &tx, 0x1234, 5, fx_packet(&f, 33)), 0);
    icmp = fx_expect_icmp(&f, &ip, &frame);
    assert_int_equal(icmp.type, WIRE_ICMP4_ECHO);
    assert_int_equal(icmp.id, 0x1234);
    assert_int_equal(icmp.seq, 5);
    assert_int_equal(frame.left, 33);
    assert_int_equal(ip.ttl, 9);
    assert_true(weft_addr_eq(&ip.src, &us));
    ip = fx_ip(WIRE_PROTO_ICMP);
    ip.dst = weft_ip4(10, 77, 0, 255); /* who replies to all replies to nobody */
    fx_input_icmp(&f, &ip, &reply, "reply", 5);
    assert_int_equal(fx_drops(&f, WEFT_DROP_ICMP_BROADCAST), 1);
    ip.dst = FX_US;
    fx_input_icmp(&f, &ip, &reply, "reply", 5);
    assert_int_equal(f.echo.packets, 1);
    assert_int_equal(f.echo.id, 0x1234);
    assert_int_equal(f.echo.seq, 5);
    assert_int_equal(f.echo.len, 5);
    assert_memory_equal(f.echo.bytes, "reply", 5);
    net_set_echo(f.net, &(struct net_echo){0});
    fx_input_icmp(&f, &ip, &reply, "reply", 5);
    assert_int_equal(fx_drops(&f, WEFT_DROP_ICMP_TYPE), 1);
    fx_stop(&f);
}

/* A link that leaves no room in front, and somebody else who holds the block too: then there is no reply. */
static void moves_a_reply_only_where_it_may(void **state)
{
    struct wire_ip4 ip = fx_ip(WIRE_PROTO_ICMP);
    struct weft_stack_config config = {0};
    struct net_fixture f;
    uint8_t message[64], bytes[128];
    int tun;

    (void)state;
    fx_start_with(&f, &config);
    tun = fx_add_iface(&f, WEFT_LINK_IP, 0, NULL);
    fx_add_addr(&f, tun, FX_US, 24);
    for (unsigned shared = 0; shared < 2; shared++) {
        uint32_t len = fx_write_icmp(&echo, "data", 4, message, sizeof(message));
        struct weft_pkt *pkt = weft_pkt_new_rx(f.pool, 0);
        struct weft_block *head = pkt->head;

        len = fx_write_ip(&ip, 0, message, len, bytes, sizeof(bytes));
        memcpy(weft_pkt_put(pkt, len), bytes, len);
        if (shared)
            weft_block_ref(head);
        pkt->flags = WEFT_PKT_CSUM_GOOD; /* true of the request */
        net_input(f.net, tun, pkt);
        assert_int_equal(net_output_queue(f.net, tun)->count, 1);
        assert_int_equal(net_output_queue(f.net, tun)->head->flags, 0);
        assert_int_equal(fx_drops(&f, WEFT_DROP_POOL_EMPTY), shared);
        if (shared)
            weft_block_unref(head);
    }
    fx_stop(&f);
}

static void echoes_to_ourselves(void **state)
{
    struct net_tx tx = {.dst = weft_ip4(127, 0, 0, 1)};
    struct net_fixture f;

    (void)state;
    fx_start(&f, 0);
    assert_int_equal(net_send_echo(f.net, &tx, 1, 2, fx_packet(&f, 100)), 0);
    net_step(f.net);
    assert_int_equal(f.echo.packets, 0);
    net_step(f.net);
    assert_int_equal(f.echo.packets, 1);
    assert_int_equal(f.echo.len, 100);
    assert_false(net_has_work(f.net));
    fx_stop(&f);
}

static void drops_what_is_malformed(void **state)
{
    struct wire_ip4 ip = fx_ip(WIRE_PROTO_ICMP);
    struct net_fixture f;
    uint8_t bytes[32];
    uint32_t len = fx_write_icmp(&echo, "data", 4, bytes, sizeof(bytes));

    (void)state;
    fx_start(&f, 0);
    for (uint32_t n = 0; n < len; n++)
        fx_input_ip(&f, &ip, bytes, n);
    for (unsigned bit = 0; bit < len * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        fx_input_ip(&f, &ip, bytes, len);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_int_equal(fx_drops(&f, WEFT_DROP_ICMP_MALFORMED), len + len * 8);
    fx_expect_none(&f);
    fx_stop(&f);
}

/* RFC 1122 3.2.2: unknown types are discarded without a word; so are those that we do not act on. */
static void ignores_what_it_does_not_act_on(void **state)
{
    struct wire_ip4 ip = fx_ip(WIRE_PROTO_ICMP);
    struct net_fixture f;
    unsigned ignored = 0;

    (void)state;
    fx_start(&f, 0);
    fx_resolve_peer(&f);
    for (unsigned type = 0; type < 256; type++) {
        struct wire_icmp4 icmp = {.type = (uint8_t)type};

        if (type == 0 || type == 3 || type == 4 || type == 8 || type == 11 || type == 12)
            continue;
        fx_input_icmp(&f, &ip, &icmp, "0123456789012345678901234567890", 31);
        ignored++;
    }
    assert_int_equal(fx_drops(&f, WEFT_DROP_ICMP_TYPE), ignored);
    fx_expect_none(&f);
    fx_stop(&f);
}

/* --- Errors that we are told --- */

/* An error from the peer about a packet of `proto` that we sent to FX_FAR, with its first `len` bytes
 * of data. */
static void input_error(struct net_fixture *f, struct wire_icmp4 icmp, struct wire_ip4 quoted, uint32_t len)
{
    struct wire_ip4 ip = fx_ip(WIRE_PROTO_ICMP);
    uint8_t data[64], quote[128];

    fill(data, sizeof(data));
    fx_input_icmp(f, &ip, &icmp, quote, fx_write_ip(&quoted, 0, data, len, quote, sizeof(quote)));
}

static struct wire_ip4 quoted_packet(uint8_t proto)
{
    return (struct wire_ip4){.total_len = 1500, .ttl = 60, .proto = proto, .src = FX_US, .dst = FX_FAR};
}

static void tells_the_transport_of_errors(void **state)
{
    static const struct {
        uint8_t type, code;
        enum net_error_kind kind;
    } cases[] = {
        {3, 0, NET_ERROR_NET_UNREACHABLE},
        {3, 1, NET_ERROR_HOST_UNREACHABLE},
        {3, 2, NET_ERROR_PROTOCOL_UNREACHABLE},
        {3, 3, NET_ERROR_PORT_UNREACHABLE},
        {3, 4, NET_ERROR_TOO_BIG},
        {3, 5, NET_ERROR_SOURCE_ROUTE_FAILED},
        {3, 6, NET_ERROR_NET_UNREACHABLE},
        {3, 7, NET_ERROR_HOST_UNREACHABLE},
        {3, 8, NET_ERROR_HOST_UNREACHABLE},
        {3, 9, NET_ERROR_ADMIN_PROHIBITED},
        {3, 10, NET_ERROR_ADMIN_PROHIBITED},
        {3, 11, NET_ERROR_NET_UNREACHABLE},
        {3, 12, NET_ERROR_HOST_UNREACHABLE},
        {3, 13, NET_ERROR_ADMIN_PROHIBITED},
        {3, 14, NET_ERROR_ADMIN_PROHIBITED},
        {3, 15, NET_ERROR_ADMIN_PROHIBITED},
        {3, 16, NET_ERROR_HOST_UNREACHABLE},
        {3, 255, NET_ERROR_HOST_UNREACHABLE},
        {4, 0, NET_ERROR_SOURCE_QUENCH},
        {11, 0, NET_ERROR_TIME_EXCEEDED},
        {11, 1, NET_ERROR_TIME_EXCEEDED},
        {12, 0, NET_ERROR_PARAMETER_PROBLEM},
    };
    struct weft_addr us = FX_US, peer = FX_PEER, far = FX_FAR;
    struct net_fixture f;
    uint8_t data[8];

    (void)state;
    fill(data, sizeof(data));
    fx_start(&f, 0);
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        f.linear = i % 2 ? 14 + 20 + i : 0;
        input_error(&f, (struct wire_icmp4){.type = cases[i].type, .code = cases[i].code},
                    quoted_packet(FX_PROTO), 8);
        assert_int_equal(f.tcp.errors, i + 1);
        assert_int_equal(f.tcp.error.kind, cases[i].kind);
        assert_int_equal(f.tcp.error.icmp, cases[i].type << 8 | cases[i].code);
        assert_false(f.tcp.error.is_local);
        assert_true(weft_addr_eq(&f.tcp.error.from, &peer));
        assert_true(weft_addr_eq(&f.tcp.error.src, &us));
        assert_true(weft_addr_eq(&f.tcp.error.dst, &far));
        assert_int_equal(f.tcp.error.quote_len, 8);
        assert_memory_equal(f.tcp.quote, data, 8);
    }
    assert_int_equal(fx_all_drops(&f), 0);
    fx_expect_none(&f);
    fx_stop(&f);
}

/* RFC 1191 3, 5, 7 */
static void finds_the_mtu_that_is_to_be_tried(void **state)
{
    struct wire_icmp4 icmp = {.type = 3, .code = 4, .mtu = 1280};
    struct wire_ip4 quoted = quoted_packet(FX_PROTO);
    struct weft_addr far = FX_FAR;
    struct net_path path = {0};
    struct net_fixture f;

    (void)state;
    fx_start(&f, 0);
    input_error(&f, icmp, quoted, 8);
    assert_int_equal(f.tcp.error.mtu, 1280);
    icmp.mtu = 0;
    quoted.total_len = 1400;
    input_error(&f, icmp, quoted, 8);
    assert_int_equal(f.tcp.error.mtu, 1006);
    quoted.total_len = 1500; /* not less than the path's MTU: 20 may be too much, so 1492 is not below it */
    input_error(&f, icmp, quoted, 8);
    assert_int_equal(f.tcp.error.mtu, 1006);
    quoted.total_len = 508;
    input_error(&f, icmp, quoted, 8);
    assert_int_equal(f.tcp.error.mtu, 296);
    assert_int_equal(net_path_find(f.net, NULL, &far, &path), 0);
    assert_int_equal(path.mtu, FX_MTU); /* nothing is believed before the transport does */
    fx_stop(&f);
}

/* What is looked at is made linear, however the link delivered it. */
static void reads_errors_in_pieces(void **state)
{
    struct wire_icmp4 icmp = {.type = 3, .code = 3};
    struct net_fixture f;
    uint8_t data[64];

    (void)state;
    fill(data, sizeof(data));
    fx_start(&f, 0);
    for (f.linear = 1; f.linear < 14 + 20 + 8 + 20 + 64; f.linear++) {
        f.tcp.errors = 0;
        input_error(&f, icmp, quoted_packet(FX_PROTO), 64);
        assert_int_equal(f.tcp.errors, 1);
        assert_true(f.tcp.error.quote_len >= 60);
        assert_memory_equal(f.tcp.quote, data, 60);
    }
    fx_stop(&f);
}

static void drops_errors_about_what_is_not_ours(void **state)
{
    struct wire_icmp4 icmp = {.type = 3, .code = 3};
    struct wire_ip4 ip = fx_ip(WIRE_PROTO_ICMP);
    struct wire_ip4 quoted;
    struct net_fixture f;

    (void)state;
    fx_start(&f, 0);
    fx_add_addr(&f, f.eth, weft_ip4(10, 77, 0, 3), 24);
    fx_discard(&f, f.eth);
    quoted = quoted_packet(FX_PROTO);
    quoted.src = FX_FAR; /* not from us */
    input_error(&f, icmp, quoted, 8);
    quoted.src = weft_ip4(10, 77, 0, 3); /* from another address of ours than it was sent to */
    input_error(&f, icmp, quoted, 8);
    quoted = quoted_packet(FX_PROTO);
    quoted.dst = weft_ip4(10, 77, 0, 255); /* to many */
    input_error(&f, icmp, quoted, 8);
    input_error(&f, icmp, quoted_packet(99), 8);              /* of nobody's protocol */
    input_error(&f, icmp, quoted_packet(WIRE_PROTO_ICMP), 8); /* about no echo of ours */
    assert_int_equal(fx_drops(&f, WEFT_DROP_ICMP_ORPHAN), 5);
    input_error(&f, icmp, quoted_packet(FX_PROTO), 7); /* fewer than 64 bits of data */
    quoted = quoted_packet(FX_PROTO);
    quoted.fragment_off = 8;
    input_error(&f, icmp, quoted, 8);
    fx_input_icmp(&f, &ip, &icmp, "E", 1);
    fx_input_icmp(&f, &ip, &icmp, "no header of IP, not at all, no", 31);
    assert_int_equal(fx_drops(&f, WEFT_DROP_ICMP_MALFORMED), 4);
    assert_int_equal(f.tcp.errors + f.echo.errors, 0);
    fx_stop(&f);
}

static void takes_no_error_sent_to_many(void **state)
{
    struct wire_icmp4 icmp = {.type = 3, .code = 3};
    struct wire_ip4 ip = fx_ip(WIRE_PROTO_ICMP), quoted = quoted_packet(FX_PROTO);
    struct net_fixture f;
    uint8_t quote[64];

    (void)state;
    fx_start(&f, 0);
    ip.dst = weft_ip4(10, 77, 0, 255);
    fx_input_icmp(&f, &ip, &icmp, quote, fx_write_ip(&quoted, 0, "8 bytes.", 8, quote, sizeof(quote)));
    assert_int_equal(fx_drops(&f, WEFT_DROP_ICMP_BROADCAST), 1);
    assert_int_equal(f.tcp.errors, 0);
    fx_stop(&f);
}

static void tells_echo_of_errors_about_its_requests(void **state)
{
    struct wire_icmp4 exceeded = {.type = 11, .code = 0};
    struct wire_ip4 ip = fx_ip(WIRE_PROTO_ICMP), quoted = quoted_packet(WIRE_PROTO_ICMP);
    struct net_fixture f;
    uint8_t request[8], quote[64];

    (void)state;
    fx_start(&f, 0);
    fx_write_icmp(&echo, "", 0, request, sizeof(request));
    fx_input_icmp(&f, &ip, &exceeded, quote, fx_write_ip(&quoted, 0, request, 8, quote, sizeof(quote)));
    assert_int_equal(f.echo.errors, 1);
    assert_int_equal(f.echo.id, 7);
    assert_int_equal(f.echo.seq, 9);
    assert_int_equal(f.echo.error.kind, NET_ERROR_TIME_EXCEEDED);
    net_set_echo(f.net, &(struct net_echo){0});
    fx_input_icmp(&f, &ip, &exceeded, quote, fx_write_ip(&quoted, 0, request, 8, quote, sizeof(quote)));
    assert_int_equal(fx_drops(&f, WEFT_DROP_ICMP_ORPHAN), 1);
    fx_stop(&f);
}

static void tells_echo_of_a_neighbour_that_does_not_answer(void **state)
{
    struct net_tx tx = {.dst = FX_PEER};
    struct net_fixture f;

    (void)state;
    fx_start(&f, 0);
    assert_int_equal(net_send_echo(f.net, &tx, 3, 4, fx_packet(&f, 10)), 0);
    fx_advance(&f, 3 * WEFT_SEC);
    assert_int_equal(f.echo.errors, 1);
    assert_int_equal(f.echo.id, 3);
    assert_int_equal(f.echo.seq, 4);
    assert_true(f.echo.error.is_local);
    fx_stop(&f);
}

/* --- Errors that we tell --- */

/* A transport that answers everything with "port unreachable". */
static void refuse(void *ctx, struct weft_pkt *pkt, const struct net_rx *rx)
{
    struct net_fixture *f = ctx;

    f->tcp.packets++;
    net_send_unreachable(f->net, rx, pkt, WIRE_ICMP4_PORT_UNREACHABLE);
    weft_pkt_free(pkt);
}

static void note_error(void *ctx, const struct net_error *error)
{
    struct net_fixture *f = ctx;

    fx_note_error(&f->tcp, error);
}

static void start_refusing(struct net_fixture *f)
{
    struct net_transport refusing = {refuse, note_error, f};

    fx_start(f, 0);
    fx_resolve_peer(f);
    net_register(f->net, FX_PROTO, &refusing);
}

static void quotes_what_fits(void **state)
{
    struct weft_trace_record record;
    struct net_fixture f;
    uint8_t data[1400], sent[1500];

    (void)state;
    fill(data, sizeof(data));
    start_refusing(&f);
    for (uint32_t len = 0; len <= sizeof(data); len += 100) {
        struct wire_ip4 ip = fx_ip(FX_PROTO);
        uint32_t total = fx_write_ip(&ip, 0, data, len, sent, sizeof(sent));
        struct wire_icmp4 icmp;
        struct fx_frame frame;

        f.linear = len % 200 ? 60 : 0;
        fx_input_ip(&f, &ip, data, len);
        icmp = fx_expect_icmp(&f, &ip, &frame);
        assert_int_equal(icmp.type, 3);
        assert_int_equal(icmp.code, 3);
        assert_int_equal(frame.left, total < 548 ? total : 548); /* 576 in all */
        assert_memory_equal(frame.at, sent, frame.left);
        assert_int_equal(ip.tos, 0);
    }
    assert_true(fx_traced(&f, WEFT_TRACE_ICMP_OUT, &record));
    assert_int_equal(record.arg[2], 3 << 8 | 3);
    fx_stop(&f);
}

/* RFC 1122 3.2.2, RFC 1812 4.3.2.7 */
static void tells_no_error_where_none_must_be(void **state)
{
    struct wire_icmp4 unreachable = {.type = 3, .code = 1};
    struct wire_icmp4 unknown = {.type = 99};
    struct wire_ip4 ip;
    struct net_fixture f;
    uint8_t bytes[128], icmp[64];

    (void)state;
    start_refusing(&f);
    net_register(f.net, WIRE_PROTO_ICMP, &(struct net_transport){refuse, note_error, &f});
    ip = fx_ip(FX_PROTO);
    ip.dst = weft_ip4(10, 77, 0, 255); /* to many, in IP */
    fx_input_ip(&f, &ip, "data", 4);
    ip.dst = weft_ip4(255, 255, 255, 255); /* and on the link */
    fx_input_eth(&f, FX_ALL_MAC, FX_PEER_MAC, WIRE_ETHERTYPE_IP4, bytes,
                 fx_write_ip(&ip, 0, "data", 4, bytes, sizeof(bytes)));
    ip = fx_ip(WIRE_PROTO_ICMP); /* about an error, or what may be one */
    fx_input_ip(&f, &ip, icmp, fx_write_icmp(&unreachable, "quote", 5, icmp, sizeof(icmp)));
    fx_input_ip(&f, &ip, icmp, fx_write_icmp(&unknown, "?", 1, icmp, sizeof(icmp)));
    assert_int_equal(f.tcp.packets, 4);
    fx_expect_none(&f);
    fx_input_ip(&f, &ip, icmp, fx_write_icmp(&echo, "?", 1, icmp, sizeof(icmp))); /* a query may be refused */
    assert_int_equal(net_output_queue(f.net, f.eth)->count, 1);
    fx_input_ip(&f, &ip, "", 0); /* a message that is not there, in the memory of the query */
    assert_int_equal(f.tcp.packets, 6);
    assert_int_equal(net_output_queue(f.net, f.eth)->count, 1);
    fx_stop(&f);
}

/* What the input already drops must not be answered if it came another way. */
static void judges_the_packet_itself(void **state)
{
    struct net_rx rx = {.src = FX_PEER, .dst = FX_US, .proto = FX_PROTO, .iface = 1};
    struct wire_ip4 ip = fx_ip(FX_PROTO);
    struct weft_pkt *pkt;
    struct net_fixture f;
    uint8_t *header;

    (void)state;
    fx_start(&f, 0);
    fx_resolve_peer(&f);
    pkt = fx_packet(&f, 44);
    pkt->l3_off = (uint16_t)weft_pkt_headroom(pkt);
    header = pkt->data;
    fx_write_ip(&ip, 0, "24 bytes of data, it is.", 24, header, 44);
    rx.src = weft_ip4(10, 77, 0, 255);
    net_send_unreachable(f.net, &rx, pkt, 3);
    rx.src = weft_ip4(127, 0, 0, 1);
    net_send_unreachable(f.net, &rx, pkt, 3);
    rx.src = weft_ip4(0, 0, 0, 0);
    net_send_unreachable(f.net, &rx, pkt, 3);
    rx.src = FX_PEER;
    ip.fragment_off = 8;
    fx_write_ip(&ip, 0, "24 bytes of data, it is.", 24, header, 44);
    net_send_unreachable(f.net, &rx, pkt, 3);
    ip.fragment_off = 0;
    fx_write_ip(&ip, 0, "24 bytes of data, it is.", 24, header, 44);
    pkt->flags = WEFT_PKT_LL_MULTICAST;
    net_send_unreachable(f.net, &rx, pkt, 3);
    fx_expect_none(&f);
    pkt->flags = 0;
    net_send_unreachable(f.net, &rx, pkt, 3);
    assert_int_equal(net_output_queue(f.net, f.eth)->count, 1);
    weft_pkt_free(pkt);
    fx_stop(&f);
}

static void refuses_on_the_loopback(void **state)
{
    struct net_tx tx = {.dst = weft_ip4(127, 0, 0, 1), .proto = FX_PROTO};
    struct net_fixture f;

    (void)state;
    start_refusing(&f);
    assert_int_equal(net_send(f.net, NULL, &tx, fx_packet(&f, 20)), 0);
    net_step(f.net);
    net_step(f.net);
    assert_int_equal(f.tcp.errors, 1);
    assert_int_equal(f.tcp.error.kind, NET_ERROR_PORT_UNREACHABLE);
    assert_int_equal(f.core.stats.count[WEFT_COUNT_ICMP_OUT], 1);
    assert_int_equal(f.core.stats.count[WEFT_COUNT_ICMP_IN], 1);
    fx_stop(&f);
}

/* RFC 1812 4.3.2.8 */
static void limits_errors(void **state)
{
    struct wire_ip4 ip = fx_ip(FX_PROTO);
    struct net_fixture f;
    unsigned sent = 0;

    (void)state;
    start_refusing(&f);
    for (unsigned i = 0; i < 10000; i++) {
        fx_input_ip(&f, &ip, "data", 4);
        fx_advance(&f, 100); /* 10,000 a second */
        sent += net_output_queue(f.net, f.eth)->count;
        fx_discard(&f, f.eth);
    }
    assert_int_equal(f.tcp.packets, 10000);
    assert_true(sent >= 1000 && sent <= 1000 + NET_ICMP_BURST);
    assert_int_equal(f.core.stats.count[WEFT_COUNT_ICMP_LIMITED], 10000 - sent);
    fx_advance(&f, 1000 * WEFT_SEC);
    for (unsigned i = 0; i < 100; i++)
        fx_input_ip(&f, &ip, "data", 4);
    assert_int_equal(net_output_queue(f.net, f.eth)->count, NET_ICMP_BURST);
    fx_discard(&f, f.eth);
    for (unsigned i = 0; i < 10; i++) { /* what is saved up in small pieces has the same bound */
        fx_advance(&f, 49 * WEFT_MSEC);
        fx_input_ip(&f, &ip, "data", 4);
    }
    fx_discard(&f, f.eth);
    for (unsigned i = 0; i < 100; i++)
        fx_input_ip(&f, &ip, "data", 4);
    assert_true(net_output_queue(f.net, f.eth)->count <= NET_ICMP_BURST);
    fx_stop(&f);
}

static void does_without_packets_when_the_pool_is_empty(void **state)
{
    struct net_rx rx = {.src = FX_PEER, .dst = FX_US, .proto = FX_PROTO, .iface = 1};
    struct wire_ip4 ip = fx_ip(FX_PROTO);
    struct weft_pktq held = {0};
    struct weft_pkt *pkt, *other;
    struct net_fixture f;

    (void)state;
    fx_start(&f, 0);
    pkt = fx_packet(&f, 20);
    pkt->l3_off = (uint16_t)weft_pkt_headroom(pkt);
    fx_write_ip(&ip, 0, "", 0, pkt->data, 20);
    while ((other = weft_pkt_new(f.pool)))
        weft_pktq_push(&held, other);
    net_send_unreachable(f.net, &rx, pkt, 3);
    assert_int_equal(fx_drops(&f, WEFT_DROP_POOL_EMPTY), 1);
    weft_pktq_purge(&held);
    weft_pkt_free(pkt);
    fx_stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_echo_with_all_its_data),
        cmocka_unit_test(answers_from_the_address_that_was_asked),
        cmocka_unit_test(truncates_what_does_not_fit_the_way_back),
        cmocka_unit_test(answers_no_echo_to_many),
        cmocka_unit_test(limits_echo_replies),
        cmocka_unit_test(sends_echo_and_takes_the_reply),
        cmocka_unit_test(moves_a_reply_only_where_it_may),
        cmocka_unit_test(echoes_to_ourselves),
        cmocka_unit_test(drops_what_is_malformed),
        cmocka_unit_test(ignores_what_it_does_not_act_on),
        cmocka_unit_test(tells_the_transport_of_errors),
        cmocka_unit_test(finds_the_mtu_that_is_to_be_tried),
        cmocka_unit_test(reads_errors_in_pieces),
        cmocka_unit_test(drops_errors_about_what_is_not_ours),
        cmocka_unit_test(takes_no_error_sent_to_many),
        cmocka_unit_test(tells_echo_of_errors_about_its_requests),
        cmocka_unit_test(tells_echo_of_a_neighbour_that_does_not_answer),
        cmocka_unit_test(quotes_what_fits),
        cmocka_unit_test(tells_no_error_where_none_must_be),
        cmocka_unit_test(judges_the_packet_itself),
        cmocka_unit_test(refuses_on_the_loopback),
        cmocka_unit_test(limits_errors),
        cmocka_unit_test(does_without_packets_when_the_pool_is_empty),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
