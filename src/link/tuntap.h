/* SPDX-License-Identifier: MIT */
/* What TAP and TUN links have in common: a device of /dev/net/tun, which is nearly everything. */
#ifndef WEFT_LINK_TUNTAP_H
#define WEFT_LINK_TUNTAP_H

#include <weft/link.h>

/* As weft_link_tap for WEFT_LINK_ETHERNET and weft_link_tun for WEFT_LINK_IP, but the link has no MAC
 * address yet. */
int link_tuntap_open(enum weft_link_type type, const struct weft_tap_config *config, struct weft_link **link,
                     char *why, size_t why_size);

#endif
