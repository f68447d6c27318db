/* SPDX-License-Identifier: MIT */
/*
 * weft check: which rules of TCP the segments of a capture file break.
 *
 * Owns    how findings are chosen and told, as text and as JSON. What is a
 *         finding is the wire checker's (weft/check.h), and so is the list of
 *         rules that --rules prints.
 */
#include "cli/cli.h"

#include <weft/check.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define FOUND_ERRORS 3 /* exit status */
#define SHOWN        3 /* findings of one rule by one side of one connection; more are counted */
#define MOST_RULES   256

struct options {
    bool rules, json, all, whole, wire;
    enum weft_check_severity severity;
    enum weft_check_vantage vantage;
    bool has_of;
    struct weft_addr of;
    const char *only, *without;
    weft_time slack;
};

struct run {
    const struct options *options;
    weft_time start; /* of the capture */
    uint64_t shown, errors;
    uint64_t times[MOST_RULES];
};

/* --- The rules ---------------------------------------------------------------------------- */

static const char *const needs[] = {"near", "handshake", "whole", "wire"};

static void print_needs(FILE *out, unsigned bits, const char *quote)
{
    const char *between = "";

    for (unsigned i = 0; i < sizeof(needs) / sizeof(needs[0]); i++)
        if (bits & 1u << i) {
            fprintf(out, "%s%s%s%s", between, quote, needs[i], quote);
            between = ", ";
        }
}

static void print_rule(const struct weft_check_rule_info *info)
{
    printf("%s (%s%s%s) %s", info->name, info->rfc, *info->keyword ? " " : "", info->keyword,
           weft_check_severity_name(info->severity));
    if (info->needs) {
        printf("; needs: ");
        print_needs(stdout, info->needs, "");
    }
    printf("\n    %s.\n", info->text);
}

static void print_rule_json(const struct weft_check_rule_info *info, const char *before)
{
    printf(
        "%s\n  {\"rule\": \"%s\", \"rfc\": \"%s\", \"keyword\": \"%s\", \"severity\": \"%s\", \"needs\": [",
        before, info->name, info->rfc, info->keyword, weft_check_severity_name(info->severity));
    print_needs(stdout, info->needs, "\"");
    printf("], \"text\": \"%s\"}", info->text);
}

static int print_rules(bool json)
{
    const struct weft_check_rule_info *info;

    if (json)
        printf("[");
    for (weft_check_rule rule = 0; (info = weft_check_rule_at(rule)) != NULL; rule++)
        if (json)
            print_rule_json(info, rule ? "," : "");
        else
            print_rule(info);
    if (json)
        printf("\n]\n");
    return CLI_OK;
}

/* --- Findings -------------------------------------------------------------------------------- */

static void print_text(const struct run *run, const struct weft_check_finding *finding)
{
    char src[WEFT_ENDPOINT_STRLEN], dst[WEFT_ENDPOINT_STRLEN];

    printf("packet %" PRIu64 "  %.6f s  %s > %s  %s: %s (%s%s%s)\n    %s", finding->packet,
           (double)(finding->time - run->start) / 1e6, weft_endpoint_format(&finding->src, src),
           weft_endpoint_format(&finding->dst, dst), weft_check_severity_name(finding->severity),
           finding->info->name, finding->info->rfc, *finding->info->keyword ? " " : "",
           finding->info->keyword, finding->text);
    if (finding->earlier)
        printf(" (see packet %" PRIu64 ")", finding->earlier);
    printf("\n");
}

/* The texts are the checker's own, and have nothing that JSON would want to be escaped. */
static void print_json(const struct run *run, const struct weft_check_finding *finding)
{
    char src[WEFT_ENDPOINT_STRLEN], dst[WEFT_ENDPOINT_STRLEN];

    printf("%s\n    {\"packet\": %" PRIu64 ", \"earlier\": %" PRIu64
           ", \"time\": %.6f, \"connection\": %" PRIu32
           ", \"src\": \"%s\", \"dst\": \"%s\", \"rule\": \"%s\", \"severity\": \"%s\", \"rfc\": \"%s\", "
           "\"keyword\": \"%s\", \"text\": \"%s\"}",
           run->shown > 1 ? "," : "", finding->packet, finding->earlier,
           (double)(finding->time - run->start) / 1e6, finding->connection,
           weft_endpoint_format(&finding->src, src), weft_endpoint_format(&finding->dst, dst),
           finding->info->name, weft_check_severity_name(finding->severity), finding->info->rfc,
           finding->info->keyword, finding->text);
}

static void found(void *ctx, const struct weft_check_finding *finding)
{
    struct run *run = ctx;
    const struct options *options = run->options;

    if (finding->severity < options->severity)
        return;
    if (options->has_of && !weft_addr_eq(&finding->src.addr, &options->of))
        return;
    run->errors += finding->severity == WEFT_CHECK_ERROR;
    run->times[finding->rule]++;
    if (finding->nth > SHOWN && !options->all)
        return;
    run->shown++;
    if (options->json)
        print_json(run, finding);
    else
        print_text(run, finding);
}

static void print_totals(const struct run *run, const struct weft_check_summary *sum)
{
    const struct weft_check_rule_info *info;

    for (weft_check_rule rule = 0; (info = weft_check_rule_at(rule)) != NULL; rule++)
        if (run->times[rule] > 1)
            printf("%s: %" PRIu64 " times\n", info->name, run->times[rule]);
    printf("%" PRIu64 " TCP segments in %" PRIu64 " connections: %" PRIu64 " errors, %" PRIu64
           " warnings, %" PRIu64 " notes\n",
           sum->segments, sum->connections, sum->errors, sum->warnings, sum->notes);
}

static void print_summary(const struct run *run, const struct weft_check *check)
{
    struct weft_check_summary sum;

    weft_check_summarize(check, &sum);
    if (!run->options->json) {
        print_totals(run, &sum);
        return;
    }
    printf("\n  ],\n  \"summary\": {\"frames\": %" PRIu64 ", \"segments\": %" PRIu64
           ", \"connections\": %" PRIu64 ", \"damaged\": %" PRIu64 ", \"cut\": %" PRIu64
           ", \"forgotten\": %" PRIu64 ", \"errors\": %" PRIu64 ", \"warnings\": %" PRIu64
           ", \"notes\": %" PRIu64 "}\n}\n",
           sum.frames, sum.segments, sum.connections, sum.damaged, sum.cut, sum.forgotten, sum.errors,
           sum.warnings, sum.notes);
}

/* --- The file ---------------------------------------------------------------------------------- */

/* Frames that the reader passes over count, so that numbers are those of other programs. */
static void show_passed_over(struct weft_check *check, uint64_t n, weft_time time)
{
    const struct weft_frame nothing = {.time = time};

    while (n-- > 0)
        weft_check_frame(check, &nothing);
}

static int read_frames(struct weft_capture *capture, struct weft_check *check, struct run *run)
{
    struct weft_frame frame;
    uint64_t skipped = 0;
    weft_time last = 0;
    int got;

    while ((got = weft_capture_next(capture, &frame)) > 0) {
        if (last == 0)
            run->start = frame.time;
        last = frame.time > last ? frame.time : last;
        show_passed_over(check, weft_capture_skipped(capture) - skipped, frame.time);
        skipped = weft_capture_skipped(capture);
        weft_check_frame(check, &frame);
    }
    weft_check_finish(check, last);
    return got;
}

static int check_file(const struct cli *cli, struct weft_check *check, struct run *run, const char *path)
{
    struct weft_capture *capture;
    char why[300];
    int got;

    if (weft_capture_open(path, &capture, why, sizeof(why)) != 0)
        return strstr(why, path) ? cli_failed(cli, "%s", why) : cli_failed(cli, "%s: %s", path, why);
    if (run->options->json)
        printf("{\n  \"findings\": [");
    got = read_frames(capture, check, run);
    print_summary(run, check);
    if (got < 0)
        cli_note(cli, "%s: %s", path,
                 weft_capture_problem(capture) ? weft_capture_problem(capture) : weft_strerror(got));
    weft_capture_close(capture);
    if (got < 0)
        return CLI_FAILED;
    return run->errors ? FOUND_ERRORS : CLI_OK;
}

/* --- The verb ------------------------------------------------------------------------------------- */

/* Marks the rules of a list with commas. */
static int mark_rules(const struct cli *cli, const char *option, const char *list, bool *marked)
{
    while (*list) {
        const char *end = strchrnul(list, ',');
        char name[64];
        weft_check_rule rule;

        if ((size_t)(end - list) >= sizeof(name))
            return cli_wrong(cli, "--%s: a rule's name is not that long; weft check --rules lists them",
                             option);
        memcpy(name, list, (size_t)(end - list));
        name[end - list] = 0;
        if (weft_check_rule_find(name, &rule) != 0)
            return cli_wrong(cli, "--%s: no rule is called \"%s\"; weft check --rules lists them", option,
                             name);
        marked[rule] = true;
        list = *end ? end + 1 : end;
    }
    return CLI_OK;
}

static int mute_rules(const struct cli *cli, const struct options *options, struct weft_check *check)
{
    bool only[MOST_RULES] = {0}, without[MOST_RULES] = {0};
    int status = CLI_OK;

    if (options->only)
        status = mark_rules(cli, "only", options->only, only);
    if (status == CLI_OK && options->without)
        status = mark_rules(cli, "without", options->without, without);
    for (weft_check_rule rule = 0; rule < MOST_RULES && weft_check_rule_at(rule); rule++)
        if (without[rule] || (options->only && !only[rule]))
            weft_check_mute(check, rule);
    return status;
}

static int run(struct cli *cli, const void *own, unsigned operands, char **operand)
{
    const struct options *options = own;
    struct run run = {.options = options};
    const struct weft_check_config config = {
        .vantage = options->vantage,
        .whole = options->whole,
        .wire = options->wire,
        .slack = options->slack,
        .found = found,
        .ctx = &run,
    };
    struct weft_check *check;
    int status;

    if (options->rules && operands > 0)
        return cli_wrong(cli, "--rules lists the rules and takes no FILE");
    if (options->rules)
        return print_rules(options->json);
    if (operands == 0)
        return cli_wrong(cli, "FILE is missing");
    if (weft_check_new(&config, &check) != 0)
        return cli_failed(cli, "no memory");
    status = mute_rules(cli, options, check);
    if (status == CLI_OK)
        status = check_file(cli, check, &run, operand[0]);
    weft_check_free(check);
    return status;
}

static int set_severity(struct cli *cli, void *own, char *value)
{
    struct options *options = own;

    for (unsigned severity = 0; severity <= WEFT_CHECK_ERROR; severity++)
        if (strcmp(value, weft_check_severity_name(severity)) == 0) {
            options->severity = severity;
            return CLI_OK;
        }
    return cli_wrong(cli, "--severity: \"%s\" is none of note, warning, error", value);
}

static int set_vantage(struct cli *cli, void *own, char *value)
{
    static const char *const names[] = {"direction", "middle", "client", "server", "both"};
    struct options *options = own;

    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(value, names[i]) == 0) {
            options->vantage = i;
            return CLI_OK;
        }
    return cli_wrong(cli, "--vantage: \"%s\" is none of direction, middle, client, server, both", value);
}

static int set_of(struct cli *cli, void *own, char *value)
{
    struct options *options = own;

    if (weft_addr_parse(value, &options->of) != 0)
        return cli_wrong(cli, "--of: \"%s\" is not an address", value);
    options->has_of = true;
    return CLI_OK;
}

static const struct options defaults = {.severity = WEFT_CHECK_WARNING, .slack = 10 * WEFT_MSEC};

static const struct cli_option options[] = {
    {"severity", 's', CLI_CUSTOM, "LEVEL", "the least that is told: note, warning (default) or error", 0,
     .set = set_severity},
    {"vantage", 0, CLI_CUSTOM, "PLACE",
     "where it was captured: direction (default: as the file says of\n"
     "each frame), middle, client, server, both",
     0, .set = set_vantage},
    {"of", 0, CLI_CUSTOM, "ADDR", "only what this address has sent", 0, .set = set_of},
    {"only", 0, CLI_TEXT, "RULE,...", "only these rules", offsetof(struct options, only)},
    {"without", 0, CLI_TEXT, "RULE,...", "not these", offsetof(struct options, without)},
    {"whole", 0, CLI_SWITCH, NULL, "the capture has missed nothing", offsetof(struct options, whole)},
    {"wire", 0, CLI_SWITCH, NULL, "no offload: segments and checksums are those of the wire",
     offsetof(struct options, wire)},
    {"slack", 0, CLI_TIME, "TIME", "what a host may take to act on a frame, default 10ms",
     offsetof(struct options, slack), 0, 10 * WEFT_SEC},
    {"all", 'a', CLI_SWITCH, NULL, "every finding, not only the first three of a kind",
     offsetof(struct options, all)},
    {"json", 'j', CLI_SWITCH, NULL, "as JSON", offsetof(struct options, json)},
    {"rules", 0, CLI_SWITCH, NULL, "lists all rules; without FILE", offsetof(struct options, rules)},
    {0},
};

const struct cli_verb cli_check = {
    .name = "check",
    .summary = "which rules of TCP the segments of a capture file break",
    .operands = "[FILE]",
    .text = "Reads FILE (pcapng or pcap, - is standard input), a capture of any TCP, and tells\n"
            "which segment breaks which rule of which RFC, with the packets' numbers. What can\n"
            "be known depends on where and how it was captured: weft-check(1) explains.\n"
            "Exit status 3: errors were found.",
    .options = options,
    .min_operands = 0,
    .max_operands = 1,
    .has_link = false,
    .defaults = &defaults,
    .own_size = sizeof(defaults),
    .run = run,
};
