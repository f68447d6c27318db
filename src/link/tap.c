/* SPDX-License-Identifier: MIT */
/* A TAP device as a link: Ethernet frames to and from the kernel. */
#include <weft/err.h>
#include <weft/link.h>

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "link/tuntap.h"
#include "link/why.h"

/* A random unicast address that nobody has been assigned (IEEE 802, 8.2: bit 0 clear, bit 1 set). */
static int make_mac(struct weft_mac *mac)
{
    if (getrandom(mac->b, sizeof(mac->b), 0) != (ssize_t)sizeof(mac->b))
        return WEFT_E_IO;
    mac->b[0] = (uint8_t)((mac->b[0] & ~1) | 2);
    return 0;
}

int weft_link_tap(const struct weft_tap_config *config, struct weft_link **link, char *why, size_t why_size)
{
    struct weft_mac mac;
    int error = make_mac(&mac);

    if (error) {
        link_why(why, why_size, "cannot make a MAC address: %s", strerror(errno));
        return error;
    }
    error = link_tuntap_open(WEFT_LINK_ETHERNET, config, link, why, why_size);
    if (!error)
        (*link)->mac = mac;
    return error;
}
