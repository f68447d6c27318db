/* SPDX-License-Identifier: MIT */
/*
 * Addresses as text (weft/types.h): IPv4 as four decimal numbers, IPv6 read by
 * RFC 4291 2.2 and written by RFC 5952 4.
 *
 * A reader takes what it understands from the front of `*text` and moves it
 * on; the public calls then see that nothing is left.
 */
#include <weft/err.h>
#include <weft/types.h>

#include <string.h>

#define IP6_LEN    16
#define IP6_GROUPS 8

/* --- Reading --- */

static bool take_char(const char **text, char c)
{
    if (**text != c)
        return false;
    (*text)++;
    return true;
}

/* A decimal number from 0 to `max`, without leading zeros. */
static bool take_decimal(const char **text, unsigned max, unsigned *out)
{
    const char *p = *text;
    unsigned value = 0;

    if (*p < '0' || *p > '9' || (*p == '0' && p[1] >= '0' && p[1] <= '9'))
        return false;
    for (; *p >= '0' && *p <= '9'; p++) {
        value = value * 10 + (unsigned)(*p - '0');
        if (value > max)
            return false;
    }
    *text = p;
    *out = value;
    return true;
}

/* The value of a hexadecimal digit, or -1. */
static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* `min` to `max` hexadecimal digits; those that follow are left. */
static bool take_hex(const char **text, unsigned min, unsigned max, unsigned *out)
{
    unsigned value = 0;
    unsigned n = 0;

    while (n < max && hex_value(**text) >= 0) {
        value = value << 4 | (unsigned)hex_value(**text);
        (*text)++;
        n++;
    }
    *out = value;
    return n >= min;
}

static bool take_ip4(const char **text, uint8_t out[4])
{
    const char *p = *text;
    uint8_t bytes[4];

    for (unsigned i = 0; i < 4; i++) {
        unsigned value;

        if ((i > 0 && !take_char(&p, '.')) || !take_decimal(&p, 255, &value))
            return false;
        bytes[i] = (uint8_t)value;
    }
    memcpy(out, bytes, sizeof(bytes));
    *text = p;
    return true;
}

/* An IPv6 address being read: the bytes so far, and how many stood before "::". */
struct ip6_text {
    uint8_t bytes[IP6_LEN];
    unsigned n;
    int gap; /* -1: no "::" yet */
};

/* One group, or the last 32 bits in IPv4's form; `*last` when nothing may follow. */
static bool take_group(const char **text, struct ip6_text *a, bool *last)
{
    unsigned value;

    *last = a->n + 4 <= IP6_LEN && take_ip4(text, a->bytes + a->n);
    if (*last) {
        a->n += 4;
        return true;
    }
    if (!take_hex(text, 1, 4, &value))
        return false;
    a->bytes[a->n++] = (uint8_t)(value >> 8);
    a->bytes[a->n++] = (uint8_t)value;
    return true;
}

/* "::", once, at any place. */
static bool take_gap(const char **text, struct ip6_text *a)
{
    if (a->gap >= 0 || (*text)[0] != ':' || (*text)[1] != ':')
        return false;
    *text += 2;
    a->gap = (int)a->n;
    return true;
}

static bool take_groups(const char **text, struct ip6_text *a)
{
    bool last = false;

    if (take_gap(text, a) && hex_value(**text) < 0)
        return true;
    while (a->n < IP6_LEN) {
        if (!take_group(text, a, &last))
            return false;
        if (last)
            return true;
        if (take_gap(text, a)) {
            if (hex_value(**text) < 0)
                return true;
        } else if (a->n < IP6_LEN && !take_char(text, ':')) {
            return true;
        }
    }
    return true;
}

static bool take_ip6(const char **text, uint8_t out[IP6_LEN])
{
    struct ip6_text a = {.gap = -1};
    unsigned before, behind;

    if (!take_groups(text, &a))
        return false;
    if (a.gap < 0) {
        memcpy(out, a.bytes, IP6_LEN);
        return a.n == IP6_LEN;
    }
    if (a.n > IP6_LEN - 2) /* "::" stands for one group at least */
        return false;
    before = (unsigned)a.gap;
    behind = a.n - before;
    memset(out, 0, IP6_LEN);
    memcpy(out, a.bytes, before);
    memcpy(out + IP6_LEN - behind, a.bytes + before, behind);
    return true;
}

static bool take_addr(const char **text, struct weft_addr *out)
{
    *out = weft_ip4(0, 0, 0, 0);
    return take_ip4(text, out->b + 12) || take_ip6(text, out->b);
}

int weft_addr_parse(const char *text, struct weft_addr *out)
{
    struct weft_addr addr;

    if (!take_addr(&text, &addr) || *text)
        return WEFT_E_INVAL;
    *out = addr;
    return 0;
}

int weft_prefix_parse(const char *text, struct weft_prefix *out)
{
    struct weft_addr addr;
    unsigned max, len;

    if (!take_addr(&text, &addr))
        return WEFT_E_INVAL;
    max = len = weft_addr_is_ip4(&addr) ? 32 : 128;
    if (take_char(&text, '/') && !take_decimal(&text, max, &len))
        return WEFT_E_INVAL;
    if (*text)
        return WEFT_E_INVAL;
    *out = (struct weft_prefix){addr, (uint8_t)len};
    return 0;
}

int weft_endpoint_parse(const char *text, struct weft_endpoint *out)
{
    struct weft_addr addr = weft_ip4(0, 0, 0, 0);
    bool has_addr;
    unsigned port;

    if (take_char(&text, '['))
        has_addr = take_ip6(&text, addr.b) && take_char(&text, ']');
    else
        has_addr = take_ip4(&text, addr.b + 12);
    if (!has_addr || !take_char(&text, ':') || !take_decimal(&text, UINT16_MAX, &port) || *text)
        return WEFT_E_INVAL;
    *out = (struct weft_endpoint){addr, (uint16_t)port};
    return 0;
}

int weft_mac_parse(const char *text, struct weft_mac *out)
{
    struct weft_mac mac;

    for (unsigned i = 0; i < sizeof(mac.b); i++) {
        unsigned value;

        if ((i > 0 && !take_char(&text, ':')) || !take_hex(&text, 2, 2, &value))
            return WEFT_E_INVAL;
        mac.b[i] = (uint8_t)value;
    }
    if (*text)
        return WEFT_E_INVAL;
    *out = mac;
    return 0;
}

/* --- Writing: each returns the end of what it wrote, without a NUL --- */

static char *put_decimal(char *to, unsigned value)
{
    if (value >= 10)
        to = put_decimal(to, value / 10);
    *to++ = (char)('0' + value % 10);
    return to;
}

/* At least `min` lower-case digits (RFC 5952 4.1, 4.3). */
static char *put_hex(char *to, unsigned value, unsigned min)
{
    if (value >= 16 || min > 1)
        to = put_hex(to, value >> 4, min ? min - 1 : 0);
    *to++ = "0123456789abcdef"[value & 15];
    return to;
}

static char *put_ip4(char *to, const uint8_t *bytes)
{
    for (unsigned i = 0; i < 4; i++) {
        if (i > 0)
            *to++ = '.';
        to = put_decimal(to, bytes[i]);
    }
    return to;
}

static unsigned group_at(const uint8_t *bytes, size_t i)
{
    return (unsigned)bytes[2 * i] << 8 | bytes[2 * i + 1];
}

/* The longest run of zero groups, the first of equals (RFC 5952 4.2.3); returns its length. */
static unsigned find_zeros(const uint8_t *bytes, unsigned *begin)
{
    unsigned best = 0;
    unsigned run = 0;

    for (unsigned i = 0; i < IP6_GROUPS; i++) {
        run = group_at(bytes, i) == 0 ? run + 1 : 0;
        if (run > best) {
            best = run;
            *begin = i + 1 - run;
        }
    }
    return best;
}

static char *put_ip6(char *to, const uint8_t *bytes)
{
    unsigned begin = 0;
    unsigned zeros = find_zeros(bytes, &begin);

    for (unsigned i = 0; i < IP6_GROUPS; i++) {
        if (zeros > 1 && i == begin) { /* one group is not shortened, RFC 5952 4.2.2 */
            *to++ = ':';
            *to++ = ':';
            i += zeros - 1;
            continue;
        }
        if (i > 0 && to[-1] != ':')
            *to++ = ':';
        to = put_hex(to, group_at(bytes, i), 1);
    }
    return to;
}

static char *put_addr(char *to, const struct weft_addr *addr)
{
    return weft_addr_is_ip4(addr) ? put_ip4(to, addr->b + 12) : put_ip6(to, addr->b);
}

const char *weft_addr_format(const struct weft_addr *addr, char *buf)
{
    *put_addr(buf, addr) = '\0';
    return buf;
}

const char *weft_prefix_format(const struct weft_prefix *prefix, char *buf)
{
    char *to = put_addr(buf, &prefix->addr);

    *to++ = '/';
    *put_decimal(to, prefix->len) = '\0';
    return buf;
}

const char *weft_endpoint_format(const struct weft_endpoint *ep, char *buf)
{
    bool brackets = !weft_addr_is_ip4(&ep->addr);
    char *to = buf;

    if (brackets)
        *to++ = '[';
    to = put_addr(to, &ep->addr);
    if (brackets)
        *to++ = ']';
    *to++ = ':';
    *put_decimal(to, ep->port) = '\0';
    return buf;
}

const char *weft_mac_format(const struct weft_mac *mac, char *buf)
{
    char *to = buf;

    for (unsigned i = 0; i < sizeof(mac->b); i++) {
        if (i > 0)
            *to++ = ':';
        to = put_hex(to, mac->b[i], 2);
    }
    *to = '\0';
    return buf;
}
