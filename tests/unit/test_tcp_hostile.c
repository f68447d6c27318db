/* SPDX-License-Identifier: MIT */
/*
 * What a peer can do to us: sizes, blocks and segments that nobody sends who
 * means well. Nothing may trap, nothing that all connections share may be used
 * up by one, and each answer is worth no more than the question (RFC 5961 7,
 * RFC 9293 3.8.6, RFC 2018 8).
 */
#include "tcp_peer.h"

/* --- Playing such a peer -------------------------------------------------------------------- */

/* A client whose SYN offered `mss`, which may be 0, has been accepted. */
static struct tcp_peer *accepted_with_mss(const struct tcp_peer_setup *setup, uint16_t mss)
{
    struct tcp_peer *t = tcp_peer_listening(setup, 0);
    struct wire_tcp_opts opts = tp_syn_options(t);

    opts.mss = mss;
    tp_send(t, "S", 0, 0, 0, &opts);
    we_send(t, "SA", 0, 1, 0);
    tp_agree(t);
    peer_sends(t, "A", 1, 1, 0);
    tp_accept(t);
    return t;
}

/* A second client of the same listener, which the test plays from here on. Returns the first's socket. */
static struct weft_sock *another_client(struct tcp_peer *t)
{
    struct weft_sock *first = t->sock;

    t->loose = true;
    t->peer_port++;
    peer_sends_syn(t, "S", 0, 0);
    assert_int_equal(t->count, 1);
    t->iss = t->segs[t->first].tcp.seq;
    t->write_seq = t->iss + 1;
    t->read_seq = t->irs + 1;
    ignore_sent(t);
    peer_sends(t, "A", 1, 1, 0);
    tp_accept(t);
    return first;
}

/* How far the data reaches that has been sent; forgets the segments. */
static uint32_t sent_up_to(struct tcp_peer *t, uint32_t before)
{
    uint32_t end = before;

    for (unsigned i = 0; i < t->count; i++) {
        const struct tp_seg *seg = &t->segs[(t->first + i) % TP_SEGS];

        if ((int32_t)(seg->seq + seg->len - end) > 0)
            end = seg->seq + seg->len;
    }
    ignore_sent(t);
    return end;
}

/* The number of segments sent; forgets them. */
static unsigned sent_count(struct tcp_peer *t)
{
    unsigned n = t->count;

    ignore_sent(t);
    return n;
}

static uint32_t small_blocks_used(const struct tcp_peer *t)
{
    struct weft_pool_usage usage;

    weft_pool_usage(t->pool, &usage);
    return usage.small_used;
}

/* --- Sizes ----------------------------------------------------------------------------------- */

/* Data goes through whatever MSS is offered, while SACK blocks and timestamps want their place too. */
static void every_small_mss(void **state)
{
    (void)state;
    for (uint16_t mss = 0; mss <= 48; mss++) {
        const struct tcp_peer_setup setup = {.sack = true, .timestamps = true};
        struct tcp_peer *t = accepted_with_mss(&setup, mss);
        uint32_t end = 1;

        for (uint32_t i = 1; i <= 4; i++)
            peer_sends(t, "A", 100 * i, 1, 10);
        ignore_sent(t);
        we_write(t, 2000);
        assert_true(2 * t->segs[t->first].len >= tp_info(t).snd_mss); /* not little but blocks */
        for (unsigned round = 0; round < 200 && end < 2001; round++) {
            end = sent_up_to(t, end);
            after(t, 10 * WEFT_MSEC);
            peer_sends(t, "A", 1, end, 0);
        }
        assert_int_equal(end, 2001);
        tcp_peer_end(t);
    }
}

/* Super-segments are cut to what the smallest of these leaves, too. */
static void a_small_mss_on_a_link_that_segments(void **state)
{
    const struct tcp_peer_setup setup = {.sack = true, .timestamps = true, .caps = WEFT_LINK_TSO4};
    struct tcp_peer *t = accepted_with_mss(&setup, 40);

    (void)state;
    for (uint32_t i = 1; i <= 4; i++)
        peer_sends(t, "A", 100 * i, 1, 10);
    ignore_sent(t);
    we_write(t, 300);
    assert_int_equal(sent_up_to(t, 1), 301);
    tcp_peer_end(t);
}

/* --- SACK ------------------------------------------------------------------------------------- */

static const struct tcp_peer_setup *const big_flight = &(struct tcp_peer_setup){
    .accepts = true, .sack = true, .wscale = true, .shift = 8, .tcp = {.initial_window_segs = 250}};

/* One byte in 64 is SACKed: the scoreboard keeps to what honest blocks could need, and forgets nothing. */
static void crumbs_of_sack_are_bounded(void **state)
{
    struct tcp_peer *t = tcp_peer_established(big_flight);
    struct tcp *tcp = tp_tcp(t);
    struct weft_sock *first;
    uint32_t end;

    (void)state;
    peer_sends(t, "A", 1, 1, 0);
    we_write(t, 250000);
    end = sent_up_to(t, 1);
    assert_int_equal(end, 250001);
    for (uint32_t at = 3; at + 64 < end; at += 64) {
        peer_sacks(t, 1, 1, at, at + 1, at + 20, at + 21, at + 40, at + 41);
        ignore_sent(t);
    }
    assert_in_range(tcp->ranges.used, 1, 64 + 2 * 250 + 6);

    first = another_client(t);
    ignore_sent(t);
    we_write(t, 1000);
    we_send(t, "PA", 1, 1, 1000);
    peer_sends(t, "A", 1, 1001, 0);
    weft_sock_abort(first);
    ignore_sent(t);
    assert_int_equal(tcp->ranges.used, 0);
    tcp_peer_end(t);
}

/* An honest peer that lost every second segment is believed in full. */
static void many_true_holes_are_all_kept(void **state)
{
    struct tcp_peer *t = tcp_peer_established(big_flight);

    (void)state;
    peer_sends(t, "A", 1, 1, 0);
    we_write(t, 250000);
    ignore_sent(t);
    for (uint32_t at = 1001; at < 250001; at += 2000)
        peer_sacks(t, 1, 1, at, at + 1000);
    for (uint32_t i = 0; i < t->count; i++) {
        const struct tp_seg *seg = &t->segs[(t->first + i) % TP_SEGS];

        assert_int_equal((seg->seq - 1) % 2000, 0); /* holes only */
    }
    assert_int_equal(tp_info(t).in_flight % 1000, 0);
    assert_int_equal(t->sock->tcb->board.sacked_bytes, 125000);
    tcp_peer_end(t);
}

/* What PAWS has dropped is not reported as received (RFC 7323 5.3 R1, RFC 2018 8). */
static void what_paws_dropped_is_not_sacked(void **state)
{
    const struct tcp_peer_setup setup = {.accepts = true, .sack = true, .timestamps = true};
    struct tcp_peer *t = tcp_peer_established(&setup);

    (void)state;
    after(t, 100 * WEFT_MSEC);
    peer_sends(t, "A", 1, 1, 100);
    we_send(t, "A", 1, 101, 0);
    t->ts_offset = (uint32_t)-50;
    peer_sends(t, "A", 101, 1, 100); /* new bytes, an old timestamp */
    assert_int_equal(tp_drops(t, WEFT_DROP_TCP_PAWS), 1);
    we_send(t, "A", 1, 101, 0);
    assert_int_equal(t->last.opts.nsacks, 0);
    peer_sends(t, "A", 51, 1, 100); /* of these only [51, 101) came before */
    we_send(t, "A", 1, 101, 0);
    assert_int_equal(t->last.opts.nsacks, 1);
    assert_int_equal(t->last.opts.sack[0].left, t->irs + 51);
    assert_int_equal(t->last.opts.sack[0].right, t->irs + 101);
    t->ts_offset = 0;
    peer_sends(t, "A", 101, 1, 100);
    we_send(t, "A", 1, 201, 0);
    we_read(t, 200);
    tcp_peer_end(t);
}

/* --- Windows ------------------------------------------------------------------------------------ */

/*
 * A scaled window rounds up, or its edge would move left. Segments of a few
 * bytes, each beginning with one that we have, get an ACK and a rounding each:
 * they gain a quarter of the buffer and no more.
 */
static void the_window_does_not_creep(void **state)
{
    enum { BUFFER = 512 << 10, SHIFT = 4, STEP = (1 << SHIFT) - 2 };
    const struct tcp_peer_setup setup = {
        .accepts = true, .wscale = true, .shift = 7, .tcp = {.receive_buffer = BUFFER}};
    struct tcp_peer *t = tcp_peer_established(&setup);
    uint32_t seq = 1;

    (void)state;
    assert_int_equal(t->our_shift, SHIFT);
    t->loose = true; /* in the end its edge does move, by a rounding */
    for (; seq < 2 * BUFFER; seq += STEP) {
        peer_sends(t, "A", seq - (seq > 1), 1, STEP + (seq > 1));
        ignore_sent(t);
        if (weft_sock_recv_pending(t->sock) < seq - 1)
            break;
    }
    assert_in_range(weft_sock_recv_pending(t->sock), BUFFER - 2 * STEP, BUFFER + BUFFER / 4 + 2 * STEP);
    we_read(t, (uint32_t)weft_sock_recv_pending(t->sock));
    tcp_peer_end(t);
}

/* For peers that send what segments are for, it never moves left: tp_check_rules sees each ACK. */
static void the_window_never_moves_left_for_others(void **state)
{
    static const uint32_t sizes[] = {1000, 999, 1448, 537, 100};

    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        const struct tcp_peer_setup setup = {
            .accepts = true, .wscale = true, .shift = 7, .mss = 1448, .tcp = {.receive_buffer = 200001}};
        struct tcp_peer *t = tcp_peer_established(&setup);
        uint32_t size = sizes[i], seq = 1;

        for (; seq + size <= 300000; seq += size) {
            peer_sends(t, "A", seq, 1, size);
            if (weft_sock_recv_pending(t->sock) < seq - 1 + size)
                break;
            ignore_sent(t);
        }
        assert_in_range(weft_sock_recv_pending(t->sock), 200001 - size, 210000);
        we_read(t, (uint32_t)weft_sock_recv_pending(t->sock));
        tcp_peer_end(t);
    }
}

/* --- Segments of one byte ------------------------------------------------------------------------- */

enum order { UPWARDS, DOWNWARDS, EVEN_THEN_ODD };

static uint32_t byte_at(enum order order, uint32_t i, uint32_t n)
{
    switch (order) {
    case UPWARDS:
        return i;
    case DOWNWARDS:
        return n - 1 - i;
    default:
        return i < n / 2 ? 2 * i : 2 * (i - n / 2) + 1;
    }
}

/* Behind a hole they take little more memory than their bytes, in whatever order, once they are one run. */
static void single_bytes_behind_a_hole(void **state)
{
    enum { BYTES = 2000 };

    (void)state;
    for (enum order order = UPWARDS; order <= EVEN_THEN_ODD; order++) {
        struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.accepts = true, .sack = true});

        for (uint32_t i = 0; i < BYTES; i++) {
            peer_sends(t, "A", 2 + byte_at(order, i, BYTES), 1, 1);
            ignore_sent(t);
        }
        assert_int_equal(tp_info(t).held, BYTES);
        assert_in_range(small_blocks_used(t), 1, 40);
        peer_sends(t, "A", 1, 1, 1);
        we_send(t, "A", 1, BYTES + 2, 0);
        we_read(t, BYTES + 1);
        tcp_peer_end(t);
    }
}

/* In order likewise, when nobody reads. */
static void single_bytes_that_nobody_reads(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.accepts = true});

    (void)state;
    for (uint32_t i = 0; i < 4000; i++) {
        peer_sends(t, "A", 1 + i, 1, 1);
        ignore_sent(t);
    }
    assert_in_range(small_blocks_used(t), 1, 10);
    we_read(t, 4000);
    tcp_peer_end(t);
}

/* --- What lies behind a FIN -------------------------------------------------------------------------- */

static void send_part(struct tcp_peer *t, unsigned part)
{
    static const struct {
        const char *flags;
        uint32_t seq, len;
    } parts[4] = {{"A", 1, 100}, {"FA", 101, 100}, {"A", 202, 100}, {"A", 250, 100}};

    t->garbage = part >= 2;
    peer_sends(t, parts[part].flags, parts[part].seq, 1, parts[part].len);
    t->garbage = false;
    ignore_sent(t);
}

/* In all orders: nothing of it is ever read. */
static void what_lies_behind_a_fin(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 256; i++) {
        unsigned order[4] = {i & 3, i >> 2 & 3, i >> 4 & 3, i >> 6};

        if ((1u << order[0] | 1u << order[1] | 1u << order[2] | 1u << order[3]) != 15)
            continue;
        struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.accepts = true, .sack = true});

        for (unsigned k = 0; k < 4; k++)
            send_part(t, order[k]);
        we_are(t, CLOSE_WAIT);
        we_read(t, 200);
        we_cannot_read(t, 0);
        assert_int_equal(small_blocks_used(t), 0);
        tcp_peer_end(t);
    }
}

/* --- Answers -------------------------------------------------------------------------------------------- */

static const struct tcp_peer_setup *const with_timestamps =
    &(struct tcp_peer_setup){.accepts = true, .sack = true, .timestamps = true};

/* Empty segments that do not fit, 100 each millisecond: ten are answered in half a second. */
static void acks_of_nothing_are_answered_seldom(void **state)
{
    struct tcp_peer *t = tcp_peer_established(with_timestamps);

    (void)state;
    t->loose = true; /* the peer's ACKs lie about what it has got */
    for (unsigned kind = 0; kind < 3; kind++) {
        unsigned answers = 0;

        after(t, WEFT_SEC);
        ignore_sent(t);
        for (unsigned i = 0; i < 10000; i++) {
            if (kind == 0)
                peer_sends(t, "A", (uint32_t)-1000, 1, 0); /* left of the window */
            else if (kind == 1)
                peer_sends(t, "A", 1, 5000, 0); /* of what was not sent */
            else
                tp_send(t, "A", 1, 1, 0, &(struct wire_tcp_opts){.has_timestamps = true, .tsval = TP_TSVAL});
            answers += sent_count(t);
            after(t, 10);
        }
        assert_in_range(answers, 1, 10);
    }
    tcp_peer_end(t);
}

/* Keepalives and window probes are always answered, even in such a storm, with a garbage byte or without. */
static void keepalives_are_always_answered(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    for (unsigned i = 0; i < 100; i++) {
        for (unsigned k = 0; k < 20; k++)
            peer_sends(t, "A", (uint32_t)-1000, 1, 0);
        ignore_sent(t);
        peer_sends(t, "A", 0, 1, 0);
        we_send(t, "A", 1, 1, 0);
        t->garbage = true;
        peer_sends(t, "A", 0, 1, 1);
        t->garbage = false;
        we_send(t, "A", 1, 1, 0);
        we_send_nothing(t);
    }
    tcp_peer_end(t);
}

/* RFC 5961 7 bounds what answers a stranger. What keeps a connection going is not bounded with it: the peer's window
 * probes and keepalives, data and FINs that come again because our ACK was lost. */
static void a_flood_does_not_silence_what_a_peer_must_hear(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.tcp = {.receive_buffer = 4096}});

    (void)state;
    peer_sends(t, "PA", 1, 1, 4096);
    ignore_sent(t);
    for (unsigned i = 0; i < 500; i++)
        peer_sends(t, i % 2 ? "R" : "S", 5 + i, 0, 0);
    for (unsigned i = 0; i < 20; i++)
        peer_sends(t, "A", (uint32_t)-1000, 1, 0);
    ignore_sent(t);
    t->garbage = true;
    for (unsigned i = 0; i < 30; i++) {
        peer_sends(t, "A", 4097, 1, 1); /* of the shut window, with an octet (RFC 9293 3.8.6.1) */
        we_send(t, "A", 1, 4097, 0);
        peer_sends(t, "A", 4096, 1, 0); /* or without */
        we_send(t, "A", 1, 4097, 0);
    }
    t->garbage = false;
    we_read(t, 4096);
    ignore_sent(t);
    peer_sends(t, "FA", 4097, 1, 0);
    we_send(t, "A", 1, 4098, 0);
    for (unsigned i = 0; i < 30; i++) {
        peer_sends(t, "S", 5 + i, 0, 0);
        ignore_sent(t);
        peer_sends(t, "FA", 4097, 1, 0);
        we_send(t, "A", 1, 4098, 0);
    }
    tcp_peer_end(t);
}

/* What is left of a connection answers as sparingly: two that disagree do not go on for ever. */
static void time_wait_answers_seldom(void **state)
{
    struct tcp_peer *t = tcp_peer_time_wait(NULL);
    unsigned answers = 0;

    (void)state;
    for (unsigned i = 0; i < 10000; i++) {
        peer_sends(t, "A", (uint32_t)-1000, 2, 0);
        answers += sent_count(t);
        after(t, 10);
    }
    assert_in_range(answers, 1, 3000);
    peer_sends(t, "FA", 1, 2, 0); /* the FIN is answered all the same */
    we_send(t, "A", 2, 2, 0);
    tcp_peer_end(t);
}

/* Nor do FINs that are not the peer's keep it: those go by their number (RFC 9293 3.10.7.4 eighth). */
static void time_wait_is_not_prolonged(void **state)
{
    struct tcp_peer *t = tcp_peer_time_wait(NULL);
    weft_time end = t->now + 60 * WEFT_SEC;

    (void)state;
    while (t->now + 5 * WEFT_SEC < end) {
        after(t, 5 * WEFT_SEC);
        peer_sends(t, "FA", (uint32_t)-1000, 2, 10);
        peer_sends(t, "FA", 2, 2, 0);
        peer_sends(t, "FA", 1, 2, 10);
        ignore_sent(t);
    }
    we_are(t, TIME_WAIT);
    after(t, end - t->now);
    we_are(t, CLOSED);
    tcp_peer_end(t);
}

/* --- SYNs ------------------------------------------------------------------------------------------------- */

/* A SYN that comes again and again does not keep its record alive: 63 s, as without. */
static void repeated_syns_do_not_prolong_the_record(void **state)
{
    struct tcp_peer *t = tcp_peer_syn_received(NULL);

    (void)state;
    t->loose = true; /* a second record begins in the end, with other numbers */
    for (unsigned i = 0; i < 69; i++) {
        after(t, 900 * WEFT_MSEC);
        peer_sends_syn(t, "S", 0, 0);
        ignore_sent(t);
        assert_int_equal(tp_count(t, WEFT_COUNT_TCP_OPEN_FAILS), 0);
    }
    after(t, 900 * WEFT_MSEC);
    assert_int_equal(tp_count(t, WEFT_COUNT_TCP_OPEN_FAILS), 1);
    ignore_sent(t);
    tcp_peer_end(t);
}

/* Nor does it spoil the round trip: which SYN-ACK is acknowledged cannot be known (RFC 6298 3). */
static void repeated_syns_do_not_spoil_the_round_trip(void **state)
{
    struct tcp_peer *t = tcp_peer_syn_received(NULL);

    (void)state;
    after(t, 900 * WEFT_MSEC);
    peer_sends_syn(t, "S", 0, 0);
    we_send(t, "SA", 0, 1, 0);
    after(t, WEFT_MSEC);
    peer_sends(t, "A", 1, 1, 0);
    tp_accept(t);
    assert_int_equal(tp_info(t).srtt, 0);
    assert_int_equal(tp_info(t).rto, WEFT_SEC);
    we_write(t, 100);
    we_send(t, "PA", 1, 1, 100);
    silence(t, WEFT_SEC);
    we_send(t, "PA", 1, 1, 100);
    tcp_peer_end(t);
}

/* Data that came twice is acknowledged each time: it is how a peer whose ACKs are lost gets on. */
static void data_that_came_twice_is_always_answered(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    peer_sends(t, "PA", 1, 1, 10);
    we_send(t, "A", 1, 11, 0);
    we_read(t, 10);
    for (unsigned i = 0; i < 100; i++) {
        peer_sends(t, "PA", 1 + i % 5, 1, 5);
        we_send(t, "A", 1, 11, 0);
    }
    tcp_peer_end(t);
}

/* Counts what has been sent to `port` since the last time. */
static unsigned sent_to(struct tcp_peer *t, uint16_t port)
{
    unsigned n = 0;

    for (unsigned i = 0; i < t->count; i++)
        n += t->segs[(t->first + i) % TP_SEGS].tcp.dst_port == port;
    ignore_sent(t);
    return n;
}

/* RFC 5961 7: what is half-open, or in TIME-WAIT, has a limit of its own. A flood at one, which may come from
 * anybody, leaves to the connections that stand all their challenges. */
static void a_flood_uses_up_nobody_elses_challenges(void **state)
{
    static const struct {
        const char *flags;
        uint32_t seq;
    } floods[] = {{"S", 0}, {"A", 70000}, {"A", 0}, {"R", 2}};

    (void)state;
    for (unsigned f = 0; f < 4; f++) {
        for (unsigned is_closed = 0; is_closed < 2; is_closed++) {
            struct tcp_peer *t = tcp_peer_time_wait(&(struct tcp_peer_setup){.accepts = true});
            uint16_t port = TP_CLIENT_PORT, other = 30000;

            t->loose = true;
            if (is_closed)
                we_close(t);
            t->peer_port = other;
            peer_sends_syn(t, "S", 0, 0);
            ignore_sent(t);
            t->peer_port = is_closed ? port : other;
            for (unsigned i = 0; i < 2000; i++)
                peer_sends(t, floods[f].flags, floods[f].seq, 1, 0);
            assert_in_range(sent_to(t, t->peer_port), 0, 10);
            assert_int_equal(tp_tcp(t)->challenge_left, UINT32_MAX);
            tcp_peer_end(t);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_small_mss),
        cmocka_unit_test(a_small_mss_on_a_link_that_segments),
        cmocka_unit_test(crumbs_of_sack_are_bounded),
        cmocka_unit_test(many_true_holes_are_all_kept),
        cmocka_unit_test(what_paws_dropped_is_not_sacked),
        cmocka_unit_test(the_window_does_not_creep),
        cmocka_unit_test(the_window_never_moves_left_for_others),
        cmocka_unit_test(single_bytes_behind_a_hole),
        cmocka_unit_test(single_bytes_that_nobody_reads),
        cmocka_unit_test(what_lies_behind_a_fin),
        cmocka_unit_test(acks_of_nothing_are_answered_seldom),
        cmocka_unit_test(keepalives_are_always_answered),
        cmocka_unit_test(a_flood_does_not_silence_what_a_peer_must_hear),
        cmocka_unit_test(time_wait_answers_seldom),
        cmocka_unit_test(time_wait_is_not_prolonged),
        cmocka_unit_test(repeated_syns_do_not_prolong_the_record),
        cmocka_unit_test(repeated_syns_do_not_spoil_the_round_trip),
        cmocka_unit_test(data_that_came_twice_is_always_answered),
        cmocka_unit_test(a_flood_uses_up_nobody_elses_challenges),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
