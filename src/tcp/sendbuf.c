/* SPDX-License-Identifier: MIT */
/* The send buffer; see sendbuf.h. */
#include "tcp/sendbuf.h"

#include <string.h>

/* Room behind the last view, in a block that is ours. */
static uint32_t tail_room(const struct tcp_sendbuf *buf)
{
    const struct tcp_chunk *tail = buf->tail;

    if (!tail || !tail->can_append)
        return 0;
    return tail->view.block->size - tail->view.off - tail->view.len;
}

/* Takes the reference to `block`. */
static bool add_chunk(struct tcp_sendbuf *buf, struct slab *chunks, struct weft_slice view, bool can_append)
{
    struct tcp_chunk *chunk = slab_new(chunks);

    if (!chunk) {
        weft_block_unref(view.block);
        return false;
    }
    chunk->view = view;
    chunk->seq = seq_add(buf->start, buf->len);
    chunk->can_append = can_append;
    if (buf->tail)
        buf->tail->next = chunk;
    else
        buf->head = chunk;
    buf->tail = chunk;
    return true;
}

/* A fresh block at the end, large when much is to come. */
static bool add_block(struct tcp_sendbuf *buf, struct slab *chunks, struct weft_pool *pool, uint32_t len)
{
    uint32_t first =
        len > WEFT_BLOCK_SMALL || buf->len > WEFT_BLOCK_SMALL ? WEFT_BLOCK_LARGE : WEFT_BLOCK_SMALL;
    struct weft_block *block = weft_block_new(pool, first);

    if (!block)
        block = weft_block_new(pool, first == WEFT_BLOCK_LARGE ? WEFT_BLOCK_SMALL : WEFT_BLOCK_LARGE);
    return block && add_chunk(buf, chunks, (struct weft_slice){block, 0, 0}, true);
}

uint32_t tcp_sendbuf_write(struct tcp_sendbuf *buf, struct slab *chunks, struct weft_pool *pool,
                           const void *data, uint32_t len)
{
    const uint8_t *from = data;
    uint32_t done = 0;

    while (done < len) {
        uint32_t room = tail_room(buf);

        if (room == 0) {
            if (!add_block(buf, chunks, pool, len - done))
                break;
            continue;
        }
        uint32_t n = len - done < room ? len - done : room;
        struct weft_slice *view = &buf->tail->view;
        memcpy(view->block->data + view->off + view->len, from + done, n);
        view->len += n;
        buf->len += n;
        done += n;
    }
    return done;
}

bool tcp_sendbuf_lend(struct tcp_sendbuf *buf, struct slab *chunks, struct weft_block *block, uint32_t off,
                      uint32_t len)
{
    if (!add_chunk(buf, chunks, (struct weft_slice){weft_block_ref(block), off, len}, false))
        return false;
    buf->len += len;
    return true;
}

void tcp_sendbuf_end_record(struct tcp_sendbuf *buf)
{
    if (!buf->tail)
        return;
    buf->tail->ends_record = true;
    buf->tail->can_append = false;
}

bool tcp_sendbuf_is_record_end(const struct tcp_sendbuf *buf, tcp_seq seq)
{
    const struct tcp_chunk *chunk = buf->cursor;

    return chunk && chunk->ends_record && seq_eq(seq, seq_add(chunk->seq, chunk->view.len));
}

static void free_head(struct tcp_sendbuf *buf, struct slab *chunks)
{
    struct tcp_chunk *chunk = buf->head;

    buf->head = chunk->next;
    if (!buf->head)
        buf->tail = NULL;
    if (buf->cursor == chunk)
        buf->cursor = NULL;
    weft_block_unref(chunk->view.block);
    slab_free(chunks, chunk);
}

void tcp_sendbuf_release(struct tcp_sendbuf *buf, struct slab *chunks, tcp_seq seq)
{
    uint32_t left = seq_span(buf->start, seq);

    buf->start = seq;
    buf->len -= left;
    while (left > 0) {
        struct tcp_chunk *chunk = buf->head;

        if (left >= chunk->view.len) {
            left -= chunk->view.len;
            free_head(buf, chunks);
        } else {
            chunk->view.off += left;
            chunk->view.len -= left;
            chunk->seq = seq_add(chunk->seq, left);
            left = 0;
        }
    }
    /* A block that is read to its end holds memory for nothing. */
    if (buf->len == 0)
        tcp_sendbuf_purge(buf, chunks);
}

static struct tcp_chunk *find_chunk(struct tcp_sendbuf *buf, tcp_seq seq)
{
    struct tcp_chunk *chunk = buf->cursor;

    if (!chunk || seq_lt(seq, chunk->seq))
        chunk = buf->head;
    while (chunk && seq_ge(seq, seq_add(chunk->seq, chunk->view.len)))
        chunk = chunk->next;
    return chunk;
}

uint32_t tcp_sendbuf_view(struct tcp_sendbuf *buf, tcp_seq seq, uint32_t len, struct weft_pkt *pkt)
{
    struct tcp_chunk *chunk = find_chunk(buf, seq);
    uint32_t done = 0;

    while (done < len && chunk) {
        uint32_t skip = seq_span(chunk->seq, seq_add(seq, done));
        uint32_t n = chunk->view.len - skip;

        if (n > len - done)
            n = len - done;
        if (!weft_pkt_add_slice(pkt, chunk->view.block, chunk->view.off + skip, n))
            break;
        buf->cursor = chunk;
        done += n;
        if (chunk->ends_record && skip + n == chunk->view.len)
            break;
        chunk = chunk->next;
    }
    return done;
}

void tcp_sendbuf_purge(struct tcp_sendbuf *buf, struct slab *chunks)
{
    while (buf->head)
        free_head(buf, chunks);
    buf->len = 0;
}
