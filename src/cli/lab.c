/* SPDX-License-Identifier: MIT */
/*
 * weft lab: networks in virtual time, from a file or by chance.
 *
 * Owns    what is shown of a run, and where files go. The run itself is src/lab.
 */
#include "cli/cli.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lab/campaign.h"
#include "lab/generate.h"
#include "lab/report.h"
#include "lab/run.h"
#include "lab/shrink.h"

struct options {
    uint64_t campaign; /* seeds; 0: a file */
    uint64_t seed;
    uint64_t jobs;
    uint64_t failures;
    bool print, shrink, words, json;
    const char *out;
};

/* --- A campaign --------------------------------------------------------------------------- */

static int run_campaign(const struct cli *cli, const struct options *options)
{
    struct lab_campaign campaign = {
        .first = options->seed,
        .count = options->campaign,
        .jobs = (unsigned)options->jobs,
        .failures = (unsigned)options->failures,
    };
    int64_t failed = lab_campaign_run(&campaign, stdout);

    if (failed < 0)
        return cli_failed(cli, "no process for the campaign: %s", strerror(errno));
    return failed ? CLI_FAILED : CLI_OK;
}

/* --- Words ------------------------------------------------------------------------------------ */

static int print_words(void)
{
    static const struct {
        const char *title;
        const struct lab_word *words;
    } tables[] = {
        {"host NAME", lab_host_words},
        {"router NAME", lab_router_words},
        {"link A B, and at TIME link A-B", lab_link_words},
        {"the same, for one direction with forth: or back: before it", lab_line_words},
        {"box NAME on A-B, and at TIME box NAME", lab_box_words},
        {"flow NAME CLIENT -> SERVER", lab_flow_words},
        {"the same, for one end with client: or server: before it", lab_side_words},
    };

    for (unsigned i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        printf("%s%s\n", i ? "\n" : "", tables[i].title);
        lab_words_help(tables[i].words, stdout);
    }
    printf("\nexpect FLOW METRIC >= VALUE, or <=\n");
    for (unsigned i = 0; i < LAB_METRIC_COUNT; i++)
        printf("  %-26s of a %s\n", lab_metric_name(i), lab_metric_is_of_link(i) ? "link" : "flow");
    return CLI_OK;
}

/* --- A file ---------------------------------------------------------------------------------- */

static int write_files(const struct cli *cli, struct lab_run *run, const char *directory)
{
    char why[500];

    if (lab_run_save(run, why, sizeof(why)) != 0 || lab_plots_write(run, directory, why, sizeof(why)) != 0)
        return cli_failed(cli, "%s", why);
    return CLI_OK;
}

static int show_run(const struct cli *cli, const struct options *options, struct lab_run *run)
{
    int status = CLI_OK;

    if (options->json)
        lab_summary_json(run, stdout);
    else
        lab_summary_text(run, stdout);
    if (options->out)
        status = write_files(cli, run, options->out);
    return run->faults ? CLI_FAILED : status;
}

static int run_scenario(const struct cli *cli, const struct options *options,
                        const struct lab_scenario *scenario)
{
    const struct lab_options wishes = {
        .trace = true, .captures = options->out, .sample = options->out != NULL};
    struct lab_run *run;
    char why[500];
    int status;

    if (options->out && mkdir(options->out, 0777) != 0 && errno != EEXIST)
        return cli_failed(cli, "--out: %s: %s", options->out, strerror(errno));
    if (lab_run_new(scenario, &wishes, &run, why, sizeof(why)) != 0)
        return cli_failed(cli, "%s", why);
    lab_run_go(run);
    status = show_run(cli, options, run);
    lab_run_free(run);
    return status;
}

static int shrink(const struct cli *cli, struct lab_scenario *scenario)
{
    int steps = lab_shrink(scenario);

    if (steps < 0) { /* as the campaign runs every fourth */
        lab_swap_paths(scenario);
        steps = lab_shrink(scenario);
    }
    if (steps < 0)
        return cli_failed(cli, "the scenario does not fail, so there is nothing to shrink");
    lab_scenario_write(scenario, stdout);
    return CLI_OK;
}

/* Of a file, or made of the seed. */
static int read_scenario(const struct cli *cli, const struct options *options, const char *path,
                         struct lab_scenario *scenario)
{
    char why[500];

    if (!path)
        return lab_generate(options->seed, scenario) == 0 ? CLI_OK : cli_failed(cli, "no memory");
    if (lab_scenario_read(path, scenario, why, sizeof(why)) != 0)
        return cli_failed(cli, "%s", why);
    return CLI_OK;
}

static int use_scenario(const struct cli *cli, const struct options *options, const char *path)
{
    struct lab_scenario scenario;
    int status = read_scenario(cli, options, path, &scenario);

    if (status != CLI_OK)
        return status;
    if (options->shrink)
        status = shrink(cli, &scenario);
    else if (options->print)
        lab_scenario_write(&scenario, stdout);
    else
        status = run_scenario(cli, options, &scenario);
    lab_scenario_free(&scenario);
    return status;
}

/* --- The verb ----------------------------------------------------------------------------------- */

static int run(struct cli *cli, const void *own, unsigned operands, char **operand)
{
    const struct options *options = own;

    if (options->words)
        return print_words();
    if (options->campaign > 1 && options->shrink)
        return cli_wrong(cli, "--shrink needs one seed: --campaign 1, or none");
    if (options->campaign && !options->shrink)
        return run_campaign(cli, options);
    if (operands == 0 && !options->print && !options->shrink)
        return cli_wrong(cli, "FILE is missing, or --campaign");
    return use_scenario(cli, options, operands ? operand[0] : NULL);
}

static const struct options defaults = {.seed = 1, .jobs = 1};

#define AT(member) offsetof(struct options, member)
static const struct cli_option options[] = {
    {"campaign", 'n', CLI_NUMBER, "N", "runs N scenarios made by chance, one for each seed", AT(campaign), 1,
     UINT32_MAX, NULL},
    {"seed", 's', CLI_NUMBER, "S", "the first of them; default 1", AT(seed), 0, UINT64_MAX - UINT32_MAX,
     NULL},
    {"jobs", 'j', CLI_NUMBER, "N", "so many at a time; default 1", AT(jobs), 1, 64, NULL},
    {"failures", 0, CLI_NUMBER, "N", "stops the campaign after N failures", AT(failures), 1, UINT32_MAX,
     NULL},
    {"out", 'o', CLI_TEXT, "DIR", "writes captures, plots and a page with them into DIR", AT(out), 0, 0,
     NULL},
    {"json", 0, CLI_SWITCH, NULL, "the summary as JSON", AT(json), 0, 0, NULL},
    {"print", 0, CLI_SWITCH, NULL, "prints the scenario of FILE or of the seed instead", AT(print), 0, 0,
     NULL},
    {"shrink", 0, CLI_SWITCH, NULL, "prints a smaller one that fails as well", AT(shrink), 0, 0, NULL},
    {"words", 0, CLI_SWITCH, NULL, "lists the words of a scenario instead", AT(words), 0, 0, NULL},
    {0},
};
#undef AT

const struct cli_verb cli_lab = {
    .name = "lab",
    .summary = "a network in virtual time, from a file or by chance",
    .operands = "[FILE]",
    .text =
        "Runs FILE, a scenario as weft-scenario(5) describes it: hosts with weft on them, routers, links\n"
        "with their faults, flows, events at given times, and expectations. Time is virtual, and the\n"
        "same file gives the same packets. With --campaign it makes scenarios by chance instead and\n"
        "checks that every stream arrives whole, that nothing hangs, spins or leaks, and that the\n"
        "invariants of every connection hold; for each that fails it prints the command that repeats it.",
    .options = options,
    .min_operands = 0,
    .max_operands = 1,
    .has_link = false,
    .defaults = &defaults,
    .own_size = sizeof(defaults),
    .run = run,
};
