/* SPDX-License-Identifier: MIT */
/*
 * TAP and TUN devices against the kernel, in a network namespace of the test's
 * own: kernel 10.9.0.1/24, we 10.9.0.2. What the kernel never does is tried
 * with a socket in the device's place.
 */
#define _GNU_SOURCE /* unshare */

#include "link_support.h"
#include "netns_support.h"

#include <weft/err.h>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/wait.h>

#include "link/vnet.h"

#define OUR_ADDR    "10.9.0.2"
#define KERNEL_ADDR "10.9.0.1"

static const char *no_namespace; /* why not, or NULL */

struct device {
    struct weft_pool *pool;
    struct weft_link *link;
    uint8_t kernel_mac[6];
};

static struct device open_device_with(enum weft_link_type type, bool offload, uint32_t mtu,
                                      struct weft_pool *pool)
{
    struct weft_tap_config config = {.name = "t0", .offload = offload, .mtu = mtu};
    struct weft_prefix addr = {weft_ip4(10, 9, 0, 1), 24};
    struct device dev = {.pool = pool};
    char why[200] = "";
    int error = type == WEFT_LINK_ETHERNET ? weft_link_tap(&config, &dev.link, why, sizeof(why))
                                           : weft_link_tun(&config, &dev.link, why, sizeof(why));

    if (error || weft_tap_configure("t0", &addr, 0, why, sizeof(why)) != 0)
        fail_msg("%s", why);
    if (type == WEFT_LINK_ETHERNET) {
        netns_mac("t0", dev.kernel_mac);
        netns_set_neighbour("t0", OUR_ADDR, dev.link->mac.b);
    }
    return dev;
}

static struct device open_device(enum weft_link_type type, bool offload)
{
    return open_device_with(type, offload, 0, test_pool_new(256, 256, 256));
}

static void close_device(struct device *dev)
{
    weft_link_close(dev->link);
    test_pool_free(dev->pool);
}

/* Skips the test where there is no namespace. */
#define NEEDS_NAMESPACE()                                                                                    \
    do {                                                                                                     \
        (void)state;                                                                                         \
        if (no_namespace) {                                                                                  \
            print_message("%s\n", no_namespace);                                                             \
            skip();                                                                                          \
        }                                                                                                    \
    } while (0)

static uint32_t ip_offset(const struct device *dev)
{
    return dev->link->type == WEFT_LINK_ETHERNET ? LINK_ETH_LEN : 0;
}

/* The next packet that is IPv4 of protocol `proto`, waiting for it; the kernel sends others of its own.
 * With proto 0, the next ARP packet. */
static struct weft_pkt *next_packet(struct device *dev, uint8_t proto)
{
    for (;;) {
        struct weft_pkt *pkt = link_recv_one(dev->link, dev->pool, 1);
        uint32_t ip = ip_offset(dev);

        if (!pkt) {
            assert_true(netns_wait_readable(weft_link_fd(dev->link)));
            continue;
        }
        if (proto ? pkt->data[ip] == 0x45 && pkt->data[ip + 9] == proto : get_be16(pkt->data + 12) == 0x0806)
            return pkt;
        weft_pkt_free(pkt);
    }
}

/* Takes what the kernel says of its own, until there is no more. */
static void drain(struct device *dev)
{
    struct weft_pkt *pkt;

    while ((pkt = link_recv_one(dev->link, dev->pool, 0)))
        weft_pkt_free(pkt);
}

/* A UDP socket of the kernel, connected to us; what it receives must come from our port 7. */
static int kernel_udp(void)
{
    struct sockaddr_in local = netns_addr(KERNEL_ADDR, 5000), remote = netns_addr(OUR_ADDR, 7);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    assert_return_code(bind(fd, (struct sockaddr *)&local, sizeof(local)), errno);
    assert_return_code(connect(fd, (struct sockaddr *)&remote, sizeof(remote)), errno);
    return fd;
}

/* --- Opening --- */

static void says_what_it_is(void **state)
{
    struct device dev;

    NEEDS_NAMESPACE();
    dev = open_device(WEFT_LINK_ETHERNET, true);
    assert_string_equal(dev.link->name, "t0");
    assert_int_equal(dev.link->type, WEFT_LINK_ETHERNET);
    assert_int_equal(dev.link->mtu, 1500);
    assert_int_equal(dev.link->caps,
                     WEFT_LINK_TX_CSUM | WEFT_LINK_TSO4 | WEFT_LINK_TSO6 | WEFT_LINK_RX_CSUM | WEFT_LINK_LRO);
    assert_int_equal(dev.link->mac.b[0] & 3, 2);
    assert_true(weft_link_fd(dev.link) >= 0);
    assert_true(weft_link_deadline(dev.link) == WEFT_TIME_NEVER);
    close_device(&dev);
    dev = open_device(WEFT_LINK_IP, false);
    assert_int_equal(dev.link->type, WEFT_LINK_IP);
    assert_int_equal(dev.link->caps, 0);
    assert_int_equal(dev.link->mac.b[0], 0);
    close_device(&dev);
}

static void the_kernel_chooses_a_name(void **state)
{
    struct weft_tap_config config = {0};
    struct weft_link *link;

    NEEDS_NAMESPACE();
    assert_int_equal(weft_link_tap(&config, &link, NULL, 0), 0);
    assert_string_equal(link->name, "tap0");
    weft_link_close(link);
}

static void what_cannot_be_opened_says_why(void **state)
{
    struct weft_tap_config config = {.name = "lo"};
    struct device dev;
    struct weft_link *link;
    char why[200];

    NEEDS_NAMESPACE();
    assert_int_equal(weft_link_tap(&config, &link, why, sizeof(why)), WEFT_E_INVAL);
    assert_non_null(strstr(why, "lo exists and is not a single-queue tap"));
    config.name = "sixteen-bytes-it";
    assert_int_equal(weft_link_tap(&config, &link, why, sizeof(why)), WEFT_E_INVAL);
    assert_non_null(strstr(why, "at most 15 bytes"));
    dev = open_device(WEFT_LINK_IP, false);
    config.name = "t0";
    assert_int_equal(weft_link_tun(&config, &link, why, sizeof(why)), WEFT_E_EXIST);
    assert_non_null(strstr(why, "t0 is in use by another program"));
    assert_int_equal(weft_link_tap(&config, &link, why, sizeof(why)), WEFT_E_INVAL); /* it is a TUN */
    config = (struct weft_tap_config){.name = "t1", .mtu = 1000000};
    assert_int_equal(weft_link_tap(&config, &link, why, sizeof(why)), WEFT_E_INVAL);
    assert_non_null(strstr(why, "cannot set the MTU of t1 to 1000000"));
    close_device(&dev);
}

/* In a child that has no rights at all: 0, or what was wrong. */
static int try_without_rights(void)
{
    struct weft_tap_config config = {.name = "t7"};
    struct weft_link *link;
    char why[200] = "";

    if (setgid(65534) < 0 || setuid(65534) < 0)
        return 77;
    if (weft_link_tap(&config, &link, why, sizeof(why)) != WEFT_E_PERM)
        return 1;
    /* By the node's permissions, or, where these let everybody in, by the device. */
    return strstr(why, "chmod 666") || strstr(why, "unshare -Urn") ? 0 : 2;
}

/* Before the namespaces, in which one may do all. */
static void without_rights_it_says_what_to_do(void **state)
{
    pid_t child;
    int status;

    (void)state;
    if (geteuid() != 0 || access("/dev/net/tun", F_OK) != 0)
        skip();
    child = fork();
    if (child == 0)
        _exit(try_without_rights());
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77)
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* --- Plain packets --- */

static void the_kernel_asks_who_we_are(void **state)
{
    struct sockaddr_in to = netns_addr("10.9.0.77", 7);
    struct device dev;
    struct weft_pkt *pkt;
    int fd;

    NEEDS_NAMESPACE();
    dev = open_device(WEFT_LINK_ETHERNET, true);
    fd = kernel_udp();
    assert_int_equal(sendto(fd, "hello", 5, 0, (struct sockaddr *)&to, sizeof(to)), 5);
    pkt = next_packet(&dev, 0);
    assert_memory_equal(pkt->data + 6, dev.kernel_mac, 6);
    assert_int_equal(get_be16(pkt->data + 20), 1); /* a request */
    assert_int_equal(get_be32(pkt->data + 38), 0x0a09004d);
    assert_int_equal(pkt->when, 1);
    weft_pkt_free(pkt);
    close(fd);
    close_device(&dev);
}

static void receive_datagram(enum weft_link_type type, bool offload)
{
    struct device dev = open_device(type, offload);
    int fd = kernel_udp();
    uint32_t ip = ip_offset(&dev);
    uint8_t frame[200];
    struct weft_pkt *pkt;

    assert_int_equal(send(fd, "hello, weft", 11, 0), 11);
    pkt = next_packet(&dev, 17);
    assert_int_equal(pkt->total_len, ip + 20 + 8 + 11);
    if (offload)
        assert_true(pkt->flags & (WEFT_PKT_CSUM_PARTIAL | WEFT_PKT_CSUM_GOOD));
    else
        assert_int_equal(pkt->flags, 0);
    weft_pkt_finish_checksum(pkt);
    weft_pkt_copy_out(pkt, 0, frame, pkt->total_len);
    assert_true(link_is_whole(frame, pkt->total_len, ip));
    assert_memory_equal(frame + ip + 28, "hello, weft", 11);
    if (type == WEFT_LINK_ETHERNET)
        assert_memory_equal(frame, dev.link->mac.b, 6);
    assert_true(dev.link->stats.rx_packets >= 1);
    weft_pkt_free(pkt);
    close(fd);
    close_device(&dev);
}

static void datagrams_from_the_kernel_arrive(void **state)
{
    NEEDS_NAMESPACE();
    receive_datagram(WEFT_LINK_ETHERNET, true);
    receive_datagram(WEFT_LINK_ETHERNET, false);
    receive_datagram(WEFT_LINK_IP, true);
    receive_datagram(WEFT_LINK_IP, false);
}

/* A datagram from our port 7 to the kernel's 5000, its checksum partial. */
static struct weft_pkt *make_datagram(struct device *dev, const char *text)
{
    uint32_t len = (uint32_t)strlen(text);
    struct weft_pkt *pkt = weft_pkt_new(dev->pool);
    uint8_t *udp, *ip;

    weft_pkt_push(pkt, len);
    memcpy(pkt->data, text, len);
    udp = weft_pkt_push(pkt, 8);
    put_be16(udp, 7);
    put_be16(udp + 2, 5000);
    put_be16(udp + 4, (uint16_t)(8 + len));
    pkt->l4_off = pkt->csum_start = (uint16_t)weft_pkt_headroom(pkt);
    pkt->csum_offset = 6;
    pkt->flags = WEFT_PKT_CSUM_PARTIAL;
    ip = weft_pkt_push(pkt, LINK_IP4_LEN);
    link_write_ip4(ip, 17, LINK_IP4_LEN + 8 + len);
    put_be16(udp + 6, (uint16_t)link_pseudo_sum(ip, 8 + len));
    if (dev->link->type == WEFT_LINK_ETHERNET) {
        struct weft_mac to;

        memcpy(to.b, dev->kernel_mac, 6);
        link_write_eth(weft_pkt_push(pkt, LINK_ETH_LEN), &to, &dev->link->mac);
    }
    return pkt;
}

static void send_datagram(enum weft_link_type type, bool offload)
{
    struct device dev = open_device(type, offload);
    int fd = kernel_udp();
    char text[32] = "";

    link_send_one(dev.link, make_datagram(&dev, "hello, kernel"), 0);
    assert_true(netns_wait_readable(fd));
    assert_int_equal(recv(fd, text, sizeof(text), MSG_DONTWAIT), 13);
    assert_string_equal(text, "hello, kernel");
    assert_int_equal(dev.link->stats.tx_packets, 1);
    close(fd);
    close_device(&dev);
}

static void datagrams_to_the_kernel_arrive(void **state)
{
    NEEDS_NAMESPACE();
    send_datagram(WEFT_LINK_ETHERNET, true);
    send_datagram(WEFT_LINK_ETHERNET, false); /* the checksum is completed here */
    send_datagram(WEFT_LINK_IP, true);
    send_datagram(WEFT_LINK_IP, false);
}

static void jumbo_frames_pass(void **state)
{
    struct device dev;
    char text[8000], frame[9000];
    struct weft_pkt *pkt;
    int fd;

    NEEDS_NAMESPACE();
    dev = open_device_with(WEFT_LINK_ETHERNET, false, 9000, test_pool_new(0, 0, 0));
    assert_int_equal(dev.link->mtu, 9000);
    fd = kernel_udp();
    memset(text, 'j', sizeof(text));
    assert_int_equal(send(fd, text, sizeof(text), 0), sizeof(text));
    pkt = next_packet(&dev, 17);
    assert_int_equal(pkt->nslices, 1);
    assert_int_equal(pkt->total_len, LINK_ETH_LEN + 28 + sizeof(text));
    weft_pkt_copy_out(pkt, 0, frame, pkt->total_len);
    assert_true(link_is_whole((uint8_t *)frame, pkt->total_len, LINK_ETH_LEN));
    assert_memory_equal(frame + LINK_ETH_LEN + 28, text, sizeof(text));
    weft_pkt_free(pkt);
    close(fd);
    close_device(&dev);
}

/* --- Super-segments, with the kernel's TCP as the peer --- */

struct talk {
    struct device dev;
    int fd; /* the kernel's end */
    uint16_t kernel_port;
    uint32_t snd_nxt, rcv_nxt;
};

/* A segment from us with the talk's numbers; no options, so the kernel's segments are of 536 bytes. */
static void say(struct talk *talk, uint8_t flags, uint32_t payload, uint16_t gso_size)
{
    struct weft_link *link = talk->dev.link;
    struct weft_pkt *pkt = link_tcp_packet(talk->dev.pool, link->type, talk->snd_nxt, payload, gso_size);
    uint8_t *tcp = weft_pkt_l4(pkt);

    put_be16(tcp, 80);
    put_be16(tcp + 2, talk->kernel_port);
    put_be32(tcp + 8, talk->rcv_nxt);
    tcp[13] = flags;
    put_be16(tcp + 14, 65535);
    if (link->type == WEFT_LINK_ETHERNET) {
        memcpy(pkt->data, talk->dev.kernel_mac, 6);
        memcpy(pkt->data + 6, link->mac.b, 6);
    }
    link_send_one(link, pkt, 0);
    talk->snd_nxt += payload + (flags & 2 ? 1 : 0);
}

/* The kernel connects to us. */
static struct talk start_talk(enum weft_link_type type)
{
    struct sockaddr_in to = netns_addr(OUR_ADDR, 80);
    struct talk talk = {.dev = open_device(type, true), .snd_nxt = 1000};
    struct weft_pkt *syn;
    const uint8_t *tcp;

    talk.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(talk.fd, (struct sockaddr *)&to, sizeof(to)), -1);
    assert_int_equal(errno, EINPROGRESS);
    syn = next_packet(&talk.dev, 6);
    tcp = syn->data + ip_offset(&talk.dev) + 20;
    assert_int_equal(tcp[13], 2);
    talk.kernel_port = get_be16(tcp);
    talk.rcv_nxt = get_be32(tcp + 4) + 1;
    weft_pkt_free(syn);
    say(&talk, 0x12, 0, 0); /* SYN, ACK */
    weft_pkt_free(next_packet(&talk.dev, 6));
    return talk;
}

static void end_talk(struct talk *talk)
{
    close(talk->fd);
    close_device(&talk->dev);
}

static void kernel_takes_super_segment(enum weft_link_type type)
{
    struct talk talk = start_talk(type);
    uint8_t bytes[40000];
    uint32_t got = 0;

    say(&talk, 0x18, sizeof(bytes), 1448);
    assert_int_equal(talk.dev.link->stats.tx_packets, 2);
    while (got < sizeof(bytes)) {
        ssize_t n;

        assert_true(netns_wait_readable(talk.fd));
        n = recv(talk.fd, bytes + got, sizeof(bytes) - got, 0);
        assert_true(n > 0);
        got += (uint32_t)n;
    }
    for (uint32_t i = 0; i < sizeof(bytes); i++)
        assert_int_equal(bytes[i], link_payload_byte(i));
    end_talk(&talk);
}

static void the_kernel_takes_super_segments(void **state)
{
    NEEDS_NAMESPACE();
    kernel_takes_super_segment(WEFT_LINK_ETHERNET);
    kernel_takes_super_segment(WEFT_LINK_IP);
}

/* Takes one segment of the kernel's, checks its bytes, which begin at `done` of the stream, and
 * acknowledges it. Returns its payload's length. */
static uint32_t hear(struct talk *talk, uint32_t done)
{
    struct weft_pkt *pkt = next_packet(&talk->dev, 6);
    uint32_t headers = ip_offset(&talk->dev) + 20 + 20, len = pkt->total_len - headers;
    uint8_t *bytes = malloc(pkt->total_len);

    assert_true(pkt->flags & WEFT_PKT_CSUM_PARTIAL);
    if (len > 536) {
        assert_int_equal(pkt->gso_size, 536);
        assert_int_equal(pkt->gso_segs, (len + 535) / 536);
        assert_int_equal(weft_pkt_l4(pkt) - pkt->data, headers - 20);
    }
    weft_pkt_finish_checksum(pkt);
    weft_pkt_copy_out(pkt, 0, bytes, pkt->total_len);
    assert_true(link_is_whole(bytes, pkt->total_len, ip_offset(&talk->dev)));
    assert_int_equal(get_be32(bytes + headers - 16), talk->rcv_nxt);
    for (uint32_t i = 0; i < len; i++)
        assert_int_equal(bytes[headers + i], link_payload_byte(done + i));
    talk->rcv_nxt += len;
    if (len)
        say(talk, 0x10, 0, 0);
    free(bytes);
    weft_pkt_free(pkt);
    return len;
}

static void kernel_gives_super_segments(enum weft_link_type type)
{
    struct talk talk = start_talk(type);
    uint8_t bytes[150000];
    uint32_t sent = 0, heard = 0, longest = 0;

    for (uint32_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = link_payload_byte(i);
    while (heard < sizeof(bytes)) {
        ssize_t n = sent < sizeof(bytes) ? send(talk.fd, bytes + sent, sizeof(bytes) - sent, 0) : 0;
        uint32_t len;

        assert_true(n >= 0 || errno == EAGAIN);
        sent += n > 0 ? (uint32_t)n : 0;
        len = hear(&talk, heard);
        heard += len;
        longest = len > longest ? len : longest;
    }
    assert_true(longest > 4000);
    end_talk(&talk);
}

static void the_kernel_gives_super_segments(void **state)
{
    NEEDS_NAMESPACE();
    kernel_gives_super_segments(WEFT_LINK_ETHERNET);
    kernel_gives_super_segments(WEFT_LINK_IP);
}

/* --- Trouble --- */

static void a_device_that_is_down_loses_and_counts(void **state)
{
    struct ifreq ifr = {0};
    struct device dev;
    int fd;
    char byte;

    NEEDS_NAMESPACE();
    dev = open_device(WEFT_LINK_IP, true);
    netns_ioctl("t0", SIOCGIFFLAGS, &ifr);
    ifr.ifr_flags &= (short)~IFF_UP;
    netns_ioctl("t0", SIOCSIFFLAGS, &ifr);
    link_send_one(dev.link, make_datagram(&dev, "x"), 0);
    assert_int_equal(dev.link->stats.tx_dropped, 1);
    assert_int_equal(dev.link->stats.tx_packets, 0);
    drain(&dev);
    ifr.ifr_flags |= IFF_UP;
    netns_ioctl("t0", SIOCSIFFLAGS, &ifr);
    fd = kernel_udp();
    link_send_one(dev.link, make_datagram(&dev, "y"), 0);
    assert_true(netns_wait_readable(fd));
    assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT), 1);
    close(fd);
    close_device(&dev);
}

/* `ip link del` of the device. */
static void delete_device(const char *name)
{
    struct {
        struct nlmsghdr header;
        struct ifinfomsg info;
    } request = {
        .header = {sizeof(request), RTM_DELLINK, NLM_F_REQUEST | NLM_F_ACK, 1, 0},
        .info.ifi_index = (int)if_nametoindex(name),
    };
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    struct {
        struct nlmsghdr header;
        struct nlmsgerr error;
    } answer;

    assert_int_equal(send(fd, &request, sizeof(request), 0), sizeof(request));
    assert_true(recv(fd, &answer, sizeof(answer), 0) >= (ssize_t)sizeof(answer));
    assert_int_equal(answer.error.error, 0);
    close(fd);
}

static void a_deleted_device_is_told(void **state)
{
    struct weft_pktq batch = {0};
    struct device dev;

    NEEDS_NAMESPACE();
    dev = open_device(WEFT_LINK_IP, true);
    delete_device("t0");
    assert_int_equal(weft_link_recv(dev.link, dev.pool, &batch, 1, 0), WEFT_E_NETDOWN);
    weft_pktq_push(&batch, make_datagram(&dev, "x"));
    assert_int_equal(weft_link_send(dev.link, &batch, 0), WEFT_E_NETDOWN);
    assert_int_equal(batch.count, 1);
    weft_pktq_purge(&batch);
    close_device(&dev);
}

static void an_empty_read_keeps_what_it_prepared(void **state)
{
    struct weft_pool_usage first, second;
    struct device dev;

    NEEDS_NAMESPACE();
    dev = open_device(WEFT_LINK_IP, true);
    drain(&dev);
    weft_pool_usage(dev.pool, &first);
    assert_int_equal(first.pkts_used, 1);
    assert_int_equal(first.large_used, 4);
    assert_null(link_recv_one(dev.link, dev.pool, 0));
    weft_pool_usage(dev.pool, &second);
    assert_memory_equal(&first, &second, sizeof(first));
    close_device(&dev);
}

/* --- With a socket in the device's place --- */

/* Puts one end of a socket pair where the device was; gives the other end. */
static int take_device_place(struct device *dev)
{
    int ends[2];

    assert_return_code(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), errno);
    assert_true(dup2(ends[0], weft_link_fd(dev->link)) >= 0);
    close(ends[0]);
    return ends[1];
}

static void a_full_device_leaves_the_rest(void **state)
{
    struct weft_pktq batch = {0};
    struct device dev;
    uint8_t frame[200];
    int fd, taken, least = 1;

    NEEDS_NAMESPACE();
    dev = open_device(WEFT_LINK_IP, true);
    fd = take_device_place(&dev);
    setsockopt(weft_link_fd(dev.link), SOL_SOCKET, SO_SNDBUF, &least, sizeof(least));
    for (unsigned i = 0; i < 200; i++)
        weft_pktq_push(&batch, make_datagram(&dev, i % 2 ? "odd" : "even"));
    taken = weft_link_send(dev.link, &batch, 0);
    assert_in_range(taken, 1, 199);
    assert_int_equal(batch.count, 200 - taken);
    assert_int_equal(weft_link_send(dev.link, &batch, 0), 0);
    assert_int_equal(recv(fd, frame, sizeof(frame), 0), LINK_VNET_LEN + 28 + 4);
    assert_memory_equal(frame + LINK_VNET_LEN + 28, "even", 4);
    assert_int_equal(weft_link_send(dev.link, &batch, 0), 1);
    assert_int_equal(dev.link->stats.tx_dropped, 0);
    weft_pktq_purge(&batch);
    close(fd);
    close_device(&dev);
}

static void without_packets_frames_are_lost_and_counted(void **state)
{
    struct weft_pktq hoard = {0};
    struct weft_pkt *pkt;
    struct device dev;
    uint8_t frame[LINK_VNET_LEN + 40] = {0};
    int fd;

    NEEDS_NAMESPACE();
    dev = open_device(WEFT_LINK_IP, true);
    fd = take_device_place(&dev);
    while ((pkt = weft_pkt_new(dev.pool)))
        weft_pktq_push(&hoard, pkt);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(send(fd, frame, sizeof(frame), 0), sizeof(frame));
    assert_int_equal(weft_link_recv(dev.link, dev.pool, &hoard, 10, 0), 0);
    assert_int_equal(dev.link->stats.rx_dropped, 3);
    weft_pktq_purge(&hoard);
    assert_int_equal(send(fd, frame, sizeof(frame), 0), sizeof(frame));
    pkt = link_recv_one(dev.link, dev.pool, 0);
    assert_non_null(pkt);
    weft_pkt_free(pkt);
    close(fd);
    close_device(&dev);
}

static void frames_longer_than_the_room_are_lost(void **state)
{
    struct device dev;
    uint8_t *frame = calloc(1, 70000);
    struct weft_pkt *pkt;
    int fd, size = 1 << 20;

    NEEDS_NAMESPACE();
    dev = open_device_with(WEFT_LINK_IP, true, 0, test_pool_new(8, 8, 1)); /* one large block: 18 KB */
    fd = take_device_place(&dev);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    assert_int_equal(send(fd, frame, 40000, 0), 40000);
    assert_null(link_recv_one(dev.link, dev.pool, 0));
    assert_int_equal(dev.link->stats.rx_dropped, 1);
    assert_int_equal(send(fd, frame, 18000, 0), 18000);
    pkt = link_recv_one(dev.link, dev.pool, 0);
    assert_int_equal(pkt->total_len, 18000 - LINK_VNET_LEN);
    weft_pkt_free(pkt);
    close(fd);
    close_device(&dev);
    dev = open_device(WEFT_LINK_IP, true); /* all the room: 66 KB, but no IP packet is that long */
    fd = take_device_place(&dev);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    assert_int_equal(send(fd, frame, LINK_VNET_LEN + WEFT_PKT_MAX + 1, 0), LINK_VNET_LEN + WEFT_PKT_MAX + 1);
    assert_null(link_recv_one(dev.link, dev.pool, 0));
    assert_int_equal(send(fd, frame, LINK_VNET_LEN + WEFT_PKT_MAX, 0), LINK_VNET_LEN + WEFT_PKT_MAX);
    pkt = link_recv_one(dev.link, dev.pool, 0);
    assert_int_equal(pkt->total_len, WEFT_PKT_MAX);
    assert_int_equal(pkt->nslices, 4);
    weft_pkt_free(pkt);
    free(frame);
    close(fd);
    close_device(&dev);
}

static void a_header_that_lies_costs_the_frame(void **state)
{
    struct weft_pktq batch = {0};
    struct device dev;
    uint8_t frame[LINK_VNET_LEN + 40] = {1, 0, 0, 0, 0, 0, 200}; /* a checksum at 200 */
    int fd;

    NEEDS_NAMESPACE();
    dev = open_device(WEFT_LINK_IP, true);
    fd = take_device_place(&dev);
    assert_int_equal(send(fd, frame, sizeof(frame), 0), sizeof(frame));
    frame[0] = 0;
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(send(fd, frame, sizeof(frame), 0), sizeof(frame));
    assert_int_equal(weft_link_recv(dev.link, dev.pool, &batch, 3, 0), 2); /* looks at three */
    assert_int_equal(dev.link->stats.rx_dropped, 1);
    weft_pktq_purge(&batch);
    assert_int_equal(weft_link_recv(dev.link, dev.pool, &batch, 3, 0), 1);
    weft_pktq_purge(&batch);
    close(fd);
    close_device(&dev);
}

static void noise_does_no_harm(void **state)
{
    struct test_rng rng = test_rng_start("noise_does_no_harm");
    struct weft_pktq batch = {0};
    struct device dev;
    uint8_t *frame;
    int fd;

    NEEDS_NAMESPACE();
    dev = open_device(WEFT_LINK_IP, true);
    fd = take_device_place(&dev);
    frame = malloc(20000);
    for (unsigned i = 0; i < 3000; i++) {
        size_t len = LINK_VNET_LEN + test_rng_below(&rng, i % 8 ? 200 : 19000);

        test_rng_bytes(&rng, frame, len < 80 ? len : 80);
        for (unsigned n = 0; n < 10; n++)
            frame[n] &= (uint8_t)(n % 2 ? 7 : 255);
        assert_int_equal(send(fd, frame, len, 0), len);
        assert_true(weft_link_recv(dev.link, dev.pool, &batch, 4, 0) >= 0);
        weft_pktq_purge(&batch);
    }
    free(frame);
    close(fd);
    close_device(&dev);
}

static int enter_namespace(void **state)
{
    (void)state;
    no_namespace = netns_enter();
    return 0;
}

int main(void)
{
    const struct CMUnitTest before[] = {
        cmocka_unit_test(without_rights_it_says_what_to_do),
    };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_it_is),
        cmocka_unit_test(the_kernel_chooses_a_name),
        cmocka_unit_test(what_cannot_be_opened_says_why),
        cmocka_unit_test(the_kernel_asks_who_we_are),
        cmocka_unit_test(datagrams_from_the_kernel_arrive),
        cmocka_unit_test(datagrams_to_the_kernel_arrive),
        cmocka_unit_test(jumbo_frames_pass),
        cmocka_unit_test(the_kernel_takes_super_segments),
        cmocka_unit_test(the_kernel_gives_super_segments),
        cmocka_unit_test(a_device_that_is_down_loses_and_counts),
        cmocka_unit_test(a_deleted_device_is_told),
        cmocka_unit_test(an_empty_read_keeps_what_it_prepared),
        cmocka_unit_test(a_full_device_leaves_the_rest),
        cmocka_unit_test(without_packets_frames_are_lost_and_counted),
        cmocka_unit_test(frames_longer_than_the_room_are_lost),
        cmocka_unit_test(a_header_that_lies_costs_the_frame),
        cmocka_unit_test(noise_does_no_harm),
    };
    int failed = cmocka_run_group_tests_name("before", before, NULL, NULL);

    return failed + cmocka_run_group_tests(tests, enter_namespace, NULL);
}
