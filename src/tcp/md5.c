/* SPDX-License-Identifier: MIT */
/*
 * The MD5 signature option (RFC 2385): segments to and from a peer that we share
 * a key with are signed, and what is not is dropped without an answer.
 *
 * Owns    the stack's table of keys. A key is for a peer's addresses, not for
 *         a connection: so whatever goes to the peer is signed, the SYN cache's
 *         answers, those of TIME-WAIT and resets for nobody included.
 * Never   computes a digest itself: the configuration brings the function.
 *
 * The digest is over the pseudo-header, the TCP header without options and with
 * a checksum of zero, the data, and the key (2.0).
 */
#include <string.h>

#include "tcp/signing.h"
#include "tcp/tcb.h"

#define DIGEST_LEN 16u

const uint8_t tcp_md5_placeholder[DIGEST_LEN];

/* --- Keys ----------------------------------------------------------------------------------- */

static bool is_for(const struct tcp_md5_key *key, const struct tcp_tuple *tuple)
{
    if (key->port != 0 && key->port != tuple->local_port && key->port != tuple->remote_port)
        return false;
    return tcp_sign_covers(&key->peer, &tuple->remote);
}

/* The closest prefix counts; of two the one with a port. */
const struct tcp_md5_key *tcp_md5_find(const struct tcp *tcp, const struct tcp_tuple *tuple)
{
    const struct tcp_md5_key *best = NULL;

    for (unsigned i = 0; i < tcp->md5.n; i++) {
        const struct tcp_md5_key *key = &tcp->md5.keys[i];

        if (!is_for(key, tuple))
            continue;
        if (!best || key->peer.len > best->peer.len || (key->peer.len == best->peer.len && key->port != 0))
            best = key;
    }
    return best;
}

static struct tcp_md5_key *find_exact(struct tcp *tcp, const struct weft_prefix *peer, uint16_t port)
{
    for (unsigned i = 0; i < tcp->md5.n; i++) {
        struct tcp_md5_key *key = &tcp->md5.keys[i];

        if (key->port == port && key->peer.len == peer->len && weft_addr_eq(&key->peer.addr, &peer->addr))
            return key;
    }
    return NULL;
}

static int remove_key(struct tcp *tcp, struct tcp_md5_key *key)
{
    if (!key)
        return WEFT_E_NOTFOUND;
    *key = tcp->md5.keys[--tcp->md5.n];
    memset(&tcp->md5.keys[tcp->md5.n], 0, sizeof(*key));
    return 0;
}

bool tcp_md5_can_go_on_with(const struct tcp *tcp, const struct weft_tcp_crypto *crypto)
{
    return tcp->md5.n == 0 || (crypto && crypto->md5);
}

int tcp_md5_set_key(struct tcp *tcp, const struct weft_prefix *peer, uint16_t port, const void *secret,
                    size_t len)
{
    struct weft_prefix prefix;
    struct tcp_md5_key *key;

    if (!tcp->config.crypto || !tcp->config.crypto->md5)
        return WEFT_E_OPNOTSUPP;
    if (len > WEFT_TCP_MD5_KEY_MAX || !tcp_sign_prefix(peer, &prefix))
        return WEFT_E_INVAL;
    key = find_exact(tcp, &prefix, port);
    if (len == 0)
        return remove_key(tcp, key);
    if (!key && tcp->md5.n == TCP_MD5_KEYS)
        return WEFT_E_LIMIT;
    if (!key)
        key = &tcp->md5.keys[tcp->md5.n++];
    *key = (struct tcp_md5_key){.peer = prefix, .port = port, .len = (uint8_t)len};
    memcpy(key->secret, secret, len);
    return 0;
}

/* --- Digests ---------------------------------------------------------------------------------- */

/* Of the segment in `pkt`, whose TCP header of `header_len` bytes stands at its beginning. */
static void digest_of(const struct tcp *tcp, const struct tcp_md5_key *key, const struct weft_addr *src,
                      const struct weft_addr *dst, const struct weft_pkt *pkt, unsigned header_len,
                      uint8_t digest[DIGEST_LEN])
{
    struct tcp_sign_message message = {0};
    uint8_t pseudo[TCP_SIGN_PSEUDO], header[WIRE_TCP_LEN];

    memcpy(header, pkt->data, WIRE_TCP_LEN);
    put_be16(header + WIRE_TCP_CHECKSUM_OFFSET, 0);
    tcp_sign_add_pseudo(&message, src, dst, pkt->total_len, pseudo);
    tcp_sign_add(&message, header, WIRE_TCP_LEN);
    tcp_sign_add_text(&message, pkt, header_len);
    tcp_sign_add(&message, key->secret, key->len);
    tcp->config.crypto->md5(message.piece, message.n, digest);
}

void tcp_md5_sign(const struct tcp *tcp, const struct tcp_tuple *tuple, struct weft_pkt *pkt,
                  unsigned header_len)
{
    const struct tcp_md5_key *key = tcp_md5_find(tcp, tuple);
    struct wire_tcp_opts opts;
    uint8_t digest[DIGEST_LEN];

    if (!key || !wire_tcp_opts_parse(pkt->data + WIRE_TCP_LEN, header_len - WIRE_TCP_LEN, &opts) ||
        !opts.has_md5)
        return;
    digest_of(tcp, key, &tuple->local, &tuple->remote, pkt, header_len, digest);
    memcpy(pkt->data + (opts.md5 - pkt->data), digest, DIGEST_LEN);
}

enum weft_drop tcp_md5_check(const struct tcp *tcp, const struct tcp_tuple *tuple, const struct weft_pkt *pkt,
                             const struct wire_tcp *header, const struct wire_tcp_opts *opts)
{
    const struct tcp_md5_key *key = tcp_md5_find(tcp, tuple);
    uint8_t digest[DIGEST_LEN];

    if (!key)
        return opts->has_md5 ? WEFT_DROP_TCP_MD5_UNEXPECTED : WEFT_DROP_COUNT;
    if (!opts->has_md5)
        return WEFT_DROP_TCP_MD5_MISSING;
    digest_of(tcp, key, &tuple->remote, &tuple->local, pkt, header->header_len, digest);
    return tcp_sign_is_same(digest, opts->md5, DIGEST_LEN) ? WEFT_DROP_COUNT : WEFT_DROP_TCP_MD5_WRONG;
}
