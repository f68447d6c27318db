/* SPDX-License-Identifier: MIT */
/*
 * weft dump: what passes on a link, or stands in a capture file, decoded.
 *
 * Owns    the choice of what is shown. Frames are shown as they come, one at a
 *         time, so a file of any length and a link of any age will do; only
 *         --anatomy and --html, which group frames, hold the exchange whole.
 */
#include "cli/cli.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct options {
    uint64_t count; /* frames; 0: all */
    bool hex;
    bool anatomy;
    const char *html;
    uint64_t width;
};

struct dump {
    const struct options *options;
    struct weft_inspect_options inspect;
    struct weft_flows *flows;
    struct weft_dissection *dissection;
    struct cli_net net; /* of a link */
    uint64_t shown;
};

static bool is_enough(const struct dump *dump)
{
    return dump->options->count > 0 && dump->shown >= dump->options->count;
}

static void show(struct dump *dump, const struct weft_frame *frame)
{
    if (is_enough(dump))
        return;
    if (dump->inspect.start == 0)
        dump->inspect.start = frame->time;
    weft_dissect(dump->flows, frame, dump->dissection);
    weft_dissect_print(stdout, ++dump->shown, frame, dump->dissection, &dump->inspect);
}

/* --- A file ----------------------------------------------------------------------------- */

static void print_comment(const char *text)
{
    const char *end;

    do {
        end = strchrnul(text, '\n');
        fputs("      # ", stdout);
        cli_print_safe(stdout, text, (size_t)(end - text));
        fputc('\n', stdout);
        text = end + 1;
    } while (*end);
}

/* Not every sentence of those that read names the file. */
static int cannot_read(const struct cli *cli, const char *path, const char *why)
{
    return strstr(why, path) ? cli_failed(cli, "%s", why) : cli_failed(cli, "%s: %s", path, why);
}

static int dump_file(const struct cli *cli, struct dump *dump, const char *path)
{
    struct weft_capture *capture;
    struct weft_frame frame;
    const char *comment;
    char why[300];
    int got = 0;
    int err = weft_capture_open(path, &capture, why, sizeof(why));

    if (err)
        return cannot_read(cli, path, why);
    while (!is_enough(dump) && (got = weft_capture_next(capture, &frame)) > 0) {
        show(dump, &frame);
        for (unsigned n = 0; cli->link.verbose && (comment = weft_capture_comment(capture, n)); n++)
            print_comment(comment);
    }
    if (weft_capture_skipped(capture) > 0)
        cli_note(cli, "%s: %" PRIu64 " frames of other link types were passed over", path,
                 weft_capture_skipped(capture));
    if (got < 0)
        cli_note(cli, "%s: %s", path,
                 weft_capture_problem(capture) ? weft_capture_problem(capture) : weft_strerror(got));
    weft_capture_close(capture);
    return got < 0 ? CLI_FAILED : CLI_OK;
}

static int write_html(const struct cli *cli, const struct dump *dump, const struct weft_recording *recording)
{
    FILE *out = fopen(dump->options->html, "w");
    int err;

    if (!out)
        return cli_failed(cli, "--html: %s: %s", dump->options->html, strerror(errno));
    err = weft_anatomy_html(out, recording, &dump->inspect);
    if (fclose(out) != 0 && !err)
        err = WEFT_E_IO;
    return err ? cli_failed(cli, "--html: %s: %s", dump->options->html, weft_strerror(err)) : CLI_OK;
}

static int show_anatomy(const struct cli *cli, const struct dump *dump,
                        const struct weft_recording *recording)
{
    int err = 0;

    if (dump->options->anatomy)
        err = weft_anatomy_text(stdout, recording, &dump->inspect);
    if (err)
        return cli_failed(cli, "the anatomy could not be made: %s", weft_strerror(err));
    return dump->options->html ? write_html(cli, dump, recording) : CLI_OK;
}

/* A file as one exchange. */
static int dump_exchange(const struct cli *cli, const struct dump *dump, const char *path)
{
    struct weft_recording *recording;
    char why[300] = "";
    int err = weft_recording_load(path, NULL, &recording, why, sizeof(why));
    int status;

    if (err)
        return cannot_read(cli, path, why);
    if (*why)
        cli_note(cli, "%s", why);
    status = show_anatomy(cli, dump, recording);
    weft_recording_free(recording);
    return status;
}

/* --- A link ------------------------------------------------------------------------------ */

static void frame_passed(void *ctx, bool outgoing, const uint8_t *bytes, uint32_t len, weft_time now)
{
    struct dump *dump = ctx;
    struct weft_frame frame = {
        .time = now,
        .type = dump->net.link->type,
        .direction = outgoing ? WEFT_DIRECTION_OUT : WEFT_DIRECTION_IN,
        .iface = 1,
        .bytes = bytes,
        .len = len,
        .wire_len = len,
    };

    show(dump, &frame);
    if (is_enough(dump))
        weft_loop_stop(dump->net.loop);
}

static void round_over(void *ctx, weft_time now)
{
    (void)ctx, (void)now;
    fflush(stdout);
}

static int dump_link(struct cli *cli, struct dump *dump)
{
    const struct weft_tee_observer observer = {.frame = frame_passed, .end_round = round_over, .ctx = dump};
    struct cli_net_wishes wishes = {.no_addr = true, .tells_itself = true, .observer = &observer};
    int status;

    status = cli_net_open(cli, &wishes, &dump->net);
    if (status != CLI_OK)
        return status;
    cli_note(cli, "listening on %s%s; Ctrl-C ends it", cli->link.device,
             cli->link.addr_given ? "" : " and answering nothing (--addr gives weft an address)");
    status = cli_net_run(cli, &dump->net);
    cli_net_close(cli, &dump->net);
    return status;
}

/* --- The verb ------------------------------------------------------------------------------ */

static int prepare(const struct cli *cli, struct dump *dump, const struct options *options)
{
    dump->options = options;
    dump->inspect = (struct weft_inspect_options){
        .colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR"),
        .compact = !cli->link.verbose && !options->hex && !options->anatomy,
        .all = cli->link.verbose,
        .hex = options->hex,
        .width = (unsigned)options->width,
    };
    dump->dissection = malloc(sizeof(*dump->dissection));
    if (!dump->dissection || weft_flows_new(0, &dump->flows) != 0)
        return cli_failed(cli, "no memory");
    return CLI_OK;
}

static int dump_any(struct cli *cli, struct dump *dump, unsigned operands, char **operand)
{
    bool exchange = dump->options->anatomy || dump->options->html;

    if (operands == 1 && cli->link.given)
        return cli_wrong(cli, "--%s is for a link, and FILE takes its place: only one of the two",
                         cli->link.given);
    if (exchange && dump->options->count > 0)
        return cli_wrong(cli,
                         "--count stops the list of frames; --anatomy and --html show the exchange whole");
    if (operands == 0 && !cli->link.addr_given && !weft_addr_is_any(&cli->link.gateway))
        return cli_wrong(cli, "--gateway needs --addr: without an address nothing is sent");
    if (operands == 0 && exchange)
        return cli_wrong(cli, "--anatomy and --html need a capture FILE");
    /* A device is not made, or taken over, for somebody who has only forgotten the file. */
    if (operands == 0 && !cli->link.link_given)
        return cli_wrong(cli, "FILE is missing, or a link to listen on: --link tap:%s", cli->link.device);
    if (operands == 0)
        return dump_link(cli, dump);
    return exchange ? dump_exchange(cli, dump, operand[0]) : dump_file(cli, dump, operand[0]);
}

static int run(struct cli *cli, const void *own, unsigned operands, char **operand)
{
    struct dump dump = {0};
    int status = prepare(cli, &dump, own);

    if (status == CLI_OK)
        status = dump_any(cli, &dump, operands, operand);
    if (dump.flows)
        weft_flows_free(dump.flows);
    free(dump.dissection);
    return status;
}

static const struct options defaults;

static const struct cli_option options[] = {
    {"count", 'c', CLI_NUMBER, "N", "stops after N frames", offsetof(struct options, count), 1, UINT32_MAX},
    {"hex", 'x', CLI_SWITCH, NULL, "also the bytes", offsetof(struct options, hex)},
    {"anatomy", 'a', CLI_SWITCH, NULL, "FILE as one exchange: similar frames grouped",
     offsetof(struct options, anatomy)},
    {"html", 0, CLI_TEXT, "OUT", "FILE as one exchange, as a page in OUT", offsetof(struct options, html)},
    {"width", 'w', CLI_NUMBER, "COLUMNS", "default 100", offsetof(struct options, width), 40, 1000},
    {0},
};

const struct cli_verb cli_dump = {
    .name = "dump",
    .summary = "decode what passes on a link, or a capture file",
    .operands = "[FILE]",
    .text = "Decodes the frames of FILE (pcapng or pcap, - is standard input), or those that pass\n"
            "on the link that --link names, from now on. One line for each; with --verbose every\n"
            "header field by field, and the comments that FILE has. On a link it answers nothing,\n"
            "unless --addr gives it an address. The link's options are refused with FILE.",
    .options = options,
    .min_operands = 0,
    .max_operands = 1,
    .has_link = true,
    .defaults = &defaults,
    .own_size = sizeof(defaults),
    .run = run,
};
