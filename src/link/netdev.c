/* SPDX-License-Identifier: MIT */
/*
 * Network devices of Linux as the kernel administers them, over the ioctls of
 * netdevice(7).
 *
 * Owns    nothing between calls: each opens a socket to ask with and closes it.
 */
#include "link/netdev.h"

#include <weft/err.h>
#include <weft/link.h>

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "link/why.h"

#define CONFIGURE_HELP "run as root, or inside a namespace of your own (unshare -Urn)"

/* As in <linux/ipv6.h>, which cannot stand beside <netinet/in.h>. */
struct ip6_request {
    struct in6_addr addr;
    uint32_t prefix_len;
    int ifindex;
};

static int request(int family, const char *name, unsigned long code, struct ifreq *ifr)
{
    size_t len = strlen(name);
    int fd, result = 0;

    if (len >= sizeof(ifr->ifr_name))
        return -ENODEV;
    memcpy(ifr->ifr_name, name, len + 1);
    fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (ioctl(fd, code, ifr) < 0)
        result = -errno;
    close(fd);
    return result;
}

int link_netdev_mtu(const char *name, uint32_t *mtu)
{
    struct ifreq ifr = {0};
    int error = request(AF_INET, name, SIOCGIFMTU, &ifr);

    if (!error)
        *mtu = (uint32_t)ifr.ifr_mtu;
    return error;
}

int link_netdev_set_mtu(const char *name, uint32_t mtu)
{
    struct ifreq ifr = {.ifr_mtu = (int)mtu};

    return request(AF_INET, name, SIOCSIFMTU, &ifr);
}

void link_netdev_await_running(const char *name)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    struct ifreq ifr = {0};

    for (int i = 0; i < 1000; i++) {
        if (request(AF_INET, name, SIOCGIFFLAGS, &ifr) < 0 || !(ifr.ifr_flags & IFF_UP) ||
            (ifr.ifr_flags & IFF_RUNNING))
            return;
        nanosleep(&pause, NULL);
    }
}

static int set_up(const char *name)
{
    struct ifreq ifr = {0};
    int error = request(AF_INET, name, SIOCGIFFLAGS, &ifr);

    if (error)
        return error;
    ifr.ifr_flags |= IFF_UP;
    return request(AF_INET, name, SIOCSIFFLAGS, &ifr);
}

static int set_ip4(const char *name, unsigned long code, uint32_t host_order)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(host_order)};
    struct ifreq ifr = {0};

    memcpy(&ifr.ifr_addr, &in, sizeof(in));
    return request(AF_INET, name, code, &ifr);
}

static int add_ip4(const char *name, const struct weft_prefix *addr)
{
    uint32_t mask = addr->len ? UINT32_MAX << (32 - addr->len) : 0;
    int error = set_ip4(name, SIOCSIFADDR, weft_addr_u32(&addr->addr));

    return error ? error : set_ip4(name, SIOCSIFNETMASK, mask);
}

static int add_ip6(const char *name, const struct weft_prefix *addr)
{
    struct ip6_request req = {.prefix_len = addr->len, .ifindex = (int)if_nametoindex(name)};
    int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int result = 0;

    if (fd < 0)
        return -errno;
    memcpy(&req.addr, addr->addr.b, sizeof(req.addr));
    if (ioctl(fd, SIOCSIFADDR, &req) < 0 && errno != EEXIST)
        result = -errno;
    close(fd);
    return result;
}

static int add_addr(const char *name, const struct weft_prefix *addr)
{
    bool is_ip4 = weft_addr_is_ip4(&addr->addr);

    if (addr->len > (is_ip4 ? 32 : 128))
        return -EINVAL;
    return is_ip4 ? add_ip4(name, addr) : add_ip6(name, addr);
}

static int error_of(int errnum)
{
    switch (errnum) {
    case EPERM:
    case EACCES:
        return WEFT_E_PERM;
    case ENODEV:
        return WEFT_E_NOTFOUND;
    case EINVAL:
    case EADDRNOTAVAIL:
        return WEFT_E_INVAL;
    default:
        return WEFT_E_IO;
    }
}

/* Says which step failed, and gives the code for it. */
static int fail(const char *step, const char *name, int errnum, char *why, size_t why_size)
{
    int code = error_of(errnum);

    link_why(why, why_size, "cannot set the %s of %s: %s%s%s", step, name, strerror(errnum),
             code == WEFT_E_PERM ? "; " : "", code == WEFT_E_PERM ? CONFIGURE_HELP : "");
    return code;
}

int weft_tap_configure(const char *name, const struct weft_prefix *kernel_addr, uint32_t mtu, char *why,
                       size_t why_size)
{
    int error = mtu ? link_netdev_set_mtu(name, mtu) : 0;

    if (error < 0)
        return fail("MTU", name, -error, why, why_size);
    if (kernel_addr)
        error = add_addr(name, kernel_addr);
    if (error < 0)
        return fail("address", name, -error, why, why_size);
    error = set_up(name);
    if (error < 0)
        return fail("state", name, -error, why, why_size);
    return 0;
}
