/* SPDX-License-Identifier: MIT */
/*
 * TCP-AO, the authentication option (RFC 5925, RFC 5926): each segment of a
 * connection carries a code that only the two ends can make, so that nobody
 * else can reset it, write into it or repeat what was sent. It takes the place
 * of TCP MD5 (weft_stack_set_md5_key) for long-lived connections, of BGP above
 * all.
 *
 * A socket is given keys, "master key tuples" in the RFC's words, before it
 * listens or connects:
 *
 *     struct weft_tcp_ao_key key = {
 *         .peer = {weft_ip4(192, 0, 2, 1), 32},
 *         .send_id = 100,
 *         .recv_id = 100,
 *         .key = secret,
 *         .key_len = sizeof(secret),
 *     };
 *     weft_sock_ao_add_key(sock, &key);
 *     weft_sock_connect(sock, &peer);
 *
 * A peer that one of the keys is for must authenticate every segment, and what
 * goes to it is authenticated: what is not, or wrongly, is dropped without an
 * answer (stats.h counts why), so a peer without the key gets nowhere and
 * sees a timeout. Accepted connections get the keys of their listener that are
 * for their peer. Nothing is negotiated: both ends must be told.
 *
 * To change the key of a connection that stands, add the new one at both ends
 * and then name it with WEFT_TCP_AO_SET_RNEXT at either: the other end reads
 * that in the segments and goes over to it, and no segment is lost. Then take
 * the old one away. Traffic keys are made anew for each connection, so one
 * key may be for many.
 *
 * A peer that has lost its keys, by a restart, cannot reset a connection: use
 * WEFT_OPT_KEEPALIVE, or keepalives of the application (RFC 5925 7.7). Where
 * both an AO key and an MD5 key are for a peer, AO is used. A SYN with AO has
 * no room for a fast open cookie unless timestamps are off.
 */
#ifndef WEFT_TCP_AO_H
#define WEFT_TCP_AO_H

#include <weft/socket.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* The longest key; ours, as others have it. RFC 5925 5.3: 12 to 24 bytes are appropriate. */
#define WEFT_TCP_AO_KEY_MAX 80

/* How traffic keys are derived, and how a segment's code is made from them: 96 bits in any case (RFC 5926). */
enum weft_tcp_ao_algorithm {
    WEFT_TCP_AO_SHA1,   /* KDF_HMAC_SHA1 with HMAC-SHA-1-96 */
    WEFT_TCP_AO_AES128, /* KDF_AES_128_CMAC with AES-128-CMAC-96 */
};

/* A master key tuple (RFC 5925 3.1). What it says of the near end is what its socket says. */
struct weft_tcp_ao_key {
    struct weft_prefix peer; /* an address, or a network; ::/0 is everybody, 0.0.0.0/0 who has IPv4 */
    uint16_t port;           /* of the peer; 0: any */
    uint8_t send_id;         /* stands in what we send, KeyID */
    uint8_t recv_id;         /* stands in what the peer sends with it */
    enum weft_tcp_ao_algorithm algorithm;
    bool exclude_options; /* TCP options besides AO are not authenticated: where a middlebox changes them */
    const void *key;      /* the master key; never given back: NULL when keys are read */
    size_t key_len;       /* 1 to WEFT_TCP_AO_KEY_MAX bytes */
    /* When keys are read: what the connection does with it, and segments that it has authenticated or has not. */
    bool is_current, is_rnext;
    uint64_t good, bad;
};

/*
 * TCP_AO_ADD_KEY: the socket has a key more. Before connect or listen; of a listener it holds for
 * connections that begin from then on; a connection that stands may get more, if it has any. The first that is
 * for the peer is used at first. A key does not change: take it away, and add another. The key is copied. Returns 0;
 * WEFT_E_INVAL (a bad length, prefix or algorithm, a connection without AO, or one that the key is not
 * for); WEFT_E_EXIST (a key for some of the same peers has one of these two numbers already: RFC 5925 3.1);
 * WEFT_E_LIMIT (weft_tcp_config.ao_keys); WEFT_E_OPNOTSUPP (the configuration brings no such
 * cryptography, or the socket is not of TCP).
 */
int weft_sock_ao_add_key(struct weft_sock *sock, const struct weft_tcp_ao_key *key);

/*
 * TCP_AO_DEL_KEY: takes away the key with this prefix, port and numbers. Half-open connections that use it
 * come to nothing; accepted ones have their own copy. Returns 0; WEFT_E_NOTFOUND; WEFT_E_BUSY (it is the
 * connection's current or rnext key: name another first, weft_sock_ao_set); WEFT_E_OPNOTSUPP.
 */
int weft_sock_ao_del_key(struct weft_sock *sock, const struct weft_prefix *peer, uint16_t port,
                         uint8_t send_id, uint8_t recv_id);

/* TCP_AO_GET_KEYS: writes up to `max` keys, without their secrets, in the order in which they were added. Returns how
 * many there are, which may be more; or WEFT_E_OPNOTSUPP. */
int weft_sock_ao_get_keys(const struct weft_sock *sock, struct weft_tcp_ao_key *keys, unsigned max);

/* TCP_AO_INFO. */
struct weft_tcp_ao_info {
    bool in_use;       /* the connection authenticates its segments; of others: there are keys */
    bool required;     /* see WEFT_TCP_AO_SET_REQUIRED */
    bool accept_icmps; /* see WEFT_TCP_AO_SET_ICMPS */
    bool has_current, has_rnext;
    uint8_t current_id; /* the send_id that goes out with what we send */
    uint8_t rnext_id;   /* the recv_id that we ask the peer to use */
    bool has_received;
    uint8_t received_id, received_rnext_id; /* KeyID and RNextKeyID of the last segment that was authentic */
    uint32_t snd_sne, rcv_sne;              /* how often the sequence numbers have wrapped (RFC 5925 6.2) */
    uint64_t good;        /* segments that were authentic; of a listener: those of no connection yet */
    uint64_t bad;         /* whose code was wrong, */
    uint64_t key_unknown; /* that no key was for, */
    uint64_t missing;     /* that had no code: all these were dropped */
    uint64_t icmps;       /* ICMP errors that were ignored */
};

int weft_sock_ao_info(const struct weft_sock *sock, struct weft_tcp_ao_info *out);

enum weft_tcp_ao_set {
    WEFT_TCP_AO_SET_CURRENT, /* a send_id: what we send is authenticated with that key from now on; the peer must
                                have it already */
    WEFT_TCP_AO_SET_RNEXT, /* a recv_id: the peer is asked to use that key */
    /* Switch: no connection without AO, even where no key is for the peer (connect says WEFT_E_NOTFOUND); off at
     * first. */
    WEFT_TCP_AO_SET_REQUIRED,
    /* Switch: ICMP errors are listened to as on other connections; off at first: protocol and port unreachable,
     * fragmentation needed, and for IPv6 administratively prohibited, are ignored once the connection stands (RFC
     * 5925 7.8). The path's MTU is then found by probing (weft_tcp_config.mtu_probing). */
    WEFT_TCP_AO_SET_ICMPS,
};

/* Returns 0; WEFT_E_INVAL (not a switch's value, no such setting, a connection without AO); WEFT_E_NOTFOUND (no key has this number);
 * WEFT_E_LIMIT; WEFT_E_OPNOTSUPP. */
int weft_sock_ao_set(struct weft_sock *sock, enum weft_tcp_ao_set what, unsigned value);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
