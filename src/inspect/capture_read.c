/* SPDX-License-Identifier: MIT */
/*
 * Reading pcapng and classic pcap of either byte order.
 *
 * Never   believes a length: a block is read in steps while the file has bytes,
 *         up to a limit, and every length inside it is held against what was
 *         read. What the reader does not know it passes over.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <weft/inspect.h>

#include "base/bytes.h"
#include "inspect/pcapng.h"
#include "wire/eth.h"

#define MAX_IFACES 256u /* ours: of one section */
#define MAX_BLOCK                                                                                            \
    (4u << 20) /* ours: the largest snap length of common tools is 256 KiB; the rest is for comments */
#define MAX_COMMENTS 256u
#define READ_STEP    65536u

struct iface {
    uint32_t linktype;
    uint32_t snap_len;  /* 0: no limit */
    uint8_t resolution; /* as if_tsresol: a power of 10, or of 2 with the highest bit */
    int64_t offset;     /* seconds to add */
};

struct weft_capture {
    FILE *stream;
    bool is_pcapng, is_big; /* big-endian */
    bool has_section;
    int error; /* of the last call; stays */
    char problem[160];
    uint64_t skipped;
    uint64_t position; /* bytes read, for messages */
    uint32_t iface_count;
    struct iface iface[MAX_IFACES];
    uint8_t *block; /* the body of the last block */
    uint32_t block_size;
    char *comments; /* of the last frame, each with its NUL */
    uint32_t comments_size;
    uint32_t comment_count;
    uint32_t comment_at[MAX_COMMENTS];
};

/* --- Bytes ---------------------------------------------------------------------------- */

static uint16_t get_u16(const struct weft_capture *c, const uint8_t *p)
{
    if (c->is_big)
        return get_be16(p);
    return (uint16_t)(p[1] << 8 | p[0]);
}

static uint32_t get_u32(const struct weft_capture *c, const uint8_t *p)
{
    return c->is_big ? get_be32(p) : (uint32_t)get_u16(c, p + 2) << 16 | get_u16(c, p);
}

static uint64_t get_u64(const struct weft_capture *c, const uint8_t *p)
{
    uint64_t first = get_u32(c, p), second = get_u32(c, p + 4);

    return c->is_big ? first << 32 | second : second << 32 | first;
}

static int damaged(struct weft_capture *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int damaged(struct weft_capture *c, const char *format, ...)
{
    size_t used;
    va_list args;

    va_start(args, format);
    (void)vsnprintf(c->problem, sizeof(c->problem), format, args);
    va_end(args);
    used = strlen(c->problem);
    (void)snprintf(c->problem + used, sizeof(c->problem) - used, " (before byte %" PRIu64 ")", c->position);
    c->error = WEFT_E_BADFORMAT;
    return c->error;
}

/* 1 when all `len` bytes were read, 0 at the end of the file, or an error. */
static int read_exact(struct weft_capture *c, void *to, uint32_t len)
{
    size_t n = fread(to, 1, len, c->stream);

    c->position += n;
    if (n == len)
        return 1;
    if (ferror(c->stream)) {
        (void)snprintf(c->problem, sizeof(c->problem), "cannot read: %s", strerror(errno));
        return c->error = WEFT_E_IO;
    }
    return n == 0 ? 0 : damaged(c, "the file is cut off");
}

/* Reads `len` bytes into `block`, which grows as they come. Returns 1 or an error. */
static int read_block(struct weft_capture *c, uint32_t len)
{
    for (uint32_t have = 0; have < len;) {
        uint32_t step = len - have < READ_STEP ? len - have : READ_STEP;
        int got;

        if (c->block_size < have + step) {
            uint8_t *grown = realloc(c->block, have + step);

            if (!grown)
                return c->error = WEFT_E_NOMEM;
            c->block = grown;
            c->block_size = have + step;
        }
        got = read_exact(c, c->block + have, step);
        if (got <= 0)
            return got < 0 ? got : damaged(c, "the file is cut off");
        have += step;
    }
    return 1;
}

/* Passes over `len` bytes. Returns 1 or an error. */
static int skip_bytes(struct weft_capture *c, uint32_t len)
{
    uint8_t waste[4096];

    while (len > 0) {
        uint32_t step = len < sizeof(waste) ? len : (uint32_t)sizeof(waste);
        int got = read_exact(c, waste, step);

        if (got <= 0)
            return got < 0 ? got : damaged(c, "the file is cut off");
        len -= step;
    }
    return 1;
}

/* --- Time -------------------------------------------------------------------------------- */

static uint64_t power_of_10(unsigned n)
{
    uint64_t value = 1;

    while (n-- > 0)
        value *= 10;
    return value;
}

/* Microseconds from ticks of a resolution; what cannot be said is 0. */
static weft_time time_of(const struct iface *iface, uint64_t ticks)
{
    unsigned n = iface->resolution & 0x7f;
    uint64_t usec;

    if (iface->resolution & 0x80) {
        /* Whole seconds first, so that nothing overflows for the resolutions in use. */
        if (n > 40)
            return 0;
        usec = (ticks >> n) * WEFT_SEC + (((ticks & ((1ull << n) - 1)) * WEFT_SEC) >> n);
    } else if (n > 19) {
        return 0;
    } else {
        usec = n <= 6 ? ticks * power_of_10(6 - n) : ticks / power_of_10(n - 6);
    }
    return usec + (uint64_t)iface->offset * WEFT_SEC;
}

/* --- Frames ------------------------------------------------------------------------------- */

struct cut {
    uint32_t linktype;
    enum weft_link_type type;
    uint32_t skip;        /* bytes of a header that weft has no use for */
    int ethertype_offset; /* where that header says what follows; -1: always IP */
};

static const struct cut cuts[] = {
    {LINKTYPE_ETHERNET, WEFT_LINK_ETHERNET, 0, -1}, {LINKTYPE_RAW, WEFT_LINK_IP, 0, -1},
    {LINKTYPE_RAW_BSD, WEFT_LINK_IP, 0, -1},        {LINKTYPE_RAW_OPENBSD, WEFT_LINK_IP, 0, -1},
    {LINKTYPE_IPV4, WEFT_LINK_IP, 0, -1},           {LINKTYPE_IPV6, WEFT_LINK_IP, 0, -1},
    {LINKTYPE_NULL, WEFT_LINK_IP, 4, -1},           {LINKTYPE_LOOP, WEFT_LINK_IP, 4, -1},
    {LINKTYPE_LINUX_SLL, WEFT_LINK_IP, 16, 14},     {LINKTYPE_LINUX_SLL2, WEFT_LINK_IP, 20, 0},
};

static const struct cut *find_cut(uint32_t linktype)
{
    for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++)
        if (cuts[i].linktype == linktype)
            return &cuts[i];
    return NULL;
}

/* Fills in what the frame's link type decides. False: the frame is passed over. */
static bool cut_frame(struct weft_capture *c, const struct iface *iface, struct weft_frame *frame)
{
    const struct cut *cut = find_cut(iface->linktype);
    unsigned type;

    if (!cut || frame->len < cut->skip) {
        c->skipped++;
        return false;
    }
    if (cut->ethertype_offset >= 0) {
        type = get_be16(frame->bytes + cut->ethertype_offset);
        if (type != WIRE_ETHERTYPE_IP4 && type != WIRE_ETHERTYPE_IP6) {
            c->skipped++;
            return false;
        }
    }
    frame->type = cut->type;
    frame->bytes += cut->skip;
    frame->len -= cut->skip;
    frame->wire_len = frame->wire_len > cut->skip ? frame->wire_len - cut->skip : 0;
    if (frame->wire_len < frame->len)
        frame->wire_len = frame->len;
    return true;
}

/* --- Options -------------------------------------------------------------------------------- */

struct option {
    uint16_t code, len;
    const uint8_t *value;
};

/* The option at `*at`, which moves on. False at the end or where a length is not possible. */
static bool next_option(const struct weft_capture *c, uint32_t end, uint32_t *at, struct option *out)
{
    if (end - *at < 4)
        return false;
    out->code = get_u16(c, c->block + *at);
    out->len = get_u16(c, c->block + *at + 2);
    out->value = c->block + *at + 4;
    if (out->code == PCAPNG_OPT_END || pcapng_pad(out->len) > end - *at - 4)
        return false;
    *at += 4 + pcapng_pad(out->len);
    return true;
}

static void keep_comment(struct weft_capture *c, const struct option *option, uint32_t *used)
{
    if (c->comment_count == MAX_COMMENTS || *used + option->len + 1u > c->comments_size)
        return;
    memcpy(c->comments + *used, option->value, option->len);
    c->comments[*used + option->len] = '\0';
    c->comment_at[c->comment_count++] = *used;
    *used += option->len + 1u;
}

/* Direction and comments from the options of a packet block. Returns 0 or WEFT_E_NOMEM. */
static int read_packet_options(struct weft_capture *c, uint32_t at, uint32_t end, struct weft_frame *frame)
{
    struct option option;
    uint32_t used = 0, flags;

    if (c->comments_size < end - at) { /* an option's header is longer than the NUL of its text */
        char *grown = realloc(c->comments, end - at);

        if (!grown)
            return c->error = WEFT_E_NOMEM;
        c->comments = grown;
        c->comments_size = end - at;
    }
    while (next_option(c, end, &at, &option)) {
        if (option.code == PCAPNG_OPT_COMMENT)
            keep_comment(c, &option, &used);
        if (option.code != PCAPNG_OPT_EPB_FLAGS || option.len != 4)
            continue;
        flags = get_u32(c, option.value) & 3;
        frame->direction = flags == PCAPNG_INBOUND    ? WEFT_DIRECTION_IN
                           : flags == PCAPNG_OUTBOUND ? WEFT_DIRECTION_OUT
                                                      : WEFT_DIRECTION_UNKNOWN;
    }
    return 0;
}

/* --- Blocks of pcapng ---------------------------------------------------------------------------- */

/* A section header, of which the type has been read. Sets the byte order. Returns 1 or an error. */
static int read_section(struct weft_capture *c)
{
    uint8_t head[8];
    uint32_t total;
    int got = read_exact(c, head, sizeof(head));

    if (got <= 0)
        return got < 0 ? got : damaged(c, "the file is cut off");
    if (get_be32(head + 4) == PCAPNG_MAGIC)
        c->is_big = true;
    else if (get_be32(head + 4) == __builtin_bswap32(PCAPNG_MAGIC))
        c->is_big = false;
    else
        return damaged(c, "a section without the byte-order magic");
    total = get_u32(c, head);
    if (total < 28 || total % 4 != 0)
        return damaged(c, "a section header of %" PRIu32 " bytes", total);
    if (total > MAX_BLOCK)
        return damaged(c, "a section header of %" PRIu32 " bytes is too large", total);
    got = read_block(c, total - 12);
    if (got < 0)
        return got;
    if (get_u16(c, c->block) != 1)
        return damaged(c, "version %u of pcapng", get_u16(c, c->block));
    if (get_u32(c, c->block + total - 16) != total)
        return damaged(c, "the two lengths of a section header differ");
    c->iface_count = 0;
    c->has_section = true;
    return 1;
}

/* The interface description in `block`. Returns 1 or an error. */
static int take_interface(struct weft_capture *c, uint32_t len)
{
    struct iface *iface = &c->iface[c->iface_count];
    struct option option;
    uint32_t at = 8;

    if (len < 8)
        return damaged(c, "an interface description of %" PRIu32 " bytes", len);
    if (c->iface_count == MAX_IFACES)
        return damaged(c, "more than %u interfaces", MAX_IFACES);
    *iface = (struct iface){
        .linktype = get_u16(c, c->block), .snap_len = get_u32(c, c->block + 4), .resolution = 6};
    while (next_option(c, len, &at, &option)) {
        if (option.code == PCAPNG_OPT_IF_TSRESOL && option.len == 1)
            iface->resolution = option.value[0];
        if (option.code == PCAPNG_OPT_IF_TSOFFSET && option.len == 8)
            iface->offset = (int64_t)get_u64(c, option.value);
    }
    c->iface_count++;
    return 1;
}

/* An enhanced packet block, or an old packet block with its shorter interface number. 1: a frame;
 * 0: none for us; or an error. */
static int take_packet(struct weft_capture *c, uint32_t type, uint32_t len, struct weft_frame *frame)
{
    uint32_t id, cap_len;
    int error;

    if (len < PCAPNG_EPB_LEN)
        return damaged(c, "a packet block of %" PRIu32 " bytes", len);
    id = type == PCAPNG_ENHANCED_PACKET ? get_u32(c, c->block) : get_u16(c, c->block);
    cap_len = get_u32(c, c->block + 12);
    if (id >= c->iface_count)
        return damaged(c, "a packet of interface %" PRIu32 ", which is not described", id);
    if (cap_len > len - PCAPNG_EPB_LEN)
        return damaged(c, "a packet of %" PRIu32 " bytes in a block of %" PRIu32, cap_len, len);
    frame->time = time_of(&c->iface[id], (uint64_t)get_u32(c, c->block + 4) << 32 | get_u32(c, c->block + 8));
    frame->iface = (uint16_t)(id + 1);
    frame->bytes = c->block + PCAPNG_EPB_LEN;
    frame->len = cap_len;
    frame->wire_len = get_u32(c, c->block + 16);
    if (pcapng_pad(cap_len) < len - PCAPNG_EPB_LEN) {
        error = read_packet_options(c, PCAPNG_EPB_LEN + pcapng_pad(cap_len), len, frame);
        if (error)
            return error;
    }
    return cut_frame(c, &c->iface[id], frame);
}

/* A simple packet block: no time, the first interface. As above. */
static int take_simple_packet(struct weft_capture *c, uint32_t len, struct weft_frame *frame)
{
    uint32_t cap_len;

    if (len < 4 || c->iface_count == 0)
        return damaged(c, "a simple packet block that cannot be");
    frame->wire_len = get_u32(c, c->block);
    cap_len = frame->wire_len < len - 4 ? frame->wire_len : len - 4;
    if (c->iface[0].snap_len && cap_len > c->iface[0].snap_len)
        cap_len = c->iface[0].snap_len;
    frame->iface = 1;
    frame->bytes = c->block + 4;
    frame->len = cap_len;
    return cut_frame(c, &c->iface[0], frame);
}

/* The body of a block that has been read. As above. */
static int take_block(struct weft_capture *c, uint32_t type, uint32_t len, struct weft_frame *frame)
{
    int got;

    switch (type) {
    case PCAPNG_INTERFACE:
        got = take_interface(c, len);
        return got < 0 ? got : 0;
    case PCAPNG_SIMPLE_PACKET:
        return take_simple_packet(c, len, frame);
    default:
        return take_packet(c, type, len, frame);
    }
}

static bool is_wanted(uint32_t type)
{
    return type == PCAPNG_INTERFACE || type == PCAPNG_PACKET || type == PCAPNG_SIMPLE_PACKET ||
           type == PCAPNG_ENHANCED_PACKET;
}

/* One block after its type. 1: a frame; 0: something else; or an error. */
static int read_other_block(struct weft_capture *c, uint32_t type, struct weft_frame *frame)
{
    uint8_t word[4];
    uint32_t total, body;
    int got = read_exact(c, word, sizeof(word));

    if (got <= 0)
        return got < 0 ? got : damaged(c, "the file is cut off");
    total = get_u32(c, word);
    if (total < PCAPNG_BLOCK_MIN || total % 4 != 0)
        return damaged(c, "a block of %" PRIu32 " bytes", total);
    body = total - PCAPNG_BLOCK_MIN;
    if (is_wanted(type) && total > MAX_BLOCK)
        return damaged(c, "a block of %" PRIu32 " bytes is too large", total);
    got = is_wanted(type) ? read_block(c, body) : skip_bytes(c, body);
    if (got > 0)
        got = read_exact(c, word, sizeof(word));
    if (got <= 0)
        return got < 0 ? got : damaged(c, "the file is cut off");
    if (get_u32(c, word) != total)
        return damaged(c, "the two lengths of a block differ");
    return is_wanted(type) ? take_block(c, type, body, frame) : 0;
}

/* As read_other_block; `*at_end` when there is no more. */
static int read_pcapng(struct weft_capture *c, struct weft_frame *frame, bool *at_end)
{
    uint8_t word[4];
    int got = read_exact(c, word, sizeof(word));
    uint32_t type;

    *at_end = got == 0;
    if (got <= 0)
        return got;
    type = get_u32(c, word); /* a section's type reads the same in either byte order */
    if (type != PCAPNG_SECTION)
        return read_other_block(c, type, frame);
    got = read_section(c);
    return got < 0 ? got : 0;
}

/* --- Classic pcap ------------------------------------------------------------------------------------ */

/* The file header behind its magic number. Returns 0 or an error. */
static int read_pcap_header(struct weft_capture *c, bool is_nsec)
{
    uint8_t head[PCAP_HEADER_LEN - 4];
    int got = read_exact(c, head, sizeof(head));

    if (got <= 0)
        return got < 0 ? got : damaged(c, "the file is cut off");
    /* The upper bits of the link type tell of a frame check sequence. */
    c->iface[0] =
        (struct iface){.linktype = get_u32(c, head + 16) & 0x3ffffff, .resolution = is_nsec ? 9 : 6};
    c->iface_count = 1;
    return 0;
}

/* 1: a frame; 0: one that is passed over; or an error. `*at_end` when there is no more. */
static int read_pcap(struct weft_capture *c, struct weft_frame *frame, bool *at_end)
{
    uint8_t head[PCAP_RECORD_LEN];
    uint32_t len;
    int got = read_exact(c, head, sizeof(head));

    *at_end = got == 0;
    if (got <= 0)
        return got;
    len = get_u32(c, head + 8);
    if (len > MAX_BLOCK)
        return damaged(c, "a packet of %" PRIu32 " bytes is too large", len);
    got = read_block(c, len);
    if (got < 0)
        return got;
    frame->time =
        get_u32(c, head) * WEFT_SEC + get_u32(c, head + 4) / (c->iface[0].resolution == 9 ? 1000u : 1u);
    frame->iface = 1;
    frame->bytes = c->block;
    frame->len = len;
    frame->wire_len = get_u32(c, head + 12);
    return cut_frame(c, &c->iface[0], frame);
}

/* --- The reader ------------------------------------------------------------------------------------------ */

/* Finds out by the first four bytes what the file is. Returns 0 or an error. */
static int recognise(struct weft_capture *c)
{
    uint8_t word[4];
    uint32_t magic;
    int got = read_exact(c, word, sizeof(word));

    if (got <= 0)
        return got < 0 ? got : damaged(c, "the file is empty");
    magic = get_be32(word);
    if (magic == PCAPNG_SECTION) {
        c->is_pcapng = true;
        got = read_section(c);
        return got < 0 ? got : 0;
    }
    c->is_big = magic == PCAP_MAGIC_USEC || magic == PCAP_MAGIC_NSEC;
    magic = get_u32(c, word);
    if (magic == PCAP_MAGIC_USEC || magic == PCAP_MAGIC_NSEC)
        return read_pcap_header(c, magic == PCAP_MAGIC_NSEC);
    return damaged(c, "neither pcapng nor pcap");
}

int weft_capture_open_stream(FILE *stream, struct weft_capture **capture, char *why, size_t why_size)
{
    struct weft_capture *c = calloc(1, sizeof(*c));
    int error;

    if (c)
        c->block = malloc(READ_STEP); /* so that even an empty frame has a place */
    if (!c || !c->block) {
        (void)fclose(stream);
        free(c);
        return inspect_why(why, why_size, WEFT_E_NOMEM, "no memory");
    }
    c->block_size = READ_STEP;
    c->stream = stream;
    error = recognise(c);
    if (error) {
        (void)inspect_why(why, why_size, error, "%s", c->problem);
        weft_capture_close(c);
        return error;
    }
    *capture = c;
    return 0;
}

int weft_capture_open(const char *path, struct weft_capture **capture, char *why, size_t why_size)
{
    FILE *stream = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");

    if (!stream)
        return inspect_why(why, why_size, inspect_file_error(errno), "cannot read %s: %s", path,
                           strerror(errno));
    return weft_capture_open_stream(stream, capture, why, why_size);
}

int weft_capture_next(struct weft_capture *c, struct weft_frame *frame)
{
    bool at_end = false;
    int got = 0;

    while (c->error == 0 && got == 0 && !at_end) {
        *frame = (struct weft_frame){0};
        c->comment_count = 0;
        got = c->is_pcapng ? read_pcapng(c, frame, &at_end) : read_pcap(c, frame, &at_end);
    }
    return c->error ? c->error : got;
}

const char *weft_capture_problem(const struct weft_capture *c)
{
    return c->problem[0] ? c->problem : NULL;
}

const char *weft_capture_comment(const struct weft_capture *c, unsigned n)
{
    return n < c->comment_count ? c->comments + c->comment_at[n] : NULL;
}

uint64_t weft_capture_skipped(const struct weft_capture *c)
{
    return c->skipped;
}

void weft_capture_close(struct weft_capture *c)
{
    if (c->stream != stdin)
        (void)fclose(c->stream);
    free(c->block);
    free(c->comments);
    free(c);
}
