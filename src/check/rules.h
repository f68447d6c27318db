/* SPDX-License-Identifier: MIT */
/*
 * The table of rules: all there is to say of a rule but how it is found.
 *
 * A rule's severity follows its RFC's words: MUST is an error, SHOULD a
 * warning, what is merely odd a note. Where an observer can only infer that a
 * MUST was broken the rule is a warning, and its sentence begins with "seems".
 */
#ifndef WEFT_CHECK_RULES_H
#define WEFT_CHECK_RULES_H

#include <weft/check.h>

/* X(symbol, name, RFC and section, keyword, severity, needs, sentence) */
#define CHECK_RULES(X)                                                                                       \
    /* A segment by itself */                                                                                \
    X(IP_CHECKSUM, "ip-checksum", "RFC 791 3.1", "", ERROR, NEAR, "The IPv4 header's checksum is right")     \
    X(TCP_CHECKSUM, "tcp-checksum", "RFC 9293 3.1", "MUST-2", ERROR, NEAR, "The TCP checksum is right")      \
    X(HEADER_LENGTH, "header-length", "RFC 9293 3.1", "", ERROR, 0,                                          \
      "The data offset is at least 5 words and within the segment")                                          \
    X(RESERVED_BITS, "reserved-bits", "RFC 9293 3.1", "", ERROR, NEAR, "Reserved control bits are zero")     \
    X(ADDRESS, "address", "RFC 1122 3.2.1.3", "MUST NOT", ERROR, NEAR,                                       \
      "Segments go from one host's address to one host's address")                                           \
    X(FLAGS, "flags", "RFC 9293 3.10", "", ERROR, NEAR,                                                      \
      "Control bits stand together as some event of the protocol sets them")                                 \
    X(ACK_BIT, "ack-bit", "RFC 9293 3.1", "", ERROR, 0,                                                      \
      "Everything but the first SYN and a reset carries an acknowledgment")                                  \
    X(OPTION_LENGTH, "option-length", "RFC 9293 3.1", "MUST-68", ERROR, 0,                                   \
      "An option's length is 2 or more and within the header")                                               \
    X(OPTION_SIZE, "option-size", "RFC 9293 3.1", "", ERROR, 0,                                              \
      "An option of known kind has the length that its RFC gives it")                                        \
    X(OPTION_PADDING, "option-padding", "RFC 9293 3.1", "MUST-69", ERROR, NEAR,                              \
      "Behind the end of the options the header is padded with zeros")                                       \
    X(OPTION_TWICE, "option-twice", "RFC 9293 3.1", "", NOTE, NEAR, "No option comes twice in a header")     \
    X(MSS_PLACE, "mss-place", "RFC 9293 3.2", "MUST-65", ERROR, 0, "MSS is sent in SYNs only")               \
    X(WSCALE_PLACE, "wscale-place", "RFC 7323 2.2", "", ERROR, 0, "Window scale is sent in SYNs only")       \
    X(SACK_PERMITTED_PLACE, "sack-permitted-place", "RFC 2018 2", "MUST NOT", ERROR, 0,                      \
      "SACK-permitted is sent in SYNs only")                                                                 \
    X(FAST_OPEN_PLACE, "fast-open-place", "RFC 7413 4.1.1", "", ERROR, 0, "Fast open is sent in SYNs only")  \
    X(WSCALE_SIZE, "wscale-size", "RFC 7323 2.3", "MUST", ERROR, 0, "The window's shift is 14 or less")      \
    X(URGENT_ZERO, "urgent-zero", "RFC 9293 3.8.5", "MUST-62", NOTE, 0,                                      \
      "An urgent pointer points behind at least one octet")                                                  \
    /* The handshake */                                                                                      \
    X(MSS_MISSING, "mss-missing", "RFC 9293 3.7.1", "SHLD-5", NOTE, NEAR,                                    \
      "A SYN says the MSS, unless that is the default")                                                      \
    X(SYN_CHANGED, "syn-changed", "RFC 9293 3.4.1", "", NOTE, NEAR | WHOLE,                                  \
      "A SYN that is sent again has the same number, but for SYN cookies")                                   \
    X(SYN_ANSWER, "syn-answer", "RFC 9293 3.10.7.2", "", ERROR, WHOLE,                                       \
      "A SYN's answer acknowledges it, and no more than came with it")                                       \
    X(WSCALE_UNASKED, "wscale-unasked", "RFC 7323 2.2", "MAY only", ERROR, HANDSHAKE | WHOLE,                \
      "A SYN is answered with a window scale only if it had one")                                            \
    X(TIMESTAMPS_UNASKED, "timestamps-unasked", "RFC 7323 3.2", "MAY only", ERROR, HANDSHAKE | WHOLE,        \
      "A SYN is answered with timestamps only if it had them")                                               \
    X(FAST_OPEN_UNASKED, "fast-open-unasked", "RFC 7413 4.1.2", "", ERROR, HANDSHAKE | WHOLE,                \
      "A cookie is sent only to who asked for one")                                                          \
    X(AO_MD5, "ao-md5", "RFC 5925 2.2", "MUST NOT", ERROR, 0, "AO and MD5 are not in one segment")           \
    X(AO_PLACE, "ao-place", "RFC 5925 7.4", "", ERROR, HANDSHAKE, "AO begins with the SYN")                  \
    X(AO_MISSING, "ao-missing", "RFC 5925 7.4", "", ERROR, HANDSHAKE,                                        \
      "A connection that began with AO has it in every segment")                                             \
    X(EARLY_DATA, "early-data", "RFC 9293 3.10.2", "", ERROR, WHOLE,                                         \
      "But for fast open no data is sent before the handshake is done")                                      \
    X(INITIAL_RTO, "initial-rto", "RFC 6298 2.1", "SHOULD", WARNING, NEAR | WHOLE,                           \
      "A SYN is not sent again within a second")                                                             \
    /* What is sent */                                                                                       \
    X(SEQUENCE_GAP, "sequence-gap", "RFC 9293 3.4", "", WARNING, NEAR | WHOLE | HANDSHAKE,                   \
      "Sequence numbers are used in order, without a gap")                                                   \
    X(ACK_NUMBER, "ack-number", "RFC 9293 3.10.7.4", "", WARNING, NEAR | HANDSHAKE | WHOLE,                  \
      "A pure ACK, and so a challenge, has the number of what is sent next")                                 \
    X(BEYOND_WINDOW, "beyond-window", "RFC 9293 3.8.6", "", ERROR, HANDSHAKE | WHOLE,                        \
      "Nothing is sent beyond the right edge of the window, but one octet to probe a shut one")              \
    X(SHRUNK_WINDOW, "shrunk-window", "RFC 9293 3.8.6", "SHLD-15", WARNING, NEAR | HANDSHAKE | WHOLE,        \
      "When the window shrinks nothing new is sent behind its edge")                                         \
    X(DATA_AFTER_FIN, "data-after-fin", "RFC 9293 3.6", "", ERROR, 0, "No data follows the FIN")             \
    X(FIN_MOVED, "fin-moved", "RFC 9293 3.6", "", ERROR, WHOLE, "A FIN keeps its number, behind all data")   \
    X(CONTENT_CHANGED, "content-changed", "RFC 9293 3.4", "", ERROR, 0,                                      \
      "A sequence number means one octet: what is sent again is the same")                                   \
    X(MSS_EXCEEDED, "mss-exceeded", "RFC 9293 3.7.1", "MUST-16", ERROR, HANDSHAKE | WIRE | WHOLE,            \
      "A segment's data and options are not longer than the peer's MSS")                                     \
    X(RESENT_ACKED, "resent-acked", "RFC 9293 3.10.7.4", "", ERROR, NEAR,                                    \
      "What is acknowledged is not sent again, but for probes")                                              \
    X(RTO_BACKOFF, "rto-backoff", "RFC 6298 5.5", "MUST", ERROR, NEAR | WHOLE,                               \
      "Each timeout without an answer doubles the wait for the next")                                        \
    X(RTO_BURST, "rto-burst", "RFC 5681 3.1", "MUST", ERROR, NEAR | WHOLE,                                   \
      "After a timeout no more than a full-sized segment is sent before an ACK comes")                       \
    X(INITIAL_WINDOW, "initial-window", "RFC 6928 2", "", WARNING, NEAR | HANDSHAKE | WHOLE,                 \
      "Before the first ACK no more than the initial window is sent")                                        \
    X(PROBE_BACKOFF, "probe-backoff", "RFC 9293 3.8.6.1", "SHLD-30", WARNING, NEAR | WHOLE,                  \
      "The waits between probes of a shut window grow exponentially")                                        \
    X(KEEPALIVE_EARLY, "keepalive-early", "RFC 9293 3.8.4", "MUST-28", NOTE, NEAR | HANDSHAKE | WHOLE,       \
      "Who asks whether the peer is still there waits for two hours, unless told otherwise")                 \
    X(SILLY_SEGMENT, "silly-segment", "RFC 9293 3.8.6.2.1", "MUST-38", WARNING,                              \
      NEAR | HANDSHAKE | WIRE | WHOLE,                                                                       \
      "Seems: a small opening of the window is not used up by a small segment")                              \
    X(URGENT_BACK, "urgent-back", "RFC 9293 3.8.5", "", WARNING, NEAR, "The urgent pointer does not recede") \
    /* What is acknowledged */                                                                               \
    X(ACK_UNSEEN, "ack-unseen", "RFC 9293 3.4", "", ERROR, HANDSHAKE | WHOLE,                                \
      "Nothing is acknowledged that has not come")                                                           \
    X(ACK_BACK, "ack-back", "RFC 9293 3.4", "", ERROR, NEAR, "The acknowledgment never goes back")           \
    X(WINDOW_SHRUNK, "window-shrunk", "RFC 9293 3.8.6", "SHLD-14", WARNING, NEAR | HANDSHAKE,                \
      "The window's right edge does not move left by more than the shift rounds off")                        \
    X(SILLY_WINDOW, "silly-window", "RFC 9293 3.8.6.2.2", "MUST-39", ERROR, NEAR | HANDSHAKE | WHOLE,        \
      "The window is not opened by less than a segment and less than half the buffer")                       \
    X(ACK_LATE, "ack-late", "RFC 9293 3.8.6.3", "MUST-40", ERROR, NEAR | HANDSHAKE | WHOLE,                  \
      "Data is acknowledged within half a second")                                                           \
    X(ACK_SECOND, "ack-second", "RFC 9293 3.8.6.3", "SHLD-19", WARNING, NEAR | HANDSHAKE | WHOLE,            \
      "At least every second full-sized segment is acknowledged at once")                                    \
    X(ACK_DISORDER, "ack-disorder", "RFC 5681 4.2", "SHOULD", WARNING, NEAR | HANDSHAKE | WHOLE,             \
      "A segment out of order is answered with an ACK at once")                                              \
    X(SACK_UNASKED, "sack-unasked", "RFC 2018 4", "MUST NOT", ERROR, HANDSHAKE,                              \
      "SACK is sent only to who permitted it")                                                               \
    X(SACK_BLOCK, "sack-block", "RFC 2018 3", "", ERROR, 0, "A SACK block's right edge is behind its left")  \
    X(SACK_UNSEEN, "sack-unseen", "RFC 2018 3", "", ERROR, HANDSHAKE | WHOLE,                                \
      "SACK blocks tell only of what has come")                                                              \
    X(SACK_BELOW, "sack-below", "RFC 2883 4", "", ERROR, 0,                                                  \
      "Only a D-SACK, which comes first, lies below the acknowledgment")                                     \
    X(SACK_TOUCHES, "sack-touches", "RFC 2018 3", "", ERROR, NEAR,                                           \
      "SACK blocks are isolated from each other and from the acknowledgment")                                \
    X(SACK_FIRST, "sack-first", "RFC 2018 4", "MUST", ERROR, NEAR | HANDSHAKE | WHOLE,                       \
      "The first SACK block has the segment that the ACK answers")                                           \
    X(SACK_MISSING, "sack-missing", "RFC 2018 4", "SHOULD", WARNING, NEAR | HANDSHAKE | WHOLE,               \
      "Who sends SACK sends it in every ACK while data is missing")                                          \
    X(DSACK_FALSE, "dsack-false", "RFC 2883 4", "", WARNING, NEAR | HANDSHAKE | WHOLE,                       \
      "A D-SACK tells of what has come twice")                                                               \
    X(DSACK_AGAIN, "dsack-again", "RFC 2883 4", "", WARNING, NEAR | HANDSHAKE | WHOLE,                       \
      "A D-SACK tells of what has come since the last ACK: of each once")                                    \
    X(DSACK_PLACE, "dsack-place", "RFC 2883 4", "should", WARNING, NEAR,                                     \
      "Behind a D-SACK above the acknowledgment stands the block that it is part of")                        \
    /* Timestamps */                                                                                         \
    X(TIMESTAMPS_MISSING, "timestamps-missing", "RFC 7323 3.2", "MUST", ERROR, HANDSHAKE,                    \
      "Once agreed on, timestamps are in every segment but resets")                                          \
    X(TIMESTAMPS_PLACE, "timestamps-place", "RFC 7323 3.2", "", WARNING, HANDSHAKE,                          \
      "Timestamps are sent only if both SYNs had them")                                                      \
    X(TSVAL_BACK, "tsval-back", "RFC 7323 5.4", "", ERROR, NEAR, "The timestamp clock never goes back")      \
    X(TSECR_UNSEEN, "tsecr-unseen", "RFC 7323 3.2", "MUST", ERROR, HANDSHAKE | WHOLE,                        \
      "What is echoed is a timestamp that came")                                                             \
    X(TSECR_RECENT, "tsecr-recent", "RFC 7323 4.3", "MUST", ERROR, NEAR | HANDSHAKE | WHOLE,                 \
      "What is echoed is the timestamp of the last segment that begins where the last ACK ended, or before") \
    X(TSECR_NO_ACK, "tsecr-no-ack", "RFC 7323 3.2", "SHOULD", WARNING, NEAR,                                 \
      "Without an acknowledgment nothing is echoed")                                                         \
    /* ECN */                                                                                                \
    X(ECT_SYN, "ect-syn", "RFC 3168 6.1.1", "MUST NOT", ERROR, NEAR, "A SYN is not ECN-capable")             \
    X(ECT_UNASKED, "ect-unasked", "RFC 3168 6.1.1", "MUST NOT", ERROR, NEAR | HANDSHAKE,                     \
      "Only a connection that agreed on it sends ECN-capable packets")                                       \
    X(ECT_ACK, "ect-ack", "RFC 3168 6.1.4", "MUST NOT", ERROR, NEAR, "A pure ACK is not ECN-capable")        \
    X(ECT_RESENT, "ect-resent", "RFC 3168 6.1.5", "MUST NOT", ERROR, NEAR,                                   \
      "What is sent again is not ECN-capable")                                                               \
    X(ECT_PROBE, "ect-probe", "RFC 3168 6.1.6", "MUST NOT", ERROR, NEAR,                                     \
      "A probe of the window is not ECN-capable and has no CWR")                                             \
    X(ECN_ANSWER, "ecn-answer", "RFC 3168 6.1.1", "MUST NOT", ERROR, HANDSHAKE | WHOLE,                      \
      "ECN is agreed to only if the SYN offered it")                                                         \
    X(ECE_MISSING, "ece-missing", "RFC 3168 6.1.3", "", ERROR, NEAR | HANDSHAKE | WHOLE,                     \
      "Every ACK after a congestion mark has ECE, until CWR comes")                                          \
    X(ECE_UNASKED, "ece-unasked", "RFC 3168 6.1.3", "", ERROR, NEAR | HANDSHAKE | WHOLE,                     \
      "ECE is set only after a congestion mark")                                                             \
    X(CWR_UNASKED, "cwr-unasked", "RFC 3168 6.1.2", "", WARNING, NEAR | HANDSHAKE | WHOLE,                   \
      "CWR is set only after ECE or a loss")                                                                 \
    X(CWR_MISSING, "cwr-missing", "RFC 3168 6.1.2", "", ERROR, NEAR | HANDSHAKE | WHOLE,                     \
      "After ECE the next new data has CWR")                                                                 \
    X(CWR_RESENT, "cwr-resent", "RFC 3168 6.1.2", "SHOULD NOT", WARNING, NEAR | HANDSHAKE,                   \
      "CWR is not set on what is sent again")                                                                \
    /* Resets and ends */                                                                                    \
    X(RST_NUMBER, "rst-number", "RFC 9293 3.5.2", "", ERROR, NEAR | HANDSHAKE | WHOLE,                       \
      "A reset has the number that the segment it answers expects, or the next of its connection")           \
    X(AFTER_OWN_RESET, "after-own-reset", "RFC 9293 3.10.5", "", WARNING, NEAR | HANDSHAKE,                  \
      "Who has reset a connection sends nothing more on it, but where a SYN cookie opens it again")          \
    X(AFTER_RESET, "after-reset", "RFC 9293 3.10.7.4", "", WARNING, NEAR | HANDSHAKE,                        \
      "Seems: who has been reset sends nothing more but resets")                                             \
    X(REUSE_NUMBER, "reuse-number", "RFC 1122 4.2.2.13", "", ERROR, NEAR | HANDSHAKE | WHOLE,                \
      "A connection opened out of TIME-WAIT begins with a higher number than the last one had")

enum check_rule {
#define X(symbol, name, rfc, keyword, severity, needs, text) CHECK_##symbol,
    CHECK_RULES(X)
#undef X
        CHECK_RULE_COUNT,
};

#endif
