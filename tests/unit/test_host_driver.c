/* SPDX-License-Identifier: MIT */
/* One round of driving a stack: who is asked, in which order, and who is left alone. */
#include "support.h"

#include <weft/err.h>

#include "host/driver.h"

/* A link that does as it is told and writes down what it was asked. */
struct puppet {
    struct weft_link link;
    int fd;
    weft_time deadline;
    int recv_gives, room; /* a negative number is an error */
    char asked[64];       /* r, s, e in order */
    unsigned max, closed;
};

static void note(struct puppet *p, char what)
{
    size_t len = strlen(p->asked);

    assert_true(len + 1 < sizeof(p->asked));
    p->asked[len] = what;
}

static int puppet_recv(struct weft_link *link, struct weft_pool *pool, struct weft_pktq *batch, unsigned max,
                       weft_time now)
{
    struct puppet *p = (struct puppet *)link;

    (void)now;
    note(p, 'r');
    p->max = max;
    for (int i = 0; i < p->recv_gives; i++) {
        struct weft_pkt *pkt = weft_pkt_new_rx(pool, 0);

        weft_pkt_put(pkt, 1); /* too short for anything: dropped and counted */
        weft_pktq_push(batch, pkt);
    }
    return p->recv_gives;
}

static int puppet_send(struct weft_link *link, struct weft_pktq *batch, weft_time now)
{
    struct puppet *p = (struct puppet *)link;
    int count = 0;

    (void)now;
    note(p, 's');
    if (p->room < 0)
        return p->room;
    for (; batch->head && p->room > 0; p->room--, count++)
        weft_pkt_free(weft_pktq_pop(batch));
    return count;
}

static int puppet_fd(const struct weft_link *link)
{
    return ((const struct puppet *)link)->fd;
}

static weft_time puppet_deadline(const struct weft_link *link)
{
    return ((const struct puppet *)link)->deadline;
}

static void puppet_end_round(struct weft_link *link, weft_time now)
{
    (void)now;
    note((struct puppet *)link, 'e');
}

static void puppet_close(struct weft_link *link)
{
    ((struct puppet *)link)->closed++;
}

static struct puppet make_puppet(int fd)
{
    static const struct weft_link_ops ops = {puppet_recv,     puppet_send,      puppet_fd,
                                             puppet_deadline, puppet_end_round, puppet_close};

    return (struct puppet){
        .link = {.ops = &ops, .name = "puppet", .type = WEFT_LINK_IP, .mtu = 1500},
        .fd = fd,
        .deadline = WEFT_TIME_NEVER,
        .room = 100,
    };
}

struct bench {
    struct weft_stack *stack;
    struct host_driver driver;
    struct weft_sock *sock;
    weft_time now;
};

static void setup(struct bench *b, struct puppet *puppet)
{
    struct weft_stack_config config = {.allocator = test_allocator,
                                       .pool_config = {256, 256, 16},
                                       .now = 1000,
                                       .max_sockets = 16,
                                       .tcp = {.max_connections = 16, .time_wait = 16, .syn_cache = 16}};
    struct weft_prefix addr = {weft_ip4(10, 0, 0, 2), 24};

    assert_int_equal(weft_stack_new(&config, &b->stack), 0);
    host_driver_init(&b->driver, b->stack);
    assert_int_equal(host_driver_add(&b->driver, &puppet->link), 1);
    assert_int_equal(weft_iface_add_addr(b->stack, 1, &addr), 0);
    assert_int_equal(weft_sock_open(b->stack, WEFT_SOCK_PING, &b->sock), 0);
    b->now = 1000;
}

static void teardown(struct bench *b)
{
    weft_sock_close(b->sock);
    host_driver_fini(&b->driver);
    test_pool_assert_home(weft_stack_pool(b->stack));
    weft_stack_free(b->stack);
}

/* One round; what the link was asked since the last check must be `asked`. */
static void round_asks(struct bench *b, struct puppet *p, const char *asked)
{
    memset(p->asked, 0, sizeof(p->asked));
    host_driver_input(&b->driver, b->now);
    host_driver_output(&b->driver, b->now);
    assert_string_equal(p->asked, asked);
}

/* Puts a packet into the queue of the link. */
static void queue_packet(struct bench *b)
{
    struct weft_datagram to = {.peer = {weft_ip4(10, 0, 0, 1), 1}};

    assert_int_equal(weft_sock_sendto(b->sock, "x", 1, &to), 1);
}

static void a_quiet_link_is_only_told_of_rounds(void **state)
{
    struct puppet p = make_puppet(5);
    struct bench b;

    (void)state;
    setup(&b, &p);
    round_asks(&b, &p, "e");
    assert_true(host_driver_deadline(&b.driver) > b.now);
    teardown(&b);
    assert_int_equal(p.closed, 1);
}

static void a_readable_link_is_read(void **state)
{
    struct puppet p = make_puppet(5);
    struct bench b;

    (void)state;
    setup(&b, &p);
    p.recv_gives = 3;
    b.driver.links[0].is_readable = true;
    round_asks(&b, &p, "re");
    assert_in_range(p.max, 1, 1024);
    assert_int_equal(weft_stats(b.stack)->drop[WEFT_DROP_IP_SHORT], 3);
    teardown(&b);
}

static void a_link_whose_time_has_come_is_asked_for_both(void **state)
{
    struct puppet p = make_puppet(-1);
    struct bench b;

    (void)state;
    setup(&b, &p);
    p.deadline = 2000;
    assert_int_equal(host_driver_deadline(&b.driver), 2000);
    b.now = 1999;
    round_asks(&b, &p, "e");
    b.now = 2000;
    round_asks(&b, &p, "rse");
    teardown(&b);
}

static void waiting_packets_want_a_round_at_once(void **state)
{
    struct puppet p = make_puppet(5);
    struct bench b;

    (void)state;
    setup(&b, &p);
    queue_packet(&b);
    assert_true(host_driver_deadline(&b.driver) <= b.now);
    round_asks(&b, &p, "se");
    assert_null(weft_output(b.stack, 1)->head);
    assert_true(host_driver_deadline(&b.driver) > b.now);
    teardown(&b);
}

static void a_full_link_is_waited_for(void **state)
{
    struct puppet p = make_puppet(5);
    struct bench b;

    (void)state;
    setup(&b, &p);
    p.room = 1;
    queue_packet(&b);
    queue_packet(&b);
    round_asks(&b, &p, "se");
    assert_true(b.driver.links[0].is_full);
    assert_true(host_driver_deadline(&b.driver) > b.now); /* nothing can be done */
    p.room = 10;
    round_asks(&b, &p, "e"); /* the descriptor has not said that there is room */
    b.driver.links[0].is_full = false;
    assert_true(host_driver_deadline(&b.driver) <= b.now);
    round_asks(&b, &p, "se");
    assert_false(b.driver.links[0].is_full);
    teardown(&b);
}

static void a_full_link_without_descriptor_is_asked_each_round(void **state)
{
    struct puppet p = make_puppet(-1);
    struct bench b;

    (void)state;
    setup(&b, &p);
    p.room = 0;
    queue_packet(&b);
    round_asks(&b, &p, "se");
    assert_true(host_driver_deadline(&b.driver) > b.now);
    round_asks(&b, &p, "se");
    p.deadline = 0; /* says that there is room again */
    assert_true(host_driver_deadline(&b.driver) <= b.now);
    weft_pktq_purge(weft_output(b.stack, 1));
    teardown(&b);
}

static void a_broken_link_is_left_alone(void **state)
{
    struct puppet p = make_puppet(5), whole = make_puppet(6);
    struct bench b;

    (void)state;
    setup(&b, &p);
    assert_int_equal(host_driver_add(&b.driver, &whole.link), 2);
    p.recv_gives = WEFT_E_NETDOWN;
    p.deadline = 0;
    b.driver.links[0].is_readable = b.driver.links[1].is_readable = true;
    queue_packet(&b);
    round_asks(&b, &p, "re"); /* the round is finished all the same */
    assert_int_equal(host_driver_error(&b.driver), WEFT_E_NETDOWN);
    assert_true(host_driver_deadline(&b.driver) > b.now);
    round_asks(&b, &p, "e");
    assert_string_equal(whole.asked, "rere");
    weft_pktq_purge(weft_output(b.stack, 1));
    teardown(&b);
}

static void an_error_of_send_is_kept(void **state)
{
    struct puppet p = make_puppet(5);
    struct bench b;

    (void)state;
    setup(&b, &p);
    p.room = WEFT_E_IO;
    queue_packet(&b);
    round_asks(&b, &p, "se");
    assert_int_equal(host_driver_error(&b.driver), WEFT_E_IO);
    weft_pktq_purge(weft_output(b.stack, 1));
    teardown(&b);
}

static void a_link_that_makes_no_interface_is_closed(void **state)
{
    struct puppet p = make_puppet(5), bad = make_puppet(6);
    struct bench b;

    (void)state;
    setup(&b, &p);
    bad.link.mtu = 10;
    assert_int_equal(host_driver_add(&b.driver, &bad.link), WEFT_E_INVAL);
    assert_int_equal(bad.closed, 1);
    assert_int_equal(b.driver.count, 1);
    teardown(&b);
}

/* --- Two stacks with drivers of their own, at the ends of a wire --- */

#define WINDOW 8000 /* bytes: less than the first flight of a sender */

struct reader {
    struct weft_handler handler;
    struct weft_sock *sock;
    size_t got;
};

struct pair {
    struct host_driver near, far;
    struct weft_sock *sender, *listener;
    struct reader reader;
};

static void read_all(struct weft_handler *handler, struct weft_sock *sock, unsigned events, weft_time now)
{
    struct reader *reader = (struct reader *)handler;
    uint8_t bytes[WINDOW];
    ptrdiff_t n;

    (void)events;
    (void)now;
    while ((n = weft_sock_recv(sock, bytes, sizeof(bytes))) > 0)
        reader->got += (size_t)n;
}

static void init_end(struct host_driver *driver, struct weft_link *link, uint8_t host)
{
    struct weft_stack_config config = {
        .allocator = test_allocator,
        .pool_config = {256, 256, 16},
        .now = 1000,
        .max_sockets = 16,
        .tcp = {.max_connections = 16, .time_wait = 16, .syn_cache = 16, .receive_buffer = WINDOW}};
    struct weft_prefix addr = {weft_ip4(10, 0, 0, host), 24};
    struct weft_stack *stack;

    assert_int_equal(weft_stack_new(&config, &stack), 0);
    host_driver_init(driver, stack);
    assert_int_equal(host_driver_add(driver, link), 1);
    assert_int_equal(weft_iface_add_addr(stack, 1, &addr), 0);
}

static void free_end(struct host_driver *driver)
{
    host_driver_fini(driver);
    weft_stack_free(driver->stack);
}

static void round_of(struct host_driver *driver)
{
    host_driver_input(driver, 2000);
    host_driver_output(driver, 2000);
}

/* A connection that stands, and a handler at its far end that reads whatever comes. */
static void connect_pair(struct pair *pair)
{
    const struct weft_pipe_config wire = {.type = WEFT_LINK_IP};
    const struct weft_endpoint there = {weft_ip4(10, 0, 0, 2), 80};
    struct weft_link *a, *b;

    assert_int_equal(weft_link_pipe(&wire, &a, &b), 0);
    init_end(&pair->near, a, 1);
    init_end(&pair->far, b, 2);
    assert_int_equal(weft_sock_open(pair->far.stack, WEFT_SOCK_STREAM, &pair->listener), 0);
    assert_int_equal(weft_sock_bind(pair->listener, &there), 0);
    assert_int_equal(weft_sock_listen(pair->listener, 1), 0);
    assert_int_equal(weft_sock_open(pair->near.stack, WEFT_SOCK_STREAM, &pair->sender), 0);
    assert_int_equal(weft_sock_connect(pair->sender, &there), WEFT_E_INPROGRESS);
    for (unsigned i = 0; i < 3; i++) {
        round_of(&pair->near);
        round_of(&pair->far);
    }
    assert_int_equal(weft_sock_accept(pair->listener, &pair->reader.sock), 0);
    pair->reader.handler.ready = read_all;
    weft_sock_set_handler(pair->reader.sock, &pair->reader.handler);
}

/* The window field of a plain IP packet with TCP and no options of IP. */
static unsigned window_of(const struct weft_pkt *pkt)
{
    return (unsigned)pkt->data[34] << 8 | pkt->data[35];
}

/* A whole window comes in one round. Its reader takes all, and the ACK, one, says so: no window shuts for a moment. */
static void handlers_read_before_the_ack_is_built(void **state)
{
    static const uint8_t bytes[WINDOW];
    struct pair pair = {0};
    const struct weft_pktq *answer;

    (void)state;
    connect_pair(&pair);
    assert_int_equal(weft_sock_send(pair.sender, bytes, sizeof(bytes)), WINDOW);
    round_of(&pair.near);
    host_driver_input(&pair.far, 2000);
    assert_int_equal(pair.reader.got, WINDOW);
    answer = weft_output(pair.far.stack, 1);
    assert_int_equal(answer->count, 1);
    assert_true(window_of(answer->head) > 0);
    weft_sock_abort(pair.sender);
    weft_sock_abort(pair.reader.sock);
    weft_sock_abort(pair.listener);
    round_of(&pair.near);
    round_of(&pair.far);
    free_end(&pair.near);
    free_end(&pair.far);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_quiet_link_is_only_told_of_rounds),
        cmocka_unit_test(a_readable_link_is_read),
        cmocka_unit_test(a_link_whose_time_has_come_is_asked_for_both),
        cmocka_unit_test(waiting_packets_want_a_round_at_once),
        cmocka_unit_test(a_full_link_is_waited_for),
        cmocka_unit_test(a_full_link_without_descriptor_is_asked_each_round),
        cmocka_unit_test(a_broken_link_is_left_alone),
        cmocka_unit_test(an_error_of_send_is_kept),
        cmocka_unit_test(a_link_that_makes_no_interface_is_closed),
        cmocka_unit_test(handlers_read_before_the_ack_is_built),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
