/* SPDX-License-Identifier: MIT */
/* A frame as it passed a point of a network: what captures hold, and what inspect.h and check.h are shown. */
#ifndef WEFT_FRAME_H
#define WEFT_FRAME_H

#include <weft/link.h>
#include <weft/types.h>

#ifdef __cplusplus
extern "C" {
#endif

enum weft_direction {
    WEFT_DIRECTION_UNKNOWN, /* a capture that does not say */
    WEFT_DIRECTION_IN,      /* received by us */
    WEFT_DIRECTION_OUT,     /* sent by us */
};

/* A frame as it passed; `bytes` belong to whoever made it. */
struct weft_frame {
    weft_time time;
    enum weft_link_type type; /* what it begins with */
    enum weft_direction direction;
    uint16_t iface; /* index of the interface, from 1; 0: unknown */
    const uint8_t *bytes;
    uint32_t len;      /* bytes at hand */
    uint32_t wire_len; /* bytes that it had on the wire; more than len when a capture cut it off */
};

#ifdef __cplusplus
}
#endif
#endif
