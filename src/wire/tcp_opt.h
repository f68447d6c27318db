/* SPDX-License-Identifier: MIT */
/*
 * TCP options: RFC 9293 3.1 and 3.2 (END, NOP, MSS), RFC 7323 (window scale,
 * timestamps), RFC 2018 (SACK), RFC 5482 (user timeout), RFC 7413 (fast open),
 * RFC 2385 (MD5), RFC 5925 (AO). Pure: bytes in, struct out, and back.
 */
#ifndef WEFT_WIRE_TCP_OPT_H
#define WEFT_WIRE_TCP_OPT_H

#include "base/cursor.h"

enum wire_tcp_opt_kind {
    WIRE_TCP_OPT_END = 0,
    WIRE_TCP_OPT_NOP = 1,
    WIRE_TCP_OPT_MSS = 2,
    WIRE_TCP_OPT_WSCALE = 3,
    WIRE_TCP_OPT_SACK_PERMITTED = 4,
    WIRE_TCP_OPT_SACK = 5,
    WIRE_TCP_OPT_TIMESTAMPS = 8,
    WIRE_TCP_OPT_MD5 = 19,
    WIRE_TCP_OPT_USER_TIMEOUT = 28,
    WIRE_TCP_OPT_AO = 29,
    WIRE_TCP_OPT_FAST_OPEN = 34,
    WIRE_TCP_OPT_EXPERIMENT = 254, /* RFC 6994 3: an ExID follows */
};

#define WIRE_TCP_MAX_SACK   4
#define WIRE_TCP_MAX_WSCALE 14 /* RFC 7323 2.3 */
#define WIRE_TCP_MAX_COOKIE 16 /* RFC 7413 4.1.1 */

#define WIRE_TCP_EXID_FAST_OPEN 0xf989u /* fast open before it had a kind of its own (IANA) */

struct wire_tcp_sack {
    uint32_t left, right; /* first sequence number held, first not held behind it */
};

struct wire_tcp_opts {
    bool has_mss, has_wscale, has_sack_permitted, has_timestamps, has_user_timeout, has_fast_open;
    bool has_md5, has_ao;
    bool has_bad_ao; /* an AO option that is too short, or a second one (RFC 5925 2.2): not to be believed */
    uint16_t mss;
    uint8_t wscale;    /* as it stands; a value above 14 counts as 14 (RFC 7323 2.3) */
    bool wscale_first; /* to be written before SACK-permitted and timestamps, not behind them */
    uint32_t tsval, tsecr;
    uint8_t nsacks; /* SACK blocks, 0 to 4 */
    struct wire_tcp_sack sack[WIRE_TCP_MAX_SACK];
    bool user_timeout_minutes; /* granularity bit */
    uint16_t user_timeout;
    bool fast_open_is_experimental; /* it stands as kind 254 */
    uint8_t cookie_len;             /* fast open; 0: a request for a cookie */
    uint8_t cookie[WIRE_TCP_MAX_COOKIE];
    const uint8_t *md5; /* 16 bytes in the packet */
    const uint8_t *ao;  /* key id, next key id, MAC in the packet */
    uint8_t ao_len;
};

/* The length that an option of this kind must have, octets; 0: more than one is possible, it has no
 * length (END, NOP), or the kind is not known. */
unsigned wire_tcp_opt_len(unsigned kind);

/*
 * Reads all options; unknown ones are passed over by their length (RFC 9293
 * MUST-6). An option of known kind but wrong length is passed over as if
 * unknown; of a kind that comes twice the first counts. Returns false when a
 * length is 0, 1 or beyond the end (MUST-7): what stood before is in `out`.
 */
bool wire_tcp_opts_parse(const uint8_t *options, size_t len, struct wire_tcp_opts *out);

/*
 * Bytes that wire_tcp_opts_emit will write, a multiple of 4 and at most 40: in
 * the order MSS, SACK-permitted, timestamps, window scale, then the rest, each
 * aligned with NOPs as hosts usually do it; what would not fit is left out, of
 * SACK blocks the last.
 */
size_t wire_tcp_opts_len(const struct wire_tcp_opts *in);

void wire_tcp_opts_emit(const struct wire_tcp_opts *in, struct writer *w);

#endif
