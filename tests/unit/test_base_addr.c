/* SPDX-License-Identifier: MIT */
/* Addresses as text: tables of good and bad texts, and random round trips with the C library as the other side. */
#include "support.h"

#include <arpa/inet.h>

#include <weft/err.h>
#include <weft/types.h>

static void assert_addr_text(const char *text, const char *expected)
{
    struct weft_addr addr;
    char buf[WEFT_ADDR_STRLEN];

    assert_int_equal(weft_addr_parse(text, &addr), 0);
    assert_string_equal(weft_addr_format(&addr, buf), expected);
}

/* RFC 4291 2.2 on what may be read, RFC 5952 4 on what is to be written. */
static void known_addresses(void **state)
{
    static const char *const pairs[][2] = {
        {"0.0.0.0", "0.0.0.0"},
        {"10.77.0.1", "10.77.0.1"},
        {"255.255.255.255", "255.255.255.255"},
        {"::", "::"},
        {"::1", "::1"},
        {"1::", "1::"},
        {"0:0:0:0:0:0:0:0", "::"},
        {"ABCD:EF01:2345:6789:ABCD:EF01:2345:6789", "abcd:ef01:2345:6789:abcd:ef01:2345:6789"},
        {"2001:DB8:0:0:8:800:200C:417A", "2001:db8::8:800:200c:417a"},
        {"FF01:0:0:0:0:0:0:101", "ff01::101"},
        {"2001:0db8::0001", "2001:db8::1"},
        {"2001:db8:0:0:0:0:2:1", "2001:db8::2:1"},
        {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
        {"2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
        {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},
        {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
        {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},
        {"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"},
        {"1:0:0:4:5:6:7:8", "1::4:5:6:7:8"},
        {"1:2:3:4:5:6:0:0", "1:2:3:4:5:6::"},
        {"::ffff:129.144.52.38", "129.144.52.38"},
        {"::FFFF:8190:3426", "129.144.52.38"},
        {"64:ff9b::192.0.2.33", "64:ff9b::c000:221"},
        {"1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"},
        {"::1.2.3.4", "::102:304"},
        {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
        assert_addr_text(pairs[i][0], pairs[i][1]);
}

static void not_addresses(void **state)
{
    static const char *const texts[] = {
        "",
        " ",
        "1",
        "1.2.3",
        "1.2.3.4.5",
        "1.2.3.256",
        "01.2.3.4",
        "1.2.3.04",
        "1.2.3.-4",
        "1.2.3.4 ",
        " 1.2.3.4",
        "1..3.4",
        ".1.2.3",
        "1.2.3.",
        "1.2.3.4/",
        "0x1.2.3.4",
        "1.2.3.99999999999999999999",
        "a.b.c.d",
        ":",
        ":::",
        "1:",
        ":1",
        "1:2",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "1:2:3:4:5:6:7:8::",
        "::1:2:3:4:5:6:7:8",
        "1:2:3:4::5:6:7:8",
        "1::2::3",
        "1:::2",
        "12345::",
        "::g",
        "::1%eth0",
        "[::1]",
        "::1.2.3",
        "::1.2.3.256",
        "1:2:3:4:5:6:7:1.2.3.4",
        "::1.2.3.4:5",
        "1.2.3.4::",
        "::1:",
        "1:2:3:4:5:6:7:",
        "fe80::1/64",
        "localhost",
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct weft_addr addr = weft_ip4(1, 2, 3, 4);

        if (weft_addr_parse(texts[i], &addr) != WEFT_E_INVAL)
            fail_msg("\"%s\" was taken for an address", texts[i]);
        assert_true(weft_addr_u32(&addr) == 0x01020304); /* left alone */
    }
}

/* Random, with many zero groups. */
static struct weft_addr random_addr(struct test_rng *rng)
{
    struct weft_addr addr = weft_ip4_from_u32(test_rng_u32(rng));

    if (test_rng_below(rng, 4) == 0)
        return addr;
    for (unsigned i = 0; i < 16; i += 2) {
        uint32_t kind = test_rng_below(rng, 4);

        addr.b[i] = (uint8_t)(kind < 2 ? 0 : test_rng_u32(rng));
        addr.b[i + 1] = (uint8_t)(kind < 1 ? 0 : test_rng_u32(rng));
    }
    return addr;
}

static void round_trips_and_the_c_library(void **state)
{
    struct test_rng rng = test_rng_start(__func__);

    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        struct weft_addr addr = random_addr(&rng), back;
        char ours[WEFT_ADDR_STRLEN], theirs[INET6_ADDRSTRLEN];
        struct in6_addr in6;

        weft_addr_format(&addr, ours);
        assert_int_equal(weft_addr_parse(ours, &back), 0);
        assert_true(weft_addr_eq(&addr, &back));
        memcpy(&in6, addr.b, 16);
        assert_non_null(inet_ntop(AF_INET6, &in6, theirs, sizeof(theirs)));
        assert_int_equal(weft_addr_parse(theirs, &back), 0);
        assert_true(weft_addr_eq(&addr, &back));
        if (weft_addr_is_ip4(&addr))
            continue;
        assert_int_equal(inet_pton(AF_INET6, ours, &in6), 1);
        assert_memory_equal(&in6, addr.b, 16);
        if (!strchr(theirs, '.'))
            assert_string_equal(ours, theirs);
    }
}

/* Texts that are nearly addresses: ours and the C library's reader agree on which are. */
static void agrees_on_mutated_texts(void **state)
{
    static const char alphabet[] = "0123456789abcdefABF:.::..%/ g";
    struct test_rng rng = test_rng_start(__func__);

    (void)state;
    for (unsigned i = 0; i < 50000; i++) {
        struct weft_addr addr = random_addr(&rng), ours;
        char text[64];
        struct in6_addr in6;
        struct in_addr in4;
        bool good;

        weft_addr_format(&addr, text);
        for (unsigned k = test_rng_below(&rng, 3); k > 0; k--)
            text[test_rng_below(&rng, (uint32_t)strlen(text))] =
                alphabet[test_rng_below(&rng, sizeof(alphabet) - 1)];
        good = inet_pton(AF_INET, text, &in4) == 1 || inet_pton(AF_INET6, text, &in6) == 1;
        if ((weft_addr_parse(text, &ours) == 0) != good)
            fail_msg("\"%s\": the C library says %d", text, good);
        if (good && !weft_addr_is_ip4(&ours))
            assert_memory_equal(&in6, ours.b, 16);
    }
}

static void prefixes(void **state)
{
    static const char *const good[][2] = {
        {"10.0.0.1/24", "10.0.0.1/24"},
        {"10.0.0.1", "10.0.0.1/32"},
        {"0.0.0.0/0", "0.0.0.0/0"},
        {"fe80::/10", "fe80::/10"},
        {"::/0", "::/0"},
        {"2001:db8::1", "2001:db8::1/128"},
    };
    static const char *const bad[] = {"10.0.0.1/33", "::/129",       "10.0.0.0/",        "10.0.0.0/08",
                                      "/8",          "10.0.0.0/8/8", "10.0.0.0/-1",      "",
                                      "::1/ 64",     "10.0.0.0/8 ",  "::ffff:1.2.3.4/96"};
    struct weft_prefix prefix;
    char buf[WEFT_PREFIX_STRLEN];

    (void)state;
    for (unsigned i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(weft_prefix_parse(good[i][0], &prefix), 0);
        assert_string_equal(weft_prefix_format(&prefix, buf), good[i][1]);
    }
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(weft_prefix_parse(bad[i], &prefix), WEFT_E_INVAL);
}

static void endpoints(void **state)
{
    static const char *const good[] = {"10.0.0.1:80", "[fe80::1]:80", "0.0.0.0:0", "[::]:65535",
                                       "[2001:db8:1:2:3:4:5:6]:1"};
    static const char *const bad[] = {
        "10.0.0.1",    "10.0.0.1:",   "10.0.0.1:65536", "10.0.0.1:080", "fe80::1:80", "[fe80::1]",
        "[fe80::1:80", "[fe80::1]80", "[10.0.0.1]:80",  "10.0.0.1:80 ", ":80",        "",
        "[]:80"};
    struct weft_endpoint ep;
    char buf[WEFT_ENDPOINT_STRLEN];

    (void)state;
    for (unsigned i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(weft_endpoint_parse(good[i], &ep), 0);
        assert_string_equal(weft_endpoint_format(&ep, buf), good[i]);
    }
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(weft_endpoint_parse(bad[i], &ep), WEFT_E_INVAL);
}

static void macs(void **state)
{
    static const char *const bad[] = {"",
                                      "02:00:5e:10:00",
                                      "02:00:5e:10:00:01:02",
                                      "2:0:5e:10:0:1",
                                      "02-00-5e-10-00-01",
                                      "02:00:5e:10:00:0g",
                                      "02:00:5e:10:00:011",
                                      "02:00:5e:10:00:01 "};
    struct weft_mac mac;
    char buf[WEFT_MAC_STRLEN];

    (void)state;
    assert_int_equal(weft_mac_parse("02:00:5E:10:00:01", &mac), 0);
    assert_string_equal(weft_mac_format(&mac, buf), "02:00:5e:10:00:01");
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(weft_mac_parse(bad[i], &mac), WEFT_E_INVAL);
}

/* The longest texts fit the sizes that the header gives, to the byte. */
static void longest_texts(void **state)
{
    struct weft_prefix prefix = {.len = 128};
    struct weft_endpoint ep = {.port = 65535};
    char *buf;

    (void)state;
    memset(prefix.addr.b, 0xff, 16);
    ep.addr = prefix.addr;
    buf = malloc(WEFT_ADDR_STRLEN);
    assert_int_equal(strlen(weft_addr_format(&prefix.addr, buf)), 39);
    free(buf);
    buf = malloc(WEFT_PREFIX_STRLEN);
    assert_int_equal(strlen(weft_prefix_format(&prefix, buf)), 43);
    free(buf);
    buf = malloc(WEFT_ENDPOINT_STRLEN);
    assert_int_equal(strlen(weft_endpoint_format(&ep, buf)), 47);
    free(buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_addresses),
        cmocka_unit_test(not_addresses),
        cmocka_unit_test(round_trips_and_the_c_library),
        cmocka_unit_test(agrees_on_mutated_texts),
        cmocka_unit_test(prefixes),
        cmocka_unit_test(endpoints),
        cmocka_unit_test(macs),
        cmocka_unit_test(longest_texts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
