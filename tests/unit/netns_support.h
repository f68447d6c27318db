/* SPDX-License-Identifier: MIT */
/*
 * A network namespace for a test of its own, so that devices and addresses are
 * made where nobody else sees them, and go when the test ends. Needs _GNU_SOURCE.
 */
#ifndef WEFT_TESTS_NETNS_SUPPORT_H
#define WEFT_TESTS_NETNS_SUPPORT_H

#include "support.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* Moves this process into namespaces of its own. Returns NULL, or why TAP devices cannot be used there. */
static inline const char *netns_enter(void)
{
    static char reason[120];
    int fd;

    if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0 && unshare(CLONE_NEWNET) < 0) {
        snprintf(reason, sizeof(reason), "no network namespace to be had: %s", strerror(errno));
        return reason;
    }
    fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        snprintf(reason, sizeof(reason), "/dev/net/tun: %s", strerror(errno));
        return reason;
    }
    close(fd);
    return NULL;
}

/* One ioctl of netdevice(7) on the device; ends the test when it fails. */
static inline void netns_ioctl(const char *name, unsigned long code, struct ifreq *ifr)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    memset(ifr->ifr_name, 0, sizeof(ifr->ifr_name));
    memcpy(ifr->ifr_name, name, strlen(name));
    assert_return_code(ioctl(fd, code, ifr), errno);
    close(fd);
}

static inline struct sockaddr_in netns_addr(const char *text, uint16_t port)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};

    assert_int_equal(inet_pton(AF_INET, text, &in.sin_addr), 1);
    return in;
}

/* Tells the kernel which MAC address the neighbour has, so that it need not ask. */
static inline void netns_set_neighbour(const char *device, const char *addr, const uint8_t mac[6])
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in in = netns_addr(addr, 0);
    struct arpreq req = {.arp_flags = ATF_PERM | ATF_COM};

    memcpy(&req.arp_pa, &in, sizeof(in));
    req.arp_ha.sa_family = ARPHRD_ETHER;
    memcpy(req.arp_ha.sa_data, mac, 6);
    memcpy(req.arp_dev, device, strlen(device));
    assert_return_code(ioctl(fd, SIOCSARP, &req), errno);
    close(fd);
}

/* The kernel's own MAC address on the device. */
static inline void netns_mac(const char *device, uint8_t mac[6])
{
    struct ifreq ifr = {0};

    netns_ioctl(device, SIOCGIFHWADDR, &ifr);
    memcpy(mac, ifr.ifr_hwaddr.sa_data, 6);
}

/* Waits until the descriptor can be read, 5 s at most: the kernel does its part at once. */
static inline bool netns_wait_readable(int fd)
{
    struct pollfd pfd = {.fd = fd, .events = POLLIN};

    return poll(&pfd, 1, 5000) == 1;
}

#endif
