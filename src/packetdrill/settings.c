/* SPDX-License-Identifier: MIT */
/*
 * Settings of a run (settings.h).
 *
 * Owns    the names, the profiles, and what sysctl's names mean to weft.
 * Never   takes a word without using it: an unknown one is an error in flags,
 *         and named in knobs, where scripts set much that is not ours.
 */
#include "packetdrill/settings.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_MTU 1500

/* --- Words ------------------------------------------------------------------------- */

enum kind {
    NUMBER_8,
    NUMBER_32,  /* also "64k", "4M" */
    TIME,       /* "200ms", "1s", "50us" */
    SWITCH,     /* 0 or 1 */
    SWITCH_OFF, /* the same for a field that turns something off */
};

struct word {
    const char *name;
    enum kind kind;
    size_t offset; /* in struct settings */
    uint64_t min, max;
};

#define TCP(field) offsetof(struct settings, tcp.field)

static const struct word words[] = {
    {"mtu", NUMBER_32, offsetof(struct settings, mtu), 68, 65535},
    {"unconnected_pipe", SWITCH, offsetof(struct settings, unconnected_pipe), 0, 1},
    {"shut_rd_reads", SWITCH, offsetof(struct settings, shut_rd_reads), 0, 1},
    {"write_units", SWITCH, offsetof(struct settings, write_units), 0, 1},
    {"send_tuning", SWITCH, offsetof(struct settings, send_tuning), 0, 1},
    {"buffer_initial", NUMBER_32, TCP(buffer_initial), 4096, 1u << 30},
    {"wscale", NUMBER_8, TCP(wscale_least), 0, 14},
    {"wscale_first", SWITCH, TCP(wscale_first), 0, 1},
    {"trace", SWITCH, offsetof(struct settings, trace), 0, 1},
    {"rcvbuf", NUMBER_32, TCP(receive_buffer), 4096, 1u << 30},
    {"sndbuf", NUMBER_32, TCP(send_buffer), 4096, 1u << 30},
    {"buffer_tuning", SWITCH_OFF, TCP(no_buffer_tuning), 0, 1},
    {"msl", TIME, TCP(msl), 1, 3600 * WEFT_SEC},
    {"rto_min", TIME, TCP(rto_min), 1, 60 * WEFT_SEC},
    {"rto_initial", TIME, TCP(rto_initial), 1, 60 * WEFT_SEC},
    {"rto_max", TIME, TCP(rto_max), WEFT_SEC, 3600 * WEFT_SEC},
    {"delack", TIME, TCP(delayed_ack), 1, WEFT_SEC},
    {"keepidle", TIME, TCP(keepalive_idle), WEFT_MSEC, 86400 * WEFT_SEC},
    {"keepintvl", TIME, TCP(keepalive_interval), WEFT_MSEC, 86400 * WEFT_SEC},
    {"keepcnt", NUMBER_8, TCP(keepalive_probes), 1, 127},
    {"fin_wait_2", TIME, TCP(fin_wait_2), WEFT_MSEC, 86400 * WEFT_SEC},
    {"syn_retries", NUMBER_8, TCP(syn_retries), 1, 127},
    {"data_retries", NUMBER_8, TCP(data_retries), 1, 255},
    {"iw", NUMBER_8, TCP(initial_window_segs), 1, 255},
    {"timestamps", SWITCH_OFF, TCP(no_timestamps), 0, 1},
    {"window_scale", SWITCH_OFF, TCP(no_window_scale), 0, 1},
    {"sack", SWITCH_OFF, TCP(no_sack), 0, 1},
    {"tolerate_missing_ts", SWITCH, TCP(tolerate_missing_timestamps), 0, 1},
    {"fast_open_connect", SWITCH_OFF, TCP(no_fast_open_connect), 0, 1},
    {"fast_open_listen", SWITCH_OFF, TCP(no_fast_open_listen), 0, 1},
    {"fast_open_all_listeners", SWITCH, TCP(fast_open_all_listeners), 0, 1},
    {"fast_open_send_without_cookie", SWITCH, TCP(fast_open_send_without_cookie), 0, 1},
    {"fast_open_take_without_cookie", SWITCH, TCP(fast_open_take_without_cookie), 0, 1},
    {"fast_open_experimental", SWITCH, TCP(fast_open_experimental), 0, 1},
    {"syn_ack_retries", NUMBER_8, TCP(syn_ack_retries), 1, 255},
    {"push_bursts", SWITCH, TCP(push_bursts), 0, 1},
    {"burst_segs", NUMBER_8, TCP(burst_segs), 1, 64},
    {"rack", SWITCH_OFF, TCP(no_rack), 0, 1},
    {"tlp", SWITCH_OFF, TCP(no_tail_probe), 0, 1},
    {"eifel", SWITCH_OFF, TCP(no_eifel), 0, 1},
    {"frto", SWITCH_OFF, TCP(no_frto), 0, 1},
    {"dsack_undo", SWITCH_OFF, TCP(no_dsack_undo), 0, 1},
    {"dsack", SWITCH_OFF, TCP(no_dsack), 0, 1},
    {"limited_transmit", SWITCH_OFF, TCP(no_limited_transmit), 0, 1},
    {"prr", SWITCH_OFF, TCP(no_prr), 0, 1},
    {"abc", SWITCH_OFF, TCP(no_abc), 0, 1},
    {"hystart", SWITCH_OFF, TCP(no_hystart), 0, 1},
    {"hystart_limit", NUMBER_8, TCP(hystart_limit), 1, 255},
    {"tail_probe_min", TIME, TCP(tail_probe_min), 1, WEFT_SEC},
    {"pacing", SWITCH_OFF, TCP(no_pacing), 0, 1},
    {"fast_open_losses", NUMBER_8, TCP(fast_open_losses), 1, 255},
    {"answers_delay_acks", SWITCH, TCP(answers_delay_acks), 0, 1},
    {"soft_errors_end_opens", SWITCH, TCP(soft_errors_end_opens), 0, 1},
    {"idle_restart", SWITCH_OFF, TCP(no_idle_restart), 0, 1},
    {"mtu_base", NUMBER_32, TCP(mtu_base), 552, 65535},
};

static const struct word *find_word(const char *name, size_t len)
{
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strlen(words[i].name) == len && memcmp(words[i].name, name, len) == 0)
            return &words[i];
    return NULL;
}

/* What a number's unit multiplies it by, for this kind; 0: there is no such unit. A time has one. */
static uint64_t unit_of(enum kind kind, const char *text, size_t len)
{
    static const struct {
        const char *text;
        bool is_time;
        uint64_t factor;
    } units[] = {{"us", true, 1},    {"ms", true, WEFT_MSEC}, {"s", true, WEFT_SEC},
                 {"k", false, 1024}, {"M", false, 1 << 20},   {"", false, 1}};

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (units[i].is_time == (kind == TIME) && strlen(units[i].text) == len &&
            memcmp(units[i].text, text, len) == 0)
            return units[i].factor;
    return 0;
}

static bool parse_value(const struct word *word, const char *text, size_t len, uint64_t *out)
{
    uint64_t n = 0;
    size_t digits = 0;
    uint64_t unit;

    while (digits < len && digits < 12 && isdigit((unsigned char)text[digits]))
        n = n * 10 + (uint64_t)(text[digits++] - '0');
    unit = unit_of(word->kind, text + digits, len - digits);
    *out = n * unit;
    return digits > 0 && unit > 0 && *out >= word->min && *out <= word->max;
}

static void store(struct settings *s, const struct word *word, uint64_t n)
{
    void *at = (char *)s + word->offset;

    switch (word->kind) {
    case NUMBER_8:
        *(uint8_t *)at = (uint8_t)n;
        break;
    case NUMBER_32:
        *(uint32_t *)at = (uint32_t)n;
        break;
    case TIME:
        *(weft_time *)at = n;
        break;
    case SWITCH:
        *(bool *)at = n != 0;
        break;
    case SWITCH_OFF:
        *(bool *)at = n == 0;
        break;
    }
}

/* --- Profiles ---------------------------------------------------------------------------- */

static bool apply_words(struct settings *s, const char *text);

/* What the scripts of a suite expect where the RFCs leave the choice. */
static const struct {
    const char *name, *words;
} profiles[] = {
    {"linux", "rcvbuf=15M,sndbuf=4M,rto_min=200ms,rto_initial=1s,delack=40ms,iw=10,push_bursts=1,tolerate_"
              "missing_ts=1,answers_delay_acks=1,unconnected_pipe=1,soft_errors_end_opens=1,"
              "fast_open_experimental=1,fast_open_losses=2,hystart_limit=255,write_units=1,tail_probe_min="
              "2ms,shut_rd_reads=1,buffer_tuning=1,buffer_initial=64k"},
    {"freebsd", "rcvbuf=2M,sndbuf=2M,wscale=6,wscale_first=1,rto_min=30ms,rto_initial=1s,delack=40ms,iw=10"},
    {"weft", "iw=10"},
};

static bool apply_profile(struct settings *s, const char *name, size_t len)
{
    for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++)
        if (strlen(profiles[i].name) == len && memcmp(profiles[i].name, name, len) == 0)
            return apply_words(s, profiles[i].words);
    return false;
}

static bool apply_local(struct settings *s, const char *text, size_t len)
{
    char addr[WEFT_ADDR_STRLEN] = "";

    if (len >= sizeof(addr))
        return false;
    memcpy(addr, text, len);
    return weft_addr_parse(addr, &s->local) == 0;
}

static bool apply_record(struct settings *s, const char *text, size_t len)
{
    if (len == 0 || len >= sizeof(s->record))
        return false;
    memcpy(s->record, text, len);
    s->record[len] = 0;
    return true;
}

static bool is_name(const char *name, size_t len, const char *text)
{
    return strlen(text) == len && memcmp(name, text, len) == 0;
}

/* The number of a word in a list that NULL ends; -1: it is none of them. */
static int choice(const char *text, size_t len, const char *const *list)
{
    for (int i = 0; list[i]; i++)
        if (is_name(text, len, list[i]))
            return i;
    return -1;
}

/* The names have static life, which the configuration asks of them. "reno" is what others call NewReno. */
static bool apply_congestion(struct settings *s, const char *text, size_t len)
{
    static const char *const names[] = {"cubic", "bbr", "newreno", "reno", NULL};
    int n = choice(text, len, names);

    if (n >= 0)
        s->tcp.congestion = n == 3 ? names[2] : names[n];
    return n >= 0;
}

/* In the order of enum weft_ecn. */
static bool apply_ecn(struct settings *s, const char *text, size_t len)
{
    static const char *const names[] = {"accept", "ask", "off", NULL};
    int n = choice(text, len, names);

    if (n >= 0)
        s->tcp.ecn = (enum weft_ecn)n;
    return n >= 0;
}

/* In the order of enum weft_mtu_probing. */
static bool apply_mtu_probing(struct settings *s, const char *text, size_t len)
{
    static const char *const names[] = {"black_hole", "always", "off", NULL};
    int n = choice(text, len, names);

    if (n >= 0)
        s->tcp.mtu_probing = (uint8_t)n;
    return n >= 0;
}

/* In the order of enum weft_syn_cookies. */
static bool apply_syn_cookies(struct settings *s, const char *text, size_t len)
{
    static const char *const names[] = {"when_full", "always", "never", NULL};
    int n = choice(text, len, names);

    if (n >= 0)
        s->tcp.syn_cookies = (uint8_t)n;
    return n >= 0;
}

/* Words whose value is no number. */
static const struct {
    const char *name;
    bool (*apply)(struct settings *s, const char *text, size_t len);
} text_words[] = {
    {"profile", apply_profile},         {"local", apply_local}, {"record", apply_record},
    {"congestion", apply_congestion},   {"ecn", apply_ecn},     {"mtu_probing", apply_mtu_probing},
    {"syn_cookies", apply_syn_cookies},
};

static bool apply_word(struct settings *s, const char *name, size_t name_len, const char *value, size_t len)
{
    const struct word *word = find_word(name, name_len);
    uint64_t n;

    for (size_t i = 0; i < sizeof(text_words) / sizeof(text_words[0]); i++)
        if (is_name(name, name_len, text_words[i].name))
            return text_words[i].apply(s, value, len);
    if (!word || !parse_value(word, value, len, &n))
        return false;
    store(s, word, n);
    return true;
}

/* "name=value,name=value"; false, with the word on standard error, when one is wrong. */
static bool apply_words(struct settings *s, const char *text)
{
    while (*text) {
        size_t len = strcspn(text, ",");
        size_t name_len = strcspn(text, "=,");

        if (name_len >= len || !apply_word(s, text, name_len, text + name_len + 1, len - name_len - 1)) {
            fprintf(stderr, "weft: not a setting: \"%.*s\"\n", (int)len, text);
            return false;
        }
        text += len + (text[len] == ',');
    }
    return true;
}

int settings_init(struct settings *s, const char *flags)
{
    const char *mtu = getenv("PACKETDRILL_MTU");
    const char *local = getenv("PACKETDRILL_LOCAL_IP");

    *s = (struct settings){.mtu = DEFAULT_MTU};
    s->tcp.no_buffer_tuning = true; /* they have the sizes that the settings say */
    s->tcp.no_pacing = true;        /* scripts are written for a Linux without the `fq` queue */
    if (mtu)
        apply_word(s, "mtu", 3, mtu, strlen(mtu));
    if (local)
        apply_local(s, local, strlen(local));
    return !flags || apply_words(s, flags) ? 0 : -1;
}

/* --- Knobs ------------------------------------------------------------------------------------ */

/* Names of sysctl, and the word that does the same; the last number of several counts. NULL: it says what weft
 * does anyway, or how the host's own machinery works. */
static const struct {
    const char *name, *word, *unit;
} sysctls[] = {
    {"net.ipv4.tcp_timestamps", "timestamps", ""},
    {"net.ipv4.tcp_sack", "sack", ""},
    {"net.ipv4.tcp_window_scaling", "window_scale", ""},
    {"net.ipv4.tcp_rmem", "rcvbuf", ""},
    {"net.ipv4.tcp_syn_retries", "syn_retries", ""},
    {"net.ipv4.tcp_synack_retries", "syn_ack_retries", ""},
    {"net.ipv4.tcp_retries2", "data_retries", ""},
    {"net.ipv4.tcp_fin_timeout", "fin_wait_2", "s"},
    {"net.ipv4.tcp_keepalive_time", "keepidle", "s"},
    {"net.ipv4.tcp_keepalive_intvl", "keepintvl", "s"},
    {"net.ipv4.tcp_keepalive_probes", "keepcnt", ""},
    {"net.ipv4.tcp_dsack", "dsack", ""},
    {"net.ipv4.tcp_fack", NULL, NULL},
    {"net.ipv4.tcp_early_retrans", "tlp", ""},
    {"net.ipv4.tcp_recovery", "rack", ""},
    {"net.ipv4.tcp_frto", "frto", ""},
    {"net.ipv4.tcp_tso_win_divisor", NULL, NULL},
    {"net.ipv4.tcp_min_tso_segs", "burst_segs", ""},
    {"net.ipv4.tcp_pacing_ss_ratio", NULL, NULL},
    {"net.ipv4.tcp_pacing_ca_ratio", NULL, NULL},
    {"net.ipv4.tcp_ecn_option", NULL, NULL},
    {"net.ipv4.tcp_congestion_control", "congestion", ""},
    {"net.ipv4.tcp_slow_start_after_idle", "idle_restart", ""},
    {"net.ipv4.tcp_base_mss", "mtu_base", ""},
    {"net.inet.tcp.sack.enable", "sack", ""},
    {"net.inet.tcp.tolerate_missing_ts", "tolerate_missing_ts", ""},
    {"net.inet.tcp.rfc1323", "timestamps", ""},
    {"net.inet.tcp.msl", "msl", "ms"},
    {"net.inet.tcp.delacktime", "delack", "ms"},
    {"net.inet.tcp.initcwnd_segments", "iw", ""},
    {"net.inet.tcp.rexmit_min", "rto_min", "ms"},
    {"net.inet.tcp.rexmit_initial", "rto_initial", "ms"},
    {"net.inet.tcp.keepidle", "keepidle", "ms"},
    {"net.inet.tcp.keepintvl", "keepintvl", "ms"},
    {"net.inet.tcp.keepcnt", "keepcnt", ""},
    {"net.inet.tcp.finwait2_timeout", "fin_wait_2", "ms"},
    {"net.inet.tcp.recvspace", "rcvbuf", ""},
    {"net.inet.tcp.sendspace", "sndbuf", ""},
};

static bool is_switch(const char *word)
{
    const struct word *found = find_word(word, strlen(word));

    return found && (found->kind == SWITCH || found->kind == SWITCH_OFF);
}

/* Linux' switches for fast open, all in one number; the higher ones are not weft's. */
static bool apply_fast_open(struct settings *s, const char *value)
{
    unsigned long bits = strtoul(value, NULL, 0);

    s->tcp.no_fast_open_connect = !(bits & 1);
    s->tcp.no_fast_open_listen = !(bits & 2);
    s->tcp.fast_open_send_without_cookie = bits & 4;
    s->tcp.fast_open_take_without_cookie = bits & 0x200;
    s->tcp.fast_open_all_listeners = bits & 0x400;
    return true;
}

/* "a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4": words whose bytes stand in the key lowest first. */
static bool apply_fast_open_key(struct settings *s, const char *value)
{
    unsigned part[4];

    if (sscanf(value, "%x-%x-%x-%x", &part[0], &part[1], &part[2], &part[3]) != 4)
        return false;
    for (unsigned i = 0; i < sizeof(s->fast_open_key); i++)
        s->fast_open_key[i] = (uint8_t)(part[i / 4] >> (8 * (i % 4)));
    s->has_fast_open_key = true;
    return true;
}

/* A number of sysctl that stands for one of several words. */
static bool apply_numbered(struct settings *s, const char *word, const char *value, const char *const *names,
                           unsigned count)
{
    unsigned long n = strtoul(value, NULL, 0);

    return n < count && apply_word(s, word, strlen(word), names[n], strlen(names[n]));
}

static bool apply_ecn_number(struct settings *s, const char *value)
{
    static const char *const names[] = {"off", "ask", "accept"};

    return apply_numbered(s, "ecn", value, names, 3);
}

static bool apply_mtu_probing_number(struct settings *s, const char *value)
{
    static const char *const names[] = {"off", "black_hole", "always"};

    return apply_numbered(s, "mtu_probing", value, names, 3);
}

static bool apply_syn_cookies_number(struct settings *s, const char *value)
{
    static const char *const names[] = {"never", "when_full", "always"};

    return apply_numbered(s, "syn_cookies", value, names, 3);
}

/* Older systems' number of servers whose cookies are kept: 0 forgets them. */
static bool apply_cookies(struct settings *s, const char *value)
{
    s->cookie_flushes += strtoul(value, NULL, 0) == 0;
    return true;
}

/* What TCP_NOTSENT_LOWAT of 0 stands for. */
static bool apply_notsent_lowat(struct settings *s, const char *value)
{
    unsigned long long n = strtoull(value, NULL, 0);

    s->notsent_lowat = n < UINT32_MAX ? (uint32_t)n : 0;
    return true;
}

/* The send buffer's least, first and largest size. The stack has the largest at once; writes go by the first. */
static bool apply_wmem(struct settings *s, const char *value)
{
    unsigned long least, first, most;

    if (sscanf(value, "%lu %lu %lu", &least, &first, &most) != 3 || first < 4096 || first > most ||
        most > 1u << 30)
        return false;
    s->tcp.send_buffer = (uint32_t)most;
    s->write_buffer = (uint32_t)first;
    return true;
}

/* DupThresh: there is but one. */
static bool apply_reordering(struct settings *s, const char *value)
{
    (void)s;
    return strcmp(value, "3") == 0;
}

/* What is more than a number. */
static const struct {
    const char *name;
    bool (*apply)(struct settings *s, const char *value);
} special_knobs[] = {
    {"net.ipv4.tcp_fastopen", apply_fast_open},
    {"net.ipv4.tcp_fastopen_key", apply_fast_open_key},
    {"net.ipv4.tcp_fastopen_cookies", apply_cookies},
    {"net.ipv4.tcp_notsent_lowat", apply_notsent_lowat},
    {"net.ipv4.tcp_wmem", apply_wmem},
    {"net.ipv4.tcp_ecn", apply_ecn_number},
    {"net.ipv4.tcp_mtu_probing", apply_mtu_probing_number},
    {"net.ipv4.tcp_syncookies", apply_syn_cookies_number},
    {"net.ipv4.tcp_reordering", apply_reordering},
};

static bool apply_special(struct settings *s, const char *name, size_t len, const char *value)
{
    for (size_t i = 0; i < sizeof(special_knobs) / sizeof(special_knobs[0]); i++)
        if (is_name(name, len, special_knobs[i].name))
            return special_knobs[i].apply(s, value);
    return false;
}

/* A knob of sysctl: returns false when it is not known, or its value not one of ours. */
static bool apply_sysctl(struct settings *s, const char *name, size_t len, const char *value)
{
    for (size_t i = 0; i < sizeof(sysctls) / sizeof(sysctls[0]); i++) {
        const char *last = value + strlen(value);
        char text[64];

        if (!is_name(name, len, sysctls[i].name))
            continue;
        if (!sysctls[i].word)
            return true;
        while (last > value && !isspace((unsigned char)last[-1]))
            last--;
        if (is_switch(sysctls[i].word))
            last = strtoul(last, NULL, 0) != 0 ? "1" : "0";
        snprintf(text, sizeof(text), "%s%s", last, sysctls[i].unit);
        return apply_word(s, sysctls[i].word, strlen(sysctls[i].word), text, strlen(text));
    }
    return false;
}

void settings_read_knobs(struct settings *s, const char *path, long *complained)
{
    FILE *in = path && *path ? fopen(path, "r") : NULL;
    char line[512];

    while (in && fgets(line, sizeof(line), in)) {
        size_t len = strcspn(line, "=\n");

        if (line[len] != '=')
            continue;
        line[strcspn(line, "\n")] = 0;
        if (is_name(line, len, "forget_cookies")) {
            s->cookie_flushes++;
            continue;
        }
        if (!apply_special(s, line, len, line + len + 1) && !apply_sysctl(s, line, len, line + len + 1) &&
            !apply_word(s, line, len, line + len + 1, strlen(line + len + 1)) && ftell(in) > *complained)
            fprintf(stderr, "weft: knob not known, or not of this value: %s\n", line);
    }
    if (in) {
        *complained = ftell(in);
        fclose(in);
    }
}
