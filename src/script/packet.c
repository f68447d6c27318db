/* SPDX-License-Identifier: MIT */
/*
 * Packets of a script: from a statement to bytes, from bytes to text, and
 * whether the one is the other.
 *
 * Owns    the numbers of both sides as a script counts them: the SYN is 0.
 *         Payload is made from these numbers, so what arrives where is always
 *         checked.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/checksum.h"
#include "script/run.h"
#include "wire/icmp4.h"

#define TTL_SENT 64

uint8_t packet_byte(uint32_t at)
{
    return (uint8_t)(at * 2654435761u >> 24);
}

static uint32_t true_number(struct script_seq seq, uint32_t first)
{
    return seq.is_true ? seq.n : first + seq.n;
}

/* --- Options, out of and into bytes ------------------------------------------------------ */

/* Where consecutive SACK blocks become one option. */
static unsigned sack_blocks(const struct script_opt *opts, unsigned n)
{
    unsigned blocks = 0;

    while (blocks < n && opts[blocks].kind == SCRIPT_OPT_SACK)
        blocks++;
    return blocks;
}

static void emit_sack(const struct run_flow *flow, const struct script_opt *opts, unsigned n,
                      struct writer *w)
{
    writer_u8(w, WIRE_TCP_OPT_SACK);
    writer_u8(w, (uint8_t)(2 + 8 * n));
    for (unsigned i = 0; i < n; i++) {
        writer_be32(w, flow->iss + opts[i].val);
        writer_be32(w, flow->iss + opts[i].ecr);
    }
}

static void emit_timestamp(const struct run *run, const struct run_flow *flow, const struct script_opt *opt,
                           bool has_ack, struct writer *w)
{
    uint32_t ecr = opt->ecr;

    if (opt->any_ecr)
        ecr = flow->last_tsval;
    else if (has_ack && flow->has_ts_offset)
        ecr += flow->ts_offset;
    writer_u8(w, WIRE_TCP_OPT_TIMESTAMPS);
    writer_u8(w, 10);
    writer_be32(w, opt->any_val ? run_clock(run) : opt->val);
    writer_be32(w, ecr);
}

/* Writes the options and what fills the last word. */
static void emit_opts(const struct run *run, const struct run_flow *flow, const struct script_packet *packet,
                      struct writer *w)
{
    const uint8_t *start = w->at;

    for (unsigned i = 0; i < packet->nopts; i++) {
        const struct script_opt *opt = &packet->opts[i];
        unsigned blocks = sack_blocks(opt, packet->nopts - i);

        switch ((enum script_opt_kind)opt->kind) {
        case SCRIPT_OPT_MSS:
            writer_be16(w, WIRE_TCP_OPT_MSS << 8 | 4);
            writer_be16(w, (uint16_t)opt->val);
            break;
        case SCRIPT_OPT_SACK_OK:
            writer_be16(w, WIRE_TCP_OPT_SACK_PERMITTED << 8 | 2);
            break;
        case SCRIPT_OPT_WSCALE:
            writer_be16(w, WIRE_TCP_OPT_WSCALE << 8 | 3);
            writer_u8(w, (uint8_t)opt->val);
            break;
        case SCRIPT_OPT_TS:
            emit_timestamp(run, flow, opt, packet->has_ack, w);
            break;
        case SCRIPT_OPT_SACK:
            emit_sack(flow, opt, blocks, w);
            i += blocks - 1;
            break;
        case SCRIPT_OPT_NOP:
            writer_u8(w, WIRE_TCP_OPT_NOP);
            break;
        case SCRIPT_OPT_EOL:
            writer_u8(w, WIRE_TCP_OPT_END);
            break;
        case SCRIPT_OPT_RAW:
            writer_bytes(w, opt->raw, opt->raw_len);
            break;
        }
    }
    while (!w->failed && (w->at - start) % 4 != 0)
        writer_u8(w, WIRE_TCP_OPT_END);
}

static void read_known_opt(const struct run_flow *flow, const uint8_t *at, uint8_t len,
                           struct script_opt *out)
{
    static const struct {
        uint8_t kind, len;
        enum script_opt_kind is;
    } known[] = {{WIRE_TCP_OPT_MSS, 4, SCRIPT_OPT_MSS},
                 {WIRE_TCP_OPT_SACK_PERMITTED, 2, SCRIPT_OPT_SACK_OK},
                 {WIRE_TCP_OPT_WSCALE, 3, SCRIPT_OPT_WSCALE},
                 {WIRE_TCP_OPT_TIMESTAMPS, 10, SCRIPT_OPT_TS}};

    out->kind = SCRIPT_OPT_RAW;
    out->raw_len = len;
    memcpy(out->raw, at, len);
    for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (at[0] == known[i].kind && len == known[i].len)
            out->kind = (uint8_t)known[i].is;
    if (out->kind == SCRIPT_OPT_MSS)
        out->val = get_be16(at + 2);
    else if (out->kind == SCRIPT_OPT_WSCALE)
        out->val = at[2];
    else if (out->kind == SCRIPT_OPT_TS) {
        out->val = get_be32(at + 2) - (flow ? flow->ts_offset : 0);
        out->ecr = get_be32(at + 6);
    }
}

/* The blocks of a SACK option; returns how many. */
static unsigned read_sack_blocks(const struct run_flow *flow, const uint8_t *at, uint8_t len,
                                 struct script_opt *out, unsigned room)
{
    unsigned n = 0;

    for (unsigned off = 2; off + 8 <= len && n < room; off += 8, n++)
        out[n] = (struct script_opt){.kind = SCRIPT_OPT_SACK,
                                     .val = get_be32(at + off) - (flow ? flow->irs : 0),
                                     .ecr = get_be32(at + off + 4) - (flow ? flow->irs : 0)};
    return n;
}

/* All options of a segment of ours, one by one, with the numbers that a script has. */
static unsigned read_opts(const struct run *run, const struct seen *seen, struct script_opt *out)
{
    const struct run_flow *flow = seen->flow >= 0 ? &run->flows[seen->flow] : NULL;
    const uint8_t *at = seen->option_bytes;
    unsigned left = seen->tcp.header_len - WIRE_TCP_LEN;
    unsigned n = 0;

    while (left > 0 && n < SCRIPT_MAX_OPTS) {
        uint8_t len = at[0] <= WIRE_TCP_OPT_NOP ? 1 : left >= 2 ? at[1] : 0;

        if (len == 0 || len > left || (at[0] > WIRE_TCP_OPT_NOP && len < 2))
            len = (uint8_t)left; /* it lies: the rest as it is */
        out[n] = (struct script_opt){0};
        if (at[0] <= WIRE_TCP_OPT_NOP && len == 1)
            out[n++].kind = at[0] == WIRE_TCP_OPT_NOP ? SCRIPT_OPT_NOP : SCRIPT_OPT_EOL;
        else if (at[0] == WIRE_TCP_OPT_SACK && len > 2 && (len - 2) % 8 == 0)
            n += read_sack_blocks(flow, at, len, out + n, SCRIPT_MAX_OPTS - n);
        else
            read_known_opt(flow, at, len, &out[n++]);
        at += len;
        left -= len;
    }
    return n;
}

/* --- What the peer sends ---------------------------------------------------------------------- */

/* Behind the IP header stands `len` bytes of `payload`. */
static bool input(struct run *run, const struct script_packet *packet, const struct wire_ip4 *ip,
                  const uint8_t *payload, uint32_t len)
{
    struct weft_pkt *pkt = weft_pkt_new_rx(run->pool, 64);
    struct weft_pktq batch = {0};
    uint8_t header[WIRE_IP4_MAX_LEN];
    struct writer w = writer_of(header, sizeof(header));
    uint32_t linear = len < 1800 ? len : 100;

    if (!pkt)
        return true; /* as on a card without buffers */
    wire_ip4_emit(ip, packet->ip_opts_len, &w);
    uint32_t header_len = (uint32_t)(w.at - header);
    if (packet->bad_ip_sum)
        header[10] ^= 1;
    memcpy(weft_pkt_put(pkt, header_len), header, header_len);
    memcpy(weft_pkt_put(pkt, linear), payload, linear);
    for (uint32_t at = linear; at < len;) {
        uint32_t n = len - at < WEFT_BLOCK_LARGE ? len - at : WEFT_BLOCK_LARGE;
        struct weft_block *block = weft_block_new(run->pool, WEFT_BLOCK_LARGE);

        if (!block) {
            weft_pkt_free(pkt);
            return true;
        }
        memcpy(block->data, payload + at, n);
        weft_pkt_add_slice(pkt, block, 0, n);
        weft_block_unref(block);
        at += n;
    }
    weft_pktq_push(&batch, pkt);
    weft_input(run->stack, run->iface, &batch, run->now);
    return true;
}

static void record(const struct run *run, bool outgoing, const uint8_t *bytes, uint32_t len)
{
    struct weft_frame frame = {.time = run->now,
                               .type = WEFT_LINK_IP,
                               .direction = outgoing ? WEFT_DIRECTION_OUT : WEFT_DIRECTION_IN,
                               .iface = 1,
                               .bytes = bytes,
                               .len = len,
                               .wire_len = len};

    if (run->options.pcapng)
        weft_pcapng_write(run->options.pcapng, &frame, NULL, 0);
    if (run->check)
        weft_check_frame(run->check, &frame);
}

static void begin_ip(const struct run_flow *flow, const struct script_packet *packet, uint8_t proto,
                     uint32_t len, struct wire_ip4 *ip)
{
    uint32_t options = (packet->ip_opts_len + 3u) & ~3u;

    *ip = (struct wire_ip4){
        .total_len = (uint16_t)(WIRE_IP4_LEN + options + len),
        .ttl = packet->has_ttl ? packet->ttl : TTL_SENT,
        .tos = packet->tos,
        .proto = proto,
        .src = packet->has_from ? packet->from : flow->remote.addr,
        .dst = packet->has_to ? packet->to : flow->local.addr,
        .options = packet->ip_opts_len ? packet->ip_opts : NULL,
    };
}

/* The same bytes with the IP header before them, for the capture and the checker. */
static void record_in(const struct run *run, const struct script_packet *packet, const struct wire_ip4 *ip,
                      const uint8_t *payload, uint32_t len)
{
    static uint8_t bytes[WEFT_PKT_MAX];
    struct writer w = writer_of(bytes, sizeof(bytes));

    if (!run->options.pcapng && !run->check)
        return;
    wire_ip4_emit(ip, packet->ip_opts_len, &w);
    writer_bytes(&w, payload, len);
    if (packet->bad_ip_sum)
        bytes[10] ^= 1;
    record(run, false, bytes, (uint32_t)(w.at - bytes));
}

/* An ICMP error quotes the IP header and eight bytes of a segment of ours. */
static bool send_icmp(struct run *run, const struct run_flow *flow, const struct script_packet *packet)
{
    struct wire_icmp4 icmp = {.type = packet->icmp.type, .code = packet->icmp.code, .mtu = packet->icmp.mtu};
    struct wire_ip4 ip, quoted = {.ttl = 60,
                                  .proto = WIRE_PROTO_TCP,
                                  .flags = WIRE_IP4_DF,
                                  .src = flow->local.addr,
                                  .dst = flow->remote.addr};
    uint8_t bytes[64];
    struct writer w = writer_of(bytes, sizeof(bytes));

    quoted.total_len = (uint16_t)(WIRE_IP4_LEN + WIRE_TCP_LEN + packet->len);
    wire_icmp4_emit(&icmp, &w);
    wire_ip4_emit(&quoted, 0, &w);
    writer_be16(&w, flow->local.port);
    writer_be16(&w, flow->remote.port);
    writer_be32(&w, true_number(packet->seq, flow->iss));
    uint32_t len = (uint32_t)(w.at - bytes);
    put_be16(bytes + 2, checksum_finish(checksum_sum(bytes, len)));
    if (packet->bad_sum)
        bytes[2] ^= 1;
    begin_ip(flow, packet, WIRE_PROTO_ICMP, len, &ip);
    record_in(run, packet, &ip, bytes, len);
    return input(run, packet, &ip, bytes, len);
}

/* The number that a connection stands on: of the peer's SYN-ACK, or of the SYN that our SYN-ACK will answer, perhaps
 * with data that came along (RFC 7413). */
static void note_syn(struct run_flow *flow, const struct script_packet *packet)
{
    if (!(packet->flags & WIRE_TCP_SYN))
        return;
    flow->last_syn = packet->seq.is_true ? packet->seq.n - flow->irs : packet->seq.n;
    flow->has_syn = true;
    if ((packet->flags & WIRE_TCP_ACK) && flow->state == WEFT_TCP_SYN_SENT)
        flow->peer_base = flow->last_syn;
}

bool packet_send(struct run *run, const struct script_packet *packet)
{
    static uint8_t bytes[WEFT_PKT_MAX];
    struct run_flow *flow = &run->flows[script_find_flow(run->script, packet->flow)];
    uint8_t opts[WIRE_TCP_MAX_LEN - WIRE_TCP_LEN];
    struct writer o = writer_of(opts, sizeof(opts)), w = writer_of(bytes, sizeof(bytes));
    struct wire_ip4 ip;

    if (packet->icmp.given)
        return send_icmp(run, flow, packet);
    emit_opts(run, flow, packet, &o);
    if (o.failed)
        return run_fail(run, "the options take more than 40 bytes");
    uint32_t opts_len = (uint32_t)(o.at - opts);
    struct wire_tcp header = {
        .src_port = flow->remote.port,
        .dst_port = flow->local.port,
        .seq = true_number(packet->seq, flow->irs),
        .ack = packet->has_ack ? true_number(packet->ack, flow->iss) : 0,
        .header_len = (uint8_t)(WIRE_TCP_LEN + opts_len),
        .flags = packet->flags,
        .window = packet->has_win ? packet->win : UINT16_MAX,
        .urgent = packet->urg,
    };
    uint32_t total = header.header_len + packet->len;
    if (total + WIRE_IP4_MAX_LEN > 65535)
        return run_fail(run, "the segment is longer than an IP packet can be");
    uint32_t first = header.seq - flow->irs + ((packet->flags & WIRE_TCP_SYN) != 0);
    wire_tcp_emit(&header, &w);
    writer_bytes(&w, opts, opts_len);
    for (uint32_t i = 0; i < packet->len; i++)
        writer_u8(&w, (uint8_t)(packet_byte(first + i) ^ (packet->junk ? 0xff : 0)));
    if (packet->data_offset)
        bytes[12] = (uint8_t)((packet->data_offset & 0xf) << 4 | (bytes[12] & 0xf));
    begin_ip(flow, packet, WIRE_PROTO_TCP, total, &ip);
    uint64_t sum = checksum_pseudo(&ip.src, &ip.dst, WIRE_PROTO_TCP, total);
    put_be16(bytes + WIRE_TCP_CHECKSUM_OFFSET, checksum_finish(sum + checksum_sum(bytes, total)));
    if (packet->bad_sum)
        bytes[WIRE_TCP_CHECKSUM_OFFSET] ^= 1;
    note_syn(flow, packet);
    record_in(run, packet, &ip, bytes, total);
    return input(run, packet, &ip, bytes, total);
}

/* --- What we send --------------------------------------------------------------------------------- */

/* Learns from a SYN of ours where our numbers begin, and on which SYN of the peer's the connection stands. */
static void learn(struct run *run, struct run_flow *flow, const struct seen *seen)
{
    if ((seen->tcp.flags & WIRE_TCP_SYN) && (!flow->has_iss || flow->iss != seen->tcp.seq)) {
        if (flow->has_iss)
            flow->isn_step = (int32_t)(seen->tcp.seq - flow->iss);
        flow->iss = seen->tcp.seq;
        flow->has_iss = true;
    }
    if ((seen->tcp.flags & (WIRE_TCP_SYN | WIRE_TCP_ACK)) == (WIRE_TCP_SYN | WIRE_TCP_ACK))
        flow->peer_base = flow->has_syn ? flow->last_syn : seen->tcp.ack - 1 - flow->irs;
    for (unsigned at = 0; at + 10 <= seen->tcp.header_len - 20u;) {
        const uint8_t *opt = seen->option_bytes + at;

        if (opt[0] == WIRE_TCP_OPT_TIMESTAMPS && opt[1] == 10) {
            flow->last_tsval = get_be32(opt + 2);
            if (!flow->has_ts_offset)
                flow->ts_offset = flow->last_tsval - run_clock(run);
            flow->has_ts_offset = true;
        }
        at += opt[0] <= WIRE_TCP_OPT_NOP ? 1u : opt[1] >= 2 ? opt[1] : 40u;
    }
}

static const char *payload_flaw(const struct run_flow *flow, const struct seen *seen, const uint8_t *data)
{
    uint32_t first = seen->tcp.seq - flow->iss + ((seen->tcp.flags & WIRE_TCP_SYN) != 0);

    for (uint32_t i = 0; i < seen->len; i++)
        if (data[i] != packet_byte(first + i))
            return "a byte of its payload is not what was written there";
    return NULL;
}

/* Behind the IP header; returns what is wrong, NULL when nothing is. */
static const char *take_tcp(struct run *run, const uint8_t *bytes, uint32_t len, struct seen *out)
{
    struct cursor c = cursor_of(bytes, len);
    uint64_t sum = checksum_pseudo(&out->ip.src, &out->ip.dst, WIRE_PROTO_TCP, len);

    if (!wire_tcp_parse(&c, &out->tcp))
        return "its TCP header is cut short";
    memcpy(out->option_bytes, bytes + WIRE_TCP_LEN, out->tcp.header_len - 20u);
    out->tcp.options = NULL;
    out->len = len - out->tcp.header_len;
    struct weft_endpoint local = {out->ip.src, out->tcp.src_port}, remote = {out->ip.dst, out->tcp.dst_port};
    out->flow = run_flow_find(run, &local, &remote);
    if (checksum_fold(sum + checksum_sum(bytes, len)) != 0xffff)
        return "its TCP checksum is wrong (RFC 9293 MUST-2)";
    if (out->flow < 0)
        return "it belongs to no flow of the script";
    learn(run, &run->flows[out->flow], out);
    return payload_flaw(&run->flows[out->flow], out, bytes + out->tcp.header_len);
}

void packet_take(struct run *run, struct weft_pkt *pkt, struct seen *out)
{
    static uint8_t bytes[WEFT_PKT_MAX];
    uint32_t total = pkt->total_len;
    struct cursor c;

    *out = (struct seen){.when = run->now, .flow = -1};
    weft_pkt_finish_checksum(pkt);
    weft_pkt_copy_out(pkt, 0, bytes, total);
    weft_pkt_free(pkt);
    record(run, true, bytes, total);
    c = cursor_of(bytes, total);
    if (wire_ip4_parse(&c, total, &out->ip) != WIRE_IP4_OK || out->ip.total_len != total)
        out->flaw = "its IP header is not valid";
    else if (!wire_ip4_checksum_ok(bytes, out->ip.header_len))
        out->flaw = "its IP header checksum is wrong";
    else if (out->ip.proto == WIRE_PROTO_TCP)
        out->flaw = take_tcp(run, bytes + out->ip.header_len, total - out->ip.header_len, out);
    if (!out->flaw && out->ip.proto == WIRE_PROTO_TCP && !(out->ip.flags & WIRE_IP4_DF))
        out->flaw = "it may be fragmented (RFC 1191 6.1 wants DF)";
    out->ip.options = NULL;
}

/* --- As text ------------------------------------------------------------------------------------------ */

struct text {
    char *at, *end;
};

__attribute__((format(printf, 2, 3))) static void say(struct text *t, const char *format, ...)
{
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(t->at, (size_t)(t->end - t->at), format, args);
    va_end(args);
    if (n > 0)
        t->at += n < t->end - t->at ? n : t->end - t->at - 1;
}

static void say_flags(struct text *t, unsigned flags)
{
    for (unsigned i = 0; i < 9; i++)
        if (flags & 1u << i)
            say(t, "%c", "FSRP.UEWA"[i]);
}

static void say_opt(struct text *t, const struct script_opt *opt, bool again)
{
    static const char *const names[] = {"mss", "sackOK", "wscale", "TS", "sack", "nop", "eol", "raw"};
    unsigned first;

    if (again)
        say(t, " %d:%d", (int32_t)opt->val, (int32_t)opt->ecr);
    else if (opt->kind == SCRIPT_OPT_MSS || opt->kind == SCRIPT_OPT_WSCALE)
        say(t, "%s %u", names[opt->kind], opt->val);
    else if (opt->kind == SCRIPT_OPT_TS)
        say(t, "TS val %u ecr %u", opt->val, opt->ecr);
    else if (opt->kind == SCRIPT_OPT_SACK)
        say(t, "sack %d:%d", (int32_t)opt->val, (int32_t)opt->ecr);
    else if (opt->kind == SCRIPT_OPT_RAW && opt->raw[0] == WIRE_TCP_OPT_FAST_OPEN && opt->raw_len >= 2)
        say(t, "FO");
    else
        say(t, "%s", names[opt->kind]);
    first = opt->kind == SCRIPT_OPT_RAW && opt->raw[0] == WIRE_TCP_OPT_FAST_OPEN ? 2 : 0;
    for (unsigned i = first; opt->kind == SCRIPT_OPT_RAW && i < opt->raw_len; i++)
        say(t, "%s%02x", i > first ? "" : " ", opt->raw[i]);
}

static void say_opts(struct text *t, const struct run *run, const struct seen *seen)
{
    struct script_opt opts[SCRIPT_MAX_OPTS];
    unsigned n = read_opts(run, seen, opts);

    for (unsigned i = 0; i < n; i++) {
        bool again = i > 0 && opts[i].kind == SCRIPT_OPT_SACK && opts[i - 1].kind == SCRIPT_OPT_SACK;

        say(t, "%s", again ? "" : i ? "," : " <");
        say_opt(t, &opts[i], again);
    }
    if (n > 0)
        say(t, ">");
}

const char *packet_text(const struct run *run, const struct seen *seen, char buf[RUN_TEXT])
{
    struct text t = {buf, buf + RUN_TEXT};
    const struct run_flow *flow = seen->flow >= 0 ? &run->flows[seen->flow] : NULL;
    uint32_t seq = seen->tcp.seq - (flow ? flow->iss : 0);

    buf[0] = 0;
    if (seen->ip.proto != WIRE_PROTO_TCP) {
        say(&t, "a packet of IP protocol %u", seen->ip.proto);
        return buf;
    }
    if (seen->flow > 0)
        say(&t, "[flow %s] ", run->script->flows[seen->flow].name);
    else if (seen->flow < 0)
        say(&t, "port %u > %u ", seen->tcp.src_port, seen->tcp.dst_port);
    say_flags(&t, seen->tcp.flags);
    say(&t, " %d:%d(%u)", (int32_t)seq, (int32_t)(seq + seen->len), seen->len);
    if (seen->tcp.flags & WIRE_TCP_ACK)
        say(&t, " ack %d", (int32_t)(seen->tcp.ack - (flow ? flow->irs : 0)));
    say(&t, " win %u", seen->tcp.window);
    if (seen->tcp.urgent)
        say(&t, " urg %u", seen->tcp.urgent);
    say_opts(&t, run, seen);
    if (seen->flaw)
        say(&t, " -- %s", seen->flaw);
    return buf;
}

/* --- Whether it is what was expected ------------------------------------------------------------------- */

static bool opt_is(const struct script_opt *seen, const struct script_opt *wanted)
{
    if (seen->kind != wanted->kind)
        return false;
    if (wanted->kind == SCRIPT_OPT_RAW)
        return seen->raw_len == wanted->raw_len && memcmp(seen->raw, wanted->raw, wanted->raw_len) == 0;
    return (wanted->any_val || seen->val == wanted->val) && (wanted->any_ecr || seen->ecr == wanted->ecr);
}

static bool opts_are(const struct run *run, const struct seen *seen, const struct script_packet *packet)
{
    struct script_opt opts[SCRIPT_MAX_OPTS];
    unsigned n;

    if (packet->any_opts)
        return true;
    n = read_opts(run, seen, opts);
    if (n != packet->nopts)
        return false;
    for (unsigned i = 0; i < n; i++)
        if (!opt_is(&opts[i], &packet->opts[i]))
            return false;
    return true;
}

bool packet_is(const struct run *run, const struct seen *seen, const struct script_packet *packet, char *why,
               size_t why_size)
{
    struct text t = {why, why + why_size};
    int index = script_find_flow(run->script, packet->flow);
    const struct run_flow *flow = &run->flows[index];

    why[0] = 0;
    if (seen->flaw)
        say(&t, "%s; ", seen->flaw);
    if (seen->ip.proto != WIRE_PROTO_TCP || seen->flow != index) {
        say(&t, "it is not of flow %s; ", packet->flow);
        return false;
    }
    if (seen->tcp.flags != packet->flags)
        say(&t, "flags; ");
    if (seen->tcp.seq != true_number(packet->seq, flow->iss))
        say(&t, "sequence number; ");
    if (seen->len != packet->len)
        say(&t, "length; ");
    if (packet->has_ack && seen->tcp.ack != true_number(packet->ack, flow->irs))
        say(&t, "acknowledgement; ");
    if (packet->has_win && seen->tcp.window != packet->win)
        say(&t, "window; ");
    if (seen->tcp.urgent != packet->urg)
        say(&t, "urgent pointer; ");
    if (packet->has_ttl && seen->ip.ttl != packet->ttl)
        say(&t, "TTL is %u; ", seen->ip.ttl);
    if (packet->has_tos && ((seen->ip.tos ^ packet->tos) & packet->tos_mask))
        say(&t, "TOS is 0x%02x; ", seen->ip.tos);
    if (!opts_are(run, seen, packet))
        say(&t, "options; ");
    return why[0] == 0;
}
