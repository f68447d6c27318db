/* SPDX-License-Identifier: MIT */
/* The TCP header (RFC 9293 3.1) and its options (tcp_opt.h). Pure: bytes in, struct out, and back. */
#ifndef WEFT_WIRE_TCP_H
#define WEFT_WIRE_TCP_H

#include "base/cursor.h"
#include "wire/tcp_opt.h"

#define WIRE_TCP_LEN     20
#define WIRE_TCP_MAX_LEN 60

/* The checksum's offset in the header, for links that complete it. */
#define WIRE_TCP_CHECKSUM_OFFSET 16

enum wire_tcp_flag {
    WIRE_TCP_FIN = 1 << 0,
    WIRE_TCP_SYN = 1 << 1,
    WIRE_TCP_RST = 1 << 2,
    WIRE_TCP_PSH = 1 << 3,
    WIRE_TCP_ACK = 1 << 4,
    WIRE_TCP_URG = 1 << 5,
    WIRE_TCP_ECE = 1 << 6, /* RFC 3168 6.1 */
    WIRE_TCP_CWR = 1 << 7,
    WIRE_TCP_AE = 1 << 8, /* RFC 9768; the other three reserved bits are ignored and sent as zero */
};

struct wire_tcp {
    uint16_t src_port, dst_port;
    uint32_t seq, ack;
    uint8_t header_len; /* bytes: data offset * 4 */
    uint16_t flags;     /* enum wire_tcp_flag */
    uint16_t window;    /* as it stands, not scaled */
    uint16_t checksum;
    uint16_t urgent;
    const uint8_t *options; /* header_len - 20 bytes in the packet; NULL if none */
};

/*
 * Reads the fixed header of a segment of which the cursor's range is the linear
 * part. Returns false when it is cut short, or the data offset is below 5 or
 * beyond the linear part. The cursor is then behind the options. Neither
 * checksum nor options are looked at.
 */
bool wire_tcp_parse(struct cursor *c, struct wire_tcp *out);

/* Writes header_len bytes but for the options, which the caller writes next (wire_tcp_opts_emit);
 * in->checksum is written as it is. */
void wire_tcp_emit(const struct wire_tcp *in, struct writer *w);

#endif
