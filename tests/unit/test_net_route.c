/* SPDX-License-Identifier: MIT */
/*
 * The table of routes against a stupid one: an array searched from end to end.
 */
#include "support.h"

#include "base/bytes.h"
#include "net/route.h"

#define ROUTES 64

struct naive {
    struct weft_prefix dst;
    struct weft_addr gateway;
    uint32_t metric;
    uint16_t iface;
    bool has_gateway, is_dead, is_used;
    unsigned age; /* the smaller, the older */
};

struct bench {
    struct core core;
    struct net_route_table table;
    struct naive naive[ROUTES];
    unsigned ages;
};

static bool naive_contains(const struct weft_prefix *prefix, const struct weft_addr *addr)
{
    unsigned len = prefix->len + (weft_addr_is_ip4(&prefix->addr) ? 96u : 0);

    if (weft_addr_is_ip4(&prefix->addr) != weft_addr_is_ip4(addr))
        return false;
    for (unsigned i = 0; i < len; i++)
        if (((prefix->addr.b[i / 8] ^ addr->b[i / 8]) >> (7 - i % 8)) & 1)
            return false;
    return true;
}

static unsigned naive_len(const struct naive *n)
{
    return n->dst.len + (weft_addr_is_ip4(&n->dst.addr) ? 96u : 0);
}

/* True when `a` is to be taken rather than `b`. */
static bool naive_better(const struct naive *a, const struct naive *b)
{
    if (naive_len(a) != naive_len(b))
        return naive_len(a) > naive_len(b);
    if (a->is_dead != b->is_dead)
        return b->is_dead;
    if (a->metric != b->metric)
        return a->metric < b->metric;
    return a->age < b->age;
}

static const struct naive *naive_lookup(const struct bench *b, const struct weft_addr *addr)
{
    const struct naive *best = NULL;

    for (unsigned i = 0; i < ROUTES; i++) {
        const struct naive *n = &b->naive[i];

        if (n->is_used && naive_contains(&n->dst, addr) && (!best || naive_better(n, best)))
            best = n;
    }
    return best;
}

static bool same_gateway(const struct naive *a, const struct naive *b)
{
    return a->has_gateway == b->has_gateway && (!a->has_gateway || weft_addr_eq(&a->gateway, &b->gateway));
}

static struct naive *naive_find(struct bench *b, const struct naive *like)
{
    for (unsigned i = 0; i < ROUTES; i++) {
        struct naive *n = &b->naive[i];

        if (n->is_used && weft_addr_eq(&n->dst.addr, &like->dst.addr) && n->dst.len == like->dst.len &&
            n->iface == like->iface && same_gateway(n, like))
            return n;
    }
    return NULL;
}

static struct naive *naive_free_place(struct bench *b)
{
    for (unsigned i = 0; i < ROUTES; i++)
        if (!b->naive[i].is_used)
            return &b->naive[i];
    return NULL;
}

/* Addresses from a small world, so that prefixes nest and collide. */
static struct weft_addr some_addr(struct test_rng *rng)
{
    static const uint8_t bytes[] = {0, 1, 0x7f, 0x80, 0xff};
    struct weft_addr addr = weft_ip4(10, 0, 0, 0);

    if (test_rng_below(rng, 4) == 0) {
        memset(addr.b, 0, 16);
        addr.b[0] = 0xfd;
        addr.b[7] = bytes[test_rng_below(rng, 5)];
        addr.b[8] = bytes[test_rng_below(rng, 5)];
    }
    for (unsigned i = 12; i < 16; i++)
        addr.b[i] = bytes[test_rng_below(rng, 5)];
    return addr;
}

static void clear_behind(struct weft_prefix *prefix)
{
    unsigned len = prefix->len + (weft_addr_is_ip4(&prefix->addr) ? 96u : 0);

    for (unsigned i = len; i < 128; i++)
        prefix->addr.b[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
}

static struct naive some_route(struct test_rng *rng)
{
    struct naive n = {
        .dst.addr = some_addr(rng), .iface = (uint16_t)test_rng_between(rng, 1, 2), .is_used = true};
    bool is_ip4 = weft_addr_is_ip4(&n.dst.addr);

    n.dst.len = (uint8_t)test_rng_below(rng, is_ip4 ? 33 : 129);
    clear_behind(&n.dst);
    n.metric = test_rng_below(rng, 3);
    n.has_gateway = test_rng_below(rng, 2);
    n.gateway = weft_ip4(10, 0, 0, (uint8_t)test_rng_below(rng, 3));
    return n;
}

static void add(struct bench *b, struct naive n)
{
    struct naive *place = naive_free_place(b);
    int result = net_route_insert(&b->table, &n.dst, n.has_gateway ? &n.gateway : NULL, n.iface, n.metric);

    assert_true(net_route_is_prefix(&n.dst));
    if (naive_find(b, &n)) {
        assert_int_equal(result, WEFT_E_EXIST);
    } else if (!place) {
        assert_int_equal(result, WEFT_E_LIMIT);
    } else {
        assert_int_equal(result, 0);
        n.age = b->ages++;
        *place = n;
    }
}

static void remove_one(struct bench *b, struct test_rng *rng)
{
    struct naive n = b->naive[test_rng_below(rng, ROUTES)];
    struct naive *found;
    int result;

    if (!n.is_used)
        n = some_route(rng);
    found = naive_find(b, &n);
    result = net_route_remove(&b->table, &n.dst, n.has_gateway ? &n.gateway : NULL, n.iface);
    assert_int_equal(result, found ? 0 : WEFT_E_NOTFOUND);
    if (found)
        found->is_used = false;
}

static void mark(struct bench *b, struct test_rng *rng)
{
    struct weft_addr gateway = weft_ip4(10, 0, 0, (uint8_t)test_rng_below(rng, 3));
    uint16_t iface = (uint16_t)test_rng_between(rng, 1, 2);
    bool is_dead = test_rng_below(rng, 2);
    bool has_changed = false;

    for (unsigned i = 0; i < ROUTES; i++) {
        struct naive *n = &b->naive[i];

        if (!n->is_used || n->iface != iface || !n->has_gateway || !weft_addr_eq(&n->gateway, &gateway))
            continue;
        has_changed |= n->is_dead != is_dead;
        n->is_dead = is_dead;
    }
    assert_int_equal(net_route_mark_gateway(&b->table, iface, &gateway, is_dead), has_changed);
}

static void check(const struct bench *b, const struct weft_addr *addr)
{
    const struct net_route *route = net_route_lookup(&b->table, addr);
    const struct naive *n = naive_lookup(b, addr);

    assert_int_equal(route != NULL, n != NULL);
    if (!n)
        return;
    assert_int_equal(route->len, naive_len(n));
    assert_int_equal(route->iface, n->iface);
    assert_int_equal(route->metric, n->metric);
    assert_int_equal(route->has_gateway, n->has_gateway);
    if (n->has_gateway)
        assert_true(weft_addr_eq(&route->gateway, &n->gateway));
}

static void start(struct bench *b)
{
    memset(b, 0, sizeof(*b));
    b->core.allocator = test_allocator;
    assert_int_equal(net_route_init(&b->table, &b->core, ROUTES), 0);
}

static void agrees_with_a_naive_table(void **state)
{
    struct test_rng rng = test_rng_start("agrees_with_a_naive_table");
    struct bench b;

    (void)state;
    start(&b);
    for (unsigned step = 0; step < 20000; step++) {
        struct weft_addr addr = some_addr(&rng);

        switch (test_rng_below(&rng, 8)) {
        case 0:
        case 1:
            add(&b, some_route(&rng));
            break;
        case 2:
            remove_one(&b, &rng);
            break;
        case 3:
            mark(&b, &rng);
            break;
        default:
            check(&b, &addr);
            break;
        }
    }
    net_route_fini(&b.table, &b.core);
}

static void insert(struct bench *b, const char *dst, const char *gateway, uint16_t iface, uint32_t metric)
{
    struct weft_prefix prefix;
    struct weft_addr addr;

    assert_int_equal(weft_prefix_parse(dst, &prefix), 0);
    if (gateway)
        assert_int_equal(weft_addr_parse(gateway, &addr), 0);
    assert_int_equal(net_route_insert(&b->table, &prefix, gateway ? &addr : NULL, iface, metric), 0);
}

static void expect(struct bench *b, const char *dst, const char *gateway, uint16_t iface)
{
    const struct net_route *route;
    struct weft_addr addr, want;

    assert_int_equal(weft_addr_parse(dst, &addr), 0);
    route = net_route_lookup(&b->table, &addr);
    assert_non_null(route);
    assert_int_equal(route->iface, iface);
    assert_int_equal(route->has_gateway, gateway != NULL);
    if (gateway) {
        assert_int_equal(weft_addr_parse(gateway, &want), 0);
        assert_true(weft_addr_eq(&route->gateway, &want));
    }
}

static void takes_the_longest_prefix_then_the_lowest_metric(void **state)
{
    struct weft_addr none = weft_ip4(8, 8, 8, 8);
    struct bench b;

    (void)state;
    start(&b);
    assert_null(net_route_lookup(&b.table, &none));
    insert(&b, "10.0.0.0/8", "10.1.0.1", 1, 0);
    assert_null(net_route_lookup(&b.table, &none));
    insert(&b, "0.0.0.0/0", "10.1.0.2", 1, 5);
    insert(&b, "10.1.0.0/16", NULL, 1, 0);
    insert(&b, "10.1.2.3/32", NULL, 2, 9);
    insert(&b, "0.0.0.0/0", "10.1.0.3", 1, 4);
    expect(&b, "8.8.8.8", "10.1.0.3", 1);
    expect(&b, "10.1.2.3", NULL, 2);
    expect(&b, "10.1.2.4", NULL, 1);
    expect(&b, "10.2.0.0", "10.1.0.1", 1);
    net_route_fini(&b.table, &b.core);
}

/* RFC 1122 3.3.1.5 */
static void goes_round_a_dead_gateway(void **state)
{
    struct weft_addr first = weft_ip4(10, 1, 0, 1);
    struct weft_addr second = weft_ip4(10, 1, 0, 2);
    struct bench b;

    (void)state;
    start(&b);
    insert(&b, "0.0.0.0/0", "10.1.0.1", 1, 0);
    insert(&b, "0.0.0.0/0", "10.1.0.2", 1, 1);
    expect(&b, "8.8.8.8", "10.1.0.1", 1);
    assert_false(net_route_mark_gateway(&b.table, 2, &first, true));
    assert_true(net_route_mark_gateway(&b.table, 1, &first, true));
    assert_false(net_route_mark_gateway(&b.table, 1, &first, true));
    expect(&b, "8.8.8.8", "10.1.0.2", 1);
    assert_true(net_route_mark_gateway(&b.table, 1, &second, true));
    expect(&b, "8.8.8.8", "10.1.0.1", 1); /* all dead: the best is tried again */
    assert_true(net_route_mark_gateway(&b.table, 1, &second, false));
    expect(&b, "8.8.8.8", "10.1.0.2", 1);
    net_route_fini(&b.table, &b.core);
}

static void knows_a_prefix(void **state)
{
    struct weft_prefix good = {weft_ip4(10, 1, 0, 0), 16};
    struct weft_prefix bad = {weft_ip4(10, 1, 0, 1), 31};
    struct weft_prefix all = {weft_ip4(0, 0, 0, 0), 0};
    struct weft_prefix not_all = {weft_ip4(128, 0, 0, 0), 0};

    (void)state;
    assert_true(net_route_is_prefix(&good));
    assert_false(net_route_is_prefix(&bad));
    assert_true(net_route_is_prefix(&all));
    assert_false(net_route_is_prefix(&not_all));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_a_naive_table),
        cmocka_unit_test(takes_the_longest_prefix_then_the_lowest_metric),
        cmocka_unit_test(goes_round_a_dead_gateway),
        cmocka_unit_test(knows_a_prefix),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
