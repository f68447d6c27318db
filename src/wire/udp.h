/* SPDX-License-Identifier: MIT */
/* The UDP header (RFC 768). Pure: bytes in, struct out, and back. */
#ifndef WEFT_WIRE_UDP_H
#define WEFT_WIRE_UDP_H

#include "base/cursor.h"
#include <weft/types.h>

#define WIRE_UDP_LEN 8

struct wire_udp {
    uint16_t src_port, dst_port;
    uint16_t len;      /* header and data, bytes */
    uint16_t checksum; /* 0: the sender computed none */
};

/* Reads the header of a datagram of `datagram_len` bytes. Returns false when it is cut short or its
 * length field is below 8 or above datagram_len. */
bool wire_udp_parse(struct cursor *c, size_t datagram_len, struct wire_udp *out);

/* Writes the header with in->checksum as it is. */
void wire_udp_emit(const struct wire_udp *in, struct writer *w);

#endif
