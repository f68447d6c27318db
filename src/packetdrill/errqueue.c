/* SPDX-License-Identifier: MIT */
/*
 * The error queue of a socket (recvmsg with MSG_ERRQUEUE): notifications of
 * MSG_ZEROCOPY and of SO_TIMESTAMPING for what was written.
 *
 * Owns    which written bytes are waited for. A write ends at an offset of the
 *         stream; when that many bytes have been sent for the first time, or
 *         acknowledged, the notification is due.
 *
 * packetdrill frees what it lent as soon as send has returned, so bytes are
 * copied, and the notification says that they were (SO_EE_CODE_ZEROCOPY_COPIED).
 */
#include "packetdrill/plugin.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <linux/errqueue.h>
#include <linux/net_tstamp.h>

/* What a notification says. */
struct notice {
    struct notice *next;
    uint8_t origin; /* SO_EE_ORIGIN_ZEROCOPY or _TIMESTAMPING */
    uint32_t first; /* zero-copy: the calls from `first` to `last`; else which stamp, and the byte's number */
    uint32_t last;
    weft_time when;
};

/* A write that is waited for. */
struct pending {
    struct pending *next;
    uint64_t end; /* offset in the stream */
    bool zerocopy;
    uint32_t id;     /* of the zero-copy call */
    uint32_t stamps; /* SOF_TIMESTAMPING_TX_… that are still to come */
};

struct errqueue {
    struct pending *pending, **pending_tail;
    struct notice *notices, **notices_tail, *last;
    uint32_t next_id;
    uint64_t written;  /* bytes, ever */
    uint64_t key_base; /* SOF_TIMESTAMPING_OPT_ID counts from here */
};

#define TX_STAMPS (SOF_TIMESTAMPING_TX_SCHED | SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_TX_ACK)

static struct errqueue *queue_of(struct desc *d)
{
    struct errqueue *q = d->errqueue;

    if (q)
        return q;
    q = calloc(1, sizeof(*q));
    if (!q)
        return NULL;
    q->pending_tail = &q->pending;
    q->notices_tail = &q->notices;
    return d->errqueue = q;
}

bool errqueue_has_news(const struct desc *d)
{
    return d->errqueue && d->errqueue->notices;
}

void errqueue_note_write(struct desc *d, size_t n, int flags)
{
    bool zerocopy = (flags & MSG_ZEROCOPY) && d->zerocopy;
    struct errqueue *q = queue_of(d);
    struct pending *pending;

    if (!q)
        return;
    q->written += n;
    if (!zerocopy && !(d->stamps & TX_STAMPS))
        return;
    pending = calloc(1, sizeof(*pending));
    if (!pending)
        return;
    *pending = (struct pending){.end = q->written, .zerocopy = zerocopy, .stamps = d->stamps & TX_STAMPS};
    if (zerocopy)
        pending->id = q->next_id++;
    *q->pending_tail = pending;
    q->pending_tail = &pending->next;
}

void errqueue_set_stamps(struct desc *d, uint32_t stamps)
{
    struct weft_tcp_info info = {0};
    struct errqueue *q = queue_of(d);

    if (q && (stamps & SOF_TIMESTAMPING_OPT_ID) && !(d->stamps & SOF_TIMESTAMPING_OPT_ID)) {
        weft_sock_info(d->sock, &info);
        q->key_base = info.bytes_acked;
    }
    d->stamps = stamps;
}

static void add_notice(struct desc *d, const struct notice *what)
{
    struct errqueue *q = d->errqueue;
    struct notice *notice = malloc(sizeof(*notice));

    if (!notice)
        return;
    *notice = *what;
    *q->notices_tail = notice;
    q->notices_tail = &notice->next;
    q->last = notice;
    desc_wake(d);
}

/* Calls that follow one another and end one after the other are told as one range. */
static void notify_zerocopy(struct desc *d, uint32_t id)
{
    struct errqueue *q = d->errqueue;

    if (q->notices && q->last->origin == SO_EE_ORIGIN_ZEROCOPY && q->last->last + 1 == id)
        q->last->last = id;
    else
        add_notice(d, &(struct notice){.origin = SO_EE_ORIGIN_ZEROCOPY, .first = id, .last = id});
}

static void notify_stamp(struct desc *d, struct pending *pending, uint32_t stamp, uint32_t info)
{
    if (!(pending->stamps & stamp))
        return;
    pending->stamps &= ~stamp;
    add_notice(d, &(struct notice){.origin = SO_EE_ORIGIN_TIMESTAMPING,
                                   .first = info,
                                   .last = (uint32_t)(pending->end - 1 - d->errqueue->key_base),
                                   .when = d->plugin->now});
}

void errqueue_poll(struct desc *d)
{
    struct errqueue *q = d->errqueue;
    struct weft_tcp_info info;
    bool over;

    if (!q->pending || weft_sock_info(d->sock, &info) < 0)
        return;
    over = info.state == WEFT_TCP_CLOSED;
    for (struct pending **at = &q->pending, *pending; (pending = *at) != NULL;) {
        bool acked = info.bytes_acked >= pending->end;

        if (info.bytes_sent - info.bytes_retransmitted >= pending->end) {
            notify_stamp(d, pending, SOF_TIMESTAMPING_TX_SCHED, SCM_TSTAMP_SCHED);
            notify_stamp(d, pending, SOF_TIMESTAMPING_TX_SOFTWARE, SCM_TSTAMP_SND);
        }
        if (acked)
            notify_stamp(d, pending, SOF_TIMESTAMPING_TX_ACK, SCM_TSTAMP_ACK);
        if (!acked && !over) {
            at = &pending->next;
            continue;
        }
        if (pending->zerocopy)
            notify_zerocopy(d, pending->id);
        *at = pending->next;
        free(pending);
    }
    q->pending_tail = &q->pending;
    while (*q->pending_tail)
        q->pending_tail = &(*q->pending_tail)->next;
}

/* --- Telling ------------------------------------------------------------------------------ */

/* The layout of Linux: what happened, and the address of whoever caused it, which is nobody. */
struct recverr {
    struct sock_extended_err error;
    struct sockaddr_in offender;
};

static struct cmsghdr *add_cmsg(struct msghdr *msg, size_t *used, int level, int type, const void *data,
                                size_t len)
{
    struct cmsghdr *cmsg;

    if (!msg->msg_control || *used + CMSG_SPACE(len) > msg->msg_controllen) {
        msg->msg_flags |= MSG_CTRUNC;
        return NULL;
    }
    cmsg = (struct cmsghdr *)(void *)((uint8_t *)msg->msg_control + *used);
    memset(cmsg, 0, CMSG_SPACE(len));
    cmsg->cmsg_level = level;
    cmsg->cmsg_type = type;
    cmsg->cmsg_len = CMSG_LEN(len);
    memcpy(CMSG_DATA(cmsg), data, len);
    *used += CMSG_SPACE(len);
    return cmsg;
}

static void tell(const struct desc *d, const struct notice *notice, struct msghdr *msg)
{
    bool is_stamp = notice->origin == SO_EE_ORIGIN_TIMESTAMPING;
    struct recverr recverr = {.error = {
                                  .ee_errno = is_stamp ? ENOMSG : 0,
                                  .ee_origin = notice->origin,
                                  .ee_code = is_stamp ? 0 : SO_EE_CODE_ZEROCOPY_COPIED,
                                  .ee_info = notice->first,
                                  .ee_data = notice->last,
                              }};
    size_t used = 0;

    msg->msg_namelen = 0;
    msg->msg_flags = MSG_ERRQUEUE;
    if (is_stamp) {
        struct scm_timestamping when = {
            .ts = {{(long)(notice->when / WEFT_SEC), (long)(notice->when % WEFT_SEC * 1000)}}};

        if (d->stamps & SOF_TIMESTAMPING_SOFTWARE)
            add_cmsg(msg, &used, SOL_SOCKET, SCM_TIMESTAMPING, &when, sizeof(when));
        if (!(d->stamps & SOF_TIMESTAMPING_OPT_TSONLY))
            msg->msg_flags |= MSG_TRUNC; /* the packet itself is not given */
    }
    add_cmsg(msg, &used, SOL_IP, IP_RECVERR, &recverr, sizeof(recverr));
    msg->msg_controllen = used;
}

ssize_t errqueue_receive(struct desc *d, struct msghdr *msg)
{
    struct errqueue *q = d->errqueue;
    struct notice *notice = q ? q->notices : NULL;

    if (!notice)
        return -EAGAIN;
    if (msg)
        tell(d, notice, msg);
    q->notices = notice->next;
    if (!q->notices)
        q->notices_tail = &q->notices;
    free(notice);
    return 0;
}

void errqueue_free(struct desc *d)
{
    struct errqueue *q = d->errqueue;

    if (!q)
        return;
    for (struct pending *next; q->pending; q->pending = next) {
        next = q->pending->next;
        free(q->pending);
    }
    for (struct notice *next; q->notices; q->notices = next) {
        next = q->notices->next;
        free(q->notices);
    }
    free(q);
    d->errqueue = NULL;
}
