/* SPDX-License-Identifier: MIT */
/*
 * weft demo: one HTTP request of the kernel's own curl to weft, and its anatomy.
 *
 *     namespace -> device, stack, recording -> meme service on port 80
 *       -> curl POSTs the sample picture -> it is quiet again -> what happened is written
 *       -> with --keep: goes on serving
 *
 * Owns    the order of these steps and the files in the output directory.
 * Never   touches the network of the machine: everything stands in a namespace
 *         of its own, unless --host-netns says otherwise.
 */
#include "cli/cli.h"

#include <weft/http.h>

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "app/meme_compose.h"
#include "app/meme_sample.h"
#include "app/meme_service.h"
#include "cli/netns.h"
#include "cli/relay.h"

#define PORT       80
#define RELAY_PORT 8077 /* on this machine's loopback, with --keep; ours: likely free, easily typed */
#define QUIET      (200 * WEFT_MSEC) /* no frame for so long after curl has ended: the connection is closed */
#define QUIET_MOST (20 * WEFT_SEC)   /* with faults on the wire the last FIN may take its time */

struct options {
    const char *out;
    const char *image;
    const char *top, *bottom;
    bool keep, host_netns;
};

struct demo {
    struct cli *cli;
    const struct options *options;
    struct cli_net net;
    struct weft_recording *recording;
    struct meme_service *meme;
    struct weft_http_server *server;
    struct weft_endpoint endpoint;
    struct weft_watch child; /* a pidfd of curl */
    struct weft_timer quiet;
    pid_t curl;
    int curl_status;
    uint32_t frames_seen;
    weft_time give_up;
    bool is_over;
    pid_t relay;         /* 0: none */
    uint16_t relay_port; /* of the relay */
    bool made_out;       /* the directory was not there before */
    bool wrote;          /* the request has been written, */
    bool asked;          /* and curl has been started */
    bool was_root;
};

static const char *in_out(const struct demo *demo, const char *name, char path[PATH_MAX])
{
    snprintf(path, PATH_MAX, "%s/%s", demo->options->out, name);
    return path;
}

/* --- Before the namespace: files and the door ------------------------------------------------------- */

static int write_file(const struct demo *demo, const char *path, const void *data, size_t len)
{
    FILE *file = fopen(path, "wb");
    bool ok = file && fwrite(data, 1, len, file) == len;

    if (file && fclose(file) != 0)
        ok = false;
    return ok ? CLI_OK : cli_failed(demo->cli, "%s: %s", path, strerror(errno));
}

/* The picture file of --image, whole; *data is to be freed. */
static int read_image(const struct demo *demo, uint8_t **data, size_t *len)
{
    size_t most = meme_options_default().limits.max_image_bytes;
    FILE *file = fopen(demo->options->image, "rb");

    if (!file)
        return cli_failed(demo->cli, "--image: %s: %s", demo->options->image, strerror(errno));
    *data = malloc(most + 1);
    *len = *data ? fread(*data, 1, most + 1, file) : 0;
    fclose(file);
    if (*len > 0 && *len <= most)
        return CLI_OK;
    free(*data);
    *data = NULL;
    return cli_failed(demo->cli, "--image: %s is empty, unreadable or larger than %zu bytes",
                      demo->options->image, most);
}

static int get_image(const struct demo *demo, uint8_t **data, size_t *len)
{
    struct meme_error err;

    if (demo->options->image)
        return read_image(demo, data, len);
    if (!meme_sample(data, len, &err))
        return cli_failed(demo->cli, "the sample picture could not be drawn: %s", err.message);
    return CLI_OK;
}

static int write_request(struct demo *demo)
{
    char path[PATH_MAX], *body;
    uint8_t *image = NULL;
    size_t len = 0;
    int status = get_image(demo, &image, &len);

    if (status != CLI_OK)
        return status;
    body = meme_compose(image, len, demo->options->top, demo->options->bottom);
    free(image);
    if (!body)
        return cli_failed(demo->cli, "the request could not be made: the texts must be UTF-8");
    demo->wrote = true;
    status = write_file(demo, in_out(demo, "request.json", path), body, strlen(body));
    free(body);
    return status;
}

static int make_directory(struct demo *demo)
{
    demo->made_out = mkdir(demo->options->out, 0777) == 0;
    if (demo->made_out || errno == EEXIST)
        return CLI_OK;
    return cli_failed(demo->cli, "--out: %s: %s", demo->options->out, strerror(errno));
}

/* Enters the namespace; with --keep, leaves a door open that was made outside. */
static int enter_namespace(struct demo *demo)
{
    int listener = -1;

    demo->was_root = geteuid() == 0;
    if (demo->options->host_netns)
        return CLI_OK;
    if (demo->options->keep) {
        demo->relay_port = RELAY_PORT;
        listener = relay_listen(&demo->relay_port);
        if (listener < 0)
            return cli_failed(demo->cli, "no port on 127.0.0.1 is free: %s", strerror(errno));
    }
    if (netns_enter_own(demo->cli) != CLI_OK)
        return CLI_FAILED;
    if (listener < 0)
        return CLI_OK;
    demo->relay = relay_start(listener, &demo->endpoint);
    if (demo->relay < 0)
        return cli_failed(demo->cli, "no process for the door from 127.0.0.1: %s", strerror(errno));
    return CLI_OK;
}

/* Nothing has been asked: what was written for it goes again. */
static void remove_request(const struct demo *demo)
{
    char path[PATH_MAX];

    if (demo->wrote)
        unlink(in_out(demo, "request.json", path));
    if (demo->made_out)
        rmdir(demo->options->out);
}

/* --- The server --------------------------------------------------------------------------------------- */

static int64_t wall_clock(void *user)
{
    (void)user;
    return time(NULL);
}

static int start_service(struct demo *demo)
{
    const struct meme_service_config meme = meme_service_config_default();
    struct weft_http_server_config config = {
        .endpoint = demo->endpoint,
        .nroutes = 1,
        .server_name = "weft/" WEFT_VERSION,
        .wall_clock = wall_clock,
    };
    int err = meme_service_new(demo->net.loop, &meme, &demo->meme);

    if (err)
        return cli_failed(demo->cli, "the meme service could not be started: %s", weft_strerror(err));
    config.routes = meme_service_route(demo->meme);
    err = weft_http_server_new(demo->net.stack, &config, &demo->server);
    return err ? cli_failed(demo->cli, "cannot listen: %s", weft_strerror(err)) : CLI_OK;
}

static int start_network(struct demo *demo)
{
    const struct weft_recording_config config = {.epoch = cli_epoch()};
    struct cli_net_wishes wishes = {0};

    if (weft_recording_new(&config, &demo->recording) != 0)
        return cli_failed(demo->cli, "no memory for the recording");
    wishes.recording = demo->recording;
    if (cli_net_open(demo->cli, &wishes, &demo->net) != CLI_OK)
        return CLI_FAILED;
    return start_service(demo);
}

/* --- curl ------------------------------------------------------------------------------------------------ */

/* Looked for first, so that its absence is the only thing told. */
static int find_curl(const struct demo *demo)
{
    const char *dir = getenv("PATH");
    char path[PATH_MAX];

    while (dir && *dir) {
        size_t len = strcspn(dir, ":");

        if (snprintf(path, sizeof(path), "%.*s/curl", (int)len, dir) < PATH_MAX && access(path, X_OK) == 0)
            return CLI_OK;
        dir += len + (dir[len] == ':');
    }
    return cli_failed(demo->cli, "curl is not in PATH; install it: apt-get install curl");
}

/* In the child. The signals that the loop has blocked are curl's again. */
static void run_curl(const struct demo *demo)
{
    char picture[PATH_MAX], request[PATH_MAX + 1] = "@", url[64 + WEFT_ADDR_STRLEN], addr[WEFT_ADDR_STRLEN];
    const char *const argv[] = {
        "curl",
        "--silent",
        "--show-error",
        "--fail-with-body",
        "--max-time",
        "60",
        "--header",
        "Content-Type: application/json",
        "--data-binary",
        request,
        "--output",
        in_out(demo, "meme.jpg", picture),
        "--write-out",
        "curl: %{http_code}, %{content_type}, %{size_download} bytes in %{time_total} s\n",
        url,
        NULL,
    };
    sigset_t none;

    unlink(picture); /* of an earlier run */
    in_out(demo, "request.json", request + 1);
    snprintf(url, sizeof(url), "http://%s/meme", weft_addr_format(&demo->endpoint.addr, addr));
    printf("$ curl -H 'Content-Type: application/json' --data-binary %s -o %s %s\n", request, picture, url);
    fflush(stdout);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execvp(argv[0], (char *const *)argv);
    fprintf(stderr, "weft demo: curl: %s\n", strerror(errno));
    _exit(127);
}

/* Curl has ended; once nothing has passed for a while, so has its connection. */
static void check_quiet(struct weft_timer *timer, weft_time now)
{
    struct demo *demo = timer->user;
    struct weft_recording_summary sum;

    weft_recording_summarize(demo->recording, &sum);
    if (sum.frames == demo->frames_seen || now >= demo->give_up) {
        demo->is_over = true;
        weft_loop_stop(demo->net.loop);
        return;
    }
    demo->frames_seen = sum.frames;
    weft_timer_set(demo->net.stack, timer, now + QUIET);
}

static void curl_ended(struct weft_watch *watch, uint32_t events, weft_time now)
{
    struct demo *demo = watch->user;

    (void)events;
    weft_loop_unwatch(demo->net.loop, watch);
    waitpid(demo->curl, &demo->curl_status, 0);
    demo->curl = 0;
    demo->give_up = now + QUIET_MOST;
    demo->quiet = (struct weft_timer){.fired = check_quiet, .user = demo};
    weft_timer_set(demo->net.stack, &demo->quiet, now + QUIET);
}

static int start_curl(struct demo *demo)
{
    fflush(stdout);
    demo->curl = fork();
    if (demo->curl == 0)
        run_curl(demo);
    if (demo->curl < 0)
        return cli_failed(demo->cli, "no process for curl: %s", strerror(errno));
    demo->child = (struct weft_watch){.fd = (int)syscall(SYS_pidfd_open, demo->curl, 0),
                                      .events = EPOLLIN,
                                      .ready = curl_ended,
                                      .user = demo};
    if (demo->child.fd < 0 || weft_loop_watch(demo->net.loop, &demo->child) != 0)
        return cli_failed(demo->cli, "curl's process cannot be watched: %s", strerror(errno));
    return CLI_OK;
}

/* The request, from the fork to the last frame. */
static int make_request(struct demo *demo)
{
    int status = start_curl(demo);

    demo->asked = demo->curl > 0;
    if (status == CLI_OK)
        status = cli_net_run(demo->cli, &demo->net);
    if (demo->curl > 0) {
        kill(demo->curl, SIGTERM);
        waitpid(demo->curl, NULL, 0);
    }
    if (demo->child.fd > 0)
        close(demo->child.fd);
    if (status == CLI_OK && !demo->is_over)
        return CLI_FAILED; /* interrupted */
    return status;
}

/* --- What happened ------------------------------------------------------------------------------------------ */

static int write_html(const struct demo *demo, const struct weft_inspect_options *inspect)
{
    char path[PATH_MAX];
    FILE *file = fopen(in_out(demo, "anatomy.html", path), "w");
    int err = file ? weft_anatomy_html(file, demo->recording, inspect) : 0;

    if (file && fclose(file) == 0 && !err)
        return CLI_OK;
    return cli_failed(demo->cli, "%s: %s", path, err ? weft_strerror(err) : strerror(errno));
}

static int write_anatomy(const struct demo *demo)
{
    char path[PATH_MAX], why[300];
    struct weft_inspect_options inspect = {
        .title = "Anatomy of one HTTP request", .here = "weft", .there = "Linux"};
    int err;

    weft_recording_poll(demo->recording);
    if (write_html(demo, &inspect) != CLI_OK)
        return CLI_FAILED;
    if (weft_recording_save(demo->recording, in_out(demo, "anatomy.pcapng", path), why, sizeof(why)) != 0)
        return cli_failed(demo->cli, "%s", why);
    inspect.colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
    putchar('\n');
    err = weft_anatomy_text(stdout, demo->recording, &inspect);
    return err ? cli_failed(demo->cli, "the anatomy could not be printed: %s", weft_strerror(err)) : CLI_OK;
}

/* With a status of 400 and more the answer is no picture: the server says what it did not like. */
static void show_refusal(const struct demo *demo)
{
    char path[PATH_MAX], text[1000];
    FILE *file = fopen(in_out(demo, "meme.jpg", path), "r");
    size_t len = file ? fread(text, 1, sizeof(text), file) : 0;

    if (!file)
        return;
    fclose(file);
    unlink(path);
    fputs("weft demo: the server's answer: ", stderr);
    while (len > 0 && text[len - 1] == '\n')
        len--;
    cli_print_safe(stderr, text, len);
    fputc('\n', stderr);
}

#define CURL_REFUSED 22 /* curl(1): the answer's status was 400 or more */

static int report_failure(const struct demo *demo)
{
    int status = WIFEXITED(demo->curl_status) ? WEXITSTATUS(demo->curl_status) : -1;

    if (status == CURL_REFUSED)
        show_refusal(demo);
    return cli_failed(demo->cli, "curl failed (status %d); what passed is in %s/anatomy.html", status,
                      demo->options->out);
}

static int report(const struct demo *demo)
{
    const char *out = demo->options->out;
    int status = write_anatomy(demo);

    if (status != CLI_OK)
        return status;
    if (demo->curl_status != 0)
        return report_failure(demo);
    printf("\n"
           "  %s/meme.jpg        the answer: a picture that came through weft's TCP\n"
           "  %s/anatomy.html    the same anatomy, to click through\n"
           "  %s/anatomy.pcapng  for Wireshark, with weft's decisions as packet comments\n",
           out, out, out);
    fflush(stdout);
    return CLI_OK;
}

/* --- Keeping on ----------------------------------------------------------------------------------------------- */

static void say_where(const struct demo *demo)
{
    char addr[WEFT_ADDR_STRLEN], shell[120];

    weft_addr_format(&demo->endpoint.addr, addr);
    netns_shell_command((int)getpid(), demo->was_root, shell, sizeof(shell));
    if (demo->relay_port)
        printf(
            "\nStill serving, until Ctrl-C. Open\n\n    http://127.0.0.1:%u/\n\n"
            "in a browser: a door into the namespace where weft is http://%s/. To stand there yourself:\n\n"
            "    %s\n",
            demo->relay_port, addr, shell);
    else
        printf("\nStill serving, until Ctrl-C. Open\n\n    http://%s/\n\n", addr);
    fflush(stdout);
}

static int keep_serving(struct demo *demo)
{
    weft_recording_switch(demo->recording, false);
    say_where(demo);
    return cli_net_run(demo->cli, &demo->net);
}

/* --- The verb --------------------------------------------------------------------------------------------------- */

static void close_all(struct demo *demo)
{
    if (demo->relay > 0)
        relay_stop(demo->relay);
    weft_http_server_free(demo->server);
    meme_service_free(demo->meme);
    cli_net_close(demo->cli, &demo->net);
    if (demo->recording)
        weft_recording_free(demo->recording);
}

/* The kernel's end is the first host of weft's network, or the second where weft is the first; one that is given must be on it. */
static int choose_host_addr(struct cli *cli)
{
    const struct weft_prefix *ours = &cli->link.addr;
    struct weft_prefix *host = &cli->link.host_addr;
    char addr[WEFT_PREFIX_STRLEN], host_text[WEFT_PREFIX_STRLEN];
    uint32_t first;

    if (weft_addr_is_any(&host->addr)) {
        first = weft_addr_u32(&ours->addr) & (ours->len ? UINT32_MAX << (32 - ours->len) : 0);
        first += ours->len < 31;
        if (first == weft_addr_u32(&ours->addr))
            first++;
        *host = (struct weft_prefix){
            weft_ip4((uint8_t)(first >> 24), (uint8_t)(first >> 16), (uint8_t)(first >> 8), (uint8_t)first),
            ours->len};
    }
    if (cli_prefix_has(ours, &host->addr) && cli_prefix_has(host, &ours->addr))
        return CLI_OK;
    return cli_wrong(cli, "--addr %s and --host-addr %s are not on one network, so curl would not reach weft",
                     weft_prefix_format(ours, addr), weft_prefix_format(host, host_text));
}

static int run(struct cli *cli, const void *own, unsigned operands, char **operand)
{
    struct demo demo = {.cli = cli, .options = own, .endpoint = {cli->link.addr.addr, PORT}};
    int status = choose_host_addr(cli);

    (void)operands, (void)operand;
    if (status == CLI_OK)
        status = find_curl(&demo);
    if (status == CLI_OK)
        status = make_directory(&demo);
    if (status == CLI_OK)
        status = write_request(&demo);
    if (status == CLI_OK)
        status = enter_namespace(&demo);
    if (status == CLI_OK)
        status = start_network(&demo);
    if (status == CLI_OK)
        status = make_request(&demo);
    if (status == CLI_OK)
        status = report(&demo);
    if (status == CLI_OK && demo.options->keep)
        status = keep_serving(&demo);
    close_all(&demo);
    if (!demo.asked)
        remove_request(&demo);
    return status;
}

static const struct options defaults = {
    .out = "out",
    .top = "One HTTP request",
    .bottom = "through a stack of our own",
};

#define AT(member) offsetof(struct options, member)
static const struct cli_option options[] = {
    {"keep", 'k', CLI_SWITCH, NULL, "goes on serving until Ctrl-C, and says where", AT(keep)},
    {"host-netns", 0, CLI_SWITCH, NULL, "in this machine's network, not a namespace of its own;\nneeds root",
     AT(host_netns)},
    {"out", 0, CLI_TEXT, "DIR", "where the files go; default out", AT(out)},
    {"image", 0, CLI_TEXT, "FILE", "a picture (JPEG, PNG, WebP) instead of our own", AT(image)},
    {"top", 0, CLI_TEXT, "TEXT", "above", AT(top)},
    {"bottom", 0, CLI_TEXT, "TEXT", "and below", AT(bottom)},
    {0},
};
#undef AT

const struct cli_verb cli_demo = {
    .name = "demo",
    .summary = "one HTTP request over weft, taken apart",
    .operands = "",
    .text = "Sets up a TAP device in a network namespace of its own (no root needed), with the Linux\n"
            "kernel on one side and weft on the other; serves the meme service on weft; lets the\n"
            "kernel's curl post a picture to it; prints the anatomy of that request, and writes it as\n"
            "a page and as a capture. The kernel's end (--host-addr) is by default the first address of\n"
            "weft's network, so 10.77.0.1/24.",
    .options = options,
    .min_operands = 0,
    .max_operands = 0,
    .has_link = true,
    .has_tcp = true,
    .defaults = &defaults,
    .own_size = sizeof(defaults),
    .run = run,
};
