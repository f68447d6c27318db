/* SPDX-License-Identifier: MIT */
/*
 * Packets in the notation of packetdrill:
 *
 *     S. 0:0(0) ack 1 win 65535 <mss 1460,sackOK,TS val 0 ecr 100,nop,wscale 7>
 *     [1:1001(1000)] icmp unreachable frag_needed mtu 1200
 *
 * What concerns the IP header, and the flow that it belongs to, stands in
 * brackets before it.
 */
#include "script/parse.h"

#include <string.h>

#include "wire/icmp4.h"
#include "wire/tcp.h"

/* --- Numbers of segments ------------------------------------------------------------- */

/* "1", "-1" (the number before the first), "@4096" (as it stands on the wire). */
static bool read_seq(struct scan *s, struct script_seq *out, const char *what)
{
    bool negative;
    uint64_t n;

    out->is_true = scan_char(s, '@');
    negative = scan_char(s, '-');
    if (!scan_number(s, UINT32_MAX, &n, what))
        return false;
    out->n = negative ? -(uint32_t)n : (uint32_t)n;
    return true;
}

/* "1:1001(1000)" */
static bool read_range(struct scan *s, struct script_packet *out)
{
    struct script_seq end;
    uint64_t len;

    if (!read_seq(s, &out->seq, "the sequence number"))
        return false;
    if (!scan_char(s, ':'))
        return scan_fail(s, "':' and the end are missing behind the sequence number");
    if (!read_seq(s, &end, "the end of the sequence numbers"))
        return false;
    if (!scan_char(s, '('))
        return scan_fail(s, "the length in parentheses is missing behind the sequence numbers");
    if (!scan_number(s, 65535, &len, "the length"))
        return false;
    if (!scan_char(s, ')'))
        return scan_fail(s, "')' is missing behind the length");
    out->len = (uint32_t)len;
    if (end.n - out->seq.n != out->len)
        return scan_fail(s, "the sequence numbers count %u bytes and the length says %u", end.n - out->seq.n,
                         out->len);
    return true;
}

/* --- In brackets ------------------------------------------------------------------------ */

static void set_ecn(struct script_packet *out, uint8_t bits)
{
    out->tos = (uint8_t)((out->tos & ~3) | bits);
    out->tos_mask |= 3;
    out->has_tos = true;
}

static bool read_ip_number(struct scan *s, struct script_packet *out)
{
    uint64_t n;
    bool is_ttl = scan_is(s, "ttl");

    if (!is_ttl && !scan_is(s, "tos"))
        return scan_fail(s, "what stands in brackets is none of flow, ttl, tos, ect0, ect1, ce, noecn, from, "
                            "to, ipopts, badsum, badipsum, or a segment that is quoted");
    if (!scan_number(s, 255, &n, is_ttl ? "ttl" : "tos"))
        return false;
    if (is_ttl) {
        out->has_ttl = true;
        out->ttl = (uint8_t)n;
    } else {
        out->has_tos = true;
        out->tos = (uint8_t)n;
        out->tos_mask = 0xff;
    }
    return true;
}

static bool read_bracket_item(struct scan *s, bool incoming, struct script_packet *out)
{
    char c = scan_peek(s);

    if ((c >= '0' && c <= '9') || c == '-' || c == '@') {
        out->quotes = true;
        return read_range(s, out);
    }
    if (scan_is(s, "flow"))
        return scan_word(s, out->flow, sizeof(out->flow), "the flow's name");
    if (scan_is(s, "noecn") || scan_is(s, "ect1") || scan_is(s, "ect0") || scan_is(s, "ce")) {
        set_ecn(out, s->at[-1] == 'n' ? 0 : s->at[-1] == '1' ? 1 : s->at[-1] == '0' ? 2 : 3);
        return true;
    }
    if (scan_is(s, "from"))
        return out->has_from = true, scan_addr(s, &out->from);
    if (scan_is(s, "to"))
        return out->has_to = true, scan_addr(s, &out->to);
    if (incoming && scan_is(s, "ipopts"))
        return scan_hex(s, out->ip_opts, sizeof(out->ip_opts), &out->ip_opts_len);
    if (incoming && scan_is(s, "badsum"))
        return out->bad_sum = true;
    if (incoming && scan_is(s, "badipsum"))
        return out->bad_ip_sum = true;
    return read_ip_number(s, out);
}

static bool read_brackets(struct scan *s, bool incoming, struct script_packet *out)
{
    if (!scan_char(s, '['))
        return true;
    do {
        if (!read_bracket_item(s, incoming, out))
            return false;
    } while (scan_char(s, ','));
    return scan_char(s, ']') || scan_fail(s, "']' is missing");
}

/* --- ICMP --------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    uint8_t type;
} icmp_types[] = {
    {"unreachable", WIRE_ICMP4_UNREACHABLE},
    {"source_quench", WIRE_ICMP4_SOURCE_QUENCH},
    {"time_exceeded", WIRE_ICMP4_TIME_EXCEEDED},
    {"parameter_problem", WIRE_ICMP4_PARAMETER_PROBLEM},
};

static const struct {
    const char *name;
    uint8_t code;
} icmp_codes[] = {
    {"net_unreachable", WIRE_ICMP4_NET_UNREACHABLE},
    {"host_unreachable", WIRE_ICMP4_HOST_UNREACHABLE},
    {"protocol_unreachable", WIRE_ICMP4_PROTOCOL_UNREACHABLE},
    {"port_unreachable", WIRE_ICMP4_PORT_UNREACHABLE},
    {"frag_needed", WIRE_ICMP4_FRAGMENTATION_NEEDED},
    {"source_route_failed", WIRE_ICMP4_SOURCE_ROUTE_FAILED},
    {"admin_prohibited", WIRE_ICMP4_ADMIN_PROHIBITED},
};

static bool read_icmp_type(struct scan *s, struct script_icmp *out)
{
    for (unsigned i = 0; i < sizeof(icmp_types) / sizeof(icmp_types[0]); i++)
        if (scan_is(s, icmp_types[i].name)) {
            out->type = icmp_types[i].type;
            return true;
        }
    return scan_fail(s,
                     "the ICMP type is none of unreachable, source_quench, time_exceeded, parameter_problem");
}

static bool read_icmp(struct scan *s, struct script_packet *out)
{
    uint64_t n;

    out->icmp.given = true;
    if (!out->quotes)
        return scan_fail(s,
                         "the segment that the ICMP message is about is missing before it: [1:1001(1000)]");
    if (!read_icmp_type(s, &out->icmp))
        return false;
    for (unsigned i = 0; i < sizeof(icmp_codes) / sizeof(icmp_codes[0]); i++)
        if (scan_is(s, icmp_codes[i].name))
            out->icmp.code = icmp_codes[i].code;
    if (scan_is(s, "code")) {
        if (!scan_number(s, 255, &n, "the code"))
            return false;
        out->icmp.code = (uint8_t)n;
    }
    if (scan_is(s, "mtu")) {
        if (!scan_number(s, 65535, &n, "the MTU"))
            return false;
        out->icmp.mtu = (uint16_t)n;
    }
    return true;
}

/* --- Options --------------------------------------------------------------------------------- */

static struct script_opt *add_opt(struct scan *s, struct script_packet *out, enum script_opt_kind kind)
{
    struct script_opt *opt = &out->opts[out->nopts];

    if (out->nopts == SCRIPT_MAX_OPTS) {
        scan_fail(s, "more than %d options", SCRIPT_MAX_OPTS);
        return NULL;
    }
    out->nopts++;
    opt->kind = (uint8_t)kind;
    return opt;
}

static bool read_opt_number(struct scan *s, uint64_t max, uint32_t *out, const char *what)
{
    uint64_t n;

    if (!scan_number(s, max, &n, what))
        return false;
    *out = (uint32_t)n;
    return true;
}

static bool read_timestamp(struct scan *s, const char *word, bool *any, uint32_t *out)
{
    if (!scan_is(s, word))
        return scan_fail(s, "'%s' is missing in TS", word);
    if (scan_char(s, '*'))
        return *any = true;
    return read_opt_number(s, UINT32_MAX, out, word);
}

/* One block, "1001:2001"; each is an option of its own here, and one on the wire. */
static bool read_sack(struct scan *s, struct script_packet *out)
{
    do {
        struct script_opt *opt = add_opt(s, out, SCRIPT_OPT_SACK);
        struct script_seq left, right;

        if (!opt || !read_seq(s, &left, "the left edge of the block"))
            return false;
        if (!scan_char(s, ':'))
            return scan_fail(s, "':' is missing in the SACK block");
        if (!read_seq(s, &right, "the right edge of the block"))
            return false;
        opt->val = left.n;
        opt->ecr = right.n;
    } while (scan_peek(s) == '-' || (scan_peek(s) >= '0' && scan_peek(s) <= '9'));
    return true;
}

/* "kind 253 ab cd" (the length is put in), "raw 02ff" (as it is). */
static bool read_raw(struct scan *s, bool has_kind, struct script_packet *out)
{
    struct script_opt *opt = add_opt(s, out, SCRIPT_OPT_RAW);
    uint64_t kind;
    uint8_t len;

    if (!opt)
        return false;
    if (!has_kind)
        return scan_hex(s, opt->raw, sizeof(opt->raw), &opt->raw_len) &&
               (opt->raw_len > 0 || scan_fail(s, "hexadecimal digits are missing behind 'raw'"));
    if (!scan_number(s, 255, &kind, "the option's kind") ||
        !scan_hex(s, opt->raw + 2, sizeof(opt->raw) - 2, &len))
        return false;
    opt->raw[0] = (uint8_t)kind;
    opt->raw[1] = (uint8_t)(len + 2);
    opt->raw_len = (uint8_t)(len + 2);
    return true;
}

/* "FO", "FO 0102030405060708": fast open's cookie request and cookie (RFC 7413). */
static bool read_fast_open(struct scan *s, struct script_packet *out)
{
    struct script_opt *opt = add_opt(s, out, SCRIPT_OPT_RAW);
    uint8_t len;

    if (!opt || !scan_hex(s, opt->raw + 2, sizeof(opt->raw) - 2, &len))
        return false;
    opt->raw[0] = WIRE_TCP_OPT_FAST_OPEN;
    opt->raw[1] = (uint8_t)(len + 2);
    opt->raw_len = (uint8_t)(len + 2);
    return true;
}

static bool read_opt(struct scan *s, struct script_packet *out)
{
    struct script_opt *opt;

    if (scan_is(s, "sack"))
        return read_sack(s, out);
    if (scan_is(s, "kind"))
        return read_raw(s, true, out);
    if (scan_is(s, "raw"))
        return read_raw(s, false, out);
    if (scan_is(s, "FO"))
        return read_fast_open(s, out);
    if (scan_is(s, "nop"))
        return add_opt(s, out, SCRIPT_OPT_NOP);
    if (scan_is(s, "eol"))
        return add_opt(s, out, SCRIPT_OPT_EOL);
    if (scan_is(s, "sackOK"))
        return add_opt(s, out, SCRIPT_OPT_SACK_OK);
    if (scan_is(s, "mss"))
        return (opt = add_opt(s, out, SCRIPT_OPT_MSS)) && read_opt_number(s, UINT16_MAX, &opt->val, "mss");
    if (scan_is(s, "wscale"))
        return (opt = add_opt(s, out, SCRIPT_OPT_WSCALE)) && read_opt_number(s, 255, &opt->val, "wscale");
    if (scan_is(s, "TS"))
        return (opt = add_opt(s, out, SCRIPT_OPT_TS)) && read_timestamp(s, "val", &opt->any_val, &opt->val) &&
               read_timestamp(s, "ecr", &opt->any_ecr, &opt->ecr);
    return scan_fail(s, "the option is none of mss, sackOK, wscale, TS, sack, FO, nop, eol, kind, raw");
}

static bool read_opts(struct scan *s, struct script_packet *out)
{
    if (!scan_char(s, '<'))
        return true;
    if (scan_text(s, "...")) {
        out->any_opts = true;
    } else {
        do {
            if (!read_opt(s, out))
                return false;
        } while (scan_char(s, ','));
    }
    return scan_char(s, '>') || scan_fail(s, "'>' is missing behind the options");
}

/* --- Segments -------------------------------------------------------------------------------- */

static bool read_flags(struct scan *s, struct script_packet *out)
{
    static const char letters[] = "FSRP.UEWA";
    const char *from;

    scan_peek(s);
    from = s->at;
    for (; s->at < s->end && *s->at != ' ' && *s->at != '\t'; s->at++) {
        const char *letter = *s->at ? strchr(letters, *s->at) : NULL;

        if (!letter)
            return scan_fail(s, "'%c' is no flag: F S R P . (ACK) U E W A are", *s->at);
        out->flags |= (uint16_t)(1u << (letter - letters));
    }
    return s->at > from || scan_fail(s, "the flags are missing");
}

static bool read_field(struct scan *s, uint16_t *value, bool *given, const char *what)
{
    uint64_t n;

    if (!scan_number(s, UINT16_MAX, &n, what))
        return false;
    *value = (uint16_t)n;
    *given = true;
    return true;
}

static bool read_data_offset(struct scan *s, struct script_packet *out)
{
    uint64_t n;

    if (!scan_number(s, 15, &n, "doff"))
        return false;
    out->data_offset = (uint8_t)(n | 0x80); /* so that 0 can lie, too */
    return true;
}

static bool read_segment(struct scan *s, bool incoming, struct script_packet *out)
{
    if (!read_flags(s, out) || !read_range(s, out))
        return false;
    if (scan_is(s, "ack")) {
        out->has_ack = true;
        if (!read_seq(s, &out->ack, "ack"))
            return false;
    }
    if (scan_is(s, "win") && !read_field(s, &out->win, &out->has_win, "win"))
        return false;
    if (scan_is(s, "urg") && !read_field(s, &out->urg, &out->has_urg, "urg"))
        return false;
    if (incoming && scan_is(s, "doff") && !read_data_offset(s, out))
        return false;
    out->junk = incoming && scan_is(s, "junk");
    if (((out->flags & WIRE_TCP_ACK) != 0) != out->has_ack)
        return scan_fail(s, out->has_ack ? "'ack' without the flag '.'" : "the flag '.' without 'ack'");
    return read_opts(s, out);
}

bool script_parse_packet(struct scan *s, bool incoming, struct script_packet *out)
{
    script_name_copy(out->flow, SCRIPT_FLOW);
    if (!incoming && scan_is(s, "nothing"))
        return out->nothing = true;
    if (!incoming && scan_text(s, "..."))
        return out->any = true;
    if (!read_brackets(s, incoming, out))
        return false;
    if (incoming && scan_is(s, "icmp"))
        return read_icmp(s, out);
    if (out->quotes)
        return scan_fail(s, "a segment in brackets is quoted by an ICMP message, and none follows");
    return read_segment(s, incoming, out);
}
