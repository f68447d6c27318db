/* SPDX-License-Identifier: MIT */
/*
 * The virtio-net header (Virtio 1.2, 5.1.6.1 and 5.1.6.2).
 *
 *     0      1      2         4          6            8             10            12
 *     | flags| type | hdr_len | gso_size | csum_start | csum_offset | num_buffers |
 *
 * hdr_len is a hint for the reader and not believed: where the headers of a
 * super-segment end is read from its TCP header, which lies where csum_start
 * says.
 */
#include "link/vnet.h"

#include "base/bytes.h"

enum vnet_flag {
    VNET_NEEDS_CSUM = 1,
    VNET_DATA_VALID = 2,
};

enum vnet_gso_type {
    VNET_GSO_NONE = 0,
    VNET_GSO_TCP4 = 1,
    VNET_GSO_TCP6 = 4,
    VNET_GSO_ECN = 0x80, /* a bit beside the type */
};

enum vnet_field {
    VNET_FLAGS = 0,
    VNET_TYPE = 1,
    VNET_HDR_LEN = 2,
    VNET_GSO_SIZE = 4,
    VNET_CSUM_START = 6,
    VNET_CSUM_OFFSET = 8,
    VNET_NUM_BUFFERS = 10,
};

#define ETH_LEN        14
#define ETH_TYPE       12 /* offset of the EtherType */
#define ETHERTYPE_VLAN 0x8100
#define VLAN_LEN       4
#define IP4_MIN_LEN    20
#define IP6_LEN        40
#define TCP_MIN_LEN    20
#define TCP_DATA_OFF   12 /* offset of the octet with the data offset: RFC 9293 3.1 */

static uint16_t get_le16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static void put_le16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}

static uint32_t tcp_header_len(const uint8_t *tcp)
{
    return (uint32_t)(tcp[TCP_DATA_OFF] >> 4) * 4;
}

void link_vnet_emit(const struct weft_pkt *pkt, uint8_t header[LINK_VNET_LEN])
{
    uint32_t headroom = weft_pkt_headroom(pkt);
    unsigned type;

    for (unsigned i = 0; i < LINK_VNET_LEN; i++)
        header[i] = 0;
    if (pkt->flags & WEFT_PKT_CSUM_PARTIAL) {
        header[VNET_FLAGS] = VNET_NEEDS_CSUM;
        put_le16(header + VNET_CSUM_START, pkt->csum_start - headroom);
        put_le16(header + VNET_CSUM_OFFSET, pkt->csum_offset);
    }
    if (pkt->gso_segs <= 1)
        return;
    type = weft_pkt_l3(pkt)[0] >> 4 == 6 ? VNET_GSO_TCP6 : VNET_GSO_TCP4;
    if (pkt->flags & WEFT_PKT_GSO_ECN)
        type |= VNET_GSO_ECN;
    header[VNET_TYPE] = (uint8_t)type;
    put_le16(header + VNET_HDR_LEN, pkt->l4_off - headroom + tcp_header_len(weft_pkt_l4(pkt)));
    put_le16(header + VNET_GSO_SIZE, pkt->gso_size);
}

/* The checksum field must lie in the linear part: whoever completes it writes there. */
static bool apply_checksum(const uint8_t *header, struct weft_pkt *pkt)
{
    uint32_t start = get_le16(header + VNET_CSUM_START);
    uint32_t offset = get_le16(header + VNET_CSUM_OFFSET);

    if (start + offset + 2 > pkt->len)
        return false;
    pkt->flags |= WEFT_PKT_CSUM_PARTIAL;
    pkt->csum_start = (uint16_t)(weft_pkt_headroom(pkt) + start);
    pkt->csum_offset = (uint16_t)offset;
    return true;
}

/* Where the IP header begins in the frame; false when the frame is too short to say. */
static bool find_ip(enum weft_link_type type, const struct weft_pkt *pkt, uint32_t *offset)
{
    *offset = 0;
    if (type == WEFT_LINK_IP)
        return pkt->len > 0;
    if (pkt->len < ETH_LEN + VLAN_LEN)
        return false;
    *offset = ETH_LEN;
    if (get_be16(pkt->data + ETH_TYPE) == ETHERTYPE_VLAN)
        *offset += VLAN_LEN;
    return *offset < pkt->len;
}

/* Finds the headers of a super-segment and counts its segments. IPv6 extension headers may lie
 * between them: the TCP header is where the checksum starts. */
static bool apply_gso(const uint8_t *header, enum weft_link_type type, struct weft_pkt *pkt)
{
    unsigned kind = header[VNET_TYPE] & ~(unsigned)VNET_GSO_ECN;
    uint32_t gso_size = get_le16(header + VNET_GSO_SIZE);
    uint32_t l4 = get_le16(header + VNET_CSUM_START);
    uint32_t l3, ip_len = kind == VNET_GSO_TCP6 ? IP6_LEN : IP4_MIN_LEN;
    uint32_t payload;

    if ((kind != VNET_GSO_TCP4 && kind != VNET_GSO_TCP6) || gso_size == 0 || !find_ip(type, pkt, &l3))
        return false;
    if (pkt->data[l3] >> 4 != (kind == VNET_GSO_TCP6 ? 6 : 4) || l4 < l3 + ip_len ||
        pkt->len < l4 + TCP_MIN_LEN)
        return false;
    if (tcp_header_len(pkt->data + l4) < TCP_MIN_LEN || pkt->len < l4 + tcp_header_len(pkt->data + l4))
        return false;
    pkt->l3_off = (uint16_t)(weft_pkt_headroom(pkt) + l3);
    pkt->l4_off = (uint16_t)(weft_pkt_headroom(pkt) + l4);
    payload = pkt->total_len - l4 - tcp_header_len(pkt->data + l4);
    if (payload <= gso_size) /* fits into one segment: a plain packet */
        return true;
    pkt->gso_size = (uint16_t)gso_size;
    pkt->gso_segs = (uint16_t)((payload + gso_size - 1) / gso_size);
    if (header[VNET_TYPE] & VNET_GSO_ECN)
        pkt->flags |= WEFT_PKT_GSO_ECN;
    return true;
}

bool link_vnet_apply(const uint8_t header[LINK_VNET_LEN], enum weft_link_type type, struct weft_pkt *pkt)
{
    bool needs_csum = header[VNET_FLAGS] & VNET_NEEDS_CSUM;

    if (needs_csum && !apply_checksum(header, pkt))
        return false;
    if (!needs_csum && header[VNET_FLAGS] & VNET_DATA_VALID)
        pkt->flags |= WEFT_PKT_CSUM_GOOD;
    if (header[VNET_TYPE] == VNET_GSO_NONE)
        return true;
    return needs_csum && apply_gso(header, type, pkt); /* Virtio 1.2 5.1.6.2: a super-segment needs one */
}
