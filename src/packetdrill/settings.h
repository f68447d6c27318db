/* SPDX-License-Identifier: MIT */
/*
 * What a run is set to: --so_flags first, then the knobs that its script turns.
 *
 * Flags are words with commas between them, "profile=linux,delack=40ms". Knobs
 * are lines "name=value" in the file that $WEFT_KNOBS names, written by whatever
 * stands in for sysctl(8) while a script runs; the last line wins. Both know the
 * same names, and knobs also those of sysctl.
 */
#ifndef WEFT_PACKETDRILL_SETTINGS_H
#define WEFT_PACKETDRILL_SETTINGS_H

#include <weft/stack.h>

struct settings {
    struct weft_tcp_config tcp;
    uint8_t fast_open_key[16];
    bool has_fast_open_key;
    unsigned cookie_flushes; /* how often a script has had all fast open cookies forgotten */
    struct weft_addr local;  /* our address, any if it is to be heard of in bind */
    uint32_t mtu;
    bool
        unconnected_pipe; /* writing to a socket that was never connected is EPIPE, as Linux has it, not ENOTCONN */
    bool shut_rd_reads;     /* what comes after shutdown(SHUT_RD) can be read still, as Linux has it */
    uint32_t notsent_lowat; /* of sockets that have not set it; 0: none */
    bool write_units;       /* a write takes whole bursts, as Linux' buffers hold them (data.c) */
    uint32_t write_buffer;  /* bytes of a send buffer for which that goes on; 0: as many as it has */
    bool send_tuning;       /* the send buffer grows, too, where buffers do */
    bool trace;             /* every decision is said on standard error */
    char record[256];       /* a capture file with the decisions in it is written here; "": none */
};

/* Fills in the defaults, then what the environment of packetdrill says, then the flags (may be NULL). Returns 0,
 * or -1 with the word that was wrong on standard error. */
int settings_init(struct settings *s, const char *flags);

/* Applies the lines of the knob file on top. What it does not know is named on standard error, but not what stands
 * before `complained`, which it moves to the end of the file. */
void settings_read_knobs(struct settings *s, const char *path, long *complained);

#endif
