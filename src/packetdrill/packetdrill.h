/* SPDX-License-Identifier: MIT */
/*
 * The interface between packetdrill and a stack that it loads as a shared
 * object (--so_filename), declared from what packetdrill calls.
 *
 * All members must be filled in. Each call is given `userdata`; what fails
 * returns -1 with errno set. Descriptors are the plug-in's own numbers.
 */
#ifndef WEFT_PACKETDRILL_PACKETDRILL_H
#define WEFT_PACKETDRILL_PACKETDRILL_H

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

struct packetdrill_interface {
    void *userdata;
    void (*free)(void *u);

    int (*socket)(void *u, int domain, int type, int protocol);
    int (*bind)(void *u, int fd, const struct sockaddr *addr, socklen_t len);
    int (*listen)(void *u, int fd, int backlog);
    int (*accept)(void *u, int fd, struct sockaddr *addr, socklen_t *len);
    int (*connect)(void *u, int fd, const struct sockaddr *addr, socklen_t len);
    ssize_t (*read)(void *u, int fd, void *buf, size_t n);
    ssize_t (*readv)(void *u, int fd, const struct iovec *iov, int count);
    ssize_t (*recv)(void *u, int fd, void *buf, size_t n, int flags);
    ssize_t (*recvfrom)(void *u, int fd, void *buf, size_t n, int flags, struct sockaddr *src,
                        socklen_t *len);
    ssize_t (*recvmsg)(void *u, int fd, struct msghdr *msg, int flags);
    ssize_t (*write)(void *u, int fd, const void *buf, size_t n);
    ssize_t (*writev)(void *u, int fd, const struct iovec *iov, int count);
    ssize_t (*send)(void *u, int fd, const void *buf, size_t n, int flags);
    ssize_t (*sendto)(void *u, int fd, const void *buf, size_t n, int flags, const struct sockaddr *dst,
                      socklen_t len);
    ssize_t (*sendmsg)(void *u, int fd, const struct msghdr *msg, int flags);
    int (*fcntl)(void *u, int fd, int cmd, ...);               /* the third is an int; absent for F_GETFL */
    int (*ioctl)(void *u, int fd, unsigned long request, ...); /* the third is an int * */
    int (*close)(void *u, int fd);
    int (*shutdown)(void *u, int fd, int how);
    int (*getsockopt)(void *u, int fd, int level, int name, void *value, socklen_t *len);
    int (*setsockopt)(void *u, int fd, int level, int name, const void *value, socklen_t len);
    int (*poll)(void *u, struct pollfd *fds, nfds_t count, int timeout_ms);

    /* packetdrill -> stack: one whole packet, beginning with its IP header, checksums filled in. */
    int (*netdev_send)(void *u, const void *buf, size_t count);
    /* stack -> packetdrill: blocks until there is one; `count` in: room, out: bytes. */
    int (*netdev_receive)(void *u, void *buf, size_t *count, long long *time_usecs);

    int (*usleep)(void *u, useconds_t usec);
    int (*gettimeofday)(void *u, struct timeval *tv, struct timezone *tz);
    int (*epoll_create)(void *u, int size);
    int (*epoll_ctl)(void *u, int epfd, int op, int fd, struct epoll_event *event);
    int (*epoll_wait)(void *u, int epfd, struct epoll_event *events, int max, int timeout_ms);
    int (*pipe)(void *u, int fds[2]);
    int (*splice)(void *u, int in, loff_t *off_in, int out, loff_t *off_out, size_t len, unsigned flags);
};

/* Fills in `ifc`. `flags` is the string of --so_flags, or NULL. May be called again for another script. */
__attribute__((visibility("default"))) void packetdrill_interface_init(const char *flags,
                                                                       struct packetdrill_interface *ifc);

#endif
