/* SPDX-License-Identifier: MIT */
/*
 * Command lines: options from tables, help from the same tables, messages.
 *
 * Owns    the link options that verbs share, and the form of every message.
 * Never   opens anything: what an option says is only read and checked here.
 */
#include "cli/cli.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define MAX_OPTIONS 48  /* of one verb, with the link options; checked in build_table */
#define FIRST_LONG  256 /* getopt's value of the first option: above all letters */
#define TEXT_COLUMN 26  /* where the help of an option begins */
#define MAX_TIME    (366 * 86400 * WEFT_SEC)

/* --- Messages -------------------------------------------------------------------- */

static void say(const struct cli *cli, const char *format, va_list args)
{
    fflush(stdout);
    fprintf(stderr, "weft %s: ", cli->verb->name);
    vfprintf(stderr, format, args);
}

int cli_wrong(const struct cli *cli, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say(cli, format, args);
    va_end(args);
    fprintf(stderr, "; see `weft help %s`\n", cli->verb->name);
    return CLI_USAGE;
}

int cli_failed(const struct cli *cli, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say(cli, format, args);
    va_end(args);
    fputc('\n', stderr);
    return CLI_FAILED;
}

void cli_note(const struct cli *cli, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say(cli, format, args);
    va_end(args);
    fputc('\n', stderr);
}

/* A byte that continues a character in UTF-8. */
static bool continues(const char *text, size_t len, size_t at)
{
    return at < len && ((unsigned char)text[at] & 0xc0) == 0x80;
}

/*
 * The length of the character that begins at `at`, or 0 when it is a control
 * character of ASCII or of ISO 6429 (C1, U+0080 to U+009F), or no UTF-8: a byte
 * alone from 0x80 on may be a control character, too.
 */
static size_t safe_length(const char *text, size_t len, size_t at)
{
    unsigned char c = (unsigned char)text[at];
    size_t n = c < 0x80 ? 1 : c >= 0xf0 && c < 0xf5 ? 4 : c >= 0xe0 ? 3 : 2;

    if (c < 0x20 || c == 0x7f || (c >= 0x80 && c < 0xc2) || c >= 0xf5)
        return 0;
    for (size_t i = 1; i < n; i++)
        if (!continues(text, len, at + i))
            return 0;
    return c == 0xc2 && (unsigned char)text[at + 1] < 0xa0 ? 0 : n;
}

void cli_print_safe(FILE *out, const char *text, size_t len)
{
    for (size_t at = 0; at < len;) {
        size_t n = safe_length(text, len, at);

        if (n)
            fwrite(text + at, 1, n, out);
        else
            fputc('?', out);
        at += n ? n : 1;
    }
}

/* --- Addresses ---------------------------------------------------------------------- */

const char *cli_addr_flaw(const struct weft_addr *addr)
{
    uint32_t ip4 = weft_addr_u32(addr);

    if (!weft_addr_is_ip4(addr))
        return "an IPv6 address, and weft speaks only IPv4 yet";
    if (ip4 == UINT32_MAX)
        return "the broadcast address, which means all hosts";
    if (ip4 >> 24 == 0)
        return "in the network 0.0.0.0/8, which means no host";
    if (ip4 >> 28 == 0xe)
        return "a multicast address";
    if (ip4 >> 28 == 0xf)
        return "in the reserved network 240.0.0.0/4";
    return NULL;
}

const char *cli_prefix_flaw(const struct weft_prefix *prefix)
{
    uint32_t ip4 = weft_addr_u32(&prefix->addr);
    const char *flaw = cli_addr_flaw(&prefix->addr);
    uint32_t ones;

    if (flaw)
        return flaw;
    if (ip4 >> 24 == 127)
        return "a loopback address";
    if (prefix->len > 30) /* one or two addresses: hosts, all of them (RFC 3021 2.1) */
        return NULL;
    ones = UINT32_MAX >> prefix->len;
    if ((ip4 & ones) == 0)
        return "the address of the network itself";
    return (ip4 & ones) == ones ? "the broadcast address of its network" : NULL;
}

bool cli_prefix_has(const struct weft_prefix *prefix, const struct weft_addr *addr)
{
    uint32_t mask = prefix->len ? UINT32_MAX << (32 - prefix->len) : 0;

    return weft_addr_is_ip4(addr) && ((weft_addr_u32(addr) ^ weft_addr_u32(&prefix->addr)) & mask) == 0;
}

/* --- Values ------------------------------------------------------------------------ */

/* A whole number with nothing around it. */
static bool read_number(const char *text, uint64_t *value, const char **end)
{
    char *stop;

    if (!isdigit((unsigned char)*text))
        return false;
    errno = 0;
    *value = strtoull(text, &stop, 10);
    *end = stop;
    return errno == 0;
}

static bool read_size(const char *text, uint64_t *value)
{
    static const char units[] = "kMG";
    const char *end, *unit;

    if (!read_number(text, value, &end))
        return false;
    if (!*end)
        return true;
    unit = strchr(units, *end == 'K' ? 'k' : *end);
    if (!unit || end[1] || *value > UINT64_MAX >> (10 * (unit - units + 1)))
        return false;
    *value <<= 10 * (unit - units + 1);
    return true;
}

static bool read_time(const char *text, weft_time *value)
{
    static const struct {
        const char *name;
        double usec;
    } units[] = {{"", 1e6}, {"s", 1e6}, {"ms", 1e3}, {"us", 1}, {"m", 60e6}, {"h", 3600e6}};
    const char *unit = text + strspn(text, "0123456789.");
    char *end;
    double number;

    if (unit == text)
        return false;
    number = strtod(text, &end);
    if (end != unit)
        return false;
    for (unsigned i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(unit, units[i].name) != 0)
            continue;
        if (number * units[i].usec > (double)MAX_TIME)
            return false;
        *value = (weft_time)(number * units[i].usec + 0.5);
        return true;
    }
    return false;
}

static int wrong_value(const struct cli *cli, const struct cli_option *option, const char *value,
                       const char *is_not)
{
    return cli_wrong(cli, "--%s: '%s' is not %s", option->name, value, is_not);
}

static int set_number(const struct cli *cli, const struct cli_option *option, uint64_t *into,
                      const char *value)
{
    const char *end;
    char range[80];

    if (option->kind == CLI_SIZE ? read_size(value, into) : read_number(value, into, &end) && !*end)
        if (*into >= option->min && *into <= option->max)
            return CLI_OK;
    snprintf(range, sizeof(range), "a %s from %" PRIu64 " to %" PRIu64,
             option->kind == CLI_SIZE ? "size in bytes (10k, 4M, 1G)" : "number", option->min, option->max);
    return wrong_value(cli, option, value, range);
}

static int set_time(const struct cli *cli, const struct cli_option *option, weft_time *into,
                    const char *value)
{
    char range[120];

    if (read_time(value, into) && *into >= option->min && *into <= option->max)
        return CLI_OK;
    snprintf(range, sizeof(range), "a time (0.2, 2s, 200ms, 50us) from %g s to %g s",
             (double)option->min / 1e6, (double)option->max / 1e6);
    return wrong_value(cli, option, value, range);
}

/* An address and the length of its network: both, since a length that is left out would mean no network at all. */
static int set_prefix(const struct cli *cli, const char *name, struct weft_prefix *into, const char *value)
{
    const char *flaw;

    if (weft_prefix_parse(value, into) != 0)
        return cli_wrong(cli, "--%s: '%s' is not an address with its network's length, such as 10.77.0.2/24",
                         name, value);
    if (!strchr(value, '/'))
        return cli_wrong(cli, "--%s: '%s' lacks the length of its network: ADDR/LEN, such as %s/24", name,
                         value, value);
    flaw = cli_prefix_flaw(into);
    return flaw ? cli_wrong(cli, "--%s: %s cannot be a host's address: it is %s", name, value, flaw) : CLI_OK;
}

/* Puts the value of an option where its table says. */
static int set_option(struct cli *cli, const struct cli_option *option, void *base, char *value)
{
    void *into = (char *)base + option->offset;

    switch (option->kind) {
    case CLI_SWITCH:
        *(bool *)into = true;
        return CLI_OK;
    case CLI_NUMBER:
    case CLI_SIZE:
        return set_number(cli, option, into, value);
    case CLI_TIME:
        return set_time(cli, option, into, value);
    case CLI_TEXT:
        *(const char **)into = value;
        return CLI_OK;
    case CLI_ADDR:
        if (weft_addr_parse(value, into) != 0)
            return wrong_value(cli, option, value, "an address such as 10.77.0.1");
        if (cli_addr_flaw(into))
            return cli_wrong(cli, "--%s: %s cannot be a host's address: it is %s", option->name, value,
                             cli_addr_flaw(into));
        return CLI_OK;
    case CLI_PREFIX:
        return set_prefix(cli, option->name, into, value);
    case CLI_CUSTOM:
        return option->set(cli, base, value);
    }
    return CLI_USAGE;
}

/* --- The link options ----------------------------------------------------------------- */

const struct cli_link_options cli_link_defaults = {
    .type = WEFT_LINK_ETHERNET,
    .device = "weft0",
    .addr = {{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 77, 0, 2}}, 24},
};

static int set_link(struct cli *cli, void *base, char *value)
{
    struct cli_link_options *link = base;
    const char *name = value + 4;

    if (strncmp(value, "tap:", 4) != 0 && strncmp(value, "tun:", 4) != 0)
        return cli_wrong(cli, "--link: '%s' is not a link; there are tap:NAME and tun:NAME", value);
    if (!*name || strlen(name) > 15)
        return cli_wrong(cli, "--link: '%s' is not the name of a device; it has 1 to 15 characters", name);
    /* What the kernel refuses, and its pattern "%d", by which it would choose another name. */
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strpbrk(name, "/:% \t\n\v\f\r"))
        return cli_wrong(
            cli, "--link: '%s' is not the name of a device; it has no '/', ':', '%%' or space in it", name);
    link->link_given = true;
    link->type = value[1] == 'a' ? WEFT_LINK_ETHERNET : WEFT_LINK_IP;
    link->device = name;
    return CLI_OK;
}

static int set_addr(struct cli *cli, void *base, char *value)
{
    struct cli_link_options *link = base;

    link->addr_given = true;
    return set_prefix(cli, "addr", &link->addr, value);
}

static int set_impair(struct cli *cli, void *base, char *value)
{
    struct cli_link_options *link = base;
    char why[200];

    if (weft_impair_parse(value, &link->impair, why, sizeof(why)) != 0)
        return cli_wrong(cli, "--impair: %s", why);
    link->has_impair = true;
    return CLI_OK;
}

static int set_seed(struct cli *cli, void *base, char *value)
{
    struct cli_link_options *link = base;
    const char *end;

    if (!read_number(value, &link->seed, &end) || *end)
        return cli_wrong(cli, "--seed: '%s' is not a number", value);
    link->has_seed = true;
    return CLI_OK;
}

#define AT(member) offsetof(struct cli_link_options, member)
static const struct cli_option link_options[] = {
    {"link", 0, CLI_CUSTOM, "KIND:NAME",
     "tap:NAME (Ethernet) or tun:NAME (IP), made if there is\nnone; default tap:weft0", .set = set_link},
    {"addr", 0, CLI_CUSTOM, "ADDR/LEN", "weft's address; default 10.77.0.2/24", .set = set_addr},
    {"gateway", 0, CLI_ADDR, "ADDR", "the way to all other networks; default none", AT(gateway)},
    {"host-addr", 0, CLI_PREFIX, "ADDR/LEN",
     "gives the kernel's end of the device this address and\nsets it up; default: it is left alone,\nbut by "
     "`weft demo`",
     AT(host_addr)},
    {"mtu", 0, CLI_NUMBER, "BYTES", "largest IP packet; default the device's", AT(mtu), 68, 65535},
    {"pcap", 0, CLI_TEXT, "FILE", "writes every frame to FILE, as pcapng", AT(pcap)},
    {"impair", 0, CLI_CUSTOM, "SPEC",
     "faults on the wire, such as loss=5%,delay=10ms,\nreorder=2%; in: or out: before a word for one "
     "direction",
     .set = set_impair},
    {"seed", 0, CLI_CUSTOM, "NUMBER", "everything random comes from it: for tests only", .set = set_seed},
    {"no-offload", 0, CLI_SWITCH, NULL, "no checksum and segmentation offload to the device", AT(no_offload)},
    {"verbose", 'v', CLI_SWITCH, NULL, "tells what happens, on standard error", AT(verbose)},
    {0},
};
#undef AT

/* What the link options say of each other. */
static int check_link(const struct cli *cli)
{
    const struct cli_link_options *link = &cli->link;
    char addr[WEFT_PREFIX_STRLEN], gateway[WEFT_ADDR_STRLEN];

    weft_prefix_format(&link->addr, addr);
    weft_addr_format(&link->gateway, gateway);
    if (weft_addr_eq(&link->addr.addr, &link->host_addr.addr))
        return cli_wrong(cli, "--host-addr: %s is weft's own address (--addr); the two ends need one each",
                         addr);
    if (weft_addr_is_any(&link->gateway))
        return CLI_OK;
    if (!cli_prefix_has(&link->addr, &link->gateway))
        return cli_wrong(cli, "--gateway: %s is not on the link's network, where weft is %s (--addr)",
                         gateway, addr);
    if (weft_addr_eq(&link->gateway, &link->addr.addr))
        return cli_wrong(cli, "--gateway: %s is weft's own address (--addr)", gateway);
    if (cli_prefix_flaw(&(struct weft_prefix){link->gateway, link->addr.len}))
        return cli_wrong(cli, "--gateway: %s cannot be a host's address: it is %s", gateway,
                         cli_prefix_flaw(&(struct weft_prefix){link->gateway, link->addr.len}));
    return CLI_OK;
}

/* --- Reading a command line -------------------------------------------------------------- */

/* Both tables of a verb as getopt wants them. */
struct table {
    const struct cli_option *option[MAX_OPTIONS];
    void *base[MAX_OPTIONS]; /* what its offset counts from */
    struct option longs[MAX_OPTIONS + 2];
    char letters[2 * MAX_OPTIONS + 4];
    unsigned count;
};

static void add_options(struct table *table, const struct cli_option *options, void *base)
{
    size_t letters = strlen(table->letters);

    for (const struct cli_option *o = options; o && o->name; o++) {
        unsigned i = table->count++;

        if (i >= MAX_OPTIONS)
            __builtin_trap();
        table->option[i] = o;
        table->base[i] = base;
        table->longs[i] = (struct option){o->name, o->argument ? required_argument : no_argument, NULL,
                                          FIRST_LONG + (int)i};
        if (!o->letter)
            continue;
        table->letters[letters++] = o->letter;
        if (o->argument)
            table->letters[letters++] = ':';
    }
    table->letters[letters] = '\0';
}

static void build_table(struct table *table, struct cli *cli, void *own)
{
    *table =
        (struct table){.letters = ":h"}; /* the colon: a missing value is told apart from an unknown option */
    add_options(table, cli->verb->options, own);
    if (cli->verb->has_link)
        add_options(table, link_options, &cli->link);
    if (cli->verb->has_tcp)
        add_options(table, cli_tcp_table, &cli->tcp);
    table->longs[table->count] = (struct option){"help", no_argument, NULL, 'h'};
}

/* The index of the option that getopt found, by its number or its letter; -1: none. */
static int find_option(const struct table *table, int found)
{
    if (found >= FIRST_LONG)
        return found - FIRST_LONG;
    for (unsigned i = 0; i < table->count; i++)
        if (table->option[i]->letter == found)
            return (int)i;
    return -1;
}

static int refuse(const struct cli *cli, const struct table *table, int found, char **argv)
{
    int index = optopt ? find_option(table, optopt) : -1;

    if (found == ':' && index >= 0)
        return cli_wrong(cli, "--%s: its value %s is missing", table->option[index]->name,
                         table->option[index]->argument);
    if (index >= 0)
        return cli_wrong(cli, "--%s takes no value", table->option[index]->name);
    if (optopt)
        return cli_wrong(cli, "there is no option -%c", optopt);
    return cli_wrong(cli, "there is no option %s, or it could be several", argv[optind - 1]);
}

int cli_options_read(struct cli *cli, int argc, char **argv, void *own, int *first)
{
    struct table table;
    int found, index, status;

    build_table(&table, cli, own);
    optind = 0;
    opterr = 0;
    while ((found = getopt_long(argc, argv, table.letters, table.longs, NULL)) != -1) {
        if (found == 'h') {
            cli_options_help(cli->verb, stdout);
            return -1;
        }
        index = found == ':' || found == '?' ? -1 : find_option(&table, found);
        if (index < 0)
            return refuse(cli, &table, found, argv);
        status = set_option(cli, table.option[index], table.base[index], optarg);
        if (status != CLI_OK)
            return status;
        if (table.base[index] == &cli->link && table.option[index]->letter != 'v')
            cli->link.given = table.option[index]->name;
    }
    *first = optind;
    return cli->verb->has_link ? check_link(cli) : CLI_OK;
}

/* --- Help ---------------------------------------------------------------------------------- */

static void print_option(const struct cli_option *option, FILE *out)
{
    char head[64];
    const char *line = option->help;
    int len = snprintf(head, sizeof(head), "  %c%c%s --%s%s%s", option->letter ? '-' : ' ',
                       option->letter ? option->letter : ' ', option->letter ? "," : " ", option->name,
                       option->argument ? " " : "", option->argument ? option->argument : "");

    fprintf(out, "%s", head);
    if (len >= TEXT_COLUMN) {
        fputc('\n', out);
        len = 0;
    }
    while (line) {
        const char *end = strchr(line, '\n');

        fprintf(out, "%*s%.*s\n", TEXT_COLUMN - len, "", end ? (int)(end - line) : (int)strlen(line), line);
        line = end ? end + 1 : NULL;
        len = 0;
    }
}

void cli_options_help(const struct cli_verb *verb, FILE *out)
{
    static const struct cli_option help = {"help", 'h', CLI_SWITCH, NULL, "this text", 0, 0, 0, NULL};

    fprintf(out, "usage: weft %s [OPTIONS]%s%s\n\n%s\n\nOptions:\n", verb->name, *verb->operands ? " " : "",
            verb->operands, verb->text);
    for (const struct cli_option *o = verb->options; o && o->name; o++)
        print_option(o, out);
    print_option(&help, out);
    if (!verb->has_link)
        return;
    fprintf(out, "\nThe link, as for every verb that has one:\n");
    for (const struct cli_option *o = link_options; o->name; o++)
        print_option(o, out);
    if (!verb->has_tcp)
        return;
    fprintf(out, "\nTCP, as for every verb with connections:\n");
    for (const struct cli_option *o = cli_tcp_table; o->name; o++)
        print_option(o, out);
}
