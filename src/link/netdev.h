/* SPDX-License-Identifier: MIT */
/* What the kernel knows of a network device by name: its MTU, whether it runs. (weft_tap_configure is in weft/link.h.) */
#ifndef WEFT_LINK_NETDEV_H
#define WEFT_LINK_NETDEV_H

#include <weft/types.h>

/* The largest network-layer packet that the device takes, through `mtu`. Returns 0 or a negated errno. */
int link_netdev_mtu(const char *name, uint32_t *mtu);

/* Returns 0 or a negated errno. */
int link_netdev_set_mtu(const char *name, uint32_t mtu);

/*
 * Waits, for a second at most, until a device that is up also runs: when a
 * program takes a device that was up without one, the kernel notices a little
 * later, and what it sends until then is lost. A device that is down is left to
 * whoever will set it up.
 */
void link_netdev_await_running(const char *name);

#endif
