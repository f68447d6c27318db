/* SPDX-License-Identifier: MIT */
/* The IPv4 header (RFC 791 3.1, RFC 2474, RFC 3168). Pure: bytes in, struct out, and back. */
#ifndef WEFT_WIRE_IP4_H
#define WEFT_WIRE_IP4_H

#include "base/cursor.h"
#include <weft/types.h>

#define WIRE_IP4_LEN     20
#define WIRE_IP4_MAX_LEN 60

enum wire_ip_proto {
    WIRE_PROTO_ICMP = 1,
    WIRE_PROTO_IGMP = 2,
    WIRE_PROTO_TCP = 6,
    WIRE_PROTO_UDP = 17,
    WIRE_PROTO_ICMP6 = 58,
};

/* The ECN field: the lower two bits of the octet that was Type of Service (RFC 3168 5). */
enum wire_ip_ecn {
    WIRE_IP_ECN = 3, /* both bits */
    WIRE_IP_ECT0 = 2,
    WIRE_IP_CE = 3,
};

enum wire_ip4_flag {
    WIRE_IP4_MF = 1 << 0, /* more fragments */
    WIRE_IP4_DF = 1 << 1, /* do not fragment */
};

struct wire_ip4 {
    uint8_t version;
    uint8_t header_len; /* bytes: IHL * 4 */
    uint8_t tos;        /* DSCP << 2 | ECN */
    uint16_t total_len; /* bytes */
    uint16_t id;
    uint8_t flags;         /* enum wire_ip4_flag */
    uint16_t fragment_off; /* bytes: the field times 8 */
    uint8_t ttl;
    uint8_t proto;
    uint16_t checksum;
    struct weft_addr src, dst;
    const uint8_t *options; /* header_len - 20 bytes; in the packet when parsed, NULL if none */
};

enum wire_ip4_result {
    WIRE_IP4_OK,
    WIRE_IP4_SHORT,   /* less than the header says, or total_len more than there is */
    WIRE_IP4_VERSION, /* not version 4 */
    WIRE_IP4_HEADER,  /* IHL below 5, or total_len below the header */
};

/*
 * Reads the header of a packet of which the cursor's range is the linear part
 * and `packet_len` the whole length. Does not verify the checksum (see
 * wire_ip4_checksum_ok). The cursor is then behind the options.
 */
enum wire_ip4_result wire_ip4_parse(struct cursor *c, size_t packet_len, struct wire_ip4 *out);

/* True when the `header_len` bytes at `header` sum up. */
bool wire_ip4_checksum_ok(const uint8_t *header, size_t header_len);

/* Writes the header with a right checksum: 20 bytes, and with `options` not NULL its options_len (0 to
 * 40) bytes, padded with END to a multiple of 4. in->checksum, version and header_len are not looked at. */
void wire_ip4_emit(const struct wire_ip4 *in, size_t options_len, struct writer *w);

/* --- Options (RFC 791 3.1, RFC 1122 3.2.1.8) --- */

enum wire_ip4_opt {
    WIRE_IP4_OPT_END = 0,
    WIRE_IP4_OPT_NOP = 1,
    WIRE_IP4_OPT_RECORD_ROUTE = 7,
    WIRE_IP4_OPT_TIMESTAMP = 68,
    WIRE_IP4_OPT_SECURITY = 130,
    WIRE_IP4_OPT_LSRR = 131,
    WIRE_IP4_OPT_SSRR = 137,
    WIRE_IP4_OPT_ROUTER_ALERT = 148,
};

struct wire_ip4_option {
    uint8_t type;
    uint8_t len;         /* with type and length octets; 1 for END and NOP */
    const uint8_t *data; /* behind the length octet */
};

/* The next option; 1 when there was one, 0 at the end, -1 when an option's length is not possible.
 * END is given too, as the last: what follows it is padding. */
int wire_ip4_option_next(struct cursor *options, struct wire_ip4_option *out);

#endif
