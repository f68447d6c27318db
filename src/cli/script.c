/* SPDX-License-Identifier: MIT */
/*
 * weft script: packet scripts, one after the other, each against a stack of its
 * own in virtual time.
 *
 * Owns    which files are run, and how results are told. What a script means is
 *         the business of weft/script.h.
 */
#include "cli/cli.h"

#include <errno.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>

#include <weft/script.h>

#define SUFFIX ".pkt"

struct options {
    bool tap;
    bool verbose;
    const char *pcap;
    const char *config;
    weft_time tolerance;
};

struct tally {
    const struct options *options;
    struct weft_script_options run;
    unsigned passed, failed;
};

/* The report goes to standard output in TAP, where it is a comment. */
static void print_report(const struct tally *tally, const char *text, size_t len)
{
    const char *end = text + len;

    while (text < end) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        const char *stop = newline ? newline : end;

        fputs(tally->options->tap ? "# " : "", stdout);
        cli_print_safe(stdout, text, (size_t)(stop - text));
        putchar('\n');
        text = stop + 1;
    }
}

static void count(struct tally *tally, const char *path, bool passed, const char *report, size_t len)
{
    if (passed)
        tally->passed++;
    else
        tally->failed++;
    if (tally->options->tap)
        printf("%sok %u - %s\n", passed ? "" : "not ", tally->passed + tally->failed, path);
    else if (!passed)
        printf("FAILED %s\n", path);
    if (!passed)
        print_report(tally, report, len);
}

static int run_file(const struct cli *cli, struct tally *tally, const char *path)
{
    struct weft_script *script;
    char why[600], *report = NULL;
    size_t len = 0;
    FILE *out;
    int rc = weft_script_read(path, &script, why, sizeof(why));

    if (rc) {
        count(tally, path, false, why, strlen(why));
        return CLI_OK;
    }
    if (tally->options->config && weft_script_config(script, tally->options->config, why, sizeof(why)) != 0) {
        weft_script_free(script);
        return cli_failed(cli, "--config: %s", why);
    }
    if (tally->run.trace)
        fprintf(tally->run.trace, "%s\n", path);
    out = open_memstream(&report, &len);
    rc = out ? weft_script_run(script, &tally->run, out) : WEFT_E_NOMEM;
    if (out)
        fclose(out);
    weft_script_free(script);
    if (rc == 0 || rc == WEFT_E_PROTO)
        count(tally, path, rc == 0, report, len);
    free(report);
    return rc == 0 || rc == WEFT_E_PROTO ? CLI_OK : cli_failed(cli, "%s: %s", path, weft_strerror(rc));
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static bool is_script(const FTSENT *entry)
{
    size_t len = strlen(entry->fts_name), suffix = strlen(SUFFIX);

    return entry->fts_level == FTS_ROOTLEVEL ||
           (len > suffix && strcmp(entry->fts_name + len - suffix, SUFFIX) == 0);
}

/* The files, and of folders all scripts below them, in the order of their names. */
static int run_all(const struct cli *cli, struct tally *tally, char **paths)
{
    FTS *tree = fts_open(paths, FTS_NOCHDIR | FTS_PHYSICAL, by_name);
    FTSENT *entry;
    int status = CLI_OK;

    if (!tree)
        return cli_failed(cli, "%s: %s", paths[0], strerror(errno));
    while (status == CLI_OK && (entry = fts_read(tree)) != NULL) {
        if (entry->fts_info == FTS_F && is_script(entry))
            status = run_file(cli, tally, entry->fts_path);
        else if (entry->fts_info == FTS_NS || entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR)
            status = cli_failed(cli, "%s: %s", entry->fts_path, strerror(entry->fts_errno));
    }
    fts_close(tree);
    return status;
}

static int finish(const struct cli *cli, const struct tally *tally)
{
    unsigned all = tally->passed + tally->failed;

    if (tally->options->tap)
        printf("1..%u\n", all);
    else
        printf("%u passed, %u failed\n", tally->passed, tally->failed);
    if (all == 0)
        return cli_failed(cli, "there is no script there: a folder's are the files that end in " SUFFIX);
    return tally->failed ? CLI_FAILED : CLI_OK;
}

static int run(struct cli *cli, const void *own, unsigned operands, char **operand)
{
    struct tally tally = {.options = own};
    struct weft_pcapng *pcapng = NULL;
    char why[300];
    int status;

    tally.run.tolerance = tally.options->tolerance;
    tally.run.trace = tally.options->verbose ? stdout : NULL;
    if (tally.options->tap && tally.options->verbose)
        return cli_wrong(cli, "--tap prints results only: not together with --verbose");
    if (tally.options->pcap && operands > 1)
        return cli_wrong(cli, "--pcap is for one FILE");
    if (tally.options->pcap && weft_pcapng_create(tally.options->pcap, 0, &pcapng, why, sizeof(why)) != 0)
        return cli_failed(cli, "--pcap: %s", why);
    tally.run.pcapng = pcapng;
    status = run_all(cli, &tally, operand);
    if (pcapng && weft_pcapng_close(pcapng) != 0 && status == CLI_OK)
        status = cli_failed(cli, "--pcap: %s could not be written", tally.options->pcap);
    return status == CLI_OK ? finish(cli, &tally) : status;
}

static const struct options defaults;

static const struct cli_option options[] = {
    {"verbose", 'v', CLI_SWITCH, NULL, "every packet and decision as it comes",
     offsetof(struct options, verbose)},
    {"tap", 0, CLI_SWITCH, NULL, "results in the form of the Test Anything Protocol",
     offsetof(struct options, tap)},
    {"tolerance", 't', CLI_TIME, "TIME",
     "segments may come this much early or late;\ndefault 0: to the microsecond",
     offsetof(struct options, tolerance), 0, WEFT_SEC},
    {"config", 'c', CLI_TEXT, "SETTINGS", "as config lines: \"NAME VALUE, ...\"",
     offsetof(struct options, config)},
    {"pcap", 0, CLI_TEXT, "OUT", "the packets of FILE go to OUT, a pcapng file",
     offsetof(struct options, pcap)},
    {0},
};

const struct cli_verb cli_script = {
    .name = "script",
    .summary = "run packet scripts against the stack, in virtual time",
    .operands = "FILE...",
    .text = "Runs each FILE, a packet script as weft-script(5) describes it, against a stack of its\n"
            "own, in virtual time. Of a folder all scripts below it are run. What a script does not\n"
            "expect, or expects in vain, is told with the packets and decisions before it.",
    .options = options,
    .min_operands = 1,
    .max_operands = 100000,
    .defaults = &defaults,
    .own_size = sizeof(defaults),
    .run = run,
};
