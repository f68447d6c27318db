/* SPDX-License-Identifier: MIT */
/*
 * How IPv4 sends a packet (net/ip4.h; RFC 791 3.1, RFC 1122 3.2.1, 3.3.3).
 *
 * Owns    the header that goes out, and its identification.
 *
 * The header never has options, so it is five words that are written, and
 * summed, as such: this is on the way of every segment. The test compares it
 * with what wire_ip4_emit writes.
 *
 * DEVIATES: RFC 1122 3.2.1.8 MUST: transports cannot send options. Routers drop
 *         packets that have them, and no transport here wants any.
 */
#include "net/ip4.h"

#include "base/bytes.h"
#include "base/checksum.h"
#include "net/state.h"
#include "wire/ip4.h"

/* RFC 791 3.1: what the total length can say. */
#define TOTAL_LEN_MAX 65535

#define WORD0 0x45000000u /* version 4, five words */
#define DF    0x4000u

/* RFC 6864 4: what cannot be fragmented needs no identification; 0 tells nobody anything. What can
 * must not repeat one too soon for the same source, destination and protocol. */
static uint16_t choose_id(struct net *net, const struct weft_addr *src, const struct net_tx *tx,
                          uint16_t segments)
{
    uint8_t key[9];
    uint16_t *counter, id;

    if (tx->dont_fragment)
        return 0;
    put_be32(key, weft_addr_u32(src));
    put_be32(key + 4, weft_addr_u32(&tx->dst));
    key[8] = tx->proto;
    counter = &net->ip4_id[siphash(&net->core->secret, key, sizeof(key)) % NET_IP4_IDS];
    id = *counter;
    *counter = (uint16_t)(*counter + (segments ? segments : 1));
    return id;
}

static void write_header(uint8_t *to, const struct weft_addr *src, const struct net_tx *tx,
                         uint32_t total_len, uint16_t id)
{
    uint32_t word0 = WORD0 | (uint32_t)tx->tos << 16 | total_len;
    uint32_t word1 = (uint32_t)id << 16 | (tx->dont_fragment ? DF : 0);
    uint32_t word2 = (uint32_t)(tx->ttl ? tx->ttl : NET_IP4_TTL) << 24 | (uint32_t)tx->proto << 16;
    uint32_t word3 = weft_addr_u32(src);
    uint32_t word4 = weft_addr_u32(&tx->dst);
    /* 32-bit words sum up like the 16-bit words in them (RFC 1071 2 (C)). */
    uint16_t checksum = checksum_finish((uint64_t)word0 + word1 + word2 + word3 + word4);

    put_be32(to, word0);
    put_be32(to + 4, word1);
    put_be32(to + 8, word2 | checksum);
    put_be32(to + 12, word3);
    put_be32(to + 16, word4);
}

int net_ip4_output(struct net *net, struct net_path *path, const struct net_tx *tx, struct weft_pkt *pkt)
{
    struct net_iface *iface = &net->iface[path->iface];
    uint32_t total_len = WIRE_IP4_LEN + pkt->total_len;
    uint32_t largest = pkt->gso_segs > 1 ? WIRE_IP4_LEN + pkt->len + pkt->gso_size : total_len;
    uint32_t limit = tx->dont_fragment ? path->mtu : iface->mtu;

    if (largest > limit || total_len > TOTAL_LEN_MAX) {
        core_drop(net->core, WEFT_DROP_IP_TOO_BIG, path->iface, 0, pkt);
        return WEFT_E_MSGSIZE;
    }
    write_header(weft_pkt_push(pkt, WIRE_IP4_LEN), &path->src, tx, total_len,
                 choose_id(net, &path->src, tx, pkt->gso_segs));
    pkt->l3_off = (uint16_t)weft_pkt_headroom(pkt);
    core_count(net->core, WEFT_COUNT_IP_OUT);
    if (iface->has_neighbours)
        return net_neigh_send(net, iface, path, pkt);
    return net_iface_transmit(net, iface, pkt);
}
