/* SPDX-License-Identifier: MIT */
/*
 * Numbers of the capture file formats: pcapng (draft-ietf-opsawg-pcapng) and
 * classic pcap (draft-ietf-opsawg-pcap), with the link types of both
 * (draft-ietf-opsawg-pcaplinktype).
 */
#ifndef WEFT_INSPECT_PCAPNG_H
#define WEFT_INSPECT_PCAPNG_H

#include <stddef.h>
#include <stdint.h>

enum pcapng_block {
    PCAPNG_SECTION = 0x0a0d0d0a,
    PCAPNG_INTERFACE = 1,
    PCAPNG_PACKET = 2, /* obsolete, still found in old files */
    PCAPNG_SIMPLE_PACKET = 3,
    PCAPNG_ENHANCED_PACKET = 6,
};

#define PCAPNG_MAGIC     0x1a2b3c4du
#define PCAPNG_BLOCK_MIN 12u /* type, length, length */
#define PCAPNG_EPB_LEN   20u /* of an enhanced packet block's body before the bytes */
#define PCAP_MAGIC_USEC  0xa1b2c3d4u
#define PCAP_MAGIC_NSEC  0xa1b23c4du
#define PCAP_HEADER_LEN  24u
#define PCAP_RECORD_LEN  16u

enum pcapng_option {
    PCAPNG_OPT_END = 0,
    PCAPNG_OPT_COMMENT = 1,
    PCAPNG_OPT_EPB_FLAGS = 2,
    PCAPNG_OPT_SHB_USERAPPL = 4,
    PCAPNG_OPT_IF_NAME = 2,
    PCAPNG_OPT_IF_TSRESOL = 9,
    PCAPNG_OPT_IF_TSOFFSET = 14,
};

/* The two lowest bits of a packet's flags. */
enum pcapng_direction {
    PCAPNG_INBOUND = 1,
    PCAPNG_OUTBOUND = 2,
};

enum pcap_linktype {
    LINKTYPE_NULL = 0, /* four bytes of address family, of the host's byte order */
    LINKTYPE_ETHERNET = 1,
    LINKTYPE_RAW_BSD = 12, /* three numbers for the same: a bare IP packet */
    LINKTYPE_RAW_OPENBSD = 14,
    LINKTYPE_RAW = 101,
    LINKTYPE_LOOP = 108,      /* as NULL, big-endian */
    LINKTYPE_LINUX_SLL = 113, /* 16 bytes, the EtherType at 14 */
    LINKTYPE_IPV4 = 228,
    LINKTYPE_IPV6 = 229,
    LINKTYPE_LINUX_SLL2 = 276, /* 20 bytes, the EtherType at 0 */
};

static inline uint32_t pcapng_pad(uint32_t len)
{
    return (len + 3) & ~3u;
}

/* Says why into a buffer that may be NULL, and gives back `error`. */
int inspect_why(char *why, size_t why_size, int error, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The error for an errno of fopen. */
int inspect_file_error(int error_number);

#endif
