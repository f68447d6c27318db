/* SPDX-License-Identifier: MIT */
/* Urgent data, both ways: RFC 9293 3.8.5, MUST-30 to 33 and 62, RFC 6093. */
#include "tcp_peer.h"

/* Writes `len` bytes whose last is urgent. */
static void we_write_urgent(struct tcp_peer *t, uint32_t len)
{
    assert_int_equal(tp_write(t, len, WEFT_SEND_URGENT), len);
    tp_step(t);
}

/* The segment that was seen last says that urgent data ends before `end` (relative). */
#define says_urgent(t, end) assert_int_equal((t)->last.seq + (t)->last.tcp.urgent, end)

/* --- Sending ---------------------------------------------------------------------------------- */

/* MUST-62: the pointer shows the first octet that is not urgent; segments before the end carry it, none behind. */
static void the_pointer_shows_the_octet_behind(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    we_write_urgent(t, 1);
    we_send(t, "UPA", 1, 1, 1);
    says_urgent(t, 2);
    we_write(t, 1000);
    we_send(t, "PA", 2, 1, 1000);
    assert_int_equal(t->last.tcp.urgent, 0);
    peer_sends(t, "A", 1, 1002, 0);
    we_write_urgent(t, 2500);
    for (unsigned i = 0; i < 3; i++) {
        we_send(t, i < 2 ? "UA" : "UPA", 1002 + 1000 * i, 1, i < 2 ? 1000 : 500);
        says_urgent(t, 3502);
    }
    tcp_peer_end(t);
}

/* What is sent again says so again, until the end is acknowledged; and the mark of later data counts for it. */
static void retransmissions_say_it_too(void **state)
{
    struct tcp_peer *t = tcp_peer_measured(NULL);

    (void)state;
    we_write_urgent(t, 10);
    we_send(t, "UPA", 1, 1, 10);
    says_urgent(t, 11);
    we_write_urgent(t, 10); /* urgent data does not wait for Nagle */
    we_send(t, "UPA", 11, 1, 10);
    says_urgent(t, 21);
    after(t, tp_info(t).rto);
    we_send(t, "UPA", 1, 1, 20);
    says_urgent(t, 21);
    peer_sends(t, "A", 1, 21, 0);
    we_write(t, 10);
    we_send(t, "PA", 21, 1, 10);
    tcp_peer_end(t);
}

/* The pointer is at most 65535 ahead; a longer message is announced step by step (MUST-31: any length). */
static void a_long_message_is_announced_step_by_step(void **state)
{
    struct tcp_peer_setup setup = {
        .wscale = true, .shift = 4, .mss = 1460, .tcp = {.initial_window_segs = 100}};
    struct tcp_peer *t = tcp_peer_established(&setup);
    uint32_t seq = 1;

    (void)state;
    peer_sends(t, "A", 1, 1, 0);
    we_write_urgent(t, 100000);
    while (t->count > 0) {
        const struct tp_seg *seg = &t->segs[t->first];

        assert_int_equal(seg->seq, seq);
        assert_true(seg->tcp.flags & WIRE_TCP_URG);
        assert_int_equal(seg->tcp.urgent, 100001 - seq < 65535 ? 100001 - seq : 65535);
        seq += seg->len;
        tp_pass(t);
    }
    assert_int_equal(seq, 100001);
    tcp_peer_end(t);
}

/* A link that cuts super-segments would copy the pointer: none are given to it meanwhile. */
static void urgent_data_is_not_left_to_the_link(void **state)
{
    struct tcp_peer_setup setup = {.caps = WEFT_LINK_TSO4 | WEFT_LINK_TX_CSUM};
    struct tcp_peer *t = tcp_peer_established(&setup);

    (void)state;
    we_write_urgent(t, 3000);
    for (unsigned i = 0; i < 3; i++) {
        we_send(t, i < 2 ? "UA" : "UPA", 1 + 1000 * i, 1, 1000);
        says_urgent(t, 3001);
    }
    we_write(t, 3000);
    we_send(t, "PA", 3001, 1, 3000);
    assert_int_equal(t->last.gso_segs, 3);
    tcp_peer_end(t);
}

/* RFC 9293 3.10.7.4 step 1 lets URG through a shut window: it is announced at once, with the ACKs and probes, and the
 * data goes when it may. */
static void a_shut_window_does_not_hold_the_announcement(void **state)
{
    struct tcp_peer *t = tcp_peer_measured(&(struct tcp_peer_setup){.window = 500});

    (void)state;
    we_write(t, 500);
    we_send(t, "PA", 1, 1, 500);
    t->window = 0;
    peer_sends(t, "A", 1, 501, 0);
    we_write_urgent(t, 5);
    we_send(t, "UA", 501, 1, 0);
    says_urgent(t, 506);
    peer_sends(t, "PA", 1, 501, 10);
    we_send(t, "UA", 501, 11, 0);
    we_read(t, 10);
    after(t, tp_info(t).rto);
    we_send(t, "UA", 500, 11, 0); /* a window probe */
    says_urgent(t, 506);
    t->window = 100;
    peer_sends(t, "A", 11, 501, 0);
    we_send(t, "UPA", 501, 11, 5);
    says_urgent(t, 506);
    tcp_peer_end(t);
}

/* Nagle and cork do not hold it back. */
static void urgent_data_waits_for_nothing_of_ours(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    assert_int_equal(weft_sock_setopt(t->sock, WEFT_OPT_CORK, 1), 0);
    we_write(t, 10);
    we_send_nothing(t);
    we_write_urgent(t, 1490);
    we_send(t, "UA", 1, 1, 1000);
    we_send(t, "UPA", 1001, 1, 500);
    tcp_peer_end(t);
}

static void unknown_flags_are_refused(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    assert_int_equal(weft_sock_send_flags(t->sock, "x", 1, 1u << 30), WEFT_E_INVAL);
    we_send_nothing(t);
    tcp_peer_end(t);
}

/* --- Receiving -------------------------------------------------------------------------------- */

static void is_urgent(struct tcp_peer *t, size_t left, bool at_mark)
{
    assert_int_equal(weft_sock_urgent(t->sock), left);
    assert_int_equal(weft_sock_at_mark(t->sock), at_mark);
    assert_int_equal((weft_sock_events(t->sock) & WEFT_URGENT) != 0, left > 0);
}

/* MUST-32, MUST-33: told when it is announced and when the end moves on; how much is left; reading stops at the mark. */
static void the_application_hears_of_it(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);
    uint8_t bytes[100];

    (void)state;
    peer_sends(t, "PA", 1, 1, 10);
    is_urgent(t, 0, false);
    t->heard = 0;
    t->urgent = 6;
    peer_sends(t, "UPA", 11, 1, 8);
    we_hear(t, WEFT_URGENT);
    is_urgent(t, 16, false);
    peer_sends(t, "UPA", 19, 1, 2); /* to 25: it moves on */
    we_hear(t, WEFT_URGENT);
    is_urgent(t, 24, false);
    t->urgent = 1;
    peer_sends(t, "UPA", 21, 1, 2); /* not so far: it does not go back */
    is_urgent(t, 24, false);
    peer_sends(t, "PA", 23, 1, 20);
    assert_int_equal(weft_sock_recv(t->sock, bytes, sizeof(bytes)), 23);
    is_urgent(t, 1, true);
    assert_int_equal(weft_sock_recv(t->sock, bytes, sizeof(bytes)), 19);
    is_urgent(t, 0, false);
    tcp_peer_end(t);
}

/* A message without text announces it, also through a shut window (MUST-66), before any of it has come. */
static void it_is_announced_before_it_comes(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.tcp = {.receive_buffer = 4096}});

    (void)state;
    peer_sends(t, "PA", 1, 1, 4096);
    t->heard = 0;
    t->urgent = 100;
    peer_sends(t, "UA", 4097, 1, 0);
    we_hear(t, WEFT_URGENT);
    is_urgent(t, 4196, false);
    t->heard = 0;
    peer_sends(t, "UA", 4097, 1, 50); /* text that does not fit: the pointer counts all the same */
    assert_false(t->heard & WEFT_URGENT);
    we_read(t, 4096);
    is_urgent(t, 100, false);
    t->urgent = 0;
    peer_sends(t, "PA", 4097, 1, 100);
    we_read(t, 100);
    is_urgent(t, 0, false);
    tcp_peer_end(t);
}

/* The pointer counts from the number that the segment has, not from what is left of it. */
static void the_pointer_of_a_segment_that_is_cut(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    peer_sends(t, "A", 1, 1, 100);
    t->urgent = 150;
    peer_sends(t, "UPA", 1, 1, 200); /* the first half is old */
    is_urgent(t, 150, false);
    t->urgent = 50;
    we_read(t, 200);
    peer_sends(t, "UPA", 151, 1, 100); /* what it points at has been read */
    is_urgent(t, 0, false);
    we_read(t, 50);
    tcp_peer_end(t);
}

/* Pointers that point nowhere (3.8.5: "should be robust"): at nothing, far ahead, behind the FIN. */
static void senseless_pointers(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    t->urgent = 0;
    peer_sends(t, "UPA", 1, 1, 5);
    is_urgent(t, 0, false);
    t->urgent = 65535;
    peer_sends(t, "UPA", 6, 1, 5);
    is_urgent(t, 65540, false);
    we_read(t, 10);
    is_urgent(t, 65530, false);
    t->urgent = 0;
    peer_sends(t, "FPA", 11, 1, 3);
    is_urgent(t, 3, false);
    we_read(t, 3);
    is_urgent(t, 0, false);
    we_cannot_read(t, 0);
    t->urgent = 100;
    peer_sends(t, "UPA", 15, 1, 0);
    is_urgent(t, 0, false);
    tcp_peer_end(t);
    t = tcp_peer_established(NULL);
    t->urgent = 100;
    peer_sends(t, "UFA", 1, 1, 0); /* nothing but a FIN */
    is_urgent(t, 0, false);
    tcp_peer_end(t);
}

/* 2 GiB later an old mark is not taken for a new one, nor does it hide one. */
static void a_mark_that_has_been_read_is_forgotten(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    t->urgent = 5;
    peer_sends(t, "UPA", 1, 1, 5);
    we_read(t, 5);
    t->sock->tcb->rcv.up = seq_add(t->sock->tcb->rcv.nxt, 0x7fffffff); /* as after so many bytes */
    is_urgent(t, 0, false);
    peer_sends(t, "UPA", 6, 1, 5);
    is_urgent(t, 5, false);
    we_write_urgent(t, 5);
    peer_sends(t, "A", 11, 6, 0);
    t->sock->tcb->snd.up = seq_add(t->sock->tcb->snd.nxt, 0x7fffffff);
    ignore_sent(t);
    we_write(t, 5);
    we_send(t, "PA", 6, 11, 5);
    tcp_peer_end(t);
}

/* After SHUT_RD nobody reads, so nobody is told. */
static void nobody_is_told_who_does_not_read(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    t->urgent = 5;
    peer_sends(t, "UPA", 1, 1, 2);
    assert_int_equal(weft_sock_shutdown(t->sock, WEFT_SHUT_RD), 0);
    is_urgent(t, 0, false);
    t->heard = 0;
    peer_sends(t, "UPA", 3, 1, 5);
    assert_false(t->heard & WEFT_URGENT);
    is_urgent(t, 0, false);
    tcp_peer_end(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_pointer_shows_the_octet_behind),
        cmocka_unit_test(retransmissions_say_it_too),
        cmocka_unit_test(a_long_message_is_announced_step_by_step),
        cmocka_unit_test(urgent_data_is_not_left_to_the_link),
        cmocka_unit_test(a_shut_window_does_not_hold_the_announcement),
        cmocka_unit_test(urgent_data_waits_for_nothing_of_ours),
        cmocka_unit_test(unknown_flags_are_refused),
        cmocka_unit_test(the_application_hears_of_it),
        cmocka_unit_test(it_is_announced_before_it_comes),
        cmocka_unit_test(the_pointer_of_a_segment_that_is_cut),
        cmocka_unit_test(senseless_pointers),
        cmocka_unit_test(a_mark_that_has_been_read_is_forgotten),
        cmocka_unit_test(nobody_is_told_who_does_not_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
