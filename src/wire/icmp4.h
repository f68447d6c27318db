/* SPDX-License-Identifier: MIT */
/* ICMP for IPv4 (RFC 792, RFC 1122 3.2.2, RFC 1191 4, RFC 4884). Pure: bytes in, struct out, and back. */
#ifndef WEFT_WIRE_ICMP4_H
#define WEFT_WIRE_ICMP4_H

#include "base/cursor.h"
#include <weft/types.h>

#define WIRE_ICMP4_LEN 8

enum wire_icmp4_type {
    WIRE_ICMP4_ECHO_REPLY = 0,
    WIRE_ICMP4_UNREACHABLE = 3,
    WIRE_ICMP4_SOURCE_QUENCH = 4,
    WIRE_ICMP4_REDIRECT = 5,
    WIRE_ICMP4_ECHO = 8,
    WIRE_ICMP4_TIME_EXCEEDED = 11,
    WIRE_ICMP4_PARAMETER_PROBLEM = 12,
    WIRE_ICMP4_TIMESTAMP = 13,
    WIRE_ICMP4_TIMESTAMP_REPLY = 14,
};

/* Codes of WIRE_ICMP4_UNREACHABLE (RFC 792, RFC 1122 3.2.2.1, RFC 1812 5.2.7.1). */
enum wire_icmp4_unreachable {
    WIRE_ICMP4_NET_UNREACHABLE = 0,
    WIRE_ICMP4_HOST_UNREACHABLE = 1,
    WIRE_ICMP4_PROTOCOL_UNREACHABLE = 2,
    WIRE_ICMP4_PORT_UNREACHABLE = 3,
    WIRE_ICMP4_FRAGMENTATION_NEEDED = 4,
    WIRE_ICMP4_SOURCE_ROUTE_FAILED = 5,
    WIRE_ICMP4_ADMIN_PROHIBITED = 13,
};

struct wire_icmp4 {
    uint8_t type;
    uint8_t code;
    uint16_t checksum;
    uint16_t id, seq;         /* echo and timestamp messages */
    uint16_t mtu;             /* fragmentation needed: MTU of the next hop, 0 from routers before RFC 1191 */
    uint8_t pointer;          /* parameter problem */
    struct weft_addr gateway; /* redirect */
};

/* Reads the 8 bytes of header and fills the fields that the type has; the cursor is then at the data
 * (echo) or the quoted packet (errors). Returns false when it is cut short. The checksum is the
 * caller's to verify: it covers what follows too. */
bool wire_icmp4_parse(struct cursor *c, struct wire_icmp4 *out);

/* Writes the header with a zero checksum; the caller sums header and data. */
void wire_icmp4_emit(const struct wire_icmp4 *in, struct writer *w);

/* True for the types that report an error about a packet and quote it (RFC 1122 3.2.2). */
bool wire_icmp4_is_error(uint8_t type);

#endif
