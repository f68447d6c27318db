/* SPDX-License-Identifier: MIT */
/*
 * weft serve: files, the meme service or a sink, over HTTP/1.1.
 *
 * Owns    the choice of what is served, the log, and the numbers that SIGUSR1
 *         asks for.
 */
#include "cli/cli.h"

#include <weft/http.h>

#include <ctype.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "app/meme_service.h"
#include "app/sink.h"

#define GRACE (2 * WEFT_SEC) /* for exchanges under way, after Ctrl-C */

struct options {
    bool meme, sink;
    uint64_t port;
    const char *index;
    bool listing, dotfiles, quiet;
    const char *cache_control;
    const char *keys;
    uint64_t max_body, max_pixels, max_connections, backlog;
    weft_time head_timeout, body_timeout, write_timeout, idle_timeout;
};

struct serve {
    const struct cli *cli;
    const struct options *options;
    struct cli_net net;
    struct cli_keys *keys; /* NULL: none */
    struct weft_http_files *files;
    struct meme_service *meme;
    struct weft_http_route route;
    struct weft_http_server *server;
    struct weft_watch asked; /* SIGUSR1 */
    bool is_stopped;
};

/* --- The log ------------------------------------------------------------------------------ */

static int64_t wall_clock(void *user)
{
    (void)user;
    return time(NULL);
}

static void log_exchange(void *user, const struct weft_http_record *record)
{
    char remote[WEFT_ENDPOINT_STRLEN], when[32];
    time_t now = time(NULL);
    struct tm tm;

    (void)user;
    strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", localtime_r(&now, &tm));
    printf("%s  %s  %s ", when, weft_endpoint_format(&record->remote, remote),
           *record->method ? record->method : "-");
    cli_print_safe(stdout, record->path, strlen(record->path));
    if (record->query) {
        putchar('?');
        cli_print_safe(stdout, record->query, strlen(record->query));
    }
    printf("  %u  %" PRIu64 " bytes%s%s\n", record->status, record->body_bytes, record->detail ? "  " : "",
           record->detail ? record->detail : "");
    fflush(stdout);
}

static void print_number(const char *group, const char *name, uint64_t value)
{
    fprintf(stderr, ", \"%s", group);
    while (*name)
        fputc(tolower((unsigned char)*name++), stderr);
    fprintf(stderr, "\": %" PRIu64, value);
}

/* One line of JSON: for people in need, and for tests. */
static void print_numbers(const struct serve *serve)
{
    const struct weft_stats *stats = weft_stats(serve->net.stack);
    struct weft_http_server_stats http;
    struct weft_pool_usage pool;
    uint64_t drops = 0;

    weft_http_server_stats(serve->server, &http);
    weft_pool_usage(weft_stack_pool(serve->net.stack), &pool);
    for (unsigned i = 0; i < WEFT_DROP_COUNT; i++)
        drops += stats->drop[i];
    fprintf(stderr,
            "{\"connections\": %u, \"accepted\": %" PRIu64 ", \"requests\": %" PRIu64
            ", \"refused\": %" PRIu64 ", \"timeouts\": %" PRIu64 ", \"cut_short\": %" PRIu64
            ", \"pkts_used\": %u, \"small_used\": %u, "
            "\"large_used\": %u, \"pool_exhausted\": %" PRIu64 ", \"drops\": %" PRIu64,
            http.connections, http.accepted, http.requests, http.refused, http.timeouts, http.cut_short,
            pool.pkts_used, pool.small_used, pool.large_used, pool.exhausted, drops);
    for (unsigned i = 0; i < WEFT_DROP_COUNT; i++)
        if (stats->drop[i])
            print_number("drop_", weft_drop_name(i), stats->drop[i]);
    for (unsigned i = 0; i < WEFT_COUNTER_COUNT; i++)
        if (stats->count[i])
            print_number("", weft_counter_name(i), stats->count[i]);
    fprintf(stderr, "}\n");
}

static void asked_for_numbers(struct weft_watch *watch, uint32_t events, weft_time now)
{
    struct signalfd_siginfo info;

    (void)events, (void)now;
    if (read(watch->fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
        print_numbers(watch->user);
}

static int watch_usr1(struct serve *serve)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    serve->asked = (struct weft_watch){
        .fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK),
        .events = EPOLLIN,
        .ready = asked_for_numbers,
        .user = serve,
    };
    if (serve->asked.fd < 0 || weft_loop_watch(serve->net.loop, &serve->asked) != 0)
        return cli_failed(serve->cli, "signals cannot be watched");
    return CLI_OK;
}

/* --- What is served ------------------------------------------------------------------------- */

static int serve_files(struct serve *serve, const char *directory)
{
    const struct weft_http_files_config config = {
        .root = directory,
        .index = serve->options->index,
        .listing = serve->options->listing,
        .dotfiles = serve->options->dotfiles,
        .cache_control = serve->options->cache_control,
    };
    char why[300];

    if (weft_http_files_new(&config, &serve->files, why, sizeof(why)) != 0)
        return cli_failed(serve->cli, "%s", why);
    serve->route = (struct weft_http_route){"/", "GET, HEAD", weft_http_files_handle, serve->files, 0};
    return CLI_OK;
}

static int serve_memes(struct serve *serve)
{
    struct meme_service_config config = meme_service_config_default();
    int err;

    if (serve->options->max_body)
        config.options.limits.max_body_bytes = (size_t)serve->options->max_body;
    if (serve->options->max_pixels)
        config.options.limits.max_pixels = serve->options->max_pixels;
    err = meme_service_new(serve->net.loop, &config, &serve->meme);
    if (err)
        return cli_failed(serve->cli, "the meme service could not be started: %s", weft_strerror(err));
    serve->route = *meme_service_route(serve->meme);
    return CLI_OK;
}

/* Without DIR: what needs the loop. */
static int choose(struct serve *serve)
{
    const struct options *options = serve->options;

    if (serve->files)
        return CLI_OK;
    if (options->meme)
        return serve_memes(serve);
    serve->route = (struct weft_http_route){"/", SINK_METHODS, sink_handle, NULL,
                                            options->max_body ? options->max_body : UINT64_MAX};
    return CLI_OK;
}

static void all_stopped(void *user)
{
    struct serve *serve = user;

    serve->is_stopped = true;
    weft_loop_stop(serve->net.loop);
}

static int start_server(struct serve *serve)
{
    const struct options *options = serve->options;
    const struct weft_http_server_config config = {
        .endpoint = {serve->cli->link.addr.addr, (uint16_t)options->port},
        .backlog = (unsigned)options->backlog,
        .max_connections = (uint32_t)options->max_connections,
        .limits = {.body = options->max_body},
        .timeouts = {.head = options->head_timeout,
                     .body = options->body_timeout,
                     .write = options->write_timeout,
                     .idle = options->idle_timeout},
        .routes = &serve->route,
        .nroutes = 1,
        .server_name = "weft/" WEFT_VERSION,
        .wall_clock = wall_clock,
        .log = options->quiet ? NULL : log_exchange,
        .stopped = all_stopped,
        .stopped_user = serve,
        .prepare = serve->keys ? cli_keys_prepare : NULL,
        .prepare_user = serve->keys,
    };
    char text[WEFT_ENDPOINT_STRLEN];
    int err = weft_http_server_new(serve->net.stack, &config, &serve->server);

    weft_endpoint_format(&config.endpoint, text);
    if (err)
        return cli_failed(serve->cli, "cannot listen on %s: %s", text, weft_strerror(err));
    printf("serving on http://%s/ over %s\n", text, serve->cli->link.device);
    fflush(stdout);
    return CLI_OK;
}

/* --- The end ----------------------------------------------------------------------------------- */

static void too_late(struct weft_timer *timer, weft_time now)
{
    (void)now;
    weft_loop_stop(((struct serve *)timer->user)->net.loop);
}

/* After Ctrl-C: exchanges under way may finish, for a moment; a second Ctrl-C ends that, too. */
static void stop_gracefully(struct serve *serve)
{
    struct weft_timer timer = {.fired = too_late, .user = serve};

    weft_http_server_stop(serve->server);
    if (serve->is_stopped)
        return;
    weft_timer_set(serve->net.stack, &timer, weft_stack_now(serve->net.stack) + GRACE);
    weft_loop_run(serve->net.loop);
    weft_timer_cancel(serve->net.stack, &timer);
}

static void close_all(struct serve *serve)
{
    weft_http_server_free(serve->server);
    weft_http_files_free(serve->files);
    meme_service_free(serve->meme);
    if (serve->asked.fd > 0) {
        weft_loop_unwatch(serve->net.loop, &serve->asked);
        close(serve->asked.fd);
    }
    cli_net_close(serve->cli, &serve->net);
    cli_keys_free(serve->keys);
}

/* --- The verb --------------------------------------------------------------------------------------- */

/* A field's value (RFC 9110 5.5), less what is not text. */
static bool is_field_value(const char *text)
{
    for (const char *c = text; *c; c++)
        if (((unsigned char)*c < 0x20 && *c != '\t') || *c == 0x7f)
            return false;
    return *text != '\0';
}

static int check_file_options(const struct cli *cli, const struct options *options)
{
    const char *index = options->index;

    if (index && (!*index || strchr(index, '/') || strcmp(index, ".") == 0 || strcmp(index, "..") == 0))
        return cli_wrong(cli, "--index: '%s' is not the name of a file; it stands in the directory itself",
                         index);
    if (options->cache_control && !is_field_value(options->cache_control))
        return cli_wrong(cli, "--cache-control: the value is empty or has control characters in it");
    return CLI_OK;
}

static int check(const struct cli *cli, const struct options *options, unsigned operands)
{
    unsigned chosen = operands + options->meme + options->sink;

    if (chosen == 0)
        return cli_wrong(cli, "what is to be served is missing: a DIR, --meme or --sink");
    if (chosen > 1)
        return cli_wrong(cli, "only one of DIR, --meme and --sink can be served");
    if (operands == 0 && (options->index || options->listing || options->dotfiles || options->cache_control))
        return cli_wrong(cli, "--index, --listing, --dotfiles and --cache-control need a DIR");
    if (!options->meme && options->max_pixels)
        return cli_wrong(cli, "--max-pixels needs --meme");
    return check_file_options(cli, options);
}

static int run(struct cli *cli, const void *own, unsigned operands, char **operand)
{
    struct serve serve = {.cli = cli, .options = own};
    int status = check(cli, own, operands);

    if (status == CLI_OK && operands == 1)
        status = serve_files(&serve, operand[0]); /* before a device is made for nothing */
    if (status == CLI_OK)
        status = cli_keys_read(cli, serve.options->keys, &serve.keys);
    if (status == CLI_OK)
        status = cli_net_open(cli, NULL, &serve.net);
    if (status == CLI_OK)
        status = cli_keys_set(cli, serve.keys, serve.net.stack);
    if (status == CLI_OK)
        status = choose(&serve);
    if (status == CLI_OK)
        status = start_server(&serve);
    if (status == CLI_OK)
        status = watch_usr1(&serve);
    if (status == CLI_OK)
        status = cli_net_run(cli, &serve.net);
    if (status == CLI_OK)
        stop_gracefully(&serve);
    close_all(&serve);
    return status;
}

static const struct options defaults = {.port = 80};

#define AT(member) offsetof(struct options, member)
static const struct cli_option options[] = {
    {"meme", 0, CLI_SWITCH, NULL, "the meme service: a page at /, POST /meme", AT(meme)},
    {"sink", 0, CLI_SWITCH, NULL, "answers the size and SHA-256 of what is POSTed, for tests", AT(sink)},
    {"port", 'p', CLI_NUMBER, "PORT", "default 80", AT(port), 1, 65535},
    {"keys", 0, CLI_TEXT, "FILE", "of TCP-AO and MD5, that authenticate segments", AT(keys)},
    {"index", 0, CLI_TEXT, "NAME", "file served for a directory; default index.html", AT(index)},
    {"listing", 0, CLI_SWITCH, NULL, "a directory without it is shown as a list", AT(listing)},
    {"dotfiles", 0, CLI_SWITCH, NULL, "files whose names begin with a dot, too", AT(dotfiles)},
    {"cache-control", 0, CLI_TEXT, "VALUE", "sent with every file; default none", AT(cache_control)},
    {"quiet", 'q', CLI_SWITCH, NULL, "no line for each request", AT(quiet)},
    {"max-body", 0, CLI_SIZE, "BYTES", "of a request; default 24M for --meme, none for --sink", AT(max_body),
     1, (uint64_t)1 << 40},
    {"max-pixels", 0, CLI_NUMBER, "N", "of a picture, with --meme; default 50000000", AT(max_pixels), 1,
     1000000000},
    {"max-connections", 0, CLI_NUMBER, "N", "at once; default 8192", AT(max_connections), 1, 1000000},
    {"backlog", 0, CLI_NUMBER, "N", "connections waiting to be accepted; default 511", AT(backlog), 1, 65535},
    {"head-timeout", 0, CLI_TIME, "TIME", "for the head of a request; default 20 s", AT(head_timeout),
     WEFT_MSEC, 3600 * WEFT_SEC},
    {"body-timeout", 0, CLI_TIME, "TIME", "for the next 1 KiB of a body; default 30 s", AT(body_timeout),
     WEFT_MSEC, 3600 * WEFT_SEC},
    {"write-timeout", 0, CLI_TIME, "TIME", "for the peer to take the next 1 KiB; default 60 s",
     AT(write_timeout), WEFT_MSEC, 3600 * WEFT_SEC},
    {"idle-timeout", 0, CLI_TIME, "TIME", "between requests; default 60 s", AT(idle_timeout), WEFT_MSEC,
     3600 * WEFT_SEC},
    {0},
};
#undef AT

const struct cli_verb cli_serve = {
    .name = "serve",
    .summary = "serve files, the meme service or a sink over HTTP",
    .operands = "[DIR]",
    .text = "Serves the files of DIR, or with --meme the meme service, over HTTP/1.1 on weft's TCP\n"
            "until Ctrl-C. One line for each request goes to standard output. SIGUSR1 prints the\n"
            "counters to standard error, as JSON.",
    .options = options,
    .min_operands = 0,
    .max_operands = 1,
    .has_link = true,
    .has_tcp = true,
    .defaults = &defaults,
    .own_size = sizeof(defaults),
    .run = run,
};
