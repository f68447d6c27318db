/* SPDX-License-Identifier: MIT */
/*
 * weft get: an HTTP client on weft's TCP.
 *
 * Owns    where the body of the response goes: to standard output or a file,
 *         as fast as that takes it. When it takes no more, nothing more is read
 *         from the connection, and TCP's window tells the server.
 */
#include "cli/cli.h"

#include <weft/http.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_FIELDS    32
#define MAX_REDIRECTS 20 /* as curl has it, less generous than its 50 */
#define READ_BYTES    65536

struct options {
    const char *output;
    const char *method;
    const char *data;   /* a body from the command line */
    const char *upload; /* a body from a file */
    const char *keys;
    struct weft_http_field field[MAX_FIELDS];
    unsigned nfields;
    bool head, include, location, fail;
    weft_time max_time, connect_timeout;
};

struct get {
    const struct cli *cli;
    const struct options *options;
    struct cli_net net;
    struct cli_keys *keys; /* NULL: none */
    struct weft_http_client *client;
    struct weft_http_call *call;
    struct weft_http_url url;
    struct weft_http_source source; /* of --upload-file */
    int upload_fd;
    int out_fd;
    bool out_is_file;         /* always ready, takes any amount */
    bool is_out_watched;      /* waiting until it takes more */
    struct weft_watch output; /* of out_fd, for that */
    unsigned redirects;
    bool redirecting;
    const char *method; /* of the request under way, or of the next */
    bool has_no_body;   /* a redirection has taken the body away */
    bool has_left;      /* a redirection has led to another host or port than the user named */
    int status;
};

/* --- Output --------------------------------------------------------------------------------- */

static int finish(struct get *get, int status)
{
    get->status = status;
    weft_loop_stop(get->net.loop);
    return status;
}

/* True when a write of up to PIPE_BUF bytes will not block: the stack must go on while a reader pauses. */
static bool can_write(const struct get *get)
{
    struct pollfd poll_out = {.fd = get->out_fd, .events = POLLOUT};

    return get->out_is_file || poll(&poll_out, 1, 0) > 0;
}

static bool write_all(struct get *get, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(get->out_fd, data, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            finish(get, cli_failed(get->cli, "%s: %s",
                                   get->options->output ? get->options->output : "standard output",
                                   strerror(errno)));
            return false;
        }
        data += n;
        len -= (size_t)n;
    }
    return true;
}

static void wait_for_output(struct get *get)
{
    if (get->is_out_watched)
        return;
    get->is_out_watched = true;
    if (weft_loop_watch(get->net.loop, &get->output) != 0)
        finish(get, cli_failed(get->cli, "the output cannot be watched"));
}

static void readable(struct weft_http_call *call, void *user)
{
    struct get *get = user;
    char buf[READ_BYTES];
    ptrdiff_t got;

    while (!get->status) {
        if (!get->redirecting && !can_write(get)) {
            wait_for_output(get);
            return;
        }
        got = weft_http_call_read(call, buf, get->out_is_file || get->redirecting ? sizeof(buf) : PIPE_BUF);
        if (got <= 0)
            return; /* nothing yet, or the end, or an error: `done` will tell */
        if (!get->redirecting && !write_all(get, buf, (size_t)got)) {
            weft_http_call_cancel(call);
            get->call = NULL;
            return;
        }
    }
}

static void output_ready(struct weft_watch *watch, uint32_t events, weft_time now)
{
    struct get *get = watch->user;

    (void)events, (void)now;
    weft_loop_unwatch(get->net.loop, watch);
    get->is_out_watched = false;
    readable(get->call, get);
}

static int open_output(struct get *get)
{
    const char *path = get->options->output;
    struct stat info;

    get->out_fd = STDOUT_FILENO;
    if (path && strcmp(path, "-") != 0)
        get->out_fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (get->out_fd < 0)
        return cli_failed(get->cli, "--output: %s: %s", path, strerror(errno));
    get->out_is_file = fstat(get->out_fd, &info) == 0 && S_ISREG(info.st_mode);
    get->output =
        (struct weft_watch){.fd = get->out_fd, .events = EPOLLOUT, .ready = output_ready, .user = get};
    return CLI_OK;
}

/* --- The response ------------------------------------------------------------------------------ */

/* RFC 9110 15.4: whether what comes next is a GET without a body; all else is the same request again. */
static bool becomes_get(const struct get *get, unsigned status)
{
    if (status == 303)
        return strcmp(get->method, "HEAD") != 0;
    return (status == 301 || status == 302) && strcmp(get->method, "POST") == 0;
}

/* A body from a pipe cannot be sent twice. */
static bool can_repeat_body(const struct get *get)
{
    return get->upload_fd < 0 || get->has_no_body || lseek(get->upload_fd, 0, SEEK_SET) == 0;
}

static bool is_redirect(const struct get *get, unsigned status, const char *location)
{
    bool is_one = status == 301 || status == 302 || status == 303 || status == 307 || status == 308;

    return get->options->location && location && is_one && (becomes_get(get, status) || can_repeat_body(get));
}

static int refuse_location(const struct get *get, const char *location)
{
    char *safe = NULL;
    size_t size;
    FILE *out = open_memstream(&safe, &size);

    if (out) {
        cli_print_safe(out, location, strlen(location));
        fclose(out);
    }
    cli_failed(get->cli, "the server sends us to '%s', which is no http URL", safe ? safe : "?");
    free(safe);
    return CLI_FAILED;
}

/* Makes ready for the next request. Returns CLI_OK, or CLI_FAILED when it has said why not. */
static int follow(struct get *get, unsigned status, const char *location)
{
    struct weft_http_url next;

    if (weft_http_url_resolve(&get->url, location, &next) != 0)
        return refuse_location(get, location);
    get->has_left |= next.port != get->url.port || strcmp(next.host, get->url.host) != 0;
    get->url = next;
    if (becomes_get(get, status)) {
        get->method = "GET";
        get->has_no_body = true;
    }
    return CLI_OK;
}

static void print_head(const struct get *get, const struct weft_http_call *call)
{
    struct weft_http_field field;
    FILE *out = get->options->include || get->options->head ? stdout : stderr;

    fprintf(out, "HTTP/1.%u %u ", weft_http_call_minor_version(call), weft_http_call_status(call));
    cli_print_safe(out, weft_http_call_reason(call), strlen(weft_http_call_reason(call)));
    fputc('\n', out);
    for (unsigned i = 0; weft_http_call_field(call, i, &field); i++) {
        fprintf(out, "%s: ", field.name);
        cli_print_safe(out, field.value, strlen(field.value));
        fputc('\n', out);
    }
    fputc('\n', out);
    fflush(out);
}

static void head(struct weft_http_call *call, void *user)
{
    struct get *get = user;
    const char *location = weft_http_call_header(call, "Location");

    get->redirecting = is_redirect(get, weft_http_call_status(call), location);
    if (get->options->include || get->options->head || get->cli->link.verbose)
        print_head(get, call);
    if (get->redirecting && follow(get, weft_http_call_status(call), location) != CLI_OK)
        finish(get, CLI_FAILED);
}

static int start_call(struct get *get);

static void done(struct weft_http_call *call, void *user, int error)
{
    struct get *get = user;
    unsigned status = error ? 0 : weft_http_call_status(call);

    get->call = NULL;
    if (get->status)
        return;
    if (error)
        finish(get, cli_failed(get->cli, "%s: %s", get->url.authority, weft_http_call_why(call)));
    else if (get->redirecting && get->redirects++ >= MAX_REDIRECTS)
        finish(get, cli_failed(get->cli, "sent from one place to the next %d times", MAX_REDIRECTS));
    else if (get->redirecting)
        get->status = start_call(get);
    else if (get->options->fail && status >= 400)
        finish(get, cli_failed(get->cli, "%s: the server answered %u %s", get->url.authority, status,
                               weft_http_reason(status)));
    else
        weft_loop_stop(get->net.loop);
    if (get->status)
        weft_loop_stop(get->net.loop);
}

/* --- The request --------------------------------------------------------------------------------- */

static ptrdiff_t read_upload(struct weft_http_source *source, void *buf, size_t len)
{
    struct get *get = (struct get *)((char *)source - offsetof(struct get, source));
    ssize_t got = read(get->upload_fd, buf, len);

    return got < 0 ? WEFT_E_IO : got;
}

static int open_upload(struct get *get, struct weft_http_request *request)
{
    struct stat info;

    if (!get->options->upload)
        return CLI_OK;
    if (get->upload_fd < 0)
        get->upload_fd = open(get->options->upload, O_RDONLY | O_CLOEXEC);
    if (get->upload_fd < 0 || fstat(get->upload_fd, &info) < 0)
        return cli_failed(get->cli, "--upload-file: %s: %s", get->options->upload, strerror(errno));
    get->source = (struct weft_http_source){.read = read_upload};
    request->source = &get->source;
    request->source_length = S_ISREG(info.st_mode) ? info.st_size : WEFT_HTTP_UNKNOWN;
    return CLI_OK;
}

static const char *first_method(const struct options *options)
{
    if (options->method)
        return options->method;
    if (options->data)
        return "POST";
    if (options->upload)
        return "PUT";
    return options->head ? "HEAD" : "GET";
}

static bool is_one_of(const char *name, const char *const *names)
{
    for (; *names; names++)
        if (strcasecmp(name, *names) == 0)
            return true;
    return false;
}

/* RFC 9110 15.4: what was said for another origin to know stays there, and what was said of a body goes with it. */
static bool is_still_meant(const struct get *get, const char *name)
{
    static const char *const secrets[] = {"Authorization", "Proxy-Authorization", "Cookie", NULL};
    static const char *const of_bodies[] = {"Digest", "Last-Modified", NULL};

    if (get->has_left && is_one_of(name, secrets))
        return false;
    return !get->has_no_body || !(strncasecmp(name, "Content-", 8) == 0 || is_one_of(name, of_bodies));
}

/* Writes the fields to `out`, which has room for all. Returns how many. */
static unsigned choose_fields(const struct get *get, struct weft_http_field *out)
{
    unsigned n = 0;

    for (unsigned i = 0; i < get->options->nfields; i++)
        if (is_still_meant(get, get->options->field[i].name))
            out[n++] = get->options->field[i];
    return n;
}

static int read_host(const struct get *get, struct weft_addr *addr)
{
    if (weft_addr_parse(get->url.host, addr) == 0)
        return CLI_OK;
    return cli_failed(get->cli,
                      "%s: names cannot be looked up yet; give the address, such as http://10.77.0.1/",
                      get->url.host);
}

static int start_call(struct get *get)
{
    static const struct weft_http_call_ops ops = {.head = head, .readable = readable, .done = done};
    const struct options *options = get->options;
    struct weft_http_field fields[MAX_FIELDS];
    struct weft_http_request request = {
        .server.port = get->url.port,
        .method = get->method,
        .host = get->url.authority,
        .target = get->url.target,
        .fields = fields,
        .nfields = choose_fields(get, fields),
        .max_time = options->max_time,
    };
    int err;

    if (read_host(get, &request.server.addr) != CLI_OK)
        return CLI_FAILED;
    if (options->data && !get->has_no_body) {
        request.data = options->data;
        request.data_len = strlen(options->data);
    } else if (!get->has_no_body && open_upload(get, &request) != CLI_OK) {
        return CLI_FAILED;
    }
    err = weft_http_call_start(get->client, &request, &ops, get, &get->call);
    return err ? cli_failed(get->cli, "the request cannot be made: %s", weft_strerror(err)) : CLI_OK;
}

static int begin(struct cli *cli, struct get *get)
{
    struct weft_http_client_config config = {.connect_timeout = get->options->connect_timeout};
    int err, status;

    get->method = first_method(get->options);
    status = cli_keys_read(cli, get->options->keys, &get->keys);
    if (status == CLI_OK)
        status = open_output(get);
    if (status == CLI_OK)
        status = cli_net_open(cli, NULL, &get->net);
    if (status == CLI_OK)
        status = cli_keys_set(cli, get->keys, get->net.stack);
    if (status != CLI_OK)
        return status;
    config.prepare = get->keys ? cli_keys_prepare : NULL;
    config.prepare_user = get->keys;
    err = weft_http_client_new(get->net.stack, &config, &get->client);
    return err ? cli_failed(cli, "no client: %s", weft_strerror(err)) : start_call(get);
}

/* --- The verb --------------------------------------------------------------------------------------- */

static int check_url(const struct cli *cli, struct get *get, const char *text)
{
    int err = weft_http_url_parse(text, &get->url);
    struct weft_addr addr;

    if (err == WEFT_E_OPNOTSUPP)
        return cli_failed(cli, "'%s': only http can be spoken yet, not https or any other scheme", text);
    if (err)
        return cli_wrong(cli, "'%s' is not an http URL such as http://10.77.0.1/index.html", text);
    if (get->options->data && get->options->upload)
        return cli_wrong(cli, "only one of --data and --upload-file can be the body");
    return read_host(get, &addr);
}

static int run(struct cli *cli, const void *own, unsigned operands, char **operand)
{
    struct get get = {.cli = cli, .options = own, .upload_fd = -1, .out_fd = -1};
    int status = check_url(cli, &get, operand[0]);

    (void)operands;
    if (status == CLI_OK)
        status = begin(cli, &get);
    if (status == CLI_OK)
        status = cli_net_run(cli, &get.net);
    if (status == CLI_OK)
        status = get.net.interrupted ? CLI_FAILED : get.status;
    weft_http_client_free(get.client);
    cli_net_close(cli, &get.net);
    cli_keys_free(get.keys);
    if (get.upload_fd >= 0)
        close(get.upload_fd);
    if (get.out_fd > STDERR_FILENO && close(get.out_fd) != 0 && status == CLI_OK)
        status = cli_failed(cli, "--output: %s: %s", get.options->output, strerror(errno));
    return status;
}

static int set_header(struct cli *cli, void *own, char *value)
{
    struct options *options = own;
    char *colon = strchr(value, ':');

    if (!colon)
        return cli_wrong(cli, "--header: '%s' is not of the form 'Name: value'", value);
    if (options->nfields == MAX_FIELDS)
        return cli_wrong(cli, "--header: more than %d of them", MAX_FIELDS);
    *colon = '\0';
    options->field[options->nfields++] =
        (struct weft_http_field){value, colon + 1 + strspn(colon + 1, " \t")};
    return CLI_OK;
}

static const struct options defaults;

#define AT(member) offsetof(struct options, member)
static const struct cli_option options[] = {
    {"output", 'o', CLI_TEXT, "FILE", "for the body; default standard output", AT(output)},
    {"include", 'i', CLI_SWITCH, NULL, "the head of the response, too", AT(include)},
    {"head", 'I', CLI_SWITCH, NULL, "only the head (HEAD)", AT(head)},
    {"location", 'L', CLI_SWITCH, NULL, "goes where the server sends us, at most 20 times", AT(location)},
    {"fail", 'f', CLI_SWITCH, NULL, "a status of 400 and above is a failure", AT(fail)},
    {"header", 'H', CLI_CUSTOM, "NAME: VALUE", "sent with the request; may be given again",
     .set = set_header},
    {"request", 'X', CLI_TEXT, "METHOD", "default GET; POST with --data, PUT with --upload-file", AT(method)},
    {"data", 'd', CLI_TEXT, "TEXT", "sent as the body", AT(data)},
    {"upload-file", 'T', CLI_TEXT, "FILE", "sent as the body", AT(upload)},
    {"max-time", 'm', CLI_TIME, "TIME", "for all of it; default no bound", AT(max_time), WEFT_MSEC,
     86400 * WEFT_SEC},
    {"keys", 0, CLI_TEXT, "FILE", "of TCP-AO and MD5, that authenticate segments", AT(keys)},
    {"connect-timeout", 0, CLI_TIME, "TIME", "default 30 s", AT(connect_timeout), WEFT_MSEC, 3600 * WEFT_SEC},
    {0},
};
#undef AT

const struct cli_verb cli_get = {
    .name = "get",
    .summary = "fetch a URL over HTTP",
    .operands = "URL",
    .text = "Fetches URL over weft's TCP and writes the body to standard output. The host of URL is an\n"
            "address, such as http://10.77.0.1/; names cannot be looked up yet.",
    .options = options,
    .min_operands = 1,
    .max_operands = 1,
    .has_link = true,
    .has_tcp = true,
    .defaults = &defaults,
    .own_size = sizeof(defaults),
    .run = run,
};
