/* SPDX-License-Identifier: MIT */
/*
 * Pipes in memory, and splice between a pipe and a socket.
 *
 * Owns    the bytes in the pipe.
 */
#include "packetdrill/plugin.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define PIPE_SIZE 65536

static ssize_t do_pipe(struct plugin *p, int fds[2])
{
    struct pipe_buffer *pipe = calloc(1, sizeof(*pipe));
    struct desc *ends[2] = {desc_new(p, DESC_PIPE), desc_new(p, DESC_PIPE)};

    if (pipe)
        pipe->bytes = malloc(PIPE_SIZE);
    if (!pipe || !pipe->bytes || !ends[0] || !ends[1]) {
        free(pipe);
        return -ENOMEM;
    }
    pipe->ends = 2;
    ends[0]->pipe = ends[1]->pipe = pipe;
    ends[1]->is_write_end = true;
    fds[0] = ends[0]->fd;
    fds[1] = ends[1]->fd;
    return 0;
}

static int call_pipe(void *u, int fds[2])
{
    struct plugin *p = plugin_enter(u);

    return (int)plugin_leave(p, do_pipe(p, fds));
}

void pipe_release(struct desc *d)
{
    if (!d->pipe || --d->pipe->ends > 0)
        return;
    free(d->pipe->bytes);
    free(d->pipe);
}

/* The bytes are kept at the front of the buffer: they are few. */
static void take(struct pipe_buffer *pipe, size_t n)
{
    pipe->len -= n;
    memmove(pipe->bytes, pipe->bytes + n, pipe->len);
}

static ssize_t from_socket(struct desc *in, struct pipe_buffer *pipe, size_t len, int flags)
{
    size_t room = PIPE_SIZE - pipe->len;
    ssize_t rc;

    if (room == 0)
        return -EAGAIN;
    rc = data_read_bytes(in, pipe->bytes + pipe->len, len < room ? len : room, flags);
    if (rc > 0)
        pipe->len += (size_t)rc;
    return rc;
}

static ssize_t to_socket(struct pipe_buffer *pipe, struct desc *out, size_t len, int flags)
{
    ssize_t rc;

    if (pipe->len == 0)
        return pipe->ends < 2 ? 0 : -EAGAIN;
    rc = data_write_bytes(out, pipe->bytes, len < pipe->len ? len : pipe->len, flags);
    if (rc > 0)
        take(pipe, (size_t)rc);
    return rc;
}

static ssize_t do_splice(struct plugin *p, int in, int out, size_t len, unsigned flags)
{
    struct desc *from = desc_find(p, in), *to = desc_find(p, out);
    int wait = flags & SPLICE_F_NONBLOCK ? MSG_DONTWAIT : 0;

    if (!from || !to)
        return -EBADF;
    if (from->kind == DESC_SOCKET && to->kind == DESC_PIPE && to->is_write_end)
        return from_socket(from, to->pipe, len, wait);
    if (from->kind == DESC_PIPE && to->kind == DESC_SOCKET && !from->is_write_end)
        return to_socket(from->pipe, to, len, wait | (flags & SPLICE_F_MORE ? MSG_MORE : 0));
    return -EINVAL;
}

static int call_splice(void *u, int in, loff_t *off_in, int out, loff_t *off_out, size_t len, unsigned flags)
{
    struct plugin *p = plugin_enter(u);

    /* Neither a pipe nor a stream has places. */
    return (int)plugin_leave(p, off_in || off_out ? -ESPIPE : do_splice(p, in, out, len, flags));
}

void pipe_fill(struct packetdrill_interface *ifc)
{
    ifc->pipe = call_pipe;
    ifc->splice = call_splice;
}
