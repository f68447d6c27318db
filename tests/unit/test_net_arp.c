/* SPDX-License-Identifier: MIT */
/* ARP packets: what is answered, believed, announced and defended (RFC 826, RFC 5227). */
#include "net_fixture.h"

#define HOST     weft_ip4(10, 77, 0, 9)
#define HOST_MAC ((struct weft_mac){{2, 0, 0, 0, 0, 9}})
#define ZERO_IP  weft_ip4(0, 0, 0, 0)

static struct wire_arp request(struct weft_mac mac, struct weft_addr from, struct weft_addr to)
{
    return (struct wire_arp){.op = WIRE_ARP_REQUEST, .sender_mac = mac, .sender_ip = from, .target_ip = to};
}

static void expect_reply(struct net_fixture *f, struct weft_mac mac, struct weft_addr ip)
{
    struct wire_arp arp = fx_expect_arp(f, WIRE_ARP_REPLY, mac);
    struct weft_addr us = FX_US;

    assert_true(weft_addr_eq(&arp.sender_ip, &us));
    assert_true(weft_addr_eq(&arp.target_ip, &ip));
    assert_memory_equal(arp.target_mac.b, mac.b, 6);
}

static void expect_announcement(struct net_fixture *f)
{
    struct wire_arp arp = fx_expect_arp(f, WIRE_ARP_REQUEST, FX_ALL_MAC);
    static const uint8_t zero[6];
    struct weft_addr us = FX_US;

    assert_true(weft_addr_eq(&arp.sender_ip, &us));
    assert_true(weft_addr_eq(&arp.target_ip, &us));
    assert_memory_equal(arp.target_mac.b, zero, 6);
}

static void answers_a_request_and_remembers_who_asked(void **state)
{
    struct wire_arp arp = request(HOST_MAC, HOST, FX_US);
    struct fx_frame frame;
    struct net_fixture f;

    (void)state;
    fx_start(&f, 0);
    fx_input_arp(&f, FX_ALL_MAC, &arp);
    expect_reply(&f, HOST_MAC, HOST);
    fx_expect_state(&f, HOST, WEFT_NEIGH_NONE, WEFT_NEIGH_STALE);
    assert_int_equal(fx_send(&f, HOST, 10), 0); /* at once, without asking */
    fx_expect_ip(&f, HOST_MAC, &frame);
    fx_expect_none(&f);
    assert_int_equal(fx_all_drops(&f), 0);
    fx_stop(&f);
}

/* RFC 5227 2.5 */
static void answers_a_probe_and_remembers_nothing(void **state)
{
    struct wire_arp arp = request(HOST_MAC, ZERO_IP, FX_US);
    struct weft_addr gateway = FX_PEER;
    struct net_fixture f;

    (void)state;
    fx_start(&f, 0);
    /* even if all addresses are on the link */
    assert_int_equal(net_route_del(f.net, &(struct weft_prefix){ZERO_IP, 0}, &gateway, 0), 0);
    fx_add_addr(&f, f.eth, weft_ip4(1, 2, 3, 4), 0);
    fx_discard(&f, f.eth);
    fx_input_arp(&f, FX_ALL_MAC, &arp);
    expect_reply(&f, HOST_MAC, ZERO_IP);
    fx_expect_no_state(&f);
    fx_expect_none(&f);
    fx_stop(&f);
}

static void remembers_nobody_who_asks_for_others(void **state)
{
    struct wire_arp arp = request(HOST_MAC, HOST, FX_PEER);
    struct wire_arp gratuitous = request(HOST_MAC, HOST, HOST);
    struct wire_arp unasked = {WIRE_ARP_REPLY, HOST_MAC, HOST, FX_US_MAC, FX_US};
    struct wire_arp off_link = request(HOST_MAC, FX_FAR, FX_US);
    struct net_fixture f;

    (void)state;
    fx_start(&f, 0);
    fx_input_arp(&f, FX_ALL_MAC, &arp);
    fx_input_arp(&f, FX_ALL_MAC, &gratuitous);
    fx_input_arp(&f, FX_US_MAC, &unasked);
    fx_expect_none(&f);
    fx_input_arp(&f, FX_US_MAC, &off_link);
    expect_reply(&f, HOST_MAC, FX_FAR); /* answered, since it asks for us, but no neighbour */
    fx_expect_no_state(&f);
    assert_int_equal(fx_all_drops(&f), 0);
    fx_stop(&f);
}

/* RFC 826's merge: who is known is updated by any packet, whoever it is for. */
static void updates_who_is_known(void **state)
{
    struct wire_arp gratuitous = request(HOST_MAC, FX_PEER, FX_PEER);
    struct fx_frame frame;
    struct net_fixture f;

    (void)state;
    fx_start(&f, 0);
    fx_resolve_peer(&f);
    fx_input_arp(&f, FX_ALL_MAC, &gratuitous);
    fx_expect_state(&f, FX_PEER, WEFT_NEIGH_REACHABLE, WEFT_NEIGH_STALE);
    assert_int_equal(fx_send(&f, FX_PEER, 10), 0);
    fx_expect_ip(&f, HOST_MAC, &frame);
    fx_input_arp(&f, FX_ALL_MAC, &gratuitous); /* nothing new */
    fx_expect_state(&f, FX_PEER, WEFT_NEIGH_STALE, WEFT_NEIGH_DELAY);
    fx_expect_no_state(&f);
    fx_stop(&f);
}

static void drops_what_is_malformed(void **state)
{
    struct wire_arp arp = request(HOST_MAC, HOST, FX_US);
    uint8_t bytes[WIRE_ARP_LEN];
    struct writer w = writer_of(bytes, sizeof(bytes));
    struct net_fixture f;

    (void)state;
    fx_start(&f, 0);
    wire_arp_emit(&arp, &w);
    for (uint32_t len = 0; len < sizeof(bytes); len++)
        fx_input_eth(&f, FX_ALL_MAC, HOST_MAC, WIRE_ETHERTYPE_ARP, bytes, len);
    assert_int_equal(fx_drops(&f, WEFT_DROP_ARP_MALFORMED), sizeof(bytes));
    for (unsigned i = 0; i < 8; i++) { /* hardware, protocol, lengths, operation */
        bytes[i] ^= 0x40;
        fx_input_eth(&f, FX_ALL_MAC, HOST_MAC, WIRE_ETHERTYPE_ARP, bytes, sizeof(bytes));
        bytes[i] ^= 0x40;
    }
    assert_int_equal(fx_drops(&f, WEFT_DROP_ARP_MALFORMED), sizeof(bytes) + 8);
    fx_expect_none(&f);
    f.linear = 20; /* in pieces it is as good as whole */
    fx_input_eth(&f, FX_ALL_MAC, HOST_MAC, WIRE_ETHERTYPE_ARP, bytes, sizeof(bytes));
    expect_reply(&f, HOST_MAC, HOST);
    fx_stop(&f);
}

static void drops_senders_that_are_no_hosts(void **state)
{
    static const struct weft_mac bad_macs[] = {
        {{1, 0, 0x5e, 0, 0, 1}}, {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}, {{0}}, {{2, 0, 0, 0, 0, 2}}};
    static const uint32_t bad_ips[] = {0x0a4d0000, 0x0a4d00ff, 0xffffffff,
                                       0xe0000001, 0x7f000001, 0x00000001};
    struct wire_arp arp = request(HOST_MAC, HOST, FX_US);
    struct wire_arp answer_from_nobody = {WIRE_ARP_REPLY, HOST_MAC, ZERO_IP, FX_US_MAC, FX_US};
    struct net_fixture f;
    unsigned bad = 0;

    (void)state;
    fx_start(&f, 0);
    for (unsigned i = 0; i < 4; i++, bad++) {
        arp.sender_mac = bad_macs[i];
        fx_input_arp(&f, FX_ALL_MAC, &arp);
    }
    arp.sender_mac = HOST_MAC;
    for (unsigned i = 0; i < 6; i++, bad++) {
        arp.sender_ip = weft_ip4_from_u32(bad_ips[i]);
        fx_input_arp(&f, FX_ALL_MAC, &arp);
    }
    fx_input_arp(&f, FX_US_MAC, &answer_from_nobody);
    assert_int_equal(fx_drops(&f, WEFT_DROP_ARP_SENDER), bad + 1);
    fx_expect_none(&f);
    fx_expect_no_state(&f);
    fx_stop(&f);
}

/* RFC 5227 2.3: two, two seconds apart. */
static void announces_an_address(void **state)
{
    struct weft_stack_config config = {0};
    struct weft_mac mac = FX_US_MAC;
    struct net_fixture f;

    (void)state;
    fx_start_with(&f, &config);
    f.eth = fx_add_iface(&f, WEFT_LINK_ETHERNET, 0, &mac);
    fx_add_addr(&f, f.eth, FX_US, 24);
    expect_announcement(&f);
    fx_advance(&f, 2 * WEFT_SEC - 1);
    fx_expect_none(&f);
    fx_advance(&f, 1);
    expect_announcement(&f);
    fx_advance(&f, 60 * WEFT_SEC);
    fx_expect_none(&f);
    assert_true(wheel_next(&f.core.wheel) == WEFT_TIME_NEVER);
    fx_stop(&f);
}

/* RFC 5227 2.4 (c): once in DEFEND_INTERVAL. */
static void defends_an_address(void **state)
{
    struct wire_arp claim = request(HOST_MAC, FX_US, FX_US);
    struct wire_arp reply = {WIRE_ARP_REPLY, HOST_MAC, FX_US, FX_PEER_MAC, FX_PEER};
    struct weft_trace_record record;
    struct weft_addr us = FX_US;
    struct net_fixture f;

    (void)state;
    fx_start(&f, 0);
    fx_input_arp(&f, FX_ALL_MAC, &claim);
    expect_announcement(&f);
    assert_true(fx_traced(&f, WEFT_TRACE_NEIGH_CONFLICT, &record));
    assert_true(record.arg[1] == trace_addr_low(&us));
    assert_true(record.arg[2] == 0x020000000009);
    fx_input_arp(&f, FX_ALL_MAC, &claim);
    fx_advance(&f, 10 * WEFT_SEC - 1);
    fx_input_arp(&f, FX_ALL_MAC, &reply);
    fx_expect_none(&f);
    assert_true(fx_traced(&f, WEFT_TRACE_NEIGH_CONFLICT, NULL));
    assert_true(fx_traced(&f, WEFT_TRACE_NEIGH_CONFLICT, NULL));
    fx_advance(&f, 1);
    fx_input_arp(&f, FX_ALL_MAC, &reply);
    expect_announcement(&f);
    fx_expect_none(&f);
    fx_expect_no_state(&f); /* our own address is no neighbour's */
    assert_true(net_addr_is_ours(f.net, &us));
    fx_stop(&f);
}

/* An address of another interface of ours is neither answered nor believed here. */
static void keeps_interfaces_apart(void **state)
{
    struct weft_addr second = weft_ip4(10, 88, 0, 2);
    struct weft_mac mac = {{2, 0, 0, 0, 0, 0x22}};
    struct wire_arp arp = request(HOST_MAC, HOST, second);
    struct net_fixture f;
    int eth2;

    (void)state;
    fx_start(&f, 0);
    eth2 = fx_add_iface(&f, WEFT_LINK_ETHERNET, 0, &mac);
    fx_add_addr(&f, eth2, second, 24);
    fx_discard(&f, eth2);
    fx_input_arp(&f, FX_ALL_MAC, &arp);
    fx_expect_none(&f);
    arp = request(HOST_MAC, second, FX_US);
    fx_input_arp(&f, FX_ALL_MAC, &arp);
    assert_int_equal(fx_drops(&f, WEFT_DROP_ARP_SENDER), 1);
    arp = request(mac, HOST, FX_US); /* our own packet, seen through the other interface */
    fx_input_arp(&f, FX_ALL_MAC, &arp);
    assert_int_equal(fx_drops(&f, WEFT_DROP_ARP_SENDER), 2);
    fx_expect_none(&f);
    fx_expect_no_state(&f);
    fx_stop(&f);
}

static void does_without_packets_when_the_pool_is_empty(void **state)
{
    struct weft_stack_config config = {0};
    struct weft_pktq held = {0};
    struct weft_pkt *pkt;
    struct net_fixture f;

    (void)state;
    fx_start_with(&f, &config);
    f.eth = fx_add_iface(&f, WEFT_LINK_ETHERNET, 0, NULL);
    while ((pkt = weft_pkt_new(f.pool)))
        weft_pktq_push(&held, pkt);
    fx_add_addr(&f, f.eth, FX_US, 24);
    fx_advance(&f, 60 * WEFT_SEC);
    fx_expect_none(&f);
    assert_int_equal(fx_drops(&f, WEFT_DROP_POOL_EMPTY), 2);
    weft_pktq_purge(&held);
    fx_stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_a_request_and_remembers_who_asked),
        cmocka_unit_test(answers_a_probe_and_remembers_nothing),
        cmocka_unit_test(remembers_nobody_who_asks_for_others),
        cmocka_unit_test(updates_who_is_known),
        cmocka_unit_test(drops_what_is_malformed),
        cmocka_unit_test(drops_senders_that_are_no_hosts),
        cmocka_unit_test(announces_an_address),
        cmocka_unit_test(defends_an_address),
        cmocka_unit_test(keeps_interfaces_apart),
        cmocka_unit_test(does_without_packets_when_the_pool_is_empty),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
