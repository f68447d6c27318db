/* SPDX-License-Identifier: MIT */
/*
 * The `weft` command: finds the verb, reads its options, runs it.
 *
 * Owns    the list of verbs and the words that are none of them: help,
 *         -h, --help, -V, --version.
 */
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>

static const struct cli_verb *const verbs[] = {&cli_serve, &cli_get,  &cli_ping, &cli_dump,
                                               &cli_check, &cli_demo, &cli_lab,  &cli_script};
#define VERBS (sizeof(verbs) / sizeof(verbs[0]))

static const struct cli_verb *find_verb(const char *name)
{
    for (unsigned i = 0; i < VERBS; i++)
        if (strcmp(verbs[i]->name, name) == 0)
            return verbs[i];
    return NULL;
}

static void print_overview(FILE *out)
{
    fprintf(out, "usage: weft VERB [OPTIONS] [OPERANDS]\n\n"
                 "An Internet stack in user space, at work.\n\n");
    for (unsigned i = 0; i < VERBS; i++)
        fprintf(out, "  %-7s %s\n", verbs[i]->name, verbs[i]->summary);
    fprintf(out, "\n`weft help VERB` or weft-VERB(1) tells more; `weft --version` the version.\n");
}

static int unknown_verb(const char *name)
{
    fprintf(stderr, "weft: there is no verb '%s'; `weft help` lists them\n", name);
    return CLI_USAGE;
}

static bool is_help(const char *word)
{
    return strcmp(word, "help") == 0 || strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

static int help(int argc, char **argv)
{
    const struct cli_verb *verb;

    if (argc < 2 || is_help(argv[1])) {
        print_overview(stdout);
        return CLI_OK;
    }
    verb = find_verb(argv[1]);
    if (!verb)
        return unknown_verb(argv[1]);
    cli_options_help(verb, stdout);
    return CLI_OK;
}

static int check_operands(const struct cli *cli, unsigned count)
{
    const struct cli_verb *verb = cli->verb;

    if (count < verb->min_operands)
        return cli_wrong(cli, "%s is missing", verb->operands);
    if (count > verb->max_operands && verb->max_operands == 0)
        return cli_wrong(cli, "takes no operands");
    if (count > verb->max_operands)
        return cli_wrong(cli, "too many operands: %s is all it takes", verb->operands);
    return CLI_OK;
}

static int run_verb(const struct cli_verb *verb, int argc, char **argv)
{
    struct cli cli = {.verb = verb, .link = cli_link_defaults};
    void *own = malloc(verb->own_size);
    int first, status;

    if (!own)
        return cli_failed(&cli, "no memory");
    memcpy(own, verb->defaults, verb->own_size);
    status = cli_options_read(&cli, argc, argv, own, &first);
    if (status == CLI_OK)
        status = check_operands(&cli, (unsigned)(argc - first));
    if (status == CLI_OK)
        status = verb->run(&cli, own, (unsigned)(argc - first), argv + first);
    free(own);
    return status < 0 ? CLI_OK : status;
}

/* What was printed must have arrived: a full disk is a failure too. */
static int flush_output(int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    fprintf(stderr, "weft: standard output could not be written\n");
    return status == CLI_OK ? CLI_FAILED : status;
}

int main(int argc, char **argv)
{
    const struct cli_verb *verb;

    if (argc < 2) {
        print_overview(stderr);
        return CLI_USAGE;
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        printf("weft %s\n", WEFT_VERSION);
        return flush_output(CLI_OK);
    }
    if (is_help(argv[1]))
        return flush_output(help(argc - 1, argv + 1));
    verb = find_verb(argv[1]);
    return verb ? flush_output(run_verb(verb, argc - 1, argv + 1)) : unknown_verb(argv[1]);
}
