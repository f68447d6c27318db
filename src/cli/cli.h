/* SPDX-License-Identifier: MIT */
/*
 * What the verbs of the `weft` command share: how a verb describes itself, how
 * its options are read, how it speaks to its user, and the link with a stack
 * on it that most verbs begin with.
 *
 * Owns    the command line. A verb is a table (struct cli_verb); reading the
 *         options, the help text and the refusal of what does not exist come
 *         from that table and are the same for all.
 * Never   knows more of weft than what include/weft declares.
 *
 * Every message says what was wrong, where, and what to do about it, in one
 * form: "weft VERB: place: what is wrong; what to do". Results go to standard
 * output, messages to standard error.
 */
#ifndef WEFT_CLI_CLI_H
#define WEFT_CLI_CLI_H

#include <weft/inspect.h>
#include <weft/weft.h>

#include <stdio.h>

/* Exit statuses, as most commands have them. */
enum cli_status {
    CLI_OK = 0,
    CLI_FAILED = 1, /* the work could not be done */
    CLI_USAGE = 2,  /* the command line was wrong */
};

/* What the value of an option is, and what `offset` names in the verb's own structure. */
enum cli_kind {
    CLI_SWITCH, /* bool; no value */
    CLI_NUMBER, /* uint64_t, from min to max */
    CLI_SIZE,   /* uint64_t, bytes from min to max: "512", "64k", "10M", "1G" (powers of 1024) */
    CLI_TIME,   /* weft_time, from min to max: "0.2" or "2s" seconds, "200ms", "50us" */
    CLI_TEXT,   /* const char *, of the command line */
    CLI_ADDR,   /* struct weft_addr */
    CLI_PREFIX, /* struct weft_prefix: address of a host and length of its network */
    CLI_CUSTOM, /* `set` reads it */
};

struct cli;

struct cli_option {
    const char *name; /* without the dashes; NULL ends a table */
    char letter;      /* 0: none */
    enum cli_kind kind;
    const char *argument; /* the value's name in the help; NULL for a switch */
    const char *help;     /* lines separated by \n */
    size_t offset;
    uint64_t min, max;
    /* For CLI_CUSTOM: `own` is the verb's structure, `value` lies in argv and may be cut up. Returns CLI_OK, or CLI_USAGE when it has said why not. */
    int (*set)(struct cli *cli, void *own, char *value);
};

struct cli_verb {
    const char *name;
    const char *summary;  /* one line, lower case, for the list of verbs */
    const char *operands; /* "URL" or "[FILE]"; "" when it takes none */
    const char *text;     /* what it does, for `weft help VERB` */
    const struct cli_option *options;
    unsigned min_operands, max_operands;
    bool has_link;        /* takes the link options too, */
    bool has_tcp;         /* and TCP's; then it has a link */
    const void *defaults; /* its own structure of `own_size` bytes, as it is before options are read */
    size_t own_size;
    /* `own` is its structure with the options read. Returns an exit status. */
    int (*run)(struct cli *cli, const void *own, unsigned operands, char **operand);
};

extern const struct cli_verb cli_serve, cli_get, cli_ping, cli_dump, cli_check, cli_demo, cli_lab, cli_script;

/* The options that all verbs with a link have. */
struct cli_link_options {
    bool link_given;          /* by --link */
    enum weft_link_type type; /* a TAP or a TUN device */
    const char *device;
    struct weft_prefix addr;
    bool addr_given;
    struct weft_addr gateway;     /* "any": none */
    struct weft_prefix host_addr; /* for the kernel's end of the device; "any": leave it alone */
    const char *pcap;             /* NULL: no capture */
    struct weft_impair_config impair;
    bool has_impair;
    uint64_t mtu; /* 0: the device's */
    uint64_t seed;
    bool has_seed;
    bool no_offload;
    bool verbose;
    const char *given; /* the name of one of these, --verbose apart, that the command line has; NULL: none */
};

/* The options that all verbs with TCP connections have; zeros: as the stack has it. */
struct cli_tcp_options {
    struct weft_tcp_config config; /* but for what the next say: */
    uint64_t send_buffer, receive_buffer, initial_window;
    bool fast_open;
};

/* A command that runs. */
struct cli {
    const struct cli_verb *verb;
    struct cli_link_options link;
    struct cli_tcp_options tcp;
};

/* --- Options (options.c) ------------------------------------------------------- */

/*
 * Reads a verb's command line: argv[0] is the verb. Fills cli->link and `own`,
 * which must hold their defaults. Gives the index of the first operand.
 * Returns CLI_OK, CLI_USAGE (it has said why), or -1 when --help was asked for
 * and has been printed.
 */
int cli_options_read(struct cli *cli, int argc, char **argv, void *own, int *first);

/* Prints what `weft help VERB` prints. */
void cli_options_help(const struct cli_verb *verb, FILE *out);

/* The link options before any is read. */
extern const struct cli_link_options cli_link_defaults;

/* TCP's, for the tables of options.c; and what they say, as a configuration of a stack. (tcp.c) */
extern const struct cli_option cli_tcp_table[];
void cli_tcp_config(const struct cli_tcp_options *options, struct weft_tcp_config *config);

/* --- Messages (options.c) ------------------------------------------------------- */

/* Says that the command line is wrong, and where help is. Returns CLI_USAGE. */
int cli_wrong(const struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Says that the work failed. Returns CLI_FAILED. */
int cli_failed(const struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Says something on standard error that the user should know; nothing failed. */
void cli_note(const struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Prints text that came from elsewhere: what could steer a terminal becomes '?'. */
void cli_print_safe(FILE *out, const char *text, size_t len);

/* --- Addresses (options.c) ----------------------------------------------------------- */

/* What an address is that no packet can be sent to as one host's: "a multicast address". NULL: it may be a host's. */
const char *cli_addr_flaw(const struct weft_addr *addr);

/* The same for the address of a host in its network. */
const char *cli_prefix_flaw(const struct weft_prefix *prefix);

/* True when an address is of the IPv4 network that `prefix` is in. */
bool cli_prefix_has(const struct weft_prefix *prefix, const struct weft_addr *addr);

/* --- Keys that authenticate segments (keys.c) ------------------------------------- */

struct cli_keys;

/* Reads the file that --keys names; NULL: none is given. Gives the keys, or NULL. Returns CLI_OK, or CLI_FAILED when it
 * has said why. */
int cli_keys_read(const struct cli *cli, const char *path, struct cli_keys **keys);

/* NULL is allowed. */
void cli_keys_free(struct cli_keys *keys);

/* Those of MD5, which are a stack's. Returns CLI_OK, or CLI_FAILED when it has said why. NULL is allowed. */
int cli_keys_set(const struct cli *cli, const struct cli_keys *keys, struct weft_stack *stack);

/* Those of TCP-AO, which are a socket's: for weft_http_server_config.prepare and its like; `user` is the keys. */
int cli_keys_prepare(void *user, struct weft_sock *sock);

/* --- A link with a stack on it (net.c) -------------------------------------------- */

struct cli_net {
    struct weft_loop *loop;
    struct weft_stack *stack;
    struct weft_link *link; /* the outermost; the loop's */
    int iface;
    struct weft_pcapng *pcapng; /* NULL: no capture */
    uint64_t trace_read;        /* position of --verbose in the trace */
    struct weft_watch signals;  /* SIGINT and SIGTERM stop the loop */
    bool interrupted;
};

/* What a verb may want besides what the options say. All zero: nothing. */
struct cli_net_wishes {
    struct weft_recording *recording;         /* frames and events go there too; must outlive the net */
    const struct weft_tee_observer *observer; /* sees the frames that the stack sends and receives */
    uint32_t trace_records;                   /* 0: a ring only when --verbose or a recording needs one */
    bool no_addr;                             /* the interface gets an address only when --addr was given */
    bool tells_itself;                        /* --verbose is the verb's own business */
};

/*
 * Opens what cli->link describes: the device, impairment and capture around
 * it, a loop that drives a stack, its address and its route. SIGINT and SIGTERM
 * then stop the loop. `wishes` may be NULL.
 * Returns CLI_OK, or CLI_FAILED when it has said why.
 */
int cli_net_open(struct cli *cli, const struct cli_net_wishes *wishes, struct cli_net *net);

/* Runs the loop until it is stopped. Returns CLI_OK, or CLI_FAILED when it has said which link broke. */
int cli_net_run(const struct cli *cli, struct cli_net *net);

/* Closes everything; finishes the capture. May be called on a net that was not opened, all zero. */
void cli_net_close(const struct cli *cli, struct cli_net *net);

/* weft_time 0 in microseconds since 1970, for captures. */
weft_time cli_epoch(void);

#endif
