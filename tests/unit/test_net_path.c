/* SPDX-License-Identifier: MIT */
/* Paths: which way, from which address, and when they are looked up again. */
#include "net_fixture.h"

#define SECOND_US weft_ip4(10, 88, 0, 2)

/* Two interfaces: the Ethernet of the fixture and a TUN with 10.88.0.2/24. */
static int start(struct net_fixture *f)
{
    int tun;

    fx_start(f, 0);
    tun = fx_add_iface(f, WEFT_LINK_IP, WEFT_LINK_TX_CSUM, NULL);
    fx_add_addr(f, tun, SECOND_US, 24);
    return tun;
}

static int find(struct net_fixture *f, const char *src, const char *dst, struct net_path *path)
{
    struct weft_addr from, to;

    *path = (struct net_path){0};
    if (src)
        assert_int_equal(weft_addr_parse(src, &from), 0);
    assert_int_equal(weft_addr_parse(dst, &to), 0);
    return net_path_find(f->net, src ? &from : NULL, &to, path);
}

static void expect(struct net_fixture *f, const char *src, const char *dst, int iface, const char *from,
                   const char *next_hop)
{
    struct net_path path;
    char text[WEFT_ADDR_STRLEN];

    assert_int_equal(find(f, src, dst, &path), 0);
    assert_int_equal(path.iface, iface);
    assert_string_equal(weft_addr_format(&path.src, text), from);
    assert_string_equal(weft_addr_format(&path.next_hop, text), next_hop);
}

static void chooses_the_way_and_the_address(void **state)
{
    struct net_path path;
    struct net_fixture f;
    int tun;

    (void)state;
    tun = start(&f);
    expect(&f, NULL, "10.77.0.5", f.eth, "10.77.0.2", "10.77.0.5");
    expect(&f, NULL, "10.88.0.5", tun, "10.88.0.2", "10.88.0.5");
    expect(&f, NULL, "8.8.8.8", f.eth, "10.77.0.2", "10.77.0.1");
    expect(&f, "0.0.0.0", "8.8.8.8", f.eth, "10.77.0.2", "10.77.0.1");
    expect(&f, "10.88.0.2", "8.8.8.8", f.eth, "10.88.0.2", "10.77.0.1"); /* weak model */
    expect(&f, NULL, "10.88.0.2", 0, "10.88.0.2", "10.88.0.2");
    expect(&f, "10.77.0.2", "10.88.0.2", 0, "10.77.0.2", "10.88.0.2");
    expect(&f, NULL, "127.0.0.1", 0, "127.0.0.1", "127.0.0.1");
    expect(&f, NULL, "255.255.255.255", f.eth, "10.77.0.2", "255.255.255.255");
    expect(&f, "10.88.0.2", "255.255.255.255", tun, "10.88.0.2", "255.255.255.255");
    expect(&f, "10.88.0.2", "10.77.0.255", f.eth, "10.88.0.2", "10.77.0.255");
    expect(&f, "10.88.0.2", "224.0.0.9", tun, "10.88.0.2", "224.0.0.9");
    assert_int_equal(find(&f, NULL, "10.88.0.5", &path), 0);
    assert_int_equal(path.caps, WEFT_LINK_TX_CSUM);
    assert_int_equal(path.mtu, FX_MTU);
    fx_stop(&f);
}

static void prefers_an_address_of_the_same_network(void **state)
{
    struct net_fixture f;

    (void)state;
    start(&f);
    fx_add_addr(&f, f.eth, weft_ip4(10, 99, 0, 2), 24);
    expect(&f, NULL, "10.99.0.7", f.eth, "10.99.0.2", "10.99.0.7");
    expect(&f, NULL, "8.8.8.8", f.eth, "10.77.0.2", "10.77.0.1");
    fx_stop(&f);
}

/* Not one of a wider network on another interface, although it stands first. */
static void prefers_an_address_of_the_same_interface(void **state)
{
    struct net_fixture f;
    int tun;

    (void)state;
    fx_start(&f, 0);
    tun = fx_add_iface(&f, WEFT_LINK_IP, 0, NULL);
    fx_add_addr(&f, tun, weft_ip4(10, 66, 0, 1), 16);
    fx_add_addr(&f, f.eth, weft_ip4(10, 66, 5, 2), 24);
    expect(&f, NULL, "10.66.5.9", f.eth, "10.66.5.2", "10.66.5.9");
    expect(&f, NULL, "10.66.6.9", tun, "10.66.0.1", "10.66.6.9");
    fx_stop(&f);
}

static void refuses_what_must_not_be_sent(void **state)
{
    struct weft_stack_config config = {0};
    struct net_path path;
    struct net_fixture f;
    int tun;

    (void)state;
    start(&f);
    assert_int_equal(find(&f, NULL, "0.0.0.0", &path), WEFT_E_NETUNREACH);
    assert_int_equal(path.generation, 0);
    assert_int_equal(find(&f, NULL, "0.1.2.3", &path), WEFT_E_NETUNREACH);
    assert_int_equal(find(&f, NULL, "240.0.0.1", &path), WEFT_E_NETUNREACH);
    assert_int_equal(find(&f, NULL, "2001:db8::1", &path), WEFT_E_NETUNREACH);
    assert_int_equal(find(&f, "10.77.0.3", "8.8.8.8", &path), WEFT_E_ADDRNOTAVAIL);
    assert_int_equal(find(&f, "127.0.0.1", "8.8.8.8", &path), WEFT_E_ADDRNOTAVAIL); /* not outside a host */
    assert_int_equal(find(&f, "10.77.0.3", "127.0.0.1", &path), WEFT_E_ADDRNOTAVAIL);
    assert_int_equal(find(&f, "10.77.0.3", "255.255.255.255", &path), WEFT_E_ADDRNOTAVAIL);
    assert_int_equal(find(&f, "10.77.0.255", "8.8.8.8", &path), WEFT_E_ADDRNOTAVAIL);
    fx_stop(&f);

    fx_start_with(&f, &config);
    tun = fx_add_iface(&f, WEFT_LINK_IP, 0, NULL);
    assert_int_equal(find(&f, NULL, "8.8.8.8", &path), WEFT_E_NETUNREACH);
    assert_int_equal(find(&f, NULL, "255.255.255.255", &path), WEFT_E_ADDRNOTAVAIL);
    assert_int_equal(fx_send(&f, FX_FAR, 10), WEFT_E_NETUNREACH);
    assert_int_equal(fx_drops(&f, WEFT_DROP_IP_NO_ROUTE), 1);
    assert_int_equal(net_route_add(f.net, &(struct weft_prefix){weft_ip4(8, 0, 0, 0), 8}, NULL, tun, 0), 0);
    assert_int_equal(find(&f, NULL, "8.8.8.8", &path), WEFT_E_ADDRNOTAVAIL); /* a way, but no address */
    fx_stop(&f);
}

/* A path holds until something changes; then it is looked up again by itself. */
static void follows_changes(void **state)
{
    struct weft_prefix some = {weft_ip4(192, 0, 2, 0), 24};
    struct weft_addr far = FX_FAR, gateway = weft_ip4(10, 88, 0, 1);
    struct net_tx tx = {.dst = FX_FAR, .proto = FX_PROTO};
    struct net_path path = {0};
    struct net_fixture f;
    uint32_t generation;
    int tun;

    (void)state;
    tun = start(&f);
    assert_int_equal(net_path_find(f.net, NULL, &far, &path), 0);
    generation = path.generation;
    assert_int_equal(path.iface, f.eth);
    assert_int_equal(net_path_find(f.net, NULL, &far, &path), 0);
    assert_int_equal(path.generation, generation);
    assert_int_equal(net_route_add(f.net, &some, &gateway, 0, 0), 0);
    assert_int_equal(net_send(f.net, &path, &tx, fx_packet(&f, 10)), 0);
    assert_int_equal(path.iface, tun);
    assert_int_equal(net_output_queue(f.net, tun)->count, 1);
    assert_int_equal(net_route_del(f.net, &some, &gateway, 0), 0);
    assert_int_equal(net_path_find(f.net, NULL, &far, &path), 0);
    assert_int_equal(path.iface, f.eth);
    fx_add_addr(&f, tun, weft_ip4(192, 0, 2, 9), 24); /* a network of our own */
    assert_int_equal(net_path_find(f.net, NULL, &far, &path), 0);
    assert_int_equal(path.iface, tun);
    fx_add_addr(&f, tun, far, 32); /* ourselves */
    assert_int_equal(net_path_find(f.net, NULL, &far, &path), 0);
    assert_int_equal(path.iface, 0);
    fx_stop(&f);
}

static void checks_routes(void **state)
{
    struct weft_prefix net = {weft_ip4(20, 0, 0, 0), 8};
    struct weft_prefix bits = {weft_ip4(20, 0, 0, 1), 8};
    struct weft_addr peer = FX_PEER, us = FX_US, far = FX_FAR, many = weft_ip4(10, 77, 0, 255), any = {{0}};
    struct weft_prefix six;
    struct net_path path;
    struct net_fixture f;
    int tun;

    (void)state;
    tun = start(&f);
    assert_int_equal(weft_prefix_parse("2001:db8::/32", &six), 0);
    assert_int_equal(net_route_add(f.net, &bits, &peer, 0, 0), WEFT_E_INVAL);
    assert_int_equal(net_route_add(f.net, &six, &peer, 0, 0), WEFT_E_INVAL);
    assert_int_equal(net_route_add(f.net, &net, NULL, 0, 0), WEFT_E_INVAL);
    assert_int_equal(net_route_add(f.net, &net, &any, 0, 0), WEFT_E_INVAL);
    assert_int_equal(net_route_add(f.net, &net, &us, 0, 0), WEFT_E_INVAL);
    assert_int_equal(net_route_add(f.net, &net, &many, 0, 0), WEFT_E_INVAL);
    assert_int_equal(net_route_add(f.net, &net, &peer, -1, 0), WEFT_E_INVAL);
    assert_int_equal(net_route_add(f.net, &net, &peer, 9, 0), WEFT_E_INVAL);
    assert_int_equal(net_route_add(f.net, &net, &far, 0, 0), WEFT_E_NETUNREACH); /* behind a gateway itself */
    assert_int_equal(net_route_add(f.net, &net, &far, f.eth, 0), 0);             /* but told where it is */
    expect(&f, NULL, "20.1.1.1", f.eth, "10.77.0.2", "192.0.2.1");
    assert_int_equal(net_route_add(f.net, &net, &far, f.eth, 7), WEFT_E_EXIST);
    assert_int_equal(net_route_add(f.net, &net, &any, tun, 0), 0);
    assert_int_equal(net_route_del(f.net, &net, &far, tun), WEFT_E_NOTFOUND);
    assert_int_equal(net_route_del(f.net, &net, &far, f.eth), 0);
    expect(&f, NULL, "20.1.1.1", tun, "10.88.0.2", "20.1.1.1");
    assert_int_equal(net_route_del(f.net, &net, &any, tun), 0);
    assert_int_equal(net_route_del(f.net, &six, NULL, tun), WEFT_E_NOTFOUND);
    assert_int_equal(net_route_del(f.net, &(struct weft_prefix){weft_ip4(0, 0, 0, 0), 0}, &peer, 0), 0);
    assert_int_equal(find(&f, NULL, "20.1.1.1", &path), WEFT_E_NETUNREACH);
    fx_stop(&f);
}

/* --- Life --- */

static unsigned allocations_left;

static void *alloc_some(void *ctx, size_t size)
{
    return allocations_left-- ? test_mem_alloc(ctx, size) : NULL;
}

static void says_when_there_is_no_memory(void **state)
{
    struct weft_stack_config config = {0};
    struct net *net = NULL;
    struct net_fixture f;
    unsigned n = 0;

    (void)state;
    fx_start(&f, 0);
    f.core.allocator.alloc = alloc_some;
    for (;; n++) {
        allocations_left = n;
        if (net_new(&f.core, &config, &net) == 0)
            break;
        assert_null(net);
    }
    assert_int_equal(n, 4);
    net_free(net);
    fx_stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chooses_the_way_and_the_address),
        cmocka_unit_test(prefers_an_address_of_the_same_network),
        cmocka_unit_test(prefers_an_address_of_the_same_interface),
        cmocka_unit_test(refuses_what_must_not_be_sent),
        cmocka_unit_test(follows_changes),
        cmocka_unit_test(checks_routes),
        cmocka_unit_test(says_when_there_is_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
