/* SPDX-License-Identifier: MIT */
/*
 * A device of /dev/net/tun (the kernel's networking/tuntap.rst), TAP or TUN.
 *
 * Owns    the descriptor, and the packet and blocks that the next frame will
 *         be read into. They stay between reads, so that a read that finds
 *         nothing costs no allocation; a frame takes with it what it fills:
 *
 *           header | packet: headroom, small block | large | large | large | large
 *             12 B |           most frames         |  the rest of a super-segment
 *
 * Never   believes a length that the kernel's header gives (vnet.c), and never
 *         bounces a frame through memory of its own.
 *
 * A frame that nothing can be read into, because the pool is empty, is read
 * and lost: left in the device it would keep the descriptor readable and the
 * event loop spinning.
 */
#include "link/tuntap.h"

#include <weft/err.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "link/netdev.h"
#include "link/vnet.h"
#include "link/why.h"

#define TUN_PATH   "/dev/net/tun"
#define RX_LARGE   4
#define RX_IOVECS  (2 + RX_LARGE)        /* header, linear part, large blocks */
#define TX_IOVECS  (2 + WEFT_PKT_SLICES) /* header, linear part, slices */
#define RX_ROOM_IP 64                    /* headroom for what tunnels and links put in front */
#define RX_ROOM    (RX_ROOM_IP + 2)      /* the same, and the header behind Ethernet's is aligned */
#define OFFLOAD    (TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6)

static_assert(WEFT_BLOCK_SMALL - RX_ROOM + RX_LARGE * WEFT_BLOCK_LARGE > WEFT_PKT_MAX,
              "the longest frame must fit with a byte to spare, by which a frame cut short is known");

struct tuntap {
    struct weft_link link; /* first: ops get a pointer to it */
    int fd;
    bool has_header; /* each frame begins with a virtio-net header */
    char name[IFNAMSIZ];
    struct weft_pool *rx_pool; /* where the following come from */
    struct weft_pkt *rx_pkt;
    struct weft_block *rx_large[RX_LARGE];
    unsigned rx_large_count;
};

/* --- Receiving --- */

static void release_rx(struct tuntap *dev)
{
    weft_pkt_free(dev->rx_pkt);
    dev->rx_pkt = NULL;
    while (dev->rx_large_count)
        weft_block_unref(dev->rx_large[--dev->rx_large_count]);
}

/* Makes ready to read; false when there is not even a packet. Fewer large blocks only make long
 * frames impossible. */
static bool prepare_rx(struct tuntap *dev, struct weft_pool *pool)
{
    if (dev->rx_pool != pool)
        release_rx(dev);
    dev->rx_pool = pool;
    if (!dev->rx_pkt)
        dev->rx_pkt = weft_pkt_new_rx(pool, dev->link.type == WEFT_LINK_ETHERNET ? RX_ROOM : RX_ROOM_IP);
    if (!dev->rx_pkt)
        return false;
    while (dev->rx_large_count < RX_LARGE) {
        struct weft_block *block = weft_block_new(pool, WEFT_BLOCK_LARGE);

        if (!block)
            break;
        dev->rx_large[dev->rx_large_count++] = block;
    }
    return true;
}

/* readv, again when a signal came first. Returns bytes, or a negated errno. */
static ssize_t read_pieces(const struct tuntap *dev, const struct iovec *iov, int count)
{
    ssize_t n;

    do {
        n = readv(dev->fd, iov, count);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

/* Reads one frame into what is prepared. Returns its length without the header, as cut to the room
 * there was, or a negated errno. */
static ssize_t read_frame(struct tuntap *dev, uint8_t header[LINK_VNET_LEN])
{
    struct iovec iov[RX_IOVECS];
    int count = 0;
    ssize_t n;

    if (dev->has_header)
        iov[count++] = (struct iovec){header, LINK_VNET_LEN};
    iov[count++] = (struct iovec){dev->rx_pkt->data, weft_pkt_tailroom(dev->rx_pkt)};
    for (unsigned i = 0; i < dev->rx_large_count; i++)
        iov[count++] = (struct iovec){dev->rx_large[i]->data, dev->rx_large[i]->size};
    n = read_pieces(dev, iov, count);
    if (n < 0 || !dev->has_header)
        return n;
    return n < LINK_VNET_LEN ? -EIO : n - LINK_VNET_LEN;
}

/* The prepared packet with the `len` bytes just read, and the large blocks that they reach into. */
static struct weft_pkt *take_rx(struct tuntap *dev, uint32_t len)
{
    struct weft_pkt *pkt = dev->rx_pkt;
    uint32_t tailroom = weft_pkt_tailroom(pkt);
    uint32_t left = len > tailroom ? len - tailroom : 0;
    unsigned used = 0;

    weft_pkt_put(pkt, len - left);
    while (left) {
        struct weft_block *block = dev->rx_large[used++];
        uint32_t part = left < block->size ? left : block->size;

        weft_pkt_add_slice(pkt, block, 0, part);
        weft_block_unref(block);
        left -= part;
    }
    dev->rx_large_count -= used;
    for (unsigned i = 0; i < dev->rx_large_count; i++)
        dev->rx_large[i] = dev->rx_large[used + i];
    dev->rx_pkt = NULL;
    return pkt;
}

/* How many bytes the prepared memory has room for. */
static size_t rx_capacity(const struct tuntap *dev)
{
    return weft_pkt_tailroom(dev->rx_pkt) + (size_t)dev->rx_large_count * WEFT_BLOCK_LARGE;
}

/* Reads one frame. Returns 1 when it is in `batch`, 0 when it was lost, or a negated errno. */
static int receive(struct tuntap *dev, struct weft_pktq *batch, weft_time now)
{
    struct weft_link_stats *stats = &dev->link.stats;
    uint8_t header[LINK_VNET_LEN];
    size_t capacity = rx_capacity(dev);
    ssize_t len = read_frame(dev, header);
    struct weft_pkt *pkt;

    if (len < 0)
        return (int)len;
    if ((size_t)len >= capacity || len > WEFT_PKT_MAX) {
        stats->rx_dropped++;
        return 0;
    }
    pkt = take_rx(dev, (uint32_t)len);
    if (dev->has_header && !link_vnet_apply(header, dev->link.type, pkt)) {
        stats->rx_dropped++;
        weft_pkt_free(pkt);
        return 0;
    }
    pkt->when = now;
    stats->rx_packets++;
    stats->rx_bytes += pkt->total_len;
    weft_pktq_push(batch, pkt);
    return 1;
}

/* Reads one frame and throws it away. Returns 0 or a negated errno. */
static int discard(struct tuntap *dev)
{
    uint8_t bytes[LINK_VNET_LEN + 1]; /* the kernel drops what it has not room for */
    struct iovec iov = {bytes, sizeof(bytes)};
    ssize_t n = read_pieces(dev, &iov, 1);

    if (n < 0)
        return (int)n;
    dev->link.stats.rx_dropped++;
    return 0;
}

/* EBADFD: the device has been deleted under us. */
static int broken(int error)
{
    return error == -EBADFD ? WEFT_E_NETDOWN : WEFT_E_IO;
}

static int recv_packets(struct weft_link *link, struct weft_pool *pool, struct weft_pktq *batch, unsigned max,
                        weft_time now)
{
    struct tuntap *dev = (struct tuntap *)link;
    int count = 0;

    for (unsigned i = 0; i < max; i++) {
        int result = prepare_rx(dev, pool) ? receive(dev, batch, now) : discard(dev);

        if (result == -EAGAIN)
            break;
        if (result < 0)
            return count ? count : broken(result);
        count += result;
    }
    return count;
}

/* --- Sending --- */

/* One writev. Returns 0 or a negated errno. */
static int write_packet(struct tuntap *dev, struct weft_pkt *pkt)
{
    uint8_t header[LINK_VNET_LEN];
    struct iovec iov[TX_IOVECS];
    int count = 0;
    ssize_t n;

    if (dev->has_header) {
        link_vnet_emit(pkt, header);
        iov[count++] = (struct iovec){header, sizeof(header)};
    } else {
        weft_pkt_finish_checksum(pkt);
    }
    iov[count++] = (struct iovec){pkt->data, pkt->len};
    for (unsigned i = 0; i < pkt->nslices; i++) {
        struct weft_slice *slice = &pkt->slices[i];

        iov[count++] = (struct iovec){slice->block->data + slice->off, slice->len};
    }
    do {
        n = writev(dev->fd, iov, count);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : 0;
}

static int send_packets(struct weft_link *link, struct weft_pktq *batch, weft_time now)
{
    struct tuntap *dev = (struct tuntap *)link;
    int count = 0;

    (void)now;
    while (batch->head) {
        struct weft_pkt *pkt = batch->head;
        int error = write_packet(dev, pkt);

        if (error == -EAGAIN)
            break;
        if (error == -EBADFD || error == -EBADF)
            return broken(error);
        /* Anything else, such as EIO while the kernel's side is down, concerns this packet alone. */
        if (error) {
            link->stats.tx_dropped++;
        } else {
            link->stats.tx_packets++;
            link->stats.tx_bytes += pkt->total_len;
        }
        weft_pkt_free(weft_pktq_pop(batch));
        count++;
    }
    return count;
}

static int descriptor(const struct weft_link *link)
{
    return ((const struct tuntap *)link)->fd;
}

static void close_device(struct weft_link *link)
{
    struct tuntap *dev = (struct tuntap *)link;

    release_rx(dev);
    if (dev->fd >= 0)
        close(dev->fd);
    free(dev);
}

static const struct weft_link_ops tuntap_ops = {
    .recv = recv_packets,
    .send = send_packets,
    .fd = descriptor,
    .close = close_device,
};

/* --- Opening --- */

static int open_node(struct tuntap *dev, char *why, size_t why_size)
{
    dev->fd = open(TUN_PATH, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (dev->fd >= 0)
        return 0;
    switch (errno) {
    case ENOENT:
    case ENODEV:
    case ENXIO:
        link_why(why, why_size,
                 "cannot open " TUN_PATH
                 ": %s; load the kernel's module (modprobe tun), or in a container let "
                 "it have the device",
                 strerror(errno));
        return WEFT_E_NOTFOUND;
    case EACCES:
        link_why(why, why_size,
                 "cannot open " TUN_PATH
                 ": its file permissions do not let this user in; the administrator can change that "
                 "(chmod 666 " TUN_PATH ", as most systems have it)");
        return WEFT_E_PERM;
    case EPERM:
        link_why(why, why_size,
                 "cannot open " TUN_PATH
                 ": this container may not use the device; start it so that it may (--device " TUN_PATH ")");
        return WEFT_E_PERM;
    default:
        link_why(why, why_size, "cannot open " TUN_PATH ": %s", strerror(errno));
        return WEFT_E_IO;
    }
}

/* Why TUNSETIFF did not give us the device. */
static int explain_attach(const struct tuntap *dev, int errnum, char *why, size_t why_size)
{
    const char *kind = dev->link.type == WEFT_LINK_ETHERNET ? "tap" : "tun";

    switch (errnum) {
    case EPERM:
        link_why(why, why_size,
                 "not permitted to make or open the device %s; run as root, inside a namespace of your own "
                 "(unshare -Urn), or let root make it for you (ip tuntap add %s mode %s user YOU)",
                 dev->name, dev->name, kind);
        return WEFT_E_PERM;
    case EBUSY:
        link_why(why, why_size, "the device %s is in use by another program; end that or choose another name",
                 dev->name);
        return WEFT_E_EXIST;
    case EINVAL:
        if (if_nametoindex(dev->name))
            link_why(why, why_size, "the device %s exists and is not a single-queue %s; choose another name",
                     dev->name, kind);
        else
            link_why(why, why_size, "%s is not a valid name for a device", dev->name);
        return WEFT_E_INVAL;
    default:
        link_why(why, why_size, "cannot open the device %s: %s", dev->name, strerror(errnum));
        return WEFT_E_IO;
    }
}

/* Makes the device, or takes the one of that name. */
static int attach(struct tuntap *dev, bool offload, char *why, size_t why_size)
{
    struct ifreq ifr = {0};
    unsigned features = 0;
    int flags = IFF_NO_PI | (dev->link.type == WEFT_LINK_ETHERNET ? IFF_TAP : IFF_TUN);

    if (offload && ioctl(dev->fd, TUNGETFEATURES, &features) == 0 && features & IFF_VNET_HDR) {
        dev->has_header = true;
        flags |= IFF_VNET_HDR;
    }
    ifr.ifr_flags = (short)flags;
    memcpy(ifr.ifr_name, dev->name, sizeof(ifr.ifr_name));
    if (ioctl(dev->fd, TUNSETIFF, &ifr) < 0)
        return explain_attach(dev, errno, why, why_size);
    memcpy(dev->name, ifr.ifr_name, sizeof(dev->name));
    return 0;
}

/* Asks for the most that this kernel gives, and sets `caps` by it. Always asks: a device that stays
 * has the offloads of whoever had it before. */
static int negotiate(struct tuntap *dev, char *why, size_t why_size)
{
    static const unsigned long offers[] = {OFFLOAD | TUN_F_TSO_ECN, OFFLOAD, TUN_F_CSUM, 0};
    int header_len = LINK_VNET_LEN, little_endian = 1;
    unsigned i = dev->has_header ? 0 : 3;

    if (dev->has_header && (ioctl(dev->fd, TUNSETVNETHDRSZ, &header_len) < 0 ||
                            ioctl(dev->fd, TUNSETVNETLE, &little_endian) < 0)) {
        link_why(why, why_size, "cannot set the header of %s: %s; try without offload", dev->name,
                 strerror(errno));
        return WEFT_E_IO;
    }
    while (i < 3 && ioctl(dev->fd, TUNSETOFFLOAD, offers[i]) < 0)
        i++;
    if (i == 3)
        (void)ioctl(dev->fd, TUNSETOFFLOAD, offers[3]); /* a kernel that knows none needs not be told */
    if (dev->has_header)
        dev->link.caps = WEFT_LINK_TX_CSUM | WEFT_LINK_TSO4 | WEFT_LINK_TSO6;
    if (offers[i] & TUN_F_CSUM)
        dev->link.caps |= WEFT_LINK_RX_CSUM;
    if (offers[i] & TUN_F_TSO4)
        dev->link.caps |= WEFT_LINK_LRO;
    return 0;
}

/* The link's MTU is the device's, which is changed to `wanted` if that is another. */
static int agree_on_mtu(struct tuntap *dev, uint32_t wanted, char *why, size_t why_size)
{
    int error = link_netdev_mtu(dev->name, &dev->link.mtu);

    if (error < 0) {
        link_why(why, why_size, "cannot read the MTU of %s: %s", dev->name, strerror(-error));
        return WEFT_E_IO;
    }
    if (wanted == 0 || wanted == dev->link.mtu)
        return 0;
    error = link_netdev_set_mtu(dev->name, wanted);
    if (error < 0) {
        link_why(why, why_size, "cannot set the MTU of %s to %u: %s; its own is %u", dev->name, wanted,
                 strerror(-error), dev->link.mtu);
        return error == -EPERM ? WEFT_E_PERM : WEFT_E_INVAL;
    }
    dev->link.mtu = wanted;
    return 0;
}

/* All steps in order; the first that fails ends it. */
static int set_up(struct tuntap *dev, const struct weft_tap_config *config, char *why, size_t why_size)
{
    int error = open_node(dev, why, why_size);

    if (!error)
        error = attach(dev, config->offload, why, why_size);
    if (!error)
        error = negotiate(dev, why, why_size);
    if (!error)
        error = agree_on_mtu(dev, config->mtu, why, why_size);
    if (!error)
        link_netdev_await_running(dev->name);
    return error;
}

int link_tuntap_open(enum weft_link_type type, const struct weft_tap_config *config, struct weft_link **link,
                     char *why, size_t why_size)
{
    const char *name = config->name ? config->name : "";
    struct tuntap *dev;
    int error;

    if (strlen(name) >= IFNAMSIZ) {
        link_why(why, why_size, "%s: a device name has at most %d bytes", name, IFNAMSIZ - 1);
        return WEFT_E_INVAL;
    }
    dev = calloc(1, sizeof(*dev));
    if (!dev) {
        link_why(why, why_size, "no memory is left");
        return WEFT_E_NOMEM;
    }
    memcpy(dev->name, name, strlen(name));
    dev->fd = -1;
    dev->link.ops = &tuntap_ops;
    dev->link.name = dev->name;
    dev->link.type = type;
    error = set_up(dev, config, why, why_size);
    if (error) {
        close_device(&dev->link);
        return error;
    }
    *link = &dev->link;
    return 0;
}
