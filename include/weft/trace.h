/* SPDX-License-Identifier: MIT */
/*
 * Trace: everything the stack decides, as it decides it.
 *
 * The stack writes fixed-size binary records into a ring. Nobody has to
 * listen; a reader that is too slow loses the oldest and is told how many.
 * With no ring (trace_records = 0 in the configuration) an event costs one
 * predictable branch.
 *
 * Frames and events share one order: what follows a FRAME_IN record, up to the
 * next FRAME record, was caused by that frame; what precedes a FRAME_OUT led
 * to it. The n-th FRAME_IN (FRAME_OUT) of an interface is the n-th frame that
 * its link delivered (took), which is how a capture and a trace are joined;
 * `ordinal` is n, from 1. Interface 0 is no link: its frames are packets that
 * the stack sends to itself.
 *
 * Turning records into text is the business of inspect.h.
 */
#ifndef WEFT_TRACE_H
#define WEFT_TRACE_H

#include <weft/types.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/*
 * X(name, layer, text, arguments): arguments are "name:form" words for arg[0],
 * arg[1], … with the forms
 *     u    unsigned number               t    duration, microseconds
 *     T    moment (weft_time)            a    address, takes two arguments
 *     ports  local << 16 | remote        seq  sequence number (32 bits)
 *     flags  TCP flags octet(s)          state  enum weft_tcp_state
 *     timer  enum weft_tcp_timer         cause  enum weft_tcp_cause
 *     drop   enum weft_drop              limit  enum weft_tcp_limit
 *     neigh  enum weft_neigh_state       mac    48 bits
 *     icmp   type << 8 | code            ready  enum weft_sock_event bits
 *     err    error code (as int)         seg-why enum weft_tcp_send_reason
 *     call   enum weft_tcp_call
 */
#define WEFT_TRACE_EVENTS(X)                                                                                 \
    X(FRAME_IN, LINK, "frame received", "ordinal:u length:u segments:u")                                     \
    X(FRAME_OUT, LINK, "frame sent", "ordinal:u length:u segments:u")                                        \
    X(DROP, STACK, "packet dropped", "reason:drop length:u")                                                 \
    X(NEIGH_STATE, ARP, "neighbour changes state", "address:a from:neigh to:neigh mac:mac")                  \
    X(NEIGH_WAIT, ARP, "packet waits for the neighbour's address", "address:a waiting:u")                    \
    X(NEIGH_CONFLICT, ARP, "somebody else uses our address", "address:a mac:mac")                            \
    X(ICMP_IN, ICMP, "ICMP received", "from:a type:icmp")                                                    \
    X(ICMP_OUT, ICMP, "ICMP sent", "to:a type:icmp")                                                         \
    X(ICMP_LIMITED, ICMP, "ICMP not sent, rate limit", "to:a type:icmp")                                     \
    X(PMTU, IP, "path MTU learned", "to:a mtu:u")                                                            \
    X(TCP_OPEN, TCP, "connection begins", "local:a remote:a ports:ports passive:u")                          \
    X(TCP_COOKIE_SENT, TCP, "SYN answered with a cookie", "remote:a ports:ports mss:u")                      \
    X(TCP_FAST_SENT, TCP, "data goes with the SYN (fast open)", "bytes:u")                                   \
    X(TCP_FAST_TAKEN, TCP, "data in the SYN taken (fast open)", "bytes:u")                                   \
    X(TCP_FAST_COOKIE, TCP, "fast open cookie learned", "length:u")                                          \
    X(TCP_FAST_PAUSE, TCP, "no fast open to this server", "for:t losses:u")                                  \
    X(TCP_AO_KEY, TCP, "the peer is ready for another key of AO", "from:u to:u")                             \
    X(TCP_KNOWN, TCP, "known from connections before", "srtt:t rttvar:t ssthresh:u mtu:u age:t")             \
    X(TCP_UTO, TCP, "the peer advertises a user timeout", "advertised:t ours:t")                             \
    X(TCP_STATE, TCP, "state", "from:state to:state cause:cause")                                            \
    X(TCP_IN, TCP, "segment received", "seq:seq ack:seq flags:flags length:u window:u")                      \
    X(TCP_OUT, TCP, "segment sent", "seq:seq ack:seq flags:flags length:u window:u why:seg-why")             \
    X(TCP_SND, TCP, "send variables", "una:seq nxt:seq wnd:u cwnd:u ssthresh:u flight:u")                    \
    X(TCP_RCV, TCP, "receive variables", "nxt:seq wnd:u held:u buffered:u")                                  \
    X(TCP_TIMER_SET, TCP, "timer set", "timer:timer in:t")                                                   \
    X(TCP_TIMER_CANCEL, TCP, "timer cancelled", "timer:timer")                                               \
    X(TCP_TIMER_FIRED, TCP, "timer fired", "timer:timer")                                                    \
    X(TCP_RTT, TCP, "round trip measured", "rtt:t srtt:t rttvar:t rto:t")                                    \
    X(TCP_LOST, TCP, "judged lost", "seq:seq length:u cause:cause")                                          \
    X(TCP_CWND, TCP, "congestion window", "cwnd:u ssthresh:u cause:cause")                                   \
    X(TCP_UNDO, TCP, "recovery taken back", "timeout:u cwnd:u ssthresh:u cause:cause")                       \
    X(TCP_PACING, TCP, "pacing", "rate:u cwnd:u cause:cause")                                                \
    X(TCP_LIMIT, TCP, "what holds the sender", "limit:limit since:T")                                        \
    X(TCP_HELD, TCP, "what held the sender, in all",                                                         \
      "busy:t window:t cwnd:t sndbuf:t pacing:t application:t")                                              \
    X(TCP_MTU, TCP, "packet size", "size:u low:u high:u cause:cause")                                        \
    X(TCP_BUFFER, TCP, "buffer grows", "send:u receive:u")                                                   \
    X(TCP_URGENT, TCP, "urgent data is announced", "end:seq left:u")                                         \
    X(TCP_READY, SOCKET, "socket is ready", "events:ready")                                                  \
    X(TCP_WRITE, SOCKET, "application wrote", "bytes:u queued:u")                                            \
    X(TCP_READ, SOCKET, "application read", "bytes:u left:u")                                                \
    X(TCP_CALL, SOCKET, "application called", "call:call")                                                   \
    X(TCP_ERROR, SOCKET, "connection failed", "error:err cause:cause")

enum weft_trace_event {
#define WEFT_TRACE_ENUM_(name, layer, text, args) WEFT_TRACE_##name,
    WEFT_TRACE_EVENTS(WEFT_TRACE_ENUM_)
#undef WEFT_TRACE_ENUM_
        WEFT_TRACE_EVENT_COUNT
};

enum weft_layer {
    WEFT_LAYER_LINK,
    WEFT_LAYER_STACK,
    WEFT_LAYER_ARP,
    WEFT_LAYER_IP,
    WEFT_LAYER_ICMP,
    WEFT_LAYER_TCP,
    WEFT_LAYER_SOCKET,
};

#define WEFT_TRACE_ARGS 6

struct weft_trace_record {
    weft_time time;
    uint16_t event; /* enum weft_trace_event */
    uint16_t iface; /* interface index, 0 when none is concerned */
    uint32_t conn;  /* number of the connection, 0 when none is concerned */
    uint64_t arg[WEFT_TRACE_ARGS];
};

/* RFC 9293 3.3.2. The order is that of a connection's life. */
#define WEFT_TCP_STATES(X)                                                                                   \
    X(CLOSED, "CLOSED")                                                                                      \
    X(LISTEN, "LISTEN")                                                                                      \
    X(SYN_SENT, "SYN-SENT")                                                                                  \
    X(SYN_RECEIVED, "SYN-RECEIVED")                                                                          \
    X(ESTABLISHED, "ESTABLISHED")                                                                            \
    X(FIN_WAIT_1, "FIN-WAIT-1")                                                                              \
    X(FIN_WAIT_2, "FIN-WAIT-2")                                                                              \
    X(CLOSE_WAIT, "CLOSE-WAIT")                                                                              \
    X(CLOSING, "CLOSING")                                                                                    \
    X(LAST_ACK, "LAST-ACK")                                                                                  \
    X(TIME_WAIT, "TIME-WAIT")

/* The timers of a connection. */
#define WEFT_TCP_TIMERS(X)                                                                                   \
    X(RTO, "retransmission", "RFC 6298")                                                                     \
    X(REORDER, "reordering", "RFC 8985 6.2")                                                                 \
    X(PROBE, "tail loss probe", "RFC 8985 7")                                                                \
    X(PERSIST, "persist", "RFC 9293 3.8.6.1")                                                                \
    X(DELACK, "delayed ACK", "RFC 9293 3.8.6.3")                                                             \
    X(KEEPALIVE, "keepalive", "RFC 9293 3.8.4")                                                              \
    X(USER, "user timeout", "RFC 5482")                                                                      \
    X(LINGER, "nobody's connection", "RFC 9293 3.6, RFC 6429 5")                                             \
    X(CORK, "cork", "ours")                                                                                  \
    X(PACING, "pacing", "ours")                                                                              \
    X(TIME_WAIT, "2MSL", "RFC 9293 3.4.2")

/* Why a connection did something. */
#define WEFT_TCP_CAUSES(X)                                                                                   \
    X(NONE, "-")                                                                                             \
    X(CALL_OPEN, "the application opened it")                                                                \
    X(CALL_CLOSE, "the application closed it")                                                               \
    X(CALL_ABORT, "the application aborted it")                                                              \
    X(SYN, "SYN received")                                                                                   \
    X(SYN_ACK, "SYN-ACK received")                                                                           \
    X(SYN_COOKIE, "a SYN cookie came back")                                                                  \
    X(ACK, "ACK received")                                                                                   \
    X(ACK_OF_SYN, "our SYN is acknowledged")                                                                 \
    X(ACK_OF_FIN, "our FIN is acknowledged")                                                                 \
    X(FIN, "FIN received")                                                                                   \
    X(RST, "RST received")                                                                                   \
    X(ICMP_HARD, "ICMP reports a hard error")                                                                \
    X(RTO, "retransmission timeout")                                                                         \
    X(RACK, "later data arrived first (RACK)")                                                               \
    X(DUPACKS, "duplicate ACKs")                                                                             \
    X(SACK, "SACK passed it")                                                                                \
    X(RENEGED, "the peer took a SACK back")                                                                  \
    X(WINDOW, "the window had been taken back from under it")                                                \
    X(PARTIAL_ACK, "partial ACK in recovery")                                                                \
    X(PROBE, "a probe has repaired a loss")                                                                  \
    X(SYN_DATA, "the data in the SYN was not taken")                                                         \
    X(RECOVERY, "recovery begins")                                                                           \
    X(RECOVERED, "recovery ends")                                                                            \
    X(EIFEL, "an original was answered (Eifel)")                                                             \
    X(FRTO, "data from before the timeout arrived (F-RTO)")                                                  \
    X(DSACK, "all that went again came twice (DSACK)")                                                       \
    X(SLOW_START, "slow start")                                                                              \
    X(AVOIDANCE, "congestion avoidance")                                                                     \
    X(ECN, "the peer echoes a mark of the network (ECN)")                                                    \
    X(CSS, "conservative slow start (HyStart++)")                                                            \
    X(HYSTART, "round trips have grown: slow start ends (HyStart++)")                                        \
    X(BBR_STARTUP, "BBR Startup")                                                                            \
    X(BBR_DRAIN, "BBR Drain")                                                                                \
    X(BBR_DOWN, "BBR ProbeBW_DOWN")                                                                          \
    X(BBR_CRUISE, "BBR ProbeBW_CRUISE")                                                                      \
    X(BBR_REFILL, "BBR ProbeBW_REFILL")                                                                      \
    X(BBR_UP, "BBR ProbeBW_UP")                                                                              \
    X(BBR_PROBE_RTT, "BBR ProbeRTT")                                                                         \
    X(KNOWN, "known from a connection before")                                                               \
    X(IDLE, "restart after idle")                                                                            \
    X(PMTU, "the path MTU changed")                                                                          \
    X(MTU_PROBE, "a larger packet is tried")                                                                 \
    X(MTU_PASSED, "the larger packet has arrived")                                                           \
    X(MTU_LOST, "the larger packet is lost")                                                                 \
    X(BLACK_HOLE, "full packets do not arrive, and nobody says why")                                         \
    X(R2, "too many retransmissions")                                                                        \
    X(USER_TIMEOUT, "user timeout")                                                                          \
    X(KEEPALIVE, "keepalives unanswered")                                                                    \
    X(LINGER, "the peer never closed")                                                                       \
    X(ORPHAN_WINDOW, "closed, and the peer keeps its window shut")                                           \
    X(TWO_MSL, "2MSL are over")                                                                              \
    X(UNREAD_DATA, "closed with data unread")                                                                \
    X(ORPHAN_DATA, "data for nobody to read")                                                                \
    X(REUSED, "a new SYN took its place")                                                                    \
    X(NEW_SYN, "a new SYN shows that the peer gave it up")                                                   \
    X(NO_MEMORY, "no memory")                                                                                \
    X(NO_LISTENER, "the listener is gone")

/* What keeps a connection from sending more at this moment. */
#define WEFT_TCP_LIMITS(X)                                                                                   \
    X(NOTHING, "nothing")                                                                                    \
    X(APPLICATION, "the application has written no more")                                                    \
    X(PEER_WINDOW, "the peer's window is full")                                                              \
    X(CWND, "the congestion window is full")                                                                 \
    X(NAGLE, "Nagle: a small segment waits for an ACK")                                                      \
    X(CORK, "the application holds it back (cork)")                                                          \
    X(PACING, "pacing")                                                                                      \
    X(LINK, "the link's queue is full")                                                                      \
    X(ROUTE, "there is no route")                                                                            \
    X(MEMORY, "the packet pool is empty")                                                                    \
    X(HANDSHAKE, "the handshake is not complete")                                                            \
    X(SEND_BUFFER, "the send buffer is full, and all of it is out")

/* Why a segment was sent. */
#define WEFT_TCP_SEND_REASONS(X)                                                                             \
    X(DATA, "new data")                                                                                      \
    X(SYN, "open")                                                                                           \
    X(SYN_ACK, "answer to SYN")                                                                              \
    X(FIN, "close")                                                                                          \
    X(RETRANSMIT, "retransmission")                                                                          \
    X(PROBE, "tail loss probe")                                                                              \
    X(WINDOW_PROBE, "zero-window probe")                                                                     \
    X(MTU_PROBE, "probe of the path MTU")                                                                    \
    X(KEEPALIVE, "keepalive")                                                                                \
    X(ACK_NOW, "acknowledged at once")                                                                       \
    X(ACK_SECOND, "acknowledges every second segment")                                                       \
    X(ACK_DELAYED, "delayed ACK")                                                                            \
    X(ACK_DUPLICATE, "duplicate ACK: something is missing or came twice")                                    \
    X(ACK_CHALLENGE, "challenge ACK (RFC 5961)")                                                             \
    X(WINDOW_UPDATE, "window update")                                                                        \
    X(URGENT, "announces urgent data that waits for the window")                                             \
    X(RST, "reset")

/* What the application asked for, in the words of RFC 9293 3.9.1. */
#define WEFT_TCP_CALLS(X)                                                                                    \
    X(NONE, "-")                                                                                             \
    X(OPEN, "OPEN")                                                                                          \
    X(SEND, "SEND")                                                                                          \
    X(RECEIVE, "RECEIVE")                                                                                    \
    X(CLOSE, "CLOSE")                                                                                        \
    X(ABORT, "ABORT")

enum weft_tcp_state {
#define WEFT_ENUM_(name, text) WEFT_TCP_##name,
    WEFT_TCP_STATES(WEFT_ENUM_)
#undef WEFT_ENUM_
        WEFT_TCP_STATE_COUNT
};

enum weft_tcp_timer {
#define WEFT_ENUM_(name, text, source) WEFT_TIMER_##name,
    WEFT_TCP_TIMERS(WEFT_ENUM_)
#undef WEFT_ENUM_
        WEFT_TIMER_COUNT
};

enum weft_tcp_cause {
#define WEFT_ENUM_(name, text) WEFT_CAUSE_##name,
    WEFT_TCP_CAUSES(WEFT_ENUM_)
#undef WEFT_ENUM_
        WEFT_CAUSE_COUNT
};

enum weft_tcp_limit {
#define WEFT_ENUM_(name, text) WEFT_LIMIT_##name,
    WEFT_TCP_LIMITS(WEFT_ENUM_)
#undef WEFT_ENUM_
        WEFT_LIMIT_COUNT
};

enum weft_tcp_call {
#define WEFT_ENUM_(name, text) WEFT_CALL_##name,
    WEFT_TCP_CALLS(WEFT_ENUM_)
#undef WEFT_ENUM_
        WEFT_CALL_COUNT
};

enum weft_tcp_send_reason {
#define WEFT_ENUM_(name, text) WEFT_SENT_##name,
    WEFT_TCP_SEND_REASONS(WEFT_ENUM_)
#undef WEFT_ENUM_
        WEFT_SENT_COUNT
};

/* The states of a neighbour (RFC 1122 2.3.2 for ARP, named as in RFC 4861 7.3.2). */
#define WEFT_NEIGH_STATES(X)                                                                                 \
    X(NONE, "NONE")                                                                                          \
    X(INCOMPLETE, "INCOMPLETE")                                                                              \
    X(REACHABLE, "REACHABLE")                                                                                \
    X(STALE, "STALE")                                                                                        \
    X(DELAY, "DELAY")                                                                                        \
    X(PROBE, "PROBE")                                                                                        \
    X(FAILED, "FAILED")                                                                                      \
    X(PERMANENT, "PERMANENT")

enum weft_neigh_state {
#define WEFT_ENUM_(name, text) WEFT_NEIGH_##name,
    WEFT_NEIGH_STATES(WEFT_ENUM_)
#undef WEFT_ENUM_
        WEFT_NEIGH_STATE_COUNT
};

/* The text of each value as in the lists above; "?" for an unknown one. Never NULL. */
const char *weft_tcp_state_name(unsigned state);
const char *weft_tcp_timer_name(unsigned timer);
const char *weft_tcp_timer_source(unsigned timer); /* the RFC that defines it */
const char *weft_tcp_cause_text(unsigned cause);
const char *weft_tcp_limit_text(unsigned limit);
const char *weft_tcp_send_reason_text(unsigned reason);
const char *weft_neigh_state_name(unsigned state);

struct weft_trace_event_info {
    const char *name; /* "TCP_STATE" */
    const char *text; /* "state" */
    const char *args; /* "from:state to:state cause:cause" */
    enum weft_layer layer;
};

/* What an event means; for an unknown number an entry named "?". Never NULL. */
const struct weft_trace_event_info *weft_trace_event_info(unsigned event);

struct weft_stack;

/*
 * Reads up to `max` records that follow `*cursor` (start with 0) into `out`
 * and moves the cursor. Adds to `*lost` how many were overwritten before they
 * could be read. Returns the number of records, 0 when there are no more.
 */
unsigned weft_trace_read(const struct weft_stack *stack, uint64_t *cursor, struct weft_trace_record *out,
                         unsigned max, uint64_t *lost);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
