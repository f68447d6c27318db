/* SPDX-License-Identifier: MIT */
/* The neighbour table: its states and times, what waits, and how it is bounded (RFC 4861 7.3, RFC 1122
 * 2.3.2). */
#include "net_fixture.h"

#include "net/neigh.h"

#define HOST      weft_ip4(10, 77, 0, 9)
#define HOST_MAC  ((struct weft_mac){{2, 0, 0, 0, 0, 9}})
#define NEIGH(x)  WEFT_NEIGH_##x
#define LONG_TIME (100 * WEFT_SEC) /* more than any ReachableTime */

static void expect_request(struct net_fixture *f, struct weft_addr target, struct weft_mac to)
{
    struct wire_arp arp = fx_expect_arp(f, WIRE_ARP_REQUEST, to);
    struct weft_addr us = FX_US;

    assert_true(weft_addr_eq(&arp.target_ip, &target));
    assert_true(weft_addr_eq(&arp.sender_ip, &us));
}

/* The next frame is the packet of `len` bytes. */
static void expect_packet(struct net_fixture *f, struct weft_mac to, uint32_t len)
{
    struct fx_frame frame;

    fx_expect_ip(f, to, &frame);
    assert_int_equal(frame.left, len);
}

/* --- Resolution --- */

static void asks_and_sends_what_waited_in_order(void **state)
{
    struct weft_trace_record record;
    struct net_fixture f;

    (void)state;
    fx_start(&f, 0);
    for (uint32_t i = 1; i <= 3; i++) {
        assert_int_equal(fx_send(&f, HOST, i), 0);
        assert_true(fx_traced(&f, WEFT_TRACE_NEIGH_WAIT, &record));
        assert_int_equal(record.arg[2], i);
    }
    expect_request(&f, HOST, FX_ALL_MAC);
    fx_expect_none(&f);
    f.cursor = 0;
    fx_expect_state(&f, HOST, NEIGH(NONE), NEIGH(INCOMPLETE));
    fx_input_arp_reply(&f, HOST, HOST_MAC);
    fx_expect_state(&f, HOST, NEIGH(INCOMPLETE), NEIGH(REACHABLE));
    for (uint32_t i = 1; i <= 3; i++)
        expect_packet(&f, HOST_MAC, i);
    assert_int_equal(fx_send(&f, HOST, 4), 0);
    expect_packet(&f, HOST_MAC, 4);
    fx_expect_none(&f);
    fx_stop(&f);
}

static void asks_the_gateway_for_what_is_far(void **state)
{
    struct net_fixture f;

    (void)state;
    fx_start(&f, 0);
    assert_int_equal(fx_send(&f, FX_FAR, 1), 0);
    expect_request(&f, FX_PEER, FX_ALL_MAC);
    fx_input_arp_reply(&f, FX_PEER, FX_PEER_MAC);
    expect_packet(&f, FX_PEER_MAC, 1);
    assert_int_equal(fx_send(&f, FX_PEER, 2), 0);
    expect_packet(&f, FX_PEER_MAC, 2);
    fx_stop(&f);
}

/* Three requests a second apart, then what waits is reported as unreachable (RFC 4861 7.2.2). */
static void gives_up_after_three_seconds(void **state)
{
    struct weft_addr us = FX_US, host = HOST;
    struct net_fixture f;

    (void)state;
    fx_start(&f, 0);
    assert_int_equal(fx_send(&f, HOST, 10), 0);
    assert_int_equal(fx_send(&f, HOST, 11), 0);
    for (unsigned i = 0; i < 3; i++) {
        expect_request(&f, HOST, FX_ALL_MAC);
        fx_expect_none(&f);
        assert_int_equal(fx_send(&f, HOST, 12), 0); /* asks no more often */
        fx_advance(&f, WEFT_SEC - 1);
        fx_expect_none(&f);
        assert_int_equal(f.tcp.errors, 0);
        fx_advance(&f, 1);
    }
    fx_expect_none(&f);
    fx_expect_state(&f, HOST, NEIGH(NONE), NEIGH(INCOMPLETE));
    fx_expect_state(&f, HOST, NEIGH(INCOMPLETE), NEIGH(FAILED));
    assert_int_equal(f.tcp.errors, 5);
    assert_int_equal(f.tcp.error.kind, NET_ERROR_HOST_UNREACHABLE);
    assert_true(f.tcp.error.is_local);
    assert_int_equal(f.tcp.error.icmp, 3 << 8 | 1);
    assert_true(weft_addr_eq(&f.tcp.error.src, &us) && weft_addr_eq(&f.tcp.error.from, &us));
    assert_true(weft_addr_eq(&f.tcp.error.dst, &host));
    assert_int_equal(f.tcp.quote[7], 7); /* the payload counts up */
    assert_int_equal(fx_drops(&f, WEFT_DROP_NEIGH_FAILED), 5);
    fx_advance(&f, LONG_TIME);
    fx_expect_none(&f);
    assert_true(wheel_next(&f.core.wheel) == WEFT_TIME_NEVER);

    assert_int_equal(fx_send(&f, HOST, 13), 0); /* begins anew */
    expect_request(&f, HOST, FX_ALL_MAC);
    fx_expect_state(&f, HOST, NEIGH(FAILED), NEIGH(INCOMPLETE));
    fx_input_arp_reply(&f, HOST, HOST_MAC);
    expect_packet(&f, HOST_MAC, 13);
    fx_stop(&f);
}

static void goes_on_when_no_packet_is_left_to_ask_with(void **state)
{
    struct weft_pktq held = {0};
    struct weft_pkt *pkt;
    struct net_fixture f;

    (void)state;
    fx_start(&f, 0);
    assert_int_equal(fx_send(&f, HOST, 10), 0);
    while ((pkt = weft_pkt_new(f.pool)))
        weft_pktq_push(&held, pkt);
    fx_advance(&f, 3 * WEFT_SEC);
    assert_int_equal(fx_drops(&f, WEFT_DROP_POOL_EMPTY), 2);
    assert_int_equal(f.tcp.errors, 1);
    weft_pktq_purge(&held);
    fx_stop(&f);
}

static void takes_an_address_told_unasked_while_it_asks(void **state)
{
    struct wire_arp arp = {WIRE_ARP_REQUEST, HOST_MAC, HOST, {{0}}, FX_US};
    struct net_fixture f;

    (void)state;
    fx_start(&f, 0);
    assert_int_equal(fx_send(&f, HOST, 1), 0);
    expect_request(&f, HOST, FX_ALL_MAC);
    fx_input_arp(&f, FX_ALL_MAC, &arp); /* it asks for us at the same time */
    expect_packet(&f, HOST_MAC, 1);
    fx_expect_arp(&f, WIRE_ARP_REPLY, HOST_MAC);
    fx_expect_state(&f, HOST, NEIGH(NONE), NEIGH(INCOMPLETE));
    fx_expect_state(&f, HOST, NEIGH(INCOMPLETE), NEIGH(STALE));
    fx_expect_state(&f, HOST, NEIGH(STALE), NEIGH(DELAY)); /* what was sent is to be confirmed */
    fx_advance(&f, 5 * WEFT_SEC);
    expect_request(&f, HOST, HOST_MAC);
    fx_stop(&f);
}

static void keeps_the_latest_packets(void **state)
{
    struct net_fixture f;

    (void)state;
    fx_start(&f, 0);
    for (uint32_t i = 1; i <= NET_NEIGH_PENDING + 3; i++)
        assert_int_equal(fx_send(&f, HOST, i), 0);
    assert_int_equal(fx_drops(&f, WEFT_DROP_NEIGH_QUEUE), 3);
    expect_request(&f, HOST, FX_ALL_MAC);
    fx_input_arp_reply(&f, HOST, HOST_MAC);
    for (uint32_t i = 4; i <= NET_NEIGH_PENDING + 3; i++)
        expect_packet(&f, HOST_MAC, i);
    fx_expect_none(&f);
    for (unsigned i = 0; i < 2 * NET_NEIGH_PENDING_ALL; i++)
        assert_int_equal(fx_send(&f, FX_PEER, 1), 0);
    assert_int_equal(fx_send(&f, weft_ip4(10, 77, 0, 10), 1), 0); /* what was dropped waits no more */
    fx_stop(&f);
}

/* --- Unreachability detection --- */

static void verifies_after_reachable_time(void **state)
{
    struct net_fixture f;

    (void)state;
    fx_start(&f, 0);
    fx_resolve_peer(&f);
    fx_advance(&f, NET_NEIGH_REACHABLE_TIME / 2 - 1); /* no ReachableTime is shorter */
    assert_int_equal(fx_send(&f, FX_PEER, 1), 0);
    expect_packet(&f, FX_PEER_MAC, 1);
    fx_expect_no_state(&f);
    fx_advance(&f, NET_NEIGH_REACHABLE_TIME + 1); /* none is longer than one and a half */
    fx_expect_none(&f);                           /* nobody sends, nobody asks */
    assert_int_equal(fx_send(&f, FX_PEER, 2), 0);
    expect_packet(&f, FX_PEER_MAC, 2);
    fx_expect_state(&f, FX_PEER, NEIGH(REACHABLE), NEIGH(STALE));
    fx_expect_state(&f, FX_PEER, NEIGH(STALE), NEIGH(DELAY));
    fx_advance(&f, NET_NEIGH_DELAY_FIRST_PROBE_TIME - 1);
    assert_int_equal(fx_send(&f, FX_PEER, 3), 0);
    expect_packet(&f, FX_PEER_MAC, 3);
    fx_expect_none(&f);
    fx_advance(&f, 1);
    fx_expect_state(&f, FX_PEER, NEIGH(DELAY), NEIGH(PROBE));
    expect_request(&f, FX_PEER, FX_PEER_MAC); /* asked alone */
    fx_input_arp_reply(&f, FX_PEER, FX_PEER_MAC);
    fx_expect_state(&f, FX_PEER, NEIGH(PROBE), NEIGH(REACHABLE));
    fx_advance(&f, LONG_TIME);
    fx_expect_none(&f);
    assert_true(wheel_next(&f.core.wheel) == WEFT_TIME_NEVER);
    fx_stop(&f);
}

static void fails_when_probes_are_not_answered(void **state)
{
    struct net_fixture f;

    (void)state;
    fx_start(&f, 0);
    fx_resolve_peer(&f);
    fx_advance(&f, LONG_TIME);
    assert_int_equal(fx_send(&f, FX_PEER, 1), 0);
    expect_packet(&f, FX_PEER_MAC, 1);
    fx_advance(&f, NET_NEIGH_DELAY_FIRST_PROBE_TIME);
    for (unsigned i = 0; i < 3; i++) {
        expect_request(&f, FX_PEER, FX_PEER_MAC);
        assert_int_equal(fx_send(&f, FX_PEER, 2), 0); /* still sent */
        expect_packet(&f, FX_PEER_MAC, 2);
        fx_expect_none(&f);
        fx_advance(&f, WEFT_SEC);
    }
    fx_expect_none(&f);
    assert_int_equal(f.tcp.errors, 0); /* nothing waited */
    assert_int_equal(fx_send(&f, FX_PEER, 3), 0);
    expect_request(&f, FX_PEER, FX_ALL_MAC);
    fx_stop(&f);
}

static void is_confirmed_by_a_transport(void **state)
{
    struct weft_addr far = FX_FAR;
    struct net_path path = {0};
    struct net_tx tx = fx_tx(FX_FAR);
    struct net_fixture f;

    (void)state;
    fx_start(&f, 0);
    fx_resolve_peer(&f);
    net_path_confirm(f.net, &path); /* no way: no effect */
    assert_int_equal(net_path_find(f.net, NULL, &far, &path), 0);
    for (unsigned i = 0; i < 10; i++) { /* as long as it is, nobody asks */
        fx_advance(&f, NET_NEIGH_REACHABLE_TIME / 2 - 1);
        net_path_confirm(f.net, &path);
        assert_int_equal(net_send(f.net, &path, &tx, fx_packet(&f, 1)), 0);
        expect_packet(&f, FX_PEER_MAC, 1);
    }
    fx_expect_no_state(&f);
    fx_advance(&f, LONG_TIME);
    assert_int_equal(net_send(f.net, &path, &tx, fx_packet(&f, 1)), 0);
    expect_packet(&f, FX_PEER_MAC, 1);
    fx_expect_state(&f, FX_PEER, NEIGH(REACHABLE), NEIGH(STALE));
    fx_expect_state(&f, FX_PEER, NEIGH(STALE), NEIGH(DELAY));
    net_path_confirm(f.net, &path);
    fx_expect_state(&f, FX_PEER, NEIGH(DELAY), NEIGH(REACHABLE));
    fx_advance(&f, NET_NEIGH_DELAY_FIRST_PROBE_TIME);
    fx_expect_none(&f);
    fx_stop(&f);
}

/* RFC 4861 7.3.3: advice has no effect where no link-layer address is known. */
static void is_not_confirmed_while_incomplete(void **state)
{
    struct weft_addr host = HOST;
    struct net_path path = {0};
    struct net_tx tx = fx_tx(HOST);
    struct net_fixture f;

    (void)state;
    fx_start(&f, 0);
    assert_int_equal(net_path_find(f.net, NULL, &host, &path), 0);
    assert_int_equal(net_send(f.net, &path, &tx, fx_packet(&f, 1)), 0);
    fx_expect_state(&f, HOST, NEIGH(NONE), NEIGH(INCOMPLETE));
    net_path_confirm(f.net, &path);
    net_path_doubt(f.net, &path);
    fx_expect_no_state(&f);
    fx_stop(&f);
}

static void is_asked_when_a_transport_doubts(void **state)
{
    struct weft_addr far = FX_FAR;
    struct net_path path = {0};
    struct net_fixture f;

    (void)state;
    fx_start(&f, 0);
    fx_resolve_peer(&f);
    assert_int_equal(net_path_find(f.net, NULL, &far, &path), 0);
    net_path_doubt(f.net, &path); /* asked less than a second ago */
    fx_expect_none(&f);
    fx_advance(&f, WEFT_SEC);
    net_path_doubt(f.net, &path);
    expect_request(&f, FX_PEER, FX_PEER_MAC);
    net_path_doubt(f.net, &path);
    fx_expect_none(&f);
    fx_expect_state(&f, FX_PEER, NEIGH(REACHABLE), NEIGH(PROBE));
    fx_input_arp_reply(&f, FX_PEER, FX_PEER_MAC);
    fx_advance(&f, LONG_TIME);
    assert_int_equal(fx_send(&f, FX_PEER, 1), 0);
    expect_packet(&f, FX_PEER_MAC, 1);
    net_path_doubt(f.net, &path);
    expect_request(&f, FX_PEER, FX_PEER_MAC); /* not only when DELAY is over */
    fx_stop(&f);
}

/* RFC 1122 3.3.1.4, 3.3.1.5: a dead gateway is left for another, and taken again when it is heard. */
static void leaves_a_dead_gateway(void **state)
{
    struct wire_arp arp = {WIRE_ARP_REQUEST, FX_PEER_MAC, FX_PEER, {{0}}, FX_US};
    struct weft_addr far = FX_FAR;
    struct net_path path = {0};
    struct net_tx tx = fx_tx(FX_FAR);
    struct net_fixture f;

    (void)state;
    fx_start(&f, 0);
    fx_add_default(&f, HOST, 1);
    assert_int_equal(net_path_find(f.net, NULL, &far, &path), 0);
    assert_int_equal(net_send(f.net, &path, &tx, fx_packet(&f, 1)), 0);
    fx_advance(&f, 3 * WEFT_SEC);
    fx_discard(&f, f.eth);
    assert_int_equal(net_send(f.net, &path, &tx, fx_packet(&f, 2)), 0);
    expect_request(&f, HOST, FX_ALL_MAC);
    fx_input_arp_reply(&f, HOST, HOST_MAC);
    expect_packet(&f, HOST_MAC, 2);
    fx_input_arp(&f, FX_ALL_MAC, &arp);
    fx_discard(&f, f.eth);
    assert_int_equal(net_send(f.net, &path, &tx, fx_packet(&f, 3)), 0);
    expect_packet(&f, FX_PEER_MAC, 3);
    fx_stop(&f);
}

/* A path that knows nothing of the table finds its neighbour there, and disturbs nothing. */
static void finds_a_neighbour_without_a_hint(void **state)
{
    struct net_path path = {0};
    struct net_tx tx = fx_tx(HOST);
    struct net_fixture f;

    (void)state;
    fx_start(&f, 0);
    fx_resolve_peer(&f);
    assert_int_equal(fx_send(&f, HOST, 1), 0);
    expect_request(&f, HOST, FX_ALL_MAC);
    fx_input_arp_reply(&f, HOST, HOST_MAC);
    expect_packet(&f, HOST_MAC, 1);
    f.cursor = f.core.trace.written;
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(net_send(f.net, &path, &tx, fx_packet(&f, 2)), 0);
        expect_packet(&f, HOST_MAC, 2);
    }
    assert_int_equal(path.neigh_hint, 1);
    fx_expect_no_state(&f);
    fx_stop(&f);
}

/* Two neighbours of one address, on two links, are not the same. */
static void tells_the_interfaces_apart(void **state)
{
    struct weft_prefix all = {weft_ip4(0, 0, 0, 0), 0};
    struct weft_mac mac = {{2, 0, 0, 0, 0, 0x22}};
    struct weft_addr peer = FX_PEER;
    struct net_tx tx = fx_tx(FX_FAR);
    struct net_path path = {0};
    struct net_fixture f;
    struct fx_frame frame;
    int eth2;

    (void)state;
    fx_start(&f, 0);
    fx_resolve_peer(&f);
    eth2 = fx_add_iface(&f, WEFT_LINK_ETHERNET, 0, &mac);
    assert_int_equal(net_send(f.net, &path, &tx, fx_packet(&f, 1)), 0);
    expect_packet(&f, FX_PEER_MAC, 1);
    assert_int_equal(net_route_del(f.net, &all, &peer, f.eth), 0);
    assert_int_equal(net_route_add(f.net, &all, &peer, eth2, 0), 0);
    assert_int_equal(net_send(f.net, &path, &tx, fx_packet(&f, 2)), 0);
    fx_expect_none(&f);
    fx_pop(&f, eth2, &frame);
    assert_int_equal(get_be16(frame.bytes + 12), WIRE_ETHERTYPE_ARP);
    fx_stop(&f);
}

/* --- What is said without being asked --- */

static void believes_no_answer_that_was_not_asked_for(void **state)
{
    struct net_fixture f;

    (void)state;
    fx_start(&f, 0);
    fx_resolve_peer(&f);
    fx_advance(&f, LONG_TIME);
    fx_input_arp_reply(&f, FX_PEER, FX_PEER_MAC); /* confirms nothing */
    assert_int_equal(fx_send(&f, FX_PEER, 1), 0);
    expect_packet(&f, FX_PEER_MAC, 1);
    fx_expect_state(&f, FX_PEER, NEIGH(REACHABLE), NEIGH(STALE));
    fx_expect_state(&f, FX_PEER, NEIGH(STALE), NEIGH(DELAY));
    fx_input_arp_reply(&f, FX_PEER, HOST_MAC); /* another address: used, and to be verified */
    fx_expect_state(&f, FX_PEER, NEIGH(DELAY), NEIGH(STALE));
    assert_int_equal(fx_send(&f, FX_PEER, 2), 0);
    expect_packet(&f, HOST_MAC, 2);
    fx_expect_state(&f, FX_PEER, NEIGH(STALE), NEIGH(DELAY));
    fx_advance(&f, NET_NEIGH_DELAY_FIRST_PROBE_TIME);
    expect_request(&f, FX_PEER, HOST_MAC);
    fx_stop(&f);
}

/* An answer to somebody else tells the address, but proves nothing of the way to us. */
static void overhears_an_answer_to_another(void **state)
{
    struct wire_arp arp = {WIRE_ARP_REPLY, HOST_MAC, HOST, FX_PEER_MAC, FX_PEER};
    struct net_fixture f;

    (void)state;
    fx_start(&f, 0);
    assert_int_equal(fx_send(&f, HOST, 1), 0);
    expect_request(&f, HOST, FX_ALL_MAC);
    fx_input_arp(&f, FX_ALL_MAC, &arp);
    expect_packet(&f, HOST_MAC, 1);
    fx_expect_state(&f, HOST, NEIGH(NONE), NEIGH(INCOMPLETE));
    fx_expect_state(&f, HOST, NEIGH(INCOMPLETE), NEIGH(STALE));
    fx_stop(&f);
}

/* --- Groups --- */

static void derives_the_addresses_of_groups(void **state)
{
    struct weft_mac group_mac = {{0x01, 0x00, 0x5e, 0x01, 0x02, 0x03}};
    struct weft_addr all = weft_ip4(255, 255, 255, 255);
    struct net_path path = {0};
    struct net_fixture f;

    (void)state;
    fx_start(&f, 0);
    assert_int_equal(fx_send(&f, weft_ip4(255, 255, 255, 255), 1), 0);
    expect_packet(&f, FX_ALL_MAC, 1);
    assert_int_equal(fx_send(&f, weft_ip4(10, 77, 0, 255), 2), 0);
    expect_packet(&f, FX_ALL_MAC, 2);
    assert_int_equal(fx_send(&f, weft_ip4(239, 129, 2, 3), 3), 0); /* RFC 1112 6.4: 23 bits */
    expect_packet(&f, group_mac, 3);
    fx_expect_state(&f, weft_ip4(255, 255, 255, 255), NEIGH(NONE), NEIGH(PERMANENT));
    assert_int_equal(net_path_find(f.net, NULL, &all, &path), 0);
    net_path_confirm(f.net, &path); /* nothing to confirm or to doubt */
    net_path_doubt(f.net, &path);
    fx_advance(&f, 1000 * WEFT_SEC);
    assert_int_equal(fx_send(&f, weft_ip4(255, 255, 255, 255), 1), 0);
    expect_packet(&f, FX_ALL_MAC, 1);
    fx_expect_none(&f);
    fx_stop(&f);
}

/* --- Bounds --- */

/* A small table: 8 entries, the peer known and in use. */
static void start_small(struct net_fixture *f)
{
    struct weft_stack_config config = {.max_neighbours = 8};
    struct weft_mac mac = FX_US_MAC;

    fx_start_with(f, &config);
    f->eth = fx_add_iface(f, WEFT_LINK_ETHERNET, 0, &mac);
    fx_add_addr(f, f->eth, FX_US, 16);
    fx_advance(f, 10 * WEFT_SEC);
    fx_discard(f, f->eth);
    fx_resolve_peer(f);
}

static void expect_peer_known(struct net_fixture *f)
{
    fx_discard(f, f->eth);
    assert_int_equal(fx_send(f, FX_PEER, 5), 0);
    expect_packet(f, FX_PEER_MAC, 5);
}

static void a_flood_of_requests_pushes_out_nobody_in_use(void **state)
{
    struct net_fixture f;

    (void)state;
    start_small(&f);
    for (unsigned i = 0; i < 1000; i++) {
        struct wire_arp arp = {.op = WIRE_ARP_REQUEST, .sender_mac = HOST_MAC, .target_ip = FX_US};

        arp.sender_ip = weft_ip4_from_u32(0x0a4d1000 + i);
        fx_input_arp(&f, FX_ALL_MAC, &arp);
        fx_discard(&f, f.eth);
        f.core.now++;
    }
    expect_peer_known(&f);
    fx_stop(&f);
}

/* The same when all entries are in use: then there is none for who asks. */
static void a_full_table_has_no_entry_for_who_asks(void **state)
{
    struct wire_arp arp = {WIRE_ARP_REQUEST, HOST_MAC, weft_ip4(10, 77, 9, 9), {{0}}, FX_US};
    struct net_fixture f;

    (void)state;
    start_small(&f);
    for (uint8_t i = 1; i < 8; i++) {
        struct weft_addr to = weft_ip4(10, 77, 1, i);

        assert_int_equal(fx_send(&f, to, 10), 0);
        fx_input_arp_reply(&f, to, HOST_MAC);
    }
    fx_advance(&f, 2 * WEFT_SEC);
    fx_discard(&f, f.eth);
    f.cursor = f.core.trace.written;
    fx_input_arp(&f, FX_ALL_MAC, &arp);
    fx_expect_arp(&f, WIRE_ARP_REPLY, HOST_MAC); /* answered all the same */
    fx_expect_no_state(&f);
    fx_stop(&f);
}

static void who_does_not_answer_makes_room_for_who_asks(void **state)
{
    struct wire_arp arp = {WIRE_ARP_REQUEST, HOST_MAC, weft_ip4(10, 77, 9, 9), {{0}}, FX_US};
    struct net_fixture f;

    (void)state;
    start_small(&f);
    for (uint8_t i = 1; i < 8; i++) {
        fx_send(&f, weft_ip4(10, 77, 1, i), 10);
        fx_advance(&f, 4 * WEFT_SEC);
        fx_discard(&f, f.eth);
    }
    f.cursor = f.core.trace.written;
    fx_input_arp(&f, FX_ALL_MAC, &arp);
    fx_expect_state(&f, weft_ip4(10, 77, 1, 1), NEIGH(FAILED), NEIGH(NONE));
    fx_expect_state(&f, weft_ip4(10, 77, 9, 9), NEIGH(NONE), NEIGH(STALE));
    fx_stop(&f);
}

/* RFC 1122 2.3.2.1: whoever makes us send to many addresses, none is asked for more than once a second. */
static void a_flood_of_unknown_destinations_is_bounded(void **state)
{
    struct test_rng rng = test_rng_start("a_flood_of_unknown_destinations_is_bounded");
    weft_time asked[64] = {0};
    struct net_fixture f;
    unsigned requests = 0;

    (void)state;
    start_small(&f);
    for (unsigned i = 0; i < 5000; i++) {
        struct weft_addr to = weft_ip4_from_u32(0x0a4d2000 + test_rng_below(&rng, 64));
        struct weft_pkt *pkt;

        fx_send(&f, to, 10);
        while ((pkt = weft_pktq_pop(net_output_queue(f.net, f.eth)))) {
            uint8_t target = pkt->data[WIRE_ETH_LEN + 27];

            assert_true(asked[target] == 0 || f.core.now - asked[target] >= WEFT_SEC);
            asked[target] = f.core.now;
            requests++;
            weft_pkt_free(pkt);
        }
        fx_advance(&f, 2 * WEFT_MSEC);
    }
    assert_true(requests <= 7 * 11 && requests > 20); /* each entry but the peer, each second */
    assert_true(fx_drops(&f, WEFT_DROP_NEIGH_TABLE) > 0);
    expect_peer_known(&f);
    fx_stop(&f);
}

static void waiting_packets_are_bounded_in_all(void **state)
{
    const unsigned hosts = NET_NEIGH_PENDING_ALL / NET_NEIGH_PENDING;
    struct weft_stack_config config = {0};
    struct weft_pool_usage usage;
    struct weft_mac mac = FX_US_MAC;
    struct net_fixture f;

    (void)state;
    fx_start_with(&f, &config);
    f.eth = fx_add_iface(&f, WEFT_LINK_ETHERNET, 0, &mac);
    fx_add_addr(&f, f.eth, FX_US, 16);
    for (unsigned i = 0; i < hosts + 10; i++)
        for (unsigned n = 0; n < NET_NEIGH_PENDING; n++)
            assert_int_equal(fx_send(&f, weft_ip4_from_u32(0x0a4d2000 + i), 10),
                             i < hosts ? 0 : WEFT_E_NOBUFS);
    fx_discard(&f, f.eth);
    weft_pool_usage(f.pool, &usage);
    assert_int_equal(usage.pkts_used, NET_NEIGH_PENDING_ALL);
    assert_int_equal(fx_send(&f, weft_ip4_from_u32(0x0a4d2000), 10), 0); /* replaces its own oldest */
    weft_pool_usage(f.pool, &usage);
    assert_int_equal(usage.pkts_used, NET_NEIGH_PENDING_ALL);
    fx_advance(&f, 3 * WEFT_SEC);
    fx_discard(&f, f.eth);
    weft_pool_usage(f.pool, &usage);
    assert_int_equal(usage.pkts_used, 0);
    fx_stop(&f);
}

/* Among those in use the one that was longest not sent to gives way. */
static void the_least_used_gives_way(void **state)
{
    struct net_fixture f;
    struct fx_frame frame;

    (void)state;
    start_small(&f);
    for (unsigned i = 0; i < 20; i++) {
        struct weft_addr to = weft_ip4_from_u32(0x0a4d2000 + i);

        fx_advance(&f, 2 * WEFT_SEC);
        expect_peer_known(&f);
        assert_int_equal(fx_send(&f, to, 10), 0);
        expect_request(&f, to, FX_ALL_MAC);
        fx_input_arp_reply(&f, to, HOST_MAC);
        expect_packet(&f, HOST_MAC, 10);
    }
    fx_expect_none(&f);
    expect_peer_known(&f);
    assert_int_equal(fx_send(&f, weft_ip4_from_u32(0x0a4d2000 + 19), 11), 0);
    expect_packet(&f, HOST_MAC, 11);
    assert_int_equal(fx_send(&f, weft_ip4_from_u32(0x0a4d2000), 12), 0); /* forgotten: asked for again */
    fx_expect_eth(&f, WIRE_ETHERTYPE_ARP, &frame);
    fx_stop(&f);
}

static void does_with_one_entry(void **state)
{
    struct weft_stack_config config = {.max_neighbours = 1};
    struct weft_mac mac = FX_US_MAC;
    struct net_fixture f;

    (void)state;
    fx_start_with(&f, &config);
    f.eth = fx_add_iface(&f, WEFT_LINK_ETHERNET, 0, &mac);
    fx_add_addr(&f, f.eth, FX_US, 24);
    fx_discard(&f, f.eth);
    assert_int_equal(fx_send(&f, FX_PEER, 1), 0);
    assert_int_equal(fx_send(&f, HOST, 2), WEFT_E_NOBUFS); /* not before a second has passed */
    assert_int_equal(fx_drops(&f, WEFT_DROP_NEIGH_TABLE), 1);
    expect_request(&f, FX_PEER, FX_ALL_MAC);
    fx_input_arp_reply(&f, FX_PEER, FX_PEER_MAC);
    expect_packet(&f, FX_PEER_MAC, 1);
    f.core.now += WEFT_SEC;
    assert_int_equal(fx_send(&f, HOST, 3), 0);
    expect_request(&f, HOST, FX_ALL_MAC);
    f.core.now += WEFT_SEC; /* the timer is late: what waits goes with the entry */
    assert_int_equal(fx_send(&f, FX_PEER, 4), 0);
    assert_int_equal(fx_drops(&f, WEFT_DROP_NEIGH_TABLE), 2);
    f.core.now += WEFT_SEC;
    fx_discard(&f, f.eth);
    assert_int_equal(fx_send(&f, weft_ip4(255, 255, 255, 255), 5), 0);
    assert_int_equal(fx_drops(&f, WEFT_DROP_NEIGH_TABLE), 3);
    expect_packet(&f, FX_ALL_MAC, 5);
    fx_stop(&f);
}

/* Whether anybody listens to the trace changes nothing. */
static void works_without_a_trace(void **state)
{
    struct net_fixture f;

    (void)state;
    fx_start(&f, 0);
    f.core.trace.ring = NULL;
    assert_int_equal(fx_send(&f, HOST, 1), 0);
    expect_request(&f, HOST, FX_ALL_MAC);
    fx_input_arp_reply(&f, HOST, HOST_MAC);
    expect_packet(&f, HOST_MAC, 1);
    fx_stop(&f);
}

static void refuses_a_table_that_hints_cannot_name(void **state)
{
    struct weft_stack_config config = {.max_neighbours = 65536};
    struct net_fixture f;
    struct net *net;

    (void)state;
    fx_start(&f, 0);
    assert_int_equal(net_new(&f.core, &config, &net), WEFT_E_INVAL);
    fx_stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asks_and_sends_what_waited_in_order),
        cmocka_unit_test(asks_the_gateway_for_what_is_far),
        cmocka_unit_test(gives_up_after_three_seconds),
        cmocka_unit_test(goes_on_when_no_packet_is_left_to_ask_with),
        cmocka_unit_test(takes_an_address_told_unasked_while_it_asks),
        cmocka_unit_test(keeps_the_latest_packets),
        cmocka_unit_test(verifies_after_reachable_time),
        cmocka_unit_test(fails_when_probes_are_not_answered),
        cmocka_unit_test(is_confirmed_by_a_transport),
        cmocka_unit_test(is_not_confirmed_while_incomplete),
        cmocka_unit_test(is_asked_when_a_transport_doubts),
        cmocka_unit_test(leaves_a_dead_gateway),
        cmocka_unit_test(finds_a_neighbour_without_a_hint),
        cmocka_unit_test(tells_the_interfaces_apart),
        cmocka_unit_test(believes_no_answer_that_was_not_asked_for),
        cmocka_unit_test(overhears_an_answer_to_another),
        cmocka_unit_test(derives_the_addresses_of_groups),
        cmocka_unit_test(a_flood_of_requests_pushes_out_nobody_in_use),
        cmocka_unit_test(a_full_table_has_no_entry_for_who_asks),
        cmocka_unit_test(who_does_not_answer_makes_room_for_who_asks),
        cmocka_unit_test(a_flood_of_unknown_destinations_is_bounded),
        cmocka_unit_test(waiting_packets_are_bounded_in_all),
        cmocka_unit_test(the_least_used_gives_way),
        cmocka_unit_test(does_with_one_entry),
        cmocka_unit_test(works_without_a_trace),
        cmocka_unit_test(refuses_a_table_that_hints_cannot_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
