/* SPDX-License-Identifier: MIT */
/*
 * The send buffer: the bytes from SND.UNA to the last one that the application
 * has written, as a list of views of blocks. Segments are views of it.
 *
 * Owns    one reference to each block; the chunks, from a slab.
 * Never   knows what has been sent: that is the scoreboard's.
 *
 * Bytes are copied in once, behind the bytes that stand in the last block
 * already; or a block is lent and nothing is copied.
 */
#ifndef WEFT_TCP_SENDBUF_H
#define WEFT_TCP_SENDBUF_H

#include <weft/pkt.h>

#include "base/slab.h"
#include "tcp/seq.h"

struct tcp_chunk {
    struct tcp_chunk *next;
    struct weft_slice view;
    tcp_seq seq;      /* of its first byte */
    bool can_append;  /* the block is ours: what lies behind the view is free */
    bool ends_record; /* no segment has its last byte and the one behind it */
};

struct tcp_sendbuf {
    struct tcp_chunk *head, *tail;
    struct tcp_chunk *cursor; /* where the last view was made; NULL: at the head */
    tcp_seq start;            /* of the first byte */
    uint32_t len;             /* bytes */
};

/* Copies up to `len` bytes to the end; returns how many, fewer when memory runs out. */
uint32_t tcp_sendbuf_write(struct tcp_sendbuf *buf, struct slab *chunks, struct weft_pool *pool,
                           const void *data, uint32_t len);

/* Puts a view of a block at the end, with a reference of its own. Returns false when memory ran out. */
bool tcp_sendbuf_lend(struct tcp_sendbuf *buf, struct slab *chunks, struct weft_block *block, uint32_t off,
                      uint32_t len);

/* A record ends with the last byte in the buffer. */
void tcp_sendbuf_end_record(struct tcp_sendbuf *buf);

/* Does a record end before `seq`, up to which the last view reached? */
bool tcp_sendbuf_is_record_end(const struct tcp_sendbuf *buf, tcp_seq seq);

/* Gives back everything before `seq`, which is not beyond the end. */
void tcp_sendbuf_release(struct tcp_sendbuf *buf, struct slab *chunks, tcp_seq seq);

/* Adds views of up to `len` bytes from `seq` to the packet; returns how many bytes, fewer when the
 * packet's slices are used up or a record ends. The bytes must be there. */
uint32_t tcp_sendbuf_view(struct tcp_sendbuf *buf, tcp_seq seq, uint32_t len, struct weft_pkt *pkt);

void tcp_sendbuf_purge(struct tcp_sendbuf *buf, struct slab *chunks);

#endif
