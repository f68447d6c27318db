/* SPDX-License-Identifier: MIT */
/*
 * TCP Fast Open, the side that listens (RFC 7413 4.1.2, 4.2): cookies, and
 * whose data is taken before the handshake is complete.
 *
 * Owns    the keys, and the count of a listener's connections that have begun
 *         so and are in SYN-RECEIVED still: PendingFastOpenRequests.
 * Never   takes data for a cookie that is not the one for this pair of
 *         addresses, or beyond the listener's limit; such a SYN opens like any
 *         other, and its data comes again.
 *
 * A cookie is the SipHash of both addresses, 8 bytes with the low byte first:
 * what the Linux kernel makes of the same key, so that servers of both kinds
 * can stand behind one address. A second key is still good for cookies, but a
 * new one is given for them.
 */
#include <string.h>

#include "tcp/tcb.h"

#define COOKIE_LEN 8u

/* RFC 7413 5.1: how long one that was reset counts as pending: a flood of SYNs with stolen cookies is
 * answered by RSTs of the hosts that did not send them. Ours, as Linux has it. */
#define RESET_COUNTS (60 * WEFT_SEC)

/* --- Keys and cookies -------------------------------------------------------------------- */

/* Low byte first. */
static uint64_t le64_of(const uint8_t *bytes)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < 8; i++)
        value |= (uint64_t)bytes[i] << 8 * i;
    return value;
}

bool tcp_tfo_keys_set(struct tcp_tfo_keys *keys, const uint8_t *bytes, size_t len)
{
    if (len != 16 && len != 32)
        return false;
    keys->n = (uint8_t)(len / 16);
    for (unsigned i = 0; i < keys->n; i++)
        keys->key[i] = (struct siphash_key){le64_of(bytes + 16 * i), le64_of(bytes + 16 * i + 8)};
    return true;
}

static const struct tcp_tfo_keys *keys_of(const struct tcp_listener *listener)
{
    return listener->tfo_keys.n > 0 ? &listener->tfo_keys : &listener->tcp->tfo_keys;
}

static uint64_t make_cookie(const struct siphash_key *key, const struct tcp_tuple *tuple)
{
    unsigned skip = weft_addr_is_ip4(&tuple->remote) ? 12 : 0; /* IPv4 addresses are the last four bytes */
    unsigned len = 16 - skip;
    uint8_t bytes[32];

    memcpy(bytes, tuple->remote.b + skip, len);
    memcpy(bytes + len, tuple->local.b + skip, len);
    return siphash(key, bytes, 2 * len);
}

void tcp_tfo_give_cookie(const struct tcp_listener *listener, const struct tcp_tuple *tuple,
                         struct wire_tcp_opts *opts)
{
    uint64_t cookie = make_cookie(&keys_of(listener)->key[0], tuple);

    opts->has_fast_open = true;
    opts->cookie_len = COOKIE_LEN;
    for (unsigned i = 0; i < COOKIE_LEN; i++)
        opts->cookie[i] = (uint8_t)(cookie >> 8 * i);
}

/* Which key made the cookie; -1: none of ours. */
static int key_of_cookie(const struct tcp_listener *listener, const struct tcp_tuple *tuple,
                         const struct wire_tcp_opts *opts)
{
    const struct tcp_tfo_keys *keys = keys_of(listener);

    if (opts->cookie_len != COOKIE_LEN)
        return -1;
    for (int i = 0; i < keys->n; i++)
        if (le64_of(opts->cookie) == make_cookie(&keys->key[i], tuple))
            return i;
    return -1;
}

/* --- How many are pending ------------------------------------------------------------------ */

/* The listener's limit: 0 when fast open is off there. */
static unsigned limit_of(const struct tcp_listener *listener)
{
    const struct weft_tcp_config *config = &listener->tcp->config;

    if (config->no_fast_open_listen)
        return 0;
    if (listener->options.fast_open_queue == 0 && config->fast_open_all_listeners)
        return listener->backlog;
    return listener->options.fast_open_queue;
}

static bool is_full(struct tcp_listener *listener)
{
    if (listener->tcp->core->now >= listener->tfo_resets_until)
        listener->tfo_resets = 0;
    return listener->tfo_pending + listener->tfo_resets >= limit_of(listener);
}

void tcp_tfo_pending(struct tcb *tcb, struct tcp_listener *listener)
{
    list_push_back(&listener->tfo, &tcb->tfo.link);
    tcb->tfo.listener = listener;
    listener->tfo_pending++;
}

void tcp_tfo_settled(struct tcb *tcb, bool was_reset)
{
    struct tcp_listener *listener = tcb->tfo.listener;

    if (!listener)
        return;
    list_remove(&tcb->tfo.link);
    tcb->tfo.listener = NULL;
    listener->tfo_pending--;
    if (was_reset) {
        listener->tfo_resets++;
        listener->tfo_resets_until = listener->tcp->core->now + RESET_COUNTS;
    }
}

void tcp_tfo_unlisten(struct tcp_listener *listener)
{
    while (!list_is_empty(&listener->tfo))
        tcp_tfo_settled(list_entry(listener->tfo.next, struct tcb, tfo.link), false);
}

/* --- What a SYN is worth ---------------------------------------------------------------------- */

enum tcp_tfo_verdict tcp_tfo_judge(struct tcp_listener *listener, const struct tcp_tuple *tuple,
                                   const struct tcp_seg *seg)
{
    struct tcp *tcp = listener->tcp;
    bool needs_none = listener->options.fast_open_no_cookie || tcp->config.fast_open_take_without_cookie;
    const struct wire_tcp_opts *opts = &seg->opts;
    int key;

    if (limit_of(listener) == 0)
        return TCP_TFO_PLAIN;
    if (needs_none && seg->len > 0)
        return is_full(listener) ? TCP_TFO_PLAIN : TCP_TFO_TAKE;
    if (!opts->has_fast_open || (opts->fast_open_is_experimental && !tcp->config.fast_open_experimental))
        return TCP_TFO_PLAIN;
    if (opts->cookie_len == 0)
        return TCP_TFO_GIVE;
    key = key_of_cookie(listener, tuple, opts);
    if (key < 0) {
        core_count(tcp->core, WEFT_COUNT_TCP_FAST_OPEN_WRONG_COOKIES);
        return TCP_TFO_GIVE;
    }
    if (is_full(listener)) {
        core_count(tcp->core, WEFT_COUNT_TCP_FAST_OPEN_LIMITED);
        return TCP_TFO_PLAIN;
    }
    return key == 0 ? TCP_TFO_TAKE : TCP_TFO_TAKE_AND_GIVE;
}
