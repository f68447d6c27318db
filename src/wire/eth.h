/* SPDX-License-Identifier: MIT */
/* Ethernet II framing with an optional 802.1Q tag (RFC 894; IEEE 802.3, 802.1Q). Pure: bytes in, struct out, and back. */
#ifndef WEFT_WIRE_ETH_H
#define WEFT_WIRE_ETH_H

#include "base/cursor.h"
#include <weft/types.h>

#define WIRE_ETH_LEN      14
#define WIRE_ETH_VLAN_LEN 4

enum wire_ethertype {
    WIRE_ETHERTYPE_IP4 = 0x0800,
    WIRE_ETHERTYPE_ARP = 0x0806,
    WIRE_ETHERTYPE_VLAN = 0x8100,
    WIRE_ETHERTYPE_IP6 = 0x86dd,
};

struct wire_eth {
    struct weft_mac dst, src;
    uint16_t type; /* of the payload, behind the tag if there is one */
    bool has_vlan;
    uint16_t vlan_tci; /* priority, DEI and VLAN identifier */
};

/* Reads the header; the cursor is then at the payload. Returns false when it is cut short. */
bool wire_eth_parse(struct cursor *c, struct wire_eth *out);

/* Bytes that wire_eth_emit will write. */
static inline size_t wire_eth_len(const struct wire_eth *eth)
{
    return WIRE_ETH_LEN + (eth->has_vlan ? WIRE_ETH_VLAN_LEN : 0);
}

void wire_eth_emit(const struct wire_eth *in, struct writer *w);

static inline bool wire_mac_is_multicast(const struct weft_mac *mac)
{
    return mac->b[0] & 1;
}

bool wire_mac_is_broadcast(const struct weft_mac *mac);

#endif
