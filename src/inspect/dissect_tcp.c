/* SPDX-License-Identifier: MIT */
/*
 * The TCP header (RFC 9293 3.1) with what the conversation around it tells:
 * relative numbers, the scaled window, what kind of segment it is.
 */
#include "inspect/dissect.h"

#include <inttypes.h>
#include <string.h>

#include "base/bytes.h"
#include "base/checksum.h"
#include "inspect/flow.h"
#include "wire/ip4.h"
#include "wire/tcp.h"

struct tcp {
    uint32_t start; /* byte of the frame */
    uint32_t header_len;
    uint16_t flags;
    struct weft_dissect_field *src, *dst, *seq, *ack, *offset, *window, *checksum, *urgent;
    struct weft_dissect_tcp seen;
    struct inspect_flow *flow;
    unsigned side;
};

/* --- Fields ------------------------------------------------------------------------------ */

static struct weft_dissect_field *dissect_port(struct dissect *d, const char *name)
{
    struct weft_dissect_field *port = inspect_dissect_bits(d, 16, name);
    const char *service = inspect_name_port((unsigned)port->value);

    if (service)
        inspect_dissect_note(d, port, "%s", service);
    return port;
}

/* Returns the flags with the reserved bits above them. */
static uint16_t dissect_flags(struct dissect *d)
{
    static const char *const names[] = {"CWR", "ECE", "URG", "ACK", "PSH", "RST", "SYN", "FIN"};
    struct weft_dissect_field *reserved = inspect_dissect_bits(d, 4, "Reserved (Rsrvd)"), *ae, *flags;
    char buf[64];

    if (reserved->value) {
        ae = inspect_dissect_part(d, reserved, 3, 1, "AE");
        ae->source = "RFC 9768";
    }
    flags = inspect_dissect_bits(d, 8, "Control bits");
    inspect_dissect_say(d, flags, "%s", inspect_name_tcp_flags((unsigned)flags->value, buf, sizeof(buf)));
    for (unsigned i = 0; i < 8; i++)
        inspect_dissect_flag(d, flags, i, names[i]);
    return (uint16_t)(reserved->value << 8 | flags->value);
}

static void dissect_fixed_header(struct dissect *d, struct tcp *tcp)
{
    tcp->src = dissect_port(d, "Source Port");
    tcp->dst = dissect_port(d, "Destination Port");
    tcp->seq = inspect_dissect_bits(d, 32, "Sequence Number");
    tcp->ack = inspect_dissect_bits(d, 32, "Acknowledgment Number");
    tcp->offset = inspect_dissect_bits(d, 4, "Data Offset (DOffset)");
    tcp->flags = dissect_flags(d);
    tcp->window = inspect_dissect_bits(d, 16, "Window");
    tcp->checksum = inspect_dissect_bits(d, 16, "Checksum");
    tcp->urgent = inspect_dissect_bits(d, 16, "Urgent Pointer");
    tcp->header_len = (uint32_t)tcp->offset->value * 4;
}

/* --- The conversation --------------------------------------------------------------------- */

/* What the flow table wants to know. */
static struct inspect_segment segment_of(const struct dissect *d, const struct tcp *tcp)
{
    struct inspect_segment s = {
        .time = d->frame->time,
        .src = d->src,
        .dst = d->dst,
        .src_port = (uint16_t)tcp->src->value,
        .dst_port = (uint16_t)tcp->dst->value,
        .seq = (uint32_t)tcp->seq->value,
        .ack = (uint32_t)tcp->ack->value,
        .flags = tcp->flags,
        .window = (uint16_t)tcp->window->value,
        .payload_len = d->end - tcp->start - tcp->header_len,
    };
    struct wire_tcp_opts opts = {0};

    if (tcp->start + tcp->header_len <= d->len)
        (void)wire_tcp_opts_parse(d->bytes + tcp->start + WIRE_TCP_LEN, tcp->header_len - WIRE_TCP_LEN,
                                  &opts);
    s.has_sack = opts.nsacks > 0;
    s.has_wscale = opts.has_wscale;
    s.wscale = opts.wscale;
    return s;
}

/* Verifies the checksum, tells the flow table and takes what it answers. */
static void consult_flow(struct dissect *d, struct tcp *tcp)
{
    struct inspect_segment s = segment_of(d, tcp);
    uint64_t pseudo = checksum_pseudo(&d->src, &d->dst, WIRE_PROTO_TCP, d->end - tcp->start);
    bool is_sound = inspect_dissect_transport_checksum(d, tcp->checksum, tcp->start, pseudo);

    tcp->seen = (struct weft_dissect_tcp){.flags = s.flags, .seq = s.seq, .ack = s.ack, .window = s.window};
    if (d->is_quoted)
        return;
    /* What a receiver throws away must not change the picture of the conversation. */
    tcp->flow =
        inspect_flow_segment(is_sound && !d->is_fragment ? d->flows : NULL, &s, &tcp->seen, &tcp->side);
}

/* --- Notes ------------------------------------------------------------------------------------ */

static const char *sequence_note(uint32_t notes)
{
    if (notes & WEFT_SEGMENT_RETRANSMISSION)
        return ", sent before: a retransmission";
    if (notes & WEFT_SEGMENT_REORDERED)
        return ", overtaken on the way";
    if (notes & WEFT_SEGMENT_GAP)
        return ", something before it is missing";
    if (notes & WEFT_SEGMENT_KEEPALIVE)
        return ", a keepalive";
    return "";
}

static void note_numbers(struct dissect *d, struct tcp *tcp)
{
    const struct weft_dissect_tcp *seen = &tcp->seen;

    if (seen->seq_is_relative)
        inspect_dissect_note(d, tcp->seq, "relative %" PRIu32 "%s", seen->relative_seq,
                             sequence_note(seen->notes));
    if (!(seen->flags & WIRE_TCP_ACK))
        inspect_dissect_note(d, tcp->ack, "%s",
                             seen->ack ? "not zero, but there is no ACK flag"
                                       : "not used: there is no ACK flag");
    else if (seen->seq_is_relative)
        inspect_dissect_note(d, tcp->ack, "relative %" PRIu32 "%s", seen->relative_ack,
                             seen->notes & WEFT_SEGMENT_DUPLICATE_ACK ? ", a duplicate ACK" : "");
}

static void note_window(struct dissect *d, struct tcp *tcp)
{
    const struct inspect_flow_side *me = tcp->flow ? &tcp->flow->side[tcp->side] : NULL;
    uint32_t raw = (uint32_t)tcp->window->value;

    if (tcp->seen.window != raw && me)
        inspect_dissect_note(d, tcp->window, "raw %" PRIu32 " << %u = %" PRIu32, raw, me->wscale,
                             tcp->seen.window);
    else if (raw == 0 && !(tcp->seen.flags & WIRE_TCP_RST))
        inspect_dissect_note(d, tcp->window, "closed: the receiver has no room");
    else if (tcp->seen.flags & WIRE_TCP_SYN)
        inspect_dissect_note(d, tcp->window, "never scaled in a SYN");
}

static void note_urgent(struct dissect *d, struct tcp *tcp)
{
    if (tcp->seen.flags & WIRE_TCP_URG)
        inspect_dissect_note(d, tcp->urgent, "urgent data ends at %" PRIu32,
                             tcp->seen.seq + (uint32_t)tcp->urgent->value);
    else if (tcp->urgent->value)
        inspect_dissect_note(d, tcp->urgent, "not zero, but there is no URG flag");
}

/* --- Summary --------------------------------------------------------------------------------- */

static const char *kind_of(const struct weft_dissect_tcp *seen, uint32_t payload_len)
{
    if (seen->flags & WIRE_TCP_RST)
        return "RST";
    if (seen->flags & WIRE_TCP_SYN)
        return seen->flags & WIRE_TCP_ACK ? "SYN-ACK" : "SYN";
    if (seen->flags & WIRE_TCP_FIN)
        return payload_len ? "data, FIN" : "FIN";
    if (seen->notes & WEFT_SEGMENT_KEEPALIVE)
        return "keepalive";
    if (payload_len)
        return seen->notes & WEFT_SEGMENT_RETRANSMISSION ? "data again" : "data";
    if (seen->notes & WEFT_SEGMENT_WINDOW_UPDATE)
        return "window update";
    if (seen->notes & WEFT_SEGMENT_DUPLICATE_ACK)
        return "duplicate ACK";
    return "ACK";
}

static void summarize_tcp(struct dissect *d, struct tcp *tcp, const char *src, const char *dst)
{
    const struct weft_dissect_tcp *seen = &tcp->seen;
    uint32_t seq = seen->seq_is_relative ? seen->relative_seq : seen->seq;
    uint32_t ack = seen->seq_is_relative ? seen->relative_ack : seen->ack;
    uint32_t len = d->end - tcp->start - tcp->header_len;
    char flags[64], ack_text[24] = "", len_text[24] = "";

    if (seen->flags & WIRE_TCP_ACK)
        (void)snprintf(ack_text, sizeof(ack_text), " Ack=%" PRIu32, ack);
    if (len > 0)
        (void)snprintf(len_text, sizeof(len_text), " Len=%" PRIu32, len);
    inspect_dissect_summary(d, "%u > %u [%s] Seq=%" PRIu32 "%s Win=%" PRIu32 "%s", (unsigned)tcp->src->value,
                            (unsigned)tcp->dst->value,
                            inspect_name_tcp_flags(seen->flags, flags, sizeof(flags)), seq, ack_text,
                            seen->window, len_text);
    inspect_dissect_kind(d, kind_of(seen, len));
    inspect_dissect_line(d, "%s:%u > %s:%u  [%s] Seq=%" PRIu32 "%s Win=%" PRIu32 "%s", src,
                         (unsigned)tcp->src->value, dst, (unsigned)tcp->dst->value, flags, seq, ack_text,
                         seen->window, len_text);
}

static void tell(struct dissect *d, struct tcp *tcp)
{
    struct weft_dissection *out = d->out;

    if (d->is_quoted)
        return;
    out->is_tcp = true;
    out->src_port = (uint16_t)tcp->src->value;
    out->dst_port = (uint16_t)tcp->dst->value;
    out->tcp = tcp->seen;
    out->tcp.payload_offset = d->at;
    out->tcp.payload_len = inspect_dissect_left(d);
}

/* --- The segment -------------------------------------------------------------------------------- */

/* What an ICMP error quotes of a segment: ports and sequence number, seldom more. */
static void dissect_quoted(struct dissect *d, const struct tcp *tcp)
{
    if (tcp->seq->bits > 0)
        inspect_dissect_summary(d, "%u > %u, sequence number %" PRIu64, (unsigned)tcp->src->value,
                                (unsigned)tcp->dst->value, tcp->seq->value);
    if (inspect_dissect_end_layer(d))
        inspect_dissect_data(d, NULL);
}

/* True when the data offset is possible. */
static bool check_offset(struct dissect *d, struct tcp *tcp)
{
    if (d->has_failed)
        return false;
    if (tcp->header_len < WIRE_TCP_LEN)
        inspect_dissect_wrong(d, tcp->offset, "below 5: the header has at least 20 bytes");
    else if (tcp->header_len > d->end - tcp->start)
        inspect_dissect_wrong(d, tcp->offset, "%" PRIu32 " bytes: beyond the packet's end", tcp->header_len);
    else
        inspect_dissect_note(d, tcp->offset, "%" PRIu32 " bytes", tcp->header_len);
    return !tcp->offset->is_wrong;
}

void inspect_dissect_tcp(struct dissect *d)
{
    const char *src = inspect_dissect_addr(d, &d->src), *dst = inspect_dissect_addr(d, &d->dst);
    struct tcp tcp = {.start = d->at};

    inspect_dissect_layer(d, WEFT_PROTO_TCP, "Transmission Control Protocol", "TCP", "RFC 9293 3.1");
    inspect_dissect_kind(d, "TCP");
    dissect_fixed_header(d, &tcp);
    if (d->is_quoted || !check_offset(d, &tcp)) {
        dissect_quoted(d, &tcp);
        return;
    }
    consult_flow(d, &tcp);
    note_numbers(d, &tcp);
    note_window(d, &tcp);
    note_urgent(d, &tcp);
    summarize_tcp(d, &tcp, src, dst);
    inspect_dissect_tcp_options(d, tcp.header_len - WIRE_TCP_LEN, &tcp.seen);
    if (!inspect_dissect_end_layer(d))
        return;
    tell(d, &tcp);
    inspect_dissect_http(d, tcp.flow, tcp.side);
}
