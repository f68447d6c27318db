/* SPDX-License-Identifier: MIT */
/*
 * The errors that weft's calls return. Zero is success, a positive number is a
 * count, a negative number is one of these.
 *
 * Only what went wrong in the world stands here. A bad packet is never an
 * error of a call: it is dropped for a named reason (stats.h). A bug of ours
 * is an assertion.
 */
#ifndef WEFT_ERR_H
#define WEFT_ERR_H

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* X(name, errno name, text): the one list that names, texts and errno come from. */
#define WEFT_ERRORS(X)                                                                                       \
    X(INVAL, EINVAL, "an argument is not valid")                                                             \
    X(NOMEM, ENOMEM, "no memory is left")                                                                    \
    X(NOBUFS, ENOBUFS, "the pool of packets or blocks is empty")                                             \
    X(AGAIN, EAGAIN, "nothing can be done now; wait until the socket is ready")                              \
    X(INPROGRESS, EINPROGRESS, "the connection is being set up")                                             \
    X(ALREADY, EALREADY, "an earlier connect has not finished")                                              \
    X(ISCONN, EISCONN, "the socket is already connected")                                                    \
    X(NOTCONN, ENOTCONN, "the socket is not connected")                                                      \
    X(ADDRINUSE, EADDRINUSE, "the address is in use")                                                        \
    X(ADDRNOTAVAIL, EADDRNOTAVAIL, "the address is not one of ours")                                         \
    X(AFNOSUPPORT, EAFNOSUPPORT, "the address family does not fit")                                          \
    X(NETUNREACH, ENETUNREACH, "no route to the network")                                                    \
    X(HOSTUNREACH, EHOSTUNREACH, "the host cannot be reached")                                               \
    X(NETDOWN, ENETDOWN, "the interface is down")                                                            \
    X(CONNREFUSED, ECONNREFUSED, "the peer refused the connection")                                          \
    X(CONNRESET, ECONNRESET, "the peer reset the connection")                                                \
    X(CONNABORTED, ECONNABORTED, "the connection was aborted here")                                          \
    X(TIMEDOUT, ETIMEDOUT, "the peer did not answer in time")                                                \
    X(PIPE, EPIPE, "the sending side is closed")                                                             \
    X(MSGSIZE, EMSGSIZE, "the message does not fit")                                                         \
    X(OPNOTSUPP, EOPNOTSUPP, "this kind of socket does not do that")                                         \
    X(NOPROTOOPT, ENOPROTOOPT, "there is no such option")                                                    \
    X(DESTADDRREQ, EDESTADDRREQ, "a destination is needed")                                                  \
    X(PROTO, EPROTO, "the peer broke the protocol")                                                          \
    X(NOTFOUND, ENOENT, "there is no such thing")                                                            \
    X(EXIST, EEXIST, "it exists already")                                                                    \
    X(LIMIT, ENOSPC, "a configured limit is reached")                                                        \
    X(PERM, EPERM, "not permitted")                                                                          \
    X(IO, EIO, "the device failed")                                                                          \
    X(EOF, ENODATA, "the stream has ended")                                                                  \
    X(BADFORMAT, EBADMSG, "the data does not have the expected form")                                        \
    X(BUSY, EBUSY, "it is being used")

enum {
    WEFT_ERR_FIRST_ = -1000, /* keeps ours apart from negative errno values */
#define WEFT_ERR_ENUM_(name, errno_name, text) WEFT_E_##name,
    WEFT_ERRORS(WEFT_ERR_ENUM_)
#undef WEFT_ERR_ENUM_
        WEFT_ERR_END_
};

/* The sentence for an error code; for 0 "success", for an unknown one "unknown error". Never NULL. */
const char *weft_strerror(int error);

/* The name of an error code without its prefix, such as "CONNRESET"; "OK" for 0. Never NULL. */
const char *weft_errname(int error);

/* The errno value that POSIX gives to this case; 0 for 0, EIO for an unknown code. */
int weft_errno(int error);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
