/* SPDX-License-Identifier: MIT */
/*
 * TCP options (wire/tcp_opt.h).
 *
 * Lengths here count the whole option, kind and length octets too, as in the
 * RFCs.
 */
#include "wire/tcp_opt.h"

#define MAX_LEN 40 /* RFC 9293 3.1: a data offset of 15 words */

#define MSS_LEN            4
#define WSCALE_LEN         3
#define SACK_PERMITTED_LEN 2
#define TIMESTAMPS_LEN     10
#define MD5_LEN            18
#define USER_TIMEOUT_LEN   4
#define MIN_AO_LEN         4 /* RFC 5925 2.2 */
#define EXID_LEN           2
#define SACK_LEN(n)        (2 + 8 * (n))

#define GRANULARITY_MINUTES 0x8000 /* RFC 5482 3.2 */

/* --- Reading: each has the option's content in `c` and takes it if its length is right --- */

static void read_mss(struct cursor *c, struct wire_tcp_opts *out)
{
    if (out->has_mss || cursor_left(c) != MSS_LEN - 2)
        return;
    out->has_mss = true;
    out->mss = cursor_be16(c);
}

static void read_wscale(struct cursor *c, struct wire_tcp_opts *out)
{
    if (out->has_wscale || cursor_left(c) != WSCALE_LEN - 2)
        return;
    out->has_wscale = true;
    out->wscale = cursor_u8(c);
}

static void read_timestamps(struct cursor *c, struct wire_tcp_opts *out)
{
    if (out->has_timestamps || cursor_left(c) != TIMESTAMPS_LEN - 2)
        return;
    out->has_timestamps = true;
    out->tsval = cursor_be32(c);
    out->tsecr = cursor_be32(c);
}

static void read_sack(struct cursor *c, struct wire_tcp_opts *out)
{
    size_t len = cursor_left(c);

    if (out->nsacks || len % 8 != 0 || len > (size_t)8 * WIRE_TCP_MAX_SACK)
        return;
    while (cursor_left(c)) {
        struct wire_tcp_sack *block = &out->sack[out->nsacks++];

        block->left = cursor_be32(c);
        block->right = cursor_be32(c);
    }
}

static void read_user_timeout(struct cursor *c, struct wire_tcp_opts *out)
{
    uint16_t value;

    if (out->has_user_timeout || cursor_left(c) != USER_TIMEOUT_LEN - 2)
        return;
    value = cursor_be16(c);
    if ((value & ~GRANULARITY_MINUTES) == 0) /* reserved, RFC 5482 3.4 */
        return;
    out->has_user_timeout = true;
    out->user_timeout_minutes = value & GRANULARITY_MINUTES;
    out->user_timeout = value & (uint16_t)~GRANULARITY_MINUTES;
}

/* RFC 7413 4.1.1: a cookie has 4 to 16 bytes, an even number; none is a request. */
static bool is_cookie_len(size_t len)
{
    return len == 0 || (len >= 4 && len <= WIRE_TCP_MAX_COOKIE && len % 2 == 0);
}

static void read_fast_open(struct cursor *c, struct wire_tcp_opts *out)
{
    if (out->has_fast_open || !is_cookie_len(cursor_left(c)))
        return;
    out->has_fast_open = true;
    out->cookie_len = (uint8_t)cursor_left(c);
    cursor_bytes(c, out->cookie, out->cookie_len);
}

/* The same as an experiment (RFC 6994 3); other experiments are unknown options. */
static void read_experiment(struct cursor *c, struct wire_tcp_opts *out)
{
    if (out->has_fast_open || cursor_left(c) < EXID_LEN || cursor_be16(c) != WIRE_TCP_EXID_FAST_OPEN)
        return;
    read_fast_open(c, out);
    out->fast_open_is_experimental = out->has_fast_open;
}

static void read_md5(struct cursor *c, struct wire_tcp_opts *out)
{
    if (out->has_md5 || cursor_left(c) != MD5_LEN - 2)
        return;
    out->has_md5 = true;
    out->md5 = cursor_take(c, MD5_LEN - 2);
}

static void read_ao(struct cursor *c, struct wire_tcp_opts *out)
{
    out->has_bad_ao |= out->has_ao || cursor_left(c) < MIN_AO_LEN - 2;
    if (out->has_bad_ao)
        return;
    out->has_ao = true;
    out->ao_len = (uint8_t)cursor_left(c);
    out->ao = cursor_take(c, out->ao_len);
}

static void read_option(uint8_t kind, struct cursor *c, struct wire_tcp_opts *out)
{
    switch (kind) {
    case WIRE_TCP_OPT_MSS:
        read_mss(c, out);
        break;
    case WIRE_TCP_OPT_WSCALE:
        read_wscale(c, out);
        break;
    case WIRE_TCP_OPT_SACK_PERMITTED:
        out->has_sack_permitted |= cursor_left(c) == SACK_PERMITTED_LEN - 2;
        break;
    case WIRE_TCP_OPT_SACK:
        read_sack(c, out);
        break;
    case WIRE_TCP_OPT_TIMESTAMPS:
        read_timestamps(c, out);
        break;
    case WIRE_TCP_OPT_MD5:
        read_md5(c, out);
        break;
    case WIRE_TCP_OPT_USER_TIMEOUT:
        read_user_timeout(c, out);
        break;
    case WIRE_TCP_OPT_AO:
        read_ao(c, out);
        break;
    case WIRE_TCP_OPT_FAST_OPEN:
        read_fast_open(c, out);
        break;
    case WIRE_TCP_OPT_EXPERIMENT:
        read_experiment(c, out);
        break;
    default: /* RFC 9293 MUST-6: ignored */
        break;
    }
}

unsigned wire_tcp_opt_len(unsigned kind)
{
    switch (kind) {
    case WIRE_TCP_OPT_MSS:
        return MSS_LEN;
    case WIRE_TCP_OPT_WSCALE:
        return WSCALE_LEN;
    case WIRE_TCP_OPT_SACK_PERMITTED:
        return SACK_PERMITTED_LEN;
    case WIRE_TCP_OPT_TIMESTAMPS:
        return TIMESTAMPS_LEN;
    case WIRE_TCP_OPT_MD5:
        return MD5_LEN;
    case WIRE_TCP_OPT_USER_TIMEOUT:
        return USER_TIMEOUT_LEN;
    default:
        return 0;
    }
}

bool wire_tcp_opts_parse(const uint8_t *options, size_t len, struct wire_tcp_opts *out)
{
    struct cursor c = cursor_of(options, len);

    *out = (struct wire_tcp_opts){0};
    while (cursor_left(&c)) {
        uint8_t kind = cursor_u8(&c);
        struct cursor content;
        uint8_t option_len;

        if (kind == WIRE_TCP_OPT_END)
            return true;
        if (kind == WIRE_TCP_OPT_NOP)
            continue;
        option_len = cursor_u8(&c);
        if (option_len < 2) /* RFC 9293 MUST-7; also what is cut off behind the kind */
            return false;
        content = cursor_sub(&c, option_len - 2u);
        if (!cursor_ok(&c))
            return false;
        read_option(kind, &content, out);
    }
    return true;
}

/* --- Writing --- */

struct options_writer {
    struct writer *w;
    size_t left; /* of the 40 bytes */
};

static void write_nops(struct options_writer *o, size_t n)
{
    o->left -= n;
    while (n--)
        writer_u8(o->w, WIRE_TCP_OPT_NOP);
}

static void write_head(struct options_writer *o, uint8_t kind, size_t len)
{
    o->left -= len;
    writer_u8(o->w, kind);
    writer_u8(o->w, (uint8_t)len);
}

/* NOPs that make `len` a multiple of 4, then kind and length. Returns false when there is no room. */
static bool begin(struct options_writer *o, uint8_t kind, size_t len)
{
    size_t padding = -len % 4;

    if (padding + len > o->left)
        return false;
    write_nops(o, padding);
    write_head(o, kind, len);
    return true;
}

/* SACK-permitted takes the place of the two NOPs before timestamps, as in RFC 7323 appendix A. */
static void write_sack_permitted_and_timestamps(struct options_writer *o, const struct wire_tcp_opts *in)
{
    if (in->has_sack_permitted && in->has_timestamps) {
        write_head(o, WIRE_TCP_OPT_SACK_PERMITTED, SACK_PERMITTED_LEN);
        write_head(o, WIRE_TCP_OPT_TIMESTAMPS, TIMESTAMPS_LEN);
    } else if (in->has_sack_permitted) {
        begin(o, WIRE_TCP_OPT_SACK_PERMITTED, SACK_PERMITTED_LEN);
    } else if (in->has_timestamps) {
        begin(o, WIRE_TCP_OPT_TIMESTAMPS, TIMESTAMPS_LEN);
    }
    if (in->has_timestamps) {
        writer_be32(o->w, in->tsval);
        writer_be32(o->w, in->tsecr);
    }
}

static void write_signatures(struct options_writer *o, const struct wire_tcp_opts *in)
{
    if (in->has_md5 && begin(o, WIRE_TCP_OPT_MD5, MD5_LEN))
        writer_bytes(o->w, in->md5, MD5_LEN - 2);
    if (in->has_ao && begin(o, WIRE_TCP_OPT_AO, in->ao_len + 2u))
        writer_bytes(o->w, in->ao, in->ao_len);
}

static void write_user_timeout(struct options_writer *o, const struct wire_tcp_opts *in)
{
    unsigned granularity = in->user_timeout_minutes ? GRANULARITY_MINUTES : 0;

    if (in->has_user_timeout && begin(o, WIRE_TCP_OPT_USER_TIMEOUT, USER_TIMEOUT_LEN))
        writer_be16(o->w, (uint16_t)(granularity | in->user_timeout));
}

/* The NOPs stand behind it: the last option of a SYN, as other hosts have it. */
static void write_fast_open(struct options_writer *o, const struct wire_tcp_opts *in)
{
    bool experimental = in->fast_open_is_experimental;
    size_t len = 2u + in->cookie_len + (experimental ? EXID_LEN : 0);
    size_t padding = -len % 4;

    if (!in->has_fast_open || len + padding > o->left)
        return;
    write_head(o, experimental ? WIRE_TCP_OPT_EXPERIMENT : WIRE_TCP_OPT_FAST_OPEN, len);
    if (experimental)
        writer_be16(o->w, WIRE_TCP_EXID_FAST_OPEN);
    writer_bytes(o->w, in->cookie, in->cookie_len);
    write_nops(o, padding);
}

/* As many blocks as there is room for: two NOPs, kind and length, then 8 bytes each. */
static void write_sack(struct options_writer *o, const struct wire_tcp_opts *in)
{
    size_t n = o->left < 4 ? 0 : (o->left - 4) / 8;

    if (n > in->nsacks)
        n = in->nsacks;
    if (n == 0 || !begin(o, WIRE_TCP_OPT_SACK, SACK_LEN(n)))
        return;
    for (size_t i = 0; i < n; i++) {
        writer_be32(o->w, in->sack[i].left);
        writer_be32(o->w, in->sack[i].right);
    }
}

static void write_wscale(struct options_writer *o, const struct wire_tcp_opts *in)
{
    if (in->has_wscale && begin(o, WIRE_TCP_OPT_WSCALE, WSCALE_LEN))
        writer_u8(o->w, in->wscale);
}

/* Returns how many bytes that made. */
static size_t write_options(const struct wire_tcp_opts *in, struct writer *w)
{
    struct options_writer o = {w, MAX_LEN};

    if (in->has_mss && begin(&o, WIRE_TCP_OPT_MSS, MSS_LEN))
        writer_be16(w, in->mss);
    if (in->wscale_first)
        write_wscale(&o, in);
    write_sack_permitted_and_timestamps(&o, in);
    if (!in->wscale_first)
        write_wscale(&o, in);
    write_signatures(&o, in);
    write_user_timeout(&o, in);
    write_fast_open(&o, in);
    write_sack(&o, in);
    return MAX_LEN - o.left;
}

size_t wire_tcp_opts_len(const struct wire_tcp_opts *in)
{
    struct writer nowhere = {NULL, NULL, true};

    return write_options(in, &nowhere);
}

void wire_tcp_opts_emit(const struct wire_tcp_opts *in, struct writer *w)
{
    write_options(in, w);
}
