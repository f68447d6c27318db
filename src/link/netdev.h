/* SPDX-License-Identifier: MIT */
/* What the kernel knows of a network device by name: its MTU. (weft_tap_configure is in weft/link.h.) */
#ifndef WEFT_LINK_NETDEV_H
#define WEFT_LINK_NETDEV_H

#include <weft/types.h>

/* The largest network-layer packet that the device takes, through `mtu`. Returns 0 or a negated errno. */
int link_netdev_mtu(const char *name, uint32_t *mtu);

/* Returns 0 or a negated errno. */
int link_netdev_set_mtu(const char *name, uint32_t mtu);

#endif
