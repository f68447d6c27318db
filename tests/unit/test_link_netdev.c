/* SPDX-License-Identifier: MIT */
/* The kernel's side of a device, set up without any outside program. */
#define _GNU_SOURCE /* unshare */

#include "netns_support.h"

#include <weft/err.h>
#include <weft/link.h>

static const char *no_namespace; /* why not, or NULL */

static struct weft_link *open_tap(void **state)
{
    struct weft_tap_config config = {.name = "t0"};
    struct weft_link *link;

    (void)state;
    if (no_namespace) {
        print_message("%s\n", no_namespace);
        skip();
    }
    assert_int_equal(weft_link_tap(&config, &link, NULL, 0), 0);
    return link;
}

/* An address of the device as 32 bits in host order. */
static uint32_t ask(unsigned long code)
{
    struct ifreq ifr = {0};
    struct sockaddr_in in;

    netns_ioctl("t0", code, &ifr);
    memcpy(&in, &ifr.ifr_addr, sizeof(in));
    return ntohl(in.sin_addr.s_addr);
}

static void sets_address_mtu_and_state(void **state)
{
    struct weft_link *link = open_tap(state);
    struct weft_prefix addr = {weft_ip4(10, 77, 0, 1), 24};
    struct ifreq ifr = {0};

    assert_int_equal(weft_tap_configure("t0", &addr, 1400, NULL, 0), 0);
    assert_int_equal(ask(SIOCGIFADDR), 0x0a4d0001);
    assert_int_equal(ask(SIOCGIFNETMASK), 0xffffff00);
    assert_int_equal(ask(SIOCGIFBRDADDR), 0x0a4d00ff);
    netns_ioctl("t0", SIOCGIFMTU, &ifr);
    assert_int_equal(ifr.ifr_mtu, 1400);
    netns_ioctl("t0", SIOCGIFFLAGS, &ifr);
    assert_true(ifr.ifr_flags & IFF_UP);
    addr = (struct weft_prefix){weft_ip4(10, 78, 0, 1), 30}; /* in place of the first */
    assert_int_equal(weft_tap_configure("t0", &addr, 0, NULL, 0), 0);
    assert_int_equal(ask(SIOCGIFADDR), 0x0a4e0001);
    assert_int_equal(ask(SIOCGIFNETMASK), 0xfffffffc);
    assert_int_equal(weft_tap_configure("t0", NULL, 0, NULL, 0), 0);
    assert_int_equal(ask(SIOCGIFADDR), 0x0a4e0001);
    weft_link_close(link);
}

static void sets_an_ip6_address(void **state)
{
    struct weft_link *link = open_tap(state);
    struct weft_prefix addr = {{{0xfd, 0x77, [15] = 1}}, 64};
    char line[200];
    bool found = false;
    FILE *list = fopen("/proc/net/if_inet6", "r");

    if (list) {
        assert_int_equal(weft_tap_configure("t0", &addr, 0, NULL, 0), 0);
        assert_int_equal(weft_tap_configure("t0", &addr, 0, NULL, 0), 0); /* has it already */
        while (fgets(line, sizeof(line), list))
            found |= strncmp(line, "fd770000000000000000000000000001", 32) == 0 && strstr(line, " 40 ");
        fclose(list);
        assert_true(found);
    }
    weft_link_close(link);
}

static void says_what_was_wrong(void **state)
{
    struct weft_link *link = open_tap(state);
    struct weft_prefix addr = {weft_ip4(10, 77, 0, 1), 33};
    char why[200];

    assert_int_equal(weft_tap_configure("t0", &addr, 0, why, sizeof(why)), WEFT_E_INVAL);
    assert_string_equal(why, "cannot set the address of t0: Invalid argument");
    assert_int_equal(weft_tap_configure("t0", NULL, 1000000, why, sizeof(why)), WEFT_E_INVAL);
    assert_string_equal(why, "cannot set the MTU of t0: Invalid argument");
    assert_int_equal(weft_tap_configure("nosuch", NULL, 0, why, sizeof(why)), WEFT_E_NOTFOUND);
    assert_string_equal(why, "cannot set the state of nosuch: No such device");
    assert_int_equal(weft_tap_configure("a-name-of-sixteen", NULL, 0, why, sizeof(why)), WEFT_E_NOTFOUND);
    weft_link_close(link);
}

static int enter_namespace(void **state)
{
    (void)state;
    no_namespace = netns_enter();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets_address_mtu_and_state),
        cmocka_unit_test(sets_an_ip6_address),
        cmocka_unit_test(says_what_was_wrong),
    };

    return cmocka_run_group_tests(tests, enter_namespace, NULL);
}
