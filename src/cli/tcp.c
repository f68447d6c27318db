/* SPDX-License-Identifier: MIT */
/*
 * The options by which verbs that make TCP connections set TCP.
 *
 * Owns    their table, and what becomes of it: a configuration of the stack.
 * Never   asks for what does not exist: a name that is not known is refused
 *         with those that are.
 */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

/* --- Congestion control ------------------------------------------------------------ */

static int set_congestion(struct cli *cli, void *base, char *value)
{
    struct cli_tcp_options *tcp = base;
    const struct weft_congestion *algorithm;
    char known[100] = "";
    size_t used = 0;

    for (unsigned i = 0; (algorithm = weft_congestion_builtin(i)) != NULL; i++) {
        if (strcmp(algorithm->name, value) == 0) {
            tcp->config.congestion = algorithm->name;
            return CLI_OK;
        }
        if (used < sizeof(known))
            used +=
                (size_t)snprintf(known + used, sizeof(known) - used, "%s%s", i ? ", " : "", algorithm->name);
    }
    return cli_wrong(cli, "--congestion: there is no '%s'; there are %s", value, known);
}

/* --- One of some words -------------------------------------------------------------------- */

struct word {
    const char *name; /* NULL ends them */
    int value;
};

/* Finds it, or says which there are. */
static int find_word(const struct cli *cli, const char *option, const struct word *words, const char *name,
                     size_t len, int *value)
{
    char known[300] = "";
    size_t used = 0;

    for (const struct word *w = words; w->name; w++) {
        if (strlen(w->name) == len && memcmp(w->name, name, len) == 0) {
            *value = w->value;
            return CLI_OK;
        }
        if (used < sizeof(known))
            used +=
                (size_t)snprintf(known + used, sizeof(known) - used, "%s%s", w == words ? "" : ", ", w->name);
    }
    return cli_wrong(cli, "--%s: '%.*s' is none of %s", option, (int)len, name, known);
}

static int set_ecn(struct cli *cli, void *base, char *value)
{
    static const struct word words[] = {
        {"accept", WEFT_ECN_ACCEPT}, {"ask", WEFT_ECN_ASK}, {"off", WEFT_ECN_OFF}, {0}};
    struct cli_tcp_options *tcp = base;
    int ecn = 0, status = find_word(cli, "ecn", words, value, strlen(value), &ecn);

    tcp->config.ecn = (enum weft_ecn)ecn;
    return status;
}

static int set_mtu_probing(struct cli *cli, void *base, char *value)
{
    static const struct word words[] = {{"black-hole", WEFT_MTU_PROBING_ON_BLACK_HOLE},
                                        {"always", WEFT_MTU_PROBING_ALWAYS},
                                        {"off", WEFT_MTU_PROBING_OFF},
                                        {0}};
    struct cli_tcp_options *tcp = base;
    int probing = 0, status = find_word(cli, "mtu-probing", words, value, strlen(value), &probing);

    tcp->config.mtu_probing = (uint8_t)probing;
    return status;
}

/* --- What is switched off -------------------------------------------------------------------- */

/* A bool of the configuration, by its place. */
#define OFF(name, member)                                                                                    \
    {                                                                                                        \
        name, (int)offsetof(struct weft_tcp_config, member)                                                  \
    }

static int set_without(struct cli *cli, void *base, char *value)
{
    static const struct word words[] = {
        OFF("sack", no_sack),
        OFF("timestamps", no_timestamps),
        OFF("window-scale", no_window_scale),
        OFF("rack", no_rack),
        OFF("tail-probe", no_tail_probe),
        OFF("eifel", no_eifel),
        OFF("frto", no_frto),
        OFF("dsack-undo", no_dsack_undo),
        OFF("dsack", no_dsack),
        OFF("limited-transmit", no_limited_transmit),
        OFF("prr", no_prr),
        OFF("abc", no_abc),
        OFF("hystart", no_hystart),
        OFF("buffer-tuning", no_buffer_tuning),
        OFF("idle-restart", no_idle_restart),
        OFF("pacing", no_pacing),
        {0},
    };
    struct cli_tcp_options *tcp = base;

    while (*value) {
        size_t len = strcspn(value, ",");
        int place, status = find_word(cli, "without", words, value, len, &place);

        if (status != CLI_OK)
            return status;
        *(bool *)((char *)&tcp->config + place) = true;
        value += len + (value[len] == ',');
    }
    return CLI_OK;
}

/* --- The table --------------------------------------------------------------------------------- */

#define AT(member) offsetof(struct cli_tcp_options, member)
const struct cli_option cli_tcp_table[] = {
    {"congestion", 0, CLI_CUSTOM, "NAME", "cubic (default), bbr or newreno", .set = set_congestion},
    {"ecn", 0, CLI_CUSTOM, "MODE", "accept it (default), ask for it, too, or off", .set = set_ecn},
    {"fast-open", 0, CLI_SWITCH, NULL,
     "data goes with SYNs where a cookie is known, and is\ntaken of others'", AT(fast_open)},
    {"send-buffer", 0, CLI_SIZE, "BYTES", "a connection may queue; default 4M", AT(send_buffer), 4096,
     1 << 30},
    {"receive-buffer", 0, CLI_SIZE, "BYTES", "a connection may hold unread; default 6M", AT(receive_buffer),
     4096, 1 << 30},
    {"initial-window", 0, CLI_NUMBER, "SEGMENTS", "default 10", AT(initial_window), 1, 255},
    {"rto-min", 0, CLI_TIME, "TIME", "the shortest retransmission timeout; default 200 ms",
     AT(config.rto_min), WEFT_MSEC, 60 * WEFT_SEC},
    {"mtu-probing", 0, CLI_CUSTOM, "MODE", "on a black-hole (default), always, or off",
     .set = set_mtu_probing},
    {"host-cache", 0, CLI_SWITCH, NULL, "what was learned of a host is used for the next\nconnection to it",
     AT(config.host_cache)},
    {"without", 0, CLI_CUSTOM, "LIST",
     "switches off: sack, timestamps, window-scale, rack,\ntail-probe, eifel, frto, dsack-undo, dsack,\n"
     "limited-transmit, prr, abc, hystart, buffer-tuning,\nidle-restart",
     .set = set_without},
    {0},
};
#undef AT

void cli_tcp_config(const struct cli_tcp_options *options, struct weft_tcp_config *config)
{
    *config = options->config;
    config->send_buffer = (uint32_t)options->send_buffer;
    config->receive_buffer = (uint32_t)options->receive_buffer;
    config->initial_window_segs = (uint8_t)options->initial_window;
    config->fast_open_all_listeners = config->fast_open_all_connects = options->fast_open;
}
