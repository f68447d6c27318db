/* SPDX-License-Identifier: MIT */
/*
 * The virtio-net header that goes before each frame on a TUN or TAP device: how
 * the kernel and we tell each other of checksums not yet complete and of
 * super-segments (Virtio 1.2, 5.1.6). Pure: a packet's marks in, bytes out, and
 * back. Numbers are little-endian, as TUNSETVNETLE arranges.
 */
#ifndef WEFT_LINK_VNET_H
#define WEFT_LINK_VNET_H

#include <weft/link.h>

/* With num_buffers, which is always 0 here: what TUNSETVNETHDRSZ is told. */
#define LINK_VNET_LEN 12

/* Writes the header for a packet to send. A super-segment has its l3_off and l4_off set and its
 * headers in the linear part, as weft_pkt_segment wants them too. */
void link_vnet_emit(const struct weft_pkt *pkt, uint8_t header[LINK_VNET_LEN]);

/*
 * Marks a received packet, which holds the frame and has no marks yet, by what
 * the header says; a super-segment gets l3_off and l4_off too. Returns false
 * when the header says what cannot be, or what we have not asked for; the
 * packet is then good for nothing.
 */
bool link_vnet_apply(const uint8_t header[LINK_VNET_LEN], enum weft_link_type type, struct weft_pkt *pkt);

#endif
