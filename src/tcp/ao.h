/* SPDX-License-Identifier: MIT */
/*
 * TCP-AO (RFC 5925): the keys of a socket, a listener or a connection, and how
 * a segment is signed and checked with them. Three files:
 *
 *      ao_keys.c   sets of master key tuples: adding, finding, telling
 *      ao_mac.c    traffic keys and MACs, from what they are made of (RFC 5926)
 *      ao.c        which of them a segment has, sent or received
 */
#ifndef WEFT_TCP_AO_H_
#define WEFT_TCP_AO_H_

#include <weft/tcp_ao.h>

#include "base/slab.h"
#include "net/net.h"
#include "tcp/seq.h"
#include "wire/tcp.h"

struct tcp;
struct tcb;
struct tcp_listener;
struct tcp_node;
struct tcp_options;
struct tcp_tuple;

#define TCP_AO_MAC_LEN     12u /* both algorithms' (RFC 5926 3.2) */
#define TCP_AO_TRAFFIC_MAX 20u /* bytes of the longest traffic key */

/* Bytes of the option's content, behind kind and length: KeyID, RNextKeyID, MAC. */
#define TCP_AO_CONTENT (2u + TCP_AO_MAC_LEN)

/* What the option takes of each segment. */
#define TCP_AO_OPTION (2u + TCP_AO_CONTENT)

/* RFC 5925 3.2. */
enum tcp_ao_direction {
    TCP_AO_SEND_SYN,
    TCP_AO_RECEIVE_SYN,
    TCP_AO_SEND_OTHER,
    TCP_AO_RECEIVE_OTHER,
    TCP_AO_DIRECTIONS,
};

struct tcp_ao_key {
    struct tcp_ao_key *next; /* in the order in which they were added */
    struct weft_prefix peer; /* as tcp_sign_prefix has it */
    uint16_t port;
    uint8_t send_id, recv_id;
    uint8_t algorithm; /* enum weft_tcp_ao_algorithm */
    bool exclude_options;
    uint8_t len;
    uint8_t secret[WEFT_TCP_AO_KEY_MAX];
    /* Of a connection: */
    uint8_t derived; /* bits of enum tcp_ao_direction: these traffic keys are there */
    uint8_t traffic[TCP_AO_DIRECTIONS][TCP_AO_TRAFFIC_MAX];
    uint64_t good, bad;
};

/* A 64-bit sequence number: how often it has wrapped since the ISN, and its low half (RFC 5925 6.2). */
struct tcp_ao_seq {
    uint32_t sne;
    tcp_seq seq;
};

/* The SNE of a number that lies within 2^31 of `at`. */
uint32_t tcp_ao_sne(struct tcp_ao_seq at, tcp_seq seq);

/* `at` goes on to a number that lies less than 2^31 ahead. */
void tcp_ao_advance(struct tcp_ao_seq *at, tcp_seq seq);

/* A set of keys, and what a connection that uses it knows besides. */
struct tcp_ao {
    struct tcp_ao_key *keys;
    struct tcp_ao_key *current, *rnext; /* as set; of a connection never NULL (RFC 5925 4) */
    bool required, accept_icmps;
    /* Of a connection: */
    bool has_irs; /* irs and rcv are valid */
    tcp_seq iss, irs;
    struct tcp_ao_seq snd, rcv; /* SND.SNE and RCV.SNE, with the numbers that they are for */
    bool has_received;
    uint8_t received_id, received_rnext_id;
    uint64_t good, bad, key_unknown, missing, icmps;
};

/* The keys, ISNs and numbers with which a segment was found authentic, and with which it is answered. */
struct tcp_ao_proof {
    const struct tcp_ao *ao; /* NULL: it has no AO, and needs none */
    tcp_seq iss, irs;        /* iss is 0 when it is a SYN */
    uint8_t key_id, rnext_id;
};

/* --- ao_keys.c ------------------------------------------------------------------------------- */

/* The first key that is for this peer; NULL: none is, or there is no set. */
struct tcp_ao_key *tcp_ao_find(const struct tcp_ao *ao, const struct tcp_tuple *tuple);

/* The key for this peer with this number; NULL: there is none. */
struct tcp_ao_key *tcp_ao_find_recv(const struct tcp_ao *ao, const struct tcp_tuple *tuple, uint8_t recv_id);
struct tcp_ao_key *tcp_ao_find_send(const struct tcp_ao *ao, const struct tcp_tuple *tuple, uint8_t send_id);

/*
 * Gives a connection its own copy of the keys that are for its peer; NULL when there are none, or no
 * `from`. `proof` is of the peer's SYN or ACK, which says what keys to begin with; NULL: we begin. Returns 0, WEFT_E_NOTFOUND (none, and AO is required) or WEFT_E_LIMIT.
 */
int tcp_ao_begin(struct tcp *tcp, const struct tcp_ao *from, const struct tcp_tuple *tuple,
                 const struct tcp_ao_proof *proof, struct tcp_ao **out);

/* --- ao_mac.c --------------------------------------------------------------------------------- */

/* The context of a traffic key (RFC 5925 5.2), "source" being who sends the segment. */
struct tcp_ao_context {
    struct weft_addr src, dst;
    uint16_t src_port, dst_port;
    tcp_seq src_isn, dst_isn; /* 0: not known */
};

void tcp_ao_derive(const struct tcp *tcp, const struct tcp_ao_key *key, const struct tcp_ao_context *context,
                   uint8_t traffic[TCP_AO_TRAFFIC_MAX]);

/* The MAC of the segment in `pkt`, whose header of `header_len` bytes begins at pkt->data, and whose AO option has
 * its content at `content` there. The MAC that it has does not count. */
void tcp_ao_mac(const struct tcp *tcp, const struct tcp_ao_key *key, const uint8_t *traffic, uint32_t sne,
                const struct weft_addr *src, const struct weft_addr *dst, const struct weft_pkt *pkt,
                unsigned header_len, const uint8_t *content, uint8_t mac[TCP_AO_MAC_LEN]);

/* True when the configuration brings what this algorithm needs. */
bool tcp_ao_has_crypto(const struct tcp *tcp, enum weft_tcp_ao_algorithm algorithm);

/* Do the keys that there are find in `crypto`, which may be NULL, what they need? */
bool tcp_ao_can_go_on_with(const struct tcp *tcp, const struct weft_tcp_crypto *crypto);

/* --- ao.c -------------------------------------------------------------------------------------- */

/* What one segment is signed with. */
struct tcp_ao_signer {
    const struct tcp_ao_key *key;
    uint8_t rnext_id;
    uint8_t traffic[TCP_AO_TRAFFIC_MAX];
    struct tcp_ao_seq at; /* of what is sent */
};

/*
 * Is a received segment, whose header stands at pkt->data, authentic as far as AO and MD5 go? `node` is
 * what its addresses lead to; NULL: nothing. WEFT_DROP_COUNT, or why not. A connection's keys change over as
 * the segment asks (RFC 5925 7.5 step 2.e).
 */
enum weft_drop tcp_ao_check(struct tcp *tcp, struct tcp_node *node, const struct tcp_tuple *tuple,
                            const struct weft_pkt *pkt, const struct wire_tcp *header,
                            const struct wire_tcp_opts *opts, struct tcp_ao_proof *proof);

/* For a segment that a connection sends; `is_syn`: SYN without ACK. */
void tcp_ao_signer_of(struct tcb *tcb, bool is_syn, struct tcp_ao_signer *out);

/* The same for what is left of it in TIME-WAIT. */
void tcp_ao_signer_of_rest(const struct tcp *tcp, struct tcp_ao *ao, const struct tcp_tuple *tuple,
                           struct tcp_ao_signer *out);

/* For an answer to a segment of no control block, with its ISNs and key numbers. False: the keys are no more. */
bool tcp_ao_signer_for(const struct tcp *tcp, const struct tcp_ao_proof *proof, const struct tcp_tuple *tuple,
                       struct tcp_ao_signer *out);

/* Fills in the option without its MAC; `content` must stay until it is written. */
void tcp_ao_fill(const struct tcp_ao_signer *signer, struct wire_tcp_opts *opts,
                 uint8_t content[TCP_AO_CONTENT]);

/* Signs a segment that is complete but for its checksum; `header_len` bytes of header begin at pkt->data. */
void tcp_ao_sign(const struct tcp *tcp, const struct tcp_ao_signer *signer, const struct tcp_tuple *tuple,
                 struct weft_pkt *pkt, unsigned header_len);

/* Numbers of the connection are known: ours, and then the peer's. */
void tcp_ao_set_iss(struct tcb *tcb);
void tcp_ao_set_irs(struct tcb *tcb);

/* True when an ICMP error of this kind is not listened to (RFC 5925 7.8); counts it. */
bool tcp_ao_ignores_error(struct tcb *tcb, const struct net_error *error);

#endif
