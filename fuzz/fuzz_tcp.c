/* SPDX-License-Identifier: MIT */
/*
 * Whole conversations under libFuzzer: the input's bytes choose segments, most
 * of them near to numbers that are valid at the moment, socket calls, ICMP errors
 * and steps of time, for a stack whose invariants are checked after each
 * event. In the end everything must have come home. Each input is played twice,
 * to a stack with the fast path and to one without: what they send must be the
 * same.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <weft/socket.h>
#include <weft/tcp_ao.h>

#include "base/assert.h"
#include "base/checksum.h"
#include "wire/icmp4.h"
#include "wire/ip4.h"
#include "wire/tcp.h"

#define SOCKS  4
#define BLOCKS 4
#define OPS    600

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct world {
    struct weft_stack *stack;
    struct weft_pool *pool;
    int iface;
    weft_time now;
    const uint8_t *at, *end;
    struct weft_sock *sock[SOCKS]; /* the first listens */
    struct weft_block lent[BLOCKS];
    uint16_t our_port, peer_port;
    uint32_t our_nxt,
        our_una;       /* what we have seen of the stack: the end of the last segment, its beginning */
    uint32_t peer_nxt; /* what it has acknowledged */
    uint32_t peer_window;
    uint32_t tsval; /* its last timestamp */
    bool blocked;   /* the link takes nothing */
    bool ao;        /* segments have TCP-AO, with keys whose MACs are zeros */
    uint64_t sent;  /* a hash of all that the stack has sent, with its times */
};

static uint8_t lent_bytes[4096];

/* --- The input as a source of choices: all zero behind its end --------------------------- */

static uint8_t byte(struct world *w)
{
    return w->at < w->end ? *w->at++ : 0;
}

static uint32_t below(struct world *w, uint32_t n)
{
    return byte(w) % n;
}

static uint32_t word(struct world *w)
{
    uint32_t high = byte(w), low = byte(w);

    return high << 8 | low;
}

/* --- Memory -------------------------------------------------------------------------------- */

/* Pools are large and hardly touched: to clear them would take most of the time. */
#define LARGE 65536u

static void *take(void *ctx, size_t size)
{
    void *mem = NULL;

    (void)ctx;
    if (size >= LARGE) {
        mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        return mem == MAP_FAILED ? NULL : mem;
    }
    if (posix_memalign(&mem, 64, size))
        return NULL;
    memset(mem, 0, size);
    return mem;
}

static void give(void *ctx, void *mem, size_t size)
{
    (void)ctx;
    if (size >= LARGE)
        munmap(mem, size);
    else
        free(mem);
}

static void stay(struct weft_block *block)
{
    block->refs = 0;
}

/* --- TCP-AO: whose MAC is all zeros is authentic ------------------------------------------ */

static void no_hmac(const void *key, size_t key_len, const struct weft_crypto_piece *pieces, unsigned n,
                    uint8_t mac[20])
{
    (void)key, (void)key_len, (void)pieces, (void)n;
    memset(mac, 0, 20);
}

static void no_cmac(const uint8_t key[16], const struct weft_crypto_piece *pieces, unsigned n,
                    uint8_t mac[16])
{
    (void)key, (void)pieces, (void)n;
    memset(mac, 0, 16);
}

static const struct weft_tcp_crypto no_crypto = {.hmac_sha1 = no_hmac, .aes128_cmac = no_cmac};

static void add_key(struct weft_sock *sock, uint8_t id)
{
    struct weft_tcp_ao_key key = {.send_id = id,
                                  .recv_id = id,
                                  .algorithm = id & 1 ? WEFT_TCP_AO_AES128 : WEFT_TCP_AO_SHA1,
                                  .exclude_options = id & 2,
                                  .key = "key",
                                  .key_len = 3};

    (void)weft_sock_ao_add_key(sock, &key);
}

static void change_keys(struct world *w, struct weft_sock *sock)
{
    static const struct weft_prefix everybody;
    uint8_t id = (uint8_t)below(w, 4);

    switch (below(w, 4)) {
    case 0:
        add_key(sock, id);
        break;
    case 1:
        (void)weft_sock_ao_del_key(sock, &everybody, 0, id, id);
        break;
    default:
        (void)weft_sock_ao_set(sock, (enum weft_tcp_ao_set)below(w, 4), id);
    }
}

static void choose_ao(struct world *w, struct wire_tcp_opts *opts, uint8_t content[14])
{
    uint8_t choice = byte(w);

    memset(content, 0, 14);
    content[0] = choice & 3;
    content[1] = choice >> 2 & 3;
    opts->has_ao = (choice & 0x70) != 0x70;
    opts->ao = content;
    opts->ao_len = choice & 0x80 ? (uint8_t)(2 + below(w, 12)) : 14;
}

/* --- What the stack sends -------------------------------------------------------------------- */

static void hash(struct world *w, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;

    for (size_t i = 0; i < len; i++)
        w->sent = (w->sent ^ at[i]) * 0x100000001b3;
}

static void learn(struct world *w, struct weft_pkt *pkt)
{
    uint8_t bytes[128];
    uint32_t n = pkt->total_len < sizeof(bytes) ? pkt->total_len : sizeof(bytes);
    struct cursor c = cursor_of(bytes, n);
    struct wire_tcp_opts opts;
    struct wire_ip4 ip;
    struct wire_tcp tcp;

    weft_pkt_copy_out(pkt, 0, bytes, n);
    hash(w, &w->now, sizeof(w->now));
    hash(w, &pkt->total_len, sizeof(pkt->total_len));
    hash(w, bytes, n);
    weft_assert(wire_ip4_parse(&c, pkt->total_len, &ip) == WIRE_IP4_OK);
    if (ip.proto != WIRE_PROTO_TCP)
        return;
    weft_assert(wire_tcp_parse(&c, &tcp));
    weft_assert(wire_tcp_opts_parse(tcp.options, tcp.header_len - 20u, &opts));
    if (tcp.flags & WIRE_TCP_RST)
        return;
    w->our_port = tcp.src_port;
    w->peer_port = tcp.dst_port;
    w->our_una = tcp.seq;
    w->our_nxt = tcp.seq + (pkt->total_len - ip.header_len - tcp.header_len) +
                 ((tcp.flags & (WIRE_TCP_SYN | WIRE_TCP_FIN)) != 0);
    w->peer_window = tcp.window;
    if (tcp.flags & WIRE_TCP_ACK)
        w->peer_nxt = tcp.ack;
    if (opts.has_timestamps)
        w->tsval = opts.tsval;
}

static void step(struct world *w)
{
    struct weft_pktq *out = weft_output(w->stack, w->iface);
    struct weft_sock *sock;
    struct weft_pkt *pkt;
    unsigned events;

    weft_step(w->stack, w->now);
    while ((sock = weft_ready_next(w->stack, &events)) != NULL)
        ;
    while (!w->blocked && (pkt = weft_pktq_pop(out)) != NULL) {
        learn(w, pkt);
        weft_pkt_free(pkt);
    }
}

/* --- What comes in --------------------------------------------------------------------------------- */

/* An IP packet from the peer; `gso` bytes to a segment if it is to be a super-segment. */
static void input(struct world *w, uint8_t proto, const uint8_t *payload, uint32_t len, uint16_t gso)
{
    struct wire_ip4 ip = {.total_len = (uint16_t)(WIRE_IP4_LEN + len), .ttl = 64, .proto = proto};
    uint32_t linear = len < 1500 ? len : 60;
    struct weft_pkt *pkt = weft_pkt_new_rx(w->pool, 64);
    struct weft_pktq batch = {0};
    struct writer writer;

    if (!pkt)
        return;
    ip.src = weft_ip4(10, 0, 0, 2);
    ip.dst = weft_ip4(10, 0, 0, 1);
    writer = writer_of(weft_pkt_put(pkt, WIRE_IP4_LEN), WIRE_IP4_LEN);
    wire_ip4_emit(&ip, 0, &writer);
    memcpy(weft_pkt_put(pkt, linear), payload, linear);
    if (len > linear) {
        struct weft_block *block = weft_block_new(w->pool, WEFT_BLOCK_LARGE);

        if (block) {
            memcpy(block->data, payload + linear, len - linear);
            weft_pkt_add_slice(pkt, block, 0, len - linear);
            weft_block_unref(block);
        }
    }
    pkt->flags |= WEFT_PKT_CSUM_GOOD;
    pkt->l3_off = 64;
    pkt->l4_off = 64 + WIRE_IP4_LEN;
    if (gso) {
        pkt->gso_size = gso;
        pkt->gso_segs = (uint16_t)((len + gso - 1) / gso);
    }
    weft_pktq_push(&batch, pkt);
    weft_input(w->stack, w->iface, &batch, w->now);
}

static uint32_t seq_near(struct world *w, uint32_t nxt, uint32_t window)
{
    static const int32_t off[] = {0, 0, 0, 0, 1, -1, 100, 1000, 2000, -1000, 1460, 2920, 1 << 20, INT32_MIN};
    uint32_t choice = below(w, 20);

    if (choice < 14)
        return nxt + (uint32_t)off[choice];
    if (choice < 16)
        return nxt + window + choice - 15;
    if (choice < 18)
        return nxt + word(w);
    return nxt - word(w);
}

static void choose_options(struct world *w, uint16_t flags, struct wire_tcp_opts *opts)
{
    uint8_t choice = byte(w);

    if (flags & WIRE_TCP_SYN) {
        opts->has_mss = choice & 1;
        opts->mss = choice & 2 ? 1460 : (uint16_t)word(w);
        opts->has_sack_permitted = choice & 4;
        opts->has_wscale = choice & 8;
        opts->wscale = choice & 16 ? byte(w) : 2;
    } else if ((choice & 3) == 3) {
        opts->nsacks = (uint8_t)(1 + (choice >> 6));
        for (unsigned i = 0; i < opts->nsacks; i++) {
            opts->sack[i].left = seq_near(w, w->our_una, 4000);
            opts->sack[i].right = opts->sack[i].left + 1000 * below(w, 4) + below(w, 3);
        }
    }
    opts->has_timestamps = choice & 32;
    opts->tsval = (uint32_t)(w->now / 1000) + (below(w, 8) == 0 ? word(w) << 16 : 0);
    opts->tsecr = w->tsval - (below(w, 8) == 0 ? byte(w) : 0);
}

static uint32_t choose_length(struct world *w)
{
    static const uint32_t lengths[] = {0, 0, 0, 1, 10, 100, 536, 1000, 1460, 1460, 2920, 8760, 15000};

    return lengths[below(w, 13)];
}

static void segment(struct world *w)
{
    static const uint16_t flags[] = {WIRE_TCP_ACK,
                                     WIRE_TCP_ACK,
                                     WIRE_TCP_ACK,
                                     WIRE_TCP_ACK | WIRE_TCP_PSH,
                                     WIRE_TCP_ACK | WIRE_TCP_FIN,
                                     WIRE_TCP_SYN,
                                     WIRE_TCP_SYN | WIRE_TCP_ACK,
                                     WIRE_TCP_RST,
                                     WIRE_TCP_RST | WIRE_TCP_ACK,
                                     WIRE_TCP_ACK | WIRE_TCP_URG};
    static uint8_t bytes[20 + 40 + 16000];
    struct wire_tcp_opts opts = {0};
    uint8_t ao[14];
    uint32_t choice = below(w, 12);
    uint32_t len = choose_length(w);
    struct wire_tcp header = {
        .src_port = w->peer_port,
        .dst_port = w->our_port,
        .flags = choice < 10 ? flags[choice] : byte(w),
    };
    struct writer writer = writer_of(bytes, sizeof(bytes));

    header.seq = seq_near(w, w->peer_nxt, w->peer_window);
    header.ack = seq_near(w, below(w, 3) == 0 ? w->our_una : w->our_nxt, 4000);
    header.window = below(w, 4) == 0 ? (uint16_t)word(w) : 60000;
    header.urgent = (uint16_t)below(w, 3);
    choose_options(w, header.flags, &opts);
    if (w->ao)
        choose_ao(w, &opts, ao);
    header.header_len = (uint8_t)(WIRE_TCP_LEN + wire_tcp_opts_len(&opts));
    wire_tcp_emit(&header, &writer);
    wire_tcp_opts_emit(&opts, &writer);
    if (below(w, 16) == 0) /* options as they come */
        for (unsigned i = 20; i < header.header_len; i++)
            bytes[i] = byte(w);
    input(w, WIRE_PROTO_TCP, bytes, header.header_len + len, len > 1460 ? 1460 : 0);
}

/* A client's SYN, from one of a few ports. */
static void open_to_listener(struct world *w)
{
    w->our_port = 80;
    w->peer_port = (uint16_t)(1000 + below(w, 6));
    w->peer_nxt = word(w) << 16;
    segment(w);
}

static void icmp(struct world *w)
{
    struct wire_icmp4 message = {.type = below(w, 2) ? WIRE_ICMP4_UNREACHABLE : byte(w),
                                 .code = (uint8_t)below(w, 16)};
    struct wire_ip4 ip = {.total_len = 1500, .ttl = 60, .proto = WIRE_PROTO_TCP};
    uint8_t bytes[64];
    struct writer writer = writer_of(bytes, sizeof(bytes));
    uint32_t len;

    message.mtu = (uint16_t)word(w);
    ip.src = weft_ip4(10, 0, 0, 1);
    ip.dst = weft_ip4(10, 0, 0, 2);
    wire_icmp4_emit(&message, &writer);
    wire_ip4_emit(&ip, 0, &writer);
    writer_be16(&writer, w->our_port);
    writer_be16(&writer, w->peer_port);
    writer_be32(&writer, seq_near(w, w->our_una, 1000));
    len = (uint32_t)(writer.at - bytes);
    put_be16(bytes + 2, checksum_finish(checksum_sum(bytes, len)));
    input(w, WIRE_PROTO_ICMP, bytes, len, 0);
}

/* --- What the application does -------------------------------------------------------------------------- */

static void connect_socket(struct world *w, unsigned i)
{
    struct weft_endpoint remote = {weft_ip4(10, 0, 0, 2), 80};

    if (w->sock[i] || weft_sock_open(w->stack, WEFT_SOCK_STREAM, &w->sock[i]) != 0)
        return;
    if (w->ao)
        add_key(w->sock[i], 0);
    (void)weft_sock_connect(w->sock[i], &remote);
}

static void write_socket(struct world *w, struct weft_sock *sock)
{
    static const uint8_t bytes[20000];
    struct weft_block *lent = &w->lent[below(w, BLOCKS)];

    if (below(w, 4)) {
        (void)weft_sock_send_flags(sock, bytes, word(w) % sizeof(bytes), below(w, 4));
        return;
    }
    if (lent->refs == 0)
        *lent =
            (struct weft_block){.refs = 1, .size = sizeof(lent_bytes), .data = lent_bytes, .release = stay};
    else
        weft_block_ref(lent);
    (void)weft_sock_send_block(sock, lent, below(w, 200), word(w) % 3800);
    weft_block_unref(lent);
}

static void read_socket(struct world *w, struct weft_sock *sock)
{
    static uint8_t bytes[20000];
    struct weft_slice views[4];
    size_t n;

    if (below(w, 4)) {
        (void)weft_sock_recv(sock, bytes, word(w) % sizeof(bytes));
    } else if (weft_sock_borrow(sock, views, 4, &n) > 0) {
        weft_sock_consume(sock, n - n * below(w, 4) / 4);
    }
}

static void close_socket(struct world *w, unsigned i)
{
    if (below(w, 3))
        weft_sock_close(w->sock[i]);
    else
        weft_sock_abort(w->sock[i]);
    w->sock[i] = NULL;
}

static void set_option(struct world *w, struct weft_sock *sock)
{
    static const int64_t values[] = {0, 1, 5, 100, 4096, 10000, 1000000, 60000000, -1};

    (void)weft_sock_setopt(sock, (enum weft_sockopt)below(w, WEFT_OPT_MAXSEG + 1), values[below(w, 9)]);
}

static void call(struct world *w)
{
    unsigned i = 1 + below(w, SOCKS - 1);
    struct weft_sock *sock = w->sock[i];
    uint32_t choice = below(w, 16);
    struct weft_tcp_info info;

    if (!sock) {
        if (choice < 6 || !w->sock[0])
            connect_socket(w, i);
        else
            (void)weft_sock_accept(w->sock[0], &w->sock[i]);
        return;
    }
    if (choice < 6)
        write_socket(w, sock);
    else if (choice < 11)
        read_socket(w, sock);
    else if (choice == 11)
        (void)weft_sock_shutdown(sock, (enum weft_shutdown)(1 + below(w, 3)));
    else if (choice < 14)
        close_socket(w, i);
    else if (w->ao)
        change_keys(w, w->sock[below(w, 2) ? 0 : i]);
    else
        set_option(w, sock);
    if (w->sock[i])
        (void)weft_sock_info(w->sock[i], &info);
}

/* Time passes, timers at their moments. */
static void wait(struct world *w)
{
    static const weft_time times[] = {1,      100,     1000,     10000,    41000,
                                      250000, 1000000, 10000000, 61000000, 300000000};
    weft_time until = w->now + times[below(w, 10)];

    for (unsigned i = 0; i < 100; i++) {
        weft_time next = weft_deadline(w->stack);

        if (next > until)
            break;
        w->now = next > w->now ? next : w->now;
        step(w);
    }
    w->now = until;
    step(w);
}

static void act(struct world *w)
{
    uint32_t choice = below(w, 32);

    if (choice < 16)
        segment(w);
    else if (choice < 18)
        open_to_listener(w);
    else if (choice < 24)
        call(w);
    else if (choice < 29)
        wait(w);
    else if (choice == 29)
        icmp(w);
    else if (choice == 30)
        w->blocked = below(w, 4) == 0;
    else
        return; /* no step: the next goes into the same batch */
    if (below(w, 8))
        step(w);
}

/* --- Life ---------------------------------------------------------------------------------------------------- */

static void begin(struct world *w, const uint8_t *data, size_t size, bool no_fast_path)
{
    static const struct weft_allocator allocator = {take, give, NULL};
    struct weft_stack_config config = {
        .allocator = allocator, .now = WEFT_SEC, .max_sockets = 16, .tx_queue = 64};
    struct weft_pool_config pool = {.pkts = 256, .small_blocks = 256, .large_blocks = 64};
    struct weft_iface_config iface = {.name = "fuzz", .type = WEFT_LINK_IP, .mtu = 1500};
    struct weft_endpoint local = {WEFT_ADDR_ANY, 80};
    struct weft_prefix addr = {weft_ip4(10, 0, 0, 1), 24};
    uint8_t choice;

    *w = (struct world){.at = data, .end = data + size, .now = WEFT_SEC};
    choice = byte(w);
    if (choice & 1)
        pool = (struct weft_pool_config){.pkts = 24, .small_blocks = 24, .large_blocks = 4};
    w->pool = weft_pool_new(&allocator, &pool);
    config.pool = w->pool;
    config.tcp = (struct weft_tcp_config){
        .max_connections = 8,
        .syn_cache = 4,
        .time_wait = 2,
        .ranges = choice & 2 ? 16 : 512,
        .send_buffer = 30000,
        .receive_buffer = choice & 4 ? 6000 : 100000,
        .check = true,
        .no_sack = choice & 8,
        .no_fast_path = no_fast_path,
        .ao_keys = 6,
        .crypto = &no_crypto,
    };
    w->ao = choice & 128;
    if (choice & 32)
        iface.caps = WEFT_LINK_TSO4 | WEFT_LINK_TX_CSUM | WEFT_LINK_RX_CSUM | WEFT_LINK_LRO;
    weft_assert(weft_stack_new(&config, &w->stack) == 0);
    w->iface = weft_iface_add(w->stack, &iface);
    weft_assert(w->iface > 0 && weft_iface_add_addr(w->stack, w->iface, &addr) == 0);
    weft_assert(weft_sock_open(w->stack, WEFT_SOCK_STREAM, &w->sock[0]) == 0);
    weft_assert(weft_sock_bind(w->sock[0], &local) == 0);
    weft_assert(weft_sock_listen(w->sock[0], 3) == 0);
    if (w->ao) {
        add_key(w->sock[0], 0);
        add_key(w->sock[0], 1);
    }
    step(w);
    if (choice & 64)
        connect_socket(w, 1);
    else
        open_to_listener(w);
    step(w);
}

static void end(struct world *w)
{
    struct weft_pool_usage usage;

    for (unsigned i = 0; i < SOCKS; i++)
        weft_sock_close(w->sock[i]);
    w->blocked = false;
    step(w);
    weft_stack_free(w->stack);
    weft_pool_usage(w->pool, &usage);
    weft_assert(usage.pkts_used == 0 && usage.small_used == 0 && usage.large_used == 0);
    for (unsigned i = 0; i < BLOCKS; i++)
        weft_assert(w->lent[i].refs == 0);
    weft_pool_free(w->pool);
}

/* Plays the input; returns the hash of what the stack has sent. */
static uint64_t play(const uint8_t *data, size_t size, bool no_fast_path)
{
    struct world w;

    begin(&w, data, size, no_fast_path);
    for (unsigned i = 0; i < OPS && w.at < w.end; i++)
        act(&w);
    end(&w);
    return w.sent;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    weft_assert(play(data, size, false) == play(data, size, true));
    return 0;
}
