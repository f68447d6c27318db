/* SPDX-License-Identifier: MIT */
/* Ethernet headers (wire/eth.h). */
#include "wire/eth.h"

bool wire_eth_parse(struct cursor *c, struct wire_eth *out)
{
    *out = (struct wire_eth){0};
    cursor_bytes(c, out->dst.b, sizeof(out->dst.b));
    cursor_bytes(c, out->src.b, sizeof(out->src.b));
    out->type = cursor_be16(c);
    if (out->type == WIRE_ETHERTYPE_VLAN) {
        out->has_vlan = true;
        out->vlan_tci = cursor_be16(c);
        out->type = cursor_be16(c);
    }
    return cursor_ok(c);
}

void wire_eth_emit(const struct wire_eth *in, struct writer *w)
{
    writer_bytes(w, in->dst.b, sizeof(in->dst.b));
    writer_bytes(w, in->src.b, sizeof(in->src.b));
    if (in->has_vlan) {
        writer_be16(w, WIRE_ETHERTYPE_VLAN);
        writer_be16(w, in->vlan_tci);
    }
    writer_be16(w, in->type);
}

bool wire_mac_is_broadcast(const struct weft_mac *mac)
{
    static const uint8_t ones[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

    return memcmp(mac->b, ones, sizeof(ones)) == 0;
}
