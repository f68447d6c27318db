/* SPDX-License-Identifier: MIT */
/* ARP for IPv4 over Ethernet (RFC 826, RFC 5227). Pure: bytes in, struct out, and back. */
#ifndef WEFT_WIRE_ARP_H
#define WEFT_WIRE_ARP_H

#include "base/cursor.h"
#include <weft/types.h>

#define WIRE_ARP_LEN 28

enum wire_arp_op {
    WIRE_ARP_REQUEST = 1,
    WIRE_ARP_REPLY = 2,
};

struct wire_arp {
    uint16_t op;
    struct weft_mac sender_mac; /* ar$sha */
    struct weft_addr sender_ip; /* ar$spa */
    struct weft_mac target_mac; /* ar$tha */
    struct weft_addr target_ip; /* ar$tpa */
};

/* Returns false when it is cut short or is not for Ethernet and IPv4. Any `op` is accepted. */
bool wire_arp_parse(struct cursor *c, struct wire_arp *out);

void wire_arp_emit(const struct wire_arp *in, struct writer *w);

#endif
