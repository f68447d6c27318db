/* SPDX-License-Identifier: MIT */
/*
 * Bytes that come from a socket: the head of a message stays, the body passes
 * through.
 *
 *     buf       keep            rd        wr               size        size + spare
 *      |  head   |   (gone)      | unread  |     room        |  for inserts  |
 *
 * Owns    one buffer. Body bytes go straight from the socket to the reader when
 *         none are waiting here; only framing needs the buffer.
 * Never   takes more from the socket than somebody asked for and the room
 *         holds: what is not taken closes TCP's window.
 */
#ifndef WEFT_HTTP_IN_H
#define WEFT_HTTP_IN_H

#include "http/body.h"

struct http_in {
    char *buf;
    uint32_t size;     /* octets that the socket may fill */
    uint32_t spare;    /* octets behind them, that http_in_insert adds to them */
    uint32_t inserted; /* octets that it has added since http_in_restart */
    uint32_t keep;     /* octets at the front that are in use and must stay */
    uint32_t rd, wr;
};

/* Bytes wait here. */
static inline bool http_in_has(const struct http_in *in)
{
    return in->rd < in->wr;
}

/* Gives up all that was kept and moves what waits to the front. */
void http_in_restart(struct http_in *in);

/*
 * Takes from the socket what the room holds. Returns how many octets; 0 when
 * the peer has closed; WEFT_E_NOBUFS when there is no room; else as
 * weft_sock_recv.
 */
ptrdiff_t http_in_fill(struct http_in *in, struct weft_sock *sock);

/* Keeps `n` octets more at `keep`, by moving what waits; returns where they are. `n` is at most `spare`, which becomes
 * less by it, so that it cannot fail however much waits. */
char *http_in_insert(struct http_in *in, uint32_t n);

/*
 * Reads up to `len` bytes, at least 1, of the body. Returns how many; 0 when
 * the message has ended; WEFT_E_AGAIN; WEFT_E_PROTO when the framing is faulty
 * (see body->fault); WEFT_E_EOF when the peer has closed too early; or the
 * socket's error.
 */
ptrdiff_t http_in_read(struct http_in *in, struct weft_sock *sock, struct http_body *body, void *out,
                       size_t len);

#endif
