/* SPDX-License-Identifier: MIT */
/* ARP packets (wire/arp.h), with the names of RFC 826. */
#include "wire/arp.h"

#include "wire/eth.h"

#define AR_HRD_ETHERNET 1 /* RFC 826 */
#define AR_HLN          6
#define AR_PLN          4

static struct weft_addr parse_ip(struct cursor *c)
{
    return weft_ip4_from_u32(cursor_be32(c));
}

bool wire_arp_parse(struct cursor *c, struct wire_arp *out)
{
    uint16_t hrd = cursor_be16(c);
    uint16_t pro = cursor_be16(c);
    uint8_t hln = cursor_u8(c);
    uint8_t pln = cursor_u8(c);

    out->op = cursor_be16(c);
    cursor_bytes(c, out->sender_mac.b, AR_HLN);
    out->sender_ip = parse_ip(c);
    cursor_bytes(c, out->target_mac.b, AR_HLN);
    out->target_ip = parse_ip(c);
    return cursor_ok(c) && hrd == AR_HRD_ETHERNET && pro == WIRE_ETHERTYPE_IP4 && hln == AR_HLN &&
           pln == AR_PLN;
}

void wire_arp_emit(const struct wire_arp *in, struct writer *w)
{
    writer_be16(w, AR_HRD_ETHERNET);
    writer_be16(w, WIRE_ETHERTYPE_IP4);
    writer_u8(w, AR_HLN);
    writer_u8(w, AR_PLN);
    writer_be16(w, in->op);
    writer_bytes(w, in->sender_mac.b, AR_HLN);
    writer_be32(w, weft_addr_u32(&in->sender_ip));
    writer_bytes(w, in->target_mac.b, AR_HLN);
    writer_be32(w, weft_addr_u32(&in->target_ip));
}
