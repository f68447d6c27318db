/* SPDX-License-Identifier: MIT */
/*
 * Sets of master key tuples (RFC 5925 3.1, 3.3, 4).
 *
 * Owns    the memory of keys and sets: a socket has its own until it
 *         connects, and as long as it listens; a connection has a copy of the
 *         keys that are for its peer, so that nothing changes under it but by
 *         calls for that connection.
 * Never   changes a key, nor gives its secret away.
 */
#include <string.h>

#include "tcp/ao.h"
#include "tcp/signing.h"
#include "tcp/tcb.h"

/* --- Finding ------------------------------------------------------------------------------------- */

static bool is_for(const struct tcp_ao_key *key, const struct tcp_tuple *tuple)
{
    return (key->port == 0 || key->port == tuple->remote_port) && tcp_sign_covers(&key->peer, &tuple->remote);
}

struct tcp_ao_key *tcp_ao_find(const struct tcp_ao *ao, const struct tcp_tuple *tuple)
{
    struct tcp_ao_key *key = ao ? ao->keys : NULL;

    while (key && !is_for(key, tuple))
        key = key->next;
    return key;
}

struct tcp_ao_key *tcp_ao_find_recv(const struct tcp_ao *ao, const struct tcp_tuple *tuple, uint8_t recv_id)
{
    struct tcp_ao_key *key = ao->keys;

    while (key && !(key->recv_id == recv_id && is_for(key, tuple)))
        key = key->next;
    return key;
}

struct tcp_ao_key *tcp_ao_find_send(const struct tcp_ao *ao, const struct tcp_tuple *tuple, uint8_t send_id)
{
    struct tcp_ao_key *key = ao->keys;

    while (key && !(key->send_id == send_id && is_for(key, tuple)))
        key = key->next;
    return key;
}

/* --- Adding and taking away --------------------------------------------------------------------- */

/* The set, made if there is none yet; NULL: there is no memory for it. */
static struct tcp_ao *set_at(struct tcp *tcp, struct tcp_ao **ao)
{
    if (!*ao)
        *ao = slab_new(&tcp->ao_sets);
    return *ao;
}

/* RFC 5925 3.1: "The IDs of MKTs MUST NOT overlap where their TCP connection identifiers overlap." */
static bool collide(const struct tcp_ao_key *a, const struct tcp_ao_key *b)
{
    bool same_ports = a->port == 0 || b->port == 0 || a->port == b->port;

    return same_ports && tcp_sign_overlap(&a->peer, &b->peer) &&
           (a->send_id == b->send_id || a->recv_id == b->recv_id);
}

static bool has_collision(const struct tcp_ao *ao, const struct tcp_ao_key *key)
{
    for (const struct tcp_ao_key *other = ao ? ao->keys : NULL; other; other = other->next)
        if (collide(other, key))
            return true;
    return false;
}

static int append(struct tcp *tcp, struct tcp_ao *ao, const struct tcp_ao_key *key, struct tcp_ao_key **added)
{
    struct tcp_ao_key **at = &ao->keys;

    while (*at)
        at = &(*at)->next;
    *at = slab_new(&tcp->ao_keys);
    if (!*at)
        return WEFT_E_LIMIT;
    **at = *key;
    (*at)->next = NULL;
    if (added)
        *added = *at;
    return 0;
}

int tcp_ao_add_key(struct tcp *tcp, struct tcp_ao **ao, const struct weft_tcp_ao_key *given)
{
    struct tcp_ao_key key = {
        .port = given->port,
        .send_id = given->send_id,
        .recv_id = given->recv_id,
        .algorithm = (uint8_t)given->algorithm,
        .exclude_options = given->exclude_options,
        .len = (uint8_t)given->key_len,
    };
    int rc;

    if ((unsigned)given->algorithm > WEFT_TCP_AO_AES128 || given->key_len < 1 ||
        given->key_len > WEFT_TCP_AO_KEY_MAX || !tcp_sign_prefix(&given->peer, &key.peer))
        return WEFT_E_INVAL;
    if (!tcp_ao_has_crypto(tcp, given->algorithm))
        return WEFT_E_OPNOTSUPP;
    if (has_collision(*ao, &key))
        return WEFT_E_EXIST;
    if (!set_at(tcp, ao))
        return WEFT_E_LIMIT;
    memcpy(key.secret, given->key, given->key_len);
    rc = append(tcp, *ao, &key, NULL);
    memset(&key, 0, sizeof(key));
    return rc;
}

int tcp_ao_add_connection_key(struct tcb *tcb, const struct weft_tcp_ao_key *given)
{
    struct tcp_ao_key key = {.port = given->port};

    if (!tcb->ao || !tcp_sign_prefix(&given->peer, &key.peer) || !is_for(&key, &tcb->node.tuple))
        return WEFT_E_INVAL;
    return tcp_ao_add_key(tcb->tcp, &tcb->ao, given);
}

/* The secret does not stay in memory that nobody owns. */
static void free_key(struct tcp *tcp, struct tcp_ao_key *key)
{
    memset(key, 0, sizeof(*key));
    slab_free(&tcp->ao_keys, key);
}

int tcp_ao_del_key(struct tcp *tcp, struct tcp_ao *ao, const struct weft_prefix *peer, uint16_t port,
                   uint8_t send_id, uint8_t recv_id)
{
    struct weft_prefix prefix;

    if (!ao || !tcp_sign_prefix(peer, &prefix))
        return WEFT_E_NOTFOUND;
    for (struct tcp_ao_key **at = &ao->keys; *at; at = &(*at)->next) {
        struct tcp_ao_key *key = *at;

        if (key->send_id != send_id || key->recv_id != recv_id || key->port != port ||
            key->peer.len != prefix.len || !weft_addr_eq(&key->peer.addr, &prefix.addr))
            continue;
        if (key == ao->current || key == ao->rnext)
            return WEFT_E_BUSY;
        *at = key->next;
        free_key(tcp, key);
        return 0;
    }
    return WEFT_E_NOTFOUND;
}

void tcp_ao_free(struct tcp *tcp, struct tcp_ao *ao)
{
    struct tcp_ao_key *key;

    while (ao && (key = ao->keys) != NULL) {
        ao->keys = key->next;
        free_key(tcp, key);
    }
    slab_free(&tcp->ao_sets, ao);
}

struct tcp_ao *tcp_connection_ao(const struct tcb *tcb)
{
    return tcb->ao;
}

/* --- What is set and told ------------------------------------------------------------------------- */

static struct tcp_ao_key *with_send_id(const struct tcp_ao *ao, unsigned id)
{
    struct tcp_ao_key *key = ao ? ao->keys : NULL;

    while (key && key->send_id != id)
        key = key->next;
    return key;
}

static struct tcp_ao_key *with_recv_id(const struct tcp_ao *ao, unsigned id)
{
    struct tcp_ao_key *key = ao ? ao->keys : NULL;

    while (key && key->recv_id != id)
        key = key->next;
    return key;
}

static int set_key(struct tcp_ao_key **which, struct tcp_ao_key *key)
{
    if (!key)
        return WEFT_E_NOTFOUND;
    *which = key;
    return 0;
}

static int set_switch(struct tcp *tcp, struct tcp_ao **ao, enum weft_tcp_ao_set what, unsigned value)
{
    if (value > 1)
        return WEFT_E_INVAL;
    if (!set_at(tcp, ao))
        return WEFT_E_LIMIT;
    if (what == WEFT_TCP_AO_SET_REQUIRED)
        (*ao)->required = value;
    else
        (*ao)->accept_icmps = value;
    return 0;
}

int tcp_ao_set(struct tcp *tcp, struct tcp_ao **ao, enum weft_tcp_ao_set what, unsigned value)
{
    switch (what) {
    case WEFT_TCP_AO_SET_CURRENT:
        return *ao ? set_key(&(*ao)->current, with_send_id(*ao, value)) : WEFT_E_NOTFOUND;
    case WEFT_TCP_AO_SET_RNEXT:
        return *ao ? set_key(&(*ao)->rnext, with_recv_id(*ao, value)) : WEFT_E_NOTFOUND;
    case WEFT_TCP_AO_SET_REQUIRED:
    case WEFT_TCP_AO_SET_ICMPS:
        return set_switch(tcp, ao, what, value);
    }
    return WEFT_E_INVAL;
}

int tcp_ao_set_connection(struct tcb *tcb, enum weft_tcp_ao_set what, unsigned value)
{
    return tcb->ao ? tcp_ao_set(tcb->tcp, &tcb->ao, what, value) : WEFT_E_INVAL;
}

void tcp_ao_info(const struct tcp_ao *ao, struct weft_tcp_ao_info *out)
{
    *out = (struct weft_tcp_ao_info){0};
    if (!ao)
        return;
    out->in_use = ao->keys != NULL;
    out->required = ao->required;
    out->accept_icmps = ao->accept_icmps;
    out->has_current = ao->current != NULL;
    out->has_rnext = ao->rnext != NULL;
    out->current_id = ao->current ? ao->current->send_id : 0;
    out->rnext_id = ao->rnext ? ao->rnext->recv_id : 0;
    out->has_received = ao->has_received;
    out->received_id = ao->received_id;
    out->received_rnext_id = ao->received_rnext_id;
    out->snd_sne = ao->snd.sne;
    out->rcv_sne = ao->rcv.sne;
    out->good = ao->good;
    out->bad = ao->bad;
    out->key_unknown = ao->key_unknown;
    out->missing = ao->missing;
    out->icmps = ao->icmps;
}

/* A prefix as its user wrote it. */
static struct weft_prefix prefix_of(const struct tcp_ao_key *key)
{
    struct weft_prefix prefix = key->peer;

    if (weft_addr_is_ip4(&prefix.addr))
        prefix.len = (uint8_t)(prefix.len - 96);
    return prefix;
}

int tcp_ao_get_keys(const struct tcp_ao *ao, struct weft_tcp_ao_key *keys, unsigned max)
{
    unsigned n = 0;

    for (const struct tcp_ao_key *key = ao ? ao->keys : NULL; key; key = key->next, n++)
        if (n < max)
            keys[n] = (struct weft_tcp_ao_key){
                .peer = prefix_of(key),
                .port = key->port,
                .send_id = key->send_id,
                .recv_id = key->recv_id,
                .algorithm = (enum weft_tcp_ao_algorithm)key->algorithm,
                .exclude_options = key->exclude_options,
                .key_len = key->len,
                .is_current = key == ao->current,
                .is_rnext = key == ao->rnext,
                .good = key->good,
                .bad = key->bad,
            };
    return (int)n;
}

/* --- A connection begins ------------------------------------------------------------------------------ */

/* The keys of `from` that are for this peer, with the two that were chosen there. */
static int copy_keys(struct tcp *tcp, const struct tcp_ao *from, const struct tcp_tuple *tuple,
                     struct tcp_ao *to)
{
    for (const struct tcp_ao_key *key = from->keys; key; key = key->next) {
        struct tcp_ao_key *copy;

        if (!is_for(key, tuple))
            continue;
        if (append(tcp, to, key, &copy) < 0)
            return WEFT_E_LIMIT;
        copy->good = copy->bad = 0;
        if (key == from->current)
            to->current = copy;
        if (key == from->rnext)
            to->rnext = copy;
    }
    return 0;
}

/* RFC 5925 6.1: "Upon connection establishment, it points to the first MKT selected for use", and what a SYN has named
 * is selected by it (7.5 steps 1 and 2.e). */
static void choose_keys(struct tcp_ao *ao, const struct tcp_tuple *tuple, const struct tcp_ao_proof *proof)
{
    struct tcp_ao_key *named = proof ? tcp_ao_find_recv(ao, tuple, proof->key_id) : NULL;
    struct tcp_ao_key *asked = proof ? tcp_ao_find_send(ao, tuple, proof->rnext_id) : NULL;

    if (asked || named)
        ao->current = asked ? asked : named;
    if (!ao->current)
        ao->current = ao->keys;
    if (!ao->rnext)
        ao->rnext = named ? named : ao->current;
}

int tcp_ao_begin(struct tcp *tcp, const struct tcp_ao *from, const struct tcp_tuple *tuple,
                 const struct tcp_ao_proof *proof, struct tcp_ao **out)
{
    struct tcp_ao *ao;

    *out = NULL;
    if (!tcp_ao_find(from, tuple))
        return from && from->required ? WEFT_E_NOTFOUND : 0;
    ao = slab_new(&tcp->ao_sets);
    if (!ao || copy_keys(tcp, from, tuple, ao) < 0) {
        tcp_ao_free(tcp, ao);
        return WEFT_E_LIMIT;
    }
    ao->required = from->required;
    ao->accept_icmps = from->accept_icmps;
    choose_keys(ao, tuple, proof);
    *out = ao;
    return 0;
}
