/* SPDX-License-Identifier: MIT */
/*
 * A recording of an exchange as a server of ours would make it, frame by frame
 * and event by event: ARP, handshake, a POST in several segments, an answer of
 * 40 kB of which one segment is lost, and the close. Made without a stack, from
 * what the RFCs say, so that the inspector is not tested against itself.
 *
 * Owns    nothing: the recording belongs to the test.
 */
#ifndef WEFT_TESTS_INSPECT_SAMPLE_H
#define WEFT_TESTS_INSPECT_SAMPLE_H

#include "support.h"

#include <stdio.h>

#include <weft/inspect.h>
#include <weft/socket.h>
#include <weft/stats.h>

#include "base/bytes.h"

#define SAMPLE_MSS        1448u /* payload of a full segment with timestamps */
#define SAMPLE_BODY       40960u
#define SAMPLE_UPLOAD     4096u
#define SAMPLE_EPOCH      1760000000000000ull
#define SAMPLE_CLIENT_ISN 0xfffff000u /* the numbers wrap in the middle of the request */
#define SAMPLE_SERVER_ISN 0x1badcafeu

enum sample_flag {
    SAMPLE_FIN = 1,
    SAMPLE_SYN = 2,
    SAMPLE_RST = 4,
    SAMPLE_PSH = 8,
    SAMPLE_ACK = 16,
};

struct sample {
    struct weft_recording *recording;
    weft_time now;
    uint64_t ordinal[2]; /* in, out */
    uint16_t ip_id;
    uint32_t client_next, server_next; /* sequence numbers */
};

/* --- Bytes by hand ---------------------------------------------------------------------- */

static inline uint16_t sample_sum(const uint8_t *bytes, size_t len, uint32_t start)
{
    uint32_t sum = start;

    for (size_t i = 0; i + 1 < len; i += 2)
        sum += get_be16(bytes + i);
    if (len & 1)
        sum += (uint32_t)bytes[len - 1] << 8;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

static inline uint32_t sample_ethernet(uint8_t *frame, bool to_server, uint16_t type)
{
    static const uint8_t client[6] = {2, 0x5e, 0, 0, 0, 1}, server[6] = {2, 0x5e, 0, 0, 0, 2};

    memcpy(frame, to_server ? server : client, 6);
    memcpy(frame + 6, to_server ? client : server, 6);
    put_be16(frame + 12, type);
    return 14;
}

static inline void sample_ip4(uint8_t *ip, bool to_server, uint8_t proto, uint32_t payload, uint16_t id)
{
    memset(ip, 0, 20);
    ip[0] = 0x45;
    put_be16(ip + 2, (uint16_t)(20 + payload));
    put_be16(ip + 4, id);
    put_be16(ip + 6, 0x4000);
    ip[8] = 64;
    ip[9] = proto;
    put_be32(ip + 12, to_server ? 0x0a4d0001 : 0x0a4d0002);
    put_be32(ip + 16, to_server ? 0x0a4d0002 : 0x0a4d0001);
    put_be16(ip + 10, sample_sum(ip, 20, 0));
}

static inline void sample_transport_checksum(const uint8_t *ip, uint8_t *segment, uint32_t len,
                                             uint32_t offset)
{
    uint32_t pseudo = ip[9] + len;

    for (unsigned i = 12; i < 20; i += 2)
        pseudo += get_be16(ip + i);
    put_be16(segment + offset, 0);
    put_be16(segment + offset, sample_sum(segment, len, pseudo));
}

/* --- Frames and events ---------------------------------------------------------------------- */

static inline void sample_event(struct sample *s, unsigned event, uint32_t conn, uint64_t a0, uint64_t a1,
                                uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5)
{
    struct weft_trace_record record = {
        .time = s->now, .event = (uint16_t)event, .iface = 1, .conn = conn, .arg = {a0, a1, a2, a3, a4, a5}};

    assert_int_equal(weft_recording_add_events(s->recording, &record, 1), 0);
}

static inline void sample_frame(struct sample *s, bool outgoing, const uint8_t *bytes, uint32_t len)
{
    struct weft_frame frame = {.time = s->now,
                               .type = WEFT_LINK_ETHERNET,
                               .direction = outgoing ? WEFT_DIRECTION_OUT : WEFT_DIRECTION_IN,
                               .iface = 1,
                               .bytes = bytes,
                               .len = len,
                               .wire_len = len};

    assert_int_equal(weft_recording_add_frame(s->recording, &frame), 0);
    sample_event(s, outgoing ? WEFT_TRACE_FRAME_OUT : WEFT_TRACE_FRAME_IN, 0, ++s->ordinal[outgoing], len, 1,
                 0, 0, 0);
}

/* Options as Linux sends them in a SYN, or timestamps alone. Returns their length. */
static inline uint32_t sample_options(uint8_t *at, bool syn, uint8_t wscale, uint32_t tsval, uint32_t tsecr)
{
    static const uint8_t mss[] = {2, 4, 0x05, 0xb4, 4, 2};

    if (!syn) {
        at[0] = at[1] = 1;
        at += 2;
    } else {
        memcpy(at, mss, sizeof(mss));
        at += sizeof(mss);
    }
    at[0] = 8;
    at[1] = 10;
    put_be32(at + 2, tsval);
    put_be32(at + 6, tsecr);
    if (!syn)
        return 12;
    at[10] = 1;
    at[11] = 3;
    at[12] = 3;
    at[13] = wscale;
    return 20;
}

struct sample_segment {
    bool outgoing;
    uint8_t flags;
    uint16_t window;
    uint32_t seq, ack;
    const uint8_t *payload;
    uint32_t len;
    uint32_t sack_left, sack_right; /* equal: none */
};

/* Builds the frame; returns its length. `frame` has room for 1600 bytes. */
static inline uint32_t sample_build(struct sample *s, uint8_t *frame, const struct sample_segment *seg)
{
    bool to_server = !seg->outgoing;
    uint8_t *ip = frame + sample_ethernet(frame, to_server, 0x0800), *tcp = ip + 20;
    uint32_t ticks = (uint32_t)(s->now / 1000), header = 20;

    memset(tcp, 0, 60);
    header +=
        sample_options(tcp + 20, seg->flags & SAMPLE_SYN, to_server ? 7 : 9, ticks + (to_server ? 90000 : 0),
                       seg->flags & SAMPLE_ACK ? ticks + (to_server ? 0 : 90000) : 0);
    if (seg->sack_left != seg->sack_right) {
        tcp[header] = tcp[header + 1] = 1;
        tcp[header + 2] = 5;
        tcp[header + 3] = 10;
        put_be32(tcp + header + 4, seg->sack_left);
        put_be32(tcp + header + 8, seg->sack_right);
        header += 12;
    }
    put_be16(tcp, to_server ? 41312 : 80);
    put_be16(tcp + 2, to_server ? 80 : 41312);
    put_be32(tcp + 4, seg->seq);
    put_be32(tcp + 8, seg->ack);
    tcp[12] = (uint8_t)(header / 4 << 4);
    tcp[13] = seg->flags;
    put_be16(tcp + 14, seg->window);
    if (seg->len)
        memcpy(tcp + header, seg->payload, seg->len);
    sample_ip4(ip, to_server, 6, header + seg->len, s->ip_id++);
    sample_transport_checksum(ip, tcp, header + seg->len, 16);
    return 14 + 20 + header + seg->len;
}

static inline void sample_tcp(struct sample *s, const struct sample_segment *seg, unsigned why)
{
    uint8_t frame[1600];
    uint32_t len = sample_build(s, frame, seg);

    if (seg->outgoing)
        sample_event(s, WEFT_TRACE_TCP_OUT, 1, seg->seq, seg->ack, seg->flags, seg->len, seg->window, why);
    sample_frame(s, seg->outgoing, frame, len);
    if (!seg->outgoing)
        sample_event(s, WEFT_TRACE_TCP_IN, 1, seg->seq, seg->ack, seg->flags, seg->len, seg->window, 0);
}

/* --- The parts of the exchange ------------------------------------------------------------------ */

static inline void sample_arp(struct sample *s)
{
    uint8_t frame[60] = {0};
    static const uint8_t request[28] = {0,  1,  8, 0, 6, 4, 0, 1, 2, 0x5e, 0,  0,  0, 1,
                                        10, 77, 0, 1, 0, 0, 0, 0, 0, 0,    10, 77, 0, 2};
    static const uint8_t reply[28] = {0,  1,  8, 0, 6, 4,    0, 2, 2, 0x5e, 0,  0,  0, 2,
                                      10, 77, 0, 2, 2, 0x5e, 0, 0, 0, 1,    10, 77, 0, 1};

    sample_ethernet(frame, true, 0x0806);
    memset(frame, 0xff, 6);
    memcpy(frame + 14, request, sizeof(request));
    sample_frame(s, false, frame, sizeof(frame));
    sample_event(s, WEFT_TRACE_NEIGH_STATE, 0, 0, 0x0000ffff0a4d0001, WEFT_NEIGH_NONE, WEFT_NEIGH_STALE,
                 0x025e00000001, 0);
    sample_ethernet(frame, false, 0x0806);
    memcpy(frame + 14, reply, sizeof(reply));
    sample_frame(s, true, frame, 42);
}

/* A router solicitation of the kernel: what has nothing to do with the exchange. */
static inline void sample_background(struct sample *s)
{
    uint8_t frame[62] = {0x33, 0x33, 0,    0,    0, 2, 2, 0x5e, 0, 0,  0,
                         1,    0x86, 0xdd, 0x60, 0, 0, 0, 0,    8, 58, 255};
    uint32_t pseudo = 58 + 8;

    frame[22] = 0xfe;
    frame[23] = 0x80;
    frame[37] = 1;
    frame[38] = 0xff;
    frame[39] = 2;
    frame[53] = 2;
    frame[54] = 133;
    for (unsigned i = 22; i < 54; i += 2)
        pseudo += get_be16(frame + i);
    put_be16(frame + 56, sample_sum(frame + 54, 8, pseudo));
    sample_frame(s, false, frame, sizeof(frame));
    sample_event(s, WEFT_TRACE_DROP, 0, WEFT_DROP_ETH_TYPE, sizeof(frame), 0, 0, 0, 0);
}

static inline void sample_handshake(struct sample *s)
{
    sample_tcp(s, &(struct sample_segment){.flags = SAMPLE_SYN, .window = 64240, .seq = SAMPLE_CLIENT_ISN},
               0);
    sample_event(s, WEFT_TRACE_TCP_OPEN, 1, 0, 0x0000ffff0a4d0002, 0, 0x0000ffff0a4d0001, 80 << 16 | 41312,
                 1);
    sample_event(s, WEFT_TRACE_TCP_STATE, 1, WEFT_TCP_LISTEN, WEFT_TCP_SYN_RECEIVED, WEFT_CAUSE_SYN, 0, 0, 0);
    s->now += 14;
    sample_tcp(s,
               &(struct sample_segment){.outgoing = true,
                                        .flags = SAMPLE_SYN | SAMPLE_ACK,
                                        .window = 65535,
                                        .seq = SAMPLE_SERVER_ISN,
                                        .ack = SAMPLE_CLIENT_ISN + 1},
               WEFT_SENT_SYN_ACK);
    sample_event(s, WEFT_TRACE_TCP_TIMER_SET, 1, WEFT_TIMER_RTO, WEFT_SEC, 0, 0, 0, 0);
    s->now += 71;
    s->client_next = SAMPLE_CLIENT_ISN + 1;
    s->server_next = SAMPLE_SERVER_ISN + 1;
    sample_tcp(s,
               &(struct sample_segment){
                   .flags = SAMPLE_ACK, .window = 502, .seq = s->client_next, .ack = s->server_next},
               0);
    sample_event(s, WEFT_TRACE_TCP_TIMER_CANCEL, 1, WEFT_TIMER_RTO, 0, 0, 0, 0, 0);
    sample_event(s, WEFT_TRACE_TCP_RTT, 1, 71, 71, 35, 200000, 0, 0);
    sample_event(s, WEFT_TRACE_TCP_STATE, 1, WEFT_TCP_SYN_RECEIVED, WEFT_TCP_ESTABLISHED,
                 WEFT_CAUSE_ACK_OF_SYN, 0, 0, 0);
    sample_event(s, WEFT_TRACE_TCP_READY, 1, WEFT_WRITABLE, 0, 0, 0, 0, 0);
}

/* Text for a body, deterministic. */
static inline void sample_fill(uint8_t *to, uint32_t len, uint32_t seed)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (uint32_t i = 0; i < len; i++) {
        seed = seed * 1664525 + 1013904223;
        to[i] = (uint8_t)alphabet[seed >> 26];
    }
}

static inline void sample_ack(struct sample *s, unsigned why)
{
    sample_tcp(s,
               &(struct sample_segment){.outgoing = true,
                                        .flags = SAMPLE_ACK,
                                        .window = 8192,
                                        .seq = s->server_next,
                                        .ack = s->client_next},
               why);
}

static inline void sample_request_segment(struct sample *s, const uint8_t *at, uint32_t len, bool last)
{
    struct sample_segment seg = {.flags = (uint8_t)(SAMPLE_ACK | (last ? SAMPLE_PSH : 0)),
                                 .window = 502,
                                 .seq = s->client_next,
                                 .ack = s->server_next,
                                 .payload = at,
                                 .len = len};

    s->now += 9;
    sample_tcp(s, &seg, 0);
    s->client_next += len;
    sample_event(s, WEFT_TRACE_TCP_RCV, 1, s->client_next, 4194304 - len, 0, len, 0, 0);
    sample_event(s, WEFT_TRACE_TCP_READY, 1, WEFT_READABLE, 0, 0, 0, 0, 0);
}

/* The POST with a JSON body; returns its length. Ends with a delayed ACK. */
static inline uint32_t sample_request(struct sample *s)
{
    static uint8_t request[SAMPLE_UPLOAD + 512];
    int head = snprintf((char *)request, 400,
                        "POST /meme HTTP/1.1\r\nHost: 10.77.0.2\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\n"
                        "Content-Type: application/json\r\nContent-Length: %u\r\n\r\n",
                        SAMPLE_UPLOAD);
    uint32_t len = (uint32_t)head + SAMPLE_UPLOAD;
    int body = snprintf((char *)request + head, 100, "{\"topText\": \"ONE DOES NOT SIMPLY\", \"image\": \"");
    unsigned count = 0;

    sample_fill(request + head + body, len - (uint32_t)(head + body) - 2, 7);
    memcpy(request + len - 2, "\"}", 2);
    s->now += 120;
    for (uint32_t at = 0; at < len; count++) {
        uint32_t step = len - at < SAMPLE_MSS ? len - at : SAMPLE_MSS;

        sample_request_segment(s, request + at, step, at + step == len);
        at += step;
        if (count % 2 == 0) {
            sample_event(s, WEFT_TRACE_TCP_TIMER_SET, 1, WEFT_TIMER_DELACK, 40000, 0, 0, 0, 0);
        } else {
            s->now += 3;
            sample_event(s, WEFT_TRACE_TCP_READ, 1, 2 * SAMPLE_MSS, 0, 0, 0, 0, 0);
            sample_ack(s, WEFT_SENT_ACK_SECOND);
            sample_event(s, WEFT_TRACE_TCP_TIMER_CANCEL, 1, WEFT_TIMER_DELACK, 0, 0, 0, 0, 0);
        }
    }
    s->now += 5;
    sample_event(s, WEFT_TRACE_TCP_READ, 1, SAMPLE_MSS, 0, 0, 0, 0, 0);
    if (count % 2 == 1) {
        s->now += 40000;
        sample_event(s, WEFT_TRACE_TCP_TIMER_FIRED, 1, WEFT_TIMER_DELACK, 0, 0, 0, 0, 0);
        sample_ack(s, WEFT_SENT_ACK_DELAYED);
    }
    return len;
}

static inline void sample_client_ack(struct sample *s, uint32_t ack, uint32_t sack_left, uint32_t sack_right)
{
    s->now += 20;
    sample_tcp(s,
               &(struct sample_segment){.flags = SAMPLE_ACK,
                                        .window = 900,
                                        .seq = s->client_next,
                                        .ack = ack,
                                        .sack_left = sack_left,
                                        .sack_right = sack_right},
               0);
}

static inline void sample_data(struct sample *s, const uint8_t *all, uint32_t at, uint32_t len,
                               uint32_t total, unsigned why)
{
    s->now += 2;
    sample_tcp(s,
               &(struct sample_segment){.outgoing = true,
                                        .flags = (uint8_t)(SAMPLE_ACK | (at + len == total ? SAMPLE_PSH : 0)),
                                        .window = 8192,
                                        .seq = s->server_next + at,
                                        .ack = s->client_next,
                                        .payload = all + at,
                                        .len = len},
               why);
}

/* The answer; its 12th segment is lost and sent again. Returns its length. */
static inline uint32_t sample_response(struct sample *s)
{
    static uint8_t response[SAMPLE_BODY + 512];
    int head =
        snprintf((char *)response, 400,
                 "HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: %u\r\nServer: weft\r\n\r\n",
                 SAMPLE_BODY);
    uint32_t len = (uint32_t)head + SAMPLE_BODY, lost = 11 * SAMPLE_MSS, acked = 0;
    unsigned count = 0;

    sample_fill(response + head, SAMPLE_BODY, 99);
    memcpy(response + head, "\xff\xd8\xff\xe0", 4);
    s->now += 2100;
    sample_event(s, WEFT_TRACE_TCP_WRITE, 1, len, len, 0, 0, 0, 0);
    for (uint32_t at = 0; at < len; at += SAMPLE_MSS) {
        uint32_t step = len - at < SAMPLE_MSS ? len - at : SAMPLE_MSS;

        sample_data(s, response, at, step, len, WEFT_SENT_DATA);
        if (at == 0)
            sample_event(s, WEFT_TRACE_TCP_TIMER_SET, 1, WEFT_TIMER_RTO, 200000, 0, 0, 0, 0);
        if (++count % 2 || at <= lost)
            if (count % 2)
                continue;
        if (at + step <= lost) {
            acked = at + step;
            sample_client_ack(s, s->server_next + acked, 0, 0);
            sample_event(s, WEFT_TRACE_TCP_SND, 1, s->server_next + acked, s->server_next + at + step, 64256,
                         14480 + at, 0x7fffffff, at + step - acked);
            sample_event(s, WEFT_TRACE_TCP_TIMER_SET, 1, WEFT_TIMER_RTO, 200000, 0, 0, 0, 0);
        } else if (at > lost) {
            sample_client_ack(s, s->server_next + lost, s->server_next + lost + SAMPLE_MSS,
                              s->server_next + at + step);
            acked = lost;
        }
    }
    sample_event(s, WEFT_TRACE_TCP_LOST, 1, s->server_next + lost, SAMPLE_MSS, WEFT_CAUSE_RACK, 0, 0, 0);
    sample_event(s, WEFT_TRACE_TCP_CWND, 1, 10136, 10136, WEFT_CAUSE_RECOVERY, 0, 0, 0);
    sample_data(s, response, lost, SAMPLE_MSS, len, WEFT_SENT_RETRANSMIT);
    sample_client_ack(s, s->server_next + len, 0, 0);
    sample_event(s, WEFT_TRACE_TCP_CWND, 1, 10136, 10136, WEFT_CAUSE_RECOVERED, 0, 0, 0);
    sample_event(s, WEFT_TRACE_TCP_TIMER_CANCEL, 1, WEFT_TIMER_RTO, 0, 0, 0, 0, 0);
    s->server_next += len;
    return len;
}

static inline void sample_close(struct sample *s)
{
    s->now += 310;
    sample_tcp(
        s,
        &(struct sample_segment){
            .flags = SAMPLE_FIN | SAMPLE_ACK, .window = 900, .seq = s->client_next, .ack = s->server_next},
        0);
    s->client_next++;
    sample_event(s, WEFT_TRACE_TCP_STATE, 1, WEFT_TCP_ESTABLISHED, WEFT_TCP_CLOSE_WAIT, WEFT_CAUSE_FIN, 0, 0,
                 0);
    sample_event(s, WEFT_TRACE_TCP_READY, 1, WEFT_READABLE | WEFT_PEER_CLOSED, 0, 0, 0, 0, 0);
    s->now += 8;
    sample_event(s, WEFT_TRACE_TCP_CALL, 1, WEFT_CALL_CLOSE, 0, 0, 0, 0, 0);
    sample_event(s, WEFT_TRACE_TCP_STATE, 1, WEFT_TCP_CLOSE_WAIT, WEFT_TCP_LAST_ACK, WEFT_CAUSE_CALL_CLOSE, 0,
                 0, 0);
    sample_tcp(s,
               &(struct sample_segment){.outgoing = true,
                                        .flags = SAMPLE_FIN | SAMPLE_ACK,
                                        .window = 8192,
                                        .seq = s->server_next,
                                        .ack = s->client_next},
               WEFT_SENT_FIN);
    sample_event(s, WEFT_TRACE_TCP_TIMER_SET, 1, WEFT_TIMER_RTO, 200000, 0, 0, 0, 0);
    s->server_next++;
    s->now += 44;
    sample_tcp(s,
               &(struct sample_segment){
                   .flags = SAMPLE_ACK, .window = 900, .seq = s->client_next, .ack = s->server_next},
               0);
    sample_event(s, WEFT_TRACE_TCP_TIMER_CANCEL, 1, WEFT_TIMER_RTO, 0, 0, 0, 0, 0);
    sample_event(s, WEFT_TRACE_TCP_STATE, 1, WEFT_TCP_LAST_ACK, WEFT_TCP_CLOSED, WEFT_CAUSE_ACK_OF_FIN, 0, 0,
                 0);
}

/* The whole exchange. To be freed by weft_recording_free. */
static inline struct weft_recording *sample_recording(void)
{
    struct weft_recording_config config = {.epoch = SAMPLE_EPOCH};
    struct sample s = {.now = 5 * WEFT_SEC, .ip_id = 0x1c46};

    assert_int_equal(weft_recording_new(&config, &s.recording), 0);
    sample_background(&s);
    s.now += 400;
    sample_arp(&s);
    s.now += 60;
    sample_handshake(&s);
    (void)sample_request(&s);
    (void)sample_response(&s);
    sample_close(&s);
    return s.recording;
}

#endif
