/* SPDX-License-Identifier: MIT */
/*
 * Nothing stalls and nothing dies for the wrong reason: windows that stay
 * shut, routes, queues and memory that go away and come back, segment sizes
 * that change under way, timers that meet (RFC 9293 3.8, RFC 1122 4.2.3.5).
 */
#define TP_CONGESTION "newreno"
#include "tcp_peer.h"

#define HOUR (3600 * WEFT_SEC)

/* --- A peer that answers ------------------------------------------------------------------------ */

/* What the peer has got in order after all that was sent; forgets the segments. */
static uint32_t taken(struct tcp_peer *t, uint32_t got)
{
    for (; t->count > 0; t->first = (t->first + 1) % TP_SEGS, t->count--) {
        const struct tp_seg *seg = &t->segs[t->first];
        uint32_t end = seg->seq + seg->len + ((seg->tcp.flags & WIRE_TCP_FIN) != 0);

        if ((int32_t)(seg->seq - got) <= 0 && (int32_t)(end - got) > 0)
            got = end;
    }
    return got;
}

/*
 * The peer acknowledges whatever is sent 10 ms later, until it has got all
 * before `upto`, for `most` at the longest; nothing else comes to our help.
 * Returns what it has got.
 */
static uint32_t peer_answers(struct tcp_peer *t, uint32_t got, uint32_t upto, weft_time most)
{
    weft_time end = t->now + most;

    while (t->now < end && (int32_t)(got - upto) < 0) {
        weft_time next = weft_deadline(t->stack);

        if (t->count > 0) {
            got = taken(t, got);
            after(t, 10 * WEFT_MSEC);
            peer_sends(t, "A", t->read_seq - t->irs, got, 0);
            continue;
        }
        if (next == WEFT_TIME_NEVER)
            break;
        next = next < end ? next : end;
        after(t, next > t->now ? next - t->now : 0);
    }
    return got;
}

/* Time passes until something has been sent; false when nothing is for `most`. */
static bool await_segment(struct tcp_peer *t, weft_time most)
{
    weft_time end = t->now + most;

    while (t->count == 0 && t->now < end) {
        weft_time next = weft_deadline(t->stack);

        if (next > end)
            return false;
        after(t, next > t->now ? next - t->now : 0);
    }
    return t->count > 0;
}

/* --- The peer's window --------------------------------------------------------------------------- */

/* The peer answers each probe, a round trip late: an hour is nothing (MUST-37). One that does not is dead. */
static void a_zero_window_for_an_hour(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.window = 2000, .timestamps = true});
    weft_time end = t->now + HOUR;

    (void)state;
    we_write(t, 5000);
    ignore_sent(t);
    after(t, 50 * WEFT_MSEC);
    t->window = 0;
    peer_sends(t, "A", 1, 1977, 0); /* full segments are of 988 bytes */
    while (t->now < end) {
        assert_true(await_segment(t, 61 * WEFT_SEC));
        ignore_sent(t);
        after(t, 20 * WEFT_MSEC);
        peer_sends(t, "A", 1, 1977, 0);
    }
    we_are(t, ESTABLISHED);
    while (t->state == WEFT_TCP_ESTABLISHED && t->now < end + HOUR)
        after(t, WEFT_SEC);
    we_are(t, CLOSED);
    assert_in_range(t->now - end, 100 * WEFT_SEC, HOUR / 2);
    assert_int_equal(weft_sock_error(t->sock), WEFT_E_TIMEDOUT);
    ignore_sent(t);
    tcp_peer_end(t);
}

/* A FIN has a number, and that must lie in the window: meanwhile our ACKs are what the peer accepts. */
static void a_fin_waits_for_the_window(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.window = 1000});
    weft_time end;

    (void)state;
    we_write(t, 1000);
    we_send(t, "PA", 1, 1, 1000);
    t->window = 0;
    peer_sends(t, "A", 1, 1001, 0);
    we_shutdown(t);
    we_send_nothing(t);
    peer_sends(t, "PA", 1, 1001, 100);
    we_send(t, "A", 1001, 101, 0);
    for (end = t->now + HOUR; t->now < end;) {
        assert_true(await_segment(t, 61 * WEFT_SEC));
        we_send(t, "A", 1000, 101, 0);
        after(t, 20 * WEFT_MSEC);
        peer_sends(t, "A", 101, 1001, 0);
    }
    we_are(t, FIN_WAIT_1);
    t->window = 1;
    peer_sends(t, "A", 101, 1001, 0);
    we_send(t, "FA", 1001, 101, 0); /* at once */
    peer_sends(t, "A", 101, 1002, 0);
    we_are(t, FIN_WAIT_2);
    we_read(t, 100);
    tcp_peer_end(t);
}

/* A window that shrinks leaves SND.NXT beyond it (MUST-34): an ACK with that number would be dropped. */
static void acks_stay_inside_a_window_that_shrank(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.window = 5000});

    (void)state;
    we_write(t, 5000);
    ignore_sent(t);
    t->window = 1000;
    peer_sends(t, "A", 1, 1001, 0);
    peer_sends(t, "A", 1, 1001, 100);
    we_send(t, "A", 2000, 101, 0);
    t->window = 0;
    peer_sends(t, "A", 101, 1001, 100);
    we_send(t, "A", 1001, 201, 0);
    t->window = 5000;
    peer_sends(t, "A", 201, 1001, 100);
    we_send(t, "A", 5001, 301, 0);
    we_read(t, 300);
    tcp_peer_end(t);
}

/* The last bytes fill the window to its end: they go, the FIN waits alone. */
static void a_fin_does_not_fit_behind_the_data(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.window = 500});

    (void)state;
    tp_write(t, 500, 0);
    we_shutdown(t);
    we_send(t, "PA", 1, 1, 500);
    we_send_nothing(t);
    peer_sends(t, "A", 1, 501, 0);
    we_send(t, "FA", 501, 1, 0);
    tcp_peer_end(t);
}

/* Clocks of 32 bits that count milliseconds wrap after 24.8 and 49.7 days. Nothing of ours goes by one, and what the
 * peer's timestamps said is forgotten by then (RFC 7323 5.5). */
static void a_connection_that_rests_for_months(void **state)
{
    static const unsigned days[] = {24, 25, 49, 50, 100, 400};

    (void)state;
    for (unsigned i = 0; i < sizeof(days) / sizeof(days[0]); i++) {
        struct tcp_peer *t = tcp_peer_measured(&(struct tcp_peer_setup){.timestamps = true, .sack = true});

        after(t, days[i] * 24 * HOUR);
        t->has_tsval = false; /* half the range of its clock is behind it */
        we_are(t, ESTABLISHED);
        we_write(t, 100);
        we_send(t, "PA", 1, 1, 100);
        after(t, 30 * WEFT_SEC); /* its ACK does not come */
        assert_true(t->count >= 5);
        ignore_sent(t);
        peer_sends(t, "PA", 1, 101, 100);
        we_send(t, "A", 101, 101, 0);
        assert_in_range(tp_info(t).srtt, 1, 10 * WEFT_SEC);
        we_read(t, 100);
        tcp_peer_end(t);
    }
}

/* A window that has become small and stays so: the override timeout sends what fits, again and again. */
static void a_window_that_stays_small(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.window = 60000});

    (void)state;
    we_write(t, 1000);
    ignore_sent(t);
    t->window = 700;
    peer_sends(t, "A", 1, 1001, 0);
    we_write(t, 7000);
    assert_int_equal(peer_answers(t, 1001, 8001, 60 * WEFT_SEC), 8001);
    assert_int_equal(tp_info(t).timeouts, 0);
    tcp_peer_end(t);
}

/* Numbers that are only looked at now and then: 2 GiB may lie between two small segments. */
static void nagle_after_two_gigabytes(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);
    struct tcb *tcb = t->sock->tcb;

    (void)state;
    tcb->snd.small_end = seq_sub(tcb->snd.una, 0x7ffff800); /* as after so many full segments */
    for (unsigned i = 0; i < 3; i++) {
        we_write(t, 1000);
        we_send(t, "PA", 1 + 1000 * i, 1, 1000);
        peer_sends(t, "A", 1, 1001 + 1000 * i, 0);
    }
    we_write(t, 10);
    we_send(t, "PA", 3001, 1, 10);
    tcp_peer_end(t);
}

/* --- Routes ----------------------------------------------------------------------------------------- */

static const struct weft_prefix network = {{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 0}}, 24};

static void route_goes(struct tcp_peer *t)
{
    assert_int_equal(weft_route_del(t->stack, &network, NULL, t->iface), 0);
}

static void route_is_back(struct tcp_peer *t)
{
    assert_int_equal(weft_route_add(t->stack, &network, NULL, t->iface, 0), 0);
}

/* What was written without a route goes when there is one again, without anybody's help. */
static void a_route_comes_back(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    route_goes(t);
    we_write(t, 100);
    after(t, 20 * WEFT_SEC);
    we_send_nothing(t);
    assert_int_equal(tp_info(t).limit, WEFT_LIMIT_ROUTE);
    route_is_back(t);
    assert_int_equal(peer_answers(t, 1, 101, 60 * WEFT_SEC), 101);
    we_are(t, ESTABLISHED);
    tcp_peer_end(t);
}

/* The same with data in flight, and with a FIN. */
static void a_route_comes_back_to_data_in_flight(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    we_write(t, 1000);
    ignore_sent(t);
    route_goes(t);
    we_write(t, 500);
    we_shutdown(t);
    after(t, 10 * WEFT_SEC);
    we_send_nothing(t);
    route_is_back(t);
    assert_int_equal(peer_answers(t, 1, 1502, 60 * WEFT_SEC), 1502);
    we_are(t, FIN_WAIT_2);
    tcp_peer_end(t);
}

/* One that never comes back ends what waits for it: nothing is kept for ever. */
static void a_route_stays_away(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    route_goes(t);
    we_write(t, 100);
    we_close(t);
    after(t, HOUR);
    we_are(t, CLOSED);
    assert_int_equal(weft_deadline(t->stack), WEFT_TIME_NEVER);
    tcp_peer_end(t);
}

/* --- The link's queue ---------------------------------------------------------------------------------- */

/* When the link has taken what it was given there is work at once. */
static void a_full_queue_is_drained(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.tx_queue = 4});
    struct weft_pkt *pkt;

    (void)state;
    t->link_is_full = true;
    we_write(t, 10000);
    assert_int_equal(tp_info(t).limit, WEFT_LIMIT_LINK);
    assert_true(weft_deadline(t->stack) > t->now);
    for (unsigned i = 0; i < 4; i++) {
        assert_non_null(pkt = weft_pktq_pop(weft_output(t->stack, t->iface)));
        tp_note(t, pkt);
        we_send(t, "A", 1 + 1000 * i, 1, 1000);
    }
    assert_true(weft_deadline(t->stack) <= t->now);
    t->link_is_full = false;
    while (t->count < 6 && weft_deadline(t->stack) <= t->now)
        tp_step(t);
    for (unsigned i = 4; i < 10; i++)
        we_send(t, i < 9 ? "A" : "PA", 1 + 1000 * i, 1, 1000);
    tcp_peer_end(t);
}

/* --- Memory ------------------------------------------------------------------------------------------------ */

/* All packets that the pool has. */
struct hoard {
    struct weft_pktq pkts;
};

static void take_all(struct tcp_peer *t, struct hoard *hoard)
{
    struct weft_pkt *pkt;

    while ((pkt = weft_pkt_new(t->pool)) != NULL)
        weft_pktq_push(&hoard->pkts, pkt);
}

static void give_back(struct hoard *hoard)
{
    weft_pktq_purge(&hoard->pkts);
}

/* Our SYN could not be built: it is tried again, and begins as the first does that goes out. */
static struct tcp_peer *opened_without_memory(void)
{
    struct tcp_peer *t = tcp_peer_new(NULL);
    struct weft_endpoint remote = {tp_peer, TP_SERVER_PORT};
    struct hoard hoard = {0};

    t->peer_port = TP_SERVER_PORT;
    t->our_port = TP_CLIENT_PORT;
    t->sock = tp_open(t);
    take_all(t, &hoard);
    assert_int_equal(weft_sock_connect(t->sock, &remote), WEFT_E_INPROGRESS);
    tp_step(t);
    after(t, 2 * WEFT_SEC);
    we_send_nothing(t);
    give_back(&hoard);
    assert_true(await_segment(t, 3 * WEFT_SEC));
    we_send(t, "S", 0, 0, 0);
    return t;
}

static void no_packet_for_a_syn(void **state)
{
    struct tcp_peer *t = opened_without_memory();

    (void)state;
    peer_sends_syn(t, "SA", 0, 1);
    we_send(t, "A", 1, 1, 0);
    we_are(t, ESTABLISHED);
    we_write(t, 5000);
    assert_int_equal(taken(t, 1), 5001);
    tcp_peer_end(t);
    t = opened_without_memory();
    silence(t, WEFT_SEC);
    we_send(t, "S", 0, 0, 0);
    tcp_peer_end(t);
}

/* Nor our SYN-ACK. */
static void no_packet_for_a_syn_ack(void **state)
{
    struct tcp_peer *t = tcp_peer_listening(NULL, 0);
    struct hoard hoard = {0};

    (void)state;
    t->batch = true;
    peer_sends_syn(t, "S", 0, 0);
    take_all(t, &hoard);
    t->batch = false;
    tp_step(t);
    give_back(&hoard);
    if (t->count == 0)
        assert_true(await_segment(t, 3 * WEFT_SEC));
    we_send(t, "SA", 0, 1, 0);
    tcp_peer_end(t);
}

/* New data, then a retransmission, find no packet, for a while. */
static void no_packet_for_data(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);
    struct hoard hoard = {0};

    (void)state;
    assert_int_equal(tp_write(t, 3000, 0), 3000);
    take_all(t, &hoard);
    tp_step(t);
    assert_int_equal(tp_info(t).limit, WEFT_LIMIT_MEMORY);
    after(t, 5 * WEFT_SEC);
    we_send_nothing(t);
    give_back(&hoard);
    assert_true(await_segment(t, 10 * WEFT_SEC));
    assert_int_equal(taken(t, 1), 3001);
    take_all(t, &hoard);
    after(t, 30 * WEFT_SEC);
    we_send_nothing(t);
    give_back(&hoard);
    assert_int_equal(peer_answers(t, 1, 3001, 60 * WEFT_SEC), 3001);
    we_are(t, ESTABLISHED);
    tcp_peer_end(t);
}

/* An ACK finds none: it goes later, and the timer that saw to it does not end a connection that is idle. */
static void no_packet_for_an_ack(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);
    struct hoard hoard = {0};

    (void)state;
    test_check_host_loses(&t->wire);
    for (unsigned i = 0; i < 20; i++) {
        t->batch = true;
        peer_sends(t, "A", 1 + 100 * i, 1, 100);
        take_all(t, &hoard);
        t->batch = false;
        tp_step(t);
        we_send_nothing(t);
        after(t, WEFT_SEC);
        we_send_nothing(t);
        give_back(&hoard);
        assert_true(await_segment(t, 3 * WEFT_SEC));
        we_send(t, "A", 1, 101 + 100 * i, 0);
        we_read(t, 100);
        after(t, 60 * WEFT_SEC);
    }
    after(t, HOUR);
    we_are(t, ESTABLISHED);
    we_send_nothing(t);
    assert_int_equal(weft_deadline(t->stack), WEFT_TIME_NEVER);
    we_write(t, 100); /* and the timeout has not been backed off for nothing */
    we_send(t, "PA", 1, 2001, 100);
    assert_in_range(tp_info(t).rto, 200 * WEFT_MSEC, 210 * WEFT_MSEC);
    silence(t, tp_info(t).rto);
    we_send(t, "PA", 1, 2001, 100);
    tcp_peer_end(t);
}

/* The same while the peer's window is shut: the probes alone say whether the peer lives. */
static void no_packet_for_an_ack_while_the_window_is_shut(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.window_is_zero = true});
    struct hoard hoard = {0};
    weft_time end;

    (void)state;
    we_write(t, 100);
    t->batch = true;
    peer_sends(t, "A", 1, 1, 100);
    take_all(t, &hoard);
    t->batch = false;
    tp_step(t);
    give_back(&hoard);
    for (end = t->now + HOUR; t->now < end;) {
        assert_true(await_segment(t, 61 * WEFT_SEC));
        ignore_sent(t);
        after(t, 5 * WEFT_SEC);
        peer_sends(t, "A", 101, 1, 0);
    }
    we_are(t, ESTABLISHED);
    we_read(t, 100);
    assert_int_equal(tp_info(t).timeouts, 0);
    tcp_peer_end(t);
}

/* A probe that could not be sent was not left unanswered by the peer. */
static void no_packet_for_a_window_probe(void **state)
{
    (void)state;
    for (uint16_t window = 0; window <= 1; window++) {
        struct tcp_peer *t = tcp_peer_established(NULL);
        struct hoard hoard = {0};

        t->window = window;
        peer_sends(t, "A", 1, 1, 0);
        we_write(t, 1000);
        take_all(t, &hoard);
        after(t, 120 * WEFT_SEC);
        we_are(t, ESTABLISHED);
        give_back(&hoard);
        assert_true(await_segment(t, 61 * WEFT_SEC));
        ignore_sent(t);
        t->window = 5000;
        peer_sends(t, "A", 1, 1, 0);
        assert_int_equal(peer_answers(t, 1, 1001, 10 * WEFT_SEC), 1001);
        tcp_peer_end(t);
    }
}

/* However much is written, an ACK can come in, and writing goes on when it has. */
static void writers_leave_memory_to_receive(void **state)
{
    const struct tcp_peer_setup setup = {
        .accepts = true,
        .sack = true,
        .wscale = true,
        .shift = 7,
        .tcp = {.send_buffer = 64 << 20},
        .pool = {.pkts = 1024, .small_blocks = 128, .large_blocks = 32},
    };
    struct tcp_peer *t = tcp_peer_established(&setup);
    struct weft_pkt *pkt;
    uint32_t got, written = 0;

    (void)state;
    for (ptrdiff_t n; (n = tp_write(t, 1 << 20, 0)) > 0;)
        written += (uint32_t)n;
    assert_true(written > 100000);
    assert_non_null(pkt = weft_pkt_new_rx(t->pool, 64));
    weft_pkt_free(pkt);
    tp_step(t);
    t->heard = 0;
    got = peer_answers(t, 1, 1 + written, 60 * WEFT_SEC);
    assert_int_equal(got, 1 + written);
    we_hear(t, WEFT_WRITABLE);
    we_write(t, 1000);
    assert_int_equal(peer_answers(t, got, got + 1000, WEFT_SEC), got + 1000);
    tcp_peer_end(t);
}

/* Memory that somebody else gives back is noticed without a segment or a timer of ours. */
static void writers_are_told_when_memory_is_back(void **state)
{
    const struct tcp_peer_setup setup = {.pool = {.pkts = 1024, .small_blocks = 256, .large_blocks = 64}};
    struct tcp_peer *t = tcp_peer_established(&setup);
    struct hoard hoard = {0};

    (void)state;
    take_all(t, &hoard);
    assert_int_equal(tp_write(t, 100, 0), WEFT_E_AGAIN);
    tp_step(t);
    assert_int_equal(weft_deadline(t->stack), WEFT_TIME_NEVER);
    t->heard = 0;
    give_back(&hoard);
    assert_true(weft_deadline(t->stack) <= t->now);
    tp_step(t);
    we_hear(t, WEFT_WRITABLE);
    assert_true(weft_deadline(t->stack) > t->now);
    we_write(t, 100);
    we_send(t, "PA", 1, 1, 100);
    tcp_peer_end(t);
}

/* --- Ranges ---------------------------------------------------------------------------------------------------- */

/* A second connection of the same listener; returns the first's socket. */
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

/* No range to note what is sent: then it is not sent yet; what is sent is never forgotten. */
static void no_range_for_data(void **state)
{
    struct tcp_peer *t =
        tcp_peer_established(&(struct tcp_peer_setup){.accepts = true, .tcp = {.ranges = 4}});
    struct weft_sock *first;

    (void)state;
    we_write(t, 1000);
    we_send(t, "PA", 1, 1, 1000);
    t->sock->tcb->tcp->ranges.capacity = 1; /* only ranges are to be short */
    first = another_client(t);
    we_write(t, 500);
    we_send_nothing(t);
    assert_int_equal(tp_info(t).limit, WEFT_LIMIT_MEMORY);
    weft_sock_abort(first);
    assert_true(await_segment(t, 10 * WEFT_SEC));
    for (; t->segs[t->first].tcp.flags & WIRE_TCP_RST; t->count--)
        t->first++;
    for (unsigned i = 0; i < 3; i++) { /* never acknowledged: it is sent again and again */
        assert_true(await_segment(t, 60 * WEFT_SEC));
        we_send(t, "PA", 1, 1, 500);
    }
    tcp_peer_end(t);
}

/* Nor one for a SYN: it waits as other segments do. */
static void no_range_for_a_syn(void **state)
{
    struct tcp_peer *t =
        tcp_peer_established(&(struct tcp_peer_setup){.accepts = true, .tcp = {.ranges = 1}});
    struct weft_endpoint remote = {tp_peer, 9};
    struct weft_sock *client;

    (void)state;
    we_write(t, 1000);
    we_send(t, "PA", 1, 1, 1000);
    t->loose = true;
    assert_int_equal(weft_sock_open(t->stack, WEFT_SOCK_STREAM, &client), 0);
    assert_int_equal(weft_sock_connect(client, &remote), WEFT_E_INPROGRESS);
    tp_step(t);
    we_send_nothing(t);
    peer_sends(t, "A", 1, 1001, 0);
    assert_true(await_segment(t, 3 * WEFT_SEC));
    assert_int_equal(t->segs[t->first].tcp.flags, WIRE_TCP_SYN);
    weft_sock_abort(client);
    tp_step(t);
    ignore_sent(t);
    tcp_peer_end(t);
}

/* A range cannot be split for what goes again: the same bytes do not go with each step, and none is lost. */
static void no_range_for_a_split(void **state)
{
    struct tcp_peer *t = tcp_peer_established(
        &(struct tcp_peer_setup){.sack = true, .tcp = {.ranges = 1, .mtu_probing = WEFT_MTU_PROBING_OFF}});
    uint64_t before;

    (void)state;
    we_write(t, 10000);
    assert_int_equal(taken(t, 1), 10001);
    after(t, 2 * WEFT_SEC);
    assert_true(tp_info(t).timeouts > 0);
    before = tp_info(t).bytes_retransmitted;
    for (unsigned i = 0; i < 100; i++)
        after(t, 10);
    assert_int_equal(tp_info(t).bytes_retransmitted, before);
    ignore_sent(t);
    assert_int_equal(peer_answers(t, 1, 10001, 600 * WEFT_SEC), 10001);
    tcp_peer_end(t);
}

/* --- Segment sizes ----------------------------------------------------------------------------------------------- */

/* Segments as large as IPv4 packets can be: none is too large, and timeouts and partial ACKs do not stop them. */
static void segments_of_the_largest_mtu(void **state)
{
    const struct tcp_peer_setup setup = {
        .accepts = true,
        .sack = true,
        .wscale = true,
        .shift = 14,
        .mss = 65495,
        .mtu = 65535,
        .tx_queue = 3,
        .tcp = {.send_buffer = 8 << 20},
        .pool = {.large_blocks = 1024},
    };
    struct tcp_peer *t = tcp_peer_established(&setup);
    uint32_t got = 1;

    (void)state;
    peer_sends(t, "A", 1, 1, 0);
    for (unsigned i = 0; i < 4; i++)
        we_write(t, 1000000);
    got = peer_answers(t, got, 1000001, 60 * WEFT_SEC);
    assert_in_range(tp_info(t).snd_mss, 65000, 65495);
    ignore_sent(t);
    after(t, 5 * WEFT_SEC); /* all that was in flight is lost */
    assert_true(tp_info(t).timeouts > 0);
    got = peer_answers(t, got, 4000001, 60 * WEFT_SEC);
    assert_int_equal(got, 4000001);
    assert_int_equal(tp_drops(t, WEFT_DROP_IP_TOO_BIG), 0);
    tcp_peer_end(t);
}

static void small_maxseg(struct weft_sock *sock)
{
    assert_int_equal(weft_sock_setopt(sock, WEFT_OPT_MAXSEG, 100), 0);
}

/* A window learned with small segments holds a large one, too; and the other way round. */
static void the_segment_size_is_raised_and_lowered(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){
        .prepare = small_maxseg, .mss = 1460, .tcp = {.mtu_probing = WEFT_MTU_PROBING_OFF}});

    (void)state;
    assert_int_equal(weft_sock_setopt(t->sock, WEFT_OPT_MAXSEG, 1460), 0);
    we_write(t, 50000);
    assert_int_equal(peer_answers(t, 1, 50001, 10 * WEFT_SEC), 50001);
    assert_int_equal(tp_info(t).timeouts, 0);
    we_write(t, 5000);
    ignore_sent(t); /* lost */
    assert_int_equal(weft_sock_setopt(t->sock, WEFT_OPT_MAXSEG, 88), 0);
    assert_int_equal(peer_answers(t, 50001, 55001, 60 * WEFT_SEC), 55001);
    after(t, 30 * WEFT_SEC);
    we_write(t, 1000);
    ignore_sent(t);
    after(t, 10 * WEFT_SEC); /* timeouts: the window is one of these small segments */
    ignore_sent(t);
    assert_int_equal(weft_sock_setopt(t->sock, WEFT_OPT_MAXSEG, 1460), 0);
    assert_in_range(tp_info(t).ssthresh, 2 * 1460, UINT32_MAX);
    we_write(t, 5000);
    assert_int_equal(peer_answers(t, 55001, 61001, 60 * WEFT_SEC), 61001);
    tcp_peer_end(t);
}

/* The path's MTU falls, down to what a message may say and below; later it is forgotten and rises again. */
static void the_path_mtu_falls_and_rises(void **state)
{
    static const uint16_t mtus[] = {1000, 600, 68, 0};

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.mss = 1460});

        we_write(t, 5000);
        ignore_sent(t);
        t->may_be_cut = mtus[i] == 68;
        peer_sends_icmp(t, 3, 4, mtus[i], 1);
        assert_in_range(tp_info(t).snd_mss, 500, 1459);
        assert_int_equal(peer_answers(t, 1, 5001, 60 * WEFT_SEC), 5001);
        after(t, HOUR);
        t->may_be_cut = false;
        we_write(t, 20000);
        assert_int_equal(tp_info(t).snd_mss, 1460);
        assert_int_equal(peer_answers(t, 5001, 25001, 60 * WEFT_SEC), 25001);
        tcp_peer_end(t);
    }
}

/* --- What applications do ------------------------------------------------------------------------------------------- */

/* A block larger than the whole send buffer goes when nothing else is in it, and is not waited for in vain. */
static void a_block_larger_than_the_send_buffer(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.tcp = {.send_buffer = 8192}});
    struct weft_block *block = weft_block_new(t->pool, WEFT_BLOCK_LARGE);

    (void)state;
    assert_non_null(block);
    for (uint32_t i = 0; i < WEFT_BLOCK_LARGE; i++)
        block->data[i] = tp_byte(t->write_seq + i);
    assert_int_equal(weft_sock_send_block(t->sock, block, 0, WEFT_BLOCK_LARGE), WEFT_BLOCK_LARGE);
    t->write_seq += WEFT_BLOCK_LARGE;
    tp_step(t);
    assert_int_equal(weft_sock_send_block(t->sock, block, 0, WEFT_BLOCK_LARGE), WEFT_E_AGAIN);
    weft_block_unref(block);
    t->heard = 0;
    assert_int_equal(peer_answers(t, 1, 1 + WEFT_BLOCK_LARGE, WEFT_SEC), 1 + WEFT_BLOCK_LARGE);
    we_hear(t, WEFT_WRITABLE);
    tcp_peer_end(t);
}

static bool ends_within(struct tcp_peer *t, weft_time time)
{
    after(t, time);
    return t->state == WEFT_TCP_CLOSED;
}

/* A user timeout holds for what is in flight when it is set, and no longer when it is taken back. */
static void the_user_timeout_changes_with_data_in_flight(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    assert_int_equal(weft_sock_setopt(t->sock, WEFT_OPT_USER_TIMEOUT, 2 * WEFT_SEC), 0);
    we_write(t, 100);
    assert_int_equal(weft_sock_setopt(t->sock, WEFT_OPT_USER_TIMEOUT, 0), 0);
    assert_false(ends_within(t, 20 * WEFT_SEC));
    assert_int_equal(weft_sock_setopt(t->sock, WEFT_OPT_USER_TIMEOUT, 60 * WEFT_SEC), 0);
    assert_false(ends_within(t, 20 * WEFT_SEC));
    assert_int_equal(weft_sock_setopt(t->sock, WEFT_OPT_USER_TIMEOUT, 120 * WEFT_SEC), 0);
    assert_false(ends_within(t, 70 * WEFT_SEC));
    ignore_sent(t);
    peer_sends(t, "A", 1, 101, 0);
    assert_int_equal(weft_sock_setopt(t->sock, WEFT_OPT_USER_TIMEOUT, 5 * WEFT_SEC), 0);
    assert_false(ends_within(t, HOUR)); /* nothing is in flight */
    we_write(t, 100);
    assert_true(ends_within(t, 5 * WEFT_SEC));
    assert_int_equal(weft_sock_error(t->sock), WEFT_E_TIMEDOUT);
    ignore_sent(t);
    tcp_peer_end(t);
}

/* Data in the same batch as the SYN-ACK finds the window that our SYN offered. */
static void data_in_a_batch_with_the_syn_ack(void **state)
{
    struct tcp_peer *t = tcp_peer_syn_sent(NULL);

    (void)state;
    t->batch = true;
    peer_sends_syn(t, "SA", 0, 1);
    peer_sends(t, "A", 1, 1, 1000);
    peer_sends(t, "FPA", 1001, 1, 500);
    t->batch = false;
    tp_step(t);
    we_send(t, "A", 1, 1502, 0);
    we_read(t, 1500);
    we_are(t, CLOSE_WAIT);
    tcp_peer_end(t);
}

/* --- After TIME-WAIT ---------------------------------------------------------------------------------------------------- */

/* More data than the ISN's clock has ticks in the time: the next connection's numbers begin above all the same. */
static uint32_t send_much_and_close(struct tcp_peer *t)
{
    uint32_t got = 1;

    for (unsigned i = 0; i < 20; i++) {
        we_write(t, 10000);
        got = taken(t, got);
        peer_sends(t, "A", 1, got, 0);
    }
    assert_int_equal(got, 200001);
    we_shutdown(t);
    we_send(t, "FA", 200001, 1, 0);
    peer_sends(t, "FA", 1, 200002, 0);
    we_send(t, "A", 200002, 2, 0);
    we_are(t, TIME_WAIT);
    weft_sock_close(t->sock);
    t->sock = NULL;
    tp_step(t);
    t->irs += 100000;
    t->peer_sent = t->irs;
    return t->iss + 200002;
}

static void a_new_server_connection_after_time_wait(void **state)
{
    const struct tcp_peer_setup setup = {.accepts = true, .tcp = {.initial_window_segs = 20}};
    struct tcp_peer *t = tcp_peer_established(&setup);
    uint32_t old = send_much_and_close(t);

    (void)state;
    peer_sends_syn(t, "S", 0, 0);
    we_send(t, "SA", 0, 1, 0);
    assert_true((int32_t)(t->iss - old) > 0);
    tcp_peer_end(t);
}

static void a_new_client_connection_after_time_wait(void **state)
{
    const struct tcp_peer_setup setup = {.tcp = {.initial_window_segs = 20}};
    struct tcp_peer *t = tcp_peer_established(&setup);
    struct weft_endpoint remote = {tp_peer, TP_SERVER_PORT};
    uint32_t old = send_much_and_close(t);

    (void)state;
    t->sock = tp_open(t);
    assert_int_equal(weft_sock_connect(t->sock, &remote), WEFT_E_INPROGRESS);
    tp_step(t);
    we_send(t, "S", 0, 0, 0);
    assert_true((int32_t)(t->iss - old) > 0);
    tcp_peer_end(t);
}

/* --- Timers and windows of our own ------------------------------------------------------------------------------------------ */

/* An ACK of all that comes a little after the probe is no sign of loss (RFC 8985 7.4.2). */
static void a_late_ack_after_a_probe_costs_nothing(void **state)
{
    struct tcp_peer *t = tcp_peer_measured(&(struct tcp_peer_setup){.sack = true});
    uint32_t cwnd = tp_info(t).cwnd;

    (void)state;
    we_write(t, 10000);
    assert_int_equal(taken(t, 1), 10001);
    after(t, 210 * WEFT_MSEC);
    we_send(t, "PA", 9001, 1, 1000);
    peer_sends(t, "A", 1, 10001, 0);
    assert_in_range(tp_info(t).cwnd, cwnd, UINT32_MAX);
    assert_int_equal(tp_info(t).ssthresh, UINT32_MAX);
    peer_sacks(t, 1, 10001, 9001, 10001); /* the probe's copy has come, too */
    we_write(t, 1000);
    peer_sends(t, "A", 1, 11001, 0);
    assert_in_range(tp_info(t).cwnd, cwnd, UINT32_MAX);
    assert_int_equal(tp_info(t).ssthresh, UINT32_MAX);
    tcp_peer_end(t);
}

/* Whatever the round trip, the probe goes before the timeout or in its place, never with it (RFC 8985 7.2). */
static void a_probe_never_meets_the_timeout(void **state)
{
    (void)state;
    for (weft_time rtt = 10; rtt <= 500; rtt += 10) {
        struct tcp_peer *t = tcp_peer_syn_sent(&(struct tcp_peer_setup){.sack = true});
        weft_time first;

        after(t, rtt * WEFT_MSEC);
        peer_sends_syn(t, "SA", 0, 1);
        ignore_sent(t);
        we_write(t, 1000);
        we_send(t, "PA", 1, 1, 1000);
        assert_true(await_segment(t, 10 * WEFT_SEC));
        we_send(t, "PA", 1, 1, 1000);
        we_send_nothing(t);
        assert_int_equal(tp_count(t, WEFT_COUNT_TCP_TAIL_PROBES), 1);
        assert_int_equal(tp_info(t).timeouts, 0);
        first = t->now;
        assert_true(await_segment(t, 10 * WEFT_SEC));
        we_send(t, "PA", 1, 1, 1000);
        assert_in_range(t->now - first, 200 * WEFT_MSEC, 10 * WEFT_SEC);
        assert_int_equal(tp_info(t).timeouts, 1);
        tcp_peer_end(t);
    }
}

static const struct tcp_peer_setup *const large_window = &(struct tcp_peer_setup){
    .accepts = true, .sack = true, .wscale = true, .shift = 7, .tcp = {.initial_window_segs = 100}};

/* RFC 9937 6: what was SACKed and is then acknowledged has been delivered once. */
static void prr_counts_each_byte_once(void **state)
{
    struct tcp_peer *t = tcp_peer_established(large_window);
    const struct tcp_congestion *cc = &t->sock->tcb->cc;

    (void)state;
    peer_sends(t, "A", 1, 1, 0);
    we_write(t, 400000);
    ignore_sent(t);
    after(t, 50 * WEFT_MSEC);
    for (uint32_t i = 2; i <= 60; i++) {
        peer_sacks(t, 1, 1, 1001, 1000 * i + 1);
        after(t, 100);
    }
    assert_int_equal(cc->state, TCP_CA_RECOVERY);
    uint32_t before = cc->prr_delivered;
    peer_sacks(t, 1, 60001, 61001, 65001); /* the first has arrived, another is missing */
    assert_int_equal(cc->state, TCP_CA_RECOVERY);
    assert_int_equal(cc->prr_delivered - before, 1000 + 4000);
    assert_in_range(before, 57000, 59000);
    tcp_peer_end(t);
}

/* RFC 5681 3.2: FlightSize is what was out when the loss was found, not what this ACK leaves of it. */
static void ssthresh_is_half_of_what_was_out(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.sack = true});

    (void)state;
    we_write(t, 10000);
    ignore_sent(t);
    after(t, 20 * WEFT_MSEC);
    peer_sacks(t, 1, 6001, 7001, 10001);
    assert_int_equal(tp_info(t).recoveries, 1);
    assert_int_equal(tp_info(t).ssthresh, 5000);
    tcp_peer_end(t);
}

/* RFC 5681 3.1: "if the SYN or SYN/ACK is lost, the initial window ... MUST be one segment". */
static void a_lost_syn_means_a_small_window(void **state)
{
    struct tcp_peer *t = tcp_peer_syn_sent(NULL);

    (void)state;
    after(t, WEFT_SEC);
    we_send(t, "S", 0, 0, 0);
    peer_sends_syn(t, "SA", 0, 1);
    we_send(t, "A", 1, 1, 0);
    we_write(t, 5000);
    we_send(t, "A", 1, 1, 1000);
    we_send_nothing(t);
    tcp_peer_end(t);
    t = tcp_peer_syn_received(NULL);
    after(t, WEFT_SEC);
    we_send(t, "SA", 0, 1, 0);
    peer_sends(t, "A", 1, 1, 0);
    tp_accept(t);
    we_write(t, 5000);
    we_send(t, "A", 1, 1, 1000);
    we_send_nothing(t);
    tcp_peer_end(t);
}

/* --- All together, at random ------------------------------------------------------------------------------------------------ */

struct troubles {
    struct hoard hoard;
    bool no_memory, no_route;
    uint32_t got;
};

/* The peer says what it has got, and with `len` something of its own: what comes next, or the last again. */
static void peer_speaks(struct tcp_peer *t, struct troubles *troubles, uint32_t len)
{
    uint32_t nxt = t->peer_sent - t->irs;

    troubles->got = taken(t, troubles->got);
    peer_sends(t, "A", nxt, troubles->got, len);
}

static void toggle_memory(struct tcp_peer *t, struct troubles *troubles)
{
    troubles->no_memory = !troubles->no_memory;
    if (troubles->no_memory)
        take_all(t, &troubles->hoard);
    else
        give_back(&troubles->hoard);
}

static void toggle_route(struct tcp_peer *t, struct troubles *troubles)
{
    troubles->no_route = !troubles->no_route;
    if (troubles->no_route)
        route_goes(t);
    else
        route_is_back(t);
}

static void something_happens(struct tcp_peer *t, struct troubles *troubles, struct test_rng *rng)
{
    static const uint16_t windows[] = {0, 1, 300, 1000, 65535};
    static const uint16_t sizes[] = {88, 500, 1460, 9000};

    switch (test_rng_below(rng, 10)) {
    case 0:
        toggle_memory(t, troubles);
        break;
    case 1:
        toggle_route(t, troubles);
        break;
    case 2:
        t->link_is_full = !t->link_is_full;
        break;
    case 3:
        t->window = windows[test_rng_below(rng, 5)];
        peer_speaks(t, troubles, 0);
        break;
    case 4:
        weft_sock_setopt(t->sock, WEFT_OPT_MAXSEG, sizes[test_rng_below(rng, 4)]);
        break;
    case 5:
        ignore_sent(t); /* lost */
        break;
    case 6:
        peer_speaks(t, troubles, test_rng_below(rng, 200));
        break;
    case 7:
        after(t, test_rng_below(rng, 3000) * WEFT_MSEC);
        break;
    default:
        tp_write(t, 1 + test_rng_below(rng, 6000), 0);
        tp_step(t);
    }
}

/* Whatever happened, in whatever order: when all is well again everything goes through. */
static void after_all_troubles_everything_goes_through(void **state)
{
    struct test_rng rng = test_rng_start(__func__);

    (void)state;
    for (unsigned run = 0; run < 150; run++) {
        uint64_t replay = rng.state;
        uint32_t bits = test_rng_u32(&rng);
        const struct tcp_peer_setup setup = {
            .accepts = bits & 1,
            .sack = bits >> 1 & 1,
            .timestamps = bits >> 2 & 1,
            .caps = bits >> 3 & 1 ? WEFT_LINK_TSO4 : 0,
            .mss = 1460,
            .tx_queue = 8,
            .tcp = {.ranges = bits >> 4 & 1 ? 4 : 0},
            .pool = {.pkts = 512, .small_blocks = 512, .large_blocks = 64},
        };
        struct tcp_peer *t = tcp_peer_established(&setup);
        struct troubles troubles = {.got = 1};

        test_check_host_loses(&t->wire);
        for (unsigned i = 0; i < 100; i++)
            something_happens(t, &troubles, &rng);
        assert_int_equal(weft_sock_shutdown(t->sock, WEFT_SHUT_WR), 0);
        for (unsigned i = 0; i < 20; i++)
            something_happens(t, &troubles, &rng);
        if (troubles.no_memory)
            toggle_memory(t, &troubles);
        if (troubles.no_route)
            toggle_route(t, &troubles);
        t->link_is_full = false;
        t->window = 65535;
        after(t, 1);
        we_read(t, (uint32_t)weft_sock_recv_pending(t->sock));
        peer_speaks(t, &troubles, 0);
        uint32_t end = t->write_seq - t->iss + 1; /* with the FIN */
        /* With a few ranges only, timeouts alone find what is lost. */
        weft_time most = setup.tcp.ranges > 0 ? 2 * HOUR : 300 * WEFT_SEC;
        uint32_t got = peer_answers(t, troubles.got, end, most);
        if (got != end || t->state != WEFT_TCP_FIN_WAIT_2)
            print_error("run %u, rng %llu\n", run, (unsigned long long)replay);
        TP_CHECK(t, got == end);
        we_are(t, FIN_WAIT_2);
        tcp_peer_end(t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_zero_window_for_an_hour),
        cmocka_unit_test(a_fin_waits_for_the_window),
        cmocka_unit_test(acks_stay_inside_a_window_that_shrank),
        cmocka_unit_test(a_fin_does_not_fit_behind_the_data),
        cmocka_unit_test(a_connection_that_rests_for_months),
        cmocka_unit_test(a_window_that_stays_small),
        cmocka_unit_test(nagle_after_two_gigabytes),
        cmocka_unit_test(a_route_comes_back),
        cmocka_unit_test(a_route_comes_back_to_data_in_flight),
        cmocka_unit_test(a_route_stays_away),
        cmocka_unit_test(a_full_queue_is_drained),
        cmocka_unit_test(no_packet_for_a_syn),
        cmocka_unit_test(no_packet_for_a_syn_ack),
        cmocka_unit_test(no_packet_for_data),
        cmocka_unit_test(no_packet_for_an_ack),
        cmocka_unit_test(no_packet_for_an_ack_while_the_window_is_shut),
        cmocka_unit_test(no_packet_for_a_window_probe),
        cmocka_unit_test(writers_leave_memory_to_receive),
        cmocka_unit_test(writers_are_told_when_memory_is_back),
        cmocka_unit_test(no_range_for_data),
        cmocka_unit_test(no_range_for_a_syn),
        cmocka_unit_test(no_range_for_a_split),
        cmocka_unit_test(segments_of_the_largest_mtu),
        cmocka_unit_test(the_segment_size_is_raised_and_lowered),
        cmocka_unit_test(the_path_mtu_falls_and_rises),
        cmocka_unit_test(a_block_larger_than_the_send_buffer),
        cmocka_unit_test(the_user_timeout_changes_with_data_in_flight),
        cmocka_unit_test(data_in_a_batch_with_the_syn_ack),
        cmocka_unit_test(a_new_server_connection_after_time_wait),
        cmocka_unit_test(a_new_client_connection_after_time_wait),
        cmocka_unit_test(a_late_ack_after_a_probe_costs_nothing),
        cmocka_unit_test(a_probe_never_meets_the_timeout),
        cmocka_unit_test(prr_counts_each_byte_once),
        cmocka_unit_test(ssthresh_is_half_of_what_was_out),
        cmocka_unit_test(a_lost_syn_means_a_small_window),
        cmocka_unit_test(after_all_troubles_everything_goes_through),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
