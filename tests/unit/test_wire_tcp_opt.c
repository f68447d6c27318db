/* SPDX-License-Identifier: MIT */
/* TCP options: what hosts send, every wrong length, and the 40 bytes that there are. */
#include "support.h"

#include "wire/tcp_opt.h"

static bool parse(const void *bytes, size_t len, struct wire_tcp_opts *out)
{
    return wire_tcp_opts_parse(bytes, len, out);
}

/* Emits into memory of the exact size and returns the length. */
static size_t emit(const struct wire_tcp_opts *in, uint8_t *out)
{
    size_t len = wire_tcp_opts_len(in);
    uint8_t *exact = malloc(len + 1);
    struct writer w = writer_of(exact, len);

    assert_true(len <= 40 && len % 4 == 0);
    wire_tcp_opts_emit(in, &w);
    assert_false(w.failed);
    assert_ptr_equal(w.at, w.end);
    memcpy(out, exact, len);
    free(exact);
    return len;
}

/* --- Known bytes --- */

static void options_of_a_syn(void **state)
{
    static const uint8_t bytes[20] = {2, 4, 0x05, 0xb4, 4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0, 1, 3, 3, 7};
    struct wire_tcp_opts opts;
    uint8_t out[40];

    (void)state;
    assert_true(parse(bytes, sizeof(bytes), &opts));
    assert_true(opts.has_mss && opts.has_sack_permitted && opts.has_timestamps && opts.has_wscale);
    assert_int_equal(opts.mss, 1460);
    assert_int_equal(opts.tsval, 0x01020304);
    assert_int_equal(opts.tsecr, 0);
    assert_int_equal(opts.wscale, 7);
    assert_int_equal(emit(&opts, out), sizeof(bytes));
    assert_memory_equal(out, bytes, sizeof(bytes));
}

static void options_of_an_ack_with_sack(void **state)
{
    static const uint8_t bytes[32] = {1, 1, 8, 10, 0, 0, 0, 9, 0, 0, 0, 8, 1, 1, 5, 18,
                                      0, 0, 1, 0,  0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 1};
    struct wire_tcp_opts opts;
    uint8_t out[40];

    (void)state;
    assert_true(parse(bytes, sizeof(bytes), &opts));
    assert_int_equal(opts.tsval, 9);
    assert_int_equal(opts.tsecr, 8);
    assert_int_equal(opts.nsacks, 2);
    assert_int_equal(opts.sack[0].left, 0x100);
    assert_int_equal(opts.sack[0].right, 0x200);
    assert_int_equal(opts.sack[1].left, 0x300);
    assert_int_equal(opts.sack[1].right, 0x401);
    assert_int_equal(emit(&opts, out), sizeof(bytes));
    assert_memory_equal(out, bytes, sizeof(bytes));
}

static void the_rest(void **state)
{
    static const uint8_t bytes[] = {28, 4, 0x80, 0x05, 34, 6, 'c', 'o', 'o', 'k', 29, 5, 1, 2, 'm'};
    static const uint8_t md5[18] = {19, 18, 1, 2, 3};
    struct wire_tcp_opts opts;

    (void)state;
    assert_true(parse(bytes, sizeof(bytes), &opts));
    assert_true(opts.has_user_timeout && opts.user_timeout_minutes);
    assert_int_equal(opts.user_timeout, 5);
    assert_true(opts.has_fast_open);
    assert_int_equal(opts.cookie_len, 4);
    assert_memory_equal(opts.cookie, "cook", 4);
    assert_true(opts.has_ao);
    assert_int_equal(opts.ao_len, 3);
    assert_ptr_equal(opts.ao, bytes + 12);
    assert_true(parse(md5, sizeof(md5), &opts));
    assert_true(opts.has_md5);
    assert_ptr_equal(opts.md5, md5 + 2);
    assert_true(parse("\x22\x02\x1c\x04\x00\x1e", 6, &opts));
    assert_true(opts.has_fast_open && opts.cookie_len == 0);
    assert_true(opts.has_user_timeout && !opts.user_timeout_minutes);
    assert_int_equal(opts.user_timeout, 30);
}

/* RFC 6994 3: fast open before it had its own kind; other experiments are unknown options. */
static void fast_open_as_an_experiment(void **state)
{
    static const uint8_t request[] = {254, 4, 0xf9, 0x89};
    static const uint8_t cookie[] = {254, 12, 0xf9, 0x89, 1, 2, 3, 4, 5, 6, 7, 8};
    static const uint8_t other[] = {254, 8, 0xf9, 0x88, 1, 2, 3, 4, 254, 3, 0xf9, 254, 2};
    static const uint8_t both[] = {34, 6, 1, 2, 3, 4, 254, 4, 0xf9, 0x89};
    struct wire_tcp_opts opts;
    uint8_t out[40];

    (void)state;
    assert_true(parse(request, sizeof(request), &opts));
    assert_true(opts.has_fast_open && opts.fast_open_is_experimental && opts.cookie_len == 0);
    assert_int_equal(emit(&opts, out), sizeof(request));
    assert_memory_equal(out, request, sizeof(request));
    assert_true(parse(cookie, sizeof(cookie), &opts));
    assert_true(opts.has_fast_open && opts.fast_open_is_experimental && opts.cookie_len == 8);
    assert_int_equal(emit(&opts, out), sizeof(cookie));
    assert_memory_equal(out, cookie, sizeof(cookie));
    assert_true(parse(other, sizeof(other), &opts));
    assert_false(opts.has_fast_open || opts.fast_open_is_experimental);
    assert_true(parse(both, sizeof(both), &opts));
    assert_true(opts.has_fast_open && !opts.fast_open_is_experimental && opts.cookie_len == 4);
}

/* RFC 9293 MUST-6: an unknown option is passed over by its length. */
static void unknown_options_are_passed_over(void **state)
{
    struct wire_tcp_opts opts;

    (void)state;
    assert_true(parse("\xfd\x05\x02\x04\x09\x02\x04\x02\x00", 9, &opts));
    assert_true(opts.has_mss);
    assert_int_equal(opts.mss, 512);
}

static void nothing_follows_end(void **state)
{
    struct wire_tcp_opts opts;

    (void)state;
    assert_true(parse("\x01\x00\x02\x04\x05\xb4\xff\x01", 8, &opts));
    assert_false(opts.has_mss);
    assert_true(parse("", 0, &opts));
    assert_true(parse(NULL, 0, &opts));
}

/* --- Cut anywhere --- */

/* What stood before the cut is there; what was cut counts as illegal unless the cut is between options. */
static void cut_anywhere(void **state)
{
    static const uint8_t bytes[20] = {2, 4, 0x05, 0xb4, 4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0, 1, 3, 3, 7};

    (void)state;
    for (size_t len = 0; len <= sizeof(bytes); len++) {
        uint8_t *exact = malloc(len + 1);
        struct wire_tcp_opts opts;
        bool whole = len == 0 || len == 4 || len == 6 || len == 16 || len == 17 || len == 20;

        memcpy(exact, bytes, len);
        assert_int_equal(parse(exact, len, &opts), whole);
        assert_int_equal(opts.has_mss, len >= 4);
        assert_int_equal(opts.has_sack_permitted, len >= 6);
        assert_int_equal(opts.has_timestamps, len >= 16);
        assert_int_equal(opts.has_wscale, len >= 20);
        free(exact);
    }
}

/* --- Illegal values --- */

static bool is_legal_len(uint8_t kind, unsigned len)
{
    switch (kind) {
    case WIRE_TCP_OPT_MSS:
    case WIRE_TCP_OPT_USER_TIMEOUT:
        return len == 4;
    case WIRE_TCP_OPT_WSCALE:
        return len == 3;
    case WIRE_TCP_OPT_SACK_PERMITTED:
        return len == 2;
    case WIRE_TCP_OPT_SACK:
        return len == 10 || len == 18 || len == 26 || len == 34;
    case WIRE_TCP_OPT_TIMESTAMPS:
        return len == 10;
    case WIRE_TCP_OPT_MD5:
        return len == 18;
    case WIRE_TCP_OPT_AO:
        return len >= 4;
    case WIRE_TCP_OPT_FAST_OPEN:
        return len == 2 || (len >= 6 && len <= 18 && len % 2 == 0);
    default:
        return false;
    }
}

static bool has_any(const struct wire_tcp_opts *o)
{
    return o->has_mss || o->has_wscale || o->has_sack_permitted || o->has_timestamps || o->has_user_timeout ||
           o->has_fast_open || o->has_md5 || o->has_ao || o->nsacks;
}

/* Every kind with every length: below 2 or too long is MUST-7; wrong for its kind is passed over. */
static void every_length_of_every_kind(void **state)
{
    (void)state;
    for (unsigned kind = 2; kind < 256; kind++)
        for (unsigned len = 0; len < 256; len++) {
            uint8_t bytes[40];
            struct wire_tcp_opts opts;

            memset(bytes, 1, sizeof(bytes));
            bytes[0] = (uint8_t)kind;
            bytes[1] = (uint8_t)len;
            assert_int_equal(parse(bytes, sizeof(bytes), &opts), len >= 2 && len <= 40);
            assert_int_equal(has_any(&opts), len >= 2 && len <= 40 && is_legal_len((uint8_t)kind, len));
        }
}

/* Of a kind that comes twice the first counts; one of wrong length does not count as coming. */
static void first_counts(void **state)
{
    static const uint8_t twice[] = {2, 4, 0, 1, 3, 3, 1, 2, 4, 0, 2, 3, 3, 2, 28, 4, 0, 1, 28, 4, 0, 2};
    static const uint8_t wrong_first[] = {2, 3, 9, 2, 4, 0, 2, 3, 2, 3, 3, 14, 34, 3, 0, 34, 2};
    struct wire_tcp_opts opts;

    (void)state;
    assert_true(parse(twice, sizeof(twice), &opts));
    assert_int_equal(opts.mss, 1);
    assert_int_equal(opts.wscale, 1);
    assert_int_equal(opts.user_timeout, 1);
    assert_true(parse("\5\x0a\0\0\0\1\0\0\0\2\5\x0a\0\0\0\3\0\0\0\4", 20, &opts));
    assert_int_equal(opts.nsacks, 1);
    assert_int_equal(opts.sack[0].right, 2);
    assert_true(parse(wrong_first, sizeof(wrong_first), &opts));
    assert_int_equal(opts.mss, 2);
    assert_int_equal(opts.wscale, 14);
    assert_true(opts.has_fast_open);
}

/* RFC 5925 2.2: whoever reads it must know that it was there, and bad. */
static void a_bad_ao_is_told(void **state)
{
    struct wire_tcp_opts opts;

    (void)state;
    assert_true(parse("\x1d\x03\x01", 3, &opts));
    assert_true(opts.has_bad_ao && !opts.has_ao);
    assert_true(parse("\x1d\x04\x01\x02", 4, &opts));
    assert_true(opts.has_ao && !opts.has_bad_ao);
    assert_true(parse("\x1d\x04\x01\x02\x01\x1d\x05\x03\x04\x05", 10, &opts));
    assert_true(opts.has_ao && opts.has_bad_ao);
    assert_int_equal(opts.ao[0], 1);
}

/* RFC 5482 3.4: a timeout of zero is reserved. A window scale above 14 stands as it came. */
static void odd_values(void **state)
{
    struct wire_tcp_opts opts;

    (void)state;
    assert_true(parse("\x1c\x04\x00\x00\x1c\x04\x80\x00\x03\x03\xff", 11, &opts));
    assert_false(opts.has_user_timeout);
    assert_int_equal(opts.wscale, 255);
}

/* --- Emit --- */

static void alignment(void **state)
{
    struct wire_tcp_opts opts = {.has_timestamps = true, .tsval = 1, .tsecr = 2};
    uint8_t out[40];

    (void)state;
    assert_int_equal(emit(&opts, out), 12);
    assert_memory_equal(out, "\x01\x01\x08\x0a\0\0\0\x01\0\0\0\x02", 12); /* RFC 7323 appendix A */
    opts = (struct wire_tcp_opts){.has_sack_permitted = true, .has_wscale = true, .wscale = 9};
    assert_int_equal(emit(&opts, out), 8);
    assert_memory_equal(out, "\x01\x01\x04\x02\x01\x03\x03\x09", 8);
    opts = (struct wire_tcp_opts){.has_sack_permitted = true,
                                  .has_timestamps = true,
                                  .has_wscale = true,
                                  .wscale = 9,
                                  .wscale_first = true};
    assert_int_equal(emit(&opts, out), 16);
    assert_memory_equal(out, "\x01\x03\x03\x09\x04\x02\x08\x0a\0\0\0\0\0\0\0\0", 16);
    opts = (struct wire_tcp_opts){.has_wscale = true, .wscale = 9, .has_fast_open = true, .cookie_len = 4};
    assert_int_equal(emit(&opts, out), 12); /* the NOPs of fast open stand behind it */
    assert_memory_equal(out, "\x01\x03\x03\x09\x22\x06\0\0\0\0\x01\x01", 12);
    opts = (struct wire_tcp_opts){0};
    assert_int_equal(emit(&opts, out), 0);
}

/* With timestamps there is room for three blocks, without for four, with MD5 and timestamps for none. */
static void sack_blocks_take_the_room_that_is_left(void **state)
{
    static const uint8_t digest[16];
    struct wire_tcp_opts opts = {.nsacks = 4}, back;
    uint8_t out[40];

    (void)state;
    for (unsigned i = 0; i < 4; i++)
        opts.sack[i] = (struct wire_tcp_sack){i, i + 1};
    assert_int_equal(emit(&opts, out), 36);
    opts.has_timestamps = true;
    assert_int_equal(emit(&opts, out), 40);
    assert_true(parse(out, 40, &back));
    assert_int_equal(back.nsacks, 3);
    assert_int_equal(back.sack[2].right, 3);
    opts.has_md5 = true;
    opts.md5 = digest;
    assert_int_equal(emit(&opts, out), 32);
    assert_true(parse(out, 32, &back));
    assert_int_equal(back.nsacks, 0);
}

static void random_opts(struct test_rng *rng, struct wire_tcp_opts *o, const uint8_t bytes[38])
{
    *o = (struct wire_tcp_opts){
        .has_mss = test_rng_below(rng, 2),
        .has_wscale = test_rng_below(rng, 2),
        .has_sack_permitted = test_rng_below(rng, 2),
        .has_timestamps = test_rng_below(rng, 2),
        .has_user_timeout = test_rng_below(rng, 4) == 0,
        .has_fast_open = test_rng_below(rng, 4) == 0,
        .has_md5 = test_rng_below(rng, 8) == 0,
        .has_ao = test_rng_below(rng, 8) == 0,
        .mss = (uint16_t)test_rng_u32(rng),
        .wscale = (uint8_t)test_rng_u32(rng),
        .tsval = test_rng_u32(rng),
        .tsecr = test_rng_u32(rng),
        .nsacks = (uint8_t)test_rng_below(rng, 5),
        .user_timeout_minutes = test_rng_below(rng, 2),
        .user_timeout = (uint16_t)test_rng_between(rng, 1, 0x7fff),
        .fast_open_is_experimental = test_rng_below(rng, 2),
        .cookie_len = (uint8_t)(2 * test_rng_between(rng, 2, 8)),
        .md5 = bytes,
        .ao = bytes,
        .ao_len = (uint8_t)test_rng_between(rng, 2, 38),
    };
    test_rng_bytes(rng, o->cookie, o->cookie_len);
    test_rng_bytes(rng, o->sack, sizeof(o->sack[0]) * o->nsacks);
}

static void assert_kept(const struct wire_tcp_opts *in, const struct wire_tcp_opts *out)
{
    if (out->has_mss)
        assert_int_equal(out->mss, in->mss);
    if (out->has_wscale)
        assert_int_equal(out->wscale, in->wscale);
    if (out->has_timestamps)
        assert_true(out->tsval == in->tsval && out->tsecr == in->tsecr);
    if (out->has_user_timeout)
        assert_true(out->user_timeout == in->user_timeout &&
                    out->user_timeout_minutes == in->user_timeout_minutes);
    if (out->has_fast_open) {
        assert_int_equal(out->cookie_len, in->cookie_len);
        assert_int_equal(out->fast_open_is_experimental, in->fast_open_is_experimental);
        assert_memory_equal(out->cookie, in->cookie, in->cookie_len);
    }
    if (out->has_md5)
        assert_memory_equal(out->md5, in->md5, 16);
    if (out->has_ao)
        assert_memory_equal(out->ao, in->ao, in->ao_len);
    assert_memory_equal(out->sack, in->sack, sizeof(in->sack[0]) * out->nsacks);
}

/* What is emitted is read back; nothing comes that was not asked for; with room, all comes. */
static void emit_parse_emit(void **state)
{
    struct test_rng rng = test_rng_start(__func__);
    uint8_t bytes[38], first[40], second[40];

    (void)state;
    test_rng_bytes(&rng, bytes, sizeof(bytes));
    for (unsigned i = 0; i < 20000; i++) {
        struct wire_tcp_opts in, out;
        size_t len;

        random_opts(&rng, &in, bytes);
        len = emit(&in, first);
        assert_true(parse(first, len, &out));
        assert_true(out.has_mss == in.has_mss);
        assert_true(out.has_sack_permitted == in.has_sack_permitted &&
                    out.has_timestamps == in.has_timestamps);
        assert_true(out.has_wscale == in.has_wscale);
        assert_true(out.has_user_timeout <= in.has_user_timeout && out.has_fast_open <= in.has_fast_open);
        assert_true(out.has_md5 <= in.has_md5 && out.has_ao <= in.has_ao && out.nsacks <= in.nsacks);
        assert_kept(&in, &out);
        assert_int_equal(emit(&out, second), len);
        assert_memory_equal(first, second, len);
    }
}

/* Any bytes are read without leaving them, and what was understood survives being written. */
static void parse_emit_parse(void **state)
{
    struct test_rng rng = test_rng_start(__func__);

    (void)state;
    for (unsigned i = 0; i < 50000; i++) {
        size_t len = test_rng_below(&rng, 41);
        uint8_t *bytes = malloc(len + 1);
        struct wire_tcp_opts in, out;
        uint8_t emitted[40];

        for (size_t k = 0; k < len; k++)
            bytes[k] = (uint8_t)(test_rng_below(&rng, 3) ? test_rng_below(&rng, 36) : test_rng_u32(&rng));
        parse(bytes, len, &in);
        assert_true(in.nsacks <= WIRE_TCP_MAX_SACK && in.cookie_len <= WIRE_TCP_MAX_COOKIE);
        assert_true(parse(emitted, emit(&in, emitted), &out));
        assert_kept(&in, &out);
        free(bytes);
    }
}

/* No other length of a kind that has one is read; of the rest, several are. */
static void lengths_that_kinds_must_have(void **state)
{
    (void)state;
    assert_int_equal(wire_tcp_opt_len(WIRE_TCP_OPT_MSS), 4);            /* RFC 9293 3.2 */
    assert_int_equal(wire_tcp_opt_len(WIRE_TCP_OPT_WSCALE), 3);         /* RFC 7323 2.2 */
    assert_int_equal(wire_tcp_opt_len(WIRE_TCP_OPT_SACK_PERMITTED), 2); /* RFC 2018 2 */
    assert_int_equal(wire_tcp_opt_len(WIRE_TCP_OPT_TIMESTAMPS), 10);    /* RFC 7323 3.2 */
    assert_int_equal(wire_tcp_opt_len(WIRE_TCP_OPT_MD5), 18);           /* RFC 2385 3.0 */
    assert_int_equal(wire_tcp_opt_len(WIRE_TCP_OPT_USER_TIMEOUT), 4);   /* RFC 5482 3 */
    assert_int_equal(wire_tcp_opt_len(WIRE_TCP_OPT_SACK), 0);
    assert_int_equal(wire_tcp_opt_len(WIRE_TCP_OPT_AO), 0);
    assert_int_equal(wire_tcp_opt_len(200), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_of_a_syn),
        cmocka_unit_test(options_of_an_ack_with_sack),
        cmocka_unit_test(the_rest),
        cmocka_unit_test(fast_open_as_an_experiment),
        cmocka_unit_test(unknown_options_are_passed_over),
        cmocka_unit_test(nothing_follows_end),
        cmocka_unit_test(cut_anywhere),
        cmocka_unit_test(every_length_of_every_kind),
        cmocka_unit_test(lengths_that_kinds_must_have),
        cmocka_unit_test(first_counts),
        cmocka_unit_test(a_bad_ao_is_told),
        cmocka_unit_test(odd_values),
        cmocka_unit_test(alignment),
        cmocka_unit_test(sack_blocks_take_the_room_that_is_left),
        cmocka_unit_test(emit_parse_emit),
        cmocka_unit_test(parse_emit_parse),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
