/* SPDX-License-Identifier: MIT */
/*
 * The wire checker, proven by planted faults: a right conversation of two of
 * our stacks gives no finding; with one thing in it made wrong, the rule that it
 * breaks is reported. Every rule of the table has its fault here.
 */
#include "check_trace.h"

/* The conversations that faults are planted in. */
enum base {
    PLAIN,      /* 20 KB each way over a clean wire, seen at the client */
    SERVER,     /* the same at the server */
    HOLES,      /* the server's segments lost, doubled and reordered on their way to the client, seen there */
    SHUT,       /* the server does not read for a while, seen at the client */
    SHUT_THERE, /* the same at the server */
    LAST_FIRST, /* the server closes first, seen there */
    ECN,        /* PLAIN made to look as if both had agreed on ECN */
    BASES,
};

static struct trace bases[BASES], scratch, work;

static const struct weft_check_config all = {.whole = true, .wire = true, .only_out = true};

/* Both SYNs agree on ECN, data is ECN-capable. */
static void make_ecn(struct trace *t)
{
    unsigned answer = trace_next(t, 0, TRACE_SYN | TRACE_IN);

    trace_set_flags(&t->at[trace_next(t, 0, TRACE_SYN | TRACE_OUT)], WIRE_TCP_ECE | WIRE_TCP_CWR, 0);
    trace_set_flags(&t->at[answer], WIRE_TCP_ECE, 0);
    for (unsigned i = answer; i < t->count; i++)
        if (trace_is(&t->at[i], TRACE_DATA))
            trace_set_ecn(&t->at[i], 2);
}

static int record_all(void **state)
{
    struct trace_wish plain = {.bytes = 20000};
    struct trace_wish holes = {.bytes = 200000,
                               .faults = "delay=10ms,in:loss=4%,in:duplicate=3%,in:reorder=3%"};
    struct trace_wish shut = {.bytes = 20000, .receive_buffer = 8192, .server_pause = 5 * WEFT_SEC};
    struct trace_wish last = {.bytes = 3000, .server_closes_first = true};

    (void)state;
    trace_record(&plain, &bases[PLAIN], &bases[SERVER]);
    trace_record(&holes, &bases[HOLES], &scratch);
    trace_record(&shut, &bases[SHUT], &bases[SHUT_THERE]);
    trace_record(&last, &scratch, &bases[LAST_FIRST]);
    bases[ECN] = bases[PLAIN];
    make_ecn(&bases[ECN]);
    return 0;
}

/* --- Small helpers ------------------------------------------------------------------------------ */

static struct trace_frame *nth(struct trace *t, unsigned n, unsigned kind)
{
    return &t->at[trace_nth(t, n, kind)];
}

/* The third segment of data that we send: in the middle of things. */
static struct trace_frame *our_data(struct trace *t)
{
    return nth(t, 2, TRACE_OUT | TRACE_DATA);
}

static void cut_behind(struct trace *t, unsigned at)
{
    t->count = at + 1;
}

static void delay_from(struct trace *t, unsigned from, weft_time time)
{
    for (unsigned i = from; i < t->count; i++)
        t->at[i].time += time;
}

static void set_be32(struct trace_frame *f, uint8_t *at, uint32_t value)
{
    put_be32(at, value);
    trace_fix(f);
}

/* --- A segment by itself --------------------------------------------------------------------------- */

static void ip_checksum(struct trace *t)
{
    our_data(t)->bytes[10] ^= 1;
}

static void tcp_checksum(struct trace *t)
{
    our_data(t)->bytes[100] ^= 1;
}

static void header_length(struct trace *t)
{
    trace_tcp(our_data(t))[12] = 4 << 4;
    trace_fix(our_data(t));
}

static void reserved_bits(struct trace *t)
{
    trace_tcp(our_data(t))[12] |= 2;
    trace_fix(our_data(t));
}

static void address(struct trace *t)
{
    struct trace_frame *f = our_data(t);

    put_be32(f->bytes + 16, 0xe0000001);
    trace_fix(f);
}

static void flags(struct trace *t)
{
    trace_set_flags(nth(t, 0, TRACE_SYN | TRACE_OUT), WIRE_TCP_FIN, 0);
}

static void ack_bit(struct trace *t)
{
    trace_set_flags(our_data(t), 0, WIRE_TCP_ACK);
}

static void option_length(struct trace *t)
{
    trace_options(our_data(t), 254, 9, 0, 0);
}

static void option_size(struct trace *t)
{
    trace_options(our_data(t), WIRE_TCP_OPT_USER_TIMEOUT, 3, 0, WIRE_TCP_OPT_NOP);
}

static void option_padding(struct trace *t)
{
    trace_options(our_data(t), WIRE_TCP_OPT_END, 0, 5, 0);
}

static void option_twice(struct trace *t)
{
    trace_options(our_data(t), 30, 2, 30, 2);
}

static void mss_place(struct trace *t)
{
    trace_options(our_data(t), WIRE_TCP_OPT_MSS, 4, 5, 0xb4);
}

static void wscale_place(struct trace *t)
{
    trace_options(our_data(t), WIRE_TCP_OPT_WSCALE, 3, 7, WIRE_TCP_OPT_NOP);
}

static void sack_permitted_place(struct trace *t)
{
    trace_options(our_data(t), WIRE_TCP_OPT_SACK_PERMITTED, 2, WIRE_TCP_OPT_NOP, WIRE_TCP_OPT_NOP);
}

static void fast_open_place(struct trace *t)
{
    trace_options(our_data(t), WIRE_TCP_OPT_FAST_OPEN, 2, WIRE_TCP_OPT_NOP, WIRE_TCP_OPT_NOP);
}

static void wscale_size(struct trace *t)
{
    struct trace_frame *f = nth(t, 0, TRACE_SYN | TRACE_OUT);

    trace_option(f, WIRE_TCP_OPT_WSCALE)[2] = 15;
    trace_fix(f);
}

static void urgent_zero(struct trace *t)
{
    trace_set_flags(our_data(t), WIRE_TCP_URG, 0);
}

/* --- The handshake ----------------------------------------------------------------------------------- */

static void mss_missing(struct trace *t)
{
    trace_strip(nth(t, 0, TRACE_SYN | TRACE_OUT), WIRE_TCP_OPT_MSS);
}

static void syn_changed(struct trace *t)
{
    unsigned syn = trace_next(t, 0, TRACE_SYN | TRACE_IN), answer = trace_next(t, 0, TRACE_SYN | TRACE_OUT);
    struct trace_frame *again;

    delay_from(t, answer + 1, WEFT_SEC);
    trace_insert(t, answer + 1, syn)->time += WEFT_SEC;
    again = trace_insert(t, answer + 2, answer);
    trace_set_seq(again, trace_seq(again) + 250000);
}

static void syn_answer(struct trace *t)
{
    struct trace_frame *f = nth(t, 0, TRACE_SYN | TRACE_OUT);

    trace_set_ack(f, trace_ack(f) + 5);
}

static void wscale_unasked(struct trace *t)
{
    trace_strip(nth(t, 0, TRACE_SYN | TRACE_IN), WIRE_TCP_OPT_WSCALE);
}

static void timestamps_unasked(struct trace *t)
{
    trace_strip(nth(t, 0, TRACE_SYN | TRACE_IN), WIRE_TCP_OPT_TIMESTAMPS);
}

static void fast_open_unasked(struct trace *t)
{
    trace_options(nth(t, 0, TRACE_SYN | TRACE_OUT), WIRE_TCP_OPT_MSS, 4, 5, 0xb4, WIRE_TCP_OPT_FAST_OPEN, 6,
                  1, 2, 3, 4, WIRE_TCP_OPT_NOP, WIRE_TCP_OPT_NOP);
}

/* Kind, length, two numbers, a MAC. */
#define AO WIRE_TCP_OPT_AO, 16, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14

static void ao_md5(struct trace *t)
{
    trace_options(nth(t, 1, TRACE_OUT | TRACE_PURE), WIRE_TCP_OPT_NOP, WIRE_TCP_OPT_NOP, WIRE_TCP_OPT_MD5, 18,
                  1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, AO);
}

static void ao_place(struct trace *t)
{
    trace_options(nth(t, 1, TRACE_OUT | TRACE_PURE), AO);
}

static void ao_missing(struct trace *t)
{
    trace_options(nth(t, 0, TRACE_SYN | TRACE_OUT), WIRE_TCP_OPT_MSS, 4, 5, 0xb4, AO);
}

static void early_data(struct trace *t)
{
    (void)trace_insert(t, trace_next(t, 0, TRACE_SYN | TRACE_IN), trace_nth(t, 0, TRACE_OUT | TRACE_DATA));
}

static void initial_rto(struct trace *t)
{
    delay_from(t, 1, 300 * WEFT_MSEC);
    trace_insert(t, 1, 0)->time += 300 * WEFT_MSEC;
}

/* --- What is sent ---------------------------------------------------------------------------------------- */

static void sequence_gap(struct trace *t)
{
    trace_delete(t, trace_nth(t, 1, TRACE_OUT | TRACE_DATA));
}

static void ack_number(struct trace *t)
{
    struct trace_frame *f = nth(t, 3, TRACE_OUT | TRACE_PURE);

    trace_set_seq(f, trace_seq(f) - 300);
}

static void beyond_window(struct trace *t)
{
    struct trace_frame *f = trace_append(t, trace_nth(t, 2, TRACE_OUT | TRACE_DATA), WEFT_MSEC);

    trace_set_seq(f, trace_seq(f) + (16u << 20));
}

/* An ACK before our fourth segment says a window of 1 (shifted). */
static void shrunk_window(struct trace *t)
{
    unsigned fourth = trace_nth(t, 13, TRACE_OUT | TRACE_DATA);
    unsigned ack = fourth;

    while (!trace_is(&t->at[ack], TRACE_IN | TRACE_PURE))
        ack--;
    trace_set_window(trace_insert(t, fourth, ack), 1);
}

static void data_after_fin(struct trace *t)
{
    unsigned fin = trace_next(t, 0, TRACE_OUT | TRACE_FIN);
    struct trace_frame *f = trace_insert(t, fin + 1, trace_nth(t, 2, TRACE_OUT | TRACE_DATA));

    trace_set_seq(f, trace_seq(&t->at[fin]) + trace_data_len(&t->at[fin]) + 1);
}

static void fin_moved(struct trace *t)
{
    unsigned fin = trace_next(t, 0, TRACE_OUT | TRACE_FIN);
    struct trace_frame *f = trace_insert(t, fin + 1, fin);

    trace_set_seq(f, trace_seq(f) + 1);
}

static void content_changed(struct trace *t)
{
    unsigned at = trace_nth(t, 2, TRACE_OUT | TRACE_DATA);
    struct trace_frame *f = trace_insert(t, at + 1, at);

    f->bytes[f->len - 1] ^= 1;
    trace_fix(f);
}

static void mss_exceeded(struct trace *t)
{
    struct trace_frame *f = nth(t, 0, TRACE_SYN | TRACE_IN);

    put_be16(trace_option(f, WIRE_TCP_OPT_MSS) + 2, 1000);
    trace_fix(f);
}

static void resent_acked(struct trace *t)
{
    unsigned fin = trace_next(t, 0, TRACE_OUT | TRACE_FIN);

    (void)trace_insert(t, fin, trace_nth(t, 2, TRACE_OUT | TRACE_DATA));
}

/* Nothing follows our first segments but the first again and again. */
static void resend(struct trace *t, unsigned segs, const weft_time *waits, unsigned n)
{
    unsigned first = trace_nth(t, 0, TRACE_OUT | TRACE_DATA);

    cut_behind(t, trace_nth(t, segs - 1, TRACE_OUT | TRACE_DATA));
    for (unsigned i = 0; i < n; i++)
        (void)trace_append(t, first, waits[i] * WEFT_MSEC);
}

static void rto_backoff(struct trace *t)
{
    resend(t, 1, (const weft_time[]){300, 600, 700}, 3);
}

static void rto_burst(struct trace *t)
{
    resend(t, 5, (const weft_time[]){300}, 1);
    (void)trace_append(t, trace_nth(t, 1, TRACE_OUT | TRACE_DATA), 0);
}

/* All that comes before our thirteenth segment comes not. */
static void initial_window(struct trace *t)
{
    unsigned end = trace_nth(t, 12, TRACE_OUT | TRACE_DATA);

    for (unsigned i = end; i > 2; i--)
        if (!t->at[i - 1].out)
            trace_delete(t, i - 1);
}

static bool is_probe(struct trace_frame *f, uint32_t seq)
{
    return f->out && trace_seq(f) == seq && trace_data_len(f) <= 1;
}

/* The n-th probe of the shut window: the first is the first segment of ours with an old number and no data. */
static unsigned find_probe(struct trace *t, unsigned n)
{
    uint32_t nxt = 0;

    for (unsigned i = 0; i < t->count; i++) {
        struct trace_frame *f = &t->at[i];

        if (f->out && nxt && is_probe(f, nxt - 1) && n-- == 0)
            return i;
        if (f->out)
            nxt = trace_seq(f) + trace_data_len(f) + ((trace_flags(f) & WIRE_TCP_SYN) != 0);
        if (f->out && nxt && is_probe(f, nxt))
            nxt = trace_seq(f) + (trace_data_len(f) == 0);
    }
    fail_msg("the window was not probed");
    return 0;
}

static void probe_backoff(struct trace *t)
{
    unsigned third = find_probe(t, 2), fourth = find_probe(t, 3);

    t->at[fourth].time = t->at[third].time + 60 * WEFT_MSEC;
}

/* The window is opened just so far that a part of our next segment fits, and that part is sent. */
/* Right behind the handshake. */
static void keepalive_early(struct trace *t)
{
    unsigned at = trace_nth(t, 0, TRACE_OUT | TRACE_PURE);
    struct trace_frame *f = trace_insert(t, at + 1, at);

    trace_set_seq(f, trace_seq(f) - 1);
}

static void silly_segment(struct trace *t)
{
    unsigned at = trace_nth(t, 13, TRACE_OUT | TRACE_DATA);
    unsigned shift = trace_option(nth(t, 0, TRACE_SYN | TRACE_IN), WIRE_TCP_OPT_WSCALE)[2], ack = at;
    struct trace_frame *f;
    uint32_t flight, window;

    while (!trace_is(&t->at[ack], TRACE_IN | TRACE_PURE))
        ack--;
    flight = trace_seq(&t->at[at]) - trace_ack(&t->at[ack]);
    window = (flight >> shift) + 2;
    f = trace_insert(t, at, ack);
    trace_set_window(f, (uint16_t)window);
    f = &t->at[at + 1];
    trace_cut_data(f, (window << shift) - flight);
    trace_set_flags(f, 0, WIRE_TCP_PSH);
}

static void urgent_back(struct trace *t)
{
    struct trace_frame *f = our_data(t);

    put_be16(trace_tcp(f) + 18, 9000);
    trace_set_flags(f, WIRE_TCP_URG, 0);
    f = nth(t, 3, TRACE_OUT | TRACE_DATA);
    put_be16(trace_tcp(f) + 18, 1);
    trace_set_flags(f, WIRE_TCP_URG, 0);
}

/* --- What is acknowledged ------------------------------------------------------------------------------------ */

static void ack_unseen(struct trace *t)
{
    trace_set_ack(our_data(t), trace_ack(our_data(t)) + 1);
}

/* Our last ACK of data is followed by an earlier one. */
static void ack_back(struct trace *t)
{
    unsigned fin = trace_next(t, 0, TRACE_OUT | TRACE_FIN);

    (void)trace_insert(t, fin, trace_nth(t, 2, TRACE_OUT | TRACE_DATA));
}

static void window_shrunk(struct trace *t)
{
    struct trace_frame *f = nth(t, 3, TRACE_OUT | TRACE_PURE);

    trace_set_window(f, get_be16(trace_tcp(f) + 14) / 2);
}

/* The window that opens after it was shut opens by 100 bytes. */
static void silly_window(struct trace *t)
{
    unsigned at = 0;

    while (!(trace_is(&t->at[at], TRACE_OUT | TRACE_PURE) && get_be16(trace_tcp(&t->at[at]) + 14) == 0))
        at++;
    while (get_be16(trace_tcp(&t->at[at]) + 14) == 0 || !t->at[at].out)
        at++;
    trace_set_window(&t->at[at], 100);
}

/* The server's first data comes, and nothing after it. */
static void ack_late(struct trace *t)
{
    cut_behind(t, trace_nth(t, 0, TRACE_IN | TRACE_DATA));
}

static void ack_second(struct trace *t)
{
    unsigned first = trace_nth(t, 0, TRACE_IN | TRACE_DATA);
    struct trace_frame *f;

    cut_behind(t, first);
    f = trace_append(t, first, WEFT_MSEC);
    trace_set_seq(f, trace_seq(f) + trace_data_len(f));
}

static void ack_disorder(struct trace *t)
{
    struct trace_frame *f = nth(t, 0, TRACE_IN | TRACE_DATA);

    trace_set_seq(f, trace_seq(f) + 5000);
    cut_behind(t, trace_nth(t, 0, TRACE_IN | TRACE_DATA));
}

static void sack_unasked(struct trace *t)
{
    trace_strip(nth(t, 0, TRACE_SYN | TRACE_IN), WIRE_TCP_OPT_SACK_PERMITTED);
}

/* Block `n` of the first SACK of ours that has at least `least`. */
static uint8_t *find_block(struct trace *t, unsigned least, unsigned n, struct trace_frame **f)
{
    unsigned at = trace_next(t, 0, TRACE_OUT | TRACE_SACK);

    while (trace_option(&t->at[at], WIRE_TCP_OPT_SACK)[1] < 2 + 8 * least)
        at = trace_next(t, at + 1, TRACE_OUT | TRACE_SACK);
    *f = &t->at[at];
    return trace_option(*f, WIRE_TCP_OPT_SACK) + 2 + (size_t)8 * n;
}

static void sack_block(struct trace *t)
{
    struct trace_frame *f;
    uint8_t *block = find_block(t, 1, 0, &f);

    set_be32(f, block + 4, get_be32(block));
}

static void sack_unseen(struct trace *t)
{
    struct trace_frame *f;
    uint8_t *block = find_block(t, 1, 0, &f);

    set_be32(f, block + 4, get_be32(block + 4) + 1000000);
}

static void sack_below(struct trace *t)
{
    struct trace_frame *f;
    uint8_t *block = find_block(t, 2, 1, &f);

    put_be32(block, trace_ack(f) - 2000);
    set_be32(f, block + 4, trace_ack(f) - 1000);
}

static void sack_touches(struct trace *t)
{
    struct trace_frame *f;
    uint8_t *block = find_block(t, 2, 1, &f); /* the first may be a D-SACK */

    set_be32(f, block, trace_ack(f));
}

/* The first two blocks change places, wherever there are two that lie apart. */
static void sack_first(struct trace *t)
{
    for (unsigned i = 0; i < t->count; i++) {
        uint8_t *option = trace_is(&t->at[i], TRACE_OUT) ? trace_option(&t->at[i], WIRE_TCP_OPT_SACK) : NULL;
        uint8_t block[8];

        if (!option || option[1] < 18)
            continue;
        memcpy(block, option + 2, 8);
        memcpy(option + 2, option + 10, 8);
        memcpy(option + 10, block, 8);
        trace_fix(&t->at[i]);
    }
}

static void sack_missing(struct trace *t)
{
    for (unsigned i = trace_next(t, 0, TRACE_OUT | TRACE_SACK) + 1; i < t->count; i++)
        if (trace_is(&t->at[i], TRACE_OUT | TRACE_SACK))
            trace_strip(&t->at[i], WIRE_TCP_OPT_SACK);
}

static void dsack_false(struct trace *t)
{
    struct trace_frame *f = nth(t, 3, TRACE_OUT | TRACE_PURE);
    uint8_t options[24] = {1, 1, 5, 10, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1};

    memcpy(options + 14, trace_option(f, WIRE_TCP_OPT_TIMESTAMPS), 10);
    put_be32(options + 4, trace_ack(f) - 1000);
    put_be32(options + 8, trace_ack(f));
    trace_set_options(f, options, sizeof(options));
}

/* A segment is shown to come twice, and the D-SACK of it is sent twice. */
static void dsack_again(struct trace *t)
{
    unsigned data = trace_nth(t, 2, TRACE_IN | TRACE_DATA), at = trace_next(t, data, TRACE_OUT | TRACE_PURE);
    uint8_t options[24] = {1, 1, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 5, 10};
    struct trace_frame *f;

    memcpy(options + 2, trace_option(&t->at[at], WIRE_TCP_OPT_TIMESTAMPS), 10);
    put_be32(options + 16, trace_seq(&t->at[data]));
    put_be32(options + 20, trace_seq(&t->at[data]) + trace_data_len(&t->at[data]));
    (void)trace_insert(t, at + 1, data);
    f = trace_insert(t, at + 2, at);
    trace_set_options(f, options, sizeof(options));
    (void)trace_insert(t, at + 3, at + 2);
}

/* What the second block begins with comes again; the D-SACK of it stands before both blocks as they were. */
static void dsack_place(struct trace *t)
{
    struct trace_frame *f;
    uint8_t *blocks = find_block(t, 2, 0, &f);
    uint8_t options[40] = {1, 1, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 5, 26};
    unsigned at = (unsigned)(f - t->at), data = trace_next(t, 0, TRACE_IN | TRACE_DATA);
    uint32_t left = get_be32(blocks + 8);

    memcpy(options + 24, blocks, 16);
    while (trace_seq(&t->at[data]) != left)
        data = trace_next(t, data + 1, TRACE_IN | TRACE_DATA);
    (void)trace_insert(t, at + 1, data);
    f = trace_insert(t, at + 2, at);
    memcpy(options + 2, trace_option(f, WIRE_TCP_OPT_TIMESTAMPS), 10);
    put_be32(options + 16, left);
    put_be32(options + 20, left + trace_data_len(&t->at[data]));
    trace_set_options(f, options, sizeof(options));
}

/* --- Timestamps -------------------------------------------------------------------------------------------------- */

static void timestamps_missing(struct trace *t)
{
    trace_strip(our_data(t), WIRE_TCP_OPT_TIMESTAMPS);
}

static void timestamps_place(struct trace *t)
{
    trace_strip(nth(t, 0, TRACE_SYN | TRACE_IN), WIRE_TCP_OPT_TIMESTAMPS);
}

static void tsval_back(struct trace *t)
{
    uint8_t *tsval = trace_option(our_data(t), WIRE_TCP_OPT_TIMESTAMPS) + 2;

    set_be32(our_data(t), tsval, get_be32(tsval) - 5000);
}

static void tsecr_unseen(struct trace *t)
{
    uint8_t *tsecr = trace_option(our_data(t), WIRE_TCP_OPT_TIMESTAMPS) + 6;

    set_be32(our_data(t), tsecr, get_be32(tsecr) + 1000000);
}

/* The one before that: it has come, too. */
static void tsecr_recent(struct trace *t)
{
    struct trace_frame *f = nth(t, 3, TRACE_OUT | TRACE_PURE);
    uint8_t *tsecr = trace_option(f, WIRE_TCP_OPT_TIMESTAMPS) + 6;

    set_be32(f, tsecr, get_be32(tsecr) - 1);
}

static void tsecr_no_ack(struct trace *t)
{
    struct trace_frame *f = nth(t, 0, TRACE_SYN | TRACE_OUT);

    set_be32(f, trace_option(f, WIRE_TCP_OPT_TIMESTAMPS) + 6, 5);
}

/* --- ECN ------------------------------------------------------------------------------------------------------------ */

static void ect_syn(struct trace *t)
{
    trace_set_ecn(nth(t, 0, TRACE_SYN | TRACE_OUT), 2);
}

static void ect_unasked(struct trace *t)
{
    trace_set_ecn(our_data(t), 2);
}

static void ect_ack(struct trace *t)
{
    trace_set_ecn(nth(t, 2, TRACE_OUT | TRACE_PURE), 2);
}

static void ect_resent(struct trace *t)
{
    unsigned at = trace_nth(t, 2, TRACE_OUT | TRACE_DATA);

    (void)trace_insert(t, at + 1, at);
}

static void ect_probe(struct trace *t)
{
    trace_set_ecn(&t->at[find_probe(t, 1)], 2);
}

static void ecn_answer(struct trace *t)
{
    trace_set_flags(nth(t, 0, TRACE_SYN | TRACE_OUT), WIRE_TCP_ECE, 0);
}

static void ece_missing(struct trace *t)
{
    trace_set_ecn(nth(t, 2, TRACE_IN | TRACE_DATA), 3);
}

static void ece_unasked(struct trace *t)
{
    trace_set_flags(nth(t, 3, TRACE_OUT | TRACE_PURE), WIRE_TCP_ECE, 0);
}

static void cwr_unasked(struct trace *t)
{
    trace_set_flags(our_data(t), WIRE_TCP_CWR, 0);
}

static void cwr_missing(struct trace *t)
{
    unsigned at = trace_nth(t, 0, TRACE_OUT | TRACE_DATA);

    trace_set_flags(&t->at[trace_next(t, at, TRACE_IN | TRACE_PURE)], WIRE_TCP_ECE, 0);
}

static void cwr_resent(struct trace *t)
{
    unsigned at = trace_nth(t, 2, TRACE_OUT | TRACE_DATA);

    trace_set_flags(trace_insert(t, at + 1, at), WIRE_TCP_CWR, 0);
}

/* --- Resets and ends --------------------------------------------------------------------------------------------------- */

static void rst_number(struct trace *t)
{
    struct trace_frame *f =
        trace_insert(t, trace_next(t, 0, TRACE_OUT | TRACE_FIN), trace_nth(t, 2, TRACE_OUT | TRACE_DATA));

    trace_cut_data(f, 0);
    trace_set_flags(f, WIRE_TCP_RST, WIRE_TCP_PSH);
    trace_set_seq(f, trace_seq(f) + 100000);
}

static void after_own_reset(struct trace *t)
{
    unsigned at = trace_nth(t, 4, TRACE_OUT | TRACE_DATA);
    struct trace_frame *f = trace_insert(t, at, at);

    trace_cut_data(f, 0);
    trace_set_flags(f, WIRE_TCP_RST, WIRE_TCP_PSH);
}

/* A reset with exactly the number that we expect comes before our FIN, when all that came is acknowledged. */
static void after_reset(struct trace *t)
{
    unsigned fin = trace_next(t, 0, TRACE_OUT | TRACE_FIN);
    struct trace_frame *f = trace_insert(t, fin, trace_nth(t, 2, TRACE_IN | TRACE_PURE));

    trace_set_flags(f, WIRE_TCP_RST, WIRE_TCP_ACK);
    trace_set_seq(f, trace_ack(&t->at[fin + 1]));
    delay_from(t, fin + 1, WEFT_MSEC);
}

/* A new connection between the same ends, soon after the old one, with lower numbers of ours. */
static void reuse_number(struct trace *t)
{
    unsigned syn = trace_next(t, 0, TRACE_SYN | TRACE_IN), answer = trace_next(t, 0, TRACE_SYN | TRACE_OUT);
    struct trace_frame *f = trace_append(t, syn, WEFT_SEC);

    trace_set_seq(f, trace_seq(f) + 1000000);
    f = trace_append(t, answer, 0);
    trace_set_seq(f, trace_seq(f) - 1000);
    trace_set_ack(f, trace_ack(f) + 1000000);
}

/* --- All of them -------------------------------------------------------------------------------------------------------- */

struct fault {
    const char *rule;
    enum base base;
    void (*plant)(struct trace *t);
};

static const struct fault faults[] = {
    {"ip-checksum", PLAIN, ip_checksum},
    {"tcp-checksum", PLAIN, tcp_checksum},
    {"header-length", PLAIN, header_length},
    {"reserved-bits", PLAIN, reserved_bits},
    {"address", PLAIN, address},
    {"flags", PLAIN, flags},
    {"ack-bit", PLAIN, ack_bit},
    {"option-length", PLAIN, option_length},
    {"option-size", PLAIN, option_size},
    {"option-padding", PLAIN, option_padding},
    {"option-twice", PLAIN, option_twice},
    {"mss-place", PLAIN, mss_place},
    {"wscale-place", PLAIN, wscale_place},
    {"sack-permitted-place", PLAIN, sack_permitted_place},
    {"fast-open-place", PLAIN, fast_open_place},
    {"wscale-size", PLAIN, wscale_size},
    {"urgent-zero", PLAIN, urgent_zero},
    {"mss-missing", PLAIN, mss_missing},
    {"syn-changed", SERVER, syn_changed},
    {"syn-answer", SERVER, syn_answer},
    {"wscale-unasked", SERVER, wscale_unasked},
    {"timestamps-unasked", SERVER, timestamps_unasked},
    {"fast-open-unasked", SERVER, fast_open_unasked},
    {"ao-md5", PLAIN, ao_md5},
    {"ao-place", PLAIN, ao_place},
    {"ao-missing", PLAIN, ao_missing},
    {"early-data", PLAIN, early_data},
    {"initial-rto", PLAIN, initial_rto},
    {"sequence-gap", PLAIN, sequence_gap},
    {"ack-number", PLAIN, ack_number},
    {"beyond-window", PLAIN, beyond_window},
    {"shrunk-window", PLAIN, shrunk_window},
    {"data-after-fin", PLAIN, data_after_fin},
    {"fin-moved", PLAIN, fin_moved},
    {"content-changed", PLAIN, content_changed},
    {"mss-exceeded", PLAIN, mss_exceeded},
    {"resent-acked", PLAIN, resent_acked},
    {"rto-backoff", PLAIN, rto_backoff},
    {"rto-burst", PLAIN, rto_burst},
    {"initial-window", PLAIN, initial_window},
    {"probe-backoff", SHUT, probe_backoff},
    {"keepalive-early", PLAIN, keepalive_early},
    {"silly-segment", PLAIN, silly_segment},
    {"urgent-back", PLAIN, urgent_back},
    {"ack-unseen", PLAIN, ack_unseen},
    {"ack-back", PLAIN, ack_back},
    {"window-shrunk", PLAIN, window_shrunk},
    {"silly-window", SHUT_THERE, silly_window},
    {"ack-late", PLAIN, ack_late},
    {"ack-second", PLAIN, ack_second},
    {"ack-disorder", PLAIN, ack_disorder},
    {"sack-unasked", HOLES, sack_unasked},
    {"sack-block", HOLES, sack_block},
    {"sack-unseen", HOLES, sack_unseen},
    {"sack-below", HOLES, sack_below},
    {"sack-touches", HOLES, sack_touches},
    {"sack-first", HOLES, sack_first},
    {"sack-missing", HOLES, sack_missing},
    {"dsack-false", PLAIN, dsack_false},
    {"dsack-again", PLAIN, dsack_again},
    {"dsack-place", HOLES, dsack_place},
    {"timestamps-missing", PLAIN, timestamps_missing},
    {"timestamps-place", PLAIN, timestamps_place},
    {"tsval-back", PLAIN, tsval_back},
    {"tsecr-unseen", PLAIN, tsecr_unseen},
    {"tsecr-recent", PLAIN, tsecr_recent},
    {"tsecr-no-ack", PLAIN, tsecr_no_ack},
    {"ect-syn", ECN, ect_syn},
    {"ect-unasked", PLAIN, ect_unasked},
    {"ect-ack", ECN, ect_ack},
    {"ect-resent", ECN, ect_resent},
    {"ect-probe", SHUT, ect_probe},
    {"ecn-answer", SERVER, ecn_answer},
    {"ece-missing", ECN, ece_missing},
    {"ece-unasked", ECN, ece_unasked},
    {"cwr-unasked", ECN, cwr_unasked},
    {"cwr-missing", ECN, cwr_missing},
    {"cwr-resent", ECN, cwr_resent},
    {"rst-number", PLAIN, rst_number},
    {"after-own-reset", PLAIN, after_own_reset},
    {"after-reset", PLAIN, after_reset},
    {"reuse-number", LAST_FIRST, reuse_number},
};

#define FAULTS (sizeof(faults) / sizeof(faults[0]))

static void right_conversations_are_clean(void **state)
{
    (void)state;
    for (unsigned base = 0; base < BASES; base++) {
        struct trace_findings found = trace_check(&bases[base], &all);

        assert_true(bases[base].count > 10);
        if (found.of_severity[0] + found.of_severity[1] + found.of_severity[2] > 0)
            fail_msg("conversation %u: %s", base, found.first);
    }
}

static void each_planted_fault_is_found(void **state)
{
    unsigned missed = 0;

    (void)state;
    for (unsigned i = 0; i < FAULTS; i++) {
        struct trace_findings found;
        weft_check_rule rule;

        assert_int_equal(weft_check_rule_find(faults[i].rule, &rule), 0);
        work = bases[faults[i].base];
        faults[i].plant(&work);
        found = trace_check(&work, &all);
        if (found.of_rule[rule] > 0)
            continue;
        print_error("%s was not found; first is %s\n", faults[i].rule, found.first);
        missed++;
    }
    assert_int_equal(missed, 0);
}

static void each_rule_has_a_fault(void **state)
{
    const struct weft_check_rule_info *info;

    (void)state;
    for (weft_check_rule rule = 0; (info = weft_check_rule_at(rule)) != NULL; rule++) {
        unsigned i = 0;

        while (i < FAULTS && strcmp(faults[i].rule, info->name) != 0)
            i++;
        if (i == FAULTS)
            fail_msg("no fault is planted for %s", info->name);
    }
}

/* Right timeouts and right resets are no faults. */
static void what_is_allowed_is_not_reported(void **state)
{
    struct trace_findings found;
    struct trace_frame *f;

    (void)state;
    work = bases[PLAIN];
    resend(&work, 1, (const weft_time[]){300, 600, 1200, 2400}, 4);
    found = trace_check(&work, &all);
    if (found.first[0])
        fail_msg("timeouts: %s", found.first);
    work = bases[PLAIN];
    cut_behind(&work, trace_nth(&work, 4, TRACE_OUT | TRACE_DATA));
    f = trace_append(&work, work.count - 1, WEFT_MSEC);
    trace_set_seq(f, trace_seq(f) + trace_data_len(f));
    trace_cut_data(f, 0);
    trace_set_flags(f, WIRE_TCP_RST, WIRE_TCP_PSH);
    found = trace_check(&work, &all);
    if (found.first[0])
        fail_msg("an abort: %s", found.first);
}

/* A server with SYN cookies has answered the SYN twice, with two numbers; the client has taken the first. */
static void any_cookie_may_come_back(void **state)
{
    struct trace_findings found;
    struct trace_frame *f;
    unsigned at;

    (void)state;
    work = bases[SERVER];
    at = trace_next(&work, 0, TRACE_SYN | TRACE_OUT);
    f = trace_insert(&work, at + 1, at);
    trace_set_seq(f, trace_seq(f) + 1000000);
    found = trace_check(&work, &all);
    if (found.first[0])
        fail_msg("two SYN-ACKs: %s", found.first);
    work = bases[SERVER];
    work.at[at = trace_next(&work, 0, TRACE_IN | TRACE_DATA)].time += WEFT_MSEC;
    f = trace_insert(&work, at,
                     trace_next(&work, 0, TRACE_OUT | TRACE_DATA)); /* it forgets, and is reminded */
    trace_cut_data(f, 0);
    trace_set_flags(f, WIRE_TCP_RST, WIRE_TCP_PSH);
    found = trace_check(&work, &all);
    if (found.first[0])
        fail_msg("again after a reset: %s", found.first);
}

/* Two frames have come together, the second with a mark: what answers the first does not know of it yet (found by the
 * campaign: a challenge ACK for a guessed reset). */
static void a_mark_that_comes_with_others_is_not_known_at_once(void **state)
{
    struct trace_findings found;
    weft_check_rule rule;
    unsigned at, answer;

    (void)state;
    work = bases[ECN];
    at = trace_nth(&work, 2, TRACE_IN | TRACE_DATA);
    trace_set_ecn(&work.at[at], 3);
    (void)trace_insert(&work, at + 1, trace_nth(&work, 1, TRACE_OUT | TRACE_PURE));
    trace_set_ack(&work.at[at + 1], trace_seq(&work.at[at]));
    answer = trace_next(&work, at + 2, TRACE_OUT | TRACE_PURE);
    trace_set_flags(&work.at[answer], WIRE_TCP_ECE, 0);
    cut_behind(&work, answer);
    found = trace_check(&work, &all);
    assert_int_equal(weft_check_rule_find("ece-missing", &rule), 0);
    assert_int_equal(found.of_rule[rule], 0);
    trace_set_flags(&work.at[answer], 0, WIRE_TCP_ECE);
    found = trace_check(&work, &all);
    assert_int_equal(found.of_rule[rule], 1);
}

/* What is told of a rule in `work`. */
static unsigned count_of(const char *name)
{
    struct trace_findings found = trace_check(&work, &all);
    weft_check_rule rule;

    assert_int_equal(weft_check_rule_find(name, &rule), 0);
    return found.of_rule[rule];
}

/* One octet alone, which nobody has acknowledged, is no keepalive: it may be a timeout's, and cwnd is reduced for it
 * (found by the campaign). */
static void an_octet_that_is_sent_again_is_a_loss(void **state)
{
    unsigned at;
    struct trace_frame *f;

    (void)state;
    work = bases[ECN];
    at = trace_nth(&work, 2, TRACE_OUT | TRACE_DATA);
    trace_set_flags(&work.at[trace_next(&work, at + 1, TRACE_OUT | TRACE_DATA)], WIRE_TCP_CWR, 0);
    assert_true(count_of("cwr-unasked") > 0);
    f = trace_insert(&work, at + 1, at);
    f->bytes[trace_header_len(f)] = f->bytes[f->len - 1];
    trace_set_seq(f, trace_seq(f) + trace_data_len(f) - 1);
    trace_cut_data(f, 1);
    assert_int_equal(count_of("cwr-unasked"), 0);
}

/* An old segment that comes after all is over, and acknowledges no more than the SYN-ACK, brings no cookie back (found by
 * the campaign). */
static void an_old_segment_begins_nothing(void **state)
{
    unsigned syn_ack, out;
    struct trace_frame *f;

    (void)state;
    work = bases[SERVER];
    syn_ack = trace_nth(&work, 0, TRACE_SYN | TRACE_OUT);
    f = trace_append(&work, trace_nth(&work, 2, TRACE_IN | TRACE_DATA), WEFT_MSEC);
    trace_set_ack(f, trace_seq(&work.at[syn_ack]) + 1);
    for (out = work.count - 1; !work.at[out].out;)
        out--;
    f = trace_append(&work, out, 0);
    assert_int_equal(count_of("sequence-gap"), 0);
}

/* --- From other places, and with less to see ---------------------------------------------------------------------- */

/* Both sides are judged, from anywhere. */
static void right_conversations_are_clean_from_anywhere(void **state)
{
    static const enum weft_check_vantage vantages[] = {WEFT_CHECK_BY_DIRECTION, WEFT_CHECK_MIDDLE};

    (void)state;
    for (unsigned base = 0; base < BASES; base++)
        for (unsigned i = 0; i < 2; i++) {
            struct weft_check_config config = {.vantage = vantages[i], .whole = true, .wire = true};
            struct trace_findings found = trace_check(&bases[base], &config);

            if (found.first[0])
                fail_msg("conversation %u, vantage %u: %s", base, i, found.first);
        }
}

/* A capture that begins in the middle. */
static void a_late_begin_is_no_fault(void **state)
{
    (void)state;
    for (unsigned base = 0; base < BASES; base++)
        for (unsigned skip = 1; skip < 40; skip++) {
            struct weft_check_config config = {.wire = true};
            struct trace_findings found;

            work = bases[base];
            if (skip + 10 > work.count)
                continue;
            memmove(work.at, work.at + skip, (work.count - skip) * sizeof(work.at[0]));
            work.count -= skip;
            found = trace_check(&work, &config);
            if (found.of_severity[WEFT_CHECK_ERROR])
                fail_msg("conversation %u without %u frames: %s", base, skip, found.first);
        }
}

/* A capture with holes: nothing is claimed that a missing frame explains. */
static void a_capture_with_holes_gives_no_errors(void **state)
{
    struct test_rng rng = test_rng_start(__func__);

    (void)state;
    for (unsigned run = 0; run < 200; run++) {
        struct weft_check_config config = {.wire = true};
        struct trace_findings found;

        work = bases[run % BASES];
        for (unsigned i = work.count; i > 0; i--)
            if (test_rng_below(&rng, 12) == 0)
                trace_delete(&work, i - 1);
        found = trace_check(&work, &config);
        if (found.of_severity[WEFT_CHECK_ERROR])
            fail_msg("run %u, conversation %u: %s", run, run % BASES, found.first);
    }
}

/* Whatever is made of a trace, the checker keeps its bounds (under the sanitizers). */
static void broken_frames_break_nothing(void **state)
{
    struct test_rng rng = test_rng_start(__func__);

    (void)state;
    for (unsigned run = 0; run < 100; run++) {
        struct weft_check_config config = {.vantage = run % 5, .max_connections = 2, .max_content = 8192};

        work = bases[run % BASES];
        for (unsigned i = 0; i < work.count; i++) {
            struct trace_frame *f = &work.at[i];

            if (test_rng_below(&rng, 3) == 0)
                f->bytes[test_rng_below(&rng, f->len < 80 ? f->len : 80)] = (uint8_t)test_rng_u32(&rng);
            if (test_rng_below(&rng, 10) == 0)
                f->len = test_rng_below(&rng, f->len);
            else if (f->len >= 40 && test_rng_below(&rng, 4) != 0)
                trace_fix(f);
        }
        (void)trace_check(&work, &config);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(right_conversations_are_clean),
        cmocka_unit_test(each_planted_fault_is_found),
        cmocka_unit_test(each_rule_has_a_fault),
        cmocka_unit_test(what_is_allowed_is_not_reported),
        cmocka_unit_test(any_cookie_may_come_back),
        cmocka_unit_test(an_octet_that_is_sent_again_is_a_loss),
        cmocka_unit_test(an_old_segment_begins_nothing),
        cmocka_unit_test(a_mark_that_comes_with_others_is_not_known_at_once),
        cmocka_unit_test(right_conversations_are_clean_from_anywhere),
        cmocka_unit_test(a_late_begin_is_no_fault),
        cmocka_unit_test(a_capture_with_holes_gives_no_errors),
        cmocka_unit_test(broken_frames_break_nothing),
    };

    return cmocka_run_group_tests(tests, record_all, NULL);
}
