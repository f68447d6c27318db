/* SPDX-License-Identifier: MIT */
/*
 * The size of packets: what a connection finds out where nobody says anything
 * (RFC 4821), and what it believes of what anybody can say (RFC 5927 7).
 */
#include "tcp_path.h"
#include "tcp_peer.h"

#define HEADERS 52 /* IPv4, TCP and timestamps */

/* 20 ms there and back at 20 Mbit/s, with a queue of twice what is under way; packets above `hole` vanish. */
static struct tcp_path_setup narrow(uint32_t mtu, uint32_t hole)
{
    const struct weft_wire_direction way = {
        .delay = 10 * WEFT_MSEC, .rate = 20000000, .queue = {.packets = 200}, .mtu = hole};

    return (struct tcp_path_setup){.wire = {.mtu = mtu, .direction = {way, way}}};
}

static void make_hole(struct tcp_path *p, uint32_t hole)
{
    struct weft_wire_direction way;

    weft_wire_get(p->wire, WEFT_WIRE_FORTH, &way);
    way.mtu = hole;
    weft_wire_set(p->wire, WEFT_WIRE_FORTH, &way);
}

static uint64_t count(const struct tcp_path *p, enum weft_counter counter)
{
    return weft_stats(p->client)->count[counter];
}

/* --- Black holes ------------------------------------------------------------------------------ */

/* Three timeouts, then it goes on in small segments, and soon in nearly as large ones as the path carries. */
static void a_black_hole_is_found_and_measured(void **state)
{
    static const uint32_t holes[] = {1499, 1492, 1450, 1400, 1300, 1100, 1024};

    (void)state;
    for (unsigned i = 0; i < sizeof(holes) / sizeof(holes[0]); i++) {
        struct tcp_path_setup setup = narrow(1500, holes[i]);
        struct tcp_path *p = tcp_path_new(&setup);

        assert_in_range(tcp_path_send(p, 4000000, 60 * WEFT_SEC), 1600 * WEFT_MSEC, 5 * WEFT_SEC);
        assert_int_equal(count(p, WEFT_COUNT_TCP_MTU_BLACK_HOLES), 1);
        tcp_path_send(p, 20000000, 60 * WEFT_SEC);
        assert_int_equal(tcp_path_info(p->sock).timeouts, 3);
        assert_in_range(tcp_path_info(p->sock).snd_mss + HEADERS, holes[i] - 8, holes[i]);
        tcp_path_end(p);
    }
}

/* Below the base it is halved until it passes (RFC 4821 7.7). */
static void a_narrow_black_hole(void **state)
{
    struct tcp_path_setup setup = narrow(1500, 700);
    struct tcp_path *p = tcp_path_new(&setup);

    (void)state;
    tcp_path_send(p, 100000, 60 * WEFT_SEC);
    tcp_path_send(p, 20000000, 120 * WEFT_SEC);
    assert_in_range(tcp_path_info(p->sock).snd_mss + HEADERS, 692, 700);
    assert_int_equal(count(p, WEFT_COUNT_TCP_MTU_BLACK_HOLES), 1);
    tcp_path_end(p);
}

/* With neither probing nor ICMP nothing gets through. */
static void it_can_be_off(void **state)
{
    struct tcp_path_setup setup = narrow(1500, 1400);
    struct tcp_path *p;

    (void)state;
    setup.client.mtu_probing = WEFT_MTU_PROBING_OFF;
    p = tcp_path_new(&setup);
    p->total = 100000;
    tcp_path_run(p, 60 * WEFT_SEC);
    assert_int_equal(p->got, 0);
    assert_int_equal(count(p, WEFT_COUNT_TCP_MTU_BLACK_HOLES), 0);
    tcp_path_end(p);
}

/* It opens while the connection stands, and goes away again: then the full size comes back within ten minutes. */
static void a_black_hole_comes_and_goes(void **state)
{
    struct tcp_path_setup setup = narrow(1500, 0);
    struct tcp_path *p;

    (void)state;
    setup.client.send_buffer = 60000; /* a small cwnd, so that it need not wait long after a failure */
    p = tcp_path_new(&setup);
    tcp_path_send(p, 1000000, 10 * WEFT_SEC);
    assert_int_equal(count(p, WEFT_COUNT_TCP_MTU_PROBES), 0); /* nothing is tried without need */
    make_hole(p, 1280);
    tcp_path_send(p, 40000000, 60 * WEFT_SEC);
    assert_in_range(tcp_path_info(p->sock).snd_mss + HEADERS, 1272, 1280);
    make_hole(p, 0);
    tcp_path_run(p, 590 * WEFT_SEC);
    tcp_path_send(p, 1000000, 10 * WEFT_SEC);
    tcp_path_run(p, 20 * WEFT_SEC);
    tcp_path_send(p, 1000000, 10 * WEFT_SEC);
    assert_int_equal(tcp_path_info(p->sock).snd_mss + HEADERS, 1500);
    tcp_path_end(p);
}

/* A wire that was cut for a while looks like one: the first probe after it puts all right. */
static void an_outage_leaves_no_mark(void **state)
{
    struct tcp_path_setup setup = narrow(1500, 0);
    struct tcp_path *p = tcp_path_new(&setup);
    struct weft_wire_direction way;

    (void)state;
    tcp_path_send(p, 1000000, 10 * WEFT_SEC);
    p->total += 1000000;
    tcp_path_write(p);
    tcp_path_run(p, 50 * WEFT_MSEC);
    weft_wire_get(p->wire, WEFT_WIRE_FORTH, &way);
    way.down = true;
    weft_wire_set(p->wire, WEFT_WIRE_FORTH, &way);
    tcp_path_run(p, 5 * WEFT_SEC);
    assert_in_range(tcp_path_info(p->sock).snd_mss + HEADERS, 552, 1024);
    way.down = false;
    weft_wire_set(p->wire, WEFT_WIRE_FORTH, &way);
    tcp_path_send(p, 3000000, 30 * WEFT_SEC);
    assert_int_equal(tcp_path_info(p->sock).snd_mss + HEADERS, 1500);
    assert_int_equal(count(p, WEFT_COUNT_TCP_MTU_PROBES), 1);
    tcp_path_end(p);
}

/* Without SACK no probe is sent, but small segments pass. */
static void without_sack_it_stays_small(void **state)
{
    struct tcp_path_setup setup = narrow(1500, 1400);
    struct tcp_path *p;

    (void)state;
    setup.client.no_sack = true;
    p = tcp_path_new(&setup);
    tcp_path_send(p, 3000000, 30 * WEFT_SEC);
    assert_int_equal(tcp_path_info(p->sock).snd_mss + HEADERS, 1024);
    assert_int_equal(count(p, WEFT_COUNT_TCP_MTU_PROBES), 0);
    tcp_path_end(p);
}

/* But not for ever: after ten minutes the full size is tried, and stays if it passes (RFC 4821 7.3). */
static void without_sack_the_full_size_is_tried_again(void **state)
{
    struct tcp_path_setup setup = narrow(1500, 0);
    struct tcp_path *p;

    (void)state;
    setup.client.no_sack = true;
    p = tcp_path_new(&setup);
    make_hole(p, 1400);
    tcp_path_send(p, 1000000, 30 * WEFT_SEC);
    tcp_path_run(p, 590 * WEFT_SEC);
    tcp_path_send(p, 100000, 30 * WEFT_SEC);
    assert_int_equal(tcp_path_info(p->sock).snd_mss + HEADERS, 1024);
    tcp_path_run(p, 20 * WEFT_SEC);
    tcp_path_send(p, 1000000, 30 * WEFT_SEC); /* in vain */
    assert_int_equal(tcp_path_info(p->sock).snd_mss + HEADERS, 1024);
    assert_int_equal(count(p, WEFT_COUNT_TCP_MTU_BLACK_HOLES), 2);
    make_hole(p, 0);
    tcp_path_run(p, 610 * WEFT_SEC);
    tcp_path_send(p, 1000000, 30 * WEFT_SEC);
    assert_int_equal(tcp_path_info(p->sock).snd_mss + HEADERS, 1500);
    assert_int_equal(count(p, WEFT_COUNT_TCP_MTU_BLACK_HOLES), 2);
    tcp_path_end(p);
}

/* What every path carries, and is lost, shows no black hole; what is larger does, though it may be no full segment. */
static void lost_small_segments_are_none(void **state)
{
    struct tcp_peer *t = tcp_peer_measured(&(struct tcp_peer_setup){.mss = 1460, .sack = true});

    (void)state;
    we_write(t, 512);
    after(t, 30 * WEFT_SEC);
    assert_int_equal(tp_info(t).snd_mss, 1460);
    assert_int_equal(tp_count(t, WEFT_COUNT_TCP_MTU_BLACK_HOLES), 0);
    ignore_sent(t);
    peer_sends(t, "A", 1, 513, 0);
    we_write(t, 1200);
    while (tp_count(t, WEFT_COUNT_TCP_MTU_BLACK_HOLES) == 0)
        after(t, 100 * WEFT_MSEC);
    assert_int_equal(tp_info(t).snd_mss, 1024 - 40);
    assert_true(weft_sock_events(t->sock) & WEFT_TROUBLE); /* that is at R1 */
    tcp_peer_end(t);
}

/* Nor is a window that is shut over a full segment, however long. */
static void a_shut_window_is_none(void **state)
{
    struct tcp_peer *t = tcp_peer_measured(&(struct tcp_peer_setup){.mss = 1460, .sack = true});

    (void)state;
    we_write(t, 1460);
    t->window = 0;
    peer_sends(t, "A", 1, 1, 0);
    after(t, 60 * WEFT_SEC);
    assert_true(tp_info(t).retries > 3);
    assert_int_equal(tp_info(t).snd_mss, 1460);
    assert_int_equal(tp_count(t, WEFT_COUNT_TCP_MTU_BLACK_HOLES), 0);
    ignore_sent(t);
    tcp_peer_end(t);
}

/* First down to the base, then to half with each further timeout (RFC 4821 7.7), but never below 552. */
static void the_size_is_halved(void **state)
{
    static const uint32_t sizes[] = {9000, 9000, 4000, 2000, 1000, 552, 552};
    struct tcp_peer *t = tcp_peer_measured(
        &(struct tcp_peer_setup){.mss = 8960, .mtu = 9000, .sack = true, .tcp = {.mtu_base = 4000}});

    (void)state;
    we_write(t, 8960);
    for (unsigned i = 0; i < 7; i++) {
        while (tp_info(t).retries == i)
            after(t, 10 * WEFT_MSEC);
        assert_int_equal(tp_info(t).snd_mss + 40, sizes[i]);
    }
    ignore_sent(t);
    tcp_peer_end(t);
}

/* --- Searching -------------------------------------------------------------------------------- */

/* From small to large, without a timeout and without a sign of congestion (RFC 4821 7.6.2). */
static void probing_finds_the_size_from_below(void **state)
{
    static const struct {
        uint32_t mtu, hole;
    } paths[] = {{1500, 0}, {1500, 1400}, {9000, 0}, {9000, 4000}, {9000, 1500}, {1400, 0}};

    (void)state;
    for (unsigned i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        struct tcp_path_setup setup = narrow(paths[i].mtu, paths[i].hole);
        uint32_t size = paths[i].hole ? paths[i].hole : paths[i].mtu;
        struct weft_tcp_info info;
        struct tcp_path *p;

        setup.wire.direction[0].queue.packets = 5000; /* nothing is lost but probes */
        setup.client.mtu_probing = WEFT_MTU_PROBING_ALWAYS;
        setup.client.send_buffer = setup.server.receive_buffer = 100000;
        setup.client.congestion = "newreno";
        TP_CONGESTION; /* without HyStart++, which ends slow start for other reasons */
        p = tcp_path_new(&setup);
        tcp_path_send(p, 100000000, 60 * WEFT_SEC);
        info = tcp_path_info(p->sock);
        assert_in_range(info.snd_mss + HEADERS, size - 8, size);
        assert_int_equal(info.timeouts, 0);
        assert_int_equal(info.recoveries, 0);
        assert_int_equal(info.ssthresh, UINT32_MAX);
        if (!paths[i].hole)
            assert_in_range(count(p, WEFT_COUNT_TCP_MTU_PROBES), 1, 1);
        tcp_path_end(p);
    }
}

/* MAXSEG and the peer's MSS bound what is tried. */
static void nothing_is_tried_beyond_what_the_peer_takes(void **state)
{
    struct tcp_path_setup setup = narrow(9000, 0);
    struct tcp_path *p;

    (void)state;
    setup.client.mtu_probing = WEFT_MTU_PROBING_ALWAYS;
    p = tcp_path_new(&setup);
    assert_int_equal(weft_sock_setopt(p->listener, WEFT_OPT_MAXSEG, 2000), 0);
    tcp_path_send(p, 3000000, 30 * WEFT_SEC);
    assert_int_equal(tcp_path_info(p->sock).snd_mss, 2000 - 12);
    tcp_path_end(p);
}

static struct tcp_peer *searching(void)
{
    const struct tcp_peer_setup setup = {
        .mss = 1460,
        .sack = true,
        .tcp = {.mtu_probing = WEFT_MTU_PROBING_ALWAYS, .initial_window_segs = 20}};
    struct tcp_peer *t = tcp_peer_syn_sent(&setup);

    tp_agree(t);
    after(t, 100 * WEFT_MSEC);
    peer_sends_syn(t, "SA", 0, 1);
    we_send(t, "A", 1, 1, 0);
    assert_int_equal(tp_info(t).snd_mss, 984);
    return t;
}

/* Too little to follow it: no probe, for its loss would be seen late (RFC 4821 7.4). */
static void a_probe_has_company(void **state)
{
    struct tcp_peer *t = searching();

    (void)state;
    we_write(t, 1460 + 3 * 984 - 1);
    we_send(t, "A", 1, 1, 984);
    ignore_sent(t);
    peer_sends(t, "A", 1, 1460 + 3 * 984, 0);
    we_write(t, 1460 + 3 * 984);
    we_send(t, "A", 4412, 1, 1460);
    for (unsigned i = 0; i < 3; i++)
        we_send(t, i < 2 ? "A" : "PA", 5872 + 984 * i, 1, 984);
    peer_sends(t, "A", 1, 8824, 0);
    assert_int_equal(tp_info(t).snd_mss, 1460);
    tcp_peer_end(t);
}

/* A probe is as large as it says: what an option would add to it, the user timeout's (RFC 5482), would make it larger
 * than the path's MTU, and it would be dropped before it left. The option goes with the next segment. */
static void a_probe_has_no_room_for_more_options(void **state)
{
    struct tcp_peer *t = searching();

    (void)state;
    assert_int_equal(weft_sock_setopt(t->sock, WEFT_OPT_UTO, 1), 0);
    we_write(t, 1460 + 3 * 984);
    we_send(t, "A", 1, 1, 1460);
    assert_int_equal(t->last.ip.total_len, 1500);
    assert_false(t->last.opts.has_user_timeout);
    we_send(t, "A", 1461, 1, 984 - 4);
    assert_true(t->last.opts.has_user_timeout);
    assert_int_equal(tp_drops(t, WEFT_DROP_IP_TOO_BIG), 0);
    tcp_peer_end(t);
}

/* None larger than the peer takes, or the application wants. */
static void a_probe_is_within_bounds(void **state)
{
    (void)state;
    for (unsigned own = 0; own < 2; own++) {
        struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){
            .mss = 3000,
            .mtu = 9000,
            .sack = true,
            .tcp = {.mtu_probing = WEFT_MTU_PROBING_ALWAYS, .initial_window_segs = 20}});

        if (own)
            assert_int_equal(weft_sock_setopt(t->sock, WEFT_OPT_MAXSEG, 2000), 0);
        we_write(t, 15000);
        we_send(t, "A", 1, 1, own ? 2000 : 3000);
        ignore_sent(t);
        tcp_peer_end(t);
    }
}

/* RFC 4821 7.4: none while something is missing, nor where the window or cwnd leaves no room for it and what shows
 * its loss; then data goes on as it is. */
static void a_probe_waits_for_its_moment(void **state)
{
    struct tcp_peer *t = searching();

    (void)state;
    we_write(t, 2 * 984);
    ignore_sent(t);
    after(t, 100 * WEFT_MSEC);
    peer_sacks(t, 1, 1, 985, 1969);
    we_write(t, 1460 + 4 * 984);
    we_send(t, "A", 1969, 1, 984);
    ignore_sent(t);
    peer_sends(t, "A", 1, 1969 + 1460 + 4 * 984, 0);
    tcp_peer_end(t);

    t = searching(); /* in a recovery, too, that has nothing left to repair */
    we_write(t, 3 * 984);
    ignore_sent(t);
    after(t, 100 * WEFT_MSEC);
    peer_sacks(t, 1, 1, 985, 1969);
    after(t, 50 * WEFT_MSEC);
    we_send(t, "A", 1, 1, 984);
    peer_sends(t, "A", 1, 1969, 0);
    ignore_sent(t);
    assert_true(t->sock->tcb->cc.state == TCP_CA_RECOVERY && t->sock->tcb->board.sacked_bytes == 0);
    we_write(t, 1460 + 4 * 984);
    we_send(t, "A", 2953, 1, 984);
    ignore_sent(t);
    tcp_peer_end(t);

    t = searching();
    t->window = 1460 + 3 * 984 - 1;
    peer_sends(t, "A", 1, 1, 0);
    we_write(t, 10000);
    we_send(t, "A", 1, 1, 984);
    ignore_sent(t);
    tcp_peer_end(t);

    t = searching();
    t->sock->tcb->cc.cwnd = 1460 + 3 * 984 - 1;
    we_write(t, 10000);
    we_send(t, "A", 1, 1, 984);
    ignore_sent(t);
    tcp_peer_end(t);
}

/* What has passed speaks against claims of less. */
static void a_probe_that_passed_is_known_to_arrive(void **state)
{
    struct tcp_peer *t = searching();

    (void)state;
    we_write(t, 1460 + 3 * 984);
    ignore_sent(t);
    peer_sends(t, "A", 1, 1461 + 3 * 984, 0);
    assert_int_equal(tp_info(t).snd_mss, 1460);
    we_write(t, 1460);
    ignore_sent(t);
    peer_sends_icmp(t, 3, 4, 1200, 4413);
    assert_int_equal(tp_info(t).snd_mss, 1460);
    we_send_nothing(t);
    tcp_peer_end(t);
}

/* The probe alone is lost: its bytes go again in segments that pass, cwnd stays, and the next waits. */
static void a_lost_probe_is_no_congestion(void **state)
{
    struct tcp_peer *t = searching();
    uint32_t cwnd = tp_info(t).cwnd;

    (void)state;
    we_write(t, 1460 + 5 * 984);
    we_send(t, "A", 1, 1, 1460);
    ignore_sent(t);
    after(t, 100 * WEFT_MSEC);
    peer_sacks(t, 1, 1, 1461, 1461 + 2 * 984);
    peer_sacks(t, 1, 1, 1461, 1461 + 4 * 984);
    we_send(t, "A", 1, 1, 984);
    we_send(t, "A", 985, 1, 476);
    assert_in_range(tp_info(t).cwnd, cwnd, UINT32_MAX);
    assert_int_equal(tp_info(t).ssthresh, UINT32_MAX);
    assert_int_equal(tp_info(t).recoveries, 0);
    after(t, 100 * WEFT_MSEC);
    peer_sends(t, "A", 1, 1461 + 5 * 984, 0);
    assert_int_equal(tp_info(t).snd_mss, 984);
    we_write(t, 5 * 1460);
    we_send(t, "A", 6381, 1, 984); /* no probe yet */
    ignore_sent(t);
    peer_sends(t, "A", 1, 6381 + 5 * 1460, 0);
    after(t, 5 * WEFT_SEC);
    we_write(t, 5 * 1460);
    assert_in_range(t->segs[t->first].len, 985, 1459); /* half of what is left */
    tcp_peer_end(t);
}

/* Its retransmission is lost, too: that is congestion. */
static void a_lost_retransmission_of_a_probe_is_congestion(void **state)
{
    struct tcp_peer *t = searching();

    (void)state;
    we_write(t, 1460 + 8 * 984);
    after(t, 100 * WEFT_MSEC);
    peer_sacks(t, 1, 1, 1461, 1461 + 4 * 984);
    ignore_sent(t);
    assert_int_equal(tp_info(t).recoveries, 0);
    we_write(t, 984);
    after(t, 150 * WEFT_MSEC);
    peer_sacks(t, 1, 1, 1461, 1461 + 9 * 984);
    after(t, 50 * WEFT_MSEC);
    assert_int_equal(tp_info(t).recoveries, 1);
    tcp_peer_end(t);
}

/* Lost among others: congestion, and nothing is known of the size (RFC 4821 7.6.4). */
static void a_probe_lost_among_others_says_nothing(void **state)
{
    struct tcp_peer *t = searching();

    (void)state;
    we_write(t, 1460 + 8 * 984);
    after(t, 100 * WEFT_MSEC);
    peer_sacks(t, 1, 1, 1461 + 984, 1461 + 8 * 984);
    assert_int_equal(tp_info(t).recoveries, 1);
    ignore_sent(t);
    peer_sends(t, "A", 1, 1461 + 8 * 984, 0);
    assert_int_equal(tp_info(t).snd_mss, 984);
    after(t, WEFT_SEC);
    we_write(t, 6 * 1460);
    assert_int_equal(t->segs[t->first].len, 1460); /* the same size once more */
    tcp_peer_end(t);
}

/* --- What routers say (RFC 5927 7) ------------------------------------------------------------- */

#define FRAGMENTATION 3, 4

static struct tcp_peer *full_segments_arrive(void)
{
    struct tcp_peer *t = tcp_peer_measured(&(struct tcp_peer_setup){.mss = 1460, .sack = true});

    we_write(t, 2920);
    ignore_sent(t);
    after(t, 100 * WEFT_MSEC);
    peer_sends(t, "A", 1, 2921, 0);
    tp_rebase(t);
    return t;
}

/* Packets of this size have arrived before, and do now: the message is forged, or old, and changes nothing. */
static void a_claim_is_refuted_by_an_acknowledgement(void **state)
{
    struct tcp_peer *t = full_segments_arrive();

    (void)state;
    for (unsigned i = 0; i < 10; i++) {
        we_write(t, 2920);
        ignore_sent(t);
        peer_sends_icmp(t, FRAGMENTATION, 600, 1 + 2920 * i);
        peer_sends_icmp(t, FRAGMENTATION, 600, 1 + 2920 * i + 1460);
        assert_int_equal(tp_info(t).snd_mss, 1460);
        we_send_nothing(t);
        after(t, 100 * WEFT_MSEC);
        peer_sends(t, "A", 1, 1 + 2920 * (i + 1), 0);
    }
    after(t, 10 * WEFT_SEC);
    we_write(t, 1460);
    after(t, 250 * WEFT_MSEC); /* the next loss is not the message's */
    assert_int_equal(tp_info(t).snd_mss, 1460);
    tcp_peer_end(t);
}

/* But when they do not arrive any more it is believed, with the first timeout. */
static void a_claim_is_believed_after_a_timeout(void **state)
{
    struct tcp_peer *t = full_segments_arrive();

    (void)state;
    we_write(t, 2920);
    ignore_sent(t);
    peer_sends_icmp(t, FRAGMENTATION, 1200, 1);
    assert_int_equal(tp_info(t).snd_mss, 1460);
    while (tp_info(t).timeouts == 0)
        after(t, 10 * WEFT_MSEC);
    assert_int_equal(tp_info(t).snd_mss, 1160);
    tcp_peer_end(t);
}

/* A timeout's window is one segment (RFC 5681 3.1), whatever its size becomes: only one is sent until something is
 * acknowledged (RFC 1191 6.5). */
static void a_claim_after_a_timeout_leaves_one_segment(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.mss = 1460, .sack = true});

    (void)state;
    we_write(t, 2920);
    while (tp_info(t).timeouts == 0) {
        ignore_sent(t); /* and a tail probe */
        after(t, 10 * WEFT_MSEC);
    }
    we_send(t, "A", 1, 1, 1460);
    we_send_nothing(t);
    peer_sends_icmp(t, FRAGMENTATION, 600, 1);
    we_send(t, "A", 1, 1, 560);
    we_send_nothing(t);
    tcp_peer_end(t);
}

/* What we have sent was not larger: the message is about something else. */
static void a_claim_about_smaller_packets_is_nonsense(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.mss = 1000, .sack = true});

    (void)state;
    we_write(t, 2000);
    ignore_sent(t);
    peer_sends_icmp(t, FRAGMENTATION, 1100, 1);
    peer_sends_icmp(t, FRAGMENTATION, 1040, 1);
    assert_int_equal(tp_info(t).snd_mss, 1000);
    we_send_nothing(t);
    assert_int_equal(t->sock->tcb->path.mtu, 1500); /* nor does it concern others */
    tcp_peer_end(t);
}

/* At the beginning nothing is known that speaks against it. */
static void the_first_claim_is_believed_at_once(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.mss = 1460, .sack = true});

    (void)state;
    we_write(t, 2920);
    ignore_sent(t);
    peer_sends_icmp(t, FRAGMENTATION, 1200, 1);
    assert_int_equal(tp_info(t).snd_mss, 1160);
    peer_sends(t, "A", 1, 2921, 0);
    we_write(t, 1160);
    ignore_sent(t);
    peer_sends(t, "A", 1, 4081, 0); /* 1200 pass */
    we_write(t, 1160);
    ignore_sent(t);
    peer_sends_icmp(t, FRAGMENTATION, 600, 4081);
    assert_int_equal(tp_info(t).snd_mss, 1160);
    peer_sends(t, "A", 1, 5241, 0);
    assert_int_equal(tp_info(t).snd_mss, 1160);
    tcp_peer_end(t);
}

/* About a probe it is no news that it may be too large: the search takes it, and others are not concerned. */
static void a_claim_about_a_probe_guides_the_search(void **state)
{
    struct tcp_peer *t = searching();

    (void)state;
    we_write(t, 1460 + 5 * 984);
    ignore_sent(t);
    peer_sends_icmp(t, FRAGMENTATION, 1400, 1);
    assert_int_equal(tp_info(t).snd_mss, 984);
    assert_int_equal(t->sock->tcb->path.mtu, 1500);
    after(t, 100 * WEFT_MSEC);
    peer_sacks(t, 1, 1, 1461, 1461 + 5 * 984);
    ignore_sent(t);
    after(t, 100 * WEFT_MSEC);
    peer_sends(t, "A", 1, 1461 + 5 * 984, 0);
    after(t, 10 * WEFT_SEC);
    we_write(t, 8 * 1460);
    assert_int_equal(t->segs[t->first].len, 1024 + (1400 - 1024 + 1) / 2 - 40);
    tcp_peer_end(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_black_hole_is_found_and_measured),
        cmocka_unit_test(a_narrow_black_hole),
        cmocka_unit_test(it_can_be_off),
        cmocka_unit_test(a_black_hole_comes_and_goes),
        cmocka_unit_test(an_outage_leaves_no_mark),
        cmocka_unit_test(without_sack_it_stays_small),
        cmocka_unit_test(without_sack_the_full_size_is_tried_again),
        cmocka_unit_test(lost_small_segments_are_none),
        cmocka_unit_test(a_shut_window_is_none),
        cmocka_unit_test(the_size_is_halved),
        cmocka_unit_test(probing_finds_the_size_from_below),
        cmocka_unit_test(nothing_is_tried_beyond_what_the_peer_takes),
        cmocka_unit_test(a_probe_has_company),
        cmocka_unit_test(a_probe_has_no_room_for_more_options),
        cmocka_unit_test(a_probe_is_within_bounds),
        cmocka_unit_test(a_probe_waits_for_its_moment),
        cmocka_unit_test(a_probe_that_passed_is_known_to_arrive),
        cmocka_unit_test(a_lost_probe_is_no_congestion),
        cmocka_unit_test(a_lost_retransmission_of_a_probe_is_congestion),
        cmocka_unit_test(a_probe_lost_among_others_says_nothing),
        cmocka_unit_test(a_claim_is_refuted_by_an_acknowledgement),
        cmocka_unit_test(a_claim_is_believed_after_a_timeout),
        cmocka_unit_test(a_claim_after_a_timeout_leaves_one_segment),
        cmocka_unit_test(a_claim_about_smaller_packets_is_nonsense),
        cmocka_unit_test(the_first_claim_is_believed_at_once),
        cmocka_unit_test(a_claim_about_a_probe_guides_the_search),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
