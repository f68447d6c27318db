/* SPDX-License-Identifier: MIT */
/* Stream sockets: what each call does and refuses; bytes lent and borrowed; the accept queue (weft/socket.h). */
#include "tcp_peer.h"

/* --- Names -------------------------------------------------------------------------------- */

static void names_are_bound(void **state)
{
    struct tcp_peer *t = tcp_peer_new(NULL);
    struct weft_endpoint ours = {tp_us, 1000}, strange = {tp_peer, 1000}, any = {WEFT_ADDR_ANY, 0}, end;
    struct weft_sock *a, *b;

    (void)state;
    assert_int_equal(weft_sock_open(t->stack, WEFT_SOCK_STREAM, &a), 0);
    assert_int_equal(weft_sock_open(t->stack, WEFT_SOCK_STREAM, &b), 0);
    weft_sock_local(a, &end);
    assert_true(end.port == 0 && weft_addr_is_any(&end.addr));
    assert_int_equal(weft_sock_bind(a, &strange), WEFT_E_ADDRNOTAVAIL);
    assert_int_equal(weft_sock_bind(a, &ours), 0);
    assert_int_equal(weft_sock_bind(a, &ours), WEFT_E_INVAL); /* bound already */
    weft_sock_local(a, &end);
    assert_true(end.port == 1000 && weft_addr_eq(&end.addr, &tp_us));
    weft_sock_remote(a, &end);
    assert_true(end.port == 0 && weft_addr_is_any(&end.addr));
    assert_int_equal(weft_sock_listen(a, 0), 0);
    assert_int_equal(weft_sock_bind(b, &ours), WEFT_E_ADDRINUSE);
    assert_int_equal(weft_sock_bind(b, &any), 0); /* a free port is put in */
    weft_sock_local(b, &end);
    assert_true(end.port >= 32768);
    weft_sock_close(a);
    weft_sock_close(b);
    tcp_peer_end(t);
}

/* WEFT_OPT_REUSEADDR 0: not where an old connection, even one in TIME-WAIT, holds the port. */
static void without_reuse_old_connections_hold_the_port(void **state)
{
    struct tcp_peer *t = tcp_peer_time_wait(&(struct tcp_peer_setup){.accepts = true});
    struct weft_endpoint local = {WEFT_ADDR_ANY, TP_SERVER_PORT};
    struct weft_sock *next;

    (void)state;
    we_close(t);
    weft_sock_close(t->listener);
    t->listener = NULL;
    assert_int_equal(weft_sock_open(t->stack, WEFT_SOCK_STREAM, &next), 0);
    assert_int_equal(weft_sock_setopt(next, WEFT_OPT_REUSEADDR, 0), 0);
    assert_int_equal(weft_sock_bind(next, &local), WEFT_E_ADDRINUSE);
    assert_int_equal(weft_sock_setopt(next, WEFT_OPT_REUSEADDR, 1), 0);
    assert_int_equal(weft_sock_bind(next, &local), 0);
    weft_sock_close(next);
    tcp_peer_end(t);
}

/* --- Calls at the wrong moment -------------------------------------------------------------- */

static void a_fresh_socket_is_not_connected(void **state)
{
    struct tcp_peer *t = tcp_peer_new(NULL);
    struct weft_tcp_info info;
    struct weft_slice view;
    struct weft_sock *s, *other;
    uint8_t byte = 0;
    size_t n;

    (void)state;
    assert_int_equal(weft_sock_open(t->stack, (enum weft_sock_type)9, &s), WEFT_E_INVAL);
    assert_int_equal(weft_sock_open(t->stack, WEFT_SOCK_STREAM, &s), 0);
    assert_int_equal(weft_sock_send(s, &byte, 1), WEFT_E_NOTCONN);
    assert_int_equal(weft_sock_recv(s, &byte, 1), WEFT_E_NOTCONN);
    assert_int_equal(weft_sock_peek(s, 0, &byte, 1), WEFT_E_NOTCONN);
    assert_int_equal(weft_sock_borrow(s, &view, 1, &n), WEFT_E_NOTCONN);
    assert_int_equal(weft_sock_shutdown(s, WEFT_SHUT_WR), WEFT_E_NOTCONN);
    assert_int_equal(weft_sock_info(s, &info), WEFT_E_NOTCONN);
    assert_int_equal(weft_sock_accept(s, &other), WEFT_E_INVAL);
    assert_int_equal(weft_sock_listen(s, 0), WEFT_E_INVAL); /* not bound */
    assert_int_equal(weft_sock_events(s), 0);
    assert_int_equal(weft_sock_error(s), 0);
    assert_int_equal(weft_sock_send_room(s), 0);
    assert_int_equal(weft_sock_recv_pending(s), 0);
    weft_sock_consume(s, 0);
    assert_ptr_equal(weft_sock_stack(s), t->stack);
    weft_sock_close(s);
    weft_sock_close(NULL);
    weft_sock_abort(NULL);
    tcp_peer_end(t);
}

static void a_listener_only_listens(void **state)
{
    struct tcp_peer *t = tcp_peer_listening(NULL, 0);
    struct weft_endpoint remote = {tp_peer, 80};
    uint8_t byte = 0;

    (void)state;
    assert_int_equal(weft_sock_connect(t->listener, &remote), WEFT_E_OPNOTSUPP);
    assert_int_equal(weft_sock_send(t->listener, &byte, 1), WEFT_E_NOTCONN);
    assert_int_equal(weft_sock_recv(t->listener, &byte, 1), WEFT_E_NOTCONN);
    assert_int_equal(weft_sock_listen(t->listener, 0), WEFT_E_INVAL);
    assert_int_equal(weft_sock_accept(t->listener, &t->sock), WEFT_E_AGAIN);
    tcp_peer_end(t);
}

static void a_backlog_has_bounds(void **state)
{
    struct tcp_peer *t = tcp_peer_new(NULL);

    (void)state;
    t->listener = tp_open(t);
    assert_int_equal(weft_sock_listen(t->listener, 65536), WEFT_E_INVAL);
    assert_int_equal(weft_sock_listen(t->listener, 65535), 0);
    tcp_peer_end(t);
}

static void sockets_are_bounded(void **state)
{
    struct tcp_peer *t = tcp_peer_new(NULL);
    struct weft_sock *socks[129];
    unsigned n = 0;

    (void)state;
    while (n < 129 && weft_sock_open(t->stack, WEFT_SOCK_STREAM, &socks[n]) == 0)
        n++;
    assert_int_equal(n, 128);
    assert_int_equal(weft_sock_open(t->stack, WEFT_SOCK_STREAM, &socks[128]), WEFT_E_LIMIT);
    while (n > 0)
        weft_sock_close(socks[--n]);
    tcp_peer_end(t);
}

/* Accept fails without a socket to give; the connection waits. */
static void an_accept_without_sockets_waits(void **state)
{
    struct tcp_peer *t = tcp_peer_syn_received(NULL);
    struct weft_sock *socks[128];
    unsigned n = 0;

    (void)state;
    peer_sends(t, "A", 1, 1, 0);
    while (weft_sock_open(t->stack, WEFT_SOCK_STREAM, &socks[n]) == 0)
        n++;
    assert_int_equal(weft_sock_accept(t->listener, &t->sock), WEFT_E_LIMIT);
    while (n > 0)
        weft_sock_close(socks[--n]);
    assert_int_equal(weft_sock_accept(t->listener, &t->sock), 0);
    tcp_peer_end(t);
}

/* --- Reading ----------------------------------------------------------------------------------- */

static void check_pattern(const struct tcp_peer *t, const uint8_t *bytes, uint32_t seq, size_t n)
{
    for (size_t i = 0; i < n; i++)
        assert_int_equal(bytes[i], tp_byte(t->irs + seq + (uint32_t)i));
}

static void peek_leaves_the_bytes(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);
    uint8_t bytes[3000];

    (void)state;
    peer_sends(t, "A", 1, 1, 1000);
    peer_sends(t, "A", 1001, 1, 1000);
    ignore_sent(t);
    assert_int_equal(weft_sock_peek(t->sock, 0, bytes, sizeof(bytes)), 2000);
    check_pattern(t, bytes, 1, 2000);
    assert_int_equal(weft_sock_peek(t->sock, 999, bytes, 2), 2);
    check_pattern(t, bytes, 1000, 2);
    assert_int_equal(weft_sock_peek(t->sock, 1990, bytes, 100), 10);
    check_pattern(t, bytes, 1991, 10);
    assert_int_equal(weft_sock_peek(t->sock, 2000, bytes, 1), WEFT_E_AGAIN);
    assert_int_equal(weft_sock_peek(t->sock, 0, bytes, 0), 0);
    assert_int_equal(weft_sock_recv_pending(t->sock), 2000);
    we_read(t, 2000);
    tcp_peer_end(t);
}

static void borrowed_bytes_are_not_copied(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);
    struct weft_slice views[8];
    size_t total;
    int n;

    (void)state;
    assert_int_equal(weft_sock_borrow(t->sock, views, 8, &total), WEFT_E_AGAIN);
    peer_sends(t, "A", 1, 1, 1460);
    peer_sends(t, "A", 1461, 1, 1460);
    peer_sends(t, "A", 2921, 1, 5000); /* in several pieces */
    ignore_sent(t);
    n = weft_sock_borrow(t->sock, views, 8, &total);
    assert_true(n >= 3);
    assert_int_equal(total, 7920);
    uint32_t at = 1;
    for (int i = 0; i < n; i++) {
        check_pattern(t, views[i].block->data + views[i].off, at, views[i].len);
        at += views[i].len;
    }
    assert_int_equal(weft_sock_borrow(t->sock, views, 1, &total), 1);
    assert_int_equal(total, views[0].len);
    weft_sock_consume(t->sock, 1500); /* across the border of two segments */
    t->read_seq += 1500;
    assert_true(weft_sock_borrow(t->sock, views, 8, &total) > 0);
    assert_int_equal(total, 6420);
    check_pattern(t, views[0].block->data + views[0].off, 1501, views[0].len);
    we_read(t, 6420);
    peer_sends(t, "FA", 7921, 1, 0);
    ignore_sent(t);
    assert_int_equal(weft_sock_borrow(t->sock, views, 8, &total), 0);
    assert_int_equal(total, 0);
    tcp_peer_end(t);
}

/* Many small segments do not cost a block each. */
static void keystrokes_share_blocks(void **state)
{
    struct tcp_peer *t =
        tcp_peer_established(&(struct tcp_peer_setup){.pool = {.pkts = 64, .small_blocks = 64}});
    struct weft_pool_usage usage;

    (void)state;
    for (uint32_t i = 0; i < 2000; i++)
        peer_sends(t, "A", 1 + i, 1, 1);
    ignore_sent(t);
    weft_pool_usage(t->pool, &usage);
    assert_true(usage.small_used < 8);
    we_read(t, 2000);
    tcp_peer_end(t);
}

static void reading_nothing_is_allowed(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);
    uint8_t byte;

    (void)state;
    assert_int_equal(weft_sock_recv(t->sock, &byte, 0), 0);
    assert_int_equal(weft_sock_send(t->sock, &byte, 0), 0);
    tcp_peer_end(t);
}

/* --- Writing --------------------------------------------------------------------------------------- */

static unsigned released;

static void count_release(struct weft_block *block)
{
    (void)block;
    released++;
}

/* A lent block is sent as it lies, and given back when the last byte of it is acknowledged. */
static void lent_blocks_are_sent_and_given_back(void **state)
{
    static uint8_t bytes[10000];
    struct weft_block block = {.refs = 1, .size = sizeof(bytes), .data = bytes, .release = count_release};
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    released = 0;
    for (uint32_t i = 0; i < 2500; i++)
        bytes[7 + i] = tp_byte(t->write_seq + i);
    assert_int_equal(weft_sock_send_block(t->sock, &block, 7, 2500), 2500);
    t->write_seq += 2500;
    assert_int_equal(block.refs, 2);
    weft_block_unref(&block); /* ours */
    we_write(t, 100);         /* copied bytes behind lent ones */
    we_send(t, "A", 1, 1, 1000);
    we_send(t, "A", 1001, 1, 1000);
    we_send(t, "PA", 2001, 1, 600);
    peer_sends(t, "A", 1, 2401, 0);
    assert_int_equal(released, 0);
    peer_sends(t, "A", 1, 2501, 0);
    assert_int_equal(released, 1);
    peer_sends(t, "A", 1, 2601, 0);
    tcp_peer_end(t);
}

/* All or nothing; and it comes back when the connection ends another way. */
static void lent_blocks_come_back_in_any_case(void **state)
{
    static uint8_t bytes[10000];
    struct weft_block block = {.refs = 1, .size = sizeof(bytes), .data = bytes, .release = count_release};
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.tcp = {.send_buffer = 8000}});

    (void)state;
    released = 0;
    t->loose = true;
    assert_int_equal(tp_write(t, 10, 0), 10);
    assert_int_equal(weft_sock_send_block(t->sock, &block, 0, 7991), WEFT_E_AGAIN);
    assert_int_equal(block.refs, 1);
    tp_step(t);
    ignore_sent(t);
    peer_sends(t, "A", 1, 11, 0);
    for (uint32_t i = 0; i < 8000; i++)
        bytes[i] = tp_byte(t->write_seq + i);
    assert_int_equal(weft_sock_send_block(t->sock, &block, 0, 8000), 8000);
    weft_block_unref(&block);
    assert_int_equal(weft_sock_send_room(t->sock), 0);
    assert_int_equal(tp_write(t, 1, 0), WEFT_E_AGAIN);
    tp_step(t);
    ignore_sent(t);
    peer_sends(t, "R", 1, 0, 0);
    assert_int_equal(released, 1);
    assert_int_equal(weft_sock_send_block(t->sock, &block, 0, 1), WEFT_E_CONNRESET);
    tcp_peer_end(t);
}

/* WEFT_OPT_NOTSENT_LOWAT: writable while little waits to be sent, however much room there is. */
static void notsent_lowat_keeps_a_writer_waiting(void **state)
{
    struct tcp_peer *t = tcp_peer_established(NULL);

    (void)state;
    assert_int_equal(weft_sock_setopt(t->sock, WEFT_OPT_NOTSENT_LOWAT, 3000), 0);
    we_write(t, 15000); /* a write takes as much as ever; cwnd lets 10000 go */
    ignore_sent(t);
    assert_int_equal(tp_info(t).unsent, 5000);
    assert_false(weft_sock_events(t->sock) & WEFT_WRITABLE);
    t->heard = 0;
    peer_sends(t, "A", 1, 1001, 0);
    ignore_sent(t);
    assert_int_equal(tp_info(t).unsent, 3000);
    assert_false(t->heard & WEFT_WRITABLE);
    peer_sends(t, "A", 1, 2001, 0);
    ignore_sent(t);
    assert_true(tp_info(t).unsent < 3000);
    we_hear(t, WEFT_WRITABLE);
    assert_true(weft_sock_events(t->sock) & WEFT_WRITABLE);
    assert_int_equal(weft_sock_setopt(t->sock, WEFT_OPT_NOTSENT_LOWAT, 1), 0);
    assert_false(weft_sock_events(t->sock) & WEFT_WRITABLE);
    assert_int_equal(weft_sock_setopt(t->sock, WEFT_OPT_NOTSENT_LOWAT, 0), 0);
    assert_true(weft_sock_events(t->sock) & WEFT_WRITABLE);
    tcp_peer_end(t);
}

/* A send buffer that is full says AGAIN, and WRITABLE comes when there is good room. */
static void a_full_buffer_says_again(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.tcp = {.send_buffer = 6000}});

    (void)state;
    assert_int_equal(weft_sock_send_room(t->sock), 6000);
    assert_int_equal(tp_write(t, 10000, 0), 6000);
    assert_int_equal(tp_write(t, 1, 0), WEFT_E_AGAIN);
    tp_step(t);
    ignore_sent(t);
    t->heard = 0;
    peer_sends(t, "A", 1, 1001, 0);
    assert_false(t->heard & WEFT_WRITABLE);
    peer_sends(t, "A", 1, 3001, 0);
    we_hear(t, WEFT_WRITABLE);
    assert_int_equal(weft_sock_send_room(t->sock), 3000);
    we_write(t, 3000);
    tcp_peer_end(t);
}

/* A block larger than the whole buffer goes when nothing else is in it, or it never could. */
static void a_block_may_be_larger_than_the_buffer(void **state)
{
    static uint8_t bytes[10000];
    struct weft_block block = {.refs = 1, .size = sizeof(bytes), .data = bytes, .release = count_release};
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.tcp = {.send_buffer = 4096}});

    (void)state;
    released = 0;
    for (uint32_t i = 0; i < 10000; i++)
        bytes[i] = tp_byte(t->write_seq + i);
    assert_int_equal(weft_sock_send_block(t->sock, &block, 0, 10000), 10000);
    t->write_seq += 10000;
    weft_block_unref(&block);
    tp_step(t);
    assert_int_equal(t->count, 10);
    ignore_sent(t);
    assert_int_equal(tp_write(t, 1, 0), WEFT_E_AGAIN);
    peer_sends(t, "A", 1, 10001, 0);
    assert_int_equal(released, 1);
    we_write(t, 10);
    tcp_peer_end(t);
}

static void after_a_shutdown_nothing_can_be_written(void **state)
{
    struct tcp_peer *t = tcp_peer_fin_wait_1(NULL);
    struct weft_block block = {.refs = 1, .size = 1, .data = (uint8_t *)"x", .release = count_release};

    (void)state;
    assert_int_equal(tp_write(t, 1, 0), WEFT_E_PIPE);
    assert_int_equal(weft_sock_send_block(t->sock, &block, 0, 1), WEFT_E_PIPE);
    assert_int_equal(block.refs, 1);
    assert_int_equal(weft_sock_shutdown(t->sock, WEFT_SHUT_WR), 0); /* harmless again */
    tp_step(t);
    we_send_nothing(t);
    tcp_peer_end(t);
}

/* --- The accept queue -------------------------------------------------------------------------------- */

static void prepare_listener(struct weft_sock *sock)
{
    assert_int_equal(weft_sock_setopt(sock, WEFT_OPT_NODELAY, 1), 0);
    assert_int_equal(weft_sock_setopt(sock, WEFT_OPT_TTL, 33), 0);
    assert_int_equal(weft_sock_setopt(sock, WEFT_OPT_TOS, 0xb8), 0);
    assert_int_equal(weft_sock_setopt(sock, WEFT_OPT_MAXSEG, 700), 0);
    assert_int_equal(weft_sock_setopt(sock, WEFT_OPT_RECEIVE_BUFFER, 20000), 0);
    assert_int_equal(weft_sock_setopt(sock, WEFT_OPT_LINGER, 0), 0);
}

static void accepted_sockets_inherit_the_options(void **state)
{
    struct tcp_peer *t = tcp_peer_syn_received(&(struct tcp_peer_setup){.prepare = prepare_listener});
    int64_t value;

    (void)state;
    assert_int_equal(t->last.opts.mss, 700);
    assert_int_equal(t->last.tcp.window, 20000);
    assert_int_equal(t->last.ip.ttl, 33);
    assert_int_equal(t->last.ip.tos, 0xb8);
    peer_sends(t, "A", 1, 1, 0);
    tp_accept(t);
    assert_int_equal(weft_sock_getopt(t->sock, WEFT_OPT_NODELAY, &value), 0);
    assert_int_equal(value, 1);
    assert_int_equal(weft_sock_getopt(t->sock, WEFT_OPT_LINGER, &value), 0);
    assert_int_equal(value, 0);
    we_write(t, 1000);
    we_send(t, "A", 1, 1, 700); /* MAXSEG bounds ours too */
    assert_int_equal(t->last.ip.ttl, 33);
    assert_int_equal(t->last.ip.tos, 0xb8);
    we_send(t, "PA", 701, 1, 300);
    tcp_peer_end(t);
}

/* So do those that come later than the listen. */
static void options_of_a_listener_can_change(void **state)
{
    struct tcp_peer *t = tcp_peer_listening(NULL, 0);

    (void)state;
    assert_int_equal(weft_sock_setopt(t->listener, WEFT_OPT_TTL, 9), 0);
    peer_sends_syn(t, "S", 0, 0);
    we_send(t, "SA", 0, 1, 0);
    assert_int_equal(t->last.ip.ttl, 9);
    tcp_peer_end(t);
}

/* What arrived before the accept is there. */
static void data_waits_for_the_accept(void **state)
{
    struct tcp_peer *t = tcp_peer_syn_received(NULL);

    (void)state;
    peer_sends(t, "PA", 1, 1, 100);
    peer_sends(t, "FA", 101, 1, 0);
    ignore_sent(t);
    assert_int_equal(weft_sock_accept(t->listener, &t->sock), 0);
    tp_step(t);
    we_hear(t, WEFT_READABLE | WEFT_PEER_CLOSED);
    we_read(t, 100);
    we_cannot_read(t, 0);
    tcp_peer_end(t);
}

/* Freeing a stack with everything open leaves nothing behind. */
static void a_stack_frees_its_sockets(void **state)
{
    struct tcp_peer *t = tcp_peer_established(&(struct tcp_peer_setup){.accepts = true});

    (void)state;
    we_write(t, 5000);
    peer_sends(t, "A", 101, 1, 100);
    peer_sends(t, "A", 1, 1, 50);
    t->sock = t->listener = NULL; /* not closed */
    tcp_peer_end(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(notsent_lowat_keeps_a_writer_waiting),
        cmocka_unit_test(names_are_bound),
        cmocka_unit_test(without_reuse_old_connections_hold_the_port),
        cmocka_unit_test(a_fresh_socket_is_not_connected),
        cmocka_unit_test(a_listener_only_listens),
        cmocka_unit_test(a_backlog_has_bounds),
        cmocka_unit_test(sockets_are_bounded),
        cmocka_unit_test(an_accept_without_sockets_waits),
        cmocka_unit_test(peek_leaves_the_bytes),
        cmocka_unit_test(borrowed_bytes_are_not_copied),
        cmocka_unit_test(keystrokes_share_blocks),
        cmocka_unit_test(reading_nothing_is_allowed),
        cmocka_unit_test(lent_blocks_are_sent_and_given_back),
        cmocka_unit_test(lent_blocks_come_back_in_any_case),
        cmocka_unit_test(a_block_may_be_larger_than_the_buffer),
        cmocka_unit_test(a_full_buffer_says_again),
        cmocka_unit_test(after_a_shutdown_nothing_can_be_written),
        cmocka_unit_test(accepted_sockets_inherit_the_options),
        cmocka_unit_test(options_of_a_listener_can_change),
        cmocka_unit_test(data_waits_for_the_accept),
        cmocka_unit_test(a_stack_frees_its_sockets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
