/* SPDX-License-Identifier: MIT */
/* Routers: where a packet goes, and what its sender hears when it goes nowhere. */
#include "link_support.h"

#include <weft/err.h>
#include <weft/sim.h>

/* a -- router -- b, wires without delay; the far ends are ours. */
struct net {
    struct weft_sim *sim;
    struct weft_router *router;
    struct weft_link *a, *b;
    int port_b;
};

static struct weft_link *plug(struct net *net, int *port)
{
    struct weft_wire_config config = {.type = WEFT_LINK_IP};
    struct weft_wire *wire;
    struct weft_link *ours, *its;

    assert_int_equal(weft_wire_new(net->sim, &config, &wire, &ours, &its), 0);
    *port = weft_router_add_link(net->router, its);
    assert_true(*port >= 0);
    return ours;
}

static struct net make_net(bool no_icmp)
{
    struct weft_router_config config = {.addr = weft_ip4(10, 255, 0, 1), .no_icmp = no_icmp};
    struct weft_prefix to_b = {weft_ip4(10, 9, 0, 1), 32}, to_a = {weft_ip4(10, 9, 0, 0), 16};
    struct net net;
    int port_a;

    assert_int_equal(weft_sim_new(1, &net.sim), 0);
    assert_int_equal(weft_sim_add_router(net.sim, &config, &net.router), 0);
    net.a = plug(&net, &port_a);
    net.b = plug(&net, &net.port_b);
    assert_int_equal(weft_router_add_route(net.router, &to_a, port_a), 0);
    assert_int_equal(weft_router_add_route(net.router, &to_b, net.port_b), 0);
    return net;
}

static void free_net(struct net *net)
{
    struct weft_pool_usage usage;

    weft_pool_usage(weft_sim_pool(net->sim), &usage);
    assert_int_equal(usage.pkts_used, 0);
    weft_link_close(net->a);
    weft_link_close(net->b);
    weft_sim_free(net->sim);
}

/* Sends a packet from 10.9.0.2 to 10.9.0.1, changed by what is not negative, into a's end. */
static void send_packet(struct net *net, uint32_t payload, int ttl, int last_of_dst)
{
    struct weft_pkt *pkt = link_tcp_packet(weft_sim_pool(net->sim), WEFT_LINK_IP, 7, payload, 0);

    if (ttl >= 0)
        pkt->data[8] = (uint8_t)ttl;
    if (last_of_dst >= 0)
        memset(pkt->data + 16, last_of_dst, 4);
    put_be16(pkt->data + 10, 0);
    put_be16(pkt->data + 10, (uint16_t)~link_sum(0, pkt->data, LINK_IP4_LEN));
    link_send_one(net->a, pkt, WEFT_SEC);
    while (weft_sim_step(net->sim, WEFT_SEC))
        ;
}

/* What has arrived at our end; its length, 0 when nothing has. */
static uint32_t take(struct net *net, struct weft_link *link, uint8_t bytes[2000])
{
    struct weft_pkt *pkt = link_recv_one(link, weft_sim_pool(net->sim), WEFT_SEC);
    uint32_t len = pkt ? pkt->total_len : 0;

    if (pkt)
        weft_pkt_copy_out(pkt, 0, bytes, len);
    weft_pkt_free(pkt);
    return len;
}

/* An ICMP error came back, of this type and code, which quotes our packet. */
static void assert_error(struct net *net, uint8_t type, uint8_t code)
{
    uint8_t bytes[2000];
    uint32_t len = take(net, net->a, bytes);
    static const uint8_t from[4] = {10, 255, 0, 1}, to[4] = {10, 9, 0, 2};

    assert_true(len >= 20 + 8 + 28 && len <= 576);
    assert_int_equal(link_sum(0, bytes, 20), 0xffff);
    assert_int_equal(bytes[9], 1);
    assert_memory_equal(bytes + 12, from, 4);
    assert_memory_equal(bytes + 16, to, 4);
    assert_int_equal(link_sum(0, bytes + 20, len - 20), 0xffff);
    assert_int_equal(bytes[20], type);
    assert_int_equal(bytes[21], code);
    assert_int_equal(get_be16(bytes + 28 + 20), 4000); /* our source port */
    assert_int_equal(take(net, net->b, bytes), 0);
}

static void packets_go_by_the_longest_prefix_with_a_hop_less(void **state)
{
    struct net net = make_net(false);
    uint8_t bytes[2000];

    (void)state;
    send_packet(&net, 100, 64, -1);
    assert_int_equal(take(&net, net.b, bytes), 140);
    assert_true(link_is_whole(bytes, 140, 0));
    assert_int_equal(bytes[8], 63);
    assert_int_equal(take(&net, net.a, bytes), 0);
    assert_int_equal(weft_router_stats(net.router)->forwarded, 1);
    free_net(&net);
}

static void the_last_hop_is_reported(void **state)
{
    struct net net = make_net(false);

    (void)state;
    send_packet(&net, 100, 1, -1);
    assert_error(&net, 11, 0);
    assert_int_equal(weft_router_stats(net.router)->expired, 1);
    free_net(&net);
}

static void a_network_that_nobody_knows_is_reported(void **state)
{
    struct net net = make_net(false);

    (void)state;
    send_packet(&net, 100, -1, 77);
    assert_error(&net, 3, 0);
    free_net(&net);
}

static void a_packet_too_big_is_reported_with_the_mtu(void **state)
{
    struct net net = make_net(false);
    uint8_t bytes[2000];

    (void)state;
    weft_router_set_mtu(net.router, net.port_b, 1000);
    send_packet(&net, 960, -1, -1);
    assert_int_equal(take(&net, net.b, bytes), 1000);
    link_send_one(net.a, link_tcp_packet(weft_sim_pool(net.sim), WEFT_LINK_IP, 7, 961, 0), WEFT_SEC);
    while (weft_sim_step(net.sim, WEFT_SEC))
        ;
    assert_in_range(take(&net, net.a, bytes), 56, 576);
    assert_int_equal(bytes[20], 3);
    assert_int_equal(bytes[21], 4);
    assert_int_equal(get_be16(bytes + 26), 1000);
    assert_int_equal(weft_router_stats(net.router)->too_big, 1);
    free_net(&net);
}

static void a_silent_router_is_a_black_hole(void **state)
{
    struct net net = make_net(true);
    uint8_t bytes[2000];

    (void)state;
    weft_router_set_mtu(net.router, net.port_b, 1000);
    send_packet(&net, 1400, -1, -1);
    assert_int_equal(take(&net, net.a, bytes), 0);
    assert_int_equal(take(&net, net.b, bytes), 0);
    assert_int_equal(weft_router_stats(net.router)->errors, 0);
    free_net(&net);
}

static void no_error_about_an_error(void **state)
{
    struct net net = make_net(false);
    struct weft_pkt *pkt = link_tcp_packet(weft_sim_pool(net.sim), WEFT_LINK_IP, 7, 100, 0);
    uint8_t bytes[2000];

    (void)state;
    link_write_ip4(pkt->data, 1, 140);
    pkt->data[8] = 1; /* expires */
    put_be16(pkt->data + 10, 0);
    put_be16(pkt->data + 10, (uint16_t)~link_sum(0, pkt->data, LINK_IP4_LEN));
    pkt->data[20] = 3; /* destination unreachable */
    pkt->flags = 0;
    link_send_one(net.a, pkt, WEFT_SEC);
    while (weft_sim_step(net.sim, WEFT_SEC))
        ;
    assert_int_equal(take(&net, net.a, bytes), 0);
    assert_int_equal(weft_router_stats(net.router)->expired, 1);
    free_net(&net);
}

static void a_damaged_header_goes_nowhere(void **state)
{
    struct net net = make_net(false);
    struct weft_pkt *pkt = link_tcp_packet(weft_sim_pool(net.sim), WEFT_LINK_IP, 7, 100, 0);
    uint8_t bytes[2000];

    (void)state;
    pkt->data[15] ^= 1;
    link_send_one(net.a, pkt, WEFT_SEC);
    while (weft_sim_step(net.sim, WEFT_SEC))
        ;
    assert_int_equal(take(&net, net.a, bytes), 0);
    assert_int_equal(take(&net, net.b, bytes), 0);
    assert_int_equal(weft_router_stats(net.router)->malformed, 1);
    free_net(&net);
}

static void what_cannot_be_is_refused(void **state)
{
    struct net net = make_net(false);
    struct weft_pipe_config pipe = {.type = WEFT_LINK_ETHERNET};
    struct weft_prefix dst = {weft_ip4(10, 0, 0, 0), 8};
    struct weft_link *a, *b;

    (void)state;
    assert_int_equal(weft_link_pipe(&pipe, &a, &b), 0);
    assert_int_equal(weft_router_add_link(net.router, a), WEFT_E_OPNOTSUPP);
    weft_link_close(b);
    assert_int_equal(weft_router_add_route(net.router, &dst, 2), WEFT_E_INVAL);
    assert_int_equal(weft_router_add_route(net.router, &dst, -1), WEFT_E_INVAL);
    free_net(&net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets_go_by_the_longest_prefix_with_a_hop_less),
        cmocka_unit_test(the_last_hop_is_reported),
        cmocka_unit_test(a_network_that_nobody_knows_is_reported),
        cmocka_unit_test(a_packet_too_big_is_reported_with_the_mtu),
        cmocka_unit_test(a_silent_router_is_a_black_hole),
        cmocka_unit_test(no_error_about_an_error),
        cmocka_unit_test(a_damaged_header_goes_nowhere),
        cmocka_unit_test(what_cannot_be_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
