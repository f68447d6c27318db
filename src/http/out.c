/* SPDX-License-Identifier: MIT */
/* Bytes that go to a socket. See out.h. */
#include "http/out.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The longest head we write, and a small body behind it. Ours. */
#define BUFFER_MAX (64 << 10)

/* A chunk before its data, four digits and CR LF, and after it (RFC 9112 7.1). A block's size fits in the digits. */
#define CHUNK_HEAD 6
#define CHUNK_TAIL 2
_Static_assert(WEFT_BLOCK_LARGE <= 0xffff, "a chunk's size has four digits");

/* Less than this is copied into the socket's own blocks: a view would hold a whole block for it. Ours. */
#define LEND_MIN 1024

/* --- The buffer --- */

static void compact(struct http_out *out)
{
    uint32_t gone = out->rd;

    if (!gone)
        return;
    memmove(out->buf, out->buf + gone, out->wr - gone);
    out->rd = 0;
    out->ready -= gone;
    out->wr -= gone;
    out->origin -= gone;
}

char *http_out_reserve(struct http_out *out, uint32_t n)
{
    uint32_t size = out->size;
    char *buf;

    if (n > BUFFER_MAX)
        return NULL;
    if (n > out->size - out->wr)
        compact(out);
    if (n <= out->size - out->wr)
        return out->buf + out->wr;
    while (size < out->wr + n)
        size *= 2;
    buf = size <= BUFFER_MAX ? realloc(out->buf, size) : NULL;
    if (!buf)
        return NULL;
    out->buf = buf;
    out->size = size;
    return buf + out->wr;
}

bool http_out_put(struct http_out *out, const void *data, size_t len)
{
    char *at = len <= BUFFER_MAX ? http_out_reserve(out, (uint32_t)len) : NULL;

    if (!at)
        return false;
    if (len)
        memcpy(at, data, len);
    out->wr += (uint32_t)len;
    return true;
}

bool http_out_puts(struct http_out *out, const char *text)
{
    return http_out_put(out, text, strlen(text));
}

bool http_out_put_number(struct http_out *out, uint64_t number)
{
    char digits[20];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    return http_out_put(out, digits + at, sizeof(digits) - at);
}

bool http_out_interject(struct http_out *out, const char *text)
{
    uint32_t len = (uint32_t)strlen(text);
    char *draft;

    if (!http_out_reserve(out, len))
        return false;
    draft = out->buf + out->ready;
    memmove(draft + len, draft, out->wr - out->ready);
    memcpy(draft, text, len);
    out->ready += len;
    out->wr += len;
    return true;
}

/* --- Bodies --- */

void http_out_lend(struct http_out *out, struct weft_block *block, uint32_t off, uint32_t len)
{
    if (!len)
        return;
    out->block = weft_block_ref(block);
    out->off = off;
    out->end = off + len;
    out->body_bytes += len;
}

void http_out_stream(struct http_out *out, struct weft_http_source *source, int64_t length, bool chunked)
{
    out->source = source;
    out->left = length;
    out->is_chunked = chunked;
    out->is_starved = false;
    out->is_bulk = length > HTTP_OUT_SMALL;
    out->has_begun = false;
    out->origin = out->ready;
}

static void close_source(struct http_out *out)
{
    struct weft_http_source *source = out->source;

    out->source = NULL;
    if (source && source->close)
        source->close(source);
}

bool http_out_retract(struct http_out *out)
{
    close_source(out);
    if (out->has_begun)
        return false;
    out->ready = out->wr = out->origin;
    return true;
}

void http_out_drop(struct http_out *out)
{
    if (out->block)
        weft_block_unref(out->block);
    out->block = NULL;
    out->rd = out->ready = out->wr = 0;
    close_source(out);
}

/* The source has ended. */
static int end_source(struct http_out *out)
{
    bool is_short = out->left > 0;

    close_source(out);
    if (is_short)
        return WEFT_E_IO;
    if (out->is_chunked && !http_out_puts(out, "0\r\n\r\n"))
        return WEFT_E_NOMEM;
    http_out_release(out);
    return 0;
}

/* Makes a chunk of `n` bytes, which stand CHUNK_HEAD behind `at`. */
static void frame_chunk(uint8_t *at, size_t n)
{
    static const char hex[] = "0123456789abcdef";

    for (unsigned i = 0; i < 4; i++)
        at[i] = (uint8_t)hex[n >> (12 - 4 * i) & 15];
    memcpy(at + 4, "\r\n", 2);
    memcpy(at + CHUNK_HEAD + n, "\r\n", CHUNK_TAIL);
}

/*
 * Reads from the source to `at`, which has room for `size` octets, framing
 * included. Gives through `n` how many octets are there now. Returns 0 or a
 * negative code.
 */
static int read_source(struct http_out *out, uint8_t *at, uint32_t size, uint32_t *n)
{
    uint32_t head = out->is_chunked ? CHUNK_HEAD : 0;
    size_t want = size - (out->is_chunked ? CHUNK_HEAD + CHUNK_TAIL : 0);
    ptrdiff_t got;

    if (out->left >= 0 && (uint64_t)out->left < want)
        want = (size_t)out->left;
    got = want ? out->source->read(out->source, at + head, want) : 0;
    *n = 0;
    if (got == WEFT_E_AGAIN) {
        out->is_starved = true;
        return 0;
    }
    if (got < 0 || (size_t)got > want)
        return WEFT_E_IO;
    if (got == 0)
        return end_source(out);
    out->body_bytes += (uint64_t)got;
    if (out->left >= 0)
        out->left -= got;
    else
        out->is_bulk = (size_t)got >= want / 2;
    if (out->is_chunked)
        frame_chunk(at, (size_t)got);
    *n = (uint32_t)got + (out->is_chunked ? CHUNK_HEAD + CHUNK_TAIL : 0);
    return out->left == 0 ? end_source(out) : 0;
}

/* A piece by way of the buffer: behind a head, or because it is small. */
static int read_to_buffer(struct http_out *out)
{
    char *at = http_out_reserve(out, HTTP_OUT_SMALL + CHUNK_HEAD + CHUNK_TAIL);
    uint32_t n;
    int error;

    if (!at)
        return WEFT_E_NOMEM;
    error = read_source(out, (uint8_t *)at, HTTP_OUT_SMALL + CHUNK_HEAD + CHUNK_TAIL, &n);
    out->wr += n;
    http_out_release(out);
    return error;
}

/* When blocks are scarce they are the stack's to receive with: what is sent is copied, and TCP says when. */
static struct weft_block *take_block(struct weft_pool *pool)
{
    struct weft_pool_usage usage;

    weft_pool_usage(pool, &usage);
    return usage.large_used < usage.large_blocks / 2 ? weft_block_new(pool, WEFT_BLOCK_LARGE) : NULL;
}

static int read_to_block(struct http_out *out, struct weft_pool *pool)
{
    struct weft_block *block = take_block(pool);
    int error;

    if (!block)
        return read_to_buffer(out);
    out->off = 0;
    error = read_source(out, block->data, block->size, &out->end);
    if (out->end)
        out->block = block;
    else
        weft_block_unref(block);
    return error;
}

/* --- Sending --- */

static int result_of(ptrdiff_t got)
{
    return got == WEFT_E_AGAIN ? HTTP_OUT_BLOCKED : (int)got;
}

int http_out_flush(struct http_out *out, struct weft_sock *sock)
{
    while (http_out_waiting(out)) {
        ptrdiff_t got = weft_sock_send(sock, out->buf + out->rd, http_out_waiting(out));

        if (got < 0)
            return result_of(got);
        out->rd += (uint32_t)got;
        out->has_begun |= out->rd > out->origin;
    }
    if (out->rd == out->wr)
        out->rd = out->ready = out->wr = 0;
    return 0;
}

/* Lends what there is room for; what is too little to be worth a view is copied. */
static ptrdiff_t send_piece(struct http_out *out, struct weft_sock *sock)
{
    uint32_t left = out->end - out->off;
    size_t room = weft_sock_send_room(sock);

    if (left < LEND_MIN || room < LEND_MIN)
        return weft_sock_send(sock, out->block->data + out->off, left);
    return weft_sock_send_block(sock, out->block, out->off, room < left ? (uint32_t)room : left);
}

static int send_block(struct http_out *out, struct weft_sock *sock)
{
    while (out->off < out->end) {
        ptrdiff_t got = send_piece(out, sock);

        if (got < 0)
            return result_of(got);
        out->off += (uint32_t)got;
    }
    weft_block_unref(out->block);
    out->block = NULL;
    return 0;
}

static int read_more(struct http_out *out, struct weft_sock *sock)
{
    if (out->is_bulk)
        return read_to_block(out, weft_stack_pool(weft_sock_stack(sock)));
    return read_to_buffer(out);
}

int http_out_pump(struct http_out *out, struct weft_sock *sock)
{
    int result = 0;

    /* A body that is small goes out together with its head. */
    if (out->source && !out->block && !out->is_bulk && !out->is_starved)
        result = read_to_buffer(out);
    while (result == 0) {
        result = http_out_flush(out, sock);
        if (result == 0 && out->block)
            result = send_block(out, sock);
        if (result != 0 || !out->source)
            break;
        if (out->is_starved)
            return HTTP_OUT_STARVED;
        result = read_more(out, sock);
    }
    return result;
}
