/* SPDX-License-Identifier: MIT */
/*
 * Writing pcapng: little-endian, one section, times in microseconds.
 *
 * Owns    the stream and the first error, which stays.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <weft/inspect.h>

#include "inspect/pcapng.h"

#define MAX_IFACES  64     /* ours: of one file */
#define MAX_COMMENT 65535u /* the option's length field has 16 bits */

struct weft_pcapng {
    FILE *stream;
    weft_time epoch;
    int error;
    uint32_t iface_count;
    struct {
        uint16_t iface;
        enum weft_link_type type;
    } iface[MAX_IFACES];
};

int inspect_why(char *why, size_t why_size, int error, const char *format, ...)
{
    va_list args;

    if (why && why_size > 0) {
        va_start(args, format);
        (void)vsnprintf(why, why_size, format, args);
        va_end(args);
    }
    return error;
}

int inspect_file_error(int error_number)
{
    if (error_number == ENOENT)
        return WEFT_E_NOTFOUND;
    if (error_number == EACCES || error_number == EPERM || error_number == EROFS)
        return WEFT_E_PERM;
    return error_number == ENOMEM ? WEFT_E_NOMEM : WEFT_E_IO;
}

/* --- Bytes ------------------------------------------------------------------------- */

static void put_bytes(struct weft_pcapng *p, const void *bytes, size_t len)
{
    if (p->error == 0 && len > 0 && fwrite(bytes, 1, len, p->stream) != len)
        p->error = WEFT_E_IO;
}

static void put_u16(struct weft_pcapng *p, unsigned v)
{
    uint8_t bytes[2] = {(uint8_t)v, (uint8_t)(v >> 8)};

    put_bytes(p, bytes, sizeof(bytes));
}

static void put_u32(struct weft_pcapng *p, uint32_t v)
{
    put_u16(p, v & 0xffff);
    put_u16(p, v >> 16);
}

static void put_padded(struct weft_pcapng *p, const void *bytes, uint32_t len)
{
    static const uint8_t zeros[4];

    put_bytes(p, bytes, len);
    put_bytes(p, zeros, pcapng_pad(len) - len);
}

static void put_option(struct weft_pcapng *p, unsigned code, const void *bytes, uint32_t len)
{
    put_u16(p, code);
    put_u16(p, len);
    put_padded(p, bytes, len);
}

static uint32_t option_size(uint32_t len)
{
    return 4 + pcapng_pad(len);
}

static void begin_block(struct weft_pcapng *p, uint32_t type, uint32_t total)
{
    put_u32(p, type);
    put_u32(p, total);
}

/* --- Blocks -------------------------------------------------------------------------- */

static void put_section(struct weft_pcapng *p)
{
    static const char program[] = "weft";
    uint32_t len = sizeof(program) - 1;
    uint32_t total = PCAPNG_BLOCK_MIN + 16 + option_size(len) + 4;

    begin_block(p, PCAPNG_SECTION, total);
    put_u32(p, PCAPNG_MAGIC);
    put_u16(p, 1); /* version 1.0 */
    put_u16(p, 0);
    put_u32(p, UINT32_MAX); /* length of the section: not told */
    put_u32(p, UINT32_MAX);
    put_option(p, PCAPNG_OPT_SHB_USERAPPL, program, len);
    put_option(p, PCAPNG_OPT_END, NULL, 0);
    put_u32(p, total);
}

int weft_pcapng_create_stream(FILE *stream, weft_time epoch, struct weft_pcapng **pcapng)
{
    struct weft_pcapng *p = calloc(1, sizeof(*p));

    if (!p) {
        (void)fclose(stream);
        return WEFT_E_NOMEM;
    }
    p->stream = stream;
    p->epoch = epoch;
    put_section(p);
    *pcapng = p;
    return 0;
}

int weft_pcapng_create(const char *path, weft_time epoch, struct weft_pcapng **pcapng, char *why,
                       size_t why_size)
{
    FILE *stream = strcmp(path, "-") == 0 ? stdout : fopen(path, "wb");

    if (!stream)
        return inspect_why(why, why_size, inspect_file_error(errno), "cannot write %s: %s", path,
                           strerror(errno));
    return weft_pcapng_create_stream(stream, epoch, pcapng);
}

/* The number that the file gives to an interface; UINT32_MAX when it was not described. */
static uint32_t find_iface(const struct weft_pcapng *p, uint16_t iface)
{
    for (uint32_t i = 0; i < p->iface_count; i++)
        if (p->iface[i].iface == iface)
            return i;
    return UINT32_MAX;
}

int weft_pcapng_add_iface(struct weft_pcapng *p, uint16_t iface, const char *name, enum weft_link_type type)
{
    static const uint8_t microseconds = 6;
    uint32_t name_len = (uint32_t)strnlen(name, 255);
    uint32_t total = PCAPNG_BLOCK_MIN + 8 + option_size(name_len) + option_size(1) + 4;

    if (p->error)
        return p->error;
    if (find_iface(p, iface) != UINT32_MAX)
        return WEFT_E_EXIST;
    if (p->iface_count == MAX_IFACES)
        return WEFT_E_LIMIT;
    p->iface[p->iface_count].iface = iface;
    p->iface[p->iface_count++].type = type;
    begin_block(p, PCAPNG_INTERFACE, total);
    put_u16(p, type == WEFT_LINK_ETHERNET ? LINKTYPE_ETHERNET : LINKTYPE_RAW);
    put_u16(p, 0);
    put_u32(p, 0); /* no limit on the bytes of a frame */
    put_option(p, PCAPNG_OPT_IF_NAME, name, name_len);
    put_option(p, PCAPNG_OPT_IF_TSRESOL, &microseconds, 1);
    put_option(p, PCAPNG_OPT_END, NULL, 0);
    put_u32(p, total);
    return p->error;
}

static uint32_t comment_len(const char *comment)
{
    return (uint32_t)strnlen(comment, MAX_COMMENT);
}

static void put_direction(struct weft_pcapng *p, enum weft_direction direction)
{
    uint32_t flags = direction == WEFT_DIRECTION_IN ? PCAPNG_INBOUND : PCAPNG_OUTBOUND;

    put_u16(p, PCAPNG_OPT_EPB_FLAGS);
    put_u16(p, 4);
    put_u32(p, flags);
}

/* Options of a packet block, without the end. */
static uint32_t options_size(const struct weft_frame *frame, const char *const *comments, unsigned count)
{
    uint32_t size = frame->direction != WEFT_DIRECTION_UNKNOWN ? option_size(4) : 0;

    for (unsigned i = 0; i < count; i++)
        size += option_size(comment_len(comments[i]));
    return size;
}

int weft_pcapng_write(struct weft_pcapng *p, const struct weft_frame *frame, const char *const *comments,
                      unsigned count)
{
    uint32_t id = find_iface(p, frame->iface), options = options_size(frame, comments, count);
    int error;
    uint32_t total = PCAPNG_BLOCK_MIN + PCAPNG_EPB_LEN + pcapng_pad(frame->len) + options + (options ? 4 : 0);
    uint64_t time = frame->time + p->epoch;

    if (p->error)
        return p->error;
    if (id == UINT32_MAX) {
        id = p->iface_count;
        error = weft_pcapng_add_iface(p, frame->iface, "link", frame->type);
        if (error)
            return error;
    }
    begin_block(p, PCAPNG_ENHANCED_PACKET, total);
    put_u32(p, id);
    put_u32(p, (uint32_t)(time >> 32));
    put_u32(p, (uint32_t)time);
    put_u32(p, frame->len);
    put_u32(p, frame->wire_len);
    put_padded(p, frame->bytes, frame->len);
    if (frame->direction != WEFT_DIRECTION_UNKNOWN)
        put_direction(p, frame->direction);
    for (unsigned i = 0; i < count; i++)
        put_option(p, PCAPNG_OPT_COMMENT, comments[i], comment_len(comments[i]));
    if (options)
        put_option(p, PCAPNG_OPT_END, NULL, 0);
    put_u32(p, total);
    return p->error;
}

int weft_pcapng_flush(struct weft_pcapng *p)
{
    if (p->error == 0 && fflush(p->stream) != 0)
        p->error = WEFT_E_IO;
    return p->error;
}

int weft_pcapng_close(struct weft_pcapng *p)
{
    int error = weft_pcapng_flush(p);

    if (p->stream != stdout && fclose(p->stream) != 0 && error == 0)
        error = WEFT_E_IO;
    free(p);
    return error;
}

/* --- A link that is written down ------------------------------------------------------------ */

struct tap {
    struct weft_pcapng *pcapng;
    uint16_t iface;
    enum weft_link_type type;
};

static void write_frame(void *ctx, bool outgoing, const uint8_t *bytes, uint32_t len, weft_time now)
{
    const struct tap *tap = ctx;
    struct weft_frame frame = {.time = now,
                               .type = tap->type,
                               .direction = outgoing ? WEFT_DIRECTION_OUT : WEFT_DIRECTION_IN,
                               .iface = tap->iface,
                               .bytes = bytes,
                               .len = len,
                               .wire_len = len};

    (void)weft_pcapng_write(tap->pcapng, &frame, NULL, 0); /* the error stays and is told by close */
}

static void flush_round(void *ctx, weft_time now)
{
    const struct tap *tap = ctx;

    (void)now;
    (void)weft_pcapng_flush(tap->pcapng);
}

static void close_tap(void *ctx)
{
    free(ctx);
}

int weft_pcapng_attach(struct weft_pcapng *pcapng, struct weft_link *inner, uint16_t iface,
                       struct weft_link **link)
{
    struct tap *tap = malloc(sizeof(*tap));
    struct weft_tee_observer observer = {write_frame, flush_round, close_tap, tap};
    int error = weft_pcapng_add_iface(pcapng, iface, inner->name ? inner->name : "link", inner->type);

    if (!tap && error == 0)
        error = WEFT_E_NOMEM;
    if (error) {
        weft_link_close(inner);
        free(tap);
        return error;
    }
    *tap = (struct tap){pcapng, iface, inner->type};
    error = weft_link_tee(inner, &observer, link);
    if (error)
        free(tap);
    return error;
}
