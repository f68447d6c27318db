/* SPDX-License-Identifier: MIT */
/* Bytes that come from a socket. See in.h. */
#include "http/in.h"

#include <string.h>

void http_in_restart(struct http_in *in)
{
    uint32_t waiting = in->wr - in->rd;

    if (in->rd && waiting)
        memmove(in->buf, in->buf + in->rd, waiting);
    in->size -= in->inserted;
    in->spare += in->inserted;
    in->inserted = 0;
    in->keep = 0;
    in->rd = 0;
    in->wr = waiting;
}

/* Makes all of the room one piece behind what waits, when it is needed. */
static void make_room(struct http_in *in)
{
    if (in->rd == in->wr) {
        in->rd = in->wr = in->keep;
    } else if (in->wr == in->size && in->rd > in->keep) {
        memmove(in->buf + in->keep, in->buf + in->rd, in->wr - in->rd);
        in->wr -= in->rd - in->keep;
        in->rd = in->keep;
    }
}

ptrdiff_t http_in_fill(struct http_in *in, struct weft_sock *sock)
{
    ptrdiff_t got;

    make_room(in);
    if (in->wr == in->size)
        return WEFT_E_NOBUFS;
    got = weft_sock_recv(sock, in->buf + in->wr, in->size - in->wr);
    if (got > 0)
        in->wr += (uint32_t)got;
    return got;
}

char *http_in_insert(struct http_in *in, uint32_t n)
{
    char *at = in->buf + in->keep;
    uint32_t waiting = in->wr - in->rd;

    if (n > in->spare)
        __builtin_trap();
    in->size += n;
    in->spare -= n;
    in->inserted += n;
    memmove(at + n, in->buf + in->rd, waiting);
    in->keep += n;
    in->rd = in->keep;
    in->wr = in->rd + waiting;
    return at;
}

/* Bytes of the body that wait in the buffer; framing before them is eaten. Results as http_in_read. */
static ptrdiff_t read_waiting(struct http_in *in, struct http_body *body, void *out, size_t len)
{
    size_t eaten, data;
    enum http_body_result result = http_body_next(body, in->buf + in->rd, in->wr - in->rd, &eaten, &data);

    in->rd += (uint32_t)eaten;
    switch (result) {
    case HTTP_BODY_MORE:
        return WEFT_E_AGAIN;
    case HTTP_BODY_END:
        return 0;
    case HTTP_BODY_FAULT:
        return WEFT_E_PROTO;
    case HTTP_BODY_DATA:
        break;
    }
    if (data > len)
        data = len;
    memcpy(out, in->buf + in->rd, data);
    in->rd += (uint32_t)data;
    http_body_took(body, data);
    return (ptrdiff_t)data;
}

/* The socket has nothing, is at its end, or has failed. */
static ptrdiff_t judge_end(struct http_body *body, ptrdiff_t got)
{
    if (got == 0)
        return http_body_eof(body) ? 0 : WEFT_E_EOF;
    return got;
}

ptrdiff_t http_in_read(struct http_in *in, struct weft_sock *sock, struct http_body *body, void *out,
                       size_t len)
{
    for (;;) {
        ptrdiff_t got = read_waiting(in, body, out, len);
        uint64_t due = http_body_due(body);

        if (got != WEFT_E_AGAIN)
            return got;
        if (due) {
            got = weft_sock_recv(sock, out, due < len ? (size_t)due : len);
            if (got <= 0)
                return judge_end(body, got);
            http_body_took(body, (uint64_t)got);
            return got;
        }
        got = http_in_fill(in, sock);
        if (got <= 0)
            return judge_end(body, got);
    }
}
