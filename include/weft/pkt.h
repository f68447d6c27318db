/* SPDX-License-Identifier: MIT */
/*
 * The packet: the one buffer type that travels between a link and the stack.
 *
 * Owns    the layout of a packet in memory, the pool that packets and payload
 *         blocks come from, and the count of references to a block. Nothing
 *         outside pkt.c touches that count.
 *
 * A packet is a small descriptor. Its bytes are a *linear part* (headers, and
 * for a received frame everything that fits) followed by up to
 * WEFT_PKT_SLICES *slices*, which are views of reference-counted blocks:
 *
 *     buf                data              data+len
 *      |    headroom      |   linear part   |  tailroom |
 *      +------------------+-----------------+-----------+
 *      |     (push <-)    |  eth | ip | tcp |  (-> put) |
 *      +------------------+-----------------+-----------+
 *                                   slices[0]: block, off, len --> payload
 *                                   slices[1]: block, off, len --> payload
 *
 * To send, the linear part is the descriptor's own small `room`, and the
 * slices are views of the socket's send buffer: payload is not copied, and
 * headers are written anew for each transmission. To receive, a link puts the
 * frame into a block (`head`), which becomes the linear part; what does not
 * fit there goes into slices. The receiver keeps payload by taking references.
 *
 * A packet may be a *super-segment*: one set of headers before up to 64 KiB of
 * payload that stands for many segments of `gso_size` bytes. The sender of a
 * super-segment has either checked that the link cuts it up, or has it done
 * by weft_pkt_segment before the link sees it.
 *
 * Ownership: a packet has one owner. A function that *takes* a packet takes it
 * whatever it returns.
 *
 * Threads: a pool, its packets and its blocks belong to one thread.
 */
#ifndef WEFT_PKT_H
#define WEFT_PKT_H

#include <weft/types.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct weft_pool;
struct weft_pkt;

/* How many views of payload one packet can hold: enough for 64 KiB in large
 * blocks that it meets askew, with room for small writes in between. */
#define WEFT_PKT_SLICES 10

/* Bytes of a descriptor's own linear room: 64 bytes of headroom for what
 * tunnels and links put in front, then Ethernet with one VLAN tag (18), the
 * longest IPv4 header (60) and the longest TCP header (60), rounded up. */
#define WEFT_PKT_ROOM 224

/* Block sizes. A small block holds a full Ethernet frame with its headroom; a
 * large one is a quarter of the biggest super-segment. */
#define WEFT_BLOCK_SMALL 2048
#define WEFT_BLOCK_LARGE 16384

/* The largest packet, headers and all: what an IPv4 length field can say plus
 * an Ethernet header with a VLAN tag. */
#define WEFT_PKT_MAX (65535 + 18)

/* Payload memory, counted by reference. Immutable once shared, except that the
 * owner of a send buffer may append behind the bytes that others see. */
struct weft_block {
    uint32_t refs; /* pkt.c alone changes it */
    uint32_t size; /* bytes at `data` */
    uint8_t *data;
    struct weft_pool *pool; /* where it goes back to; NULL for a lent block */
    /* For a lent block: called when the last reference goes. It must not call
     * into the stack; it may be called from within any call that does. */
    void (*release)(struct weft_block *block);
    struct weft_block *next_free; /* valid in the pool only */
};

/* `len` bytes at `off` of a block; the holder owns one reference. */
struct weft_slice {
    struct weft_block *block;
    uint32_t off;
    uint32_t len;
};

/* What is known of a packet's transport checksum, and how it was received. */
enum weft_pkt_flag {
    /* Out: the checksum field holds the folded, not complemented sum of the
     * pseudo-header; the link, or weft_pkt_finish_checksum, completes it over
     * everything from csum_start. In: a local peer left it so; it is to be
     * believed, and completed before the packet is written anywhere. */
    WEFT_PKT_CSUM_PARTIAL = 1 << 0,
    /* In: the link has verified the transport checksum. */
    WEFT_PKT_CSUM_GOOD = 1 << 1,
    /* The link-layer destination was the broadcast or a multicast address. */
    WEFT_PKT_LL_BROADCAST = 1 << 2,
    WEFT_PKT_LL_MULTICAST = 1 << 3,
    /* A super-segment that carries ECN's CWR flag: only the first segment keeps it. */
    WEFT_PKT_GSO_ECN = 1 << 4,
};

struct weft_pkt {
    struct weft_pkt *next; /* in a weft_pktq or a pool; owned by whoever holds the packet */
    uint8_t *data;         /* first byte of the linear part */
    uint32_t len;          /* bytes in the linear part */
    uint32_t total_len;    /* linear part and slices together, bytes */
    uint16_t flags;        /* enum weft_pkt_flag */
    uint16_t nslices;
    uint16_t gso_size;    /* payload bytes of each segment of a super-segment; 0: a plain packet */
    uint16_t gso_segs;    /* how many segments it stands for; 0 or 1: a plain packet */
    uint16_t l3_off;      /* of the network header, from `buf`; set by the layer that knows */
    uint16_t l4_off;      /* of the transport header, from `buf` */
    uint16_t csum_start;  /* where a partial checksum begins, from `buf` */
    uint16_t csum_offset; /* of the checksum field, from csum_start */
    uint8_t *buf;         /* the linear storage, `buf_size` bytes */
    uint32_t buf_size;
    uint32_t mark;           /* for the holder: links around links keep their notes here */
    struct weft_block *head; /* block that holds the linear part; NULL: `room` does */
    struct weft_pool *pool;
    weft_time when; /* in: when the link received it; out: not before this moment, 0 for at once */
    struct weft_slice slices[WEFT_PKT_SLICES];
    uint8_t room[WEFT_PKT_ROOM];
};

/* A first-in first-out queue of packets; all zero is the empty queue. It owns what it holds. */
struct weft_pktq {
    struct weft_pkt *head;
    struct weft_pkt *tail;
    uint32_t count; /* packets */
};

/* --- Pools -------------------------------------------------------------- */

/* Where a pool's memory comes from; called only by weft_pool_new and weft_pool_free. */
struct weft_allocator {
    /* `size` zeroed bytes aligned to 64, or NULL. Untouched pages should cost nothing. */
    void *(*alloc)(void *ctx, size_t size);
    void (*free)(void *ctx, void *mem, size_t size);
    void *ctx;
};

struct weft_pool_config {
    uint32_t pkts;         /* descriptors; 0 means 8192 */
    uint32_t small_blocks; /* of WEFT_BLOCK_SMALL bytes; 0 means 16384 (32 MiB) */
    uint32_t large_blocks; /* of WEFT_BLOCK_LARGE bytes; 0 means 4096 (64 MiB) */
};

struct weft_pool_usage {
    uint32_t pkts, pkts_used;
    uint32_t small_blocks, small_used;
    uint32_t large_blocks, large_used;
    uint64_t exhausted; /* how often an allocation found nothing */
};

/*
 * A pool with all its memory reserved. Descriptors and blocks are handed out
 * in the order of their addresses until each has been used once, so memory
 * that a quiet stack never needs is never touched.
 * Returns NULL when the allocator has no memory.
 */
struct weft_pool *weft_pool_new(const struct weft_allocator *allocator,
                                const struct weft_pool_config *config);

/* Gives the memory back. Every packet and block must have come home: see weft_pool_usage. */
void weft_pool_free(struct weft_pool *pool);

/* How much of the pool is in use. Gives through `out`. */
void weft_pool_usage(const struct weft_pool *pool, struct weft_pool_usage *out);

/* --- Blocks ------------------------------------------------------------- */

/* A block of `size` bytes (WEFT_BLOCK_SMALL or WEFT_BLOCK_LARGE) with one reference, or NULL when
 * none of that size is left. The memory is not cleared. */
struct weft_block *weft_block_new(struct weft_pool *pool, uint32_t size);

/* One more reference; returns `block`. */
struct weft_block *weft_block_ref(struct weft_block *block);

/* One reference less; the last gives the block back. */
void weft_block_unref(struct weft_block *block);

/* --- Packets ------------------------------------------------------------ */

/* An empty packet to send: linear part in `room`, all of it headroom. NULL when the pool is empty. */
struct weft_pkt *weft_pkt_new(struct weft_pool *pool);

/*
 * An empty packet to receive into: linear part in a small block with
 * `headroom` bytes before it and the rest as tailroom. NULL when the pool is
 * empty.
 */
struct weft_pkt *weft_pkt_new_rx(struct weft_pool *pool, uint32_t headroom);

/* Takes the packet, drops its references and gives it back to its pool. NULL is allowed. */
void weft_pkt_free(struct weft_pkt *pkt);

static inline uint32_t weft_pkt_headroom(const struct weft_pkt *pkt)
{
    return (uint32_t)(pkt->data - pkt->buf);
}

static inline uint32_t weft_pkt_tailroom(const struct weft_pkt *pkt)
{
    return pkt->buf_size - weft_pkt_headroom(pkt) - pkt->len;
}

/* `n` bytes more at the front of the linear part; returns the new `data`. The headroom must be there. */
static inline uint8_t *weft_pkt_push(struct weft_pkt *pkt, uint32_t n)
{
    pkt->data -= n;
    pkt->len += n;
    pkt->total_len += n;
    return pkt->data;
}

/* `n` bytes fewer at the front of the linear part, which must have them; they become headroom. */
static inline void weft_pkt_pull(struct weft_pkt *pkt, uint32_t n)
{
    pkt->data += n;
    pkt->len -= n;
    pkt->total_len -= n;
}

/* `n` bytes more at the end of the linear part, which must not have slices behind it yet; returns
 * where they begin. The tailroom must be there. */
static inline uint8_t *weft_pkt_put(struct weft_pkt *pkt, uint32_t n)
{
    uint8_t *at = pkt->data + pkt->len;

    pkt->len += n;
    pkt->total_len += n;
    return at;
}

static inline uint8_t *weft_pkt_l3(const struct weft_pkt *pkt)
{
    return pkt->buf + pkt->l3_off;
}

static inline uint8_t *weft_pkt_l4(const struct weft_pkt *pkt)
{
    return pkt->buf + pkt->l4_off;
}

/*
 * Adds a view of `len` bytes at `off` of a block; takes a new reference and
 * leaves the caller's. A view that continues the last slice is merged with it.
 * Returns false, and changes nothing, when all slices are in use.
 */
bool weft_pkt_add_slice(struct weft_pkt *pkt, struct weft_block *block, uint32_t off, uint32_t len);

/* Cuts the packet to `total_len` bytes; more than it has changes nothing. Drops references of slices cut off. */
void weft_pkt_trim(struct weft_pkt *pkt, uint32_t total_len);

/* Takes `n` bytes, which must be there, off the front, slices included. Drops references of slices used up. */
void weft_pkt_trim_front(struct weft_pkt *pkt, uint32_t n);

/*
 * Makes the first `n` bytes linear, copying from slices when the headers came
 * in pieces. Returns false when the packet is shorter, the tailroom is too
 * small, or others hold the block of the linear part too; the packet is then
 * unchanged.
 */
bool weft_pkt_linearize(struct weft_pkt *pkt, uint32_t n);

/* Copies `n` bytes from `off` of the packet's bytes, which must be there, to `to`. */
void weft_pkt_copy_out(const struct weft_pkt *pkt, uint32_t off, void *to, uint32_t n);

/* A deep copy with bytes of its own and the same marks, or NULL when the pool
 * is empty. The copy comes from `pool`, which may be another than the packet's. */
struct weft_pkt *weft_pkt_copy(struct weft_pool *pool, const struct weft_pkt *pkt);

/* --- Offloads done in software -------------------------------------------- */

/* Completes a partial checksum, if the packet has one (a super-segment: as one long segment). */
void weft_pkt_finish_checksum(struct weft_pkt *pkt);

/*
 * Cuts a TCP super-segment (IPv4 or IPv6, `l3_off` and `l4_off` set, headers
 * linear) into plain packets of at most gso_size payload bytes and puts them at
 * the end of `out`: identification and sequence numbers count up, FIN and PSH
 * stay with the last, CWR with the first; checksums are partial. Payload is
 * shared, not copied. A plain packet is passed on as it is.
 * Takes the packet. Returns 0; WEFT_E_NOBUFS when the pool ran empty (what had
 * been cut by then is in `out`: to the peer it looks like loss); WEFT_E_INVAL
 * when the headers are not those of a TCP segment, or longer than a
 * descriptor's room.
 */
int weft_pkt_segment(struct weft_pkt *pkt, struct weft_pktq *out);

/* --- Queues ------------------------------------------------------------- */

static inline void weft_pktq_push(struct weft_pktq *q, struct weft_pkt *pkt)
{
    pkt->next = NULL;
    if (q->tail)
        q->tail->next = pkt;
    else
        q->head = pkt;
    q->tail = pkt;
    q->count++;
}

/* The first packet, removed; NULL when the queue is empty. */
static inline struct weft_pkt *weft_pktq_pop(struct weft_pktq *q)
{
    struct weft_pkt *pkt = q->head;

    if (!pkt)
        return NULL;
    q->head = pkt->next;
    if (!q->head)
        q->tail = NULL;
    q->count--;
    pkt->next = NULL;
    return pkt;
}

/* Moves everything from `from` to the end of `to`. */
static inline void weft_pktq_append(struct weft_pktq *to, struct weft_pktq *from)
{
    if (!from->head)
        return;
    if (to->tail)
        to->tail->next = from->head;
    else
        to->head = from->head;
    to->tail = from->tail;
    to->count += from->count;
    from->head = from->tail = NULL;
    from->count = 0;
}

/* Frees every packet in the queue. */
void weft_pktq_purge(struct weft_pktq *q);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
