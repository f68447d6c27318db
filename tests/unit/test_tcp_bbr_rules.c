/* SPDX-License-Identifier: MIT */
/*
 * BBR's rules one by one (draft-ietf-ccwg-bbr), without TCP and without a path: a test says what each ACK tells, and looks
 * at the rate, the window and the state that come of it. What becomes of a transfer is in test_tcp_bbr.c.
 */
#include "cc_fake.h"

#define RTT (100 * WEFT_MSEC)
#define BW  1000000u /* bytes per second: 100 segments in a round trip */
#define BDP (100 * MSS)

/* What the next ACKs tell besides. */
struct told {
    uint64_t rate;
    uint32_t bytes;     /* delivered in a round trip */
    uint32_t in_flight; /* now, and */
    uint32_t tx;        /* when they were sent; 0: as now */
    uint64_t lost;      /* since then */
    weft_time rtt;
    bool app_limited;
};

static const struct told usual = {.rate = BW, .bytes = BDP, .in_flight = BDP, .rtt = RTT};

static struct fake *bbr(void)
{
    return fake_new(&tcp_cc_bbr, RTT);
}

/* An ACK for `bytes`. */
static void ack_of(struct fake *f, const struct told *told, uint32_t bytes, bool begins_round,
                   weft_time later)
{
    struct weft_cc_ack ack = {
        .acked = bytes,
        .delivered = bytes,
        .rtt = told->rtt,
        .may_grow = true,
        .rate = {.rate = told->rate,
                 .delivered = told->bytes,
                 .interval = RTT,
                 .prior_delivered = begins_round ? f->cc.delivered : 0,
                 .in_flight = told->tx > 0 ? told->tx : told->in_flight,
                 .lost = told->lost,
                 .app_limited = told->app_limited,
                 .has_data = true},
    };

    f->cc.now += later;
    f->cc.delivered += bytes;
    f->cc.acked += bytes;
    f->cc.in_flight = told->in_flight;
    f->cc.cause = WEFT_CAUSE_NONE;
    f->ops->ack(&f->cc, &ack);
}

#define ACKS 50 /* in a round trip */

static void ack(struct fake *f, const struct told *told, bool begins_round, weft_time later)
{
    ack_of(f, told, told->bytes / ACKS, begins_round, later);
}

/* A round trip, whose ACKs come evenly: the first of them ends the one before. */
static void told_round(struct fake *f, const struct told *told)
{
    for (unsigned i = 0; i < ACKS; i++)
        ack(f, told, i == 0, RTT / ACKS);
}

static void rounds(struct fake *f, unsigned n)
{
    while (n-- > 0)
        told_round(f, &usual);
}

static void is_in(const struct fake *f, enum weft_tcp_cause state)
{
    assert_int_equal(f->cc.cause, state);
}

/* The pacing rate is this many percent of `bw`, less the margin of one. */
static void paces(const struct fake *f, uint64_t bw, unsigned percent)
{
    uint64_t wanted = bw * percent / 100 * 99 / 100;

    assert_in_range(f->cc.pacing_rate, wanted - wanted / 1000, wanted + wanted / 1000);
}

/* The rate has stopped to rise, with more in flight than the path holds. */
static struct fake *in_drain(void)
{
    struct fake *f = bbr();
    struct told much = usual;

    rounds(f, 3);
    is_in(f, WEFT_CAUSE_BBR_STARTUP);
    much.in_flight = 3 * BDP;
    ack(f, &much, true, RTT / ACKS);
    is_in(f, WEFT_CAUSE_BBR_DRAIN);
    return f;
}

static struct fake *in_down(void)
{
    struct fake *f = in_drain();
    struct told much = usual;

    much.in_flight = 3 * BDP;
    for (unsigned i = 0; i < 3; i++)
        told_round(f, &much);
    ack(f, &much, true, RTT / ACKS);
    is_in(f, WEFT_CAUSE_BBR_DOWN);
    return f;
}

static struct fake *in_cruise(void)
{
    struct fake *f = in_down();

    ack(f, &usual, false, 1);
    is_in(f, WEFT_CAUSE_BBR_CRUISE);
    return f;
}

static struct fake *in_refill(void)
{
    struct fake *f = in_cruise();

    f->cc.now += 3 * WEFT_SEC;
    ack(f, &usual, false, 1);
    is_in(f, WEFT_CAUSE_BBR_REFILL);
    return f;
}

static struct fake *in_up(void)
{
    struct fake *f = in_refill();

    rounds(f, 1);
    is_in(f, WEFT_CAUSE_BBR_UP);
    return f;
}

static struct fake *in_probe_rtt(void)
{
    struct fake *f = in_cruise();
    struct told slower = usual;

    slower.rtt = 2 * RTT;
    f->cc.now = 1005 * WEFT_SEC; /* it began at 1000 */
    ack(f, &slower, false, 0);
    assert_int_not_equal(f->cc.cause, WEFT_CAUSE_BBR_PROBE_RTT);
    ack(f, &slower, false, 1);
    is_in(f, WEFT_CAUSE_BBR_PROBE_RTT);
    return f;
}

/* Ranges of `bytes` are judged lost, each of them; `flight` was out with each, and `lost` of it so far. */
static void lose(struct fake *f, unsigned ranges, uint32_t bytes, uint32_t flight)
{
    for (unsigned i = 1; i <= ranges; i++) {
        struct weft_cc_lost lost = {.bytes = bytes, .in_flight = flight, .lost = (uint64_t)bytes * i};

        f->cc.lost += bytes;
        f->ops->lost(&f->cc, &lost);
    }
}

static void recover(struct fake *f)
{
    f->cc.state = WEFT_CC_RECOVERY;
    f->ops->congestion(&f->cc, WEFT_CC_BY_LOSS, f->cc.in_flight);
}

/* --- Gains ("Core Algorithm Design Parameters") ---------------------------------------------------------------- */

static void the_pace_of_each_state(void **state)
{
    static struct fake *(*const in[])(void) = {in_drain, in_down, in_cruise, in_refill, in_up, in_probe_rtt};
    static const unsigned gains[] = {50, 90, 100, 100, 125, 100};
    struct fake *f = bbr();

    (void)state;
    /* Before there is a sample: the initial window in a round trip. */
    assert_int_equal(f->cc.pacing_rate, 10 * MSS * 10 * 277 / 100);
    struct told slow = usual;
    slow.rate = 1000;
    told_round(f, &slow);
    assert_int_equal(f->cc.pacing_rate,
                     10 * MSS * 10 * 277 / 100); /* until the pipe has been full it only rises */
    rounds(f, 1);
    paces(f, BW, 277);
    free(f);
    for (unsigned i = 0; i < sizeof(in) / sizeof(in[0]); i++) {
        f = in[i]();
        paces(f, BW, gains[i]);
        free(f);
    }
}

/* cwnd is cut to so many percent of the BDP, and rises by what is delivered; in UP two segments more. ACKs come evenly,
 * two segments each: about so much is added for aggregation. */
static void the_window_of_each_state(void **state)
{
    static struct fake *(*const in[])(void) = {in_drain, in_down, in_cruise, in_refill, in_up};
    static const uint32_t windows[] = {2 * BDP, 2 * BDP, 2 * BDP, 2 * BDP, BDP / 4 * 9 + 2 * MSS};
    static const uint32_t aggregated[] = {2 * MSS, 2 * MSS, 4 * MSS, 4 * MSS,
                                          4 * MSS}; /* one ACK's, or two */

    (void)state;
    for (unsigned i = 0; i < sizeof(in) / sizeof(in[0]); i++) {
        struct fake *f = in[i]();
        enum weft_tcp_cause was = f->cc.cause;
        struct told told = usual;

        told.in_flight = 2 * BDP;
        f->cc.cwnd = 8 * BDP;
        ack(f, &told, false, RTT / ACKS);
        is_in(f, was);
        assert_in_range(f->cc.cwnd, windows[i] + aggregated[i] - 1, windows[i] + aggregated[i]);
        f->cc.cwnd = BDP;
        ack(f, &told, false, RTT / ACKS);
        assert_int_equal(f->cc.cwnd, BDP + 2 * MSS);
        free(f);
    }
}

/* The window never falls below four segments ("MinPipeCwnd"). */
static void four_segments_at_least(void **state)
{
    struct fake *f = bbr();
    struct told thin = {.rate = 1000, .bytes = MSS, .in_flight = MSS, .rtt = RTT};

    (void)state;
    for (unsigned i = 0; i < 60; i++) {
        told_round(f, &thin);
        assert_true(f->cc.cwnd >= 4 * MSS);
    }
    free(f);
}

/* --- Startup and Drain --------------------------------------------------------------------------------------------- */

/* Three rounds with less than a quarter more; rounds that the application has limited do not count. */
static void a_plateau_ends_startup(void **state)
{
    struct fake *f = bbr();
    struct told told = usual;

    (void)state;
    for (unsigned i = 0; i < 10; i++) {
        told_round(f, &told);
        is_in(f, WEFT_CAUSE_BBR_STARTUP);
        told.rate = told.rate * 5 / 4;
    }
    told.rate = told.rate * 4 / 5 * 124 / 100;
    told_round(f, &told);
    told_round(f, &told);
    told.app_limited = true;
    for (unsigned i = 0; i < 10; i++)
        told_round(f, &told);
    is_in(f, WEFT_CAUSE_BBR_STARTUP);
    told.app_limited = false;
    told.in_flight = 100 * BDP;
    told_round(f, &told);
    is_in(f, WEFT_CAUSE_BBR_DRAIN);
    free(f);
}

/* More than two percent and six ranges, in a recovery: all three. */
static void losses_end_startup(void **state)
{
    static const struct {
        unsigned ranges, percent;
        bool recovers, ends;
    } cases[] = {{6, 3, true, true}, {5, 3, true, false}, {6, 2, true, false}, {6, 3, false, false}};

    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fake *f = bbr();
        struct told told = usual;

        rounds(f, 1);
        lose(f, cases[i].ranges, 100, BDP);
        if (cases[i].recovers)
            recover(f);
        told.app_limited = true; /* so that there is no plateau */
        told.lost = BDP / 100 * cases[i].percent;
        told.in_flight = BDP;
        ack(f, &told, false, 1);
        is_in(f, WEFT_CAUSE_BBR_STARTUP); /* when the round is over */
        told_round(f, &told);
        if (cases[i].ends)
            assert_true(f->cc.cause == WEFT_CAUSE_BBR_DRAIN || f->cc.cause == WEFT_CAUSE_BBR_DOWN);
        else
            is_in(f, WEFT_CAUSE_BBR_STARTUP);
        free(f);
    }
}

/* The ranges of two rounds are not added up. */
static void losses_of_two_rounds(void **state)
{
    struct fake *f = bbr();
    struct told told = usual;

    (void)state;
    rounds(f, 1);
    recover(f);
    told.app_limited = true;
    told.lost = BDP;
    for (unsigned i = 0; i < 4; i++) {
        lose(f, 4, 100, BDP);
        told_round(f, &told);
        is_in(f, WEFT_CAUSE_BBR_STARTUP);
    }
    free(f);
}

/* Without SACK one loss is all that can be told of a round trip. */
static void without_sack_one_loss_is_enough(void **state)
{
    struct fake *f = bbr();
    struct told told = usual;

    (void)state;
    f->cc.has_sack = false;
    rounds(f, 1);
    lose(f, 1, 1, BDP);
    recover(f);
    told.in_flight = 3 * BDP;
    ack(f, &told, false, 1);
    is_in(f, WEFT_CAUSE_BBR_DRAIN);
    free(f);
    f = in_up();
    f->cc.has_sack = false;
    lose(f, 1, 1, BDP);
    ack(f, &told, false, 1);
    is_in(f, WEFT_CAUSE_BBR_DOWN);
    free(f);
}

/* Drain ends when the pipe holds no more than it must, or after three rounds and one. */
static void drain_ends(void **state)
{
    struct fake *f = in_drain();
    struct told much = usual;

    (void)state;
    much.in_flight = BDP + 1;
    for (unsigned i = 0; i < 3; i++) {
        told_round(f, &much);
        is_in(f, WEFT_CAUSE_BBR_DRAIN);
    }
    ack(f, &much, true, RTT / ACKS);
    is_in(f, WEFT_CAUSE_BBR_DOWN);
    free(f);
    f = in_drain();
    much.in_flight = BDP;
    ack(f, &much, false, RTT / ACKS);
    assert_int_not_equal(f->cc.cause, WEFT_CAUSE_BBR_DRAIN);
    free(f);
}

/* --- ProbeBW --------------------------------------------------------------------------------------------------------- */

/* A probe is due after two seconds, or a part of a third; or after as many rounds as Reno needs for another segment. */
static void a_probe_is_due(void **state)
{
    struct fake *f = in_cruise();

    (void)state;
    f->cc.now += 1900 * WEFT_MSEC;
    ack(f, &usual, false, 1);
    is_in(f, WEFT_CAUSE_BBR_CRUISE);
    f->cc.now += 1100 * WEFT_MSEC;
    ack(f, &usual, false, 1);
    is_in(f, WEFT_CAUSE_BBR_REFILL);
    free(f);
    f = in_cruise();
    struct told quick = usual;
    unsigned n = 0;
    for (; n < 100 && f->cc.cause == WEFT_CAUSE_BBR_CRUISE; n++)
        ack(f, &quick, true, WEFT_MSEC);
    assert_in_range(n, 61, 63); /* of at most 63, and up to one before the first */
    free(f);
}

/* More than two percent of what was out with it: then UP ends, and the long-term bound is what was out. */
static void losses_end_up(void **state)
{
    struct fake *f = in_up();
    struct told told = usual;

    (void)state;
    lose(f, 1, BDP / 50, BDP);
    ack(f, &told, false, 1);
    is_in(f, WEFT_CAUSE_BBR_UP);
    lose(f, 1, BDP / 50 + 100, BDP);
    told.in_flight = 2 * BDP;
    told.tx = MSS;
    ack(f, &told, false, 1);
    is_in(f, WEFT_CAUSE_BBR_DOWN);
    /* of the lost range so much would have been two percent: (2 % * 97900 - 0) / 98 % more than the 97900 before it */
    uint32_t longterm = 97900 + 97900 * 2 / 98;
    f->cc.cwnd = 4 * BDP;
    ack(f, &told, false, 1);
    is_in(f, WEFT_CAUSE_BBR_DOWN);
    assert_in_range(f->cc.cwnd, longterm - 2, longterm + 2);
    told.in_flight = MSS;
    ack(f, &told, false, 1);
    is_in(f, WEFT_CAUSE_BBR_CRUISE); /* with headroom of 15 percent */
    assert_in_range(f->cc.cwnd, longterm * 85 / 100 - 2, longterm * 85 / 100 + 2);
    told.tx = 3 * BDP / 2; /* so much has arrived without loss */
    f->cc.cwnd = 4 * BDP;
    ack(f, &told, false, 1);
    assert_int_equal(f->cc.cwnd, told.tx * 85 / 100);
    free(f);
}

/* Where the application had not enough to send, what was out says nothing of the path: UP ends, without a bound. */
static void losses_of_too_little(void **state)
{
    struct fake *f = in_up();
    struct told told = usual;
    struct weft_cc_lost lost = {.bytes = MSS, .in_flight = 4 * MSS, .lost = MSS, .app_limited = true};

    (void)state;
    f->ops->lost(&f->cc, &lost);
    told.in_flight = 2 * BDP;
    told.tx = MSS;
    f->cc.cwnd = 2 * BDP;
    ack(f, &told, false, RTT / ACKS);
    is_in(f, WEFT_CAUSE_BBR_DOWN);
    assert_true(f->cc.cwnd >= 2 * BDP);
    free(f);
}

static void until(struct fake *f, struct told *told, enum weft_tcp_cause state)
{
    for (unsigned i = 0; i < 1000 && f->cc.cause != state; i++) {
        told->rtt--; /* no ProbeRTT */
        ack(f, told, true, RTT);
    }
    is_in(f, state);
}

/* After a probe that was too high the next ends when as much is out as the bound allows; and then another begins at once,
 * which may go on. That one's end has nothing before it to be careful of. */
static void a_probe_after_one_that_was_too_high(void **state)
{
    struct fake *f = in_up();
    struct told told = usual;

    (void)state;
    lose(f, 1, BDP / 50 + 100, BDP);
    told.tx = MSS;
    ack(f, &told, false, 1);
    until(f, &told, WEFT_CAUSE_BBR_UP);
    told.in_flight = 2 * BDP;
    ack(f, &told, false, 1);
    is_in(f, WEFT_CAUSE_BBR_DOWN);
    told_round(f, &told);
    is_in(f, WEFT_CAUSE_BBR_REFILL);
    told_round(f, &told);
    is_in(f, WEFT_CAUSE_BBR_UP);
    f->cc.cwnd_limited = false;
    told_round(f, &told);
    is_in(f, WEFT_CAUSE_BBR_UP);
    until(f, &told, WEFT_CAUSE_BBR_DOWN); /* by the plateau */
    told_round(f, &told);
    told_round(f, &told);
    is_in(f, WEFT_CAUSE_BBR_DOWN);
    free(f);
}

/* But the bound never falls below 70 percent of what the path holds. */
static void the_bound_is_seven_tenths_at_least(void **state)
{
    struct fake *f = in_up();
    struct told told = usual;

    (void)state;
    lose(f, 1, 2 * MSS, 10 * MSS);
    told.in_flight = 2 * BDP;
    told.tx = MSS;
    f->cc.cwnd = 4 * BDP;
    ack(f, &told, false, 1);
    is_in(f, WEFT_CAUSE_BBR_DOWN);
    assert_int_equal(f->cc.cwnd, BDP / 10 * 7);
    free(f);
}

/* A plateau ends UP, unless the bound keeps cwnd down. */
static void a_plateau_ends_up(void **state)
{
    struct fake *f = in_up();

    (void)state;
    f->cc.cwnd_limited = false;
    rounds(f, 2);
    is_in(f, WEFT_CAUSE_BBR_UP);
    struct told much = usual;
    much.in_flight = 3 * BDP;
    told_round(f, &much);
    is_in(f, WEFT_CAUSE_BBR_DOWN);
    free(f);
}

/* The bound rises with what is acknowledged, and twice as fast each round. */
static void the_bound_rises(void **state)
{
    struct fake *f = in_up();
    struct told told = usual;
    uint32_t cwnd, before = 0, grown = 0;

    (void)state;
    lose(f, 1, BDP / 50 + 100, BDP);
    ack(f, &told, false, 1);
    is_in(f, WEFT_CAUSE_BBR_DOWN);
    until(f, &told, WEFT_CAUSE_BBR_UP);
    told.rate = 4 * BW; /* there is room, and cwnd is at the bound */
    told.in_flight = BDP / 2;
    for (unsigned i = 0; i < 5; i++) {
        f->cc.cwnd_limited = true;
        told_round(f, &told);
        is_in(f, WEFT_CAUSE_BBR_UP);
        cwnd = f->cc.cwnd;
        if (i > 1)
            assert_in_range(cwnd - before, 3 * grown / 2, 3 * grown);
        if (i > 0)
            grown = cwnd - before;
        before = cwnd;
    }
    f->cc.cwnd_limited = false; /* not in use: it stays */
    told_round(f, &told);
    assert_int_equal(f->cc.cwnd, before);
    until(f, &told, WEFT_CAUSE_BBR_DOWN);
    until(f, &told, WEFT_CAUSE_BBR_UP);
    f->cc.cwnd_limited = true;
    told_round(f, &told);
    before = f->cc.cwnd;
    told_round(f, &told); /* slowly again */
    assert_in_range(f->cc.cwnd - before, MSS, grown / 2);
    free(f);
}

/* --- The short-term model ("Updating the Model Upon Packet Loss") ------------------------------------------------- */

/* Losses when not probing: at the round's end the rate is what was delivered, but not below 70 percent; so is the volume.
 * The next probe forgets them. */
static void losses_slow_it_down(void **state)
{
    struct fake *f = in_cruise();
    struct told told = usual;

    (void)state;
    rounds(f, 1);
    lose(f, 1, MSS, BDP);
    recover(f);
    told.rate = BW / 2;
    told.bytes = BDP / 2;
    ack(f, &told, false, 1);
    paces(f, BW, 100);
    uint32_t before = f->cc.cwnd;
    told_round(f, &told); /* what the round has delivered that is over now includes a sample at full rate */
    paces(f, BW, 100);
    assert_in_range(f->cc.cwnd, before * 7 / 10 - 2 * MSS, before * 7 / 10 + 2 * MSS);
    lose(f, 1, MSS, BDP);
    told_round(f, &told);
    paces(f, BW, 70);
    assert_in_range(f->cc.cwnd, before * 49 / 100 - 2 * MSS, before * 49 / 100 + 2 * MSS);
    lose(f, 1, MSS, BDP);
    told_round(f, &told);
    paces(f, BW, 50); /* 49, but so much was delivered */
    f->cc.now += 3 * WEFT_SEC;
    ack(f, &usual, false, 1);
    is_in(f, WEFT_CAUSE_BBR_REFILL);
    paces(f, BW, 100);
    free(f);
}

/* Few losses while probing do not. */
static void few_losses_do_not_end_a_probe(void **state)
{
    struct fake *f = in_up();

    (void)state;
    lose(f, 1, MSS, BDP);
    recover(f);
    struct told told = usual;
    told.rate = BW / 2;
    told_round(f, &told);
    lose(f, 1, MSS, BDP);
    told_round(f, &told);
    is_in(f, WEFT_CAUSE_BBR_UP);
    paces(f, BW, 125);
    free(f);
}

/* A timeout within a recovery does not forget the window from before it. */
static void a_timeout_within_a_recovery(void **state)
{
    struct fake *f = in_cruise();

    (void)state;
    f->cc.cwnd = 2 * BDP;
    lose(f, 1, MSS, BDP);
    recover(f);
    f->cc.cwnd = BDP / 2;
    f->ops->congestion(&f->cc, WEFT_CC_BY_TIMEOUT, BDP);
    f->cc.cwnd = MSS;
    f->cc.state = WEFT_CC_LOSS;
    f->ops->recovered(&f->cc);
    assert_int_equal(f->cc.cwnd, 2 * BDP);
    free(f);
}

/* --- Undo ("Handling a Spurious Loss Recovery") -------------------------------------------------------------------- */

/* What a loss has ended goes on when it was none; what was known before the loss is known again. */
static void a_probe_that_was_ended_in_vain(void **state)
{
    struct fake *f = in_up();
    struct told told = usual;

    (void)state;
    f->cc.cwnd = 2 * BDP;
    lose(f, 1, BDP / 2, BDP);
    recover(f); /* after the loss was judged, as TCP does */
    told.in_flight = 2 * BDP;
    told.tx = MSS;
    ack(f, &told, false, 1);
    is_in(f, WEFT_CAUSE_BBR_DOWN);
    assert_true(f->cc.cwnd < 2 * BDP);
    f->cc.state = WEFT_CC_OPEN;
    f->ops->undo(&f->cc);
    assert_int_equal(f->cc.cwnd, 2 * BDP);
    ack(f, &told, false, 1);
    is_in(f, WEFT_CAUSE_BBR_REFILL);
    assert_true(f->cc.cwnd >= 2 * BDP); /* no bound, as before */
    free(f);
}

static void a_startup_that_was_ended_in_vain(void **state)
{
    struct fake *f = bbr();
    struct told told = usual;

    (void)state;
    rounds(f, 1);
    lose(f, 6, 1000, BDP);
    recover(f);
    told.lost = 6000;
    told.in_flight = 3 * BDP / 2;
    told_round(f, &told);
    is_in(f, WEFT_CAUSE_BBR_DRAIN);
    f->cc.state = WEFT_CC_OPEN;
    f->ops->undo(&f->cc);
    told_round(f, &usual);
    is_in(f, WEFT_CAUSE_BBR_STARTUP);
    paces(f, BW, 277);
    free(f);
}

static void a_slower_pace_that_was_in_vain(void **state)
{
    struct fake *f = in_cruise();
    struct told told = usual;

    (void)state;
    rounds(f, 1);
    uint32_t cwnd = f->cc.cwnd;
    told.rate = BW / 2;
    told.bytes = BDP / 2;
    lose(f, 1, MSS, BDP);
    recover(f);
    told_round(f, &told);
    lose(f, 1, MSS, BDP); /* in the next round of the same recovery */
    told_round(f, &told);
    paces(f, BW, 70);
    assert_true(f->cc.cwnd < cwnd);
    f->cc.state = WEFT_CC_OPEN;
    f->ops->undo(&f->cc);
    ack(f, &told, false, 1);
    paces(f, BW, 100);
    assert_true(f->cc.cwnd >= cwnd);
    free(f);
}

/* What is saved is of this recovery, not of an earlier one. */
static void the_next_recovery_saves_anew(void **state)
{
    struct fake *f = in_cruise();
    struct told told = usual;

    (void)state;
    rounds(f, 1);
    told.rate = BW / 2;
    lose(f, 1, MSS, BDP);
    recover(f);
    told_round(f, &told);
    told_round(f, &told);
    lose(f, 1, MSS, BDP);
    told_round(f, &told);
    paces(f, BW, 70);
    f->cc.state = WEFT_CC_OPEN;
    f->ops->recovered(&f->cc);
    lose(f, 1, MSS, BDP);
    recover(f);
    f->cc.state = WEFT_CC_OPEN;
    f->ops->undo(&f->cc);
    ack(f, &told, false, 1);
    paces(f, BW, 70);
    free(f);
}

/* Nor of losses that began no recovery. */
static void a_loss_that_was_forgiven_saves_nothing(void **state)
{
    struct fake *f = in_cruise();
    struct told told = usual;

    (void)state;
    rounds(f, 1);
    told.rate = BW / 2;
    told_round(f, &told);
    lose(f, 1, MSS, BDP);
    told_round(f, &told);
    paces(f, BW, 70);
    lose(f, 1, MSS, BDP);
    recover(f);
    f->cc.state = WEFT_CC_OPEN;
    f->ops->undo(&f->cc);
    ack(f, &told, false, 1);
    paces(f, BW, 70);
    free(f);
}

/* --- ECN ("ECN": marks count as congestion) --------------------------------------------------------------------------- */

static void mark(struct fake *f)
{
    f->ops->congestion(&f->cc, WEFT_CC_BY_ECN, f->cc.in_flight);
}

static void a_mark_ends_startup(void **state)
{
    struct fake *f = bbr();
    struct told told = usual;

    (void)state;
    rounds(f, 1);
    mark(f);
    told.in_flight = 2 * BDP;
    ack(f, &told, false, 1);
    is_in(f, WEFT_CAUSE_BBR_DRAIN);
    free(f);
}

static void a_mark_ends_a_probe(void **state)
{
    struct fake *f = in_up();

    (void)state;
    f->cc.cwnd = 4 * BDP;
    mark(f);
    struct told told = usual;
    told.in_flight = 2 * BDP;
    told.tx = MSS;
    ack(f, &told, false, 1);
    is_in(f, WEFT_CAUSE_BBR_DOWN);
    assert_int_equal(f->cc.cwnd, BDP); /* so much was out */
    free(f);
    f = in_refill();
    f->cc.cwnd = 4 * BDP;
    mark(f);
    ack(f, &usual, false, 1);
    assert_int_equal(f->cc.cwnd, BDP);
    free(f);
}

static void a_mark_slows_it_down(void **state)
{
    struct fake *f = in_cruise();
    struct told told = usual;

    (void)state;
    rounds(f, 1);
    told.rate = BW / 2;
    told_round(f, &told);
    mark(f);
    told_round(f, &told);
    paces(f, BW, 70);
    free(f);
}

/* --- ProbeRTT, and what is known of the round trip ---------------------------------------------------------------------- */

/* Five seconds after the least round trip: half the BDP, for 200 ms and a round; then cwnd is what it was. */
static void probe_rtt_takes_its_time(void **state)
{
    struct fake *f = in_probe_rtt();
    struct told told = usual;
    uint32_t before = 2 * BDP;

    (void)state;
    assert_int_equal(f->cc.cwnd, BDP / 2);
    assert_true(f->cc.app_limited);
    told.in_flight = BDP / 2 + 1;
    ack(f, &told, true, 400 * WEFT_MSEC); /* as long as more is out it has not begun */
    is_in(f, WEFT_CAUSE_BBR_PROBE_RTT);
    told.in_flight = BDP / 2;
    ack(f, &told, true, WEFT_MSEC);
    ack(f, &told, false, 201 * WEFT_MSEC); /* no round trip yet */
    is_in(f, WEFT_CAUSE_BBR_PROBE_RTT);
    ack(f, &told, true, WEFT_MSEC);
    is_in(f, WEFT_CAUSE_BBR_CRUISE);
    assert_true(f->cc.cwnd >= before - 2 * MSS);
    free(f);
    f = in_probe_rtt();
    ack(f, &told, true, WEFT_MSEC);
    ack(f, &told, true, 150 * WEFT_MSEC); /* a round trip, but not the time */
    is_in(f, WEFT_CAUSE_BBR_PROBE_RTT);
    ack(f, &told, true, 51 * WEFT_MSEC);
    is_in(f, WEFT_CAUSE_BBR_CRUISE);
    free(f);
}

/* During Startup it leads back there. */
static void probe_rtt_in_startup(void **state)
{
    struct fake *f = bbr();
    struct told told = {.rate = BW, .bytes = MSS, .in_flight = 4 * MSS, .rtt = 2 * RTT, .app_limited = true};

    (void)state;
    ack(f, &told, true, 5 * WEFT_SEC + 1);
    is_in(f, WEFT_CAUSE_BBR_PROBE_RTT);
    ack(f, &told, true, WEFT_MSEC);
    ack(f, &told, true, 201 * WEFT_MSEC);
    is_in(f, WEFT_CAUSE_BBR_STARTUP);
    free(f);
}

/* A pause has emptied the pipe already. */
static void a_pause_is_as_good(void **state)
{
    struct fake *f = in_cruise();
    struct told slower = usual;

    (void)state;
    slower.rtt = 2 * RTT;
    f->cc.app_limited = true;
    f->cc.now += 6 * WEFT_SEC;
    f->ops->restart(&f->cc);
    ack(f, &slower, false, RTT);
    assert_int_not_equal(f->cc.cause, WEFT_CAUSE_BBR_PROBE_RTT);
    free(f);
}

/* The least round trip of ten seconds makes the BDP. */
static void the_round_trip_is_forgotten(void **state)
{
    struct fake *f = in_cruise();
    struct told slower = {.rate = BW, .bytes = BDP, .in_flight = 4 * MSS, .rtt = 2 * RTT};
    uint32_t most = 0;

    (void)state;
    while (f->cc.now < 1010 * WEFT_SEC - RTT) {
        told_round(f, &slower);
        if (f->cc.cwnd > most)
            most = f->cc.cwnd;
    }
    assert_true(most <= BDP / 4 * 9 + 8 * MSS);
    for (unsigned i = 0; i < 20; i++)
        told_round(f, &slower);
    assert_true(f->cc.cwnd >= 4 * BDP);
    free(f);
}

/* --- The rate, and aggregation ---------------------------------------------------------------------------------------- */

/* The highest of this cycle of probing and of the last; of the application's, only what is more. */
static void the_rate_is_kept_for_two_cycles(void **state)
{
    struct fake *f = in_cruise();
    struct told told = usual;
    unsigned probes = 0;
    enum weft_tcp_cause was = f->cc.cause;

    (void)state;
    told.rate = BW / 2;
    told.in_flight = BDP / 4;
    for (unsigned i = 0; i < 2000 && probes < 2; i++) {
        told.rtt--; /* no ProbeRTT */
        told_round(f, &told);
        if (f->cc.cause == WEFT_CAUSE_BBR_UP && was != f->cc.cause)
            probes++;
        was = f->cc.cause;
        if (probes < 1 && f->cc.cause == WEFT_CAUSE_BBR_CRUISE)
            paces(f, BW, 100);
    }
    for (unsigned i = 0; i < 2000 && f->cc.cause != WEFT_CAUSE_BBR_CRUISE; i++) {
        told.rtt--;
        told_round(f, &told);
    }
    paces(f, BW, 100); /* its last sample was in the cycle before this */
    told_round(f, &told);
    paces(f, BW / 2, 100);
    told.rate = BW / 4;
    told.app_limited = true;
    told_round(f, &told);
    paces(f, BW / 2, 100);
    told.rate = BW;
    told_round(f, &told);
    assert_true(f->cc.pacing_rate > BW * 9 / 10);
    free(f);
}

/* What comes at once beyond what the rate explains is added to the window, for ten rounds. */
static void aggregation_widens_the_window(void **state)
{
    struct fake *f = in_cruise();

    (void)state;
    rounds(f, 2);
    f->cc.cwnd = 8 * BDP;
    ack(f, &usual, false, RTT / ACKS);
    assert_in_range(f->cc.cwnd, 2 * BDP, 2 * BDP + 4 * MSS);
    f->cc.cwnd = 8 * BDP;
    ack_of(f, &usual, BDP, false, RTT);
    assert_in_range(f->cc.cwnd, 3 * BDP - 2 * MSS, 3 * BDP + 4 * MSS);
    f->cc.now += RTT;
    rounds(f, 5);
    f->cc.cwnd = 8 * BDP;
    ack(f, &usual, false, RTT / ACKS);
    assert_true(f->cc.cwnd >= 3 * BDP - 2 * MSS);
    rounds(f, 5);
    f->cc.cwnd = 8 * BDP;
    ack(f, &usual, false, RTT / ACKS);
    assert_in_range(f->cc.cwnd, 2 * BDP, 2 * BDP + 4 * MSS);
    free(f);
}

/* In Startup of the last round only. And never more than cwnd. */
static void aggregation_has_bounds(void **state)
{
    struct fake *f = bbr();

    (void)state;
    rounds(f, 2);
    ack_of(f, &usual, BDP, false, RTT);
    struct told told = usual;
    told.app_limited = true;
    f->cc.now += RTT;
    ack(f, &told, true, RTT / ACKS);
    is_in(f, WEFT_CAUSE_BBR_STARTUP);
    f->cc.cwnd = 5 * BDP / 2;
    ack(f, &told, false, RTT / ACKS);
    assert_int_equal(f->cc.cwnd, 5 * BDP / 2);
    free(f);
    f = in_cruise();
    f->cc.cwnd = BDP;
    ack_of(f, &usual, 5 * BDP, false, RTT);
    assert_int_equal(f->cc.cwnd, 3 * BDP);
    free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_pace_of_each_state),
        cmocka_unit_test(the_window_of_each_state),
        cmocka_unit_test(four_segments_at_least),
        cmocka_unit_test(a_plateau_ends_startup),
        cmocka_unit_test(losses_end_startup),
        cmocka_unit_test(losses_of_two_rounds),
        cmocka_unit_test(without_sack_one_loss_is_enough),
        cmocka_unit_test(drain_ends),
        cmocka_unit_test(a_probe_is_due),
        cmocka_unit_test(losses_end_up),
        cmocka_unit_test(losses_of_too_little),
        cmocka_unit_test(a_probe_after_one_that_was_too_high),
        cmocka_unit_test(the_bound_is_seven_tenths_at_least),
        cmocka_unit_test(a_plateau_ends_up),
        cmocka_unit_test(the_bound_rises),
        cmocka_unit_test(losses_slow_it_down),
        cmocka_unit_test(few_losses_do_not_end_a_probe),
        cmocka_unit_test(a_timeout_within_a_recovery),
        cmocka_unit_test(a_probe_that_was_ended_in_vain),
        cmocka_unit_test(a_startup_that_was_ended_in_vain),
        cmocka_unit_test(a_slower_pace_that_was_in_vain),
        cmocka_unit_test(the_next_recovery_saves_anew),
        cmocka_unit_test(a_loss_that_was_forgiven_saves_nothing),
        cmocka_unit_test(a_mark_ends_startup),
        cmocka_unit_test(a_mark_ends_a_probe),
        cmocka_unit_test(a_mark_slows_it_down),
        cmocka_unit_test(probe_rtt_takes_its_time),
        cmocka_unit_test(probe_rtt_in_startup),
        cmocka_unit_test(a_pause_is_as_good),
        cmocka_unit_test(the_round_trip_is_forgotten),
        cmocka_unit_test(the_rate_is_kept_for_two_cycles),
        cmocka_unit_test(aggregation_widens_the_window),
        cmocka_unit_test(aggregation_has_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
