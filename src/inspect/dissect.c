/* SPDX-License-Identifier: MIT */
/*
 * Taking a frame apart: layers, fields, and the bounds of both. The decoders
 * are in the dissect_<protocol> files.
 *
 * Holds   every field of a dissection lies within the bytes at hand; layers do
 *         not overlap; every text lies in text_buf or is a constant.
 */
#include "inspect/dissect.h"

#include <inttypes.h>
#include <string.h>

#include "base/bytes.h"
#include "base/checksum.h"

static uint32_t min_u32(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* --- Text --------------------------------------------------------------------------- */

/* The text from `from` on, closed by its NUL. */
static const char *close_text(struct dissect *d, size_t from)
{
    if (d->text.used + 1 >= d->text.size) {
        d->text.is_full = true;
        return from < d->text.used ? d->text.buf + from : "...";
    }
    d->text.used++;
    d->text.buf[d->text.used] = '\0';
    return d->text.buf + from;
}

static const char *vtext(struct dissect *d, const char *format, va_list args)
{
    size_t from = d->text.used;

    inspect_text_vformat(&d->text, format, args);
    return close_text(d, from);
}

const char *inspect_dissect_text(struct dissect *d, const char *format, ...)
{
    const char *text;
    va_list args;

    va_start(args, format);
    text = vtext(d, format, args);
    va_end(args);
    return text;
}

const char *inspect_dissect_printable(struct dissect *d, const uint8_t *bytes, size_t len, size_t max)
{
    size_t from = d->text.used;

    inspect_text_printable(&d->text, bytes, len < max ? len : max);
    if (len > max)
        inspect_text_format(&d->text, "...");
    return close_text(d, from);
}

const char *inspect_dissect_addr(struct dissect *d, const struct weft_addr *addr)
{
    char buf[WEFT_ADDR_STRLEN];

    return inspect_dissect_text(d, "%s", weft_addr_format(addr, buf));
}

/* --- Layers --------------------------------------------------------------------------- */

struct weft_dissect_layer *inspect_dissect_layer(struct dissect *d, enum weft_proto proto, const char *name,
                                                 const char *short_name, const char *source)
{
    struct weft_dissection *out = d->out;

    if (out->layer_count < WEFT_DISSECT_LAYERS) {
        d->layer = &out->layer[out->layer_count++];
    } else {
        out->layer[WEFT_DISSECT_LAYERS - 1].problem = "more layers follow than can be shown";
        d->layer = &d->spare_layer;
    }
    *d->layer = (struct weft_dissect_layer){.proto = proto,
                                            .name = name,
                                            .short_name = short_name,
                                            .source = source,
                                            .summary = name,
                                            .offset = d->at,
                                            .first_field = out->field_count,
                                            .is_quoted = d->is_quoted};
    d->bit = d->at * 8;
    d->source = source;
    d->has_failed = false;
    return d->layer;
}

bool inspect_dissect_end_layer(struct dissect *d)
{
    uint32_t end = (d->bit + 7) / 8;

    d->layer->len = end - d->layer->offset;
    d->layer->field_count = (uint16_t)(d->out->field_count - d->layer->first_field);
    d->at = end;
    return !d->has_failed;
}

void inspect_dissect_summary(struct dissect *d, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    d->layer->summary = vtext(d, format, args);
    va_end(args);
}

static void count_problem(struct dissect *d)
{
    if (!d->is_quoted && d->out->problems < UINT8_MAX)
        d->out->problems++;
}

void inspect_dissect_problem(struct dissect *d, const char *format, ...)
{
    va_list args;

    if (d->layer->problem)
        return;
    va_start(args, format);
    d->layer->problem = vtext(d, format, args);
    va_end(args);
    count_problem(d);
}

/* --- Fields ------------------------------------------------------------------------------ */

/* The layer breaks off at a field that is not there. A quote is short by rule, a capture by choice. */
static void break_off(struct dissect *d, const char *name)
{
    d->has_failed = true;
    if (d->bit / 8 < d->end && d->len < d->end)
        d->layer->problem = inspect_dissect_text(d, "the capture was cut off in or before \"%s\"", name);
    else if (d->is_quoted)
        d->layer->problem = inspect_dissect_text(d, "the quote ends in or before \"%s\"", name);
    else
        inspect_dissect_problem(d, "too short: ends in or before \"%s\"", name);
}

/* A field of `bits` at bit `at`, or the spare one when it is not there or there is no room. */
static struct weft_dissect_field *add_field(struct dissect *d, uint32_t at, uint32_t bits, const char *name)
{
    uint64_t limit = (uint64_t)min_u32(d->len, d->end) * 8;
    struct weft_dissect_field *field = &d->spare_field;

    if (!d->has_failed && (uint64_t)at + bits > limit)
        break_off(d, name);
    if (!d->has_failed && d->out->field_count < WEFT_DISSECT_FIELDS)
        field = &d->out->field[d->out->field_count++];
    else if (!d->has_failed)
        d->layer->problem = "more fields follow than can be shown";
    *field =
        (struct weft_dissect_field){.name = name, .text = "", .source = d->source, .bit = at, .bits = bits};
    return field;
}

/* Up to 64 bits at bit `at`, which must be there. */
static uint64_t read_bits(const uint8_t *bytes, uint32_t at, uint32_t bits)
{
    uint64_t value = 0;

    while (bits > 0) {
        uint32_t have = 8 - at % 8;
        uint32_t take = min_u32(have, bits);
        uint32_t byte = bytes[at / 8];

        value = value << take | ((byte >> (have - take)) & (0xffu >> (8 - take)));
        at += take;
        bits -= take;
    }
    return value;
}

static struct weft_dissect_field *add_number(struct dissect *d, uint32_t at, uint32_t bits, const char *name)
{
    struct weft_dissect_field *field = add_field(d, at, bits, name);

    if (!d->has_failed) {
        field->value = read_bits(d->bytes, at, bits);
        field->text = inspect_dissect_text(d, "%" PRIu64, field->value);
    }
    return field;
}

struct weft_dissect_field *inspect_dissect_bits(struct dissect *d, unsigned bits, const char *name)
{
    struct weft_dissect_field *field = add_number(d, d->bit, bits, name);

    if (!d->has_failed)
        d->bit += bits;
    return field;
}

struct weft_dissect_field *inspect_dissect_part(struct dissect *d, const struct weft_dissect_field *parent,
                                                unsigned offset, unsigned bits, const char *name)
{
    uint8_t depth = (uint8_t)(parent->depth + 1);
    struct weft_dissect_field *field = add_number(d, parent->bit + offset, bits, name);

    field->depth = depth;
    return field;
}

/* The next `bytes` where they lie, passed over; NULL when they are not there. Sets the field's first 64 bits. */
static const uint8_t *take_bytes(struct dissect *d, uint32_t bytes, const char *name,
                                 struct weft_dissect_field **field)
{
    const uint8_t *at = d->bytes + d->bit / 8;

    *field = add_field(d, d->bit, bytes * 8, name);
    if (d->has_failed)
        return NULL;
    (*field)->value = read_bits(d->bytes, d->bit, min_u32(bytes, 8) * 8);
    d->bit += bytes * 8;
    return at;
}

struct weft_dissect_field *inspect_dissect_mac(struct dissect *d, const char *name, struct weft_mac *out)
{
    struct weft_dissect_field *field;
    const uint8_t *at = take_bytes(d, 6, name, &field);
    char buf[WEFT_MAC_STRLEN];

    *out = (struct weft_mac){{0}};
    if (!at)
        return field;
    memcpy(out->b, at, 6);
    inspect_dissect_say(d, field, "%s", weft_mac_format(out, buf));
    return field;
}

struct weft_dissect_field *inspect_dissect_ip4_addr(struct dissect *d, const char *name,
                                                    struct weft_addr *out)
{
    struct weft_dissect_field *field;
    const uint8_t *at = take_bytes(d, 4, name, &field);

    *out = WEFT_ADDR_ANY;
    if (!at)
        return field;
    *out = weft_ip4_from_u32(get_be32(at));
    field->text = inspect_dissect_addr(d, out);
    return field;
}

struct weft_dissect_field *inspect_dissect_ip6_addr(struct dissect *d, const char *name,
                                                    struct weft_addr *out)
{
    struct weft_dissect_field *field;
    const uint8_t *at = take_bytes(d, 16, name, &field);

    *out = WEFT_ADDR_ANY;
    if (!at)
        return field;
    memcpy(out->b, at, 16);
    field->text = inspect_dissect_addr(d, out);
    return field;
}

struct weft_dissect_field *inspect_dissect_bytes(struct dissect *d, uint32_t bytes, const char *name)
{
    enum { SHOWN = 16 };
    struct weft_dissect_field *field;
    const uint8_t *at = take_bytes(d, bytes, name, &field);
    size_t from = d->text.used;

    if (!at)
        return field;
    for (uint32_t i = 0; i < bytes && i < SHOWN; i++)
        inspect_text_format(&d->text, "%s%02x", i > 0 ? " " : "", at[i]);
    if (bytes > SHOWN)
        inspect_text_format(&d->text, " ...");
    field->text = close_text(d, from);
    return field;
}

struct weft_dissect_field *inspect_dissect_known(struct dissect *d, const char *name)
{
    return add_field(d, d->bit, 0, name);
}

void inspect_dissect_say(struct dissect *d, struct weft_dissect_field *field, const char *format, ...)
{
    va_list args;

    if (d->has_failed)
        return;
    va_start(args, format);
    field->text = vtext(d, format, args);
    va_end(args);
}

void inspect_dissect_note(struct dissect *d, struct weft_dissect_field *field, const char *format, ...)
{
    va_list args;

    if (d->has_failed)
        return;
    va_start(args, format);
    field->note = vtext(d, format, args);
    va_end(args);
}

void inspect_dissect_wrong(struct dissect *d, struct weft_dissect_field *field, const char *format, ...)
{
    va_list args;

    if (d->has_failed)
        return;
    va_start(args, format);
    field->note = vtext(d, format, args);
    va_end(args);
    field->is_wrong = true;
    count_problem(d);
}

void inspect_dissect_hex(struct dissect *d, struct weft_dissect_field *field)
{
    inspect_dissect_say(d, field, "0x%0*" PRIx64, (int)(field->bits + 3) / 4, field->value);
}

void inspect_dissect_flag(struct dissect *d, const struct weft_dissect_field *parent, unsigned offset,
                          const char *name)
{
    struct weft_dissect_field *field = inspect_dissect_part(d, parent, offset, 1, name);

    inspect_dissect_note(d, field, "%s", field->value ? "set" : "not set");
}

/* --- Where we are -------------------------------------------------------------------------- */

uint32_t inspect_dissect_left(const struct dissect *d)
{
    uint32_t limit = min_u32(d->len, d->end);

    return limit > d->at ? limit - d->at : 0;
}

uint32_t inspect_dissect_claimed(const struct dissect *d)
{
    return d->end > d->at ? d->end - d->at : 0;
}

uint32_t inspect_dissect_rest(const struct dissect *d)
{
    uint32_t limit = min_u32(d->len, d->end);

    return limit > d->bit / 8 ? limit - d->bit / 8 : 0;
}

/* --- Checksums -------------------------------------------------------------------------------- */

bool inspect_dissect_checksum(struct dissect *d, struct weft_dissect_field *field, uint32_t offset,
                              uint32_t len, uint64_t pseudo)
{
    uint16_t there = (uint16_t)field->value, right;

    inspect_dissect_hex(d, field);
    if (d->has_failed)
        return true;
    if ((uint64_t)offset + len > d->len) {
        inspect_dissect_note(d, field, "not checked: not all of what it covers is here");
        return true;
    }
    if (checksum_finish(checksum_sum(d->bytes + offset, len) + pseudo) == 0) {
        inspect_dissect_note(d, field, "correct");
        return true;
    }
    if (pseudo && there == checksum_fold(pseudo)) {
        inspect_dissect_note(d, field, "only the pseudo-header: the device completes it");
        return true;
    }
    right = checksum_finish(checksum_sum(d->bytes + offset, len) + pseudo + (uint16_t)~there);
    inspect_dissect_wrong(d, field, "wrong, should be 0x%04x", right);
    return false;
}

bool inspect_dissect_transport_checksum(struct dissect *d, struct weft_dissect_field *field, uint32_t offset,
                                        uint64_t pseudo)
{
    if (!d->is_quoted && !d->is_fragment)
        return inspect_dissect_checksum(d, field, offset, d->end - offset, pseudo);
    inspect_dissect_hex(d, field);
    inspect_dissect_note(d, field, "not checked: only a part of the packet is here");
    return true;
}

/* --- Kind and summary of the frame ------------------------------------------------------------- */

void inspect_dissect_kind(struct dissect *d, const char *kind)
{
    if (!d->is_quoted)
        d->out->kind = kind;
}

void inspect_dissect_line(struct dissect *d, const char *format, ...)
{
    va_list args;

    if (d->is_quoted)
        return;
    va_start(args, format);
    d->out->summary = vtext(d, format, args);
    va_end(args);
}

/* --- Data and padding ----------------------------------------------------------------------------- */

void inspect_dissect_data(struct dissect *d, const char *name)
{
    char number[INSPECT_NUMBER_TEXT];
    uint32_t left = inspect_dissect_left(d), claimed = inspect_dissect_claimed(d);
    struct weft_dissect_field *field;

    if (claimed == 0)
        return;
    inspect_dissect_layer(d, WEFT_PROTO_DATA, name ? name : "Data", "Data", NULL);
    field = inspect_dissect_bytes(d, left, name ? name : "Data");
    if (left < claimed)
        inspect_dissect_note(d, field, "%" PRIu32 " more are not at hand", claimed - left);
    inspect_dissect_summary(d, "%s", inspect_text_bytes(claimed, number));
    (void)inspect_dissect_end_layer(d);
}

/* What lies behind the packet: Ethernet pads frames to 60 bytes (RFC 894). */
static void dissect_trailer(struct dissect *d)
{
    char number[INSPECT_NUMBER_TEXT];
    struct weft_dissect_field *field;
    bool is_zero = true;

    d->is_quoted = false;
    d->at = d->packet_end;
    d->end = d->frame->wire_len;
    if (inspect_dissect_left(d) == 0)
        return;
    inspect_dissect_layer(d, WEFT_PROTO_TRAILER, "Padding", "Padding", "RFC 894");
    for (uint32_t i = d->at; i < min_u32(d->len, d->end); i++)
        is_zero = is_zero && d->bytes[i] == 0;
    field = inspect_dissect_bytes(d, inspect_dissect_left(d), "Padding");
    inspect_dissect_note(d, field,
                         is_zero ? "zeros, not part of the packet" : "not zero, not part of the packet");
    inspect_dissect_summary(d, "%s behind the packet", inspect_text_bytes(inspect_dissect_left(d), number));
    (void)inspect_dissect_end_layer(d);
}

/* --- All of it --------------------------------------------------------------------------------------- */

void inspect_dissect_ip(struct dissect *d)
{
    if (inspect_dissect_left(d) > 0 && d->bytes[d->at] >> 4 == 6)
        inspect_dissect_ip6(d);
    else
        inspect_dissect_ip4(d);
}

void weft_dissect(struct weft_flows *flows, const struct weft_frame *frame, struct weft_dissection *out)
{
    static const uint8_t nothing;
    struct dissect d = {.out = out,
                        .frame = frame,
                        .flows = flows,
                        .bytes = frame->bytes,
                        .len = frame->len,
                        .end = frame->wire_len};

    if (d.len == 0)
        d.bytes = &nothing;
    if (d.end < d.len)
        d.end = d.len;
    out->layer_count = out->field_count = 0;
    out->is_tcp = false;
    out->problems = 0;
    out->src = out->dst = WEFT_ADDR_ANY;
    out->src_port = out->dst_port = 0;
    out->kind = "frame";
    out->summary = "";
    out->tcp = (struct weft_dissect_tcp){0};
    d.text = inspect_text_in(out->text_buf, sizeof(out->text_buf));
    if (frame->type == WEFT_LINK_ETHERNET)
        inspect_dissect_ethernet(&d);
    else
        inspect_dissect_ip(&d);
    if (d.packet_end > 0)
        dissect_trailer(&d);
    out->text_used = (uint32_t)d.text.used;
}
