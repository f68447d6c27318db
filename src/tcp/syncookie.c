/* SPDX-License-Identifier: MIT */
/*
 * SYN cookies: half-open connections of which nothing is kept (RFC 4987 3.6).
 * What must be known when the handshake completes is written into the SYN-ACK
 * and comes back with the ACK:
 *
 *     initial sequence number   | parity | MSS | MAC                        |
 *                                 1 bit    3     28 bits
 *     timestamp, when the peer  | clock, to 64 ms  | ECN | SACK | wscale    |
 *     has them                    26 bits            1      1      4
 *
 * Owns    the secrets, the layout, and how long a cookie is good: a secret is
 *         new each EPOCH, and the one before is still known. `parity` says
 *         which of the two.
 * Never   keeps anything of a peer. syncache.c decides when a cookie is given
 *         and makes the connection.
 *
 * The MAC is over both ends, the peer's initial number, the MSS and the
 * options, so none can be changed on the way back, and a guess is right once
 * in 2^28. Without timestamps the options are lost, the MSS is not. A cookie
 * is asked for only while one that was given may still come back: at other
 * times an ACK for nobody costs no hash.
 *
 * When the ACK and the first data are lost together, what comes next does not
 * tell the peer's initial number, and such a connection is reset: the price of
 * keeping nothing.
 */
#include <string.h>

#include "tcp/tcb.h"

#define EPOCH (64 * WEFT_SEC) /* ours: a cookie is good for 64 to 128 s, longer than a SYN-ACK is repeated */

#define MAC_BITS    28
#define MAC_MASK    ((1u << MAC_BITS) - 1)
#define MSS_SHIFT   MAC_BITS
#define PARITY_BIT  31
#define MSS_ENTRIES 8

/* A peer's MSS is rounded down to one of these: what is left of common MTUs by common headers. The first is
 * what we send to a peer that offers less (segment.c). */
static const uint16_t mss_table[MSS_ENTRIES] = {48, 256, 536, 1220, 1360, 1440, 1460, 8940};

/* In the low bits of the timestamp. */
#define WSCALE_NONE  0xfu
#define OPTION_SACK  0x10u
#define OPTION_ECN   0x20u
#define OPTION_MASK  0x3fu
#define NO_TIMESTAMP 0xffu /* in the MAC, where there are none */

static unsigned mss_index(const struct wire_tcp_opts *opts, const struct tcp_tuple *tuple)
{
    uint16_t mss = tcp_peer_mss(opts, tuple);
    unsigned i = MSS_ENTRIES - 1;

    while (i > 0 && mss_table[i] > mss)
        i--;
    return i;
}

static unsigned options_of(const struct wire_tcp_opts *opts, bool ecn)
{
    unsigned wscale = opts->wscale < WIRE_TCP_MAX_WSCALE ? opts->wscale : WIRE_TCP_MAX_WSCALE;

    if (!opts->has_timestamps)
        return NO_TIMESTAMP;
    return (opts->has_wscale ? wscale : WSCALE_NONE) | (opts->has_sack_permitted ? OPTION_SACK : 0) |
           (ecn ? OPTION_ECN : 0);
}

/* --- Secrets --------------------------------------------------------------------------- */

static void new_secret(struct tcp *tcp, uint64_t epoch)
{
    struct siphash_key *key = &tcp->cookies.secret[epoch & 1];

    key->k0 = rng_u64(&tcp->core->rng);
    key->k1 = rng_u64(&tcp->core->rng);
}

/* Brings the two secrets up to this moment. */
static void rotate(struct tcp *tcp)
{
    uint64_t epoch = tcp->core->now / EPOCH;

    if (tcp->cookies.has_secrets && tcp->cookies.epoch == epoch)
        return;
    if (!tcp->cookies.has_secrets || epoch - tcp->cookies.epoch > 1)
        new_secret(tcp, epoch - 1);
    new_secret(tcp, epoch);
    tcp->cookies.epoch = epoch;
    tcp->cookies.has_secrets = true;
}

static uint32_t mac_of(const struct tcp *tcp, const struct tcp_tuple *tuple, tcp_seq irs, unsigned parity,
                       unsigned mss, unsigned options)
{
    uint8_t bytes[16 + 16 + 2 + 2 + 4 + 1 + 1];

    memcpy(bytes, tuple->local.b, 16);
    memcpy(bytes + 16, tuple->remote.b, 16);
    put_be16(bytes + 32, tuple->local_port);
    put_be16(bytes + 34, tuple->remote_port);
    put_be32(bytes + 36, irs.n);
    bytes[40] = (uint8_t)mss;
    bytes[41] = (uint8_t)options;
    return (uint32_t)(siphash(&tcp->cookies.secret[parity], bytes, sizeof(bytes)) >> (64 - MAC_BITS));
}

/* --- Giving ------------------------------------------------------------------------------ */

/* Our clock with the options in its low bits, never ahead of itself (RFC 7323 5.4: timestamps only grow). */
static uint32_t timestamp_with(uint32_t clock, unsigned options)
{
    uint32_t value = (clock & ~OPTION_MASK) | options;

    return (int32_t)(value - clock) > 0 ? value - (OPTION_MASK + 1) : value;
}

tcp_seq tcp_cookie_give(struct tcp *tcp, const struct tcp_tuple *tuple, tcp_seq irs,
                        struct wire_tcp_opts *opts, bool *ecn, uint32_t *tsval)
{
    unsigned mss = mss_index(opts, tuple);
    unsigned options = options_of(opts, *ecn);
    unsigned parity;

    rotate(tcp);
    parity = tcp->cookies.epoch & 1;
    if (opts->has_timestamps) {
        *tsval = timestamp_with(*tsval, options);
    } else {
        opts->has_sack_permitted = false;
        opts->has_wscale = false;
        *ecn = false;
    }
    tcp->cookies.good_until = tcp->core->now + 2 * EPOCH;
    core_count(tcp->core, WEFT_COUNT_TCP_COOKIES_SENT);
    trace(&tcp->core->trace, tcp->core->now, WEFT_TRACE_TCP_COOKIE_SENT, 0, 0,
          trace_addr_high(&tuple->remote), trace_addr_low(&tuple->remote),
          (uint64_t)tuple->local_port << 16 | tuple->remote_port, mss_table[mss], 0, 0);
    return seq_of(mac_of(tcp, tuple, irs, parity, mss, options) | mss << MSS_SHIFT |
                  (uint32_t)parity << PARITY_BIT);
}

/* --- Taking ------------------------------------------------------------------------------ */

/* What the peer's SYN must have offered. */
static void restore_options(const struct tcp_seg *seg, unsigned mss, unsigned options,
                            struct wire_tcp_opts *opts)
{
    *opts = (struct wire_tcp_opts){.has_mss = true, .mss = mss_table[mss]};
    if (options == NO_TIMESTAMP)
        return;
    opts->has_timestamps = true;
    opts->tsval = seg->opts.tsval;
    opts->has_sack_permitted = options & OPTION_SACK;
    opts->has_wscale = (options & WSCALE_NONE) != WSCALE_NONE;
    opts->wscale = opts->has_wscale ? (uint8_t)(options & WSCALE_NONE) : 0;
}

bool tcp_cookie_take(struct tcp *tcp, const struct tcp_tuple *tuple, const struct tcp_seg *seg,
                     struct wire_tcp_opts *opts, bool *ecn)
{
    uint32_t iss = seg->ack.n - 1;
    unsigned parity = iss >> PARITY_BIT;
    unsigned mss = iss >> MSS_SHIFT & (MSS_ENTRIES - 1);
    unsigned options = seg->opts.has_timestamps ? seg->opts.tsecr & OPTION_MASK : NO_TIMESTAMP;

    if (tcp->core->now >= tcp->cookies.good_until || (seg->flags & WIRE_TCP_SYN))
        return false;
    rotate(tcp);
    if ((iss & MAC_MASK) != mac_of(tcp, tuple, seq_sub(seg->seq, 1), parity, mss, options)) {
        core_count(tcp->core, WEFT_COUNT_TCP_COOKIES_WRONG);
        return false;
    }
    restore_options(seg, mss, options, opts);
    *ecn = options != NO_TIMESTAMP && (options & OPTION_ECN);
    core_count(tcp->core, WEFT_COUNT_TCP_COOKIES_TAKEN);
    return true;
}
