/* SPDX-License-Identifier: MIT */
/*
 * Bytes that go to a socket: heads and small bodies by way of a buffer, large
 * ones as blocks that are lent to the socket.
 *
 * In the order in which they go:
 *
 *     buf       rd          ready      wr          block             source
 *      |  gone   |  may go    | draft   |   then    |  off..end  then  |  read in pieces
 *
 * The draft is a head that is still being written. With a block or a source
 * there is no draft.
 *
 * Owns    the buffer, one reference to the block, and the source.
 * Never   reads more from a source than one block: the socket's send buffer is
 *         what is filled, and the peer what empties it.
 */
#ifndef WEFT_HTTP_OUT_H
#define WEFT_HTTP_OUT_H

#include <weft/http.h>

/* Bodies of at most this size are copied behind their head, so that both are one send. Ours. */
#define HTTP_OUT_SMALL 4096

struct http_out {
    char *buf;
    uint32_t size;
    uint32_t rd, ready, wr;
    struct weft_block *block;
    uint32_t off, end;
    struct weft_http_source *source;
    int64_t left;        /* bytes that the source still has to give, or WEFT_HTTP_UNKNOWN */
    bool is_chunked;     /* the source's bytes go in chunks */
    bool is_starved;     /* the source had none; http_out_resume */
    bool is_bulk;        /* the source gives much at a time: worth a block */
    bool has_begun;      /* bytes of what the source belongs to, its head included, have gone */
    uint32_t origin;     /* where that begins in the buffer; valid until `has_begun` */
    uint64_t body_bytes; /* of the current body, that have been given to the buffer or the socket */
};

enum http_out_result {
    HTTP_OUT_DONE = 0, /* all has gone, the source has ended */
    HTTP_OUT_BLOCKED,  /* the socket takes no more for now: it will become writable */
    HTTP_OUT_STARVED,  /* the source has no more for now */
};

/* The bytes in the buffer that may go. */
static inline uint32_t http_out_waiting(const struct http_out *out)
{
    return out->ready - out->rd;
}

/* A block or a source is on its way. */
static inline bool http_out_is_streaming(const struct http_out *out)
{
    return out->block || out->source;
}

/* Room for `n` octets more behind the draft, at most 64 KiB in all. Returns where they begin, or NULL. */
char *http_out_reserve(struct http_out *out, uint32_t n);

/* Adds to the draft; false when there is no room. */
bool http_out_put(struct http_out *out, const void *data, size_t len);
bool http_out_puts(struct http_out *out, const char *text);
bool http_out_put_number(struct http_out *out, uint64_t number);

/* The draft may go; or is forgotten. */
static inline void http_out_release(struct http_out *out)
{
    out->ready = out->wr;
}
static inline void http_out_forget(struct http_out *out)
{
    out->wr = out->ready;
}

/* Puts `text` before the draft: it may go, the draft is still one. False when there is no room. */
bool http_out_interject(struct http_out *out, const char *text);

/* What goes after the buffer: bytes of a block, of which a reference is taken; or a source, which is taken. */
void http_out_lend(struct http_out *out, struct weft_block *block, uint32_t off, uint32_t len);
void http_out_stream(struct http_out *out, struct weft_http_source *source, int64_t length, bool chunked);

/* The source has more. */
static inline void http_out_resume(struct http_out *out)
{
    out->is_starved = false;
}

/*
 * Gives the socket as much as it takes: of the buffer alone, or of everything.
 * Returns an http_out_result; WEFT_E_IO when the source failed or gave less
 * than it promised; WEFT_E_NOMEM; or the socket's error.
 */
int http_out_flush(struct http_out *out, struct weft_sock *sock);
int http_out_pump(struct http_out *out, struct weft_sock *sock);

/* Closes a source that has failed, and takes back what it belongs to, its head included, if nothing of that has gone:
 * true. Otherwise what is in the buffer may still go; what stood there before may in any case. */
bool http_out_retract(struct http_out *out);

/* Drops all that has not gone. */
void http_out_drop(struct http_out *out);

#endif
