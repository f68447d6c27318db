/* SPDX-License-Identifier: MIT */
/*
 * Time, addresses and endpoints: the few value types that every other header
 * of weft speaks in.
 *
 * Owns    nothing; these are plain values, copied freely.
 */
#ifndef WEFT_TYPES_H
#define WEFT_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/*
 * A moment, in microseconds since a fixed point that the caller chooses. It
 * only moves forward and never wraps (64 bits last for half a million years).
 * Durations are the same unit in the same type.
 */
typedef uint64_t weft_time;

#define WEFT_TIME_NEVER ((weft_time)UINT64_MAX)
#define WEFT_USEC       ((weft_time)1)
#define WEFT_MSEC       ((weft_time)1000)
#define WEFT_SEC        ((weft_time)1000000)

/*
 * An Internet address of either family, in network byte order. An IPv4 address
 * is held as its IPv4-mapped form ::ffff:a.b.c.d (RFC 4291 2.5.5.2), so that
 * one type, one comparison and one hash serve both. A mapped address is never
 * put into an IPv6 header and never accepted from one.
 *
 * All zero (::) means "any" for both families; so does ::ffff:0.0.0.0.
 */
struct weft_addr {
    uint8_t b[16];
};

/* An address and a transport port; `port` is in host byte order, 0 means "any". */
struct weft_endpoint {
    struct weft_addr addr;
    uint16_t port;
};

/* An address and the number of its leading bits that name the network. For an
 * IPv4 address `len` counts IPv4 bits, 0 to 32; for IPv6 it is 0 to 128. */
struct weft_prefix {
    struct weft_addr addr;
    uint8_t len;
};

/* A 48-bit MAC address as it stands in an Ethernet header. */
struct weft_mac {
    uint8_t b[6];
};

#define WEFT_ADDR_ANY        ((struct weft_addr){{0}})
#define WEFT_ADDR_STRLEN     46 /* longest text of an address, with its NUL */
#define WEFT_PREFIX_STRLEN   50 /* the same with "/128" */
#define WEFT_ENDPOINT_STRLEN 54 /* "[v6]:65535" with its NUL */
#define WEFT_MAC_STRLEN      18

/* The IPv4 address a.b.c.d. */
static inline struct weft_addr weft_ip4(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
    return (struct weft_addr){{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d}};
}

/* The IPv4 address whose 32 bits are `host` in host byte order (0x7f000001 is 127.0.0.1). */
static inline struct weft_addr weft_ip4_from_u32(uint32_t host)
{
    return weft_ip4((uint8_t)(host >> 24), (uint8_t)(host >> 16), (uint8_t)(host >> 8), (uint8_t)host);
}

/* True when `a` holds an IPv4 address. */
static inline bool weft_addr_is_ip4(const struct weft_addr *a)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

    for (unsigned i = 0; i < sizeof(mapped); i++)
        if (a->b[i] != mapped[i])
            return false;
    return true;
}

/* The 32 bits of an IPv4 address in host byte order; meaningless for IPv6. */
static inline uint32_t weft_addr_u32(const struct weft_addr *a)
{
    return (uint32_t)a->b[12] << 24 | (uint32_t)a->b[13] << 16 | (uint32_t)a->b[14] << 8 | a->b[15];
}

static inline bool weft_addr_eq(const struct weft_addr *a, const struct weft_addr *b)
{
    return __builtin_memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

/* True for :: and for 0.0.0.0. */
static inline bool weft_addr_is_any(const struct weft_addr *a)
{
    if (weft_addr_is_ip4(a))
        return weft_addr_u32(a) == 0;
    for (unsigned i = 0; i < sizeof(a->b); i++)
        if (a->b[i] != 0)
            return false;
    return true;
}

/*
 * Reads an address in its usual text form: "10.0.0.1" (four decimal numbers,
 * no leading zeros, nothing around them) or RFC 4291 2.2 for IPv6.
 * Borrows `text`; gives the address through `out`, left alone on failure.
 * Returns 0, or WEFT_E_INVAL when the text is not an address.
 */
int weft_addr_parse(const char *text, struct weft_addr *out);

/*
 * "10.0.0.1/24". Without a slash the length is 32 or 128. Otherwise as
 * weft_addr_parse; a length above the family's is WEFT_E_INVAL.
 */
int weft_prefix_parse(const char *text, struct weft_prefix *out);

/*
 * "10.0.0.1:80" or "[fe80::1]:80". Otherwise as weft_addr_parse.
 */
int weft_endpoint_parse(const char *text, struct weft_endpoint *out);

/* "02:00:5e:10:00:01". Otherwise as weft_addr_parse. */
int weft_mac_parse(const char *text, struct weft_mac *out);

/*
 * Write a value as text with a final NUL, IPv6 by RFC 5952. `buf` must have
 * room for WEFT_…_STRLEN bytes. Each returns `buf`, so that it can stand in
 * an argument list.
 */
const char *weft_addr_format(const struct weft_addr *addr, char *buf);
const char *weft_prefix_format(const struct weft_prefix *prefix, char *buf);
const char *weft_endpoint_format(const struct weft_endpoint *ep, char *buf);
const char *weft_mac_format(const struct weft_mac *mac, char *buf);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
