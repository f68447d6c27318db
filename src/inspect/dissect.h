/* SPDX-License-Identifier: MIT */
/*
 * Taking a frame apart: what the decoders of the single protocols share.
 *
 * A decoder begins a layer and then names its fields in order, straight down;
 * each call moves on by the field's bits. A field that does not lie wholly in
 * the bytes at hand is not added: the layer's problem says where it broke off,
 * and the fields after it are passed over in silence, so no decoder needs to ask
 * before it reads. The value of a field that is not there is 0.
 *
 *     bytes:   0        at           end           len = at hand       wire_len
 *              |  layers |  current   |  padding    |   cut off by the  |
 *              |  before |  packet    |             |   capture         |
 *
 * Owns    the dissection's arrays and its text, and the position in the frame.
 * Never   reads beyond `end` or `len`, and never fails for a frame's sake.
 */
#ifndef WEFT_INSPECT_DISSECT_H
#define WEFT_INSPECT_DISSECT_H

#include <weft/inspect.h>

#include "inspect/text.h"

struct dissect {
    struct weft_dissection *out;
    const struct weft_frame *frame;
    struct weft_flows *flows;
    const uint8_t *bytes;
    uint32_t len;     /* bytes at hand */
    uint32_t end;     /* of the packet that is being decoded, as the layers around it say; up to wire_len */
    uint32_t at;      /* where the next layer begins */
    uint32_t bit;     /* where the next field begins */
    bool has_failed;  /* the layer broke off */
    bool is_quoted;   /* inside of an ICMP error */
    bool is_fragment; /* the IP packet is a part of a datagram */
    uint32_t packet_end;       /* of the outermost packet, behind which there is padding; 0: unknown */
    unsigned depth;            /* packets in packets */
    const char *source;        /* of the fields that follow */
    struct weft_addr src, dst; /* of the IP header around */
    struct weft_dissect_layer *layer;
    struct inspect_text text;
    struct weft_dissect_layer spare_layer; /* takes what does not fit into the arrays */
    struct weft_dissect_field spare_field;
};

/* --- Layers ------------------------------------------------------------------------- */

/* Begins a layer at `at`. */
struct weft_dissect_layer *inspect_dissect_layer(struct dissect *d, enum weft_proto proto, const char *name,
                                                 const char *short_name, const char *source);

/* Ends it where the fields ended: the next layer begins there. Returns false when it broke off. */
bool inspect_dissect_end_layer(struct dissect *d);

void inspect_dissect_summary(struct dissect *d, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Why the layer is not what it should be. The first problem of a layer stays. */
void inspect_dissect_problem(struct dissect *d, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* --- Fields --------------------------------------------------------------------------- */

/* The next `bits`, up to 64, as a number. Its text is the number in decimal until said otherwise. Never NULL. */
struct weft_dissect_field *inspect_dissect_bits(struct dissect *d, unsigned bits, const char *name);

/* Addresses; the address through `out`, "any" if it is not there. */
struct weft_dissect_field *inspect_dissect_mac(struct dissect *d, const char *name, struct weft_mac *out);
struct weft_dissect_field *inspect_dissect_ip4_addr(struct dissect *d, const char *name,
                                                    struct weft_addr *out);
struct weft_dissect_field *inspect_dissect_ip6_addr(struct dissect *d, const char *name,
                                                    struct weft_addr *out);

/* The next `bytes`; its text is the first of them in hexadecimal. */
struct weft_dissect_field *inspect_dissect_bytes(struct dissect *d, uint32_t bytes, const char *name);

/*
 * A part of a field that has been read: `bits` at `offset` (in bits) from its
 * beginning, up to 64. Shown one step below `parent`.
 */
struct weft_dissect_field *inspect_dissect_part(struct dissect *d, const struct weft_dissect_field *parent,
                                                unsigned offset, unsigned bits, const char *name);

/* Something that does not stand in the frame but follows from it. */
struct weft_dissect_field *inspect_dissect_known(struct dissect *d, const char *name);

void inspect_dissect_say(struct dissect *d, struct weft_dissect_field *field, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void inspect_dissect_note(struct dissect *d, struct weft_dissect_field *field, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void inspect_dissect_wrong(struct dissect *d, struct weft_dissect_field *field, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* "0x1c46" for the text. */
void inspect_dissect_hex(struct dissect *d, struct weft_dissect_field *field);

/* "1 (set)" or "0 (not set)" for a flag. */
void inspect_dissect_flag(struct dissect *d, const struct weft_dissect_field *parent, unsigned offset,
                          const char *name);

/* Text that lives as long as the dissection. */
const char *inspect_dissect_text(struct dissect *d, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
const char *inspect_dissect_printable(struct dissect *d, const uint8_t *bytes, size_t len, size_t max);

/* The address or the address and the port as text of the dissection. */
const char *inspect_dissect_addr(struct dissect *d, const struct weft_addr *addr);

/* --- Where we are ------------------------------------------------------------------------ */

/* Bytes from the next layer's beginning to the packet's end that are at hand. */
uint32_t inspect_dissect_left(const struct dissect *d);

/* The same, whether at hand or not. */
uint32_t inspect_dissect_claimed(const struct dissect *d);

/* Bytes from the next field on that are at hand. */
uint32_t inspect_dissect_rest(const struct dissect *d);

/* --- Checksums ------------------------------------------------------------------------------ */

/*
 * Judges the checksum field over `len` bytes at `offset` of the frame, with the
 * pseudo-header's sum (0: none). Says "correct", what it should be, that it is
 * left to the device, or why it cannot be told. True when it is not wrong.
 */
bool inspect_dissect_checksum(struct dissect *d, struct weft_dissect_field *field, uint32_t offset,
                              uint32_t len, uint64_t pseudo);

/* The same of a transport's checksum, over everything from `offset` to the packet's end; not checked
 * when that is only a part of what was sent. */
bool inspect_dissect_transport_checksum(struct dissect *d, struct weft_dissect_field *field, uint32_t offset,
                                        uint64_t pseudo);

/* --- The decoders; each takes what lies at `at` --------------------------------------------- */

void inspect_dissect_ethernet(struct dissect *d);
void inspect_dissect_arp(struct dissect *d);
void inspect_dissect_ip(struct dissect *d); /* version 4 or 6, by the first four bits */
void inspect_dissect_ip4(struct dissect *d);
void inspect_dissect_ip6(struct dissect *d);
void inspect_dissect_transport(struct dissect *d, uint8_t proto);
void inspect_dissect_icmp4(struct dissect *d);
void inspect_dissect_icmp6(struct dissect *d);
void inspect_dissect_udp(struct dissect *d);
void inspect_dissect_tcp(struct dissect *d);
void inspect_dissect_tcp_options(struct dissect *d, uint32_t len, const struct weft_dissect_tcp *seen);

/* The rest of the packet as bytes; `name` NULL: "Data". */
void inspect_dissect_data(struct dissect *d, const char *name);

/* The payload of a TCP segment: HTTP where it is HTTP. `flow` may be NULL. */
struct inspect_flow;
void inspect_dissect_http(struct dissect *d, struct inspect_flow *flow, unsigned side);

/* Sets the frame's kind and summary; the innermost protocol that is not quoted does it last. */
void inspect_dissect_kind(struct dissect *d, const char *kind);
void inspect_dissect_line(struct dissect *d, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* --- Names (names.c); NULL when there is none ------------------------------------------------- */

const char *inspect_name_ethertype(unsigned type);
const char *inspect_name_ip_proto(unsigned proto);
const char *inspect_name_port(unsigned port);
const char *inspect_name_icmp4(unsigned type);
const char *inspect_name_icmp4_code(unsigned type, unsigned code);
const char *inspect_name_icmp6(unsigned type);
const char *inspect_name_icmp6_code(unsigned type, unsigned code);
const char *inspect_name_dscp(unsigned dscp);
const char *inspect_name_ecn(unsigned ecn);
const char *inspect_name_tcp_flags(unsigned flags, char *buf, size_t size); /* "SYN, ACK" */

#endif
