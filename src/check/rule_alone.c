/* SPDX-License-Identifier: MIT */
/* Rules that a segment keeps or breaks by itself: RFC 9293 3.1 and 3.2, and where options belong. */
#include "check/model.h"

#define ADDR_BROADCAST 0xffffffffu

/* --- The header ------------------------------------------------------------------------------- */

static bool is_one_host(const struct weft_addr *addr)
{
    uint32_t ip4 = weft_addr_u32(addr);

    return weft_addr_is_ip4(addr) ? ip4 >> 28 != 14 && ip4 != ADDR_BROADCAST : addr->b[0] != 0xff;
}

static void check_addresses(const struct check_view *v)
{
    char text[WEFT_ADDR_STRLEN];
    const struct weft_addr *wrong = NULL;

    if (!is_one_host(&v->seg->dst.addr))
        wrong = &v->seg->dst.addr;
    if (!is_one_host(&v->seg->src.addr))
        wrong = &v->seg->src.addr;
    if (wrong)
        check_report(v, CHECK_ADDRESS, 0, "%s is not one host's address", weft_addr_format(wrong, text));
}

/* Of the four reserved bits RFC 9768 has taken the last (AE). */
static void check_reserved(const struct check_view *v)
{
    unsigned bits = v->seg->header[12] & 0x0e;

    if (bits)
        check_report(v, CHECK_RESERVED_BITS, 0, "reserved control bits are set: 0x%x", bits >> 1);
}

/* RFC 9293 3.10: a reset is made with RST, or RST and ACK; nothing makes SYN and FIN, or nothing at all. */
static void check_flags(const struct check_view *v)
{
    unsigned flags = v->seg->tcp.flags;

    if ((flags & WIRE_TCP_SYN) && (flags & WIRE_TCP_FIN))
        check_report(v, CHECK_FLAGS, 0, "SYN and FIN are both set");
    else if ((flags & WIRE_TCP_RST) && (flags & (WIRE_TCP_SYN | WIRE_TCP_FIN)))
        check_report(v, CHECK_FLAGS, 0, "a reset has %s set", flags & WIRE_TCP_SYN ? "SYN" : "FIN");
    if (!(flags & (WIRE_TCP_ACK | WIRE_TCP_SYN | WIRE_TCP_RST)))
        check_report(v, CHECK_ACK_BIT, 0, "the segment has no acknowledgment");
    if ((flags & WIRE_TCP_URG) && v->seg->tcp.urgent == 0)
        check_report(v, CHECK_URGENT_ZERO, 0, "the urgent pointer is 0");
}

/* --- Options -------------------------------------------------------------------------------------- */

static bool is_len_right(unsigned kind, unsigned len)
{
    switch (kind) {
    case WIRE_TCP_OPT_SACK: /* RFC 2018 3: one to four blocks */
        return len > 2 && len <= 34 && len % 8 == 2;
    case WIRE_TCP_OPT_AO: /* RFC 5925 2.2 */
        return len >= 4;
    case WIRE_TCP_OPT_FAST_OPEN: /* RFC 7413 4.1.1 */
        return len == 2 || (len >= 6 && len <= 18 && len % 2 == 0);
    default:
        return wire_tcp_opt_len(kind) == 0 || len == wire_tcp_opt_len(kind);
    }
}

static void check_option(const struct check_view *v, unsigned kind, unsigned len, uint64_t *seen)
{
    bool is_syn = check_is_syn(v->seg);

    if (!is_len_right(kind, len))
        check_report(v, CHECK_OPTION_SIZE, 0, "option %u is %u octets long", kind, len);
    if (kind < 64 && *seen & UINT64_C(1) << kind)
        check_report(v, CHECK_OPTION_TWICE, 0, "option %u comes twice", kind);
    *seen |= kind < 64 ? UINT64_C(1) << kind : 0;
    if (is_syn)
        return;
    if (kind == WIRE_TCP_OPT_MSS)
        check_report(v, CHECK_MSS_PLACE, 0, "a segment that is no SYN has the MSS option");
    if (kind == WIRE_TCP_OPT_WSCALE)
        check_report(v, CHECK_WSCALE_PLACE, 0, "a segment that is no SYN has the window scale option");
    if (kind == WIRE_TCP_OPT_SACK_PERMITTED)
        check_report(v, CHECK_SACK_PERMITTED_PLACE, 0, "a segment that is no SYN has SACK-permitted");
    if (kind == WIRE_TCP_OPT_FAST_OPEN)
        check_report(v, CHECK_FAST_OPEN_PLACE, 0, "a segment that is no SYN has the fast open option");
}

static void check_padding(const struct check_view *v, struct cursor *c)
{
    while (cursor_left(c)) {
        unsigned octet = cursor_u8(c);

        if (octet != 0) {
            check_report(v, CHECK_OPTION_PADDING, 0, "behind the end of the options stands octet 0x%02x",
                         octet);
            return;
        }
    }
}

/* The options are walked here once more, and not by wire's parser, which is made to be lenient. */
static void check_options(const struct check_view *v)
{
    struct cursor c = cursor_of(v->seg->header + WIRE_TCP_LEN, v->seg->tcp.header_len - WIRE_TCP_LEN);
    uint64_t seen = 0;

    while (cursor_left(&c)) {
        unsigned kind = cursor_u8(&c), len;

        if (kind == WIRE_TCP_OPT_END) {
            check_padding(v, &c);
            return;
        }
        if (kind == WIRE_TCP_OPT_NOP)
            continue;
        len = cursor_left(&c) ? cursor_u8(&c) : 0;
        if (len < 2 || len - 2 > cursor_left(&c)) {
            check_report(v, CHECK_OPTION_LENGTH, 0, "option %u says a length of %u with %zu octets left",
                         kind, len, cursor_left(&c));
            return;
        }
        cursor_skip(&c, len - 2);
        check_option(v, kind, len, &seen);
    }
}

/* --- All of them -------------------------------------------------------------------------------------- */

void check_rules_alone(const struct check_view *v)
{
    const struct check_segment *s = v->seg;

    if (s->ip_damaged)
        check_report(v, CHECK_IP_CHECKSUM, 0, "the IPv4 header does not sum up");
    if (s->tcp_damaged)
        check_report(v, CHECK_TCP_CHECKSUM, 0, "the segment does not sum up (its checksum is 0x%04x)",
                     s->tcp.checksum);
    if (s->ip_damaged || s->tcp_damaged)
        return;
    if (s->header_wrong) {
        check_report(v, CHECK_HEADER_LENGTH, 0, "the data offset is %u octets", s->tcp.header_len);
        return;
    }
    check_addresses(v);
    check_reserved(v);
    check_flags(v);
    check_options(v);
    if (s->opts.has_wscale && s->opts.wscale > WIRE_TCP_MAX_WSCALE)
        check_report(v, CHECK_WSCALE_SIZE, 0, "the window's shift is %u", s->opts.wscale);
}
