/* SPDX-License-Identifier: MIT */
/*
 * The raw peer of one stack: a test writes each segment that comes in and
 * expects each that goes out, in virtual time, so that it reads like a packet
 * trace:
 *
 *     struct tcp_peer *t = tcp_peer_established(NULL);
 *
 *     we_write(t, 100);
 *     we_send(t, "PA", 1, 1, 100);
 *     silence(t, 1200 * WEFT_MSEC);        nothing goes out before that
 *     we_send(t, "PA", 1, 1, 100);         but then the same again
 *     peer_sends(t, "A", 1, 101, 0);
 *     tcp_peer_end(t);
 *
 * "We" are the stack, 10.0.0.1; the peer, 10.0.0.2, is the test. Sequence
 * numbers are relative: the SYN of each side is 0, its first byte 1. Both sides'
 * true numbers wrap soon after they begin, and so does the peer's timestamp
 * clock. Every byte of payload is made from its true sequence number, so what
 * arrives where is always checked.
 *
 * Whatever the stack sends is also held against rules that no TCP may break:
 * checksums, no bytes but those written, nothing beyond the peer's window, no
 * acknowledgement of what was not sent, no right edge of a window that moves
 * left, no timestamp that goes back. A test that plays more than one connection sets `loose`.
 *
 * The stack runs with config.tcp.check, and a test ends by seeing that the pool
 * got everything back.
 *
 * Owns    nothing. Everything here is static inline, so that a test is one file.
 */
#ifndef WEFT_TESTS_TCP_PEER_H
#define WEFT_TESTS_TCP_PEER_H

#include "check_support.h"

#include <stdio.h>

#include <weft/socket.h>

#include "base/checksum.h"
#include "socket/socket.h"
#include "tcp/tcb.h"
#include "wire/icmp4.h"
#include "wire/ip4.h"
#include "wire/tcp.h"

#define TP_SERVER_PORT 80
#define TP_CLIENT_PORT 40000
#define TP_ISS         0xfffff800u /* 2048 numbers before they wrap */
#define TP_IRS         0xfffffc00u
#define TP_TSVAL       0xffffff80u /* the peer's timestamp clock when it begins: wraps after 128 ms */
#define TP_SEGS        8192
#define TP_LOG         14
#define TP_MAX_DATA    65000u

/* The congestion control, where a test does not choose another: one that counts on Reno's numbers says so before it
 * includes this. */
#ifndef TP_CONGESTION
#define TP_CONGESTION NULL
#endif

static const struct weft_addr tp_us = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1}};
static const struct weft_addr tp_peer = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 2}};

/* How a connection begins; all zero is a peer with MSS 1000, a window of 65535 and no other option. */
struct tcp_peer_setup {
    struct weft_tcp_config tcp;
    struct weft_pool_config pool; /* zeros: 4096, 4096 and 256 */
    uint32_t caps;                /* of the link */
    uint32_t mtu;                 /* 0: 1500 */
    uint32_t tx_queue;
    bool accepts;                  /* we are the server */
    bool tuned;                    /* our buffers are tuned, else they are of full size */
    bool paced;                    /* our data leaves at a rate, else in bursts */
    bool sack, timestamps, wscale; /* the peer's SYN has the option */
    uint8_t shift;                 /* of its windows */
    uint16_t mss;                  /* 0: 1000 */
    uint16_t window;               /* of the peer; 0: 65535 */
    bool window_is_zero;
    void (*prepare)(struct weft_sock *sock); /* options, before listen or connect */
};

/* A segment that we have sent. */
struct tp_seg {
    weft_time when;
    struct wire_ip4 ip;
    struct wire_tcp tcp;
    struct wire_tcp_opts opts;
    uint8_t option_bytes[40];
    uint32_t seq, ack; /* relative */
    uint32_t len;
    uint16_t gso_segs;
};

struct tcp_peer {
    struct tcp_peer_setup setup;
    struct weft_stack *stack;
    struct weft_pool *pool;
    struct weft_sock *sock, *listener;
    int iface;
    weft_time now;
    uint16_t our_port, peer_port;
    struct weft_addr peer_addr;
    struct weft_addr our_addr; /* that the peer's segments go to */
    uint32_t iss, irs;
    uint32_t write_seq, read_seq; /* true numbers of the next byte that we write and read */

    uint16_t window;    /* field of the peer's segments */
    uint16_t urgent;    /* pointer of the peer's segments */
    uint8_t tos;        /* of the peer's packets, with the ECN bits */
    bool window_scaled; /* ours, since the handshake */
    uint8_t our_shift;
    bool has_timestamps;
    uint32_t ts_offset; /* added to the peer's clock: a test may go back in time */
    uint32_t tsecr;     /* the last TSval of ours: what the peer echoes */
    bool garbage;       /* payload of the peer's that must never be read */
    bool batch;         /* peer_sends only hands over; the next step answers all */
    bool link_is_full;  /* nothing is taken from the transmit queue */

    struct test_check wire; /* the wire checker, near us */
    /* When set, the peer's segments carry an MD5 option, whose 16 bytes this fills in, and each of ours is shown
     * to it: `bytes` are the TCP segment. */
    void (*sign)(const struct tcp_peer *t, uint8_t *bytes, uint32_t header_len, uint32_t total);
    void (*verify)(struct tcp_peer *t, const uint8_t *bytes, uint32_t header_len, uint32_t total);
    bool signs_ao; /* the option is AO instead, with these two numbers: */
    uint8_t ao_key_id, ao_rnext_id;

    bool may_be_cut; /* packets of ours may be without DF */
    bool loose;      /* rules of a single connection are not checked */
    bool has_edge;
    uint32_t edge;      /* of the window that we offered, true */
    uint32_t peer_edge; /* of the window that the peer offered, true */
    uint32_t peer_sent; /* the highest that it has sent */
    uint32_t last_tsval;
    bool has_tsval;
    uint32_t peer_una; /* relative: what we have acknowledged last */

    struct tp_seg *segs; /* TP_SEGS of them */
    unsigned first, count;
    struct tp_seg last; /* that we_send has taken */

    unsigned heard, listener_heard; /* events since the test last asked */
    unsigned state;                 /* as the trace says */
    uint64_t trace_at;
    char log[TP_LOG][128];
    unsigned logged;
};

/* --- Saying what went wrong ------------------------------------------------------------ */

static inline const char *tp_flags_text(unsigned flags, char text[12])
{
    unsigned n = 0;

    for (unsigned i = 0; i < 8; i++)
        if (flags & 1u << i)
            text[n++] = "FSRPAUEC"[i];
    text[n] = 0;
    return text;
}

static inline unsigned tp_flags_of(const char *text)
{
    unsigned flags = 0;

    for (; *text; text++)
        flags |= 1u << (unsigned)(strchr("FSRPAUEC", *text) - "FSRPAUEC");
    return flags;
}

static inline void tp_log(struct tcp_peer *t, bool out, unsigned flags, uint32_t seq, uint32_t ack,
                          uint32_t len, unsigned window, const struct wire_tcp_opts *opts)
{
    char text[12];
    char *to = t->log[t->logged++ % TP_LOG];
    int n =
        snprintf(to, 128, "%13.6f %s %-3s seq %d ack %d len %u win %u", (double)t->now / 1e6,
                 out ? "we  " : "peer", tp_flags_text(flags, text), (int32_t)seq, (int32_t)ack, len, window);

    for (unsigned i = 0; i < opts->nsacks && n < 100; i++)
        n += snprintf(to + n, 128 - (size_t)n, " sack %d-%d",
                      (int32_t)(opts->sack[i].left - (out ? t->irs : t->iss)),
                      (int32_t)(opts->sack[i].right - (out ? t->irs : t->iss)));
}

static inline void tp_fail(struct tcp_peer *t, const char *what, const char *file, int line)
{
    unsigned first = t->logged > TP_LOG ? t->logged - TP_LOG : 0;

    for (unsigned i = first; i < t->logged; i++)
        print_error("    %s\n", t->log[i % TP_LOG]);
    print_error("%s at %.6f, state %s\n", what, (double)t->now / 1e6, weft_tcp_state_name(t->state));
    _fail(file, line);
}

#define TP_CHECK(t, cond)                                                                                    \
    do {                                                                                                     \
        if (!(cond))                                                                                         \
            tp_fail(t, #cond, __FILE__, __LINE__);                                                           \
    } while (0)

/* --- What we send ------------------------------------------------------------------------- */

static inline uint8_t tp_byte(uint32_t seq)
{
    return (uint8_t)(seq * 2654435761u >> 24);
}

static inline void tp_check_rules(struct tcp_peer *t, const struct tp_seg *seg, const uint8_t *data)
{
    uint32_t seq = seg->tcp.seq, window = seg->tcp.window;
    uint32_t first = seq + ((seg->tcp.flags & WIRE_TCP_SYN) != 0); /* the SYN's own number has no byte */

    for (uint32_t i = 0; i < seg->len; i++)
        TP_CHECK(t, data[i] == tp_byte(first + i));
    if (t->loose || (seg->tcp.flags & WIRE_TCP_RST))
        return;
    if (seg->len > 0) {
        TP_CHECK(t, (int32_t)(t->write_seq - (seq + seg->len)) >= 0);
        TP_CHECK(t, (int32_t)(t->peer_edge - (seq + seg->len)) >= 0);
    }
    if (seg->tcp.flags & WIRE_TCP_ACK) {
        uint32_t edge = seg->tcp.ack + (seg->tcp.flags & WIRE_TCP_SYN ? window : window << t->our_shift);

        TP_CHECK(t, (int32_t)(t->peer_sent - seg->tcp.ack) >= 0);
        TP_CHECK(t, !t->has_edge || (int32_t)(edge - t->edge) >= 0);
        t->edge = edge;
        t->has_edge = true;
    }
    if (seg->opts.has_timestamps) {
        TP_CHECK(t, !t->has_tsval || (int32_t)(seg->opts.tsval - t->last_tsval) >= 0);
        t->last_tsval = seg->opts.tsval;
        t->has_tsval = true;
    }
}

/* The wire checker sees a packet. */
static inline void tp_watch(struct tcp_peer *t, bool out, const uint8_t *bytes, uint32_t len)
{
    struct weft_frame frame = {
        .time = t->now,
        .type = WEFT_LINK_IP,
        .direction = out ? WEFT_DIRECTION_OUT : WEFT_DIRECTION_IN,
        .bytes = bytes,
        .len = len,
        .wire_len = len,
    };

    weft_check_frame(t->wire.check, &frame);
    if (t->wire.found)
        tp_fail(t, t->wire.complaint, __FILE__, __LINE__);
}

/* Takes `pkt`. */
static inline void tp_note(struct tcp_peer *t, struct weft_pkt *pkt)
{
    static uint8_t bytes[WEFT_PKT_MAX];
    struct tp_seg seg = {.when = t->now, .gso_segs = pkt->gso_segs};
    uint32_t total = pkt->total_len;
    struct cursor c;

    weft_pkt_finish_checksum(pkt);
    weft_pkt_copy_out(pkt, 0, bytes, total);
    weft_pkt_free(pkt);
    c = cursor_of(bytes, total);
    TP_CHECK(t, wire_ip4_parse(&c, total, &seg.ip) == WIRE_IP4_OK);
    TP_CHECK(t, wire_ip4_checksum_ok(bytes, seg.ip.header_len) && seg.ip.total_len == total);
    TP_CHECK(t, seg.ip.proto == WIRE_PROTO_TCP && weft_addr_eq(&seg.ip.src, &tp_us));
    TP_CHECK(t, (seg.ip.flags & WIRE_IP4_DF) || t->may_be_cut); /* RFC 1191 6.1 */
    uint64_t sum = checksum_pseudo(&seg.ip.src, &seg.ip.dst, WIRE_PROTO_TCP, total - seg.ip.header_len);
    sum += checksum_sum(bytes + seg.ip.header_len, total - seg.ip.header_len);
    TP_CHECK(t, checksum_fold(sum) == 0xffff); /* MUST-2 */
    TP_CHECK(t, wire_tcp_parse(&c, &seg.tcp));
    TP_CHECK(t, wire_tcp_opts_parse(seg.tcp.options, seg.tcp.header_len - 20u, &seg.opts));
    memcpy(seg.option_bytes, bytes + seg.ip.header_len + 20, seg.tcp.header_len - 20u);
    seg.tcp.options = NULL;
    seg.len = total - seg.ip.header_len - seg.tcp.header_len;
    if ((seg.tcp.flags & WIRE_TCP_SYN) && t->iss != seg.tcp.seq && !t->loose) {
        t->iss = seg.tcp.seq;
        t->write_seq = t->iss + 1;
        t->has_edge = t->has_tsval = false;
    }
    seg.seq = seg.tcp.seq - t->iss;
    seg.ack = seg.tcp.flags & WIRE_TCP_ACK ? seg.tcp.ack - t->irs : 0;
    if (seg.tcp.flags & WIRE_TCP_ACK)
        t->peer_una = seg.ack;
    tp_log(t, true, seg.tcp.flags, seg.seq, seg.ack, seg.len, seg.tcp.window, &seg.opts);
    tp_watch(t, true, bytes, total);
    tp_check_rules(t, &seg, bytes + seg.ip.header_len + seg.tcp.header_len);
    if (t->verify)
        t->verify(t, bytes + seg.ip.header_len, seg.tcp.header_len, total - seg.ip.header_len);
    if (seg.opts.has_timestamps)
        t->tsecr = seg.opts.tsval;
    TP_CHECK(t, t->count < TP_SEGS);
    t->segs[(t->first + t->count++) % TP_SEGS] = seg;
}

static inline void tp_read_trace(struct tcp_peer *t)
{
    struct weft_trace_record records[64];
    uint64_t lost = 0;
    unsigned n;

    while ((n = weft_trace_read(t->stack, &t->trace_at, records, 64, &lost)) > 0)
        for (unsigned i = 0; i < n; i++)
            if (records[i].event == WEFT_TRACE_TCP_STATE)
                t->state = (unsigned)records[i].arg[1];
}

static inline void tp_take_events(struct tcp_peer *t)
{
    struct weft_sock *sock;
    unsigned events;

    while ((sock = weft_ready_next(t->stack, &events)) != NULL) {
        if (sock == t->sock)
            t->heard |= events;
        else if (sock == t->listener)
            t->listener_heard |= events;
    }
}

/* The stack does what is to be done at this moment. */
static inline void tp_step(struct tcp_peer *t)
{
    struct weft_pkt *pkt;

    weft_step(t->stack, t->now);
    tp_take_events(t);
    while (!t->link_is_full && (pkt = weft_pktq_pop(weft_output(t->stack, t->iface))) != NULL)
        tp_note(t, pkt);
    tp_read_trace(t);
}

/* Lets time pass; what falls due on the way happens at its moment. */
static inline void after(struct tcp_peer *t, weft_time time)
{
    weft_time end = t->now + time;
    unsigned spins = 0;

    for (;;) {
        weft_time next = weft_deadline(t->stack);

        if (next > end)
            break;
        TP_CHECK(t, next > t->now || spins < 100);
        spins = next > t->now ? 0 : spins + 1;
        t->now = next > t->now ? next : t->now;
        tp_step(t);
    }
    t->now = end;
    tp_step(t);
}

/* Takes the next segment that we have sent, which must be exactly this one. */
static inline void tp_expect(struct tcp_peer *t, const char *flags, uint32_t seq, uint32_t ack, uint32_t len,
                             const char *file, int line)
{
    char text[12], what[160];

    if (t->count == 0) {
        snprintf(what, sizeof(what), "expected %s seq %d ack %d len %u, but nothing was sent", flags,
                 (int32_t)seq, (int32_t)ack, len);
        tp_fail(t, what, file, line);
    }
    t->last = t->segs[t->first];
    t->first = (t->first + 1) % TP_SEGS;
    t->count--;
    if (t->last.tcp.flags == tp_flags_of(flags) && t->last.seq == seq && t->last.ack == ack &&
        t->last.len == len)
        return;
    snprintf(what, sizeof(what), "expected %s seq %d ack %d len %u, got %s seq %d ack %d len %u", flags,
             (int32_t)seq, (int32_t)ack, len, tp_flags_text(t->last.tcp.flags, text), (int32_t)t->last.seq,
             (int32_t)t->last.ack, t->last.len);
    tp_fail(t, what, file, line);
}

#define we_send(t, flags, seq, ack, len)                                                                     \
    tp_expect(t, flags, (uint32_t)(seq), (uint32_t)(ack), len, __FILE__, __LINE__)

static inline void tp_expect_nothing(struct tcp_peer *t, const char *file, int line)
{
    if (t->count > 0)
        tp_fail(t, "something was sent that was not expected", file, line);
}

#define we_send_nothing(t) tp_expect_nothing(t, __FILE__, __LINE__)

/* `time` passes, and nothing is sent before its very end. */
#define silence(t, time)                                                                                     \
    do {                                                                                                     \
        we_send_nothing(t);                                                                                  \
        after(t, (time)-1);                                                                                  \
        we_send_nothing(t);                                                                                  \
        after(t, 1);                                                                                         \
    } while (0)

/* Passes over the next segment that we have sent. */
static inline void tp_pass(struct tcp_peer *t)
{
    t->first = (t->first + 1) % TP_SEGS;
    t->count--;
}

/* Throws away what has been sent and is of no interest. */
static inline void ignore_sent(struct tcp_peer *t)
{
    t->first = t->count = 0;
}

/* --- What the peer sends --------------------------------------------------------------------- */

/* An IP packet with this payload behind its header comes in. */
static inline void tp_input(struct tcp_peer *t, uint8_t proto, const uint8_t *payload, uint32_t len)
{
    struct wire_ip4 ip = {.total_len = (uint16_t)(WIRE_IP4_LEN + len), .ttl = 64, .proto = proto};
    struct weft_pkt *pkt = weft_pkt_new_rx(t->pool, 64);
    struct weft_pktq batch = {0};
    static uint8_t bytes[WEFT_PKT_MAX];
    struct writer w = writer_of(bytes, WIRE_IP4_LEN);
    uint32_t linear = len < 1900 ? len : 100;

    if (!pkt)
        return; /* as on a card without buffers */
    ip.src = t->peer_addr;
    ip.dst = t->our_addr;
    ip.tos = t->tos;
    wire_ip4_emit(&ip, 0, &w);
    memcpy(bytes + WIRE_IP4_LEN, payload, len);
    tp_watch(t, false, bytes, WIRE_IP4_LEN + len);
    memcpy(weft_pkt_put(pkt, WIRE_IP4_LEN), bytes, WIRE_IP4_LEN);
    memcpy(weft_pkt_put(pkt, linear), payload, linear);
    for (uint32_t at = linear; at < len;) {
        uint32_t n = len - at < WEFT_BLOCK_LARGE ? len - at : WEFT_BLOCK_LARGE;
        struct weft_block *block = weft_block_new(t->pool, WEFT_BLOCK_LARGE);

        if (!block) {
            weft_pkt_free(pkt);
            return;
        }
        memcpy(block->data, payload + at, n);
        assert_true(weft_pkt_add_slice(pkt, block, 0, n));
        weft_block_unref(block);
        at += n;
    }
    weft_pktq_push(&batch, pkt);
    weft_input(t->stack, t->iface, &batch, t->now);
    if (!t->batch)
        tp_step(t);
}

/* Header, option bytes as they are, pattern. `header` has true numbers and no checksum yet. */
static inline void tp_input_tcp(struct tcp_peer *t, struct wire_tcp *header, const uint8_t *options,
                                uint32_t len)
{
    static uint8_t bytes[WEFT_PKT_MAX];
    uint32_t opts_len = header->header_len - 20u;
    struct writer w = writer_of(bytes, sizeof(bytes));
    uint32_t total = header->header_len + len;
    uint32_t first = header->seq + ((header->flags & WIRE_TCP_SYN) != 0);

    header->checksum = 0;
    wire_tcp_emit(header, &w);
    writer_bytes(&w, options, opts_len);
    for (uint32_t i = 0; i < len; i++)
        bytes[header->header_len + i] = t->garbage ? (uint8_t)~tp_byte(first + i) : tp_byte(first + i);
    if (t->sign)
        t->sign(t, bytes, header->header_len, total);
    uint64_t sum = checksum_pseudo(&t->peer_addr, &t->our_addr, WIRE_PROTO_TCP, total);
    put_be16(bytes + WIRE_TCP_CHECKSUM_OFFSET, checksum_finish(sum + checksum_sum(bytes, total)));
    tp_input(t, WIRE_PROTO_TCP, bytes, total);
}

static inline uint32_t tp_peer_clock(const struct tcp_peer *t)
{
    return TP_TSVAL + (uint32_t)(t->now / WEFT_MSEC) + t->ts_offset;
}

/* One segment with these options besides timestamps, which are put in when agreed on. */
static inline void tp_send(struct tcp_peer *t, const char *flags, uint32_t seq, uint32_t ack, uint32_t len,
                           const struct wire_tcp_opts *given)
{
    struct wire_tcp_opts opts = given ? *given : (struct wire_tcp_opts){0};
    struct wire_tcp header = {.src_port = t->peer_port, .dst_port = t->our_port, .window = t->window};
    uint8_t bytes[40];
    struct writer w = writer_of(bytes, sizeof(bytes));

    header.flags = (uint16_t)tp_flags_of(flags);
    header.seq = t->irs + seq;
    header.ack = header.flags & WIRE_TCP_ACK ? t->iss + ack : 0;
    header.urgent = t->urgent;
    if (t->has_timestamps && !opts.has_timestamps && !(header.flags & WIRE_TCP_RST)) {
        opts.has_timestamps = true;
        opts.tsval = tp_peer_clock(t);
        opts.tsecr = header.flags & WIRE_TCP_ACK ? t->tsecr : 0;
    }
    uint8_t ao[TCP_AO_CONTENT] = {t->ao_key_id, t->ao_rnext_id};

    opts.has_md5 = t->sign && !t->signs_ao;
    opts.md5 = tcp_md5_placeholder;
    if (t->signs_ao) {
        opts.has_ao = true;
        opts.ao = ao;
        opts.ao_len = sizeof(ao);
    }
    wire_tcp_opts_emit(&opts, &w);
    header.header_len = (uint8_t)(WIRE_TCP_LEN + wire_tcp_opts_len(&opts));
    tp_log(t, false, header.flags, seq, ack, len, t->window, &opts);
    uint32_t end =
        header.seq + len + ((header.flags & WIRE_TCP_SYN) != 0) + ((header.flags & WIRE_TCP_FIN) != 0);
    uint32_t edge = header.ack + (header.flags & WIRE_TCP_SYN || !t->window_scaled
                                      ? t->window
                                      : (uint32_t)t->window << t->setup.shift);
    if ((int32_t)(end - t->peer_sent) > 0)
        t->peer_sent = end;
    if ((header.flags & WIRE_TCP_ACK) && (int32_t)(edge - t->peer_edge) > 0)
        t->peer_edge = edge;
    tp_input_tcp(t, &header, bytes, len);
}

static inline void peer_sends(struct tcp_peer *t, const char *flags, uint32_t seq, uint32_t ack, uint32_t len)
{
    tp_send(t, flags, seq, ack, len, NULL);
}

/* The same with SACK blocks: pairs of relative numbers of ours. */
static inline void tp_send_sacks(struct tcp_peer *t, uint32_t seq, uint32_t ack, const uint32_t *pairs,
                                 size_t n)
{
    struct wire_tcp_opts opts = {.nsacks = (uint8_t)(n / 2)};

    for (size_t i = 0; i < n / 2; i++)
        opts.sack[i] = (struct wire_tcp_sack){t->iss + pairs[2 * i], t->iss + pairs[2 * i + 1]};
    tp_send(t, "A", seq, ack, 0, &opts);
}

#define peer_sacks(t, seq, ack, ...)                                                                         \
    tp_send_sacks(t, seq, ack, (const uint32_t[]){__VA_ARGS__}, sizeof((const uint32_t[]){__VA_ARGS__}) / 4)

/* What the peer's SYN says. */
static inline struct wire_tcp_opts tp_syn_options(const struct tcp_peer *t)
{
    return (struct wire_tcp_opts){
        .has_mss = true,
        .mss = t->setup.mss ? t->setup.mss : 1000,
        .has_sack_permitted = t->setup.sack,
        .has_wscale = t->setup.wscale,
        .wscale = t->setup.shift,
        .has_timestamps = t->setup.timestamps,
        .tsval = tp_peer_clock(t),
        .tsecr = t->tsecr,
    };
}

static inline void peer_sends_syn(struct tcp_peer *t, const char *flags, uint32_t seq, uint32_t ack)
{
    struct wire_tcp_opts opts = tp_syn_options(t);

    tp_send(t, flags, seq, ack, 0, &opts);
}

/* ICMP: `type` and `code` about a segment of ours that began with number `seq`. */
static inline void peer_sends_icmp(struct tcp_peer *t, uint8_t type, uint8_t code, uint16_t mtu, uint32_t seq)
{
    struct wire_icmp4 icmp = {.type = type, .code = code, .mtu = mtu};
    struct wire_ip4 ip = {
        .total_len = 1020, .ttl = 60, .proto = WIRE_PROTO_TCP, .src = tp_us, .flags = WIRE_IP4_DF};
    uint8_t bytes[64];
    struct writer w = writer_of(bytes, sizeof(bytes));

    ip.dst = t->peer_addr;
    wire_icmp4_emit(&icmp, &w);
    wire_ip4_emit(&ip, 0, &w);
    writer_be16(&w, t->our_port);
    writer_be16(&w, t->peer_port);
    writer_be32(&w, t->iss + seq);
    put_be16(bytes + 2, checksum_finish(checksum_sum(bytes, (size_t)(w.at - bytes))));
    tp_input(t, WIRE_PROTO_ICMP, bytes, (uint32_t)(w.at - bytes));
}

/* --- What the application does --------------------------------------------------------------------- */

/* Writes without a step: what calls make necessary waits. */
static inline ptrdiff_t tp_write(struct tcp_peer *t, uint32_t len, unsigned flags)
{
    static uint8_t bytes[1 << 20];
    ptrdiff_t n;

    assert_true(len <= sizeof(bytes));
    for (uint32_t i = 0; i < len; i++)
        bytes[i] = tp_byte(t->write_seq + i);
    n = weft_sock_send_flags(t->sock, bytes, len, flags);
    if (n > 0)
        t->write_seq += (uint32_t)n;
    return n;
}

static inline void we_write(struct tcp_peer *t, uint32_t len)
{
    TP_CHECK(t, tp_write(t, len, 0) == (ptrdiff_t)len);
    tp_step(t);
}

/* Reads exactly `len` bytes, which must be the next of the stream. */
static inline void tp_read(struct tcp_peer *t, uint32_t len, const char *file, int line)
{
    uint8_t bytes[4096];

    while (len > 0) {
        uint32_t want = len < sizeof(bytes) ? len : (uint32_t)sizeof(bytes);
        ptrdiff_t n = weft_sock_recv(t->sock, bytes, want);

        if (n <= 0)
            tp_fail(t, "fewer bytes to read than expected", file, line);
        for (ptrdiff_t i = 0; i < n; i++)
            if (bytes[i] != tp_byte(t->read_seq++))
                tp_fail(t, "a byte is wrong", file, line);
        len -= (uint32_t)n;
    }
    tp_step(t);
}

#define we_read(t, len) tp_read(t, len, __FILE__, __LINE__)

/* There is nothing to read, and recv says why: WEFT_E_AGAIN, 0 for the end, or an error. */
#define we_cannot_read(t, why)                                                                               \
    do {                                                                                                     \
        uint8_t byte_;                                                                                       \
        assert_int_equal(weft_sock_recv((t)->sock, &byte_, 1), why);                                         \
    } while (0)

static inline void we_shutdown(struct tcp_peer *t)
{
    assert_int_equal(weft_sock_shutdown(t->sock, WEFT_SHUT_WR), 0);
    tp_step(t);
}

static inline void we_close(struct tcp_peer *t)
{
    weft_sock_close(t->sock);
    t->sock = NULL;
    tp_step(t);
}

static inline void we_abort(struct tcp_peer *t)
{
    weft_sock_abort(t->sock);
    t->sock = NULL;
    tp_step(t);
}

static inline struct weft_tcp_info tp_info(struct tcp_peer *t)
{
    struct weft_tcp_info info;

    assert_int_equal(weft_sock_info(t->sock, &info), 0);
    return info;
}

/* The connection is in this state (the name without its prefix). */
#define we_are(t, wanted) tp_check_state(t, WEFT_TCP_##wanted, __FILE__, __LINE__)

static inline void tp_check_state(struct tcp_peer *t, enum weft_tcp_state wanted, const char *file, int line)
{
    tp_read_trace(t);
    if (t->state != (unsigned)wanted)
        tp_fail(t, weft_tcp_state_name(wanted), file, line);
}

/* All of `events` were told since the last time, perhaps more. */
#define we_hear(t, events)                                                                                   \
    do {                                                                                                     \
        unsigned wanted_ = (events);                                                                         \
        TP_CHECK(t, ((t)->heard & wanted_) == wanted_);                                                      \
        (t)->heard = 0;                                                                                      \
    } while (0)

static inline uint64_t tp_drops(const struct tcp_peer *t, enum weft_drop drop)
{
    return weft_stats(t->stack)->drop[drop];
}

static inline uint64_t tp_count(const struct tcp_peer *t, enum weft_counter counter)
{
    return weft_stats(t->stack)->count[counter];
}

static inline struct tcp *tp_tcp(const struct tcp_peer *t)
{
    return socket_of_stack(t->stack)->tcp;
}

/* --- Life ----------------------------------------------------------------------------------------------- */

static inline struct tcp_peer *tcp_peer_new(const struct tcp_peer_setup *setup)
{
    struct tcp_peer *t = calloc(1, sizeof(*t));
    struct weft_iface_config iface = {.name = "wire", .type = WEFT_LINK_IP, .mtu = 1500};
    struct weft_stack_config config = {.allocator = test_allocator, .seed = {42}, .trace_records = 4096};
    struct weft_prefix addr = {tp_us, 24};

    assert_non_null(t);
    test_check_new(&t->wire, !setup || !(setup->caps & (WEFT_LINK_TSO4 | WEFT_LINK_TSO6)));
    if (setup && setup->tcp.initial_window_segs > 10)
        test_check_mute(&t->wire, "initial-window");
    t->segs = calloc(TP_SEGS, sizeof(*t->segs));
    assert_non_null(t->segs);
    if (setup)
        t->setup = *setup;
    t->now = 1000 * WEFT_SEC;
    t->irs = TP_IRS;
    t->peer_sent = t->irs;
    t->peer_addr = tp_peer;
    t->our_addr = tp_us;
    t->peer_port = TP_CLIENT_PORT;
    t->our_port = TP_SERVER_PORT;
    t->window = t->setup.window ? t->setup.window : 65535;
    if (t->setup.window_is_zero)
        t->window = 0;
    t->read_seq = t->irs + 1;
    t->pool = test_pool_new(t->setup.pool.pkts ? t->setup.pool.pkts : 4096,
                            t->setup.pool.small_blocks ? t->setup.pool.small_blocks : 4096,
                            t->setup.pool.large_blocks ? t->setup.pool.large_blocks : 256);
    config.pool = t->pool;
    config.now = t->now;
    config.tx_queue = t->setup.tx_queue;
    config.tcp = t->setup.tcp;
    config.tcp.check = true;
    if (!config.tcp.congestion)
        config.tcp.congestion = TP_CONGESTION;
    config.tcp.no_buffer_tuning = !t->setup.tuned;
    config.tcp.no_pacing = !t->setup.paced;
    if (config.tcp.max_connections == 0)
        config.tcp.max_connections = 64;
    if (config.tcp.syn_cache == 0)
        config.tcp.syn_cache = 32;
    if (config.tcp.time_wait == 0)
        config.tcp.time_wait = 16;
    if (config.tcp.ranges == 0)
        config.tcp.ranges = 8192;
    config.max_sockets = 128;
    assert_int_equal(weft_stack_new(&config, &t->stack), 0);
    iface.caps = t->setup.caps;
    if (t->setup.mtu)
        iface.mtu = t->setup.mtu;
    t->iface = weft_iface_add(t->stack, &iface);
    assert_true(t->iface > 0);
    assert_int_equal(weft_iface_add_addr(t->stack, t->iface, &addr), 0);
    tp_step(t);
    ignore_sent(t);
    return t;
}

static inline void tcp_peer_end(struct tcp_peer *t)
{
    weft_sock_abort(t->sock);
    weft_sock_abort(t->listener);
    weft_step(t->stack, t->now);
    weft_pktq_purge(weft_output(t->stack, t->iface));
    weft_stack_free(t->stack);
    test_pool_free(t->pool);
    test_check_free(&t->wire);
    free(t->segs);
    free(t);
}

/* The same after a connection that must be gone by itself, without its socket: nothing waits any more. */
static inline void tcp_peer_end_quiet(struct tcp_peer *t)
{
    we_send_nothing(t);
    weft_sock_close(t->listener);
    t->listener = NULL;
    tp_step(t);
    we_send_nothing(t);
    test_pool_assert_home(t->pool);
    TP_CHECK(t, weft_deadline(t->stack) == WEFT_TIME_NEVER);
    tcp_peer_end(t);
}

/* Time passes until our next initial sequence number for this pair of ports is TP_ISS. */
static inline void tp_await_iss(struct tcp_peer *t)
{
    struct tcp_tuple tuple = {tp_us, t->peer_addr, t->our_port, t->peer_port};
    uint32_t ticks = TP_ISS - tcp_demux_isn(tp_tcp(t), &tuple).n;

    after(t, 4 * (weft_time)ticks);
    ignore_sent(t);
}

static inline struct weft_sock *tp_open(struct tcp_peer *t)
{
    struct weft_endpoint local = {WEFT_ADDR_ANY, t->our_port};
    struct weft_sock *sock;

    assert_int_equal(weft_sock_open(t->stack, WEFT_SOCK_STREAM, &sock), 0);
    if (t->setup.prepare)
        t->setup.prepare(sock);
    assert_int_equal(weft_sock_bind(sock, &local), 0);
    return sock;
}

/* We listen on port 80, with room for `backlog` connections (0: the default). */
static inline struct tcp_peer *tcp_peer_listening(const struct tcp_peer_setup *setup, unsigned backlog)
{
    struct tcp_peer *t = tcp_peer_new(setup);

    t->listener = tp_open(t);
    assert_int_equal(weft_sock_listen(t->listener, backlog), 0);
    tp_await_iss(t);
    return t;
}

/* Our SYN has gone out, and the test has seen it (t->last). */
static inline struct tcp_peer *tcp_peer_syn_sent(const struct tcp_peer_setup *setup)
{
    struct tcp_peer *t = tcp_peer_new(setup);
    struct weft_endpoint remote = {tp_peer, TP_SERVER_PORT};

    t->peer_port = TP_SERVER_PORT;
    t->our_port = TP_CLIENT_PORT;
    t->sock = tp_open(t);
    tp_await_iss(t);
    assert_int_equal(weft_sock_connect(t->sock, &remote), WEFT_E_INPROGRESS);
    tp_step(t);
    we_send(t, "S", 0, 0, 0);
    assert_int_equal(t->iss, TP_ISS);
    t->state = WEFT_TCP_SYN_SENT;
    return t;
}

/* A SYN has come to our listener, and the test has seen our SYN-ACK (t->last). */
static inline struct tcp_peer *tcp_peer_syn_received(const struct tcp_peer_setup *setup)
{
    struct tcp_peer *t = tcp_peer_listening(setup, 0);

    peer_sends_syn(t, "S", 0, 0);
    we_send(t, "SA", 0, 1, 0);
    assert_int_equal(t->iss, TP_ISS);
    return t;
}

/* The handshake is complete: what was agreed on holds for the peer too. */
static inline void tp_agree(struct tcp_peer *t)
{
    struct wire_tcp_opts ours = t->last.opts;

    t->window_scaled = t->setup.wscale && ours.has_wscale;
    t->our_shift = t->window_scaled ? ours.wscale : 0;
    t->has_timestamps = t->setup.timestamps && ours.has_timestamps;
}

static inline void tp_accept(struct tcp_peer *t)
{
    assert_int_equal(weft_sock_accept(t->listener, &t->sock), 0);
    tp_step(t);
    t->heard = t->listener_heard = 0;
}

static inline struct tcp_peer *tcp_peer_established(const struct tcp_peer_setup *setup)
{
    struct tcp_peer *t;

    if (setup && setup->accepts) {
        t = tcp_peer_syn_received(setup);
        tp_agree(t);
        peer_sends(t, "A", 1, 1, 0);
        tp_accept(t);
    } else {
        t = tcp_peer_syn_sent(setup);
        tp_agree(t);
        peer_sends_syn(t, "SA", 0, 1);
        we_send(t, "A", 1, 1, 0);
        t->heard = 0;
    }
    we_are(t, ESTABLISHED);
    we_send_nothing(t);
    return t;
}

/* The next byte of either side is number 1 from here on. */
static inline void tp_rebase(struct tcp_peer *t)
{
    t->iss = t->write_seq - 1;
    t->irs = t->read_seq - 1;
}

/* A connection whose round trip has been measured often: 100 ms, without variance. */
static inline struct tcp_peer *tcp_peer_measured(const struct tcp_peer_setup *setup)
{
    struct tcp_peer *t = tcp_peer_syn_sent(setup);

    tp_agree(t);
    after(t, 100 * WEFT_MSEC);
    peer_sends_syn(t, "SA", 0, 1);
    we_send(t, "A", 1, 1, 0);
    for (unsigned i = 0; i < 20; i++) {
        we_write(t, 100);
        we_send(t, "PA", 1 + 100 * i, 1, 100);
        after(t, 100 * WEFT_MSEC);
        peer_sends(t, "A", 1, 101 + 100 * i, 0);
    }
    we_send_nothing(t);
    tp_rebase(t);
    t->heard = 0;
    return t;
}

/* Both sides have sent SYNs that crossed. */
static inline struct tcp_peer *tcp_peer_both_opening(const struct tcp_peer_setup *setup)
{
    struct tcp_peer *t = tcp_peer_syn_sent(setup);

    tp_agree(t);
    peer_sends_syn(t, "S", 0, 0);
    we_send(t, "SA", 0, 1, 0);
    we_are(t, SYN_RECEIVED);
    return t;
}

static inline struct tcp_peer *tcp_peer_fin_wait_1(const struct tcp_peer_setup *setup)
{
    struct tcp_peer *t = tcp_peer_established(setup);

    we_shutdown(t);
    we_send(t, "FA", 1, 1, 0);
    we_are(t, FIN_WAIT_1);
    return t;
}

static inline struct tcp_peer *tcp_peer_fin_wait_2(const struct tcp_peer_setup *setup)
{
    struct tcp_peer *t = tcp_peer_fin_wait_1(setup);

    peer_sends(t, "A", 1, 2, 0);
    we_are(t, FIN_WAIT_2);
    t->heard = 0;
    return t;
}

static inline struct tcp_peer *tcp_peer_close_wait(const struct tcp_peer_setup *setup)
{
    struct tcp_peer *t = tcp_peer_established(setup);

    peer_sends(t, "FA", 1, 1, 0);
    we_send(t, "A", 1, 2, 0);
    we_are(t, CLOSE_WAIT);
    t->heard = 0;
    return t;
}

static inline struct tcp_peer *tcp_peer_closing(const struct tcp_peer_setup *setup)
{
    struct tcp_peer *t = tcp_peer_fin_wait_1(setup);

    peer_sends(t, "FA", 1, 1, 0);
    we_send(t, "A", 2, 2, 0);
    we_are(t, CLOSING);
    return t;
}

static inline struct tcp_peer *tcp_peer_last_ack(const struct tcp_peer_setup *setup)
{
    struct tcp_peer *t = tcp_peer_close_wait(setup);

    we_shutdown(t);
    we_send(t, "FA", 1, 2, 0);
    we_are(t, LAST_ACK);
    return t;
}

static inline struct tcp_peer *tcp_peer_time_wait(const struct tcp_peer_setup *setup)
{
    struct tcp_peer *t = tcp_peer_fin_wait_2(setup);

    peer_sends(t, "FA", 1, 2, 0);
    we_send(t, "A", 2, 2, 0);
    we_are(t, TIME_WAIT);
    return t;
}

/* The peer has sent enough that we no longer acknowledge at once (16 segments), all of full size and read. */
static inline void tp_past_quick_acks(struct tcp_peer *t)
{
    for (unsigned i = 0; i < TCP_QUICK_ACKS; i++) {
        peer_sends(t, "PA", 1 + 1000 * i, 1, 1000);
        we_send(t, "A", 1, 1001 + 1000 * i, 0);
        we_read(t, 1000);
    }
    we_send_nothing(t);
    tp_rebase(t);
    t->heard = 0;
}

#endif
