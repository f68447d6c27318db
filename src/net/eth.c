/* SPDX-License-Identifier: MIT */
/*
 * Ethernet input and output (net/eth.h; RFC 894, RFC 1122 2.3).
 *
 * Rules   A frame is for us if its destination is our address, the broadcast
 *         address or a multicast address; the packet is marked with the last
 *         two, since the layers above must not answer such packets. A tagged
 *         frame is taken if it is tagged for its priority only (VLAN 0, IEEE
 *         802.1Q): we are in no VLAN.
 *
 * DEVIATES: RFC 1122 2.3.3 SHOULD: RFC 1042 encapsulation (a length and a SNAP
 *         header in place of the type) is not received. It was for networks
 *         bridged to token rings; a length drops as a type that we do not speak.
 *         test_net_eth.c: drops_frames_that_are_not_for_us.
 */
#include "net/eth.h"

#include <string.h>

#include "net/arp.h"
#include "net/ip4.h"
#include "net/state.h"

#define VLAN_ID_MASK 0x0fff

/* Marks what was sent to more than us. Returns false when it was not sent to us at all. */
static bool check_destination(const struct net_iface *iface, const struct weft_mac *dst, struct weft_pkt *pkt)
{
    if (memcmp(dst->b, iface->mac.b, sizeof(dst->b)) == 0)
        return true;
    if (!wire_mac_is_multicast(dst))
        return false;
    pkt->flags |= wire_mac_is_broadcast(dst) ? WEFT_PKT_LL_BROADCAST : WEFT_PKT_LL_MULTICAST;
    return true;
}

void net_eth_input(struct net *net, struct net_iface *iface, struct weft_pkt *pkt)
{
    enum weft_drop why = WEFT_DROP_ETH_TYPE;
    struct wire_eth eth;
    struct cursor c;

    if (pkt->len < WIRE_ETH_LEN + WIRE_ETH_VLAN_LEN && pkt->nslices)
        weft_pkt_linearize(pkt, WIRE_ETH_LEN + WIRE_ETH_VLAN_LEN);
    c = cursor_of(pkt->data, pkt->len);
    if (!wire_eth_parse(&c, &eth)) {
        why = WEFT_DROP_ETH_SHORT;
    } else if (!check_destination(iface, &eth.dst, pkt)) {
        why = WEFT_DROP_ETH_NOT_OURS;
    } else if (!eth.has_vlan || (eth.vlan_tci & VLAN_ID_MASK) == 0) {
        weft_pkt_pull(pkt, (uint32_t)wire_eth_len(&eth));
        if (eth.type == WIRE_ETHERTYPE_IP4) {
            net_ip4_input(net, iface, pkt);
            return;
        }
        if (eth.type == WIRE_ETHERTYPE_ARP) {
            net_arp_input(net, iface, pkt);
            return;
        }
    }
    core_drop(net->core, why, iface->index, 0, pkt);
}

void net_eth_push(const struct net_iface *iface, const struct weft_mac *dst, uint16_t type,
                  struct weft_pkt *pkt)
{
    struct wire_eth eth = {.dst = *dst, .src = iface->mac, .type = type};
    struct writer w = writer_of(weft_pkt_push(pkt, WIRE_ETH_LEN), WIRE_ETH_LEN);

    wire_eth_emit(&eth, &w);
}
