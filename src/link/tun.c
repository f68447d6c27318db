/* SPDX-License-Identifier: MIT */
/* A TUN device as a link: IP packets to and from the kernel, without a link-layer header. */
#include "link/tuntap.h"

int weft_link_tun(const struct weft_tap_config *config, struct weft_link **link, char *why, size_t why_size)
{
    return link_tuntap_open(WEFT_LINK_IP, config, link, why, why_size);
}
