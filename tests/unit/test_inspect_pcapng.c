/* SPDX-License-Identifier: MIT */
/* Capture files: what is written is read again, foreign ones too, damaged ones are refused with a reason. */
#include "inspect_frames.h"

#include <sys/wait.h>
#include <unistd.h>

#include "inspect/pcapng.h"

/* A file in memory. */
struct file {
    uint8_t bytes[8192];
    size_t len;
};

/* --- Writing by hand ----------------------------------------------------------------------- */

static bool big_endian; /* of the files that put_u16 and put_u32 write */

static void put_u16(struct file *f, unsigned v)
{
    assert_true(f->len + 2 <= sizeof(f->bytes));
    f->bytes[f->len++] = (uint8_t)(big_endian ? v >> 8 : v);
    f->bytes[f->len++] = (uint8_t)(big_endian ? v : v >> 8);
}

static void put_u32(struct file *f, uint32_t v)
{
    put_u16(f, big_endian ? v >> 16 : v & 0xffff);
    put_u16(f, big_endian ? v & 0xffff : v >> 16);
}

static void put_bytes(struct file *f, const void *bytes, size_t len)
{
    memcpy(f->bytes + f->len, bytes, len);
    f->len += len;
}

static void put_section(struct file *f)
{
    put_u32(f, PCAPNG_SECTION);
    put_u32(f, 28);
    put_u32(f, PCAPNG_MAGIC);
    put_u16(f, 1);
    put_u16(f, 0);
    put_u32(f, UINT32_MAX);
    put_u32(f, UINT32_MAX);
    put_u32(f, 28);
}

/* An interface with a resolution of its own. */
static void put_interface(struct file *f, unsigned linktype, uint8_t resolution)
{
    put_u32(f, PCAPNG_INTERFACE);
    put_u32(f, 32);
    put_u16(f, linktype);
    put_u16(f, 0);
    put_u32(f, 0);
    put_u16(f, PCAPNG_OPT_IF_TSRESOL);
    put_u16(f, 1);
    put_bytes(f, &resolution, 1);
    put_bytes(f, "\0\0\0", 3);
    put_u32(f, 0);
    put_u32(f, 32);
}

static void put_packet(struct file *f, uint32_t iface, uint64_t ticks, const char *text, const char *comment)
{
    uint32_t len = (uint32_t)strlen(text), comment_len = (uint32_t)strlen(comment);
    uint32_t total = 32 + pcapng_pad(len) + 4 + pcapng_pad(comment_len) + 4;

    put_u32(f, PCAPNG_ENHANCED_PACKET);
    put_u32(f, total);
    put_u32(f, iface);
    put_u32(f, (uint32_t)(ticks >> 32));
    put_u32(f, (uint32_t)ticks);
    put_u32(f, len);
    put_u32(f, len + 5); /* cut off by five */
    put_bytes(f, text, len);
    put_bytes(f, "\0\0\0", pcapng_pad(len) - len);
    put_u16(f, PCAPNG_OPT_COMMENT);
    put_u16(f, comment_len);
    put_bytes(f, comment, comment_len);
    put_bytes(f, "\0\0\0", pcapng_pad(comment_len) - comment_len);
    put_u32(f, 0);
    put_u32(f, total);
}

static void put_unknown_block(struct file *f)
{
    put_u32(f, 0x0bad0bad);
    put_u32(f, 20);
    put_u32(f, 1);
    put_u32(f, 2);
    put_u32(f, 20);
}

/* --- Reading ---------------------------------------------------------------------------------- */

static int open_file(const struct file *f, size_t len, struct weft_capture **capture, char *why,
                     size_t why_size)
{
    FILE *stream = tmpfile();

    assert_non_null(stream);
    assert_int_equal(fwrite(f->bytes, 1, len, stream), len);
    rewind(stream);
    return weft_capture_open_stream(stream, capture, why, why_size);
}

/* Reads to the end; returns the last result, and the number of frames through `frames`. */
static int read_all(const struct file *f, size_t len, unsigned *frames)
{
    struct weft_capture *capture;
    struct weft_frame frame;
    char why[200] = "";
    int got = open_file(f, len, &capture, why, sizeof(why));

    *frames = 0;
    if (got) {
        assert_true(got != WEFT_E_BADFORMAT || *why);
        return got;
    }
    while ((got = weft_capture_next(capture, &frame)) > 0) {
        uint8_t sum = 0;

        for (uint32_t i = 0; i < frame.len; i++)
            sum ^= frame.bytes[i]; /* all of them can be read */
        assert_true(frame.len <= frame.wire_len || sum == sum + 1);
        for (unsigned n = 0; weft_capture_comment(capture, n); n++)
            assert_true(strlen(weft_capture_comment(capture, n)) < 70000);
        (*frames)++;
    }
    assert_int_equal(got < 0, weft_capture_problem(capture) != NULL);
    assert_int_equal(weft_capture_next(capture, &frame), got); /* says the same again */
    weft_capture_close(capture);
    return got;
}

static void what_is_written_is_read_again(void **state)
{
    struct weft_recording *r = sample_recording(), *again;
    char path[] = "/tmp/weft-test-XXXXXX", why[200] = "x";
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(weft_recording_save(r, path, why, sizeof(why)), 0);
    assert_int_equal(weft_recording_load(path, NULL, &again, why, sizeof(why)), 0);
    assert_string_equal(why, "");
    struct weft_recording_summary before, after;

    weft_recording_summarize(r, &before);
    weft_recording_summarize(again, &after);
    assert_int_equal(before.frames, after.frames);

    struct weft_capture *capture;
    struct weft_frame frame;
    unsigned syn = 0;

    assert_int_equal(weft_capture_open(path, &capture, why, sizeof(why)), 0);
    for (unsigned i = 0; weft_capture_next(capture, &frame) > 0; i++) {
        if (i == 0)
            assert_int_equal(frame.time, SAMPLE_EPOCH + 5 * WEFT_SEC);
        if (i != 3)
            continue;
        assert_int_equal(frame.direction, WEFT_DIRECTION_IN);
        assert_int_equal(frame.type, WEFT_LINK_ETHERNET);
        assert_int_equal(frame.len, 74);
        assert_string_equal(
            weft_capture_comment(capture, 0),
            "TCP #1 connection begins: local 10.77.0.2, remote 10.77.0.1, ports 80 and 41312, passive 1");
        assert_string_equal(weft_capture_comment(capture, 1),
                            "TCP #1 state LISTEN → SYN-RECEIVED: SYN received");
        assert_null(weft_capture_comment(capture, 2));
        syn++;
    }
    assert_int_equal(syn, 1);
    weft_capture_close(capture);
    weft_recording_free(again);
    weft_recording_free(r);
    close(fd);
    unlink(path);
}

static void both_byte_orders_and_resolutions_are_read(void **state)
{
    static const struct {
        uint8_t resolution;
        uint64_t ticks;
    } cases[] = {{6, 1700000000123456},
                 {9, 1700000000123456789},
                 {3, 1700000000123},
                 {0x80 | 20, 1700000000ull << 20}};
    static const weft_time times[] = {1700000000123456, 1700000000123456, 1700000000123000, 1700000000000000};

    (void)state;
    for (unsigned order = 0; order < 2; order++)
        for (unsigned i = 0; i < 4; i++) {
            struct file f = {0};
            struct weft_capture *capture;
            struct weft_frame frame;

            big_endian = order;
            put_section(&f);
            put_unknown_block(&f);
            put_interface(&f, LINKTYPE_RAW, cases[i].resolution);
            put_packet(&f, 0, cases[i].ticks, "bytes", "a comment");
            assert_int_equal(open_file(&f, f.len, &capture, NULL, 0), 0);
            assert_int_equal(weft_capture_next(capture, &frame), 1);
            assert_int_equal(frame.time, times[i]);
            assert_int_equal(frame.type, WEFT_LINK_IP);
            assert_int_equal(frame.len, 5);
            assert_int_equal(frame.wire_len, 10);
            assert_memory_equal(frame.bytes, "bytes", 5);
            assert_string_equal(weft_capture_comment(capture, 0), "a comment");
            assert_int_equal(weft_capture_next(capture, &frame), 0);
            weft_capture_close(capture);
        }
    big_endian = false;
}

static void a_section_may_follow_in_the_other_byte_order(void **state)
{
    struct file f = {0};
    unsigned frames;

    (void)state;
    put_section(&f);
    put_interface(&f, LINKTYPE_ETHERNET, 6);
    put_packet(&f, 0, 1, "first", "");
    big_endian = true;
    put_section(&f);
    put_interface(&f, LINKTYPE_RAW, 6);
    put_packet(&f, 0, 2, "second", "");
    big_endian = false;
    assert_int_equal(read_all(&f, f.len, &frames), 0);
    assert_int_equal(frames, 2);
}

static void classic_pcap_is_read(void **state)
{
    (void)state;
    for (unsigned variant = 0; variant < 4; variant++) {
        struct file f = {0};
        struct weft_capture *capture;
        struct weft_frame frame;
        bool is_nsec = variant & 2;

        big_endian = variant & 1;
        put_u32(&f, is_nsec ? PCAP_MAGIC_NSEC : PCAP_MAGIC_USEC);
        put_u16(&f, 2);
        put_u16(&f, 4);
        put_u32(&f, 0);
        put_u32(&f, 0);
        put_u32(&f, 65535);
        put_u32(&f, LINKTYPE_LINUX_SLL);
        for (unsigned i = 0; i < 2; i++) { /* the second carries no IP */
            put_u32(&f, 1700000000);
            put_u32(&f, is_nsec ? 123456789 : 123456);
            put_u32(&f, 20);
            put_u32(&f, 30);
            put_bytes(&f, "0123456789abcd", 14);
            put_bytes(&f, i ? "\x08\x06" : "\x08\x00", 2);
            put_bytes(&f, "IPv4", 4);
        }
        assert_int_equal(open_file(&f, f.len, &capture, NULL, 0), 0);
        assert_int_equal(weft_capture_next(capture, &frame), 1);
        assert_int_equal(frame.time, 1700000000123456);
        assert_int_equal(frame.len, 4);
        assert_int_equal(frame.wire_len, 14);
        assert_memory_equal(frame.bytes, "IPv4", 4);
        assert_int_equal(weft_capture_next(capture, &frame), 0);
        assert_int_equal(weft_capture_skipped(capture), 1);
        weft_capture_close(capture);
    }
    big_endian = false;
}

/* --- Damage --------------------------------------------------------------------------------------- */

/* A file with one of each. */
static void make_file(struct file *f)
{
    *f = (struct file){0};
    put_section(f);
    put_interface(f, LINKTYPE_ETHERNET, 6);
    put_packet(f, 0, 1000, "some bytes of a frame", "what is to be said of it");
    put_unknown_block(f);
    put_packet(f, 0, 2000, "x", "");
}

static void every_truncation_ends_with_a_reason(void **state)
{
    struct file f;
    unsigned frames, whole = 0;

    (void)state;
    make_file(&f);
    for (size_t len = 0; len <= f.len; len++) {
        int got = read_all(&f, len, &frames);

        if (got == 0)
            whole++; /* cut between two blocks */
        else
            assert_int_equal(got, WEFT_E_BADFORMAT);
    }
    assert_int_equal(whole, 5);
}

static void a_bad_length_is_refused_with_a_reason(void **state)
{
    static const struct {
        size_t at; /* from the beginning of the first packet block */
        uint32_t value;
        const char *why;
    } cases[] = {
        {4, 0, "a block of 0 bytes"},
        {4, 13, "a block of 13 bytes"},
        {4, 0xfffffffc, "too large"},
        {8, 7, "not described"},
        {20, 0xffffffff, "a packet of 4294967295 bytes"},
        {20, 100, "a packet of 100 bytes"},
        {84, 44, "the two lengths of a block differ"},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct file f;
        struct weft_capture *capture;
        struct weft_frame frame;
        size_t packet = 28 + 32;

        make_file(&f);
        f.bytes[packet + cases[i].at] = (uint8_t)cases[i].value;
        f.bytes[packet + cases[i].at + 1] = (uint8_t)(cases[i].value >> 8);
        f.bytes[packet + cases[i].at + 2] = (uint8_t)(cases[i].value >> 16);
        f.bytes[packet + cases[i].at + 3] = (uint8_t)(cases[i].value >> 24);
        assert_int_equal(open_file(&f, f.len, &capture, NULL, 0), 0);
        assert_int_equal(weft_capture_next(capture, &frame), WEFT_E_BADFORMAT);
        assert_non_null(strstr(weft_capture_problem(capture), cases[i].why));
        weft_capture_close(capture);
    }
}

static void what_is_no_capture_is_refused(void **state)
{
    char why[100] = "";
    struct weft_capture *capture;
    struct file f = {.bytes = "#!/bin/sh\n", .len = 10};

    (void)state;
    assert_int_equal(open_file(&f, f.len, &capture, why, sizeof(why)), WEFT_E_BADFORMAT);
    assert_non_null(strstr(why, "neither pcapng nor pcap"));
    assert_int_equal(open_file(&f, 0, &capture, why, sizeof(why)), WEFT_E_BADFORMAT);
    assert_int_equal(weft_capture_open("/nowhere/at/all", &capture, why, sizeof(why)), WEFT_E_NOTFOUND);
    assert_non_null(strstr(why, "/nowhere/at/all"));
}

static void mutations_are_survived(void **state)
{
    struct test_rng rng = test_rng_start("mutations_are_survived");
    struct file whole;
    unsigned frames;

    (void)state;
    make_file(&whole);
    for (unsigned round = 0; round < 4000; round++) {
        struct file f = whole;

        for (unsigned flips = 1 + test_rng_below(&rng, 4); flips > 0; flips--)
            f.bytes[test_rng_below(&rng, (uint32_t)f.len)] = (uint8_t)test_rng_u32(&rng);
        (void)read_all(&f, f.len, &frames);
        assert_true(frames <= 20);
    }
}

/* --- Writing ----------------------------------------------------------------------------------------- */

static void a_full_disk_is_told(void **state)
{
    struct weft_pcapng *pcapng;
    struct weft_frame frame = FRAME_OF(frame_fragment);
    FILE *full = fopen("/dev/full", "w");
    int error = 0;

    (void)state;
    if (!full)
        skip();
    assert_int_equal(weft_pcapng_create_stream(full, 0, &pcapng), 0);
    assert_int_equal(weft_pcapng_add_iface(pcapng, 1, "x", WEFT_LINK_ETHERNET), 0);
    for (unsigned i = 0; i < 1000 && error == 0; i++)
        error = weft_pcapng_write(pcapng, &frame, NULL, 0);
    assert_int_equal(error, WEFT_E_IO);
    assert_int_equal(weft_pcapng_close(pcapng), WEFT_E_IO);
}

/* A link whose frames go into a file as they pass. */
static void a_link_is_written_down(void **state)
{
    struct weft_pipe_config config = {.type = WEFT_LINK_ETHERNET};
    struct weft_pool *pool = test_pool_new(0, 0, 0);
    struct weft_link *near, *far, *link;
    struct weft_pcapng *pcapng;
    struct weft_pktq out = {0};
    struct file f = {0};
    FILE *stream = fmemopen(f.bytes, sizeof(f.bytes), "w");
    unsigned frames;

    (void)state;
    assert_int_equal(weft_pcapng_create_stream(stream, 5, &pcapng), 0);
    assert_int_equal(weft_link_pipe(&config, &near, &far), 0);
    assert_int_equal(weft_pcapng_attach(pcapng, near, 3, &link), 0);
    for (unsigned i = 0; i < 3; i++) {
        struct weft_pkt *pkt = weft_pkt_new(pool);

        memset(weft_pkt_push(pkt, 60), 7, 60);
        weft_pktq_push(&out, pkt);
    }
    assert_int_equal(weft_link_send(link, &out, 100), 3);
    weft_link_end_round(link, 100);
    weft_link_close(link);
    weft_link_close(far);
    assert_int_equal(weft_pcapng_close(pcapng), 0);
    while (f.len + 4 <= sizeof(f.bytes) && (f.bytes[f.len] || f.bytes[f.len + 1] || f.bytes[f.len + 2]))
        f.len += f.bytes[f.len + 4] + 256u * f.bytes[f.len + 5];
    assert_int_equal(read_all(&f, f.len, &frames), 0);
    assert_int_equal(frames, 3);
    test_pool_free(pool);
}

/*
 * Wireshark's engine reads our file: no malformed packet, no bad checksum, our comments and directions.
 * It is not to look at HTTP: a retransmission, which the sample has, is an error to it then, and the
 * sample's picture is none.
 */
static void tshark_reads_it(void **state)
{
    char path[] = "/tmp/weft-test-XXXXXX", command[300], line[400];
    struct weft_recording *r = sample_recording();
    int fd = mkstemp(path);
    unsigned lines = 0, syns = 0;
    FILE *out;

    (void)state;
    if (system("command -v tshark >/dev/null 2>&1") != 0) {
        print_message("tshark is not installed: skipped\n");
        weft_recording_free(r);
        close(fd);
        unlink(path);
        skip();
    }
    assert_int_equal(weft_recording_save(r, path, NULL, 0), 0);
    (void)snprintf(command, sizeof(command),
                   "tshark -n -r %s --disable-protocol http -o "
                   "tcp.check_checksum:TRUE -o "
                   "ip.check_checksum:TRUE -T fields -E separator='|' "
                   "-e _ws.malformed -e tcp.checksum.status -e ip.checksum.status -e frame.comment "
                   "-e tcp.flags.str 2>/dev/null",
                   path);
    out = popen(command, "r");
    assert_non_null(out);
    while (fgets(line, sizeof(line), out)) {
        lines++;
        assert_int_equal(line[0], '|');   /* not malformed */
        assert_null(strstr(line, "|0|")); /* 0 is "bad" */
        syns += strstr(line, "state LISTEN → SYN-RECEIVED") != NULL;
    }
    assert_int_equal(pclose(out), 0);
    assert_int_equal(syns, 1);
    struct weft_recording_summary sum;

    weft_recording_summarize(r, &sum);
    assert_int_equal(lines, sum.frames);
    weft_recording_free(r);
    close(fd);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_again),
        cmocka_unit_test(both_byte_orders_and_resolutions_are_read),
        cmocka_unit_test(a_section_may_follow_in_the_other_byte_order),
        cmocka_unit_test(classic_pcap_is_read),
        cmocka_unit_test(every_truncation_ends_with_a_reason),
        cmocka_unit_test(a_bad_length_is_refused_with_a_reason),
        cmocka_unit_test(what_is_no_capture_is_refused),
        cmocka_unit_test(mutations_are_survived),
        cmocka_unit_test(a_full_disk_is_told),
        cmocka_unit_test(a_link_is_written_down),
        cmocka_unit_test(tshark_reads_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
