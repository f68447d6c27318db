/* SPDX-License-Identifier: MIT */
/* Frames taken apart: known ones field by field, then truncated, mutated and random ones. */
#include "inspect_frames.h"

struct bench {
    struct weft_flows *flows;
    struct weft_dissection d;
    struct sample s;
    uint8_t frame[1600];
};

static int set_up(void **state)
{
    struct bench *b = calloc(1, sizeof(*b));

    assert_int_equal(weft_flows_new(16, &b->flows), 0);
    b->s.now = WEFT_SEC;
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;

    weft_flows_free(b->flows);
    free(b);
    return 0;
}

static void dissect(struct bench *b, struct weft_frame frame)
{
    frame.time = b->s.now;
    weft_dissect(b->flows, &frame, &b->d);
    check_dissection(&b->d, &frame);
}

/* Builds a segment of the sample's connection and takes it apart. */
static void dissect_segment(struct bench *b, struct sample_segment segment)
{
    struct weft_frame frame = FRAME_OF(b->frame);

    frame.len = frame.wire_len = sample_build(&b->s, b->frame, &segment);
    dissect(b, frame);
}

static const struct weft_dissect_field *find(const struct bench *b, enum weft_proto proto, const char *name)
{
    for (unsigned i = 0; i < b->d.layer_count; i++)
        for (unsigned f = 0; b->d.layer[i].proto == proto && f < b->d.layer[i].field_count; f++)
            if (strcmp(b->d.field[b->d.layer[i].first_field + f].name, name) == 0)
                return &b->d.field[b->d.layer[i].first_field + f];
    fail_msg("there is no field \"%s\"", name);
    return NULL;
}

static void expect(const struct bench *b, enum weft_proto proto, const char *name, const char *text,
                   const char *note)
{
    const struct weft_dissect_field *field = find(b, proto, name);

    assert_string_equal(field->text, text);
    if (note)
        assert_non_null(field->note);
    if (note)
        assert_string_equal(field->note, note);
}

static void expect_place(const struct bench *b, enum weft_proto proto, const char *name, uint32_t bit,
                         uint32_t bits)
{
    const struct weft_dissect_field *field = find(b, proto, name);

    assert_int_equal(field->bit, bit);
    assert_int_equal(field->bits, bits);
}

static const struct weft_dissect_layer *layer_of(const struct bench *b, enum weft_proto proto)
{
    for (unsigned i = 0; i < b->d.layer_count; i++)
        if (b->d.layer[i].proto == proto)
            return &b->d.layer[i];
    fail_msg("there is no such layer");
    return NULL;
}

/* --- Known frames ------------------------------------------------------------------------ */

static void a_syn_is_named_as_in_the_rfc(void **state)
{
    struct bench *b = *state;

    b->s.ip_id = 0x1c46;
    dissect_segment(b, (struct sample_segment){.flags = SAMPLE_SYN, .window = 64240, .seq = 0x12345678});
    assert_int_equal(b->d.problems, 0);
    assert_int_equal(b->d.layer_count, 3);
    assert_string_equal(b->d.kind, "SYN");
    assert_string_equal(b->d.summary, "10.77.0.1:41312 > 10.77.0.2:80  [SYN] Seq=0 Win=64240");
    expect(b, WEFT_PROTO_ETHERNET, "Destination Address", "02:5e:00:00:00:02", NULL);
    expect(b, WEFT_PROTO_ETHERNET, "Type", "0x0800", "IPv4");
    expect(b, WEFT_PROTO_IP4, "IHL", "5", "20 bytes");
    expect(b, WEFT_PROTO_IP4, "Identification", "0x1c46", NULL);
    expect(b, WEFT_PROTO_IP4, "Flags", "DF", NULL);
    expect(b, WEFT_PROTO_IP4, "Header Checksum", "0x09da", "correct");
    expect(b, WEFT_PROTO_IP4, "Source Address", "10.77.0.1", NULL);
    expect(b, WEFT_PROTO_TCP, "Destination Port", "80", "http");
    expect(b, WEFT_PROTO_TCP, "Sequence Number", "305419896", "relative 0");
    expect(b, WEFT_PROTO_TCP, "Acknowledgment Number", "0", "not used: there is no ACK flag");
    expect(b, WEFT_PROTO_TCP, "Data Offset (DOffset)", "10", "40 bytes");
    expect(b, WEFT_PROTO_TCP, "Control bits", "SYN", NULL);
    expect(b, WEFT_PROTO_TCP, "Maximum Segment Size", "1460", NULL);
    expect(b, WEFT_PROTO_TCP, "shift.cnt", "7", "windows are multiplied by 128");
    assert_string_equal(find(b, WEFT_PROTO_TCP, "Timestamps")->source, "RFC 7323 3.2");
    assert_int_equal(find(b, WEFT_PROTO_TCP, "Sequence Number")->value, 0x12345678);
}

static void fields_are_where_they_are(void **state)
{
    struct bench *b = *state;

    dissect_segment(b, (struct sample_segment){.flags = SAMPLE_SYN | SAMPLE_ACK, .window = 1});
    expect_place(b, WEFT_PROTO_ETHERNET, "Source Address", 6 * 8, 48);
    expect_place(b, WEFT_PROTO_IP4, "Version", 14 * 8, 4);
    expect_place(b, WEFT_PROTO_IP4, "ECN", 15 * 8 + 6, 2);
    expect_place(b, WEFT_PROTO_IP4, "Don't Fragment (DF)", 20 * 8 + 1, 1);
    expect_place(b, WEFT_PROTO_IP4, "Fragment Offset", 20 * 8 + 3, 13);
    expect_place(b, WEFT_PROTO_TCP, "Data Offset (DOffset)", 46 * 8, 4);
    expect_place(b, WEFT_PROTO_TCP, "SYN", 47 * 8 + 6, 1);
    expect_place(b, WEFT_PROTO_TCP, "Urgent Pointer", 52 * 8, 16);
    expect_place(b, WEFT_PROTO_TCP, "Options", 54 * 8, 160);
    expect_place(b, WEFT_PROTO_TCP, "TS Echo Reply (TSecr)", (54 + 6 + 6) * 8, 32);
    assert_int_equal(find(b, WEFT_PROTO_TCP, "SYN")->value, 1);
    assert_int_equal(find(b, WEFT_PROTO_TCP, "FIN")->value, 0);
}

static void an_icmp_error_shows_what_it_quotes(void **state)
{
    struct bench *b = *state;

    dissect(b, (struct weft_frame)FRAME_OF(frame_icmp_error));
    assert_int_equal(b->d.problems, 0);
    assert_string_equal(b->d.kind, "Destination Unreachable");
    expect(b, WEFT_PROTO_ICMP4, "Code", "3", "port unreachable");
    expect(b, WEFT_PROTO_ICMP4, "Checksum", "0x7cbe", "correct");
    expect(b, WEFT_PROTO_UDP, "Destination Port", "53", "domain");
    assert_true(layer_of(b, WEFT_PROTO_UDP)->is_quoted);
    assert_false(layer_of(b, WEFT_PROTO_ICMP4)->is_quoted);
    assert_int_equal(b->d.dst_port, 0); /* the quote's ports are not the frame's */
}

static void tags_and_options_are_decoded(void **state)
{
    struct bench *b = *state;

    dissect(b, (struct weft_frame)FRAME_OF(frame_vlan_udp));
    assert_int_equal(b->d.problems, 0);
    expect(b, WEFT_PROTO_VLAN, "VLAN Identifier", "42", NULL);
    expect(b, WEFT_PROTO_VLAN, "Priority Code Point", "3", NULL);
    expect(b, WEFT_PROTO_IP4, "Pointer", "8", NULL);
    expect(b, WEFT_PROTO_IP4, "Route address", "192.0.2.1", NULL);
    expect(b, WEFT_PROTO_UDP, "Destination Port", "5353", "mdns");
    expect(b, WEFT_PROTO_UDP, "Checksum", "0", "the sender computed none");
    assert_int_equal(layer_of(b, WEFT_PROTO_DATA)->len, 2);
}

static void a_fragment_is_not_taken_for_a_header(void **state)
{
    struct bench *b = *state;

    dissect(b, (struct weft_frame)FRAME_OF(frame_fragment));
    assert_false(b->d.is_tcp);
    assert_string_equal(b->d.kind, "IPv4 fragment");
    expect(b, WEFT_PROTO_IP4, "Fragment Offset", "185", "1480 bytes");
}

static void every_tcp_option_is_named(void **state)
{
    struct bench *b = *state;

    dissect(b, (struct weft_frame)FRAME_OF(frame_options));
    expect(b, WEFT_PROTO_TCP, "Reserved (Rsrvd)", "1", NULL);
    assert_int_equal(find(b, WEFT_PROTO_TCP, "AE")->value, 1);
    expect(b, WEFT_PROTO_TCP, "Left Edge of Block", "12288", NULL);
    expect(b, WEFT_PROTO_TCP, "G (Granularity)", "1", "minutes");
    expect(b, WEFT_PROTO_TCP, "User Timeout", "5 min", NULL);
    expect(b, WEFT_PROTO_TCP, "Fast Open", "22 04 aa bb",
           "a cookie has 4 to 16 bytes, an even number (RFC 7413 4.1.1)");
    assert_true(find(b, WEFT_PROTO_TCP, "shift.cnt")->is_wrong);
    assert_non_null(strstr(find(b, WEFT_PROTO_TCP, "Option")->note, "kind 253"));
    assert_int_equal(find(b, WEFT_PROTO_TCP, "End of Option List")->bits, 32);
}

/* RFC 7413 4.1.1, and as an experiment of RFC 6994. */
static void fast_open_is_known_by_both_kinds(void **state)
{
    struct bench *b = *state;

    dissect(b, (struct weft_frame)FRAME_OF(frame_fast_open));
    assert_int_equal(b->d.problems, 0);
    expect(b, WEFT_PROTO_TCP, "Fast Open", "22 02", "asks for a cookie");
    expect(b, WEFT_PROTO_TCP, "ExID", "63881", "Fast Open");
    expect(b, WEFT_PROTO_TCP, "Experiment", "fe 08 f9 89 01 02 03 04", "a cookie of 4 bytes");
}

static void an_illegal_option_length_is_said(void **state)
{
    struct bench *b = *state;

    dissect(b, (struct weft_frame)FRAME_OF(frame_bad_option));
    assert_true(b->d.problems > 0);
    assert_true(find(b, WEFT_PROTO_TCP, "Maximum Segment Size")->is_wrong);
    assert_int_equal(layer_of(b, WEFT_PROTO_TCP)->len, 24);
}

static void an_impossible_data_offset_is_said(void **state)
{
    static const uint8_t offsets[] = {0, 4, 15};
    struct bench *b = *state;

    for (unsigned i = 0; i < sizeof(offsets); i++) {
        struct sample_segment segment = {.flags = SAMPLE_ACK, .window = 1}; /* 32 bytes of header, no more */
        struct weft_frame frame = FRAME_OF(b->frame);

        frame.len = frame.wire_len = sample_build(&b->s, b->frame, &segment);
        b->frame[14 + 20 + 12] = (uint8_t)(offsets[i] << 4);
        dissect(b, frame);
        assert_true(find(b, WEFT_PROTO_TCP, "Data Offset (DOffset)")->is_wrong);
        assert_int_equal(b->d.problems, 1);
        assert_false(b->d.is_tcp);
    }
}

static void ip6_goes_through_its_extension_headers(void **state)
{
    struct bench *b = *state;

    dissect(b, (struct weft_frame)FRAME_OF(frame_nd));
    assert_int_equal(b->d.problems, 0);
    assert_string_equal(b->d.kind, "Neighbor Solicitation");
    expect(b, WEFT_PROTO_ICMP6, "Target Address", "fe80::2", NULL);
    expect(b, WEFT_PROTO_ICMP6, "Source Link-Layer Address", "02:5e:00:00:00:01", NULL);
    expect(b, WEFT_PROTO_ICMP6, "Checksum", "0x7a39", "correct");
    dissect(b, (struct weft_frame)FRAME_OF(frame_ip6_ext));
    expect(b, WEFT_PROTO_IP6, "M flag", "1", NULL);
    expect(b, WEFT_PROTO_UDP, "Destination Port", "53", "domain");
}

static void a_wrong_checksum_is_said_and_tells_nothing(void **state)
{
    struct bench *b = *state;
    struct sample_segment segment = {.flags = SAMPLE_SYN, .window = 64240, .seq = 1000};
    struct weft_frame frame = FRAME_OF(b->frame);

    frame.len = frame.wire_len = sample_build(&b->s, b->frame, &segment);
    b->frame[14 + 20 + 5] ^= 0x40;
    dissect(b, frame);
    assert_int_equal(b->d.problems, 1);
    assert_true(find(b, WEFT_PROTO_TCP, "Checksum")->is_wrong);
    assert_int_equal(b->d.tcp.flow, 0);
    b->frame[14 + 20 + 5] ^= 0x40;
    dissect(b, frame);
    assert_int_equal(b->d.problems, 0);
    assert_int_equal(b->d.tcp.flow, 1);
    b->frame[14 + 8]++; /* the time to live: only the IP header's sum is wrong now */
    dissect(b, frame);
    assert_string_equal(find(b, WEFT_PROTO_IP4, "Header Checksum")->note, "wrong, should be 0x2520");
}

static void a_partial_checksum_is_recognised(void **state)
{
    struct bench *b = *state;
    struct sample_segment segment = {.flags = SAMPLE_SYN, .window = 64240, .seq = 1000};
    struct weft_frame frame = FRAME_OF(b->frame);
    uint32_t pseudo = 0x0a4d + 1 + 0x0a4d + 2 + 6 + 40;

    frame.len = frame.wire_len = sample_build(&b->s, b->frame, &segment);
    put_be16(b->frame + 14 + 20 + 16, (uint16_t)pseudo);
    dissect(b, frame);
    assert_int_equal(b->d.problems, 0);
    assert_string_equal(find(b, WEFT_PROTO_TCP, "Checksum")->note,
                        "only the pseudo-header: the device completes it");
}

/* --- Conversations ---------------------------------------------------------------------------- */

static void shake_hands(struct bench *b)
{
    dissect_segment(b, (struct sample_segment){.flags = SAMPLE_SYN, .window = 64240, .seq = 0xffffff00});
    assert_true(b->d.tcp.from_client);
    dissect_segment(b, (struct sample_segment){.outgoing = true,
                                               .flags = SAMPLE_SYN | SAMPLE_ACK,
                                               .window = 65535,
                                               .seq = 7,
                                               .ack = 0xffffff01});
    assert_false(b->d.tcp.from_client);
    assert_int_equal(b->d.tcp.relative_ack, 1);
    dissect_segment(b,
                    (struct sample_segment){.flags = SAMPLE_ACK, .window = 502, .seq = 0xffffff01, .ack = 8});
}

static void numbers_are_relative_and_windows_scaled(void **state)
{
    struct bench *b = *state;

    shake_hands(b);
    expect(b, WEFT_PROTO_TCP, "Window", "502", "raw 502 << 7 = 64256");
    dissect_segment(b, (struct sample_segment){.flags = SAMPLE_ACK,
                                               .window = 502,
                                               .seq = 0xffffff01 + 500, /* beyond the wrap */
                                               .ack = 8,
                                               .payload = (const uint8_t *)"abc",
                                               .len = 3});
    assert_int_equal(b->d.tcp.relative_seq, 501);
    assert_true(b->d.tcp.notes & WEFT_SEGMENT_GAP);
    dissect_segment(b, (struct sample_segment){.outgoing = true,
                                               .flags = SAMPLE_ACK,
                                               .window = 100,
                                               .seq = 8,
                                               .ack = 0xffffff01,
                                               .sack_left = 0xffffff01 + 500,
                                               .sack_right = 0xffffff01 + 503});
    expect(b, WEFT_PROTO_TCP, "SACK", "501 to 504", NULL);
    expect(b, WEFT_PROTO_TCP, "Window", "100", "raw 100 << 9 = 51200");
}

/* Sends `len` bytes at an offset from the first of the client; returns the notes. */
static uint32_t send_at(struct bench *b, uint32_t offset, uint32_t len)
{
    static const uint8_t zeros[100];

    dissect_segment(b, (struct sample_segment){.flags = SAMPLE_ACK,
                                               .window = 502,
                                               .seq = 0xffffff01 + offset,
                                               .ack = 8,
                                               .payload = zeros,
                                               .len = len});
    return b->d.tcp.notes & ~(uint32_t)(WEFT_SEGMENT_HTTP_BEGIN | WEFT_SEGMENT_HTTP_END);
}

static void retransmissions_are_told_from_overtaking(void **state)
{
    struct bench *b = *state;

    shake_hands(b);
    assert_int_equal(send_at(b, 0, 10), 0);
    assert_int_equal(send_at(b, 0, 10), WEFT_SEGMENT_RETRANSMISSION);
    assert_int_equal(send_at(b, 20, 10), WEFT_SEGMENT_GAP);
    b->s.now += 1000;
    assert_int_equal(send_at(b, 10, 10), WEFT_SEGMENT_REORDERED);
    assert_int_equal(send_at(b, 40, 10), WEFT_SEGMENT_GAP);
    b->s.now += 200000;
    assert_int_equal(send_at(b, 30, 10), WEFT_SEGMENT_RETRANSMISSION);
    assert_int_equal(send_at(b, 49, 1), WEFT_SEGMENT_KEEPALIVE);
    assert_string_equal(b->d.kind, "keepalive");
}

static void acks_are_told_apart(void **state)
{
    struct bench *b = *state;
    struct sample_segment ack = {
        .outgoing = true, .flags = SAMPLE_ACK, .window = 10, .seq = 8, .ack = 0xffffff01};

    shake_hands(b);
    dissect_segment(b, ack);
    assert_int_equal(b->d.tcp.notes, 0);
    dissect_segment(b, ack);
    assert_int_equal(b->d.tcp.notes, WEFT_SEGMENT_DUPLICATE_ACK);
    ack.window = 20;
    dissect_segment(b, ack);
    assert_int_equal(b->d.tcp.notes, WEFT_SEGMENT_WINDOW_UPDATE);
    ack.window = 30;
    ack.sack_right = 0xffffff01 + 20;
    ack.sack_left = 0xffffff01 + 10;
    dissect_segment(b, ack);
    assert_int_equal(b->d.tcp.notes, WEFT_SEGMENT_DUPLICATE_ACK);
    ack.window = 0;
    ack.sack_left = ack.sack_right;
    dissect_segment(b, ack);
    assert_int_equal(b->d.tcp.notes, WEFT_SEGMENT_ZERO_WINDOW);
}

static void a_new_syn_begins_a_new_conversation(void **state)
{
    struct bench *b = *state;

    shake_hands(b);
    assert_int_equal(b->d.tcp.flow, 1);
    dissect_segment(b, (struct sample_segment){.flags = SAMPLE_SYN, .window = 64240, .seq = 5555});
    assert_int_equal(b->d.tcp.flow, 2);
    dissect_segment(b, (struct sample_segment){.flags = SAMPLE_SYN, .window = 64240, .seq = 5555});
    assert_int_equal(b->d.tcp.flow, 2);
    assert_true(b->d.tcp.notes & WEFT_SEGMENT_RETRANSMISSION);
}

/* A table of 16 that sees a hundred conversations goes on, and knows the last. */
static void the_table_forgets_the_oldest(void **state)
{
    struct bench *b = *state;
    struct sample_segment segment = {.flags = SAMPLE_SYN, .window = 1};
    struct weft_frame frame = FRAME_OF(b->frame);

    for (unsigned i = 0; i < 100; i++) {
        frame.len = frame.wire_len = sample_build(&b->s, b->frame, &segment);
        put_be16(b->frame + 34, (uint16_t)(1000 + i));
        sample_transport_checksum(b->frame + 14, b->frame + 34, 40, 16);
        b->s.now++;
        dissect(b, frame);
        assert_int_equal(b->d.tcp.flow, i + 1);
    }
    dissect(b, frame);
    assert_int_equal(b->d.tcp.flow, 100);
}

static void http_is_shown_line_by_line(void **state)
{
    struct bench *b = *state;
    static const char request[] = "POST /a?b=\x1b[31m HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nabcd";

    shake_hands(b);
    dissect_segment(b, (struct sample_segment){.flags = SAMPLE_ACK,
                                               .window = 502,
                                               .seq = 0xffffff01,
                                               .ack = 8,
                                               .payload = (const uint8_t *)request,
                                               .len = sizeof(request) - 1});
    assert_int_equal(layer_of(b, WEFT_PROTO_DATA)->len,
                     sizeof(request) - 1); /* an escape character is no target */
    b->s.now++;
    static const char good[] = "POST /a HTTP/1.1\r\nHost: x\x1b[1m\r\nContent-Length: 4\r\n\r\nabcd";

    dissect_segment(b, (struct sample_segment){.flags = SAMPLE_ACK,
                                               .window = 502,
                                               .seq = 0xffffff01 + sizeof(request) - 1,
                                               .ack = 8,
                                               .payload = (const uint8_t *)good,
                                               .len = sizeof(good) - 1});
    assert_string_equal(b->d.kind, "HTTP request");
    assert_string_equal(b->d.summary, "POST /a HTTP/1.1");
    expect(b, WEFT_PROTO_HTTP, "method", "POST", NULL);
    expect(b, WEFT_PROTO_HTTP, "request-target", "/a", NULL);
    expect(b, WEFT_PROTO_HTTP, "Host", "x\\x1b[1m", NULL);
    expect(b, WEFT_PROTO_DATA, "HTTP content", "abcd", "bytes 1 to 4 of 4 of the request");
    assert_int_equal(b->d.tcp.notes, WEFT_SEGMENT_HTTP_BEGIN | WEFT_SEGMENT_HTTP_END);
    expect_place(b, WEFT_PROTO_HTTP, "Host", (54 + 12 + 18) * 8, 13 * 8);
}

/* --- Hostile frames ------------------------------------------------------------------------------ */

/* All frames that the tests know: the arrays, and segments of many kinds. Returns how many. */
static unsigned all_frames(struct weft_frame *frames)
{
    static const uint8_t head[] =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    static uint8_t kept[8][256];
    struct weft_frame known[] = FRAME_SAMPLES;
    unsigned count = sizeof(known) / sizeof(known[0]);
    struct sample s = {.now = WEFT_SEC};

    memcpy(frames, known, sizeof(known));
    for (unsigned i = 0; i < 8; i++) {
        struct sample_segment segment = {.outgoing = i & 1,
                                         .flags = (uint8_t)(i & 2 ? SAMPLE_SYN | SAMPLE_ACK : SAMPLE_ACK),
                                         .window = 99,
                                         .payload = head,
                                         .len = i & 4 ? sizeof(head) - 1 : 0,
                                         .sack_right = i & 2 ? 0 : 1000};
        struct weft_frame frame = FRAME_OF(kept[i]);

        frame.len = frame.wire_len = sample_build(&s, kept[i], &segment);
        frames[count++] = frame;
    }
    return count;
}

static void every_truncation_is_survived(void **state)
{
    struct bench *b = *state;
    struct weft_frame frames[32];
    unsigned count = all_frames(frames);

    for (unsigned i = 0; i < count; i++)
        for (uint32_t len = 0; len < frames[i].len; len++) {
            uint8_t *exact = malloc(len ? len : 1); /* so that a byte too far is found out */
            struct weft_frame frame = frames[i];

            memcpy(exact, frames[i].bytes, len);
            frame.bytes = exact;
            frame.len = len;
            dissect(b, frame); /* cut off by a capture */
            frame.wire_len = len;
            dissect(b, frame); /* really short */
            if (len < 14)
                assert_true(b->d.problems > 0);
            frame.type = WEFT_LINK_IP;
            dissect(b, frame);
            free(exact);
        }
}

static void mutations_are_survived(void **state)
{
    struct bench *b = *state;
    struct test_rng rng = test_rng_start("mutations_are_survived");
    struct weft_frame frames[32];
    unsigned count = all_frames(frames);

    for (unsigned round = 0; round < 20000; round++) {
        struct weft_frame frame = frames[test_rng_below(&rng, count)];
        uint32_t cut = test_rng_below(&rng, 4) ? frame.len : test_rng_below(&rng, frame.len + 1);
        uint8_t *exact = malloc(cut ? cut : 1);

        memcpy(exact, frame.bytes, cut);
        for (uint32_t flips = test_rng_below(&rng, 8); cut && flips > 0; flips--)
            exact[test_rng_below(&rng, cut)] = (uint8_t)test_rng_u32(&rng);
        frame.bytes = exact;
        frame.len = cut;
        frame.wire_len = test_rng_below(&rng, 3) ? cut : test_rng_u32(&rng) >> test_rng_below(&rng, 32);
        frame.type = test_rng_below(&rng, 8) ? WEFT_LINK_ETHERNET : WEFT_LINK_IP;
        b->s.now += test_rng_below(&rng, 100);
        if (frame.wire_len < frame.len)
            frame.wire_len = frame.len;
        dissect(b, frame);
        free(exact);
    }
}

static void noise_is_survived(void **state)
{
    struct bench *b = *state;
    struct test_rng rng = test_rng_start("noise_is_survived");

    for (unsigned round = 0; round < 5000; round++) {
        uint32_t len = test_rng_below(&rng, 300);
        uint8_t *exact = malloc(len ? len : 1);
        struct weft_frame frame = {.type = round & 1, .bytes = exact, .len = len, .wire_len = len};

        test_rng_bytes(&rng, exact, len);
        if (len > 24 && round % 3) {
            put_be16(exact + 12, round % 3 == 1 ? 0x0800 : 0x86dd);
            exact[14] = round % 3 == 1 ? 0x4f : 0x60;
            exact[23] = (uint8_t)(round % 5 ? 6 : 1);
        }
        dissect(b, frame);
        free(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_syn_is_named_as_in_the_rfc, set_up, tear_down),
        cmocka_unit_test_setup_teardown(fields_are_where_they_are, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_icmp_error_shows_what_it_quotes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tags_and_options_are_decoded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_fragment_is_not_taken_for_a_header, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_tcp_option_is_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(fast_open_is_known_by_both_kinds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_illegal_option_length_is_said, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_impossible_data_offset_is_said, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ip6_goes_through_its_extension_headers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_wrong_checksum_is_said_and_tells_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_partial_checksum_is_recognised, set_up, tear_down),
        cmocka_unit_test_setup_teardown(numbers_are_relative_and_windows_scaled, set_up, tear_down),
        cmocka_unit_test_setup_teardown(retransmissions_are_told_from_overtaking, set_up, tear_down),
        cmocka_unit_test_setup_teardown(acks_are_told_apart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_new_syn_begins_a_new_conversation, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_table_forgets_the_oldest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(http_is_shown_line_by_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_truncation_is_survived, set_up, tear_down),
        cmocka_unit_test_setup_teardown(mutations_are_survived, set_up, tear_down),
        cmocka_unit_test_setup_teardown(noise_is_survived, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
