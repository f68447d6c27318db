/* SPDX-License-Identifier: MIT */
/*
 * Frames for the tests of the inspector, byte by byte, and what must hold of
 * every dissection, whatever it was made of.
 */
#ifndef WEFT_TESTS_INSPECT_FRAMES_H
#define WEFT_TESTS_INSPECT_FRAMES_H

#include "inspect_sample.h"

/* A frame of an array of bytes. */
#define FRAME_OF(array)                                                                                      \
    ((struct weft_frame){.type = WEFT_LINK_ETHERNET,                                                         \
                         .direction = WEFT_DIRECTION_IN,                                                     \
                         .iface = 1,                                                                         \
                         .bytes = (array),                                                                   \
                         .len = sizeof(array),                                                               \
                         .wire_len = sizeof(array)})

#define FRAME_ETH 2, 0x5e, 0, 0, 0, 2, 2, 0x5e, 0, 0, 0, 1

/* An ICMP port unreachable that quotes a UDP datagram of ours. */
static const uint8_t frame_icmp_error[] = {
    FRAME_ETH, 0x08, 0x00, 0x45, 0xc0, 0x00, 0x38, 0x00, 0x01, 0x00, 0x00, 0x40, 0x01, 0x65, 0x68,
    0x0a,      0x4d, 0x00, 0x01, 0x0a, 0x4d, 0x00, 0x02, 0x03, 0x03, 0x7c, 0xbe, 0x00, 0x00, 0x00,
    0x00,      0x45, 0x00, 0x00, 0x1d, 0x12, 0x34, 0x40, 0x00, 0x40, 0x11, 0x14, 0x00, 0x0a, 0x4d,
    0x00,      0x02, 0x0a, 0x4d, 0x00, 0x01, 0x80, 0x00, 0x00, 0x35, 0x00, 0x09, 0x00, 0x00};

/* UDP in a VLAN, with a record route option in front. */
static const uint8_t frame_vlan_udp[] = {
    FRAME_ETH, 0x81, 0x00, 0x60, 0x2a, 0x08, 0x00, 0x48, 0x00, 0x00, 0x2a, 0xab, 0xcd, 0x00, 0x00, 0x01, 0x11,
    0xe5,      0x8c, 0x0a, 0x4d, 0x00, 0x01, 0x0a, 0x4d, 0x00, 0x02, 0x07, 0x0b, 0x08, 0xc0, 0x00, 0x02, 0x01,
    0x00,      0x00, 0x00, 0x00, 0x00, 0x12, 0x34, 0x14, 0xe9, 0x00, 0x0a, 0x00, 0x00, 'h',  'i'};

/* The second fragment of something. */
static const uint8_t frame_fragment[] = {FRAME_ETH, 0x08, 0x00, 0x45, 0x00, 0x00, 0x18, 0x00, 0x07,
                                         0x00,      0xb9, 0x40, 0x06, 0x65, 0x84, 0x0a, 0x4d, 0x00,
                                         0x01,      0x0a, 0x4d, 0x00, 0x02, 1,    2,    3,    4};

/* A segment with every option that there is: MSS, SACK with two blocks, user timeout, fast open, unknown. */
static const uint8_t frame_options[] = {
    FRAME_ETH, 0x08, 0x00, 0x45, 0x00, 0x00, 0x50, 0x00, 0x00, 0x40, 0x00, 0x40, 0x06, 0x26, 0x0c, 0x0a, 0x4d,
    0x00,      0x01, 0x0a, 0x4d, 0x00, 0x02, 0x00, 0x50, 0xa1, 0x60, 0x00, 0x00, 0x10, 0x00, 0x00, 0x00, 0x20,
    0x00,      0xf1, 0x10, 0x01, 0x00, 0xb4, 0xb5, 0x00, 0x00, 0x05, 0x12, 0x00, 0x00, 0x30, 0x00, 0x00, 0x00,
    0x30,      0x64, 0x00, 0x00, 0x40, 0x00, 0x00, 0x00, 0x40, 0x64, 0x1c, 0x04, 0x80, 0x05, 0x22, 0x04, 0xaa,
    0xbb,      0x03, 0x03, 0x14, 0xfd, 0x06, 0x01, 0x02, 0x03, 0x04, 0x01, 0x00, 0x00, 0x00, 0x00};

/* Fast open: a request, and a cookie as an experiment. */
static const uint8_t frame_fast_open[] = {
    FRAME_ETH, 0x08, 0x00, 0x45, 0x00, 0x00, 0x34, 0x00, 0x00, 0x40, 0x00, 0x40, 0x06, 0x26,
    0x28,      0x0a, 0x4d, 0x00, 0x01, 0x0a, 0x4d, 0x00, 0x02, 0x00, 0x50, 0xa1, 0x60, 0x00,
    0x00,      0x10, 0x00, 0x00, 0x00, 0x20, 0x00, 0x80, 0x02, 0x01, 0x00, 0x79, 0xed, 0x00,
    0x00,      0x22, 0x02, 0x01, 0x01, 0xfe, 0x08, 0xf9, 0x89, 0x01, 0x02, 0x03, 0x04};

/* Options whose length is not possible. */
static const uint8_t frame_bad_option[] = {
    FRAME_ETH, 0x08, 0x00, 0x45, 0x00, 0x00, 0x2c, 0x00, 0x00, 0x40, 0x00, 0x40, 0x06, 0x26, 0x30, 0x0a,
    0x4d,      0x00, 0x01, 0x0a, 0x4d, 0x00, 0x02, 0x00, 0x50, 0xa1, 0x60, 0x00, 0x00, 0x10, 0x00, 0x00,
    0x00,      0x20, 0x00, 0x60, 0x10, 0x01, 0x00, 0xb5, 0x79, 0x00, 0x00, 2,    9,    1,    1};

/* A neighbour solicitation with an option. */
static const uint8_t frame_nd[] = {
    FRAME_ETH, 0x86, 0xdd, 0x60, 0x00, 0x00, 0x00, 0x00, 0x20, 0x3a, 0xff, 0xfe, 0x80, 0,    0,    0, 0, 0, 0,
    0,         0,    0,    0,    0,    0,    0,    1,    0xff, 0x02, 0,    0,    0,    0,    0,    0, 0, 0, 0,
    1,         0xff, 0,    0,    2,    0x87, 0x00, 0x7a, 0x39, 0,    0,    0,    0,    0xfe, 0x80, 0, 0, 0, 0,
    0,         0,    0,    0,    0,    0,    0,    0,    0,    2,    1,    1,    2,    0x5e, 0,    0, 0, 1};

/* IPv6 with a hop-by-hop header and a fragment header before UDP. */
static const uint8_t frame_ip6_ext[] = {
    FRAME_ETH, 0x86, 0xdd, 0x60, 0x00, 0x00, 0x00, 0x00, 0x18, 0x00, 0x40, 0xfe, 0x80, 0,    0,    0,   0,
    0,         0,    0,    0,    0,    0,    0,    0,    0,    1,    0xfe, 0x80, 0,    0,    0,    0,   0,
    0,         0,    0,    0,    0,    0,    0,    0,    2,    44,   0,    1,    4,    0,    0,    0,   0,
    17,        0,    0,    1,    0,    0,    0,    9,    0x12, 0x34, 0x00, 0x35, 0x00, 0x08, 0x00, 0x00};

#define FRAME_SAMPLES                                                                                        \
    {                                                                                                        \
        FRAME_OF(frame_icmp_error), FRAME_OF(frame_vlan_udp), FRAME_OF(frame_fragment),                      \
            FRAME_OF(frame_options), FRAME_OF(frame_fast_open), FRAME_OF(frame_bad_option),                  \
            FRAME_OF(frame_nd), FRAME_OF(frame_ip6_ext)                                                      \
    }

/* --- What holds of every dissection ---------------------------------------------------------- */

static inline void check_text(const struct weft_dissection *d, const char *text)
{
    size_t len = text ? strlen(text) : 0;

    if (!text)
        return;
    if (text >= d->text_buf && text < d->text_buf + sizeof(d->text_buf))
        assert_true(text + len < d->text_buf + sizeof(d->text_buf));
    for (size_t i = 0; i < len; i++)
        if ((uint8_t)text[i] < 0x20 || text[i] == 0x7f)
            fail_msg("a control character in \"%s\"", text);
}

static inline void check_field(const struct weft_dissection *d, const struct weft_frame *frame,
                               const struct weft_dissect_field *field)
{
    assert_non_null(field->name);
    assert_non_null(field->text);
    check_text(d, field->name);
    check_text(d, field->text);
    check_text(d, field->note);
    assert_true((uint64_t)field->bit + field->bits <= (uint64_t)frame->len * 8);
    assert_true(field->depth <= 3);
    if (field->is_wrong)
        assert_non_null(field->note);
}

/* Fields lie within the bytes at hand, layers follow each other, texts can be shown. */
static inline void check_dissection(const struct weft_dissection *d, const struct weft_frame *frame)
{
    uint32_t at = 0;

    assert_true(d->layer_count >= 1 && d->layer_count <= WEFT_DISSECT_LAYERS);
    assert_true(d->field_count <= WEFT_DISSECT_FIELDS);
    check_text(d, d->kind);
    check_text(d, d->summary);
    for (unsigned i = 0; i < d->layer_count; i++) {
        const struct weft_dissect_layer *layer = &d->layer[i];

        assert_non_null(layer->name);
        assert_non_null(layer->short_name);
        assert_non_null(layer->summary);
        check_text(d, layer->summary);
        check_text(d, layer->problem);
        assert_true(layer->offset >= at);
        assert_true((uint64_t)layer->offset + layer->len <= frame->len || layer->len == 0);
        assert_true((unsigned)layer->first_field + layer->field_count <= d->field_count);
        at = layer->offset + layer->len;
    }
    for (unsigned i = 0; i < d->field_count; i++)
        check_field(d, frame, &d->field[i]);
    if (d->is_tcp)
        assert_true((uint64_t)d->tcp.payload_offset + d->tcp.payload_len <= frame->len);
}

#endif
