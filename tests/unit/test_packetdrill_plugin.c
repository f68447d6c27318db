/* SPDX-License-Identifier: MIT */
/*
 * libweft-packetdrill.so as packetdrill uses it: loaded at run time, driven
 * through its table of calls, in virtual time.
 *
 * WEFT_PACKETDRILL_PLUGIN names the shared object.
 */
#include "support.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include <linux/errqueue.h>
#include <linux/net_tstamp.h>
#include <linux/sockios.h>
#include <linux/tcp.h>

#include "base/checksum.h"
#include "packetdrill/packetdrill.h"
#include "wire/ip4.h"
#include "wire/tcp.h"

#define OUR_PORT  8080
#define PEER_PORT 40000

static const struct weft_addr us = {{[10] = 0xff, [11] = 0xff, 192, 168, 0, 1}};
static const struct weft_addr peer = {{[10] = 0xff, [11] = 0xff, 192, 0, 2, 1}};

/* One run of the plug-in, and the peer's side of a connection. */
struct run {
    void *library;
    struct packetdrill_interface ifc;
    uint32_t iss;              /* of the stack: what it sends is relative to it */
    uint16_t our_port;         /* where the peer's segments go */
    bool offers_timestamps;    /* in its SYN */
    long long sent_at;         /* when the last segment that was taken was sent */
    struct wire_tcp_opts opts; /* of that segment */
};

static void start(struct run *run, const char *flags)
{
    const char *path = getenv("WEFT_PACKETDRILL_PLUGIN");
    void (*init)(const char *flags, struct packetdrill_interface *ifc);

    assert_non_null(path);
    *run = (struct run){.library = dlopen(path, RTLD_NOW | RTLD_LOCAL), .our_port = OUR_PORT};
    if (!run->library)
        fail_msg("%s", dlerror());
    *(void **)&init = dlsym(run->library, "packetdrill_interface_init");
    assert_non_null(init);
    memset(&run->ifc, 0, sizeof(run->ifc));
    init(flags, &run->ifc);
}

static void end(struct run *run)
{
    run->ifc.free(run->ifc.userdata);
    dlclose(run->library);
}

#define U run->ifc.userdata

/* The time, which asking moves by a microsecond. */
static long long now(struct run *run)
{
    struct timeval tv;

    assert_int_equal(run->ifc.gettimeofday(U, &tv, NULL), 0);
    return (long long)tv.tv_sec * 1000000 + tv.tv_usec;
}

static unsigned flags_of(const char *text)
{
    unsigned flags = 0;

    for (; *text; text++)
        flags |= 1u << (unsigned)(strchr("FSRPAUEC", *text) - "FSRPAUEC");
    return flags;
}

/* The peer sends `len` bytes of zeros; `ack` is relative to what the stack sends. */
static void peer_sends(struct run *run, const char *flags, uint32_t seq, uint32_t ack, uint16_t window,
                       uint16_t len)
{
    uint8_t packet[WIRE_IP4_LEN + WIRE_TCP_MAX_LEN + 2000] = {0};
    bool is_syn = strchr(flags, 'S');
    struct wire_tcp_opts opts = {
        .has_mss = is_syn, .mss = 1000, .has_timestamps = is_syn && run->offers_timestamps};
    struct wire_tcp tcp = {.src_port = PEER_PORT,
                           .dst_port = run->our_port,
                           .seq = seq,
                           .ack = ack + run->iss,
                           .header_len = (uint8_t)(WIRE_TCP_LEN + wire_tcp_opts_len(&opts)),
                           .flags = (uint16_t)flags_of(flags),
                           .window = window};
    uint16_t total = (uint16_t)(WIRE_IP4_LEN + tcp.header_len + len);
    struct wire_ip4 ip = {.total_len = total, .ttl = 64, .proto = WIRE_PROTO_TCP, .src = peer, .dst = us};
    struct writer w = writer_of(packet, sizeof(packet));

    wire_ip4_emit(&ip, 0, &w);
    wire_tcp_emit(&tcp, &w);
    wire_tcp_opts_emit(&opts, &w);
    uint64_t sum = checksum_pseudo(&peer, &us, WIRE_PROTO_TCP, total - WIRE_IP4_LEN);
    sum += checksum_sum(packet + WIRE_IP4_LEN, total - WIRE_IP4_LEN);
    uint16_t checksum = checksum_finish(sum);
    packet[WIRE_IP4_LEN + WIRE_TCP_CHECKSUM_OFFSET] = (uint8_t)(checksum >> 8);
    packet[WIRE_IP4_LEN + WIRE_TCP_CHECKSUM_OFFSET + 1] = (uint8_t)checksum;
    assert_int_equal(run->ifc.netdev_send(U, packet, total), 0);
}

/* Takes the next segment of the stack, which must be this one. */
static void we_send(struct run *run, const char *flags, uint32_t seq, uint32_t ack, uint32_t len)
{
    uint8_t packet[65536];
    size_t count = sizeof(packet);
    struct wire_ip4 ip;
    struct wire_tcp tcp;

    assert_int_equal(run->ifc.netdev_receive(U, packet, &count, &run->sent_at), 0);
    struct cursor c = cursor_of(packet, count);
    assert_int_equal(wire_ip4_parse(&c, count, &ip), WIRE_IP4_OK);
    assert_true(wire_ip4_checksum_ok(packet, ip.header_len));
    assert_true(wire_tcp_parse(&c, &tcp));
    assert_true(wire_tcp_opts_parse(tcp.options, tcp.header_len - 20u, &run->opts));
    if (tcp.flags & WIRE_TCP_SYN) {
        run->iss = tcp.seq;
        run->our_port = tcp.src_port;
    }
    assert_int_equal(tcp.flags, flags_of(flags));
    assert_int_equal(tcp.seq - run->iss, seq);
    assert_int_equal(tcp.ack, ack);
    assert_int_equal(count - ip.header_len - tcp.header_len, len);
}

static int listener(struct run *run)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(OUR_PORT)};
    int fd = run->ifc.socket(U, AF_INET, SOCK_STREAM, IPPROTO_TCP);
    int on = 1;

    addr.sin_addr.s_addr = htonl(0xc0a80001);
    assert_true(fd >= 0);
    assert_int_equal(run->ifc.setsockopt(U, fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
    assert_int_equal(run->ifc.bind(U, fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
    assert_int_equal(run->ifc.listen(U, fd, 1), 0);
    return fd;
}

/* A connection that the peer has opened; its descriptor. */
static int accepted(struct run *run)
{
    struct sockaddr_in from = {0};
    socklen_t len = sizeof(from);
    int fd = listener(run);
    int conn;

    peer_sends(run, "S", 0, 0, 30000, 0);
    we_send(run, "SA", 0, 1, 0);
    peer_sends(run, "A", 1, 1, 30000, 0);
    conn = run->ifc.accept(U, fd, (struct sockaddr *)&from, &len);
    assert_true(conn >= 0 && conn != fd);
    assert_int_equal(from.sin_addr.s_addr, htonl(0xc0000201));
    assert_int_equal(ntohs(from.sin_port), PEER_PORT);
    return conn;
}

/* --- Handshake, data, time ------------------------------------------------------------------- */

static void test_data_both_ways(void **state)
{
    struct run run_, *run = &run_;
    uint8_t buf[4000] = {0};
    int value = 0;
    int fd;

    (void)state;
    start(run, NULL);
    fd = accepted(run);
    assert_int_equal(run->ifc.write(U, fd, buf, 1500), 1500);
    we_send(run, "A", 1, 1, 1000);
    we_send(run, "PA", 1001, 1, 500);
    assert_int_equal(run->ifc.ioctl(U, fd, SIOCOUTQ, &value), 0);
    assert_int_equal(value, 1500);
    peer_sends(run, "PA", 1, 1501, 30000, 700);
    we_send(run, "A", 1501, 701, 0);
    assert_int_equal(run->ifc.ioctl(U, fd, SIOCINQ, &value), 0);
    assert_int_equal(value, 700);
    assert_int_equal(run->ifc.recv(U, fd, buf, sizeof(buf), MSG_PEEK), 700);
    assert_int_equal(run->ifc.read(U, fd, buf, sizeof(buf)), 700);
    peer_sends(run, "FA", 701, 1501, 30000, 0);
    we_send(run, "A", 1501, 702, 0);
    assert_int_equal(run->ifc.read(U, fd, buf, sizeof(buf)), 0);
    assert_int_equal(run->ifc.close(U, fd), 0);
    we_send(run, "FA", 1501, 702, 0);
    end(run);
}

/* A lost segment goes again exactly when the timer says, and waiting for it is what makes time go. */
static void test_virtual_time(void **state)
{
    struct run run_, *run = &run_;
    uint8_t buf[500] = {0};
    long long began;
    int fd;

    (void)state;
    start(run, "rto_min=300ms");
    fd = accepted(run);
    began = now(run);
    assert_int_equal(now(run), began + 1);
    assert_int_equal(run->ifc.usleep(U, 1000), 0);
    assert_int_equal(now(run), began + 1002);
    assert_int_equal(run->ifc.write(U, fd, buf, sizeof(buf)), sizeof(buf));
    we_send(run, "PA", 1, 1, 500);
    began = run->sent_at;
    we_send(run, "PA", 1, 1, 500);
    assert_true(run->sent_at - began >= 300000 && run->sent_at - began < 301000);
    end(run);
}

static void test_connect_does_not_block(void **state)
{
    struct run run_, *run = &run_;
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(PEER_PORT)};
    int error = -1;
    socklen_t len = sizeof(error);
    int fd;

    (void)state;
    start(run, "profile=linux");
    addr.sin_addr.s_addr = htonl(0xc0000201);
    fd = run->ifc.socket(U, AF_INET, SOCK_STREAM, IPPROTO_TCP);
    assert_int_equal(run->ifc.fcntl(U, fd, F_SETFL, O_RDWR | O_NONBLOCK), 0);
    assert_true(run->ifc.fcntl(U, fd, F_GETFL) & O_NONBLOCK);
    assert_int_equal(run->ifc.connect(U, fd, (struct sockaddr *)&addr, sizeof(addr)), -1);
    assert_int_equal(errno, EINPROGRESS);
    we_send(run, "S", 0, 0, 0);
    assert_int_equal(run->opts.wscale, 8);
    assert_int_equal(run->ifc.connect(U, fd, (struct sockaddr *)&addr, sizeof(addr)), -1);
    assert_int_equal(errno, EALREADY);
    peer_sends(run, "RA", 0, 1, 0, 0);
    assert_int_equal(run->ifc.getsockopt(U, fd, SOL_SOCKET, SO_ERROR, &error, &len), 0);
    assert_int_equal(error, ECONNREFUSED);
    assert_int_equal(run->ifc.getsockopt(U, fd, SOL_SOCKET, SO_ERROR, &error, &len), 0);
    assert_int_equal(error, 0); /* told once */
    assert_int_equal(run->ifc.write(U, fd, "x", 1), -1);
    assert_int_equal(errno, EPIPE);
    end(run);
}

/* --- Blocking ---------------------------------------------------------------------------------- */

struct blocked {
    struct run *run;
    int fd;
    ssize_t result;
    long long ended;
};

static void *read_in_thread(void *arg)
{
    struct blocked *blocked = arg;
    struct run *run = blocked->run;
    uint8_t buf[100];

    blocked->result = run->ifc.read(U, blocked->fd, buf, sizeof(buf));
    blocked->ended = now(run);
    return NULL;
}

/* packetdrill's second thread blocks; the call ends at the very moment of the segment that ends it. */
static void test_call_on_a_second_thread(void **state)
{
    struct run run_, *run = &run_;
    struct blocked blocked = {.run = run};
    struct timespec a_moment = {.tv_nsec = 1000000};
    pthread_t thread;
    long long arrives;

    (void)state;
    start(run, NULL);
    blocked.fd = accepted(run);
    pthread_create(&thread, NULL, read_in_thread, &blocked);
    nanosleep(&a_moment, NULL); /* whether it waits by then or not, the result is the same */
    run->ifc.usleep(U, 50000);
    arrives = now(run);
    peer_sends(run, "PA", 1, 1, 30000, 10);
    pthread_join(thread, NULL);
    assert_int_equal(blocked.result, 10);
    assert_true(blocked.ended - arrives <= 1);
    end(run);
}

/* On the main thread nothing else can happen: the call ends when time has gone on for long enough. */
static void test_receive_timeout(void **state)
{
    struct run run_, *run = &run_;
    struct timeval limit = {.tv_usec = 250000};
    uint8_t buf[10];
    long long began;
    int fd;

    (void)state;
    start(run, NULL);
    fd = accepted(run);
    assert_int_equal(run->ifc.setsockopt(U, fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0);
    began = now(run);
    assert_int_equal(run->ifc.read(U, fd, buf, sizeof(buf)), -1);
    assert_int_equal(errno, EAGAIN);
    assert_true(now(run) - began >= 250000);
    end(run);
}

static void test_linger_waits(void **state)
{
    struct run run_, *run = &run_;
    struct linger linger = {1, 2};
    long long began;
    int fd;

    (void)state;
    start(run, NULL);
    fd = accepted(run);
    assert_int_equal(run->ifc.setsockopt(U, fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)), 0);
    began = now(run);
    assert_int_equal(run->ifc.close(U, fd), 0); /* nobody acknowledges the FIN */
    assert_true(now(run) - began >= 2000000);
    we_send(run, "FA", 1, 1, 0);
    assert_true(run->sent_at - began < 1000);
    end(run);
}

/* --- Options and state ----------------------------------------------------------------------------- */

static void test_options(void **state)
{
    struct run run_, *run = &run_;
    int value = 7;
    socklen_t len = sizeof(value);
    int fd;

    (void)state;
    start(run, NULL);
    fd = run->ifc.socket(U, AF_INET, SOCK_STREAM, 0);
    assert_int_equal(run->ifc.setsockopt(U, fd, IPPROTO_TCP, TCP_KEEPIDLE, &value, len), 0);
    value = 0;
    assert_int_equal(run->ifc.getsockopt(U, fd, IPPROTO_TCP, TCP_KEEPIDLE, &value, &len), 0);
    assert_int_equal(value, 7);
    value = 21000;
    assert_int_equal(run->ifc.setsockopt(U, fd, SOL_SOCKET, SO_SNDBUF, &value, len), 0);
    assert_int_equal(run->ifc.getsockopt(U, fd, SOL_SOCKET, SO_SNDBUF, &value, &len), 0);
    assert_int_equal(value, 42000);
    assert_int_equal(run->ifc.setsockopt(U, fd, SOL_SOCKET, SO_BINDTODEVICE, "eth0", 5), -1);
    assert_int_equal(errno, ENOPROTOOPT);
    assert_int_equal(run->ifc.setsockopt(U, fd, IPPROTO_TCP, TCP_KEEPIDLE, &value, 1), -1);
    assert_int_equal(errno, EINVAL);
    assert_int_equal(run->ifc.close(U, fd), 0);
    assert_int_equal(run->ifc.close(U, fd), -1);
    assert_int_equal(errno, EBADF);
    assert_int_equal(run->ifc.socket(U, AF_INET, SOCK_DGRAM, 0), -1);
    end(run);
}

static void test_tcp_info(void **state)
{
    struct run run_, *run = &run_;
    uint8_t info[300], buf[2000] = {0};
    socklen_t len = sizeof(info);
    uint32_t word;
    int fd;

    (void)state;
    start(run, "profile=linux");
    fd = accepted(run);
    assert_int_equal(run->ifc.write(U, fd, buf, sizeof(buf)), sizeof(buf));
    we_send(run, "A", 1, 1, 1000);
    assert_int_equal(run->ifc.getsockopt(U, fd, IPPROTO_TCP, TCP_INFO, info, &len), 0);
    assert_int_equal(len, 280);
    assert_int_equal(info[0], 1); /* ESTABLISHED in Linux' counting */
    memcpy(&word, info + 16, 4);
    assert_int_equal(word, 1000); /* tcpi_snd_mss */
    memcpy(&word, info + 24, 4);
    assert_int_equal(word, 2); /* tcpi_unacked */
    memcpy(&word, info + 80, 4);
    assert_int_equal(word, 10); /* tcpi_snd_cwnd */
    len = 36;
    assert_int_equal(run->ifc.getsockopt(U, fd, SOL_SOCKET, SO_MEMINFO, info, &len), 0);
    assert_int_equal(len, 36);
    end(run);
}

/* --- Readiness ---------------------------------------------------------------------------------------- */

static void test_epoll(void **state)
{
    struct run run_, *run = &run_;
    struct epoll_event event = {.events = EPOLLIN | EPOLLET}, got[2];
    struct pollfd fds = {.events = POLLIN | POLLOUT};
    uint8_t buf[100];
    int fd, set;

    (void)state;
    start(run, NULL);
    fd = accepted(run);
    set = run->ifc.epoll_create(U, 1);
    event.data.fd = fd;
    assert_int_equal(run->ifc.epoll_ctl(U, set, EPOLL_CTL_ADD, fd, &event), 0);
    assert_int_equal(run->ifc.epoll_wait(U, set, got, 2, 0), 0);
    peer_sends(run, "PA", 1, 1, 30000, 10);
    assert_int_equal(run->ifc.epoll_wait(U, set, got, 2, 0), 1);
    assert_int_equal(got[0].data.fd, fd);
    assert_int_equal(got[0].events, EPOLLIN);
    assert_int_equal(run->ifc.epoll_wait(U, set, got, 2, 0), 0); /* nothing new */
    peer_sends(run, "PA", 11, 1, 30000, 10);
    assert_int_equal(run->ifc.epoll_wait(U, set, got, 2, 0), 1);
    fds.fd = fd;
    assert_int_equal(run->ifc.poll(U, &fds, 1, 0), 1);
    assert_int_equal(fds.revents, POLLIN | POLLOUT);
    assert_int_equal(run->ifc.read(U, fd, buf, sizeof(buf)), 20);
    fds.events = POLLIN;
    long long began = now(run);
    assert_int_equal(run->ifc.poll(U, &fds, 1, 30), 0);
    assert_true(now(run) - began >= 30000);
    end(run);
}

/* Linux' writes: bursts of half the peer's window, of which none begins when enough waits to be sent. */
static void test_writes_take_whole_bursts(void **state)
{
    static const uint8_t buf[59000];
    struct run run_, *run = &run_;
    struct pollfd fds = {.events = POLLOUT};
    int lowat = 4000, flags;

    (void)state;
    start(run, "profile=linux");
    fds.fd = accepted(run);
    flags = run->ifc.fcntl(U, fds.fd, F_GETFL);
    assert_int_equal(run->ifc.fcntl(U, fds.fd, F_SETFL, flags | O_NONBLOCK), 0);
    assert_int_equal(run->ifc.setsockopt(U, fds.fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &lowat, sizeof(lowat)),
                     0);
    assert_int_equal(run->ifc.poll(U, &fds, 1, 0), 1);
    /* 10 segments leave before the first burst of 15 is whole; the rest of it is filled up to one of 15. */
    assert_int_equal(run->ifc.write(U, fds.fd, buf, sizeof(buf)), 25000);
    assert_int_equal(run->ifc.write(U, fds.fd, buf, sizeof(buf)), -1);
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(run->ifc.poll(U, &fds, 1, 0), 0);
    peer_sends(run, "A", 1, 10001, 30000, 0);
    assert_int_equal(run->ifc.poll(U, &fds, 1, 0), 1);
    assert_int_equal(run->ifc.setsockopt(U, fds.fd, SOL_SOCKET, SO_SNDBUF, &lowat, sizeof(lowat)), 0);
    assert_int_equal(run->ifc.write(U, fds.fd, buf, sizeof(buf)), -1);
    assert_int_equal(errno, EAGAIN);
    peer_sends(run, "R", 1, 0, 0, 0); /* the buffer is full no longer, but dead */
    assert_int_equal(run->ifc.write(U, fds.fd, buf, sizeof(buf)), -1);
    assert_int_equal(errno, ECONNRESET);
    assert_int_equal(run->ifc.write(U, fds.fd, buf, sizeof(buf)), -1);
    assert_int_equal(errno, EPIPE);
    end(run);
}

static void test_pipe_and_splice(void **state)
{
    struct run run_, *run = &run_;
    int fds[2], fd;

    (void)state;
    start(run, NULL);
    fd = accepted(run);
    assert_int_equal(run->ifc.pipe(U, fds), 0);
    peer_sends(run, "PA", 1, 1, 30000, 300);
    we_send(run, "A", 1, 301, 0);
    assert_int_equal(run->ifc.splice(U, fd, NULL, fds[1], NULL, 1000, 0), 300);
    assert_int_equal(run->ifc.splice(U, fds[0], NULL, fd, NULL, 1000, 0), 300);
    we_send(run, "PA", 1, 301, 300);
    end(run);
}

/* --- The error queue ------------------------------------------------------------------------------------- */

static void test_zerocopy_notification(void **state)
{
    struct run run_, *run = &run_;
    uint8_t control[200], buf[500] = {0};
    struct msghdr msg = {.msg_control = control, .msg_controllen = sizeof(control)};
    struct sock_extended_err error;
    struct pollfd fds = {.events = POLLIN};
    int on = 1;
    int fd;

    (void)state;
    start(run, NULL);
    fd = accepted(run);
    assert_int_equal(run->ifc.setsockopt(U, fd, SOL_SOCKET, SO_ZEROCOPY, &on, sizeof(on)), 0);
    assert_int_equal(run->ifc.send(U, fd, buf, sizeof(buf), MSG_ZEROCOPY), sizeof(buf));
    we_send(run, "PA", 1, 1, 500);
    assert_int_equal(run->ifc.recvmsg(U, fd, &msg, MSG_ERRQUEUE), -1);
    assert_int_equal(errno, EAGAIN);
    peer_sends(run, "A", 1, 501, 30000, 0);
    fds.fd = fd;
    assert_int_equal(run->ifc.poll(U, &fds, 1, 0), 1);
    assert_int_equal(fds.revents, POLLERR);
    assert_int_equal(run->ifc.recvmsg(U, fd, &msg, MSG_ERRQUEUE), 0);
    assert_int_equal(msg.msg_flags, MSG_ERRQUEUE);
    struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
    assert_non_null(cmsg);
    assert_int_equal(cmsg->cmsg_level, SOL_IP);
    assert_int_equal(cmsg->cmsg_type, IP_RECVERR);
    memcpy(&error, CMSG_DATA(cmsg), sizeof(error));
    assert_int_equal(error.ee_origin, SO_EE_ORIGIN_ZEROCOPY);
    assert_int_equal(error.ee_code, SO_EE_CODE_ZEROCOPY_COPIED);
    assert_int_equal(error.ee_info, 0);
    end(run);
}

/* --- Knobs ------------------------------------------------------------------------------------------------ */

/* What a script sets with sysctl holds for the next connection; the state file says where connections stand. */
static void test_knobs_and_state(void **state)
{
    struct run run_, *run = &run_;
    char dir[] = "/tmp/weft-plugin-XXXXXX", knobs[64], states[64], text[512] = "";
    FILE *file;

    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(knobs, sizeof(knobs), "%s/knobs", dir);
    snprintf(states, sizeof(states), "%s/states", dir);
    setenv("WEFT_KNOBS", knobs, 1);
    setenv("WEFT_STATE", states, 1);
    start(run, NULL);
    file = fopen(knobs, "w");
    assert_non_null(file);
    fputs("net.ipv4.tcp_timestamps=1\nnet.ipv4.tcp_timestamps=0\n", file);
    fclose(file);
    run->offers_timestamps = true;
    accepted(run);
    assert_false(run->opts.has_timestamps);
    file = fopen(states, "r");
    assert_non_null(file);
    assert_true(fread(text, 1, sizeof(text) - 1, file) > 0);
    fclose(file);
    assert_non_null(strstr(text, "192.168.0.1:8080 192.0.2.1:40000 ESTABLISHED"));
    assert_non_null(strstr(text, "LISTEN"));
    end(run);
    unsetenv("WEFT_KNOBS");
    unsetenv("WEFT_STATE");
    remove(knobs);
    remove(states);
    assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_data_both_ways),
        cmocka_unit_test(test_virtual_time),
        cmocka_unit_test(test_connect_does_not_block),
        cmocka_unit_test(test_call_on_a_second_thread),
        cmocka_unit_test(test_receive_timeout),
        cmocka_unit_test(test_linger_waits),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_tcp_info),
        cmocka_unit_test(test_epoll),
        cmocka_unit_test(test_writes_take_whole_bursts),
        cmocka_unit_test(test_pipe_and_splice),
        cmocka_unit_test(test_zerocopy_notification),
        cmocka_unit_test(test_knobs_and_state),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
