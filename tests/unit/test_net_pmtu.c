/* SPDX-License-Identifier: MIT */
/* Path MTUs: the table alone, and as paths see it (RFC 1191). */
#include "net_fixture.h"

#include "net/pmtu.h"

static void lowers_and_never_raises(void **state)
{
    struct weft_addr far = FX_FAR;
    struct net_fixture f;
    struct net_path path = {0};
    struct weft_trace_record record;

    (void)state;
    fx_start(&f, 0);
    assert_int_equal(net_path_find(f.net, NULL, &far, &path), 0);
    assert_int_equal(path.mtu, FX_MTU);
    net_path_mtu_set(f.net, &far, 9000); /* wider than the link */
    assert_true(fx_traced(&f, WEFT_TRACE_PMTU, NULL));
    assert_int_equal(net_path_find(f.net, NULL, &far, &path), 0);
    assert_int_equal(path.mtu, FX_MTU);
    net_path_mtu_set(f.net, &far, 1400);
    assert_true(fx_traced(&f, WEFT_TRACE_PMTU, &record));
    assert_int_equal(record.arg[2], 1400);
    assert_int_equal(net_path_find(f.net, NULL, &far, &path), 0);
    assert_int_equal(path.mtu, 1400);
    net_path_mtu_set(f.net, &far, 1450);
    assert_false(fx_traced(&f, WEFT_TRACE_PMTU, NULL));
    assert_int_equal(net_path_find(f.net, NULL, &far, &path), 0);
    assert_int_equal(path.mtu, 1400);
    net_path_mtu_set(f.net, &far, 1); /* RFC 1191 3: never below 68 */
    assert_int_equal(net_path_find(f.net, NULL, &far, &path), 0);
    assert_int_equal(path.mtu, 68);
    fx_stop(&f);
}

static void belongs_to_one_destination(void **state)
{
    struct weft_addr far = FX_FAR, other = weft_ip4(192, 0, 2, 2);
    struct net_fixture f;
    struct net_path path = {0};

    (void)state;
    fx_start(&f, 0);
    net_path_mtu_set(f.net, &far, 1000);
    assert_int_equal(net_path_find(f.net, NULL, &other, &path), 0);
    assert_int_equal(path.mtu, FX_MTU);
    fx_stop(&f);
}

/* RFC 1191 6.3 */
static void forgets_after_ten_minutes_without_news(void **state)
{
    struct weft_addr far = FX_FAR, other = weft_ip4(192, 0, 2, 2);
    struct net_fixture f;
    struct net_path path = {0}, path2 = {0};

    (void)state;
    fx_start(&f, 0);
    net_path_mtu_set(f.net, &far, 1000);
    fx_advance(&f, 300 * WEFT_SEC);
    net_path_mtu_set(f.net, &other, 1200);
    net_path_mtu_set(f.net, &far, 1000); /* news, although nothing new */
    fx_advance(&f, 599 * WEFT_SEC);
    assert_int_equal(net_path_find(f.net, NULL, &far, &path), 0);
    assert_int_equal(net_path_find(f.net, NULL, &other, &path2), 0);
    assert_int_equal(path.mtu, 1000);
    assert_int_equal(path2.mtu, 1200);
    fx_advance(&f, 2 * WEFT_SEC);
    assert_int_equal(net_path_find(f.net, NULL, &far, &path), 0);
    assert_int_equal(net_path_find(f.net, NULL, &other, &path2), 0);
    assert_int_equal(path.mtu, FX_MTU);
    assert_int_equal(path2.mtu, FX_MTU);
    assert_true(wheel_next(&f.core.wheel) == WEFT_TIME_NEVER);
    fx_stop(&f);
}

static void is_bounded_and_forgets_the_oldest(void **state)
{
    const unsigned many = 4 * NET_PMTU_SETS * NET_PMTU_WAYS;
    struct net_pmtu_table *table = calloc(1, sizeof(*table));
    struct weft_addr last = weft_ip4_from_u32(0xc0000000u + many - 1);
    struct net_fixture f;
    unsigned known = 0;

    (void)state;
    fx_start(&f, 0);
    net_pmtu_init(table);
    for (unsigned i = 0; i < many; i++) {
        struct weft_addr addr = weft_ip4_from_u32(0xc0000000u + i);

        f.core.now++;
        assert_true(net_pmtu_lower(table, &f.core, &addr, 1000));
    }
    for (unsigned i = 0; i < many; i++) {
        struct weft_addr addr = weft_ip4_from_u32(0xc0000000u + i);

        known += net_pmtu_find(table, &f.core, &addr) != 0;
    }
    assert_int_equal(known, table->used);
    assert_true(known <= NET_PMTU_SETS * NET_PMTU_WAYS && known > NET_PMTU_SETS * NET_PMTU_WAYS / 2);
    assert_int_equal(net_pmtu_find(table, &f.core, &last), 1000);
    f.core.now += NET_PMTU_AGE;
    assert_true(net_pmtu_age(table, &f.core));
    assert_int_equal(table->used, 0);
    net_pmtu_fini(table, &f.core);
    free(table);
    fx_stop(&f);
}

static void has_a_least_for_each_family(void **state)
{
    struct net_pmtu_table *table = calloc(1, sizeof(*table));
    struct weft_addr six;
    struct net_fixture f;

    (void)state;
    fx_start(&f, 0);
    net_pmtu_init(table);
    assert_int_equal(weft_addr_parse("2001:db8::1", &six), 0);
    assert_true(net_pmtu_lower(table, &f.core, &six, 1000));
    assert_int_equal(net_pmtu_find(table, &f.core, &six), 1280);
    net_pmtu_fini(table, &f.core);
    free(table);
    fx_stop(&f);
}

/* RFC 1191 table 7-1 */
static void finds_the_plateau_below(void **state)
{
    (void)state;
    assert_int_equal(net_pmtu_plateau_below(65536), 65535);
    assert_int_equal(net_pmtu_plateau_below(65535), 32000);
    assert_int_equal(net_pmtu_plateau_below(1500), 1492);
    assert_int_equal(net_pmtu_plateau_below(1492), 1006);
    assert_int_equal(net_pmtu_plateau_below(576), 508);
    assert_int_equal(net_pmtu_plateau_below(297), 296);
    assert_int_equal(net_pmtu_plateau_below(296), 68);
    assert_int_equal(net_pmtu_plateau_below(68), 68);
    assert_int_equal(net_pmtu_plateau_below(0), 68);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lowers_and_never_raises),
        cmocka_unit_test(belongs_to_one_destination),
        cmocka_unit_test(forgets_after_ten_minutes_without_news),
        cmocka_unit_test(is_bounded_and_forgets_the_oldest),
        cmocka_unit_test(has_a_least_for_each_family),
        cmocka_unit_test(finds_the_plateau_below),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
